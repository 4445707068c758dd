package client

import (
	"context"
	"iter"
	"net/http"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// AgreementTexts walks the versions of subscriber agreements, without bodies.
func (c *Client) AgreementTexts(ctx context.Context, q Query) iter.Seq2[resource.AgreementText, error] {
	return All[resource.AgreementText](ctx, c, "agreement-texts", q)
}

// AgreementText reads one with its body.
func (c *Client) AgreementText(ctx context.Context, id core.AgreementTextID) (*resource.AgreementText, error) {
	return get[resource.AgreementText](ctx, c, at("agreement-texts", id), nil)
}

// AgreementFile downloads one.
func (c *Client) AgreementFile(ctx context.Context, id core.AgreementTextID) (*File, error) {
	return c.file(ctx, call{method: http.MethodGet, path: at("agreement-texts", id, "download")})
}

// PublishAgreement adds a version.
func (c *Client) PublishAgreement(ctx context.Context, t resource.NewAgreementText) (*resource.AgreementText, error) {
	return post[resource.AgreementText](ctx, c, "/agreement-texts", t)
}
