// Package newman_test walks through the order API with newman, the runner of
// Postman collections: every family of products over both generations, from an
// order that lacks everything to its certificate and its end.
package newman_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/test/interop/harness"
)

// family is one kind of product and how its orders are walked through.
type family struct {
	name     string // of the walk
	product  string
	names    []string // that its certificate has; %s is the walk's zone
	purpose  core.Purpose
	vetted   bool // the organisation's standing is there before the order
	auth     core.AuthKind
	only     string // the generation that has the walk
	nothing  bool   // the walk ends without a certificate of its own
	checksAt int    // the least number of checks that the walk makes
}

var families = []family{
	{name: "dv", product: "ssl-dv", names: []string{"dv.%s"}, checksAt: 90},
	{name: "dv-wildcard", product: "ssl-dv", names: []string{"*.wild.%s"}, checksAt: 90},
	{name: "dv-ucc", product: "ssl-dv", names: []string{"one.%s", "two.%s", "three.%s"}, checksAt: 90},
	{name: "ov", product: "ssl-ov", names: []string{"ov.%s"}, purpose: core.PurposeOV, checksAt: 90},
	{name: "ev", product: "ssl-ev", names: []string{"ev.%s"}, purpose: core.PurposeEV, checksAt: 90},
	{name: "natural-person", product: "document-signer-natural-person", checksAt: 80},
	{name: "legal-person", product: "document-signer-legal-person", purpose: core.PurposeSMIME, vetted: true, checksAt: 80},
	{name: "legal-entity", product: "document-signer-legal-entity", purpose: core.PurposeSMIME, vetted: true, checksAt: 80},
	{name: "private-pki", product: "tls-server", checksAt: 70},
	{name: "account", product: "ssl-ov", purpose: core.PurposeOV, vetted: true, nothing: true, checksAt: 50},
	{name: "domains", product: "ssl-ov", purpose: core.PurposeOV, vetted: true, only: "v2", nothing: true, checksAt: 70},
	{name: "older", product: "tls-server", names: []string{"old.%s"}, auth: core.AuthAccessKey, only: "v2", checksAt: 25},
	{name: "smime", product: "smime", checksAt: 60},
}

// site is the server that all walks share.
type site struct {
	*harness.CA
	web       string // where files of proofs are put
	validator string // token of somebody who vets and approves
	pdf       string // file
	modules   string // node_modules
	scripts   map[string][]byte
}

func TestNewman(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the server")
	}
	s := &site{modules: harness.NPM(t, "newman"), CA: harness.StartCA(t, harness.Options{}), scripts: map[string][]byte{}}
	for _, f := range []string{"walk.mjs", "steps.mjs", "v1.mjs", "v2.mjs"} {
		s.scripts[f] = harness.ReadFile(t, ".", f)
	}
	s.web = harness.Serve(t, fmt.Sprintf("127.0.0.1:%d", s.HTTPPort), &files{kept: map[string][]byte{}})
	s.validator = s.Admin.Person(t, "vera", core.RoleValidator, core.RoleApprover)
	s.pdf = harness.WriteFile(t, t.TempDir(), "passport.pdf", pdf)
	for _, p := range []string{"ssl-ov", "ssl-ev"} {
		s.Admin.Change(t, p, func(p *core.Profile) { p.Approval = "manual" })
	}
	for _, generation := range []string{"v2", "v1"} {
		for _, f := range families {
			if f.only != "" && f.only != generation {
				continue
			}
			t.Run(generation+"/"+f.name, func(t *testing.T) { s.walk(t, generation, f) })
		}
	}
}

// result is what walk.mjs says.
type result struct {
	Steps, Requests           int
	Checks, Executed, Pending int
	Failed                    int
	Failures                  []string
	Environment               map[string]string
}

func (s *site) walk(t *testing.T, generation string, f family) {
	id := generation + "-" + f.name
	zone := id + ".example.internal"
	org, err := s.Admin.CreateOrganisation(t.Context(), resource.OrganisationFields{Name: "Analytical " + id, Country: "GB", State: "London", Locality: "London", Email: "legal@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	s.legal(t, org.ID)
	if f.vetted {
		s.vet(t, org.ID, f.purpose)
	}
	n := resource.NewCredential{Products: []string{f.product}, Organisation: org.ID, User: s.Admin.Owner, Group: s.Admin.Group, Auth: core.AuthOAuth}
	if f.auth != "" {
		n.Auth = f.auth
	} else if generation == "v1" {
		n.Auth = core.AuthAccessKey
	}
	c := s.Admin.REST(t, n)
	env := map[string]string{
		"main": s.Main, "roots": s.RootPEM, "dns": s.DNS.Control, "web": s.web, "zone": zone,
		"clientId": c.PublicID, "clientSecret": c.Secret, "accountNumber": c.PublicID, "accessKey": c.Secret,
		"validatorToken": s.validator, "organizationNumber": fmt.Sprint(1_000_000 + org.Number), "organisationId": string(org.ID),
		"organizationName": org.Name, "pdf": s.pdf, "pdfBase64": base64.StdEncoding.EncodeToString(pdf),
	}
	// Bare base64, PEM inside a JSON text, without a subject.
	name := ""
	if len(f.names) > 0 {
		name = fmt.Sprintf(f.names[0], zone)
	}
	text, _ := harness.CSR(t, name)
	env["csrPem"] = strings.ReplaceAll(text, "\n", `\n`)
	_, env["csr"] = harness.CSR(t, name)
	_, env["csr2"] = harness.CSR(t, "")
	_, env["csr3"] = harness.CSR(t, "")
	_, env["csrSubject"] = harness.CSR(t, "")
	r := s.run(t, env, generation, f.name)
	for _, x := range r.Failures[:min(len(r.Failures), 10)] { // one failure often leads to all that follow
		t.Errorf("%.600s", x)
	}
	if r.Failed != 0 || r.Pending != 0 || r.Requests != r.Steps || r.Executed != r.Checks || r.Executed < f.checksAt {
		t.Errorf("%d of %d requests, %d of %d checks (at least %d), %d pending, %d failed", r.Requests, r.Steps, r.Executed, r.Checks, f.checksAt, r.Pending, r.Failed)
	}
	if !f.nothing && !t.Failed() {
		s.revoked(t, r, c, f, zone)
	}
	t.Logf("%d requests, %d checks", r.Requests, r.Executed)
}

// run runs a walk with node.
func (s *site) run(t *testing.T, env map[string]string, generation, family string) *result {
	t.Helper()
	dir := t.TempDir()
	if err := os.Symlink(s.modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	for f, text := range s.scripts {
		harness.WriteFile(t, dir, f, text)
	}
	settings, err := json.Marshal(env)
	if err != nil {
		t.Fatal(err)
	}
	out := harness.RunEnv(t, dir, []string{"CERTWRIGHT_WALK=" + string(settings)}, "node", "walk.mjs", generation, family)
	r := &result{}
	if err := json.Unmarshal([]byte(out), r); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return r
}

// revoked looks at the certificate that the walk downloaded and revoked: it
// leads to the root, has the names that were ordered, and the API knows it.
func (s *site) revoked(t *testing.T, r *result, of *harness.Credential, f family, zone string) {
	t.Helper()
	text := r.Environment["certificate"]
	if !strings.Contains(text, "BEGIN") { // v1: bare base64
		text = "-----BEGIN CERTIFICATE-----\n" + text + "\n-----END CERTIFICATE-----\n"
	}
	leaf := harness.ParseChain(t, []byte(text))[0]
	s.Verify(t, leaf)
	for _, n := range f.names {
		if n = fmt.Sprintf(n, zone); !slices.Contains(leaf.DNSNames, n) {
			t.Errorf("%s is not among %v", n, leaf.DNSNames)
		}
	}
	if f.purpose != "" && !slices.Contains(leaf.Subject.Organization, r.Environment["organizationName"]) {
		t.Errorf("the subject is %s, without the organisation", leaf.Subject)
	}
	row := s.Admin.FindCertificate(t, leaf)
	if row.State != core.CertRevoked || row.Credential != of.ID || row.Protocol != "rest" {
		t.Errorf("the API says %s, credential %s, protocol %s", row.State, row.Credential, row.Protocol)
	}
	if got := fmt.Sprintf("%x", leaf.SerialNumber); !strings.EqualFold(strings.TrimLeft(strings.ReplaceAll(r.Environment["serial"], ":", ""), "0"), got) {
		t.Errorf("serial number %s, want %s", r.Environment["serial"], got)
	}
}

// legal gives an organisation the data that certificates show.
func (s *site) legal(t *testing.T, id core.OrganisationID) {
	t.Helper()
	s.Admin.Call(t, s.Admin.Token, http.MethodPut, "/organisations/"+string(id)+"/legal", map[string]any{
		"business_category": "private", "registration": "HRB12345", "registrar": "Companies House", "jurisdiction_country": "GB",
		"street_1": "12 St James Square", "street_2": "First floor", "postal_code": "SW1Y 4JH", "phone": "+442071234567",
	}, nil)
}

// vet gives an organisation a standing: asked for by the administrator, decided
// by the validator.
func (s *site) vet(t *testing.T, id core.OrganisationID, purpose core.Purpose) {
	t.Helper()
	var v struct {
		ID core.VettingID `json:"id"`
	}
	s.Admin.Call(t, s.Admin.Token, http.MethodPost, "/vettings", map[string]any{"organisation": id, "purpose": purpose}, &v)
	s.Admin.Call(t, s.validator, http.MethodPost, "/vettings/"+string(v.ID)+"/decide", map[string]any{"state": "validated", "method": "register", "source": "companies register"}, nil)
}

// files is the web server of the walks' domains: PUT keeps, GET gives.
type files struct {
	mu   sync.Mutex
	kept map[string][]byte
}

// ServeHTTP implements http.Handler.
func (f *files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch text, ok := f.kept[r.URL.Path]; {
	case r.Method == http.MethodPut:
		f.kept[r.URL.Path], _ = io.ReadAll(io.LimitReader(r.Body, 4096))
		w.WriteHeader(http.StatusNoContent)
	case ok:
		_, _ = w.Write(text)
	default:
		http.NotFound(w, r)
	}
}

// pdf is a document of one empty page.
var pdf = []byte("%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n" +
	"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\ntrailer<</Size 4/Root 1 0 R>>\n%%EOF\n")
