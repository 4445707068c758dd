package identity

import (
	"context"
	"slices"
	"strings"

	"github.com/certwright/certwright/internal/core"
)

// The checks of the Create methods without creating anything: what passes here
// can be created unless its name is taken.

// CheckNewUser verifies a wish for a user.
func (s *Service) CheckNewUser(ctx context.Context, p *core.Principal, n NewUser) error {
	if err := Can(p, UserManage, ""); err != nil {
		return err
	}
	if err := checkLogin(strings.ToLower(n.Login)); err != nil {
		return err
	}
	u := &core.User{Account: p.Account, Name: n.Name, Email: n.Email, State: core.UserActive, Grants: slices.Clone(n.Grants), Groups: slices.Clone(n.Groups)}
	if err := checkPerson(u); err != nil {
		return err
	}
	return s.checkGroupsOf(ctx, nil, u)
}

// CheckNewGroup verifies a wish for a group.
func (s *Service) CheckNewGroup(ctx context.Context, p *core.Principal, d GroupData) error {
	if err := Can(p, GroupManage, ""); err != nil {
		return err
	}
	return s.checkGroup(ctx, p.Account, d)
}

// CheckNewOrganisation verifies a wish for an organisation.
func (s *Service) CheckNewOrganisation(_ context.Context, p *core.Principal, d OrganisationData) error {
	if err := Can(p, OrganisationManage, ""); err != nil {
		return err
	}
	return d.check()
}
