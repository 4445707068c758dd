package est

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/enroll"
	"github.com/certwright/certwright/internal/wire/cms"
	"github.com/certwright/certwright/internal/wire/httpx"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// Attributes of RFC 7030 section 4.4.1: the client wants the key encrypted.
const (
	oidDecryptKeyID     = "1.2.840.113549.1.9.16.2.37" // symmetric
	oidAsymDecryptKeyID = "1.2.840.113549.1.9.16.2.54"
)

// serverkeygen makes key pair and certificate (RFC 7030 section 4.4). The key
// in the request serves only to sign it; its kind is taken as the wish for the
// kind of the new key.
func (c *call) serverkeygen() error {
	p, old, err := c.authenticate(true)
	if err != nil {
		return err
	}
	csr, err := c.request()
	if err != nil {
		return err
	}
	recipient, err := c.recipient(csr)
	if err != nil {
		return err
	}
	req := enroll.Request{Principal: p, CSR: csr.Raw}
	if old != nil {
		if err := c.renew(&req, csr, old); err != nil {
			return err
		}
	}
	id := req.Product
	if id == "" {
		id = p.Product
	}
	product, err := c.s.d.Enroll.Product(c.r.Context(), p.Account, id)
	if err != nil {
		return err
	}
	req.KeyGen = keyKind(csr, product.Profile.Keys)
	res, err := c.order(req)
	if err != nil {
		return err
	}
	if len(res.Key) == 0 {
		return core.Errorf(core.KindConflict, "the private key of this request was delivered before and is not given out twice; send a request with another key for a new pair")
	}
	defer clear(res.Key)
	return c.deliver(res, recipient)
}

// keyKind chooses what to generate: the kind of the request's own key when a
// rule of the product allows it, else what the first rule allows.
func keyKind(csr *x509x.CSR, rules []core.KeyRule) string {
	alg, bits, curve := x509x.PublicKeyInfo(csr.PublicKey)
	for _, r := range rules {
		if r.Algorithm != alg {
			continue
		}
		switch alg {
		case "RSA":
			if slices.Contains(rsaSizes(r), bits) {
				return "RSA " + strconv.Itoa(bits)
			}
		case "ECDSA":
			if len(r.Curves) == 0 || slices.Contains(r.Curves, curve) {
				return "ECDSA " + curve
			}
		default:
			return alg
		}
	}
	if len(rules) == 0 {
		return "ECDSA P-256"
	}
	switch r := rules[0]; r.Algorithm {
	case "RSA":
		if sizes := rsaSizes(r); len(sizes) > 0 {
			return "RSA " + strconv.Itoa(sizes[0])
		}
		return "RSA 3072"
	case "ECDSA":
		if len(r.Curves) > 0 {
			return "ECDSA " + r.Curves[0]
		}
		return "ECDSA P-256"
	default:
		return r.Algorithm
	}
}

// rsaSizes lists the usual modulus sizes that a rule allows.
func rsaSizes(r core.KeyRule) []int {
	return slices.DeleteFunc([]int{2048, 3072, 4096}, func(n int) bool {
		return n < r.MinBits || r.MaxBits > 0 && n > r.MaxBits
	})
}

// recipient finds the certificate for which the key shall be encrypted, nil
// when the client did not ask. It proves at once that encrypting to it works,
// before anything is issued.
func (c *call) recipient(csr *x509x.CSR) (*cms.Recipient, error) {
	if csr.Attribute(oidDecryptKeyID) != nil {
		return nil, core.Errorf(core.KindBadCSR, "encrypting the private key with a shared symmetric key (DecryptKeyIdentifier) is not supported; ask with AsymmetricDecryptKeyIdentifier and the subject key identifier of a certificate, or rely on TLS").At("DecryptKeyIdentifier")
	}
	a := csr.Attribute(oidAsymDecryptKeyID)
	if a == nil {
		return nil, nil
	}
	var ski cryptobyte.String
	if len(a.Values) == 1 {
		s := cryptobyte.String(a.Values[0])
		if !s.ReadASN1(&ski, asn1.OCTET_STRING) || !s.Empty() {
			ski = nil
		}
	}
	if len(ski) == 0 {
		return nil, core.Errorf(core.KindBadCSR, "the attribute AsymmetricDecryptKeyIdentifier must be one OCTET STRING with a subject key identifier").At("AsymmetricDecryptKeyIdentifier")
	}
	cert, err := c.bySKI(ski)
	if err != nil {
		return nil, err
	}
	r := &cms.Recipient{ID: cms.IdentityOf(cert), Key: cert.PublicKey, UseKeyID: true}
	r.ID.KeyID = ski
	if _, err := cms.Encrypt([]byte{0}, cms.OIDData, []cms.Recipient{*r}, cms.AES256CBC); err != nil {
		return nil, core.Wrap(core.KindBadCSR, err, "the key of the certificate named by AsymmetricDecryptKeyIdentifier cannot decrypt").At("AsymmetricDecryptKeyIdentifier")
	}
	return r, nil
}

// bySKI looks at the client's own TLS certificate first, then at the
// credential's certificates.
func (c *call) bySKI(ski []byte) (*x509.Certificate, error) {
	if cert := httpx.ClientCert(c.r.Context()); cert != nil && bytes.Equal(cert.SubjectKeyId, ski) {
		return cert, nil
	}
	found, err := c.s.d.Enroll.CertificateBySKI(c.r.Context(), c.cred, ski)
	if core.Is(err, core.KindNotFound) {
		return nil, core.Errorf(core.KindBadCSR, "this credential has no active certificate with the subject key identifier %s", hex.EncodeToString(ski)).At("AsymmetricDecryptKeyIdentifier")
	}
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(found.DER)
}

// deliver writes the two parts of RFC 7030 section 4.4.2: private key,
// certificate.
func (c *call) deliver(res *enroll.Result, recipient *cms.Recipient) error {
	keyType, key := "application/pkcs8", res.Key
	if recipient != nil {
		var err error
		keyType = "application/pkcs7-mime; smime-type=server-generated-key"
		if key, err = c.s.encryptKey(res.Key, recipient); err != nil {
			return err
		}
	}
	boundary := "certwright-" + strings.ToLower(rand.Text())
	var b bytes.Buffer
	part := func(contentType string, der []byte) {
		b.WriteString("--" + boundary + "\r\nContent-Type: " + contentType + "\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64Line(der) + "\r\n")
	}
	part(keyType, key)
	part("application/pkcs7-mime; smime-type=certs-only", cms.CertsOnly(res.Certificate.DER))
	b.WriteString("--" + boundary + "--\r\n")
	c.w.Header().Set("Content-Type", "multipart/mixed; boundary="+boundary)
	noStore(c.w.Header())
	httpx.Reply(c.w, c.r, http.StatusOK, b.Bytes())
	return nil
}

// encryptKey wraps a PKCS#8 key as AsymmetricKeyPackage (RFC 5958 section 2)
// in SignedData in EnvelopedData.
//
// Deviation: RFC 7030 section 4.4.2 wants the SignedData always. Without a
// signer (Deps.KeySigner) the package is in the EnvelopedData directly; that it
// comes from this server is then proven by TLS alone.
func (s *Service) encryptKey(pkcs8 []byte, recipient *cms.Recipient) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(pkcs8) })
	content, err := b.Bytes()
	if err != nil {
		return nil, err
	}
	defer clear(content)
	contentType := cms.OIDKeyPackage
	if s.d.KeySigner != nil {
		signed, err := s.signPackage(content)
		if err != nil {
			return nil, err
		}
		defer clear(signed)
		content, contentType = signed, cms.OIDSignedData
	}
	return cms.Encrypt(content, contentType, []cms.Recipient{*recipient}, cms.AES256CBC)
}

// signPackage returns the SignedData value without its ContentInfo: inside
// EnvelopedData the content type is named by EncryptedContentInfo (RFC 5652
// section 6.1).
func (s *Service) signPackage(content []byte) ([]byte, error) {
	signer, err := s.d.KeySigner()
	if err != nil {
		return nil, err
	}
	info, err := cms.Sign(cms.SignRequest{
		ContentType: cms.OIDKeyPackage, Content: content, Signer: signer.Key,
		ID: cms.IdentityOf(signer.Certificate), Certificates: signer.Certificates,
	})
	if err != nil {
		return nil, err
	}
	var seq, oid, value cryptobyte.String
	whole := cryptobyte.String(info)
	if !whole.ReadASN1(&seq, asn1.SEQUENCE) || !seq.ReadASN1(&oid, asn1.OBJECT_IDENTIFIER) ||
		!seq.ReadASN1(&value, asn1.Tag(0).ContextSpecific().Constructed()) {
		return nil, core.Errorf(core.KindInternal, "signed key package without content")
	}
	return value, nil
}
