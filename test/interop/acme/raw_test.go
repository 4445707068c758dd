package acme_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/certwright/certwright/test/interop/harness"
)

// raw is an account whose requests are put together here.
type raw struct {
	key    *ecdsa.PrivateKey
	kid    string
	client *http.Client
	dir    struct{ NewNonce, NewOrder, RevokeCert string }
}

// answer is what the server said.
type answer struct {
	status  int
	header  http.Header
	body    string
	problem string // type of the problem document
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// newRaw makes an account.
func newRaw(t *testing.T, s *site, c *harness.Credential) *raw {
	t.Helper()
	cl := s.account(t, c)
	x := &raw{key: cl.Key.(*ecdsa.PrivateKey), kid: string(cl.KID), client: s.front.Client()}
	r, err := x.client.Get(s.directory(c))
	if err != nil {
		t.Fatal(err)
	}
	x.dir = harness.JSON[struct{ NewNonce, NewOrder, RevokeCert string }](t, r)
	return x
}

func (x *raw) nonce(t *testing.T) string {
	t.Helper()
	r, err := x.client.Head(x.dir.NewNonce)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	return r.Header.Get("Replay-Nonce")
}

// sign makes a request of the account: RFC 8555 section 6.2.
func (x *raw) sign(t *testing.T, url, nonce string, payload []byte) []byte {
	t.Helper()
	protected := b64(fmt.Appendf(nil, `{"alg":"ES256","kid":%q,"nonce":%q,"url":%q}`, x.kid, nonce, url))
	sum := sha256.Sum256([]byte(protected + "." + b64(payload)))
	r, s, err := ecdsa.Sign(rand.Reader, x.key, sum[:crypto.SHA256.Size()])
	if err != nil {
		t.Fatal(err)
	}
	sig := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	return fmt.Appendf(nil, `{"protected":%q,"payload":%q,"signature":%q}`, protected, b64(payload), b64(sig))
}

func (x *raw) signJSON(t *testing.T, url, nonce string, payload any) []byte {
	t.Helper()
	b, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	return x.sign(t, url, nonce, b)
}

// send posts a signed request. It may be called beside the test's goroutine.
func (x *raw) send(t *testing.T, c *http.Client, url string, body []byte) (a answer) {
	t.Helper()
	r, err := c.Post(url, "application/jose+json", bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return a
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
		return a
	}
	a = answer{status: r.StatusCode, header: r.Header, body: string(text)}
	if r.Header.Get("Content-Type") == "application/problem+json" {
		var p struct{ Type string }
		if err := json.Unmarshal(text, &p); err != nil {
			t.Errorf("problem document %q: %v", text, err)
		}
		a.problem = p.Type
	}
	return a
}

// post signs with a fresh nonce and sends.
func (x *raw) post(t *testing.T, url string, payload any) answer {
	t.Helper()
	return x.send(t, x.client, url, x.signJSON(t, url, x.nonce(t), payload))
}

// get is a POST-as-GET.
func (x *raw) get(t *testing.T, url string) answer {
	t.Helper()
	return x.send(t, x.client, url, x.sign(t, url, x.nonce(t), nil))
}

// field reads a text of the object in the answer.
func (a answer) field(t *testing.T, name string) string {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal([]byte(a.body), &o); err != nil {
		t.Fatalf("%q: %v", a.body, err)
	}
	text, _ := o[name].(string)
	return text
}

// wait polls until an object has a status.
func (x *raw) wait(t *testing.T, url, status string) (last answer) {
	t.Helper()
	harness.Eventually(t, soon, func() error {
		if last = x.get(t, url); last.status != 200 || last.field(t, "status") != status {
			return fmt.Errorf("%s: %d %s", url, last.status, last.body)
		}
		return nil
	})
	return last
}
