package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// Whether user t needs more than a password, what he has beside it, and which
// roles of his account need one.
const (
	hasTOTP      = `EXISTS (SELECT 1 FROM totp f WHERE f.user_id = t.id AND f.confirmed_at IS NOT NULL)`
	hasPasskey   = `EXISTS (SELECT 1 FROM passkeys k WHERE k.user_id = t.id)`
	secondFactor = `(` + hasTOTP + ` OR ` + hasPasskey + `)`
	factors      = `(CASE WHEN ` + hasTOTP + ` THEN '"totp"' ELSE '' END || CASE WHEN ` + hasPasskey + ` THEN '"passkey"' ELSE '' END)`
	dueRoles     = `COALESCE((SELECT y.roles FROM signin_policies y WHERE y.account = t.account), '[]')`
)

// TOTP implements identity.Storage.
func (db *DB) TOTP(ctx context.Context, tx core.Tx, user core.UserID) (*core.TOTP, error) {
	f := &core.TOTP{User: user}
	var confirmed, created int64
	err := db.rowIn(ctx, tx, "SELECT account, secret_sealed, COALESCE(confirmed_at, 0), last_step, created_at FROM totp WHERE user_id = ?", string(user)).
		Scan((*string)(&f.Account), &f.SecretSealed, &confirmed, &f.LastStep, &created)
	if err != nil {
		return nil, notFound(err, "second factor")
	}
	f.ConfirmedAt, f.CreatedAt = timeAt(confirmed), timeAt(created)
	return f, nil
}

// PutTOTP implements identity.Storage.
func (db *DB) PutTOTP(ctx context.Context, tx core.Tx, f *core.TOTP) error {
	res, err := in(tx).exec(ctx, `INSERT INTO totp (user_id, account, secret_sealed, last_step, created_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (user_id) DO UPDATE SET secret_sealed = excluded.secret_sealed, last_step = excluded.last_step, created_at = excluded.created_at
		WHERE totp.confirmed_at IS NULL`, string(f.User), string(f.Account), f.SecretSealed, f.LastStep, micros(f.CreatedAt))
	if n, err := rowsChanged(res, err); err != nil || n == 1 {
		return err
	}
	return core.Errorf(core.KindConflict, "codes of an app are asked for already")
}

// ConfirmTOTP implements identity.Storage.
func (db *DB) ConfirmTOTP(ctx context.Context, tx core.Tx, user core.UserID, step int64, at time.Time) (bool, error) {
	n, err := rowsChanged(in(tx).exec(ctx, "UPDATE totp SET confirmed_at = ?, last_step = ? WHERE user_id = ? AND confirmed_at IS NULL", micros(at), step, string(user)))
	return n == 1, err
}

// UseTOTPStep implements identity.Storage.
func (db *DB) UseTOTPStep(ctx context.Context, tx core.Tx, user core.UserID, step int64) (bool, error) {
	n, err := rowsChanged(in(tx).exec(ctx, "UPDATE totp SET last_step = ? WHERE user_id = ? AND confirmed_at IS NOT NULL AND last_step < ?", step, string(user), step))
	return n == 1, err
}

// DeleteTOTP implements identity.Storage.
func (db *DB) DeleteTOTP(ctx context.Context, tx core.Tx, user core.UserID) (bool, error) {
	n, err := rowsChanged(in(tx).exec(ctx, "DELETE FROM totp WHERE user_id = ?", string(user)))
	return n == 1, err
}

// SetRecoveryCodes implements identity.Storage.
func (db *DB) SetRecoveryCodes(ctx context.Context, tx core.Tx, user core.UserID, hashes [][]byte) error {
	if _, err := in(tx).exec(ctx, "DELETE FROM recovery_codes WHERE user_id = ?", string(user)); err != nil {
		return err
	}
	for _, h := range hashes {
		if _, err := in(tx).exec(ctx, "INSERT INTO recovery_codes (user_id, code_hash) VALUES (?, ?)", string(user), h); err != nil {
			return err
		}
	}
	return nil
}

// UseRecoveryCode implements identity.Storage.
func (db *DB) UseRecoveryCode(ctx context.Context, tx core.Tx, user core.UserID, hash []byte, at time.Time) (bool, error) {
	n, err := rowsChanged(in(tx).exec(ctx, "UPDATE recovery_codes SET used_at = ? WHERE user_id = ? AND code_hash = ? AND used_at IS NULL", micros(at), string(user), hash))
	return n == 1, err
}

// RecoveryCodesLeft implements identity.Storage.
func (db *DB) RecoveryCodesLeft(ctx context.Context, user core.UserID) (n int, err error) {
	err = db.queryRow(ctx, "SELECT COUNT(*) FROM recovery_codes WHERE user_id = ? AND used_at IS NULL", string(user)).Scan(&n)
	return n, away(err)
}

// InsertSignInState implements identity.Storage.
func (db *DB) InsertSignInState(ctx context.Context, tx core.Tx, s *core.SignInState) error {
	_, err := in(tx).exec(ctx, "INSERT INTO signin_states (secret_hash, kind, account, user_id, data, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
		s.SecretHash, s.Kind, string(s.Account), string(s.User), s.Data, micros(s.ExpiresAt))
	return err
}

// SignInState implements identity.Storage.
func (db *DB) SignInState(ctx context.Context, tx core.Tx, kind string, hash []byte, now time.Time) (*core.SignInState, error) {
	s := &core.SignInState{SecretHash: hash, Kind: kind}
	var expires int64
	err := db.rowIn(ctx, tx, "SELECT account, user_id, data, expires_at FROM signin_states WHERE secret_hash = ? AND kind = ? AND expires_at > ?", hash, kind, micros(now)).
		Scan((*string)(&s.Account), (*string)(&s.User), &s.Data, &expires)
	if err != nil {
		return nil, notFound(err, "sign-in")
	}
	s.ExpiresAt = timeAt(expires)
	return s, nil
}

// TakeSignInState implements identity.Storage.
func (db *DB) TakeSignInState(ctx context.Context, tx core.Tx, hash []byte) (bool, error) {
	n, err := rowsChanged(in(tx).exec(ctx, "DELETE FROM signin_states WHERE secret_hash = ?", hash))
	return n == 1, err
}

// DropSignInStates implements identity.Storage.
func (db *DB) DropSignInStates(ctx context.Context, tx core.Tx, user core.UserID) error {
	_, err := in(tx).exec(ctx, "DELETE FROM signin_states WHERE user_id = ?", string(user))
	return err
}

// PurgeSignInStates implements identity.Storage.
func (db *DB) PurgeSignInStates(ctx context.Context, tx core.Tx, now time.Time) error {
	_, err := in(tx).exec(ctx, "DELETE FROM signin_states WHERE expires_at <= ?", micros(now))
	return err
}

// rowsChanged is how many rows a statement changed.
func rowsChanged(res sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}
