package storetest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/house/need"
	"github.com/certwright/certwright/internal/store"
)

// PostgresEnv is the environment variable that names a PostgreSQL server for
// tests: the URL of a database on it, as a user who may create databases.
// make test sets it, so that all test programs share one server.
const PostgresEnv = "CERTWRIGHT_TEST_POSTGRES"

// shared is the server of this test program.
var shared struct {
	once     sync.Once
	server   *Server
	template string // name of the migrated, empty database
	err      error
}

// server returns the program's server and starts it at the first call.
func server(t testing.TB) *Server {
	t.Helper()
	if testing.Short() {
		t.Skip("PostgreSQL is left out with -short")
	}
	shared.once.Do(func() {
		if u := os.Getenv(PostgresEnv); u != "" {
			shared.server = &Server{admin: u}
		} else if shared.server, shared.err = Start(); shared.err != nil {
			return
		}
		shared.template, shared.err = shared.server.migrated(context.Background())
	})
	if errors.Is(shared.err, ErrNoPostgres) {
		need.Missing(t, "PostgreSQL (Debian package postgresql)")
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.server
}

// database makes a database that is dropped after the test and returns its URL.
func (s *Server) database(t testing.TB, migrated bool) string {
	t.Helper()
	name := "test_" + strings.ToLower(rand.Text())
	create := "CREATE DATABASE " + name
	if migrated {
		create += " TEMPLATE " + shared.template
	}
	if err := s.exec(context.Background(), create); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.exec(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop the test database: %v", err)
		}
	})
	return s.in(name)
}

// migrated returns the name of the template: a database with today's schema and
// nothing in it. Several test programs that share a server also share it.
func (s *Server) migrated(ctx context.Context) (string, error) {
	name := "template_" + schemaID()
	db, err := s.open()
	if err != nil {
		return "", err
	}
	defer db.Close()
	// One connection from here on, because the lock belongs to it. Advisory
	// locks are fine for tests, which run on PostgreSQL itself.
	conn, err := db.Conn(ctx)
	if err != nil {
		return "", fmt.Errorf("connect to the PostgreSQL server for tests: %w", err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock(7230)"); err != nil {
		return "", err
	}
	var there bool
	err = conn.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)", name).Scan(&there)
	if err != nil || there {
		return name, err
	}
	// Under another name until it is complete: a template that was left half
	// done must not be found by the next program.
	draft := "draft_" + strings.ToLower(rand.Text())
	if _, err := conn.ExecContext(ctx, "CREATE DATABASE "+draft); err != nil {
		return "", err
	}
	if err := migrate(ctx, s.in(draft)); err != nil {
		_, derr := conn.ExecContext(ctx, "DROP DATABASE "+draft+" WITH (FORCE)")
		return "", errors.Join(err, derr)
	}
	_, err = conn.ExecContext(ctx, "ALTER DATABASE "+draft+" RENAME TO "+name)
	return name, err
}

func migrate(ctx context.Context, url string) error {
	db, err := store.Open(ctx, store.Config{URL: url, Now: time.Now})
	if err != nil {
		return err
	}
	return errors.Join(db.Migrate(ctx), db.Close())
}

// schemaID is a digest of the migrations, so that a server that outlives their
// change makes a new template. Where the sources cannot be found (-trimpath)
// the id is that of this program's process.
func schemaID() string {
	_, file, _, _ := runtime.Caller(0)
	h, n := sha256.New(), 0
	root := filepath.Join(filepath.Dir(file), "..", "migrations")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		n++
		fmt.Fprintf(h, "%s %d\n%s", d.Name(), len(text), text)
		return err
	})
	if err != nil || n == 0 {
		return fmt.Sprintf("pid_%d", os.Getpid())
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
}

// open connects to the server's own database.
func (s *Server) open() (*sql.DB, error) {
	db, err := sql.Open("pgx", s.admin)
	if err != nil {
		return nil, errors.New("the URL of the PostgreSQL server for tests cannot be read")
	}
	return db, nil
}

// exec runs one statement on the server's own database.
func (s *Server) exec(ctx context.Context, statement string) error {
	db, err := s.open()
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

// in returns the URL of another database of the server.
func (s *Server) in(name string) string {
	u, err := url.Parse(s.admin)
	if err != nil {
		return s.admin // open has reported it
	}
	u.Path = "/" + name
	return u.String()
}
