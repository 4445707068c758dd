package store

import (
	"context"

	"github.com/certwright/certwright/internal/core"
)

// Changes reads what an audit chain says was changed behind place after up to
// place until, at most limit entries, of one account or (empty) of all. What was
// refused changed nothing.
func (db *DB) Changes(ctx context.Context, account core.AccountID, chain int, after, until int64, limit int) ([]core.Change, error) {
	text, args := `SELECT seq, account, object FROM audit_entries WHERE chain = ? AND seq > ? AND seq <= ? AND outcome = ?`, []any{chain, after, until, core.Success}
	if account != "" {
		text, args = text+` AND account = ?`, append(args, string(account))
	}
	rows, err := db.queryKept(ctx, text+` ORDER BY seq LIMIT ?`, append(args, limit)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []core.Change
	for rows.Next() {
		c := core.Change{Chain: chain}
		if err := rows.Scan(&c.Seq, &c.Account, &c.Object); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}
