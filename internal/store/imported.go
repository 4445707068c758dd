package store

import (
	"context"

	"github.com/certwright/certwright/internal/core"
)

// InsertImported keeps a certificate that was read from a file. false: one with
// its fingerprint, or its issuer and serial number, is here already.
func (db *DB) InsertImported(ctx context.Context, tx core.Tx, c *core.Certificate) (bool, error) {
	r, err := in(tx).exec(ctx, `INSERT INTO certificates (id, account, number, issuer, product, user_id, group_id, protocol, state, serial,
		subject, common_name, names, key_algorithm, spki_hash, ski, fingerprint, not_before, not_after, reason, has_key, tags, notified, created_at,
		issuer_dn, is_ca) VALUES (?, ?, ?, ?, '', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, FALSE, ?, 0, ?, ?, ?) ON CONFLICT DO NOTHING`,
		string(c.ID), string(c.Account), c.Number, string(c.Issuer), string(c.User), nullText(c.Group), c.Protocol, string(c.State), c.Serial,
		c.Subject, c.CommonName, toJSON(c.Names), c.KeyAlgorithm, c.SPKIHash, nullBytes(c.SKI), c.Fingerprint, micros(c.NotBefore), micros(c.NotAfter),
		toJSON(c.Tags), micros(c.CreatedAt), c.IssuerDN, c.CA)
	if err != nil {
		return false, err
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	if _, err := in(tx).exec(ctx, insertBody, string(c.ID), c.DER); err != nil {
		return false, err
	}
	return true, in(tx).tag(ctx, tagged{core.TagCertificate, string(c.ID), c.Account, string(c.Group)}, c.Tags, true)
}

// CertificateBySerial finds a certificate by its issuer and serial number.
func (db *DB) CertificateBySerial(ctx context.Context, account core.AccountID, issuer core.IssuerID, serial string) (*core.Certificate, error) {
	return db.oneCertificate(ctx, "t.issuer = ? AND t.serial = ? AND t.account = ?", string(issuer), serial, string(account))
}

// ForeignIssuer returns the name of an issuer that is no CA of ours.
func (db *DB) ForeignIssuer(ctx context.Context, account core.AccountID, id core.IssuerID) (dn string, err error) {
	err = db.queryRow(ctx, `SELECT issuer_dn FROM certificates WHERE issuer = ? AND account = ? LIMIT 1`, string(id), string(account)).Scan(&dn)
	return dn, notFound(err, "issuer")
}

// maxSameName bounds how many CA certificates of one name are looked at.
const maxSameName = 20

// CAsNamed returns the CA certificates with a subject, newest first,
// with their DER.
func (db *DB) CAsNamed(ctx context.Context, account core.AccountID, subject string) ([]*core.Certificate, error) {
	q := db.read.NewSelect().Model((*certificateRow)(nil)).Where("t.account = ?", string(account)).Where("t.subject = ?", subject).Where("t.is_ca").
		OrderExpr("t.id DESC").Limit(maxSameName)
	return db.certificatesOf(ctx, q)
}
