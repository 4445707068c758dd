package jws

import (
	"bytes"
	"encoding/json"
)

// members reads a JSON object. Repeated names are an error, because two
// readers could see two different messages in them.
func members(raw []byte) (map[string]json.RawMessage, error) {
	if out := plainMembers(raw); out != nil {
		return out, nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, malformed("a JSON object is expected")
	}
	out := map[string]json.RawMessage{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, malformed("the JSON cannot be read")
		}
		if _, twice := out[name]; twice {
			return nil, malformed("a member of the JSON object stands twice")
		}
		var v json.RawMessage
		if d.Decode(&v) != nil {
			return nil, malformed("the JSON cannot be read")
		}
		out[name] = v
	}
	if _, err := d.Token(); err != nil {
		return nil, malformed("the JSON cannot be read")
	}
	if _, err := d.Token(); err == nil || d.InputOffset() < int64(len(bytes.TrimRight(raw, " \t\r\n"))) {
		return nil, malformed("something follows the JSON object")
	}
	return out, nil
}

// plainMembers reads what nearly every message and header is: an object of
// strings in which nothing is escaped. Whatever else it meets, it gives nil,
// and the general way judges.
func plainMembers(raw []byte) map[string]json.RawMessage {
	out := make(map[string]json.RawMessage, 4)
	at := space(raw, 0)
	if at >= len(raw) || raw[at] != '{' {
		return nil
	}
	for {
		name := space(raw, at+1)
		end := plainString(raw, name)
		colon := space(raw, end)
		if end == 0 || colon >= len(raw) || raw[colon] != ':' {
			return nil
		}
		value := space(raw, colon+1)
		after := plainString(raw, value)
		if after == 0 {
			return nil
		}
		key := string(raw[name+1 : end-1])
		if _, twice := out[key]; twice {
			return nil
		}
		out[key] = raw[value:after:after]
		if at = space(raw, after); at >= len(raw) {
			return nil
		}
		switch raw[at] {
		case ',':
		case '}':
			if space(raw, at+1) != len(raw) {
				return nil
			}
			return out
		default:
			return nil
		}
	}
}

// space is the place of the next octet that is no white space.
func space(raw []byte, at int) int {
	for at < len(raw) && (raw[at] == ' ' || raw[at] == '\t' || raw[at] == '\r' || raw[at] == '\n') {
		at++
	}
	return at
}

// plainString is the place behind a string that starts at a place and in which
// nothing is escaped and all is ASCII; 0: there is none.
func plainString(raw []byte, at int) int {
	if at >= len(raw) || raw[at] != '"' {
		return 0
	}
	for at++; at < len(raw); at++ {
		switch c := raw[at]; {
		case c == '"':
			return at + 1
		case c == '\\' || c < ' ' || c > '~':
			return 0
		}
	}
	return 0
}

// stringOf reads a JSON value that is a string, or null, which is none.
func stringOf(v json.RawMessage) (s string, err error) {
	if plainString(v, 0) == len(v) && len(v) > 0 {
		return string(v[1 : len(v)-1]), nil
	}
	err = json.Unmarshal(v, &s)
	return s, err
}
