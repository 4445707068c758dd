package api

import (
	"context"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

func (a *API) userRoutes() {
	addList(a, get("users", "list-users", "/users", "List users", identity.UserView),
		"users", a.d.Identity.UserColumns, a.d.Identity.Users, a.userResource)
	register(a, post("users", "create-user", "/users", "Add a user", identity.UserManage).created().
		says("The user gets a one-time password, shown this once, unless he shall not sign in."), a.createUser)
	register(a, get("users", "get-user", "/users/{id}", "Read a user", identity.UserView),
		func(ctx context.Context, p *core.Principal, in *ByID[core.UserID]) (*out[resource.User], error) {
			u, err := a.d.Identity.User(ctx, p, in.ID)
			return shaped(u, err, a.userResource)
		})
	register(a, patch("users", "update-user", "/users/{id}", "Change a user, his roles and groups", identity.UserManage),
		func(ctx context.Context, p *core.Principal, in *struct {
			ByID[core.UserID]
			Body resource.UserChange
		}) (*out[resource.User], error) {
			u, err := a.d.Identity.UpdateUser(ctx, p, in.ID, identity.UserChange{Name: in.Body.Name, Email: in.Body.Email, Grants: in.Body.Grants, Groups: in.Body.Groups})
			return shaped(u, err, a.userResource)
		})
	register(a, remove("users", "delete-user", "/users/{id}", "Delete a disabled user to whom nothing refers", identity.UserManage),
		func(ctx context.Context, p *core.Principal, in *ByID[core.UserID]) (*none, error) {
			return nil, a.d.Identity.DeleteUser(ctx, p, in.ID)
		})
	register(a, post("users", "disable-user", "/users/{id}/disable", "Disable a user: his sessions end, his tokens and credentials are refused", identity.UserManage),
		a.userState(core.UserDisabled))
	register(a, post("users", "enable-user", "/users/{id}/enable", "Enable a user", identity.UserManage), a.userState(core.UserActive))
	register(a, post("users", "reset-password", "/users/{id}/password", "Give a user a one-time password", identity.UserManage).
		says("All his sessions end and a lock is lifted. The password is shown this once."), a.resetPassword)
	register(a, post("users", "reset-second-factor", "/users/{id}/second-factor/reset", "Remove a user's second factor", identity.UserManage).
		says("After its loss: he is asked for nothing beside his password until he sets one up again. All his sessions end."),
		func(ctx context.Context, p *core.Principal, in *ByID[core.UserID]) (*out[resource.User], error) {
			if err := a.d.Identity.ResetSecondFactor(ctx, p, in.ID); err != nil {
				return nil, err
			}
			u, err := a.d.Identity.User(ctx, p, in.ID)
			return shaped(u, err, a.userResource)
		})
	register(a, post("users", "sign-out-user", "/users/{id}/sign-out", "End all sessions of a user", identity.SessionOwn).
		says("One's own (but the present one), or anybody's for administrators."),
		func(ctx context.Context, p *core.Principal, in *ByID[core.UserID]) (*out[resource.Count], error) {
			n, err := a.d.Identity.EndSessions(ctx, p, in.ID)
			return &out[resource.Count]{resource.Count{Count: n}}, err
		})
	register(a, get("users", "list-roles", "/roles", "The access table: role, action, scope", ""), roles)
}

func (a *API) createUser(ctx context.Context, p *core.Principal, in *in[resource.NewUser]) (*out[resource.IssuedPassword], error) {
	b := in.Body
	u, password, err := a.d.Identity.CreateUser(ctx, p, identity.NewUser{
		Login: b.Login, Name: b.Name, Email: b.Email, Grants: b.Grants, Groups: b.Groups, SignIn: !b.NoSignIn,
	})
	if err != nil {
		return nil, err
	}
	return &out[resource.IssuedPassword]{resource.IssuedPassword{User: a.userResource(u), Password: password.Reveal()}}, nil
}

// userState makes the handler that sets a user's state.
func (a *API) userState(state core.UserState) handler[ByID[core.UserID], out[resource.User]] {
	return func(ctx context.Context, p *core.Principal, in *ByID[core.UserID]) (*out[resource.User], error) {
		u, err := a.d.Identity.UpdateUser(ctx, p, in.ID, identity.UserChange{State: &state})
		return shaped(u, err, a.userResource)
	}
}

func (a *API) resetPassword(ctx context.Context, p *core.Principal, in *ByID[core.UserID]) (*out[resource.IssuedPassword], error) {
	password, err := a.d.Identity.ResetPassword(ctx, p, in.ID)
	if err != nil {
		return nil, err
	}
	u, err := a.d.Identity.User(ctx, p, in.ID)
	if err != nil {
		return nil, err
	}
	return &out[resource.IssuedPassword]{resource.IssuedPassword{User: a.userResource(u), Password: password.Reveal()}}, nil
}

func roles(context.Context, *core.Principal, *struct{}) (*out[resource.Roles], error) {
	r := resource.Roles{Items: []resource.Rule{}}
	for _, rule := range identity.Rules() {
		r.Items = append(r.Items, resource.Rule{Action: string(rule.Action), Scope: string(rule.Scope), Roles: rule.Roles})
	}
	return &out[resource.Roles]{r}, nil
}

func (a *API) userResource(u *core.User) resource.User {
	return resource.User{ID: u.ID, Number: u.Number, Login: u.Login, Name: u.Name, Email: u.Email, State: u.State,
		Grants: list0(u.Grants), Groups: list0(u.Groups), ProvidedGroups: u.Provided, MustChange: u.MustChange, LockedUntil: u.LockedUntil, Locked: a.d.Now().Before(u.LockedUntil), LastSignIn: u.LastSignIn, SecondFactor: u.SecondFactor, Factors: list0(u.Factors),
		CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt}
}
