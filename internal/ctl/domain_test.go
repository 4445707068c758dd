package ctl

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

func domainWorld(t *testing.T) (*fake, *resource.DomainOutcome) {
	t.Helper()
	f := world(t)
	d := resource.DomainDetail{Domain: resource.Domain{ID: id[core.DomainID](6), Number: 6, Name: "a.example", Organisation: id[core.OrganisationID](7), State: core.DomainActive,
		Control: core.ControlPending, Method: core.MethodDNSTXT, CreatedAt: noon, TokenUntil: noon.Add(48 * time.Hour)},
		Challenge: &resource.DomainChallenge{Method: core.MethodDNSTXT, Token: "certwright-dcv-1", RecordName: "_certwright-challenge.a.example", RecordType: "TXT", Value: "certwright-dcv-1"}}
	a := resource.DomainAttempt{ID: id[core.AttemptID](8), Method: core.MethodDNSTXT, Failure: &core.Failure{Code: "dns", Detail: "no such name"}, Expected: "TXT …",
		Next: "Publish the TXT record", Perspectives: 2, Quorum: 2, Records: []core.Record{{At: noon, Asked: "TXT _certwright-challenge.a.example at 192.0.2.1:53", Answer: "NXDOMAIN"}}, At: noon}
	list(f, "/domains", d.Domain)
	list(f, "/organisations", resource.Organisation{ID: id[core.OrganisationID](7), Name: "Corp"})
	one := "/domains/" + string(d.ID)
	f.give("POST /domains", d)
	f.give("GET "+one, d)
	f.give("POST "+one+"/challenge", d.Challenge)
	o := &resource.DomainOutcome{Domain: d, Attempt: &a}
	f.on("POST "+one+"/verify", func(*http.Request) (any, error) { return o, nil })
	for _, verb := range []string{"renew", "activate", "deactivate", "reject"} {
		f.give("POST "+one+"/"+verb, d)
	}
	f.give("GET "+one+"/attempts", resource.DomainAttempts{Items: []resource.DomainAttempt{a}, Total: 3})
	return f, o
}

func TestDomainCommands(t *testing.T) {
	f, o := domainWorld(t)
	for args, want := range map[string][]string{
		"domain list --organisation Corp --control pending":              {"a.example", "dns-txt"},
		"domain show a.example":                                          {"_certwright-challenge.a.example", "certwright-dcv-1"},
		"domain show 6":                                                  {"a.example"},
		"domain register b.example --organisation Corp --method dns-txt": {"certwright-dcv-1"},
		"domain challenge a.example --method dns-txt":                    {"_certwright-challenge.a.example"},
		"domain renew a.example":                                         {"certwright-dcv-1"},
		"domain activate a.example":                                      {"is active"},
		"domain deactivate a.example":                                    {"Domain a.example"},
		"domain reject --yes --reason x a.example":                       {"Control of a.example"},
		"domain attempts a.example --limit 1":                            {"NXDOMAIN", "Publish the TXT record", "There are 3"},
		"domain attempts -o json " + string(id[core.DomainID](6)):        {`"total": 3`},
	} {
		out := f.ctl(t, strings.Fields(args)...).ok(t)
		for _, w := range want {
			if !strings.Contains(out.out+out.err, w) {
				t.Errorf("%s: %q is missing in\n%s%s", args, w, out.out, out.err)
			}
		}
	}
	if n := body[resource.NewDomain](t, f, "POST", "/domains"); n.Name != "b.example" || n.Organisation != id[core.OrganisationID](7) || n.Method != core.MethodDNSTXT {
		t.Errorf("asked for %+v", n)
	}
	f.ctl(t, "domain", "reject", "a.example").fails(t, codeUsage, "--yes")
	f.ctl(t, "domain", "show", "z.example").fails(t, codeNotFound, "z.example")
	f.ctl(t, "domain", "attempts", "a.example", "--limit", "0").fails(t, codeUsage, "--limit")

	bad := f.ctl(t, "domain", "verify", "a.example")
	bad.fails(t, codeRefused, "no such name")
	if !strings.Contains(bad.out, "NXDOMAIN") || !strings.Contains(bad.out, "Publish the TXT record") {
		t.Errorf("a look without a proof shows\n%s", bad.out)
	}
	o.Sent, o.Attempt.Failure, o.Attempt.Expected = true, nil, "admin@a.example"
	if got := f.ctl(t, "domain", "verify", "a.example", "--method", "email", "--address", "admin@a.example").ok(t); !strings.Contains(got.err, "went to admin@a.example") {
		t.Errorf("mail: %s%s", got.out, got.err)
	}
	o.Sent, o.Attempt.Passed, o.Domain.ValidUntil = false, true, noon
	if got := f.ctl(t, "domain", "verify", "a.example").ok(t); !strings.Contains(got.err, "is proven until 2026-02-05") {
		t.Errorf("proven: %s%s", got.out, got.err)
	}
}
