package audittest

import (
	"bytes"
	"crypto/ed25519"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/audit"
)

// Clock is a time source that moves when told to.
type Clock struct {
	mu sync.Mutex
	t  time.Time
}

// NewClock starts at 2026-01-01 00:00 UTC.
func NewClock() *Clock { return &Clock{t: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)} }

// Now returns the present time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

// Pass moves the clock forward.
func (c *Clock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// Key returns a fixed checkpoint key.
func Key(t testing.TB) *audit.Key {
	t.Helper()
	k, err := audit.NewKey(bytes.Repeat([]byte{0xA7}, ed25519.SeedSize))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// NewLog makes a log over fresh storage with one chain.
func NewLog(t testing.TB) (*audit.Log, *Storage, *Clock) {
	t.Helper()
	s, c := New(1), NewClock()
	return audit.New(audit.Deps{Storage: s, Signer: Key(t), Now: c.Now}), s, c
}
