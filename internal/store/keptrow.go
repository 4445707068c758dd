package store

import (
	"context"
	"reflect"
	"slices"
	"strings"
)

// keptSelect reads one kind of row with a prepared statement, where requests
// wait for it: bun writes and parses a text of its own for each query.
type keptSelect struct {
	text   string // "SELECT … FROM … WHERE "
	fields [][]int
}

// keptSelectOf makes the text from the row's tags, once. without names columns
// that are not read.
func keptSelectOf[R any](db *DB, without ...string) *keptSelect {
	type key struct {
		row     reflect.Type
		without string
	}
	k := key{reflect.TypeFor[R](), strings.Join(without, " ")}
	if s, ok := db.selects.Load(k); ok {
		return s.(*keptSelect)
	}
	t := db.read.Table(k.row)
	s := &keptSelect{}
	var cols []string
	for _, f := range t.Fields {
		if slices.Contains(without, f.Name) {
			continue
		}
		col := "t." + f.Name
		if f.NullZero {
			zero := "''"
			if f.IndirectType.Kind() != reflect.String {
				zero = "0"
			}
			col = "COALESCE(" + col + ", " + zero + ")"
		}
		cols, s.fields = append(cols, col), append(s.fields, f.Index)
	}
	s.text = "SELECT " + strings.Join(cols, ", ") + " FROM " + t.Name + " t WHERE "
	db.selects.Store(k, s)
	return s
}

// keptRow reads the first row.
func keptRow[R any](ctx context.Context, db *DB, s *keptSelect, where string, args ...any) (*R, error) {
	r := new(R)
	v := reflect.ValueOf(r).Elem()
	dest := make([]any, len(s.fields))
	for i, index := range s.fields {
		dest[i] = v.FieldByIndex(index).Addr().Interface()
	}
	return r, db.queryRow(ctx, s.text+where+" LIMIT 1", args...).Scan(dest...)
}
