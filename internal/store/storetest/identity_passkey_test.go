package storetest_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/identity/identitytest"
	"github.com/certwright/certwright/internal/secret"
)

const keyHost = "ca.example"

// addKey gives a user a passkey.
func addKey(t *testing.T, w *world, p *core.Principal, name string) (*identitytest.Authenticator, *core.Passkey, []secret.Redacted) {
	t.Helper()
	a := identitytest.NewAuthenticator(t, identitytest.BaseURL, keyHost)
	c, err := w.BeginPasskey(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	k, codes, err := w.FinishPasskey(t.Context(), p, c.Secret.Reveal(), name, a.Create(t, c.Options))
	if err != nil {
		t.Fatal(err)
	}
	a.Count++
	return a, k, codes
}

// keySignIn signs in by passkey alone.
func keySignIn(t *testing.T, w *world, a *identitytest.Authenticator) (*identity.SignedIn, error) {
	t.Helper()
	c, err := w.BeginPasskeySignIn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return w.FinishPasskeySignIn(t.Context(), c.Secret.Reveal(), a.Get(t, c.Options), identity.SignIn{Address: home, Agent: "test"})
}

// TestPasskey: a passkey signs in alone, is a second step beside the password,
// and is gone when it was removed.
func TestPasskey(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		p := w.Person(t, "ann", nil, core.Grant{Role: core.RoleOperator})
		a, k, codes := addKey(t, w, p, " laptop ")
		if k.Name != "laptop" || k.Host != keyHost || len(codes) != 10 || k.BackupEligible {
			t.Errorf("%+v, %d codes", k, len(codes))
		}
		w.Clock.Advance(time.Second) // they are listed oldest first
		if _, _, more := addKey(t, w, p, ""); more != nil {
			t.Errorf("%d recovery codes with the second passkey", len(more))
		}
		u, err := w.User(ctx, w.Admin, p.User)
		if err != nil || !u.SecondFactor || !slices.Equal(u.Factors, []string{"passkey"}) {
			t.Errorf("%+v, %v", u, err)
		}
		page, err := w.Users(ctx, w.Admin, core.ListQuery{Filter: core.Filter{{Column: "factors", Op: core.OpEquals, Values: []string{"passkey"}}}})
		if err != nil || len(page.Items) != 1 || page.Items[0].Login != "ann" {
			t.Errorf("list %+v, %v", page.Items, err)
		}
		in, err := keySignIn(t, w, a)
		if err != nil || in.Session == nil || in.Session.User != p.User || in.Session.Address != home.String() {
			t.Fatalf("%+v, %v", in, err)
		}
		if e := w.Log.Events("session.create"); e[len(e)-1].Detail["method"] != "passkey" {
			t.Errorf("%+v", e[len(e)-1])
		}
		_, err = keySignIn(t, w, a)
		wantField(t, err, core.KindUnauthenticated, "passkey", "the counter stands still")
		if e := w.Log.Events("passkey.cloned"); len(e) != 1 || e[0].Outcome != core.Refused {
			t.Errorf("%+v", e)
		}
		a.Count = 1000
		_, err = keySignIn(t, w, a)
		wantField(t, err, core.KindUnauthenticated, "passkey", "a passkey that may be cloned")
		if f, err := w.Factors(ctx, p); err != nil || len(f.Passkeys) != 2 || f.Passkeys[0].ClonedAt.IsZero() || f.Passkeys[0].LastUsed.IsZero() || !f.Passkeys[1].ClonedAt.IsZero() {
			t.Errorf("%+v, %v", f, err)
		}
		if _, err := w.SignIn(ctx, passwordOf("ann")); err != nil {
			t.Fatal(err)
		}
		list, err := w.Passkeys(ctx, w.Admin, core.ListQuery{Limit: 10})
		if err != nil || len(list.Items) != 2 {
			t.Errorf("%+v, %v", list.Items, err)
		}
		bob := w.Person(t, "bob", nil, core.Grant{Role: core.RoleOperator})
		if list, err := w.Passkeys(ctx, bob, core.ListQuery{Limit: 10}); err != nil || len(list.Items) != 0 {
			t.Errorf("%+v, %v", list.Items, err)
		}
		_, err = w.RenamePasskey(ctx, bob, k.ID, "mine")
		wantKind(t, err, core.KindNotFound, "somebody else's")
		wantKind(t, w.RemovePasskey(ctx, bob, k.ID), core.KindNotFound, "somebody else's")
		if k, err := w.RenamePasskey(ctx, p, k.ID, "old laptop"); err != nil || k.Name != "old laptop" {
			t.Errorf("%+v, %v", k, err)
		}
		if err := w.ResetSecondFactor(ctx, w.Admin, p.User); err != nil {
			t.Fatal(err)
		}
		if in, err := w.SignIn(ctx, passwordOf("ann")); err != nil || in.Session == nil {
			t.Errorf("after the reset: %+v, %v", in, err)
		}
	})
}

// TestPasskeyStep: the password of somebody with a passkey is half a sign-in.
func TestPasskeyStep(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		p := w.Person(t, "ann", nil, core.Grant{Role: core.RoleOperator})
		a, k, codes := addKey(t, w, p, "phone")
		half, err := w.SignIn(ctx, passwordOf("ann"))
		if err != nil || half.Session != nil {
			t.Fatalf("%+v, %v", half, err)
		}
		pending := half.Pending.Reveal()
		if ok, err := w.StepPasskeys(ctx, pending); err != nil || !ok {
			t.Error(ok, err)
		}
		c, err := w.BeginPasskeyStep(ctx, pending)
		if err != nil || !bytes.Contains(c.Options, []byte(base64.RawURLEncoding.EncodeToString(a.ID))) {
			t.Fatalf("%s, %v", c.Options, err)
		}
		a.Flags = identitytest.UserPresent // presence is enough beside a password
		answer := a.Get(t, c.Options)
		_, err = w.FinishPasskeySignIn(ctx, c.Secret.Reveal(), answer, identity.SignIn{})
		wantKind(t, err, core.KindExpired, "a second step as a sign-in")
		done, err := w.FinishPasskeyStep(ctx, pending, c.Secret.Reveal(), answer, identity.SignIn{Address: home})
		if err != nil || done.Session == nil {
			t.Fatalf("%+v, %v", done, err)
		}
		_, err = w.FinishPasskeyStep(ctx, pending, c.Secret.Reveal(), answer, identity.SignIn{})
		wantKind(t, err, core.KindExpired, "the same again")
		in := passwordOf("ann")
		in.Code = codes[0].Reveal()
		if done, err := w.SignIn(ctx, in); err != nil || done.Session == nil {
			t.Errorf("recovery code: %v", err)
		}
		w.Clock.Advance(6 * time.Minute)
		wantField(t, w.RemovePasskey(ctx, p, k.ID), core.KindForbidden, "proof", "too long after the sign-in")
		_, err = w.BeginPasskey(ctx, p)
		wantField(t, err, core.KindForbidden, "proof", "too long after the sign-in")
		wantField(t, w.Confirm(ctx, p, "wrong", ""), core.KindInvalid, "password", "wrong password")
		a.Count++
		a.Flags = identitytest.UserPresent
		for _, flags := range []byte{identitytest.UserPresent, identitytest.UserPresent | identitytest.UserVerified} {
			a.Flags = flags
			c, err := w.BeginPasskeyConfirm(ctx, p)
			if err != nil {
				t.Fatal(err)
			}
			err = w.FinishPasskeyConfirm(ctx, p, c.Secret.Reveal(), a.Get(t, c.Options))
			if verified := flags&identitytest.UserVerified != 0; (err == nil) != verified {
				t.Fatalf("verified %v: %v", verified, err)
			}
		}
		if fresh, err := w.RenewRecoveryCodes(ctx, p, ""); err != nil || len(fresh) != 10 {
			t.Errorf("%d, %v", len(fresh), err)
		}
		if err := w.RemovePasskey(ctx, p, k.ID); err != nil {
			t.Fatal(err)
		}
		if f, err := w.Factors(ctx, p); err != nil || len(f.Passkeys) != 0 || f.RecoveryCodes != 0 {
			t.Errorf("%+v, %v", f, err)
		}
		if in, err := w.SignIn(ctx, passwordOf("ann")); err != nil || in.Session == nil {
			t.Errorf("without passkeys: %v", err)
		}
	})
}

// TestPasskeyBadAnswers: what is not an answer of the right passkey, at the
// right place, to this challenge, signs nobody in.
func TestPasskeyBadAnswers(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		ann := w.Person(t, "ann", nil, core.Grant{Role: core.RoleOperator})
		bob := w.Person(t, "bob", nil, core.Grant{Role: core.RoleOperator})
		a, _, _ := addKey(t, w, ann, "a")
		b, _, _ := addKey(t, w, bob, "b")
		one, err := w.BeginPasskeySignIn(ctx)
		if err != nil {
			t.Fatal(err)
		}
		earlier := a.Get(t, one.Options)
		with := func(f func(a *identitytest.Authenticator)) func(o []byte) []byte {
			return func(o []byte) []byte {
				c := *a
				f(&c)
				return c.Get(t, o)
			}
		}
		field := func(name, value string) func(o []byte) []byte {
			return func(o []byte) []byte {
				var m map[string]any
				if err := json.Unmarshal(a.Get(t, o), &m); err != nil {
					t.Fatal(err)
				}
				m["response"].(map[string]any)[name] = value
				out, _ := json.Marshal(m)
				return out
			}
		}
		for name, tc := range map[string]struct {
			answer func(o []byte) []byte
			kind   core.Kind
		}{
			"wrong origin":        {with(func(a *identitytest.Authenticator) { a.Origin = "https://evil.example" }), core.KindUnauthenticated},
			"another port":        {with(func(a *identitytest.Authenticator) { a.Origin += ":8443" }), core.KindUnauthenticated},
			"wrong host":          {with(func(a *identitytest.Authenticator) { a.Host = "example" }), core.KindUnauthenticated},
			"not verified":        {with(func(a *identitytest.Authenticator) { a.Flags = identitytest.UserPresent }), core.KindUnauthenticated},
			"not present":         {with(func(a *identitytest.Authenticator) { a.Flags = identitytest.UserVerified }), core.KindUnauthenticated},
			"backed up suddenly":  {with(func(a *identitytest.Authenticator) { a.Flags |= identitytest.BackupEligible | identitytest.BackedUp }), core.KindUnauthenticated},
			"other user's handle": {with(func(a *identitytest.Authenticator) { a.User = b.User }), core.KindUnauthenticated},
			"other user's key":    {with(func(a *identitytest.Authenticator) { a.ID, a.User = b.ID, b.User }), core.KindUnauthenticated},
			"unknown id":          {with(func(a *identitytest.Authenticator) { a.ID = []byte("no such credential") }), core.KindUnauthenticated},
			"no handle":           {with(func(a *identitytest.Authenticator) { a.User = nil }), core.KindUnauthenticated},
			"earlier challenge":   {func([]byte) []byte { return earlier }, core.KindUnauthenticated},
			"signature":           {field("signature", "MAYCAQECAQE"), core.KindUnauthenticated},
			"short data":          {field("authenticatorData", "AAAA"), core.KindInvalid},
			"no base64":           {field("authenticatorData", "%%%"), core.KindInvalid},
			"a creation":          {func(o []byte) []byte { return a.Create(t, append(o[:len(o)-1:len(o)-1], `,"user":{"id":"AAAA"}}`...)) }, core.KindInvalid},
			"empty":               {func([]byte) []byte { return nil }, core.KindInvalid},
			"no JSON":             {func([]byte) []byte { return []byte("{") }, core.KindInvalid},
			"null":                {func([]byte) []byte { return []byte("null") }, core.KindInvalid},
			"too long":            {func([]byte) []byte { return []byte(`{"id":"` + strings.Repeat("A", 40<<10) + `"}`) }, core.KindInvalid},
		} {
			c, err := w.BeginPasskeySignIn(ctx)
			if err != nil {
				t.Fatal(err)
			}
			user := bytes.Clone(a.User)
			_, err = w.FinishPasskeySignIn(ctx, c.Secret.Reveal(), tc.answer(c.Options), identity.SignIn{})
			wantField(t, err, tc.kind, "passkey", name)
			a.User = user
			_, err = w.FinishPasskeySignIn(ctx, c.Secret.Reveal(), a.Get(t, c.Options), identity.SignIn{})
			wantKind(t, err, core.KindExpired, name+": a second try at the same challenge")
		}
		if in, err := w.FinishPasskeySignIn(ctx, one.Secret.Reveal(), earlier, identity.SignIn{}); err != nil || in.Session.User != ann.User {
			t.Fatalf("the right answer: %v", err)
		}
		_, err = w.FinishPasskeySignIn(ctx, one.Secret.Reveal(), earlier, identity.SignIn{})
		wantKind(t, err, core.KindExpired, "replay")

		late, err := w.BeginPasskeySignIn(ctx)
		if err != nil {
			t.Fatal(err)
		}
		a.Count++
		answer := a.Get(t, late.Options)
		_, err = w.FinishPasskeySignIn(ctx, "another cookie", answer, identity.SignIn{})
		wantKind(t, err, core.KindExpired, "another cookie")
		w.Clock.Advance(6 * time.Minute)
		_, err = w.FinishPasskeySignIn(ctx, late.Secret.Reveal(), answer, identity.SignIn{})
		wantKind(t, err, core.KindExpired, "too late")

		half, err := w.SignIn(ctx, passwordOf("ann"))
		if err != nil {
			t.Fatal(err)
		}
		c, err := w.BeginPasskeyStep(ctx, half.Pending.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.FinishPasskeyStep(ctx, half.Pending.Reveal(), c.Secret.Reveal(), b.Get(t, c.Options), identity.SignIn{})
		wantField(t, err, core.KindUnauthenticated, "passkey", "bob's passkey for ann's second step")
		refused := 0
		for _, e := range w.Log.Events("session.create") {
			if e.Outcome == core.Refused {
				refused++
			}
		}
		if refused < 11 {
			t.Errorf("%d refusals in the audit log", refused)
		}
	})
}

// TestPasskeyRegistration: what is refused at the creation of a passkey.
func TestPasskeyRegistration(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		p := w.Person(t, "ann", nil, core.Grant{Role: core.RoleOperator})
		bob := w.Person(t, "bob", nil, core.Grant{Role: core.RoleOperator})
		begin := func() *identity.Ceremony {
			c, err := w.BeginPasskey(ctx, p)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		for name, change := range map[string]func(a *identitytest.Authenticator){
			"wrong origin": func(a *identitytest.Authenticator) { a.Origin = "https://evil.example" },
			"wrong host":   func(a *identitytest.Authenticator) { a.Host = "evil.example" },
			"not verified": func(a *identitytest.Authenticator) { a.Flags = identitytest.UserPresent },
			"backed up":    func(a *identitytest.Authenticator) { a.Flags |= identitytest.BackedUp },
		} {
			a := identitytest.NewAuthenticator(t, identitytest.BaseURL, keyHost)
			change(a)
			c := begin()
			_, _, err := w.FinishPasskey(ctx, p, c.Secret.Reveal(), "x", a.Create(t, c.Options))
			wantField(t, err, core.KindInvalid, "passkey", name)
		}
		a := identitytest.NewAuthenticator(t, identitytest.BaseURL, keyHost)
		c := begin()
		whole := a.Create(t, c.Options)
		var m map[string]any
		if err := json.Unmarshal(whole, &m); err != nil {
			t.Fatal(err)
		}
		response := m["response"].(map[string]any)
		object := response["attestationObject"].(string)
		for _, n := range []int{1, 20, 60, 100, len(object) - 8} {
			response["attestationObject"] = object[:n&^3]
			cut, _ := json.Marshal(m)
			c := begin()
			_, _, err := w.FinishPasskey(ctx, p, c.Secret.Reveal(), "x", cut)
			wantField(t, err, core.KindInvalid, "passkey", "truncated CBOR")
		}
		_, _, err := w.FinishPasskey(ctx, bob, c.Secret.Reveal(), "x", whole)
		wantKind(t, err, core.KindExpired, "somebody else's ceremony")
		_, _, err = w.FinishPasskey(ctx, p, c.Secret.Reveal(), strings.Repeat("x", 200), whole)
		wantField(t, err, core.KindInvalid, "name", "long name")
		if _, _, err = w.FinishPasskey(ctx, p, c.Secret.Reveal(), "x", whole); err != nil {
			t.Fatal(err)
		}
		c, err = w.BeginPasskey(ctx, bob)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = w.FinishPasskey(ctx, bob, c.Secret.Reveal(), "x", a.Create(t, c.Options))
		wantKind(t, err, core.KindExists, "a credential id that ann has")

		w.Base = "https://192.0.2.1:8443"
		_, err = w.BeginPasskey(ctx, p)
		wantKind(t, err, core.KindConflict, "an IP address as host")
		_, err = w.BeginPasskeySignIn(ctx)
		wantKind(t, err, core.KindConflict, "an IP address as host")
		if !strings.Contains(w.PasskeysOff(), "IP address") {
			t.Error(w.PasskeysOff())
		}
		w.Base = "https://other.example"
		half, err := w.SignIn(ctx, passwordOf("ann"))
		if err != nil || half.Session != nil {
			t.Fatalf("the passkey of another host no longer counts: %+v, %v", half, err)
		}
		if ok, err := w.StepPasskeys(ctx, half.Pending.Reveal()); err != nil || ok {
			t.Error("a passkey of another host is offered", err)
		}
	})
}

// TestSignInPolicy: a role that needs a second factor has sessions that can
// only set one up.
func TestSignInPolicy(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		p := w.Person(t, "ann", nil, core.Grant{Role: core.RoleOperator})
		_, err := w.SetSignInPolicy(ctx, p, []core.Role{core.RoleOperator}, 0)
		wantKind(t, err, core.KindForbidden, "an operator")
		_, err = w.SetSignInPolicy(ctx, w.Admin, []core.Role{"king"}, 0)
		wantField(t, err, core.KindInvalid, "roles", "no such role")
		_, err = w.SetSignInPolicy(ctx, w.Admin, []core.Role{core.RoleAdministrator}, 0)
		wantField(t, err, core.KindInvalid, "roles", "an administrator without a factor")
		if pol, err := w.SetSignInPolicy(ctx, w.Admin, []core.Role{core.RoleOperator, core.RoleOperator}, 0); err != nil || pol.Version != 1 || len(pol.Roles) != 1 {
			t.Fatalf("%+v, %v", pol, err)
		}
		_, err = w.SetSignInPolicy(ctx, w.Admin, nil, 0)
		wantKind(t, err, core.KindConflict, "an old version")
		in, err := w.SignIn(ctx, passwordOf("ann"))
		if err != nil || !in.MustSetUp {
			t.Fatalf("%+v, %v", in, err)
		}
		p, err = w.SessionPrincipal(ctx, in.Secret.Reveal(), home)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = w.CreateToken(ctx, p, identity.NewToken{Name: "x"})
		wantKind(t, err, core.KindForbidden, "a token without a second factor")
		if !strings.Contains(err.Error(), "second factor") {
			t.Error(err)
		}
		addKey(t, w, p, "x")
		if p, err = w.SessionPrincipal(ctx, in.Secret.Reveal(), home); err != nil || identity.Can(p, identity.CredentialCreate, "") != nil {
			t.Errorf("%+v, %v", p, err)
		}
		if pol, err := w.SetSignInPolicy(ctx, w.Admin, nil, 1); err != nil || pol.Version != 2 {
			t.Errorf("%+v, %v", pol, err)
		}
		if pol, err := w.SignInPolicy(ctx, w.Admin); err != nil || len(pol.Roles) != 0 {
			t.Errorf("%+v, %v", pol, err)
		}
	})
}
