package ca

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// CreatePending makes the key of an issuing CA that a foreign root will sign.
// The issuer's CSR field is the PKCS#10 request to send there; Years is the
// foreign root's decision and ignored.
func (c *CA) CreatePending(ctx context.Context, by *core.Principal, s Spec) (*core.Issuer, error) {
	s.Years = 1
	i, key, err := c.start(ctx, s)
	if err != nil {
		return nil, err
	}
	i.State = core.IssuerPending
	if i.CSR, err = makeCSR(s.Subject, key, s.PathLen); err != nil {
		return nil, err
	}
	n := &newborn{issuer: i}
	return i, c.save(ctx, by, "issuer.create-pending", n)
}

// makeCSR writes a CertificationRequest (RFC 2986 section 4) that asks for the
// extensions of an issuing CA.
func makeCSR(dn core.DN, key crypto.Signer, pathLen int) ([]byte, error) {
	subject, err := marshalDN(dn)
	if err != nil {
		return nil, err
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, core.Wrap(core.KindInternal, err, "")
	}
	list, _, err := caExtensions(spki, false, nil, pathLen)
	if err != nil {
		return nil, err
	}
	wanted, err := x509x.MarshalExtensions(list)
	if err != nil {
		return nil, core.Wrap(core.KindInternal, err, "")
	}
	oid, err := x509x.AppendOID(nil, x509x.OIDExtensionRequest)
	if err != nil {
		return nil, core.Wrap(core.KindInternal, err, "")
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(0)
		b.AddBytes(subject)
		b.AddBytes(spki)
		b.AddASN1(asn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddBytes(oid)
				b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) { b.AddBytes(wanted) })
			})
		})
	})
	info, err := b.Bytes()
	if err != nil {
		return nil, core.Wrap(core.KindInternal, err, "")
	}
	alg, err := x509x.SignatureAlgorithmFor(key.Public())
	if err != nil {
		return nil, core.Wrap(core.KindBadKey, err, "the key cannot sign").At("key")
	}
	der, _, err := sign(info, alg, key)
	return der, err
}

// Install gives a pending issuer the certificate that a foreign root made for
// its CSR, or an active one of ours a renewed certificate for the same key and
// name. chain leads from the certificate's issuer to the root, root included,
// in any order. Every check failure is of kind invalid and names certificate
// or chain.
func (c *CA) Install(ctx context.Context, by *core.Principal, account core.AccountID, id core.IssuerID, certificate []byte, chain [][]byte) (*core.Issuer, error) {
	i, err := c.d.Storage.Issuer(ctx, account, id)
	if err != nil {
		return nil, err
	}
	if i.Connector != ConnectorType || i.Root {
		return nil, core.Errorf(core.KindInvalid, "only an issuing CA of this server can get a certificate")
	}
	key, err := c.openKey(ctx, i)
	if err != nil {
		return nil, err
	}
	cert, path, err := checkInstall(certificate, chain, key.Public(), c.now())
	if err != nil {
		return nil, err
	}
	if len(i.Certificate) > 0 {
		if old, err := x509.ParseCertificate(i.Certificate); err != nil || !bytes.Equal(old.RawSubject, cert.RawSubject) {
			return nil, core.Wrap(core.KindInvalid, err, "the new certificate names another CA than the old one").At("certificate")
		}
	}
	next := *i
	next.Certificate, next.Chain, next.CSR, next.UpdatedAt = certificate, path, nil, c.d.Now().UTC()
	if next.State == core.IssuerPending {
		next.State = core.IssuerActive
	}
	err = c.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		stored := next
		if err := c.d.Storage.PutIssuer(ctx, tx, &stored); err != nil {
			return err
		}
		tx.OnCommit(func() { next = stored })
		return c.record(ctx, tx, by, &stored, "issuer.install", map[string]any{"name": stored.Name, "subject": cert.Subject.String(),
			"issuer": cert.Issuer.String(), "serial": serialText(cert.SerialNumber.Bytes()), "not_after": cert.NotAfter.UTC().Format(time.RFC3339)})
	})
	if err != nil {
		return nil, err
	}
	return &next, nil
}

// checkInstall judges a certificate for the key and puts its chain in order.
func checkInstall(der []byte, chain [][]byte, key crypto.PublicKey, now time.Time) (*x509.Certificate, [][]byte, error) {
	refuse := func(field, format string, args ...any) (*x509.Certificate, [][]byte, error) {
		return nil, nil, core.Errorf(core.KindInvalid, format, args...).At(field)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, core.Wrap(core.KindInvalid, err, "the certificate cannot be read").At("certificate")
	}
	const usage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	switch {
	case !samePublicKey(key, cert.PublicKey):
		return refuse("certificate", "the certificate is for another key than the request")
	case !cert.BasicConstraintsValid || !cert.IsCA:
		return refuse("certificate", "the certificate is not that of a CA (basicConstraints CA:TRUE is missing)")
	case cert.KeyUsage&usage != usage:
		return refuse("certificate", "the key usage must have keyCertSign and cRLSign")
	case now.After(cert.NotAfter) || now.Before(cert.NotBefore):
		return refuse("certificate", "the certificate is valid from %s to %s", cert.NotBefore.UTC().Format(time.RFC3339), cert.NotAfter.UTC().Format(time.RFC3339))
	case bytes.Equal(cert.RawSubject, cert.RawIssuer):
		return refuse("certificate", "the certificate is self-signed")
	case len(cert.RawSubject) <= 2:
		return refuse("certificate", "the CA has no name")
	}
	if len(chain) == 0 || len(chain) > 8 {
		return refuse("chain", "the chain holds 1 to 8 certificates up to the root")
	}
	roots, middle := x509.NewCertPool(), x509.NewCertPool()
	for n, raw := range chain {
		link, err := x509.ParseCertificate(raw)
		if err != nil {
			return nil, nil, core.Wrap(core.KindInvalid, err, "certificate %d of the chain cannot be read", n+1).At("chain")
		}
		// Only what signed itself is a root; a root's name alone proves nothing.
		if bytes.Equal(link.RawSubject, link.RawIssuer) && link.CheckSignatureFrom(link) == nil {
			roots.AddCert(link)
		} else {
			middle.AddCert(link)
		}
	}
	paths, err := cert.Verify(x509.VerifyOptions{Roots: roots, Intermediates: middle, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		return nil, nil, core.Wrap(core.KindInvalid, err, "the chain does not lead from the certificate to a self-signed root").At("chain")
	}
	var ordered [][]byte
	for _, link := range paths[0][1:] {
		ordered = append(ordered, link.Raw)
	}
	return cert, ordered, pathLengths(paths[0])
}

// pathLengths checks that every CA above leaves room for this one and for the
// certificates that it will sign (RFC 5280 section 4.2.1.9). Verify has counted
// the CAs between; it took the new one for the end of the path.
func pathLengths(path []*x509.Certificate) error {
	for n, above := range path[1:] {
		limited := above.MaxPathLen > 0 || above.MaxPathLen == 0 && above.MaxPathLenZero
		if limited && n+1 > above.MaxPathLen {
			return core.Errorf(core.KindInvalid, "%s allows %d CAs below itself, this would be number %d", above.Subject, above.MaxPathLen, n+1).At("chain")
		}
	}
	return nil
}

// SetState enables or disables an issuer. A disabled issuer signs no
// certificates; its CRLs and OCSP answers go on.
func (c *CA) SetState(ctx context.Context, by *core.Principal, account core.AccountID, id core.IssuerID, state core.IssuerState) (*core.Issuer, error) {
	i, err := c.d.Storage.Issuer(ctx, account, id)
	if err != nil {
		return nil, err
	}
	if state != core.IssuerActive && state != core.IssuerDisabled || len(i.Certificate) == 0 {
		return nil, core.Errorf(core.KindConflict, "an issuer that is %s cannot become %s", i.State, state)
	}
	next := *i
	next.State, next.UpdatedAt = state, c.d.Now().UTC()
	err = c.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		stored := next
		if err := c.d.Storage.PutIssuer(ctx, tx, &stored); err != nil {
			return err
		}
		tx.OnCommit(func() { next = stored })
		return c.record(ctx, tx, by, &stored, "issuer."+string(state), map[string]any{"name": stored.Name})
	})
	if err != nil {
		return nil, err
	}
	return &next, nil
}
