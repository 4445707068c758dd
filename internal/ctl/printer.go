package ctl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// printer writes what commands find: tables and descriptions for people, JSON
// for programs.
type printer struct {
	w       io.Writer
	json    bool
	columns []string
	headers bool
	now     time.Time
}

// view says how the elements of a list look in a table.
type view[T any] struct {
	// columns that are shown unless the user chooses: names of JSON fields or of
	// made.
	columns []string
	// made are columns that the element does not hold as they are shown. One
	// with the name of a field stands in for it.
	made map[string]func(*T, time.Time) string
	// clocks: times are shown with hours, minutes and seconds.
	clocks bool
}

// printJSON writes v in a readable form.
func (p *printer) printJSON(v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := p.w.Write(b.Bytes())
	return err
}

// table prints rows.
func table[T any](p *printer, v view[T], rows []T) error {
	cells, titles, err := v.cells(p)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	tw := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	if p.headers {
		fmt.Fprintln(tw, strings.Join(titles, "\t"))
	}
	for i := range rows {
		line := make([]string, len(cells))
		for j, f := range cells {
			line[j] = f(&rows[i])
		}
		fmt.Fprintln(tw, strings.Join(line, "\t"))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err = p.w.Write(trimLines(b.Bytes()))
	return err
}

// cells returns what makes the cells of a row, and the titles above them.
func (v *view[T]) cells(p *printer) (cells []func(*T) string, titles []string, err error) {
	names := v.columns
	if len(p.columns) > 0 {
		names = p.columns
	}
	fields := fieldsOf(reflect.TypeFor[T]())
	for _, name := range names {
		made := v.made[name]
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
		switch {
		case made != nil:
			cells = append(cells, func(t *T) string { return dash(clean(made(t, p.now))) })
		case i >= 0:
			index := fields[i].index
			cells = append(cells, func(t *T) string { return cell(reflect.ValueOf(t).Elem().FieldByIndex(index), v.clocks) })
		default:
			return nil, nil, usage("--columns", "there is no column %q; there are %s", name, strings.Join(v.names(fields), ", "))
		}
		titles = append(titles, strings.ToUpper(strings.ReplaceAll(name, "_", " ")))
	}
	return cells, titles, nil
}

// names lists every column.
func (v *view[T]) names(fields []field) []string {
	var out []string
	for _, f := range fields {
		out = append(out, f.name)
	}
	for name := range v.made {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// field is a field of a resource by its name in JSON.
type field struct {
	name  string
	index []int
}

// fieldsOf lists the fields of a struct, those of embedded structs among them.
func fieldsOf(t reflect.Type) []field {
	var out []field
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			for _, inner := range fieldsOf(f.Type) {
				out = append(out, field{inner.name, append(slices.Clone(f.Index), inner.index...)})
			}
		case name != "" && name != "-":
			out = append(out, field{name, f.Index})
		}
	}
	return out
}

// maxListed is how many elements of a list a cell shows.
const maxListed = 3

// cell writes a value into one cell of a table.
func cell(v reflect.Value, clocks bool) string {
	if t, ok := v.Interface().(time.Time); ok {
		if clocks {
			return clock(t)
		}
		return date(t)
	}
	if v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8 {
		var parts []string
		for i := range min(v.Len(), maxListed) {
			parts = append(parts, text(v.Index(i)))
		}
		if more := v.Len() - maxListed; more > 0 {
			parts = append(parts, fmt.Sprintf("+%d", more))
		}
		return dash(clean(strings.Join(parts, ", ")))
	}
	return dash(clean(text(v)))
}

// text writes a value on one line.
func text(v reflect.Value) string {
	if t, ok := v.Interface().(time.Time); ok {
		return clock(t) + " UTC"
	}
	if s, ok := v.Interface().(fmt.Stringer); ok && v.Kind() != reflect.Pointer {
		return s.String()
	}
	switch v.Kind() {
	case reflect.String:
		return v.String()
	case reflect.Bool:
		if v.Bool() {
			return "yes"
		}
		return "no"
	case reflect.Pointer:
		if v.IsNil() {
			return ""
		}
		return text(v.Elem())
	case reflect.Struct, reflect.Map, reflect.Slice, reflect.Interface:
		if b, err := json.Marshal(v.Interface()); err == nil && string(b) != "null" {
			return string(b)
		}
		return ""
	}
	return fmt.Sprint(v.Interface())
}

// dash stands for nothing, so that every line has as many words as columns.
func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// trimLines removes the blanks that a tabwriter leaves at the ends of lines.
func trimLines(b []byte) []byte {
	lines := bytes.Split(b, []byte("\n"))
	for i := range lines {
		lines[i] = bytes.TrimRight(lines[i], " ")
	}
	return bytes.Join(lines, []byte("\n"))
}
