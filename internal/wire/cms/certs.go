package cms

import (
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/certwright/certwright/internal/wire/x509x"
)

// CertsOnly returns a degenerate SignedData that carries DER certificates in
// the order given (RFC 5652 5.1, RFC 8894 3.4, RFC 7030 4.1.3).
func CertsOnly(certs ...[]byte) []byte { return Degenerate(certs, nil) }

// Degenerate returns a SignedData without content and signers that carries DER
// certificates and CRLs in the order given.
func Degenerate(certs, crls [][]byte) []byte {
	size := 64
	for _, list := range [][][]byte{certs, crls} {
		for _, der := range list {
			size += len(der)
		}
	}
	b := cryptobyte.NewBuilder(make([]byte, 0, size))
	addContentInfo(b, OIDSignedData, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(1)
			b.AddASN1(asn1.SET, func(*cryptobyte.Builder) {})
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { x509x.AddOID(b, OIDData) })
			addRaw(b, context(0), certs)
			addRaw(b, context(1), crls)
			b.AddASN1(asn1.SET, func(*cryptobyte.Builder) {})
		})
	})
	return b.BytesOrPanic() // nothing above can fail
}

// addRaw adds the elements under the tag, nothing when there are none.
func addRaw(b *cryptobyte.Builder, tag asn1.Tag, list [][]byte) {
	if len(list) == 0 {
		return
	}
	b.AddASN1(tag, func(b *cryptobyte.Builder) {
		for _, der := range list {
			b.AddBytes(der)
		}
	})
}

// ParseCertsOnly returns the certificates of a SignedData, degenerate or not,
// each as DER, in the order found. Input may be BER. The signatures are not
// looked at; attribute certificates are read over.
func ParseCertsOnly(ber []byte) ([][]byte, error) {
	certs, _, err := ParseDegenerate(ber)
	return certs, err
}

// ParseDegenerate returns the certificates and CRLs of a SignedData.
func ParseDegenerate(ber []byte) (certs, crls [][]byte, err error) {
	seq, err := openContentInfo(ber, OIDSignedData)
	if err != nil {
		return nil, nil, err
	}
	var head signedHead
	if !head.read(&seq) {
		return nil, nil, malformed("signed data")
	}
	return head.certs, head.crls, nil
}

// signedHead is a SignedData up to its signers (RFC 5652 5.1).
type signedHead struct {
	contentType string
	content     []byte
	hasContent  bool
	certs, crls [][]byte
}

// read reads the head and leaves seq at the signerInfos.
func (h *signedHead) read(seq *cryptobyte.String) bool {
	var digests, encap, content, certs, crls cryptobyte.String
	var version int64
	if !seq.ReadASN1Integer(&version) || version < 0 || version > 5 ||
		!seq.ReadASN1(&digests, asn1.SET) || !seq.ReadASN1(&encap, asn1.SEQUENCE) ||
		!x509x.ReadOID(&encap, &h.contentType) ||
		!encap.ReadOptionalASN1(&content, &h.hasContent, context(0)) || !encap.Empty() {
		return false
	}
	if h.hasContent {
		var octets cryptobyte.String
		if !content.ReadASN1(&octets, asn1.OCTET_STRING) || !content.Empty() {
			return false
		}
		h.content = octets
	}
	if !seq.ReadOptionalASN1(&certs, nil, context(0)) || !seq.ReadOptionalASN1(&crls, nil, context(1)) {
		return false
	}
	return readSequences(certs, &h.certs) && readSequences(crls, &h.crls)
}

// readSequences collects the SEQUENCE elements and reads over the others, which
// are the tagged alternatives of CertificateChoices and RevocationInfoChoice.
func readSequences(s cryptobyte.String, out *[][]byte) bool {
	for !s.Empty() {
		var one cryptobyte.String
		var tag asn1.Tag
		if !s.ReadAnyASN1Element(&one, &tag) {
			return false
		}
		if tag == asn1.SEQUENCE {
			*out = append(*out, one)
		}
	}
	return true
}
