package status

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/house/need"
	"github.com/certwright/certwright/internal/protocol"
	"github.com/certwright/certwright/internal/protocol/protocoltest"
	"github.com/certwright/certwright/internal/wire/cms"
)

// source is a Status with fixed contents.
type source struct {
	w   *protocoltest.World
	crl []byte

	mu        sync.Mutex // a server goroutine and the test share what follows
	cacheable bool
	fail      error
	asked     [][]byte
}

func (s *source) set(fail error, cacheable bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail, s.cacheable, s.asked = fail, cacheable, nil
}

func (s *source) seen() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

var _ Status = (*source)(nil)

func (s *source) known(slug string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	if slug != "issuing" {
		return core.Errorf(core.KindNotFound, "there is no such issuer")
	}
	return nil
}

func (s *source) CRL(_ context.Context, slug string) ([]byte, int64, time.Time, time.Time, error) {
	return s.crl, 7, s.w.Now(), s.w.Now().Add(6 * time.Hour), s.known(slug)
}

func (s *source) Certificate(_ context.Context, slug string) ([]byte, error) {
	return s.w.CA.Issuing.Raw, s.known(slug)
}

func (s *source) Chain(_ context.Context, slug string) ([][]byte, error) {
	return [][]byte{s.w.CA.Issuing.Raw, s.w.CA.Root.Raw}, s.known(slug)
}

func (s *source) Roots(context.Context) ([][]byte, error) {
	return [][]byte{s.w.CA.Root.Raw}, s.known("issuing")
}

func (s *source) OCSP(_ context.Context, slug string, req []byte) ([]byte, time.Time, time.Time, bool, error) {
	if err := s.known(slug); err != nil {
		return nil, time.Time{}, time.Time{}, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, req)
	if _, err := ocsp.ParseRequest(req); err != nil {
		return nil, time.Time{}, time.Time{}, false, core.Wrap(core.KindInvalid, err, "the OCSP request cannot be read")
	}
	return []byte("response"), s.w.Now(), s.w.Now().Add(time.Hour), s.cacheable, nil
}

func setup(t testing.TB) (*source, *protocoltest.Site) {
	t.Helper()
	w := protocoltest.New(t, time.Now())
	s := &source{w: w, crl: []byte("a CRL"), cacheable: true}
	return s, w.Serve(t, protocoltest.Options{}, New(Deps{Status: s, Log: w.Log, Now: w.Now}))
}

func fetch(t testing.TB, site *protocoltest.Site, method, url string, body []byte, headers ...string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := site.Client(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, b
}

func request(t testing.TB, w *protocoltest.World) []byte {
	t.Helper()
	der, err := ocsp.CreateRequest(w.CA.Issuing, w.CA.Root, &ocsp.RequestOptions{Hash: crypto.SHA1})
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestFiles(t *testing.T) {
	s, site := setup(t)
	for _, base := range []string{site.Plain, site.Main} {
		res, b := fetch(t, site, "GET", base+"/status/issuing.crl", nil)
		if res.StatusCode != 200 || string(b) != "a CRL" || res.Header.Get("Content-Type") != "application/pkix-crl" || res.ContentLength != 5 {
			t.Errorf("%d %v", res.StatusCode, res.Header)
		}
		if res.Header.Get("Cache-Control") != "public, no-transform, must-revalidate, max-age=21600" || res.Header.Get("Expires") != s.w.Now().Add(6*time.Hour).Format(http.TimeFormat) ||
			res.Header.Get("Last-Modified") != s.w.Now().Format(http.TimeFormat) || !strings.HasPrefix(res.Header.Get("ETag"), `"7-`) {
			t.Errorf("%v", res.Header)
		}
		for _, cond := range [][]string{{"If-None-Match", res.Header.Get("ETag")}, {"If-Modified-Since", res.Header.Get("Last-Modified")}} {
			if again, b := fetch(t, site, "GET", base+"/status/issuing.crl", nil, cond...); again.StatusCode != 304 || len(b) > 0 {
				t.Errorf("%v: %d", cond, again.StatusCode)
			}
		}
		if res, b := fetch(t, site, "HEAD", base+"/status/issuing.crl", nil); res.StatusCode != 200 || res.ContentLength != 5 || len(b) != 0 {
			t.Errorf("HEAD: %d, length %d", res.StatusCode, res.ContentLength)
		}
	}
	res, b := fetch(t, site, "GET", site.Plain+"/status/issuing.crt", nil)
	if !bytes.Equal(b, s.w.CA.Issuing.Raw) || res.Header.Get("Content-Type") != "application/pkix-cert" {
		t.Errorf("crt: %v", res.Header)
	}
	res, b = fetch(t, site, "GET", site.Plain+"/status/issuing.p7c", nil)
	if list, err := cms.ParseCertsOnly(b); err != nil || len(list) != 2 || res.Header.Get("Content-Type") != "application/pkcs7-mime" {
		t.Errorf("p7c: %v %v", res.Header, err)
	}
	_, b = fetch(t, site, "GET", site.Plain+"/root.crt", nil)
	if block, rest := pem.Decode(b); block == nil || len(rest) > 0 || !bytes.Equal(block.Bytes, s.w.CA.Root.Raw) {
		t.Errorf("root.crt: %s", b)
	}
	for _, path := range []string{"/status/none.crl", "/status/issuing.txt", "/status/issuing", "/status/.crl", "/status/ocsp", "/status/none.p7c"} {
		if res, _ := fetch(t, site, "GET", site.Plain+path, nil); res.StatusCode != 404 {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
	}
	for _, path := range []string{"/status/issuing.crl", "/root.crt", "/status/ocsp/issuing"} {
		for _, m := range []string{"PUT", "DELETE", "OPTIONS"} {
			if res, _ := fetch(t, site, m, site.Plain+path, nil); res.StatusCode != 405 || res.Header.Get("Allow") == "" {
				t.Errorf("%s %s: %d", m, path, res.StatusCode)
			}
		}
	}
	if res, _ := fetch(t, site, "GET", site.MTLS+"/root.crt", nil); res.StatusCode != 404 {
		t.Errorf("on the client certificate listener: %d", res.StatusCode)
	}
	if f := site.Failures(); f != "" {
		t.Error(f)
	}
}

func TestOCSPPost(t *testing.T) {
	s, site := setup(t)
	der, at := request(t, s.w), site.Plain+"/status/ocsp/issuing"
	for _, ct := range []string{"application/ocsp-request", "", "Application/OCSP-Request; x=y"} {
		res, b := fetch(t, site, "POST", at, der, "Content-Type", ct)
		if res.StatusCode != 200 || string(b) != "response" || res.Header.Get("Content-Type") != "application/ocsp-response" || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%q: %d %v %s", ct, res.StatusCode, res.Header, b)
		}
	}
	if res, _ := fetch(t, site, "POST", at+"/", der); res.StatusCode != 200 {
		t.Errorf("with a slash at the end: %d", res.StatusCode)
	}
	if res, _ := fetch(t, site, "POST", at, der, "Content-Type", "text/plain"); res.StatusCode != 415 {
		t.Errorf("text/plain: %d", res.StatusCode)
	}
	if res, _ := fetch(t, site, "POST", at, make([]byte, 64<<10+1)); res.StatusCode != 413 {
		t.Errorf("too large: %d", res.StatusCode)
	}
	for what, body := range map[string][]byte{"empty": nil, "garbage": []byte("hello"), "truncated": der[:len(der)-3], "trailing": append(bytes.Clone(der), 0), "other DER": {0x30, 0x03, 0x02, 0x01, 0x01}} {
		res, b := fetch(t, site, "POST", at, body)
		if res.StatusCode != 200 || !bytes.Equal(b, []byte{0x30, 3, 10, 1, malformedRequest}) {
			t.Errorf("%s: %d %x", what, res.StatusCode, b)
		}
	}
	res, b := fetch(t, site, "POST", site.Plain+"/status/ocsp/none", der)
	if parsed := ocspStatus(b); res.StatusCode != 200 || parsed != ocsp.Unauthorized {
		t.Errorf("unknown issuer: %d %v", res.StatusCode, parsed)
	}
}

func ocspStatus(b []byte) ocsp.ResponseStatus {
	_, err := ocsp.ParseResponse(b, nil)
	var e ocsp.ResponseError
	if errors.As(err, &e) {
		return e.Status
	}
	return -1
}

func TestOCSPGet(t *testing.T) {
	s, site := setup(t)
	at := site.Plain + "/status/ocsp/issuing/"
	raw := sample()
	for name, text := range map[string]string{
		"escaped":          url.PathEscape(base64.StdEncoding.EncodeToString(raw)),
		"fully escaped":    url.QueryEscape(base64.StdEncoding.EncodeToString(raw)),
		"bare":             base64.StdEncoding.EncodeToString(raw),
		"no padding":       base64.RawStdEncoding.EncodeToString(raw),
		"URL alphabet":     base64.URLEncoding.EncodeToString(raw),
		"slash before":     "/" + base64.StdEncoding.EncodeToString(raw),
		"plus to blank":    strings.ReplaceAll(base64.StdEncoding.EncodeToString(raw), "+", "%20"),
		"slashes collapse": strings.ReplaceAll(base64.StdEncoding.EncodeToString(raw), "//", "/"),
	} {
		s.set(nil, true)
		u, err := url.Parse(site.Plain)
		if err != nil {
			t.Fatal(err)
		}
		u.Opaque = "//" + u.Host + "/status/ocsp/issuing/" + text
		req := &http.Request{Method: "GET", URL: u, Host: u.Host, Header: http.Header{}}
		res, err := site.Client(t).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if len(s.seen()) != 1 || !bytes.Equal(s.seen()[0], raw) {
			t.Errorf("%s: %d, asked %x, want %x", name, res.StatusCode, s.seen(), raw)
		}
	}
	text := url.PathEscape(base64.StdEncoding.EncodeToString(request(t, s.w)))
	res, b := fetch(t, site, "GET", at+text, nil)
	if res.StatusCode != 200 || string(b) != "response" || res.Header.Get("Cache-Control") != "public, no-transform, must-revalidate, max-age=3600" ||
		res.Header.Get("Expires") == "" || res.Header.Get("Last-Modified") == "" || res.Header.Get("ETag") == "" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	if res, _ := fetch(t, site, "GET", at+text, nil, "If-None-Match", res.Header.Get("ETag")); res.StatusCode != 304 {
		t.Errorf("not modified: %d", res.StatusCode)
	}
	s.set(nil, false)
	if res, _ := fetch(t, site, "GET", at+text, nil); res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("ETag") != "" {
		t.Errorf("with a nonce: %v", res.Header)
	}
	for _, bad := range []string{"", "AAAA", "%zz", "hello", strings.Repeat("A", 5000)} {
		host := strings.TrimPrefix(site.Plain, "http://")
		u := &url.URL{Scheme: "http", Host: host, Opaque: strings.TrimPrefix(at, "http:") + bad}
		req := &http.Request{Method: "GET", URL: u, Host: host, Header: http.Header{}}
		res, err := site.Client(t).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != 400 && ocspStatus(b) != ocsp.Malformed { // net/http itself answers 400 to %zz
			t.Errorf("%q: %d %x", bad, res.StatusCode, b)
		}
	}
}

// TestCollapsedSlashes takes requests as they come and does to them what a
// path-cleaning proxy does.
func TestCollapsedSlashes(t *testing.T) {
	ca := protocoltest.NewCA(t, time.Now(), false)
	runs := regexp.MustCompile("//+")
	tried := 0
	for i := range int64(20000) {
		ca.Issuing.SerialNumber = new(big.Int).SetBytes(sha1Of(i))
		der, err := ocsp.CreateRequest(ca.Issuing, ca.Root, nil)
		if err != nil {
			t.Fatal(err)
		}
		text := base64.StdEncoding.EncodeToString(der)
		collapsed := runs.ReplaceAllString(text, "/")
		if collapsed == text {
			continue
		}
		tried++
		if got, err := decodeGet(collapsed); err != nil || len(got) != len(der) {
			t.Fatalf("%s: %v", text, err)
		}
	}
	if tried < 50 {
		t.Errorf("only %d requests had a double slash", tried)
	}
}

func sha1Of(i int64) []byte {
	sum := sha1.Sum([]byte(strconv.FormatInt(i, 10)))
	return sum[:16]
}

// sample is an OCSP-shaped request whose base64 holds "//" twice and "+".
func sample() []byte {
	body := append([]byte{0x04, 15}, bytes.Repeat([]byte{0xff}, 3)...)
	body = append(body, 0x01, 0x02, 0x03, 0xfb, 0xef, 0xbe, 0, 0, 0, 0, 0, 0)
	return append([]byte{0x30, byte(len(body))}, body...)
}

func TestEveryKindHasAWireForm(t *testing.T) {
	s, site := setup(t)
	der := request(t, s.w)
	for _, kind := range core.Kinds {
		f, ok := wireForms[kind]
		if !ok || f.http < 400 {
			t.Errorf("kind %q: %+v", kind, f)
		}
		s.set(core.Wrap(kind, errors.New("CAUSE"), "visible").After(3*time.Second), true)
		res, b := fetch(t, site, "GET", site.Plain+"/status/issuing.crl", nil)
		if res.StatusCode != f.http || bytes.Contains(b, []byte("CAUSE")) || res.Header.Get("Retry-After") != "3" {
			t.Errorf("%s: %d %s %v", kind, res.StatusCode, b, res.Header)
		}
		if _, b = fetch(t, site, "POST", site.Plain+"/status/ocsp/issuing", der); f.ocsp != 0 && int(ocspStatus(b)) != f.ocsp {
			t.Errorf("%s: OCSP %x", kind, b)
		}
	}
	s.set(errors.New("CAUSE"), true)
	if res, b := fetch(t, site, "GET", site.Plain+"/root.crt", nil); res.StatusCode != 500 || !bytes.Contains(b, []byte(res.Header.Get("X-Request-Id"))) || bytes.Contains(b, []byte("CAUSE")) {
		t.Errorf("%d %s", res.StatusCode, b)
	}
	if !strings.Contains(s.w.Logs(), "CAUSE") {
		t.Error("the cause is not in the log")
	}
	s.set(core.Errorf(core.KindUnavailable, ""), true)
	if res, _ := fetch(t, site, "GET", site.Plain+"/status/issuing.crl", nil); res.Header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
}

func TestRoutes(t *testing.T) {
	w := protocoltest.New(t, time.Now())
	for _, r := range New(Deps{Log: w.Log, Now: w.Now}).Routes() {
		if r.On != protocol.Plain|protocol.Main {
			t.Errorf("%s on %b", r.Pattern, r.On)
		}
	}
}

// TestOpenSSL asks with an independent client.
func TestOpenSSL(t *testing.T) {
	openssl := need.Program(t, "openssl", "openssl")
	s, site := setup(t)
	dir := t.TempDir()
	write := func(name string, c *x509.Certificate) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	out, _ := exec.Command(openssl, "ocsp", "-issuer", write("root", s.w.CA.Root), "-cert", write("ca", s.w.CA.Issuing), "-url", site.Plain+"/status/ocsp/issuing").CombinedOutput()
	if len(s.seen()) != 1 {
		t.Errorf("openssl's request did not arrive: %s", out)
	}
	s.set(core.Errorf(core.KindUnavailable, "later"), true)
	out, _ = exec.Command(openssl, "ocsp", "-issuer", filepath.Join(dir, "root"), "-cert", filepath.Join(dir, "ca"), "-url", site.Plain+"/status/ocsp/issuing").CombinedOutput()
	if !bytes.Contains(out, []byte("trylater")) {
		t.Errorf("%s", out)
	}
}

func FuzzDecodeGet(f *testing.F) {
	f.Add(base64.StdEncoding.EncodeToString(sample()))
	f.Add(strings.ReplaceAll(base64.StdEncoding.EncodeToString(sample()), "//", "/"))
	f.Add("%2F%2B+ -_=")
	f.Fuzz(func(t *testing.T, raw string) {
		der, err := decodeGet(raw)
		if err != nil {
			if k := core.KindOf(err); k != core.KindInvalid && k != core.KindTooLarge {
				t.Fatalf("kind %q", k)
			}
			return
		}
		if !wellFormed(der) {
			t.Fatalf("%x", der)
		}
		again, err := decodeGet(url.PathEscape(base64.StdEncoding.EncodeToString(der)))
		if err != nil || !bytes.Equal(again, der) {
			t.Fatalf("%x came back as %x, %v", der, again, err)
		}
	})
}

func FuzzAfterSlug(f *testing.F) {
	f.Add("/status/ocsp/issuing/AA//BB?x")
	f.Add("http://h/status/ocsp/issuing/AA")
	f.Fuzz(func(t *testing.T, uri string) {
		if rest := afterSlug(uri); len(rest) > len(uri) {
			t.Fatal(fmt.Sprint(uri, rest))
		}
	})
}
