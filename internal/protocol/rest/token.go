package rest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// Lives and lengths of tokens. A refresh token serves once.
const (
	tokenLife     = time.Hour
	refreshLife   = 7 * 24 * time.Hour
	tokenLength   = 43 // base64url of 256 bits
	refreshLength = 32 // hex of 128 bits
)

// authKeyOf is the signature of a request in the older form: lower-case hex of
// SHA-256 over access key, time and transaction name.
func authKeyOf(secret []byte, ts, txn string) string {
	h := sha256.New()
	h.Write(secret)
	h.Write([]byte(ts))
	h.Write([]byte(txn))
	return hex.EncodeToString(h.Sum(nil))
}

// signedBy reports whether a signature of the older form is right.
func signedBy(secret []byte, ts, txn, authKey string) bool {
	return subtle.ConstantTimeCompare([]byte(authKeyOf(secret, ts, txn)), []byte(authKey)) == 1
}

// indianTime is the zone of times that name none.
var indianTime = time.FixedZone("IST", 5*3600+1800)

// parseTime reads the time of a signed request.
func parseTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05-0700"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05"} {
		if t, err := time.ParseInLocation(layout, s, indianTime); err == nil {
			return t, nil
		}
	}
	return time.Time{}, core.Errorf(core.KindInvalid, "the time must be ISO 8601 with a zone, such as 2026-01-01T10:00:00+05:30").At("ts")
}

// timely reports whether a signed request's time is near enough. The window is
// that of version 1: both take the same signatures, so one seen there must not
// serve here once its transaction name is forgotten.
func timely(t, now time.Time) bool { return t.Sub(now).Abs() <= v1Skew }

// oauthError is an error of RFC 6749 section 5.2.
type oauthError struct {
	status     int
	word, text string
	basic      bool // the client used HTTP Basic
}

func (e *oauthError) Error() string { return e.word + ": " + e.text }

func badToken(status int, word, text string) *oauthError {
	return &oauthError{status: status, word: word, text: text}
}

// Words of RFC 6749 section 5.2.
const (
	invalidRequest     = "invalid_request"
	invalidClient      = "invalid_client"
	invalidGrant       = "invalid_grant"
	unauthorizedClient = "unauthorized_client"
	unsupportedGrant   = "unsupported_grant_type"
)

// tokenAnswer holds both spellings: current clients read the first members,
// older ones tokenDetails.
type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"`
	RefreshToken string `json:"refresh_token"`
	TokenDetails struct {
		AccessToken string `json:"accessToken"`
	} `json:"tokenDetails"`
}

// token is the token endpoint.
func (s *Service) token(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	a, err := s.grant(r)
	if err != nil {
		s.failToken(w, r, err)
		return
	}
	reply(w, r, http.StatusOK, a)
}

// grant judges a token request.
func (s *Service) grant(r *http.Request) (*tokenAnswer, error) {
	if r.Method != http.MethodPost {
		return nil, badToken(http.StatusMethodNotAllowed, invalidRequest, "the token endpoint takes POST only")
	}
	body, err := httpx.ReadBody(r, maxTokenBody)
	if err != nil {
		return nil, err
	}
	q, err := readTokenRequest(r.Header.Get("Content-Type"), body)
	if err != nil {
		return nil, err
	}
	if id, secret, ok := r.BasicAuth(); ok {
		if q.clientSecret != "" || q.clientID != "" && q.clientID != id { // RFC 6749 section 2.3: one way only
			return nil, badToken(http.StatusBadRequest, invalidRequest, "the client shows two sets of credentials")
		}
		q.clientID, q.clientSecret, q.basic = id, secret, true
	}
	switch q.grantType {
	case "":
		return nil, badToken(http.StatusBadRequest, invalidRequest, "grant_type is missing")
	case "client_credentials", "refresh_token":
	default:
		return nil, badToken(http.StatusBadRequest, unsupportedGrant, "grant_type must be client_credentials or refresh_token")
	}
	if q.grantType == "refresh_token" && q.refreshToken == "" {
		return nil, badToken(http.StatusBadRequest, invalidRequest, "refresh_token is missing")
	}
	p, err := s.client(r.Context(), q)
	if err != nil {
		return nil, err
	}
	if q.grantType == "refresh_token" {
		return s.refresh(r.Context(), p, q.refreshToken)
	}
	return s.issueToken(r.Context(), p)
}

// client authenticates the client of a token request.
func (s *Service) client(ctx context.Context, q *tokenRequest) (*core.Principal, error) {
	wrong := badToken(http.StatusUnauthorized, invalidClient, "unknown client or wrong secret")
	wrong.basic = q.basic
	id := q.clientID
	if q.signed() {
		id = q.accountNumber
	}
	if id == "" || !q.signed() && q.clientSecret == "" {
		e := badToken(http.StatusBadRequest, invalidRequest, "client_id and client_secret are missing")
		return nil, e
	}
	c, err := s.credential(ctx, id)
	if core.Is(err, core.KindNotFound) {
		return nil, wrong
	}
	if err != nil {
		return nil, err
	}
	var p *core.Principal
	if q.signed() {
		p, err = s.bySignature(ctx, c, q)
	} else {
		proof := proofOf(ctx)
		proof.PublicID, proof.Secret = id, q.clientSecret
		p, err = s.d.Auth.Authenticate(ctx, c, proof)
	}
	switch {
	case core.Is(err, core.KindUnauthenticated) || core.Is(err, core.KindForbidden):
		s.refusedClient(ctx, c)
		return nil, wrong
	case err != nil:
		return nil, err
	case !q.signed() && c.Auth != core.AuthOAuth:
		s.refusedClient(ctx, c)
		return nil, badToken(http.StatusForbidden, unauthorizedClient, "the credential is not of the OAuth kind; sign the request with its access key")
	}
	return p, nil
}

// bySignature checks the older form.
func (s *Service) bySignature(ctx context.Context, c *core.Credential, q *tokenRequest) (*core.Principal, error) {
	denied := core.Errorf(core.KindUnauthenticated, "wrong signature")
	if c.Auth != core.AuthAccessKey {
		return nil, denied
	}
	secret, err := s.d.Auth.SecretOf(c)
	if err != nil {
		return nil, err
	}
	if !signedBy(secret, q.ts, q.txn, q.authKey) {
		return nil, denied
	}
	p, err := s.vouch(ctx, c)
	if err != nil {
		return nil, err
	}
	at, err := parseTime(q.ts)
	if err != nil || !timely(at, s.d.Now()) {
		return nil, badToken(http.StatusBadRequest, invalidRequest, "ts is not an ISO 8601 time near the present")
	}
	if len(q.txn) < 1 || len(q.txn) > 64 {
		return nil, badToken(http.StatusBadRequest, invalidRequest, "txn must have 1 to 64 characters")
	}
	fresh, err := s.d.Storage.UseRESTTxn(ctx, c.ID, q.txn, s.d.Now().Add(v1TxnLife))
	if err == nil && !fresh {
		err = badToken(http.StatusBadRequest, invalidRequest, "txn was used before")
	}
	return p, err
}

// refusedClient notes a wrong secret in the audit log.
func (s *Service) refusedClient(ctx context.Context, c *core.Credential) {
	o := s.origin(ctx, "token")
	e := core.Event{Account: c.Account, At: s.d.Now(), Actor: "anonymous", Address: o.Address, Action: "credential.authenticate",
		Object: "credential:" + string(c.ID), Outcome: core.Refused, Request: o.RequestID, Protocol: o.Protocol, Credential: c.ID}
	if err := s.d.Audit.Record(ctx, e); err != nil {
		s.d.Log.ErrorContext(ctx, "audit of a refused client", "error", err)
	}
}

// newPair makes a pair of tokens for a credential.
func (s *Service) newPair(c *core.Credential, family string) (*core.RESTToken, *tokenAnswer) {
	access, refresh := make([]byte, 32), make([]byte, refreshLength/2)
	_, _ = rand.Read(access) // never fails since Go 1.24
	_, _ = rand.Read(refresh)
	a := &tokenAnswer{AccessToken: base64.RawURLEncoding.EncodeToString(access), TokenType: "Bearer",
		ExpiresIn: int(tokenLife / time.Second), RefreshToken: hex.EncodeToString(refresh)}
	a.TokenDetails.AccessToken = a.AccessToken
	now := s.d.Now()
	return &core.RESTToken{AccessHash: hashToken(a.AccessToken), RefreshHash: hashToken(a.RefreshToken), Family: family, Account: c.Account,
		Credential: c.ID, PublicID: c.PublicID, SecretSetAt: c.SecretSetAt, ExpiresAt: now.Add(tokenLife), RefreshUntil: now.Add(refreshLife), CreatedAt: now}, a
}

// issueToken starts a family of tokens.
func (s *Service) issueToken(ctx context.Context, p *core.Principal) (*tokenAnswer, error) {
	t, a := s.newPair(p.Credential, core.NewID[string](s.d.Now()))
	err := s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		if err := s.d.Storage.InsertRESTToken(ctx, tx, t); err != nil {
			return err
		}
		s.d.Audit.Write(tx, core.EventOf(p, s.d.Now(), "credential.token", "credential:"+string(p.Credential.ID)))
		return nil
	})
	return a, err
}

// refresh changes a refresh token for a new pair. One that was used before was
// copied by somebody, so all that came from it end (RFC 9700 section 4.14.2).
func (s *Service) refresh(ctx context.Context, p *core.Principal, token string) (*tokenAnswer, error) {
	hash := hashToken(token)
	var answer *tokenAnswer
	var outcome error
	err := s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		answer, outcome = nil, badToken(http.StatusBadRequest, invalidGrant, "the refresh token is unknown, used, expired or revoked")
		old, err := s.d.Storage.RESTRefresh(ctx, tx, hash)
		if core.Is(err, core.KindNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		now := s.d.Now()
		if old.Credential != p.Credential.ID || !old.SecretSetAt.Equal(p.Credential.SecretSetAt) || !now.Before(old.RefreshUntil) {
			return nil
		}
		e := core.EventOf(p, now, "credential.token-refresh", "credential:"+string(p.Credential.ID))
		fresh, err := s.d.Storage.UseRESTRefresh(ctx, tx, hash, now)
		if err != nil {
			return err
		}
		if !fresh {
			e.Outcome = core.Refused
			e.Detail = map[string]any{"because": "the refresh token was used before; its family is revoked"}
			s.d.Audit.Write(tx, e)
			return s.d.Storage.RevokeRESTFamily(ctx, tx, old.Family, now)
		}
		t, a := s.newPair(p.Credential, old.Family)
		if err := s.d.Storage.InsertRESTToken(ctx, tx, t); err != nil {
			return err
		}
		s.d.Audit.Write(tx, e)
		answer, outcome = a, nil
		return nil
	})
	if err != nil {
		return nil, err
	}
	return answer, outcome
}

// failToken answers a token request with an error of RFC 6749 section 5.2.
func (s *Service) failToken(w http.ResponseWriter, r *http.Request, err error) {
	var e *oauthError
	if !errors.As(err, &e) {
		c := core.AsError(err)
		e = badToken(statuses[c.Kind], invalidRequest, c.Detail)
		switch c.Kind {
		case core.KindInternal:
			id := httpx.RequestID(r.Context())
			s.d.Log.ErrorContext(r.Context(), "token request failed", "request_id", id, "error", err.Error())
			e = badToken(http.StatusInternalServerError, "server_error", "internal error, request id "+id)
		case core.KindUnavailable:
			e.word = "temporarily_unavailable"
			httpx.RetryAfter(w.Header(), 5*time.Second)
		}
	}
	if e.status == http.StatusUnauthorized && e.basic {
		w.Header().Set("WWW-Authenticate", `Basic realm="certwright", charset="UTF-8"`)
	}
	if e.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", http.MethodPost)
	}
	reply(w, r, e.status, map[string]string{"error": e.word, "error_description": e.text})
}

// reply answers with JSON.
func reply(w http.ResponseWriter, r *http.Request, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("rest: answer of type %T: %v", v, err)) // ours to prevent
	}
	w.Header().Set("Content-Type", "application/json")
	httpx.Reply(w, r, status, append(body, '\n'))
}
