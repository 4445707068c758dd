package store

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestOfAccount: every table whose rows belong to an account is emptied with
// it, or is named here with the reason.
func TestOfAccount(t *testing.T) {
	kept := map[string]string{
		"accounts":      "goes last",
		"audit_entries": "the log keeps its rows; what they say is erased",
	}
	db, err := Open(t.Context(), Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "x.db"), Relaxed: true, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := db.Migrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	rows, err := db.query(t.Context(), `SELECT DISTINCT m.name FROM sqlite_master m, pragma_table_info(m.name) c
		WHERE m.type = 'table' AND c.name IN ('account', 'user_id', 'credential', 'certificate', 'order_id', 'account_id')`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		var table string
		if err := rows.Scan(&table); err != nil {
			t.Fatal(err)
		}
		listed := slices.ContainsFunc(ofAccount, func(x struct{ table, where string }) bool { return x.table == table })
		if n++; !listed && kept[table] == "" {
			t.Errorf("the rows of %s stay when their account is removed", table)
		}
	}
	if err := rows.Err(); err != nil || n < len(ofAccount)-3 {
		t.Errorf("%d tables, %v", n, err)
	}
}
