package ca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	zx "github.com/zmap/zcrypto/x509"
	zlint "github.com/zmap/zlint/v3"
	"github.com/zmap/zlint/v3/lint"

	"github.com/certwright/certwright/internal/core"
)

// sample makes a leaf with the standard library after change.
func sample(t testing.TB, change func(*x509.Certificate)) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1 << 62), Subject: pkix.Name{CommonName: "web.internal"}, DNSNames: []string{"web.internal", "b.internal"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 0, 190), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, SubjectKeyId: []byte("12345678901234567890")}
	if change != nil {
		change(tmpl)
	}
	ca := &x509.Certificate{Subject: pkix.Name{CommonName: "CA", Organization: []string{"Example"}}, SubjectKeyId: []byte("abcdefghijabcdefghij")}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, ca, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func codesOf(reasons []core.Reason) []string {
	var out []string
	for _, r := range reasons {
		out = append(out, r.Code)
	}
	slices.Sort(out)
	return out
}

// Our loop and zlint's own must find the same.
func TestLinterAgreesWithZlint(t *testing.T) {
	samples := map[string]func(*x509.Certificate){
		"ordinary":    nil,
		"underscore":  func(c *x509.Certificate) { c.DNSNames = []string{"a_b.example.com"} },
		"long CN":     func(c *x509.Certificate) { c.Subject.CommonName = strings.Repeat("a", 65) },
		"country":     func(c *x509.Certificate) { c.Subject.Country = []string{"Germany"} },
		"no SKI":      func(c *x509.Certificate) { c.SubjectKeyId = nil },
		"cert sign":   func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageCertSign },
		"empty label": func(c *x509.Certificate) { c.DNSNames = []string{"a..example"} },
		"mail": func(c *x509.Certificate) {
			c.DNSNames, c.EmailAddresses = nil, []string{"a@b.example"}
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}
		},
		"client":           func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} },
		"long life":        func(c *x509.Certificate) { c.NotAfter = c.NotBefore.AddDate(3, 0, 0) },
		"bad key usage":    func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment },
		"wildcard in turn": func(c *x509.Certificate) { c.DNSNames = []string{"a.*.example.com"} },
	}
	failing := 0
	for name, change := range samples {
		der := sample(t, change)
		for _, source := range []string{LintPrivate, LintPublicTLS, LintPublicSMIME} {
			l, err := newLinter(source, nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := l.run(der)
			if err != nil {
				t.Fatal(err)
			}
			want := byZlint(t, source, der)
			if !slices.Equal(codesOf(got), want) {
				t.Errorf("%s by %s: %v, zlint says %v", name, source, codesOf(got), want)
			}
			failing += len(want)
		}
	}
	if failing < 20 {
		t.Errorf("only %d findings: the samples prove little", failing)
	}
}

func byZlint(t *testing.T, source string, der []byte) []string {
	t.Helper()
	cert, err := zx.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	sources, _ := lintSources(source)
	var skip []string
	for _, x := range exclusions() {
		if x.source == source {
			skip = append(skip, x.lint)
		}
	}
	registry, err := lint.GlobalRegistry().Filter(lint.FilterOptions{IncludeSources: sources, ExcludeNames: skip})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for name, r := range zlint.LintCertificateEx(cert, registry).Results {
		if r.Status >= lint.Error {
			out = append(out, "lint."+name)
		}
	}
	slices.Sort(out)
	return out
}

func TestExclusionsAreReal(t *testing.T) {
	for _, x := range exclusions() {
		sources, ok := lintSources(x.source)
		l := lint.GlobalRegistry().CertificateLints().ByName(x.lint)
		if !ok || l == nil || !slices.Contains(sources, l.Source) {
			t.Errorf("%s has no lint %s to exclude", x.source, x.lint)
		}
		if len(x.reason) < 20 {
			t.Errorf("%s: no reason", x.lint)
		}
	}
}

func TestCheckLint(t *testing.T) {
	for _, tc := range []struct {
		source  string
		exclude []string
		field   string
	}{
		{"", nil, ""},
		{"private", []string{"e_subject_common_name_max_length"}, ""},
		{"none", nil, ""},
		{"public", nil, "lint"},
		{"private", []string{"e_subject_common_name_max_length", "e_nonsense"}, "lint_exclude[1]"},
		{"private", []string{"e_sub_cert_certificate_policies_missing"}, "lint_exclude[0]"}, // a lint of another source
	} {
		err := CheckLint(tc.source, tc.exclude)
		if tc.field == "" && err != nil || tc.field != "" && (!core.Is(err, core.KindInvalid) || core.AsError(err).Field != tc.field) {
			t.Errorf("%v: %v", tc, err)
		}
	}
}

func TestExcludedLintIsSilent(t *testing.T) {
	der := sample(t, func(c *x509.Certificate) { c.Subject.CommonName = strings.Repeat("a", 65) })
	l, _ := newLinter(LintPrivate, nil)
	if got, _ := l.run(der); !slices.Equal(codesOf(got), []string{"lint.e_subject_common_name_max_length"}) {
		t.Fatalf("%v", got)
	}
	l, _ = newLinter(LintPrivate, []string{"e_subject_common_name_max_length"})
	if got, _ := l.run(der); len(got) > 0 {
		t.Fatalf("%v", got)
	}
}

type panicking struct{}

func (panicking) CheckApplies(*zx.Certificate) bool        { return true }
func (panicking) Execute(*zx.Certificate) *lint.LintResult { panic("boom") }

func TestPanickingLintCounts(t *testing.T) {
	bad := &lint.CertificateLint{LintMetadata: lint.LintMetadata{Name: "e_boom", Source: lint.RFC5280}, Lint: func() lint.CertificateLintInterface { return panicking{} }}
	l, _ := newLinter(LintPrivate, nil)
	l.plain = append([]*lint.CertificateLint{bad}, l.plain...)
	got, err := l.run(sample(t, func(c *x509.Certificate) { c.Subject.CommonName = strings.Repeat("a", 65) }))
	if err != nil || !slices.Equal(codesOf(got), []string{"lint.e_boom", "lint.e_subject_common_name_max_length"}) {
		t.Fatalf("%v %v", codesOf(got), err)
	}
}

func TestLintersAreSelectedOnce(t *testing.T) {
	var l linters
	a, _ := l.get(LintPrivate, []string{"e_subject_common_name_max_length"})
	b, _ := l.get(LintPrivate, []string{"e_subject_common_name_max_length"})
	c, _ := l.get(LintPrivate, nil)
	if a != b || a == c {
		t.Error("selection is not cached per source and exclusions")
	}
}

func BenchmarkLint(b *testing.B) {
	der := sample(b, nil)
	for _, source := range []string{LintPrivate, LintPublicTLS, LintPublicSMIME} {
		l, err := newLinter(source, nil)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(source, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := l.run(der); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("zcrypto-parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := zx.ParseCertificate(der); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("zlint-itself", func(b *testing.B) {
		sources, _ := lintSources(LintPrivate)
		registry, _ := lint.GlobalRegistry().Filter(lint.FilterOptions{IncludeSources: sources})
		cert, _ := zx.ParseCertificate(der)
		b.ReportAllocs()
		for b.Loop() {
			zlint.LintCertificateEx(cert, registry)
		}
	})
}

// What newLinter leaves out as harmless must be harmless by its name.
func TestEveryLintIsNamedBySeverity(t *testing.T) {
	for _, l := range lint.GlobalRegistry().CertificateLints().Lints() {
		if len(l.Name) < 3 || !strings.Contains("e_w_n_", l.Name[:2]) {
			t.Errorf("lint %q has no severity", l.Name)
		}
	}
}
