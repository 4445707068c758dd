// Package jws reads JSON Web Signatures as ACME uses them: the flattened JSON
// serialisation of RFC 7515 with one signature, a protected header only, and
// public keys as JWK (RFC 7517, 7518, 8037) with their thumbprint (RFC 7638).
//
// It is stricter than a general library: unknown critical parameters, an
// unprotected header, several signatures, repeated JSON members and keys that
// are weak or costly to verify with are refused before anything is computed.
package jws

import (
	"crypto"
	"crypto/hmac"
	"encoding/base64"
	"slices"
)

// MaxBody is the largest message that Parse reads, in octets.
const MaxBody = 256 << 10

// Codes of errors, the words of RFC 8555 section 6.7.
const (
	Malformed    = "malformed"
	BadAlgorithm = "badSignatureAlgorithm"
	BadKey       = "badPublicKey"
)

// Error says what is wrong with a message. Detail may be shown.
type Error struct {
	Code   string
	Detail string
}

// Error implements error.
func (e *Error) Error() string { return e.Code + ": " + e.Detail }

func malformed(detail string) error { return &Error{Malformed, detail} }

// Algorithms are the signature algorithms that Verify knows (RFC 7518 section
// 3.1, RFC 8037), the preferred ones first.
func Algorithms() []string {
	return []string{"ES256", "ES384", "ES512", "EdDSA", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
}

// Message is a message whose signature has not been checked.
type Message struct {
	Algorithm string
	Key       *Key   // from "jwk"; nil: none
	KeyID     string // "kid"
	URL       string
	Nonce     string // as sent; empty: none
	HasNonce  bool
	Payload   []byte

	input     []byte // what is signed
	signature []byte
}

// Parse reads a message. Exactly one of Key and KeyID is set.
func Parse(body []byte) (*Message, error) {
	if len(body) > MaxBody {
		return nil, malformed("the message is too large")
	}
	top, err := members(body)
	if err != nil {
		return nil, err
	}
	if _, ok := top["header"]; ok {
		return nil, malformed(`the JWS has an unprotected "header"; everything belongs into "protected"`)
	}
	if _, ok := top["signatures"]; ok {
		return nil, malformed(`the JWS has "signatures"; exactly one "signature" is expected`)
	}
	var text [3]string
	var raw [3][]byte
	for i, name := range []string{"protected", "payload", "signature"} {
		v, ok := top[name]
		if !ok {
			return nil, malformed("the JWS has no " + name)
		}
		if text[i], err = stringOf(v); err != nil {
			return nil, malformed("the member " + name + " of the JWS is no string")
		}
		if raw[i], err = base64.RawURLEncoding.Strict().DecodeString(text[i]); err != nil {
			return nil, malformed("the member " + name + " of the JWS is not base64url without padding")
		}
	}
	m := &Message{Payload: raw[1], signature: raw[2]}
	m.input = append(append(append(make([]byte, 0, len(text[0])+1+len(text[1])), text[0]...), '.'), text[1]...)
	return m, m.header(raw[0])
}

// header reads the protected header.
func (m *Message) header(raw []byte) error {
	h, err := members(raw)
	if err != nil {
		return err
	}
	if _, ok := h["crit"]; ok {
		return malformed("the header names critical parameters, none of which is understood")
	}
	if v, ok := h["b64"]; ok && string(v) != "true" {
		return malformed("payloads that are not base64url (b64) are not understood")
	}
	for name, dst := range map[string]*string{"alg": &m.Algorithm, "kid": &m.KeyID, "url": &m.URL, "nonce": &m.Nonce} {
		v, ok := h[name]
		if !ok {
			continue
		}
		if *dst, err = stringOf(v); err != nil || string(v) == "null" {
			return malformed("the header's " + name + " is no string")
		}
	}
	_, m.HasNonce = h["nonce"]
	_, hasKid := h["kid"]
	jwk, hasKey := h["jwk"]
	switch {
	case m.Algorithm == "":
		return malformed("the header has no alg")
	case !slices.Contains(Algorithms(), m.Algorithm) && !isMAC(m.Algorithm):
		return &Error{BadAlgorithm, "the signature algorithm is not one of those supported"}
	case hasKid && hasKey:
		return malformed("the header has both jwk and kid")
	case !hasKid && !hasKey:
		return malformed("the header has neither jwk nor kid")
	case hasKey:
		m.Key, err = ParseKey(jwk)
		return err
	}
	return nil
}

// Verify checks the signature with a public key. The algorithm must fit the
// key (RFC 7518 section 3, RFC 8037 section 3.1).
func (m *Message) Verify(k *Key) error {
	if !slices.Contains(k.Algorithms(), m.Algorithm) {
		return &Error{BadAlgorithm, "the signature algorithm " + m.Algorithm + " does not fit the key"}
	}
	if !k.verify(m.Algorithm, m.input, m.signature) {
		return malformed("the signature of the JWS is wrong")
	}
	return nil
}

// macHash knows the MAC algorithms of external account binding (RFC 8555 section
// 7.3.4 with RFC 7518 section 3.2).
func macHash(alg string) (crypto.Hash, bool) {
	switch alg {
	case "HS256":
		return crypto.SHA256, true
	case "HS384":
		return crypto.SHA384, true
	case "HS512":
		return crypto.SHA512, true
	}
	return 0, false
}

func isMAC(alg string) bool { _, ok := macHash(alg); return ok }

// VerifyMAC checks a message whose algorithm is HS256, HS384 or HS512.
func (m *Message) VerifyMAC(key []byte) error {
	h, ok := macHash(m.Algorithm)
	if !ok {
		return &Error{BadAlgorithm, "a MAC is expected: HS256, HS384 or HS512"}
	}
	mac := hmac.New(h.New, key)
	mac.Write(m.input)
	if len(key) == 0 || !hmac.Equal(mac.Sum(nil), m.signature) {
		return malformed("the MAC is wrong")
	}
	return nil
}
