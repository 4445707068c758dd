package acme_test

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/acme"
)

// chaos is a network that fails: by turns it refuses nonces, hands out used
// ones, delays requests, and cuts connections before and after the server has
// done what it was asked to.
type chaos struct {
	posts                              atomic.Int64
	refused, stale, delayed, lost, cut atomic.Int64
	mu                                 sync.Mutex
	used                               string // a nonce that was redeemed
}

// recorder keeps an answer back.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) Write(b []byte) (int, error) { return len(b), nil }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Header() http.Header         { return http.Header{} }

func (x *chaos) meddle(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
	if r.Method != http.MethodPost {
		return false
	}
	switch n := x.posts.Add(1); n % 9 {
	case 1: // refused without asking the server; the nonce goes with the client's next HEAD
		x.refused.Add(1)
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"type":"urn:ietf:params:acme:error:badNonce","detail":"chaos"}`)
		return true
	case 3: // late, out of order with others
		x.delayed.Add(1)
		timer := time.NewTimer(150 * time.Millisecond)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
		}
	case 5: // the server never hears of it
		x.cut.Add(1)
		panic(http.ErrAbortHandler)
	case 7: // the server does it, and the client does not hear of that
		x.lost.Add(1)
		next.ServeHTTP(&recorder{ResponseWriter: w}, r)
		panic(http.ErrAbortHandler)
	case 8: // the answer brings a nonce that was used already
		next.ServeHTTP(&swapper{ResponseWriter: w, x: x}, r)
		return true
	}
	return false
}

// swapper puts a used nonce into an answer.
type swapper struct {
	http.ResponseWriter
	x *chaos
}

func (s *swapper) WriteHeader(status int) {
	s.x.mu.Lock()
	if fresh := s.Header().Get("Replay-Nonce"); s.x.used == "" {
		s.x.used = fresh // goes to the client, who will use it
	} else {
		s.Header().Set("Replay-Nonce", s.x.used)
		s.x.stale.Add(1)
	}
	s.x.mu.Unlock()
	s.ResponseWriter.WriteHeader(status)
}

// TestChaos: clients that try again get through a network that fails, and end
// with one account and one certificate each.
func TestChaos(t *testing.T) {
	onBoth(t, 2, func(t *testing.T, s *site) {
		const clients = 8
		c := s.Credential(t)
		x := &chaos{}
		s.front.Meddle = x.meddle
		var wg sync.WaitGroup
		chains := make([][]*x509.Certificate, clients)
		for i := range clients {
			name := fmt.Sprintf("chaos%d.example.internal", i)
			cl := &acme.Client{Key: newKey(t), DirectoryURL: s.directory(c), HTTPClient: s.front.Client()}
			der := csr(t, name)
			wg.Go(func() {
				ctx := t.Context()
				var o *acme.Order
				steps := []struct {
					name string
					do   func() error
				}{
					{"account", func() error { return s.register(ctx, cl, c) }},
					{"order", func() (err error) { o, err = cl.AuthorizeOrder(ctx, acme.DomainIDs(name)); return err }},
					{"challenges", func() error { return s.accept(ctx, cl, o) }},
					{"certificate", func() (err error) { chains[i], err = s.complete(ctx, cl, o.URI, der); return err }},
				}
				for _, step := range steps {
					if err := again(step.do); err != nil {
						t.Errorf("client %d, %s: %v", i, step.name, err)
						return
					}
				}
			})
		}
		wg.Wait()
		t.Logf("of %d requests: %d refused, %d delayed, %d never arrived, %d answers lost, %d used nonces",
			x.posts.Load(), x.refused.Load(), x.delayed.Load(), x.cut.Load(), x.lost.Load(), x.stale.Load())
		for i, chain := range chains {
			if chain != nil {
				s.Issued(t, chain, c, fmt.Sprintf("chaos%d.example.internal", i))
			}
		}
		if n := len(s.Admin.CertificatesOf(t, c.ID)); n != clients {
			t.Errorf("%d certificates of %d clients", n, clients)
		}
		accounts := 0
		for _, action := range s.Admin.Audited(t, c.ID) {
			if action == "acme.account.create" {
				accounts++
			}
		}
		if accounts != clients {
			t.Errorf("%d accounts of %d clients", accounts, clients)
		}
		if x.refused.Load() == 0 || x.delayed.Load() == 0 || x.cut.Load() == 0 || x.lost.Load() == 0 || x.stale.Load() == 0 {
			t.Error("the network did not fail in all its ways")
		}
	})
}

// again tries until it works, or fails for another reason than the network.
func again(do func() error) (err error) {
	for range 50 {
		if err = do(); err == nil {
			return nil
		}
		if !strings.Contains(err.Error(), "EOF") && !strings.Contains(err.Error(), "badNonce") && !strings.Contains(err.Error(), "connection reset") {
			return err
		}
	}
	return err
}
