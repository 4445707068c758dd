package store

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// conds collects conditions and their arguments.
type conds struct {
	conds []string
	args  []any
	now   time.Time
	// walk wraps a condition on a text for which no index serves.
	walk func(*column, string) string
	tag  func(core.TagKind, core.Cond) (string, []any, error) // tagCond
}

func (w *conds) add(cond string, args ...any) {
	w.conds = append(w.conds, cond)
	w.args = append(w.args, args...)
}

func (l *listing[R, T]) conditions(ctx context.Context, db *DB, q core.ListQuery) (*conds, error) {
	if q.Account == "" {
		return nil, core.Errorf(core.KindInternal, "list without account")
	}
	if err := q.Filter.Check(l.columns()); err != nil {
		return nil, err
	}
	w := &conds{now: db.now(), walk: l.walk(db), tag: func(k core.TagKind, c core.Cond) (string, []any, error) { return db.tagCond(ctx, q.Account, k, c) }}
	w.add("t.account = ?", string(q.Account))
	if l.where != "" {
		w.add(l.where)
	}
	wide, err := l.wide(ctx, db, q)
	if err != nil {
		return nil, err
	}
	for _, c := range q.Filter {
		col := *l.find(c.Column)
		if wide && col.ranged {
			col.expr = "+" + col.expr // SQLite then leaves the index alone
		}
		if err := w.filter(&col, c); err != nil {
			return nil, err
		}
		if l.rare != nil {
			w.conds = append(w.conds, l.rare(c)...)
		}
	}
	return w, nil
}

// wide reports whether the range that a filter gives on an index holds so many
// rows that a page is found sooner in the order of the list than by sorting
// them. PostgreSQL decides by itself, upon its statistics.
func (l *listing[R, T]) wide(ctx context.Context, db *DB, q core.ListQuery) (bool, error) {
	if db.dialect != SQLite || q.Tally != nil {
		return false, nil
	}
	w := &conds{now: db.now()}
	w.add("t.account = ?", string(q.Account))
	for _, c := range q.Filter {
		col := l.find(c.Column)
		if !col.ranged || q.Sort.Column == col.Name {
			continue
		}
		if err := w.filter(col, c); err != nil {
			return false, err
		}
	}
	if len(w.conds) == 1 {
		return false, nil
	}
	var n int
	err := db.queryRow(ctx, "SELECT COUNT(*) FROM (SELECT 1 FROM "+l.table+" AS t WHERE "+strings.Join(w.conds, " AND ")+" LIMIT ?)", append(w.args, maxHits+1)...).Scan(&n)
	return n > maxHits, err
}

// sortable wraps columns that may be NULL, because NULLs sort differently on
// the two engines and cannot stand in a cursor.
func sortable(c *column) string {
	switch {
	case c.notNull:
		return c.expr
	case c.Type == core.TypeTime || c.Type == core.TypeNumber:
		return "COALESCE(" + c.expr + ", 0)"
	case c.Type == core.TypeBool:
		return "COALESCE(" + c.expr + ", FALSE)"
	}
	return "COALESCE(" + c.expr + ", '')"
}

// after continues behind a cursor.
func (w *conds) after(order []string, desc bool, q core.ListQuery) error {
	bad := core.Errorf(core.KindInvalid, "the cursor is not one of this list").At("cursor")
	raw, err := base64.RawURLEncoding.DecodeString(q.Cursor)
	var c cursor
	if err != nil || len(raw) > 8192 || json.Unmarshal(raw, &c) != nil || c.By != q.Sort.Column || c.Desc != q.Sort.Desc || len(c.At) != len(order) {
		return bad
	}
	for i, v := range c.At {
		switch x := v.(type) {
		case float64:
			c.At[i] = int64(x)
		case string, bool:
		default:
			return bad
		}
	}
	op := ">"
	if desc {
		op = "<"
	}
	w.add("("+strings.Join(order, ", ")+") "+op+" (?"+strings.Repeat(", ?", len(order)-1)+")", c.At...)
	return nil
}

// filter compiles one row of the filter.
func (w *conds) filter(c *column, f core.Cond) error {
	switch f.Op {
	case core.OpEmpty:
		w.add("(" + c.expr + " IS NULL OR " + emptyText(c) + ")")
		return nil
	case core.OpNotEmpty:
		w.add("(" + c.expr + " IS NOT NULL AND NOT (" + emptyText(c) + "))")
		return nil
	}
	whole := f.Op == core.OpEquals || f.Op == core.OpNotEquals || f.Op == core.OpIn
	switch c.Type {
	case core.TypeText, core.TypeTags:
		if !c.exact || !whole {
			return w.text(c, f)
		}
		fallthrough
	case core.TypeEnum, core.TypeID:
		return w.compare(c.expr, f, func(s string) (any, error) { return s, nil })
	case core.TypeNumber:
		return w.compare(c.expr, f, func(s string) (any, error) {
			n, err := strconv.ParseInt(s, 10, 64)
			if err != nil {
				return nil, core.Errorf(core.KindInvalid, "%q is not a whole number", s).At("filter")
			}
			return n, nil
		})
	case core.TypeBool:
		return w.compare(c.expr, f, func(s string) (any, error) {
			b, err := strconv.ParseBool(s)
			if err != nil {
				return nil, core.Errorf(core.KindInvalid, "%q is neither true nor false", s).At("filter")
			}
			return b, nil
		})
	case core.TypeTime:
		return w.compare(c.expr, f, func(s string) (any, error) {
			t, err := core.ParseTime(s, w.now)
			return micros(t), err
		})
	}
	return core.Errorf(core.KindInvalid, "column %q cannot be filtered", c.Name).At("filter")
}

func emptyText(c *column) string {
	switch c.Type {
	case core.TypeText:
		return c.expr + " = ''"
	case core.TypeTags:
		return c.expr + " = '[]'"
	}
	return "1 = 0"
}

var sqlOps = map[core.Operator]string{
	core.OpEquals: "=", core.OpNotEquals: "<>", core.OpGreater: ">", core.OpGreaterEq: ">=", core.OpLess: "<", core.OpLessEq: "<=",
}

// compare handles the plain comparisons of every type.
func (w *conds) compare(expr string, f core.Cond, parse func(string) (any, error)) error {
	args := make([]any, len(f.Values))
	for i, s := range f.Values {
		v, err := parse(s)
		if err != nil {
			return err
		}
		args[i] = v
	}
	switch f.Op {
	case core.OpBetween:
		w.add(expr+" BETWEEN ? AND ?", args...)
	case core.OpIn:
		w.add(expr+" IN (?"+strings.Repeat(", ?", len(args)-1)+")", args...)
	case core.OpNotEquals:
		w.add("("+expr+" IS NULL OR "+expr+" <> ?)", args...)
	default:
		w.add(expr+" "+sqlOps[f.Op]+" ?", args...)
	}
	return nil
}

// text handles the operators of texts and tag lists, without regard to case.
func (w *conds) text(c *column, f core.Cond) error {
	expr := "LOWER(COALESCE(" + c.expr + ", ''))"
	v := make([]any, len(f.Values))
	for i, s := range f.Values {
		v[i] = strings.ToLower(s)
	}
	esc := func(s any) string { return escapeLike(s.(string)) }
	if c.uses != "" && (f.Op == core.OpEquals || f.Op == core.OpNotEquals) {
		cond, args, err := w.tag(c.uses, f)
		w.add(cond, args...)
		return err
	}
	if c.Type == core.TypeTags && (f.Op == core.OpEquals || f.Op == core.OpNotEquals) {
		// Tags are a JSON array of texts; one whole element must match.
		j, err := json.Marshal(v[0])
		if err != nil {
			return err
		}
		not := ""
		if f.Op == core.OpNotEquals {
			not = "NOT "
		}
		w.add(expr+" "+not+`LIKE ? ESCAPE '\'`, "%"+esc(string(j))+"%")
		return nil
	}
	switch f.Op {
	case core.OpContains:
		w.add(w.walk(c, expr+like), "%"+esc(v[0])+"%")
	case core.OpNotContains:
		w.add(expr+` NOT LIKE ? ESCAPE '\'`, "%"+esc(v[0])+"%")
	case core.OpStartsWith:
		w.add(w.walk(c, expr+like), esc(v[0])+"%")
	case core.OpEndsWith:
		w.add(w.walk(c, expr+like), "%"+esc(v[0]))
	case core.OpIn:
		w.add(w.walk(c, expr+" IN (?"+strings.Repeat(", ?", len(v)-1)+")"), v...)
	default:
		w.add(w.walk(c, expr+" "+sqlOps[f.Op]+" ?"), v...)
	}
	return nil
}

const like = ` LIKE ? ESCAPE '\'`

// walk returns how to write a condition on a text for which no index serves.
// PostgreSQL takes nearly every such text for rare, and so reads and sorts the
// whole table for one that half of the rows have. Of CASE it knows nothing and
// expects one row in two, so it walks the list in its order until the page is
// full.
func (l *listing[R, T]) walk(db *DB) func(*column, string) string {
	return func(c *column, cond string) string {
		if db.dialect != Postgres || slices.Contains(l.trigrams, c.Name) {
			return cond
		}
		return "CASE WHEN " + cond + " THEN TRUE ELSE FALSE END"
	}
}

// escapeLike makes s stand for itself in a LIKE pattern with ESCAPE '\'.
func escapeLike(s string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s)
}
