package x509x

import (
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Tag is the ASN.1 string type of a value (X.680 table 8). Zero means: choose
// the right one when writing.
type Tag uint8

// The string types that names and attributes use.
const (
	TagUTF8      Tag = 12
	TagNumeric   Tag = 18
	TagPrintable Tag = 19
	TagT61       Tag = 20
	TagIA5       Tag = 22
	TagVisible   Tag = 26
	TagUniversal Tag = 28
	TagBMP       Tag = 30
)

// isText reports whether the tag is one of the string types above.
func (t Tag) isText() bool {
	switch t {
	case TagUTF8, TagNumeric, TagPrintable, TagT61, TagIA5, TagVisible, TagUniversal, TagBMP:
		return true
	}
	return false
}

// decodeText turns the contents of a string type into UTF-8. PrintableString,
// NumericString and VisibleString are read as any visible ASCII, because
// clients put '*', '@' and '_' there; T61String is read as ISO 8859-1, as all
// other software does.
func decodeText(tag Tag, b []byte) (string, bool) {
	switch tag {
	case TagUTF8:
		return string(b), utf8.Valid(b)
	case TagPrintable, TagNumeric, TagVisible:
		for _, c := range b {
			if c < 0x20 || c > 0x7e {
				return "", false
			}
		}
		return string(b), true
	case TagIA5:
		return string(b), isASCII(b)
	case TagT61:
		if isASCII(b) {
			return string(b), true
		}
		r := make([]rune, len(b))
		for i, c := range b {
			r[i] = rune(c)
		}
		return string(r), true
	case TagBMP:
		return decodeBMP(b)
	case TagUniversal:
		return decodeUniversal(b)
	}
	return "", false
}

// decodeBMP reads UCS-2, and surrogate pairs because Windows writes them.
func decodeBMP(b []byte) (string, bool) {
	if len(b)%2 != 0 {
		return "", false
	}
	u := make([]uint16, len(b)/2)
	for i := range u {
		u[i] = binary.BigEndian.Uint16(b[2*i:])
	}
	r := utf16.Decode(u)
	for i := range r {
		if r[i] == utf8.RuneError {
			return "", false
		}
	}
	return string(r), true
}

func decodeUniversal(b []byte) (string, bool) {
	if len(b)%4 != 0 {
		return "", false
	}
	r := make([]rune, len(b)/4)
	for i := range r {
		v := binary.BigEndian.Uint32(b[4*i:])
		if v > utf8.MaxRune || !utf8.ValidRune(rune(v)) {
			return "", false
		}
		r[i] = rune(v)
	}
	return string(r), true
}

// encodeText returns the contents octets of s in the string type, and false
// when the type cannot hold s.
func encodeText(tag Tag, s string) ([]byte, bool) {
	switch tag {
	case TagUTF8:
		return []byte(s), utf8.ValidString(s)
	case TagPrintable:
		return []byte(s), isPrintable(s)
	case TagIA5:
		return []byte(s), isASCII(s)
	case TagNumeric, TagVisible:
		for i := range len(s) {
			c := s[i]
			if c < 0x20 || c > 0x7e || (tag == TagNumeric && c != ' ' && (c < '0' || c > '9')) {
				return nil, false
			}
		}
		return []byte(s), true
	case TagT61:
		out := make([]byte, 0, len(s))
		for _, r := range s {
			if r > 0xff {
				return nil, false
			}
			out = append(out, byte(r))
		}
		return out, utf8.ValidString(s)
	case TagBMP:
		out := make([]byte, 0, 2*len(s))
		for _, u := range utf16.Encode([]rune(s)) {
			out = binary.BigEndian.AppendUint16(out, u)
		}
		return out, utf8.ValidString(s)
	case TagUniversal:
		out := make([]byte, 0, 4*len(s))
		for _, r := range s {
			out = binary.BigEndian.AppendUint32(out, uint32(r))
		}
		return out, utf8.ValidString(s)
	}
	return nil, false
}

func isASCII[T string | []byte](s T) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// isPrintable reports whether s fits PrintableString (X.680 41.4).
func isPrintable(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case '\'' <= c && c <= ')', '+' <= c && c <= '/': // ' ( ) and + , - . /
		case c == ' ', c == ':', c == '=', c == '?':
		default:
			return false
		}
	}
	return true
}

// readText reads one element of any string type and advances.
func readText(s *cryptobyte.String, out *string) bool {
	var body cryptobyte.String
	var tag asn1.Tag
	if !s.ReadAnyASN1(&body, &tag) {
		return false
	}
	text, ok := decodeText(Tag(tag), body)
	*out = text
	return ok
}
