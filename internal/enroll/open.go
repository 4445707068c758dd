package enroll

import (
	"context"

	"github.com/certwright/certwright/internal/core"
)

// manual reports whether people must agree before the wish is granted.
func (w *wish) manual() bool {
	return w.product.Product().Profile.Approval == "manual" && (w.req.Open == nil || !w.req.Open.Approved)
}

// orderOf is the order that the wish is for: a new one, or the open one that
// it completes with the new content written over the old.
func (s *Service) orderOf(ctx context.Context, w *wish) (*core.Order, error) {
	open := w.req.Open
	if open == nil {
		return s.newOrder(ctx, w)
	}
	o, err := s.d.Storage.Order(ctx, w.req.Principal.Account, open.Order)
	if err != nil || s.overtaken(w, o) {
		return o, err
	}
	if !o.State.Open() && o.State != core.OrderApproval {
		return nil, core.Errorf(core.KindConflict, "an order that is %s is not put together any more", o.State)
	}
	o.Product, o.Issuer = w.product.Product().ID, w.issuer.ID
	o.Subject, o.Names, o.Replaces, o.UpdatedAt = w.template.Subject.String(), w.names, w.req.Replaces, w.now
	o.Failure = "" // of an earlier try
	o.Request = core.OrderRequest{CSR: w.req.CSR, Template: w.template, Comment: w.req.Comment, Digest: w.digest, JudgedAt: w.now, FixedEnd: !w.req.NotAfter.IsZero()}
	if w.key != "" {
		o.IdempotencyKey = w.key
	}
	o.KeySealed = nil
	if len(w.pkcs8) > 0 {
		o.KeySealed, err = s.d.Sealer.Seal(w.pkcs8, KeyPlace(o.ID))
	}
	return o, err
}

// overtaken reports whether somebody else took the open order on meanwhile.
func (s *Service) overtaken(w *wish, o *core.Order) bool {
	open := w.req.Open
	return open != nil && (o.State != open.State || o.Attempt != open.Attempt)
}

// record writes the order of a wish: false when the idempotency key is taken.
func (s *Service) record(ctx context.Context, tx core.Tx, w *wish, o *core.Order) (bool, error) {
	if open := w.req.Open; open != nil {
		return true, s.d.Storage.FillOrder(ctx, tx, o, open.State, open.Attempt)
	}
	return s.d.Storage.InsertOrder(ctx, tx, o)
}

// outcome answers from what somebody else made of an open order.
func (s *Service) outcome(ctx context.Context, w *wish, open *Open) (*Result, error) {
	o, err := s.d.Storage.Order(ctx, w.req.Principal.Account, open.Order)
	if err != nil {
		return nil, err
	}
	return s.result(ctx, w.req.Principal, o)
}

// Look returns the present state of an order for callers that have judged
// whether p may see it; see Poll.
func (s *Service) Look(ctx context.Context, p *core.Principal, o *core.Order) (*Result, error) {
	return s.result(ctx, p, o)
}
