package ca

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	zx "github.com/zmap/zcrypto/x509"
	"github.com/zmap/zlint/v3/lint"
	_ "github.com/zmap/zlint/v3/lints/apple" // each registers its lints
	_ "github.com/zmap/zlint/v3/lints/cabf_br"
	_ "github.com/zmap/zlint/v3/lints/cabf_smime_br"
	_ "github.com/zmap/zlint/v3/lints/community"
	_ "github.com/zmap/zlint/v3/lints/mozilla"
	_ "github.com/zmap/zlint/v3/lints/rfc"
	"github.com/zmap/zlint/v3/util"

	"github.com/certwright/certwright/internal/core"
)

// Lint sources of core.Profile.Lint.
const (
	LintPrivate     = "private"
	LintPublicTLS   = "public-tls"
	LintPublicSMIME = "public-smime"
	LintNone        = "none"
)

// lintSources maps a lint source of a product to those of zlint.
func lintSources(source string) (lint.SourceList, bool) {
	rfc := lint.SourceList{lint.RFC3279, lint.RFC5280, lint.RFC5480, lint.RFC5891, lint.RFC8813, lint.Community}
	switch source {
	case LintPrivate, "":
		return rfc, true
	case LintPublicTLS:
		return append(rfc, lint.RFC6962, lint.CABFBaselineRequirements, lint.MozillaRootStorePolicy, lint.AppleRootStorePolicy), true
	case LintPublicSMIME:
		return append(rfc, lint.CABFSMIMEBaselineRequirements, lint.MozillaRootStorePolicy), true
	case LintNone:
		return nil, true
	}
	return nil, false
}

// exclusion is a lint that a source never runs, and why.
type exclusion struct{ source, lint, reason string }

// exclusions are the lints of our sources that judge something else than the
// certificates made here. What only one product wants to be without is in its
// lint_exclude.
func exclusions() []exclusion {
	return []exclusion{
		{LintPrivate, "e_ext_san_uri_host_not_fqdn_or_ip",
			"SPIFFE trust domains and private hosts need no dot, and the lint takes a port as part of the host"},
		{LintPrivate, "e_rsa_fermat_factorization",
			"x509x.CheckKey makes the same 100 rounds before policy accepts the key"},
		{LintPublicTLS, "e_rsa_fermat_factorization",
			"x509x.CheckKey makes the same 100 rounds before policy accepts the key"},
		{LintPublicSMIME, "e_rsa_fermat_factorization",
			"x509x.CheckKey makes the same 100 rounds before policy accepts the key"},
	}
}

// CheckLint verifies the lint fields of a profile: the source and the names of
// the lints excluded, which must be of that source.
func CheckLint(source string, exclude []string) error {
	_, err := newLinter(source, exclude)
	return err
}

// linters caches one linter per source and exclusion list: selecting from
// zlint's registry is far dearer than running the selection.
type linters struct {
	mu   sync.Mutex
	made map[string]*linter
}

func (l *linters) get(source string, exclude []string) (*linter, error) {
	key := source
	if len(exclude) > 0 {
		key += "\x00" + strings.Join(exclude, "\x00")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if found := l.made[key]; found != nil {
		return found, nil
	}
	made, err := newLinter(source, exclude)
	if err != nil {
		return nil, err
	}
	if l.made == nil {
		l.made = map[string]*linter{}
	}
	l.made[key] = made
	return made, nil
}

// linter runs a fixed selection of lints.
type linter struct {
	plain        []*lint.CertificateLint // run directly
	configurable []*lint.CertificateLint // through zlint, which gives them their defaults
	config       lint.Configuration
}

func newLinter(source string, exclude []string) (*linter, error) {
	sources, ok := lintSources(source)
	if !ok {
		return nil, core.Errorf(core.KindInvalid, "there is no lint source %q", source).At("lint")
	}
	if source == "" {
		source = LintPrivate
	}
	skip := map[string]bool{}
	for _, x := range exclusions() {
		if x.source == source {
			skip[x.lint] = true
		}
	}
	out := &linter{config: lint.NewEmptyConfig()}
	known := map[string]bool{}
	for _, s := range sources {
		for _, l := range lint.GlobalRegistry().CertificateLints().BySource(s) {
			known[l.Name] = true
			// Lints named w_ and n_ give at most warnings and notices (see
			// lint.LintMetadata.Name), which never stop issuance.
			if skip[l.Name] || slices.Contains(exclude, l.Name) || !strings.HasPrefix(l.Name, "e_") {
				continue
			}
			if _, ok := l.Lint().(lint.Configurable); ok {
				out.configurable = append(out.configurable, l)
			} else {
				out.plain = append(out.plain, l)
			}
		}
	}
	for i, name := range exclude {
		if !known[name] {
			return nil, core.Errorf(core.KindInvalid, "%q is no lint of the source %s", name, source).At(fmt.Sprintf("lint_exclude[%d]", i))
		}
	}
	return out, nil
}

// errUnparsed says that zcrypto cannot read the certificate: it would be one
// that strict readers refuse.
var errUnparsed = errors.New("the certificate is not readable")

// run judges a certificate. Each finding of severity error or fatal is a
// reason "lint.<name>"; notices and warnings are advice and do not count.
//
// zlint's own loop would make a result for each of its lints and look into its
// TOML configuration by reflection each time. What that loop decides (source
// filter, applies, in force) is decided here in the same order, see
// lint.CertificateLint.Execute.
func (l *linter) run(der []byte) (reasons []core.Reason, err error) {
	if len(l.plain)+len(l.configurable) == 0 {
		return nil, nil
	}
	cert, err := zx.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnparsed, err)
	}
	server, mail := util.IsServerAuthCert(cert), util.IsEmailProtectionCert(cert)
	for rest := l.plain; len(rest) > 0; {
		n, finding := runSome(rest, cert, server, mail)
		if finding != nil {
			reasons = append(reasons, *finding)
		}
		rest = rest[n:]
	}
	for _, one := range l.configurable {
		if r := one.Execute(cert, l.config); r.Status >= lint.Error {
			reasons = append(reasons, reasonOf(one, r.Details))
		}
	}
	return reasons, nil
}

// runSome runs lints until one finds something and returns how many it ran. A
// lint that panics has found something, too.
func runSome(list []*lint.CertificateLint, cert *zx.Certificate, server, mail bool) (n int, finding *core.Reason) {
	defer func() {
		if p := recover(); p != nil {
			r := reasonOf(list[n-1], fmt.Sprintf("the lint failed: %v", p))
			finding = &r
		}
	}()
	for _, l := range list {
		n++
		if !l.OverrideFrameworkFilter && (l.Source == lint.CABFBaselineRequirements && !server ||
			l.Source == lint.CABFSMIMEBaselineRequirements && !mail) {
			continue
		}
		judge := l.Lint()
		if !judge.CheckApplies(cert) || !l.CheckEffective(cert) {
			continue
		}
		if result := judge.Execute(cert); result != nil && result.Status >= lint.Error {
			r := reasonOf(l, result.Details)
			return n, &r
		}
	}
	return n, nil
}

func reasonOf(l *lint.CertificateLint, details string) core.Reason {
	r := core.Reason{Code: "lint." + l.Name, Detail: l.Description}
	if details != "" {
		r.Detail += " (" + details + ")"
	}
	if l.Citation != "" {
		r.Detail += " [" + l.Citation + "]"
	}
	return r
}
