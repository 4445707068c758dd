package ctl

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// tokenCmd are the commands about personal tokens.
type tokenCmd struct {
	List   tokenListCmd   `cmd:"" help:"List tokens: yours, or everybody's for administrators."`
	Create tokenCreateCmd `cmd:"" help:"Make one; asks for your password, because a token cannot make tokens."`
	Revoke tokenRevokeCmd `cmd:"" help:"End one for ever."`
}

type tokenListCmd struct{ listFlags }

func (c *tokenListCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		v := view[resource.Token]{
			columns: []string{"prefix", "name", "user", "status", "roles", "expires_at", "last_used"},
			made: map[string]func(*resource.Token, time.Time) string{
				"status": func(t *resource.Token, now time.Time) string {
					switch {
					case !t.RevokedAt.IsZero():
						return "revoked"
					case !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt):
						return "expired"
					}
					return "active"
				},
				"days_left": func(t *resource.Token, now time.Time) string { return daysLeft(t.ExpiresAt, now) },
			},
		}
		return runList(ctx, s, c.listFlags, "tokens", v, s.api.Tokens)
	})
}

type tokenCreateCmd struct {
	Name         string   `arg:"" placeholder:"NAME" help:"What it is for."`
	Role         []string `placeholder:"ROLE" help:"Roles that it acts with; all of yours unless given."`
	Expires      string   `default:"90d" placeholder:"TIME" help:"When it ends: 90d, 2w, a date, or never."`
	PasswordFile string   `type:"path" placeholder:"FILE" help:"File with your password; - for standard input. Else CERTWRIGHT_CTL_PASSWORD, else it is asked for."`
	SecretFile   string   `type:"path" placeholder:"FILE" help:"Write the token to this file (0600) and do not show it."`
	Force        bool     `help:"Overwrite the file."`
}

func (c *tokenCreateCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, c.create)
}

func (c *tokenCreateCmd) create(ctx context.Context, s *session) error {
	n := resource.NewToken{Name: c.Name}
	var err error
	if n.Roles, err = roles(c.Role); err != nil {
		return err
	}
	if n.ExpiresAt, err = parseExpiry(c.Expires, s.now); err != nil {
		return err
	}
	if err := free(c.Force, c.SecretFile); err != nil {
		return err
	}
	me, err := s.api.Me(ctx)
	if err != nil {
		return err
	}
	p, err := s.loadProfile()
	if err != nil {
		return err
	}
	trusted := ""
	if sameServer(s.url, p.URL) {
		trusted = p.Roots
	}
	pool, err := s.roots(trusted)
	if err != nil {
		return err
	}
	api, err := newClient(s.url, "", pool)
	if err != nil {
		return err
	}
	sign := loginCmd{Account: me.Account.Number, PasswordFile: c.PasswordFile}
	if _, err := sign.signIn(ctx, s, api, me.Login); err != nil {
		return err
	}
	made, err := api.CreateToken(ctx, n)
	if serr := api.SignOut(ctx); serr != nil {
		s.note("The session could not be ended: %v", explain(ctx, serr))
	}
	if err != nil {
		return err
	}
	return s.issuedToken(made, c.SecretFile, c.Force)
}

// issuedToken shows a token, or puts it into a file.
func (s *session) issuedToken(made *resource.IssuedToken, file string, force bool) error {
	if file != "" {
		if err := s.writeFile(file, []byte(made.Secret+"\n"), modeSecret, force); err != nil {
			return &failure{text: "the token could not be kept (" + err.Error() + "): revoke " + made.Token.Prefix + " and make another", code: codeFailed, cause: err}
		}
		made.Secret = ""
	}
	if s.out.json {
		return s.out.printJSON(made)
	}
	if file != "" {
		s.note("Token %s is in %s and good until %s.", made.Token.Prefix, file, dateOr(made.Token.ExpiresAt, "it is revoked"))
		return nil
	}
	s.note("Token %s, good until %s, shown this once:", made.Token.Prefix, dateOr(made.Token.ExpiresAt, "it is revoked"))
	_, err := s.console.out.Write([]byte(made.Secret + "\n"))
	return err
}

type tokenRevokeCmd struct {
	PersonalToken string `arg:"" name:"token-id" placeholder:"TOKEN" help:"Public beginning (cwt_…, as in the list) or id."`
}

func (c *tokenRevokeCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		id, err := s.personalToken(ctx, c.PersonalToken)
		if err != nil {
			return err
		}
		if err := s.confirm(ctx, "Revoke token %s? What uses it is refused at once.", c.PersonalToken); err != nil {
			return err
		}
		if err := s.api.RevokeToken(ctx, id); err != nil {
			return err
		}
		return s.done(map[string]core.TokenID{"id": id}, "The token is revoked.")
	})
}

// sessionCmd are the commands about signed-in browsers.
type sessionCmd struct {
	List   sessionListCmd   `cmd:"" help:"List sessions: yours, or everybody's for administrators."`
	Revoke sessionRevokeCmd `cmd:"" help:"Sign a browser off, or all of a user's."`
}

type sessionListCmd struct{ listFlags }

func (c *sessionListCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		v := view[resource.Session]{columns: []string{"id", "user", "address", "agent", "created_at", "last_seen"}, clocks: true}
		return runList(ctx, s, c.listFlags, "sessions", v, s.api.Sessions)
	})
}

type sessionRevokeCmd struct {
	ID   string `arg:"" optional:"" placeholder:"SESSION" help:"Id."`
	User string `placeholder:"LOGIN" help:"All sessions of this user instead."`
}

func (c *sessionRevokeCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		if (c.ID == "") == (c.User == "") {
			return usage("--user", "give either the id of a session or --user")
		}
		if c.User != "" {
			return s.signOutUser(ctx, c.User)
		}
		if err := s.confirm(ctx, "Sign off session %s?", c.ID); err != nil {
			return err
		}
		if err := s.api.EndSession(ctx, core.SessionID(c.ID)); err != nil {
			return err
		}
		return s.done(map[string]string{"id": c.ID}, "The session is ended.")
	})
}

// roleCmd shows the access table.
type roleCmd struct {
	List roleListCmd `cmd:"" help:"List which roles may do what."`
}

type roleListCmd struct{}

func (c *roleListCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		r, err := s.api.Roles(ctx)
		if err != nil {
			return err
		}
		v := view[resource.Rule]{columns: []string{"action", "scope", "roles"}, made: map[string]func(*resource.Rule, time.Time) string{
			"roles": func(r *resource.Rule, _ time.Time) string { return joined(r.Roles) },
		}}
		return printItems(s, v, r.Items)
	})
}

// whoamiCmd shows who asks.
type whoamiCmd struct{}

// Run implements kong's command.
func (c *whoamiCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		me, err := s.api.Me(ctx)
		if err != nil {
			return err
		}
		if s.out.json {
			return s.out.printJSON(me)
		}
		if err := s.out.show(me, "permissions", "must_change", "must_set_up"); err != nil {
			return err
		}
		_, err = fmt.Fprintf(s.console.out, "Server:   %s\nYou may:\n%s", clean(s.url), permissions(me.Permissions))
		return err
	})
}

// permissions writes what somebody may do, a line for each kind of thing.
func permissions(list []resource.Permission) string {
	var order []string
	verbs := map[string][]string{}
	for _, p := range list {
		thing, verb, _ := strings.Cut(p.Action, ".")
		if !p.All {
			verb += " (" + count(len(p.Groups), "group") + ")"
		}
		if verbs[thing] == nil {
			order = append(order, thing)
		}
		verbs[thing] = append(verbs[thing], verb)
	}
	var b strings.Builder
	for _, thing := range order {
		fmt.Fprintf(&b, "  %-13s %s\n", clean(thing)+":", clean(strings.Join(verbs[thing], ", ")))
	}
	return b.String()
}

// aboutCmd shows the server.
type aboutCmd struct{}

// Run implements kong's command.
func (c *aboutCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		a, err := s.api.About(ctx)
		if err != nil {
			return err
		}
		return s.out.show(a, "lint_sources")
	})
}
