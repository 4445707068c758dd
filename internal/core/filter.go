package core

import "slices"

// Operator is a comparison of the filter language: rows of Column, Operator,
// Value joined by AND.
type Operator string

// The operators. Texts compare without regard to letter case.
const (
	OpEquals      Operator = "eq"
	OpNotEquals   Operator = "ne"
	OpContains    Operator = "contains"
	OpNotContains Operator = "notcontains"
	OpStartsWith  Operator = "startswith"
	OpEndsWith    Operator = "endswith"
	OpGreater     Operator = "gt"
	OpGreaterEq   Operator = "ge"
	OpLess        Operator = "lt"
	OpLessEq      Operator = "le"
	OpBetween     Operator = "between" // two values, both inclusive
	OpIn          Operator = "in"      // any of the values
	OpEmpty       Operator = "empty"   // no value
	OpNotEmpty    Operator = "notempty"
)

// ColumnType says how values of a column are written and compared.
type ColumnType string

// The column types. Times are RFC 3339 texts or relative ("now", "+30d", "-1h").
const (
	TypeText   ColumnType = "text"
	TypeEnum   ColumnType = "enum"
	TypeNumber ColumnType = "number"
	TypeTime   ColumnType = "time"
	TypeBool   ColumnType = "bool"
	TypeID     ColumnType = "id"
	TypeTags   ColumnType = "tags"
)

// Operators returns the operators that a column of type t understands.
func (t ColumnType) Operators() []Operator {
	switch t {
	case TypeText:
		return []Operator{OpEquals, OpNotEquals, OpContains, OpNotContains, OpStartsWith, OpEndsWith, OpIn, OpEmpty, OpNotEmpty}
	case TypeEnum, TypeID:
		return []Operator{OpEquals, OpNotEquals, OpIn}
	case TypeNumber:
		return []Operator{OpEquals, OpNotEquals, OpGreater, OpGreaterEq, OpLess, OpLessEq, OpBetween, OpIn}
	case TypeTime:
		return []Operator{OpGreater, OpGreaterEq, OpLess, OpLessEq, OpBetween, OpEmpty, OpNotEmpty}
	case TypeBool:
		return []Operator{OpEquals}
	case TypeTags:
		return []Operator{OpEquals, OpNotEquals, OpContains, OpEmpty, OpNotEmpty}
	}
	return nil
}

// Column describes one field of a listing: for the filter, the sort order and
// the column chooser.
type Column struct {
	Name     string     `json:"name"`
	Title    string     `json:"title"`
	Type     ColumnType `json:"type"`
	Values   []string   `json:"values,omitempty"` // of an enum
	Sortable bool       `json:"sortable"`
	Default  bool       `json:"default"` // shown unless the user chose otherwise
}

// Cond is one filter row.
type Cond struct {
	Column string   `json:"column"`
	Op     Operator `json:"op"`
	Values []string `json:"values,omitempty"`
}

// Filter is a conjunction of rows; the empty filter matches everything.
type Filter []Cond

// Sort names a sortable column.
type Sort struct {
	Column string
	Desc   bool
}

// ListQuery asks for one page of a listing.
type ListQuery struct {
	Account AccountID // rows of other accounts are never seen; required
	Filter  Filter
	Sort    Sort   // zero: newest first
	Cursor  string // opaque, from the previous page
	Limit   int    // 1 to MaxPage; 0 means DefaultPage
	Tally   *Tally // numbers instead of rows; Sort, Cursor and Limit do not matter then
}

// Tally asks a listing how many rows match instead of which.
type Tally struct {
	By    string // a column to count by, of type text, enum, id or bool; empty: one number
	Limit int64  // stop counting there; 0: count all. Without By only
}

// MaxTally is how many groups a tally by a column has: the largest ones.
const MaxTally = 100

// Tallied is one number of a tally: how many rows have the value.
type Tallied struct {
	Value string // "" also for rows without a value
	Count int64
}

// Page sizes of every listing.
const (
	DefaultPage = 50
	MaxPage     = 500
)

// Page is a part of a listing. Next is empty on the last page.
type Page[T any] struct {
	Items []T
	Next  string
	Tally []Tallied // the answer to ListQuery.Tally, largest first
}

// Check verifies f against the columns of a listing: known column, an operator
// of its type, the right number of values, and enum values that exist.
func (f Filter) Check(cols []Column) error {
	for _, c := range f {
		i := slices.IndexFunc(cols, func(x Column) bool { return x.Name == c.Column })
		if i < 0 {
			return Errorf(KindInvalid, "there is no column %q to filter by", c.Column).At("filter")
		}
		if !slices.Contains(cols[i].Type.Operators(), c.Op) {
			return Errorf(KindInvalid, "column %q does not understand operator %q", c.Column, c.Op).At("filter")
		}
		want, ok := 1, false
		switch c.Op {
		case OpEmpty, OpNotEmpty:
			want = 0
		case OpBetween:
			want = 2
		case OpIn:
			ok = len(c.Values) >= 1 && len(c.Values) <= 100
		}
		if !ok && len(c.Values) != want {
			return Errorf(KindInvalid, "operator %q of column %q has %d values", c.Op, c.Column, len(c.Values)).At("filter")
		}
		if cols[i].Type == TypeEnum {
			for _, v := range c.Values {
				if !slices.Contains(cols[i].Values, v) {
					return Errorf(KindInvalid, "column %q has no value %q", c.Column, v).At("filter")
				}
			}
		}
	}
	return nil
}
