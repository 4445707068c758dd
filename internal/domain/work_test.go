package domain_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/domain"
	"github.com/certwright/certwright/internal/validation"
)

func (w *world) work(want int) {
	w.t.Helper()
	n, err := w.Work(w.t.Context())
	if err != nil || n != want {
		w.t.Fatalf("verified %d %v, want %d", n, err, want)
	}
}

// looks is how many attempts of the background a domain has.
func (w *world) looks(id core.DomainID) int {
	w.t.Helper()
	list, err := w.Attempts(w.t.Context(), w.Admin, id, 0, 500)
	if err != nil {
		w.t.Fatal(err)
	}
	n := 0
	for _, a := range list.Items {
		if a.Background {
			n++
		}
	}
	return n
}

func TestBackground(t *testing.T) {
	worlds(t, func(w *world) {
		d := w.register("a.example", "")
		w.work(0)
		if w.looks(d.ID) != 0 {
			t.Error("looked at once")
		}
		var seen []time.Duration
		for start, last := w.Clock.Now(), 0; len(seen) < 7; {
			w.Clock.Advance(time.Minute)
			w.work(0)
			if n := w.looks(d.ID); n > last {
				last, seen = n, append(seen, w.Clock.Now().Sub(start))
			}
		}
		// By the age of the challenge: 1, 2, 5, 10, 30, 30 … minutes.
		want := []time.Duration{1, 3, 8, 18, 48, 78, 108}
		for i := range want {
			if seen[i] != want[i]*time.Minute {
				t.Fatalf("looked at %v", seen)
			}
		}
		w.publish(d.ID)
		w.Clock.Advance(30 * time.Minute)
		w.work(1)
		if got := w.read(d.ID); got.Control != core.ControlVerified || !got.NextCheck.IsZero() || len(w.woken()) != 1 {
			t.Errorf("%+v %v", got, w.woken())
		}
		if e := w.Log.Events("domain.verify"); len(e) != 1 || e[0].Actor != "system:schedule" {
			t.Errorf("audit %+v", e)
		}
		w.Clock.Advance(time.Hour)
		w.work(0)
	})
}

func TestBackgroundEnds(t *testing.T) {
	worlds(t, func(w *world) {
		d, off := w.register("a.example", ""), w.register("b.example", "")
		w.register("mail.example", core.MethodEmail)
		if _, err := w.SetActive(t.Context(), w.Admin, off.ID, false); err != nil {
			t.Fatal(err)
		}
		for range 100 {
			w.Clock.Advance(30 * time.Minute)
			w.work(0)
		}
		if got := w.read(d.ID); !got.NextCheck.IsZero() || w.looks(d.ID) < 90 || w.looks(off.ID) != 0 {
			t.Errorf("after the end of the token: %+v, looked %d and %d times", got, w.looks(d.ID), w.looks(off.ID))
		}
	})
}

// killed is a checker whose process dies while it looks.
type killed struct {
	domain.Checker
	looks int
}

func (k *killed) Check(ctx context.Context, c validation.Check) validation.Result {
	k.looks++
	return k.Checker.Check(ctx, c)
}

// TestKilledBetweenLookAndCommit: a replica that looked and then died leaves the
// challenge to another one, after its lease and not before.
func TestKilledBetweenLookAndCommit(t *testing.T) {
	worlds(t, func(w *world) {
		d := w.register("a.example", "")
		w.publish(d.ID)
		w.Clock.Advance(time.Minute)
		dying := &killed{Checker: w.deps.Checker}
		deps := w.deps
		deps.Checker = dying
		deps.Verified = func(context.Context, core.Tx, *core.Domain) error { return context.Canceled } // nothing of the commit is kept
		first := w.service(deps)
		if n, _ := first.Work(t.Context()); n != 0 || dying.looks != 1 {
			t.Fatalf("verified %d, looked %d times", n, dying.looks)
		}
		w.work(0) // the other replica, while the lease runs
		if got := w.read(d.ID); got.Control != core.ControlPending || w.looks(d.ID) != 0 {
			t.Fatalf("within the lease: %+v", got)
		}
		w.Clock.Advance(2 * time.Minute)
		w.work(1)
		if got := w.read(d.ID); got.Control != core.ControlVerified || w.looks(d.ID) != 1 {
			t.Errorf("after the lease: %+v", got)
		}
	})
}

func TestTwoReplicasLookOnce(t *testing.T) {
	worlds(t, func(w *world) {
		for _, n := range []string{"a.example", "b.example", "c.example"} {
			w.register(n, "")
		}
		w.Clock.Advance(time.Minute)
		other := w.service(w.deps)
		done := make(chan error, 2)
		go func() { _, err := w.Work(context.Background()); done <- err }()
		go func() { _, err := other.Work(context.Background()); done <- err }()
		for range 2 {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		asked := 0
		for _, q := range w.dns.Questions() {
			if strings.HasPrefix(q.Name, "_certwright-challenge.") {
				asked++
			}
		}
		if asked != 3 {
			t.Errorf("%d looks at 3 domains", asked)
		}
	})
}

func TestAttemptsKept(t *testing.T) {
	worlds(t, func(w *world) {
		d := w.register("a.example", "")
		var last *core.DomainAttempt
		for range 203 {
			w.Clock.Advance(time.Second)
			last = w.verify(d.ID).Attempt
		}
		list, err := w.Attempts(t.Context(), w.Admin, d.ID, 0, 1)
		if err != nil || list.Total != 200 || list.Items[0].ID != last.ID {
			t.Errorf("%d kept, %v", list.Total, err)
		}
	})
}
