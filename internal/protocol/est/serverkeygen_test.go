package est

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/house/need"
	"github.com/certwright/certwright/internal/protocol/protocoltest"
	"github.com/certwright/certwright/internal/wire/cms"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// matches proves that a PKCS#8 key belongs to the certificate.
func matches(t *testing.T, pkcs8 []byte, cert *x509.Certificate) crypto.Signer {
	t.Helper()
	key, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		t.Fatal(err)
	}
	signer := key.(crypto.Signer)
	if !signer.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(cert.PublicKey) {
		t.Error("the key is not the certificate's")
	}
	return signer
}

func TestServerKeygenPlain(t *testing.T) {
	b := newBench(t)
	csr := protocoltest.NewCSR(t, "a.example")
	k := keygen(t, b.post(t, "serverkeygen", csr))
	if k.keyType != "application/pkcs8" || k.cert.DNSNames[0] != "a.example" {
		t.Errorf("%s %v", k.keyType, k.cert.DNSNames)
	}
	key := matches(t, k.key, k.cert)
	if key.Public().(*ecdsa.PublicKey).Equal(csr.Key.Public()) {
		t.Error("the request's own key was used")
	}
	// The key is given out once.
	expect(t, b.post(t, "serverkeygen", csr), http.StatusConflict, "not given out twice")
	if n := len(b.Enroll.Certificates()); n != 1 {
		t.Errorf("%d certificates", n)
	}
}

func TestServerKeygenKindOfKey(t *testing.T) {
	b := newBench(t)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	csr := protocoltest.BuildCSR(t, p384, core.DN{{Type: "CN", Value: "a.example"}}, protocoltest.NamesOf("a.example"), x509x.Request{})
	k := keygen(t, b.post(t, "serverkeygen", csr))
	if key := matches(t, k.key, k.cert); key.Public().(*ecdsa.PublicKey).Curve != elliptic.P384() {
		t.Error("not the kind that was asked for")
	}
	rules := []core.KeyRule{{Algorithm: "RSA", MinBits: 3072}, {Algorithm: "ECDSA", Curves: []string{"P-384"}}}
	for want, c := range map[string]struct {
		pub   crypto.PublicKey
		rules []core.KeyRule
	}{
		"ECDSA P-384": {p384.Public(), rules},
		"RSA 3072":    {protocoltest.NewCSR(t, "a.example").Key.Public(), rules},
		"ECDSA P-256": {nil, nil},
		"Ed25519":     {nil, []core.KeyRule{{Algorithm: "Ed25519"}}},
		"RSA 4096":    {nil, []core.KeyRule{{Algorithm: "RSA", MinBits: 3500}}},
	} {
		if got := keyKind(&x509x.CSR{PublicKey: c.pub}, c.rules); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestServerKeygenRefused(t *testing.T) {
	b := newBench(t)
	p := protocoltest.DefaultProduct()
	p.ServerKeys = false
	product := b.AddProduct(p)
	b.Auth.Change(b.cred.ID, func(c *core.Credential) { c.Products, c.Product = []core.ProductID{product.ID}, product.ID })
	expect(t, b.post(t, "serverkeygen", protocoltest.NewCSR(t, "a.example")), http.StatusForbidden, "keys made by the server")
}

func TestServerKeygenRenewal(t *testing.T) {
	b := newBench(t)
	csr := protocoltest.NewCSR(t, "a.example")
	cert := issued(t, b.post(t, "simpleenroll", csr), csr)
	k := keygen(t, b.postCert(t, "serverkeygen", csr, csr.TLS(cert.Raw)))
	matches(t, k.key, k.cert)
	if list := b.Enroll.Certificates(); list[1].Replaces != list[0].ID {
		t.Error("not a renewal")
	}
	expect(t, b.postCert(t, "serverkeygen", protocoltest.NewCSR(t, "b.example"), csr.TLS(cert.Raw)), http.StatusForbidden)
}

// encryptedFor asks for encryption to a subject key identifier.
func encryptedFor(t *testing.T, oid string, ski []byte) *protocoltest.CSR {
	t.Helper()
	value, err := asn1.Marshal(ski)
	if err != nil {
		t.Fatal(err)
	}
	return protocoltest.BuildCSR(t, nil, core.DN{{Type: "CN", Value: "k.example"}}, protocoltest.NamesOf("k.example"),
		x509x.Request{Attributes: []x509x.Attribute{{OID: oid, Values: [][]byte{value}}}})
}

// unpack takes the one key out of an AsymmetricKeyPackage.
func unpack(t *testing.T, der []byte) []byte {
	t.Helper()
	var list []asn1.RawValue
	if rest, err := asn1.Unmarshal(der, &list); err != nil || len(rest) > 0 || len(list) != 1 {
		t.Fatalf("key package: %v", err)
	}
	return list[0].FullBytes
}

func TestServerKeygenEncrypted(t *testing.T) {
	b := newBench(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	holder := protocoltest.BuildCSR(t, rsaKey, core.DN{{Type: "CN", Value: "h.example"}}, protocoltest.NamesOf("h.example"), x509x.Request{})
	rsaCert := issued(t, b.post(t, "simpleenroll", holder), holder)
	device := selfSigned(t, "device")

	t.Run("to a certificate of the credential", func(t *testing.T) {
		k := keygen(t, b.post(t, "serverkeygen", encryptedFor(t, oidAsymDecryptKeyID, rsaCert.SubjectKeyId)))
		if k.keyType != "application/pkcs7-mime; smime-type=server-generated-key" {
			t.Error(k.keyType)
		}
		plain, err := cms.Decrypt(k.key, cms.IdentityOf(rsaCert), rsaKey)
		if err != nil {
			t.Fatal(err)
		}
		matches(t, unpack(t, plain), k.cert)
		opensslDecrypts(t, k.key, rsaCert, rsaKey, plain)
	})
	t.Run("to the TLS client certificate", func(t *testing.T) {
		csr := encryptedFor(t, oidAsymDecryptKeyID, device.Leaf.SubjectKeyId)
		a := do(t, b.site.Client(t, device), "POST", b.site.MTLS+"/.well-known/est/lab/serverkeygen", b64(csr.DER), basic(b.cred.PublicID, protocoltest.Password))
		k := keygen(t, a)
		plain, err := cms.Decrypt(k.key, cms.IdentityOf(device.Leaf), device.PrivateKey)
		if err != nil {
			t.Fatal(err)
		}
		matches(t, unpack(t, plain), k.cert)
	})
	issuedBefore := len(b.Enroll.Certificates())
	t.Run("refused", func(t *testing.T) {
		expect(t, b.post(t, "serverkeygen", encryptedFor(t, oidDecryptKeyID, []byte("k1"))), http.StatusBadRequest, "symmetric")
		expect(t, b.post(t, "serverkeygen", encryptedFor(t, oidAsymDecryptKeyID, []byte("nobody"))), http.StatusBadRequest, "subject key identifier")
		expect(t, b.post(t, "serverkeygen", encryptedFor(t, oidAsymDecryptKeyID, nil)), http.StatusBadRequest, "OCTET STRING")
		if n := len(b.Enroll.Certificates()); n != issuedBefore {
			t.Errorf("%d certificates were issued for keys that cannot be delivered", n-issuedBefore)
		}
	})
}

func TestServerKeygenSigned(t *testing.T) {
	w := protocoltest.New(t, time.Now())
	signer := selfSigned(t, "key generator")
	device := selfSigned(t, "device")
	svc := New(Deps{Auth: w.Auth, Enroll: w.Enroll, Audit: w.Audit, Log: w.Log, Now: w.Now, KeySigner: func() (*KeySigner, error) {
		return &KeySigner{Key: signer.PrivateKey.(crypto.Signer), Certificate: signer.Leaf, Certificates: signer.Certificate}, nil
	}})
	site := w.Serve(t, protocoltest.Options{}, svc)
	c := w.AddCredential(core.CredentialEST, core.AuthPassword, "lab")
	csr := encryptedFor(t, oidAsymDecryptKeyID, device.Leaf.SubjectKeyId)
	k := keygen(t, do(t, site.Client(t, device), "POST", site.MTLS+"/.well-known/est/lab/serverkeygen", b64(csr.DER), basic(c.PublicID, protocoltest.Password)))
	plain, err := cms.Decrypt(k.key, cms.IdentityOf(device.Leaf), device.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	info, err := asn1.Marshal(struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue
	}{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: plain}})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := cms.ParseSigned(info)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := signed.Verify(cms.VerifyOptions{}); err != nil {
		t.Error(err)
	}
	if signed.ContentType != cms.OIDKeyPackage {
		t.Error(signed.ContentType)
	}
	matches(t, unpack(t, signed.Content), k.cert)
}

// opensslDecrypts proves that an independent implementation reads the message.
func opensslDecrypts(t *testing.T, message []byte, cert *x509.Certificate, key crypto.PrivateKey, want []byte) {
	t.Helper()
	openssl := need.Program(t, "openssl", "openssl")
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(openssl, "cms", "-decrypt", "-inform", "DER", "-in", write("m", message),
		"-recip", write("c", toPEM("CERTIFICATE", cert.Raw)), "-inkey", write("k", toPEM("PRIVATE KEY", pkcs8))).Output()
	if err != nil || !bytes.Equal(out, want) {
		t.Errorf("openssl: %v", err)
	}
}
