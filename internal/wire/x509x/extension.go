package x509x

import (
	"fmt"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Extension is one X.509 extension (RFC 5280 4.1.2.9). Value is the DER inside
// the OCTET STRING.
type Extension struct {
	OID      string
	Critical bool
	Value    []byte
}

// FindExtension returns the extension with that identifier, or nil.
func FindExtension(list []Extension, oid string) *Extension {
	for i := range list {
		if list[i].OID == oid {
			return &list[i]
		}
	}
	return nil
}

// ParseExtensions reads an Extensions SEQUENCE. The same identifier twice is
// malformed (RFC 5280 4.2).
func ParseExtensions(der []byte) ([]Extension, error) {
	if err := sized(der); err != nil {
		return nil, err
	}
	s := cryptobyte.String(der)
	list, ok := readExtensions(&s)
	if !ok || !s.Empty() {
		return nil, malformed("extensions")
	}
	return list, nil
}

func readExtensions(s *cryptobyte.String) ([]Extension, bool) {
	var seq cryptobyte.String
	if !s.ReadASN1(&seq, asn1.SEQUENCE) {
		return nil, false
	}
	list := make([]Extension, 0, 6)
	for !seq.Empty() {
		var one, value cryptobyte.String
		var e Extension
		if !seq.ReadASN1(&one, asn1.SEQUENCE) || !ReadOID(&one, &e.OID) {
			return nil, false
		}
		if one.PeekASN1Tag(asn1.BOOLEAN) && !one.ReadASN1Boolean(&e.Critical) {
			return nil, false
		}
		if !one.ReadASN1(&value, asn1.OCTET_STRING) || !one.Empty() || FindExtension(list, e.OID) != nil {
			return nil, false
		}
		e.Value = value
		list = append(list, e)
	}
	return list, true
}

// MarshalExtensions writes an Extensions SEQUENCE in the order given.
func MarshalExtensions(list []Extension) ([]byte, error) {
	b := cryptobyte.NewBuilder(make([]byte, 0, 64*len(list)))
	addExtensions(b, list)
	return b.Bytes()
}

func addExtensions(b *cryptobyte.Builder, list []Extension) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for i := range list {
			e := &list[i]
			if FindExtension(list[:i], e.OID) != nil {
				b.SetError(malformed("extension " + e.OID + " twice"))
				return
			}
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				AddOID(b, e.OID)
				if e.Critical {
					b.AddASN1Boolean(true)
				}
				b.AddASN1OctetString(e.Value)
			})
		}
	})
}

// build runs f on a fresh builder.
func build(f cryptobyte.BuilderContinuation) ([]byte, error) {
	var b cryptobyte.Builder
	f(&b)
	return b.Bytes()
}

// KeyUsage is the set of RFC 5280 4.2.1.3; bit n of the BIT STRING is 1<<n.
type KeyUsage uint16

// The key usage bits.
const (
	UsageDigitalSignature KeyUsage = 1 << iota
	UsageNonRepudiation
	UsageKeyEncipherment
	UsageDataEncipherment
	UsageKeyAgreement
	UsageKeyCertSign
	UsageCRLSign
	UsageEncipherOnly
	UsageDecipherOnly
)

func keyUsageNames() [9]string {
	return [9]string{"digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment",
		"keyAgreement", "keyCertSign", "cRLSign", "encipherOnly", "decipherOnly"}
}

// Names returns the RFC 5280 names of the bits set, lowest bit first.
func (u KeyUsage) Names() []string {
	var out []string
	for i, name := range keyUsageNames() {
		if u&(1<<i) != 0 {
			out = append(out, name)
		}
	}
	return out
}

// KeyUsageOf returns the set for RFC 5280 names; "contentCommitment" is the
// other name of nonRepudiation.
func KeyUsageOf(names ...string) (KeyUsage, error) {
	var u KeyUsage
	table := keyUsageNames()
	for _, name := range names {
		if name == "contentCommitment" {
			name = "nonRepudiation"
		}
		i := slices.Index(table[:], name)
		if i < 0 {
			return 0, fmt.Errorf("%w: key usage %q", ErrMalformed, name)
		}
		u |= 1 << i
	}
	return u, nil
}

// MakeKeyUsage returns the critical extension (RFC 5280 4.2.1.3) as a named bit
// list, so without trailing zero bits.
func MakeKeyUsage(u KeyUsage) (Extension, error) {
	if u == 0 || u >= 1<<9 {
		return Extension{}, malformed("key usage")
	}
	return Extension{OID: OIDKeyUsage, Critical: true, Value: namedBits(asn1.BIT_STRING, uint16(u))}, nil
}

// namedBits encodes a DER named bit list of at most 16 bits (X.690 11.2.2).
func namedBits(tag asn1.Tag, u uint16) []byte {
	if u == 0 {
		return []byte{byte(tag), 1, 0}
	}
	var octets [2]byte
	last := 0
	for i := range 16 {
		if u&(1<<i) != 0 {
			octets[i/8] |= 0x80 >> (i % 8)
			last = i
		}
	}
	n := last/8 + 1
	return append([]byte{byte(tag), byte(n + 1), byte(7 - last%8)}, octets[:n]...)
}

// readNamedBits is the reverse of namedBits for the contents octets; it
// tolerates trailing zero bits, which old software writes.
func readNamedBits(body []byte) (uint16, bool) {
	if len(body) < 1 || len(body) > 3 || body[0] > 7 || (len(body) == 1 && body[0] != 0) {
		return 0, false
	}
	var u uint16
	for i := range 8 * (len(body) - 1) {
		if body[1+i/8]&(0x80>>(i%8)) != 0 {
			if i >= 8*(len(body)-1)-int(body[0]) {
				return 0, false // set bit in the padding
			}
			u |= 1 << i
		}
	}
	return u, true
}

// ParseKeyUsage reads the value of a key usage extension.
func ParseKeyUsage(value []byte) (KeyUsage, error) {
	var body cryptobyte.String
	s := cryptobyte.String(value)
	if !s.ReadASN1(&body, asn1.BIT_STRING) || !s.Empty() {
		return 0, malformed("key usage")
	}
	u, ok := readNamedBits(body)
	if !ok {
		return 0, malformed("key usage")
	}
	return KeyUsage(u) & (1<<9 - 1), nil
}

// BasicConstraints is RFC 5280 4.2.1.9. PathLen is -1 when there is no limit.
type BasicConstraints struct {
	CA      bool
	PathLen int
}

// MakeBasicConstraints returns the extension, critical for a CA.
func MakeBasicConstraints(c BasicConstraints) (Extension, error) {
	if !c.CA && c.PathLen >= 0 {
		return Extension{}, malformed("path length without CA")
	}
	value, err := build(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			if c.CA {
				b.AddASN1Boolean(true)
			}
			if c.PathLen >= 0 {
				b.AddASN1Int64(int64(c.PathLen))
			}
		})
	})
	return Extension{OID: OIDBasicConstraints, Critical: c.CA, Value: value}, err
}

// ParseBasicConstraints reads the value of a basic constraints extension. An
// explicit cA FALSE, which DER forbids but much software writes, is accepted.
func ParseBasicConstraints(value []byte) (BasicConstraints, error) {
	c := BasicConstraints{PathLen: -1}
	var seq cryptobyte.String
	s := cryptobyte.String(value)
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !s.Empty() {
		return c, malformed("basic constraints")
	}
	if seq.PeekASN1Tag(asn1.BOOLEAN) && !seq.ReadASN1Boolean(&c.CA) {
		return c, malformed("basic constraints")
	}
	if seq.PeekASN1Tag(asn1.INTEGER) {
		var n uint16
		if !seq.ReadASN1Integer(&n) {
			return c, malformed("basic constraints")
		}
		c.PathLen = int(n)
	}
	if !seq.Empty() {
		return c, malformed("basic constraints")
	}
	return c, nil
}
