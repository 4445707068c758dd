package validation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/secret"
	"github.com/certwright/certwright/internal/validation/validationtest"
)

// outpost serves s as a vantage does.
func outpost(t *testing.T, name string, s *Service) Vantage {
	t.Helper()
	return fake(t, name, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxVantageQuestion))
		if err != nil || r.Method != http.MethodPost || r.URL.Path != "/vantage/v1/check" || r.Header.Get("Authorization") != "Bearer secret-"+name {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		out, err := ServeVantage(r.Context(), body, s)
		if err != nil {
			http.Error(w, "no", http.StatusBadRequest)
			return
		}
		_, _ = w.Write(out)
	})
}

func fake(t *testing.T, name string, f http.HandlerFunc) Vantage {
	t.Helper()
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	return Vantage{Name: name, URL: srv.URL, Token: secret.Redacted("secret-" + name)}
}

func TestQuorum(t *testing.T) {
	const yes, no, silent = 'y', 'n', 's'
	for _, c := range []struct {
		others string // what each vantage says
		quorum int
		ok     bool
		names  []string // in the failure
	}{
		{others: "y", ok: true},
		{others: "n", names: []string{"seen from vantage v0"}},
		{others: "s", names: []string{"v0: it did not answer"}},
		{others: "n", quorum: 1, ok: true},
		{others: "yy", ok: true},
		{others: "yn", ok: true},
		{others: "ys", ok: true},
		{others: "nn", names: []string{"vantage v0", "vantage v1"}},
		{others: "ns"},
		{others: "yn", quorum: 3, names: []string{"vantage v1"}},
		{others: "yyn", ok: true},
		{others: "ynn"},
		{others: "nnn", quorum: 1, ok: true},
		{others: "yyyy", quorum: 5, ok: true},
		{others: "yyys", quorum: 5, names: []string{"vantage v3"}},
	} {
		t.Run(fmt.Sprintf("%s of %d", c.others, c.quorum), func(t *testing.T) {
			good, bad := validationtest.NewDNS(t), validationtest.NewDNS(t)
			good.Set(at, "TXT", digest())
			var list []Vantage
			for i, o := range c.others {
				name := fmt.Sprintf("v%d", i)
				switch o {
				case yes:
					list = append(list, outpost(t, name, start(t, good)))
				case no:
					list = append(list, outpost(t, name, start(t, bad)))
				case silent:
					list = append(list, fake(t, name, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "body of an error", 500) }))
				}
			}
			var log bytes.Buffer
			s := start(t, good, func(d *Deps) {
				d.Vantages, d.Quorum, d.Log = list, c.quorum, slog.New(slog.NewTextHandler(&log, nil))
			})
			r := s.Check(t.Context(), dns01())
			switch {
			case c.ok:
				want(t, r, "", false)
			case r.Failure == nil:
				t.Fatalf("control was proven\n%s", seen(r))
			case !r.Retry:
				t.Error("no retry")
			}
			// Which of several come in before it is decided is left open.
			if len(c.names) == 1 || len(c.names) > 0 && c.others == "n" {
				want(t, r, r.Failure.Code, true, c.names...)
			}
			wantSeen(t, r)
			for _, v := range list {
				wantSeen(t, r, v.Name+"|")
			}
			if strings.Contains(log.String()+seen(r), "secret") || strings.Contains(log.String()+seen(r), "body of") {
				t.Error("a secret or a body is shown")
			}
		})
	}
}

func TestLocalFailureDecidesAtOnce(t *testing.T) {
	until := make(chan struct{})
	v := fake(t, "slow", func(http.ResponseWriter, *http.Request) { <-until })
	t.Cleanup(func() { close(until) })
	s := start(t, validationtest.NewDNS(t), func(d *Deps) { d.Vantages, d.Quorum, d.Timeout = []Vantage{v}, 1, time.Minute })
	r := s.Check(t.Context(), dns01())
	want(t, r, "dns", true, "NXDOMAIN")
	if strings.Contains(r.Failure.Detail, "vantage") {
		t.Error(r.Failure)
	}
	wantSeen(t, r, "slow|check from vantage slow|no answer before the others had decided")
}

func TestSilentVantageDoesNotAgree(t *testing.T) {
	until := make(chan struct{})
	v := fake(t, "slow", func(http.ResponseWriter, *http.Request) { <-until })
	t.Cleanup(func() { close(until) })
	d := validationtest.NewDNS(t)
	d.Set(at, "TXT", digest())
	s := start(t, d, func(d *Deps) { d.Vantages, d.Timeout = []Vantage{v}, 300*time.Millisecond })
	r := s.Check(t.Context(), dns01())
	want(t, r, "serverInternal", true, "seen from vantage slow: it did not answer")
	wantSeen(t, r, "slow|check from vantage slow|no answer: it does not count as agreeing")
}

func TestVantageLooksAtCAAToo(t *testing.T) {
	here, there := validationtest.NewDNS(t), validationtest.NewDNS(t)
	here.Set(at, "TXT", digest())
	there.Set(at, "TXT", digest())
	there.Set("a.example", "CAA", `0 issue ";"`)
	s := start(t, here, func(d *Deps) { d.Vantages = []Vantage{outpost(t, "v", start(t, there))} })
	q := dns01()
	q.CAA, q.IssuerDomains = true, []string{"ca.example"}
	r := s.Check(t.Context(), q)
	want(t, r, "caa", false, "seen from vantage v: the CAA records of a.example")
	wantSeen(t, r, "v|CAA a.example at")
}

func TestVantageDoesNotAskFurther(t *testing.T) {
	d := validationtest.NewDNS(t)
	d.Set(at, "TXT", digest())
	asked := false
	s := start(t, d, func(deps *Deps) {
		deps.Vantages = []Vantage{fake(t, "v", func(http.ResponseWriter, *http.Request) { asked = true })}
	})
	body, err := json.Marshal(question(dns01()))
	if err != nil {
		t.Fatal(err)
	}
	out, err := ServeVantage(t.Context(), body, s)
	if err != nil || asked || strings.Contains(string(out), "failure") {
		t.Error(err, asked, string(out))
	}
}

func TestAnswersOfVantagesAreNotTrusted(t *testing.T) {
	d := validationtest.NewDNS(t)
	d.Set(at, "TXT", digest())
	for name, f := range map[string]http.HandlerFunc{
		"no JSON":       func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "yes") },
		"nothing":       func(http.ResponseWriter, *http.Request) {},
		"null":          func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "null") },
		"unknown field": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"valid":true}`) },
		"more behind":   func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{}{}`) },
		"unknown code":  func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"failure":{"code":"x","detail":"y"}}`) },
		"other status":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202); fmt.Fprint(w, `{}`) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		},
		"endless answer": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, strings.Repeat(" ", MaxVantageAnswer), `{}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, d, func(d *Deps) { d.Vantages = []Vantage{fake(t, "v", f)} })
			r := s.Check(t.Context(), dns01())
			want(t, r, "serverInternal", true, "seen from vantage v: it did not answer")
		})
	}
	long := strings.Repeat("x", 2000)
	body, err := json.Marshal(finding{Failure: &core.Failure{Code: "dns", Detail: long + "\x1b"}, Records: make([]core.Record, 100)})
	if err != nil {
		t.Fatal(err)
	}
	body = bytes.Replace(body, []byte(`"asked":""`), []byte(`"where":"us","asked":"`+long+`","answer":"\u001b`+long+`"`), 1)
	r, err := decodeFinding(body, "v")
	if err != nil {
		t.Fatal(err)
	}
	if e := r.Records[0]; e.Where != "v" || len(e.Asked) > maxAsked || len(e.Answer) > maxAnswer || e.Answer[0] != '?' ||
		len(r.Records) != maxRecords || len(r.Failure.Detail) > maxDetail {
		t.Errorf("%+v", r)
	}
}

func TestQuestionsToVantagesAreStrict(t *testing.T) {
	s := start(t, validationtest.NewDNS(t))
	for _, body := range []string{"", "x", `{"method":"dns-01","more":1}`, `{}{}`, `{}` + strings.Repeat(" ", MaxVantageQuestion), `{"method":1}`} {
		if _, err := ServeVantage(t.Context(), []byte(body), s); !core.Is(err, core.KindInvalid) {
			t.Errorf("%.40q: %v", body, err)
		}
	}
	out, err := ServeVantage(t.Context(), []byte(`{}`), s)
	if err != nil || !strings.Contains(string(out), "serverInternal") {
		t.Error(string(out), err)
	}
	long := dns01()
	long.IssuerDomains = []string{strings.Repeat("x", MaxVantageQuestion)}
	s = start(t, validationtest.NewDNS(t), func(d *Deps) {
		d.Vantages = []Vantage{fake(t, "v", func(http.ResponseWriter, *http.Request) { t.Error("asked") })}
	})
	if _, err := s.ask(t.Context(), s.vantages[0], long); err == nil {
		t.Error("a question was sent that is too long")
	}
}

func FuzzVantageQuestion(f *testing.F) {
	body, err := json.Marshal(question(dns01()))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	f.Add([]byte(`{"identifier":{"type":"ip","value":"::1"},"method":"http-01","wildcard":true}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := decodeQuestion(b)
		if err != nil {
			return
		}
		if g, bad := readTarget(c); bad == nil && g.name != "" && !validName(g.name) {
			t.Errorf("name %q", g.name)
		}
	})
}

func FuzzVantageAnswer(f *testing.F) {
	f.Add([]byte(`{"failure":{"code":"dns","detail":"x"},"records":[{"at":"2026-01-01T00:00:00Z","asked":"x"}],"retry":true}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decodeFinding(b, "v")
		if err != nil {
			return
		}
		for _, e := range r.Records {
			if e.Where != "v" || len(e.Answer) > maxAnswer || e.Answer != printable(e.Answer, maxAnswer) {
				t.Errorf("record %+v", e)
			}
		}
	})
}
