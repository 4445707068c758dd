package jws_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/wire/jws"
)

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// RFC 7638 section 3.1.
func TestThumbprint(t *testing.T) {
	k, err := jws.ParseKey([]byte(`{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`))
	if err != nil || k.Thumbprint != "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" {
		t.Errorf("%+v %v", k, err)
	}
}

type signer struct {
	alg, jwk string
	sign     func(in []byte) []byte
}

func es256(t testing.TB) signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pt, _ := key.PublicKey.Bytes()
	return signer{"ES256", fmt.Sprintf(`{"kty":"EC","crv":"P-256","x":"%s","y":"%s"}`, b64(pt[1:33]), b64(pt[33:])), func(in []byte) []byte {
		sum := sha256.Sum256(in)
		r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		out := make([]byte, 64)
		r.FillBytes(out[:32])
		s.FillBytes(out[32:])
		return out
	}}
}

func others(t testing.TB) []signer {
	t.Helper()
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	jwk := fmt.Sprintf(`{"kty":"RSA","n":"%s","e":"AQAB"}`, b64(r.N.Bytes()))
	pub, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return []signer{
		{"RS256", jwk, func(in []byte) []byte {
			sum := sha256.Sum256(in)
			s, _ := rsa.SignPKCS1v15(nil, r, crypto.SHA256, sum[:])
			return s
		}},
		{"PS256", jwk, func(in []byte) []byte {
			sum := sha256.Sum256(in)
			s, _ := rsa.SignPSS(rand.Reader, r, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
			return s
		}},
		{"EdDSA", `{"kty":"OKP","crv":"Ed25519","x":"` + b64(pub) + `"}`, func(in []byte) []byte { return ed25519.Sign(ed, in) }},
	}
}

func (s signer) message(header, payload string) []byte {
	h, p := b64([]byte(header)), b64([]byte(payload))
	return []byte(fmt.Sprintf(`{"protected":"%s","payload":"%s","signature":"%s"}`, h, p, b64(s.sign([]byte(h+"."+p)))))
}

func TestVerify(t *testing.T) {
	for _, s := range append(others(t), es256(t)) {
		header := fmt.Sprintf(`{"alg":"%s","jwk":%s,"nonce":"n","url":"https://ca.example/x"}`, s.alg, s.jwk)
		m, err := jws.Parse(s.message(header, `{"a":1}`))
		if err != nil || m.URL != "https://ca.example/x" || m.Nonce != "n" || string(m.Payload) != `{"a":1}` {
			t.Fatalf("%s: %+v %v", s.alg, m, err)
		}
		if err := m.Verify(m.Key); err != nil {
			t.Errorf("%s: %v", s.alg, err)
		}
		if got := jws.Thumbprint(m.Key.Public); got != m.Key.Thumbprint {
			t.Errorf("%s: thumbprint %s of the public key, %s of the JWK", s.alg, got, m.Key.Thumbprint)
		}
		if err := m.Verify(mustKey(t, es256(t).jwk)); err == nil {
			t.Errorf("%s: another key verifies", s.alg)
		}
		forged, err := jws.Parse([]byte(strings.Replace(string(s.message(header, `{"a":1}`)), b64([]byte(`{"a":1}`)), b64([]byte(`{"a":2}`)), 1)))
		if err != nil {
			t.Fatal(err)
		}
		if err := forged.Verify(forged.Key); err == nil {
			t.Errorf("%s: a changed payload verifies", s.alg)
		}
	}
}

func mustKey(t testing.TB, jwk string) *jws.Key {
	t.Helper()
	k, err := jws.ParseKey([]byte(jwk))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestMAC(t *testing.T) {
	s := signer{sign: func(in []byte) []byte {
		m := hmac.New(sha256.New, []byte("secret"))
		m.Write(in)
		return m.Sum(nil)
	}}
	m, err := jws.Parse(s.message(`{"alg":"HS256","kid":"k","url":"u"}`, `{}`))
	if err != nil {
		t.Fatal(err)
	}
	if m.VerifyMAC([]byte("secret")) != nil || m.VerifyMAC([]byte("other")) == nil || m.VerifyMAC(nil) == nil {
		t.Error("MAC")
	}
	if m.Verify(mustKey(t, es256(t).jwk)) == nil {
		t.Error("a MAC passes for a signature")
	}
}

func TestRefused(t *testing.T) {
	s := es256(t)
	good := `"jwk":` + s.jwk
	for name, c := range map[string]struct{ body, code string }{
		"no JSON":         {"x", jws.Malformed},
		"array":           {"[]", jws.Malformed},
		"trailing":        {string(s.message(`{"alg":"ES256",`+good+`}`, "")) + "{}", jws.Malformed},
		"unprotected":     {`{"header":{},"protected":"","payload":"","signature":""}`, jws.Malformed},
		"signatures":      {`{"signatures":[],"payload":""}`, jws.Malformed},
		"no payload":      {`{"protected":"e30","signature":""}`, jws.Malformed},
		"padding":         {`{"protected":"e30=","payload":"","signature":""}`, jws.Malformed},
		"twice":           {`{"protected":"e30","protected":"e30","payload":"","signature":""}`, jws.Malformed},
		"no alg":          {string(s.message(`{`+good+`}`, "")), jws.Malformed},
		"none":            {string(s.message(`{"alg":"none",`+good+`}`, "")), jws.BadAlgorithm},
		"crit":            {string(s.message(`{"alg":"ES256","crit":["x"],`+good+`}`, "")), jws.Malformed},
		"b64":             {string(s.message(`{"alg":"ES256","b64":false,`+good+`}`, "")), jws.Malformed},
		"both":            {string(s.message(`{"alg":"ES256","kid":"x",`+good+`}`, "")), jws.Malformed},
		"neither":         {string(s.message(`{"alg":"ES256"}`, "")), jws.Malformed},
		"kid null":        {string(s.message(`{"alg":"ES256","kid":null}`, "")), jws.Malformed},
		"private":         {string(s.message(`{"alg":"ES256","jwk":{"kty":"EC","d":"AA"}}`, "")), jws.BadKey},
		"short RSA":       {string(s.message(`{"alg":"RS256","jwk":{"kty":"RSA","e":"AQAB","n":"`+b64(append([]byte{0x80}, make([]byte, 127)...))+`"}}`, "")), jws.BadKey},
		"long RSA":        {string(s.message(`{"alg":"RS256","jwk":{"kty":"RSA","e":"AQAB","n":"`+b64(append([]byte{0x80}, make([]byte, 1100)...))+`"}}`, "")), jws.BadKey},
		"exponent":        {string(s.message(`{"alg":"RS256","jwk":{"kty":"RSA","e":"Aw","n":"`+b64(append([]byte{0x80}, make([]byte, 255)...))+`"}}`, "")), jws.BadKey},
		"off the curve":   {string(s.message(`{"alg":"ES256","jwk":{"kty":"EC","crv":"P-256","x":"`+b64(make([]byte, 32))+`","y":"`+b64(make([]byte, 32))+`"}}`, "")), jws.BadKey},
		"unknown curve":   {string(s.message(`{"alg":"ES256","jwk":{"kty":"EC","crv":"secp256k1"}}`, "")), jws.BadKey},
		"symmetric":       {string(s.message(`{"alg":"HS256","jwk":{"kty":"oct","k":"AA"}}`, "")), jws.BadKey},
		"header no JSON":  {string(s.message(`alg`, "")), jws.Malformed},
		"alg of a number": {string(s.message(`{"alg":1,`+good+`}`, "")), jws.Malformed},
	} {
		_, err := jws.Parse([]byte(c.body))
		var e *jws.Error
		if !errors.As(err, &e) || e.Code != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	m, err := jws.Parse(s.message(`{"alg":"ES384",`+good+`}`, ""))
	if err != nil {
		t.Fatal(err)
	}
	var e *jws.Error
	if err := m.Verify(m.Key); !errors.As(err, &e) || e.Code != jws.BadAlgorithm {
		t.Errorf("an algorithm that does not fit the key: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	s := es256(f)
	f.Add(s.message(`{"alg":"ES256","jwk":`+s.jwk+`,"nonce":"n","url":"u"}`, `{}`))
	f.Add([]byte(`{"protected":"e30","payload":"","signature":""}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := jws.Parse(b)
		if err != nil {
			return
		}
		if m.Key != nil {
			_ = m.Verify(m.Key)
		}
	})
}

// TestLeadingZeros is RFC 8555 section 8.1: a zero octet before a number would
// give the key a second thumbprint.
func TestLeadingZeros(t *testing.T) {
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for zeros, good := range map[string]bool{"": true, "\x00": false} {
		for _, jwk := range []string{
			fmt.Sprintf(`{"kty":"RSA","n":"%s","e":"AQAB"}`, b64(append([]byte(zeros), r.N.Bytes()...))),
			fmt.Sprintf(`{"kty":"RSA","n":"%s","e":"%s"}`, b64(r.N.Bytes()), b64([]byte(zeros+"\x01\x00\x01"))),
		} {
			if _, err := jws.ParseKey([]byte(jwk)); (err == nil) != good {
				t.Errorf("%q: %v", zeros, err)
			}
		}
	}
}
