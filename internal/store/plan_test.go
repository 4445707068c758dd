package store

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestPlans holds what runs for each request against the index that it was
// written for: without it the cost grows with what an account ever ordered.
func TestPlans(t *testing.T) {
	db, err := Open(t.Context(), Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "plan.db"), Relaxed: true, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows, err := db.query(t.Context(), "EXPLAIN QUERY PLAN "+selectACMEOrder+openACMEOrder, "account", "wish", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan.WriteString(detail + "\n")
	}
	if rows.Err() != nil || !strings.Contains(plan.String(), "acme_orders_wish") {
		t.Errorf("%v\n%s", rows.Err(), plan.String())
	}
}
