package x509x

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
)

// ParseDN reads a name in text form: the OpenSSL form when it begins with "/",
// RFC 4514 if not. The result is in encoded order.
func ParseDN(s string) (Name, error) {
	if strings.HasPrefix(s, "/") {
		return ParseOpenSSL(s)
	}
	return ParseRFC4514(s)
}

// ParseRFC4514 reads "CN=host,O=Example,C=US". It also reads the older forms
// of RFC 2253 section 4: ";" as separator, quoted values, blanks around
// separators. The first element of the text is the last of the Name.
func ParseRFC4514(s string) (Name, error) {
	if err := sized([]byte(s)); err != nil {
		return nil, err
	}
	if strings.TrimSpace(s) == "" {
		return nil, nil
	}
	var rdns []Name
	var current Name
	for {
		r, sep, rest, err := cutRFC4514(s)
		if err != nil {
			return nil, err
		}
		r.Joined = len(current) > 0
		current = append(current, r)
		if sep != '+' {
			rdns, current = append(rdns, current), nil
		}
		if sep == 0 {
			break
		}
		s = rest
	}
	slices.Reverse(rdns)
	return slices.Concat(rdns...), nil
}

// cutRFC4514 takes one type=value from s; sep is the separator after it, 0 at
// the end.
func cutRFC4514(s string) (r RDN, sep byte, rest string, err error) {
	kind, s, ok := strings.Cut(s, "=")
	kind = strings.TrimSpace(kind)
	oid, known := AttributeOID(kind)
	if !ok || !known {
		return r, 0, "", fmt.Errorf("%w: attribute type %q", ErrMalformed, kind)
	}
	r.OID = oid
	s = strings.TrimLeft(s, " ")
	var value string
	switch {
	case strings.HasPrefix(s, "#"):
		end := len(s)
		if i := strings.IndexAny(s, ",;+"); i >= 0 {
			end = i
		}
		der, e := hex.DecodeString(strings.TrimSpace(s[1:end]))
		if e != nil || !r.setElement(der) {
			return r, 0, "", fmt.Errorf("%w: hexadecimal value of %s", ErrMalformed, kind)
		}
		s = s[end:]
	case strings.HasPrefix(s, `"`):
		value, s, ok = unescape(s[1:], `"`)
		if !ok || s == "" {
			return r, 0, "", fmt.Errorf("%w: quoted value of %s", ErrMalformed, kind)
		}
		r.Value, s = value, strings.TrimLeft(s[1:], " ")
	default:
		if value, s, ok = unescape(s, ",;+"); !ok {
			return r, 0, "", fmt.Errorf("%w: value of %s", ErrMalformed, kind)
		}
		r.Value = value
	}
	if s == "" {
		return r, 0, "", nil
	}
	if strings.IndexByte(",;+", s[0]) < 0 {
		return r, 0, "", fmt.Errorf("%w: text after value of %s", ErrMalformed, kind)
	}
	return r, s[0], s[1:], nil
}

// unescape reads a value up to (not including) an unescaped octet of stops,
// resolving RFC 4514 escapes and dropping unescaped blanks at the end of an
// unquoted value. It returns false for a bad escape or text that is not UTF-8.
func unescape(s, stops string) (value, rest string, ok bool) {
	var b []byte
	keep := 0 // length of b that blank trimming must not touch
	i := 0
	for ; i < len(s) && strings.IndexByte(stops, s[i]) < 0; i++ {
		if s[i] != '\\' {
			b = append(b, s[i])
			if s[i] != ' ' || stops == `"` {
				keep = len(b)
			}
			continue
		}
		if i++; i >= len(s) {
			return "", "", false
		}
		if i+1 < len(s) && isHex(s[i]) && isHex(s[i+1]) {
			v, err := hex.DecodeString(s[i : i+2])
			if err != nil {
				return "", "", false
			}
			b = append(b, v...)
			i++
		} else if strings.IndexByte(` "#+,;<=>\`, s[i]) >= 0 {
			b = append(b, s[i])
		} else {
			return "", "", false
		}
		keep = len(b)
	}
	b = b[:keep]
	return string(b), s[i:], utf8.Valid(b)
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// ParseOpenSSL reads "/C=US/O=Example/CN=host" with "\" as escape. A "/" or
// "+" that no attribute type and "=" follow belongs to the value, because
// OpenSSL prints values such as "http/host" without an escape.
func ParseOpenSSL(s string) (Name, error) {
	if err := sized([]byte(s)); err != nil {
		return nil, err
	}
	if s == "" || s == "/" {
		return nil, nil
	}
	if !startsAttribute(s) || s[0] != '/' {
		return nil, fmt.Errorf("%w: name %.40q", ErrMalformed, s)
	}
	var n Name
	for s != "" {
		joined := s[0] == '+'
		kind, rest, _ := strings.Cut(s[1:], "=")
		oid, _ := AttributeOID(kind)
		var value []byte
		i := 0
		for i < len(rest) && !startsAttribute(rest[i:]) {
			if rest[i] == '\\' {
				if i++; i == len(rest) {
					return nil, fmt.Errorf("%w: value of %s", ErrMalformed, kind)
				}
			}
			value = append(value, rest[i])
			i++
		}
		if !utf8.Valid(value) {
			return nil, fmt.Errorf("%w: value of %s", ErrMalformed, kind)
		}
		n = append(n, RDN{OID: oid, Value: string(value), Joined: joined})
		s = rest[i:]
	}
	return n, nil
}

// startsAttribute reports whether s begins with a separator, a known attribute
// type and "=".
func startsAttribute(s string) bool {
	if s == "" || (s[0] != '/' && s[0] != '+') {
		return false
	}
	kind, _, ok := strings.Cut(s[1:min(len(s), 80)], "=")
	if !ok {
		return false
	}
	_, known := AttributeOID(kind)
	return known
}

// element returns the value as one DER element.
func (r *RDN) element() ([]byte, error) {
	var b cryptobyte.Builder
	r.addValue(&b)
	return b.Bytes()
}
