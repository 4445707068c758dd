package rest_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/agreement"
	"github.com/certwright/certwright/internal/audit"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/domain"
	"github.com/certwright/certwright/internal/enroll/enrolltest"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/ordering"
	"github.com/certwright/certwright/internal/protocol/rest"
	"github.com/certwright/certwright/internal/secret/secrettest"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/store/storetest"
	"github.com/certwright/certwright/internal/validation"
	"github.com/certwright/certwright/internal/vetting"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// v1World is the order API on real storage, issuing, ordering, domains, vetting
// and identity; only what is looked at in the DNS and on web servers is a fake
// that answers what a test wants.
type v1World struct {
	*enrolltest.World
	URL     string
	Checks  *v1Checker
	Secret  string
	Vetting *vetting.Service
	Domains *domain.Service
	Orders  *ordering.Service
	Mails   v1Mail
	texts   *agreement.Service

	box interface {
		Seal([]byte, string) ([]byte, error)
	}
	mu   sync.Mutex
	logs bytes.Buffer
}

// v1Mail keeps mails.
type v1Mail struct {
	mu   sync.Mutex
	sent []string
}

func (m *v1Mail) SendMail(_ context.Context, to, subject, text string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sent = append(m.sent, to+"\n"+subject+"\n"+text)
	return nil
}

func (m *v1Mail) Send(ctx context.Context, to, subject, text string) error {
	return m.SendMail(ctx, to, subject, text)
}

// v1Checker answers every look with failure, nil for success.
type v1Checker struct {
	mu      sync.Mutex
	failure *core.Failure
	caa     *core.Failure
}

func (c *v1Checker) set(failure, caa *core.Failure) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failure, c.caa = failure, caa
}

func (c *v1Checker) Check(context.Context, validation.Check) validation.Result {
	c.mu.Lock()
	defer c.mu.Unlock()
	return validation.Result{Failure: c.failure}
}

func (c *v1Checker) CAA(context.Context, string, bool, []string, string, string) (*core.Failure, []core.Record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.caa, nil
}

func (c *v1Checker) Contacts(context.Context, string) ([]string, *core.Failure, []core.Record) {
	return nil, nil, nil
}

// v1Each runs f in a fresh world on each engine.
func v1Each(t *testing.T, f func(t *testing.T, w *v1World)) {
	storetest.Engines(t, func(t *testing.T, db *store.DB) { f(t, newV1World(t, db, nil)) })
}

// v1Once runs f on SQLite: what does not depend on storage.
func v1Once(t *testing.T, f func(t *testing.T, w *v1World)) {
	f(t, newV1World(t, storetest.SQLite(t), nil))
}

func newV1World(t *testing.T, db *store.DB, change func(*rest.Deps)) *v1World {
	t.Helper()
	w := &v1World{World: enrolltest.Quick(t, db), Checks: &v1Checker{}, Secret: strings.Repeat("aB3d", 16)}
	box := secrettest.New(t)
	w.box = box
	base := func() string { return w.URL }
	ident, err := identity.New(identity.Deps{Storage: db, Catalogue: db, Audit: w.Audit, Sealer: box, MAC: box.MAC, Now: w.Now, BaseURL: base,
		Types: []identity.CredentialType{{Name: core.CredentialREST, Title: "REST order API",
			Auth: []identity.AuthOption{{Kind: core.AuthAccessKey, Form: identity.SecretSealed}, {Kind: core.AuthOAuth}}, URL: func(b, _ string) string { return b }}}})
	if err != nil {
		t.Fatal(err)
	}
	w.Domains, err = domain.NewService(domain.Deps{Storage: db, Checker: w.Checks, Mail: &w.Mails, Audit: w.Audit, BaseURL: base, Now: w.Now,
		CAA: func(context.Context, core.AccountID) ([]string, error) { return []string{"ca.example"}, nil },
		Verified: func(ctx context.Context, tx core.Tx, d *core.Domain) error {
			return w.Orders.DomainVerified(ctx, tx, d)
		}})
	if err != nil {
		t.Fatal(err)
	}
	w.Vetting, err = vetting.New(vetting.Deps{Storage: db, Audit: w.Audit, Sealer: box, Mail: &w.Mails, BaseURL: base, Now: w.Now,
		Vetted: func(ctx context.Context, tx core.Tx, a core.AccountID, o core.OrganisationID) error {
			return w.Orders.OrganisationVetted(ctx, tx, a, o)
		}})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewJSONHandler((*v1Log)(w), nil))
	w.texts = agreement.New(agreement.Deps{Storage: db, Audit: w.Audit, Now: w.Now})
	w.Orders = ordering.NewService(ordering.Deps{Storage: db, DomainRows: db, Enroll: w.Enroll, Domains: w.Domains, Vetting: w.Vetting, Agreements: w.texts, Audit: w.Audit, Sealer: box, Now: w.Now, Logger: log})
	d := rest.Deps{Auth: ident, Orders: w.Orders, Domains: w.Domains, Vetting: w.Vetting, Storage: db, Audit: w.Audit, BaseURL: base, Log: log, Now: w.Now}
	if change != nil {
		change(&d)
	}
	var routes []httpx.Route
	for _, r := range rest.New(d).Routes() {
		routes = append(routes, httpx.Route{Protocol: "rest", Pattern: r.Pattern, Handler: r.Handler, MaxBody: r.MaxBody})
	}
	h, err := httpx.New(httpx.Deps{Log: log, Now: w.Now}).Mux(routes)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	w.URL = server.URL
	t.Cleanup(func() {
		server.Close()
		w.check(t)
	})
	return w
}

type v1Log v1World

func (l *v1Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.logs.Write(p)
}

// check looks at what must hold at the end of every test: an audit log that
// verifies and no secret in the log.
func (w *v1World) check(t *testing.T) {
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

// products are those of the credential of most tests.
var v1Products = []string{"ssl-dv", "ssl-ov", "ssl-ev", "document-signer-natural-person", "document-signer-legal-person", "document-signer-legal-entity", "smime", "tls-server"}

// credential adds a credential with an access key.
func (w *v1World) credential(t testing.TB, publicID string, codes []string, change ...func(*core.Credential)) *core.Credential {
	t.Helper()
	c := &core.Credential{ID: core.NewID[core.CredentialID](w.Now()), Account: w.Account, Type: core.CredentialREST, Auth: core.AuthAccessKey, Label: "r" + publicID,
		State: core.CredentialActive, User: w.User, Group: w.Group, PublicID: publicID, Version: 1, CreatedAt: w.Now(), UpdatedAt: w.Now(), SecretSetAt: w.Now()}
	for _, code := range codes {
		c.Products = append(c.Products, w.Product(t, code).ID)
	}
	c.Product = c.Products[0]
	for _, f := range change {
		f(c)
	}
	err := w.DB.InTx(context.Background(), func(ctx context.Context, tx core.Tx) (err error) {
		if c.SecretSealed, err = w.box.Seal([]byte(w.Secret), identity.SecretPlace(c.ID)); err != nil {
			return err
		}
		if c.Number, err = w.DB.NextNumber(ctx, tx, w.Account, "credential", 1); err != nil {
			return err
		}
		return w.DB.InsertCredential(ctx, tx, c)
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// edit changes a stored credential.
func (w *v1World) edit(t testing.TB, c *core.Credential, f func(*core.Credential)) {
	t.Helper()
	from := c.Version
	f(c)
	c.Version++
	if err := w.DB.InTx(context.Background(), func(ctx context.Context, tx core.Tx) error { return w.DB.UpdateCredential(ctx, tx, c, from) }); err != nil {
		t.Fatal(err)
	}
}

// v1Client is a client of version 1 that can be made to misbehave.
type v1Client struct {
	t      testing.TB
	w      *v1World
	number string // account number
	key    string
}

func (w *v1World) client(t testing.TB, c *core.Credential) *v1Client {
	return &v1Client{t: t, w: w, number: c.PublicID, key: w.Secret}
}

var v1Txn atomic.Int64

// v1Meta are the parts of a meta block.
type v1Meta map[string]any

// meta makes a right meta block.
func (c *v1Client) meta() v1Meta {
	m := v1Meta{"ver": "1.0", "ts": c.w.Now().In(time.FixedZone("", 19800)).Format(time.RFC3339), "txn": fmt.Sprintf("T%012d", v1Txn.Add(1)), "accountNumber": c.number}
	c.sign(m)
	return m
}

func (c *v1Client) sign(m v1Meta) {
	sum := sha256.Sum256([]byte(c.key + m["ts"].(string) + m["txn"].(string)))
	m["authKey"] = hex.EncodeToString(sum[:])
}

// v1Reply is an answer.
type v1Reply struct {
	status int
	header http.Header
	body   map[string]any
	raw    []byte
}

// code is the errorCode, "" on success.
func (r *v1Reply) code() string {
	m, _ := r.body["meta"].(map[string]any)
	s, _ := m["errorCode"].(string)
	return strings.TrimPrefix(s, "EMS-")
}

// get reads a text deep in the answer: "orderDetails", "orderNumber".
func (r *v1Reply) get(path ...string) string {
	var v any = r.body
	for _, p := range path {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	s, _ := v.(string)
	return s
}

// send posts text.
func (c *v1Client) send(method, body string, change ...func(*http.Request)) *v1Reply {
	c.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, c.w.URL+"/emSignHub-API/"+method, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for _, f := range change {
		f(req)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	out := &v1Reply{status: res.StatusCode, header: res.Header}
	if out.raw, err = io.ReadAll(res.Body); err != nil {
		c.t.Fatal(err)
	}
	if err := json.Unmarshal(out.raw, &out.body); err != nil {
		c.t.Fatalf("%s: %d %q: %v", method, res.StatusCode, out.raw, err)
	}
	if ct := res.Header.Get("Content-Type"); ct != "application/json" {
		c.t.Errorf("%s: content type %q", method, ct)
	}
	return out
}

// call posts a signed request with blocks.
func (c *v1Client) call(method string, blocks map[string]any) *v1Reply {
	c.t.Helper()
	return c.with(method, c.meta(), blocks)
}

// with posts blocks under a meta block of the test's making.
func (c *v1Client) with(method string, meta v1Meta, blocks map[string]any, change ...func(*http.Request)) *v1Reply {
	c.t.Helper()
	in := map[string]any{"meta": meta}
	for k, v := range blocks {
		in[k] = v
	}
	body, err := json.Marshal(in)
	if err != nil {
		c.t.Fatal(err)
	}
	r := c.send(method, string(body), change...)
	if r.status != http.StatusOK {
		c.t.Errorf("%s: status %d: %s", method, r.status, r.raw)
	}
	if got := r.get("meta", "txn"); got != meta["txn"] && meta["txn"] != nil {
		c.t.Errorf("%s: txn %q, want %v", method, got, meta["txn"])
	}
	return r
}

// ok demands success.
func (c *v1Client) ok(method string, blocks map[string]any) *v1Reply {
	c.t.Helper()
	r := c.call(method, blocks)
	if r.get("meta", "status") != "1" || r.code() != "" {
		c.t.Fatalf("%s: %s", method, r.raw)
	}
	return r
}

// fails demands a code.
func (c *v1Client) fails(code, method string, blocks map[string]any) *v1Reply {
	c.t.Helper()
	r := c.call(method, blocks)
	r.want(c.t, code)
	return r
}

// want compares the answer with the golden one of a code.
func (r *v1Reply) want(t testing.TB, code string) {
	t.Helper()
	if r.code() != code {
		t.Errorf("EMS-%s, want EMS-%s: %s", r.code(), code, r.raw)
		return
	}
	r.golden(t, "EMS-"+code)
}

// v1Seen are the golden answers that some test compared with.
var v1Seen sync.Map

// v1Volatile are what changes from run to run, by its form.
var v1Volatile = []struct {
	re *regexp.Regexp
	to string
}{
	{regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$`), "<time>"},
	{regexp.MustCompile(`^certwright-dcv-[0-9a-f]{32}$`), "<token>"},
	{regexp.MustCompile(`[0-9a-f]{32}\.txt`), "<file>"},
	{regexp.MustCompile(`^(?s)-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n$`), "<certificate>"},
	{regexp.MustCompile(`^[0-9a-f]{16,40}$`), "<serial>"},
	{regexp.MustCompile(`^http://127\.0\.0\.1:\d+/.+`), "<url>"},
}

// v1ByName are members whose value is not compared, only that there is one.
var v1ByName = map[string]string{"prevettingToken": "<secret>", "issuerCA": "<issuer>", "certificateChain": "<issuer>"}

func v1Normal(name string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = v1Normal(k, v[k])
		}
	case []any:
		for i := range v {
			v[i] = v1Normal("", v[i])
		}
	case string:
		if to, ok := v1ByName[name]; ok && v != "" {
			return to
		}
		if (name == "orderNumber" || name == "requestNumber") && len(v) == 10 {
			return "<number>"
		}
		if name == "errorMessage" {
			text, _, more := strings.Cut(v, ": ")
			if more {
				text += "."
			}
			return text
		}
		for _, x := range v1Volatile {
			v = x.re.ReplaceAllString(v, x.to)
		}
		return v
	}
	return v
}

// golden compares the answer with a text written by hand from the API's
// documentation.
func (r *v1Reply) golden(t testing.TB, name string) {
	t.Helper()
	v1Seen.Store(name, true)
	file, err := os.ReadFile(filepath.Join("testdata", "golden", "v1", name+".json"))
	if err != nil {
		t.Error(err)
		return
	}
	var want, got map[string]any
	if err := json.Unmarshal(file, &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(r.raw, &got); err != nil {
		t.Fatal(err)
	}
	v1Normal("", got)
	if m, ok := got["meta"].(map[string]any); ok {
		if _, err := time.Parse(time.RFC3339, m["ts"].(string)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		m["ts"], m["txn"] = "<ts>", "<txn>"
	}
	a, _ := json.MarshalIndent(got, "", "  ")
	b, _ := json.MarshalIndent(want, "", "  ")
	if !bytes.Equal(a, b) {
		t.Errorf("%s:\n%s", name, v1Diff(a, b))
	}
}

// v1Diff shows the lines that only one of two texts has.
func v1Diff(got, want []byte) string {
	var out strings.Builder
	has := func(text []byte, line string) bool { return strings.Contains("\n"+string(text)+"\n", "\n"+line+"\n") }
	for line := range strings.SplitSeq(string(got), "\n") {
		if !has(want, line) {
			out.WriteString("got  " + line + "\n")
		}
	}
	for line := range strings.SplitSeq(string(want), "\n") {
		if !has(got, line) {
			out.WriteString("want " + line + "\n")
		}
	}
	return out.String()
}
