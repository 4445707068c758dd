package api_test

import (
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// TestSignInProviders: made, listed, changed by version, switched, tried and
// deleted by administrators; auditors look, others do not. A secret goes in and
// never comes out.
func TestSignInProviders(t *testing.T) {
	w := newWorld(t)
	c := w.admin
	n := resource.NewSignInProvider{Label: "corp", Name: "Corp", Kind: core.ProviderOIDC, Secret: "the client's secret", Config: core.ProviderConfig{Create: true,
		Rules: []core.ProviderRule{{External: "pki", Role: core.RoleOperator, Group: w.group, Member: true}},
		OIDC:  &core.OIDCConfig{Issuer: "https://127.0.0.1:1", ClientID: "c"}}}
	p := decode[resource.SignInProvider](t, c.do(t, "POST", "/sign-in-providers", n).is(t, 201))
	if p.Enabled || !p.HasSecret || p.CallbackURL != "https://ca.example/signin/oidc/corp/callback" || p.Config.OIDC.ClientAuth != "basic" {
		t.Errorf("%+v", p)
	}
	at := "/sign-in-providers/" + string(p.ID)
	c.do(t, "POST", "/sign-in-providers", n).is(t, 409).problem(t, core.KindExists)
	bad := n
	bad.Label, bad.Config.OIDC = "plain", &core.OIDCConfig{Issuer: "http://id.example", ClientID: "c"}
	c.do(t, "POST", "/sign-in-providers", bad).is(t, 400).problem(t, core.KindInvalid)
	c.do(t, "POST", "/sign-in-providers", `{"label":"x","name":"x","kind":"kerberos","config":{"create":true}}`).is(t, 400)
	for _, path := range []string{at, "/sign-in-providers", "/sign-in-providers?filter=kind:eq:oidc"} {
		got := c.do(t, "GET", path, nil).is(t, 200)
		if text := string(got.body); strings.Contains(text, n.Secret) || !strings.Contains(text, `"label":"corp"`) {
			t.Errorf("%s: %s", path, text)
		}
	}
	w.withRole(t, "auditor").do(t, "GET", at, nil).is(t, 200)
	w.withRole(t, "operator").do(t, "GET", at, nil).is(t, 403)
	w.withRole(t, "auditor").do(t, "POST", at+"/enable", nil).is(t, 403)

	up := resource.SignInProviderUpdate{Version: p.Version, Name: "Corporation", Config: p.Config}
	p = decode[resource.SignInProvider](t, c.do(t, "PUT", at, up).is(t, 200))
	if p.Name != "Corporation" || !p.HasSecret {
		t.Errorf("%+v", p)
	}
	c.do(t, "PUT", at, up).is(t, 409).problem(t, core.KindConflict)
	if p = decode[resource.SignInProvider](t, c.do(t, "POST", at+"/enable", nil).is(t, 200)); !p.Enabled {
		t.Error("not enabled")
	}
	if got := decode[resource.ProviderTest](t, c.do(t, "POST", at+"/test", nil).is(t, 200)); got.OK || len(got.Steps) != 1 || got.Steps[0].Detail == "" {
		t.Errorf("a provider that is not there: %+v", got)
	}
	u := w.person(t, "ann", nil, core.Grant{Role: core.RoleRequester})
	ids := "/users/" + string(u.id) + "/identities"
	link := resource.IdentityLink{Provider: p.ID, Subject: "s-1"}
	if got := decode[resource.ExternalIdentities](t, c.do(t, "POST", ids+"/link", link).is(t, 200)); len(got.Items) != 1 || got.Items[0].ProviderName != "Corporation" {
		t.Errorf("%+v", got)
	}
	c.do(t, "POST", ids+"/link", link).is(t, 409)
	u.do(t, "POST", ids+"/link", link).is(t, 403)
	if got := decode[resource.ExternalIdentities](t, c.do(t, "POST", ids+"/unlink", link).is(t, 200)); len(got.Items) != 0 {
		t.Errorf("%+v", got)
	}
	c.do(t, "POST", ids+"/unlink", link).is(t, 404)
	c.do(t, "POST", at+"/disable", nil).is(t, 200)
	c.do(t, "DELETE", at, nil).is(t, 204)
	c.do(t, "GET", at, nil).is(t, 404)
	c.do(t, "GET", "/sign-in-providers/x", nil).is(t, 404)
	c.do(t, "POST", "/sign-in-providers/x/test", nil).is(t, 404)
}
