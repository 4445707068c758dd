package api

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"strconv"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// selfSigned reports whether subject and issuer of a certificate are the same.
func selfSigned(der []byte) bool {
	c, err := x509.ParseCertificate(der)
	return err == nil && bytes.Equal(c.RawSubject, c.RawIssuer)
}

// decode shows the contents of a certificate; nil when it cannot be read.
func decode(der []byte) *resource.Contents {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil
	}
	sum256, sum1 := sha256.Sum256(der), sha1.Sum(der)
	out := &resource.Contents{
		Version: c.Version, Serial: c.SerialNumber.Text(16), SignatureAlgorithm: c.SignatureAlgorithm.String(),
		Issuer: dnText(c.RawIssuer), Subject: []core.Attribute{}, NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(), KeyAlgorithm: keyName(c),
		Names: []string{}, KeyUsage: list0(x509x.KeyUsage(c.KeyUsage).Names()), ExtKeyUsage: []string{}, CA: c.IsCA, PathLength: -1, Policies: []string{},
		SubjectKeyID: hex.EncodeToString(c.SubjectKeyId), AuthorityKeyID: hex.EncodeToString(c.AuthorityKeyId),
		CRL: list0(c.CRLDistributionPoints), OCSP: list0(c.OCSPServer), IssuerURLs: list0(c.IssuingCertificateURL), Extensions: []resource.DecodedExtension{},
		SHA256: hex.EncodeToString(sum256[:]), SHA1: hex.EncodeToString(sum1[:]),
	}
	if subject, err := x509x.ParseName(c.RawSubject); err == nil {
		for _, r := range subject {
			out.Subject = append(out.Subject, core.Attribute{Type: x509x.AttributeName(r.OID), Value: r.Value})
		}
	}
	if c.IsCA && (c.MaxPathLen > 0 || c.MaxPathLenZero) {
		out.PathLength = c.MaxPathLen
	}
	for _, p := range c.Policies {
		out.Policies = append(out.Policies, p.String())
	}
	for _, e := range c.Extensions {
		oid := e.Id.String()
		out.Extensions = append(out.Extensions, resource.DecodedExtension{OID: oid, Name: extensionName(oid), Critical: e.Critical, Value: e.Value})
		switch oid {
		case x509x.OIDSubjectAltName:
			out.Names = sanText(e.Value)
		case x509x.OIDExtKeyUsage:
			oids, _ := x509x.ParseExtKeyUsage(e.Value) // unreadable: the raw extension shows it
			for _, o := range oids {
				out.ExtKeyUsage = append(out.ExtKeyUsage, x509x.ExtKeyUsageName(o))
			}
		}
	}
	return out
}

// dnText writes a name as core.DN does.
func dnText(der []byte) string {
	name, err := x509x.ParseName(der)
	if err != nil {
		return ""
	}
	var dn core.DN
	for _, r := range name {
		dn = append(dn, core.Attribute{Type: x509x.AttributeName(r.OID), Value: r.Value})
	}
	return dn.String()
}

func keyName(c *x509.Certificate) string {
	alg, bits, curve := x509x.PublicKeyInfo(c.PublicKey)
	switch {
	case curve != "":
		return alg + " " + curve
	case alg == "RSA":
		return alg + " " + strconv.Itoa(bits)
	case alg == "":
		return c.PublicKeyAlgorithm.String()
	}
	return alg
}

// sanText writes names as core.Names does, and kinds that it does not have.
func sanText(value []byte) []string {
	out := []string{}
	names, err := x509x.ParseSAN(value)
	if err != nil {
		return out
	}
	for _, g := range names {
		switch {
		case g.IsUPN():
			out = append(out, "upn:"+g.Value)
		case g.Kind == x509x.KindOther:
			out = append(out, "other:"+g.OID)
		default:
			out = append(out, g.Kind.String()+":"+g.Value)
		}
	}
	return out
}

// extensionName is the RFC 5280 name of an extension, "" for others.
func extensionName(oid string) string {
	switch oid {
	case x509x.OIDSubjectKeyID:
		return "subjectKeyIdentifier"
	case x509x.OIDAuthorityKeyID:
		return "authorityKeyIdentifier"
	case x509x.OIDKeyUsage:
		return "keyUsage"
	case x509x.OIDExtKeyUsage:
		return "extKeyUsage"
	case x509x.OIDSubjectAltName:
		return "subjectAltName"
	case x509x.OIDBasicConstraints:
		return "basicConstraints"
	case x509x.OIDNameConstraints:
		return "nameConstraints"
	case x509x.OIDCRLDistPoints:
		return "cRLDistributionPoints"
	case x509x.OIDPolicies:
		return "certificatePolicies"
	case x509x.OIDAuthorityInfo:
		return "authorityInfoAccess"
	case x509x.OIDTLSFeature:
		return "tlsFeature"
	case x509x.OIDOCSPNoCheck:
		return "ocspNoCheck"
	case x509x.OIDMSTemplateName:
		return "msTemplateName"
	case x509x.OIDMSTemplate:
		return "msTemplate"
	case x509x.OIDMSSecurityID:
		return "msSecurityIdentifier"
	}
	return ""
}
