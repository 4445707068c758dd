package attestation

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"time"

	"github.com/certwright/certwright/internal/wire/x509x"
)

// maxChain is the most certificates that x5c may have; makers use two or three.
const maxChain = 8

// readChain reads the certificates of x5c, the attested or attesting one first
// (WebAuthn section 8.2, whose form the other formats share).
func readChain(x5c [][]byte) ([]*x509.Certificate, error) {
	if len(x5c) == 0 {
		return nil, bad("the statement has no certificates (x5c)")
	}
	if len(x5c) > maxChain {
		return nil, bad("the statement has more than %d certificates (x5c)", maxChain)
	}
	certs := make([]*x509.Certificate, len(x5c))
	for i, der := range x5c {
		var err error
		if certs[i], err = x509.ParseCertificate(der); err != nil {
			return nil, bad("certificate %d of the statement cannot be read", i+1)
		}
	}
	if certs[0].Version != 3 || certs[0].IsCA {
		return nil, bad("the first certificate of the statement is not an end entity's of version 3")
	}
	return certs, nil
}

// trust checks that a chain leads from its first certificate to a root (RFC
// 5280 section 6). Which key usages it is for, the formats look at themselves.
// Revocation is not looked at: neither Apple nor Yubico publish any.
func trust(certs []*x509.Certificate, roots *x509.CertPool, now time.Time) error {
	between := x509.NewCertPool()
	for _, c := range certs[1:] {
		between.AddCert(c)
	}
	_, err := certs[0].Verify(x509.VerifyOptions{
		Roots:         roots,
		Intermediates: between,
		CurrentTime:   now,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return bad("a certificate of the statement is expired or not yet valid")
	case errors.As(err, &unknown):
		return bad("the certificates of the statement do not lead to a trusted root")
	}
	return bad("the certificates of the statement are not a valid chain")
}

// extension returns the value of an extension, or nil.
func extension(c *x509.Certificate, oid ...int) []byte {
	for i := range c.Extensions {
		if c.Extensions[i].Id.Equal(asn1.ObjectIdentifier(oid)) {
			return c.Extensions[i].Value
		}
	}
	return nil
}

// certKey returns the SubjectPublicKeyInfo of a certificate, which must hold a
// key of a kind that can be certified.
func certKey(c *x509.Certificate) ([]byte, error) {
	if _, err := x509x.ParsePublicKey(c.RawSubjectPublicKeyInfo); err != nil {
		return nil, bad("the attested key is of a kind that is not supported")
	}
	return c.RawSubjectPublicKeyInfo, nil
}

// maxIdentifier is the longest name of a device, in octets.
const maxIdentifier = 255

// isIdentifier reports whether a name found in a certificate can be one that an
// order asks for: printable ASCII without space around it, so that no two that
// look alike differ.
func isIdentifier(s []byte) bool {
	for _, c := range s {
		if c < 0x20 || c > 0x7e {
			return false
		}
	}
	return len(s) > 0 && len(s) <= maxIdentifier && s[0] != ' ' && s[len(s)-1] != ' '
}

// signatureAlgorithm translates a COSE algorithm (RFC 9053 section 2, RFC 8812
// section 2, RFC 8230 section 2). RS1 (-65535) is left out: SHA-1.
func signatureAlgorithm(cose int64) (x509x.SignatureAlgorithm, error) {
	switch cose {
	case -7:
		return x509x.ECDSAWithSHA256, nil
	case -35:
		return x509x.ECDSAWithSHA384, nil
	case -36:
		return x509x.ECDSAWithSHA512, nil
	case -8:
		return x509x.Ed25519, nil
	case -257:
		return x509x.SHA256WithRSA, nil
	case -258:
		return x509x.SHA384WithRSA, nil
	case -259:
		return x509x.SHA512WithRSA, nil
	case -37:
		return x509x.SHA256WithRSAPSS, nil
	case -38:
		return x509x.SHA384WithRSAPSS, nil
	case -39:
		return x509x.SHA512WithRSAPSS, nil
	}
	return x509x.UnknownSignature, bad("the statement's signature algorithm (alg) is missing or not supported")
}
