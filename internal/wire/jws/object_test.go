package jws

import (
	"encoding/json"
	"testing"
)

// FuzzMembers holds the short way against the general one: what it reads, that
// reads alike, and no name stands twice.
func FuzzMembers(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":"b"}`, ` { "a" : "b" , "c" : "" } ` + "\n", `{"a":"b","a":"c"}`, `{"a":"b",}`, `{"a":"\u0041"}`, `{"a":"ä"}`,
		`{"a":1}`, `{"a":"b"}x`, `{"a":"b"`, `{"a":"b"}{"c":"d"}`, `{"a" "b"}`, `{"a`, `{`, ``, `{,"a":"b"}`, `{"a":"` + "\x7f" + `"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		short := plainMembers(raw)
		if short == nil {
			return
		}
		var long map[string]string
		if err := json.Unmarshal(raw, &long); err != nil || len(long) != len(short) {
			t.Fatalf("%q: %d members, %d (%v)", raw, len(short), len(long), err)
		}
		for name, v := range short {
			if s, err := stringOf(v); err != nil || s != long[name] {
				t.Errorf("%q: %q is %q, not %q (%v)", raw, name, s, long[name], err)
			}
		}
	})
}
