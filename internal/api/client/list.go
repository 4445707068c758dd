package client

import (
	"context"
	"iter"
	"net/url"
	"strconv"
	"strings"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// Query selects rows of a list.
type Query struct {
	Filter core.Filter
	Sort   core.Sort // zero: newest first
	Limit  int       // rows of a page; 0: the server's default
}

func (q Query) values(cursor string) url.Values {
	v := url.Values{}
	for _, c := range q.Filter {
		v.Add("filter", FormatCond(c))
	}
	if q.Sort.Column != "" {
		s := q.Sort.Column
		if q.Sort.Desc {
			s = "-" + s
		}
		v.Set("sort", s)
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	if cursor != "" {
		v.Set("cursor", cursor)
	}
	return v
}

// FormatCond writes a filter row as the API reads it:
// column:operator:value[,value…] with a backslash before commas, backslashes
// and percent signs of a value.
func FormatCond(c core.Cond) string {
	s := c.Column + ":" + string(c.Op)
	if len(c.Values) == 0 {
		return s
	}
	escape := strings.NewReplacer(`\`, `\\`, `,`, `\,`, `%`, `\%`)
	v := make([]string, len(c.Values))
	for i, x := range c.Values {
		v[i] = escape.Replace(x)
	}
	return s + ":" + strings.Join(v, ",")
}

// Page reads one page of the list at path ("certificates"). cursor is empty or
// the Next of the page before.
func Page[T any](ctx context.Context, c *Client, path string, q Query, cursor string) (*resource.Page[T], error) {
	return get[resource.Page[T]](ctx, c, "/"+path, q.values(cursor))
}

// All walks the whole list at path, page by page as it is consumed. An error
// ends the walk and is its last element.
func All[T any](ctx context.Context, c *Client, path string, q Query) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		cursor := ""
		for {
			p, err := Page[T](ctx, c, path, q, cursor)
			if err != nil {
				var zero T
				yield(zero, err)
				return
			}
			for _, item := range p.Items {
				if !yield(item, nil) {
					return
				}
			}
			if cursor = p.Next; cursor == "" {
				return
			}
		}
	}
}

// Collect reads at most limit elements of a walk; 0 means all.
func Collect[T any](seq iter.Seq2[T, error], limit int) ([]T, error) {
	var out []T
	for item, err := range seq {
		if err != nil {
			return out, err
		}
		if out = append(out, item); limit > 0 && len(out) >= limit {
			break
		}
	}
	return out, nil
}

// Lists describes every list: columns, operators, values.
func (c *Client) Lists(ctx context.Context) (*resource.Lists, error) {
	return get[resource.Lists](ctx, c, "/lists", nil)
}

// List describes one list.
func (c *Client) List(ctx context.Context, name string) (*resource.List, error) {
	return get[resource.List](ctx, c, at("lists", name), nil)
}
