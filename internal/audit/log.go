package audit

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// Storage keeps chains and checkpoints. Reads see committed data only.
type Storage interface {
	core.Transactor
	// AppendEvents takes events into tx. The store seals them with [Seal] when
	// it flushes the transaction, and moves the chain's head with them.
	AppendEvents(tx core.Tx, events ...core.Event)
	// Heads returns the recorded end of every chain, from a record of its own
	// rather than from the rows, so that a cut-off tail shows.
	Heads(ctx context.Context) ([]Head, error)
	// Chains returns the numbers of all chains that have rows, found in the rows
	// themselves.
	Chains(ctx context.Context) ([]int, error)
	// WalkRows calls f with the rows of a chain whose seq is from or more, in
	// ascending order of seq, streaming. f must not keep the row. An error of f
	// ends the walk and is returned.
	WalkRows(ctx context.Context, chain int, from int64, f func(*Row) error) error
	// SaveCheckpoint stores c. If its number is taken nothing is stored and
	// either it or the commit returns an error of kind conflict.
	SaveCheckpoint(tx core.Tx, c Checkpoint) error
	// LastCheckpoint returns the one with the highest number; nil without any.
	LastCheckpoint(ctx context.Context) (*Checkpoint, error)
	// Checkpoints calls f with all checkpoints in ascending order of number.
	Checkpoints(ctx context.Context, f func(Checkpoint) error) error
	// ListEvents returns a page of the account's entries; columns as [Columns].
	ListEvents(ctx context.Context, q core.ListQuery) (core.Page[Entry], error)
	// ErasePayloads sets payload, salt, login and address of the account's rows
	// from before a time to nothing, and returns how many rows had a payload.
	ErasePayloads(tx core.Tx, account core.AccountID, before time.Time) (int, error)
}

// Deps is what a Log needs.
type Deps struct {
	Storage Storage
	Signer  Signer
	Now     func() time.Time
	Logger  *slog.Logger // for failures of Run; nil discards them
}

// Log is the audit log. It is safe for concurrent use.
type Log struct {
	storage Storage
	signer  Signer
	now     func() time.Time
	logger  *slog.Logger

	mu    sync.Mutex
	folds map[foldKey]*fold
}

// New makes a Log.
func New(d Deps) *Log {
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	return &Log{storage: d.Storage, signer: d.Signer, now: d.Now, logger: d.Logger, folds: map[foldKey]*fold{}}
}

// Write takes events into the caller's transaction: they are kept if and only
// if the change is. An event without a time gets the present one.
func (l *Log) Write(tx core.Tx, events ...core.Event) {
	l.storage.AppendEvents(tx, l.stamped(events)...)
}

func (l *Log) stamped(events []core.Event) []core.Event {
	out := slices.Clone(events)
	for i := range out {
		if out[i].At.IsZero() {
			out[i].At = l.now()
		}
	}
	return out
}

// Record writes an event in a transaction of its own, for what changes nothing:
// refusals and failures. It returns after the event is on disk.
//
// Refused events are guarded, so that an attacker cannot fill the disk: of
// refusals with the same account, action, actor, address, object, credential and
// kind the first is written at once, those of the following minute are counted, and the count is
// written afterwards as one event with "folded", "first" and "last" in its
// detail ([Log.Run], [Log.Flush], or the next such refusal). A killed process
// loses counts of at most the last minute, never a first refusal.
func (l *Log) Record(ctx context.Context, e core.Event) error {
	if e.At.IsZero() {
		e.At = l.now()
	}
	ctx = context.WithoutCancel(ctx) // who hangs up is recorded all the same
	if e.Outcome != core.Refused {
		return l.commit(ctx, []core.Event{e})
	}
	due, write := l.fold(e)
	batch := events(due)
	if write {
		batch = append(batch, e)
		due = append(due, newFold(e, 1)) // to be counted if it cannot be written
	}
	if len(batch) == 0 {
		return nil
	}
	err := l.commit(ctx, batch)
	if err != nil {
		l.unfold(due)
	}
	return err
}

func (l *Log) commit(ctx context.Context, events []core.Event) error {
	err := l.storage.InTx(ctx, func(_ context.Context, tx core.Tx) error {
		l.storage.AppendEvents(tx, events...)
		return nil
	})
	if err != nil {
		return core.AsError(err)
	}
	return nil
}

// List returns a page of an account's entries, newest first. A filter or sort
// order that [Columns] does not allow gives an error of kind invalid.
func (l *Log) List(ctx context.Context, q core.ListQuery) (core.Page[Entry], error) {
	if err := q.Filter.Check(Columns()); err != nil {
		return core.Page[Entry]{}, err
	}
	page, err := l.storage.ListEvents(ctx, q)
	if err != nil {
		return page, core.AsError(err)
	}
	return page, nil
}

// ActionErase is the action of the event that [Log.Erase] writes.
const ActionErase = "audit.erase"

// Erase removes the personal data (login, address, detail) of the account of
// by from rows before a time, and writes by as the record of that, in one
// transaction. Action, object and detail of by are filled in. It returns the
// number of rows erased. The chain still verifies; an erasure without such a
// record does not.
func (l *Log) Erase(ctx context.Context, by core.Event, before time.Time) (int, error) {
	now := l.now()
	if before.After(now) {
		return 0, core.Errorf(core.KindInvalid, "only the past can be erased").At("before")
	}
	before = before.UTC().Truncate(time.Microsecond)
	var n int
	err := l.storage.InTx(ctx, func(_ context.Context, tx core.Tx) error {
		var err error
		if n, err = l.storage.ErasePayloads(tx, by.Account, before); err != nil {
			return err
		}
		e := by
		e.At, e.Action, e.Object, e.Outcome = now, ActionErase, "account:"+string(by.Account), core.Success
		e.Detail = map[string]any{"before": before, "rows": n}
		l.storage.AppendEvents(tx, e)
		return nil
	})
	if err != nil {
		return 0, core.AsError(err)
	}
	return n, nil
}
