// Package certbot_test drives EFF's certbot (Debian package certbot) against
// the shipped binary.
package certbot_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/house/need"
	"github.com/certwright/certwright/test/interop/harness"
)

// bot is one installation of certbot: its folders, and an account of a
// credential.
type bot struct {
	ca   *harness.CA
	cred *harness.Credential
	dir  string
}

func newBot(t *testing.T, ca *harness.CA, cred *harness.Credential) *bot {
	return &bot{ca, cred, t.TempDir()}
}

func (b *bot) try(t *testing.T, command string, more ...string) (string, error) {
	t.Helper()
	args := append([]string{command, "--non-interactive", "--config-dir", b.dir + "/etc", "--work-dir", b.dir + "/lib", "--logs-dir", b.dir + "/log",
		"--server", b.ca.Directory(b.cred)}, more...)
	return harness.TryEnv(t, b.dir, []string{"REQUESTS_CA_BUNDLE=" + b.ca.RootPEM}, "certbot", args...)
}

func (b *bot) run(t *testing.T, command string, more ...string) string {
	t.Helper()
	out, err := b.try(t, command, more...)
	if err != nil {
		t.Fatalf("certbot %s %s: %v\n%s", command, strings.Join(more, " "), err, out)
	}
	return out
}

func (b *bot) eab(key string) []string {
	return []string{"--agree-tos", "-m", "ops@example.com", "--no-eff-email", "--eab-kid", b.cred.PublicID, "--eab-hmac-key", key}
}

// register makes the account.
func (b *bot) register(t *testing.T) *bot {
	t.Helper()
	b.run(t, "register", b.eab(b.cred.Secret)...)
	return b
}

// standalone are the arguments of the server of its own.
func (b *bot) standalone(names ...string) []string {
	args := []string{"--standalone", "--http-01-address", "127.0.0.1", "--http-01-port", fmt.Sprint(b.ca.HTTPPort)}
	for _, n := range names {
		args = append(args, "-d", n)
	}
	return args
}

// manual are the arguments of dns-01 with hooks that tell the name server.
func (b *bot) manual(names ...string) []string {
	hook := `curl -sSfg -X %s "` + b.ca.DNS.Control + `?name=_acme-challenge.$CERTBOT_DOMAIN&value=$CERTBOT_VALIDATION"`
	args := []string{"--manual", "--preferred-challenges", "dns", "--manual-auth-hook", fmt.Sprintf(hook, "POST"), "--manual-cleanup-hook", fmt.Sprintf(hook, "DELETE")}
	for _, n := range names {
		args = append(args, "-d", n)
	}
	return args
}

// log is what the last run logged.
func (b *bot) log(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(b.dir, "log", "letsencrypt.log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// live is a file of a lineage.
func (b *bot) live(name, file string) string { return filepath.Join(b.dir, "etc", "live", name, file) }

func TestCertbot(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the server")
	}
	need.Program(t, "certbot", "certbot")
	need.Program(t, "curl", "curl")
	t.Log(harness.Run(t, ".", "certbot", "--version"))
	ca := harness.StartCA(t, harness.Options{})
	for _, sub := range []struct {
		name string
		run  func(*testing.T, *harness.CA)
	}{
		{"life by http-01", life},
		{"wildcard by dns-01", wildcard},
		{"proven wildcard", proven},
		{"account", account},
		{"wrong binding", wrongBinding},
		{"wrong proof", wrongProof},
		{"refused name", refusedName},
	} {
		t.Run(sub.name, func(t *testing.T) { sub.run(t, ca) })
	}
}

// life: account and first certificate in one go, renewal, revocation by the
// account and by the certificate's key.
func life(t *testing.T, ca *harness.CA) {
	b := newBot(t, ca, ca.Credential(t))
	const name = "one.example.internal"
	b.run(t, "certonly", append(b.eab(b.cred.Secret), b.standalone(name, "two.example.internal")...)...)
	first := ca.IssuedFile(t, b.live(name, "fullchain.pem"), b.cred, name, "two.example.internal")
	harness.Run(t, b.dir, "openssl", "verify", "-CAfile", ca.RootPEM, "-untrusted", b.live(name, "chain.pem"), b.live(name, "cert.pem"))
	b.run(t, "renew", "--force-renewal", "--no-random-sleep-on-renew")
	second := ca.IssuedFile(t, b.live(name, "fullchain.pem"), b.cred, name, "two.example.internal")
	if first.Equal(second) {
		t.Fatal("the renewal gave the old certificate")
	}
	b.run(t, "revoke", "--cert-path", b.live(name, "cert.pem"), "--reason", "superseded", "--no-delete-after-revoke")
	ca.Revoked(t, second, "superseded")
	// This version of certbot falls over the error that it is given; what the
	// server said is in its log.
	if _, err := b.try(t, "revoke", "--cert-path", b.live(name, "cert.pem"), "--no-delete-after-revoke"); err == nil || !strings.Contains(b.log(t), "alreadyRevoked") {
		t.Errorf("revoked twice: %v\n%s", err, b.log(t))
	}

	// By the certificate's own key, from an installation without an account.
	b.run(t, "renew", "--force-renewal", "--no-random-sleep-on-renew", "--key-type", "rsa")
	third := ca.IssuedFile(t, b.live(name, "fullchain.pem"), b.cred, name, "two.example.internal")
	newBot(t, ca, b.cred).run(t, "revoke", "--cert-path", b.live(name, "cert.pem"), "--key-path", b.live(name, "privkey.pem"), "--reason", "keycompromise", "--no-delete-after-revoke")
	ca.Revoked(t, third, "keyCompromise")
	if ca.Admin.FindCertificate(t, first).State != core.CertActive {
		t.Error("the first certificate was revoked, too")
	}
}

func wildcard(t *testing.T, ca *harness.CA) {
	b := newBot(t, ca, ca.Credential(t)).register(t)
	const name = "wild.example.internal"
	b.run(t, "certonly", b.manual(name, "*."+name)...)
	ca.IssuedFile(t, b.live(name, "fullchain.pem"), b.cred, name, "*."+name)
	if left := ca.DNS.Values("_acme-challenge."+name, "TXT"); len(left) != 0 {
		t.Errorf("records left: %v", left)
	}
	if ca.DNS.Asked("_acme-challenge."+name, "TXT") == 0 {
		t.Error("the server has not asked for the record")
	}
}

// proven: the organisation's proven names need no challenge, so that even a
// wildcard comes with the server of certbot's own, which is never asked.
func proven(t *testing.T, ca *harness.CA) {
	cred := ca.Admin.ACME(t, resource.NewCredential{ProvenNames: []string{".proven.internal"}}, core.ACMEOptions{Control: core.ACMEProven})
	b := newBot(t, ca, cred).register(t)
	b.run(t, "certonly", b.standalone("*.proven.internal", "a.b.proven.internal")...)
	ca.IssuedFile(t, b.live("proven.internal", "fullchain.pem"), cred, "*.proven.internal", "a.b.proven.internal")
	if out, err := b.try(t, "certonly", b.standalone("a.other.internal")...); err == nil || !strings.Contains(out, "a.other.internal") {
		t.Errorf("a name that is not proven: %v\n%s", err, out)
	}
}

func account(t *testing.T, ca *harness.CA) {
	b := newBot(t, ca, ca.Credential(t)).register(t)
	b.run(t, "update_account", "-m", "other@example.com", "--no-eff-email")
	if out := b.run(t, "show_account"); !strings.Contains(out, "other@example.com") {
		t.Errorf("the account:\n%s", out)
	}
	b.run(t, "unregister")
	actions := ca.Admin.Audited(t, b.cred.ID)
	for _, want := range []string{"acme.account.create", "acme.account.update", "acme.account.deactivate"} {
		if !slices.Contains(actions, want) {
			t.Errorf("%s is not audited: %v", want, actions)
		}
	}
}

func wrongBinding(t *testing.T, ca *harness.CA) {
	b := newBot(t, ca, ca.Credential(t))
	if out, err := b.try(t, "register", b.eab(harness.WrongKey)...); err == nil || !strings.Contains(out, "wrong key id or HMAC key") {
		t.Errorf("a wrong key: %v\n%s", err, out)
	}
	if out, err := b.try(t, "register", "--agree-tos", "-m", "ops@example.com", "--no-eff-email"); err == nil || !strings.Contains(out, "external account binding") {
		t.Errorf("no binding: %v\n%s", err, out)
	}
}

// wrongProof: a record that is not the one asked for; certbot shows the
// server's words.
func wrongProof(t *testing.T, ca *harness.CA) {
	b := newBot(t, ca, ca.Credential(t)).register(t)
	const name = "wrong.example.internal"
	ca.DNS.Set("_acme-challenge."+name, "TXT", "something-else")
	out, err := b.try(t, "certonly", "--manual", "--preferred-challenges", "dns", "--manual-auth-hook", "true", "-d", name)
	if err == nil || !strings.Contains(out, "unauthorized") || !strings.Contains(out, name) {
		t.Errorf("a wrong record: %v\n%s", err, out)
	}
}

func refusedName(t *testing.T, ca *harness.CA) {
	cred := ca.Admin.ACME(t, resource.NewCredential{AllowedNames: []string{".allowed.internal"}}, core.ACMEOptions{})
	b := newBot(t, ca, cred).register(t)
	out, err := b.try(t, "certonly", b.standalone("fine.allowed.internal", "other.example.internal")...)
	if err == nil || !strings.Contains(out, "other.example.internal") {
		t.Errorf("a name that the credential may not have: %v\n%s", err, out)
	}
	if n := len(ca.Admin.CertificatesOf(t, cred.ID)); n != 0 {
		t.Errorf("%d certificates", n)
	}
}
