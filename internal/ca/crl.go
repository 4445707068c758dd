package ca

import (
	"context"
	"encoding/hex"
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
	i, err := c.d.Storage.Issuer(ctx, account, id)
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
	if err := c.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		number, err = c.d.Storage.NextCRLNumber(ctx, tx, i.ID)
		return err
	}); err != nil {
		return nil, err
	}
	since, err := c.lastCRL(ctx, i.ID)
	if err != nil {
		return nil, err
	}
	crl := &CRL{Number: number, ThisUpdate: c.now(), NextUpdate: c.now().Add(c.d.CRLValidity)}
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
	err = c.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		if err := c.d.Storage.SaveCRL(ctx, tx, i.ID, *crl); err != nil {
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
	last, err := c.d.Storage.CRL(ctx, id)
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
	list, err := c.d.Storage.ListIssuers(ctx, "")
	if err != nil {
		return err
	}
	var failed []error
	for _, i := range list {
		if i.Connector != ConnectorType || len(i.Certificate) == 0 {
			continue
		}
		last, err := c.lastCRL(ctx, i.ID)
		if err == nil && !last.IsZero() && c.now().Before(last.Add(c.d.CRLInterval)) {
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
	err = c.d.Storage.Revocations(ctx, id, since, func(r core.Revocation) error {
		count++
		var err error
		entries, err = appendRevoked(entries, r, now)
		return err
	})
	return entries, count, err
}

// appendRevoked appends one entry (RFC 5280 section 5.1.2.6) with the reason,
// unless it is unspecified, and the invalidity date (sections 5.3.1, 5.3.2). It
// is written by hand because there may be a million; no length in it needs more
// than one octet.
func appendRevoked(dst []byte, r core.Revocation, now time.Time) ([]byte, error) {
	var buf [maxSerial]byte
	serial, ok := appendSerial(buf[:0], r.Serial)
	if !ok {
		return nil, core.Wrap(core.KindInternal, errors.New("revocation of serial "+r.Serial+" cannot be encoded"), "")
	}
	reason := entryReason(r.Reason)
	at := r.RevokedAt
	if at.IsZero() || at.After(now) {
		at = now // nothing is revoked after the CRL that says so
	}
	start := len(dst)
	dst = append(dst, byte(asn1.SEQUENCE), 0, byte(asn1.INTEGER), byte(len(serial)))
	dst = append(dst, serial...)
	dst = appendTime(dst, at)
	if reason != 0 || !r.Invalid.IsZero() {
		extensions := len(dst)
		dst = append(dst, byte(asn1.SEQUENCE), 0)
		if reason != 0 { // 2.5.29.21
			dst = append(dst, 0x30, 10, 0x06, 3, 0x55, 0x1d, 0x15, 0x04, 3, byte(asn1.ENUM), 1, reason)
		}
		if !r.Invalid.IsZero() { // 2.5.29.24, GeneralizedTime also before 2050
			dst = append(dst, 0x30, 24, 0x06, 3, 0x55, 0x1d, 0x18, 0x04, 17, byte(asn1.GeneralizedTime), 15)
			dst = r.Invalid.UTC().AppendFormat(dst, "20060102150405Z")
		}
		dst[extensions+1] = byte(len(dst) - extensions - 2)
	}
	dst[start+1] = byte(len(dst) - start - 2)
	return dst, nil
}

// entryReason is the reason code to write; 0 writes none. What cannot stand in a
// full CRL (removeFromCRL is for delta CRLs, RFC 5280 section 5.3.1) counts as
// unspecified: that a certificate is revoked matters more than why.
func entryReason(reason int) byte {
	if reason < 0 || reason > core.ReasonAACompromise || reason == 7 || reason == 8 {
		return core.ReasonUnspecified
	}
	return byte(reason)
}

// maxSerial is the length of the longest INTEGER of a serial: 20 octets (RFC
// 5280 section 4.1.2.2).
const maxSerial = 20

// appendSerial appends the contents octets of the INTEGER for a serial in hex.
func appendSerial(dst []byte, text string) ([]byte, bool) {
	if text == "" || len(text) > 2*maxSerial {
		return dst, false
	}
	if len(text)%2 == 1 {
		text = "0" + text
	}
	if text[0] > '7' { // the top bit would make it negative
		dst = append(dst, 0)
	}
	dst, err := hex.AppendDecode(dst, []byte(text))
	return dst, err == nil && len(dst) <= maxSerial
}

// appendTime appends UTCTime through 2049 and GeneralizedTime after (RFC 5280
// section 5.1.2.4).
func appendTime(dst []byte, t time.Time) []byte {
	t = t.UTC()
	if y := t.Year(); y >= 1950 && y < 2050 {
		return t.AppendFormat(append(dst, byte(asn1.UTCTime), 13), "060102150405Z")
	}
	return t.AppendFormat(append(dst, byte(asn1.GeneralizedTime), 15), "20060102150405Z")
}

const oidInvalidityDate = "2.5.29.24"

// invalidityDate is the entry extension of CRLs, which OCSP uses, too (RFC 6960
// section 4.4.5).
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
		b.AddBytes(appendTime(appendTime(nil, crl.ThisUpdate), crl.NextUpdate))
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
