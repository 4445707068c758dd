// Package acme_test drives ACME at the shipped binary by hand, request by
// request, on both engines: many accounts at once, requests that race, servers
// that are killed and networks that fail.
package acme_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"path"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/acme"

	"github.com/certwright/certwright/internal/store/storetest"
	"github.com/certwright/certwright/test/interop/harness"
)

// soon is far more than anything here takes, except where a lease must end.
const soon = time.Minute

// site is a front with one server on SQLite, or two on one PostgreSQL database.
type site struct {
	*harness.CA
	front   *harness.Front
	servers []*harness.Server
	options harness.Options // of the first server
	proofs  *proofs
}

// engines are what every test here runs on.
var engines = []string{"SQLite", "PostgreSQL"}

func onBoth(t *testing.T, replicas int, run func(t *testing.T, s *site)) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts the server")
	}
	t.Parallel()
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) { t.Parallel(); run(t, startSite(t, engine, replicas)) })
	}
}

func startSite(t *testing.T, engine string, replicas int) *site {
	t.Helper()
	s := &site{CA: harness.NewCA(t), front: harness.NewFront(t)}
	s.options = harness.Options{Args: append(s.Args(), "--external-main", s.front.URL)}
	if engine == "PostgreSQL" {
		s.options.Database = storetest.PostgresURL(t)
		s.options.Args = append(s.options.Args, "--kek", "file:"+filepath.Join(t.TempDir(), "kek"))
	} else {
		replicas = 1
	}
	s.Server = harness.Start(t, s.options)
	s.Admin = s.Server.Admin(t)
	s.servers = []*harness.Server{s.Server}
	for len(s.servers) < replicas {
		b := harness.Start(t, s.options)
		t.Cleanup(func() {
			b.Secret(s.Admin.Password, s.Admin.Token)
			b.Stop(t)
			b.CheckLog(t)
		})
		s.servers = append(s.servers, b)
	}
	for _, x := range s.servers {
		s.front.Add(t, x)
	}
	s.proofs = &proofs{}
	harness.Serve(t, fmt.Sprintf("127.0.0.1:%d", s.HTTPPort), s.proofs)
	return s
}

// directory is where clients find the credential, through the front.
func (s *site) directory(c *harness.Credential) string {
	return s.front.URL + "/acme/" + c.Label + "/directory"
}

// proofs answers http-01.
type proofs struct {
	answers sync.Map // token to key authorization
	asked   atomic.Int64
	// hold, when set, is waited for before an answer; held is told.
	mu   sync.Mutex
	hold chan struct{}
	held chan struct{}
}

// block makes answers wait until the returned function is called; the channel
// says that one waits.
func (p *proofs) block() (held <-chan struct{}, release func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hold, p.held = make(chan struct{}), make(chan struct{}, 100)
	hold := p.hold
	return p.held, sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		close(hold)
		p.hold = nil
	})
}

// ServeHTTP implements http.Handler.
func (p *proofs) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.asked.Add(1)
	p.mu.Lock()
	hold, held := p.hold, p.held
	p.mu.Unlock()
	if hold != nil {
		held <- struct{}{}
		select {
		case <-hold:
		case <-r.Context().Done():
			return
		}
	}
	if text, ok := p.answers.Load(path.Base(r.URL.Path)); ok {
		fmt.Fprint(w, text)
		return
	}
	http.NotFound(w, r)
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func csr(t *testing.T, names ...string) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: names}, newKey(t))
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// account makes an account with a client of golang.org/x/crypto.
func (s *site) account(t *testing.T, c *harness.Credential) *acme.Client {
	t.Helper()
	cl := &acme.Client{Key: newKey(t), DirectoryURL: s.directory(c), HTTPClient: s.front.Client()}
	if err := s.register(t.Context(), cl, c); err != nil {
		t.Fatal(err)
	}
	return cl
}

func (s *site) register(ctx context.Context, cl *acme.Client, c *harness.Credential) error {
	mac, err := base64.RawURLEncoding.DecodeString(c.Secret)
	if err != nil {
		return err
	}
	_, err = cl.Register(ctx, &acme.Account{ExternalAccountBinding: &acme.ExternalAccountBinding{KID: c.PublicID, Key: mac}}, acme.AcceptTOS)
	if errors.Is(err, acme.ErrAccountAlreadyExists) {
		return nil
	}
	return err
}

// accept answers the http-01 challenges of an order.
func (s *site) accept(ctx context.Context, cl *acme.Client, o *acme.Order) error {
	for _, u := range o.AuthzURLs {
		a, err := cl.GetAuthorization(ctx, u)
		if err != nil {
			return err
		}
		if a.Status != acme.StatusPending {
			continue
		}
		for _, ch := range a.Challenges {
			if ch.Type != "http-01" || ch.Status != acme.StatusPending {
				continue
			}
			text, err := cl.HTTP01ChallengeResponse(ch.Token)
			if err != nil {
				return err
			}
			s.proofs.answers.Store(ch.Token, text)
			if _, err := cl.Accept(ctx, ch); err != nil {
				return err
			}
		}
	}
	return nil
}

// complete brings an order from wherever it stands to its certificate.
func (s *site) complete(ctx context.Context, cl *acme.Client, orderURL string, der []byte) ([]*x509.Certificate, error) {
	o, err := cl.WaitOrder(ctx, orderURL)
	if err != nil {
		return nil, err
	}
	var list [][]byte
	if o.Status == acme.StatusValid {
		list, err = cl.FetchCert(ctx, o.CertURL, true)
	} else {
		list, _, err = cl.CreateOrderCert(ctx, o.FinalizeURL, der, true)
	}
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificates(bytes.Join(list, nil))
}

// issue goes the whole way for one name.
func (s *site) issue(ctx context.Context, cl *acme.Client, der []byte, name string) ([]*x509.Certificate, error) {
	o, err := cl.AuthorizeOrder(ctx, acme.DomainIDs(name))
	if err != nil {
		return nil, err
	}
	if err := s.accept(ctx, cl, o); err != nil {
		return nil, err
	}
	return s.complete(ctx, cl, o.URI, der)
}
