package storetest_test

import (
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity/identitytest"
	"github.com/certwright/certwright/internal/store/storetest"
)

// BenchmarkAuthenticate is what every request of every protocol pays: the
// credential's row read anew and its secret compared.
func BenchmarkAuthenticate(b *testing.B) {
	db := storetest.SQLite(b)
	clock := identitytest.NewClock()
	clock.Advance(time.Until(clock.Now()))
	w := &world{World: identitytest.New(b, db, clock), db: db}
	w.product = w.addProduct(b, w.First.Account.ID, "tls")
	got, _ := w.make(b, w.draft("bench"))
	p := proof(got)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c, err := w.Credential(b.Context(), core.CredentialEST, "bench")
			if err == nil {
				_, err = w.Authenticate(b.Context(), c, p)
			}
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
}
