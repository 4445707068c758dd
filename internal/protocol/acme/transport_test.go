package acme_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/certwright/certwright/internal/core"
)

// TestMethods is RFC 8555 section 6.3: what is read with GET and what is not.
func TestMethods(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{Control: core.ACMETrusted}, func(c *core.Credential) { c.Default = true }))
		certs, o := c.issue("a.example.internal")
		z := into[authzDoc](t, c.post(o.Authorizations[0], "").want(t, 200, ""))
		signed := []string{"new-account", "new-order", "new-authz", "revoke-cert", "key-change", c.kid, c.kid + "/orders", o.Finalize,
			strings.TrimSuffix(o.Finalize, "/finalize"), o.Authorizations[0], z.Challenges[0].URL, o.Certificate}
		for path, allow := range map[string]string{"directory": "GET, HEAD, POST", "new-nonce": "HEAD, GET, POST", "renewal-info/" + certID(certs[0]): "GET, HEAD"} {
			for _, m := range []string{"PUT", "DELETE", "PATCH"} {
				if a := c.send(m, c.base+path, "", "").want(t, 405, "malformed"); a.header.Get("Allow") != allow {
					t.Errorf("%s %s: Allow %q", m, path, a.header.Get("Allow"))
				}
			}
			a := c.send(http.MethodGet, c.base+path, "", "")
			if a.status >= 300 {
				t.Errorf("GET %s: %d", path, a.status)
			}
		}
		for _, u := range signed {
			if !strings.HasPrefix(u, "http") {
				u = c.base + u
			}
			for _, m := range []string{"GET", "PUT"} {
				if a := c.send(m, u, "", "").want(t, 405, "malformed"); a.header.Get("Allow") != "POST" {
					t.Errorf("%s %s: Allow %q", m, u, a.header.Get("Allow"))
				}
			}
		}
	})
}

// TestPostAsGet is RFC 8555 section 6.3: reading takes a signature, and the two
// resources that are read without one take it, too.
func TestPostAsGet(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{Control: core.ACMETrusted}, func(c *core.Credential) { c.Default = true }))
		_, o := c.issue("a.example.internal")
		plain := c.send(http.MethodGet, c.base+"directory", "", "")
		for _, u := range []string{c.base + "directory", w.URL + "/acme/directory"} {
			if a := c.post(u, "").want(t, 200, ""); string(a.body) != string(plain.body) || a.header.Get("Content-Type") != "application/json" {
				t.Errorf("%s: %s", u, a.body)
			}
			c.post(u, "", func(s *shape) { s.key = ecKey(t) }).want(t, 400, "malformed")
		}
		if a := c.post("new-nonce", "").want(t, 204, ""); len(a.body) != 0 || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%v %q", a.header, a.body)
		}
		c.post("new-nonce", "", func(s *shape) { s.key = ecKey(t) }).want(t, 400, "malformed")
		// Old clients send {} to read.
		order := strings.TrimSuffix(o.Finalize, "/finalize")
		for _, u := range []string{c.kid, c.kid + "/orders", order, o.Authorizations[0], o.Certificate} {
			empty, object := c.post(u, "").want(t, 200, ""), c.post(u, "{}").want(t, 200, "")
			if string(empty.body) != string(object.body) || len(empty.body) == 0 {
				t.Errorf("%s: %s, with {} %s", u, empty.body, object.body)
			}
			// Who reads is checked first, then whether he may.
			c.post(u, "", func(s *shape) { s.key = ecKey(t) }).want(t, 400, "malformed")
			c.post(u, "", func(s *shape) { delete(s.header, "kid"); s.header["jwk"] = json.RawMessage(jwkOf(c.key)) }).want(t, 400, "malformed")
		}
		c.post(order, `{"status":"valid"}`).want(t, 400, "malformed")
		c.post(o.Certificate, `{"x":1}`).want(t, 400, "malformed")
	})
}

// TestNonceUsedUp is RFC 8555 section 6.5: a nonce is gone once it was seen,
// whatever else was wrong, and a refusal brings one with which the same request
// goes through.
func TestNonceUsedUp(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{}))
		for name, change := range map[string]func(*shape){
			"forged":      func(s *shape) { s.key = ecKey(t) },
			"wrong url":   func(s *shape) { s.header["url"] = c.base + "new-order" },
			"unknown kid": func(s *shape) { s.header["kid"] = c.base + "acct/x" },
			"right":       func(*shape) {},
		} {
			nonce := c.nonce()
			c.post(c.kid, "", func(s *shape) { s.header["nonce"] = nonce }, change)
			a := c.post(c.kid, "", func(s *shape) { s.header["nonce"] = nonce })
			if a.status != 400 || !strings.HasSuffix(a.problem.Type, ":badNonce") {
				t.Errorf("%s: the nonce passed again: %d %+v", name, a.status, a.problem)
			}
			fresh := a.header.Get("Replay-Nonce")
			c.post(c.kid, "", func(s *shape) { s.header["nonce"] = fresh }).want(t, 200, "")
			c.pool = nil
		}
	})
}

// TestNonceForm is RFC 8555 section 6.5.1.
func TestNonceForm(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{}))
		c.pool = nil
		seen := map[string]bool{}
		for range 100 {
			n := c.nonce()
			raw, err := base64.RawURLEncoding.Strict().DecodeString(n)
			if err != nil || len(raw) < 16 || seen[n] {
				t.Fatalf("%q %v", n, err)
			}
			seen[n] = true
			seen[b64(raw[:12])] = true // they are not a counter with a fixed beginning
		}
		if len(seen) != 200 {
			t.Errorf("%d different nonces and beginnings of 200", len(seen))
		}
		c.post(c.kid, "", func(s *shape) { s.header["nonce"] = "AAAA=" }).want(t, 400, "malformed")
	})
}

// TestUTF8 is RFC 8555 section 5: what a client sends never makes an answer
// that is no UTF-8.
func TestUTF8(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{}))
		for _, payload := range []string{
			"{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a\xff.example.internal\"}]}",
			"{\"identifiers\":[{\"type\":\"\xff\",\"value\":\"a\"}]}",
			mustJSON(map[string]any{"identifiers": ids(strings.Repeat("ü", 400))}),
		} {
			if a := c.post("new-order", payload); a.status != 400 || !utf8.Valid(a.body) {
				t.Errorf("%d %q", a.status, a.body)
			}
		}
	})
}

// TestPadding is RFC 8555 section 6.1: base64url has no "=" at its end.
func TestPadding(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{Control: core.ACMETrusted}))
		o, url := c.order("a.example.internal")
		padded := ""
		for !strings.HasSuffix(padded, "=") {
			padded = base64.URLEncoding.EncodeToString(unb64(t, csr(t, ecKey(t), "", "a.example.internal")))
		}
		c.post(o.Finalize, mustJSON(map[string]string{"csr": padded})).want(t, 400, "badCSR")
		certs := c.finish(o, url, "a.example.internal")
		c.post("revoke-cert", mustJSON(map[string]string{"certificate": b64(certs[0].Raw) + "="})).want(t, 400, "malformed")
		for _, part := range []string{"payload", "signature", "protected"} {
			c.post(c.kid, "", func(s *shape) {
				s.body = func(p, b, x string) string {
					return strings.Replace(flat(p, b, x), `"`+part+`":"`, `"`+part+`":"=`, 1)
				}
			}).want(t, 400, "malformed")
		}
	})
}

func unb64(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestAlgorithms is RFC 8555 section 6.2: ES256 is known, and who signs with
// something else is told what is.
func TestAlgorithms(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{})) // ES256
		for _, alg := range []string{"none", "HS256", "ES256K", "RS1"} {
			a := c.post(c.kid, "", func(s *shape) { s.header["alg"] = alg }).want(t, 400, "badSignatureAlgorithm")
			if !slices.Contains(a.problem.Algorithms, "ES256") || !slices.Contains(a.problem.Algorithms, "EdDSA") || slices.Contains(a.problem.Algorithms, alg) {
				t.Errorf("%s: algorithms %v", alg, a.problem.Algorithms)
			}
		}
	})
}

// TestWeakKeys refuses account keys that are too weak or of a kind that is not
// supported.
func TestWeakKeys(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		c := w.client(t, w.credential(t, "first", core.ACMEOptions{EABOptional: true}))
		weak := &rsa.PublicKey{}
		for weak.N == nil {
			n, err := rand.Prime(rand.Reader, 1024) // only its length matters
			if err != nil {
				t.Fatal(err)
			}
			weak.N = n
		}
		p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		point, _ := p224.PublicKey.Bytes()
		for name, jwk := range map[string]string{
			"RSA 1024": `{"kty":"RSA","n":"` + b64(weak.N.Bytes()) + `","e":"AQAB"}`,
			"P-224":    fmt.Sprintf(`{"kty":"EC","crv":"P-224","x":"%s","y":"%s"}`, b64(point[1:29]), b64(point[29:])),
			"oct":      `{"kty":"oct","k":"AAAA"}`,
		} {
			a := c.post("new-account", "{}", func(s *shape) { s.header["jwk"] = json.RawMessage(jwk) })
			if a.status != 400 || !strings.HasSuffix(a.problem.Type, ":badPublicKey") {
				t.Errorf("%s: %d %+v", name, a.status, a.problem)
			}
		}
	})
}

// TestErrorWords is RFC 8555 section 6.7: no word in the ACME namespace that is
// not in IANA's registry, but for those of the drafts that are served.
func TestErrorWords(t *testing.T) {
	registered := strings.Fields(`accountDoesNotExist alreadyRevoked badCSR badNonce badPublicKey badRevocationReason badSignatureAlgorithm caa compound
		connection dns externalAccountRequired incorrectResponse invalidContact malformed orderNotReady rateLimited rejectedIdentifier serverInternal tls
		unauthorized unsupportedContact unsupportedIdentifier userActionRequired alreadyReplaced`)
	drafts := []string{"invalidProfile"} // draft-ietf-acme-profiles
	known := append(registered, drafts...)
	f, err := parser.ParseFile(token.NewFileSet(), "problem.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	words := 0
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST || len(g.Specs) < 5 {
			continue
		}
		for _, s := range g.Specs {
			v := s.(*ast.ValueSpec)
			name := v.Names[0].Name
			if lit, ok := v.Values[0].(*ast.BasicLit); ok {
				if text, err := strconv.Unquote(lit.Value); err != nil || text != name {
					t.Errorf("%s is %s", name, lit.Value)
				}
			}
			if words++; !slices.Contains(known, name) {
				t.Errorf("%s is in no registry", name)
			}
		}
	}
	if words < 20 {
		t.Errorf("found %d words only", words)
	}
}
