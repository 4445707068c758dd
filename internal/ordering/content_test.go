package ordering

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"slices"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/core"
)

// FuzzGather: whatever a client sends as names becomes one list without
// repetitions, in lower case where it is ASCII, and the same again when it is
// gathered once more.
func FuzzGather(f *testing.F) {
	f.Add("shop.example", "*.Shop.example,10.0.0.7,bücher.example", true)
	f.Add("", "::1,::ffff:192.0.2.1", false)
	f.Add("*.", "..,\x00", true)
	f.Fuzz(func(t *testing.T, name, more string, www bool) {
		a := core.OrderAsk{Domain: name, Additional: strings.Split(more, ","), AutoWWW: www}
		gather(&a)
		twin(&a)
		for _, n := range a.Names.DNS {
			if isASCII(n) && n != strings.ToLower(n) {
				t.Fatalf("%q", n)
			}
		}
		for i, n := range a.Names.DNS {
			if slices.Contains(a.Names.DNS[:i], n) {
				t.Fatalf("%q stands twice in %q", n, a.Names.DNS)
			}
		}
		b := a
		b.Names.DNS = slices.Clone(a.Names.DNS)
		gather(&b)
		if !slices.Equal(a.Names.DNS, b.Names.DNS) || !slices.Equal(a.Names.IP, b.Names.IP) {
			t.Fatalf("%q became %q", a.Names.DNS, b.Names.DNS)
		}
	})
}

// FuzzContradiction: no request, however broken, gets past the order's names.
func FuzzContradiction(f *testing.F) {
	f.Add([]byte{0x30, 0})
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	for _, n := range []string{"shop.example", "other.example"} {
		der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: n}, DNSNames: []string{n}}, key)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(der)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		a := core.OrderAsk{Names: core.Names{DNS: []string{"shop.example"}}}
		err := contradiction(der, &a, core.DN{})
		if err == nil {
			csr, err := x509.ParseCertificateRequest(der)
			if err != nil {
				return // what the standard library refuses names nothing that could be compared
			}
			if slices.ContainsFunc(csr.DNSNames, func(n string) bool { return !strings.EqualFold(n, "shop.example") }) ||
				len(csr.IPAddresses)+len(csr.EmailAddresses)+len(csr.URIs) > 0 || csr.Subject.CommonName != "" && !strings.EqualFold(strings.TrimSpace(csr.Subject.CommonName), "shop.example") {
				t.Fatalf("%v %v passed", csr.Subject, csr.DNSNames)
			}
			return
		}
		switch core.KindOf(err) {
		case core.KindBadCSR, core.KindBadProof, core.KindBadKey:
		default:
			t.Fatalf("%v", err)
		}
	})
}
