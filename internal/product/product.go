// Package product manages products: what may be issued to whom. Judging a
// request by a product is package policy.
package product

import (
	"context"
	"regexp"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/policy"
)

// Storage is what the service needs from the database.
type Storage interface {
	core.Transactor
	Product(ctx context.Context, account core.AccountID, id core.ProductID) (*core.Product, error)
	ProductByCode(ctx context.Context, account core.AccountID, code string) (*core.Product, error)
	Issuer(ctx context.Context, account core.AccountID, id core.IssuerID) (*core.Issuer, error)
	// InsertProduct adds a product and gives it the next public number that is
	// not among taken.
	InsertProduct(ctx context.Context, tx core.Tx, p *core.Product, taken []int64) error
	UpdateProduct(ctx context.Context, tx core.Tx, p *core.Product) error
	ListProducts(ctx context.Context, q core.ListQuery) (core.Page[core.Product], error)
	// LockProducts reads all products of an account and keeps others from
	// changing them until the transaction ends.
	LockProducts(ctx context.Context, tx core.Tx, account core.AccountID) ([]core.Product, error)
	ProductColumns() []core.Column
}

// Audit is the part of the audit log that the service writes to.
type Audit interface {
	Write(tx core.Tx, e ...core.Event)
}

// Deps are what the service stands on.
type Deps struct {
	Storage Storage
	Audit   Audit
	Now     func() time.Time
	// CheckLint verifies lint source and exclusions against the linter.
	CheckLint func(source string, exclude []string) error
}

// Service manages products.
type Service struct{ d Deps }

// New makes the service.
func New(d Deps) *Service { return &Service{d} }

var code = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// Create adds a product: code, name, description, issuer and profile are read
// from p, the rest is filled in. Errors: invalid (names the field), exists.
func (s *Service) Create(ctx context.Context, by *core.Principal, p core.Product) (*core.Product, error) {
	now := s.d.Now()
	p.ID, p.Account, p.Version = core.NewID[core.ProductID](now), by.Account, 1
	p.CreatedAt, p.UpdatedAt = now, now
	if p.State == "" {
		p.State = core.ProductActive
	}
	if err := s.check(ctx, &p); err != nil {
		return nil, err
	}
	err := s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		taken, err := s.claim(ctx, tx, nil, &p)
		if err != nil {
			return err
		}
		if err := s.d.Storage.InsertProduct(ctx, tx, &p, taken); err != nil {
			return atCode(err)
		}
		s.audit(tx, by, now, "product.create", &p)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &p, nil
}

// Update replaces name, description, issuer, state and profile. p.Version is
// the version that the caller saw; conflict when it is not the present one.
func (s *Service) Update(ctx context.Context, by *core.Principal, p core.Product) (*core.Product, error) {
	old, err := s.d.Storage.Product(ctx, by.Account, p.ID)
	if err != nil {
		return nil, err
	}
	if p.Version != old.Version {
		return nil, core.Errorf(core.KindConflict, "the product was changed by somebody else meanwhile").At("version")
	}
	now := s.d.Now()
	next := *old
	next.Name, next.Description, next.Issuer, next.State, next.Profile = p.Name, p.Description, p.Issuer, p.State, p.Profile
	if p.Code != "" {
		next.Code = p.Code
	}
	next.Version, next.UpdatedAt = old.Version+1, now
	if err := s.check(ctx, &next); err != nil {
		return nil, err
	}
	err = s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		if _, err := s.claim(ctx, tx, old, &next); err != nil {
			return err
		}
		if err := s.d.Storage.UpdateProduct(ctx, tx, &next); err != nil {
			return atCode(err)
		}
		s.audit(tx, by, now, "product.update", &next)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &next, nil
}

// SetState enables or disables a product. A disabled product issues nothing;
// its certificates stay valid.
func (s *Service) SetState(ctx context.Context, by *core.Principal, id core.ProductID, state core.ProductState) (*core.Product, error) {
	p, err := s.d.Storage.Product(ctx, by.Account, id)
	if err != nil {
		return nil, err
	}
	p.State = state
	return s.Update(ctx, by, *p)
}

// Get returns a product by id, or by code.
func (s *Service) Get(ctx context.Context, account core.AccountID, idOrCode string) (*core.Product, error) {
	if core.ValidID(idOrCode) {
		return s.d.Storage.Product(ctx, account, core.ProductID(idOrCode))
	}
	return s.d.Storage.ProductByCode(ctx, account, idOrCode)
}

// List lists products.
func (s *Service) List(ctx context.Context, q core.ListQuery) (core.Page[core.Product], error) {
	return s.d.Storage.ListProducts(ctx, q)
}

// Columns describes the list of products.
func (s *Service) Columns() []core.Column { return s.d.Storage.ProductColumns() }

// Check says what Create or, when p has an id, Update would refuse of p, but
// for codes that another product has.
func (s *Service) Check(ctx context.Context, by *core.Principal, p core.Product) error {
	p.Account = by.Account
	return s.check(ctx, &p)
}

// atCode names the field of a product whose code is taken.
func atCode(err error) error {
	if core.Is(err, core.KindExists) {
		return core.AsError(err).At("code")
	}
	return err
}

func (s *Service) check(ctx context.Context, p *core.Product) error {
	switch {
	case !code.MatchString(p.Code):
		return core.Errorf(core.KindInvalid, "a product code has lower-case letters, digits and hyphens, at most 63").At("code")
	case p.Name == "" || len(p.Name) > 200:
		return core.Errorf(core.KindInvalid, "a product needs a name of at most 200 octets").At("name")
	case len(p.Description) > 4000:
		return core.Errorf(core.KindInvalid, "the description is longer than 4000 octets").At("description")
	case p.State != core.ProductActive && p.State != core.ProductDisabled:
		return core.Errorf(core.KindInvalid, "the state of a product is active or disabled").At("state")
	}
	if _, err := s.d.Storage.Issuer(ctx, p.Account, p.Issuer); err != nil {
		if core.Is(err, core.KindNotFound) {
			return core.Errorf(core.KindInvalid, "there is no such issuer").At("issuer")
		}
		return err
	}
	if _, err := policy.Compile(*p); err != nil {
		return err
	}
	if t := p.Profile.Terms; t != nil {
		if err := checkTerms(t); err != nil {
			return err
		}
	}
	if err := s.d.CheckLint(p.Profile.Lint, p.Profile.LintExclude); err != nil {
		e := core.AsError(err)
		return e.At("profile." + e.Field)
	}
	return nil
}

func (s *Service) audit(tx core.Tx, by *core.Principal, now time.Time, action string, p *core.Product) {
	e := core.EventOf(by, now, action, "product:"+string(p.ID))
	e.Detail = map[string]any{"code": p.Code, "name": p.Name, "version": p.Version, "state": string(p.State), "issuer": string(p.Issuer), "profile": p.Profile}
	s.d.Audit.Write(tx, e)
}
