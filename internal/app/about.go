package app

import (
	"context"
	"encoding/hex"
	"runtime"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/ca"
)

// about describes the server for the API.
func (s *server) about(context.Context) (*resource.About, error) {
	a := &resource.About{Version: Version(), Go: runtime.Version(), Database: string(s.db.Dialect()), BaseURL: s.cfg.External.Main,
		StatusURL: s.cfg.External.Plain, Protocols: []string{}, Connectors: []string{ca.ConnectorType}, AuditKey: hex.EncodeToString(s.auditKey.PublicKey()), Listeners: []resource.Listener{}, LintSources: lintSources()}
	for _, p := range s.protocols() {
		a.Protocols = append(a.Protocols, p.Name())
	}
	for _, l := range []resource.Listener{{Name: "main", Address: s.cfg.Listen.Main, TLS: true}, {Name: "mtls", Address: s.cfg.Listen.MTLS, TLS: true},
		{Name: "plain", Address: s.cfg.Listen.Plain}, {Name: "ops", Address: s.cfg.Listen.Ops}} {
		if l.Address != "-" {
			a.Listeners = append(a.Listeners, l)
		}
	}
	return a, nil
}

// lintSources describes what a product can name as its lint source.
func lintSources() []resource.LintSource {
	out := []resource.LintSource{}
	for _, s := range []resource.LintSource{
		{Name: ca.LintPrivate, Title: "Private PKI: RFC 5280 and those it builds on"},
		{Name: ca.LintPublicTLS, Title: "Public TLS: the CA/Browser Forum's and root programmes' rules as well"},
		{Name: ca.LintPublicSMIME, Title: "Public S/MIME: the CA/Browser Forum's S/MIME rules as well"},
		{Name: ca.LintNone, Title: "None"},
	} {
		s.Lints = append([]string{}, ca.LintNames(s.Name)...)
		out = append(out, s)
	}
	return out
}
