package storetest_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/store/storetest"
)

// rows puts n certificates into an account: host<i>.example.internal, every
// third revoked, tagged, ending i days from now.
func rows(t *testing.T, db *store.DB, account core.AccountID, n int, now time.Time) {
	t.Helper()
	err := db.InTx(t.Context(), func(ctx context.Context, tx core.Tx) error {
		for i := range n {
			name := fmt.Sprintf("host%d.Example.internal", i)
			c := &core.Certificate{ID: core.NewID[core.CertificateID](now.Add(time.Duration(i) * time.Millisecond)), Account: account, Number: int64(i), Issuer: "i",
				Product: "p", User: "u", Protocol: []string{"est", "api"}[i%2], Serial: fmt.Sprintf("%s%x", account, i+1), Subject: "CN=" + name, CommonName: name,
				Names: []string{"dns:" + name}, KeyAlgorithm: "ECDSA P-256", SPKIHash: []byte{1}, NotBefore: now, NotAfter: now.AddDate(0, 0, i),
				Tags: [][]string{nil, {"web", "100%_sure"}, {"webfarm"}}[i%3], CreatedAt: now}
			if err := db.ReserveCertificate(ctx, tx, c); err != nil {
				return err
			}
			c.State, c.DER, c.Fingerprint = core.CertActive, []byte(c.Serial), []byte(c.Serial)
			if err := db.FinishCertificate(ctx, tx, c); err != nil {
				return err
			}
			if i%3 == 0 {
				c.State, c.RevokedAt, c.Reason = core.CertRevoked, now, 1
				if err := db.SetCertificateState(ctx, tx, c, core.CertActive); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func numbers(t *testing.T, db *store.DB, q core.ListQuery) []int64 {
	t.Helper()
	var out []int64
	for pages := 0; ; pages++ {
		p, err := db.ListCertificates(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range p.Items {
			out = append(out, c.Number)
		}
		if p.Next == "" {
			return out
		}
		if len(p.Items) == 0 || pages > 100 {
			t.Fatal("a page without rows leads on")
		}
		q.Cursor = p.Next
	}
}

func TestFilters(t *testing.T) {
	now := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	storetest.EnginesAt(t, func() time.Time { return now }, func(t *testing.T, db *store.DB) {
		rows(t, db, "a", 12, now)
		rows(t, db, "b", 3, now)
		for _, c := range []struct {
			filter string // column op value[,value]
			want   []int64
		}{
			{"state eq revoked", []int64{0, 3, 6, 9}},
			{"state in revoked,active", []int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
			{"state ne revoked", []int64{1, 2, 4, 5, 7, 8, 10, 11}},
			{"common_name eq HOST3.example.INTERNAL", []int64{3}},
			{"common_name contains HOST1", []int64{1, 10, 11}},
			{"common_name notcontains host1", []int64{0, 2, 3, 4, 5, 6, 7, 8, 9}},
			{"common_name startswith host11", []int64{11}},
			{"common_name endswith 2.example.internal", []int64{2}},
			{"common_name contains %", nil},
			{"common_name contains _", nil},
			{"common_name empty", nil},
			{"number gt 9", []int64{10, 11}},
			{"number between 3,5", []int64{3, 4, 5}},
			{"number in 1,7", []int64{1, 7}},
			{"not_after le +3d", []int64{0, 1, 2, 3}},
			{"not_after gt 2027-01-10", []int64{10, 11}},
			{"revoked_at notempty", []int64{0, 3, 6, 9}},
			{"revoked_at empty", []int64{1, 2, 4, 5, 7, 8, 10, 11}},
			{"tags eq web", []int64{1, 4, 7, 10}},
			{"tags contains web", []int64{1, 2, 4, 5, 7, 8, 10, 11}},
			{"tags eq 100%_sure", []int64{1, 4, 7, 10}},
			{"tags empty", []int64{0, 3, 6, 9}},
			{"replaced eq false", []int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
			{"protocol eq est;state eq active", []int64{2, 4, 8, 10}},
		} {
			q := core.ListQuery{Account: "a", Limit: 5, Sort: core.Sort{Column: "number"}}
			for _, row := range strings.Split(c.filter, ";") {
				f := strings.SplitN(row, " ", 3)
				cond := core.Cond{Column: f[0], Op: core.Operator(f[1])}
				if len(f) == 3 {
					cond.Values = strings.Split(f[2], ",")
				}
				q.Filter = append(q.Filter, cond)
			}
			if got := numbers(t, db, q); !slices.Equal(got, c.want) {
				t.Errorf("%s: %v, want %v", c.filter, got, c.want)
			}
		}
	})
}

func TestPaging(t *testing.T) {
	now := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	storetest.EnginesAt(t, func() time.Time { return now }, func(t *testing.T, db *store.DB) {
		rows(t, db, "a", 23, now)
		rows(t, db, "b", 5, now)
		for _, col := range db.CertificateColumns() {
			if !col.Sortable {
				continue
			}
			for _, desc := range []bool{false, true} {
				got := numbers(t, db, core.ListQuery{Account: "a", Limit: 4, Sort: core.Sort{Column: col.Name, Desc: desc}})
				seen := slices.Clone(got)
				slices.Sort(seen)
				if len(got) != 23 || len(slices.Compact(seen)) != 23 {
					t.Errorf("sorted by %s (desc %v): %v", col.Name, desc, got)
				}
			}
		}
		if got := numbers(t, db, core.ListQuery{Account: "a", Limit: 23}); len(got) != 23 || got[0] != 22 {
			t.Errorf("newest first: %v", got)
		}
		p, err := db.ListCertificates(t.Context(), core.ListQuery{Account: "a", Limit: 23})
		if err != nil || p.Next != "" {
			t.Errorf("a full last page leads on: %q %v", p.Next, err)
		}
		first, err := db.ListCertificates(t.Context(), core.ListQuery{Account: "a", Limit: 2})
		if err != nil {
			t.Fatal(err)
		}
		for name, q := range map[string]core.ListQuery{
			"garbage": {Account: "a", Cursor: "garbage"}, "of another order": {Account: "a", Cursor: first.Next, Sort: core.Sort{Column: "number"}},
			"unknown column":   {Account: "a", Filter: core.Filter{{Column: "x", Op: core.OpEquals, Values: []string{"1"}}}},
			"unknown operator": {Account: "a", Filter: core.Filter{{Column: "number", Op: core.OpContains, Values: []string{"1"}}}},
			"no number":        {Account: "a", Filter: core.Filter{{Column: "number", Op: core.OpEquals, Values: []string{"1; DROP TABLE"}}}},
			"unknown value":    {Account: "a", Filter: core.Filter{{Column: "state", Op: core.OpEquals, Values: []string{"x"}}}},
			"unsortable":       {Account: "a", Sort: core.Sort{Column: "names"}},
		} {
			if _, err := db.ListCertificates(t.Context(), q); !core.Is(err, core.KindInvalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
