package portal_test

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/identity/identitytest"
)

// ask fetches the options of a ceremony as the script does.
func (b *browser) ask(path string) (options []byte, to, problem string) {
	b.t.Helper()
	_, _, body := b.do("POST", path, url.Values{})
	var got struct {
		Options   json.RawMessage
		Error, To string
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		b.t.Fatalf("%s: %v\n%s", path, err, body)
	}
	return got.Options, got.To, got.Error
}

// TestPasskeyPages adds a passkey on the pages, signs in with it in both ways,
// confirms with it and removes it.
func TestPasskeyPages(t *testing.T) {
	b, clock := signedIn(t)
	a := identitytest.NewAuthenticator(t, identitytest.BaseURL, "ca.example")
	options, _, _ := b.ask("/security/passkeys/options")
	answer := string(a.Create(t, options))
	_, status, page := b.do("POST", "/security/passkeys", url.Values{"name": {"<laptop>"}, "answer": {answer}})
	if status != 200 || !strings.Contains(page, "Recovery codes") || !strings.Contains(page, "<pre>") {
		t.Fatalf("%d\n%s", status, page)
	}
	if _, status, _ := b.do("POST", "/security/passkeys", url.Values{"answer": {answer}}); status != 410 {
		t.Errorf("the same again: %d", status)
	}
	_, _, page = b.do("GET", "/security", nil)
	if !strings.Contains(page, "&lt;laptop&gt;") || !strings.Contains(b.csp, "script-src 'self'") || !strings.Contains(page, "Unused recovery codes: 10") {
		t.Errorf("CSP %s\n%s", b.csp, page)
	}
	id := regexp.MustCompile(`/passkeys/([0-9a-f-]{36})/remove`).FindStringSubmatch(page)[1]
	if _, _, page := b.do("POST", "/security/passkeys/"+id+"/rename", url.Values{"name": {"desk"}}); !strings.Contains(page, "<td>desk") {
		t.Error("not renamed")
	}
	b.do("POST", "/signout", url.Values{})

	get := func(path string, header ...string) url.Values {
		t.Helper()
		options, to, problem := b.ask(path)
		if len(options) == 0 {
			t.Fatalf("%s: %s %s", path, to, problem)
		}
		a.Count++
		return url.Values{"answer": {string(a.Get(t, options))}, "next": {"/security"}}
	}
	if _, to, _ := b.ask("/security/passkeys/options"); to != "/signin" {
		t.Errorf("signed out: %s", to)
	}
	if path, status, _ := b.do("POST", "/signin/passkey", get("/signin/passkey/options")); path != "/security" || status != 200 {
		t.Fatalf("passkey: %s %d", path, status)
	}
	b.do("POST", "/signout", url.Values{})
	bad := get("/signin/passkey/options")
	bad.Set("answer", `{"id":"x"}`)
	if _, status, page := b.do("POST", "/signin/passkey", bad); status != 422 || !strings.Contains(page, `role="alert"`) {
		t.Errorf("rubbish: %d", status)
	}
	if path, _, page := b.signIn("admin", fresh, "/security"); path != "/signin/code" || !strings.Contains(page, "Use a passkey") || !strings.Contains(b.csp, "script-src 'self'") {
		t.Fatalf("%s\n%s", path, page)
	}
	if path, status, _ := b.do("POST", "/signin/code/passkey", get("/signin/code/passkey/options")); path != "/security" || status != 200 {
		t.Fatalf("second step: %s %d", path, status)
	}
	clock.Advance(6 * time.Minute)
	if _, to, _ := b.ask("/security/passkeys/options"); to != "/security/confirm" {
		t.Errorf("to %s", to)
	}
	if path, _, _ := b.do("POST", "/security/passkeys/"+id+"/remove", url.Values{}); path != "/security/confirm" {
		t.Errorf("removed without confirmation: %s", path)
	}
	if _, status, _ := b.do("POST", "/security/confirm", url.Values{"password": {"wrong"}}); status != 422 {
		t.Errorf("wrong password: %d", status)
	}
	if path, status, _ := b.do("POST", "/security/confirm/passkey", get("/security/confirm/passkey/options")); path != "/security" || status != 200 {
		t.Fatalf("confirm: %s %d", path, status)
	}
	if path, _, page := b.do("POST", "/security/passkeys/"+id+"/remove", url.Values{}); path != "/security" || strings.Contains(page, "desk") {
		t.Errorf("remove: %s\n%s", path, page)
	}
	b.do("POST", "/signout", url.Values{})
	if path, _, _ := b.signIn("admin", fresh, "/"); path != "/" {
		t.Errorf("password alone: %s", path)
	}
	if _, status, js := b.do("GET", "/passkey.js", nil); status != 200 || !strings.Contains(js, "navigator.credentials") {
		t.Errorf("script: %d", status)
	}
}
