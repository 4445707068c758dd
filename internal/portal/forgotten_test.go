package portal_test

import (
	"context"
	"io"
	"log/slog"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/identity/identitytest"
	"github.com/certwright/certwright/internal/portal"
	"github.com/certwright/certwright/internal/store/storetest"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// serve is site for a world that stands.
func serve(t *testing.T, w *identitytest.World, clock *identitytest.Clock, log io.Writer) *browser {
	t.Helper()
	p, err := portal.New(portal.Deps{Identity: w, BaseURL: func() string { return identitytest.BaseURL }, RootURL: func() string { return "" }, Cookie: "c", Now: clock.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	h, err := httpx.New(httpx.Deps{Log: slog.New(slog.NewTextHandler(log, nil)), Now: clock.Now}).Mux(p.Routes())
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewTLSServer(h)
	t.Cleanup(s.Close)
	b := &browser{t: t, base: s.URL, c: s.Client()}
	b.c.Jar, _ = cookiejar.New(nil)
	return b
}

// TestForgottenPages: without a mail server the page says whom to ask; with one
// it answers the same to everybody, and the link sets a password.
func TestForgottenPages(t *testing.T) {
	b, _, _ := site(t)
	if _, status, page := b.do("GET", "/forgotten", nil); status != 200 || !strings.Contains(page, "admin reset-password") || strings.Contains(page, "<form method") {
		t.Errorf("%d\n%s", status, page)
	}
	if _, status, _ := b.do("POST", "/forgotten", url.Values{"login": {"admin"}}); status != 422 {
		t.Errorf("without a mail server: %d", status)
	}

	clock := identitytest.NewClock()
	w := identitytest.New(t, storetest.SQLiteAt(t, clock.Now), clock)
	address := "admin@example.org"
	if _, err := w.UpdateUser(t.Context(), w.Admin, w.Admin.User, identity.UserChange{Email: &address}); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	b = serve(t, w, clock, &log)
	if _, _, page := b.do("GET", "/signin", nil); !strings.Contains(page, `href="/forgotten"`) {
		t.Error("no link on the sign-in page")
	}
	_, _, known := b.do("POST", "/forgotten", url.Values{"login": {"admin"}})
	_, status, stranger := b.do("POST", "/forgotten", url.Values{"login": {"stranger"}})
	if status != 200 || known != stranger || !strings.Contains(known, "on its way") {
		t.Errorf("%d\n%s\n%s", status, known, stranger)
	}
	link := ""
	for _, id := range w.Resets {
		err := w.SendReset(t.Context(), id, func(_ context.Context, _, _, text string) error {
			link = regexp.MustCompile(`/password/reset/\S+`).FindString(text)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if path, status, page := b.do("GET", link, nil); status != 200 || !strings.Contains(page, "<strong>admin</strong>") {
		t.Fatalf("%s %d", path, status)
	}
	for _, form := range []url.Values{{"fresh": {fresh}, "again": {"other"}}, {"fresh": {"short"}, "again": {"short"}}} {
		if _, status, page := b.do("POST", link, form); status != 422 || !strings.Contains(page, "<strong>admin</strong>") {
			t.Errorf("%v: %d", form, status)
		}
	}
	if _, status, page := b.do("POST", link, url.Values{"fresh": {fresh}, "again": {fresh}}); status != 200 || !strings.Contains(page, "Your new password is set") {
		t.Errorf("%d\n%s", status, page)
	}
	for _, method := range []string{"GET", "POST"} {
		if _, status, page := b.do(method, link, url.Values{"fresh": {fresh}, "again": {fresh}}); status != 404 || !strings.Contains(page, "Ask for another link") {
			t.Errorf("%s again: %d", method, status)
		}
	}
	if path, _, _ := b.signIn("admin", fresh, "/tokens"); path != "/tokens" {
		t.Errorf("sign-in led to %s", path)
	}
	if strings.Contains(log.String(), strings.TrimPrefix(link, "/password/reset/")) {
		t.Error("the secret is in the access log")
	}
}

// TestLimitedSession: who needs a second factor sees only the page where it is
// set up.
func TestLimitedSession(t *testing.T) {
	clock := identitytest.NewClock()
	w := identitytest.New(t, storetest.SQLiteAt(t, clock.Now), clock)
	w.Person(t, "ann", nil, core.Grant{Role: core.RoleOperator})
	if _, err := w.SetSignInPolicy(t.Context(), w.Admin, []core.Role{core.RoleOperator}, 0); err != nil {
		t.Fatal(err)
	}
	b := serve(t, w, clock, io.Discard)
	b.signIn("ann", identitytest.AdminPassword, "/tokens")
	if path, _, page := b.do("GET", "/", nil); path != "/security" || !strings.Contains(page, "Your roles need a second factor") {
		t.Errorf("%s\n%s", path, page)
	}
	for _, to := range []string{"/tokens", "/certificates", "/setup"} {
		if path, _, _ := b.do("GET", to, nil); path != "/security" {
			t.Errorf("%s led to %s", to, path)
		}
	}
	if _, status, _ := b.do("POST", "/tokens", url.Values{"name": {"x"}, "days": {"1"}}); status != 403 {
		t.Errorf("a token: %d", status)
	}
	options, _, problem := b.ask("/security/passkeys/options")
	if problem != "" {
		t.Fatal(problem)
	}
	a := identitytest.NewAuthenticator(t, identitytest.BaseURL, "ca.example")
	if _, status, _ := b.do("POST", "/security/passkeys", url.Values{"answer": {string(a.Create(t, options))}}); status != 200 {
		t.Errorf("passkey: %d", status)
	}
	if path, _, _ := b.do("GET", "/tokens", nil); path != "/tokens" {
		t.Errorf("afterwards: %s", path)
	}
}
