package app

import (
	"context"
	"crypto/tls"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/identity/federation"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// providerTime is how long an exchange with a sign-in provider may take: a
// person waits for it.
const providerTime = 10 * time.Second

// makeProviders makes the service that signs people in through an
// organisation's own identity.
func (p *parts) makeProviders() error {
	extra, err := p.cfg.Outbound.roots()
	if err != nil {
		return err
	}
	out := httpx.Outbound{Proxy: p.cfg.Outbound.Proxy, NoProxy: p.cfg.Outbound.NoProxy, ExtraRoots: extra, Timeout: providerTime}
	client, err := out.Client()
	if err != nil {
		return err
	}
	p.federation, err = federation.New(federation.Deps{Storage: p.db, Audit: p.audit, Sealer: p.box, Identity: p.identity, HTTP: client,
		TLS: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: out.Roots()}, Now: p.now, BaseURL: func() string { return p.cfg.External.Main }, Log: p.log})
	return err
}

// directories are the parts' federation, which is made after identity.
type directories struct{ p *parts }

// Directories implements identity.Directory.
func (d directories) Directories(ctx context.Context, account core.AccountID) ([]*core.SignInProvider, error) {
	return d.p.federation.Directories(ctx, account)
}

// Authenticate implements identity.Directory.
func (d directories) Authenticate(ctx context.Context, provider *core.SignInProvider, login, password string) (*identity.Outside, bool, error) {
	return d.p.federation.Authenticate(ctx, provider, login, password)
}
