package ctl

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/certwright/certwright/internal/api/client"
	"github.com/certwright/certwright/internal/core"
)

func TestParseCond(t *testing.T) {
	for in, want := range map[string]core.Cond{
		"state:eq:active":                      {Column: "state", Op: "eq", Values: []string{"active"}},
		"revoked_at:empty":                     {Column: "revoked_at", Op: "empty"},
		"state:in:active,on-hold":              {Column: "state", Op: "in", Values: []string{"active", "on-hold"}},
		`name:in:a\,b,c\\d,50\%`:               {Column: "name", Op: "in", Values: []string{"a,b", `c\d`, "50%"}},
		"subject:contains:CN=a, O=b":           {Column: "subject", Op: "contains", Values: []string{"CN=a, O=b"}},
		`login:eq:CORP\user`:                   {Column: "login", Op: "eq", Values: []string{`CORP\user`}},
		"not_after:lt:+30d":                    {Column: "not_after", Op: "lt", Values: []string{"+30d"}},
		"not_after:between:05-Feb-2026,+1d":    {Column: "not_after", Op: "between", Values: []string{"2026-02-05T00:00:00Z", "+1d"}},
		"names:contains:uri:https://a.example": {Column: "names", Op: "contains", Values: []string{"uri:https://a.example"}},
		"label:eq:05-Feb-2026":                 {Column: "label", Op: "eq", Values: []string{"05-Feb-2026"}},
		"description:eq:":                      {Column: "description", Op: "eq", Values: []string{""}},
	} {
		got, err := parseCond(in)
		if err != nil || got.Column != want.Column || got.Op != want.Op || !slices.Equal(got.Values, want.Values) {
			t.Errorf("%s: %+v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "state", ":eq:a", "state:", "state::a", strings.Repeat("a", 1999) + ":eq"} {
		if got, err := parseCond(in); err == nil {
			t.Errorf("%.20q was read as %+v", in, got)
		}
	}
}

// FuzzParseCond: what is read comes back when it is written as the API reads
// it.
func FuzzParseCond(f *testing.F) {
	for _, s := range []string{"state:eq:active", `a:in:b\,c,d`, "a:between:2026-01-01,02-Jan-2026", `a:contains:\`, "a:empty", "a:eq:%2C"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		c, err := parseCond(in)
		if err != nil {
			return
		}
		written := client.FormatCond(c)
		if len(written) > maxFilter {
			return
		}
		again, err := parseCond(written)
		if err != nil || again.Column != c.Column || again.Op != c.Op || !slices.Equal(again.Values, c.Values) {
			t.Fatalf("%q is %+v, written as %q is %+v: %v", in, c, written, again, err)
		}
	})
}

func TestParseWhen(t *testing.T) {
	for in, want := range map[string]time.Time{
		"90d": noon.AddDate(0, 0, 90), "+12h": noon.Add(12 * time.Hour), "-2w": noon.AddDate(0, 0, -14), "1y": noon.AddDate(0, 0, 365), "now": noon, "+15m": noon.Add(15 * time.Minute),
		"2027-01-31": time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC), "31-Jan-2027": time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC),
		"2027-01-31T10:00:00+02:00": time.Date(2027, 1, 31, 8, 0, 0, 0, time.UTC),
	} {
		if got, err := parseWhen(in, noon); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "d", "90", "90x", "-", "1000000000y", "2027-02-30", "0001-01-01", "31-Jan-27", "9d9d", "٣d"} {
		if got, err := parseWhen(in, noon); err == nil {
			t.Errorf("%q was read as %v", in, got)
		}
	}
	if got, err := parsePast("30d", noon); err != nil || !got.Equal(noon.AddDate(0, 0, -30)) {
		t.Errorf("30d ago: %v, %v", got, err)
	}
	if got, err := parsePast("+1d", noon); err != nil || !got.Equal(noon.AddDate(0, 0, 1)) {
		t.Errorf("+1d: %v, %v", got, err)
	}
}

func FuzzParseWhen(f *testing.F) {
	for _, s := range []string{"90d", "-2w", "2027-01-31", "31-Jan-2027", "2027-01-31T10:00:00Z", "100y", "now"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got, err := parseWhen(in, noon)
		if err != nil {
			return
		}
		if got.Location() != time.UTC || got.Year() < 1900 || got.Year() > 9999 {
			t.Fatalf("%q is %v", in, got)
		}
		if again, err := parseWhen(got.Format(time.RFC3339), noon); inRange(got) && (err != nil || again.Sub(got).Abs() >= time.Second) {
			t.Fatalf("%q is %v, and that is %v: %v", in, got, again, err)
		}
	})
}

func FuzzParseSources(f *testing.F) {
	for _, s := range []string{"10.0.0.0/8", "::1", "192.0.2.1", "fe80::1%eth0", "10.1.0.0/8"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got, err := parseSources([]string{in})
		if err == nil && (len(got) != 1 || !got[0].IsValid() || got[0].Masked() != got[0]) {
			t.Fatalf("%q is %v", in, got)
		}
	})
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"plain", "\x1b]0;title\a", "a\u202eb", "\xff", "a\r\nb"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got := clean(in)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) {
			t.Fatalf("%q is %q", in, got)
		}
	})
}

func TestDaysLeft(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0", time.Hour: "0", 25 * time.Hour: "1", -time.Hour: "-1", -24 * time.Hour: "-1", -25 * time.Hour: "-2"} {
		if got := daysLeft(noon.Add(d), noon); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

func TestEveryCommandHasHelpAndRuns(t *testing.T) {
	k := parser(t, &grammar{})
	for _, leaf := range k.Model.Leaves(true) {
		if leaf.Help == "" {
			t.Errorf("%s has no help", leaf.Path())
		}
		for _, f := range leaf.Flags {
			if f.Help == "" {
				t.Errorf("%s --%s has no help", leaf.Path(), f.Name)
			}
			for _, word := range []string{"secret", "password", "token"} {
				if strings.Contains(f.Name, word) && f.Name != "no-password" && f.Tag.Type != "path" {
					t.Errorf("%s --%s takes a secret as a plain value", leaf.Path(), f.Name)
				}
			}
		}
		if !leaf.Target.Addr().MethodByName("Run").IsValid() {
			t.Errorf("%s does nothing", leaf.Path())
		}
	}
}
