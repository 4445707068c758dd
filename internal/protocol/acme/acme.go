package acme

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/enroll"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/protocol"
	"github.com/certwright/certwright/internal/validation"
	"github.com/certwright/certwright/internal/wire/httpx"
	"github.com/certwright/certwright/internal/wire/jws"
)

// Authenticator is the part of identity that ACME uses.
type Authenticator interface {
	Credential(ctx context.Context, typ core.CredentialType, label string) (*core.Credential, error)
	Vouch(c *core.Credential, p identity.Proof) (*core.Principal, error)
	SecretOf(c *core.Credential) ([]byte, error)
}

// Enroller is the part of enroll that ACME uses.
type Enroller interface {
	Submit(ctx context.Context, r enroll.Request) (*enroll.Result, error)
	Poll(ctx context.Context, p *core.Principal, id core.OrderID) (*enroll.Result, error)
	Revoke(ctx context.Context, p *core.Principal, id core.CertificateID, reason int) error
	Product(ctx context.Context, account core.AccountID, id core.ProductID) (*core.Product, error)
	CheckNames(ctx context.Context, p *core.Principal, product core.ProductID, names core.Names) (core.Names, []core.Reason, error)
}

// Auditor is the part of the audit log that ACME writes to.
type Auditor interface {
	Write(tx core.Tx, e ...core.Event)
	Record(ctx context.Context, e core.Event) error
}

// Checker is the part of validation that ACME uses.
type Checker interface {
	validation.Checker
	// CAA judges the CAA records of a name for a method and an account.
	CAA(ctx context.Context, name string, wildcard bool, issuerDomains []string, accountURL, method string) (*core.Failure, []core.Record)
}

// Attested is what a device attestation proves.
type Attested struct {
	Identifiers []string // permanent identifiers or hardware module names that it vouches for
	SPKI        []byte   // DER of the attested key
}

// Attester judges a device attestation (CBOR) against roots (PEM). Its error is
// a *core.Failure when the attestation is at fault.
type Attester func(object []byte, token, keyAuthorization, roots string, now time.Time) (*Attested, error)

// Domains tells which names the domain service knows to be controlled by
// whoever asks, as far as the profile lets proofs carry.
type Domains interface {
	ProvenFor(ctx context.Context, p *core.Principal, profile *core.Profile, names []string) ([]string, error)
}

// Deps is what ACME stands on.
type Deps struct {
	Auth    Authenticator
	Enroll  Enroller
	Audit   Auditor
	Storage Storage
	Checker Checker
	Domains Domains // nil: only the credential's own names are pre-proven
	Attest  Attester
	Nonces  Nonces
	// BaseURL is how clients reach the server: https://host[:port].
	BaseURL func() string
	Log     *slog.Logger
	Now     func() time.Time
	// Patience is how long an answer waits for a check of control or for the
	// CA before it says "processing"; 0: two seconds.
	Patience time.Duration
	// Delays are the pauses before further attempts of a check that may
	// succeed later; nil: 2, 4 and 8 seconds.
	Delays []time.Duration
}

// Service is the ACME protocol.
type Service struct {
	d    Deps
	stop context.Context // ends the checks that run beside requests
	end  context.CancelFunc
	runs sync.WaitGroup

	slots chan struct{} // checks that run at the same time
	mu    sync.Mutex
	busy  map[string]*run // challenges that this process checks
}

// maxChecks is how many checks of control one process makes at the same time;
// more wait, so that nobody can use this server to flood others.
const maxChecks = 256

// New makes the protocol. Close ends what it does in the background.
func New(d Deps) *Service {
	if d.Patience <= 0 {
		d.Patience = 2 * time.Second
	}
	if d.Delays == nil {
		d.Delays = []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second}
	}
	s := &Service{d: d, busy: map[string]*run{}, slots: make(chan struct{}, maxChecks)}
	s.stop, s.end = context.WithCancel(context.Background())
	return s
}

// Close ends the checks that are under way; another process, or the next
// start, takes them up.
func (s *Service) Close() { s.end(); s.runs.Wait() }

// Name implements protocol.Protocol.
func (*Service) Name() string { return "acme" }

// who says which key must have signed a request.
type who int

const (
	byAccount who = iota // kid of a valid account
	byKey                // jwk
	byEither
)

// operation is one resource of RFC 8555 section 7.1 or a relative.
type operation struct {
	path string // below /acme/{label}/
	who  who
	run  func(*call) error
}

func operations() []operation {
	return []operation{
		{"new-account", byKey, (*call).newAccount},
		{"new-order", byAccount, (*call).newOrder},
		{"new-authz", byAccount, (*call).newAuthz},
		{"revoke-cert", byEither, (*call).revokeCert},
		{"key-change", byAccount, (*call).keyChange},
		{"acct/{id}", byAccount, (*call).account},
		{"acct/{id}/orders", byAccount, (*call).orders},
		{"order/{id}", byAccount, (*call).order},
		{"order/{id}/finalize", byAccount, (*call).finalize},
		{"authz/{id}", byAccount, (*call).authorization},
		{"chall/{id}/{n}", byAccount, (*call).challenge},
		{"cert/{id}", byAccount, (*call).certificate},
		{"cert/{id}/{n}", byAccount, (*call).certificate},
	}
}

// Routes implements protocol.Protocol. Patterns carry no method, because
// ServeMux would answer other methods itself, without a problem document.
func (s *Service) Routes() []protocol.Route {
	route := func(path string, h http.HandlerFunc) protocol.Route {
		return protocol.Route{Pattern: "/acme/" + path, On: protocol.Main, Handler: h, MaxBody: jws.MaxBody}
	}
	routes := []protocol.Route{
		route("directory", s.read(s.get(s.directory, http.MethodPost), (*call).directory)),
		route("{label}/directory", s.read(s.get(s.directory, http.MethodPost), (*call).directory)),
		route("{label}/new-nonce", s.read(s.newNonce, (*call).newNonce)),
		route("{label}/renewal-info/{id}", s.get(s.renewalInfo)),
	}
	for _, op := range operations() {
		routes = append(routes, route("{label}/"+op.path, s.post(op)))
	}
	return append(routes, route("", func(w http.ResponseWriter, r *http.Request) {
		s.common(w, "")
		s.fail(w, r, refuse(http.StatusNotFound, malformed, "there is no such ACME resource; a directory is at /acme/<label>/directory"))
	}))
}

// common sets the headers of every answer.
func (s *Service) common(w http.ResponseWriter, label string) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Link, Location, Replay-Nonce, Retry-After")
	if label != "" {
		h.Add("Link", "<"+s.base(label)+"directory>;rel=\"index\"")
	}
}

// base is the URL below which a credential's resources lie.
func (s *Service) base(label string) string {
	return s.d.BaseURL() + "/acme/" + url.PathEscape(label) + "/"
}

// credential finds the credential of a request and checks that it may be used.
func (s *Service) credential(r *http.Request) (*core.Credential, *core.Principal, error) {
	ctx := r.Context()
	c, err := s.d.Auth.Credential(ctx, core.CredentialACME, r.PathValue("label"))
	if core.Is(err, core.KindNotFound) {
		return nil, nil, refuse(http.StatusNotFound, malformed, "there is no such ACME directory")
	}
	if err != nil {
		return nil, nil, err
	}
	p, err := s.d.Auth.Vouch(c, identity.Proof{Address: httpx.ClientAddr(ctx), RequestID: httpx.RequestID(ctx)})
	return c, p, err
}

// options are a credential's settings, never nil.
func options(c *core.Credential) *core.ACMEOptions {
	if c.Options.ACME == nil {
		return &core.ACMEOptions{}
	}
	return c.Options.ACME
}

// read wraps a resource that is read with GET and with a signed request
// (RFC 8555 section 6.3: directory and newNonce take both).
func (s *Service) read(get http.HandlerFunc, signed func(*call) error) http.HandlerFunc {
	post := s.post(operation{"", byAccount, signed})
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			post(w, r)
			return
		}
		get(w, r)
	}
}

// get wraps a resource that is read without a signature; also are further
// methods that it has.
func (s *Service) get(f func(w http.ResponseWriter, r *http.Request, c *core.Credential) error, also ...string) http.HandlerFunc {
	methods := append([]string{http.MethodGet, http.MethodHead}, also...)
	return func(w http.ResponseWriter, r *http.Request) {
		s.common(w, "")
		if !s.allowed(w, r, methods...) {
			return
		}
		c, _, err := s.credential(r)
		if err == nil {
			err = f(w, r, c)
		}
		if err != nil {
			s.fail(w, r, err)
		}
	}
}

// allowed answers 405 unless the method is one of those named.
func (s *Service) allowed(w http.ResponseWriter, r *http.Request, methods ...string) bool {
	for _, m := range methods {
		if r.Method == m {
			return true
		}
	}
	s.fail(w, r, refuse(http.StatusMethodNotAllowed, malformed, "this resource takes "+strings.Join(methods, " and ")+" requests only").
		with("Allow", strings.Join(methods, ", ")))
	return false
}

// newNonce is RFC 8555 section 7.2.
func (s *Service) newNonce(w http.ResponseWriter, r *http.Request) {
	s.common(w, r.PathValue("label"))
	if !s.allowed(w, r, http.MethodHead, http.MethodGet, http.MethodPost) {
		return
	}
	if _, _, err := s.credential(r); err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Replay-Nonce", s.d.Nonces.New())
	w.Header().Set("Cache-Control", "no-store")
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// newNonce is the signed form; the nonce is in the answer's header already.
func (c *call) newNonce() error {
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// address is the client's address as text.
func address(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
