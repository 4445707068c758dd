package domain

import (
	"context"

	"github.com/certwright/certwright/internal/core"
)

// CheckNew verifies a wish to register a domain as Register does, without
// registering it and without looking at CAA records. Errors: those of Register
// but policy.
func (s *Service) CheckNew(ctx context.Context, p *core.Principal, n New) error {
	name, err := Normalise(n.Name)
	if err != nil {
		return err
	}
	if n.Method == "" {
		n.Method = core.MethodDNSTXT
	}
	if err := s.fits(name, n.Method); err != nil {
		return err
	}
	if n.Owner == (Owner{}) {
		if n.Owner, err = s.OwnerOf(ctx, p); err != nil {
			return err
		}
	}
	if n.Owner, err = s.mayOwn(ctx, p, n.Owner); err != nil {
		return err
	}
	return s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		taken, err := s.d.Storage.ProvenElsewhere(ctx, tx, p.Account, n.Owner, name, s.now())
		if err != nil {
			return err
		}
		if taken {
			return core.Errorf(core.KindConflict, "control of %s is proven for another owner of this account", name).At("name")
		}
		switch _, err := s.d.Storage.OwnedDomain(ctx, tx, p.Account, n.Owner, name); {
		case err == nil:
			return core.Errorf(core.KindExists, "the domain %s is registered already", name)
		case core.Is(err, core.KindNotFound):
			return nil
		default:
			return err
		}
	})
}
