package store

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/certwright/certwright/internal/core"
)

// detailsRow is a row of order_details.
type detailsRow struct {
	bun.BaseModel  `bun:"table:order_details,alias:t"`
	Order          string `bun:"order_id,pk"`
	Account        string `bun:"account"`
	Request        int64  `bun:"request"`
	Organisation   string `bun:"organisation,nullzero"`
	Owner          string `bun:"owner,nullzero"`
	Ask            string `bun:"ask"`
	CSR            []byte `bun:"csr"`
	Agreement      string `bun:"agreement,nullzero"`
	Approved       bool   `bun:"approved"`
	Reissues       string `bun:"reissues,nullzero"`
	Mode           string `bun:"mode"`
	Reason         string `bun:"reason"`
	RevokeOld      bool   `bun:"revoke_old"`
	RevokeAll      bool   `bun:"revoke_all"`
	RevokeReason   int    `bun:"revoke_reason"`
	Remarks        string `bun:"remarks"`
	Digest         string `bun:"digest"`
	DocumentsAfter int64  `bun:"documents_after,nullzero"`
	Until          int64  `bun:"subscribed_until,nullzero"`
	DueAt          int64  `bun:"due_at,nullzero"`
	Version        int    `bun:"version"`
	CreatedAt      int64  `bun:"created_at"`
	UpdatedAt      int64  `bun:"updated_at"`
}

func (r *detailsRow) core() (*core.OrderDetails, error) {
	d := &core.OrderDetails{Order: core.OrderID(r.Order), Account: core.AccountID(r.Account), Request: r.Request,
		Organisation: core.OrganisationID(r.Organisation), Owner: core.OrganisationID(r.Owner), CSR: r.CSR, Approved: r.Approved,
		Reissues: core.CertificateID(r.Reissues), Mode: r.Mode, Reason: r.Reason, RevokeOld: r.RevokeOld, RevokeAll: r.RevokeAll,
		RevokeReason: r.RevokeReason, Remarks: r.Remarks, Digest: r.Digest, DocumentsAfter: timeAt(r.DocumentsAfter), Until: timeAt(r.Until),
		DueAt: timeAt(r.DueAt), Version: r.Version, CreatedAt: timeAt(r.CreatedAt), UpdatedAt: timeAt(r.UpdatedAt)}
	if r.Agreement != "" {
		d.Agreement = new(core.Agreement)
		if err := json.Unmarshal([]byte(r.Agreement), d.Agreement); err != nil {
			return nil, err
		}
	}
	return d, json.Unmarshal([]byte(r.Ask), &d.Ask)
}

const (
	insertDetails = `INSERT INTO order_details (order_id, account, request, organisation, owner, ask, requestor, tags, csr, agreement, approved,
		reissues, mode, reason, revoke_old, revoke_all, revoke_reason, remarks, digest, documents_after, subscribed_until, due_at, version,
		created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	updateDetails = `UPDATE order_details SET organisation = ?, owner = ?, ask = ?, requestor = ?, tags = ?, csr = ?, agreement = ?, approved = ?,
		reissues = ?, mode = ?, reason = ?, revoke_old = ?, revoke_all = ?, revoke_reason = ?, remarks = ?, digest = ?, documents_after = ?,
		subscribed_until = ?, version = ?, updated_at = ? WHERE order_id = ? AND version = ?`
	wakeOrders = `UPDATE order_details SET due_at = ? WHERE order_id IN
		(SELECT order_id FROM order_waits WHERE account = ? AND kind = ? AND reference = ?)`
)

// detailsValues are the columns that both statements write.
func detailsValues(d *core.OrderDetails) []any {
	var agreement any
	if d.Agreement != nil {
		agreement = toJSON(d.Agreement)
	}
	return []any{nullText(d.Organisation), nullText(d.Owner), toJSON(d.Ask), strings.ToLower(d.Ask.Requestor.Email), toJSON(d.Ask.Tags),
		nullBytes(d.CSR), agreement, d.Approved, nullText(d.Reissues), d.Mode, d.Reason, d.RevokeOld, d.RevokeAll, d.RevokeReason, d.Remarks,
		d.Digest, nullMicros(d.DocumentsAfter), nullMicros(d.Until)}
}

// InsertDetails implements ordering.Storage.
func (db *DB) InsertDetails(ctx context.Context, tx core.Tx, d *core.OrderDetails) error {
	args := append([]any{string(d.Order), string(d.Account), d.Request}, detailsValues(d)...)
	_, err := in(tx).exec(ctx, insertDetails, append(args, nullMicros(d.DueAt), d.Version, micros(d.CreatedAt), micros(d.UpdatedAt))...)
	if err != nil {
		return err
	}
	return in(tx).tagOrder(ctx, d, true)
}

// UpdateDetails implements ordering.Storage.
func (db *DB) UpdateDetails(ctx context.Context, tx core.Tx, d *core.OrderDetails) error {
	r, err := in(tx).exec(ctx, updateDetails, append(detailsValues(d), d.Version, micros(d.UpdatedAt), string(d.Order), d.Version-1)...)
	if err := changed(r, err, "order"); err != nil {
		return err
	}
	return in(tx).tagOrder(ctx, d, false)
}

// MoveOrder implements ordering.Storage.
func (db *DB) MoveOrder(ctx context.Context, tx core.Tx, o *core.Order, from core.OrderState, attempt int) error {
	if o.State != from {
		return db.UpdateOrder(ctx, tx, o, from, attempt)
	}
	r, err := in(tx).exec(ctx, `UPDATE orders SET failure = ?, updated_at = ? WHERE id = ? AND state = ? AND attempt = ?`,
		o.Failure, micros(o.UpdatedAt), string(o.ID), string(from), attempt)
	return changed(r, err, "order")
}

// OrderDetails implements ordering.Storage.
func (db *DB) OrderDetails(ctx context.Context, account core.AccountID, id core.OrderID) (*core.OrderDetails, error) {
	return db.oneDetails(ctx, "t.order_id = ? AND t.account = ?", string(id), string(account))
}

// DetailsByRequest implements ordering.Storage.
func (db *DB) DetailsByRequest(ctx context.Context, account core.AccountID, request int64) (*core.OrderDetails, error) {
	return db.oneDetails(ctx, "t.request = ? AND t.account = ?", request, string(account))
}

func (db *DB) oneDetails(ctx context.Context, where string, args ...any) (*core.OrderDetails, error) {
	r, err := keptRow[detailsRow](ctx, db, keptSelectOf[detailsRow](db), where, args...)
	if err != nil {
		return nil, notFound(err, "order")
	}
	return r.core()
}

// SetDue implements ordering.Storage.
func (db *DB) SetDue(ctx context.Context, tx core.Tx, id core.OrderID, at time.Time) error {
	_, err := in(tx).exec(ctx, `UPDATE order_details SET due_at = ? WHERE order_id = ?`, nullMicros(at), string(id))
	return err
}

// Postpone implements ordering.Storage.
func (db *DB) Postpone(ctx context.Context, tx core.Tx, id core.OrderID, was, at time.Time) error {
	_, err := in(tx).exec(ctx, `UPDATE order_details SET due_at = ? WHERE order_id = ? AND due_at = ?`, nullMicros(at), string(id), micros(was))
	return err
}

// DueOrders implements ordering.Storage.
func (db *DB) DueOrders(ctx context.Context, now time.Time, limit int) ([]core.OrderDetails, error) {
	var rows []detailsRow
	if err := db.read.NewSelect().Model(&rows).Where("t.due_at <= ?", micros(now)).OrderExpr("t.due_at").Limit(int64(limit)).Scan(ctx); err != nil {
		return nil, err
	}
	out := make([]core.OrderDetails, 0, len(rows))
	for i := range rows {
		d, err := rows[i].core()
		if err != nil {
			return nil, err
		}
		out = append(out, *d)
	}
	return out, nil
}

// SetWaits implements ordering.Storage.
func (db *DB) SetWaits(ctx context.Context, tx core.Tx, account core.AccountID, id core.OrderID, kind string, references []string) error {
	if _, err := in(tx).exec(ctx, `DELETE FROM order_waits WHERE order_id = ?`, string(id)); err != nil {
		return err
	}
	for len(references) > 0 {
		n := min(len(references), manyRows)
		args := make([]any, 0, 4*n)
		for _, r := range references[:n] {
			args = append(args, string(id), string(account), kind, r)
		}
		if _, err := in(tx).exec(ctx, `INSERT INTO order_waits (order_id, account, kind, reference) VALUES `+marks(n, 4)+` ON CONFLICT DO NOTHING`, args...); err != nil {
			return err
		}
		references = references[n:]
	}
	return nil
}

// Wake implements ordering.Storage.
func (db *DB) Wake(ctx context.Context, tx core.Tx, account core.AccountID, kind, reference string, at time.Time) error {
	_, err := in(tx).exec(ctx, wakeOrders, micros(at), string(account), kind, reference)
	return err
}

// DropApprovals implements ordering.Storage.
func (db *DB) DropApprovals(ctx context.Context, tx core.Tx, id core.OrderID) error {
	_, err := in(tx).exec(ctx, `DELETE FROM approvals WHERE order_id = ?`, string(id))
	return err
}
