package audit

import (
	"fmt"
	"slices"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// ProblemKind says what is wrong with the log.
type ProblemKind string

// The kinds of problem.
const (
	ProblemChanged    ProblemKind = "changed"    // rows do not say what they said
	ProblemRemoved    ProblemKind = "removed"    // rows are gone, from the middle or the end
	ProblemInserted   ProblemKind = "inserted"   // rows that were never written
	ProblemReordered  ProblemKind = "reordered"  // a row stands where another was
	ProblemRewritten  ProblemKind = "rewritten"  // the chain was computed anew from somewhere in the range
	ProblemErased     ProblemKind = "erased"     // personal data is gone, and no event says who did it
	ProblemCheckpoint ProblemKind = "checkpoint" // a checkpoint is changed, missing or contradicts another
)

// Problem is one finding of a verification.
type Problem struct {
	Kind ProblemKind
	// Chain and Seq name the row; with To > Seq the rows from Seq to To: by the
	// numbers they have now, and rows that are gone by those they had. When
	// Checkpoint is not zero the problem is that checkpoint, and no row.
	Chain      int
	Seq, To    int64
	Checkpoint int64
	Detail     string
}

// String is one line for people.
func (p Problem) String() string {
	switch {
	case p.Checkpoint != 0:
		return fmt.Sprintf("checkpoint %d: %s: %s", p.Checkpoint, p.Kind, p.Detail)
	case p.To > p.Seq:
		return fmt.Sprintf("chain %d, rows %d to %d: %s: %s", p.Chain, p.Seq, p.To, p.Kind, p.Detail)
	}
	return fmt.Sprintf("chain %d, row %d: %s: %s", p.Chain, p.Seq, p.Kind, p.Detail)
}

// touches reports whether p is about a row of chain from a to b.
func (p Problem) touches(chain int, a, b int64) bool {
	return p.Checkpoint == 0 && p.Chain == chain && p.Seq <= b && p.To >= a
}

// Summary counts what a verification saw.
type Summary struct {
	Chains      int
	Rows        int64
	Erased      int64 // rows whose personal data was erased
	Bridged     int64 // rows of an export that show hashes only
	Uncovered   int64 // rows after the newest checkpoint
	Checkpoints int64
	Problems    int
}

// erasures relates erased rows to the events that record erasures. It keeps
// one row for each account: the newest erased one.
type erasures struct {
	newest map[core.AccountID]erasedRow
	until  map[core.AccountID]time.Time
}

type erasedRow struct {
	at    time.Time
	chain int
	seq   int64
}

func newErasures() erasures {
	return erasures{newest: map[core.AccountID]erasedRow{}, until: map[core.AccountID]time.Time{}}
}

func (e erasures) see(r *Row) {
	if r.Payload == nil {
		if old, ok := e.newest[r.Account]; !ok || r.At.After(old.at) {
			e.newest[r.Account] = erasedRow{r.At, r.Chain, r.Seq}
		}
		return
	}
	if r.Action != ActionErase || r.Outcome != core.Success {
		return
	}
	p, err := parsePayload(r.Payload)
	if err != nil {
		return
	}
	text, _ := p.Detail["before"].(string)
	if before, err := time.Parse(time.RFC3339Nano, text); err == nil && before.After(e.until[r.Account]) {
		e.until[r.Account] = before
	}
}

// problems returns the erasures that nothing records.
func (e erasures) problems() []Problem {
	var out []Problem
	for account, r := range e.newest {
		if !r.at.Before(e.until[account]) {
			out = append(out, Problem{Kind: ProblemErased, Chain: r.chain, Seq: r.seq, To: r.seq,
				Detail: fmt.Sprintf("personal data of account %q is erased up to this row, and no event %s covers it", account, ActionErase)})
		}
	}
	slices.SortFunc(out, func(a, b Problem) int {
		if a.Chain != b.Chain {
			return a.Chain - b.Chain
		}
		return int(a.Seq - b.Seq)
	})
	return out
}
