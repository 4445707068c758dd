package store

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"testing/fstest"
	"time"

	"github.com/pressly/goose/v3"
)

//go:embed migrations
var migrations embed.FS

// Migrate brings the schema to the newest version. The texts under
// migrations/common parse on both engines; what only one engine has stands
// under its own name. Migrations only add, so that the version before still
// works beside the new one.
func (db *DB) Migrate(ctx context.Context) error {
	files := fstest.MapFS{}
	for _, dir := range []string{"migrations/common", "migrations/" + string(db.dialect)} {
		entries, err := fs.ReadDir(migrations, dir)
		if err != nil {
			continue // no texts for this engine alone
		}
		for _, e := range entries {
			data, err := migrations.ReadFile(dir + "/" + e.Name())
			if err != nil {
				return err
			}
			files[e.Name()] = &fstest.MapFile{Data: data, Mode: 0o444}
		}
	}
	d := goose.DialectSQLite3
	if db.dialect == Postgres {
		d = goose.DialectPostgres
	}
	p, err := goose.NewProvider(d, db.write.DB, files, goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return err
	}
	// Each step is a transaction that also records its number. Of processes that
	// start together one wins each step; the others fail on what it made, look
	// again and go on behind it.
	for range len(files) + 5 {
		if _, err = p.Up(ctx); err == nil {
			if db.dialect == Postgres {
				err = db.makeTrigrams(ctx)
			}
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return fmt.Errorf("migrate the database: %w", err)
}
