package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
)

// CopySQLite writes a consistent copy of the database file path into the empty
// file to, beside whoever is writing.
func CopySQLite(ctx context.Context, path, to string) error {
	db, err := sql.Open("sqlite", sqliteDSN(path, url.Values{"_pragma": {"busy_timeout(30000)"}}))
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", to)
	return err
}

// EmptyPostgres fails when the database has tables.
func EmptyPostgres(ctx context.Context, dsn string) error {
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return fmt.Errorf("the database URL cannot be read")
	}
	defer db.Close()
	var n int
	err = db.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'public'").Scan(&n)
	if err != nil {
		return err
	}
	if n > 0 {
		return fmt.Errorf("restore goes into an empty database only; this one has %d tables", n)
	}
	return nil
}
