package ctl

import (
	"bytes"
	"context"
	"iter"
	"time"

	"github.com/certwright/certwright/internal/api/client"
	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

type credentialUpdateCmd struct {
	credentialRef
	Description    *string  `placeholder:"TEXT" help:"For people."`
	Tag            []string `xor:"tag" placeholder:"WORD" help:"The tags from now on."`
	NoTags         bool     `xor:"tag" help:"No tags."`
	Product        []string `placeholder:"CODE" help:"The products from now on."`
	DefaultProduct *string  `placeholder:"CODE" help:"The product that is meant when a client names none."`
	Expires        string   `placeholder:"TIME" help:"When it ends: 90d, 2w, a date, or never."`
	Source         []string `xor:"source" placeholder:"CIDR" help:"The addresses or ranges that may use it."`
	AnySource      bool     `xor:"source" help:"All addresses may use it."`
	Allow          []string `xor:"allow" placeholder:"NAME" help:"The names that it may ask for."`
	AllowAny       bool     `xor:"allow" help:"It may ask for whatever the products allow."`
	Proven         []string `xor:"proven" placeholder:"NAME" help:"The names whose control the organisation has proven."`
	NoProven       bool     `xor:"proven" help:"No names are proven."`
	Default        *bool    `negatable:"" help:"Whether it answers on the protocol's bare path, too."`
	Trust          string   `type:"path" placeholder:"FILE" help:"PEM file of the CAs or certificates that are accepted."`
	acmeFlags
}

func (c *credentialUpdateCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		id, err := s.credential(ctx, c.Credential)
		if err != nil {
			return err
		}
		old, err := s.api.Credential(ctx, id)
		if err != nil {
			return err
		}
		ch, err := c.change(s, old)
		if err != nil {
			return err
		}
		ch.Version = old.Version
		d, err := s.api.ChangeCredential(ctx, id, ch)
		if err != nil {
			return err
		}
		return s.out.show(d, "commands")
	})
}

// change makes the request of the flags.
func (c *credentialUpdateCmd) change(s *session, old *resource.CredentialDetail) (ch resource.CredentialChange, err error) {
	ch = resource.CredentialChange{
		Default: c.Default, Description: c.Description, Product: c.DefaultProduct,
		Tags: changed(c.Tag, c.NoTags), Products: changed(c.Product, false), AllowedNames: changed(c.Allow, c.AllowAny), ProvenNames: changed(c.Proven, c.NoProven),
	}
	sources, err := parseSources(c.Source)
	if err != nil {
		return ch, err
	}
	ch.Sources = changed(sources, c.AnySource)
	if c.Expires != "" {
		t, err := parseExpiry(c.Expires, s.now)
		if err != nil {
			return ch, err
		}
		if ch.NoExpiry = t.IsZero(); !ch.NoExpiry {
			ch.ExpiresAt = &t
		}
	}
	if c.Trust != "" {
		pem, err := s.optionalFile(c.Trust)
		if err != nil {
			return ch, err
		}
		ch.Trust = &pem
	}
	if c.given() {
		o, err := c.options(s, old.Options.ACME)
		if err != nil {
			return ch, err
		}
		ch.Options = &resource.CredentialOptions{ACME: o}
	}
	if ch == (resource.CredentialChange{}) {
		return ch, usage("", "nothing to change is given")
	}
	return ch, nil
}

// changed is a list that replaces the old one: as given, empty when cleared,
// nil (which changes nothing) otherwise.
func changed[T any](list []T, cleared bool) *[]T {
	switch {
	case cleared:
		return &[]T{}
	case len(list) > 0:
		return &list
	}
	return nil
}

type credentialRevokeCmd struct {
	credentialRef
	Reason string `placeholder:"TEXT" help:"For the audit log."`
}

func (c *credentialRevokeCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		d, err := s.meantCredential(ctx, c.Credential)
		if err != nil {
			return err
		}
		if err := s.confirm(ctx, "Revoke credential %s for ever? Its clients are refused at once.", nameOf(d)); err != nil {
			return err
		}
		if d, err = s.api.RevokeCredential(ctx, d.ID, c.Reason); err != nil {
			return err
		}
		return s.done(d, "Credential %s is revoked.", nameOf(d))
	})
}

type credentialRegenerateCmd struct {
	credentialRef
	SecretFile string `type:"path" placeholder:"FILE" help:"Write the secret to this file (0600) and do not show it."`
	Force      bool   `help:"Overwrite the file."`
}

func (c *credentialRegenerateCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		d, err := s.meantCredential(ctx, c.Credential)
		if err != nil {
			return err
		}
		if err := free(c.Force, c.SecretFile); err != nil {
			return err
		}
		if err := s.confirm(ctx, "Give credential %s a new secret? Clients with the old one are refused at once.", nameOf(d)); err != nil {
			return err
		}
		made, err := s.api.RegenerateCredential(ctx, d.ID)
		if err != nil {
			return err
		}
		return s.issuedCredential(made, "regenerated", c.SecretFile, c.Force)
	})
}

// meantCredential reads the credential that a reference names, so that the
// question about it shows what is meant.
func (s *session) meantCredential(ctx context.Context, ref string) (*resource.CredentialDetail, error) {
	id, err := s.credential(ctx, ref)
	if err != nil {
		return nil, err
	}
	return s.api.Credential(ctx, id)
}

// nameOf is a credential in a sentence.
func nameOf(d *resource.CredentialDetail) string {
	n := string(d.Type) + "/" + d.Label
	if d.Description != "" {
		n += " (" + d.Description + ")"
	}
	return n
}

// done reports what was done: a sentence, or the thing in JSON.
func (s *session) done(v any, format string, args ...any) error {
	if s.out.json {
		return s.out.printJSON(v)
	}
	s.note(format, args...)
	return nil
}

type credentialUsageCmd struct {
	credentialRef
	listFlags
}

func (c *credentialUsageCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		if c.Explain {
			return explainList(ctx, s, "audit")
		}
		id, err := s.credential(ctx, c.Credential)
		if err != nil {
			return err
		}
		return runList(ctx, s, c.listFlags, "audit", entryView(), usageOf(s, id))
	})
}

type credentialExportCmd struct {
	Format string   `enum:"csv,json" default:"csv" help:"csv or json."`
	Out    string   `default:"-" type:"path" placeholder:"FILE" help:"Where to; - for standard output."`
	Filter []string `short:"f" sep:"none" placeholder:"COLUMN:OPERATOR[:VALUE]" help:"Only rows that fit."`
	Sort   string   `placeholder:"COLUMN" help:"Order; --sort=-COLUMN for the greatest first."`
	Force  bool     `help:"Overwrite the file."`
}

func (c *credentialExportCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		filter, err := parseFilter(c.Filter)
		if err != nil {
			return err
		}
		if err := free(c.Force, c.Out); err != nil {
			return err
		}
		var b bytes.Buffer
		if err := s.api.ExportCredentials(ctx, c.Format, client.Query{Filter: filter, Sort: parseSort(c.Sort, false)}, &b); err != nil {
			return err
		}
		return s.writeFile(c.Out, b.Bytes(), modePublic, c.Force)
	})
}

type credentialTypesCmd struct{}

func (c *credentialTypesCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		types, err := s.api.CredentialTypes(ctx)
		if err != nil {
			return err
		}
		return printItems(s, view[resource.CredentialType]{columns: []string{"name", "title", "auth"}}, types.Items)
	})
}

// printItems prints a list that comes whole.
func printItems[T any](s *session, v view[T], items []T) error {
	if s.out.json {
		return s.out.printJSON(append([]T{}, items...))
	}
	return table(&s.out, v, items)
}

// usageOf walks what was done with a credential.
func usageOf(s *session, id core.CredentialID) walker[resource.Entry] {
	return func(ctx context.Context, q client.Query) iter.Seq2[resource.Entry, error] {
		return s.api.CredentialUsage(ctx, id, q)
	}
}

// entryView is how entries of the audit log look.
func entryView() view[resource.Entry] {
	return view[resource.Entry]{
		columns: []string{"at", "who", "address", "action", "object", "outcome"}, clocks: true,
		made: map[string]func(*resource.Entry, time.Time) string{
			"who": func(e *resource.Entry, _ time.Time) string {
				if e.Login != "" {
					return e.Login
				}
				return e.Actor
			},
		},
	}
}
