package ordering

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/domain"
	"github.com/certwright/certwright/internal/enroll"
	"github.com/certwright/certwright/internal/policy"
)

const (
	// grace is how long the process that recorded the last step has before
	// others hand the order over in its place.
	grace = 10 * time.Second
	// reuseDays is how long a proof of control serves where the product says
	// nothing (CA/B BR 4.2.1, since 15 March 2026).
	reuseDays = 200
	tries     = 5 // of a change that met another one
)

// job is an order in hands.
type job struct {
	o       *core.Order
	d       *core.OrderDetails // nil for orders that came complete
	product *core.Product
	terms   core.OrderTerms
	docs    []core.Document // nil: not read yet
	remarks string          // at the end of an order without details
}

// keyless reports whether an order that waits for people has no key yet.
func keyless(o *core.Order) bool {
	return o.State == core.OrderApproval && len(o.Request.Template.SPKI) == 0
}

// unfinished reports whether the order is still put together here.
func (j *job) unfinished() bool {
	return j.d != nil && (j.o.State.Open() || keyless(j.o))
}

// gap is the first thing that an order lacks.
type gap struct {
	state core.OrderState
	kind  string   // of waiting
	waits []string // for what
	// missing are the names whose control is not proven.
	missing []string
}

// gap finds the first thing that the order lacks; nil: nothing. A state that
// the table of transitions does not allow from the present one is passed over.
func (s *Service) gap(ctx context.Context, j *job) (*gap, error) {
	steps := []func(context.Context, *job) (*gap, error){s.lacksOrganisation, s.lacksDocuments, s.lacksControl, s.lacksKey, lacksAgreement}
	if j.terms.Family.Signer() {
		steps = []func(context.Context, *job) (*gap, error){s.lacksDocuments, s.lacksOrganisation, lacksApproval, s.lacksKey, lacksAgreement}
	}
	for _, lacks := range steps {
		g, err := lacks(ctx, j)
		if err != nil {
			return nil, err
		}
		if g != nil && (j.o.State == "" || j.o.State == g.state || j.o.State.To(g.state) == nil) {
			return g, nil
		}
	}
	return nil, nil
}

func (s *Service) lacksOrganisation(ctx context.Context, j *job) (*gap, error) {
	purpose := j.terms.Family.Purpose()
	if purpose == "" {
		return nil, nil
	}
	v, err := s.d.Vetting.Standing(ctx, j.d.Account, j.d.Organisation, purpose)
	if err != nil && !core.Is(err, core.KindNotFound) {
		return nil, err
	}
	if err == nil && v.Covers(purpose, s.d.Now()) {
		return nil, nil
	}
	return &gap{state: core.OrderOrganisation, kind: waitOrganisation, waits: []string{string(j.d.Organisation)}}, nil
}

// lacksDocuments counts the uploads. An order that issues a certificate again
// rests on the documents of the first.
func (s *Service) lacksDocuments(ctx context.Context, j *job) (*gap, error) {
	need, since := j.terms.Documents, j.d.DocumentsAfter
	if j.d.Reissues != "" && j.d.Mode != modeRenew {
		need = 0
	}
	if need == 0 && since.IsZero() {
		return nil, nil
	}
	if j.docs == nil && j.d.Order != "" {
		var err error
		if j.docs, err = s.d.Storage.OrderDocuments(ctx, j.d.Account, j.d.Order); err != nil {
			return nil, err
		}
	}
	late := slices.ContainsFunc(j.docs, func(d core.Document) bool { return d.CreatedAt.After(since) })
	if len(j.docs) >= need && (since.IsZero() || late) {
		return nil, nil
	}
	return &gap{state: core.OrderDocuments}, nil
}

func lacksApproval(_ context.Context, j *job) (*gap, error) {
	if j.product.Profile.Approval != "manual" || j.d.Approved {
		return nil, nil
	}
	return &gap{state: core.OrderApproval}, nil
}

func (s *Service) lacksKey(_ context.Context, j *job) (*gap, error) {
	if len(j.d.CSR) > 0 || j.d.Ask.KeyGen != "" {
		return nil, nil
	}
	return &gap{state: core.OrderCSR}, nil
}

func lacksAgreement(_ context.Context, j *job) (*gap, error) {
	if !j.terms.Agreement || j.d.Agreement != nil {
		return nil, nil
	}
	return &gap{state: core.OrderAgreement}, nil
}

// lacksControl looks for a proof of control of every name.
func (s *Service) lacksControl(ctx context.Context, j *job) (*gap, error) {
	_, missing, err := s.proofs(ctx, j)
	if err != nil || len(missing) == 0 {
		return nil, err
	}
	g := &gap{state: core.OrderDCV, kind: waitDomain, missing: missing}
	// For all names, not only the missing ones: a proof may run out meanwhile.
	for _, n := range j.d.Ask.Names.Strings() {
		for name := host(n); name != ""; {
			g.waits = append(g.waits, name)
			_, up, found := strings.Cut(name, ".")
			if !found || !j.product.Profile.Ancestors {
				break
			}
			name = up
		}
	}
	g.waits = distinct(g.waits)
	return g, nil
}

// host is the DNS name whose control stands for a name: a wildcard's base, an
// address's domain (S/MIME BR 3.2.2.1); empty for others.
func host(name string) string {
	kind, v, _ := strings.Cut(name, ":")
	switch kind {
	case "dns":
		return strings.TrimPrefix(v, "*.")
	case "email":
		return strings.ToLower(v[strings.LastIndexByte(v, '@')+1:])
	}
	return ""
}

// proofs returns which of the order's names are proven, and which are not.
// Products that do not ask for it have neither.
func (s *Service) proofs(ctx context.Context, j *job) (proven, missing []string, err error) {
	if !j.product.Profile.ValidateNames {
		return nil, nil, nil
	}
	names := j.d.Ask.Names.Strings()
	asked := make([]string, len(names))
	for i, n := range names {
		if asked[i] = n; strings.HasPrefix(n, "email:") {
			asked[i] = "dns:" + host(n)
		}
	}
	days := j.product.Profile.ReuseDays
	if days == 0 {
		days = reuseDays
	}
	got, err := s.d.Domains.Proven(ctx, j.d.Account, ownerOf(j), asked, time.Duration(days)*24*time.Hour, j.product.Profile.Ancestors)
	if err != nil {
		return nil, nil, err
	}
	declared, err := s.declared(ctx, j)
	if err != nil {
		return nil, nil, err
	}
	for i, n := range names {
		if slices.Contains(got, asked[i]) || policy.Proven(n, declared) {
			proven = append(proven, n)
		} else {
			missing = append(missing, n)
		}
	}
	return proven, missing, nil
}

// declared are the names that an administrator declared proven for the
// credential that ordered.
func (s *Service) declared(ctx context.Context, j *job) ([]string, error) {
	c, err := s.credential(ctx, j)
	if c == nil {
		return nil, err
	}
	return c.ProvenNames, nil
}

// credential is the one that ordered; nil for people.
func (s *Service) credential(ctx context.Context, j *job) (*core.Credential, error) {
	if j.o.Credential == "" {
		return nil, nil
	}
	c, err := s.d.Storage.Credential(ctx, nil, j.o.Account, j.o.Credential)
	if core.Is(err, core.KindNotFound) {
		return nil, nil
	}
	return c, err
}

// ownerOf is whose proofs of control serve the order.
func ownerOf(j *job) domain.Owner {
	return domain.Owner{Organisation: j.d.Owner, Group: j.o.Group}
}

// organisation is the one that the certificate shows; nil when the family shows none.
func (s *Service) organisation(ctx context.Context, j *job) (*core.Organisation, error) {
	if j.terms.Family.Purpose() == "" || j.d.Organisation == "" {
		return nil, nil
	}
	return s.d.Storage.Organisation(ctx, nil, j.d.Account, j.d.Organisation)
}

// request is what enroll is asked for an order that lacks nothing.
func (s *Service) request(ctx context.Context, p *core.Principal, j *job) (enroll.Request, error) {
	org, err := s.organisation(ctx, j)
	if err != nil {
		return enroll.Request{}, err
	}
	proven, _, err := s.proofs(ctx, j)
	if err != nil {
		return enroll.Request{}, err
	}
	names := j.d.Ask.Names
	return enroll.Request{Principal: p, Product: j.product.ID, CSR: j.d.CSR, Subject: subject(&j.d.Ask, &j.product.Profile, org), Names: &names,
		KeyGen: j.d.Ask.KeyGen, Proofs: proven, Replaces: j.o.Replaces, Anew: j.d.Mode != modeRenew, Judged: true, New: true,
		Comment: j.d.Ask.Remarks, Origin: core.Origin{Protocol: j.o.Protocol}}, nil
}
