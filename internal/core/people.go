package core

import (
	"net/netip"
	"slices"
	"time"
)

// Account is a tenant. Every row belongs to one.
type Account struct {
	ID        AccountID
	Number    int64 // public number, for vendor APIs
	Name      string
	CreatedAt time.Time
}

// Organisation is a legal entity inside an account.
type Organisation struct {
	ID        OrganisationID
	Account   AccountID
	Number    int64
	Name      string
	Country   string // ISO 3166-1 alpha-2
	State     string
	Locality  string
	Email     string
	Legal     LegalData
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Attested returns what certificates show of the organisation and a validator
// vouches for: a vetting stands for exactly that.
func (o *Organisation) Attested() Organisation {
	a := Organisation{Name: o.Name, Country: o.Country, State: o.State, Locality: o.Locality, Legal: o.Legal}
	a.Legal.Phone = ""
	return a
}

// Group is a set of users that owns credentials and certificates.
type Group struct {
	ID           GroupID
	Account      AccountID
	Number       int64
	Organisation OrganisationID // optional
	Name         string
	Email        string // where notices about the group's certificates go; optional
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// Role is what a user may be. The table of role, action and scope is in
// package identity.
type Role string

// The roles.
const (
	RoleAdministrator   Role = "administrator"
	RoleCAAdministrator Role = "ca-administrator"
	RoleApprover        Role = "approver"
	RoleValidator       Role = "validator" // examines organisations and domains
	RoleOperator        Role = "operator"
	RoleAuditor         Role = "auditor"
	RoleRequester       Role = "requester"
)

// Roles lists every role.
var Roles = []Role{RoleAdministrator, RoleCAAdministrator, RoleApprover, RoleValidator, RoleOperator, RoleAuditor, RoleRequester}

// Grant gives a role in a scope: the whole account when Group is empty, one
// group otherwise.
type Grant struct {
	Role  Role    `json:"role"`
	Group GroupID `json:"group,omitempty"`
	// Provider is the sign-in provider that the grant comes from; empty: it was
	// given by hand.
	Provider ProviderID `json:"provider,omitempty"`
}

// UserState is the state of a user.
type UserState string

// The states of a user.
const (
	UserActive   UserState = "active"
	UserDisabled UserState = "disabled"
)

// User is a person who signs in, or on whose behalf a credential acts.
type User struct {
	ID      UserID
	Account AccountID
	Number  int64
	Login   string // unique in the account, lower case
	Name    string
	Email   string
	State   UserState
	Grants  []Grant
	Groups  []GroupID
	// Provided are those of Groups that a sign-in provider put the user into.
	Provided     map[GroupID]ProviderID
	PasswordHash string // argon2id in PHC form; empty: no password sign-in. Never leaves identity and store.
	MustChange   bool   // the password is one-time: the next sign-in must set another
	Failures     int    // wrong passwords since the last right one
	LockedUntil  time.Time
	LastSignIn   time.Time
	SecondFactor bool     // a password alone does not sign him in
	Factors      []string // "totp", "passkey": what he has beside a password
	FactorWanted bool     // the sign-in policy wants a second factor of him
	FactorDue    bool     // it does, and he has none
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// TOTP is a user's time-based one-time password (RFC 6238): six digits, 30
// seconds, SHA-1.
type TOTP struct {
	User         UserID
	Account      AccountID
	SecretSealed []byte
	ConfirmedAt  time.Time // zero: the user has not shown a code yet, and none is asked for
	LastStep     int64     // number of the newest time step whose code was used
	CreatedAt    time.Time
}

// Passkey is a public key of a user's authenticator (WebAuthn level 3).
type Passkey struct {
	ID             PasskeyID
	Account        AccountID
	User           UserID
	CredentialID   []byte
	PublicKey      []byte // COSE_Key
	Name           string
	Host           string // relying party id: it works under this host only
	Transports     []string
	SignCount      uint32
	BackupEligible bool      // may be synchronised between devices
	BackedUp       bool      // is, as of its last use
	ClonedAt       time.Time // its counter went back: it is refused since then
	LastUsed       time.Time
	CreatedAt      time.Time
}

// PasswordReset is somebody's request for a mail with a link, by which he sets
// another password.
type PasswordReset struct {
	ID        ResetID
	Account   AccountID
	User      UserID // "": nobody gets a mail; the request counts all the same
	LoginHash []byte // SHA-256 of what was typed
	Address   string // where the request came from
	CreatedAt time.Time
	ExpiresAt time.Time
}

// SignInPolicy says which roles need a second factor.
type SignInPolicy struct {
	Account   AccountID
	Roles     []Role
	Version   int // 0: never set
	UpdatedAt time.Time
}

// SignInState is a sign-in, or a ceremony of a signed-in person, between two
// requests. The browser's cookie holds a secret whose hash is here.
type SignInState struct {
	SecretHash []byte
	Kind       string
	Account    AccountID
	User       UserID // "" while nobody is known
	Data       []byte // JSON; nothing that must stay secret
	ExpiresAt  time.Time
}

// Session is a signed-in browser. The cookie holds a secret whose hash is here.
type Session struct {
	ID         SessionID
	Account    AccountID
	User       UserID
	SecretHash []byte // SHA-256 of the cookie's secret
	Address    string // where the sign-in came from
	Agent      string // User-Agent, cut at 200 octets
	CreatedAt  time.Time
	LastSeen   time.Time
	ProvenAt   time.Time // when the person last showed that it is he
	// Vouched: a sign-in provider let him in that sees to second factors itself.
	Vouched   bool
	ExpiresAt time.Time
}

// Token is a personal API token: it acts as its user, at most with the roles
// listed in Roles (empty: all the user has).
type Token struct {
	ID         TokenID
	Account    AccountID
	User       UserID
	Name       string
	Prefix     string // public part, shown in lists
	SecretHash []byte // peppered HMAC-SHA-256
	Roles      []Role
	ExpiresAt  time.Time // zero: never
	LastUsed   time.Time
	RevokedAt  time.Time
	CreatedAt  time.Time
}

// CredentialType names the protocol that a credential is for. The list is
// open: protocols register theirs in app.
type CredentialType string

// Credential types of the enrolment protocols.
const (
	CredentialACME CredentialType = "acme"
	CredentialSCEP CredentialType = "scep"
	CredentialEST  CredentialType = "est"
	CredentialCMP  CredentialType = "cmp"
	CredentialREST CredentialType = "rest"
	CredentialWAEP CredentialType = "waep"
)

// AuthKind is how a credential proves itself.
type AuthKind string

// The authentication kinds. Whether the secret is hashed (only compared) or
// sealed (a MAC or signature needs it again) is declared by package identity.
const (
	AuthAccessKey    AuthKind = "access-key"    // access key + secret
	AuthOAuth        AuthKind = "oauth"         // client id + client secret
	AuthPassword     AuthKind = "password"      // user name + password
	AuthSharedSecret AuthKind = "shared-secret" // reference value + shared secret
	AuthKerberos     AuthKind = "kerberos"      // no secret of ours
	AuthClientCert   AuthKind = "client-certificate"
)

// CredentialState is the state of an API credential.
type CredentialState string

// The states of a credential. Revoked is final.
const (
	CredentialActive  CredentialState = "active"
	CredentialRevoked CredentialState = "revoked"
)

// Credential is an API credential: it binds a protocol endpoint to a user, a
// group and a set of products.
type Credential struct {
	ID          CredentialID
	Account     AccountID
	Number      int64
	Type        CredentialType
	Auth        AuthKind
	Label       string // the credential's part of its URL; unique per type, [a-z0-9-]
	Default     bool   // answers on the protocol's bare path, too; one per type
	Description string
	Tags        []string
	State       CredentialState

	User         UserID
	Group        GroupID
	Organisation OrganisationID
	Products     []ProductID // at least one
	Product      ProductID   // the default, element of Products

	PublicID     string // access key, client id, user name or reference value; unique
	SecretHash   []byte // for hashed kinds
	SecretSealed []byte // for sealed kinds, by package secret
	SecretSetAt  time.Time
	Trust        []byte // client-certificate kind: PEM of the CA certificates or the very certificates accepted

	ExpiresAt     time.Time // zero: never
	Sources       []netip.Prefix
	AllowedNames  []string // name rules, empty: whatever the product allows
	ProvenNames   []string // names whose control the organisation has proven
	Options       CredentialOptions
	Version       int // grows with each change
	CreatedAt     time.Time
	UpdatedAt     time.Time
	RevokedAt     time.Time
	RevokedReason string
}

// Usable returns nil when the credential may be used now from addr, else an
// unauthenticated or forbidden error that does not say more than needed.
func (c *Credential) Usable(now time.Time, addr netip.Addr) error {
	switch {
	case c.State != CredentialActive:
		return Errorf(KindUnauthenticated, "the credential is revoked")
	case !c.ExpiresAt.IsZero() && !now.Before(c.ExpiresAt):
		return Errorf(KindUnauthenticated, "the credential has expired")
	case len(c.Sources) > 0 && !slices.ContainsFunc(c.Sources, func(p netip.Prefix) bool { return p.Contains(addr.Unmap()) }):
		return Errorf(KindForbidden, "the credential may not be used from this address")
	}
	return nil
}

// Principal is who asks: the outcome of authentication. Exactly one of
// Credential (a protocol) and a signed-in user without one (portal, API).
type Principal struct {
	Account    AccountID
	User       UserID
	Login      string // for the audit log
	Group      GroupID
	Credential *Credential // nil for portal and management API
	Products   []ProductID
	Product    ProductID // default
	Grants     []Grant   // of a signed-in user; capped by the token's roles
	Session    SessionID
	Token      TokenID
	Address    netip.Addr
	RequestID  string
	System     string // name of an internal actor ("schedule", "host"); then nothing else is set but Account
}

// Actor is the short form for the audit log: "credential:<id>", "user:<id>" or
// "system:<name>".
func (p *Principal) Actor() string {
	switch {
	case p == nil:
		return "anonymous"
	case p.System != "":
		return "system:" + p.System
	case p.Credential != nil:
		return "credential:" + string(p.Credential.ID)
	case p.User != "":
		return "user:" + string(p.User)
	}
	return "anonymous"
}
