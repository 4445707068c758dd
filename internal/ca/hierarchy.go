package ca

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// Backdating of CA certificates: also a client whose clock is slow accepts what
// a CA signs in its first hour.
const caBackdate = time.Hour

// Lifetimes of the CAs of Bootstrap, in years.
const (
	rootYears    = 20
	issuingYears = 10
)

// Spec describes a CA to be made.
type Spec struct {
	Account core.AccountID
	Name    string  // for people
	Slug    string  // part of the status URLs, [a-z0-9-]; empty: made from Name
	Subject core.DN // distinguished name of the CA
	// Key is an algorithm ("ECDSA P-384", "RSA 3072") for a new key in the
	// database, or the URI of a key in an HSM ("pkcs11:…").
	Key   string
	Years int // validity; an issuing CA never outlives its parent
	// PathLen is the number of CAs that may follow below an issuing CA. A root
	// has no limit.
	PathLen int
}

// Config names the hierarchy of a new installation.
type Config struct {
	Organisation string // O of all CAs; empty: none
	Country      string // C; empty: none
	RootName     string // CN; default "<Organisation> Root CA"
	IssuingName  string // CN; default "<Organisation> Issuing CA"
	RSAName      string // CN; default "<Organisation> Issuing CA RSA"; "-" makes none
}

// Hierarchy is what Bootstrap made.
type Hierarchy struct {
	Root, Issuing, RSA *core.Issuer // RSA may be nil
}

// Bootstrap makes the hierarchy of a new account in one transaction: a root
// (P-384, 20 years), an issuing CA (P-256, 10 years), and an issuing CA with an
// RSA-3072 key below the same root for clients that know nothing else.
func (c *CA) Bootstrap(ctx context.Context, by *core.Principal, account core.AccountID, cfg Config) (*Hierarchy, error) {
	org := cfg.Organisation
	name := func(given, suffix string) string {
		if given != "" {
			return given
		}
		return strings.TrimSpace(org + " " + suffix)
	}
	spec := func(cn, key string, years int) Spec {
		s := Spec{Account: account, Name: cn, Key: key, Years: years}
		if cfg.Country != "" {
			s.Subject = append(s.Subject, core.Attribute{Type: "C", Value: cfg.Country})
		}
		if org != "" {
			s.Subject = append(s.Subject, core.Attribute{Type: "O", Value: org})
		}
		s.Subject = append(s.Subject, core.Attribute{Type: "CN", Value: cn})
		return s
	}
	root, err := c.makeRoot(ctx, spec(name(cfg.RootName, "Root CA"), "ECDSA P-384", rootYears))
	if err != nil {
		return nil, err
	}
	made := []*newborn{root}
	for _, s := range []Spec{
		spec(name(cfg.IssuingName, "Issuing CA"), "ECDSA P-256", issuingYears),
		spec(name(cfg.RSAName, "Issuing CA RSA"), "RSA 3072", issuingYears),
	} {
		if s.Name == "-" {
			continue
		}
		child, err := c.makeIssuing(ctx, root.authority, s)
		if err != nil {
			return nil, err
		}
		made = append(made, child)
	}
	if err := c.save(ctx, by, "issuer.create", made...); err != nil {
		return nil, err
	}
	h := &Hierarchy{Root: made[0].issuer, Issuing: made[1].issuer}
	if len(made) > 2 {
		h.RSA = made[2].issuer
	}
	return h, nil
}

// CreateRoot makes a self-signed CA.
func (c *CA) CreateRoot(ctx context.Context, by *core.Principal, s Spec) (*core.Issuer, error) {
	n, err := c.makeRoot(ctx, s)
	if err != nil {
		return nil, err
	}
	return n.issuer, c.save(ctx, by, "issuer.create", n)
}

// CreateIssuing makes a CA that is signed by another one of ours.
func (c *CA) CreateIssuing(ctx context.Context, by *core.Principal, parent core.IssuerID, s Spec) (*core.Issuer, error) {
	p, err := c.d.Storage.Issuer(ctx, s.Account, parent)
	if err != nil {
		return nil, err
	}
	if p.State != core.IssuerActive {
		return nil, core.Errorf(core.KindConflict, "the issuer %s is %s", p.Name, p.State).At("parent")
	}
	a, err := c.authority(ctx, p)
	if err != nil {
		return nil, err
	}
	n, err := c.makeIssuing(ctx, a, s)
	if err != nil {
		return nil, err
	}
	return n.issuer, c.save(ctx, by, "issuer.create", n)
}

// newborn is a CA that is not stored yet.
type newborn struct {
	issuer    *core.Issuer
	authority *authority
	row       *core.Certificate // of the parent's certificates; nil for a root
}

// start checks a spec and makes issuer and key.
func (c *CA) start(ctx context.Context, s Spec) (*core.Issuer, crypto.Signer, error) {
	id := core.NewID[core.IssuerID](c.d.Now())
	if s.Slug == "" {
		s.Slug = SlugOf(s.Name)
		if _, err := c.d.Storage.IssuerBySlug(ctx, s.Slug); err == nil { // another account's; PutIssuer guards against a race
			s.Slug += "-" + string(id[len(id)-8:])
		}
	}
	switch {
	case s.Account == "":
		return nil, nil, core.Errorf(core.KindInvalid, "a CA belongs to an account").At("account")
	case strings.TrimSpace(s.Name) == "":
		return nil, nil, core.Errorf(core.KindInvalid, "a CA needs a name").At("name")
	case len(s.Subject) == 0:
		return nil, nil, core.Errorf(core.KindInvalid, "a CA needs a subject (RFC 5280 section 4.1.2.6)").At("subject")
	case !validSlug(s.Slug):
		return nil, nil, core.Errorf(core.KindInvalid, "1 to 60 of a-z, 0-9 and -, and not \"ocsp\"").At("slug")
	case s.Years < 1 || s.Years > 40:
		return nil, nil, core.Errorf(core.KindInvalid, "a CA lives 1 to 40 years").At("years")
	case s.PathLen < 0 || s.PathLen > 10:
		return nil, nil, core.Errorf(core.KindInvalid, "0 to 10").At("path_len")
	}
	i := &core.Issuer{ID: id, Account: s.Account, Slug: s.Slug, Name: s.Name,
		Connector: ConnectorType, State: core.IssuerActive, CreatedAt: c.d.Now().UTC(), UpdatedAt: c.d.Now().UTC()}
	key, err := c.newKey(ctx, i, s.Key)
	return i, key, err
}

// SlugOf turns a name into a slug: "Example Issuing CA" becomes "example-issuing-ca".
func SlugOf(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= 50 {
			break
		}
	}
	return strings.Trim(b.String(), "-")
}

// validSlug keeps slugs apart from the path of OCSP and from file extensions.
func validSlug(s string) bool {
	return s != "" && len(s) <= 60 && s != "ocsp" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

func (c *CA) makeRoot(ctx context.Context, s Spec) (*newborn, error) {
	i, key, err := c.start(ctx, s)
	if err != nil {
		return nil, err
	}
	i.Root = true
	subject, err := marshalDN(s.Subject)
	if err != nil {
		return nil, err
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, core.Wrap(core.KindInternal, err, "")
	}
	alg, err := x509x.SignatureAlgorithmFor(key.Public())
	if err != nil {
		return nil, core.Wrap(core.KindBadKey, err, "the key cannot sign certificates").At("key")
	}
	now := c.now()
	self := &authority{issuer: i, key: key, alg: alg, subject: subject, spki: spki, dummy: dummySignature(key.Public()),
		notBefore: now.Add(-caBackdate), notAfter: end(now.Add(-caBackdate), s.Years)}
	// The root, too, names its key as that of its issuer. RFC 5280 section
	// 4.2.1.1 leaves that open; lint cannot know a root by its dummy signature.
	list, ski, err := caExtensions(spki, true, nil, -1)
	if err != nil {
		return nil, err
	}
	return c.signCA(i, self, key, subject, spki, ski, self.notAfter, list)
}

// end is the last second of a number of years.
func end(from time.Time, years int) time.Time { return from.AddDate(years, 0, 0).Add(-time.Second) }

func (c *CA) makeIssuing(ctx context.Context, parent *authority, s Spec) (*newborn, error) {
	i, key, err := c.start(ctx, s)
	if err != nil {
		return nil, err
	}
	i.Parent, i.Chain = parent.issuer.ID, parent.chain
	subject, err := marshalDN(s.Subject)
	if err != nil {
		return nil, err
	}
	if string(subject) == string(parent.subject) {
		return nil, core.Errorf(core.KindInvalid, "an issuing CA cannot have the name of its parent").At("subject")
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, core.Wrap(core.KindInternal, err, "")
	}
	list, ski, err := caExtensions(spki, false, &parent.aki, s.PathLen)
	if err != nil {
		return nil, err
	}
	status, err := parent.statusExtensions(c.d.StatusURL())
	if err != nil {
		return nil, err
	}
	n, err := c.signCA(i, parent, key, subject, spki, ski, end(c.now().Add(-caBackdate), s.Years), append(list, status...))
	if err != nil {
		return nil, err
	}
	n.row = c.ownCertificate(parent.issuer, n.issuer.Certificate)
	return n, nil
}

// caExtensions are those of a CA certificate: aki is the parent's, nil for none
// (a request) or for the key's own (a root). pathLen -1 sets no limit.
func caExtensions(spki []byte, root bool, aki *x509x.Extension, pathLen int) (list []x509x.Extension, ski []byte, err error) {
	if ski, err = x509x.KeyID(spki); err != nil {
		return nil, nil, core.Wrap(core.KindBadKey, err, "the key cannot be read").At("key")
	}
	var b extensions
	b.add(x509x.MakeBasicConstraints(x509x.BasicConstraints{CA: true, PathLen: pathLen}))
	b.add(x509x.MakeKeyUsage(x509x.UsageKeyCertSign | x509x.UsageCRLSign))
	b.add(x509x.MakeSubjectKeyID(ski))
	switch {
	case root:
		b.add(x509x.MakeAuthorityKeyID(x509x.AuthorityKeyID{KeyID: ski}))
	case aki != nil:
		b.add(*aki, nil)
	}
	if b.err != nil {
		return nil, nil, core.Wrap(core.KindInternal, b.err, "")
	}
	return b.list, ski, nil
}

// signCA lints and signs a CA certificate with signer, which for a root is its
// own authority.
func (c *CA) signCA(i *core.Issuer, signer *authority, key crypto.Signer, subject, spki, ski []byte, to time.Time, list []x509x.Extension) (*newborn, error) {
	p, err := signer.build(newSerial(), subject, spki, ski, c.now().Add(-caBackdate), to, list)
	if err != nil {
		return nil, err
	}
	if err := c.lint(p, LintPrivate, nil); err != nil {
		return nil, err
	}
	der, _, err := sign(p.tbs, signer.alg, signer.key)
	if err != nil {
		return nil, err
	}
	i.Certificate = der
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, core.Wrap(core.KindInternal, err, "")
	}
	a, err := newAuthority(cert, key)
	if err != nil {
		return nil, err
	}
	a.issuer = i
	a.chain = append([][]byte{der}, i.Chain...)
	return &newborn{issuer: i, authority: a}, nil
}

// ownCertificate is the row for a certificate that an issuer made for the CA
// itself.
func (c *CA) ownCertificate(issuer *core.Issuer, der []byte) *core.Certificate {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil // made by us a moment ago and parsed then
	}
	fingerprint, spki := sha256.Sum256(der), sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return &core.Certificate{ID: core.NewID[core.CertificateID](c.d.Now()), Account: issuer.Account, Issuer: issuer.ID,
		Protocol: "ca", State: core.CertActive, Serial: serialText(cert.SerialNumber.Bytes()), Subject: dnText(cert.RawSubject),
		CommonName: cert.Subject.CommonName, KeyAlgorithm: algorithmName(cert.PublicKey), SPKIHash: spki[:], SKI: cert.SubjectKeyId,
		Fingerprint: fingerprint[:], NotBefore: cert.NotBefore.UTC(), NotAfter: cert.NotAfter.UTC(), CreatedAt: c.d.Now().UTC(), CA: cert.IsCA, DER: der}
}

// save stores new CAs in one transaction.
func (c *CA) save(ctx context.Context, by *core.Principal, action string, made ...*newborn) error {
	return c.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		for _, n := range made {
			i := *n.issuer // the transaction may run again
			if err := c.d.Storage.PutIssuer(ctx, tx, &i); err != nil {
				return err
			}
			if n.row != nil {
				if err := c.d.Storage.PutCertificate(ctx, tx, n.row); err != nil {
					return err
				}
			}
			detail := map[string]any{"name": i.Name, "slug": i.Slug, "algorithm": i.Algorithm, "key": keyKind(&i)}
			if err := c.record(ctx, tx, by, &i, action, detail); err != nil {
				return err
			}
			tx.OnCommit(func() { *n.issuer = i })
		}
		return nil
	})
}

func keyKind(i *core.Issuer) string {
	if isKMS(i.Key) {
		return "kms"
	}
	return "software"
}

// NewServerKey makes the key pair and template of the server's own TLS
// certificate: P-256, signed by a product-less call of Prepare, 90 days. The
// key is no CA key, so it leaves the package.
func (c *CA) NewServerKey(names core.Names) (key crypto.Signer, t core.Template, err error) {
	key, err = generate("ECDSA P-256")
	if err != nil {
		return nil, t, err
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, t, core.Wrap(core.KindInternal, err, "")
	}
	from := c.now().Add(-10 * time.Minute)
	return key, core.Template{Names: names, SPKI: spki, NotBefore: from, NotAfter: from.AddDate(0, 0, 90).Add(-time.Second),
		KeyUsage: []string{"digitalSignature"}, ExtKeyUsage: []string{"serverAuth"}, Lint: LintPrivate}, nil
}

// dnText writes a DER Name as core.DN does.
func dnText(der []byte) string {
	name, err := x509x.ParseName(der)
	if err != nil {
		return ""
	}
	dn := make(core.DN, len(name))
	for i, r := range name {
		dn[i] = core.Attribute{Type: x509x.AttributeName(r.OID), Value: r.Value}
	}
	return dn.String()
}
