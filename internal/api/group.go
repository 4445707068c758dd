package api

import (
	"context"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// member names a group and a user.
type member struct {
	ID   core.GroupID `path:"id" maxLength:"64"`
	User core.UserID  `path:"user" maxLength:"64"`
}

func (a *API) groupRoutes() {
	addList(a, get("groups", "list-groups", "/groups", "List groups", identity.GroupView),
		"groups", a.d.Identity.GroupColumns, a.d.Identity.Groups, groupResource)
	register(a, post("groups", "create-group", "/groups", "Add a group", identity.GroupManage).created(),
		func(ctx context.Context, p *core.Principal, in *in[resource.GroupFields]) (*out[resource.Group], error) {
			g, err := a.d.Identity.CreateGroup(ctx, p, groupData(in.Body))
			return shaped(g, err, groupResource)
		})
	register(a, get("groups", "get-group", "/groups/{id}", "Read a group", identity.GroupView),
		func(ctx context.Context, p *core.Principal, in *ByID[core.GroupID]) (*out[resource.Group], error) {
			g, err := a.d.Identity.Group(ctx, p, in.ID)
			return shaped(g, err, groupResource)
		})
	register(a, put("groups", "update-group", "/groups/{id}", "Change a group", identity.GroupManage),
		func(ctx context.Context, p *core.Principal, in *struct {
			ByID[core.GroupID]
			Body resource.GroupFields
		}) (*out[resource.Group], error) {
			g, err := a.d.Identity.UpdateGroup(ctx, p, in.ID, groupData(in.Body))
			return shaped(g, err, groupResource)
		})
	register(a, remove("groups", "delete-group", "/groups/{id}", "Delete a group that nothing belongs to", identity.GroupManage),
		func(ctx context.Context, p *core.Principal, in *ByID[core.GroupID]) (*none, error) {
			return nil, a.d.Identity.DeleteGroup(ctx, p, in.ID)
		})
	a.memberRoutes()
}

func (a *API) memberRoutes() {
	register(a, get("groups", "list-members", "/groups/{id}/members", "List the users of a group", identity.UserView).
		says("Columns as in the list users."), a.members)
	register(a, put("groups", "add-member", "/groups/{id}/members/{user}", "Put a user into a group", identity.GroupManage),
		func(ctx context.Context, p *core.Principal, in *member) (*none, error) {
			return nil, a.d.Identity.AddMember(ctx, p, in.ID, in.User)
		})
	register(a, remove("groups", "remove-member", "/groups/{id}/members/{user}", "Take a user out of a group", identity.GroupManage),
		func(ctx context.Context, p *core.Principal, in *member) (*none, error) {
			return nil, a.d.Identity.RemoveMember(ctx, p, in.ID, in.User)
		})
}

func (a *API) members(ctx context.Context, p *core.Principal, in *struct {
	ByID[core.GroupID]
	ListParams
}) (*page[resource.User], error) {
	read := func(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.User], error) {
		return a.d.Identity.Members(ctx, p, in.ID, q)
	}
	return list(a, "users", a.d.Identity.UserColumns, read, a.userResource)(ctx, p, &in.ListParams)
}

func groupData(g resource.GroupFields) identity.GroupData {
	return identity.GroupData{Name: g.Name, Email: g.Email, Organisation: g.Organisation}
}

func groupResource(g *core.Group) resource.Group {
	return resource.Group{ID: g.ID, Number: g.Number, Organisation: g.Organisation, Name: g.Name, Email: g.Email, CreatedAt: g.CreatedAt, UpdatedAt: g.UpdatedAt}
}
