package api_test

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// TestColumnsHaveFields: what a column shows is a property of the rows.
func TestColumnsHaveFields(t *testing.T) {
	w := newWorld(t)
	d := document(t, w)
	lists := decode[resource.Lists](t, w.admin.do(t, "GET", "/lists", nil).is(t, 200))
	if len(lists.Items) < 15 {
		t.Errorf("%d lists", len(lists.Items))
	}
	for _, l := range lists.Items {
		ref := d.Paths[l.Path]["get"].Responses["200"].Content["application/json"].Schema["$ref"].(string)
		page := d.Components.Schemas[strings.TrimPrefix(ref, "#/components/schemas/")]["properties"].(map[string]any)
		ref = page["items"].(map[string]any)["items"].(map[string]any)["$ref"].(string)
		item := d.Components.Schemas[strings.TrimPrefix(ref, "#/components/schemas/")]["properties"].(map[string]any)
		for _, c := range l.Columns {
			if c.Field == "" && c.Default {
				switch c.Name {
				case "credential_label", "organisation_name":
				default:
					t.Errorf("%s: column %s is shown and has no field", l.Name, c.Name)
				}
			}
			if _, ok := item[c.Field]; c.Field != "" && !ok {
				t.Errorf("%s: column %s shows %q, which rows do not have", l.Name, c.Name, c.Field)
			}
		}
	}
}

// seeded makes groups g1 to g7 with an organisation.
func seeded(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	o := decode[resource.Organisation](t, w.admin.do(t, "POST", "/organisations", resource.OrganisationFields{Name: "Zoë GmbH"}).is(t, 201))
	for _, n := range []string{"g1", "g2", "g3", "=g4", "g5", "g6", "g7"} {
		w.admin.do(t, "POST", "/groups", resource.GroupFields{Name: n, Organisation: o.ID}).is(t, 201)
	}
	return w
}

func TestCounts(t *testing.T) {
	w := seeded(t)
	count := func(c *caller, path string) resource.Counted {
		t.Helper()
		return decode[resource.Counted](t, c.do(t, "GET", path, nil).is(t, 200))
	}
	if got := count(w.admin, "/lists/groups/count"); got.Count != 8 || got.Capped {
		t.Errorf("%+v", got)
	}
	if got := count(w.admin, "/lists/groups/count?limit=3"); got.Count != 3 || !got.Capped {
		t.Errorf("%+v", got)
	}
	if got := count(w.admin, "/lists/groups/count?filter=name:startswith:g"); got.Count != 6 {
		t.Errorf("%+v", got)
	}
	got := count(w.admin, "/lists/groups/count?by=organisation")
	if got.Count != 8 || len(got.Groups) != 2 || got.Groups[0].Count != 7 || got.Groups[0].Name != "Zoë GmbH" || got.Groups[1].Name != "Example" {
		t.Errorf("%+v", got)
	}
	if got := count(w.admin, "/lists/users/count?by=must_change"); len(got.Groups) != 1 || got.Groups[0].Value != "false" {
		t.Errorf("%+v", got)
	}
	// Who sees one group counts one.
	one := w.person(t, "one", []core.GroupID{w.group}, core.Grant{Role: core.RoleOperator, Group: w.group})
	if got := count(one, "/lists/groups/count"); got.Count != 1 {
		t.Errorf("somebody of one group counts %+v", got)
	}
	for path, kind := range map[string]core.Kind{
		"/lists/groups/count?filter=name": core.KindInvalid, "/lists/groups/count?by=nothing": core.KindInvalid, "/lists/groups/count?by=created_at": core.KindInvalid,
		"/lists/nothing/count": core.KindNotFound, "/lists/jobs/count": core.KindUnsupported,
	} {
		w.admin.do(t, "GET", path, nil).problem(t, kind)
	}
	one.do(t, "GET", "/lists/audit/count", nil).problem(t, core.KindNotFound)
}

func TestNames(t *testing.T) {
	w := seeded(t)
	got := decode[resource.Page[resource.Group]](t, w.admin.do(t, "GET", "/groups?names=true&filter=name:eq:g1&columns=true", nil).is(t, 200))
	if got.Names[string(got.Items[0].Organisation)] != "Zoë GmbH" {
		t.Errorf("%v", got.Names)
	}
	for _, c := range got.Columns {
		if c.Name == "organisation" && c.Refers != "organisations" {
			t.Errorf("%+v", c)
		}
	}
}

// TestExportWords: a file for people has words where one for programs has code
// words.
func TestExportWords(t *testing.T) {
	w := seeded(t)
	w.person(t, "one", nil, core.Grant{Role: core.RoleCAAdministrator}, core.Grant{Role: core.RoleOperator, Group: w.group})
	q := url.Values{"filter": {"login:eq:one"}, "column": {"login", "role", "state"}}
	group := decode[resource.Group](t, w.admin.do(t, "GET", "/groups/"+string(w.group), nil).is(t, 200)).Name
	rows, err := csv.NewReader(bytes.NewReader(w.admin.do(t, "GET", "/lists/users/export?"+q.Encode(), nil).is(t, 200).body)).ReadAll()
	if err != nil || len(rows) != 2 || strings.Join(rows[1], "|") != "one|ca-administrator, operator|active" {
		t.Errorf("%v %v", rows, err)
	}
	q.Set("format", "xlsx")
	people, err := excelize.OpenReader(bytes.NewReader(w.admin.do(t, "GET", "/lists/users/export?"+q.Encode(), nil).is(t, 200).body))
	must(t, err)
	defer people.Close()
	if cells, err := people.GetRows("Users"); err != nil || len(cells) != 2 || strings.Join(cells[1], "|") != "one|CA administrator, Operator ("+group+")|Active" {
		t.Errorf("%v %v", cells, err)
	}
}

func TestExports(t *testing.T) {
	w := seeded(t)
	q := url.Values{"filter": {"organisation:ne:"}, "sort": {"name"}, "column": {"name", "organisation", "number"}}
	a := w.admin.do(t, "GET", "/lists/groups/export?"+q.Encode(), nil).is(t, 200)
	rows, err := csv.NewReader(bytes.NewReader(a.body)).ReadAll()
	if err != nil || len(rows) != 9 || strings.Join(rows[0], "|") != "Name|Organisation|Number" || rows[1][0] != "'=g4" || rows[3][1] != "Zoë GmbH" {
		t.Errorf("%v %v", rows, err)
	}
	if a.header.Get("Content-Disposition") != `attachment; filename="groups.csv"` {
		t.Error(a.header)
	}
	q.Set("format", "xlsx")
	q.Set("frames", "true")
	a = w.admin.do(t, "GET", "/lists/groups/export?"+q.Encode(), nil).is(t, 200)
	file, steps := unframed(t, a.body)
	if len(steps) < 2 || steps[0].Total != 8 || steps[len(steps)-1].Rows != 8 {
		t.Errorf("%+v", steps)
	}
	book, err := excelize.OpenReader(bytes.NewReader(file))
	must(t, err)
	defer book.Close()
	cells, err := book.GetRows("Groups")
	if err != nil || len(cells) != 9 || cells[1][0] != "=g4" || cells[8][0] != "g7" || cells[8][1] != "Zoë GmbH" {
		t.Errorf("%v %v", cells, err)
	}
	if a := w.admin.do(t, "GET", "/lists/groups/export?format=pdf", nil).is(t, 200); !bytes.HasPrefix(a.body, []byte("%PDF-")) {
		t.Errorf("%.20q", a.body)
	}
	for path, kind := range map[string]core.Kind{
		"/lists/groups/export?column=nothing": core.KindInvalid, "/lists/groups/export?format=doc": core.KindInvalid, "/lists/groups/export?sort=nothing": core.KindInvalid,
		"/lists/credentials/export?column=text": core.KindInvalid, "/lists/nothing/export": core.KindNotFound,
	} {
		w.admin.do(t, "GET", path, nil).problem(t, kind)
	}
	log := decode[resource.Page[resource.Entry]](t, w.admin.do(t, "GET", "/audit?filter=action:eq:list.export", nil).is(t, 200))
	if len(log.Items) != 3 || log.Items[0].Object != "list:groups" {
		t.Errorf("%+v", log.Items)
	}
}

// TestEveryListExports: no list has a column that files cannot hold.
func TestEveryListExports(t *testing.T) {
	w := seeded(t)
	for _, l := range decode[resource.Lists](t, w.admin.do(t, "GET", "/lists", nil).is(t, 200)).Items {
		q := url.Values{}
		for _, c := range l.Columns {
			if c.Field != "" {
				q.Add("column", c.Name)
			}
		}
		for _, f := range []string{"csv", "xlsx", "pdf"} {
			q.Set("format", f)
			w.admin.do(t, "GET", "/lists/"+l.Name+"/export?"+q.Encode(), nil).is(t, 200)
		}
	}
}

// unframed puts the file of an export together.
func unframed(t *testing.T, b []byte) (file []byte, steps []resource.ExportProgress) {
	t.Helper()
	for len(b) >= 5 {
		n := int(binary.BigEndian.Uint32(b[1:5]))
		kind, body := b[0], b[5:5+n]
		b = b[5+n:]
		switch kind {
		case 'r':
			var p resource.ExportProgress
			must(t, json.Unmarshal(body, &p))
			steps = append(steps, p)
		case 'd':
			file = append(file, body...)
		case 'z':
			if len(b) != 0 {
				t.Fatal("something follows the end")
			}
			return file, steps
		default:
			t.Fatalf("frame %q: %s", kind, body)
		}
	}
	t.Fatal("no end")
	return nil, nil
}

func TestViews(t *testing.T) {
	w := newWorld(t)
	aud := w.withRole(t, "auditor")
	n := resource.NewView{List: "certificates", Name: "Soon", Filter: []string{"state:eq:active", "not_after:lt:+30d"}, Sort: "not_after", Columns: []string{"number", "not_after"}}
	mine := decode[resource.View](t, aud.do(t, "POST", "/views", n).is(t, 201))
	if !mine.Own || mine.Version != 1 || len(mine.Filter) != 2 {
		t.Errorf("%+v", mine)
	}
	aud.do(t, "POST", "/views", n).problem(t, core.KindExists)
	w.admin.do(t, "GET", "/views/"+string(mine.ID), nil).problem(t, core.KindNotFound)
	bad := func(change func(*resource.NewView)) {
		t.Helper()
		b := n
		b.Name = "bad"
		change(&b)
		aud.do(t, "POST", "/views", b).problem(t, core.KindInvalid)
	}
	bad(func(v *resource.NewView) { v.List = "nothing" })
	bad(func(v *resource.NewView) { v.Filter = []string{"state:eq:nothing"} })
	bad(func(v *resource.NewView) { v.Sort = "nothing" })
	bad(func(v *resource.NewView) { v.Columns = []string{"nothing"} })
	bad(func(v *resource.NewView) { v.Name = " x" })
	n.Shared = true
	aud.do(t, "POST", "/views", n).problem(t, core.KindForbidden)
	shared := decode[resource.View](t, w.admin.do(t, "POST", "/views", n).is(t, 201))
	got := decode[resource.Page[resource.View]](t, aud.do(t, "GET", "/views?filter=list:eq:certificates", nil).is(t, 200))
	if len(got.Items) != 2 {
		t.Errorf("%+v", got.Items)
	}
	if got := decode[resource.Page[resource.View]](t, w.admin.do(t, "GET", "/views", nil).is(t, 200)); len(got.Items) != 1 {
		t.Errorf("the administrator sees %+v", got.Items)
	}
	up := resource.ViewUpdate{Version: 1, Name: "Sooner"}
	aud.do(t, "PUT", "/views/"+string(shared.ID), up).problem(t, core.KindForbidden)
	aud.do(t, "DELETE", "/views/"+string(shared.ID), nil).problem(t, core.KindForbidden)
	if v := decode[resource.View](t, aud.do(t, "PUT", "/views/"+string(mine.ID), up).is(t, 200)); v.Version != 2 || v.Name != "Sooner" || len(v.Filter) != 0 {
		t.Errorf("%+v", v)
	}
	aud.do(t, "PUT", "/views/"+string(mine.ID), up).problem(t, core.KindConflict)
	aud.do(t, "DELETE", "/views/"+string(mine.ID), nil).is(t, 204)
	w.admin.do(t, "DELETE", "/views/"+string(shared.ID), nil).is(t, 204)
	aud.do(t, "GET", "/views/"+string(mine.ID), nil).problem(t, core.KindNotFound)
}
