// Package vetting is what a registration authority does about organisations: it keeps
// their legal data, evidence, representatives and consents, and the decisions
// of named validators with method and expiry. Nothing is ever validated by
// itself.
package vetting

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// Storage is what vetting needs from the database. Where a method takes a tx
// to read, tx may be nil. Objects of another account give not-found.
type Storage interface {
	core.Transactor
	NextNumber(ctx context.Context, tx core.Tx, account core.AccountID, kind string, first int64) (int64, error)
	Leases
	OrganisationStorage
	ConsentStorage
	DocumentStorage

	InsertVetting(ctx context.Context, tx core.Tx, v *core.Vetting) error
	// UpdateVetting writes what may change if the version is still from, else
	// it gives a conflict.
	UpdateVetting(ctx context.Context, tx core.Tx, v *core.Vetting, from int) error
	Vetting(ctx context.Context, tx core.Tx, account core.AccountID, id core.VettingID) (*core.Vetting, error)
	// VettingsOf returns the vettings of an organisation, newest first.
	VettingsOf(ctx context.Context, tx core.Tx, account core.AccountID, o core.OrganisationID) ([]core.Vetting, error)
	ListVettings(ctx context.Context, q core.ListQuery) (core.Page[core.Vetting], error)
	VettingColumns() []core.Column
	// EndingVettings returns validated vettings of all accounts that end after
	// now and not after until, and were not announced at days or fewer yet.
	EndingVettings(ctx context.Context, now, until time.Time, days, limit int) ([]core.Vetting, error)
	// MarkReminded records an announcement unless the vetting got another end.
	MarkReminded(ctx context.Context, tx core.Tx, id core.VettingID, expires time.Time, days int) error
	// Validators returns the active users that are validators of the account.
	Validators(ctx context.Context, account core.AccountID) ([]core.User, error)
}

// Leases give the reminders to one replica at a time.
type Leases interface {
	AcquireLease(ctx context.Context, name, owner string, term time.Duration) (token int64, ok bool, err error)
	ReleaseLease(ctx context.Context, name, owner string, token int64) error
	GuardLease(ctx context.Context, tx core.Tx, name string, token int64) error
}

// OrganisationStorage keeps organisations, and reads what leads to them.
type OrganisationStorage interface {
	Organisation(ctx context.Context, tx core.Tx, account core.AccountID, id core.OrganisationID) (*core.Organisation, error)
	OrganisationByNumber(ctx context.Context, account core.AccountID, number int64) (*core.Organisation, error)
	Organisations(ctx context.Context, q core.ListQuery) (core.Page[core.Organisation], error)
	UpdateOrganisation(ctx context.Context, tx core.Tx, o *core.Organisation) error
	// LockOrganisation reads an organisation that nobody else can write until
	// tx ends.
	LockOrganisation(ctx context.Context, tx core.Tx, account core.AccountID, id core.OrganisationID) (*core.Organisation, error)
	OrganisationToken(ctx context.Context, tx core.Tx, account core.AccountID, id core.OrganisationID) ([]byte, error)
	SetOrganisationToken(ctx context.Context, tx core.Tx, account core.AccountID, id core.OrganisationID, sealed []byte) error
	Group(ctx context.Context, tx core.Tx, account core.AccountID, id core.GroupID) (*core.Group, error)
	Order(ctx context.Context, account core.AccountID, id core.OrderID) (*core.Order, error)
}

// ConsentStorage keeps representatives and consents.
type ConsentStorage interface {
	InsertRepresentative(ctx context.Context, tx core.Tx, r *core.Representative) error
	UpdateRepresentative(ctx context.Context, tx core.Tx, r *core.Representative) error
	DeleteRepresentative(ctx context.Context, tx core.Tx, account core.AccountID, o core.OrganisationID, id core.RepresentativeID) error
	Representative(ctx context.Context, tx core.Tx, account core.AccountID, o core.OrganisationID, id core.RepresentativeID) (*core.Representative, error)
	// Representatives are sorted by number.
	Representatives(ctx context.Context, account core.AccountID, o core.OrganisationID) ([]core.Representative, error)
	CountRepresentatives(ctx context.Context, tx core.Tx, o core.OrganisationID) (int, error)
	// InsertConsent adds a consent; pending ones of the same representative
	// about the same are replaced.
	InsertConsent(ctx context.Context, tx core.Tx, c *core.Consent) error
	// EndConsents makes replaced what a representative has not answered.
	EndConsents(ctx context.Context, tx core.Tx, o core.OrganisationID, r core.RepresentativeID) error
	// CountConsents returns how many links were sent to a representative since
	// then.
	CountConsents(ctx context.Context, tx core.Tx, o core.OrganisationID, r core.RepresentativeID, since time.Time) (int, error)
	// SetConsent records an answer if the state is still from, else it gives a
	// conflict.
	SetConsent(ctx context.Context, tx core.Tx, c *core.Consent, from core.ConsentState) error
	ConsentBySecret(ctx context.Context, tx core.Tx, hash []byte) (*core.Consent, error)
	// ConsentOfOrder returns the newest consent about an order.
	ConsentOfOrder(ctx context.Context, account core.AccountID, order core.OrderID) (*core.Consent, error)
	ListConsents(ctx context.Context, q core.ListQuery) (core.Page[core.Consent], error)
	ConsentColumns() []core.Column
}

// DocumentStorage keeps documents.
type DocumentStorage interface {
	InsertDocument(ctx context.Context, tx core.Tx, d *core.Document) error
	CountOrganisationDocuments(ctx context.Context, tx core.Tx, o core.OrganisationID) (int, error)
	OrganisationDocuments(ctx context.Context, account core.AccountID, o core.OrganisationID) ([]core.Document, error)
	// Document reads one with its sealed octets.
	Document(ctx context.Context, account core.AccountID, id core.DocumentID) (*core.Document, error)
}

// Audit is the audit log.
type Audit interface {
	Write(tx core.Tx, e ...core.Event)
	Record(ctx context.Context, e core.Event) error
}

// Sealer encrypts what must be read back; *secret.Box implements it.
type Sealer interface {
	Seal(plain []byte, context string) ([]byte, error)
	Open(sealed []byte, context string) ([]byte, error)
	// MAC returns an HMAC-SHA-256 under a key of the server's own for a purpose.
	MAC(purpose string) func(msg []byte) [32]byte
}

// Mail sends a mail of plain text to one address. An error of kind unavailable
// may pass; any other is for good.
type Mail interface {
	Send(ctx context.Context, to, subject, text string) error
}

// Deps is what a Service needs.
type Deps struct {
	Storage Storage
	Audit   Audit
	Sealer  Sealer
	// Mail sends consent links and reminders; nil: no mail server is set up.
	Mail Mail
	// BaseURL is the external https://host[:port] without a slash at the end.
	BaseURL func() string
	// Vetted runs in the transaction of a decision to validated; it may be nil.
	Vetted func(ctx context.Context, tx core.Tx, account core.AccountID, o core.OrganisationID) error
	Now    func() time.Time
	Log    *slog.Logger // nil: nothing is logged
}

// Service is the vetting service. It is safe for concurrent use.
type Service struct {
	d         Deps
	storage   Storage
	now       func() time.Time
	secretMAC func([]byte) [32]byte
}

// New makes a Service.
func New(d Deps) (*Service, error) {
	if d.Storage == nil || d.Audit == nil || d.Sealer == nil || d.BaseURL == nil || d.Now == nil {
		return nil, errors.New("vetting: a dependency is missing")
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{d: d, storage: d.Storage, secretMAC: d.Sealer.MAC("vetting: consent link v1"),
		now: func() time.Time { return d.Now().UTC().Truncate(time.Microsecond) }}, nil // as the database keeps it
}

// write records an event of p in tx.
func (s *Service) write(tx core.Tx, p *core.Principal, at time.Time, action, object string, detail map[string]any) {
	e := core.EventOf(p, at, action, object)
	e.Detail = detail
	s.d.Audit.Write(tx, e)
}

// reach returns an organisation that p may see: a person who may see
// organisations, or a credential that may order for it.
func (s *Service) reach(ctx context.Context, p *core.Principal, id core.OrganisationID) (*core.Organisation, error) {
	if err := mayLook(p); err != nil {
		return nil, err
	}
	none := core.Errorf(core.KindNotFound, "there is no such organisation")
	if !core.ValidID(id) {
		return nil, none
	}
	if p.Credential != nil {
		own, err := s.ofCredential(ctx, p)
		if err != nil {
			return nil, err
		}
		if _, ok := own[id]; !ok {
			return nil, none
		}
	}
	return s.storage.Organisation(ctx, nil, p.Account, id)
}

// mayLook reports whether p may look at organisations at all.
func mayLook(p *core.Principal) error {
	if p != nil && p.Credential != nil {
		return identity.Can(p, identity.VettingView, p.Group)
	}
	return identity.Can(p, identity.OrganisationView, "")
}

// ofCredential returns the organisations that a credential may order for: its
// own and its group's.
func (s *Service) ofCredential(ctx context.Context, p *core.Principal) (map[core.OrganisationID]struct{}, error) {
	own := map[core.OrganisationID]struct{}{}
	if o := p.Credential.Organisation; o != "" {
		own[o] = struct{}{}
	}
	if p.Group != "" {
		g, err := s.storage.Group(ctx, nil, p.Account, p.Group)
		if err != nil && !core.Is(err, core.KindNotFound) {
			return nil, err
		}
		if g != nil && g.Organisation != "" {
			own[g.Organisation] = struct{}{}
		}
	}
	return own, nil
}

// mayAsk reports whether p may ask for vettings and bring evidence.
func mayAsk(p *core.Principal) error { return identity.Can(p, identity.VettingAsk, "") }
