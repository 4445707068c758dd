package ctl

import (
	"context"
	"fmt"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// domainCmd are the commands about domains and the proofs of control of them.
type domainCmd struct {
	List       domainListCmd       `cmd:"" help:"List domains with the state of their proofs."`
	Show       domainShowCmd       `cmd:"" help:"Show one with what has to be published."`
	Register   domainRegisterCmd   `cmd:"" help:"Add one and show what has to be published."`
	Challenge  domainChallengeCmd  `cmd:"" help:"Show what has to be published, made anew when it ran out, or change the method."`
	Verify     domainVerifyCmd     `cmd:"" help:"Have the server look now, or send the mail."`
	Renew      domainRenewCmd      `cmd:"" help:"Start validation again; a proof that is still valid stays meanwhile."`
	Activate   domainActivateCmd   `cmd:"" help:"Take one back into use."`
	Deactivate domainDeactivateCmd `cmd:"" help:"Take one out of use; its proof covers nothing any more."`
	Reject     domainRejectCmd     `cmd:"" help:"Refuse control of one or withdraw its proof."`
	Attempts   domainAttemptsCmd   `cmd:"" help:"Show what was seen when somebody looked."`
}

// domainRef names a domain on the command line.
type domainRef struct {
	Domain string `arg:"" placeholder:"DOMAIN" help:"Name, number or id."`
}

// domain finds a domain by id, number or name.
func (s *session) domain(ctx context.Context, ref string) (core.DomainID, error) {
	if core.ValidID(ref) {
		return core.DomainID(ref), nil
	}
	by := is("name", ref)
	if number(ref) {
		by = is("number", ref)
	}
	return find(ctx, "domain", ref, s.api.Domains, func(d *resource.Domain) core.DomainID { return d.ID }, by)
}

// number reports whether s is digits alone.
func number(s string) bool {
	for _, b := range []byte(s) {
		if b < '0' || b > '9' {
			return false
		}
	}
	return s != ""
}

// onDomain runs f on the domain that is meant.
func onDomain(ctx context.Context, cli *CLI, ref string, f func(ctx context.Context, s *session, id core.DomainID) error) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		id, err := s.domain(ctx, ref)
		if err != nil {
			return err
		}
		return f(ctx, s, id)
	})
}

type domainListCmd struct {
	listFlags
	Organisation string `placeholder:"NAME" help:"Only those of this organisation."`
	Control      string `placeholder:"STATE" help:"Only in this state: pending, verified, rejected or expired."`
}

func (c *domainListCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		var more []core.Cond
		if c.Control != "" {
			more = append(more, is("control", c.Control))
		}
		if c.Organisation != "" && !c.Explain {
			org, err := s.organisation(ctx, c.Organisation)
			if err != nil {
				return err
			}
			more = append(more, is("organisation", string(org)))
		}
		v := view[resource.Domain]{columns: []string{"number", "name", "state", "control", "method", "valid_until", "caa"}}
		return runList(ctx, s, c.listFlags, "domains", v, s.api.Domains, more...)
	})
}

type domainShowCmd struct{ domainRef }

func (c *domainShowCmd) Run(ctx context.Context, cli *CLI) error {
	return onDomain(ctx, cli, c.Domain, func(ctx context.Context, s *session, id core.DomainID) error {
		d, err := s.api.Domain(ctx, id)
		if err != nil {
			return err
		}
		return s.out.show(d)
	})
}

type domainRegisterCmd struct {
	Name         string `arg:"" placeholder:"NAME" help:"Domain name; U-labels are allowed."`
	Organisation string `placeholder:"NAME" xor:"owner" help:"Organisation that it belongs to."`
	Group        string `placeholder:"NAME" xor:"owner" help:"Group that it belongs to; without either flag your own."`
	Method       string `placeholder:"METHOD" help:"dns-txt (default), dns-cname, http-url, email or dns-contact."`
	SkipCAA      bool   `name:"skip-caa" help:"Register although CAA records forbid to issue now."`
}

func (c *domainRegisterCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		n := resource.NewDomain{Name: c.Name, Method: c.Method, SkipCAA: c.SkipCAA}
		var err error
		if n.Organisation, err = s.organisation(ctx, c.Organisation); err != nil {
			return err
		}
		if n.Group, err = s.group(ctx, c.Group); err != nil {
			return err
		}
		d, err := s.api.RegisterDomain(ctx, n)
		if err != nil {
			return err
		}
		return s.out.show(d)
	})
}

type domainChallengeCmd struct {
	domainRef
	Method string `placeholder:"METHOD" help:"Change over to dns-txt, dns-cname, http-url, email or dns-contact."`
}

func (c *domainChallengeCmd) Run(ctx context.Context, cli *CLI) error {
	return onDomain(ctx, cli, c.Domain, func(ctx context.Context, s *session, id core.DomainID) error {
		ch, err := s.api.ChallengeDomain(ctx, id, c.Method)
		if err != nil {
			return err
		}
		return s.out.show(ch)
	})
}

type domainVerifyCmd struct {
	domainRef
	Method  string `placeholder:"METHOD" help:"Change over to this method first."`
	Address string `placeholder:"ADDRESS" help:"Where the mail goes; domain challenge shows which addresses there are."`
}

func (c *domainVerifyCmd) Run(ctx context.Context, cli *CLI) error {
	return onDomain(ctx, cli, c.Domain, func(ctx context.Context, s *session, id core.DomainID) error {
		o, err := s.api.VerifyDomain(ctx, id, resource.DomainVerify{Method: c.Method, Address: c.Address})
		if err != nil {
			return err
		}
		return s.verifiedDomain(o)
	})
}

// verifiedDomain tells what a look found. Without a proof the exit code says so.
func (s *session) verifiedDomain(o *resource.DomainOutcome) error {
	name := clean(o.Domain.Name)
	passed := o.Already || o.Attempt != nil && o.Attempt.Passed
	switch {
	case passed:
		return s.done(o, "Control of %s is proven until %s.", name, o.Domain.ValidUntil.UTC().Format("2006-01-02"))
	case o.Sent:
		return s.done(o, "A mail about %s went to %s. %s", name, clean(o.Attempt.Expected), clean(o.Attempt.Next))
	}
	if s.out.json {
		if err := s.out.printJSON(o); err != nil {
			return err
		}
	} else if o.Attempt != nil {
		if err := s.out.show(o.Attempt); err != nil {
			return err
		}
	}
	text := "control of " + name + " is not proven"
	if o.Attempt != nil && o.Attempt.Failure != nil {
		text += ": " + clean(o.Attempt.Failure.Detail)
	}
	return &failure{text: text, code: codeRefused}
}

type domainRenewCmd struct{ domainRef }

func (c *domainRenewCmd) Run(ctx context.Context, cli *CLI) error {
	return onDomain(ctx, cli, c.Domain, func(ctx context.Context, s *session, id core.DomainID) error {
		d, err := s.api.ChangeDomain(ctx, id, "renew")
		if err != nil {
			return err
		}
		return s.out.show(d)
	})
}

type domainActivateCmd struct{ domainRef }

func (c *domainActivateCmd) Run(ctx context.Context, cli *CLI) error {
	return onDomain(ctx, cli, c.Domain, func(ctx context.Context, s *session, id core.DomainID) error {
		d, err := s.api.ChangeDomain(ctx, id, "activate")
		if err != nil {
			return err
		}
		return s.done(d, "Domain %s is %s.", clean(d.Name), d.State)
	})
}

type domainDeactivateCmd struct{ domainRef }

func (c *domainDeactivateCmd) Run(ctx context.Context, cli *CLI) error {
	return onDomain(ctx, cli, c.Domain, func(ctx context.Context, s *session, id core.DomainID) error {
		d, err := s.api.ChangeDomain(ctx, id, "deactivate")
		if err != nil {
			return err
		}
		return s.done(d, "Domain %s is %s.", clean(d.Name), d.State)
	})
}

type domainRejectCmd struct {
	domainRef
	Reason string `placeholder:"TEXT" help:"For the audit log."`
}

func (c *domainRejectCmd) Run(ctx context.Context, cli *CLI) error {
	return onDomain(ctx, cli, c.Domain, func(ctx context.Context, s *session, id core.DomainID) error {
		d, err := s.api.Domain(ctx, id)
		if err != nil {
			return err
		}
		if err := s.confirm(ctx, "Withdraw the proof of %s? Its owner has to prove control anew.", clean(d.Name)); err != nil {
			return err
		}
		if d, err = s.api.RejectDomain(ctx, id, c.Reason); err != nil {
			return err
		}
		return s.done(d, "Control of %s is %s.", clean(d.Name), d.Control)
	})
}

type domainAttemptsCmd struct {
	domainRef
	Offset int `placeholder:"N" help:"Leave out this many of the newest."`
	Limit  int `default:"5" placeholder:"N" help:"At most this many."`
}

func (c *domainAttemptsCmd) Run(ctx context.Context, cli *CLI) error {
	return onDomain(ctx, cli, c.Domain, func(ctx context.Context, s *session, id core.DomainID) error {
		if c.Offset < 0 || c.Limit < 1 || c.Limit > 200 {
			return usage("--limit", "--limit is 1 to 200, --offset 0 or more")
		}
		got, err := s.api.DomainAttempts(ctx, id, c.Offset, c.Limit)
		if err != nil {
			return err
		}
		if s.out.json {
			return s.out.printJSON(got)
		}
		for i := range got.Items {
			if err := s.out.show(&got.Items[i]); err != nil {
				return err
			}
			if _, err := fmt.Fprintln(s.out.w); err != nil {
				return err
			}
		}
		if n := c.Offset + len(got.Items); n < got.Total {
			s.note("There are %d: --offset and --limit show more.", got.Total)
		}
		return nil
	})
}
