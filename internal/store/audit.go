package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/certwright/certwright/internal/audit"
	"github.com/certwright/certwright/internal/core"
)

// chains is how many audit chains writers of PostgreSQL spread over: a chain's
// head row is locked while a commit appends to it. SQLite has one writer.
const chains = 16

// AppendEvents implements audit.Storage: the events wait in the transaction
// and are sealed into the chain at the end of the group commit.
func (db *DB) AppendEvents(tx core.Tx, events ...core.Event) {
	t := in(tx)
	t.events = append(t.events, events...)
}

const (
	insertEntry = `INSERT INTO audit_entries (chain, seq, account, at, action, object, outcome, actor, login, address, request, protocol,
	credential, payload, salt, digest, prev, hash) VALUES `
	entryValues = `(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	manyEntries = 8 // as many in one statement, the rest one by one
)

// insertEntries adds rows: on PostgreSQL with few statements, because each is a
// way to the server and back. On SQLite that gains nothing.
func insertEntries(ctx context.Context, t *Tx, rows []audit.Row) error {
	for len(rows) > 0 {
		n, values := 1, entryValues
		if t.db.dialect == Postgres && len(rows) >= manyEntries {
			n, values = manyEntries, strings.Repeat(entryValues+", ", manyEntries-1)+entryValues
		}
		args := make([]any, 0, n*18)
		for i := range rows[:n] {
			r := &rows[i]
			args = append(args, r.Chain, r.Seq, string(r.Account), micros(r.At), r.Action, r.Object, r.Outcome, r.Actor,
				nullText(r.Login), nullText(r.Address), r.Request, r.Protocol, nullText(r.Credential), r.Payload, r.Salt[:], r.Digest[:], r.Prev[:], r.Hash[:])
		}
		if _, err := t.expect(ctx, int64(n), insertEntry+values, args...); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// appendEvents seals the events of a whole group commit.
func (db *DB) appendEvents(ctx context.Context, t *Tx, chain int, events []core.Event) error {
	head := audit.Head{Chain: chain}
	lock := ""
	if db.dialect == Postgres {
		lock = " FOR UPDATE"
	}
	var hash []byte
	err := t.row(ctx, `SELECT seq, hash FROM audit_chains WHERE chain = ?`+lock, chain).Scan(&head.Seq, &hash)
	if errors.Is(err, sql.ErrNoRows) {
		// The first entry of this chain. Of two writers one waits here for the
		// other's commit and then adds nothing.
		if _, err := t.exec(ctx, `INSERT INTO audit_chains (chain, seq, hash) VALUES (?, 0, ?) ON CONFLICT DO NOTHING`, chain, head.Hash[:]); err != nil {
			return err
		}
		err = t.row(ctx, `SELECT seq, hash FROM audit_chains WHERE chain = ?`+lock, chain).Scan(&head.Seq, &hash)
		if err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	if copy(head.Hash[:], hash) != len(head.Hash) {
		return fmt.Errorf("the head of audit chain %d is damaged", chain)
	}
	rows, next, err := audit.Seal(head, events)
	if err != nil {
		return err
	}
	if err := insertEntries(ctx, t, rows); err != nil {
		return err
	}
	_, err = t.expect(ctx, 1, `UPDATE audit_chains SET seq = ?, hash = ? WHERE chain = ?`, next.Seq, next.Hash[:], chain)
	return err
}

// Heads implements audit.Storage.
func (db *DB) Heads(ctx context.Context) ([]audit.Head, error) {
	rows, err := db.query(ctx, `SELECT chain, seq, hash FROM audit_chains ORDER BY chain`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []audit.Head
	for rows.Next() {
		var h audit.Head
		var hash []byte
		if err := rows.Scan(&h.Chain, &h.Seq, &hash); err != nil {
			return nil, err
		}
		copy(h.Hash[:], hash)
		out = append(out, h)
	}
	return out, rows.Err()
}

// Chains implements audit.Storage.
func (db *DB) Chains(ctx context.Context) ([]int, error) {
	rows, err := db.query(ctx, `SELECT DISTINCT chain FROM audit_entries ORDER BY chain`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []int
	for rows.Next() {
		var c int
		if err := rows.Scan(&c); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// auditRow is a row of audit_entries.
type auditRow struct {
	bun.BaseModel `bun:"table:audit_entries,alias:t"`
	Chain         int    `bun:"chain"`
	Seq           int64  `bun:"seq"`
	Account       string `bun:"account"`
	At            int64  `bun:"at"`
	Action        string `bun:"action"`
	Object        string `bun:"object"`
	Outcome       string `bun:"outcome"`
	Actor         string `bun:"actor"`
	Login         string `bun:"login,nullzero"`
	Address       string `bun:"address,nullzero"`
	Request       string `bun:"request"`
	Protocol      string `bun:"protocol"`
	Credential    string `bun:"credential,nullzero"`
	Payload       []byte `bun:"payload"`
	Salt          []byte `bun:"salt"`
	Digest        []byte `bun:"digest"`
	Prev          []byte `bun:"prev"`
	Hash          []byte `bun:"hash"`
}

func (r *auditRow) row() *audit.Row {
	out := &audit.Row{Chain: r.Chain, Seq: r.Seq, Payload: r.Payload, Event: core.Event{
		Account: core.AccountID(r.Account), At: time.UnixMicro(r.At).UTC(), Action: r.Action, Object: r.Object, Outcome: r.Outcome,
		Actor: r.Actor, Login: r.Login, Address: r.Address, Request: r.Request, Protocol: r.Protocol, Credential: core.CredentialID(r.Credential)}}
	copy(out.Salt[:], r.Salt)
	copy(out.Digest[:], r.Digest)
	copy(out.Prev[:], r.Prev)
	copy(out.Hash[:], r.Hash)
	return out
}

func (r *auditRow) entry() (audit.Entry, error) { return r.row().Entry() }

// WalkRows implements audit.Storage. It reads in slices, so that a long walk
// holds no connection and sees rows that were added meanwhile.
func (db *DB) WalkRows(ctx context.Context, chain int, from int64, f func(*audit.Row) error) error {
	const slice = 500
	for {
		var rows []auditRow
		err := db.read.NewSelect().Model(&rows).Where("t.chain = ?", chain).Where("t.seq >= ?", from).OrderExpr("t.seq").Limit(slice).Scan(ctx)
		if err != nil {
			return err
		}
		for i := range rows {
			if err := f(rows[i].row()); err != nil {
				return err
			}
			from = rows[i].Seq + 1
		}
		if len(rows) < slice {
			return nil
		}
	}
}

// SaveCheckpoint implements audit.Storage.
func (db *DB) SaveCheckpoint(tx core.Tx, c audit.Checkpoint) error {
	ctx := context.Background()
	r, err := in(tx).exec(ctx, `INSERT INTO audit_checkpoints (number, at, body, signature) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		c.Number, micros(db.now()), c.Body, c.Signature)
	return changed(r, err, "audit checkpoint")
}

// LastCheckpoint implements audit.Storage.
func (db *DB) LastCheckpoint(ctx context.Context) (*audit.Checkpoint, error) {
	var c audit.Checkpoint
	err := db.queryRow(ctx, `SELECT number, body, signature FROM audit_checkpoints ORDER BY number DESC LIMIT 1`).Scan(&c.Number, &c.Body, &c.Signature)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &c, err
}

// Checkpoints implements audit.Storage.
func (db *DB) Checkpoints(ctx context.Context, f func(audit.Checkpoint) error) error {
	rows, err := db.query(ctx, `SELECT number, body, signature FROM audit_checkpoints ORDER BY number`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var c audit.Checkpoint
		if err := rows.Scan(&c.Number, &c.Body, &c.Signature); err != nil {
			return err
		}
		if err := f(c); err != nil {
			return err
		}
	}
	return rows.Err()
}

// auditExprs ties the columns of audit.Columns to SQL.
var auditExprs = map[string]string{
	"time": "t.at", "action": "t.action", "actor": "t.actor", "login": "t.login", "object": "t.object", "outcome": "t.outcome",
	"credential": "t.credential", "address": "t.address", "protocol": "t.protocol", "request": "t.request",
}

// auditList is the list of audit entries, newest first by time.
func auditList() *listing[auditRow, audit.Entry] {
	l := &listing[auditRow, audit.Entry]{table: "audit_entries", key: []string{"t.at", "t.chain", "t.seq"}, conv: (*auditRow).entry}
	for _, c := range audit.Columns() {
		l.cols = append(l.cols, column{Column: c, expr: auditExprs[c.Name], notNull: c.Name == "time", exact: c.Name == "object"})
	}
	return l
}

// ListEvents implements audit.Storage.
func (db *DB) ListEvents(ctx context.Context, q core.ListQuery) (core.Page[audit.Entry], error) {
	return auditList().page(ctx, db, q)
}

// ErasePayloads implements audit.Storage.
func (db *DB) ErasePayloads(tx core.Tx, account core.AccountID, before time.Time) (int, error) {
	r, err := in(tx).exec(context.Background(), `UPDATE audit_entries SET payload = NULL, salt = NULL, login = NULL, address = NULL
		WHERE account = ? AND at < ? AND payload IS NOT NULL`, string(account), micros(before))
	if err != nil {
		return 0, err
	}
	n, err := r.RowsAffected()
	return int(n), err
}
