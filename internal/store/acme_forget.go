package store

import (
	"context"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// What is over before a time: two parameters each.
const (
	orderOver         = `(state = 'invalid' AND updated_at < ? OR state IN ('pending', 'ready') AND expires_at < ?)`
	authorizationOver = `(state IN ('invalid', 'deactivated', 'revoked') AND updated_at < ? OR expires_at < ?)
		AND NOT EXISTS (SELECT 1 FROM acme_order_authorizations x WHERE x.authorization_id = authorizations.id)`
)

// ForgetACME removes orders that failed or expired before a time, and then
// authorizations that ended before and that no order needs, at most limit of
// each; it returns how many rows went. They are looked for outside of the
// transaction, which tests only what was found once more.
func (db *DB) ForgetACME(ctx context.Context, before time.Time, limit int) (int, error) {
	limit = min(limit, forgetBatch)
	at := micros(before)
	orders, err := db.over(ctx, `SELECT id FROM acme_orders WHERE `+orderOver+` ORDER BY id LIMIT ?`, at, at, limit)
	if err != nil {
		return 0, err
	}
	n, err := db.forget(ctx, orders, func(ctx context.Context, tx *Tx, in string, ids []any) (int64, error) {
		r, err := tx.exec(ctx, `DELETE FROM acme_orders WHERE id IN `+in+` AND `+orderOver, append(ids, at, at)...)
		if err != nil {
			return 0, err
		}
		if _, err := tx.exec(ctx, `DELETE FROM acme_order_authorizations WHERE order_id IN `+in+`
			AND NOT EXISTS (SELECT 1 FROM acme_orders o WHERE o.id = acme_order_authorizations.order_id)`, ids...); err != nil {
			return 0, err
		}
		return r.RowsAffected()
	})
	if err != nil {
		return n, err
	}
	dead, err := db.over(ctx, `SELECT id FROM authorizations WHERE `+authorizationOver+` ORDER BY id LIMIT ?`, at, at, limit)
	if err != nil {
		return n, err
	}
	m, err := db.forget(ctx, dead, func(ctx context.Context, tx *Tx, in string, ids []any) (int64, error) {
		r, err := tx.exec(ctx, `DELETE FROM authorizations WHERE id IN `+in+` AND `+authorizationOver, append(ids, at, at)...)
		if err != nil {
			return 0, err
		}
		return r.RowsAffected()
	})
	return n + m, err
}

// over reads the ids that a query finds.
func (db *DB) over(ctx context.Context, q string, args ...any) ([]any, error) {
	rows, err := db.query(ctx, q, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []any
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, away(rows.Err())
}

// forget deletes rows in transactions of a hundred, so that nobody waits long.
func (db *DB) forget(ctx context.Context, ids []any, del func(ctx context.Context, tx *Tx, in string, ids []any) (int64, error)) (total int, err error) {
	for len(ids) > 0 {
		some := ids[:min(len(ids), manyRows)]
		var n int64
		err := db.InTx(ctx, func(ctx context.Context, tx core.Tx) (err error) {
			n, err = del(ctx, in(tx), marks(1, len(some)), some[:len(some):len(some)])
			return err
		})
		if err != nil {
			return total, err
		}
		total, ids = total+int(n), ids[len(some):]
	}
	return total, nil
}
