package rest_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/domain"
	"github.com/certwright/certwright/internal/enroll/enrolltest"
	"github.com/certwright/certwright/internal/protocol/rest"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/store/storetest"
)

const v2Base = "/api/certinext/v2"

// v2Account is the account number of the usual credential.
const v2Account = "9123456789"

// newV2World is the world of version 1 with what version 2 needs besides.
func newV2World(t *testing.T, db *store.DB) *v1World {
	t.Helper()
	var w *v1World
	w = newV1World(t, db, func(d *rest.Deps) { d.Keys = lateKeys{func() rest.Keys { return w.Enroll }} })
	return w
}

// lateKeys asks for the keys once the world stands.
type lateKeys struct{ of func() rest.Keys }

func (k lateKeys) Key(ctx context.Context, p *core.Principal, id core.CertificateID) ([]byte, error) {
	return k.of().Key(ctx, p, id)
}

func v2Each(t *testing.T, f func(t *testing.T, w *v1World)) {
	storetest.Engines(t, func(t *testing.T, db *store.DB) { f(t, newV2World(t, db)) })
}

func v2Once(t *testing.T, f func(t *testing.T, w *v1World)) { f(t, newV2World(t, storetest.SQLite(t))) }

// oauth makes a credential of the OAuth kind.
func (w *v1World) oauth(t testing.TB, number string, codes []string, change ...func(*core.Credential)) *core.Credential {
	t.Helper()
	return w.credential(t, number, codes, append(change, func(c *core.Credential) { c.Auth = core.AuthOAuth })...)
}

// v2Client speaks version 2.
type v2Client struct {
	t     testing.TB
	w     *v1World
	cred  *core.Credential
	token string
}

// v2Answer is what the server said.
type v2Answer struct {
	status int
	header http.Header
	raw    []byte
	body   map[string]any
}

func (w *v1World) v2(t testing.TB, c *core.Credential) *v2Client {
	t.Helper()
	x := &v2Client{t: t, w: w, cred: c}
	x.token = x.form("grant_type=client_credentials&client_id=" + c.PublicID + "&client_secret=" + w.Secret).get("access_token")
	return x
}

// form posts to the token endpoint.
func (x *v2Client) form(body string, change ...func(*http.Request)) *v2Answer {
	x.t.Helper()
	return x.do(http.MethodPost, "/oauth/token", "application/x-www-form-urlencoded", []byte(body), change...)
}

// do sends a request; a path that does not begin with /oauth is below v2Base.
func (x *v2Client) do(method, path, contentType string, body []byte, change ...func(*http.Request)) *v2Answer {
	x.t.Helper()
	if !strings.HasPrefix(path, "/oauth") {
		path = v2Base + path
	}
	req, err := http.NewRequestWithContext(context.Background(), method, x.w.URL+path, bytes.NewReader(body))
	if err != nil {
		x.t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if x.token != "" {
		req.Header.Set("Authorization", "Bearer "+x.token)
	}
	for _, f := range change {
		f(req)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		x.t.Fatal(err)
	}
	defer res.Body.Close()
	a := &v2Answer{status: res.StatusCode, header: res.Header}
	if a.raw, err = io.ReadAll(res.Body); err != nil {
		x.t.Fatal(err)
	}
	if method != http.MethodHead && strings.Contains(res.Header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(a.raw, &a.body); err != nil {
			x.t.Fatalf("%s %s: %v: %s", method, path, err, a.raw)
		}
	}
	return a
}

// send sends JSON.
func (x *v2Client) send(method, path string, body any, change ...func(*http.Request)) *v2Answer {
	x.t.Helper()
	var raw []byte
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			x.t.Fatal(err)
		}
	}
	return x.do(method, path, "application/json", raw, change...)
}

// must sends JSON and demands a status.
func (x *v2Client) must(status int, method, path string, body any, change ...func(*http.Request)) *v2Answer {
	x.t.Helper()
	a := x.send(method, path, body, change...)
	if a.status != status {
		x.t.Fatalf("%s %s: status %d, want %d: %s", method, path, a.status, status, a.raw)
	}
	return a
}

// get reads a text deep in the answer.
func (a *v2Answer) get(path ...string) string {
	var v any = a.body
	for _, p := range path {
		switch x := v.(type) {
		case map[string]any:
			v = x[p]
		case []any:
			i := int(p[0] - '0')
			if i >= len(x) {
				return ""
			}
			v = x[i]
		}
	}
	s, _ := v.(string)
	return s
}

var v2Number = regexp.MustCompile(`^\[EMS-([A-Z0-9-]+)\] .`)

// number is the vendor's number of a problem.
func (a *v2Answer) number() string {
	if m := v2Number.FindStringSubmatch(a.get("detail")); m != nil {
		return m[1]
	}
	return ""
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) {
		if value == "" {
			r.Header.Del(name)
		} else {
			r.Header.Set(name, value)
		}
	}
}

// v2CSR is a certificate request as PEM.
func v2CSR(t testing.TB, names ...string) string {
	der := []byte(nil)
	if len(names) > 0 {
		der = enrolltest.CSR(t, enrolltest.Key(t), names...)
	} else if bare, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, enrolltest.Key(t)); err != nil {
		t.Fatal(err)
	} else {
		der = bare
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

// Bodies of orders.
func ada(domain string) m { return m{"name": "Ada Lovelace", "email": "ada@" + domain} }

func dvBody(more m) m {
	out := m{"productVariant": "dv", "requestor": ada("example.com"), "certificate": m{"domain": "shop.example.com", "autoSecureWww": false}}
	for k, v := range more {
		out[k] = v
	}
	return out
}

func privateBody(more m) m {
	out := m{"variant": "intranet-ssl", "hostname": "app.example.internal", "requestor": ada("example.internal")}
	for k, v := range more {
		out[k] = v
	}
	return out
}

func signerBody() m {
	return m{"subjectType": "natural-person", "requestor": ada("example.com"),
		"subject": m{"firstName": "Ada", "lastName": "Lovelace", "email": "ada@example.com", "identityDocumentType": "passport", "identificationNumber": "X1", "countryCode": "GB"}}
}

func signedAgreement() m {
	return m{"signerName": "Ada Lovelace", "signerPlace": "London", "accepted": true}
}

// noRecord is a look that found nothing.
func noRecord() *core.Failure { return &core.Failure{Code: "dns", Detail: "there is no TXT record"} }

// proven makes a domain of the group proven.
func (w *v1World) proven(t testing.TB, name string) core.DomainID {
	t.Helper()
	p := w.admin(w.User)
	d, err := w.Domains.Register(t.Context(), p, domain.New{Name: name, Owner: domain.Owner{Group: w.Group}})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := w.Domains.Verify(t.Context(), p, d.ID, "", ""); err != nil || !out.Attempt.Passed {
		t.Fatalf("%v %v", out, err)
	}
	return d.ID
}

// upload sends one document.
func (x *v2Client) upload(path, file string, content []byte) *v2Answer {
	x.t.Helper()
	var b bytes.Buffer
	fmt.Fprintf(&b, "--xYx\r\nContent-Disposition: form-data; name=\"file\"; filename=%q\r\nContent-Type: application/pdf\r\n\r\n", file)
	b.Write(content)
	b.WriteString("\r\n--xYx--\r\n")
	return x.do(http.MethodPost, path, "multipart/form-data; boundary=xYx", b.Bytes())
}

var v2PDF = []byte("%PDF-1.7\nsomething\n%%EOF\n")

// numberText is the end of a public number as shown.
func numberText(n int64) string { return fmt.Sprintf("%09d", n) }
