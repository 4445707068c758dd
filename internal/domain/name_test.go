package domain

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
)

func TestLine(t *testing.T) {
	for name, want := range map[string]string{
		"a.example": "a.example", "x.y.a.example": "x.y.a.example y.a.example a.example", "w.a.co.uk": "w.a.co.uk a.co.uk",
		"me.github.io": "me.github.io github.io", "w.host.internal": "w.host.internal host.internal",
	} {
		if got := strings.Join(line(name), " "); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := Addresses("w.a.co.uk"); len(got) != 10 || got[0] != "admin@w.a.co.uk" || got[9] != "postmaster@a.co.uk" {
		t.Errorf("%v", got)
	}
}

func TestPause(t *testing.T) {
	for age, want := range map[time.Duration]time.Duration{0: 1, 1: 2, 2: 2, 3: 5, 8: 10, 17: 10, 18: 30, 2000: 30} {
		if got := pause(age * time.Minute); got != want*time.Minute {
			t.Errorf("after %d minutes: %v", age, got)
		}
	}
}

func TestAlias(t *testing.T) {
	label, target := alias("certwright-dcv-x")
	if len(label) != 33 || label[0] != '_' || len(target) != 32 || strings.Contains(label, target) {
		t.Errorf("%s %s", label, target)
	}
	if other, _ := alias("certwright-dcv-y"); other == label {
		t.Error("two tokens, one label")
	}
}

func TestSettings(t *testing.T) {
	for _, s := range []string{"challenge", "_a..b", "_A", "_-", "_a.", "_" + strings.Repeat("a", 63)} {
		if labels(s) && s[0] == '_' {
			t.Errorf("label %q is taken", s)
		}
	}
	if !labels(DefaultTXTLabel) || !labels(DefaultCNAMESuffix) {
		t.Error("the defaults are refused")
	}
}

func FuzzNormalise(f *testing.F) {
	for _, s := range []string{"a.example", "*.A.Example.", "bücher.example", "xn--bcher-kva.example", "a。example", "com", "co.uk", "1.2.3.4", "::1", "a..b", "ß.example", "a_b.example", "٠.example", "☃.net", "xn--a.example", "\xa9.A", strings.Repeat("ü", 70) + ".example"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := Normalise(s)
		if err != nil {
			if !core.Is(err, core.KindBadName) {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		if again, err := Normalise(name); err != nil || again != name {
			t.Fatalf("%q became %q, then %q %v", s, name, again, err)
		}
		if len(name) > 253 || name != strings.ToLower(name) || strings.ContainsAny(name, "*_ /:@\\\"") || !strings.Contains(name, ".") || public(name) {
			t.Fatalf("%q became %q", s, name)
		}
		at := line(name)
		if len(at) == 0 || at[0] != name || slices.ContainsFunc(at, public) {
			t.Fatalf("%q: ancestors %v", name, at)
		}
	})
}
