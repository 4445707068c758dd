// Package identitytest builds a working identity service over a storage of the
// test's choice (usually a SQLite file in t.TempDir, see store/storetest), with
// cheap password hashes, a clock that the test moves, and an audit log that
// the test reads.
package identitytest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/secret/secrettest"
)

// Clock is a clock that stands still until it is moved.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that stands at 2026-01-01 12:00 UTC.
func NewClock() *Clock { return &Clock{now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)} }

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Log is an audit log in memory. Events of a transaction appear with its
// commit.
type Log struct {
	mu     sync.Mutex
	events []core.Event
}

// Write implements identity.Audit.
func (l *Log) Write(tx core.Tx, e ...core.Event) { tx.OnCommit(func() { l.add(e...) }) }

// Record implements identity.Audit.
func (l *Log) Record(_ context.Context, e core.Event) error { l.add(e); return nil }

func (l *Log) add(e ...core.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e...)
}

// Events returns the events of an action in order; all when it is empty.
func (l *Log) Events(action string) []core.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.events), func(e core.Event) bool { return action != "" && e.Action != action })
}

// Types are credential types like those that the protocols declare.
func Types() []identity.CredentialType {
	url := func(prefix string) func(base, label string) string {
		return func(base, label string) string {
			if label == "" {
				return base + prefix
			}
			return base + prefix + "/" + label
		}
	}
	commands := func(e identity.Endpoint) string {
		return "curl -u " + e.Credential.PublicID + ":" + e.Secret + " " + e.URL
	}
	return []identity.CredentialType{
		{Name: core.CredentialEST, Title: "EST", Auth: []identity.AuthOption{{Kind: core.AuthPassword}, {Kind: core.AuthClientCert}}, URL: url("/.well-known/est"), Commands: commands},
		{Name: core.CredentialACME, Title: "ACME", Auth: []identity.AuthOption{{Kind: core.AuthAccessKey, Form: identity.SecretSealed}}, URL: url("/acme"), Reserved: []string{"renewal-info"}},
		{Name: core.CredentialSCEP, Title: "SCEP", Auth: []identity.AuthOption{{Kind: core.AuthSharedSecret, Form: identity.SecretHashed}}, URL: url("/scep")},
		{Name: core.CredentialCMP, Title: "CMP", Auth: []identity.AuthOption{{Kind: core.AuthSharedSecret}, {Kind: core.AuthClientCert}}, URL: url("/.well-known/cmp/p")},
		{Name: core.CredentialREST, Title: "REST", Auth: []identity.AuthOption{{Kind: core.AuthOAuth}, {Kind: core.AuthAccessKey, Form: identity.SecretSealed}}, URL: url("/v1")},
		{Name: core.CredentialWAEP, Title: "WAEP", Auth: []identity.AuthOption{{Kind: core.AuthKerberos}, {Kind: core.AuthPassword}}, URL: url("/waep")},
	}
}

// World is a service with what a test wants to look at.
type World struct {
	*identity.Service
	Clock *Clock
	Log   *Log
	First *identity.First
	// Admin is the first administrator, signed in; his password is
	// AdminPassword.
	Admin *core.Principal
	// Directory is asked for who has no password; tests may set what is in it.
	Directory *Directory
	// Base is the base URL, which a test may change.
	Base string
	// Resets are the requests for a mail so far.
	Resets []core.ResetID
}

// Directory is an identity.Directory that may be chosen later; until then there
// is none.
type Directory struct{ identity.Directory }

// Directories implements identity.Directory.
func (d *Directory) Directories(ctx context.Context, account core.AccountID) ([]*core.SignInProvider, error) {
	if d.Directory == nil {
		return nil, nil
	}
	return d.Directory.Directories(ctx, account)
}

// AdminPassword is the password of the first administrator after New.
const AdminPassword = "mellow vole drums"

// Storage is what New needs; *store.DB has it all.
type Storage interface {
	identity.Storage
	identity.Catalogue
}

// Service returns a service without any account.
func Service(t testing.TB, s Storage, c *Clock, l *Log) *identity.Service {
	t.Helper()
	return ServiceAt(t, s, c, l, func() string { return BaseURL })
}

// BaseURL is the one of Service.
const BaseURL = "https://ca.example"

// ServiceAt is Service under another base URL.
func ServiceAt(t testing.TB, s Storage, c *Clock, l *Log, base func() string) *identity.Service {
	t.Helper()
	return service(t, s, c, l, base, nil, nil)
}

func service(t testing.TB, s Storage, c *Clock, l *Log, base func() string, d identity.Directory, resets func(core.ResetID)) *identity.Service {
	t.Helper()
	box := secrettest.New(t)
	deps := identity.Deps{
		Storage: s, Catalogue: s, Audit: l, Sealer: box, MAC: box.MAC, Now: c.Now, Types: Types(),
		Directory: d,
		BaseURL:   base,
		Password:  identity.PasswordCost{Memory: 64, Time: 1, Threads: 1},
	}
	if resets != nil {
		deps.AskReset = func(_ context.Context, tx core.Tx, _ core.AccountID, id core.ResetID) error {
			tx.OnCommit(func() { resets(id) })
			return nil
		}
	}
	svc, err := identity.New(deps)
	if err != nil {
		t.Fatal(err)
	}
	return svc
}

// New returns a service with a first account and a signed-in administrator.
func New(t testing.TB, s Storage, c *Clock) *World {
	t.Helper()
	w := &World{Clock: c, Log: &Log{}, Directory: &Directory{}, Base: BaseURL}
	w.Service = service(t, s, c, w.Log, func() string { return w.Base }, w.Directory, func(id core.ResetID) { w.Resets = append(w.Resets, id) })
	ctx := context.Background()
	var err error
	if w.First, err = w.Bootstrap(ctx, "Example"); err != nil {
		t.Fatal(err)
	}
	w.Admin = w.SignInFirst(t, identity.SignIn{Login: w.First.User.Login, Password: w.First.Password.Reveal()}, AdminPassword)
	return w
}

// SignInFirst signs in with a one-time password, sets another one, and returns
// the principal of the session.
func (w *World) SignInFirst(t testing.TB, in identity.SignIn, password string) *core.Principal {
	t.Helper()
	ctx := context.Background()
	s, err := w.SignIn(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	p, err := w.SessionPrincipal(ctx, s.Secret.Reveal(), in.Address)
	if err == nil {
		err = w.ChangePassword(ctx, p, in.Password, password)
	}
	if err == nil {
		p, err = w.SessionPrincipal(ctx, s.Secret.Reveal(), in.Address)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Person makes a user with grants in groups and returns him signed in. His
// password is AdminPassword.
func (w *World) Person(t testing.TB, login string, groups []core.GroupID, grants ...core.Grant) *core.Principal {
	t.Helper()
	_, password, err := w.CreateUser(context.Background(), w.Admin, identity.NewUser{Login: login, Name: login, Grants: grants, Groups: groups, SignIn: true})
	if err != nil {
		t.Fatal(err)
	}
	return w.SignInFirst(t, identity.SignIn{Login: login, Password: password.Reveal()}, AdminPassword)
}
