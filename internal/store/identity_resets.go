package store

import (
	"context"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// InsertReset implements identity.Storage.
func (db *DB) InsertReset(ctx context.Context, tx core.Tx, r *core.PasswordReset) error {
	var user any
	if r.User != "" {
		user = string(r.User)
	}
	_, err := in(tx).exec(ctx, "INSERT INTO password_resets (id, account, user_id, login_hash, address, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
		string(r.ID), string(r.Account), user, r.LoginHash, r.Address, micros(r.CreatedAt), micros(r.ExpiresAt))
	return err
}

// CountResets implements identity.Storage.
func (db *DB) CountResets(ctx context.Context, tx core.Tx, login []byte, address string, since time.Time) (byLogin, byAddress int, err error) {
	err = in(tx).row(ctx, `SELECT (SELECT COUNT(*) FROM password_resets WHERE login_hash = ? AND created_at > ?),
		(SELECT COUNT(*) FROM password_resets WHERE address = ? AND created_at > ?)`, login, micros(since), address, micros(since)).Scan(&byLogin, &byAddress)
	return byLogin, byAddress, err
}

const resetCols = "SELECT id, account, COALESCE(user_id, ''), created_at, expires_at FROM password_resets WHERE "

// Reset implements identity.Storage.
func (db *DB) Reset(ctx context.Context, id core.ResetID) (*core.PasswordReset, error) {
	return scanReset(db.queryRow(ctx, resetCols+"id = ?", string(id)))
}

// ResetBySecret implements identity.Storage.
func (db *DB) ResetBySecret(ctx context.Context, hash []byte, now time.Time) (*core.PasswordReset, error) {
	return scanReset(db.queryRow(ctx, resetCols+"secret_hash = ? AND user_id IS NOT NULL AND expires_at > ?", hash, micros(now)))
}

func scanReset(row interface{ Scan(...any) error }) (*core.PasswordReset, error) {
	r := &core.PasswordReset{}
	var created, expires int64
	if err := row.Scan((*string)(&r.ID), (*string)(&r.Account), (*string)(&r.User), &created, &expires); err != nil {
		return nil, notFound(err, "link")
	}
	r.CreatedAt, r.ExpiresAt = timeAt(created), timeAt(expires)
	return r, nil
}

// SetResetSecret implements identity.Storage.
func (db *DB) SetResetSecret(ctx context.Context, tx core.Tx, id core.ResetID, hash []byte) (bool, error) {
	n, err := rowsChanged(in(tx).exec(ctx, "UPDATE password_resets SET secret_hash = ? WHERE id = ? AND user_id IS NOT NULL", hash, string(id)))
	return n == 1, err
}

// TakeReset implements identity.Storage.
func (db *DB) TakeReset(ctx context.Context, tx core.Tx, hash []byte, now time.Time) (bool, error) {
	n, err := rowsChanged(in(tx).exec(ctx, "UPDATE password_resets SET secret_hash = NULL, user_id = NULL WHERE secret_hash = ? AND expires_at > ?", hash, micros(now)))
	return n == 1, err
}

// DropResets implements identity.Storage.
func (db *DB) DropResets(ctx context.Context, tx core.Tx, user core.UserID) error {
	_, err := in(tx).exec(ctx, "UPDATE password_resets SET secret_hash = NULL, user_id = NULL WHERE user_id = ?", string(user))
	return err
}

// PurgeResets implements identity.Storage.
func (db *DB) PurgeResets(ctx context.Context, tx core.Tx, before time.Time) error {
	_, err := in(tx).exec(ctx, "DELETE FROM password_resets WHERE created_at <= ?", micros(before))
	return err
}
