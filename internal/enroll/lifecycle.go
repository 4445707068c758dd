package enroll

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/certwright/certwright/internal/connector"
	"github.com/certwright/certwright/internal/core"
)

// Poll returns the present state of an order. A credential sees its own orders
// only; what a signed-in user may see is judged by the API.
func (s *Service) Poll(ctx context.Context, p *core.Principal, id core.OrderID) (*Result, error) {
	o, err := s.ownOrder(ctx, p, id)
	if err != nil {
		return nil, err
	}
	return s.result(ctx, p, o)
}

func (s *Service) ownOrder(ctx context.Context, p *core.Principal, id core.OrderID) (*core.Order, error) {
	o, err := s.d.Storage.Order(ctx, p.Account, id)
	if err != nil {
		return nil, err
	}
	if p.Credential != nil && o.Credential != p.Credential.ID {
		return nil, core.Errorf(core.KindNotFound, "there is no such order")
	}
	return o, nil
}

// result renders an order that exists.
func (s *Service) result(ctx context.Context, p *core.Principal, o *core.Order) (*Result, error) {
	switch o.State {
	case core.OrderIssued:
		return s.issued(ctx, o)
	case core.OrderRejected:
		return nil, core.Errorf(core.KindApprovalRefused, "the order was rejected%s", why(o.Failure))
	case core.OrderCancelled:
		return nil, core.Errorf(core.KindConflict, "the order was cancelled%s", why(o.Failure))
	case core.OrderFailed:
		return nil, core.Errorf(core.KindUpstream, "the order failed%s", why(o.Failure))
	case core.OrderIssuing:
		if s.d.Now().Before(o.LeaseUntil) {
			return &Result{Order: o, RetryAfter: busyRetry}, nil
		}
		return s.resume(ctx, p, o)
	}
	return &Result{Order: o, RetryAfter: pendingRetry}, nil
}

func why(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}

// issued renders an issued order.
func (s *Service) issued(ctx context.Context, o *core.Order) (*Result, error) {
	c, err := s.d.Storage.Certificate(ctx, o.Account, o.Certificate)
	if err != nil {
		return nil, err
	}
	version, err := s.d.Storage.IssuerVersion(ctx, o.Account, o.Issuer)
	if err != nil {
		return nil, err
	}
	issuer, err := s.issuer(ctx, o.Account, o.Issuer, version)
	if err != nil {
		return nil, err
	}
	r := assemble(o, c, issuerChain(issuer))
	for _, chain := range issuer.Alternates {
		if n := len(chain); n > 1 && selfIssued(chain[n-1]) {
			chain = chain[:n-1]
		}
		r.Alternates = append(r.Alternates, chain)
	}
	return r, nil
}

// issuerChain is the issuer's certificate and those above it.
func issuerChain(i *core.Issuer) [][]byte {
	return append([][]byte{i.Certificate}, i.Chain...)
}

// resume takes up an order that nobody works on: its serial, if one was
// reserved, is abandoned for good and a new one is drawn. Of several that try,
// one wins; the others are told to wait.
func (s *Service) resume(ctx context.Context, p *core.Principal, o *core.Order) (*Result, error) {
	issuer, err := s.d.Storage.Issuer(ctx, o.Account, o.Issuer)
	if err != nil {
		return nil, err
	}
	local, ok := s.connectors[issuer.Connector].(connector.Local)
	if !ok {
		return nil, core.Errorf(core.KindUnavailable, "this installation has no connector %q", issuer.Connector)
	}
	now := s.d.Now()
	prepared, cert, err := s.prepare(ctx, issuer, local, o, now)
	if err != nil {
		if k := core.KindOf(err); k == core.KindLint || k == core.KindPolicy || k == core.KindExpired {
			return nil, errors.Join(err, s.fail(ctx, p, o, core.AsError(err).Detail))
		}
		return nil, err
	}
	from, attempt := o.State, o.Attempt
	o.State, o.Attempt, o.LeaseUntil, o.UpdatedAt = core.OrderIssuing, attempt+1, now.Add(lease), now
	err = s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		if err := s.d.Storage.UpdateOrder(ctx, tx, o, from, attempt); err != nil {
			return err
		}
		if err := s.d.Storage.AbandonReserved(ctx, tx, o.ID, now); err != nil {
			return err
		}
		return s.d.Storage.ReserveCertificate(ctx, tx, cert)
	})
	if core.Is(err, core.KindConflict) {
		return &Result{Order: o, RetryAfter: busyRetry}, nil
	}
	if err != nil {
		return nil, err
	}
	return s.finish(ctx, p, o, cert, prepared, false, nil)
}

// Sweep takes up the orders that a stopped process left half issued, once its
// lease on them is over. It returns how many it finished.
func (s *Service) Sweep(ctx context.Context) (int, error) { return s.takeUp(ctx, s.d.Now()) }

// Recover is Sweep without waiting for leases. It is for the start of an
// installation that has one process only, when nobody can be at work.
func (s *Service) Recover(ctx context.Context) (int, error) {
	return s.takeUp(ctx, s.d.Now().Add(lease+time.Minute))
}

func (s *Service) takeUp(ctx context.Context, before time.Time) (n int, err error) {
	const batch = 100
	for {
		orders, err := s.d.Storage.StaleOrders(ctx, before, batch)
		if err != nil {
			return n, err
		}
		var errs []error
		for _, o := range orders {
			p := &core.Principal{Account: o.Account, User: o.User, Group: o.Group, System: "recovery"}
			r, err := s.resume(ctx, p, o)
			if err != nil {
				errs = append(errs, err)
			} else if r.Certificate != nil {
				n++
			}
		}
		if len(errs) > 0 || len(orders) < batch {
			return n, errors.Join(errs...)
		}
	}
}

// Approve records one person's agreement; with the last one that the product
// asks for the certificate is issued. Nobody approves what he ordered himself.
func (s *Service) Approve(ctx context.Context, p *core.Principal, id core.OrderID, comment string) (*Result, error) {
	o, err := s.decide(ctx, p, id)
	if err != nil {
		return nil, err
	}
	if len(o.Request.Template.SPKI) == 0 {
		return nil, core.Errorf(core.KindConflict, "the order has no key yet; it is decided on where orders are put together")
	}
	compiled, _, err := s.terms(ctx, o.Account, o.Product)
	if err != nil {
		return nil, err
	}
	if !o.Request.CAA {
		if err := s.caa(ctx, compiled.Product(), o.Request.Template.Names); err != nil {
			return nil, err
		}
	}
	need := max(compiled.Product().Profile.Approvals, 1)
	now, enough := s.d.Now(), false
	from, attempt := o.State, o.Attempt
	err = s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		if err := s.word(ctx, tx, p, o, now, true, comment); err != nil {
			return err
		}
		n, err := s.d.Storage.CountApprovals(ctx, tx, o.ID)
		if err != nil {
			return err
		}
		if enough = n >= need; !enough {
			return nil
		}
		next := *o
		next.State, next.UpdatedAt = core.OrderIssuing, now // without a lease: free to be taken up
		return s.d.Storage.UpdateOrder(ctx, tx, &next, from, attempt)
	})
	if err != nil {
		return nil, err
	}
	if !enough {
		return &Result{Order: o, RetryAfter: pendingRetry}, nil
	}
	o.State, o.UpdatedAt = core.OrderIssuing, now
	return s.resume(ctx, p, o)
}

// decide reads an order that waits for people and checks four eyes.
func (s *Service) decide(ctx context.Context, p *core.Principal, id core.OrderID) (*core.Order, error) {
	if p.Credential != nil || p.User == "" {
		return nil, core.Errorf(core.KindForbidden, "only a person may decide on an order")
	}
	o, err := s.d.Storage.Order(ctx, p.Account, id)
	if err != nil {
		return nil, err
	}
	if o.State != core.OrderApproval {
		return nil, core.Errorf(core.KindConflict, "the order is %s, it does not wait for approval", o.State)
	}
	if o.User == p.User {
		return nil, core.Errorf(core.KindForbidden, "nobody decides on an order of his own")
	}
	return o, nil
}

// word records one person's word and its audit event.
func (s *Service) word(ctx context.Context, tx core.Tx, p *core.Principal, o *core.Order, now time.Time, approved bool, comment string) error {
	err := s.d.Storage.AddApproval(ctx, tx, &core.Approval{ID: core.NewID[core.ApprovalID](now), Account: o.Account, Order: o.ID,
		User: p.User, Approved: approved, Comment: comment, CreatedAt: now})
	if core.Is(err, core.KindExists) {
		return core.Errorf(core.KindConflict, "you have decided on this order already")
	}
	if err != nil {
		return err
	}
	action := "order.approve"
	if !approved {
		action = "order.reject"
	}
	e := core.EventOf(p, now, action, "order:"+string(o.ID))
	e.Credential = o.Credential
	e.Detail = map[string]any{"number": o.Number, "comment": comment}
	s.d.Audit.Write(tx, e)
	return nil
}

// Reject ends an order that waits for people. The requester sees reason.
func (s *Service) Reject(ctx context.Context, p *core.Principal, id core.OrderID, reason string) error {
	o, err := s.decide(ctx, p, id)
	if err != nil {
		return err
	}
	now, from, attempt := s.d.Now(), o.State, o.Attempt
	o.State, o.Failure, o.UpdatedAt = core.OrderRejected, reason, now
	return s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		if err := s.word(ctx, tx, p, o, now, false, reason); err != nil {
			return err
		}
		return s.d.Storage.UpdateOrder(ctx, tx, o, from, attempt)
	})
}

// Cancel ends an order that is not issued yet, by its own side.
func (s *Service) Cancel(ctx context.Context, p *core.Principal, id core.OrderID, reason string) error {
	o, err := s.ownOrder(ctx, p, id)
	if err != nil {
		return err
	}
	if err := o.State.To(core.OrderCancelled); err != nil {
		return err
	}
	now, from, attempt := s.d.Now(), o.State, o.Attempt
	o.State, o.Failure, o.UpdatedAt = core.OrderCancelled, reason, now
	return s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		e := core.EventOf(p, now, "order.cancel", "order:"+string(o.ID))
		e.Detail = map[string]any{"number": o.Number, "comment": reason}
		s.d.Audit.Write(tx, e)
		return s.d.Storage.UpdateOrder(ctx, tx, o, from, attempt)
	})
}

// revocable are the reasons a requester may give (RFC 5280 section 5.3.1; CA
// compromise is not his to say, removeFromCRL is Release).
var revocable = []int{core.ReasonUnspecified, core.ReasonKeyCompromise, core.ReasonAffiliationChanged, core.ReasonSuperseded,
	core.ReasonCessationOfOperation, core.ReasonCertificateHold, core.ReasonPrivilegeWithdrawn}

// Revoke revokes a certificate; with certificateHold it is suspended and can
// be released. A credential revokes its own certificates only. Errors: revoked
// (already), conflict, not-found, invalid (reason).
func (s *Service) Revoke(ctx context.Context, p *core.Principal, id core.CertificateID, reason int) error {
	if err := s.own(ctx, p, id); err != nil {
		return err
	}
	return s.RevokeJudged(ctx, p, id, reason, nil)
}

// RevokeJudged is Revoke for callers that have judged whether p may. with, when
// set, runs in the transaction of the change.
func (s *Service) RevokeJudged(ctx context.Context, p *core.Principal, id core.CertificateID, reason int, with func(context.Context, core.Tx) error) error {
	// Order APIs give aACompromise for document signers and private PKI.
	if !slices.Contains(revocable, reason) && (with == nil || reason != core.ReasonAACompromise) {
		return core.Errorf(core.KindInvalid, "reason code %d cannot be given", reason).At("reason")
	}
	next := core.CertRevoked
	if reason == core.ReasonCertificateHold {
		next = core.CertOnHold
	}
	return s.move(ctx, p, id, next, reason, "certificate.revoke", with)
}

// Release ends a suspension.
func (s *Service) Release(ctx context.Context, p *core.Principal, id core.CertificateID) error {
	if err := s.own(ctx, p, id); err != nil {
		return err
	}
	return s.ReleaseJudged(ctx, p, id, nil)
}

// ReleaseJudged is to Release what RevokeJudged is to Revoke.
func (s *Service) ReleaseJudged(ctx context.Context, p *core.Principal, id core.CertificateID, with func(context.Context, core.Tx) error) error {
	return s.move(ctx, p, id, core.CertActive, -1, "certificate.release", with)
}

// own reports whether a certificate is the credential's, if p has one.
func (s *Service) own(ctx context.Context, p *core.Principal, id core.CertificateID) error {
	if p.Credential == nil {
		return nil
	}
	c, err := s.d.Storage.Certificate(ctx, p.Account, id)
	if err == nil && c.Credential != p.Credential.ID {
		return core.Errorf(core.KindNotFound, "there is no such certificate")
	}
	return err
}

// move changes the state of a certificate: at the CA first, then here.
func (s *Service) move(ctx context.Context, p *core.Principal, id core.CertificateID, next core.CertificateState, reason int, action string, with func(context.Context, core.Tx) error) error {
	c, err := s.d.Storage.Certificate(ctx, p.Account, id)
	if err != nil {
		return err
	}
	if c.IssuerDN != "" {
		return core.Errorf(core.KindConflict, "the certificate was issued by %s, which is no CA of this installation: revoke it there", c.IssuerDN)
	}
	from := c.State
	if err := from.To(next); err != nil {
		return err
	}
	if action == "certificate.release" && from != core.CertOnHold {
		return core.Errorf(core.KindConflict, "the certificate is not on hold")
	}
	issuer, err := s.d.Storage.Issuer(ctx, c.Account, c.Issuer)
	if err != nil {
		return err
	}
	conn := s.connectors[issuer.Connector]
	if conn == nil {
		return core.Errorf(core.KindUnavailable, "this installation has no connector %q", issuer.Connector)
	}
	if err := conn.Revoke(ctx, issuer, c, reason); err != nil {
		return err
	}
	now := s.d.Now()
	c.State, c.Reason, c.RevokedAt = next, reason, now
	if next == core.CertActive {
		c.Reason, c.RevokedAt = 0, time.Time{}
	}
	return s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		if err := s.d.Storage.SetCertificateState(ctx, tx, c, from); err != nil {
			return err
		}
		e := core.EventOf(p, now, action, "certificate:"+string(c.ID))
		e.Detail = map[string]any{"number": c.Number, "serial": c.Serial, "issuer": string(c.Issuer), "reason": reason}
		s.d.Audit.Write(tx, e)
		if with != nil {
			if err := with(ctx, tx); err != nil {
				return err
			}
		}
		return s.d.Followup.Revoked(ctx, tx, c.Account, c.Issuer)
	})
}
