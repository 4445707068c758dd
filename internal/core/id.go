package core

import (
	"crypto/rand"
	"encoding/hex"
	"time"
)

// Typed ids. Each is a UUIDv7 (RFC 9562 section 5.7) in its 36-character text
// form, made in Go so that any SQL engine will do, and sortable by creation.
type (
	AccountID      string
	OrganisationID string
	GroupID        string
	UserID         string
	SessionID      string
	PasskeyID      string
	ResetID        string
	TokenID        string
	CredentialID   string
	ProductID      string
	IssuerID       string
	KeyID          string
	OrderID        string
	CertificateID  string
	ApprovalID     string
	ACMEAccountID  string
	ACMEOrderID    string
	// AuthorizationID names a proof of control, or the way to one.
	AuthorizationID string
	PullID          string
	ViewID          string
	ProviderID      string
	DomainID        string
	// AttemptID names one look at a domain's challenge.
	AttemptID        string
	VettingID        string
	RepresentativeID string
	ConsentID        string
	DocumentID       string
	// DeploymentRequestID names a wish to put a certificate on servers.
	DeploymentRequestID string
)

// NewID makes a UUIDv7 whose first 48 bits are now in milliseconds.
func NewID[T ~string](now time.Time) T {
	var u [16]byte
	_, _ = rand.Read(u[6:]) // never fails since Go 1.24
	ms := uint64(now.UnixMilli())
	for i := range 6 {
		u[i] = byte(ms >> (40 - 8*i))
	}
	u[6] = u[6]&0x0f | 0x70
	u[8] = u[8]&0x3f | 0x80
	var b [36]byte
	hex.Encode(b[0:8], u[0:4])
	hex.Encode(b[9:13], u[4:6])
	hex.Encode(b[14:18], u[6:8])
	hex.Encode(b[19:23], u[8:10])
	hex.Encode(b[24:36], u[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return T(b[:])
}

// ValidID reports whether s has the text form that NewID writes. Handlers use
// it to answer "not found" for garbage without asking the database.
func ValidID[T ~string](s T) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}
