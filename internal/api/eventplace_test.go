package api

import "testing"

func FuzzPlace(f *testing.F) {
	for _, s := range []string{"", "0.1", "0.0-1.42-63.9223372036854775807", "0.-1", "-", "0.1-", "1.", ".1", "0.1-0.2", "x.1", "+1.1", "00.01"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, ok := parsePlace(s)
		if !ok {
			if p != nil {
				t.Fatalf("%q: refused with %v", s, p)
			}
			return
		}
		if len(p) == 0 || len(p) > 64 {
			t.Fatalf("%q: %d chains", s, len(p))
		}
		for chain, seq := range p {
			if chain < 0 || seq < 0 {
				t.Fatalf("%q: %v", s, p)
			}
		}
		again, ok := parsePlace(p.String())
		if !ok || again.String() != p.String() {
			t.Fatalf("%q: %v is read as %v", s, p, again)
		}
	})
}
