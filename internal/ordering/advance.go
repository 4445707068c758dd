package ordering

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/enroll"
	"github.com/certwright/certwright/internal/identity"
)

// Who acts: for somebody who looks, and for nobody.
const (
	looking = "ordering"
	working = "ordering-background"
)

// background is who acts when nobody asked.
func background(account core.AccountID) *core.Principal {
	return &core.Principal{Account: account, System: working}
}

// onlooker is who takes an order on when somebody looks at it: he may do less
// than what happens then.
func onlooker(account core.AccountID) *core.Principal {
	return &core.Principal{Account: account, System: looking}
}

// details are those of an order; nil when it was never put together.
func (s *Service) details(ctx context.Context, o *core.Order) (*core.OrderDetails, error) {
	d, err := s.d.Storage.OrderDetails(ctx, o.Account, o.ID)
	if core.Is(err, core.KindNotFound) {
		return nil, nil
	}
	return d, err
}

// job reads what belongs to an order.
func (s *Service) job(ctx context.Context, o *core.Order) (*job, error) {
	d, err := s.details(ctx, o)
	if err != nil {
		return nil, err
	}
	product, err := s.d.Enroll.Product(ctx, o.Account, o.Product)
	if err != nil {
		return nil, err
	}
	return &job{o: o, d: d, product: product, terms: product.OrderTerms()}, nil
}

func unseen() error { return core.Errorf(core.KindNotFound, "there is no such order") }

// visible reports whether p may see an order: a credential those of its group
// and products, whichever credential ordered them.
func visible(p *core.Principal, o *core.Order) error {
	if p.Credential != nil {
		if o.Account != p.Account || o.Group != p.Group || !slices.Contains(p.Products, o.Product) {
			return unseen()
		}
		return nil
	}
	if identity.Can(p, identity.OrderView, o.Group) != nil {
		return unseen()
	}
	return nil
}

// load reads an order that p may see.
func (s *Service) load(ctx context.Context, p *core.Principal, id core.OrderID) (*job, error) {
	if !core.ValidID(id) {
		return nil, unseen()
	}
	o, err := s.d.Storage.Order(ctx, p.Account, id)
	if err != nil {
		return nil, err
	}
	if err := visible(p, o); err != nil {
		return nil, err
	}
	return s.job(ctx, o)
}

// take moves an order on as far as it goes without anybody's help: to the
// first thing that it lacks, or into the hands of enroll. Refusals of enroll
// end up in the order, not in the error.
func (s *Service) take(ctx context.Context, p *core.Principal, j *job) (*job, error) {
	for range tries {
		if !j.unfinished() || j.o.State == core.OrderDraft {
			return j, nil
		}
		g, err := s.gap(ctx, j)
		if err != nil {
			return j, err
		}
		switch {
		case g == nil:
			again, err := s.handOver(ctx, p, j)
			if j, err = s.renewed(ctx, j, err); err != nil || !again {
				return j, err
			}
		case g.state == j.o.State:
			return j, s.remind(ctx, p, j, g)
		default:
			err := s.move(ctx, p, j, g)
			if err != nil && !core.Is(err, core.KindConflict) {
				return j, err
			}
			if j, err = s.renewed(ctx, j, nil); err != nil {
				return j, err
			}
		}
	}
	return j, nil
}

// remind begins the challenges that an order still lacks: of a name that the
// proof for another was to cover and does not, or whose proof has run out.
func (s *Service) remind(ctx context.Context, p *core.Principal, j *job, g *gap) error {
	if g.state != core.OrderDCV || p.System != working {
		return nil
	}
	err := s.ensure(ctx, p, j, g.missing)
	if core.KindOf(err) == core.KindInternal || core.KindOf(err) == core.KindUnavailable {
		return err
	}
	return nil // refused: the domain's page says why
}

// renewed reads a job again.
func (s *Service) renewed(ctx context.Context, j *job, err error) (*job, error) {
	if err != nil {
		return j, err
	}
	o, err := s.d.Storage.Order(ctx, j.o.Account, j.o.ID)
	if err != nil {
		return j, err
	}
	return s.job(ctx, o)
}

// move writes a new open state.
func (s *Service) move(ctx context.Context, p *core.Principal, j *job, g *gap) error {
	if err := s.askVetting(ctx, p, j, g); err != nil {
		return err
	}
	now := s.d.Now()
	next := *j.o
	next.State, next.UpdatedAt = g.state, now
	return s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		if err := s.d.Storage.MoveOrder(ctx, tx, &next, j.o.State, j.o.Attempt); err != nil {
			return err
		}
		e := core.EventOf(p, now, "order.move", "order:"+string(next.ID))
		e.Credential, e.Detail = next.Credential, map[string]any{"number": next.Number, "from": string(j.o.State), "state": string(next.State)}
		s.d.Audit.Write(tx, e)
		return s.wait(ctx, tx, &next, g, now)
	})
}

// handOver gives an order that lacks nothing to enroll. again: it lacks
// something after all.
func (s *Service) handOver(ctx context.Context, p *core.Principal, j *job) (again bool, err error) {
	r, err := s.request(ctx, p, j)
	if err != nil {
		return false, err
	}
	c, err := s.credential(ctx, j)
	if err != nil {
		return false, err
	}
	if c != nil && c.State != core.CredentialActive && p.System == working {
		// A revoked credential sets nothing in motion any more. Somebody who may
		// see the order takes it on by looking, or cancels it.
		return false, s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
			return s.d.Storage.SetDue(ctx, tx, j.o.ID, time.Time{})
		})
	}
	r.Open = &enroll.Open{Order: j.o.ID, State: j.o.State, Attempt: j.o.Attempt, Approved: j.d.Approved}
	if c != nil {
		r.Open.AllowedNames = c.AllowedNames
	}
	r.Begin = func(ctx context.Context, tx core.Tx, o *core.Order) error {
		// What was read must stand still: else another key or name than the
		// details show would be signed. Whoever changed it takes the order on.
		d := *j.d
		d.Version++
		if err := s.d.Storage.UpdateDetails(ctx, tx, &d); err != nil {
			return err
		}
		return s.d.Storage.SetWaits(ctx, tx, o.Account, o.ID, "", nil)
	}
	r.With = func(ctx context.Context, tx core.Tx, o *core.Order) error {
		return s.d.Storage.SetDue(ctx, tx, o.ID, s.dueAfter(o, j.d))
	}
	if _, err = s.d.Enroll.Submit(ctx, r); err == nil {
		return false, nil
	}
	return s.stumble(ctx, p, j, err)
}

// stumble records that enroll would not take an order.
func (s *Service) stumble(ctx context.Context, p *core.Principal, j *job, cause error) (again bool, err error) {
	o, err := s.d.Storage.Order(ctx, j.o.Account, j.o.ID)
	if err != nil {
		return false, err
	}
	if o.State != j.o.State {
		return false, nil // it is somewhere else by now, and says there why
	}
	now := s.d.Now()
	switch core.KindOf(cause) {
	case core.KindNotValidated:
		if slices.ContainsFunc(core.AsError(cause).Reasons, func(r core.Reason) bool { return r.Code == enroll.ReasonCAA }) {
			return false, s.forbidden(ctx, p, o, cause)
		}
		return true, nil // a proof ran out in this very moment
	case core.KindBadCSR, core.KindBadProof, core.KindBadKey, core.KindBadName, core.KindPolicy, core.KindLint, core.KindUnsupported, core.KindInvalid, core.KindExpired:
		next := *o
		next.State, next.Failure, next.UpdatedAt = core.OrderFailed, core.AsError(cause).Detail, now
		err := s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
			if err := s.d.Storage.MoveOrder(ctx, tx, &next, o.State, o.Attempt); err != nil {
				return err
			}
			e := core.EventOf(p, now, "order.fail", "order:"+string(o.ID))
			e.Credential, e.Outcome, e.Detail = o.Credential, core.Failed, map[string]any{"number": o.Number, "detail": next.Failure}
			s.d.Audit.Write(tx, e)
			return s.wait(ctx, tx, &next, nil, time.Time{})
		})
		if core.Is(err, core.KindConflict) {
			return true, nil
		}
		return false, err
	}
	delay := retry
	if k := core.KindOf(cause); k == core.KindQuota || k == core.KindForbidden {
		delay = time.Hour
	}
	s.d.Logger.Warn("an order that lacks nothing could not be handed over", "order", string(o.ID), "error", cause)
	return false, s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		return s.d.Storage.SetDue(ctx, tx, o.ID, now.Add(delay))
	})
}

// forbidden sends an order back to wait for other CAA records. They are looked
// at again after a while, and whenever the order is taken on.
func (s *Service) forbidden(ctx context.Context, p *core.Principal, o *core.Order, cause error) error {
	now := s.d.Now()
	next := *o
	next.Failure, next.UpdatedAt = core.AsError(cause).Detail, now
	if o.State.To(core.OrderDCV) == nil {
		next.State = core.OrderDCV
	}
	err := s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		if err := s.d.Storage.MoveOrder(ctx, tx, &next, o.State, o.Attempt); err != nil {
			return err
		}
		if next.Failure != o.Failure {
			e := core.EventOf(p, now, "order.move", "order:"+string(o.ID))
			e.Credential, e.Outcome = o.Credential, core.Refused
			e.Detail = map[string]any{"number": o.Number, "state": string(next.State), "detail": next.Failure}
			s.d.Audit.Write(tx, e)
		}
		return s.d.Storage.SetDue(ctx, tx, o.ID, now.Add(caaRetry))
	})
	if core.Is(err, core.KindConflict) {
		return nil // somebody else took it on
	}
	return err
}

// caaRetry is when the background looks again at CAA records that forbid.
const caaRetry = time.Hour

// settle does what is left after an order was issued: what it replaces is
// revoked if it said so. It may run any number of times.
func (s *Service) settle(ctx context.Context, o *core.Order, d *core.OrderDetails) error {
	if d == nil || o.State != core.OrderIssued || d.DueAt.IsZero() || d.DueAt.After(s.d.Now()) {
		return nil
	}
	if d.RevokeOld {
		if err := s.revokeOld(ctx, o, d); err != nil {
			return err
		}
	}
	at := time.Time{}
	if d.Ask.AutoRenew {
		c, err := s.d.Storage.Certificate(ctx, o.Account, o.Certificate)
		if err != nil {
			return err
		}
		if at = renewAt(&d.Ask, c.NotAfter); !at.After(s.d.Now()) {
			return nil // Work renews it now
		}
	}
	return s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		return s.d.Storage.Postpone(ctx, tx, o.ID, d.DueAt, at)
	})
}

func (s *Service) revokeOld(ctx context.Context, o *core.Order, d *core.OrderDetails) error {
	p := background(o.Account)
	for id := d.Reissues; id != ""; {
		c, err := s.d.Storage.Certificate(ctx, o.Account, id)
		if err != nil {
			return err
		}
		if c.State == core.CertActive || c.State == core.CertOnHold {
			err := s.d.Enroll.RevokeJudged(ctx, p, id, d.RevokeReason, nil)
			if err != nil && !core.Is(err, core.KindRevoked) {
				return err
			}
		}
		if id = c.Replaces; !d.RevokeAll {
			return nil
		}
	}
	return nil
}

// change is what a step does to an order.
type change struct {
	detail map[string]any
	state  core.OrderState // empty: where the order's gaps lead
	more   func(ctx context.Context, tx core.Tx) error
}

// step changes an order that p may see: f judges and edits the details, which
// are written with the state that follows from them. When somebody else changes
// the order meanwhile f judges again. Then the order goes on by itself.
func (s *Service) step(ctx context.Context, p *core.Principal, id core.OrderID, action string, f func(j *job) (*change, error)) (*View, error) {
	for range tries {
		j, err := s.load(ctx, p, id)
		if err != nil {
			return nil, err
		}
		c, err := f(j)
		if err != nil {
			return nil, s.refused(ctx, p, j, action, err)
		}
		err = s.apply(ctx, p, j, action, c)
		if core.Is(err, core.KindConflict) && !errors.As(err, new(*final)) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return s.reload(ctx, p, id)
	}
	return nil, core.Errorf(core.KindUnavailable, "the order is being changed by others all the time").After(time.Second)
}

// refused records that a step was turned down, and returns why.
func (s *Service) refused(ctx context.Context, p *core.Principal, j *job, action string, cause error) error {
	if k := core.KindOf(cause); k == core.KindInternal || k == core.KindUnavailable {
		return cause
	}
	e := core.EventOf(p, s.d.Now(), action, "order:"+string(j.o.ID))
	ce := core.AsError(cause)
	e.Outcome, e.Detail = core.Refused, map[string]any{"number": j.o.Number, "kind": string(ce.Kind), "detail": ce.Detail}
	if err := s.d.Audit.Record(ctx, e); err != nil {
		return err
	}
	return cause
}

// final marks an error that trying again does not lift.
type final struct{ error }

func (f *final) Unwrap() error { return f.error }

// apply writes a change.
func (s *Service) apply(ctx context.Context, p *core.Principal, j *job, action string, c *change) error {
	now := s.d.Now()
	next := *j.o
	next.UpdatedAt = now
	var g *gap
	switch {
	case c.state != "":
		next.State = c.state
	case j.o.State != core.OrderDraft:
		var err error
		if g, err = s.gap(ctx, j); err != nil {
			return err
		}
		if g != nil {
			next.State = g.state
		}
		if next.State != j.o.State {
			if err := s.askVetting(ctx, p, j, g); err != nil {
				return err
			}
		}
	}
	if next.State.Final() {
		next.Failure = j.note()
	}
	return s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		if err := s.d.Storage.MoveOrder(ctx, tx, &next, j.o.State, j.o.Attempt); err != nil {
			return err
		}
		if j.d != nil {
			d := *j.d
			d.Version, d.UpdatedAt = j.d.Version+1, now
			if err := s.d.Storage.UpdateDetails(ctx, tx, &d); err != nil {
				return err
			}
		}
		if c.more != nil {
			if err := c.more(ctx, tx); err != nil {
				return err
			}
		}
		e := core.EventOf(p, now, action, "order:"+string(j.o.ID))
		e.Credential = j.o.Credential
		if p.Credential != nil {
			e.Credential = p.Credential.ID
		}
		e.Detail = map[string]any{"number": j.o.Number, "state": string(next.State)}
		for k, v := range c.detail {
			e.Detail[k] = v
		}
		s.d.Audit.Write(tx, e)
		return s.follow(ctx, tx, j, &next, g, now)
	})
}

// follow records what the order waits for after a change.
func (s *Service) follow(ctx context.Context, tx core.Tx, j *job, next *core.Order, g *gap, now time.Time) error {
	switch {
	case j.d == nil || next.State == core.OrderDraft:
		return nil
	case next.State.Final():
		return s.wait(ctx, tx, next, nil, time.Time{})
	case g == nil && next.State.Open() || g == nil && keyless(next): // nothing is missing
		return s.wait(ctx, tx, next, nil, now.Add(grace))
	case next.State != j.o.State:
		return s.wait(ctx, tx, next, g, now)
	}
	return nil
}
