package restapi_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/test/interop/harness"
)

// lease is more than what a process has for a signature before another takes
// the order up.
const lease = 5 * time.Minute

// TestKill: the server is killed with SIGKILL while clients order, by itself at
// points of the issuing path and from outside; the clients repeat what they
// have sent, with the tokens that they have. Every wish has one order and one
// certificate.
func TestKill(t *testing.T) {
	slow(t)
	const each = 30 // wishes of a round
	o := harness.Options{}
	s := harness.Start(t, o)
	a := s.Admin(t)
	c := client(t, a)
	bearer := token(t, s.Client(), s.Main, c)
	o.Dir, o.Like = s.Dir, s
	var wishes []*wish
	told := &sync.Map{} // key to the order that the client was told
	for round, point := range []string{"before-serial", "before-sign", "before-commit", ""} {
		fresh := make([]*wish, each)
		for i := range fresh {
			fresh[i] = newWish(t, fmt.Sprintf("kill%d-%d.example.internal", round, i))
		}
		wishes = append(wishes, fresh...)
		s.Stop(t)
		marker := filepath.Join(t.TempDir(), "marker")
		if o.Env = nil; point != "" {
			o.Env = []string{fmt.Sprintf("CERTWRIGHT_TEST_KILL=%s:%d:%s", point, each/3, marker)}
		}
		s = harness.Start(t, o)
		sendUntilDead(s, bearer, fresh, told, func() {
			if point == "" {
				s.Kill()
			}
		})
		<-s.Exited()
		if point != "" {
			if _, err := os.Stat(marker); err != nil {
				t.Fatalf("the kill %s did not land: %v\n%s", point, err, s.Log(t))
			}
		}
		o.Env = nil
		s = harness.Start(t, o)
		repeat(t, s, bearer, wishes, told)
	}
	a.Client = s.API(t, a.Token)
	if n := len(a.OrdersOf(t, c.ID)); n != len(wishes) {
		t.Errorf("%d orders of %d wishes", n, len(wishes))
	}
	states := map[core.CertificateState]int{}
	for _, cert := range a.CertificatesOf(t, c.ID) {
		states[cert.State]++
	}
	if states[core.CertActive] != len(wishes) || states[core.CertReserved] != 0 || states[core.CertAbandoned] == 0 {
		t.Errorf("%v certificates of %d wishes", states, len(wishes))
	}
	s.Stop(t)
	t.Log(harness.Run(t, s.Dir, harness.Binary(t), "admin", "verify-audit", "--data", s.Dir))
}

// sendUntilDead sends the wishes from eight clients until the server is gone;
// after a third of the answers, enough is called.
func sendUntilDead(s *harness.Server, bearer string, wishes []*wish, told *sync.Map, enough func()) {
	h := s.Client()
	defer h.CloseIdleConnections()
	var answered, next atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(wishes) {
					return
				}
				r, err := wishes[i].send(h, s.Main, bearer)
				if err != nil {
					continue // repeated later
				}
				told.Store(wishes[i].key, r.OrderID)
				if answered.Add(1) == int64(len(wishes)/3) {
					enough()
				}
			}
		})
	}
	wg.Wait()
}

// repeat sends all wishes again: whoever was told of an order is told of the
// same, and in the end all are issued.
func repeat(t *testing.T, s *harness.Server, bearer string, wishes []*wish, told *sync.Map) {
	t.Helper()
	h := s.Client()
	orders := map[string]string{}
	for _, w := range wishes {
		var r *ordered
		harness.Eventually(t, lease, func() (err error) {
			r, err = w.send(h, s.Main, bearer)
			return err
		})
		if before, ok := told.Load(w.key); ok && before != r.OrderID {
			t.Errorf("%s was told of order %s, now %s", w.name, before, r.OrderID)
		}
		told.Store(w.key, r.OrderID)
		if other, ok := orders[r.OrderID]; ok {
			t.Errorf("order %s is for %s and %s", r.OrderID, other, w.name)
		}
		orders[r.OrderID] = w.name
	}
	for order, name := range orders {
		harness.Eventually(t, lease, func() error {
			if r := get[ordered](t, h, s.Main, bearer, "/private-pki-certificates/"+order); r.Status != "issued" {
				return errors.New(name + " is " + r.Status)
			}
			return nil
		})
		status, text, err := harness.Send(h, http.MethodGet, s.Main+prefix+"/private-pki-certificates/"+order+"/certificate", bearer, http.Header{"Accept": {"application/x-pem-file"}}, nil)
		if err != nil || status != http.StatusOK {
			t.Fatalf("%s: %d %v %s", name, status, err, text)
		}
		if leaf := harness.ParseChain(t, text)[0]; leaf.VerifyHostname(name) != nil {
			t.Errorf("order %s for %s has a certificate for %v", order, name, leaf.DNSNames)
		}
	}
}
