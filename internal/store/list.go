package store

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// column ties a filter column to SQL.
type column struct {
	core.Column
	expr string // SQL expression of the value
	// notNull columns can be sorted by their index.
	notNull bool
	// exact texts are compared as they are written when a filter asks for the
	// whole value, so that an index serves.
	exact bool
	// ranged columns have an index of their own that is not in the list's order.
	ranged bool
	uses   core.TagKind // the tags of such things stand in tag_uses, too
}

// listing is one list: a table whose rows bun scans into R and conv turns into
// the core type T.
type listing[R, T any] struct {
	table string   // its alias in SQL is "t"
	key   []string // unique columns that end every sort order; default id
	cols  []column
	where string // fixed condition, may be empty
	// rare returns what a condition implies, for indexes of some rows only.
	rare func(core.Cond) []string
	// trigrams are the columns of the search table, see search.go.
	trigrams []string
	conv     func(*R) (T, error)
}

// columns returns the public description.
func (l *listing[R, T]) columns() []core.Column {
	out := make([]core.Column, len(l.cols))
	for i, c := range l.cols {
		out[i] = c.Column
	}
	return out
}

// cursor is the place after the last row of a page: the values of the sort
// order there.
type cursor struct {
	At   []any  `json:"a"`
	By   string `json:"b,omitempty"`
	Desc bool   `json:"d,omitempty"`
}

// page reads one page of the listing. Rows of other accounts never match.
func (l *listing[R, T]) page(ctx context.Context, db *DB, q core.ListQuery) (core.Page[T], error) {
	var none core.Page[T]
	if q.Tally != nil {
		var err error
		none.Tally, err = l.tally(ctx, db, q)
		return none, err
	}
	order, desc, err := l.order(q)
	if err != nil {
		return none, err
	}
	limit := q.Limit
	if limit <= 0 {
		limit = core.DefaultPage
	}
	limit = min(limit, core.MaxPage)
	text, args, err := l.text(ctx, db, q, order, desc, limit)
	if err != nil {
		return none, err
	}
	rows, err := db.queryList(ctx, text, args...)
	if err != nil {
		return none, err
	}
	defer rows.Close()
	return l.read(ctx, db, rows, limit, q)
}

// text writes the query of a page. A list of several groups is the merge of the
// lists of each, because no index has the rows of several groups in order.
func (l *listing[R, T]) text(ctx context.Context, db *DB, q core.ListQuery, order []string, desc bool, limit int) (string, []any, error) {
	dir := " ASC"
	if desc {
		dir = " DESC"
	}
	found, term, err := "", "", error(nil)
	if err := q.Filter.Check(l.columns()); err != nil {
		return "", nil, err
	}
	if found, term, err = db.searchFrom(ctx, l.trigrams, q.Filter); err != nil {
		return "", nil, err
	}
	from, arms := l.table+" AS t", []core.ListQuery{q}
	tag, tagArgs := l.loneTag(q)
	switch {
	case tag != "":
		// The uses of a tag stand in the order of the list.
		from, order = "tag_uses AS u CROSS JOIN "+from, []string{"u.object"}
		if db.dialect == Postgres { // OFFSET: each is looked up, none merged with the whole list
			from = "tag_uses AS u CROSS JOIN LATERAL (SELECT x.* FROM " + l.table + " AS x WHERE x.id = u.object OFFSET 0) AS t"
		}
		arms[0].Filter = nil
	case found != "":
		from = found + " AS t" + searchedBy
	default:
		arms = byGroup(q)
	}
	sel, by := "t.*", make([]string, len(order))
	for i, expr := range order {
		by[i] = "cursor_" + strconv.Itoa(i)
		sel += ", " + expr + " AS " + by[i]
	}
	var parts []string
	var args []any
	for _, arm := range arms {
		w, err := l.conditions(ctx, db, arm)
		if err != nil {
			return "", nil, err
		}
		if found != "" {
			w.add("t.number = f.number")
			args = append(args, term)
		}
		if tag != "" {
			w.add(tag, tagArgs...)
		}
		if q.Cursor != "" {
			if err := w.after(order, desc, q); err != nil {
				return "", nil, err
			}
		}
		parts = append(parts, "SELECT "+sel+" FROM "+from+" WHERE "+strings.Join(w.conds, " AND "))
		args = append(args, w.args...)
	}
	end := func(by []string) string {
		return " ORDER BY " + strings.Join(by, dir+", ") + dir + " LIMIT " + strconv.Itoa(limit+1)
	}
	if len(parts) == 1 {
		return parts[0] + end(order), args, nil
	}
	if db.dialect == Postgres { // SQLite merges by itself
		for i := range parts {
			parts[i] = "(" + parts[i] + end(order) + ")"
		}
	}
	return strings.Join(parts, " UNION ALL ") + end(by), args, nil
}

// byGroup splits a query for one of several groups into one for each.
func byGroup(q core.ListQuery) []core.ListQuery {
	for i, c := range q.Filter {
		if c.Column != "group" || c.Op != core.OpIn || len(c.Values) < 2 {
			continue
		}
		var out []core.ListQuery
		for j, g := range c.Values {
			if slices.Contains(c.Values[:j], g) {
				continue
			}
			arm := q
			arm.Filter = slices.Clone(q.Filter)
			arm.Filter[i] = core.Cond{Column: c.Column, Op: core.OpEquals, Values: []string{g}}
			out = append(out, arm)
		}
		return out
	}
	return []core.ListQuery{q}
}

// order returns the expressions to sort by: the asked one, then the key, so
// that the order is total. Without an asked one the newest comes first.
func (l *listing[R, T]) order(q core.ListQuery) (exprs []string, desc bool, err error) {
	desc = true
	if q.Sort.Column != "" {
		c := l.find(q.Sort.Column)
		if c == nil || !c.Sortable {
			return nil, false, core.Errorf(core.KindInvalid, "the list cannot be sorted by %q", q.Sort.Column).At("sort")
		}
		exprs, desc = append(exprs, sortable(c)), q.Sort.Desc
	}
	if l.key == nil {
		return append(exprs, "t.id"), desc, nil
	}
	for _, k := range l.key {
		if !slices.Contains(exprs, k) {
			exprs = append(exprs, k)
		}
	}
	return exprs, desc, nil
}

// read scans at most limit rows and makes the cursor when there are more.
func (l *listing[R, T]) read(ctx context.Context, db *DB, rows *sql.Rows, limit int, q core.ListQuery) (core.Page[T], error) {
	var p core.Page[T]
	for rows.Next() {
		if len(p.Items) == limit {
			return p, nil // there is a further row, so the cursor stays
		}
		var row R
		if err := db.read.ScanRow(ctx, rows, &row); err != nil {
			return p, err
		}
		item, err := l.conv(&row)
		if err != nil {
			return p, err
		}
		p.Items = append(p.Items, item)
		if len(p.Items) == limit {
			if p.Next, err = nextCursor(rows, q); err != nil {
				return p, err
			}
		}
	}
	p.Next = ""
	return p, rows.Err()
}

// nextCursor writes the place of the present row.
func nextCursor(rows *sql.Rows, q core.ListQuery) (string, error) {
	names, err := rows.Columns()
	if err != nil {
		return "", err
	}
	dst := make([]any, len(names))
	for i := range dst {
		dst[i] = new(any)
	}
	if err := rows.Scan(dst...); err != nil {
		return "", err
	}
	c := cursor{By: q.Sort.Column, Desc: q.Sort.Desc}
	for i, n := range names {
		if strings.HasPrefix(n, "cursor_") {
			v := *dst[i].(*any)
			if b, ok := v.([]byte); ok {
				v = string(b)
			}
			c.At = append(c.At, v)
		}
	}
	j, err := json.Marshal(c)
	return base64.RawURLEncoding.EncodeToString(j), err
}

func (l *listing[R, T]) find(name string) *column {
	for i := range l.cols {
		if l.cols[i].Name == name {
			return &l.cols[i]
		}
	}
	return nil
}

// micros is how times are stored: microseconds since 1970, UTC.
func micros(t time.Time) int64 { return t.UnixMicro() }

// nullMicros stores the zero time as NULL.
func nullMicros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// timeAt reads a stored time; 0, which stands for NULL, is the zero time.
func timeAt(v int64) time.Time {
	if v == 0 {
		return time.Time{}
	}
	return time.UnixMicro(v).UTC()
}

// nullText stores "" as NULL.
func nullText[T ~string](s T) any {
	if s == "" {
		return nil
	}
	return string(s)
}

// fromJSON reads a JSON text column.
func fromJSON[T any](s string) (v T, err error) {
	if s != "" {
		err = json.Unmarshal([]byte(s), &v)
	}
	return v, err
}

// toJSON writes a value as JSON text; nil slices become [].
func toJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "null" // our own types always marshal
	}
	if string(b) == "null" {
		return "[]"
	}
	return string(b)
}

// zeroMicros is micros with 0 for the zero time, for bun's nullzero columns.
func zeroMicros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}
