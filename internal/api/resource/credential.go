package resource

import (
	"net/netip"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// CredentialType is a kind of API credential that this server offers.
type CredentialType struct {
	Name  core.CredentialType `json:"name"`
	Title string              `json:"title"`
	Auth  []core.AuthKind     `json:"auth" nullable:"false" doc:"authentication kinds, the usual one first"`
	// Served: a protocol of this installation takes such credentials.
	Served bool `json:"served" doc:"false: such credentials can be made ready, but no protocol of this version takes them yet"`
}

// CredentialTypes are all kinds of API credentials.
type CredentialTypes struct {
	Items []CredentialType `json:"items" nullable:"false"`
}

// CredentialOptions are settings that only one type of credential has.
type CredentialOptions = core.CredentialOptions

// Credential is an API credential without its secret.
type Credential struct {
	ID            core.CredentialID    `json:"id"`
	Number        int64                `json:"number"`
	Type          core.CredentialType  `json:"type"`
	Auth          core.AuthKind        `json:"auth"`
	Label         string               `json:"label" doc:"its part of the URL"`
	Default       bool                 `json:"default" doc:"answers on the protocol's bare path, too"`
	Description   string               `json:"description"`
	Tags          []string             `json:"tags" nullable:"false"`
	State         core.CredentialState `json:"state" enum:"active,revoked"`
	Expired       bool                 `json:"expired"`
	Status        string               `json:"status" enum:"active,expired,revoked" doc:"state and expiry in one word"`
	User          core.UserID          `json:"user"`
	Group         core.GroupID         `json:"group"`
	Organisation  core.OrganisationID  `json:"organisation,omitempty"`
	Products      []core.ProductID     `json:"products" nullable:"false"`
	Product       core.ProductID       `json:"product" doc:"the default"`
	PublicID      string               `json:"public_id" doc:"access key, client id, user name or reference value"`
	SecretSetAt   time.Time            `json:"secret_set_at,omitzero"`
	Trust         string               `json:"trust,omitempty" doc:"PEM of the certificates accepted"`
	ExpiresAt     time.Time            `json:"expires_at,omitzero" doc:"absent: never"`
	Sources       []netip.Prefix       `json:"sources" nullable:"false" doc:"address ranges that may use it; empty: all"`
	AllowedNames  []string             `json:"allowed_names" nullable:"false" doc:"name rules; empty: whatever the product allows"`
	ProvenNames   []string             `json:"proven_names" nullable:"false" doc:"names whose control has been proven"`
	Options       CredentialOptions    `json:"options,omitzero" doc:"settings that only its type has"`
	Version       int                  `json:"version"`
	CreatedAt     time.Time            `json:"created_at"`
	UpdatedAt     time.Time            `json:"updated_at"`
	RevokedAt     time.Time            `json:"revoked_at,omitzero"`
	RevokedReason string               `json:"revoked_reason,omitempty"`
}

// CredentialDetail is one credential with how to use it.
type CredentialDetail struct {
	Credential
	URL      string `json:"url" doc:"its endpoint"`
	BareURL  string `json:"bare_url,omitempty" doc:"where the type's default credential answers, too"`
	Commands string `json:"commands,omitempty" doc:"for a client, to copy and paste, with <secret> where it belongs"`
}

// NewCredential is an API credential to be made.
type NewCredential struct {
	Type         core.CredentialType `json:"type" minLength:"1" maxLength:"40"`
	Auth         core.AuthKind       `json:"auth,omitempty" maxLength:"40" doc:"the type's usual one unless given"`
	Label        string              `json:"label,omitempty" maxLength:"40" doc:"its part of the URL; generated unless given"`
	Default      bool                `json:"default,omitempty" doc:"answers on the protocol's bare path, too"`
	Description  string              `json:"description,omitempty" maxLength:"500"`
	Tags         []string            `json:"tags,omitempty" nullable:"false" maxItems:"50"`
	User         core.UserID         `json:"user"`
	Group        core.GroupID        `json:"group"`
	Organisation core.OrganisationID `json:"organisation,omitempty" doc:"the group's unless given"`
	Products     []string            `json:"products" nullable:"false" minItems:"1" maxItems:"100" doc:"ids or codes"`
	Product      string              `json:"product,omitempty" maxLength:"64" doc:"the default: id or code; the first of products unless given"`
	PublicID     string              `json:"public_id,omitempty" maxLength:"128" doc:"user name or reference value, where the kind lets it be chosen"`
	Trust        string              `json:"trust,omitempty" maxLength:"200000" doc:"client-certificate: PEM of the CAs, or of the very certificates, that are accepted"`
	ExpiresAt    time.Time           `json:"expires_at,omitzero"`
	Sources      []netip.Prefix      `json:"sources,omitempty" nullable:"false" maxItems:"100"`
	AllowedNames []string            `json:"allowed_names,omitempty" nullable:"false" maxItems:"1000"`
	ProvenNames  []string            `json:"proven_names,omitempty" nullable:"false" maxItems:"1000"`
	Options      CredentialOptions   `json:"options,omitzero" doc:"settings that only its type has"`
}

// CredentialChange changes a credential; what is absent stays. Version is the
// one that was read; when the credential has another by now nothing is changed
// (kind conflict).
type CredentialChange struct {
	Version      int                `json:"version" minimum:"1"`
	Default      *bool              `json:"default,omitempty"`
	Description  *string            `json:"description,omitempty" maxLength:"500"`
	Tags         *[]string          `json:"tags,omitempty" nullable:"false" maxItems:"50"`
	Products     *[]string          `json:"products,omitempty" nullable:"false" minItems:"1" maxItems:"100" doc:"ids or codes"`
	Product      *string            `json:"product,omitempty" maxLength:"64" doc:"id or code"`
	Trust        *string            `json:"trust,omitempty" maxLength:"200000"`
	ExpiresAt    *time.Time         `json:"expires_at,omitempty"`
	NoExpiry     bool               `json:"no_expiry,omitempty" doc:"it never expires; excludes expires_at"`
	Sources      *[]netip.Prefix    `json:"sources,omitempty" nullable:"false" maxItems:"100"`
	AllowedNames *[]string          `json:"allowed_names,omitempty" nullable:"false" maxItems:"1000"`
	ProvenNames  *[]string          `json:"proven_names,omitempty" nullable:"false" maxItems:"1000"`
	Options      *CredentialOptions `json:"options,omitempty" doc:"replaced as a whole"`
}

// IssuedCredential is a new credential, or one with a new secret.
type IssuedCredential struct {
	Credential CredentialDetail `json:"credential"`
	Secret     string           `json:"secret,omitempty" doc:"shown this once; absent when the kind has none"`
	Commands   string           `json:"commands,omitempty" doc:"for a client, with the secret, to copy and paste"`
	Notice     string           `json:"notice,omitempty" doc:"what else must be known"`
}

// Reasoned says why something is done.
type Reasoned struct {
	Reason string `json:"reason,omitempty" maxLength:"500"`
}
