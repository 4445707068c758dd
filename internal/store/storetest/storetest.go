// Package storetest gives tests a migrated, empty database of every engine.
//
// SQLite is a file in the test's own directory. PostgreSQL is a database of its
// own on a server that the test program starts when the first test asks for it
// and that ends with the program, however it ends; a server that is already
// there can be named by the environment variable CERTWRIGHT_TEST_POSTGRES.
package storetest

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/store"
)

// open opens the database at url as the tests use it.
func open(t testing.TB, url string, now func() time.Time) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), store.Config{URL: url, Relaxed: true, Now: now})
	if err != nil {
		t.Fatalf("open the test database: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close the test database: %v", err)
		}
	})
	return db
}

// SQLite returns a migrated, empty SQLite database.
func SQLite(t testing.TB) *store.DB { t.Helper(); return sqliteAt(t, time.Now) }

// Postgres returns a migrated, empty PostgreSQL database, or skips the test as
// [Engines] does.
func Postgres(t testing.TB) *store.DB { t.Helper(); return postgresAt(t, time.Now) }

func sqliteAt(t testing.TB, now func() time.Time) *store.DB {
	t.Helper()
	db := open(t, SQLiteURL(t), now)
	if err := db.Migrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	return db
}

func postgresAt(t testing.TB, now func() time.Time) *store.DB {
	t.Helper()
	return open(t, server(t).database(t, true), now)
}

// SQLiteURL returns the URL of a SQLite file that does not exist yet.
func SQLiteURL(t testing.TB) string {
	t.Helper()
	// Not t.TempDir: it puts the test's name into the path, of which a '#'
	// would cut a file: URL short.
	dir, err := os.MkdirTemp("", "certwright-sqlite-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove the test database: %v", err)
		}
	})
	return "sqlite:" + filepath.Join(dir, "test.db")
}

// PostgresURL returns the URL of an empty PostgreSQL database without schema,
// for tests that start the program itself.
func PostgresURL(t testing.TB) string { t.Helper(); return server(t).database(t, false) }

// SQLiteAt is SQLite for a test that moves the clock.
func SQLiteAt(t testing.TB, now func() time.Time) *store.DB { t.Helper(); return sqliteAt(t, now) }
