package ctl

import (
	"fmt"
	"net/http"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// world gives a user in one group, and a credential.
func world(t *testing.T) *fake {
	f := newFake(t, false)
	f.give("GET /session", resource.Me{User: id[core.UserID](1), Login: "ann", Groups: []core.GroupID{id[core.GroupID](2)}})
	list(f, "/users", resource.User{ID: id[core.UserID](1), Login: "ann"}, resource.User{ID: id[core.UserID](3), Login: "bob"})
	list(f, "/groups", resource.Group{ID: id[core.GroupID](2), Name: "Web"}, resource.Group{ID: id[core.GroupID](4), Name: "Mail"})
	c := resource.CredentialDetail{
		Credential: resource.Credential{ID: id[core.CredentialID](5), Number: 5, Type: "est", Auth: core.AuthPassword, Label: "web", State: core.CredentialActive, PublicID: "u-web",
			Description: "web servers", Version: 3, ExpiresAt: noon.AddDate(0, 0, 90), CreatedAt: noon},
		URL: "https://ca.example/.well-known/est/web", Commands: "curl -u 'u-web:<secret>' https://ca.example/",
	}
	list(f, "/credentials", c.Credential)
	one := "/credentials/" + string(c.ID)
	issued := resource.IssuedCredential{Credential: c, Secret: "s3cret", Commands: "curl -u 'u-web:s3cret' https://ca.example/"}
	f.give("POST /credentials", issued)
	f.give("GET "+one, c)
	f.give("PATCH "+one, c)
	f.give("POST "+one+"/revoke", c)
	f.give("POST "+one+"/regenerate", issued)
	return f
}

func TestCredentialCreate(t *testing.T) {
	f := world(t)
	trust := file(t, "trust.pem", "PEM")
	o := f.ctl(t, "credential", "create", "--type", "est", "--auth", "password", "--label", "web", "--product", "tls-server,tls-client", "--default-product", "tls-client",
		"--user", "bob", "--group", "Mail", "--description", "a, b", "--tag", "x", "--expires", "90d", "--source", "10.0.0.0/8", "--source", "192.0.2.1", "--allow", "*.example.org",
		"--proven", "example.org", "--default", "--trust", trust).ok(t)
	golden(t, "credential-create.txt", o.out)
	got := body[resource.NewCredential](t, f, "POST", "/credentials")
	sources, _ := parseSources([]string{"10.0.0.0/8", "192.0.2.1/32"})
	want := resource.NewCredential{Type: "est", Auth: "password", Label: "web", Default: true, Description: "a, b", Tags: []string{"x"}, User: id[core.UserID](3), Group: id[core.GroupID](4),
		Products: []string{"tls-server", "tls-client"}, Product: "tls-client", Trust: "PEM", ExpiresAt: noon.AddDate(0, 0, 90), Sources: sources,
		AllowedNames: []string{"*.example.org"}, ProvenNames: []string{"example.org"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("asked for\n%+v\nwant\n%+v", got, want)
	}
}

func TestCredentialCreateDefaults(t *testing.T) {
	f := world(t)
	secret := filepath.Join(t.TempDir(), "secret")
	o := f.ctl(t, "credential", "create", "--type", "est", "--product", "tls-server", "--secret-file", secret).ok(t)
	if strings.Contains(o.out+o.err, "s3cret") || read(t, secret) != "s3cret\n" {
		t.Errorf("the secret is in the output or not in the file:\n%s%s", o.out, o.err)
	}
	mode(t, secret, 0o600)
	if n := body[resource.NewCredential](t, f, "POST", "/credentials"); n.User != id[core.UserID](1) || n.Group != id[core.GroupID](2) {
		t.Errorf("user %s, group %s", n.User, n.Group)
	}
	f.ctl(t, "credential", "create", "--type", "est", "--product", "tls-server", "--secret-file", secret).fails(t, codeFailed, "there already")
	if n := len(f.got("POST", "/credentials")); n != 1 {
		t.Errorf("%d credentials made", n)
	}
	o = f.ctl(t, "credential", "create", "--type", "est", "--product", "tls-server", "-o", "json").ok(t)
	if !strings.Contains(o.out, `"secret": "s3cret"`) || !strings.Contains(o.out, "u-web:<secret>") {
		t.Errorf("JSON: %s", o.out)
	}
	f.ctl(t, "credential", "create", "--type", "est", "--product", "x", "--user", "nobody").fails(t, codeNotFound, `no user "nobody"`)
	f.ctl(t, "credential", "create", "--type", "est", "--product", "x", "--source", "10.1.0.0/8").fails(t, codeUsage, "10.0.0.0/8 is meant")
	f.ctl(t, "credential", "create", "--type", "est", "--product", "x", "--expires", "yesterday").fails(t, codeUsage, "is no time")
	f.ctl(t, "credential", "create", "--type", "est").fails(t, codeUsage, "--product")
}

func TestCredentialUpdate(t *testing.T) {
	f := world(t)
	f.ctl(t, "credential", "update", "est/web", "--description", "", "--no-tags", "--any-source", "--allow", "a.example", "--no-default", "--expires", "never").ok(t)
	got := body[resource.CredentialChange](t, f, "PATCH", "/credentials/"+string(id[core.CredentialID](5)))
	empty, no := "", false
	if got.Version != 3 || got.Description == nil || *got.Description != empty || got.Tags == nil || len(*got.Tags) != 0 || got.Sources == nil || len(*got.Sources) != 0 ||
		got.Default == nil || *got.Default != no || !got.NoExpiry || got.ExpiresAt != nil || got.Products != nil || fmt.Sprint(*got.AllowedNames) != "[a.example]" {
		t.Errorf("asked for %+v", got)
	}
	f.ctl(t, "credential", "update", "web").fails(t, codeUsage, "nothing to change")
	f.ctl(t, "credential", "update", "other", "--default").fails(t, codeNotFound, `no credential "other"`)
}

func TestDestructiveCommandsAsk(t *testing.T) {
	f := world(t)
	revoke := "/credentials/" + string(id[core.CredentialID](5)) + "/revoke"
	f.ctl(t, "credential", "revoke", "web").fails(t, codeUsage, "--yes")
	o := call{args: f.args("credential", "revoke", "web"), terminal: true, in: "\n"}.run(t)
	o.fails(t, codeFailed, "Revoke credential est/web (web servers) for ever? Its clients are refused at once. [y/N]")
	if len(f.got("POST", revoke)) != 0 {
		t.Fatal("revoked without a yes")
	}
	call{args: f.args("credential", "revoke", "web", "--reason", "lost"), terminal: true, in: "y\n"}.run(t).ok(t)
	if r := body[resource.Reasoned](t, f, "POST", revoke); r.Reason != "lost" {
		t.Errorf("reason %q", r.Reason)
	}
	golden(t, "credential-regenerate.txt", f.ctl(t, "credential", "regenerate", "5", "--yes").ok(t).out)
}

func TestEveryDestructiveCommandNeedsYes(t *testing.T) {
	f := world(t)
	p := newPKI(t)
	f.give("GET /certificates/17", p.detail())
	f.give("GET /orders/3", resource.OrderDetail{Order: resource.Order{Number: 3, Subject: "CN=a"}})
	f.give("GET /products/tls-server", resource.Product{Code: "tls-server"})
	f.give("GET /issuers/"+string(id[core.IssuerID](6)), resource.IssuerDetail{})
	f.give("GET /users/"+string(id[core.UserID](3)), resource.User{Login: "bob"})
	f.give("GET /groups/"+string(id[core.GroupID](4)), resource.Group{Name: "Mail"})
	f.give("GET /organisations/"+string(id[core.OrganisationID](7)), resource.Organisation{Name: "O"})
	list(f, "/tokens", resource.Token{ID: id[core.TokenID](8), Prefix: "cwt_abcdefgh"})
	f.give("GET /organisations/"+string(id[core.OrganisationID](7))+"/representatives", resource.Representatives{Items: []resource.Representative{{Number: 2, Name: "Ada"}}})
	for _, cmd := range []string{
		"cert revoke 17", "order reject 3", "order cancel 3", "credential revoke 5", "credential regenerate web", "product disable tls-server",
		"issuer disable " + string(id[core.IssuerID](6)), "user disable bob", "user reset-password bob", "user sign-out bob", "user delete bob", "group delete Mail",
		"organisation delete " + string(id[core.OrganisationID](7)), "organisation renew-pre-vetting-token " + string(id[core.OrganisationID](7)),
		"organisation remove-representative " + string(id[core.OrganisationID](7)) + " 2", "token revoke cwt_abcdefgh", "session revoke s", "session revoke --user bob", "job cancel 9",
	} {
		f.ctl(t, strings.Fields(cmd)...).fails(t, codeUsage, "--yes")
		call{args: f.args(strings.Fields(cmd)...), terminal: true, in: "no\n"}.run(t).fails(t, codeFailed, "nothing was changed")
	}
	for _, r := range f.requests {
		if r.Method != http.MethodGet {
			t.Errorf("%s %s was sent without a yes", r.Method, r.Path)
		}
	}
}

func TestCredentialShowExportUsage(t *testing.T) {
	f := world(t)
	golden(t, "credential-show.txt", f.ctl(t, "credential", "show", "web").ok(t).out)
	f.give("GET /credentials/export", []byte("number,type\n5,est\n"))
	out := filepath.Join(t.TempDir(), "list.csv")
	f.ctl(t, "credential", "export", "--out", out).ok(t)
	if read(t, out) != "number,type\n5,est\n" {
		t.Errorf("exported %q", read(t, out))
	}
	list(f, "/credentials/"+string(id[core.CredentialID](5))+"/usage", resource.Entry{At: noon, Actor: "credential:x", Action: "certificate.issue", Object: "certificate:y", Outcome: "success"})
	if o := f.ctl(t, "credential", "usage", "web", "--no-headers").ok(t); o.out != "05-Feb-2026 12:00:00  credential:x  -  certificate.issue  certificate:y  success\n" {
		t.Errorf("usage: %q", o.out)
	}
}
