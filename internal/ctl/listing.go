package ctl

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"github.com/certwright/certwright/internal/api/client"
	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// listFlags are what every list takes.
type listFlags struct {
	Filter  []string `short:"f" sep:"none" placeholder:"COLUMN:OPERATOR[:VALUE]" help:"Only rows that fit, such as not_after:lt:+30d; repeat it for several conditions, all of which hold."`
	Sort    string   `placeholder:"COLUMN" help:"Order; newest first unless given."`
	Desc    bool     `help:"The greatest first; --sort=-COLUMN is the same."`
	Limit   int      `default:"50" placeholder:"N" help:"At most this many rows."`
	All     bool     `help:"All rows, page by page."`
	Explain bool     `help:"Only show which columns there are to filter and sort by."`
}

// walker walks a list of the API.
type walker[T any] func(context.Context, client.Query) iter.Seq2[T, error]

// runList prints a list. name is the list's name in the API. more are
// conditions that a command adds by flags of its own.
func runList[T any](ctx context.Context, s *session, f listFlags, name string, v view[T], walk walker[T], more ...core.Cond) error {
	if f.Explain {
		return explainList(ctx, s, name)
	}
	filter, err := parseFilter(f.Filter)
	if err != nil {
		return err
	}
	if f.Limit < 1 {
		return usage("--limit", "--limit is at least 1; --all is for all rows")
	}
	if _, _, err := v.cells(&s.out); err != nil {
		return err // before anything is asked of the server
	}
	q := client.Query{Filter: append(filter, more...), Sort: parseSort(f.Sort, f.Desc), Limit: core.MaxPage}
	limit := 0
	if !f.All {
		// One more tells whether there are more.
		limit, q.Limit = f.Limit, min(f.Limit+1, core.MaxPage)
	}
	if s.out.json {
		return streamJSON(s, walk(ctx, q), limit)
	}
	rows, err := client.Collect(walk(ctx, q), limit+min(limit, 1))
	if err != nil {
		return err
	}
	cut := limit > 0 && len(rows) > limit
	if cut {
		rows = rows[:limit]
	}
	if err := table(&s.out, v, rows); err != nil {
		return err
	}
	if cut {
		s.more(limit)
	}
	return nil
}

// more says that a list was cut.
func (s *session) more(limit int) {
	s.note("There are more rows than %d: --limit or --all shows them.", limit)
}

// streamJSON writes a list as a JSON array, element by element as it comes.
func streamJSON[T any](s *session, rows iter.Seq2[T, error], limit int) error {
	n := 0
	for row, err := range rows {
		if err != nil {
			return err
		}
		if limit > 0 && n == limit {
			s.more(limit)
			break
		}
		var b bytes.Buffer
		b.WriteString(map[bool]string{true: "[\n  ", false: ",\n  "}[n == 0])
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		e.SetIndent("  ", "  ")
		if err := e.Encode(row); err != nil {
			return err
		}
		if _, err := s.out.w.Write(bytes.TrimRight(b.Bytes(), "\n")); err != nil {
			return err
		}
		n++
	}
	end := "\n]\n"
	if n == 0 {
		end = "[]\n"
	}
	_, err := s.out.w.Write([]byte(end))
	return err
}

// explainList shows the columns of a list.
func explainList(ctx context.Context, s *session, name string) error {
	l, err := s.api.List(ctx, name)
	if err != nil {
		return err
	}
	if s.out.json {
		return s.out.printJSON(l)
	}
	return table(&s.out, view[resource.Column]{columns: []string{"name", "title", "type", "sortable", "operators", "values"},
		made: map[string]func(*resource.Column, time.Time) string{
			"operators": func(c *resource.Column, _ time.Time) string { return joined(c.Operators) },
			"values":    func(c *resource.Column, _ time.Time) string { return joined(c.Values) },
		}}, l.Columns)
}

// joined writes texts with blanks between.
func joined[S ~string](list []S) string {
	var b []byte
	for i, s := range list {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, s...)
	}
	return string(b)
}

// count writes a number of things.
func count[N int | int64](n N, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
