// Package store keeps everything in SQL: SQLite on one machine, PostgreSQL for
// several replicas, with one set of queries. It implements the small storage
// interfaces that the services declare and is imported only by app and tests.
package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"github.com/uptrace/bun/schema"
	_ "modernc.org/sqlite" // driver "sqlite"

	"github.com/certwright/certwright/internal/core"
)

// Dialect is the SQL engine.
type Dialect string

// The engines.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// Config says where the data is.
type Config struct {
	// URL is "sqlite:/path/to/file.db" or "postgres://user:pass@host/db?…".
	URL string
	// Writers is the number of group-commit writers on PostgreSQL; default 2 to
	// 4, by the number of CPUs.
	// SQLite always has one.
	Writers int
	// Relaxed turns synchronous=FULL into NORMAL (SQLite). Tests only.
	Relaxed bool
	Logger  *slog.Logger
	Now     func() time.Time
}

// DB is an open database.
type DB struct {
	dialect Dialect
	url     string
	read    *bun.DB // PostgreSQL: the same pool as write
	write   *bun.DB
	now     func() time.Time
	log     *slog.Logger

	queue   chan *call
	stop    chan struct{}
	done    sync.WaitGroup
	closing atomic.Bool

	writeStmts, readStmts stmtCache
	wanted                sync.Map // statements to prepare before the next batch
	numbers               sync.Map // kind -> *block
	selects               sync.Map // type of row -> *keptSelect
	commits, calls        atomic.Int64
}

// Open connects, and on SQLite makes the file (mode 0600) when there is none.
// It does not change the schema: see Migrate.
func Open(ctx context.Context, c Config) (*DB, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		return nil, errors.New("store: Config.Now is missing")
	}
	db := &DB{now: c.Now, log: c.Logger, url: c.URL, queue: make(chan *call, 1024), stop: make(chan struct{})}
	var err error
	writers := 1
	switch {
	case strings.HasPrefix(c.URL, "sqlite:"):
		err = db.openSQLite(ctx, strings.TrimPrefix(c.URL, "sqlite:"), c.Relaxed)
	case strings.HasPrefix(c.URL, "postgres://"), strings.HasPrefix(c.URL, "postgresql://"):
		writers = max(c.Writers, 1)
		if c.Writers == 0 {
			writers = min(max(2, runtime.GOMAXPROCS(0)), 4)
		}
		err = db.openPostgres(ctx, c.URL, writers)
	default:
		err = fmt.Errorf("database URL must start with sqlite: or postgres://")
	}
	if err != nil {
		return nil, err
	}
	first := 0
	if db.dialect == Postgres {
		first = rand.IntN(chains)
	}
	for i := range writers {
		db.done.Add(1)
		go db.writer((first + i) % chains)
	}
	return db, nil
}

func (db *DB) openSQLite(ctx context.Context, path string, relaxed bool) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_ = f.Close()
	sync := "FULL"
	if relaxed {
		sync = "NORMAL"
	}
	q := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(" + sync + ")", "foreign_keys(1)", "cache_size(-65536)",
		"wal_autocheckpoint(4000)", "temp_store(MEMORY)",
	}}
	w, err := sql.Open("sqlite", sqliteDSN(path, q))
	if err != nil {
		return err
	}
	w.SetMaxOpenConns(1)
	q["_pragma"] = []string{"busy_timeout(10000)", "query_only(1)", "cache_size(-32768)"}
	q.Del("_txlock")
	r, err := sql.Open("sqlite", sqliteDSN(path, q))
	if err != nil {
		return err
	}
	r.SetMaxOpenConns(4)
	r.SetMaxIdleConns(4)
	if err := w.PingContext(ctx); err != nil {
		return fmt.Errorf("open database %s: %w", path, err)
	}
	db.dialect = SQLite
	db.setup(w, r, sqlitedialect.New())
	return nil
}

// sqliteDSN writes a file name and settings in the form that SQLite reads.
func sqliteDSN(path string, q url.Values) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

func (db *DB) openPostgres(ctx context.Context, dsn string, writers int) error {
	p, err := sql.Open("pgx", dsn)
	if err != nil {
		return errors.New("the postgres:// URL cannot be read") // the driver's text could show the password
	}
	// More connections than CPUs can serve make all of them slower: with 16 on
	// two CPUs an issuance took half as long again as with 8.
	readers := max(8, 4*runtime.GOMAXPROCS(0))
	p.SetMaxOpenConns(readers + writers)
	p.SetMaxIdleConns(readers + writers)
	p.SetConnMaxIdleTime(5 * time.Minute)
	if err := p.PingContext(ctx); err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	db.dialect = Postgres
	db.setup(p, p, pgdialect.New())
	return nil
}

func (db *DB) setup(w, r *sql.DB, d schema.Dialect) {
	db.write = bun.NewDB(w, d, bun.WithDiscardUnknownColumns())
	db.read = db.write
	if r != w {
		db.read = bun.NewDB(r, d, bun.WithDiscardUnknownColumns())
	}
	db.writeStmts = stmtCache{db: w, on: db.dialect == SQLite}
	db.readStmts = stmtCache{db: r, on: db.dialect == SQLite}
}

// Dialect returns the engine.
func (db *DB) Dialect() Dialect { return db.dialect }

// SQL returns the write handle, for the job queue that shares it.
func (db *DB) SQL() *sql.DB { return db.write.DB }

// Ping reports whether the database answers.
func (db *DB) Ping(ctx context.Context) error { return db.read.PingContext(ctx) }

// Stats returns how many durable commits were made and how many transactions
// of callers they carried.
func (db *DB) Stats() (commits, transactions int64) { return db.commits.Load(), db.calls.Load() }

// Close ends the writers after the transactions that are queued, and closes
// the connections.
func (db *DB) Close() error {
	if db.closing.Swap(true) {
		return nil
	}
	close(db.stop)
	db.done.Wait()
	db.writeStmts.close()
	db.readStmts.close()
	err := db.write.Close()
	if db.read != db.write {
		err = errors.Join(err, db.read.Close())
	}
	return err
}

// stmtCache keeps prepared statements by text. PostgreSQL's driver has a cache
// of its own, so there it is off.
type stmtCache struct {
	db *sql.DB
	on bool
	m  sync.Map // string -> *sql.Stmt
}

func (c *stmtCache) get(ctx context.Context, q string) (*sql.Stmt, error) {
	if s, ok := c.m.Load(q); ok {
		return s.(*sql.Stmt), nil
	}
	s, err := c.db.PrepareContext(ctx, q)
	if err != nil {
		return nil, err
	}
	if old, loaded := c.m.LoadOrStore(q, s); loaded {
		_ = s.Close()
		return old.(*sql.Stmt), nil
	}
	return s, nil
}

func (c *stmtCache) close() {
	c.m.Range(func(_, s any) bool { _ = s.(*sql.Stmt).Close(); return true })
}

// rebind turns ? into $1, $2 … for PostgreSQL. Our queries have no ? in texts.
func (db *DB) rebind(q string) string {
	if db.dialect != Postgres {
		return q
	}
	var b strings.Builder
	b.Grow(len(q) + 16)
	n := 0
	for i := range len(q) {
		if q[i] == '?' {
			n++
			fmt.Fprintf(&b, "$%d", n)
			continue
		}
		b.WriteByte(q[i])
	}
	return b.String()
}

// unwatched is the context of a read that is over before its caller's end could
// stop it: to watch for that, SQLite's driver and database/sql would start a
// goroutine each.
func unwatched(ctx context.Context) context.Context {
	if ctx.Err() != nil {
		return ctx
	}
	return context.WithoutCancel(ctx)
}

// queryRow runs a prepared read of one row outside of transactions.
func (db *DB) queryRow(ctx context.Context, q string, args ...any) *sql.Row {
	q = db.rebind(q)
	if db.readStmts.on {
		if s, err := db.readStmts.get(ctx, q); err == nil {
			return s.QueryRowContext(unwatched(ctx), args...)
		}
	}
	return db.read.DB.QueryRowContext(ctx, q, args...)
}

// query runs a read of many rows outside of transactions.
func (db *DB) query(ctx context.Context, q string, args ...any) (*sql.Rows, error) {
	rows, err := db.read.DB.QueryContext(ctx, db.rebind(q), args...)
	return rows, away(err)
}

// queryList is query for what people ask lists. PostgreSQL plans each anew with
// its values: after some runs of a prepared statement it keeps one plan for all
// values, which may be that of a common text for a rare one.
func (db *DB) queryList(ctx context.Context, q string, args ...any) (*sql.Rows, error) {
	if db.dialect == Postgres {
		args = append([]any{pgx.QueryExecModeCacheDescribe}, args...)
	}
	return db.query(ctx, q, args...)
}

// queryKept is query with a prepared statement, for texts that do not vary and
// find few rows.
func (db *DB) queryKept(ctx context.Context, q string, args ...any) (*sql.Rows, error) {
	if db.readStmts.on {
		if s, err := db.readStmts.get(ctx, db.rebind(q)); err == nil {
			rows, err := s.QueryContext(unwatched(ctx), args...)
			return rows, away(err)
		}
	}
	return db.query(ctx, q, args...)
}

// notFound turns sql.ErrNoRows into a core error about what.
func notFound(err error, what string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return core.Errorf(core.KindNotFound, "there is no such %s", what)
	}
	return away(err)
}

// away turns the loss of the connection to PostgreSQL into kind unavailable: the
// caller may try again when the database is back.
func away(err error) error {
	if err == nil {
		return nil
	}
	var p *pgconn.PgError
	var c *pgconn.ConnectError
	var n net.Error
	switch {
	case errors.As(err, &p):
		// 08: connection; 57P01 to 57P03: shut down or starting; 53300: too many.
		if !strings.HasPrefix(p.Code, "08") && !strings.HasPrefix(p.Code, "57P0") && p.Code != "53300" {
			return err
		}
	case errors.As(err, &c), errors.As(err, &n), errors.Is(err, driver.ErrBadConn), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
	default:
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return core.Wrap(core.KindUnavailable, err, "the database does not answer").After(5 * time.Second)
}
