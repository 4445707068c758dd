package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/certwright/certwright/internal/core"
)

// providerRow is a row of signin_providers.
type providerRow struct {
	bun.BaseModel `bun:"table:signin_providers,alias:t"`
	ID            string `bun:"id,pk"`
	Account       string `bun:"account"`
	Label         string `bun:"label"`
	Name          string `bun:"name"`
	Kind          string `bun:"kind"`
	Enabled       bool   `bun:"enabled"`
	Config        string `bun:"config"`
	Secrets       []byte `bun:"secrets_sealed"`
	Version       int    `bun:"version"`
	CreatedAt     int64  `bun:"created_at"`
	UpdatedAt     int64  `bun:"updated_at"`
}

const providerCols = "t.id, t.account, t.label, t.name, t.kind, t.enabled, t.config, t.secrets_sealed, t.version, t.created_at, t.updated_at"

func (r *providerRow) dest() []any {
	return []any{&r.ID, &r.Account, &r.Label, &r.Name, &r.Kind, &r.Enabled, &r.Config, &r.Secrets, &r.Version, &r.CreatedAt, &r.UpdatedAt}
}

func (r *providerRow) core() (core.SignInProvider, error) {
	p := core.SignInProvider{ID: core.ProviderID(r.ID), Account: core.AccountID(r.Account), Label: r.Label, Name: r.Name, Kind: core.ProviderKind(r.Kind),
		Enabled: r.Enabled, HasSecret: len(r.Secrets) > 0, SecretsSealed: r.Secrets, Version: r.Version, CreatedAt: timeAt(r.CreatedAt), UpdatedAt: timeAt(r.UpdatedAt)}
	var err error
	p.Config, err = fromJSON[core.ProviderConfig](r.Config)
	return p, err
}

func providerList() *listing[providerRow, core.SignInProvider] {
	return &listing[providerRow, core.SignInProvider]{
		table: "signin_providers",
		conv: func(r *providerRow) (core.SignInProvider, error) {
			p, err := r.core()
			p.SecretsSealed = nil // no list needs them
			return p, err
		},
		cols: []column{
			col("id", "Id", core.TypeID, "t.id"),
			shown("name", "Name", core.TypeText, "t.name"),
			shown("label", "Label", core.TypeText, "t.label"),
			choice("kind", "Kind", "t.kind", core.ProviderKinds...),
			shown("enabled", "Enabled", core.TypeBool, "t.enabled"),
			col("created_at", "Created", core.TypeTime, "t.created_at"),
			shown("updated_at", "Changed", core.TypeTime, "t.updated_at"),
		},
	}
}

// InsertSignInProvider implements federation.Storage.
func (db *DB) InsertSignInProvider(ctx context.Context, tx core.Tx, p *core.SignInProvider) error {
	_, err := in(tx).exec(ctx, `INSERT INTO signin_providers (id, account, label, name, kind, enabled, config, secrets_sealed, version, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, string(p.ID), string(p.Account), p.Label, p.Name, string(p.Kind), p.Enabled, toJSON(p.Config),
		nullBytes(p.SecretsSealed), p.Version, micros(p.CreatedAt), micros(p.UpdatedAt))
	return taken(err, "label", "there is a sign-in provider %q already", p.Label)
}

// UpdateSignInProvider implements federation.Storage.
func (db *DB) UpdateSignInProvider(ctx context.Context, tx core.Tx, p *core.SignInProvider) error {
	r, err := in(tx).exec(ctx, `UPDATE signin_providers SET name = ?, enabled = ?, config = ?, secrets_sealed = ?, version = ?, updated_at = ?
		WHERE account = ? AND id = ? AND version = ?`, p.Name, p.Enabled, toJSON(p.Config), nullBytes(p.SecretsSealed), p.Version, micros(p.UpdatedAt),
		string(p.Account), string(p.ID), p.Version-1)
	return changed(r, err, "sign-in provider")
}

// DeleteSignInProvider implements federation.Storage.
func (db *DB) DeleteSignInProvider(ctx context.Context, tx core.Tx, account core.AccountID, id core.ProviderID) error {
	r, err := in(tx).exec(ctx, "DELETE FROM signin_providers WHERE account = ? AND id = ?", string(account), string(id))
	return hit(r, err, "sign-in provider")
}

func (db *DB) provider(ctx context.Context, tx core.Tx, where string, args ...any) (*core.SignInProvider, error) {
	return readOne[providerRow, core.SignInProvider](db.rowIn(ctx, tx, "SELECT "+providerCols+" FROM signin_providers t WHERE "+where, args...), "sign-in provider")
}

// SignInProvider implements federation.Storage and identity.Storage.
func (db *DB) SignInProvider(ctx context.Context, tx core.Tx, account core.AccountID, id core.ProviderID) (*core.SignInProvider, error) {
	return db.provider(ctx, tx, "t.account = ? AND t.id = ?", string(account), string(id))
}

// SignInProviderByLabel implements federation.Storage.
func (db *DB) SignInProviderByLabel(ctx context.Context, account core.AccountID, label string) (*core.SignInProvider, error) {
	return db.provider(ctx, nil, "t.account = ? AND t.label = ?", string(account), label)
}

// EnabledSignInProviders implements federation.Storage.
func (db *DB) EnabledSignInProviders(ctx context.Context, account core.AccountID) ([]*core.SignInProvider, error) {
	return each(readAll[providerRow, core.SignInProvider](db.query(ctx, "SELECT "+providerCols+" FROM signin_providers t WHERE t.account = ? AND t.enabled ORDER BY t.name, t.id", string(account))))
}

// SignInProviders implements federation.Storage.
func (db *DB) SignInProviders(ctx context.Context, q core.ListQuery) (core.Page[core.SignInProvider], error) {
	return providerList().page(ctx, db, q)
}

// SignInProviderColumns implements federation.Storage.
func (db *DB) SignInProviderColumns() []core.Column { return providerList().columns() }

// DropProvided implements federation.Storage.
func (db *DB) DropProvided(ctx context.Context, tx core.Tx, account core.AccountID, provider core.ProviderID) error {
	users, err := db.usersIn(ctx, tx, "WHERE t.account = ? AND t.grants LIKE ?", string(account), `%"provider":"`+string(provider)+`"%`)
	if err != nil {
		return err
	}
	for _, u := range users {
		keep := slices.DeleteFunc(u.Grants, func(g core.Grant) bool { return g.Provider == provider })
		if _, err := in(tx).exec(ctx, "UPDATE users SET grants = ? WHERE id = ?", toJSON(keep), string(u.ID)); err != nil {
			return err
		}
	}
	_, err = in(tx).exec(ctx, "DELETE FROM group_members WHERE account = ? AND provider = ?", string(account), string(provider))
	return err
}

// EndProvidedSessions implements federation.Storage.
func (db *DB) EndProvidedSessions(ctx context.Context, tx core.Tx, account core.AccountID, provider core.ProviderID, except core.SessionID) (int, error) {
	n, err := rowsChanged(in(tx).exec(ctx, `DELETE FROM sessions WHERE account = ? AND id <> ?
		AND user_id IN (SELECT user_id FROM external_identities WHERE provider = ?)`, string(account), string(except), string(provider)))
	return int(n), err
}

// UseAssertion implements federation.Storage.
func (db *DB) UseAssertion(ctx context.Context, tx core.Tx, hash []byte, expires time.Time) (bool, error) {
	n, err := rowsChanged(in(tx).exec(ctx, "INSERT INTO used_assertions (assertion_hash, expires_at) VALUES (?, ?) ON CONFLICT (assertion_hash) DO NOTHING", hash, micros(expires)))
	return n == 1, err
}

// PurgeAssertions implements federation.Storage.
func (db *DB) PurgeAssertions(ctx context.Context, tx core.Tx, now time.Time) error {
	_, err := in(tx).exec(ctx, "DELETE FROM used_assertions WHERE expires_at <= ?", micros(now))
	return err
}

// ExternalUser implements identity.Storage.
func (db *DB) ExternalUser(ctx context.Context, tx core.Tx, account core.AccountID, provider core.ProviderID, subject string) (*core.User, error) {
	return readOne[userRow, core.User](db.rowIn(ctx, tx, "SELECT "+userCols+` FROM users t JOIN external_identities e ON e.user_id = t.id
		WHERE e.account = ? AND e.provider = ? AND e.subject = ?`, string(account), string(provider), subject), "user")
}

// UserByLoginIn implements identity.Storage.
func (db *DB) UserByLoginIn(ctx context.Context, tx core.Tx, account core.AccountID, login string) (*core.User, error) {
	return readOne[userRow, core.User](db.rowIn(ctx, tx, "SELECT "+userCols+" FROM users t WHERE t.account = ? AND t.login = ?", string(account), login), "user")
}

// UserByEmail implements identity.Storage.
func (db *DB) UserByEmail(ctx context.Context, tx core.Tx, account core.AccountID, email string) (*core.User, error) {
	users, err := db.usersIn(ctx, tx, "WHERE t.account = ? AND lower(t.email) = ? LIMIT 2", string(account), strings.ToLower(email))
	if err != nil {
		return nil, err
	}
	if len(users) != 1 {
		return nil, core.Errorf(core.KindNotFound, "there is no such user")
	}
	return users[0], nil
}

// LinkIdentity implements identity.Storage.
func (db *DB) LinkIdentity(ctx context.Context, tx core.Tx, i *core.ExternalIdentity) error {
	_, err := in(tx).exec(ctx, "INSERT INTO external_identities (provider, subject, account, user_id, login, linked_at, last_sign_in) VALUES (?, ?, ?, ?, ?, ?, ?)",
		string(i.Provider), i.Subject, string(i.Account), string(i.User), i.Login, micros(i.LinkedAt), nullMicros(i.LastSignIn))
	return taken(err, "subject", "somebody is linked to this subject already")
}

// UseIdentity implements identity.Storage.
func (db *DB) UseIdentity(ctx context.Context, tx core.Tx, i *core.ExternalIdentity) error {
	r, err := in(tx).exec(ctx, "UPDATE external_identities SET login = ?, last_sign_in = ? WHERE provider = ? AND subject = ?",
		i.Login, micros(i.LastSignIn), string(i.Provider), i.Subject)
	return hit(r, err, "external identity")
}

// UnlinkIdentity implements identity.Storage.
func (db *DB) UnlinkIdentity(ctx context.Context, tx core.Tx, account core.AccountID, user core.UserID, provider core.ProviderID, subject string) error {
	r, err := in(tx).exec(ctx, "DELETE FROM external_identities WHERE account = ? AND user_id = ? AND provider = ? AND subject = ?",
		string(account), string(user), string(provider), subject)
	return hit(r, err, "external identity")
}

// Identities implements identity.Storage.
func (db *DB) Identities(ctx context.Context, tx core.Tx, account core.AccountID, user core.UserID) ([]core.ExternalIdentity, error) {
	const q = `SELECT e.provider, p.name, e.subject, e.account, e.user_id, e.login, e.linked_at, COALESCE(e.last_sign_in, 0)
		FROM external_identities e JOIN signin_providers p ON p.id = e.provider WHERE e.account = ? AND e.user_id = ? ORDER BY e.linked_at, e.subject`
	var rows *sql.Rows
	var err error
	if tx == nil {
		rows, err = db.query(ctx, q, string(account), string(user))
	} else {
		rows, err = in(tx).now().Tx.QueryContext(ctx, db.rebind(q), string(account), string(user))
	}
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []core.ExternalIdentity
	for rows.Next() {
		var i core.ExternalIdentity
		var linked, last int64
		if err := rows.Scan((*string)(&i.Provider), &i.ProviderName, &i.Subject, (*string)(&i.Account), (*string)(&i.User), &i.Login, &linked, &last); err != nil {
			return nil, err
		}
		i.LinkedAt, i.LastSignIn = timeAt(linked), timeAt(last)
		out = append(out, i)
	}
	return out, rows.Err()
}

// SetProvided implements identity.Storage. A membership that was made by hand
// stays one.
func (db *DB) SetProvided(ctx context.Context, tx core.Tx, account core.AccountID, user core.UserID, provider core.ProviderID, groups []core.GroupID) error {
	if _, err := in(tx).exec(ctx, "DELETE FROM group_members WHERE user_id = ? AND provider = ?", string(user), string(provider)); err != nil {
		return err
	}
	for _, g := range groups {
		if _, err := in(tx).exec(ctx, "INSERT INTO group_members (account, group_id, user_id, provider) VALUES (?, ?, ?, ?) ON CONFLICT (group_id, user_id) DO NOTHING",
			string(account), string(g), string(user), string(provider)); err != nil {
			return err
		}
	}
	return nil
}

// CountOutside implements identity.Storage.
func (db *DB) CountOutside(ctx context.Context, tx core.Tx, id core.UserID, at time.Time) (bool, error) {
	n, err := rowsChanged(in(tx).exec(ctx, "UPDATE users SET last_sign_in = ? WHERE id = ? AND state = ?", micros(at), string(id), string(core.UserActive)))
	return n == 1, err
}
