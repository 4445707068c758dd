package app

import (
	"context"
	"fmt"
	"github.com/certwright/certwright/internal/agreement"
	"log/slog"
	"os"
	"time"

	"github.com/certwright/certwright/internal/audit"
	"github.com/certwright/certwright/internal/ca"
	"github.com/certwright/certwright/internal/connector"
	"github.com/certwright/certwright/internal/connector/builtin"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/csvlist"
	"github.com/certwright/certwright/internal/domain"
	"github.com/certwright/certwright/internal/enroll"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/identity/federation"
	"github.com/certwright/certwright/internal/inventory"
	"github.com/certwright/certwright/internal/jobs"
	"github.com/certwright/certwright/internal/ordering"
	"github.com/certwright/certwright/internal/product"
	"github.com/certwright/certwright/internal/secret"
	"github.com/certwright/certwright/internal/setup"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/validation"
	"github.com/certwright/certwright/internal/vetting"
)

// parts are the services, without anything that listens or runs by itself.
type parts struct {
	cfg        Config
	log        *slog.Logger
	now        func() time.Time
	db         *store.DB
	box        *secret.Box
	auditKey   *audit.Key
	audit      *audit.Log
	ca         *ca.CA
	identity   *identity.Service
	federation *federation.Service
	agreements *agreement.Service
	products   *product.Service
	enroll     *enroll.Service
	checks     *validation.Service // of control, for every protocol
	domains    *domain.Service
	vetting    *vetting.Service
	orders     *ordering.Service
	setup      *setup.Service
	// inventory and lists read files.
	inventory *inventory.Service
	lists     *csvlist.Service
	// vetted runs in the transaction in which an organisation is validated; nil:
	// nothing waits for it.
	vetted   func(ctx context.Context, tx core.Tx, account core.AccountID, o core.OrganisationID) error
	followup *followup
	// firstTerm is how long a process has for the first start before another
	// may take it up.
	firstTerm time.Duration
}

// followup asks for the jobs that follow a change; it is set once jobs exist.
type followup struct {
	// serverTLS makes a new certificate for the server itself.
	serverTLS func(ctx context.Context) error
	// reset asks for a mail with a link for a new password.
	reset func(ctx context.Context, tx core.Tx, account core.AccountID, id core.ResetID) error
	crl   func(ctx context.Context, tx core.Tx, account core.AccountID, issuer core.IssuerID) error
	// domain runs in the transaction that makes a domain verified; nil: nothing
	// waits for it.
	domain func(ctx context.Context, tx core.Tx, d *core.Domain) error
	queue  *jobs.Queue // nil: a host command
}

// Revoked implements enroll.Followup.
func (f *followup) Revoked(ctx context.Context, tx core.Tx, account core.AccountID, issuer core.IssuerID) error {
	if f.crl == nil {
		return nil // a host command: the running server's schedule publishes
	}
	return f.crl(ctx, tx, account, issuer)
}

// build opens the database and makes the services. The caller closes parts.db.
func build(ctx context.Context, cfg Config, log *slog.Logger) (*parts, error) {
	now := time.Now
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return nil, err
	}
	db, err := store.Open(ctx, store.Config{URL: cfg.Database, Logger: log, Now: now})
	if err != nil {
		return nil, err
	}
	p := &parts{cfg: cfg, log: log, now: now, db: db, followup: &followup{}, firstTerm: 20 * time.Second}
	if err := p.assemble(ctx); err != nil {
		_ = db.Close()
		return nil, err
	}
	return p, nil
}

func (p *parts) assemble(ctx context.Context) error {
	if err := p.db.Migrate(ctx); err != nil {
		return err
	}
	skew, err := p.db.Skew(ctx)
	if err != nil {
		return err
	}
	if skew > maxSkew || skew < -maxSkew {
		return fmt.Errorf("the clocks of this host and of the database differ by %s; the limit is %s", skew, maxSkew)
	}
	if p.box, err = secret.Open(ctx, secret.Deps{Storage: p.db, Source: p.cfg.KEK, Now: p.now}); err != nil {
		return err
	}
	if p.auditKey, err = audit.NewKey(p.box.Derive("audit checkpoint v1", 32)); err != nil {
		return err
	}
	p.audit = audit.New(audit.Deps{Storage: p.db, Signer: p.auditKey, Now: p.now, Logger: p.log})
	p.ca = ca.New(ca.Deps{Storage: store.CA{DB: p.db}, Sealer: p.box, StatusURL: func() string { return p.cfg.External.Plain }, Now: p.now,
		Record: func(_ context.Context, tx core.Tx, e core.Event) error { p.audit.Write(tx, e); return nil }})
	if err := p.makeVetting(); err != nil {
		return err
	}
	p.identity, err = identity.New(identity.Deps{Storage: p.db, Catalogue: p.db, Audit: p.audit, Sealer: p.box, MAC: p.box.MAC, Now: p.now,
		OrganisationChanged: p.vetting.Changed, Types: credentialTypes(p.cfg), BaseURL: func() string { return p.cfg.External.Main },
		AskReset: p.resetMails(), Directory: directories{p}, SessionIdle: p.cfg.Session.Idle, SessionMax: p.cfg.Session.Absolute})
	if err != nil {
		return err
	}
	if err := p.makeProviders(); err != nil {
		return err
	}
	if err := p.makeDomains(); err != nil {
		return err
	}
	p.products = product.New(product.Deps{Storage: p.db, Audit: p.audit, Now: p.now, CheckLint: ca.CheckLint})
	p.enroll = enroll.New(enroll.Deps{Storage: p.db, Audit: p.audit, Sealer: p.box, Followup: p.followup, Domains: p.domains, CAA: p.caa,
		Connectors: []connector.Connector{builtin.New(builtin.Deps{CA: p.ca})}, Now: p.now, Logger: p.log, Point: point()})
	p.makeOrdering()
	p.setup = setup.New(setup.Deps{Storage: p.db, CAs: p.ca, Issuers: p.builtinIssuers, Products: p.products, Audit: p.audit, Now: p.now,
		ServerTLS: func(ctx context.Context) error {
			if p.followup.serverTLS == nil {
			}
			return p.followup.serverTLS(ctx)
		}})
	return p.makeInventory()
}

// maxSkew is how far the host's clock may be from the database's: leases and
// lock-outs compare the two.
const maxSkew = 5 * time.Second

// builtinIssuers lists the issuers of the built-in CA of an account, of all
// accounts for "".
func (p *parts) builtinIssuers(ctx context.Context, account core.AccountID) ([]*core.Issuer, error) {
	return store.CA{DB: p.db}.ListIssuers(ctx, account)
}
