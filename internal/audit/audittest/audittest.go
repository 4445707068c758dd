// Package audittest has a small working [audit.Storage] in memory, which tests
// of other packages use to see what was recorded, and which can be tampered
// with.
package audittest

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/certwright/certwright/internal/audit"
	"github.com/certwright/certwright/internal/core"
)

// Data is everything that is stored.
type Data struct {
	Rows        map[int][]audit.Row // by chain, in order of writing
	Heads       map[int]audit.Head
	Checkpoints []audit.Checkpoint
}

// Storage keeps the log in memory with the promises of audit.Storage.
type Storage struct {
	mu      sync.Mutex
	data    Data
	chains  int
	commits int
	fail    error
	before  func()
}

// New makes a storage whose transactions take turns among so many chains.
func New(chains int) *Storage {
	return &Storage{chains: chains, data: Data{Rows: map[int][]audit.Row{}, Heads: map[int]audit.Head{}}}
}

// Tamper lets f change what is stored behind everybody's back.
func (s *Storage) Tamper(f func(d *Data)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.data)
}

// Fail makes every later call return err; nil ends that.
func (s *Storage) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

// BeforeCommit runs f once, before the next commit.
func (s *Storage) BeforeCommit(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = f
}

// Commits returns how many transactions were committed.
func (s *Storage) Commits() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commits
}

// Events returns what is recorded, chain by chain in order of writing, with
// the detail as it was written.
func (s *Storage) Events() []core.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []core.Event
	for _, chain := range s.sortedChains() {
		for _, r := range s.data.Rows[chain] {
			out = append(out, r.Event)
		}
	}
	return out
}

func (s *Storage) sortedChains() []int {
	var out []int
	for c := range s.data.Rows {
		out = append(out, c)
	}
	slices.Sort(out)
	return out
}

// tx gathers what a transaction does.
type tx struct {
	events   []core.Event
	apply    []func() error
	onCommit []func()
}

// OnCommit implements core.Tx.
func (t *tx) OnCommit(f func()) { t.onCommit = append(t.onCommit, f) }

// InTx implements core.Transactor. It runs f twice, because a store may.
func (s *Storage) InTx(ctx context.Context, f func(context.Context, core.Tx) error) error {
	if err := f(ctx, &tx{}); err != nil {
		return err
	}
	t := &tx{}
	if err := f(ctx, t); err != nil {
		return err
	}
	s.mu.Lock()
	before := s.before
	s.before = nil
	s.mu.Unlock()
	if before != nil {
		before()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	for _, f := range t.apply {
		if err := f(); err != nil {
			return err
		}
	}
	if len(t.events) > 0 {
		chain := s.commits % s.chains
		head := s.data.Heads[chain]
		head.Chain = chain
		rows, head, err := audit.Seal(head, t.events)
		if err != nil {
			return err
		}
		s.data.Rows[chain] = append(s.data.Rows[chain], rows...)
		s.data.Heads[chain] = head
	}
	s.commits++
	for _, f := range t.onCommit {
		f()
	}
	return nil
}

// AppendEvents implements audit.Storage.
func (s *Storage) AppendEvents(x core.Tx, events ...core.Event) {
	t := x.(*tx)
	t.events = append(t.events, events...)
}

// Heads implements audit.Storage.
func (s *Storage) Heads(context.Context) ([]audit.Head, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []audit.Head
	for _, h := range s.data.Heads {
		out = append(out, h)
	}
	return out, s.fail
}

// Chains implements audit.Storage.
func (s *Storage) Chains(context.Context) ([]int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sortedChains(), s.fail
}

// WalkRows implements audit.Storage.
func (s *Storage) WalkRows(_ context.Context, chain int, from int64, f func(*audit.Row) error) error {
	s.mu.Lock()
	rows, err := slices.Clone(s.data.Rows[chain]), s.fail
	s.mu.Unlock()
	if err != nil {
		return err
	}
	slices.SortStableFunc(rows, func(a, b audit.Row) int { return cmp.Compare(a.Seq, b.Seq) })
	for _, r := range rows {
		if r.Seq < from {
			continue
		}
		r.Detail = nil // it is not a column
		if err := f(&r); err != nil {
			return err
		}
	}
	return nil
}

// SaveCheckpoint implements audit.Storage.
func (s *Storage) SaveCheckpoint(x core.Tx, c audit.Checkpoint) error {
	t := x.(*tx)
	t.apply = append(t.apply, func() error {
		for _, o := range s.data.Checkpoints {
			if o.Number == c.Number {
				return core.Errorf(core.KindConflict, "checkpoint %d exists", c.Number)
			}
		}
		s.data.Checkpoints = append(s.data.Checkpoints, c)
		return nil
	})
	return nil
}

// LastCheckpoint implements audit.Storage.
func (s *Storage) LastCheckpoint(ctx context.Context) (*audit.Checkpoint, error) {
	var last *audit.Checkpoint
	err := s.Checkpoints(ctx, func(c audit.Checkpoint) error { last = &c; return nil })
	return last, err
}

// Checkpoints implements audit.Storage.
func (s *Storage) Checkpoints(_ context.Context, f func(audit.Checkpoint) error) error {
	s.mu.Lock()
	list, err := slices.Clone(s.data.Checkpoints), s.fail
	s.mu.Unlock()
	if err != nil {
		return err
	}
	slices.SortStableFunc(list, func(a, b audit.Checkpoint) int { return cmp.Compare(a.Number, b.Number) })
	for _, c := range list {
		if err := f(c); err != nil {
			return err
		}
	}
	return nil
}

// ListEvents implements audit.Storage: newest first, and of the filter the
// operator eq on texts only.
func (s *Storage) ListEvents(_ context.Context, q core.ListQuery) (core.Page[audit.Entry], error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []audit.Entry
	for _, chain := range s.sortedChains() {
		for _, r := range s.data.Rows[chain] {
			e, err := r.Entry()
			if err != nil {
				return core.Page[audit.Entry]{}, err
			}
			if e.Account == q.Account && matches(e, q.Filter) {
				all = append(all, e)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b audit.Entry) int { return b.At.Compare(a.At) })
	from, _ := strconv.Atoi(q.Cursor)
	limit := q.Limit
	if limit == 0 {
		limit = core.DefaultPage
	}
	page := core.Page[audit.Entry]{Items: all[min(from, len(all)):min(from+limit, len(all))]}
	if from+limit < len(all) {
		page.Next = strconv.Itoa(from + limit)
	}
	return page, s.fail
}

func matches(e audit.Entry, f core.Filter) bool {
	values := map[string]string{
		"action": e.Action, "actor": e.Actor, "login": e.Login, "object": e.Object, "outcome": e.Outcome,
		"credential": string(e.Credential), "address": e.Address, "protocol": e.Protocol, "request": e.Request,
	}
	for _, c := range f {
		if v, ok := values[c.Column]; !ok || c.Op != core.OpEquals || !strings.EqualFold(v, c.Values[0]) {
			return false
		}
	}
	return true
}

// ErasePayloads implements audit.Storage.
func (s *Storage) ErasePayloads(x core.Tx, account core.AccountID, before time.Time) (int, error) {
	t := x.(*tx)
	each := func(f func(*audit.Row)) {
		for _, rows := range s.data.Rows {
			for i := range rows {
				if r := &rows[i]; r.Account == account && r.At.Before(before) && r.Payload != nil {
					f(r)
				}
			}
		}
	}
	n := 0
	s.mu.Lock()
	each(func(*audit.Row) { n++ })
	s.mu.Unlock()
	t.apply = append(t.apply, func() error {
		each(func(r *audit.Row) {
			r.Payload, r.Salt, r.Login, r.Address, r.Detail = nil, audit.Salt{}, "", "", nil
		})
		return nil
	})
	return n, s.fail
}
