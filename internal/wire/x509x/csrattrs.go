package x509x

import (
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// CSRAttr is one element of the EST CSR attributes (RFC 7030 4.5.2 as corrected
// by RFC 8951 section 3): a bare identifier when Values is empty, an attribute
// with values, each one DER element, if not.
type CSRAttr Attribute

// WantOID asks for something by identifier only, such as challengePassword
// (channel binding) or a signature algorithm.
func WantOID(oid string) CSRAttr { return CSRAttr{OID: oid} }

// WantRSA asks for an RSA key with a modulus of that many bits.
func WantRSA(modulusBits int) (CSRAttr, error) {
	if modulusBits <= 0 || modulusBits > maxRSABits {
		return CSRAttr{}, malformed("RSA modulus size")
	}
	v, err := build(func(b *cryptobyte.Builder) { b.AddASN1Int64(int64(modulusBits)) })
	return CSRAttr{OIDKeyRSA, [][]byte{v}}, err
}

// WantEC asks for an EC key on the curve with that identifier.
func WantEC(curve string) (CSRAttr, error) {
	v, err := AppendOID(nil, curve)
	return CSRAttr{OIDKeyEC, [][]byte{v}}, err
}

// WantExtensions asks for extensions with their values (RFC 9908 section 3.2).
func WantExtensions(list []Extension) (CSRAttr, error) {
	v, err := MarshalExtensions(list)
	return CSRAttr{OIDExtensionRequest, [][]byte{v}}, err
}

// WantTemplate asks for a request of that form (RFC 9908 section 3.4).
func WantTemplate(t RequestTemplate) (CSRAttr, error) {
	v, err := t.Marshal()
	return CSRAttr{OIDRequestTemplate, [][]byte{v}}, err
}

// MarshalCSRAttrs writes a CsrAttrs SEQUENCE in the order given; empty is
// allowed. It refuses a second request template or extension request.
func MarshalCSRAttrs(list []CSRAttr) ([]byte, error) {
	if err := onceEach(list); err != nil {
		return nil, err
	}
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for _, a := range list {
				if len(a.Values) == 0 {
					AddOID(b, a.OID)
					continue
				}
				der, err := Attribute(a).Marshal()
				if err != nil {
					b.SetError(err)
					return
				}
				b.AddBytes(der)
			}
		})
	})
}

// onceEach refuses what RFC 9908 section 3 allows only once.
func onceEach(list []CSRAttr) error {
	seen := map[string]bool{}
	for _, a := range list {
		switch a.OID {
		case OIDExtensionRequest, OIDRequestTemplate:
			if len(a.Values) > 1 || (seen[a.OID] && len(a.Values) > 0) {
				return malformed("CSR attribute " + a.OID + " twice")
			}
			seen[a.OID] = true
		}
	}
	return nil
}

// ParseCSRAttrs reads a DER CsrAttrs.
func ParseCSRAttrs(der []byte) ([]CSRAttr, error) {
	if err := sized(der); err != nil {
		return nil, err
	}
	var seq cryptobyte.String
	s := cryptobyte.String(der)
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !s.Empty() {
		return nil, malformed("CSR attributes")
	}
	var list []CSRAttr
	for !seq.Empty() {
		if seq.PeekASN1Tag(asn1.OBJECT_IDENTIFIER) {
			var a CSRAttr
			if !ReadOID(&seq, &a.OID) {
				return nil, malformed("CSR attribute")
			}
			list = append(list, a)
			continue
		}
		var one cryptobyte.String
		if !seq.ReadASN1Element(&one, asn1.SEQUENCE) {
			return nil, malformed("CSR attribute")
		}
		got, err := readAttributes(one)
		if err != nil {
			return nil, err
		}
		list = append(list, CSRAttr(got[0]))
	}
	return list, onceEach(list)
}

// RequestTemplate is the CertificationRequestInfoTemplate of RFC 9908 section
// 3.4. Whatever has no value is for the client to fill in.
type RequestTemplate struct {
	Subject    []RDNTemplate
	HasSubject bool // an empty Subject is then written, asking for an empty name
	Key        *KeyTemplate
	Extensions []ExtensionTemplate
	Attributes []Attribute // further ones
}

// RDNTemplate is one attribute of the subject, each an RDN of its own unless
// Joined. Present says that the value is given.
type RDNTemplate struct {
	RDN
	Present bool
}

// ExtensionTemplate is one extension; a nil Value is for the client to fill in.
type ExtensionTemplate Extension

// KeyTemplate is the kind of key: OIDKeyRSA with Bits (0 leaves the size open),
// OIDKeyEC with Curve, or another identifier alone.
type KeyTemplate struct {
	OID   string
	Bits  int
	Curve string
}

// Marshal writes the template as DER.
func (t RequestTemplate) Marshal() ([]byte, error) {
	attributes := t.Attributes[:len(t.Attributes):len(t.Attributes)]
	if len(t.Extensions) > 0 {
		a, err := t.extensionAttribute()
		if err != nil {
			return nil, err
		}
		attributes = append(attributes, a)
	}
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(0)
			if t.HasSubject || len(t.Subject) > 0 {
				addSubjectTemplate(b, t.Subject)
			}
			if t.Key != nil {
				b.AddASN1(context(0), t.Key.add)
			}
			addAttributes(b, context(1), attributes)
		})
	})
}

func addSubjectTemplate(b *cryptobyte.Builder, list []RDNTemplate) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for i := 0; i < len(list); {
			var elements [][]byte
			for first := true; i < len(list) && (first || list[i].Joined); i, first = i+1, false {
				r := &list[i]
				der, err := build(func(b *cryptobyte.Builder) {
					b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
						AddOID(b, r.OID)
						if r.Present {
							r.addValue(b)
						}
					})
				})
				if err != nil {
					b.SetError(err)
					return
				}
				elements = append(elements, der)
			}
			addSetOf(b, asn1.SET, elements)
		}
	})
}

// add writes the contents of a SubjectPublicKeyInfoTemplate. A wish for an RSA
// modulus size is a placeholder key of that size (RFC 9908 section 3.4).
func (k *KeyTemplate) add(b *cryptobyte.Builder) {
	if k.Bits < 0 || k.Bits > maxRSABits || (k.Bits > 0 && k.OID != OIDKeyRSA) {
		b.SetError(malformed("key template size"))
		return
	}
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		AddOID(b, k.OID)
		switch {
		case k.Curve != "":
			AddOID(b, k.Curve)
		case k.OID == OIDKeyRSA:
			b.AddASN1NULL()
		}
	})
	if k.Bits == 0 {
		return
	}
	key, err := build(func(b *cryptobyte.Builder) {
		modulus := make([]byte, (k.Bits+7)/8)
		modulus[0] = 1 << ((k.Bits - 1) % 8)
		modulus[len(modulus)-1] |= 1
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.INTEGER, func(b *cryptobyte.Builder) {
				if modulus[0]&0x80 != 0 {
					b.AddUint8(0)
				}
				b.AddBytes(modulus)
			})
			b.AddASN1Int64(65537)
		})
	})
	if err != nil {
		b.SetError(err)
		return
	}
	b.AddASN1BitString(key)
}

// extensionAttribute writes extensionReq when every extension has its value,
// extensionReqTemplate if not; never both (RFC 9908 section 3.4).
func (t RequestTemplate) extensionAttribute() (Attribute, error) {
	full, oid := true, OIDExtensionRequest
	for _, e := range t.Extensions {
		full = full && e.Value != nil
	}
	if !full {
		oid = OIDExtensionTemplate
	}
	for _, a := range t.Attributes {
		if a.OID == OIDExtensionRequest || a.OID == OIDExtensionTemplate {
			return Attribute{}, malformed(fmt.Sprintf("attribute %s besides Extensions", a.OID))
		}
	}
	value, err := build(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for _, e := range t.Extensions {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					AddOID(b, e.OID)
					if e.Critical {
						b.AddASN1Boolean(true)
					}
					if e.Value != nil {
						b.AddASN1OctetString(e.Value)
					}
				})
			}
		})
	})
	return Attribute{OID: oid, Values: [][]byte{value}}, err
}
