package inventory

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"strconv"
	"strings"
	"unicode"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// clean makes a text fit to be kept and shown: valid UTF-8 without control
// characters, at most max octets.
func clean(s string, max int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
	if len(s) > max {
		s = strings.ToValidUTF8(s[:max], "") + "…"
	}
	return s
}

// maxText is how much of a name is kept, in octets; the DER has all of it.
const maxText = 2000

// dnText writes a name as core.DN does; what x509x cannot read as crypto/x509
// writes it.
func dnText(der []byte, otherwise string) string {
	name, err := x509x.ParseName(der)
	if err != nil {
		return clean(otherwise, maxText)
	}
	var dn core.DN
	for _, r := range name {
		dn = append(dn, core.Attribute{Type: x509x.AttributeName(r.OID), Value: r.Value})
	}
	return clean(dn.String(), maxText)
}

// describe reads a certificate into what the inventory keeps of it, with the
// foreign issuer that it names. Kind invalid when it is none.
func describe(account core.AccountID, der []byte) (*core.Certificate, *x509.Certificate, error) {
	if len(der) > maxDER {
		return nil, nil, core.Errorf(core.KindInvalid, "the certificate has more than %d octets", maxDER)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, core.Wrap(core.KindInvalid, err, "the certificate cannot be read: %s", clean(strings.TrimPrefix(err.Error(), "x509: "), 200))
	}
	print256, spki := sha256.Sum256(der), sha256.Sum256(c.RawSubjectPublicKeyInfo)
	out := &core.Certificate{
		Account: account, Protocol: core.ProtocolImport, State: core.CertActive, Serial: c.SerialNumber.Text(16),
		Subject: dnText(c.RawSubject, c.Subject.String()), CommonName: clean(c.Subject.CommonName, maxText), Names: namesOf(c),
		KeyAlgorithm: keyName(c), SPKIHash: spki[:], SKI: c.SubjectKeyId, Fingerprint: print256[:],
		NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(), CA: c.BasicConstraintsValid && c.IsCA, DER: der,
		IssuerDN: dnText(c.RawIssuer, c.Issuer.String()),
	}
	if out.IssuerDN == "" {
		out.IssuerDN = "(no name)"
	}
	// Certificates that sign themselves may name no issuer beyond their key:
	// devices of a maker may all be "CN=localhost" with serial number 1.
	keyID := c.AuthorityKeyId
	if len(keyID) == 0 && selfIssued(c) {
		if keyID = c.SubjectKeyId; len(keyID) == 0 {
			keyID = spki[:]
		}
	}
	out.Issuer = core.ForeignIssuer(account, c.RawIssuer, keyID)
	return out, c, nil
}

func selfIssued(c *x509.Certificate) bool { return bytes.Equal(c.RawSubject, c.RawIssuer) }

// namesOf writes the names as core.Names does, and kinds that it does not have.
func namesOf(c *x509.Certificate) []string {
	out := []string{}
	for _, e := range c.Extensions {
		if e.Id.String() != x509x.OIDSubjectAltName {
			continue
		}
		names, err := x509x.ParseSAN(e.Value)
		if err != nil {
			break // crypto/x509 reads more
		}
		for _, g := range names {
			switch {
			case g.IsUPN():
				out = append(out, clean("upn:"+g.Value, maxText))
			case g.Kind == x509x.KindOther:
				out = append(out, "other:"+g.OID)
			case g.Kind == x509x.KindDNS:
				out = append(out, clean("dns:"+strings.ToLower(g.Value), maxText))
			default:
				out = append(out, clean(g.Kind.String()+":"+g.Value, maxText))
			}
		}
		return out
	}
	for _, n := range c.DNSNames {
		out = append(out, clean("dns:"+strings.ToLower(n), maxText))
	}
	for _, n := range c.IPAddresses {
		out = append(out, "ip:"+n.String())
	}
	for _, n := range c.EmailAddresses {
		out = append(out, clean("email:"+n, maxText))
	}
	return out
}

// keyName names a key as lists do: "RSA 3072", "ECDSA P-256".
func keyName(c *x509.Certificate) string {
	alg, bits, curve := x509x.PublicKeyInfo(c.PublicKey)
	switch {
	case curve != "":
		return alg + " " + curve
	case alg == "RSA":
		return alg + " " + strconv.Itoa(bits)
	case alg == "" && c.PublicKeyAlgorithm == x509.UnknownPublicKeyAlgorithm:
		return "unknown"
	case alg == "":
		return c.PublicKeyAlgorithm.String()
	}
	return alg
}
