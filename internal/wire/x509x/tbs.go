package x509x

import (
	"fmt"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// maxSerialOctets is the length of the longest serial number (RFC 5280 4.1.2.2).
const maxSerialOctets = 20

// TBSCertificate is what is signed in a certificate (RFC 5280 4.1). Issuer,
// Subject and SPKI are DER and are copied as they are. Fractions of seconds of
// the times are dropped.
type TBSCertificate struct {
	Serial     *big.Int
	Algorithm  SignatureAlgorithm
	Issuer     []byte
	NotBefore  time.Time
	NotAfter   time.Time
	Subject    []byte
	SPKI       []byte
	Extensions []Extension // in this order
}

// BuildTBS writes a version 3 TBSCertificate. ErrMalformed for a serial number
// that is not positive or longer than 20 octets, for times out of order or
// beyond the year 9999, for an empty issuer or key, and for an extension given
// twice.
func BuildTBS(t TBSCertificate) ([]byte, error) {
	alg := t.Algorithm.info().der
	if alg == "" {
		return nil, fmt.Errorf("%w: signature %d", ErrUnsupported, t.Algorithm)
	}
	switch {
	case t.Serial == nil || t.Serial.Sign() <= 0 || t.Serial.BitLen() >= 8*maxSerialOctets:
		return nil, malformed("serial number")
	case t.NotAfter.Before(t.NotBefore):
		return nil, malformed("validity")
	case len(t.Issuer) == 0 || len(t.Subject) == 0 || len(t.SPKI) == 0:
		return nil, malformed("issuer, subject or key is empty")
	}
	size := 128 + len(t.Issuer) + len(t.Subject) + len(t.SPKI)
	for i := range t.Extensions {
		size += len(t.Extensions[i].Value) + 24
	}
	b := cryptobyte.NewBuilder(make([]byte, 0, size))
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes([]byte{0xa0, 3, 2, 1, 2}) // [0] version v3
		b.AddASN1BigInt(t.Serial)
		b.AddBytes([]byte(alg))
		b.AddBytes(t.Issuer)
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			addTime(b, t.NotBefore)
			addTime(b, t.NotAfter)
		})
		b.AddBytes(t.Subject)
		b.AddBytes(t.SPKI)
		if len(t.Extensions) > 0 {
			b.AddASN1(context(3), func(b *cryptobyte.Builder) { addExtensions(b, t.Extensions) })
		}
	})
	return b.Bytes()
}

// addTime adds UTCTime through 2049 and GeneralizedTime from 2050 (RFC 5280
// 4.1.2.5), in UTC and whole seconds.
func addTime(b *cryptobyte.Builder, t time.Time) {
	var buf [17]byte
	der, ok := appendTime(buf[:0], t)
	if !ok {
		b.SetError(malformed("time " + t.UTC().String()))
		return
	}
	b.AddBytes(der)
}

// appendTime appends the DER of a Time; false for years before 1950 or after
// 9999.
func appendTime(dst []byte, t time.Time) ([]byte, bool) {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	switch {
	case year < 1950 || year > 9999:
		return dst, false
	case year < 2050:
		dst = append(dst, byte(asn1.UTCTime), 13)
	default:
		dst = append(dst, byte(asn1.GeneralizedTime), 15)
		dst = append2(dst, year/100)
	}
	for _, v := range [...]int{year % 100, int(month), day, hour, minute, second} {
		dst = append2(dst, v)
	}
	return append(dst, 'Z'), true
}

func append2(dst []byte, v int) []byte { return append(dst, byte('0'+v/10), byte('0'+v%10)) }
