package store

import (
	"context"
	"strconv"
	"strings"

	"github.com/certwright/certwright/internal/core"
)

// count tells how many rows a filter selects.
func (l *listing[R, T]) count(ctx context.Context, db *DB, account core.AccountID, f core.Filter) (n int, err error) {
	w, err := l.conditions(ctx, db, core.ListQuery{Account: account, Filter: f})
	if err != nil {
		return 0, err
	}
	k, err := db.countRows(ctx, "SELECT COUNT(*) FROM "+l.table+" AS t WHERE "+strings.Join(w.conds, " AND "), w.args...)
	return int(k), err
}

// countRows runs a query that gives one number.
func (db *DB) countRows(ctx context.Context, text string, args ...any) (n int64, err error) {
	rows, err := db.queryList(ctx, text, args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	if rows.Next() {
		err = rows.Scan(&n)
	}
	if err != nil {
		return 0, err
	}
	return n, away(rows.Err())
}

// at reads the rows from an offset on, for APIs that page by number. The cursor
// of q is not looked at.
func (l *listing[R, T]) at(ctx context.Context, db *DB, q core.ListQuery, offset int) ([]T, error) {
	if offset < 0 {
		return nil, core.Errorf(core.KindInvalid, "a list does not begin before its first row").At("offset")
	}
	w, err := l.conditions(ctx, db, q)
	if err != nil {
		return nil, err
	}
	order, desc, err := l.order(q)
	if err != nil {
		return nil, err
	}
	dir := " ASC"
	if desc {
		dir = " DESC"
	}
	limit := q.Limit
	if limit <= 0 {
		limit = core.DefaultPage
	}
	limit = min(limit, core.MaxPage)
	rows, err := db.queryList(ctx, "SELECT t.* FROM "+l.table+" AS t WHERE "+strings.Join(w.conds, " AND ")+" ORDER BY "+
		strings.Join(order, dir+", ")+dir+" LIMIT "+strconv.Itoa(limit)+" OFFSET "+strconv.Itoa(offset), w.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	p, err := l.read(ctx, db, rows, limit+1, q) // never full, so no cursor is made
	return p.Items, err
}
