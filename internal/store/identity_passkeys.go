package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/certwright/certwright/internal/core"
)

// passkeyRow is a row of passkeys.
type passkeyRow struct {
	bun.BaseModel  `bun:"table:passkeys,alias:t"`
	ID             string `bun:"id,pk"`
	Account        string `bun:"account"`
	User           string `bun:"user_id"`
	CredentialID   []byte `bun:"credential_id"`
	PublicKey      []byte `bun:"public_key"`
	Name           string `bun:"name"`
	Host           string `bun:"host"`
	Transports     string `bun:"transports"`
	SignCount      int64  `bun:"sign_count"`
	BackupEligible bool   `bun:"backup_eligible"`
	BackedUp       bool   `bun:"backed_up"`
	ClonedAt       int64  `bun:"cloned_at,nullzero"`
	LastUsed       int64  `bun:"last_used,nullzero"`
	CreatedAt      int64  `bun:"created_at"`
}

const passkeyCols = `t.id, t.account, t.user_id, t.credential_id, t.public_key, t.name, t.host, t.transports, t.sign_count, t.backup_eligible,
	t.backed_up, COALESCE(t.cloned_at, 0), COALESCE(t.last_used, 0), t.created_at`

func (r *passkeyRow) dest() []any {
	return []any{&r.ID, &r.Account, &r.User, &r.CredentialID, &r.PublicKey, &r.Name, &r.Host, &r.Transports, &r.SignCount, &r.BackupEligible,
		&r.BackedUp, &r.ClonedAt, &r.LastUsed, &r.CreatedAt}
}

func (r *passkeyRow) core() (core.Passkey, error) {
	k := core.Passkey{
		ID: core.PasskeyID(r.ID), Account: core.AccountID(r.Account), User: core.UserID(r.User), CredentialID: r.CredentialID, PublicKey: r.PublicKey,
		Name: r.Name, Host: r.Host, SignCount: uint32(r.SignCount), BackupEligible: r.BackupEligible, BackedUp: r.BackedUp,
		ClonedAt: timeAt(r.ClonedAt), LastUsed: timeAt(r.LastUsed), CreatedAt: timeAt(r.CreatedAt),
	}
	var err error
	k.Transports, err = fromJSON[[]string](r.Transports)
	return k, err
}

var passkeyList = &listing[passkeyRow, core.Passkey]{
	table: "passkeys", conv: (*passkeyRow).core,
	cols: []column{
		shown("name", "Name", core.TypeText, "t.name"),
		shown("user", "User", core.TypeID, "t.user_id"),
		shown("host", "Host", core.TypeText, "t.host"),
		col("backed_up", "Backed up", core.TypeBool, "t.backed_up"),
		shown("cloned_at", "Refused since", core.TypeTime, "t.cloned_at"),
		shown("last_used", "Last used", core.TypeTime, "t.last_used"),
		shown("created_at", "Created", core.TypeTime, "t.created_at"),
	},
}

// Passkeys implements identity.Storage.
func (db *DB) Passkeys(ctx context.Context, q core.ListQuery) (core.Page[core.Passkey], error) {
	return passkeyList.page(ctx, db, q)
}

// PasskeyColumns implements identity.Storage.
func (db *DB) PasskeyColumns() []core.Column { return passkeyList.columns() }

// InsertPasskey implements identity.Storage.
func (db *DB) InsertPasskey(ctx context.Context, tx core.Tx, k *core.Passkey) error {
	_, err := in(tx).exec(ctx, `INSERT INTO passkeys (id, account, user_id, credential_id, public_key, name, host, transports, sign_count,
		backup_eligible, backed_up, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, string(k.ID), string(k.Account), string(k.User),
		k.CredentialID, k.PublicKey, k.Name, k.Host, toJSON(k.Transports), int64(k.SignCount), k.BackupEligible, k.BackedUp, micros(k.CreatedAt))
	return exists(err, "this passkey is registered already")
}

// Passkey implements identity.Storage.
func (db *DB) Passkey(ctx context.Context, tx core.Tx, account core.AccountID, id core.PasskeyID) (*core.Passkey, error) {
	return readOne[passkeyRow, core.Passkey](db.rowIn(ctx, tx, "SELECT "+passkeyCols+" FROM passkeys t WHERE t.account = ? AND t.id = ?", string(account), string(id)), "passkey")
}

// PasskeyByCredential implements identity.Storage.
func (db *DB) PasskeyByCredential(ctx context.Context, credential []byte) (*core.Passkey, error) {
	return readOne[passkeyRow, core.Passkey](db.queryRow(ctx, "SELECT "+passkeyCols+" FROM passkeys t WHERE t.credential_id = ?", credential), "passkey")
}

// PasskeysOf implements identity.Storage.
func (db *DB) PasskeysOf(ctx context.Context, user core.UserID) ([]core.Passkey, error) {
	return readAll[passkeyRow, core.Passkey](db.query(ctx, "SELECT "+passkeyCols+" FROM passkeys t WHERE t.user_id = ? ORDER BY t.created_at, t.id", string(user)))
}

// UsePasskey implements identity.Storage.
func (db *DB) UsePasskey(ctx context.Context, tx core.Tx, id core.PasskeyID, from, to uint32, backedUp bool, at time.Time) (bool, error) {
	n, err := rowsChanged(in(tx).exec(ctx, "UPDATE passkeys SET sign_count = ?, backed_up = ?, last_used = ? WHERE id = ? AND sign_count = ? AND cloned_at IS NULL",
		int64(to), backedUp, micros(at), string(id), int64(from)))
	return n == 1, err
}

// RefusePasskey implements identity.Storage.
func (db *DB) RefusePasskey(ctx context.Context, tx core.Tx, id core.PasskeyID, at time.Time) error {
	_, err := in(tx).exec(ctx, "UPDATE passkeys SET cloned_at = ? WHERE id = ? AND cloned_at IS NULL", micros(at), string(id))
	return err
}

// RenamePasskey implements identity.Storage.
func (db *DB) RenamePasskey(ctx context.Context, tx core.Tx, account core.AccountID, id core.PasskeyID, name string) error {
	res, err := in(tx).exec(ctx, "UPDATE passkeys SET name = ? WHERE account = ? AND id = ?", name, string(account), string(id))
	return hit(res, err, "passkey")
}

// DeletePasskey implements identity.Storage.
func (db *DB) DeletePasskey(ctx context.Context, tx core.Tx, account core.AccountID, id core.PasskeyID) error {
	res, err := in(tx).exec(ctx, "DELETE FROM passkeys WHERE account = ? AND id = ?", string(account), string(id))
	return hit(res, err, "passkey")
}

// DeletePasskeys implements identity.Storage.
func (db *DB) DeletePasskeys(ctx context.Context, tx core.Tx, user core.UserID) (int, error) {
	n, err := rowsChanged(in(tx).exec(ctx, "DELETE FROM passkeys WHERE user_id = ?", string(user)))
	return int(n), err
}

// CountPasskeySignIn implements identity.Storage.
func (db *DB) CountPasskeySignIn(ctx context.Context, tx core.Tx, user core.UserID, at time.Time) (bool, error) {
	n, err := rowsChanged(in(tx).exec(ctx, "UPDATE users SET last_sign_in = ? WHERE id = ? AND state = ?", micros(at), string(user), string(core.UserActive)))
	return n == 1, err
}

// SignInPolicy implements identity.Storage.
func (db *DB) SignInPolicy(ctx context.Context, tx core.Tx, account core.AccountID) (*core.SignInPolicy, error) {
	p := &core.SignInPolicy{Account: account}
	var roles string
	var updated int64
	err := db.rowIn(ctx, tx, "SELECT roles, version, updated_at FROM signin_policies WHERE account = ?", string(account)).Scan(&roles, &p.Version, &updated)
	if err := notFound(err, "sign-in policy"); core.Is(err, core.KindNotFound) {
		return p, nil
	} else if err != nil {
		return nil, err
	}
	p.UpdatedAt = timeAt(updated)
	p.Roles, err = fromJSON[[]core.Role](roles)
	return p, err
}

// PutSignInPolicy implements identity.Storage.
func (db *DB) PutSignInPolicy(ctx context.Context, tx core.Tx, p *core.SignInPolicy, from int) (bool, error) {
	if from == 0 {
		n, err := rowsChanged(in(tx).exec(ctx, "INSERT INTO signin_policies (account, roles, version, updated_at) VALUES (?, ?, ?, ?) ON CONFLICT (account) DO NOTHING",
			string(p.Account), toJSON(p.Roles), p.Version, micros(p.UpdatedAt)))
		return n == 1, err
	}
	n, err := rowsChanged(in(tx).exec(ctx, "UPDATE signin_policies SET roles = ?, version = ?, updated_at = ? WHERE account = ? AND version = ?",
		toJSON(p.Roles), p.Version, micros(p.UpdatedAt), string(p.Account), from))
	return n == 1, err
}
