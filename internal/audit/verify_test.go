package audit_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/audit"
	"github.com/certwright/certwright/internal/audit/audittest"
	"github.com/certwright/certwright/internal/core"
)

func sum(parts ...string) audit.Hash { return sha256.Sum256([]byte(strings.Join(parts, ""))) }

// audited returns a storage with one chain of n rows and no checkpoint.
func audited(t *testing.T, n int) *audittest.Storage {
	t.Helper()
	l, s, _ := audittest.NewLog(t)
	write(t, l, s, n)
	return s
}

func write(t *testing.T, l *audit.Log, s *audittest.Storage, n int) {
	t.Helper()
	for i := range n {
		err := s.InTx(context.Background(), func(_ context.Context, tx core.Tx) error {
			l.Write(tx, event(i))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// logOf makes a log over s.
func logOf(t *testing.T, s *audittest.Storage) *audit.Log {
	return audit.New(audit.Deps{Storage: s, Signer: audittest.Key(t), Now: audittest.NewClock().Now})
}

// short writes problems as "changed 0/5", "removed 0/5-7", "checkpoint #2".
func short(p audit.Problem) string {
	switch {
	case p.Checkpoint != 0:
		return fmt.Sprintf("%s #%d", p.Kind, p.Checkpoint)
	case p.To != p.Seq:
		return fmt.Sprintf("%s %d/%d-%d", p.Kind, p.Chain, p.Seq, p.To)
	}
	return fmt.Sprintf("%s %d/%d", p.Kind, p.Chain, p.Seq)
}

func problems(t *testing.T, s *audittest.Storage, anchors ...audit.Checkpoint) ([]string, audit.Summary) {
	t.Helper()
	var got []string
	sum, err := logOf(t, s).Verify(context.Background(), func(p audit.Problem) {
		got = append(got, short(p))
		if p.Detail == "" || !strings.Contains(p.String(), p.Detail) {
			t.Errorf("%s says nothing", short(p))
		}
	}, anchors...)
	if err != nil {
		t.Fatal(err)
	}
	if sum.Problems != len(got) {
		t.Errorf("summary counts %d problems of %d", sum.Problems, len(got))
	}
	return got, sum
}

func wantProblems(t *testing.T, name string, s *audittest.Storage, want ...string) {
	t.Helper()
	if got, _ := problems(t, s); !slices.Equal(got, want) {
		t.Errorf("%s: found %q; want %q", name, got, want)
	}
}

// rowAt changes one row.
func rowAt(chain int, seq int64, f func(*audit.Row)) func(*audittest.Data) {
	return func(d *audittest.Data) { f(&d.Rows[chain][seq-1]) }
}

// reseal computes the hash of a row anew, as an attacker can.
func reseal(r *audit.Row) {
	h := "certwright audit content v1\x00"
	num := func(n int, v uint64) string {
		var b [8]byte
		binary.BigEndian.PutUint64(b[:], v)
		return string(b[8-n:])
	}
	h += num(8, uint64(r.At.UnixMicro()))
	for _, s := range []string{string(r.Account), r.Actor, r.Action, r.Object, r.Outcome, r.Request, r.Protocol, string(r.Credential)} {
		h += num(4, uint64(len(s))) + s
	}
	content := sum(h, string(r.Digest[:]))
	r.Hash = sum("certwright audit entry v1\x00", num(4, uint64(r.Chain)), num(8, uint64(r.Seq)), string(r.Prev[:]), string(content[:]))
}

// rechain computes everything from index i on anew, with head.
func rechain(d *audittest.Data, i int) {
	rows := d.Rows[0]
	for ; i < len(rows); i++ {
		rows[i].Seq, rows[i].Prev = int64(i+1), audit.Hash{}
		if i > 0 {
			rows[i].Prev = rows[i-1].Hash
		}
		reseal(&rows[i])
	}
	last := rows[len(rows)-1]
	d.Heads[0] = audit.Head{Seq: last.Seq, Hash: last.Hash}
}

func forged(chain int, seq int64, prev audit.Hash) audit.Row {
	rows, _, _ := audit.Seal(audit.Head{Chain: chain, Seq: seq - 1, Hash: prev}, []core.Event{{Account: "a", Action: "forged", At: time.Unix(5, 0)}})
	return rows[0]
}

func renumber(rows []audit.Row, from int) {
	for i := from; i < len(rows); i++ {
		rows[i].Seq = int64(i + 1)
	}
}

// tampering is one attack on a log of 12 rows in chain 0 with checkpoints at
// rows 4 and 10.
type tampering struct {
	name string
	do   func(*audittest.Data)
	want []string
}

func rowTamperings() []tampering {
	return slices.Concat(changes(), removals(), insertions(), moves())
}

func changes() []tampering {
	return []tampering{
		{"nothing", func(*audittest.Data) {}, nil},
		{"changed", rowAt(0, 6, func(r *audit.Row) { r.Outcome = "failed" }), []string{"changed 0/6"}},
		{"first changed", rowAt(0, 1, func(r *audit.Row) { r.Action = "x" }), []string{"changed 0/1"}},
		{"last changed", rowAt(0, 12, func(r *audit.Row) { r.Action = "x" }), []string{"changed 0/12"}},
		{"two changed", func(d *audittest.Data) { d.Rows[0][2].Action = "x"; d.Rows[0][8].Action = "x" }, []string{"changed 0/3", "changed 0/9"}},
		{"neighbours changed", func(d *audittest.Data) { d.Rows[0][5].Action = "x"; d.Rows[0][6].Action = "x" }, []string{"changed 0/6", "changed 0/7"}},
		{"changed with hash", rowAt(0, 6, func(r *audit.Row) { r.Action = "x"; reseal(r) }), []string{"changed 0/6"}},
		{"changed with hash at a checkpoint", rowAt(0, 4, func(r *audit.Row) { r.Action = "x"; reseal(r) }), []string{"changed 0/4"}},
		{"changed with hash after a checkpoint", rowAt(0, 5, func(r *audit.Row) { r.Action = "x"; reseal(r) }), []string{"changed 0/5"}},
		{"first changed with hash", rowAt(0, 1, func(r *audit.Row) { r.Action = "x"; reseal(r) }), []string{"changed 0/1"}},
		{"last but one changed with hash", rowAt(0, 11, func(r *audit.Row) { r.Action = "x"; reseal(r) }), []string{"changed 0/11"}},
		{"last changed with hash", rowAt(0, 12, func(r *audit.Row) { r.Action = "x"; reseal(r) }), []string{"rewritten 0/11-12"}},
		{"prev changed with hash", rowAt(0, 6, func(r *audit.Row) { r.Prev[0]++; reseal(r) }), []string{"changed 0/6"}},
		{"first given a prev with hash", rowAt(0, 1, func(r *audit.Row) { r.Prev[0]++; reseal(r) }), []string{"changed 0/1"}},
		{"chain computed anew before a checkpoint", func(d *audittest.Data) { d.Rows[0][5].Action = "x"; rechain(d, 5) }, []string{"rewritten 0/5-10"}},
		{"chain computed anew before two checkpoints", func(d *audittest.Data) { d.Rows[0][1].Action = "x"; rechain(d, 1) }, []string{"rewritten 0/1-4"}},
		{"tail computed anew on a wrong joint", func(d *audittest.Data) {
			r := d.Rows[0]
			r[10].Prev[0]++
			reseal(&r[10])
			rechain(d, 11)
		}, []string{"changed 0/11"}},
		{"blocks swapped", func(d *audittest.Data) {
			swap(4, 6)(d)
			swap(5, 7)(d)
		}, []string{"removed 0/5-6", "inserted 0/7-8"}},
		{"three in a circle", func(d *audittest.Data) {
			swap(4, 5)(d)
			swap(5, 6)(d)
		}, []string{"removed 0/5", "inserted 0/7"}},
	}
}

func removals() []tampering {
	return []tampering{
		{"removed", func(d *audittest.Data) { d.Rows[0] = slices.Delete(d.Rows[0], 5, 6) }, []string{"removed 0/6"}},
		{"three removed", func(d *audittest.Data) { d.Rows[0] = slices.Delete(d.Rows[0], 2, 5) }, []string{"removed 0/3-5"}},
		{"first removed", func(d *audittest.Data) { d.Rows[0] = slices.Delete(d.Rows[0], 0, 1) }, []string{"removed 0/1"}},
		{"last removed", func(d *audittest.Data) { d.Rows[0] = d.Rows[0][:11] }, []string{"removed 0/12"}},
		{"tail removed with head", func(d *audittest.Data) {
			d.Rows[0] = d.Rows[0][:8]
			d.Heads[0] = audit.Head{Seq: 8, Hash: d.Rows[0][7].Hash}
		}, []string{"removed 0/9-10"}},
		{"all removed with head", func(d *audittest.Data) { delete(d.Rows, 0); delete(d.Heads, 0) }, []string{"removed 0/1-10"}},
		{"removed and renumbered", func(d *audittest.Data) { d.Rows[0] = slices.Delete(d.Rows[0], 5, 6); renumber(d.Rows[0], 5) }, []string{"removed 0/6"}},
		{"three removed and renumbered", func(d *audittest.Data) { d.Rows[0] = slices.Delete(d.Rows[0], 2, 5); renumber(d.Rows[0], 2) }, []string{"removed 0/3-5"}},
		{"last but one removed and renumbered", func(d *audittest.Data) { d.Rows[0] = slices.Delete(d.Rows[0], 10, 11); renumber(d.Rows[0], 10) }, []string{"removed 0/11"}},
		{"removed and computed anew", func(d *audittest.Data) { d.Rows[0] = slices.Delete(d.Rows[0], 5, 6); rechain(d, 5) }, []string{"rewritten 0/5-10"}},
	}
}

func insertions() []tampering {
	return []tampering{
		{"inserted twin", func(d *audittest.Data) {
			d.Rows[0] = slices.Insert(d.Rows[0], 5, forged(0, 6, d.Rows[0][4].Hash))
		}, []string{"inserted 0/6"}},
		{"inserted twin after", func(d *audittest.Data) {
			d.Rows[0] = slices.Insert(d.Rows[0], 6, forged(0, 6, d.Rows[0][4].Hash))
		}, []string{"inserted 0/6"}},
		{"inserted twin of the last", func(d *audittest.Data) {
			d.Rows[0] = slices.Insert(d.Rows[0], 11, forged(0, 12, d.Rows[0][10].Hash))
		}, []string{"inserted 0/12"}},
		{"copied", func(d *audittest.Data) { d.Rows[0] = slices.Insert(d.Rows[0], 5, d.Rows[0][4]) }, []string{"inserted 0/5"}},
		{"inserted and renumbered", func(d *audittest.Data) {
			d.Rows[0] = slices.Insert(d.Rows[0], 5, forged(0, 6, d.Rows[0][4].Hash))
			renumber(d.Rows[0], 6)
		}, []string{"inserted 0/6"}},
		{"two inserted and renumbered", func(d *audittest.Data) {
			a := forged(0, 6, d.Rows[0][4].Hash)
			d.Rows[0] = slices.Insert(d.Rows[0], 5, a, forged(0, 7, a.Hash))
			renumber(d.Rows[0], 7)
		}, []string{"inserted 0/6-7"}},
		{"garbage inserted and renumbered", func(d *audittest.Data) {
			d.Rows[0] = slices.Insert(d.Rows[0], 5, audit.Row{Seq: 6, Payload: []byte("{}")})
			renumber(d.Rows[0], 6)
		}, []string{"inserted 0/6"}},
		{"appended", func(d *audittest.Data) { d.Rows[0] = append(d.Rows[0], forged(0, 13, d.Rows[0][11].Hash)) }, []string{"inserted 0/13"}},
		{"put before the first", func(d *audittest.Data) {
			d.Rows[0] = append(d.Rows[0], forged(0, 1, audit.Hash{}))
			d.Rows[0][12].Seq = 0
		}, []string{"inserted 0/0"}},
		{"put beyond a gap", func(d *audittest.Data) { d.Rows[0] = append(d.Rows[0], forged(0, 20, audit.Hash{})) }, []string{"inserted 0/13-20"}},
	}
}

func moves() []tampering {
	return []tampering{
		{"swapped neighbours", swap(5, 6), []string{"reordered 0/6", "reordered 0/7"}},
		{"swapped", swap(2, 9), []string{"reordered 0/3", "reordered 0/10"}},
		{"swapped far", swap(0, 11), []string{"reordered 0/1", "reordered 0/12"}},
		{"head changed", func(d *audittest.Data) { d.Heads[0] = audit.Head{Seq: 12, Hash: audit.Hash{9}} }, []string{"rewritten 0/11-12"}},
		{"head too far back", func(d *audittest.Data) { d.Heads[0] = audit.Head{Seq: 9, Hash: d.Rows[0][8].Hash} }, []string{"inserted 0/11-12"}},
		{"rows in a chain of their own", func(d *audittest.Data) { d.Rows[7] = []audit.Row{forged(7, 1, audit.Hash{})} }, []string{"inserted 7/1"}},
		{"row moved to another chain", func(d *audittest.Data) {
			r := d.Rows[0][11]
			r.Chain, r.Seq = 1, int64(len(d.Rows[1])+1)
			d.Rows[1], d.Rows[0] = append(d.Rows[1], r), d.Rows[0][:11]
		}, []string{"removed 0/12", "inserted 1/4"}},
		{"erased unrecorded", rowAt(0, 6, func(r *audit.Row) { r.Payload, r.Salt, r.Login, r.Address = nil, audit.Salt{}, "", "" }), []string{"erased 0/6"}},
	}
}

// swap exchanges the contents of two rows, which keep their numbers.
func swap(i, j int) func(*audittest.Data) {
	return func(d *audittest.Data) {
		r := d.Rows[0]
		r[i], r[j] = r[j], r[i]
		r[i].Seq, r[j].Seq = r[j].Seq, r[i].Seq
	}
}

// twoChains writes 12 rows to chain 0 and 3 to chain 1, with checkpoints when
// chain 0 has 4 and 10 rows.
func twoChains(t *testing.T) *audittest.Storage {
	t.Helper()
	a, b := audited(t, 4), audited(t, 3)
	b.Tamper(func(d *audittest.Data) {
		rows := d.Rows[0]
		a.Tamper(func(e *audittest.Data) {
			var events []core.Event
			for _, r := range rows {
				events = append(events, r.Event)
			}
			rows, head, _ := audit.Seal(audit.Head{Chain: 1}, events)
			e.Rows[1], e.Heads[1] = rows, head
		})
	})
	l := logOf(t, a)
	checkpoint(t, l)
	write(t, l, a, 6)
	checkpoint(t, l)
	write(t, l, a, 2)
	return a
}

func checkpoint(t *testing.T, l *audit.Log) audit.Checkpoint {
	t.Helper()
	c, made, err := l.Checkpoint(context.Background())
	if err != nil || !made {
		t.Fatalf("checkpoint: %v, %v", made, err)
	}
	return c
}

func TestVerifyNamesTheRow(t *testing.T) {
	for _, tt := range rowTamperings() {
		s := twoChains(t)
		s.Tamper(tt.do)
		wantProblems(t, tt.name, s, tt.want...)
	}
}

// Any two of the tamperings that leave the number of rows alone are both found
// when they hit different places.
func TestVerifyFindsBoth(t *testing.T) {
	for i := int64(1); i <= 12; i++ {
		for j := i + 1; j <= 12; j++ {
			s := twoChains(t)
			s.Tamper(rowAt(0, i, func(r *audit.Row) { r.Object = "x" }))
			s.Tamper(rowAt(0, j, func(r *audit.Row) { r.Payload = append(bytes.Clone(r.Payload), ' ') }))
			wantProblems(t, "", s, fmt.Sprintf("changed 0/%d", i), fmt.Sprintf("changed 0/%d", j))
		}
	}
}

func TestVerifySummary(t *testing.T) {
	got, sum := problems(t, twoChains(t))
	if len(got) != 0 || sum != (audit.Summary{Chains: 2, Rows: 15, Uncovered: 2, Checkpoints: 2}) {
		t.Errorf("%q, %+v", got, sum)
	}
	got, sum = problems(t, audittest.New(1))
	if len(got) != 0 || sum != (audit.Summary{}) {
		t.Errorf("empty log: %q, %+v", got, sum)
	}
}

func TestVerifyCheckpoints(t *testing.T) {
	other, _ := audit.NewKey(bytes.Repeat([]byte{1}, 32))
	for _, tt := range []tampering{
		{"removed", func(d *audittest.Data) { d.Checkpoints = slices.Delete(d.Checkpoints, 1, 2) }, []string{"checkpoint #2"}},
		{"first removed", func(d *audittest.Data) { d.Checkpoints = d.Checkpoints[1:] }, []string{"checkpoint #1"}},
		{"last removed", func(d *audittest.Data) { d.Checkpoints = d.Checkpoints[:2] }, []string{"checkpoint #3"}},
		{"removed and renumbered", func(d *audittest.Data) {
			d.Checkpoints = slices.Delete(d.Checkpoints, 1, 2)
			d.Checkpoints[1].Number = 2
		}, []string{"checkpoint #2", "checkpoint #3"}},
		{"body changed", func(d *audittest.Data) {
			d.Checkpoints[1].Body = bytes.Replace(d.Checkpoints[1].Body, []byte(`"number":2`), []byte(`"number":3`), 1)
		}, []string{"checkpoint #2"}},
		{"body not canonical", func(d *audittest.Data) { d.Checkpoints[1].Body = append(bytes.Clone(d.Checkpoints[1].Body), ' ') }, []string{"checkpoint #2"}},
		{"signature changed", func(d *audittest.Data) { d.Checkpoints[1].Signature = make([]byte, 64) }, []string{"checkpoint #2"}},
		{"signature gone", func(d *audittest.Data) { d.Checkpoints[1].Signature = nil }, []string{"checkpoint #2"}},
		{"signed by another", func(d *audittest.Data) { d.Checkpoints[2].Signature, _ = other.Sign(d.Checkpoints[2].Body) }, []string{"checkpoint #3"}},
		{"swapped", func(d *audittest.Data) {
			c := d.Checkpoints
			c[0], c[1] = c[1], c[0]
			c[0].Number, c[1].Number = 1, 2
		}, []string{"checkpoint #1", "checkpoint #2"}},
		{"doubled", func(d *audittest.Data) { d.Checkpoints = append(d.Checkpoints, d.Checkpoints[1]) }, []string{"checkpoint #2"}},
		{"all removed", func(d *audittest.Data) { d.Checkpoints = nil }, []string{"checkpoint #3"}},
		{"tail and its checkpoint removed", func(d *audittest.Data) {
			d.Checkpoints, d.Rows[0] = d.Checkpoints[:2], d.Rows[0][:10]
			d.Heads[0] = audit.Head{Seq: 10, Hash: d.Rows[0][9].Hash}
		}, []string{"checkpoint #3", "removed 0/11-12"}},
	} {
		s := twoChains(t)
		last := checkpoint(t, logOf(t, s))
		s.Tamper(tt.do)
		if got, _ := problems(t, s, last); !slices.Equal(got, tt.want) {
			t.Errorf("%s: found %q; want %q", tt.name, got, tt.want)
		}
	}
}

func TestVerifyErase(t *testing.T) {
	ctx := context.Background()
	l, s, clock := audittest.NewLog(t)
	write(t, l, s, 3)
	other := event(9)
	other.Account = "other"
	if err := l.Record(ctx, other); err != nil {
		t.Fatal(err)
	}
	clock.Pass(time.Hour)
	by := core.Event{Account: event(0).Account, Actor: "user:1", Login: "admin"}
	if _, err := l.Erase(ctx, by, clock.Now().Add(time.Second)); !core.Is(err, core.KindInvalid) {
		t.Errorf("the future: %v", err)
	}
	n, err := l.Erase(ctx, by, clock.Now())
	if err != nil || n != 3 {
		t.Fatalf("erased %d, %v", n, err)
	}
	wantProblems(t, "erased", s)
	for _, e := range s.Events() {
		if e.Account == by.Account && e.Action != audit.ActionErase && (e.Login != "" || e.Address != "") {
			t.Errorf("left: %+v", e)
		}
		if e.Account == "other" && e.Login != "zoé" {
			t.Error("another account was erased")
		}
	}
	clock.Pass(time.Hour)
	if n, err = l.Erase(ctx, by, clock.Now()); err != nil || n != 1 { // the first record of erasure
		t.Fatalf("erased %d, %v", n, err)
	}
	got, sum := problems(t, s)
	if len(got) != 0 || sum.Erased != 4 {
		t.Errorf("%q, %+v", got, sum)
	}
	// Rows after the recorded time are not covered by it.
	s.Tamper(func(d *audittest.Data) {
		r := &d.Rows[0][len(d.Rows[0])-1]
		r.Payload, r.Salt, r.Login, r.Address = nil, audit.Salt{}, "", ""
	})
	if got, _ = problems(t, s); !slices.Equal(got, []string{"erased 0/6"}) {
		t.Errorf("%q", got)
	}
}

// A signed checkpoint behind its predecessor (the database was set back, the
// checkpoints were not) is reported.
func TestVerifyCheckpointGoesBack(t *testing.T) {
	s := twoChains(t)
	s.Tamper(func(d *audittest.Data) {
		d.Rows[0] = d.Rows[0][:8]
		d.Heads[0] = audit.Head{Seq: 8, Hash: d.Rows[0][7].Hash}
	})
	checkpoint(t, logOf(t, s))
	wantProblems(t, "back", s, "checkpoint #3", "removed 0/9-10")
}

// Rows that are written while Verify runs do no harm.
func TestVerifyWhileWriting(t *testing.T) {
	l, s, _ := audittest.NewLog(t)
	write(t, l, s, 5)
	checkpoint(t, l)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 50 {
			write(t, l, s, 3)
			_, _, _ = l.Checkpoint(context.Background())
		}
	}()
	for range 50 {
		if got, _ := problems(t, s); len(got) != 0 {
			t.Errorf("found %q", got)
		}
	}
	<-done
}

func TestVerifyReadError(t *testing.T) {
	s := audited(t, 2)
	s.Fail(core.Errorf(core.KindUnavailable, "down"))
	if _, err := logOf(t, s).Verify(context.Background(), func(audit.Problem) {}); !core.Is(err, core.KindUnavailable) {
		t.Error(err)
	}
}
