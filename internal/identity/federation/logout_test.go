package federation_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/identity/federation"
	"github.com/certwright/certwright/internal/identity/federation/federationtest"
)

// leaving signs in, and takes what is needed to sign out at the provider.
func leaving(t *testing.T, w *world, op *federationtest.OIDC) *federation.Exit {
	t.Helper()
	in, err := through(t, w, op)
	if err != nil {
		t.Fatal(err)
	}
	who, err := w.SessionPrincipal(t.Context(), in.Secret.Reveal(), identity.SignIn{}.Address)
	if err != nil {
		t.Fatal(err)
	}
	x := w.Fed.Exit(t.Context(), who)
	if w.Fed.Exit(t.Context(), who) != nil {
		t.Error("what is kept of a session is there twice")
	}
	return x
}

func withLogout(c *core.ProviderConfig) { c.OIDC.Logout = true }

// TestLogout: whoever signs out is sent to the provider with a hint and a state, and
// known when he comes back, once.
func TestLogout(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		op, _ := openID(t, w, withLogout)
		op.EndSession = op.URL + "/logout?realm=corp"
		x := leaving(t, w, op)
		if x == nil {
			t.Fatal("nothing was kept")
		}
		j, name, err := w.Fed.LeaveOIDC(ctx, x)
		if err != nil || name != "Corp" || j == nil {
			t.Fatalf("%+v %s %v", j, name, err)
		}
		u, err := url.Parse(j.URL)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		if u.Path != "/logout" || q.Get("realm") != "corp" || q.Get("client_id") != op.ClientID || strings.Count(q.Get("id_token_hint"), ".") != 2 ||
			q.Get("post_logout_redirect_uri") != federationtest.BaseURL+"/signed-out" || q.Get("state") == "" || strings.Contains(j.URL, j.Secret.Reveal()) {
			t.Errorf("%s", j.URL)
		}
		back := visit(t, op, j)
		for _, c := range []struct{ cookie, state string }{
			{"", back.Get("state")}, {j.Secret.Reveal(), ""}, {j.Secret.Reveal(), "forged"}, {"forged", back.Get("state")}, {strings.Repeat("x", 65), "x"},
		} {
			if name, err := w.Fed.Left(ctx, c.cookie, c.state); name != "" || err != nil {
				t.Errorf("%+v: %q %v", c, name, err)
			}
		}
		if name, err := w.Fed.Left(ctx, j.Secret.Reveal(), back.Get("state")); name != "Corp" || err != nil {
			t.Errorf("%q %v", name, err)
		}
		if name, err := w.Fed.Left(ctx, j.Secret.Reveal(), back.Get("state")); name != "" || err != nil {
			t.Errorf("again: %q %v", name, err)
		}
		// Too late.
		if j, _, err = w.Fed.LeaveOIDC(ctx, x); err != nil {
			t.Fatal(err)
		}
		state := visit(t, op, j).Get("state")
		w.Clock.Advance(11 * time.Minute)
		if name, err := w.Fed.Left(ctx, j.Secret.Reveal(), state); name != "" || err != nil {
			t.Errorf("late: %q %v", name, err)
		}
	})
}

// TestLogoutWithout: no switch, no endpoint, a bad one, a provider that is gone: the
// person is signed out here and nowhere else, and nothing fails.
func TestLogoutWithout(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		op, p := openID(t, w, nil)
		op.EndSession = op.URL + "/logout"
		if x := leaving(t, w, op); x != nil {
			t.Error("kept without the switch")
		}
		cfg := p.Config
		cfg.OIDC.Logout = true
		change := func() {
			t.Helper()
			now, err := w.Fed.Provider(ctx, w.Admin, p.ID)
			if err == nil {
				_, err = w.Fed.Update(ctx, w.Admin, p.ID, now.Version, federation.Data{Name: "Corp", Config: cfg})
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, end := range []string{"", "http://op.example/logout", "javascript:alert(1)", "https://op.example/#x", ":"} {
			op.EndSession = end
			change() // what the provider says of itself is read anew
			x := leaving(t, w, op)
			if x == nil {
				t.Fatal("nothing was kept")
			}
			if j, name, err := w.Fed.LeaveOIDC(ctx, x); j != nil || err != nil || name != "Corp" {
				t.Errorf("%q: %+v %v", end, j, err)
			}
		}
		op.EndSession = op.URL + "/logout"
		x := leaving(t, w, op)
		change()
		op.Misbehave = func(rw http.ResponseWriter, _ *http.Request) bool {
			http.Error(rw, "down", http.StatusServiceUnavailable)
			return true
		}
		j, name, err := w.Fed.LeaveOIDC(ctx, x)
		wantKind(t, err, core.KindUnavailable, "a provider that is down")
		if j != nil || name != "Corp" {
			t.Errorf("%+v %s", j, name)
		}
		op.Misbehave = nil
		if err := w.Fed.Delete(ctx, w.Admin, p.ID); err != nil {
			t.Fatal(err)
		}
		if j, _, err := w.Fed.LeaveOIDC(ctx, x); j != nil || err != nil {
			t.Errorf("a provider that is gone: %+v %v", j, err)
		}
	})
}

// TestLogoutLongToken: a token that makes no URL is left out, and the login named instead.
func TestLogoutLongToken(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		op, _ := openID(t, w, withLogout)
		op.EndSession = op.URL + "/logout"
		op.Claims["long"] = strings.Repeat("x", 7000)
		j, _, err := w.Fed.LeaveOIDC(t.Context(), leaving(t, w, op))
		if err != nil {
			t.Fatal(err)
		}
		if u, err := url.Parse(j.URL); err != nil || u.Query().Get("id_token_hint") != "" || u.Query().Get("logout_hint") != "Ann" {
			t.Errorf("%v %s", err, j.URL)
		}
	})
}

// TestLogoutSecondStep: what was kept follows a sign-in through its second step, and the
// database holds no ID token that can be read.
func TestLogoutSecondStep(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		op, p := openID(t, w, func(c *core.ProviderConfig) {
			withLogout(c)
			c.Rules = []core.ProviderRule{{External: "*", Role: core.RoleOperator}}
		})
		op.EndSession = op.URL + "/logout"
		in, err := through(t, w, op)
		if err != nil {
			t.Fatal(err)
		}
		code := w.setUp(t, in)
		cfg := p.Config
		cfg.SecondFactor = true
		if _, err := w.Fed.Update(ctx, w.Admin, p.ID, p.Version, federation.Data{Name: "Corp", Config: cfg}); err != nil {
			t.Fatal(err)
		}
		if in, err = through(t, w, op); err != nil || in.Pending == "" {
			t.Fatalf("%+v, %v", in, err)
		}
		pending := in.Pending.Reveal()
		w.Clock.Advance(time.Minute)
		if in, err = w.SecondStep(ctx, pending, identity.SignIn{Code: code()}); err != nil {
			t.Fatal(err)
		}
		w.Fed.MoveExit(ctx, "forged", in)
		w.Fed.MoveExit(ctx, pending, in)
		w.Fed.MoveExit(ctx, pending, in)
		rows, err := w.db.SQL().QueryContext(ctx, "SELECT data FROM signin_states")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var data []byte
			if err := rows.Scan(&data); err != nil || strings.Contains(string(data), "eyJ") || strings.Contains(string(data), "Ann") {
				t.Errorf("%s %v", data, err)
			}
		}
		if err := rows.Err(); err != nil {
			t.Error(err)
		}
		who, err := w.SessionPrincipal(ctx, in.Secret.Reveal(), identity.SignIn{}.Address)
		if err != nil {
			t.Fatal(err)
		}
		x := w.Fed.Exit(ctx, who)
		if x == nil {
			t.Fatal("nothing was kept")
		}
		if j, _, err := w.Fed.LeaveOIDC(ctx, x); err != nil || j == nil || !strings.Contains(j.URL, "id_token_hint=ey") {
			t.Errorf("%+v %v", j, err)
		}
	})
}
