// Package federation signs people in through an organisation's own identity:
// OpenID Connect, SAML 2.0, and LDAP with Active Directory. It speaks the
// protocols and keeps the providers; who gets in, and with which rights, is
// decided by package identity. See docs/adr/0035-sign-in-providers.md.
package federation

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// Storage is what federation needs from the database. Methods that take a tx
// write in it; where a read says so, tx may be nil.
type Storage interface {
	core.Transactor
	identity.SignInStateStorage
	// AccountByNumber finds an account; 0 means the first one.
	AccountByNumber(ctx context.Context, number int64) (*core.Account, error)
	// InsertSignInProvider answers exists at label.
	InsertSignInProvider(ctx context.Context, tx core.Tx, p *core.SignInProvider) error
	// UpdateSignInProvider writes a provider if its version is still
	// p.Version-1, else it answers conflict.
	UpdateSignInProvider(ctx context.Context, tx core.Tx, p *core.SignInProvider) error
	// DeleteSignInProvider removes it with the links of users to it.
	DeleteSignInProvider(ctx context.Context, tx core.Tx, account core.AccountID, id core.ProviderID) error
	// SignInProvider reads one; tx may be nil.
	SignInProvider(ctx context.Context, tx core.Tx, account core.AccountID, id core.ProviderID) (*core.SignInProvider, error)
	SignInProviderByLabel(ctx context.Context, account core.AccountID, label string) (*core.SignInProvider, error)
	// EnabledSignInProviders lists them by name.
	EnabledSignInProviders(ctx context.Context, account core.AccountID) ([]*core.SignInProvider, error)
	SignInProviders(ctx context.Context, q core.ListQuery) (core.Page[core.SignInProvider], error)
	SignInProviderColumns() []core.Column
	// DropProvided takes from everybody what he has from a provider.
	DropProvided(ctx context.Context, tx core.Tx, account core.AccountID, provider core.ProviderID) error
	// EndProvidedSessions ends the sessions of all who are linked to a provider,
	// but one, and returns how many.
	EndProvidedSessions(ctx context.Context, tx core.Tx, account core.AccountID, provider core.ProviderID, except core.SessionID) (int, error)
	// UseAssertion reports false when the assertion was used before.
	UseAssertion(ctx context.Context, tx core.Tx, hash []byte, expires time.Time) (bool, error)
	PurgeAssertions(ctx context.Context, tx core.Tx, now time.Time) error
	Group(ctx context.Context, tx core.Tx, account core.AccountID, id core.GroupID) (*core.Group, error)
}

// Audit is the audit log.
type Audit interface {
	Write(tx core.Tx, events ...core.Event)
	Record(ctx context.Context, e core.Event) error
}

// Sealer seals what must be read back.
type Sealer interface {
	Seal(plain []byte, place string) ([]byte, error)
	Open(sealed []byte, place string) ([]byte, error)
}

// Identity lets people in; package identity implements it.
type Identity interface {
	SignInOutside(ctx context.Context, in identity.SignIn, o *identity.Outside) (*identity.SignedIn, error)
}

// Deps is what a Service needs.
type Deps struct {
	Storage  Storage
	Audit    Audit
	Sealer   Sealer
	Identity Identity
	// HTTP reaches providers, through the proxy and with the roots of outbound
	// connections. Its timeout bounds what a slow provider may cost.
	HTTP *http.Client
	// TLS trusts the roots of outbound connections; for directories.
	TLS *tls.Config
	Now func() time.Time
	// BaseURL is the external https://host[:port] without a slash at the end.
	BaseURL func() string
	Log     *slog.Logger
}

// Service is federation. It is safe for concurrent use.
type Service struct {
	Deps
	http *http.Client // Deps.HTTP with a limit on answers

	mu    sync.Mutex
	known map[core.ProviderID]*discovered
}

// New makes a Service.
func New(d Deps) (*Service, error) {
	if d.Storage == nil || d.Audit == nil || d.Sealer == nil || d.Identity == nil || d.HTTP == nil || d.TLS == nil || d.Now == nil || d.BaseURL == nil || d.Log == nil {
		return nil, errors.New("federation: a dependency is missing")
	}
	now := d.Now
	d.Now = func() time.Time { return now().UTC().Truncate(time.Microsecond) } // as the database keeps it
	return &Service{Deps: d, http: limited(d.HTTP), known: map[core.ProviderID]*discovered{}}, nil
}

// Sweep removes used assertions that could not be used again anyway, for a
// schedule.
func (s *Service) Sweep(ctx context.Context) error {
	return s.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error { return s.Storage.PurgeAssertions(ctx, tx, s.Now()) })
}

// change runs f in a transaction that also holds the audit event.
func (s *Service) change(ctx context.Context, p *core.Principal, action string, id core.ProviderID, f func(ctx context.Context, tx core.Tx, e *core.Event) error) error {
	at := s.Now()
	return s.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		e := core.EventOf(p, at, action, "provider:"+string(id))
		e.Detail = map[string]any{}
		if err := f(ctx, tx, &e); err != nil {
			return err
		}
		s.Audit.Write(tx, e)
		return nil
	})
}

// maxAnswer is the longest answer of a provider that is read.
const maxAnswer = 1 << 20

// limited returns c with answers that end in an error after maxAnswer octets.
func limited(c *http.Client) *http.Client {
	l := *c
	base := l.Transport
	if base == nil {
		base = http.DefaultTransport
	}
	l.Transport = transport(func(r *http.Request) (*http.Response, error) {
		resp, err := base.RoundTrip(r)
		if err == nil {
			resp.Body = &bounded{resp.Body, maxAnswer}
		}
		return resp, err
	})
	return &l
}

// bounded ends in an error after left octets.
type bounded struct {
	io.ReadCloser
	left int
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left+1)])
	if b.left -= n; b.left < 0 {
		return 0, errors.New("the answer is too long")
	}
	return n, err
}

type transport func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }
