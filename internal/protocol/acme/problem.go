package acme

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/httpx"
	"github.com/certwright/certwright/internal/wire/jws"
)

// namespace precedes the words of RFC 8555 section 6.7.
const namespace = "urn:ietf:params:acme:error:"

// Words of RFC 8555 section 6.7, RFC 9773 section 5 and the profiles draft.
const (
	accountDoesNotExist     = "accountDoesNotExist"
	alreadyReplaced         = "alreadyReplaced"
	alreadyRevoked          = "alreadyRevoked"
	badCSR                  = "badCSR"
	badNonce                = "badNonce"
	badPublicKey            = jws.BadKey
	badRevocationReason     = "badRevocationReason"
	badSignatureAlgorithm   = jws.BadAlgorithm
	caa                     = "caa"
	compound                = "compound"
	externalAccountRequired = "externalAccountRequired"
	invalidContact          = "invalidContact"
	invalidProfile          = "invalidProfile"
	malformed               = jws.Malformed
	orderNotReady           = "orderNotReady"
	rateLimited             = "rateLimited"
	rejectedIdentifier      = "rejectedIdentifier"
	serverInternal          = "serverInternal"
	unauthorized            = "unauthorized"
	unsupportedContact      = "unsupportedContact"
	unsupportedIdentifier   = "unsupportedIdentifier"
	userActionRequired      = "userActionRequired"
)

// problem is a problem document (RFC 7807, RFC 8555 section 6.7) and what its
// answer carries beside it.
type problem struct {
	Type        string           `json:"type"`
	Detail      string           `json:"detail,omitempty"`
	Status      int              `json:"status,omitempty"`
	Instance    string           `json:"instance,omitempty"`   // of userActionRequired
	Algorithms  []string         `json:"algorithms,omitempty"` // of badSignatureAlgorithm
	Identifier  *core.Identifier `json:"identifier,omitempty"` // of a subproblem
	Subproblems []problem        `json:"subproblems,omitempty"`

	header http.Header
	wait   time.Duration
	cause  error
}

// Error implements error.
func (p *problem) Error() string {
	if p.cause != nil {
		return p.Type + ": " + p.Detail + ": " + p.cause.Error()
	}
	return p.Type + ": " + p.Detail
}

// refuse makes a problem from a word of section 6.7.
func refuse(status int, word, detail string) *problem {
	if word == "dnssec" { // validation's word; IANA has registered none for it
		word = "dns"
	}
	p := &problem{Type: namespace + word, Status: status, Detail: detail}
	if word == badSignatureAlgorithm {
		p.Algorithms = jws.Algorithms()
	}
	return p
}

// with adds a header to the answer.
func (p *problem) with(name, value string) *problem {
	if p.header == nil {
		p.header = http.Header{}
	}
	p.header.Add(name, value)
	return p
}

// after adds Retry-After.
func (p *problem) after(d time.Duration) *problem { p.wait = d; return p }

// wire is the wire form of one kind of core error.
type wire struct {
	status int
	word   string
}

// kinds is the wire form of every kind of error.
var kinds = map[core.Kind]wire{
	core.KindInternal:        {http.StatusInternalServerError, serverInternal},
	core.KindInvalid:         {http.StatusBadRequest, malformed},
	core.KindUnsupported:     {http.StatusBadRequest, malformed},
	core.KindMediaType:       {http.StatusUnsupportedMediaType, malformed},
	core.KindTooLarge:        {http.StatusRequestEntityTooLarge, malformed},
	core.KindUnauthenticated: {http.StatusForbidden, unauthorized},
	core.KindForbidden:       {http.StatusForbidden, unauthorized},
	core.KindNotFound:        {http.StatusNotFound, malformed},
	core.KindConflict:        {http.StatusConflict, malformed},
	core.KindExists:          {http.StatusConflict, malformed},
	core.KindBadCSR:          {http.StatusBadRequest, badCSR},
	core.KindBadProof:        {http.StatusBadRequest, badCSR},
	core.KindBadKey:          {http.StatusBadRequest, badCSR},
	core.KindBadName:         {http.StatusBadRequest, rejectedIdentifier},
	core.KindPolicy:          {http.StatusBadRequest, badCSR},
	core.KindLint:            {http.StatusBadRequest, badCSR},
	core.KindNotValidated:    {http.StatusForbidden, unauthorized},
	core.KindApprovalRefused: {http.StatusForbidden, unauthorized},
	core.KindRateLimited:     {http.StatusTooManyRequests, rateLimited},
	core.KindQuota:           {http.StatusTooManyRequests, rateLimited},
	core.KindRevoked:         {http.StatusBadRequest, alreadyRevoked},
	core.KindExpired:         {http.StatusForbidden, unauthorized},
	core.KindPending:         {http.StatusServiceUnavailable, serverInternal},
	core.KindUpstream:        {http.StatusServiceUnavailable, serverInternal},
	core.KindUnavailable:     {http.StatusServiceUnavailable, serverInternal},
}

// Maps reports whether a kind of error has a wire form.
func Maps(k core.Kind) bool { _, ok := kinds[k]; return ok }

// quotaRetry is what a client is told to wait for a limit that only time or an
// administrator lifts.
const quotaRetry = time.Hour

// problemOf translates an error.
func problemOf(err error) *problem {
	var p *problem
	if errors.As(err, &p) {
		return p
	}
	var j *jws.Error
	if errors.As(err, &j) {
		return refuse(http.StatusBadRequest, j.Code, j.Detail)
	}
	e := core.AsError(err)
	w, ok := kinds[e.Kind]
	if !ok {
		w = kinds[core.KindInternal]
	}
	p = refuse(w.status, w.word, e.Detail)
	p.cause, p.wait = err, e.RetryAfter
	if w.status == http.StatusTooManyRequests && p.wait == 0 {
		p.wait = quotaRetry
	}
	for _, r := range e.Reasons {
		p.Detail += "; " + r.Detail
		if r.Value != "" {
			p.Detail += " (" + r.Value + ")"
		}
	}
	return p
}

// fail answers with err. The cause goes to the log only.
func (s *Service) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	id := httpx.RequestID(r.Context())
	switch {
	case p.Status == http.StatusInternalServerError:
		s.d.Log.ErrorContext(r.Context(), "ACME request failed", "request_id", id, "error", err.Error())
		p = refuse(p.Status, serverInternal, "internal error, request id "+id)
	case p.cause != nil && errors.Unwrap(core.AsError(p.cause)) != nil:
		s.d.Log.WarnContext(r.Context(), "ACME request refused", "request_id", id, "error", err.Error())
	}
	if p.Identifier != nil { // RFC 8555 section 6.7.1: in subproblems only
		top := *p
		if top.Identifier = nil; len(top.Subproblems) == 0 {
			top.Subproblems = []problem{*p}
		}
		p = &top
	}
	for name, values := range p.header {
		w.Header()[name] = append(w.Header()[name], values...)
	}
	if p.wait > 0 {
		httpx.RetryAfter(w.Header(), p.wait)
	} else if p.Status == http.StatusServiceUnavailable {
		httpx.RetryAfter(w.Header(), 5*time.Second)
	}
	body, err := json.Marshal(p)
	if err != nil {
		body = []byte(`{"type":"` + namespace + serverInternal + `"}`)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	httpx.Reply(w, r, p.Status, append(body, '\n'))
}
