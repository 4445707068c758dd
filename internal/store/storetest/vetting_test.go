package storetest_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
)

func TestVettingRows(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx, account, now := t.Context(), w.First.Account.ID, w.Clock.Now()
		org := w.organisation(t, "Vetted GmbH")
		row := func(at time.Time, p core.Purpose, s core.VettingState) *core.Vetting {
			return &core.Vetting{ID: core.NewID[core.VettingID](at), Account: account, Organisation: org.ID, Purpose: p, State: s, AskedBy: w.First.User.ID,
				AskedAs: "user:x", Version: 1, CreatedAt: at, UpdatedAt: at}
		}
		v := row(now, core.PurposeOV, core.VettingPending)
		w.tx(t, func(ctx context.Context, tx core.Tx) error { return w.db.InsertVetting(ctx, tx, v) })
		for p, kind := range map[core.Purpose]core.Kind{core.PurposeOV: core.KindExists, core.PurposeEV: ""} {
			err := w.db.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
				return w.db.InsertVetting(ctx, tx, row(now.Add(time.Second), p, core.VettingDiscrepancy))
			})
			wantKind(t, err, kind, "a second open one for "+string(p))
		}
		got, err := w.db.Vetting(ctx, nil, account, v.ID)
		wantKind(t, err, "", "read")
		if got.Evidence = nil; !sameVetting(got, v) {
			t.Errorf("got %+v, want %+v", got, v)
		}
		v.State, v.Validator, v.Method, v.Source, v.Comment, v.Version = core.VettingValidated, w.First.User.ID, "register", "HRB 1", "fine", 2
		v.Evidence, v.DecidedAt, v.ExpiresAt = []core.DocumentID{"d1", "d2"}, now.Add(time.Hour), now.Add(31*24*time.Hour)
		for _, from := range []int{0, 2} {
			err := w.db.InTx(ctx, func(ctx context.Context, tx core.Tx) error { return w.db.UpdateVetting(ctx, tx, v, from) })
			wantKind(t, err, core.KindConflict, "another version")
		}
		w.tx(t, func(ctx context.Context, tx core.Tx) error { return w.db.UpdateVetting(ctx, tx, v, 1) })
		got, err = w.db.Vetting(ctx, nil, account, v.ID)
		wantKind(t, err, "", "read")
		if !sameVetting(got, v) {
			t.Errorf("got %+v, want %+v", got, v)
		}
		_, err = w.db.Vetting(ctx, nil, "another", v.ID)
		wantKind(t, err, core.KindNotFound, "another account")

		for _, tt := range []struct {
			column string
			op     core.Operator
			value  string
			n      int
		}{
			{"state", core.OpEquals, "validated", 1}, {"state", core.OpEquals, "discrepancy", 1}, {"purpose", core.OpEquals, "smime", 0},
			{"organisation", core.OpEquals, string(org.ID), 2}, {"method", core.OpEquals, "REGISTER", 1}, {"expires_at", core.OpGreater, now.Format(time.RFC3339), 1},
			{"comment", core.OpContains, "in", 1}, {"validator", core.OpEquals, string(w.First.User.ID), 1},
		} {
			c := core.Cond{Column: tt.column, Op: tt.op, Values: []string{tt.value}}
			page, err := w.db.ListVettings(ctx, core.ListQuery{Account: account, Filter: core.Filter{c}, Sort: core.Sort{Column: "created_at"}})
			if err != nil || len(page.Items) != tt.n {
				t.Errorf("%+v: %d, %v", tt, len(page.Items), err)
			}
		}
	})
}

// sameVetting compares two vettings.
func sameVetting(a, b *core.Vetting) bool {
	x, y := *a, *b
	same := slices.Equal(x.Evidence, y.Evidence) && x.DecidedAt.Equal(y.DecidedAt) && x.ExpiresAt.Equal(y.ExpiresAt) && x.CreatedAt.Equal(y.CreatedAt) && x.UpdatedAt.Equal(y.UpdatedAt)
	return same && x.ID == y.ID && x.Account == y.Account && x.Organisation == y.Organisation && x.Purpose == y.Purpose && x.State == y.State &&
		x.AskedBy == y.AskedBy && x.AskedAs == y.AskedAs && x.Validator == y.Validator && x.Method == y.Method && x.Source == y.Source &&
		x.Comment == y.Comment && x.Reminded == y.Reminded && x.Version == y.Version
}

func TestEndingVettings(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx, now := t.Context(), w.Clock.Now()
		org := w.organisation(t, "Vetted GmbH")
		insert := func(state core.VettingState, ends time.Time, reminded int) *core.Vetting {
			v := &core.Vetting{ID: core.NewID[core.VettingID](now), Account: org.Account, Organisation: org.ID, Purpose: core.PurposeOV, State: state, ExpiresAt: ends,
				Reminded: reminded, Version: 1, CreatedAt: now, UpdatedAt: now}
			w.tx(t, func(ctx context.Context, tx core.Tx) error { return w.db.InsertVetting(ctx, tx, v) })
			return v
		}
		at := insert(core.VettingValidated, now.AddDate(0, 0, 7), 0)
		told := insert(core.VettingValidated, now.AddDate(0, 0, 6), 14)
		insert(core.VettingValidated, now.AddDate(0, 0, 6), 7)                  // told at this distance
		insert(core.VettingValidated, now.AddDate(0, 0, 6), 1)                  // and at a nearer one
		insert(core.VettingValidated, now.AddDate(0, 0, 7).Add(time.Second), 0) // later
		insert(core.VettingValidated, now, 0)                                   // over
		insert(core.VettingRejected, now.AddDate(0, 0, 6), 0)
		ids := func() []core.VettingID {
			list, err := w.db.EndingVettings(ctx, now, now.AddDate(0, 0, 7), 7, 100)
			if err != nil {
				t.Fatal(err)
			}
			var out []core.VettingID
			for _, v := range list {
				out = append(out, v.ID)
			}
			return out
		}
		if got := ids(); !slices.Equal(got, []core.VettingID{told.ID, at.ID}) {
			t.Errorf("%v", got)
		}
		w.tx(t, func(ctx context.Context, tx core.Tx) error {
			if err := w.db.MarkReminded(ctx, tx, at.ID, at.ExpiresAt.Add(time.Hour), 7); err != nil { // it got another end
				return err
			}
			return w.db.MarkReminded(ctx, tx, told.ID, told.ExpiresAt, 7)
		})
		if got := ids(); !slices.Equal(got, []core.VettingID{at.ID}) {
			t.Errorf("%v", got)
		}
	})
}

func TestOrganisationLegalAndToken(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		org := w.organisation(t, "Vetted GmbH")
		org.Legal = core.LegalData{LegalName: "Vetted GmbH & Co. \"KG\"", Phone: "+4912345", Identifier: "NTRDE-HRB1"}
		w.tx(t, func(ctx context.Context, tx core.Tx) error {
			if err := w.db.UpdateOrganisation(ctx, tx, org); err != nil {
				return err
			}
			locked, err := w.db.LockOrganisation(ctx, tx, org.Account, org.ID)
			if err == nil && locked.Legal != org.Legal {
				t.Errorf("locked %+v", locked)
			}
			return err
		})
		got, err := w.db.OrganisationByNumber(ctx, org.Account, org.Number)
		if err != nil || got.ID != org.ID || got.Legal != org.Legal {
			t.Errorf("%+v, %v", got, err)
		}
		_, err = w.db.OrganisationByNumber(ctx, "another", org.Number)
		wantKind(t, err, core.KindNotFound, "another account")
		page, err := w.db.Organisations(ctx, core.ListQuery{Account: org.Account, Filter: core.Filter{{Column: "number", Op: core.OpEquals, Values: []string{"2"}}}})
		if err != nil || len(page.Items) != 1 || page.Items[0].Legal != org.Legal {
			t.Errorf("%+v, %v", page, err)
		}
		token, err := w.db.OrganisationToken(ctx, nil, org.Account, org.ID)
		if err != nil || token != nil {
			t.Errorf("%q, %v", token, err)
		}
		w.tx(t, func(ctx context.Context, tx core.Tx) error {
			return w.db.SetOrganisationToken(ctx, tx, org.Account, org.ID, []byte("sealed"))
		})
		if token, err = w.db.OrganisationToken(ctx, nil, org.Account, org.ID); err != nil || string(token) != "sealed" {
			t.Errorf("%q, %v", token, err)
		}
		err = w.db.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
			_, err := w.db.LockOrganisation(ctx, tx, "another", org.ID)
			return err
		})
		wantKind(t, err, core.KindNotFound, "lock in another account")
	})
}
