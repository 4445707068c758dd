package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
)

// pipe gathers statements of a batch on PostgreSQL whose outcome is foreseen,
// and sends them together: one way to the server and back instead of one each.
// What waits is sent before anything else that the transaction does, and before
// it is committed. When an outcome is another than the foreseen one, nothing of
// the batch is kept and it is run again without pipe. All methods may be called
// on nil, which is no pipe.
type pipe struct {
	conn    *sql.Conn
	waiting []foreseen
	any     bool // something was foreseen
	err     error
}

// anyRows is foreseen of a statement of which only an error matters.
const anyRows = -1

// foreseen is a statement and how many rows it will change.
type foreseen struct {
	text string
	args []any
	rows int64
}

// begin begins the transaction of a batch, on PostgreSQL with a pipe if wanted.
func (db *DB) begin(ctx context.Context, piped bool) (bun.Tx, *pipe, error) {
	if db.dialect != Postgres || !piped {
		tx, err := db.write.BeginTx(ctx, nil)
		return tx, nil, err
	}
	conn, err := db.write.Conn(ctx)
	if err != nil {
		return bun.Tx{}, nil, err
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		_ = conn.Close()
		return bun.Tx{}, nil, err
	}
	return tx, &pipe{conn: conn.Conn}, nil
}

// release gives the connection back, after the transaction.
func (p *pipe) release() {
	if p != nil {
		_ = p.conn.Close()
	}
}

func (p *pipe) used() bool { return p != nil && p.any }

// failed returns why the batch cannot be committed as it is; nil: nothing known.
func (p *pipe) failed() error {
	if p == nil {
		return nil
	}
	return p.err
}

// flush sends what waits and compares the outcomes.
func (p *pipe) flush() {
	if p == nil || len(p.waiting) == 0 {
		return
	}
	list := p.waiting
	p.waiting = nil
	if p.err != nil {
		return
	}
	p.err = p.conn.Raw(func(c any) error {
		pg, ok := c.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("the connection is a %T", c)
		}
		b := &pgx.Batch{}
		for _, s := range list {
			b.Queue(s.text, s.args...)
		}
		res := pg.Conn().SendBatch(context.Background(), b)
		var bad error
		for i := range list {
			tag, err := res.Exec()
			if err != nil {
				bad = err
				break
			}
			if list[i].rows != anyRows && tag.RowsAffected() != list[i].rows {
				bad = errUnforeseen
			}
		}
		if err := res.Close(); bad == nil {
			bad = err
		}
		return bad
	})
}

var errUnforeseen = errors.New("a statement changed another number of rows than was foreseen")

// retry returns the error of a failed pipe when the whole transaction may
// succeed if it is run again, and nil when its callers have to be looked at.
func retry(err error) error {
	if retriable(err) {
		return err
	}
	return nil
}

// expect runs a statement that changes so many rows unless something is wrong.
// On PostgreSQL it may only be queued: then that is what it returns, and the
// batch is run again, without queueing, should the outcome be another.
func (t *Tx) expect(ctx context.Context, rows int64, q string, args ...any) (sql.Result, error) {
	if t.pipe == nil {
		return t.exec(ctx, q, args...)
	}
	t.pipe.any = true
	t.pipe.waiting = append(t.pipe.waiting, foreseen{t.db.rebind(q), args, rows})
	return driver.RowsAffected(rows), nil
}
