package policy

import (
	"crypto"
	"errors"
	"net/netip"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// FromCSR turns a certification request into an Ask. Whether its signature
// verifies is checked by whoever received it. A key that x509x cannot read
// gives an error of kind bad-key, contents that contradict their type one of
// kind bad-csr.
func FromCSR(csr *x509x.CSR) (Ask, error) {
	a := Ask{Subject: make(core.DN, 0, len(csr.Subject))}
	if csr.KeyErr != nil {
		return a, core.Wrap(core.KindBadKey, csr.KeyErr, "the request's public key is of a kind that is not supported").At("key")
	}
	for _, r := range csr.Subject {
		if !isText(r.Tag) {
			return a, core.Errorf(core.KindBadCSR, "the attribute %s of the subject is no text", x509x.AttributeName(r.OID)).At("subject")
		}
		a.Subject = append(a.Subject, core.Attribute{Type: x509x.AttributeName(r.OID), Value: r.Value})
	}
	for _, x := range csr.Extensions {
		if x.OID != x509x.OIDSubjectAltName {
			a.Extensions = append(a.Extensions, core.Extension(x))
			continue
		}
		names, err := x509x.ParseSAN(x.Value)
		if err != nil {
			return a, core.Wrap(core.KindBadCSR, err, "the subject alternative names cannot be read").At("san")
		}
		a.addNames(names)
	}
	a.Key = keyOf(csr.RawSPKI, csr.PublicKey)
	return a, nil
}

// isText reports whether the tag is one of a string type and not of a value
// that x509x shows as "#" and hexadecimal DER.
func isText(t x509x.Tag) bool {
	switch t {
	case x509x.TagUTF8, x509x.TagNumeric, x509x.TagPrintable, x509x.TagT61, x509x.TagIA5,
		x509x.TagVisible, x509x.TagUniversal, x509x.TagBMP:
		return true
	}
	return false
}

// addNames sorts general names into the kinds of core.Names.
func (a *Ask) addNames(names []x509x.GeneralName) {
	for _, g := range names {
		switch {
		case g.IsUPN():
			a.Names.UPN = append(a.Names.UPN, g.Value)
		case g.Kind == x509x.KindDNS:
			a.Names.DNS = append(a.Names.DNS, g.Value)
		case g.Kind == x509x.KindIP:
			ip, _ := netip.ParseAddr(g.Value) // the parser made the text from octets
			a.Names.IP = append(a.Names.IP, ip)
		case g.Kind == x509x.KindEmail:
			a.Names.Email = append(a.Names.Email, g.Value)
		case g.Kind == x509x.KindURI:
			a.Names.URI = append(a.Names.URI, g.Value)
		case g.Kind == x509x.KindOther:
			a.Names.Other = append(a.Names.Other, core.OtherName{OID: g.OID, Value: g.Raw})
		default:
			a.Unsupported = append(a.Unsupported, g.Kind.String())
		}
	}
}

// KeyOf describes a DER SubjectPublicKeyInfo and looks for known weaknesses. An
// unknown or malformed key is an error of kind bad-key.
func KeyOf(spki []byte) (Key, error) {
	pub, err := x509x.ParsePublicKey(spki)
	if err != nil {
		return Key{}, core.Wrap(core.KindBadKey, err, "the public key cannot be read or is of a kind that is not supported").At("key")
	}
	return keyOf(spki, pub), nil
}

func keyOf(spki []byte, pub crypto.PublicKey) Key {
	k := Key{SPKI: spki}
	k.Algorithm, k.Bits, k.Curve = x509x.PublicKeyInfo(pub)
	// The size is the product's business; 1 asks for the weaknesses only.
	if err := x509x.CheckKey(pub, 1); err != nil {
		var weak *x509x.WeakKeyError
		if k.Weak = err.Error(); errors.As(err, &weak) {
			k.Weak = weak.Reason
		}
	}
	return k
}
