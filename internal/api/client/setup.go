package client

import (
	"context"

	"github.com/certwright/certwright/internal/api/resource"
)

// Setup reads how far the assistant of the first days is.
func (c *Client) Setup(ctx context.Context) (*resource.Setup, error) {
	return get[resource.Setup](ctx, c, "/setup", nil)
}

// StartSetup records that it was begun.
func (c *Client) StartSetup(ctx context.Context) (*resource.Setup, error) {
	return post[resource.Setup](ctx, c, "/setup/start", nil)
}

// MarkSetupStep records what became of a step.
func (c *Client) MarkSetupStep(ctx context.Context, step, state string) (*resource.Setup, error) {
	return post[resource.Setup](ctx, c, "/setup/steps", resource.SetupStepChange{Step: step, State: state})
}

// OfferSetup has it offered again, or no more.
func (c *Client) OfferSetup(ctx context.Context, offer bool) (*resource.Setup, error) {
	if offer {
		return post[resource.Setup](ctx, c, "/setup/open", nil)
	}
	return post[resource.Setup](ctx, c, "/setup/close", nil)
}

// ReplaceFirstCAs makes CAs with own names in place of those of the first start.
func (c *Client) ReplaceFirstCAs(ctx context.Context, n resource.NewCAs) (*resource.Setup, error) {
	return post[resource.Setup](ctx, c, "/setup/cas", n)
}
