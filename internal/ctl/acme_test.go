package ctl

import (
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

func acmeWorld(t *testing.T) *fake {
	t.Helper()
	f := world(t)
	a := resource.ACMEAccount{ID: id[core.ACMEAccountID](6), Credential: id[core.CredentialID](5), State: core.ACMEAccountValid, Contacts: []string{"mailto:a@example.org"}, CreatedAt: noon}
	z := resource.ACMEAuthorizationDetail{
		ACMEAuthorization: resource.ACMEAuthorization{ID: id[core.AuthorizationID](7), ACMEAccount: a.ID, Identifier: core.Identifier{Type: "dns", Value: "a.example"},
			Wildcard: true, State: core.AuthorizationInvalid, ExpiresAt: noon.Add(time.Hour)},
		Challenges: []resource.ACMEChallenge{{Method: core.MethodDNS01, State: core.ChallengeInvalid, Failure: &core.Failure{Code: "dns", Detail: "no such record"},
			Records: []core.Record{{At: noon, Asked: "TXT _acme-challenge.a.example", Answer: "NXDOMAIN"}}}},
	}
	o := resource.ACMEOrderDetail{ACMEOrder: resource.ACMEOrder{ID: id[core.ACMEOrderID](8), ACMEAccount: a.ID, State: core.ACMEOrderInvalid, CreatedAt: noon,
		Identifiers: []core.Identifier{{Type: "dns", Value: "*.a.example"}}, Problem: &resource.ACMEProblem{Type: "unauthorized", Detail: "not proven"}},
		Authorizations: []resource.ACMEAuthorizationDetail{z}}
	list(f, "/acme-accounts", a)
	list(f, "/acme-orders", o.ACMEOrder)
	list(f, "/acme-authorizations", z.ACMEAuthorization)
	for path, v := range map[string]any{"/acme-accounts/" + string(a.ID): a, "/acme-orders/" + string(o.ID): o, "/acme-authorizations/" + string(z.ID): z} {
		f.give("GET "+path, v)
		f.give("POST "+path+"/revoke", v)
		f.give("POST "+path+"/restore", v)
	}
	return f
}

func TestACMECommands(t *testing.T) {
	f := acmeWorld(t)
	for args, want := range map[string][]string{
		"acme account list --credential web --state valid":       {string(id[core.ACMEAccountID](6)), "mailto:a@example.org"},
		"acme account show " + string(id[core.ACMEAccountID](6)): {"mailto:a@example.org"},
		"acme order list": {"*.a.example", "not proven"},
		"acme order show " + string(id[core.ACMEOrderID](8)):                        {"no such record", "NXDOMAIN", "unauthorized"},
		"acme authorization list --name a.example":                                  {"*.a.example", "invalid"},
		"acme authz show " + string(id[core.AuthorizationID](7)):                    {"TXT _acme-challenge.a.example"},
		"acme account restore " + string(id[core.ACMEAccountID](6)):                 {"is valid"},
		"acme account revoke --yes --reason x " + string(id[core.ACMEAccountID](6)): {"ACME account"},
		"acme authorization revoke --yes " + string(id[core.AuthorizationID](7)):    {"a.example"},
	} {
		o := f.ctl(t, strings.Fields(args)...).ok(t)
		for _, w := range want {
			if !strings.Contains(o.out+o.err, w) {
				t.Errorf("%s: %q is missing in\n%s%s", args, w, o.out, o.err)
			}
		}
	}
	if q := f.got("GET", "/acme-accounts")[0].Query; !strings.Contains(q, "state%3Aeq%3Avalid") || !strings.Contains(q, "credential%3Aeq%3A"+string(id[core.CredentialID](5))) {
		t.Errorf("asked for %s", q)
	}
	if r := body[resource.Reasoned](t, f, "POST", "/acme-accounts/"+string(id[core.ACMEAccountID](6))+"/revoke"); r.Reason != "x" {
		t.Errorf("%+v", r)
	}
	f.ctl(t, "acme", "account", "revoke", string(id[core.ACMEAccountID](6))).fails(t, codeUsage, "--yes")
	f.ctl(t, "acme", "authorization", "revoke", string(id[core.AuthorizationID](7))).fails(t, codeUsage, "--yes")
}

func TestACMEOptions(t *testing.T) {
	f := world(t)
	p := newPKI(t)
	f.ctl(t, "credential", "create", "--type", "acme", "--product", "tls-server", "--eab-optional", "--control", "proven", "--method", "dns-01", "--method", "http-01",
		"--subdomains", "--orders-per-hour", "5", "--max-accounts", "6", "--reuse-days", "7", "--terms", "https://a.example", "--website", "https://b.example",
		"--attestation-file", file(t, "ca.pem", pemOf(p.root))).ok(t)
	o := body[resource.NewCredential](t, f, "POST", "/credentials").Options.ACME
	if o == nil || !o.EABOptional || o.Control != core.ACMEProven || strings.Join(o.Methods, " ") != "dns-01 http-01" || !o.Subdomains || o.OrdersPerHour != 5 ||
		o.MaxAccounts != 6 || o.ReuseDays != 7 || o.Terms != "https://a.example" || o.Website != "https://b.example" || o.Attestation != pemOf(p.root) {
		t.Errorf("asked for %+v", o)
	}

	// A change keeps what is not named.
	c := resource.CredentialDetail{Credential: resource.Credential{ID: id[core.CredentialID](9), Type: "acme", Label: "acme", Version: 2, State: core.CredentialActive,
		Options: core.CredentialOptions{ACME: &core.ACMEOptions{EABOptional: true, Methods: []string{"dns-01"}, MaxAccounts: 3}}}}
	f.give("GET /credentials/"+string(c.ID), c)
	f.give("PATCH /credentials/"+string(c.ID), c)
	f.ctl(t, "credential", "update", string(c.ID), "--no-eab-optional", "--orders-per-hour", "9").ok(t)
	ch := body[resource.CredentialChange](t, f, "PATCH", "/credentials/"+string(c.ID))
	if o := ch.Options.ACME; ch.Version != 2 || o.EABOptional || o.OrdersPerHour != 9 || o.MaxAccounts != 3 || len(o.Methods) != 1 {
		t.Errorf("changed to %+v", o)
	}
}

func TestRenewalCommands(t *testing.T) {
	f := newFake(t, false)
	issuer := resource.Issuer{ID: id[core.IssuerID](1), Slug: "web", Name: "Web"}
	list(f, "/issuers", issuer)
	pull := resource.RenewalPull{ID: id[core.PullID](2), State: "running", Issuer: issuer.ID, Start: noon, End: noon.Add(24 * time.Hour), Reason: "drill"}
	list(f, "/renewal-pulls", pull)
	f.give("POST /renewal-pulls", pull)
	f.give("GET /renewal-pulls/"+string(pull.ID), pull)
	f.give("POST /renewal-pulls/"+string(pull.ID)+"/cancel", pull)
	f.ctl(t, "renewal", "pull", "--issuer", "web", "--within", "24h").fails(t, codeUsage, "--yes")
	f.ctl(t, "renewal", "pull", "--within", "24h", "--yes").fails(t, codeUsage, "--issuer")
	f.ctl(t, "renewal", "pull", "--issuer", "web", "--yes").fails(t, codeUsage, "--within")
	f.ctl(t, "renewal", "pull", "--issuer", "web", "--product", "tls-server", "--start", "+1h", "--within", "24h", "--explanation", "https://a.example", "--reason", "drill", "--yes").ok(t)
	n := body[resource.NewRenewalPull](t, f, "POST", "/renewal-pulls")
	if n.Issuer != issuer.ID || n.Product != "tls-server" || n.Within != "24h" || !n.Start.Equal(noon.Add(time.Hour)) || n.Explanation != "https://a.example" || n.Reason != "drill" {
		t.Errorf("asked for %+v", n)
	}
	if o := f.ctl(t, "renewal", "list").ok(t); !strings.Contains(o.out, "drill") || !strings.Contains(o.out, "running") {
		t.Error(o.out)
	}
	f.ctl(t, "renewal", "cancel", string(pull.ID)).fails(t, codeUsage, "--yes")
	f.ctl(t, "renewal", "cancel", "--yes", string(pull.ID)).ok(t)
}

func TestIssuerChainCommands(t *testing.T) {
	f := newFake(t, false)
	p := newPKI(t)
	d := resource.IssuerDetail{Issuer: resource.Issuer{ID: id[core.IssuerID](1), Slug: "web", Name: "Web"}, Alternates: [][]string{{"PEM"}}}
	list(f, "/issuers", d.Issuer)
	at := "/issuers/" + string(d.ID)
	f.give("GET "+at, d)
	f.give("POST "+at+"/chains", d)
	f.give("POST "+at+"/chains/remove", d)
	o := f.ctl(t, "issuer", "add-chain", "web", "--file", file(t, "a.pem", pemOf(p.middle)), "--file", file(t, "b.pem", "Comment\n"+pemOf(p.root))).ok(t)
	if n := body[resource.NewChain](t, f, "POST", at+"/chains"); n.Certificates != pemOf(p.middle)+pemOf(p.root) || !strings.Contains(o.err, "1 chain ") {
		t.Errorf("sent %s, said %s", n.Certificates, o.err)
	}
	key := "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"
	f.ctl(t, "issuer", "add-chain", "web", "--file", file(t, "k.pem", pemOf(p.middle)+key)).fails(t, codeUsage, "must not get")
	f.ctl(t, "issuer", "add-chain", "web", "--file", file(t, "n.pem", "x")).fails(t, codeUsage, "no certificate")
	f.ctl(t, "issuer", "remove-chains", "web").fails(t, codeUsage, "--yes")
	f.ctl(t, "issuer", "remove-chains", "web", "--yes").ok(t)
}
