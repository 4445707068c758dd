package protocoltest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// CA is a root with one issuing CA, made for one test.
type CA struct {
	Root, Issuing       *x509.Certificate
	rootKey, issuingKey crypto.Signer
	makeKey             func(testing.TB) crypto.Signer
	serial              atomic.Int64
}

// NewCA makes both CAs, valid around now, with P-256 keys or, for clients that
// know nothing else, RSA keys of 2048 bits.
func NewCA(t testing.TB, now time.Time, useRSA bool) *CA {
	t.Helper()
	ca := &CA{makeKey: newKey}
	if useRSA {
		ca.makeKey = newRSAKey
	}
	ca.rootKey, ca.issuingKey = ca.makeKey(t), ca.makeKey(t)
	root := caTemplate("Test Root", now, ca.serial.Add(1))
	ca.Root = create(t, root, root, ca.rootKey.Public(), ca.rootKey)
	ca.Issuing = create(t, caTemplate("Test Issuing CA", now, ca.serial.Add(1)), ca.Root, ca.issuingKey.Public(), ca.rootKey)
	return ca
}

func newKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newRSAKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func caTemplate(cn string, now time.Time, serial int64) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber:          big.NewInt(serial),
		Subject:               pkix.Name{CommonName: cn, Organization: []string{"Certwright Test"}},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.AddDate(10, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
	}
}

func create(t testing.TB, tmpl, parent *x509.Certificate, pub crypto.PublicKey, signer crypto.Signer) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, pub, signer)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// RootPEM returns the root for programs that read files.
func (ca *CA) RootPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Root.Raw})
}

// Roots returns a pool with the root.
func (ca *CA) Roots() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(ca.Root)
	return p
}

// ServerCert makes a TLS certificate for localhost and 127.0.0.1.
func (ca *CA) ServerCert(t testing.TB, now time.Time) tls.Certificate {
	t.Helper()
	key := ca.makeKey(t)
	c := create(t, &x509.Certificate{
		SerialNumber: big.NewInt(ca.serial.Add(1)),
		Subject:      pkix.Name{CommonName: "localhost"},
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.AddDate(1, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, ca.Issuing, key.Public(), ca.issuingKey)
	return tls.Certificate{Certificate: [][]byte{c.Raw, ca.Issuing.Raw}, PrivateKey: key, Leaf: c}
}

// Sign makes the certificate that policy decided on.
func (ca *CA) Sign(t core.Template) (*x509.Certificate, error) {
	pub, err := x509.ParsePKIXPublicKey(t.SPKI)
	if err != nil {
		return nil, err
	}
	subject, err := marshalDN(t.Subject)
	if err != nil {
		return nil, err
	}
	tmpl := &x509.Certificate{
		SerialNumber: new(big.Int).Lsh(big.NewInt(ca.serial.Add(1)), 64),
		RawSubject:   subject,
		NotBefore:    t.NotBefore,
		NotAfter:     t.NotAfter,
	}
	if tmpl.SubjectKeyId, err = x509x.KeyID(t.SPKI); err != nil {
		return nil, err
	}
	usage, err := x509x.KeyUsageOf(t.KeyUsage...)
	if err != nil {
		return nil, err
	}
	for i := range 9 {
		if uint16(usage)&(1<<i) != 0 {
			tmpl.KeyUsage |= x509.KeyUsage(1 << i)
		}
	}
	if tmpl.ExtraExtensions, err = extraExtensions(t); err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, ca.Issuing, pub, ca.issuingKey)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func marshalDN(dn core.DN) ([]byte, error) {
	var n x509x.Name
	for _, a := range dn {
		oid, ok := x509x.AttributeOID(a.Type)
		if !ok {
			return nil, fmt.Errorf("attribute type %q", a.Type)
		}
		n = append(n, x509x.RDN{OID: oid, Value: a.Value})
	}
	return n.Marshal()
}

func extraExtensions(t core.Template) ([]pkix.Extension, error) {
	var list []x509x.Extension
	if names := GeneralNames(t.Names); len(names) > 0 {
		value, err := x509x.MarshalSAN(names)
		if err != nil {
			return nil, err
		}
		list = append(list, x509x.Extension{OID: x509x.OIDSubjectAltName, Value: value})
	}
	if len(t.ExtKeyUsage) > 0 {
		oids := make([]string, len(t.ExtKeyUsage))
		for i, u := range t.ExtKeyUsage {
			oid, ok := x509x.ExtKeyUsageOID(u)
			if !ok {
				oid = u
			}
			oids[i] = oid
		}
		e, err := x509x.MakeExtKeyUsage(false, oids...)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	for _, e := range t.Extensions {
		list = append(list, x509x.Extension(e))
	}
	var out []pkix.Extension
	for _, e := range list {
		oid, err := splitOID(e.OID)
		if err != nil {
			return nil, err
		}
		out = append(out, pkix.Extension{Id: oid, Critical: e.Critical, Value: e.Value})
	}
	return out, nil
}

func splitOID(s string) (asn1.ObjectIdentifier, error) {
	var out asn1.ObjectIdentifier
	for arc := range strings.SplitSeq(s, ".") {
		n, err := strconv.Atoi(arc)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

// GeneralNames turns names into the form that x509x writes.
func GeneralNames(n core.Names) []x509x.GeneralName {
	var out []x509x.GeneralName
	add := func(k x509x.NameKind, values []string) {
		for _, v := range values {
			out = append(out, x509x.GeneralName{Kind: k, Value: v})
		}
	}
	add(x509x.KindDNS, n.DNS)
	for _, ip := range n.IP {
		out = append(out, x509x.GeneralName{Kind: x509x.KindIP, Value: ip.String()})
	}
	add(x509x.KindEmail, n.Email)
	add(x509x.KindURI, n.URI)
	for _, v := range n.UPN {
		out = append(out, x509x.UPN(v))
	}
	for _, v := range n.Other {
		out = append(out, x509x.GeneralName{Kind: x509x.KindOther, OID: v.OID, Raw: v.Value})
	}
	return out
}
