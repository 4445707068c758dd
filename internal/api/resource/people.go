package resource

import (
	"time"

	"github.com/certwright/certwright/internal/core"
)

// Account is a tenant.
type Account struct {
	ID        core.AccountID `json:"id"`
	Number    int64          `json:"number"`
	Name      string         `json:"name"`
	CreatedAt time.Time      `json:"created_at"`
}

// AccountUpdate changes the account.
type AccountUpdate struct {
	Name string `json:"name" minLength:"1" maxLength:"200"`
}

// Organisation is a legal entity inside an account.
type Organisation struct {
	ID        core.OrganisationID `json:"id"`
	Number    int64               `json:"number"`
	Name      string              `json:"name"`
	Country   string              `json:"country"`
	State     string              `json:"state"`
	Locality  string              `json:"locality"`
	Email     string              `json:"email"`
	Legal     core.LegalData      `json:"legal"`
	CreatedAt time.Time           `json:"created_at"`
	UpdatedAt time.Time           `json:"updated_at"`
}

// OrganisationFields are what can be said of an organisation.
type OrganisationFields struct {
	Name     string          `json:"name" minLength:"1" maxLength:"200"`
	Country  string          `json:"country,omitempty" maxLength:"2" doc:"ISO 3166-1 alpha-2"`
	State    string          `json:"state,omitempty" maxLength:"128"`
	Locality string          `json:"locality,omitempty" maxLength:"128"`
	Email    string          `json:"email,omitempty" maxLength:"254"`
	Legal    *core.LegalData `json:"legal,omitempty" doc:"as it is when left out"`
}

// Group is a set of users that owns credentials and certificates.
type Group struct {
	ID           core.GroupID        `json:"id"`
	Number       int64               `json:"number"`
	Organisation core.OrganisationID `json:"organisation,omitempty"`
	Name         string              `json:"name"`
	Email        string              `json:"email"`
	CreatedAt    time.Time           `json:"created_at"`
	UpdatedAt    time.Time           `json:"updated_at"`
}

// GroupFields are what can be said of a group.
type GroupFields struct {
	Name         string              `json:"name" minLength:"1" maxLength:"200"`
	Organisation core.OrganisationID `json:"organisation,omitempty"`
	Email        string              `json:"email,omitempty" maxLength:"254" doc:"where notices about the group's certificates go"`
}

// User is a person.
type User struct {
	ID     core.UserID    `json:"id"`
	Number int64          `json:"number"`
	Login  string         `json:"login"`
	Name   string         `json:"name"`
	Email  string         `json:"email"`
	State  core.UserState `json:"state" enum:"active,disabled"`
	Grants []core.Grant   `json:"grants" nullable:"false"`
	Groups []core.GroupID `json:"groups" nullable:"false"`
	// ProvidedGroups says which of them come from which sign-in provider.
	ProvidedGroups map[core.GroupID]core.ProviderID `json:"provided_groups,omitempty" doc:"which of the groups come from which sign-in provider"`
	MustChange     bool                             `json:"must_change" doc:"has a one-time password and must set another"`
	LockedUntil    time.Time                        `json:"locked_until,omitzero" doc:"after too many wrong passwords"`
	Locked         bool                             `json:"locked" doc:"locked_until is still to come"`
	SecondFactor   bool                             `json:"second_factor" doc:"a password alone does not sign in"`
	Factors        []string                         `json:"factors" nullable:"false" enum:"totp,passkey" doc:"what there is beside a password"`
	LastSignIn     time.Time                        `json:"last_sign_in,omitzero"`
	CreatedAt      time.Time                        `json:"created_at"`
	UpdatedAt      time.Time                        `json:"updated_at"`
}

// NewUser is a person to be added.
type NewUser struct {
	NoSignIn bool           `json:"no_sign_in,omitempty" doc:"no one-time password: the user only lends his name to credentials"`
	Login    string         `json:"login" minLength:"1" maxLength:"128"`
	Name     string         `json:"name,omitempty" maxLength:"200"`
	Email    string         `json:"email,omitempty" maxLength:"254"`
	Grants   []core.Grant   `json:"grants,omitempty" nullable:"false" maxItems:"1000"`
	Groups   []core.GroupID `json:"groups,omitempty" nullable:"false" maxItems:"1000"`
}

// UserChange changes a person; what is absent stays.
type UserChange struct {
	Name   *string         `json:"name,omitempty" maxLength:"200"`
	Email  *string         `json:"email,omitempty" maxLength:"254"`
	Grants *[]core.Grant   `json:"grants,omitempty" nullable:"false" maxItems:"1000" doc:"role, in the whole account or in one group"`
	Groups *[]core.GroupID `json:"groups,omitempty" nullable:"false" maxItems:"1000"`
}

// IssuedPassword is a user with a one-time password.
type IssuedPassword struct {
	User     User   `json:"user"`
	Password string `json:"password,omitempty" doc:"good for one sign-in, which must set another; shown this once; absent for a user without sign-in"`
}

// Roles is the access table.
type Roles struct {
	Items []Rule `json:"items" nullable:"false"`
}

// Rule is one row of the access table.
type Rule struct {
	Action string      `json:"action"`
	Scope  string      `json:"scope" doc:"account: needs a role in the whole account; group: in the thing's group; any: in any"`
	Roles  []core.Role `json:"roles" nullable:"false"`
}

// SignIn asks for a session.
type SignIn struct {
	Account  int64  `json:"account,omitempty" minimum:"0" doc:"number of the account; without one, the first"`
	Login    string `json:"login" minLength:"1" maxLength:"128"`
	Password string `json:"password" minLength:"1" maxLength:"1024"`
	Code     string `json:"code,omitempty" maxLength:"64" doc:"of the second factor, or a recovery code; the refusal of a sign-in without it names the field code"`
}

// PasswordChange sets one's own password.
type PasswordChange struct {
	Old string `json:"old_password" minLength:"1" maxLength:"1024"`
	New string `json:"password" minLength:"1" maxLength:"1024" doc:"the new one"`
}

// Me is who asks and what he may do.
type Me struct {
	Account     Account        `json:"account"`
	User        core.UserID    `json:"user"`
	Login       string         `json:"login"`
	Name        string         `json:"name"`
	Email       string         `json:"email"`
	Groups      []core.GroupID `json:"groups" nullable:"false"`
	Session     core.SessionID `json:"session,omitempty"`
	Token       core.TokenID   `json:"token,omitempty"`
	MustChange  bool           `json:"must_change" doc:"nothing but a change of password is allowed"`
	MustSetUp   bool           `json:"must_set_up" doc:"nothing but setting up a second factor is allowed, in a browser"`
	Permissions []Permission   `json:"permissions" nullable:"false"`
}

// Permission is an action that is allowed.
type Permission struct {
	Action string         `json:"action"`
	All    bool           `json:"all" doc:"in the whole account"`
	Groups []core.GroupID `json:"groups,omitempty" nullable:"false" doc:"in these groups only"`
}

// Passkey is a public key of somebody's authenticator.
type Passkey struct {
	ID             core.PasskeyID `json:"id"`
	User           core.UserID    `json:"user"`
	Name           string         `json:"name"`
	Host           string         `json:"host" doc:"the host of the base URL under which it was made; it works there only"`
	BackupEligible bool           `json:"backup_eligible" doc:"may be synchronised between devices"`
	BackedUp       bool           `json:"backed_up" doc:"is, as of its last use"`
	ClonedAt       time.Time      `json:"cloned_at,omitzero" doc:"its counter went back then, and it is refused since"`
	LastUsed       time.Time      `json:"last_used,omitzero"`
	CreatedAt      time.Time      `json:"created_at"`
}

// PasskeyChange renames a passkey.
type PasskeyChange struct {
	Name string `json:"name" minLength:"1" maxLength:"100"`
}

// SignInPolicy says which roles need a second factor.
type SignInPolicy struct {
	Roles     []core.Role `json:"roles" nullable:"false"`
	Version   int         `json:"version"`
	UpdatedAt time.Time   `json:"updated_at,omitzero"`
}

// SignInPolicyChange sets them.
type SignInPolicyChange struct {
	Roles   []core.Role `json:"roles" nullable:"false" maxItems:"20"`
	Version int         `json:"version" minimum:"0" doc:"of the policy that was read; 0: none was set"`
}

// Session is a signed-in browser.
type Session struct {
	ID        core.SessionID `json:"id"`
	User      core.UserID    `json:"user"`
	Address   string         `json:"address"`
	Agent     string         `json:"agent"`
	Current   bool           `json:"current" doc:"the one of this request"`
	CreatedAt time.Time      `json:"created_at"`
	LastSeen  time.Time      `json:"last_seen"`
	ExpiresAt time.Time      `json:"expires_at"`
}

// Token is a personal API token without its secret.
type Token struct {
	ID        core.TokenID `json:"id"`
	User      core.UserID  `json:"user"`
	Name      string       `json:"name"`
	Prefix    string       `json:"prefix" doc:"its public beginning"`
	Roles     []core.Role  `json:"roles" nullable:"false" doc:"it acts with these at most; empty: all its user has"`
	ExpiresAt time.Time    `json:"expires_at,omitzero" doc:"absent: never"`
	LastUsed  time.Time    `json:"last_used,omitzero"`
	RevokedAt time.Time    `json:"revoked_at,omitzero"`
	Status    string       `json:"status" enum:"active,expired,revoked"`
	CreatedAt time.Time    `json:"created_at"`
}

// NewToken is a personal API token to be made.
type NewToken struct {
	Name      string      `json:"name" minLength:"1" maxLength:"100"`
	Roles     []core.Role `json:"roles,omitempty" nullable:"false" maxItems:"10"`
	ExpiresAt time.Time   `json:"expires_at,omitzero"`
}

// IssuedToken is a new token.
type IssuedToken struct {
	Token  Token  `json:"token"`
	Secret string `json:"secret" doc:"for the header Authorization: Bearer; shown this once"`
}

// Count says how many things were changed.
type Count struct {
	Count int `json:"count"`
}
