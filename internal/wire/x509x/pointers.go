package x509x

import (
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// context returns a constructed context-specific tag.
func context(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific().Constructed() }

// uri makes a GeneralName.
func uri(s string) GeneralName { return GeneralName{Kind: KindURI, Value: s} }

// MakeCRLDistributionPoints returns the extension with one distribution point
// for each URI (RFC 5280 4.2.1.13).
func MakeCRLDistributionPoints(uris ...string) (Extension, error) {
	if len(uris) == 0 {
		return Extension{}, malformed("no CRL distribution point")
	}
	value, err := build(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for _, u := range uris {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { addPointName(b, u) })
			}
		})
	})
	return Extension{OID: OIDCRLDistPoints, Value: value}, err
}

// addPointName adds distributionPoint [0] with fullName [0].
func addPointName(b *cryptobyte.Builder, uris ...string) {
	b.AddASN1(context(0), func(b *cryptobyte.Builder) {
		b.AddASN1(context(0), func(b *cryptobyte.Builder) {
			for _, u := range uris {
				g := uri(u)
				g.add(b)
			}
		})
	})
}

// readPointName reads the contents of distributionPoint [0] and returns the
// URIs of its fullName.
func readPointName(point cryptobyte.String) ([]string, error) {
	var full, relative cryptobyte.String
	var hasFull, hasRelative bool
	if !point.ReadOptionalASN1(&full, &hasFull, context(0)) ||
		!point.ReadOptionalASN1(&relative, &hasRelative, context(1)) ||
		!point.Empty() || hasFull == hasRelative {
		return nil, malformed("distribution point name")
	}
	names, err := readGeneralNames(full)
	if err != nil {
		return nil, err
	}
	var uris []string
	for i := range names {
		if names[i].Kind == KindURI {
			uris = append(uris, names[i].Value)
		}
	}
	return uris, nil
}

// ParseCRLDistributionPoints returns the URIs of all distribution points.
// Points that are named in another way are read over.
func ParseCRLDistributionPoints(value []byte) ([]string, error) {
	if err := sized(value); err != nil {
		return nil, err
	}
	var seq cryptobyte.String
	s := cryptobyte.String(value)
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !s.Empty() {
		return nil, malformed("CRL distribution points")
	}
	var uris []string
	for !seq.Empty() {
		var point, name, reasons, issuer cryptobyte.String
		var hasName bool
		if !seq.ReadASN1(&point, asn1.SEQUENCE) ||
			!point.ReadOptionalASN1(&name, &hasName, context(0)) ||
			!point.ReadOptionalASN1(&reasons, nil, asn1.Tag(1).ContextSpecific()) ||
			!point.ReadOptionalASN1(&issuer, nil, context(2)) || !point.Empty() {
			return nil, malformed("CRL distribution points")
		}
		if !hasName {
			continue
		}
		found, err := readPointName(name)
		if err != nil {
			return nil, err
		}
		uris = append(uris, found...)
	}
	return uris, nil
}

// MakeAuthorityInfo returns the authority information access extension (RFC
// 5280 4.2.2.1), OCSP responders first.
func MakeAuthorityInfo(ocsp, caIssuers []string) (Extension, error) {
	if len(ocsp)+len(caIssuers) == 0 {
		return Extension{}, malformed("empty authority information access")
	}
	value, err := build(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			addAccess(b, OIDAccessOCSP, ocsp)
			addAccess(b, OIDAccessCAIssuers, caIssuers)
		})
	})
	return Extension{OID: OIDAuthorityInfo, Value: value}, err
}

func addAccess(b *cryptobyte.Builder, method string, uris []string) {
	for _, u := range uris {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			AddOID(b, method)
			g := uri(u)
			g.add(b)
		})
	}
}

// ParseAuthorityInfo returns the URIs of OCSP responders and of issuer
// certificates; other methods and other kinds of name are read over.
func ParseAuthorityInfo(value []byte) (ocsp, caIssuers []string, err error) {
	if err := sized(value); err != nil {
		return nil, nil, err
	}
	var seq cryptobyte.String
	s := cryptobyte.String(value)
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !s.Empty() {
		return nil, nil, malformed("authority information access")
	}
	for !seq.Empty() {
		var access cryptobyte.String
		var method string
		if !seq.ReadASN1(&access, asn1.SEQUENCE) || !ReadOID(&access, &method) {
			return nil, nil, malformed("authority information access")
		}
		g, err := readGeneralName(&access)
		if err != nil || !access.Empty() {
			return nil, nil, malformed("authority information access")
		}
		switch {
		case g.Kind != KindURI:
		case method == OIDAccessOCSP:
			ocsp = append(ocsp, g.Value)
		case method == OIDAccessCAIssuers:
			caIssuers = append(caIssuers, g.Value)
		}
	}
	return ocsp, caIssuers, nil
}

// Policy is one certificate policy (RFC 5280 4.2.1.4). CPS is the URI of the
// practice statement, or "".
type Policy struct {
	OID string
	CPS string
}

// MakePolicies returns the certificate policies extension.
func MakePolicies(policies ...Policy) (Extension, error) {
	if len(policies) == 0 {
		return Extension{}, malformed("empty certificate policies")
	}
	value, err := build(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for _, p := range policies {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { addPolicy(b, p) })
			}
		})
	})
	return Extension{OID: OIDPolicies, Value: value}, err
}

func addPolicy(b *cryptobyte.Builder, p Policy) {
	AddOID(b, p.OID)
	if p.CPS == "" {
		return
	}
	if !isASCII(p.CPS) {
		b.SetError(malformed("CPS URI"))
		return
	}
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			AddOID(b, OIDQualifierCPS)
			b.AddASN1(asn1.IA5String, func(b *cryptobyte.Builder) { b.AddBytes([]byte(p.CPS)) })
		})
	})
}

// ParsePolicies reads the value of a certificate policies extension, with the
// first CPS URI of each policy.
func ParsePolicies(value []byte) ([]Policy, error) {
	if err := sized(value); err != nil {
		return nil, err
	}
	var seq cryptobyte.String
	s := cryptobyte.String(value)
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !s.Empty() || seq.Empty() {
		return nil, malformed("certificate policies")
	}
	var out []Policy
	for !seq.Empty() {
		var one cryptobyte.String
		var p Policy
		if !seq.ReadASN1(&one, asn1.SEQUENCE) || !readPolicy(one, &p) {
			return nil, malformed("certificate policies")
		}
		out = append(out, p)
	}
	return out, nil
}

func readPolicy(one cryptobyte.String, p *Policy) bool {
	if !ReadOID(&one, &p.OID) {
		return false
	}
	if one.Empty() {
		return true
	}
	var qualifiers cryptobyte.String
	if !one.ReadASN1(&qualifiers, asn1.SEQUENCE) || !one.Empty() {
		return false
	}
	for !qualifiers.Empty() {
		var q, text cryptobyte.String
		var tag asn1.Tag
		var oid string
		if !qualifiers.ReadASN1(&q, asn1.SEQUENCE) || !ReadOID(&q, &oid) ||
			!q.ReadAnyASN1(&text, &tag) || !q.Empty() {
			return false
		}
		if oid == OIDQualifierCPS && p.CPS == "" {
			if tag != asn1.IA5String || !isASCII([]byte(text)) {
				return false
			}
			p.CPS = string(text)
		}
	}
	return true
}
