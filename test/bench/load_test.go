package bench

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// server is a CA that is under load.
type server interface {
	// prepare makes the requests, before the clock starts.
	prepare(wishes []wish) ([]call, error)
	// read takes the certificates out of an answer, the new one first; issuers
	// are those that the client has from elsewhere.
	read(body []byte) (certs, issuers []*x509.Certificate, err error)
	// roots are trusted for TLS and for the certificates.
	roots() *x509.CertPool
	pid() int
	// counters are commits and the transactions that they carried so far, both
	// 0 where the server does not count.
	counters() (commits, transactions float64, err error)
	// stop ends the process and looks whether the certificates are in its store.
	stop(certs []*x509.Certificate) error
}

// call is one HTTP request, made before the clock starts.
type call struct {
	method string // empty: POST
	url    string
	header http.Header
	body   []byte
	status int // that means success
}

// level is what one server did for one number of clients.
type level struct {
	Clients      int           `json:"clients"`
	Certificates int           `json:"certificates"`
	Elapsed      time.Duration `json:"elapsed_ns"`
	P50          time.Duration `json:"p50_ns"`
	P99          time.Duration `json:"p99_ns"`
	ServerCPU    time.Duration `json:"server_cpu_ns"` // 0: not known
	ClientCPU    time.Duration `json:"client_cpu_ns"`
	Commits      float64       `json:"commits"`
	Transactions float64       `json:"transactions"`
	Requests     float64       `json:"requests,omitempty"` // for each certificate, where it takes several
}

func (l *level) rate() float64 { return float64(l.Certificates) / l.Elapsed.Seconds() }

// load sends wishes by so many clients, each with one connection that it keeps.
// The first warm of them open the connections and do not count. The answers are
// looked at after the clock has stopped.
func load(s server, clients int, warm, wishes []wish) (*level, []*x509.Certificate, error) {
	all := slices.Concat(warm, wishes)
	calls, err := s.prepare(all)
	if err != nil {
		return nil, nil, err
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.roots()}, MaxIdleConns: clients, MaxIdleConnsPerHost: clients, MaxConnsPerHost: clients}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: time.Minute}
	bodies := make([][]byte, len(all))
	if _, err := drive(client, clients, calls[:len(warm)], bodies[:len(warm)]); err != nil {
		return nil, nil, err
	}
	l, err := measured(s, clients, func() ([]time.Duration, error) {
		return drive(client, clients, calls[len(warm):], bodies[len(warm):])
	})
	if err != nil {
		return nil, nil, err
	}
	certs, err := checkAll(s.roots(), all, bodies, s.read)
	return l, certs, err
}

// measured takes the time and the counters of f, which tells how long each
// certificate took.
func measured(s server, clients int, f func() ([]time.Duration, error)) (*level, error) {
	c0, t0, err := s.counters()
	if err != nil {
		return nil, err
	}
	l := &level{Clients: clients}
	server0, client0 := cpuOf(s.pid()), cpuOfSelf()
	start := time.Now()
	took, err := f()
	l.Elapsed = time.Since(start)
	l.ServerCPU, l.ClientCPU = cpuOf(s.pid())-server0, cpuOfSelf()-client0
	if err != nil {
		return nil, err
	}
	c1, t1, err := s.counters()
	if err != nil {
		return nil, err
	}
	l.Certificates, l.Commits, l.Transactions = len(took), c1-c0, t1-t0
	slices.Sort(took)
	l.P50, l.P99 = quantile(took, 0.50), quantile(took, 0.99)
	return l, nil
}

// drive makes the calls by so many clients at once.
func drive(client *http.Client, clients int, calls []call, bodies [][]byte) ([]time.Duration, error) {
	return spread(clients, len(calls), func(_, i int) (err error) {
		bodies[i], err = do(client, &calls[i])
		return err
	})
}

// spread lets clients do the tasks 0 to n-1, each the next that is left, and
// returns how long each task took. It stops at the first error.
func spread(clients, tasks int, f func(client, task int) error) ([]time.Duration, error) {
	took := make([]time.Duration, tasks)
	errs := make([]error, clients)
	var next atomic.Int64
	var failed atomic.Bool
	var wg sync.WaitGroup
	for n := range clients {
		wg.Go(func() {
			for !failed.Load() {
				i := int(next.Add(1)) - 1
				if i >= tasks {
					return
				}
				start := time.Now()
				if err := f(n, i); err != nil {
					errs[n] = fmt.Errorf("certificate %d: %w", i, err)
					failed.Store(true)
					return
				}
				took[i] = time.Since(start)
			}
		})
	}
	wg.Wait()
	return took, errors.Join(errs...)
}

func do(client *http.Client, c *call) ([]byte, error) {
	req, err := http.NewRequest(cmp.Or(c.method, http.MethodPost), c.url, bytes.NewReader(c.body))
	if err != nil {
		return nil, err
	}
	req.Header = c.header
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var b bytes.Buffer
	b.Grow(int(max(res.ContentLength, 4096)) + bytes.MinRead)
	if _, err := io.Copy(&b, res.Body); err != nil {
		return nil, err
	}
	if res.StatusCode != c.status {
		return nil, fmt.Errorf("%s: %s", res.Status, b.Bytes())
	}
	return b.Bytes(), nil
}

// checkAll reads the answers. No wish is without a certificate of its own, and
// no serial number is there twice.
func checkAll(roots *x509.CertPool, wishes []wish, bodies [][]byte, read func([]byte) (certs, issuers []*x509.Certificate, err error)) ([]*x509.Certificate, error) {
	leaves := make([]*x509.Certificate, len(wishes))
	serials := make(map[string]bool, len(wishes))
	for i := range wishes {
		certs, issuers, err := read(bodies[i])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", wishes[i].name, err)
		}
		if err := wishes[i].check(certs[0], append(certs[1:], issuers...), roots); err != nil {
			return nil, err
		}
		serial := certs[0].SerialNumber.String()
		if serials[serial] {
			return nil, fmt.Errorf("serial number %s was given twice", serial)
		}
		serials[serial] = true
		leaves[i] = certs[0]
	}
	return leaves, nil
}

// quantile of sorted durations, by the nearest rank.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(int(math.Ceil(q*float64(len(sorted))))-1, 0)]
}
