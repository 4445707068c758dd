package identity

import (
	"context"
	"slices"

	"github.com/certwright/certwright/internal/core"
)

// SignInPolicy says which roles need a second factor.
func (s *Service) SignInPolicy(ctx context.Context, p *core.Principal) (*core.SignInPolicy, error) {
	if err := Can(p, SettingsView, ""); err != nil {
		return nil, err
	}
	return s.storage.SignInPolicy(ctx, nil, p.Account)
}

// SetSignInPolicy has people with one of the roles, in any scope, need a second
// factor: whoever has none gets sessions that can only set one up, at once and
// in open sessions too. from is the version that the caller has seen; 0: none
// was set. Who sets it for a role of his own must have a second factor. Errors:
// invalid at roles, conflict.
func (s *Service) SetSignInPolicy(ctx context.Context, p *core.Principal, roles []core.Role, from int) (*core.SignInPolicy, error) {
	if err := Can(p, SettingsManage, ""); err != nil {
		return nil, err
	}
	roles = slices.Clone(roles)
	slices.Sort(roles)
	roles = slices.Compact(roles)
	for _, r := range roles {
		if !slices.Contains(core.Roles, r) {
			return nil, core.Errorf(core.KindInvalid, "there is no role %q", r).At("roles")
		}
	}
	out := &core.SignInPolicy{Account: p.Account, Roles: roles, Version: from + 1, UpdatedAt: s.now()}
	err := s.change(ctx, p, "signin-policy.set", object("account", p.Account), func(ctx context.Context, tx core.Tx, e *core.Event) error {
		e.Detail["roles"] = roles
		if p.User != "" {
			u, err := s.storage.User(ctx, tx, p.Account, p.User)
			if err != nil {
				return err
			}
			if !u.SecondFactor && slices.ContainsFunc(u.Grants, func(g core.Grant) bool { return slices.Contains(roles, g.Role) }) {
				return core.Errorf(core.KindInvalid, "set up a second factor of your own first: you have one of these roles").At("roles")
			}
		}
		ok, err := s.storage.PutSignInPolicy(ctx, tx, out, from)
		if err == nil && !ok {
			err = core.Errorf(core.KindConflict, "the policy was changed meanwhile: read it again")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
