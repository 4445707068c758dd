package httpx

import (
	"net/netip"
	"sync"
	"time"
)

// Limiter decides whether an address may make another request now. If not,
// wait says when to come back.
type Limiter interface {
	Take(addr netip.Addr) (wait time.Duration, ok bool)
}

// RateLimit configures NewRateLimiter.
type RateLimit struct {
	PerSecond float64 // sustained requests a second of one address; 0 or less: no limit
	Burst     int     // requests at once after a pause, at least 1
	// Entries bounds the table; 0 means 65536. When it is full of addresses
	// that are all in debt, the one nearest to being free is forgotten.
	Entries int
	// Exempt addresses are never limited (health checks, trusted proxies that
	// name no client).
	Exempt []netip.Prefix
	Now    func() time.Time
}

// limitShards spreads the lock; a power of two.
const limitShards = 16

// RateLimiter is a generic cell rate algorithm in memory: for each address one
// theoretical arrival time. IPv6 addresses count by their /64, which is what
// one subscriber has.
type RateLimiter struct {
	interval  time.Duration // between two requests of the sustained rate
	tolerance time.Duration // how far the arrival time may lie ahead
	entries   int           // of one shard
	exempt    []netip.Prefix
	now       func() time.Time
	shards    [limitShards]limitShard
}

type limitShard struct {
	mu  sync.Mutex
	tat map[netip.Addr]time.Time
}

// NewRateLimiter returns nil when no limit is configured.
func NewRateLimiter(c RateLimit) *RateLimiter {
	if c.PerSecond <= 0 {
		return nil
	}
	if c.Entries <= 0 {
		c.Entries = 65536
	}
	interval := max(time.Duration(float64(time.Second)/c.PerSecond), 1)
	l := &RateLimiter{
		interval:  interval,
		tolerance: time.Duration(max(c.Burst, 1)-1) * interval,
		entries:   max(c.Entries/limitShards, 1),
		exempt:    c.Exempt,
		now:       c.Now,
	}
	for i := range l.shards {
		l.shards[i].tat = make(map[netip.Addr]time.Time)
	}
	return l
}

// Take implements Limiter. A nil RateLimiter allows everything.
func (l *RateLimiter) Take(addr netip.Addr) (time.Duration, bool) {
	if l == nil || contains(l.exempt, addr) {
		return 0, true
	}
	if addr.Is6() && !addr.Is4In6() {
		if p, err := addr.Prefix(64); err == nil {
			addr = p.Addr()
		}
	}
	now := l.now()
	s := &l.shards[shardOf(addr)]
	s.mu.Lock()
	defer s.mu.Unlock()
	tat, known := s.tat[addr]
	if tat.Before(now) {
		tat = now
	}
	if early := tat.Sub(now) - l.tolerance; early > 0 {
		return early, false
	}
	if !known && len(s.tat) >= l.entries {
		s.evict(now)
	}
	s.tat[addr] = tat.Add(l.interval)
	return 0, true
}

// evict forgets addresses that owe nothing, which changes no decision; when
// there are none in a sample, the one that owes least. It looks at a bounded
// number of entries, so that a flood from many addresses stays cheap.
func (s *limitShard) evict(now time.Time) {
	var least netip.Addr
	var leastTAT time.Time
	seen, gone := 0, 0
	for a, tat := range s.tat { // map order is random: a fair sample
		if !tat.After(now) {
			delete(s.tat, a)
			gone++
		} else if !least.IsValid() || tat.Before(leastTAT) {
			least, leastTAT = a, tat
		}
		if seen++; seen >= 64 {
			break
		}
	}
	if gone == 0 {
		delete(s.tat, least)
	}
}

func shardOf(a netip.Addr) int {
	b := a.As16()
	h := uint32(2166136261) // FNV-1a
	for _, c := range b {
		h = (h ^ uint32(c)) * 16777619
	}
	return int(h>>16^h) & (limitShards - 1)
}
