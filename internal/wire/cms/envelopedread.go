package cms

import (
	"github.com/certwright/certwright/internal/wire/x509x"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// maxRecipients bounds the recipients of a message. The micromdm client
// encrypts to every certificate of the CA chain.
const maxRecipients = 64

// Enveloped is an EnvelopedData that was read but not opened (RFC 5652 section
// 6).
type Enveloped struct {
	// ContentType is what is inside.
	ContentType string
	// Cipher is the content encryption, so that a reply can use the same.
	Cipher     ContentCipher
	iv         []byte
	ciphertext []byte
	recipients []recipientInfo
}

// recipientInfo is one KeyTransRecipientInfo, or one key of a
// KeyAgreeRecipientInfo.
type recipientInfo struct {
	id        Identity
	agreement *agreement // nil for key transport
	oid       string     // key encryption algorithm
	params    cryptobyte.String
	encrypted []byte
}

// agreement is what the keys of a KeyAgreeRecipientInfo share.
type agreement struct {
	point []byte // of the originator
	ukm   []byte
}

// ParseEnveloped reads a ContentInfo with EnvelopedData, BER or DER. An unknown
// cipher is ErrUnsupported. Recipients of kinds that we do not know (KEK,
// password) are read over.
func ParseEnveloped(ber []byte) (*Enveloped, error) {
	seq, err := openContentInfo(ber, OIDEnvelopedData)
	if err != nil {
		return nil, err
	}
	var originator, recipients, encrypted cryptobyte.String
	var version int64
	if !seq.ReadASN1Integer(&version) || version < 0 || version > 4 ||
		!seq.ReadOptionalASN1(&originator, nil, context(0)) ||
		!seq.ReadASN1(&recipients, asn1.SET) || recipients.Empty() ||
		!seq.ReadASN1(&encrypted, asn1.SEQUENCE) {
		return nil, malformed("enveloped data")
	}
	e := &Enveloped{}
	for !recipients.Empty() {
		if len(e.recipients) >= maxRecipients || !e.readRecipient(&recipients) {
			return nil, malformed("recipient")
		}
	}
	if !x509x.ReadOID(&encrypted, &e.ContentType) {
		return nil, malformed("encrypted content")
	}
	if e.Cipher, e.iv, err = readCipher(&encrypted); err != nil {
		return nil, err
	}
	if !e.readCiphertext(&encrypted) || !encrypted.Empty() {
		return nil, malformed("encrypted content")
	}
	return e, nil
}

// readCiphertext reads the [0] IMPLICIT OCTET STRING, whose constructed form
// NormaliseBER cannot know.
func (e *Enveloped) readCiphertext(s *cryptobyte.String) bool {
	var body cryptobyte.String
	if s.PeekASN1Tag(asn1.Tag(0).ContextSpecific()) {
		ok := s.ReadASN1(&body, asn1.Tag(0).ContextSpecific())
		e.ciphertext = body
		return ok
	}
	if !s.ReadASN1(&body, context(0)) {
		return false
	}
	for !body.Empty() {
		var part cryptobyte.String
		if !body.ReadASN1(&part, asn1.OCTET_STRING) {
			return false
		}
		e.ciphertext = append(e.ciphertext, part...)
	}
	return true
}

// readRecipient reads one RecipientInfo (RFC 5652 6.2).
func (e *Enveloped) readRecipient(s *cryptobyte.String) bool {
	var body, encrypted cryptobyte.String
	var tag asn1.Tag
	var version int64
	if !s.ReadAnyASN1(&body, &tag) {
		return false
	}
	switch tag {
	case asn1.SEQUENCE:
		var r recipientInfo
		if !body.ReadASN1Integer(&version) || !readRecipientID(&body, &r.id, asn1.Tag(0).ContextSpecific()) ||
			!readAlgorithm(&body, &r.oid, &r.params) || !body.ReadASN1(&encrypted, asn1.OCTET_STRING) || !body.Empty() {
			return false
		}
		r.encrypted = encrypted
		e.recipients = append(e.recipients, r)
		return true
	case context(1):
		return e.readAgreement(body)
	}
	return true
}

// readRecipientID reads IssuerAndSerialNumber, or a key identifier under the
// tag.
func readRecipientID(s *cryptobyte.String, id *Identity, tag asn1.Tag) bool {
	if !s.PeekASN1Tag(tag) {
		return readIssuerAndSerial(s, id)
	}
	var keyID cryptobyte.String
	ok := s.ReadASN1(&keyID, tag)
	id.KeyID = keyID
	return ok
}

// readAgreement reads the contents of a KeyAgreeRecipientInfo; one with a
// static originator is read over, as its key would be in a certificate.
func (e *Enveloped) readAgreement(body cryptobyte.String) bool {
	var originator, originatorKey, wrapped, octets, keys, params cryptobyte.String
	var version int64
	var hasUKM bool
	var oid string
	if !body.ReadASN1Integer(&version) || version != 3 || !body.ReadASN1(&originator, context(0)) ||
		!body.ReadOptionalASN1(&wrapped, &hasUKM, context(1)) ||
		!readAlgorithm(&body, &oid, &params) || !body.ReadASN1(&keys, asn1.SEQUENCE) || !body.Empty() {
		return false
	}
	shared := &agreement{}
	if hasUKM {
		if !wrapped.ReadASN1(&octets, asn1.OCTET_STRING) || !wrapped.Empty() {
			return false
		}
		shared.ukm = octets
	}
	if !originator.PeekASN1Tag(context(1)) {
		return true
	}
	var keyOID string
	var keyParams cryptobyte.String
	if !originator.ReadASN1(&originatorKey, context(1)) || !originator.Empty() ||
		!readAlgorithm(&originatorKey, &keyOID, &keyParams) || keyOID != x509x.OIDKeyEC ||
		!originatorKey.ReadASN1BitStringAsBytes(&shared.point) || !originatorKey.Empty() {
		return false
	}
	for !keys.Empty() {
		var one, encrypted cryptobyte.String
		r := recipientInfo{agreement: shared, oid: oid, params: params}
		if len(e.recipients) >= maxRecipients || !keys.ReadASN1(&one, asn1.SEQUENCE) ||
			!readAgreementID(&one, &r.id) || !one.ReadASN1(&encrypted, asn1.OCTET_STRING) || !one.Empty() {
			return false
		}
		r.encrypted = encrypted
		e.recipients = append(e.recipients, r)
	}
	return true
}

// readAgreementID reads a KeyAgreeRecipientIdentifier (RFC 5652 6.2.2).
func readAgreementID(s *cryptobyte.String, id *Identity) bool {
	if !s.PeekASN1Tag(context(0)) {
		return readIssuerAndSerial(s, id)
	}
	var key, keyID cryptobyte.String
	ok := s.ReadASN1(&key, context(0)) && key.ReadASN1(&keyID, asn1.OCTET_STRING)
	id.KeyID = keyID
	return ok
}
