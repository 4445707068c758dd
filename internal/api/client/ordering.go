package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// Catalogue lists what may be ordered step by step.
func (c *Client) Catalogue(ctx context.Context) (*resource.Catalogue, error) {
	return get[resource.Catalogue](ctx, c, "/catalogue", nil)
}

// RequestOrder begins an order that is put together step by step. key may be
// empty.
func (c *Client) RequestOrder(ctx context.Context, o resource.NewOrderRequest, key string) (*resource.OrderDetail, error) {
	return ask[resource.OrderDetail](ctx, c, call{method: http.MethodPost, path: "/order-requests", body: o, key: key})
}

// OrderByRequest reads an order by its request number.
func (c *Client) OrderByRequest(ctx context.Context, number int64) (*resource.OrderDetail, error) {
	return get[resource.OrderDetail](ctx, c, at("order-requests", strconv.FormatInt(number, 10)), nil)
}

// SetOrderCSR gives an open order its key.
func (c *Client) SetOrderCSR(ctx context.Context, order, csr string) (*resource.OrderDetail, error) {
	return put[resource.OrderDetail](ctx, c, at("orders", order, "csr"), resource.OrderKey{CSR: csr})
}

// SignAgreement signs the subscriber agreement of an order.
func (c *Client) SignAgreement(ctx context.Context, order string, s resource.Signature) (*resource.OrderDetail, error) {
	return post[resource.OrderDetail](ctx, c, at("orders", order, "agreement"), s)
}

// AddOrderDocument brings a PDF file that an order needs.
func (c *Client) AddOrderDocument(ctx context.Context, order, name, description string, body []byte) (*resource.OrderDetail, error) {
	q := url.Values{"name": {name}}
	if description != "" {
		q.Set("description", description)
	}
	return ask[resource.OrderDetail](ctx, c, call{method: http.MethodPost, path: at("orders", order, "documents"), query: q, raw: body, media: "application/pdf"})
}

// OrderDocument downloads one.
func (c *Client) OrderDocument(ctx context.Context, order string, doc core.DocumentID) (*File, error) {
	return c.file(ctx, call{method: http.MethodGet, path: at("orders", order, "documents", string(doc))})
}

// AskOrderDocuments sends an order back for other documents.
func (c *Client) AskOrderDocuments(ctx context.Context, order, comment string) (*resource.OrderDetail, error) {
	return post[resource.OrderDetail](ctx, c, at("orders", order, "ask-documents"), resource.Decision{Comment: comment})
}

// ReissueOrder orders an issued certificate once more. key may be empty.
func (c *Client) ReissueOrder(ctx context.Context, order string, r resource.Reissue, key string) (*resource.OrderDetail, error) {
	return ask[resource.OrderDetail](ctx, c, call{method: http.MethodPost, path: at("orders", order, "reissue"), body: r, key: key})
}

// RenewOrder orders the renewal of an issued order. csr and key may be empty.
func (c *Client) RenewOrder(ctx context.Context, order, csr, key string) (*resource.OrderDetail, error) {
	return ask[resource.OrderDetail](ctx, c, call{method: http.MethodPost, path: at("orders", order, "renew"), body: resource.OrderRenewal{CSR: csr}, key: key})
}

// RevokeOrder revokes or suspends an order's certificate.
func (c *Client) RevokeOrder(ctx context.Context, order string, r resource.OrderRevocation) (*resource.OrderDetail, error) {
	return post[resource.OrderDetail](ctx, c, at("orders", order, "revoke"), r)
}

// ResumeOrder takes an order's suspended certificate off hold.
func (c *Client) ResumeOrder(ctx context.Context, order string) (*resource.OrderDetail, error) {
	return ask[resource.OrderDetail](ctx, c, call{method: http.MethodPost, path: at("orders", order, "resume")})
}

// ReportOrders reads a page of the report of orders; see the API for the query.
func (c *Client) ReportOrders(ctx context.Context, q url.Values) (*resource.OrderReport, error) {
	return get[resource.OrderReport](ctx, c, "/order-report", q)
}
