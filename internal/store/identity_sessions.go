package store

import (
	"context"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"github.com/certwright/certwright/internal/core"
)

// literal writes a time as a number into an SQL text.
func literal(t time.Time) string { return strconv.FormatInt(micros(t), 10) }

// sessionRow is a row of sessions.
type sessionRow struct {
	bun.BaseModel `bun:"table:sessions,alias:t"`
	ID            string `bun:"id,pk"`
	Account       string `bun:"account"`
	User          string `bun:"user_id"`
	SecretHash    []byte `bun:"-"` // no list needs it
	Address       string `bun:"address"`
	Agent         string `bun:"agent"`
	CreatedAt     int64  `bun:"created_at"`
	LastSeen      int64  `bun:"last_seen"`
	ProvenAt      int64  `bun:"proven_at"`
	Vouched       bool   `bun:"vouched"`
	ExpiresAt     int64  `bun:"expires_at"`
}

const sessionCols = "s.id, s.account, s.user_id, s.secret_hash, s.address, s.agent, s.created_at, s.last_seen, s.proven_at, s.vouched, s.expires_at"

func (r *sessionRow) dest() []any {
	return []any{&r.ID, &r.Account, &r.User, &r.SecretHash, &r.Address, &r.Agent, &r.CreatedAt, &r.LastSeen, &r.ProvenAt, &r.Vouched, &r.ExpiresAt}
}

func (r *sessionRow) core() (core.Session, error) {
	return core.Session{
		ID: core.SessionID(r.ID), Account: core.AccountID(r.Account), User: core.UserID(r.User), SecretHash: r.SecretHash, Address: r.Address,
		Agent: r.Agent, CreatedAt: timeAt(r.CreatedAt), LastSeen: timeAt(r.LastSeen), ProvenAt: timeAt(r.ProvenAt), Vouched: r.Vouched, ExpiresAt: timeAt(r.ExpiresAt),
	}, nil
}

func sessionList(now time.Time) *listing[sessionRow, core.Session] {
	return &listing[sessionRow, core.Session]{
		table: "sessions", conv: (*sessionRow).core, where: "t.expires_at > " + literal(now),
		cols: []column{
			shown("user", "User", core.TypeID, "t.user_id"),
			shown("address", "Address", core.TypeText, "t.address"),
			shown("agent", "Browser", core.TypeText, "t.agent"),
			shown("created_at", "Signed in", core.TypeTime, "t.created_at"),
			shown("last_seen", "Last seen", core.TypeTime, "t.last_seen"),
			col("expires_at", "Ends", core.TypeTime, "t.expires_at"),
		},
	}
}

// InsertSession implements identity.Storage.
func (db *DB) InsertSession(ctx context.Context, tx core.Tx, s *core.Session) error {
	_, err := in(tx).exec(ctx, `INSERT INTO sessions (id, account, user_id, secret_hash, address, agent, created_at, last_seen, proven_at, vouched, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, string(s.ID), string(s.Account), string(s.User), s.SecretHash, s.Address, s.Agent,
		micros(s.CreatedAt), micros(s.LastSeen), micros(s.ProvenAt), s.Vouched, micros(s.ExpiresAt))
	return exists(err, "the session exists already")
}

// SessionByHash implements identity.Storage.
func (db *DB) SessionByHash(ctx context.Context, hash []byte) (*core.Session, *core.User, error) {
	var r sessionRow
	var u userRow
	err := db.queryRow(ctx, "SELECT "+sessionCols+", "+userCols+" FROM sessions s JOIN users t ON t.id = s.user_id WHERE s.secret_hash = ?", hash).
		Scan(append(r.dest(), u.dest()...)...)
	if err != nil {
		return nil, nil, notFound(err, "session")
	}
	ses, _ := r.core()
	user, err := u.core()
	return &ses, &user, err
}

// Session implements identity.Storage.
func (db *DB) Session(ctx context.Context, account core.AccountID, id core.SessionID) (*core.Session, error) {
	return readOne[sessionRow, core.Session](db.queryRow(ctx, "SELECT "+sessionCols+" FROM sessions s WHERE s.account = ? AND s.id = ?", string(account), string(id)), "session")
}

// TouchSession implements identity.Storage. A session that has ended in the
// meantime stays ended.
func (db *DB) TouchSession(ctx context.Context, tx core.Tx, id core.SessionID, at time.Time) error {
	_, err := in(tx).exec(ctx, "UPDATE sessions SET last_seen = ? WHERE id = ?", micros(at), string(id))
	return err
}

// ProveSession implements identity.Storage.
func (db *DB) ProveSession(ctx context.Context, tx core.Tx, account core.AccountID, id core.SessionID, at time.Time) error {
	res, err := in(tx).exec(ctx, "UPDATE sessions SET proven_at = ? WHERE account = ? AND id = ?", micros(at), string(account), string(id))
	return hit(res, err, "session")
}

// Sessions implements identity.Storage.
func (db *DB) Sessions(ctx context.Context, q core.ListQuery) (core.Page[core.Session], error) {
	return sessionList(db.now()).page(ctx, db, q)
}

// SessionColumns implements identity.Storage.
func (db *DB) SessionColumns() []core.Column { return sessionList(db.now()).columns() }

// DeleteSession implements identity.Storage.
func (db *DB) DeleteSession(ctx context.Context, tx core.Tx, account core.AccountID, id core.SessionID) error {
	res, err := in(tx).exec(ctx, "DELETE FROM sessions WHERE account = ? AND id = ?", string(account), string(id))
	return hit(res, err, "session")
}

// DeleteSessions implements identity.Storage.
func (db *DB) DeleteSessions(ctx context.Context, tx core.Tx, account core.AccountID, user core.UserID, except core.SessionID) (int, error) {
	res, err := in(tx).exec(ctx, "DELETE FROM sessions WHERE account = ? AND user_id = ? AND id <> ?", string(account), string(user), string(except))
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	return int(n), err
}

// PurgeSessions implements identity.Storage.
func (db *DB) PurgeSessions(ctx context.Context, tx core.Tx, now, idle time.Time) (int, error) {
	res, err := in(tx).exec(ctx, "DELETE FROM sessions WHERE expires_at <= ? OR last_seen <= ?", micros(now), micros(idle))
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	return int(n), err
}

// tokenRow is a row of tokens.
type tokenRow struct {
	bun.BaseModel `bun:"table:tokens,alias:t"`
	ID            string `bun:"id,pk"`
	Account       string `bun:"account"`
	User          string `bun:"user_id"`
	Name          string `bun:"name"`
	Prefix        string `bun:"prefix"`
	SecretHash    []byte `bun:"-"` // no list needs it
	Roles         string `bun:"roles"`
	ExpiresAt     int64  `bun:"expires_at,nullzero"`
	LastUsed      int64  `bun:"last_used,nullzero"`
	RevokedAt     int64  `bun:"revoked_at,nullzero"`
	CreatedAt     int64  `bun:"created_at"`
}

const tokenCols = `k.id, k.account, k.user_id, k.name, k.prefix, k.secret_hash, k.roles, COALESCE(k.expires_at, 0), COALESCE(k.last_used, 0),
	COALESCE(k.revoked_at, 0), k.created_at`

func (r *tokenRow) dest() []any {
	return []any{&r.ID, &r.Account, &r.User, &r.Name, &r.Prefix, &r.SecretHash, &r.Roles, &r.ExpiresAt, &r.LastUsed, &r.RevokedAt, &r.CreatedAt}
}

func (r *tokenRow) core() (core.Token, error) {
	t := core.Token{
		ID: core.TokenID(r.ID), Account: core.AccountID(r.Account), User: core.UserID(r.User), Name: r.Name, Prefix: r.Prefix, SecretHash: r.SecretHash,
		ExpiresAt: timeAt(r.ExpiresAt), LastUsed: timeAt(r.LastUsed), RevokedAt: timeAt(r.RevokedAt), CreatedAt: timeAt(r.CreatedAt),
	}
	var err error
	t.Roles, err = fromJSON[[]core.Role](r.Roles)
	return t, err
}

func tokenList(now time.Time) *listing[tokenRow, core.Token] {
	return &listing[tokenRow, core.Token]{
		table: "tokens", conv: (*tokenRow).core,
		cols: []column{
			shown("name", "Name", core.TypeText, "t.name"),
			shown("prefix", "Token", core.TypeText, "t.prefix"),
			shown("user", "User", core.TypeID, "t.user_id"),
			choice("status", "Status", "CASE WHEN t.revoked_at IS NOT NULL THEN 'revoked' WHEN "+past("t.expires_at", now)+
				" THEN 'expired' ELSE 'active' END", "active", "revoked", "expired"),
			col("role", "Roles", core.TypeTags, "t.roles"),
			shown("expires_at", "Expires", core.TypeTime, "t.expires_at"),
			shown("last_used", "Last used", core.TypeTime, "t.last_used"),
			col("created_at", "Created", core.TypeTime, "t.created_at"),
			col("revoked_at", "Revoked", core.TypeTime, "t.revoked_at"),
		},
	}
}

// past is the condition that a time column holds a time up to now.
func past(expr string, now time.Time) string {
	return "COALESCE(" + expr + " <= " + literal(now) + ", 1 = 0)"
}

// InsertToken implements identity.Storage.
func (db *DB) InsertToken(ctx context.Context, tx core.Tx, t *core.Token) error {
	_, err := in(tx).exec(ctx, `INSERT INTO tokens (id, account, user_id, name, prefix, secret_hash, roles, expires_at, last_used, revoked_at, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, string(t.ID), string(t.Account), string(t.User), t.Name, t.Prefix, t.SecretHash, toJSON(t.Roles),
		nullMicros(t.ExpiresAt), nullMicros(t.LastUsed), nullMicros(t.RevokedAt), micros(t.CreatedAt))
	return exists(err, "the token exists already")
}

// TokenByHash implements identity.Storage.
func (db *DB) TokenByHash(ctx context.Context, hash []byte) (*core.Token, *core.User, error) {
	var r tokenRow
	var u userRow
	err := db.queryRow(ctx, "SELECT "+tokenCols+", "+userCols+" FROM tokens k JOIN users t ON t.id = k.user_id WHERE k.secret_hash = ?", hash).
		Scan(append(r.dest(), u.dest()...)...)
	if err != nil {
		return nil, nil, notFound(err, "token")
	}
	user, err := u.core()
	if err != nil {
		return nil, nil, err
	}
	t, err := r.core()
	return &t, &user, err
}

// Token implements identity.Storage.
func (db *DB) Token(ctx context.Context, account core.AccountID, id core.TokenID) (*core.Token, error) {
	return readOne[tokenRow, core.Token](db.queryRow(ctx, "SELECT "+tokenCols+" FROM tokens k WHERE k.account = ? AND k.id = ?", string(account), string(id)), "token")
}

// TouchToken implements identity.Storage.
func (db *DB) TouchToken(ctx context.Context, tx core.Tx, id core.TokenID, at time.Time) error {
	_, err := in(tx).exec(ctx, "UPDATE tokens SET last_used = ? WHERE id = ?", micros(at), string(id))
	return err
}

// Tokens implements identity.Storage.
func (db *DB) Tokens(ctx context.Context, q core.ListQuery) (core.Page[core.Token], error) {
	return tokenList(db.now()).page(ctx, db, q)
}

// TokenColumns implements identity.Storage.
func (db *DB) TokenColumns() []core.Column { return tokenList(db.now()).columns() }

// RevokeToken implements identity.Storage.
func (db *DB) RevokeToken(ctx context.Context, tx core.Tx, account core.AccountID, id core.TokenID, at time.Time) error {
	res, err := in(tx).exec(ctx, "UPDATE tokens SET revoked_at = ? WHERE account = ? AND id = ? AND revoked_at IS NULL", micros(at), string(account), string(id))
	if err = hit(res, err, "token"); core.Is(err, core.KindNotFound) {
		return core.Errorf(core.KindConflict, "the token is revoked already")
	}
	return err
}
