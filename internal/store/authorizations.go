package store

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/certwright/certwright/internal/core"
)

// authorizationRow is a row of authorizations.
type authorizationRow struct {
	bun.BaseModel `bun:"table:authorizations,alias:t"`
	ID            string `bun:"id,pk"`
	Account       string `bun:"account"`
	Credential    string `bun:"credential"`
	ACMEAccount   string `bun:"acme_account"`
	Type          string `bun:"identifier_type"`
	Value         string `bun:"identifier_value"`
	Wildcard      bool   `bun:"wildcard"`
	Subdomains    bool   `bun:"subdomains"`
	State         string `bun:"state"`
	Method        string `bun:"method"`
	Challenges    string `bun:"challenges"`
	BusyUntil     int64  `bun:"busy_until,nullzero"`
	ExpiresAt     int64  `bun:"expires_at"`
	Version       int    `bun:"version"`
	CreatedAt     int64  `bun:"created_at"`
	UpdatedAt     int64  `bun:"updated_at"`
}

const (
	selectAuthorization = `SELECT id, account, credential, acme_account, identifier_type, identifier_value, wildcard, subdomains, state, method, challenges,
		COALESCE(busy_until, 0), expires_at, version, created_at, updated_at FROM authorizations WHERE `
	insertAuthorization = `INSERT INTO authorizations (id, account, credential, acme_account, identifier_type, identifier_value, wildcard, subdomains, state,
		method, challenges, busy_until, expires_at, version, created_at, updated_at) VALUES `
	authorizationCols = 16
)

func (r *authorizationRow) dest() []any {
	return []any{&r.ID, &r.Account, &r.Credential, &r.ACMEAccount, &r.Type, &r.Value, &r.Wildcard, &r.Subdomains, &r.State, &r.Method, &r.Challenges,
		&r.BusyUntil, &r.ExpiresAt, &r.Version, &r.CreatedAt, &r.UpdatedAt}
}

func (r *authorizationRow) core() (core.Authorization, error) {
	a := core.Authorization{ID: core.AuthorizationID(r.ID), Account: core.AccountID(r.Account), Credential: core.CredentialID(r.Credential),
		ACMEAccount: core.ACMEAccountID(r.ACMEAccount), Identifier: core.Identifier{Type: r.Type, Value: r.Value}, Wildcard: r.Wildcard,
		Subdomains: r.Subdomains, State: core.AuthorizationState(r.State), Method: r.Method, BusyUntil: timeAt(r.BusyUntil),
		ExpiresAt: timeAt(r.ExpiresAt), Version: r.Version, CreatedAt: timeAt(r.CreatedAt), UpdatedAt: timeAt(r.UpdatedAt)}
	if r.Challenges == "[]" {
		return a, nil
	}
	return a, json.Unmarshal([]byte(r.Challenges), &a.Challenges)
}

func (db *DB) oneAuthorization(ctx context.Context, where string, args ...any) (*core.Authorization, error) {
	return readOne[authorizationRow, core.Authorization](db.queryRow(ctx, selectAuthorization+where, args...), "authorization")
}

// insertAuthorizations adds any number of rows with as few statements as can be.
func insertAuthorizations(ctx context.Context, tx core.Tx, all []*core.Authorization) error {
	for len(all) > 0 {
		n := min(len(all), manyRows)
		args := make([]any, 0, authorizationCols*n)
		for _, a := range all[:n] {
			args = append(args, string(a.ID), string(a.Account), string(a.Credential), string(a.ACMEAccount), a.Identifier.Type, a.Identifier.Value,
				a.Wildcard, a.Subdomains, string(a.State), a.Method, toJSON(a.Challenges), nullMicros(a.BusyUntil), micros(a.ExpiresAt), a.Version,
				micros(a.CreatedAt), micros(a.UpdatedAt))
		}
		if _, err := in(tx).expect(ctx, int64(n), insertAuthorization+marks(n, authorizationCols), args...); err != nil {
			return err
		}
		all = all[n:]
	}
	return nil
}

// InsertAuthorization implements acme.Storage.
func (db *DB) InsertAuthorization(ctx context.Context, tx core.Tx, a *core.Authorization) error {
	return insertAuthorizations(ctx, tx, []*core.Authorization{a})
}

// Authorization implements acme.Storage.
func (db *DB) Authorization(ctx context.Context, credential core.CredentialID, id core.AuthorizationID) (*core.Authorization, error) {
	return db.oneAuthorization(ctx, "id = ? AND credential = ?", string(id), string(credential))
}

// FindAuthorization finds an authorization of any credential of the tenant.
func (db *DB) FindAuthorization(ctx context.Context, account core.AccountID, id core.AuthorizationID) (*core.Authorization, error) {
	return db.oneAuthorization(ctx, "id = ? AND account = ?", string(id), string(account))
}

// Authorizations implements acme.Storage.
func (db *DB) Authorizations(ctx context.Context, ids []core.AuthorizationID) ([]*core.Authorization, error) {
	var out []*core.Authorization
	for len(ids) > 0 {
		n := min(len(ids), manyRows)
		args := make([]any, n)
		for i, id := range ids[:n] {
			args[i] = string(id)
		}
		got, err := each(readAll[authorizationRow, core.Authorization](db.queryKept(ctx, selectAuthorization+"id IN "+marks(1, n), args...)))
		if err != nil {
			return nil, err
		}
		out, ids = append(out, got...), ids[n:]
	}
	return out, nil
}

// usableLimit bounds UsableAuthorizations.
const usableLimit = 200

// UsableAuthorizations implements acme.Storage. A condition per type of
// identifier, as there is nearly always one only: both engines then walk the
// index.
func (db *DB) UsableAuthorizations(ctx context.Context, account core.ACMEAccountID, identifiers []core.Identifier, now time.Time) ([]*core.Authorization, error) {
	if len(identifiers) == 0 {
		return nil, nil
	}
	var types []string
	values := map[string][]any{}
	for _, i := range identifiers {
		if values[i.Type] == nil {
			types = append(types, i.Type)
		}
		values[i.Type] = append(values[i.Type], i.Value)
	}
	or := make([]string, len(types))
	args := []any{}
	for n, typ := range types {
		or[n] = "(acme_account = ? AND identifier_type = ? AND identifier_value IN " + marks(1, len(values[typ])) + ")"
		args = append(append(args, string(account), typ), values[typ]...)
	}
	args = append(args, micros(now), usableLimit)
	q := selectAuthorization + "(" + strings.Join(or, " OR ") + ") AND state IN ('valid', 'pending') AND expires_at > ? ORDER BY id DESC LIMIT ?"
	if len(types) == 1 && len(identifiers) <= manyRows {
		return each(readAll[authorizationRow, core.Authorization](db.queryKept(ctx, q, args...)))
	}
	return each(readAll[authorizationRow, core.Authorization](db.query(ctx, q, args...))) // too many texts to keep each
}

// UpdateAuthorization implements acme.Storage.
func (db *DB) UpdateAuthorization(ctx context.Context, tx core.Tx, a *core.Authorization) error {
	r, err := in(tx).expect(ctx, 1, `UPDATE authorizations SET state = ?, method = ?, challenges = ?, busy_until = ?, expires_at = ?, updated_at = ?, version = version + 1
		WHERE id = ? AND version = ?`, string(a.State), a.Method, toJSON(a.Challenges), nullMicros(a.BusyUntil), micros(a.ExpiresAt), micros(a.UpdatedAt),
		string(a.ID), a.Version)
	return changed(r, err, "authorization")
}

// RevokeAuthorization takes a pending or valid authorization away from its
// owner; conflict when it is neither any more.
func (db *DB) RevokeAuthorization(ctx context.Context, tx core.Tx, account core.AccountID, id core.AuthorizationID, now time.Time) error {
	r, err := in(tx).exec(ctx, `UPDATE authorizations SET state = 'revoked', busy_until = NULL, updated_at = ?, version = version + 1
		WHERE id = ? AND account = ? AND state IN ('pending', 'valid')`, micros(now), string(id), string(account))
	return changed(r, err, "authorization")
}

// BusyAuthorizations implements acme.Storage.
func (db *DB) BusyAuthorizations(ctx context.Context, before time.Time, limit int) ([]*core.Authorization, error) {
	return each(readAll[authorizationRow, core.Authorization](db.queryKept(ctx, selectAuthorization+
		"busy_until IS NOT NULL AND busy_until <= ? AND state = 'pending' ORDER BY busy_until LIMIT ?", micros(before), limit)))
}

// CertificateByIssued implements acme.Storage. The serial number is looked for
// under each issuer of the account, which are few; which of them it was is read
// from the certificate, because that is what clients have.
func (db *DB) CertificateByIssued(ctx context.Context, account core.AccountID, aki []byte, serial string) (*core.Certificate, error) {
	found, err := db.issuedAs(ctx, account, serial)
	if err != nil {
		return nil, err
	}
	for _, id := range found {
		c, err := db.Certificate(ctx, account, id)
		if err != nil {
			return nil, err
		}
		if len(c.DER) == 0 {
			continue // reserved or abandoned
		}
		x, err := x509.ParseCertificate(c.DER)
		if err != nil {
			return nil, err
		}
		if len(aki) > 0 && string(x.AuthorityKeyId) == string(aki) {
			return c, nil
		}
	}
	return nil, core.Errorf(core.KindNotFound, "there is no such certificate")
}

func (db *DB) issuedAs(ctx context.Context, account core.AccountID, serial string) ([]core.CertificateID, error) {
	return columnOf[core.CertificateID](db.queryKept(ctx, `SELECT id FROM certificates WHERE issuer IN (SELECT id FROM issuers WHERE account = ?) AND serial = ? LIMIT 20`,
		string(account), serial))
}

func authorizationList(within []core.GroupID, now time.Time) *listing[authorizationRow, core.Authorization] {
	return &listing[authorizationRow, core.Authorization]{
		table: "authorizations", conv: (*authorizationRow).core, where: ofCredential(within),
		cols: []column{
			col("id", "Authorization", core.TypeID, "t.id"),
			choice("state", "State", "CASE WHEN t.state IN ('pending', 'valid') AND "+past("t.expires_at", now)+" THEN 'expired' ELSE t.state END",
				core.AuthorizationStates...),
			col("type", "Type of name", core.TypeText, "t.identifier_type"),
			shown("identifier", "Name", core.TypeText, "t.identifier_value"),
			col("wildcard", "Wildcard", core.TypeBool, "t.wildcard"),
			col("subdomains", "With names below", core.TypeBool, "t.subdomains"),
			shown("method", "Proven by", core.TypeText, "t.method"),
			col("credential", "Credential", core.TypeID, "t.credential"),
			shown("credential_label", "Label of the credential", core.TypeText, credentialLabel),
			col("group", "Group", core.TypeID, credentialGroup),
			shown("acme_account", "Account", core.TypeID, "t.acme_account"),
			col("challenges", "Challenges", core.TypeText, "t.challenges"),
			shown("expires_at", "Expires", core.TypeTime, "t.expires_at"),
			shown("created_at", "Created", core.TypeTime, "t.created_at"),
			col("updated_at", "Changed", core.TypeTime, "t.updated_at"),
		},
	}
}

// AuthorizationColumns describes the list of authorizations.
func (db *DB) AuthorizationColumns() []core.Column { return authorizationList(nil, db.now()).columns() }

// ListAuthorizations lists authorizations whose credentials are of the groups
// within; nil: of all.
func (db *DB) ListAuthorizations(ctx context.Context, q core.ListQuery, within []core.GroupID) (core.Page[core.Authorization], error) {
	return authorizationList(within, db.now()).page(ctx, db, q)
}
