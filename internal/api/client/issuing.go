package client

import (
	"context"
	"io"
	"iter"
	"mime"
	"net/http"
	"net/url"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// File is a download.
type File struct {
	Name string // as the server suggests
	Type string // media type
	Body []byte
}

// file sends the request and reads a file.
func (c *Client) file(ctx context.Context, k call) (*File, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout*2)
	defer cancel()
	resp, err := c.send(ctx, k)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, core.Wrap(core.KindUnavailable, err, "the server's answer broke off: %v", err)
	}
	f := &File{Type: resp.Header.Get("Content-Type"), Body: body}
	if _, params, err := mime.ParseMediaType(resp.Header.Get("Content-Disposition")); err == nil {
		f.Name = params["filename"]
	}
	return f, nil
}

// stream copies a long answer to w.
func (c *Client) stream(ctx context.Context, k call, w io.Writer) error {
	k.stream = true
	resp, err := c.send(ctx, k)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(w, resp.Body); err != nil {
		return core.Wrap(core.KindUnavailable, err, "the server's answer broke off: %v", err)
	}
	return nil
}

// Certificates walks certificates.
func (c *Client) Certificates(ctx context.Context, q Query) iter.Seq2[resource.Certificate, error] {
	return All[resource.Certificate](ctx, c, "certificates", q)
}

// Certificate reads one with its contents, by id or public number.
func (c *Client) Certificate(ctx context.Context, id string) (*resource.CertificateDetail, error) {
	return get[resource.CertificateDetail](ctx, c, at("certificates", id), nil)
}

// Download gets a certificate as a file: format pem, der or p7b, chain none,
// intermediates or full ("": the format's usual one).
func (c *Client) Download(ctx context.Context, id, format, chain string) (*File, error) {
	v := url.Values{"format": {format}}
	if chain != "" {
		v.Set("chain", chain)
	}
	return c.file(ctx, call{method: http.MethodGet, path: at("certificates", id, "download"), query: v})
}

// Export gets a certificate with its private key as a file.
func (c *Client) Export(ctx context.Context, id string, e resource.Export) (*File, error) {
	return c.file(ctx, call{method: http.MethodPost, path: at("certificates", id, "export"), body: e})
}

// Renew orders a successor. key makes repeats safe; empty: the request's
// content does for a day.
func (c *Client) Renew(ctx context.Context, id string, r resource.Renewal, key string) (*resource.IssuedOrder, error) {
	return ask[resource.IssuedOrder](ctx, c, call{method: http.MethodPost, path: at("certificates", id, "renew"), body: r, key: key})
}

// Revoke revokes a certificate, or suspends it with the reason certificateHold.
func (c *Client) Revoke(ctx context.Context, id string, r resource.Revocation) (*resource.Certificate, error) {
	return post[resource.Certificate](ctx, c, at("certificates", id, "revoke"), r)
}

// Release ends a suspension.
func (c *Client) Release(ctx context.Context, id string) (*resource.Certificate, error) {
	return post[resource.Certificate](ctx, c, at("certificates", id, "release"), nil)
}

// SetTags replaces the tags of a certificate.
func (c *Client) SetTags(ctx context.Context, id string, tags []string) (*resource.Certificate, error) {
	return put[resource.Certificate](ctx, c, at("certificates", id, "tags"), resource.Tags{Tags: append([]string{}, tags...)})
}

// Orders walks orders.
func (c *Client) Orders(ctx context.Context, q Query) iter.Seq2[resource.Order, error] {
	return All[resource.Order](ctx, c, "orders", q)
}

// Order reads one with what was asked, by id or public number.
func (c *Client) Order(ctx context.Context, id string) (*resource.OrderDetail, error) {
	return get[resource.OrderDetail](ctx, c, at("orders", id), nil)
}

// CreateOrder asks for a certificate. With a key (Idempotency-Key) the request
// is repeated when no answer comes, and repeats give the first outcome.
func (c *Client) CreateOrder(ctx context.Context, o resource.NewOrder, key string) (*resource.IssuedOrder, error) {
	return ask[resource.IssuedOrder](ctx, c, call{method: http.MethodPost, path: "/orders", body: o, key: key})
}

// ApproveOrder says yes to an order that waits for people.
func (c *Client) ApproveOrder(ctx context.Context, id, comment string) (*resource.OrderDetail, error) {
	return post[resource.OrderDetail](ctx, c, at("orders", id, "approve"), resource.Decision{Comment: comment})
}

// RejectOrder says no; the requester sees the comment.
func (c *Client) RejectOrder(ctx context.Context, id, comment string) (*resource.OrderDetail, error) {
	return post[resource.OrderDetail](ctx, c, at("orders", id, "reject"), resource.Decision{Comment: comment})
}

// CancelOrder ends an order that is not issued yet.
func (c *Client) CancelOrder(ctx context.Context, id, comment string) (*resource.OrderDetail, error) {
	return post[resource.OrderDetail](ctx, c, at("orders", id, "cancel"), resource.Decision{Comment: comment})
}

// Products walks products.
func (c *Client) Products(ctx context.Context, q Query) iter.Seq2[resource.Product, error] {
	return All[resource.Product](ctx, c, "products", q)
}

// Product reads one by id or code.
func (c *Client) Product(ctx context.Context, id string) (*resource.Product, error) {
	return get[resource.Product](ctx, c, at("products", id), nil)
}

// CreateProduct adds a product.
func (c *Client) CreateProduct(ctx context.Context, p resource.NewProduct) (*resource.Product, error) {
	return post[resource.Product](ctx, c, "/products", p)
}

// UpdateProduct replaces a product; kind conflict when its version has moved.
func (c *Client) UpdateProduct(ctx context.Context, id string, p resource.ProductUpdate) (*resource.Product, error) {
	return put[resource.Product](ctx, c, at("products", id), p)
}

// SetProductState enables or disables a product.
func (c *Client) SetProductState(ctx context.Context, id string, enable bool) (*resource.Product, error) {
	return post[resource.Product](ctx, c, at("products", id, switchWord(enable)), nil)
}

// DryRunDraft is DryRun by a product that is not saved.
func (c *Client) DryRunDraft(ctx context.Context, r resource.DraftDryRun) (*resource.Verdict, error) {
	return post[resource.Verdict](ctx, c, at("products", "dry-run"), r)
}

// DryRun says whether a request would be issued, and if not why.
func (c *Client) DryRun(ctx context.Context, product string, r resource.DryRun) (*resource.Verdict, error) {
	return post[resource.Verdict](ctx, c, at("products", product, "dry-run"), r)
}

// Issuers walks issuing CAs.
func (c *Client) Issuers(ctx context.Context, q Query) iter.Seq2[resource.Issuer, error] {
	return All[resource.Issuer](ctx, c, "issuers", q)
}

// Issuer reads one with its certificate.
func (c *Client) Issuer(ctx context.Context, id core.IssuerID) (*resource.IssuerDetail, error) {
	return get[resource.IssuerDetail](ctx, c, at("issuers", id), nil)
}

// CreateIssuer makes a CA: root, issuing, or pending with a CSR.
func (c *Client) CreateIssuer(ctx context.Context, i resource.NewIssuer) (*resource.IssuerDetail, error) {
	return post[resource.IssuerDetail](ctx, c, "/issuers", i)
}

// CRL gets the last CRL of an issuer as a file, DER.
func (c *Client) CRL(ctx context.Context, id core.IssuerID) (*File, error) {
	return c.file(ctx, call{method: http.MethodGet, path: at("issuers", id, "crl")})
}

// InstallCertificate brings the certificate of a pending issuer.
func (c *Client) InstallCertificate(ctx context.Context, id core.IssuerID, pem string) (*resource.IssuerDetail, error) {
	return post[resource.IssuerDetail](ctx, c, at("issuers", id, "certificate"), resource.InstallCertificate{PEM: pem})
}

// SetIssuerState enables or disables an issuer.
func (c *Client) SetIssuerState(ctx context.Context, id core.IssuerID, enable bool) (*resource.IssuerDetail, error) {
	return post[resource.IssuerDetail](ctx, c, at("issuers", id, switchWord(enable)), nil)
}

// PublishCRL makes a new CRL now.
func (c *Client) PublishCRL(ctx context.Context, id core.IssuerID) (*resource.IssuerDetail, error) {
	return post[resource.IssuerDetail](ctx, c, at("issuers", id, "crl"), nil)
}

func switchWord(on bool) string {
	if on {
		return "enable"
	}
	return "disable"
}
