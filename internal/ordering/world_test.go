package ordering_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/agreement"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/domain"
	"github.com/certwright/certwright/internal/enroll/enrolltest"
	"github.com/certwright/certwright/internal/ordering"
	"github.com/certwright/certwright/internal/secret/secrettest"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/store/storetest"
)

// world is ordering over a real store, a real issuing service and stand-ins
// for domain and vetting that a test turns by hand.
type world struct {
	*enrolltest.World
	t       testing.TB
	s       *ordering.Service
	deps    ordering.Deps
	domains *domains
	vetting *vetting
	texts   *agreement.Service
	org     *core.Organisation
	clients int64
}

// domains proves what a test says.
type domains struct {
	mu     sync.Mutex
	proven map[string]bool // "owner name"
	asked  []string
	byFile bool // proofs are by file and cover one name each
}

func (d *domains) key(o domain.Owner, name string) string {
	if o.Organisation != "" {
		return string(o.Organisation) + " " + name
	}
	return string(o.Group) + " " + name
}

func (d *domains) Ensure(_ context.Context, _ *core.Principal, _ domain.Owner, name string, _ bool) (*core.Domain, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if name == "refused.example" {
		return nil, core.Errorf(core.KindConflict, "the domain is another owner's")
	}
	d.asked = append(d.asked, name)
	return &core.Domain{Name: name, State: core.DomainActive, Control: core.ControlPending}, nil
}

func (d *domains) Proven(_ context.Context, _ core.AccountID, o domain.Owner, names []string, _ time.Duration, ancestors bool) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for _, n := range names {
		name := n[len("dns:"):]
		for k := range d.proven {
			row := core.Domain{Name: k[len(d.key(o, "")):], State: core.DomainActive, Control: core.ControlVerified, ValidUntil: time.Unix(1<<40, 0)}
			if d.byFile {
				row.Method = core.MethodHTTPFile
			}
			if d.key(o, row.Name) == k && row.Covers(name, ancestors, time.Unix(0, 0)) {
				out = append(out, n)
				break
			}
		}
	}
	return out, nil
}

func (d *domains) OwnerOf(_ context.Context, p *core.Principal) (domain.Owner, error) {
	if p.Credential != nil && p.Credential.Organisation != "" {
		return domain.Owner{Organisation: p.Credential.Organisation}, nil
	}
	return domain.Owner{Group: p.Group}, nil
}

// vetting has validated what a test says.
type vetting struct {
	mu    sync.Mutex
	valid map[core.Purpose]time.Time // until
	asked []core.Purpose
	orgs  []core.Organisation
}

func (v *vetting) Standing(_ context.Context, account core.AccountID, o core.OrganisationID, purpose core.Purpose) (*core.Vetting, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if until, ok := v.valid[purpose]; ok {
		return &core.Vetting{Account: account, Organisation: o, Purpose: purpose, State: core.VettingValidated, ExpiresAt: until}, nil
	}
	if slices.Contains(v.asked, purpose) {
		return &core.Vetting{Account: account, Organisation: o, Purpose: purpose, State: core.VettingPending}, nil
	}
	return nil, core.Errorf(core.KindNotFound, "there is no such vetting")
}

func (v *vetting) Ask(ctx context.Context, p *core.Principal, o core.OrganisationID, purpose core.Purpose) (*core.Vetting, error) {
	v.mu.Lock()
	v.asked = append(v.asked, purpose)
	v.mu.Unlock()
	return v.Standing(ctx, p.Account, o, purpose)
}

func (v *vetting) CheckToken(_ context.Context, _ core.AccountID, _ core.OrganisationID, token string) (bool, error) {
	return token == "right", nil
}

func (v *vetting) ConsentOf(context.Context, core.AccountID, core.OrderID) (*core.Consent, error) {
	return nil, core.Errorf(core.KindNotFound, "there is no such consent")
}

func (v *vetting) Organisations(context.Context, *core.Principal) ([]core.Organisation, error) {
	return v.orgs, nil
}

func newWorld(t testing.TB, db *store.DB) *world {
	t.Helper()
	w := &world{World: enrolltest.New(t, db), t: t, domains: &domains{proven: map[string]bool{}}, vetting: &vetting{valid: map[core.Purpose]time.Time{}}}
	now := w.Now()
	w.org = &core.Organisation{ID: core.NewID[core.OrganisationID](now), Account: w.Account, Number: 1, Name: "Example", Country: "DE", Locality: "Berlin", State: "Berlin",
		Legal:     core.LegalData{LegalName: "Example GmbH", BusinessCategory: "private", Registration: "HRB 1", JurisdictionC: "DE"},
		CreatedAt: now, UpdatedAt: now}
	w.tx(func(ctx context.Context, tx core.Tx) error { return db.InsertOrganisation(ctx, tx, w.org) })
	w.vetting.orgs = []core.Organisation{*w.org}
	w.texts = agreement.New(agreement.Deps{Storage: db, Audit: w.Audit, Now: w.Now})
	w.deps = ordering.Deps{Storage: db, Enroll: w.Enroll, Domains: w.domains, Vetting: w.vetting, Agreements: w.texts, Audit: w.Audit, Sealer: secrettest.New(t), Now: w.Now}
	w.s = ordering.NewService(w.deps)
	return w
}

// engines runs a test on both.
func engines(t *testing.T, f func(t *testing.T, w *world)) {
	storetest.Engines(t, func(t *testing.T, db *store.DB) { f(t, newWorld(t, db)) })
}

func (w *world) tx(f func(ctx context.Context, tx core.Tx) error) {
	w.t.Helper()
	if err := w.DB.InTx(w.t.Context(), f); err != nil {
		w.t.Fatal(err)
	}
}

// client is a credential in the database for products by code.
func (w *world) client(codes ...string) *core.Principal {
	w.t.Helper()
	p := w.Principal(w.t, codes...)
	c := p.Credential
	c.Type, c.Auth, c.Label, c.PublicID = core.CredentialREST, core.AuthOAuth, "c"+string(c.ID[30:]), string(c.ID)
	w.clients++
	c.Number = w.clients
	c.Version, c.CreatedAt, c.UpdatedAt, c.SecretSetAt, c.SecretHash = 1, w.Now(), w.Now(), w.Now(), []byte("x")
	w.tx(func(ctx context.Context, tx core.Tx) error { return w.DB.InsertCredential(ctx, tx, c) })
	p.Address = netip.MustParseAddr("192.0.2.7")
	return p
}

// approver is a person who may decide in the account.
func (w *world) approver() *core.Principal {
	p := w.Person(w.Approver)
	p.Grants = []core.Grant{{Role: core.RoleApprover}}
	return p
}

// prove makes a domain proven for the group or the organisation, and wakes.
func (w *world) prove(o domain.Owner, names ...string) {
	w.t.Helper()
	for _, n := range names {
		w.domains.mu.Lock()
		w.domains.proven[w.domains.key(o, n)] = true
		w.domains.mu.Unlock()
		w.tx(func(ctx context.Context, tx core.Tx) error {
			return w.s.DomainVerified(ctx, tx, &core.Domain{Account: w.Account, Name: n})
		})
	}
}

func (w *world) group() domain.Owner { return domain.Owner{Group: w.Group} }

// vet makes the organisation validated, and wakes.
func (w *world) vet(p core.Purpose) {
	w.t.Helper()
	w.vetting.mu.Lock()
	w.vetting.valid[p] = w.Now().AddDate(1, 0, 0)
	w.vetting.mu.Unlock()
	w.tx(func(ctx context.Context, tx core.Tx) error {
		return w.s.OrganisationVetted(ctx, tx, w.Account, w.org.ID)
	})
}

func (w *world) create(p *core.Principal, n ordering.New) *ordering.View {
	w.t.Helper()
	v, err := w.s.Create(w.t.Context(), p, n)
	if err != nil {
		w.t.Fatalf("create: %v", err)
	}
	return v
}

// work runs the background until it has nothing to do at this time.
func (w *world) work() {
	w.t.Helper()
	if _, err := w.s.Work(w.t.Context()); err != nil {
		w.t.Fatalf("work: %v", err)
	}
}

func (w *world) see(p *core.Principal, id core.OrderID, want core.OrderState) *ordering.View {
	w.t.Helper()
	v, err := w.s.Order(w.t.Context(), p, id)
	if err != nil {
		w.t.Fatalf("order: %v", err)
	}
	w.is(v, nil, want)
	return v
}

// is checks the answer of a step.
func (w *world) is(v *ordering.View, err error, want core.OrderState) *ordering.View {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("want %s, got error %v", want, err)
	}
	if v.Order.State != want {
		w.t.Fatalf("the order is %s (%s), want %s", v.Order.State, v.Order.Failure, want)
	}
	if (v.Certificate != nil) != (want == core.OrderIssued) {
		w.t.Fatalf("certificate %v of an order that is %s", v.Certificate, want)
	}
	return v
}

// fails checks kind and field of a refusal.
func fails(t testing.TB, err error, kind core.Kind, field string) {
	t.Helper()
	if core.KindOf(err) != kind || field != "" && core.AsError(err).Field != field {
		t.Fatalf("got %v, want %s at %q", err, kind, field)
	}
}

func csr(t testing.TB, names ...string) []byte { return enrolltest.CSR(t, enrolltest.Key(t), names...) }

func keyed(t testing.TB, key crypto.Signer, names ...string) []byte {
	return enrolltest.CSR(t, key, names...)
}

func dv(names ...string) ordering.New {
	return ordering.New{Ask: core.OrderAsk{Family: core.FamilyDV, Domain: names[0], Additional: names[1:]}, Origin: core.Origin{Protocol: "rest"}}
}

func agreed() *core.Agreement {
	return &core.Agreement{SignerName: "Ann Example", SignerPlace: "Berlin"}
}

var pdf = []byte("%PDF-1.7\nsomething\n%%EOF\n")

// sqlite is a world for what does not depend on the engine.
func sqlite(t testing.TB) *world { return newWorld(t, storetest.SQLite(t)) }

// bare is a request with a common name and no names.
func bare(t testing.TB, cn string) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: cn}}, enrolltest.Key(t))
	if err != nil {
		t.Fatal(err)
	}
	return der
}
