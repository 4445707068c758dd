package ctl

import (
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// maxFilter is the longest filter row in octets, the server's own limit.
const maxFilter = 2000

// parseFilter reads rows of --filter.
func parseFilter(rows []string) (core.Filter, error) {
	var f core.Filter
	for _, r := range rows {
		c, err := parseCond(r)
		if err != nil {
			return nil, err
		}
		f = append(f, c)
	}
	return f, nil
}

// parseCond reads column:operator:value, or column:operator for the operators
// that take none. Values of in and between have commas between them; a backslash
// takes the meaning from a comma, a backslash or a percent sign, and before
// anything else it is itself, so that CORP\user needs no care. A day in a
// comparison (31-Jan-2027, 2027-01-31) is its beginning, UTC.
func parseCond(row string) (core.Cond, error) {
	if len(row) > maxFilter {
		return core.Cond{}, usage("--filter", "a filter row has at most %d octets", maxFilter)
	}
	column, rest, ok := strings.Cut(row, ":")
	op, value, valued := strings.Cut(rest, ":")
	if !ok || column == "" || op == "" {
		return core.Cond{}, usage("--filter", "%.60q is no filter: write column:operator:value, such as not_after:lt:+30d", row)
	}
	c := core.Cond{Column: column, Op: core.Operator(op)}
	list := c.Op == core.OpIn || c.Op == core.OpBetween
	if valued {
		c.Values = splitValues(value, list)
	}
	switch c.Op {
	case core.OpGreater, core.OpGreaterEq, core.OpLess, core.OpLessEq, core.OpBetween:
		for i, v := range c.Values {
			if t, ok := parseDay(v); ok {
				c.Values[i] = t.Format(time.RFC3339)
			}
		}
	}
	return c, nil
}

// splitValues removes escapes and, of a list, splits at commas.
func splitValues(s string, list bool) []string {
	var out []string
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && strings.IndexByte(`,\%`, s[i+1]) >= 0:
			i++
			b.WriteByte(s[i])
		case s[i] == ',' && list:
			out = append(out, b.String())
			b.Reset()
		default:
			b.WriteByte(s[i])
		}
	}
	return append(out, b.String())
}

// parseSort reads column or -column.
func parseSort(s string, desc bool) core.Sort {
	column, minus := strings.CutPrefix(s, "-")
	return core.Sort{Column: column, Desc: column != "" && (desc || minus)}
}
