package csvlist

import (
	"context"
	"strings"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/domain"
	"github.com/certwright/certwright/internal/identity"
)

// is asks a list for the row with a value, whatever its letter case.
func is(column, value string) core.ListQuery {
	return core.ListQuery{Filter: core.Filter{{Column: column, Op: core.OpEquals, Values: []string{value}}}, Limit: 20}
}

// find looks for what has a name in a list of groups or organisations: the one
// written exactly so, or the only one with other letter case. "": there is none.
func find[T any](ctx context.Context, p *core.Principal, list func(context.Context, *core.Principal, core.ListQuery) (core.Page[T], error), of func(*T) (id, name string), word string) (id string, exact bool, err error) {
	got, err := list(ctx, p, is("name", word))
	if err != nil {
		return "", false, err
	}
	for i := range got.Items {
		if id, name := of(&got.Items[i]); name == word || len(got.Items) == 1 {
			return id, name == word, nil
		}
	}
	return "", false, nil
}

func ofGroup(g *core.Group) (id, name string) { return string(g.ID), g.Name }

func ofOrganisation(o *core.Organisation) (id, name string) { return string(o.ID), o.Name }

func ofDomain(d *core.Domain) (id, name string) { return string(d.ID), d.Name }

// groupNamed finds a group by name or id.
func (s *Service) groupNamed(ctx context.Context, p *core.Principal, word, field string) (core.GroupID, error) {
	if core.ValidID(word) {
		return core.GroupID(word), nil
	}
	id, _, err := find(ctx, p, s.d.Identity.Groups, ofGroup, word)
	if err == nil && id == "" {
		err = core.Errorf(core.KindInvalid, "there is no group %q", shorten(word)).At(field)
	}
	return core.GroupID(id), err
}

// organisationNamed finds an organisation by name or id; "" for "".
func (s *Service) organisationNamed(ctx context.Context, p *core.Principal, word string) (core.OrganisationID, error) {
	if word == "" || core.ValidID(word) {
		return core.OrganisationID(word), nil
	}
	id, _, err := find(ctx, p, s.d.Identity.Organisations, ofOrganisation, word)
	if err == nil && id == "" {
		err = core.Errorf(core.KindInvalid, "there is no organisation %q", shorten(word)).At("organisation")
	}
	return core.OrganisationID(id), err
}

// groupsIn reads a cell with names of groups: one name with commas in it is
// tried first.
func (s *Service) groupsIn(ctx context.Context, p *core.Principal, cell string) ([]core.GroupID, error) {
	if cell == "" {
		return nil, nil
	}
	if id, err := s.groupNamed(ctx, p, cell, "group"); err == nil || !core.Is(err, core.KindInvalid) {
		return []core.GroupID{id}, err
	}
	var out []core.GroupID
	for _, w := range words(cell) {
		id, err := s.groupNamed(ctx, p, w, "group")
		if err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, nil
}

// grantsIn reads a cell with roles: "auditor, operator@Web team".
func (s *Service) grantsIn(ctx context.Context, p *core.Principal, cell string) ([]core.Grant, error) {
	var out []core.Grant
	for _, w := range words(cell) {
		role, group, scoped := strings.Cut(w, "@")
		g := core.Grant{Role: core.Role(strings.ToLower(strings.TrimSpace(role)))}
		if scoped {
			var err error
			if g.Group, err = s.groupNamed(ctx, p, strings.TrimSpace(group), "role"); err != nil {
				return nil, err
			}
		}
		out = append(out, g)
	}
	return out, nil
}

// yes reads a cell that says yes or no.
func yes(cell, field string) (bool, error) {
	switch strings.ToLower(cell) {
	case "", "no", "false", "0", "n":
		return false, nil
	case "yes", "true", "1", "y", "x":
		return true, nil
	}
	return false, core.Errorf(core.KindInvalid, "%q is neither yes nor no", shorten(cell)).At(field)
}

// known says that what a row names is here already.
func (r *Result) known(id string) error {
	r.Status, r.ID = Known, id
	return nil
}

// add creates what a row names, or in a dry run only looks whether that would
// work.
func add[T, N any](ctx context.Context, p *core.Principal, n N, dry bool, res *Result, check func(context.Context, *core.Principal, N) error, create func(context.Context, *core.Principal, N) (*T, error), of func(*T) (id, name string)) error {
	var err error
	if dry {
		res.Status, err = Fresh, check(ctx, p, n)
	} else if made, cerr := create(ctx, p, n); cerr == nil {
		res.Status = Created
		res.ID, _ = of(made)
	} else {
		err = cerr
	}
	if !core.Is(err, core.KindExists) {
		return err
	}
	id := "" // somebody else created it meanwhile
	if e := core.AsError(err); core.ValidID(e.Field) {
		id = e.Field
	}
	return res.known(id)
}

func (s *Service) user(ctx context.Context, p *core.Principal, c map[string]string, dry bool, res *Result) error {
	n := identity.NewUser{Login: strings.ToLower(c["login"]), Name: c["name"], Email: c["email"]}
	got, err := s.d.Identity.Users(ctx, p, is("login", n.Login))
	if err != nil {
		return err
	}
	if len(got.Items) > 0 {
		return res.known(string(got.Items[0].ID))
	}
	if n.Grants, err = s.grantsIn(ctx, p, c["role"]); err != nil {
		return err
	}
	if n.Groups, err = s.groupsIn(ctx, p, c["group"]); err != nil {
		return err
	}
	if n.SignIn, err = yes(c["sign_in"], "sign_in"); err != nil {
		return err
	}
	create := func(ctx context.Context, p *core.Principal, n identity.NewUser) (u *core.User, err error) {
		u, res.Password, err = s.d.Identity.CreateUser(ctx, p, n)
		return u, err
	}
	return add(ctx, p, n, dry, res, s.d.Identity.CheckNewUser, create, func(u *core.User) (id, name string) { return string(u.ID), u.Login })
}

func (s *Service) group(ctx context.Context, p *core.Principal, c map[string]string, dry bool, res *Result) error {
	id, exact, err := find(ctx, p, s.d.Identity.Groups, ofGroup, c["name"])
	if err != nil {
		return err
	}
	if exact {
		return res.known(id)
	}
	d := identity.GroupData{Name: c["name"], Email: c["email"]}
	if d.Organisation, err = s.organisationNamed(ctx, p, c["organisation"]); err != nil {
		return err
	}
	return add(ctx, p, d, dry, res, s.d.Identity.CheckNewGroup, s.d.Identity.CreateGroup, ofGroup)
}

func (s *Service) organisation(ctx context.Context, p *core.Principal, c map[string]string, dry bool, res *Result) error {
	id, exact, err := find(ctx, p, s.d.Identity.Organisations, ofOrganisation, c["name"])
	if err != nil {
		return err
	}
	if exact {
		return res.known(id)
	}
	d := identity.OrganisationData{Name: c["name"], Country: strings.ToUpper(c["country"]), State: c["state"], Locality: c["locality"], Email: c["email"]}
	return add(ctx, p, d, dry, res, s.d.Identity.CheckNewOrganisation, s.d.Identity.CreateOrganisation, ofOrganisation)
}

func (s *Service) domain(ctx context.Context, p *core.Principal, c map[string]string, dry bool, res *Result) error {
	n := domain.New{Name: c["name"], Method: strings.ToLower(c["method"])}
	var err error
	if n.Owner.Organisation, err = s.organisationNamed(ctx, p, c["organisation"]); err != nil {
		return err
	}
	if n.Owner.Organisation == "" && c["group"] != "" {
		if n.Owner.Group, err = s.groupNamed(ctx, p, c["group"], "group"); err != nil {
			return err
		}
	}
	return add(ctx, p, n, dry, res, s.d.Domains.CheckNew, s.d.Domains.Register, ofDomain)
}
