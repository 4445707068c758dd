package portal_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/identity/federation"
	"github.com/certwright/certwright/internal/identity/identitytest"
	"github.com/certwright/certwright/internal/portal"
	"github.com/certwright/certwright/internal/secret"
	"github.com/certwright/certwright/internal/store/storetest"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// providers is a federation that lets in whoever comes back with its cookie.
type providers struct {
	svc   *identity.Service
	login identity.SignIn
	next  string
	exit  *federation.Exit // of the session that is left
	onto  string           // where the provider signs people out; empty: nowhere
	down  bool
	moved []string // pending sign-ins whose session began
}

func (p *providers) MoveExit(_ context.Context, pending string, _ *identity.SignedIn) {
	p.moved = append(p.moved, pending)
}

func (p *providers) Exit(_ context.Context, by *core.Principal) *federation.Exit { return p.exit }

func (p *providers) LeaveOIDC(context.Context, *federation.Exit) (*federation.Journey, string, error) {
	switch {
	case p.down:
		return nil, "Corp", core.Errorf(core.KindUnavailable, "Corp cannot be reached at present")
	case p.onto == "":
		return nil, "Corp", nil
	}
	return &federation.Journey{URL: p.onto, Secret: "leaving"}, "Corp", nil
}

func (p *providers) Left(_ context.Context, cookie, state string) (string, error) {
	if cookie == "leaving" && state == "right" {
		return "Corp", nil
	}
	return "", nil
}

func (p *providers) Buttons(context.Context) ([]federation.Button, error) {
	return []federation.Button{{Kind: "oidc", Label: "corp", Name: `Corp <&">`}, {Kind: "saml", Label: "fed", Name: "Federation"}}, nil
}

func (p *providers) begin(label, next string) (*federation.Journey, error) {
	if label == "away" {
		return nil, core.Errorf(core.KindUnavailable, "Away cannot be reached")
	}
	if label != "corp" && label != "fed" {
		return nil, core.Errorf(core.KindNotFound, "there is no such sign-in provider")
	}
	p.next = next
	return &federation.Journey{URL: "https://idp.example/?x=1", Secret: secret.Redacted("journey-" + label)}, nil
}

func (p *providers) finish(ctx context.Context, label, cookie string, in identity.SignIn) (*identity.SignedIn, string, error) {
	if cookie != "journey-"+label {
		return nil, "", core.Errorf(core.KindExpired, "this sign-in has ended: begin anew")
	}
	in.Login, in.Password = p.login.Login, p.login.Password
	out, err := p.svc.SignIn(ctx, in)
	return out, p.next, err
}

func (p *providers) BeginOIDC(_ context.Context, label, next string, _ identity.SignIn) (*federation.Journey, error) {
	return p.begin(label, next)
}

func (p *providers) FinishOIDC(ctx context.Context, label, cookie string, q url.Values, in identity.SignIn) (*identity.SignedIn, string, error) {
	if q.Get("code") != "c" {
		return nil, "", core.Errorf(core.KindForbidden, "Corp: the answer holds no code")
	}
	return p.finish(ctx, label, cookie, in)
}

func (p *providers) BeginSAML(_ context.Context, label, next string, _ identity.SignIn) (*federation.Journey, error) {
	return p.begin(label, next)
}

func (p *providers) FinishSAML(ctx context.Context, label, cookie, response, relay string, in identity.SignIn) (*identity.SignedIn, string, error) {
	if response != "r" || relay != "s" {
		return nil, "", core.Errorf(core.KindForbidden, "Federation: the response is not valid")
	}
	return p.finish(ctx, label, cookie, in)
}

func (p *providers) Metadata(_ context.Context, label string) ([]byte, error) {
	if label != "fed" {
		return nil, core.Errorf(core.KindNotFound, "there is no such sign-in provider")
	}
	return []byte("<EntityDescriptor/>"), nil
}

// providerSite serves a portal with providers.
func providerSite(t *testing.T) (*httptest.Server, *providers) {
	t.Helper()
	clock := identitytest.NewClock()
	w := identitytest.New(t, storetest.SQLiteAt(t, clock.Now), clock)
	ps := &providers{svc: w.Service, login: identity.SignIn{Login: "admin", Password: identitytest.AdminPassword}}
	p, err := portal.New(portal.Deps{Identity: w.Service, Providers: ps, BaseURL: func() string { return "" }, RootURL: func() string { return "" }, APIPath: "/api", Cookie: "cwsession",
		Site: fstest.MapFS{"index.html": {Data: []byte(`<div id="root"></div>`)}}, Now: clock.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	h, err := httpx.New(httpx.Deps{Log: slog.New(slog.DiscardHandler), Now: clock.Now}).Mux(p.Routes())
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewTLSServer(h)
	t.Cleanup(s.Close)
	return s, ps
}

// visitor is a browser that follows no redirects by itself.
func visitor(t *testing.T, s *httptest.Server) func(method, path string, form url.Values, header ...string) (*http.Response, string) {
	t.Helper()
	c := *s.Client()
	c.Jar, _ = cookiejar.New(nil)
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return func(method, path string, form url.Values, header ...string) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		if form != nil {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		resp, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(b)
	}
}

func cookieOf(r *http.Response, name string) *http.Cookie {
	for _, c := range r.Cookies() {
		if c.Name == name {
			return c
		}
	}
	return &http.Cookie{}
}

// TestProviderOIDC: the way to an OpenID provider and back.
func TestProviderOIDC(t *testing.T) {
	s, _ := providerSite(t)
	get := visitor(t, s)
	_, text := get("GET", "/signin?next=/orders", nil)
	for _, want := range []string{`href="/signin/oidc/corp?next=%2forders"`, "Corp &lt;&amp;", `href="/signin/saml/fed?next=%2forders"`} {
		if !strings.Contains(text, want) {
			t.Errorf("sign-in page without %s: %s", want, text)
		}
	}
	r, _ := get("GET", "/signin/oidc/corp?next=/orders", nil)
	c := cookieOf(r, "cwsession-oidc")
	if r.StatusCode != 303 || r.Header.Get("Location") != "https://idp.example/?x=1" || c.SameSite != http.SameSiteLaxMode || !c.Secure || !c.HttpOnly || r.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("%d to %s, cookie %v", r.StatusCode, r.Header.Get("Location"), c)
	}
	if r, text = get("GET", "/signin/oidc/corp/callback?code=x", nil); r.StatusCode != 403 || !strings.Contains(text, "holds no code") || !strings.Contains(text, "Sign in with") {
		t.Errorf("refused: %d %s", r.StatusCode, text)
	}
	if r, _ = get("GET", "/signin/oidc/corp/callback?code=c", nil); r.StatusCode != 410 {
		t.Errorf("the cookie counts twice: %d", r.StatusCode)
	}
	get("GET", "/signin/oidc/corp?next=/orders", nil)
	r, _ = get("GET", "/signin/oidc/corp/callback?code=c", nil)
	if r.StatusCode != 303 || r.Header.Get("Location") != "/orders" || cookieOf(r, "cwsession").Value == "" || cookieOf(r, "cwsession-oidc").MaxAge >= 0 {
		t.Errorf("%d to %s, %v", r.StatusCode, r.Header.Get("Location"), r.Cookies())
	}
	for path, want := range map[string]int{"/signin/oidc/other": 404, "/signin/oidc/away": 503, "/signin/saml/other/metadata": 404, "/signin/saml/fed/metadata": 200} {
		if r, _ := get("GET", path, nil); r.StatusCode != want {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
}

// TestProviderNext: nobody is sent elsewhere afterwards.
func TestProviderNext(t *testing.T) {
	s, ps := providerSite(t)
	get := visitor(t, s)
	get("GET", "/signin/oidc/corp?next=//evil.example", nil)
	if ps.next != "/" {
		t.Errorf("kept %q", ps.next)
	}
	ps.next = "https://evil.example/"
	if r, _ := get("GET", "/signin/oidc/corp/callback?code=c", nil); r.Header.Get("Location") != "/" {
		t.Errorf("sent to %s", r.Header.Get("Location"))
	}
}

// TestProviderSAML: the response comes from another site, with the cookie of
// the sign-in; no other POST does.
func TestProviderSAML(t *testing.T) {
	s, _ := providerSite(t)
	get := visitor(t, s)
	foreign := []string{"Origin", "https://idp.example", "Sec-Fetch-Site", "cross-site"}
	form := url.Values{"SAMLResponse": {"r"}, "RelayState": {"s"}}
	if r, _ := get("POST", "/signin/saml/fed/acs", form, foreign...); r.StatusCode != 410 {
		t.Errorf("without a cookie: %d", r.StatusCode)
	}
	r, _ := get("GET", "/signin/saml/fed?next=/orders", nil)
	if c := cookieOf(r, "cwsession-saml"); c.SameSite != http.SameSiteNoneMode || !c.Secure || !c.HttpOnly || c.Path != "/signin/saml/" {
		t.Errorf("cookie %v", c)
	}
	r, _ = get("POST", "/signin/saml/fed/acs", form, foreign...)
	if r.StatusCode != 303 || r.Header.Get("Location") != "/orders" || cookieOf(r, "cwsession").SameSite != http.SameSiteLaxMode {
		t.Errorf("%d to %s, %v", r.StatusCode, r.Header.Get("Location"), r.Cookies())
	}
	for _, path := range []string{"/signin", "/signout", "/password", "/signin/code"} {
		if r, _ := get("POST", path, form, foreign...); r.StatusCode != 403 {
			t.Errorf("%s from another site: %d", path, r.StatusCode)
		}
	}
	big := url.Values{"SAMLResponse": {strings.Repeat("r", 2<<20)}, "RelayState": {"s"}}
	if r, _ := get("POST", "/signin/saml/fed/acs", big, foreign...); r.StatusCode < 400 || r.StatusCode >= 500 {
		t.Errorf("oversized: %d", r.StatusCode)
	}
}

// TestProviderSignOut: the session ends whatever the provider does, and only whoever
// comes back from there is told that it ended there, too.
func TestProviderSignOut(t *testing.T) {
	s, ps := providerSite(t)
	get := visitor(t, s)
	in := func() string {
		t.Helper()
		get("GET", "/signin/oidc/corp", nil)
		r, _ := get("GET", "/signin/oidc/corp/callback?code=c", nil)
		c := cookieOf(r, "cwsession")
		if r.StatusCode != 303 || c.Value == "" {
			t.Fatalf("not in: %d", r.StatusCode)
		}
		return c.Value
	}
	ended := func(cookie string) {
		t.Helper()
		if _, err := ps.svc.SessionPrincipal(t.Context(), cookie, identity.SignIn{}.Address); !core.Is(err, core.KindUnauthenticated) {
			t.Errorf("the session goes on: %v", err)
		}
	}
	cookie := in() // by a password: nothing is kept
	if r, _ := get("POST", "/signout", url.Values{}); r.StatusCode != 303 || r.Header.Get("Location") != "/signin" {
		t.Errorf("%d %s", r.StatusCode, r.Header.Get("Location"))
	}
	ended(cookie)
	ps.exit = &federation.Exit{}
	cookie = in() // a provider without the endpoint
	if r, _ := get("POST", "/signout", url.Values{}); r.StatusCode != 303 || r.Header.Get("Location") != "/signin" {
		t.Errorf("%d %s", r.StatusCode, r.Header.Get("Location"))
	}
	ended(cookie)
	ps.down = true
	cookie = in()
	if r, text := get("POST", "/signout", url.Values{}); r.StatusCode != 200 || !strings.Contains(text, "Corp cannot be reached") || !strings.Contains(text, "signed out of Certwright") {
		t.Errorf("%d %s", r.StatusCode, text)
	}
	ended(cookie)
	ps.down, ps.onto = false, "https://idp.example/logout?a=1&b=%22%3E"
	cookie = in()
	if r, _ := get("GET", "/signed-out?state=right", nil); r.StatusCode != 303 || r.Header.Get("Location") != "/" {
		t.Errorf("somebody else's link signs out: %d %s", r.StatusCode, r.Header.Get("Location"))
	}
	r, text := get("POST", "/signout", url.Values{})
	c := cookieOf(r, "cwsession-exit")
	if r.StatusCode != 200 || !strings.Contains(text, `content="1; url=https://idp.example/logout?a=1&amp;b=%22%3E"`) || !strings.Contains(text, `href="https://idp.example/logout?a=1&amp;b=%22%3E"`) ||
		c.Value != "leaving" || !c.HttpOnly || !c.Secure || r.Header.Get("Referrer-Policy") != "no-referrer" || strings.Contains(text, "<script") {
		t.Errorf("%d %v %s", r.StatusCode, c, text)
	}
	ended(cookie)
	if r, text = get("GET", "/signed-out?state=forged", nil); r.StatusCode != 200 || strings.Contains(text, "Corp") || cookieOf(r, "cwsession-exit").MaxAge >= 0 {
		t.Errorf("%d %s", r.StatusCode, text)
	}
	in()
	get("POST", "/signout", url.Values{})
	if r, text = get("GET", "/signed-out?state=right", nil); r.StatusCode != 200 || !strings.Contains(text, "out of Certwright and of Corp") || strings.Contains(text, "refresh") {
		t.Errorf("%d %s", r.StatusCode, text)
	}
	if _, text = get("GET", "/signed-out?state=right", nil); strings.Contains(text, "Corp") {
		t.Errorf("again: %s", text)
	}
	// Another site cannot sign anybody out.
	cookie = in()
	if r, _ := get("POST", "/signout", url.Values{}, "Sec-Fetch-Site", "cross-site"); r.StatusCode != 403 {
		t.Errorf("%d", r.StatusCode)
	}
	if _, err := ps.svc.SessionPrincipal(t.Context(), cookie, identity.SignIn{}.Address); err != nil {
		t.Error(err)
	}
}
