package identity

import (
	"context"

	"github.com/certwright/certwright/internal/core"
)

// GroupData are the editable fields of a group.
type GroupData struct {
	Name         string
	Email        string
	Organisation core.OrganisationID // may be empty
}

func (s *Service) checkGroup(ctx context.Context, account core.AccountID, d GroupData) error {
	if err := checkText("name", d.Name, 1, 200); err != nil {
		return err
	}
	if err := checkEmail("email", d.Email); err != nil {
		return err
	}
	if d.Organisation == "" {
		return nil
	}
	_, err := s.storage.Organisation(ctx, nil, account, d.Organisation)
	return named(err, "organisation")
}

// CreateGroup makes a group. A taken name gives kind exists.
func (s *Service) CreateGroup(ctx context.Context, p *core.Principal, d GroupData) (*core.Group, error) {
	if err := Can(p, GroupManage, ""); err != nil {
		return nil, err
	}
	if err := s.checkGroup(ctx, p.Account, d); err != nil {
		return nil, err
	}
	now := s.now()
	g := &core.Group{
		ID: core.NewID[core.GroupID](now), Account: p.Account, Organisation: d.Organisation, Name: d.Name, Email: d.Email, CreatedAt: now, UpdatedAt: now,
	}
	err := s.change(ctx, p, "group.create", object("group", g.ID), func(ctx context.Context, tx core.Tx, e *core.Event) (err error) {
		e.Detail["name"] = g.Name
		if g.Number, err = s.number(ctx, tx, g.Account, "group"); err != nil {
			return err
		}
		return s.storage.InsertGroup(ctx, tx, g)
	})
	if err != nil {
		return nil, err
	}
	return g, nil
}

// manageable checks that p may manage a group; one that he may not even view
// does not exist for him.
func manageable(p *core.Principal, id core.GroupID) error {
	if err := known(id, "group"); err != nil {
		return err
	}
	if Can(p, GroupView, id) != nil {
		return notFound("group")
	}
	return Can(p, GroupManage, id)
}

// UpdateGroup replaces the editable fields.
func (s *Service) UpdateGroup(ctx context.Context, p *core.Principal, id core.GroupID, d GroupData) (*core.Group, error) {
	if err := manageable(p, id); err != nil {
		return nil, err
	}
	if err := s.checkGroup(ctx, p.Account, d); err != nil {
		return nil, err
	}
	var g *core.Group
	err := s.change(ctx, p, "group.update", object("group", id), func(ctx context.Context, tx core.Tx, e *core.Event) (err error) {
		if g, err = s.storage.Group(ctx, tx, p.Account, id); err != nil {
			return err
		}
		g.Name, g.Email, g.Organisation, g.UpdatedAt = d.Name, d.Email, d.Organisation, s.now()
		e.Detail["name"] = g.Name
		return s.storage.UpdateGroup(ctx, tx, g)
	})
	if err != nil {
		return nil, err
	}
	return g, nil
}

// DeleteGroup removes a group with its memberships and the grants for it. A
// group that owns credentials, orders or certificates gives a conflict.
func (s *Service) DeleteGroup(ctx context.Context, p *core.Principal, id core.GroupID) error {
	if err := manageable(p, id); err != nil {
		return err
	}
	if err := Can(p, GroupManage, ""); err != nil {
		return err
	}
	use, err := s.storage.GroupUse(ctx, p.Account, id)
	if err != nil {
		return err
	}
	if use != "" {
		return core.Errorf(core.KindConflict, "the group owns %s and cannot be deleted", use)
	}
	return s.change(ctx, p, "group.delete", object("group", id), func(ctx context.Context, tx core.Tx, e *core.Event) error {
		g, err := s.storage.Group(ctx, tx, p.Account, id)
		if err != nil {
			return err
		}
		e.Detail["name"] = g.Name
		return s.storage.DeleteGroup(ctx, tx, p.Account, id)
	})
}

// Group returns a group that p may view.
func (s *Service) Group(ctx context.Context, p *core.Principal, id core.GroupID) (*core.Group, error) {
	if err := known(id, "group"); err != nil {
		return nil, err
	}
	if Can(p, GroupView, id) != nil {
		return nil, notFound("group")
	}
	return s.storage.Group(ctx, nil, p.Account, id)
}

// Groups lists the groups that p may view.
func (s *Service) Groups(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.Group], error) {
	q.Account = p.Account
	all, groups := VisibleGroups(p, GroupView)
	return s.storage.Groups(ctx, q, within(all, groups))
}

// GroupColumns describes the list of groups.
func (s *Service) GroupColumns() []core.Column { return s.storage.GroupColumns() }

// Members lists the users of a group that p may view.
func (s *Service) Members(ctx context.Context, p *core.Principal, id core.GroupID, q core.ListQuery) (core.Page[core.User], error) {
	var none core.Page[core.User]
	if _, err := s.Group(ctx, p, id); err != nil {
		return none, err
	}
	if err := Can(p, UserView, id); err != nil {
		return none, err
	}
	q.Account = p.Account
	return s.storage.Users(ctx, q, []core.GroupID{id})
}

// AddMember puts a user into a group; that he is in it already is no error.
func (s *Service) AddMember(ctx context.Context, p *core.Principal, id core.GroupID, user core.UserID) error {
	return s.member(ctx, p, id, user, "group.add-member", s.storage.AddMember)
}

// RemoveMember takes a user out of a group; that he is not in it is no error.
// Credentials that act for him in the group stay.
func (s *Service) RemoveMember(ctx context.Context, p *core.Principal, id core.GroupID, user core.UserID) error {
	return s.member(ctx, p, id, user, "group.remove-member", s.storage.RemoveMember)
}

func (s *Service) member(ctx context.Context, p *core.Principal, id core.GroupID, user core.UserID, action string,
	write func(context.Context, core.Tx, core.AccountID, core.GroupID, core.UserID) (bool, error)) error {
	if err := manageable(p, id); err != nil {
		return err
	}
	if err := known(user, "user"); err != nil {
		return err
	}
	at := s.now()
	return s.storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		if _, err := s.storage.Group(ctx, tx, p.Account, id); err != nil {
			return err
		}
		u, err := s.storage.User(ctx, tx, p.Account, user)
		if err != nil {
			return err
		}
		if from := u.Provided[id]; from != "" && action == "group.remove-member" {
			return core.Errorf(core.KindConflict, "%s is in the group by a rule of a sign-in provider: change it there", u.Login)
		}
		changed, err := write(ctx, tx, p.Account, id, user)
		if err != nil || !changed {
			return err
		}
		e := core.EventOf(p, at, action, object("group", id))
		e.Detail = map[string]any{"user": string(user), "login": u.Login}
		s.audit.Write(tx, e)
		return nil
	})
}
