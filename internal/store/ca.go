package store

import (
	"context"
	"time"

	"github.com/certwright/certwright/internal/ca"
	"github.com/certwright/certwright/internal/core"
)

// CA is the database as the built-in CA sees it.
type CA struct{ *DB }

// Issuer implements ca.Storage, leaving the CRL out.
func (db CA) Issuer(ctx context.Context, account core.AccountID, id core.IssuerID) (*core.Issuer, error) {
	return db.oneIssuer(ctx, keptSelectOf[issuerRow](db.DB, "crl"), "t.id = ? AND t.account = ?", string(id), string(account))
}

// IssuerBySlug implements ca.Storage.
func (db CA) IssuerBySlug(ctx context.Context, slug string) (*core.Issuer, error) {
	return db.oneIssuer(ctx, keptSelectOf[issuerRow](db.DB, "crl"), "t.slug = ?", slug)
}

// ListIssuers implements ca.Storage.
func (db CA) ListIssuers(ctx context.Context, account core.AccountID) ([]*core.Issuer, error) {
	var rows []issuerRow
	q := db.read.NewSelect().Model(&rows).ExcludeColumn("crl").Where("t.connector = ?", ca.ConnectorType).OrderExpr("t.id")
	if account != "" {
		q = q.Where("t.account = ?", string(account))
	}
	if err := q.Scan(ctx); err != nil {
		return nil, err
	}
	out := make([]*core.Issuer, 0, len(rows))
	for n := range rows {
		i, err := rows[n].core()
		if err != nil {
			return nil, err
		}
		out = append(out, &i)
	}
	return out, nil
}

// PutIssuer implements ca.Storage.
func (db CA) PutIssuer(ctx context.Context, tx core.Tx, i *core.Issuer) error {
	row := issuerRowOf(i)
	row.Version++
	if i.Version == 0 {
		if _, err := in(tx).now().NewInsert().Model(row).Exec(ctx); err != nil {
			return exists(err, "an issuer with the short name %q exists", i.Slug)
		}
	} else {
		r, err := in(tx).now().NewUpdate().Model(row).
			ExcludeColumn("id", "account", "created_at", "crl_number", "crl", "crl_this", "crl_next", "responder", "responder_key").
			Where("id = ?", row.ID).Where("account = ?", row.Account).Where("version = ?", i.Version).Exec(ctx)
		if err := changed(r, exists(err, "an issuer with the short name %q exists", i.Slug), "issuer"); err != nil {
			return err
		}
	}
	tx.OnCommit(func() { i.Version = row.Version }) // not before: the transaction may run again
	return nil
}

// NextCRLNumber implements ca.Storage.
func (db CA) NextCRLNumber(ctx context.Context, tx core.Tx, issuer core.IssuerID) (n int64, err error) {
	err = in(tx).row(ctx, `UPDATE issuers SET crl_number = crl_number + 1 WHERE id = ? RETURNING crl_number`, string(issuer)).Scan(&n)
	return n, notFound(err, "issuer")
}

// SaveCRL implements ca.Storage. The number of a kept CRL is read from its
// place beside it, because crl_number runs ahead.
func (db CA) SaveCRL(ctx context.Context, tx core.Tx, issuer core.IssuerID, c ca.CRL) error {
	_, err := in(tx).exec(ctx, `UPDATE issuers SET crl = ?, crl_kept = ?, crl_this = ?, crl_next = ? WHERE id = ? AND crl_kept < ?`,
		c.DER, c.Number, micros(c.ThisUpdate), micros(c.NextUpdate), string(issuer), c.Number)
	return err
}

// CRL implements ca.Storage.
func (db CA) CRL(ctx context.Context, issuer core.IssuerID) (*ca.CRL, error) {
	var c ca.CRL
	var this, next int64
	err := db.queryRow(ctx, `SELECT crl, crl_kept, crl_this, crl_next FROM issuers WHERE id = ? AND crl IS NOT NULL`, string(issuer)).
		Scan(&c.DER, &c.Number, &this, &next)
	if err != nil {
		return nil, notFound(err, "CRL")
	}
	c.ThisUpdate, c.NextUpdate = timeAt(this), timeAt(next)
	return &c, nil
}

// SaveResponder implements ca.Storage.
func (db CA) SaveResponder(ctx context.Context, tx core.Tx, issuer core.IssuerID, certificate, sealedKey []byte) error {
	_, err := in(tx).exec(ctx, `UPDATE issuers SET responder = ?, responder_key = ? WHERE id = ?`, certificate, sealedKey, string(issuer))
	return err
}

// PutCertificate implements ca.Storage.
func (db CA) PutCertificate(ctx context.Context, tx core.Tx, c *core.Certificate) error {
	// One number behind the blocks that were given out; see Number.
	err := in(tx).row(ctx, `INSERT INTO counters (account, kind, value) VALUES ('', 'certificate', ?)
		ON CONFLICT (account, kind) DO UPDATE SET value = counters.value + 1 RETURNING value`, firstNumber+1).Scan(&c.Number)
	if err != nil {
		return err
	}
	c.Number-- // value is the first that is still free
	if err := db.ReserveCertificate(ctx, tx, c); err != nil {
		return err
	}
	return db.FinishCertificate(ctx, tx, c)
}

// CertificateStatus implements ca.Storage.
func (db CA) CertificateStatus(ctx context.Context, issuer core.IssuerID, serial string) (*ca.CertificateStatus, error) {
	var s ca.CertificateStatus
	var revoked, invalid *int64
	var notAfter int64
	err := db.queryRow(ctx, `SELECT state, revoked_at, reason, invalid_since, not_after FROM certificates WHERE issuer = ? AND serial = ?`,
		string(issuer), serial).Scan(&s.State, &revoked, &s.Reason, &invalid, &notAfter)
	if err != nil {
		return nil, notFound(err, "certificate")
	}
	s.NotAfter, s.RevokedAt, s.Invalid = timeAt(notAfter), optional(revoked), optional(invalid)
	return &s, nil
}

func optional(v *int64) time.Time {
	if v == nil {
		return time.Time{}
	}
	return timeAt(*v)
}

// Revocations implements ca.Storage.
func (db CA) Revocations(ctx context.Context, issuer core.IssuerID, since time.Time, f func(core.Revocation) error) error {
	rows, err := db.query(ctx, `SELECT serial, revoked_at, reason, invalid_since, not_after FROM certificates
		WHERE issuer = ? AND revoked_at IS NOT NULL AND not_after >= ? AND state IN ('revoked', 'on-hold', 'abandoned') ORDER BY serial`,
		string(issuer), micros(since))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var r core.Revocation
		var revoked, invalid *int64
		var notAfter int64
		if err := rows.Scan(&r.Serial, &revoked, &r.Reason, &invalid, &notAfter); err != nil {
			return err
		}
		r.RevokedAt, r.Invalid, r.NotAfter = optional(revoked), optional(invalid), timeAt(notAfter)
		if err := f(r); err != nil {
			return err
		}
	}
	return rows.Err()
}
