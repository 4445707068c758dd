package domain

import (
	"context"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// Service is the domain service.
type Service struct{}

func unbuilt() error { return core.Errorf(core.KindUnsupported, "not built") }

// Register adds a domain and its first challenge. Errors: bad-name (not a
// registrable DNS name, public suffix), exists (the owner has it; the id is in
// the error's Field), conflict (verified for another owner of the account),
// policy (CAA forbids).
func (s *Service) Register(ctx context.Context, p *core.Principal, n New) (*core.Domain, error) {
	return nil, unbuilt()
}

// Ensure returns the owner's row for a name that an order needs: an active row of the very
// name, or of an ancestor whose valid proof covers it (ancestors: product
// policy), else a new one with a challenge.
func (s *Service) Ensure(ctx context.Context, p *core.Principal, o Owner, name string, ancestors bool) (*core.Domain, error) {
	return nil, unbuilt()
}

// Domain returns one that p may see.
func (s *Service) Domain(ctx context.Context, p *core.Principal, id core.DomainID) (*core.Domain, error) {
	return nil, unbuilt()
}

// Domains lists what p may see.
func (s *Service) Domains(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.Domain], error) {
	return core.Page[core.Domain]{}, unbuilt()
}

// Columns describes that list.
func (s *Service) Columns() []core.Column { return nil }

// Count counts what a filter selects, for APIs that show totals.
func (s *Service) Count(ctx context.Context, p *core.Principal, f core.Filter) (int, error) {
	return 0, unbuilt()
}

// At returns rows offset … offset+limit-1 of a filtered list in the given
// order, for APIs that page by number.
func (s *Service) At(ctx context.Context, p *core.Principal, q core.ListQuery, offset int) ([]core.Domain, error) {
	return nil, unbuilt()
}

// Challenge returns the present challenge, made anew when it ran out; with a
// method other than the present one the domain changes over to it.
func (s *Service) Challenge(ctx context.Context, p *core.Principal, id core.DomainID, method string) (*Challenge, error) {
	return nil, unbuilt()
}

// Verify looks at the challenge now (method empty: the present one). For the e-mail methods it
// sends the mail to address. Failure is not an error but an Outcome whose
// attempt did not pass. Errors: expired (the challenge ran out: a new one
// stands), invalid (method, address), rate-limited, conflict (inactive).
func (s *Service) Verify(ctx context.Context, p *core.Principal, id core.DomainID, method, address string) (*Outcome, error) {
	return nil, unbuilt()
}

// Confirm answers the link of a validation mail. ok false refuses.
func (s *Service) Confirm(ctx context.Context, secret string, ok bool, from string) (*core.Domain, error) {
	return nil, unbuilt()
}

// Pending returns the domain that a link of a mail is about, without answering.
func (s *Service) Pending(ctx context.Context, secret string) (*core.Domain, error) {
	return nil, unbuilt()
}

// Renew starts validation again; a proof that is still valid stays until the
// new one replaces it.
func (s *Service) Renew(ctx context.Context, p *core.Principal, id core.DomainID) (*core.Domain, error) {
	return nil, unbuilt()
}

// SetActive takes a domain out of use or back.
func (s *Service) SetActive(ctx context.Context, p *core.Principal, id core.DomainID, active bool) (*core.Domain, error) {
	return nil, unbuilt()
}

// Attempts lists what was seen, newest first.
func (s *Service) Attempts(ctx context.Context, p *core.Principal, id core.DomainID, offset, limit int) (*Attempts, error) {
	return nil, unbuilt()
}

// Attempt returns one attempt.
func (s *Service) Attempt(ctx context.Context, p *core.Principal, id core.DomainID, attempt core.AttemptID) (*core.DomainAttempt, error) {
	return nil, unbuilt()
}

// Proven returns which of names ("dns:a.example" as Names.Strings) the owner's
// valid proofs cover that are not older than reuse.
func (s *Service) Proven(ctx context.Context, account core.AccountID, o Owner, names []string, reuse time.Duration, ancestors bool) ([]string, error) {
	return nil, unbuilt()
}

// OwnerOf is the owner for a principal that names no organisation: that of its
// credential, else that of its group, else the group itself.
func (s *Service) OwnerOf(ctx context.Context, p *core.Principal) (Owner, error) {
	return Owner{}, unbuilt()
}

// Work looks at pending challenges whose time has come. It returns how many
// became verified.
func (s *Service) Work(ctx context.Context) (int, error) { return 0, unbuilt() }
