package keystore

import (
	"bytes"
	"crypto"

	"github.com/certwright/certwright/internal/wire/x509x"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// head is the part of a certificate that links it to its issuer and its key.
type head struct{ issuer, subject, spki []byte }

// readHead reads a certificate up to its key (RFC 5280 4.1). Like a browser it
// does not mind what is wrong further on.
func readHead(der []byte) (head, bool) {
	var cert, tbs, issuer, subject, spki cryptobyte.String
	s := cryptobyte.String(der)
	ok := s.ReadASN1(&cert, asn1.SEQUENCE) && s.Empty() && cert.ReadASN1(&tbs, asn1.SEQUENCE) &&
		tbs.SkipOptionalASN1(asn1.Tag(0).ContextSpecific().Constructed()) && tbs.SkipASN1(asn1.INTEGER) &&
		tbs.SkipASN1(asn1.SEQUENCE) && tbs.ReadASN1Element(&issuer, asn1.SEQUENCE) &&
		tbs.SkipASN1(asn1.SEQUENCE) && tbs.ReadASN1Element(&subject, asn1.SEQUENCE) &&
		tbs.ReadASN1Element(&spki, asn1.SEQUENCE)
	return head{issuer, subject, spki}, ok
}

// firstElement drops what follows the first DER element: OpenSSL's "TRUSTED
// CERTIFICATE" has trust settings after the certificate.
func firstElement(der []byte) []byte {
	var one cryptobyte.String
	s := cryptobyte.String(der)
	if !s.ReadASN1Element(&one, asn1.SEQUENCE) {
		return der
	}
	return one
}

// publicOf returns the public half of a private key, nil when it has none.
func publicOf(key crypto.PrivateKey) crypto.PublicKey {
	if k, ok := key.(interface{ Public() crypto.PublicKey }); ok {
		return k.Public()
	}
	return nil
}

// belongs reports whether the certificate with that head is for the key.
func belongs(h head, key crypto.PrivateKey) bool {
	pub, err := x509x.ParsePublicKey(h.spki)
	if err != nil {
		return false
	}
	k, ok := pub.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(publicOf(key))
}

// group makes one entry for each key, with the chain that its certificate
// begins, and one for the certificates left over.
func group(keys []crypto.PrivateKey, certs [][]byte) []Entry {
	heads := make([]head, len(certs))
	for i := range certs {
		heads[i], _ = readHead(certs[i])
	}
	var entries []Entry
	used := make([]bool, len(certs))
	for _, key := range keys {
		e := Entry{Key: key}
		for i := range certs {
			if belongs(heads[i], key) {
				e.Chain = chainFrom(i, certs, heads, used)
				break
			}
		}
		entries = append(entries, e)
	}
	var rest [][]byte
	for i := range certs {
		if !used[i] {
			rest = append(rest, certs[i])
		}
	}
	if len(rest) > 0 {
		entries = append(entries, Entry{Chain: rest})
	}
	return entries
}

// chainFrom follows the issuers from certificate i and marks what it used.
func chainFrom(i int, certs [][]byte, heads []head, used []bool) [][]byte {
	var chain [][]byte
	in := make([]bool, len(certs))
	for i >= 0 {
		chain, used[i], in[i] = append(chain, certs[i]), true, true
		next := -1
		for j := range certs {
			if !in[j] && len(heads[i].issuer) > 0 && bytes.Equal(heads[j].subject, heads[i].issuer) &&
				!bytes.Equal(heads[i].issuer, heads[i].subject) {
				next = j
				break
			}
		}
		i = next
	}
	return chain
}
