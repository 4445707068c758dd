package domain

import (
	"context"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/validation"
)

// Visible says which domains somebody may see who may not see all of the
// account: those of groups and those of organisations.
type Visible struct {
	Groups        []core.GroupID
	Organisations []core.OrganisationID
}

// Storage is what the service needs from the database.
type Storage interface {
	core.Transactor
	// NextNumber allots a public number of a kind inside tx.
	NextNumber(ctx context.Context, tx core.Tx, account core.AccountID, kind string, first int64) (int64, error)
	Group(ctx context.Context, tx core.Tx, account core.AccountID, id core.GroupID) (*core.Group, error)
	Organisation(ctx context.Context, tx core.Tx, account core.AccountID, id core.OrganisationID) (*core.Organisation, error)
	// OrganisationsOf lists the organisations that groups belong to.
	OrganisationsOf(ctx context.Context, account core.AccountID, groups []core.GroupID) ([]core.OrganisationID, error)

	// InsertDomain adds a domain; false when its owner has the name already.
	InsertDomain(ctx context.Context, tx core.Tx, d *core.Domain) (bool, error)
	// UpdateDomain writes what can change and counts the version up, if the row
	// still has the version given; else it answers conflict.
	UpdateDomain(ctx context.Context, tx core.Tx, d *core.Domain) error
	// FindDomain, OwnedDomain and DomainByMail read a row. With a transaction
	// nobody else changes the row until its end.
	FindDomain(ctx context.Context, tx core.Tx, account core.AccountID, id core.DomainID) (*core.Domain, error)
	OwnedDomain(ctx context.Context, tx core.Tx, account core.AccountID, o Owner, name string) (*core.Domain, error)
	// DomainByMail finds the domain whose open mail holds the secret with this
	// hash.
	DomainByMail(ctx context.Context, tx core.Tx, hash []byte) (*core.Domain, error)
	// ProvenElsewhere reports whether another owner of the account has a valid
	// proof for name.
	ProvenElsewhere(ctx context.Context, tx core.Tx, account core.AccountID, o Owner, name string, now time.Time) (bool, error)
	// ProvenDomains lists the owner's active domains among names with a valid
	// proof.
	ProvenDomains(ctx context.Context, account core.AccountID, o Owner, names []string, now time.Time) ([]*core.Domain, error)

	// DueDomains lists domains of all accounts that the background shall look at.
	DueDomains(ctx context.Context, now time.Time, limit int) ([]*core.Domain, error)
	// LeaseDomain moves NextCheck of a domain if it still is what d says; false
	// when it is not. The version stays.
	LeaseDomain(ctx context.Context, tx core.Tx, d *core.Domain, until time.Time) (bool, error)

	ListDomains(ctx context.Context, q core.ListQuery, v *Visible) (core.Page[core.Domain], error)
	DomainColumns() []core.Column
	CountDomains(ctx context.Context, account core.AccountID, f core.Filter, v *Visible) (int, error)
	DomainsAt(ctx context.Context, q core.ListQuery, offset int, v *Visible) ([]core.Domain, error)

	// InsertAttempt adds an attempt and forgets all but the newest keep of the
	// domain.
	InsertAttempt(ctx context.Context, tx core.Tx, a *core.DomainAttempt, keep int) error
	Attempts(ctx context.Context, account core.AccountID, id core.DomainID, offset, limit int) ([]*core.DomainAttempt, int, error)
	Attempt(ctx context.Context, account core.AccountID, id core.DomainID, attempt core.AttemptID) (*core.DomainAttempt, error)
	// DomainMails counts the mails since a time about a name or to an address,
	// and tells when the last one went out.
	DomainMails(ctx context.Context, tx core.Tx, account core.AccountID, name, address string, since time.Time) (int, time.Time, error)
}

// Checker looks at the world; *validation.Service is one.
type Checker interface {
	validation.Checker
	CAA(ctx context.Context, name string, wildcard bool, issuerDomains []string, accountURL, method string) (*core.Failure, []core.Record)
	Contacts(ctx context.Context, name string) ([]string, *core.Failure, []core.Record)
}

// Mail sends a mail of plain text. Errors of kind unavailable may go away.
type Mail interface {
	SendMail(ctx context.Context, to, subject, text string) error
}

// Audit is the part of the audit log that the service writes to.
type Audit interface {
	Write(tx core.Tx, e ...core.Event)
	Record(ctx context.Context, e core.Event) error
}
