package core

import "context"

// Tx is a running write transaction. Only the store looks inside; services
// pass it on so that several of them write into one durable commit.
type Tx interface {
	// OnCommit registers f to run once after the durable commit, in order of
	// registration, before the caller of InTx gets its answer.
	OnCommit(f func())
}

// Transactor runs f in a write transaction. Transactions of concurrent callers
// share one durable commit; InTx returns nil only after the data is on disk.
// f may be run more than once (conflict, failed neighbour), so it must not
// have effects outside tx except through OnCommit, and must not start another
// transaction. When f returns an error nothing of f is kept and InTx returns
// that error.
type Transactor interface {
	InTx(ctx context.Context, f func(ctx context.Context, tx Tx) error) error
}
