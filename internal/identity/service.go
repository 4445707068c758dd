package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// Deps is what a Service needs.
type Deps struct {
	Storage   Storage
	Catalogue Catalogue
	Audit     Audit
	Sealer    Sealer
	// MAC returns an HMAC-SHA-256 under the server's pepper for a purpose.
	MAC func(purpose string) func(msg []byte) [32]byte
	Now func() time.Time
	// Types are the credential types that the protocols offer.
	Types []CredentialType
	// BaseURL is the external https://host[:port] without a slash at the end.
	BaseURL func() string
	// OrganisationChanged runs in the transaction of a change of an
	// organisation, in which it is locked; it may be nil.
	OrganisationChanged func(ctx context.Context, tx core.Tx, p *core.Principal, before, after *core.Organisation) error

	// Directory are sign-in providers that take a password; nil: none.
	Directory Directory
	// AskReset asks, in tx, for [Service.SendReset] to be called soon; nil: no
	// mail is sent to those who have forgotten their password.
	AskReset func(ctx context.Context, tx core.Tx, account core.AccountID, id core.ResetID) error

	SessionIdle time.Duration // 0: 30 minutes
	SessionMax  time.Duration // 0: 12 hours
	// Password is the cost of new password hashes; the zero value is
	// [DefaultPasswordCost].
	Password PasswordCost
	// Hashes is how many password hashes are computed at the same time, which
	// bounds memory at Hashes times Password.Memory; 0: 4.
	Hashes int
}

// Service is identity. It is safe for concurrent use.
type Service struct {
	storage   Storage
	catalogue Catalogue
	audit     Audit
	sealer    Sealer
	now       func() time.Time
	types     []CredentialType
	baseURL   func() string
	changed   func(ctx context.Context, tx core.Tx, p *core.Principal, before, after *core.Organisation) error

	askReset func(ctx context.Context, tx core.Tx, account core.AccountID, id core.ResetID) error

	idle, max     time.Duration
	passwords     *passwords
	strangers     strangers
	credentialMAC func([]byte) [32]byte
	tokenMAC      func([]byte) [32]byte
	recoveryMAC   func([]byte) [32]byte
	trust         trustCache

	directory      Directory
	directorySlots chan struct{}
}

// New makes a Service. It fails when the declared credential types contradict
// themselves.
func New(d Deps) (*Service, error) {
	if d.Storage == nil || d.Catalogue == nil || d.Audit == nil || d.Sealer == nil || d.MAC == nil || d.Now == nil || d.BaseURL == nil {
		return nil, errors.New("identity: a dependency is missing")
	}
	if err := checkTypes(d.Types); err != nil {
		return nil, err
	}
	if d.SessionIdle == 0 {
		d.SessionIdle = 30 * time.Minute
	}
	if d.SessionMax == 0 {
		d.SessionMax = 12 * time.Hour
	}
	if d.Hashes == 0 {
		d.Hashes = 4
	}
	pw, err := newPasswords(d.Password, d.Hashes)
	if err != nil {
		return nil, err
	}
	return &Service{
		storage: d.Storage, catalogue: d.Catalogue, audit: d.Audit, sealer: d.Sealer,
		now:   func() time.Time { return d.Now().UTC().Truncate(time.Microsecond) }, // as the database keeps it
		types: slices.Clone(d.Types), baseURL: d.BaseURL, changed: d.OrganisationChanged, askReset: d.AskReset, idle: d.SessionIdle, max: d.SessionMax, passwords: pw,
		credentialMAC: d.MAC("identity: credential secret v1"),
		tokenMAC:      d.MAC("identity: personal token v1"),
		recoveryMAC:   d.MAC("identity: recovery code v1"),
		directory:     d.Directory, directorySlots: make(chan struct{}, directoryChecks),
	}, nil
}

// Host returns the principal of the host's command line and of the server
// itself: name is "host", "schedule" and the like.
func Host(account core.AccountID, name string) *core.Principal {
	return &core.Principal{Account: account, System: name}
}

// change runs f in a transaction that also holds the audit event. f may add to
// the event; it may run more than once and gets a fresh event each time.
func (s *Service) change(ctx context.Context, p *core.Principal, action, object string, f func(ctx context.Context, tx core.Tx, e *core.Event) error) error {
	at := s.now()
	return s.storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		e := core.EventOf(p, at, action, object)
		e.Detail = map[string]any{}
		if err := f(ctx, tx, &e); err != nil {
			return err
		}
		s.audit.Write(tx, e)
		return nil
	})
}

// object writes "kind:<id>".
func object[T ~string](kind string, id T) string { return kind + ":" + string(id) }

// known refuses text that cannot be an id before the database is asked.
func known[T ~string](id T, what string) error {
	if !core.ValidID(id) {
		return notFound(what)
	}
	return nil
}

func notFound(what string) error {
	return core.Errorf(core.KindNotFound, "there is no such %s", what)
}

// named turns the not-found of an object that a request names in a field into
// a fault of that field.
func named(err error, field string) error {
	if core.Is(err, core.KindNotFound) {
		return core.Wrap(core.KindInvalid, err, "there is no such %s", field).At(field)
	}
	return err
}

// numbers of the kinds that identity counts.
const (
	firstAccount = 1000001
	firstNumber  = 1
)

// number allots a public number inside tx.
func (s *Service) number(ctx context.Context, tx core.Tx, account core.AccountID, kind string) (int64, error) {
	n, err := s.storage.NextNumber(ctx, tx, account, kind, firstNumber)
	if err != nil {
		return 0, fmt.Errorf("number for a new %s: %w", kind, err)
	}
	return n, nil
}
