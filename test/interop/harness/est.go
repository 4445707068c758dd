package harness

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/wire/cms"
)

// Answer is what curl got.
type Answer struct {
	Status int
	Header textproto.MIMEHeader // of the last response
	Body   []byte
	All    string // every response's header, as curl -D writes them
}

// Curl runs curl in dir and returns the last response. Only a transport error
// ends the test.
func Curl(t testing.TB, dir string, args ...string) *Answer {
	t.Helper()
	scratch := t.TempDir()
	head, body := filepath.Join(scratch, "head"), filepath.Join(scratch, "body")
	Run(t, dir, "curl", append([]string{"-sS", "-m", "60", "-D", head, "-o", body}, args...)...)
	all, err := os.ReadFile(head)
	if err != nil {
		t.Fatal(err)
	}
	a := &Answer{All: string(all)}
	blocks := strings.Split(strings.TrimSpace(strings.ReplaceAll(a.All, "\r\n", "\n")), "\n\n")
	status, fields, _ := strings.Cut(blocks[len(blocks)-1], "\n")
	if _, err := fmt.Sscanf(status[strings.IndexByte(status, ' ')+1:], "%d", &a.Status); err != nil {
		t.Fatalf("status line %q: %v", status, err)
	}
	if a.Header, err = textproto.NewReader(bufio.NewReader(strings.NewReader(fields + "\n\n"))).ReadMIMEHeader(); err != nil {
		t.Fatalf("header %q: %v", fields, err)
	}
	a.Body, _ = os.ReadFile(body) // absent when the answer has none
	return a
}

// Want ends the test unless the answer has the status and its text the words.
func (a *Answer) Want(t testing.TB, status int, words ...string) *Answer {
	t.Helper()
	if a.Status != status {
		t.Fatalf("status %d, want %d: %s", a.Status, status, a.Body)
	}
	for _, w := range words {
		if !strings.Contains(string(a.Body), w) {
			t.Fatalf("the answer does not say %q: %s", w, a.Body)
		}
	}
	return a
}

// ParsePEM reads the first certificate of a PEM text.
func ParsePEM(t testing.TB, text []byte) *x509.Certificate {
	t.Helper()
	b, _ := pem.Decode(text)
	if b == nil {
		t.Fatalf("no PEM: %q", text)
	}
	c, err := x509.ParseCertificate(b.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// WriteFile writes a file for a program to read.
func WriteFile(t testing.TB, dir, name string, data []byte) string {
	t.Helper()
	p := filepath.Join(dir, name)
	if err := os.WriteFile(p, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// ReadFile reads a file that a program wrote.
func ReadFile(t testing.TB, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Device is a client with a key of its own that enrols with Go's HTTP client,
// for tests that are about the server's operation and not about a client.
type Device struct {
	Key  crypto.Signer
	Body []byte // request, base64
	Cert *x509.Certificate
}

// NewDevice makes a key and a request for one name.
func NewDevice(t testing.TB, name string) *Device {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}}, key)
	if err != nil {
		t.Fatal(err)
	}
	return &Device{Key: key, Body: base64.StdEncoding.AppendEncode(nil, der)}
}

// Again is the same device with a new key.
func (d *Device) Again(t testing.TB) *Device {
	t.Helper()
	return NewDevice(t, d.Cert.Subject.CommonName)
}

// TLS is the device's certificate for a connection.
func (d *Device) TLS() tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{d.Cert.Raw}, PrivateKey: d.Key, Leaf: d.Cert}
}

// Post sends the device's request to an EST operation and keeps the
// certificate when one comes. c may be nil for a client certificate alone.
func (d *Device) Post(h *http.Client, url string, c *Credential, header ...string) (int, string, error) {
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(d.Body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/pkcs10")
	if c != nil {
		req.SetBasicAuth(c.PublicID, c.Secret)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := h.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return res.StatusCode, string(b), err
	}
	d.Cert, err = leafOf(b)
	return res.StatusCode, string(b), err
}

// Enrol is Post that must bring a certificate.
func (d *Device) Enrol(t testing.TB, h *http.Client, url string, c *Credential) *x509.Certificate {
	t.Helper()
	status, text, err := d.Post(h, url, c)
	if err != nil || status != http.StatusOK {
		t.Fatalf("%s: %d %s %v", url, status, text, err)
	}
	return d.Cert
}

// leafOf reads the one certificate of a certs-only answer.
func leafOf(body []byte) (*x509.Certificate, error) {
	der, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(body)))
	if err != nil {
		return nil, err
	}
	list, err := cms.ParseCertsOnly(der)
	if err != nil {
		return nil, err
	}
	if len(list) != 1 {
		return nil, fmt.Errorf("%d certificates in the answer, want 1", len(list))
	}
	return x509.ParseCertificate(list[0])
}

// Recipe is the shell commands below a heading of a page of docs/, in the order
// in which they stand there, so that what is written is what is tested.
func Recipe(t testing.TB, page, heading string) string {
	t.Helper()
	root, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(ReadFile(t, filepath.Join(root, "docs"), page)), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("%s has no heading %q", page, heading)
	}
	section, _, _ := strings.Cut(rest, "\n## ")
	var script strings.Builder
	for {
		_, rest, ok := strings.Cut(section, "\n```sh\n")
		if !ok {
			break
		}
		block, after, ok := strings.Cut(rest, "```\n")
		if !ok {
			t.Fatalf("%s: a block below %q does not end", page, heading)
		}
		script.WriteString(block)
		section = after
	}
	if script.Len() == 0 {
		t.Fatalf("%s has no commands below %q", page, heading)
	}
	return script.String()
}

// EST is a credential's URL below a listener, to which an operation is added.
func (c *Credential) EST(listener string) string {
	return listener + "/.well-known/est/" + c.Label + "/"
}
