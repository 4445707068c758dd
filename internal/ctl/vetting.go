package ctl

import (
	"context"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// vettingCmd are the commands about vettings of organisations.
type vettingCmd struct {
	List   vettingListCmd   `cmd:"" help:"List vettings."`
	Show   vettingShowCmd   `cmd:"" help:"Show one."`
	Ask    vettingAskCmd    `cmd:"" help:"Ask for one, or get the open one."`
	Decide vettingDecideCmd `cmd:"" help:"Decide on one that somebody else asked for."`
	Cancel vettingCancelCmd `cmd:"" help:"End an open one."`
}

// vettingRef names a vetting on the command line.
type vettingRef struct {
	Vetting string `arg:"" placeholder:"VETTING" help:"Id."`
}

func (r vettingRef) id() core.VettingID { return core.VettingID(r.Vetting) }

type vettingListCmd struct {
	Organisation string `placeholder:"ORGANISATION" help:"Those of one organisation: name, number or id."`
	listFlags
}

func (c *vettingListCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		v := view[resource.Vetting]{columns: []string{"id", "organisation", "purpose", "state", "method", "expires_at", "created_at"}}
		more, err := s.ofOrganisation(ctx, c.Organisation)
		if err != nil {
			return err
		}
		return runList(ctx, s, c.listFlags, "vettings", v, s.api.Vettings, more...)
	})
}

// ofOrganisation is the filter for one organisation; "" is none.
func (s *session) ofOrganisation(ctx context.Context, ref string) ([]core.Cond, error) {
	if ref == "" {
		return nil, nil
	}
	id, err := s.organisation(ctx, ref)
	return []core.Cond{is("organisation", string(id))}, err
}

type vettingShowCmd struct{ vettingRef }

func (c *vettingShowCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		v, err := s.api.Vetting(ctx, c.id())
		if err != nil {
			return err
		}
		return s.out.show(v)
	})
}

type vettingAskCmd struct {
	organisationRef
	Purpose string `arg:"" enum:"ov,ev,smime" help:"ov, ev (covers ov) or smime."`
}

func (c *vettingAskCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		id, err := s.organisation(ctx, c.Organisation)
		if err != nil {
			return err
		}
		v, err := s.api.AskVetting(ctx, resource.NewVetting{Organisation: id, Purpose: core.Purpose(c.Purpose)})
		if err != nil {
			return err
		}
		return s.done(v, "Vetting %s is %s.", v.ID, v.State)
	})
}

type vettingDecideCmd struct {
	vettingRef
	State    string   `arg:"" enum:"validated,rejected,discrepancy" help:"validated, rejected (also to withdraw a validated one) or discrepancy (the organisation has to answer)."`
	Method   string   `enum:",register,site-visit,attestation-letter,reliable-data-source,face-to-face,other" default:"" placeholder:"METHOD" help:"How it was examined: register, site-visit, attestation-letter, reliable-data-source, face-to-face, other."`
	Source   string   `placeholder:"TEXT" help:"Which register, letter and so on."`
	Evidence []string `placeholder:"ID" help:"Documents of the organisation that prove it."`
	Expires  string   `placeholder:"WHEN" help:"When it ends: 90d, 2027-01-31; the longest that is allowed unless given."`
	Comment  string   `placeholder:"TEXT" help:"Why; needed unless validated."`
	Version  int      `placeholder:"NUMBER" help:"The version that you looked at: if it is another one by now, nothing is decided."`
}

func (c *vettingDecideCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		d := resource.VettingDecision{State: core.VettingState(c.State), Method: c.Method, Source: c.Source, Comment: c.Comment, Version: c.Version}
		for _, e := range c.Evidence {
			d.Evidence = append(d.Evidence, core.DocumentID(e))
		}
		if c.Expires != "" {
			var err error
			if d.ExpiresAt, err = parseWhen(c.Expires, s.now); err != nil {
				return err
			}
		}
		v, err := s.api.DecideVetting(ctx, c.id(), d)
		if err != nil {
			return err
		}
		if v.ExpiresAt.IsZero() {
			return s.done(v, "The vetting is %s.", v.State)
		}
		return s.done(v, "The vetting is %s until %s.", v.State, v.ExpiresAt.Format(dateForm))
	})
}

type vettingCancelCmd struct {
	vettingRef
	Comment string `placeholder:"TEXT" help:"Why."`
}

func (c *vettingCancelCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		v, err := s.api.CancelVetting(ctx, c.id(), c.Comment)
		if err != nil {
			return err
		}
		return s.done(v, "The vetting is %s.", v.State)
	})
}
