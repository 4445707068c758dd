package enroll

import (
	"context"
	"crypto/x509"
	"errors"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// Renew orders a successor with the names, subject and product of certificate
// id. csr (DER) brings a new key; without one a key made here is made anew, and
// any other key is kept if the product allows renewal with the same key.
func (s *Service) Renew(ctx context.Context, p *core.Principal, id core.CertificateID, csr []byte, idempotencyKey string, origin core.Origin) (*Result, error) {
	c, err := s.d.Storage.Certificate(ctx, p.Account, id)
	if err != nil {
		return nil, err
	}
	if c.Order == "" {
		return nil, core.Errorf(core.KindConflict, "the certificate was imported and has no order here: order a new one with its names")
	}
	o, err := s.d.Storage.Order(ctx, p.Account, c.Order)
	if err != nil {
		return nil, err
	}
	t := o.Request.Template
	r := Request{Principal: p, Product: c.Product, Subject: t.Subject, Names: &t.Names, Replaces: c.ID, IdempotencyKey: idempotencyKey, Origin: origin}
	if r.Subject == nil {
		r.Subject = core.DN{}
	}
	switch {
	case len(csr) > 0:
		r.CSR = csr
	case c.HasKey:
		r.KeyGen = c.KeyAlgorithm
	default:
		r.SPKI, r.ProofChecked = t.SPKI, true // possession was proven for c
	}
	return s.Submit(ctx, r)
}

// Key returns the PKCS#8 private key of a certificate whose key pair was made
// here. The product must allow export; every call is in the audit log.
func (s *Service) Key(ctx context.Context, p *core.Principal, id core.CertificateID) ([]byte, error) {
	c, err := s.d.Storage.Certificate(ctx, p.Account, id)
	if err != nil {
		return nil, err
	}
	if p.Credential != nil && c.Credential != p.Credential.ID {
		return nil, core.Errorf(core.KindNotFound, "there is no such certificate")
	}
	if c.Order == "" {
		return nil, core.Errorf(core.KindNotFound, "there is no private key of this certificate here: it was imported")
	}
	o, err := s.d.Storage.Order(ctx, p.Account, c.Order)
	if err != nil {
		return nil, err
	}
	product, err := s.d.Storage.Product(ctx, p.Account, c.Product)
	if err != nil {
		return nil, err
	}
	refused := error(nil)
	switch {
	case len(o.KeySealed) == 0:
		refused = core.Errorf(core.KindNotFound, "there is no private key of this certificate here: it was not made here, or was handed out once and not kept")
	case !product.Profile.KeyExport:
		refused = core.Errorf(core.KindForbidden, "the product does not allow the private key to leave")
	}
	e := core.EventOf(p, s.d.Now(), "certificate.key-export", "certificate:"+string(c.ID))
	if refused != nil {
		e.Outcome = core.Refused
	}
	if err := s.d.Audit.Record(ctx, e); err != nil {
		return nil, err
	}
	if refused != nil {
		return nil, refused
	}
	return s.d.Sealer.Open(o.KeySealed, KeyPlace(o.ID))
}

// generate makes a key pair: "RSA 2048" to "RSA 4096", "ECDSA P-256" and so
// on, "Ed25519". It returns PKCS#8 and SubjectPublicKeyInfo.
func generate(algorithm string) (pkcs8, spki []byte, err error) {
	key, err := x509x.GenerateKey(algorithm, 4096)
	if errors.Is(err, x509x.ErrAlgorithm) {
		err = core.Errorf(core.KindUnsupported, "keys of kind %q cannot be made here", algorithm).At("key")
	}
	if err != nil {
		return nil, nil, err
	}
	if pkcs8, err = x509.MarshalPKCS8PrivateKey(key); err != nil {
		return nil, nil, err
	}
	spki, err = x509.MarshalPKIXPublicKey(key.Public())
	return pkcs8, spki, err
}

// Chain returns the CA certificates behind a product: issuing CA first, root
// last.
func (s *Service) Chain(ctx context.Context, account core.AccountID, product core.ProductID) ([][]byte, error) {
	t, err := s.d.Storage.Terms(ctx, account, product)
	if err != nil {
		return nil, err
	}
	i, err := s.issuer(ctx, account, t.Issuer, t.IssuerVersion)
	if err != nil {
		return nil, err
	}
	if len(i.Certificate) == 0 {
		return nil, core.Errorf(core.KindUnavailable, "the issuer has no certificate yet")
	}
	return issuerChain(i), nil
}

// Product returns a product as it is now; callers do not change what it points to.
func (s *Service) Product(ctx context.Context, account core.AccountID, id core.ProductID) (*core.Product, error) {
	c, _, err := s.terms(ctx, account, id)
	if err != nil {
		return nil, err
	}
	p := c.Product()
	return &p, nil
}

// CertificateBySKI finds an active certificate of the credential by its
// subjectKeyIdentifier.
func (s *Service) CertificateBySKI(ctx context.Context, c *core.Credential, ski []byte) (*core.Certificate, error) {
	return s.d.Storage.CertificateBySKI(ctx, c.Account, c.ID, ski)
}

// CertificatesByName finds active certificates of the credential by common name
// or by a name, newest first, with DER, at most 50.
func (s *Service) CertificatesByName(ctx context.Context, c *core.Credential, commonName string, names []string) ([]*core.Certificate, error) {
	return s.d.Storage.CertificatesByName(ctx, c.Account, c.ID, commonName, names)
}

// Verdict is the outcome of a dry run.
type Verdict struct {
	Reasons  []core.Reason // none: it would be issued
	Template core.Template
	Approval bool // people would be asked first
}

// DryRun says whether a request would be issued, and if not why, without a
// trace anywhere but in the answer.
func (s *Service) DryRun(ctx context.Context, r Request) (*Verdict, error) {
	return s.dryRun(ctx, &wish{req: &r, now: s.d.Now()})
}

// DryRunOf is DryRun by a product that need not be stored. The caller has
// checked that r.Principal may make such a product.
func (s *Service) DryRunOf(ctx context.Context, r Request, product core.Product) (*Verdict, error) {
	return s.dryRun(ctx, &wish{req: &r, now: s.d.Now(), draft: &product})
}

func (s *Service) dryRun(ctx context.Context, w *wish) (*Verdict, error) {
	if err := s.load(ctx, w); err != nil {
		return nil, err
	}
	ask, err := s.ask(w)
	if err != nil {
		return nil, err
	}
	v := &Verdict{Approval: w.product.Product().Profile.Approval == "manual"}
	if err := s.judge(ctx, w, ask); err != nil {
		ce := core.AsError(err)
		if len(ce.Reasons) == 0 {
			return nil, err
		}
		v.Reasons = ce.Reasons
		return v, nil
	}
	v.Template = w.template
	if err := s.lint(ctx, w); err != nil {
		ce := core.AsError(err)
		if ce.Kind != core.KindLint {
			return nil, err
		}
		v.Reasons = ce.Reasons
	}
	return v, nil
}

// lint asks a local issuer whether it would sign.
func (s *Service) lint(ctx context.Context, w *wish) error {
	local, ok := w.conn.(interface {
		Check(ctx context.Context, issuer *core.Issuer, t core.Template) error
	})
	if !ok {
		return nil
	}
	return local.Check(ctx, w.issuer, w.template)
}
