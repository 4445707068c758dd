package client

import (
	"context"
	"io"
	"iter"
	"net/http"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// SignIn starts a session that the client keeps as a cookie. Personal tokens
// can be made only in one.
func (c *Client) SignIn(ctx context.Context, login, password string) (*resource.Me, error) {
	return c.SignInWith(ctx, resource.SignIn{Login: login, Password: password})
}

// SignInWith is SignIn for somebody with a second factor, or in another account
// than the first.
func (c *Client) SignInWith(ctx context.Context, in resource.SignIn) (*resource.Me, error) {
	return post[resource.Me](ctx, c, "/session", in)
}

// Me tells who asks and what he may do.
func (c *Client) Me(ctx context.Context) (*resource.Me, error) {
	return get[resource.Me](ctx, c, "/session", nil)
}

// SignOut ends the session.
func (c *Client) SignOut(ctx context.Context) error {
	return c.remove(ctx, "/session")
}

// ChangePassword sets one's own password, in a session.
func (c *Client) ChangePassword(ctx context.Context, old, fresh string) error {
	return c.do(ctx, call{method: http.MethodPost, path: "/session/password", body: resource.PasswordChange{Old: old, New: fresh}}, nil)
}

// Sessions walks sessions: one's own, or everybody's for administrators.
func (c *Client) Sessions(ctx context.Context, q Query) iter.Seq2[resource.Session, error] {
	return All[resource.Session](ctx, c, "sessions", q)
}

// EndSession signs a session off.
func (c *Client) EndSession(ctx context.Context, id core.SessionID) error {
	return c.remove(ctx, at("sessions", id))
}

// Passkeys walks passkeys: one's own, or everybody's for administrators.
func (c *Client) Passkeys(ctx context.Context, q Query) iter.Seq2[resource.Passkey, error] {
	return All[resource.Passkey](ctx, c, "passkeys", q)
}

// RenamePasskey gives a passkey another name.
func (c *Client) RenamePasskey(ctx context.Context, id core.PasskeyID, name string) (*resource.Passkey, error) {
	return patch[resource.Passkey](ctx, c, at("passkeys", id), resource.PasskeyChange{Name: name})
}

// RemovePasskey removes a passkey.
func (c *Client) RemovePasskey(ctx context.Context, id core.PasskeyID) error {
	return c.remove(ctx, at("passkeys", id))
}

// SignInPolicy reads which roles need a second factor.
func (c *Client) SignInPolicy(ctx context.Context) (*resource.SignInPolicy, error) {
	return get[resource.SignInPolicy](ctx, c, "/signin-policy", nil)
}

// SetSignInPolicy sets which roles need a second factor.
func (c *Client) SetSignInPolicy(ctx context.Context, p resource.SignInPolicyChange) (*resource.SignInPolicy, error) {
	return put[resource.SignInPolicy](ctx, c, "/signin-policy", p)
}

// Tokens walks personal tokens: one's own, or everybody's for administrators.
func (c *Client) Tokens(ctx context.Context, q Query) iter.Seq2[resource.Token, error] {
	return All[resource.Token](ctx, c, "tokens", q)
}

// CreateToken makes a personal token, in a session.
func (c *Client) CreateToken(ctx context.Context, t resource.NewToken) (*resource.IssuedToken, error) {
	return post[resource.IssuedToken](ctx, c, "/tokens", t)
}

// RevokeToken ends a personal token.
func (c *Client) RevokeToken(ctx context.Context, id core.TokenID) error {
	return c.remove(ctx, at("tokens", id))
}

// Account reads the account.
func (c *Client) Account(ctx context.Context) (*resource.Account, error) {
	return get[resource.Account](ctx, c, "/account", nil)
}

// UpdateAccount changes the account.
func (c *Client) UpdateAccount(ctx context.Context, a resource.AccountUpdate) (*resource.Account, error) {
	return patch[resource.Account](ctx, c, "/account", a)
}

// Organisations walks organisations.
func (c *Client) Organisations(ctx context.Context, q Query) iter.Seq2[resource.Organisation, error] {
	return All[resource.Organisation](ctx, c, "organisations", q)
}

// Organisation reads one.
func (c *Client) Organisation(ctx context.Context, id core.OrganisationID) (*resource.Organisation, error) {
	return get[resource.Organisation](ctx, c, at("organisations", id), nil)
}

// CreateOrganisation adds one.
func (c *Client) CreateOrganisation(ctx context.Context, o resource.OrganisationFields) (*resource.Organisation, error) {
	return post[resource.Organisation](ctx, c, "/organisations", o)
}

// UpdateOrganisation replaces what is said of one.
func (c *Client) UpdateOrganisation(ctx context.Context, id core.OrganisationID, o resource.OrganisationFields) (*resource.Organisation, error) {
	return put[resource.Organisation](ctx, c, at("organisations", id), o)
}

// DeleteOrganisation removes one that nothing refers to.
func (c *Client) DeleteOrganisation(ctx context.Context, id core.OrganisationID) error {
	return c.remove(ctx, at("organisations", id))
}

// Groups walks groups.
func (c *Client) Groups(ctx context.Context, q Query) iter.Seq2[resource.Group, error] {
	return All[resource.Group](ctx, c, "groups", q)
}

// Group reads one.
func (c *Client) Group(ctx context.Context, id core.GroupID) (*resource.Group, error) {
	return get[resource.Group](ctx, c, at("groups", id), nil)
}

// CreateGroup adds one.
func (c *Client) CreateGroup(ctx context.Context, g resource.GroupFields) (*resource.Group, error) {
	return post[resource.Group](ctx, c, "/groups", g)
}

// UpdateGroup replaces what is said of one.
func (c *Client) UpdateGroup(ctx context.Context, id core.GroupID, g resource.GroupFields) (*resource.Group, error) {
	return put[resource.Group](ctx, c, at("groups", id), g)
}

// DeleteGroup removes one that nothing belongs to.
func (c *Client) DeleteGroup(ctx context.Context, id core.GroupID) error {
	return c.remove(ctx, at("groups", id))
}

// Members walks the users of a group.
func (c *Client) Members(ctx context.Context, id core.GroupID, q Query) iter.Seq2[resource.User, error] {
	return All[resource.User](ctx, c, at("groups", id, "members")[1:], q)
}

// AddMember puts a user into a group.
func (c *Client) AddMember(ctx context.Context, id core.GroupID, user core.UserID) error {
	return c.do(ctx, call{method: http.MethodPut, path: at("groups", id, "members", string(user))}, nil)
}

// RemoveMember takes a user out of a group.
func (c *Client) RemoveMember(ctx context.Context, id core.GroupID, user core.UserID) error {
	return c.remove(ctx, at("groups", id, "members", string(user)))
}

// Users walks users.
func (c *Client) Users(ctx context.Context, q Query) iter.Seq2[resource.User, error] {
	return All[resource.User](ctx, c, "users", q)
}

// User reads one.
func (c *Client) User(ctx context.Context, id core.UserID) (*resource.User, error) {
	return get[resource.User](ctx, c, at("users", id), nil)
}

// CreateUser adds one with a one-time password.
func (c *Client) CreateUser(ctx context.Context, u resource.NewUser) (*resource.IssuedPassword, error) {
	return post[resource.IssuedPassword](ctx, c, "/users", u)
}

// ChangeUser changes one.
func (c *Client) ChangeUser(ctx context.Context, id core.UserID, u resource.UserChange) (*resource.User, error) {
	return patch[resource.User](ctx, c, at("users", id), u)
}

// SetUserState enables or disables a user.
func (c *Client) SetUserState(ctx context.Context, id core.UserID, enable bool) (*resource.User, error) {
	return post[resource.User](ctx, c, at("users", id, switchWord(enable)), nil)
}

// ResetPassword gives a user a one-time password.
func (c *Client) ResetPassword(ctx context.Context, id core.UserID) (*resource.IssuedPassword, error) {
	return post[resource.IssuedPassword](ctx, c, at("users", id, "password"), nil)
}

// ResetSecondFactor removes everything that a user is asked for beside his
// password.
func (c *Client) ResetSecondFactor(ctx context.Context, id core.UserID) (*resource.User, error) {
	return post[resource.User](ctx, c, at("users", id, "second-factor", "reset"), nil)
}

// SignOutUser ends all sessions of a user.
func (c *Client) SignOutUser(ctx context.Context, id core.UserID) (*resource.Count, error) {
	return post[resource.Count](ctx, c, at("users", id, "sign-out"), nil)
}

// DeleteUser removes a user that nothing refers to.
func (c *Client) DeleteUser(ctx context.Context, id core.UserID) error {
	return c.remove(ctx, at("users", id))
}

// Roles reads the access table.
func (c *Client) Roles(ctx context.Context) (*resource.Roles, error) {
	return get[resource.Roles](ctx, c, "/roles", nil)
}

// CredentialTypes reads which kinds of API credentials the server offers.
func (c *Client) CredentialTypes(ctx context.Context) (*resource.CredentialTypes, error) {
	return get[resource.CredentialTypes](ctx, c, "/credential-types", nil)
}

// Credentials walks API credentials.
func (c *Client) Credentials(ctx context.Context, q Query) iter.Seq2[resource.Credential, error] {
	return All[resource.Credential](ctx, c, "credentials", q)
}

// Credential reads one with how to use it.
func (c *Client) Credential(ctx context.Context, id core.CredentialID) (*resource.CredentialDetail, error) {
	return get[resource.CredentialDetail](ctx, c, at("credentials", id), nil)
}

// CreateCredential makes an API credential.
func (c *Client) CreateCredential(ctx context.Context, n resource.NewCredential) (*resource.IssuedCredential, error) {
	return post[resource.IssuedCredential](ctx, c, "/credentials", n)
}

// ChangeCredential changes one; kind conflict when its version has moved.
func (c *Client) ChangeCredential(ctx context.Context, id core.CredentialID, ch resource.CredentialChange) (*resource.CredentialDetail, error) {
	return patch[resource.CredentialDetail](ctx, c, at("credentials", id), ch)
}

// RevokeCredential ends one for ever.
func (c *Client) RevokeCredential(ctx context.Context, id core.CredentialID, reason string) (*resource.CredentialDetail, error) {
	return post[resource.CredentialDetail](ctx, c, at("credentials", id, "revoke"), resource.Reasoned{Reason: reason})
}

// RegenerateCredential gives one a new secret; the old one is dead at once.
func (c *Client) RegenerateCredential(ctx context.Context, id core.CredentialID) (*resource.IssuedCredential, error) {
	return post[resource.IssuedCredential](ctx, c, at("credentials", id, "regenerate"), nil)
}

// CredentialUsage walks what the audit log says about a credential.
func (c *Client) CredentialUsage(ctx context.Context, id core.CredentialID, q Query) iter.Seq2[resource.Entry, error] {
	return All[resource.Entry](ctx, c, at("credentials", id, "usage")[1:], q)
}

// ExportCredentials writes the listing as csv or json.
func (c *Client) ExportCredentials(ctx context.Context, format string, q Query, w io.Writer) error {
	v := q.values("")
	v.Del("limit")
	v.Set("format", format)
	return c.stream(ctx, call{method: http.MethodGet, path: "/credentials/export", query: v}, w)
}
