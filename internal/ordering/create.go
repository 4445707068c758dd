package ordering

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/domain"
	"github.com/certwright/certwright/internal/enroll"
	"github.com/certwright/certwright/internal/policy"
)

// Modes of an order that follows another.
const (
	modeRekey  = "rekey"
	modeUpdate = "update-sans"
	modeRenew  = "renew"
)

const (
	maxAsk       = 256 << 10 // octets of an ask as JSON
	maxDocuments = 20        // of an order
	renewDays    = 30        // before the end, where the order does not say
)

// making is a new order on its way.
type making struct {
	job
	p       *core.Principal
	n       *New
	uploads []core.Document // sealed, to be kept
	draft   *job            // that this hands in
	key     string          // idempotency key as stored
	// follow is what a reissue or renewal adds: modes, what to revoke.
	follow *core.OrderDetails
	of     *core.Order // the order that it follows
	// before judges a new order; a repeat has been answered by then.
	before func(ctx context.Context) error
	now    time.Time
	// quiet: nobody waits for the answer (automatic renewal); the order is
	// recorded first and handed over like one that was woken.
	quiet bool
}

// digest tells whether two wishes are the same.
func (n *New) digest(f *core.OrderDetails) (string, error) {
	docs := make([]string, len(n.Documents))
	for i, u := range n.Documents {
		sum := sha256.Sum256(u.Body)
		docs[i] = u.Name + "\x00" + hex.EncodeToString(sum[:])
	}
	var signer, place string
	if n.Agreement != nil { // the text that was read only guards: a repeat may come after the next version
		signer, place = n.Agreement.SignerName, n.Agreement.SignerPlace
	}
	j, err := json.Marshal([]any{n.Product, n.Code, n.Ask, n.Organisation, n.Group, n.CSR, signer, place, docs, n.Draft, n.Promote, f})
	sum := sha256.Sum256(j)
	if len(j) > maxAsk {
		return "", core.Errorf(core.KindTooLarge, "the order is longer than %d octets", maxAsk)
	}
	return hex.EncodeToString(sum[:]), err
}

// Create records an order and takes it as far as what came with it allows: an
// order that lacks nothing is issued in this call. Errors carry the place in
// Field: "product", "organization", "csr", "agreement", "names",
// "documents", "fields.<id>", "request", "validity". Kinds as enroll.Submit and: not-found
// (draft), conflict (idempotency key, draft handed in already), forbidden
// (product, group, organisation).
func (s *Service) Create(ctx context.Context, p *core.Principal, n New) (*View, error) {
	return s.create(ctx, &making{p: p, n: &n})
}

func (s *Service) create(ctx context.Context, m *making) (*View, error) {
	v, err := s.make(ctx, m)
	if err != nil && m.p.Account != "" && core.KindOf(err) != core.KindInternal && core.KindOf(err) != core.KindUnavailable {
		e := core.EventOf(m.p, s.d.Now(), "order.create", "account:"+string(m.p.Account))
		e.Outcome, e.Detail = core.Refused, map[string]any{"kind": string(core.KindOf(err)), "detail": core.AsError(err).Detail, "field": core.AsError(err).Field}
		if aerr := s.d.Audit.Record(ctx, e); aerr != nil {
			return nil, aerr
		}
	}
	return v, err
}

func (s *Service) make(ctx context.Context, m *making) (*View, error) {
	m.now = s.d.Now()
	digest, err := m.n.digest(m.follow)
	if err != nil {
		return nil, err
	}
	if m.n.IdempotencyKey != "" {
		m.key = enroll.StoredKey(m.p, m.n.IdempotencyKey)
		if v, err := s.repeat(ctx, m, digest); v != nil || err != nil {
			return v, err
		}
	}
	if m.before != nil {
		if err := m.before(ctx); err != nil {
			return nil, err
		}
	}
	if err := s.prepare(ctx, m, digest); err != nil {
		return nil, err
	}
	if m.n.Draft {
		m.o.State = core.OrderDraft
		return s.insert(ctx, m, nil)
	}
	g, err := s.open(ctx, m)
	if err != nil {
		return nil, err
	}
	switch {
	case g != nil:
		m.o.State = g.state
	case !m.quiet:
		return s.direct(ctx, m)
	default:
		m.o.State = core.OrderAgreement
	}
	return s.insert(ctx, m, g)
}

// repeat answers from the order that was made under the same key. nil: there
// is none.
func (s *Service) repeat(ctx context.Context, m *making, digest string) (*View, error) {
	o, err := s.d.Storage.OrderByKey(ctx, m.key)
	if core.Is(err, core.KindNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d, err := s.details(ctx, o)
	if err != nil {
		return nil, err
	}
	if o.Account != m.p.Account || d == nil || d.Digest != digest {
		return nil, core.Errorf(core.KindConflict, "the idempotency key was used for another request").At("idempotency-key")
	}
	v, err := s.look(ctx, o, d)
	if v != nil {
		v.Repeat = true
	}
	return v, err
}

// prepare turns the wish into an order and its details, and judges what can be
// judged at once.
func (s *Service) prepare(ctx context.Context, m *making, digest string) error {
	n := m.n
	if err := s.promoted(ctx, m); err != nil {
		return err
	}
	ask := n.Ask
	shape := gather(&ask)
	if a := n.Ask.Shape; a != "" && a != shape {
		return core.Errorf(core.KindBadName, "the names have the shape %s, not %s", shape, a).At("names")
	}
	group, err := s.groupOf(ctx, m.p, n.Group)
	if m.quiet {
		group, err = m.of.Group, nil
	}
	if err != nil {
		return err
	}
	if m.product, err = s.resolve(ctx, m.p, n, shape); err != nil {
		return err
	}
	m.terms = m.product.OrderTerms()
	twin(&ask)
	ask.Family, ask.Shape, ask.Code = m.terms.Family, shapeFor(m.product, shape), codeFor(m.product, shape)
	p := *m.p
	p.Group = group
	m.p = &p
	m.d = &core.OrderDetails{Account: p.Account, Organisation: n.Organisation, Ask: ask, CSR: n.CSR, Digest: digest, Version: 1, CreatedAt: m.now, UpdatedAt: m.now}
	m.o = &core.Order{Account: p.Account, User: p.User, Group: group, Product: m.product.ID, Issuer: m.product.Issuer, Protocol: n.Origin.Protocol,
		IdempotencyKey: m.key, CreatedAt: m.now, UpdatedAt: m.now}
	if p.Credential != nil {
		m.o.Credential = p.Credential.ID
	}
	if err := s.followed(ctx, m); err != nil {
		return err
	}
	if err := s.belonging(ctx, m); err != nil {
		return err
	}
	if err := s.judge(ctx, m); err != nil {
		return err
	}
	return s.sealAll(m)
}

// promoted finds the draft that the wish hands in.
func (s *Service) promoted(ctx context.Context, m *making) error {
	if m.n.Promote == 0 {
		return nil
	}
	d, err := s.d.Storage.DetailsByRequest(ctx, m.p.Account, m.n.Promote)
	if err != nil {
		return core.AsError(err).At("request")
	}
	if m.draft, err = s.load(ctx, m.p, d.Order); err != nil {
		return core.AsError(err).At("request")
	}
	if m.draft.o.State != core.OrderDraft {
		return core.Errorf(core.KindConflict, "this draft was handed in already: the order is %s", m.draft.o.State).At("request")
	}
	return nil
}

// followed copies what a reissue or renewal brings.
func (s *Service) followed(ctx context.Context, m *making) error {
	d := m.d
	if f := m.follow; f != nil {
		d.Reissues, d.Mode, d.Reason, d.RevokeOld, d.RevokeAll, d.RevokeReason = f.Reissues, f.Mode, f.Reason, f.RevokeOld, f.RevokeAll, f.RevokeReason
		d.Approved, d.Until, d.Agreement = f.Approved, f.Until, f.Agreement
		m.o.Replaces = f.Reissues
	}
	if m.quiet {
		m.o.Credential, m.o.User = m.of.Credential, m.of.User
	}
	a := &d.Ask
	switch longest := max(m.terms.MaxYears, 1); {
	case a.Years < 0 || a.RenewDays < 0:
		return core.Errorf(core.KindInvalid, "the subscription cannot be negative").At("validity")
	case a.Years > longest:
		return core.Errorf(core.KindPolicy, "the product is sold for at most %d years", longest).At("validity")
	}
	a.Years = max(a.Years, 1)
	if d.Until.IsZero() {
		d.Until = m.now.AddDate(a.Years, 0, 0)
	}
	if g := m.n.Agreement; g != nil {
		if g.SignerName == "" {
			return core.Errorf(core.KindInvalid, "the agreement needs the name of who signs it").At("agreement")
		}
		var err error
		if d.Agreement, err = s.signed(ctx, m.p, m.product.ID, *g, m.now); err != nil {
			return err
		}
	}
	return nil
}

// signed is an agreement as received now from p, under the present text of the product.
// Errors: conflict at "text", when the signer read another one.
func (s *Service) signed(ctx context.Context, p *core.Principal, product core.ProductID, a core.Agreement, now time.Time) (*core.Agreement, error) {
	text, err := s.d.Agreements.Standing(ctx, p.Account, product)
	if err != nil {
		return nil, err
	}
	read := a.Text
	a.SignedAt, a.Address, a.Text, a.Version, a.Digest = now, "", "", 0, ""
	if p.Address.IsValid() {
		a.Address = p.Address.String()
	}
	if text != nil {
		a.Text, a.Version, a.Digest = text.ID, text.Version, text.Digest
	}
	if read != "" && read != a.Text {
		return nil, core.Errorf(core.KindConflict, "the agreement has changed: read it again").At("text")
	}
	return &a, nil
}

// signature is one as the audit log has it.
func signature(a *core.Agreement) map[string]any {
	d := map[string]any{"signer": a.SignerName, "place": a.SignerPlace}
	if a.Text != "" {
		d["text"], d["text_version"], d["text_digest"] = string(a.Text), a.Version, a.Digest
	}
	return d
}

// belonging checks the organisation and finds whose proofs of control count.
func (s *Service) belonging(ctx context.Context, m *making) error {
	n, d := m.n, m.d
	if d.Organisation == "" && m.terms.Family.Purpose() != "" && !n.Draft {
		return core.Errorf(core.KindPolicy, "this product needs an organisation").At("organization")
	}
	if d.Organisation != "" && !m.quiet {
		orgs, err := s.d.Vetting.Organisations(ctx, m.p)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(orgs, func(o core.Organisation) bool { return o.ID == d.Organisation }) {
			return core.Errorf(core.KindForbidden, "there is no such organisation among those that may be ordered for here").At("organization")
		}
		if n.PreVettingToken != "" {
			ok, err := s.d.Vetting.CheckToken(ctx, m.p.Account, d.Organisation, n.PreVettingToken)
			if err != nil {
				return err
			}
			if !ok {
				return core.Errorf(core.KindForbidden, "the pre-vetting token is not the organisation's").At("organization")
			}
		}
	}
	if m.quiet {
		d.Owner = m.follow.Owner
		return nil
	}
	owner := domain.Owner{Organisation: d.Organisation}
	if d.Organisation == "" && m.product.Profile.ValidateNames {
		var err error
		if owner, err = s.d.Domains.OwnerOf(ctx, m.p); err != nil {
			return err
		}
	}
	d.Owner = owner.Organisation
	return nil
}

// judge checks names, subject, fields and key by the product.
func (s *Service) judge(ctx context.Context, m *making) error {
	d, draft := m.d, m.n.Draft
	if err := checkFields(m.terms.Fields, d.Ask.Fields, !draft); err != nil {
		return err
	}
	org, err := s.organisation(ctx, &m.job)
	if err != nil {
		return err
	}
	dn := subject(&d.Ask, &m.product.Profile, org)
	names, reasons, err := s.d.Enroll.CheckContent(ctx, m.p, m.product.ID, dn, d.Ask.Names)
	if err != nil {
		return err
	}
	if err := policy.Refusal(reasons); err != nil && !draft {
		field := "names"
		if core.Is(err, core.KindPolicy) {
			field = reasons[0].Field
		}
		return core.AsError(err).At(field)
	}
	if len(reasons) == 0 {
		d.Ask.Names = names
	}
	m.o.Subject, m.o.Names = dn.String(), d.Ask.Names.Strings()
	if d.Ask.KeyGen != "" && len(d.CSR) > 0 {
		d.Ask.KeyGen = "" // the client brought a key
	}
	if f := &m.product.Profile; d.Ask.KeyGen != "" && !(f.ServerKeys && f.KeyExport) {
		return core.Errorf(core.KindPolicy, "the product does not let the key pair be made here and fetched").At("key")
	}
	if len(d.CSR) > 0 {
		return s.checkKey(ctx, m.p, &m.job)
	}
	return nil
}

// checkKey judges a CSR: what it says, and what certificate would come of it.
func (s *Service) checkKey(ctx context.Context, p *core.Principal, j *job) error {
	org, err := s.organisation(ctx, j)
	if err != nil {
		return err
	}
	if err := contradiction(j.d.CSR, &j.d.Ask, subject(&j.d.Ask, &j.product.Profile, org)); err != nil {
		return err
	}
	r, err := s.request(ctx, p, j)
	if err != nil {
		return err
	}
	r.Proofs = j.d.Ask.Names.Strings() // whether control is proven is a step of its own
	v, err := s.d.Enroll.DryRun(ctx, r)
	if err != nil {
		return err
	}
	if err := policy.Refusal(v.Reasons); err != nil {
		e := core.AsError(err)
		if core.Is(err, core.KindBadKey) {
			return e.At("csr")
		}
		return e
	}
	return nil
}

// sealAll makes the documents of the wish ready to be kept.
func (s *Service) sealAll(m *making) error {
	if len(m.n.Documents) > maxDocuments {
		return core.Errorf(core.KindQuota, "an order has at most %d documents", maxDocuments).At("documents")
	}
	var err error
	m.uploads, err = s.sealed(m.p, m.n.Documents, m.o.Group, m.now)
	m.docs = m.uploads
	if m.docs == nil {
		m.docs = []core.Document{}
	}
	return err
}

func (s *Service) sealed(p *core.Principal, up []Upload, group core.GroupID, now time.Time) ([]core.Document, error) {
	var out []core.Document
	for _, u := range up {
		if err := core.CheckPDF(u.Name, u.Description, u.Body); err != nil {
			return nil, err
		}
		sum := sha256.Sum256(u.Body)
		doc := core.Document{ID: core.NewID[core.DocumentID](now), Account: p.Account, Group: group, Name: u.Name, Description: u.Description,
			Type: "application/pdf", Size: len(u.Body), SHA256: sum[:], Uploader: p.Actor(), CreatedAt: now}
		var err error
		if doc.Sealed, err = s.d.Sealer.Seal(u.Body, core.DocumentPlace(doc.ID)); err != nil {
			return nil, err
		}
		out = append(out, doc)
	}
	return out, nil
}
