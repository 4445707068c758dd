package validation

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/validation/validationtest"
)

const (
	token   = "token-1"
	keyAuth = token + ".thumbprint"
	account = "https://acme.example/acct/1"
	path    = "/.well-known/acme-challenge/" + token
)

func clock() time.Time { return time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC) }

// start makes a service that uses the DNS server d and may reach this host.
func start(t *testing.T, d *validationtest.DNS, change ...func(*Deps)) *Service {
	t.Helper()
	deps := Deps{Resolvers: []string{d.Addr}, AllowLoopback: true, Timeout: 5 * time.Second, Now: clock}
	for _, f := range change {
		f(&deps)
	}
	s, err := New(deps)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func digest() string {
	sum := sha256.Sum256([]byte(keyAuth))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func dnsName(s string) core.Identifier { return core.Identifier{Type: core.IdentifierDNS, Value: s} }
func ipAddr(s string) core.Identifier  { return core.Identifier{Type: core.IdentifierIP, Value: s} }

func question1(method string, id core.Identifier) Check {
	return Check{Method: method, Identifier: id, Token: token, KeyAuthorization: keyAuth, AccountURL: account}
}

// want checks a result: code "" means that control is proven; each of texts must
// stand in the failure.
func want(t *testing.T, r Result, code string, retry bool, texts ...string) {
	t.Helper()
	if code == "" {
		if r.Failure != nil {
			t.Fatalf("failed: %v\n%s", r.Failure, seen(r))
		}
		return
	}
	if r.Failure == nil {
		t.Fatalf("control was proven, want %s\n%s", code, seen(r))
	}
	if r.Failure.Code != code || r.Retry != retry {
		t.Errorf("got %v, retry %v; want %s, retry %v\n%s", r.Failure, r.Retry, code, retry, seen(r))
	}
	for _, s := range texts {
		if !strings.Contains(r.Failure.Detail, s) {
			t.Errorf("%q does not say %q", r.Failure.Detail, s)
		}
	}
}

// seen is what the records say, one a line.
func seen(r Result) string {
	var b strings.Builder
	for _, e := range r.Records {
		b.WriteString(e.Where + "|" + e.Asked + "|" + e.Answer + "\n")
	}
	return b.String()
}

func wantSeen(t *testing.T, r Result, lines ...string) {
	t.Helper()
	for _, l := range lines {
		if !strings.Contains(seen(r), l) {
			t.Errorf("no record says %q:\n%s", l, seen(r))
		}
	}
	for _, e := range r.Records {
		if !e.At.Equal(clock()) || len(e.Answer) > 300 || e.Answer != printable(e.Answer, 300) {
			t.Errorf("bad record: %+v", e)
		}
	}
}
