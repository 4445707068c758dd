package ctl

import (
	"context"

	"github.com/certwright/certwright/internal/api/client"
	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// agreementCmd are the commands about texts of subscriber agreements.
type agreementCmd struct {
	List    agreementListCmd    `cmd:"" help:"List the versions."`
	Show    agreementShowCmd    `cmd:"" help:"Print the text in force, or a version by its id."`
	Publish agreementPublishCmd `cmd:"" help:"Bring a new version into force from a text file; the same text once more changes nothing."`
	Remove  agreementRemoveCmd  `cmd:"" help:"Have no text from now on; a product has the account's again. Old versions stay."`
}

type agreementListCmd struct{ listFlags }

// Run implements kong's command.
func (c *agreementListCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		v := view[resource.AgreementText]{columns: []string{"id", "product", "version", "present", "size", "created_at"}, clocks: true}
		return runList(ctx, s, c.listFlags, "agreement-texts", v, s.api.AgreementTexts)
	})
}

// agreementOf says whose text is meant.
type agreementOf struct {
	Product string `placeholder:"CODE" help:"The text of this product alone; without it that of the account."`
}

// present finds the version in force; nil: there never was one.
func (o *agreementOf) present(ctx context.Context, s *session) (core.ProductID, *resource.AgreementText, error) {
	var product core.ProductID
	if o.Product != "" {
		p, err := s.api.Product(ctx, o.Product)
		if err != nil {
			return "", nil, err
		}
		product = p.ID
	}
	for t, err := range s.api.AgreementTexts(ctx, client.Query{Filter: core.Filter{is("present", "true")}, Limit: core.MaxPage}) {
		if err != nil {
			return product, nil, err
		}
		if t.Product == product {
			return product, &t, nil
		}
	}
	return product, nil, nil
}

type agreementShowCmd struct {
	agreementOf
	ID    string `arg:"" optional:"" placeholder:"TEXT" help:"Id of a version."`
	Out   string `type:"path" placeholder:"FILE" help:"Where to; standard output unless given."`
	Force bool   `help:"Overwrite the file."`
}

// Run implements kong's command.
func (c *agreementShowCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		id := core.AgreementTextID(c.ID)
		if id == "" {
			_, t, err := c.present(ctx, s)
			if err != nil {
				return err
			}
			if t == nil || t.Size == 0 {
				return core.Errorf(core.KindNotFound, "no text is set")
			}
			id = t.ID
		}
		return s.agreementText(ctx, id, c.Out, c.Force)
	})
}

// agreementText prints a version or writes it into a file.
func (s *session) agreementText(ctx context.Context, id core.AgreementTextID, out string, force bool) error {
	if err := free(force, out); err != nil {
		return err
	}
	t, err := s.api.AgreementText(ctx, id)
	if err != nil {
		return err
	}
	if out == "" && s.out.json {
		return s.out.printJSON(t)
	}
	if out == "" {
		out = standard
	}
	return s.writeFile(out, []byte(t.Body), modePublic, force)
}

type agreementPublishCmd struct {
	agreementOf
	File string `arg:"" type:"path" placeholder:"FILE" help:"Plain text in UTF-8; - for standard input."`
}

// Run implements kong's command.
func (c *agreementPublishCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		body, err := s.readFile(c.File)
		if err != nil {
			return err
		}
		if len(body) == 0 {
			return usage("FILE", "the file is empty; ctl agreement remove takes a text away")
		}
		return c.publish(ctx, s, string(body))
	})
}

// publish makes body the version in force.
func (o *agreementOf) publish(ctx context.Context, s *session, body string) error {
	product, was, err := o.present(ctx, s)
	if err != nil {
		return err
	}
	n := resource.NewAgreementText{Product: product, Body: body}
	if was != nil {
		n.Version = was.Version
	}
	t, err := s.api.PublishAgreement(ctx, n)
	switch {
	case err != nil:
		return err
	case was != nil && t.ID == was.ID:
		return s.done(t, "Version %d has this text already.", t.Version)
	}
	return s.done(t, "Version %d is in force.", t.Version)
}

type agreementRemoveCmd struct{ agreementOf }

// Run implements kong's command.
func (c *agreementRemoveCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		if err := s.confirm(ctx, "Have no text of the agreement from now on?"); err != nil {
			return err
		}
		return c.publish(ctx, s, "")
	})
}

type orderAgreementCmd struct {
	orderRef
	Out   string `type:"path" placeholder:"FILE" help:"Where to; standard output unless given."`
	Force bool   `help:"Overwrite the file."`
}

// Run implements kong's command.
func (c *orderAgreementCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		o, err := s.api.Order(ctx, c.Order)
		if err != nil {
			return err
		}
		if o.Steps == nil || o.Steps.AgreementText == nil {
			return core.Errorf(core.KindNotFound, "the order has no text of an agreement")
		}
		return s.agreementText(ctx, o.Steps.AgreementText.ID, c.Out, c.Force)
	})
}
