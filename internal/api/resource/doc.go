// Package resource holds the JSON shapes of the management API: what requests
// say and what answers hold. Server (package api) and client (package client)
// share them, and the OpenAPI document is made from them.
//
// No shape of an answer has a place for a secret, except those whose name
// begins with Issued: they are given once, by the operation that made the
// secret.
package resource

import "github.com/certwright/certwright/internal/core"

// Page is a part of a list.
type Page[T any] struct {
	Items   []T      `json:"items" nullable:"false"`
	Next    string   `json:"next,omitempty" doc:"cursor of the next page; absent on the last"`
	Columns []Column `json:"columns,omitempty" nullable:"false" doc:"the list's columns, with columns=true"`
}

// Column describes one field of a list.
type Column struct {
	Name      string          `json:"name"`
	Title     string          `json:"title"`
	Type      core.ColumnType `json:"type" enum:"text,enum,number,time,bool,id,tags"`
	Operators []core.Operator `json:"operators" nullable:"false" doc:"what a filter on the column may say"`
	Values    []string        `json:"values,omitempty" nullable:"false" doc:"the values of an enum"`
	Sortable  bool            `json:"sortable"`
	Default   bool            `json:"default" doc:"shown unless the user chose otherwise"`
}

// List describes a list.
type List struct {
	Name    string   `json:"name"`
	Path    string   `json:"path" doc:"where the list is, below the API's prefix"`
	Columns []Column `json:"columns" nullable:"false"`
}

// Lists names every list.
type Lists struct {
	Items []List `json:"items" nullable:"false"`
}

// ColumnsOf makes the public form of a list's columns.
func ColumnsOf(cols []core.Column) []Column {
	out := make([]Column, len(cols))
	for i, c := range cols {
		out[i] = Column{Name: c.Name, Title: c.Title, Type: c.Type, Operators: c.Type.Operators(), Values: c.Values, Sortable: c.Sortable, Default: c.Default}
	}
	return out
}
