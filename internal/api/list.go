package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// ListParams are the query parameters that every list takes.
type ListParams struct {
	Filter  []string `query:"filter,explode" doc:"rows column:operator:value, joined by AND; in and between take values with commas between; a backslash before a comma, a backslash or a percent sign makes it part of a value"`
	Sort    string   `query:"sort" maxLength:"100" doc:"column, or -column for descending; newest first unless given"`
	Cursor  string   `query:"cursor" maxLength:"6000" doc:"next of the page before; filter and sort must be the same"`
	Limit   int      `query:"limit" minimum:"0" maximum:"500" doc:"rows of a page; 50 unless given"`
	Columns bool     `query:"columns" doc:"also describe the list's columns"`
	Names   bool     `query:"names" doc:"also give names for the ids of groups, users and so on in the rows"`
}

// Resolve implements huma.Resolver. It reads the filter rows itself: huma drops
// them all when the first is empty, and a filter must never vanish.
func (l *ListParams) Resolve(ctx huma.Context) []error {
	u := ctx.URL()
	l.Filter = u.Query()["filter"]
	return nil
}

// query reads the parameters, except for the account.
func (l *ListParams) query() (core.ListQuery, error) {
	f, err := parseFilter(l.Filter)
	return core.ListQuery{Filter: f, Sort: parseSort(l.Sort), Cursor: l.Cursor, Limit: l.Limit}, err
}

// listInfo describes a list for GET /lists.
type listInfo struct {
	name    string
	path    string
	action  identity.Action
	columns func() []core.Column
	// rows reads a page as the JSON objects that the list shows.
	rows func(context.Context, *core.Principal, core.ListQuery) (core.Page[row], error)
	// uncounted: the rows of the list cannot be counted.
	uncounted bool
}

// page is the answer of a list.
type page[T any] struct{ Body resource.Page[T] }

// list makes the handler of a list: read takes the query, shape makes the
// public form of an element.
func list[C, T any](a *API, name string, columns func() []core.Column, read func(context.Context, *core.Principal, core.ListQuery) (core.Page[C], error), shape func(*C) T) handler[ListParams, page[T]] {
	return func(ctx context.Context, p *core.Principal, in *ListParams) (*page[T], error) {
		q, err := in.query()
		if err != nil {
			return nil, err
		}
		cols := columns()
		if err := checkQuery(q, cols); err != nil {
			return nil, err
		}
		q.Account = p.Account
		got, err := read(ctx, p, q)
		if err != nil {
			return nil, err
		}
		res := &page[T]{Body: resource.Page[T]{Items: make([]T, len(got.Items)), Next: got.Next}}
		var rows []row
		for i := range got.Items {
			res.Body.Items[i] = shape(&got.Items[i])
			if in.Names {
				o, err := object(res.Body.Items[i])
				if err != nil {
					return nil, err
				}
				rows = append(rows, o)
			}
		}
		if in.Columns {
			res.Body.Columns = describe(name, cols)
		}
		if in.Names {
			res.Body.Names, err = a.references(p).namesIn(ctx, name, cols, rows)
		}
		return res, err
	}
}

// checkQuery refuses filters and sort orders that the list does not have,
// before any restriction of the server's own is added.
func checkQuery(q core.ListQuery, cols []core.Column) error {
	if err := q.Filter.Check(cols); err != nil {
		return err
	}
	if q.Sort.Column == "" {
		return nil
	}
	for _, c := range cols {
		if c.Name == q.Sort.Column && c.Sortable {
			return nil
		}
	}
	return core.Errorf(core.KindInvalid, "the list cannot be sorted by %q", q.Sort.Column).At("sort")
}

// addList registers a list under its own name and path.
func addList[C, T any](a *API, op operation, name string, columns func() []core.Column,
	read func(context.Context, *core.Principal, core.ListQuery) (core.Page[C], error), shape func(*C) T) {
	a.lists = append(a.lists, listInfo{name: name, path: op.path, action: op.action, columns: columns, rows: rowsOf(read, shape)})
	register(a, op, list(a, name, columns, read, shape))
}

// listRoutes describes the lists that the other routes have added.
func (a *API) listRoutes() {
	register(a, get("lists", "list-lists", "/lists", "Describe every list", ""),
		func(_ context.Context, p *core.Principal, _ *struct{}) (*out[resource.Lists], error) {
			l := resource.Lists{Items: []resource.List{}}
			for i := range a.lists {
				if a.lists[i].open(p) {
					l.Items = append(l.Items, a.lists[i].resource())
				}
			}
			return &out[resource.Lists]{l}, nil
		})
	register(a, get("lists", "get-list", "/lists/{name}", "Describe a list: its columns with operators, values and defaults", ""),
		func(_ context.Context, p *core.Principal, in *struct {
			Name string `path:"name" maxLength:"100"`
		}) (*out[resource.List], error) {
			l, err := a.list(p, in.Name)
			if err != nil {
				return nil, err
			}
			return &out[resource.List]{l.resource()}, nil
		})
	register(a, get("lists", "count-list", "/lists/{name}/count", "Count the rows of a list that match a filter, in all or by a column", ""), a.countList)
	register(a, get("lists", "export-list", "/lists/{name}/export", "Export the rows of a list that match a filter: CSV, Excel or PDF", "").
		says("All pages, with the columns asked for. With frames=true the answer is a sequence of frames that also tell the progress; see docs/operate/api.md.").
		streams("application/octet-stream"), a.exportList)
}

// list finds a list that p may read.
func (a *API) list(p *core.Principal, name string) (*listInfo, error) {
	for i := range a.lists {
		if a.lists[i].name == name && a.lists[i].open(p) {
			return &a.lists[i], nil
		}
	}
	return nil, core.Errorf(core.KindNotFound, "there is no such list")
}

// open reports whether p may read the list at all.
func (l *listInfo) open(p *core.Principal) bool {
	all, groups := identity.VisibleGroups(p, l.action)
	return all || len(groups) > 0
}

func (l *listInfo) resource() resource.List {
	return resource.List{Name: l.name, Path: l.path, Counted: !l.uncounted, Columns: describe(l.name, l.columns())}
}

// list0 is s, or an empty list for none, which JSON writes as [].
func list0[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
