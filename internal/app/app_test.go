package app

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/enroll"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/notify/notifytest"
	"github.com/certwright/certwright/internal/store/storetest"
)

func config(t *testing.T, database string) Config {
	t.Helper()
	c := Config{Data: t.TempDir(), Database: database, Listen: Listen{Main: "localhost:8443", MTLS: "localhost:8444", Plain: "localhost:8080", Ops: "-"}}
	c.CA.Organisation = "Test"
	if err := c.Complete(); err != nil {
		t.Fatal(err)
	}
	return c
}

func open(t *testing.T, c Config) *parts {
	t.Helper()
	p, err := build(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.db.Close() })
	return p
}

// started is a server after its first start.
func started(t *testing.T, c Config) *parts {
	t.Helper()
	p := open(t, c)
	if _, err := p.firstStart(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

// withMail starts a mail server and makes the server use it.
func withMail(t *testing.T, c *Config, o notifytest.Options) *notifytest.Server {
	t.Helper()
	s := notifytest.Start(t, o)
	c.Mail.Host, c.Mail.Port, c.Mail.TLS, c.Mail.From = s.Host, s.Port, "none", "pki@example.internal"
	return s
}

// onTheHost is who administers the first account at the host, and the API
// credential of the first start.
func onTheHost(t *testing.T, p *parts) (*core.Principal, *core.Credential) {
	t.Helper()
	cred, err := p.identity.Credential(t.Context(), core.CredentialEST, firstLabel)
	if err != nil {
		t.Fatal(err)
	}
	return identity.Host(cred.Account, "host"), cred
}

// TestFirstStart stops the first start after its work but before its secrets
// were shown: the next start shows new ones, and only one start does.
func TestFirstStart(t *testing.T) {
	storetest.URLs(t, func(t *testing.T, url string) {
		ctx, c := t.Context(), config(t, url)
		p := open(t, c)
		p.firstTerm = 200 * time.Millisecond
		lost, err := p.firstStart(ctx)
		if err != nil || lost == nil {
			t.Fatalf("%+v %v", lost, err)
		}
		again, err := p.firstStart(ctx) // on PostgreSQL it waits for the lease
		if err != nil || again == nil || again.Password == lost.Password || again.EST.Secret == lost.EST.Secret {
			t.Fatalf("second start: %+v %v", again, err)
		}
		if _, err := p.identity.SignIn(ctx, identity.SignIn{Login: "admin", Password: lost.Password.Reveal()}); !core.Is(err, core.KindUnauthenticated) {
			t.Errorf("the lost password still works: %v", err)
		}
		var out bytes.Buffer
		if err := again.print(&out, c); err != nil || !strings.Contains(out.String(), again.Password.Reveal()) || !strings.Contains(out.String(), "simpleenroll") {
			t.Errorf("%v %s", err, &out)
		}
		if err := p.welcomed(ctx); err != nil {
			t.Fatal(err)
		}
		if third, err := p.firstStart(ctx); err != nil || third != nil {
			t.Errorf("third start: %+v %v", third, err)
		}
	})
}

// TestFirstStartTogether starts several replicas on an empty database.
func TestFirstStartTogether(t *testing.T) {
	ctx, c := t.Context(), config(t, storetest.PostgresURL(t))
	var wg sync.WaitGroup
	var mu sync.Mutex
	welcomes := 0
	for range 4 {
		wg.Go(func() {
			p, err := build(ctx, c, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Error(err)
				return
			}
			defer p.db.Close()
			w, err := p.firstStart(ctx)
			if err != nil {
				t.Error(err)
				return
			}
			if w != nil {
				mu.Lock()
				welcomes++
				mu.Unlock()
				if err := p.welcomed(ctx); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if welcomes != 1 {
		t.Errorf("%d of 4 replicas made the first start", welcomes)
	}
}

func TestServerCertificate(t *testing.T) {
	ctx, c := t.Context(), config(t, "")
	c.External.Main = "https://pki.example.internal:8443"
	c.TLS.Names = []string{"other.example.internal", "192.0.2.7"}
	p := started(t, c)
	s := &serverTLS{p: p}
	if _, err := s.get(nil); err == nil {
		t.Error("a certificate before there is one")
	}
	if err := s.load(ctx); err != nil {
		t.Fatal(err)
	}
	first, err := s.get(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pki.example.internal", "other.example.internal", "192.0.2.7", "localhost", "127.0.0.1"} {
		if err := first.Leaf.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	other := &serverTLS{p: p} // another replica, or after a restart
	if err := other.load(ctx); err != nil || !other.current.Load().Leaf.Equal(first.Leaf) {
		t.Errorf("another replica has another certificate: %v", err)
	}
	p.now = func() time.Time { return first.Leaf.NotAfter.Add(-24 * time.Hour) }
	if err := s.load(ctx); err != nil {
		t.Fatal(err)
	}
	if s.current.Load().Leaf.Equal(first.Leaf) {
		t.Error("not renewed the day before its end")
	}
}

// TestExpiryNotices issues certificates that end soon and looks at the mails.
func TestExpiryNotices(t *testing.T) {
	ctx, c := t.Context(), config(t, "")
	var grey atomic.Bool
	smtp := withMail(t, &c, notifytest.Options{Reply: func(command, _ string) string {
		if grey.Load() && command == "RCPT" {
			return "451 4.7.1 later"
		}
		return ""
	}})
	p := started(t, c)
	host, cred := onTheHost(t, p)
	email := "owner@example.internal"
	if _, err := p.identity.UpdateUser(ctx, host, cred.User, identity.UserChange{Email: &email}); err != nil {
		t.Fatal(err)
	}
	by := &core.Principal{Account: cred.Account, User: cred.User, Group: cred.Group, Credential: cred, Products: cred.Products, Product: cred.Product}
	for name, life := range map[string]time.Duration{"soon.example.internal": 5 * 24 * time.Hour, "late.example.internal": 60 * 24 * time.Hour} {
		if _, err := p.enroll.Submit(ctx, enroll.Request{Principal: by, CSR: csr(t, name), Validity: life, Origin: core.Origin{Protocol: "est"}}); err != nil {
			t.Fatal(err)
		}
	}
	grey.Store(true)
	if err := p.notifyExpiry(ctx); err == nil {
		t.Error("a mail server that is not ready is no error")
	}
	grey.Store(false)
	for range 2 {
		if err := p.notifyExpiry(ctx); err != nil {
			t.Fatal(err)
		}
	}
	mails := smtp.Mails()
	if len(mails) != 1 || !strings.Contains(mails[0].Data, "soon.example.internal") || strings.Contains(mails[0].Data, "late.example.internal") {
		t.Fatalf("%d mails: %+v", len(mails), mails)
	}
	p.now = func() time.Time { return time.Now().Add(4*24*time.Hour + time.Hour) }
	if err := p.notifyExpiry(context.WithoutCancel(ctx)); err != nil {
		t.Fatal(err)
	}
	if n := len(smtp.Mails()); n != 2 {
		t.Errorf("%d mails after the last day began, want 2", n)
	}
}

func csr(t *testing.T, name string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{name}}, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestConfig(t *testing.T) {
	for name, f := range map[string]func(*Config){
		"external-main": func(c *Config) { c.External.Main = "pki.example" }, "external-plain": func(c *Config) { c.External.Plain = "http://x/path" },
		"tls-certificate": func(c *Config) { c.TLS.Certificate = "x" }, "proxy-trusted": func(c *Config) { c.Proxy.Trusted = []string{"nonsense"} },
		"mail-from": func(c *Config) { c.Mail.Host = "mail" }, "listen": func(c *Config) { c.Listen.Main = "8443" },
	} {
		c := Config{Listen: Listen{Main: ":8443", MTLS: "-", Plain: "-"}}
		f(&c)
		if err := c.Complete(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := config(t, "postgres://user:geheim@db/x")
	c.Mail.Password = "auch geheim"
	var b bytes.Buffer
	if err := c.Print(&b); err != nil || strings.Contains(b.String(), "geheim") || !strings.Contains(b.String(), "main: \"localhost:8443\"") {
		t.Errorf("%v\n%s", err, &b)
	}
}

// TestBackup copies an installation while it is written to, and restores it.
func TestBackup(t *testing.T) {
	storetest.URLs(t, func(t *testing.T, url string) {
		ctx, c := t.Context(), config(t, url)
		if strings.HasPrefix(url, "sqlite:") {
			c.Database = ""
			if err := c.Complete(); err != nil {
				t.Fatal(err)
			}
		}
		started(t, c)
		pass := filepath.Join(t.TempDir(), "pass")
		write(t, pass, "a long enough passphrase\n")
		file := filepath.Join(t.TempDir(), "backup.age")
		var log bytes.Buffer
		if err := Backup(ctx, c, BackupOptions{To: file, Passphrase: pass}, &log); err != nil {
			t.Fatal(err)
		}
		if err := Backup(ctx, c, BackupOptions{To: file, Passphrase: pass}, &log); err == nil {
			t.Error("a backup was overwritten")
		}
		if err := Restore(ctx, c, RestoreOptions{From: file, Passphrase: pass}, &log); err == nil {
			t.Error("restored over an installation")
		}
		wrong := filepath.Join(t.TempDir(), "wrong")
		write(t, wrong, "not the right passphrase\n")
		into := config(t, "")
		if !strings.HasPrefix(url, "sqlite:") {
			into = config(t, storetest.PostgresURL(t))
		}
		if err := Restore(ctx, into, RestoreOptions{From: file, Passphrase: wrong}, &log); err == nil {
			t.Error("restored with the wrong passphrase")
		}
		if err := Restore(ctx, into, RestoreOptions{From: file, Passphrase: pass}, &log); err != nil {
			t.Fatal(err)
		}
		if err := VerifyAudit(ctx, into, &log); err != nil {
			t.Error(err)
		}
		q := open(t, into)
		list, err := q.ca.Status(ctx, "")
		if err != nil || len(list) != 3 {
			t.Fatalf("%d issuers, %v", len(list), err)
		}
		for _, i := range list {
			if i.KeyError != nil {
				t.Errorf("the key of %s does not open: %v", i.Slug, i.KeyError)
			}
		}
	})
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestOneServer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock(path); err == nil || !strings.Contains(err.Error(), "PostgreSQL") {
		t.Errorf("a second server: %v", err)
	}
	unlock()
	if unlock, err = lock(path); err != nil {
		t.Error(err)
	} else {
		unlock()
	}
}

// TestRotateDEK seals everything anew and opens it afterwards.
func TestRotateDEK(t *testing.T) {
	storetest.URLs(t, func(t *testing.T, url string) {
		ctx, c := t.Context(), config(t, url)
		p := started(t, c)
		if err := (&serverTLS{p: p}).load(ctx); err != nil {
			t.Fatal(err)
		}
		old := p.box.Active()
		var out bytes.Buffer
		if err := RotateDEK(ctx, c, &out); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "4 of 4") || !strings.Contains(out.String(), old.String()+" stays for a day") {
			t.Errorf("three issuers and the server certificate were sealed: %s", &out)
		}
		q := open(t, c)
		if err := (&serverTLS{p: q}).load(ctx); err != nil {
			t.Error(err)
		}
		list, err := q.ca.Status(ctx, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range list {
			if i.KeyError != nil {
				t.Error(i.KeyError)
			}
		}
	})
}
