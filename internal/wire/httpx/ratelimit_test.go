package httpx

import (
	"encoding/binary"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestGCRA(t *testing.T) {
	now := time.Unix(1e9, 0)
	l := NewRateLimiter(RateLimit{PerSecond: 10, Burst: 3, Now: func() time.Time { return now }, Exempt: prefixes("10.0.0.0/8")})
	a := netip.MustParseAddr("192.0.2.1")
	take := func() bool { _, ok := l.Take(a); return ok }
	for i := range 3 {
		if !take() {
			t.Fatalf("burst %d refused", i)
		}
	}
	if wait, ok := l.Take(a); ok || wait != 100*time.Millisecond {
		t.Fatal(wait, ok)
	}
	now = now.Add(99 * time.Millisecond)
	if take() {
		t.Fatal("too early")
	}
	now = now.Add(time.Millisecond)
	if !take() || take() {
		t.Fatal("exactly one more")
	}
	if _, ok := l.Take(netip.MustParseAddr("192.0.2.2")); !ok {
		t.Fatal("a neighbour pays")
	}
	for range 100 {
		if _, ok := l.Take(netip.MustParseAddr("10.1.1.1")); !ok {
			t.Fatal("exempt")
		}
	}
	now = now.Add(time.Hour)
	for range 3 {
		if !take() {
			t.Fatal("after a pause")
		}
	}
	if take() {
		t.Fatal("a pause gives no more than a burst")
	}
}

func TestRateLimitIPv6ByNetwork(t *testing.T) {
	now := time.Unix(1e9, 0)
	l := NewRateLimiter(RateLimit{PerSecond: 1, Burst: 1, Now: func() time.Time { return now }})
	if _, ok := l.Take(netip.MustParseAddr("2001:db8::1")); !ok {
		t.Fatal("first")
	}
	if _, ok := l.Take(netip.MustParseAddr("2001:db8::2")); ok {
		t.Error("same /64")
	}
	if _, ok := l.Take(netip.MustParseAddr("2001:db8:0:1::1")); !ok {
		t.Error("other /64")
	}
	if NewRateLimiter(RateLimit{}) != nil {
		t.Error("no limit configured")
	}
	var none *RateLimiter
	if _, ok := none.Take(netip.Addr{}); !ok {
		t.Error("nil limits")
	}
}

func TestRateLimitTableIsBounded(t *testing.T) {
	now := time.Unix(1e9, 0)
	l := NewRateLimiter(RateLimit{PerSecond: .001, Burst: 1, Entries: 160, Now: func() time.Time { return now }})
	for i := range 5000 {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(i))
		l.Take(netip.AddrFrom4(b))
	}
	n := 0
	for i := range l.shards {
		n += len(l.shards[i].tat)
	}
	if n > 160 {
		t.Errorf("%d entries", n)
	}
}

func TestRateLimitParallel(t *testing.T) {
	now := time.Unix(1e9, 0)
	l := NewRateLimiter(RateLimit{PerSecond: 1, Burst: 50, Now: func() time.Time { return now }})
	var ok atomic.Int32
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			if _, yes := l.Take(netip.MustParseAddr("192.0.2.1")); yes {
				ok.Add(1)
			}
		})
	}
	wg.Wait()
	if ok.Load() != 50 {
		t.Error(ok.Load())
	}
}

func BenchmarkTake(b *testing.B) {
	l := NewRateLimiter(RateLimit{PerSecond: 1e9, Burst: 1, Now: time.Now})
	a := netip.MustParseAddr("192.0.2.1")
	for b.Loop() {
		l.Take(a)
	}
}
