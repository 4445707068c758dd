package vetting_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/identity/identitytest"
	"github.com/certwright/certwright/internal/secret/secrettest"
	"github.com/certwright/certwright/internal/vetting"
)

func TestChangeOfLegalData(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		is(t, "an operator changes legal data", second(w.s.SetLegal(ctx, w.asker, w.org.ID, core.LegalData{})), core.KindForbidden)
		at(t, "a bad phone number", second(w.s.SetLegal(ctx, w.validator, w.org.ID, core.LegalData{Phone: "1"})), "phone")
		is(t, "unknown organisation", second(w.s.SetLegal(ctx, w.validator, "x", core.LegalData{})), core.KindNotFound)

		older, ov := w.validated(t, core.PurposeOV, 50), w.validated(t, core.PurposeOV, 100)
		ev := w.validated(t, core.PurposeEV, 100)
		evRenewal := w.ask(t, core.PurposeEV)
		expired := w.validated(t, core.PurposeSMIME, 1)
		w.Clock.Advance(2 * day)
		legal := w.org.Legal
		legal.Phone = "+49221123456"
		o, err := w.s.SetLegal(ctx, w.validator, w.org.ID, legal)
		ok(t, err)
		if o.Legal != legal || o.Name != w.org.Name {
			t.Errorf("%+v", o)
		}
		if got := w.read(t, ov.ID); got.State != core.VettingValidated || got.Version != ov.Version {
			t.Errorf("a telephone number, which no certificate shows, changed %+v", got)
		}
		legal.Registration = "HRB 2"
		o, err = w.s.SetLegal(ctx, w.validator, w.org.ID, legal)
		ok(t, err)
		if kept, err := w.Organisation(ctx, w.Admin, w.org.ID); err != nil || kept.Legal != legal || kept.Legal != o.Legal {
			t.Errorf("kept %+v, %v", kept, err)
		}
		for _, tt := range []struct {
			what  string
			v     *core.Vetting
			state core.VettingState
		}{
			{"the newest of a purpose waits for a validator", ov, core.VettingDiscrepancy},
			{"a second one of the purpose ends", older, core.VettingRejected},
			{"one with an open successor ends", ev, core.VettingRejected},
			{"an open one stays", evRenewal, core.VettingPending},
			{"an expired one stays", expired, core.VettingValidated},
		} {
			if got := w.read(t, tt.v.ID); got.State != tt.state {
				t.Errorf("%s: %+v", tt.what, got)
			}
		}
		if got := w.read(t, ov.ID); !strings.Contains(got.Comment, "legal data") || got.Covers(core.PurposeOV, w.Clock.Now()) {
			t.Errorf("%+v", got)
		}
		d := good()
		d.Version = evRenewal.Version
		is(t, "decide on what one saw before the change", second(w.s.Decide(ctx, w.validator, evRenewal.ID, d)), core.KindConflict)
		if st, err := w.s.Standing(ctx, w.First.Account.ID, w.org.ID, core.PurposeOV); err != nil || st.State.Open() == false {
			t.Errorf("%+v, %v", st, err)
		}
		ok(t, second(w.s.Decide(ctx, w.validator, ov.ID, good()))) // examined again
		if n := len(w.Log.Events("vetting.discrepancy")); n != 3 {
			t.Errorf("%d events", n)
		}
	})
}

// TestChangeThroughIdentity: the name and the place count, too.
func TestChangeThroughIdentity(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx, box := t.Context(), secrettest.New(t)
		people, err := identity.New(identity.Deps{Storage: w.db, Catalogue: w.db, Audit: w.Log, Sealer: box, MAC: box.MAC, Now: w.Clock.Now, Types: identitytest.Types(),
			BaseURL: func() string { return "https://ca.example" }, OrganisationChanged: w.s.Changed})
		ok(t, err)
		data := identity.OrganisationData{Name: w.org.Name, Country: w.org.Country, State: w.org.State, Locality: w.org.Locality, Email: w.org.Email}
		for _, tt := range []struct {
			what   string
			change func()
			stands bool
		}{
			{"nothing", func() {}, true},
			{"email", func() { data.Email = "new@example.com" }, true},
			{"the same legal data", func() { l := w.org.Legal; data.Legal = &l }, true},
			{"name", func() { data.Name = "Example 2" }, false},
			{"country", func() { data.Country = "AT" }, false},
			{"state", func() { data.State = "Tirol" }, false},
			{"locality", func() { data.Locality = "Innsbruck" }, false},
			{"legal data", func() { data.Legal = &core.LegalData{LegalName: "Example AG"} }, false},
		} {
			v := w.validated(t, core.PurposeOV, 90)
			tt.change()
			o, err := people.UpdateOrganisation(ctx, w.Admin, w.org.ID, data)
			ok(t, err)
			if o.Legal == (core.LegalData{}) {
				t.Errorf("%s: the legal data are lost", tt.what)
			}
			if got := w.read(t, v.ID); (got.State == core.VettingValidated) != tt.stands || !tt.stands && (got.State != core.VettingDiscrepancy || !strings.Contains(got.Comment, tt.what)) {
				t.Errorf("%s: %+v", tt.what, got)
			}
			ok(t, second(w.s.Decide(ctx, w.validator, v.ID, vetting.Decision{State: core.VettingRejected, Comment: "next case"})))
		}
	})
}

// TestChangeBesideDecision: whichever comes first, nothing stands that was
// decided before the change.
func TestChangeBesideDecision(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		for i := range 6 {
			v := w.ask(t, core.PurposeOV)
			d := good()
			d.Version = v.Version
			var wg sync.WaitGroup
			var decided, changed error
			wg.Go(func() { _, decided = w.s.Decide(t.Context(), w.validator, v.ID, d) })
			wg.Go(func() {
				_, changed = w.s.SetLegal(t.Context(), w.other, w.org.ID, core.LegalData{Registration: fmt.Sprint("HRB ", i+10)})
			})
			wg.Wait()
			ok(t, changed)
			got := w.read(t, v.ID)
			if got.State != core.VettingDiscrepancy && got.State != core.VettingPending || decided == nil && got.State == core.VettingPending {
				t.Errorf("%+v, decided: %v", got, decided)
			}
			if decided != nil && !core.Is(decided, core.KindConflict) {
				t.Error(decided)
			}
			ok(t, second(w.s.Cancel(t.Context(), w.Admin, v.ID, "")))
		}
	})
}

func TestToken(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx, account := t.Context(), w.First.Account.ID
		if yes, err := w.s.CheckToken(ctx, account, w.org.ID, ""); err != nil || yes {
			t.Errorf("no token fits none: %v, %v", yes, err)
		}
		token, err := w.s.Token(ctx, w.Admin, w.org.ID, false)
		ok(t, err)
		if len(token) != 32 || strings.Trim(token, "0123456789abcdef") != "" {
			t.Errorf("token %q", token)
		}
		cred := w.credential(w.group(t, "web", w.org.ID), "")
		if again, err := w.s.Token(ctx, cred, w.org.ID, false); err != nil || again != token {
			t.Errorf("the credential sees %q, %v", again, err)
		}
		sealed, err := w.db.OrganisationToken(ctx, nil, account, w.org.ID)
		ok(t, err)
		if len(sealed) == 0 || bytes.Contains(sealed, []byte(token)) {
			t.Errorf("kept as %q", sealed)
		}
		other := w.second(t, "Else")
		for _, tt := range []struct {
			what    string
			account core.AccountID
			org     core.OrganisationID
			token   string
			want    bool
		}{
			{"right", account, w.org.ID, token, true},
			{"wrong", account, w.org.ID, strings.Repeat("0", 32), false},
			{"empty", account, w.org.ID, "", false},
			{"cut", account, w.org.ID, token[:31], false},
			{"longer", account, w.org.ID, token + "0", false},
			{"capital letters", account, w.org.ID, strings.ToUpper(token) + "G", false},
			{"another organisation's", account, other.ID, token, false},
			{"another account", w.stranger(t).Account, w.org.ID, token, false},
			{"no organisation", account, "x", token, false},
		} {
			if yes, err := w.s.CheckToken(ctx, tt.account, tt.org, tt.token); err != nil || yes != tt.want {
				t.Errorf("%s: %v, %v", tt.what, yes, err)
			}
		}
		is(t, "an operator sees it", second(w.s.Token(ctx, w.asker, w.org.ID, false)), core.KindForbidden)
		is(t, "a credential renews it", second(w.s.Token(ctx, cred, w.org.ID, true)), core.KindForbidden)
		is(t, "a foreign credential sees it", second(w.s.Token(ctx, cred, other.ID, false)), core.KindNotFound)
		fresh, err := w.s.Token(ctx, w.Admin, w.org.ID, true)
		ok(t, err)
		oldStands, err := w.s.CheckToken(ctx, account, w.org.ID, token)
		ok(t, err)
		freshStands, err := w.s.CheckToken(ctx, account, w.org.ID, fresh)
		ok(t, err)
		if fresh == token || oldStands || !freshStands {
			t.Errorf("after renewal: old %v, new %v", oldStands, freshStands)
		}
		if n := len(w.Log.Events("organisation.token")); n != 2 {
			t.Errorf("%d events", n)
		}
		for _, e := range w.Log.Events("") {
			if s := fmt.Sprint(e); strings.Contains(s, token) || strings.Contains(s, fresh) {
				t.Errorf("the token is in the audit log: %s", s)
			}
		}
	})
}

// TestFirstTokenOnce: askers at the same moment get the same token.
func TestFirstTokenOnce(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		tokens := make([]string, 6)
		var wg sync.WaitGroup
		for i := range tokens {
			wg.Go(func() {
				var err error
				if tokens[i], err = w.s.Token(t.Context(), w.Admin, w.org.ID, false); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, x := range tokens {
			if x != tokens[0] || x == "" {
				t.Errorf("tokens %q", tokens)
			}
		}
	})
}

func TestVisibility(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		b := w.second(t, "Else")
		v, vb := w.ask(t, core.PurposeOV), must(w.s.Ask(ctx, w.asker, b.ID, core.PurposeOV))
		plain, ofOrg := w.group(t, "plain", ""), w.group(t, "web", w.org.ID)
		people := map[core.Role]*core.Principal{}
		for i, r := range core.Roles {
			people[r] = w.Person(t, fmt.Sprint("person", i), []core.GroupID{plain}, core.Grant{Role: r, Group: plain})
		}
		for _, tt := range []struct {
			what  string
			p     *core.Principal
			names string // of the organisations seen
		}{
			{"administrator", w.Admin, "Example,Example Works,Else"},
			{"requester of a group", people[core.RoleRequester], "Example,Example Works,Else"},
			{"validator of a group", people[core.RoleValidator], "Example,Example Works,Else"},
			{"auditor of a group", people[core.RoleAuditor], "Example,Example Works,Else"},
			{"credential of neither", w.credential(plain, ""), ""},
			{"credential without group", w.credential("", ""), ""},
			{"credential with an organisation", w.credential(plain, b.ID), "Else"},
			{"credential of a group with one", w.credential(ofOrg, ""), "Example Works"},
			{"credential of both", w.credential(ofOrg, b.ID), "Example Works,Else"},
			{"credential of a lost organisation", w.credential(plain, core.NewID[core.OrganisationID](w.Clock.Now())), ""},
			{"another account", w.stranger(t), ""},
		} {
			list, err := w.s.Organisations(ctx, tt.p)
			ok(t, err)
			var names []string
			for _, o := range list {
				names = append(names, o.Name)
			}
			if got := strings.Join(names, ","); got != tt.names {
				t.Errorf("%s sees %q, want %q", tt.what, got, tt.names)
			}
			for _, o := range []struct {
				*core.Organisation
				v core.VettingID
			}{{w.org, v.ID}, {b, vb.ID}} {
				kind := core.Kind("")
				if !strings.Contains(","+tt.names+",", ","+o.Name+",") {
					kind = core.KindNotFound
				}
				who := tt.what + " about " + o.Name
				if tt.what != "another account" { // numbers are per account
					is(t, who+": by number", second(w.s.ByNumber(ctx, tt.p, o.Number)), kind)
				}
				is(t, who+": vettings", second(w.s.Of(ctx, tt.p, o.ID)), kind)
				is(t, who+": vetting", second(w.s.Vetting(ctx, tt.p, o.v)), kind)
				is(t, who+": representatives", second(w.s.Representatives(ctx, tt.p, o.ID)), kind)
				is(t, who+": consents", second(w.s.Consents(ctx, tt.p, o.ID)), kind)
			}
		}
		is(t, "nobody", second(w.s.Organisations(ctx, nil)), core.KindForbidden)
		is(t, "a credential lists all", second(w.s.Vettings(ctx, w.credential(ofOrg, ""), core.ListQuery{})), core.KindForbidden)
		is(t, "a credential lists all consents", second(w.s.ListConsents(ctx, w.credential(ofOrg, ""), core.ListQuery{})), core.KindForbidden)
		is(t, "a validator of a group decides", second(w.s.Decide(ctx, people[core.RoleValidator], v.ID, good())), core.KindForbidden)
		is(t, "an approver asks", second(w.s.Ask(ctx, people[core.RoleApprover], w.org.ID, core.PurposeEV)), core.KindForbidden)
		is(t, "a validator asks", second(w.s.Ask(ctx, w.validator, w.org.ID, core.PurposeEV)), core.KindForbidden)
		ok(t, second(w.s.Ask(ctx, people[core.RoleRequester], w.org.ID, core.PurposeEV)))
		page, err := w.s.Vettings(ctx, w.Admin, core.ListQuery{Filter: core.Filter{{Column: "organisation", Op: core.OpEquals, Values: []string{string(b.ID)}}}})
		ok(t, err)
		if len(page.Items) != 1 || page.Items[0].ID != vb.ID {
			t.Errorf("filtered: %+v", page.Items)
		}
		page, err = w.s.Vettings(ctx, elsewhere(), core.ListQuery{Account: w.First.Account.ID})
		ok(t, err)
		if len(page.Items) != 0 {
			t.Errorf("another account lists %+v", page.Items)
		}
	})
}

// must is the value of a call that must succeed.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// elsewhere is a person of an account that need not exist.
func elsewhere() *core.Principal {
	return &core.Principal{Account: "elsewhere", User: "someone", Grants: []core.Grant{{Role: core.RoleAdministrator}}}
}

// TestOrganisationStays: one that was vetted cannot be deleted.
func TestOrganisationStays(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		v := w.ask(t, core.PurposeOV)
		is(t, "delete", w.DeleteOrganisation(t.Context(), w.Admin, w.org.ID), core.KindConflict)
		if got := w.read(t, v.ID); got.ID != v.ID {
			t.Error("lost")
		}
	})
}
