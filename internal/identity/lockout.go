package identity

import (
	"sync"
	"time"
)

// The lock-out: after freeFailures wrong passwords in a row an account is
// locked for firstLock, and twice as long after each further one up to
// longestLock.
const (
	freeFailures = 5
	firstLock    = time.Minute
	longestLock  = time.Hour
)

// lockFor returns how long the n-th wrong password in a row locks.
func lockFor(n int) time.Duration {
	if n < freeFailures {
		return 0
	}
	d := firstLock
	for range min(n-freeFailures, 20) {
		d *= 2
	}
	return min(d, longestLock)
}

// strangers counts wrong passwords of logins that do not exist, so that the
// lock-out does not tell them from those that do. It is in memory and bounded:
// forgetting costs nothing but this courtesy.
type strangers struct {
	mu sync.Mutex
	m  map[string]stranger
}

type stranger struct {
	failures int
	until    time.Time
}

const maxStrangers = 10_000

// lockedUntil returns the end of the lock of a login, zero for none.
func (s *strangers) lockedUntil(login string, now time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.m[login]; now.Before(e.until) {
		return e.until
	}
	return time.Time{}
}

// failed counts one more and returns the end of the lock.
func (s *strangers) failed(login string, now time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m == nil || len(s.m) >= maxStrangers {
		s.m = map[string]stranger{}
	}
	e := s.m[login]
	e.failures++
	if d := lockFor(e.failures); d > 0 {
		e.until = now.Add(d)
	}
	s.m[login] = e
	return e.until
}
