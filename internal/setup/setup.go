// Package setup is how the first administrator of a new installation is led
// through what it needs: organisation, names of the CAs, trust, a first
// credential, a second factor. What was done is kept in the database, so that it
// goes on after a crash and on another replica.
package setup

import (
	"context"
	"slices"
	"time"

	"github.com/certwright/certwright/internal/ca"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// Steps are the steps in order.
var Steps = []string{"organisation", "ca", "trust", "credential", "security"}

// Storage is what setup needs from the database.
type Storage interface {
	core.Transactor
	// Setup reads an account's; not-found when there is none. tx may be nil.
	Setup(ctx context.Context, tx core.Tx, account core.AccountID) (*core.Setup, error)
	// PutSetup reports false when the stored version is not from; 0: none is
	// stored.
	PutSetup(ctx context.Context, tx core.Tx, s *core.Setup, from int) (bool, error)
	// Issued counts certificates of our CAs that neither a CA nor the server made for
	// itself.
	Issued(ctx context.Context, account core.AccountID) (int, error)
}

// CAs is the part of the built-in CA that setup uses.
type CAs interface {
	CreateRoot(ctx context.Context, by *core.Principal, s ca.Spec) (*core.Issuer, error)
	CreateIssuing(ctx context.Context, by *core.Principal, parent core.IssuerID, s ca.Spec) (*core.Issuer, error)
	SetState(ctx context.Context, by *core.Principal, account core.AccountID, id core.IssuerID, state core.IssuerState) (*core.Issuer, error)
}

// Products is the part of package product that setup uses.
type Products interface {
	List(ctx context.Context, q core.ListQuery) (core.Page[core.Product], error)
	Update(ctx context.Context, by *core.Principal, p core.Product) (*core.Product, error)
}

// Audit is the part of the audit log that setup writes to.
type Audit interface {
	Write(tx core.Tx, e ...core.Event)
}

// Deps is what a Service needs.
type Deps struct {
	Storage  Storage
	CAs      CAs
	Issuers  func(ctx context.Context, account core.AccountID) ([]*core.Issuer, error) // of the built-in CA
	Products Products
	Audit    Audit
	// ServerTLS makes a new certificate for the server itself when its CA was
	// replaced.
	ServerTLS func(ctx context.Context) error
	Now       func() time.Time
}

// Service keeps how far the setup is. It is safe for concurrent use.
type Service struct{ d Deps }

// New makes a Service.
func New(d Deps) *Service { return &Service{d} }

func (s *Service) now() time.Time { return s.d.Now().UTC().Truncate(time.Microsecond) }

// Begin opens the setup of a new account, once.
func (s *Service) Begin(ctx context.Context, account core.AccountID) error {
	return s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		_, err := s.d.Storage.PutSetup(ctx, tx, &core.Setup{Account: account, Steps: map[string]string{}, Version: 1, UpdatedAt: s.now()}, 0)
		return err
	})
}

// State is how far the setup is.
type State struct {
	Setup *core.Setup // nil: the installation was set up without it
	// CAFixed says why the CAs cannot be replaced any more; "" when they can.
	CAFixed string
}

// Get returns how far it is, to administrators.
func (s *Service) Get(ctx context.Context, p *core.Principal) (*State, error) {
	if err := identity.Can(p, identity.SettingsManage, ""); err != nil {
		return nil, err
	}
	set, err := s.d.Storage.Setup(ctx, nil, p.Account)
	if core.Is(err, core.KindNotFound) {
		return &State{CAFixed: "this installation was set up without the assistant"}, nil
	} else if err != nil {
		return nil, err
	}
	why, err := s.fixed(ctx, set)
	return &State{Setup: set, CAFixed: why}, err
}

// fixed says why the CAs cannot be replaced.
func (s *Service) fixed(ctx context.Context, set *core.Setup) (string, error) {
	if set.CA != nil && !set.CA.DoneAt.IsZero() {
		return "the CAs were replaced already", nil
	}
	if set.CA != nil {
		return "", nil // begun: it has to go on
	}
	n, err := s.d.Storage.Issued(ctx, set.Account)
	if err != nil || n == 0 {
		return "", err
	}
	return "certificates were issued already", nil
}

// Mark says that a step is done or skipped, or with "" to be done again.
// Error: invalid at step or state.
func (s *Service) Mark(ctx context.Context, p *core.Principal, step, state string) (*State, error) {
	if !slices.Contains(Steps, step) {
		return nil, core.Errorf(core.KindInvalid, "there is no step %q", step).At("step")
	}
	if !slices.Contains([]string{"done", "skipped", ""}, state) {
		return nil, core.Errorf(core.KindInvalid, "a step is done or skipped").At("state")
	}
	return s.change(ctx, p, "setup.step", func(set *core.Setup, e *core.Event) error {
		e.Detail = map[string]any{"step": step, "state": state}
		if state == "" {
			delete(set.Steps, step)
		} else {
			set.Steps[step] = state
		}
		return nil
	})
}

// Start records that the assistant was opened.
func (s *Service) Start(ctx context.Context, p *core.Principal) (*State, error) {
	return s.change(ctx, p, "setup.start", func(set *core.Setup, _ *core.Event) error {
		if set.StartedAt.IsZero() {
			set.StartedAt = s.now()
		}
		return nil
	})
}

// Close has it offered no more; open takes it up again.
func (s *Service) Close(ctx context.Context, p *core.Principal, open bool) (*State, error) {
	return s.change(ctx, p, "setup.close", func(set *core.Setup, e *core.Event) error {
		e.Detail = map[string]any{"closed": !open}
		set.ClosedAt = s.now()
		if open {
			set.ClosedAt = time.Time{}
		}
		return nil
	})
}

// change runs f on the stored state, with the audit event in one transaction.
func (s *Service) change(ctx context.Context, p *core.Principal, action string, f func(set *core.Setup, e *core.Event) error) (*State, error) {
	if err := identity.Can(p, identity.SettingsManage, ""); err != nil {
		return nil, err
	}
	var out *core.Setup
	err := s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		set, err := s.d.Storage.Setup(ctx, tx, p.Account)
		if err != nil {
			return err
		}
		e := core.EventOf(p, s.now(), action, "account:"+string(p.Account))
		if err := f(set, &e); err != nil {
			return err
		}
		from := set.Version
		set.Version, set.UpdatedAt = from+1, s.now()
		ok, err := s.d.Storage.PutSetup(ctx, tx, set, from)
		if err != nil {
			return err
		}
		if !ok {
			return core.Errorf(core.KindConflict, "the setup was changed meanwhile: try again")
		}
		s.d.Audit.Write(tx, e)
		out = set
		return nil
	})
	if err != nil {
		return nil, err
	}
	why, err := s.fixed(ctx, out)
	return &State{Setup: out, CAFixed: why}, err
}
