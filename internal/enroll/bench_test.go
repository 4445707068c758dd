package enroll_test

import (
	"crypto/x509"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/enroll"
	"github.com/certwright/certwright/internal/enroll/enrolltest"
	"github.com/certwright/certwright/internal/store"
)

// BenchmarkSubmit issues durably on SQLite with synchronous=FULL, many callers
// at once: what one server can do without its protocols.
func BenchmarkSubmit(b *testing.B) {
	db, err := store.Open(b.Context(), store.Config{URL: "sqlite:" + filepath.Join(b.TempDir(), "t.db"), Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	w := enrolltest.New(b, db)
	p := w.Principal(b, "tls-server")
	key := enrolltest.Key(b)
	const distinct = 512
	csrs := make([][]byte, distinct)
	for i := range csrs {
		csrs[i] = enrolltest.CSR(b, key, fmt.Sprintf("host%d.example.internal", i))
	}
	var n atomic.Int64
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := n.Add(1)
			_, err := w.Enroll.Submit(b.Context(), enroll.Request{Principal: p, CSR: csrs[i%distinct], IdempotencyKey: fmt.Sprint(i), Origin: core.Origin{Protocol: "bench"}})
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.StopTimer()
	commits, calls := db.Stats()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "certs/s")
	b.ReportMetric(float64(calls)/float64(commits), "tx/commit")
}

// BenchmarkLimit is what the machine could do at best: parse, check, judge,
// lint and sign, nothing kept.
func BenchmarkLimit(b *testing.B) {
	db, err := store.Open(b.Context(), store.Config{URL: "sqlite:" + filepath.Join(b.TempDir(), "t.db"), Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	w := enrolltest.New(b, db)
	limit, err := enrolltest.Limit(b, w, "tls-server")
	if err != nil {
		b.Fatal(err)
	}
	csr := enrolltest.CSR(b, enrolltest.Key(b), "host.example.internal")
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			der, err := limit(csr)
			if err != nil {
				b.Error(err)
				return
			}
			_ = der
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "certs/s")
	b.StopTimer()
	der, err := limit(csr)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := x509.ParseCertificate(der); err != nil {
		b.Fatal(err)
	}
}
