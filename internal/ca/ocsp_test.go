package ca_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/ocsp"

	"github.com/certwright/certwright/internal/ca"
	"github.com/certwright/certwright/internal/ca/catest"
	"github.com/certwright/certwright/internal/core"
)

// request makes an OCSP request with x/crypto and adds a nonce extension.
func request(t testing.TB, cert, issuer *x509.Certificate, nonce []byte, critical bool) []byte {
	t.Helper()
	der, err := ocsp.CreateRequest(cert, issuer, &ocsp.RequestOptions{Hash: crypto.SHA256})
	if err != nil {
		t.Fatal(err)
	}
	if nonce == nil {
		return der
	}
	value, _ := asn1.Marshal(nonce)
	return withExtension(t, der, asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 2}, value, critical)
}

// withExtension adds requestExtensions to a plain request.
func withExtension(t testing.TB, der []byte, oid asn1.ObjectIdentifier, value []byte, critical bool) []byte {
	t.Helper()
	var outer, tbs cryptobyte.String
	s := cryptobyte.String(der)
	if !s.ReadASN1(&outer, cbasn1.SEQUENCE) || !outer.ReadASN1(&tbs, cbasn1.SEQUENCE) {
		t.Fatal("request")
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddBytes(tbs)
			b.AddASN1(cbasn1.Tag(2).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1ObjectIdentifier(oid)
						if critical {
							b.AddASN1Boolean(true)
						}
						b.AddASN1OctetString(value)
					})
				})
			})
		})
	})
	return b.BytesOrPanic()
}

func (w *world) issuerCert(t testing.TB, i *core.Issuer) *x509.Certificate {
	t.Helper()
	cert, err := x509.ParseCertificate(i.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestOCSPAnswer(t *testing.T) {
	w := p256(t)
	ica := w.issuerCert(t, w.h.Issuing)
	cert := w.issue(t, w.h.Issuing, template(t))
	row := w.row(w.h.Issuing, cert, core.CertActive)
	a, err := w.ca.Respond(ctx, w.h.Issuing.Slug, request(t, cert, ica, nil, false))
	if err != nil || a.Status != ca.OCSPSuccessful || !a.Cacheable || a.Cause != nil {
		t.Fatalf("%+v %v", a, err)
	}
	r, err := ocsp.ParseResponseForCert(a.DER, cert, ica)
	if err != nil {
		t.Fatal(err)
	}
	if r.Status != ocsp.Good || !r.ThisUpdate.Equal(start) || !r.NextUpdate.Equal(start.Add(4*time.Hour)) || !a.NextUpdate.Equal(r.NextUpdate) {
		t.Errorf("%+v", r)
	}
	if r.Certificate == nil || r.Certificate.ExtKeyUsage[0] != x509.ExtKeyUsageOCSPSigning || len(r.Certificate.ExtKeyUsage) != 1 || len(r.Certificate.CRLDistributionPoints) > 0 {
		t.Error("responder certificate")
	}
	row.State, row.RevokedAt, row.Reason = core.CertRevoked, start.Add(-time.Hour), core.ReasonKeyCompromise
	row.InvalidSince = start.Add(-2 * time.Hour)
	w.store.Set(row)
	a, _ = w.ca.Respond(ctx, w.h.Issuing.Slug, request(t, cert, ica, nil, false))
	r, err = ocsp.ParseResponseForCert(a.DER, cert, ica)
	if err != nil || r.Status != ocsp.Revoked || r.RevocationReason != ocsp.KeyCompromise || !r.RevokedAt.Equal(row.RevokedAt) {
		t.Errorf("%+v %v", r, err)
	}
	if len(r.Extensions) != 1 || r.Extensions[0].Id.String() != "2.5.29.24" {
		t.Errorf("invalidity date: %v", r.Extensions)
	}
}

func TestOCSPNonce(t *testing.T) {
	w := p256(t)
	ica := w.issuerCert(t, w.h.Issuing)
	cert := w.issue(t, w.h.Issuing, template(t))
	w.row(w.h.Issuing, cert, core.CertActive)
	for n, want := range map[int]ca.OCSPStatus{1: 0, 16: 0, 32: 0, 128: 0, 129: ca.OCSPMalformedRequest, 1000: ca.OCSPMalformedRequest} {
		nonce := bytes.Repeat([]byte{0xa7}, n)
		a, err := w.ca.Respond(ctx, w.h.Issuing.Slug, request(t, cert, ica, nonce, n == 16))
		if err != nil || a.Status != want || a.Cacheable {
			t.Errorf("nonce of %d octets: %+v %v", n, a, err)
		}
		if want == 0 && !bytes.Contains(a.DER, nonce) {
			t.Errorf("nonce of %d octets is not echoed", n)
		}
	}
	plain := request(t, cert, ica, nil, false)
	nonceOID := asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 2}
	for name, der := range map[string][]byte{
		"empty nonce":        withExtension(t, plain, nonceOID, []byte{4, 0}, false),
		"nonce of no string": withExtension(t, plain, nonceOID, []byte{1, 2, 3}, false),
		"unknown critical":   withExtension(t, plain, asn1.ObjectIdentifier{1, 2, 3}, []byte{5, 0}, true),
	} {
		if a, _ := w.ca.Respond(ctx, w.h.Issuing.Slug, der); a.Status != ca.OCSPMalformedRequest {
			t.Errorf("%s: %+v", name, a)
		}
	}
	if a, _ := w.ca.Respond(ctx, w.h.Issuing.Slug, withExtension(t, plain, asn1.ObjectIdentifier{1, 2, 3}, []byte{5, 0}, false)); a.Status != 0 {
		t.Errorf("unknown extension: %+v", a)
	}
}

func TestOCSPFailures(t *testing.T) {
	w := p256(t)
	ica, root := w.issuerCert(t, w.h.Issuing), w.issuerCert(t, w.h.Root)
	cert := w.issue(t, w.h.Issuing, template(t))
	w.row(w.h.Issuing, cert, core.CertActive)
	good := request(t, cert, ica, nil, false)
	slug := w.h.Issuing.Slug
	for name, tc := range map[string]struct {
		der  []byte
		want ca.OCSPStatus
	}{
		"empty":         {nil, ca.OCSPMalformedRequest},
		"garbage":       {[]byte("GET /"), ca.OCSPMalformedRequest},
		"truncated":     {good[:len(good)-1], ca.OCSPMalformedRequest},
		"trailing":      {append(bytes.Clone(good), 0), ca.OCSPMalformedRequest},
		"too large":     {append(bytes.Clone(good), make([]byte, 20<<10)...), ca.OCSPMalformedRequest},
		"no entry":      {[]byte{0x30, 4, 0x30, 2, 0x30, 0}, ca.OCSPMalformedRequest},
		"other issuer":  {request(t, cert, root, nil, false), ca.OCSPUnauthorized},
		"other version": {[]byte{0x30, 9, 0x30, 7, 0xa0, 3, 2, 1, 1, 0x30, 0}, ca.OCSPMalformedRequest},
	} {
		a, err := w.ca.Respond(ctx, slug, tc.der)
		if err != nil || a.Status != tc.want || a.Cacheable {
			t.Errorf("%s: %+v %v", name, a, err)
			continue
		}
		var re ocsp.ResponseError
		if _, err := ocsp.ParseResponse(a.DER, nil); !errors.As(err, &re) || int(re.Status) != int(tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.ca.Respond(ctx, "nobody", good); !core.Is(err, core.KindNotFound) {
		t.Errorf("%v", err)
	}
	for _, method := range []string{"IssuerBySlug", "CertificateStatus", "SaveResponder"} {
		fresh := ca.New(ca.Deps{Storage: w.store, Sealer: catest.Sealer{}, Now: w.clock.now})
		w.store.Fail = func(m string) error {
			if m == method {
				return core.Errorf(core.KindUnavailable, "database away")
			}
			return nil
		}
		a, err := fresh.Respond(ctx, slug, good)
		if err != nil || a.Status != ca.OCSPTryLater || a.Cause == nil {
			t.Errorf("%s: %+v %v", method, a, err)
		}
		w.store.Fail = nil
	}
}

// A request may ask about several certificates; those of others are unknown.
func TestOCSPMixedEntries(t *testing.T) {
	w := p256(t)
	ica, root := w.issuerCert(t, w.h.Issuing), w.issuerCert(t, w.h.Root)
	cert := w.issue(t, w.h.Issuing, template(t))
	w.row(w.h.Issuing, cert, core.CertActive)
	entry := func(der []byte) []byte {
		var outer, tbs, list cryptobyte.String
		s := cryptobyte.String(der)
		if !s.ReadASN1(&outer, cbasn1.SEQUENCE) || !outer.ReadASN1(&tbs, cbasn1.SEQUENCE) || !tbs.ReadASN1(&list, cbasn1.SEQUENCE) {
			t.Fatal("request")
		}
		return list
	}
	join := func(entries ...[]byte) []byte {
		var b cryptobyte.Builder
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					for _, e := range entries {
						b.AddBytes(e)
					}
				})
			})
		})
		return b.BytesOrPanic()
	}
	mine, theirs := entry(request(t, cert, ica, nil, false)), entry(request(t, cert, root, nil, false))
	a, err := w.ca.Respond(ctx, w.h.Issuing.Slug, join(theirs, mine))
	if err != nil || a.Status != 0 || a.Cacheable {
		t.Fatalf("%+v %v", a, err)
	}
	if got := statuses(t, a.DER); !bytes.Equal(got, []byte{0x82, 0x80}) {
		t.Errorf("statuses %x, want unknown and good", got)
	}
	many := make([][]byte, 33)
	for i := range many {
		many[i] = mine
	}
	if a, _ := w.ca.Respond(ctx, w.h.Issuing.Slug, join(many...)); a.Status != ca.OCSPMalformedRequest {
		t.Errorf("33 entries: %v", a.Status)
	}
	if a, _ := w.ca.Respond(ctx, w.h.Issuing.Slug, join(many[:32]...)); a.Status != 0 {
		t.Errorf("32 entries: %v", a.Status)
	}
}

func TestResponderRenewsItself(t *testing.T) {
	w := p256(t)
	ica := w.issuerCert(t, w.h.Issuing)
	cert := w.issue(t, w.h.Issuing, template(t))
	w.row(w.h.Issuing, cert, core.CertActive)
	req := request(t, cert, ica, nil, false)
	responder := func(c *ca.CA) *x509.Certificate {
		t.Helper()
		a, err := c.Respond(ctx, w.h.Issuing.Slug, req)
		if err != nil || a.Status != 0 {
			t.Fatalf("%+v %v", a, err)
		}
		r, err := ocsp.ParseResponse(a.DER, ica)
		if err != nil {
			t.Fatal(err)
		}
		return r.Certificate
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() { responder(w.ca) })
	}
	group.Wait()
	first := responder(w.ca)
	made := 0
	for _, c := range w.store.Certificates() {
		if c.Issuer == w.h.Issuing.ID && c.Protocol == "ca" {
			made++
		}
	}
	if made != 1 {
		t.Errorf("%d responder certificates for 8 concurrent requests", made)
	}
	restarted := ca.New(ca.Deps{Storage: w.store, Sealer: catest.Sealer{}, Now: w.clock.now})
	if !responder(restarted).Equal(first) {
		t.Error("a restart made another responder")
	}
	w.clock.add(19 * 24 * time.Hour)
	if !responder(w.ca).Equal(first) {
		t.Error("renewed too early")
	}
	w.clock.add(24 * time.Hour)
	second := responder(w.ca)
	if second.Equal(first) || !second.NotAfter.After(first.NotAfter) {
		t.Error("not renewed")
	}
	// The renewal fails: the old one serves on until it ends.
	w.clock.add(25 * 24 * time.Hour)
	w.store.Fail = func(m string) error {
		if m == "SaveResponder" {
			return errors.New("disk full")
		}
		return nil
	}
	if !responder(w.ca).Equal(second) {
		t.Error("the old responder was dropped")
	}
	w.store.Fail = nil
	if err := w.ca.RenewResponders(ctx); err != nil {
		t.Fatal(err)
	}
	if third := responder(w.ca); third.Equal(second) {
		t.Error("not renewed by schedule")
	}
}

func BenchmarkOCSP(b *testing.B) {
	w := p256(b)
	cert := w.issue(b, w.h.Issuing, template(b))
	w.row(w.h.Issuing, cert, core.CertActive)
	req := request(b, cert, w.issuerCert(b, w.h.Issuing), nil, false)
	b.ReportAllocs()
	for b.Loop() {
		if a, err := w.ca.Respond(ctx, w.h.Issuing.Slug, req); err != nil || a.Status != 0 {
			b.Fatal(a, err)
		}
	}
}

// statuses lists the tags of certStatus in an answer.
func statuses(t testing.TB, der []byte) (out []byte) {
	t.Helper()
	var outer, bytes0, seq, octets, basic, data, list cryptobyte.String
	context0 := cbasn1.Tag(0).ContextSpecific().Constructed()
	s := cryptobyte.String(der)
	if !s.ReadASN1(&outer, cbasn1.SEQUENCE) || !outer.SkipASN1(cbasn1.ENUM) || !outer.ReadASN1(&bytes0, context0) ||
		!bytes0.ReadASN1(&seq, cbasn1.SEQUENCE) || !seq.SkipASN1(cbasn1.OBJECT_IDENTIFIER) || !seq.ReadASN1(&octets, cbasn1.OCTET_STRING) ||
		!octets.ReadASN1(&basic, cbasn1.SEQUENCE) || !basic.ReadASN1(&data, cbasn1.SEQUENCE) ||
		!data.SkipASN1(cbasn1.Tag(2).ContextSpecific().Constructed()) || !data.SkipASN1(cbasn1.GeneralizedTime) || !data.ReadASN1(&list, cbasn1.SEQUENCE) {
		t.Fatal("answer")
	}
	for !list.Empty() {
		var single, status cryptobyte.String
		var tag cbasn1.Tag
		if !list.ReadASN1(&single, cbasn1.SEQUENCE) || !single.SkipASN1(cbasn1.SEQUENCE) || !single.ReadAnyASN1(&status, &tag) {
			t.Fatal("single response")
		}
		out = append(out, byte(tag))
	}
	return out
}

// A stored responder that this issuer did not certify, here one of a namesake
// with another key, is replaced and never used.
func TestForeignResponderIsReplaced(t *testing.T) {
	w, namesake := p256(t), p256(t)
	if err := namesake.ca.RenewResponders(ctx); err != nil {
		t.Fatal(err)
	}
	theirs, err := namesake.store.Issuer(ctx, catest.Account, namesake.h.Issuing.ID)
	if err != nil {
		t.Fatal(err)
	}
	var sealer catest.Sealer
	key, err := sealer.Open(theirs.ResponderKey, "responder-key:"+string(theirs.ID))
	if err != nil {
		t.Fatal(err)
	}
	sealed, _ := sealer.Seal(key, "responder-key:"+string(w.h.Issuing.ID))
	if err := w.store.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		return w.store.SaveResponder(ctx, tx, w.h.Issuing.ID, theirs.Responder, sealed)
	}); err != nil {
		t.Fatal(err)
	}
	ica := w.issuerCert(t, w.h.Issuing)
	cert := w.issue(t, w.h.Issuing, template(t))
	w.row(w.h.Issuing, cert, core.CertActive)
	a, err := w.ca.Respond(ctx, w.h.Issuing.Slug, request(t, cert, ica, nil, false))
	if err != nil || a.Status != ca.OCSPSuccessful {
		t.Fatalf("%+v %v", a, err)
	}
	if _, err := ocsp.ParseResponseForCert(a.DER, cert, ica); err != nil {
		t.Error(err)
	}
}
