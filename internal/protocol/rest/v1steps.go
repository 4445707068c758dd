package rest

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/ordering"
)

// v1About finds the order that a call is about and checks that the mail address
// which most calls carry is that of its requestor. Some clients leave it out.
func (c *v1Call) about(number, requestor v1Text) (*ordering.View, error) {
	if number == "" {
		return nil, ems("1039")
	}
	n, ok := parseOrderNumber(string(number))
	if !ok {
		return nil, ems("1040")
	}
	if requestor != "" && !v1Email(string(requestor)) {
		return nil, ems("925")
	}
	v, err := c.s.d.Orders.ByNumber(c.ctx, c.who, n)
	if err != nil {
		return nil, err
	}
	if v.Details != nil && requestor != "" && v.Details.Ask.Requestor.Email != "" &&
		!strings.EqualFold(string(requestor), v.Details.Ask.Requestor.Email) {
		return nil, ems("1061")
	}
	return v, nil
}

// order is the orderDetails block of a call about an order.
func (c *v1Call) order() *v1Order {
	if c.in.Order.V != nil {
		return c.in.Order.V
	}
	return &v1Order{}
}

// ended is the number for an order that is over, or has its certificate.
func ended(v *ordering.View, issued, rejected string) error {
	switch v.Order.State {
	case core.OrderIssued:
		return ems(issued)
	case core.OrderRejected:
		return ems(rejected)
	case core.OrderCancelled:
		return ems("985")
	case core.OrderFailed:
		return ems("967").because(v.Order.Failure)
	case core.OrderIssuing, core.OrderUpstream:
		return ems("946")
	}
	return nil
}

// submitCSR gives an order its key. A second one is refused: approvers may have
// looked at the first.
func (c *v1Call) submitCSR() (any, error) {
	o := c.order()
	v, err := c.about(o.OrderNumber, o.RequestorEmail)
	if err != nil {
		return nil, err
	}
	if o.CSR == "" {
		return nil, ems("1006")
	}
	if err := ended(v, "962", "966"); err != nil {
		return nil, err
	}
	if v.Details != nil && len(v.Details.CSR) > 0 {
		return nil, ems("1068")
	}
	der, err := v1CSR(o.CSR)
	if err != nil {
		return nil, ems("1052").because(err.Error())
	}
	_, err = c.s.d.Orders.SetCSR(c.ctx, c.who, v.Order.ID, der)
	return nil, err
}

// submitDocument keeps documents of an order.
func (c *v1Call) submitDocument() (any, error) {
	o := c.order()
	v, err := c.about(o.OrderNumber, o.RequestorEmail)
	if err != nil {
		return nil, err
	}
	if len(o.Documents) == 0 {
		return nil, ems("991")
	}
	up, err := o.documents()
	if err != nil {
		return nil, err
	}
	if err := ended(v, "962", "966"); err != nil {
		return nil, err
	}
	_, err = c.s.d.Orders.AddDocuments(c.ctx, c.who, v.Order.ID, up)
	return nil, err
}

// acceptAgreement signs the subscriber agreement. The address that is kept is
// the peer's: what a client says about itself proves nothing. A signerIP that is
// no address is refused with the vendor's number; the vendor also refuses
// 127.0.0.1, which says nothing about the signer either and is ignored here.
func (c *v1Call) acceptAgreement() (any, error) {
	a := c.in.Agreement.V
	if a == nil {
		return nil, ems("1092")
	}
	v, err := c.about(a.OrderNumber, a.RequestorEmail)
	if err != nil {
		return nil, err
	}
	signed, err := c.signed(a)
	if err != nil {
		return nil, err
	}
	if v.Details != nil && v.Details.Agreement != nil {
		return nil, ems("1082")
	}
	if err := ended(v, "962", "966"); err != nil {
		return nil, err
	}
	_, err = c.s.d.Orders.Agree(c.ctx, c.who, v.Order.ID, *signed)
	return nil, err
}

// signed reads a signature under the agreement.
func (c *v1Call) signed(a *v1Agreement) (*core.Agreement, error) {
	if a.Accept == "" {
		return nil, ems("1084")
	}
	if yes, ok := v1Flag(a.Accept); !ok || !yes {
		return nil, ems("1085")
	}
	name, err := needed(a.SignerName, "signerName", "1086", "1087")
	if err != nil {
		return nil, err
	}
	place, err := needed(a.SignerPlace, "signerPlace", "1088", "1089")
	if err != nil {
		return nil, err
	}
	if a.SignerIP != "" {
		if _, err := netip.ParseAddr(string(a.SignerIP)); err != nil {
			return nil, ems("1091")
		}
	}
	return &core.Agreement{SignerName: name, SignerPlace: place, Address: peer(c.ctx), SignedAt: c.s.d.Now()}, nil
}

// readAgreement reads the agreement that comes with an order; without one the
// order waits for it.
func (c *v1Call) readAgreement(o *v1Order, _ *ordering.Offer, n *ordering.New) (err error) {
	a := o.Agreement.V
	if a == nil || a.Accept == "" && a.SignerName == "" {
		return nil
	}
	if yes, ok := v1Flag(a.Accept); ok && !yes && a.Accept != "" {
		return nil // to be signed later
	}
	n.Agreement, err = c.signed(a)
	return err
}

// rejectRemarks reads why something is given up.
func (o *v1Order) rejectRemarks() (string, error) {
	if o.RejectRemarks == "" {
		return "", ems("964")
	}
	if len([]rune(string(o.RejectRemarks))) > v1MaxRemarks {
		return "", ems("1188").because("rejectRemarks")
	}
	return field(o.RejectRemarks, "rejectRemarks", "971", v1MaxRemarks)
}

// rejectOrder ends an order that has no certificate yet.
func (c *v1Call) rejectOrder() (any, error) {
	o := c.order()
	v, err := c.about(o.OrderNumber, o.RequestorEmail)
	if err != nil {
		return nil, err
	}
	remarks, err := o.rejectRemarks()
	if err != nil {
		return nil, err
	}
	if err := ended(v, "987", "986"); err != nil {
		return nil, err
	}
	_, err = c.s.d.Orders.Reject(c.ctx, c.who, v.Order.ID, remarks)
	return nil, err
}

// rejectRequest ends a draft.
func (c *v1Call) rejectRequest() (any, error) {
	o := c.order()
	if o.RequestNumber == "" {
		return nil, ems("1004")
	}
	n, ok := parseOrderNumber(string(o.RequestNumber))
	if !ok {
		return nil, ems("1005")
	}
	remarks, err := o.rejectRemarks()
	if err != nil {
		return nil, err
	}
	v, err := c.s.d.Orders.ByRequest(c.ctx, c.who, n)
	if err != nil {
		return nil, err
	}
	switch v.Order.State {
	case core.OrderDraft:
	case core.OrderRejected:
		return nil, ems("986")
	case core.OrderCancelled:
		return nil, ems("985")
	default:
		return nil, ems("1169")
	}
	_, err = c.s.d.Orders.Reject(c.ctx, c.who, v.Order.ID, remarks)
	return nil, err
}

// revokeOrder revokes the certificate of an order.
func (c *v1Call) revokeOrder() (any, error) {
	q := c.in.Revocation.V
	if q == nil {
		q = &v1Revocation{}
	}
	v, err := c.about(q.OrderNumber, q.RequestorEmail)
	if err != nil {
		return nil, err
	}
	if q.ReasonID == "" {
		return nil, ems("969")
	}
	reason, err := strconv.Atoi(string(q.ReasonID))
	if err != nil || !v1Reason(reason) {
		return nil, ems("970")
	}
	if len([]rune(string(q.Remarks))) > v1MaxRemarks {
		return nil, ems("1188").because("revokeRemarks")
	}
	if strings.Contains(string(q.Remarks), ";") || !v1Printable(string(q.Remarks)) {
		return nil, ems("1213")
	}
	if v.Certificate != nil && v.Certificate.State == core.CertRevoked {
		return nil, ems("973")
	}
	if v.Order.State != core.OrderIssued {
		return nil, ems("1165").because("the certificate is not issued")
	}
	_, err = c.s.d.Orders.Revoke(c.ctx, c.who, v.Order.ID, reason, string(q.Remarks))
	return nil, err
}

// v1Reason reports whether version 1 takes a revocation reason.
func v1Reason(n int) bool {
	switch n {
	case core.ReasonKeyCompromise, core.ReasonAffiliationChanged, core.ReasonSuperseded, core.ReasonCessationOfOperation, core.ReasonPrivilegeWithdrawn:
		return true
	}
	return false
}
