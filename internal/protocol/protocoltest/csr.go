package protocoltest

import (
	"crypto"
	"crypto/tls"
	"net/netip"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// CSR is a certification request with its key.
type CSR struct {
	Key crypto.Signer
	DER []byte
}

// NewCSR makes a request for a DNS name (CN and SAN) with a fresh P-256 key.
func NewCSR(t testing.TB, name string) *CSR {
	t.Helper()
	return BuildCSR(t, newKey(t), core.DN{{Type: "CN", Value: name}}, core.Names{DNS: []string{name}}, x509x.Request{})
}

// BuildCSR makes a request; more may add a challenge password and attributes.
func BuildCSR(t testing.TB, key crypto.Signer, subject core.DN, names core.Names, more x509x.Request) *CSR {
	t.Helper()
	if key == nil {
		key = newKey(t)
	}
	var err error
	if more.Subject, err = marshalDN(subject); err != nil {
		t.Fatal(err)
	}
	if list := GeneralNames(names); len(list) > 0 {
		value, err := x509x.MarshalSAN(list)
		if err != nil {
			t.Fatal(err)
		}
		more.Extensions = append(more.Extensions, x509x.Extension{OID: x509x.OIDSubjectAltName, Value: value})
	}
	der, err := x509x.CreateCSR(more, key)
	if err != nil {
		t.Fatal(err)
	}
	return &CSR{Key: key, DER: der}
}

// NamesOf is a short way to write names of DNS and IP kind.
func NamesOf(list ...string) core.Names {
	var n core.Names
	for _, s := range list {
		if ip, err := netip.ParseAddr(s); err == nil {
			n.IP = append(n.IP, ip)
		} else {
			n.DNS = append(n.DNS, s)
		}
	}
	return n
}

// TLS makes the client certificate of an issued request.
func (c *CSR) TLS(der []byte) tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: c.Key}
}
