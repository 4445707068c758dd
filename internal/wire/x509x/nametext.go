package x509x

import (
	"encoding/hex"
	"strings"
)

// Attribute types of distinguished names.
const (
	OIDCommonName             = "2.5.4.3"
	OIDSurname                = "2.5.4.4"
	OIDSerialNumber           = "2.5.4.5"
	OIDCountry                = "2.5.4.6"
	OIDLocality               = "2.5.4.7"
	OIDState                  = "2.5.4.8"
	OIDStreet                 = "2.5.4.9"
	OIDOrganization           = "2.5.4.10"
	OIDOrganizationalUnit     = "2.5.4.11"
	OIDTitle                  = "2.5.4.12"
	OIDDescription            = "2.5.4.13"
	OIDBusinessCategory       = "2.5.4.15"
	OIDPostalCode             = "2.5.4.17"
	OIDName                   = "2.5.4.41"
	OIDGivenName              = "2.5.4.42"
	OIDInitials               = "2.5.4.43"
	OIDGenerationQualifier    = "2.5.4.44"
	OIDDNQualifier            = "2.5.4.46"
	OIDPseudonym              = "2.5.4.65"
	OIDOrganizationIdentifier = "2.5.4.97"
	OIDUserID                 = "0.9.2342.19200300.100.1.1"
	OIDDomainComponent        = "0.9.2342.19200300.100.1.25"
	OIDEmailAddress           = "1.2.840.113549.1.9.1"
	OIDUnstructuredAddress    = "1.2.840.113549.1.9.8"
	OIDJurisdictionLocality   = "1.3.6.1.4.1.311.60.2.1.1"
	OIDJurisdictionState      = "1.3.6.1.4.1.311.60.2.1.2"
	OIDJurisdictionCountry    = "1.3.6.1.4.1.311.60.2.1.3"
)

// attributeNames pairs identifiers with names; of several names for one
// identifier the first is written and all are read (without regard to case).
var attributeNames = [...]struct{ oid, name string }{
	{OIDCommonName, "CN"}, {OIDCommonName, "commonName"},
	{OIDCountry, "C"}, {OIDCountry, "countryName"},
	{OIDState, "ST"}, {OIDState, "S"}, {OIDState, "stateOrProvinceName"},
	{OIDLocality, "L"}, {OIDLocality, "localityName"},
	{OIDOrganization, "O"}, {OIDOrganization, "organizationName"},
	{OIDOrganizationalUnit, "OU"}, {OIDOrganizationalUnit, "organizationalUnitName"},
	{OIDStreet, "STREET"}, {OIDStreet, "street"}, {OIDStreet, "streetAddress"},
	{OIDPostalCode, "postalCode"},
	{OIDSerialNumber, "serialNumber"},
	{OIDDomainComponent, "DC"}, {OIDDomainComponent, "domainComponent"},
	{OIDUserID, "UID"}, {OIDUserID, "userId"},
	{OIDGivenName, "GN"}, {OIDGivenName, "givenName"}, {OIDGivenName, "G"},
	{OIDSurname, "SN"}, {OIDSurname, "surname"},
	{OIDTitle, "title"}, {OIDTitle, "T"},
	{OIDEmailAddress, "emailAddress"}, {OIDEmailAddress, "E"}, {OIDEmailAddress, "email"},
	{OIDOrganizationIdentifier, "organizationIdentifier"},
	{OIDBusinessCategory, "businessCategory"},
	{OIDJurisdictionCountry, "jurisdictionC"}, {OIDJurisdictionCountry, "jurisdictionCountryName"},
	{OIDJurisdictionState, "jurisdictionST"}, {OIDJurisdictionState, "jurisdictionStateOrProvinceName"},
	{OIDJurisdictionLocality, "jurisdictionL"}, {OIDJurisdictionLocality, "jurisdictionLocalityName"},
	{OIDDNQualifier, "dnQualifier"},
	{OIDPseudonym, "pseudonym"},
	{OIDInitials, "initials"},
	{OIDGenerationQualifier, "generationQualifier"},
	{OIDName, "name"},
	{OIDDescription, "description"},
	{OIDUnstructuredName, "unstructuredName"},
	{OIDUnstructuredAddress, "unstructuredAddress"},
}

// AttributeName returns the short name of an attribute type ("CN"), or the
// dotted identifier itself when it has none.
func AttributeName(oid string) string {
	for i := range attributeNames {
		if attributeNames[i].oid == oid {
			return attributeNames[i].name
		}
	}
	return oid
}

// AttributeOID returns the identifier for a short or long attribute name, or
// for a dotted identifier (also "OID.1.2.3"), and false when there is none.
func AttributeOID(name string) (string, bool) {
	for i := range attributeNames {
		if strings.EqualFold(attributeNames[i].name, name) {
			return attributeNames[i].oid, true
		}
	}
	if len(name) > 4 && strings.EqualFold(name[:4], "OID.") {
		name = name[4:]
	}
	if _, err := AppendOID(nil, name); err != nil {
		return "", false
	}
	return name, true
}

// String is the RFC 4514 form: last element first, "," between elements and
// "+" inside a multi-valued one. An attribute type without a short name is
// written as dotted identifier with "#" and the hexadecimal DER (2.4).
func (n Name) String() string {
	var b strings.Builder
	for end := len(n); end > 0; {
		start := end - 1
		for start > 0 && n[start].Joined {
			start--
		}
		if end < len(n) {
			b.WriteByte(',')
		}
		for i := start; i < end; i++ {
			if i > start {
				b.WriteByte('+')
			}
			n[i].writeTo(&b)
		}
		end = start
	}
	return b.String()
}

func (r *RDN) writeTo(b *strings.Builder) {
	name := AttributeName(r.OID)
	b.WriteString(name)
	b.WriteByte('=')
	if r.Tag != 0 && !r.Tag.isText() {
		b.WriteString(r.Value)
		return
	}
	if name == r.OID {
		if der, err := r.element(); err == nil {
			b.WriteByte('#')
			b.WriteString(hex.EncodeToString(der))
			return
		}
	}
	v := r.Value
	for i := range len(v) {
		c := v[i]
		switch {
		case c == 0:
			b.WriteString(`\00`)
			continue
		case strings.IndexByte(`",+;<>\`, c) >= 0,
			i == 0 && (c == ' ' || c == '#'),
			i == len(v)-1 && c == ' ':
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
}

// OpenSSL is the "/C=US/O=Example/CN=host" form in encoded order, with "/",
// "+" and "\" escaped as `openssl req -subj` wants.
func (n Name) OpenSSL() string {
	var b strings.Builder
	for i := range n {
		if n[i].Joined {
			b.WriteByte('+')
		} else {
			b.WriteByte('/')
		}
		b.WriteString(AttributeName(n[i].OID))
		b.WriteByte('=')
		for j := range len(n[i].Value) {
			c := n[i].Value[j]
			if c == '/' || c == '+' || c == '\\' {
				b.WriteByte('\\')
			}
			b.WriteByte(c)
		}
	}
	return b.String()
}
