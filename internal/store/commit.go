package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun"
	sqlite "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/certwright/certwright/internal/core"
)

const (
	maxBatch = 256 // callers in one durable commit
	maxTries = 8   // of a batch that meets a serialization failure
)

// Tx is a running group commit, seen by one of its callers.
type Tx struct {
	raw      bun.Tx // only through now
	pipe     *pipe  // of the whole batch; nil: each statement is answered before the next
	db       *DB
	bound    map[string]*sql.Stmt // statements of the whole batch, bound to its transaction
	onCommit []func()
	events   []core.Event
}

// OnCommit implements core.Tx.
func (t *Tx) OnCommit(f func()) { t.onCommit = append(t.onCommit, f) }

// now returns the transaction, behind the statements that wait in the pipe.
func (t *Tx) now() bun.Tx {
	t.pipe.flush()
	return t.raw
}

// SQLTx is the transaction itself, for the job queue.
func (t *Tx) SQLTx() *sql.Tx { return t.now().Tx }

// exec runs a prepared statement inside the transaction.
func (t *Tx) exec(ctx context.Context, q string, args ...any) (sql.Result, error) {
	q = t.db.rebind(q)
	if t.db.writeStmts.on {
		s, err := t.prepared(ctx, q)
		if err != nil {
			return nil, err
		}
		return s.ExecContext(ctx, args...)
	}
	return t.now().Tx.ExecContext(ctx, q, args...)
}

// row runs a prepared query of one row inside the transaction.
func (t *Tx) row(ctx context.Context, q string, args ...any) *sql.Row {
	q = t.db.rebind(q)
	if t.db.writeStmts.on {
		if s, err := t.prepared(ctx, q); err == nil {
			return s.QueryRowContext(ctx, args...)
		}
	}
	return t.now().Tx.QueryRowContext(ctx, q, args...)
}

// prepared returns the statement bound to this transaction. A statement that
// is not cached yet is prepared on the transaction itself, because the only
// connection is taken; the cache is filled between batches.
func (t *Tx) prepared(ctx context.Context, q string) (*sql.Stmt, error) {
	if s := t.bound[q]; s != nil {
		return s, nil
	}
	var s *sql.Stmt
	if c, ok := t.db.writeStmts.m.Load(q); ok {
		s = t.now().Tx.StmtContext(ctx, c.(*sql.Stmt))
	} else {
		t.db.wanted.Store(q, true)
		var err error
		if s, err = t.now().Tx.PrepareContext(ctx, q); err != nil {
			return nil, err
		}
	}
	t.bound[q] = s
	return s, nil
}

// call is one caller waiting for a group commit.
type call struct {
	ctx  context.Context
	f    func(ctx context.Context, tx core.Tx) error
	err  error
	done chan struct{}
	tx   *Tx
}

// InTx implements core.Transactor by group commit.
func (db *DB) InTx(ctx context.Context, f func(ctx context.Context, tx core.Tx) error) error {
	c := &call{ctx: ctx, f: f, done: make(chan struct{})}
	select {
	case <-db.stop:
		return core.Errorf(core.KindUnavailable, "the server is stopping").After(5 * time.Second)
	case <-ctx.Done():
		return ctx.Err()
	case db.queue <- c:
	}
	// From here on the outcome must be known: the batch is short and does not
	// depend on this caller's context.
	<-c.done
	return c.err
}

// writer takes callers from the queue and commits them in batches: while one
// batch is being made durable the next gathers.
func (db *DB) writer(chain int) {
	defer db.done.Done()
	for {
		select {
		case c := <-db.queue:
			db.commit(db.gather(c), chain)
		case <-db.stop:
			for {
				select {
				case c := <-db.queue:
					db.commit(db.gather(c), chain)
				default:
					return
				}
			}
		}
	}
}

func (db *DB) gather(first *call) []*call {
	batch := []*call{first}
	for len(batch) < maxBatch {
		select {
		case c := <-db.queue:
			batch = append(batch, c)
		default:
			return batch
		}
	}
	return batch
}

// commit runs a batch to its end and answers every caller.
func (db *DB) commit(batch []*call, chain int) {
	live := batch[:0:0]
	for _, c := range batch {
		if err := c.ctx.Err(); err != nil {
			c.err = err
			close(c.done)
			continue
		}
		live = append(live, c)
	}
	if len(live) == 0 {
		return
	}
	db.fillCache()
	err := db.runBatch(live, chain)
	for _, c := range live {
		if err != nil {
			c.err = err
		} else if c.err == nil && c.tx != nil {
			for _, f := range c.tx.onCommit {
				f()
			}
		}
		c.err = away(c.err)
		close(c.done)
	}
}

// fillCache prepares the statements that the last batches missed.
func (db *DB) fillCache() {
	db.wanted.Range(func(q, _ any) bool {
		db.wanted.Delete(q)
		_, _ = db.writeStmts.get(context.Background(), q.(string))
		return true
	})
}

// runBatch commits the batch: first all callers in one go; when one of them
// fails, once more with a savepoint round each, so that a caller's failure
// costs its neighbours nothing but the repeat.
func (db *DB) runBatch(batch []*call, chain int) error {
	var last error
	for try := range maxTries {
		clean, err := db.attempt(batch, chain, try > 0 && len(batch) > 1)
		if err == nil && !clean {
			_, err = db.attempt(batch, chain, true)
		}
		if err == nil {
			return nil
		}
		if !retriable(err) {
			return away(err)
		}
		last = err
		time.Sleep(time.Duration(1+rand.IntN(5<<try)) * time.Millisecond)
	}
	return core.Wrap(core.KindUnavailable, last, "the database is busy").After(time.Second)
}

// attempt is one transaction. Without savepoints it stops at the first failing
// caller and reports clean = false with nothing kept (a lone caller's failure
// is final: clean = true, unless it may stand on an outcome that was foreseen
// and has not come). The error is that of the transaction itself.
func (db *DB) attempt(batch []*call, chain int, savepoints bool) (clean bool, err error) {
	ctx := context.Background()
	btx, p, err := db.begin(ctx, !savepoints)
	if err != nil {
		return false, err
	}
	defer p.release()
	defer btx.Rollback() //nolint:errcheck // after Commit it does nothing
	var events []core.Event
	bound := map[string]*sql.Stmt{}
	for _, c := range batch {
		c.tx = &Tx{raw: btx, pipe: p, db: db, bound: bound}
		if savepoints {
			if _, err := c.tx.exec(ctx, "SAVEPOINT caller"); err != nil {
				return false, err
			}
		}
		c.err = guarded(c, c.tx)
		if p.failed() != nil {
			return false, retry(p.failed())
		}
		if c.err != nil {
			if retriable(c.err) {
				return false, c.err
			}
			if !savepoints {
				return len(batch) == 1 && !p.used(), nil
			}
			if _, err := c.tx.exec(ctx, "ROLLBACK TO SAVEPOINT caller"); err != nil {
				return false, err
			}
			continue
		}
		if savepoints {
			if _, err := c.tx.exec(ctx, "RELEASE SAVEPOINT caller"); err != nil {
				return false, err
			}
		}
		events = append(events, c.tx.events...)
	}
	if p.flush(); p.failed() != nil {
		return false, retry(p.failed())
	}
	if len(events) > 0 {
		if err := db.appendEvents(ctx, &Tx{raw: btx, pipe: p, db: db, bound: bound}, chain, events); err != nil {
			return false, err
		}
		if p.flush(); p.failed() != nil {
			return false, retry(p.failed())
		}
	}
	if err := btx.Commit(); err != nil {
		return false, err
	}
	db.commits.Add(1)
	db.calls.Add(int64(len(batch)))
	return true, nil
}

// guarded runs one caller and turns a panic into an error, so that it cannot
// take its neighbours down.
func guarded(c *call, tx *Tx) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic in transaction: %v\n%s", r, debug.Stack())
		}
	}()
	// Values of the caller's context stay, its end does not cut the batch.
	return c.f(context.WithoutCancel(c.ctx), tx)
}

// retriable reports whether the transaction may succeed when run again.
func retriable(err error) bool {
	var p *pgconn.PgError
	if errors.As(err, &p) {
		return p.Code == "40001" || p.Code == "40P01"
	}
	var s *sqlite.Error
	if errors.As(err, &s) {
		switch s.Code() & 0xff {
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
			return true
		}
	}
	return false
}

// duplicate reports whether err is a violated unique constraint.
func duplicate(err error) bool {
	var p *pgconn.PgError
	if errors.As(err, &p) {
		return p.Code == "23505"
	}
	var s *sqlite.Error
	if errors.As(err, &s) {
		return s.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || s.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY ||
			strings.Contains(s.Error(), "UNIQUE constraint")
	}
	return false
}

// exists turns a violated unique constraint into a core error.
func exists(err error, format string, args ...any) error {
	if duplicate(err) {
		return core.Wrap(core.KindExists, err, format, args...)
	}
	return err
}

// in returns the store's side of a core.Tx.
func in(tx core.Tx) *Tx { return tx.(*Tx) }
