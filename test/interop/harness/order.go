package harness

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/certwright/certwright/internal/api/client"
	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// REST makes a credential of the order API.
func (a *Admin) REST(t testing.TB, n resource.NewCredential) *Credential {
	t.Helper()
	n.Type = core.CredentialREST
	return a.Credential(t, n)
}

// Person makes somebody with roles in the whole account, who signs in, sets a
// password and makes a token, and returns the token.
func (a *Admin) Person(t testing.TB, login string, roles ...core.Role) string {
	t.Helper()
	var grants []core.Grant
	for _, r := range roles {
		grants = append(grants, core.Grant{Role: r})
	}
	made, err := a.CreateUser(t.Context(), resource.NewUser{Login: login, Groups: []core.GroupID{a.Group}, Grants: grants})
	if err != nil {
		t.Fatal(err)
	}
	session, err := client.New(client.Config{BaseURL: a.Server.Main, Roots: a.Server.Roots})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := session.SignIn(t.Context(), login, made.Password); err != nil {
		t.Fatal(err)
	}
	password := rand.Text()
	if err := session.ChangePassword(t.Context(), made.Password, password); err != nil {
		t.Fatal(err)
	}
	token, err := session.CreateToken(t.Context(), resource.NewToken{Name: "interop"})
	if err != nil {
		t.Fatal(err)
	}
	a.Server.Secret(made.Password, password, token.Secret)
	return token.Secret
}

// Change changes the profile of a product.
func (a *Admin) Change(t testing.TB, code string, change func(*core.Profile)) {
	t.Helper()
	p, err := a.Product(t.Context(), code)
	if err != nil {
		t.Fatal(err)
	}
	change(&p.Profile)
	if _, err := a.UpdateProduct(t.Context(), code, resource.ProductUpdate{Version: p.Version, Name: p.Name, Description: p.Description, Issuer: p.Issuer, State: p.State, Profile: p.Profile}); err != nil {
		t.Fatal(err)
	}
}

// CSR makes a request with a new P-256 key, as PEM and as bare base64.
func CSR(t testing.TB, commonName string) (text, bare string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: commonName}}, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})), base64.StdEncoding.EncodeToString(der)
}

// Send sends a JSON request with a bearer token; the answer is read. An error
// is one of the network.
func Send(h *http.Client, method, url, token string, header http.Header, body any) (int, []byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	if body == nil {
		text = nil
	}
	r, err := http.NewRequest(method, url, bytes.NewReader(text))
	if err != nil {
		return 0, nil, err
	}
	if header != nil {
		r.Header = header.Clone()
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := h.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	return res.StatusCode, answer, err
}

// Call is a request to the management API that must succeed; out is the answer.
func (a *Admin) Call(t testing.TB, token, method, path string, body, out any) {
	t.Helper()
	status, answer, err := Send(a.Server.Client(), method, a.Server.Main+"/api/certwright/v1"+path, token, nil, body)
	if err != nil || status >= 300 {
		t.Fatalf("%s %s: %d %v %s", method, path, status, err, answer)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(answer, out); err != nil {
		t.Fatal(fmt.Errorf("%s %s: %w: %s", method, path, err, answer))
	}
}
