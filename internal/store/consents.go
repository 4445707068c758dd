package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/certwright/certwright/internal/core"
)

const representativeCols = "id, account, number, organisation, name, email, phone, designation, created_at, updated_at"

// scanRepresentative reads a row of representativeCols.
func scanRepresentative(scan func(...any) error) (core.Representative, error) {
	var r core.Representative
	var created, updated int64
	err := scan((*string)(&r.ID), (*string)(&r.Account), &r.Number, (*string)(&r.Organisation), &r.Name, &r.Email, &r.Phone, &r.Designation, &created, &updated)
	r.CreatedAt, r.UpdatedAt = timeAt(created), timeAt(updated)
	return r, err
}

// InsertRepresentative implements vetting.Storage.
func (db *DB) InsertRepresentative(ctx context.Context, tx core.Tx, r *core.Representative) error {
	_, err := in(tx).exec(ctx, "INSERT INTO representatives ("+representativeCols+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", string(r.ID), string(r.Account),
		r.Number, string(r.Organisation), r.Name, r.Email, r.Phone, r.Designation, micros(r.CreatedAt), micros(r.UpdatedAt))
	return err
}

// UpdateRepresentative implements vetting.Storage.
func (db *DB) UpdateRepresentative(ctx context.Context, tx core.Tx, r *core.Representative) error {
	res, err := in(tx).exec(ctx, "UPDATE representatives SET name = ?, email = ?, phone = ?, designation = ?, updated_at = ? WHERE account = ? AND organisation = ? AND id = ?",
		r.Name, r.Email, r.Phone, r.Designation, micros(r.UpdatedAt), string(r.Account), string(r.Organisation), string(r.ID))
	return hit(res, err, "representative")
}

// DeleteRepresentative implements vetting.Storage.
func (db *DB) DeleteRepresentative(ctx context.Context, tx core.Tx, account core.AccountID, o core.OrganisationID, id core.RepresentativeID) error {
	res, err := in(tx).exec(ctx, "DELETE FROM representatives WHERE account = ? AND organisation = ? AND id = ?", string(account), string(o), string(id))
	return hit(res, err, "representative")
}

// Representative implements vetting.Storage.
func (db *DB) Representative(ctx context.Context, tx core.Tx, account core.AccountID, o core.OrganisationID, id core.RepresentativeID) (*core.Representative, error) {
	r, err := scanRepresentative(db.rowIn(ctx, tx, "SELECT "+representativeCols+" FROM representatives WHERE account = ? AND organisation = ? AND id = ?",
		string(account), string(o), string(id)).Scan)
	if err != nil {
		return nil, notFound(err, "representative")
	}
	return &r, nil
}

// Representatives implements vetting.Storage.
func (db *DB) Representatives(ctx context.Context, account core.AccountID, o core.OrganisationID) ([]core.Representative, error) {
	rows, err := db.queryKept(ctx, "SELECT "+representativeCols+" FROM representatives WHERE account = ? AND organisation = ? ORDER BY number", string(account), string(o))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []core.Representative
	for rows.Next() {
		r, err := scanRepresentative(rows.Scan)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, away(rows.Err())
}

// CountRepresentatives implements vetting.Storage.
func (db *DB) CountRepresentatives(ctx context.Context, tx core.Tx, o core.OrganisationID) (n int, err error) {
	err = in(tx).row(ctx, "SELECT COUNT(*) FROM representatives WHERE organisation = ?", string(o)).Scan(&n)
	return n, err
}

// consentRow is a row of consents.
type consentRow struct {
	bun.BaseModel  `bun:"table:consents,alias:t"`
	ID             string `bun:"id,pk"`
	Account        string `bun:"account"`
	Organisation   string `bun:"organisation"`
	Representative string `bun:"representative"`
	Order          string `bun:"order_id,nullzero"`
	Statement      string `bun:"statement"`
	State          string `bun:"state"`
	SentTo         string `bun:"sent_to"`
	SecretHash     []byte `bun:"secret_hash"`
	ExpiresAt      int64  `bun:"expires_at"`
	AnsweredAt     int64  `bun:"answered_at,nullzero"`
	AnsweredFrom   string `bun:"answered_from"`
	CreatedAt      int64  `bun:"created_at"`
}

const selectConsent = `SELECT id, account, organisation, representative, COALESCE(order_id, ''), statement, state, sent_to, secret_hash, expires_at,
	COALESCE(answered_at, 0), answered_from, created_at FROM consents WHERE `

func (r *consentRow) core() (core.Consent, error) {
	return core.Consent{ID: core.ConsentID(r.ID), Account: core.AccountID(r.Account), Organisation: core.OrganisationID(r.Organisation),
		Representative: core.RepresentativeID(r.Representative), Order: core.OrderID(r.Order), Statement: r.Statement, State: core.ConsentState(r.State),
		SentTo: r.SentTo, SecretHash: r.SecretHash, ExpiresAt: timeAt(r.ExpiresAt), AnsweredAt: timeAt(r.AnsweredAt), AnsweredFrom: r.AnsweredFrom,
		CreatedAt: timeAt(r.CreatedAt)}, nil
}

func consentList() *listing[consentRow, core.Consent] {
	return &listing[consentRow, core.Consent]{
		table: "consents", conv: (*consentRow).core,
		cols: []column{
			col("id", "Id", core.TypeID, "t.id"),
			shown("organisation", "Organisation", core.TypeID, "t.organisation"),
			col("representative", "Representative", core.TypeID, "t.representative"),
			col("order", "Order", core.TypeID, "t.order_id"),
			choice("state", "State", "t.state", core.ConsentPending, core.ConsentGiven, core.ConsentRefused, core.ConsentReplaced),
			shown("sent_to", "Sent to", core.TypeText, "t.sent_to"),
			shown("expires_at", "Ends", core.TypeTime, "t.expires_at"),
			shown("answered_at", "Answered", core.TypeTime, "t.answered_at"),
			shown("created_at", "Sent", core.TypeTime, "t.created_at"),
		},
	}
}

func (db *DB) oneConsent(ctx context.Context, tx core.Tx, where string, args ...any) (*core.Consent, error) {
	var r consentRow
	err := db.rowIn(ctx, tx, selectConsent+where, args...).Scan(&r.ID, &r.Account, &r.Organisation, &r.Representative, &r.Order, &r.Statement, &r.State,
		&r.SentTo, &r.SecretHash, &r.ExpiresAt, &r.AnsweredAt, &r.AnsweredFrom, &r.CreatedAt)
	if err != nil {
		return nil, notFound(err, "consent")
	}
	c, err := r.core()
	return &c, err
}

// InsertConsent implements vetting.Storage.
func (db *DB) InsertConsent(ctx context.Context, tx core.Tx, c *core.Consent) error {
	if _, err := in(tx).exec(ctx, `UPDATE consents SET state = 'replaced' WHERE account = ? AND organisation = ? AND representative = ?
		AND COALESCE(order_id, '') = ? AND state = 'pending'`, string(c.Account), string(c.Organisation), string(c.Representative), string(c.Order)); err != nil {
		return err
	}
	_, err := in(tx).exec(ctx, `INSERT INTO consents (id, account, organisation, representative, order_id, statement, state, sent_to, secret_hash, expires_at,
		answered_at, answered_from, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, string(c.ID), string(c.Account), string(c.Organisation),
		string(c.Representative), nullText(c.Order), c.Statement, string(c.State), c.SentTo, c.SecretHash, micros(c.ExpiresAt), nullMicros(c.AnsweredAt),
		c.AnsweredFrom, micros(c.CreatedAt))
	return err
}

// EndConsents implements vetting.Storage.
func (db *DB) EndConsents(ctx context.Context, tx core.Tx, o core.OrganisationID, r core.RepresentativeID) error {
	_, err := in(tx).exec(ctx, "UPDATE consents SET state = 'replaced' WHERE organisation = ? AND representative = ? AND state = 'pending'", string(o), string(r))
	return err
}

// CountConsents implements vetting.Storage.
func (db *DB) CountConsents(ctx context.Context, tx core.Tx, o core.OrganisationID, r core.RepresentativeID, since time.Time) (n int, err error) {
	err = in(tx).row(ctx, "SELECT COUNT(*) FROM consents WHERE organisation = ? AND representative = ? AND created_at > ?",
		string(o), string(r), micros(since)).Scan(&n)
	return n, err
}

// SetConsent implements vetting.Storage.
func (db *DB) SetConsent(ctx context.Context, tx core.Tx, c *core.Consent, from core.ConsentState) error {
	res, err := in(tx).exec(ctx, "UPDATE consents SET state = ?, answered_at = ?, answered_from = ? WHERE id = ? AND state = ?",
		string(c.State), nullMicros(c.AnsweredAt), c.AnsweredFrom, string(c.ID), string(from))
	return changed(res, err, "consent")
}

// ConsentBySecret implements vetting.Storage.
func (db *DB) ConsentBySecret(ctx context.Context, tx core.Tx, hash []byte) (*core.Consent, error) {
	return db.oneConsent(ctx, tx, "secret_hash = ?", hash)
}

// ConsentOfOrder implements vetting.Storage.
func (db *DB) ConsentOfOrder(ctx context.Context, account core.AccountID, order core.OrderID) (*core.Consent, error) {
	return db.oneConsent(ctx, nil, "account = ? AND order_id = ? ORDER BY id DESC LIMIT 1", string(account), string(order))
}

// ListConsents implements vetting.Storage.
func (db *DB) ListConsents(ctx context.Context, q core.ListQuery) (core.Page[core.Consent], error) {
	return consentList().page(ctx, db, q)
}

// ConsentColumns implements vetting.Storage.
func (db *DB) ConsentColumns() []core.Column { return consentList().columns() }
