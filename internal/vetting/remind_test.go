package vetting_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/vetting"
)

// addressed gives a person a mail address.
func (w *world) addressed(t *testing.T, p *core.Principal, email string) {
	t.Helper()
	_, err := w.UpdateUser(t.Context(), w.Admin, p.User, identity.UserChange{Email: &email})
	ok(t, err)
}

func TestReminders(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.addressed(t, w.validator, "vera@example.com")
		w.addressed(t, w.other, "CONTACT@example.com") // the organisation's own, told once
		w.addressed(t, w.asker, "olga@example.com")    // no validator
		v := w.validated(t, core.PurposeOV, 100)
		w.ask(t, core.PurposeEV) // not validated: nothing ends
		told := map[int]int{}    // mails by days before the end
		total := 0
		for d := 0; d <= 102; d++ {
			for range 2 { // the second look of a day finds nothing
				n, err := w.s.Remind(ctx)
				ok(t, err)
				sent := len(w.mail.Sent())
				if n > 0 {
					told[100-d] = sent - total
				}
				if n == 0 && sent != total {
					t.Errorf("day %d: %d mails that count for nothing", d, sent-total)
				}
				total = sent
			}
			w.Clock.Advance(day)
		}
		for _, days := range []int{60, 30, 14, 7, 1} {
			if told[days] != 2 {
				t.Errorf("%d days before: %d mails", days, told[days])
			}
			delete(told, days)
		}
		if len(told) > 0 {
			t.Errorf("mails at other times: %v", told)
		}
		to := map[string]int{}
		for _, m := range w.mail.Sent() {
			to[m.To]++
			if !strings.Contains(m.Subject, "Example Works") || !strings.Contains(m.Text, "vetting ask") {
				t.Errorf("%+v", m)
			}
		}
		if len(to) != 2 || to["contact@example.com"] != 5 || to["vera@example.com"] != 5 {
			t.Errorf("recipients %v", to)
		}
		if got := w.read(t, v.ID); got.Reminded != 1 {
			t.Errorf("%+v", got)
		}
	})
}

func TestRemindersAfterFailure(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		v := w.validated(t, core.PurposeOV, 5)
		w.mail.Fail(core.Errorf(core.KindUnavailable, "the mail server sleeps"))
		if n, err := w.s.Remind(ctx); n != 0 || !core.Is(err, core.KindUnavailable) {
			t.Errorf("%d, %v", n, err)
		}
		w.mail.Fail(nil)
		if n, err := w.s.Remind(ctx); n != 1 || err != nil || len(w.mail.Sent()) != 1 {
			t.Errorf("%d, %v, %d mails", n, err, len(w.mail.Sent()))
		}
		if got := w.read(t, v.ID); got.Reminded != 7 {
			t.Errorf("told at %d days", got.Reminded)
		}
		// Refused for good: not again at this distance, but at the next.
		w.Clock.Advance(4*day + time.Hour)
		w.mail.Fail(core.Errorf(core.KindUpstream, "no such mailbox"))
		if n, err := w.s.Remind(ctx); n != 0 || err == nil {
			t.Errorf("%d, %v", n, err)
		}
		w.mail.Fail(nil)
		if n, err := w.s.Remind(ctx); n != 0 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	})
}

// TestRemindersFollowTheVetting: nobody is told about one that is withdrawn, or
// that another one carries on; a new decision is announced anew.
func TestRemindersFollowTheVetting(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		withdrawn := w.validated(t, core.PurposeSMIME, 5)
		ok(t, second(w.s.Decide(ctx, w.validator, withdrawn.ID, vetting.Decision{State: core.VettingRejected, Comment: "dissolved"})))
		w.validated(t, core.PurposeOV, 5)
		w.validated(t, core.PurposeEV, 300) // covers OV
		if n, err := w.s.Remind(ctx); n != 0 || err != nil || len(w.mail.Sent()) != 0 {
			t.Errorf("%d, %v, %v", n, err, w.mail.Sent())
		}
		silent := w.service(t, nil)
		v := w.validated(t, core.PurposeSMIME, 5)
		if n, err := silent.Remind(ctx); n != 0 || err != nil {
			t.Errorf("without a mail server: %d, %v", n, err)
		}
		if n, err := w.s.Remind(ctx); n != 1 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		_, err := w.s.SetLegal(ctx, w.Admin, w.org.ID, core.LegalData{Registration: "HRB 9"})
		ok(t, err)
		d := good()
		d.ExpiresAt = w.Clock.Now().Add(5 * day)
		got, err := w.s.Decide(ctx, w.validator, v.ID, d)
		ok(t, err)
		if got.Reminded != 0 {
			t.Errorf("%+v", got)
		}
		if n, err := w.s.Remind(ctx); n != 1 || err != nil {
			t.Errorf("the new decision: %d, %v", n, err)
		}
	})
}

// TestRemindersOfReplicas: replicas that look at the same moment tell once.
func TestRemindersOfReplicas(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		for _, p := range []core.Purpose{core.PurposeOV, core.PurposeSMIME} {
			w.validated(t, p, 20)
		}
		var wg sync.WaitGroup
		for range 5 {
			s := w.service(t, w.mail)
			wg.Go(func() {
				if _, err := s.Remind(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := len(w.mail.Sent()); n != 2 {
			t.Errorf("%d mails for 2 vettings", n)
		}
	})
}
