package federation_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/identity/federation"
	"github.com/certwright/certwright/internal/identity/federation/federationtest"
	"github.com/certwright/certwright/internal/identity/identitytest"
	"github.com/certwright/certwright/internal/secret"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/store/storetest"
)

type world struct {
	*federationtest.World
	db *store.DB
}

// worlds runs f once per engine.
func worlds(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	clock := identitytest.NewClock()
	storetest.EnginesAt(t, clock.Now, func(t *testing.T, db *store.DB) {
		f(t, &world{federationtest.New(t, db, clock), db})
	})
}

func redacted(s string) *secret.Redacted { r := secret.Redacted(s); return &r }

// openID has an enabled OpenID provider.
func openID(t *testing.T, w *world, change func(c *core.ProviderConfig)) (*federationtest.OIDC, *core.SignInProvider) {
	t.Helper()
	op := federationtest.NewOIDC(t, federationtest.BaseURL+"/signin/oidc/corp/callback", w.Clock.Now)
	w.Roots.AddCert(op.Certificate())
	op.Claims = map[string]any{"preferred_username": "Ann", "name": "Ann Example", "email": "ann@example.org", "email_verified": true}
	cfg := core.ProviderConfig{Create: true, OIDC: &core.OIDCConfig{Issuer: op.URL, ClientID: op.ClientID}}
	if change != nil {
		change(&cfg)
	}
	p, err := w.Fed.Create(t.Context(), w.Admin, federation.Data{Label: "corp", Kind: core.ProviderOIDC, Name: "Corp", Config: cfg, Secret: redacted(op.Secret)})
	if err != nil {
		t.Fatal(err)
	}
	if p, err = w.Fed.SetEnabled(t.Context(), w.Admin, p.ID, true); err != nil {
		t.Fatal(err)
	}
	return op, p
}

// visit goes to where the service sends a browser, and returns the parameters
// with which the provider sends it back.
func visit(t *testing.T, op *federationtest.OIDC, j *federation.Journey) url.Values {
	t.Helper()
	c := *op.Client()
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	r, err := c.Get(j.URL)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	u, err := r.Location()
	if err != nil {
		t.Fatalf("%s: %s", j.URL, r.Status)
	}
	return u.Query()
}

// through signs in through the provider.
func through(t *testing.T, w *world, op *federationtest.OIDC) (*identity.SignedIn, error) {
	t.Helper()
	j, err := w.Fed.BeginOIDC(t.Context(), "corp", "/orders?x=1", identity.SignIn{})
	if err != nil {
		return nil, err
	}
	in, next, err := w.Fed.FinishOIDC(t.Context(), "corp", j.Secret.Reveal(), visit(t, op, j), identity.SignIn{})
	if err == nil && next != "/orders?x=1" {
		t.Errorf("next is %q", next)
	}
	return in, err
}

func wantKind(t *testing.T, err error, k core.Kind, what string) {
	t.Helper()
	if !core.Is(err, k) {
		t.Errorf("%s: %v, want %s", what, err, k)
	}
}

// TestOIDC: somebody unknown becomes a user without a password, has what the
// rules give for his groups, and loses it when the groups change.
func TestOIDC(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		home := w.First.Group.ID
		op, p := openID(t, w, func(c *core.ProviderConfig) {
			c.Rules = []core.ProviderRule{{External: "PKI-Operators", Role: core.RoleOperator}, {External: "*", Role: core.RoleRequester, Group: home, Member: true}}
		})
		op.Claims["groups"] = []string{"pki-operators", "others"}
		in, err := through(t, w, op)
		if err != nil {
			t.Fatal(err)
		}
		u := in.User
		if u.Login != "ann" || u.Name != "Ann Example" || u.Email != "ann@example.org" || in.MustChange || len(u.Grants) != 2 || u.Grants[0].Provider != p.ID || u.Provided[home] != p.ID {
			t.Errorf("user %+v", u)
		}
		who, err := w.SessionPrincipal(ctx, in.Secret.Reveal(), identity.SignIn{}.Address)
		if err != nil || identity.Can(who, identity.CredentialCreate, "") != nil {
			t.Errorf("session %+v, %v", who, err)
		}
		_, err = w.SignIn(ctx, identity.SignIn{Login: "ann", Password: ""})
		wantKind(t, err, core.KindUnauthenticated, "password form without a password")

		hand := core.Grant{Role: core.RoleAuditor}
		grants := append(slices.Clone(u.Grants), hand)
		if u, err = w.UpdateUser(ctx, w.Admin, u.ID, identity.UserChange{Grants: &grants}); err != nil || len(u.Grants) != 3 {
			t.Fatalf("%+v, %v", u, err)
		}
		wantKind(t, w.RemoveMember(ctx, w.Admin, home, u.ID), core.KindConflict, "taking a member out who is there by a rule")
		op.Claims["groups"] = "others"
		again, err := through(t, w, op)
		if err != nil || again.User.ID != u.ID || len(again.User.Grants) != 2 || !slices.Contains(again.User.Grants, hand) {
			t.Fatalf("after the group is gone: %+v, %v", again, err)
		}
		ids, err := w.Identities(ctx, w.Admin, u.ID)
		if err != nil || len(ids) != 1 || ids[0].Subject != "subject-1" || ids[0].LastSignIn.IsZero() {
			t.Errorf("identities %+v, %v", ids, err)
		}
		if err := w.Fed.Delete(ctx, w.Admin, p.ID); err != nil {
			t.Fatal(err)
		}
		got, err := w.User(ctx, w.Admin, u.ID)
		if err != nil || len(got.Grants) != 1 || got.Grants[0] != hand || len(got.Groups) != 0 {
			t.Errorf("after the provider is gone: %+v, %v", got, err)
		}
		_, err = w.SessionPrincipal(ctx, again.Secret.Reveal(), identity.SignIn{}.Address)
		wantKind(t, err, core.KindUnauthenticated, "session after the provider is gone")
	})
}

// TestOIDCRefused walks through answers that must open nothing. Each gives an
// error that can be shown, and an entry in the audit log.
func TestOIDCRefused(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		op, _ := openID(t, w, nil)
		none := func(token string) string {
			_, rest, _ := strings.Cut(token, ".")
			body, _, _ := strings.Cut(rest, ".")
			return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + body + "."
		}
		for name, c := range map[string]struct {
			spoil func(claims map[string]any)
			token func(string) string
			kind  core.Kind
		}{
			"nonce":       {spoil: func(c map[string]any) { c["nonce"] = "another" }},
			"no nonce":    {spoil: func(c map[string]any) { delete(c, "nonce") }},
			"audience":    {spoil: func(c map[string]any) { c["aud"] = "somebody" }},
			"two parties": {spoil: func(c map[string]any) { c["aud"] = []string{"certwright", "other"} }},
			"azp":         {spoil: func(c map[string]any) { c["azp"] = "other" }},
			"issuer":      {spoil: func(c map[string]any) { c["iss"] = "https://evil.example" }},
			"expired":     {spoil: func(c map[string]any) { c["exp"] = w.Clock.Now().Add(-time.Minute).Unix() }},
			"nobody":      {spoil: func(c map[string]any) { c["sub"] = "" }},
			"at_hash":     {spoil: func(c map[string]any) { c["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA" }},
			"alg none":    {token: none},
			"signature":   {token: func(s string) string { return s[:len(s)-8] + "AAAAAAAA" }},
			"no token":    {token: func(string) string { return "" }},
			"no JWT":      {token: func(string) string { return "abc" }},
			"login":       {spoil: func(c map[string]any) { c["preferred_username"] = "ann example!" }},
			"taken login": {spoil: func(c map[string]any) { c["preferred_username"] = "admin" }},
		} {
			op.Spoil, op.Token = c.spoil, c.token
			before := len(w.Log.Events("session.create"))
			in, err := through(t, w, op)
			wantKind(t, err, core.KindForbidden, name)
			ev := w.Log.Events("session.create")
			if in != nil || len(ev) != before+1 || ev[before].Outcome != core.Refused {
				t.Errorf("%s: signed in %v, %d new audit entries", name, in != nil, len(ev)-before)
			}
		}
		op.Spoil, op.Token, op.Refuse = nil, nil, "access_denied"
		_, err := through(t, w, op)
		wantKind(t, err, core.KindForbidden, "refused by the provider")
	})
}

// TestOIDCBack: a browser comes back once, with what belongs to its own sign-in.
func TestOIDCBack(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		op, p := openID(t, w, nil)
		begin := func() (*federation.Journey, url.Values) {
			j, err := w.Fed.BeginOIDC(ctx, "corp", "/", identity.SignIn{})
			if err != nil {
				t.Fatal(err)
			}
			return j, visit(t, op, j)
		}
		finish := func(cookie string, q url.Values) error {
			_, _, err := w.Fed.FinishOIDC(ctx, "corp", cookie, q, identity.SignIn{})
			return err
		}
		j, q := begin()
		wantKind(t, finish("", q), core.KindExpired, "no cookie")
		wantKind(t, finish("made up", q), core.KindExpired, "a cookie that nobody gave")
		other, _ := begin()
		wantKind(t, finish(other.Secret.Reveal(), q), core.KindForbidden, "the answer to another browser")
		wantKind(t, finish(other.Secret.Reveal(), q), core.KindExpired, "the same once more")
		if err := finish(j.Secret.Reveal(), q); err != nil {
			t.Fatal(err)
		}
		wantKind(t, finish(j.Secret.Reveal(), q), core.KindExpired, "replay")
		j, again := begin()
		again.Set("code", q.Get("code"))
		wantKind(t, finish(j.Secret.Reveal(), again), core.KindForbidden, "a code that was used")
		j, q = begin()
		q.Set("iss", "https://evil.example")
		wantKind(t, finish(j.Secret.Reveal(), q), core.KindForbidden, "the answer of another provider")
		j, q = begin()
		q.Set("code", strings.Repeat("x", 5000))
		wantKind(t, finish(j.Secret.Reveal(), q), core.KindForbidden, "an oversized code")
		j, q = begin()
		w.Clock.Advance(11 * time.Minute)
		wantKind(t, finish(j.Secret.Reveal(), q), core.KindExpired, "too late")
		if _, err := w.Fed.SetEnabled(ctx, w.Admin, p.ID, false); err != nil {
			t.Fatal(err)
		}
		_, err := w.Fed.BeginOIDC(ctx, "corp", "/", identity.SignIn{})
		wantKind(t, err, core.KindNotFound, "switched off")
	})
}

// TestOIDCProvider: keys that change, a provider that is away, slow or talks
// nonsense.
func TestOIDCProvider(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		op, p := openID(t, w, func(c *core.ProviderConfig) { c.OIDC.ClientAuth, c.OIDC.UserInfo = "post", true })
		if _, err := through(t, w, op); err != nil {
			t.Fatal(err)
		}
		op.Rotate(t)
		if _, err := through(t, w, op); err != nil {
			t.Errorf("after the keys changed: %v", err)
		}
		op.Info = map[string]any{"sub": "somebody else"}
		_, err := through(t, w, op)
		wantKind(t, err, core.KindForbidden, "UserInfo of somebody else")
		op.Info = nil
		steps, err := w.Fed.Test(ctx, w.Admin, p.ID)
		if err != nil || len(steps) != 3 || !steps[2].OK {
			t.Errorf("test %+v, %v", steps, err)
		}

		stop := make(chan struct{})
		t.Cleanup(func() { close(stop) })
		for name, bad := range map[string]func(w http.ResponseWriter, r *http.Request) bool{
			"500":       func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(500); return true },
			"no JSON":   func(w http.ResponseWriter, _ *http.Request) bool { _, _ = w.Write([]byte("hello")); return true },
			"oversized": func(w http.ResponseWriter, _ *http.Request) bool { _, _ = w.Write(make([]byte, 2<<20)); return true },
			"issuer": func(w http.ResponseWriter, _ *http.Request) bool {
				_, _ = w.Write([]byte(`{"issuer":"https://evil.example"}`))
				return true
			},
			"slow": func(_ http.ResponseWriter, r *http.Request) bool {
				select {
				case <-stop:
				case <-r.Context().Done():
				}
				return true
			},
		} {
			w.Clock.Advance(6 * time.Minute) // what was discovered is asked for again
			op.Misbehave = bad
			_, err := through(t, w, op)
			wantKind(t, err, core.KindUnavailable, name)
			steps, err := w.Fed.Test(ctx, w.Admin, p.ID)
			if err != nil || len(steps) != 1 || steps[0].OK {
				t.Errorf("%s: test %+v, %v", name, steps, err)
			}
		}
		op.Misbehave = func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/token" {
				w.WriteHeader(503)
			}
			return r.URL.Path == "/token"
		}
		w.Clock.Advance(6 * time.Minute)
		_, err = through(t, w, op)
		wantKind(t, err, core.KindUnavailable, "token endpoint away")
	})
}

// TestOIDCWho: who is linked to whom.
func TestOIDCWho(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		op, p := openID(t, w, func(c *core.ProviderConfig) { c.Create = false })
		bob, _, err := w.CreateUser(ctx, w.Admin, identity.NewUser{Login: "ann", Name: "Ann", Email: "Ann@Example.org"})
		if err != nil {
			t.Fatal(err)
		}
		set := func(change func(c *core.ProviderConfig)) {
			t.Helper()
			cfg := p.Config
			change(&cfg)
			if p, err = w.Fed.Update(ctx, w.Admin, p.ID, p.Version, federation.Data{Name: "Corp", Config: cfg}); err != nil {
				t.Fatal(err)
			}
		}
		_, err = through(t, w, op)
		wantKind(t, err, core.KindForbidden, "nobody is linked without being told")
		set(func(c *core.ProviderConfig) { c.Link = core.LinkEmail })
		op.Claims["email_verified"] = false
		_, err = through(t, w, op)
		wantKind(t, err, core.KindForbidden, "an address that is not verified")
		op.Claims["email_verified"] = true
		set(func(c *core.ProviderConfig) { c.Matched = true })
		_, err = through(t, w, op)
		wantKind(t, err, core.KindForbidden, "no rule matches")
		set(func(c *core.ProviderConfig) { c.Matched = false })
		in, err := through(t, w, op)
		if err != nil || in.User.ID != bob.ID {
			t.Fatalf("%+v, %v", in, err)
		}
		op.Spoil = func(c map[string]any) { c["sub"] = "subject-2" }
		_, err = through(t, w, op)
		wantKind(t, err, core.KindForbidden, "another subject with the same address")
		op.Spoil = nil
		off := core.UserDisabled
		if _, err := w.UpdateUser(ctx, w.Admin, bob.ID, identity.UserChange{State: &off}); err != nil {
			t.Fatal(err)
		}
		_, err = through(t, w, op)
		wantKind(t, err, core.KindForbidden, "disabled")
		on := core.UserActive
		if _, err := w.UpdateUser(ctx, w.Admin, bob.ID, identity.UserChange{State: &on}); err != nil {
			t.Fatal(err)
		}
		if err := w.UnlinkIdentity(ctx, w.Admin, bob.ID, p.ID, "subject-1"); err != nil {
			t.Fatal(err)
		}
		set(func(c *core.ProviderConfig) { c.Link = core.LinkNone })
		_, err = through(t, w, op)
		wantKind(t, err, core.KindForbidden, "unlinked")
		if err := w.LinkIdentity(ctx, w.Admin, bob.ID, p.ID, "subject-1"); err != nil {
			t.Fatal(err)
		}
		wantKind(t, w.LinkIdentity(ctx, w.Admin, w.First.User.ID, p.ID, "subject-1"), core.KindExists, "one subject, two users")
		if in, err = through(t, w, op); err != nil || in.User.ID != bob.ID {
			t.Errorf("linked by hand: %+v, %v", in, err)
		}
	})
}
