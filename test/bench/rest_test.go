package bench

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// BenchmarkREST measures orders of private PKI that lack nothing over the order
// API, beside the same certificates over EST at the same binary, so that the
// ratio says what the order API costs on top.
func BenchmarkREST(b *testing.B) {
	p, err := planned(plan{rounds: 3, clients: []int{8, 32}, certs: 1000, warm: 8, result: "bench-rest.json"})
	if err != nil {
		b.Fatal(err)
	}
	p.benchmark(b, orders())
}

// TestREST goes the whole way of the benchmark with next to no load, so that it
// does not rot.
func TestREST(t *testing.T) {
	if testing.Short() {
		t.Skip("starts two servers")
	}
	r, err := plan{rounds: 1, clients: []int{4}, certs: 20, warm: 1, dir: t.TempDir()}.run(t, orders())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.print(t.Output()); err != nil {
		t.Fatal(err)
	}
	for _, l := range r.Lines {
		if l.Rate <= 0 || l.P99 < l.P50 || l.Transactions < 1 || l.Commits <= 0 || l.Server == nameSQLite && (l.ToBase <= 0 || l.Requests != 2) {
			t.Errorf("%+v", l)
		}
	}
}

// orders are two requests for each certificate: the order with its CSR, and the
// download of the certificate with its chain.
func orders() kind {
	return kind{load: loadREST,
		certwright: func(t testing.TB, dir, database string) (server, error) { return startREST(t, dir, database) },
		beside:     func(t testing.TB, dir, database string) (server, error) { return startEST(t, dir, database) }}
}

const orderPath = "/api/certinext/v2/private-pki-certificates"

// restServer is a server asked over the order API, version 2.
type restServer struct {
	*certwright
}

// startREST starts it with a credential and a bearer token of its own.
func startREST(t testing.TB, dir, database string) (*restServer, error) {
	c, err := startCertwright(t, dir, database)
	if err != nil {
		return nil, err
	}
	c.protocol = "rest"
	made, err := c.newCredential(t, resource.NewCredential{Type: core.CredentialREST, Auth: core.AuthOAuth})
	if err != nil {
		return nil, err
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {made.Credential.PublicID}, "client_secret": {made.Secret}}
	http1 := c.h.Client()
	defer http1.CloseIdleConnections()
	body, err := do(http1, &call{url: c.h.Main + "/oauth/token", body: []byte(form.Encode()), status: http.StatusOK,
		header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}})
	if err != nil {
		return nil, err
	}
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(body, &token); err != nil || token.AccessToken == "" {
		return nil, fmt.Errorf("no token in %q: %w", body, cmp.Or(err, errors.New("empty")))
	}
	c.url = c.h.Main + orderPath
	c.header = http.Header{"Authorization": {"Bearer " + token.AccessToken}, "Content-Type": {"application/json"}}
	return &restServer{c}, nil
}

// prepare makes the orders; the downloads follow from what they answer.
func (s *restServer) prepare(wishes []wish) ([]call, error) {
	out := make([]call, len(wishes))
	for i := range wishes {
		body, err := json.Marshal(map[string]any{"variant": "intranet-ssl", "hostname": wishes[i].name,
			"requestor": map[string]string{"name": "Ada Lovelace", "email": "ada@example.internal"},
			"csr":       string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: wishes[i].csr}))})
		if err != nil {
			return nil, err
		}
		out[i] = call{url: s.url, header: s.header, body: body, status: http.StatusCreated}
	}
	return out, nil
}

func (s *restServer) read(body []byte) (certs, issuers []*x509.Certificate, err error) {
	certs, err = chainOf(body)
	return certs, nil, err
}

// issue orders and downloads.
func (s *restServer) issue(client *http.Client, order *call) ([]byte, error) {
	body, err := do(client, order)
	if err != nil {
		return nil, err
	}
	var a struct {
		OrderID string `json:"orderId"`
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return nil, err
	}
	return do(client, &call{method: http.MethodGet, url: s.url + "/" + url.PathEscape(a.OrderID) + "/certificate?format=pem", header: s.header, status: http.StatusOK})
}

// loadREST is load for orders, and load itself for the baseline.
func loadREST(srv server, clients int, warm, wishes []wish) (*level, []*x509.Certificate, error) {
	s, ok := srv.(*restServer)
	if !ok {
		return load(srv, clients, warm, wishes)
	}
	all := slices.Concat(warm, wishes)
	calls, err := s.prepare(all)
	if err != nil {
		return nil, nil, err
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.roots()}, MaxIdleConns: clients, MaxIdleConnsPerHost: clients, MaxConnsPerHost: clients}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: time.Minute}
	bodies := make([][]byte, len(all))
	run := func(from, to int) ([]time.Duration, error) {
		return spread(clients, to-from, func(_, i int) (err error) {
			bodies[from+i], err = s.issue(client, &calls[from+i])
			return err
		})
	}
	if _, err := run(0, len(warm)); err != nil {
		return nil, nil, err
	}
	l, err := measured(s, clients, func() ([]time.Duration, error) { return run(len(warm), len(all)) })
	if err != nil {
		return nil, nil, err
	}
	l.Requests = 2
	certs, err := checkAll(s.roots(), all, bodies, s.read)
	return l, certs, err
}
