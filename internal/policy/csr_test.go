package policy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net"
	"net/url"
	"slices"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/x509x"
)

func makeCSR(t *testing.T, tmpl *x509.CertificateRequest) *x509x.CSR {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, tmpl, key)
	if err != nil {
		t.Fatal(err)
	}
	csr, err := x509x.ParseCSR(der)
	if err != nil {
		t.Fatal(err)
	}
	return csr
}

func TestFromCSR(t *testing.T) {
	u, _ := url.Parse("spiffe://cluster/web")
	a, err := FromCSR(makeCSR(t, &x509.CertificateRequest{
		Subject:  pkix.Name{CommonName: "a.example", Organization: []string{"Example"}, Country: []string{"DE"}},
		DNSNames: []string{"A.example"}, IPAddresses: []net.IP{net.ParseIP("192.0.2.1")}, EmailAddresses: []string{"x@a.example"}, URIs: []*url.URL{u},
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}, Value: []byte{0x30, 3, 2, 1, 5}}},
	}))
	if err != nil {
		t.Fatal(err)
	}
	if got := a.Subject.String(); got != "C=DE, O=Example, CN=a.example" {
		t.Errorf("subject %s", got)
	}
	if got := a.Names.Strings(); !slices.Equal(got, []string{"dns:A.example", "ip:192.0.2.1", "email:x@a.example", "uri:spiffe://cluster/web"}) {
		t.Errorf("names %v", got)
	}
	if a.Key.Algorithm != "ECDSA" || a.Key.Curve != "P-256" || len(a.Key.SPKI) == 0 {
		t.Errorf("key %+v", a.Key)
	}
	if len(a.Extensions) != 1 || a.Extensions[0].OID != "1.3.6.1.5.5.7.1.24" {
		t.Errorf("extensions %v", a.Extensions)
	}
}

// san makes the extension from the DER of general names.
func san(names ...asn1.RawValue) pkix.Extension {
	value, _ := asn1.Marshal(names)
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: value}
}

func TestFromCSRRareNames(t *testing.T) {
	upn := []byte{0x06, 10, 0x2b, 6, 1, 4, 1, 0x82, 0x37, 20, 2, 3, 0xa0, 5, 0x0c, 3, 'a', '@', 'b'}
	other := []byte{0x06, 3, 0x2a, 3, 4, 0xa0, 2, 5, 0}
	a, err := FromCSR(makeCSR(t, &x509.CertificateRequest{ExtraExtensions: []pkix.Extension{san(
		asn1.RawValue{Class: 2, Tag: 0, IsCompound: true, Bytes: upn},
		asn1.RawValue{Class: 2, Tag: 0, IsCompound: true, Bytes: other},
		asn1.RawValue{Class: 2, Tag: 4, IsCompound: true, Bytes: []byte{0x30, 0}},
		asn1.RawValue{Class: 2, Tag: 8, Bytes: []byte{0x2a, 3}},
	)}}))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(a.Names.UPN, []string{"a@b"}) || len(a.Names.Other) != 1 || a.Names.Other[0].OID != "1.2.3.4" || string(a.Names.Other[0].Value) != "\x05\x00" {
		t.Errorf("%+v", a.Names)
	}
	if !slices.Equal(a.Unsupported, []string{"directory", "rid"}) {
		t.Errorf("%v", a.Unsupported)
	}
}

func TestFromCSRRefuses(t *testing.T) {
	_, err := FromCSR(makeCSR(t, &x509.CertificateRequest{ExtraExtensions: []pkix.Extension{san(asn1.RawValue{Class: 2, Tag: 7, Bytes: []byte{1, 2, 3}})}}))
	if !core.Is(err, core.KindBadCSR) {
		t.Errorf("address of 3 octets: %v", err)
	}
	raw, _ := asn1.Marshal(pkix.RDNSequence{{{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: 5}}})
	if _, err = FromCSR(makeCSR(t, &x509.CertificateRequest{RawSubject: raw})); !core.Is(err, core.KindBadCSR) {
		t.Errorf("a number as common name: %v", err)
	}
	if _, err = FromCSR(&x509x.CSR{KeyErr: x509x.ErrUnsupported}); !core.Is(err, core.KindBadKey) {
		t.Errorf("unknown key: %v", err)
	}
}
