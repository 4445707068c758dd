package x509x

import (
	"fmt"
	"iter"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Reason is a revocation reason (RFC 5280 5.3.1).
type Reason uint8

// The revocation reasons; 7 is not used.
const (
	ReasonUnspecified          Reason = 0
	ReasonKeyCompromise        Reason = 1
	ReasonCACompromise         Reason = 2
	ReasonAffiliationChanged   Reason = 3
	ReasonSuperseded           Reason = 4
	ReasonCessationOfOperation Reason = 5
	ReasonCertificateHold      Reason = 6
	ReasonRemoveFromCRL        Reason = 8
	ReasonPrivilegeWithdrawn   Reason = 9
	ReasonAACompromise         Reason = 10
)

// Valid reports whether the number is a reason.
func (r Reason) Valid() bool { return r <= ReasonAACompromise && r != 7 }

// String returns the RFC 5280 name.
func (r Reason) String() string {
	names := [...]string{"unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded",
		"cessationOfOperation", "certificateHold", "", "removeFromCRL", "privilegeWithdrawn", "aACompromise"}
	if !r.Valid() {
		return fmt.Sprintf("reason %d", uint8(r))
	}
	return names[r]
}

// ReasonOf returns the reason for an RFC 5280 name, and false for another text.
func ReasonOf(name string) (Reason, bool) {
	for r := ReasonUnspecified; r <= ReasonAACompromise; r++ {
		if r.Valid() && r.String() == name {
			return r, true
		}
	}
	return 0, false
}

// MakeReasonCode returns the CRL entry extension.
func MakeReasonCode(r Reason) (Extension, error) {
	if !r.Valid() {
		return Extension{}, malformed(r.String())
	}
	return Extension{OID: OIDReasonCode, Value: []byte{byte(asn1.ENUM), 1, byte(r)}}, nil
}

// ParseReasonCode reads the value of a reason code extension.
func ParseReasonCode(value []byte) (Reason, error) {
	var v int
	s := cryptobyte.String(value)
	if !s.ReadASN1Enum(&v) || !s.Empty() || v < 0 || v > int(ReasonAACompromise) || !Reason(v).Valid() {
		return 0, malformed("reason code")
	}
	return Reason(v), nil
}

// RevokedEntry is one line of a CRL. Serial is the big-endian magnitude, as
// big.Int.Bytes gives it.
type RevokedEntry struct {
	Serial []byte
	Time   time.Time
	Reason Reason // ReasonUnspecified writes no extension (RFC 5280 5.3.1)
}

// TBSCertList is what is signed in a CRL (RFC 5280 5.1), without its entries.
// Extensions are usually MakeAuthorityKeyID, MakeCRLNumber and
// MakeIssuingDistributionPoint.
type TBSCertList struct {
	Algorithm  SignatureAlgorithm
	Issuer     []byte // DER Name
	ThisUpdate time.Time
	NextUpdate time.Time // zero leaves it out
	Extensions []Extension
}

// BuildTBSCertList writes a version 2 TBSCertList with the entries in the order
// in which they come; each costs no allocation of its own. entries may be nil.
func BuildTBSCertList(l TBSCertList, entries iter.Seq[RevokedEntry]) ([]byte, error) {
	alg := l.Algorithm.info().der
	if alg == "" {
		return nil, fmt.Errorf("%w: signature %d", ErrUnsupported, l.Algorithm)
	}
	if len(l.Issuer) == 0 || (!l.NextUpdate.IsZero() && l.NextUpdate.Before(l.ThisUpdate)) {
		return nil, malformed("issuer or update times")
	}
	var revoked []byte
	if entries != nil {
		for e := range entries {
			var err error
			if revoked, err = appendRevoked(revoked, e); err != nil {
				return nil, err
			}
		}
	}
	b := cryptobyte.NewBuilder(make([]byte, 0, len(revoked)+len(l.Issuer)+512))
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1) // v2
		b.AddBytes([]byte(alg))
		b.AddBytes(l.Issuer)
		addTime(b, l.ThisUpdate)
		if !l.NextUpdate.IsZero() {
			addTime(b, l.NextUpdate)
		}
		if len(revoked) > 0 { // absent, never empty (RFC 5280 5.1.2.6)
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(revoked) })
		}
		if len(l.Extensions) > 0 {
			b.AddASN1(context(0), func(b *cryptobyte.Builder) { addExtensions(b, l.Extensions) })
		}
	})
	return b.Bytes()
}

// appendRevoked appends one entry; all its lengths fit one octet.
func appendRevoked(dst []byte, e RevokedEntry) ([]byte, error) {
	serial := e.Serial
	for len(serial) > 0 && serial[0] == 0 {
		serial = serial[1:]
	}
	if len(serial) == 0 || len(serial) > maxSerialOctets || !e.Reason.Valid() {
		return dst, malformed("revoked entry")
	}
	start := len(dst)
	dst = append(dst, byte(asn1.SEQUENCE), 0, byte(asn1.INTEGER))
	if serial[0]&0x80 != 0 {
		dst = append(dst, byte(len(serial)+1), 0)
	} else {
		dst = append(dst, byte(len(serial)))
	}
	dst = append(dst, serial...)
	dst, ok := appendTime(dst, e.Time)
	if !ok {
		return dst, malformed("revocation time")
	}
	if e.Reason != ReasonUnspecified {
		dst = append(dst, 0x30, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55, 0x1d, 0x15, // 2.5.29.21
			0x04, 0x03, byte(asn1.ENUM), 1, byte(e.Reason))
	}
	dst[start+1] = byte(len(dst) - start - 2)
	return dst, nil
}
