package x509x

import (
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// MakeTemplateName returns the Microsoft version 1 template extension
// (szOID_ENROLL_CERTTYPE_EXTENSION): the template's common name as BMPString.
func MakeTemplateName(name string) (Extension, error) {
	body, ok := encodeText(TagBMP, name)
	if !ok || name == "" {
		return Extension{}, malformed("template name")
	}
	value, err := build(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.Tag(TagBMP), func(b *cryptobyte.Builder) { b.AddBytes(body) })
	})
	return Extension{OID: OIDMSTemplateName, Value: value}, err
}

// ParseTemplateName reads the value of the version 1 template extension, in any
// string type.
func ParseTemplateName(value []byte) (string, error) {
	if err := sized(value); err != nil {
		return "", err
	}
	var name string
	s := cryptobyte.String(value)
	if !readText(&s, &name) || !s.Empty() {
		return "", malformed("template name")
	}
	return name, nil
}

// Template is the Microsoft version 2 template extension
// (szOID_CERTIFICATE_TEMPLATE, [MS-WCCE] 2.2.2.7.7.2). Major and Minor are -1
// when absent.
type Template struct {
	OID          string
	Major, Minor int
}

// MakeTemplate returns the extension.
func MakeTemplate(t Template) (Extension, error) {
	if t.Minor >= 0 && t.Major < 0 {
		return Extension{}, malformed("template minor version without major")
	}
	value, err := build(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			AddOID(b, t.OID)
			if t.Major >= 0 {
				b.AddASN1Int64(int64(t.Major))
			}
			if t.Minor >= 0 {
				b.AddASN1Int64(int64(t.Minor))
			}
		})
	})
	return Extension{OID: OIDMSTemplate, Value: value}, err
}

// ParseTemplate reads the value of the version 2 template extension.
func ParseTemplate(value []byte) (Template, error) {
	t := Template{Major: -1, Minor: -1}
	if err := sized(value); err != nil {
		return t, err
	}
	var seq cryptobyte.String
	s := cryptobyte.String(value)
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !s.Empty() || !ReadOID(&seq, &t.OID) {
		return t, malformed("template")
	}
	for _, field := range []*int{&t.Major, &t.Minor} {
		var v uint32
		if seq.Empty() {
			break
		}
		if !seq.ReadASN1Integer(&v) || v > 1<<31-1 {
			return t, malformed("template version")
		}
		*field = int(v)
	}
	if !seq.Empty() {
		return t, malformed("template")
	}
	return t, nil
}

// MakeSecurityID returns the Microsoft extension that binds a certificate to
// an account's security identifier ("S-1-5-21-…"), which Active Directory wants
// for strong mapping since KB5014754 ([MS-WCCE] 2.2.2.7.7.4).
func MakeSecurityID(sid string) (Extension, error) {
	if !strings.HasPrefix(sid, "S-1-") || !isASCII(sid) {
		return Extension{}, malformed("security identifier")
	}
	value, err := build(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(context(0), func(b *cryptobyte.Builder) {
				AddOID(b, OIDMSObjectSID)
				b.AddASN1(context(0), func(b *cryptobyte.Builder) { b.AddASN1OctetString([]byte(sid)) })
			})
		})
	})
	return Extension{OID: OIDMSSecurityID, Value: value}, err
}

// ParseSecurityID reads the value of that extension.
func ParseSecurityID(value []byte) (string, error) {
	if err := sized(value); err != nil {
		return "", err
	}
	var seq, other, wrapped, sid cryptobyte.String
	var oid string
	s := cryptobyte.String(value)
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !s.Empty() ||
		!seq.ReadASN1(&other, context(0)) || !seq.Empty() ||
		!ReadOID(&other, &oid) || oid != OIDMSObjectSID ||
		!other.ReadASN1(&wrapped, context(0)) || !other.Empty() ||
		!wrapped.ReadASN1(&sid, asn1.OCTET_STRING) || !wrapped.Empty() ||
		!strings.HasPrefix(string(sid), "S-1-") || !isGraphic(sid) {
		return "", malformed("security identifier")
	}
	return string(sid), nil
}
