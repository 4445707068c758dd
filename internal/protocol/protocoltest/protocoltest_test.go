package protocoltest

import (
	"context"
	"crypto/x509"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/enroll"
	"github.com/certwright/certwright/internal/protocol"
)

var (
	_ protocol.Enroller      = (*Enroller)(nil)
	_ protocol.Authenticator = (*Authenticator)(nil)
	_ protocol.Auditor       = (*Auditor)(nil)
)

// TestEnroller proves that the stand-in behaves as the real service where
// protocols rely on it.
func TestEnroller(t *testing.T) {
	w := New(t, time.Now())
	ctx := context.Background()
	mine := w.AddCredential(core.CredentialEST, core.AuthPassword, "mine")
	other := w.AddCredential(core.CredentialEST, core.AuthPassword, "other")
	p, err := w.Auth.Authenticate(ctx, mine, protocol.Proof{PublicID: mine.PublicID, Secret: Password})
	if err != nil {
		t.Fatal(err)
	}
	q, err := w.Auth.Authenticate(ctx, other, protocol.Proof{PublicID: other.PublicID, Secret: Password})
	if err != nil {
		t.Fatal(err)
	}
	csr := NewCSR(t, "a.example")
	w.Enroll.SetManual(true)
	res, err := w.Enroll.Submit(ctx, enroll.Request{Principal: p, CSR: csr.DER, IdempotencyKey: "k"})
	if err != nil || res.Order.State != core.OrderApproval || res.Certificate != nil {
		t.Fatal(res, err)
	}
	if err := w.Enroll.Approve(); err != nil {
		t.Fatal(err)
	}
	done, err := w.Enroll.Poll(ctx, p, res.Order.ID)
	if err != nil || done.Certificate == nil {
		t.Fatal(done, err)
	}
	if _, err := w.Enroll.Poll(ctx, q, res.Order.ID); !core.Is(err, core.KindNotFound) {
		t.Error("another credential sees the order:", err)
	}
	leaf, err := x509.ParseCertificate(done.Certificate.DER)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	for _, der := range done.Chain {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		pool.AddCert(c)
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: w.CA.Roots(), Intermediates: pool, DNSName: "a.example"}); err != nil {
		t.Error(err)
	}
	checkRevoked(t, w, p, q, done.Certificate.ID, leaf)
}

func checkRevoked(t *testing.T, w *World, p, q *core.Principal, id core.CertificateID, leaf *x509.Certificate) {
	t.Helper()
	ctx, mine := t.Context(), p.Credential
	if err := w.Enroll.Revoke(ctx, q, id, 0); !core.Is(err, core.KindNotFound) {
		t.Error("another credential revokes:", err)
	}
	if err := w.Enroll.Revoke(ctx, p, id, core.ReasonSuperseded); err != nil {
		t.Error(err)
	}
	if err := w.Enroll.Revoke(ctx, p, id, core.ReasonSuperseded); !core.Is(err, core.KindRevoked) {
		t.Error("revoked twice:", err)
	}
	if list, err := w.Enroll.CertificatesByName(ctx, mine, "a.example", nil); err != nil || len(list) != 0 {
		t.Error("a revoked certificate is listed as active")
	}
	_, _, err := w.Auth.ByCertificate(ctx, mine, protocol.Proof{Cert: leaf})
	if !core.Is(err, core.KindUnauthenticated) {
		t.Error("a revoked certificate authenticates:", err)
	}
}
