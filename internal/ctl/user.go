package ctl

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// userCmd are the commands about people.
type userCmd struct {
	List              userListCmd     `cmd:"" help:"List users."`
	Show              userShowCmd     `cmd:"" help:"Show one."`
	Create            userCreateCmd   `cmd:"" help:"Add one with a one-time password."`
	Update            userUpdateCmd   `cmd:"" help:"Change one."`
	Enable            userEnableCmd   `cmd:"" help:"Let one sign in again."`
	Disable           userDisableCmd  `cmd:"" help:"Let one not sign in any more; his sessions and tokens end at once."`
	ResetPassword     userPasswordCmd `cmd:"" help:"Give one a one-time password."`
	ResetSecondFactor userFactorCmd   `cmd:"" help:"Remove what one is asked for beside the password, after its loss."`
	Identity          userIdentityCmd `cmd:"" help:"Whom of sign-in providers one is."`
	SignOut           userSignOutCmd  `cmd:"" help:"End all sessions of one."`
	Delete            userDeleteCmd   `cmd:"" help:"Remove one that nothing refers to."`
}

// userRef names a user on the command line.
type userRef struct {
	User string `arg:"" placeholder:"USER" help:"Login or id."`
}

// meantUser reads the user that a reference names.
func (s *session) meantUser(ctx context.Context, ref string) (*resource.User, error) {
	id, err := s.user(ctx, ref)
	if err != nil {
		return nil, err
	}
	return s.api.User(ctx, id)
}

func userView() view[resource.User] {
	return view[resource.User]{
		columns: []string{"login", "name", "email", "state", "roles", "last_sign_in"},
		made: map[string]func(*resource.User, time.Time) string{
			"roles": func(u *resource.User, _ time.Time) string { return grantsText(u.Grants) },
			"state": func(u *resource.User, now time.Time) string {
				if u.State == core.UserActive && u.LockedUntil.After(now) {
					return "locked"
				}
				return string(u.State)
			},
		},
	}
}

// grantsText writes grants as the command line reads them.
func grantsText(grants []core.Grant) string {
	var out []string
	for _, g := range grants {
		text := string(g.Role)
		if g.Group != "" {
			text += "@" + string(g.Group)
		}
		if g.Provider != "" {
			text += " (sign-in provider)"
		}
		out = append(out, text)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// grants reads role or role@group.
func (s *session) grants(ctx context.Context, texts []string) ([]core.Grant, error) {
	out := make([]core.Grant, 0, len(texts))
	for _, t := range texts {
		role, group, scoped := strings.Cut(t, "@")
		if !slices.Contains(core.Roles, core.Role(role)) || scoped && group == "" {
			return nil, usage("--role", "%.60q is no role: write %s, with @group behind it for one group only", t, rolesText())
		}
		id, err := s.group(ctx, group)
		if err != nil {
			return nil, err
		}
		out = append(out, core.Grant{Role: core.Role(role), Group: id})
	}
	return out, nil
}

func rolesText() string { return strings.ReplaceAll(joined(core.Roles), " ", ", ") }

// roles reads roles without a group.
func roles(texts []string) ([]core.Role, error) {
	var out []core.Role
	for _, t := range texts {
		if !slices.Contains(core.Roles, core.Role(t)) {
			return nil, usage("--role", "%.60q is no role: %s", t, rolesText())
		}
		out = append(out, core.Role(t))
	}
	return out, nil
}

type userListCmd struct{ listFlags }

func (c *userListCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		return runList(ctx, s, c.listFlags, "users", userView(), s.api.Users)
	})
}

type userShowCmd struct{ userRef }

func (c *userShowCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		u, err := s.meantUser(ctx, c.User)
		if err != nil {
			return err
		}
		return s.out.show(u)
	})
}

type userCreateCmd struct {
	Login        string   `arg:"" placeholder:"LOGIN" help:"Unique name to sign in with."`
	Name         string   `required:"" placeholder:"TEXT" help:"Full name."`
	Email        string   `placeholder:"ADDRESS" help:"Mail address."`
	Role         []string `placeholder:"ROLE[@GROUP]" help:"What the user may be, in the whole account or one group; repeat for several."`
	Group        []string `placeholder:"NAME" help:"Groups to be in."`
	PasswordFile string   `type:"path" placeholder:"FILE" help:"Write the one-time password to this file (0600) and do not show it."`
	Force        bool     `help:"Overwrite the file."`
}

func (c *userCreateCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		n := resource.NewUser{Login: c.Login, Name: c.Name, Email: c.Email}
		var err error
		if n.Grants, err = s.grants(ctx, c.Role); err != nil {
			return err
		}
		if n.Groups, err = s.groups(ctx, c.Group); err != nil {
			return err
		}
		if err := free(c.Force, c.PasswordFile); err != nil {
			return err
		}
		made, err := s.api.CreateUser(ctx, n)
		if err != nil {
			return err
		}
		return s.issuedPassword(made, c.PasswordFile, c.Force)
	})
}

// issuedPassword shows a one-time password, or puts it into a file.
func (s *session) issuedPassword(made *resource.IssuedPassword, file string, force bool) error {
	if file != "" {
		if err := s.writeFile(file, []byte(made.Password+"\n"), modeSecret, force); err != nil {
			return &failure{text: "the one-time password could not be kept (" + err.Error() + "): user reset-password gives another", code: codeFailed, cause: err}
		}
		made.Password = ""
	}
	if s.out.json {
		return s.out.printJSON(made)
	}
	if file != "" {
		s.note("User %s has a one-time password, in %s.", clean(made.User.Login), file)
		return nil
	}
	s.note("User %s has a one-time password, shown this once:", clean(made.User.Login))
	_, err := s.console.out.Write([]byte(made.Password + "\n"))
	return err
}

type userUpdateCmd struct {
	userRef
	Name     *string  `placeholder:"TEXT" help:"Full name."`
	Email    *string  `placeholder:"ADDRESS" help:"Mail address."`
	Role     []string `xor:"role" placeholder:"ROLE[@GROUP]" help:"The roles from now on."`
	NoRoles  bool     `xor:"role" help:"No roles."`
	Group    []string `xor:"group" placeholder:"NAME" help:"The groups from now on."`
	NoGroups bool     `xor:"group" help:"No groups."`
}

func (c *userUpdateCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		grants, err := s.grants(ctx, c.Role)
		if err != nil {
			return err
		}
		groups, err := s.groups(ctx, c.Group)
		if err != nil {
			return err
		}
		ch := resource.UserChange{Name: c.Name, Email: c.Email, Grants: changed(grants, c.NoRoles), Groups: changed(groups, c.NoGroups)}
		if ch == (resource.UserChange{}) {
			return usage("", "nothing to change is given")
		}
		id, err := s.user(ctx, c.User)
		if err != nil {
			return err
		}
		u, err := s.api.ChangeUser(ctx, id, ch)
		if err != nil {
			return err
		}
		return s.out.show(u)
	})
}

type userEnableCmd struct{ userRef }

func (c *userEnableCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		id, err := s.user(ctx, c.User)
		if err != nil {
			return err
		}
		u, err := s.api.SetUserState(ctx, id, true)
		if err != nil {
			return err
		}
		return s.done(u, "User %s is %s.", u.Login, u.State)
	})
}

type userDisableCmd struct{ userRef }

func (c *userDisableCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		u, err := s.meantUser(ctx, c.User)
		if err != nil {
			return err
		}
		if err := s.confirm(ctx, "Disable user %s (%s)? Sessions and tokens end at once.", u.Login, u.Name); err != nil {
			return err
		}
		if u, err = s.api.SetUserState(ctx, u.ID, false); err != nil {
			return err
		}
		return s.done(u, "User %s is %s.", u.Login, u.State)
	})
}

type userPasswordCmd struct {
	userRef
	PasswordFile string `type:"path" placeholder:"FILE" help:"Write the one-time password to this file (0600) and do not show it."`
	Force        bool   `help:"Overwrite the file."`
}

func (c *userPasswordCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		u, err := s.meantUser(ctx, c.User)
		if err != nil {
			return err
		}
		if err := free(c.Force, c.PasswordFile); err != nil {
			return err
		}
		if err := s.confirm(ctx, "Give user %s (%s) a one-time password? The present one and all sessions end at once.", u.Login, u.Name); err != nil {
			return err
		}
		made, err := s.api.ResetPassword(ctx, u.ID)
		if err != nil {
			return err
		}
		return s.issuedPassword(made, c.PasswordFile, c.Force)
	})
}

type userFactorCmd struct{ userRef }

func (c *userFactorCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		u, err := s.meantUser(ctx, c.User)
		if err != nil {
			return err
		}
		if err := s.confirm(ctx, "Let user %s (%s) sign in without a second factor? All sessions end at once.", u.Login, u.Name); err != nil {
			return err
		}
		if u, err = s.api.ResetSecondFactor(ctx, u.ID); err != nil {
			return err
		}
		return s.done(u, "User %s signs in without a second factor.", u.Login)
	})
}

type userSignOutCmd struct{ userRef }

func (c *userSignOutCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		return s.signOutUser(ctx, c.User)
	})
}

// signOutUser ends all sessions of a user.
func (s *session) signOutUser(ctx context.Context, ref string) error {
	u, err := s.meantUser(ctx, ref)
	if err != nil {
		return err
	}
	if err := s.confirm(ctx, "End all sessions of %s (%s)?", u.Login, u.Name); err != nil {
		return err
	}
	n, err := s.api.SignOutUser(ctx, u.ID)
	if err != nil {
		return err
	}
	return s.done(n, "Sessions of %s ended: %d.", u.Login, n.Count)
}

type userDeleteCmd struct{ userRef }

func (c *userDeleteCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		u, err := s.meantUser(ctx, c.User)
		if err != nil {
			return err
		}
		if err := s.confirm(ctx, "Delete user %s (%s)?", u.Login, u.Name); err != nil {
			return err
		}
		if err := s.api.DeleteUser(ctx, u.ID); err != nil {
			return err
		}
		return s.done(u, "User %s is deleted.", u.Login)
	})
}
