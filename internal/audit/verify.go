package audit

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/certwright/certwright/internal/core"
)

// Verify reads the whole log and reports every problem it finds: rows that were
// changed, removed, inserted or put in another order, with chain and seq, and
// checkpoints that are changed, missing or unsigned. anchors are checkpoints
// that were kept elsewhere: each must be among the stored ones, which shows
// when the newest checkpoints were cut off. Rows written meanwhile do no harm.
// An error means that reading failed, not that there are problems. Memory
// grows with the number of checkpoints, not of rows.
func (l *Log) Verify(ctx context.Context, report func(Problem), anchors ...Checkpoint) (Summary, error) {
	v := newVerifier(report, l.signer.Public)
	if err := l.storage.Checkpoints(ctx, func(c Checkpoint) error { v.checkpoint(c); return nil }); err != nil {
		return v.sum, core.AsError(err)
	}
	v.endCheckpoints(anchors)
	before, err := l.storage.Heads(ctx)
	if err != nil {
		return v.sum, core.AsError(err)
	}
	for _, h := range before {
		v.anchors[h.Chain] = append(v.anchors[h.Chain], anchor{h, "the recorded head"})
	}
	chains, err := l.storage.Chains(ctx)
	if err != nil {
		return v.sum, core.AsError(err)
	}
	for _, c := range chains {
		if _, ok := v.anchors[c]; !ok {
			v.anchors[c] = nil // rows without a head: they were inserted
		}
	}
	for _, chain := range slices.Sorted(maps.Keys(v.anchors)) {
		v.startChain(Head{Chain: chain})
		if err := l.storage.WalkRows(ctx, chain, math.MinInt64, func(r *Row) error { v.row(r); return ctx.Err() }); err != nil {
			return v.sum, core.AsError(err)
		}
		head, err := l.headOf(ctx, chain)
		if err != nil {
			return v.sum, err
		}
		v.endChain(&head)
	}
	v.end()
	return v.sum, nil
}

// headOf returns the recorded end of a chain; seq 0 when none is recorded.
func (l *Log) headOf(ctx context.Context, chain int) (Head, error) {
	heads, err := l.storage.Heads(ctx)
	if err != nil {
		return Head{}, core.AsError(err)
	}
	for _, h := range heads {
		if h.Chain == chain {
			return h, nil
		}
	}
	return Head{Chain: chain}, nil
}

// verifier is the part that Verify and VerifyExport share.
type verifier struct {
	report  func(Problem)
	public  func(string) (ed25519.PublicKey, bool)
	sum     Summary
	anchors map[int][]anchor // what checkpoints say about each chain
	seen    map[int64]Hash   // checkpoints by number
	last    *Checkpoint
	lastSt  Statement
	covered map[int]int64 // seq up to which the newest good checkpoint reaches
	erased  erasures
	check   *checker
	scratch []byte
}

func newVerifier(report func(Problem), public func(string) (ed25519.PublicKey, bool)) *verifier {
	return &verifier{
		report: report, public: public, anchors: map[int][]anchor{}, seen: map[int64]Hash{},
		covered: map[int]int64{}, erased: newErasures(),
	}
}

func (v *verifier) problem(p Problem) {
	v.sum.Problems++
	v.report(p)
}

func (v *verifier) badCheckpoint(number int64, format string, args ...any) {
	v.problem(Problem{Kind: ProblemCheckpoint, Checkpoint: number, Detail: fmt.Sprintf(format, args...)})
}

// checkpoint takes the next one, in ascending order of number. Only what a good
// one says becomes an anchor.
func (v *verifier) checkpoint(c Checkpoint) {
	v.sum.Checkpoints++
	s, err := c.Statement()
	why := ""
	switch {
	case err != nil:
		why = "it was changed: " + core.AsError(err).Detail
	case s.Number != c.Number:
		why = fmt.Sprintf("it says that it is checkpoint %d", s.Number)
	default:
		why = c.verifySignature(s, v.public)
	}
	if why != "" {
		v.badCheckpoint(c.Number, "%s", why)
		v.last = &c // its number counts, its hash does not
		v.lastSt = Statement{Number: -1}
		return
	}
	v.follows(c, s)
	v.seen[c.Number] = c.Hash()
	v.last, v.lastSt = &c, s
	for _, h := range s.Heads {
		v.covered[h.Chain] = max(v.covered[h.Chain], h.Seq)
		a := v.anchors[h.Chain]
		if n := len(a); n > 0 && a[n-1].head == h {
			continue // the chain has not moved
		}
		v.anchors[h.Chain] = append(a, anchor{h, fmt.Sprintf("checkpoint %d", c.Number)})
	}
}

// follows compares a checkpoint with the one before.
func (v *verifier) follows(c Checkpoint, s Statement) {
	want := int64(1)
	if v.last != nil {
		want = v.last.Number + 1
	}
	switch {
	case c.Number > want:
		v.badCheckpoint(want, "removed; the next one is %d", c.Number)
		return
	case c.Number < want:
		v.badCheckpoint(c.Number, "two checkpoints have this number")
		return
	case v.lastSt.Number < 0: // the one before is bad
		return
	}
	var prev Hash
	if v.last != nil {
		prev = v.last.Hash()
	}
	if s.Prev != prev {
		v.badCheckpoint(c.Number, "it does not follow the one before: one of them was exchanged")
		return
	}
	for _, old := range v.lastSt.Heads {
		i := slices.IndexFunc(s.Heads, func(h Head) bool { return h.Chain == old.Chain })
		if i < 0 || s.Heads[i].Seq < old.Seq {
			v.badCheckpoint(c.Number, "chain %d is shorter than at the one before", old.Chain)
		}
	}
}

// endCheckpoints looks for the checkpoints that were kept elsewhere.
func (v *verifier) endCheckpoints(anchors []Checkpoint) {
	for _, a := range anchors {
		got, ok := v.seen[a.Number]
		switch s, err := a.Statement(); {
		case err != nil || a.verifySignature(s, v.public) != "":
			v.badCheckpoint(a.Number, "the copy kept elsewhere is not signed by a known key")
		case ok && got != a.Hash():
			v.badCheckpoint(a.Number, "it differs from the copy kept elsewhere")
		case !ok:
			if v.last == nil || a.Number > v.last.Number { // else its absence is reported
				v.badCheckpoint(a.Number, "removed; a copy of it was kept elsewhere")
			}
			for _, h := range s.Heads {
				v.anchors[h.Chain] = append(v.anchors[h.Chain], anchor{h, fmt.Sprintf("checkpoint %d kept elsewhere", a.Number)})
			}
		}
	}
}

// startChain begins with the rows after start.
func (v *verifier) startChain(start Head) {
	v.sum.Chains++
	v.check = newChecker(start, v.anchors[start.Chain])
}

// row takes the next row of the chain.
func (v *verifier) row(r *Row) {
	k := link{pos: r.Seq, prev: r.Prev, hash: r.Hash}
	v.scratch, k.content = r.content(v.scratch)
	v.scratch, k.wrong = r.checkPayload(v.scratch)
	v.count(r.Chain, r.Seq)
	if r.Payload == nil {
		v.sum.Erased++
	}
	v.erased.see(r)
	v.check.add(k)
}

// bridge takes a row of which only hashes are known.
func (v *verifier) bridge(chain int, seq int64, prev, content, hash Hash) {
	v.count(chain, seq)
	v.sum.Bridged++
	v.check.add(link{pos: seq, prev: prev, hash: hash, content: content})
}

func (v *verifier) count(chain int, seq int64) {
	v.sum.Rows++
	if seq > v.covered[chain] {
		v.sum.Uncovered++
	}
}

// endChain reports what the chain showed. head is its recorded end, nil when
// there is none to compare with.
func (v *verifier) endChain(head *Head) {
	for _, p := range v.check.finish(head) {
		v.problem(p)
	}
}

// end reports what only the whole log shows.
func (v *verifier) end() {
	for _, p := range v.erased.problems() {
		v.problem(p)
	}
}
