package ca

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"math/big"
	"sync"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// Prepared is a to-be-signed certificate that passed lint. The octets that were
// linted are the octets that are signed.
type Prepared struct {
	a         *authority
	tbs       []byte
	serial    string
	ski       []byte
	notBefore time.Time
	notAfter  time.Time

	mu  sync.Mutex
	der []byte
}

// Serial is the serial number in hex, as in core.Certificate.
func (p *Prepared) Serial() string { return p.serial }

// SKI is the subject key identifier.
func (p *Prepared) SKI() []byte { return p.ski }

// Validity returns both ends, which may lie inside those of the template; see
// [CA.Prepare].
func (p *Prepared) Validity() (notBefore, notAfter time.Time) { return p.notBefore, p.notAfter }

// TBS is the DER of the TBSCertificate.
func (p *Prepared) TBS() []byte { return p.tbs }

// Chain lists the certificates from the issuer's up to the root.
func (p *Prepared) Chain() [][]byte { return p.a.chain }

// Sign makes the certificate; the serial must be on disk before. There is one
// signature per serial: a second call returns the same certificate.
func (p *Prepared) Sign(context.Context) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.der != nil {
		return p.der, nil
	}
	der, _, err := sign(p.tbs, p.a.alg, p.a.key)
	if err != nil {
		return nil, err
	}
	p.der = der
	return der, nil
}

// Prepare builds the to-be-signed certificate for a template, draws its serial
// and lints it. A validity that reaches beyond the issuer's is cut to the
// issuer's: a certificate that outlives its issuer verifies nowhere, and
// refusing would stop all issuance as soon as the issuer has less time left
// than its products want. Errors: conflict for an issuer that is not active,
// expired for one past its end, invalid for a template that cannot be encoded,
// lint with a reason "lint.<name>" for each lint error.
func (c *CA) Prepare(ctx context.Context, i *core.Issuer, t core.Template) (*Prepared, error) {
	if i.State != core.IssuerActive {
		return nil, core.Errorf(core.KindConflict, "the issuer %s is %s", i.Name, i.State)
	}
	a, err := c.authority(ctx, i)
	if err != nil {
		return nil, err
	}
	if c.now().After(a.notAfter) {
		return nil, core.Errorf(core.KindExpired, "the certificate of the issuer %s has expired", i.Name)
	}
	p, err := a.prepare(&t, newSerial(), c.d.StatusURL())
	if err != nil {
		return nil, err
	}
	if err := c.lint(p, t.Lint, t.LintExclude); err != nil {
		return nil, err
	}
	return p, nil
}

// prepare writes the TBSCertificate of an end entity.
func (a *authority) prepare(t *core.Template, serial *big.Int, base string) (*Prepared, error) {
	subject, err := marshalDN(t.Subject)
	if err != nil {
		return nil, err
	}
	if len(t.Subject) == 0 && t.Names.Len() == 0 {
		return nil, badTemplate(nil, "subject", "neither subject nor names")
	}
	if _, err := x509x.ParsePublicKey(t.SPKI); err != nil {
		return nil, badTemplate(err, "spki", "the public key cannot be read")
	}
	ski, err := x509x.KeyID(t.SPKI)
	if err != nil {
		return nil, badTemplate(err, "spki", "the public key cannot be read")
	}
	list, err := a.leafExtensions(t, ski, base)
	if err != nil {
		return nil, err
	}
	return a.build(serial, subject, t.SPKI, ski, t.NotBefore, t.NotAfter, list)
}

// build writes a TBSCertificate within the authority's own validity.
func (a *authority) build(serial *big.Int, subject, spki, ski []byte, from, to time.Time, list []x509x.Extension) (*Prepared, error) {
	from, to = from.UTC().Truncate(time.Second), to.UTC().Truncate(time.Second)
	if from.Before(a.notBefore) {
		from = a.notBefore
	}
	if to.After(a.notAfter) {
		to = a.notAfter
	}
	if !to.After(from) {
		return nil, badTemplate(nil, "not_after", "the certificate would end before it begins, or before its issuer begins")
	}
	tbs, err := x509x.BuildTBS(x509x.TBSCertificate{Serial: serial, Algorithm: a.alg, Issuer: a.subject,
		NotBefore: from, NotAfter: to, Subject: subject, SPKI: spki, Extensions: list})
	if err != nil {
		return nil, badTemplate(err, "extensions", "the certificate cannot be encoded")
	}
	return &Prepared{a: a, tbs: tbs, serial: serialText(serial.Bytes()), ski: ski, notBefore: from, notAfter: to}, nil
}

// lint judges what would be signed, with a signature that only has the right
// form.
func (c *CA) lint(p *Prepared, source string, exclude []string) error {
	l, err := c.lints.get(source, exclude)
	if err != nil {
		return err
	}
	der, err := x509x.Assemble(p.tbs, p.a.alg, p.a.dummy)
	if err != nil {
		return core.Wrap(core.KindInternal, err, "")
	}
	reasons, err := l.run(der)
	switch {
	case errors.Is(err, errUnparsed):
		return core.Wrap(core.KindLint, err, "the certificate would not be readable").
			Because(core.Reason{Code: "lint.parse", Detail: "the certificate would not be readable"})
	case err != nil:
		return core.Wrap(core.KindInternal, err, "")
	case len(reasons) > 0:
		return core.Errorf(core.KindLint, "the certificate would violate %s", reasons[0].Code[len("lint."):]).Because(reasons...)
	}
	return nil
}

// dummySignature is a signature of the form that the key makes, of the greatest
// length, with a value that no key makes.
func dummySignature(pub crypto.PublicKey) []byte {
	switch k := pub.(type) {
	case *rsa.PublicKey:
		return make([]byte, k.Size())
	case ed25519.PublicKey:
		return make([]byte, ed25519.SignatureSize)
	case *ecdsa.PublicKey:
		// Ecdsa-Sig-Value ::= SEQUENCE { r, s INTEGER } (RFC 3279 section 2.2.3)
		value := make([]byte, 1+(k.Params().BitSize+7)/8)
		value[1] = 0x80 // so that the zero before it is needed
		var b cryptobyte.Builder
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for range 2 {
				b.AddASN1(asn1.INTEGER, func(b *cryptobyte.Builder) { b.AddBytes(value) })
			}
		})
		der, _ := b.Bytes() // fixed input: cannot fail
		return der
	}
	return nil
}
