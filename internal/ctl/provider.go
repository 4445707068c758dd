package ctl

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// providerCmd are the commands about sign-in providers.
type providerCmd struct {
	List    providerListCmd    `cmd:"" help:"List sign-in providers."`
	Show    providerShowCmd    `cmd:"" help:"Show one with its settings."`
	Create  providerCreateCmd  `cmd:"" help:"Make one from a file; it is disabled at first."`
	Update  providerUpdateCmd  `cmd:"" help:"Replace the settings of one from a file."`
	Enable  providerEnableCmd  `cmd:"" help:"Let people sign in through one."`
	Disable providerDisableCmd `cmd:"" help:"Let nobody sign in through one any more; the sessions of its people end."`
	Test    providerTestCmd    `cmd:"" help:"Try one as far as that goes without a person."`
	Delete  providerDeleteCmd  `cmd:"" help:"Remove one, and what its rules gave."`
}

// providerRef names a provider on the command line.
type providerRef struct {
	Provider string `arg:"" placeholder:"PROVIDER" help:"Label or id."`
}

// provider finds a provider by id or label.
func (s *session) provider(ctx context.Context, ref string) (core.ProviderID, error) {
	if ref == "" || core.ValidID(ref) {
		return core.ProviderID(ref), nil
	}
	return find(ctx, "provider", ref, s.api.Providers, func(p *resource.SignInProvider) core.ProviderID { return p.ID }, is("label", ref))
}

// meantProvider reads the provider that a reference names.
func (s *session) meantProvider(ctx context.Context, ref string) (*resource.SignInProvider, error) {
	id, err := s.provider(ctx, ref)
	if err != nil {
		return nil, err
	}
	return s.api.Provider(ctx, id)
}

type providerListCmd struct{ listFlags }

func (c *providerListCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		v := view[resource.SignInProvider]{
			columns: []string{"label", "name", "kind", "state", "updated_at"},
			made: map[string]func(*resource.SignInProvider, time.Time) string{
				"state": func(p *resource.SignInProvider, _ time.Time) string {
					if p.Enabled {
						return "enabled"
					}
					return "disabled"
				},
			},
		}
		return runList(ctx, s, c.listFlags, "sign-in-providers", v, s.api.Providers)
	})
}

type providerShowCmd struct{ providerRef }

func (c *providerShowCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		p, err := s.meantProvider(ctx, c.Provider)
		if err != nil {
			return err
		}
		return s.out.show(p)
	})
}

// providerFile is a provider in a file: what provider show -o json prints, of
// which the server's own fields are passed over.
type providerFile struct {
	Label   string               `json:"label"`
	Name    string               `json:"name"`
	Kind    core.ProviderKind    `json:"kind"`
	Version int                  `json:"version"`
	Config  *core.ProviderConfig `json:"config"`

	ID          any `json:"id"`
	Enabled     any `json:"enabled"`
	HasSecret   any `json:"has_secret"`
	CallbackURL any `json:"callback_url"`
	SignedOut   any `json:"signed_out_url"`
	MetadataURL any `json:"metadata_url"`
	ACSURL      any `json:"acs_url"`
	CreatedAt   any `json:"created_at"`
	UpdatedAt   any `json:"updated_at"`
}

// readProvider reads a provider, and its secret from a file of its own.
func (s *session) readProvider(name, secretFile string) (*providerFile, *string, error) {
	b, err := s.readFile(name)
	if err != nil {
		return nil, nil, err
	}
	p := &providerFile{}
	if err := decodeFile(name, b, p); err != nil {
		return nil, nil, err
	}
	if p.Config == nil {
		return nil, nil, usage("--file", "%s needs a config; provider show -o json shows how a provider is written", name)
	}
	if secretFile == "" {
		return p, nil, nil
	}
	if b, err = s.readFile(secretFile); err != nil {
		return nil, nil, err
	}
	text := strings.TrimRight(string(b), "\r\n")
	return p, &text, nil
}

type providerCreateCmd struct {
	File       string `short:"f" required:"" type:"path" placeholder:"FILE" help:"The provider in JSON or YAML; - for standard input."`
	SecretFile string `type:"path" placeholder:"FILE" help:"File with the client secret, or the password of bind_dn."`
}

func (c *providerCreateCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		p, secret, err := s.readProvider(c.File, c.SecretFile)
		if err != nil {
			return err
		}
		n := resource.NewSignInProvider{Label: p.Label, Name: p.Name, Kind: p.Kind, Config: *p.Config}
		if secret != nil {
			n.Secret = *secret
		}
		made, err := s.api.CreateProvider(ctx, n)
		if err != nil {
			return err
		}
		return s.done(made, "Provider %s is made. Try it with provider test, then provider enable.", made.Label)
	})
}

type providerUpdateCmd struct {
	providerRef
	File       string `short:"f" required:"" type:"path" placeholder:"FILE" help:"The whole provider in JSON or YAML; - for standard input. With a version in it nothing is changed when the provider has another by now."`
	SecretFile string `type:"path" placeholder:"FILE" help:"File with another client secret or password; the present one stays without it."`
}

func (c *providerUpdateCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		p, secret, err := s.readProvider(c.File, c.SecretFile)
		if err != nil {
			return err
		}
		old, err := s.meantProvider(ctx, c.Provider)
		if err != nil {
			return err
		}
		u := resource.SignInProviderUpdate{Version: p.Version, Name: p.Name, Config: *p.Config, Secret: secret}
		if u.Version == 0 {
			u.Version = old.Version
		}
		if u.Name == "" {
			u.Name = old.Name
		}
		got, err := s.api.UpdateProvider(ctx, old.ID, u)
		if err != nil {
			return err
		}
		return s.done(got, "Provider %s has version %d now.", got.Label, got.Version)
	})
}

type providerEnableCmd struct{ providerRef }

func (c *providerEnableCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		p, err := s.meantProvider(ctx, c.Provider)
		if err != nil {
			return err
		}
		if p, err = s.api.SetProviderState(ctx, p.ID, true); err != nil {
			return err
		}
		return s.done(p, "Provider %s is enabled.", p.Label)
	})
}

type providerDisableCmd struct{ providerRef }

func (c *providerDisableCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		p, err := s.meantProvider(ctx, c.Provider)
		if err != nil {
			return err
		}
		if err := s.confirm(ctx, "Disable sign-in through %s (%s)? The sessions of its people end.", p.Label, p.Name); err != nil {
			return err
		}
		if p, err = s.api.SetProviderState(ctx, p.ID, false); err != nil {
			return err
		}
		return s.done(p, "Provider %s is disabled.", p.Label)
	})
}

type providerTestCmd struct{ providerRef }

func (c *providerTestCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		p, err := s.meantProvider(ctx, c.Provider)
		if err != nil {
			return err
		}
		got, err := s.api.TestProvider(ctx, p.ID)
		if err != nil {
			return err
		}
		if s.out.json {
			if err := s.out.printJSON(got); err != nil {
				return err
			}
		} else {
			for _, st := range got.Steps {
				word := "ok"
				if !st.OK {
					word = "failed"
				}
				s.note("%s: %s. %s", clean(st.Name), word, clean(st.Detail))
			}
		}
		if !got.OK {
			return &failure{text: "provider " + p.Label + " does not work", code: codeFailed, cause: errors.New("test failed")}
		}
		return nil
	})
}

type providerDeleteCmd struct{ providerRef }

func (c *providerDeleteCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		p, err := s.meantProvider(ctx, c.Provider)
		if err != nil {
			return err
		}
		if err := s.confirm(ctx, "Delete sign-in provider %s (%s)? What its rules gave is taken, and the sessions of its people end.", p.Label, p.Name); err != nil {
			return err
		}
		if err := s.api.DeleteProvider(ctx, p.ID); err != nil {
			return err
		}
		return s.done(p, "Provider %s is deleted.", p.Label)
	})
}

// userIdentityCmd are the commands about whom of sign-in providers a user is.
type userIdentityCmd struct {
	List   identityListCmd   `cmd:"" help:"List them."`
	Link   identityLinkCmd   `cmd:"" help:"Say that somebody of a provider is this user."`
	Unlink identityUnlinkCmd `cmd:"" help:"Undo that; what he has from the provider is taken, and his sessions end."`
}

type identityListCmd struct{ userRef }

func (c *identityListCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		id, err := s.user(ctx, c.User)
		if err != nil {
			return err
		}
		got, err := s.api.UserIdentities(ctx, id)
		if err != nil {
			return err
		}
		return s.showIdentities(got)
	})
}

func (s *session) showIdentities(got *resource.ExternalIdentities) error {
	if s.out.json {
		return s.out.printJSON(got)
	}
	for i := range got.Items {
		if err := s.out.show(&got.Items[i]); err != nil {
			return err
		}
	}
	return nil
}

type identityRef struct {
	userRef
	Provider string `arg:"" placeholder:"PROVIDER" help:"Label or id of the provider."`
	Subject  string `arg:"" placeholder:"SUBJECT" help:"What the provider calls him for good: sub, NameID, or the value of the subject attribute."`
}

// meant finds user and provider.
func (r *identityRef) meant(ctx context.Context, s *session) (*resource.User, resource.IdentityLink, error) {
	u, err := s.meantUser(ctx, r.User)
	if err != nil {
		return nil, resource.IdentityLink{}, err
	}
	p, err := s.provider(ctx, r.Provider)
	return u, resource.IdentityLink{Provider: p, Subject: r.Subject}, err
}

type identityLinkCmd struct{ identityRef }

func (c *identityLinkCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		u, l, err := c.meant(ctx, s)
		if err != nil {
			return err
		}
		got, err := s.api.LinkIdentity(ctx, u.ID, l)
		if err != nil {
			return err
		}
		return s.showIdentities(got)
	})
}

type identityUnlinkCmd struct{ identityRef }

func (c *identityUnlinkCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		u, l, err := c.meant(ctx, s)
		if err != nil {
			return err
		}
		if err := s.confirm(ctx, "Unlink user %s (%s) from %s? All sessions end at once.", u.Login, u.Name, c.Provider); err != nil {
			return err
		}
		got, err := s.api.UnlinkIdentity(ctx, u.ID, l)
		if err != nil {
			return err
		}
		return s.showIdentities(got)
	})
}
