package ordering

import (
	"context"
	"errors"
	"time"

	"github.com/certwright/certwright/internal/core"
)

const (
	retry  = time.Minute     // after what may work next time
	pause  = 5 * time.Minute // between looks at what somebody else works on
	batch  = 100
	rounds = 20 // of batches in one Work
)

// DomainVerified wakes the orders that wait for a domain. It is for the
// transaction of the change.
func (s *Service) DomainVerified(ctx context.Context, tx core.Tx, d *core.Domain) error {
	return s.d.Storage.Wake(ctx, tx, d.Account, waitDomain, d.Name, s.d.Now())
}

// OrganisationVetted wakes the orders that wait for an organisation.
func (s *Service) OrganisationVetted(ctx context.Context, tx core.Tx, account core.AccountID, o core.OrganisationID) error {
	return s.d.Storage.Wake(ctx, tx, account, waitOrganisation, string(o), s.d.Now())
}

// Work takes on the orders that were woken or left behind by a stopped
// process, and makes the renewals of orders with automatic renewal whose key is kept here. It
// returns how many were issued. Any number of replicas may run it.
func (s *Service) Work(ctx context.Context) (n int, err error) {
	var errs []error
	for range rounds {
		due, err := s.d.Storage.DueOrders(ctx, s.d.Now(), batch)
		if err != nil {
			return n, err
		}
		for i := range due {
			issued, err := s.workOn(ctx, &due[i])
			if err != nil {
				errs = append(errs, err)
				err = s.postpone(ctx, &due[i], s.d.Now().Add(retry))
			}
			if err != nil {
				return n, err
			}
			if issued {
				n++
			}
		}
		if len(due) < batch {
			break
		}
	}
	return n, errors.Join(errs...)
}

// postpone writes when an order is looked at again, unless it was woken meanwhile.
func (s *Service) postpone(ctx context.Context, d *core.OrderDetails, at time.Time) error {
	return s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		return s.d.Storage.Postpone(ctx, tx, d.Order, d.DueAt, at)
	})
}

// workOn looks at one order that is due.
func (s *Service) workOn(ctx context.Context, d *core.OrderDetails) (issued bool, err error) {
	o, err := s.d.Storage.Order(ctx, d.Account, d.Order)
	if err != nil {
		return false, err
	}
	j, err := s.job(ctx, o)
	if err != nil || j.d == nil {
		return false, err
	}
	p := background(o.Account)
	was := o.State
	switch {
	case j.unfinished():
		if j, err = s.take(ctx, p, j); err != nil {
			return false, err
		}
	case o.State == core.OrderIssuing:
		if _, err := s.d.Enroll.Look(ctx, p, o); err != nil && core.KindOf(err) == core.KindInternal {
			return false, err
		}
		if j, err = s.renewed(ctx, j, nil); err != nil {
			return false, err
		}
	case o.State == core.OrderIssued:
		return false, s.issuedDue(ctx, j)
	}
	if issued = was != core.OrderIssued && j.o.State == core.OrderIssued; issued {
		if err := s.settle(ctx, j.o, j.d); err != nil {
			return true, err
		}
	}
	// Unless somebody wrote another time: what is left to do.
	at := s.dueAfter(j.o, j.d)
	return issued, s.postpone(ctx, d, at)
}

// issuedDue does what an issued order is due for.
func (s *Service) issuedDue(ctx context.Context, j *job) error {
	if err := s.settle(ctx, j.o, j.d); err != nil {
		return err
	}
	if !j.d.Ask.AutoRenew {
		return s.postpone(ctx, j.d, time.Time{})
	}
	c, err := s.d.Storage.Certificate(ctx, j.o.Account, j.o.Certificate)
	if err != nil {
		return err
	}
	now := s.d.Now()
	at := renewAt(&j.d.Ask, c.NotAfter)
	switch {
	case at.After(now):
		return s.postpone(ctx, j.d, at)
	case c.State == core.CertOnHold:
		return s.postpone(ctx, j.d, now.Add(24*time.Hour))
	case c.State != core.CertActive, c.ReplacedBy != "", now.After(c.NotAfter), !now.Before(j.d.Until), j.d.Ask.KeyGen == "":
		return s.postpone(ctx, j.d, time.Time{})
	}
	_, err = s.renew(ctx, background(j.o.Account), j, nil, "renew:"+string(c.ID), core.Origin{Protocol: j.o.Protocol, Operation: "auto-renewal"}, true)
	if err == nil {
		return s.postpone(ctx, j.d, time.Time{})
	}
	s.d.Logger.Warn("an automatic renewal was not possible", "order", string(j.o.ID), "error", err)
	return s.postpone(ctx, j.d, now.Add(6*time.Hour))
}
