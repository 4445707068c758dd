package storetest

import (
	"testing"
	"time"

	"github.com/certwright/certwright/internal/store"
)

// Engines runs f once per engine, as sub-tests "sqlite" and "postgres", each
// with a migrated, empty database of its own.
//
// The postgres sub-test is left out with -short, and skipped visibly (in CI:
// failed) where PostgreSQL is not installed.
func Engines(t *testing.T, f func(t *testing.T, db *store.DB)) {
	t.Helper()
	EnginesAt(t, time.Now, f)
}

// EnginesAt is Engines with a clock of the test's own.
func EnginesAt(t *testing.T, now func() time.Time, f func(t *testing.T, db *store.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f(t, sqliteAt(t, now)) })
	t.Run("postgres", func(t *testing.T) { f(t, postgresAt(t, now)) })
}

// URLs runs f once per engine with the URL of an empty database without schema.
func URLs(t *testing.T, f func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f(t, SQLiteURL(t)) })
	t.Run("postgres", func(t *testing.T) { f(t, PostgresURL(t)) })
}
