package est

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// statuses is the wire form of every kind of error: an HTTP status with a text
// for people (RFC 7030 section 4.2.3).
var statuses = map[core.Kind]int{
	core.KindInternal:        http.StatusInternalServerError,
	core.KindInvalid:         http.StatusBadRequest,
	core.KindUnsupported:     http.StatusNotImplemented,
	core.KindMediaType:       http.StatusUnsupportedMediaType,
	core.KindTooLarge:        http.StatusRequestEntityTooLarge,
	core.KindUnauthenticated: http.StatusUnauthorized,
	core.KindForbidden:       http.StatusForbidden,
	core.KindNotFound:        http.StatusNotFound,
	core.KindConflict:        http.StatusConflict,
	core.KindExists:          http.StatusConflict,
	core.KindBadCSR:          http.StatusBadRequest,
	core.KindBadProof:        http.StatusBadRequest,
	core.KindBadKey:          http.StatusBadRequest,
	core.KindBadName:         http.StatusForbidden,
	core.KindPolicy:          http.StatusForbidden,
	core.KindLint:            http.StatusBadRequest,
	core.KindNotValidated:    http.StatusForbidden,
	core.KindApprovalRefused: http.StatusForbidden,
	core.KindRateLimited:     http.StatusTooManyRequests,
	core.KindQuota:           http.StatusForbidden,
	core.KindRevoked:         http.StatusForbidden,
	core.KindExpired:         http.StatusForbidden,
	core.KindPending:         http.StatusAccepted,
	core.KindUpstream:        http.StatusServiceUnavailable,
	core.KindUnavailable:     http.StatusServiceUnavailable,
}

// fail answers with err. The cause goes to the log only.
func (s *Service) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := core.AsError(err)
	status, ok := statuses[e.Kind]
	if !ok {
		status = http.StatusInternalServerError
	}
	id := httpx.RequestID(r.Context())
	if status == http.StatusInternalServerError {
		s.d.Log.ErrorContext(r.Context(), "EST request failed", "request_id", id, "error", err.Error())
		text(w, r, status, "internal error, request id "+id)
		return
	}
	if e.Unwrap() != nil {
		s.d.Log.WarnContext(r.Context(), "EST request refused", "request_id", id, "error", err.Error())
	}
	wait := e.RetryAfter
	switch status {
	case http.StatusUnauthorized:
		// RFC 7617 section 2. The realm is ours, without quotes in it.
		w.Header().Set("WWW-Authenticate", `Basic realm="`+s.d.Realm+`", charset="UTF-8"`)
	case http.StatusAccepted, http.StatusServiceUnavailable, http.StatusTooManyRequests:
		if wait <= 0 {
			wait = s.d.RetryAfter
		}
	}
	if wait > 0 {
		httpx.RetryAfter(w.Header(), wait)
	}
	text(w, r, status, explain(e))
}

// explain writes the sentence that a person at the client reads: the detail,
// then one line for each reason.
func explain(e *core.Error) string {
	var b strings.Builder
	detail := e.Detail
	if detail == "" {
		detail = string(e.Kind)
	}
	b.WriteString(detail)
	for _, r := range e.Reasons {
		b.WriteByte('\n')
		if r.Field != "" {
			b.WriteString(r.Field + ": ")
		}
		if r.Value != "" {
			b.WriteString(strconv.Quote(r.Value) + ": ")
		}
		b.WriteString(r.Detail + " (" + r.Code + ")")
	}
	return b.String()
}

// text answers in plain text.
func text(w http.ResponseWriter, r *http.Request, status int, s string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	httpx.Reply(w, r, status, []byte(s+"\n"))
}
