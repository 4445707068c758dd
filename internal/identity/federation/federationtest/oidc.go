package federationtest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"
)

// OIDC is an OpenID provider: discovery, authorization code flow with PKCE, keys
// and UserInfo. It asks nobody anything: who goes there is Claims.
type OIDC struct {
	*httptest.Server
	ClientID, Secret, Redirect string
	Now                        func() time.Time

	mu     sync.Mutex
	key    *rsa.PrivateKey
	kid    int
	codes  map[string]url.Values // of the authorization request
	tokens map[string]bool       // access tokens
	// Claims of the person beside those of the protocol; Spoil may change all of
	// them before they are signed, Header the header.
	Claims map[string]any
	Spoil  func(claims map[string]any)
	Token  func(token string) string // changes the signed token
	Info   map[string]any            // answer of UserInfo beside sub
	// Misbehave may answer a request in place of the provider.
	Misbehave func(w http.ResponseWriter, r *http.Request) bool
	// EndSession is the end_session_endpoint that the discovery names; empty: none.
	EndSession string
	// Refuse is the error that the authorization endpoint answers with.
	Refuse string
}

// NewOIDC starts a provider with one client.
func NewOIDC(t testing.TB, redirect string, now func() time.Time) *OIDC {
	t.Helper()
	o := &OIDC{ClientID: "certwright", Secret: "s3cr3t/with:signs", Redirect: redirect, Now: now, codes: map[string]url.Values{}, tokens: map[string]bool{},
		Claims: map[string]any{}}
	o.Rotate(t)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", o.discovery)
	mux.HandleFunc("GET /authorize", o.authorize)
	mux.HandleFunc("POST /token", o.token)
	mux.HandleFunc("GET /keys", o.keys)
	mux.HandleFunc("GET /userinfo", o.userinfo)
	mux.HandleFunc("GET /logout", o.logout)
	o.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if o.Misbehave == nil || !o.Misbehave(w, r) {
			mux.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(o.Close)
	return o
}

// Rotate makes another signing key; the old one is gone.
func (o *OIDC) Rotate(t testing.TB) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.key, o.kid = key, o.kid+1
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (o *OIDC) discovery(w http.ResponseWriter, _ *http.Request) {
	d := map[string]any{"issuer": o.URL, "authorization_endpoint": o.URL + "/authorize", "token_endpoint": o.URL + "/token", "jwks_uri": o.URL + "/keys",
		"userinfo_endpoint": o.URL + "/userinfo", "response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"}, "code_challenge_methods_supported": []string{"S256"}}
	if o.EndSession != "" {
		d["end_session_endpoint"] = o.EndSession
	}
	answer(w, 200, d)
}

func (o *OIDC) keys(w http.ResponseWriter, _ *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	answer(w, 200, map[string]any{"keys": []any{map[string]string{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": fmt.Sprint(o.kid),
		"n": base64.RawURLEncoding.EncodeToString(o.key.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(o.key.E)).Bytes())}}})
}

func (o *OIDC) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("client_id") != o.ClientID || q.Get("redirect_uri") != o.Redirect || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" {
		http.Error(w, "bad request: "+r.URL.RawQuery, 400)
		return
	}
	out := url.Values{"state": {q.Get("state")}, "iss": {o.URL}}
	if o.Refuse != "" {
		out.Set("error", o.Refuse)
	} else {
		code := text()
		o.mu.Lock()
		o.codes[code] = q
		o.mu.Unlock()
		out.Set("code", code)
	}
	http.Redirect(w, r, o.Redirect+"?"+out.Encode(), http.StatusFound)
}

// logout ends nothing: it checks what a relying party sends (RP-Initiated Logout 1.0
// section 2) and sends the browser back.
func (o *OIDC) logout(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("client_id") != o.ClientID || q.Get("post_logout_redirect_uri") == "" || q.Get("id_token_hint") == "" && q.Get("logout_hint") == "" {
		http.Error(w, "bad request: "+r.URL.RawQuery, 400)
		return
	}
	http.Redirect(w, r, q.Get("post_logout_redirect_uri")+"?"+url.Values{"state": {q.Get("state")}}.Encode(), http.StatusFound)
}

func text() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func (o *OIDC) token(w http.ResponseWriter, r *http.Request) {
	id, secret, basic := r.BasicAuth()
	if basic { // RFC 6749 section 2.3.1
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
	} else {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	if id != o.ClientID || secret != o.Secret {
		answer(w, 401, map[string]string{"error": "invalid_client"})
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	q, ok := o.codes[r.PostFormValue("code")]
	delete(o.codes, r.PostFormValue("code"))
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !ok || r.PostFormValue("redirect_uri") != o.Redirect || q.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) {
		answer(w, 400, map[string]string{"error": "invalid_grant"})
		return
	}
	access := text()
	o.tokens[access] = true
	now := o.Now()
	claims := map[string]any{"iss": o.URL, "aud": o.ClientID, "sub": "subject-1", "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "nonce": q.Get("nonce")}
	for k, v := range o.Claims {
		claims[k] = v
	}
	if o.Spoil != nil {
		o.Spoil(claims)
	}
	signed := o.sign(claims)
	if o.Token != nil {
		signed = o.Token(signed)
	}
	answer(w, 200, map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": signed})
}

func (o *OIDC) sign(claims map[string]any) string {
	head, _ := json.Marshal(map[string]any{"alg": "RS256", "kid": fmt.Sprint(o.kid), "typ": "JWT"})
	body, _ := json.Marshal(claims)
	input := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(body)
	sum := sha256.Sum256([]byte(input))
	sig, _ := rsa.SignPKCS1v15(rand.Reader, o.key, crypto.SHA256, sum[:])
	return input + "." + base64.RawURLEncoding.EncodeToString(sig)
}

func (o *OIDC) userinfo(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	const bearer = "Bearer "
	if h := r.Header.Get("Authorization"); len(h) < len(bearer) || !o.tokens[h[len(bearer):]] {
		w.WriteHeader(401)
		return
	}
	info := map[string]any{"sub": "subject-1"}
	for k, v := range o.Info {
		info[k] = v
	}
	answer(w, 200, info)
}
