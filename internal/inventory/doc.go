// Package inventory knows certificates that this installation did not issue
// itself: it reads them from files, keeps them beside those of its own CAs, and
// looks after the tags of everything that has some (docs/adr/0034-import.md).
package inventory

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/jobs"
)

// Storage is what the inventory needs from the database.
type Storage interface {
	core.Transactor
	TagStorage
	Group(ctx context.Context, tx core.Tx, account core.AccountID, id core.GroupID) (*core.Group, error)
	// Number gives the next public number of a kind of things.
	Number(ctx context.Context, kind string) (int64, error)
	ListIssuers(ctx context.Context, q core.ListQuery) (core.Page[core.Issuer], error)
	// InsertImported keeps a certificate with its DER and tags. false: one with
	// its fingerprint, or its issuer and serial number, is here already.
	InsertImported(ctx context.Context, tx core.Tx, c *core.Certificate) (bool, error)
	CertificateByFingerprint(ctx context.Context, account core.AccountID, sha256 []byte) (*core.Certificate, error)
	CertificateBySerial(ctx context.Context, account core.AccountID, issuer core.IssuerID, serial string) (*core.Certificate, error)
	// CAsNamed returns the imported CA certificates with a subject, newest
	// first, with their DER.
	CAsNamed(ctx context.Context, account core.AccountID, subject string) ([]*core.Certificate, error)
}

// TagStorage keeps tags.
type TagStorage interface {
	ListTags(ctx context.Context, q core.ListQuery, scope core.TagScope) (core.Page[core.Tag], error)
	TagColumns() []core.Column
	// TagsOf returns the forms (core.TagKey) of the tags that a change concerns.
	TagsOf(ctx context.Context, account core.AccountID, ch core.TagChange) ([]string, error)
	// CountTagged counts the things that have one of the tags, one for each tag.
	CountTagged(ctx context.Context, account core.AccountID, tags []string) (int64, error)
	// ChangeTagged applies a change to at most limit things that have the tag,
	// in order, beginning after one, and returns the last; "" at the end.
	ChangeTagged(ctx context.Context, tx core.Tx, account core.AccountID, tag string, ch core.TagChange, after string, limit int) (last string, n int, err error)
	SetCertificateTags(ctx context.Context, tx core.Tx, account core.AccountID, id core.CertificateID, tags []string) error
	// SpellTag sets how a tag is written in lists.
	SpellTag(ctx context.Context, tx core.Tx, account core.AccountID, name string) error
}

// Audit is the audit log.
type Audit interface {
	Write(tx core.Tx, events ...core.Event)
	Record(ctx context.Context, e core.Event) error
}

// Queue records jobs.
type Queue interface {
	Enqueue(ctx context.Context, tx core.Tx, args jobs.Args, o jobs.Options) (jobs.Ticket, error)
}

// Deps are what the inventory stands on. All but Logger are required.
type Deps struct {
	Storage Storage
	Audit   Audit
	// Queue returns the queue of jobs; nil: this process has none, and what
	// would be a job is done at once.
	Queue  func() Queue
	Now    func() time.Time
	Logger *slog.Logger
}

// Service is the inventory. It is safe for concurrent use.
type Service struct{ d Deps }

// New makes the service.
func New(d Deps) (*Service, error) {
	if d.Storage == nil || d.Audit == nil || d.Queue == nil || d.Now == nil {
		return nil, errors.New("inventory: a dependency is missing")
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	return &Service{d: d}, nil
}

// now is the time as the database keeps it.
func (s *Service) now() time.Time { return s.d.Now().UTC().Truncate(time.Microsecond) }
