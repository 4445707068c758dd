package est

import (
	"encoding/base64"
	"net/http"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/enroll"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// cacerts distributes the CA certificates (RFC 7030 section 4.1): the issuing
// CA of the default product first, its root last. It needs no authentication.
func (c *call) cacerts() error {
	if err := c.public(); err != nil {
		return err
	}
	chain, err := c.s.d.Enroll.Chain(c.r.Context(), c.cred.Account, c.cred.Product)
	if err != nil {
		return err
	}
	certsOnly(c.w, c.r, chain...)
	return nil
}

// simpleenroll issues a certificate (RFC 7030 section 4.2).
func (c *call) simpleenroll() error {
	p, _, err := c.authenticate(false)
	if err != nil {
		return err
	}
	csr, err := c.request()
	if err != nil {
		return err
	}
	return c.submit(enroll.Request{Principal: p, CSR: csr.Raw})
}

// simplereenroll renews a certificate (RFC 7030 section 4.2.2).
func (c *call) simplereenroll() error {
	p, old, err := c.authenticate(true)
	if err != nil {
		return err
	}
	csr, err := c.request()
	if err != nil {
		return err
	}
	req := enroll.Request{Principal: p, CSR: csr.Raw}
	if err := c.renew(&req, csr, old); err != nil {
		return err
	}
	return c.submit(req)
}

// submit orders and answers. A repeat of a pending request finds its order
// again, because enroll derives the idempotency key from the request's
// content (RFC 7030 section 4.2.3: the client repeats the same POST).
func (c *call) submit(req enroll.Request) error {
	res, err := c.order(req)
	if err != nil {
		return err
	}
	certsOnly(c.w, c.r, res.Certificate.DER)
	return nil
}

// order submits the request and returns an issued result; everything else is
// an error, also "not yet".
func (c *call) order(req enroll.Request) (*enroll.Result, error) {
	ctx := c.r.Context()
	req.Origin = core.Origin{Protocol: c.s.Name(), Operation: c.op, RequestID: req.Principal.RequestID}
	if a := httpx.ClientAddr(ctx); a.IsValid() {
		req.Origin.Address = a.String()
	}
	c.submitted = true
	res, err := c.s.d.Enroll.Submit(ctx, req)
	if err != nil {
		return nil, err
	}
	if res.Certificate != nil && len(res.Certificate.DER) > 0 {
		return res, nil
	}
	return nil, c.notIssued(res)
}

func (c *call) notIssued(res *enroll.Result) error {
	if res.Order == nil {
		return core.Errorf(core.KindPending, "the request is being worked on; send it again later").After(res.RetryAfter)
	}
	why := res.Order.Failure
	switch res.Order.State {
	case core.OrderRejected:
		if why == "" {
			why = "the request was turned down"
		}
		return core.Errorf(core.KindApprovalRefused, "%s", why)
	case core.OrderCancelled, core.OrderFailed:
		if why == "" {
			why = "the order is " + string(res.Order.State)
		}
		return core.Errorf(core.KindConflict, "%s", why)
	case core.OrderApproval:
		return core.Errorf(core.KindPending, "the request waits for approval (order %s); send it again later", res.Order.ID).After(res.RetryAfter)
	}
	return core.Errorf(core.KindPending, "the certificate is being made (order %s); send the request again later", res.Order.ID).After(res.RetryAfter)
}

// base64Line encodes in a single line.
func base64Line(der []byte) string { return base64.StdEncoding.EncodeToString(der) }

// noStore keeps private keys out of every cache.
func noStore(h http.Header) { h.Set("Cache-Control", "no-store") }
