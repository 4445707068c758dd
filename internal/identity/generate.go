package identity

import (
	"crypto/rand"

	"github.com/certwright/certwright/internal/core"
)

// Alphabets. Secrets use letters and digits without those that look alike:
// they pass unharmed through shells, URLs, HTTP Basic, base64url decoders and
// ASN.1 PrintableString (a SCEP challengePassword).
const (
	secretAlphabet = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789" // 57
	labelAlphabet  = "abcdefghjkmnpqrstuvwxyz23456789"                           // 31
)

// secretLength is that of generated credential secrets: 40 characters of 57
// are 233 bits, and 40 is a whole number of base64url groups, as clients that
// decode an ACME EAB key need it.
const secretLength = 40

// randomText returns n characters of alphabet, each equally likely.
func randomText(alphabet string, n int) string {
	out := make([]byte, 0, n)
	limit := byte(256 - 256%len(alphabet)) // above, the remainder would favour early characters
	buf := make([]byte, 2*n)
	for {
		_, _ = rand.Read(buf) // never fails since Go 1.24
		for _, b := range buf {
			if b < limit {
				out = append(out, alphabet[int(b)%len(alphabet)])
				if len(out) == n {
					return string(out)
				}
			}
		}
	}
}

// newLabel makes the label of a credential: 10 characters are 49 bits, so that
// endpoints cannot be found by trying.
func newLabel() string { return randomText(labelAlphabet, 10) }

// newPublicID makes an access key, client id, user name or reference value.
func newPublicID(t core.CredentialType, r kindRule) string {
	prefix := r.prefix
	if prefix == "" {
		prefix = string(t) + "-"
	}
	return prefix + randomText(labelAlphabet, 16)
}

// newSecret makes the secret of a credential.
func newSecret() string { return randomText(secretAlphabet, secretLength) }

// newOneTimePassword makes a password for people to type once: 20 characters
// of 31 are 99 bits, in groups.
func newOneTimePassword() string {
	s := randomText(labelAlphabet, 20)
	return s[0:5] + "-" + s[5:10] + "-" + s[10:15] + "-" + s[15:20]
}
