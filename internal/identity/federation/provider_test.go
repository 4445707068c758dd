package federation_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/pquerna/otp/totp"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/identity/federation"
	"github.com/certwright/certwright/internal/identity/federation/federationtest"
)

func oidcData() federation.Data {
	return federation.Data{Label: "corp", Kind: core.ProviderOIDC, Name: "Corp", Secret: redacted("the client's secret"),
		Config: core.ProviderConfig{OIDC: &core.OIDCConfig{Issuer: "https://id.example", ClientID: "c"}}}
}

func ldapData() federation.Data {
	return federation.Data{Label: "corp", Kind: core.ProviderLDAP, Name: "Corp", Secret: redacted("p"),
		Config: core.ProviderConfig{LDAP: &core.LDAPConfig{URLs: []string{"ldaps://d.example"}, BindDN: "cn=x", BaseDN: "dc=x"}}}
}

// TestProviderRefused: what cannot be said of a provider, and at which field.
func TestProviderRefused(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		saml := func(c core.SAMLConfig) federation.Data {
			return federation.Data{Label: "corp", Kind: core.ProviderSAML, Name: "Corp", Config: core.ProviderConfig{SAML: &c}}
		}
		change := func(d federation.Data, f func(d *federation.Data)) federation.Data { f(&d); return d }
		for name, c := range map[string]struct {
			field string
			d     federation.Data
		}{
			"label":         {"label", change(oidcData(), func(d *federation.Data) { d.Label = "Corp/x" })},
			"name":          {"name", change(oidcData(), func(d *federation.Data) { d.Name = " x" })},
			"kind":          {"kind", change(oidcData(), func(d *federation.Data) { d.Kind = "kerberos" })},
			"two kinds":     {"kind", change(oidcData(), func(d *federation.Data) { d.Config.LDAP = ldapData().Config.LDAP })},
			"link":          {"link", change(oidcData(), func(d *federation.Data) { d.Config.Link = "name" })},
			"http":          {"issuer", change(oidcData(), func(d *federation.Data) { d.Config.OIDC.Issuer = "http://id.example" })},
			"password URL":  {"issuer", change(oidcData(), func(d *federation.Data) { d.Config.OIDC.Issuer = "https://u:p@id.example" })},
			"client":        {"client_id", change(oidcData(), func(d *federation.Data) { d.Config.OIDC.ClientID = "" })},
			"no secret":     {"secret", change(oidcData(), func(d *federation.Data) { d.Secret = nil })},
			"public secret": {"secret", change(oidcData(), func(d *federation.Data) { d.Config.OIDC.ClientAuth = "none" })},
			"scope":         {"scopes", change(oidcData(), func(d *federation.Data) { d.Config.OIDC.Scopes = []string{"a b"} })},
			"prompt":        {"prompt", change(oidcData(), func(d *federation.Data) { d.Config.OIDC.Prompt = "none" })},
			"role": {"rules", change(oidcData(), func(d *federation.Data) {
				d.Config.Rules = []core.ProviderRule{{External: "x", Role: "king"}}
			})},
			"nothing": {"rules", change(oidcData(), func(d *federation.Data) { d.Config.Rules = []core.ProviderRule{{External: "x"}} })},
			"whose member": {"rules", change(oidcData(), func(d *federation.Data) {
				d.Config.Rules = []core.ProviderRule{{External: "x", Member: true}}
			})},
			"no such group": {"rules", change(oidcData(), func(d *federation.Data) {
				d.Config.Rules = []core.ProviderRule{{External: "x", Role: core.RoleOperator, Group: core.NewID[core.GroupID](w.Clock.Now())}}
			})},
			"no URL":         {"urls", change(ldapData(), func(d *federation.Data) { d.Config.LDAP.URLs = nil })},
			"odd URL":        {"urls", change(ldapData(), func(d *federation.Data) { d.Config.LDAP.URLs = []string{"https://d.example"} })},
			"readable":       {"urls", change(ldapData(), func(d *federation.Data) { d.Config.LDAP.URLs = []string{"ldap://d.example"} })},
			"bind password":  {"secret", change(ldapData(), func(d *federation.Data) { d.Secret = nil })},
			"whose password": {"bind_dn", change(ldapData(), func(d *federation.Data) { d.Config.LDAP.BindDN = "" })},
			"base":           {"base_dn", change(ldapData(), func(d *federation.Data) { d.Config.LDAP.BaseDN = "" })},
			"no DN":          {"base_dn", change(ldapData(), func(d *federation.Data) { d.Config.LDAP.BaseDN = "people" })},
			"template":       {"user_template", change(ldapData(), func(d *federation.Data) { d.Config.LDAP.UserTemplate = "cn=x" })},
			"filter":         {"filter", change(ldapData(), func(d *federation.Data) { d.Config.LDAP.Filter = "(uid={login}" })},
			"filter of all":  {"filter", change(ldapData(), func(d *federation.Data) { d.Config.LDAP.Filter = "(uid=*)" })},
			"group filter":   {"group_filter", change(ldapData(), func(d *federation.Data) { d.Config.LDAP.GroupBase = "dc=x" })},
			"no metadata":    {"metadata", saml(core.SAMLConfig{})},
			"both":           {"metadata", saml(core.SAMLConfig{Metadata: "<x/>", MetadataURL: "https://idp.example"})},
			"no XML":         {"metadata", saml(core.SAMLConfig{Metadata: "hello"})},
			"no IdP":         {"metadata", saml(core.SAMLConfig{Metadata: `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="x"/>`})},
			"metadata URL":   {"metadata_url", saml(core.SAMLConfig{MetadataURL: "http://idp.example"})},
			"NameID":         {"name_id_format", saml(core.SAMLConfig{MetadataURL: "https://idp.example", NameIDFormat: "transient"})},
		} {
			_, err := w.Fed.Create(t.Context(), w.Admin, c.d)
			if !core.Is(err, core.KindInvalid) || core.AsError(err).Field != c.field {
				t.Errorf("%s: %v at %q, want invalid at %q", name, err, core.AsError(err).Field, c.field)
			}
		}
	})
}

// TestProviderManaged: who may, versions, and secrets that stay in here.
func TestProviderManaged(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		p, err := w.Fed.Create(ctx, w.Admin, oidcData())
		if err != nil || p.Enabled || !p.HasSecret || p.SecretsSealed != nil {
			t.Fatalf("%+v, %v", p, err)
		}
		_, err = w.Fed.Create(ctx, w.Admin, oidcData())
		wantKind(t, err, core.KindExists, "a label twice")
		auditor := w.Person(t, "aud", nil, core.Grant{Role: core.RoleAuditor})
		operator := w.Person(t, "op", nil, core.Grant{Role: core.RoleOperator})
		if page, err := w.Fed.Providers(ctx, auditor, core.ListQuery{}); err != nil || len(page.Items) != 1 || !page.Items[0].HasSecret || page.Items[0].SecretsSealed != nil {
			t.Errorf("%+v, %v", page, err)
		}
		_, err = w.Fed.Provider(ctx, operator, p.ID)
		wantKind(t, err, core.KindForbidden, "an operator looks")
		for name, err := range map[string]error{
			"create": second(w.Fed.Create(ctx, auditor, oidcData())), "enable": second(w.Fed.SetEnabled(ctx, auditor, p.ID, true)),
			"update": second(w.Fed.Update(ctx, auditor, p.ID, 1, oidcData())), "delete": w.Fed.Delete(ctx, auditor, p.ID), "test": second(w.Fed.Test(ctx, auditor, p.ID)),
		} {
			wantKind(t, err, core.KindForbidden, "an auditor: "+name)
		}
		d := oidcData()
		d.Secret, d.Name = nil, "Other"
		if p, err = w.Fed.Update(ctx, w.Admin, p.ID, 1, d); err != nil || p.Name != "Other" || p.Version != 2 || !p.HasSecret {
			t.Errorf("%+v, %v", p, err)
		}
		_, err = w.Fed.Update(ctx, w.Admin, p.ID, 1, d)
		wantKind(t, err, core.KindConflict, "an old version")
		d = oidcData()
		d.Secret, d.Config.OIDC.Issuer = nil, "https://thief.example"
		_, err = w.Fed.Update(ctx, w.Admin, p.ID, 2, d)
		wantKind(t, err, core.KindInvalid, "the secret would go elsewhere")
		text, err := json.Marshal(w.Log.Events("provider.update"))
		if err != nil || strings.Contains(string(text), "client's secret") {
			t.Error("the audit log holds the secret")
		}
		if err := w.Fed.Delete(ctx, w.Admin, p.ID); err != nil {
			t.Error(err)
		}
		_, err = w.Fed.Provider(ctx, w.Admin, p.ID)
		wantKind(t, err, core.KindNotFound, "deleted")
	})
}

func second[T any](_ T, err error) error { return err }

// setUp gives whoever is signed in an app for codes, and returns the app.
func (w *world) setUp(t *testing.T, in *identity.SignedIn) (code func() string) {
	t.Helper()
	who, err := w.SessionPrincipal(t.Context(), in.Secret.Reveal(), identity.SignIn{}.Address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := w.BeginTOTP(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	code = func() string {
		t.Helper()
		c, err := totp.GenerateCode(n.Secret.Reveal(), w.Clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if _, err := w.ConfirmTOTP(t.Context(), who, code()); err != nil {
		t.Fatal(err)
	}
	return code
}

// TestProviderSecondFactor: ours is asked for where the settings say so.
func TestProviderSecondFactor(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		op, p := openID(t, w, func(c *core.ProviderConfig) { c.Rules = []core.ProviderRule{{External: "*", Role: core.RoleOperator}} })
		in, err := through(t, w, op)
		if err != nil {
			t.Fatal(err)
		}
		code := w.setUp(t, in)
		if in, err = through(t, w, op); err != nil || in.Session == nil {
			t.Fatalf("the provider's own will do: %+v, %v", in, err)
		}
		cfg := p.Config
		cfg.SecondFactor = true
		if _, err := w.Fed.Update(ctx, w.Admin, p.ID, p.Version, federation.Data{Name: "Corp", Config: cfg}); err != nil {
			t.Fatal(err)
		}
		if in, err = through(t, w, op); err != nil || in.Session != nil || in.Pending == "" {
			t.Fatalf("not asked for ours: %+v, %v", in, err)
		}
		w.Clock.Advance(60e9)
		if in, err = w.SecondStep(ctx, in.Pending.Reveal(), identity.SignIn{Code: code()}); err != nil || in.Session == nil {
			t.Errorf("with the code: %+v, %v", in, err)
		}
	})
}

// TestPolicyOfProviders: the sign-in policy counts for the passwords of
// directories as for ours; a provider of another kind sees to it itself.
func TestPolicyOfProviders(t *testing.T) {
	slapd := federationtest.StartSlapd(t)
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		if _, err := w.SetSignInPolicy(ctx, w.Admin, []core.Role{core.RoleOperator}, 0); err != nil {
			t.Fatal(err)
		}
		limited := func(in *identity.SignedIn) bool {
			t.Helper()
			who, err := w.SessionPrincipal(ctx, in.Secret.Reveal(), identity.SignIn{}.Address)
			if err != nil {
				t.Fatal(err)
			}
			return identity.Can(who, identity.TokenOwn, "") != nil
		}
		op, _ := openID(t, w, func(c *core.ProviderConfig) { c.Rules = []core.ProviderRule{{External: "*", Role: core.RoleOperator}} })
		if in, err := through(t, w, op); err != nil || in.MustSetUp || limited(in) {
			t.Fatalf("through a provider: %+v, %v", in, err)
		}
		directory(t, w, slapd, "tree", func(c *core.ProviderConfig) { c.Rules = []core.ProviderRule{{External: "*", Role: core.RoleOperator}} })
		in, err := w.enter(t, "bob", federationtest.BobPassword)
		if err != nil || !in.MustSetUp || !limited(in) {
			t.Fatalf("by a directory's password: %+v, %v", in, err)
		}
		w.setUp(t, in)
		if in, err = w.enter(t, "bob", federationtest.BobPassword); err != nil || in.Session != nil || in.Pending == "" {
			t.Errorf("not asked for the code: %+v, %v", in, err)
		}
	})
}
