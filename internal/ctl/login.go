package ctl

import (
	"context"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/api/client"
	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// Variables with passwords.
const (
	envPassword    = envPrefix + "PASSWORD"
	envNewPassword = envPrefix + "NEW_PASSWORD"
	envCode        = envPrefix + "CODE"
)

// loginCmd signs in and keeps a token.
type loginCmd struct {
	Login           string `arg:"" optional:"" help:"Login; asked for unless given."`
	Account         int64  `placeholder:"NUMBER" help:"Number of the account; the first one unless given."`
	PasswordFile    string `type:"path" placeholder:"FILE" help:"File with the password; - for standard input. Else CERTWRIGHT_CTL_PASSWORD, else it is asked for."`
	NewPasswordFile string `type:"path" placeholder:"FILE" help:"File with the password to set when the present one is one-time. Else CERTWRIGHT_CTL_NEW_PASSWORD, else it is asked for."`
	CodeFile        string `type:"path" placeholder:"FILE" help:"File with a code of the second factor, if there is one. Else CERTWRIGHT_CTL_CODE, else it is asked for."`
	Fingerprint     string `placeholder:"HEX" help:"SHA-256 fingerprint of the root to trust for the server, instead of a question."`
	Name            string `placeholder:"TEXT" help:"Name of the token; the one of this machine unless given."`
	Expires         string `default:"90d" placeholder:"TIME" help:"When the token ends: 90d, 2w, 12h, a date, or never."`
}

// Run implements kong's command.
func (c *loginCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.local(ctx, c.login)
}

func (c *loginCmd) login(ctx context.Context, s *session) error {
	expires, err := parseExpiry(c.Expires, s.now)
	if err != nil {
		return err
	}
	old, err := s.loadProfile()
	if err != nil && s.cli.URL == "" {
		return err
	} else if err != nil {
		old = &profile{}
	}
	base := s.cli.URL
	if base == "" {
		if base, err = s.ask(ctx, "URL of the server", old.URL); err != nil {
			return err
		}
	}
	if !strings.Contains(base, "://") {
		base = "https://" + base
	}
	base = normalURL(base)
	roots := ""
	if sameServer(base, old.URL) && c.Fingerprint == "" && s.cli.Roots == "" {
		roots = old.Roots // trusted before
	}
	if roots == "" {
		if roots, err = s.trust(ctx, base, c.Fingerprint); err != nil {
			return err
		}
	}
	name := c.Login
	if name == "" {
		if name, err = s.ask(ctx, "Login", old.Login); err != nil {
			return err
		}
	}
	return c.token(ctx, s, &profile{URL: base, Login: name, Expires: expires, Roots: roots}, old)
}

// token signs in, makes the token, and writes the profile.
func (c *loginCmd) token(ctx context.Context, s *session, p, old *profile) error {
	pool, err := s.roots(p.Roots)
	if err != nil {
		return err
	}
	api, err := newClient(p.URL, "", pool)
	if err != nil {
		return err
	}
	me, err := c.signIn(ctx, s, api, p.Login)
	if err != nil {
		return err
	}
	if me.MustSetUp {
		return &failure{text: "Your roles need a second factor. Set one up in the portal first: " + p.URL + "/security", code: codeRefused}
	}
	name := c.Name
	if name == "" {
		name = "ctl on " + hostName()
	}
	made, err := api.CreateToken(ctx, resource.NewToken{Name: name[:min(len(name), 100)], ExpiresAt: p.Expires})
	if err != nil {
		return err
	}
	p.Token, p.TokenID, p.Login = made.Secret, made.Token.ID, me.Login
	path, err := s.saveProfile(p)
	if err != nil {
		_ = api.RevokeToken(ctx, made.Token.ID) // nobody has it
		return err
	}
	if sameServer(old.URL, p.URL) && old.TokenID != "" && old.Login == p.Login {
		if err := api.RevokeToken(ctx, old.TokenID); err != nil && !core.Is(err, core.KindNotFound) {
			s.note("The former token of this profile could not be revoked: %v", explain(ctx, err))
		}
	}
	if err := api.SignOut(ctx); err != nil {
		s.note("The session could not be ended: %v", explain(ctx, err))
	}
	s.note("Signed in to %s as %s. The token in %s is good until %s.", hostPort(p.URL), me.Login, path, dateOr(p.Expires, "it is revoked"))
	return nil
}

// signIn starts a session, and sets another password when the present one is
// one-time.
func (c *loginCmd) signIn(ctx context.Context, s *session, api *client.Client, login string) (*resource.Me, error) {
	password, err := s.secret(ctx, secretSource{what: "password", flag: "--password-file", file: c.PasswordFile, env: envPassword})
	if err != nil {
		return nil, err
	}
	in := resource.SignIn{Account: c.Account, Login: login, Password: password}
	me, err := api.SignInWith(ctx, in)
	if e := core.AsError(err); err != nil && e.Kind == core.KindUnauthenticated && e.Field == "code" {
		var cerr error
		in.Code, cerr = s.secret(ctx, secretSource{what: "code of the second factor", flag: "--code-file", file: c.CodeFile, env: envCode})
		if cerr != nil {
			return nil, cerr
		}
		me, err = api.SignInWith(ctx, in)
	}
	if err != nil {
		if core.Is(err, core.KindUnauthenticated) {
			return nil, &failure{text: sentenceOf(err), code: codeRefused, cause: err} // "run ctl login" would not help
		}
		return nil, err
	}
	if !me.MustChange {
		return me, nil
	}
	if s.interactive {
		s.note("The password is good for this once. Choose another.")
	}
	fresh, err := s.secret(ctx, secretSource{what: "new password", flag: "--new-password-file", file: c.NewPasswordFile, env: envNewPassword, twice: true})
	if err != nil {
		return nil, err
	}
	if err := api.ChangePassword(ctx, password, fresh); err != nil {
		return nil, err
	}
	return api.Me(ctx)
}

// sentenceOf is the text of an error without what to do about it.
func sentenceOf(err error) string {
	e := *core.AsError(err)
	e.Kind = core.KindForbidden
	return sentence(&e)
}

// logoutCmd forgets the token.
type logoutCmd struct{}

// Run implements kong's command.
func (c *logoutCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.local(ctx, c.logout)
}

func (c *logoutCmd) logout(ctx context.Context, s *session) error {
	p, err := s.loadProfile()
	if err != nil {
		return err
	}
	path, err := s.profilePath()
	if err != nil {
		return err
	}
	if p.Token == "" {
		return core.Errorf(core.KindNotFound, "there is no token in %s", path)
	}
	revoked := revokeOwn(ctx, s, p)
	if err := removeFile(path); err != nil {
		return err
	}
	if revoked != nil {
		return &failure{text: "the profile is removed, but its token could not be revoked and is good until " + dateOr(p.Expires, "somebody does") + ": " +
			sentenceOf(revoked), code: codeFailed, cause: revoked}
	}
	s.note("Signed out of %s.", hostPort(p.URL))
	return nil
}

// revokeOwn revokes the token of the profile with that very token. One that is
// not valid any more needs no revocation.
func revokeOwn(ctx context.Context, s *session, p *profile) error {
	pool, err := s.roots(p.Roots)
	if err != nil {
		return err
	}
	api, err := newClient(p.URL, p.Token, pool)
	if err != nil {
		return err
	}
	err = api.RevokeToken(ctx, p.TokenID)
	if core.Is(err, core.KindUnauthenticated) || core.Is(err, core.KindNotFound) {
		return nil
	}
	return err
}

// parseExpiry reads an end of validity; "never" and "" are the zero time.
func parseExpiry(s string, now time.Time) (time.Time, error) {
	if s == "" || s == "never" {
		return time.Time{}, nil
	}
	t, err := parseWhen(s, now)
	if err == nil && !t.After(now) {
		err = usage("--expires", "%s is past", s)
	}
	return t, err
}
