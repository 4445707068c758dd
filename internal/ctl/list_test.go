package ctl

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/api/client"
	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

func certificates(f *fake) {
	gone := noon.Add(-36 * time.Hour)
	list(f, "/certificates",
		certificate(17, "www.example.org", core.CertActive, noon.AddDate(0, 0, 30)),
		certificate(16, "old.example.org", core.CertActive, gone),
		certificate(15, "bad\x1b[31m.example\u202egro", core.CertRevoked, noon.AddDate(1, 0, 0)),
	)
}

func TestCertificateTable(t *testing.T) {
	f := newFake(t, false)
	certificates(f)
	golden(t, "cert-list.txt", f.ctl(t, "cert", "list").ok(t).out)
	golden(t, "cert-list-columns.txt", f.ctl(t, "cert", "list", "--columns", "serial,not_before,tags,key_stored", "--no-headers").ok(t).out)
	if auth := f.got("GET", "/certificates")[0].Auth; auth != "Bearer "+testToken {
		t.Errorf("Authorization: %q", auth)
	}
}

func TestListJSON(t *testing.T) {
	f := newFake(t, false)
	certificates(f)
	var rows []resource.Certificate
	if err := json.Unmarshal([]byte(f.ctl(t, "cert", "list", "-o", "json").ok(t).out), &rows); err != nil || len(rows) != 3 || rows[0].Number != 17 {
		t.Fatalf("%v: %v", err, rows)
	}
	if out := f.ctl(t, "cert", "list", "-o", "json", "--filter", "common_name:eq:none").ok(t).out; out != "[]\n" {
		t.Errorf("no rows: %q", out)
	}
	f.ctl(t, "cert", "list", "-o", "json", "--columns", "serial").fails(t, codeUsage, "--columns is for tables")
}

func TestListFlags(t *testing.T) {
	f := newFake(t, false)
	certificates(f)
	f.ctl(t, "cert", "list", "--filter", "not_after:lt:05-Mar-2026", "-f", `subject:contains:CN=a, O=b`, "--sort", "not_after", "--desc", "--limit", "5").ok(t)
	q, err := url.ParseQuery(f.got("GET", "/certificates")[0].Query)
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{"filter": {"not_after:lt:2026-03-05T00:00:00Z", `subject:contains:CN=a\, O=b`}, "sort": {"-not_after"}, "limit": {"6"}}
	if fmt.Sprint(q) != fmt.Sprint(want) {
		t.Errorf("query %v, want %v", q, want)
	}
	f.ctl(t, "cert", "list", "--filter", "nonsense").fails(t, codeUsage, "column:operator:value")
	f.ctl(t, "cert", "list", "--limit", "0").fails(t, codeUsage, "--all")
	f.ctl(t, "cert", "list", "--columns", "color").fails(t, codeUsage, `no column "color"; there are ca,`)

	f.ctl(t, "cert", "list", "--expiring", "30d").ok(t)
	reqs := f.got("GET", "/certificates")
	if q, _ := url.ParseQuery(reqs[len(reqs)-1].Query); q.Get("sort") != "not_after" ||
		fmt.Sprint(q["filter"]) != "[state:eq:active not_after:between:2026-02-05T12:00:00Z,2026-03-07T12:00:00Z]" {
		t.Errorf("--expiring: %v", q)
	}
}

func TestListPages(t *testing.T) {
	f := newFake(t, false)
	var many []resource.Certificate
	for i := range 1203 {
		many = append(many, certificate(i+1, fmt.Sprintf("h%d.example.org", i+1), core.CertActive, noon))
	}
	list(f, "/certificates", many...)
	lines := func(o outcome) int { return strings.Count(o.ok(t).out, "\n") }
	o := f.ctl(t, "cert", "list", "--no-headers")
	if n := lines(o); n != 50 || !strings.Contains(o.err, "more rows than 50") {
		t.Errorf("default: %d lines, %s", n, o.err)
	}
	if n := lines(f.ctl(t, "cert", "list", "--no-headers", "--limit", "700")); n != 700 {
		t.Errorf("--limit 700: %d lines", n)
	}
	if o := f.ctl(t, "cert", "list", "--no-headers", "--all"); lines(o) != 1203 || o.err != "" {
		t.Errorf("--all: %d lines, %s", lines(o), o.err)
	}
	var rows []resource.Certificate
	if err := json.Unmarshal([]byte(f.ctl(t, "cert", "list", "--all", "-o", "json").ok(t).out), &rows); err != nil || len(rows) != 1203 {
		t.Errorf("--all in JSON: %d rows, %v", len(rows), err)
	}
	o = f.ctl(t, "cert", "list", "--limit", "2", "-o", "json").ok(t)
	if err := json.Unmarshal([]byte(o.out), &rows); err != nil || len(rows) != 2 || !strings.Contains(o.err, "more") {
		t.Errorf("--limit in JSON: %d rows, %v, %s", len(rows), err, o.err)
	}
}

func TestExplainList(t *testing.T) {
	f := newFake(t, false)
	f.give("GET /lists/certificates", resource.List{Name: "certificates", Path: "/certificates", Columns: resource.ColumnsOf([]core.Column{
		{Name: "state", Title: "State", Type: core.TypeEnum, Values: []string{"active", "revoked"}, Sortable: true, Default: true},
		{Name: "not_after", Title: "Valid to", Type: core.TypeTime, Sortable: true},
	})})
	golden(t, "explain.txt", f.ctl(t, "cert", "list", "--explain").ok(t).out)
}

func TestOtherLists(t *testing.T) {
	f := newFake(t, false)
	list(f, "/orders", resource.Order{Number: 3, State: core.OrderApproval, Subject: "CN=a", ProductCode: "tls-server", Protocol: "rest", CreatedAt: noon})
	list(f, "/credentials", resource.Credential{Number: 4, Type: "est", Label: "web", Auth: core.AuthPassword, State: core.CredentialActive, Expired: true, PublicID: "u1", Tags: []string{"a", "b", "c", "d"}})
	list(f, "/products", resource.Product{Number: 1, Code: "tls-server", Name: "TLS server", IssuerName: "Issuing CA", State: core.ProductActive, Profile: core.Profile{ValidityAmount: 90, ValidityUnit: "days", Approval: "automatic"}})
	list(f, "/issuers", resource.Issuer{Slug: "issuing", Name: "Issuing CA", Connector: "builtin", State: core.IssuerActive, Algorithm: "ECDSA P-256", NotAfter: noon.AddDate(10, 0, 0), CRLNext: noon.AddDate(0, 0, 7)})
	list(f, "/users", resource.User{Login: "ann", Name: "Ann", State: core.UserActive, Grants: []core.Grant{{Role: core.RoleOperator, Group: "g"}, {Role: core.RoleAuditor}}, LockedUntil: noon.Add(time.Hour)})
	list(f, "/groups", resource.Group{Number: 1, Name: "Web", Email: "web@example.org", CreatedAt: noon})
	list(f, "/organisations", resource.Organisation{Number: 1, Name: "Example", Country: "DE"})
	list(f, "/tokens", resource.Token{Prefix: "cwt_abcdefgh", Name: "ctl on a", User: "u", ExpiresAt: noon.Add(-time.Hour), Roles: []core.Role{core.RoleAuditor}})
	list(f, "/sessions", resource.Session{ID: "s", User: "u", Address: "192.0.2.1", Agent: "Firefox", CreatedAt: noon, LastSeen: noon})
	list(f, "/passkeys", resource.Passkey{ID: "p", User: "u", Name: "Laptop", Host: "ca.example", CreatedAt: noon})
	f.give("GET /signin-policy", resource.SignInPolicy{Roles: []core.Role{core.RoleAdministrator}, Version: 1})
	list(f, "/jobs", resource.Job{ID: 9, Kind: "crl.publish", State: "retryable", Attempt: 2, MaxAttempts: 5, ScheduledAt: noon, Error: "disk\nfull"})
	list(f, "/audit", resource.Entry{Chain: 1, Seq: 2, At: noon, Actor: "user:u", Login: "ann", Address: "192.0.2.1", Action: "certificate.issue", Object: "certificate:c", Outcome: "success"})
	f.give("GET /roles", resource.Roles{Items: []resource.Rule{{Action: "order.create", Scope: "group", Roles: []core.Role{core.RoleOperator, core.RoleRequester}}}})
	f.give("GET /credential-types", resource.CredentialTypes{Items: []resource.CredentialType{{Name: "est", Title: "EST", Auth: []core.AuthKind{core.AuthPassword}}}})
	var all strings.Builder
	for _, cmd := range []string{"order list", "order list --pending", "credential list --type est --status active", "product list", "issuer list", "user list", "group list", "organisation list",
		"organization list", "token list", "session list", "passkey list", "signin-policy show", "job list", "audit list", "role list", "credential types", "certificate list --explain"} {
		o := f.ctl(t, strings.Fields(cmd)...)
		fmt.Fprintf(&all, "$ certwright ctl %s\n%s%s\n", cmd, o.out, strings.ReplaceAll(o.err, client.Prefix, ""))
	}
	golden(t, "lists.txt", all.String())
	if q := f.got("GET", "/credentials")[0].Query; !strings.Contains(q, url.QueryEscape("type:eq:est")) || !strings.Contains(q, url.QueryEscape("status:eq:active")) {
		t.Errorf("credential list asked %s", q)
	}
}

func TestErrorsAndExitCodes(t *testing.T) {
	f := newFake(t, false)
	answer := core.Errorf(core.KindPolicy, "the product refuses the request").Because(
		core.Reason{Code: "name.suffix", Field: "san.dns", Value: "a.evil", Detail: "the name is in none of the allowed domains"},
		core.Reason{Code: "key.size", Field: "key", Detail: "the key is too\x1b[2J short"})
	f.on("GET /orders/{id}", func(*http.Request) (any, error) { return nil, answer })
	o := f.ctl(t, "order", "show", "1").fails(t, codeRefused, "the product refuses")
	golden(t, "refused.txt", o.err)
	for _, c := range []struct {
		kind core.Kind
		code int
		want string
	}{
		{core.KindNotFound, codeNotFound, "gone\n"}, {core.KindForbidden, codeRefused, "gone\n"}, {core.KindPending, codePending, "gone\n"},
		{core.KindInvalid, codeUsage, "gone\n"}, {core.KindUnauthenticated, codeRefused, "gone; run certwright ctl login\n"}, {core.KindConflict, codeFailed, "gone\n"},
	} {
		answer = core.Errorf(c.kind, "gone")
		f.ctl(t, "order", "show", "1").fails(t, c.code, "certwright: "+c.want)
	}
	for k := range kindCodes {
		if !strings.Contains(fmt.Sprint(core.Kinds), string(k)) {
			t.Errorf("the table has a kind %s that does not exist", k)
		}
	}
	f.Close()
	f.ctl(t, "audit", "verify").fails(t, codeFailed, "cannot be reached")
}
