package api_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/api"
	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity/identitytest"
)

func TestSignIn(t *testing.T) {
	w := newWorld(t)
	nobody := &caller{w: w}
	a := nobody.do(t, "POST", "/session", resource.SignIn{Login: "admin", Password: identitytest.AdminPassword}).is(t, 200)
	set := a.header.Get("Set-Cookie")
	for _, want := range []string{"cwsession=", "Path=/", "HttpOnly", "Secure", "SameSite=Lax"} {
		if !strings.Contains(set, want) {
			t.Errorf("the cookie %q has no %s", set, want)
		}
	}
	me := decode[resource.Me](t, a)
	if me.Login != "admin" || me.MustChange || me.Account.Name != "Example" || len(me.Permissions) < 30 || me.Session == "" {
		t.Errorf("%+v", me)
	}
	if a.header.Get("Cache-Control") != "no-store" || a.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Error(a.header)
	}
	for _, in := range []resource.SignIn{{Login: "admin", Password: "wrong"}, {Login: "nobody", Password: "wrong"}} {
		nobody.do(t, "POST", "/session", in).is(t, 401).problem(t, core.KindUnauthenticated)
	}
	nobody.do(t, "POST", "/session", `{"login":"admin","password":"wrong","more":1}`).is(t, 400).problem(t, core.KindInvalid)
	// The password must not come back from the server's complaint.
	if a := nobody.do(t, "POST", "/session", `{"login":1,"password":["hunter2"]}`).is(t, 400); strings.Contains(string(a.body), "hunter2") {
		t.Errorf("%s", a.body)
	}
	nobody.do(t, "POST", "/session", resource.SignIn{Login: "admin", Password: "x"}, "X-Requested-With", "").is(t, 403).problem(t, core.KindForbidden)
}

func TestLockOutTellsHowLongToWait(t *testing.T) {
	w := newWorld(t)
	w.person(t, "eve", nil)
	nobody := &caller{w: w}
	for range 20 {
		a := nobody.do(t, "POST", "/session", resource.SignIn{Login: "eve", Password: "wrong"}).is(t, 401)
		if a.header.Get("Retry-After") != "" {
			if p := a.problem(t, core.KindUnauthenticated); p.RetryAfter == 0 {
				t.Errorf("%+v", p)
			}
			return
		}
	}
	t.Error("no lock after 20 wrong passwords")
}

func TestOneTimePasswordAllowsOnlyItsChange(t *testing.T) {
	w := newWorld(t)
	made := decode[resource.IssuedPassword](t, w.admin.do(t, "POST", "/users",
		resource.NewUser{Login: "new", Name: "New", Grants: []core.Grant{{Role: core.RoleAdministrator}}}).is(t, 201))
	c := w.signIn(t, "new", made.Password)
	me := decode[resource.Me](t, c.do(t, "GET", "/session", nil).is(t, 200))
	if !me.MustChange || len(me.Permissions) != 1 || me.Permissions[0].Action != "password.own" || me.Account.Name != "" {
		t.Errorf("%+v", me)
	}
	for _, path := range []string{"/users", "/certificates", "/sessions", "/tokens", "/account", "/about", "/audit", "/products"} {
		c.do(t, "GET", path, nil).is(t, 403).problem(t, core.KindForbidden)
	}
	if lists := decode[resource.Lists](t, c.do(t, "GET", "/lists", nil).is(t, 200)); len(lists.Items) != 0 {
		t.Errorf("lists: %+v", lists)
	}
	c.do(t, "POST", "/tokens", resource.NewToken{Name: "x"}).is(t, 403)
	c.do(t, "POST", "/session/password", resource.PasswordChange{Old: "wrong", New: identitytest.AdminPassword}).is(t, 400)
	c.do(t, "POST", "/session/password", resource.PasswordChange{Old: made.Password, New: "short"}).is(t, 400)
	c.do(t, "POST", "/session/password", resource.PasswordChange{Old: made.Password, New: identitytest.AdminPassword}).is(t, 204)
	c.do(t, "GET", "/users", nil).is(t, 200)
}

func TestForgedRequestsAreRefused(t *testing.T) {
	w := newWorld(t)
	body := resource.GroupFields{Name: "forged"}
	for name, headers := range map[string][]string{
		"nothing":        {"X-Requested-With", ""},
		"foreign origin": {"X-Requested-With", "", "Origin", "https://evil.example"},
		"null origin":    {"X-Requested-With", "", "Origin", "null"},
		"like ours":      {"X-Requested-With", "", "Origin", w.server.URL + ".evil.example"},
		"another value":  {"X-Requested-With", "XMLHttpRequest"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, req := range [][2]string{{"POST", "/groups"}, {"PUT", "/groups/" + string(w.group)}, {"DELETE", "/groups/" + string(w.group)}, {"POST", "/audit/verify"}} {
				w.admin.do(t, req[0], req[1], body, headers...).is(t, 403).problem(t, core.KindForbidden)
			}
		})
	}
	w.admin.do(t, "GET", "/groups", nil, "X-Requested-With", "").is(t, 200)
	w.admin.do(t, "POST", "/groups", resource.GroupFields{Name: "by origin"}, "X-Requested-With", "", "Origin", w.server.URL).is(t, 201)
	// A token is not sent by browsers on their own.
	w.admin.withToken(t).do(t, "POST", "/groups", resource.GroupFields{Name: "by token"}, "X-Requested-With", "").is(t, 201)
}

func TestSessionsAndTokensEnd(t *testing.T) {
	w := newWorld(t)
	c := w.withRole(t, "operator")
	token := c.withToken(t)
	token.do(t, "GET", "/session", nil).is(t, 200)
	token.do(t, "POST", "/tokens", resource.NewToken{Name: "child"}).is(t, 403)
	token.do(t, "POST", "/session/password", resource.PasswordChange{Old: identitytest.AdminPassword, New: "another good one"}).is(t, 403)
	token.do(t, "DELETE", "/session", nil).is(t, 409)

	page := decode[resource.Page[resource.Token]](t, c.do(t, "GET", "/tokens", nil).is(t, 200))
	if len(page.Items) != 1 || !strings.HasPrefix(token.token, page.Items[0].Prefix) || page.Items[0].User != c.id {
		t.Fatalf("%+v", page)
	}
	other := w.withRole(t, "auditor")
	other.do(t, "DELETE", "/tokens/"+string(page.Items[0].ID), nil).is(t, 404)
	if got := decode[resource.Page[resource.Token]](t, other.do(t, "GET", "/tokens", nil)); len(got.Items) != 0 {
		t.Errorf("%+v", got)
	}
	if got := decode[resource.Page[resource.Token]](t, w.admin.do(t, "GET", "/tokens", nil)); len(got.Items) != 1 {
		t.Errorf("%+v", got)
	}
	c.do(t, "DELETE", "/tokens/"+string(page.Items[0].ID), nil).is(t, 204)
	token.do(t, "GET", "/session", nil).is(t, 401)
	c.do(t, "DELETE", "/tokens/"+string(page.Items[0].ID), nil).is(t, 409)

	sessions := decode[resource.Page[resource.Session]](t, c.do(t, "GET", "/sessions", nil).is(t, 200))
	if len(sessions.Items) != 1 || !sessions.Items[0].Current || sessions.Items[0].Address != "192.0.2.7" {
		t.Errorf("%+v", sessions)
	}
	other.do(t, "DELETE", "/sessions/"+string(sessions.Items[0].ID), nil).is(t, 404)
	other.do(t, "POST", "/users/"+string(c.id)+"/sign-out", nil).is(t, 404)
	if n := decode[resource.Count](t, w.admin.do(t, "POST", "/users/"+string(c.id)+"/sign-out", nil).is(t, 200)); n.Count != 1 {
		t.Error(n)
	}
	c.do(t, "GET", "/session", nil).is(t, 401)

	a := w.admin.do(t, "DELETE", "/session", nil).is(t, 204)
	if !strings.Contains(a.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Error(a.header)
	}
	w.admin.do(t, "GET", "/session", nil).is(t, 401)
	again := w.signIn(t, "admin", identitytest.AdminPassword)
	w.Clock.Advance(13 * time.Hour)
	again.do(t, "GET", "/session", nil).is(t, 401)
}

func TestTokenIsCappedByItsRoles(t *testing.T) {
	w := newWorld(t)
	c := w.person(t, "both", nil, core.Grant{Role: core.RoleOperator}, core.Grant{Role: core.RoleAuditor})
	token := c.withToken(t, core.RoleAuditor)
	token.do(t, "GET", "/audit", nil).is(t, 200)
	token.do(t, "POST", "/orders", "{}").is(t, 403)
	c.do(t, "POST", "/tokens", resource.NewToken{Name: "x", Roles: []core.Role{core.RoleAdministrator}}).is(t, 400)
}

func TestAuthorizationHeaderWinsAndMustBeBearer(t *testing.T) {
	w := newWorld(t)
	w.admin.do(t, "GET", "/session", nil, "Authorization", "Basic YWRtaW46eA==").is(t, 401)
	w.admin.do(t, "GET", "/session", nil, "Authorization", "Bearer wrong").is(t, 401)
	token := w.admin.withToken(t)
	(&caller{w: w}).do(t, "GET", "/session", nil, "Authorization", "bearer  "+token.token).is(t, 200)
}

func TestBadRequests(t *testing.T) {
	w := newWorld(t)
	c := w.admin
	c.do(t, "POST", "/groups", `{"name":"x","unknown":1}`).is(t, 400).problem(t, core.KindInvalid)
	c.do(t, "POST", "/groups", `{"name":"x"`).is(t, 400).problem(t, core.KindInvalid)
	c.do(t, "POST", "/groups", `{"name":"x"} {}`).is(t, 400).problem(t, core.KindInvalid)
	c.do(t, "POST", "/groups", `[]`).is(t, 400).problem(t, core.KindInvalid)
	c.do(t, "POST", "/groups", `null`).is(t, 400).problem(t, core.KindInvalid)
	c.do(t, "POST", "/groups", ``).is(t, 400).problem(t, core.KindInvalid)
	c.do(t, "POST", "/groups", `{}`).is(t, 400).problem(t, core.KindInvalid)
	if p := c.do(t, "POST", "/groups", `{"name":5}`).is(t, 400).problem(t, core.KindInvalid); p.Field != "name" || len(p.Reasons) == 0 {
		t.Errorf("%+v", p)
	}
	c.do(t, "POST", "/groups", `<name>x</name>`, "Content-Type", "text/xml").is(t, 415).problem(t, core.KindMediaType)
	c.do(t, "GET", "/groups?unknown=1", nil).is(t, 400).problem(t, core.KindInvalid)
	c.do(t, "GET", "/nothing", nil).is(t, 404).problem(t, core.KindNotFound)
	a := c.do(t, "DELETE", "/orders", nil).is(t, 405)
	if a.header.Get("Allow") != "GET, POST" {
		t.Error(a.header)
	}
	a.problem(t, core.KindUnsupported)
	c.do(t, "GET", "/groups", nil, "Accept", "text/html").is(t, 200)

	big := `{"name":"` + strings.Repeat("x", api.MaxBody) + `"}`
	c.do(t, "POST", "/groups", big).is(t, 413).problem(t, core.KindTooLarge)
	resp, err := w.server.Client().Do(chunked(t, c, big))
	must(t, err)
	defer resp.Body.Close()
	if resp.StatusCode != 413 {
		t.Error(resp.Status)
	}
}

// chunked makes a request whose length is not known before.
func chunked(t *testing.T, c *caller, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequest("POST", c.w.server.URL+api.Prefix+"/groups", io.MultiReader(strings.NewReader(body)))
	must(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Requested-With", "certwright")
	req.AddCookie(&http.Cookie{Name: api.CookieName, Value: c.cookie})
	return req
}

func TestInternalErrorsShowOnlyTheRequest(t *testing.T) {
	w := newWorld(t)
	c := w.admin.withToken(t)
	must(t, w.db.Close())
	p := c.do(t, "GET", "/certificates", nil).is(t, 500).problem(t, core.KindInternal)
	if p.Detail != "" || !strings.Contains(w.logs.String(), "req-1") {
		t.Errorf("%+v, log %s", p, w.logs)
	}
}
