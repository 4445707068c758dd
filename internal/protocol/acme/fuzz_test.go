package acme

import (
	"encoding/json"
	"strings"
	"testing"
)

// FuzzCertID reads identifiers of RFC 9773 section 4.1; the example is the one
// of that section.
func FuzzCertID(f *testing.F) {
	f.Add("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE")
	f.Add("AAAA.AA")
	f.Fuzz(func(t *testing.T, s string) {
		aki, serial, ok := certID(s)
		if ok && (len(aki) == 0 || strings.HasPrefix(serial, "0") || strings.Count(s, ".") != 1) {
			t.Errorf("%q gives %x %q", s, aki, serial)
		}
	})
}

func TestCertID(t *testing.T) {
	if aki, serial, ok := certID("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"); !ok || len(aki) != 20 || serial != "87654321" {
		t.Errorf("%x %q %v", aki, serial, ok)
	}
	for _, s := range []string{"", ".", "AAAA", "AAAA.", ".AA", "AAAA.AA==", "AAAA.h2VDIQ", "AA+A.AQ", "AAAA.AQ.AQ", strings.Repeat("A", 300) + ".AQ"} {
		if _, _, ok := certID(s); ok {
			t.Errorf("%q is taken", s)
		}
	}
}

// FuzzIdentifiers reads what clients order: nothing may panic, and what is
// taken stays as it is when it is read again.
func FuzzIdentifiers(f *testing.F) {
	f.Add(`[{"type":"dns","value":"A.example."},{"type":"ip","value":"2001:DB8::1"}]`)
	f.Add(`[{"type":"dns","value":"a.b.example","ancestorDomain":"b.example"},{"type":"permanent-identifier","value":"x"}]`)
	f.Fuzz(func(t *testing.T, s string) {
		var in []wanted
		if json.Unmarshal([]byte(s), &in) != nil {
			return
		}
		once, err := normalise(in)
		if err != nil {
			return
		}
		again, err := normalise(once)
		if err != nil || len(again) != len(once) {
			t.Fatalf("%q: %v %v %v", s, once, again, err)
		}
		for i := range once {
			if once[i] != again[i] {
				t.Errorf("%q: %v is read again as %v", s, once[i], again[i])
			}
		}
	})
}

// FuzzContacts reads the contacts of accounts.
func FuzzContacts(f *testing.F) {
	f.Add("mailto:a@b.example")
	f.Add("mailto:a@b.example?subject=x")
	f.Fuzz(func(t *testing.T, s string) {
		if out, err := checkContacts([]string{s}); err == nil && (len(out) != 1 || !strings.HasPrefix(strings.ToLower(out[0]), "mailto:")) {
			t.Errorf("%q gives %q", s, out)
		}
	})
}
