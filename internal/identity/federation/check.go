package federation

import (
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"

	"github.com/certwright/certwright/internal/core"
)

func invalid(field, format string, args ...any) error {
	return core.Errorf(core.KindInvalid, format, args...).At(field)
}

// check verifies what is said of a provider, and puts what is left out.
func check(p *core.SignInProvider, v secrets) error {
	if l := len(p.Label); l < 2 || l > 40 || strings.Trim(p.Label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || p.Label[0] == '-' || p.Label[l-1] == '-' {
		return invalid("label", "a label has 2 to 40 characters of a-z 0-9 and -, and neither begins nor ends with -")
	}
	if err := line("name", p.Name, 1, 100); err != nil {
		return err
	}
	c := &p.Config
	switch c.Link {
	case "":
		c.Link = core.LinkNone
	case core.LinkNone, core.LinkLogin, core.LinkEmail:
	default:
		return invalid("link", "link is none, login or email")
	}
	for _, a := range []string{c.Attributes.Login, c.Attributes.Name, c.Attributes.Email, c.Attributes.Groups} {
		if err := line("attributes", a, 0, 200); err != nil {
			return err
		}
	}
	if err := checkRules(c.Rules); err != nil {
		return err
	}
	if (c.OIDC != nil) != (p.Kind == core.ProviderOIDC) || (c.SAML != nil) != (p.Kind == core.ProviderSAML) || (c.LDAP != nil) != (p.Kind == core.ProviderLDAP) {
		return invalid("kind", "a provider is of kind oidc, saml or ldap, and has the settings of its kind only")
	}
	if len(v.Secret) > 1000 {
		return invalid("secret", "the secret is too long")
	}
	switch p.Kind {
	case core.ProviderOIDC:
		return checkOIDC(c.OIDC, v)
	case core.ProviderSAML:
		return checkSAML(c.SAML)
	}
	return checkLDAP(c.LDAP, v)
}

func checkRules(rules []core.ProviderRule) error {
	if len(rules) > 200 {
		return invalid("rules", "there are more than 200 rules")
	}
	for _, r := range rules {
		switch err := line("rules", r.External, 1, 500); {
		case err != nil:
			return err
		case r.Role != "" && !slices.Contains(core.Roles, r.Role):
			return invalid("rules", "there is no role %q", r.Role)
		case r.Role == "" && !r.Member:
			return invalid("rules", "the rule for %q gives neither a role nor a membership", r.External)
		case r.Member && r.Group == "":
			return invalid("rules", "the rule for %q says of which group its people become members nowhere", r.External)
		}
	}
	return nil
}

// line verifies one line of text.
func line(field, s string, min, max int) error {
	switch n := utf8.RuneCountInString(s); {
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		return invalid(field, "%s holds characters that cannot be shown", field)
	case s != strings.TrimSpace(s):
		return invalid(field, "%s begins or ends with a blank", field)
	case n < min:
		return invalid(field, "%s is missing", field)
	case n > max:
		return invalid(field, "%s has more than %d characters", field, max)
	}
	return nil
}

// httpsURL verifies the URL of a provider.
func httpsURL(field, s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" || len(s) > 500 {
		return invalid(field, "%s is not an https:// URL", field)
	}
	return nil
}

func checkOIDC(c *core.OIDCConfig, v secrets) error {
	if err := httpsURL("issuer", c.Issuer); err != nil {
		return err
	}
	if err := line("client_id", c.ClientID, 1, 500); err != nil {
		return err
	}
	switch c.ClientAuth {
	case "":
		c.ClientAuth = "basic"
		fallthrough
	case "basic", "post":
		if v.Secret == "" {
			return invalid("secret", "the client secret is missing")
		}
	case "none":
		if v.Secret != "" {
			return invalid("secret", "a client that authenticates with nothing has no secret")
		}
	default:
		return invalid("client_auth", "client_auth is basic, post or none")
	}
	if len(c.Scopes) > 20 {
		return invalid("scopes", "there are more than 20 scopes")
	}
	for _, sc := range c.Scopes { // RFC 6749 section 3.3
		if sc == "" || len(sc) > 200 || strings.ContainsFunc(sc, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
			return invalid("scopes", "%q is not a scope", sc)
		}
	}
	if !slices.Contains([]string{"", "login", "select_account", "consent"}, c.Prompt) {
		return invalid("prompt", "prompt is login, select_account or consent")
	}
	return nil
}

func checkLDAP(c *core.LDAPConfig, v secrets) error {
	if len(c.URLs) == 0 || len(c.URLs) > 10 {
		return invalid("urls", "a directory has 1 to 10 URLs")
	}
	for _, raw := range c.URLs {
		u, err := url.Parse(raw)
		switch {
		case err != nil || u.Hostname() == "" || u.Scheme != "ldap" && u.Scheme != "ldaps" || u.User != nil || strings.Trim(u.Path, "/") != "" || len(raw) > 300:
			return invalid("urls", "%q is not ldaps://host[:port] or ldap://host[:port]", raw)
		case u.Scheme == "ldap" && !c.StartTLS && !c.Plain:
			return invalid("urls", "%s would send passwords readable: ask for StartTLS, or allow it in so many words", raw)
		}
	}
	for field, dn := range map[string]string{"bind_dn": c.BindDN, "base_dn": c.BaseDN, "group_base": c.GroupBase} {
		if err := line(field, dn, 0, 500); err != nil {
			return err
		}
		if _, err := ldap.ParseDN(dn); dn != "" && err != nil && (field != "bind_dn" || !strings.ContainsAny(dn, "@\\")) {
			return invalid(field, "%s is not a distinguished name", field)
		}
	}
	for field, a := range map[string]string{"subject": c.Subject, "group_name": c.GroupName} {
		if err := line(field, a, 0, 200); err != nil {
			return err
		}
	}
	switch {
	case c.BindDN != "" && v.Secret == "":
		return invalid("secret", "the password of bind_dn is missing: a bind without one would be anonymous (RFC 4513 section 5.1.2)")
	case c.BindDN == "" && v.Secret != "":
		return invalid("bind_dn", "there is a password, but nobody whose it is")
	case c.UserTemplate != "" && !strings.Contains(c.UserTemplate, "{login}"):
		return invalid("user_template", "the template holds no {login}")
	case c.BaseDN == "":
		return invalid("base_dn", "where people are looked for is missing")
	case c.GroupBase != "" && c.GroupFilter == "":
		return invalid("group_filter", "the filter that finds groups is missing")
	}
	return checkFilters(c)
}

// checkFilters puts the usual filter and attributes and verifies that filters
// stay filters with a person's name in them.
func checkFilters(c *core.LDAPConfig) error {
	if c.Filter == "" {
		c.Filter = "(&(objectClass=person)(uid={login}))"
		if c.ActiveDir {
			c.Filter = "(&(objectClass=user)(objectCategory=person)(|(sAMAccountName={login})(userPrincipalName={login})))"
		}
	}
	if c.Subject == "" {
		c.Subject = "entryUUID" // RFC 4530
		if c.ActiveDir {
			c.Subject = "objectGUID"
		}
	}
	if !strings.Contains(c.Filter, "{login}") || len(c.Filter) > 1000 {
		return invalid("filter", "the filter that finds a person holds no {login}")
	}
	if f := c.GroupFilter; f != "" && !strings.Contains(f, "{login}") && !strings.Contains(f, "{dn}") || len(f) > 1000 {
		return invalid("group_filter", "the filter that finds groups holds neither {dn} nor {login}")
	}
	for field, f := range map[string]string{"filter": c.Filter, "group_filter": c.GroupFilter} {
		if f == "" {
			continue
		}
		if _, err := ldap.CompileFilter(fill(f, "x", "cn=x")); err != nil {
			return invalid(field, "%s is not a filter (RFC 4515)", field)
		}
	}
	return nil
}

// fill puts a person's name into a filter so that it stays one value (RFC 4515
// section 3).
func fill(filter, login, dn string) string {
	return strings.NewReplacer("{login}", ldap.EscapeFilter(login), "{dn}", ldap.EscapeFilter(dn)).Replace(filter)
}

// clip cuts s to at most n octets, at the border of a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
