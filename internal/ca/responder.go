package ca

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"sync"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// Life of an OCSP responder certificate. It is short because its holder cannot
// be revoked (id-pkix-ocsp-nocheck, RFC 6960 section 4.2.2.2.1), and it is made
// anew when less than a third is left.
const (
	responderLife  = 30 * 24 * time.Hour
	responderRenew = 10 * 24 * time.Hour
)

// responder signs OCSP answers for one issuer. A key of its own keeps the CA
// key out of the reach of whoever can ask.
type responder struct {
	certificate []byte
	key         crypto.Signer
	alg         x509x.SignatureAlgorithm
	keyHash     []byte
	notAfter    time.Time
}

// fresh reports whether the responder is good for more answers; near the end of
// the issuer's own life there is nothing better to have.
func (r *responder) fresh(now, issuerEnd time.Time) bool {
	left := r.notAfter.Sub(now)
	return left > responderRenew || left > 0 && !r.notAfter.Before(issuerEnd)
}

// responder returns the issuer's responder and makes or renews it when needed.
// When the renewal fails the old one serves as long as it is valid.
func (c *CA) responder(ctx context.Context, i *core.Issuer, a *authority) (*responder, error) {
	c.mu.Lock()
	r := c.responders[i.ID]
	c.mu.Unlock()
	if r != nil && r.fresh(c.now(), a.notAfter) {
		return r, nil
	}
	lock := c.renewLock(i.ID)
	lock.Lock()
	defer lock.Unlock()
	c.mu.Lock()
	r = c.responders[i.ID]
	c.mu.Unlock()
	if r != nil && r.fresh(c.now(), a.notAfter) {
		return r, nil // somebody else made it while we waited
	}
	next, err := c.storedResponder(i)
	if err != nil || next == nil || !next.fresh(c.now(), a.notAfter) {
		made, failed := c.newResponder(context.WithoutCancel(ctx), i, a)
		switch {
		case failed == nil:
			next = made
		case next == nil || !next.notAfter.After(c.now()):
			return nil, failed
		}
	}
	c.mu.Lock()
	c.responders[i.ID] = next
	c.mu.Unlock()
	return next, nil
}

func (c *CA) renewLock(id core.IssuerID) *sync.Mutex {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.renewing[id] == nil {
		c.renewing[id] = &sync.Mutex{}
	}
	return c.renewing[id]
}

// storedResponder opens the responder that the issuer row holds; nil when there
// is none or it belongs to a former certificate of the issuer.
func (c *CA) storedResponder(i *core.Issuer) (*responder, error) {
	if len(i.Responder) == 0 || len(i.ResponderKey) == 0 {
		return nil, nil
	}
	issuer, err := x509.ParseCertificate(i.Certificate)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(i.Responder)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(cert.RawIssuer, issuer.RawSubject) || cert.CheckSignatureFrom(issuer) != nil {
		return nil, nil
	}
	key, err := c.unseal(i.ResponderKey, responderPlace(i.ID))
	if err != nil {
		return nil, err
	}
	return openResponder(cert, key)
}

func openResponder(cert *x509.Certificate, key crypto.Signer) (*responder, error) {
	alg, err := x509x.SignatureAlgorithmFor(key.Public())
	if err != nil {
		return nil, err
	}
	hash, err := x509x.KeyIDSHA1(cert.RawSubjectPublicKeyInfo)
	if err != nil {
		return nil, err
	}
	if !samePublicKey(key.Public(), cert.PublicKey) {
		return nil, core.Errorf(core.KindInternal, "")
	}
	return &responder{certificate: cert.Raw, key: key, alg: alg, keyHash: hash, notAfter: cert.NotAfter.UTC()}, nil
}

// newResponder makes key and certificate and keeps them. Below an RSA issuer
// the key is RSA, too: its clients may know nothing else.
func (c *CA) newResponder(ctx context.Context, i *core.Issuer, a *authority) (*responder, error) {
	algorithm := "ECDSA P-256"
	if _, ok := a.key.Public().(*rsa.PublicKey); ok {
		algorithm = "RSA 2048"
	}
	key, err := generate(algorithm)
	if err != nil {
		return nil, err
	}
	der, err := c.signResponder(i, a, key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, core.Wrap(core.KindInternal, err, "")
	}
	sealed, err := c.seal(key, responderPlace(i.ID))
	if err != nil {
		return nil, err
	}
	row := c.ownCertificate(i, der)
	err = c.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		if err := c.d.Storage.PutCertificate(ctx, tx, row); err != nil {
			return err
		}
		if err := c.d.Storage.SaveResponder(ctx, tx, i.ID, der, sealed); err != nil {
			return err
		}
		return c.record(ctx, tx, system(i.Account), i, "responder.create", map[string]any{"serial": row.Serial,
			"not_after": row.NotAfter.Format(time.RFC3339)})
	})
	if err != nil {
		return nil, err
	}
	return openResponder(cert, key)
}

// signResponder makes the certificate: OCSPSigning alone, nocheck, and so
// neither CRL distribution point nor AIA.
func (c *CA) signResponder(i *core.Issuer, a *authority, key crypto.Signer) ([]byte, error) {
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, core.Wrap(core.KindInternal, err, "")
	}
	ski, err := x509x.KeyID(spki)
	if err != nil {
		return nil, core.Wrap(core.KindInternal, err, "")
	}
	name := i.Name
	if r := []rune(name); len(r) > 49 { // 64 with what follows
		name = string(r[:49])
	}
	subject, err := marshalDN(core.DN{{Type: "CN", Value: name + " OCSP responder"}})
	if err != nil {
		return nil, err
	}
	var b extensions
	b.add(a.aki, nil)
	b.add(x509x.MakeSubjectKeyID(ski))
	basic, err := x509x.MakeBasicConstraints(x509x.BasicConstraints{PathLen: -1})
	basic.Critical = true
	b.add(basic, err)
	b.add(x509x.MakeKeyUsage(x509x.UsageDigitalSignature))
	b.add(x509x.MakeExtKeyUsage(false, x509x.EKUOCSPSigning))
	b.add(x509x.MakeOCSPNoCheck(), nil)
	if b.err != nil {
		return nil, core.Wrap(core.KindInternal, b.err, "")
	}
	from := c.now().Add(-caBackdate)
	p, err := a.build(newSerial(), subject, spki, ski, from, from.Add(responderLife), b.list)
	if err != nil {
		return nil, err
	}
	if err := c.lint(p, LintPrivate, nil); err != nil {
		return nil, err
	}
	der, _, err := sign(p.tbs, a.alg, a.key)
	return der, err
}

// RenewResponders makes or renews the responder certificates that need it, of
// every account, so that no client has to wait for it. Failures are joined.
func (c *CA) RenewResponders(ctx context.Context) error {
	list, err := c.d.Storage.ListIssuers(ctx, "")
	if err != nil {
		return err
	}
	var failed []error
	for _, i := range list {
		if i.Connector != ConnectorType || len(i.Certificate) == 0 {
			continue
		}
		a, err := c.authority(ctx, i)
		if err == nil {
			_, err = c.responder(ctx, i, a)
		}
		if err != nil {
			failed = append(failed, core.Wrap(core.KindOf(err), err, "OCSP responder of %s", i.Slug))
		}
	}
	return errors.Join(failed...)
}
