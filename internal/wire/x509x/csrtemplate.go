package x509x

import (
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// ParseRequestTemplate reads a DER CertificationRequestInfoTemplate (RFC 9908
// section 3.4), the value of an OIDRequestTemplate attribute.
func ParseRequestTemplate(der []byte) (*RequestTemplate, error) {
	if err := sized(der); err != nil {
		return nil, err
	}
	var seq, subject, key, attributes cryptobyte.String
	var hasKey bool
	var version int64
	t := &RequestTemplate{}
	s := cryptobyte.String(der)
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !s.Empty() || !seq.ReadASN1Integer(&version) || version != 0 ||
		!seq.ReadOptionalASN1(&subject, &t.HasSubject, asn1.SEQUENCE) ||
		!seq.ReadOptionalASN1(&key, &hasKey, context(0)) ||
		!seq.ReadASN1(&attributes, context(1)) || !seq.Empty() {
		return nil, malformed("request template")
	}
	var ok bool
	if t.Subject, ok = readSubjectTemplate(subject); !ok {
		return nil, malformed("subject of request template")
	}
	if hasKey {
		if t.Key, ok = readKeyTemplate(key); !ok {
			return nil, malformed("key of request template")
		}
	}
	list, err := readAttributes(attributes)
	if err != nil {
		return nil, err
	}
	return t, t.takeAttributes(list)
}

func readSubjectTemplate(seq cryptobyte.String) ([]RDNTemplate, bool) {
	var out []RDNTemplate
	for !seq.Empty() {
		var set cryptobyte.String
		if !seq.ReadASN1(&set, asn1.SET) || set.Empty() {
			return nil, false
		}
		for joined := false; !set.Empty(); joined = true {
			var one cryptobyte.String
			r := RDNTemplate{RDN: RDN{Joined: joined}}
			if !set.ReadASN1(&one, asn1.SEQUENCE) || !ReadOID(&one, &r.OID) {
				return nil, false
			}
			if r.Present = !one.Empty(); r.Present && !r.setElement(one) {
				return nil, false
			}
			out = append(out, r)
		}
	}
	return out, true
}

func readKeyTemplate(s cryptobyte.String) (*KeyTemplate, bool) {
	var alg cryptobyte.String
	k := &KeyTemplate{}
	if !s.ReadASN1(&alg, asn1.SEQUENCE) || !ReadOID(&alg, &k.OID) {
		return nil, false
	}
	if alg.PeekASN1Tag(asn1.OBJECT_IDENTIFIER) && !ReadOID(&alg, &k.Curve) {
		return nil, false
	}
	if s.Empty() {
		return k, true
	}
	var bits []byte
	if !s.ReadASN1BitStringAsBytes(&bits) || !s.Empty() {
		return nil, false
	}
	if k.OID != OIDKeyRSA {
		return k, true
	}
	var key cryptobyte.String
	modulus := new(big.Int)
	b := cryptobyte.String(bits)
	if len(bits) > maxRSABits/8+32 || !b.ReadASN1(&key, asn1.SEQUENCE) || !key.ReadASN1Integer(modulus) {
		return nil, false
	}
	k.Bits = modulus.BitLen()
	return k, modulus.Sign() > 0
}

// takeAttributes sorts the attributes of a template into Extensions and the
// rest.
func (t *RequestTemplate) takeAttributes(list []Attribute) error {
	found := false
	for _, a := range list {
		if a.OID != OIDExtensionRequest && a.OID != OIDExtensionTemplate {
			t.Attributes = append(t.Attributes, a)
			continue
		}
		if found || len(a.Values) != 1 {
			return malformed("extensions of request template given twice")
		}
		found = true
		var ok bool
		if t.Extensions, ok = readExtensionTemplates(a.Values[0], a.OID == OIDExtensionTemplate); !ok {
			return malformed("extensions of request template")
		}
	}
	return nil
}

func readExtensionTemplates(der []byte, open bool) ([]ExtensionTemplate, bool) {
	var seq cryptobyte.String
	s := cryptobyte.String(der)
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !s.Empty() {
		return nil, false
	}
	var out []ExtensionTemplate
	for !seq.Empty() {
		var one, value cryptobyte.String
		var present bool
		var e ExtensionTemplate
		if !seq.ReadASN1(&one, asn1.SEQUENCE) || !ReadOID(&one, &e.OID) {
			return nil, false
		}
		if one.PeekASN1Tag(asn1.BOOLEAN) && !one.ReadASN1Boolean(&e.Critical) {
			return nil, false
		}
		if !one.ReadOptionalASN1(&value, &present, asn1.OCTET_STRING) || !one.Empty() || (!present && !open) {
			return nil, false
		}
		if present {
			e.Value = value
		}
		out = append(out, e)
	}
	return out, true
}
