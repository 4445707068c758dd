package api

import (
	"strings"

	"github.com/certwright/certwright/internal/core"
)

const (
	maxRows  = 20   // filter rows of a request
	maxValue = 2000 // octets of one row
)

// parseFilter reads filter rows, see [parseCond].
func parseFilter(rows []string) (core.Filter, error) {
	if len(rows) > maxRows {
		return nil, core.Errorf(core.KindInvalid, "a filter has at most %d rows", maxRows).At("filter")
	}
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

// parseCond reads a filter row: column:operator:value, or column:operator for
// the operators empty and notempty. in and between take several values with
// commas between. A backslash takes the meaning from the next character, and
// %2C, %5C and %25 stand for a comma, a backslash and a percent sign (besides
// the percent-encoding of the URL itself), so that a value may hold them.
func parseCond(row string) (core.Cond, error) {
	if len(row) > maxValue {
		return core.Cond{}, core.Errorf(core.KindInvalid, "a filter row has at most %d octets", maxValue).At("filter")
	}
	column, rest, ok := strings.Cut(row, ":")
	if !ok || column == "" {
		return core.Cond{}, core.Errorf(core.KindInvalid, "a filter row is column:operator:value").At("filter")
	}
	op, value, valued := strings.Cut(rest, ":")
	c := core.Cond{Column: column, Op: core.Operator(op)}
	if !valued {
		return c, nil
	}
	values, err := splitValues(value)
	if err != nil {
		return c, err
	}
	if c.Op != core.OpIn && c.Op != core.OpBetween {
		// Only lists are split: "subject:contains:CN=a, O=b" is one value.
		values = []string{strings.Join(values, ",")}
	}
	c.Values = values
	return c, nil
}

// splitValues splits at commas and removes escapes.
func splitValues(s string) ([]string, error) {
	var out []string
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			if i++; i == len(s) {
				return nil, core.Errorf(core.KindInvalid, "a filter row ends with a backslash").At("filter")
			}
			b.WriteByte(s[i])
		case s[i] == '%' && i+2 < len(s) && escaped(s[i+1:i+3]) != 0:
			b.WriteByte(escaped(s[i+1 : i+3]))
			i += 2
		case s[i] == ',':
			out = append(out, b.String())
			b.Reset()
		default:
			b.WriteByte(s[i])
		}
	}
	return append(out, b.String()), nil
}

// escaped returns the character that two hexadecimal digits stand for, of those
// that have a meaning in a row; 0 for others.
func escaped(hex string) byte {
	switch strings.ToUpper(hex) {
	case "2C":
		return ','
	case "5C":
		return '\\'
	case "25":
		return '%'
	}
	return 0
}

// parseSort reads "column" or "-column".
func parseSort(s string) core.Sort {
	if column, desc := strings.CutPrefix(s, "-"); desc {
		return core.Sort{Column: column, Desc: true}
	}
	return core.Sort{Column: s}
}
