package rest_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/protocol/rest"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/store/storetest"
)

// dying is a storage that cannot complete answers while it is switched on, as
// if the process had died between order and answer.
type dying struct {
	rest.Storage
	on *atomic.Bool
}

func (d dying) FinishRESTAnswer(ctx context.Context, tx core.Tx, a *core.RESTAnswer) (bool, error) {
	if d.on.Load() {
		return false, core.Errorf(core.KindUnavailable, "cut off")
	}
	return d.Storage.FinishRESTAnswer(ctx, tx, a)
}

// TestV2Interrupted: a request whose answer was lost after the order was
// recorded is answered by its repeat, with that order; later repeats say the
// same, whatever became of the order.
func TestV2Interrupted(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, db *store.DB) {
		on := &atomic.Bool{}
		w := newV1World(t, db, func(d *rest.Deps) { d.Storage, d.Patience = dying{d.Storage, on}, 50*time.Millisecond })
		x := w.v2(t, w.oauth(t, v2Account, v1Products))
		body, key := privateBody(m{"csr": v2CSR(t, "app.example.internal")}), header("Idempotency-Key", "lost")
		on.Store(true)
		if a := x.send("POST", "/private-pki-certificates", body, key); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
			t.Fatalf("%d %s", a.status, a.raw)
		}
		on.Store(false)
		first := x.must(201, "POST", "/private-pki-certificates", body, key)
		if first.get("status") != "issued" || x.total("/reports/orders") != 1 {
			t.Errorf("%s", first.raw)
		}
		x.must(204, "POST", "/private-pki-certificates/"+first.get("orderId")+"/revoke", m{"reason": "superseded"})
		if a := x.must(201, "POST", "/private-pki-certificates", body, key); string(a.raw) != string(first.raw) {
			t.Errorf("%s, was %s", a.raw, first.raw)
		}
	})
}
