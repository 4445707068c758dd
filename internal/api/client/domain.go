package client

import (
	"context"
	"iter"
	"net/url"
	"strconv"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// Domains walks domains.
func (c *Client) Domains(ctx context.Context, q Query) iter.Seq2[resource.Domain, error] {
	return All[resource.Domain](ctx, c, "domains", q)
}

// Domain reads one with its challenge.
func (c *Client) Domain(ctx context.Context, id core.DomainID) (*resource.DomainDetail, error) {
	return get[resource.DomainDetail](ctx, c, at("domains", id), nil)
}

// RegisterDomain adds one.
func (c *Client) RegisterDomain(ctx context.Context, n resource.NewDomain) (*resource.DomainDetail, error) {
	return post[resource.DomainDetail](ctx, c, "/domains", n)
}

// ChallengeDomain reads the challenge, made anew when it ran out, or changes the
// method.
func (c *Client) ChallengeDomain(ctx context.Context, id core.DomainID, method string) (*resource.DomainChallenge, error) {
	return post[resource.DomainChallenge](ctx, c, at("domains", id, "challenge"), resource.DomainMethod{Method: method})
}

// VerifyDomain has the server look at the challenge now, or send the mail.
func (c *Client) VerifyDomain(ctx context.Context, id core.DomainID, v resource.DomainVerify) (*resource.DomainOutcome, error) {
	return post[resource.DomainOutcome](ctx, c, at("domains", id, "verify"), v)
}

// ChangeDomain does one of renew, activate and deactivate.
func (c *Client) ChangeDomain(ctx context.Context, id core.DomainID, verb string) (*resource.DomainDetail, error) {
	return post[resource.DomainDetail](ctx, c, at("domains", id, verb), nil)
}

// RejectDomain refuses control of a domain or withdraws its proof.
func (c *Client) RejectDomain(ctx context.Context, id core.DomainID, reason string) (*resource.DomainDetail, error) {
	return post[resource.DomainDetail](ctx, c, at("domains", id, "reject"), resource.Reasoned{Reason: reason})
}

// DomainAttempts reads looks at a domain, newest first.
func (c *Client) DomainAttempts(ctx context.Context, id core.DomainID, offset, limit int) (*resource.DomainAttempts, error) {
	return get[resource.DomainAttempts](ctx, c, at("domains", id, "attempts"),
		url.Values{"offset": {strconv.Itoa(offset)}, "limit": {strconv.Itoa(limit)}})
}

// DomainAttempt reads one look.
func (c *Client) DomainAttempt(ctx context.Context, id core.DomainID, attempt core.AttemptID) (*resource.DomainAttempt, error) {
	return get[resource.DomainAttempt](ctx, c, at("domains", id, "attempts", string(attempt)), nil)
}
