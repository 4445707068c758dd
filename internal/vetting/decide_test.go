package vetting_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/vetting"
	"github.com/certwright/certwright/internal/vetting/vettingtest"
)

func TestAskAndDecide(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, err := w.s.Standing(ctx, w.First.Account.ID, w.org.ID, core.PurposeOV)
		is(t, "standing before any vetting", err, core.KindNotFound)
		v := w.ask(t, core.PurposeOV)
		if v.State != core.VettingPending || v.AskedBy != w.asker.User || v.AskedAs != w.asker.Actor() || v.Version != 1 {
			t.Errorf("%+v", v)
		}
		again, err := w.s.Ask(ctx, w.Admin, w.org.ID, core.PurposeOV)
		ok(t, err)
		if again.ID != v.ID || again.AskedBy != w.asker.User {
			t.Errorf("asked twice: %+v", again)
		}
		if ev := w.ask(t, core.PurposeEV); ev.ID == v.ID {
			t.Error("one vetting for two purposes")
		}
		d, err := w.s.Decide(ctx, w.validator, v.ID, good())
		ok(t, err)
		if end := w.Clock.Now().AddDate(0, 0, 398); d.State != core.VettingValidated || d.Validator != w.validator.User || !d.ExpiresAt.Equal(end) ||
			d.Method != "register" || d.Source == "" || !d.DecidedAt.Equal(w.Clock.Now()) || d.Version != 2 {
			t.Errorf("%+v", d)
		}
		if len(w.vetted) != 1 || w.vetted[0] != w.org.ID {
			t.Errorf("the hook ran for %v", w.vetted)
		}
		got := w.read(t, v.ID)
		if got.State != d.State || !got.ExpiresAt.Equal(d.ExpiresAt) || got.Source != d.Source || got.Version != 2 {
			t.Errorf("kept %+v", got)
		}
		st, err := w.s.Standing(ctx, w.First.Account.ID, w.org.ID, core.PurposeOV)
		ok(t, err)
		if st.ID != v.ID {
			t.Errorf("standing %+v", st)
		}
		_, err = w.s.Decide(ctx, w.other, v.ID, good())
		is(t, "validate what is validated", err, core.KindConflict)
		for _, a := range []string{"vetting.ask", "vetting.decide"} {
			if len(w.Log.Events(a)) == 0 {
				t.Errorf("no event %s", a)
			}
		}
		at(t, "unknown purpose", second(w.s.Ask(ctx, w.asker, w.org.ID, "dv")), "purpose")
		is(t, "unknown organisation", second(w.s.Ask(ctx, w.asker, "x", core.PurposeOV)), core.KindNotFound)
		is(t, "unknown vetting", second(w.s.Decide(ctx, w.validator, "x", good())), core.KindNotFound)
	})
}

func second[T any](_ T, err error) error { return err }

func TestFourEyes(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		v, err := w.s.Ask(ctx, w.other, w.org.ID, core.PurposeOV)
		ok(t, err)
		_, err = w.s.Decide(ctx, w.other, v.ID, good())
		is(t, "decide on one's own", err, core.KindForbidden)
		refused := slices.ContainsFunc(w.Log.Events("vetting.decide"), func(e core.Event) bool { return e.Outcome == core.Refused && e.Actor == w.other.Actor() })
		if !refused {
			t.Error("the refusal is not in the audit log")
		}
		// A credential asks for its user.
		cred := w.credential(w.group(t, "web", w.org.ID), "")
		cred.User = w.validator.User
		v2, err := w.s.Ask(ctx, cred, w.org.ID, core.PurposeSMIME)
		ok(t, err)
		_, err = w.s.Decide(ctx, w.validator, v2.ID, good())
		is(t, "decide on what one's credential asked", err, core.KindForbidden)
		_, err = w.s.Decide(ctx, cred, v.ID, good())
		is(t, "a credential decides", err, core.KindForbidden)
		_, err = w.s.Decide(ctx, w.asker, v2.ID, good())
		is(t, "an operator decides", err, core.KindForbidden)
		_, err = w.s.Decide(ctx, &core.Principal{Account: w.First.Account.ID, System: "host"}, v2.ID, good())
		is(t, "no person decides", err, core.KindForbidden)
		if got := w.read(t, v.ID); got.State != core.VettingPending || got.Version != 1 {
			t.Errorf("changed: %+v", got)
		}
		ok(t, second(w.s.Decide(ctx, w.validator, v.ID, good())))
		ok(t, second(w.s.Decide(ctx, w.Admin, v2.ID, good()))) // an administrator may
	})
}

func TestDecisionsAreChecked(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		v, sm := w.ask(t, core.PurposeOV), w.ask(t, core.PurposeSMIME)
		ctx, now := t.Context(), w.Clock.Now()
		doc, err := w.s.AddDocument(ctx, w.asker, w.org.ID, "register.pdf", "", vettingtest.PDF("register"))
		ok(t, err)
		foreign, err := w.s.AddDocument(ctx, w.asker, w.second(t, "Else").ID, "register.pdf", "", vettingtest.PDF("else"))
		ok(t, err)
		for _, tt := range []struct {
			what, field string
			change      func(*vetting.Decision)
		}{
			{"expired is no decision", "state", func(d *vetting.Decision) { d.State = core.VettingExpired }},
			{"pending is no decision", "state", func(d *vetting.Decision) { d.State = core.VettingPending }},
			{"no method", "method", func(d *vetting.Decision) { d.Method = "" }},
			{"unknown method", "method", func(d *vetting.Decision) { d.Method = "phone" }},
			{"neither source nor evidence", "source", func(d *vetting.Decision) { d.Source = "" }},
			{"source of two lines", "source", func(d *vetting.Decision) { d.Source = "a\nb" }},
			{"evidence of another organisation", "evidence", func(d *vetting.Decision) { d.Evidence = []core.DocumentID{doc.ID, foreign.ID} }},
			{"too much evidence", "evidence", func(d *vetting.Decision) { d.Evidence = make([]core.DocumentID, 51) }},
			{"an end in the past", "expires_at", func(d *vetting.Decision) { d.ExpiresAt = now }},
			{"an end too far", "expires_at", func(d *vetting.Decision) { d.ExpiresAt = now.AddDate(0, 0, 398).Add(time.Second) }},
			{"rejection without a reason", "comment", func(d *vetting.Decision) { d.State = core.VettingRejected }},
			{"discrepancy without a reason", "comment", func(d *vetting.Decision) { d.State = core.VettingDiscrepancy }},
		} {
			d := good()
			tt.change(&d)
			at(t, tt.what, second(w.s.Decide(ctx, w.validator, v.ID, d)), tt.field)
		}
		d := good()
		d.Version = 7
		is(t, "another version", second(w.s.Decide(ctx, w.validator, v.ID, d)), core.KindConflict)
		if got := w.read(t, v.ID); got.State != core.VettingPending || got.Version != 1 {
			t.Fatalf("changed: %+v", got)
		}
		d = vetting.Decision{State: core.VettingValidated, Method: "register", Evidence: []core.DocumentID{doc.ID}, ExpiresAt: now.AddDate(0, 0, 398), Version: 1}
		got, err := w.s.Decide(ctx, w.validator, v.ID, d)
		ok(t, err)
		if len(got.Evidence) != 1 || got.Evidence[0] != doc.ID {
			t.Errorf("%+v", got)
		}
		d = good()
		d.ExpiresAt = now.AddDate(0, 0, 825).Add(time.Second)
		at(t, "S/MIME too far", second(w.s.Decide(ctx, w.validator, sm.ID, d)), "expires_at")
		got, err = w.s.Decide(ctx, w.validator, sm.ID, good())
		ok(t, err)
		if !got.ExpiresAt.Equal(now.AddDate(0, 0, 825)) {
			t.Errorf("S/MIME ends %s", got.ExpiresAt)
		}
	})
}

func TestDiscrepancyAndBack(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		v := w.ask(t, core.PurposeOV)
		got, err := w.s.Decide(ctx, w.validator, v.ID, vetting.Decision{State: core.VettingDiscrepancy, Comment: "the register says Example AG"})
		ok(t, err)
		if got.State != core.VettingDiscrepancy || !got.ExpiresAt.IsZero() || len(w.vetted) != 0 {
			t.Errorf("%+v, hook %v", got, w.vetted)
		}
		// Only who asked puts it before the validators again: whoever did could
		// not decide on it any more.
		got, err = w.s.Ask(ctx, w.other, w.org.ID, core.PurposeOV)
		ok(t, err)
		if got.ID != v.ID || got.State != core.VettingDiscrepancy {
			t.Errorf("%+v", got)
		}
		got, err = w.s.Ask(ctx, w.asker, w.org.ID, core.PurposeOV)
		ok(t, err)
		if got.ID != v.ID || got.State != core.VettingPending {
			t.Errorf("%+v", got)
		}
		ok(t, second(w.s.Decide(ctx, w.validator, v.ID, good())))
		// Withdrawn.
		got, err = w.s.Decide(ctx, w.other, v.ID, vetting.Decision{State: core.VettingRejected, Comment: "the company was dissolved"})
		ok(t, err)
		if got.State != core.VettingRejected {
			t.Errorf("%+v", got)
		}
		if st, err := w.s.Standing(ctx, w.First.Account.ID, w.org.ID, core.PurposeOV); err != nil || st.State != core.VettingRejected {
			t.Errorf("%+v, %v", st, err)
		}
		for _, to := range []core.VettingState{core.VettingValidated, core.VettingDiscrepancy, core.VettingRejected} {
			d := good()
			d.State, d.Comment = to, "again"
			is(t, "decide on a rejected one", second(w.s.Decide(ctx, w.validator, v.ID, d)), core.KindConflict)
		}
		if n := w.ask(t, core.PurposeOV); n.ID == v.ID {
			t.Error("a rejected vetting was opened again")
		}
	})
}

func TestCancel(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		requester := w.Person(t, "rita", nil, core.Grant{Role: core.RoleRequester})
		v := w.ask(t, core.PurposeOV)
		is(t, "somebody else cancels", second(w.s.Cancel(ctx, requester, v.ID, "")), core.KindForbidden)
		got, err := w.s.Cancel(ctx, w.asker, v.ID, "by mistake")
		ok(t, err)
		if got.State != core.VettingCancelled || got.Comment != "by mistake" {
			t.Errorf("%+v", got)
		}
		is(t, "cancel twice", second(w.s.Cancel(ctx, w.asker, v.ID, "")), core.KindConflict)
		is(t, "decide on a cancelled one", second(w.s.Decide(ctx, w.validator, v.ID, good())), core.KindConflict)
		v = w.ask(t, core.PurposeOV)
		ok(t, second(w.s.Cancel(ctx, w.validator, v.ID, "")))
		valid := w.validated(t, core.PurposeOV, 100)
		is(t, "cancel a validated one", second(w.s.Cancel(ctx, w.asker, valid.ID, "")), core.KindConflict)
	})
}

func TestExpiryAndStanding(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx, account := t.Context(), w.First.Account.ID
		standing := func(p core.Purpose, want core.VettingID, state core.VettingState) {
			t.Helper()
			v, err := w.s.Standing(ctx, account, w.org.ID, p)
			ok(t, err)
			if v.ID != want || v.Shown(w.Clock.Now()) != state {
				t.Errorf("standing for %s: %s %s, want %s %s", p, v.ID, v.Shown(w.Clock.Now()), want, state)
			}
		}
		ov := w.validated(t, core.PurposeOV, 10)
		standing(core.PurposeOV, ov.ID, core.VettingValidated)
		is(t, "OV does not stand for EV", second(w.s.Standing(ctx, account, w.org.ID, core.PurposeEV)), core.KindNotFound)
		renewal := w.ask(t, core.PurposeOV)
		standing(core.PurposeOV, ov.ID, core.VettingValidated) // as long as it is valid
		w.Clock.Advance(10 * day)
		standing(core.PurposeOV, renewal.ID, core.VettingPending)
		ok(t, second(w.s.Cancel(ctx, w.asker, renewal.ID, "")))
		standing(core.PurposeOV, renewal.ID, core.VettingCancelled) // the last one
		if got := w.read(t, ov.ID); got.Shown(w.Clock.Now()) != core.VettingExpired {
			t.Errorf("%+v", got)
		}
		ev := w.validated(t, core.PurposeEV, 20)
		standing(core.PurposeOV, ev.ID, core.VettingValidated) // EV covers OV
		standing(core.PurposeEV, ev.ID, core.VettingValidated)
		longer := w.validated(t, core.PurposeOV, 30)
		standing(core.PurposeOV, longer.ID, core.VettingValidated)
		shorter := w.validated(t, core.PurposeOV, 5)
		standing(core.PurposeOV, longer.ID, core.VettingValidated) // the one that lasts longest
		_ = shorter
		list, err := w.s.Of(ctx, w.asker, w.org.ID)
		ok(t, err)
		if len(list) != 5 || list[0].CreatedAt.Before(list[4].CreatedAt) {
			t.Errorf("%d vettings", len(list))
		}
	})
}

// TestHookFails: a decision whose follow-up fails is none.
func TestHookFails(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		v := w.ask(t, core.PurposeOV)
		w.hook = errors.New("no")
		if _, err := w.s.Decide(t.Context(), w.validator, v.ID, good()); err == nil {
			t.Error("decided")
		}
		if got := w.read(t, v.ID); got.State != core.VettingPending || got.Validator != "" || got.Version != 1 {
			t.Errorf("%+v", got)
		}
	})
}

// TestTwoDeciders: of several validators at the same moment one has the word.
func TestTwoDeciders(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		for range 5 {
			v := w.ask(t, core.PurposeOV)
			decisions := []vetting.Decision{good(), {State: core.VettingRejected, Comment: "unknown to the register"}, {State: core.VettingDiscrepancy, Comment: "which one?"}}
			errs := make([]error, len(decisions))
			var wg sync.WaitGroup
			for i, d := range decisions {
				d.Version = 1
				wg.Go(func() {
					_, errs[i] = w.service(t, nil).Decide(t.Context(), []*core.Principal{w.validator, w.other, w.Admin}[i], v.ID, d)
				})
			}
			wg.Wait()
			won := -1
			for i, err := range errs {
				switch {
				case err == nil && won >= 0:
					t.Fatalf("two decided: %v", errs)
				case err == nil:
					won = i
				case !core.Is(err, core.KindConflict):
					t.Fatal(err)
				}
			}
			if won < 0 {
				t.Fatal("nobody decided")
			}
			got := w.read(t, v.ID)
			if got.State != decisions[won].State || got.Version != 2 {
				t.Errorf("%+v, though %s won", got, decisions[won].State)
			}
			if got.State.Open() {
				ok(t, second(w.s.Cancel(t.Context(), w.Admin, v.ID, "")))
			}
		}
	})
}

// TestTwoAskers: at most one vetting is open per organisation and purpose.
func TestTwoAskers(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ids := make([]core.VettingID, 8)
		errs := make([]error, len(ids))
		var wg sync.WaitGroup
		for i := range ids {
			wg.Go(func() {
				v, err := w.s.Ask(t.Context(), w.asker, w.org.ID, core.PurposeOV)
				if errs[i] = err; err == nil {
					ids[i] = v.ID
				}
			})
		}
		wg.Wait()
		ok(t, errors.Join(errs...))
		if len(slices.Compact(slices.Sorted(slices.Values(ids)))) != 1 {
			t.Errorf("opened %v", ids)
		}
	})
}
