package x509x

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"math/big"
	"reflect"
	"strings"
	"testing"
)

// TestExtensionBytes fixes the encodings; the values are what OpenSSL 3.0
// writes for the same input, or the example in the cited document.
func TestExtensionBytes(t *testing.T) {
	ext := must[Extension](t)
	tests := []struct {
		name     string
		e        Extension
		oid      string
		critical bool
		want     string
	}{
		{"keyUsage", ext(MakeKeyUsage(UsageDigitalSignature | UsageKeyEncipherment)), OIDKeyUsage, true, "030205a0"},
		{"keyUsage CA", ext(MakeKeyUsage(UsageKeyCertSign | UsageCRLSign)), OIDKeyUsage, true, "03020106"},
		{"keyUsage decipherOnly", ext(MakeKeyUsage(UsageKeyAgreement | UsageDecipherOnly)), OIDKeyUsage, true, "0303070880"},
		{"extKeyUsage", ext(MakeExtKeyUsage(false, EKUServerAuth, EKUClientAuth)), OIDExtKeyUsage, false, "301406082b0601050507030106082b06010505070302"},
		{"basicConstraints leaf", ext(MakeBasicConstraints(BasicConstraints{PathLen: -1})), OIDBasicConstraints, false, "3000"},
		{"basicConstraints CA", ext(MakeBasicConstraints(BasicConstraints{CA: true, PathLen: -1})), OIDBasicConstraints, true, "30030101ff"},
		{"basicConstraints CA 0", ext(MakeBasicConstraints(BasicConstraints{CA: true, PathLen: 0})), OIDBasicConstraints, true, "30060101ff020100"},
		{"ski", ext(MakeSubjectKeyID([]byte{1, 2})), OIDSubjectKeyID, false, "04020102"},
		{"aki", ext(MakeAuthorityKeyID(AuthorityKeyID{KeyID: []byte{1, 2}})), OIDAuthorityKeyID, false, "300480020102"},
		{"crldp", ext(MakeCRLDistributionPoints("http://x/c")), OIDCRLDistPoints, false, "30123010a00ea00c860a687474703a2f2f782f63"},
		{"aia", ext(MakeAuthorityInfo([]string{"http://o"}, []string{"http://c"})), OIDAuthorityInfo, false, "302c301406082b060105050730018608" + hex.EncodeToString([]byte("http://o")) + "301406082b060105050730028608" + hex.EncodeToString([]byte("http://c"))},
		{"policies", ext(MakePolicies(Policy{OID: "2.23.140.1.2.1"}, Policy{OID: "1.2.3", CPS: "http://p"})), OIDPolicies, false, "3028300806 0667810c010201" + "301c06022a03" + "3016301406082b06010505070201" + "1608" + hex.EncodeToString([]byte("http://p"))},
		{"reason", ext(MakeReasonCode(ReasonSuperseded)), OIDReasonCode, false, "0a0104"},
		{"crlNumber", ext(MakeCRLNumber(big.NewInt(255))), OIDCRLNumber, false, "020200ff"},
		{"idp", ext(MakeIssuingDistributionPoint(IssuingDistributionPoint{URIs: []string{"http://x/c"}, OnlyUser: true})), OIDIssuingDistPoint, true, "3013a00ea00c860a687474703a2f2f782f638101ff"},
		{"nocheck", MakeOCSPNoCheck(), OIDOCSPNoCheck, false, "0500"},
		{"staple", MakeMustStaple(), OIDTLSFeature, false, "3003020105"},
		{"template name", ext(MakeTemplateName("Web")), OIDMSTemplateName, false, "1e06005700650062"},
		{"template", ext(MakeTemplate(Template{OID: "1.3.6.1.4.1.311.21.8.1", Major: 100, Minor: 3})), OIDMSTemplate, false, "3012060a2b060104018237150801020164020103"},
		// [MS-WCCE] 2.2.2.7.7.4
		{"sid", ext(MakeSecurityID("S-1-5-21-1")), OIDMSSecurityID, false, "301ca01a060a2b060104018237190201a00c040a532d312d352d32312d31"},
	}
	for _, tt := range tests {
		if tt.e.OID != tt.oid || tt.e.Critical != tt.critical || !bytes.Equal(tt.e.Value, unhex(t, tt.want)) {
			t.Errorf("%s: %s %v %x, want %s", tt.name, tt.e.OID, tt.e.Critical, tt.e.Value, tt.want)
		}
	}
}

func TestExtensionRoundTrips(t *testing.T) {
	ext := must[Extension](t)
	check := func(name string, got, want any, err error) {
		t.Helper()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, want)
		}
	}
	for u := KeyUsage(1); u < 1<<9; u++ {
		got, err := ParseKeyUsage(ext(MakeKeyUsage(u)).Value)
		check("key usage", got, u, err)
		back, err := KeyUsageOf(u.Names()...)
		check("key usage names", back, u, err)
	}
	for _, c := range []BasicConstraints{{false, -1}, {true, -1}, {true, 0}, {true, 300}} {
		got, err := ParseBasicConstraints(ext(MakeBasicConstraints(c)).Value)
		check("basic constraints", got, c, err)
	}
	aki := AuthorityKeyID{KeyID: []byte{9}, Issuer: []GeneralName{{Kind: KindDirectory, Value: "CN=a", Raw: mustName(t, "CN=a")}}, Serial: big.NewInt(200)}
	gotAKI, err := ParseAuthorityKeyID(ext(MakeAuthorityKeyID(aki)).Value)
	check("aki", gotAKI, aki, err)
	uris := []string{"http://a/1.crl", "ldap:///CN=x?y"}
	gotURIs, err := ParseCRLDistributionPoints(ext(MakeCRLDistributionPoints(uris...)).Value)
	check("crldp", gotURIs, uris, err)
	ocsp, issuers, err := ParseAuthorityInfo(ext(MakeAuthorityInfo(uris[:1], uris)).Value)
	check("aia ocsp", ocsp, uris[:1], err)
	check("aia issuers", issuers, uris, err)
	policies := []Policy{{OID: "1.2.3"}, {OID: "2.5.29.32.0", CPS: "http://cps"}}
	gotP, err := ParsePolicies(ext(MakePolicies(policies...)).Value)
	check("policies", gotP, policies, err)
	ekus, err := ParseExtKeyUsage(ext(MakeExtKeyUsage(true, EKUAny, "1.2.3")).Value)
	check("eku", ekus, []string{EKUAny, "1.2.3"}, err)
	for r := ReasonUnspecified; r <= ReasonAACompromise; r++ {
		if r == 7 {
			continue
		}
		got, err := ParseReasonCode(ext(MakeReasonCode(r)).Value)
		check("reason", got, r, err)
		named, ok := ReasonOf(r.String())
		check("reason name", named, r, nil)
		check("reason name", ok, true, nil)
	}
	idp := IssuingDistributionPoint{URIs: uris, OnlyCA: true, Indirect: true, OnlyAttributes: true, Reasons: 1<<1 | 1<<8}
	gotIDP, err := ParseIssuingDistributionPoint(ext(MakeIssuingDistributionPoint(idp)).Value)
	check("idp", gotIDP, idp, err)
	n, err := ParseCRLNumber(ext(MakeCRLNumber(big.NewInt(1 << 40))).Value)
	check("crl number", n, big.NewInt(1<<40), err)
	name, err := ParseTemplateName(ext(MakeTemplateName("Büro")).Value)
	check("template name", name, "Büro", err)
	for _, v2 := range []Template{{"1.2.3", -1, -1}, {"1.2.3", 1, -1}, {"1.2.3", 1, 0}} {
		got, err := ParseTemplate(ext(MakeTemplate(v2)).Value)
		check("template", got, v2, err)
	}
	sid, err := ParseSecurityID(ext(MakeSecurityID("S-1-5-21-1-2-3")).Value)
	check("sid", sid, "S-1-5-21-1-2-3", err)
	list := []Extension{{OID: "1.2.3", Critical: true, Value: []byte{5, 0}}, {OID: OIDKeyUsage, Value: []byte{1}}}
	gotList, err := ParseExtensions(must[[]byte](t)(MarshalExtensions(list)))
	check("extensions", gotList, list, err)
}

func TestExtensionsRefused(t *testing.T) {
	_, e1 := MakeKeyUsage(0)
	_, e2 := MakeExtKeyUsage(false)
	_, e3 := MakeBasicConstraints(BasicConstraints{PathLen: 1})
	_, e4 := MakeAuthorityKeyID(AuthorityKeyID{})
	_, e5 := MakeAuthorityKeyID(AuthorityKeyID{Serial: big.NewInt(1)})
	_, e6 := MakeReasonCode(7)
	_, e7 := MakeIssuingDistributionPoint(IssuingDistributionPoint{})
	_, e8 := MakeCRLNumber(big.NewInt(-1))
	_, e9 := MakeSecurityID("x")
	_, e10 := MakeCRLDistributionPoints("")
	_, e11 := MarshalExtensions([]Extension{{OID: "1.2.3"}, {OID: "1.2.3"}})
	_, e12 := KeyUsageOf("x")
	_, e13 := ParseExtensions(unhex(t, "3018300a0603551d0e0403040101300a0603551d0e0403040101"))
	_, e14 := ParseKeyUsage(unhex(t, "030205a1"))
	_, e15 := ParseBasicConstraints(unhex(t, "30030201ff"))
	_, e16 := ParseReasonCode(unhex(t, "0a0107"))
	for i, err := range []error{e1, e2, e3, e4, e5, e6, e7, e8, e9, e10, e11, e12, e13, e14, e15, e16} {
		if !errors.Is(err, ErrMalformed) {
			t.Errorf("case %d: %v, want ErrMalformed", i+1, err)
		}
	}
}

func TestExtKeyUsageNames(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range extKeyUsageNames {
		if oid, ok := ExtKeyUsageOID(e.name); !ok || oid != e.oid || ExtKeyUsageName(e.oid) != e.name || seen[e.oid] {
			t.Errorf("%v: %s %v", e, oid, ok)
		}
		seen[e.oid] = true
	}
	if oid, ok := ExtKeyUsageOID("1.2.3"); !ok || oid != "1.2.3" || ExtKeyUsageName("1.2.3") != "1.2.3" {
		t.Error("dotted")
	}
	if _, ok := ExtKeyUsageOID("nonsense"); ok {
		t.Error("nonsense")
	}
}

func TestKeyID(t *testing.T) {
	spki := spkiOf(t, testKey(t, "p256"))
	id := must[[]byte](t)(KeyID(spki))
	old := must[[]byte](t)(KeyIDSHA1(spki))
	sum := sha1.Sum(spki[26:]) // the point of a P-256 SubjectPublicKeyInfo
	if len(id) != 20 || !bytes.Equal(old, sum[:]) || bytes.Equal(id, old) {
		t.Errorf("%x %x %x", id, old, sum)
	}
	if _, err := KeyID([]byte{0x30, 0}); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
}

func TestKeyInfo(t *testing.T) {
	for kind, want := range map[string][3]any{
		"rsa2048": {"RSA", 2048, ""}, "p256": {"ECDSA", 256, "P-256"}, "p384": {"ECDSA", 384, "P-384"},
		"p521": {"ECDSA", 521, "P-521"}, "ed25519": {"Ed25519", 256, ""},
	} {
		spki := spkiOf(t, testKey(t, kind))
		alg, bits, curve := KeyInfo(spki)
		if [3]any{alg, bits, curve} != want {
			t.Errorf("%s: %s %d %s", kind, alg, bits, curve)
		}
		ours := must[any](t)(ParsePublicKey(spki))
		if std := must[any](t)(x509.ParsePKIXPublicKey(spki)); !reflect.DeepEqual(ours, std) {
			t.Errorf("%s: %v, stdlib reads %v", kind, ours, std)
		}
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	spki := must[[]byte](t)(x509.MarshalPKIXPublicKey(p224.Public()))
	if _, err := ParsePublicKey(spki); !errors.Is(err, ErrUnsupported) {
		t.Errorf("P-224: %v", err)
	}
	good := spkiOf(t, testKey(t, "p256"))
	good[len(good)-1] ^= 1
	if _, err := ParsePublicKey(good); !errors.Is(err, ErrMalformed) {
		t.Errorf("point off the curve: %v", err)
	}
	if alg, _, _ := KeyInfo(good); alg != "" {
		t.Error(alg)
	}
}

func TestCheckKey(t *testing.T) {
	good := testKey(t, "rsa2048").Public().(*rsa.PublicKey)
	with := func(n *big.Int, e int) *rsa.PublicKey { return &rsa.PublicKey{N: n, E: e} }
	odd := func(f func(n *big.Int)) *big.Int { n := new(big.Int).Set(good.N); f(n); return n }

	// A modulus with the ROCA fingerprint: a power of 65537 modulo the product of
	// the first 126 primes, as the faulty library makes 2048 bit keys.
	m := big.NewInt(1)
	for p := int64(2); p <= 701; p++ {
		if big.NewInt(p).ProbablyPrime(10) {
			m.Mul(m, big.NewInt(p))
		}
	}
	roca := new(big.Int).Exp(big.NewInt(65537), big.NewInt(123456789), m)
	k := must[*big.Int](t)(rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), uint(2046-m.BitLen()))))
	k.SetBit(k, 2047-m.BitLen(), 1)
	roca.Add(roca, k.Mul(k, m))
	if roca.Bit(0) == 0 {
		roca.Add(roca, m)
	}
	// One in a hundred has a small factor that m lacks, and would be refused for
	// that.
	for p := int64(3); p <= 751; p += 2 {
		if new(big.Int).Mod(roca, big.NewInt(p)).Sign() == 0 {
			roca.Add(roca, new(big.Int).Lsh(m, 1))
			p = 1
		}
	}

	p := must[*big.Int](t)(rand.Prime(rand.Reader, 1024))
	q := new(big.Int).Add(p, big.NewInt(2))
	for !q.ProbablyPrime(5) {
		q.Add(q, big.NewInt(2))
	}
	tests := []struct {
		name string
		key  any
		want string // "" is good
	}{
		{"good RSA", good, ""},
		{"EC", testKey(t, "p256").Public(), ""},
		{"Ed25519", testKey(t, "ed25519").Public(), ""},
		{"short", with(new(big.Int).Rsh(good.N, 1024), 65537), "1024 bits"},
		{"even", with(odd(func(n *big.Int) { n.SetBit(n, 0, 0) }), 65537), "even"},
		{"exponent 1", with(good.N, 1), "exponent"},
		{"exponent 4", with(good.N, 4), "exponent"},
		{"exponent 3", with(good.N, 3), ""},
		{"751", with(new(big.Int).Mul(good.N, big.NewInt(751)), 65537), "divisible by 751"},
		{"3", with(new(big.Int).Mul(good.N, big.NewInt(3)), 65537), "divisible by 3"},
		{"757 is not looked for", with(new(big.Int).Mul(good.N, big.NewInt(757)), 65537), ""},
		{"ROCA", with(roca, 65537), "ROCA"},
		{"close primes", with(new(big.Int).Mul(p, q), 65537), "close primes"},
		{"square", with(new(big.Int).Mul(p, p), 65537), "close primes"},
	}
	for _, tt := range tests {
		err := CheckKey(tt.key, 2040)
		var weak *WeakKeyError
		if tt.want == "" && err != nil || tt.want != "" && (!errors.As(err, &weak) || !strings.Contains(weak.Reason, tt.want)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestPrimeResidues(t *testing.T) {
	n := must[*big.Int](t)(rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 3000)))
	rest := oddPrimeResidues(n)
	i := 0
	for p := int64(3); p < 752; p += 2 {
		if !big.NewInt(p).ProbablyPrime(10) {
			continue
		}
		if int64(oddPrimes()[i]) != p || new(big.Int).Mod(n, big.NewInt(p)).Int64() != int64(rest[i]) {
			t.Fatalf("prime %d, table %d, rest %d", p, oddPrimes()[i], rest[i])
		}
		i++
	}
	if i != oddPrimeCount {
		t.Errorf("%d primes", i)
	}
	for v := int64(0); v < 5000; v++ {
		if sq := big.NewInt(v * v); !maybeSquare(sq) {
			t.Fatalf("%d is a square", v*v)
		}
	}
}

// FuzzParseExtensions feeds every extension parser; what is read must be
// writable again where a builder exists.
func FuzzParseExtensions(f *testing.F) {
	for _, s := range []string{"030205a0", "30060101ff020100", "300480020102", "30123010a00ea00c860a687474703a2f2f782f63", "0a0104", "020200ff",
		"3013a00ea00c860a687474703a2f2f782f638101ff", "301106092b060104018237150801020164020103", "1e06005700650062", "300c300a0603551d0e0403040101"} {
		b, err := hex.DecodeString(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, v []byte) {
		if list, err := ParseExtensions(v); err == nil {
			if _, err := MarshalExtensions(list); err != nil {
				t.Fatal(err)
			}
		}
		if u, err := ParseKeyUsage(v); err == nil && u != 0 {
			if _, err := MakeKeyUsage(u); err != nil {
				t.Fatal(err)
			}
		}
		if a, err := ParseAuthorityKeyID(v); err == nil && a.Serial != nil && a.Serial.Sign() > 0 && len(a.Issuer) > 0 {
			for _, n := range a.Issuer {
				if n.Value == "" {
					return
				}
			}
			if _, err := MakeAuthorityKeyID(a); err != nil {
				t.Fatal(err)
			}
		}
		_, _ = ParseBasicConstraints(v)
		_, _ = ParseExtKeyUsage(v)
		_, _ = ParseSubjectKeyID(v)
		_, _ = ParseCRLDistributionPoints(v)
		_, _, _ = ParseAuthorityInfo(v)
		_, _ = ParsePolicies(v)
		_, _ = ParseReasonCode(v)
		_, _ = ParseCRLNumber(v)
		_, _ = ParseIssuingDistributionPoint(v)
		_, _ = ParseTemplateName(v)
		_, _ = ParseTemplate(v)
		_, _ = ParseSecurityID(v)
		_, _ = ParseSignatureAlgorithm(v)
		_, _ = ParsePublicKey(v)
	})
}
