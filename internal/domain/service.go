package domain

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// Defaults of Deps.
const (
	DefaultTXTLabel    = "_certwright-challenge"
	DefaultCNAMESuffix = "dcv.certwright.invalid"
	// DefaultProofLife is how long a proof carries at most (CA/B BR 4.2.1, from
	// 2026-03-15 on).
	DefaultProofLife = 200 * 24 * time.Hour
)

// Deps is what the service needs.
type Deps struct {
	Storage Storage
	Checker Checker
	Mail    Mail // nil: no mail can be sent
	Audit   Audit
	// BaseURL is the external https://host[:port] without a slash at the end,
	// for links in mails.
	BaseURL func() string
	// Verified, when set, runs in the transaction that makes a domain verified,
	// so that what waits for it is woken with it.
	Verified func(ctx context.Context, tx core.Tx, d *core.Domain) error
	// CAA tells the issuer domain names of an account, of which a CAA record
	// must name one; none: CAA records are not looked at.
	CAA func(ctx context.Context, account core.AccountID) ([]string, error)
	// TXTLabel is put before the domain for dns-txt; CNAMESuffix ends the targets
	// of dns-cname. ProofLife is how long a proof carries. Zero: the defaults.
	TXTLabel, CNAMESuffix string
	// TXTAlso are further labels that dns-txt looks at, in this order, when the
	// token is not at TXTLabel: those that clients of other platforms use
	// without asking.
	TXTAlso   []string
	ProofLife time.Duration
	Now       func() time.Time
	Log       *slog.Logger
}

// Service is the domain service. It is safe for concurrent use and keeps no
// state of its own.
type Service struct{ d Deps }

// NewService makes the service. Errors are of kind invalid and name the setting.
func NewService(d Deps) (*Service, error) {
	if d.Storage == nil || d.Checker == nil || d.Audit == nil || d.BaseURL == nil || d.Now == nil {
		return nil, core.Errorf(core.KindInvalid, "domain: a dependency is missing")
	}
	if d.TXTLabel == "" {
		d.TXTLabel = DefaultTXTLabel
	}
	if d.CNAMESuffix == "" {
		d.CNAMESuffix = DefaultCNAMESuffix
	}
	if d.ProofLife == 0 {
		d.ProofLife = DefaultProofLife
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	// A label in front with an underscore keeps the record apart from hosts
	// (CA/B BR 3.2.2.4.7).
	if !labels(d.TXTLabel) || d.TXTLabel[0] != '_' {
		return nil, core.Errorf(core.KindInvalid, "the label of TXT records is a DNS label that begins with an underscore, such as %s", DefaultTXTLabel).At("dcv-txt-label")
	}
	for _, l := range d.TXTAlso {
		if !labels(l) || l[0] != '_' {
			return nil, core.Errorf(core.KindInvalid, "%q is no DNS label that begins with an underscore", cut(l)).At("dcv-txt-also")
		}
	}
	if !labels(d.CNAMESuffix) {
		return nil, core.Errorf(core.KindInvalid, "the suffix of CNAME targets is a DNS name such as %s", DefaultCNAMESuffix).At("dcv-cname-suffix")
	}
	if d.ProofLife < time.Hour {
		return nil, core.Errorf(core.KindInvalid, "a proof carries an hour at least").At("dcv-proof-days")
	}
	return &Service{d: d}, nil
}

// labels reports whether s is a sequence of labels in lower case.
func labels(s string) bool {
	if s == "" || len(s) > 180 {
		return false
	}
	for l := range strings.SplitSeq(s, ".") {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

// now is the time as the database keeps it.
func (s *Service) now() time.Time { return s.d.Now().UTC().Truncate(time.Microsecond) }

func object(d *core.Domain) string { return "domain:" + string(d.ID) }

// fresh makes a row with its first challenge.
func (s *Service) fresh(p *core.Principal, o Owner, name, method string, now time.Time) *core.Domain {
	d := &core.Domain{ID: core.NewID[core.DomainID](now), Account: p.Account, Organisation: o.Organisation, Name: name, State: core.DomainActive,
		User: p.User, Version: 1, CreatedAt: now, UpdatedAt: now}
	if o.Organisation == "" {
		d.Group = o.Group
	}
	s.begin(d, method, now)
	return d
}

// insert stores a new row; false when the owner has the name.
func (s *Service) insert(ctx context.Context, tx core.Tx, p *core.Principal, d *core.Domain) (ok bool, err error) {
	if d.Number, err = s.d.Storage.NextNumber(ctx, tx, d.Account, "domain", 1); err != nil {
		return false, err
	}
	if ok, err = s.d.Storage.InsertDomain(ctx, tx, d); !ok || err != nil {
		return false, err
	}
	e := core.EventOf(p, d.CreatedAt, "domain.register", object(d))
	e.Detail = map[string]any{"name": d.Name, "method": d.Method, "organisation": string(d.Organisation), "group": string(d.Group), "caa": string(d.CAA)}
	s.d.Audit.Write(tx, e)
	return true, nil
}

// Register adds a domain and its first challenge. Errors: bad-name (not a
// registrable DNS name, public suffix), exists (the owner has it; the id is in
// the error's Field), conflict (verified for another owner of the account),
// policy (CAA forbids).
func (s *Service) Register(ctx context.Context, p *core.Principal, n New) (*core.Domain, error) {
	d, err := s.register(ctx, p, n)
	if err != nil && (core.Is(err, core.KindPolicy) || core.Is(err, core.KindConflict)) {
		e := core.EventOf(p, s.now(), "domain.register", "account:"+string(p.Account))
		e.Outcome, e.Detail = core.Refused, map[string]any{"name": cut(n.Name), "kind": string(core.KindOf(err)), "detail": core.AsError(err).Detail}
		if aerr := s.d.Audit.Record(ctx, e); aerr != nil {
			return nil, aerr
		}
	}
	return d, err
}

func (s *Service) register(ctx context.Context, p *core.Principal, n New) (*core.Domain, error) {
	name, err := Normalise(n.Name)
	if err != nil {
		return nil, err
	}
	if n.Method == "" {
		n.Method = core.MethodDNSTXT
	}
	if err := s.fits(name, n.Method); err != nil {
		return nil, err
	}
	if n.Owner == (Owner{}) {
		if n.Owner, err = s.OwnerOf(ctx, p); err != nil {
			return nil, err
		}
	}
	if n.Owner, err = s.mayOwn(ctx, p, n.Owner); err != nil {
		return nil, err
	}
	now := s.now()
	d := s.fresh(p, n.Owner, name, n.Method, now)
	var failure *core.Failure
	if d.CAA, failure, err = s.caa(ctx, d); err != nil {
		return nil, err
	}
	if failure != nil && !n.SkipCAA {
		return nil, core.Errorf(core.KindPolicy, "the CAA records do not let this CA issue for %s", name).At("name").
			Because(core.Reason{Code: "domain.caa", Field: "name", Value: name, Detail: failure.Detail})
	}
	err = s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		taken, err := s.d.Storage.ProvenElsewhere(ctx, tx, p.Account, n.Owner, name, now)
		if err != nil {
			return err
		}
		if taken {
			return core.Errorf(core.KindConflict, "control of %s is proven for another owner of this account", name).At("name")
		}
		ok, err := s.insert(ctx, tx, p, d)
		if err != nil || ok {
			return err
		}
		old, err := s.d.Storage.OwnedDomain(ctx, tx, p.Account, n.Owner, name)
		if err != nil {
			return err
		}
		return core.Errorf(core.KindExists, "the domain %s is registered already", name).At(string(old.ID))
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// caa looks at the CAA records of a domain. RFC 8657 section 4 has methods that
// are not ACME's named by a CA of its own accord, beginning with "ca-".
func (s *Service) caa(ctx context.Context, d *core.Domain) (core.CAAState, *core.Failure, error) {
	if s.d.CAA == nil {
		return core.CAASkipped, nil, nil
	}
	issuers, err := s.d.CAA(ctx, d.Account)
	if err != nil {
		return core.CAAUnknown, nil, err
	}
	if len(issuers) == 0 {
		return core.CAASkipped, nil, nil
	}
	if f, _ := s.d.Checker.CAA(ctx, d.Name, false, issuers, "", "ca-"+d.Method); f != nil {
		return core.CAAFailed, f, nil
	}
	return core.CAAPassed, nil, nil
}

// Ensure returns the owner's row for a name that an order needs: one whose valid
// proof covers it (an ancestor's only when the product lets ancestors count),
// else the row of the very name, else a new one with a challenge.
func (s *Service) Ensure(ctx context.Context, p *core.Principal, o Owner, name string, ancestors bool) (*core.Domain, error) {
	base, err := Normalise(name)
	if err != nil {
		return nil, err
	}
	if o, err = s.mayOwn(ctx, p, o); err != nil {
		return nil, err
	}
	now := s.now()
	full := base
	if strings.HasPrefix(strings.TrimSpace(name), "*.") {
		full = "*." + base
	}
	among := []string{base}
	if ancestors {
		among = line(base)
	}
	proven, err := s.d.Storage.ProvenDomains(ctx, p.Account, o, among, now)
	if err != nil {
		return nil, err
	}
	for _, d := range proven {
		if d.Covers(full, ancestors, now) {
			return d, nil
		}
	}
	method := core.MethodDNSTXT
	var out *core.Domain
	err = s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		d := s.fresh(p, o, base, method, now)
		ok, err := s.insert(ctx, tx, p, d)
		if err != nil {
			return err
		}
		if out = d; ok {
			return nil
		}
		if d, err = s.d.Storage.OwnedDomain(ctx, tx, p.Account, o, base); err != nil {
			return err
		}
		out = d
		return s.reopen(ctx, tx, p, d, full, now)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// reopen sees to it that a row for which an order waits has a challenge by which
// full can be proven: a file cannot prove a wildcard.
func (s *Service) reopen(ctx context.Context, tx core.Tx, p *core.Principal, d *core.Domain, full string, now time.Time) error {
	method := d.Method
	if method == core.MethodHTTPFile && full != d.Name {
		method = core.MethodDNSTXT
	}
	switch {
	case d.State != core.DomainActive:
		return core.Errorf(core.KindConflict, "the domain %s is out of use", d.Name).At("name")
	case d.Covers(full, false, now) || d.Control == core.ControlRejected || open(d, now) && method == d.Method:
		return nil
	case open(d, now):
		s.change(d, method, now)
	default:
		s.begin(d, method, now)
	}
	d.UpdatedAt = now
	e := core.EventOf(p, now, "domain.challenge", object(d))
	e.Detail = map[string]any{"method": method}
	s.d.Audit.Write(tx, e)
	return s.d.Storage.UpdateDomain(ctx, tx, d)
}

// edit changes a domain that p manages, in one transaction with its audit
// event.
func (s *Service) edit(ctx context.Context, p *core.Principal, id core.DomainID, action string, f func(d *core.Domain, e *core.Event) error) (*core.Domain, error) {
	return s.editAs(ctx, p, identity.DomainManage, id, action, f)
}

func (s *Service) editAs(ctx context.Context, p *core.Principal, a identity.Action, id core.DomainID, action string, f func(d *core.Domain, e *core.Event) error) (*core.Domain, error) {
	if _, err := s.mine(ctx, p, a, id); err != nil {
		return nil, err
	}
	now := s.now()
	var out *core.Domain
	err := s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		d, err := s.d.Storage.FindDomain(ctx, tx, p.Account, id)
		if err != nil {
			return err
		}
		e := core.EventOf(p, now, action, object(d))
		if err := f(d, &e); err != nil {
			return err
		}
		d.UpdatedAt = now
		s.d.Audit.Write(tx, e)
		out = d
		return s.d.Storage.UpdateDomain(ctx, tx, d)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Renew starts validation again; a proof that is still valid stays until the
// new one replaces it.
func (s *Service) Renew(ctx context.Context, p *core.Principal, id core.DomainID) (*core.Domain, error) {
	return s.edit(ctx, p, id, "domain.renew", func(d *core.Domain, _ *core.Event) error {
		if d.State != core.DomainActive {
			return core.Errorf(core.KindConflict, "the domain is out of use; activate it first")
		}
		s.begin(d, d.Method, s.now())
		return nil
	})
}

// SetActive takes a domain out of use or back. A domain that is as it shall be
// is left alone.
func (s *Service) SetActive(ctx context.Context, p *core.Principal, id core.DomainID, active bool) (*core.Domain, error) {
	action, state := "domain.deactivate", core.DomainInactive
	if active {
		action, state = "domain.activate", core.DomainActive
	}
	d, err := s.mine(ctx, p, identity.DomainManage, id)
	if err != nil || d.State == state {
		return d, err
	}
	return s.edit(ctx, p, id, action, func(d *core.Domain, _ *core.Event) error {
		d.State, d.NextCheck = state, time.Time{}
		if now := s.now(); d.Auto && open(d, now) {
			d.NextCheck = now.Add(steps[0])
		}
		return nil
	})
}

// Reject refuses control of a domain or withdraws its proof, as a validator
// does. The domain covers nothing until its owner renews and proves it.
// Without a reason it is refused, because its owner and an auditor ask for one.
func (s *Service) Reject(ctx context.Context, p *core.Principal, id core.DomainID, reason string) (*core.Domain, error) {
	if strings.TrimSpace(reason) == "" {
		return nil, core.Errorf(core.KindInvalid, "give the reason").At("reason")
	}
	return s.editAs(ctx, p, identity.DomainDecide, id, "domain.reject", func(d *core.Domain, e *core.Event) error {
		e.Detail = map[string]any{"reason": cut(reason)}
		reject(d)
		d.ValidUntil = time.Time{}
		return nil
	})
}

// reject ends the challenge and leaves the domain refused.
func reject(d *core.Domain) {
	d.Control, d.TokenUntil, d.EmailHash, d.Auto, d.NextCheck = core.ControlRejected, time.Time{}, nil, false, time.Time{}
}
