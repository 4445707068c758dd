package ctl

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

func TestProductFiles(t *testing.T) {
	f := newFake(t, false)
	list(f, "/issuers", resource.Issuer{ID: id[core.IssuerID](6), Slug: "issuing"})
	old := resource.Product{ID: id[core.ProductID](1), Number: 1, Code: "tls", Name: "TLS", Issuer: id[core.IssuerID](6), IssuerName: "Issuing", State: core.ProductDisabled, Version: 7,
		Profile: core.Profile{ValidityAmount: 90, ValidityUnit: "days", Keys: []core.KeyRule{{Algorithm: "RSA", MinBits: 3072}}, KeyUsage: []string{"digitalSignature"}, Lint: "private", Approval: "automatic"}}
	f.give("GET /products/tls", old)
	f.give("PUT /products/tls", old)
	f.give("POST /products", old)
	f.ctl(t, "product", "create", "-f", file(t, "p.yaml", "code: tls\nname: TLS\nissuer: issuing\nprofile:\n  validity_amount: 90\n  validity_unit: days\n  keys: [{algorithm: RSA, min_bits: 3072}]\n  key_usage: [digitalSignature]\n  lint: private\n  approval: automatic\n  renew_days: 0\n")).ok(t)
	got := body[resource.NewProduct](t, f, "POST", "/products")
	if got.Code != "tls" || got.Issuer != old.Issuer || got.Profile.Keys[0].MinBits != 3072 {
		t.Errorf("asked for %+v", got)
	}
	// What show prints can be given back.
	shown := f.ctl(t, "product", "show", "tls", "-o", "json").ok(t).out
	call{args: f.args("product", "update", "tls", "-f", "-"), in: shown}.run(t).ok(t)
	if u := body[resource.ProductUpdate](t, f, "PUT", "/products/tls"); u.Version != 7 || u.State != core.ProductDisabled || u.Profile.ValidityAmount != 90 {
		t.Errorf("asked for %+v", u)
	}
	for text, want := range map[string]string{
		"code: x\nprofil: {}\n": `unknown field "profil"`, "code: [": "neither JSON nor YAML", "code: x\n": "at least an issuer and a profile", `{"code":"x"}{}`: "more than one",
	} {
		f.ctl(t, "product", "create", "-f", file(t, "p", text)).fails(t, codeUsage, want)
	}
	f.ctl(t, "product", "create", "-f", "nowhere.yaml").fails(t, codeUsage, "no such file")
}

func TestProductDryRun(t *testing.T) {
	f := newFake(t, false)
	v := resource.Verdict{Allowed: false, Kind: core.KindBadName, Detail: "a name is refused", Reasons: []core.Reason{{Code: "name.suffix", Field: "san.dns", Value: "a.evil", Detail: "not allowed"}}}
	f.on("POST /products/tls/dry-run", func(*http.Request) (any, error) { return v, nil })
	f.ctl(t, "product", "dry-run", "tls", "--generate", "rsa-3072", "--dns", "a.evil", "--subject", "CN=a").fails(t, codeRefused, "name.suffix: not allowed (san.dns): a.evil")
	if got := body[resource.DryRun](t, f, "POST", "/products/tls/dry-run"); got.Generate != "RSA 3072" || got.Names[0] != "dns:a.evil" || got.Subject[0].Value != "a" {
		t.Errorf("asked for %+v", got)
	}
	o := f.ctl(t, "product", "dry-run", "tls", "--generate", "rsa-3072", "-o", "json").fails(t, codeRefused, "refused")
	var back resource.Verdict
	if err := json.Unmarshal([]byte(o.out), &back); err != nil || back.Allowed || len(back.Reasons) != 1 {
		t.Errorf("JSON: %v: %s", err, o.out)
	}
	v = resource.Verdict{Allowed: true, Approval: true, Template: &core.Template{Names: core.Names{DNS: []string{"a"}}, Lint: "private"}}
	if o := f.ctl(t, "product", "dry-run", "tls", "--generate", "rsa-3072").ok(t); !strings.Contains(o.err, "It would be issued once people have agreed.") {
		t.Errorf("said %q", o.err)
	}
	f.ctl(t, "product", "dry-run", "tls").fails(t, codeUsage, "--csr")
}

func TestIssuers(t *testing.T) {
	f, p := newFake(t, false), newPKI(t)
	d := resource.IssuerDetail{Issuer: resource.Issuer{ID: id[core.IssuerID](6), Slug: "own", State: core.IssuerPending, CRLNumber: 4, CRLNext: noon}, CSR: "CSR\n"}
	list(f, "/issuers", d.Issuer)
	one := "/issuers/" + string(d.ID)
	f.give("POST /issuers", d)
	f.give("GET "+one, d)
	f.give("POST "+one+"/certificate", d)
	f.give("POST "+one+"/crl", d)
	if o := f.ctl(t, "issuer", "create-pending", "--slug", "own", "--name", "Own", "--subject", "CN=Own,O=Example").ok(t); o.out != "CSR\n" {
		t.Errorf("out %q", o.out)
	}
	got := body[resource.NewIssuer](t, f, "POST", "/issuers")
	if got.Kind != "pending" || got.Algorithm != "ECDSA P-384" || got.Subject.String() != "O=Example, CN=Own" {
		t.Errorf("asked for %+v", got)
	}
	f.ctl(t, "issuer", "create", "--slug", "b", "--name", "B", "--subject", "/CN=B", "--parent", "own", "--years", "3", "--path-length", "1", "--algorithm", "rsa-4096").ok(t)
	got = body[resource.NewIssuer](t, f, "POST", "/issuers")
	if got.Kind != "issuing" || got.Parent != d.ID || got.ValidityYears != 3 || *got.PathLength != 1 || got.Algorithm != "RSA 4096" {
		t.Errorf("asked for %+v", got)
	}
	f.ctl(t, "issuer", "create-root", "--slug", "r", "--name", "R", "--subject", "CN=R").ok(t)
	if got = body[resource.NewIssuer](t, f, "POST", "/issuers"); got.Kind != "root" {
		t.Errorf("asked for %+v", got)
	}
	for !bytes.HasSuffix(p.root.Raw, []byte("\n")) { // octets of a certificate, no white space
		p = newPKI(t)
	}
	der := filepath.Join(t.TempDir(), "root.der")
	if err := new(console).writeFile(der, p.root.Raw, modePublic, false); err != nil {
		t.Fatal(err)
	}
	f.ctl(t, "issuer", "install", "own", "--file", file(t, "ca.pem", pemOf(p.middle)), "--file", der).ok(t)
	if got := body[resource.InstallCertificate](t, f, "POST", one+"/certificate"); got.PEM != pemOf(p.middle)+pemOf(p.root) {
		t.Errorf("sent %q", got.PEM)
	}
	f.ctl(t, "issuer", "install", "own", "--file", file(t, "k.pem", p.keyPEM(t, "")+pemOf(p.leaf))).fails(t, codeUsage, "private key, which the server must not get")
	if o := f.ctl(t, "issuer", "publish-crl", "own").ok(t); !strings.Contains(o.err, "CRL 4 of issuer own is good until 05-Feb-2026 12:00:00 UTC") {
		t.Errorf("said %q", o.err)
	}
}

func TestUsers(t *testing.T) {
	f := world(t)
	f.give("POST /users", resource.IssuedPassword{User: resource.User{Login: "eve"}, Password: "one-time"})
	f.give("PATCH /users/{id}", resource.User{Login: "bob"})
	o := f.ctl(t, "user", "create", "eve", "--name", "Eve", "--role", "operator@Mail,auditor", "--group", "Web").ok(t)
	if o.out != "one-time\n" {
		t.Errorf("out %q", o.out)
	}
	got := body[resource.NewUser](t, f, "POST", "/users")
	if len(got.Grants) != 2 || got.Grants[0] != (core.Grant{Role: "operator", Group: id[core.GroupID](4)}) || got.Grants[1] != (core.Grant{Role: "auditor"}) || got.Groups[0] != id[core.GroupID](2) {
		t.Errorf("asked for %+v", got)
	}
	f.ctl(t, "user", "create", "eve", "--name", "Eve", "--role", "king").fails(t, codeUsage, "is no role")
	f.ctl(t, "user", "update", "bob", "--no-roles", "--email", "").ok(t)
	ch := body[resource.UserChange](t, f, "PATCH", "/users/"+string(id[core.UserID](3)))
	if ch.Grants == nil || len(*ch.Grants) != 0 || ch.Groups != nil || ch.Email == nil || *ch.Email != "" || ch.Name != nil {
		t.Errorf("asked for %+v", ch)
	}
	f.ctl(t, "user", "update", "bob").fails(t, codeUsage, "nothing to change")
}

func TestGroupsKeepWhatIsNotSaid(t *testing.T) {
	f := world(t)
	one := "/groups/" + string(id[core.GroupID](4))
	g := resource.Group{ID: id[core.GroupID](4), Name: "Mail", Organisation: "o", Email: "m@example.org"}
	f.give("GET "+one, g)
	f.give("PUT "+one, g)
	f.ctl(t, "group", "update", "Mail", "--name", "Post").ok(t)
	if got := body[resource.GroupFields](t, f, "PUT", one); got != (resource.GroupFields{Name: "Post", Organisation: "o", Email: "m@example.org"}) {
		t.Errorf("asked for %+v", got)
	}
	f.give("PUT "+one+"/members/"+string(id[core.UserID](3)), struct{}{})
	f.ctl(t, "group", "add-member", "Mail", "bob").ok(t)
}

func TestAuditVerifyOnServer(t *testing.T) {
	f := newFake(t, false)
	lines := []resource.VerifyLine{{Problem: &resource.AuditProblem{Kind: "changed", Chain: 1, Seq: 7, Detail: "the row does not say what it said"}},
		{Problem: &resource.AuditProblem{Kind: "removed", Chain: 1, Seq: 9, To: 11, Detail: "rows are gone"}},
		{Summary: &resource.AuditSummary{OK: false, Chains: 2, Rows: 100, Checkpoints: 1, Problems: 2}}}
	f.on("POST /audit/verify", func(*http.Request) (any, error) {
		var b bytes.Buffer
		for _, l := range lines {
			_ = json.NewEncoder(&b).Encode(l)
		}
		return b.Bytes(), nil
	})
	o := f.ctl(t, "audit", "verify").fails(t, codeFailed, "the audit log is not intact: 2 problems in 100 rows in 2 chains, 1 checkpoint")
	if o.out != "chain 1, row 7: changed: the row does not say what it said\nchain 1, rows 9 to 11: removed: rows are gone\n" {
		t.Errorf("out %q", o.out)
	}
	if o := f.ctl(t, "audit", "verify", "-o", "json"); o.code != codeFailed || !json.Valid([]byte(o.out)) {
		t.Errorf("JSON: %d, %s", o.code, o.out)
	}
	lines = []resource.VerifyLine{{Summary: &resource.AuditSummary{OK: true, Chains: 1, Rows: 3, Uncovered: 1, Erased: 2}}}
	o = call{args: f.args("audit", "verify"), terminal: true}.run(t).ok(t)
	if o.out != "The audit log is intact: 3 rows in 1 chain, 0 checkpoints; newer than the last checkpoint: 1 row; personal data erased: 2 rows.\n" || !strings.HasPrefix(o.err, "Verifying the audit log …") {
		t.Errorf("said %q, %q", o.out, o.err)
	}
}

func TestAuditExport(t *testing.T) {
	f := newFake(t, false)
	f.on("GET /audit/export", func(r *http.Request) (any, error) { return []byte(r.URL.RawQuery + "\n"), nil })
	dir := t.TempDir()
	out := filepath.Join(dir, "audit.jsonl")
	f.ctl(t, "audit", "export", "--from", "30d", "--to", "2026-02-01", "--out", out).ok(t)
	if got := read(t, out); got != "from=2026-01-06T12%3A00%3A00Z&to=2026-02-01T00%3A00%3A00Z\n" {
		t.Errorf("asked %q", got)
	}
	mode(t, out, 0o600)
	f.ctl(t, "audit", "export", "--out", out).fails(t, codeFailed, "--force")
	f.Close()
	f.ctl(t, "audit", "export", "--out", filepath.Join(dir, "other")).fails(t, codeFailed, "cannot be reached")
	nothing(t, dir, "audit.jsonl")
}

func TestPublicKeys(t *testing.T) {
	pub, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}))
	for _, in := range []string{hex.EncodeToString(pub), base64.StdEncoding.EncodeToString(pub), base64.RawURLEncoding.EncodeToString(pub), file(t, "k.pem", text), file(t, "k.b64", base64.StdEncoding.EncodeToString(pub)+"\n")} {
		got, err := new(console).publicKeys([]string{in})
		if err != nil || !got[0].Equal(pub) {
			t.Errorf("%s: %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"nonsense", file(t, "k", "nonsense"), file(t, "c", strings.Replace(text, "MCow", "MCox", 1))} {
		if _, err := new(console).publicKeys([]string{in}); err == nil {
			t.Errorf("%s was taken for a key", in)
		}
	}
}
