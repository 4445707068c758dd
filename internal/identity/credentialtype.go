package identity

import (
	"crypto/rand"
	"fmt"
	"slices"

	"github.com/certwright/certwright/internal/core"
)

// SecretForm is how the secret of a credential is kept.
type SecretForm string

// The forms.
const (
	SecretNone   SecretForm = "none"   // there is none of ours
	SecretHashed SecretForm = "hashed" // peppered HMAC-SHA-256; it can only be compared
	SecretSealed SecretForm = "sealed" // encrypted; a MAC or signature needs it again
)

// AuthOption is one authentication kind that a credential type offers.
type AuthOption struct {
	Kind core.AuthKind
	// Form is how the secret is kept; empty means the default of the kind, see
	// [DefaultForm]. A type whose protocol computes a MAC declares sealed.
	Form SecretForm
}

// Endpoint is what a client needs to use a credential.
type Endpoint struct {
	BaseURL    string
	URL        string
	Credential *core.Credential
	// Secret is the new secret, or a placeholder when it is not known any more.
	Secret string
}

// CredentialType describes the credentials of one protocol. app hands in one
// for each protocol.
type CredentialType struct {
	Name  core.CredentialType
	Title string
	// Auth are the kinds offered, the usual one first.
	Auth []AuthOption
	// URL returns the endpoint of a label; the empty label is the bare path,
	// where the type's default credential answers.
	URL func(base, label string) string
	// Commands writes client commands to copy and paste. nil: none.
	Commands func(e Endpoint) string
	// Unserved says why no protocol of this installation takes such credentials
	// yet, to be shown with them; empty: one does.
	Unserved string
	// PublicID and Secret make identifiers and secrets where a wire format
	// prescribes their form; nil: as the authentication kind says.
	PublicID, Secret func() string
	// Reserved are labels that the protocol's paths need for themselves,
	// besides those that no type may use.
	Reserved []string
}

// kindRule says how identifiers and secrets of an authentication kind are made.
type kindRule struct {
	kind   core.AuthKind
	form   SecretForm
	prefix string // of a generated public id; "" stands for the type's name and a hyphen
	given  bool   // the public id may be chosen
	spn    bool   // the public id may hold the characters of a Kerberos principal
	silent bool   // clients prove themselves without naming the public id
}

// kindRules is the table of authentication kinds.
var kindRules = []kindRule{
	{kind: core.AuthAccessKey, form: SecretHashed, prefix: "ak_"},
	{kind: core.AuthOAuth, form: SecretHashed, prefix: "client-"},
	{kind: core.AuthPassword, form: SecretHashed, given: true},
	{kind: core.AuthSharedSecret, form: SecretSealed, prefix: "ref-", given: true, silent: true},
	{kind: core.AuthKerberos, form: SecretNone, prefix: "krb-", given: true, spn: true},
	{kind: core.AuthClientCert, form: SecretNone, prefix: "cert-"},
}

func ruleOf(k core.AuthKind) (kindRule, bool) {
	i := slices.IndexFunc(kindRules, func(r kindRule) bool { return r.kind == k })
	if i < 0 {
		return kindRule{}, false
	}
	return kindRules[i], true
}

// DefaultForm is how secrets of a kind are kept unless the type declares
// otherwise.
func DefaultForm(k core.AuthKind) SecretForm {
	r, _ := ruleOf(k)
	return r.form
}

// checkTypes finds mistakes in the declarations.
func checkTypes(types []CredentialType) error {
	seen := map[core.CredentialType]bool{}
	for _, t := range types {
		switch {
		case t.Name == "" || t.Title == "" || seen[t.Name]:
			return fmt.Errorf("identity: credential type %q has no name or title, or is declared twice", t.Name)
		case len(t.Auth) == 0 || t.URL == nil:
			return fmt.Errorf("identity: credential type %q has no authentication kind or no URL", t.Name)
		}
		seen[t.Name] = true
		for _, a := range t.Auth {
			r, ok := ruleOf(a.Kind)
			if !ok {
				return fmt.Errorf("identity: credential type %q has unknown authentication kind %q", t.Name, a.Kind)
			}
			if a.Form != "" && (a.Form == SecretNone) != (r.form == SecretNone) {
				return fmt.Errorf("identity: credential type %q cannot keep secrets of kind %q %s", t.Name, a.Kind, a.Form)
			}
		}
	}
	return nil
}

// Types returns the declared credential types.
func (s *Service) Types() []CredentialType { return slices.Clone(s.types) }

// Type finds a declared credential type.
func (s *Service) Type(name core.CredentialType) (CredentialType, error) {
	i := slices.IndexFunc(s.types, func(t CredentialType) bool { return t.Name == name })
	if i < 0 {
		return CredentialType{}, core.Errorf(core.KindInvalid, "there is no credential type %q", name).At("type")
	}
	return s.types[i], nil
}

// form returns how a secret of the type and kind is kept; an error when the
// type does not offer the kind.
func (t *CredentialType) form(k core.AuthKind) (SecretForm, error) {
	for _, a := range t.Auth {
		if a.Kind != k {
			continue
		}
		if a.Form != "" {
			return a.Form, nil
		}
		return DefaultForm(k), nil
	}
	return "", core.Errorf(core.KindInvalid, "%s credentials do not offer authentication by %s", t.Title, k).At("auth")
}

// reservedLabels are labels that no type may use: operation names of EST
// (RFC 7030, RFC 8295) and words of other protocols' paths that stand where a
// label would.
func reservedLabels() []string {
	return []string{
		"cacerts", "simpleenroll", "simplereenroll", "serverkeygen", "csrattrs", "fullcmc",
		"crls", "pal", "eecerts", "symmetrickeys", "simplerevoke",
		"directory", "pkiclient", "well-known", "admin", "api", "health", "default",
	}
}

// Alphabets. Secrets use letters and digits without those that look alike:
// they pass unharmed through shells, URLs, HTTP Basic, base64url decoders and
// ASN.1 PrintableString (a SCEP challengePassword).
const (
	secretAlphabet = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789" // 57
	labelAlphabet  = "abcdefghjkmnpqrstuvwxyz23456789"                           // 31
)

// Lengths of generated secrets. 40 characters of 57 are 233 bits. A sealed one
// is also what ACME clients decode from base64url as HMAC key: 64 characters are
// whole groups without padding, and 48 octets; a widespread shell client takes
// only a multiple of 16.
const (
	secretLength = 40
	sealedLength = 64
)

// randomText returns n characters of alphabet, each equally likely.
func randomText(alphabet string, n int) string {
	out := make([]byte, 0, n)
	limit := 256 - 256%len(alphabet) // above, the remainder would favour early characters
	buf := make([]byte, 2*n)
	for {
		_, _ = rand.Read(buf) // never fails since Go 1.24
		for _, b := range buf {
			if int(b) < limit {
				out = append(out, alphabet[int(b)%len(alphabet)])
				if len(out) == n {
					return string(out)
				}
			}
		}
	}
}

// newLabel makes the label of a credential: 10 characters are 49 bits, so that
// endpoints cannot be found by trying.
func newLabel() string { return randomText(labelAlphabet, 10) }

// Digits returns n random digits that do not begin with 0, for types whose
// clients expect a number.
func Digits(n int) string { return randomText("123456789", 1) + randomText("0123456789", n-1) }

// HexDigits returns n random lower-case hex digits.
func HexDigits(n int) string { return randomText("0123456789abcdef", n) }

// newPublicID makes an access key, client id, user name or reference value.
func newPublicID(t *CredentialType, r kindRule) string {
	if t.PublicID != nil {
		return t.PublicID()
	}
	prefix := r.prefix
	if prefix == "" {
		prefix = string(t.Name) + "-"
	}
	return prefix + randomText(labelAlphabet, 16)
}

// newSecret makes the secret of a credential.
func (t *CredentialType) newSecret(length int) string {
	if t.Secret != nil {
		return t.Secret()
	}
	return newSecret(length)
}

func newSecret(length int) string { return randomText(secretAlphabet, length) }

// newOneTimePassword makes a password for people to type once: 20 characters
// of 31 are 99 bits, in groups.
func newOneTimePassword() string {
	s := randomText(labelAlphabet, 20)
	return s[0:5] + "-" + s[5:10] + "-" + s[10:15] + "-" + s[15:20]
}
