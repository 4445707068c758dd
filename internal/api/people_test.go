package api_test

import (
	"testing"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

const unknownID = "0198c0de-0000-7000-8000-000000000000"

func TestAccount(t *testing.T) {
	w := newWorld(t)
	if a := decode[resource.Account](t, w.admin.do(t, "PATCH", "/account", resource.AccountUpdate{Name: "Example Ltd"}).is(t, 200)); a.Name != "Example Ltd" {
		t.Errorf("%+v", a)
	}
	w.admin.do(t, "PATCH", "/account", resource.AccountUpdate{Name: " x "}).is(t, 400).problem(t, core.KindInvalid)
	w.withRole(t, "operator").do(t, "PATCH", "/account", resource.AccountUpdate{Name: "mine"}).is(t, 403)
	if a := decode[resource.Account](t, w.withRole(t, "operator").do(t, "GET", "/account", nil).is(t, 200)); a.Name != "Example Ltd" {
		t.Errorf("%+v", a)
	}
}

func TestOrganisations(t *testing.T) {
	w := newWorld(t)
	c := w.admin
	o := decode[resource.Organisation](t, c.do(t, "POST", "/organisations", resource.OrganisationFields{Name: "Sub", Country: "DE", Email: "a@sub.example"}).is(t, 201))
	c.do(t, "POST", "/organisations", resource.OrganisationFields{Name: "Sub"}).is(t, 409).problem(t, core.KindExists)
	if p := c.do(t, "POST", "/organisations", resource.OrganisationFields{Name: "X", Country: "de"}).is(t, 400).problem(t, core.KindInvalid); p.Field != "country" {
		t.Errorf("%+v", p)
	}
	at := "/organisations/" + string(o.ID)
	if got := decode[resource.Organisation](t, c.do(t, "PUT", at, resource.OrganisationFields{Name: "Sub 2"}).is(t, 200)); got.Name != "Sub 2" || got.Country != "" {
		t.Errorf("%+v", got)
	}
	if got := decode[resource.Organisation](t, c.do(t, "GET", at, nil).is(t, 200)); got.Name != "Sub 2" || got.ID != o.ID {
		t.Errorf("%+v", got)
	}
	page := decode[resource.Page[resource.Organisation]](t, c.do(t, "GET", "/organisations?filter=name:eq:sub%202", nil).is(t, 200))
	if len(page.Items) != 1 {
		t.Errorf("%+v", page)
	}
	w.withRole(t, "auditor").do(t, "DELETE", at, nil).is(t, 403)
	c.do(t, "DELETE", at, nil).is(t, 204)
	c.do(t, "GET", at, nil).is(t, 404).problem(t, core.KindNotFound)
	c.do(t, "GET", "/organisations/../x", nil).is(t, 404)
	c.do(t, "GET", "/organisations/x'--", nil).is(t, 404).problem(t, core.KindNotFound)
	c.do(t, "DELETE", "/organisations/"+string(w.First.Organisation.ID), nil).is(t, 409)
}

func TestGroups(t *testing.T) {
	w := newWorld(t)
	c := w.admin
	g := w.newGroup(t, "web")
	u := w.person(t, "op", nil, core.Grant{Role: core.RoleOperator, Group: g})
	at := "/groups/" + string(g)
	c.do(t, "POST", "/groups", resource.GroupFields{Name: "web"}).is(t, 409).problem(t, core.KindExists)
	c.do(t, "POST", "/groups", resource.GroupFields{Name: "x", Organisation: unknownID}).is(t, 400)
	if got := decode[resource.Group](t, c.do(t, "PUT", at, resource.GroupFields{Name: "web servers", Email: "web@example.com"}).is(t, 200)); got.Email != "web@example.com" {
		t.Errorf("%+v", got)
	}
	c.do(t, "PUT", at+"/members/"+string(u.id), nil).is(t, 204)
	c.do(t, "PUT", at+"/members/"+unknownID, nil).is(t, 404)
	members := decode[resource.Page[resource.User]](t, c.do(t, "GET", at+"/members?sort=-login&columns=true", nil).is(t, 200))
	if len(members.Items) != 1 || members.Items[0].Login != "op" || len(members.Columns) == 0 {
		t.Errorf("%+v", members)
	}
	// The operator of one group sees that group only.
	page := decode[resource.Page[resource.Group]](t, u.do(t, "GET", "/groups", nil).is(t, 200))
	if len(page.Items) != 1 || page.Items[0].ID != g {
		t.Errorf("%+v", page)
	}
	u.do(t, "GET", "/groups/"+string(w.group), nil).is(t, 404)
	u.do(t, "GET", "/groups/"+string(w.group)+"/members", nil).is(t, 404)
	u.do(t, "PUT", at, resource.GroupFields{Name: "mine"}).is(t, 403)
	c.do(t, "DELETE", at+"/members/"+string(u.id), nil).is(t, 204)
	c.do(t, "DELETE", at, nil).is(t, 204)
	c.do(t, "DELETE", at, nil).is(t, 404)
}

func TestUsers(t *testing.T) {
	w := newWorld(t)
	c := w.admin
	u := w.person(t, "ann", []core.GroupID{w.group}, core.Grant{Role: core.RoleRequester, Group: w.group})
	at := "/users/" + string(u.id)
	c.do(t, "POST", "/users", resource.NewUser{Login: "ANN", Name: "Ann"}).is(t, 409).problem(t, core.KindExists)
	c.do(t, "POST", "/users", resource.NewUser{Login: "a b", Name: "Ann"}).is(t, 400)
	c.do(t, "POST", "/users", resource.NewUser{Login: "bob", Name: "Bob", Grants: []core.Grant{{Role: "king"}}}).is(t, 400)
	c.do(t, "POST", "/users", `{"login":"bob","name":"Bob","grants":[{"role":"operator","scope":"x"}]}`).is(t, 400)
	silent := decode[resource.IssuedPassword](t, c.do(t, "POST", "/users", resource.NewUser{Login: "robot", Name: "Robot", NoSignIn: true}).is(t, 201))
	if silent.Password != "" || silent.User.MustChange {
		t.Errorf("%+v", silent)
	}
	name := "Ann Example"
	if got := decode[resource.User](t, c.do(t, "PATCH", at, resource.UserChange{Name: &name}).is(t, 200)); got.Name != name || len(got.Grants) != 1 {
		t.Errorf("%+v", got)
	}
	// A requester reads no users, not even with an id.
	u.do(t, "GET", "/users", nil).is(t, 403)
	u.do(t, "PATCH", at, `{"grants":[{"role":"administrator"}]}`).is(t, 403)

	grants := []core.Grant{{Role: core.RoleAuditor}}
	c.do(t, "PATCH", at, resource.UserChange{Grants: &grants}).is(t, 200)
	u.do(t, "GET", "/users", nil).is(t, 200)

	token := u.withToken(t)
	c.do(t, "POST", at+"/disable", nil).is(t, 200)
	u.do(t, "GET", "/session", nil).is(t, 401)
	token.do(t, "GET", "/session", nil).is(t, 401)
	c.do(t, "POST", at+"/enable", nil).is(t, 200)
	token.do(t, "GET", "/session", nil).is(t, 200)

	reset := decode[resource.IssuedPassword](t, c.do(t, "POST", at+"/password", nil).is(t, 200))
	if reset.Password == "" || !reset.User.MustChange {
		t.Errorf("%+v", reset)
	}
	w.signIn(t, "ann", reset.Password)
	c.do(t, "DELETE", at, nil).is(t, 409).problem(t, core.KindConflict)
	c.do(t, "POST", at+"/disable", nil).is(t, 200)
	c.do(t, "DELETE", at, nil).is(t, 204)
	c.do(t, "GET", at, nil).is(t, 404)

	me := "/users/" + string(w.First.User.ID)
	c.do(t, "POST", me+"/disable", nil).is(t, 409).problem(t, core.KindConflict)
	if roles := decode[resource.Roles](t, u2(t, w).do(t, "GET", "/roles", nil).is(t, 200)); len(roles.Items) < 30 {
		t.Errorf("%+v", roles)
	}
}

func u2(t *testing.T, w *world) *caller { return w.withRole(t, "requester") }
