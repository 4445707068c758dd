package validation

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/miekg/dns"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// DefaultTimeout is what one attempt may take when Deps says nothing.
const DefaultTimeout = 10 * time.Second

// resolvConf is where resolvers come from when none are named.
const resolvConf = "/etc/resolv.conf"

// Deps is what the service needs.
type Deps struct {
	// Resolvers are recursive DNS servers as "host:port", asked in this order.
	// They should check DNSSEC: this service sees its failures only through
	// them. With none, /etc/resolv.conf is read, once, and without
	// that this host is asked.
	Resolvers []string
	// HTTPPort and TLSPort stand for 80 and 443; 0 means just these. Redirects
	// without a port go there too.
	HTTPPort, TLSPort int
	// AllowLoopback lets names point to this host itself.
	AllowLoopback bool
	// DenyPrivate refuses addresses of private networks.
	DenyPrivate bool
	// Timeout is for one whole attempt of one perspective; 0 means
	// DefaultTimeout.
	Timeout time.Duration
	// Vantages are further places to look from.
	Vantages []Vantage
	// Quorum is how many perspectives, this server among them, must agree. 0
	// means all of one or two, and all but one of more. This server itself must
	// agree always.
	Quorum int
	// Outbound is how vantages are reached. Its Timeout is not looked at.
	// Targets of validation are always reached directly.
	Outbound httpx.Outbound
	Now      func() time.Time
	Log      *slog.Logger
}

// Service checks control of identifiers. It implements Checker and keeps no
// state; its methods may be called at the same time.
type Service struct {
	resolvers         []string
	httpPort, tlsPort int
	allowLoopback     bool
	denyPrivate       bool
	timeout           time.Duration
	vantages          []Vantage
	quorum            int
	client            *http.Client // for vantages
	now               func() time.Time
	log               *slog.Logger
}

var _ Checker = (*Service)(nil)

// New makes the service. Errors are of kind invalid and name what is wrong with
// the settings.
func New(d Deps) (*Service, error) {
	s := &Service{
		resolvers: d.Resolvers, httpPort: d.HTTPPort, tlsPort: d.TLSPort, allowLoopback: d.AllowLoopback, denyPrivate: d.DenyPrivate,
		timeout: d.Timeout, vantages: d.Vantages, quorum: d.Quorum, now: d.Now, log: d.Log,
	}
	if s.httpPort == 0 {
		s.httpPort = 80
	}
	if s.tlsPort == 0 {
		s.tlsPort = 443
	}
	if s.timeout == 0 {
		s.timeout = DefaultTimeout
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	switch {
	case s.now == nil:
		return nil, core.Errorf(core.KindInvalid, "validation needs a clock")
	case !validPort(s.httpPort) || !validPort(s.tlsPort):
		return nil, core.Errorf(core.KindInvalid, "ports of validation are 1 to 65535").At("ports")
	case s.timeout < 0:
		return nil, core.Errorf(core.KindInvalid, "the time for a validation is not negative").At("timeout")
	}
	if err := s.setResolvers(); err != nil {
		return nil, err
	}
	if err := s.setVantages(d.Outbound); err != nil {
		return nil, err
	}
	return s, nil
}

func validPort(n int) bool { return n >= 1 && n <= 65535 }

func (s *Service) setResolvers() error {
	if len(s.resolvers) == 0 {
		c, err := dns.ClientConfigFromFile(resolvConf)
		if err != nil || len(c.Servers) == 0 {
			// As every resolver library does (resolv.conf(5)). Without one, names
			// cannot be checked, but nothing else of the platform needs it.
			c = &dns.ClientConfig{Servers: []string{"127.0.0.1"}, Port: "53"}
		}
		for _, a := range c.Servers {
			s.resolvers = append(s.resolvers, net.JoinHostPort(a, c.Port))
		}
	}
	for _, r := range s.resolvers {
		host, port, err := net.SplitHostPort(r)
		if n, bad := strconv.Atoi(port); err != nil || host == "" || bad != nil || !validPort(n) {
			return core.Errorf(core.KindInvalid, "the resolver %q is not host:port", r).At("resolvers")
		}
	}
	return nil
}

// failure is a core.Failure on its way, with what Result.Retry shall say.
type failure struct {
	code, detail string
	retry        bool
}

// fail makes a failure that a further attempt would meet again.
func fail(code, format string, args ...any) *failure {
	return &failure{code: code, detail: fmt.Sprintf(format, args...)}
}

// passing makes a failure that may be gone a little later.
func passing(code, format string, args ...any) *failure {
	f := fail(code, format, args...)
	f.retry = true
	return f
}

// within puts a context in front of the detail.
func (f *failure) within(format string, args ...any) *failure {
	return &failure{code: f.code, detail: fmt.Sprintf(format, args...) + ": " + f.detail, retry: f.retry}
}

func (f *failure) core() *core.Failure {
	if f == nil {
		return nil
	}
	return &core.Failure{Code: f.code, Detail: printable(f.detail, maxDetail)}
}

// attempt is one check under way: it collects what is seen.
type attempt struct {
	s       *Service
	records []core.Record
}

// saw notes an observation. What does not fit any more is dropped: the first
// ones explain most.
func (a *attempt) saw(asked, answer string) {
	if len(a.records) < maxRecords {
		a.records = append(a.records, core.Record{At: a.s.now(), Asked: printable(asked, maxAsked), Answer: printable(answer, maxAnswer)})
	}
}

// Local makes one attempt from this server alone, CAA included. It is what a
// vantage does when asked.
func (s *Service) Local(ctx context.Context, c Check) Result {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	a := &attempt{s: s}
	f := a.check(ctx, c)
	r := Result{Failure: f.core(), Records: a.records, Retry: f != nil && f.retry, Perspectives: 1, Quorum: 1}
	if f == nil {
		r.Agreed = 1
	}
	return r
}

func (a *attempt) check(ctx context.Context, c Check) *failure {
	t, f := readTarget(c)
	if f != nil {
		return f
	}
	switch c.Method {
	case core.MethodHTTP01:
		f = a.http01(ctx, t, c)
	case core.MethodTLSALPN01:
		f = a.tlsALPN01(ctx, t, c)
	case core.MethodDNS01:
		f = a.dnsDigest(ctx, "_acme-challenge."+t.name, c.KeyAuthorization)
	case core.MethodDNSAccount01:
		f = a.dnsDigest(ctx, accountLabel(c.AccountURL)+"._acme-challenge."+t.name, c.KeyAuthorization)
	case core.MethodDNSPersist01:
		f = a.dnsPersist01(ctx, t.name, c)
	case core.MethodDNSTXT:
		f = a.dnsTXT(ctx, c)
	case core.MethodDNSCNAME:
		f = a.dnsCNAME(ctx, c)
	case core.MethodHTTPFile:
		f = a.httpFile(ctx, t, c)
	case core.MethodDNSContact:
		f = a.dnsContact(ctx, t.name, c.Value)
	}
	if f != nil || !c.CAA || len(c.IssuerDomains) == 0 || t.name == "" {
		return f
	}
	return a.caa(ctx, t.name, caaQuestion{wildcard: c.Wildcard, issuers: c.IssuerDomains, accountURL: c.AccountURL, method: c.Method})
}
