package acme_test

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/acme"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// TestManyAccounts: fifty accounts at once, each with a certificate; on
// PostgreSQL every second request goes to the other replica.
func TestManyAccounts(t *testing.T) {
	onBoth(t, 2, func(t *testing.T, s *site) {
		const accounts = 50
		c := s.Credential(t)
		var wg sync.WaitGroup
		chains := make([][]*x509.Certificate, accounts)
		for i := range accounts {
			wg.Go(func() {
				cl := &acme.Client{Key: newKey(t), DirectoryURL: s.directory(c), HTTPClient: s.front.Client()}
				if err := s.register(t.Context(), cl, c); err != nil {
					t.Errorf("account %d: %v", i, err)
					return
				}
				name := fmt.Sprintf("many%d.example.internal", i)
				var err error
				if chains[i], err = s.issue(t.Context(), cl, csr(t, name), name); err != nil {
					t.Errorf("account %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		if t.Failed() {
			return
		}
		for i, chain := range chains {
			s.Issued(t, chain, c, fmt.Sprintf("many%d.example.internal", i))
		}
		if n := len(s.Admin.CertificatesOf(t, c.ID)); n != accounts {
			t.Errorf("%d certificates of %d accounts", n, accounts)
		}
		if n := s.proofs.asked.Load(); n != accounts {
			t.Errorf("%d looks at %d names", n, accounts)
		}
	})
}

// TestNonceOnce: of two requests with one nonce, sent at the same moment over
// two connections, one is served and the other told to try again.
func TestNonceOnce(t *testing.T) {
	onBoth(t, 2, func(t *testing.T, s *site) {
		c := s.Credential(t)
		x := newRaw(t, s, c)
		for round := range 30 {
			nonce := x.nonce(t)
			bodies := [][]byte{x.sign(t, x.kid, nonce, nil), x.sign(t, x.kid, nonce, []byte(`{"contact":["mailto:a@example.com"]}`))}
			answers := make([]answer, len(bodies))
			var wg sync.WaitGroup
			for i, body := range bodies {
				wg.Go(func() { answers[i] = x.send(t, s.front.Client(), x.kid, body) })
			}
			wg.Wait()
			served, told := 0, 0
			for _, a := range answers {
				switch {
				case a.status == 200:
					served++
				case a.status == 400 && a.problem == "urn:ietf:params:acme:error:badNonce" && a.header.Get("Replay-Nonce") != "":
					told++
				default:
					t.Errorf("round %d: %d %s", round, a.status, a.body)
				}
			}
			if served != 1 || told != 1 {
				t.Fatalf("round %d: %d served, %d told to try again", round, served, told)
			}
			// And it stays used, at every replica.
			for range s.servers {
				if a := x.send(t, s.front.Client(), x.kid, bodies[0]); a.problem != "urn:ietf:params:acme:error:badNonce" {
					t.Errorf("round %d, later: %d %s", round, a.status, a.body)
				}
			}
		}
		if a := x.send(t, s.front.Client(), x.kid, x.sign(t, x.kid, "made-up", nil)); a.problem != "urn:ietf:params:acme:error:badNonce" {
			t.Errorf("an invented nonce: %d %s", a.status, a.body)
		}
	})
}

// TestFinalizeRace: however often an order is finalized at once, there is one
// certificate, and whoever sent its request gets it.
func TestFinalizeRace(t *testing.T) {
	onBoth(t, 2, func(t *testing.T, s *site) {
		c := s.Admin.ACME(t, resource.NewCredential{ProvenNames: []string{".race.internal"}}, core.ACMEOptions{})
		x := newRaw(t, s, c)
		for round := range 10 {
			for _, same := range []bool{true, false} {
				name := fmt.Sprintf("r%d-%t.race.internal", round, same)
				order := x.post(t, x.dir.NewOrder, map[string]any{"identifiers": []map[string]string{{"type": "dns", "value": name}}})
				if order.status != 201 || order.field(t, "status") != "ready" {
					t.Fatalf("an order for proven names: %d %s", order.status, order.body)
				}
				finalize := order.field(t, "finalize")
				one := csr(t, name)
				var wg sync.WaitGroup
				answers := make([]answer, 4)
				for i := range answers {
					der := one
					if !same {
						der = csr(t, name)
					}
					body := x.signJSON(t, finalize, x.nonce(t), map[string]any{"csr": b64(der)})
					wg.Go(func() { answers[i] = x.send(t, s.front.Client(), finalize, body) })
				}
				wg.Wait()
				won := 0
				for _, a := range answers {
					switch {
					case a.status == 200:
						won++
					case same:
						t.Errorf("%s: the same request again: %d %s", name, a.status, a.body)
					case a.problem != "urn:ietf:params:acme:error:orderNotReady":
						t.Errorf("%s: %d %s", name, a.status, a.body)
					}
				}
				if want := map[bool]int{true: len(answers), false: 1}[same]; won != want {
					t.Errorf("%s: %d of %d served, want %d", name, won, len(answers), want)
				}
				x.wait(t, order.header.Get("Location"), "valid")
			}
		}
		if n := len(s.Admin.CertificatesOf(t, c.ID)); n != 20 {
			t.Errorf("%d certificates of 20 orders", n)
		}
	})
}

// TestAccountRace: one key that registers many times at once has one account,
// even where only one is allowed.
func TestAccountRace(t *testing.T) {
	onBoth(t, 2, func(t *testing.T, s *site) {
		c := s.Admin.ACME(t, resource.NewCredential{}, core.ACMEOptions{MaxAccounts: 1})
		key := newKey(t)
		var wg sync.WaitGroup
		urls := make([]string, 12)
		for i := range urls {
			wg.Go(func() {
				cl := &acme.Client{Key: key, DirectoryURL: s.directory(c), HTTPClient: s.front.Client()}
				if err := s.register(t.Context(), cl, c); err != nil {
					t.Errorf("the same key at once: %v", err)
					return
				}
				urls[i] = string(cl.KID)
			})
		}
		wg.Wait()
		for _, u := range urls {
			if u != urls[0] || u == "" {
				t.Errorf("accounts %q and %q of one key", u, urls[0])
			}
		}
		// At the limit other keys are refused, and of many at once one wins.
		// The client would wait as long as it is told to, which here is a day.
		one := s.Admin.ACME(t, resource.NewCredential{}, core.ACMEOptions{MaxAccounts: 1})
		errs := make([]error, 12)
		for i := range errs {
			cl := &acme.Client{Key: newKey(t), DirectoryURL: s.directory(one), HTTPClient: s.front.Client(),
				RetryBackoff: func(int, *http.Request, *http.Response) time.Duration { return -1 }}
			wg.Go(func() { errs[i] = s.register(t.Context(), cl, one) })
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else if !strings.Contains(err.Error(), "allows 1 accounts") {
				t.Errorf("at the limit: %v", err)
			}
		}
		if won != 1 {
			t.Errorf("%d accounts where one is allowed", won)
		}
	})
}
