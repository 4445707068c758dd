package api

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// bodyTime is how long a request body may take to arrive.
const bodyTime = 30 * time.Second

// operation describes one operation of the API.
type operation struct {
	id      string // of OpenAPI: "list-orders"
	method  string
	path    string // below Prefix
	tag     string
	summary string
	about   string // more than the summary says; may be empty
	// action is what the principal must be allowed to do somewhere. Empty: any
	// signed-in person, also one who must change his password.
	action identity.Action
	open   bool   // no authentication
	status int    // of success; 0: 200, or 204 without a body
	media  string // of a streamed answer; empty: JSON
	// pending documents 202 next to the status of success: the order is open.
	pending bool
	body    int64 // octets of the largest request body; 0: MaxBody
}

// none is the answer without a body.
type none struct{}

// out is an answer that is a JSON body.
type out[T any] struct{ Body T }

// in is a request that is a JSON body.
type in[T any] struct{ Body T }

// handler does the work of an operation.
type handler[I, O any] func(ctx context.Context, p *core.Principal, in *I) (*O, error)

// register adds an operation.
func register[I, O any](a *API, op operation, h handler[I, O]) {
	a.limits[op.method+" "+Prefix+op.path] = op.limit()
	problem := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[resource.Problem](), true, "Problem")
	o := huma.Operation{
		OperationID: op.id, Method: op.method, Path: op.path, Summary: op.summary, Description: op.about, Tags: []string{op.tag},
		DefaultStatus: op.status, MaxBodyBytes: op.limit() + 1, BodyReadTimeout: bodyTime,
		Middlewares: huma.Middlewares{a.enter(op)},
		Security:    []map[string][]string{{"token": {}}, {"session": {}}},
		Extensions:  map[string]any{},
		Responses: map[string]*huma.Response{"default": {
			Description: "Refused or failed", Content: map[string]*huma.MediaType{resource.ProblemType: {Schema: problem}},
		}},
	}
	if op.open {
		o.Security = []map[string][]string{}
	}
	if op.action != "" {
		o.Extensions["x-certwright-action"] = string(op.action)
	}
	if op.media != "" {
		o.Responses["200"] = &huma.Response{Description: "OK", Content: map[string]*huma.MediaType{op.media: {Schema: &huma.Schema{Type: "string", Format: "binary"}}}}
	}
	huma.Register(a.huma, o, func(ctx context.Context, in *I) (*O, error) {
		res, err := h(ctx, principalOf(ctx), in)
		if err != nil {
			return nil, a.answer(ctx, err)
		}
		return res, nil
	})
	if op.pending {
		done := o.Responses["201"]
		o.Responses["202"] = &huma.Response{Description: "Accepted: the order waits for people or for a CA", Content: done.Content, Headers: done.Headers}
	}
}

type principalKey struct{}

// principalOf returns who asks; nil in an open operation.
func principalOf(ctx context.Context) *core.Principal {
	p, _ := ctx.Value(principalKey{}).(*core.Principal)
	return p
}

// enter authenticates and checks the action before the body is read.
func (a *API) enter(op operation) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		p, err := a.admit(ctx, op)
		if err != nil {
			a.deny(ctx, err)
			return
		}
		if p != nil {
			ctx = huma.WithValue(ctx, principalKey{}, p)
		}
		next(ctx)
	}
}

// deny writes a problem from a middleware.
func (a *API) deny(ctx huma.Context, err error) {
	p := a.problem(ctx.Context(), err)
	for k, values := range problemHeaders(p) {
		ctx.SetHeader(k, strings.Join(values, ", "))
	}
	ctx.SetHeader("Content-Type", resource.ProblemType)
	ctx.SetStatus(p.Status)
	_ = a.huma.Marshal(ctx.BodyWriter(), "application/json", p)
}

// get, post and so on shorten the tables of routes.
func get(tag, id, path, summary string, action identity.Action) operation {
	return operation{id: id, method: http.MethodGet, path: path, tag: tag, summary: summary, action: action}
}

func post(tag, id, path, summary string, action identity.Action) operation {
	return operation{id: id, method: http.MethodPost, path: path, tag: tag, summary: summary, action: action}
}

func put(tag, id, path, summary string, action identity.Action) operation {
	return operation{id: id, method: http.MethodPut, path: path, tag: tag, summary: summary, action: action}
}

func patch(tag, id, path, summary string, action identity.Action) operation {
	return operation{id: id, method: http.MethodPatch, path: path, tag: tag, summary: summary, action: action}
}

func remove(tag, id, path, summary string, action identity.Action) operation {
	return operation{id: id, method: http.MethodDelete, path: path, tag: tag, summary: summary, action: action}
}

// created makes 201 the status of success.
func (o operation) created() operation { o.status = http.StatusCreated; return o }

// says adds a description.
func (o operation) says(text string) operation { o.about = text; return o }

// waits documents that the answer may be 202.
func (o operation) waits() operation { o.pending = true; return o }

// streams names the media type of an answer that is no JSON document.
func (o operation) streams(media string) operation { o.media = media; return o }

// uploads allows a request body of up to n octets.
func (o operation) uploads(n int64) operation { o.body = n; return o }

// limit is the largest request body in octets.
func (o operation) limit() int64 {
	if o.body > 0 {
		return o.body
	}
	return MaxBody
}
