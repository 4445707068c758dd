package rest_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/domain"
	"github.com/certwright/certwright/internal/store/storetest"
)

// golden is one request and its answer, written by hand from the API's
// documentation before there was code. Nothing regenerates these files.
type golden struct {
	Given         string            `json:"given"` // see givens
	Method        string            `json:"method"`
	Path          string            `json:"path"`
	Headers       map[string]string `json:"headers"` // empty: not sent
	Body          any               `json:"body"`
	Text          *string           `json:"text"` // in place of Body
	Status        int               `json:"status"`
	AnswerHeaders map[string]string `json:"answerHeaders"`
	Only          []string          `json:"only"` // the members that are compared; empty: all
	Answer        map[string]any    `json:"answer"`
}

// v2Volatile are the forms of values that change from run to run.
var v2Volatile = []struct {
	re *regexp.Regexp
	to string
}{
	{regexp.MustCompile(`(?s)-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n`), "<pem>"},
	{regexp.MustCompile(`http://127\.0\.0\.1:\d+`), "<base>"},
	{regexp.MustCompile(`\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b`), "<id>"},
	{regexp.MustCompile(`\bcertwright-dcv-[0-9a-f]{32}\b`), "<dcv>"},
	{regexp.MustCompile(`\b[0-9a-f]{32}\.txt\b`), "<file>"},
	{regexp.MustCompile(`^[0-9a-f]{64}$`), "<sha256>"},
	{regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`), "<time>"},
	{regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$`), "<datetime>"},
	{regexp.MustCompile(`^INV-\d+$`), "<invoice>"},
	{regexp.MustCompile(`\b[1-9]\d{9}\b`), "<number>"},
	{regexp.MustCompile(`^([0-9A-F]{2}:){8,19}[0-9A-F]{2}$`), "<serial>"},
	{regexp.MustCompile(`^\d{18,50}$`), "<serial>"},
}

// v2ByName are members of which only the form counts.
var v2ByName = map[string]struct {
	re *regexp.Regexp
	to string
}{
	"access_token": {regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`), "<token>"}, "accessToken": {regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`), "<token>"},
	"refresh_token": {regexp.MustCompile(`^[0-9a-f]{32}$`), "<hex>"}, "preVettingToken": {regexp.MustCompile(`^.{16,}$`), "<secret>"},
	"issuer": {regexp.MustCompile(`^.*CN=.+$`), "<dn>"}, "issuerCA": {regexp.MustCompile(`^.+$`), "<dn>"}, "serialNumber": {regexp.MustCompile(`^[0-9a-f]{16,40}$`), "<hexserial>"},
	"instructions": {regexp.MustCompile(`^.{10,}$`), "…"}, "message": {regexp.MustCompile(`^.{5,}$`), "…"}, "reason": {regexp.MustCompile(`^.* .*$`), "…"},
	"error_description": {regexp.MustCompile(`^.{10,}$`), "…"},
}

// v2Normal replaces what is volatile.
func v2Normal(name string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = v2Normal(k, v[k])
		}
	case []any:
		for i := range v {
			v[i] = v2Normal("", v[i])
		}
	case string:
		if x, ok := v2ByName[name]; ok && x.re.MatchString(v) {
			return x.to
		}
		for _, x := range v2Volatile {
			v = x.re.ReplaceAllString(v, x.to)
		}
		return v
	}
	return v
}

// v2Links are the relations that each family must offer to the older
// generation.
var v2Links = map[string][]string{"/ssl-certificates": {"agreement", "cancel", "certificate", "csr", "dcv", "revoke", "self"},
	"/private-pki-certificates": {"agreement", "cancel", "certificate", "csr", "revoke", "self"}}

// condense brings an answer into the form of the files.
func (g *golden) condense(t *testing.T, a *v2Answer) map[string]any {
	t.Helper()
	got, _ := v2Normal("", a.body).(map[string]any)
	if a.header.Get("Content-Type") == "application/problem+json" {
		return g.problem(t, a, got)
	}
	if links, ok := got["_links"].(map[string]any); ok && g.Answer["_links"] == "<links>" {
		var names []string
		for rel := range links {
			names = append(names, rel)
		}
		slices.Sort(names)
		for prefix, want := range v2Links {
			if strings.HasPrefix(g.Path, prefix) && !slices.Equal(names, want) {
				t.Errorf("links %v, want %v", names, want)
			}
		}
		got["_links"] = "<links>"
	}
	if len(g.Only) > 0 {
		some := map[string]any{}
		for _, k := range g.Only {
			if v, ok := got[k]; ok {
				some[k] = v
			}
		}
		return some
	}
	return got
}

// problem checks the fixed parts of a problem document and keeps the others.
func (g *golden) problem(t *testing.T, a *v2Answer, got map[string]any) map[string]any {
	t.Helper()
	if got["status"] != float64(a.status) || got["title"] != http.StatusText(a.status) || a.get("instance") == "" {
		t.Errorf("problem %s", a.raw)
	}
	out := map[string]any{"problem": a.number()}
	if list, ok := got["errors"].([]any); ok {
		var fields []any
		for _, e := range list {
			fields = append(fields, e.(map[string]any)["field"])
			if e.(map[string]any)["message"] == "" {
				t.Errorf("a field without message: %s", a.raw)
			}
		}
		out["fields"] = fields
	}
	if typ := a.get("type"); typ != "about:blank" {
		out["type"] = typ
	}
	for _, k := range []string{"existingDomainId", "diagnostics"} {
		if v, ok := got[k]; ok {
			out[k] = v
		}
	}
	if says, ok := g.Answer["says"].(string); ok && strings.Contains(a.get("detail"), says) {
		out["says"] = says
	}
	return out
}

// fill puts a test's values where the files have {names}.
func fill(t *testing.T, v any, vars map[string]string) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = fill(t, v[k], vars)
		}
	case []any:
		for i := range v {
			v[i] = fill(t, v[i], vars)
		}
	case string:
		if rest, ok := strings.CutPrefix(v, "{csr:"); ok {
			return v2CSR(t, strings.TrimSuffix(rest, "}"))
		}
		if v == "{names:101}" {
			return manyNames(101)
		}
		for k, x := range vars {
			v = strings.ReplaceAll(v, "{"+k+"}", x)
		}
		return v
	}
	return v
}

func manyNames(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = "n" + strings.Repeat("x", i%20) + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676%26)) + ".example.com"
	}
	return out
}

// TestV2Golden sends the requests of testdata/golden/v2 and compares the
// answers.
func TestV2Golden(t *testing.T) {
	files, err := filepath.Glob("testdata/golden/v2/*.json")
	if err != nil || len(files) < 100 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var g golden
			d := json.NewDecoder(bytes.NewReader(raw))
			d.DisallowUnknownFields()
			if err := d.Decode(&g); err != nil {
				t.Fatal(err)
			}
			g.run(t)
		})
	}
}

func (g *golden) run(t *testing.T) {
	w := newV2World(t, storetest.SQLite(t))
	make, ok := givens[g.Given]
	if !ok {
		t.Fatalf("there is no world %q", g.Given)
	}
	x, vars := make(t, w)
	body := []byte(nil)
	switch {
	case g.Text != nil:
		body = []byte(fill(t, *g.Text, vars).(string))
	case g.Body != nil:
		body, _ = json.Marshal(fill(t, g.Body, vars))
	}
	contentType := ""
	if g.Text != nil || g.Body != nil {
		contentType = "application/json"
	}
	a := x.do(g.Method, fill(t, g.Path, vars).(string), contentType, body, func(r *http.Request) {
		for k, v := range g.Headers {
			header(k, fill(t, v, vars).(string))(r)
		}
	})
	if a.status != g.Status {
		t.Fatalf("status %d, want %d: %s", a.status, g.Status, a.raw)
	}
	for k, v := range g.AnswerHeaders {
		if got := v2Normal("", a.header.Get(k)); got != v {
			t.Errorf("%s: %q, want %q", k, got, v)
		}
	}
	if g.Answer == nil {
		if len(a.raw) > 0 {
			t.Errorf("a body where there must be none: %s", a.raw)
		}
		return
	}
	got, _ := json.MarshalIndent(g.condense(t, a), "", "  ")
	want, _ := json.MarshalIndent(g.Answer, "", "  ")
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// given makes a world: a client and what the files may refer to.
type given func(t *testing.T, w *v1World) (*v2Client, map[string]string)

// then goes on from a world.
func (g given) then(f func(t *testing.T, x *v2Client)) given {
	return func(t *testing.T, w *v1World) (*v2Client, map[string]string) {
		x, vars := g(t, w)
		f(t, x)
		return x, vars
	}
}

// usual makes the usual client.
func usual(t *testing.T, w *v1World) (*v2Client, map[string]string) {
	x := w.v2(t, w.oauth(t, v2Account, v1Products))
	return x, map[string]string{"account": v2Account, "secret": w.Secret, "group": "1000000001",
		"basic": "Basic " + base64.StdEncoding.EncodeToString([]byte(v2Account+":"+w.Secret)), "long": strings.Repeat("k", 256), "big": strings.Repeat("A", 70_000)}
}

// prepared is the usual client after some requests; f says what comes of them.
func prepared(f func(t *testing.T, w *v1World, x *v2Client, vars map[string]string)) given {
	return func(t *testing.T, w *v1World) (*v2Client, map[string]string) {
		x, vars := usual(t, w)
		f(t, w, x, vars)
		return x, vars
	}
}

// ordered is the usual client with an order.
func ordered(path string, body m, more ...func(t *testing.T, w *v1World, x *v2Client, vars map[string]string)) given {
	return prepared(func(t *testing.T, w *v1World, x *v2Client, vars map[string]string) {
		if _, unproven := body["unproven"]; !unproven && path == "/ssl-certificates" {
			w.proven(t, "example.com")
		}
		vars["order"] = x.must(201, "POST", path, fillCSR(t, body)).get("orderId")
		for _, f := range more {
			f(t, w, x, vars)
		}
	})
}

func fillCSR(t *testing.T, body m) m {
	out := m{}
	for k, v := range body {
		if s, ok := v.(string); ok {
			v = fill(t, s, nil)
		}
		out[k] = v
	}
	return out
}

// only is a client of few products.
func only(change func(t *testing.T, w *v1World), codes ...string) given {
	return func(t *testing.T, w *v1World) (*v2Client, map[string]string) {
		if change != nil {
			change(t, w)
		}
		return w.v2(t, w.oauth(t, v2Account, codes)), map[string]string{"account": v2Account, "group": "1000000001"}
	}
}

// registered is the usual client with a domain.
func registered(f func(t *testing.T, w *v1World, x *v2Client, vars map[string]string)) given {
	return prepared(func(t *testing.T, w *v1World, x *v2Client, vars map[string]string) {
		w.Checks.set(noRecord(), nil)
		vars["domain"] = x.must(201, "POST", "/domains", m{"domainName": "example.com"}).get("domainId")
		if f != nil {
			f(t, w, x, vars)
		}
	})
}

var issuedDV = dvBody(m{"agreement": signedAgreement(), "csr": "{csr:shop.example.com}"})

// givens are the worlds that the files name.
var givens = map[string]given{
	"oauth": prepared(func(t *testing.T, w *v1World, x *v2Client, vars map[string]string) {
		vars["refresh"] = x.form("grant_type=client_credentials&client_id=" + v2Account + "&client_secret=" + w.Secret).get("refresh_token")
		w.Checks.set(noRecord(), nil)
	}),
	"key": func(t *testing.T, w *v1World) (*v2Client, map[string]string) {
		c := w.credential(t, v2Account, v1Products)
		x := &v2Client{t: t, w: w, cred: c}
		vars := map[string]string{"account": v2Account, "secret": w.Secret}
		legacy := func() m {
			meta := w.client(t, c).meta()
			vars["ts"], vars["txn"], vars["authKey"] = meta["ts"].(string), meta["txn"].(string), meta["authKey"].(string)
			return m{"grant_type": "client_credentials", "accountNumber": v2Account, "ver": "1.0", "ts": vars["ts"], "txn": vars["txn"], "authKey": vars["authKey"]}
		}
		x.token = x.must(200, "POST", "/oauth/token", legacy()).get("tokenDetails", "accessToken")
		legacy() // another one for the file
		return x, vars
	},
	"proven": prepared(func(t *testing.T, w *v1World, x *v2Client, vars map[string]string) { w.proven(t, "example.com") }),
	"draft": prepared(func(t *testing.T, w *v1World, x *v2Client, vars map[string]string) {
		vars["request"] = x.must(201, "POST", "/ssl-certificates", dvBody(m{"saveAsDraft": true})).get("requestId")
	}),
	"dv": ordered("/ssl-certificates", dvBody(m{"unproven": 1}), func(t *testing.T, w *v1World, x *v2Client, vars map[string]string) {
		w.Checks.set(noRecord(), nil)
	}),
	"dv-published": ordered("/ssl-certificates", dvBody(m{"unproven": 1})),
	"dv-agreement": ordered("/ssl-certificates", dvBody(m{"csr": "{csr:shop.example.com}"})),
	"dv-issued":    ordered("/ssl-certificates", issuedDV),
	"dv-revoked": ordered("/ssl-certificates", issuedDV, func(t *testing.T, w *v1World, x *v2Client, vars map[string]string) {
		x.must(204, "POST", "/ssl-certificates/"+vars["order"]+"/revoke", m{"reason": "key-compromise"})
	}),
	"dv-cancelled": ordered("/ssl-certificates", dvBody(m{"unproven": 1}), func(t *testing.T, w *v1World, x *v2Client, vars map[string]string) {
		x.must(204, "POST", "/ssl-certificates/"+vars["order"]+"/cancel", m{"reason": "not needed"})
	}),
	"private":           ordered("/private-pki-certificates", privateBody(nil)),
	"private-issued":    ordered("/private-pki-certificates", privateBody(m{"csr": "{csr:app.example.internal}"}), firstCertificate),
	"private-suspended": ordered("/private-pki-certificates", privateBody(m{"csr": "{csr:app.example.internal}"}), suspended),
	"private-deploying": ordered("/private-pki-certificates", privateBody(m{"csr": "{csr:app.example.internal}"}), firstCertificate, func(t *testing.T, w *v1World, x *v2Client, vars map[string]string) {
		x.must(202, "POST", "/certificates/"+vars["certificate"]+"/deployments", m{"target": "web server 3"})
	}),
	"signer": ordered("/signature-certificates", signerBody()),
	"signer-documents": ordered("/signature-certificates", signerBody(), func(t *testing.T, w *v1World, x *v2Client, vars map[string]string) {
		if a := x.upload("/signature-certificates/"+vars["order"]+"/documents", "passport.pdf", v2PDF); a.status != 201 {
			t.Fatalf("%s", a.raw)
		}
	}),
	"smime": usual,
	"keyed": prepared(func(t *testing.T, w *v1World, x *v2Client, vars map[string]string) {
		x.must(201, "POST", "/private-pki-certificates", privateBody(nil), header("Idempotency-Key", "build-4711"))
	}),
	"elsewhere": prepared(func(t *testing.T, w *v1World, x *v2Client, vars map[string]string) {
		w.edit(t, x.cred, func(c *core.Credential) { c.Sources = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} })
	}),
	"used-up": only(func(t *testing.T, w *v1World) {
		w.Change(t, "tls-server", func(p *core.Profile) { p.Quota = 1 })
	}, "tls-server").then(func(t *testing.T, x *v2Client) {
		x.must(201, "POST", "/private-pki-certificates", privateBody(m{"csr": v2CSR(t, "app.example.internal")}))
	}),
	"domain": registered(nil),
	"domain-published": registered(func(t *testing.T, w *v1World, x *v2Client, vars map[string]string) {
		w.Checks.set(nil, nil)
	}),
	"domain-verified": registered(func(t *testing.T, w *v1World, x *v2Client, vars map[string]string) {
		w.Checks.set(nil, nil)
		x.must(200, "POST", "/domains/"+vars["domain"]+"/dcv/verify", m{})
	}),
	"domain-failed": registered(func(t *testing.T, w *v1World, x *v2Client, vars map[string]string) {
		x.must(422, "POST", "/domains/"+vars["domain"]+"/dcv/verify", m{})
		vars["attempt"] = x.must(200, "GET", "/domains/"+vars["domain"]+"/dcv/attempts/last", nil).get("attemptId")
	}),
	"domain-inactive": registered(func(t *testing.T, w *v1World, x *v2Client, vars map[string]string) {
		x.must(200, "POST", "/domains/"+vars["domain"]+"/deactivate", m{})
	}),
	"domain-of-another": prepared(func(t *testing.T, w *v1World, x *v2Client, vars map[string]string) {
		o := w.company(t)
		p := w.admin(w.User)
		d, err := w.Domains.Register(t.Context(), p, domain.New{Name: "example.com", Owner: domain.Owner{Organisation: o.ID}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Domains.Verify(t.Context(), p, d.ID, "", ""); err != nil {
			t.Fatal(err)
		}
	}),
	"caa": prepared(func(t *testing.T, w *v1World, x *v2Client, vars map[string]string) {
		w.Checks.set(nil, &core.Failure{Code: "caa", Detail: "CAA records of example.com name other issuers"})
	}),
	"organization": func(t *testing.T, w *v1World) (*v2Client, map[string]string) {
		o := w.company(t)
		w.vet(t, o, core.PurposeOV)
		w.Checks.set(noRecord(), nil)
		return w.v2(t, w.oauth(t, v2Account, v1Products, func(c *core.Credential) { c.Organisation = o.ID })), map[string]string{}
	},
	"private-only": only(nil, "tls-server"),
	"dv-only":      only(nil, "ssl-dv"),
	"fields": only(func(t *testing.T, w *v1World) {
		w.Change(t, "tls-server", func(p *core.Profile) {
			p.Terms.Fields = []core.CustomField{{ID: "cost", Name: "Cost centre", Type: "dropdown", Section: "certificate", MaxLength: 10, Required: true, Values: []string{"A", "B"}}}
		})
	}, "tls-server"),
}

func firstCertificate(t *testing.T, w *v1World, x *v2Client, vars map[string]string) {
	vars["certificate"] = x.must(200, "GET", "/certificates", nil).get("content", "0", "certificateId")
}

func suspended(t *testing.T, w *v1World, x *v2Client, vars map[string]string) {
	x.must(204, "POST", "/private-pki-certificates/"+vars["order"]+"/suspend", nil, header("Content-Type", ""))
}

// company adds an organisation.
func (w *v1World) company(t *testing.T) *core.Organisation {
	t.Helper()
	now := w.Now()
	o := &core.Organisation{ID: core.NewID[core.OrganisationID](now), Account: w.Account, Number: 1, Name: "Example", Country: "DE", State: "Berlin", Locality: "Berlin",
		Legal: core.LegalData{LegalName: "Example", BusinessCategory: "private", Street1: "Hauptstr. 1", PostalCode: "10115", StateCode: "BE"}, CreatedAt: now, UpdatedAt: now}
	if err := w.DB.InTx(t.Context(), func(ctx context.Context, tx core.Tx) error { return w.DB.InsertOrganisation(ctx, tx, o) }); err != nil {
		t.Fatal(err)
	}
	return o
}
