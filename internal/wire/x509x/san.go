package x509x

import (
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// NameKind is the alternative of a GeneralName; its value is the context tag
// of RFC 5280 4.2.1.6.
type NameKind uint8

// The alternatives of GeneralName.
const (
	KindOther        NameKind = 0
	KindEmail        NameKind = 1
	KindDNS          NameKind = 2
	KindX400         NameKind = 3
	KindDirectory    NameKind = 4
	KindEDIParty     NameKind = 5
	KindURI          NameKind = 6
	KindIP           NameKind = 7
	KindRegisteredID NameKind = 8
)

// String returns the word that administrators know ("dns", "ip", "email", …).
func (k NameKind) String() string {
	words := [...]string{"other", "email", "dns", "x400", "directory", "edi", "uri", "ip", "rid"}
	if int(k) < len(words) {
		return words[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// GeneralName is one name of a subject alternative name (RFC 5280 4.2.1.6).
type GeneralName struct {
	Kind NameKind
	// Value is the text of dNSName, rfc822Name and URI; the canonical text of
	// an iPAddress; the dotted identifier of a registeredID; the RFC 4514 form
	// of a directoryName; and the text of an otherName whose value is a string
	// (a UPN is one).
	Value string
	// OID is the type of an otherName, dotted.
	OID string
	// Raw is the DER of the value of an otherName (inside its [0]), of the Name
	// of a directoryName, or the contents of an x400Address or ediPartyName.
	// When writing an otherName or directoryName, Raw wins over Value.
	Raw []byte
}

// IsUPN reports whether the name is a Microsoft user principal name.
func (g *GeneralName) IsUPN() bool { return g.Kind == KindOther && g.OID == OIDUPN }

// UPN makes the otherName of a Microsoft user principal name.
func UPN(name string) GeneralName { return GeneralName{Kind: KindOther, OID: OIDUPN, Value: name} }

// ParseSAN reads the value of a subject (or issuer) alternative name
// extension, keeping order and duplicates. An empty list, an iPAddress of
// other than 4 or 16 octets, and text that is not ASCII or has control
// characters are malformed.
func ParseSAN(value []byte) ([]GeneralName, error) {
	if err := sized(value); err != nil {
		return nil, err
	}
	var seq cryptobyte.String
	s := cryptobyte.String(value)
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !s.Empty() || seq.Empty() {
		return nil, malformed("subject alternative name")
	}
	return readGeneralNames(seq)
}

// readGeneralNames reads the contents of a GeneralNames to the end.
func readGeneralNames(seq cryptobyte.String) ([]GeneralName, error) {
	names := make([]GeneralName, 0, min(8, 1+len(seq)/16))
	for !seq.Empty() {
		g, err := readGeneralName(&seq)
		if err != nil {
			return nil, err
		}
		names = append(names, g)
	}
	return names, nil
}

func readGeneralName(s *cryptobyte.String) (GeneralName, error) {
	var body cryptobyte.String
	var tag asn1.Tag
	if !s.ReadAnyASN1(&body, &tag) {
		return GeneralName{}, malformed("general name")
	}
	g := GeneralName{Kind: NameKind(tag & 0x1f)}
	constructed := g.Kind == KindOther || g.Kind >= KindX400 && g.Kind <= KindEDIParty
	want := asn1.Tag(g.Kind).ContextSpecific()
	if constructed {
		want = want.Constructed()
	}
	if tag != want || g.Kind > KindRegisteredID {
		return g, malformed(fmt.Sprintf("general name with tag %#x", uint8(tag)))
	}
	ok := false
	switch g.Kind {
	case KindEmail, KindDNS, KindURI:
		g.Value, ok = string(body), isGraphic(body)
	case KindIP:
		var ip netip.Addr
		ip, ok = netip.AddrFromSlice(body)
		g.Value = ip.String()
	case KindRegisteredID:
		g.Value, ok = DecodeOID(body)
	case KindDirectory:
		g.Raw = body
		name, err := ParseName(body)
		g.Value, ok = name.String(), err == nil
	case KindOther:
		ok = g.readOther(body)
	default:
		g.Raw, ok = body, true
	}
	if !ok {
		return g, malformed(g.Kind.String() + " name")
	}
	return g, nil
}

// isGraphic reports whether b is ASCII without control characters.
func isGraphic(b []byte) bool {
	for _, c := range b {
		if c < 0x20 || c > 0x7e {
			return false
		}
	}
	return true
}

// readOther reads an OtherName. The value is kept raw; when it is a string
// type it is also decoded, and a UPN must be a UTF8String ([MS-WCCE]).
func (g *GeneralName) readOther(body cryptobyte.String) bool {
	var value, text cryptobyte.String
	var tag asn1.Tag
	if !ReadOID(&body, &g.OID) ||
		!body.ReadASN1(&value, asn1.Tag(0).ContextSpecific().Constructed()) || !body.Empty() {
		return false
	}
	g.Raw = value
	if !value.ReadAnyASN1(&text, &tag) || !value.Empty() {
		return false
	}
	if t, ok := decodeText(Tag(tag), text); ok && strings.IndexByte(t, 0) < 0 {
		g.Value = t
	}
	return g.OID != OIDUPN || Tag(tag) == TagUTF8 && g.Value != ""
}

// MarshalSAN writes the value of a subject alternative name extension in the
// order given. ErrMalformed for an empty list or a value that its kind cannot
// hold.
func MarshalSAN(names []GeneralName) ([]byte, error) {
	if len(names) == 0 {
		return nil, malformed("empty subject alternative name")
	}
	b := cryptobyte.NewBuilder(make([]byte, 0, 16+32*len(names)))
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for i := range names {
			names[i].add(b)
		}
	})
	return b.Bytes()
}

// add adds the name to b.
func (g *GeneralName) add(b *cryptobyte.Builder) {
	body, constructed, err := g.contents()
	if err != nil {
		b.SetError(err)
		return
	}
	tag := asn1.Tag(g.Kind).ContextSpecific()
	if constructed {
		tag = tag.Constructed()
	}
	b.AddASN1(tag, func(b *cryptobyte.Builder) { b.AddBytes(body) })
}

func (g *GeneralName) contents() (body []byte, constructed bool, err error) {
	switch g.Kind {
	case KindEmail, KindDNS, KindURI:
		if body = []byte(g.Value); g.Value == "" || !isGraphic(body) {
			return nil, false, malformed(fmt.Sprintf("%s name %.80q", g.Kind, g.Value))
		}
		return body, false, nil
	case KindIP:
		ip, err := netip.ParseAddr(g.Value)
		if err != nil || ip.Zone() != "" {
			return nil, false, malformed(fmt.Sprintf("ip name %.80q", g.Value))
		}
		return ip.AsSlice(), false, nil
	case KindRegisteredID:
		body, err = appendArcs(nil, g.Value)
		return body, false, err
	case KindDirectory:
		if g.Raw != nil {
			return g.Raw, true, nil
		}
		name, err := ParseRFC4514(g.Value)
		if err == nil {
			body, err = name.Marshal()
		}
		return body, true, err
	case KindOther:
		body, err = g.otherContents()
		return body, true, err
	case KindX400, KindEDIParty:
		return g.Raw, true, nil
	}
	return nil, false, malformed(g.Kind.String())
}

func (g *GeneralName) otherContents() ([]byte, error) {
	var b cryptobyte.Builder
	AddOID(&b, g.OID)
	b.AddASN1(asn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
		if g.Raw != nil {
			b.AddBytes(g.Raw)
			return
		}
		text, ok := encodeText(TagUTF8, g.Value)
		if !ok || g.Value == "" {
			b.SetError(malformed("other name"))
			return
		}
		b.AddASN1(asn1.UTF8String, func(b *cryptobyte.Builder) { b.AddBytes(text) })
	})
	return b.Bytes()
}
