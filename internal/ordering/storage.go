package ordering

import (
	"context"
	"log/slog"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/domain"
	"github.com/certwright/certwright/internal/enroll"
)

// What an order can wait for, as Storage.SetWaits keeps it.
const (
	waitDomain       = "domain"
	waitOrganisation = "organisation"
)

// Scope is what somebody may see of an account's orders.
type Scope struct {
	AllGroups bool
	Groups    []core.GroupID
	// Products limits a credential to its own; nil: all.
	Products []core.ProductID
}

// Storage is what the service needs from the database.
type Storage interface {
	core.Transactor
	Number(ctx context.Context, kind string) (int64, error)

	// InsertOrder adds an order; false when its idempotency key is taken.
	InsertOrder(ctx context.Context, tx core.Tx, o *core.Order) (bool, error)
	// MoveOrder writes state, failure and time of change if the order still has
	// the state and attempt given, else it answers conflict; the state may stay.
	MoveOrder(ctx context.Context, tx core.Tx, o *core.Order, from core.OrderState, attempt int) error
	// FillOrder is enroll.Storage's; the state may stay.
	FillOrder(ctx context.Context, tx core.Tx, o *core.Order, from core.OrderState, attempt int) error
	Order(ctx context.Context, account core.AccountID, id core.OrderID) (*core.Order, error)
	OrderByNumber(ctx context.Context, account core.AccountID, number int64) (*core.Order, error)
	OrderByKey(ctx context.Context, key string) (*core.Order, error)

	InsertDetails(ctx context.Context, tx core.Tx, d *core.OrderDetails) error
	// UpdateDetails writes everything but DueAt if the version is still
	// d.Version-1, else it answers conflict.
	UpdateDetails(ctx context.Context, tx core.Tx, d *core.OrderDetails) error
	// OrderDetails answers not-found for orders that were never put together.
	OrderDetails(ctx context.Context, account core.AccountID, id core.OrderID) (*core.OrderDetails, error)
	DetailsByRequest(ctx context.Context, account core.AccountID, request int64) (*core.OrderDetails, error)
	// SetDue says when the background shall look at an order; zero: not.
	SetDue(ctx context.Context, tx core.Tx, id core.OrderID, at time.Time) error
	// Postpone is SetDue unless somebody changed it from was meanwhile.
	Postpone(ctx context.Context, tx core.Tx, id core.OrderID, was, at time.Time) error
	// DueOrders lists what is due, the longest first.
	DueOrders(ctx context.Context, now time.Time, limit int) ([]core.OrderDetails, error)
	// SetWaits replaces what an order waits for.
	SetWaits(ctx context.Context, tx core.Tx, account core.AccountID, id core.OrderID, kind string, references []string) error
	// Wake makes the orders that wait for a thing due.
	Wake(ctx context.Context, tx core.Tx, account core.AccountID, kind, reference string, at time.Time) error

	AddApproval(ctx context.Context, tx core.Tx, a *core.Approval) error
	CountApprovals(ctx context.Context, tx core.Tx, id core.OrderID) (int, error)
	DropApprovals(ctx context.Context, tx core.Tx, id core.OrderID) error
	Approvals(ctx context.Context, account core.AccountID, id core.OrderID) ([]core.Approval, error)

	InsertDocument(ctx context.Context, tx core.Tx, d *core.Document) error
	CountDocuments(ctx context.Context, tx core.Tx, order core.OrderID) (int, error)
	OrderDocuments(ctx context.Context, account core.AccountID, order core.OrderID) ([]core.Document, error)
	Document(ctx context.Context, account core.AccountID, id core.DocumentID) (*core.Document, error)

	Certificate(ctx context.Context, account core.AccountID, id core.CertificateID) (*core.Certificate, error)
	Organisation(ctx context.Context, tx core.Tx, account core.AccountID, id core.OrganisationID) (*core.Organisation, error)
	Group(ctx context.Context, tx core.Tx, account core.AccountID, id core.GroupID) (*core.Group, error)
	Credential(ctx context.Context, tx core.Tx, account core.AccountID, id core.CredentialID) (*core.Credential, error)
	ListProducts(ctx context.Context, q core.ListQuery) (core.Page[core.Product], error)

	// NextNumber gives the next public number of a kind of things of an account.
	NextNumber(ctx context.Context, tx core.Tx, account core.AccountID, kind string, first int64) (int64, error)
	InsertDeploymentRequest(ctx context.Context, tx core.Tx, d *core.DeploymentRequest) error
	DeploymentRequest(ctx context.Context, account core.AccountID, id core.DeploymentRequestID) (*core.DeploymentRequest, error)
	// MoveDeploymentRequest writes state and time of change if it still has the
	// state from, else it answers conflict.
	MoveDeploymentRequest(ctx context.Context, tx core.Tx, d *core.DeploymentRequest, from string) error
	// ListDeploymentRequests lists those of certificates in scope.
	ListDeploymentRequests(ctx context.Context, q core.ListQuery, s Scope) (core.Page[core.DeploymentRequest], error)
	DeploymentRequestColumns() []core.Column

	// ReportOrders selects what is in scope, newest first, and counts it.
	ReportOrders(ctx context.Context, account core.AccountID, s Scope, q Query) ([]Row, int, error)
}

// Enroll is what ordering needs from the issuing service.
type Enroll interface {
	Submit(ctx context.Context, r enroll.Request) (*enroll.Result, error)
	Look(ctx context.Context, p *core.Principal, o *core.Order) (*enroll.Result, error)
	Approve(ctx context.Context, p *core.Principal, id core.OrderID, comment string) (*enroll.Result, error)
	DryRun(ctx context.Context, r enroll.Request) (*enroll.Verdict, error)
	CheckContent(ctx context.Context, p *core.Principal, product core.ProductID, subject core.DN, names core.Names) (core.Names, []core.Reason, error)
	Product(ctx context.Context, account core.AccountID, id core.ProductID) (*core.Product, error)
	RevokeJudged(ctx context.Context, p *core.Principal, id core.CertificateID, reason int, with func(context.Context, core.Tx) error) error
	ReleaseJudged(ctx context.Context, p *core.Principal, id core.CertificateID, with func(context.Context, core.Tx) error) error
}

// Domains is what ordering needs from the domain service.
type Domains interface {
	Ensure(ctx context.Context, p *core.Principal, o domain.Owner, name string, ancestors bool) (*core.Domain, error)
	Proven(ctx context.Context, account core.AccountID, o domain.Owner, names []string, reuse time.Duration, ancestors bool) ([]string, error)
	OwnerOf(ctx context.Context, p *core.Principal) (domain.Owner, error)
}

// DomainRows reads domains without judging who asks.
type DomainRows interface {
	OwnedDomain(ctx context.Context, tx core.Tx, account core.AccountID, o domain.Owner, name string) (*core.Domain, error)
}

// Vetting is what ordering needs from the vetting service.
type Vetting interface {
	Standing(ctx context.Context, account core.AccountID, o core.OrganisationID, purpose core.Purpose) (*core.Vetting, error)
	Ask(ctx context.Context, p *core.Principal, o core.OrganisationID, purpose core.Purpose) (*core.Vetting, error)
	CheckToken(ctx context.Context, account core.AccountID, o core.OrganisationID, token string) (bool, error)
	ConsentOf(ctx context.Context, account core.AccountID, order core.OrderID) (*core.Consent, error)
	Organisations(ctx context.Context, p *core.Principal) ([]core.Organisation, error)
}

// Agreements knows the texts of subscriber agreements; package agreement implements it.
type Agreements interface {
	// Standing is the text that a subscriber of the product accepts now; nil: there is none.
	Standing(ctx context.Context, account core.AccountID, product core.ProductID) (*core.AgreementText, error)
	Version(ctx context.Context, account core.AccountID, id core.AgreementTextID) (*core.AgreementText, error)
}

// Audit is the part of the audit log that the service writes to.
type Audit interface {
	Write(tx core.Tx, e ...core.Event)
	Record(ctx context.Context, e core.Event) error
}

// Sealer encrypts documents.
type Sealer interface {
	Seal(plain []byte, context string) ([]byte, error)
	Open(sealed []byte, context string) ([]byte, error)
}

// Deps are what the service stands on.
type Deps struct {
	Storage    Storage
	Enroll     Enroll
	Domains    Domains
	DomainRows DomainRows
	Vetting    Vetting
	Agreements Agreements
	Audit      Audit
	Sealer     Sealer
	Now        func() time.Time
	Logger     *slog.Logger
}

// NewService makes the service.
func NewService(d Deps) *Service {
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	return &Service{d}
}
