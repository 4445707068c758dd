package ctl

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// portal is a server behind a root that nobody knows. It signs ann in with a
// one-time password.
func portal(t *testing.T) (*fake, *pki) {
	t.Helper()
	// TLS reads the real clock.
	f, p := newFake(t, false), newPKIUntil(t, noon.AddDate(100, 0, 0))
	leaf := signHost(t, p)
	f.Server = httptest.NewUnstartedServer(f.Config.Handler)
	f.Server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leaf, p.middle.Raw}, PrivateKey: p.key}}}
	f.Config.ErrorLog = log.New(io.Discard, "", 0)
	f.StartTLS()
	t.Cleanup(f.Close)
	f.mux.HandleFunc("GET /root.crt", func(w http.ResponseWriter, _ *http.Request) {
		other := newPKI(t)
		fmt.Fprint(w, pemOf(other.root), pemOf(p.root))
	})
	f.on("POST /session", func(r *http.Request) (any, error) {
		b, _ := io.ReadAll(r.Body)
		if strings.Contains(string(b), "with code") && !strings.Contains(string(b), `"code":"123456"`) {
			return nil, core.Errorf(core.KindUnauthenticated, "a code of the second factor is needed").At("code")
		}
		if !strings.Contains(string(b), "one-time") {
			return nil, core.Errorf(core.KindUnauthenticated, "login or password is wrong")
		}
		return resource.Me{Login: "ann", MustChange: true}, nil
	})
	f.give("POST /session/password", struct{}{})
	f.give("GET /session", resource.Me{Login: "ann", Account: resource.Account{Name: "Example"}, Permissions: []resource.Permission{
		{Action: "order.view", All: true}, {Action: "order.create", Groups: []core.GroupID{"g"}}, {Action: "audit.view", All: true}}})
	f.give("DELETE /session", struct{}{})
	f.give("POST /tokens", resource.IssuedToken{Token: resource.Token{ID: id[core.TokenID](9)}, Secret: "cwt_fresh"})
	f.give("DELETE /tokens/{id}", struct{}{})
	certificates(f)
	return f, p
}

func signHost(t *testing.T, p *pki) []byte {
	t.Helper()
	c := *p.leaf
	c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	return signTemplate(t, &c, p.middle, p.middleKey, p.key.Public()).Raw
}

func fingerprint(p *pki) string {
	sum := sha256.Sum256(p.root.Raw)
	return hex.EncodeToString(sum[:])
}

func TestLoginOnTerminal(t *testing.T) {
	f, p := portal(t)
	profile := filepath.Join(t.TempDir(), "conf", "ctl.yaml")
	o := call{profile: profile, terminal: true, in: f.URL + "/\nyes\nann\n", hidden: []string{"one-time", "a new one", "a new one"}, args: []string{"login"}}.run(t).ok(t)
	for _, want := range []string{"Subject  CN=Test Root", colons(fingerprint(p)), "Trust this root", "Choose another", "Signed in to 127.0.0.1", "as ann", "good until 06-May-2026"} {
		if !strings.Contains(o.err, want) {
			t.Errorf("%q is missing in\n%s", want, o.err)
		}
	}
	mode(t, profile, 0o600)
	if got := body[resource.PasswordChange](t, f, "POST", "/session/password"); got.Old != "one-time" || got.New != "a new one" {
		t.Errorf("password change %+v", got)
	}
	host, _ := os.Hostname()
	if got := body[resource.NewToken](t, f, "POST", "/tokens"); got.Name != "ctl on "+host || !got.ExpiresAt.Equal(noon.AddDate(0, 0, 90)) {
		t.Errorf("token %+v", got)
	}
	if len(f.got("DELETE", "/session")) != 1 {
		t.Error("the session was not ended")
	}
	text := read(t, profile)
	if !strings.Contains(text, "cwt_fresh") || strings.Contains(text, "one-time") || strings.Contains(text, "a new one") {
		t.Errorf("profile:\n%s", text)
	}

	// From now on nothing has to be said.
	call{profile: profile, args: []string{"cert", "list"}}.run(t).ok(t)
	if a := f.got("GET", "/certificates")[0].Auth; a != "Bearer cwt_fresh" {
		t.Errorf("Authorization %q", a)
	}
	golden(t, "whoami.txt", strings.ReplaceAll(call{profile: profile, args: []string{"whoami"}}.run(t).ok(t).out, normalURL(f.URL), "https://server"))

	// A second login asks neither for the URL nor for trust, and ends the old token.
	o = call{profile: profile, terminal: true, in: "\n\n", hidden: []string{"one-time", "x", "x"}, args: []string{"login", "--expires", "never"}}.run(t).ok(t)
	if strings.Contains(o.err, "Trust") || len(f.got("DELETE", "/tokens/"+string(id[core.TokenID](9)))) != 1 {
		t.Errorf("second login:\n%s", o.err)
	}
	call{profile: profile, args: []string{"logout"}}.run(t).ok(t)
	if _, err := os.Stat(profile); !os.IsNotExist(err) {
		t.Error("the profile is still there")
	}
	call{profile: profile, args: []string{"logout"}}.run(t).fails(t, codeNotFound, "no token")
}

func TestLoginTrust(t *testing.T) {
	f, p := portal(t)
	pw, fresh := file(t, "pw", "one-time\n"), file(t, "new", "fresh\n")
	dir := t.TempDir()
	login := func(in string, terminal bool, args ...string) outcome {
		return call{profile: filepath.Join(dir, "ctl.yaml"), in: in, terminal: terminal,
			args: append([]string{"--url", f.URL, "login", "ann", "--password-file", pw, "--new-password-file", fresh}, args...)}.run(t)
	}
	login("", false).fails(t, codeUsage, "--fingerprint "+fingerprint(p))
	login("n\n", true).fails(t, codeRefused, "the root is not trusted")
	login("", false, "--fingerprint", strings.Repeat("0", 64)).fails(t, codeRefused, "not the one given")
	if len(f.got("POST", "/session")) != 0 {
		t.Error("a password was sent to a server that is not trusted")
	}
	nothing(t, dir)
	login("", false, "--fingerprint", "sha256 Fingerprint="+colons(fingerprint(p))).ok(t)
	login("", false, "--roots", file(t, "root.pem", pemOf(p.root))).ok(t)
	login("", false, "--roots", file(t, "root.pem", pemOf(newPKI(t).root))).fails(t, codeRefused, "not trusted")
	login("", false, "--roots", file(t, "root.pem", "nonsense")).fails(t, codeUsage, "no certificate in PEM")
	f.Close()
	login("", false, "--fingerprint", fingerprint(p)).fails(t, codeFailed, "cannot be reached")
}

func TestLoginRefused(t *testing.T) {
	f, p := portal(t)
	o := call{env: map[string]string{envPassword: "wrong"}, args: []string{"--url", f.URL, "login", "ann", "--fingerprint", fingerprint(p)}}.run(t).fails(t, codeRefused, "login or password is wrong\n")
	if strings.Contains(o.err, "ctl login") {
		t.Errorf("useless advice: %s", o.err)
	}
	call{args: []string{"--url", f.URL, "login", "ann", "--fingerprint", fingerprint(p)}}.run(t).fails(t, codeUsage, "--password-file or CERTWRIGHT_CTL_PASSWORD")
	call{args: []string{"--url", "http://ca.example", "login", "ann"}}.run(t).fails(t, codeUsage, "https://HOST")
	call{args: []string{"login", "ann"}}.run(t).fails(t, codeUsage, "URL of the server is missing")
	call{args: []string{"login", "ann", "--expires", "2001-01-01"}}.run(t).fails(t, codeUsage, "is past")
}

// TestLoginSecondFactor: a code is asked for when the server wants one, and comes
// from a file, the environment or the terminal.
func TestLoginSecondFactor(t *testing.T) {
	f, p := portal(t)
	login := func(c call, more ...string) outcome {
		if c.env == nil {
			c.env = map[string]string{}
		}
		c.profile, c.env[envPassword], c.env[envNewPassword] = filepath.Join(t.TempDir(), "ctl.yaml"), "one-time with code", "fresh"
		c.args = append([]string{"--url", f.URL, "login", "ann", "--fingerprint", fingerprint(p)}, more...)
		return c.run(t)
	}
	login(call{env: map[string]string{envCode: "123456"}}).ok(t)
	login(call{}, "--code-file", file(t, "code", "123456\n")).ok(t)
	if o := login(call{terminal: true, hidden: []string{"123456"}}).ok(t); !strings.Contains(o.err, "Code of the second factor: ") {
		t.Errorf("asked %s", o.err)
	}
	login(call{}).fails(t, codeUsage, "--code-file or CERTWRIGHT_CTL_CODE")
	o := login(call{env: map[string]string{envCode: "000000"}}).fails(t, codeRefused, "a code of the second factor is needed")
	if strings.Contains(o.err, "000000") {
		t.Errorf("the code was shown: %s", o.err)
	}
}

func TestTokenStaysWithItsServer(t *testing.T) {
	f := newFake(t, false)
	certificates(f)
	profile := file(t, "ctl.yaml", "url: https://ca.example\nlogin: ann\ntoken: cwt_secret\ntoken_id: x\n")
	call{profile: profile, args: []string{"--url", f.URL, "cert", "list"}}.run(t).fails(t, codeRefused, "there is no token for http://127.0.0.1")
	if len(f.requests) != 0 {
		t.Errorf("the other server got %v", f.requests)
	}
	call{profile: profile, args: []string{"--url", "http://ca.example", "--token", "x", "cert", "list"}}.run(t).fails(t, codeUsage, "in clear")
	call{args: []string{"cert", "list"}}.run(t).fails(t, codeUsage, "no server is named")

	call{args: []string{"--url", f.URL, "--token-file", file(t, "token", "cwt_file\n"), "cert", "list"}}.run(t).ok(t)
	call{args: []string{"--url", f.URL, "--token-file", "-", "cert", "list"}, in: "cwt_stdin\n"}.run(t).ok(t)
	t.Setenv("CERTWRIGHT_CTL_URL", f.URL)
	t.Setenv("CERTWRIGHT_CTL_TOKEN", "cwt_env")
	call{args: []string{"cert", "list"}}.run(t).ok(t)
	t.Setenv("CERTWRIGHT_CTL_TOKEN_FILE", file(t, "token", "cwt_envfile\n"))
	call{args: []string{"--token", "cwt_flag", "cert", "list"}}.run(t).ok(t)
	call{args: []string{"--token-file", file(t, "token", "cwt_file2\n"), "cert", "list"}}.run(t).ok(t)
	call{args: []string{"--token", "a", "--token-file", "b", "cert", "list"}}.run(t).fails(t, codeUsage, "cannot be used together")
	for i, want := range []string{"cwt_file", "cwt_stdin", "cwt_env", "cwt_flag", "cwt_file2"} {
		if got := f.requests[i].Auth; got != "Bearer "+want {
			t.Errorf("request %d: %q, want %q", i, got, want)
		}
	}
	if err := os.Chmod(profile, 0o644); err != nil {
		t.Fatal(err)
	}
	call{profile: profile, args: []string{"cert", "list"}}.run(t).fails(t, codeRefused, "chmod 600")
	call{profile: file(t, "ctl.yaml", "colour: red\n"), args: []string{"cert", "list"}}.run(t).fails(t, codeUsage, "ctl login writes it anew")
}

func TestSameServer(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"https://ca.example", "https://CA.example:443/", true}, {"https://ca.example:8443", "https://ca.example", false},
		{"https://ca.example", "http://ca.example", false}, {"", "", false}, {"https://ca.example/a", "https://ca.example", false},
	} {
		if got := sameServer(c.a, c.b); got != c.same {
			t.Errorf("%s and %s: %v", c.a, c.b, got)
		}
	}
}

func TestTokenCreate(t *testing.T) {
	f, p := portal(t)
	secret := filepath.Join(t.TempDir(), "token")
	args := append(f.args("--roots", file(t, "root.pem", pemOf(p.root))), "token", "create", "ci", "--role", "auditor", "--expires", "30d")
	env := map[string]string{envPassword: "one-time", envNewPassword: "fresh"}
	o := call{args: args, env: env}.run(t).ok(t)
	if o.out != "cwt_fresh\n" {
		t.Errorf("out %q", o.out)
	}
	if got := body[resource.NewToken](t, f, "POST", "/tokens"); got.Name != "ci" || fmt.Sprint(got.Roles) != "[auditor]" || !got.ExpiresAt.Equal(noon.AddDate(0, 0, 30)) {
		t.Errorf("asked for %+v", got)
	}
	o = call{args: append(args, "--secret-file", secret), env: env}.run(t).ok(t)
	if strings.Contains(o.out+o.err, "cwt_fresh") || read(t, secret) != "cwt_fresh\n" {
		t.Errorf("said %s%s", o.out, o.err)
	}
	call{args: append(args, "--role", "emperor"), env: env}.run(t).fails(t, codeUsage, "is no role")
}
