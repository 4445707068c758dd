package store

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestDomainPlans holds what runs for orders, for the background and for links
// of mails against its index.
func TestDomainPlans(t *testing.T) {
	db, err := Open(t.Context(), Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "plan.db"), Relaxed: true, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	plan := func(q string, args ...any) string {
		t.Helper()
		rows, err := db.query(t.Context(), "EXPLAIN QUERY PLAN "+q, args...)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		var out strings.Builder
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			out.WriteString(detail + "\n")
		}
		return out.String()
	}
	for name, p := range map[string]struct{ plan, want string }{
		"proofs of an owner": {plan(selectDomain+provenDomains+marks(1, 2), "a", "g:1", 1, "a.example", "b.example"), "(account=? AND owner=? AND name=?)"},
		"due":                {plan(selectDomain+dueDomains, 1, 10), "domains_next"},
		"link of a mail":     {plan(selectDomain+"email_hash = ?", []byte{1}), "domains_mail"},
		"attempts":           {plan(selectAttempt+newestAttempts, "d", "a", 10, 0), "domain_attempts_domain"},
	} {
		if !strings.Contains(p.plan, p.want) || strings.Contains(p.plan, "SCAN") || strings.Contains(p.plan, "TEMP B-TREE") {
			t.Errorf("%s: %s", name, p.plan)
		}
	}
}
