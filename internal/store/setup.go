package store

import (
	"context"

	"github.com/certwright/certwright/internal/core"
)

// setupData is what a row of setups keeps as JSON beside the steps.
type setupData struct {
	CA *core.SetupCAs `json:"ca,omitempty"`
	// Started is when the assistant was opened, in microseconds.
	Started int64 `json:"started,omitempty"`
}

// Setup implements setup.Storage.
func (db *DB) Setup(ctx context.Context, tx core.Tx, account core.AccountID) (*core.Setup, error) {
	s := &core.Setup{Account: account}
	var steps, data string
	var closed, updated int64
	err := db.rowIn(ctx, tx, "SELECT steps, data, COALESCE(closed_at, 0), version, updated_at FROM setups WHERE account = ?", string(account)).
		Scan(&steps, &data, &closed, &s.Version, &updated)
	if err != nil {
		return nil, notFound(err, "setup")
	}
	s.ClosedAt, s.UpdatedAt = timeAt(closed), timeAt(updated)
	if s.Steps, err = fromJSON[map[string]string](steps); err != nil {
		return nil, err
	}
	d, err := fromJSON[setupData](data)
	s.CA, s.StartedAt = d.CA, timeAt(d.Started)
	return s, err
}

// PutSetup implements setup.Storage.
func (db *DB) PutSetup(ctx context.Context, tx core.Tx, s *core.Setup, from int) (bool, error) {
	d := setupData{CA: s.CA}
	if !s.StartedAt.IsZero() {
		d.Started = micros(s.StartedAt)
	}
	if from == 0 {
		n, err := rowsChanged(in(tx).exec(ctx, "INSERT INTO setups (account, steps, data, closed_at, version, updated_at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (account) DO NOTHING",
			string(s.Account), toJSON(s.Steps), toJSON(d), nullMicros(s.ClosedAt), s.Version, micros(s.UpdatedAt)))
		return n == 1, err
	}
	n, err := rowsChanged(in(tx).exec(ctx, "UPDATE setups SET steps = ?, data = ?, closed_at = ?, version = ?, updated_at = ? WHERE account = ? AND version = ?",
		toJSON(s.Steps), toJSON(d), nullMicros(s.ClosedAt), s.Version, micros(s.UpdatedAt), string(s.Account), from))
	return n == 1, err
}

// Issued implements setup.Storage.
func (db *DB) Issued(ctx context.Context, account core.AccountID) (n int, err error) {
	err = db.queryRow(ctx, `SELECT COUNT(*) FROM certificates WHERE account = ? AND protocol NOT IN ('ca', 'server')
		AND issuer IN (SELECT id FROM issuers WHERE account = ?)`, string(account), string(account)).Scan(&n)
	return n, away(err)
}
