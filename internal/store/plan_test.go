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
	for _, x := range []struct {
		index, text string
		args        []any
	}{
		{"acme_orders_wish", selectACMEOrder + openACMEOrder, []any{"account", "wish", 1}},
		{"order_details_due", `SELECT t.order_id FROM order_details t WHERE (t.due_at <= ?) ORDER BY t.due_at LIMIT 100`, []any{1}},
		{"order_waits_reference", wakeOrders, []any{1, "account", "domain", "a.example"}},
		{"orders_group", "SELECT t.id" + reportFrom + "t.account = ? AND t.group_id IN (?) ORDER BY t.id DESC LIMIT 50", []any{"account", "group"}},
	} {
		if plan := planOf(t, db, x.text, x.args...); !strings.Contains(plan, x.index) {
			t.Errorf("%s is not used\n%s", x.index, plan)
		}
	}
}

func planOf(t *testing.T, db *DB, text string, args ...any) string {
	t.Helper()
	rows, err := db.query(t.Context(), "EXPLAIN QUERY PLAN "+text, args...)
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
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	return plan.String()
}
