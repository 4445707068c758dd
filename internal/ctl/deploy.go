package ctl

import (
	"context"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

type certDeployCmd struct {
	certRef
	Target string `required:"" placeholder:"PLACE" help:"What you call the place: one line."`
}

// Help implements kong.HelpProvider.
func (c *certDeployCmd) Help() string {
	return "This version does not deploy certificates. The request is recorded and waits until a version does."
}

func (c *certDeployCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		got, err := s.api.RequestDeployment(ctx, c.Certificate, c.Target)
		if err != nil {
			return err
		}
		return s.done(got, "Request %d to deploy to %s is recorded (%s). Nothing deploys yet: it waits until a version does.", got.Number, clean(got.Target), got.ID)
	})
}

type certDeploymentsCmd struct{ listFlags }

func (c *certDeploymentsCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		v := view[resource.DeploymentRequest]{columns: []string{"id", "state", "target", "certificate", "created_at"}, clocks: true}
		return runList(ctx, s, c.listFlags, "deployment-requests", v, s.api.DeploymentRequests)
	})
}

type certCancelDeploymentCmd struct {
	Request core.DeploymentRequestID `arg:"" placeholder:"REQUEST" help:"Id."`
}

func (c *certCancelDeploymentCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		got, err := s.api.CancelDeploymentRequest(ctx, c.Request)
		if err != nil {
			return err
		}
		return s.done(got, "The request to deploy to %s is %s.", clean(got.Target), got.State)
	})
}
