package enroll

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/certwright/certwright/internal/connector"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/policy"
	"github.com/certwright/certwright/internal/wire/x509x"
)

const (
	// lease is how long whoever signs has before another may take up the order.
	lease = 30 * time.Second
	// repeatWindow is how long an identical request without an idempotency key
	// of its own gets the same certificate again.
	repeatWindow = 24 * time.Hour
	// pendingRetry is what clients are told to wait while people decide.
	pendingRetry = 5 * time.Minute
	// busyRetry is what clients are told to wait while a signature is under way elsewhere.
	busyRetry = time.Second
)

// Deps are what the service stands on.
type Deps struct {
	Storage    Storage
	Audit      Audit
	Sealer     Sealer
	Followup   Followup
	Connectors []connector.Connector
	Domains    Domains // nil: no names are proven but those of requests and credentials
	Now        func() time.Time
	Logger     *slog.Logger
	// CAA looks at the CAA records of a name for one of issuers; nil: they are
	// not looked at here.
	CAA func(ctx context.Context, name string, wildcard bool, issuers []string) *core.Failure
	// Point, when set, is called at named places of the issuing path with the
	// serial number at stake: "before-serial" (nothing is on disk),
	// "before-sign" (the serial is), "before-commit" (a signature exists that
	// nobody has seen). Kill tests stop the process there.
	Point func(name, serial string)
}

// Service is the issuing service.
type Service struct {
	d          Deps
	connectors map[string]connector.Connector
	products   cache[core.ProductID, *policy.Compiled]
	issuers    cache[core.IssuerID, *core.Issuer]

	mu       sync.Mutex
	inflight map[string]chan struct{} // by idempotency key: closed when this process is done with it
}

// New makes the service.
func New(d Deps) *Service {
	s := &Service{d: d, connectors: map[string]connector.Connector{}, inflight: map[string]chan struct{}{}}
	for _, c := range d.Connectors {
		s.connectors[c.Type()] = c
	}
	if s.d.Point == nil {
		s.d.Point = func(string, string) {}
	}
	return s
}

// cache keeps values by id and version.
type cache[K comparable, V any] struct{ m sync.Map }

type versioned[V any] struct {
	version int
	value   V
}

func (c *cache[K, V]) get(id K, version int, load func() (V, error)) (V, error) {
	if x, ok := c.m.Load(id); ok && x.(versioned[V]).version == version {
		return x.(versioned[V]).value, nil
	}
	v, err := load()
	if err == nil {
		c.m.Store(id, versioned[V]{version, v})
	}
	return v, err
}

// wish is a request on its way through Submit.
type wish struct {
	req      *Request
	now      time.Time
	product  *policy.Compiled
	draft    *core.Product // judged in place of a stored product
	issuer   *core.Issuer
	conn     connector.Connector
	template core.Template
	names    []string
	key      string // idempotency key as stored
	derived  bool   // key was made from the content
	digest   string // of the content
	asked    []byte // SubjectPublicKeyInfo in the request
	pkcs8    []byte // key made here
	replaces *core.Certificate
}

// Submit asks for a certificate. The answer is final (issued), or an order to
// poll. A repeat of the request gives the first outcome and never a second
// certificate. Refusals are in the audit log.
//
// Errors: forbidden (product not among the principal's), bad-csr, bad-proof,
// bad-key, bad-name, policy, lint, not-validated, quota, conflict (idempotency
// key used for something else), approval-refused, upstream, unavailable.
func (s *Service) Submit(ctx context.Context, r Request) (*Result, error) {
	w := &wish{req: &r, now: s.d.Now()}
	res, err := s.submit(ctx, w)
	if err != nil && core.KindOf(err) != core.KindInternal && core.KindOf(err) != core.KindUnavailable {
		if aerr := s.d.Audit.Record(ctx, s.refusal(w, err)); aerr != nil {
			return nil, aerr
		}
	}
	return res, err
}

func (s *Service) submit(ctx context.Context, w *wish) (*Result, error) {
	if err := s.load(ctx, w); err != nil {
		return nil, err
	}
	ask, err := s.ask(w)
	if err != nil {
		return nil, err
	}
	if err := s.judge(ctx, w, ask); err != nil {
		return nil, err
	}
	s.identify(w)
	done, res, err := s.enter(ctx, w)
	if err != nil || res != nil {
		return res, err
	}
	defer done()
	return s.order(ctx, w)
}

// load finds product, issuer, connector and the certificate to be replaced.
func (s *Service) load(ctx context.Context, w *wish) error {
	if w.draft != nil {
		return s.loadDraft(ctx, w)
	}
	p := w.req.Principal
	id := w.req.Product
	if id == "" {
		id = p.Product
	}
	if id == "" {
		return core.Errorf(core.KindInvalid, "no product is named").At("product")
	}
	if p.Credential != nil && !w.req.Judged && !slices.Contains(p.Products, id) {
		return core.Errorf(core.KindForbidden, "the credential may not order this product").At("product")
	}
	var err error
	if w.product, w.issuer, err = s.terms(ctx, p.Account, id); err != nil {
		return err
	}
	if w.product.Product().State != core.ProductActive {
		return core.Errorf(core.KindForbidden, "the product is disabled").At("product")
	}
	if err := s.connect(w); err != nil {
		return err
	}
	if w.req.Replaces == "" {
		return nil
	}
	w.replaces, err = s.d.Storage.Certificate(ctx, p.Account, w.req.Replaces)
	if err != nil {
		return err
	}
	if p.Credential != nil && !w.req.Judged && w.replaces.Credential != p.Credential.ID {
		return core.Errorf(core.KindNotFound, "there is no such certificate").At("replaces")
	}
	return nil
}

// loadDraft is load for a product that is stored nowhere.
func (s *Service) loadDraft(ctx context.Context, w *wish) (err error) {
	if w.product, err = policy.Compile(*w.draft); err != nil {
		return err
	}
	if w.issuer, err = s.d.Storage.Issuer(ctx, w.req.Principal.Account, w.draft.Issuer); err != nil {
		return err
	}
	return s.connect(w)
}

// connect finds the way to the issuer.
func (s *Service) connect(w *wish) error {
	if w.issuer.State != core.IssuerActive {
		return core.Errorf(core.KindUnavailable, "the issuer of the product does not issue now").At("product")
	}
	if w.conn = s.connectors[w.issuer.Connector]; w.conn == nil {
		return core.Errorf(core.KindUnavailable, "this installation has no connector %q", w.issuer.Connector)
	}
	return nil
}

// terms returns the compiled product and its issuer, from the cache when their
// versions have not changed.
func (s *Service) terms(ctx context.Context, account core.AccountID, id core.ProductID) (*policy.Compiled, *core.Issuer, error) {
	t, err := s.d.Storage.Terms(ctx, account, id)
	if err != nil {
		return nil, nil, err
	}
	p, err := s.products.get(id, t.ProductVersion, func() (*policy.Compiled, error) {
		p, err := s.d.Storage.Product(ctx, account, id)
		if err != nil {
			return nil, err
		}
		return policy.Compile(*p)
	})
	if err != nil {
		return nil, nil, err
	}
	i, err := s.issuer(ctx, account, t.Issuer, t.IssuerVersion)
	return p, i, err
}

// issuer returns an issuer of which the version was just read. Its CRL
// and its responder may be older ones.
func (s *Service) issuer(ctx context.Context, account core.AccountID, id core.IssuerID, version int) (*core.Issuer, error) {
	return s.issuers.get(id, version, func() (*core.Issuer, error) { return s.d.Storage.Issuer(ctx, account, id) })
}

// ask reads the CSR, checks proof of possession, and puts what the caller said
// beside it on top.
func (s *Service) ask(w *wish) (policy.Ask, error) {
	var a policy.Ask
	r := w.req
	spki := r.SPKI
	if len(r.CSR) > 0 {
		csr, err := x509x.ParseCSR(r.CSR)
		if err != nil {
			return a, core.Wrap(core.KindBadCSR, err, "the certificate request cannot be read: %v", err).At("csr")
		}
		if !r.ProofChecked && r.KeyGen == "" {
			if err := csr.CheckSignature(); err != nil {
				return a, core.Wrap(core.KindBadProof, err, "the certificate request is not signed by its own key").At("csr")
			}
		}
		if a, err = policy.FromCSR(csr); err != nil {
			return a, err
		}
		spki = csr.RawSPKI
	}
	w.asked = spki
	if r.KeyGen != "" {
		var err error
		if !w.product.Product().Profile.ServerKeys {
			return a, core.Errorf(core.KindPolicy, "the product does not allow keys made by the server").At("key")
		}
		if w.pkcs8, spki, err = generate(r.KeyGen); err != nil {
			return a, err
		}
	}
	if len(spki) == 0 {
		return a, core.Errorf(core.KindInvalid, "neither certificate request nor public key is given").At("csr")
	}
	if len(r.CSR) == 0 || r.KeyGen != "" { // else FromCSR has judged the key
		var err error
		if a.Key, err = policy.KeyOf(spki); err != nil {
			return a, err
		}
	}
	if r.Subject != nil {
		a.Subject = r.Subject
	}
	if r.Names != nil {
		a.Names, a.Unsupported = *r.Names, nil
	}
	a.Validity, a.NotBefore, a.NotAfter, a.Replaces = r.Validity, r.NotBefore, r.NotAfter, w.replaces
	if r.Anew {
		a.Replaces = nil
	}
	switch c := r.Principal.Credential; {
	case r.Open != nil:
		a.AllowedNames = r.Open.AllowedNames
	case c != nil:
		a.AllowedNames = c.AllowedNames
	}
	return a, nil
}

// judge asks policy and the proofs of control.
func (s *Service) judge(ctx context.Context, w *wish, a policy.Ask) error {
	var reasons []core.Reason
	w.template, reasons = w.product.Evaluate(a, w.now)
	if err := policy.Refusal(reasons); err != nil {
		return err
	}
	w.names = w.template.Names.Strings()
	profile := w.product.Product().Profile
	if !profile.ValidateNames {
		return nil
	}
	proven := slices.Clone(w.req.Proofs)
	if c := w.req.Principal.Credential; c != nil && w.req.Open == nil {
		proven = append(proven, c.ProvenNames...)
	}
	missing := slices.DeleteFunc(slices.Clone(w.names), func(n string) bool { return policy.Proven(n, proven) })
	if len(missing) > 0 && s.d.Domains != nil {
		known, err := s.d.Domains.ProvenFor(ctx, w.req.Principal, &profile, missing)
		if err != nil {
			return err
		}
		missing = slices.DeleteFunc(missing, func(n string) bool { return slices.Contains(known, n) })
	}
	for _, n := range missing {
		reasons = append(reasons, core.Reason{Code: "name.not-validated", Field: "san", Value: n, Detail: "control of this name has not been proven"})
	}
	if len(reasons) > 0 {
		return core.Errorf(core.KindNotValidated, "control of a name has not been proven").Because(reasons...)
	}
	return nil
}

// identify computes digest and idempotency key of the wish. The CSR itself does
// not count: clients that poll sign a new one each time, or put the binding to
// the present connection into it (RFC 7030 section 3.5). What they ask for and
// the key that they ask with stay.
func (s *Service) identify(w *wish) {
	owner := owner(w.req.Principal)
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%s\x00%s\x00%s\x00%s\x00%d\x00%d\x00", owner, w.product.Product().ID, w.req.Replaces, w.req.KeyGen,
		w.template.Subject.String(), w.req.Validity, w.req.NotAfter.Unix())
	for _, n := range w.names {
		fmt.Fprintf(h, "%s\x00", n)
	}
	if !w.req.NotBefore.IsZero() {
		fmt.Fprintf(h, "from %d\x00", w.req.NotBefore.Unix())
	}
	for _, x := range w.template.Extensions {
		fmt.Fprintf(h, "%s\x00%x\x00", x.OID, x.Value)
	}
	h.Write(w.asked)
	sum := h.Sum(nil)
	w.digest = hex.EncodeToString(sum)
	switch {
	case w.req.IdempotencyKey != "":
		w.key = StoredKey(w.req.Principal, w.req.IdempotencyKey)
	case !w.req.New && w.req.Open == nil:
		w.key, w.derived = owner+":c:"+w.digest, true
	}
}

// owner is whose idempotency keys are told apart: the credential's, else the user's.
func owner(p *core.Principal) string {
	if p.Credential != nil {
		return string(p.Credential.ID)
	}
	return string(p.User)
}

// StoredKey is an idempotency key of p as orders keep it.
func StoredKey(p *core.Principal, key string) string {
	k := sha256.Sum256([]byte(key))
	return owner(p) + ":k:" + hex.EncodeToString(k[:])
}

// enter makes identical requests of this process queue up: the first goes on,
// the others wait for it and read its outcome.
func (s *Service) enter(ctx context.Context, w *wish) (done func(), res *Result, err error) {
	if w.key == "" {
		return func() {}, nil, nil
	}
	for {
		s.mu.Lock()
		ch, busy := s.inflight[w.key]
		if !busy {
			ch = make(chan struct{})
			s.inflight[w.key] = ch
			s.mu.Unlock()
			return func() {
				s.mu.Lock()
				delete(s.inflight, w.key)
				s.mu.Unlock()
				close(ch)
			}, nil, nil
		}
		s.mu.Unlock()
		select {
		case <-ch:
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
		o, err := s.d.Storage.OrderByKey(ctx, w.key)
		if core.Is(err, core.KindNotFound) {
			continue // the first one was refused; this one may try
		}
		if err != nil {
			return nil, nil, err
		}
		res, err := s.repeat(ctx, w, o)
		return nil, res, err
	}
}

// event starts the audit event of a wish.
func (s *Service) event(w *wish, action, object string) core.Event {
	e := core.EventOf(w.req.Principal, w.now, action, object)
	if e.Protocol == "" {
		e.Protocol = w.req.Origin.Protocol
	}
	return e
}

// refusal is the audit event of a request that was turned down.
func (s *Service) refusal(w *wish, err error) core.Event {
	e := s.event(w, "certificate.request", "product:"+string(w.req.Product))
	if w.product != nil {
		e.Object = "product:" + string(w.product.Product().ID)
	}
	e.Outcome = core.Refused
	ce := core.AsError(err)
	e.Detail = map[string]any{"kind": string(ce.Kind), "detail": ce.Detail}
	if len(ce.Reasons) > 0 {
		e.Detail["reasons"] = ce.Reasons[:min(len(ce.Reasons), 20)]
	}
	return e
}
