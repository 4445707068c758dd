package domain_test

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/domain"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/identity/identitytest"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/store/storetest"
	"github.com/certwright/certwright/internal/validation"
	"github.com/certwright/certwright/internal/validation/validationtest"
)

// world is the domain service over a real database, a DNS server, a web server
// and a mailbox.
type world struct {
	*domain.Service
	*identitytest.World
	t    *testing.T
	db   *store.DB
	dns  *validationtest.DNS
	web  *validationtest.Web
	mail *mailbox
	deps domain.Deps
	// org has group as its group; person is a requester there.
	org    *core.Organisation
	group  *core.Group
	person *core.Principal
	// issuers are the account's issuer domain names for CAA.
	issuers []string

	mu       sync.Mutex
	verified []string // names, by the hook
	hookErr  error
}

// mailbox keeps the mails that were sent.
type mailbox struct {
	mu   sync.Mutex
	sent []letter
	err  error
}

type letter struct{ to, subject, text string }

func (m *mailbox) SendMail(_ context.Context, to, subject, text string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err == nil {
		m.sent = append(m.sent, letter{to, subject, text})
	}
	return m.err
}

func (m *mailbox) letters() []letter {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.sent)
}

var link = regexp.MustCompile(`https://ca\.example/domain-validation/(\S+)`)

// secret is the secret of the link in the last mail.
func (m *mailbox) secret(t *testing.T) string {
	t.Helper()
	all := m.letters()
	if len(all) == 0 {
		t.Fatal("no mail went out")
	}
	found := link.FindStringSubmatch(all[len(all)-1].text)
	if found == nil {
		t.Fatalf("no link in %q", all[len(all)-1].text)
	}
	return found[1]
}

// worlds runs f once per engine.
func worlds(t *testing.T, f func(w *world)) {
	t.Helper()
	clock := identitytest.NewClock()
	storetest.EnginesAt(t, clock.Now, func(t *testing.T, db *store.DB) { f(newWorld(t, db, clock)) })
}

func newWorld(t *testing.T, db *store.DB, clock *identitytest.Clock) *world {
	t.Helper()
	w := &world{World: identitytest.New(t, db, clock), t: t, db: db, dns: validationtest.NewDNS(t), web: validationtest.NewWeb(t, "127.0.0.1:0"), mail: &mailbox{}}
	checks, err := validation.New(validation.Deps{Resolvers: []string{w.dns.Addr}, HTTPPort: w.web.Port, AllowLoopback: true, Timeout: 5 * time.Second, Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	w.deps = domain.Deps{Storage: db, Checker: checks, Mail: w.mail, Audit: w.Log, BaseURL: func() string { return "https://ca.example" }, Now: clock.Now,
		CAA:      func(context.Context, core.AccountID) ([]string, error) { return w.issuers, nil },
		Verified: w.hook}
	w.Service = w.service(w.deps)
	if w.org, err = w.CreateOrganisation(t.Context(), w.Admin, identity.OrganisationData{Name: "Example Corp"}); err != nil {
		t.Fatal(err)
	}
	if w.group, err = w.CreateGroup(t.Context(), w.Admin, identity.GroupData{Name: "web", Organisation: w.org.ID}); err != nil {
		t.Fatal(err)
	}
	w.person = w.Person(t, "rita", []core.GroupID{w.group.ID}, core.Grant{Role: core.RoleRequester})
	return w
}

func (w *world) service(d domain.Deps) *domain.Service {
	w.t.Helper()
	s, err := domain.NewService(d)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *world) hook(_ context.Context, tx core.Tx, d *core.Domain) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hookErr != nil {
		return w.hookErr
	}
	name := d.Name
	tx.OnCommit(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.verified = append(w.verified, name)
	})
	return nil
}

func (w *world) woken() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.verified)
}

var errHook = errors.New("the hook failed")

func (w *world) owner() domain.Owner { return domain.Owner{Organisation: w.org.ID} }

// register registers a domain of the organisation.
func (w *world) register(name, method string) *core.Domain {
	w.t.Helper()
	d, err := w.Register(w.t.Context(), w.Admin, domain.New{Name: name, Owner: w.owner(), Method: method})
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

// publish puts in place what the present challenge asks for.
func (w *world) publish(id core.DomainID) *domain.Challenge {
	w.t.Helper()
	c, err := w.Challenge(w.t.Context(), w.Admin, id, "")
	if err != nil {
		w.t.Fatal(err)
	}
	switch c.RecordType {
	case "TXT":
		w.dns.Set(c.RecordName, "TXT", `"`+c.Value+`"`)
	case "CNAME":
		w.dns.Set(c.RecordName, "CNAME", c.Value+".")
	default:
		w.dns.Set(c.Domain, "A", "127.0.0.1")
		w.web.Set(validation.FilePath+c.FileName, 200, c.Token+"\n")
	}
	return c
}

func (w *world) verify(id core.DomainID) *domain.Outcome {
	w.t.Helper()
	o, err := w.Verify(w.t.Context(), w.Admin, id, "", "")
	if err != nil {
		w.t.Fatal(err)
	}
	return o
}

// proven registers a domain and proves control of it.
func (w *world) proven(name, method string) *core.Domain {
	w.t.Helper()
	d := w.register(name, method)
	w.publish(d.ID)
	o := w.verify(d.ID)
	if !o.Attempt.Passed || o.Domain.Control != core.ControlVerified {
		w.t.Fatalf("%s by %s: %+v %+v", name, method, o.Domain, o.Attempt)
	}
	return o.Domain
}

// read reads a row as it is now.
func (w *world) read(id core.DomainID) *core.Domain {
	w.t.Helper()
	d, err := w.Domain(w.t.Context(), w.Admin, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

// wantKind fails unless err has the kind ("" for no error).
func wantKind(t *testing.T, err error, kind core.Kind, what string) {
	t.Helper()
	if got := core.KindOf(err); got != kind {
		t.Fatalf("%s: got kind %q (%v), want %q", what, got, err, kind)
	}
}
