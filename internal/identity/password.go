package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/certwright/certwright/internal/core"
)

// PasswordCost are the parameters of argon2id (RFC 9106).
type PasswordCost struct {
	Memory  uint32 // KiB
	Time    uint32 // passes
	Threads uint8
}

// DefaultPasswordCost is the second recommended option of RFC 9106 section 4:
// 64 MiB, three passes, four lanes.
func DefaultPasswordCost() PasswordCost { return PasswordCost{Memory: 64 << 10, Time: 3, Threads: 4} }

const (
	saltSize = 16
	hashSize = 32
	// Bounds of what a stored hash may ask for.
	maxMemory = 1 << 20 // KiB
	maxPasses = 64
)

// passwords hashes and checks passwords of people. A semaphore bounds how many
// hashes are computed at once: a flood of sign-ins queues instead of taking
// all memory.
type passwords struct {
	cost  PasswordCost
	slots chan struct{}
	dummy string // hash of nothing, checked when there is no user
}

func newPasswords(cost PasswordCost, slots int) (*passwords, error) {
	if cost == (PasswordCost{}) {
		cost = DefaultPasswordCost()
	}
	if cost.Time < 1 || cost.Threads < 1 || cost.Memory < 8*uint32(cost.Threads) || cost.Memory > maxMemory || cost.Time > maxPasses || slots < 1 {
		return nil, fmt.Errorf("identity: unusable argon2id parameters %+v", cost)
	}
	p := &passwords{cost: cost, slots: make(chan struct{}, slots)}
	p.dummy = p.text(make([]byte, saltSize), make([]byte, hashSize))
	return p, nil
}

// acquire waits for a slot.
func (p *passwords) acquire(ctx context.Context) error {
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *passwords) release() { <-p.slots }

// hash returns the PHC text of a password.
func (p *passwords) hash(ctx context.Context, password string) (string, error) {
	if err := p.acquire(ctx); err != nil {
		return "", err
	}
	defer p.release()
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails since Go 1.24
	return p.text(salt, argon2.IDKey([]byte(password), salt, p.cost.Time, p.cost.Memory, p.cost.Threads, hashSize)), nil
}

func (p *passwords) text(salt, sum []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.cost.Memory, p.cost.Time, p.cost.Threads,
		b64.EncodeToString(salt), b64.EncodeToString(sum))
}

// matches compares a password with a hash; the caller holds a slot. An
// unreadable or empty hash costs the same and never matches. stale says that
// the hash was made with other parameters than today's.
func (p *passwords) matches(password, phc string) (ok, stale bool) {
	cost, salt, sum, err := parsePHC(phc)
	if err != nil {
		_, salt, sum, _ = parsePHC(p.dummy)
		argon2.IDKey([]byte(password), salt, p.cost.Time, p.cost.Memory, p.cost.Threads, uint32(len(sum)))
		return false, false
	}
	got := argon2.IDKey([]byte(password), salt, cost.Time, cost.Memory, cost.Threads, uint32(len(sum)))
	return subtle.ConstantTimeCompare(got, sum) == 1 && phc != p.dummy, cost != p.cost
}

// parsePHC reads "$argon2id$v=19$m=65536,t=3,p=4$salt$hash".
func parsePHC(s string) (c PasswordCost, salt, sum []byte, err error) {
	bad := fmt.Errorf("not an argon2id hash in PHC form")
	f := strings.Split(s, "$")
	if len(f) != 6 || f[0] != "" || f[1] != "argon2id" {
		return c, nil, nil, bad
	}
	var version int
	if _, err := fmt.Sscanf(f[2], "v=%d", &version); err != nil || version != argon2.Version {
		return c, nil, nil, bad
	}
	if _, err := fmt.Sscanf(f[3], "m=%d,t=%d,p=%d", &c.Memory, &c.Time, &c.Threads); err != nil {
		return c, nil, nil, bad
	}
	if c.Time < 1 || c.Time > maxPasses || c.Threads < 1 || c.Memory < 8*uint32(c.Threads) || c.Memory > maxMemory {
		return c, nil, nil, bad
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(f[4])
	sum, err2 := base64.RawStdEncoding.DecodeString(f[5])
	if err1 != nil || err2 != nil || len(salt) < 8 || len(sum) < 16 || len(sum) > 64 {
		return c, nil, nil, bad
	}
	return c, salt, sum, nil
}

// Bounds of a password, in characters and octets.
const (
	minPassword = 12
	maxPassword = 1024
)

// CheckPassword verifies that a password is fit for a user: 12 characters or
// more, not one of his own names, not one that everybody tries first.
func CheckPassword(password string, u *core.User) error {
	refuse := func(why string) error {
		return core.Errorf(core.KindInvalid, "%s", why).At("password")
	}
	low := strings.ToLower(password)
	switch {
	case !utf8.ValidString(password) || len(password) > maxPassword:
		return refuse("the password is too long or not text")
	case utf8.RuneCountInString(password) < minPassword:
		return refuse(fmt.Sprintf("the password has less than %d characters", minPassword))
	case low == strings.ToLower(u.Login), low == strings.ToLower(u.Email) && u.Email != "", low == strings.ToLower(u.Name):
		return refuse("the password is the user's name")
	case common(low):
		return refuse("the password is one that everybody tries first")
	}
	return nil
}

// common reports whether a password is made of few different characters, is a
// run of neighbours, or is a well-known word with decoration.
func common(low string) bool {
	seen := map[rune]bool{}
	run := true
	var last rune
	for i, r := range low {
		seen[r] = true
		if d := r - last; i > 0 && (d < -1 || d > 1) && d != '9'-'0' && d != '0'-'9' { // 9 and 0 are neighbours
			run = false
		}
		last = r
	}
	if len(seen) < 5 || run {
		return true
	}
	plain := strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "i").
		Replace(strings.Trim(low, "0123456789!@#$%^&*()-_=+.,;:? "))
	for _, w := range commonWords() {
		if plain == w || plain == w+w || low == w {
			return true
		}
	}
	return false
}

// commonWords are the cores of the passwords of 12 characters and more that
// lead the published lists, and our own name.
func commonWords() []string {
	return []string{
		"password", "passwort", "passwd", "letmein", "welcome", "admin", "administrator", "administrat", "certwright", "certificate", "changeme",
		"qwerty", "qwertz", "qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "qwertyuiopasdfghjkl", "iloveyou", "iloveyouforever",
		"trustno", "dragon", "monkey", "football", "baseball", "superman", "batman", "sunshine", "princess", "master", "shadow", "secret",
		"michael", "jennifer", "starwars", "computer", "whatever", "abc", "abcd", "default", "summer", "winter", "spring", "autumn",
		"1q2w3e4r5t6y", "1qaz2wsx3edc", "q1w2e3r4t5y6", "123qweasdzxc", "qazwsxedcrfv", "zaq12wsxcde3", "correcthorsebatterystaple", "correct horse battery staple",
		"thisisapassword", "mypassword", "newpassword", "passwordpassword",
	}
}
