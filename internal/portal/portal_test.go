package portal_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/certwright/certwright/internal/identity/identitytest"
	"github.com/certwright/certwright/internal/portal"
	"github.com/certwright/certwright/internal/store/storetest"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// browser is a client with cookies that shows where redirects led.
type browser struct {
	t    *testing.T
	base string
	c    *http.Client
	csp  string // of the last page
}

// site serves the portal over TLS on an installation whose administrator still
// has his one-time password.
func site(t *testing.T) (b *browser, clock *identitytest.Clock, password string) {
	clock = identitytest.NewClock()
	svc := identitytest.Service(t, storetest.SQLiteAt(t, clock.Now), clock, &identitytest.Log{})
	first, err := svc.Bootstrap(t.Context(), "Example")
	if err != nil {
		t.Fatal(err)
	}
	var s *httptest.Server
	base := func() string { return s.URL }
	p, err := portal.New(portal.Deps{Identity: svc, BaseURL: base, APIPath: "/api", RootURL: func() string { return "http://pki.example/root.crt" },
		Cookie: "cwsession", Site: fstest.MapFS{
			"index.html":         {Data: []byte(`<meta name="csp-nonce" content="CSP_NONCE"><div id="root"></div>`)},
			"assets/main-abc.js": {Data: []byte(strings.Repeat("script ", 1000))},
		}, Now: clock.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	h, err := httpx.New(httpx.Deps{Log: slog.New(slog.DiscardHandler), Now: clock.Now}).Mux(p.Routes())
	if err != nil {
		t.Fatal(err)
	}
	s = httptest.NewTLSServer(h)
	t.Cleanup(s.Close)
	b = &browser{t: t, base: s.URL, c: s.Client()}
	b.c.Jar, _ = cookiejar.New(nil)
	return b, clock, first.Password.Reveal()
}

// do sends a request and returns final path, status and page.
func (b *browser) do(method, path string, form url.Values, header ...string) (string, int, string) {
	b.t.Helper()
	req, err := http.NewRequest(method, b.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	r, err := b.c.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer r.Body.Close()
	page, err := io.ReadAll(r.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") {
		csp := r.Header.Get("Content-Security-Policy")
		b.csp = csp
		if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			b.t.Errorf("%s: CSP %q", path, csp)
		}
		if r.Header.Get("Cache-Control") != "no-store" {
			b.t.Errorf("%s may be cached", path)
		}
	}
	return r.Request.URL.Path, r.StatusCode, string(page)
}

func (b *browser) signIn(login, password, next string) (string, int, string) {
	b.t.Helper()
	return b.do("POST", "/signin", url.Values{"login": {login}, "password": {password}, "next": {next}})
}

const fresh = "unrelated words here"

func TestFirstSignIn(t *testing.T) {
	b, _, password := site(t)
	if path, status, _ := b.do("GET", "/", nil); path != "/signin" || status != 200 {
		t.Errorf("without a session: %s %d", path, status)
	}
	if _, status, page := b.signIn("admin", "wrong", ""); status != 401 || !strings.Contains(page, "wrong user name or password") {
		t.Errorf("wrong password: %d", status)
	}
	if path, status, _ := b.signIn("admin", password, "/"); path != "/password" || status != 200 {
		t.Fatalf("one-time password: %s %d", path, status)
	}
	if path, _, _ := b.do("GET", "/", nil); path != "/password" {
		t.Errorf("the one-time password opened %s", path)
	}
	if _, status, _ := b.do("POST", "/tokens", url.Values{"name": {"x"}, "days": {"1"}}); status != 403 {
		t.Errorf("a token with the one-time password: %d", status)
	}
	for name, c := range map[string]url.Values{
		"differ": {"old": {password}, "fresh": {fresh}, "again": {fresh + "x"}}, "short": {"old": {password}, "fresh": {"short"}, "again": {"short"}},
		"old wrong": {"old": {"no"}, "fresh": {fresh}, "again": {fresh}},
	} {
		if _, status, page := b.do("POST", "/password", c); status != 422 || !strings.Contains(page, `role="alert"`) {
			t.Errorf("%s: %d", name, status)
		}
	}
	if path, status, _ := b.do("POST", "/password", url.Values{"old": {password}, "fresh": {fresh}, "again": {fresh}}); path != "/" || status != 200 {
		t.Errorf("change: %s %d", path, status)
	}
	if path, _, _ := b.do("POST", "/signout", url.Values{}); path != "/signin" {
		t.Errorf("sign out led to %s", path)
	}
	if path, _, _ := b.do("GET", "/", nil); path != "/signin" {
		t.Errorf("after sign-out: %s", path)
	}
}

func signedIn(t *testing.T) (*browser, *identitytest.Clock) {
	b, clock, password := site(t)
	b.signIn("admin", password, "/")
	b.do("POST", "/password", url.Values{"old": {password}, "fresh": {fresh}, "again": {fresh}})
	return b, clock
}

func TestTokens(t *testing.T) {
	b, _ := signedIn(t)
	_, status, page := b.do("POST", "/tokens", url.Values{"name": {"<laptop>"}, "days": {"30"}})
	token := regexp.MustCompile(`cwt_[A-Za-z0-9_-]+`).FindString(page)
	if status != 200 || len(token) < 40 || !strings.Contains(page, "&lt;laptop&gt;") {
		t.Fatalf("%d %q", status, token)
	}
	_, _, page = b.do("GET", "/tokens", nil)
	if strings.Contains(page, token) {
		t.Error("the token is shown again")
	}
	id := regexp.MustCompile(`/tokens/([0-9a-f-]{36})/revoke`).FindStringSubmatch(page)
	if id == nil {
		t.Fatal("no way to revoke")
	}
	if _, _, page := b.do("POST", "/tokens/"+id[1]+"/revoke", url.Values{}); !strings.Contains(page, "revoked") {
		t.Error("not revoked")
	}
	for _, days := range []string{"", "7", "99999", "-1"} {
		if _, status, _ := b.do("POST", "/tokens", url.Values{"name": {"x"}, "days": {days}}); status != 422 {
			t.Errorf("%q days: %d", days, status)
		}
	}
}

func TestForeignPages(t *testing.T) {
	b, clock := signedIn(t)
	for _, h := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}} {
		if _, status, _ := b.do("POST", "/tokens", url.Values{"name": {"x"}, "days": {"30"}}, h...); status != 403 {
			t.Errorf("%v: %d", h, status)
		}
	}
	b.do("POST", "/signout", url.Values{})
	for _, next := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, "/\t/evil.example", "javascript:alert(1)"} {
		if path, status, _ := b.signIn("admin", fresh, next); path != "/" || status != 200 {
			t.Errorf("next=%s led to %s %d", next, path, status)
		}
	}
	clock.Advance(13 * 60 * 60 * 1e9)
	if path, _, _ := b.do("GET", "/", nil); path != "/signin" {
		t.Errorf("after 13 hours: %s", path)
	}
}

func TestApp(t *testing.T) {
	b, _ := signedIn(t)
	nonces := map[string]bool{}
	for _, path := range []string{"/", "/certificates", "/certificates/0190", "/integrations/apis?filter=state:eq:active", "/me/sessions"} {
		_, status, page := b.do("GET", path, nil)
		m := regexp.MustCompile(`content="([A-Za-z0-9_-]{22})"`).FindStringSubmatch(page)
		if status != 200 || m == nil || !strings.Contains(b.csp, "style-src 'self' 'nonce-"+m[1]+"'") || nonces[m[1]] {
			t.Errorf("%s: %d %q %s", path, status, page, b.csp)
			continue
		}
		nonces[m[1]] = true
	}
	for _, path := range []string{"/nothing", "/assets/", "/assets/other.js", "/certificatesx", "/index.html"} {
		if _, status, _ := b.do("GET", path, nil); status != 404 {
			t.Errorf("%s: %d", path, status)
		}
	}
	b.do("POST", "/signout", url.Values{})
	if path, _, page := b.do("GET", "/certificates?filter=state:eq:active&sort=-number", nil); path != "/signin" ||
		!strings.Contains(page, "/certificates?filter=state:eq:active&amp;sort=-number") {
		t.Errorf("a deep link without a session: %s %s", path, page)
	}
}

func TestAssets(t *testing.T) {
	b, _, _ := site(t)
	for _, c := range []struct {
		accept string
		packed bool
	}{{"gzip, br", true}, {"br;q=1.0, gzip;q=0.8", true}, {"identity", false}, {"gzip;q=0", false}, {"", false}} {
		req, _ := http.NewRequest("GET", b.base+"/assets/main-abc.js", nil)
		req.Header.Set("Accept-Encoding", c.accept)
		r, err := b.c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		r.Body.Close()
		h := r.Header
		if err != nil || r.StatusCode != 200 || (h.Get("Content-Encoding") == "gzip") != c.packed || (len(body) < 1000) != c.packed ||
			h.Get("Content-Type") != "text/javascript; charset=utf-8" || !strings.Contains(h.Get("Cache-Control"), "immutable") || h.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: %d, %d octets, %v", c.accept, r.StatusCode, len(body), h)
		}
	}
}

// TestNotFound: a browser that nobody signed in gets a page with a way home, and a program
// the plain answer.
func TestNotFound(t *testing.T) {
	b, _, _ := site(t)
	_, status, page := b.do("GET", "/no/such/page", nil, "Accept", "text/html,*/*;q=0.8")
	if status != 404 || !strings.Contains(page, "<h1>Not found</h1>") || !strings.Contains(page, `<a href="/">`) {
		t.Errorf("%d %s", status, page)
	}
	if _, status, page = b.do("GET", "/no/such/page", nil); status != 404 || strings.Contains(page, "<") {
		t.Errorf("%d %s", status, page)
	}
}
