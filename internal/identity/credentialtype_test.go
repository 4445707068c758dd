package identity

import (
	"encoding/base64"
	"math"
	"net/netip"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/core"
)

func urlOf(base, label string) string { return base + "/" + label }

// TestTypesAreChecked: declarations that contradict themselves do not start.
func TestTypesAreChecked(t *testing.T) {
	good := CredentialType{Name: "x", Title: "X", URL: urlOf, Auth: []AuthOption{{Kind: core.AuthPassword}}}
	if err := checkTypes([]CredentialType{good}); err != nil {
		t.Error(err)
	}
	for what, edit := range map[string]func(c *CredentialType){
		"no name":          func(c *CredentialType) { c.Name = "" },
		"no title":         func(c *CredentialType) { c.Title = "" },
		"no URL":           func(c *CredentialType) { c.URL = nil },
		"no kind":          func(c *CredentialType) { c.Auth = nil },
		"unknown kind":     func(c *CredentialType) { c.Auth = []AuthOption{{Kind: "smile"}} },
		"secret for none":  func(c *CredentialType) { c.Auth = []AuthOption{{Kind: core.AuthKerberos, Form: SecretSealed}} },
		"none for secrets": func(c *CredentialType) { c.Auth = []AuthOption{{Kind: core.AuthPassword, Form: SecretNone}} },
	} {
		c := good
		edit(&c)
		if checkTypes([]CredentialType{c}) == nil {
			t.Errorf("%s is accepted", what)
		}
	}
	if checkTypes([]CredentialType{good, good}) == nil {
		t.Error("a type declared twice is accepted")
	}
}

// TestKindsDeclareTheirForm: every kind has a row, and the golden list of
// forms.
func TestKindsDeclareTheirForm(t *testing.T) {
	for kind, want := range map[core.AuthKind]SecretForm{
		core.AuthAccessKey: SecretHashed, core.AuthOAuth: SecretHashed, core.AuthPassword: SecretHashed, core.AuthSharedSecret: SecretSealed,
		core.AuthKerberos: SecretNone, core.AuthClientCert: SecretNone,
	} {
		if got := DefaultForm(kind); got != want {
			t.Errorf("%s: %s, want %s", kind, got, want)
		}
	}
	if len(kindRules) != 6 {
		t.Error("a kind was added without a line here")
	}
}

// TestSecrets: strength, and characters that survive shells, URLs and
// PrintableString.
func TestSecrets(t *testing.T) {
	if bits := float64(secretLength) * math.Log2(float64(len(secretAlphabet))); bits < 192 {
		t.Errorf("secrets have %.0f bits", bits)
	}
	if len(secretAlphabet) != 57 || len(labelAlphabet) != 31 {
		t.Errorf("alphabets of %d and %d", len(secretAlphabet), len(labelAlphabet))
	}
	// As HMAC key: base64url without padding, of a multiple of 16 octets.
	if raw, err := base64.RawURLEncoding.DecodeString(newSecret(sealedLength)); err != nil || len(raw) != 48 {
		t.Errorf("a sealed secret is %d octets: %v", len(raw), err)
	}
	seen := map[string]bool{}
	used := map[rune]int{}
	for range 2000 {
		s := newSecret(secretLength)
		if len(s) != secretLength || seen[s] {
			t.Fatalf("secret %q", s)
		}
		seen[s] = true
		for _, r := range s {
			if !strings.ContainsRune(secretAlphabet, r) {
				t.Fatalf("secret %q", s)
			}
			used[r]++
		}
	}
	mean := 2000.0 * secretLength / float64(len(secretAlphabet))
	for _, r := range secretAlphabet {
		if d := math.Abs(float64(used[r])-mean) / math.Sqrt(mean); d > 6 {
			t.Errorf("%c is used %d times, mean is %.0f", r, used[r], mean)
		}
	}
	if l := newLabel(); checkLabel(&CredentialType{}, l) != nil {
		t.Errorf("generated label %q is refused", l)
	}
}

func TestCheckSources(t *testing.T) {
	got, err := checkSources([]netip.Prefix{netip.MustParsePrefix("::ffff:192.0.2.9/120"), netip.MustParsePrefix("2001:db8::1/32")})
	if err != nil || got[0].String() != "192.0.2.0/24" || got[1].String() != "2001:db8::/32" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := checkSources([]netip.Prefix{{}}); !core.Is(err, core.KindInvalid) {
		t.Errorf("the empty prefix: %v", err)
	}
}

func TestCheckEmail(t *testing.T) {
	for _, good := range []string{"", "a@b.example", "first.last+tag@sub.example.org", "root@localhost"} {
		if err := checkEmail("email", good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"a", "a@b", "a b@c.example", "Bob <b@c.example>", "a@b.example, c@d.example", "a@b.example\r\nBcc: x@y.example", strings.Repeat("a", 300) + "@b.example"} {
		if err := checkEmail("email", bad); !core.Is(err, core.KindInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzParseTrust(f *testing.F) {
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"))
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := parseTrust(data); err == nil && p == nil {
			t.Error("neither trust nor error")
		}
	})
}

func FuzzParsePHC(f *testing.F) {
	f.Add("$argon2id$v=19$m=65536,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, s string) {
		if c, salt, sum, err := parsePHC(s); err == nil && (c.Time == 0 || c.Threads == 0 || c.Memory > maxMemory || len(salt) < 8 || len(sum) < 16) {
			t.Errorf("%q gives %+v", s, c)
		}
	})
}

// An alphabet whose length divides 256 leaves nothing to reject.
func TestRandomTextOfEveryAlphabet(t *testing.T) {
	for _, alphabet := range []string{"01", "0123456789", "0123456789abcdef", secretAlphabet, labelAlphabet} {
		if got := randomText(alphabet, 50); len(got) != 50 || strings.Trim(got, alphabet) != "" {
			t.Errorf("%q: %q", alphabet, got)
		}
	}
}
