package est

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/protocol"
	"github.com/certwright/certwright/internal/protocol/protocoltest"
	"github.com/certwright/certwright/internal/wire/cms"
)

// bench is a world with EST on it.
type bench struct {
	*protocoltest.World
	site *protocoltest.Site
	cred *core.Credential
}

func newService(w *protocoltest.World) *Service {
	return New(Deps{Auth: w.Auth, Enroll: w.Enroll, Audit: w.Audit, Log: w.Log, Now: w.Now})
}

func newBench(t testing.TB, change ...func(*core.Credential)) *bench {
	t.Helper()
	return benchOn(t, protocoltest.New(t, time.Now()), change...)
}

func benchOn(t testing.TB, w *protocoltest.World, change ...func(*core.Credential)) *bench {
	t.Helper()
	b := &bench{World: w, site: w.Serve(t, protocoltest.Options{}, newService(w))}
	b.cred = w.AddCredential(core.CredentialEST, core.AuthPassword, "lab", change...)
	return b
}

// answer is an HTTP answer read to its end.
type answer struct {
	*http.Response
	body []byte
}

type option func(*http.Request)

func basic(user, password string) option {
	return func(r *http.Request) { r.SetBasicAuth(user, password) }
}

func header(name, value string) option {
	return func(r *http.Request) {
		if value == "" {
			r.Header.Del(name)
			return
		}
		r.Header.Set(name, value)
	}
}

func do(t testing.TB, c *http.Client, method, url string, body []byte, opts ...option) answer {
	t.Helper()
	req, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/pkcs10")
	}
	for _, o := range opts {
		o(req)
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res, b}
}

// post sends a request with the credential's password to the label.
func (b *bench) post(t testing.TB, op string, csr *protocoltest.CSR, opts ...option) answer {
	t.Helper()
	opts = append([]option{basic(b.cred.PublicID, protocoltest.Password)}, opts...)
	return do(t, b.site.Client(t), http.MethodPost, b.site.MTLS+"/.well-known/est/lab/"+op, b64(csr.DER), opts...)
}

// postCert sends a request with a client certificate only.
func (b *bench) postCert(t testing.TB, op string, csr *protocoltest.CSR, cert tls.Certificate, opts ...option) answer {
	t.Helper()
	return do(t, b.site.Client(t, cert), http.MethodPost, b.site.MTLS+"/.well-known/est/lab/"+op, b64(csr.DER), opts...)
}

func b64(der []byte) []byte { return []byte(base64.StdEncoding.EncodeToString(der)) }

// certs reads a certs-only answer and proves its outer form.
func certs(t testing.TB, a answer) []*x509.Certificate {
	t.Helper()
	if a.StatusCode != http.StatusOK {
		t.Fatalf("status %d: %s", a.StatusCode, a.body)
	}
	if ct := a.Header.Get("Content-Type"); ct != "application/pkcs7-mime; smime-type=certs-only" {
		t.Errorf("content type %q", ct)
	}
	if a.Header.Get("Content-Transfer-Encoding") != "base64" || a.ContentLength != int64(len(a.body)) || len(a.TransferEncoding) > 0 {
		t.Errorf("header %v, length %d of %d", a.Header, a.ContentLength, len(a.body))
	}
	return parseCerts(t, a.body)
}

func parseCerts(t testing.TB, body []byte) []*x509.Certificate {
	t.Helper()
	if bytes.ContainsAny(body, "\r\n") {
		t.Error("the base64 is wrapped")
	}
	der, err := base64.StdEncoding.DecodeString(string(body))
	if err != nil {
		t.Fatal(err)
	}
	list, err := cms.ParseCertsOnly(der)
	if err != nil {
		t.Fatal(err)
	}
	var out []*x509.Certificate
	for _, d := range list {
		c, err := x509.ParseCertificate(d)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, c)
	}
	return out
}

// issued reads the one certificate of an enrolment and checks that it is for
// the request's key.
func issued(t testing.TB, a answer, csr *protocoltest.CSR) *x509.Certificate {
	t.Helper()
	list := certs(t, a)
	if len(list) != 1 {
		t.Fatalf("%d certificates", len(list))
	}
	if csr != nil && !csr.Key.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(list[0].PublicKey) {
		t.Error("the certificate is for another key")
	}
	return list[0]
}

// expect checks status and that the text names something.
func expect(t testing.TB, a answer, status int, words ...string) {
	t.Helper()
	if a.StatusCode != status {
		t.Errorf("status %d, want %d: %s", a.StatusCode, status, a.body)
	}
	if ct := a.Header.Get("Content-Type"); !strings.HasPrefix(ct, "text/plain") {
		t.Errorf("content type %q", ct)
	}
	for _, w := range words {
		if !strings.Contains(string(a.body), w) {
			t.Errorf("the text does not say %q: %s", w, a.body)
		}
	}
}

type keygenParts struct {
	keyType string
	key     []byte
	cert    *x509.Certificate
}

// keygen reads the multipart answer of serverkeygen.
func keygen(t testing.TB, a answer) keygenParts {
	t.Helper()
	if a.StatusCode != http.StatusOK {
		t.Fatalf("status %d: %s", a.StatusCode, a.body)
	}
	ct, params, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if err != nil || ct != "multipart/mixed" || a.Header.Get("Cache-Control") != "no-store" || a.ContentLength != int64(len(a.body)) {
		t.Fatalf("%v %v", a.Header, err)
	}
	var out keygenParts
	mr := multipart.NewReader(bytes.NewReader(a.body), params["boundary"])
	for i := range 2 {
		p, err := mr.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(p)
		if p.Header.Get("Content-Transfer-Encoding") != "base64" {
			t.Errorf("part %d: %v", i, p.Header)
		}
		if i == 0 {
			out.keyType = p.Header.Get("Content-Type")
			if out.key, err = base64.StdEncoding.DecodeString(string(body)); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if p.Header.Get("Content-Type") != "application/pkcs7-mime; smime-type=certs-only" {
			t.Errorf("part 2: %v", p.Header)
		}
		out.cert = parseCerts(t, body)[0]
	}
	if _, err := mr.NextRawPart(); err != io.EOF {
		t.Errorf("after two parts: %v", err)
	}
	return out
}

var _ protocol.Protocol = (*Service)(nil)
