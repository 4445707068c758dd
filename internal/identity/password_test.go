package identity

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/certwright/certwright/internal/core"
)

func cheap(t *testing.T, c PasswordCost, slots int) *passwords {
	t.Helper()
	p, err := newPasswords(c, slots)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPasswordHash(t *testing.T) {
	ctx := t.Context()
	p := cheap(t, PasswordCost{Memory: 64, Time: 1, Threads: 1}, 1)
	phc, err := p.hash(ctx, "correct horse")
	if err != nil || !strings.HasPrefix(phc, "$argon2id$v=19$m=64,t=1,p=1$") {
		t.Fatalf("%s, %v", phc, err)
	}
	again, _ := p.hash(ctx, "correct horse")
	if again == phc {
		t.Error("two hashes of one password are equal")
	}
	if ok, stale := p.matches("correct horse", phc); !ok || stale {
		t.Errorf("right: %v %v", ok, stale)
	}
	if ok, _ := p.matches("correct horsf", phc); ok {
		t.Error("a wrong password matches")
	}
	// From the tests of the reference implementation, phc-winner-argon2.
	if ok, stale := p.matches("password", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"); !ok || !stale {
		t.Errorf("reference value: %v %v", ok, stale)
	}
	newer := cheap(t, PasswordCost{Memory: 128, Time: 2, Threads: 1}, 1)
	if ok, stale := newer.matches("correct horse", phc); !ok || !stale {
		t.Errorf("older parameters: %v %v", ok, stale)
	}
	for _, bad := range []string{
		"", "x", p.dummy, strings.Replace(phc, "argon2id", "argon2i", 1), strings.Replace(phc, "v=19", "v=16", 1), strings.Replace(phc, "m=64", "m=0", 1),
		strings.Replace(phc, "t=1", "t=0", 1), strings.Replace(phc, "p=1", "p=0", 1), strings.Replace(phc, "m=64", "m=4294967295", 1), phc[:len(phc)-30], phc + "$x",
	} {
		if ok, _ := p.matches("correct horse", bad); ok {
			t.Errorf("%q matches", bad)
		}
	}
	if ok, _ := p.matches("", ""); ok {
		t.Error("no password matches no hash")
	}
}

func TestPasswordCostIsChecked(t *testing.T) {
	for _, c := range []PasswordCost{{Memory: 7, Time: 1, Threads: 1}, {Memory: 64, Time: 0, Threads: 1}, {Memory: 64, Time: 1}, {Memory: 1 << 21, Time: 1, Threads: 1}} {
		if _, err := newPasswords(c, 1); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
	p, err := newPasswords(PasswordCost{}, 1)
	if err != nil || p.cost != (PasswordCost{Memory: 65536, Time: 3, Threads: 4}) {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestPasswordSlots: no more hashes at once than there are slots, and a caller
// whose request is cancelled stops waiting.
func TestPasswordSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := cheap(t, PasswordCost{Memory: 64, Time: 1, Threads: 1}, 2)
		var now, most atomic.Int64
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if err := p.acquire(t.Context()); err != nil {
					t.Error(err)
				}
				most.Store(max(most.Load(), now.Add(1)))
				time.Sleep(time.Second)
				now.Add(-1)
				p.release()
			})
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		if err := p.acquire(ctx); err == nil {
			t.Error("a third slot")
		}
		wg.Wait()
		if most.Load() != 2 {
			t.Errorf("%d at once", most.Load())
		}
	})
}

func TestCheckPassword(t *testing.T) {
	u := &core.User{Login: "margaret.hamilton", Name: "Margaret Hamilton", Email: "m.hamilton@example.com"}
	for _, bad := range []string{
		"", "elevenchars", "Margaret.Hamilton", "margaret hamilton", "M.Hamilton@example.com", "password1234", "P@ssw0rd1234!", "aaaaaaaaaaaaaa", "abababababab",
		"abcdefghijklmn", "123456789012", "987654321098", "passwordpassword", "Administrator1!", "certwright2026", "qwertyuiop123", "1q2w3e4r5t6y",
		"correct horse battery staple", strings.Repeat("äb", 600), "ab\xffcdefghijklm",
	} {
		if err := CheckPassword(bad, u); !core.Is(err, core.KindInvalid) || core.AsError(err).Field != "password" {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, good := range []string{"mellow vole drums", "Grün-ist-die-Heide", "xK9$kd02ldMq", "日本語のパスワードは長い文", newOneTimePassword()} {
		if err := CheckPassword(good, u); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
}

func TestLockFor(t *testing.T) {
	for n, want := range map[int]time.Duration{0: 0, 4: 0, 5: time.Minute, 6: 2 * time.Minute, 10: 32 * time.Minute, 11: time.Hour, 1 << 30: time.Hour} {
		if got := lockFor(n); got != want {
			t.Errorf("%d failures: %s, want %s", n, got, want)
		}
	}
}

// TestStrangersAreBounded: logins that do not exist cannot fill the memory.
func TestStrangersAreBounded(t *testing.T) {
	var s strangers
	now := time.Unix(0, 0)
	for i := range 3 * maxStrangers {
		s.failed(strings.Repeat("x", i%7)+string(rune(i)), now)
	}
	if len(s.m) > maxStrangers {
		t.Errorf("%d strangers", len(s.m))
	}
}
