package est

import (
	"crypto"
	"crypto/x509"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/protocol"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// maxBody bounds every request body, in octets.
const maxBody = 64 << 10

// Deps is what EST stands on.
type Deps struct {
	Auth   protocol.Authenticator
	Enroll protocol.Enroller
	Audit  protocol.Auditor
	Log    *slog.Logger
	Now    func() time.Time
	// Realm is shown by clients that ask a person for the password; empty:
	// "Certwright EST".
	Realm string
	// RetryAfter is what a pending client is told to wait when enroll does not
	// say; 0 means one minute.
	RetryAfter time.Duration
	// KeySigner returns the key and certificate that sign private keys made
	// here when a client wants them encrypted (RFC 7030 section 4.4.2: whoever
	// generated the key signs it); never a CA's. Nil: see the deviation at
	// encryptKey.
	KeySigner func() (*KeySigner, error)
}

// KeySigner is who signs key packages.
type KeySigner struct {
	Key          crypto.Signer
	Certificate  *x509.Certificate
	Certificates [][]byte // DER, sent along: the certificate and its chain
}

// Service is the EST protocol.
type Service struct{ d Deps }

// New makes the protocol.
func New(d Deps) *Service {
	if d.Realm == "" {
		d.Realm = "Certwright EST"
	}
	d.Realm = strings.NewReplacer(`"`, "", `\`, "").Replace(d.Realm) // it is written between quotes
	if d.RetryAfter <= 0 {
		d.RetryAfter = time.Minute
	}
	return &Service{d: d}
}

// Name implements protocol.Protocol.
func (*Service) Name() string { return "est" }

// operation is one of RFC 7030 section 3.2.2.
type operation struct {
	name   string
	method string
	run    func(*call) error
}

func (s *Service) operations() []operation {
	return []operation{
		{"cacerts", http.MethodGet, (*call).cacerts},
		{"csrattrs", http.MethodGet, (*call).csrattrs},
		{"simpleenroll", http.MethodPost, (*call).simpleenroll},
		{"simplereenroll", http.MethodPost, (*call).simplereenroll},
		{"serverkeygen", http.MethodPost, (*call).serverkeygen},
		{"fullcmc", http.MethodPost, (*call).fullcmc},
	}
}

// Routes implements protocol.Protocol. Patterns carry no method, because
// ServeMux would serve HEAD by a GET pattern and answer other methods itself.
func (s *Service) Routes() []protocol.Route {
	var routes []protocol.Route
	for _, op := range s.operations() {
		h := s.handler(op)
		for _, prefix := range []string{"/.well-known/est/", "/.well-known/est/{label}/", "/est/{label}/.well-known/est/"} {
			routes = append(routes, protocol.Route{Pattern: prefix + op.name, On: protocol.Main | protocol.MTLS, Handler: h, MaxBody: maxBody})
		}
	}
	unknown := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, core.Errorf(core.KindNotFound, "there is no such EST operation; the path is /.well-known/est/<label>/<operation>"))
	})
	return append(routes,
		protocol.Route{Pattern: "/.well-known/est/", On: protocol.Main | protocol.MTLS, Handler: unknown},
		protocol.Route{Pattern: "/est/", On: protocol.Main | protocol.MTLS, Handler: unknown})
}

// call is one request on its way.
type call struct {
	s    *Service
	op   string
	w    http.ResponseWriter
	r    *http.Request
	cred *core.Credential
	// who has proven himself; until submitted, nobody but this package can
	// record why he is refused. enroll records its own refusals.
	who       *core.Principal
	submitted bool
}

func (s *Service) handler(op operation) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != op.method {
			w.Header().Set("Allow", op.method)
			text(w, r, http.StatusMethodNotAllowed, op.name+" is a "+op.method+" request")
			return
		}
		c := &call{s: s, op: op.name, w: w, r: r}
		var err error
		if c.cred, err = s.d.Auth.Credential(r.Context(), core.CredentialEST, r.PathValue("label")); err != nil {
			s.fail(w, r, err)
			return
		}
		if err := op.run(c); err != nil {
			if c.who != nil && !c.submitted {
				c.auditRequest(err)
			}
			s.fail(w, r, err)
		}
	})
}

// public is what operations without authentication check: a revoked or expired
// credential serves nothing at all.
func (c *call) public() error {
	return c.cred.Usable(c.s.d.Now(), httpx.ClientAddr(c.r.Context()))
}

// fullcmc refuses Full PKI Requests (RFC 7030 section 4.3 makes them
// optional).
func (c *call) fullcmc() error {
	if err := c.public(); err != nil {
		return err
	}
	return core.Errorf(core.KindUnsupported, "this server does not do Full CMC; use simpleenroll or simplereenroll")
}
