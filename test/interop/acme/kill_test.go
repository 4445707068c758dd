package acme_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/acme"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/test/interop/harness"
)

// lease is more than what a process on PostgreSQL has for a check before
// another takes it up.
const lease = 5 * time.Minute

// restart starts the killed server again, on its ports and data.
func (s *site) restart(t *testing.T, env ...string) {
	t.Helper()
	o := s.options
	o.Dir, o.Like, o.Env = s.Server.Dir, s.Server, env
	again := harness.Start(t, o)
	s.Server, s.servers[0] = again, again
}

// TestKilledDuringCheck: the process dies after it said that a check is under
// way; the next one finishes it, and the client, which only polls, is served.
func TestKilledDuringCheck(t *testing.T) {
	onBoth(t, 1, func(t *testing.T, s *site) {
		c := s.Credential(t)
		cl := s.account(t, c)
		const name = "check.example.internal"
		held, release := s.proofs.block()
		defer release()
		o, err := cl.AuthorizeOrder(t.Context(), acme.DomainIDs(name))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.accept(t.Context(), cl, o); err != nil { // answered: processing
			t.Fatal(err)
		}
		<-held
		a, err := cl.GetAuthorization(t.Context(), o.AuthzURLs[0])
		if err != nil {
			t.Fatal(err)
		}
		if a.Status != acme.StatusPending {
			t.Fatalf("the authorization is %s while its check waits", a.Status)
		}
		s.Kill()
		release()
		s.restart(t)
		ctx, cancel := context.WithTimeout(t.Context(), lease)
		defer cancel()
		chain, err := s.complete(ctx, cl, o.URI, csr(t, name))
		if err != nil {
			t.Fatal(err)
		}
		s.Issued(t, chain, c, name)
	})
}

// TestKilledBeforeAnswer: the process dies before it answers; the client tries
// again and is served.
func TestKilledBeforeAnswer(t *testing.T) {
	onBoth(t, 1, func(t *testing.T, s *site) {
		c := s.Credential(t)
		cl := s.account(t, c)
		const name = "answer.example.internal"
		held, release := s.proofs.block()
		defer release()
		o, err := cl.AuthorizeOrder(t.Context(), acme.DomainIDs(name))
		if err != nil {
			t.Fatal(err)
		}
		answered := make(chan error, 1)
		go func() { answered <- s.accept(t.Context(), cl, o) }()
		<-held
		s.Kill()
		first := <-answered // an error, or "processing" if the server was faster
		release()
		s.restart(t)
		if first != nil {
			harness.Eventually(t, soon, func() error { return s.accept(t.Context(), cl, o) })
		}
		ctx, cancel := context.WithTimeout(t.Context(), lease)
		defer cancel()
		chain, err := s.complete(ctx, cl, o.URI, csr(t, name))
		if err != nil {
			t.Fatal(err)
		}
		s.Issued(t, chain, c, name)
	})
}

// TestKilledDuringFinalize: the process kills itself at each point of the
// issuing path while it finalizes; after the restart the client, which repeats
// its request, has one certificate.
func TestKilledDuringFinalize(t *testing.T) {
	onBoth(t, 1, func(t *testing.T, s *site) {
		c := s.Admin.ACME(t, resource.NewCredential{ProvenNames: []string{".kill.internal"}}, core.ACMEOptions{})
		cl := s.account(t, c)
		for _, point := range []string{"before-serial", "before-sign", "before-commit"} {
			name := point + ".kill.internal"
			o, err := cl.AuthorizeOrder(t.Context(), acme.DomainIDs(name))
			if err != nil {
				t.Fatal(err)
			}
			s.Kill()
			marker := filepath.Join(t.TempDir(), "marker")
			s.restart(t, fmt.Sprintf("CERTWRIGHT_TEST_KILL=%s:1:%s", point, marker))
			der := csr(t, name)
			if _, err := s.complete(t.Context(), cl, o.URI, der); err == nil {
				t.Fatalf("%s: the server was not killed", point)
			}
			<-s.Exited()
			if _, err := os.Stat(marker); err != nil {
				t.Fatalf("%s: the server died elsewhere: %v\n%s", point, err, s.Log(t))
			}
			s.restart(t)
			harness.Eventually(t, lease, func() error {
				chain, err := s.complete(t.Context(), cl, o.URI, der)
				if err == nil {
					s.Issued(t, chain, c, name)
				}
				return err
			})
			// The client may ask again for what it has.
			if _, err := s.complete(t.Context(), cl, o.URI, der); err != nil {
				t.Errorf("%s: once more: %v", point, err)
			}
		}
		issued := 0
		for _, row := range s.Admin.CertificatesOf(t, c.ID) {
			if row.State == core.CertActive && strings.Contains(strings.Join(row.Names, " "), ".kill.internal") {
				issued++
			}
		}
		if issued != 3 {
			t.Errorf("%d certificates of 3 orders", issued)
		}
	})
}
