package audit_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/certwright/certwright/internal/audit"
	"github.com/certwright/certwright/internal/audit/audittest"
	"github.com/certwright/certwright/internal/core"
)

func refusal(actor, address string) core.Event {
	return core.Event{Account: "a", Actor: actor, Login: "l", Address: address, Action: "sign-in", Object: "user:1", Outcome: core.Refused}
}

func record(t *testing.T, l *audit.Log, e core.Event) {
	t.Helper()
	if err := l.Record(context.Background(), e); err != nil {
		t.Fatal(err)
	}
}

func TestRecord(t *testing.T) {
	l, s, clock := audittest.NewLog(t)
	record(t, l, core.Event{Action: "x", Outcome: core.Failed})
	at := clock.Now().Add(-time.Hour)
	record(t, l, core.Event{Action: "y", Outcome: core.Failed, At: at})
	record(t, l, refusal("a", "1"))
	got := s.Events()
	if len(got) != 3 || !got[0].At.Equal(clock.Now()) || !got[1].At.Equal(at) || !got[2].At.Equal(clock.Now()) {
		t.Errorf("%+v", got)
	}
}

func TestWriteIsPartOfTheTransaction(t *testing.T) {
	l, s, _ := audittest.NewLog(t)
	no := errors.New("no")
	err := s.InTx(context.Background(), func(_ context.Context, tx core.Tx) error {
		l.Write(tx, event(1))
		return no
	})
	if !errors.Is(err, no) || len(s.Events()) != 0 {
		t.Errorf("%v, %d events", err, len(s.Events()))
	}
	mine := []core.Event{{Action: "x"}}
	err = s.InTx(context.Background(), func(_ context.Context, tx core.Tx) error {
		l.Write(tx, mine...)
		return nil
	})
	if err != nil || len(s.Events()) != 1 || !mine[0].At.IsZero() {
		t.Errorf("%v, %d events, caller's slice %v", err, len(s.Events()), mine[0].At)
	}
}

func TestRefusalsAreFolded(t *testing.T) {
	ctx := context.Background()
	l, s, clock := audittest.NewLog(t)
	start := clock.Now()
	for range 1000 {
		record(t, l, refusal("anonymous", "192.0.2.1"))
		clock.Pass(50 * time.Millisecond)
	}
	record(t, l, refusal("anonymous", "192.0.2.2"))
	record(t, l, refusal("user:1", "192.0.2.1"))
	other := refusal("anonymous", "192.0.2.1")
	other.Action = "credential.use"
	record(t, l, other)
	if n := len(s.Events()); n != 4 {
		t.Fatalf("%d events written at once", n)
	}
	if err := l.Flush(ctx, false); err != nil || len(s.Events()) != 4 {
		t.Fatalf("%v: flushed %d events before their minute was over", err, len(s.Events())-4)
	}
	clock.Pass(10 * time.Second)
	if err := l.Flush(ctx, false); err != nil {
		t.Fatal(err)
	}
	got := s.Events()
	if len(got) != 5 {
		t.Fatalf("%d events", len(got))
	}
	e := got[4]
	last := start.Add(999 * 50 * time.Millisecond)
	if e.Detail["folded"] != 999 || !e.Detail["first"].(time.Time).Equal(start.Add(50*time.Millisecond)) || !e.At.Equal(last) ||
		e.Address != "192.0.2.1" || e.Outcome != core.Refused || e.Actor != "anonymous" || e.Object != "user:1" {
		t.Errorf("%+v", e)
	}
	// The next refusal opens another window; one alone leaves no count.
	record(t, l, refusal("anonymous", "192.0.2.1"))
	clock.Pass(time.Hour)
	if err := l.Flush(ctx, false); err != nil || len(s.Events()) != 6 {
		t.Errorf("%v, %d events", err, len(s.Events()))
	}
}

// Without any flush, the next refusal after the minute brings the count along.
func TestFoldWrittenByNextRefusal(t *testing.T) {
	l, s, clock := audittest.NewLog(t)
	for range 5 {
		record(t, l, refusal("a", "1"))
	}
	clock.Pass(time.Minute)
	record(t, l, refusal("a", "1"))
	got := s.Events()
	if len(got) != 3 || got[1].Detail["folded"] != 4 || got[2].Detail != nil {
		t.Errorf("%+v", got)
	}
}

// counted sums written refusals: each event is one, or its folded count.
func counted(s *audittest.Storage) int {
	n := 0
	for _, e := range s.Events() {
		if f, ok := e.Detail["folded"].(int); ok {
			n += f
		} else {
			n++
		}
	}
	return n
}

// However the database fails in between, every refusal is written or counted
// in the end, once.
func TestFoldLosesNothing(t *testing.T) {
	ctx := context.Background()
	l, s, clock := audittest.NewLog(t)
	down := errors.New("down")
	total, failed := 0, 0
	for i := range 600 {
		if i%7 == 0 {
			s.Fail(down)
		}
		err := l.Record(ctx, refusal("a", fmt.Sprint(i%3)))
		total++
		if err != nil {
			failed++
			if !errors.Is(err, down) {
				t.Fatal(err)
			}
		}
		if i%11 == 0 {
			_ = l.Flush(ctx, i%2 == 0)
		}
		s.Fail(nil)
		clock.Pass(time.Duration(i%30) * time.Second)
	}
	if err := l.Flush(ctx, true); err != nil {
		t.Fatal(err)
	}
	if failed == 0 || counted(s) != total {
		t.Errorf("%d refusals, %d in the log, %d answered with an error", total, counted(s), failed)
	}
}

func TestFoldConcurrent(t *testing.T) {
	l, s, _ := audittest.NewLog(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 200 {
				_ = l.Record(context.Background(), refusal("a", fmt.Sprint(i%2)))
			}
		})
	}
	wg.Wait()
	if n := len(s.Events()); n != 2 {
		t.Errorf("%d events written at once", n)
	}
	if err := l.Flush(context.Background(), true); err != nil || counted(s) != 1600 {
		t.Errorf("%v: %d counted", err, counted(s))
	}
}

// An attacker with any number of addresses cannot make more than a bounded
// number of rows a minute.
func TestFoldIsBounded(t *testing.T) {
	ctx := context.Background()
	l, s, clock := audittest.NewLog(t)
	for i := range 5000 {
		record(t, l, refusal("anonymous", fmt.Sprint(i)))
	}
	if n := len(s.Events()); n != 1001 {
		t.Errorf("%d events", n)
	}
	clock.Pass(2 * time.Minute)
	if err := l.Flush(ctx, false); err != nil {
		t.Fatal(err)
	}
	got := s.Events()
	last := got[len(got)-1]
	if counted(s) != 5000 || last.Detail["several"] != true || last.Address != "" || last.Actor != "" || last.Action != "sign-in" {
		t.Errorf("%d counted, %+v", counted(s), last)
	}
	// Room is made again.
	record(t, l, refusal("anonymous", "x"))
	if n := len(s.Events()); n != len(got)+1 {
		t.Errorf("%d events", n)
	}
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := audittest.New(1)
		l := audit.New(audit.Deps{Storage: s, Signer: audittest.Key(t), Now: time.Now})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- l.Run(ctx) }()
		for range 3 {
			record(t, l, refusal("a", "1"))
		}
		time.Sleep(55 * time.Second)
		synctest.Wait()
		if n := len(s.Events()); n != 1 {
			t.Errorf("%d events after 55 s", n)
		}
		s.Fail(errors.New("down"))
		time.Sleep(20 * time.Second)
		synctest.Wait()
		s.Fail(nil)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if n := len(s.Events()); n != 2 || counted(s) != 3 {
			t.Errorf("%d events after the minute, %d counted", n, counted(s))
		}
		record(t, l, refusal("a", "1"))
		record(t, l, refusal("a", "1"))
		cancel()
		if err := <-done; err != nil || counted(s) != 5 {
			t.Errorf("at the end %v, %d counted", err, counted(s))
		}
	})
}

func TestCheckpoint(t *testing.T) {
	ctx := context.Background()
	l, s, clock := audittest.NewLog(t)
	if c, made, err := l.Checkpoint(ctx); err != nil || made || c.Number != 0 {
		t.Errorf("of an empty log: %v, %v", made, err)
	}
	write(t, l, s, 3)
	c := checkpoint(t, l)
	st, err := c.Statement()
	if err != nil || st.Number != 1 || c.Number != 1 || !st.At.Equal(clock.Now()) || len(st.Heads) != 1 || st.Heads[0].Seq != 3 ||
		st.Key != audittest.Key(t).KeyID() || !ed25519.Verify(audittest.Key(t).PublicKey(), c.Body, c.Signature) {
		t.Errorf("%+v, %v", st, err)
	}
	again, made, err := l.Checkpoint(ctx)
	if err != nil || made || again.Number != 1 {
		t.Errorf("without news: %v, %v", made, err)
	}
	write(t, l, s, 1)
	s.BeforeCommit(func() { checkpoint(t, l) }) // another replica is faster
	c, made, err = l.Checkpoint(ctx)
	if err != nil || made || c.Number != 2 {
		t.Errorf("second of two: number %d, %v, %v", c.Number, made, err)
	}
	wantProblems(t, "checkpoints", s)
	s.Fail(errors.New("down"))
	if _, _, err := l.Checkpoint(ctx); err == nil {
		t.Error("no error")
	}
}

// Checkpoints signed before a change of key verify with the former key only.
func TestCheckpointKeyChange(t *testing.T) {
	old := audittest.Key(t)
	l, s, clock := audittest.NewLog(t)
	write(t, l, s, 1)
	checkpoint(t, l)
	seed := bytes.Repeat([]byte{5}, 32)
	for _, tt := range []struct {
		former []ed25519.PublicKey
		want   int
	}{{[]ed25519.PublicKey{old.PublicKey()}, 0}, {nil, 1}} {
		k, err := audit.NewKey(seed, tt.former...)
		if err != nil {
			t.Fatal(err)
		}
		next := audit.New(audit.Deps{Storage: s, Signer: k, Now: clock.Now})
		write(t, next, s, 1)
		checkpoint(t, next)
		sum, err := next.Verify(context.Background(), func(audit.Problem) {})
		if err != nil || sum.Problems != tt.want {
			t.Errorf("%d former keys: %d problems, %v", len(tt.former), sum.Problems, err)
		}
	}
	if _, err := audit.NewKey(seed[:31]); !core.Is(err, core.KindInvalid) {
		t.Error(err)
	}
	if _, err := audit.NewKey(seed, seed[:3]); !core.Is(err, core.KindInvalid) {
		t.Error(err)
	}
}

func TestList(t *testing.T) {
	ctx := context.Background()
	l, s, _ := audittest.NewLog(t)
	write(t, l, s, 3)
	page, err := l.List(ctx, core.ListQuery{Account: event(0).Account, Limit: 2, Filter: core.Filter{{Column: "login", Op: core.OpEquals, Values: []string{"ZOÉ"}}}})
	if err != nil || len(page.Items) != 2 || page.Next == "" || page.Items[0].Seq != 3 || page.Items[0].Detail["serial"] != "0a1b2c" {
		t.Errorf("%+v, %v", page, err)
	}
	if page, err = l.List(ctx, core.ListQuery{Account: "other"}); err != nil || len(page.Items) != 0 {
		t.Errorf("%+v, %v", page, err)
	}
	for _, f := range []core.Cond{{Column: "salt", Op: core.OpEquals, Values: []string{"x"}}, {Column: "outcome", Op: core.OpEquals, Values: []string{"maybe"}}} {
		if _, err := l.List(ctx, core.ListQuery{Filter: core.Filter{f}}); !core.Is(err, core.KindInvalid) {
			t.Errorf("%+v: %v", f, err)
		}
	}
}

func FuzzStatement(f *testing.F) {
	k, _ := audit.NewKey(make([]byte, 32))
	s := audittest.New(1)
	l := audit.New(audit.Deps{Storage: s, Signer: k, Now: audittest.NewClock().Now})
	_ = l.Record(context.Background(), event(1))
	c, _, _ := l.Checkpoint(context.Background())
	f.Add(c.Body)
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		st, err := audit.Checkpoint{Number: 1, Body: body}.Statement()
		if err != nil {
			return
		}
		for i, h := range st.Heads {
			if h.Seq < 1 || h.Chain < 0 || (i > 0 && st.Heads[i-1].Chain >= h.Chain) {
				t.Fatalf("impossible heads %+v", st.Heads)
			}
		}
	})
}
