package protocoltest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/enroll"
	"github.com/certwright/certwright/internal/policy"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// Enroller is a small working protocol.Enroller: real policy, a CA in memory.
type Enroller struct {
	// RetryAfter is what answers about waiting orders say; set it before use.
	RetryAfter time.Duration

	ca  *CA
	now func() time.Time

	mu       sync.Mutex
	products map[core.ProductID]*core.Product
	orders   map[core.OrderID]*order
	byKey    map[string]*order
	certs    []*core.Certificate
	requests []enroll.Request
	manual   bool
	fail     error
}

type order struct {
	core.Order
	template core.Template
	cert     *core.Certificate
	key      []byte
	taken    bool // the first answer with the key was given
}

// SetManual makes new orders wait for Approve or Reject.
func (e *Enroller) SetManual(on bool) { e.mu.Lock(); e.manual = on; e.mu.Unlock() }

// SetFail makes Submit and Chain fail; nil ends it.
func (e *Enroller) SetFail(err error) { e.mu.Lock(); e.fail = err; e.mu.Unlock() }

// AddProduct offers a product.
func (e *Enroller) AddProduct(p *core.Product) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.products[p.ID] = p
}

// Certificates lists what was issued, oldest first.
func (e *Enroller) Certificates() []*core.Certificate {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.certs)
}

// Requests lists what Submit was asked.
func (e *Enroller) Requests() []enroll.Request {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.requests)
}

// Submit implements protocol.Enroller.
func (e *Enroller) Submit(_ context.Context, r enroll.Request) (*enroll.Result, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.requests = append(e.requests, r)
	if e.fail != nil {
		return nil, e.fail
	}
	p := r.Principal
	id := r.Product
	if id == "" {
		id = p.Product
	}
	product := e.products[id]
	if product == nil || product.Account != p.Account || !slices.Contains(p.Products, id) {
		return nil, core.Errorf(core.KindForbidden, "the credential may not order this product")
	}
	tmpl, key, err := e.judge(product, &r)
	if err != nil {
		return nil, err
	}
	idem := idempotencyKey(&r, id, tmpl)
	if o := e.byKey[idem]; o != nil {
		return e.result(o)
	}
	o := &order{template: tmpl, key: key, Order: core.Order{
		ID: core.NewID[core.OrderID](e.now()), Account: p.Account, Credential: p.Credential.ID, Product: id,
		State: core.OrderIssuing, Replaces: r.Replaces, Protocol: r.Origin.Protocol, CreatedAt: e.now(), IdempotencyKey: idem,
	}}
	e.orders[o.ID], e.byKey[idem] = o, o
	if e.manual {
		o.State = core.OrderApproval
		return e.result(o)
	}
	if err := e.issue(o); err != nil {
		return nil, err
	}
	return e.result(o)
}

// CheckNames judges names by the product alone.
func (e *Enroller) CheckNames(_ context.Context, p *core.Principal, id core.ProductID, names core.Names) (core.Names, []core.Reason, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	product := e.products[id]
	if product == nil || product.Account != p.Account || !slices.Contains(p.Products, id) {
		return names, nil, core.Errorf(core.KindForbidden, "the credential may not order this product")
	}
	compiled, err := policy.Compile(*product)
	if err != nil {
		return names, nil, err
	}
	t, reasons := compiled.Evaluate(policy.Ask{Names: names}, e.now())
	return t.Names, slices.DeleteFunc(reasons, func(r core.Reason) bool { return !strings.HasPrefix(r.Field, "san") }), nil
}

// judge checks proof of possession and asks policy.
func (e *Enroller) judge(product *core.Product, r *enroll.Request) (core.Template, []byte, error) {
	var none core.Template
	compiled, err := policy.Compile(*product)
	if err != nil {
		return none, nil, err
	}
	ask, spki, key := policy.Ask{}, r.SPKI, []byte(nil)
	if len(r.CSR) > 0 {
		csr, err := x509x.ParseCSR(r.CSR)
		if err != nil {
			return none, nil, core.Wrap(core.KindBadCSR, err, "the certificate request cannot be read")
		}
		if !r.ProofChecked && r.KeyGen == "" && csr.CheckSignature() != nil {
			return none, nil, core.Errorf(core.KindBadProof, "the certificate request is not signed by its own key")
		}
		if ask, err = policy.FromCSR(csr); err != nil {
			return none, nil, err
		}
		spki = csr.RawSPKI
	}
	if r.KeyGen != "" {
		if !product.Profile.ServerKeys {
			return none, nil, core.Errorf(core.KindPolicy, "the product does not allow keys made by the server")
		}
		if key, spki, err = generate(r.KeyGen); err != nil {
			return none, nil, err
		}
	}
	if ask.Key, err = policy.KeyOf(spki); err != nil {
		return none, nil, err
	}
	if r.Subject != nil {
		ask.Subject = r.Subject
	}
	if r.Names != nil {
		ask.Names = *r.Names
	}
	ask.Validity, ask.NotAfter, ask.AllowedNames = r.Validity, r.NotAfter, r.Principal.Credential.AllowedNames
	if r.Replaces != "" {
		if ask.Replaces = e.byID(r.Replaces); ask.Replaces == nil || ask.Replaces.Credential != r.Principal.Credential.ID {
			return none, nil, core.Errorf(core.KindNotFound, "there is no such certificate")
		}
	}
	tmpl, reasons := compiled.Evaluate(ask, e.now())
	return tmpl, key, policy.Refusal(reasons)
}

func generate(alg string) (pkcs8, spki []byte, err error) {
	var key crypto.Signer
	switch alg {
	case "ECDSA P-256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ECDSA P-384":
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "RSA 2048":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	default:
		return nil, nil, core.Errorf(core.KindUnsupported, "keys of kind %q cannot be made here", alg)
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

// idempotencyKey follows enroll: the caller's, or what the request says.
func idempotencyKey(r *enroll.Request, product core.ProductID, t core.Template) string {
	if r.IdempotencyKey != "" {
		return string(r.Principal.Credential.ID) + ":k:" + r.IdempotencyKey
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%s\x00%s\x00%s\x00%v\x00%v", product, r.Replaces, r.KeyGen, r.CSR, t.Subject, t.Names)
	if r.KeyGen == "" {
		h.Write(t.SPKI)
	}
	return string(r.Principal.Credential.ID) + ":c:" + hex.EncodeToString(h.Sum(nil))
}

func (e *Enroller) issue(o *order) error {
	c, err := e.ca.Sign(o.template)
	if err != nil {
		return err
	}
	fp, spki := sha256.Sum256(c.Raw), sha256.Sum256(c.RawSubjectPublicKeyInfo)
	o.cert = &core.Certificate{
		ID: core.NewID[core.CertificateID](e.now()), Account: o.Account, Order: o.ID, Product: o.Product, Credential: o.Credential,
		Protocol: o.Protocol, State: core.CertActive, Serial: c.SerialNumber.Text(16), Subject: o.template.Subject.String(),
		CommonName: o.template.Subject.First("CN"), Names: o.template.Names.Strings(), SPKIHash: spki[:], SKI: c.SubjectKeyId,
		Fingerprint: fp[:], NotBefore: c.NotBefore, NotAfter: c.NotAfter, Replaces: o.Replaces, HasKey: o.key != nil, DER: c.Raw,
	}
	e.certs = append(e.certs, o.cert)
	o.State, o.Certificate = core.OrderIssued, o.cert.ID
	return nil
}

func (e *Enroller) result(o *order) (*enroll.Result, error) {
	copied := o.Order
	r := &enroll.Result{Order: &copied}
	if o.State == core.OrderRejected {
		return nil, core.Errorf(core.KindApprovalRefused, "%s", o.Failure)
	}
	if o.cert == nil {
		r.RetryAfter = e.RetryAfter
		return r, nil
	}
	cert := *o.cert
	r.Certificate, r.Chain, r.Root = &cert, [][]byte{e.ca.Issuing.Raw}, e.ca.Root.Raw
	if o.key != nil && (!o.taken || e.products[o.Product].Profile.KeyExport) {
		r.Key, o.taken = o.key, true
	}
	return r, nil
}

// Approve issues every waiting order.
func (e *Enroller) Approve() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, o := range e.orders {
		if o.State == core.OrderApproval {
			if err := e.issue(o); err != nil {
				return err
			}
		}
	}
	return nil
}

// Reject turns every waiting order down.
func (e *Enroller) Reject(reason string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, o := range e.orders {
		if o.State == core.OrderApproval {
			o.State, o.Failure = core.OrderRejected, reason
		}
	}
}

// Poll implements protocol.Enroller.
func (e *Enroller) Poll(_ context.Context, p *core.Principal, id core.OrderID) (*enroll.Result, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	o := e.orders[id]
	if o == nil || p.Credential == nil || o.Credential != p.Credential.ID {
		return nil, core.Errorf(core.KindNotFound, "there is no such order")
	}
	return e.result(o)
}

// Revoke implements protocol.Enroller.
func (e *Enroller) Revoke(_ context.Context, p *core.Principal, id core.CertificateID, reason int) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.byID(id)
	if c == nil || p.Credential != nil && c.Credential != p.Credential.ID {
		return core.Errorf(core.KindNotFound, "there is no such certificate")
	}
	if err := c.State.To(core.CertRevoked); err != nil {
		return err
	}
	c.State, c.Reason, c.RevokedAt = core.CertRevoked, reason, e.now()
	return nil
}

// Chain implements protocol.Enroller.
func (e *Enroller) Chain(_ context.Context, account core.AccountID, product core.ProductID) ([][]byte, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fail != nil {
		return nil, e.fail
	}
	if p := e.products[product]; p == nil || p.Account != account {
		return nil, core.Errorf(core.KindNotFound, "there is no such product")
	}
	return [][]byte{e.ca.Issuing.Raw, e.ca.Root.Raw}, nil
}

// Product implements protocol.Enroller.
func (e *Enroller) Product(_ context.Context, account core.AccountID, id core.ProductID) (*core.Product, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if p := e.products[id]; p != nil && p.Account == account {
		return p, nil
	}
	return nil, core.Errorf(core.KindNotFound, "there is no such product")
}

// CertificateBySKI implements protocol.Enroller.
func (e *Enroller) CertificateBySKI(_ context.Context, c *core.Credential, ski []byte) (*core.Certificate, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, x := range slices.Backward(e.certs) {
		if x.Credential == c.ID && x.State == core.CertActive && bytes.Equal(x.SKI, ski) {
			copied := *x
			return &copied, nil
		}
	}
	return nil, core.Errorf(core.KindNotFound, "there is no such certificate")
}

// CertificatesByName implements protocol.Enroller.
func (e *Enroller) CertificatesByName(_ context.Context, c *core.Credential, cn string, names []string) ([]*core.Certificate, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []*core.Certificate
	for _, x := range slices.Backward(e.certs) {
		if x.Credential != c.ID || x.State != core.CertActive || len(out) == 50 {
			continue
		}
		if cn != "" && x.CommonName == cn || slices.ContainsFunc(names, func(n string) bool { return slices.Contains(x.Names, n) }) {
			copied := *x
			out = append(out, &copied)
		}
	}
	return out, nil
}

// byID finds a certificate; e.mu is held.
func (e *Enroller) byID(id core.CertificateID) *core.Certificate {
	for _, c := range e.certs {
		if c.ID == id {
			return c
		}
	}
	return nil
}

func (e *Enroller) byFingerprint(fp []byte) *core.Certificate {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.certs {
		if bytes.Equal(c.Fingerprint, fp) {
			copied := *c
			return &copied
		}
	}
	return nil
}
