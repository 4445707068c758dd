package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// Vettings walks the vettings of organisations.
func (c *Client) Vettings(ctx context.Context, q Query) iter.Seq2[resource.Vetting, error] {
	return All[resource.Vetting](ctx, c, "vettings", q)
}

// Vetting reads one.
func (c *Client) Vetting(ctx context.Context, id core.VettingID) (*resource.Vetting, error) {
	return get[resource.Vetting](ctx, c, at("vettings", id), nil)
}

// AskVetting asks for a vetting, or gets the open one.
func (c *Client) AskVetting(ctx context.Context, v resource.NewVetting) (*resource.Vetting, error) {
	return post[resource.Vetting](ctx, c, "/vettings", v)
}

// DecideVetting decides on a vetting that somebody else asked for.
func (c *Client) DecideVetting(ctx context.Context, id core.VettingID, d resource.VettingDecision) (*resource.Vetting, error) {
	return post[resource.Vetting](ctx, c, at("vettings", id, "decide"), d)
}

// CancelVetting ends an open one.
func (c *Client) CancelVetting(ctx context.Context, id core.VettingID, comment string) (*resource.Vetting, error) {
	return post[resource.Vetting](ctx, c, at("vettings", id, "cancel"), resource.VettingCancellation{Comment: comment})
}

// SetLegal sets the legal data of an organisation.
func (c *Client) SetLegal(ctx context.Context, id core.OrganisationID, d core.LegalData) (*resource.Organisation, error) {
	return put[resource.Organisation](ctx, c, at("organisations", id, "legal"), d)
}

// PreVettingToken shows an organisation's token.
func (c *Client) PreVettingToken(ctx context.Context, id core.OrganisationID) (*resource.PreVettingToken, error) {
	return get[resource.PreVettingToken](ctx, c, at("organisations", id, "pre-vetting-token"), nil)
}

// RenewPreVettingToken makes it anew; the old one ends at once.
func (c *Client) RenewPreVettingToken(ctx context.Context, id core.OrganisationID) (*resource.PreVettingToken, error) {
	return ask[resource.PreVettingToken](ctx, c, call{method: http.MethodPost, path: at("organisations", id, "pre-vetting-token")})
}

// OrganisationDocuments lists the evidence about an organisation.
func (c *Client) OrganisationDocuments(ctx context.Context, id core.OrganisationID) (*resource.Documents, error) {
	return get[resource.Documents](ctx, c, at("organisations", id, "documents"), nil)
}

// AddOrganisationDocument brings a PDF file as evidence.
func (c *Client) AddOrganisationDocument(ctx context.Context, id core.OrganisationID, name, description string, body []byte) (*resource.Document, error) {
	q := url.Values{"name": {name}}
	if description != "" {
		q.Set("description", description)
	}
	return ask[resource.Document](ctx, c, call{method: http.MethodPost, path: at("organisations", id, "documents"), query: q, raw: body, media: "application/pdf"})
}

// OrganisationDocument downloads one.
func (c *Client) OrganisationDocument(ctx context.Context, id core.OrganisationID, doc core.DocumentID) (*File, error) {
	return c.file(ctx, call{method: http.MethodGet, path: at("organisations", id, "documents", string(doc))})
}

// Representatives lists who may speak for an organisation.
func (c *Client) Representatives(ctx context.Context, id core.OrganisationID) (*resource.Representatives, error) {
	return get[resource.Representatives](ctx, c, at("organisations", id, "representatives"), nil)
}

// AddRepresentative adds one.
func (c *Client) AddRepresentative(ctx context.Context, id core.OrganisationID, r resource.RepresentativeFields) (*resource.Representative, error) {
	return post[resource.Representative](ctx, c, at("organisations", id, "representatives"), r)
}

// UpdateRepresentative changes one.
func (c *Client) UpdateRepresentative(ctx context.Context, id core.OrganisationID, rep core.RepresentativeID, r resource.RepresentativeFields) (*resource.Representative, error) {
	return put[resource.Representative](ctx, c, at("organisations", id, "representatives", string(rep)), r)
}

// RemoveRepresentative removes one.
func (c *Client) RemoveRepresentative(ctx context.Context, id core.OrganisationID, r core.RepresentativeID) error {
	return c.remove(ctx, at("organisations", id, "representatives", string(r)))
}

// Consents walks the links sent to representatives.
func (c *Client) Consents(ctx context.Context, q Query) iter.Seq2[resource.Consent, error] {
	return All[resource.Consent](ctx, c, "consents", q)
}

// SendConsent mails a representative a link.
func (c *Client) SendConsent(ctx context.Context, id core.OrganisationID, n resource.NewConsent) (*resource.Consent, error) {
	return post[resource.Consent](ctx, c, at("organisations", id, "consents"), n)
}
