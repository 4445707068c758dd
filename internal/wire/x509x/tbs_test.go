package x509x

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"
)

// testTBS is a leaf with the usual extensions, issued by itself.
func testTBS(t testing.TB, spki []byte, alg SignatureAlgorithm) TBSCertificate {
	t.Helper()
	ext := must[Extension](t)
	id := must[[]byte](t)(KeyID(spki))
	san := must[[]byte](t)(MarshalSAN([]GeneralName{{Kind: KindDNS, Value: "a.example"}, {Kind: KindIP, Value: "192.0.2.1"}}))
	return TBSCertificate{
		Serial:    new(big.Int).SetBytes([]byte{0x80, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}),
		Algorithm: alg,
		Issuer:    mustName(t, "CN=Test CA,O=Example,C=US"),
		NotBefore: time.Date(2026, 1, 2, 3, 4, 5, 999, time.FixedZone("x", 3600)),
		NotAfter:  time.Date(2050, 1, 1, 0, 0, 0, 0, time.UTC),
		Subject:   mustName(t, "CN=a.example,O=Example,C=US"),
		SPKI:      spki,
		Extensions: []Extension{
			ext(MakeKeyUsage(UsageDigitalSignature)),
			ext(MakeExtKeyUsage(false, EKUServerAuth, EKUClientAuth)),
			ext(MakeBasicConstraints(BasicConstraints{PathLen: -1})),
			ext(MakeSubjectKeyID(id)),
			ext(MakeAuthorityKeyID(AuthorityKeyID{KeyID: id})),
			{OID: OIDSubjectAltName, Value: san},
			ext(MakeCRLDistributionPoints("http://pki.example/1.crl")),
			ext(MakeAuthorityInfo([]string{"http://ocsp.example"}, []string{"http://pki.example/1.cer"})),
			ext(MakePolicies(Policy{OID: "2.23.140.1.2.1", CPS: "https://pki.example/cps"})),
		},
	}
}

func TestBuildTBSAndSign(t *testing.T) {
	for kind, algs := range map[string][]SignatureAlgorithm{
		"rsa2048": {SHA256WithRSA, SHA384WithRSA, SHA512WithRSA, SHA256WithRSAPSS, SHA384WithRSAPSS, SHA512WithRSAPSS},
		"p256":    {ECDSAWithSHA256, ECDSAWithSHA384, ECDSAWithSHA512},
		"p384":    {ECDSAWithSHA384},
		"p521":    {ECDSAWithSHA512},
		"ed25519": {Ed25519},
	} {
		k := testKey(t, kind)
		def := must[SignatureAlgorithm](t)(SignatureAlgorithmFor(k.Public()))
		if !slices.Contains(algs, def) {
			t.Errorf("%s: default %s", kind, def)
		}
		for _, alg := range algs {
			in := testTBS(t, spkiOf(t, k), alg)
			der := must[[]byte](t)(Sign(must[[]byte](t)(BuildTBS(in)), alg, k))
			cert, err := x509.ParseCertificate(der)
			if err != nil {
				t.Fatalf("%s: %v", alg, err)
			}
			if err := cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature); err != nil {
				t.Errorf("%s: stdlib: %v", alg, err)
			}
			if cert.SignatureAlgorithm.String() != alg.String() {
				t.Errorf("stdlib calls %s %s", alg, cert.SignatureAlgorithm)
			}
			if got, err := ParseSignatureAlgorithm(alg.DER()); got != alg || err != nil {
				t.Errorf("%s: reads back as %s %v", alg, got, err)
			}
			if cert.SerialNumber.Cmp(in.Serial) != 0 || !cert.NotBefore.Equal(time.Date(2026, 1, 2, 2, 4, 5, 0, time.UTC)) ||
				!cert.NotAfter.Equal(in.NotAfter) || cert.DNSNames[0] != "a.example" || cert.Version != 3 ||
				!bytes.Equal(cert.RawIssuer, in.Issuer) || !bytes.Equal(cert.RawSubject, in.Subject) ||
				!bytes.Equal(cert.RawSubjectPublicKeyInfo, in.SPKI) || cert.OCSPServer[0] != "http://ocsp.example" ||
				len(cert.Extensions) != len(in.Extensions) || len(cert.UnhandledCriticalExtensions) != 0 {
				t.Errorf("%s: %+v", alg, cert)
			}
			for i, e := range cert.Extensions {
				if e.Id.String() != in.Extensions[i].OID || !bytes.Equal(e.Value, in.Extensions[i].Value) || e.Critical != in.Extensions[i].Critical {
					t.Errorf("%s: extension %d is %+v", alg, i, e)
				}
			}
		}
	}
}

// TestCertificateOpenSSL lets openssl print and re-encode our certificate.
func TestCertificateOpenSSL(t *testing.T) {
	dir := t.TempDir()
	k := testKey(t, "p256")
	in := testTBS(t, spkiOf(t, k), ECDSAWithSHA256)
	ext := must[Extension](t)
	in.Extensions = append(in.Extensions, MakeOCSPNoCheck(), MakeMustStaple(),
		ext(MakeTemplateName("WebServer")), ext(MakeTemplate(Template{OID: "1.3.6.1.4.1.311.21.8.1", Major: 100, Minor: 2})), ext(MakeSecurityID("S-1-5-21-1-2-3-500")))
	der := must[[]byte](t)(Sign(must[[]byte](t)(BuildTBS(in)), ECDSAWithSHA256, k))
	writeFile(t, der, dir, "c.der")
	text := openssl(t, dir, "x509", "-in", "c.der", "-inform", "DER", "-noout", "-text")
	for _, want := range []string{
		"Version: 3 (0x2)", "80:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f", "Signature Algorithm: ecdsa-with-SHA256",
		"Issuer: C = US, O = Example, CN = Test CA", "Not Before: Jan  2 02:04:05 2026 GMT", "Not After : Jan  1 00:00:00 2050 GMT",
		"X509v3 Key Usage: critical\n                Digital Signature\n", "TLS Web Server Authentication, TLS Web Client Authentication",
		"CA:FALSE", "DNS:a.example, IP Address:192.0.2.1", "URI:http://pki.example/1.crl", "OCSP - URI:http://ocsp.example",
		"CA Issuers - URI:http://pki.example/1.cer", "Policy: 2.23.140.1.2.1", "CPS: https://pki.example/cps",
		"OCSP No Check:", "TLS Feature: \n                status_request", ".W.e.b.S.e.r.v.e.r",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("openssl does not show %q", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
	openssl(t, dir, "x509", "-in", "c.der", "-inform", "DER", "-outform", "DER", "-out", "again.der")
	if again := readFile(t, dir, "again.der"); !bytes.Equal(again, der) {
		t.Error("openssl re-encodes it differently")
	}
	asn := openssl(t, dir, "asn1parse", "-in", "c.der", "-inform", "DER")
	if !strings.Contains(asn, "UTCTIME           :260102020405Z") || !strings.Contains(asn, "GENERALIZEDTIME   :20500101000000Z") {
		t.Error(asn)
	}
}

func TestBuildTBSRefuses(t *testing.T) {
	k := testKey(t, "ed25519")
	good := testTBS(t, spkiOf(t, k), Ed25519)
	for name, change := range map[string]func(*TBSCertificate){
		"no serial":       func(c *TBSCertificate) { c.Serial = nil },
		"serial zero":     func(c *TBSCertificate) { c.Serial = big.NewInt(0) },
		"serial negative": func(c *TBSCertificate) { c.Serial = big.NewInt(-1) },
		"serial 21":       func(c *TBSCertificate) { c.Serial = new(big.Int).Lsh(big.NewInt(1), 159) },
		"validity":        func(c *TBSCertificate) { c.NotAfter = c.NotBefore.Add(-time.Second) },
		"year 10000":      func(c *TBSCertificate) { c.NotAfter = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"no issuer":       func(c *TBSCertificate) { c.Issuer = nil },
		"extension twice": func(c *TBSCertificate) { c.Extensions = append(c.Extensions, c.Extensions[0]) },
		"bad extension":   func(c *TBSCertificate) { c.Extensions = []Extension{{OID: "x"}} },
	} {
		c := good
		change(&c)
		if _, err := BuildTBS(c); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
	good.Algorithm = UnknownSignature
	if _, err := BuildTBS(good); !errors.Is(err, ErrUnsupported) {
		t.Error(err)
	}
	for _, alg := range []SignatureAlgorithm{SHA256WithRSA, SHA1WithRSA, UnknownSignature} {
		if _, err := Sign([]byte{1}, alg, k); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s with Ed25519: %v", alg, err)
		}
	}
	if _, err := Sign([]byte{1}, SHA1WithRSA, testKey(t, "rsa2048")); !errors.Is(err, ErrUnsupported) {
		t.Error("signs with SHA-1")
	}
	longest := good
	longest.Algorithm = Ed25519
	longest.Serial = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 159), big.NewInt(1))
	longest.NotAfter = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	if _, err := x509.ParseCertificate(must[[]byte](t)(Sign(must[[]byte](t)(BuildTBS(longest)), Ed25519, k))); err != nil {
		t.Error(err)
	}
}

func crlOf(t testing.TB, alg SignatureAlgorithm) TBSCertList {
	t.Helper()
	ext := must[Extension](t)
	return TBSCertList{
		Algorithm:  alg,
		Issuer:     mustName(t, "CN=Test CA,C=US"),
		ThisUpdate: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		NextUpdate: time.Date(2026, 1, 9, 3, 4, 5, 0, time.UTC),
		Extensions: []Extension{
			ext(MakeAuthorityKeyID(AuthorityKeyID{KeyID: []byte{1, 2, 3}})),
			ext(MakeCRLNumber(big.NewInt(4711))),
			ext(MakeIssuingDistributionPoint(IssuingDistributionPoint{URIs: []string{"http://pki.example/1.crl"}, OnlyUser: true})),
		},
	}
}

func TestBuildCRL(t *testing.T) {
	dir := t.TempDir()
	k := testKey(t, "p384")
	entries := []RevokedEntry{
		{Serial: []byte{0xff, 1}, Time: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), Reason: ReasonKeyCompromise},
		{Serial: []byte{0, 0, 5}, Time: time.Date(2051, 1, 1, 0, 0, 0, 0, time.UTC)},
		{Serial: bytes.Repeat([]byte{0x7f}, 20), Time: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), Reason: ReasonSuperseded},
	}
	der := must[[]byte](t)(Sign(must[[]byte](t)(BuildTBSCertList(crlOf(t, ECDSAWithSHA384), slices.Values(entries))), ECDSAWithSHA384, k))
	crl := must[*x509.RevocationList](t)(x509.ParseRevocationList(der))
	if crl.Number.Int64() != 4711 || len(crl.RevokedCertificateEntries) != 3 {
		t.Fatalf("%+v", crl)
	}
	for i, e := range crl.RevokedCertificateEntries {
		if e.SerialNumber.Cmp(new(big.Int).SetBytes(entries[i].Serial)) != 0 || !e.RevocationTime.Equal(entries[i].Time) || e.ReasonCode != int(entries[i].Reason) {
			t.Errorf("%d: %+v, want %+v", i, e, entries[i])
		}
	}
	writeFile(t, der, dir, "c")
	text := openssl(t, dir, "crl", "-in", "c", "-inform", "DER", "-noout", "-text")
	for _, want := range []string{"Version 2 (0x1)", "Last Update: Jan  2 03:04:05 2026 GMT", "Next Update: Jan  9 03:04:05 2026 GMT",
		"4711", "URI:http://pki.example/1.crl", "Only User Certificates", "Serial Number: FF01", "Key Compromise", "Serial Number: 05", "Jan  1 00:00:00 2051 GMT", "Superseded"} {
		if !strings.Contains(text, want) {
			t.Errorf("openssl does not show %q in\n%s", want, text)
		}
	}
	openssl(t, dir, "crl", "-in", "c", "-inform", "DER", "-outform", "DER", "-out", "d")
	if !bytes.Equal(readFile(t, dir, "d"), der) {
		t.Error("openssl re-encodes it differently")
	}
}

func TestBuildCRLEmptyAndBad(t *testing.T) {
	k := testKey(t, "ed25519")
	l := crlOf(t, Ed25519)
	l.NextUpdate = time.Time{}
	der := must[[]byte](t)(Sign(must[[]byte](t)(BuildTBSCertList(l, nil)), Ed25519, k))
	if crl, err := x509.ParseRevocationList(der); err != nil || len(crl.RevokedCertificateEntries) != 0 || !crl.NextUpdate.IsZero() {
		t.Errorf("%+v %v", crl, err)
	}
	when := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, e := range map[string]RevokedEntry{
		"serial zero": {Serial: []byte{0}, Time: when},
		"serial long": {Serial: bytes.Repeat([]byte{1}, 21), Time: when},
		"reason":      {Serial: []byte{1}, Time: when, Reason: 7},
		"time":        {Serial: []byte{1}, Time: time.Date(1949, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		if _, err := BuildTBSCertList(l, slices.Values([]RevokedEntry{e})); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	l.NextUpdate = l.ThisUpdate.Add(-time.Hour)
	if _, err := BuildTBSCertList(l, nil); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
}

func BenchmarkParseCSR(b *testing.B) {
	for _, kind := range []string{"rsa2048", "p256"} {
		der := testCSR(b, testKey(b, kind))
		b.Run(kind, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParseCSR(der); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkStdlibParseCSR(b *testing.B) {
	der := testCSR(b, testKey(b, "p256"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x509.ParseCertificateRequest(der); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckSignature(b *testing.B) {
	for _, kind := range []string{"rsa2048", "p256", "ed25519"} {
		c, err := ParseCSR(testCSR(b, testKey(b, kind)))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(kind, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := c.CheckSignature(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkBuildTBS(b *testing.B) {
	k := testKey(b, "p256")
	in := testTBS(b, spkiOf(b, k), ECDSAWithSHA256)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := BuildTBS(in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBuildTBSAndSign(b *testing.B) {
	for _, kind := range []string{"rsa2048", "p256"} {
		k := testKey(b, kind)
		alg := must[SignatureAlgorithm](b)(SignatureAlgorithmFor(k.Public()))
		in := testTBS(b, spkiOf(b, k), alg)
		b.Run(kind, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				tbs, err := BuildTBS(in)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := Sign(tbs, alg, k); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCheckKey(b *testing.B) {
	pub := testKey(b, "rsa2048").Public()
	b.ReportAllocs()
	for b.Loop() {
		if err := CheckKey(pub, 2048); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCRL100k(b *testing.B) {
	l := crlOf(b, ECDSAWithSHA256)
	serial := make([]byte, 16)
	if _, err := rand.Read(serial); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		seq := func(yield func(RevokedEntry) bool) {
			for range 100_000 {
				if !yield(RevokedEntry{Serial: serial, Time: l.ThisUpdate, Reason: ReasonSuperseded}) {
					return
				}
			}
		}
		if _, err := BuildTBSCertList(l, seq); err != nil {
			b.Fatal(err)
		}
	}
}
