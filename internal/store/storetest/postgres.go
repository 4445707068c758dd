package storetest

import (
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/certwright/certwright/internal/house/loopback"
	"github.com/certwright/certwright/internal/house/need"
)

// Server is a PostgreSQL server for tests.
type Server struct {
	admin string   // URL of its database "postgres", as superuser
	hold  *os.File // the supervising shell ends the server when this closes
	done  chan struct{}
}

// ErrNoPostgres says that PostgreSQL's programs are not installed.
var ErrNoPostgres = errors.New("PostgreSQL's initdb and postgres are not installed")

// supervise runs the server until its standard input ends, which happens when
// the program that started it goes away for whatever reason, and then stops
// the server by its process id and removes its directory.
const supervise = `trap "" INT TERM HUP
"$1" -D "$2/data" >"$2/log" 2>&1 </dev/null &
pid=$!
read -r _
kill -INT "$pid" 2>/dev/null
wait "$pid"
rm -rf "$2"
`

// settings keep fsync on, because tests of group commit stand on it, and leave
// out what a server of a few minutes does not need.
const settings = `
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 300
shared_buffers = 64MB
fsync = on
synchronous_commit = on
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
checkpoint_timeout = 1h
max_wal_size = 2GB
autovacuum = off
timezone = 'UTC'
`

// Start starts a private server on a free loopback port, in a directory of its
// own. It lives until Stop, or until this program ends.
func Start() (*Server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	cred, err := otherUser()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "certwright-pg-")
	if err != nil {
		return nil, err
	}
	password := rand.Text()
	if err := initialise(bin, dir, password, cred); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return launch(bin, dir, password, cred)
}

// binaries returns the directory of initdb and postgres.
func binaries() (string, error) {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	version := func(dir string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
		return n
	}
	slices.SortFunc(dirs, func(a, b string) int { return version(b) - version(a) }) // newest first
	initdb, ok := need.Find("initdb", dirs...)
	if !ok {
		return "", ErrNoPostgres
	}
	if real, err := filepath.EvalSymlinks(initdb); err == nil {
		initdb = real
	}
	bin := filepath.Dir(initdb)
	if _, err := os.Stat(filepath.Join(bin, "postgres")); err != nil {
		return "", ErrNoPostgres
	}
	return bin, nil
}

// otherUser returns the user to run as: PostgreSQL refuses to be root.
func otherUser() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uerr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gerr := strconv.ParseUint(u.Gid, 10, 32)
		if uerr == nil && gerr == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody")
}

// initialise makes the data directory.
func initialise(bin, dir, password string, cred *syscall.Credential) error {
	pwfile := filepath.Join(dir, "password")
	if err := os.WriteFile(pwfile, []byte(password), 0o600); err != nil {
		return err
	}
	if cred != nil {
		for _, p := range []string{dir, pwfile} {
			if err := os.Chown(p, int(cred.Uid), int(cred.Gid)); err != nil {
				return err
			}
		}
	}
	c := exec.Command(filepath.Join(bin, "initdb"), "-D", filepath.Join(dir, "data"), "-U", "postgres", "-E", "UTF8",
		"--locale=C", "--auth=scram-sha-256", "--pwfile="+pwfile, "--no-sync", "--no-instructions")
	c.Dir = dir
	c.SysProcAttr = &syscall.SysProcAttr{Credential: cred}
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

// launch starts the server and waits until it answers.
func launch(bin, dir, password string, cred *syscall.Credential) (*Server, error) {
	port, err := loopback.Take()
	if err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "data", "postgresql.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, "%sport = %d\n", settings, port), 0o600); err != nil {
		return nil, err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	c := exec.Command("/bin/sh", "-c", supervise, "supervise", filepath.Join(bin, "postgres"), dir)
	c.Dir = dir
	c.Stdin = read
	// A group of its own: an interrupt at the terminal ends the tests, and
	// these end the server.
	c.SysProcAttr = &syscall.SysProcAttr{Credential: cred, Setpgid: true}
	err = c.Start()
	_ = read.Close()
	if err != nil {
		return nil, errors.Join(err, write.Close(), os.RemoveAll(dir))
	}
	u := url.URL{Scheme: "postgres", User: url.UserPassword("postgres", password), Host: fmt.Sprintf("127.0.0.1:%d", port), Path: "/postgres", RawQuery: "sslmode=disable"}
	s := &Server{admin: u.String(), hold: write, done: make(chan struct{})}
	go func() { defer close(s.done); _ = c.Wait() }()
	if err := s.await(20 * time.Second); err != nil {
		text, _ := os.ReadFile(filepath.Join(dir, "log"))
		s.Stop()
		return nil, fmt.Errorf("start PostgreSQL: %w\n%s", err, text)
	}
	return s, nil
}

// await waits until the server answers.
func (s *Server) await(limit time.Duration) error {
	db, err := sql.Open("pgx", s.admin)
	if err != nil {
		return err
	}
	defer db.Close()
	for end := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		if err = db.Ping(); err == nil || time.Now().After(end) {
			return err
		}
	}
}

// URL returns the URL of the server's database "postgres" for its superuser.
func (s *Server) URL() string { return s.admin }

// Stop ends the server and removes its directory. A server that was named by
// the environment stays.
func (s *Server) Stop() {
	if s.hold != nil {
		_ = s.hold.Close()
		<-s.done
	}
}
