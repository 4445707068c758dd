package resource

import (
	"time"

	"github.com/certwright/certwright/internal/core"
)

// SignInProvider is an organisation's own identity through which people sign in.
type SignInProvider struct {
	ID          core.ProviderID     `json:"id"`
	Label       string              `json:"label" doc:"part of its URLs here"`
	Name        string              `json:"name" doc:"on the sign-in page"`
	Kind        core.ProviderKind   `json:"kind" enum:"oidc,saml,ldap"`
	Enabled     bool                `json:"enabled"`
	Config      core.ProviderConfig `json:"config"`
	HasSecret   bool                `json:"has_secret" doc:"a client secret, a password or a key is kept; it is never shown"`
	CallbackURL string              `json:"callback_url,omitempty" doc:"redirect URI to be registered with an OpenID provider"`
	SignedOut   string              `json:"signed_out_url,omitempty" doc:"post-logout redirect URI to be registered with an OpenID provider that people are signed out of, too"`
	MetadataURL string              `json:"metadata_url,omitempty" doc:"where this side's SAML metadata is; its entity id, too"`
	ACSURL      string              `json:"acs_url,omitempty" doc:"where SAML responses are posted to"`
	Version     int                 `json:"version" doc:"grows with each change"`
	CreatedAt   time.Time           `json:"created_at"`
	UpdatedAt   time.Time           `json:"updated_at"`
}

// NewSignInProvider is a provider to be added; it is disabled at first.
type NewSignInProvider struct {
	Label  string              `json:"label" minLength:"2" maxLength:"40" doc:"part of its URLs here: a-z 0-9 and -; it cannot be changed"`
	Name   string              `json:"name" minLength:"1" maxLength:"100"`
	Kind   core.ProviderKind   `json:"kind" enum:"oidc,saml,ldap"`
	Config core.ProviderConfig `json:"config"`
	Secret string              `json:"secret,omitempty" maxLength:"1000" doc:"client secret, or password of bind_dn; never shown again"`
}

// SignInProviderUpdate replaces what is said of a provider. Version is the one
// that was read; when the provider has another by now nothing is changed (kind
// conflict).
type SignInProviderUpdate struct {
	Version int                 `json:"version" minimum:"1"`
	Name    string              `json:"name" minLength:"1" maxLength:"100"`
	Config  core.ProviderConfig `json:"config"`
	Secret  *string             `json:"secret,omitempty" maxLength:"1000" doc:"another one; absent: the one that there is"`
}

// ProviderTest is what was found when a provider was tried.
type ProviderTest struct {
	OK    bool           `json:"ok"`
	Steps []ProviderStep `json:"steps" nullable:"false"`
}

// ProviderStep is one thing that was tried.
type ProviderStep struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail" doc:"what was found, or what is wrong"`
}

// ExternalIdentity says that a user is somebody whom a provider knows.
type ExternalIdentity struct {
	Provider     core.ProviderID `json:"provider"`
	ProviderName string          `json:"provider_name"`
	Subject      string          `json:"subject" doc:"what the provider calls him for good"`
	Login        string          `json:"login" doc:"what the provider called him at his last sign-in"`
	LinkedAt     time.Time       `json:"linked_at"`
	LastSignIn   time.Time       `json:"last_sign_in,omitzero"`
}

// ExternalIdentities are those of a user.
type ExternalIdentities struct {
	Items []ExternalIdentity `json:"items" nullable:"false"`
}

// IdentityLink names somebody whom a provider knows.
type IdentityLink struct {
	Provider core.ProviderID `json:"provider"`
	Subject  string          `json:"subject" minLength:"1" maxLength:"256" doc:"OIDC: sub; SAML: NameID; LDAP: value of the subject attribute"`
}
