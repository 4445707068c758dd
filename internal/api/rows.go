package api

import (
	"context"
	"encoding/json"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// row is an element of a list as its JSON object says it.
type row map[string]any

// rowsOf reads a list and gives its elements as JSON objects, so that one piece
// of code can export them all.
func rowsOf[C, T any](read func(context.Context, *core.Principal, core.ListQuery) (core.Page[C], error), shape func(*C) T) func(context.Context, *core.Principal, core.ListQuery) (core.Page[row], error) {
	return func(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[row], error) {
		got, err := read(ctx, p, q)
		if err != nil {
			return core.Page[row]{}, err
		}
		out := core.Page[row]{Next: got.Next, Tally: got.Tally, Items: make([]row, len(got.Items))}
		for i := range got.Items {
			if out.Items[i], err = object(shape(&got.Items[i])); err != nil {
				return out, err
			}
		}
		return out, nil
	}
}

// object is v as the JSON object that it becomes.
func object(v any) (row, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, core.Wrap(core.KindInternal, err, "a row cannot be written")
	}
	var out row
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, core.Wrap(core.KindInternal, err, "a row cannot be read")
	}
	return out, nil
}

// fields names the property of a row that holds a column's value, where it is
// not called like the column; "" for columns that only filters know.
var fields = map[string]map[string]string{
	"audit":               {"time": "at"},
	"jobs":                {"created": "created_at", "scheduled": "scheduled_at", "started": "started_at", "finished": "finished_at"},
	"credentials":         {"product": "products", "user_login": "", "group_name": "", "text": ""},
	"domains":             {"organisation_name": "", "auto": ""},
	"orders":              {"tags": ""},
	"tags":                {"key": "name"},
	"users":               {"role": "grants", "group": "groups"},
	"tokens":              {"role": "roles"},
	"acme-accounts":       {"credential_label": "", "group": ""},
	"acme-orders":         {"credential_label": "", "group": ""},
	"acme-authorizations": {"credential_label": "", "group": "", "type": "", "challenges": ""},
}

// refers names the list whose ids a column holds.
var refers = map[string]string{
	"author": "users",
	"group":  "groups", "user": "users", "organisation": "organisations", "product": "products", "issuer": "issuers", "parent": "issuers",
	"credential": "credentials", "order": "orders", "certificate": "certificates", "replaces": "certificates", "acme_account": "acme-accounts",
}

// fieldOf returns the property of a row of the list that holds a column.
func fieldOf(list, column string) string {
	if f, ok := fields[list][column]; ok {
		return f
	}
	return column
}

// describe makes the public form of the columns of a list.
func describe(list string, cols []core.Column) []resource.Column {
	out := resource.ColumnsOf(cols)
	for i, c := range cols {
		out[i].Field = fieldOf(list, c.Name)
		out[i].Words = wordy(c)
		if c.Type == core.TypeID || c.Type == core.TypeTags {
			out[i].Refers = refers[c.Name]
		}
	}
	return out
}

// namesIn finds the words for the ids in rows, those of the groups to which
// roles are limited among them.
func (r *references) namesIn(ctx context.Context, list string, cols []core.Column, rows []row) (map[string]string, error) {
	names := map[string]string{}
	for _, c := range cols {
		kind, field := refers[c.Name], fieldOf(list, c.Name)
		if field == "grants" {
			kind = "groups"
		}
		if kind == "" || c.Type != core.TypeID && c.Type != core.TypeTags {
			continue
		}
		for _, o := range rows {
			for _, id := range texts(o[field]) {
				if _, ok := names[id]; ok {
					continue
				}
				name, err := r.name(ctx, kind, id)
				if err != nil {
					return nil, err
				}
				if name != "" {
					names[id] = name
				}
			}
		}
	}
	return names, nil
}

// texts returns a text, the texts of a list, the groups of grants in it, or
// none.
func texts(v any) []string {
	switch x := v.(type) {
	case string:
		return []string{x}
	case []any:
		var out []string
		for _, e := range x {
			if g, ok := e.(map[string]any); ok {
				e = g["group"]
			}
			if s, ok := e.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}

// name returns the word for the id of a thing of a list, "" when there is none
// or p may not see it.
func (r *references) name(ctx context.Context, kind, id string) (string, error) {
	find, ok := map[string]func() (string, error){
		"groups": func() (string, error) {
			g, err := r.a.d.Identity.Group(ctx, r.p, core.GroupID(id))
			if err != nil {
				return "", err
			}
			return g.Name, nil
		},
		"users": func() (string, error) {
			u, err := r.a.d.Identity.User(ctx, r.p, core.UserID(id))
			if err != nil {
				return "", err
			}
			return u.Login, nil
		},
		"organisations": func() (string, error) {
			o, err := r.a.d.Identity.Organisation(ctx, r.p, core.OrganisationID(id))
			if err != nil {
				return "", err
			}
			return o.Name, nil
		},
		"credentials": func() (string, error) {
			c, err := r.a.d.Identity.CredentialByID(ctx, r.p, core.CredentialID(id))
			if err != nil {
				return "", err
			}
			return c.Label, nil
		},
		"products": func() (string, error) { return r.product(ctx, core.ProductID(id)) },
		"issuers":  func() (string, error) { return r.issuer(ctx, core.IssuerID(id)) },
	}[kind]
	if !ok || !core.ValidID(id) {
		return "", nil
	}
	if r.words == nil {
		r.words = map[string]string{}
	}
	if w, ok := r.words[id]; ok {
		return w, nil
	}
	w, err := find()
	if err != nil && !core.Is(err, core.KindNotFound) && !core.Is(err, core.KindForbidden) {
		return "", err
	}
	r.words[id] = w
	return w, nil
}
