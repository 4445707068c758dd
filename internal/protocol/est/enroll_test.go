package est

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/protocol"
	"github.com/certwright/certwright/internal/protocol/protocoltest"
	"github.com/certwright/certwright/internal/wire/httpx"
	"github.com/certwright/certwright/internal/wire/x509x"
)

func TestCACerts(t *testing.T) {
	b := newBench(t, func(c *core.Credential) { c.Default = true })
	for _, url := range []string{
		b.site.MTLS + "/.well-known/est/lab/cacerts", b.site.Main + "/.well-known/est/cacerts",
		b.site.MTLS + "/est/lab/.well-known/est/cacerts", b.site.MTLS + "//.well-known/est//lab/cacerts",
	} {
		list := certs(t, do(t, b.site.Client(t), "GET", url, nil))
		if len(list) != 2 || !list[0].Equal(b.CA.Issuing) || !list[1].Equal(b.CA.Root) {
			t.Errorf("%s: %d certificates", url, len(list))
		}
	}
	a := do(t, b.site.Client(t), "GET", b.site.MTLS+"/.well-known/est/nosuch/cacerts", nil)
	expect(t, a, http.StatusNotFound)
	a = do(t, b.site.Client(t), "GET", b.site.MTLS+"/.well-known/est/lab/nosuch", nil)
	expect(t, a, http.StatusNotFound, "no such EST operation")
	a = do(t, b.site.Client(t), "GET", b.site.Plain+"/.well-known/est/lab/cacerts", nil)
	if a.StatusCode != http.StatusNotFound {
		t.Errorf("EST on plain HTTP: %d", a.StatusCode)
	}
	b.Auth.Change(b.cred.ID, func(c *core.Credential) { c.State = core.CredentialRevoked })
	for _, op := range []string{"cacerts", "csrattrs"} {
		a = do(t, b.site.Client(t), "GET", b.site.MTLS+"/.well-known/est/lab/"+op, nil)
		expect(t, a, http.StatusUnauthorized, "revoked")
	}
}

func TestMethods(t *testing.T) {
	b := newBench(t)
	for op, allow := range map[string]string{"cacerts": "GET", "csrattrs": "GET", "simpleenroll": "POST", "fullcmc": "POST"} {
		for _, m := range []string{"GET", "HEAD", "POST", "OPTIONS", "PUT"} {
			if m == allow {
				continue
			}
			a := do(t, b.site.Client(t), m, b.site.MTLS+"/.well-known/est/lab/"+op, nil)
			if a.StatusCode != http.StatusMethodNotAllowed || a.Header.Get("Allow") != allow {
				t.Errorf("%s %s: %d, Allow %q", m, op, a.StatusCode, a.Header.Get("Allow"))
			}
		}
	}
	a := do(t, b.site.Client(t), "POST", b.site.MTLS+"/.well-known/est/lab/fullcmc", []byte("x"), header("Content-Type", "application/pkcs7-mime; smime-type=CMC-request"))
	expect(t, a, http.StatusNotImplemented, "Full CMC")
}

func TestEncodings(t *testing.T) {
	b := newBench(t)
	csr := protocoltest.NewCSR(t, "a.example")
	line := string(b64(csr.DER))
	wrapped := func(n int, eol string) string {
		var s strings.Builder
		for i := 0; i < len(line); i += n {
			s.WriteString(line[i:min(i+n, len(line))] + eol)
		}
		return s.String()
	}
	pemText := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr.DER}))
	for name, c := range map[string]struct {
		body string
		opts []option
	}{
		"one line":              {line, nil},
		"final line feed":       {line + "\n", nil},
		"64 columns":            {wrapped(64, "\n"), nil},
		"76 columns CRLF":       {wrapped(76, "\r\n"), nil},
		"odd white space":       {" \t\r\n" + wrapped(7, " \t "), nil},
		"no padding":            {strings.TrimRight(line, "="), nil},
		"no transfer encoding":  {line, []option{header("Content-Transfer-Encoding", "")}},
		"odd transfer encoding": {line, []option{header("Content-Transfer-Encoding", "7bit, please")}},
		"binary":                {string(csr.DER), []option{header("Content-Transfer-Encoding", "binary")}},
		"DER said to be base64": {string(csr.DER), []option{header("Content-Transfer-Encoding", "base64")}},
		"PEM":                   {pemText, nil},
		"PEM, other label":      {strings.ReplaceAll(pemText, "CERTIFICATE REQ", "NEW CERTIFICATE REQ"), nil},
		"PEM after text":        {"Certificate Request:\n    Data: 0\n" + pemText, nil},
		"type with parameters":  {line, []option{header("Content-Type", "Application/PKCS10; charset=us-ascii; name=x")}},
		"type, bad parameter":   {line, []option{header("Content-Type", "application/pkcs10; =")}},
	} {
		t.Run(name, func(t *testing.T) {
			opts := append([]option{basic(b.cred.PublicID, protocoltest.Password)}, c.opts...)
			issued(t, do(t, b.site.Client(t), "POST", b.site.Main+"/.well-known/est/lab/simpleenroll", []byte(c.body), opts...), csr)
		})
	}
	if n := len(b.Enroll.Certificates()); n != 1 {
		t.Errorf("%d certificates for one request", n)
	}
}

func TestChallengeComesFirst(t *testing.T) {
	b := newBench(t)
	for _, ct := range []string{"", "text/plain", "application/pkcs10"} {
		a := do(t, b.site.Client(t), "POST", b.site.MTLS+"/.well-known/est/lab/simpleenroll", nil, header("Content-Type", ct))
		expect(t, a, http.StatusUnauthorized, "HTTP Basic")
		if got := a.Header.Get("WWW-Authenticate"); got != `Basic realm="Certwright EST", charset="UTF-8"` {
			t.Error(got)
		}
	}
	if n := len(b.Audit.Events()); n != 0 {
		t.Errorf("%d audit entries for requests without a proof", n)
	}
}

func TestRefusalsSayWhy(t *testing.T) {
	b := newBench(t)
	expect(t, b.post(t, "simpleenroll", protocoltest.NewCSR(t, "a.evil.com")), http.StatusForbidden, "san.dns: \"a.evil.com\": ", "(name.suffix)")
	csr := protocoltest.NewCSR(t, "a.example")
	csr.DER[len(csr.DER)-3] ^= 1
	expect(t, b.post(t, "simpleenroll", csr), http.StatusBadRequest, "own key")
	weak, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	bad := protocoltest.BuildCSR(t, weak, core.DN{{Type: "CN", Value: "a.example"}}, protocoltest.NamesOf("a.example"), x509x.Request{})
	expect(t, b.post(t, "simpleenroll", bad), http.StatusBadRequest, "key")
	if n := len(b.Enroll.Certificates()); n != 0 {
		t.Errorf("%d certificates", n)
	}
}

func TestPendingAndRefused(t *testing.T) {
	b := newBench(t)
	b.Enroll.SetManual(true)
	csr := protocoltest.NewCSR(t, "a.example")
	a := b.post(t, "simpleenroll", csr)
	expect(t, a, http.StatusAccepted, "waits for approval")
	if a.Header.Get("Retry-After") != "90" || a.ContentLength <= 0 {
		t.Errorf("%v", a.Header)
	}
	b.Enroll.Reject("not on this network")
	expect(t, b.post(t, "simpleenroll", csr), http.StatusForbidden, "not on this network")
	csr = protocoltest.NewCSR(t, "b.example")
	b.post(t, "simpleenroll", csr)
	if err := b.Enroll.Approve(); err != nil {
		t.Fatal(err)
	}
	issued(t, b.post(t, "simpleenroll", csr), csr)
}

func TestHTTP2OnMain(t *testing.T) {
	b := newBench(t)
	client := b.site.Client(t)
	client.Transport.(*http.Transport).ForceAttemptHTTP2 = true
	csr := protocoltest.NewCSR(t, "a.example")
	a := do(t, client, "POST", b.site.Main+"/.well-known/est/lab/simpleenroll", b64(csr.DER), basic(b.cred.PublicID, protocoltest.Password))
	if a.ProtoMajor != 2 {
		t.Error(a.Proto)
	}
	issued(t, a, csr)
}

func selfSigned(t *testing.T, cn string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: cn}, SubjectKeyId: []byte("self-" + cn),
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, _ := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func TestClientCertificateCredential(t *testing.T) {
	device, stranger := selfSigned(t, "device"), selfSigned(t, "stranger")
	b := newBench(t)
	w := b.World
	c := w.AddCredential(core.CredentialEST, core.AuthClientCert, "dev", func(c *core.Credential) {
		c.Trust = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: device.Certificate[0]})
	})
	csr := protocoltest.NewCSR(t, "a.example")
	url := b.site.MTLS + "/.well-known/est/dev/"
	first := issued(t, do(t, b.site.Client(t, device), "POST", url+"simpleenroll", b64(csr.DER)), csr)

	expect(t, do(t, b.site.Client(t, stranger), "POST", url+"simpleenroll", b64(csr.DER)), http.StatusUnauthorized)
	expect(t, do(t, b.site.Client(t), "POST", url+"simpleenroll", b64(csr.DER), basic(c.PublicID, "x")), http.StatusUnauthorized, "client certificate")
	events := w.Audit.Events()
	if len(events) != 1 || events[0].Detail["certificate"] == nil || events[0].Credential != c.ID {
		t.Errorf("%+v", events)
	}

	// A renewal may be authorised by our own certificate or by the device's.
	next := protocoltest.NewCSR(t, "a.example")
	issued(t, do(t, b.site.Client(t, csr.TLS(first.Raw)), "POST", url+"simplereenroll", b64(next.DER)), next)
	third := protocoltest.NewCSR(t, "a.example")
	issued(t, do(t, b.site.Client(t, device), "POST", url+"simplereenroll", b64(third.DER)), third)
	list := w.Enroll.Certificates()
	if list[1].Replaces != list[0].ID || list[2].Replaces != list[1].ID {
		t.Errorf("replaces %q %q", list[1].Replaces, list[2].Replaces)
	}
}

func TestCertificateFromProxy(t *testing.T) {
	w := protocoltest.New(t, time.Now())
	device := selfSigned(t, "device")
	w.AddCredential(core.CredentialEST, core.AuthClientCert, "dev", func(c *core.Credential) {
		c.Trust = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: device.Certificate[0]})
	})
	forward := header("Client-Cert", ":"+base64.StdEncoding.EncodeToString(device.Certificate[0])+":")
	csr := protocoltest.NewCSR(t, "a.example")
	open := w.Serve(t, protocoltest.Options{}, newService(w))
	a := do(t, open.Client(t), "POST", open.Main+"/.well-known/est/dev/simpleenroll", b64(csr.DER), forward)
	expect(t, a, http.StatusUnauthorized)

	local := httpx.Proxies{Trusted: protocoltest.Prefixes("127.0.0.0/8"), ClientCert: protocoltest.Prefixes("127.0.0.0/8")}
	behind := w.Serve(t, protocoltest.Options{Proxies: local}, newService(w))
	a = do(t, behind.Client(t), "POST", behind.Main+"/.well-known/est/dev/simpleenroll", b64(csr.DER), forward, header("X-Forwarded-For", "198.51.100.7"))
	issued(t, a, csr)
	if r := w.Enroll.Requests(); r[0].Origin.Address != "198.51.100.7" || r[0].Principal.Address.String() != "198.51.100.7" {
		t.Errorf("%+v", r[0].Origin)
	}
	// The proxy's own TLS certificate counts for nothing.
	a = do(t, behind.Client(t, device), "POST", behind.MTLS+"/.well-known/est/dev/simpleenroll", b64(csr.DER))
	expect(t, a, http.StatusUnauthorized)
}

func TestSimpleenrollNeedsMoreThanACertificate(t *testing.T) {
	b := newBench(t)
	csr := protocoltest.NewCSR(t, "a.example")
	cert := issued(t, b.post(t, "simpleenroll", csr), csr)
	a := b.postCert(t, "simpleenroll", protocoltest.NewCSR(t, "b.example"), csr.TLS(cert.Raw))
	expect(t, a, http.StatusUnauthorized, "simplereenroll only")
}

// TestEveryRoutePattern proves that the patterns live in one mux and on the
// right listeners.
func TestEveryRoutePattern(t *testing.T) {
	w := protocoltest.New(t, time.Now())
	mux := http.NewServeMux()
	for _, r := range newService(w).Routes() {
		mux.Handle(r.Pattern, r.Handler)
		if r.On != protocol.Main|protocol.MTLS {
			t.Errorf("%s on %b", r.Pattern, r.On)
		}
	}
}

func TestInternalErrorShowsRequestID(t *testing.T) {
	b := newBench(t)
	b.Enroll.SetFail(errBroken{})
	a := b.post(t, "simpleenroll", protocoltest.NewCSR(t, "a.example"))
	expect(t, a, http.StatusInternalServerError, a.Header.Get("X-Request-Id"))
	if bytes.Contains(a.body, []byte("database")) || !strings.Contains(b.Logs(), "database is on fire") {
		t.Errorf("%s", a.body)
	}
}

type errBroken struct{}

func (errBroken) Error() string { return "database is on fire" }

func FuzzReadCSR(f *testing.F) {
	csr := protocoltest.NewCSR(f, "a.example")
	f.Add(csr.DER)
	f.Add(b64(csr.DER))
	f.Add(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr.DER}))
	f.Add([]byte("-----BEGIN "))
	f.Fuzz(func(t *testing.T, body []byte) {
		csr, err := readCSR(body)
		if err != nil {
			if k := core.KindOf(err); k != core.KindBadCSR && k != core.KindTooLarge {
				t.Fatalf("kind %q", k)
			}
			return
		}
		_, _ = changeOf(csr)
	})
}

// TestRefusalsAreRecorded: a request that never gets to enroll is in the audit
// log, too, with who sent it and why it was refused.
func TestRefusalsAreRecorded(t *testing.T) {
	b := newBench(t)
	good := b64(protocoltest.NewCSR(t, "a.example").DER)
	auth := basic(b.cred.PublicID, protocoltest.Password)
	post := func(op string, body []byte, more ...option) answer {
		return do(t, b.site.Client(t), "POST", b.site.MTLS+"/.well-known/est/lab/"+op, body, append([]option{auth}, more...)...)
	}
	for _, c := range []struct {
		op   string
		body []byte
		opt  []option
		kind core.Kind
	}{
		{"simpleenroll", []byte("garbage"), nil, core.KindBadCSR},
		{"simpleenroll", make([]byte, maxBody+1), nil, core.KindTooLarge},
		{"simpleenroll", good, []option{header("Content-Type", "text/plain")}, core.KindMediaType},
		{"simplereenroll", good, nil, core.KindForbidden},
		{"serverkeygen", nil, nil, core.KindBadCSR},
	} {
		before := len(b.Audit.Events())
		a := post(c.op, c.body, c.opt...)
		events := b.Audit.Events()[before:]
		if len(events) != 1 {
			t.Errorf("%s %s: %d entries, status %d", c.op, c.kind, len(events), a.StatusCode)
			continue
		}
		e := events[0]
		if e.Action != "certificate.request" || e.Outcome != core.Refused || e.Credential != b.cred.ID || e.Detail["kind"] != string(c.kind) || e.Detail["operation"] != c.op || e.Request == "" || e.Address == "" {
			t.Errorf("%s %s: %+v", c.op, c.kind, e)
		}
	}
}
