package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/api/client"
	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// serve makes a server of one handler and a client of it.
func serve(t *testing.T, c client.Config, h http.HandlerFunc) *client.Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c.BaseURL = s.URL
	cl, err := client.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return cl
}

func problem(w http.ResponseWriter, status int, p resource.Problem, headers ...string) {
	w.Header().Set("Content-Type", resource.ProblemType)
	for i := 0; i+1 < len(headers); i += 2 {
		w.Header().Set(headers[i], headers[i+1])
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(p)
}

func TestProblemBecomesError(t *testing.T) {
	c := serve(t, client.Config{Token: "cwt_x"}, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer cwt_x" || r.Header.Get("X-Requested-With") != "certwright" {
			t.Error(r.Header)
		}
		problem(w, 422, resource.Problem{Type: resource.ProblemTypeOf(core.KindPolicy), Title: "T", Status: 422, Detail: "D", Field: "key",
			Reasons: []core.Reason{{Code: "key.size", Detail: "small"}}})
	})
	_, err := c.CreateOrder(context.Background(), resource.NewOrder{Product: "p"}, "")
	var e *core.Error
	if !errors.As(err, &e) || e.Kind != core.KindPolicy || e.Detail != "D" || e.Field != "key" || len(e.Reasons) != 1 {
		t.Errorf("%+v", err)
	}
}

func TestForeignAnswersGetAKind(t *testing.T) {
	for status, kind := range map[int]core.Kind{
		401: core.KindUnauthenticated, 403: core.KindForbidden, 404: core.KindNotFound, 409: core.KindConflict, 413: core.KindTooLarge, 415: core.KindMediaType,
		418: core.KindInvalid, 429: core.KindRateLimited, 500: core.KindInternal, 502: core.KindUnavailable, 301: core.KindInternal,
	} {
		c := serve(t, client.Config{Tries: 1}, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://elsewhere.example/")
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "<html>")
		})
		if _, err := c.Me(context.Background()); core.KindOf(err) != kind {
			t.Errorf("%d: %v", status, err)
		}
	}
	c := serve(t, client.Config{}, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>hello") })
	if _, err := c.Me(context.Background()); !core.Is(err, core.KindUpstream) {
		t.Error(err)
	}
}

func TestOnlyHarmlessRequestsAreRepeated(t *testing.T) {
	var n atomic.Int32
	c := serve(t, client.Config{Tries: 3}, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) < 3 {
			problem(w, 503, resource.Problem{Type: resource.ProblemTypeOf(core.KindUnavailable)})
			return
		}
		_, _ = io.WriteString(w, "{}")
	})
	ctx := context.Background()
	for name, f := range map[string]struct {
		call  func() error
		sent  int32
		works bool
	}{
		"GET":                   {func() error { _, err := c.Me(ctx); return err }, 3, true},
		"POST":                  {func() error { _, err := c.CreateOrder(ctx, resource.NewOrder{}, ""); return err }, 1, false},
		"POST with a key":       {func() error { _, err := c.CreateOrder(ctx, resource.NewOrder{}, "k"); return err }, 3, true},
		"DELETE":                {func() error { return c.SignOut(ctx) }, 1, false},
		"PATCH":                 {func() error { _, err := c.UpdateAccount(ctx, resource.AccountUpdate{}); return err }, 1, false},
		"renewal with a key":    {func() error { _, err := c.Renew(ctx, "1", resource.Renewal{}, "k"); return err }, 3, true},
		"revocation":            {func() error { _, err := c.Revoke(ctx, "1", resource.Revocation{}); return err }, 1, false},
		"download":              {func() error { _, err := c.Download(ctx, "1", "pem", ""); return err }, 3, true},
		"credential":            {func() error { _, err := c.CreateCredential(ctx, resource.NewCredential{}); return err }, 1, false},
		"verification (a read)": {func() error { _, err := c.VerifyAudit(ctx, func(resource.AuditProblem) {}); return err }, 1, false},
	} {
		n.Store(0)
		if err := f.call(); (err == nil) != f.works || n.Load() != f.sent {
			t.Errorf("%s: %v after %d", name, err, n.Load())
		}
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	var n atomic.Int32
	var first, second time.Time
	c := serve(t, client.Config{}, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 1 {
			first = time.Now()
			problem(w, 429, resource.Problem{Type: resource.ProblemTypeOf(core.KindRateLimited)}, "Retry-After", "1")
			return
		}
		second = time.Now()
		_, _ = io.WriteString(w, "{}")
	})
	if _, err := c.Me(context.Background()); err != nil || second.Sub(first) < time.Second {
		t.Error(err, second.Sub(first))
	}
	long := serve(t, client.Config{MaxWait: time.Second}, func(w http.ResponseWriter, _ *http.Request) {
		problem(w, 429, resource.Problem{Type: resource.ProblemTypeOf(core.KindRateLimited)}, "Retry-After", "3600")
	})
	start := time.Now()
	_, err := long.Me(context.Background())
	if e := core.AsError(err); e.Kind != core.KindRateLimited || e.RetryAfter != time.Hour || time.Since(start) > 5*time.Second {
		t.Error(err, time.Since(start))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	slow := serve(t, client.Config{}, func(w http.ResponseWriter, _ *http.Request) {
		problem(w, 503, resource.Problem{Type: resource.ProblemTypeOf(core.KindUnavailable)}, "Retry-After", "30")
	})
	if _, err := slow.Me(ctx); err == nil || time.Since(start) > 5*time.Second {
		t.Error(err)
	}
}

func TestWalkReadsAsItIsConsumed(t *testing.T) {
	var pages atomic.Int32
	c := serve(t, client.Config{}, func(w http.ResponseWriter, r *http.Request) {
		pages.Add(1)
		q := r.URL.Query()
		if q.Get("limit") != "2" || q["filter"][0] != `names:in:a\,b,c` || q.Get("sort") != "-number" {
			t.Error(r.URL)
		}
		switch q.Get("cursor") {
		case "":
			_, _ = io.WriteString(w, `{"items":[{"number":1},{"number":2}],"next":"c1"}`)
		case "c1":
			_, _ = io.WriteString(w, `{"items":[{"number":3},{"number":4}],"next":"c2"}`)
		default:
			problem(w, 400, resource.Problem{Type: resource.ProblemTypeOf(core.KindInvalid), Detail: "bad cursor"})
		}
	})
	q := client.Query{Filter: core.Filter{{Column: "names", Op: core.OpIn, Values: []string{"a,b", "c"}}}, Sort: core.Sort{Column: "number", Desc: true}, Limit: 2}
	got, err := client.Collect(c.Orders(context.Background(), q), 3)
	if err != nil || len(got) != 3 || got[2].Number != 3 || pages.Load() != 2 {
		t.Error(got, err, pages.Load())
	}
	got, err = client.Collect(c.Orders(context.Background(), q), 0)
	if !core.Is(err, core.KindInvalid) || len(got) != 4 {
		t.Error(got, err)
	}
}

func TestStreams(t *testing.T) {
	c := serve(t, client.Config{}, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/audit/verify"):
			_, _ = io.WriteString(w, `{"problem":{"kind":"changed","chain":0,"seq":3,"detail":"x"}}`+"\n")
		case strings.HasSuffix(r.URL.Path, "/audit/export"):
			if r.URL.Query().Get("from") == "" || r.URL.Query().Has("to") {
				t.Error(r.URL)
			}
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "half")
		default:
			w.Header().Set("Content-Disposition", `attachment; filename="a.pem"`)
			_, _ = io.WriteString(w, "file")
		}
	})
	ctx := context.Background()
	seen := 0
	if _, err := c.VerifyAudit(ctx, func(resource.AuditProblem) { seen++ }); !core.Is(err, core.KindUnavailable) || seen != 1 {
		t.Error("a verification without summary counts as done", err, seen)
	}
	var b strings.Builder
	if err := c.ExportAudit(ctx, time.Unix(1, 0), time.Time{}, &b); !core.Is(err, core.KindUnavailable) {
		t.Error("half an export counts as whole", err)
	}
	if f, err := c.Download(ctx, "1", "pem", "none"); err != nil || f.Name != "a.pem" || string(f.Body) != "file" {
		t.Error(f, err)
	}
}

func TestNew(t *testing.T) {
	for _, bad := range []string{"", "ca.example", "ftp://ca.example", "https://", "https://u:p@ca.example", "https://ca.example?x=y", "://"} {
		if _, err := client.New(client.Config{BaseURL: bad}); !core.Is(err, core.KindInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestUntrustedServer(t *testing.T) {
	var n atomic.Int32
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { n.Add(1); fmt.Fprint(w, "{}") }))
	defer s.Close()
	c, err := client.New(client.Config{BaseURL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Me(context.Background()); !core.Is(err, core.KindForbidden) || n.Load() != 0 {
		t.Error(err)
	}
	c, err = client.New(client.Config{BaseURL: s.URL + "/", Insecure: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Me(context.Background()); err != nil {
		t.Error(err)
	}
	s.Close()
	c, _ = client.New(client.Config{BaseURL: s.URL, Tries: 1})
	if _, err := c.Me(context.Background()); !core.Is(err, core.KindUnavailable) || strings.Contains(err.Error(), "session") {
		t.Error(err)
	}
}
