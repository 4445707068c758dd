package core

import "time"

// ACMEAccountState is the state of an ACME account (RFC 8555 section 7.1.2).
type ACMEAccountState string

// The states of an ACME account.
const (
	ACMEAccountValid       ACMEAccountState = "valid"
	ACMEAccountDeactivated ACMEAccountState = "deactivated" // by its owner; final
	ACMEAccountRevoked     ACMEAccountState = "revoked"     // by an administrator, who can make it valid again
)

// ACMEAccountStates lists every state.
var ACMEAccountStates = []ACMEAccountState{ACMEAccountValid, ACMEAccountDeactivated, ACMEAccountRevoked}

// ACMEAccount is an account key at an ACME credential's directory. It is bound
// to the credential's user, group and products for its whole life.
type ACMEAccount struct {
	ID         ACMEAccountID
	Account    AccountID
	Credential CredentialID
	State      ACMEAccountState
	Key        []byte   // public key as JWK, JSON
	Thumbprint string   // RFC 7638, base64url of SHA-256; unique per credential
	Contacts   []string // "mailto:…"
	Terms      bool     // terms of service were agreed to
	External   string   // EAB key id it was made with; empty: none was needed
	Address    string   // where it was made from
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// ACMEOrderState is the state of an ACME order (RFC 8555 section 7.1.6).
type ACMEOrderState string

// The states of an ACME order.
const (
	ACMEOrderPending    ACMEOrderState = "pending"
	ACMEOrderReady      ACMEOrderState = "ready"
	ACMEOrderProcessing ACMEOrderState = "processing"
	ACMEOrderValid      ACMEOrderState = "valid"
	ACMEOrderInvalid    ACMEOrderState = "invalid"
	ACMEOrderExpired    ACMEOrderState = "expired" // shown to administrators, never stored; clients see invalid
)

// ACMEOrderStates lists every state that lists show.
var ACMEOrderStates = []ACMEOrderState{ACMEOrderPending, ACMEOrderReady, ACMEOrderProcessing, ACMEOrderValid, ACMEOrderInvalid, ACMEOrderExpired}

// ACMEProblem is why an order failed, as it is kept.
type ACMEProblem struct {
	Type   string   `json:"type"` // word of RFC 8555 section 6.7 without prefix
	Detail string   `json:"detail"`
	Status int      `json:"status,omitempty"`
	About  []Reason `json:"about,omitempty"`
}

// ACMEOrder is an order of RFC 8555 section 7.1.3. The certificate itself is
// ordered from enroll when it is finalized.
type ACMEOrder struct {
	ID             ACMEOrderID
	Account        AccountID
	Credential     CredentialID
	ACMEAccount    ACMEAccountID
	State          ACMEOrderState
	Product        ProductID
	Profile        string // product code when the client named one
	Identifiers    []Identifier
	Authorizations []AuthorizationID
	// Wish is a hash of account, product, profile, identifiers and times: an
	// open order with the same wish is used again.
	Wish        string
	NotBefore   time.Time // as asked; zero: not
	NotAfter    time.Time
	Replaces    CertificateID // RFC 9773 section 5
	CSR         []byte        // DER, once finalized
	Order       OrderID       // at enroll, once finalized
	Certificate CertificateID // once issued
	Problem     *ACMEProblem
	ExpiresAt   time.Time
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Shown is the state with expiry taken into account.
func (o *ACMEOrder) Shown(now time.Time) ACMEOrderState {
	if (o.State == ACMEOrderPending || o.State == ACMEOrderReady) && !now.Before(o.ExpiresAt) {
		return ACMEOrderExpired
	}
	return o.State
}

// How an ACME credential has names proven.
const (
	ACMEChallenges = "challenges" // by a challenge, unless the credential's proven names cover it
	ACMEProven     = "proven"     // only the credential's proven names can be ordered
	ACMETrusted    = "trusted"    // the credential is trusted: nothing is proven
)

// ACMEOptions are the settings of an ACME credential.
type ACMEOptions struct {
	EABOptional   bool     `json:"eab_optional,omitempty" doc:"accounts may be made without external account binding"`
	MaxAccounts   int      `json:"max_accounts,omitempty" minimum:"0" maximum:"1000000" doc:"most valid accounts, 0 for no limit"`
	Control       string   `json:"control,omitempty" enum:",challenges,proven,trusted" doc:"how names are proven: by challenges (default; pre-proven names need none), proven: pre-proven names only, trusted: not at all"`
	Methods       []string `json:"methods,omitempty" nullable:"false" doc:"challenge types offered, in this order; none: http-01, dns-01, tls-alpn-01"`
	Subdomains    bool     `json:"subdomains,omitempty" doc:"control of a domain authorises the names below it (RFC 9444)"`
	OrdersPerHour int      `json:"orders_per_hour,omitempty" minimum:"0" maximum:"1000000" doc:"most new orders of an account in an hour, 0 for no limit"`
	ReuseDays     int      `json:"reuse_days,omitempty" minimum:"0" maximum:"398" doc:"how long a proof is used again, 0 for 30 days"`
	Terms         string   `json:"terms,omitempty" maxLength:"500" doc:"URL of terms of service that must be agreed to"`
	Website       string   `json:"website,omitempty" maxLength:"500" doc:"URL shown in the directory"`
	Attestation   string   `json:"attestation,omitempty" maxLength:"200000" doc:"PEM of the CAs that device attestations may chain to (device-attest-01)"`
}

// CredentialOptions are settings that only one type of credential has.
type CredentialOptions struct {
	ACME *ACMEOptions `json:"acme,omitempty"`
}

// RenewalPull tells ACME clients (RFC 9773) to renew earlier than the age of
// their certificates asks for: an administrator made it for an issuer or a
// product, and it concerns what was issued before CreatedAt.
type RenewalPull struct {
	ID          PullID
	Account     AccountID
	Issuer      IssuerID  // empty: any
	Product     ProductID // empty: any
	Start       time.Time // windows lie between Start
	End         time.Time // and End, spread over the certificates
	Explanation string    // URL shown to clients; may be empty
	Reason      string    // for people
	Cancelled   time.Time // zero: in force
	CreatedAt   time.Time
}
