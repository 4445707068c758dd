package x509x

import (
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Extended key usages (RFC 5280 4.2.1.12 and vendors).
const (
	EKUAny            = "2.5.29.37.0"
	EKUServerAuth     = "1.3.6.1.5.5.7.3.1"
	EKUClientAuth     = "1.3.6.1.5.5.7.3.2"
	EKUCodeSigning    = "1.3.6.1.5.5.7.3.3"
	EKUEmail          = "1.3.6.1.5.5.7.3.4"
	EKUTimeStamping   = "1.3.6.1.5.5.7.3.8"
	EKUOCSPSigning    = "1.3.6.1.5.5.7.3.9"
	EKUCMCCA          = "1.3.6.1.5.5.7.3.27"
	EKUCMCRA          = "1.3.6.1.5.5.7.3.28"
	EKUCMKGA          = "1.3.6.1.5.5.7.3.32"
	EKUSmartcardLogon = "1.3.6.1.4.1.311.20.2.2"
	EKURequestAgent   = "1.3.6.1.4.1.311.20.2.1"
)

// extKeyUsageNames pairs identifiers with the names that OpenSSL uses where it
// has one.
var extKeyUsageNames = [...]struct{ oid, name string }{
	{EKUAny, "anyExtendedKeyUsage"},
	{EKUServerAuth, "serverAuth"},
	{EKUClientAuth, "clientAuth"},
	{EKUCodeSigning, "codeSigning"},
	{EKUEmail, "emailProtection"},
	{"1.3.6.1.5.5.7.3.5", "ipsecEndSystem"},
	{"1.3.6.1.5.5.7.3.6", "ipsecTunnel"},
	{"1.3.6.1.5.5.7.3.7", "ipsecUser"},
	{EKUTimeStamping, "timeStamping"},
	{EKUOCSPSigning, "OCSPSigning"},
	{"1.3.6.1.5.5.7.3.13", "eapOverPPP"},
	{"1.3.6.1.5.5.7.3.14", "eapOverLAN"},
	{"1.3.6.1.5.5.7.3.17", "ipsecIKE"},
	{"1.3.6.1.5.5.8.2.2", "iKEIntermediate"},
	{"1.3.6.1.5.5.7.3.21", "secureShellClient"},
	{"1.3.6.1.5.5.7.3.22", "secureShellServer"},
	{EKUCMCCA, "cmcCA"},
	{EKUCMCRA, "cmcRA"},
	{EKUCMKGA, "cmKGA"},
	{"1.3.6.1.5.5.7.3.36", "documentSigning"},
	{"1.3.6.1.5.2.3.4", "pkInitClientAuth"},
	{"1.3.6.1.5.2.3.5", "pkInitKDC"},
	{EKUSmartcardLogon, "msSmartcardLogin"},
	{EKURequestAgent, "msCertificateRequestAgent"},
	{"1.3.6.1.4.1.311.10.3.4", "msEFS"},
	{"1.3.6.1.4.1.311.10.3.12", "msDocumentSigning"},
	{"1.3.6.1.4.1.311.2.1.21", "msCodeInd"},
	{"1.3.6.1.4.1.311.2.1.22", "msCodeCom"},
	{"1.3.6.1.4.1.311.54.1.2", "msRemoteDesktop"},
	{"1.2.840.113583.1.1.5", "adobePDFSigning"},
}

// ExtKeyUsageName returns the name for an identifier ("serverAuth"), or the
// identifier itself when it has none.
func ExtKeyUsageName(oid string) string {
	for i := range extKeyUsageNames {
		if extKeyUsageNames[i].oid == oid {
			return extKeyUsageNames[i].name
		}
	}
	return oid
}

// ExtKeyUsageOID returns the identifier for a name or a dotted identifier, and
// false when it is neither.
func ExtKeyUsageOID(name string) (string, bool) {
	for i := range extKeyUsageNames {
		if extKeyUsageNames[i].name == name {
			return extKeyUsageNames[i].oid, true
		}
	}
	_, err := AppendOID(nil, name)
	return name, err == nil
}

// MakeExtKeyUsage returns the extension for a list of identifiers, in order.
func MakeExtKeyUsage(critical bool, oids ...string) (Extension, error) {
	if len(oids) == 0 {
		return Extension{}, malformed("empty extended key usage")
	}
	value, err := marshalOIDs(oids)
	return Extension{OID: OIDExtKeyUsage, Critical: critical, Value: value}, err
}

// ParseExtKeyUsage reads the value of an extended key usage extension.
func ParseExtKeyUsage(value []byte) ([]string, error) {
	if err := sized(value); err != nil {
		return nil, err
	}
	var seq cryptobyte.String
	s := cryptobyte.String(value)
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !s.Empty() || seq.Empty() {
		return nil, malformed("extended key usage")
	}
	oids := make([]string, 0, 4)
	for !seq.Empty() {
		var oid string
		if !ReadOID(&seq, &oid) {
			return nil, malformed("extended key usage")
		}
		oids = append(oids, oid)
	}
	return oids, nil
}

func marshalOIDs(oids []string) ([]byte, error) {
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for _, oid := range oids {
				AddOID(b, oid)
			}
		})
	})
}
