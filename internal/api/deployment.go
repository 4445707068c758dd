package api

import (
	"context"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// nothingDeploys is what somebody who asks must know.
const nothingDeploys = "Nothing deploys yet: the request is recorded and waits until a version deploys certificates."

func (a *API) deploymentRoutes() {
	addList(a, get("certificates", "list-deployment-requests", "/deployment-requests", "List the requests to put certificates on servers", identity.CertificateView),
		"deployment-requests", a.d.Orders.DeploymentColumns, a.d.Orders.Deployments, deploymentResource)
	register(a, post("certificates", "request-deployment", "/certificates/{id}/deployment-requests", "Ask for a certificate to be put on a server", identity.CertificateDeploy).created().
		says(nothingDeploys), a.deploy)
	register(a, post("certificates", "cancel-deployment-request", "/deployment-requests/{id}/cancel", "Withdraw a request to put a certificate on a server", identity.CertificateDeploy),
		func(ctx context.Context, p *core.Principal, in *ByID[core.DeploymentRequestID]) (*out[resource.DeploymentRequest], error) {
			return deploymentAnswer(a.d.Orders.CancelDeployment(ctx, p, in.ID))
		})
}

type deployRequest struct {
	ByWord
	Body resource.NewDeploymentRequest
}

func (a *API) deploy(ctx context.Context, p *core.Principal, in *deployRequest) (*out[resource.DeploymentRequest], error) {
	c, err := a.certificate(ctx, p, in.ID, identity.CertificateDeploy)
	if err != nil {
		return nil, err
	}
	return deploymentAnswer(a.d.Orders.Deploy(ctx, p, c.ID, in.Body.Target))
}

func deploymentAnswer(d *core.DeploymentRequest, err error) (*out[resource.DeploymentRequest], error) {
	if err != nil {
		return nil, err
	}
	return &out[resource.DeploymentRequest]{deploymentResource(d)}, nil
}

func deploymentResource(d *core.DeploymentRequest) resource.DeploymentRequest {
	return resource.DeploymentRequest{ID: d.ID, Number: d.Number, State: d.State, Target: d.Target, Certificate: d.Certificate, Credential: d.Credential,
		User: d.User, Group: d.Group, CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt}
}
