// Package vetting is what a registration authority does about organisations: it keeps
// their legal data, evidence, representatives and consents, and the decisions
// of named validators with method and expiry. Nothing is ever validated by
// itself.
package vetting

import (
	"context"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// Service is the vetting service.
type Service struct{}

func unbuilt() error { return core.Errorf(core.KindUnsupported, "not built") }

// Decision is a validator's word on a vetting.
type Decision struct {
	State     core.VettingState // validated, rejected, discrepancy
	Method    string            // see core.Vetting.Method; required to validate
	Source    string
	Comment   string
	Evidence  []core.DocumentID // of the organisation
	ExpiresAt time.Time         // zero: 398 days for ov and ev, 825 for smime
}

// Standing returns the valid vetting of an organisation that serves purpose,
// else the open or last one; kind not-found when there was none.
func (s *Service) Standing(ctx context.Context, account core.AccountID, o core.OrganisationID, purpose core.Purpose) (*core.Vetting, error) {
	return nil, unbuilt()
}

// Ask opens a vetting, or returns the open one.
func (s *Service) Ask(ctx context.Context, p *core.Principal, o core.OrganisationID, purpose core.Purpose) (*core.Vetting, error) {
	return nil, unbuilt()
}

// Decide records a validator's word. Who asked for the vetting does not decide on it.
func (s *Service) Decide(ctx context.Context, p *core.Principal, id core.VettingID, d Decision) (*core.Vetting, error) {
	return nil, unbuilt()
}

// Cancel ends an open vetting.
func (s *Service) Cancel(ctx context.Context, p *core.Principal, id core.VettingID, comment string) (*core.Vetting, error) {
	return nil, unbuilt()
}

// Vetting returns one.
func (s *Service) Vetting(ctx context.Context, p *core.Principal, id core.VettingID) (*core.Vetting, error) {
	return nil, unbuilt()
}

// Vettings lists them.
func (s *Service) Vettings(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.Vetting], error) {
	return core.Page[core.Vetting]{}, unbuilt()
}

// Columns describes that list.
func (s *Service) Columns() []core.Column { return nil }

// Of lists the vettings of one organisation, newest first.
func (s *Service) Of(ctx context.Context, p *core.Principal, o core.OrganisationID) ([]core.Vetting, error) {
	return nil, unbuilt()
}

// SetLegal changes the legal data. A change of what certificates show makes
// validated vettings a discrepancy.
func (s *Service) SetLegal(ctx context.Context, p *core.Principal, o core.OrganisationID, d core.LegalData) (*core.Organisation, error) {
	return nil, unbuilt()
}

// Organisations lists the organisations that an API credential may order for,
// or a person may see.
func (s *Service) Organisations(ctx context.Context, p *core.Principal) ([]core.Organisation, error) {
	return nil, unbuilt()
}

// ByNumber finds an organisation by its public number.
func (s *Service) ByNumber(ctx context.Context, p *core.Principal, number int64) (*core.Organisation, error) {
	return nil, unbuilt()
}

// Representatives lists those of an organisation.
func (s *Service) Representatives(ctx context.Context, p *core.Principal, o core.OrganisationID) ([]core.Representative, error) {
	return nil, unbuilt()
}

// AddRepresentative adds one.
func (s *Service) AddRepresentative(ctx context.Context, p *core.Principal, r core.Representative) (*core.Representative, error) {
	return nil, unbuilt()
}

// RemoveRepresentative removes one.
func (s *Service) RemoveRepresentative(ctx context.Context, p *core.Principal, o core.OrganisationID, id core.RepresentativeID) error {
	return unbuilt()
}

// SendConsent mails a link to a representative; order may be empty.
func (s *Service) SendConsent(ctx context.Context, p *core.Principal, o core.OrganisationID, rep core.RepresentativeID, order core.OrderID) (*core.Consent, error) {
	return nil, unbuilt()
}

// Consents lists those of an organisation, newest first.
func (s *Service) Consents(ctx context.Context, p *core.Principal, o core.OrganisationID) ([]core.Consent, error) {
	return nil, unbuilt()
}

// ConsentOf returns the last consent for an order; kind not-found when none.
func (s *Service) ConsentOf(ctx context.Context, account core.AccountID, order core.OrderID) (*core.Consent, error) {
	return nil, unbuilt()
}

// PendingConsent returns what a link asks, without answering.
func (s *Service) PendingConsent(ctx context.Context, secret string) (*core.Consent, *core.Organisation, error) {
	return nil, nil, unbuilt()
}

// AnswerConsent records the answer to a link.
func (s *Service) AnswerConsent(ctx context.Context, secret string, yes bool, from string) (*core.Consent, error) {
	return nil, unbuilt()
}

// Token returns the organisation's pre-vetting token, by which orders refer to
// its standing vetting; made anew with renew. It is shown to whoever may manage the
// organisation, and to credentials that may order for it.
func (s *Service) Token(ctx context.Context, p *core.Principal, o core.OrganisationID, renew bool) (string, error) {
	return "", unbuilt()
}

// CheckToken reports whether token is the organisation's.
func (s *Service) CheckToken(ctx context.Context, account core.AccountID, o core.OrganisationID, token string) (bool, error) {
	return false, unbuilt()
}

// AddDocument keeps an evidence document of an organisation, sealed.
func (s *Service) AddDocument(ctx context.Context, p *core.Principal, o core.OrganisationID, name, description string, body []byte) (*core.Document, error) {
	return nil, unbuilt()
}

// Documents lists them.
func (s *Service) Documents(ctx context.Context, p *core.Principal, o core.OrganisationID) ([]core.Document, error) {
	return nil, unbuilt()
}

// Document returns one with its octets.
func (s *Service) Document(ctx context.Context, p *core.Principal, o core.OrganisationID, id core.DocumentID) (*core.Document, []byte, error) {
	return nil, nil, unbuilt()
}

// Remind sends what is due about vettings that end soon. It returns how many.
func (s *Service) Remind(ctx context.Context) (int, error) { return 0, unbuilt() }

// TokenPlace is the context under which an organisation's pre-vetting token is
// sealed.
func TokenPlace(id core.OrganisationID) string { return "pre-vetting:" + string(id) }
