package store

import (
	"context"
	"time"

	"github.com/certwright/certwright/internal/core"
)

const selectRESTToken = `SELECT access_hash, refresh_hash, family, account, credential, public_id, secret_set_at, expires_at, refresh_until,
	COALESCE(used_at, 0), COALESCE(revoked_at, 0), created_at FROM rest_tokens WHERE `

func scanRESTToken(row interface{ Scan(...any) error }) (*core.RESTToken, error) {
	var t core.RESTToken
	var set, expires, refresh, used, revoked, created int64
	err := row.Scan(&t.AccessHash, &t.RefreshHash, &t.Family, &t.Account, &t.Credential, &t.PublicID, &set, &expires, &refresh, &used, &revoked, &created)
	if err != nil {
		return nil, notFound(err, "token")
	}
	t.SecretSetAt, t.ExpiresAt, t.RefreshUntil = timeAt(set), timeAt(expires), timeAt(refresh)
	t.UsedAt, t.RevokedAt, t.CreatedAt = timeAt(used), timeAt(revoked), timeAt(created)
	return &t, nil
}

// InsertRESTToken implements rest.Storage.
func (db *DB) InsertRESTToken(ctx context.Context, tx core.Tx, t *core.RESTToken) error {
	_, err := in(tx).exec(ctx, `INSERT INTO rest_tokens (access_hash, refresh_hash, family, account, credential, public_id, secret_set_at,
		expires_at, refresh_until, used_at, revoked_at, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		t.AccessHash, t.RefreshHash, t.Family, string(t.Account), string(t.Credential), t.PublicID, micros(t.SecretSetAt),
		micros(t.ExpiresAt), micros(t.RefreshUntil), nullMicros(t.UsedAt), nullMicros(t.RevokedAt), micros(t.CreatedAt))
	return err
}

// RESTToken implements rest.Storage.
func (db *DB) RESTToken(ctx context.Context, access []byte) (*core.RESTToken, error) {
	return scanRESTToken(db.queryRow(ctx, selectRESTToken+`access_hash = ?`, access))
}

// RESTRefresh implements rest.Storage.
func (db *DB) RESTRefresh(ctx context.Context, tx core.Tx, refresh []byte) (*core.RESTToken, error) {
	return scanRESTToken(db.rowIn(ctx, tx, selectRESTToken+`refresh_hash = ?`, refresh))
}

// UseRESTRefresh implements rest.Storage.
func (db *DB) UseRESTRefresh(ctx context.Context, tx core.Tx, refresh []byte, at time.Time) (bool, error) {
	r, err := in(tx).exec(ctx, `UPDATE rest_tokens SET used_at = ? WHERE refresh_hash = ? AND used_at IS NULL AND revoked_at IS NULL`, micros(at), refresh)
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n == 1, err
}

// RevokeRESTFamily implements rest.Storage.
func (db *DB) RevokeRESTFamily(ctx context.Context, tx core.Tx, family string, at time.Time) error {
	_, err := in(tx).exec(ctx, `UPDATE rest_tokens SET revoked_at = ? WHERE family = ? AND revoked_at IS NULL`, micros(at), family)
	return err
}

// UseRESTTxn implements rest.Storage.
func (db *DB) UseRESTTxn(ctx context.Context, credential core.CredentialID, txn string, until time.Time) (fresh bool, err error) {
	err = db.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		r, err := in(tx).exec(ctx, `INSERT INTO rest_txns (credential, txn, until) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, string(credential), txn, micros(until))
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		fresh = n == 1
		return err
	})
	return fresh && err == nil, err
}

// RESTAnswer implements rest.Storage.
func (db *DB) RESTAnswer(ctx context.Context, credential core.CredentialID, key string) (*core.RESTAnswer, error) {
	a := core.RESTAnswer{Credential: credential, Key: key}
	var created int64
	err := db.queryRow(ctx, `SELECT digest, order_id, final, status, location, body, created_at FROM rest_answers
		WHERE credential = ? AND idempotency_key = ?`, string(credential), key).
		Scan(&a.Digest, &a.Order, &a.Final, &a.Status, &a.Location, &a.Body, &created)
	if err != nil {
		return nil, notFound(err, "answer")
	}
	a.CreatedAt = timeAt(created)
	return &a, nil
}

// InsertRESTAnswer implements rest.Storage.
func (db *DB) InsertRESTAnswer(ctx context.Context, tx core.Tx, a *core.RESTAnswer) (bool, error) {
	r, err := in(tx).exec(ctx, `INSERT INTO rest_answers (credential, idempotency_key, digest, order_id, final, status, location, body, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		string(a.Credential), a.Key, a.Digest, string(a.Order), a.Final, a.Status, a.Location, nullBytes(a.Body), micros(a.CreatedAt))
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n == 1, err
}

// FinishRESTAnswer implements rest.Storage.
func (db *DB) FinishRESTAnswer(ctx context.Context, tx core.Tx, a *core.RESTAnswer) (bool, error) {
	r, err := in(tx).exec(ctx, `UPDATE rest_answers SET final = ?, status = ?, location = ?, body = ?
		WHERE credential = ? AND idempotency_key = ? AND NOT final`,
		true, a.Status, a.Location, nullBytes(a.Body), string(a.Credential), a.Key)
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n == 1, err
}

// ForgetREST removes tokens whose refresh ended, transaction names that could
// not be used again, before now, and answers that were first given before
// answers; at most a batch of each.
func (db *DB) ForgetREST(ctx context.Context, now, answers time.Time) (total int, err error) {
	err = db.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		total = 0
		for _, d := range []struct {
			q  string
			at time.Time
		}{
			{`DELETE FROM rest_tokens WHERE access_hash IN (SELECT access_hash FROM rest_tokens WHERE refresh_until < ? LIMIT ?)`, now},
			{`DELETE FROM rest_txns WHERE (credential, txn) IN (SELECT credential, txn FROM rest_txns WHERE until < ? LIMIT ?)`, now},
			{`DELETE FROM rest_answers WHERE (credential, idempotency_key) IN (SELECT credential, idempotency_key FROM rest_answers WHERE created_at < ? LIMIT ?)`, answers},
		} {
			r, err := in(tx).exec(ctx, d.q, micros(d.at), forgetBatch)
			if err != nil {
				return err
			}
			n, err := r.RowsAffected()
			if err != nil {
				return err
			}
			total += int(n)
		}
		return nil
	})
	return total, err
}
