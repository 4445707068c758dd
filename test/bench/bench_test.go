package bench

import (
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/store/storetest"
)

const (
	nameStepCA   = "step-ca"
	nameSQLite   = "certwright, SQLite"
	namePostgres = "certwright, PostgreSQL"
	nameEST      = "EST, SQLite"
	nameESTAway  = "EST, PostgreSQL"
)

// plan is how much a run does. The environment changes it.
type plan struct {
	rounds  int
	clients []int
	certs   int // of each server, round and number of clients
	warm    int // before the clock starts, for each client
	dir     string
	result  string // JSON file; empty: none
}

// planned is what the environment makes of a plan, whose result is a name.
func planned(p plan) (plan, error) {
	p.dir = filepath.Join("..", "..", ".cache")
	p.result = filepath.Join(p.dir, p.result)
	for name, into := range map[string]*int{"CERTWRIGHT_BENCH_ROUNDS": &p.rounds, "CERTWRIGHT_BENCH_CERTS": &p.certs} {
		if v := os.Getenv(name); v != "" {
			n, err := strconv.Atoi(v)
			if err != nil || n < 1 {
				return p, fmt.Errorf("%s=%q is no number of use", name, v)
			}
			*into = n
		}
	}
	if v := os.Getenv("CERTWRIGHT_BENCH_CLIENTS"); v != "" {
		p.clients = nil
		for s := range strings.SplitSeq(v, ",") {
			n, err := strconv.Atoi(s)
			if err != nil || n < 1 {
				return p, fmt.Errorf("CERTWRIGHT_BENCH_CLIENTS=%q is no list of numbers", v)
			}
			p.clients = append(p.clients, n)
		}
	}
	for name, into := range map[string]*string{"CERTWRIGHT_BENCH_DIR": &p.dir, "CERTWRIGHT_BENCH_JSON": &p.result} {
		if v := os.Getenv(name); v != "" {
			*into = v
		}
	}
	return p, nil
}

// BenchmarkEnrol measures the limit, our server on the engines that there are,
// and step-ca, in turns.
func BenchmarkEnrol(b *testing.B) {
	p, err := planned(plan{rounds: 3, clients: []int{8, 32, 64}, certs: 3000, warm: 8, result: "bench.json"})
	if err != nil {
		b.Fatal(err)
	}
	p.benchmark(b, enrolment())
}

// benchmark runs the plan, prints what came of it and writes it to a file.
func (p plan) benchmark(b *testing.B, k kind) {
	for range b.N {
		r, err := p.run(b, k)
		if err != nil {
			b.Fatal(err)
		}
		if err := r.print(os.Stdout); err != nil {
			b.Fatal(err)
		}
		if err := r.save(p.result); err != nil {
			b.Fatal(err)
		}
		for _, l := range r.Lines {
			if l.Server != nameSQLite {
				continue
			}
			b.ReportMetric(l.Rate, fmt.Sprintf("certs/s@%d", l.Clients))
			b.ReportMetric(l.ToBase, fmt.Sprintf("of-%s@%d", r.Baseline, l.Clients))
			if l.ToLimit > 0 {
				b.ReportMetric(l.ToLimit, fmt.Sprintf("of-limit@%d", l.Clients))
			}
		}
	}
}

// TestEnrol goes the whole way of the benchmark with next to no load, so that
// it does not rot.
func TestEnrol(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and starts two servers")
	}
	r, err := plan{rounds: 1, clients: []int{4}, certs: 40, warm: 1, dir: t.TempDir()}.run(t, enrolment())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.print(t.Output()); err != nil {
		t.Fatal(err)
	}
	for _, l := range r.Lines {
		if l.Rate <= 0 || l.P99 < l.P50 || l.ToLimit <= 0 || l.Server == nameSQLite && (l.ToBase <= 0 || l.Transactions < 1 || l.Commits <= 0) {
			t.Errorf("%+v", l)
		}
	}
}

// kind is a way to a certificate: who gives it, and how it is asked for.
type kind struct {
	certwright func(t testing.TB, dir, database string) (server, error)
	stepCA     func(t testing.TB, program, dir string) (server, error)
	load       func(s server, clients int, warm, wishes []wish) (*level, []*x509.Certificate, error)
	limited    bool // the limit in one process is measured beside it
	// beside starts the baseline on the same engine, in place of step-ca.
	beside func(t testing.TB, dir, database string) (server, error)
}

// enrolment is one request for each certificate: EST, and the signing API of
// step-ca.
func enrolment() kind {
	return kind{limited: true, load: load,
		certwright: func(t testing.TB, dir, database string) (server, error) { return startEST(t, dir, database) },
		stepCA:     func(t testing.TB, program, dir string) (server, error) { return startStepCA(t, program, dir) }}
}

// subject is a server to be measured.
type subject struct {
	name   string
	base   string // name of what it is compared with; empty: it is that
	start  func(dir string) (server, error)
	lines  map[int][]level
	server server              // of this round
	certs  []*x509.Certificate // that it gave to clients
}

// requests are what all servers of a run are asked for, by number of clients.
type requests struct{ warm, wishes map[int][]wish }

func (p plan) requests() (r requests, err error) {
	r = requests{warm: map[int][]wish{}, wishes: map[int][]wish{}}
	for _, c := range p.clients {
		if r.warm[c], err = newWishes(fmt.Sprintf("warm%d-", c), c*p.warm); err != nil {
			return r, err
		}
		if r.wishes[c], err = newWishes(fmt.Sprintf("host%d-", c), p.certs); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (p plan) run(t testing.TB, k kind) (*report, error) {
	dir, err := p.folder(t)
	if err != nil {
		return nil, err
	}
	r := &report{Machine: machine(), FileSystem: fileSystem(dir), Certificates: p.certs, Postgres: os.Getenv(storetest.PostgresEnv) != "", Baseline: nameStepCA}
	if k.beside != nil {
		r.Baseline = "EST"
	}
	subjects, err := k.subjects(t, dir, r.Postgres)
	if err != nil {
		return nil, err
	}
	var limit limiterFunc
	if k.limited {
		if limit, err = limiter(t, dir); err != nil {
			return nil, fmt.Errorf("in-process limit: %w", err)
		}
	}
	q, err := p.requests()
	if err != nil {
		return nil, err
	}
	limits := &subject{name: "limit", lines: map[int][]level{}}
	for n := range p.rounds {
		if err := p.round(filepath.Join(dir, strconv.Itoa(n)), subjects, limits, limit, k, q); err != nil {
			return nil, err
		}
		slices.Reverse(subjects) // nobody is always behind the same one
	}
	slices.SortFunc(subjects, func(a, b *subject) int { return strings.Compare(a.name, b.name) })
	r.fill(p.clients, subjects, limits)
	return r, nil
}

// subjects are who is measured, each beside what it is compared with.
func (k kind) subjects(t testing.TB, dir string, postgres bool) ([]*subject, error) {
	away := func(start func(t testing.TB, dir, database string) (server, error)) func(string) (server, error) {
		return func(dir string) (server, error) { return start(t, dir, storetest.PostgresURL(t)) }
	}
	here := func(start func(t testing.TB, dir, database string) (server, error)) func(string) (server, error) {
		return func(dir string) (server, error) { return start(t, dir, "") }
	}
	if k.beside != nil {
		out := []*subject{{name: nameSQLite, base: nameEST, start: here(k.certwright)}, {name: nameEST, start: here(k.beside)}}
		if postgres {
			out = append(out, &subject{name: namePostgres, base: nameESTAway, start: away(k.certwright)}, &subject{name: nameESTAway, start: away(k.beside)})
		}
		return out, nil
	}
	program, err := buildStepCA(dir)
	if err != nil {
		return nil, err
	}
	out := []*subject{{name: nameSQLite, base: nameStepCA, start: here(k.certwright)},
		{name: nameStepCA, start: func(dir string) (server, error) { return k.stepCA(t, program, dir) }}}
	if postgres {
		out = append(out, &subject{name: namePostgres, base: nameStepCA, start: away(k.certwright)})
	}
	return out, nil
}

// round starts all servers, each with an empty database. For one number of
// clients after the other it measures limit and servers in direct succession,
// so that what else the machine does meets them alike. Then it stops them and
// looks into their stores.
func (p plan) round(dir string, subjects []*subject, limits *subject, limit limiterFunc, k kind, q requests) error {
	for _, s := range subjects {
		var err error
		s.certs = nil
		if s.server, err = s.start(filepath.Join(dir, strings.ReplaceAll(s.name, ", ", "-"))); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	for _, c := range p.clients {
		if limit != nil {
			l, err := limit(q.wishes[c])
			if err != nil {
				return fmt.Errorf("in-process limit: %w", err)
			}
			limits.lines[c] = append(limits.lines[c], *l)
		}
		for _, s := range subjects {
			l, certs, err := k.load(s.server, c, q.warm[c], q.wishes[c])
			if err != nil {
				return fmt.Errorf("%s, %d clients: %w", s.name, c, err)
			}
			s.certs = append(s.certs, certs...)
			if s.lines == nil {
				s.lines = map[int][]level{}
			}
			s.lines[c] = append(s.lines[c], *l)
		}
	}
	for _, s := range subjects {
		if err := s.server.stop(s.certs); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return os.RemoveAll(dir)
}

// folder makes the folder that all data of a run is in. It is not in the
// system's folder for temporary files, which may be in memory, where nothing is
// durable and everything is fast.
func (p plan) folder(t testing.TB) (string, error) {
	at, err := filepath.Abs(p.dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(at, 0o755); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(at, "bench-")
	if err == nil {
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
	}
	return dir, err
}
