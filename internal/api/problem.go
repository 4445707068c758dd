package api

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// kindRow is one row of the table from kind to HTTP.
type kindRow struct {
	status int
	title  string
}

// kindTable is the wire form of every kind. A kind that is not in it is an
// internal error.
var kindTable = map[core.Kind]kindRow{
	core.KindInternal:        {http.StatusInternalServerError, "Internal error"},
	core.KindInvalid:         {http.StatusBadRequest, "Invalid request"},
	core.KindUnsupported:     {http.StatusUnprocessableEntity, "Not supported"},
	core.KindMediaType:       {http.StatusUnsupportedMediaType, "Wrong content type"},
	core.KindTooLarge:        {http.StatusRequestEntityTooLarge, "Too large"},
	core.KindUnauthenticated: {http.StatusUnauthorized, "Not authenticated"},
	core.KindForbidden:       {http.StatusForbidden, "Forbidden"},
	core.KindNotFound:        {http.StatusNotFound, "Not found"},
	core.KindConflict:        {http.StatusConflict, "Conflict"},
	core.KindExists:          {http.StatusConflict, "Exists already"},
	core.KindBadCSR:          {http.StatusUnprocessableEntity, "Unusable certificate request"},
	core.KindBadProof:        {http.StatusUnprocessableEntity, "Proof of possession failed"},
	core.KindBadKey:          {http.StatusUnprocessableEntity, "Key refused"},
	core.KindBadName:         {http.StatusUnprocessableEntity, "Name refused"},
	core.KindPolicy:          {http.StatusUnprocessableEntity, "Refused by the product's rules"},
	core.KindLint:            {http.StatusUnprocessableEntity, "Refused by a lint"},
	core.KindNotValidated:    {http.StatusUnprocessableEntity, "Name not validated"},
	core.KindApprovalRefused: {http.StatusConflict, "Rejected"},
	core.KindRateLimited:     {http.StatusTooManyRequests, "Too many requests"},
	core.KindQuota:           {http.StatusForbidden, "Limit used up"},
	core.KindRevoked:         {http.StatusConflict, "Revoked"},
	core.KindExpired:         {http.StatusConflict, "Expired"},
	core.KindPending:         {http.StatusConflict, "Not finished yet"},
	core.KindUpstream:        {http.StatusBadGateway, "A server behind this one failed"},
	core.KindUnavailable:     {http.StatusServiceUnavailable, "Unavailable now"},
}

// problem makes the public form of an error and logs what is our own fault.
func (a *API) problem(ctx context.Context, err error) *resource.Problem {
	e := core.AsError(err)
	row, known := kindTable[e.Kind]
	if !known {
		e = core.Wrap(core.KindInternal, err, "")
		row = kindTable[core.KindInternal]
	}
	p := &resource.Problem{Type: resource.ProblemTypeOf(e.Kind), Title: row.title, Status: row.status, RequestID: httpx.RequestID(ctx)}
	if e.Kind == core.KindInternal {
		if ctx.Err() == nil {
			a.d.Logger.ErrorContext(ctx, "request failed", "request", p.RequestID, "error", err)
		}
		return p // the detail may be meant for the log
	}
	if row.status >= http.StatusInternalServerError {
		a.d.Logger.WarnContext(ctx, "request failed", "request", p.RequestID, "error", err)
	}
	p.Detail, p.Field, p.Reasons = e.Detail, e.Field, e.Reasons
	if e.RetryAfter > 0 {
		p.RetryAfter = int(math.Ceil(e.RetryAfter.Seconds()))
	}
	return p
}

// answer makes of an error what huma writes as a problem, with the headers
// that belong to it.
func (a *API) answer(ctx context.Context, err error) error {
	p := a.problem(ctx, err)
	if h := problemHeaders(p); len(h) > 0 {
		return &headedProblem{p, h}
	}
	return p
}

// headedProblem is a problem with headers. It is found by errors.As as both.
type headedProblem struct {
	*resource.Problem
	headers http.Header
}

// GetHeaders implements huma.HeadersError.
func (h *headedProblem) GetHeaders() http.Header { return h.headers }

// problemHeaders are the headers that go with a problem.
func problemHeaders(p *resource.Problem) http.Header {
	h := http.Header{}
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="certwright"`)
	}
	return h
}

// refuse answers outside of huma.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err error) {
	writeProblem(w, a.problem(r.Context(), err))
}

func writeProblem(w http.ResponseWriter, p *resource.Problem) {
	for k, v := range problemHeaders(p) {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Type", resource.ProblemType)
	body, err := json.Marshal(p)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError) // our own type always marshals
		return
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n'))
}

// ownProblem turns the errors that huma makes by itself (unreadable JSON,
// values against the schema, unknown fields) into ours. The values at fault are
// left out: one may be a password.
func (a *API) ownProblem(ctx huma.Context, _ string, v any) (any, error) {
	switch e := v.(type) {
	case *headedProblem:
		return e.Problem, nil
	case *huma.ErrorModel:
		p := a.problem(ctx.Context(), fromHuma(e))
		setStatus(ctx, p.Status)
		return p, nil
	}
	return v, nil
}

// fromHuma finds the kind of an error of huma's.
func fromHuma(e *huma.ErrorModel) error {
	switch e.Status {
	case http.StatusRequestEntityTooLarge:
		return core.Errorf(core.KindTooLarge, "the request body is over the limit of %d octets", MaxBody)
	case http.StatusUnsupportedMediaType:
		return core.Errorf(core.KindMediaType, "the request body must be application/json")
	case http.StatusRequestTimeout:
		return core.Errorf(core.KindInvalid, "the request body did not arrive in time")
	case http.StatusInternalServerError:
		if strings.Contains(e.Detail, "read request body") {
			return unread(e)
		}
		return core.Errorf(core.KindInternal, "%s", e.Detail)
	}
	var reasons []core.Reason
	for _, d := range e.Errors {
		field := strings.TrimPrefix(strings.TrimPrefix(d.Location, "body."), "query.")
		detail := d.Message
		if field == "body" && strings.Contains(detail, "invalid character") {
			detail = "not JSON"
		}
		reasons = append(reasons, core.Reason{Code: "request.invalid", Field: field, Detail: detail})
		if len(reasons) == 20 {
			break
		}
	}
	err := core.Errorf(core.KindInvalid, "%s", e.Detail)
	if len(reasons) > 0 {
		err = core.Errorf(core.KindInvalid, "%s: %s", reasons[0].Field, reasons[0].Detail).At(reasons[0].Field).Because(reasons...)
	}
	return err
}

// unread tells why a request body could not be read.
func unread(e *huma.ErrorModel) error {
	limit := (&http.MaxBytesError{}).Error()
	for _, d := range e.Errors {
		if d.Message == limit {
			return core.Errorf(core.KindTooLarge, "the request body is over the limit of %d octets", MaxBody)
		}
	}
	return core.Errorf(core.KindInvalid, "the request body ends before its announced length")
}

// humaContext lets statusContext embed huma.Context, whose method Context
// would clash with the field's name.
type humaContext huma.Context

// statusContext lets the answer to an error that huma made by itself have our
// status for its kind.
type statusContext struct {
	humaContext
	status int // 0: as huma says
}

// kindStatus is the outermost middleware: it puts a statusContext around.
func kindStatus(ctx huma.Context, next func(huma.Context)) { next(&statusContext{humaContext: ctx}) }

// SetStatus implements huma.Context.
func (c *statusContext) SetStatus(code int) {
	if c.status != 0 {
		code = c.status
	}
	c.humaContext.SetStatus(code)
}

// Unwrap lets humago find its own context.
func (c *statusContext) Unwrap() huma.Context { return c.humaContext }

// setStatus decides the status of the answer being written.
func setStatus(ctx huma.Context, code int) {
	for {
		if c, ok := ctx.(*statusContext); ok {
			c.status = code
			return
		}
		u, ok := ctx.(interface{ Unwrap() huma.Context })
		if !ok {
			return
		}
		ctx = u.Unwrap()
	}
}
