package bench

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/api/client"
	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// BenchmarkACME measures whole issuances over ACME at our server on the engines
// that there are, and at step-ca, in turns.
func BenchmarkACME(b *testing.B) {
	p, err := planned(plan{rounds: 3, clients: []int{8, 32}, certs: 1000, warm: 4, result: "bench-acme.json"})
	if err != nil {
		b.Fatal(err)
	}
	p.benchmark(b, issuance(b))
}

// TestACME goes the whole way of the benchmark with next to no load, so that it
// does not rot.
func TestACME(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and starts two servers")
	}
	r, err := plan{rounds: 1, clients: []int{4}, certs: 20, warm: 1, dir: t.TempDir()}.run(t, issuance(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.print(t.Output()); err != nil {
		t.Fatal(err)
	}
	for _, l := range r.Lines {
		if l.Rate <= 0 || l.P99 < l.P50 || l.Server == nameSQLite && (l.ToBase <= 0 || l.Transactions < 1 || l.Commits <= 0) {
			t.Errorf("%+v", l)
		}
	}
}

// issuance is ACME (RFC 8555): from an order to the chain, control proven by
// http-01. One place in this process answers for all names.
func issuance(t testing.TB) kind {
	h, err := newHosts(t)
	if err != nil {
		t.Fatal(err)
	}
	return kind{
		certwright: func(t testing.TB, dir, database string) (server, error) {
			c, err := startCertwright(t, dir, database, "--validation-resolvers", h.dns,
				"--validation-http-port", fmt.Sprint(h.port), "--validation-loopback")
			if err != nil {
				return nil, err
			}
			c.protocol = "acme"
			directory, err := c.credential(t)
			return &acmeServer{server: c, directory: directory, hosts: h}, err
		},
		stepCA: func(t testing.TB, program, dir string) (server, error) {
			// The first two are not in its help: they are there for tests.
			s, err := startStepCA(t, program, dir, "--insecure", "--acme-http-port", fmt.Sprint(h.port), "--resolver", h.dns)
			if err != nil {
				return nil, err
			}
			return &acmeServer{server: s, directory: s.url + "/acme/" + provisionerACME + "/directory", hosts: h}, nil
		},
		load: loadACME,
	}
}

// acmeServer is a CA asked over ACME.
type acmeServer struct {
	server
	directory string
	hosts     *hosts
}

// credential makes an ACME credential and returns the URL of its directory.
// Accounts need no external binding, as at step-ca.
func (c *certwright) credential(t testing.TB) (string, error) {
	made, err := c.newCredential(t, resource.NewCredential{Type: core.CredentialACME, Options: core.CredentialOptions{ACME: &core.ACMEOptions{EABOptional: true}}})
	if err != nil {
		return "", err
	}
	return made.Credential.URL, nil
}

// newCredential makes a credential for the shipped product, as an administrator
// does in the portal.
func (c *certwright) newCredential(t testing.TB, n resource.NewCredential) (*resource.IssuedCredential, error) {
	session, err := client.New(client.Config{BaseURL: c.h.Main, Roots: c.h.Roots})
	if err != nil {
		return nil, err
	}
	if _, err := session.SignIn(t.Context(), "admin", c.h.Password); err != nil {
		return nil, err
	}
	if err := session.ChangePassword(t.Context(), c.h.Password, rand.Text()); err != nil {
		return nil, err
	}
	me, err := session.Me(t.Context())
	if err != nil {
		return nil, err
	}
	n.Label, n.User, n.Group, n.Products = "bench", me.User, me.Groups[0], []string{"tls-server"}
	return session.CreateCredential(t.Context(), n)
}

// loadACME lets so many clients, each with an account and a connection of its
// own, get the wishes. Accounts and the first warm of the wishes do not count.
// What came is looked at after the clock has stopped.
func loadACME(srv server, clients int, warm, wishes []wish) (*level, []*x509.Certificate, error) {
	s := srv.(*acmeServer)
	users := make([]*acmeClient, clients)
	for i := range users {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.roots()}, MaxConnsPerHost: 1}
		defer transport.CloseIdleConnections()
		var err error
		if users[i], err = newACMEClient(&http.Client{Transport: transport, Timeout: time.Minute}, s); err != nil {
			return nil, nil, err
		}
	}
	all := slices.Concat(warm, wishes)
	bodies := make([][]byte, len(all))
	run := func(wishes []wish, bodies [][]byte) ([]time.Duration, error) {
		return spread(clients, len(wishes), func(client, i int) (err error) {
			bodies[i], err = users[client].issue(&wishes[i])
			return err
		})
	}
	if _, err := run(warm, bodies[:len(warm)]); err != nil {
		return nil, nil, err
	}
	l, err := measured(s, clients, func() ([]time.Duration, error) { return run(wishes, bodies[len(warm):]) })
	if err != nil {
		return nil, nil, err
	}
	for _, u := range users {
		l.Requests += float64(u.sent)
	}
	l.Requests /= float64(len(all))
	certs, err := checkAll(s.roots(), all, bodies, func(body []byte) (certs, _ []*x509.Certificate, err error) {
		certs, err = chainOf(body)
		return certs, nil, err
	})
	return l, certs, err
}

// chainOf reads application/pem-certificate-chain (RFC 8555 section 9.1).
func chainOf(text []byte) (out []*x509.Certificate, err error) {
	for len(bytes.TrimSpace(text)) > 0 {
		var b *pem.Block
		if b, text = pem.Decode(text); b == nil {
			return nil, errors.New("a chain is not PEM")
		}
		c, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return nil, errors.New("a chain is empty")
	}
	return out, nil
}
