package ca

import (
	"context"
	"errors"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// PublishCRL makes and keeps a full CRL of an issuer, also of a disabled one.
//
// The number is drawn before the revocations are read, so a CRL with a higher
// number has seen everything that one with a lower number has; SaveCRL keeps
// the highest. A process that dies in between leaves a gap in the numbers,
// never a repetition (RFC 5280 section 5.2.3 asks for growth only).
func (c *CA) PublishCRL(ctx context.Context, account core.AccountID, id core.IssuerID) (*CRL, error) {
	i, err := c.Storage.Issuer(ctx, account, id)
	if err != nil {
		return nil, err
	}
	return c.publish(ctx, i)
}

func (c *CA) publish(ctx context.Context, i *core.Issuer) (*CRL, error) {
	a, err := c.authority(ctx, i)
	if err != nil {
		return nil, err
	}
	var number int64
	if err := c.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		number, err = c.Storage.NextCRLNumber(ctx, tx, i.ID)
		return err
	}); err != nil {
		return nil, err
	}
	since, err := c.lastCRL(ctx, i.ID)
	if err != nil {
		return nil, err
	}
	crl := &CRL{Number: number, ThisUpdate: c.now(), NextUpdate: c.now().Add(c.CRLValidity)}
	entries, count, err := c.revoked(ctx, i.ID, since, crl.ThisUpdate)
	if err != nil {
		return nil, err
	}
	tbs, err := a.tbsCertList(crl, entries)
	if err != nil {
		return nil, err
	}
	if crl.DER, _, err = sign(tbs, a.alg, a.key); err != nil {
		return nil, err
	}
	err = c.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		if err := c.Storage.SaveCRL(ctx, tx, i.ID, *crl); err != nil {
			return err
		}
		return c.record(ctx, tx, system(i.Account), i, "crl.publish", map[string]any{"number": number, "entries": count})
	})
	if err != nil {
		return nil, err
	}
	return crl, nil
}

// lastCRL is the thisUpdate of the CRL before, zero without one. A certificate
// that expired before it has been on a CRL issued beyond its validity and may
// leave the list (RFC 5280 section 3.3).
func (c *CA) lastCRL(ctx context.Context, id core.IssuerID) (time.Time, error) {
	last, err := c.Storage.CRL(ctx, id)
	switch {
	case core.Is(err, core.KindNotFound):
		return time.Time{}, nil
	case err != nil:
		return time.Time{}, err
	}
	return last.ThisUpdate, nil
}

// PublishDue makes the CRLs that are missing or older than the interval, of
// every account, and goes on after failures, which it returns joined.
func (c *CA) PublishDue(ctx context.Context) error {
	list, err := c.Storage.ListIssuers(ctx, "")
	if err != nil {
		return err
	}
	var failed []error
	for _, i := range list {
		if i.Connector != ConnectorType || len(i.Certificate) == 0 {
			continue
		}
		last, err := c.lastCRL(ctx, i.ID)
		if err == nil && !last.IsZero() && c.now().Before(last.Add(c.CRLInterval)) {
			continue
		}
		if err == nil {
			_, err = c.publish(ctx, i)
		}
		if err != nil {
			failed = append(failed, core.Wrap(core.KindOf(err), err, "CRL of %s", i.Slug))
		}
	}
	return errors.Join(failed...)
}

// revoked reads the revocations into the contents of revokedCertificates. It is
// bytes and not a list because a CRL may have a million entries.
func (c *CA) revoked(ctx context.Context, id core.IssuerID, since, now time.Time) (entries []byte, count int, err error) {
	err = c.Storage.Revocations(ctx, id, since, func(r core.Revocation) error {
		count++
		var err error
		entries, err = appendRevoked(entries, r, now)
		return err
	})
	return entries, count, err
}

// appendRevoked appends one entry (RFC 5280 section 5.1.2.6) with the reason,
// unless it is unspecified, and the invalidity date (sections 5.3.1, 5.3.2).
func appendRevoked(dst []byte, r core.Revocation, now time.Time) ([]byte, error) {
	serial := serialOctets(r.Serial)
	if len(serial) == 0 || !x509x.Reason(r.Reason).Valid() {
		return nil, core.Wrap(core.KindInternal, errors.New("revocation of serial "+r.Serial+" cannot be encoded"), "")
	}
	at := r.RevokedAt
	if at.IsZero() || at.After(now) {
		at = now // nothing is revoked after the CRL that says so
	}
	b := cryptobyte.NewBuilder(dst)
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1BigInt(new(big.Int).SetBytes(serial))
		addTime(b, at)
		if r.Reason == 0 && r.Invalid.IsZero() {
			return
		}
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { addEntryExtensions(b, r.Reason, r.Invalid) })
	})
	return b.Bytes()
}

const oidInvalidityDate = "2.5.29.24"

// addEntryExtensions adds reason code and invalidity date, neither critical.
// OCSP writes the same ones (RFC 6960 section 4.4.5).
func addEntryExtensions(b *cryptobyte.Builder, reason int, invalid time.Time) {
	if reason != 0 {
		x, err := x509x.MakeReasonCode(x509x.Reason(reason))
		addExtension(b, x, err)
	}
	if !invalid.IsZero() {
		addExtension(b, invalidityDate(invalid), nil)
	}
}

func invalidityDate(t time.Time) x509x.Extension {
	var v cryptobyte.Builder
	v.AddASN1GeneralizedTime(t.UTC()) // always, also before 2050 (RFC 5280 section 5.3.2)
	value, _ := v.Bytes()
	return x509x.Extension{OID: oidInvalidityDate, Value: value}
}

func addExtension(b *cryptobyte.Builder, x x509x.Extension, err error) {
	if err != nil {
		b.SetError(err)
		return
	}
	oid, err := x509x.AppendOID(nil, x.OID)
	if err != nil {
		b.SetError(err)
		return
	}
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(oid)
		if x.Critical {
			b.AddASN1Boolean(true)
		}
		b.AddASN1OctetString(x.Value)
	})
}

// addTime adds UTCTime through 2049 and GeneralizedTime after (RFC 5280 section
// 5.1.2.4).
func addTime(b *cryptobyte.Builder, t time.Time) {
	t = t.UTC()
	if y := t.Year(); y >= 1950 && y < 2050 {
		b.AddASN1UTCTime(t)
	} else {
		b.AddASN1GeneralizedTime(t)
	}
}

// tbsCertList writes the TBSCertList (RFC 5280 section 5.1.2). It has no
// issuing distribution point: the extension is critical and says nothing about
// a CRL that is complete for its issuer (section 5.2.5).
func (a *authority) tbsCertList(crl *CRL, entries []byte) ([]byte, error) {
	number, err := x509x.MakeCRLNumber(big.NewInt(crl.Number))
	if err != nil {
		return nil, core.Wrap(core.KindInternal, err, "")
	}
	b := cryptobyte.NewBuilder(make([]byte, 0, len(entries)+len(a.subject)+256))
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1) // v2
		b.AddBytes(a.alg.DER())
		b.AddBytes(a.subject)
		addTime(b, crl.ThisUpdate)
		addTime(b, crl.NextUpdate)
		if len(entries) > 0 { // absent, never empty (section 5.1.2.6)
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(entries) })
		}
		b.AddASN1(asn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				addExtension(b, a.aki, nil)
				addExtension(b, number, nil)
			})
		})
	})
	tbs, err := b.Bytes()
	if err != nil {
		return nil, core.Wrap(core.KindInternal, err, "")
	}
	return tbs, nil
}
