package rest

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// fieldError is one field of a problem document.
type fieldError struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// problem is a problem document (RFC 7807) of version 2 and what its answer
// carries beside it.
type problem struct {
	Type             string       `json:"type"`
	Title            string       `json:"title"`
	Status           int          `json:"status"`
	Detail           string       `json:"detail"`
	Instance         string       `json:"instance,omitempty"`
	Errors           []fieldError `json:"errors,omitempty"`
	Diagnostics      any          `json:"diagnostics,omitempty"`
	ExistingDomainID string       `json:"existingDomainId,omitempty"`

	header http.Header
	wait   time.Duration
	cause  error
}

// Error implements error.
func (p *problem) Error() string {
	if p.cause != nil {
		return p.Detail + ": " + p.cause.Error()
	}
	return p.Detail
}

// errorBase precedes the words of problem types.
const errorBase = "https://api.certinext.io/errors/"

// refuse makes a problem with a number of the vendor's ("915"). slug may be
// empty: about:blank.
func refuse(status int, slug, number, detail string) *problem {
	p := &problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: "[" + emsPrefix + number + "] " + detail}
	if slug != "" {
		p.Type = errorBase + slug
	}
	return p
}

// field adds a field at fault.
func (p *problem) field(name, message string) *problem {
	p.Errors = append(p.Errors, fieldError{name, message})
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

// statuses is the HTTP status of version 2 for every kind of error.
var statuses = map[core.Kind]int{
	core.KindInternal:        http.StatusInternalServerError,
	core.KindInvalid:         http.StatusBadRequest,
	core.KindUnsupported:     http.StatusUnprocessableEntity,
	core.KindMediaType:       http.StatusUnsupportedMediaType,
	core.KindTooLarge:        http.StatusRequestEntityTooLarge,
	core.KindUnauthenticated: http.StatusUnauthorized,
	core.KindForbidden:       http.StatusForbidden,
	core.KindNotFound:        http.StatusNotFound,
	core.KindConflict:        http.StatusConflict,
	core.KindExists:          http.StatusConflict,
	core.KindBadCSR:          http.StatusUnprocessableEntity,
	core.KindBadProof:        http.StatusUnprocessableEntity,
	core.KindBadKey:          http.StatusUnprocessableEntity,
	core.KindBadName:         http.StatusUnprocessableEntity,
	core.KindPolicy:          http.StatusUnprocessableEntity,
	core.KindLint:            http.StatusUnprocessableEntity,
	core.KindNotValidated:    http.StatusUnprocessableEntity,
	core.KindApprovalRefused: http.StatusUnprocessableEntity,
	core.KindRateLimited:     http.StatusTooManyRequests,
	core.KindQuota:           http.StatusTooManyRequests,
	core.KindRevoked:         http.StatusUnprocessableEntity,
	core.KindExpired:         http.StatusUnprocessableEntity,
	core.KindPending:         http.StatusServiceUnavailable,
	core.KindUpstream:        http.StatusServiceUnavailable,
	core.KindUnavailable:     http.StatusServiceUnavailable,
}

// quotaRetry is what a client is told to wait for a limit that only time or an
// administrator lifts.
const quotaRetry = time.Hour

// problemOf translates an error.
func problemOf(err error) *problem {
	var p *problem
	if errors.As(err, &p) {
		return p
	}
	e := core.AsError(err)
	status := statuses[e.Kind]
	if status == 0 {
		status = http.StatusInternalServerError
	}
	m := mapped(e)
	if (e.Kind == core.KindInvalid || e.Kind == core.KindForbidden || e.Kind == core.KindNotFound) && m.field != "" {
		status = http.StatusUnprocessableEntity // the request is well-formed; what it names is not to be had
	}
	p = refuse(status, "", m.v2, e.Detail)
	p.cause, p.wait = err, e.RetryAfter
	if status == http.StatusTooManyRequests && p.wait == 0 {
		p.wait = quotaRetry
	}
	if e.Field != "" {
		p.field(e.Field, e.Detail)
	}
	for _, r := range e.Reasons {
		text := r.Detail
		if r.Value != "" {
			text += " (" + r.Value + ")"
		}
		p.field(r.Field, text)
		p.Detail += "; " + text
	}
	return p
}

// fail answers with err. The cause goes to the log only.
func (s *Service) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	id := httpx.RequestID(r.Context())
	switch {
	case p.Status == http.StatusInternalServerError:
		s.d.Log.ErrorContext(r.Context(), "order API request failed", "request_id", id, "error", err.Error())
		p = refuse(p.Status, "", "976", "internal error, request id "+id)
	case p.cause != nil && errors.Unwrap(core.AsError(p.cause)) != nil:
		s.d.Log.WarnContext(r.Context(), "order API request refused", "request_id", id, "error", err.Error())
	}
	if p.Instance == "" {
		copied := *p
		copied.Instance = r.URL.Path
		p = &copied
	}
	for name, values := range p.header {
		w.Header()[name] = append(w.Header()[name], values...)
	}
	switch {
	case p.wait > 0:
		httpx.RetryAfter(w.Header(), p.wait)
	case p.Status == http.StatusServiceUnavailable:
		httpx.RetryAfter(w.Header(), 5*time.Second)
	}
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="certwright", error="invalid_token"`)
	}
	body, err := json.Marshal(p)
	if err != nil {
		body = []byte(`{"type":"about:blank"}`)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	httpx.Reply(w, r, p.Status, append(body, '\n'))
}
