package rest

import (
	"bytes"
	"encoding/json"
	"strings"
)

// text is a text that clients also write as a number, a truth value or null.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(b []byte) error {
	switch {
	case bytes.Equal(b, []byte("null")):
		return nil
	case len(b) > 0 && b[0] == '"':
		return json.Unmarshal(b, (*string)(t))
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return err
	}
	switch v := v.(type) {
	case json.Number:
		*t = text(v)
		return nil
	case bool:
		*t = "false"
		if v {
			*t = "true"
		}
		return nil
	}
	var s string
	return json.Unmarshal(b, &s) // the usual error
}

// flag is a truth value that clients also write as "1", "true" or 1.
type flag bool

// UnmarshalJSON implements json.Unmarshaler.
func (f *flag) UnmarshalJSON(b []byte) error {
	var t text
	if err := t.UnmarshalJSON(b); err != nil {
		return err
	}
	switch strings.ToLower(string(t)) {
	case "1", "true", "yes":
		*f = true
	case "0", "false", "no", "":
		*f = false
	default:
		var v bool
		return json.Unmarshal(b, &v) // the usual error
	}
	return nil
}
