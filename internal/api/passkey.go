package api

import (
	"context"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

func (a *API) passkeyRoutes() {
	addList(a, get("session", "list-passkeys", "/passkeys", "List passkeys: my own, or everybody's for administrators", identity.FactorOwn).
		says("They are made in a browser only, on the page of sign-in and sessions."),
		"passkeys", a.d.Identity.PasskeyColumns, a.d.Identity.Passkeys, passkeyResource)
	register(a, patch("session", "rename-passkey", "/passkeys/{id}", "Rename a passkey", identity.FactorOwn),
		func(ctx context.Context, p *core.Principal, in *struct {
			ByID[core.PasskeyID]
			Body resource.PasskeyChange
		}) (*out[resource.Passkey], error) {
			k, err := a.d.Identity.RenamePasskey(ctx, p, in.ID, in.Body.Name)
			return shaped(k, err, passkeyResource)
		})
	register(a, remove("session", "remove-passkey", "/passkeys/{id}", "Remove a passkey", identity.FactorOwn).
		says("One's own needs a session in which one has shown within five minutes who one is: a 403 whose field is proof says so. Administrators remove other people's."),
		func(ctx context.Context, p *core.Principal, in *ByID[core.PasskeyID]) (*none, error) {
			return nil, a.d.Identity.RemovePasskey(ctx, p, in.ID)
		})
	register(a, get("settings", "get-signin-policy", "/signin-policy", "Which roles need a second factor", identity.SettingsView),
		func(ctx context.Context, p *core.Principal, _ *struct{}) (*out[resource.SignInPolicy], error) {
			s, err := a.d.Identity.SignInPolicy(ctx, p)
			return shaped(s, err, signInPolicyResource)
		})
	register(a, put("settings", "set-signin-policy", "/signin-policy", "Set which roles need a second factor", identity.SettingsManage).
		says("Whoever has one of the roles and no second factor gets sessions that can only set one up, at once. version is that of the policy read before: 0 when none was set; a 409 says that it was changed meanwhile."),
		func(ctx context.Context, p *core.Principal, in *in[resource.SignInPolicyChange]) (*out[resource.SignInPolicy], error) {
			s, err := a.d.Identity.SetSignInPolicy(ctx, p, in.Body.Roles, in.Body.Version)
			return shaped(s, err, signInPolicyResource)
		})
}

func passkeyResource(k *core.Passkey) resource.Passkey {
	return resource.Passkey{ID: k.ID, User: k.User, Name: k.Name, Host: k.Host, BackupEligible: k.BackupEligible, BackedUp: k.BackedUp,
		ClonedAt: k.ClonedAt, LastUsed: k.LastUsed, CreatedAt: k.CreatedAt}
}

func signInPolicyResource(s *core.SignInPolicy) resource.SignInPolicy {
	return resource.SignInPolicy{Roles: list0(s.Roles), Version: s.Version, UpdatedAt: s.UpdatedAt}
}
