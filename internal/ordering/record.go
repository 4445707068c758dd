package ordering

import (
	"context"
	"slices"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/enroll"
)

// open starts what an order will wait for: the vetting of its organisation and
// the challenges of its domains. It returns what the order lacks first.
func (s *Service) open(ctx context.Context, m *making) (*gap, error) {
	if m.draft != nil {
		m.o.State, m.o.Attempt = m.draft.o.State, m.draft.o.Attempt
		m.d.Order = m.draft.o.ID
		kept, err := s.d.Storage.OrderDocuments(ctx, m.o.Account, m.draft.o.ID)
		if err != nil {
			return nil, err
		}
		m.docs = append(kept, m.docs...)
	}
	_, missing, err := s.proofs(ctx, &m.job)
	if err != nil {
		return nil, err
	}
	if err := s.ensure(ctx, m.p, &m.job, missing); err != nil {
		return nil, err
	}
	g, err := s.gap(ctx, &m.job)
	if err != nil || g == nil {
		return nil, err
	}
	return g, s.askVetting(ctx, m.p, &m.job, g)
}

// ensure begins challenges for names whose control is not proven. The "www."
// twin needs none of its own as long as the proof for the name itself, which
// covers it, is under way: only a proof by file leaves it out.
func (s *Service) ensure(ctx context.Context, p *core.Principal, j *job, missing []string) error {
	base := "dns:" + ascii(j.d.Ask.Domain)
	for _, name := range missing {
		if j.d.Ask.AutoWWW && j.product.Profile.Ancestors && name == "dns:www."+ascii(j.d.Ask.Domain) && slices.Contains(missing, base) {
			continue
		}
		h := host(name)
		if h == "" {
			return core.Errorf(core.KindNotValidated, "control of %s cannot be proven by domain validation", name).At("names")
		}
		if _, err := s.d.Domains.Ensure(ctx, p, ownerOf(j), h, j.product.Profile.Ancestors); err != nil {
			if e := core.AsError(err); e.Kind != core.KindInternal && e.Kind != core.KindUnavailable {
				return e.At("names")
			}
			return err
		}
	}
	return nil
}

// askVetting opens the vetting that an order is about to wait for.
func (s *Service) askVetting(ctx context.Context, p *core.Principal, j *job, g *gap) error {
	if g == nil || g.state != core.OrderOrganisation {
		return nil
	}
	_, err := s.d.Vetting.Ask(ctx, p, j.d.Organisation, j.terms.Family.Purpose())
	return err
}

// direct hands an order over that lacks nothing: it is recorded with its
// details in the very transactions that issue it.
func (s *Service) direct(ctx context.Context, m *making) (*View, error) {
	r, err := s.request(ctx, m.p, &m.job)
	if err != nil {
		return nil, err
	}
	number, err := s.requestNumber(ctx, m)
	if err != nil {
		return nil, err
	}
	r.IdempotencyKey, r.Origin = m.n.IdempotencyKey, m.n.Origin
	if m.draft != nil {
		allowed := []string(nil)
		if m.p.Credential != nil {
			allowed = m.p.Credential.AllowedNames
		}
		r.Open = &enroll.Open{Order: m.draft.o.ID, State: core.OrderDraft, Attempt: m.draft.o.Attempt, AllowedNames: allowed, Approved: m.d.Approved}
	}
	ran := false
	r.Begin = func(ctx context.Context, tx core.Tx, o *core.Order) error {
		m.d.Request = number
		tx.OnCommit(func() { ran = true })
		return s.write(ctx, tx, m, o, nil)
	}
	r.With = func(ctx context.Context, tx core.Tx, o *core.Order) error {
		return s.d.Storage.SetDue(ctx, tx, o.ID, s.dueAfter(o, m.d))
	}
	res, err := s.d.Enroll.Submit(ctx, r)
	switch {
	case err != nil && m.key != "" && core.Is(err, core.KindConflict):
		if v, rerr := s.repeat(ctx, m, m.d.Digest); v != nil || rerr != nil {
			return v, rerr
		}
		return nil, err
	case err != nil:
		return nil, err
	case !ran && m.key != "":
		if v, err := s.repeat(ctx, m, m.d.Digest); v != nil || err != nil {
			return v, err
		}
	case !ran: // somebody else handed the draft in
		return nil, core.Errorf(core.KindConflict, "this draft was handed in already").At("request")
	}
	return s.reload(ctx, m.p, res.Order.ID)
}

// requestNumber is the public number of the request: a draft keeps its own.
func (s *Service) requestNumber(ctx context.Context, m *making) (int64, error) {
	if m.draft != nil {
		return m.draft.d.Request, nil
	}
	return s.d.Storage.Number(ctx, "request")
}

// insert records an order that waits, or a draft.
func (s *Service) insert(ctx context.Context, m *making, g *gap) (*View, error) {
	var err error
	if m.d.Request, err = s.requestNumber(ctx, m); err != nil {
		return nil, err
	}
	if m.draft == nil {
		m.o.ID = core.NewID[core.OrderID](m.now)
		if m.o.Number, err = s.d.Storage.Number(ctx, "order"); err != nil {
			return nil, err
		}
	} else {
		next := *m.draft.o
		next.Product, next.Issuer, next.Subject, next.Names, next.Replaces = m.o.Product, m.o.Issuer, m.o.Subject, m.o.Names, m.o.Replaces
		next.IdempotencyKey, next.State, next.UpdatedAt = m.o.IdempotencyKey, m.o.State, m.now
		m.o = &next
	}
	taken := false
	err = s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		taken = false
		if m.draft != nil {
			if err := s.d.Storage.FillOrder(ctx, tx, m.o, core.OrderDraft, m.draft.o.Attempt); err != nil {
				return err
			}
		} else if ok, err := s.d.Storage.InsertOrder(ctx, tx, m.o); err != nil || !ok {
			taken = !ok && err == nil
			return err
		}
		return s.write(ctx, tx, m, m.o, g)
	})
	if m.key != "" && (taken || core.Is(err, core.KindExists)) {
		v, err := s.repeat(ctx, m, m.d.Digest)
		if v == nil && err == nil {
			err = core.Errorf(core.KindUnavailable, "the same request is being worked on").After(time.Second)
		}
		return v, err
	}
	if err != nil {
		return nil, err
	}
	if m.quiet {
		return s.look(ctx, m.o, m.d)
	}
	return s.reload(ctx, m.p, m.o.ID)
}

// write puts down what belongs to a new order beside its row.
func (s *Service) write(ctx context.Context, tx core.Tx, m *making, o *core.Order, g *gap) error {
	d := *m.d
	d.Order = o.ID
	switch {
	case m.draft != nil:
		d.Version, d.CreatedAt = m.draft.d.Version+1, m.draft.d.CreatedAt
		if err := s.d.Storage.UpdateDetails(ctx, tx, &d); err != nil {
			return err
		}
	default:
		if err := s.d.Storage.InsertDetails(ctx, tx, &d); err != nil {
			return err
		}
	}
	if m.draft != nil && len(m.uploads) > 0 {
		n, err := s.d.Storage.CountDocuments(ctx, tx, o.ID)
		if err != nil {
			return err
		}
		if n+len(m.uploads) > maxDocuments {
			return core.Errorf(core.KindQuota, "an order has at most %d documents", maxDocuments).At("documents")
		}
	}
	for _, doc := range m.uploads {
		doc.Order = o.ID
		if err := s.d.Storage.InsertDocument(ctx, tx, &doc); err != nil {
			return err
		}
	}
	// Once more as soon as this stands: what it waits for may have happened
	// between the look and the record. An order that lacks nothing is due, too,
	// lest a process that stops here leaves it.
	at := m.now
	if g == nil {
		at = m.now.Add(grace)
	}
	if o.State != core.OrderDraft {
		if err := s.wait(ctx, tx, o, g, at); err != nil {
			return err
		}
	}
	e := core.EventOf(m.p, m.now, "order.create", "order:"+string(o.ID))
	if e.Protocol == "" {
		e.Protocol = o.Protocol
	}
	e.Detail = map[string]any{"number": o.Number, "request": d.Request, "product": string(o.Product), "subject": o.Subject, "names": o.Names,
		"state": string(o.State), "organisation": string(d.Organisation), "mode": d.Mode}
	if d.Agreement != nil {
		e.Detail["agreement"] = signature(d.Agreement)
	}
	s.d.Audit.Write(tx, e)
	if m.n.With != nil {
		return m.n.With(ctx, tx, o, &d)
	}
	return nil
}

// wait records what an order waits for, and when the background looks at it.
func (s *Service) wait(ctx context.Context, tx core.Tx, o *core.Order, g *gap, at time.Time) error {
	kind, refs := "", []string(nil)
	if g != nil {
		kind, refs = g.kind, g.waits
	}
	if err := s.d.Storage.SetWaits(ctx, tx, o.Account, o.ID, kind, refs); err != nil {
		return err
	}
	if g != nil && len(g.waits) == 0 {
		return nil // a person's turn: nothing to look at
	}
	return s.d.Storage.SetDue(ctx, tx, o.ID, at)
}

// dueAfter is when the background looks at an order that was handed over.
func (s *Service) dueAfter(o *core.Order, d *core.OrderDetails) time.Time {
	switch {
	case o.State == core.OrderIssued && d.RevokeOld:
		return s.d.Now()
	case o.State == core.OrderIssued && d.Ask.AutoRenew:
		return renewAt(&d.Ask, o.Request.Template.NotAfter)
	case !o.State.Final() && (d.RevokeOld || d.Ask.AutoRenew):
		return s.d.Now().Add(pause)
	}
	return time.Time{}
}

// renewAt is when a certificate with automatic renewal is renewed.
func renewAt(a *core.OrderAsk, end time.Time) time.Time {
	days := a.RenewDays
	if days == 0 {
		days = renewDays
	}
	return end.AddDate(0, 0, -days)
}
