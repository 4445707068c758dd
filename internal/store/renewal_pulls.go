package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/certwright/certwright/internal/core"
)

// pullRow is a row of renewal_pulls.
type pullRow struct {
	bun.BaseModel `bun:"table:renewal_pulls,alias:t"`
	ID            string `bun:"id,pk"`
	Account       string `bun:"account"`
	Issuer        string `bun:"issuer,nullzero"`
	Product       string `bun:"product,nullzero"`
	Start         int64  `bun:"starts_at"`
	End           int64  `bun:"ends_at"`
	Explanation   string `bun:"explanation"`
	Reason        string `bun:"reason"`
	Cancelled     int64  `bun:"cancelled_at,nullzero"`
	CreatedAt     int64  `bun:"created_at"`
}

const selectPull = `SELECT id, account, COALESCE(issuer, ''), COALESCE(product, ''), starts_at, ends_at, explanation, reason, COALESCE(cancelled_at, 0), created_at
	FROM renewal_pulls WHERE `

func (r *pullRow) dest() []any {
	return []any{&r.ID, &r.Account, &r.Issuer, &r.Product, &r.Start, &r.End, &r.Explanation, &r.Reason, &r.Cancelled, &r.CreatedAt}
}

func (r *pullRow) core() (core.RenewalPull, error) {
	return core.RenewalPull{ID: core.PullID(r.ID), Account: core.AccountID(r.Account), Issuer: core.IssuerID(r.Issuer), Product: core.ProductID(r.Product),
		Start: timeAt(r.Start), End: timeAt(r.End), Explanation: r.Explanation, Reason: r.Reason, Cancelled: timeAt(r.Cancelled), CreatedAt: timeAt(r.CreatedAt)}, nil
}

// RenewalPulls implements acme.Storage.
func (db *DB) RenewalPulls(ctx context.Context, account core.AccountID, issuer core.IssuerID, product core.ProductID, issued time.Time) ([]core.RenewalPull, error) {
	return readAll[pullRow, core.RenewalPull](db.queryKept(ctx, selectPull+`account = ? AND created_at > ? AND cancelled_at IS NULL
		AND (issuer IS NULL OR issuer = ?) AND (product IS NULL OR product = ?) ORDER BY created_at, id`,
		string(account), micros(issued), string(issuer), string(product)))
}

// RenewalPull finds a pull.
func (db *DB) RenewalPull(ctx context.Context, account core.AccountID, id core.PullID) (*core.RenewalPull, error) {
	return readOne[pullRow, core.RenewalPull](db.queryRow(ctx, selectPull+"id = ? AND account = ?", string(id), string(account)), "renewal pull")
}

// InsertRenewalPull adds a pull.
func (db *DB) InsertRenewalPull(ctx context.Context, tx core.Tx, p *core.RenewalPull) error {
	_, err := in(tx).exec(ctx, `INSERT INTO renewal_pulls (id, account, issuer, product, starts_at, ends_at, explanation, reason, cancelled_at, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, string(p.ID), string(p.Account), nullText(p.Issuer), nullText(p.Product), micros(p.Start), micros(p.End),
		p.Explanation, p.Reason, nullMicros(p.Cancelled), micros(p.CreatedAt))
	return err
}

// CancelRenewalPull ends a pull; conflict when it was cancelled already.
func (db *DB) CancelRenewalPull(ctx context.Context, tx core.Tx, account core.AccountID, id core.PullID, at time.Time) error {
	r, err := in(tx).exec(ctx, `UPDATE renewal_pulls SET cancelled_at = ? WHERE id = ? AND account = ? AND cancelled_at IS NULL`,
		micros(at), string(id), string(account))
	return changed(r, err, "renewal pull")
}

func pullList(now time.Time) *listing[pullRow, core.RenewalPull] {
	return &listing[pullRow, core.RenewalPull]{
		table: "renewal_pulls", conv: (*pullRow).core,
		cols: []column{
			col("id", "Pull", core.TypeID, "t.id"),
			choice("state", "State", "CASE WHEN t.cancelled_at IS NOT NULL THEN 'cancelled' WHEN t.ends_at <= "+literal(now)+" THEN 'past' WHEN t.starts_at > "+
				literal(now)+" THEN 'coming' ELSE 'running' END", "coming", "running", "past", "cancelled"),
			shown("issuer", "Issuer", core.TypeID, "t.issuer"),
			shown("product", "Product", core.TypeID, "t.product"),
			shown("start", "From", core.TypeTime, "t.starts_at"),
			shown("end", "To", core.TypeTime, "t.ends_at"),
			shown("reason", "Reason", core.TypeText, "t.reason"),
			col("explanation", "Explanation", core.TypeText, "t.explanation"),
			col("cancelled_at", "Cancelled", core.TypeTime, "t.cancelled_at"),
			shown("created_at", "Created", core.TypeTime, "t.created_at"),
		},
	}
}

// RenewalPullColumns describes the list of renewal pulls.
func (db *DB) RenewalPullColumns() []core.Column { return pullList(db.now()).columns() }

// ListRenewalPulls lists renewal pulls.
func (db *DB) ListRenewalPulls(ctx context.Context, q core.ListQuery) (core.Page[core.RenewalPull], error) {
	return pullList(db.now()).page(ctx, db, q)
}
