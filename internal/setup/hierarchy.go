package setup

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/certwright/certwright/internal/ca"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// Years of validity, as those that the first start makes.
const (
	rootYears    = 20
	issuingYears = 10
)

// NewCAs are the administrator's own names for the hierarchy.
type NewCAs struct {
	Organisation string // O of all CAs; empty: none
	Country      string // C; empty: none
	Root         string // CN
	Issuing      string // CN
	RootKey      string // "ECDSA P-384", "RSA 4096" …
	IssuingKey   string
}

// keys are the algorithms to choose from.
var keys = []string{"ECDSA P-256", "ECDSA P-384", "RSA 3072", "RSA 4096"}

func (n *NewCAs) check() error {
	for _, f := range []struct {
		field string
		value *string
		least int
		most  int
	}{{"organisation", &n.Organisation, 0, 64}, {"root", &n.Root, 1, 64}, {"issuing", &n.Issuing, 1, 60}} {
		*f.value = strings.TrimSpace(*f.value)
		if l := len([]rune(*f.value)); l < f.least || l > f.most {
			return core.Errorf(core.KindInvalid, "%s has %d to %d characters", f.field, f.least, f.most).At(f.field)
		}
	}
	n.Country = strings.ToUpper(strings.TrimSpace(n.Country))
	if n.Country != "" && (len(n.Country) != 2 || strings.Trim(n.Country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "") {
		return core.Errorf(core.KindInvalid, "a country is two letters of ISO 3166-1").At("country")
	}
	if strings.EqualFold(n.Root, n.Issuing) {
		return core.Errorf(core.KindInvalid, "root and issuing CA need different names").At("issuing")
	}
	if !slices.Contains(keys, n.RootKey) {
		return core.Errorf(core.KindInvalid, "a key is one of %s", strings.Join(keys, ", ")).At("root_key")
	}
	if !slices.Contains(keys, n.IssuingKey) {
		return core.Errorf(core.KindInvalid, "a key is one of %s", strings.Join(keys, ", ")).At("issuing_key")
	}
	return nil
}

// ReplaceCAs makes a hierarchy with the administrator's names, has all products
// of the first one use it, and disables the first one: as long as it has issued
// nothing but the server's own certificate. Beside an issuing CA with an ECDSA
// key there is one with RSA for products that need it. The plan is kept before
// anything is made, so a call after a crash, or on another replica, goes on with
// it, whatever names it brings. Errors: invalid, conflict.
func (s *Service) ReplaceCAs(ctx context.Context, p *core.Principal, n NewCAs) (*State, error) {
	for _, a := range []identity.Action{identity.IssuerManage, identity.ProductManage} {
		if err := identity.Can(p, a, ""); err != nil {
			return nil, err
		}
	}
	plan, err := s.plan(ctx, p, n)
	if err != nil {
		return nil, err
	}
	if err := s.carryOut(ctx, p, plan); err != nil {
		return nil, err
	}
	return s.change(ctx, p, "setup.replace-cas", func(set *core.Setup, e *core.Event) error {
		if set.CA == nil {
			return core.Errorf(core.KindConflict, "the plan is gone")
		}
		e.Detail = map[string]any{"root": plan.Root.Name, "issuing": plan.Issuing.Name}
		set.CA.DoneAt, set.Steps["ca"] = s.now(), "done"
		return nil
	})
}

// plan returns the plan that was begun, or keeps a new one.
func (s *Service) plan(ctx context.Context, p *core.Principal, n NewCAs) (*core.SetupCAs, error) {
	set, err := s.d.Storage.Setup(ctx, nil, p.Account)
	if err != nil {
		return nil, err
	}
	why, err := s.fixed(ctx, set)
	if err != nil {
		return nil, err
	}
	if why != "" {
		return nil, core.Errorf(core.KindConflict, "%s: make further CAs under CAs instead", why)
	}
	if set.CA != nil {
		return set.CA, nil
	}
	if err := n.check(); err != nil {
		return nil, err
	}
	present, err := s.d.Issuers(ctx, "") // short names are unique over accounts
	if err != nil {
		return nil, err
	}
	plan := &core.SetupCAs{}
	taken := map[string]bool{}
	for _, i := range present {
		taken[i.Slug] = true
		if i.Account == p.Account && i.State == core.IssuerActive {
			plan.Old = append(plan.Old, i.ID)
			if !i.Root && strings.HasPrefix(i.Algorithm, "RSA") {
				plan.OldRSA = append(plan.OldRSA, i.ID)
			}
		}
	}
	one := func(name, key string, years int) core.SetupCA {
		var dn core.DN
		for _, a := range []core.Attribute{{Type: "C", Value: n.Country}, {Type: "O", Value: n.Organisation}, {Type: "CN", Value: name}} {
			if a.Value != "" {
				dn = append(dn, a)
			}
		}
		return core.SetupCA{Name: name, Slug: slug(name, taken), Subject: dn, Key: key, Years: years}
	}
	plan.Root, plan.Issuing = one(n.Root, n.RootKey, rootYears), one(n.Issuing, n.IssuingKey, issuingYears)
	if !strings.HasPrefix(n.IssuingKey, "RSA") {
		rsa := one(n.Issuing+" RSA", "RSA 3072", issuingYears)
		plan.RSA = &rsa
	}
	_, err = s.change(ctx, p, "setup.plan-cas", func(set *core.Setup, e *core.Event) error {
		if set.CA != nil { // another replica was faster
			plan = set.CA
			return nil
		}
		e.Detail = map[string]any{"root": plan.Root.Name, "issuing": plan.Issuing.Name}
		set.CA = plan
		return nil
	})
	return plan, err
}

// slug makes a slug that is not taken, and takes it.
func slug(name string, taken map[string]bool) string {
	base := ca.SlugOf(name)
	if base == "" || base == "ocsp" {
		base = "ca"
	}
	out := base
	for i := 2; taken[out]; i++ {
		out = base + "-" + strconv.Itoa(i)
	}
	taken[out] = true
	return out
}

// carryOut does what of the plan is not done.
func (s *Service) carryOut(ctx context.Context, p *core.Principal, plan *core.SetupCAs) error {
	root, err := s.make(ctx, p, plan.Root, "")
	if err != nil {
		return err
	}
	issuing, err := s.make(ctx, p, plan.Issuing, root.ID)
	if err != nil {
		return err
	}
	rsa := issuing
	if plan.RSA != nil {
		if rsa, err = s.make(ctx, p, *plan.RSA, root.ID); err != nil {
			return err
		}
	}
	q := core.ListQuery{Account: p.Account, Limit: core.MaxPage}
	for {
		page, err := s.d.Products.List(ctx, q)
		if err != nil {
			return err
		}
		for _, one := range page.Items {
			if !slices.Contains(plan.Old, one.Issuer) {
				continue
			}
			if slices.Contains(plan.OldRSA, one.Issuer) {
				one.Issuer = rsa.ID
			} else {
				one.Issuer = issuing.ID
			}
			if _, err := s.d.Products.Update(ctx, p, one); err != nil {
				return err
			}
		}
		if page.Next == "" {
			break
		}
		q.Cursor = page.Next
	}
	present, err := s.d.Issuers(ctx, p.Account)
	if err != nil {
		return err
	}
	for _, i := range present {
		if slices.Contains(plan.Old, i.ID) && i.State == core.IssuerActive {
			if _, err := s.d.CAs.SetState(ctx, p, p.Account, i.ID, core.IssuerDisabled); err != nil {
				return err
			}
		}
	}
	if s.d.ServerTLS == nil {
		return nil
	}
	return s.d.ServerTLS(ctx)
}

// make makes a CA of the plan unless an earlier try has.
func (s *Service) make(ctx context.Context, p *core.Principal, one core.SetupCA, parent core.IssuerID) (*core.Issuer, error) {
	find := func() (*core.Issuer, error) {
		present, err := s.d.Issuers(ctx, p.Account)
		if err != nil {
			return nil, err
		}
		for _, i := range present {
			if i.Slug == one.Slug {
				return i, nil
			}
		}
		return nil, nil
	}
	if i, err := find(); err != nil || i != nil {
		return i, err
	}
	spec := ca.Spec{Account: p.Account, Name: one.Name, Slug: one.Slug, Subject: one.Subject, Key: one.Key, Years: one.Years}
	var made *core.Issuer
	var err error
	if parent == "" {
		made, err = s.d.CAs.CreateRoot(ctx, p, spec)
	} else {
		made, err = s.d.CAs.CreateIssuing(ctx, p, parent, spec)
	}
	if core.Is(err, core.KindExists) { // another replica was faster
		if i, ferr := find(); ferr != nil || i != nil {
			return i, ferr
		}
	}
	return made, err
}
