package rest

import (
	"context"
	"log/slog"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/domain"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/ordering"
	"github.com/certwright/certwright/internal/protocol"
)

// Authenticator is the part of identity that the order API uses.
type Authenticator interface {
	// CredentialByPublicID finds a credential by its account number (10 digits).
	CredentialByPublicID(ctx context.Context, typ core.CredentialType, publicID string) (*core.Credential, error)
	Authenticate(ctx context.Context, c *core.Credential, p identity.Proof) (*core.Principal, error)
	Vouch(c *core.Credential, p identity.Proof) (*core.Principal, error)
	SecretOf(c *core.Credential) ([]byte, error)
}

// Orders is the part of ordering that the order API uses.
type Orders interface {
	Catalogue(ctx context.Context, p *core.Principal, group core.GroupID) ([]ordering.Offer, error)
	Create(ctx context.Context, p *core.Principal, n ordering.New) (*ordering.View, error)
	Order(ctx context.Context, p *core.Principal, id core.OrderID) (*ordering.View, error)
	ByNumber(ctx context.Context, p *core.Principal, number int64) (*ordering.View, error)
	ByRequest(ctx context.Context, p *core.Principal, number int64) (*ordering.View, error)
	SetCSR(ctx context.Context, p *core.Principal, id core.OrderID, csr []byte) (*ordering.View, error)
	AddDocuments(ctx context.Context, p *core.Principal, id core.OrderID, up []ordering.Upload) (*ordering.View, error)
	Document(ctx context.Context, p *core.Principal, id core.OrderID, doc core.DocumentID) (*core.Document, []byte, error)
	Agree(ctx context.Context, p *core.Principal, id core.OrderID, a core.Agreement) (*ordering.View, error)
	Cancel(ctx context.Context, p *core.Principal, id core.OrderID, remarks string) (*ordering.View, error)
	Reject(ctx context.Context, p *core.Principal, id core.OrderID, remarks string) (*ordering.View, error)
	Revoke(ctx context.Context, p *core.Principal, id core.OrderID, reason int, remarks string) (*ordering.View, error)
	Resume(ctx context.Context, p *core.Principal, id core.OrderID) (*ordering.View, error)
	Reissue(ctx context.Context, p *core.Principal, id core.OrderID, r ordering.Reissue) (*ordering.View, error)
	Report(ctx context.Context, p *core.Principal, q ordering.Query) ([]ordering.Row, int, error)
	VisibleCertificate(ctx context.Context, p *core.Principal, id core.CertificateID) (*core.Certificate, error)
	Deploy(ctx context.Context, p *core.Principal, certificate core.CertificateID, target string) (*core.DeploymentRequest, error)
}

// Domains is the part of the domain service that the order API uses.
type Domains interface {
	Register(ctx context.Context, p *core.Principal, n domain.New) (*core.Domain, error)
	Ensure(ctx context.Context, p *core.Principal, o domain.Owner, name string, ancestors bool) (*core.Domain, error)
	Domain(ctx context.Context, p *core.Principal, id core.DomainID) (*core.Domain, error)
	Count(ctx context.Context, p *core.Principal, f core.Filter) (int, error)
	At(ctx context.Context, p *core.Principal, q core.ListQuery, offset int) ([]core.Domain, error)
	Challenge(ctx context.Context, p *core.Principal, id core.DomainID, method string) (*domain.Challenge, error)
	Verify(ctx context.Context, p *core.Principal, id core.DomainID, method, address string) (*domain.Outcome, error)
	Renew(ctx context.Context, p *core.Principal, id core.DomainID) (*core.Domain, error)
	SetActive(ctx context.Context, p *core.Principal, id core.DomainID, active bool) (*core.Domain, error)
	Attempts(ctx context.Context, p *core.Principal, id core.DomainID, offset, limit int) (*domain.Attempts, error)
	Attempt(ctx context.Context, p *core.Principal, id core.DomainID, attempt core.AttemptID) (*core.DomainAttempt, error)
	OwnerOf(ctx context.Context, p *core.Principal) (domain.Owner, error)
}

// Vetting is the part of the vetting service that the order API uses.
type Vetting interface {
	Organisations(ctx context.Context, p *core.Principal) ([]core.Organisation, error)
	ByNumber(ctx context.Context, p *core.Principal, number int64) (*core.Organisation, error)
	Of(ctx context.Context, p *core.Principal, o core.OrganisationID) ([]core.Vetting, error)
	Standing(ctx context.Context, account core.AccountID, o core.OrganisationID, purpose core.Purpose) (*core.Vetting, error)
	Representatives(ctx context.Context, p *core.Principal, o core.OrganisationID) ([]core.Representative, error)
	Consents(ctx context.Context, p *core.Principal, o core.OrganisationID) ([]core.Consent, error)
	Token(ctx context.Context, p *core.Principal, o core.OrganisationID, renew bool) (string, error)
}

// Keys gives private keys that were made here.
type Keys interface {
	Key(ctx context.Context, p *core.Principal, id core.CertificateID) ([]byte, error)
}

// Auditor is the part of the audit log that the order API writes to.
type Auditor interface {
	Write(tx core.Tx, e ...core.Event)
	Record(ctx context.Context, e core.Event) error
}

// Deps is what the order API stands on.
type Deps struct {
	Auth    Authenticator
	Orders  Orders
	Domains Domains
	Vetting Vetting
	Storage Storage
	Audit   Auditor
	Keys    Keys
	// BaseURL is how clients reach the server: https://host[:port].
	BaseURL func() string
	Log     *slog.Logger
	Now     func() time.Time
	// Patience is how long the repeat of a request waits for the answer to the
	// first before it looks at the order itself; 0: five seconds.
	Patience time.Duration
}

// Service is the order API.
type Service struct {
	d     Deps
	large chan struct{} // requests of v1 with documents, being read
}

// New makes the order API.
func New(d Deps) *Service {
	if d.Patience <= 0 {
		d.Patience = 5 * time.Second
	}
	return &Service{d: d, large: make(chan struct{}, largeBodies)}
}

// Name implements protocol.Protocol.
func (*Service) Name() string { return "rest" }

// Routes implements protocol.Protocol.
func (s *Service) Routes() []protocol.Route {
	return append(s.v2Routes(), s.v1Routes()...)
}
