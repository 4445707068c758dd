package vetting_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/identity/identitytest"
	"github.com/certwright/certwright/internal/secret"
	"github.com/certwright/certwright/internal/secret/secrettest"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/store/storetest"
	"github.com/certwright/certwright/internal/vetting"
	"github.com/certwright/certwright/internal/vetting/vettingtest"
)

// world is the service over a real database, with people.
type world struct {
	*identitytest.World
	s    *vetting.Service
	db   *store.DB
	box  *secret.Box
	mail *vettingtest.Mail
	org  *core.Organisation

	asker, validator, other *core.Principal // operator, two validators

	mu     sync.Mutex
	vetted []core.OrganisationID
	hook   error // what the hook of a validation answers
}

// worlds runs f once per engine.
func worlds(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	clock := identitytest.NewClock()
	storetest.EnginesAt(t, clock.Now, func(t *testing.T, db *store.DB) {
		f(t, newWorld(t, db, clock))
	})
}

func newWorld(t *testing.T, db *store.DB, clock *identitytest.Clock) *world {
	t.Helper()
	w := &world{World: identitytest.New(t, db, clock), db: db, box: secrettest.New(t), mail: &vettingtest.Mail{}}
	w.s = w.service(t, w.mail)
	var err error
	w.org, err = w.CreateOrganisation(t.Context(), w.Admin, identity.OrganisationData{Name: "Example Works", Country: "DE", Locality: "Köln", Email: "contact@example.com",
		Legal: &core.LegalData{LegalName: "Example GmbH", Registration: "HRB 1"}})
	ok(t, err)
	w.asker = w.Person(t, "olga", nil, core.Grant{Role: core.RoleOperator})
	w.validator = w.Person(t, "vera", nil, core.Grant{Role: core.RoleValidator})
	w.other = w.Person(t, "viktor", nil, core.Grant{Role: core.RoleValidator}, core.Grant{Role: core.RoleOperator})
	return w
}

// service makes another replica's service.
func (w *world) service(t *testing.T, mail vetting.Mail) *vetting.Service {
	t.Helper()
	s, err := vetting.New(vetting.Deps{Storage: w.db, Audit: w.Log, Sealer: w.box, Mail: mail, Now: w.Clock.Now,
		BaseURL: func() string { return "https://ca.example" },
		Vetted: func(_ context.Context, tx core.Tx, account core.AccountID, o core.OrganisationID) error {
			if account != w.First.Account.ID {
				return errors.New("another account")
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.hook != nil {
				return w.hook
			}
			tx.OnCommit(func() {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.vetted = append(w.vetted, o)
			})
			return nil
		}})
	ok(t, err)
	return s
}

// good validates by the register.
func good() vetting.Decision {
	return vetting.Decision{State: core.VettingValidated, Method: "register", Source: "Handelsregister, Amtsgericht Köln, HRB 1"}
}

// ask opens a vetting.
func (w *world) ask(t *testing.T, purpose core.Purpose) *core.Vetting {
	t.Helper()
	w.Clock.Advance(time.Millisecond) // ids of one millisecond have no order
	v, err := w.s.Ask(t.Context(), w.asker, w.org.ID, purpose)
	ok(t, err)
	return v
}

// validated asks and decides.
func (w *world) validated(t *testing.T, purpose core.Purpose, days int) *core.Vetting {
	t.Helper()
	d := good()
	d.ExpiresAt = w.Clock.Now().AddDate(0, 0, days)
	v, err := w.s.Decide(t.Context(), w.validator, w.ask(t, purpose).ID, d)
	ok(t, err)
	return v
}

// read reads a vetting afresh.
func (w *world) read(t *testing.T, id core.VettingID) *core.Vetting {
	t.Helper()
	v, err := w.s.Vetting(t.Context(), w.Admin, id)
	ok(t, err)
	return v
}

// stranger is an administrator of another account.
func (w *world) stranger(t *testing.T) *core.Principal {
	t.Helper()
	a := &core.Account{ID: core.NewID[core.AccountID](w.Clock.Now()), Number: 2000002, Name: "Other", CreatedAt: w.Clock.Now()}
	ok(t, w.db.InTx(t.Context(), func(ctx context.Context, tx core.Tx) error { return w.db.InsertAccount(ctx, tx, a) }))
	return &core.Principal{Account: a.ID, User: "someone", Grants: []core.Grant{{Role: core.RoleAdministrator}}}
}

// credential is the principal of an API credential, in a group, with an
// organisation of its own or none.
func (w *world) credential(group core.GroupID, org core.OrganisationID) *core.Principal {
	c := &core.Credential{ID: core.NewID[core.CredentialID](w.Clock.Now()), Account: w.First.Account.ID, Type: core.CredentialREST, User: w.asker.User, Group: group, Organisation: org}
	return &core.Principal{Account: w.First.Account.ID, User: w.asker.User, Group: group, Credential: c}
}

// group makes a group, of an organisation or none.
func (w *world) group(t *testing.T, name string, org core.OrganisationID) core.GroupID {
	t.Helper()
	g, err := w.CreateGroup(t.Context(), w.Admin, identity.GroupData{Name: name, Organisation: org})
	ok(t, err)
	return g.ID
}

// second makes another organisation.
func (w *world) second(t *testing.T, name string) *core.Organisation {
	t.Helper()
	o, err := w.CreateOrganisation(t.Context(), w.Admin, identity.OrganisationData{Name: name})
	ok(t, err)
	return o
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// is fails unless err has the kind; it names what was done.
func is(t *testing.T, what string, err error, kind core.Kind) {
	t.Helper()
	if core.KindOf(err) != kind {
		t.Errorf("%s: kind %q (%v), want %q", what, core.KindOf(err), err, kind)
	}
}

// at fails unless err is of kind invalid and names the field.
func at(t *testing.T, what string, err error, field string) {
	t.Helper()
	if !core.Is(err, core.KindInvalid) || core.AsError(err).Field != field {
		t.Errorf("%s: %v, want invalid at %q", what, err, field)
	}
}

const day = 24 * time.Hour

func putIssuer(ctx context.Context, w *world, tx core.Tx, i *core.Issuer) error {
	return (store.CA{DB: w.db}).PutIssuer(ctx, tx, i)
}
