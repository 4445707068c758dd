package curl_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"io"
	"mime"
	"mime/multipart"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/wire/x509x"
	"github.com/certwright/certwright/test/interop/harness"
)

// parts takes the answer of serverkeygen apart: the key part is kept as key.der,
// the certificate part as <base>.p7. It returns the key part's type.
func parts(t *testing.T, dir, base string, a *harness.Answer) string {
	t.Helper()
	a.Want(t, 200)
	kind, params, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/mixed" {
		t.Fatalf("content type %q", a.Header.Get("Content-Type"))
	}
	if a.Header.Get("Cache-Control") != "no-store" {
		t.Error("a private key may be cached")
	}
	r := multipart.NewReader(bytes.NewReader(a.Body), params["boundary"])
	var types []string
	for {
		p, err := r.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		types = append(types, p.Header.Get("Content-Type"))
		switch len(types) {
		case 1:
			der, err := base64.StdEncoding.DecodeString(string(body))
			if err != nil {
				t.Fatal(err)
			}
			harness.WriteFile(t, dir, "key.der", der)
		case 2:
			harness.WriteFile(t, dir, base+".p7", body)
		}
	}
	if len(types) != 2 || types[1] != "application/pkcs7-mime; smime-type=certs-only" {
		t.Fatalf("parts %v", types)
	}
	return types[0]
}

// fits proves with openssl that a private key belongs to the certificate of an
// answer and that openssl can use both.
func (x *site) fits(t *testing.T, dir, base, keyDER string) *x509.Certificate {
	t.Helper()
	harness.Shell(t, dir, "openssl pkey -inform DER -in "+keyDER+" -out "+base+".key")
	a := &harness.Answer{Status: 200, Header: map[string][]string{"Content-Type": {"application/pkcs7-mime"}}, Body: harness.ReadFile(t, dir, base+".p7")}
	return x.issued(t, dir, base, a)
}

func serverKey(t *testing.T, x *site) {
	dir := t.TempDir()
	c := x.admin.Credential(t, resource.NewCredential{Products: []string{"device"}})
	for _, newkey := range []string{p256, rsa2048} { // the kind of the request's key is the wish
		request(t, dir, "own", newkey, "made.example.internal")
		a := x.post(t, dir, "own", c, "serverkeygen")
		if kind := parts(t, dir, "made", a); kind != "application/pkcs8" {
			t.Errorf("key type %q", kind)
		}
		made := x.fits(t, dir, "made", "key.der")
		if row := x.admin.FindCertificate(t, made); row.KeyStored {
			t.Error("the key was kept, and the product does not say so")
		}
		// The key is given out once: the same request makes a new pair.
		if kind := parts(t, dir, "more", x.post(t, dir, "own", c, "serverkeygen")); kind != "application/pkcs8" {
			t.Errorf("key type %q", kind)
		}
		if more := x.fits(t, dir, "more", "key.der"); more.SerialNumber.Cmp(made.SerialNumber) == 0 {
			t.Error("one private key in two answers")
		}
		// It renews itself, with a key that it made.
		request(t, dir, "next", newkey, "made.example.internal")
		x.issued(t, dir, "next", x.renew(t, dir, "next", "more", c))
	}
	// A product that does not allow it.
	no := x.admin.Credential(t, resource.NewCredential{Products: []string{"code-signing"}})
	x.post(t, dir, "own", no, "serverkeygen").Want(t, 403, "keys made by the server")
	if r := x.admin.Refusals(t, no.ID); len(r) != 1 || r[0].Detail["kind"] != "policy" {
		t.Errorf("audit: %+v", r)
	}
}

// wrapFor writes a request with AsymmetricDecryptKeyIdentifier (RFC 7030
// section 4.4.1.2) or DecryptKeyIdentifier: openssl req cannot.
func wrapFor(t *testing.T, dir, base, name, attribute string, id []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var b cryptobyte.Builder
	b.AddASN1OctetString(id)
	san, err := x509x.MarshalSAN([]x509x.GeneralName{{Kind: x509x.KindDNS, Value: name}})
	if err != nil {
		t.Fatal(err)
	}
	subject, err := x509x.Name{{OID: x509x.OIDCommonName, Value: name}}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509x.CreateCSR(x509x.Request{Subject: subject, Extensions: []x509x.Extension{{OID: x509x.OIDSubjectAltName, Value: san}},
		Attributes: []x509x.Attribute{{OID: attribute, Values: [][]byte{b.BytesOrPanic()}}}}, key)
	if err != nil {
		t.Fatal(err)
	}
	harness.WriteFile(t, dir, base+".b64", base64.StdEncoding.AppendEncode(nil, der))
}

// contentInfo puts a SignedData value into a ContentInfo (RFC 5652 section 3).
func contentInfo(signed []byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier([]int{1, 2, 840, 113549, 1, 7, 2})
		b.AddASN1(asn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { b.AddBytes(signed) })
	})
	return b.BytesOrPanic()
}

const (
	asymmetric = "1.2.840.113549.1.9.16.2.54"
	symmetric  = "1.2.840.113549.1.9.16.2.37"
)

// serverKeyEncrypted: the key made by the server comes in CMS, encrypted for a
// certificate that the client has, and openssl opens it.
func serverKeyEncrypted(t *testing.T, x *site) {
	for name, newkey := range map[string]string{"RSA": rsa2048, "EC": p256} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			c := x.admin.Credential(t, resource.NewCredential{Products: []string{"device"}})
			request(t, dir, "old", newkey, "box.example.internal")
			old := x.issued(t, dir, "old", x.post(t, dir, "old", c, "simpleenroll"))
			wrapFor(t, dir, "wish", "box.example.internal", asymmetric, old.SubjectKeyId)
			a := harness.Curl(t, dir, x.estArgs("--cert", "old.pem", "--key", "old.key", "--data-binary", "@wish.b64", c.EST(x.MTLS)+"serverkeygen")...)
			if kind := parts(t, dir, "new", a); kind != "application/pkcs7-mime; smime-type=server-generated-key" {
				t.Errorf("key type %q", kind)
			}
			harness.Run(t, dir, "openssl", "cms", "-decrypt", "-inform", "DER", "-in", "key.der", "-recip", "old.pem", "-inkey", "old.key", "-out", "package.der")
			// SignedData by this server (RFC 7030 section 4.4.2), which stands in
			// EnvelopedData without its ContentInfo.
			harness.WriteFile(t, dir, "signed.der", contentInfo(harness.ReadFile(t, dir, "package.der")))
			harness.Run(t, dir, "openssl", "cms", "-verify", "-inform", "DER", "-in", "signed.der", "-CAfile", x.RootPEM, "-purpose", "any", "-out", "keys.der")
			// AsymmetricKeyPackage (RFC 5958 section 2): a SEQUENCE OF keys.
			pkg := cryptobyte.String(harness.ReadFile(t, dir, "keys.der"))
			var list, key cryptobyte.String
			if !pkg.ReadASN1(&list, asn1.SEQUENCE) || !list.ReadASN1Element(&key, asn1.SEQUENCE) || !list.Empty() {
				t.Fatalf("no key package: %x", pkg)
			}
			harness.WriteFile(t, dir, "plain.der", key)
			made := x.fits(t, dir, "new", "plain.der")
			if row := x.admin.FindCertificate(t, made); row.Replaces == "" {
				t.Error("made with the old certificate, but it replaces nothing")
			}
			// Somebody else's certificate, and a shared key, are refused, and
			// nothing is issued.
			wrapFor(t, dir, "foreign", "box.example.internal", asymmetric, []byte("nobody's key identifier"))
			x.post(t, dir, "foreign", c, "serverkeygen").Want(t, 400, hex.EncodeToString([]byte("nobody's key identifier")))
			wrapFor(t, dir, "shared", "box.example.internal", symmetric, []byte("shared key"))
			x.post(t, dir, "shared", c, "serverkeygen").Want(t, 400, "DecryptKeyIdentifier")
			if n := len(x.admin.CertificatesOf(t, c.ID)); n != 2 {
				t.Errorf("%d certificates, want 2", n)
			}
			if r := x.admin.Refusals(t, c.ID); len(r) != 1 || r[0].Detail["kind"] != "bad-csr" { // the second is counted
				t.Errorf("audit: %+v", r)
			}
		})
	}
}
