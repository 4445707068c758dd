package federation

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// How long a directory may take to be reached, and for each answer.
const (
	dialTime   = 5 * time.Second
	answerTime = 10 * time.Second
	// inChain is LDAP_MATCHING_RULE_IN_CHAIN of Active Directory: also members
	// of members.
	inChain = "1.2.840.113556.1.4.1941"
	// disabledFlag is ACCOUNTDISABLE in userAccountControl.
	disabledFlag = 0x2
)

// Directories implements identity.Directory.
func (s *Service) Directories(ctx context.Context, account core.AccountID) ([]*core.SignInProvider, error) {
	all, err := s.Storage.EnabledSignInProviders(ctx, account)
	var out []*core.SignInProvider
	for _, p := range all {
		if p.Kind == core.ProviderLDAP {
			out = append(out, p)
		}
	}
	return out, err
}

// directory is an open connection.
type directory struct {
	*ldap.Conn
	p      *core.SignInProvider
	c      *core.LDAPConfig
	secret string
}

// connect tries the directory's URLs in order.
func (s *Service) connect(ctx context.Context, p *core.SignInProvider) (*directory, error) {
	v, err := s.secrets(p)
	if err != nil {
		return nil, err
	}
	var all []error
	for _, u := range p.Config.LDAP.URLs {
		conn, err := s.dial(ctx, p.Config.LDAP, u)
		if err == nil {
			conn.SetTimeout(answerTime)
			return &directory{conn, p, p.Config.LDAP, v.Secret}, nil
		}
		all = append(all, fmt.Errorf("%s: %w", u, err))
	}
	return nil, errors.Join(all...)
}

func (s *Service) dial(ctx context.Context, c *core.LDAPConfig, raw string) (*ldap.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, err
	}
	cfg := s.TLS.Clone()
	cfg.ServerName = u.Hostname()
	conn, err := ldap.DialURL(u.Scheme+"://"+u.Host, ldap.DialWithTLSConfig(cfg), ldap.DialWithDialer(&net.Dialer{Timeout: dialTime}))
	if err != nil || u.Scheme == "ldaps" || !c.StartTLS {
		return conn, err
	}
	conn.SetTimeout(answerTime)
	if err := conn.StartTLS(cfg); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// bind authenticates as somebody. An empty password would be an
// unauthenticated bind, which servers accept as anonymous (RFC 4513 section
// 5.1.2): it never leaves here.
func (d *directory) bind(name, password string) (ok bool, err error) {
	if name == "" || password == "" {
		return false, nil
	}
	err = d.Bind(name, password)
	if ldap.IsErrorAnyOf(err, ldap.LDAPResultInvalidCredentials, ldap.LDAPResultInappropriateAuthentication, ldap.LDAPResultNoSuchObject,
		ldap.LDAPResultInvalidDNSyntax, ldap.LDAPResultConstraintViolation, ldap.LDAPResultUnwillingToPerform, ldap.LDAPResultInsufficientAccessRights) {
		return false, nil
	}
	return err == nil, err
}

// serve binds as the one who searches; without one it leaves the binding.
func (d *directory) serve() error {
	if d.c.BindDN == "" {
		return nil
	}
	ok, err := d.bind(d.c.BindDN, d.secret)
	if err == nil && !ok {
		err = errors.New("the directory does not accept bind_dn and its password")
	}
	return err
}

// Authenticate implements identity.Directory.
func (s *Service) Authenticate(ctx context.Context, p *core.SignInProvider, login, password string) (*identity.Outside, bool, error) {
	if login == "" || len(login) > 256 || password == "" || strings.ContainsFunc(login, unicode.IsControl) || !utf8.ValidString(login) {
		return nil, false, nil
	}
	d, err := s.connect(ctx, p)
	if err != nil {
		return nil, false, s.unavailable(ctx, p, err)
	}
	defer d.Close()
	o, ok, err := d.authenticate(login, password)
	if err != nil {
		return nil, false, s.unavailable(ctx, p, err)
	}
	return o, ok, nil
}

func (s *Service) unavailable(ctx context.Context, p *core.SignInProvider, err error) error {
	s.Log.WarnContext(ctx, "directory cannot be asked", "provider", p.Label, "error", err)
	return core.Wrap(core.KindUnavailable, err, "%s cannot be reached at present: try again later", p.Name)
}

func (d *directory) authenticate(login, password string) (*identity.Outside, bool, error) {
	if d.c.UserTemplate != "" {
		if ok, err := d.bind(bindName(d.c.UserTemplate, login), password); err != nil || !ok {
			return nil, false, err
		}
	} else if err := d.serve(); err != nil {
		return nil, false, err
	}
	e, err := d.find(login)
	if err != nil || e == nil {
		return nil, false, err
	}
	o := d.outside(e)
	if o.Subject == "" {
		return nil, false, fmt.Errorf("the entry %s has no attribute %s", e.DN, d.c.Subject)
	}
	// Also after a bind by template: that name and the filter may mean two
	// people.
	if ok, err := d.bind(e.DN, password); err != nil || !ok {
		return o, false, err
	}
	if d.disabled(e) {
		return o, false, nil
	}
	if err := d.serve(); err != nil {
		return nil, false, err
	}
	groups, err := d.groups(e, login)
	if err != nil {
		return nil, false, err
	}
	o.Groups = append(o.Groups, groups...)
	return o, true, nil
}

// bindName puts a login into a template, as part of a DN where it is one (RFC
// 4514 section 2.4).
func bindName(template, login string) string {
	if _, err := ldap.ParseDN(strings.ReplaceAll(template, "{login}", "x")); err == nil {
		login = ldap.EscapeDN(login)
	}
	return strings.ReplaceAll(template, "{login}", login)
}

// names are the attributes that count, with the usual ones of the directory.
func (d *directory) names() core.AttributeNames {
	n, usual := d.p.Config.Attributes, core.AttributeNames{Login: "uid", Name: "cn", Email: "mail", Groups: "memberOf"}
	if d.c.ActiveDir {
		usual.Login, usual.Name = "sAMAccountName", "displayName"
	}
	for _, f := range []struct{ have, usual *string }{{&n.Login, &usual.Login}, {&n.Name, &usual.Name}, {&n.Email, &usual.Email}, {&n.Groups, &usual.Groups}} {
		if *f.have == "" {
			*f.have = *f.usual
		}
	}
	return n
}

// find returns the one entry of a login; nil when there are none or several.
// References to other servers are not followed: they would get the password.
func (d *directory) find(login string) (*ldap.Entry, error) {
	n := d.names()
	attrs := []string{n.Login, n.Name, n.Email, n.Groups, d.c.Subject}
	if d.c.ActiveDir {
		attrs = append(attrs, "userAccountControl")
	}
	r := ldap.NewSearchRequest(d.c.BaseDN, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 2, int(answerTime.Seconds()), false, fill(d.c.Filter, login, ""), attrs, nil)
	found, err := d.Search(r)
	switch {
	case ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded):
		return nil, nil
	case err != nil:
		return nil, err
	case len(found.Entries) != 1:
		return nil, nil
	}
	return found.Entries[0], nil
}

func (d *directory) outside(e *ldap.Entry) *identity.Outside {
	n := d.names()
	return &identity.Outside{Provider: d.p, Subject: subjectText(d.c.Subject, e.GetEqualFoldRawAttributeValue(d.c.Subject)), Login: e.GetEqualFoldAttributeValue(n.Login),
		Name: e.GetEqualFoldAttributeValue(n.Name), Email: e.GetEqualFoldAttributeValue(n.Email), EmailVerified: true, // the directory's own
		Groups: e.GetEqualFoldAttributeValues(n.Groups)}
}

// subjectText writes a value that may be octets: objectGUID as Windows shows
// it, others in hex.
func subjectText(attribute string, b []byte) string {
	if strings.EqualFold(attribute, "objectGUID") && len(b) == 16 {
		return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", uint32(b[3])<<24|uint32(b[2])<<16|uint32(b[1])<<8|uint32(b[0]),
			uint16(b[5])<<8|uint16(b[4]), uint16(b[7])<<8|uint16(b[6]), b[8:10], b[10:])
	}
	if len(b) > 255 {
		return ""
	}
	if !utf8.Valid(b) || strings.ContainsFunc(string(b), unicode.IsControl) {
		return hex.EncodeToString(b)
	}
	return string(b)
}

// disabled reads the flags of Active Directory.
func (d *directory) disabled(e *ldap.Entry) bool {
	flags, err := strconv.ParseInt(e.GetEqualFoldAttributeValue("userAccountControl"), 10, 64)
	return d.c.ActiveDir && (err != nil || flags&disabledFlag != 0)
}

// groups searches for groups beside those of the entry's attribute.
func (d *directory) groups(e *ldap.Entry, login string) ([]string, error) {
	base, filter := d.c.GroupBase, d.c.GroupFilter
	if d.c.Nested {
		if base == "" {
			base = d.c.BaseDN
		}
		filter = "(member:" + inChain + ":={dn})"
	}
	if base == "" || filter == "" {
		return nil, nil
	}
	attr := d.c.GroupName
	if attr == "" {
		attr = "1.1" // none: RFC 4511 section 4.5.1.8
	}
	r := ldap.NewSearchRequest(base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, maxGroups, int(answerTime.Seconds()), false, fill(filter, login, e.DN), []string{attr}, nil)
	found, err := d.SearchWithPaging(r, 500)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, g := range found.Entries {
		if d.c.GroupName == "" {
			out = append(out, g.DN)
		} else {
			out = append(out, g.GetEqualFoldAttributeValues(d.c.GroupName)...)
		}
	}
	return out, nil
}

func (s *Service) testLDAP(ctx context.Context, p *core.SignInProvider, t *steps) {
	v, err := s.secrets(p)
	if err != nil {
		t.add("Secret", errors.New("the secret cannot be read"), "")
		return
	}
	for _, u := range p.Config.LDAP.URLs { // each one: the others are there for when it fails
		conn, err := s.dial(ctx, p.Config.LDAP, u)
		if !t.add("Connection", err, "%s", u) {
			return
		}
		conn.SetTimeout(answerTime)
		d := &directory{conn, p, p.Config.LDAP, v.Secret}
		good := d.test(t)
		conn.Close()
		if !good {
			return
		}
	}
}

func (d *directory) test(t *steps) bool {
	if d.c.BindDN == "" {
		return t.add("Bind", nil, "nobody is configured who searches: a person's own bind has to show the rest")
	}
	if !t.add("Bind", d.serve(), "%s", d.c.BindDN) {
		return false
	}
	r := ldap.NewSearchRequest(d.c.BaseDN, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, int(answerTime.Seconds()), false, "(objectClass=*)", []string{"1.1"}, nil)
	_, err := d.Search(r)
	if !t.add("Search", err, "%s is there", d.c.BaseDN) {
		return false
	}
	r = ldap.NewSearchRequest(d.c.BaseDN, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 1, int(answerTime.Seconds()), false, strings.ReplaceAll(d.c.Filter, "{login}", "*"), []string{d.c.Subject}, nil)
	found, err := d.Search(r)
	if ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded) {
		err = nil // there are more
	}
	if err == nil && (found == nil || len(found.Entries) == 0) {
		err = errors.New("the filter finds nobody")
	}
	if err == nil && len(found.Entries[0].GetEqualFoldRawAttributeValue(d.c.Subject)) == 0 {
		err = fmt.Errorf("the people found have no attribute %s", d.c.Subject)
	}
	return t.add("People", err, "the filter finds people, with %s", d.c.Subject)
}
