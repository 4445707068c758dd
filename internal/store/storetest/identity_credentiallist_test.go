package storetest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// five makes credentials list-0 to list-4: 1 belongs to group g, 2 expires
// after a minute, which has passed, 3 is revoked, 4 is an ACME credential.
func (w *world) five(t *testing.T) (g *core.Group) {
	t.Helper()
	ctx := t.Context()
	g, err := w.CreateGroup(ctx, w.Admin, identity.GroupData{Name: "plant"})
	if err == nil {
		err = w.AddMember(ctx, w.Admin, g.ID, w.First.User.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		n := w.draft(fmt.Sprintf("list-%d", i))
		n.Tags = []string{fmt.Sprintf("t%d", i%2), "all"}
		switch i {
		case 1:
			n.Group = g.ID
		case 2:
			n.ExpiresAt = w.Clock.Now().Add(time.Minute)
		case 4:
			n.Type, n.Description = core.CredentialACME, "Reverse proxies"
		}
		_, c := w.make(t, n)
		if i == 3 {
			if _, err := w.RevokeCredential(ctx, w.Admin, c.ID, ""); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.Clock.Advance(time.Minute)
	return g
}

// labels walks all pages of a list, two rows each, and writes the numbers of
// the labels.
func (w *world) labels(t *testing.T, p *core.Principal, f core.Filter) string {
	t.Helper()
	out := ""
	q := core.ListQuery{Filter: f, Limit: 2, Sort: core.Sort{Column: "label"}}
	for {
		page, err := w.Credentials(t.Context(), p, q)
		if err != nil {
			t.Fatalf("%v: %v", f, err)
		}
		for _, c := range page.Items {
			out += strings.TrimPrefix(c.Label, "list-")
			if c.SecretHash != nil || c.SecretSealed != nil {
				t.Error("a list shows secrets")
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return out
		}
	}
}

// eq is a filter of one row.
func eq(col string, v ...string) core.Filter {
	return core.Filter{{Column: col, Op: core.OpEquals, Values: v}}
}

// TestCredentialFilters: every column of the filter.
func TestCredentialFilters(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		g := w.five(t)
		for _, tc := range []struct {
			f    core.Filter
			want string
		}{
			{nil, "01234"}, {eq("type", "est"), "0123"}, {eq("type", "acme"), "4"}, {eq("auth", "access-key"), "4"},
			{eq("status", "active"), "014"}, {eq("status", "revoked"), "3"}, {eq("status", "expired"), "2"},
			{eq("tags", "t1"), "13"}, {eq("tags", "t"), ""}, {eq("product", string(w.product.ID)), "01234"}, {eq("product", "x"), ""},
			{eq("user", string(w.First.User.ID)), "01234"}, {eq("user_login", "ADMIN"), "01234"}, {eq("group", string(g.ID)), "1"}, {eq("group_name", "plant"), "1"},
			{core.Filter{{Column: "text", Op: core.OpContains, Values: []string{"reverse"}}}, "4"},
			{core.Filter{{Column: "label", Op: core.OpStartsWith, Values: []string{"LIST-"}}, {Column: "type", Op: core.OpNotEquals, Values: []string{"est"}}}, "4"},
			{core.Filter{{Column: "expires_at", Op: core.OpLessEq, Values: []string{"now"}}}, "2"},
			{core.Filter{{Column: "expires_at", Op: core.OpEmpty}}, "0134"}, {eq("default", "true"), ""},
		} {
			if got := w.labels(t, w.Admin, tc.f); got != tc.want {
				t.Errorf("%v: %s, want %s", tc.f, got, tc.want)
			}
		}
		_, err := w.Credentials(t.Context(), w.Admin, core.ListQuery{Filter: eq("type", "gopher")})
		wantKind(t, err, core.KindInvalid, "unknown type")
	})
}

// TestCredentialSorts: every sortable column sorts and pages.
func TestCredentialSorts(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		w.five(t)
		for _, col := range w.CredentialColumns() {
			if !col.Sortable {
				continue
			}
			q := core.ListQuery{Sort: core.Sort{Column: col.Name, Desc: true}, Limit: 3}
			page, err := w.Credentials(t.Context(), w.Admin, q)
			if err != nil {
				t.Errorf("sort by %s: %v", col.Name, err)
				continue
			}
			q.Cursor = page.Next
			rest, err := w.Credentials(t.Context(), w.Admin, q)
			if err != nil || len(page.Items) != 3 || len(rest.Items) != 2 {
				t.Errorf("sort by %s: %d and %d rows, %v", col.Name, len(page.Items), len(rest.Items), err)
			}
		}
	})
}

// TestCredentialGroups: a group's operator neither sees nor touches what
// belongs to others, and can neither declare names proven nor take the bare
// path.
func TestCredentialGroups(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		g := w.five(t)
		opr := w.Person(t, "operator", nil, core.Grant{Role: core.RoleOperator, Group: g.ID})
		if got := w.labels(t, opr, nil); got != "1" {
			t.Errorf("the group's operator sees %q", got)
		}
		if got := w.labels(t, w.Person(t, "asker", nil, core.Grant{Role: core.RoleRequester}), nil); got != "" {
			t.Errorf("a requester sees %q", got)
		}
		all, err := w.Credentials(ctx, w.Admin, core.ListQuery{Filter: eq("label", "list-0")})
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.RevokeCredential(ctx, opr, all.Items[0].ID, "")
		wantKind(t, err, core.KindNotFound, "revoke a foreign group's")
		_, err = w.CreateCredential(ctx, opr, w.draft("mine"))
		wantKind(t, err, core.KindForbidden, "create for a foreign group")
		n := w.draft("mine")
		n.Group, n.ProvenNames = g.ID, []string{"a.example"}
		_, err = w.CreateCredential(ctx, opr, n)
		wantKind(t, err, core.KindForbidden, "declare names proven")
		n.ProvenNames, n.Default = nil, true
		_, err = w.CreateCredential(ctx, opr, n)
		wantKind(t, err, core.KindForbidden, "take the bare path")
		n.Default = false
		if _, err = w.CreateCredential(ctx, opr, n); err != nil {
			t.Error(err)
		}
	})
}
