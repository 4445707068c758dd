package api

import (
	"reflect"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/api/client"
	"github.com/certwright/certwright/internal/core"
)

func TestParseCond(t *testing.T) {
	for in, want := range map[string]core.Cond{
		"state:eq:active":                {Column: "state", Op: "eq", Values: []string{"active"}},
		"subject:contains:CN=a, O=b":     {Column: "subject", Op: "contains", Values: []string{"CN=a, O=b"}},
		"names:eq:dns:a.example":         {Column: "names", Op: "eq", Values: []string{"dns:a.example"}},
		"names:in:a,b":                   {Column: "names", Op: "in", Values: []string{"a", "b"}},
		`names:in:a\,b,c`:                {Column: "names", Op: "in", Values: []string{"a,b", "c"}},
		"names:in:a%2Cb,c%2c":            {Column: "names", Op: "in", Values: []string{"a,b", "c,"}},
		`names:in:a%25%5C,\\`:            {Column: "names", Op: "in", Values: []string{`a%\`, `\`}},
		"names:contains:100%":            {Column: "names", Op: "contains", Values: []string{"100%"}},
		"names:contains:%41":             {Column: "names", Op: "contains", Values: []string{"%41"}},
		"not_after:between:now,+30d":     {Column: "not_after", Op: "between", Values: []string{"now", "+30d"}},
		"revoked_at:empty":               {Column: "revoked_at", Op: "empty"},
		"names:eq:":                      {Column: "names", Op: "eq", Values: []string{""}},
		"created_at:gt:2026-01-01T00:00": {Column: "created_at", Op: "gt", Values: []string{"2026-01-01T00:00"}},
	} {
		if got, err := parseCond(in); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v %v, want %+v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "state", ":eq:x", `a:in:b\`, "a:eq:" + strings.Repeat("x", maxValue)} {
		if _, err := parseCond(in); !core.Is(err, core.KindInvalid) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

// FuzzCond: what the client writes the server reads, and nothing makes it panic.
func FuzzCond(f *testing.F) {
	f.Add("names", "in", `a,b`, `\%2C`)
	f.Add("x", "eq", "", "")
	f.Fuzz(func(t *testing.T, column, op, a, b string) {
		_, _ = parseCond(column + ":" + op + ":" + a + "," + b)
		if column == "" || strings.ContainsRune(column, ':') || len(column)+2*len(a)+2*len(b) > maxValue-20 {
			return
		}
		for _, want := range []core.Cond{
			{Column: column, Op: core.OpIn, Values: []string{a, b}},
			{Column: column, Op: core.OpEquals, Values: []string{a}},
			{Column: column, Op: core.OpEmpty},
		} {
			if got, err := parseCond(client.FormatCond(want)); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%+v became %+v %v", want, got, err)
			}
		}
	})
}

func TestParseNames(t *testing.T) {
	n, err := parseNames([]string{"dns:a.example", "b.example", "*.c.example", "192.0.2.1", "ip:2001:db8::1", "::ffff:192.0.2.2", "2001:db8::2", "a@b.example", "urn:x:y", "https://x.example/:80", "upn:u@corp.example"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"dns:a.example", "dns:b.example", "dns:*.c.example", "ip:192.0.2.1", "ip:2001:db8::1", "ip:192.0.2.2", "ip:2001:db8::2",
		"email:a@b.example", "uri:urn:x:y", "uri:https://x.example/:80", "upn:u@corp.example"}
	if got := n.Strings(); !reflect.DeepEqual(got, want) {
		t.Errorf("%q", got)
	}
	for _, bad := range []string{"", "dns:", "ip:x", "ip:fe80::1%eth0"} {
		if _, err := parseNames([]string{bad}); !core.Is(err, core.KindInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestParseReason(t *testing.T) {
	for in, want := range map[string]int{"keyCompromise": 1, "KEYCOMPROMISE": 1, "0": 0, "9": 9, "superseded": 4} {
		if got, err := parseReason(in); err != nil || got != want {
			t.Errorf("%s: %d %v", in, got, err)
		}
	}
	for _, bad := range []string{"7", "-1", "300", "256", "reason 7", "because", " 1"} {
		if _, err := parseReason(bad); !core.Is(err, core.KindInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestNumber(t *testing.T) {
	if n, bad := number("1000001"); bad || n != 1000001 {
		t.Error(n, bad)
	}
	for _, s := range []string{"", "0", "-1", "+1", "01", "1.0", "99999999999999999999", "x"} {
		if _, bad := number(s); !bad {
			t.Errorf("%q is a number", s)
		}
	}
}

func TestAttachmentHoldsOnlyHarmlessCharacters(t *testing.T) {
	for in, want := range map[string]string{
		"a.example.pem": `attachment; filename="a.example.pem"`, "*.a\r\nX: y.cer": `attachment; filename="_.aXy.cer"`,
		`"; x="../../etc`: `attachment; filename="x....etc"`, "..": `attachment; filename=""`,
	} {
		if got := attachment(in); got != want {
			t.Errorf("%q: %s", in, got)
		}
	}
}

func TestGroupRestrictionCannotBeWidened(t *testing.T) {
	p := &core.Principal{Account: "a", User: "u", Grants: []core.Grant{{Role: core.RoleOperator, Group: "g1"}, {Role: core.RoleOperator, Group: "g2"}}}
	for _, c := range []struct {
		filter core.Filter
		want   []string
	}{
		{nil, []string{"g1", "g2"}},
		{core.Filter{{Column: "group", Op: core.OpEquals, Values: []string{"g2"}}}, []string{"g2"}},
		{core.Filter{{Column: "group", Op: core.OpIn, Values: []string{"g2", "g3"}}}, []string{"g2"}},
		{core.Filter{{Column: "group", Op: core.OpEquals, Values: []string{"g3"}}}, []string{"none"}},
		{core.Filter{{Column: "group", Op: core.OpNotEquals, Values: []string{"g1"}}}, []string{"g1", "g2"}},
	} {
		q, err := within(p, "order.view", core.ListQuery{Account: "other", Filter: c.filter})
		if err != nil || q.Account != "a" {
			t.Fatal(q, err)
		}
		last := q.Filter[len(q.Filter)-1]
		if last.Column != "group" || last.Op != core.OpIn || !reflect.DeepEqual(last.Values, c.want) || len(q.Filter) != len(c.filter)+1 {
			t.Errorf("%v: %v", c.filter, q.Filter)
		}
	}
	if _, err := within(&core.Principal{Account: "a"}, "order.view", core.ListQuery{}); !core.Is(err, core.KindForbidden) {
		t.Error(err)
	}
	many := &core.Principal{Account: "a"}
	for i := range 150 {
		many.Grants = append(many.Grants, core.Grant{Role: core.RoleOperator, Group: core.GroupID("g" + string(rune('A'+i)))})
	}
	if _, err := within(many, "order.view", core.ListQuery{}); !core.Is(err, core.KindInvalid) {
		t.Error(err)
	}
	if _, err := within(many, "order.view", core.ListQuery{Filter: core.Filter{{Column: "group", Op: core.OpEquals, Values: []string{"gB"}}}}); err != nil {
		t.Error(err)
	}
}
