package status

import (
	"net/http"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// OCSPResponseStatus values of RFC 6960 section 4.2.1.
const (
	malformedRequest = 1
	internalError    = 2
	tryLater         = 3
	unauthorized     = 6
)

// wireForm is how a kind of error looks on both sides of this package.
type wireForm struct {
	http int // for files, and for OCSP requests that never were any
	ocsp int // OCSPResponseStatus; 0: the HTTP status says it
}

// wireForms is the wire form of every kind of error.
var wireForms = map[core.Kind]wireForm{
	core.KindInternal:        {http.StatusInternalServerError, internalError},
	core.KindInvalid:         {http.StatusBadRequest, malformedRequest},
	core.KindUnsupported:     {http.StatusNotImplemented, malformedRequest},
	core.KindMediaType:       {http.StatusUnsupportedMediaType, 0},
	core.KindTooLarge:        {http.StatusRequestEntityTooLarge, 0},
	core.KindUnauthenticated: {http.StatusForbidden, unauthorized},
	core.KindForbidden:       {http.StatusForbidden, unauthorized},
	core.KindNotFound:        {http.StatusNotFound, unauthorized}, // RFC 5019 section 2.2.3: no records
	core.KindConflict:        {http.StatusConflict, internalError},
	core.KindExists:          {http.StatusConflict, internalError},
	core.KindBadCSR:          {http.StatusBadRequest, malformedRequest},
	core.KindBadProof:        {http.StatusBadRequest, malformedRequest},
	core.KindBadKey:          {http.StatusBadRequest, malformedRequest},
	core.KindBadName:         {http.StatusBadRequest, malformedRequest},
	core.KindPolicy:          {http.StatusForbidden, unauthorized},
	core.KindLint:            {http.StatusForbidden, internalError},
	core.KindNotValidated:    {http.StatusForbidden, unauthorized},
	core.KindApprovalRefused: {http.StatusForbidden, unauthorized},
	core.KindRateLimited:     {http.StatusTooManyRequests, tryLater},
	core.KindQuota:           {http.StatusForbidden, tryLater},
	core.KindRevoked:         {http.StatusForbidden, unauthorized},
	core.KindExpired:         {http.StatusGone, unauthorized},
	core.KindPending:         {http.StatusServiceUnavailable, tryLater},
	core.KindUpstream:        {http.StatusServiceUnavailable, tryLater},
	core.KindUnavailable:     {http.StatusServiceUnavailable, tryLater},
}

// form returns the wire form and logs what an operator must know of.
func (s *Service) form(r *http.Request, e *core.Error) wireForm {
	f, ok := wireForms[e.Kind]
	if !ok {
		f = wireForms[core.KindInternal]
	}
	if f.http == http.StatusInternalServerError {
		s.d.Log.ErrorContext(r.Context(), "status request failed", "request_id", httpx.RequestID(r.Context()), "error", e.Error())
	}
	return f
}

// fail answers a request for a file.
func (s *Service) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := core.AsError(err)
	f := s.form(r, e)
	text := e.Detail
	switch {
	case f.http == http.StatusInternalServerError:
		text = "internal error, request id " + httpx.RequestID(r.Context())
	case text == "":
		text = string(e.Kind)
	}
	retry(w.Header(), e, f.http)
	http.Error(w, text, f.http)
}

// failOCSP answers an OCSP request: with an OCSPResponse that is only a
// status, which needs no signature (RFC 6960 section 2.3), or with HTTP when
// it was no OCSP request at all.
func (s *Service) failOCSP(w http.ResponseWriter, r *http.Request, err error) {
	e := core.AsError(err)
	f := s.form(r, e)
	if f.ocsp == 0 {
		s.fail(w, r, err)
		return
	}
	h := w.Header()
	retry(h, e, f.http)
	h.Set("Content-Type", "application/ocsp-response")
	h.Set("Cache-Control", "no-store")
	// OCSPResponse ::= SEQUENCE { responseStatus ENUMERATED }
	httpx.Reply(w, r, http.StatusOK, []byte{0x30, 0x03, 0x0a, 0x01, byte(f.ocsp)})
}

func retry(h http.Header, e *core.Error, status int) {
	if e.RetryAfter > 0 {
		httpx.RetryAfter(h, e.RetryAfter)
	} else if status == http.StatusServiceUnavailable {
		httpx.RetryAfter(h, time.Minute)
	}
}
