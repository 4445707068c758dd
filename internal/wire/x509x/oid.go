package x509x

import (
	"crypto/x509"
	"errors"
	"strconv"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Object identifiers of attributes, extensions and keys.
const (
	OIDExtensionRequest   = "1.2.840.113549.1.9.14"      // RFC 2985 5.4.2
	OIDMSExtensionRequest = "1.3.6.1.4.1.311.2.1.14"     // szOID_CERT_EXTENSIONS
	OIDChallengePassword  = "1.2.840.113549.1.9.7"       // RFC 2985 5.4.1
	OIDUnstructuredName   = "1.2.840.113549.1.9.2"       // RFC 2985 5.4.3
	OIDRequestTemplate    = "1.2.840.113549.1.9.16.2.61" // RFC 9908 id-aa-certificationRequestInfoTemplate
	OIDExtensionTemplate  = "1.2.840.113549.1.9.16.2.62" // RFC 9908 id-aa-extensionReqTemplate

	OIDSubjectKeyID     = "2.5.29.14"
	OIDKeyUsage         = "2.5.29.15"
	OIDSubjectAltName   = "2.5.29.17"
	OIDIssuerAltName    = "2.5.29.18"
	OIDBasicConstraints = "2.5.29.19"
	OIDCRLNumber        = "2.5.29.20"
	OIDReasonCode       = "2.5.29.21"
	OIDIssuingDistPoint = "2.5.29.28"
	OIDNameConstraints  = "2.5.29.30"
	OIDCRLDistPoints    = "2.5.29.31"
	OIDPolicies         = "2.5.29.32"
	OIDAuthorityKeyID   = "2.5.29.35"
	OIDExtKeyUsage      = "2.5.29.37"
	OIDAuthorityInfo    = "1.3.6.1.5.5.7.1.1"
	OIDTLSFeature       = "1.3.6.1.5.5.7.1.24"
	OIDOCSPNoCheck      = "1.3.6.1.5.5.7.48.1.5"
	OIDMSTemplateName   = "1.3.6.1.4.1.311.20.2"
	OIDMSTemplate       = "1.3.6.1.4.1.311.21.7"
	OIDMSSecurityID     = "1.3.6.1.4.1.311.25.2"
	OIDMSObjectSID      = "1.3.6.1.4.1.311.25.2.1"
	OIDUPN              = "1.3.6.1.4.1.311.20.2.3"
	OIDAccessOCSP       = "1.3.6.1.5.5.7.48.1"
	OIDAccessCAIssuers  = "1.3.6.1.5.5.7.48.2"
	OIDQualifierCPS     = "1.3.6.1.5.5.7.2.1"
	OIDQualifierNotice  = "1.3.6.1.5.5.7.2.2"
	OIDKeyRSA           = "1.2.840.113549.1.1.1"
	OIDKeyEC            = "1.2.840.10045.2.1"
	OIDKeyEd25519       = "1.3.101.112"
	OIDCurveP256        = "1.2.840.10045.3.1.7"
	OIDCurveP384        = "1.3.132.0.34"
	OIDCurveP521        = "1.3.132.0.35"
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
	start, arcs := len(dst), 0
	var first uint64
	for rest := dotted; ; arcs++ {
		arc, after, more := strings.Cut(rest, ".")
		v, err := strconv.ParseUint(arc, 10, 64)
		if errors.Is(err, strconv.ErrRange) || v > 1<<62 {
			return appendLongArcs(dst[:start], dotted)
		}
		if err != nil || arc[0] == '+' || (arc[0] == '0' && len(arc) > 1) {
			return dst, malformedOID(dotted)
		}
		switch {
		case arcs == 0:
			first = v
		case arcs == 1 && (first > 2 || (first < 2 && v > 39)):
			return dst, malformedOID(dotted)
		case arcs == 1:
			dst = appendBase128(dst, first*40+v)
		default:
			dst = appendBase128(dst, v)
		}
		if !more {
			break
		}
		rest = after
	}
	if arcs < 1 {
		return dst, malformedOID(dotted)
	}
	return dst, nil
}

// appendLongArcs is the slow way for arcs over 62 bits, such as 2.25.UUID.
func appendLongArcs(dst []byte, dotted string) ([]byte, error) {
	oid, err := x509.ParseOID(dotted)
	if err != nil {
		return dst, malformedOID(dotted)
	}
	body, err := oid.MarshalBinary()
	if err != nil {
		return dst, malformedOID(dotted)
	}
	return append(dst, body...), nil
}

func malformedOID(dotted string) error {
	return malformed("object identifier " + strconv.Quote(dotted))
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

// AddOID adds an OBJECT IDENTIFIER to b.
func AddOID(b *cryptobyte.Builder, dotted string) {
	var buf [64]byte
	der, err := AppendOID(buf[:0], dotted)
	if err != nil {
		b.SetError(err)
		return
	}
	b.AddBytes(der)
}

// DecodeOID returns the dotted form of the contents octets of an OBJECT
// IDENTIFIER (without tag and length), and false when they are not minimal DER.
func DecodeOID(body []byte) (string, bool) {
	if len(body) == 0 || len(body) > 127 || body[len(body)-1]&0x80 != 0 {
		return "", false
	}
	var stack [96]byte
	out := stack[:0]
	var v uint64
	fresh := true // at the first octet of an arc
	for _, c := range body {
		if fresh && c == 0x80 {
			return "", false
		}
		if v > 1<<55 {
			return decodeLongOID(body)
		}
		v = v<<7 | uint64(c&0x7f)
		fresh = c&0x80 == 0
		if !fresh {
			continue
		}
		if len(out) == 0 {
			first := min(v/40, 2)
			out = strconv.AppendUint(out, first, 10)
			v -= first * 40
		}
		out = append(out, '.')
		out = strconv.AppendUint(out, v, 10)
		v = 0
	}
	return internOID(out), true
}

func decodeLongOID(body []byte) (string, bool) {
	var oid x509.OID
	if oid.UnmarshalBinary(body) != nil {
		return "", false
	}
	return oid.String(), true
}

// internOID saves the allocation for the identifiers found in most requests.
func internOID(b []byte) string {
	switch string(b) {
	case OIDCommonName:
		return OIDCommonName
	case OIDCountry:
		return OIDCountry
	case OIDOrganization:
		return OIDOrganization
	case OIDOrganizationalUnit:
		return OIDOrganizationalUnit
	case OIDLocality:
		return OIDLocality
	case OIDState:
		return OIDState
	case OIDSubjectAltName:
		return OIDSubjectAltName
	case OIDKeyUsage:
		return OIDKeyUsage
	case OIDExtKeyUsage:
		return OIDExtKeyUsage
	case OIDBasicConstraints:
		return OIDBasicConstraints
	case OIDExtensionRequest:
		return OIDExtensionRequest
	case OIDChallengePassword:
		return OIDChallengePassword
	}
	return string(b)
}

// ReadOID reads an OBJECT IDENTIFIER as a dotted string and advances. It returns
// false when there is none in minimal DER.
func ReadOID(s *cryptobyte.String, out *string) bool {
	var body cryptobyte.String
	if !s.ReadASN1(&body, asn1.OBJECT_IDENTIFIER) {
		return false
	}
	dotted, ok := DecodeOID(body)
	*out = dotted
	return ok
}
