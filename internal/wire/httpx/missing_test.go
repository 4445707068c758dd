package httpx

import (
	"io"
	"net/http"
	"testing"
)

// TestMissing: browsers get the page where no route answers; programs, wrong methods
// and routes that answer 404 themselves get what they got before.
func TestMissing(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "page")
	})
	own := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "own", http.StatusNotFound) })
	srv, _ := serve(t, Deps{}, Route{Protocol: "a", Pattern: "POST /do", Handler: own}, Route{Protocol: "b", Pattern: "/b/", Handler: own},
		Route{Protocol: "p", Missing: true, Handler: page})
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	for _, c := range []struct {
		method, path, accept string
		status               int
		body                 string
	}{
		{"GET", "/nothing", browser, 404, "page"},
		{"HEAD", "/nothing", browser, 404, ""},
		{"GET", "/a//b/../c", browser, 404, "page"},
		{"GET", "/nothing", "", 404, "404 page not found\n"},
		{"GET", "/nothing", "*/*", 404, "404 page not found\n"},
		{"GET", "/nothing", "application/json, text/html;q=0", 404, "404 page not found\n"},
		{"GET", "/nothing", "text/html;q=x", 404, "page"},
		{"POST", "/nothing", browser, 404, "404 page not found\n"},
		{"GET", "/do", browser, 405, "Method Not Allowed\n"},
		{"GET", "/b/x", browser, 404, "own\n"},
		{"POST", "/do", browser, 404, "own\n"},
	} {
		req := request(t, c.method, srv.URL+c.path, nil)
		if c.accept != "" {
			req.Header.Set("Accept", c.accept)
		}
		res, body := get(t, req)
		if res.StatusCode != c.status || body != c.body || c.status == 405 && res.Header.Get("Allow") != "POST" {
			t.Errorf("%s %s (%s): %d %q", c.method, c.path, c.accept, res.StatusCode, body)
		}
	}
}

// FuzzWantsHTML: no header stops the program, and what has no text/html never wants it.
func FuzzWantsHTML(f *testing.F) {
	for _, s := range []string{"", "text/html", "a,text/html;q=0", "text/html;q=0.0;level=1", ";;,,", "TEXT/HTML ; q = 1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r := &http.Request{Header: http.Header{"Accept": {s}}}
		if WantsHTML(r) && len(s) < len("text/html") {
			t.Errorf("%q", s)
		}
	})
}
