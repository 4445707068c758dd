package httpx

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/prometheus/client_golang/prometheus"
)

func serve(t *testing.T, d Deps, routes ...Route) (*httptest.Server, *logBuffer) {
	t.Helper()
	log, buf := newLog()
	d.Log = log
	if d.Now == nil {
		d.Now = time.Now
	}
	h, err := New(d).Mux(routes)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv, buf
}

func get(t *testing.T, req *http.Request) (*http.Response, string) {
	t.Helper()
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}

func request(t *testing.T, method, url string, body io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func TestPanicKeepsConnection(t *testing.T) {
	srv, log := serve(t, Deps{},
		Route{Protocol: "p", Pattern: "/boom", Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/pkcs10")
			panic("kaboom")
		})},
		Route{Protocol: "p", Pattern: "/late", Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusOK)
			panic("late")
		})},
		Route{Protocol: "p", Pattern: "/fine", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, r.RemoteAddr)
		})})
	_, before := get(t, request(t, "GET", srv.URL+"/fine", nil))
	res, body := get(t, request(t, "GET", srv.URL+"/boom", nil))
	id := res.Header.Get("X-Request-Id")
	if res.StatusCode != 500 || id == "" || !strings.Contains(body, id) || strings.Contains(body, "kaboom") {
		t.Errorf("%d %q id %q", res.StatusCode, body, id)
	}
	if ct := res.Header.Get("Content-Type"); !strings.HasPrefix(ct, "text/plain") {
		t.Error(ct)
	}
	if _, after := get(t, request(t, "GET", srv.URL+"/fine", nil)); after != before {
		t.Error("the connection was not kept")
	}
	if s := log.String(); !strings.Contains(s, "kaboom") || !strings.Contains(s, "stack_test.go") || !strings.Contains(s, id) {
		t.Error("no stack in the log: " + s)
	}
	if res, err := http.Get(srv.URL + "/late"); err == nil {
		if _, err = io.ReadAll(res.Body); err == nil {
			t.Error("a stump was delivered as a whole")
		}
		res.Body.Close()
	}
}

func TestRequestIDIsOurs(t *testing.T) {
	srv, _ := serve(t, Deps{}, Route{Pattern: "/", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, RequestID(r.Context()))
	})})
	req := request(t, "GET", srv.URL, nil)
	req.Header.Set("X-Request-Id", "mine")
	res, body := get(t, req)
	if body == "mine" || body != res.Header.Get("X-Request-Id") || !core.ValidID(body) {
		t.Error(body)
	}
	srv, _ = serve(t, Deps{Proxies: Proxies{Trusted: prefixes("127.0.0.0/8")}}, Route{Pattern: "/", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, RequestID(r.Context()), ClientAddr(r.Context()))
	})})
	req = request(t, "GET", srv.URL, nil)
	req.Header.Set("X-Request-Id", "theirs")
	req.Header.Set("X-Forwarded-For", "192.0.2.4")
	if _, body := get(t, req); body != "theirs"+"192.0.2.4" {
		t.Error(body)
	}
}

func TestBodyLimit(t *testing.T) {
	h := func(w http.ResponseWriter, r *http.Request) {
		b, err := ReadBody(r, 1000)
		if err != nil {
			http.Error(w, string(core.KindOf(err)), 400)
			return
		}
		fmt.Fprint(w, len(b))
	}
	srv, _ := serve(t, Deps{},
		Route{Pattern: "/small", MaxBody: 100, Handler: http.HandlerFunc(h)},
		Route{Pattern: "/default", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, err := io.ReadAll(r.Body)
			fmt.Fprint(w, err)
		})},
		Route{Pattern: "/big", MaxBody: -1, Handler: http.HandlerFunc(h)})
	for _, c := range []struct {
		path    string
		n       int
		chunked bool
		want    string
	}{
		{"/small", 100, false, "100"}, {"/small", 101, false, "too-large\n"}, {"/small", 101, true, "too-large\n"},
		{"/big", 0, false, "0"}, {"/big", 1000, true, "1000"}, {"/big", 999, false, "999"},
		{"/big", 1001, false, "too-large\n"}, {"/big", 1001, true, "too-large\n"}, {"/big", 700, true, "700"},
		{"/default", 64<<10 + 1, false, "http: request body too large"}, {"/default", 64 << 10, false, "<nil>"},
	} {
		var body io.Reader = bytes.NewReader(make([]byte, c.n))
		if c.chunked {
			body = struct{ io.Reader }{body}
		}
		if _, got := get(t, request(t, "POST", srv.URL+c.path, body)); got != c.want {
			t.Errorf("%s %d chunked %v: got %q, want %q", c.path, c.n, c.chunked, got, c.want)
		}
	}
}

func TestReadBodyTruncated(t *testing.T) {
	r := httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader("abc"), failing{}))
	if _, err := ReadBody(r, 0); !core.Is(err, core.KindInvalid) {
		t.Error(err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("cut") }

func TestAccessLogHidesSecrets(t *testing.T) {
	srv, log := serve(t, Deps{}, Route{Protocol: "est", Pattern: "/x/{label}", Handler: http.NotFoundHandler()},
		Route{Protocol: "portal", Pattern: "/link/{secret}", Secret: true, Handler: http.NotFoundHandler()},
		Route{Protocol: "ops", Pattern: "/healthz", Quiet: true, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})})
	get(t, request(t, "GET", srv.URL+"/link/geheim", nil))
	req := request(t, "GET", srv.URL+"/x/lab?token=geheim", nil)
	req.SetBasicAuth("user", "geheim")
	req.Header.Set("User-Agent", strings.Repeat("a", 500))
	get(t, req)
	get(t, request(t, "GET", srv.URL+"/healthz", nil))
	get(t, request(t, "GET", srv.URL+"/nowhere", nil))
	s := log.String()
	for _, want := range []string{`"protocol":"est"`, `"route":"/link/{secret}"`, `"route":"/x/{label}"`, `"path":"/x/lab"`, `"status":404`, `"address":"127.0.0.1"`, `"protocol":"none"`, `"level":"DEBUG"`} {
		if !strings.Contains(s, want) {
			t.Errorf("no %s in %s", want, s)
		}
	}
	if strings.Contains(s, "geheim") || strings.Contains(s, req.Header.Get("Authorization")) || strings.Contains(s, strings.Repeat("a", 300)) {
		t.Error(s)
	}
}

func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	m, err := NewPrometheus(reg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewPrometheus(reg); err == nil {
		t.Error("registered twice")
	}
	srv, _ := serve(t, Deps{Metrics: m},
		Route{Protocol: "est", Pattern: "/a", Handler: http.NotFoundHandler()},
		Route{Protocol: "est", Pattern: "/p", Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(1) })})
	get(t, request(t, "GET", srv.URL+"/a", nil))
	get(t, request(t, "GET", srv.URL+"/a", nil))
	get(t, request(t, "GET", srv.URL+"/p", nil))
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, f := range families {
		for _, x := range f.Metric {
			fmt.Fprintln(&text, f.GetName(), x.String())
		}
	}
	s := text.String()
	for _, want := range []string{`value:"404"`, `value:"500"`, `value:"/a"`, `counter:{value:2`, `gauge:{value:0}`, `sample_count:3`} {
		if !strings.Contains(s, want) {
			t.Errorf("no %s in\n%s", want, s)
		}
	}
}

func TestUncleanPathIsServed(t *testing.T) {
	srv, _ := serve(t, Deps{}, Route{Pattern: "/ocsp/{slug}/{req...}", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Method, " ", r.PathValue("slug"), " ", r.PathValue("req"), " ", r.RequestURI)
	})})
	for path, want := range map[string]string{
		"/ocsp/ca/ab//cd":         "POST ca ab/cd /ocsp/ca/ab//cd",
		"/.//ocsp/ca/x":           "POST ca x /.//ocsp/ca/x",
		"/ocsp/./ca/y/../z":       "POST ca z /ocsp/./ca/y/../z",
		"/ocsp/ca/a%2F%2Fb//c%2B": "POST ca a//b/c+ /ocsp/ca/a%2F%2Fb//c%2B",
		"/ocsp/ca/a//":            "POST ca a/ /ocsp/ca/a//",
	} {
		req := request(t, "POST", srv.URL, strings.NewReader("x"))
		req.URL.Opaque = path
		if _, got := get(t, req); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

func TestClashingPatterns(t *testing.T) {
	log, _ := newLog()
	h := http.NotFoundHandler()
	if _, err := New(Deps{Log: log, Now: time.Now}).Mux([]Route{{Protocol: "a", Pattern: "/{x}/b", Handler: h}, {Protocol: "b", Pattern: "/a/{y}", Handler: h}}); err == nil {
		t.Error("no error")
	}
}

func TestReply(t *testing.T) {
	for _, n := range []int{0, 10, 3000, 5000, 20000} {
		body := bytes.Repeat([]byte("x"), n)
		srv, _ := serve(t, Deps{}, Route{Pattern: "/", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			Reply(w, r, http.StatusAccepted, body)
		})})
		res, got := get(t, request(t, "GET", srv.URL, nil))
		if res.StatusCode != 202 || res.ContentLength != int64(n) || got != string(body) || len(res.TransferEncoding) != 0 {
			t.Errorf("%d octets: %d %d %v", n, res.StatusCode, res.ContentLength, res.TransferEncoding)
		}
		res, got = get(t, request(t, "HEAD", srv.URL, nil))
		if res.ContentLength != int64(n) || got != "" {
			t.Errorf("HEAD: %d %q", res.ContentLength, got)
		}
	}
}

func TestRateLimitAnswer(t *testing.T) {
	now := time.Unix(1e9, 0)
	clock := func() time.Time { return now }
	srv, _ := serve(t, Deps{Now: clock, Limit: NewRateLimiter(RateLimit{PerSecond: 0.4, Burst: 2, Now: clock})},
		Route{Pattern: "/", Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})})
	for i, want := range []int{200, 200, 429} {
		res, _ := get(t, request(t, "GET", srv.URL, nil))
		if res.StatusCode != want {
			t.Errorf("%d: %d", i, res.StatusCode)
		}
		if want == 429 && res.Header.Get("Retry-After") != "3" {
			t.Error(res.Header)
		}
	}
}
