package core

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// MaxAgreementText is the length in octets of the longest subscriber agreement.
const MaxAgreementText = 256 << 10

// AgreementTextID identifies one version of a text.
type AgreementTextID string

// AgreementText is one version of a subscriber agreement (CA/B BR 9.6.3). Versions are
// only ever added: what somebody signed can be read for as long as the account is there.
type AgreementText struct {
	ID      AgreementTextID
	Account AccountID
	Product ProductID // empty: for all products that have none of their own
	Version int       // counts from 1, for each product by itself
	// Body is plain text, UTF-8 with lines that end in LF; empty: from this version on
	// there is no text. Lists leave it out.
	Body         string
	Size         int    // of Body, octets
	Digest       string // SHA-256 of Body in hex
	Author       UserID
	CreatedAt    time.Time
	SupersededAt time.Time // zero: it is the present version
}

// AgreementDigest is the digest of a text.
func AgreementDigest(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}
