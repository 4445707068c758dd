package acme

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/httpx"
	"github.com/certwright/certwright/internal/wire/jws"
)

// call is one signed request on its way.
type call struct {
	s    *Service
	w    http.ResponseWriter
	r    *http.Request
	cred *core.Credential
	who  *core.Principal
	opt  *core.ACMEOptions
	base string // URL below which the credential's resources lie

	msg  *jws.Message
	key  *jws.Key          // that signed
	acct *core.ACMEAccount // nil where a bare key signed

	product core.ProductID  // of the order that the request is about; empty: the credential's
	domains map[string]bool // what the domain service said of names, see askDomains

	binding jwsMessage // of a new account, as sent
}

// post wraps a signed resource (RFC 8555 section 6.2).
func (s *Service) post(op operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		label := r.PathValue("label")
		s.common(w, label)
		if !s.allowed(w, r, http.MethodPost) {
			return
		}
		c := &call{s: s, w: w, r: r}
		// RFC 8555 section 6.5: every answer to a POST brings a nonce.
		w.Header().Set("Replay-Nonce", s.d.Nonces.New())
		w.Header().Set("Cache-Control", "no-store")
		err := c.open(op.who)
		if err == nil {
			err = op.run(c)
		}
		if err != nil {
			c.auditRefusal(op.path, err)
			s.fail(w, r, err)
		}
	}
}

// open reads and verifies the request. Nothing of the payload is looked at
// before the end. The nonce is used up as soon as it can be read, whatever else
// is wrong (RFC 8555 section 6.5).
func (c *call) open(by who) error {
	var err error
	if c.cred, c.who, err = c.s.credential(c.r); err != nil {
		return err
	}
	c.opt, c.base = options(c.cred), c.s.base(c.cred.Label)
	if err := c.read(); err != nil {
		return err
	}
	if !c.msg.HasNonce || c.msg.Nonce == "" {
		return refuse(http.StatusBadRequest, badNonce, "the signed header has no nonce")
	}
	if _, err := base64.RawURLEncoding.DecodeString(c.msg.Nonce); err != nil {
		return refuse(http.StatusBadRequest, malformed, "the nonce is not base64url")
	}
	ok, err := c.s.d.Nonces.Redeem(c.r.Context(), c.msg.Nonce)
	if err != nil {
		return err
	}
	if !ok {
		return refuse(http.StatusBadRequest, badNonce, "the nonce is unknown, expired or was used before")
	}
	if want := c.s.d.BaseURL() + c.r.URL.RequestURI(); c.msg.URL != want {
		return refuse(http.StatusBadRequest, malformed, "the url of the signed header is not the one of this request, "+want)
	}
	if err := c.signer(by); err != nil {
		return err
	}
	return c.msg.Verify(c.key)
}

// read reads the body as JWS.
func (c *call) read() error {
	if t, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type")); err != nil || t != "application/jose+json" {
		return refuse(http.StatusUnsupportedMediaType, malformed, "the content type of ACME requests is application/jose+json")
	}
	body, err := io.ReadAll(c.r.Body)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return refuse(http.StatusRequestEntityTooLarge, malformed, "the request is too large")
	case err != nil:
		return refuse(http.StatusBadRequest, malformed, "the request ended too early")
	}
	c.msg, err = jws.Parse(body)
	return err
}

// signer finds the key that must have signed.
func (c *call) signer(by who) error {
	if c.msg.Key != nil {
		if by == byAccount {
			return refuse(http.StatusBadRequest, malformed, "this request is signed for an account: kid, not jwk")
		}
		c.key = c.msg.Key
		return nil
	}
	if by == byKey {
		return refuse(http.StatusBadRequest, malformed, "this request carries its key: jwk, not kid")
	}
	unknown := refuse(http.StatusBadRequest, accountDoesNotExist, "there is no such account at this directory")
	id, ok := strings.CutPrefix(c.msg.KeyID, c.base+"acct/")
	if !ok || !core.ValidID(id) {
		return unknown
	}
	a, err := c.s.d.Storage.ACMEAccount(c.r.Context(), c.cred.ID, core.ACMEAccountID(id))
	if core.Is(err, core.KindNotFound) {
		return unknown
	}
	if err != nil {
		return err
	}
	if c.key, err = jws.ParseKey(a.Key); err != nil {
		return err
	}
	c.acct = a
	return standing(a)
}

// standing refuses accounts that are no longer valid. Deviation: RFC 8555
// section 7.3.6 says 401; clients know 403, which Boulder and Pebble send.
func standing(a *core.ACMEAccount) error {
	switch a.State {
	case core.ACMEAccountDeactivated:
		return refuse(http.StatusForbidden, unauthorized, "the account was deactivated by its owner")
	case core.ACMEAccountRevoked:
		return refuse(http.StatusForbidden, unauthorized, "the account was revoked by an administrator")
	}
	return nil
}

// fetch reports whether the request only reads (POST-as-GET, section 6.3). Old
// clients send {} for the empty payload.
func (c *call) fetch() bool {
	p := strings.TrimSpace(string(c.msg.Payload))
	return p == "" || p == "{}"
}

// payload reads the JSON payload. Members that are not known are ignored
// (section 6.1).
func (c *call) payload(v any) error {
	if err := json.Unmarshal(c.msg.Payload, v); err != nil {
		return refuse(http.StatusBadRequest, malformed, "the payload cannot be read as the JSON object that belongs here")
	}
	return nil
}

// url makes the URL of one of the credential's resources.
func (c *call) url(kind, id string) string { return c.base + kind + "/" + id }

// answer writes a JSON object.
func (c *call) answer(status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", "application/json")
	httpx.Reply(c.w, c.r, status, append(body, '\n'))
	return nil
}

// missing is the answer for what does not exist or is somebody else's.
func missing(err error, what string) error {
	if core.Is(err, core.KindNotFound) {
		return refuse(http.StatusNotFound, malformed, "there is no such "+what+" of this account")
	}
	return err
}

// auditRefusal records refusals that say something about who asks: proofs that
// are wrong and things that are not allowed. A stale nonce or a broken client
// says nothing.
func (c *call) auditRefusal(op string, err error) {
	if c.cred == nil {
		return
	}
	p := problemOf(err)
	switch strings.TrimPrefix(p.Type, namespace) {
	case unauthorized, rejectedIdentifier, rateLimited, badCSR, caa, alreadyReplaced, userActionRequired, badPublicKey:
	default:
		return
	}
	e := core.EventOf(c.who, c.s.d.Now(), "acme.request", "credential:"+string(c.cred.ID))
	e.Account, e.Credential, e.Outcome, e.Protocol = c.cred.Account, c.cred.ID, core.Refused, c.s.Name()
	e.Request = httpx.RequestID(c.r.Context())
	e.Address = address(httpx.ClientAddr(c.r.Context()))
	e.Detail = map[string]any{"operation": op, "type": strings.TrimPrefix(p.Type, namespace), "detail": p.Detail}
	if c.acct != nil {
		e.Detail["acme_account"] = string(c.acct.ID)
	}
	if c.key != nil {
		e.Detail["thumbprint"] = c.key.Thumbprint
	}
	ctx := context.WithoutCancel(c.r.Context())
	if err := c.s.d.Audit.Record(ctx, e); err != nil {
		c.s.d.Log.ErrorContext(ctx, "audit entry lost", "request_id", e.Request, "error", err.Error())
	}
}
