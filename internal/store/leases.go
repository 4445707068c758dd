package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// Leases give a named piece of work to one replica at a time. A lease ends by
// the clock, so clocks decide who may try; what makes it safe is the token,
// which grows with every acquisition and is checked in the transaction that
// writes ([DB.GuardLease]). A replica that was held up past the end of its
// lease, or whose clock is slow, finds its token outdated and writes nothing.
//
// Rules for holders: renew at a third of the term, stop when a renewal fails,
// and guard every write. Replicas whose clock is further off than MaxSkew do
// not start (see [DB.Skew]), so that a lease is not taken over much too early.

// MaxSkew is how far a replica's clock may be from the database's.
const MaxSkew = 5 * time.Second

const (
	// An acquisition by the present owner succeeds with a new token: it has
	// been restarted, and its former self must not write any more.
	acquireLease = `INSERT INTO leases (name, owner, until, token) VALUES (?, ?, ?, 1)
		ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until, token = leases.token + 1
		WHERE leases.until <= ? OR leases.owner = excluded.owner
		RETURNING token`
	renewLease   = `UPDATE leases SET until = ? WHERE name = ? AND owner = ? AND token = ? AND until > 0`
	releaseLease = `UPDATE leases SET until = 0 WHERE name = ? AND owner = ? AND token = ?`
	// The update changes nothing but holds the row until the transaction ends,
	// so that nobody takes over between the check and the commit.
	guardLease = `UPDATE leases SET until = until WHERE name = ? AND token = ?`
)

// AcquireLease tries to become the holder of a lease for term. ok is false
// while somebody else holds it. owner names this process, not just this host.
func (db *DB) AcquireLease(ctx context.Context, name, owner string, term time.Duration) (token int64, ok bool, err error) {
	err = db.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		now := db.now()
		err := in(tx).row(ctx, acquireLease, name, owner, micros(now.Add(term)), micros(now)).Scan(&token)
		ok = err == nil
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil || !ok {
		return 0, false, err
	}
	return token, true, nil
}

// RenewLease makes a lease last for term from now. When the lease was lost the
// error is of kind conflict, and the holder must stop.
func (db *DB) RenewLease(ctx context.Context, name, owner string, token int64, term time.Duration) error {
	return db.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		res, err := in(tx).exec(ctx, renewLease, micros(db.now().Add(term)), name, owner, token)
		return held(res, err, name)
	})
}

// ReleaseLease gives a lease back before its end. A lease that was lost
// already is no error.
func (db *DB) ReleaseLease(ctx context.Context, name, owner string, token int64) error {
	return db.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		_, err := in(tx).exec(ctx, releaseLease, name, owner, token)
		return err
	})
}

// GuardLease fails with kind conflict unless token is the newest of the lease;
// until tx ends nobody can take it over. Every write under a lease is guarded.
func (db *DB) GuardLease(ctx context.Context, tx core.Tx, name string, token int64) error {
	res, err := in(tx).exec(ctx, guardLease, name, token)
	return held(res, err, name)
}

// held turns "no row changed" into a conflict.
func held(res sql.Result, err error, name string) error {
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err != nil {
		return err
	}
	if n == 0 {
		return core.Errorf(core.KindConflict, "the lease %q was lost to another replica", name)
	}
	return nil
}

// Skew returns how far this process's clock is ahead of the database's; on
// SQLite they are one and the same.
func (db *DB) Skew(ctx context.Context) (time.Duration, error) {
	if db.dialect != Postgres {
		return 0, nil
	}
	var us int64
	before := db.now()
	if err := db.queryRow(ctx, "SELECT CAST(EXTRACT(EPOCH FROM CURRENT_TIMESTAMP) * 1000000 AS BIGINT)").Scan(&us); err != nil {
		return 0, fmt.Errorf("read the database's clock: %w", err)
	}
	trip := db.now().Sub(before)
	return before.Add(trip / 2).Sub(time.UnixMicro(us)).Truncate(time.Microsecond), nil
}
