package httpx

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"runtime/debug"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// Deps is what a Stack stands on.
type Deps struct {
	Log     *slog.Logger // access log and panics
	Now     func() time.Time
	Metrics Metrics // nil: none
	Limit   Limiter // by client address; nil: none
	Proxies Proxies
}

// Route is one pattern of a listener.
type Route struct {
	Protocol string // label of metrics and log
	Pattern  string // net/http ServeMux syntax
	Handler  http.Handler
	MaxBody  int64 // octets; 0 means DefaultMaxBody, below 0 no limit
	Quiet    bool  // successes are logged at debug level (health checks, metrics)
	Secret   bool  // the path holds a secret: the log does not show it
	// Missing: Handler answers browsers where no route does, with 404. Pattern is empty.
	Missing bool
}

// Stack wraps handlers with the plumbing that every listener has.
type Stack struct{ d Deps }

// New makes a Stack.
func New(d Deps) *Stack { return &Stack{d: d} }

// Mux makes the handler of one listener. Two patterns that clash are an error.
//
// A path that is not clean ("//", "/./", "/../") is served as if it were,
// where http.ServeMux would redirect: clients of OCSP, SCEP and EST do not
// follow redirects, and a redirected POST loses its body. A handler that needs
// the path as sent reads r.RequestURI.
func (s *Stack) Mux(routes []Route) (http.Handler, error) {
	mux := http.NewServeMux()
	var missing http.Handler
	for i := range routes {
		if routes[i].Missing {
			missing = routes[i].Handler
			continue
		}
		if err := s.mount(mux, &routes[i]); err != nil {
			return nil, err
		}
	}
	if missing == nil {
		return s.outer(mux), nil
	}
	return s.outer(withPage(mux, missing)), nil
}

func (s *Stack) mount(mux *http.ServeMux, r *Route) (err error) {
	defer func() {
		if p := recover(); p != nil { // ServeMux panics on a bad or clashing pattern
			err = fmt.Errorf("route %q of %s: %v", r.Pattern, r.Protocol, p)
		}
	}()
	limit := r.MaxBody
	if limit == 0 {
		limit = DefaultMaxBody
	}
	mux.HandleFunc(r.Pattern, func(w http.ResponseWriter, req *http.Request) {
		rec, ok := w.(*recorder)
		if ok {
			rec.route = r
		}
		if limit > 0 && req.Body != nil && req.Body != http.NoBody {
			plain := w
			if ok {
				plain = rec.ResponseWriter // MaxBytesReader asks it to close the connection
			}
			req.Body = http.MaxBytesReader(plain, req.Body, limit)
		}
		if s.d.Metrics != nil {
			s.d.Metrics.Started(r.Protocol)
			start := s.d.Now()
			defer func() { s.d.Metrics.Finished(r.Protocol, r.Pattern, statusOf(rec), s.d.Now().Sub(start)) }()
		}
		defer s.guard(w, req)
		r.Handler.ServeHTTP(w, req)
	})
	return nil
}

func statusOf(rec *recorder) int {
	if rec == nil || rec.status == 0 {
		return http.StatusOK
	}
	return rec.status
}

const tooMany = `{"type":"about:blank","title":"Too Many Requests","status":429,"detail":"too many requests from this address"}` + "\n"

// outer does what comes before routing and after answering.
func (s *Stack) outer(mux http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := s.d.Now()
		c := s.d.Proxies.client(r)
		if c.RequestID == "" {
			c.RequestID = core.NewID[string](start)
		}
		w.Header().Set("X-Request-Id", c.RequestID)
		rec := &recorder{ResponseWriter: w}
		r = r.WithContext(WithClient(r.Context(), c))
		defer func() { s.access(r, rec, &c, s.d.Now().Sub(start)) }()
		if s.d.Limit != nil {
			if wait, ok := s.d.Limit.Take(c.Address); !ok {
				RetryAfter(rec.Header(), wait)
				rec.Header().Set("Content-Type", "application/problem+json") // RFC 9457
				rec.WriteHeader(http.StatusTooManyRequests)
				_, _ = io.WriteString(rec, tooMany)
				return
			}
		}
		defer s.guard(rec, r)
		mux.ServeHTTP(rec, cleaned(r))
	})
}

// cleaned returns r, or a copy with a clean path when r's is not.
func cleaned(r *http.Request) *http.Request {
	p := r.URL.EscapedPath()
	if !strings.Contains(p, "//") && !strings.Contains(p, "/.") || r.Method == http.MethodConnect {
		return r
	}
	clean := path.Clean("/" + p)
	if strings.HasSuffix(p, "/") && clean != "/" {
		clean += "/"
	}
	if clean == p {
		return r
	}
	u := *r.URL
	plain, err := url.PathUnescape(clean)
	if err != nil {
		return r
	}
	u.Path, u.RawPath = plain, clean
	r2 := r.WithContext(r.Context())
	r2.URL = &u
	return r2
}

// guard turns a panic into a 500 that names the request id and keeps the
// connection, unless the answer has begun already: then the connection is cut
// so that the client does not take a stump for the whole.
func (s *Stack) guard(w http.ResponseWriter, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler {
		panic(p)
	}
	id := RequestID(r.Context())
	stack := debug.Stack()
	s.d.Log.ErrorContext(r.Context(), "panic while serving", "request_id", id, "panic", fmt.Sprint(p),
		"stack", string(stack[:min(len(stack), 16<<10)]))
	if rec, ok := w.(*recorder); ok && rec.status != 0 {
		panic(http.ErrAbortHandler)
	}
	for name := range w.Header() {
		if name != "X-Request-Id" {
			w.Header().Del(name)
		}
	}
	http.Error(w, "internal error, request id "+id, http.StatusInternalServerError)
}

// access writes one line for each request: no query, no headers but the
// agent, because both may hold secrets.
func (s *Stack) access(r *http.Request, rec *recorder, c *Client, took time.Duration) {
	level, protocol, pattern, path := slog.LevelInfo, "none", "", cut(r.URL.Path, 200)
	status := statusOf(rec)
	if rec.route != nil {
		protocol, pattern = rec.route.Protocol, rec.route.Pattern
		if rec.route.Secret {
			path = ""
		}
		if rec.route.Quiet && status < 400 {
			level = slog.LevelDebug
		}
	}
	if status >= 500 {
		level = slog.LevelError
	}
	if !s.d.Log.Enabled(r.Context(), level) {
		return
	}
	s.d.Log.LogAttrs(r.Context(), level, "request",
		slog.String("request_id", c.RequestID),
		slog.String("protocol", protocol),
		slog.String("route", pattern),
		slog.String("method", cut(r.Method, 20)),
		slog.String("path", path),
		slog.Int("status", status),
		slog.Int64("bytes", rec.bytes),
		slog.Int64("duration_us", took.Microseconds()),
		slog.String("address", c.Address.String()),
		slog.String("agent", cut(r.UserAgent(), 200)))
}

func cut(s string, n int) string {
	if len(s) > n {
		return s[:n] + "…"
	}
	return s
}
