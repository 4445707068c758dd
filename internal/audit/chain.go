package audit

import (
	"fmt"
	"slices"
)

// link is a row reduced to its place in the chain.
type link struct {
	pos     int64 // stored seq
	prev    Hash
	hash    Hash
	content Hash
	wrong   string // what is wrong with its payload; "" for nothing
}

// seqIs reports whether the hash of the row is right for seq.
func (k *link) seqIs(chain int, seq int64) bool {
	return seq > 0 && entryHash(chain, seq, k.prev, k.content) == k.hash
}

// judged is a link and its true seq: the one that its hash was made with; 0
// when the hash fits none of those tried.
type judged struct {
	link
	true int64
}

// anchor is a row hash that is known from elsewhere: a signed checkpoint or the
// recorded head.
type anchor struct {
	head Head
	from string // "checkpoint 7", "the recorded head"
}

// Limits of what a damaged chain may make the checker remember.
const (
	maxSuspects = 1000 // rows that are tried as each other's
	maxTwins    = 64   // rows with one and the same seq
	maxShift    = 32   // by how many numbers a row is thought to be moved
)

// checker walks one chain. It sees each row once, in ascending order of seq,
// and remembers the last ones, because which of two rows that do not fit is the
// changed one shows only in the row after them.
type checker struct {
	chain   int
	anchors []anchor // ascending by seq

	floor   int64  // rows up to here are trusted and not seen
	twins   []link // rows with the seq that is being read
	last    judged // the last row placed
	current *judged
	gap     bool  // rows are missing between last and current
	offset  int64 // true seq minus stored seq of the rows now being read
	since   int64 // pos from which on offset holds

	odd []judged // rows whose hash was made with another seq
	bad []judged // rows whose hash fits no seq tried

	problems []Problem
	anchored int64 // true seq up to which anchors fit
	broken   bool  // an anchor after anchored did not fit, and that is reported
	blamed   int64 // pos of the last row reported as rewritten by itself
}

// newChecker starts after start, which is trusted: the empty chain, or a head
// that a checkpoint names. Anchors that name no row after start are dropped.
func newChecker(start Head, anchors []anchor) *checker {
	c := &checker{chain: start.Chain, floor: start.Seq, anchored: start.Seq, since: start.Seq + 1}
	c.last = judged{link: link{pos: start.Seq, hash: start.Hash}, true: start.Seq}
	for _, a := range anchors {
		if a.head.Seq > start.Seq {
			c.anchors = append(c.anchors, a)
		}
	}
	slices.SortStableFunc(c.anchors, func(a, b anchor) int { return int(min(max(a.head.Seq-b.head.Seq, -1), 1)) })
	return c
}

func (c *checker) problem(kind ProblemKind, from, to int64, format string, args ...any) {
	c.problems = append(c.problems, Problem{Kind: kind, Chain: c.chain, Seq: from, To: to, Detail: fmt.Sprintf(format, args...)})
}

// add takes the next row.
func (c *checker) add(k link) {
	if k.pos <= c.floor {
		c.problem(ProblemInserted, k.pos, k.pos, "rows begin at %d", c.floor+1)
		return
	}
	if len(c.twins) > 0 && k.pos != c.twins[0].pos {
		c.place(c.pick(&k.prev))
		c.twins = c.twins[:0]
	}
	if len(c.twins) >= maxTwins {
		c.problem(ProblemInserted, k.pos, k.pos, "more than %d rows have this number", maxTwins)
		return
	}
	c.twins = append(c.twins, k)
}

// pick chooses the genuine row of several with the same seq: the one that the
// next row names, else one that is consistent. The others were inserted.
func (c *checker) pick(next *Hash) link {
	best := 0
	if len(c.twins) > 1 {
		score := func(k *link) (n int) {
			if next != nil && k.hash == *next {
				n += 4
			}
			if k.seqIs(c.chain, k.pos+c.offset) {
				n += 2
			}
			if (c.current != nil && k.prev == c.current.hash) || (c.current == nil && k.prev == c.last.hash) {
				n++
			}
			return n
		}
		for i := range c.twins {
			if score(&c.twins[i]) > score(&c.twins[best]) {
				best = i
			}
		}
		c.problem(ProblemInserted, c.twins[0].pos, c.twins[0].pos, "%d rows have this number; only one was written", len(c.twins))
	}
	return c.twins[best]
}

// place judges the row that follows current.
func (c *checker) place(k link) {
	if c.current != nil {
		c.settle(&k.prev)
	}
	c.gap = false
	if want := c.last.pos + 1; k.pos > want {
		c.gap = true
		c.problem(ProblemRemoved, want+c.offset, k.pos-1+c.offset, "missing; the next row is there")
	}
	c.current = &judged{link: k, true: c.trueSeq(&k)}
}

// trueSeq finds the seq that the hash of k was made with: the expected one or
// one nearby; 0 when it is none of them.
func (c *checker) trueSeq(k *link) int64 {
	want := k.pos + c.offset
	if k.seqIs(c.chain, want) {
		return want
	}
	for d := int64(1); d <= maxShift; d++ {
		if k.seqIs(c.chain, want-d) {
			return want - d
		}
		if k.seqIs(c.chain, want+d) {
			return want + d
		}
	}
	return 0
}

// settle closes the judgement on current, now that the next row's prev is
// known (nil at the end of the chain).
func (c *checker) settle(next *Hash) {
	cur := c.current
	want := cur.pos + c.offset
	switch cur.true {
	case want:
		c.settleLink(next)
		c.meetAnchors(want, &cur.hash)
	case 0:
		if len(c.bad) < maxSuspects {
			c.bad = append(c.bad, *cur)
		} else {
			c.problem(ProblemChanged, cur.pos, cur.pos, "the row does not fit its hash")
		}
		c.meetAnchors(want, nil)
	default:
		c.settleOdd()
	}
	if cur.wrong != "" && cur.true != 0 {
		c.problem(ProblemChanged, cur.pos, cur.pos, "%s", cur.wrong)
	}
	c.last, c.current = *cur, nil
}

// settleLink looks at the joint between last and current, both of which fit
// their own hashes. When it is broken one of them was changed and its hash
// computed anew: current if the next row does not name it either, else last.
func (c *checker) settleLink(next *Hash) {
	cur := c.current
	if c.gap || cur.prev == c.last.hash || c.last.true == 0 || c.last.true != c.last.pos+c.offset {
		return
	}
	pos := c.last.pos
	confirmed := next != nil && *next == cur.hash
	if next == nil {
		confirmed = c.isAnchor(cur.true, cur.hash)
	}
	if !confirmed || c.anchored == c.last.true {
		pos = cur.pos
	}
	if pos == c.blamed {
		return
	}
	c.blamed = pos
	c.problem(ProblemChanged, pos, pos, "the row was changed and its hash computed anew; it does not fit its neighbours")
}

func (c *checker) isAnchor(seq int64, hash Hash) bool {
	return slices.ContainsFunc(c.anchors, func(a anchor) bool { return a.head.Seq == seq && a.head.Hash == hash })
}

// settleOdd handles a row that was written under another seq. Two such rows in
// a row with the same difference mean that rows before them were removed or
// inserted and the rest renumbered.
func (c *checker) settleOdd() {
	cur := c.current
	if n := len(c.odd); n > 0 {
		first := c.odd[n-1]
		if first.pos == cur.pos-1 && first.true-first.pos == cur.true-cur.pos && c.shift(first) {
			c.meetAnchors(first.true, &first.hash)
			c.meetAnchors(cur.true, &cur.hash)
			return
		}
	}
	if len(c.odd) < maxSuspects {
		c.odd = append(c.odd, *cur)
	} else {
		c.problem(ProblemReordered, cur.pos, cur.pos, "row %d stands here", cur.true)
	}
}

// shift reports what happened before first, from which on rows are renumbered.
// It does nothing and returns false when that is impossible: rows that were
// inserted lie between the last renumbering and first.
func (c *checker) shift(first judged) bool {
	d := first.true - first.pos
	if from, to := first.pos-(c.offset-d), first.pos-1; d > c.offset {
		c.problem(ProblemRemoved, first.pos+c.offset, first.true-1, "removed, and the rows after it were renumbered")
	} else if from >= c.since {
		c.forget(from, to)
		c.problem(ProblemInserted, from, to, "inserted, and the rows after it were renumbered")
	} else {
		return false
	}
	c.odd = slices.DeleteFunc(c.odd, func(j judged) bool { return j.pos == first.pos })
	c.offset, c.since = d, first.pos
	return true
}

// forget takes back what was said about rows that turn out to be inserted.
func (c *checker) forget(from, to int64) {
	within := func(j judged) bool { return j.pos >= from && j.pos <= to }
	c.bad = slices.DeleteFunc(c.bad, within)
	c.odd = slices.DeleteFunc(c.odd, within)
	c.problems = slices.DeleteFunc(c.problems, func(p Problem) bool { return p.Seq >= from && p.To <= to })
}

// meetAnchors compares the row with true seq with the anchors up to it; hash
// is nil for a row that is reported already.
func (c *checker) meetAnchors(seq int64, hash *Hash) {
	for len(c.anchors) > 0 && c.anchors[0].head.Seq <= seq {
		a := c.anchors[0]
		switch {
		case a.head.Seq < seq || hash == nil: // the row is missing or bad, and reported as that
		case a.head.Hash == *hash:
			c.anchored, c.broken = max(c.anchored, seq), false
		default:
			c.rewritten(a)
		}
		c.anchors = c.anchors[1:]
	}
}

// rewritten reports that the chain leads to another hash than an anchor's: once
// for all the anchors that follow.
func (c *checker) rewritten(a anchor) {
	switch {
	case c.anchored >= a.head.Seq:
		c.problem(ProblemChanged, a.head.Seq, a.head.Seq, "%s names another hash for this row than a checkpoint that fits", a.from)
	case !c.broken:
		c.broken = true
		c.problem(ProblemRewritten, c.anchored+1, a.head.Seq,
			"%s names another hash for row %d; that row, or a run of rows that ends with it, was rewritten", a.from, a.head.Seq)
	}
}

// finish ends the walk. head is the head recorded after it: rows beyond it
// were inserted.
func (c *checker) finish(head *Head) []Problem {
	if len(c.twins) > 0 {
		var next *Hash
		if head != nil && head.Seq == c.twins[0].pos {
			next = &head.Hash
		}
		c.place(c.pick(next))
		c.settle(nil)
	}
	c.finishSuspects()
	end := c.last.pos + c.offset
	if head != nil && end > head.Seq {
		if from := max(head.Seq, c.anchored) + 1; from <= end {
			c.forget(from, end)
			c.problem(ProblemInserted, from, end, "the recorded head of the chain is row %d", head.Seq)
		} else {
			c.problem(ProblemChanged, end, end, "the recorded head names row %d, but a checkpoint covers row %d", head.Seq, end)
		}
	}
	if n := len(c.anchors); n > 0 && c.anchors[n-1].head.Seq > end {
		a := c.anchors[n-1]
		c.problem(ProblemRemoved, end+1, a.head.Seq, "cut off at the end: %s names row %d", a.from, a.head.Seq)
	}
	return c.settled()
}

// finishSuspects finds out which of the rows that do not fit have changed
// places.
func (c *checker) finishSuspects() {
	suspects := append(slices.Clone(c.bad), c.odd...)
	slices.SortFunc(suspects, func(a, b judged) int { return int(min(max(a.pos-b.pos, -1), 1)) })
	for i := range suspects {
		s := &suspects[i]
		home := slices.ContainsFunc(suspects, func(o judged) bool {
			if s.true == 0 && s.seqIs(c.chain, o.pos) {
				s.true = o.pos
			}
			return s.true == o.pos
		})
		switch want := s.pos + c.offset; {
		case s.true == 0:
			c.problem(ProblemChanged, s.pos, s.pos, "the row does not fit its hash")
		case home:
			c.problem(ProblemReordered, s.pos, s.pos, "row %d stands here", s.true)
		case s.true > want:
			c.problem(ProblemRemoved, want, s.true-1, "removed, and the row after it was renumbered")
			if s.pos == c.last.pos {
				c.offset = s.true - s.pos
			}
		default:
			from := s.pos - (want - s.true)
			c.forget(from, s.pos-1)
			c.problem(ProblemInserted, from, s.pos-1, "inserted, and the row after it was renumbered")
			if s.pos == c.last.pos {
				c.offset = s.true - s.pos
			}
		}
	}
}

// settled drops rewritten runs that another problem explains, and sorts.
func (c *checker) settled() []Problem {
	out := slices.DeleteFunc(slices.Clone(c.problems), func(p Problem) bool {
		return p.Kind == ProblemRewritten && slices.ContainsFunc(c.problems, func(q Problem) bool {
			return q.Kind != ProblemRewritten && q.touches(c.chain, p.Seq, p.To)
		})
	})
	slices.SortStableFunc(out, func(a, b Problem) int { return int(min(max(a.Seq-b.Seq, -1), 1)) })
	return out
}
