package federation_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/identity/federation"
	"github.com/certwright/certwright/internal/identity/federation/federationtest"
	"github.com/certwright/certwright/internal/identity/identitytest"
	"github.com/certwright/certwright/internal/secret"
)

// directory has an enabled provider for a running slapd.
func directory(t *testing.T, w *world, s *federationtest.Slapd, label string, change func(c *core.ProviderConfig)) *core.SignInProvider {
	t.Helper()
	w.Roots.AddCert(s.Root)
	cfg := core.ProviderConfig{Create: true, Rules: []core.ProviderRule{{External: strings.ToUpper(federationtest.OperatorsDN), Role: core.RoleOperator}},
		LDAP: &core.LDAPConfig{URLs: []string{s.TLS}, BindDN: federationtest.Finder, BaseDN: "ou=people," + federationtest.Suffix}}
	if change != nil {
		change(&cfg)
	}
	d := federation.Data{Label: label, Kind: core.ProviderLDAP, Name: "Directory", Config: cfg}
	if cfg.LDAP.BindDN != "" {
		d.Secret = redacted(federationtest.FinderPassword)
	}
	p, err := w.Fed.Create(t.Context(), w.Admin, d)
	if err != nil {
		t.Fatal(err)
	}
	if p, err = w.Fed.SetEnabled(t.Context(), w.Admin, p.ID, true); err != nil {
		t.Fatal(err)
	}
	return p
}

func (w *world) enter(t *testing.T, login, password string) (*identity.SignedIn, error) {
	t.Helper()
	return w.SignIn(t.Context(), identity.SignIn{Login: login, Password: password})
}

// TestDirectory: people of a directory sign in with the password form; roles
// follow their groups; wrong passwords lock as local ones do.
func TestDirectory(t *testing.T) {
	s := federationtest.StartSlapd(t)
	worlds(t, func(t *testing.T, w *world) {
		p := directory(t, w, s, "corp", nil)
		in, err := w.enter(t, "Ann", federationtest.AnnPassword)
		if err != nil {
			t.Fatal(err)
		}
		if u := in.User; u.Login != "ann" || u.Name != "Ann Example" || len(u.Grants) != 1 || u.Grants[0] != (core.Grant{Role: core.RoleOperator, Provider: p.ID}) {
			t.Errorf("user %+v", u)
		}
		s.Member(t, federationtest.PersonDN("ann"), false)
		in, err = w.enter(t, "ann", federationtest.AnnPassword)
		s.Member(t, federationtest.PersonDN("ann"), true)
		if err != nil || len(in.User.Grants) != 0 {
			t.Errorf("out of the group: %+v, %v", in, err)
		}
		steps, err := w.Fed.Test(t.Context(), w.Admin, p.ID)
		if err != nil || len(steps) != 4 || !steps[3].OK {
			t.Errorf("test %+v, %v", steps, err)
		}
		for _, c := range [][2]string{{"ann", ""}, {"ann", "wrong"}, {"bob", ""}, {"bob", "wrong"}, {"nobody", "x"}, {"*", federationtest.AnnPassword}, {"ann)(uid=*", "x"},
			{"a*", federationtest.AnnPassword}, {"\x00", "x"}, {strings.Repeat("a", 300), "x"}, {"bob", federationtest.AnnPassword}, {"bob", strings.Repeat("x", 2000)}} {
			_, err := w.enter(t, c[0], c[1])
			wantKind(t, err, core.KindUnauthenticated, c[0]+"/"+c[1])
			if err == nil || core.AsError(err).Detail != "wrong user name or password" {
				t.Errorf("%q gets another answer: %v", c, err)
			}
		}
		for range 3 {
			_, err = w.enter(t, "ann", "wrong")
		}
		if err == nil || core.AsError(err).RetryAfter == 0 {
			t.Errorf("not locked: %v", err)
		}
		_, err = w.enter(t, "ann", federationtest.AnnPassword)
		wantKind(t, err, core.KindUnauthenticated, "the right password while locked")
		w.Clock.Advance(2 * time.Hour)
		if _, err = w.enter(t, "ann", federationtest.AnnPassword); err != nil {
			t.Errorf("after the lock: %v", err)
		}
		off := core.UserDisabled
		if _, err := w.UpdateUser(t.Context(), w.Admin, in.User.ID, identity.UserChange{State: &off}); err != nil {
			t.Fatal(err)
		}
		if in, err = w.enter(t, "ann", federationtest.AnnPassword); err == nil || in != nil {
			t.Error("a disabled user signed in")
		}
	})
}

// TestDirectoryWays: StartTLS, plain, bind by template, groups by search,
// failover, and a directory that is away.
func TestDirectoryWays(t *testing.T) {
	s := federationtest.StartSlapd(t)
	worlds(t, func(t *testing.T, w *world) {
		n := 0
		try := func(name string, want bool, change func(c *core.ProviderConfig)) *identity.SignedIn {
			t.Helper()
			n++
			p := directory(t, w, s, "corp-"+string(rune('a'+n)), change)
			in, err := w.enter(t, "ann", federationtest.AnnPassword)
			if (err == nil) != want {
				t.Errorf("%s: %v", name, err)
			}
			if _, bad := w.enter(t, "ann", "wrong"); bad == nil {
				t.Errorf("%s: signed in with a wrong password", name)
			}
			if err := w.Fed.Delete(t.Context(), w.Admin, p.ID); err != nil {
				t.Fatal(err)
			}
			w.Clock.Advance(3 * time.Hour)
			if in != nil { // the next provider would find a user of that login who is not his
				off := core.UserDisabled
				if _, err := w.UpdateUser(t.Context(), w.Admin, in.User.ID, identity.UserChange{State: &off}); err != nil {
					t.Fatal(err)
				}
				if err := w.DeleteUser(t.Context(), w.Admin, in.User.ID); err != nil {
					t.Fatal(err)
				}
			}
			return in
		}
		try("StartTLS", true, func(c *core.ProviderConfig) { c.LDAP.URLs, c.LDAP.StartTLS = []string{s.Plain}, true })
		try("plain", true, func(c *core.ProviderConfig) { c.LDAP.URLs, c.LDAP.Plain = []string{s.Plain}, true })
		try("template", true, func(c *core.ProviderConfig) {
			c.LDAP.BindDN, c.LDAP.UserTemplate = "", "uid={login},ou=people,"+federationtest.Suffix
		})
		try("template that means somebody else", false, func(c *core.ProviderConfig) {
			c.LDAP.BindDN, c.LDAP.UserTemplate, c.LDAP.Filter = "", "uid={login},ou=people,"+federationtest.Suffix, "(&(!(uid={login}))(objectClass=person))"
		})
		try("failover", true, func(c *core.ProviderConfig) { c.LDAP.URLs = []string{"ldaps://127.0.0.1:1", s.TLS} })
		try("wrong service password", false, func(c *core.ProviderConfig) { c.LDAP.BindDN = "cn=other," + federationtest.Suffix })
		in := try("groups by search", true, func(c *core.ProviderConfig) {
			c.LDAP.GroupBase, c.LDAP.GroupFilter, c.LDAP.GroupName = "ou=groups,"+federationtest.Suffix, "(member={dn})", "cn"
			c.Attributes.Groups = "description"
			c.Rules = []core.ProviderRule{{External: "pki-operators", Role: core.RoleAuditor}}
		})
		if in == nil || len(in.User.Grants) != 1 || in.User.Grants[0].Role != core.RoleAuditor {
			t.Errorf("groups by search: %+v", in)
		}
		p := directory(t, w, s, "away", func(c *core.ProviderConfig) { c.LDAP.URLs = []string{"ldaps://127.0.0.1:1"} })
		_, err := w.enter(t, "ann", federationtest.AnnPassword)
		wantKind(t, err, core.KindUnavailable, "away")
		if steps, err := w.Fed.Test(t.Context(), w.Admin, p.ID); err != nil || len(steps) != 1 || steps[0].OK {
			t.Errorf("test of one that is away: %+v, %v", steps, err)
		}
		if _, err := w.enter(t, "admin", identitytest.AdminPassword); err != nil {
			t.Errorf("a local user while the directory is away: %v", err)
		}
	})
}

// TestDirectoryNonsense: something that is no directory.
func TestDirectoryNonsense(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
				c.Close()
			}
		}()
		_, err = w.Fed.Create(t.Context(), w.Admin, federation.Data{Label: "odd", Kind: core.ProviderLDAP, Name: "Odd", Secret: redacted("x"), Config: core.ProviderConfig{
			LDAP: &core.LDAPConfig{URLs: []string{"ldap://" + l.Addr().String()}, BindDN: "cn=x", BaseDN: "dc=x"}}})
		wantKind(t, err, core.KindInvalid, "passwords that would be readable")
		p, err := w.Fed.Create(t.Context(), w.Admin, federation.Data{Label: "odd", Kind: core.ProviderLDAP, Name: "Odd", Secret: redacted("x"), Config: core.ProviderConfig{
			LDAP: &core.LDAPConfig{URLs: []string{"ldap://" + l.Addr().String()}, Plain: true, BindDN: "cn=x", BaseDN: "dc=x"}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Fed.SetEnabled(t.Context(), w.Admin, p.ID, true); err != nil {
			t.Fatal(err)
		}
		_, err = w.enter(t, "ann", "password")
		wantKind(t, err, core.KindUnavailable, "nonsense")
	})
}

// spy is a directory that notes whom it was asked for.
type spy struct {
	p     *core.SignInProvider
	asked []string
}

func (s *spy) directories() []*core.SignInProvider { return []*core.SignInProvider{s.p} }

// TestLocalPasswordStays: a local user's password is sent to no directory, and
// somebody without a password only to one that he belongs to.
func TestLocalPasswordStays(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		s := &spy{p: &core.SignInProvider{ID: core.NewID[core.ProviderID](w.Clock.Now()), Kind: core.ProviderLDAP, Name: "Spy", Config: core.ProviderConfig{Link: core.LinkNone}}}
		w.Directory.Directory = spied{s}
		if _, err := w.enter(t, "admin", "wrong"); err == nil {
			t.Error("wrong password")
		}
		if _, err := w.enter(t, "admin", identitytest.AdminPassword); err != nil {
			t.Error(err)
		}
		if _, _, err := w.CreateUser(t.Context(), w.Admin, identity.NewUser{Login: "svc", Name: "Service"}); err != nil {
			t.Fatal(err)
		}
		_, err := w.enter(t, "svc", "guess")
		wantKind(t, err, core.KindUnauthenticated, "somebody without a password")
		if len(s.asked) != 0 {
			t.Fatalf("asked for %v", s.asked)
		}
		if _, err := w.enter(t, "unknown", "guess"); err == nil || len(s.asked) != 1 {
			t.Errorf("unknown: %v, asked for %v", err, s.asked)
		}
		var none secret.Redacted
		if _, err := w.enter(t, "unknown", none.Reveal()); err == nil || len(s.asked) != 1 {
			t.Errorf("empty password: %v, asked for %v", err, s.asked)
		}
	})
}
