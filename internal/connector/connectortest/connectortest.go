// Package connectortest is the contract suite for connectors: every connector
// that signs in this process must pass [Local].
package connectortest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/connector"
	"github.com/certwright/certwright/internal/core"
)

// Setup is a connector with issuers to test.
type Setup struct {
	Connector connector.Local
	Issuer    *core.Issuer // active, good for at least 200 days
	Disabled  *core.Issuer // of the same kind, disabled
	Root      []byte       // DER, where the chain of Issuer ends
	Now       time.Time    // the connector's clock
}

// Local runs the suite.
func Local(t *testing.T, s Setup) {
	t.Run("Type", s.kind)
	t.Run("Issue", s.issue)
	t.Run("TemplateIsHonoured", s.honoured)
	t.Run("SubjectlessLeaf", s.subjectless)
	t.Run("WithinTheIssuersLife", s.within)
	t.Run("SerialsDiffer", s.serials)
	t.Run("SignTwice", s.signTwice)
	t.Run("BadTemplates", s.badTemplates)
	t.Run("LintErrors", s.lintErrors)
	t.Run("DisabledIssuer", s.disabled)
	t.Run("Concurrent", s.concurrent)
}

// spki encodes a public key.
func spki(t testing.TB, pub crypto.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func newKey(t testing.TB) crypto.PublicKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &key.PublicKey
}

// template is an ordinary one.
func (s Setup) template(t testing.TB) core.Template {
	return core.Template{
		Subject:   core.DN{{Type: "C", Value: "DE"}, {Type: "O", Value: "Müller & Söhne"}, {Type: "CN", Value: "web.internal"}},
		Names:     core.Names{DNS: []string{"web.internal", "*.lab.internal"}, IP: []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("2001:db8::1")}},
		SPKI:      spki(t, newKey(t)),
		NotBefore: s.Now.Add(-10 * time.Minute), NotAfter: s.Now.AddDate(0, 0, 199),
		KeyUsage: []string{"digitalSignature"}, ExtKeyUsage: []string{"serverAuth", "clientAuth", "1.3.6.1.5.5.7.3.17"},
		Policies: []string{"1.3.6.1.4.1.99999.1"}, Extensions: []core.Extension{{OID: "1.3.6.1.4.1.99999.2", Value: []byte{5, 0}}},
		Lint: "private",
	}
}

func (s Setup) prepare(t testing.TB, tmpl core.Template) connector.Prepared {
	t.Helper()
	p, err := s.Connector.Prepare(context.Background(), connector.Request{Issuer: s.Issuer, Template: tmpl})
	if err != nil {
		t.Fatalf("prepare: %v %+v", err, core.AsError(err).Reasons)
	}
	return p
}

func (s Setup) sign(t testing.TB, p connector.Prepared) (*connector.Issued, *x509.Certificate) {
	t.Helper()
	issued, err := p.Sign(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(issued.DER)
	if err != nil {
		t.Fatal(err)
	}
	return issued, cert
}

func (s Setup) kind(t *testing.T) {
	if s.Connector.Type() != s.Issuer.Connector {
		t.Errorf("connector %q for an issuer of %q", s.Connector.Type(), s.Issuer.Connector)
	}
}

// issue checks chain, serial and key identifier.
func (s Setup) issue(t *testing.T) {
	p := s.prepare(t, s.template(t))
	issued, cert := s.sign(t, p)
	if got := cert.SerialNumber.Text(16); got != p.Serial() || strings.HasPrefix(p.Serial(), "0") {
		t.Errorf("serial %s was announced, %s is in the certificate", p.Serial(), got)
	}
	if n := cert.SerialNumber; n.Sign() <= 0 || n.BitLen() < 64 || len(n.Bytes()) > 20 {
		t.Errorf("serial %x", n)
	}
	if !cert.NotAfter.Equal(p.NotAfter()) {
		t.Errorf("%s was announced as end, %s is in the certificate", p.NotAfter(), cert.NotAfter)
	}
	if !bytes.Equal(cert.SubjectKeyId, p.SKI()) || len(p.SKI()) == 0 {
		t.Errorf("key identifier %x was announced, %x is in the certificate", p.SKI(), cert.SubjectKeyId)
	}
	if len(issued.Chain) == 0 || !bytes.Equal(issued.Chain[0], s.Issuer.Certificate) {
		t.Fatal("the chain starts with the issuer's certificate")
	}
	if !bytes.Equal(issued.Chain[len(issued.Chain)-1], s.Root) {
		t.Error("the chain ends with the root")
	}
	roots, middle := x509.NewCertPool(), x509.NewCertPool()
	for n, der := range issued.Chain {
		link, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		if n == len(issued.Chain)-1 {
			roots.AddCert(link)
		} else {
			middle.AddCert(link)
		}
	}
	if _, err := cert.Verify(x509.VerifyOptions{Roots: roots, Intermediates: middle, CurrentTime: s.Now, DNSName: "web.internal"}); err != nil {
		t.Errorf("chain: %v", err)
	}
	issuer, err := x509.ParseCertificate(s.Issuer.Certificate)
	if err != nil || !bytes.Equal(cert.AuthorityKeyId, issuer.SubjectKeyId) || len(cert.AuthorityKeyId) == 0 {
		t.Errorf("authority key identifier %x", cert.AuthorityKeyId)
	}
}

// honoured checks that the certificate says exactly what the template says.
func (s Setup) honoured(t *testing.T) {
	tmpl := s.template(t)
	_, cert := s.sign(t, s.prepare(t, tmpl))
	if cert.Version != 3 || cert.IsCA || !bytes.Equal(cert.RawSubjectPublicKeyInfo, tmpl.SPKI) {
		t.Error("version, CA or key")
	}
	if !cert.NotBefore.Equal(tmpl.NotBefore) || !cert.NotAfter.Equal(tmpl.NotAfter) {
		t.Errorf("valid %s to %s, template %s to %s", cert.NotBefore, cert.NotAfter, tmpl.NotBefore, tmpl.NotAfter)
	}
	if got := cert.Subject.String(); got != "CN=web.internal,O=Müller & Söhne,C=DE" {
		t.Errorf("subject %s", got)
	}
	if !slices.Equal(cert.DNSNames, tmpl.Names.DNS) || len(cert.IPAddresses) != 2 || len(cert.IPAddresses[0]) != 4 || len(cert.EmailAddresses)+len(cert.URIs) > 0 {
		t.Errorf("names %v %v", cert.DNSNames, cert.IPAddresses)
	}
	if cert.KeyUsage != x509.KeyUsageDigitalSignature || !slices.Equal(cert.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}) {
		t.Errorf("usage %v %v", cert.KeyUsage, cert.ExtKeyUsage)
	}
	if len(cert.UnknownExtKeyUsage) != 1 || cert.UnknownExtKeyUsage[0].String() != "1.3.6.1.5.5.7.3.17" {
		t.Errorf("extended key usage %v", cert.UnknownExtKeyUsage)
	}
	if len(cert.Policies) != 1 || cert.Policies[0].String() != tmpl.Policies[0] {
		t.Errorf("policies %v", cert.Policies)
	}
	critical := map[string]bool{}
	for _, x := range cert.Extensions {
		critical[x.Id.String()] = x.Critical
		if x.Id.String() == tmpl.Extensions[0].OID && !bytes.Equal(x.Value, tmpl.Extensions[0].Value) {
			t.Errorf("extension %s: %x", x.Id, x.Value)
		}
	}
	if c, ok := critical[tmpl.Extensions[0].OID]; !ok || c {
		t.Error("the template's extension is missing or critical")
	}
	if !critical["2.5.29.15"] || critical["2.5.29.17"] || critical["2.5.29.37"] {
		t.Errorf("criticality %v", critical)
	}
}

func (s Setup) subjectless(t *testing.T) {
	tmpl := s.template(t)
	tmpl.Subject = nil
	_, cert := s.sign(t, s.prepare(t, tmpl))
	for _, x := range cert.Extensions {
		if x.Id.String() == "2.5.29.17" && !x.Critical {
			t.Error("without subject the alternative names are critical (RFC 5280 section 4.2.1.6)")
		}
	}
	if len(cert.Subject.Names) != 0 {
		t.Errorf("subject %s", cert.Subject)
	}
}

// within: no certificate outlives its issuer.
func (s Setup) within(t *testing.T) {
	issuer, err := x509.ParseCertificate(s.Issuer.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := s.template(t)
	tmpl.NotAfter = issuer.NotAfter.Add(time.Hour)
	p := s.prepare(t, tmpl)
	_, cert := s.sign(t, p)
	if !p.NotAfter().Equal(issuer.NotAfter) || !cert.NotAfter.Equal(issuer.NotAfter) {
		t.Errorf("announced %s, certified %s, issuer ends %s", p.NotAfter(), cert.NotAfter, issuer.NotAfter)
	}
}

func (s Setup) serials(t *testing.T) {
	tmpl, seen := s.template(t), map[string]bool{}
	for range 50 {
		serial := s.prepare(t, tmpl).Serial()
		if seen[serial] {
			t.Fatalf("serial %s twice", serial)
		}
		seen[serial] = true
	}
}

// signTwice: a serial stands for one certificate.
func (s Setup) signTwice(t *testing.T) {
	p := s.prepare(t, s.template(t))
	first, _ := s.sign(t, p)
	second, _ := s.sign(t, p)
	if sha256.Sum256(first.DER) != sha256.Sum256(second.DER) {
		t.Error("two certificates with one serial")
	}
}

func (s Setup) badTemplates(t *testing.T) {
	for name, edit := range map[string]func(*core.Template){
		"no key":            func(p *core.Template) { p.SPKI = nil },
		"garbled key":       func(p *core.Template) { p.SPKI = []byte{0x30, 0} },
		"no name at all":    func(p *core.Template) { p.Subject, p.Names = nil, core.Names{} },
		"unknown attribute": func(p *core.Template) { p.Subject = core.DN{{Type: "nonsense", Value: "x"}} },
		"backwards":         func(p *core.Template) { p.NotBefore, p.NotAfter = p.NotAfter, p.NotBefore },
		"CA key usage":      func(p *core.Template) { p.KeyUsage = []string{"keyCertSign"} },
		"responder":         func(p *core.Template) { p.ExtKeyUsage = []string{"OCSPSigning"} },
		"CA extension": func(p *core.Template) {
			p.Extensions = []core.Extension{{OID: "2.5.29.19", Critical: true, Value: []byte{0x30, 3, 1, 1, 0xff}}}
		},
		"extension twice": func(p *core.Template) { p.Extensions = append(p.Extensions, p.Extensions[0]) },
		"unknown lints":   func(p *core.Template) { p.Lint = "nonsense" },
	} {
		tmpl := s.template(t)
		edit(&tmpl)
		if _, err := s.Connector.Prepare(context.Background(), connector.Request{Issuer: s.Issuer, Template: tmpl}); !core.Is(err, core.KindInvalid) {
			t.Errorf("%s: %v, want an error of kind invalid", name, err)
		}
	}
}

func (s Setup) lintErrors(t *testing.T) {
	tmpl := s.template(t)
	tmpl.Subject = core.DN{{Type: "CN", Value: strings.Repeat("x", 65)}}
	_, err := s.Connector.Prepare(context.Background(), connector.Request{Issuer: s.Issuer, Template: tmpl})
	if !core.Is(err, core.KindLint) || len(core.AsError(err).Reasons) == 0 || !strings.HasPrefix(core.AsError(err).Reasons[0].Code, "lint.e_") {
		t.Errorf("%v, want an error of kind lint that names the lint", err)
	}
}

func (s Setup) disabled(t *testing.T) {
	if _, err := s.Connector.Prepare(context.Background(), connector.Request{Issuer: s.Disabled, Template: s.template(t)}); !core.Is(err, core.KindConflict) {
		t.Errorf("%v, want an error of kind conflict", err)
	}
}

func (s Setup) concurrent(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecTemplate, rsaTemplate := s.template(t), s.template(t)
	rsaTemplate.SPKI = spki(t, &rsaKey.PublicKey)
	var mu sync.Mutex
	seen := map[string]bool{}
	var group sync.WaitGroup
	for n := range 16 {
		group.Go(func() {
			tmpl := ecTemplate
			if n%2 == 1 {
				tmpl = rsaTemplate
			}
			for range 4 {
				p, err := s.Connector.Prepare(context.Background(), connector.Request{Issuer: s.Issuer, Template: tmpl})
				if err != nil {
					t.Error(err)
					return
				}
				issued, err := p.Sign(context.Background())
				if err != nil {
					t.Error(err)
					return
				}
				cert, err := x509.ParseCertificate(issued.DER)
				if err != nil || !bytes.Equal(cert.RawSubjectPublicKeyInfo, tmpl.SPKI) || cert.SerialNumber.Text(16) != p.Serial() {
					t.Error("certificates of concurrent requests are mixed up")
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
