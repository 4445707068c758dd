package httpx

import (
	"net/http"
	"strconv"
	"strings"
)

// withPage lets page answer browsers that ask for a path which mux does not know.
// Everybody else, and a wrong method, gets what mux says.
func withPage(mux *http.ServeMux, page http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if (r.Method == http.MethodGet || r.Method == http.MethodHead) && WantsHTML(r) {
			if h, pattern := mux.Handler(r); pattern == "" {
				probe := &probe{header: http.Header{}}
				h.ServeHTTP(probe, r)
				if probe.status == http.StatusNotFound {
					page.ServeHTTP(w, r)
					return
				}
			}
		}
		mux.ServeHTTP(w, r)
	})
}

// probe takes an answer for its status alone.
type probe struct {
	header http.Header
	status int
}

func (p *probe) Header() http.Header { return p.header }

func (p *probe) WriteHeader(status int) {
	if p.status == 0 {
		p.status = status
	}
}

func (p *probe) Write(b []byte) (int, error) {
	p.WriteHeader(http.StatusOK)
	return len(b), nil
}

// WantsHTML reports whether the Accept header names text/html, as that of a browser
// that opens a page does and that of a program, which sends none or */*, does not (RFC
// 9110 section 12.5.1).
func WantsHTML(r *http.Request) bool {
	for _, line := range r.Header.Values("Accept") {
		for part := range strings.SplitSeq(line, ",") {
			media, params, _ := strings.Cut(part, ";")
			if !strings.EqualFold(strings.TrimSpace(media), "text/html") {
				continue
			}
			for param := range strings.SplitSeq(params, ";") {
				name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
				if q, err := strconv.ParseFloat(strings.TrimSpace(value), 64); strings.EqualFold(name, "q") && err == nil && q <= 0 {
					return false
				}
			}
			return true
		}
	}
	return false
}
