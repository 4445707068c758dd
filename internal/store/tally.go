package store

import (
	"context"
	"strconv"
	"strings"

	"github.com/certwright/certwright/internal/core"
)

// tally counts the rows that match, in all or by the values of a column.
func (l *listing[R, T]) tally(ctx context.Context, db *DB, q core.ListQuery) ([]core.Tallied, error) {
	t := q.Tally
	w, err := l.conditions(ctx, db, q)
	if err != nil {
		return nil, err
	}
	if n, known, err := l.tallyTag(ctx, db, q); known || err != nil {
		return []core.Tallied{{Count: n}}, err
	}
	source, term, err := db.searchFrom(ctx, l.trigrams, q.Filter)
	if err != nil {
		return nil, err
	}
	if source != "" {
		w.add("t.number = f.number")
		w.args = append([]any{term}, w.args...)
		source += " AS t" + searchedBy
	} else {
		source = l.table + " AS t"
	}
	from := " FROM " + source + " WHERE " + strings.Join(w.conds, " AND ")
	if t.By == "" {
		text := "SELECT COUNT(*)" + from
		if t.Limit > 0 {
			text = "SELECT COUNT(*) FROM (SELECT 1" + from + l.tallyOrder(db, q, term) + " LIMIT " + strconv.FormatInt(t.Limit, 10) + ") AS part"
		}
		n, err := db.countRows(ctx, text, w.args...)
		return []core.Tallied{{Count: n}}, err
	}
	c := l.find(t.By)
	if c == nil {
		return nil, core.Errorf(core.KindInvalid, "there is no column %q to count by", t.By).At("by")
	}
	value := "COALESCE(" + c.expr + ", '')"
	switch c.Type {
	case core.TypeText, core.TypeEnum, core.TypeID:
	case core.TypeBool:
		value = "CASE WHEN " + c.expr + " THEN 'true' ELSE 'false' END"
	default:
		return nil, core.Errorf(core.KindInvalid, "nothing is counted by column %q", t.By).At("by")
	}
	rows, err := db.queryList(ctx, "SELECT "+value+" AS tallied, COUNT(*) AS number"+from+" GROUP BY "+value+
		" ORDER BY number DESC, tallied LIMIT "+strconv.Itoa(core.MaxTally), w.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []core.Tallied{}
	for rows.Next() {
		var n core.Tallied
		if err := rows.Scan(&n.Value, &n.Count); err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, rows.Err()
}

// tallyOrder makes SQLite read the rows as they lie when it must look into them.
// Without, it takes any index that begins with the account, in whose order they
// are spread over the whole file.
func (l *listing[R, T]) tallyOrder(db *DB, q core.ListQuery, searched string) string {
	if db.dialect != SQLite || l.key != nil || searched != "" {
		return ""
	}
	for _, c := range q.Filter {
		if l.find(c.Column).ranged || c.Op == core.OpIn {
			return "" // an index gives these in another order
		}
	}
	return " ORDER BY t.id DESC"
}

// tallyTag counts the things with a tag from the numbers that are kept anyway,
// when the filter is for a tag and groups alone. Reading the uses of a tag that
// everything has would take as long as reading the list.
func (l *listing[R, T]) tallyTag(ctx context.Context, db *DB, q core.ListQuery) (n int64, known bool, err error) {
	if q.Tally.By != "" || l.where != "" {
		return 0, false, nil
	}
	w := &conds{}
	w.add("t.account = ?", string(q.Account))
	tags := 0
	for _, c := range q.Filter {
		col := l.find(c.Column)
		switch {
		case col.uses != "" && c.Op == core.OpEquals:
			tags++
			w.add("t.tag = ? AND t.kind = ?", core.TagKey(c.Values[0]), string(col.uses))
		case col.expr == "t.group_id" && (c.Op == core.OpEquals || c.Op == core.OpIn):
			// A thing of no group is counted under the empty one, and is in none here.
			w.add("t.group_id <> ''")
			if err := w.filter(col, c); err != nil {
				return 0, false, err
			}
		default:
			return 0, false, nil
		}
	}
	if tags != 1 {
		return 0, false, nil
	}
	n, err = db.countRows(ctx, "SELECT COALESCE(SUM(t.uses), 0) FROM tag_counts AS t WHERE "+strings.Join(w.conds, " AND "), w.args...)
	if q.Tally.Limit > 0 {
		n = min(n, q.Tally.Limit)
	}
	return n, true, err
}
