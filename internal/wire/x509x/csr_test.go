package x509x

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// testCSR makes a request with the usual attributes.
func testCSR(t testing.TB, k crypto.Signer) []byte {
	t.Helper()
	san := must[[]byte](t)(MarshalSAN([]GeneralName{{Kind: KindDNS, Value: "a.example"}, {Kind: KindDNS, Value: "b.example"}}))
	return must[[]byte](t)(CreateCSR(Request{
		Subject:           mustName(t, "CN=a.example,O=Example,C=US"),
		ChallengePassword: "s3cret",
		Extensions:        []Extension{{OID: OIDSubjectAltName, Value: san}, must[Extension](t)(MakeKeyUsage(UsageDigitalSignature))},
	}, k))
}

func TestParseCSR(t *testing.T) {
	for _, kind := range []string{"rsa2048", "p256", "p384", "p521", "ed25519"} {
		k := testKey(t, kind)
		der := testCSR(t, k)
		c, err := ParseCSR(der)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if c.ChallengePassword != "s3cret" || len(c.Extensions) != 2 || c.Subject.String() != "CN=a.example,O=Example,C=US" ||
			!bytes.Equal(c.RawSPKI, spkiOf(t, k)) || c.Attribute(OIDChallengePassword) == nil || c.Attribute("1.2") != nil ||
			!bytes.Equal(c.Raw, der) {
			t.Errorf("%s: %+v", kind, c)
		}
		if err := c.CheckSignature(); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		bad := bytes.Clone(der)
		i := bytes.Index(bad, []byte("a.example"))
		bad[i] = 'z'
		if c, err = ParseCSR(bad); err != nil {
			t.Fatal(err)
		}
		if err := c.CheckSignature(); !errors.Is(err, ErrSignature) {
			t.Errorf("%s changed: %v, want ErrSignature", kind, err)
		}
	}
}

// TestCSRKeySwap: a request with another's key must not verify.
func TestCSRKeySwap(t *testing.T) {
	tbs := must[[]byte](t)(BuildCSR(Request{Subject: mustName(t, "CN=a"), SPKI: spkiOf(t, testKey(t, "p256"))}))
	der := must[[]byte](t)(Sign(tbs, ECDSAWithSHA256, testKey(t, "p256")))
	if err := must[*CSR](t)(ParseCSR(der)).CheckSignature(); !errors.Is(err, ErrSignature) {
		t.Errorf("%v", err)
	}
	der = must[[]byte](t)(Sign(tbs, SHA256WithRSA, testKey(t, "rsa2048")))
	if err := must[*CSR](t)(ParseCSR(der)).CheckSignature(); !errors.Is(err, ErrUnsupported) {
		t.Errorf("algorithm of another key type: %v", err)
	}
}

func TestCSROpenSSL(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, []byte("[req]\ndistinguished_name=d\nreq_extensions=e\nattributes=a\nprompt=no\n[d]\nC=US\nCN=x\n[a]\nchallengePassword=pass word\nunstructuredName=router 1\n[e]\nkeyUsage=critical,digitalSignature\nsubjectAltName=DNS:a\n"), dir, "c")
	tests := []struct {
		name, hash string
		args       []string
		weak       bool
		alg        SignatureAlgorithm
	}{
		{"rsa", "sha256", []string{"rsa:2048"}, false, SHA256WithRSA},
		{"rsa sha384", "sha384", []string{"rsa:2048"}, false, SHA384WithRSA},
		{"rsa sha512", "sha512", []string{"rsa:2048"}, false, SHA512WithRSA},
		{"rsa sha1", "sha1", []string{"rsa:2048"}, true, SHA1WithRSA},
		{"pss", "sha256", []string{"rsa:2048", "-sigopt", "rsa_padding_mode:pss"}, false, SHA256WithRSAPSS},
		{"pss 384 salt 20", "sha384", []string{"rsa:2048", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:20"}, false, SHA384WithRSAPSS},
		{"p256", "sha256", []string{"ec", "-pkeyopt", "ec_paramgen_curve:P-256"}, false, ECDSAWithSHA256},
		{"p384 sha1", "sha1", []string{"ec", "-pkeyopt", "ec_paramgen_curve:P-384"}, true, ECDSAWithSHA1},
		{"p521", "sha512", []string{"ec", "-pkeyopt", "ec_paramgen_curve:P-521"}, false, ECDSAWithSHA512},
		{"ed25519", "sha256", []string{"ed25519"}, false, Ed25519},
	}
	for _, tt := range tests {
		args := append([]string{"req", "-new", "-config", "c", "-nodes", "-keyout", "k", "-" + tt.hash, "-out", "r", "-newkey"}, tt.args...)
		openssl(t, dir, args...)
		c, err := ReadCSR(readFile(t, dir, "r"))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if c.Algorithm != tt.alg || c.ChallengePassword != "pass word" || c.UnstructuredName != "router 1" || len(c.Extensions) != 2 {
			t.Errorf("%s: %+v", tt.name, c)
		}
		err = c.CheckSignature()
		if tt.weak != errors.Is(err, ErrWeakSignature) || !tt.weak && err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if err := c.CheckSignatureSHA1(); err != nil {
			t.Errorf("%s, SHA-1 allowed: %v", tt.name, err)
		}
	}
	// And OpenSSL reads and verifies ours.
	writeFile(t, testCSR(t, testKey(t, "p384")), dir, "ours")
	out := openssl(t, dir, "req", "-in", "ours", "-inform", "DER", "-noout", "-verify", "-text")
	for _, want := range []string{"DNS:a.example, DNS:b.example", "Digital Signature", "s3cret", "ecdsa-with-SHA384"} {
		if !strings.Contains(out, want) {
			t.Errorf("openssl does not show %q in\n%s", want, out)
		}
	}
}

// TestCSRUnknownKey: a curve that we do not know parses, with the reason.
func TestCSRUnknownKey(t *testing.T) {
	dir := t.TempDir()
	openssl(t, dir, "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1", "-nodes", "-keyout", "k", "-subj", "/CN=a", "-outform", "DER", "-out", "r")
	c := must[*CSR](t)(ParseCSR(readFile(t, dir, "r")))
	if c.PublicKey != nil || !errors.Is(c.KeyErr, ErrUnsupported) || !strings.Contains(c.KeyErr.Error(), "1.3.132.0.10") {
		t.Errorf("%v %v", c.PublicKey, c.KeyErr)
	}
	if err := c.CheckSignature(); !errors.Is(err, ErrUnsupported) {
		t.Error(err)
	}
}

func TestReadCSRForms(t *testing.T) {
	der := testCSR(t, testKey(t, "p256"))
	b64 := base64.StdEncoding.EncodeToString(der)
	var wrapped strings.Builder
	for i := 0; i < len(b64); i += 60 {
		fmt.Fprintf(&wrapped, " %s\r\n\t", b64[i:min(i+60, len(b64))])
	}
	block := func(label string) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
	}
	for name, body := range map[string]string{
		"DER":           string(der),
		"PEM":           block("CERTIFICATE REQUEST"),
		"NEW":           block("NEW CERTIFICATE REQUEST"),
		"text around":   "hello\n" + block("CERTIFICATE REQUEST") + "bye\n",
		"CRLF":          strings.ReplaceAll(block("CERTIFICATE REQUEST"), "\n", "\r\n"),
		"one line PEM":  strings.ReplaceAll(block("CERTIFICATE REQUEST"), "\n", " "),
		"base64":        b64,
		"wrapped":       wrapped.String(),
		"no padding":    strings.TrimRight(b64, "="),
		"leading blank": "\n\n" + b64 + "\n",
	} {
		c, err := ReadCSR([]byte(body))
		if err != nil || !bytes.Equal(c.Raw, der) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, body := range map[string]string{
		"empty":       "",
		"other PEM":   block("CERTIFICATE"),
		"no end":      block("CERTIFICATE REQUEST")[:100],
		"base64url":   "-" + b64,
		"not base64":  "hello, world",
		"PEM of text": "-----BEGIN CERTIFICATE REQUEST-----\naGVsbG8=\n-----END CERTIFICATE REQUEST-----\n",
	} {
		if _, err := ReadCSR([]byte(body)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
}

func TestParseCSRRefuses(t *testing.T) {
	k := testKey(t, "p256")
	spki := spkiOf(t, k)
	name := mustName(t, "CN=a")
	ext := must[[]byte](t)(MarshalExtensions([]Extension{{OID: OIDKeyUsage, Value: []byte{3, 2, 7, 0x80}}}))
	other := must[[]byte](t)(MarshalExtensions([]Extension{{OID: OIDKeyUsage, Value: []byte{3, 2, 6, 0x40}}}))
	sign := func(list ...Attribute) []byte {
		return must[[]byte](t)(CreateCSR(Request{Subject: name, SPKI: spki, Attributes: list}, k))
	}
	if c := must[*CSR](t)(ParseCSR(sign(Attribute{OIDExtensionRequest, [][]byte{ext}}, Attribute{OIDMSExtensionRequest, [][]byte{ext}}))); len(c.Extensions) != 1 {
		t.Errorf("same extension under both identifiers: %v", c.Extensions)
	}
	good := sign()
	version := bytes.Replace(good, []byte{2, 1, 0, 0x30}, []byte{2, 1, 1, 0x30}, 1)
	for what, der := range map[string][]byte{
		"empty":               {},
		"trailing":            append(bytes.Clone(good), 0),
		"short":               good[:len(good)-1],
		"version 1":           version,
		"attribute twice":     sign(Attribute{"1.2.3", [][]byte{{5, 0}}}, Attribute{"1.2.3", [][]byte{{5, 0}}}),
		"extensions differ":   sign(Attribute{OIDExtensionRequest, [][]byte{ext}}, Attribute{OIDMSExtensionRequest, [][]byte{other}}),
		"extensions garbage":  sign(Attribute{OIDExtensionRequest, [][]byte{{5, 0}}}),
		"challenge is a NULL": sign(Attribute{OIDChallengePassword, [][]byte{{5, 0}}}),
	} {
		if c, err := ParseCSR(der); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %+v %v, want ErrMalformed", what, c, err)
		}
	}
	if _, err := ParseCSR(make([]byte, MaxCSRSize+1)); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	if _, err := ReadCSR(make([]byte, 2*MaxCSRSize+1)); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

// TestChallengeTypes: every string type that clients use is read.
func TestChallengeTypes(t *testing.T) {
	k := testKey(t, "p256")
	for _, tag := range []Tag{TagUTF8, TagPrintable, TagIA5, TagT61, TagBMP} {
		v := must[[]byte](t)((&RDN{OID: OIDChallengePassword, Value: "Pass 1", Tag: tag}).element())
		if v[0] != byte(tag) {
			t.Fatalf("%x", v)
		}
		der := must[[]byte](t)(CreateCSR(Request{Subject: mustName(t, "CN=a"), Attributes: []Attribute{{OIDChallengePassword, [][]byte{v}}}}, k))
		if c := must[*CSR](t)(ParseCSR(der)); c.ChallengePassword != "Pass 1" {
			t.Errorf("tag %d: %q", tag, c.ChallengePassword)
		}
	}
}

// TestCSRWithoutAttributes: the [0] that some clients leave out.
func TestCSRWithoutAttributes(t *testing.T) {
	k := testKey(t, "ed25519")
	tbs := must[[]byte](t)(BuildCSR(Request{Subject: []byte{0x30, 0}, SPKI: spkiOf(t, k)}))
	tbs = tbs[:len(tbs)-2]
	tbs[1] -= 2
	c := must[*CSR](t)(ParseCSR(must[[]byte](t)(Sign(tbs, Ed25519, k))))
	if err := c.CheckSignature(); err != nil || len(c.Subject) != 0 {
		t.Errorf("%v %v", err, c.Subject)
	}
}

func FuzzParseCSR(f *testing.F) {
	f.Add(testCSR(f, testKey(f, "p256")))
	f.Add(testCSR(f, testKey(f, "ed25519")))
	f.Fuzz(func(t *testing.T, der []byte) {
		c, err := ParseCSR(der)
		if err != nil {
			return
		}
		if (c.PublicKey == nil) == (c.KeyErr == nil) || (c.Algorithm == UnknownSignature) == (c.AlgorithmErr == nil) {
			t.Fatalf("%x: %+v", der, c)
		}
		_ = c.CheckSignature()
	})
}

func FuzzReadCSR(f *testing.F) {
	der := testCSR(f, testKey(f, "p256"))
	f.Add(der)
	f.Add([]byte(base64.StdEncoding.EncodeToString(der)))
	f.Add(pem.EncodeToMemory(&pem.Block{Type: "NEW CERTIFICATE REQUEST", Bytes: der}))
	f.Fuzz(func(t *testing.T, body []byte) {
		if c, err := ReadCSR(body); err == nil && len(c.RawSPKI) == 0 {
			t.Fatalf("%x", body)
		}
	})
}
