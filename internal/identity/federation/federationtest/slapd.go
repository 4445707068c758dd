package federationtest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/certwright/certwright/internal/house/loopback"
	"github.com/certwright/certwright/internal/house/need"
)

// What is in the directory of Slapd.
const (
	Suffix         = "dc=corp,dc=example"
	Finder         = "cn=finder," + Suffix // may search
	FinderPassword = "finder's own"
	AnnPassword    = "ann's directory password"
	BobPassword    = "bob's directory password"
	OperatorsDN    = "cn=pki-operators,ou=groups," + Suffix
)

// Slapd is an OpenLDAP server on loopback ports of its own.
type Slapd struct {
	Plain, TLS string // ldap:// and ldaps:// URLs
	Root       *x509.Certificate
	admin      *ldap.Conn
	stop       func()
}

const slapdConf = `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
TLSCertificateFile $dir/cert.pem
TLSCertificateKeyFile $dir/key.pem
allow bind_anon_dn
database mdb
maxsize 10485760
suffix "$suffix"
rootdn "cn=root,$suffix"
rootpw "root of the test"
directory $dir/db
overlay memberof
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="$finder" read by users read by anonymous auth
`

// allow bind_anon_dn above makes the server take a bind with a name and no
// password for an anonymous one, as RFC 4513 section 5.1.2 warns of.

// StartSlapd starts a server with two people and a group; it skips the test
// where there is none.
func StartSlapd(t testing.TB) *Slapd {
	t.Helper()
	program := need.Program(t, "slapd", "slapd", "/usr/sbin")
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "db"), 0o700); err != nil {
		t.Fatal(err)
	}
	s := &Slapd{Root: serverCertificate(t, dir)}
	conf := strings.NewReplacer("$dir", dir, "$suffix", Suffix, "$finder", Finder).Replace(slapdConf)
	if err := os.WriteFile(filepath.Join(dir, "slapd.conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Plain, s.TLS = "ldap://"+loopback.Address(t), "ldaps://"+loopback.Address(t)
	cmd := exec.Command(program, "-f", filepath.Join(dir, "slapd.conf"), "-h", s.Plain+" "+s.TLS, "-d", "0")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	s.stop = func() {
		_ = cmd.Process.Kill()
		<-ended
	}
	t.Cleanup(s.stop)
	s.await(t, ended, &log)
	s.fill(t)
	return s
}

// Stop ends the server.
func (s *Slapd) Stop() { s.stop() }

// await connects once the server listens.
func (s *Slapd) await(t testing.TB, ended <-chan struct{}, log *bytes.Buffer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		c, err := ldap.DialURL(s.Plain)
		if err == nil {
			if err = c.Bind("cn=root,"+Suffix, "root of the test"); err == nil {
				s.admin = c
				t.Cleanup(func() { c.Close() })
				return
			}
		}
		select {
		case <-ended:
			t.Fatalf("slapd ended: %s", log)
		case <-ctx.Done():
			t.Fatalf("slapd does not listen: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Add puts an entry into the directory; attributes are name, value pairs.
func (s *Slapd) Add(t testing.TB, dn string, pairs ...string) {
	t.Helper()
	r := ldap.NewAddRequest(dn, nil)
	for i := 0; i+1 < len(pairs); i += 2 {
		r.Attribute(pairs[i], strings.Split(pairs[i+1], "|"))
	}
	if err := s.admin.Add(r); err != nil {
		t.Fatalf("%s: %v", dn, err)
	}
}

// Member puts somebody into the group of operators, or takes him out.
func (s *Slapd) Member(t testing.TB, dn string, in bool) {
	t.Helper()
	r := ldap.NewModifyRequest(OperatorsDN, nil)
	if in {
		r.Add("member", []string{dn})
	} else {
		r.Delete("member", []string{dn})
	}
	if err := s.admin.Modify(r); err != nil {
		t.Fatal(err)
	}
}

func (s *Slapd) fill(t testing.TB) {
	t.Helper()
	s.Add(t, Suffix, "objectClass", "dcObject|organization", "dc", "corp", "o", "Corp")
	s.Add(t, "ou=people,"+Suffix, "objectClass", "organizationalUnit", "ou", "people")
	s.Add(t, "ou=groups,"+Suffix, "objectClass", "organizationalUnit", "ou", "groups")
	s.Add(t, Finder, "objectClass", "applicationProcess|simpleSecurityObject", "cn", "finder", "userPassword", FinderPassword)
	s.Person(t, "ann", "Ann Example", AnnPassword)
	s.Person(t, "bob", "Bob Example", BobPassword)
	s.Add(t, OperatorsDN, "objectClass", "groupOfNames", "cn", "pki-operators", "member", "cn=nobody,"+Suffix+"|"+PersonDN("ann"))
}

// PersonDN is where a person is.
func PersonDN(uid string) string { return "uid=" + ldap.EscapeDN(uid) + ",ou=people," + Suffix }

// Person adds one.
func (s *Slapd) Person(t testing.TB, uid, name, password string) {
	t.Helper()
	s.Add(t, PersonDN(uid), "objectClass", "inetOrgPerson", "uid", uid, "cn", name, "sn", name, "mail", "someone@corp.example", "userPassword", password)
}

// serverCertificate writes a key and a self-signed certificate for 127.0.0.1.
func serverCertificate(t testing.TB, dir string) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "127.0.0.1"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}
