package ctl

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/certwright/certwright/internal/api/client"
	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// setupCmd does what the assistant of the portal does, for installations that a program
// sets up. Each command says what shall be, so that running it again changes nothing.
type setupCmd struct {
	Show         setupShowCmd         `cmd:"" help:"Show which steps are done."`
	Organisation setupOrganisationCmd `cmd:"" aliases:"organization" help:"Name the first organisation."`
	CAs          setupCAsCmd          `cmd:"" name:"cas" help:"Make CAs with your own names in place of those of the first start, as long as nothing was issued."`
	Trust        setupTrustCmd        `cmd:"" help:"Fetch the roots that clients have to trust."`
	Credential   setupCredentialCmd   `cmd:"" help:"Make an API credential unless there is one of its type and label."`
	Mark         setupMarkCmd         `cmd:"" help:"Say that steps are done, skipped or to be done again."`
	Close        setupCloseCmd        `cmd:"" help:"Have the portal offer the assistant no more."`
	Open         setupOpenCmd         `cmd:"" help:"Have the portal offer the assistant again."`
}

// setup reads how far it is, and begins it.
func (s *session) setup(ctx context.Context) (*resource.Setup, error) {
	st, err := s.api.Setup(ctx)
	switch {
	case err != nil:
		return nil, err
	case !st.Known:
		return nil, core.Errorf(core.KindConflict, "this installation was set up without the assistant; ctl organisation, issuer and credential do the same")
	case st.Started:
		return st, nil
	}
	return s.api.StartSetup(ctx)
}

// mark records a step unless it stands so already.
func (s *session) mark(ctx context.Context, st *resource.Setup, step, state string) (*resource.Setup, error) {
	if i := slices.IndexFunc(st.Steps, func(x resource.SetupStep) bool { return x.Step == step }); i >= 0 && st.Steps[i].State == state {
		return st, nil
	}
	return s.api.MarkSetupStep(ctx, step, state)
}

// left is what a person reads after a step.
func left(st *resource.Setup) string {
	var open []string
	for _, x := range st.Steps {
		if x.State == "" {
			open = append(open, x.Step)
		}
	}
	if len(open) == 0 {
		return "Nothing is left to set up."
	}
	return "Left to set up: " + strings.Join(open, ", ") + "."
}

// stepDone marks a step as done and says what was done.
func (s *session) stepDone(ctx context.Context, st *resource.Setup, step, format string, args ...any) error {
	st, err := s.mark(ctx, st, step, "done")
	if err != nil {
		return err
	}
	return s.done(st, "%s %s", fmt.Sprintf(format, args...), left(st))
}

type setupShowCmd struct{}

// Run implements kong's command.
func (c *setupShowCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		st, err := s.api.Setup(ctx)
		if err != nil {
			return err
		}
		if s.out.json {
			return s.out.printJSON(st)
		}
		if !st.Known {
			s.note("This installation was set up without the assistant.")
			return nil
		}
		for i := range st.Steps {
			if st.Steps[i].State == "" {
				st.Steps[i].State = "open"
			}
		}
		if err := printItems(s, view[resource.SetupStep]{columns: []string{"step", "state"}}, st.Steps); err != nil {
			return err
		}
		if st.CABegun {
			s.note("Replacing the CAs was begun: run setup cas again.")
		}
		if st.Closed {
			s.note("The portal does not offer the assistant any more.")
		}
		return nil
	})
}

type setupOrganisationCmd struct {
	Name string `arg:"" placeholder:"NAME" help:"Unique name, as in certificates."`
	place
}

// Run implements kong's command.
func (c *setupOrganisationCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		st, err := s.setup(ctx)
		if err != nil {
			return err
		}
		first, err := client.Collect(s.api.Organisations(ctx, client.Query{Sort: core.Sort{Column: "number"}, Limit: 1}), 1)
		if err != nil {
			return err
		}
		if len(first) == 0 {
			o, err := s.api.CreateOrganisation(ctx, c.fields(c.Name, resource.Organisation{}))
			if err != nil {
				return err
			}
			return s.stepDone(ctx, st, "organisation", "Organisation %s is made.", clean(o.Name))
		}
		o := first[0]
		want := c.fields(c.Name, o)
		if want.Name == o.Name && want.Country == o.Country && want.State == o.State && want.Locality == o.Locality && want.Email == o.Email {
			return s.stepDone(ctx, st, "organisation", "Organisation %s is as wanted.", clean(o.Name))
		}
		if _, err := s.api.UpdateOrganisation(ctx, o.ID, want); err != nil {
			return err
		}
		return s.stepDone(ctx, st, "organisation", "Organisation %d is called %s.", o.Number, clean(want.Name))
	})
}

type setupCAsCmd struct {
	Root         string `required:"" placeholder:"NAME" help:"Common name of the root."`
	Issuing      string `required:"" placeholder:"NAME" help:"Common name of the issuing CA."`
	RootKey      string `default:"ecdsa-p384" placeholder:"ALGORITHM" help:"ecdsa-p256, ecdsa-p384, rsa-3072 or rsa-4096."`
	IssuingKey   string `default:"ecdsa-p256" placeholder:"ALGORITHM" help:"The same. Beside an ECDSA one there is one with RSA for products that need it."`
	Organisation string `placeholder:"TEXT" help:"O in the subjects; none unless given."`
	Country      string `placeholder:"CC" help:"C in the subjects, two letters; none unless given."`
	RootsOut     string `type:"path" placeholder:"FILE" help:"Write the roots to this file, over what is there. The server's own certificate comes from them from now on: with --roots name the same file, a profile is told by itself."`
}

// Run implements kong's command.
func (c *setupCAsCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		st, err := s.setup(ctx)
		if err != nil {
			return err
		}
		if st.CAFixed != "" {
			there, err := c.there(ctx, s)
			if err != nil {
				return err
			}
			if there {
				return s.stepDone(ctx, st, "ca", "The CAs are there.")
			}
		}
		st, err = s.api.ReplaceFirstCAs(ctx, resource.NewCAs{Organisation: c.Organisation, Country: c.Country, Root: c.Root, Issuing: c.Issuing,
			RootKey: algorithmName(c.RootKey), IssuingKey: algorithmName(c.IssuingKey)})
		if err != nil {
			return err
		}
		// A call that was cut off has been finished with the names of the first.
		there, err := c.there(ctx, s)
		if err != nil {
			return err
		}
		if !there {
			if err := s.trustNew(ctx, c.RootsOut); err != nil {
				return err
			}
			return core.Errorf(core.KindConflict, "the CAs were made with the names of an earlier call that was cut off; ctl issuer list shows them")
		}
		if err := s.trustNew(ctx, c.RootsOut); err != nil {
			return err
		}
		return s.stepDone(ctx, st, "ca", "Root %s and issuing CA %s are made.", clean(c.Root), clean(c.Issuing))
	})
}

// trustNew lets the commands that follow trust the server, whose certificate comes from a
// new root. What it learns comes over the connection that was trusted before.
func (s *session) trustNew(ctx context.Context, out string) error {
	roots, err := s.activeRoots(ctx)
	if err != nil {
		return err
	}
	if out != "" {
		if err := s.writeFile(out, []byte(roots), modePublic, true); err != nil {
			return err
		}
	}
	if s.cli.Roots != "" {
		return nil
	}
	p, err := s.loadProfile()
	if err != nil || p.Roots == "" || !sameServer(s.url, p.URL) || strings.Contains(p.Roots, strings.TrimSpace(roots)) {
		return err
	}
	p.Roots = strings.TrimRight(p.Roots, "\n") + "\n" + roots
	_, err = s.saveProfile(p)
	return err
}

// activeRoots are the active roots as PEM.
func (s *session) activeRoots(ctx context.Context) (string, error) {
	var roots strings.Builder
	for i, err := range s.api.Issuers(ctx, client.Query{Filter: core.Filter{is("state", string(core.IssuerActive))}, Sort: core.Sort{Column: "name"}}) {
		if err != nil {
			return "", err
		}
		if !i.Root {
			continue
		}
		d, err := s.api.Issuer(ctx, i.ID)
		if err != nil {
			return "", err
		}
		roots.WriteString(strings.TrimRight(d.PEM, "\n") + "\n")
	}
	if roots.Len() == 0 {
		return "", core.Errorf(core.KindNotFound, "there is no active root here")
	}
	return roots.String(), nil
}

// there reports whether active CAs of these names are there.
func (c *setupCAsCmd) there(ctx context.Context, s *session) (bool, error) {
	var root, issuing bool
	for i, err := range s.api.Issuers(ctx, client.Query{Filter: core.Filter{is("state", string(core.IssuerActive))}}) {
		if err != nil {
			return false, err
		}
		root = root || i.Root && i.Name == strings.TrimSpace(c.Root)
		issuing = issuing || !i.Root && i.Name == strings.TrimSpace(c.Issuing)
	}
	return root && issuing, nil
}

type setupTrustCmd struct {
	Out   string `required:"" type:"path" placeholder:"FILE" help:"Where to, as PEM; - for standard output. A file that holds the same already stays."`
	Force bool   `help:"Overwrite the file."`
}

// Run implements kong's command.
func (c *setupTrustCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		st, err := s.setup(ctx)
		if err != nil {
			return err
		}
		roots, err := s.activeRoots(ctx)
		if err != nil {
			return err
		}
		if old, err := os.ReadFile(c.Out); c.Out == standard || err != nil || string(old) != roots {
			if err := s.writeFile(c.Out, []byte(roots), modePublic, c.Force); err != nil {
				return err
			}
		}
		if c.Out == standard {
			_, err := s.mark(ctx, st, "trust", "done")
			return err
		}
		return s.stepDone(ctx, st, "trust", "The roots are in %s.", c.Out)
	})
}

type setupCredentialCmd struct{ credentialCreateCmd }

// Run implements kong's command.
func (c *setupCredentialCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		if c.Label == "" {
			return usage("--label", "give --label: by type and label a repeated run knows its credential")
		}
		st, err := s.setup(ctx)
		if err != nil {
			return err
		}
		present, err := client.Collect(s.api.Credentials(ctx, client.Query{Filter: core.Filter{is("type", c.Type), is("label", c.Label), is("status", "active")}, Limit: 1}), 1)
		if err != nil {
			return err
		}
		if len(present) > 0 {
			return s.stepDone(ctx, st, "credential", "Credential %s/%s is there; its secret is shown by nobody, credential regenerate gives another.", c.Type, clean(c.Label))
		}
		// The secret comes first: whatever fails behind it, it is not lost.
		if err := c.create(ctx, s); err != nil {
			return err
		}
		st, err = s.mark(ctx, st, "credential", "done")
		if err == nil && !s.out.json {
			s.note("%s", left(st))
		}
		return err
	})
}

type setupMarkCmd struct {
	State string   `arg:"" enum:"done,skipped,open" placeholder:"STATE" help:"done, skipped or open."`
	Step  []string `arg:"" enum:"organisation,ca,trust,credential,security" placeholder:"STEP" help:"organisation, ca, trust, credential, security; several are allowed."`
}

// Run implements kong's command.
func (c *setupMarkCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		st, err := s.setup(ctx)
		if err != nil {
			return err
		}
		state := c.State
		if state == "open" {
			state = ""
		}
		for _, step := range c.Step {
			if st, err = s.mark(ctx, st, step, state); err != nil {
				return err
			}
		}
		return s.done(st, "%s", left(st))
	})
}

type setupCloseCmd struct{}

// Run implements kong's command.
func (c *setupCloseCmd) Run(ctx context.Context, cli *CLI) error { return offer(ctx, cli, false) }

type setupOpenCmd struct{}

// Run implements kong's command.
func (c *setupOpenCmd) Run(ctx context.Context, cli *CLI) error { return offer(ctx, cli, true) }

// offer has the portal offer the assistant or not.
func offer(ctx context.Context, cli *CLI, on bool) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		st, err := s.setup(ctx)
		if err != nil {
			return err
		}
		if st.Closed == on {
			if st, err = s.api.OfferSetup(ctx, on); err != nil {
				return err
			}
		}
		if on {
			return s.done(st, "The portal offers the assistant.")
		}
		return s.done(st, "The portal does not offer the assistant any more.")
	})
}
