package bench

import (
	"crypto/x509"
	"errors"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/enroll/enrolltest"
	"github.com/certwright/certwright/internal/store"
)

// limiterFunc does what every issuance must do at least, as often as there are
// wishes.
type limiterFunc func(wishes []wish) (*level, error)

// limiter makes a limiterFunc that uses all CPUs.
func limiter(t testing.TB, dir string) (limiterFunc, error) {
	db, err := store.Open(t.Context(), store.Config{URL: "sqlite:" + filepath.Join(dir, "limit.db"), Now: time.Now})
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := db.Migrate(t.Context()); err != nil {
		return nil, err
	}
	one, err := enrolltest.Limit(t, enrolltest.New(t, db), "tls-server")
	if err != nil {
		return nil, err
	}
	if der, err := one(mustWish(t).csr); err != nil {
		return nil, err
	} else if _, err := x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	return func(wishes []wish) (*level, error) {
		workers := runtime.GOMAXPROCS(0)
		l := &level{Clients: workers, Certificates: len(wishes)}
		errs := make([]error, workers)
		var next atomic.Int64
		var wg sync.WaitGroup
		start, cpu := time.Now(), cpuOfSelf()
		for n := range workers {
			wg.Go(func() {
				for errs[n] == nil {
					i := int(next.Add(1)) - 1
					if i >= len(wishes) {
						return
					}
					_, errs[n] = one(wishes[i].csr)
				}
			})
		}
		wg.Wait()
		l.Elapsed, l.ServerCPU = time.Since(start), cpuOfSelf()-cpu
		return l, errors.Join(errs...)
	}, nil
}

func mustWish(t testing.TB) *wish {
	t.Helper()
	w, err := newWishes("one", 1)
	if err != nil {
		t.Fatal(err)
	}
	return &w[0]
}
