package harness

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/api/client"
	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// Admin is the administrator of a server, with a personal token for the API.
type Admin struct {
	*client.Client
	Server   *Server
	Group    core.GroupID
	Owner    core.UserID // lends his name to credentials and cannot sign in, so that the administrator may approve
	Password string
	Token    string
}

// Admin signs in with the one-time password, sets another and makes a token.
// At the end of the test the server is stopped, and its log must hold none of
// the secrets that the test knows and no answer of 500.
func (s *Server) Admin(t testing.TB) *Admin {
	t.Helper()
	a := &Admin{Server: s, Password: rand.Text()}
	session, err := client.New(client.Config{BaseURL: s.Main, Roots: s.Roots})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := session.SignIn(t.Context(), "admin", s.Password); err != nil {
		t.Fatal(err)
	}
	if err := session.ChangePassword(t.Context(), s.Password, a.Password); err != nil {
		t.Fatal(err)
	}
	token, err := session.CreateToken(t.Context(), resource.NewToken{Name: "interop"})
	if err != nil {
		t.Fatal(err)
	}
	a.Token = token.Secret
	s.Secret(s.Password, a.Password, a.Token)
	if m := regexp.MustCompile(`-u '[^:']+:([^']+)'`).FindStringSubmatch(s.Commands); m != nil {
		s.Secret(m[1])
	}
	a.Client = s.API(t, a.Token)
	me, err := a.Me(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a.Group = me.Groups[0]
	owner, err := a.CreateUser(t.Context(), resource.NewUser{Login: "owner", NoSignIn: true, Groups: me.Groups})
	if err != nil {
		t.Fatal(err)
	}
	a.Owner = owner.User.ID
	t.Cleanup(func() {
		s.Stop(t)
		s.CheckLog(t)
	})
	return a
}

// API returns a client of the management API.
func (s *Server) API(t testing.TB, token string) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{BaseURL: s.Main, Roots: s.Roots, Token: token, Tries: 1})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Secret tells what must never be in the log.
func (s *Server) Secret(list ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range list {
		if x != "" && !slices.Contains(s.secrets, x) {
			s.secrets = append(s.secrets, x)
		}
	}
}

// CheckLog fails the test when the server logged a secret, a panic, or that it
// answered with 500.
func (s *Server) CheckLog(t testing.TB) {
	t.Helper()
	log, err := os.ReadFile(filepath.Join(s.Dir, "server.log"))
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	secrets := slices.Clone(s.secrets)
	s.mu.Unlock()
	if len(secrets) == 0 {
		t.Error("the test knows no secret to look for in the log")
	}
	for line := range strings.Lines(string(log)) {
		for _, x := range secrets {
			if strings.Contains(line, x) {
				t.Errorf("the log holds a secret: %s", strings.ReplaceAll(line, x, "<secret>"))
			}
		}
		var l struct {
			Msg    string `json:"msg"`
			Status int    `json:"status"`
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Errorf("a line of the log is no JSON: %s", line)
		}
		if l.Status == http.StatusInternalServerError || strings.HasPrefix(l.Msg, "panic") {
			t.Errorf("an internal error: %s", line)
		}
	}
}

// Credential is an API credential and its secret.
type Credential struct {
	resource.CredentialDetail
	Secret   string
	Commands string
}

// UserPass is what curl and strongSwan take.
func (c *Credential) UserPass() string { return c.PublicID + ":" + c.Secret }

// Credential makes an EST credential; what n leaves open is filled in: user
// name and password, the owner, the product tls-server.
func (a *Admin) Credential(t testing.TB, n resource.NewCredential) *Credential {
	t.Helper()
	if n.Type == "" {
		n.Type = core.CredentialEST
	}
	if n.User == "" {
		n.User, n.Group = a.Owner, a.Group
	}
	if len(n.Products) == 0 {
		n.Products = []string{"tls-server"}
	}
	c, err := a.CreateCredential(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	a.Server.Secret(c.Secret)
	if c.Secret != "" {
		a.Server.Secret(base64.StdEncoding.EncodeToString([]byte(c.Credential.PublicID + ":" + c.Secret))) // as in a header
	}
	return &Credential{c.Credential, c.Secret, c.Commands}
}

// ProductLike makes a product from a shipped one with another profile.
func (a *Admin) ProductLike(t testing.TB, shipped, code string, change func(*core.Profile)) *resource.Product {
	t.Helper()
	p, err := a.Product(t.Context(), shipped)
	if err != nil {
		t.Fatal(err)
	}
	if p.Profile.Terms != nil {
		p.Profile.Terms.Codes = nil // they are the shipped product's
	}
	change(&p.Profile)
	made, err := a.CreateProduct(t.Context(), resource.NewProduct{Code: code, Name: code, Issuer: p.Issuer, Profile: p.Profile})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// Refusals reads what the audit log says about refused uses of a credential.
func (a *Admin) Refusals(t testing.TB, id core.CredentialID) []resource.Entry {
	t.Helper()
	return a.Entries(t, core.Cond{Column: "credential", Op: core.OpEquals, Values: []string{string(id)}},
		core.Cond{Column: "outcome", Op: core.OpEquals, Values: []string{core.Refused}})
}

// Entries reads rows of the audit log.
func (a *Admin) Entries(t testing.TB, filter ...core.Cond) []resource.Entry {
	t.Helper()
	list, err := client.Collect(a.Audit(t.Context(), client.Query{Filter: filter}), 0)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// CertificatesOf lists what was issued through a credential.
func (a *Admin) CertificatesOf(t testing.TB, id core.CredentialID) []resource.Certificate {
	t.Helper()
	list, err := client.Collect(a.Certificates(t.Context(), client.Query{Filter: core.Filter{{Column: "credential", Op: core.OpEquals, Values: []string{string(id)}}}}), 0)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// OrdersOf lists the orders that were made through a credential.
func (a *Admin) OrdersOf(t testing.TB, id core.CredentialID) []resource.Order {
	t.Helper()
	list, err := client.Collect(a.Orders(t.Context(), client.Query{Filter: core.Filter{{Column: "credential", Op: core.OpEquals, Values: []string{string(id)}}}}), 0)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// FindCertificate finds a certificate of ours in the API, by its serial number.
func (a *Admin) FindCertificate(t testing.TB, c *x509.Certificate) *resource.Certificate {
	t.Helper()
	list, err := client.Collect(a.Certificates(t.Context(), client.Query{Filter: core.Filter{{Column: "serial", Op: core.OpEquals, Values: []string{fmt.Sprintf("%x", c.SerialNumber)}}}}), 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 1 {
		t.Fatalf("the API knows %d certificates with serial %x", len(list), c.SerialNumber)
	}
	return &list[0]
}

// Eventually tries f until it gives no error; after the deadline the last
// error ends the test.
func Eventually(t testing.TB, deadline time.Duration, f func() error) {
	t.Helper()
	for end := time.Now().Add(deadline); ; {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("after %s: %v", deadline, err)
		}
		select {
		case <-t.Context().Done():
			t.Fatal(err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Fetch gets a plain URL; anything but 200 ends the test.
func Fetch(t testing.TB, url string) []byte {
	t.Helper()
	c := &http.Client{Timeout: 20 * time.Second}
	r, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v", url, r.Status, err)
	}
	return b
}

// Verify builds the certificate's chain to the server's root, with the issuer
// that the certificate's own AIA link leads to.
func (s *Server) Verify(t testing.TB, c *x509.Certificate) {
	t.Helper()
	if len(c.IssuingCertificateURL) != 1 {
		t.Fatalf("%d links to the issuer", len(c.IssuingCertificateURL))
	}
	issuer, err := x509.ParseCertificate(Fetch(t, c.IssuingCertificateURL[0]))
	if err != nil {
		t.Fatal(err)
	}
	between := x509.NewCertPool()
	between.AddCert(issuer)
	if _, err := c.Verify(x509.VerifyOptions{Roots: s.Roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
		t.Errorf("the certificate of %s does not chain to the root: %v", c.Subject, err)
	}
}
