package enroll_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/audit"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/enroll"
	"github.com/certwright/certwright/internal/enroll/enrolltest"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/store/storetest"
)

// each runs f in a fresh world on each engine and verifies the audit log after.
func each(t *testing.T, f func(t *testing.T, w *enrolltest.World)) {
	storetest.Engines(t, func(t *testing.T, db *store.DB) {
		w := enrolltest.New(t, db)
		f(t, w)
		sum, err := w.Audit.Verify(t.Context(), func(p audit.Problem) { t.Errorf("audit: %v", p) })
		if err != nil || sum.Rows == 0 {
			t.Errorf("audit: %+v %v", sum, err)
		}
	})
}

func certificates(t *testing.T, w *enrolltest.World, state string) []core.Certificate {
	t.Helper()
	p, err := w.DB.ListCertificates(t.Context(), core.ListQuery{Account: w.Account, Limit: core.MaxPage, Filter: core.Filter{
		{Column: "state", Op: core.OpEquals, Values: []string{state}}, {Column: "protocol", Op: core.OpEquals, Values: []string{"test"}}}})
	if err != nil {
		t.Fatal(err)
	}
	return p.Items
}

func request(t *testing.T, p *core.Principal, names ...string) enroll.Request {
	return enroll.Request{Principal: p, CSR: enrolltest.CSR(t, enrolltest.Key(t), names...), Origin: core.Origin{Protocol: "test"}}
}

func TestIssue(t *testing.T) {
	each(t, func(t *testing.T, w *enrolltest.World) {
		p := w.Principal(t, "tls-server")
		r := request(t, p, "a.example.internal", "b.example.internal")
		res, err := w.Enroll.Submit(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(res.Certificate.DER)
		if err != nil {
			t.Fatal(err)
		}
		roots, mid := x509.NewCertPool(), x509.NewCertPool()
		root, _ := x509.ParseCertificate(res.Root)
		roots.AddCert(root)
		for _, der := range res.Chain {
			c, _ := x509.ParseCertificate(der)
			mid.AddCert(c)
		}
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: mid, DNSName: "b.example.internal", CurrentTime: w.Now()}); err != nil {
			t.Error(err)
		}
		stored, err := w.DB.Certificate(t.Context(), w.Account, res.Certificate.ID)
		if err != nil {
			t.Fatal(err)
		}
		if string(stored.DER) != string(res.Certificate.DER) || stored.State != core.CertActive || stored.Serial != fmt.Sprintf("%x", leaf.SerialNumber) {
			t.Errorf("stored %+v", stored)
		}
		again, err := w.Enroll.Submit(t.Context(), r)
		if err != nil || again.Certificate.ID != res.Certificate.ID {
			t.Errorf("the same request again: %+v %v", again, err)
		}
		w.Advance(25 * time.Hour)
		later, err := w.Enroll.Submit(t.Context(), r)
		if err != nil || later.Certificate.ID == res.Certificate.ID {
			t.Errorf("the same request a day later: %+v %v", later, err)
		}
		if polled, err := w.Enroll.Poll(t.Context(), p, res.Order.ID); err != nil || polled.Certificate.ID != res.Certificate.ID {
			t.Errorf("poll: %+v %v", polled, err)
		}
		if _, err := w.Enroll.Poll(t.Context(), w.Principal(t, "tls-server"), res.Order.ID); !core.Is(err, core.KindNotFound) {
			t.Errorf("another credential polled: %v", err)
		}
	})
}

// TestSignedAnew repeats a request with a CSR that was made anew with the same
// key, as clients that poll do.
func TestSignedAnew(t *testing.T) {
	each(t, func(t *testing.T, w *enrolltest.World) {
		w.Change(t, "tls-server", func(p *core.Profile) { p.Approval = "manual" })
		p, key := w.Principal(t, "tls-server"), enrolltest.Key(t)
		first, err := w.Enroll.Submit(t.Context(), enroll.Request{Principal: p, CSR: enrolltest.CSR(t, key, "a.example.internal"), Origin: core.Origin{Protocol: "test"}})
		if err != nil {
			t.Fatal(err)
		}
		again, err := w.Enroll.Submit(t.Context(), enroll.Request{Principal: p, CSR: enrolltest.CSR(t, key, "a.example.internal"), Origin: core.Origin{Protocol: "test"}})
		if err != nil || again.Order.ID != first.Order.ID {
			t.Errorf("%+v %v", again, err)
		}
		other, err := w.Enroll.Submit(t.Context(), enroll.Request{Principal: p, CSR: enrolltest.CSR(t, enrolltest.Key(t), "a.example.internal"), Origin: core.Origin{Protocol: "test"}})
		if err != nil || other.Order.ID == first.Order.ID {
			t.Errorf("another key: %+v %v", other, err)
		}
	})
}

func TestParallelIdentical(t *testing.T) {
	each(t, func(t *testing.T, w *enrolltest.World) {
		for _, key := range []string{"", "one-key"} {
			r := request(t, w.Principal(t, "tls-server"), "same"+key+".example.internal")
			r.IdempotencyKey = key
			var wg sync.WaitGroup
			ids := make([]core.CertificateID, 200)
			for i := range ids {
				wg.Go(func() {
					res, err := w.Enroll.Submit(t.Context(), r)
					if err != nil {
						t.Error(err)
						return
					}
					ids[i] = res.Certificate.ID
				})
			}
			wg.Wait()
			for _, id := range ids {
				if id != ids[0] || id == "" {
					t.Fatalf("got %q and %q", ids[0], id)
				}
			}
		}
		if n := len(certificates(t, w, "active")); n != 2 {
			t.Errorf("%d certificates, want 2", n)
		}
	})
}

func TestIdempotencyKeyClash(t *testing.T) {
	each(t, func(t *testing.T, w *enrolltest.World) {
		p := w.Principal(t, "tls-server")
		a, b := request(t, p, "a.example.internal"), request(t, p, "b.example.internal")
		a.IdempotencyKey, b.IdempotencyKey = "k", "k"
		if _, err := w.Enroll.Submit(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Enroll.Submit(t.Context(), b); !core.Is(err, core.KindConflict) {
			t.Errorf("got %v", err)
		}
		other := w.Principal(t, "tls-server")
		b.Principal = other
		if _, err := w.Enroll.Submit(t.Context(), b); err != nil {
			t.Errorf("the key of another credential: %v", err)
		}
	})
}

func TestRefused(t *testing.T) {
	each(t, func(t *testing.T, w *enrolltest.World) {
		p := w.Principal(t, "tls-server")
		broken := request(t, p, "a.example.internal")
		broken.CSR = append([]byte(nil), broken.CSR...)
		broken.CSR[len(broken.CSR)-3] ^= 1
		foreign := request(t, p, "a.example.internal")
		foreign.Product = w.Product(t, "code-signing").ID
		garbage := request(t, p, "a.example.internal")
		garbage.CSR = []byte("garbage")
		underscore := request(t, p, "a_b.example.internal")
		empty := request(t, p, "a.example.internal")
		empty.CSR = nil
		limited := request(t, w.Principal(t, "tls-server"), "a.example.internal")
		limited.Principal.Credential.AllowedNames = []string{"*.other.internal"}
		replaces := request(t, p, "a.example.internal")
		replaces.Replaces = core.NewID[core.CertificateID](w.Now())
		for name, c := range map[string]struct {
			r    enroll.Request
			kind core.Kind
		}{
			"broken signature": {broken, core.KindBadProof}, "product of others": {foreign, core.KindForbidden}, "garbage": {garbage, core.KindBadCSR},
			"bad name": {underscore, core.KindBadName}, "nothing": {empty, core.KindInvalid}, "not allowed": {limited, core.KindBadName},
			"replaces unknown": {replaces, core.KindNotFound},
		} {
			if _, err := w.Enroll.Submit(t.Context(), c.r); !core.Is(err, c.kind) {
				t.Errorf("%s: got %v, want %s", name, err, c.kind)
			}
		}
		if n := len(certificates(t, w, "active")) + len(certificates(t, w, "reserved")); n != 0 {
			t.Errorf("%d certificates of refused requests", n)
		}
		if err := w.Audit.Flush(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		page, err := w.DB.ListEvents(t.Context(), core.ListQuery{Account: w.Account, Filter: core.Filter{{Column: "outcome", Op: core.OpEquals, Values: []string{"refused"}}}})
		if err != nil || len(page.Items) == 0 {
			t.Errorf("refusals in the audit log: %d %v", len(page.Items), err)
		}
	})
}

func TestValidateNames(t *testing.T) {
	each(t, func(t *testing.T, w *enrolltest.World) {
		w.Change(t, "tls-server", func(p *core.Profile) { p.ValidateNames = true })
		p := w.Principal(t, "tls-server")
		r := request(t, p, "a.example.internal")
		if _, err := w.Enroll.Submit(t.Context(), r); !core.Is(err, core.KindNotValidated) {
			t.Errorf("unproven: %v", err)
		}
		p.Credential.ProvenNames = []string{"a.example.internal"}
		if _, err := w.Enroll.Submit(t.Context(), r); err != nil {
			t.Errorf("proven by the credential: %v", err)
		}
		r = request(t, p, "b.example.internal")
		r.Proofs = []string{"dns:b.example.internal"}
		if _, err := w.Enroll.Submit(t.Context(), r); err != nil {
			t.Errorf("proven by the protocol: %v", err)
		}
	})
}

// TestDomainService: proofs of the domain service serve orders as far as the
// product lets them.
func TestDomainService(t *testing.T) {
	each(t, func(t *testing.T, w *enrolltest.World) {
		w.Change(t, "tls-server", func(p *core.Profile) { p.ValidateNames, p.ReuseDays = true, 10 })
		p := w.Principal(t, "tls-server")
		try := func(name string, want core.Kind) {
			t.Helper()
			if _, err := w.Enroll.Submit(t.Context(), request(t, p, name)); core.KindOf(err) != want {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
		try("a.example.internal", core.KindNotValidated)
		d := w.Prove(t, "a.example.internal", core.MethodDNSTXT)
		w.Prove(t, "file.example.internal", core.MethodHTTPFile)
		try("a.example.internal", "")
		try("w.a.example.internal", core.KindNotValidated)
		w.Change(t, "tls-server", func(p *core.Profile) { p.Ancestors = true })
		try("w.a.example.internal", "")
		try("file.example.internal", "")
		try("w.file.example.internal", core.KindNotValidated)
		other := *p
		other.Credential = &core.Credential{ID: p.Credential.ID, Organisation: core.NewID[core.OrganisationID](w.Now())}
		if names, err := w.Domains.ProvenFor(t.Context(), &other, &core.Profile{}, []string{"dns:a.example.internal"}); err != nil || len(names) > 0 {
			t.Errorf("another owner: %v %v", names, err)
		}
		w.Advance(10 * 24 * time.Hour)
		try("b.a.example.internal", core.KindNotValidated) // older than the product takes
		w.Change(t, "tls-server", func(p *core.Profile) { p.ReuseDays = 0 })
		try("b.a.example.internal", "")
		if _, err := w.Domains.SetActive(t.Context(), &core.Principal{Account: w.Account, System: "test"}, d.ID, false); err != nil {
			t.Fatal(err)
		}
		try("c.a.example.internal", core.KindNotValidated)
	})
}

func TestQuota(t *testing.T) {
	each(t, func(t *testing.T, w *enrolltest.World) {
		w.Change(t, "tls-server", func(p *core.Profile) { p.Quota = 3 })
		p := w.Principal(t, "tls-server")
		var wg sync.WaitGroup
		var mu sync.Mutex
		got := map[core.Kind]int{}
		for i := range 12 {
			r := request(t, p, fmt.Sprintf("q%d.example.internal", i))
			wg.Go(func() {
				_, err := w.Enroll.Submit(t.Context(), r)
				mu.Lock()
				defer mu.Unlock()
				got[core.KindOf(err)]++
			})
		}
		wg.Wait()
		if got[""] != 3 || got[core.KindQuota] != 9 {
			t.Errorf("outcomes %v", got)
		}
	})
}

func TestApproval(t *testing.T) {
	each(t, func(t *testing.T, w *enrolltest.World) {
		w.Change(t, "tls-server", func(p *core.Profile) { p.Approval, p.Approvals = "manual", 1 })
		ctx, p := t.Context(), w.Principal(t, "tls-server")
		r := request(t, p, "a.example.internal")
		res, err := w.Enroll.Submit(ctx, r)
		if err != nil || res.Order.State != core.OrderApproval || res.RetryAfter <= 0 {
			t.Fatalf("submit: %+v %v", res, err)
		}
		if again, err := w.Enroll.Submit(ctx, r); err != nil || again.Order.ID != res.Order.ID {
			t.Errorf("repeat while pending: %+v %v", again, err)
		}
		if _, err := w.Enroll.Approve(ctx, w.Person(w.User), res.Order.ID, ""); !core.Is(err, core.KindForbidden) {
			t.Errorf("approved his own order: %v", err)
		}
		if _, err := w.Enroll.Approve(ctx, p, res.Order.ID, ""); !core.Is(err, core.KindForbidden) {
			t.Errorf("a credential approved: %v", err)
		}
		done, err := w.Enroll.Approve(ctx, w.Person(w.Approver), res.Order.ID, "fine")
		if err != nil || done.Certificate == nil {
			t.Fatalf("approve: %+v %v", done, err)
		}
		if got, err := w.Enroll.Submit(ctx, r); err != nil || got.Certificate == nil || got.Certificate.ID != done.Certificate.ID {
			t.Errorf("repeat after approval: %+v %v", got, err)
		}
		if _, err := w.Enroll.Approve(ctx, w.Person(w.Approver), res.Order.ID, ""); !core.Is(err, core.KindConflict) {
			t.Errorf("approved twice: %v", err)
		}
		second, err := w.Enroll.Submit(ctx, request(t, p, "b.example.internal"))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Enroll.Reject(ctx, w.Person(w.Approver), second.Order.ID, "wrong name"); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Enroll.Poll(ctx, p, second.Order.ID); !core.Is(err, core.KindApprovalRefused) {
			t.Errorf("poll of a rejected order: %v", err)
		}
		third, err := w.Enroll.Submit(ctx, request(t, p, "c.example.internal"))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Enroll.Cancel(ctx, p, third.Order.ID, "not needed"); err != nil {
			t.Error(err)
		}
		if _, err := w.Enroll.Approve(ctx, w.Person(w.Approver), third.Order.ID, ""); !core.Is(err, core.KindConflict) {
			t.Errorf("approved a cancelled order: %v", err)
		}
	})
}

// TestApprovedLate: the period counts from the approval; an end asked for by
// date stays, and ends the order when it has passed.
func TestApprovedLate(t *testing.T) {
	each(t, func(t *testing.T, w *enrolltest.World) {
		w.Change(t, "tls-server", func(p *core.Profile) { p.Approval, p.Approvals = "manual", 1 })
		ctx, p := t.Context(), w.Principal(t, "tls-server")
		whole, dated := request(t, p, "a.example.internal"), request(t, p, "b.example.internal")
		dated.NotAfter = w.Now().Add(30 * 24 * time.Hour)
		past := request(t, p, "c.example.internal")
		past.NotAfter = w.Now().Add(time.Hour)
		var ids []core.OrderID
		for _, r := range []enroll.Request{whole, dated, past} {
			res, err := w.Enroll.Submit(ctx, r)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, res.Order.ID)
		}
		w.Advance(10 * 24 * time.Hour)
		begin := w.Now().Add(-10 * time.Minute)
		for i, end := range []time.Time{begin.Add(200*24*time.Hour - time.Second), dated.NotAfter} {
			got, err := w.Enroll.Approve(ctx, w.Person(w.Approver), ids[i], "")
			if err != nil || !got.Certificate.NotBefore.Equal(begin) || !got.Certificate.NotAfter.Equal(end) {
				t.Errorf("%+v %v, want %s to %s", got, err, begin, end)
			}
		}
		if _, err := w.Enroll.Approve(ctx, w.Person(w.Approver), ids[2], ""); !core.Is(err, core.KindExpired) {
			t.Errorf("approved after the end: %v", err)
		}
		o, err := w.DB.Order(ctx, p.Account, ids[2])
		if err != nil || o.State != core.OrderFailed || !strings.Contains(o.Failure, "has passed") {
			t.Errorf("%+v %v", o, err)
		}
	})
}

func TestRevoke(t *testing.T) {
	each(t, func(t *testing.T, w *enrolltest.World) {
		ctx, p := t.Context(), w.Principal(t, "tls-server")
		res, err := w.Enroll.Submit(ctx, request(t, p, "a.example.internal"))
		if err != nil {
			t.Fatal(err)
		}
		id := res.Certificate.ID
		if err := w.Enroll.Revoke(ctx, w.Principal(t, "tls-server"), id, core.ReasonSuperseded); !core.Is(err, core.KindNotFound) {
			t.Errorf("another credential: %v", err)
		}
		if err := w.Enroll.Revoke(ctx, p, id, 7); !core.Is(err, core.KindInvalid) {
			t.Errorf("reason 7: %v", err)
		}
		if err := w.Enroll.Revoke(ctx, p, id, core.ReasonCertificateHold); err != nil {
			t.Fatal(err)
		}
		if err := w.Enroll.Release(ctx, p, id); err != nil {
			t.Fatal(err)
		}
		if err := w.Enroll.Release(ctx, p, id); !core.Is(err, core.KindConflict) {
			t.Errorf("released twice: %v", err)
		}
		if err := w.Enroll.Revoke(ctx, p, id, core.ReasonKeyCompromise); err != nil {
			t.Fatal(err)
		}
		if err := w.Enroll.Revoke(ctx, p, id, core.ReasonKeyCompromise); !core.Is(err, core.KindRevoked) {
			t.Errorf("revoked twice: %v", err)
		}
		if len(w.Revoked) != 3 {
			t.Errorf("%d CRLs were asked for, want 3", len(w.Revoked))
		}
		crl, err := w.CA.PublishCRL(ctx, w.Account, res.Certificate.Issuer)
		if err != nil {
			t.Fatal(err)
		}
		list, err := x509.ParseRevocationList(crl.DER)
		if err != nil || len(list.RevokedCertificateEntries) != 1 || list.RevokedCertificateEntries[0].ReasonCode != core.ReasonKeyCompromise {
			t.Errorf("CRL %+v %v", list, err)
		}
		again, err := w.Enroll.Submit(ctx, enroll.Request{Principal: p, CSR: res.Order.Request.CSR, Origin: core.Origin{Protocol: "test"}})
		if err != nil || again.Certificate.ID == id {
			t.Errorf("the same request after revocation: %+v %v", again, err)
		}
	})
}

func TestServerKeys(t *testing.T) {
	each(t, func(t *testing.T, w *enrolltest.World) {
		ctx, p := t.Context(), w.Principal(t, "device")
		r := request(t, p, "a.example.internal")
		r.KeyGen = "ECDSA P-256"
		w.Change(t, "device", func(p *core.Profile) { p.ServerKeys, p.KeyExport = true, false })
		res, err := w.Enroll.Submit(ctx, r)
		if err != nil || len(res.Key) == 0 || res.Certificate.HasKey {
			t.Fatalf("%+v %v", res, err)
		}
		if _, err := w.Enroll.Key(ctx, p, res.Certificate.ID); !core.Is(err, core.KindNotFound) {
			t.Errorf("a key that may not leave is still here: %v", err)
		}
		again, err := w.Enroll.Submit(ctx, r)
		if err != nil || again.Certificate.ID == res.Certificate.ID || len(again.Key) == 0 {
			t.Errorf("a repeat must get a key pair of its own: %+v %v", again, err)
		}
		w.Change(t, "device", func(p *core.Profile) { p.KeyExport = true })
		kept, err := w.Enroll.Submit(ctx, enroll.Request{Principal: p, CSR: enrolltest.CSR(t, enrolltest.Key(t), "b.example.internal"), KeyGen: "RSA 2048", Origin: r.Origin})
		if err != nil {
			t.Fatal(err)
		}
		if key, err := w.Enroll.Key(ctx, p, kept.Certificate.ID); err != nil || string(key) != string(kept.Key) {
			t.Errorf("export: %v", err)
		}
		w.Change(t, "device", func(p *core.Profile) { p.ServerKeys, p.KeyExport = false, false })
		r.IdempotencyKey = "x"
		if _, err := w.Enroll.Submit(ctx, r); !core.Is(err, core.KindPolicy) {
			t.Errorf("keys by the server are not allowed: %v", err)
		}
	})
}

// TestInterrupted stops issuing between the serial and the final commit, as a
// dead process would, and lets another take the order up.
func TestInterrupted(t *testing.T) {
	for _, at := range []string{"before-sign", "before-commit"} {
		each(t, func(t *testing.T, w *enrolltest.World) {
			p := w.Principal(t, "tls-server")
			r := request(t, p, "a.example.internal")
			w.OnPoint = func(name string) {
				if name == at {
					panic("killed")
				}
			}
			func() {
				defer func() { _ = recover() }()
				_, _ = w.Enroll.Submit(t.Context(), r)
			}()
			w.OnPoint = nil
			if n := len(certificates(t, w, "reserved")); n != 1 {
				t.Fatalf("%d serials are reserved", n)
			}
			res, err := w.Enroll.Submit(t.Context(), r)
			if err != nil || res.Certificate != nil || res.RetryAfter <= 0 {
				t.Errorf("while the lease runs: %+v %v", res, err)
			}
			w.Advance(time.Minute)
			if n, err := w.Enroll.Sweep(t.Context()); n != 1 || err != nil {
				t.Errorf("sweep: %d %v", n, err)
			}
			res, err = w.Enroll.Submit(t.Context(), r)
			if err != nil || res.Certificate == nil {
				t.Fatalf("after the sweep: %+v %v", res, err)
			}
			if a, b := certificates(t, w, "abandoned"), certificates(t, w, "active"); len(a) != 1 || len(b) != 1 || a[0].Serial == b[0].Serial {
				t.Errorf("abandoned %v, active %v", a, b)
			}
			status, err := store.CA{DB: w.DB}.CertificateStatus(t.Context(), res.Certificate.Issuer, certificates(t, w, "abandoned")[0].Serial)
			if err != nil || status.State != core.CertAbandoned || status.RevokedAt.IsZero() {
				t.Errorf("status of the abandoned serial: %+v %v", status, err)
			}
		})
	}
}

// TestTakenUpOnce lets several replicas take up the same order.
func TestTakenUpOnce(t *testing.T) {
	each(t, func(t *testing.T, w *enrolltest.World) {
		p := w.Principal(t, "tls-server")
		w.OnPoint = func(name string) {
			if name == "before-commit" {
				panic("killed")
			}
		}
		func() {
			defer func() { _ = recover() }()
			_, _ = w.Enroll.Submit(t.Context(), request(t, p, "a.example.internal"))
		}()
		w.OnPoint = nil
		w.Advance(time.Minute)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if _, err := w.Enroll.Sweep(context.WithoutCancel(t.Context())); err != nil && !core.Is(err, core.KindConflict) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := len(certificates(t, w, "active")); n != 1 {
			t.Errorf("%d certificates", n)
		}
	})
}

func TestRenew(t *testing.T) {
	each(t, func(t *testing.T, w *enrolltest.World) {
		ctx, p := t.Context(), w.Principal(t, "tls-server")
		w.Change(t, "tls-server", func(p *core.Profile) { p.RenewDays, p.RenewSameKey = 30, false })
		res, err := w.Enroll.Submit(ctx, request(t, p, "a.example.internal"))
		if err != nil {
			t.Fatal(err)
		}
		csr := enrolltest.CSR(t, enrolltest.Key(t), "a.example.internal")
		if _, err := w.Enroll.Renew(ctx, p, res.Certificate.ID, csr, "", core.Origin{Protocol: "test"}); !core.Is(err, core.KindPolicy) {
			t.Errorf("renewed too early: %v", err)
		}
		w.Advance(res.Certificate.NotAfter.Sub(w.Now()) - 10*24*time.Hour)
		if _, err := w.Enroll.Renew(ctx, p, res.Certificate.ID, nil, "", core.Origin{Protocol: "test"}); err == nil {
			t.Error("renewed with the same key")
		}
		next, err := w.Enroll.Renew(ctx, p, res.Certificate.ID, csr, "", core.Origin{Protocol: "test"})
		if err != nil {
			t.Fatal(err)
		}
		old, err := w.DB.Certificate(ctx, w.Account, res.Certificate.ID)
		if err != nil || old.ReplacedBy != next.Certificate.ID || next.Certificate.Replaces != old.ID {
			t.Errorf("old %+v, new %+v, %v", old, next.Certificate, err)
		}
	})
}

func TestDryRun(t *testing.T) {
	each(t, func(t *testing.T, w *enrolltest.World) {
		p := w.Principal(t, "tls-server")
		v, err := w.Enroll.DryRun(t.Context(), request(t, p, "a.example.internal"))
		if err != nil || len(v.Reasons) != 0 || len(v.Template.Names.DNS) != 1 {
			t.Errorf("%+v %v", v, err)
		}
		v, err = w.Enroll.DryRun(t.Context(), request(t, p, "bad_name.example.internal", "UPPER..dots"))
		if err != nil || len(v.Reasons) < 2 {
			t.Errorf("all reasons at once: %+v %v", v, err)
		}
		if n := len(certificates(t, w, "reserved")); n != 0 {
			t.Errorf("a dry run left %d serials", n)
		}
	})
}
