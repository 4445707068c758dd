package client

import (
	"context"
	"iter"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// DeploymentRequests walks the requests to put certificates on servers.
func (c *Client) DeploymentRequests(ctx context.Context, q Query) iter.Seq2[resource.DeploymentRequest, error] {
	return All[resource.DeploymentRequest](ctx, c, "deployment-requests", q)
}

// RequestDeployment asks for a certificate to be put on a server. Nothing
// deploys yet: the request waits.
func (c *Client) RequestDeployment(ctx context.Context, certificate, target string) (*resource.DeploymentRequest, error) {
	return post[resource.DeploymentRequest](ctx, c, at("certificates", certificate, "deployment-requests"), resource.NewDeploymentRequest{Target: target})
}

// CancelDeploymentRequest withdraws one that still waits.
func (c *Client) CancelDeploymentRequest(ctx context.Context, id core.DeploymentRequestID) (*resource.DeploymentRequest, error) {
	return post[resource.DeploymentRequest](ctx, c, at("deployment-requests", id, "cancel"), nil)
}
