package api

import (
	"context"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/setup"
)

// Setup leads the first administrator through what an installation needs;
// package setup implements it.
type Setup interface {
	Get(ctx context.Context, p *core.Principal) (*setup.State, error)
	Start(ctx context.Context, p *core.Principal) (*setup.State, error)
	Mark(ctx context.Context, p *core.Principal, step, state string) (*setup.State, error)
	Close(ctx context.Context, p *core.Principal, open bool) (*setup.State, error)
	ReplaceCAs(ctx context.Context, p *core.Principal, n setup.NewCAs) (*setup.State, error)
}

func (a *API) setupRoutes() {
	register(a, get("setup", "get-setup", "/setup", "How far the setup of this installation is", identity.SettingsManage),
		func(ctx context.Context, p *core.Principal, _ *struct{}) (*out[resource.Setup], error) {
			s, err := a.d.Setup.Get(ctx, p)
			return shaped(s, err, setupResource)
		})
	register(a, post("setup", "start-setup", "/setup/start", "Record that the assistant was opened", identity.SettingsManage),
		func(ctx context.Context, p *core.Principal, _ *struct{}) (*out[resource.Setup], error) {
			s, err := a.d.Setup.Start(ctx, p)
			return shaped(s, err, setupResource)
		})
	register(a, post("setup", "mark-setup-step", "/setup/steps", "Record that a step is done or skipped", identity.SettingsManage),
		func(ctx context.Context, p *core.Principal, in *in[resource.SetupStepChange]) (*out[resource.Setup], error) {
			s, err := a.d.Setup.Mark(ctx, p, in.Body.Step, in.Body.State)
			return shaped(s, err, setupResource)
		})
	register(a, post("setup", "close-setup", "/setup/close", "Offer the assistant no more", identity.SettingsManage),
		func(ctx context.Context, p *core.Principal, _ *struct{}) (*out[resource.Setup], error) {
			s, err := a.d.Setup.Close(ctx, p, false)
			return shaped(s, err, setupResource)
		})
	register(a, post("setup", "open-setup", "/setup/open", "Offer the assistant again", identity.SettingsManage),
		func(ctx context.Context, p *core.Principal, _ *struct{}) (*out[resource.Setup], error) {
			s, err := a.d.Setup.Close(ctx, p, true)
			return shaped(s, err, setupResource)
		})
	register(a, post("setup", "replace-first-cas", "/setup/cas", "Make CAs with own names in place of those of the first start", identity.IssuerManage).
		says("As long as nothing but the server's own certificate was issued. All products of the first CAs use the new ones, and the first ones are disabled. A call that was cut off is made again: it goes on with the names of the first."),
		func(ctx context.Context, p *core.Principal, in *in[resource.NewCAs]) (*out[resource.Setup], error) {
			b := in.Body
			s, err := a.d.Setup.ReplaceCAs(ctx, p, setup.NewCAs{Organisation: b.Organisation, Country: b.Country, Root: b.Root, Issuing: b.Issuing, RootKey: b.RootKey, IssuingKey: b.IssuingKey})
			return shaped(s, err, setupResource)
		})
}

func setupResource(s *setup.State) resource.Setup {
	r := resource.Setup{CAFixed: s.CAFixed, Steps: []resource.SetupStep{}}
	for _, name := range setup.Steps {
		step := resource.SetupStep{Step: name}
		if s.Setup != nil {
			step.State = s.Setup.Steps[name]
		}
		r.Steps = append(r.Steps, step)
	}
	if s.Setup != nil {
		r.Known, r.Started, r.Closed = true, !s.Setup.StartedAt.IsZero(), !s.Setup.ClosedAt.IsZero()
		r.CABegun = s.Setup.CA != nil && s.Setup.CA.DoneAt.IsZero()
	}
	return r
}
