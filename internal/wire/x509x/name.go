package x509x

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// RDN is one attribute of a distinguished name (RFC 5280 4.1.2.4).
type RDN struct {
	OID   string // attribute type, dotted
	Value string // text; for a value that is no string type, "#" and the hexadecimal DER
	Tag   Tag    // type found, or wished for; 0 chooses when writing
	// Joined says that this attribute is in the same (multi-valued)
	// RelativeDistinguishedName as the one before it.
	Joined bool
}

// Name is a distinguished name in encoded order, most general part first.
type Name []RDN

// Get returns the first value of the attribute type, or "".
func (n Name) Get(oid string) string {
	for i := range n {
		if n[i].OID == oid {
			return n[i].Value
		}
	}
	return ""
}

// All returns every value of the attribute type, in order.
func (n Name) All(oid string) []string {
	var out []string
	for i := range n {
		if n[i].OID == oid {
			out = append(out, n[i].Value)
		}
	}
	return out
}

// ParseName reads a DER Name (RFC 5280 4.1.2.4). A value with a NUL character
// is malformed.
func ParseName(der []byte) (Name, error) {
	if err := sized(der); err != nil {
		return nil, err
	}
	var seq cryptobyte.String
	s := cryptobyte.String(der)
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !s.Empty() {
		return nil, malformed("name")
	}
	n, ok := readRDNs(seq)
	if !ok {
		return nil, malformed("name")
	}
	return n, nil
}

func readRDNs(seq cryptobyte.String) (Name, bool) {
	if seq.Empty() {
		return nil, true
	}
	n := make(Name, 0, 6)
	for !seq.Empty() {
		var set cryptobyte.String
		if !seq.ReadASN1(&set, asn1.SET) || set.Empty() {
			return nil, false
		}
		for joined := false; !set.Empty(); joined = true {
			r := RDN{Joined: joined}
			if !readRDN(&set, &r) {
				return nil, false
			}
			n = append(n, r)
		}
	}
	return n, true
}

func readRDN(set *cryptobyte.String, r *RDN) bool {
	var atv, value cryptobyte.String
	var tag asn1.Tag
	if !set.ReadASN1(&atv, asn1.SEQUENCE) || !ReadOID(&atv, &r.OID) ||
		!atv.ReadAnyASN1Element(&value, &tag) || !atv.Empty() {
		return false
	}
	return r.setElement(value)
}

// setElement takes Value and Tag from one DER element.
func (r *RDN) setElement(element []byte) bool {
	var body cryptobyte.String
	var tag asn1.Tag
	s := cryptobyte.String(element)
	if !s.ReadAnyASN1(&body, &tag) || !s.Empty() || tag == 0 {
		return false
	}
	r.Tag = Tag(tag)
	if !r.Tag.isText() {
		r.Value = "#" + hex.EncodeToString(element)
		return true
	}
	var ok bool
	r.Value, ok = decodeText(r.Tag, body)
	return ok && strings.IndexByte(r.Value, 0) < 0
}

// Marshal writes the name as DER. An attribute keeps its Tag when the type can
// hold the value; otherwise the type is the one that RFC 5280 appendix A wants
// for the attribute, PrintableString when it suffices and UTF8String if not.
// ErrMalformed when a value fits no permitted type.
func (n Name) Marshal() ([]byte, error) {
	b := cryptobyte.NewBuilder(make([]byte, 0, 32+48*len(n)))
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for i := 0; i < len(n); {
			j := i + 1
			for j < len(n) && n[j].Joined {
				j++
			}
			addRDN(b, n[i:j])
			i = j
		}
	})
	return b.Bytes()
}

// addRDN adds one RelativeDistinguishedName, as a DER-ordered SET.
func addRDN(b *cryptobyte.Builder, attrs []RDN) {
	if len(attrs) == 1 {
		b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) { addATV(b, &attrs[0]) })
		return
	}
	elements := make([][]byte, len(attrs))
	for i := range attrs {
		var e cryptobyte.Builder
		addATV(&e, &attrs[i])
		der, err := e.Bytes()
		if err != nil {
			b.SetError(err)
			return
		}
		elements[i] = der
	}
	addSetOf(b, asn1.SET, elements)
}

// addSetOf adds a SET OF with its elements in DER order (X.690 11.6).
func addSetOf(b *cryptobyte.Builder, tag asn1.Tag, elements [][]byte) {
	sorted := slices.Clone(elements)
	slices.SortFunc(sorted, bytes.Compare)
	b.AddASN1(tag, func(b *cryptobyte.Builder) {
		for _, e := range sorted {
			b.AddBytes(e)
		}
	})
}

func addATV(b *cryptobyte.Builder, r *RDN) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		AddOID(b, r.OID)
		r.addValue(b)
	})
}

func (r *RDN) addValue(b *cryptobyte.Builder) {
	if r.Tag != 0 && !r.Tag.isText() {
		der, err := hex.DecodeString(strings.TrimPrefix(r.Value, "#"))
		var body cryptobyte.String
		var tag asn1.Tag
		s := cryptobyte.String(der)
		if err != nil || !s.ReadAnyASN1(&body, &tag) || !s.Empty() {
			b.SetError(malformed("value of " + r.OID))
			return
		}
		b.AddBytes(der)
		return
	}
	if strings.IndexByte(r.Value, 0) >= 0 {
		b.SetError(malformed("NUL in value of " + r.OID))
		return
	}
	if r.Tag != 0 {
		if body, ok := encodeText(r.Tag, r.Value); ok {
			b.AddASN1(asn1.Tag(r.Tag), func(b *cryptobyte.Builder) { b.AddBytes(body) })
			return
		}
	}
	for _, tag := range stringTypes(r.OID) {
		if body, ok := encodeText(tag, r.Value); ok {
			b.AddASN1(asn1.Tag(tag), func(b *cryptobyte.Builder) { b.AddBytes(body) })
			return
		}
	}
	b.SetError(malformed("characters in value of " + r.OID))
}

// stringTypes lists the types that may hold the attribute, best first
// (RFC 5280 appendix A.1, RFC 2985 5.3.1 and the CA/Browser Forum EV rules for
// the jurisdiction attributes).
func stringTypes(oid string) []Tag {
	switch oid {
	case OIDCountry, OIDSerialNumber, OIDDNQualifier, OIDJurisdictionCountry:
		return []Tag{TagPrintable}
	case OIDDomainComponent, OIDEmailAddress:
		return []Tag{TagIA5}
	case OIDUnstructuredName:
		return []Tag{TagIA5, TagUTF8}
	}
	return []Tag{TagPrintable, TagUTF8}
}
