package ca

import (
	"context"
	"crypto"
	"crypto/x509"
	"sync"
	"sync/atomic"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// authority is an issuer ready to sign.
type authority struct {
	issuer    *core.Issuer
	key       crypto.Signer
	alg       x509x.SignatureAlgorithm
	subject   []byte // DER Name
	spki      []byte
	ski       []byte
	aki       x509x.Extension
	notBefore time.Time
	notAfter  time.Time
	dummy     []byte   // a signature of the longest form, for lint
	chain     [][]byte // own certificate up to the root
	pointers  atomic.Pointer[pointers]
}

// pointers are the extensions that depend on the status URL.
type pointers struct {
	base string
	list []x509x.Extension
}

// loading is a cache place. The key is opened once per version of the issuer,
// by whoever comes first, without holding up other issuers.
type loading struct {
	version int
	once    sync.Once
	a       *authority
	err     error
}

// authority returns the issuer ready to sign; its key is unsealed once and then
// stays in memory.
func (c *CA) authority(ctx context.Context, i *core.Issuer) (*authority, error) {
	if i.Connector != ConnectorType {
		return nil, core.Errorf(core.KindInvalid, "the issuer %s is not one of the built-in CA", i.Name)
	}
	if i.State == core.IssuerPending || len(i.Certificate) == 0 {
		return nil, core.Errorf(core.KindConflict, "the issuer %s waits for its certificate", i.Name)
	}
	c.mu.Lock()
	l := c.loaded[i.ID]
	if l == nil || l.version != i.Version {
		l = &loading{version: i.Version}
		c.loaded[i.ID] = l
	}
	c.mu.Unlock()
	l.once.Do(func() { l.a, l.err = c.load(context.WithoutCancel(ctx), i) })
	if l.err != nil { // not remembered: the KMS may be back next time
		c.mu.Lock()
		if c.loaded[i.ID] == l {
			delete(c.loaded, i.ID)
		}
		c.mu.Unlock()
	}
	return l.a, l.err
}

func (c *CA) load(ctx context.Context, i *core.Issuer) (*authority, error) {
	cert, err := x509.ParseCertificate(i.Certificate)
	if err != nil {
		return nil, core.Wrap(core.KindInternal, err, "")
	}
	key, err := c.openKey(ctx, i)
	if err != nil {
		return nil, err
	}
	a, err := newAuthority(cert, key)
	if err != nil {
		return nil, err
	}
	a.issuer = i
	a.chain = append([][]byte{i.Certificate}, i.Chain...)
	return a, nil
}

// newAuthority joins a CA certificate with its key.
func newAuthority(cert *x509.Certificate, key crypto.Signer) (*authority, error) {
	a := &authority{key: key, subject: cert.RawSubject, spki: cert.RawSubjectPublicKeyInfo,
		notBefore: cert.NotBefore.UTC(), notAfter: cert.NotAfter.UTC(), chain: [][]byte{cert.Raw}}
	var err error
	if a.alg, err = x509x.SignatureAlgorithmFor(key.Public()); err != nil {
		return nil, core.Wrap(core.KindBadKey, err, "the CA key is of a kind that cannot sign certificates")
	}
	if !samePublicKey(key.Public(), cert.PublicKey) {
		return nil, core.Errorf(core.KindConflict, "key and certificate of the CA do not belong together")
	}
	if a.ski, err = keyID(cert); err != nil {
		return nil, err
	}
	if a.aki, err = x509x.MakeAuthorityKeyID(x509x.AuthorityKeyID{KeyID: a.ski}); err != nil {
		return nil, core.Wrap(core.KindInternal, err, "")
	}
	a.dummy = dummySignature(key.Public())
	return a, nil
}

// keyID is the certificate's own subject key identifier, because a foreign root
// may have computed it in its own way; without one it is computed (RFC 5280
// section 4.2.1.1 wants the identifier of the issuer's certificate).
func keyID(cert *x509.Certificate) ([]byte, error) {
	if len(cert.SubjectKeyId) > 0 {
		return cert.SubjectKeyId, nil
	}
	id, err := x509x.KeyID(cert.RawSubjectPublicKeyInfo)
	if err != nil {
		return nil, core.Wrap(core.KindInternal, err, "")
	}
	return id, nil
}

func samePublicKey(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(x crypto.PublicKey) bool })
	return ok && k.Equal(b)
}

// Paths of the status protocol under the status URL.
const statusPath = "/status/"

func crlURL(base, slug string) string    { return base + statusPath + slug + ".crl" }
func issuerURL(base, slug string) string { return base + statusPath + slug + ".crt" }
func ocspURL(base, slug string) string   { return base + statusPath + "ocsp/" + slug }

// statusExtensions are authority information access and CRL distribution
// point, none when there is no status URL.
func (a *authority) statusExtensions(base string) ([]x509x.Extension, error) {
	if base == "" {
		return nil, nil
	}
	if p := a.pointers.Load(); p != nil && p.base == base {
		return p.list, nil
	}
	slug := a.issuer.Slug
	aia, err := x509x.MakeAuthorityInfo([]string{ocspURL(base, slug)}, []string{issuerURL(base, slug)})
	if err != nil {
		return nil, core.Wrap(core.KindInternal, err, "")
	}
	cdp, err := x509x.MakeCRLDistributionPoints(crlURL(base, slug))
	if err != nil {
		return nil, core.Wrap(core.KindInternal, err, "")
	}
	p := &pointers{base: base, list: []x509x.Extension{aia, cdp}}
	a.pointers.Store(p)
	return p.list, nil
}
