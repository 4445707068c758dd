package operation_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"testing"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/house/loopback"
	"github.com/certwright/certwright/internal/store/storetest"
	"github.com/certwright/certwright/test/interop/harness"
)

// pair starts two replicas on one PostgreSQL database, with one key-encryption
// key and a data directory each. The administrator works on the first.
func pair(t *testing.T) (a, b *harness.Server, admin *harness.Admin) {
	t.Helper()
	db := storetest.PostgresURL(t)
	kek := "file:" + filepath.Join(t.TempDir(), "kek")
	a = harness.Start(t, harness.Options{Database: db, Args: []string{"--kek", kek}})
	admin = a.Admin(t)
	b = harness.Start(t, harness.Options{Database: db, Args: []string{"--kek", kek}})
	t.Cleanup(func() {
		b.Secret(admin.Password, admin.Token)
		b.Stop(t)
		b.CheckLog(t)
	})
	if b.Welcome != "" {
		t.Errorf("the second replica printed %q", b.Welcome)
	}
	return a, b, admin
}

// TestReplicas: what is done on one is so on the other at the next request.
func TestReplicas(t *testing.T) {
	slow(t)
	a, b, admin := pair(t)
	if !bytes.Equal(harness.Fetch(t, a.Plain+"/root.crt"), harness.Fetch(t, b.Plain+"/root.crt")) {
		t.Error("two roots")
	}
	onB := b.API(t, admin.Token) // a token made on A
	if me, err := onB.Me(t.Context()); err != nil || me.Login != "admin" {
		t.Fatalf("%+v %v", me, err)
	}
	t.Run("enrol on one, renew on the other", func(t *testing.T) {
		c := admin.Credential(t, resource.NewCredential{})
		d := harness.NewDevice(t, "ab.example.internal")
		d.Enrol(t, b.Client(), c.EST(b.Main)+"simpleenroll", c)
		next := d.Again(t)
		next.Enrol(t, a.Client(d.TLS()), c.EST(a.MTLS)+"simplereenroll", nil)
		third := next.Again(t)
		third.Enrol(t, b.Client(next.TLS()), c.EST(b.MTLS)+"simplereenroll", nil)
		if row := admin.FindCertificate(t, third.Cert); row.Replaces != admin.FindCertificate(t, next.Cert).ID {
			t.Errorf("the renewal replaces %q", row.Replaces)
		}
		// Revoked on B, refused by A.
		if _, err := onB.Revoke(t.Context(), string(admin.FindCertificate(t, third.Cert).ID), resource.Revocation{Reason: "superseded"}); err != nil {
			t.Fatal(err)
		}
		if status, text, err := third.Again(t).Post(a.Client(third.TLS()), c.EST(a.MTLS)+"simplereenroll", nil); status != 401 {
			t.Errorf("renewed by a revoked certificate: %d %s %v", status, text, err)
		}
		harness.Eventually(t, soon, func() error { // the CRL of both
			for _, s := range []*harness.Server{a, b} {
				l, err := x509.ParseRevocationList(harness.Fetch(t, s.Plain+"/status/certwright-issuing-ca.crl"))
				if err != nil {
					t.Fatal(err)
				}
				found := false
				for _, e := range l.RevokedCertificateEntries {
					found = found || e.SerialNumber.Cmp(third.Cert.SerialNumber) == 0
				}
				if !found {
					return fmt.Errorf("CRL %s of %s does not hold the certificate", l.Number, s.Plain)
				}
			}
			return nil
		})
	})
	t.Run("credential", func(t *testing.T) {
		c := admin.Credential(t, resource.NewCredential{})
		use := func(s *harness.Server, c *harness.Credential) int {
			t.Helper()
			status, text, err := harness.NewDevice(t, "c.example.internal").Post(s.Client(), c.EST(s.Main)+"simpleenroll", c)
			if err != nil || status >= 500 {
				t.Fatalf("%d %s %v", status, text, err)
			}
			return status
		}
		for i := range 5 { // both have seen it and could remember
			if got := use(a, c) + use(b, c); got != 400 {
				t.Fatalf("round %d: not usable on both", i)
			}
		}
		fresh, err := onB.RegenerateCredential(t.Context(), c.ID)
		if err != nil {
			t.Fatal(err)
		}
		a.Secret(fresh.Secret)
		b.Secret(fresh.Secret, c.Secret)
		if use(a, c) != 401 || use(b, c) != 401 {
			t.Error("the old secret still opens")
		}
		next := &harness.Credential{CredentialDetail: fresh.Credential, Secret: fresh.Secret}
		if use(a, next) != 200 || use(b, next) != 200 {
			t.Error("the new secret does not open")
		}
		if _, err := admin.RevokeCredential(t.Context(), c.ID, ""); err != nil {
			t.Fatal(err)
		}
		if use(b, next) != 401 || use(a, next) != 401 {
			t.Error("a revoked credential serves")
		}
	})
	t.Run("product", func(t *testing.T) {
		p := admin.ProductLike(t, "tls-server", "changing", func(*core.Profile) {})
		c := admin.Credential(t, resource.NewCredential{Products: []string{"changing"}})
		harness.NewDevice(t, "p.example.internal").Enrol(t, b.Client(), c.EST(b.Main)+"simpleenroll", c)
		p.Profile.Names[0].Suffixes = []string{"other.internal"}
		if _, err := admin.UpdateProduct(t.Context(), string(p.ID), resource.ProductUpdate{Version: p.Version, Name: p.Name, Issuer: p.Issuer, State: p.State, Profile: p.Profile}); err != nil {
			t.Fatal(err)
		}
		if status, text, err := harness.NewDevice(t, "q.example.internal").Post(b.Client(), c.EST(b.Main)+"simpleenroll", c); status != 403 {
			t.Errorf("the other replica still uses the old rules: %d %s %v", status, text, err)
		}
	})
	t.Run("one request on both", func(t *testing.T) {
		c := admin.Credential(t, resource.NewCredential{})
		d := harness.NewDevice(t, "one.example.internal")
		var wg sync.WaitGroup
		var mu sync.Mutex
		got := map[string]int{}
		clients := []func() (int, string, error){
			func() (int, string, error) { x := *d; return x.Post(a.Client(), c.EST(a.Main)+"simpleenroll", c) },
			func() (int, string, error) { x := *d; return x.Post(b.Client(), c.EST(b.Main)+"simpleenroll", c) },
		}
		for i := range 60 {
			wg.Go(func() {
				for { // 202: the other replica is just signing it
					status, text, err := clients[i%2]()
					if err != nil || status != 200 && status != 202 && status != 503 {
						t.Errorf("%d %s %v", status, text, err)
						return
					}
					if status == 200 {
						mu.Lock()
						got[text]++
						mu.Unlock()
						return
					}
				}
			})
		}
		wg.Wait()
		if len(got) != 1 || len(admin.CertificatesOf(t, c.ID)) != 1 {
			t.Errorf("%d different answers, %d certificates for one request", len(got), len(admin.CertificatesOf(t, c.ID)))
		}
	})
	sum, err := onB.VerifyAudit(t.Context(), func(p resource.AuditProblem) { t.Errorf("audit: %+v", p) })
	if err != nil || !sum.OK || sum.Rows == 0 {
		t.Errorf("audit: %+v %v", sum, err)
	}
	// One of them goes; the other serves on.
	a.Stop(t)
	c := &harness.Credential{}
	made, err := onB.CreateCredential(t.Context(), resource.NewCredential{Type: core.CredentialEST, User: admin.Owner, Group: admin.Group, Products: []string{"tls-server"}})
	if err != nil {
		t.Fatal(err)
	}
	c.CredentialDetail, c.Secret = made.Credential, made.Secret
	b.Secret(made.Secret)
	harness.NewDevice(t, "left.example.internal").Enrol(t, b.Client(), c.EST(b.Main)+"simpleenroll", c)
}

// wire passes connections on to the database until it is cut.
type wire struct {
	to    string
	l     net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

func (w *wire) run() {
	for {
		c, err := w.l.Accept()
		if err != nil {
			return
		}
		d, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", w.to)
		if err != nil {
			c.Close()
			continue
		}
		w.mu.Lock()
		w.conns = append(w.conns, c, d)
		w.mu.Unlock()
		go func() { _, _ = io.Copy(c, d); c.Close() }()
		go func() { _, _ = io.Copy(d, c); d.Close() }()
	}
}

func (w *wire) cut() {
	w.l.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		c.Close()
	}
	w.conns = nil
}

// TestDatabaseGone: while the database is away the server says so, answers 503
// rather than 500 to clients, and goes on when it is back.
func TestDatabaseGone(t *testing.T) {
	slow(t)
	u, err := url.Parse(storetest.PostgresURL(t))
	if err != nil {
		t.Fatal(err)
	}
	to := u.Host
	if u.Host == "" || u.Query().Get("host") != "" {
		t.Fatalf("the test's PostgreSQL is not on TCP: %s", u.Redacted())
	}
	l, err := net.Listen("tcp", loopback.Address(t)) // listens again below
	if err != nil {
		t.Fatal(err)
	}
	u.Host = l.Addr().String()
	w := &wire{to: to, l: l}
	go w.run()
	t.Cleanup(w.cut)
	s := harness.Start(t, harness.Options{Database: u.String()})
	admin := s.Admin(t)
	c := admin.Credential(t, resource.NewCredential{})
	h := s.Client()
	harness.NewDevice(t, "up.example.internal").Enrol(t, h, c.EST(s.Main)+"simpleenroll", c)
	w.cut()
	if status, text := get(t, h, s.Ops+"/readyz"); status != 503 || text != "not ready\n" {
		t.Errorf("readyz: %d %q", status, text)
	}
	if status, _ := get(t, h, s.Ops+"/healthz"); status != 200 {
		t.Errorf("healthz: %d", status)
	}
	d := harness.NewDevice(t, "down.example.internal")
	if status, text, err := d.Post(h, c.EST(s.Main)+"simpleenroll", c); status != 503 {
		t.Errorf("enrolment without database: %d %s %v", status, text, err)
	}
	back, err := net.Listen("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	w.l = back
	go w.run()
	harness.Eventually(t, soon, func() error {
		if status, _ := get(t, h, s.Ops+"/readyz"); status != 200 {
			return fmt.Errorf("not ready again")
		}
		return nil
	})
	d.Enrol(t, h, c.EST(s.Main)+"simpleenroll", c)
}
