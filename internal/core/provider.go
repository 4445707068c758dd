package core

import "time"

// ProviderKind is how an organisation's own identity is asked.
type ProviderKind string

// The kinds of sign-in providers.
const (
	ProviderOIDC ProviderKind = "oidc" // OpenID Connect Core 1.0, authorization code flow
	ProviderSAML ProviderKind = "saml" // SAML 2.0 Web Browser SSO
	ProviderLDAP ProviderKind = "ldap" // LDAP v3 and Active Directory (RFC 4511)
)

// ProviderKinds are all kinds.
var ProviderKinds = []ProviderKind{ProviderOIDC, ProviderSAML, ProviderLDAP}

// How a person of a provider is linked to a user whom an administrator made.
const (
	LinkNone  = "none"  // by an administrator only
	LinkLogin = "login" // by the same login name
	LinkEmail = "email" // by the same mail address, where the provider says that it is verified
)

// SignInProvider is an organisation's own identity: people sign in with it
// instead of a password that is kept here.
type SignInProvider struct {
	ID        ProviderID
	Account   AccountID
	Label     string // part of its URLs; unique in the account, never changed
	Name      string // on the sign-in page
	Kind      ProviderKind
	Enabled   bool
	Config    ProviderConfig
	HasSecret bool // SecretsSealed holds something; set when it is read
	// SecretsSealed is sealed JSON: see package federation.
	SecretsSealed []byte
	Version       int
	CreatedAt     time.Time
	UpdatedAt     time.Time
}

// ProviderConfig is what is said of a provider; nothing in it is secret.
type ProviderConfig struct {
	// Create makes a user at the first sign-in of somebody unknown.
	Create bool `json:"create" doc:"make a user at the first sign-in of somebody unknown"`
	// Link says how somebody unknown finds a user that an administrator made.
	Link string `json:"link,omitempty" enum:"none,login,email" doc:"link somebody unknown to a user that an administrator made: none (by hand only), by the same login, or by the same verified e-mail address"`
	// Matched refuses people whom no rule gives anything.
	Matched bool `json:"matched_only,omitempty" doc:"refuse people whom no rule gives anything"`
	// SecondFactor asks for the user's own second factor here, too.
	SecondFactor bool           `json:"second_factor,omitempty" doc:"ask for the user's own second factor here, too"`
	Attributes   AttributeNames `json:"attributes,omitzero" doc:"names of the claims or attributes"`
	Rules        []ProviderRule `json:"rules,omitempty" nullable:"false" maxItems:"200" doc:"what the provider's groups give; no rule, no rights"`
	OIDC         *OIDCConfig    `json:"oidc,omitempty"`
	SAML         *SAMLConfig    `json:"saml,omitempty"`
	LDAP         *LDAPConfig    `json:"ldap,omitempty"`
}

// AttributeNames are the claims of a token or the attributes of an assertion
// or an entry. Empty: the usual ones of the kind.
type AttributeNames struct {
	Login  string `json:"login,omitempty" maxLength:"200"`
	Name   string `json:"name,omitempty" maxLength:"200"`
	Email  string `json:"email,omitempty" maxLength:"200"`
	Groups string `json:"groups,omitempty" maxLength:"200"`
}

// ProviderRule gives the members of a group of the provider a role, and makes
// them members of a group here.
type ProviderRule struct {
	External string  `json:"external" minLength:"1" maxLength:"500" doc:"name of the provider's group, whatever its case; * for everybody"`
	Role     Role    `json:"role,omitempty" doc:"role that is given; none for membership alone"`
	Group    GroupID `json:"group,omitempty" doc:"group in which the role holds; none for the whole account"`
	Member   bool    `json:"member,omitempty" doc:"also makes a member of the group"`
}

// OIDCConfig is an OpenID provider.
type OIDCConfig struct {
	Issuer     string   `json:"issuer" maxLength:"500" doc:"issuer identifier: https URL whose /.well-known/openid-configuration is read"`
	ClientID   string   `json:"client_id" maxLength:"500"`
	ClientAuth string   `json:"client_auth,omitempty" enum:"basic,post,none" doc:"how the client secret is sent: client_secret_basic (as if absent), client_secret_post, or none for a public client"`
	Scopes     []string `json:"scopes,omitempty" nullable:"false" maxItems:"20" doc:"beside openid; profile and email when absent"`
	Prompt     string   `json:"prompt,omitempty" enum:"login,select_account,consent" doc:"what the provider is told to ask"`
	UserInfo   bool     `json:"userinfo,omitempty" doc:"also read the claims of the UserInfo endpoint"`
	Logout     bool     `json:"logout,omitempty" doc:"whoever signs out here is sent to the provider to be signed out there, too (OpenID Connect RP-Initiated Logout)"`
}

// SAMLConfig is a SAML 2.0 identity provider.
type SAMLConfig struct {
	MetadataURL  string `json:"metadata_url,omitempty" maxLength:"500" doc:"https URL of the identity provider's metadata"`
	Metadata     string `json:"metadata,omitempty" maxLength:"200000" doc:"or the metadata itself"`
	NameIDFormat string `json:"name_id_format,omitempty" enum:"persistent,email,unspecified" doc:"which name of the subject is asked for; persistent when absent"`
	IdPInitiated bool   `json:"idp_initiated,omitempty" doc:"also accept responses that nobody here asked for; they open the door to login CSRF"`
	SignRequests bool   `json:"sign_requests,omitempty" doc:"sign authentication requests"`
	Certificate  string `json:"certificate,omitempty" doc:"this side's certificate in PEM; made here, whatever is given"`
}

// LDAPConfig is a directory.
type LDAPConfig struct {
	URLs         []string `json:"urls" nullable:"false" maxItems:"10" doc:"ldaps:// or ldap:// URLs, tried in order"`
	StartTLS     bool     `json:"start_tls,omitempty" doc:"ask for TLS on ldap:// connections"`
	Plain        bool     `json:"plain,omitempty" doc:"allow ldap:// without TLS: passwords cross the network readable"`
	BindDN       string   `json:"bind_dn,omitempty" maxLength:"500" doc:"who searches for people; none: nobody searches before the person's own bind"`
	UserTemplate string   `json:"user_template,omitempty" maxLength:"500" doc:"instead of a search: name to bind with, {login} in it, for example {login}@corp.example or uid={login},ou=people,dc=corp,dc=example"`
	BaseDN       string   `json:"base_dn,omitempty" maxLength:"500" doc:"where people are looked for"`
	Filter       string   `json:"filter,omitempty" maxLength:"1000" doc:"filter that finds a person, {login} in it"`
	Subject      string   `json:"subject,omitempty" maxLength:"200" doc:"attribute that never changes: entryUUID, or objectGUID of Active Directory"`
	GroupBase    string   `json:"group_base,omitempty" maxLength:"500" doc:"where groups are searched for; none: the groups attribute (memberOf) of the person counts"`
	GroupFilter  string   `json:"group_filter,omitempty" maxLength:"1000" doc:"filter that finds a person's groups, {dn} or {login} in it"`
	GroupName    string   `json:"group_name,omitempty" maxLength:"200" doc:"attribute of a found group that rules name; its DN when absent"`
	Nested       bool     `json:"nested,omitempty" doc:"Active Directory: also groups in which the person's groups are"`
	ActiveDir    bool     `json:"active_directory,omitempty" doc:"the directory is Active Directory: its attributes, its account flags"`
}

// ExternalIdentity links a user to somebody whom a provider knows.
type ExternalIdentity struct {
	Provider     ProviderID
	ProviderName string
	Subject      string // unique and unchanging at the provider
	Account      AccountID
	User         UserID
	Login        string // what the provider calls him
	LinkedAt     time.Time
	LastSignIn   time.Time
}
