package x509x

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// ReadCSR reads a certification request as people and clients send it: PEM with
// either spelling of the header ("CERTIFICATE REQUEST", "NEW CERTIFICATE
// REQUEST") and any text around it, base64 with any white space and with or
// without padding, or DER.
func ReadCSR(body []byte) (*CSR, error) {
	if len(body) > 2*MaxCSRSize {
		return nil, fmt.Errorf("%w: request of %d octets", ErrTooLarge, len(body))
	}
	if len(body) > 1 && body[0] == 0x30 && (body[1] >= 0x80 || int(body[1])+2 == len(body)) {
		return ParseCSR(body)
	}
	if i := bytes.Index(body, []byte("-----BEGIN ")); i >= 0 {
		inner, err := pemBody(body[i:])
		if err != nil {
			return nil, err
		}
		body = inner
	}
	der, err := DecodeBase64(body)
	if err != nil {
		return nil, err
	}
	return ParseCSR(der)
}

// pemBody returns what is between the BEGIN and END lines. It is laxer than
// encoding/pem, because web forms lose line breaks.
func pemBody(text []byte) ([]byte, error) {
	for _, label := range []string{"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"} {
		rest, ok := bytes.CutPrefix(text, []byte("-----BEGIN "+label+"-----"))
		if !ok {
			continue
		}
		inner, _, ok := bytes.Cut(rest, []byte("-----END "+label+"-----"))
		if !ok {
			return nil, malformed("PEM without END line")
		}
		return inner, nil
	}
	return nil, malformed("PEM that is no certificate request")
}

// DecodeBase64 decodes standard base64 with white space anywhere, padding
// optional.
func DecodeBase64(text []byte) ([]byte, error) {
	packed := make([]byte, 0, len(text))
	for _, c := range text {
		switch c {
		case ' ', '\t', '\r', '\n', '\v', '\f':
		default:
			packed = append(packed, c)
		}
	}
	packed = bytes.TrimRight(packed, "=")
	out := make([]byte, base64.RawStdEncoding.DecodedLen(len(packed)))
	n, err := base64.RawStdEncoding.Decode(out, packed)
	if err != nil || n == 0 {
		return nil, malformed("base64")
	}
	return out[:n], nil
}

// Request is what BuildCSR puts into a certification request.
type Request struct {
	Subject           []byte // DER Name
	SPKI              []byte // DER SubjectPublicKeyInfo
	ChallengePassword string
	Extensions        []Extension
	Attributes        []Attribute // further ones
}

// BuildCSR writes the CertificationRequestInfo (RFC 2986 4.1); Sign with the
// subject's key makes the request of it.
func BuildCSR(r Request) ([]byte, error) {
	attributes := r.Attributes
	if r.ChallengePassword != "" {
		v, err := (&RDN{OID: OIDChallengePassword, Value: r.ChallengePassword}).element()
		if err != nil {
			return nil, err
		}
		attributes = append(attributes[:len(attributes):len(attributes)], Attribute{OIDChallengePassword, [][]byte{v}})
	}
	if len(r.Extensions) > 0 {
		v, err := MarshalExtensions(r.Extensions)
		if err != nil {
			return nil, err
		}
		attributes = append(attributes[:len(attributes):len(attributes)], Attribute{OIDExtensionRequest, [][]byte{v}})
	}
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(0)
			b.AddBytes(r.Subject)
			b.AddBytes(r.SPKI)
			addAttributes(b, context(0), attributes)
		})
	})
}

// addAttributes adds a SET OF Attribute under the tag, in DER order.
func addAttributes(b *cryptobyte.Builder, tag asn1.Tag, list []Attribute) {
	elements := make([][]byte, 0, len(list))
	for i := range list {
		der, err := list[i].Marshal()
		if err != nil {
			b.SetError(err)
			return
		}
		elements = append(elements, der)
	}
	addSetOf(b, tag, elements)
}

// Marshal writes the attribute as SEQUENCE {type, SET OF value} in DER.
func (a Attribute) Marshal() ([]byte, error) {
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			AddOID(b, a.OID)
			addSetOf(b, asn1.SET, a.Values)
		})
	})
}

// CreateCSR builds a request and signs it with the key's default algorithm. An
// empty r.SPKI is taken from the signer.
func CreateCSR(r Request, signer crypto.Signer) ([]byte, error) {
	alg, err := SignatureAlgorithmFor(signer.Public())
	if err != nil {
		return nil, err
	}
	if r.SPKI == nil {
		if r.SPKI, err = x509.MarshalPKIXPublicKey(signer.Public()); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
		}
	}
	tbs, err := BuildCSR(r)
	if err != nil {
		return nil, err
	}
	return Sign(tbs, alg, signer)
}
