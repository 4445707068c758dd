package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/certwright/certwright/internal/core"
)

// vettingRow is a row of vettings.
type vettingRow struct {
	bun.BaseModel `bun:"table:vettings,alias:t"`
	ID            string `bun:"id,pk"`
	Account       string `bun:"account"`
	Organisation  string `bun:"organisation"`
	Purpose       string `bun:"purpose"`
	State         string `bun:"state"`
	AskedBy       string `bun:"asked_by,nullzero"`
	AskedAs       string `bun:"asked_as"`
	Validator     string `bun:"validator,nullzero"`
	Method        string `bun:"method"`
	Source        string `bun:"source"`
	Comment       string `bun:"comment"`
	Evidence      string `bun:"evidence"`
	DecidedAt     int64  `bun:"decided_at,nullzero"`
	ExpiresAt     int64  `bun:"expires_at,nullzero"`
	Reminded      int    `bun:"reminded"`
	Version       int    `bun:"version"`
	CreatedAt     int64  `bun:"created_at"`
	UpdatedAt     int64  `bun:"updated_at"`
}

const selectVetting = `SELECT id, account, organisation, purpose, state, COALESCE(asked_by, ''), asked_as, COALESCE(validator, ''), method, source, comment,
	evidence, COALESCE(decided_at, 0), COALESCE(expires_at, 0), reminded, version, created_at, updated_at FROM vettings WHERE `

func (r *vettingRow) dest() []any {
	return []any{&r.ID, &r.Account, &r.Organisation, &r.Purpose, &r.State, &r.AskedBy, &r.AskedAs, &r.Validator, &r.Method, &r.Source, &r.Comment,
		&r.Evidence, &r.DecidedAt, &r.ExpiresAt, &r.Reminded, &r.Version, &r.CreatedAt, &r.UpdatedAt}
}

func (r *vettingRow) core() (core.Vetting, error) {
	evidence, err := fromJSON[[]core.DocumentID](r.Evidence)
	return core.Vetting{ID: core.VettingID(r.ID), Account: core.AccountID(r.Account), Organisation: core.OrganisationID(r.Organisation),
		Purpose: core.Purpose(r.Purpose), State: core.VettingState(r.State), AskedBy: core.UserID(r.AskedBy), AskedAs: r.AskedAs,
		Validator: core.UserID(r.Validator), Method: r.Method, Source: r.Source, Comment: r.Comment, Evidence: evidence,
		DecidedAt: timeAt(r.DecidedAt), ExpiresAt: timeAt(r.ExpiresAt), Reminded: r.Reminded, Version: r.Version,
		CreatedAt: timeAt(r.CreatedAt), UpdatedAt: timeAt(r.UpdatedAt)}, err
}

func vettingList() *listing[vettingRow, core.Vetting] {
	return &listing[vettingRow, core.Vetting]{
		table: "vettings", conv: (*vettingRow).core,
		cols: []column{
			col("id", "Id", core.TypeID, "t.id"),
			shown("organisation", "Organisation", core.TypeID, "t.organisation"),
			choice("purpose", "Purpose", "t.purpose", core.Purposes...),
			choice("state", "State", "t.state", core.VettingStates...),
			col("asked_by", "Asked by", core.TypeID, "t.asked_by"),
			col("validator", "Validator", core.TypeID, "t.validator"),
			shown("method", "Method", core.TypeText, "t.method"),
			col("source", "Source", core.TypeText, "t.source"),
			col("comment", "Comment", core.TypeText, "t.comment"),
			col("decided_at", "Decided", core.TypeTime, "t.decided_at"),
			shown("expires_at", "Ends", core.TypeTime, "t.expires_at"),
			shown("created_at", "Asked", core.TypeTime, "t.created_at"),
			col("updated_at", "Changed", core.TypeTime, "t.updated_at"),
		},
	}
}

// InsertVetting implements vetting.Storage.
func (db *DB) InsertVetting(ctx context.Context, tx core.Tx, v *core.Vetting) error {
	_, err := in(tx).exec(ctx, `INSERT INTO vettings (id, account, organisation, purpose, state, asked_by, asked_as, validator, method, source, comment,
		evidence, decided_at, expires_at, reminded, version, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		string(v.ID), string(v.Account), string(v.Organisation), string(v.Purpose), string(v.State), nullText(v.AskedBy), v.AskedAs, nullText(v.Validator),
		v.Method, v.Source, v.Comment, toJSON(v.Evidence), nullMicros(v.DecidedAt), nullMicros(v.ExpiresAt), v.Reminded, v.Version,
		micros(v.CreatedAt), micros(v.UpdatedAt))
	return exists(err, "a vetting for this purpose is open already")
}

// UpdateVetting implements vetting.Storage.
func (db *DB) UpdateVetting(ctx context.Context, tx core.Tx, v *core.Vetting, from int) error {
	res, err := in(tx).exec(ctx, `UPDATE vettings SET state = ?, validator = ?, method = ?, source = ?, comment = ?, evidence = ?, decided_at = ?,
		expires_at = ?, reminded = ?, version = ?, updated_at = ? WHERE account = ? AND id = ? AND version = ?`,
		string(v.State), nullText(v.Validator), v.Method, v.Source, v.Comment, toJSON(v.Evidence), nullMicros(v.DecidedAt), nullMicros(v.ExpiresAt),
		v.Reminded, v.Version, micros(v.UpdatedAt), string(v.Account), string(v.ID), from)
	if err != nil {
		return exists(err, "another vetting for this purpose is open")
	}
	return changed(res, nil, "vetting")
}

// Vetting implements vetting.Storage.
func (db *DB) Vetting(ctx context.Context, tx core.Tx, account core.AccountID, id core.VettingID) (*core.Vetting, error) {
	return readOne[vettingRow, core.Vetting](db.rowIn(ctx, tx, selectVetting+"account = ? AND id = ?", string(account), string(id)), "vetting")
}

// VettingsOf implements vetting.Storage.
func (db *DB) VettingsOf(ctx context.Context, tx core.Tx, account core.AccountID, o core.OrganisationID) ([]core.Vetting, error) {
	const where = selectVetting + "account = ? AND organisation = ? ORDER BY id DESC"
	if tx == nil {
		return readAll[vettingRow, core.Vetting](db.queryKept(ctx, where, string(account), string(o)))
	}
	return readAll[vettingRow, core.Vetting](in(tx).now().Tx.QueryContext(ctx, db.rebind(where), string(account), string(o)))
}

// ListVettings implements vetting.Storage.
func (db *DB) ListVettings(ctx context.Context, q core.ListQuery) (core.Page[core.Vetting], error) {
	return vettingList().page(ctx, db, q)
}

// VettingColumns implements vetting.Storage.
func (db *DB) VettingColumns() []core.Column { return vettingList().columns() }

// EndingVettings implements vetting.Storage.
func (db *DB) EndingVettings(ctx context.Context, now, until time.Time, days, limit int) ([]core.Vetting, error) {
	return readAll[vettingRow, core.Vetting](db.queryKept(ctx, selectVetting+`state = 'validated' AND expires_at > ? AND expires_at <= ? AND (reminded = 0 OR reminded > ?)
		ORDER BY expires_at, id LIMIT ?`, micros(now), micros(until), days, limit))
}

// MarkReminded implements vetting.Storage.
func (db *DB) MarkReminded(ctx context.Context, tx core.Tx, id core.VettingID, expires time.Time, days int) error {
	_, err := in(tx).exec(ctx, "UPDATE vettings SET reminded = ? WHERE id = ? AND expires_at = ? AND (reminded = 0 OR reminded > ?)",
		days, string(id), micros(expires), days)
	return err
}

// LockOrganisation implements vetting.Storage: a row that is written is locked
// until the transaction ends, on every engine.
func (db *DB) LockOrganisation(ctx context.Context, tx core.Tx, account core.AccountID, id core.OrganisationID) (*core.Organisation, error) {
	res, err := in(tx).exec(ctx, "UPDATE organisations SET number = number WHERE account = ? AND id = ?", string(account), string(id))
	if err := hit(res, err, "organisation"); err != nil {
		return nil, err
	}
	return db.Organisation(ctx, tx, account, id)
}

// OrganisationByNumber implements vetting.Storage.
func (db *DB) OrganisationByNumber(ctx context.Context, account core.AccountID, number int64) (*core.Organisation, error) {
	var id string
	if err := db.queryRow(ctx, "SELECT id FROM organisations WHERE account = ? AND number = ?", string(account), number).Scan(&id); err != nil {
		return nil, notFound(err, "organisation")
	}
	return db.Organisation(ctx, nil, account, core.OrganisationID(id))
}

// OrganisationToken implements vetting.Storage.
func (db *DB) OrganisationToken(ctx context.Context, tx core.Tx, account core.AccountID, id core.OrganisationID) (sealed []byte, err error) {
	err = db.rowIn(ctx, tx, "SELECT token_sealed FROM organisations WHERE account = ? AND id = ?", string(account), string(id)).Scan(&sealed)
	if err != nil {
		return nil, notFound(err, "organisation")
	}
	return sealed, nil
}

// SetOrganisationToken implements vetting.Storage.
func (db *DB) SetOrganisationToken(ctx context.Context, tx core.Tx, account core.AccountID, id core.OrganisationID, sealed []byte) error {
	res, err := in(tx).exec(ctx, "UPDATE organisations SET token_sealed = ? WHERE account = ? AND id = ?", sealed, string(account), string(id))
	return hit(res, err, "organisation")
}

// Validators implements vetting.Storage.
func (db *DB) Validators(ctx context.Context, account core.AccountID) ([]core.User, error) {
	q := core.ListQuery{Account: account, Limit: core.MaxPage, Filter: core.Filter{{Column: "state", Op: core.OpEquals, Values: []string{string(core.UserActive)}}}}
	var out []core.User
	for {
		page, err := db.Users(ctx, q, nil)
		if err != nil {
			return nil, err
		}
		for _, u := range page.Items {
			for _, g := range u.Grants {
				if g.Role == core.RoleValidator && g.Group == "" {
					out = append(out, u)
					break
				}
			}
		}
		if page.Next == "" {
			return out, nil
		}
		q.Cursor = page.Next
	}
}
