package portal_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity/identitytest"
	"github.com/certwright/certwright/internal/portal"
	"github.com/certwright/certwright/internal/store/storetest"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// links keeps consents by secret.
type links struct {
	clock *identitytest.Clock
	by    map[string]*core.Consent
	from  string
}

// PendingConsent implements portal.Consents.
func (l *links) PendingConsent(_ context.Context, secret string) (*core.Consent, *core.Organisation, error) {
	switch c := l.by[secret]; {
	case secret == "old":
		return nil, nil, core.Errorf(core.KindExpired, "a newer link was sent in place of this one")
	case secret == "broken":
		return nil, nil, context.Canceled
	case c != nil:
		return c, &core.Organisation{Name: "Works <GmbH>", Locality: "Köln", Country: "DE"}, nil
	}
	return nil, nil, core.Errorf(core.KindNotFound, "there is no such link")
}

// AnswerConsent implements portal.Consents.
func (l *links) AnswerConsent(ctx context.Context, secret string, yes bool, from string) (*core.Consent, error) {
	c, _, err := l.PendingConsent(ctx, secret)
	if err != nil || c.State != core.ConsentPending {
		return c, err
	}
	l.from = from
	c.AnsweredAt, c.State = l.clock.Now(), core.ConsentRefused
	if yes {
		c.State = core.ConsentGiven
	}
	return c, nil
}

func TestConsentPages(t *testing.T) {
	clock := identitytest.NewClock()
	l := &links{clock: clock, by: map[string]*core.Consent{}}
	for _, s := range []string{"one", "two"} {
		l.by[s] = &core.Consent{State: core.ConsentPending, Statement: "I may speak for <Works>.", SentTo: "ada@example.com", ExpiresAt: clock.Now().AddDate(0, 0, 30)}
	}
	svc := identitytest.Service(t, storetest.SQLite(t), clock, &identitytest.Log{})
	var s *httptest.Server
	p, err := portal.New(portal.Deps{Identity: svc, Consents: l, BaseURL: func() string { return s.URL }, APIPath: "/api", RootURL: func() string { return "" },
		Cookie: "cwsession", Now: clock.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range p.Routes() {
		if strings.Contains(r.Pattern, "{secret}") != r.Secret {
			t.Errorf("%s: secret %v", r.Pattern, r.Secret)
		}
	}
	h, err := httpx.New(httpx.Deps{Log: slog.New(slog.DiscardHandler), Now: clock.Now}).Mux(p.Routes())
	if err != nil {
		t.Fatal(err)
	}
	s = httptest.NewTLSServer(h)
	t.Cleanup(s.Close)
	b := &browser{t: t, base: s.URL, c: s.Client()}

	for range 2 { // looking answers nothing
		_, status, page := b.do("GET", "/consent/one", nil)
		if status != 200 || !strings.Contains(page, "I may speak for &lt;Works&gt;.") || !strings.Contains(page, "Works &lt;GmbH&gt;, Köln, DE") || strings.Count(page, `name="answer"`) != 2 {
			t.Errorf("%d %s", status, page)
		}
	}
	if strings.Contains(strings.ToLower(must(b.do("GET", "/consent/one", nil))), "<script") {
		t.Error("a script")
	}
	for _, form := range []url.Values{{}, {"answer": {"maybe"}}} {
		if _, status, _ := b.do("POST", "/consent/one", form); status != http.StatusUnprocessableEntity || l.by["one"].State != core.ConsentPending {
			t.Errorf("%v: %d, %s", form, status, l.by["one"].State)
		}
	}
	for _, tt := range []struct{ secret, answer, want string }{{"one", "yes", "You agreed"}, {"one", "no", "You agreed"}, {"two", "no", "You refused"}, {"two", "yes", "You refused"}} {
		_, status, page := b.do("POST", "/consent/"+tt.secret, url.Values{"answer": {tt.answer}})
		if status != 200 || !strings.Contains(page, tt.want) || strings.Contains(page, `name="answer"`) {
			t.Errorf("%s %s: %d %s", tt.secret, tt.answer, status, page)
		}
	}
	if l.from != "127.0.0.1" {
		t.Errorf("answered from %q", l.from)
	}
	for secret, want := range map[string]int{"old": http.StatusGone, "none": http.StatusNotFound, "broken": http.StatusServiceUnavailable} {
		for _, method := range []string{"GET", "POST"} {
			_, status, page := b.do(method, "/consent/"+secret, url.Values{"answer": {"yes"}})
			if status != want || strings.Contains(page, "context canceled") {
				t.Errorf("%s %s: %d %s", method, secret, status, page)
			}
		}
	}
}

// must is the page of a request.
func must(_ string, _ int, page string) string { return page }
