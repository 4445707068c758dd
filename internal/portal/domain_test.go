package portal_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/portal"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// oneDomain is a domain whose mail holds the secret "sesame", answered once.
type oneDomain struct {
	answers []bool
	from    string
}

func (o *oneDomain) Pending(_ context.Context, secret string) (*core.Domain, error) {
	switch {
	case secret == "late":
		return nil, core.Errorf(core.KindExpired, "the link is past its end")
	case secret != "sesame" || len(o.answers) > 0:
		return nil, core.Errorf(core.KindNotFound, "the link is wrong")
	}
	return &core.Domain{Name: "a.example", Email: "admin@a.example", TokenUntil: time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)}, nil
}

func (o *oneDomain) Confirm(ctx context.Context, secret string, ok bool, from string) (*core.Domain, error) {
	d, err := o.Pending(ctx, secret)
	if err == nil {
		o.answers, o.from = append(o.answers, ok), from
	}
	return d, err
}

func TestDomainLink(t *testing.T) {
	d := &oneDomain{}
	var log bytes.Buffer
	p, err := portal.New(portal.Deps{Domains: d, BaseURL: func() string { return "https://ca.example" }, RootURL: func() string { return "" }, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	h, err := httpx.New(httpx.Deps{Log: slog.New(slog.NewTextHandler(&log, nil)), Now: time.Now}).Mux(p.Routes())
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewTLSServer(h)
	defer s.Close()
	b := &browser{t: t, base: s.URL, c: s.Client()}
	b.c.Jar, _ = cookiejar.New(nil)
	const link = "/domain-validation/sesame"
	for range 3 { // link scanners
		if _, status, page := b.do("GET", link, nil); status != 200 || !strings.Contains(page, "a.example") || !strings.Contains(page, `value="refuse"`) || len(d.answers) != 0 {
			t.Fatalf("opened: %d %s", status, page)
		}
	}
	for path, want := range map[string]int{"/domain-validation/wrong": 404, "/domain-validation/late": 410} {
		if _, status, page := b.do("GET", path, nil); status != want || strings.Contains(page, "<button") {
			t.Errorf("%s: %d %s", path, status, page)
		}
	}
	if _, status, _ := b.do("POST", link, url.Values{"answer": {"maybe"}}); status != 422 || len(d.answers) != 0 {
		t.Errorf("neither accepted nor refused: %d", status)
	}
	if _, status, _ := b.do("POST", link, url.Values{"answer": {"accept"}}, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); status != http.StatusForbidden || len(d.answers) != 0 {
		t.Errorf("from a foreign page: %d", status)
	}
	if _, status, page := b.do("POST", link, url.Values{"answer": {"accept"}}); status != 200 || !strings.Contains(page, "You accepted") || len(d.answers) != 1 || !d.answers[0] || d.from == "" {
		t.Errorf("accepted: %d %v %s", status, d.answers, page)
	}
	if _, status, _ := b.do("POST", link, url.Values{"answer": {"refuse"}}); status != 404 || len(d.answers) != 1 {
		t.Errorf("answered twice: %d", status)
	}
	d.answers = nil
	if _, status, page := b.do("POST", link, url.Values{"answer": {"refuse"}}); status != 200 || !strings.Contains(page, "You refused") || d.answers[0] {
		t.Errorf("refused: %d %s", status, page)
	}
	if strings.Contains(log.String(), "sesame") || !strings.Contains(log.String(), "/domain-validation/{secret}") {
		t.Errorf("the log shows the secret, or nothing:\n%s", log.String())
	}
}
