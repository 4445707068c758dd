package audit

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/certwright/certwright/internal/core"
)

const (
	maxValue   = 4 << 10  // octets of one text in Detail; the rest is cut
	maxPayload = 64 << 10 // octets of a payload; a longer Detail is left out, saying so
	maxDepth   = 8        // of maps and lists in Detail
	redacted   = `"[redacted]"`
)

// payload is the erasable part of an event.
type payload struct {
	Address string         `json:"address"`
	Detail  map[string]any `json:"detail"`
	Login   string         `json:"login"`
}

func parsePayload(b []byte) (p payload, err error) {
	err = json.Unmarshal(b, &p)
	return p, err
}

// appendPayload writes the erasable part of e as JSON without spaces, keys in
// octet order, empty members left out. It never fails: what cannot be written
// is replaced by a text that says so.
func appendPayload(b []byte, e *core.Event) []byte {
	start := len(b)
	b = appendMembers(b, e, e.Detail)
	if n := len(b) - start; n > maxPayload {
		b = appendMembers(b[:start], e, map[string]any{"left_out": "detail of " + strconv.Itoa(n) + " octets"})
	}
	return b
}

func appendMembers(b []byte, e *core.Event, detail map[string]any) []byte {
	b = append(b, '{')
	if e.Address != "" {
		b = append(b, `"address":`...)
		b = append(appendText(b, e.Address), ',')
	}
	if len(detail) > 0 {
		b = append(b, `"detail":`...)
		b = append(appendMap(b, detail, 0), ',')
	}
	if e.Login != "" {
		b = append(b, `"login":`...)
		b = append(appendText(b, e.Login), ',')
	}
	if b[len(b)-1] == ',' {
		b = b[:len(b)-1]
	}
	return append(b, '}')
}

func appendMap(b []byte, m map[string]any, depth int) []byte {
	var small [16]string
	keys := small[:0]
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	b = append(b, '{')
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendText(b, k), ':')
		if secretKey(k) {
			b = append(b, redacted...)
		} else {
			b = appendValue(b, m[k], depth+1)
		}
	}
	return append(b, '}')
}

// secretKey is the second line of defence: callers put no secrets into Detail,
// and secrets have a type that redacts itself, but a value under such a name is
// never written, whatever it is.
func secretKey(k string) bool {
	if len(k) < 3 || len(k) > 14 {
		return false
	}
	switch strings.ToLower(k) {
	case "password", "passwd", "passphrase", "secret", "client_secret", "token", "access_token", "private_key", "pin", "authorization":
		return true
	}
	return false
}

func appendValue(b []byte, v any, depth int) []byte {
	if depth > maxDepth {
		return append(b, `"[too deep]"`...)
	}
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case string:
		return appendText(b, v)
	case bool:
		return strconv.AppendBool(b, v)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case time.Time:
		b = append(b, '"')
		b = v.UTC().AppendFormat(b, time.RFC3339Nano)
		return append(b, '"')
	case map[string]any:
		return appendMap(b, v, depth)
	case []string:
		return appendList(b, v, depth, func(b []byte, s string, _ int) []byte { return appendText(b, s) })
	case []any:
		return appendList(b, v, depth, appendValue)
	case json.Marshaler, encoding.TextMarshaler:
		return appendOther(b, v)
	}
	if r := reflect.ValueOf(v); r.Kind() == reflect.String { // core.ProductID and its like
		return appendText(b, r.String())
	}
	return appendOther(b, v)
}

func appendList[T any](b []byte, list []T, depth int, one func([]byte, T, int) []byte) []byte {
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = one(b, v, depth+1)
	}
	return append(b, ']')
}

// appendOther leaves rarer types to encoding/json, which sorts map keys.
func appendOther(b []byte, v any) (out []byte) {
	defer func() {
		if recover() != nil { // a MarshalJSON of the value, called on nil for example
			out = append(b, `"[unwritable]"`...)
		}
	}()
	j, err := json.Marshal(v)
	if err != nil || len(j) > maxPayload {
		return append(b, `"[unwritable]"`...)
	}
	return append(b, j...)
}

// appendText writes a JSON text (RFC 8259 section 7): only what must be escaped
// is, invalid UTF-8 becomes U+FFFD.
func appendText(b []byte, s string) []byte {
	if len(s) > maxValue {
		s = cut(s, maxValue)
	}
	const hexDigits = "0123456789abcdef"
	b = append(b, '"')
	done := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				b = append(append(b, s[done:i]...), "\uFFFD"...)
				done = i + 1
			}
			i += n
			continue
		}
		b = append(b, s[done:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		done = i
	}
	return append(append(b, s[done:]...), '"')
}

// checkPayload returns "" when a row's payload fits its digest and its columns,
// else what is wrong.
func (r *Row) checkPayload(scratch []byte) ([]byte, string) {
	if r.Payload == nil {
		if r.Login != "" || r.Address != "" || r.Salt != (Salt{}) {
			return scratch, "the payload is erased, but login, address or salt are not"
		}
		return scratch, ""
	}
	scratch, d := digest(scratch, r.Salt, r.Payload)
	if d != r.Digest {
		return scratch, "the payload or its salt was changed"
	}
	p, err := parsePayload(r.Payload)
	if err != nil {
		return scratch, "the payload is no JSON"
	}
	if p.Login != r.Login || p.Address != r.Address {
		return scratch, "login or address in the listing differ from the payload"
	}
	return scratch, ""
}
