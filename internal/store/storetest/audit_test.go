package storetest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/audit"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/store/storetest"
)

// TestTampering changes the audit log behind the program's back, in SQL, and
// asks for the row that Verify must name.
func TestTampering(t *testing.T) {
	for name, c := range map[string]struct {
		sql  string
		want string // part of a problem
	}{
		"changed":    {`UPDATE audit_entries SET action = 'nothing' WHERE seq = 5`, "5"},
		"payload":    {`UPDATE audit_entries SET payload = '{"x":1}' WHERE seq = 6`, "6"},
		"removed":    {`DELETE FROM audit_entries WHERE seq = 7`, "7"},
		"tail":       {`DELETE FROM audit_entries WHERE seq > 8`, "9"},
		"reordered":  {`UPDATE audit_entries SET seq = CASE seq WHEN 3 THEN -4 ELSE -3 END WHERE seq IN (3, 4); UPDATE audit_entries SET seq = -seq WHERE seq < 0`, "3"},
		"inserted":   {`INSERT INTO audit_entries SELECT chain, 11, account, at, action, object, outcome, actor, login, address, request, protocol, credential, payload, salt, digest, prev, hash FROM audit_entries WHERE seq = 10`, "10: inserted"},
		"checkpoint": {`UPDATE audit_checkpoints SET signature = body`, "checkpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Engines(t, func(t *testing.T, db *store.DB) {
				ctx := t.Context()
				l := audit.New(audit.Deps{Storage: db, Now: time.Now, Signer: mustKey(t)})
				for i := range 10 { // one after the other: one chain on SQLite, the writer's on PostgreSQL
					err := db.InTx(ctx, func(_ context.Context, tx core.Tx) error {
						l.Write(tx, core.Event{Account: "a", Action: "test", Object: fmt.Sprint(i), Outcome: core.Success, Login: "somebody"})
						return nil
					})
					if err != nil {
						t.Fatal(err)
					}
				}
				if db.Dialect() == store.Postgres {
					onOneChain(t, db, l)
				}
				if _, made, err := l.Checkpoint(ctx); err != nil || !made {
					t.Fatal(made, err)
				}
				if _, err := l.Verify(ctx, func(p audit.Problem) { t.Errorf("before: %v", p) }); err != nil {
					t.Fatal(err)
				}
				for _, q := range strings.Split(c.sql, ";") {
					if _, err := db.SQL().ExecContext(ctx, q); err != nil {
						t.Fatal(err)
					}
				}
				var found []string
				if _, err := l.Verify(ctx, func(p audit.Problem) { found = append(found, fmt.Sprint(p)) }); err != nil {
					t.Fatal(err)
				}
				if len(found) == 0 || !strings.Contains(strings.Join(found, "\n"), c.want) {
					t.Errorf("found %q, want one about %s", found, c.want)
				}
			})
		})
	}
}

// onOneChain writes until some chain has at least ten rows and removes the
// others, so that the same statements fit both engines.
func onOneChain(t *testing.T, db *store.DB, l *audit.Log) {
	t.Helper()
	for range 200 {
		heads, err := db.Heads(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range heads {
			if h.Seq >= 10 {
				if _, err := db.SQL().Exec(`DELETE FROM audit_entries WHERE chain <> $1 OR seq > 10`, h.Chain); err != nil {
					t.Fatal(err)
				}
				if _, err := db.SQL().Exec(`DELETE FROM audit_chains WHERE chain <> $1`, h.Chain); err != nil {
					t.Fatal(err)
				}
				if h.Seq == 10 {
					return
				}
				t.Fatalf("chain %d has %d rows", h.Chain, h.Seq)
			}
		}
		if err := l.Record(t.Context(), core.Event{Account: "a", Action: "test", Outcome: core.Success}); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("no chain got ten rows")
}
