package identity

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/core"
)

// table writes the access table for people: x for yes.
func table() string {
	cols := append(slices.Clone(core.Roles), RolePasswordChange, RoleCredential)
	var b strings.Builder
	fmt.Fprintf(&b, "%-23s %-8s adm cad app val opr aud req pwd crd\n", "action", "scope")
	for _, r := range Rules() {
		fmt.Fprintf(&b, "%-23s %-7s", r.Action, r.Scope)
		for _, c := range cols {
			mark := "-"
			if slices.Contains(r.Roles, c) {
				mark = "x"
			}
			fmt.Fprintf(&b, "  %s ", mark)
		}
		b.WriteString("\n")
	}
	return b.String()
}

const golden = `action                  scope    adm cad app val opr aud req pwd crd
password.own            any      x   x   x   x   x   x   x   x   -
session.own             any      x   x   x   x   x   x   x   -   -
factor.own              any      x   x   x   x   x   x   x   -   -
token.own               any      x   x   x   x   x   x   x   -   -
view.own                any      x   x   x   x   x   x   x   -   -
view.share              account  x   -   -   -   x   -   -   -   -
account.view            any      x   x   x   x   x   x   x   -   -
account.manage          account  x   -   -   -   -   -   -   -   -
organisation.view       any      x   x   x   x   x   x   x   -   -
organisation.manage     account  x   -   -   -   -   -   -   -   -
group.view              group    x   x   x   x   x   x   x   -   -
group.manage            group    x   -   -   -   -   -   -   -   -
user.view               group    x   x   x   x   x   x   -   -   -
user.manage             account  x   -   -   -   -   -   -   -   -
credential.view         group    x   x   x   x   x   x   -   -   -
credential.create       group    x   -   -   -   x   -   -   -   -
credential.update       group    x   -   -   -   x   -   -   -   -
credential.revoke       group    x   x   -   -   x   -   -   -   -
credential.regenerate   group    x   -   -   -   x   -   -   -   -
credential.default      account  x   -   -   -   x   -   -   -   -
credential.prove        account  x   x   -   -   -   -   -   -   -
product.view            any      x   x   x   x   x   x   x   -   x
product.manage          account  x   x   -   -   -   -   -   -   -
issuer.view             any      x   x   x   x   x   x   x   -   x
issuer.manage           account  x   x   -   -   -   -   -   -   -
order.view              group    x   x   x   x   x   x   x   -   x
order.create            group    x   -   -   -   x   -   x   -   x
order.cancel            group    x   -   -   -   x   -   x   -   x
order.approve           group    x   -   x   -   -   -   -   -   -
order.reject            group    x   -   x   x   -   -   -   -   -
organisation.legal      account  x   -   -   x   -   -   -   -   -
vetting.view            any      x   x   x   x   x   x   x   -   x
vetting.ask             any      x   -   -   -   x   -   x   -   x
vetting.decide          account  x   -   -   x   -   -   -   -   -
evidence.add            any      x   -   -   x   x   -   x   -   x
consent.send            any      x   -   -   x   x   -   x   -   x
document.view           group    x   -   x   x   x   x   x   -   x
certificate.view        group    x   x   x   x   x   x   x   -   x
certificate.download    group    x   x   x   x   x   x   x   -   x
certificate.export-key  group    x   -   -   -   x   -   x   -   x
certificate.renew       group    x   -   -   -   x   -   x   -   x
certificate.deploy      group    x   -   -   -   x   -   x   -   x
certificate.revoke      group    x   x   -   -   x   -   -   -   x
certificate.update      group    x   -   -   -   x   -   -   -   -
certificate.import      group    x   -   -   -   x   -   -   -   -
tag.manage              account  x   -   -   -   x   -   -   -   -
domain.view             group    x   x   x   x   x   x   x   -   x
domain.manage           group    x   -   -   -   x   -   x   -   x
domain.decide           account  x   -   -   x   -   -   -   -   -
renewal.view            any      x   x   x   x   x   x   -   -   -
renewal.manage          account  x   x   -   -   x   -   -   -   -
audit.view              account  x   x   -   -   -   x   -   -   -
audit.verify            account  x   -   -   -   -   x   -   -   -
job.view                account  x   x   -   -   x   x   -   -   -
job.manage              account  x   -   -   -   x   -   -   -   -
settings.view           account  x   x   -   -   -   x   -   -   -
settings.manage         account  x   -   -   -   -   -   -   -   -
backup.create           account  x   -   -   -   -   -   -   -   -
provider.view           account  x   -   -   -   -   x   -   -   -
provider.manage         account  x   -   -   -   -   -   -   -   -
`

// TestAccessTable: a change of the table is a change of this text.
func TestAccessTable(t *testing.T) {
	var got []string
	for l := range strings.Lines(table()) {
		got = append(got, strings.TrimRight(l, " \n"))
	}
	if s := strings.Join(got, "\n") + "\n"; s != golden {
		t.Errorf("the access table changed:\n%s", s)
	}
}

// TestAuditorChangesNothing: the auditor's actions only read, but for what is
// his own.
func TestAuditorChangesNothing(t *testing.T) {
	for _, r := range Rules() {
		_, verb, _ := strings.Cut(string(r.Action), ".")
		reads := slices.Contains([]string{"view", "verify", "download", "own"}, verb)
		if may := slices.Contains(r.Roles, core.RoleAuditor); may && !reads || !may && verb == "view" {
			t.Errorf("%s: auditor %v", r.Action, may)
		}
	}
}

func TestCan(t *testing.T) {
	g1, g2 := core.GroupID("g1"), core.GroupID("g2")
	user := func(g ...core.Grant) *core.Principal { return &core.Principal{User: "u", Grants: g} }
	wide, narrow := user(core.Grant{Role: core.RoleOperator}), user(core.Grant{Role: core.RoleOperator, Group: g1})
	cred := &core.Principal{User: "u", Group: g1, Credential: &core.Credential{}, Grants: []core.Grant{{Role: core.RoleAdministrator}}}
	asker := user(effective(&core.User{Groups: []core.GroupID{g1}, Grants: []core.Grant{{Role: core.RoleRequester}}}, nil)...)
	lonely := user(effective(&core.User{Grants: []core.Grant{{Role: core.RoleRequester}}}, nil)...)
	for _, tc := range []struct {
		name   string
		p      *core.Principal
		action Action
		group  core.GroupID
		ok     bool
	}{
		{"wide in a group", wide, CredentialCreate, g1, true},
		{"wide for the account", wide, CredentialCreate, "", true},
		{"narrow in its group", narrow, CredentialCreate, g1, true},
		{"narrow in another", narrow, CredentialCreate, g2, false},
		{"narrow for the account", narrow, CredentialCreate, "", false},
		{"narrow, account scope, own group", narrow, JobView, g1, false},
		{"narrow, any scope", narrow, ProductView, "", true},
		{"role without the action", wide, UserManage, "", false},
		{"unknown action", user(core.Grant{Role: core.RoleAdministrator}), "world.rule", "", false},
		{"no grants", user(), PasswordOwn, "", false},
		{"nobody", nil, ProductView, "", false},
		{"system", Host("a", "host"), UserManage, "", true},
		{"credential in its group", cred, CertificateView, g1, true},
		{"credential in another", cred, CertificateView, g2, false},
		{"credential never has grants of people", cred, UserManage, "", false},
		{"requester in his group", asker, OrderView, g1, true},
		{"requester in another", asker, OrderView, g2, false},
		{"requester without group sees the catalogue", lonely, ProductView, "", true},
		{"requester without group sees no orders", lonely, OrderView, "", false},
		{"no-group is no group", lonely, OrderView, noGroup, false},
	} {
		err := Can(tc.p, tc.action, tc.group)
		if (err == nil) != tc.ok || err != nil && !core.Is(err, core.KindForbidden) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	for _, tc := range []struct {
		name   string
		p      *core.Principal
		action Action
		all    bool
		want   string
	}{
		{"wide", wide, OrderView, true, "[]"}, {"narrow", narrow, OrderView, false, "[g1]"}, {"account scope", narrow, JobView, false, "[]"},
		{"any scope", narrow, ProductView, true, "[]"}, {"requester", asker, OrderView, false, "[g1]"}, {"lonely", lonely, OrderView, false, "[]"},
		{"two roles", user(core.Grant{Role: core.RoleOperator, Group: g1}, core.Grant{Role: core.RoleApprover, Group: g2}, core.Grant{Role: core.RoleAuditor, Group: g1}), OrderView, false, "[g1 g2]"},
		{"nobody", nil, OrderView, false, "[]"}, {"system", Host("a", "x"), OrderView, true, "[]"}, {"credential", cred, OrderView, false, "[g1]"},
	} {
		all, groups := VisibleGroups(tc.p, tc.action)
		if all != tc.all || fmt.Sprint(groups) != tc.want {
			t.Errorf("%s: %v %v", tc.name, all, groups)
		}
	}
}

func TestMayApprove(t *testing.T) {
	approver := &core.Principal{User: "a", Grants: []core.Grant{{Role: core.RoleApprover, Group: "g"}}}
	for _, tc := range []struct {
		name string
		p    *core.Principal
		o    core.Order
		ok   bool
	}{
		{"another's order", approver, core.Order{Group: "g", User: "b"}, true},
		{"his own", approver, core.Order{Group: "g", User: "a"}, false},
		{"his credential's", approver, core.Order{Group: "g", User: "a", Credential: "c"}, false},
		{"another group's", approver, core.Order{Group: "h", User: "b"}, false},
		{"a system", Host("x", "schedule"), core.Order{Group: "g", User: "b"}, false},
		{"an operator", &core.Principal{User: "o", Grants: []core.Grant{{Role: core.RoleOperator}}}, core.Order{Group: "g", User: "b"}, false},
	} {
		if err := MayApprove(tc.p, &tc.o); (err == nil) != tc.ok {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

func TestMayReject(t *testing.T) {
	validator := &core.Principal{User: "a", Grants: []core.Grant{{Role: core.RoleValidator, Group: "g"}}}
	for _, tc := range []struct {
		name   string
		group  core.GroupID
		user   core.UserID
		reject bool
	}{{"another's order", "g", "b", true}, {"his own", "g", "a", false}, {"another group's", "h", "b", false}} {
		o := &core.Order{Group: tc.group, User: tc.user}
		if err := MayReject(validator, o); (err == nil) != tc.reject {
			t.Errorf("%s: %v", tc.name, err)
		}
		if err := MayApprove(validator, o); err == nil {
			t.Errorf("%s: a validator may approve", tc.name)
		}
	}
}
