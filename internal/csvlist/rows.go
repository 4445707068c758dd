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

// groupNamed finds a group by name or id.
func (s *Service) groupNamed(ctx context.Context, p *core.Principal, word, field string) (core.GroupID, error) {
	if core.ValidID(word) {
		return core.GroupID(word), nil
	}
	got, err := s.d.Identity.Groups(ctx, p, is("name", word))
	if err != nil {
		return "", err
	}
	for i := range got.Items {
		if got.Items[i].Name == word || len(got.Items) == 1 {
			return got.Items[i].ID, nil
		}
	}
	return "", core.Errorf(core.KindInvalid, "there is no group %q", shorten(word)).At(field)
}

// organisationNamed finds an organisation by name or id; "" for "".
func (s *Service) organisationNamed(ctx context.Context, p *core.Principal, word string) (core.OrganisationID, error) {
	if word == "" || core.ValidID(word) {
		return core.OrganisationID(word), nil
	}
	got, err := s.d.Identity.Organisations(ctx, p, is("name", word))
	if err != nil {
		return "", err
	}
	for i := range got.Items {
		if got.Items[i].Name == word || len(got.Items) == 1 {
			return got.Items[i].ID, nil
		}
	}
	return "", core.Errorf(core.KindInvalid, "there is no organisation %q", shorten(word)).At("organisation")
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

func (s *Service) user(ctx context.Context, p *core.Principal, c map[string]string, dry bool, res *Result) error {
	n := identity.NewUser{Login: strings.ToLower(c["login"]), Name: c["name"], Email: c["email"]}
	got, err := s.d.Identity.Users(ctx, p, is("login", n.Login))
	if err != nil {
		return err
	}
	if len(got.Items) > 0 {
		res.Status, res.ID = Known, string(got.Items[0].ID)
		return nil
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
	if dry {
		res.Status = Fresh
		return s.d.Identity.CheckNewUser(ctx, p, n)
	}
	u, password, err := s.d.Identity.CreateUser(ctx, p, n)
	if err != nil {
		return res.exists(err)
	}
	res.Status, res.ID, res.Password = Created, string(u.ID), password
	return nil
}

// exists makes a known thing of one that somebody else created meanwhile.
func (r *Result) exists(err error) error {
	if !core.Is(err, core.KindExists) {
		return err
	}
	r.Status = Known
	return nil
}

func (s *Service) group(ctx context.Context, p *core.Principal, c map[string]string, dry bool, res *Result) error {
	got, err := s.d.Identity.Groups(ctx, p, is("name", c["name"]))
	if err != nil {
		return err
	}
	for i := range got.Items {
		if got.Items[i].Name == c["name"] {
			res.Status, res.ID = Known, string(got.Items[i].ID)
			return nil
		}
	}
	d := identity.GroupData{Name: c["name"], Email: c["email"]}
	if d.Organisation, err = s.organisationNamed(ctx, p, c["organisation"]); err != nil {
		return err
	}
	if dry {
		res.Status = Fresh
		return s.d.Identity.CheckNewGroup(ctx, p, d)
	}
	g, err := s.d.Identity.CreateGroup(ctx, p, d)
	if err != nil {
		return res.exists(err)
	}
	res.Status, res.ID = Created, string(g.ID)
	return nil
}

func (s *Service) organisation(ctx context.Context, p *core.Principal, c map[string]string, dry bool, res *Result) error {
	got, err := s.d.Identity.Organisations(ctx, p, is("name", c["name"]))
	if err != nil {
		return err
	}
	for i := range got.Items {
		if got.Items[i].Name == c["name"] {
			res.Status, res.ID = Known, string(got.Items[i].ID)
			return nil
		}
	}
	d := identity.OrganisationData{Name: c["name"], Country: strings.ToUpper(c["country"]), State: c["state"], Locality: c["locality"], Email: c["email"]}
	if dry {
		res.Status = Fresh
		return s.d.Identity.CheckNewOrganisation(ctx, p, d)
	}
	o, err := s.d.Identity.CreateOrganisation(ctx, p, d)
	if err != nil {
		return res.exists(err)
	}
	res.Status, res.ID = Created, string(o.ID)
	return nil
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
	if dry {
		res.Status = Fresh
		return res.exists(s.d.Domains.CheckNew(ctx, p, n))
	}
	d, err := s.d.Domains.Register(ctx, p, n)
	if err != nil {
		if e := core.AsError(err); e.Kind == core.KindExists && core.ValidID(e.Field) {
			res.ID = e.Field
		}
		return res.exists(err)
	}
	res.Status, res.ID = Created, string(d.ID)
	return nil
}
