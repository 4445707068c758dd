package app

import (
	"bytes"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/store/storetest"
)

// TestDemo fills a demo account, signs in to it, and removes it: the other
// account stays as it is, and the audit log is whole.
func TestDemo(t *testing.T) {
	storetest.URLs(t, func(t *testing.T, url string) {
		ctx, c := t.Context(), config(t, url)
		p := started(t, c)
		home, err := p.db.AccountByNumber(ctx, 0)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := RemoveDemo(ctx, c, &out); err == nil || !strings.Contains(err.Error(), "no demo account") {
			t.Errorf("removed nothing: %v", err)
		}
		if err := FillDemo(ctx, c, 60, 1, &out); err != nil {
			t.Fatal(err)
		}
		if err := FillDemo(ctx, c, 60, 1, &out); err == nil || !strings.Contains(err.Error(), "there is a demo account") {
			t.Errorf("filled twice: %v", err)
		}
		all, err := p.identity.Accounts(ctx)
		if err != nil || len(all) != 2 {
			t.Fatalf("%+v %v", all, err)
		}
		made := all[1]
		_, password, _ := strings.Cut(out.String(), "one-time password ")
		password, _, _ = strings.Cut(password, "\n")
		if _, err := p.identity.SignIn(ctx, identity.SignIn{Account: made.Number, Login: "demo", Password: password}); err != nil {
			t.Error(err)
		}
		if _, err := p.identity.SignIn(ctx, identity.SignIn{Login: "demo", Password: password}); !core.Is(err, core.KindUnauthenticated) {
			t.Errorf("signed in to the first account: %v", err)
		}
		list := func(account core.AccountID, f ...core.Cond) int {
			t.Helper()
			page, err := p.db.ListCertificates(ctx, core.ListQuery{Account: account, Limit: 500, Filter: f})
			if err != nil {
				t.Fatal(err)
			}
			return len(page.Items)
		}
		for _, s := range []core.OrderState{core.OrderApproval, core.OrderIssued, core.OrderRejected, core.OrderCancelled, core.OrderFailed} {
			page, err := p.db.ListOrders(ctx, core.ListQuery{Account: made.ID, Limit: 500, Filter: core.Filter{{Column: "state", Op: core.OpEquals, Values: []string{string(s)}}}})
			if err != nil || len(page.Items) == 0 {
				t.Errorf("no order is %s: %v", s, err)
			}
		}
		if n := list(made.ID); n < 60 {
			t.Errorf("%d certificates", n)
		}
		if _, err := p.db.IndexSearch(ctx); err != nil {
			t.Fatal(err)
		}
		before := list(home.ID)
		if err := RemoveDemo(ctx, c, &out); err != nil {
			t.Fatal(err)
		}
		if n := list(home.ID); n != before || list(made.ID) != 0 {
			t.Errorf("%d certificates of the first account were %d; %d of the removed one", n, before, list(made.ID))
		}
		if all, err := p.identity.Accounts(ctx); err != nil || len(all) != 1 {
			t.Errorf("%+v %v", all, err)
		}
		if err := VerifyAudit(ctx, c, &out); err != nil {
			t.Error(err)
		}
		if w, err := p.firstStart(ctx); err != nil || w == nil {
			t.Errorf("the first account is damaged: %v", err)
		}
		if err := FillDemo(ctx, c, 0, 2, &out); err != nil {
			t.Errorf("without certificates: %v", err)
		}
	})
}
