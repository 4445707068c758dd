package x509x

import (
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// MakeCRLNumber returns the extension (RFC 5280 5.2.3).
func MakeCRLNumber(n *big.Int) (Extension, error) {
	if n == nil || n.Sign() < 0 || n.BitLen() >= 8*maxSerialOctets {
		return Extension{}, malformed("CRL number")
	}
	value, err := build(func(b *cryptobyte.Builder) { b.AddASN1BigInt(n) })
	return Extension{OID: OIDCRLNumber, Value: value}, err
}

// ParseCRLNumber reads the value of a CRL number extension.
func ParseCRLNumber(value []byte) (*big.Int, error) {
	n := new(big.Int)
	s := cryptobyte.String(value)
	if len(value) > maxSerialOctets+3 || !s.ReadASN1Integer(n) || !s.Empty() || n.Sign() < 0 {
		return nil, malformed("CRL number")
	}
	return n, nil
}

// IssuingDistributionPoint is RFC 5280 5.2.5. Reasons is the bit set of
// onlySomeReasons (bit n of the BIT STRING is 1<<n), 0 when absent.
type IssuingDistributionPoint struct {
	URIs           []string
	OnlyUser       bool
	OnlyCA         bool
	OnlyAttributes bool
	Indirect       bool
	Reasons        uint16
}

// MakeIssuingDistributionPoint returns the critical extension.
func MakeIssuingDistributionPoint(p IssuingDistributionPoint) (Extension, error) {
	value, err := build(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			if len(p.URIs) > 0 {
				addPointName(b, p.URIs...)
			}
			addFlag(b, 1, p.OnlyUser)
			addFlag(b, 2, p.OnlyCA)
			if p.Reasons != 0 {
				b.AddBytes(namedBits(asn1.Tag(3).ContextSpecific(), p.Reasons))
			}
			addFlag(b, 4, p.Indirect)
			addFlag(b, 5, p.OnlyAttributes)
		})
	})
	if err == nil && len(value) == 2 {
		return Extension{}, malformed("empty issuing distribution point")
	}
	return Extension{OID: OIDIssuingDistPoint, Critical: true, Value: value}, err
}

// addFlag adds an implicitly tagged BOOLEAN when it is true.
func addFlag(b *cryptobyte.Builder, n uint8, v bool) {
	if v {
		b.AddBytes([]byte{byte(asn1.Tag(n).ContextSpecific()), 1, 0xff})
	}
}

// ParseIssuingDistributionPoint reads the value of that extension.
func ParseIssuingDistributionPoint(value []byte) (IssuingDistributionPoint, error) {
	var p IssuingDistributionPoint
	if err := sized(value); err != nil {
		return p, err
	}
	var seq, name, reasons cryptobyte.String
	var hasName, hasReasons bool
	s := cryptobyte.String(value)
	ok := s.ReadASN1(&seq, asn1.SEQUENCE) && s.Empty() &&
		seq.ReadOptionalASN1(&name, &hasName, context(0)) &&
		readFlag(&seq, 1, &p.OnlyUser) && readFlag(&seq, 2, &p.OnlyCA) &&
		seq.ReadOptionalASN1(&reasons, &hasReasons, asn1.Tag(3).ContextSpecific()) &&
		readFlag(&seq, 4, &p.Indirect) && readFlag(&seq, 5, &p.OnlyAttributes) && seq.Empty()
	if ok && hasReasons {
		p.Reasons, ok = readNamedBits(reasons)
	}
	if !ok {
		return p, malformed("issuing distribution point")
	}
	var err error
	if hasName {
		p.URIs, err = readPointName(name)
	}
	return p, err
}

func readFlag(s *cryptobyte.String, n uint8, out *bool) bool {
	var body cryptobyte.String
	var present bool
	if !s.ReadOptionalASN1(&body, &present, asn1.Tag(n).ContextSpecific()) {
		return false
	}
	if !present {
		return true
	}
	*out = len(body) == 1 && body[0] == 0xff
	return *out || (len(body) == 1 && body[0] == 0)
}

// MakeOCSPNoCheck returns the extension of an OCSP responder certificate (RFC
// 6960 4.2.2.2.1).
func MakeOCSPNoCheck() Extension {
	return Extension{OID: OIDOCSPNoCheck, Value: []byte{byte(asn1.NULL), 0}}
}

// MakeMustStaple returns the TLS feature extension with status_request (RFC
// 7633 section 6).
func MakeMustStaple() Extension {
	return Extension{OID: OIDTLSFeature, Value: []byte{0x30, 3, 2, 1, 5}}
}
