package federation_test

import (
	"encoding/base64"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/crewjam/saml"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/identity/federation"
	"github.com/certwright/certwright/internal/identity/federation/federationtest"
)

// federated has an enabled SAML provider.
func federated(t *testing.T, w *world, change func(c *core.ProviderConfig)) (*federationtest.SAML, *core.SignInProvider) {
	t.Helper()
	idp := federationtest.NewSAML(t, w.Clock.Now)
	w.Roots.AddCert(idp.Certificate())
	cfg := core.ProviderConfig{Create: true, SAML: &core.SAMLConfig{MetadataURL: idp.URL + "/metadata"},
		Attributes: core.AttributeNames{Groups: "eduPersonAffiliation"}, Rules: []core.ProviderRule{{External: "pki", Role: core.RoleOperator}}}
	if change != nil {
		change(&cfg)
	}
	p, err := w.Fed.Create(t.Context(), w.Admin, federation.Data{Label: "corp", Kind: core.ProviderSAML, Name: "Corp", Config: cfg})
	if err != nil {
		t.Fatal(err)
	}
	meta, err := w.Fed.Metadata(t.Context(), "corp")
	if err != nil {
		t.Fatal(err)
	}
	idp.Knows(t, meta)
	if p, err = w.Fed.SetEnabled(t.Context(), w.Admin, p.ID, true); err != nil {
		t.Fatal(err)
	}
	return idp, p
}

// asserted signs in through the provider; edit changes the response on its way.
func asserted(t *testing.T, w *world, idp *federationtest.SAML, edit func(xml string) string) (*identity.SignedIn, error) {
	t.Helper()
	j, err := w.Fed.BeginSAML(t.Context(), "corp", "/orders", identity.SignIn{})
	if err != nil {
		return nil, err
	}
	form := idp.Answer(t, j.URL)
	if edit != nil {
		raw, err := base64.StdEncoding.DecodeString(form.SAMLResponse)
		if err != nil {
			t.Fatal(err)
		}
		changed := edit(string(raw))
		if changed == string(raw) {
			t.Fatal("the response was not changed")
		}
		form.SAMLResponse = base64.StdEncoding.EncodeToString([]byte(changed))
	}
	in, next, err := w.Fed.FinishSAML(t.Context(), "corp", j.Secret.Reveal(), form.SAMLResponse, form.RelayState, identity.SignIn{})
	if err == nil && next != "/orders" {
		t.Errorf("next is %q", next)
	}
	return in, err
}

// TestSAML: plain and encrypted assertions sign in, with what the rules give.
func TestSAML(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		idp, p := federated(t, w, nil)
		idp.Person.Groups = []string{"other", "PKI"}
		in, err := asserted(t, w, idp, nil)
		if err != nil {
			t.Fatal(err)
		}
		if u := in.User; u.Login != "ann" || u.Name != "Ann Example" || u.Email != "ann@corp.example" || len(u.Grants) != 1 || u.Grants[0].Provider != p.ID {
			t.Errorf("user %+v", u)
		}
		idp.Plain = false
		again, err := asserted(t, w, idp, nil)
		if err != nil || again.User.ID != in.User.ID {
			t.Errorf("encrypted: %+v, %v", again, err)
		}
		steps, err := w.Fed.Test(t.Context(), w.Admin, p.ID)
		if err != nil || len(steps) != 3 || !steps[2].OK {
			t.Errorf("test %+v, %v", steps, err)
		}
		cfg := p.Config
		cfg.SAML = &core.SAMLConfig{Metadata: string(idp.Metadata), SignRequests: true}
		if p, err = w.Fed.Update(t.Context(), w.Admin, p.ID, p.Version, federation.Data{Name: "Corp", Config: cfg}); err != nil {
			t.Fatal(err)
		}
		meta, err := w.Fed.Metadata(t.Context(), "corp") // names the key for signatures now
		if err != nil {
			t.Fatal(err)
		}
		idp.Knows(t, meta)
		if again, err = asserted(t, w, idp, nil); err != nil || again.User.ID != in.User.ID {
			t.Errorf("pasted metadata, signed requests: %+v, %v", again, err)
		}
		idp.Close()
		if _, err = asserted(t, w, idp, nil); err != nil {
			t.Errorf("nothing is fetched with pasted metadata: %v", err)
		}
		cfg.SAML = &core.SAMLConfig{MetadataURL: idp.URL + "/metadata"}
		if _, err = w.Fed.Update(t.Context(), w.Admin, p.ID, p.Version, federation.Data{Name: "Corp", Config: cfg}); err != nil {
			t.Fatal(err)
		}
		_, err = w.Fed.BeginSAML(t.Context(), "corp", "/", identity.SignIn{})
		wantKind(t, err, core.KindUnavailable, "metadata away")
	})
}

var (
	signature = regexp.MustCompile(`(?s)<ds:Signature .*?</ds:Signature>`)
	assertion = regexp.MustCompile(`(?s)<saml:Assertion .*</saml:Assertion>`)
	issuer    = regexp.MustCompile(`(?s)<saml:Issuer[^>]*>[^<]*</saml:Issuer>`)
)

// forged is the assertion in a response, of somebody else and without signature.
func forged(response string) string {
	f := signature.ReplaceAllString(assertion.FindString(response), "")
	f = strings.Replace(f, ` ID="id-`, ` ID="id-f`, 1)
	return strings.ReplaceAll(f, "subject-1", "subject-of-the-administrator")
}

// unsigned is a response without its own signature; assertions keep theirs.
func unsigned(response string) string {
	a := assertion.FindString(response)
	return strings.Replace(signature.ReplaceAllString(strings.Replace(response, a, "@", 1), ""), "@", a, 1)
}

// TestSAMLRefused walks through responses that must open nothing.
func TestSAMLRefused(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		idp, _ := federated(t, w, nil)
		if _, err := asserted(t, w, idp, unsigned); err != nil {
			t.Fatalf("a signature of the assertion alone will do: %v", err)
		}
		now := w.Clock.Now
		data := func(a *saml.Assertion) *saml.SubjectConfirmationData {
			return a.Subject.SubjectConfirmations[0].SubjectConfirmationData
		}
		cases := map[string]struct {
			spoil    func(a *saml.Assertion)
			response func(r *saml.IdpAuthnRequest)
			edit     func(xml string) string
		}{
			"audience":    {spoil: func(a *saml.Assertion) { a.Conditions.AudienceRestrictions[0].Audience.Value = "https://other.example" }},
			"no audience": {spoil: func(a *saml.Assertion) { a.Conditions.AudienceRestrictions = nil }},
			"expired": {spoil: func(a *saml.Assertion) {
				a.Conditions.NotOnOrAfter, data(a).NotOnOrAfter = now().Add(-10*time.Minute), now().Add(-10*time.Minute)
			}},
			"too early": {spoil: func(a *saml.Assertion) { a.Conditions.NotBefore = now().Add(10 * time.Minute) }},
			"recipient": {spoil: func(a *saml.Assertion) { data(a).Recipient = "https://other.example/acs" }},
			"request":   {spoil: func(a *saml.Assertion) { data(a).InResponseTo = "id-another" }},
			"issuer":    {spoil: func(a *saml.Assertion) { a.Issuer.Value = "https://other.example" }},
			"nobody":    {spoil: func(a *saml.Assertion) { a.Subject.NameID.Value = "" }},
			"transient": {spoil: func(a *saml.Assertion) { a.Subject.NameID.Format = string(saml.TransientNameIDFormat) }},
			"response signed, assertion not": {response: func(r *saml.IdpAuthnRequest) {
				for _, c := range r.AssertionEl.ChildElements() {
					if c.Tag == "Signature" {
						r.AssertionEl.RemoveChild(c)
					}
				}
			}},
			"no signature":     {edit: func(x string) string { return signature.ReplaceAllString(x, "") }},
			"changed":          {edit: func(x string) string { return strings.ReplaceAll(x, "subject-1", "subject-2") }},
			"changed, one sig": {edit: func(x string) string { return strings.ReplaceAll(unsigned(x), "subject-1", "subject-2") }},
			"wrapped before": {edit: func(x string) string {
				return strings.Replace(unsigned(x), "<saml:Assertion ", forged(x)+"<saml:Assertion ", 1)
			}},
			"wrapped after": {edit: func(x string) string {
				return strings.Replace(unsigned(x), "</samlp:Response>", forged(x)+"</samlp:Response>", 1)
			}},
			"wrapped around": {edit: func(x string) string {
				a := assertion.FindString(x)
				f := forged(x)
				sig := signature.FindString(a)
				return strings.Replace(unsigned(x), a, strings.Replace(f, issuer.FindString(f), issuer.FindString(f)+strings.Replace(sig, "</ds:Signature>", "<ds:Object>"+a+"</ds:Object></ds:Signature>", 1), 1), 1)
			}},
			"signature of another": {edit: func(x string) string {
				f := forged(x)
				return strings.Replace(unsigned(x), assertion.FindString(x), strings.Replace(f, issuer.FindString(f), issuer.FindString(f)+signature.FindString(assertion.FindString(x)), 1), 1)
			}},
			"entity":   {edit: func(x string) string { return `<!DOCTYPE x [<!ENTITY a "b">]>` + x }},
			"cut":      {edit: func(x string) string { return x[:len(x)/2] }},
			"nothing":  {edit: func(string) string { return "" }},
			"no XML":   {edit: func(string) string { return "hello" }},
			"too long": {edit: func(x string) string { return x + strings.Repeat(" ", federation.MaxResponse) }},
		}
		for name, c := range cases {
			idp.Spoil, idp.Response = c.spoil, c.response
			before := len(w.Log.Events("session.create"))
			in, err := asserted(t, w, idp, c.edit)
			wantKind(t, err, core.KindForbidden, name)
			ev := w.Log.Events("session.create")
			if in != nil || len(ev) != before+1 || ev[before].Outcome != core.Refused {
				t.Errorf("%s: signed in %v, %d new audit entries", name, in != nil, len(ev)-before)
			}
		}
		idp.Spoil, idp.Response = nil, nil
		idp.NewKey(t)
		_, err := asserted(t, w, idp, nil)
		wantKind(t, err, core.KindForbidden, "a key that the metadata does not have")
	})
}

// TestSAMLComment: a comment in a name cuts nothing off it, although the
// signature does not cover comments.
func TestSAMLComment(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		idp, p := federated(t, w, nil)
		idp.Person.NameID = "subject-1.of.evil.example"
		in, err := asserted(t, w, idp, func(x string) string { return strings.Replace(x, "subject-1.of", "subject-1<!-- -->.of", 1) })
		if err != nil {
			return // refused: just as well
		}
		ids, err := w.Identities(t.Context(), w.Admin, in.User.ID)
		if err != nil || len(ids) != 1 || ids[0].Provider != p.ID || ids[0].Subject != "subject-1.of.evil.example" {
			t.Errorf("signed in as %+v, %v", ids, err)
		}
	})
}

// TestSAMLBack: a response counts once, in the browser that asked for it;
// unasked ones only where that is allowed, and once.
func TestSAMLBack(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		idp, p := federated(t, w, nil)
		finish := func(cookie, response, relay string) error {
			_, _, err := w.Fed.FinishSAML(ctx, "corp", cookie, response, relay, identity.SignIn{})
			return err
		}
		begin := func() (*federation.Journey, saml.IdpAuthnRequestForm) {
			j, err := w.Fed.BeginSAML(ctx, "corp", "/", identity.SignIn{})
			if err != nil {
				t.Fatal(err)
			}
			return j, idp.Answer(t, j.URL)
		}
		j, form := begin()
		other, _ := begin()
		third, otherForm := begin()
		wantKind(t, finish("", form.SAMLResponse, form.RelayState), core.KindExpired, "no cookie")
		wantKind(t, finish(other.Secret.Reveal(), form.SAMLResponse, form.RelayState), core.KindForbidden, "another browser's response")
		wantKind(t, finish(third.Secret.Reveal(), form.SAMLResponse, otherForm.RelayState), core.KindForbidden, "another request's response")
		if err := finish(j.Secret.Reveal(), form.SAMLResponse, form.RelayState); err != nil {
			t.Fatal(err)
		}
		wantKind(t, finish(j.Secret.Reveal(), form.SAMLResponse, form.RelayState), core.KindExpired, "replay")
		unasked := idp.Unasked(t, w.Fed.MetadataURL(p))
		wantKind(t, finish("", unasked.SAMLResponse, ""), core.KindExpired, "unasked")
		cfg := p.Config
		c := *cfg.SAML
		c.IdPInitiated = true
		cfg.SAML = &c
		if _, err := w.Fed.Update(ctx, w.Admin, p.ID, p.Version, federation.Data{Name: "Corp", Config: cfg}); err != nil {
			t.Fatal(err)
		}
		if err := finish("", unasked.SAMLResponse, ""); err != nil {
			t.Errorf("unasked, allowed: %v", err)
		}
		wantKind(t, finish("", unasked.SAMLResponse, ""), core.KindForbidden, "the same assertion again")
		_, form = begin()
		wantKind(t, finish("", form.SAMLResponse, ""), core.KindForbidden, "an asked for response without its cookie")
		if err := w.Fed.Sweep(ctx); err != nil {
			t.Error(err)
		}
	})
}
