package cms

import (
	"bytes"
	"crypto"
	"errors"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/wire/x509x"
)

func request(p party) SignRequest {
	return SignRequest{
		Content: []byte("hello"), Signer: p.key, ID: p.id(), Certificates: [][]byte{p.cert.Raw},
		Attributes: []x509x.Attribute{{OID: "2.16.840.1.113733.1.9.2", Values: [][]byte{{0x13, 1, '3'}}}},
	}
}

// TestSignOpenSSL: openssl and we verify what we sign.
func TestSignOpenSSL(t *testing.T) {
	for _, kind := range []string{"rsa", "p256", "p384", "p521", "ed25519"} {
		p := newParty(t, kind)
		dir := t.TempDir()
		p.write(t, dir)
		for _, digest := range []crypto.Hash{0, crypto.SHA256, crypto.SHA384, crypto.SHA512} {
			for _, contentType := range []string{"", OIDKeyPackage} {
				for _, useKeyID := range []bool{false, true} {
					r := request(p)
					r.Digest, r.ContentType, r.UseKeyID = digest, contentType, useKeyID
					der, err := Sign(r)
					if kind == "ed25519" && digest != 0 && digest != crypto.SHA512 {
						if !errors.Is(err, ErrUnsupported) {
							t.Errorf("Ed25519 with %v: %v", digest, err)
						}
						continue
					}
					if err != nil {
						t.Fatal(err)
					}
					s := must[*Signed](t)(ParseSigned(der))
					signer, err := s.Verify(VerifyOptions{})
					if err != nil || !bytes.Equal(signer.Certificate, p.cert.Raw) || string(s.Content) != "hello" ||
						!bytes.Equal(signer.Attribute("2.16.840.1.113733.1.9.2"), []byte{0x13, 1, '3'}) {
						t.Errorf("%s %v: %+v %v", kind, digest, signer, err)
					}
					if kind == "rsa" && !bytes.Equal(s.Signers[0].sigAlg, unhex(t, "300d06092a864886f70d0101010500")) {
						t.Errorf("signature algorithm %x is not rsaEncryption", s.Signers[0].sigAlg)
					}
					if kind == "ed25519" {
						continue // openssl 3.0 has no Ed25519 in CMS
					}
					writeFile(t, der, dir, "m")
					openssl(t, dir, "cms", "-verify", "-in", "m", "-inform", "DER", "-CAfile", "c.pem", "-purpose", "any", "-out", "o", "-binary")
					if out := readFile(t, dir, "o"); string(out) != "hello" {
						t.Errorf("openssl reads %q", out)
					}
				}
			}
		}
	}
}

func TestVerifyOpenSSL(t *testing.T) {
	pss := []string{"-keyopt", "rsa_padding_mode:pss"}
	tests := []struct {
		kind, md string
		extra    []string
		detached bool
		weak     bool
	}{
		{"rsa", "sha256", []string{"-nodetach"}, false, false},
		{"rsa", "sha384", []string{"-nodetach", "-stream"}, false, false},
		{"rsa", "sha512", []string{"-nodetach", "-keyid"}, false, false},
		{"rsa", "sha1", []string{"-nodetach"}, false, true},
		{"rsa", "sha256", append([]string{"-nodetach"}, pss...), false, false},
		{"rsa", "sha512", append([]string{"-nodetach"}, pss...), false, false}, // openssl 3.0 cannot stream PSS
		{"rsa", "sha256", nil, true, false},
		{"rsa", "sha256", []string{"-nodetach", "-noattr"}, false, false},
		{"rsa", "sha256", []string{"-nodetach", "-econtent_type", OIDKeyPackage}, false, false},
		{"p256", "sha256", []string{"-nodetach", "-stream"}, false, false},
		{"p384", "sha512", []string{"-nodetach"}, false, false},
		{"p521", "sha1", []string{"-nodetach"}, false, true},
	}
	for _, tt := range tests {
		p := newParty(t, tt.kind)
		dir := t.TempDir()
		p.write(t, dir)
		content := bytes.Repeat([]byte("0123456789"), 2000)
		writeFile(t, content, dir, "i")
		args := append([]string{"cms", "-sign", "-binary", "-in", "i", "-outform", "DER", "-out", "m", "-md", tt.md, "-signer", "c.pem", "-inkey", "k.pem"}, tt.extra...)
		openssl(t, dir, args...)
		s, err := ParseSigned(readFile(t, dir, "m"))
		if err != nil {
			t.Errorf("%v: %v", tt, err)
			continue
		}
		o := VerifyOptions{}
		if tt.detached {
			if s.HasContent {
				t.Errorf("%v: has content", tt)
			}
			if _, err := s.Verify(o); !errors.Is(err, ErrSignature) {
				t.Errorf("%v without content: %v", tt, err)
			}
			o.Content = content
		} else if !bytes.Equal(s.Content, content) {
			t.Errorf("%v: content of %d octets", tt, len(s.Content))
		}
		_, err = s.Verify(o)
		if tt.weak != errors.Is(err, ErrWeakSignature) || !tt.weak && err != nil {
			t.Errorf("%v: %v", tt, err)
		}
		o.AllowSHA1 = true
		signer, err := s.Verify(o)
		if err != nil || !bytes.Equal(signer.Certificate, p.cert.Raw) {
			t.Errorf("%v, SHA-1 allowed: %v", tt, err)
		}
		s.Content, o.Content = append(content, 'x'), append(content, 'x')
		if _, err := s.Verify(o); !errors.Is(err, ErrSignature) {
			t.Errorf("%v with other content: %v", tt, err)
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	p, other := newParty(t, "p256"), newParty(t, "p256")
	der := must[[]byte](t)(Sign(request(p)))
	parse := func() *Signed { return must[*Signed](t)(ParseSigned(der)) }
	tests := []struct {
		name   string
		change func(*Signed)
		want   error
	}{
		{"good", func(*Signed) {}, nil},
		{"content", func(s *Signed) { s.Content = []byte("hellO") }, ErrSignature},
		{"content type", func(s *Signed) { s.ContentType = OIDKeyPackage }, ErrSignature},
		{"attribute octets", func(s *Signed) { s.Signers[0].RawAttributes[len(s.Signers[0].RawAttributes)-1] ^= 1 }, ErrSignature},
		{"signature", func(s *Signed) { s.Signers[0].Signature[12] ^= 1 }, ErrSignature},
		{"no certificate", func(s *Signed) { s.Certificates = nil }, ErrNoSigner},
		{"other certificate", func(s *Signed) { s.Certificates = [][]byte{other.cert.Raw} }, ErrNoSigner},
		{"key swapped", func(s *Signed) { s.Certificates = [][]byte{other.cert.Raw}; s.Signers[0].ID = other.id() }, ErrSignature},
		{"digest of other size", func(s *Signed) { s.Signers[0].Digest = crypto.SHA384 }, ErrUnsupported},
		{"two signers", func(s *Signed) { s.Signers = append(s.Signers, s.Signers[0]) }, ErrMalformed},
		{"no signer", func(s *Signed) { s.Signers = nil }, ErrMalformed},
		{"attributes dropped", func(s *Signed) { s.Signers[0].RawAttributes = nil }, ErrSignature},
		{"attributes dropped, not data", func(s *Signed) { s.Signers[0].RawAttributes = nil; s.ContentType = OIDKeyPackage }, ErrMalformed},
	}
	for _, tt := range tests {
		s := parse()
		s.Signers[0].Signature = bytes.Clone(s.Signers[0].Signature)
		tt.change(s)
		got, err := s.Verify(VerifyOptions{})
		if !errors.Is(err, tt.want) || (err == nil) != (got != nil) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	s := parse()
	s.Certificates = nil
	if _, err := s.Verify(VerifyOptions{Certificates: [][]byte{p.cert.Raw}}); err != nil {
		t.Errorf("certificate given by the caller: %v", err)
	}
	r := request(p)
	r.Digest = crypto.SHA1
	if _, err := Sign(r); !errors.Is(err, ErrUnsupported) {
		t.Errorf("signs with SHA-1: %v", err)
	}
	r = request(p)
	r.Attributes = append(r.Attributes, x509x.Attribute{OID: OIDContentType, Values: [][]byte{{5, 0}}})
	if _, err := Sign(r); !errors.Is(err, ErrMalformed) {
		t.Errorf("attribute twice: %v", err)
	}
}

// TestSignWithoutContent is the CertRep FAILURE of SCEP: eContent absent, the
// digest that of nothing.
func TestSignWithoutContent(t *testing.T) {
	p := newParty(t, "rsa")
	r := request(p)
	r.Content = nil
	s := must[*Signed](t)(ParseSigned(must[[]byte](t)(Sign(r))))
	if s.HasContent || s.Content != nil {
		t.Error("has content")
	}
	if _, err := s.Verify(VerifyOptions{}); err != nil {
		t.Error(err)
	}
	r.Content, r.Detached = []byte("abc"), true
	s = must[*Signed](t)(ParseSigned(must[[]byte](t)(Sign(r))))
	if _, err := s.Verify(VerifyOptions{Content: []byte("abc")}); err != nil || s.HasContent {
		t.Error(err)
	}
}

// TestUnorderedAttributes: signed in DER order, sent in another.
func TestUnorderedAttributes(t *testing.T) {
	p := newParty(t, "p256")
	s := must[*Signed](t)(ParseSigned(must[[]byte](t)(Sign(request(p)))))
	raw := s.Signers[0].RawAttributes
	var elements [][]byte
	if !readSequences(raw[2:], &elements) || len(elements) != 3 {
		t.Fatalf("%x", raw)
	}
	turned := append([]byte{}, raw[:2]...)
	for i := len(elements) - 1; i >= 0; i-- {
		turned = append(turned, elements[i]...)
	}
	if bytes.Equal(turned, raw) {
		t.Fatal("not turned")
	}
	s.Signers[0].RawAttributes = turned
	if _, err := s.Verify(VerifyOptions{}); err != nil {
		t.Error(err)
	}
}

// TestSCEPMessage: enveloped data inside signed data, read by openssl.
func TestSCEPMessage(t *testing.T) {
	p := newParty(t, "rsa")
	dir := t.TempDir()
	p.write(t, dir)
	inner := must[[]byte](t)(Encrypt([]byte("a request"), OIDData, []Recipient{p.recipient(false, false)}, AES256CBC))
	r := request(p)
	r.Content = inner
	writeFile(t, must[[]byte](t)(Sign(r)), dir, "m")
	openssl(t, dir, "cms", "-verify", "-in", "m", "-inform", "DER", "-CAfile", "c.pem", "-purpose", "any", "-out", "i", "-binary")
	openssl(t, dir, "cms", "-decrypt", "-in", "i", "-inform", "DER", "-inkey", "k.pem", "-recip", "c.pem", "-out", "o", "-binary")
	if out := readFile(t, dir, "o"); string(out) != "a request" {
		t.Errorf("%q", out)
	}
	text := openssl(t, dir, "cms", "-cmsout", "-print", "-in", "m", "-inform", "DER")
	if !strings.Contains(text, "algorithm: rsaEncryption (1.2.840.113549.1.1.1)") || !strings.Contains(text, "2.16.840.1.113733.1.9.2") {
		t.Error(text)
	}
}

func FuzzParseSigned(f *testing.F) {
	p := newParty(f, "p256")
	der, err := Sign(request(p))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(der)
	f.Add(CertsOnly(p.cert.Raw))
	f.Fuzz(func(t *testing.T, ber []byte) {
		s, err := ParseSigned(ber)
		if err != nil {
			return
		}
		for i := range s.Signers {
			if got, err := s.VerifySigner(i, VerifyOptions{AllowSHA1: true}); (err == nil) == (got == nil) {
				t.Fatal(err)
			}
		}
	})
}
