package jobs

import (
	"strconv"
	"strings"
	"time"

	"github.com/riverqueue/river"

	"github.com/certwright/certwright/internal/core"
)

// where builds the condition of a listing.
type where struct {
	q      *Queue
	params *river.JobListParams
	n      int // arguments so far
}

// add adds "before @argument".
func (w *where) add(before string, arg any) {
	w.n++
	name := "w" + strconv.Itoa(w.n) + "_" // the end keeps w1_ apart from w10_
	w.params = w.params.Where(before+"@"+name, river.NamedArgs{name: arg})
}

// account keeps rows of other accounts out.
func (w *where) account(account core.AccountID, system bool) {
	const expr = "COALESCE(metadata ->> 'account', '')"
	if !system {
		w.add(expr+" = ", string(account))
		return
	}
	w.params = w.params.Where("("+expr+" = '' OR "+expr+" = @account_)", river.NamedArgs{"account_": string(account)})
}

// timeColumns are the columns by name.
var timeColumns = map[string]string{"created": "created_at", "scheduled": "scheduled_at", "started": "attempted_at", "finished": "finalized_at"}

// cond adds one row of the filter, which Check has approved.
func (w *where) cond(c core.Cond) error {
	switch c.Column {
	case "kind":
		w.words("kind", c.Op, c.Values)
	case "state":
		var list []string
		for _, s := range states {
			for _, v := range c.Values {
				if string(s.ours) == v {
					list = append(list, string(s.river))
				}
			}
		}
		w.words("CAST(state AS TEXT)", c.Op, list)
	default:
		return w.time(timeColumns[c.Column], c)
	}
	return nil
}

// words compares with a list of texts.
func (w *where) words(expr string, op core.Operator, list []string) {
	args, names := river.NamedArgs{}, []string{}
	for _, v := range list {
		w.n++
		name := "w" + strconv.Itoa(w.n) + "_"
		args[name] = v
		names = append(names, "@"+name)
	}
	in := " IN ("
	if op == core.OpNotEquals {
		in = " NOT IN ("
	}
	w.params = w.params.Where(expr+in+strings.Join(names, ", ")+")", args)
}

// time compares a time column.
func (w *where) time(column string, c core.Cond) error {
	switch c.Op {
	case core.OpEmpty:
		w.params = w.params.Where(column + " IS NULL")
		return nil
	case core.OpNotEmpty:
		w.params = w.params.Where(column + " IS NOT NULL")
		return nil
	}
	var at []any
	for _, v := range c.Values {
		t, err := core.ParseTime(v, w.q.d.Now())
		if err != nil {
			return err
		}
		at = append(at, w.q.timeArg(t))
	}
	switch c.Op {
	case core.OpBetween:
		w.add(column+" >= ", at[0])
		w.add(column+" <= ", at[1])
	case core.OpGreater:
		w.add(column+" > ", at[0])
	case core.OpGreaterEq:
		w.add(column+" >= ", at[0])
	case core.OpLess:
		w.add(column+" < ", at[0])
	default:
		w.add(column+" <= ", at[0])
	}
	return nil
}

// timeArg writes a time as River stores it: on SQLite as a text whose order is
// that of the times.
func (q *Queue) timeArg(t time.Time) any {
	if q.d.Dialect == "sqlite" {
		return t.UTC().Format("2006-01-02 15:04:05.999")
	}
	return t
}
