package validation

import (
	"fmt"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/validation/validationtest"
)

func TestDNSPersist01(t *testing.T) {
	ours := "ca.example; accounturi=" + account
	now := clock().Unix()
	for _, c := range []struct {
		name     string
		texts    []string
		wildcard bool
		why      string // empty: control is proven
	}{
		{name: "record", texts: []string{ours}},
		{name: "without blanks", texts: []string{"ca.example;accounturi=" + account}},
		{name: "upper case and dot", texts: []string{"CA.Example.; ACCOUNTURI=" + account}},
		{name: "second issuer", texts: []string{"ca2.example; accounturi=" + account}},
		{name: "unknown parameter", texts: []string{ours + "; new=x"}},
		{name: "among others", texts: []string{"v=spf1", "other.example; accounturi=" + account, "ca.example; accounturi=https://x", ours}},
		{name: "other issuer", texts: []string{"other.example; accounturi=" + account}, why: "none names the issuer ca.example or ca2.example"},
		{name: "other account", texts: []string{"ca.example; accounturi=" + account + "2"}, why: "another account"},
		{name: "no account", texts: []string{"ca.example"}, why: "names no account"},
		{name: "no issuer", texts: []string{"; accounturi=" + account}, why: "names no issuer"},
		{name: "account twice", texts: []string{ours + "; accounturi=" + account}, why: "twice"},
		{name: "malformed", texts: []string{ours + "; x"}, why: "tag=value"},
		{name: "malformed tag", texts: []string{ours + "; a_b=x"}, why: "tag=value"},
		{name: "wildcard", texts: []string{ours + "; policy=wildcard"}, wildcard: true},
		{name: "wildcard, upper case", texts: []string{ours + "; policy=WILDCARD"}, wildcard: true},
		{name: "wildcard policy for a name", texts: []string{ours + "; policy=wildcard"}},
		{name: "no wildcard", texts: []string{ours}, wildcard: true, why: "policy=wildcard"},
		{name: "other policy", texts: []string{ours + "; policy=other"}, wildcard: true, why: "policy=wildcard"},
		{name: "until now", texts: []string{fmt.Sprintf("%s; persistUntil=%d", ours, now)}},
		{name: "until later", texts: []string{fmt.Sprintf("%s; persistUntil=%d", ours, now+1000)}},
		{name: "ended", texts: []string{fmt.Sprintf("%s; persistUntil=%d", ours, now-1)}, why: "ended on 2026-01-01T11:59:59Z"},
		{name: "until nonsense", texts: []string{ours + "; persistUntil=2027-01-01"}, why: "number of seconds"},
		{name: "until empty", texts: []string{ours + "; persistUntil="}, why: "number of seconds"},
		{name: "until negative", texts: []string{ours + "; persistUntil=-1"}, why: "number of seconds"},
		{name: "until too large", texts: []string{ours + "; persistUntil=99999999999999999999"}, why: "number of seconds"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := validationtest.NewDNS(t)
			var rr []string
			for _, s := range c.texts {
				rr = append(rr, `"`+s[:len(s)/2]+`" "`+s[len(s)/2:]+`"`)
			}
			d.Set("_validation-persist.a.example", "TXT", rr...)
			q := Check{Method: core.MethodDNSPersist01, Identifier: dnsName("a.example"), Wildcard: c.wildcard,
				AccountURL: account, IssuerDomains: []string{"ca.example", "CA2.example."}}
			code := ""
			if c.why != "" {
				code = "unauthorized"
			}
			if strings.Contains(c.why, "ca2") {
				c.why = strings.ReplaceAll(c.why, "ca2.example", "CA2.example.")
			}
			want(t, start(t, d).Check(t.Context(), q), code, true, c.why)
		})
	}
	q := Check{Method: core.MethodDNSPersist01, Identifier: dnsName("a.example"), AccountURL: account, IssuerDomains: []string{"ca.example"}}
	want(t, start(t, validationtest.NewDNS(t)).Check(t.Context(), q), "dns", true, "NXDOMAIN")
}

func FuzzPersist(f *testing.F) {
	for _, s := range []string{"ca.example; accounturi=https://x; policy=wildcard; persistUntil=1767268800", "ca.example", ";;", "a=b", "ca.example; persistUntil=9223372036854775808"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := parsePersist(s)
		if err != nil {
			return
		}
		if r.issuer == "" || r.account == "" || strings.ContainsAny(r.account, "; \t\n") {
			t.Errorf("%q is read as %+v", s, r)
		}
		if r.wildcard && !strings.Contains(strings.ToLower(s), "wildcard") {
			t.Errorf("%q allows wildcards", s)
		}
	})
}
