// Package harness starts the shipped binary for interop tests: built once per
// test program, each server with its own data directory, database and ports on
// loopback, stopped by the process that was started.
package harness

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/house/loopback"
)

// repository is the root of the module, found from the working directory.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "cmd", "certwright")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", fmt.Errorf("the repository was not found above the working directory")
		}
		dir = up
	}
}

var built struct {
	once sync.Once
	path string
	err  error
}

// Binary builds cmd/certwright once and returns its path.
// CERTWRIGHT_TEST_BINARY names one that is built already.
func Binary(t testing.TB) string {
	t.Helper()
	built.once.Do(func() {
		if built.path = os.Getenv("CERTWRIGHT_TEST_BINARY"); built.path != "" {
			return
		}
		var root, dir string
		if root, built.err = repository(); built.err != nil {
			return
		}
		if dir, built.err = os.MkdirTemp("", "certwright-bin-"); built.err != nil {
			return
		}
		built.path = filepath.Join(dir, "certwright")
		cmd := exec.Command("go", "build", "-o", built.path, "./cmd/certwright")
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}

// Options change how a server is started.
type Options struct {
	Database string   // empty: SQLite in the data directory
	Dir      string   // data directory of an earlier server; empty: a new one
	Env      []string // further environment
	Args     []string // further arguments of serve
	Like     *Server  // take the ports of an earlier server
}

// Server is a running certwright.
type Server struct {
	Dir      string
	Main     string // https://localhost:port
	MTLS     string
	Plain    string
	Ops      string
	Password string // one-time administrator password of the first start
	Welcome  string // what the first start printed
	Commands string // the commands for a first certificate in it
	RootPEM  string // file
	Roots    *x509.CertPool

	ports   [4]int
	cmd     *exec.Cmd
	exited  chan struct{}
	mu      sync.Mutex
	secrets []string // what the log must not hold
	log     *os.File
	logged  int64 // length of the log before this process
}

// Start runs "certwright serve" and waits until it is ready. The test's end
// stops it.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := start(t, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Stop(t) })
	s.Ready(t)
	return s
}

// Launch is Start without waiting until the server is ready.
func Launch(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := start(t, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Stop(t) })
	return s
}

func start(t testing.TB, o Options) (*Server, error) {
	s := &Server{Dir: o.Dir, exited: make(chan struct{})}
	if s.Dir == "" {
		s.Dir = t.TempDir()
	}
	if o.Like != nil {
		s.ports = o.Like.ports
	} else {
		for i := range s.ports { // of the test program, so that a server may be started again on its ports
			s.ports[i] = loopback.Port(t)
		}
	}
	s.Main, s.MTLS = fmt.Sprintf("https://localhost:%d", s.ports[0]), fmt.Sprintf("https://localhost:%d", s.ports[1])
	s.Plain, s.Ops = fmt.Sprintf("http://localhost:%d", s.ports[2]), fmt.Sprintf("http://localhost:%d", s.ports[3])
	args := []string{"serve", "--data", s.Dir,
		"--listen-main", fmt.Sprintf("localhost:%d", s.ports[0]), "--listen-mtls", fmt.Sprintf("localhost:%d", s.ports[1]),
		"--listen-plain", fmt.Sprintf("localhost:%d", s.ports[2]), "--listen-ops", fmt.Sprintf("localhost:%d", s.ports[3])}
	if o.Database != "" {
		args = append(args, "--database", o.Database)
	}
	s.cmd = exec.Command(Binary(t), append(args, o.Args...)...)
	s.cmd.Env = append(os.Environ(), o.Env...)
	var err error
	if s.log, err = os.OpenFile(filepath.Join(s.Dir, "server.log"), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600); err != nil {
		return nil, err
	}
	s.cmd.Stderr = s.log
	if s.logged, err = s.log.Seek(0, io.SeekEnd); err != nil {
		return nil, err
	}
	out, err := os.Create(filepath.Join(s.Dir, "server.out"))
	if err != nil {
		return nil, err
	}
	defer out.Close() // the program has it open
	s.cmd.Stdout = out
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { _ = s.cmd.Wait(); close(s.exited) }()
	return s, nil
}

// Ready waits until the server answers and reads what the first start printed.
func (s *Server) Ready(t testing.TB) {
	t.Helper()
	c := &http.Client{Timeout: 5 * time.Second}
	for deadline := time.Now().Add(60 * time.Second); ; {
		r, err := c.Get(s.Ops + "/readyz")
		if err == nil {
			_ = r.Body.Close()
			// It listens before it has printed what the first start has to
			// say; after that comes a line in the log.
			if r.StatusCode == http.StatusOK && s.saidReady() {
				break
			}
		}
		select {
		case <-s.exited:
			t.Fatalf("the server ended:\n%s", s.Log(t))
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server did not become ready (%v):\n%s", err, s.Log(t))
		}
	}
	welcome, err := os.ReadFile(filepath.Join(s.Dir, "server.out"))
	if err != nil {
		t.Fatal(err)
	}
	s.Welcome = string(welcome)
	if m := regexp.MustCompile(`one-time password (\S+)`).FindStringSubmatch(s.Welcome); m != nil {
		s.Password = m[1]
	}
	if _, rest, ok := strings.Cut(s.Welcome, "(RFC 7030):\n"); ok {
		rest, _, _ = strings.Cut(rest, "\nFrom the command line")
		s.Commands = rest
	}
	r, err := c.Get(s.Plain + "/root.crt")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	pem, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	s.RootPEM = filepath.Join(s.Dir, "root.pem")
	if err := os.WriteFile(s.RootPEM, pem, 0o600); err != nil {
		t.Fatal(err)
	}
	s.Roots = x509.NewCertPool()
	if !s.Roots.AppendCertsFromPEM(pem) {
		t.Fatalf("no roots in %q", pem)
	}
}

// saidReady reports whether this process has logged that it is ready.
func (s *Server) saidReady() bool {
	b, err := os.ReadFile(filepath.Join(s.Dir, "server.log"))
	return err == nil && bytes.Contains(b[min(s.logged, int64(len(b))):], []byte(`"msg":"ready"`))
}

// Log returns what the server logged.
func (s *Server) Log(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(s.Dir, "server.log"))
	if err != nil {
		return err.Error()
	}
	if len(b) > 20000 {
		b = b[len(b)-20000:]
	}
	return string(b)
}

// Stop ends the server gracefully; if that takes over half a minute, by force.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(30 * time.Second):
		t.Errorf("the server did not stop:\n%s", s.Log(t))
		s.Kill()
	}
	_ = s.log.Close()
}

// Kill ends the server at once and waits until it is gone.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill()
	<-s.exited
}

// Signal sends a signal.
func (s *Server) Signal(sig os.Signal) error { return s.cmd.Process.Signal(sig) }

// Exited is closed when the process is gone.
func (s *Server) Exited() <-chan struct{} { return s.exited }

// Client returns an HTTP client that trusts the server's root and shows the
// given certificates.
func (s *Server) Client(certs ...tls.Certificate) *http.Client {
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: s.Roots, Certificates: certs},
		MaxIdleConnsPerHost: 64,
	}}
}

// Run runs a program in dir and returns its output; failing is the test's end.
func Run(t testing.TB, dir, program string, args ...string) string {
	t.Helper()
	out, err := Try(t, dir, program, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return out
}

// Try runs a program in dir and returns output and error.
func Try(t testing.TB, dir, program string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Shell runs a script with bash -e.
func Shell(t testing.TB, dir, script string) string {
	t.Helper()
	return Run(t, dir, "bash", "-euo", "pipefail", "-c", script)
}

// JSON reads an answer's body as JSON.
func JSON[T any](t testing.TB, r *http.Response) T {
	t.Helper()
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	var v T
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%s: %v\n%s", r.Status, err, b)
	}
	return v
}
