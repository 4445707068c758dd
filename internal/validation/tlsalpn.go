package validation

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/miekg/dns"
	"golang.org/x/crypto/cryptobyte"
	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// alpnProtocol is the protocol of RFC 8737 section 6.2.
const alpnProtocol = "acme-tls/1"

// Object identifiers of extensions.
const (
	oidACMEIdentifier = "1.3.6.1.5.5.7.1.31" // RFC 8737 section 6.1
	oidSubjectAltName = "2.5.29.17"
)

// tlsALPN01 is RFC 8737, for addresses with RFC 8738 section 6.
func (a *attempt) tlsALPN01(ctx context.Context, t target, c Check) *failure {
	what := "TLS " + alpnProtocol + " " + hostPort(t, a.s.tlsPort, 443)
	conn, f := a.connect(ctx, t, a.s.tlsPort)
	if f != nil {
		return f.within("%s", what)
	}
	defer conn.Close()
	asked := what + " at " + conn.RemoteAddr().String()
	client := tls.Client(conn, &tls.Config{
		ServerName: serverName(t), NextProtos: []string{alpnProtocol}, MinVersion: tls.VersionTLS12,
		InsecureSkipVerify: true, // it is self-signed; checkALPNCertificate looks at it
	})
	if err := client.HandshakeContext(ctx); err != nil {
		a.saw(asked, tlsReason(err))
		if network(err) {
			return passing("connection", "%s: %s", what, tlsReason(err))
		}
		return fail("tls", "%s: %s", what, tlsReason(err))
	}
	state := client.ConnectionState()
	if state.NegotiatedProtocol != alpnProtocol {
		a.saw(asked, "the protocol was not agreed on")
		return fail("unauthorized", "%s: the server did not agree on the protocol", what)
	}
	if len(state.PeerCertificates) == 0 {
		return fail("unauthorized", "%s: the server showed no certificate", what)
	}
	err := checkALPNCertificate(state.PeerCertificates[0].Raw, t, c.KeyAuthorization)
	if err != nil {
		a.saw(asked, err.Error())
		return fail("unauthorized", "%s: %s", what, err)
	}
	a.saw(asked, "the certificate holds the digest of the key authorization")
	return nil
}

// serverName is what stands in SNI: the name, or that of the reverse mapping,
// because SNI cannot hold addresses (RFC 8738 section 6).
func serverName(t target) string {
	if t.name != "" {
		return t.name
	}
	r, err := dns.ReverseAddr(t.ip.String())
	if err != nil {
		return ""
	}
	return plain(r)
}

// tlsReason says in plain words why there is no TLS connection.
func tlsReason(err error) string {
	var alert *net.OpError
	var header tls.RecordHeaderError
	switch {
	case network(err):
		return reason(err)
	case errors.As(err, &alert) && alert.Op == "remote error": // how crypto/tls hands out alerts
		return "the server refused: " + strings.TrimPrefix(alert.Err.Error(), "tls: ")
	case errors.As(err, &header):
		return "the server does not speak TLS"
	}
	return "no TLS connection came about"
}

// checkALPNCertificate checks a certificate as RFC 8737 section 3 demands: it is
// self-signed, is for exactly the one identifier, and a critical acmeIdentifier
// extension holds the SHA-256 digest of the key authorization. The errors may be
// shown.
func checkALPNCertificate(der []byte, t target, keyAuthorization string) error {
	if len(der) > 64<<10 {
		return errors.New("the certificate is too long")
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return errors.New("the certificate cannot be read")
	}
	if !bytes.Equal(cert.RawSubject, cert.RawIssuer) || cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) != nil {
		return errors.New("the certificate is not self-signed")
	}
	san, _, err := oneExtension(cert, oidSubjectAltName)
	if err != nil {
		return err
	}
	if err := onlyName(san, t); err != nil {
		return err
	}
	value, critical, err := oneExtension(cert, oidACMEIdentifier)
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(keyAuthorization))
	want, err := asn1.Marshal(sum[:])
	switch {
	case err != nil:
		return err
	case !critical:
		return errors.New("the acmeIdentifier extension is not critical")
	case !bytes.Equal(value, want):
		return fmt.Errorf("the acmeIdentifier extension is %x, not %x", value[:min(len(value), 40)], want)
	}
	return nil
}

// oneExtension finds an extension that must be there once.
func oneExtension(cert *x509.Certificate, oid string) (value []byte, critical bool, err error) {
	n := 0
	for _, e := range cert.Extensions {
		if e.Id.String() == oid {
			n++
			value, critical = e.Value, e.Critical
		}
	}
	if n != 1 {
		return nil, false, errors.New("the certificate has " + strconv.Itoa(n) + " extensions " + oid + ", not one")
	}
	return value, critical, nil
}

// onlyName checks that a subjectAltName (RFC 5280 section 4.2.1.6) holds the
// identifier and nothing else. It reads the extension itself: the parser of
// certificates passes over kinds of names that it does not know.
func onlyName(san []byte, t target) error {
	s := cryptobyte.String(san)
	var seq, value cryptobyte.String
	var tag cryptobyte_asn1.Tag
	if !s.ReadASN1(&seq, cryptobyte_asn1.SEQUENCE) || !s.Empty() || !seq.ReadAnyASN1(&value, &tag) || !seq.Empty() {
		return errors.New("the certificate does not hold exactly one name")
	}
	switch tag {
	case cryptobyte_asn1.Tag(2).ContextSpecific(): // dNSName
		if t.name != "" && strings.EqualFold(string(value), t.name) {
			return nil
		}
		return fmt.Errorf("the certificate is for %q", printable(string(value), 260))
	case cryptobyte_asn1.Tag(7).ContextSpecific(): // iPAddress
		ip, ok := netip.AddrFromSlice(value)
		if ok && t.name == "" && ip == t.ip {
			return nil
		}
		return fmt.Errorf("the certificate is for the address %s", ip)
	}
	return errors.New("the certificate is for something else than a DNS name or an address")
}
