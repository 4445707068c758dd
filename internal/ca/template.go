package ca

import (
	"fmt"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// badTemplate is the error for a template that cannot become a certificate.
// Policy never makes one; connector and API callers could.
func badTemplate(err error, field, format string, args ...any) error {
	return core.Wrap(core.KindInvalid, err, format, args...).At("template." + field)
}

// MarshalDN encodes a subject.
func marshalDN(dn core.DN) ([]byte, error) {
	name := make(x509x.Name, len(dn))
	for i, a := range dn {
		oid, ok := x509x.AttributeOID(a.Type)
		if !ok {
			return nil, badTemplate(nil, "subject", "there is no attribute type %q", a.Type)
		}
		name[i] = x509x.RDN{OID: oid, Value: a.Value}
	}
	der, err := name.Marshal()
	if err != nil {
		return nil, badTemplate(err, "subject", "the subject cannot be encoded")
	}
	return der, nil
}

// generalNames puts the names in the order of their kinds.
func generalNames(n core.Names) []x509x.GeneralName {
	out := make([]x509x.GeneralName, 0, n.Len())
	texts := func(kind x509x.NameKind, list []string) {
		for _, v := range list {
			out = append(out, x509x.GeneralName{Kind: kind, Value: v})
		}
	}
	texts(x509x.KindDNS, n.DNS)
	for _, v := range n.IP {
		out = append(out, x509x.GeneralName{Kind: x509x.KindIP, Value: v.String()})
	}
	texts(x509x.KindEmail, n.Email)
	texts(x509x.KindURI, n.URI)
	for _, v := range n.UPN {
		out = append(out, x509x.UPN(v))
	}
	for _, v := range n.Other {
		out = append(out, x509x.GeneralName{Kind: x509x.KindOther, OID: v.OID, Raw: v.Value})
	}
	return out
}

// leafExtensions are the extensions of an end-entity certificate, in a fixed
// order.
func (a *authority) leafExtensions(t *core.Template, ski []byte, base string) ([]x509x.Extension, error) {
	b := extensions{list: make([]x509x.Extension, 0, 10+len(t.Extensions))}
	b.add(a.aki, nil)
	b.add(x509x.MakeSubjectKeyID(ski))
	// cA FALSE is critical here: RFC 5280 section 4.2.1.9 leaves that open for
	// end entities, the CA/Browser Forum does not.
	basic, err := x509x.MakeBasicConstraints(x509x.BasicConstraints{PathLen: -1})
	basic.Critical = true
	b.add(basic, err)
	if err := b.usages(t); err != nil {
		return nil, err
	}
	if t.Names.Len() > 0 {
		san, err := x509x.MarshalSAN(generalNames(t.Names))
		if err != nil {
			return nil, badTemplate(err, "names", "the subject alternative names cannot be encoded")
		}
		// Critical when it is all that names the subject (RFC 5280 section 4.2.1.6).
		b.add(x509x.Extension{OID: x509x.OIDSubjectAltName, Critical: len(t.Subject) == 0, Value: san}, nil)
	}
	if len(t.Policies) > 0 {
		policies := make([]x509x.Policy, len(t.Policies))
		for i, oid := range t.Policies {
			policies[i].OID = oid
		}
		b.add(x509x.MakePolicies(policies...))
	}
	status, err := a.statusExtensions(base)
	if err != nil {
		return nil, err
	}
	b.list = append(b.list, status...)
	for _, x := range t.Extensions {
		if issuerOnly(x.OID) {
			return nil, badTemplate(nil, "extensions", "the extension %s is the issuer's", x.OID)
		}
		b.add(x509x.Extension(x), nil)
	}
	if b.err != nil {
		return nil, badTemplate(b.err, "extensions", "an extension cannot be encoded")
	}
	return b.list, nil
}

// issuerOnly reports whether an extension may not come from a template.
func issuerOnly(oid string) bool {
	switch oid {
	case x509x.OIDSubjectKeyID, x509x.OIDAuthorityKeyID, x509x.OIDBasicConstraints, x509x.OIDKeyUsage, x509x.OIDExtKeyUsage,
		x509x.OIDSubjectAltName, x509x.OIDPolicies, x509x.OIDCRLDistPoints, x509x.OIDAuthorityInfo, x509x.OIDNameConstraints, x509x.OIDOCSPNoCheck:
		return true
	}
	return false
}

// extensions collects extensions and the first error.
type extensions struct {
	list []x509x.Extension
	err  error
}

func (b *extensions) add(x x509x.Extension, err error) {
	if err != nil && b.err == nil {
		b.err = err
	}
	b.list = append(b.list, x)
}

// usages adds key usage and extended key usage. Templates for leaves cannot
// have what only CAs and their responders may do, whoever made them.
func (b *extensions) usages(t *core.Template) error {
	if len(t.KeyUsage) > 0 {
		usage, err := x509x.KeyUsageOf(t.KeyUsage...)
		if err != nil || usage&(x509x.UsageKeyCertSign|x509x.UsageCRLSign) != 0 {
			return badTemplate(err, "key_usage", "not the key usage of an end entity: %v", t.KeyUsage)
		}
		b.add(x509x.MakeKeyUsage(usage))
	}
	if len(t.ExtKeyUsage) == 0 {
		return nil
	}
	oids := make([]string, len(t.ExtKeyUsage))
	for i, name := range t.ExtKeyUsage {
		oid, ok := x509x.ExtKeyUsageOID(name)
		if !ok || oid == x509x.EKUOCSPSigning {
			return badTemplate(nil, fmt.Sprintf("ext_key_usage[%d]", i), "not the extended key usage of an end entity: %s", name)
		}
		oids[i] = oid
	}
	// A time-stamping key has this purpose alone, and critical (RFC 3161 section 2.3).
	critical := len(oids) == 1 && oids[0] == x509x.EKUTimeStamping
	b.add(x509x.MakeExtKeyUsage(critical, oids...))
	return nil
}
