package app

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/url"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/protocol/acme"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/validation"
	"github.com/certwright/certwright/internal/wire/attestation"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// newACME makes the ACME server with its checks of control.
func (s *server) newACME() (*acme.Service, error) {
	var nonces acme.Nonces
	var err error
	if s.db.Dialect() == store.SQLite { // one process: it need not write down what was used
		nonces, err = acme.NewProcessNonces()
	} else {
		nonces, err = acme.NewSharedNonces(s.box.Derive("acme nonce v1", 32), s.db, s.now)
	}
	if err != nil {
		return nil, err
	}
	return acme.New(acme.Deps{Auth: s.identity, Enroll: s.enroll, Audit: s.audit, Storage: s.db, Checker: s.checks, Domains: s.domains, Attest: attested,
		Nonces: nonces, BaseURL: func() string { return s.cfg.External.Main }, Log: s.log, Now: s.now}), nil
}

// service makes the checks of control.
func (v *Validation) service(p *parts) (*validation.Service, error) {
	d, err := v.deps(p.now, p.log)
	if err != nil {
		return nil, err
	}
	d.Quorum = v.Quorum
	extra, err := p.cfg.Outbound.roots()
	if err != nil {
		return nil, err
	}
	d.Outbound = httpx.Outbound{Proxy: p.cfg.Outbound.Proxy, NoProxy: p.cfg.Outbound.NoProxy, ExtraRoots: extra}
	for _, raw := range v.Vantages {
		u, err := url.Parse(raw)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return nil, fmt.Errorf("validation-vantages: %q is not a URL of the form https://host[:port]", raw)
		}
		d.Vantages = append(d.Vantages, validation.Vantage{Name: u.Host, URL: raw, Token: v.VantageToken})
	}
	if len(d.Vantages) > 0 && v.VantageToken == "" {
		return nil, errors.New("validation-vantage-token is missing")
	}
	if v.Quorum < 0 || v.Quorum > len(v.Vantages)+1 {
		return nil, errors.New("validation-quorum is larger than the number of vantage points, this server among them")
	}
	return validation.New(d)
}

// deps are the settings as package validation takes them.
func (c *Checks) deps(now func() time.Time, log *slog.Logger) (validation.Deps, error) {
	resolvers, err := resolverAddresses(c.Resolvers)
	return validation.Deps{Resolvers: resolvers, HTTPPort: c.HTTPPort, TLSPort: c.TLSPort, AllowLoopback: c.Loopback,
		DenyPrivate: !c.Private, Timeout: c.Timeout, Now: now, Log: log}, err
}

// resolverAddresses adds the port of DNS where none is given.
func resolverAddresses(list []string) ([]string, error) {
	var out []string
	for _, r := range list {
		host, port, err := net.SplitHostPort(r)
		if err != nil {
			host, port = r, "53"
		}
		if net.ParseIP(host) == nil {
			return nil, fmt.Errorf("validation-resolvers: %q is not an address or address:port", r)
		}
		out = append(out, net.JoinHostPort(host, port))
	}
	return out, nil
}

// resumeACME takes up the checks that an earlier process left. On SQLite that
// one is gone for certain, so there is no need to wait for the end of its time.
func (s *server) resumeACME(ctx context.Context) error {
	before := s.now()
	if s.db.Dialect() == store.SQLite {
		before = time.UnixMicro(math.MaxInt64)
	}
	n, err := s.acme.Sweep(ctx, before)
	if err != nil {
		s.log.Warn("checks of control that an earlier process left", "error", err)
	} else if n > 0 {
		s.log.Info("took up checks of control that an earlier process left", "checks", n)
	}
	return nil
}

// keepACME is how long orders that came to nothing are kept.
const keepACME = 30 * 24 * time.Hour

// tidyACME forgets used nonces and what came to nothing long ago.
func (s *server) tidyACME(ctx context.Context) error {
	_, err := s.db.ForgetNonces(ctx, s.now())
	for range 100 {
		n, ferr := s.db.ForgetACME(ctx, s.now().Add(-keepACME), 500)
		if ferr != nil {
			return errors.Join(err, ferr)
		}
		if n < 500 {
			break
		}
	}
	return err
}

// attested judges a device attestation. The roots that an administrator trusts
// count for every format: each format looks for its maker's own extensions.
func attested(object []byte, token, keyAuthorization, roots string, now time.Time) (*acme.Attested, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(roots)) {
		return nil, core.Errorf(core.KindInternal, "the attestation roots of the credential cannot be read")
	}
	st, err := attestation.Verify(object, attestation.Options{Token: token, KeyAuthorization: keyAuthorization, Now: now,
		Roots: map[string]*x509.CertPool{attestation.FormatApple: pool, attestation.FormatStep: pool, attestation.FormatTPM: pool}})
	if err != nil {
		return nil, err
	}
	a := &acme.Attested{Identifiers: append([]string{st.PermanentIdentifier}, st.OtherIdentifiers...), SPKI: st.SPKI}
	if st.HardwareModule != "" {
		a.Identifiers = append(a.Identifiers, st.HardwareModule)
	}
	return a, nil
}
