package portal_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

var preText = regexp.MustCompile(`<pre>([A-Z2-7]{32})</pre>`)

// TestSecondStep sets up an app on the pages, signs in with it and with a
// recovery code, and removes it.
func TestSecondStep(t *testing.T) {
	b, clock, password := site(t)
	if path, _, _ := b.do("GET", "/security", nil); path != "/signin" {
		t.Errorf("without a session: %s", path)
	}
	b.signIn("admin", password, "/")
	if path, _, _ := b.do("GET", "/security", nil); path != "/password" {
		t.Errorf("with a one-time password: %s", path)
	}
	b.do("POST", "/password", url.Values{"old": {password}, "fresh": {fresh}, "again": {fresh}})
	if path, _, _ := b.do("GET", "/security/totp", nil); path != "/security" {
		t.Errorf("nothing begun: %s", path)
	}
	path, _, page := b.do("POST", "/security/totp/begin", url.Values{})
	secret := preText.FindStringSubmatch(page)
	if path != "/security/totp" || secret == nil || !strings.Contains(page, `src="data:image/png;base64,iVBOR`) {
		t.Fatalf("%s\n%s", path, page)
	}
	if _, status, page := b.do("POST", "/security/totp", url.Values{"code": {"123"}}); status != 422 || !strings.Contains(page, secret[1]) {
		t.Errorf("wrong code: %d", status)
	}
	code := func() url.Values {
		c, err := totp.GenerateCode(secret[1], clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		return url.Values{"code": {c}}
	}
	_, status, page := b.do("POST", "/security/totp", code())
	recovery := regexp.MustCompile(`\b[a-hj-km-np-z2-9]{5}-[a-hj-km-np-z2-9]{5}\b`).FindAllString(page[strings.Index(page, "<pre>"):], -1)
	if status != 200 || len(recovery) != 10 {
		t.Fatalf("%d, %d recovery codes", status, len(recovery))
	}
	if _, _, page := b.do("GET", "/security", nil); strings.Contains(page, recovery[0]) || strings.Contains(page, secret[1]) || !strings.Contains(page, "Unused recovery codes: 10") {
		t.Errorf("the page afterwards:\n%s", page)
	}

	b.do("POST", "/signout", url.Values{})
	if path, _, _ := b.do("GET", "/signin/code", nil); path != "/signin" {
		t.Errorf("second step first: %s", path)
	}
	if path, _, _ := b.signIn("admin", fresh, "/security"); path != "/signin/code" {
		t.Fatalf("password: %s", path)
	}
	if path, _, _ := b.do("GET", "/", nil); path != "/signin" {
		t.Errorf("half signed in: %s", path)
	}
	if _, status, page := b.do("POST", "/signin/code", url.Values{"code": {"000"}}); status != 401 || !strings.Contains(page, "the code is wrong") {
		t.Errorf("wrong code: %d", status)
	}
	clock.Advance(time.Minute)
	in := code()
	in.Set("next", "/security")
	if path, status, _ := b.do("POST", "/signin/code", in); path != "/security" || status != 200 {
		t.Fatalf("code: %s %d", path, status)
	}
	if path, _, _ := b.do("POST", "/signin/code", in); path != "/signin" {
		t.Errorf("the step's cookie is still there: %s", path)
	}
	b.do("POST", "/signout", url.Values{})
	b.signIn("admin", fresh, "/")
	clock.Advance(6 * time.Minute)
	if _, status, page := b.do("POST", "/signin/code", code()); status != 410 || !strings.Contains(page, "begin anew") {
		t.Errorf("too late: %d", status)
	}
	b.signIn("admin", fresh, "/")
	if path, _, _ := b.do("POST", "/signin/code", url.Values{"code": {recovery[0]}}); path != "/" {
		t.Errorf("recovery code: %s", path)
	}
	if _, status, _ := b.do("POST", "/security/totp/disable", url.Values{"code": {recovery[0]}}); status != 422 {
		t.Errorf("disable with a used code: %d", status)
	}
	if path, status, page := b.do("POST", "/security/totp/disable", url.Values{"code": {recovery[1]}}); path != "/security" || status != 200 || !strings.Contains(page, "Set up an app") {
		t.Errorf("disable: %s %d", path, status)
	}
}

// TestSessionsPage ends one session and all others.
func TestSessionsPage(t *testing.T) {
	b, _, password := site(t)
	b.signIn("admin", password, "/")
	b.do("POST", "/password", url.Values{"old": {password}, "fresh": {fresh}, "again": {fresh}})
	b.signIn("admin", fresh, "/") // the first session stays open elsewhere
	b.signIn("admin", fresh, "/")
	end := regexp.MustCompile(`action="(/security/sessions/[^/"]+/end)"`)
	_, _, page := b.do("GET", "/security", nil)
	others := end.FindAllStringSubmatch(page, -1)
	if len(others) != 2 || strings.Count(page, "this one") != 1 {
		t.Fatalf("%d other sessions\n%s", len(others), page)
	}
	if _, _, page = b.do("POST", others[0][1], url.Values{}); len(end.FindAllString(page, -1)) != 1 {
		t.Errorf("after ending one:\n%s", page)
	}
	if _, status, _ := b.do("POST", others[0][1], url.Values{}); status != 404 {
		t.Errorf("the same again: %d", status)
	}
	if path, _, page := b.do("POST", "/security/sessions/end-others", url.Values{}); path != "/security" || end.MatchString(page) {
		t.Errorf("everywhere else: %s\n%s", path, page)
	}
}
