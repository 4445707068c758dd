package api

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"strings"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/ca"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

func (a *API) issuerRoutes() {
	addList(a, get("issuers", "list-issuers", "/issuers", "List issuing CAs", identity.IssuerView), "issuers", a.d.Storage.IssuerColumns,
		func(ctx context.Context, _ *core.Principal, q core.ListQuery) (core.Page[core.Issuer], error) {
			return a.d.Storage.ListIssuers(ctx, q)
		}, issuerResource)
	register(a, post("issuers", "create-issuer", "/issuers", "Make a CA: a root, an issuing CA, or one that a foreign root will sign", identity.IssuerManage).created(), a.createIssuer)
	register(a, get("issuers", "get-issuer", "/issuers/{id}", "Read an issuing CA with its certificate", identity.IssuerView),
		func(ctx context.Context, p *core.Principal, in *ByID[core.IssuerID]) (*out[resource.IssuerDetail], error) {
			return a.issuerAnswer(ctx, p, in.ID)
		})
	register(a, post("issuers", "install-issuer-certificate", "/issuers/{id}/certificate", "Bring the certificate of a CA that a foreign root signed", identity.IssuerManage).
		says("PEM of the certificate and of those above it up to the root, in any order."), a.installCertificate)
	register(a, post("issuers", "add-issuer-chain", "/issuers/{id}/chains", "Add a chain to another root that ACME clients can choose", identity.IssuerManage).
		says("The first certificate has the issuer's name and key, each is signed by the next, and the last need not be a root."), a.addChain)
	register(a, post("issuers", "remove-issuer-chains", "/issuers/{id}/chains/remove", "Remove all chains to other roots", identity.IssuerManage),
		func(ctx context.Context, p *core.Principal, in *ByID[core.IssuerID]) (*out[resource.IssuerDetail], error) {
			i, err := a.issuer(ctx, p, in.ID)
			if err == nil {
				_, err = a.d.CA.RemoveChains(ctx, p, p.Account, i.ID)
			}
			if err != nil {
				return nil, err
			}
			return a.issuerAnswer(ctx, p, i.ID)
		})
	register(a, post("issuers", "enable-issuer", "/issuers/{id}/enable", "Enable a CA", identity.IssuerManage), a.issuerState(core.IssuerActive))
	register(a, post("issuers", "disable-issuer", "/issuers/{id}/disable", "Disable a CA: it signs no certificates, CRL and OCSP go on", identity.IssuerManage),
		a.issuerState(core.IssuerDisabled))
	register(a, get("issuers", "download-crl", "/issuers/{id}/crl", "Download the last CRL as a file (DER)", identity.IssuerView).streams("application/pkix-crl"), a.downloadCRL)
	register(a, post("issuers", "publish-crl", "/issuers/{id}/crl", "Make a new CRL now", identity.IssuerManage), a.publishCRL)
}

// issuer finds an issuer by id.
func (a *API) issuer(ctx context.Context, p *core.Principal, id core.IssuerID) (*core.Issuer, error) {
	if !core.ValidID(id) {
		return nil, core.Errorf(core.KindNotFound, "there is no such issuer")
	}
	return a.d.Storage.Issuer(ctx, p.Account, id)
}

// Validity of new CAs in years, unless something else is said.
const (
	rootYears    = 20
	issuingYears = 10
)

func (a *API) createIssuer(ctx context.Context, p *core.Principal, in *in[resource.NewIssuer]) (*out[resource.IssuerDetail], error) {
	b := &in.Body
	s := ca.Spec{Account: p.Account, Name: b.Name, Slug: b.Slug, Subject: b.Subject, Key: b.Algorithm, Years: b.ValidityYears}
	if b.PathLength != nil {
		s.PathLen = *b.PathLength
	}
	if (b.Kind == "issuing") != (b.Parent != "") {
		return nil, core.Errorf(core.KindInvalid, "an issuing CA has a parent, others have none").At("parent")
	}
	if s.Years == 0 {
		s.Years = issuingYears
		if b.Kind == "root" {
			s.Years = rootYears
		}
	}
	var made *core.Issuer
	var err error
	switch b.Kind {
	case "root":
		made, err = a.d.CA.CreateRoot(ctx, p, s)
	case "issuing":
		if _, err := a.issuer(ctx, p, b.Parent); err != nil {
			return nil, core.AsError(err).At("parent")
		}
		made, err = a.d.CA.CreateIssuing(ctx, p, b.Parent, s)
	default:
		made, err = a.d.CA.CreatePending(ctx, p, s)
	}
	if err != nil {
		return nil, atFormField(err)
	}
	return a.issuerAnswer(ctx, p, made.ID)
}

// formFields are the API's names for fields of a CA's specification.
var formFields = map[string]string{"years": "validity_years", "path_len": "path_length", "key": "algorithm", "certificate": "pem", "chain": "pem"}

// atFormField names the field of the request that package ca knows under
// another name.
func atFormField(err error) error {
	e := core.AsError(err)
	if name := formFields[e.Field]; name != "" {
		return e.At(name)
	}
	if e.Kind == core.KindExists && e.Field == "" {
		return e.At("slug")
	}
	return err
}

type installRequest struct {
	ByID[core.IssuerID]
	Body resource.InstallCertificate
}

func (a *API) installCertificate(ctx context.Context, p *core.Principal, in *installRequest) (*out[resource.IssuerDetail], error) {
	i, err := a.issuer(ctx, p, in.ID)
	if err != nil {
		return nil, err
	}
	own, chain, err := sortChain(in.Body.PEM, i)
	if err != nil {
		return nil, err
	}
	if _, err := a.d.CA.Install(ctx, p, p.Account, i.ID, own, chain); err != nil {
		return nil, atFormField(err)
	}
	return a.issuerAnswer(ctx, p, i.ID)
}

// sortChain finds in PEM the certificate of the issuer's key; the others are
// its chain, which package ca puts in order and judges.
func sortChain(text string, i *core.Issuer) (own []byte, chain [][]byte, err error) {
	var spki []byte
	switch {
	case len(i.CSR) > 0:
		csr, err := x509.ParseCertificateRequest(i.CSR)
		if err != nil {
			return nil, nil, core.Wrap(core.KindInternal, err, "the issuer's request cannot be read")
		}
		spki = csr.RawSubjectPublicKeyInfo
	case len(i.Certificate) > 0:
		c, err := x509.ParseCertificate(i.Certificate)
		if err != nil {
			return nil, nil, core.Wrap(core.KindInternal, err, "the issuer's certificate cannot be read")
		}
		spki = c.RawSubjectPublicKeyInfo
	}
	for rest, n := []byte(text), 0; ; n++ {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			break
		}
		if b.Type != "CERTIFICATE" || n > 20 {
			return nil, nil, core.Errorf(core.KindInvalid, "give certificates as PEM, and nothing else").At("pem")
		}
		c, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return nil, nil, core.Wrap(core.KindInvalid, err, "certificate %d cannot be read: %v", n+1, err).At("pem")
		}
		if own == nil && bytes.Equal(c.RawSubjectPublicKeyInfo, spki) {
			own = b.Bytes
			continue
		}
		chain = append(chain, b.Bytes)
	}
	if own == nil {
		return nil, nil, core.Errorf(core.KindInvalid, "none of the certificates is for the issuer's key").At("pem")
	}
	return own, chain, nil
}

type chainRequest struct {
	ByID[core.IssuerID]
	Body resource.NewChain
}

func (a *API) addChain(ctx context.Context, p *core.Principal, in *chainRequest) (*out[resource.IssuerDetail], error) {
	i, err := a.issuer(ctx, p, in.ID)
	if err != nil {
		return nil, err
	}
	var chain [][]byte
	for rest := []byte(in.Body.Certificates); ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			break
		}
		if b.Type != "CERTIFICATE" || len(chain) > 20 {
			return nil, core.Errorf(core.KindInvalid, "give certificates as PEM, and nothing else").At("certificates")
		}
		chain = append(chain, b.Bytes)
	}
	if _, err := a.d.CA.AddChain(ctx, p, p.Account, i.ID, chain); err != nil {
		return nil, err
	}
	return a.issuerAnswer(ctx, p, i.ID)
}

// issuerState makes the handler that sets an issuer's state.
func (a *API) issuerState(state core.IssuerState) handler[ByID[core.IssuerID], out[resource.IssuerDetail]] {
	return func(ctx context.Context, p *core.Principal, in *ByID[core.IssuerID]) (*out[resource.IssuerDetail], error) {
		i, err := a.issuer(ctx, p, in.ID)
		if err != nil {
			return nil, err
		}
		if _, err := a.d.CA.SetState(ctx, p, p.Account, i.ID, state); err != nil {
			return nil, err
		}
		return a.issuerAnswer(ctx, p, i.ID)
	}
}

// downloadCRL makes a file of the last CRL.
func (a *API) downloadCRL(ctx context.Context, p *core.Principal, in *ByID[core.IssuerID]) (*file, error) {
	i, err := a.issuer(ctx, p, in.ID)
	if err != nil {
		return nil, err
	}
	crl, err := a.d.CA.LatestCRL(ctx, i.Slug)
	if err != nil {
		return nil, err
	}
	return fileOf("application/pkix-crl", i.Slug+".crl", crl.DER), nil
}

func (a *API) publishCRL(ctx context.Context, p *core.Principal, in *ByID[core.IssuerID]) (*out[resource.IssuerDetail], error) {
	i, err := a.issuer(ctx, p, in.ID)
	if err != nil {
		return nil, err
	}
	if len(i.Certificate) == 0 || i.Connector != ca.ConnectorType {
		return nil, core.Errorf(core.KindConflict, "this issuer makes no CRL here")
	}
	crl, err := a.d.CA.PublishCRL(ctx, p.Account, i.ID)
	if err != nil {
		return nil, err
	}
	e := core.EventOf(p, a.d.Now(), "crl.request", "issuer:"+string(i.ID))
	e.Detail = map[string]any{"number": crl.Number}
	if err := a.d.Audit.Record(ctx, e); err != nil {
		return nil, err
	}
	return a.issuerAnswer(ctx, p, i.ID)
}

func issuerResource(i *core.Issuer) resource.Issuer {
	r := resource.Issuer{ID: i.ID, Slug: i.Slug, Name: i.Name, Connector: i.Connector, Parent: i.Parent, Root: i.Root, State: i.State, Algorithm: i.Algorithm,
		CRLNumber: i.CRLNumber, CRLThis: i.CRLThis, CRLNext: i.CRLNext, Version: i.Version, CreatedAt: i.CreatedAt, UpdatedAt: i.UpdatedAt}
	switch {
	case strings.HasPrefix(i.Key, "pkcs11:"):
		r.KeyPlace = "pkcs11"
	case len(i.KeySealed) > 0:
		r.KeyPlace = "database"
	}
	if c, err := x509.ParseCertificate(i.Certificate); err == nil {
		r.Subject, r.NotAfter = dnText(c.RawSubject), c.NotAfter.UTC()
	}
	return r
}

func (a *API) issuerAnswer(ctx context.Context, p *core.Principal, id core.IssuerID) (*out[resource.IssuerDetail], error) {
	i, err := a.issuer(ctx, p, id)
	if err != nil {
		return nil, err
	}
	d := resource.IssuerDetail{Issuer: issuerResource(i), PEM: certificatePEM(i.Certificate), Chain: chainPEM(i.Chain), CSR: block("CERTIFICATE REQUEST", i.CSR)}
	for _, chain := range i.Alternates {
		d.Alternates = append(d.Alternates, chainPEM(chain))
	}
	if len(i.Certificate) > 0 {
		d.Decoded = decode(i.Certificate)
		if i.Connector == ca.ConnectorType {
			at := a.d.CA.Addresses(i.Slug)
			d.CRLURL, d.OCSPURL = at.CRL, at.OCSP
		}
	}
	if c, err := x509.ParseCertificate(i.Responder); err == nil {
		d.OCSPSigner = c.NotAfter.UTC()
	}
	return &out[resource.IssuerDetail]{d}, nil
}
