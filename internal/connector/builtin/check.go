package builtin

import (
	"context"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// NotAfter implements connector.Prepared.
func (p prepared) NotAfter() time.Time {
	_, end := p.Validity()
	return end
}

// Check says whether the issuer would sign the template, lint included. It
// leaves no trace.
func (c *Connector) Check(ctx context.Context, issuer *core.Issuer, t core.Template) error {
	_, err := c.ca.Prepare(ctx, issuer, t)
	return err
}
