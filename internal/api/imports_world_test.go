package api_test

import (
	"testing"

	"github.com/certwright/certwright/internal/csvlist"
	"github.com/certwright/certwright/internal/inventory"
)

func (w *world) inventory(t testing.TB) *inventory.Service {
	t.Helper()
	s, err := inventory.New(inventory.Deps{Storage: w.db, Audit: w.audit, Now: w.Clock.Now, Queue: func() inventory.Queue { return w.queue }})
	must(t, err)
	return s
}

func (w *world) lists(t testing.TB) *csvlist.Service {
	t.Helper()
	s, err := csvlist.New(csvlist.Deps{Identity: w.Service, Domains: w.names})
	must(t, err)
	return s
}
