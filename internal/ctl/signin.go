package ctl

import (
	"context"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// passkeyCmd are the commands about passkeys.
type passkeyCmd struct {
	List   passkeyListCmd   `cmd:"" help:"List passkeys: yours, or everybody's for administrators."`
	Rename passkeyRenameCmd `cmd:"" help:"Rename one."`
	Remove passkeyRemoveCmd `cmd:"" help:"Remove one of somebody else's. Your own you remove in the portal."`
}

type passkeyListCmd struct{ listFlags }

// Run implements kong's command.
func (c *passkeyListCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		v := view[resource.Passkey]{columns: []string{"id", "user", "name", "host", "last_used", "created_at"}, clocks: true}
		return runList(ctx, s, c.listFlags, "passkeys", v, s.api.Passkeys)
	})
}

type passkeyRenameCmd struct {
	ID   string `arg:"" placeholder:"PASSKEY" help:"Id."`
	Name string `arg:"" help:"New name."`
}

// Run implements kong's command.
func (c *passkeyRenameCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		k, err := s.api.RenamePasskey(ctx, core.PasskeyID(c.ID), c.Name)
		if err != nil {
			return err
		}
		return s.done(k, "The passkey is called %s.", k.Name)
	})
}

type passkeyRemoveCmd struct {
	ID string `arg:"" placeholder:"PASSKEY" help:"Id."`
}

// Run implements kong's command.
func (c *passkeyRemoveCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		if err := s.confirm(ctx, "Remove passkey %s? It signs nobody in any more.", c.ID); err != nil {
			return err
		}
		if err := s.api.RemovePasskey(ctx, core.PasskeyID(c.ID)); err != nil {
			return err
		}
		return s.done(map[string]string{"id": c.ID}, "The passkey is removed.")
	})
}

// signInPolicyCmd are the commands about who needs a second factor.
type signInPolicyCmd struct {
	Show signInPolicyShowCmd `cmd:"" help:"Show which roles need a second factor."`
	Set  signInPolicySetCmd  `cmd:"" help:"Set which roles need a second factor."`
}

type signInPolicyShowCmd struct{}

// Run implements kong's command.
func (c *signInPolicyShowCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		p, err := s.api.SignInPolicy(ctx)
		if err != nil {
			return err
		}
		return s.done(p, "%s", neededBy(p))
	})
}

func neededBy(p *resource.SignInPolicy) string {
	if len(p.Roles) == 0 {
		return "No role needs a second factor."
	}
	return "A second factor is needed by: " + joined(p.Roles) + "."
}

type signInPolicySetCmd struct {
	Role []string `placeholder:"ROLE" help:"A role that needs a second factor; give it once for each. None: no role does."`
}

// Run implements kong's command.
func (c *signInPolicySetCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		p, err := s.api.SignInPolicy(ctx)
		if err != nil {
			return err
		}
		ch := resource.SignInPolicyChange{Roles: []core.Role{}, Version: p.Version}
		for _, r := range c.Role {
			ch.Roles = append(ch.Roles, core.Role(r))
		}
		if len(ch.Roles) > 0 {
			if err := s.confirm(ctx, "Whoever has one of these roles and no second factor can only set one up, at once: %s?", joined(ch.Roles)); err != nil {
				return err
			}
		}
		if p, err = s.api.SetSignInPolicy(ctx, ch); err != nil {
			return err
		}
		return s.done(p, "%s", neededBy(p))
	})
}
