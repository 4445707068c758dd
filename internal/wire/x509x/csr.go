package x509x

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// MaxCSRSize is the largest certification request, in octets of DER.
const MaxCSRSize = 64 << 10

// Attribute is an attribute with its values, each one DER element.
type Attribute struct {
	OID    string
	Values [][]byte
}

// CSR is a PKCS#10 certification request (RFC 2986).
type CSR struct {
	Raw        []byte // the whole request
	RawTBS     []byte // certificationRequestInfo, what is signed
	RawSubject []byte
	RawSPKI    []byte

	Subject Name
	// PublicKey is nil when the key is of a kind that we do not know; KeyErr
	// then says which (ErrUnsupported).
	PublicKey crypto.PublicKey
	KeyErr    error

	// Algorithm is UnknownSignature when we do not know it; AlgorithmErr then
	// says which.
	Algorithm    SignatureAlgorithm
	AlgorithmErr error
	Signature    []byte

	// ChallengePassword and UnstructuredName are the first values of those
	// attributes, whatever string type they have.
	ChallengePassword string
	UnstructuredName  string
	// Extensions are those asked for under the PKCS#9 or the Microsoft
	// identifier, in order.
	Extensions []Extension
	// Attributes are all attributes, also those decoded above.
	Attributes []Attribute
}

// Extension returns the requested extension, or nil.
func (c *CSR) Extension(oid string) *Extension { return FindExtension(c.Extensions, oid) }

// Attribute returns the attribute, or nil.
func (c *CSR) Attribute(oid string) *Attribute {
	for i := range c.Attributes {
		if c.Attributes[i].OID == oid {
			return &c.Attributes[i]
		}
	}
	return nil
}

// ParseCSR reads a DER certification request of at most MaxCSRSize octets. It
// is strict: version 0, no trailing octets, no attribute or extension twice.
// Only the absence of the attributes field, which several clients leave out,
// is forgiven. A key or signature algorithm that we do not know is no error
// here; see CSR.KeyErr and CheckSignature. The result shares memory with der.
func ParseCSR(der []byte) (*CSR, error) {
	if len(der) > MaxCSRSize {
		return nil, fmt.Errorf("%w: request of %d octets, at most %d", ErrTooLarge, len(der), MaxCSRSize)
	}
	var outer, tbs, alg cryptobyte.String
	s := cryptobyte.String(der)
	if !s.ReadASN1(&outer, asn1.SEQUENCE) || !s.Empty() {
		return nil, malformed("certification request")
	}
	c := &CSR{Raw: der}
	if !outer.ReadASN1Element(&tbs, asn1.SEQUENCE) || !outer.ReadASN1Element(&alg, asn1.SEQUENCE) ||
		!outer.ReadASN1BitStringAsBytes(&c.Signature) || !outer.Empty() {
		return nil, malformed("certification request")
	}
	c.RawTBS = tbs
	if c.Algorithm, c.AlgorithmErr = ParseSignatureAlgorithm(alg); errors.Is(c.AlgorithmErr, ErrMalformed) {
		return nil, c.AlgorithmErr
	}
	if err := c.readInfo(tbs); err != nil {
		return nil, err
	}
	return c, nil
}

// readInfo reads the CertificationRequestInfo (RFC 2986 4.1).
func (c *CSR) readInfo(tbs cryptobyte.String) error {
	var info, subject, spki, attributes cryptobyte.String
	var version int64
	var err error
	if !tbs.ReadASN1(&info, asn1.SEQUENCE) || !info.ReadASN1Integer(&version) || version != 0 {
		return malformed("certification request version")
	}
	if !info.ReadASN1Element(&subject, asn1.SEQUENCE) || !info.ReadASN1Element(&spki, asn1.SEQUENCE) ||
		!info.ReadOptionalASN1(&attributes, nil, context(0)) || !info.Empty() {
		return malformed("certification request info")
	}
	c.RawSubject, c.RawSPKI = subject, spki
	if c.Subject, err = ParseName(subject); err != nil {
		return err
	}
	if c.PublicKey, c.KeyErr = ParsePublicKey(spki); errors.Is(c.KeyErr, ErrMalformed) {
		return c.KeyErr
	}
	if c.Attributes, err = readAttributes(attributes); err != nil {
		return err
	}
	return c.decodeAttributes()
}

// readAttributes reads the contents of a SET OF Attribute (RFC 2986 4.1).
func readAttributes(set cryptobyte.String) ([]Attribute, error) {
	var list []Attribute
	for !set.Empty() {
		var one, values cryptobyte.String
		var a Attribute
		if !set.ReadASN1(&one, asn1.SEQUENCE) || !ReadOID(&one, &a.OID) ||
			!one.ReadASN1(&values, asn1.SET) || !one.Empty() {
			return nil, malformed("attribute")
		}
		for !values.Empty() {
			var v cryptobyte.String
			var tag asn1.Tag
			if !values.ReadAnyASN1Element(&v, &tag) {
				return nil, malformed("value of attribute " + a.OID)
			}
			a.Values = append(a.Values, v)
		}
		for i := range list {
			if list[i].OID == a.OID {
				return nil, malformed("attribute " + a.OID + " twice")
			}
		}
		list = append(list, a)
	}
	return list, nil
}

func (c *CSR) decodeAttributes() error {
	for i := range c.Attributes {
		a := &c.Attributes[i]
		switch a.OID {
		case OIDChallengePassword, OIDUnstructuredName:
			if len(a.Values) == 0 {
				continue
			}
			var text string
			s := cryptobyte.String(a.Values[0])
			if !readText(&s, &text) || !s.Empty() {
				return malformed("attribute " + a.OID)
			}
			if a.OID == OIDChallengePassword {
				c.ChallengePassword = text
			} else {
				c.UnstructuredName = text
			}
		case OIDExtensionRequest, OIDMSExtensionRequest:
			for _, v := range a.Values {
				if err := c.addExtensions(v); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// addExtensions takes the extensions of one request attribute. An extension may
// be named under both identifiers only if it is the same.
func (c *CSR) addExtensions(der []byte) error {
	list, err := ParseExtensions(der)
	if err != nil {
		return err
	}
	if c.Extensions == nil {
		c.Extensions = list
		return nil
	}
	for _, e := range list {
		old := c.Extension(e.OID)
		if old == nil {
			c.Extensions = append(c.Extensions, e)
		} else if old.Critical != e.Critical || !bytes.Equal(old.Value, e.Value) {
			return malformed("extension " + e.OID + " requested twice, differently")
		}
	}
	return nil
}

// CheckSignature proves possession of the key (RFC 2986 section 3): it verifies
// the request's signature with the key inside it. ErrUnsupported for a key or
// algorithm that we do not know, ErrWeakSignature for SHA-1, ErrSignature
// otherwise.
func (c *CSR) CheckSignature() error { return c.check(false) }

// CheckSignatureSHA1 is CheckSignature that also takes SHA-1 signatures, for
// legacy SCEP clients.
func (c *CSR) CheckSignatureSHA1() error { return c.check(true) }

func (c *CSR) check(allowSHA1 bool) error {
	if c.KeyErr != nil {
		return c.KeyErr
	}
	if c.AlgorithmErr != nil {
		return c.AlgorithmErr
	}
	return Verify(c.Algorithm, c.PublicKey, c.RawTBS, c.Signature, allowSHA1)
}
