package ca

import (
	"crypto"
	"errors"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/certwright/certwright/internal/wire/x509x"
)

// Limits of an OCSP request. Clients send one entry; a handful is not unheard
// of.
const (
	MaxOCSPRequest = 16 << 10
	maxOCSPEntries = 32
	maxNonce       = 128 // RFC 9654 section 2.1
)

const (
	oidOCSPNonce    = "1.3.6.1.5.5.7.48.1.2"
	oidOCSPLocator  = "1.3.6.1.5.5.7.48.1.7"
	oidOCSPPrefAlgs = "1.3.6.1.5.5.7.48.1.8"
	oidOCSPAnswers  = "1.3.6.1.5.5.7.48.1.4"
	oidOCSPBasic    = "1.3.6.1.5.5.7.48.1.1"
)

var errOCSPMalformed = errors.New("malformed OCSP request")

// ocspRequest is what matters of an OCSPRequest (RFC 6960 section 4.1.1).
type ocspRequest struct {
	entries []certID
	nonce   []byte // extnValue contents: the OCTET STRING to echo; nil: none
}

// certID names a certificate by its issuer and serial.
type certID struct {
	raw     []byte // as sent: the answer repeats it octet by octet
	hash    crypto.Hash
	name    []byte // hash of the issuer's Name
	key     []byte // hash of the issuer's key bits
	serial  []byte // contents octets of the INTEGER
	unknown bool   // a hash algorithm that we do not know
}

func context0(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific().Constructed() }

// parseOCSPRequest reads a DER OCSPRequest. A signature of the requester, which
// RFC 6960 section 4.1.2 makes optional, is read over: whoever asks gets an
// answer.
func parseOCSPRequest(der []byte) (*ocspRequest, error) {
	if len(der) > MaxOCSPRequest {
		return nil, errOCSPMalformed
	}
	var outer, tbs, signature, requestor, list, extensions cryptobyte.String
	var version int64
	var hasExtensions bool
	s := cryptobyte.String(der)
	if !s.ReadASN1(&outer, asn1.SEQUENCE) || !s.Empty() ||
		!outer.ReadASN1(&tbs, asn1.SEQUENCE) ||
		!outer.ReadOptionalASN1(&signature, nil, context0(0)) || !outer.Empty() ||
		!tbs.ReadOptionalASN1Integer(&version, context0(0), int64(0)) || version != 0 ||
		!tbs.ReadOptionalASN1(&requestor, nil, context0(1)) ||
		!tbs.ReadASN1(&list, asn1.SEQUENCE) ||
		!tbs.ReadOptionalASN1(&extensions, &hasExtensions, context0(2)) || !tbs.Empty() || list.Empty() {
		return nil, errOCSPMalformed
	}
	r := &ocspRequest{}
	for !list.Empty() {
		id, ok := readOCSPEntry(&list)
		if !ok || len(r.entries) == maxOCSPEntries {
			return nil, errOCSPMalformed
		}
		r.entries = append(r.entries, id)
	}
	if hasExtensions && !r.readExtensions(extensions) {
		return nil, errOCSPMalformed
	}
	return r, nil
}

// readOCSPEntry reads one Request: CertID and optional extensions, of which
// only unknown critical ones matter.
func readOCSPEntry(list *cryptobyte.String) (certID, bool) {
	var entry, extensions cryptobyte.String
	var has bool
	var id certID
	if !list.ReadASN1(&entry, asn1.SEQUENCE) || !readCertID(&entry, &id) ||
		!entry.ReadOptionalASN1(&extensions, &has, context0(0)) || !entry.Empty() {
		return id, false
	}
	if has {
		parsed, err := x509x.ParseExtensions(extensions)
		if err != nil {
			return id, false
		}
		for _, x := range parsed {
			if x.Critical && x.OID != oidOCSPLocator {
				return id, false
			}
		}
	}
	return id, true
}

// readCertID reads a CertID (RFC 6960 section 4.1.1).
func readCertID(entry *cryptobyte.String, id *certID) bool {
	var raw, body, alg, name, key, serial cryptobyte.String
	if !entry.ReadASN1Element(&raw, asn1.SEQUENCE) {
		return false
	}
	id.raw = raw
	if !raw.ReadASN1(&body, asn1.SEQUENCE) || !body.ReadASN1Element(&alg, asn1.SEQUENCE) ||
		!body.ReadASN1(&name, asn1.OCTET_STRING) || !body.ReadASN1(&key, asn1.OCTET_STRING) ||
		!body.ReadASN1(&serial, asn1.INTEGER) || !body.Empty() || len(serial) == 0 || len(serial) > 21 {
		return false
	}
	id.name, id.key, id.serial = name, key, serial
	hash, err := x509x.ParseDigest(alg)
	switch {
	case errors.Is(err, x509x.ErrUnsupported):
		id.unknown = true
	case err != nil || len(name) != hash.Size() || len(key) != hash.Size():
		return false
	}
	id.hash = hash
	return true
}

// readExtensions reads the requestExtensions. A nonce of no or of more than 128
// octets makes the request malformed (RFC 9654 section 2.1).
func (r *ocspRequest) readExtensions(der cryptobyte.String) bool {
	list, err := x509x.ParseExtensions(der)
	if err != nil {
		return false
	}
	for _, x := range list {
		switch x.OID {
		case oidOCSPNonce:
			var nonce cryptobyte.String
			v := cryptobyte.String(x.Value)
			if !v.ReadASN1(&nonce, asn1.OCTET_STRING) || !v.Empty() || len(nonce) == 0 || len(nonce) > maxNonce {
				return false
			}
			r.nonce = x.Value
		case oidOCSPAnswers, oidOCSPPrefAlgs, oidOCSPLocator:
		default:
			if x.Critical {
				return false
			}
		}
	}
	return true
}
