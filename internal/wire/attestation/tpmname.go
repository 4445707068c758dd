package attestation

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/certwright/certwright/internal/wire/x509x"
)

const (
	oidPermanentIdentifier = "1.3.6.1.5.5.7.8.3" // RFC 4043
	oidHardwareModuleName  = "1.3.6.1.5.5.7.8.4" // RFC 4108
	oidTPMManufacturer     = "2.23.133.2.1"      // TPMv2-EK-Profile section 3.1.2
	oidTPMModel            = "2.23.133.2.2"
	oidTPMVersion          = "2.23.133.2.3"
)

// tpmNames are the names of the device in an attestation key's certificate.
type tpmNames struct {
	permanent []string
	module    string
}

func isSAN(oid asn1.ObjectIdentifier) bool { return oid.Equal(asn1.ObjectIdentifier{2, 5, 29, 17}) }

// readTPMNames reads the subject alternative name of an attestation key's
// certificate: critical, with manufacturer, model and version of the TPM
// (WebAuthn section 8.3.1, TPMv2-EK-Profile section 3.2.9) and a name of the
// device, without which nothing would be proven.
func readTPMNames(c *x509.Certificate) (tpmNames, error) {
	var names tpmNames
	var list []x509x.GeneralName
	for _, e := range c.Extensions {
		if !isSAN(e.Id) {
			continue
		}
		var err error
		if list, err = x509x.ParseSAN(e.Value); err != nil {
			return names, bad("the attestation key's certificate has a subject alternative name that cannot be read")
		}
		if !e.Critical {
			return names, bad("the attestation key's certificate has a subject alternative name that is not critical")
		}
	}
	described := false
	for i := range list {
		switch g := &list[i]; {
		case g.Kind == x509x.KindDirectory:
			dn, err := x509x.ParseName(g.Raw)
			described = described || err == nil &&
				dn.Get(oidTPMManufacturer) != "" && dn.Get(oidTPMModel) != "" && dn.Get(oidTPMVersion) != ""
		case g.Kind == x509x.KindOther && g.OID == oidPermanentIdentifier:
			if err := names.addPermanent(g.Raw); err != nil {
				return names, err
			}
		case g.Kind == x509x.KindOther && g.OID == oidHardwareModuleName:
			if err := names.setModule(g.Raw); err != nil {
				return names, err
			}
		}
	}
	if !described {
		return names, bad("the attestation key's certificate does not name manufacturer, model and version of the TPM")
	}
	if len(names.permanent) == 0 && names.module == "" {
		return names, bad("the attestation key's certificate has neither permanent identifier nor hardware module name")
	}
	return names, nil
}

// addPermanent reads a PermanentIdentifier (RFC 4043 section 2). One without a
// value refers to the subject, which is empty here, and so names nothing. The
// assigner is not compared: ACME's identifiers have none.
func (n *tpmNames) addPermanent(der []byte) error {
	var seq, value, assigner cryptobyte.String
	var present, assigned bool
	s := cryptobyte.String(der)
	if !s.ReadASN1(&seq, cbasn1.SEQUENCE) || !s.Empty() ||
		!seq.ReadOptionalASN1(&value, &present, cbasn1.UTF8String) ||
		!seq.ReadOptionalASN1(&assigner, &assigned, cbasn1.OBJECT_IDENTIFIER) || !seq.Empty() ||
		present && !isIdentifier(value) {
		return bad("the attestation key's certificate has a permanent identifier that cannot be read")
	}
	if present {
		n.permanent = append(n.permanent, string(value))
	}
	return nil
}

// setModule reads a HardwareModuleName (RFC 4108 section 5).
func (n *tpmNames) setModule(der []byte) error {
	var seq, serial cryptobyte.String
	var kind string
	s := cryptobyte.String(der)
	if !s.ReadASN1(&seq, cbasn1.SEQUENCE) || !s.Empty() || !x509x.ReadOID(&seq, &kind) ||
		!seq.ReadASN1(&serial, cbasn1.OCTET_STRING) || !seq.Empty() ||
		serial.Empty() || len(serial) > maxIdentifier {
		return bad("the attestation key's certificate has a hardware module name that cannot be read")
	}
	if n.module != "" {
		return bad("the attestation key's certificate has several hardware module names")
	}
	n.module = kind + ":" + hex.EncodeToString(serial)
	return nil
}
