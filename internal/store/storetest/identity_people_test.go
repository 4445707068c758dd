package storetest_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/identity/identitytest"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/store/storetest"
)

// together makes replicas look for an account at the same time: nobody gets the
// first answer before everybody has asked.
type together struct {
	*store.DB
	asked *sync.WaitGroup
	once  sync.Once
}

func (s *together) AccountByNumber(ctx context.Context, n int64) (*core.Account, error) {
	a, err := s.DB.AccountByNumber(ctx, n)
	s.once.Do(func() { s.asked.Done(); s.asked.Wait() })
	return a, err
}

// TestBootstrapTwice: of replicas that start at once one makes the account and
// knows the password; all find the same rows.
func TestBootstrapTwice(t *testing.T) {
	clock := identitytest.NewClock()
	storetest.EnginesAt(t, clock.Now, func(t *testing.T, db *store.DB) {
		const n = 6
		log := &identitytest.Log{}
		got, errs := make([]*identity.First, n), make([]error, n)
		var wg, asked sync.WaitGroup
		asked.Add(n)
		for i := range n {
			svc := identitytest.Service(t, &together{DB: db, asked: &asked}, clock, log)
			wg.Go(func() { got[i], errs[i] = svc.Bootstrap(t.Context(), "Example") })
		}
		wg.Wait()
		made := 0
		for i, f := range got {
			if errs[i] != nil {
				t.Fatal(errs[i])
			}
			if f.Password != "" {
				made++
			}
			if f.Account.ID != got[0].Account.ID || f.User.ID != got[0].User.ID || f.Group.ID != got[0].Group.ID || f.Organisation.ID != got[0].Organisation.ID {
				t.Errorf("replica %d found %+v", i, f)
			}
		}
		if made != 1 || got[0].Account.Number != 1000001 || len(log.Events("account.create")) != 1 {
			t.Errorf("%d made the account, number %d", made, got[0].Account.Number)
		}
		u := got[0].User
		if u.Login != "admin" || u.Number != 1 || !u.MustChange || u.PasswordHash != "" || !slices.Equal(u.Groups, []core.GroupID{got[0].Group.ID}) || got[0].Group.Name != "default" {
			t.Errorf("%+v", u)
		}
		accounts, err := db.Accounts(t.Context())
		if err != nil || len(accounts) != 1 {
			t.Errorf("%+v, %v", accounts, err)
		}
	})
}

// TestNumbers: numbers of one kind are given once each, without gaps when
// nothing fails, per account and kind.
func TestNumbers(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, db *store.DB) {
		const n = 50
		var mu sync.Mutex
		var got []int64
		var wg sync.WaitGroup
		for range n {
			wg.Go(func() {
				err := db.InTx(t.Context(), func(ctx ctxT, tx core.Tx) error {
					v, err := db.NextNumber(ctx, tx, "a", "user", 7)
					tx.OnCommit(func() { mu.Lock(); got = append(got, v); mu.Unlock() })
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		slices.Sort(got)
		for i, v := range got {
			if v != int64(7+i) {
				t.Fatalf("numbers %v", got)
			}
		}
	})
}

func TestOrganisations(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		o, err := w.CreateOrganisation(ctx, w.Admin, identity.OrganisationData{Name: "Works", Country: "DE", Locality: "Köln", Email: "pki@works.example"})
		if err != nil || o.Number != 2 {
			t.Fatalf("%+v, %v", o, err)
		}
		for field, d := range map[string]identity.OrganisationData{
			"name": {Name: " x"}, "country": {Name: "x", Country: "de"}, "email": {Name: "x", Email: "Bob <b@x.example>"}, "locality": {Name: "x", Locality: "a\nb"},
		} {
			_, err := w.CreateOrganisation(ctx, w.Admin, d)
			wantField(t, err, core.KindInvalid, field, field)
		}
		_, err = w.CreateOrganisation(ctx, w.Admin, identity.OrganisationData{Name: "Works"})
		wantField(t, err, core.KindExists, "name", "same name")
		o2, err := w.UpdateOrganisation(ctx, w.Admin, o.ID, identity.OrganisationData{Name: "Works & Co"})
		if err != nil || o2.Number != 2 || o2.Country != "" {
			t.Errorf("%+v, %v", o2, err)
		}
		if _, err := w.CreateGroup(ctx, w.Admin, identity.GroupData{Name: "plant", Organisation: o.ID}); err != nil {
			t.Fatal(err)
		}
		wantKind(t, w.DeleteOrganisation(ctx, w.Admin, o.ID), core.KindConflict, "organisation with a group")
		page, err := w.Organisations(ctx, w.Admin, core.ListQuery{Sort: core.Sort{Column: "name"}, Filter: core.Filter{{Column: "name", Op: core.OpContains, Values: []string{"WORKS"}}}})
		if err != nil || len(page.Items) != 1 {
			t.Errorf("%+v, %v", page, err)
		}
	})
}

// plant makes a group with an organisation of its own.
func (w *world) plant(t *testing.T) *core.Group {
	t.Helper()
	o, err := w.CreateOrganisation(t.Context(), w.Admin, identity.OrganisationData{Name: "Plant"})
	if err != nil {
		t.Fatal(err)
	}
	g, err := w.CreateGroup(t.Context(), w.Admin, identity.GroupData{Name: "plant", Organisation: o.ID, Email: "plant@works.example"})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestGroups(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.plant(t)
		_, err := w.CreateGroup(ctx, w.Admin, identity.GroupData{Name: "plant"})
		wantField(t, err, core.KindExists, "name", "group name")
		_, err = w.CreateGroup(ctx, w.Admin, identity.GroupData{Name: "x", Organisation: "x"})
		wantField(t, err, core.KindInvalid, "organisation", "unknown organisation")
	})
}

// TestGroupAdministrator: somebody who administers one group manages its
// members and sees nothing else.
func TestGroupAdministrator(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		g := w.plant(t)
		lead := w.Person(t, "lead", nil, core.Grant{Role: core.RoleAdministrator, Group: g.ID})
		u, _, err := w.CreateUser(ctx, w.Admin, identity.NewUser{Login: "worker"})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // a second time changes nothing and is no error
			if err := w.AddMember(ctx, lead, g.ID, u.ID); err != nil {
				t.Fatal(err)
			}
		}
		if e := w.Log.Events("group.add-member"); len(e) != 1 {
			t.Errorf("%d events", len(e))
		}
		if m, err := w.Members(ctx, lead, g.ID, core.ListQuery{}); err != nil || len(m.Items) != 1 || m.Items[0].ID != u.ID || !slices.Equal(m.Items[0].Groups, []core.GroupID{g.ID}) {
			t.Errorf("members %+v, %v", m, err)
		}
		wantKind(t, w.AddMember(ctx, lead, w.First.Group.ID, u.ID), core.KindNotFound, "another group")
		_, err = w.CreateGroup(ctx, lead, identity.GroupData{Name: "new"})
		wantKind(t, err, core.KindForbidden, "a group's administrator makes a group")
		if page, err := w.Groups(ctx, lead, core.ListQuery{}); err != nil || len(page.Items) != 1 || page.Items[0].ID != g.ID {
			t.Errorf("groups %+v, %v", page, err)
		}
		if page, err := w.Users(ctx, lead, core.ListQuery{}); err != nil || len(page.Items) != 1 || page.Items[0].Login != "worker" {
			t.Errorf("users %+v, %v", page, err)
		}
		_, err = w.User(ctx, lead, w.First.User.ID)
		wantKind(t, err, core.KindNotFound, "user of another group")
		if me, err := w.User(ctx, lead, lead.User); err != nil || me.Login != "lead" {
			t.Errorf("oneself: %+v, %v", me, err)
		}
	})
}

// TestDeleteGroup: not while it owns something; else with its memberships and
// the grants for it.
func TestDeleteGroup(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		g := w.plant(t)
		lead := w.Person(t, "lead", []core.GroupID{g.ID}, core.Grant{Role: core.RoleAdministrator, Group: g.ID})
		n := w.draft("plant")
		n.Group, n.User = g.ID, lead.User
		got, _ := w.make(t, n)
		if got.Credential.Organisation != g.Organisation {
			t.Error("the credential is not the group's organisation's")
		}
		wantKind(t, w.DeleteGroup(ctx, w.Admin, g.ID), core.KindConflict, "group with a credential")
		empty, err := w.CreateGroup(ctx, w.Admin, identity.GroupData{Name: "empty"})
		if err != nil {
			t.Fatal(err)
		}
		p := w.Person(t, "temp", []core.GroupID{empty.ID}, core.Grant{Role: core.RoleOperator, Group: empty.ID}, core.Grant{Role: core.RoleAuditor})
		wantKind(t, w.DeleteGroup(ctx, lead, empty.ID), core.KindNotFound, "by another group's administrator")
		if err := w.DeleteGroup(ctx, w.Admin, empty.ID); err != nil {
			t.Fatal(err)
		}
		if u, err := w.User(ctx, w.Admin, p.User); err != nil || len(u.Groups) != 0 || !slices.Equal(u.Grants, []core.Grant{{Role: core.RoleAuditor}}) {
			t.Errorf("after the group is gone: %+v, %v", u, err)
		}
	})
}

func TestUsers(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		for field, n := range map[string]identity.NewUser{
			"login": {Login: "a b"}, "email": {Login: "a", Email: "a@b@c"}, "grants": {Login: "a", Grants: []core.Grant{{Role: "king"}}},
			"groups": {Login: "a", Groups: []core.GroupID{"x"}}, "name": {Login: "a", Name: "a\x00"},
		} {
			_, _, err := w.CreateUser(ctx, w.Admin, n)
			wantField(t, err, core.KindInvalid, field, field)
		}
		_, _, err := w.CreateUser(ctx, w.Admin, identity.NewUser{Login: "a", Grants: []core.Grant{{Role: core.RoleOperator, Group: "x"}}})
		wantField(t, err, core.KindInvalid, "grants", "grant for an unknown group")
		_, _, err = w.CreateUser(ctx, w.Admin, identity.NewUser{Login: "ADMIN"})
		wantField(t, err, core.KindExists, "login", "login taken")
		u, password, err := w.CreateUser(ctx, w.Admin, identity.NewUser{Login: "robot", Groups: []core.GroupID{w.First.Group.ID, w.First.Group.ID}, Grants: []core.Grant{{Role: core.RoleRequester}, {Role: core.RoleRequester}}})
		if err != nil || password != "" || u.Number != 2 || len(u.Groups) != 1 || len(u.Grants) != 1 {
			t.Fatalf("%+v, %v", u, err)
		}
		_, err = w.SignIn(ctx, identity.SignIn{Login: "robot", Password: ""})
		wantKind(t, err, core.KindUnauthenticated, "user without password")
		opr := w.Person(t, "opr", nil, core.Grant{Role: core.RoleOperator})
		_, _, err = w.CreateUser(ctx, opr, identity.NewUser{Login: "b"})
		wantKind(t, err, core.KindForbidden, "by an operator")
	})
}

// robot makes a user who cannot sign in.
func (w *world) robot(t *testing.T) *core.User {
	t.Helper()
	u, _, err := w.CreateUser(t.Context(), w.Admin, identity.NewUser{Login: "robot", Groups: []core.GroupID{w.First.Group.ID}, Grants: []core.Grant{{Role: core.RoleRequester}}})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestUserList(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.robot(t)
		opr := w.Person(t, "opr", nil, core.Grant{Role: core.RoleOperator})
		list := func(f ...core.Cond) (out []string) {
			t.Helper()
			page, err := w.Users(ctx, w.Admin, core.ListQuery{Filter: f, Sort: core.Sort{Column: "login"}})
			if err != nil {
				t.Fatalf("%v: %v", f, err)
			}
			for _, u := range page.Items {
				out = append(out, u.Login)
				if u.PasswordHash != "" {
					t.Error("a list shows password hashes")
				}
			}
			return out
		}
		off := core.UserDisabled
		if _, err := w.UpdateUser(ctx, w.Admin, opr.User, identity.UserChange{State: &off}); err != nil {
			t.Fatal(err)
		}
		for _, tc := range []struct {
			cond core.Cond
			want string
		}{
			{core.Cond{Column: "role", Op: core.OpEquals, Values: []string{"requester"}}, "[robot]"},
			{core.Cond{Column: "group", Op: core.OpEquals, Values: []string{string(w.First.Group.ID)}}, "[admin robot]"},
			{core.Cond{Column: "state", Op: core.OpEquals, Values: []string{"disabled"}}, "[opr]"},
			{core.Cond{Column: "locked", Op: core.OpEquals, Values: []string{"false"}}, "[admin opr robot]"},
			{core.Cond{Column: "must_change", Op: core.OpEquals, Values: []string{"true"}}, "[]"},
			{core.Cond{Column: "last_sign_in", Op: core.OpEmpty}, "[robot]"},
		} {
			if got := fmt.Sprint(list(tc.cond)); got != tc.want {
				t.Errorf("%v: %s, want %s", tc.cond, got, tc.want)
			}
		}
	})
}

// TestUserEnds: who can be disabled, demoted and deleted.
func TestUserEnds(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		u := w.robot(t)
		opr := w.Person(t, "opr", nil, core.Grant{Role: core.RoleOperator})
		off := core.UserDisabled
		_, err := w.UpdateUser(ctx, w.Admin, w.First.User.ID, identity.UserChange{State: &off})
		wantKind(t, err, core.KindConflict, "disable the last administrator")
		none := []core.Grant{{Role: core.RoleAdministrator, Group: w.First.Group.ID}}
		_, err = w.UpdateUser(ctx, w.Admin, w.First.User.ID, identity.UserChange{Grants: &none})
		wantKind(t, err, core.KindConflict, "demote the last administrator to a group")

		n := w.draft("robot")
		n.User = u.ID
		w.make(t, n)
		wantKind(t, w.DeleteUser(ctx, w.Admin, u.ID), core.KindConflict, "delete an active user")
		if _, err := w.UpdateUser(ctx, w.Admin, u.ID, identity.UserChange{State: &off}); err != nil {
			t.Fatal(err)
		}
		wantKind(t, w.DeleteUser(ctx, w.Admin, u.ID), core.KindConflict, "delete a user with credentials")
		if _, err := w.UpdateUser(ctx, w.Admin, opr.User, identity.UserChange{State: &off}); err != nil {
			t.Fatal(err)
		}
		if err := w.DeleteUser(ctx, w.Admin, opr.User); err != nil {
			t.Error(err)
		}
		_, err = w.User(ctx, w.Admin, opr.User)
		wantKind(t, err, core.KindNotFound, "deleted")
	})
}

// TestLastAdministratorAtOnce: two administrators who demote each other at the
// same time leave one.
func TestLastAdministratorAtOnce(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		host := identity.Host(w.First.Account.ID, "host")
		for round := range 5 {
			u, _, err := w.CreateUser(ctx, host, identity.NewUser{Login: fmt.Sprintf("boss%d", round), Grants: []core.Grant{{Role: core.RoleAdministrator}}})
			if err != nil {
				t.Fatal(err)
			}
			off, on := core.UserDisabled, core.UserActive
			var wg sync.WaitGroup
			errs := make([]error, 2)
			for i, id := range []core.UserID{u.ID, w.First.User.ID} {
				wg.Go(func() { _, errs[i] = w.UpdateUser(ctx, host, id, identity.UserChange{State: &off}) })
			}
			wg.Wait()
			if (errs[0] == nil) == (errs[1] == nil) {
				t.Fatalf("round %d: %v, %v", round, errs[0], errs[1])
			}
			if _, err := w.UpdateUser(ctx, host, w.First.User.ID, identity.UserChange{State: &on}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.UpdateUser(ctx, host, u.ID, identity.UserChange{State: &off}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestPeopleTenants: nothing of another account can be read or changed.
func TestPeopleTenants(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, err := w.CreateAccount(ctx, w.Admin, identity.NewAccount{Name: "Mine"})
		wantKind(t, err, core.KindForbidden, "account by an administrator")
		f, err := w.CreateAccount(ctx, identity.Host("", "host"), identity.NewAccount{Name: "Other", Login: "boss"})
		if err != nil {
			t.Fatal(err)
		}
		p := w.SignInFirst(t, identity.SignIn{Account: f.Account.Number, Login: "boss", Password: f.Password.Reveal()}, "another long word")
		_, err = w.SignIn(ctx, identity.SignIn{Login: "boss", Password: "another long word"})
		wantKind(t, err, core.KindUnauthenticated, "in the first account")
		_, err = w.SignIn(ctx, identity.SignIn{Account: 5, Login: "boss", Password: "another long word"})
		wantKind(t, err, core.KindUnauthenticated, "in an account that does not exist")
		u, g, o := w.First.User.ID, w.First.Group.ID, w.First.Organisation.ID
		name := "x"
		for what, err := range map[string]error{
			"read user":      second(w.User(ctx, p, u)),
			"change user":    second(w.UpdateUser(ctx, p, u, identity.UserChange{Name: &name})),
			"delete user":    w.DeleteUser(ctx, p, u),
			"reset password": second(w.ResetPassword(ctx, p, u)),
			"read group":     second(w.Group(ctx, p, g)),
			"change group":   second(w.UpdateGroup(ctx, p, g, identity.GroupData{Name: "x"})),
			"delete group":   w.DeleteGroup(ctx, p, g),
			"members":        second(w.Members(ctx, p, g, core.ListQuery{})),
			"foreign user":   w.AddMember(ctx, p, f.Group.ID, u),
			"foreign group":  w.AddMember(ctx, p, g, f.User.ID),
			"read org":       second(w.Organisation(ctx, p, o)),
			"change org":     second(w.UpdateOrganisation(ctx, p, o, identity.OrganisationData{Name: "x"})),
			"delete org":     w.DeleteOrganisation(ctx, p, o),
			"end session":    w.EndSession(ctx, p, w.Admin.Session),
			"garbage":        second(w.User(ctx, p, "' OR 1=1 --")),
		} {
			wantKind(t, err, core.KindNotFound, what)
		}
		if n, err := w.EndSessions(ctx, p, u); err != nil || n != 0 {
			t.Errorf("ended %d foreign sessions, %v", n, err)
		}
		if page, err := w.Users(ctx, p, core.ListQuery{Account: w.First.Account.ID}); err != nil || len(page.Items) != 1 || page.Items[0].ID != f.User.ID {
			t.Errorf("users %+v, %v", page, err)
		}
		if err := w.RenameAccount(ctx, p, "Renamed"); err != nil {
			t.Fatal(err)
		}
		if a, err := w.Account(ctx, p); err != nil || a.Name != "Renamed" {
			t.Errorf("%+v, %v", a, err)
		}
	})
}

func second[T any](_ T, err error) error { return err }
