package storetest_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/store/storetest"
)

// The databases are migrated, empty, and apart from each other.
func TestEngines(t *testing.T) {
	for range 2 {
		storetest.Engines(t, func(t *testing.T, db *store.DB) {
			if want := t.Name()[strings.LastIndex(t.Name(), "/")+1:]; !strings.HasPrefix(want, string(db.Dialect())) {
				t.Fatalf("engine %s in test %s", db.Dialect(), t.Name())
			}
			var n int
			if err := db.SQL().QueryRow("SELECT COUNT(*) FROM accounts").Scan(&n); err != nil || n != 0 {
				t.Fatalf("%d accounts, %v", n, err)
			}
			err := db.InTx(context.Background(), func(ctx context.Context, tx core.Tx) error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.SQL().Exec("INSERT INTO accounts (id, number, name, created_at) VALUES ('a', 1, 'n', 1)"); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestURLsAreEmpty(t *testing.T) {
	storetest.URLs(t, func(t *testing.T, url string) {
		db, err := store.Open(context.Background(), store.Config{URL: url, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.SQL().Exec("SELECT COUNT(*) FROM accounts"); err == nil {
			t.Fatal("a database without schema has a table accounts")
		}
		if err := db.Migrate(context.Background()); err != nil {
			t.Fatal(err)
		}
	})
}

// A test program that is killed leaves neither a server nor its directory.
func TestServerEndsWithItsProgram(t *testing.T) {
	if os.Getenv("STORETEST_CHILD") != "" {
		s, err := storetest.Start()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(os.TempDir(), "url"), []byte(s.URL()), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
	}
	storetest.PostgresURL(t) // skips where there is no PostgreSQL
	dir, err := os.MkdirTemp("", "certwright-storetest-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o777); err != nil { // the server runs as another user
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestServerEndsWithItsProgram$")
	child.Env = append(os.Environ(), "STORETEST_CHILD=1", "TMPDIR="+dir)
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "the child's server answers", func() bool {
		_, err := os.Stat(filepath.Join(dir, "url"))
		return err == nil
	})
	url, err := os.ReadFile(filepath.Join(dir, "url"))
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	await(t, "the directory is gone", func() bool {
		left, _ := filepath.Glob(filepath.Join(dir, "certwright-pg-*"))
		return len(left) == 0
	})
	if db, err := store.Open(context.Background(), store.Config{URL: string(url), Now: time.Now}); err == nil {
		_ = db.Close()
		t.Fatal("the server still answers")
	}
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited in vain until", what)
		}
	}
}
