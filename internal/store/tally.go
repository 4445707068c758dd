package store

import (
	"context"
	"strconv"
	"strings"

	"github.com/certwright/certwright/internal/core"
)

// tally counts the rows that match, in all or by the values of a column.
func (l *listing[R, T]) tally(ctx context.Context, db *DB, w *conds, t *core.Tally) ([]core.Tallied, error) {
	from := " FROM " + l.table + " AS t WHERE " + strings.Join(w.conds, " AND ")
	if t.By == "" {
		text := "SELECT COUNT(*)" + from
		if t.Limit > 0 {
			text = "SELECT COUNT(*) FROM (SELECT 1" + from + " LIMIT " + strconv.FormatInt(t.Limit, 10) + ") AS part"
		}
		var n int64
		err := db.queryRow(ctx, text, w.args...).Scan(&n)
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
	rows, err := db.query(ctx, "SELECT "+value+" AS tallied, COUNT(*) AS number"+from+" GROUP BY "+value+
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
