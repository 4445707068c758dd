package acme_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/audit"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/enroll/enrolltest"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/protocol/acme"
	"github.com/certwright/certwright/internal/secret/secrettest"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/store/storetest"
	"github.com/certwright/certwright/internal/validation"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// world is ACME on real storage, issuing and identity; only the checks of
// control are a fake that answers what a test wants.
type world struct {
	*enrolltest.World
	ACME     *acme.Service
	Identity *identity.Service
	URL      string
	Checks   *checker
	Secret   string // of every credential

	box interface {
		Seal([]byte, string) ([]byte, error)
	}
	number int64
	mu     sync.Mutex
	server *httptest.Server
	logs   bytes.Buffer
}

// checker answers every check with what set says.
type checker struct {
	mu    sync.Mutex
	asked []validation.Check
	set   func(validation.Check) validation.Result
	caa   func(name, method string) *core.Failure
}

func (c *checker) Check(ctx context.Context, q validation.Check) validation.Result {
	c.mu.Lock()
	c.asked = append(c.asked, q)
	set := c.set
	c.mu.Unlock()
	if set == nil {
		return validation.Result{}
	}
	return set(q)
}

func (c *checker) CAA(_ context.Context, name string, _ bool, _ []string, _, method string) (*core.Failure, []core.Record) {
	if c.caa == nil {
		return nil, nil
	}
	return c.caa(name, method), nil
}

func (c *checker) count() int { c.mu.Lock(); defer c.mu.Unlock(); return len(c.asked) }

// answer makes the checks fail.
func (c *checker) answer(r validation.Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set = func(validation.Check) validation.Result { return r }
}

// each runs f in a fresh world on each engine.
func each(t *testing.T, f func(t *testing.T, w *world)) {
	storetest.Engines(t, func(t *testing.T, db *store.DB) { f(t, newWorld(t, db, nil)) })
}

// once runs f on SQLite: what does not depend on storage.
func once(t *testing.T, f func(t *testing.T, w *world)) {
	f(t, newWorld(t, storetest.SQLite(t), nil))
}

func newWorld(t *testing.T, db *store.DB, change func(*acme.Deps)) *world {
	t.Helper()
	w := &world{World: enrolltest.New(t, db), Checks: &checker{}, Secret: strings.Repeat("aB3d", 10)}
	box := secrettest.New(t)
	w.box = box
	var err error
	w.Identity, err = identity.New(identity.Deps{Storage: db, Catalogue: db, Audit: w.Audit, Sealer: box, MAC: box.MAC, Now: w.Now,
		BaseURL: func() string { return w.URL }, Types: []identity.CredentialType{{Name: core.CredentialACME, Title: "ACME",
			Auth: []identity.AuthOption{{Kind: core.AuthAccessKey, Form: identity.SecretSealed}}, URL: func(b, l string) string { return b + "/acme/" + l + "/directory" }}}})
	if err != nil {
		t.Fatal(err)
	}
	nonces, err := acme.NewSharedNonces(make([]byte, 32), db, w.Now)
	if db.Dialect() == store.SQLite {
		nonces, err = acme.NewProcessNonces()
	}
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewJSONHandler((*worldLog)(w), nil))
	d := acme.Deps{Auth: w.Identity, Enroll: w.Enroll, Audit: w.Audit, Storage: db, Checker: w.Checks, Domains: w.Domains, Nonces: nonces, Log: log, Now: w.Now,
		BaseURL: func() string { return w.URL }, Patience: 30 * time.Second, Delays: []time.Duration{0, 0}}
	if change != nil {
		change(&d)
	}
	w.ACME = acme.New(d)
	stack := httpx.New(httpx.Deps{Log: log, Now: w.Now})
	var routes []httpx.Route
	for _, r := range w.ACME.Routes() {
		routes = append(routes, httpx.Route{Protocol: "acme", Pattern: r.Pattern, Handler: r.Handler, MaxBody: r.MaxBody})
	}
	h, err := stack.Mux(routes)
	if err != nil {
		t.Fatal(err)
	}
	w.server = httptest.NewServer(h)
	w.URL = w.server.URL
	t.Cleanup(func() {
		w.server.Close()
		w.ACME.Close()
		w.check(t)
	})
	return w
}

type worldLog world

func (l *worldLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.logs.Write(p)
}

// check looks at what must hold at the end of every test: an audit log that
// verifies, no secret in the log, and no answer of 500.
func (w *world) check(t *testing.T) {
	ctx := context.WithoutCancel(t.Context())
	if _, err := w.Audit.Verify(ctx, func(p audit.Problem) { t.Errorf("audit: %v", p) }); err != nil {
		t.Errorf("audit: %v", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for line := range strings.Lines(w.logs.String()) {
		if strings.Contains(line, w.Secret) {
			t.Errorf("the log holds the secret: %s", line)
		}
		if strings.Contains(line, `"status":500`) || strings.Contains(line, "panic while") {
			t.Errorf("an internal error: %s", line)
		}
	}
}

// credential adds an ACME credential.
func (w *world) credential(t *testing.T, label string, o core.ACMEOptions, change ...func(*core.Credential)) *core.Credential {
	t.Helper()
	w.mu.Lock()
	w.number++
	number := w.number
	w.mu.Unlock()
	p := w.Product(t, "tls-server")
	c := &core.Credential{ID: core.NewID[core.CredentialID](w.Now()), Account: w.Account, Number: number, Type: core.CredentialACME, Auth: core.AuthAccessKey,
		Label: label, State: core.CredentialActive, User: w.User, Group: w.Group, Products: []core.ProductID{p.ID}, Product: p.ID,
		PublicID: "ak_" + label, Version: 1, CreatedAt: w.Now(), UpdatedAt: w.Now(), SecretSetAt: w.Now(), Options: core.CredentialOptions{ACME: &o}}
	for _, f := range change {
		f(c)
	}
	var err error
	if c.SecretSealed, err = w.box.Seal([]byte(w.Secret), identity.SecretPlace(c.ID)); err != nil {
		t.Fatal(err)
	}
	if err := w.DB.InTx(t.Context(), func(ctx context.Context, tx core.Tx) error { return w.DB.InsertCredential(ctx, tx, c) }); err != nil {
		t.Fatal(err)
	}
	return c
}

// change edits a stored credential.
func (w *world) change(t *testing.T, c *core.Credential, f func(*core.Credential)) {
	t.Helper()
	from := c.Version
	f(c)
	c.Version++
	if err := w.DB.InTx(t.Context(), func(ctx context.Context, tx core.Tx) error { return w.DB.UpdateCredential(ctx, tx, c, from) }); err != nil {
		t.Fatal(err)
	}
}

// client is a small ACME client that can be made to misbehave.
type client struct {
	t    testing.TB
	w    *world
	http *http.Client
	cred *core.Credential
	base string
	key  *ecdsa.PrivateKey
	kid  string
	mu   sync.Mutex
	pool []string
}

func (w *world) client(t *testing.T, c *core.Credential) *client {
	return &client{t: t, w: w, cred: c, base: w.URL + "/acme/" + c.Label + "/", key: ecKey(t)}
}

// user is a client with an account.
func (w *world) user(t *testing.T, c *core.Credential) *client {
	t.Helper()
	x := w.client(t, c)
	x.register()
	return x
}

func ecKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func jwkOf(k *ecdsa.PrivateKey) string {
	p, _ := k.PublicKey.Bytes()
	return fmt.Sprintf(`{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}`, b64(p[1:33]), b64(p[33:]))
}

func thumbprint(k *ecdsa.PrivateKey) string {
	sum := sha256.Sum256([]byte(jwkOf(k)))
	return b64(sum[:])
}

func es256(k *ecdsa.PrivateKey, in string) []byte {
	sum := sha256.Sum256([]byte(in))
	r, s, err := ecdsa.Sign(rand.Reader, k, sum[:])
	if err != nil {
		panic(err)
	}
	out := make([]byte, 64)
	r.FillBytes(out[:32])
	s.FillBytes(out[32:])
	return out
}

// shape is a request before it is signed.
type shape struct {
	key         *ecdsa.PrivateKey
	header      map[string]any
	payload     string
	contentType string
	method      string
	body        func(protected, payload, signature string) string
	to          string
}

// flat is the flattened JSON serialisation.
func flat(protected, payload, signature string) string {
	return fmt.Sprintf(`{"protected":"%s","payload":"%s","signature":"%s"}`, protected, payload, signature)
}

// signed is a flattened message.
func signed(k *ecdsa.PrivateKey, header map[string]any, payload string) string {
	h, _ := json.Marshal(header)
	p, b := b64(h), b64([]byte(payload))
	return flat(p, b, b64(es256(k, p+"."+b)))
}

// answer is what the server said.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	problem problemDoc
}

type problemDoc struct {
	Type        string           `json:"type"`
	Detail      string           `json:"detail"`
	Status      int              `json:"status"`
	Instance    string           `json:"instance"`
	Algorithms  []string         `json:"algorithms"`
	Identifier  *core.Identifier `json:"identifier"`
	Subproblems []problemDoc     `json:"subproblems"`
}

func (c *client) web() *http.Client {
	if c.http == nil {
		return http.DefaultClient
	}
	return c.http
}

func (c *client) nonce() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.pool); n > 0 {
		s := c.pool[n-1]
		c.pool = c.pool[:n-1]
		return s
	}
	r, err := c.web().Head(c.base + "new-nonce")
	if err != nil {
		c.t.Error(err)
		return ""
	}
	_ = r.Body.Close()
	return r.Header.Get("Replay-Nonce")
}

// post signs and sends; url is absolute or below the directory.
func (c *client) post(url, payload string, change ...func(*shape)) *answer {
	c.t.Helper()
	if !strings.HasPrefix(url, "http") {
		url = c.base + url
	}
	s := &shape{key: c.key, header: map[string]any{"alg": "ES256", "nonce": c.nonce(), "url": url}, payload: payload,
		contentType: "application/jose+json", method: http.MethodPost, body: flat, to: url}
	if c.kid != "" {
		s.header["kid"] = c.kid
	} else {
		s.header["jwk"] = json.RawMessage(jwkOf(c.key))
	}
	for _, f := range change {
		f(s)
	}
	h, err := json.Marshal(s.header)
	if err != nil {
		c.t.Fatal(err)
	}
	protected, body := b64(h), b64([]byte(s.payload))
	return c.send(s.method, s.to, s.contentType, s.body(protected, body, b64(es256(s.key, protected+"."+body))))
}

func (c *client) send(method, url, contentType, body string) *answer {
	c.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, url, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	r, err := c.web().Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer r.Body.Close()
	a := &answer{status: r.StatusCode, header: r.Header}
	if a.body, err = io.ReadAll(r.Body); err != nil {
		c.t.Fatal(err)
	}
	if method == http.MethodPost && r.Header.Get("Replay-Nonce") == "" {
		c.t.Errorf("POST %s: %d without Replay-Nonce", url, r.StatusCode)
	}
	if n := r.Header.Get("Replay-Nonce"); n != "" {
		c.mu.Lock()
		c.pool = append(c.pool, n)
		c.mu.Unlock()
	}
	if after := r.Header.Get("Retry-After"); after != "" && (strings.Trim(after, "0123456789") != "" || after == "0") {
		c.t.Errorf("%s %s: Retry-After %q is no number of seconds", method, url, after)
	}
	if r.StatusCode >= 400 {
		a.checkProblem(c.t, method+" "+url)
	}
	return a
}

// checkProblem verifies what every error has.
func (a *answer) checkProblem(t testing.TB, what string) {
	t.Helper()
	if err := json.Unmarshal(a.body, &a.problem); err != nil {
		t.Errorf("%s: %d with %q", what, a.status, a.body)
		return
	}
	if ct := a.header.Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("%s: content type %q", what, ct)
	}
	if a.problem.Status != a.status || !strings.HasPrefix(a.problem.Type, "urn:ietf:params:acme:error:") || a.problem.Detail == "" {
		t.Errorf("%s: status %d, problem %+v", what, a.status, a.problem)
	}
	if a.problem.Identifier != nil {
		t.Errorf("%s: an identifier outside the subproblems: %s", what, a.body)
	}
}

// want checks status and problem type ("" for none).
func (a *answer) want(t testing.TB, status int, typ string) *answer {
	t.Helper()
	got := strings.TrimPrefix(a.problem.Type, "urn:ietf:params:acme:error:")
	if a.status != status || got != typ {
		t.Errorf("%d %s (%s), want %d %s", a.status, got, a.body, status, typ)
	}
	return a
}

// into reads a JSON answer.
func into[T any](t testing.TB, a *answer) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	return v
}

type orderDoc struct {
	Status         string            `json:"status"`
	Expires        string            `json:"expires"`
	Identifiers    []core.Identifier `json:"identifiers"`
	Authorizations []string          `json:"authorizations"`
	Finalize       string            `json:"finalize"`
	Certificate    string            `json:"certificate"`
	Profile        string            `json:"profile"`
	Replaces       string            `json:"replaces"`
	NotBefore      string            `json:"notBefore"`
	NotAfter       string            `json:"notAfter"`
	Error          *problemDoc       `json:"error"`
}

type authzDoc struct {
	Status     string          `json:"status"`
	Identifier core.Identifier `json:"identifier"`
	Challenges []challengeDoc  `json:"challenges"`
	Expires    string          `json:"expires"`
	Wildcard   bool            `json:"wildcard"`
	Subdomains bool            `json:"subdomainAuthAllowed"`
}

type challengeDoc struct {
	Type      string      `json:"type"`
	URL       string      `json:"url"`
	Status    string      `json:"status"`
	Token     string      `json:"token"`
	Validated string      `json:"validated"`
	Domains   []string    `json:"issuer-domain-names"`
	Error     *problemDoc `json:"error"`
}

// eab makes an external account binding.
func (c *client) eab(kid, secret, alg string) json.RawMessage {
	mac, _ := base64.RawURLEncoding.DecodeString(secret)
	h, _ := json.Marshal(map[string]string{"alg": alg, "kid": kid, "url": c.base + "new-account"})
	p, b := b64(h), b64([]byte(jwkOf(c.key)))
	hash := map[string]crypto.Hash{"HS256": crypto.SHA256, "HS384": crypto.SHA384, "HS512": crypto.SHA512}[alg]
	if hash == 0 {
		hash = crypto.SHA256
	}
	m := hmac.New(hash.New, mac)
	m.Write([]byte(p + "." + b))
	return json.RawMessage(flat(p, b, b64(m.Sum(nil))))
}

func mustJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// register makes an account with the credential's own binding.
func (c *client) register() *answer {
	c.t.Helper()
	a := c.post("new-account", mustJSON(map[string]any{"termsOfServiceAgreed": true, "contact": []string{"mailto:ops@example.internal"},
		"externalAccountBinding": c.eab(c.cred.PublicID, c.w.Secret, "HS256")}))
	a.want(c.t, http.StatusCreated, "")
	c.kid = a.header.Get("Location")
	return a
}

func ids(names ...string) []core.Identifier {
	var out []core.Identifier
	for _, n := range names {
		kind, value, ok := strings.Cut(n, "=")
		if !ok {
			kind, value = "dns", n
		}
		out = append(out, core.Identifier{Type: kind, Value: value})
	}
	return out
}

// order makes an order; its URL is the second result.
func (c *client) order(names ...string) (orderDoc, string) {
	c.t.Helper()
	a := c.post("new-order", mustJSON(map[string]any{"identifiers": ids(names...)})).want(c.t, http.StatusCreated, "")
	return into[orderDoc](c.t, a), a.header.Get("Location")
}

// prove answers the first challenge of the type, "" for any, of each authorization.
func (c *client) prove(o orderDoc, typ string) {
	c.t.Helper()
	for _, u := range o.Authorizations {
		z := into[authzDoc](c.t, c.post(u, "").want(c.t, 200, ""))
		for _, ch := range z.Challenges {
			if z.Status == "pending" && (typ == "" || ch.Type == typ) {
				c.post(ch.URL, "{}").want(c.t, 200, "")
				break
			}
		}
	}
}

// csr makes a certificate request for names ("ip=…" for addresses).
func csr(t testing.TB, key crypto.Signer, cn string, names ...string) string {
	t.Helper()
	return b64(enrolltest.CSR(t, key, names...))
}

// finish finalizes and downloads.
func (c *client) finish(o orderDoc, url string, names ...string) []*x509.Certificate {
	c.t.Helper()
	a := c.post(o.Finalize, mustJSON(map[string]string{"csr": csr(c.t, ecKey(c.t), "", names...)})).want(c.t, 200, "")
	o = into[orderDoc](c.t, a)
	if o.Status != "valid" || a.header.Get("Location") != url {
		c.t.Fatalf("finalize: %s, Location %q", a.body, a.header.Get("Location"))
	}
	return chainOf(c.t, c.post(o.Certificate, "").want(c.t, 200, "").body)
}

// issue goes the whole way.
func (c *client) issue(names ...string) (certs []*x509.Certificate, o orderDoc) {
	c.t.Helper()
	o, url := c.order(names...)
	c.prove(o, "")
	certs = c.finish(o, url, names...)
	return certs, into[orderDoc](c.t, c.post(url, ""))
}

func chainOf(t testing.TB, text []byte) []*x509.Certificate {
	t.Helper()
	var out []*x509.Certificate
	for rest := text; len(rest) > 0; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			t.Fatalf("text that is no PEM: %q", rest)
		}
		c, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, c)
	}
	return out
}

// certID is RFC 9773 section 4.1.
func certID(c *x509.Certificate) string {
	n := c.SerialNumber.Bytes()
	if n[0]&0x80 != 0 {
		n = append([]byte{0}, n...)
	}
	return b64(c.AuthorityKeyId) + "." + b64(n)
}
