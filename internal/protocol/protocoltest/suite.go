package protocoltest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/protocol"
)

// Verdict is what an answer of the protocol says.
type Verdict struct {
	Certificate []byte // DER, when issued
	Pending     bool   // ask again later
	// Refused is unauthenticated when the protocol says "who are you?", else
	// any kind but "" for a refusal.
	Refused core.Kind
	Text    string // everything readable in the answer
}

// Session is one client at one credential.
type Session struct {
	World      *World
	Site       *Site
	Client     *http.Client
	Credential *core.Credential
	PublicID   string // "": shows no proof at all
	Secret     string
	CSR        *CSR // repeats of Enrol with the same session are the same request
}

// Endpoint is one place that takes a body.
type Endpoint struct {
	Name        string
	Method      string
	Path        func(c *core.Credential) string
	On          protocol.Listener
	ContentType string            // "": any is taken, the case is skipped
	Body        func(*CSR) []byte // of a valid request
	Methods     []string          // that are refused with 405
	MaxBody     int               // octets that are taken; 0: 64 KiB
}

// Driver tells the suite how to speak a protocol.
type Driver struct {
	Type core.CredentialType
	Auth core.AuthKind // a kind with a secret
	New  func(w *World) protocol.Protocol
	// Maps reports whether the protocol's table of errors has a line for kind.
	Maps func(kind core.Kind) bool
	// Authorise puts the session's proof on a request of an Endpoint.
	Authorise func(s *Session, r *http.Request)
	// Enrol runs a whole enrolment of s.CSR.
	Enrol     func(t testing.TB, s *Session) Verdict
	Endpoints []Endpoint
	// Audited says that a wrong secret must leave an audit entry.
	Audited bool
	// Unlabelled says that requests name their credential by public id alone,
	// not by a label of the URL.
	Unlabelled bool
}

// canary stands in causes, which no client may see.
const canary = "CAUSE-7d1b-not-for-clients"

// Run proves that a protocol keeps what all protocols promise.
func Run(t *testing.T, now time.Time, d Driver) {
	cases := []struct {
		name string
		f    func(*testing.T, *suite)
	}{
		{"issues", testIssues},
		{"kinds", testKinds},
		{"no secrets", testNoProof},
		{"wrong secret", testWrongSecret},
		{"revoked credential", testRevoked},
		{"expired credential", testExpired},
		{"foreign address", testForeignAddress},
		{"wrong account", testWrongAccount},
		{"parallel", testParallel},
		{"approval", testApproval},
		{"garbage", testGarbage},
		{"oversized", testOversized},
		{"truncated", testTruncated},
		{"cut connection", testCut},
		{"content type", testContentType},
		{"method", testMethod},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := New(t, now)
			s := &suite{Driver: d, w: w, site: w.Serve(t, Options{}, d.New(w))}
			s.cred = w.AddCredential(d.Type, d.Auth, "lab")
			c.f(t, s)
			s.finish(t)
		})
	}
}

type suite struct {
	Driver
	w    *World
	site *Site
	cred *core.Credential
}

func (s *suite) session(t testing.TB, name string) *Session {
	return &Session{World: s.w, Site: s.site, Client: s.site.Client(t), Credential: s.cred,
		PublicID: s.cred.PublicID, Secret: Password, CSR: NewCSR(t, name)}
}

// finish checks what holds after every case.
func (s *suite) finish(t *testing.T) {
	t.Helper()
	if f := s.site.Failures(); f != "" {
		t.Errorf("answered with 500: %s", f)
	}
	logs := s.w.Logs()
	for _, secret := range []string{Password, base64.StdEncoding.EncodeToString([]byte(s.cred.PublicID + ":" + Password)), "PRIVATE KEY"} {
		if strings.Contains(logs, secret) {
			t.Errorf("the log holds a secret: %s", secret)
		}
	}
	for _, e := range s.w.Audit.Events() {
		if text := fmt.Sprintf("%+v", e); strings.Contains(text, Password) {
			t.Errorf("the audit log holds a secret: %s", text)
		}
	}
}

func (s *suite) refused(t *testing.T, v Verdict, kind core.Kind) {
	t.Helper()
	if v.Certificate != nil || v.Pending || v.Refused == "" || kind != "" && v.Refused != kind {
		t.Errorf("refused %q, want %q; certificate %v, pending %v; %s", v.Refused, kind, v.Certificate != nil, v.Pending, v.Text)
	}
	if n := len(s.w.Enroll.Certificates()); n != 0 {
		t.Errorf("%d certificates were issued", n)
	}
}

func testIssues(t *testing.T, s *suite) {
	v := s.Enrol(t, s.session(t, "a.example"))
	list := s.w.Enroll.Certificates()
	if len(list) != 1 || !bytes.Equal(v.Certificate, list[0].DER) {
		t.Fatalf("%d certificates; %+v", len(list), v)
	}
	r := s.w.Enroll.Requests()[0]
	if r.Origin.Protocol != string(s.Type) || r.Origin.RequestID == "" || r.Origin.Address != "127.0.0.1" || r.Origin.Operation == "" {
		t.Errorf("origin %+v", r.Origin)
	}
	if r.Principal.RequestID != r.Origin.RequestID {
		t.Errorf("the principal does not carry the request id")
	}
}

func testKinds(t *testing.T, s *suite) {
	for _, kind := range core.Kinds {
		if !s.Maps(kind) {
			t.Errorf("kind %q has no wire form", kind)
		}
		s.w.Enroll.SetFail(core.Wrap(kind, errors.New(canary), "the visible detail").After(7 * time.Second))
		v := s.Enrol(t, s.session(t, "a.example"))
		if v.Certificate != nil || !v.Pending && v.Refused == "" {
			t.Errorf("kind %q: %+v", kind, v)
		}
		if strings.Contains(v.Text, canary) {
			t.Errorf("kind %q shows its cause: %s", kind, v.Text)
		}
		if kind == core.KindInternal && strings.Contains(v.Text, "the visible detail") {
			t.Errorf("an internal error shows more than the request id: %s", v.Text)
		}
		s.site.Failures() // an internal error may be a 500
	}
	s.w.Enroll.SetFail(errors.New(canary))
	if v := s.Enrol(t, s.session(t, "a.example")); v.Certificate != nil || v.Refused == "" || strings.Contains(v.Text, canary) {
		t.Errorf("foreign error: %+v", v)
	}
	s.site.Failures()
}

func testNoProof(t *testing.T, s *suite) {
	x := s.session(t, "a.example")
	x.PublicID, x.Secret = "", ""
	s.refused(t, s.Enrol(t, x), core.KindUnauthenticated)
	if len(s.w.Audit.Events()) != 0 {
		t.Error("a request without any proof is not worth an audit entry")
	}
}

func testWrongSecret(t *testing.T, s *suite) {
	for _, change := range []func(*Session){
		func(x *Session) { x.Secret = "wrong" },
		func(x *Session) { x.PublicID = "nobody" },
		func(x *Session) { x.Secret = "" },
	} {
		x := s.session(t, "a.example")
		change(x)
		s.refused(t, s.Enrol(t, x), core.KindUnauthenticated)
	}
	if !s.Audited {
		return
	}
	events := s.w.Audit.Events()
	if len(events) != 3 {
		t.Fatalf("%d audit entries", len(events))
	}
	for _, e := range events {
		if e.Outcome != core.Refused || e.Credential != s.cred.ID || e.Account != s.cred.Account || e.Address != "127.0.0.1" || e.Request == "" || e.Protocol == "" || e.Action == "" || e.At.IsZero() {
			t.Errorf("audit entry %+v", e)
		}
	}
}

func testRevoked(t *testing.T, s *suite) {
	s.w.Auth.Change(s.cred.ID, func(c *core.Credential) { c.State = core.CredentialRevoked })
	s.refused(t, s.Enrol(t, s.session(t, "a.example")), core.KindUnauthenticated)
}

func testExpired(t *testing.T, s *suite) {
	s.w.Auth.Change(s.cred.ID, func(c *core.Credential) { c.ExpiresAt = s.w.Now() })
	s.refused(t, s.Enrol(t, s.session(t, "a.example")), core.KindUnauthenticated)
}

func testForeignAddress(t *testing.T, s *suite) {
	s.w.Auth.Change(s.cred.ID, func(c *core.Credential) { c.Sources = Prefixes("192.0.2.0/24") })
	s.refused(t, s.Enrol(t, s.session(t, "a.example")), "")
}

// testWrongAccount: a credential of another account has the same user name and
// password shape but is not this one.
func testWrongAccount(t *testing.T, s *suite) {
	other := s.w.AddCredential(s.Type, s.Auth, "other", func(c *core.Credential) {
		c.Account = core.NewID[core.AccountID](s.w.Now())
	})
	if !s.Unlabelled {
		x := s.session(t, "a.example")
		x.PublicID = other.PublicID
		s.refused(t, s.Enrol(t, x), core.KindUnauthenticated)
	}
	x := s.session(t, "a.example")
	x.Credential, x.PublicID = other, other.PublicID
	s.refused(t, s.Enrol(t, x), "") // its product belongs to this account, not to its own
}

func testParallel(t *testing.T, s *suite) {
	x := s.session(t, "a.example")
	var wg sync.WaitGroup
	got := make([]Verdict, 200)
	for i := range got {
		wg.Go(func() { got[i] = s.Enrol(t, x) })
	}
	wg.Wait()
	list := s.w.Enroll.Certificates()
	if len(list) != 1 {
		t.Fatalf("%d certificates", len(list))
	}
	for i, v := range got {
		if !bytes.Equal(v.Certificate, list[0].DER) {
			t.Fatalf("request %d: %+v", i, v)
		}
	}
}

func testApproval(t *testing.T, s *suite) {
	s.w.Enroll.SetManual(true)
	a, b := s.session(t, "a.example"), s.session(t, "b.example")
	for range 2 {
		if v := s.Enrol(t, a); !v.Pending || v.Certificate != nil {
			t.Fatalf("%+v", v)
		}
	}
	if err := s.w.Enroll.Approve(); err != nil {
		t.Fatal(err)
	}
	if v := s.Enrol(t, b); !v.Pending {
		t.Fatalf("%+v", v)
	}
	s.w.Enroll.Reject("ask the network team first")
	if v := s.Enrol(t, b); v.Refused == "" || v.Certificate != nil {
		t.Errorf("%+v", v)
	}
	v := s.Enrol(t, a)
	if list := s.w.Enroll.Certificates(); len(list) != 1 || !bytes.Equal(v.Certificate, list[0].DER) {
		t.Errorf("%d certificates, %+v", len(list), v)
	}
}
