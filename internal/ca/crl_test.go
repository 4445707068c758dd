package ca_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/ca"
	"github.com/certwright/certwright/internal/ca/catest"
	"github.com/certwright/certwright/internal/core"
)

func parseCRL(t testing.TB, crl *ca.CRL, issuer *x509.Certificate) *x509.RevocationList {
	t.Helper()
	out, err := x509.ParseRevocationList(crl.DER)
	if err != nil {
		t.Fatal(err)
	}
	if err := out.CheckSignatureFrom(issuer); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCRLContents(t *testing.T) {
	w := p256(t)
	ica := w.issuerCert(t, w.h.Issuing)
	publish := func() *x509.RevocationList {
		t.Helper()
		crl, err := w.ca.PublishCRL(ctx, catest.Account, w.h.Issuing.ID)
		if err != nil {
			t.Fatal(err)
		}
		return parseCRL(t, crl, ica)
	}
	empty := publish()
	if len(empty.RevokedCertificateEntries) != 0 || empty.Number.Int64() != 1 || !empty.ThisUpdate.Equal(start) || !empty.NextUpdate.Equal(start.AddDate(0, 0, 7)) {
		t.Errorf("%+v", empty)
	}
	if !bytes.Equal(empty.AuthorityKeyId, ica.SubjectKeyId) {
		t.Error("authority key identifier")
	}
	states := map[string]int{}
	for _, s := range core.CertificateStates {
		row := w.row(w.h.Issuing, w.issue(t, w.h.Issuing, template(t)), s)
		row.RevokedAt = start.Add(-time.Minute)
		switch s {
		case core.CertOnHold:
			row.Reason = core.ReasonCertificateHold
			states[row.Serial] = core.ReasonCertificateHold
		case core.CertRevoked:
			row.Reason = core.ReasonSuperseded
			states[row.Serial] = core.ReasonSuperseded
		case core.CertAbandoned:
			states[row.Serial] = 0
		}
		w.store.Set(row)
	}
	full := publish()
	if len(full.RevokedCertificateEntries) != 3 || full.Number.Cmp(big.NewInt(2)) != 0 {
		t.Fatalf("%+v", full.RevokedCertificateEntries)
	}
	for _, e := range full.RevokedCertificateEntries {
		want, ok := states[e.SerialNumber.Text(16)]
		if !ok || e.ReasonCode != want || !e.RevocationTime.Equal(start.Add(-time.Minute)) {
			t.Errorf("%x: %d", e.SerialNumber, e.ReasonCode)
		}
		if want == 0 && len(e.Extensions) > 0 {
			t.Error("reason unspecified is left out (RFC 5280 5.3.1)")
		}
	}
}

// An entry leaves only after it was on a CRL issued beyond the certificate's
// end (RFC 5280 3.3).
func TestExpiredEntriesLeaveTheCRL(t *testing.T) {
	w := p256(t)
	ica := w.issuerCert(t, w.h.Issuing)
	tmpl := template(t)
	tmpl.NotAfter = start.Add(10 * time.Hour)
	row := w.row(w.h.Issuing, w.issue(t, w.h.Issuing, tmpl), core.CertRevoked)
	row.RevokedAt = start
	w.store.Set(row)
	for _, tc := range []struct {
		after   time.Duration
		entries int
	}{{0, 1}, {9 * time.Hour, 1}, {2 * time.Hour, 1}, {time.Hour, 0}} {
		w.clock.add(tc.after)
		crl, err := w.ca.PublishCRL(ctx, catest.Account, w.h.Issuing.ID)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(parseCRL(t, crl, ica).RevokedCertificateEntries); n != tc.entries {
			t.Errorf("%s: %d entries", w.clock.now().Sub(start), n)
		}
	}
}

func TestCRLNumbersNeverRepeat(t *testing.T) {
	w := p256(t)
	var mu sync.Mutex
	seen := map[int64]bool{}
	var group sync.WaitGroup
	for range 12 {
		group.Go(func() {
			crl, err := w.ca.PublishCRL(ctx, catest.Account, w.h.Issuing.ID)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if seen[crl.Number] {
				t.Errorf("number %d twice", crl.Number)
			}
			seen[crl.Number] = true
		})
	}
	group.Wait()
	if last, err := w.store.CRL(ctx, w.h.Issuing.ID); err != nil || last.Number != 12 {
		t.Errorf("kept %+v %v", last, err)
	}
	// A failure after the number was drawn leaves a gap.
	w.store.Fail = failOn("SaveCRL")
	if _, err := w.ca.PublishCRL(ctx, catest.Account, w.h.Issuing.ID); err == nil {
		t.Error("no failure")
	}
	w.store.Fail = nil
	if crl, err := w.ca.PublishCRL(ctx, catest.Account, w.h.Issuing.ID); err != nil || crl.Number != 14 {
		t.Errorf("%+v %v", crl, err)
	}
}

// failOn makes one method of the storage fail.
func failOn(method string) func(string) error {
	return func(m string) error {
		if m == method {
			return errors.New("disk full")
		}
		return nil
	}
}

// A CRL that cannot be read completely is not published at all.
func TestFailedReadPublishesNothing(t *testing.T) {
	w := p256(t)
	w.store.Fail = failOn("Revocations")
	if _, err := w.ca.PublishCRL(ctx, catest.Account, w.h.Issuing.ID); err == nil {
		t.Error("published")
	}
	if err := w.ca.PublishDue(ctx); err == nil {
		t.Error("the schedule hides failures")
	}
	w.store.Fail = nil
	if _, err := w.store.CRL(ctx, w.h.Issuing.ID); !core.Is(err, core.KindNotFound) {
		t.Error("a CRL is kept")
	}
}

func TestPublishDueAndStatus(t *testing.T) {
	w := p256(t)
	if _, err := w.ca.CreatePending(ctx, nil, ca.Spec{Account: catest.Account, Name: "Later", Subject: core.DN{{Type: "CN", Value: "Later"}}, Key: "Ed25519"}); err != nil {
		t.Fatal(err)
	}
	number := func() int64 {
		crl, err := w.store.CRL(ctx, w.h.Issuing.ID)
		if err != nil {
			t.Fatal(err)
		}
		return crl.Number
	}
	for _, tc := range []struct {
		after time.Duration
		want  int64
	}{{0, 1}, {59 * time.Minute, 1}, {time.Minute, 2}} {
		w.clock.add(tc.after)
		if err := w.ca.PublishDue(ctx); err != nil {
			t.Fatal(err)
		}
		if got := number(); got != tc.want {
			t.Errorf("CRL %d, want %d", got, tc.want)
		}
	}
	list, err := w.ca.Status(ctx, catest.Account)
	if err != nil || len(list) != 3 {
		t.Fatalf("%v %v", list, err)
	}
	for _, s := range list {
		if !s.Ready(w.clock.now()) || s.KeyError != nil {
			t.Errorf("%+v", s)
		}
		if s.State == core.IssuerActive && (s.CRLNumber != 2 || s.NotAfter.IsZero()) {
			t.Errorf("%+v", s)
		}
	}
	if w.clock.add(8 * 24 * time.Hour); list[0].Ready(w.clock.now()) {
		t.Error("a stale CRL is not ready")
	}
}

func TestLatestCRLAndIssuerCertificate(t *testing.T) {
	w := p256(t)
	crl, err := w.ca.LatestCRL(ctx, w.h.Root.Slug)
	if err != nil || crl.Number != 1 {
		t.Fatalf("%+v %v", crl, err)
	}
	again, err := w.ca.LatestCRL(ctx, w.h.Root.Slug)
	if err != nil || !bytes.Equal(again.DER, crl.DER) {
		t.Error("made again instead of served")
	}
	if der, err := w.ca.IssuerCertificate(ctx, w.h.Root.Slug); err != nil || !bytes.Equal(der, w.h.Root.Certificate) {
		t.Error(err)
	}
	if _, err := w.ca.LatestCRL(ctx, "nobody"); !core.Is(err, core.KindNotFound) {
		t.Error(err)
	}
}

// A request that is given up does not spoil the key for the next.
func TestCancelledRequestDoesNotPoisonTheKey(t *testing.T) {
	w := p256(t)
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := w.ca.Prepare(gone, w.h.Issuing, template(t)); err != nil {
		t.Error(err)
	}
	if _, err := w.ca.Prepare(ctx, w.h.Issuing, template(t)); err != nil {
		t.Error(err)
	}
}

func BenchmarkCRL(b *testing.B) {
	w := p256(b)
	for n := range 2000 {
		w.store.Set(core.Certificate{Issuer: w.h.Root.ID, Serial: "7" + big.NewInt(int64(n)+1<<60).Text(16), State: core.CertRevoked, Reason: 1, RevokedAt: start, NotAfter: start.AddDate(1, 0, 0)})
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.ca.PublishCRL(ctx, catest.Account, w.h.Root.ID); err != nil {
			b.Fatal(err)
		}
	}
}
