package store

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/domain"
)

// domainRow is a row of domains.
type domainRow struct {
	bun.BaseModel `bun:"table:domains,alias:t"`
	ID            string `bun:"id,pk"`
	Account       string `bun:"account"`
	Number        int64  `bun:"number"`
	Organisation  string `bun:"organisation,nullzero"`
	Group         string `bun:"group_id,nullzero"`
	Name          string `bun:"name"`
	State         string `bun:"state"`
	Control       string `bun:"control"`
	Method        string `bun:"method"`
	ProvenBy      string `bun:"proven_by"`
	Token         string `bun:"token"`
	TokenUntil    int64  `bun:"token_until,nullzero"`
	Email         string `bun:"email"`
	EmailHash     []byte `bun:"email_hash"`
	VerifiedAt    int64  `bun:"verified_at,nullzero"`
	ValidUntil    int64  `bun:"valid_until,nullzero"`
	CAA           string `bun:"caa"`
	Auto          bool   `bun:"auto"`
	NextCheck     int64  `bun:"next_check,nullzero"`
	User          string `bun:"user_id"`
	Version       int    `bun:"version"`
	CreatedAt     int64  `bun:"created_at"`
	UpdatedAt     int64  `bun:"updated_at"`
}

const selectDomain = `SELECT id, account, number, COALESCE(organisation, ''), COALESCE(group_id, ''), name, state, control, method, proven_by, token,
	COALESCE(token_until, 0), email, email_hash, COALESCE(verified_at, 0), COALESCE(valid_until, 0), caa, auto, COALESCE(next_check, 0), user_id, version,
	created_at, updated_at FROM domains WHERE `

func (r *domainRow) dest() []any {
	return []any{&r.ID, &r.Account, &r.Number, &r.Organisation, &r.Group, &r.Name, &r.State, &r.Control, &r.Method, &r.ProvenBy, &r.Token,
		&r.TokenUntil, &r.Email, &r.EmailHash, &r.VerifiedAt, &r.ValidUntil, &r.CAA, &r.Auto, &r.NextCheck, &r.User, &r.Version, &r.CreatedAt, &r.UpdatedAt}
}

func (r *domainRow) core() (core.Domain, error) {
	return core.Domain{ID: core.DomainID(r.ID), Account: core.AccountID(r.Account), Number: r.Number, Organisation: core.OrganisationID(r.Organisation),
		Group: core.GroupID(r.Group), Name: r.Name, State: core.DomainState(r.State), Control: core.ControlState(r.Control), Method: r.Method,
		ProvenBy: r.ProvenBy, Token: r.Token, TokenUntil: timeAt(r.TokenUntil), Email: r.Email, EmailHash: r.EmailHash, VerifiedAt: timeAt(r.VerifiedAt),
		ValidUntil: timeAt(r.ValidUntil), CAA: core.CAAState(r.CAA), Auto: r.Auto, NextCheck: timeAt(r.NextCheck), User: core.UserID(r.User),
		Version: r.Version, CreatedAt: timeAt(r.CreatedAt), UpdatedAt: timeAt(r.UpdatedAt)}, nil
}

// ownerKey is the column owner.
func ownerKey(o domain.Owner) string {
	if o.Organisation != "" {
		return "o:" + string(o.Organisation)
	}
	return "g:" + string(o.Group)
}

// oneDomain reads a row; inside a transaction nobody else changes it until its
// end.
func (db *DB) oneDomain(ctx context.Context, tx core.Tx, where string, args ...any) (*core.Domain, error) {
	q := selectDomain + where
	if tx != nil && db.dialect == Postgres {
		q += " FOR UPDATE"
	}
	return readOne[domainRow, core.Domain](db.rowIn(ctx, tx, q, args...), "domain")
}

// InsertDomain implements domain.Storage.
func (db *DB) InsertDomain(ctx context.Context, tx core.Tx, d *core.Domain) (bool, error) {
	r, err := in(tx).exec(ctx, `INSERT INTO domains (id, account, number, owner, organisation, group_id, name, state, control, method, proven_by, token,
		token_until, email, email_hash, verified_at, valid_until, caa, auto, next_check, user_id, version, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, owner, name) DO NOTHING`,
		string(d.ID), string(d.Account), d.Number, ownerKey(domain.OwnerIn(d)), nullText(d.Organisation), nullText(d.Group), d.Name, string(d.State),
		string(d.Control), d.Method, d.ProvenBy, d.Token, nullMicros(d.TokenUntil), d.Email, nullBytes(d.EmailHash), nullMicros(d.VerifiedAt),
		nullMicros(d.ValidUntil), string(d.CAA), d.Auto, nullMicros(d.NextCheck), string(d.User), d.Version, micros(d.CreatedAt), micros(d.UpdatedAt))
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n == 1, err
}

// UpdateDomain implements domain.Storage.
func (db *DB) UpdateDomain(ctx context.Context, tx core.Tx, d *core.Domain) error {
	r, err := in(tx).exec(ctx, `UPDATE domains SET state = ?, control = ?, method = ?, proven_by = ?, token = ?, token_until = ?, email = ?, email_hash = ?,
		verified_at = ?, valid_until = ?, caa = ?, auto = ?, next_check = ?, updated_at = ?, version = version + 1 WHERE id = ? AND account = ? AND version = ?`,
		string(d.State), string(d.Control), d.Method, d.ProvenBy, d.Token, nullMicros(d.TokenUntil), d.Email, nullBytes(d.EmailHash), nullMicros(d.VerifiedAt),
		nullMicros(d.ValidUntil), string(d.CAA), d.Auto, nullMicros(d.NextCheck), micros(d.UpdatedAt), string(d.ID), string(d.Account), d.Version)
	if err := changed(r, err, "domain"); err != nil {
		return err
	}
	d.Version++
	return nil
}

// FindDomain implements domain.Storage.
func (db *DB) FindDomain(ctx context.Context, tx core.Tx, account core.AccountID, id core.DomainID) (*core.Domain, error) {
	return db.oneDomain(ctx, tx, "id = ? AND account = ?", string(id), string(account))
}

// OwnedDomain implements domain.Storage.
func (db *DB) OwnedDomain(ctx context.Context, tx core.Tx, account core.AccountID, o domain.Owner, name string) (*core.Domain, error) {
	return db.oneDomain(ctx, tx, "account = ? AND owner = ? AND name = ?", string(account), ownerKey(o), name)
}

// DomainByMail implements domain.Storage.
func (db *DB) DomainByMail(ctx context.Context, tx core.Tx, hash []byte) (*core.Domain, error) {
	return db.oneDomain(ctx, tx, "email_hash = ?", hash)
}

// ProvenElsewhere implements domain.Storage.
func (db *DB) ProvenElsewhere(ctx context.Context, tx core.Tx, account core.AccountID, o domain.Owner, name string, now time.Time) (bool, error) {
	var n int
	err := db.rowIn(ctx, tx, `SELECT COUNT(*) FROM domains WHERE account = ? AND name = ? AND owner <> ? AND state = 'active' AND control = 'verified'
		AND valid_until > ?`, string(account), name, ownerKey(o), micros(now)).Scan(&n)
	return n > 0, away(err)
}

const (
	provenDomains  = `account = ? AND owner = ? AND state = 'active' AND control = 'verified' AND valid_until > ? AND name IN `
	dueDomains     = `next_check IS NOT NULL AND next_check <= ? ORDER BY next_check LIMIT ?`
	newestAttempts = `domain = ? AND account = ? ORDER BY id DESC LIMIT ? OFFSET ?`
)

// ProvenDomains implements domain.Storage.
func (db *DB) ProvenDomains(ctx context.Context, account core.AccountID, o domain.Owner, names []string, now time.Time) ([]*core.Domain, error) {
	var out []*core.Domain
	for len(names) > 0 {
		n := min(len(names), manyRows)
		args := []any{string(account), ownerKey(o), micros(now)}
		for _, name := range names[:n] {
			args = append(args, name)
		}
		got, err := each(readAll[domainRow, core.Domain](db.query(ctx, selectDomain+provenDomains+marks(1, n), args...)))
		if err != nil {
			return nil, err
		}
		out, names = append(out, got...), names[n:]
	}
	return out, nil
}

// DueDomains implements domain.Storage.
func (db *DB) DueDomains(ctx context.Context, now time.Time, limit int) ([]*core.Domain, error) {
	return each(readAll[domainRow, core.Domain](db.queryKept(ctx, selectDomain+dueDomains, micros(now), limit)))
}

// LeaseDomain implements domain.Storage. The version stays: people who change
// the domain meanwhile do not notice.
func (db *DB) LeaseDomain(ctx context.Context, tx core.Tx, d *core.Domain, until time.Time) (bool, error) {
	r, err := in(tx).exec(ctx, `UPDATE domains SET next_check = ? WHERE id = ? AND account = ? AND next_check = ?`, nullMicros(until), string(d.ID),
		string(d.Account), micros(d.NextCheck))
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n == 1, err
}

// domainsWithin restricts lists to what somebody may see; nil restricts
// nothing.
func domainsWithin(v *domain.Visible) string {
	if v == nil {
		return ""
	}
	or := []string{withinGroups("t.group_id", v.Groups)}
	if len(v.Organisations) > 0 {
		var ids []string
		for _, o := range v.Organisations {
			if core.ValidID(o) {
				ids = append(ids, "'"+string(o)+"'")
			}
		}
		if len(ids) > 0 {
			or = append(or, "t.organisation IN ("+strings.Join(ids, ", ")+")")
		}
	}
	if v.Groups == nil {
		or[0] = "1 = 0"
	}
	return "(" + strings.Join(or, " OR ") + ")"
}

func domainList(v *domain.Visible, now time.Time) *listing[domainRow, core.Domain] {
	return &listing[domainRow, core.Domain]{
		table: "domains", conv: (*domainRow).core, where: domainsWithin(v),
		cols: []column{
			col("id", "Domain", core.TypeID, "t.id"),
			col("number", "Number", core.TypeNumber, "t.number"),
			shown("name", "Name", core.TypeText, "t.name"),
			choice("state", "State", "t.state", core.DomainActive, core.DomainInactive),
			choice("control", "Control", "CASE WHEN t.control = 'verified' AND "+past("t.valid_until", now)+" THEN 'expired' ELSE t.control END",
				core.ControlPending, core.ControlVerified, core.ControlRejected, core.ControlExpired),
			choice("method", "Method", "t.method", core.DomainMethods...),
			col("proven_by", "Proven by", core.TypeText, "t.proven_by"),
			shown("organisation", "Organisation", core.TypeID, "t.organisation"),
			shown("organisation_name", "Name of the organisation", core.TypeText, "(SELECT o.name FROM organisations o WHERE o.id = t.organisation)"),
			shown("group", "Group", core.TypeID, "t.group_id"),
			shown("verified_at", "Verified", core.TypeTime, "t.verified_at"),
			shown("valid_until", "Valid until", core.TypeTime, "t.valid_until"),
			choice("caa", "CAA", "CASE WHEN t.caa = '' THEN 'unknown' ELSE t.caa END", "unknown", "passed", "failed", "skipped"),
			col("auto", "Looked at by itself", core.TypeBool, "t.auto"),
			col("token_until", "Challenge until", core.TypeTime, "t.token_until"),
			col("user", "Registered by", core.TypeID, "t.user_id"),
			shown("created_at", "Created", core.TypeTime, "t.created_at"),
			col("updated_at", "Changed", core.TypeTime, "t.updated_at"),
		},
	}
}

// DomainColumns implements domain.Storage.
func (db *DB) DomainColumns() []core.Column { return domainList(nil, db.now()).columns() }

// ListDomains implements domain.Storage.
func (db *DB) ListDomains(ctx context.Context, q core.ListQuery, v *domain.Visible) (core.Page[core.Domain], error) {
	return domainList(v, db.now()).page(ctx, db, q)
}

// CountDomains implements domain.Storage.
func (db *DB) CountDomains(ctx context.Context, account core.AccountID, f core.Filter, v *domain.Visible) (int, error) {
	return domainList(v, db.now()).count(ctx, db, account, f)
}

// DomainsAt implements domain.Storage.
func (db *DB) DomainsAt(ctx context.Context, q core.ListQuery, offset int, v *domain.Visible) ([]core.Domain, error) {
	return domainList(v, db.now()).at(ctx, db, q, offset)
}

// OrganisationsOf implements domain.Storage.
func (db *DB) OrganisationsOf(ctx context.Context, account core.AccountID, groups []core.GroupID) ([]core.OrganisationID, error) {
	if len(groups) == 0 {
		return nil, nil
	}
	return columnOf[core.OrganisationID](db.query(ctx, "SELECT DISTINCT g.organisation FROM groups g WHERE g.account = ? AND g.organisation IS NOT NULL AND "+
		withinGroups("g.id", groups), string(account)))
}

const selectAttempt = `SELECT id, account, domain, method, background, passed, failure, records, expected, next_step, perspectives, agreed, quorum, at
	FROM domain_attempts WHERE `

func readAttempt(scan func(...any) error) (*core.DomainAttempt, error) {
	var a core.DomainAttempt
	var failure, records string
	var at int64
	err := scan(&a.ID, &a.Account, &a.Domain, &a.Method, &a.Background, &a.Passed, &failure, &records, &a.Expected, &a.Next, &a.Perspectives, &a.Agreed, &a.Quorum, &at)
	if err != nil {
		return nil, notFound(err, "attempt")
	}
	a.At = timeAt(at)
	if failure != "" {
		if err := json.Unmarshal([]byte(failure), &a.Failure); err != nil {
			return nil, err
		}
	}
	if records == "[]" {
		return &a, nil
	}
	return &a, json.Unmarshal([]byte(records), &a.Records)
}

// InsertAttempt implements domain.Storage.
func (db *DB) InsertAttempt(ctx context.Context, tx core.Tx, a *core.DomainAttempt, keep int) error {
	failure := ""
	if a.Failure != nil {
		failure = toJSON(a.Failure)
	}
	_, err := in(tx).exec(ctx, `INSERT INTO domain_attempts (id, account, domain, method, background, passed, failure, records, expected, next_step,
		perspectives, agreed, quorum, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, string(a.ID), string(a.Account), string(a.Domain), a.Method,
		a.Background, a.Passed, failure, toJSON(a.Records), a.Expected, a.Next, a.Perspectives, a.Agreed, a.Quorum, micros(a.At))
	if err != nil {
		return err
	}
	_, err = in(tx).exec(ctx, `DELETE FROM domain_attempts WHERE domain = ? AND id <= (SELECT id FROM domain_attempts WHERE domain = ?
		ORDER BY id DESC LIMIT 1 OFFSET ?)`, string(a.Domain), string(a.Domain), keep)
	return err
}

// Attempts implements domain.Storage.
func (db *DB) Attempts(ctx context.Context, account core.AccountID, id core.DomainID, offset, limit int) (out []*core.DomainAttempt, total int, err error) {
	if err := db.queryRow(ctx, "SELECT COUNT(*) FROM domain_attempts WHERE domain = ? AND account = ?", string(id), string(account)).Scan(&total); err != nil {
		return nil, 0, away(err)
	}
	rows, err := db.queryKept(ctx, selectAttempt+newestAttempts, string(id), string(account), limit, offset)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		a, err := readAttempt(rows.Scan)
		if err != nil {
			return nil, 0, err
		}
		out = append(out, a)
	}
	return out, total, away(rows.Err())
}

// Attempt implements domain.Storage.
func (db *DB) Attempt(ctx context.Context, account core.AccountID, id core.DomainID, attempt core.AttemptID) (*core.DomainAttempt, error) {
	return readAttempt(db.queryRow(ctx, selectAttempt+"id = ? AND domain = ? AND account = ?", string(attempt), string(id), string(account)).Scan)
}

// DomainMails implements domain.Storage.
func (db *DB) DomainMails(ctx context.Context, tx core.Tx, account core.AccountID, name, address string, since time.Time) (n int, last time.Time, err error) {
	var at int64
	err = in(tx).row(ctx, `SELECT COUNT(*), COALESCE(MAX(a.at), 0) FROM domain_attempts a JOIN domains d ON d.id = a.domain
		WHERE a.account = ? AND a.at > ? AND a.method IN ('email', 'dns-contact') AND a.failure = '' AND NOT a.passed AND (d.name = ? OR a.expected = ?)`,
		string(account), micros(since), name, address).Scan(&n, &at)
	return n, timeAt(at), err
}
