package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// These are the statements of the hot path, so they are prepared by hand.
const (
	insertOrder = `INSERT INTO orders (id, account, number, credential, user_id, group_id, product, issuer, protocol, state,
		subject, names, idempotency, replaces, certificate, request, key_sealed, failure, reference, lease_until, attempt, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`
	updateOrder = `UPDATE orders SET state = ?, certificate = ?, failure = ?, reference = ?, lease_until = ?, attempt = ?, updated_at = ?
		WHERE id = ? AND state = ? AND attempt = ?`
	fillOrder = `UPDATE orders SET product = ?, issuer = ?, state = ?, subject = ?, names = ?, idempotency = ?, replaces = ?, request = ?,
		key_sealed = ?, failure = ?, lease_until = ?, attempt = ?, updated_at = ? WHERE id = ? AND state = ? AND attempt = ?`
	insertCertificate = `INSERT INTO certificates (id, account, number, order_id, issuer, product, credential, user_id, group_id,
		protocol, state, serial, subject, common_name, names, key_algorithm, spki_hash, ski, fingerprint, not_before, not_after, replaces,
		reason, has_key, tags, notified, created_at, is_ca)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, 0, ?, ?)`
	finishCertificate = `UPDATE certificates SET state = ?, fingerprint = ?, has_key = ? WHERE id = ? AND state = 'reserved'`
	insertBody        = `INSERT INTO certificate_bodies (certificate, der) VALUES (?, ?)`
	// On PostgreSQL both in one way to the server and back.
	finishWithBody = `WITH c AS (UPDATE certificates SET state = ?, fingerprint = ?, has_key = ? WHERE id = ? AND state = 'reserved' RETURNING id)
		INSERT INTO certificate_bodies (certificate, der) SELECT id, ?::bytea FROM c`
)

// changed turns "no row matched" into a conflict about what.
func changed(r sql.Result, err error, what string) error {
	if err != nil {
		return err
	}
	n, err := r.RowsAffected()
	if err == nil && n != 1 {
		return core.Errorf(core.KindConflict, "the %s was changed by somebody else meanwhile", what)
	}
	return err
}

// nullBytes stores an empty slice as NULL.
func nullBytes(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}

// InsertOrder implements enroll.Storage.
func (db *DB) InsertOrder(ctx context.Context, tx core.Tx, o *core.Order) (bool, error) {
	req, err := json.Marshal(&o.Request)
	if err != nil {
		return false, err
	}
	r, err := in(tx).expect(ctx, 1, insertOrder, string(o.ID), string(o.Account), o.Number, nullText(o.Credential), string(o.User),
		nullText(o.Group), string(o.Product), string(o.Issuer), o.Protocol, string(o.State), o.Subject, toJSON(o.Names),
		nullText(o.IdempotencyKey), nullText(o.Replaces), nullText(o.Certificate), req, nullBytes(o.KeySealed), o.Failure, o.Reference,
		nullMicros(o.LeaseUntil), o.Attempt, micros(o.CreatedAt), micros(o.UpdatedAt))
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n == 1, err
}

// UpdateOrder implements enroll.Storage.
func (db *DB) UpdateOrder(ctx context.Context, tx core.Tx, o *core.Order, from core.OrderState, attempt int) error {
	if err := from.To(o.State); err != nil {
		return err
	}
	r, err := in(tx).expect(ctx, 1, updateOrder, string(o.State), nullText(o.Certificate), o.Failure, o.Reference,
		nullMicros(o.LeaseUntil), o.Attempt, micros(o.UpdatedAt), string(o.ID), string(from), attempt)
	return changed(r, err, "order")
}

// FillOrder implements enroll.Storage.
func (db *DB) FillOrder(ctx context.Context, tx core.Tx, o *core.Order, from core.OrderState, attempt int) error {
	if o.State != from {
		if err := from.To(o.State); err != nil {
			return err
		}
	}
	req, err := json.Marshal(&o.Request)
	if err != nil {
		return err
	}
	r, err := in(tx).exec(ctx, fillOrder, string(o.Product), string(o.Issuer), string(o.State), o.Subject, toJSON(o.Names),
		nullText(o.IdempotencyKey), nullText(o.Replaces), req, nullBytes(o.KeySealed), o.Failure, nullMicros(o.LeaseUntil), o.Attempt,
		micros(o.UpdatedAt), string(o.ID), string(from), attempt)
	return changed(r, exists(err, "the idempotency key is taken"), "order")
}

// ReleaseKey implements enroll.Storage.
func (db *DB) ReleaseKey(ctx context.Context, tx core.Tx, id core.OrderID, key string) error {
	_, err := in(tx).exec(ctx, `UPDATE orders SET idempotency = NULL WHERE id = ? AND idempotency = ?`, string(id), key)
	return err
}

// DropKey implements enroll.Storage.
func (db *DB) DropKey(ctx context.Context, tx core.Tx, id core.OrderID) error {
	r, err := in(tx).exec(ctx, `UPDATE orders SET key_sealed = NULL WHERE id = ? AND key_sealed IS NOT NULL`, string(id))
	if err := changed(r, err, "order"); err != nil {
		return err
	}
	_, err = in(tx).exec(ctx, `UPDATE certificates SET has_key = ? WHERE order_id = ?`, false, string(id))
	return err
}

// Order implements enroll.Storage.
func (db *DB) Order(ctx context.Context, account core.AccountID, id core.OrderID) (*core.Order, error) {
	return db.oneOrder(ctx, "t.id = ? AND t.account = ?", string(id), string(account))
}

// OrderByKey implements enroll.Storage.
func (db *DB) OrderByKey(ctx context.Context, key string) (*core.Order, error) {
	return db.oneOrder(ctx, "t.idempotency = ?", key)
}

// OrderByNumber finds an order by its public number.
func (db *DB) OrderByNumber(ctx context.Context, account core.AccountID, number int64) (*core.Order, error) {
	return db.oneOrder(ctx, "t.number = ? AND t.account = ?", number, string(account))
}

func (db *DB) oneOrder(ctx context.Context, where string, args ...any) (*core.Order, error) {
	r, err := keptRow[orderRow](ctx, db, keptSelectOf[orderRow](db), where, args...)
	if err != nil {
		return nil, notFound(err, "order")
	}
	o, err := r.core()
	return &o, err
}

// StaleOrders implements enroll.Storage.
func (db *DB) StaleOrders(ctx context.Context, before time.Time, limit int) ([]*core.Order, error) {
	var rows []orderRow
	err := db.read.NewSelect().Model(&rows).Where("t.state = ?", string(core.OrderIssuing)).
		Where("(t.lease_until IS NULL OR t.lease_until < ?)", micros(before)).Where("t.state NOT IN ('issued', 'rejected', 'cancelled', 'failed')").
		OrderExpr("t.updated_at").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]*core.Order, 0, len(rows))
	for i := range rows {
		o, err := rows[i].core()
		if err != nil {
			return nil, err
		}
		out = append(out, &o)
	}
	return out, nil
}

// ReserveCertificate implements enroll.Storage.
func (db *DB) ReserveCertificate(ctx context.Context, tx core.Tx, c *core.Certificate) error {
	_, err := in(tx).expect(ctx, 1, insertCertificate, string(c.ID), string(c.Account), c.Number, nullText(c.Order), string(c.Issuer),
		string(c.Product), nullText(c.Credential), string(c.User), nullText(c.Group), c.Protocol, string(core.CertReserved), c.Serial,
		c.Subject, c.CommonName, toJSON(c.Names), c.KeyAlgorithm, c.SPKIHash, nullBytes(c.SKI), nil, micros(c.NotBefore), micros(c.NotAfter),
		nullText(c.Replaces), c.HasKey, toJSON(c.Tags), micros(c.CreatedAt), c.CA)
	if err != nil {
		return exists(err, "the serial number %s is taken", c.Serial)
	}
	return in(tx).tag(ctx, tagged{core.TagCertificate, string(c.ID), c.Account, string(c.Group)}, c.Tags, true)
}

// FinishCertificate implements enroll.Storage.
func (db *DB) FinishCertificate(ctx context.Context, tx core.Tx, c *core.Certificate) error {
	if db.dialect == Postgres {
		r, err := in(tx).expect(ctx, 1, finishWithBody, string(c.State), c.Fingerprint, c.HasKey, string(c.ID), c.DER)
		return changed(r, err, "certificate")
	}
	r, err := in(tx).exec(ctx, finishCertificate, string(c.State), c.Fingerprint, c.HasKey, string(c.ID))
	if err := changed(r, err, "certificate"); err != nil {
		return err
	}
	_, err = in(tx).exec(ctx, insertBody, string(c.ID), c.DER)
	return err
}

// AbandonReserved implements enroll.Storage.
func (db *DB) AbandonReserved(ctx context.Context, tx core.Tx, id core.OrderID, at time.Time) error {
	_, err := in(tx).exec(ctx, `UPDATE certificates SET state = 'abandoned', revoked_at = ?, reason = ? WHERE order_id = ? AND state = 'reserved'`,
		micros(at), core.ReasonCessationOfOperation, string(id))
	return err
}

// SetCertificateState implements enroll.Storage.
func (db *DB) SetCertificateState(ctx context.Context, tx core.Tx, c *core.Certificate, from core.CertificateState) error {
	if err := from.To(c.State); err != nil {
		return err
	}
	r, err := in(tx).exec(ctx, `UPDATE certificates SET state = ?, revoked_at = ?, reason = ?, invalid_since = ? WHERE id = ? AND state = ?`,
		string(c.State), nullMicros(c.RevokedAt), c.Reason, nullMicros(c.InvalidSince), string(c.ID), string(from))
	return changed(r, err, "certificate")
}

// MarkReplaced implements enroll.Storage.
func (db *DB) MarkReplaced(ctx context.Context, tx core.Tx, old, by core.CertificateID) error {
	_, err := in(tx).exec(ctx, `UPDATE certificates SET replaced_by = ? WHERE id = ?`, string(by), string(old))
	return err
}

// CountValid implements enroll.Storage. The product's row is locked, so that
// of two that count at the same time the second sees what the first added.
func (db *DB) CountValid(ctx context.Context, tx core.Tx, product core.ProductID, credential core.CredentialID, now time.Time) (n int, err error) {
	if db.dialect == Postgres {
		var id string
		if err := in(tx).row(ctx, `SELECT id FROM products WHERE id = ? FOR UPDATE`, string(product)).Scan(&id); err != nil {
			return 0, notFound(err, "product")
		}
	}
	err = in(tx).row(ctx, `SELECT COUNT(*) FROM certificates WHERE credential = ? AND product = ? AND not_after > ?
		AND state IN ('reserved', 'active', 'on-hold')`, string(credential), string(product), micros(now)).Scan(&n)
	return n, err
}

// AddApproval implements enroll.Storage.
func (db *DB) AddApproval(ctx context.Context, tx core.Tx, a *core.Approval) error {
	r, err := in(tx).exec(ctx, `INSERT INTO approvals (id, account, order_id, user_id, approved, comment, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		string(a.ID), string(a.Account), string(a.Order), string(a.User), a.Approved, a.Comment, micros(a.CreatedAt))
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return core.Errorf(core.KindExists, "this person has decided already")
}

// CountApprovals implements enroll.Storage.
func (db *DB) CountApprovals(ctx context.Context, tx core.Tx, id core.OrderID) (n int, err error) {
	err = in(tx).row(ctx, `SELECT COUNT(*) FROM approvals WHERE order_id = ? AND approved = ?`, string(id), true).Scan(&n)
	return n, err
}

// Approvals lists the words on an order, oldest first.
func (db *DB) Approvals(ctx context.Context, account core.AccountID, id core.OrderID) ([]core.Approval, error) {
	rows, err := db.query(ctx, `SELECT id, user_id, approved, comment, created_at FROM approvals WHERE order_id = ? AND account = ? ORDER BY id`, string(id), string(account))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []core.Approval
	for rows.Next() {
		a := core.Approval{Account: account, Order: id}
		var at int64
		if err := rows.Scan(&a.ID, &a.User, &a.Approved, &a.Comment, &at); err != nil {
			return nil, err
		}
		a.CreatedAt = timeAt(at)
		out = append(out, a)
	}
	return out, rows.Err()
}

// numberBlock is how many public numbers a process takes at once.
const numberBlock = 200

// Number implements enroll.Storage: numbers are taken in blocks, so that they
// cost no write of their own.
func (db *DB) Number(ctx context.Context, kind string) (int64, error) {
	b, _ := db.numbers.LoadOrStore(kind, &block{})
	return b.(*block).next(func() (int64, error) {
		var end int64
		err := db.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
			return in(tx).row(ctx, `INSERT INTO counters (account, kind, value) VALUES ('', ?, ?)
				ON CONFLICT (account, kind) DO UPDATE SET value = counters.value + excluded.value - ? RETURNING value`,
				kind, firstNumber+numberBlock, firstNumber).Scan(&end)
		})
		return end, err
	})
}

// firstNumber makes public numbers of orders and certificates seven digits
// long from the start, as vendor APIs show them.
const firstNumber = 1_000_000
