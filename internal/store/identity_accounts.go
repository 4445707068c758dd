package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	sqlite "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/certwright/certwright/internal/core"
)

// rowIn reads one row inside tx, or outside of transactions when tx is nil.
func (db *DB) rowIn(ctx context.Context, tx core.Tx, q string, args ...any) *sql.Row {
	if tx == nil {
		return db.queryRow(ctx, q, args...)
	}
	return in(tx).row(ctx, q, args...)
}

// hit turns a statement that changed no row into not-found.
func hit(res sql.Result, err error, what string) error {
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		return core.Errorf(core.KindNotFound, "there is no such %s", what)
	}
	return err
}

// referenced reports whether err is a violated foreign key.
func referenced(err error) bool {
	var p *pgconn.PgError
	if errors.As(err, &p) {
		return p.Code == "23503"
	}
	var s *sqlite.Error
	return errors.As(err, &s) && s.Code() == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
}

// withinGroups is a condition on a column that holds a group id; nil groups
// mean no condition. Ids stand in the text, so only well-formed ones may.
func withinGroups(expr string, groups []core.GroupID) string {
	if groups == nil {
		return ""
	}
	var in []string
	for _, g := range groups {
		if core.ValidID(g) {
			in = append(in, "'"+string(g)+"'")
		}
	}
	if len(in) == 0 {
		return "1 = 0"
	}
	return expr + " IN (" + strings.Join(in, ", ") + ")"
}

// NextNumber implements identity.Storage.
func (db *DB) NextNumber(ctx context.Context, tx core.Tx, account core.AccountID, kind string, first int64) (n int64, err error) {
	err = in(tx).row(ctx, `INSERT INTO counters (account, kind, value) VALUES (?, ?, ?)
		ON CONFLICT (account, kind) DO UPDATE SET value = counters.value + 1 RETURNING value`, string(account), kind, first).Scan(&n)
	return n, err
}

// InsertAccount implements identity.Storage.
func (db *DB) InsertAccount(ctx context.Context, tx core.Tx, a *core.Account) error {
	_, err := in(tx).exec(ctx, "INSERT INTO accounts (id, number, name, created_at) VALUES (?, ?, ?, ?)",
		string(a.ID), a.Number, a.Name, micros(a.CreatedAt))
	return exists(err, "the account exists already")
}

// RenameAccount implements identity.Storage.
func (db *DB) RenameAccount(ctx context.Context, tx core.Tx, id core.AccountID, name string) error {
	res, err := in(tx).exec(ctx, "UPDATE accounts SET name = ? WHERE id = ?", name, string(id))
	return hit(res, err, "account")
}

const accountCols = "SELECT id, number, name, created_at FROM accounts "

func scanAccount(row interface{ Scan(...any) error }) (*core.Account, error) {
	var a core.Account
	var at int64
	if err := row.Scan(&a.ID, &a.Number, &a.Name, &at); err != nil {
		return nil, notFound(err, "account")
	}
	a.CreatedAt = timeAt(at)
	return &a, nil
}

// Account implements identity.Storage.
func (db *DB) Account(ctx context.Context, id core.AccountID) (*core.Account, error) {
	return scanAccount(db.queryRow(ctx, accountCols+"WHERE id = ?", string(id)))
}

// AccountByNumber implements identity.Storage.
func (db *DB) AccountByNumber(ctx context.Context, number int64) (*core.Account, error) {
	if number == 0 {
		return scanAccount(db.queryRow(ctx, accountCols+"ORDER BY number LIMIT 1"))
	}
	return scanAccount(db.queryRow(ctx, accountCols+"WHERE number = ?", number))
}

// Accounts implements identity.Storage.
func (db *DB) Accounts(ctx context.Context) ([]core.Account, error) {
	rows, err := db.query(ctx, accountCols+"ORDER BY number")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []core.Account
	for rows.Next() {
		a, err := scanAccount(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, *a)
	}
	return out, rows.Err()
}

// AnyAccount implements identity.Storage.
func (db *DB) AnyAccount(ctx context.Context, tx core.Tx) (any bool, err error) {
	err = in(tx).row(ctx, "SELECT EXISTS (SELECT 1 FROM accounts)").Scan(&any)
	return any, err
}

// LockAccount implements identity.Storage: a row that is written is locked
// until the transaction ends, on every engine.
func (db *DB) LockAccount(ctx context.Context, tx core.Tx, id core.AccountID) error {
	res, err := in(tx).exec(ctx, "UPDATE accounts SET name = name WHERE id = ?", string(id))
	return hit(res, err, "account")
}
