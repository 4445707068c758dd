package storetest_test

import (
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/identity/identitytest"
)

var home = netip.MustParseAddr("198.51.100.9")

// TestFirstSignIn: the one-time password opens a session that can do nothing
// but set another password.
func TestFirstSignIn(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		u, once, err := w.CreateUser(ctx, w.Admin, identity.NewUser{Login: "Eve", Name: "Eve", Grants: []core.Grant{{Role: core.RoleAdministrator}}, SignIn: true})
		if err != nil || u.Login != "eve" || u.PasswordHash != "" {
			t.Fatalf("%+v, %v", u, err)
		}
		s, err := w.SignIn(ctx, identity.SignIn{Login: " EVE ", Password: once.Reveal(), Address: home, Agent: strings.Repeat("ä", 150)})
		if err != nil || !s.MustChange || s.User.PasswordHash != "" || s.Session.Agent != strings.Repeat("ä", 100) || s.Session.Address != "198.51.100.9" {
			t.Fatalf("%+v, %v", s, err)
		}
		p, err := w.SessionPrincipal(ctx, s.Secret.Reveal(), home)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range identity.Rules() {
			if err := identity.Can(p, r.Action, ""); (err == nil) != (r.Action == identity.PasswordOwn) {
				t.Errorf("%s: %v", r.Action, err)
			}
		}
		_, _, err = w.CreateToken(ctx, p, identity.NewToken{Name: "x"})
		wantKind(t, err, core.KindForbidden, "token with a one-time password")
		if page, err := w.Users(ctx, p, core.ListQuery{}); err != nil || len(page.Items) != 0 {
			t.Errorf("a one-time password lists %+v, %v", page.Items, err)
		}
		for _, bad := range []string{"short", "eve", "password1234", once.Reveal()} {
			wantKind(t, w.ChangePassword(ctx, p, once.Reveal(), bad), core.KindInvalid, "password "+bad)
		}
		wantField(t, w.ChangePassword(ctx, p, "wrong", "a perfectly fine one"), core.KindInvalid, "old_password", "wrong old password")
		if err := w.ChangePassword(ctx, p, once.Reveal(), "a perfectly fine one"); err != nil {
			t.Fatal(err)
		}
		if p, err = w.SessionPrincipal(ctx, s.Secret.Reveal(), home); err != nil || identity.Can(p, identity.UserManage, "") != nil {
			t.Errorf("after the change: %+v, %v", p, err)
		}
		_, err = w.SignIn(ctx, identity.SignIn{Login: "eve", Password: once.Reveal()})
		wantKind(t, err, core.KindUnauthenticated, "one-time password again")
	})
}

// TestLockOut: five failures lock for a minute, each further one for twice as
// long, up to an hour; the right password does not help while locked; unknown
// logins behave the same.
func TestLockOut(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		wait := func(login, password string) time.Duration {
			t.Helper()
			_, err := w.SignIn(ctx, identity.SignIn{Login: login, Password: password, Address: home})
			if err == nil {
				return -1
			}
			e := core.AsError(err)
			if e.Kind != core.KindUnauthenticated || e.Detail != "wrong user name or password" {
				t.Fatalf("%s: %v", login, err)
			}
			return e.RetryAfter
		}
		for _, login := range []string{"admin", "nobody"} {
			for i := range 4 {
				if d := wait(login, "guess"); d != 0 {
					t.Errorf("%s: failure %d locks for %s", login, i+1, d)
				}
			}
			want := time.Minute
			for i := range 9 {
				if d := wait(login, "guess"); d != want {
					t.Errorf("%s: failure %d locks for %s, want %s", login, i+5, d, want)
				}
				w.Clock.Advance(want - time.Second)
				if d := wait(login, identitytest.AdminPassword); d != time.Second {
					t.Errorf("%s: the right password while locked: %s", login, d)
				}
				w.Clock.Advance(time.Second)
				want = min(2*want, time.Hour)
			}
		}
		if d := wait("admin", identitytest.AdminPassword); d != -1 {
			t.Errorf("the right password after the lock: %s", d)
		}
		if d := wait("admin", "guess"); d != 0 {
			t.Errorf("the count did not start again: %s", d)
		}
		events := w.Log.Events("session.create")
		var refused, anonymous int
		for _, e := range events {
			if e.Outcome == core.Refused {
				refused++
				if e.Actor == "anonymous" && e.Login != "" && e.Address == home.String() && e.Account == w.First.Account.ID {
					anonymous++
				}
			}
		}
		if refused != 2*22+1 || anonymous != refused {
			t.Errorf("%d refusals in the log, %d of them complete", refused, anonymous)
		}
	})
}

// TestLockOutHoldsAgainstManyAtOnce: guesses in parallel get no more tries
// than there are hashing slots beyond the limit.
func TestLockOutHoldsAgainstManyAtOnce(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		var wg sync.WaitGroup
		for range 60 {
			wg.Go(func() {
				_, err := w.SignIn(t.Context(), identity.SignIn{Login: "admin", Password: "guess"})
				if !core.Is(err, core.KindUnauthenticated) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		u, err := w.db.UserByLogin(t.Context(), w.First.Account.ID, "admin")
		if err != nil || u.Failures < 5 || u.Failures > 5+4 {
			t.Errorf("%d passwords were looked at, %v", u.Failures, err)
		}
	})
}

// TestResetPassword: the host's command line opens a locked account again.
func TestResetPassword(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		s, err := w.SignIn(ctx, identity.SignIn{Login: "admin", Password: identitytest.AdminPassword})
		if err != nil {
			t.Fatal(err)
		}
		for range 6 {
			_, _ = w.SignIn(ctx, identity.SignIn{Login: "admin", Password: "guess"})
		}
		host := identity.Host(w.First.Account.ID, "host")
		u, err := w.UserByLogin(ctx, host, "Admin")
		if err != nil || u.PasswordHash != "" {
			t.Fatalf("%+v, %v", u, err)
		}
		once, err := w.ResetPassword(ctx, host, u.ID)
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.SessionPrincipal(ctx, s.Secret.Reveal(), home)
		wantKind(t, err, core.KindUnauthenticated, "session from before")
		_, err = w.SignIn(ctx, identity.SignIn{Login: "admin", Password: identitytest.AdminPassword})
		wantKind(t, err, core.KindUnauthenticated, "old password")
		got, err := w.SignIn(ctx, identity.SignIn{Login: "admin", Password: once.Reveal()})
		if err != nil || !got.MustChange {
			t.Errorf("%+v, %v", got, err)
		}
		if e := w.Log.Events("password.reset"); len(e) != 1 || e[0].Actor != "system:host" {
			t.Errorf("events %+v", e)
		}
		_, err = w.ResetPassword(ctx, w.Person(t, "opr", nil, core.Grant{Role: core.RoleOperator}), u.ID)
		wantKind(t, err, core.KindForbidden, "by an operator")
	})
}

// enter signs the first administrator in.
func (w *world) enter(t *testing.T, password string) (*identity.SignedIn, string) {
	t.Helper()
	s, err := w.SignIn(t.Context(), identity.SignIn{Login: "admin", Password: password, Address: home, Agent: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return s, s.Secret.Reveal()
}

// alive reports whether a cookie is good.
func (w *world) alive(t *testing.T, secret string) bool {
	t.Helper()
	_, err := w.SessionPrincipal(t.Context(), secret, home)
	if err != nil && !core.Is(err, core.KindUnauthenticated) {
		t.Fatal(err)
	}
	return err == nil
}

// TestSessionTime: last-seen, idle and absolute end.
func TestSessionTime(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, secret := w.enter(t, identitytest.AdminPassword)
		seen := func() time.Time {
			t.Helper()
			page, err := w.Sessions(ctx, w.Admin, core.ListQuery{Filter: core.Filter{{Column: "agent", Op: core.OpEquals, Values: []string{"TEST"}}}})
			if err != nil || len(page.Items) == 0 || page.Items[0].SecretHash != nil {
				t.Fatalf("%+v, %v", page, err)
			}
			return page.Items[0].LastSeen
		}
		t0 := seen()
		w.Clock.Advance(59 * time.Second)
		if !w.alive(t, secret) || !seen().Equal(t0) {
			t.Error("last-seen was written within a minute")
		}
		w.Clock.Advance(time.Second)
		if !w.alive(t, secret) || !seen().Equal(t0.Add(time.Minute)) {
			t.Error("last-seen was not written after a minute")
		}
		w.Clock.Advance(30*time.Minute - time.Microsecond)
		if !w.alive(t, secret) {
			t.Error("ended before it was idle for 30 minutes")
		}
		w.Clock.Advance(30 * time.Minute)
		if w.alive(t, secret) {
			t.Error("alive after 30 idle minutes")
		}
		_, secret = w.enter(t, identitytest.AdminPassword)
		for range 48 {
			if !w.alive(t, secret) {
				t.Fatal("ended though it was used")
			}
			w.Clock.Advance(15 * time.Minute)
		}
		if w.alive(t, secret) {
			t.Error("alive after 12 hours")
		}
		if n, err := w.Sweep(ctx); err != nil || n != 3 { // these two and the one of the fixture
			t.Errorf("swept %d, %v", n, err)
		}
		for _, s := range []string{"", "x", strings.Repeat("x", 1000), secret + "="} {
			if w.alive(t, s) {
				t.Errorf("%q is a session", s)
			}
		}
	})
}

// TestSessionEnds: a new password, signing off, and who may end whose.
func TestSessionEnds(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		a, secretA := w.enter(t, identitytest.AdminPassword)
		_, secretB := w.enter(t, identitytest.AdminPassword)
		pa, err := w.SessionPrincipal(ctx, secretA, home)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.ChangePassword(ctx, pa, identitytest.AdminPassword, "another fine password"); err != nil {
			t.Fatal(err)
		}
		if !w.alive(t, secretA) || w.alive(t, secretB) {
			t.Error("a new password ends the other sessions only")
		}
		_, secretB = w.enter(t, "another fine password")
		opr := w.Person(t, "opr", nil, core.Grant{Role: core.RoleOperator})
		wantKind(t, w.EndSession(ctx, opr, a.Session.ID), core.KindNotFound, "end somebody else's session")
		if page, err := w.Sessions(ctx, opr, core.ListQuery{}); err != nil || len(page.Items) != 1 || page.Items[0].User != opr.User {
			t.Errorf("an operator sees %+v, %v", page.Items, err)
		}
		if n, err := w.EndSessions(ctx, pa, pa.User); err != nil || n != 1 || !w.alive(t, secretA) || w.alive(t, secretB) {
			t.Errorf("ended %d others, %v", n, err)
		}
		if err := w.EndSession(ctx, pa, a.Session.ID); err != nil || w.alive(t, secretA) {
			t.Errorf("signed off: %v", err)
		}
		if n, err := w.EndSessions(ctx, identity.Host(pa.Account, "host"), opr.User); err != nil || n != 1 {
			t.Errorf("ended %d of the operator's, %v", n, err)
		}
	})
}

// token makes an auditor's token of a user who is more.
func (w *world) token(t *testing.T) (owner *core.Principal, tok *core.Token, text string) {
	t.Helper()
	owner = w.Person(t, "both", []core.GroupID{w.First.Group.ID}, core.Grant{Role: core.RoleOperator}, core.Grant{Role: core.RoleAuditor})
	tok, secret, err := w.CreateToken(t.Context(), owner, identity.NewToken{Name: "pipeline", Roles: []core.Role{core.RoleAuditor}, ExpiresAt: w.Clock.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if secret.String() == secret.Reveal() {
		t.Error("a token prints itself")
	}
	return owner, tok, secret.Reveal()
}

// TestTokenRoles: format, and the cap of roles.
func TestTokenRoles(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		both, tok, s := w.token(t)
		if len(s) != 56 || !strings.HasPrefix(s, tok.Prefix+"_") || !strings.HasPrefix(tok.Prefix, "cwt_") {
			t.Errorf("token %q, prefix %q", s, tok.Prefix)
		}
		p, err := w.TokenPrincipal(ctx, s, home)
		if err != nil || p.Token != tok.ID || p.User != both.User || p.Login != "both" {
			t.Fatalf("%+v, %v", p, err)
		}
		if identity.Can(p, identity.AuditView, "") != nil || identity.Can(p, identity.CredentialCreate, w.First.Group.ID) == nil {
			t.Error("the roles of the token do not cap")
		}
		_, _, err = w.CreateToken(ctx, p, identity.NewToken{Name: "child"})
		wantKind(t, err, core.KindForbidden, "a token makes a token")
		wantKind(t, w.ChangePassword(ctx, p, identitytest.AdminPassword, "whatever it may be"), core.KindForbidden, "a token changes the password")
		_, _, err = w.CreateToken(ctx, both, identity.NewToken{Name: "more", Roles: []core.Role{core.RoleAdministrator}})
		wantField(t, err, core.KindInvalid, "roles", "more than the user")
	})
}

// TestTokenUse: last-used, and texts that are no token.
func TestTokenUse(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, tok, s := w.token(t)
		if _, err := w.TokenPrincipal(ctx, s, home); err != nil {
			t.Fatal(err)
		}
		stored := func() *core.Token {
			t.Helper()
			x, err := w.db.Token(ctx, tok.Account, tok.ID)
			if err != nil {
				t.Fatal(err)
			}
			return x
		}
		first := stored().LastUsed
		w.Clock.Advance(59 * time.Second)
		_, err := w.TokenPrincipal(ctx, s, home)
		if err != nil || !stored().LastUsed.Equal(first) {
			t.Errorf("last-used within a minute: %v, %v", stored().LastUsed, err)
		}
		w.Clock.Advance(time.Second)
		_, err = w.TokenPrincipal(ctx, s, home)
		if err != nil || !stored().LastUsed.Equal(first.Add(time.Minute)) {
			t.Errorf("last-used after a minute: %v, %v", stored().LastUsed, err)
		}
		for _, bad := range []string{"", "cwt_", s[:55], s + "x", "cwx" + s[3:], s[:12] + "-" + s[13:], s[:55] + string(s[55]^1), strings.ToUpper(s)} {
			_, err := w.TokenPrincipal(ctx, bad, home)
			wantKind(t, err, core.KindUnauthenticated, "token "+bad)
		}
	})
}

// TestTokenEnds: disabling its user, expiry, revocation, and who may.
func TestTokenEnds(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		both, tok, s := w.token(t)
		// A reset of the password does not stop automation, disabling does.
		if _, err := w.ResetPassword(ctx, w.Admin, both.User); err != nil {
			t.Fatal(err)
		}
		if p, err := w.TokenPrincipal(ctx, s, home); err != nil || identity.Can(p, identity.AuditView, "") != nil {
			t.Errorf("after a password reset: %v", err)
		}
		off, on := core.UserDisabled, core.UserActive
		for _, step := range []struct {
			state *core.UserState
			kind  core.Kind
		}{{&off, core.KindUnauthenticated}, {&on, ""}} {
			if _, err := w.UpdateUser(ctx, w.Admin, both.User, identity.UserChange{State: step.state}); err != nil {
				t.Fatal(err)
			}
			_, err := w.TokenPrincipal(ctx, s, home)
			wantKind(t, err, step.kind, string(*step.state))
		}
		page, err := w.Tokens(ctx, w.Admin, core.ListQuery{Filter: core.Filter{{Column: "status", Op: core.OpEquals, Values: []string{"active"}}}})
		if err != nil || len(page.Items) != 1 || page.Items[0].SecretHash != nil || page.Items[0].Name != "pipeline" {
			t.Errorf("%+v, %v", page, err)
		}
		opr := w.Person(t, "opr", nil, core.Grant{Role: core.RoleOperator})
		wantKind(t, w.RevokeToken(ctx, opr, tok.ID), core.KindNotFound, "revoke somebody else's")
		if page, err = w.Tokens(ctx, opr, core.ListQuery{}); err != nil || len(page.Items) != 0 {
			t.Errorf("an operator sees %+v, %v", page.Items, err)
		}
		w.Clock.Advance(time.Hour)
		_, err = w.TokenPrincipal(ctx, s, home)
		wantKind(t, err, core.KindUnauthenticated, "expired")
		w.Clock.Advance(-time.Hour)
		if err := w.RevokeToken(ctx, w.Admin, tok.ID); err != nil {
			t.Fatal(err)
		}
		_, err = w.TokenPrincipal(ctx, s, home)
		wantKind(t, err, core.KindUnauthenticated, "revoked")
		wantKind(t, w.RevokeToken(ctx, w.Admin, tok.ID), core.KindConflict, "revoke again")
	})
}
