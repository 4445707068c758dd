package x509x

import (
	"crypto/x509"
	"strconv"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Object identifiers of attributes, extensions and keys.
const (
	OIDExtensionRequest   = "1.2.840.113549.1.9.14"     // RFC 2985 5.4.2
	OIDMSExtensionRequest = "1.3.6.1.4.1.311.2.1.14"    // szOID_CERT_EXTENSIONS
	OIDChallengePassword  = "1.2.840.113549.1.9.7"      // RFC 2985 5.4.1
	OIDUnstructuredName   = "1.2.840.113549.1.9.2"      // RFC 2985 5.4.3
	OIDRequestTemplate    = "1.2.840.113549.1.9.16.2.61" // RFC 9908 id-aa-certificationRequestInfoTemplate
	OIDExtensionTemplate  = "1.2.840.113549.1.9.16.2.62" // RFC 9908 id-aa-extensionReqTemplate

	OIDSubjectKeyID       = "2.5.29.14"
	OIDKeyUsage           = "2.5.29.15"
	OIDSubjectAltName     = "2.5.29.17"
	OIDIssuerAltName      = "2.5.29.18"
	OIDBasicConstraints   = "2.5.29.19"
	OIDCRLNumber          = "2.5.29.20"
	OIDReasonCode         = "2.5.29.21"
	OIDIssuingDistPoint   = "2.5.29.28"
	OIDNameConstraints    = "2.5.29.30"
	OIDCRLDistPoints      = "2.5.29.31"
	OIDPolicies           = "2.5.29.32"
	OIDAuthorityKeyID     = "2.5.29.35"
	OIDExtKeyUsage        = "2.5.29.37"
	OIDAuthorityInfo      = "1.3.6.1.5.5.7.1.1"
	OIDTLSFeature         = "1.3.6.1.5.5.7.1.24"
	OIDOCSPNoCheck        = "1.3.6.1.5.5.7.48.1.5"
	OIDMSTemplateName     = "1.3.6.1.4.1.311.20.2"
	OIDMSTemplate         = "1.3.6.1.4.1.311.21.7"
	OIDMSSecurityID       = "1.3.6.1.4.1.311.25.2"
	OIDMSObjectSID        = "1.3.6.1.4.1.311.25.2.1"
	OIDUPN                = "1.3.6.1.4.1.311.20.2.3"
	OIDAccessOCSP         = "1.3.6.1.5.5.7.48.1"
	OIDAccessCAIssuers    = "1.3.6.1.5.5.7.48.2"
	OIDQualifierCPS       = "1.3.6.1.5.5.7.2.1"
	OIDQualifierNotice    = "1.3.6.1.5.5.7.2.2"
	OIDKeyRSA             = "1.2.840.113549.1.1.1"
	OIDKeyEC              = "1.2.840.10045.2.1"
	OIDKeyEd25519         = "1.3.101.112"
	OIDCurveP256          = "1.2.840.10045.3.1.7"
	OIDCurveP384          = "1.3.132.0.34"
	OIDCurveP521          = "1.3.132.0.35"
)

// AppendOID appends the DER OBJECT IDENTIFIER (tag, length, contents) of the
// dotted form to dst. ErrMalformed when dotted is not an object identifier.
func AppendOID(dst []byte, dotted string) ([]byte, error) {
	start := len(dst)
	dst = append(dst, byte(asn1.OBJECT_IDENTIFIER), 0)
	body, err := appendArcs(dst, dotted)
	if err != nil {
		return dst[:start], err
	}
	n := len(body) - start - 2
	if n > 127 { // longer than any identifier in use; keeps the length one octet
		return dst[:start], malformed("object identifier " + strconv.Quote(dotted))
	}
	body[start+1] = byte(n)
	return body, nil
}

// appendArcs appends the contents octets (X.690 8.19).
func appendArcs(dst []byte, dotted string) ([]byte, error) {
	var first uint64
	arcs, rest := 0, dotted
	for rest != "" {
		var v uint64
		i := 0
		for ; i < len(rest) && rest[i] != '.'; i++ {
			d := rest[i] - '0'
			if d > 9 || (i > 0 && v == 0) {
				return dst, malformed("object identifier " + strconv.Quote(dotted))
			}
			if v > (1<<63-96)/10 { // arcs of more than 63 bits (2.25.UUID)
				return appendBigOID(dst, dotted)
			}
			v = v*10 + uint64(d)
		}
		more := i < len(rest)
		if i == 0 || (more && i+1 == len(rest)) {
			return dst, malformed("object identifier " + strconv.Quote(dotted))
		}
		if more {
			i++
		}
		rest = rest[i:]
		switch arcs {
		case 0:
			if v > 2 {
				return dst, malformed("object identifier " + strconv.Quote(dotted))
			}
			first = v
		case 1:
			if first < 2 && v > 39 {
				return dst, malformed("object identifier " + strconv.Quote(dotted))
			}
			dst = appendBase128(dst, first*40+v)
		default:
			dst = appendBase128(dst, v)
		}
		arcs++
	}
	if arcs < 2 {
		return dst, malformed("object identifier " + strconv.Quote(dotted))
	}
	return dst, nil
}

// appendBigOID is the slow way for arcs that do not fit 63 bits; it drops what
// appendArcs has already written of this identifier.
func appendBigOID(dst []byte, dotted string) ([]byte, error) {
	oid, err := x509.ParseOID(dotted)
	if err != nil {
		return dst, malformed("object identifier " + strconv.Quote(dotted))
	}
	body, err := oid.MarshalBinary()
	if err != nil {
		return dst, malformed("object identifier " + strconv.Quote(dotted))
	}
	// The tag and the length octet precede the arcs of this identifier.
	start := len(dst)
	for probe := 0; probe < len(body) && start > 0; probe++ {
		if dst[start-1] == 0 && start >= 2 && dst[start-2] == byte(asn1.OBJECT_IDENTIFIER) {
			break
		}
		start--
	}
	return append(dst[:start], body...), nil
}

func appendBase128(dst []byte, v uint64) []byte {
	n := 1
	for l := v; l > 127; l >>= 7 {
		n++
	}
	for i := n - 1; i > 0; i-- {
		dst = append(dst, byte(v>>(7*uint(i)))|0x80)
	}
	return append(dst, byte(v&0x7f))
}
