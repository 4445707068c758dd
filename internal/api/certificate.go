package api

import (
	"context"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/wire/x509x"
)

func (a *API) certificateRoutes() {
	addList(a, get("certificates", "list-certificates", "/certificates", "List certificates", identity.CertificateView),
		"certificates", a.d.Storage.CertificateColumns, a.readCertificates, func(r *certificateRow) resource.Certificate { return r.resource(a.d.Now()) })
	register(a, get("certificates", "get-certificate", "/certificates/{id}", "Read a certificate with its contents, by id or number", identity.CertificateView), a.getCertificate)
	register(a, post("certificates", "renew-certificate", "/certificates/{id}/renew", "Order a successor with the same names and product", identity.CertificateRenew).created().waits(), a.renew)
	register(a, post("certificates", "revoke-certificate", "/certificates/{id}/revoke", "Revoke a certificate, or suspend it", identity.CertificateRevoke), a.revoke)
	register(a, post("certificates", "release-certificate", "/certificates/{id}/release", "End the suspension of a certificate", identity.CertificateRevoke),
		func(ctx context.Context, p *core.Principal, in *ByWord) (*out[resource.Certificate], error) {
			c, err := a.certificate(ctx, p, in.ID, identity.CertificateRevoke)
			if err != nil {
				return nil, err
			}
			if err := a.d.Enroll.Release(ctx, p, c.ID); err != nil {
				return nil, err
			}
			return a.certificateAnswer(ctx, p, c.ID)
		})
	register(a, put("certificates", "tag-certificate", "/certificates/{id}/tags", "Replace the tags of a certificate", identity.CertificateUpdate), a.tag)
}

// certificate finds a certificate by id or number, with its DER, and checks the
// action on it.
func (a *API) certificate(ctx context.Context, p *core.Principal, word string, action identity.Action) (*core.Certificate, error) {
	var c *core.Certificate
	var err error
	if core.ValidID(word) {
		c, err = a.d.Storage.Certificate(ctx, p.Account, core.CertificateID(word))
	} else {
		n, bad := number(word)
		if bad {
			return nil, core.Errorf(core.KindNotFound, "there is no such certificate")
		}
		c, err = a.d.Storage.CertificateByNumber(ctx, p.Account, n)
	}
	if err != nil {
		return nil, err
	}
	return c, see(p, identity.CertificateView, action, c.Group, "certificate")
}

func (a *API) getCertificate(ctx context.Context, p *core.Principal, in *ByWord) (*out[resource.CertificateDetail], error) {
	c, err := a.certificate(ctx, p, in.ID, identity.CertificateView)
	if err != nil {
		return nil, err
	}
	row, err := a.references(p).certificate(ctx, c)
	if err != nil {
		return nil, err
	}
	chain, err := a.chain(ctx, c)
	if err != nil {
		return nil, err
	}
	d := resource.CertificateDetail{Certificate: row.resource(a.d.Now()), PEM: certificatePEM(c.DER), Chain: chainPEM(chain)}
	if len(c.DER) > 0 {
		d.Decoded = decode(c.DER)
	}
	return &out[resource.CertificateDetail]{d}, nil
}

// chain returns the CA certificates above a certificate, root last.
func (a *API) chain(ctx context.Context, c *core.Certificate) ([][]byte, error) {
	i, err := a.d.Storage.Issuer(ctx, c.Account, c.Issuer)
	if core.Is(err, core.KindNotFound) {
		return a.d.Inventory.Above(ctx, c)
	}
	if err != nil || len(i.Certificate) == 0 {
		return nil, err
	}
	return append([][]byte{i.Certificate}, i.Chain...), nil
}

// certificateAnswer reads a certificate again after a change.
func (a *API) certificateAnswer(ctx context.Context, p *core.Principal, id core.CertificateID) (*out[resource.Certificate], error) {
	c, err := a.d.Storage.Certificate(ctx, p.Account, id)
	if err != nil {
		return nil, err
	}
	row, err := a.references(p).certificate(ctx, c)
	if err != nil {
		return nil, err
	}
	return &out[resource.Certificate]{row.resource(a.d.Now())}, nil
}

type renewRequest struct {
	ByWord
	Key  string `header:"Idempotency-Key" maxLength:"255" doc:"makes repeats of the request safe"`
	Body *resource.Renewal
}

func (a *API) renew(ctx context.Context, p *core.Principal, in *renewRequest) (*issuedAnswer, error) {
	c, err := a.certificate(ctx, p, in.ID, identity.CertificateRenew)
	if err != nil {
		return nil, err
	}
	var csr []byte
	if in.Body != nil {
		if csr, err = readCSR(in.Body.CSR); err != nil {
			return nil, err
		}
	}
	q := *p
	q.Group = c.Group // the successor stays where the certificate is
	res, err := a.d.Enroll.Renew(ctx, &q, c.ID, csr, in.Key, origin(ctx, "certificate.renew"))
	return a.issued(ctx, p, res, err)
}

type revokeRequest struct {
	ByWord
	Body *resource.Revocation
}

func (a *API) revoke(ctx context.Context, p *core.Principal, in *revokeRequest) (*out[resource.Certificate], error) {
	c, err := a.certificate(ctx, p, in.ID, identity.CertificateRevoke)
	if err != nil {
		return nil, err
	}
	reason := core.ReasonUnspecified
	if in.Body != nil && in.Body.Reason != "" {
		if reason, err = parseReason(in.Body.Reason); err != nil {
			return nil, err
		}
	}
	if err := a.d.Enroll.Revoke(ctx, p, c.ID, reason); err != nil {
		return nil, err
	}
	if in.Body != nil && in.Body.Comment != "" {
		e := core.EventOf(p, a.d.Now(), "certificate.comment", "certificate:"+string(c.ID))
		e.Detail = map[string]any{"about": "certificate.revoke", "comment": in.Body.Comment}
		if err := a.d.Audit.Record(ctx, e); err != nil {
			return nil, err
		}
	}
	return a.certificateAnswer(ctx, p, c.ID)
}

// parseReason reads a revocation reason: RFC 5280 name in any letter case, or
// code.
func parseReason(s string) (int, error) {
	if n, err := strconv.Atoi(s); err == nil && n >= 0 && n <= 255 && x509x.Reason(n).Valid() {
		return n, nil
	}
	for r := x509x.ReasonUnspecified; r <= x509x.ReasonAACompromise; r++ {
		if r.Valid() && strings.EqualFold(r.String(), s) {
			return int(r), nil
		}
	}
	return 0, core.Errorf(core.KindInvalid, "there is no revocation reason %q", s).At("reason")
}

type tagRequest struct {
	ByWord
	Body resource.Tags
}

func (a *API) tag(ctx context.Context, p *core.Principal, in *tagRequest) (*out[resource.Certificate], error) {
	c, err := a.certificate(ctx, p, in.ID, identity.CertificateUpdate)
	if err != nil {
		return nil, err
	}
	if err := a.d.Inventory.SetTags(ctx, p, c, in.Body.Tags); err != nil {
		return nil, err
	}
	return a.certificateAnswer(ctx, p, c.ID)
}

// certificateRow is a certificate with words for its references.
type certificateRow struct {
	core.Certificate
	product, issuer string
}

func (r *references) certificate(ctx context.Context, c *core.Certificate) (row certificateRow, err error) {
	row.Certificate = *c
	if c.IssuerDN != "" { // no need to look
		r.issuers[c.Issuer] = c.IssuerDN
	}
	if row.product, err = r.product(ctx, c.Product); err != nil {
		return row, err
	}
	row.issuer, err = r.issuer(ctx, c.Issuer)
	return row, err
}

func (r *certificateRow) resource(now time.Time) resource.Certificate {
	c := &r.Certificate
	out := resource.Certificate{ID: c.ID, Number: c.Number, State: c.State, Expired: now.After(c.NotAfter), CommonName: c.CommonName, Subject: c.Subject,
		Names: list0(c.Names), Serial: c.Serial, KeyAlgorithm: c.KeyAlgorithm, Fingerprint: hex.EncodeToString(c.Fingerprint), NotBefore: c.NotBefore,
		NotAfter: c.NotAfter, Issuer: c.Issuer, IssuerName: r.issuer, Product: c.Product, ProductCode: r.product, Order: c.Order, Credential: c.Credential,
		User: c.User, Group: c.Group, Protocol: c.Protocol, Replaces: c.Replaces, ReplacedBy: c.ReplacedBy, Replaced: c.ReplacedBy != "", RevokedAt: c.RevokedAt,
		KeyStored: c.HasKey, IssuerDN: c.IssuerDN, CA: c.CA, Tags: list0(c.Tags), CreatedAt: c.CreatedAt}
	if !c.RevokedAt.IsZero() {
		out.Reason = x509x.Reason(c.Reason).String()
	}
	return out
}

func (a *API) readCertificates(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[certificateRow], error) {
	var rows core.Page[certificateRow]
	q, err := within(p, identity.CertificateView, q)
	if err != nil {
		return rows, err
	}
	got, err := a.d.Storage.ListCertificates(ctx, q)
	if err != nil {
		return rows, err
	}
	refs := a.references(p)
	for i := range got.Items {
		row, err := refs.certificate(ctx, &got.Items[i])
		if err != nil {
			return rows, err
		}
		rows.Items = append(rows.Items, row)
	}
	rows.Next, rows.Tally = got.Next, got.Tally
	return rows, nil
}
