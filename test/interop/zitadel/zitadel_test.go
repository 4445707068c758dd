// Package zitadel_test signs people in through the OpenID provider of
// zitadel/oidc, which is certified by the OpenID Foundation.
package zitadel_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/certwright/certwright/internal/api/client"
	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/test/interop/harness"
)

const secret = "the client's secret / with + signs"

// provider starts the OpenID provider; its clients are known later.
func provider(t *testing.T) *httptest.Server {
	t.Helper()
	op := httptest.NewUnstartedServer(nil)
	op.StartTLS()
	t.Cleanup(op.Close)
	return op
}

// browser follows redirects with cookies, as a browser does.
func browser(t *testing.T, s *harness.Server, op *httptest.Server) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	roots := s.Roots.Clone()
	roots.AddCert(op.Certificate())
	tr := s.Client().Transport.(*http.Transport).Clone()
	tr.TLSClientConfig.RootCAs = roots
	return &http.Client{Jar: jar, Transport: tr}
}

// registered is the example's storage whose clients have registered a post-logout
// redirect URI, which the example leaves out.
type registered struct {
	*storage.Storage
	after string
}

func (r registered) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	c, err := r.Storage.GetClientByClientID(ctx, id)
	if err != nil {
		return nil, err
	}
	return leavable{c, r.after}, nil
}

type leavable struct {
	op.Client
	after string
}

func (c leavable) PostLogoutRedirectURIs() []string { return []string{c.after} }

func page(t *testing.T, r *http.Response, err error) (string, string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.Request.URL.String(), string(b)
}

func TestSignIn(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the server")
	}
	op := provider(t)
	root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: op.Certificate().Raw})
	s := harness.Start(t, harness.Options{Args: []string{"--outbound-roots", harness.WriteFile(t, t.TempDir(), "op.pem", root)}})
	s.Secret(secret)
	a := s.Admin(t)
	for _, auth := range []string{"basic", "post"} {
		label := "z-" + auth
		web := storage.WebClient(label, secret, s.Main+"/signin/oidc/"+label+"/callback")
		storage.RegisterClients(web)
	}
	op.Config.Handler = exampleop.SetupServer(op.URL, registered{storage.NewStorage(storage.NewUserStore(op.URL)), s.Main + "/signed-out"}, slog.New(slog.DiscardHandler), false)

	p := enabled(t, a.Client, op, "z-basic", "basic")
	test, err := a.Client.TestProvider(t.Context(), p.ID)
	if err != nil || !test.OK {
		t.Fatalf("%+v, %v", test, err)
	}
	b := browser(t, s, op)
	r, err := b.Get(s.Main + "/signin/oidc/z-basic?next=/me")
	at, text := page(t, r, err)
	if !strings.HasPrefix(at, op.URL+"/login/username") {
		t.Fatalf("at %s: %s", at, text)
	}
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	id := u.Query().Get("authRequestID")
	if id == "" {
		t.Fatalf("no request in %s", at)
	}
	r, err = b.PostForm(op.URL+"/login/username", url.Values{"id": {id}, "username": {"test-user@127.0.0.1"}, "password": {"verysecure"}})
	if at, text = page(t, r, err); at != s.Main+"/me" {
		t.Fatalf("at %s: %s", at, text)
	}
	var me resource.Me
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Main+"/api/certwright/v1/session", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Requested-With", "certwright")
	r, err = b.Do(req)
	_, text = page(t, r, err)
	if err := json.Unmarshal([]byte(text), &me); err != nil || me.Login != "test-user@127.0.0.1" || !slices.ContainsFunc(me.Permissions, func(x resource.Permission) bool { return x.Action == "credential.create" }) {
		t.Errorf("%+v, %v: %s", me, err, text)
	}

	signOut(t, b, s, op, req)

	wrong := enabled(t, a.Client, op, "z-post", "post")
	bad := "another secret"
	if _, err := a.Client.UpdateProvider(t.Context(), wrong.ID, resource.SignInProviderUpdate{Version: wrong.Version, Name: wrong.Name, Config: wrong.Config, Secret: &bad}); err != nil {
		t.Fatal(err)
	}
	b = browser(t, s, op)
	r, err = b.Get(s.Main + "/signin/oidc/z-post")
	at, _ = page(t, r, err)
	if u, err = url.Parse(at); err != nil {
		t.Fatal(err)
	}
	r, err = b.PostForm(op.URL+"/login/username", url.Values{"id": {u.Query().Get("authRequestID")}, "username": {"test-user2"}, "password": {"verysecure"}})
	if at, text = page(t, r, err); r.StatusCode != http.StatusForbidden || !strings.Contains(text, "does not accept the code") {
		t.Errorf("wrong secret: %d at %s: %s", r.StatusCode, at, text)
	}
}

var onward = regexp.MustCompile(`<a class="button" href="([^"]+)"`)

// signOut signs out of the portal and at the provider, and comes back. session asks who
// is signed in.
func signOut(t *testing.T, b *http.Client, s *harness.Server, op *httptest.Server, session *http.Request) {
	t.Helper()
	r, err := b.PostForm(s.Main+"/signout", nil)
	at, text := page(t, r, err)
	to := onward.FindStringSubmatch(text)
	if at != s.Main+"/signout" || to == nil || !strings.HasPrefix(html.UnescapeString(to[1]), op.URL+"/end_session?") {
		t.Fatalf("at %s: %s", at, text)
	}
	r, err = b.Do(session.Clone(t.Context()))
	if _, text = page(t, r, err); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("the session goes on: %d %s", r.StatusCode, text)
	}
	r, err = b.Get(html.UnescapeString(to[1]))
	if at, text = page(t, r, err); !strings.HasPrefix(at, s.Main+"/signed-out?state=") || !strings.Contains(text, "out of Certwright and of z-basic") {
		t.Errorf("at %s: %s", at, text)
	}
}

// enabled makes a provider and switches it on.
func enabled(t *testing.T, c *client.Client, op *httptest.Server, label, auth string) *resource.SignInProvider {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	p, err := c.CreateProvider(ctx, resource.NewSignInProvider{Label: label, Name: label, Kind: core.ProviderOIDC, Secret: secret, Config: core.ProviderConfig{Create: true,
		Rules: []core.ProviderRule{{External: "*", Role: core.RoleOperator}},
		OIDC:  &core.OIDCConfig{Issuer: op.URL, ClientID: label, ClientAuth: auth, UserInfo: true, Logout: true}}})
	if err == nil {
		p, err = c.SetProviderState(ctx, p.ID, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}
