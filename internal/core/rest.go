package core

import "time"

// RESTToken is a pair of bearer and refresh token of the order API. Only
// hashes are kept. A pair that came from a refresh shares the family of the
// one before.
type RESTToken struct {
	AccessHash   []byte // SHA-256
	RefreshHash  []byte // SHA-256
	Family       string
	Account      AccountID
	Credential   CredentialID
	PublicID     string    // of the credential, by which it is read again at each use
	SecretSetAt  time.Time // of the credential's secret; a new secret ends the token
	ExpiresAt    time.Time // of the bearer token
	RefreshUntil time.Time
	UsedAt       time.Time // when it was refreshed; zero: not
	RevokedAt    time.Time // zero: not
	CreatedAt    time.Time
}

// RESTAnswer is the first answer to a request with an idempotency key, to be
// given again. It is written with the order; until the answer is complete Final
// is false.
type RESTAnswer struct {
	Credential CredentialID
	Key        string
	Digest     []byte // of method, path and body
	Order      OrderID
	Final      bool
	Status     int
	Location   string
	Body       []byte
	CreatedAt  time.Time
}

// DeploymentRequest is the wish to put a certificate on servers. It is kept
// until something that deploys takes it up.
type DeploymentRequest struct {
	ID          DeploymentRequestID
	Account     AccountID
	Number      int64
	Certificate CertificateID
	Credential  CredentialID
	User        UserID
	Group       GroupID
	Target      string // what the requester calls the place; free text
	State       string // one of DeploymentStates
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// The states of a deployment request.
const (
	DeploymentWaiting   = "waiting"   // nothing has taken it up yet
	DeploymentCancelled = "cancelled" // withdrawn
)

// DeploymentStates are all of them.
var DeploymentStates = []string{DeploymentWaiting, DeploymentCancelled}
