package ctl

import (
	"context"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// renewalCmd are the commands about early renewal by ACME clients.
type renewalCmd struct {
	Pull   renewalPullCmd   `cmd:"" help:"Have ACME clients renew early what an issuer or a product issued so far."`
	List   renewalListCmd   `cmd:"" help:"List the early renewals that were asked for."`
	Cancel renewalCancelCmd `cmd:"" help:"Cancel one."`
}

type renewalPullCmd struct {
	Issuer      string `placeholder:"ISSUER" help:"Whose certificates: slug or id."`
	Product     string `placeholder:"CODE" help:"Of which product: code or id."`
	Within      string `placeholder:"TIME" help:"Spread over this time from the start: 24h, 7d; at most 90 days."`
	Start       string `placeholder:"TIME" help:"When it begins; now unless given."`
	End         string `placeholder:"TIME" help:"When it ends, instead of --within."`
	Explanation string `placeholder:"URL" help:"Page that clients show to their administrators."`
	Reason      string `placeholder:"TEXT" help:"For people here and for the audit log."`
}

func (c *renewalPullCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) (err error) {
		if c.Issuer == "" && c.Product == "" {
			return usage("--issuer", "say whose certificates: --issuer, --product or both")
		}
		if (c.Within == "") == (c.End == "") {
			return usage("--within", "give either --within or --end")
		}
		n := resource.NewRenewalPull{Product: c.Product, Within: c.Within, Explanation: c.Explanation, Reason: c.Reason}
		if c.Start != "" {
			if n.Start, err = parseWhen(c.Start, s.now); err != nil {
				return err
			}
		}
		if c.End != "" {
			if n.End, err = parseWhen(c.End, s.now); err != nil {
				return err
			}
		}
		if n.Issuer, err = s.issuer(ctx, c.Issuer); err != nil {
			return err
		}
		what := joinNonEmpty(c.Issuer, c.Product)
		if err := s.confirm(ctx, "Have all ACME clients of %s renew early? Each certificate is made anew.", what); err != nil {
			return err
		}
		p, err := s.api.CreateRenewalPull(ctx, n)
		if err != nil {
			return err
		}
		return s.done(p, "Clients renew between %s and %s UTC (%s).", clock(p.Start), clock(p.End), p.ID)
	})
}

// joinNonEmpty writes the texts that are not empty with a slash between.
func joinNonEmpty(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "/" + b
}

type renewalListCmd struct{ listFlags }

func (c *renewalListCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		v := view[resource.RenewalPull]{columns: []string{"id", "state", "issuer", "product", "start", "end", "reason"}, clocks: true}
		return runList(ctx, s, c.listFlags, "renewal-pulls", v, s.api.RenewalPulls)
	})
}

type renewalCancelCmd struct {
	Pull core.PullID `arg:"" placeholder:"PULL" help:"Id."`
}

func (c *renewalCancelCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		p, err := s.api.RenewalPull(ctx, c.Pull)
		if err != nil {
			return err
		}
		if err := s.confirm(ctx, "Cancel the early renewal %s (%s)? Clients go by the age of their certificates again.", p.ID, p.Reason); err != nil {
			return err
		}
		if p, err = s.api.CancelRenewalPull(ctx, p.ID); err != nil {
			return err
		}
		return s.done(p, "The early renewal is %s.", p.State)
	})
}
