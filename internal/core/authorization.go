package core

import "time"

// Identifier is a name whose control can be proven (RFC 8555 section 9.7.7,
// RFC 8738): type "dns" (A-labels, lower case; a wildcard only in orders),
// "ip", "permanent-identifier" or "hardware-module" (device attestation).
type Identifier struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// Identifier types.
const (
	IdentifierDNS       = "dns"
	IdentifierIP        = "ip"
	IdentifierPermanent = "permanent-identifier"
	IdentifierHardware  = "hardware-module"
)

// String writes the identifier as Names.Strings does: "dns:a.example".
func (i Identifier) String() string { return i.Type + ":" + i.Value }

// Methods by which control is proven.
const (
	MethodHTTP01       = "http-01"        // RFC 8555 section 8.3
	MethodDNS01        = "dns-01"         // RFC 8555 section 8.4
	MethodTLSALPN01    = "tls-alpn-01"    // RFC 8737
	MethodDNSAccount01 = "dns-account-01" // draft-ietf-acme-dns-account-label
	MethodDNSPersist01 = "dns-persist-01" // draft-ietf-acme-dns-persist
	MethodDeviceAttest = "device-attest-01"
	MethodProven       = "pre-proven" // the credential's own list; never checked
)

// Failure says why control could not be proven. Code is a word of the registry
// of RFC 8555 section 9.7.4 without its prefix: "connection", "dns", "tls",
// "unauthorized", "incorrectResponse", "caa", "dnssec",
// "badAttestationStatement", "rejectedIdentifier", "serverInternal".
type Failure struct {
	Code   string `json:"code"`
	Detail string `json:"detail"` // a sentence for people; may be shown
}

// Error implements error.
func (f *Failure) Error() string { return f.Code + ": " + f.Detail }

// Record is one observation made while control was checked: what was asked,
// where, and what was seen. It is shown to the requester.
type Record struct {
	At     time.Time `json:"at"`
	Where  string    `json:"where,omitempty"`  // vantage point; empty: this server
	Asked  string    `json:"asked"`            // "TXT _acme-challenge.a.example at 127.0.0.1:53", "GET http://a.example/… at 192.0.2.1:80"
	Answer string    `json:"answer,omitempty"` // cut at 300 octets
}

// ChallengeState is the state of a challenge (RFC 8555 section 7.1.6).
type ChallengeState string

// The states of a challenge.
const (
	ChallengePending    ChallengeState = "pending"
	ChallengeProcessing ChallengeState = "processing"
	ChallengeValid      ChallengeState = "valid"
	ChallengeInvalid    ChallengeState = "invalid"
)

// Challenge is one way to prove control.
type Challenge struct {
	Method      string         `json:"method"`
	State       ChallengeState `json:"state"`
	Token       string         `json:"token,omitempty"`
	Failure     *Failure       `json:"failure,omitempty"`
	Records     []Record       `json:"records,omitempty"`
	ValidatedAt time.Time      `json:"validated_at,omitzero"`
	// Tries counts finished attempts of the present run.
	Tries int `json:"tries,omitempty"`
	// Statement is the attestation object that the client sent, while it waits
	// to be judged (device-attest-01).
	Statement []byte `json:"statement,omitempty"`
	// KeyHash is the SHA-256 of the SubjectPublicKeyInfo that a device attested;
	// certificates of the order are for that key only.
	KeyHash []byte `json:"key_hash,omitempty"`
}

// AuthorizationState is the state of an authorization. Expiry is not stored:
// it follows from ExpiresAt.
type AuthorizationState string

// The states of an authorization (RFC 8555 section 7.1.6).
const (
	AuthorizationPending     AuthorizationState = "pending"
	AuthorizationValid       AuthorizationState = "valid"
	AuthorizationInvalid     AuthorizationState = "invalid"
	AuthorizationDeactivated AuthorizationState = "deactivated"
	AuthorizationRevoked     AuthorizationState = "revoked" // by an administrator
	AuthorizationExpired     AuthorizationState = "expired" // shown, never stored
)

// AuthorizationStates lists every state that lists show.
var AuthorizationStates = []AuthorizationState{AuthorizationPending, AuthorizationValid, AuthorizationInvalid, AuthorizationDeactivated, AuthorizationRevoked, AuthorizationExpired}

// Authorization is the proof of control of one identifier by one ACME account,
// or the way to it.
type Authorization struct {
	ID          AuthorizationID
	Account     AccountID
	Credential  CredentialID
	ACMEAccount ACMEAccountID
	Identifier  Identifier // without "*."
	Wildcard    bool       // made for "*." + Identifier.Value
	// Subdomains: also authorises every name below (RFC 9444).
	Subdomains bool
	State      AuthorizationState
	Method     string // by which it became valid
	Challenges []Challenge
	// BusyUntil is set while a challenge is processed: whoever checks has until
	// then, later anybody may take it up.
	BusyUntil time.Time
	ExpiresAt time.Time
	Version   int // grows with each change; changes compare and set it
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Shown is the state with expiry taken into account.
func (a *Authorization) Shown(now time.Time) AuthorizationState {
	if (a.State == AuthorizationPending || a.State == AuthorizationValid) && !now.Before(a.ExpiresAt) {
		return AuthorizationExpired
	}
	return a.State
}
