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
	// Names are the words for ids in the rows.
	Names map[string]string `json:"names,omitempty" doc:"with names=true: a name for each id of a group, user, organisation, product, issuer or credential in the rows"`
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
	Field     string          `json:"field,omitempty" doc:"the property of a row that holds the value; absent: the column is for filters only"`
	Refers    string          `json:"refers,omitempty" doc:"the list whose ids the column holds"`
	Words     bool            `json:"words,omitempty" doc:"the values are code words, which the portal and files for people show as words"`
}

// Counted is how many rows of a list match.
type Counted struct {
	Count   int64        `json:"count"`
	Capped  bool         `json:"capped" doc:"there are at least so many: counting stopped at the limit"`
	Groups  []CountGroup `json:"groups" nullable:"false" doc:"by the column asked for, largest first; at most 100"`
	Partial bool         `json:"partial" doc:"there are more than 100 groups; count is the sum of those listed"`
}

// CountGroup is how many rows have a value.
type CountGroup struct {
	Value string `json:"value" doc:"empty: no value"`
	Name  string `json:"name,omitempty" doc:"of the thing whose id the value is"`
	Count int64  `json:"count"`
}

// List describes a list.
type List struct {
	Name    string   `json:"name"`
	Path    string   `json:"path" doc:"where the list is, below the API's prefix"`
	Counted bool     `json:"counted" doc:"its rows can be counted"`
	Columns []Column `json:"columns" nullable:"false"`
}

// Lists names every list.
type Lists struct {
	Items []List `json:"items" nullable:"false"`
}

// ColumnsOf makes the public form of a list's columns, whose fields are called
// as they are.
func ColumnsOf(cols []core.Column) []Column {
	out := make([]Column, len(cols))
	for i, c := range cols {
		out[i] = Column{Name: c.Name, Title: c.Title, Type: c.Type, Operators: c.Type.Operators(), Values: c.Values, Sortable: c.Sortable, Default: c.Default, Field: c.Name}
	}
	return out
}

// ExportProgress is how far an export has come.
type ExportProgress struct {
	Rows  int64 `json:"rows"`
	Total int64 `json:"total,omitempty" doc:"absent: not known"`
}
