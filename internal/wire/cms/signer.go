package cms

import (
	"bytes"
	"math/big"

	"github.com/certwright/certwright/internal/wire/x509x"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// findSigner returns the certificate that id names, and its
// SubjectPublicKeyInfo. It reads no more of the certificates than it must,
// because the self-signed ones of SCEP clients often break RFC 5280.
func findSigner(id Identity, lists ...[][]byte) (cert, spki []byte) {
	for _, list := range lists {
		for _, der := range list {
			h, ok := readCertHead(der)
			if !ok {
				continue
			}
			if id.KeyID != nil && bytes.Equal(h.keyID, id.KeyID) ||
				id.KeyID == nil && h.id.Serial.Cmp(id.Serial) == 0 && bytes.Equal(h.id.Issuer, id.Issuer) {
				return der, h.spki
			}
		}
	}
	return nil, nil
}

// certHead is the part of a certificate that names it and its key.
type certHead struct {
	id    Identity
	keyID []byte
	spki  []byte
}

// readCertHead reads a certificate up to its extensions (RFC 5280 4.1).
func readCertHead(der []byte) (h certHead, ok bool) {
	var cert, tbs, issuer, spki, extensions cryptobyte.String
	var hasExtensions bool
	h.id.Serial = new(big.Int)
	s := cryptobyte.String(der)
	ok = s.ReadASN1(&cert, asn1.SEQUENCE) && cert.ReadASN1(&tbs, asn1.SEQUENCE) &&
		tbs.SkipOptionalASN1(context(0)) && tbs.ReadASN1Integer(h.id.Serial) &&
		tbs.SkipASN1(asn1.SEQUENCE) && tbs.ReadASN1Element(&issuer, asn1.SEQUENCE) &&
		tbs.SkipASN1(asn1.SEQUENCE) && tbs.SkipASN1(asn1.SEQUENCE) &&
		tbs.ReadASN1Element(&spki, asn1.SEQUENCE) &&
		tbs.SkipOptionalASN1(asn1.Tag(1).ContextSpecific()) && tbs.SkipOptionalASN1(asn1.Tag(2).ContextSpecific()) &&
		tbs.ReadOptionalASN1(&extensions, &hasExtensions, context(3)) && tbs.Empty()
	if !ok {
		return h, false
	}
	h.id.Issuer, h.spki = issuer, spki
	if !hasExtensions {
		return h, true
	}
	list, err := x509x.ParseExtensions(extensions)
	if err != nil {
		return h, true
	}
	if e := x509x.FindExtension(list, x509x.OIDSubjectKeyID); e != nil {
		if id, err := x509x.ParseSubjectKeyID(e.Value); err == nil {
			h.keyID = id
		}
	}
	return h, true
}
