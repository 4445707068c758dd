package ordering

import (
	"context"

	"github.com/certwright/certwright/internal/core"
)

// Service puts orders together.
type Service struct{}

func unbuilt() error { return core.Errorf(core.KindUnsupported, "not built") }

// Catalogue lists what the principal may order, TLS products once per shape,
// sorted by code. group limits it to a group's products; empty: all.
func (s *Service) Catalogue(ctx context.Context, p *core.Principal, group core.GroupID) ([]Offer, error) {
	return nil, unbuilt()
}

// Create records an order and takes it as far as what came with it allows: an
// order that lacks nothing is issued in this call. Errors carry the place in
// Field: "product", "organization", "csr", "agreement", "names",
// "documents", "fields.<id>", "request", "validity". Kinds as enroll.Submit and: not-found
// (draft), conflict (idempotency key, draft handed in already), forbidden
// (product, group, organisation).
func (s *Service) Create(ctx context.Context, p *core.Principal, n New) (*View, error) {
	return nil, unbuilt()
}

// Order returns an order that p may see: a credential those of its group and
// products. Looking also takes the order on if nothing is missing any more.
func (s *Service) Order(ctx context.Context, p *core.Principal, id core.OrderID) (*View, error) {
	return nil, unbuilt()
}

// ByNumber is Order by the public order number. Drafts have none.
func (s *Service) ByNumber(ctx context.Context, p *core.Principal, number int64) (*View, error) {
	return nil, unbuilt()
}

// ByRequest is Order by the public request number.
func (s *Service) ByRequest(ctx context.Context, p *core.Principal, number int64) (*View, error) {
	return nil, unbuilt()
}

// SetCSR gives or changes the key of an order that is not issued yet. The
// content of the CSR must not contradict the order: its subject's common name
// and names, when present, must be among the order's (kind bad-csr, Field
// "csr.subject"); a bad CSR is bad-csr, bad-proof or bad-key with Field "csr". Wrong
// state: conflict.
func (s *Service) SetCSR(ctx context.Context, p *core.Principal, id core.OrderID, csr []byte) (*View, error) {
	return nil, unbuilt()
}

// AddDocuments keeps documents of an order, sealed. Errors: too-large,
// media-type (not a PDF), invalid (name, description), conflict (state), quota (more than 20).
func (s *Service) AddDocuments(ctx context.Context, p *core.Principal, id core.OrderID, up []Upload) (*View, error) {
	return nil, unbuilt()
}

// Document returns one with its octets, to approvers, validators and whoever may see
// the order; audited.
func (s *Service) Document(ctx context.Context, p *core.Principal, id core.OrderID, doc core.DocumentID) (*core.Document, []byte, error) {
	return nil, nil, unbuilt()
}

// Agree records the subscriber's signature. Errors: invalid (signer name
// missing), conflict (state; signed already has Field "signed").
func (s *Service) Agree(ctx context.Context, p *core.Principal, id core.OrderID, a core.Agreement) (*View, error) {
	return nil, unbuilt()
}

// Cancel ends an order or draft by its own side. Issued: conflict.
func (s *Service) Cancel(ctx context.Context, p *core.Principal, id core.OrderID, remarks string) (*View, error) {
	return nil, unbuilt()
}

// Reject ends an order that is not issued: by its own credential (like Cancel, but the state is
// rejected), or by an approver or validator.
func (s *Service) Reject(ctx context.Context, p *core.Principal, id core.OrderID, remarks string) (*View, error) {
	return nil, unbuilt()
}

// Approve is one person's agreement; see enroll.Approve. Orders of signers are approved
// before they have a key.
func (s *Service) Approve(ctx context.Context, p *core.Principal, id core.OrderID, comment string) (*View, error) {
	return nil, unbuilt()
}

// AskDocuments sends an order that waits for approval back for other documents.
func (s *Service) AskDocuments(ctx context.Context, p *core.Principal, id core.OrderID, comment string) (*View, error) {
	return nil, unbuilt()
}

// Revoke revokes the certificate of an order, certificateHold suspends it.
// Errors: conflict with Field "state" (not issued), revoked (already), invalid with Field
// "reason" or "remarks" (a ";" in it), policy with Field "reason" (the product's family does not take it).
func (s *Service) Revoke(ctx context.Context, p *core.Principal, id core.OrderID, reason int, remarks string) (*View, error) {
	return nil, unbuilt()
}

// Resume takes a suspended certificate off hold.
func (s *Service) Resume(ctx context.Context, p *core.Principal, id core.OrderID) (*View, error) {
	return nil, unbuilt()
}

// Reissue makes a new order for an issued one's content: with a new key, or
// with other additional names. Errors: conflict (not issued, revoked), invalid with Field
// "reason", "mode", "csr"; bad-csr; bad-name Field "names" (too many).
func (s *Service) Reissue(ctx context.Context, p *core.Principal, id core.OrderID, r Reissue) (*View, error) {
	return nil, unbuilt()
}

// Renew makes a new order that renews an issued one's certificate; csr may be
// empty when the product lets the old key be used again, or the order waits for it.
func (s *Service) Renew(ctx context.Context, p *core.Principal, id core.OrderID, csr []byte, idempotencyKey string, origin core.Origin) (*View, error) {
	return nil, unbuilt()
}

// Report selects rows p may see, newest first, and how many there are in all.
func (s *Service) Report(ctx context.Context, p *core.Principal, q Query) ([]Row, int, error) {
	return nil, 0, unbuilt()
}

// DomainVerified wakes the orders that wait for a domain; WakeOrganisation those
// that wait for an organisation. For the transaction of the change.
func (s *Service) DomainVerified(ctx context.Context, tx core.Tx, d *core.Domain) error {
	return unbuilt()
}

// OrganisationVetted wakes the orders that wait for an organisation.
func (s *Service) OrganisationVetted(ctx context.Context, tx core.Tx, account core.AccountID, o core.OrganisationID) error {
	return unbuilt()
}

// Work takes on the orders that were woken or left behind by a stopped
// process, and makes the renewals of orders with automatic renewal whose key is kept here. It
// returns how many were issued.
func (s *Service) Work(ctx context.Context) (int, error) { return 0, unbuilt() }
