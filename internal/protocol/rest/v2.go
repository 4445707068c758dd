package rest

import (
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/protocol"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// v2Prefix precedes every path of version 2 but the token endpoint's.
const v2Prefix = "/api/certinext/v2"

// Body limits in octets.
const (
	maxCreateBody    = 512 << 10 // an order with thousands of names is refused with reasons, not cut off
	maxDocumentsBody = 16 << 20  // several documents at once
)

// action answers one method of a resource.
type action func(*call) error

// methods are the actions of a resource.
type methods map[string]action

// resource is one path below v2Prefix.
type resource struct {
	path    string
	methods methods
	maxBody int64
}

// v2Routes are the token endpoint and the resources of version 2. Patterns
// carry no method, because ServeMux would answer other methods itself, without a
// problem document.
func (s *Service) v2Routes() []protocol.Route {
	routes := []protocol.Route{
		{Pattern: "/oauth/token", On: protocol.Main, Handler: http.HandlerFunc(s.token), MaxBody: maxTokenBody},
		{Pattern: v2Prefix + "/", On: protocol.Main, Handler: s.v2(resource{}), MaxBody: httpx.DefaultMaxBody},
	}
	for _, r := range slices.Concat(orderResources(), domainResources(), accountResources(), reportResources(), inventoryResources()) {
		routes = append(routes, protocol.Route{Pattern: v2Prefix + r.path, On: protocol.Main, Handler: s.v2(r), MaxBody: r.maxBody})
	}
	return routes
}

// call is one authenticated request of version 2.
type call struct {
	s   *Service
	w   http.ResponseWriter
	r   *http.Request
	ctx context.Context
	p   *core.Principal
	max int64
}

// v2 serves one resource.
func (s *Service) v2(res resource) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Strict-Transport-Security", "max-age=31536000")
		h.Set("X-API-Version", "2.0.0")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Frame-Options", "DENY")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Add("Vary", "Origin")
		if err := s.serveV2(w, r, res); err != nil {
			s.fail(w, r, err)
		}
	})
}

func (s *Service) serveV2(w http.ResponseWriter, r *http.Request, res resource) error {
	act, err := res.find(r.Method)
	if err != nil {
		return err
	}
	p, err := s.bearer(r)
	if err != nil {
		return err
	}
	if act == nil {
		return refuse(http.StatusNotFound, "", "943", "there is no such resource")
	}
	c := &call{s: s, w: w, r: r, ctx: r.Context(), p: p, max: res.maxBody}
	return act(c)
}

// find returns the action of a method; nil when the resource does not exist.
func (res *resource) find(method string) (action, error) {
	if res.methods == nil {
		return nil, nil
	}
	if method == http.MethodHead && res.methods[http.MethodGet] != nil {
		method = http.MethodGet
	}
	if a := res.methods[method]; a != nil {
		return a, nil
	}
	var allow []string
	for m := range res.methods {
		allow = append(allow, m)
		if m == http.MethodGet {
			allow = append(allow, http.MethodHead)
		}
	}
	slices.Sort(allow)
	list := strings.Join(allow, ", ")
	return nil, refuse(http.StatusMethodNotAllowed, "", "956", "this resource takes "+list+" requests only").with("Allow", list)
}

// json answers with JSON, after looking whether the client takes it.
func (c *call) json(status int, v any) error {
	if err := c.acceptable("application/json"); err != nil {
		return err
	}
	reply(c.w, c.r, status, v)
	return nil
}

// created answers 201 with Location.
func (c *call) created(path string, v any) error {
	c.w.Header().Set("Location", v2Prefix+path)
	return c.json(http.StatusCreated, v)
}

// empty answers 204.
func (c *call) empty() error {
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// acceptable answers 406 unless the client takes one of the media types.
func (c *call) acceptable(types ...string) error {
	if c.accepted(types...) != "" {
		return nil
	}
	return refuse(http.StatusNotAcceptable, "", "901", "this resource is to be had as "+strings.Join(types, ", ")+" only")
}

// accepted returns the first of types that the Accept header allows (RFC 9110
// section 12.5.1), in the header's order of preference; "" when none. Quality
// values other than 0 are not weighed.
func (c *call) accepted(types ...string) string {
	header := strings.Join(c.r.Header.Values("Accept"), ",")
	if strings.TrimSpace(header) == "" {
		return types[0]
	}
	for part := range strings.SplitSeq(header, ",") {
		media, params, err := mime.ParseMediaType(part)
		if err != nil || params["q"] == "0" || params["q"] == "0.0" {
			continue
		}
		for _, t := range types {
			if media == t || media == "*/*" || strings.HasSuffix(media, "/*") && strings.HasPrefix(t, media[:len(media)-1]) {
				return t
			}
		}
		if media == "application/problem+json" { // sent by clients beside nothing else
			return types[0]
		}
	}
	return ""
}

// body reads a JSON object of any content; required says that there must be one.
func (c *call) body(required bool) ([]byte, error) {
	b, err := httpx.ReadBody(c.r, c.max)
	if err != nil {
		return nil, err
	}
	ct := c.r.Header.Get("Content-Type")
	if len(b) == 0 && !required {
		return nil, nil
	}
	media, _, err := mime.ParseMediaType(ct)
	if err != nil || media != "application/json" && !(strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")) {
		return nil, refuse(http.StatusUnsupportedMediaType, "", "901", "the content type must be application/json")
	}
	if len(b) == 0 {
		return nil, refuse(http.StatusBadRequest, "", "902", "the request has no body; it must be a JSON object")
	}
	return b, nil
}

// read decodes the JSON body into v. Unknown members are ignored.
func (c *call) read(v any, required bool) error {
	b, err := c.body(required)
	if err != nil || len(b) == 0 {
		return err
	}
	return decode(b, v)
}

// decode reads one JSON object.
func decode(b []byte, v any) error {
	err := json.Unmarshal(b, v)
	var typ *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &typ) && typ.Field != "":
		return refuse(http.StatusBadRequest, "", "1181", "a field has the wrong type").field(typ.Field, "must not be a JSON "+typ.Value)
	}
	return refuse(http.StatusBadRequest, "", "902", "the body is no JSON object of the expected form")
}

// missing collects the fields that a request lacks or has wrong.
type missing struct{ p *problem }

// need notes a field unless ok; the first one decides over the number.
func (m *missing) need(ok bool, number, field, message string) {
	if ok {
		return
	}
	if m.p == nil {
		m.p = refuse(http.StatusBadRequest, "", number, field+": "+message)
	}
	m.p.field(field, message)
}

func (m *missing) err() error {
	if m.p == nil {
		return nil
	}
	return m.p
}
