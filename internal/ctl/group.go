package ctl

import (
	"context"
	"iter"

	"github.com/certwright/certwright/internal/api/client"
	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// groupCmd are the commands about groups.
type groupCmd struct {
	List         groupListCmd         `cmd:"" help:"List groups."`
	Show         groupShowCmd         `cmd:"" help:"Show one."`
	Create       groupCreateCmd       `cmd:"" help:"Add one."`
	Update       groupUpdateCmd       `cmd:"" help:"Change one."`
	Delete       groupDeleteCmd       `cmd:"" help:"Remove one that nothing belongs to."`
	Members      groupMembersCmd      `cmd:"" help:"List who is in one."`
	AddMember    groupAddMemberCmd    `cmd:"" help:"Put a user into one."`
	RemoveMember groupRemoveMemberCmd `cmd:"" help:"Take a user out of one."`
}

// groupRef names a group on the command line.
type groupRef struct {
	Group string `arg:"" placeholder:"GROUP" help:"Name or id."`
}

// meantGroup reads the group that a reference names.
func (s *session) meantGroup(ctx context.Context, ref string) (*resource.Group, error) {
	id, err := s.group(ctx, ref)
	if err != nil {
		return nil, err
	}
	return s.api.Group(ctx, id)
}

type groupListCmd struct{ listFlags }

func (c *groupListCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		v := view[resource.Group]{columns: []string{"number", "name", "email", "organisation", "created_at"}}
		return runList(ctx, s, c.listFlags, "groups", v, s.api.Groups)
	})
}

type groupShowCmd struct{ groupRef }

func (c *groupShowCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		g, err := s.meantGroup(ctx, c.Group)
		if err != nil {
			return err
		}
		return s.out.show(g)
	})
}

type groupCreateCmd struct {
	Name         string `arg:"" placeholder:"NAME" help:"Unique name."`
	Organisation string `placeholder:"NAME" help:"Organisation that it belongs to."`
	Email        string `placeholder:"ADDRESS" help:"Where notices about its certificates go."`
}

func (c *groupCreateCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		org, err := s.organisation(ctx, c.Organisation)
		if err != nil {
			return err
		}
		g, err := s.api.CreateGroup(ctx, resource.GroupFields{Name: c.Name, Organisation: org, Email: c.Email})
		if err != nil {
			return err
		}
		return s.done(g, "Group %d, %s, is made.", g.Number, clean(g.Name))
	})
}

type groupUpdateCmd struct {
	groupRef
	Name         *string `placeholder:"NAME" help:"Unique name."`
	Organisation *string `placeholder:"NAME" help:"Organisation that it belongs to; an empty text for none."`
	Email        *string `placeholder:"ADDRESS" help:"Where notices about its certificates go; an empty text for nowhere."`
}

func (c *groupUpdateCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		g, err := s.meantGroup(ctx, c.Group)
		if err != nil {
			return err
		}
		f := resource.GroupFields{Name: or(c.Name, g.Name), Organisation: g.Organisation, Email: or(c.Email, g.Email)}
		if c.Organisation != nil {
			if f.Organisation, err = s.organisation(ctx, *c.Organisation); err != nil {
				return err
			}
		}
		if g, err = s.api.UpdateGroup(ctx, g.ID, f); err != nil {
			return err
		}
		return s.out.show(g)
	})
}

// or is the value given, or else the old one.
func or(given *string, old string) string {
	if given != nil {
		return *given
	}
	return old
}

type groupDeleteCmd struct{ groupRef }

func (c *groupDeleteCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		g, err := s.meantGroup(ctx, c.Group)
		if err != nil {
			return err
		}
		if err := s.confirm(ctx, "Delete group %s?", g.Name); err != nil {
			return err
		}
		if err := s.api.DeleteGroup(ctx, g.ID); err != nil {
			return err
		}
		return s.done(g, "Group %s is deleted.", clean(g.Name))
	})
}

type groupMembersCmd struct {
	groupRef
	listFlags
}

func (c *groupMembersCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		id, err := s.group(ctx, c.Group)
		if err != nil {
			return err
		}
		return runList(ctx, s, c.listFlags, "users", userView(), membersOf(s, id))
	})
}

// membersOf walks the members of a group.
func membersOf(s *session, id core.GroupID) walker[resource.User] {
	return func(ctx context.Context, q client.Query) iter.Seq2[resource.User, error] {
		return s.api.Members(ctx, id, q)
	}
}

// membership names a group and a user.
type membership struct {
	groupRef
	User string `arg:"" placeholder:"USER" help:"Login or id."`
}

// change puts the user into the group or takes him out.
func (c *membership) change(ctx context.Context, s *session, do func(context.Context, core.GroupID, core.UserID) error, verb string) error {
	g, err := s.meantGroup(ctx, c.Group)
	if err != nil {
		return err
	}
	u, err := s.user(ctx, c.User)
	if err != nil {
		return err
	}
	if err := do(ctx, g.ID, u); err != nil {
		return err
	}
	return s.done(g, "User %s is %s group %s.", c.User, verb, clean(g.Name))
}

type groupAddMemberCmd struct{ membership }

func (c *groupAddMemberCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error { return c.change(ctx, s, s.api.AddMember, "in") })
}

type groupRemoveMemberCmd struct{ membership }

func (c *groupRemoveMemberCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error { return c.change(ctx, s, s.api.RemoveMember, "not in") })
}

// organisationCmd are the commands about organisations.
type organisationCmd struct {
	List   organisationListCmd   `cmd:"" help:"List organisations."`
	Show   organisationShowCmd   `cmd:"" help:"Show one."`
	Create organisationCreateCmd `cmd:"" help:"Add one."`
	Update organisationUpdateCmd `cmd:"" help:"Change one."`
	Delete organisationDeleteCmd `cmd:"" help:"Remove one that nothing refers to."`
	organisationEvidence
}

// organisationRef names an organisation on the command line.
type organisationRef struct {
	Organisation string `arg:"" placeholder:"ORGANISATION" help:"Name, number or id."`
}

// meantOrganisation reads the organisation that a reference names.
func (s *session) meantOrganisation(ctx context.Context, ref string) (*resource.Organisation, error) {
	id, err := s.organisation(ctx, ref)
	if err != nil {
		return nil, err
	}
	return s.api.Organisation(ctx, id)
}

type organisationListCmd struct{ listFlags }

func (c *organisationListCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		v := view[resource.Organisation]{columns: []string{"number", "name", "country", "state", "locality", "email"}}
		return runList(ctx, s, c.listFlags, "organisations", v, s.api.Organisations)
	})
}

type organisationShowCmd struct{ organisationRef }

func (c *organisationShowCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		o, err := s.meantOrganisation(ctx, c.Organisation)
		if err != nil {
			return err
		}
		return s.out.show(o)
	})
}

// place is where an organisation is and how it is reached.
type place struct {
	Country  *string `placeholder:"CC" help:"Country, two letters."`
	State    *string `placeholder:"TEXT" help:"State or province."`
	Locality *string `placeholder:"TEXT" help:"Town."`
	Email    *string `placeholder:"ADDRESS" help:"Mail address."`
}

// fields are the fields after the change.
func (p *place) fields(name string, old resource.Organisation) resource.OrganisationFields {
	return resource.OrganisationFields{Name: name, Country: or(p.Country, old.Country), State: or(p.State, old.State),
		Locality: or(p.Locality, old.Locality), Email: or(p.Email, old.Email)}
}

type organisationCreateCmd struct {
	Name string `arg:"" placeholder:"NAME" help:"Unique name, as in certificates."`
	place
}

func (c *organisationCreateCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		o, err := s.api.CreateOrganisation(ctx, c.fields(c.Name, resource.Organisation{}))
		if err != nil {
			return err
		}
		return s.done(o, "Organisation %d, %s, is made.", o.Number, clean(o.Name))
	})
}

type organisationUpdateCmd struct {
	organisationRef
	Name *string `placeholder:"NAME" help:"Unique name, as in certificates."`
	place
}

func (c *organisationUpdateCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		o, err := s.meantOrganisation(ctx, c.Organisation)
		if err != nil {
			return err
		}
		if o, err = s.api.UpdateOrganisation(ctx, o.ID, c.fields(or(c.Name, o.Name), *o)); err != nil {
			return err
		}
		return s.out.show(o)
	})
}

type organisationDeleteCmd struct{ organisationRef }

func (c *organisationDeleteCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		o, err := s.meantOrganisation(ctx, c.Organisation)
		if err != nil {
			return err
		}
		if err := s.confirm(ctx, "Delete organisation %s?", o.Name); err != nil {
			return err
		}
		if err := s.api.DeleteOrganisation(ctx, o.ID); err != nil {
			return err
		}
		return s.done(o, "Organisation %s is deleted.", clean(o.Name))
	})
}
