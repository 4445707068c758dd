package ca_test

import (
	"testing"

	"github.com/certwright/certwright/internal/ca"
	"github.com/certwright/certwright/internal/core"
)

// BenchmarkIssue is the whole work of the CA for one certificate: build, lint,
// sign.
func BenchmarkIssue(b *testing.B) {
	w := fixed(b)
	tmpl := template(b)
	rsaTemplate := template(b)
	rsaTemplate.SPKI = spki(b, rsaKey())
	for _, bc := range []struct {
		name   string
		issuer *core.Issuer
		tmpl   core.Template
		lint   string
	}{
		{"P-256", w.h.Issuing, tmpl, ca.LintPrivate},
		{"P-256/RSA-leaf", w.h.Issuing, rsaTemplate, ca.LintPrivate},
		{"P-256/no-lint", w.h.Issuing, tmpl, ca.LintNone},
		{"RSA-3072", w.h.RSA, tmpl, ca.LintPrivate},
	} {
		b.Run(bc.name, func(b *testing.B) {
			bc.tmpl.Lint = bc.lint
			b.ReportAllocs()
			for b.Loop() {
				p, err := w.ca.Prepare(ctx, bc.issuer, bc.tmpl)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := p.Sign(ctx); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPrepare(b *testing.B) {
	w := fixed(b)
	tmpl := template(b)
	for _, source := range []string{ca.LintPrivate, ca.LintNone} {
		b.Run(source, func(b *testing.B) {
			tmpl.Lint = source
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.ca.Prepare(ctx, w.h.Issuing, tmpl); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
