// Package secrettest has a working in-memory [secret.Storage] and a ready
// [secret.Box] for tests of other packages.
package secrettest

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/secret"
)

// Storage keeps a key ring in memory with the promises of secret.Storage.
type Storage struct {
	mu      sync.Mutex
	blob    []byte
	version int64
	// Fail, when set, is what LoadRing and InTx return.
	Fail error
	// BeforeSave, when set, runs once at the start of the next SaveRing; tests
	// let another replica be faster there.
	BeforeSave func()
	loads      int
}

// tx gathers what a transaction writes.
type tx struct {
	blob     []byte
	expect   int64
	write    bool
	onCommit []func()
}

// OnCommit implements core.Tx.
func (t *tx) OnCommit(f func()) { t.onCommit = append(t.onCommit, f) }

// InTx implements core.Transactor.
func (s *Storage) InTx(ctx context.Context, f func(context.Context, core.Tx) error) error {
	t := &tx{}
	if err := f(ctx, t); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Fail != nil {
		return s.Fail
	}
	if t.write {
		if t.expect != s.version {
			return core.Errorf(core.KindConflict, "the key ring has version %d", s.version)
		}
		s.blob, s.version = t.blob, s.version+1
	}
	for _, f := range t.onCommit {
		f()
	}
	return nil
}

// LoadRing implements secret.Storage.
func (s *Storage) LoadRing(context.Context) ([]byte, int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loads++
	return bytes.Clone(s.blob), s.version, s.Fail
}

// SaveRing implements secret.Storage.
func (s *Storage) SaveRing(_ context.Context, ctx core.Tx, blob []byte, expect int64) error {
	s.mu.Lock()
	before := s.BeforeSave
	s.BeforeSave = nil
	s.mu.Unlock()
	if before != nil {
		before()
	}
	t := ctx.(*tx)
	t.blob, t.expect, t.write = bytes.Clone(blob), expect, true
	return nil
}

// Loads returns how often the ring was read.
func (s *Storage) Loads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.loads
}

// Put replaces the stored blob as an attacker would.
func (s *Storage) Put(blob []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blob = bytes.Clone(blob)
	s.version++
}

// Source is the key-encryption key source of [New].
const Source = "env:SECRETTEST_KEK"

// Env answers for the variable of Source with a fixed key.
func Env(name string) (string, bool) {
	return strings.Repeat("5e", 32), "env:"+name == Source
}

// New returns a box over fresh storage. Its clock stands at 2026-01-01 UTC.
func New(t testing.TB) *secret.Box {
	t.Helper()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	b, err := secret.Open(context.Background(), secret.Deps{
		Storage: &Storage{}, Source: Source, LookupEnv: Env, Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}
