package api

import (
	"context"
	"io"
	"net/netip"
	"time"

	"github.com/certwright/certwright/internal/audit"
	"github.com/certwright/certwright/internal/ca"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/domain"
	"github.com/certwright/certwright/internal/enroll"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/jobs"
	"github.com/certwright/certwright/internal/secret"
)

// SignIns tells who asks; identity implements it.
type SignIns interface {
	SignIn(ctx context.Context, in identity.SignIn) (*identity.SignedIn, error)
	SessionPrincipal(ctx context.Context, cookie string, addr netip.Addr) (*core.Principal, error)
	// PeekSession is SessionPrincipal without counting as use of the session.
	PeekSession(ctx context.Context, cookie string, addr netip.Addr) (*core.Principal, error)
	TokenPrincipal(ctx context.Context, text string, addr netip.Addr) (*core.Principal, error)
	ChangePassword(ctx context.Context, p *core.Principal, old, fresh string) error
}

// Sessions are signed-in browsers and personal tokens; identity implements it.
type Sessions interface {
	Sessions(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.Session], error)
	SessionColumns() []core.Column
	EndSession(ctx context.Context, p *core.Principal, id core.SessionID) error
	EndSessions(ctx context.Context, p *core.Principal, user core.UserID) (int, error)
	Tokens(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.Token], error)
	TokenColumns() []core.Column
	CreateToken(ctx context.Context, p *core.Principal, n identity.NewToken) (*core.Token, secret.Redacted, error)
	RevokeToken(ctx context.Context, p *core.Principal, id core.TokenID) error
}

// Organisations are the account and what it is made of; identity implements it.
type Organisations interface {
	Account(ctx context.Context, p *core.Principal) (*core.Account, error)
	RenameAccount(ctx context.Context, p *core.Principal, name string) error
	Organisations(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.Organisation], error)
	OrganisationColumns() []core.Column
	Organisation(ctx context.Context, p *core.Principal, id core.OrganisationID) (*core.Organisation, error)
	CreateOrganisation(ctx context.Context, p *core.Principal, d identity.OrganisationData) (*core.Organisation, error)
	UpdateOrganisation(ctx context.Context, p *core.Principal, id core.OrganisationID, d identity.OrganisationData) (*core.Organisation, error)
	DeleteOrganisation(ctx context.Context, p *core.Principal, id core.OrganisationID) error
}

// Groups are groups and their members; identity implements it.
type Groups interface {
	Groups(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.Group], error)
	GroupColumns() []core.Column
	Group(ctx context.Context, p *core.Principal, id core.GroupID) (*core.Group, error)
	CreateGroup(ctx context.Context, p *core.Principal, d identity.GroupData) (*core.Group, error)
	UpdateGroup(ctx context.Context, p *core.Principal, id core.GroupID, d identity.GroupData) (*core.Group, error)
	DeleteGroup(ctx context.Context, p *core.Principal, id core.GroupID) error
	Members(ctx context.Context, p *core.Principal, id core.GroupID, q core.ListQuery) (core.Page[core.User], error)
	AddMember(ctx context.Context, p *core.Principal, id core.GroupID, user core.UserID) error
	RemoveMember(ctx context.Context, p *core.Principal, id core.GroupID, user core.UserID) error
}

// Users are people; identity implements it.
type Users interface {
	Users(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.User], error)
	UserColumns() []core.Column
	User(ctx context.Context, p *core.Principal, id core.UserID) (*core.User, error)
	CreateUser(ctx context.Context, p *core.Principal, n identity.NewUser) (*core.User, secret.Redacted, error)
	UpdateUser(ctx context.Context, p *core.Principal, id core.UserID, ch identity.UserChange) (*core.User, error)
	DeleteUser(ctx context.Context, p *core.Principal, id core.UserID) error
	ResetPassword(ctx context.Context, p *core.Principal, id core.UserID) (secret.Redacted, error)
	ResetSecondFactor(ctx context.Context, p *core.Principal, id core.UserID) error
}

// Passkeys are people's passkeys and which roles need a second factor;
// identity implements it.
type Passkeys interface {
	Passkeys(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.Passkey], error)
	PasskeyColumns() []core.Column
	RenamePasskey(ctx context.Context, p *core.Principal, id core.PasskeyID, name string) (*core.Passkey, error)
	RemovePasskey(ctx context.Context, p *core.Principal, id core.PasskeyID) error
	SignInPolicy(ctx context.Context, p *core.Principal) (*core.SignInPolicy, error)
	SetSignInPolicy(ctx context.Context, p *core.Principal, roles []core.Role, from int) (*core.SignInPolicy, error)
}

// Credentials are API credentials; identity implements it.
type Credentials interface {
	Types() []identity.CredentialType
	Credentials(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.Credential], error)
	CredentialColumns() []core.Column
	CredentialByID(ctx context.Context, p *core.Principal, id core.CredentialID) (*core.Credential, error)
	Endpoint(c *core.Credential) (*identity.Created, error)
	CreateCredential(ctx context.Context, p *core.Principal, n identity.NewCredential) (*identity.Created, error)
	UpdateCredential(ctx context.Context, p *core.Principal, id core.CredentialID, ch identity.CredentialChange) (*core.Credential, error)
	RevokeCredential(ctx context.Context, p *core.Principal, id core.CredentialID, reason string) (*core.Credential, error)
	RegenerateCredential(ctx context.Context, p *core.Principal, id core.CredentialID) (*identity.Created, error)
}

// Identity is what the API needs of package identity. Its methods that take a
// principal check the access table themselves.
type Identity interface {
	SignIns
	Sessions
	Organisations
	Groups
	Users
	ExternalIdentities
	Passkeys
	Credentials
}

// Enroll is the issuing service.
type Enroll interface {
	Submit(ctx context.Context, r enroll.Request) (*enroll.Result, error)
	DryRun(ctx context.Context, r enroll.Request) (*enroll.Verdict, error)
	DryRunOf(ctx context.Context, r enroll.Request, product core.Product) (*enroll.Verdict, error)
	Renew(ctx context.Context, p *core.Principal, id core.CertificateID, csr []byte, idempotencyKey string, origin core.Origin) (*enroll.Result, error)
	Revoke(ctx context.Context, p *core.Principal, id core.CertificateID, reason int) error
	Release(ctx context.Context, p *core.Principal, id core.CertificateID) error
	Key(ctx context.Context, p *core.Principal, id core.CertificateID) ([]byte, error)
}

// Domains are domains and the proofs of control of them; package domain
// implements it. Its methods check the access table themselves.
type Domains interface {
	Register(ctx context.Context, p *core.Principal, n domain.New) (*core.Domain, error)
	Domain(ctx context.Context, p *core.Principal, id core.DomainID) (*core.Domain, error)
	Domains(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.Domain], error)
	Columns() []core.Column
	Asked(d *core.Domain) *domain.Challenge
	Challenge(ctx context.Context, p *core.Principal, id core.DomainID, method string) (*domain.Challenge, error)
	Verify(ctx context.Context, p *core.Principal, id core.DomainID, method, address string) (*domain.Outcome, error)
	Renew(ctx context.Context, p *core.Principal, id core.DomainID) (*core.Domain, error)
	SetActive(ctx context.Context, p *core.Principal, id core.DomainID, active bool) (*core.Domain, error)
	Reject(ctx context.Context, p *core.Principal, id core.DomainID, reason string) (*core.Domain, error)
	Attempts(ctx context.Context, p *core.Principal, id core.DomainID, offset, limit int) (*domain.Attempts, error)
	Attempt(ctx context.Context, p *core.Principal, id core.DomainID, attempt core.AttemptID) (*core.DomainAttempt, error)
}

// Products manages products; package product implements it.
type Products interface {
	// Check says what Create or, with an id, Update would refuse.
	Check(ctx context.Context, by *core.Principal, p core.Product) error
	Create(ctx context.Context, by *core.Principal, p core.Product) (*core.Product, error)
	Update(ctx context.Context, by *core.Principal, p core.Product) (*core.Product, error)
	SetState(ctx context.Context, by *core.Principal, id core.ProductID, state core.ProductState) (*core.Product, error)
	Get(ctx context.Context, account core.AccountID, idOrCode string) (*core.Product, error)
	List(ctx context.Context, q core.ListQuery) (core.Page[core.Product], error)
	Columns() []core.Column
}

// Authority is the built-in CA; package ca implements it.
type Authority interface {
	CreateRoot(ctx context.Context, by *core.Principal, s ca.Spec) (*core.Issuer, error)
	CreateIssuing(ctx context.Context, by *core.Principal, parent core.IssuerID, s ca.Spec) (*core.Issuer, error)
	CreatePending(ctx context.Context, by *core.Principal, s ca.Spec) (*core.Issuer, error)
	Install(ctx context.Context, by *core.Principal, account core.AccountID, id core.IssuerID, certificate []byte, chain [][]byte) (*core.Issuer, error)
	SetState(ctx context.Context, by *core.Principal, account core.AccountID, id core.IssuerID, state core.IssuerState) (*core.Issuer, error)
	AddChain(ctx context.Context, by *core.Principal, account core.AccountID, id core.IssuerID, chain [][]byte) (*core.Issuer, error)
	RemoveChains(ctx context.Context, by *core.Principal, account core.AccountID, id core.IssuerID) (*core.Issuer, error)
	PublishCRL(ctx context.Context, account core.AccountID, id core.IssuerID) (*ca.CRL, error)
	LatestCRL(ctx context.Context, slug string) (*ca.CRL, error)
	Addresses(slug string) ca.Addresses
}

// ACME are the accounts, orders and authorizations of ACME clients. Lists show
// what belongs to credentials of the groups within; nil: all.
type ACME interface {
	ListACMEAccounts(ctx context.Context, q core.ListQuery, within []core.GroupID) (core.Page[core.ACMEAccount], error)
	ACMEAccountColumns() []core.Column
	FindACMEAccount(ctx context.Context, account core.AccountID, id core.ACMEAccountID) (*core.ACMEAccount, error)
	SetACMEAccountState(ctx context.Context, tx core.Tx, account core.AccountID, id core.ACMEAccountID, from, to core.ACMEAccountState) error

	ListACMEOrders(ctx context.Context, q core.ListQuery, within []core.GroupID) (core.Page[core.ACMEOrder], error)
	ACMEOrderColumns() []core.Column
	FindACMEOrder(ctx context.Context, account core.AccountID, id core.ACMEOrderID) (*core.ACMEOrder, error)
	SettleACMEOrders(ctx context.Context, tx core.Tx, id core.AuthorizationID, problem *core.ACMEProblem, now time.Time) error

	ListAuthorizations(ctx context.Context, q core.ListQuery, within []core.GroupID) (core.Page[core.Authorization], error)
	AuthorizationColumns() []core.Column
	FindAuthorization(ctx context.Context, account core.AccountID, id core.AuthorizationID) (*core.Authorization, error)
	Authorizations(ctx context.Context, ids []core.AuthorizationID) ([]*core.Authorization, error)
	RevokeAuthorization(ctx context.Context, tx core.Tx, account core.AccountID, id core.AuthorizationID, now time.Time) error
}

// Pulls are the early renewals that administrators ask ACME clients for.
type Pulls interface {
	ListRenewalPulls(ctx context.Context, q core.ListQuery) (core.Page[core.RenewalPull], error)
	RenewalPullColumns() []core.Column
	RenewalPull(ctx context.Context, account core.AccountID, id core.PullID) (*core.RenewalPull, error)
	InsertRenewalPull(ctx context.Context, tx core.Tx, p *core.RenewalPull) error
	CancelRenewalPull(ctx context.Context, tx core.Tx, account core.AccountID, id core.PullID, at time.Time) error
}

// Views are the saved views of lists.
type Views interface {
	ListViews(ctx context.Context, q core.ListQuery, user core.UserID) (core.Page[core.View], error)
	ViewColumns() []core.Column
	View(ctx context.Context, account core.AccountID, id core.ViewID) (*core.View, error)
	CountViews(ctx context.Context, account core.AccountID, user core.UserID) (int, error)
	InsertView(ctx context.Context, tx core.Tx, v *core.View) error
	UpdateView(ctx context.Context, tx core.Tx, v *core.View) error
	DeleteView(ctx context.Context, tx core.Tx, v *core.View) error
}

// Changes is where things that changed leave a trace, in order.
type Changes interface {
	Heads(ctx context.Context) ([]audit.Head, error)
	Changes(ctx context.Context, account core.AccountID, chain int, after, until int64, limit int) ([]core.Change, error)
}

// Storage is what the API reads by itself, and the little that it writes.
type Storage interface {
	core.Transactor
	ACME
	Pulls
	Views
	Changes
	Order(ctx context.Context, account core.AccountID, id core.OrderID) (*core.Order, error)
	OrderByNumber(ctx context.Context, account core.AccountID, number int64) (*core.Order, error)
	ListOrders(ctx context.Context, q core.ListQuery) (core.Page[core.Order], error)
	OrderColumns() []core.Column
	Approvals(ctx context.Context, account core.AccountID, id core.OrderID) ([]core.Approval, error)

	// Certificate and CertificateByNumber read the DER, too.
	Certificate(ctx context.Context, account core.AccountID, id core.CertificateID) (*core.Certificate, error)
	CertificateByNumber(ctx context.Context, account core.AccountID, number int64) (*core.Certificate, error)
	ListCertificates(ctx context.Context, q core.ListQuery) (core.Page[core.Certificate], error)
	CertificateColumns() []core.Column

	Issuer(ctx context.Context, account core.AccountID, id core.IssuerID) (*core.Issuer, error)
	ListIssuers(ctx context.Context, q core.ListQuery) (core.Page[core.Issuer], error)
	IssuerColumns() []core.Column
	// ForeignIssuer returns the name of an issuer of imported certificates.
	ForeignIssuer(ctx context.Context, account core.AccountID, id core.IssuerID) (string, error)
}

// Audit is the audit log.
type Audit interface {
	Write(tx core.Tx, events ...core.Event)
	Record(ctx context.Context, e core.Event) error
	List(ctx context.Context, q core.ListQuery) (core.Page[audit.Entry], error)
	Verify(ctx context.Context, report func(audit.Problem), anchors ...audit.Checkpoint) (audit.Summary, error)
	Export(ctx context.Context, w io.Writer, q audit.Range) error
}

// Jobs is the queue of background work.
type Jobs interface {
	Columns() []core.Column
	List(ctx context.Context, q core.ListQuery, system bool) (core.Page[jobs.Job], error)
	Get(ctx context.Context, account core.AccountID, id int64) (jobs.Job, error)
	Cancel(ctx context.Context, account core.AccountID, id int64) error
	Retry(ctx context.Context, account core.AccountID, id int64) error
}
