package ca_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/ca"
	"github.com/certwright/certwright/internal/ca/catest"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/policy"
)

var ctx = context.Background()

func TestBootstrapHierarchy(t *testing.T) {
	w := fixed(t)
	root, _ := x509.ParseCertificate(w.h.Root.Certificate)
	for _, i := range []*core.Issuer{w.h.Root, w.h.Issuing, w.h.RSA} {
		cert, err := x509.ParseCertificate(i.Certificate)
		if err != nil {
			t.Fatal(err)
		}
		if !cert.IsCA || cert.KeyUsage != x509.KeyUsageCertSign|x509.KeyUsageCRLSign || len(cert.SubjectKeyId) != 20 {
			t.Errorf("%s: CA %v, usage %v", i.Name, cert.IsCA, cert.KeyUsage)
		}
		if err := cert.CheckSignatureFrom(root); err != nil {
			t.Errorf("%s: %v", i.Name, err)
		}
		if i.State != core.IssuerActive || i.Version != 1 || len(i.KeySealed) == 0 {
			t.Errorf("%+v", i)
		}
		stored, err := w.store.IssuerBySlug(ctx, i.Slug)
		if err != nil || stored.ID != i.ID {
			t.Errorf("%s is not stored: %v", i.Slug, err)
		}
	}
	issuing, _ := x509.ParseCertificate(w.h.Issuing.Certificate)
	if issuing.MaxPathLen != 0 || !issuing.MaxPathLenZero || root.MaxPathLen > 0 || root.MaxPathLenZero {
		t.Error("path lengths")
	}
	if got := issuing.CRLDistributionPoints; !slices.Equal(got, []string{"http://pki.internal/status/example-root-ca.crl"}) {
		t.Errorf("CDP %v", got)
	}
	if got := issuing.OCSPServer; !slices.Equal(got, []string{"http://pki.internal/status/ocsp/example-root-ca"}) {
		t.Errorf("OCSP %v", got)
	}
	if got := issuing.IssuingCertificateURL; !slices.Equal(got, []string{"http://pki.internal/status/example-root-ca.crt"}) {
		t.Errorf("AIA %v", got)
	}
	if len(root.CRLDistributionPoints)+len(root.OCSPServer) > 0 {
		t.Error("a root names no status of itself")
	}
	for i, want := range map[*core.Issuer]string{w.h.Root: "ECDSA P-384", w.h.Issuing: "ECDSA P-256", w.h.RSA: "RSA 3072"} {
		if i.Algorithm != want {
			t.Errorf("%s: %s", i.Name, i.Algorithm)
		}
	}
	if y := root.NotAfter.Year() - root.NotBefore.Year(); y != 20 {
		t.Errorf("root lives %d years", y)
	}
	if n := len(w.store.Certificates()); n < 2 {
		t.Errorf("%d certificates of the root are on record", n)
	}
}

func TestKeysAreSealed(t *testing.T) {
	w := p256(t)
	for _, i := range []*core.Issuer{w.h.Root, w.h.Issuing} {
		if _, err := x509.ParsePKCS8PrivateKey(i.KeySealed); err == nil {
			t.Error("the key is stored in the clear")
		}
		if _, err := (catest.Sealer{}).Open(i.KeySealed, "issuer-key:"+string(i.ID)); err != nil {
			t.Errorf("the key is not bound to its issuer: %v", err)
		}
	}
	// A key moved to another issuer's row must not open.
	swapped := *w.h.Issuing
	swapped.KeySealed, swapped.Version = w.h.Root.KeySealed, 99
	if _, err := w.ca.Prepare(ctx, &swapped, template(t)); !core.Is(err, core.KindUnavailable) {
		t.Errorf("%v", err)
	}
}

func TestIssueForEveryKey(t *testing.T) {
	w := fixed(t)
	for _, issuer := range []*core.Issuer{w.h.Issuing, w.h.RSA, w.h.Root} {
		for name, key := range map[string]crypto.Signer{"EC": ecKey(t), "RSA": rsaKey(), "Ed25519": edKey(t)} {
			tmpl := template(t)
			tmpl.SPKI = spki(t, key)
			if name == "RSA" {
				tmpl.KeyUsage = append(tmpl.KeyUsage, "keyEncipherment")
			}
			cert := w.issue(t, issuer, tmpl)
			ica, _ := x509.ParseCertificate(issuer.Certificate)
			if err := cert.CheckSignatureFrom(ica); err != nil {
				t.Errorf("%s by %s: %v", name, issuer.Name, err)
			}
			if !bytes.Equal(cert.AuthorityKeyId, ica.SubjectKeyId) || len(cert.SubjectKeyId) != 20 {
				t.Error("key identifiers")
			}
			if n := cert.SerialNumber; n.Sign() <= 0 || n.BitLen() > 127 || n.BitLen() < 64 {
				t.Errorf("serial %x", n)
			}
		}
	}
}

// The octets that lint has seen are the octets that are signed, whatever the
// template says.
func TestLintedIsSigned(t *testing.T) {
	w := fixed(t)
	for n := range 60 {
		tmpl := template(t)
		tmpl.Names.DNS = nil
		for i := range n % 7 {
			tmpl.Names.DNS = append(tmpl.Names.DNS, fmt.Sprintf("h%d.%s.internal", i, strings.Repeat("x", n)))
		}
		if n%2 == 0 {
			tmpl.Subject = nil
		}
		if n%3 == 0 {
			tmpl.Policies = []string{fmt.Sprintf("1.3.6.1.4.1.99999.%d", n)}
		}
		issuer := w.h.Issuing
		if n%10 == 0 {
			issuer = w.h.RSA
		}
		p, err := w.ca.Prepare(ctx, issuer, tmpl)
		if err != nil {
			t.Fatalf("%d: %v %v", n, err, core.AsError(err).Reasons)
		}
		before := bytes.Clone(p.TBS())
		der, err := p.Sign(ctx)
		if err != nil {
			t.Fatal(err)
		}
		again, err := p.Sign(ctx)
		if err != nil || !bytes.Equal(der, again) {
			t.Fatal("a serial was signed twice")
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(cert.RawTBSCertificate, before) || serial(cert) != p.Serial() || !bytes.Equal(cert.SubjectKeyId, p.SKI()) {
			t.Fatalf("%d: signed something else than was linted", n)
		}
	}
}

func TestPrepareRefuses(t *testing.T) {
	w := fixed(t)
	for _, tc := range []struct {
		name  string
		kind  core.Kind
		field string
		edit  func(*core.Template)
	}{
		{"attribute", core.KindInvalid, "template.subject", func(t *core.Template) { t.Subject = core.DN{{Type: "nonsense", Value: "x"}} }},
		{"value", core.KindInvalid, "template.subject", func(t *core.Template) { t.Subject = core.DN{{Type: "C", Value: "ä"}} }},
		{"nameless", core.KindInvalid, "template.subject", func(t *core.Template) { t.Subject, t.Names = nil, core.Names{} }},
		{"key", core.KindInvalid, "template.spki", func(t *core.Template) { t.SPKI = []byte("x") }},
		{"name", core.KindInvalid, "template.names", func(t *core.Template) { t.Names.DNS = []string{"ü"} }},
		{"CA usage", core.KindInvalid, "template.key_usage", func(t *core.Template) { t.KeyUsage = []string{"keyCertSign"} }},
		{"unknown usage", core.KindInvalid, "template.key_usage", func(t *core.Template) { t.KeyUsage = []string{"x"} }},
		{"OCSP signing", core.KindInvalid, "template.ext_key_usage[0]", func(t *core.Template) { t.ExtKeyUsage = []string{"OCSPSigning"} }},
		{"OCSP signing as OID", core.KindInvalid, "template.ext_key_usage[1]", func(t *core.Template) { t.ExtKeyUsage = []string{"serverAuth", "1.3.6.1.5.5.7.3.9"} }},
		{"own basic constraints", core.KindInvalid, "template.extensions", func(t *core.Template) {
			t.Extensions = []core.Extension{{OID: "2.5.29.19", Value: []byte{0x30, 3, 1, 1, 0xff}}}
		}},
		{"extension twice", core.KindInvalid, "template.extensions", func(t *core.Template) {
			t.Extensions = []core.Extension{{OID: "1.2.3", Value: []byte{5, 0}}, {OID: "1.2.3", Value: []byte{5, 0}}}
		}},
		{"policy", core.KindInvalid, "template.extensions", func(t *core.Template) { t.Policies = []string{"x"} }},
		{"backwards", core.KindInvalid, "template.not_after", func(t *core.Template) { t.NotAfter = t.NotBefore.Add(-time.Second) }},
		{"lint source", core.KindInvalid, "lint", func(t *core.Template) { t.Lint = "strict" }},
		{"lint name", core.KindInvalid, "lint_exclude[0]", func(t *core.Template) { t.LintExclude = []string{"e_nonsense"} }},
	} {
		tmpl := template(t)
		tc.edit(&tmpl)
		_, err := w.ca.Prepare(ctx, w.h.Issuing, tmpl)
		if !core.Is(err, tc.kind) || core.AsError(err).Field != tc.field {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

func TestIssuerStates(t *testing.T) {
	w := p256(t)
	disabled, err := w.ca.SetState(ctx, nil, catest.Account, w.h.Issuing.ID, core.IssuerDisabled)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.ca.Prepare(ctx, disabled, template(t)); !core.Is(err, core.KindConflict) {
		t.Errorf("disabled: %v", err)
	}
	if _, err := w.ca.PublishCRL(ctx, catest.Account, disabled.ID); err != nil {
		t.Errorf("CRLs go on: %v", err)
	}
	active, err := w.ca.SetState(ctx, nil, catest.Account, w.h.Issuing.ID, core.IssuerActive)
	if err != nil {
		t.Fatal(err)
	}
	foreign := *active
	foreign.Connector = "acmeca"
	if _, err := w.ca.Prepare(ctx, &foreign, template(t)); !core.Is(err, core.KindInvalid) {
		t.Errorf("foreign: %v", err)
	}
	w.clock.add(11 * 366 * 24 * time.Hour)
	if _, err := w.ca.Prepare(ctx, active, template(t)); !core.Is(err, core.KindExpired) {
		t.Errorf("expired: %v", err)
	}
	if _, err := w.ca.SetState(ctx, nil, "another account", w.h.Issuing.ID, core.IssuerActive); !core.Is(err, core.KindNotFound) {
		t.Errorf("another account's issuer: %v", err)
	}
}

// A validity that reaches beyond the issuer's is cut to it.
func TestValidityIsCutToTheIssuers(t *testing.T) {
	w := fixed(t)
	issuer, _ := x509.ParseCertificate(w.h.Issuing.Certificate)
	tmpl := template(t)
	tmpl.NotBefore, tmpl.NotAfter = start.AddDate(-1, 0, 0), start.AddDate(30, 0, 0)
	cert := w.issue(t, w.h.Issuing, tmpl)
	if !cert.NotAfter.Equal(issuer.NotAfter) || !cert.NotBefore.Equal(issuer.NotBefore) {
		t.Errorf("%s to %s", cert.NotBefore, cert.NotAfter)
	}
	exact := w.issue(t, w.h.Issuing, template(t))
	if want := template(t); !exact.NotAfter.Equal(want.NotAfter) || !exact.NotBefore.Equal(want.NotBefore) {
		t.Errorf("%s to %s", exact.NotBefore, exact.NotAfter)
	}
}

// UTCTime until 2049-12-31, GeneralizedTime from 2050 (RFC 5280 4.1.2.5).
func TestTimeEncodingBoundary(t *testing.T) {
	store := &catest.Storage{}
	now := time.Date(2049, 1, 1, 0, 0, 0, 0, time.UTC)
	c := ca.New(ca.Deps{Storage: store, Sealer: catest.Sealer{}, Now: func() time.Time { return now }, StatusURL: func() string { return "" }})
	root, err := c.CreateRoot(ctx, nil, ca.Spec{Account: catest.Account, Name: "Late", Subject: core.DN{{Type: "CN", Value: "Late"}}, Key: "ECDSA P-256", Years: 5})
	if err != nil {
		t.Fatal(err)
	}
	for end, want := range map[string]string{
		"2049-12-31T23:59:59Z": "\x17\x0d491231235959Z",
		"2050-01-01T00:00:00Z": "\x18\x0f20500101000000Z",
	} {
		tmpl := template(t)
		tmpl.NotBefore = now
		tmpl.NotAfter, _ = time.Parse(time.RFC3339, end)
		p, err := c.Prepare(ctx, root, tmpl)
		if err != nil {
			t.Fatalf("%s: %v %v", end, err, core.AsError(err).Reasons)
		}
		if !bytes.Contains(p.TBS(), []byte("\x17\x0d490101000000Z"+want)) {
			t.Errorf("%s is not encoded as %q", end, want)
		}
	}
	crl, err := c.PublishCRL(ctx, catest.Account, root.ID)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(crl.DER, []byte("\x17\x0d490101000000Z\x17\x0d490108000000Z")) {
		t.Error("CRL times")
	}
	now = time.Date(2049, 12, 28, 0, 0, 0, 0, time.UTC)
	if crl, err = c.PublishCRL(ctx, catest.Account, root.ID); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(crl.DER, []byte("\x17\x0d491228000000Z\x18\x0f20500104000000Z")) {
		t.Error("CRL times over the end of 2049")
	}
}

func TestSANCriticality(t *testing.T) {
	w := fixed(t)
	tmpl := template(t)
	tmpl.Subject = nil
	for _, empty := range []bool{true, false} {
		if !empty {
			tmpl.Subject = core.DN{{Type: "CN", Value: "web.internal"}}
		}
		cert := w.issue(t, w.h.Issuing, tmpl)
		for _, x := range cert.Extensions {
			if x.Id.String() == "2.5.29.17" && x.Critical != empty {
				t.Errorf("empty subject %v, critical %v", empty, x.Critical)
			}
		}
	}
}

func TestNoStatusURL(t *testing.T) {
	w := p256(t)
	base := ""
	w.deps.StatusURL = func() string { return base }
	w.ca = ca.New(w.deps)
	cert := w.issue(t, w.h.Issuing, template(t))
	if len(cert.OCSPServer)+len(cert.CRLDistributionPoints)+len(cert.IssuingCertificateURL) > 0 {
		t.Error("pointers to nowhere")
	}
	base = "http://new.internal"
	if cert = w.issue(t, w.h.Issuing, template(t)); cert.CRLDistributionPoints[0] != "http://new.internal/status/example-issuing-ca.crl" {
		t.Errorf("%v: a new status URL counts from the next certificate on", cert.CRLDistributionPoints)
	}
}

func TestConcurrentIssue(t *testing.T) {
	w := fixed(t)
	fresh := ca.New(ca.Deps{Storage: w.store, Sealer: catest.Sealer{}, Now: w.clock.now})
	var mu sync.Mutex
	seen := map[string]bool{}
	var group sync.WaitGroup
	tmpl := template(t)
	for range 16 {
		group.Go(func() {
			for range 10 {
				p, err := fresh.Prepare(ctx, w.h.Issuing, tmpl)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := p.Sign(ctx); err != nil {
					t.Error(err)
				}
				mu.Lock()
				if seen[p.Serial()] {
					t.Error("serial twice")
				}
				seen[p.Serial()] = true
				mu.Unlock()
			}
		})
	}
	group.Wait()
}

func TestBootstrapOfSecondAccount(t *testing.T) {
	w := p256(t)
	h, err := w.ca.Bootstrap(ctx, nil, "01900000-0000-7000-8000-000000000002", ca.Config{Organisation: "Example", RSAName: "-"})
	if err != nil {
		t.Fatal(err)
	}
	if h.Root.Slug == w.h.Root.Slug || h.Issuing.Slug == w.h.Issuing.Slug {
		t.Error("two issuers with one slug")
	}
}

func TestRecordInTheTransaction(t *testing.T) {
	var events []core.Event
	w := p256(t)
	w.deps.Record = func(_ context.Context, tx core.Tx, e core.Event) error {
		if tx == nil {
			t.Error("no transaction")
		}
		events = append(events, e)
		return nil
	}
	w.ca = ca.New(w.deps)
	by := &core.Principal{Account: catest.Account, User: "u1"}
	if _, err := w.ca.CreateIssuing(ctx, by, w.h.Root.ID, ca.Spec{Account: catest.Account, Name: "Second", Subject: core.DN{{Type: "CN", Value: "Second"}}, Key: "ECDSA P-256", Years: 1}); err != nil {
		t.Fatal(err)
	}
	if len(events) != 1 || events[0].Action != "issuer.create" || events[0].Actor != "user:u1" || events[0].Account != catest.Account {
		t.Errorf("%+v", events)
	}
	w.deps.Record = func(context.Context, core.Tx, core.Event) error { return core.Errorf(core.KindUnavailable, "no audit") }
	w.ca = ca.New(w.deps)
	if _, err := w.ca.SetState(ctx, by, catest.Account, w.h.Issuing.ID, core.IssuerDisabled); !core.Is(err, core.KindUnavailable) {
		t.Errorf("%v", err)
	}
	if i, _ := w.store.Issuer(ctx, catest.Account, w.h.Issuing.ID); i.State != core.IssuerActive {
		t.Error("changed without audit")
	}
}

// Whatever the shipped products allow passes lint.
func TestShippedProductsPassLint(t *testing.T) {
	w := fixed(t)
	asks := map[string][]policy.Ask{
		policy.CodeTLSServer: {
			{Names: core.Names{DNS: []string{"web.internal", "printer", "*.lab.internal", "*.internal", "xn--bcher-kva.example.com", "a--b.example"}}},
			{Names: core.Names{IP: []netip.Addr{netip.MustParseAddr("192.168.1.1"), netip.MustParseAddr("fe80::1")}}},
			{Names: core.Names{DNS: []string{strings.Repeat("a.", 60) + "example"}}},
			{Subject: core.DN{{Type: "CN", Value: "old.client.internal"}}},
			{Subject: core.DN{{Type: "CN", Value: "web.internal"}, {Type: "O", Value: "Müller & Söhne"}, {Type: "C", Value: "de"}, {Type: "L", Value: "Köln"}}},
		},
		policy.CodeTLSClient: {
			{Subject: core.DN{{Type: "CN", Value: "batch job 7"}, {Type: "serialNumber", Value: "4711"}, {Type: "UID", Value: "x"}}},
			{Names: core.Names{URI: []string{"spiffe://cluster/ns/default/sa/web", "https://host:8443/x"}, UPN: []string{"job@corp.example"}}},
		},
		policy.CodeDevice:      {{Subject: core.DN{{Type: "CN", Value: "sensor 4711"}}, Names: core.Names{URI: []string{"urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"}}}},
		policy.CodeUser:        {{Subject: core.DN{{Type: "CN", Value: "Ada Lovelace"}, {Type: "GN", Value: "Ada"}, {Type: "SN", Value: "Lovelace"}, {Type: "DC", Value: "corp"}}, Names: core.Names{Email: []string{"Ada@example.com"}, UPN: []string{"ada@corp.example"}}}},
		policy.CodeSMIME:       {{Subject: core.DN{{Type: "CN", Value: "Ada Lovelace"}}, Names: core.Names{Email: []string{"ada@example.com"}}}},
		policy.CodeCodeSigning: {{Subject: core.DN{{Type: "CN", Value: "Example Software"}, {Type: "O", Value: "Example"}}}},
		policy.CodeEV: {{Subject: core.DN{{Type: "O", Value: "Example"}, {Type: "C", Value: "DE"}, {Type: "serialNumber", Value: "HRB 1"},
			{Type: "businessCategory", Value: "Private Organization"}, {Type: "jurisdictionC", Value: "DE"}}, Names: core.Names{DNS: []string{"www.example.com"}}}},
		policy.CodeDocumentEntity: {{Subject: core.DN{{Type: "CN", Value: "Example"}, {Type: "O", Value: "Example"}, {Type: "organizationIdentifier", Value: "NTRDE-HRB1"}}}},
	}
	for _, p := range policy.Shipped(w.h.Issuing.ID, w.h.RSA.ID) {
		compiled, err := policy.Compile(p)
		if err != nil {
			t.Fatal(err)
		}
		rsaSigner, err := rsa.GenerateKey(rand.Reader, 3072)
		if err != nil {
			t.Fatal(err)
		}
		for n, ask := range asks[p.Code] {
			for _, key := range []crypto.Signer{ecKey(t), rsaSigner} {
				if ask.Key, err = policy.KeyOf(spki(t, key)); err != nil {
					t.Fatal(err)
				}
				tmpl, reasons := compiled.Evaluate(ask, start)
				if len(reasons) > 0 {
					t.Fatalf("%s %d: %v", p.Code, n, reasons)
				}
				issuer := map[core.IssuerID]*core.Issuer{w.h.Issuing.ID: w.h.Issuing, w.h.RSA.ID: w.h.RSA}[p.Issuer]
				if _, err := w.ca.Prepare(ctx, issuer, tmpl); err != nil {
					t.Errorf("%s %d: %v %+v", p.Code, n, err, core.AsError(err).Reasons)
				}
			}
		}
	}
}

func TestLintErrorStopsIssuance(t *testing.T) {
	w := fixed(t)
	tmpl := template(t)
	tmpl.Subject = core.DN{{Type: "CN", Value: strings.Repeat("a", 65)}}
	_, err := w.ca.Prepare(ctx, w.h.Issuing, tmpl)
	if !core.Is(err, core.KindLint) || len(core.AsError(err).Reasons) != 1 || core.AsError(err).Reasons[0].Code != "lint.e_subject_common_name_max_length" {
		t.Errorf("%v %v", err, core.AsError(err).Reasons)
	}
	tmpl.LintExclude = []string{"e_subject_common_name_max_length"}
	if _, err := w.ca.Prepare(ctx, w.h.Issuing, tmpl); err != nil {
		t.Error(err)
	}
	tmpl.Names.DNS, tmpl.Lint, tmpl.LintExclude = []string{"web.internal"}, ca.LintPublicTLS, nil
	_, err = w.ca.Prepare(ctx, w.h.Issuing, tmpl)
	if !core.Is(err, core.KindLint) || len(core.AsError(err).Reasons) < 3 {
		t.Errorf("an internal name under public rules: %v %v", err, core.AsError(err).Reasons)
	}
}
