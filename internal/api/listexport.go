package api

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/report"
)

type countRequest struct {
	Name   string   `path:"name" maxLength:"100"`
	Filter []string `query:"filter,explode" doc:"as in the list"`
	By     string   `query:"by" maxLength:"100" doc:"a column of type text, enum, id or bool"`
	Limit  int64    `query:"limit" minimum:"0" maximum:"1000000000" doc:"stop counting there; without by"`
}

// countList answers with numbers from the very code that lists, so that a
// number and the list behind it cannot disagree.
func (a *API) countList(ctx context.Context, p *core.Principal, in *countRequest) (*out[resource.Counted], error) {
	l, q, err := a.queryOf(p, in.Name, in.Filter, "")
	if err != nil {
		return nil, err
	}
	if l.uncounted {
		return nil, core.Errorf(core.KindUnsupported, "the rows of this list are not counted")
	}
	q.Tally = &core.Tally{By: in.By, Limit: in.Limit}
	got, err := l.rows(ctx, p, q)
	if err != nil {
		return nil, err
	}
	res := resource.Counted{Groups: []resource.CountGroup{}}
	refs := a.references(p)
	for _, t := range got.Tally {
		res.Count += t.Count
		if in.By == "" {
			continue
		}
		name, err := refs.name(ctx, refers[in.By], t.Value)
		if err != nil {
			return nil, err
		}
		res.Groups = append(res.Groups, resource.CountGroup{Value: t.Value, Name: name, Count: t.Count})
	}
	res.Capped = in.By == "" && in.Limit > 0 && res.Count >= in.Limit
	res.Partial = len(res.Groups) == core.MaxTally
	return &out[resource.Counted]{res}, nil
}

// queryOf reads filter and sort of a request about a list that p may read.
func (a *API) queryOf(p *core.Principal, name string, filter []string, sort string) (*listInfo, core.ListQuery, error) {
	q := core.ListQuery{Account: p.Account, Sort: parseSort(sort), Limit: core.MaxPage}
	l, err := a.list(p, name)
	if err != nil {
		return nil, q, err
	}
	if q.Filter, err = parseFilter(filter); err != nil {
		return nil, q, err
	}
	return l, q, checkQuery(q, l.columns())
}

type exportListRequest struct {
	Name   string   `path:"name" maxLength:"100"`
	Filter []string `query:"filter,explode" doc:"as in the list"`
	Sort   string   `query:"sort" maxLength:"100"`
	Format string   `query:"format" enum:"csv,xlsx,pdf" default:"csv" doc:"a PDF holds at most 5,000 rows"`
	Column []string `query:"column,explode" maxItems:"100" doc:"names of columns in the order wanted; the defaults unless given"`
	Frames bool     `query:"frames" doc:"answer with frames: r progress, d data, e problem, z end"`
}

// exportList writes every page of a list into a file. The first page is read
// before the answer begins, so that refusals are problems.
func (a *API) exportList(ctx context.Context, p *core.Principal, in *exportListRequest) (*stream, error) {
	l, q, err := a.queryOf(p, in.Name, in.Filter, in.Sort)
	if err != nil {
		return nil, err
	}
	cols, err := chosen(l, in.Column)
	if err != nil {
		return nil, err
	}
	x := export{a: a, p: p, l: l, q: q, cols: cols, format: report.Format(in.Format), refs: a.references(p), filter: in.Filter}
	if err := x.begin(ctx); err != nil {
		return nil, err
	}
	e := core.EventOf(p, a.d.Now(), "list.export", "list:"+l.name)
	e.Detail = map[string]any{"format": in.Format, "filter": list0(in.Filter)}
	if err := a.d.Audit.Record(ctx, e); err != nil {
		return nil, err
	}
	if in.Frames {
		return a.streamed(framesType, "", func(w http.ResponseWriter) error { return x.frames(ctx, w) }), nil
	}
	return a.streamed(x.format.Media(), l.name+"."+in.Format, func(w http.ResponseWriter) error {
		return x.write(ctx, w, func(int64) error { return nil })
	}), nil
}

// chosen returns the columns of a list by name; those shown by default without.
func chosen(l *listInfo, names []string) ([]resource.Column, error) {
	all := describe(l.name, l.columns())
	var out []resource.Column
	if len(names) == 0 {
		for _, c := range all {
			if c.Default && c.Field != "" {
				out = append(out, c)
			}
		}
		return out, nil
	}
names:
	for _, n := range names {
		for _, c := range all {
			if c.Name == n && c.Field != "" {
				out = append(out, c)
				continue names
			}
		}
		return nil, core.Errorf(core.KindInvalid, "the list shows no column %q", n).At("column")
	}
	return out, nil
}

// export is one run of an export.
type export struct {
	a      *API
	p      *core.Principal
	l      *listInfo
	q      core.ListQuery
	cols   []resource.Column
	format report.Format
	refs   *references
	filter []string
	first  core.Page[row]
	total  int64 // -1: not known
}

// begin reads the first page and counts.
func (x *export) begin(ctx context.Context) error {
	var err error
	if x.first, err = x.l.rows(ctx, x.p, x.q); err != nil {
		return err
	}
	x.total = int64(len(x.first.Items))
	if x.first.Next == "" {
		return nil
	}
	if x.l.uncounted {
		x.total = -1
		return nil
	}
	q := x.q
	q.Tally = &core.Tally{}
	got, err := x.l.rows(ctx, x.p, q)
	if err != nil {
		return err
	}
	x.total = got.Tally[0].Count
	if x.format == report.PDF && x.total > report.MaxPDF {
		return report.TooLong()
	}
	return nil
}

// write makes the file and reports after each page how many rows are done.
func (x *export) write(ctx context.Context, w io.Writer, progress func(rows int64) error) error {
	cols := make([]report.Column, len(x.cols))
	own := make([]core.Column, len(x.cols))
	for i, c := range x.cols {
		cols[i] = report.Column{Title: c.Title, Type: c.Type}
		own[i] = core.Column{Name: c.Name, Type: c.Type}
	}
	about := report.About{Title: title(x.l.name), At: x.a.d.Now()}
	if len(x.filter) > 0 {
		about.Notes = []string{"Filter: " + strings.Join(x.filter, " and ")}
	}
	t, err := report.New(w, x.format, about, cols)
	if err != nil {
		return err
	}
	defer t.Discard()
	cells, done := make([]any, len(cols)), int64(0)
	for got := x.first; ; {
		names, err := x.refs.namesIn(ctx, x.l.name, own, got.Items)
		if err != nil {
			return err
		}
		w := teller{people: x.format != report.CSV, names: names}
		for _, o := range got.Items {
			for i, c := range x.cols {
				cells[i] = w.cell(o[c.Field], c)
			}
			if err := t.Row(cells); err != nil {
				return err
			}
		}
		done += int64(len(got.Items))
		if err := progress(done); err != nil {
			return err
		}
		if got.Next == "" {
			return t.Close()
		}
		x.q.Cursor = got.Next
		if got, err = x.l.rows(ctx, x.p, x.q); err != nil {
			return err
		}
	}
}

// title makes a heading of a list's name.
func title(name string) string {
	name = strings.ReplaceAll(name, "-", " ")
	return strings.ToUpper(name[:1]) + name[1:]
}

// cell makes the value for a file of a property.
func (w teller) cell(v any, c resource.Column) any {
	switch x := v.(type) {
	case bool:
		return x
	case float64:
		if x == float64(int64(x)) {
			return int64(x)
		}
	case string:
		if c.Type == core.TypeTime {
			at, err := time.Parse(time.RFC3339, x)
			if err != nil {
				return x
			}
			return at
		}
	case nil:
		return nil
	}
	return w.text(v, c)
}

// framesType is the media type of an export with progress: a sequence of
// frames, each an octet that says what it is, four octets of length, most
// significant first, and so many octets. r is progress as JSON, d a piece of
// the file, e a problem, after which nothing follows, and z the end.
const framesType = "application/x-certwright-frames"

// frames writes the file in frames.
func (x *export) frames(ctx context.Context, w http.ResponseWriter) error {
	f := &framer{w: w, rc: http.NewResponseController(w)}
	progress := func(rows int64) error {
		p := resource.ExportProgress{Rows: rows}
		if x.total >= 0 {
			p.Total = x.total
		}
		return f.json('r', p)
	}
	if err := progress(0); err != nil {
		return err
	}
	err := x.write(ctx, f, progress)
	if err == nil {
		return f.frame('z', nil)
	}
	if ctx.Err() != nil {
		return err
	}
	return f.json('e', x.a.problem(ctx, err))
}

type framer struct {
	w  io.Writer
	rc *http.ResponseController
}

func (f *framer) frame(kind byte, body []byte) error {
	head := [5]byte{kind}
	binary.BigEndian.PutUint32(head[1:], uint32(len(body)))
	if _, err := f.w.Write(head[:]); err != nil {
		return err
	}
	_, err := f.w.Write(body)
	return err
}

func (f *framer) json(kind byte, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := f.frame(kind, raw); err != nil {
		return err
	}
	_ = f.rc.Flush() // not every writer can
	return nil
}

// Write makes data frames, so that a table can write to it.
func (f *framer) Write(b []byte) (int, error) {
	const most = 1 << 20
	n := 0
	for len(b) > 0 {
		k := min(len(b), most)
		if err := f.frame('d', b[:k]); err != nil {
			return n, err
		}
		n, b = n+k, b[k:]
	}
	return n, nil
}
