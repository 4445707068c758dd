package acme_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// checkText verifies the text form of a chain (RFC 8555 section 9.1): blocks of
// the strict encoding and nothing else, because shell clients cut it at lines.
func checkText(t testing.TB, text []byte) {
	t.Helper()
	lines := strings.Split(string(text), "\n")
	if lines[len(lines)-1] != "" || len(lines) < 3 || lines[len(lines)-2] != "-----END CERTIFICATE-----" {
		t.Errorf("the end: %q", lines[max(0, len(lines)-3):])
	}
	inside, short := false, false
	for _, l := range lines[:len(lines)-1] {
		switch {
		case l == "-----BEGIN CERTIFICATE-----" && !inside:
			inside, short = true, false
		case l == "-----END CERTIFICATE-----" && inside:
			inside = false
		case inside && !short && len(l) > 0 && len(l) <= 64 && strings.Trim(l, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") == "":
			short = len(l) < 64 // the last one of its block
		default:
			t.Errorf("the line %q", l)
		}
	}
}

// root is a CA of somebody else.
type root struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newRoot(t *testing.T, w *world) *root {
	t.Helper()
	key := ecKey(t)
	x := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Foreign Root"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: w.Now().Add(-time.Hour), NotAfter: w.Now().AddDate(10, 0, 0)}
	return &root{key, create(t, x, x, key.Public(), key)}
}

func create(t *testing.T, x, parent *x509.Certificate, pub any, key *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, x, parent, pub, key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestChain is RFC 8555 sections 7.4.2 and 9.1.
func TestChain(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{Control: core.ACMETrusted}))
		_, o := c.issue("a.example.internal")
		a := c.post(o.Certificate, "").want(t, 200, "")
		if a.header.Get("Content-Type") != "application/pem-certificate-chain" || slices.ContainsFunc(a.header.Values("Link"), func(l string) bool { return strings.Contains(l, "alternate") }) {
			t.Errorf("%v", a.header)
		}
		checkText(t, a.body)
		certs := chainOf(t, a.body)
		if len(certs) != 2 || certs[0].IsCA || !certs[1].IsCA || certs[0].CheckSignatureFrom(certs[1]) != nil || bytes.Equal(certs[1].RawSubject, certs[1].RawIssuer) {
			t.Errorf("%d certificates", len(certs))
		}
		for _, n := range []string{"/1", "/0", "/x", "/-1"} {
			c.post(o.Certificate+n, "").want(t, 404, "malformed")
		}
	})
}

// TestAlternates is RFC 8555 section 7.4.2: every chain names the others.
func TestAlternates(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{Control: core.ACMETrusted}))
		certs, o := c.issue("a.example.internal")
		own := certs[1]
		issuer := w.Product(t, "tls-server").Issuer
		var roots []*root
		for i := range 2 {
			r := newRoot(t, w)
			cross := create(t, &x509.Certificate{SerialNumber: big.NewInt(int64(10 + i)), Subject: own.Subject, RawSubject: own.RawSubject, IsCA: true, BasicConstraintsValid: true,
				KeyUsage: x509.KeyUsageCertSign, SubjectKeyId: own.SubjectKeyId, NotBefore: w.Now().Add(-time.Hour), NotAfter: w.Now().AddDate(5, 0, 0)}, r.cert, own.PublicKey, r.key)
			chain := [][]byte{cross.Raw, r.cert.Raw}[:2-i] // the root may be in it or not
			if _, err := w.CA.AddChain(t.Context(), &core.Principal{Account: w.Account, System: "test"}, w.Account, issuer, chain); err != nil {
				t.Fatal(err)
			}
			roots = append(roots, r)
		}
		urls := []string{o.Certificate, o.Certificate + "/1", o.Certificate + "/2"}
		for i, u := range urls {
			a := c.post(u, "").want(t, 200, "")
			checkText(t, a.body)
			var others []string
			for _, l := range a.header.Values("Link") {
				if x, ok := strings.CutSuffix(strings.TrimPrefix(l, "<"), `>;rel="alternate"`); ok {
					others = append(others, x)
				}
			}
			if want := slices.Delete(slices.Clone(urls), i, i+1); !slices.Equal(others, want) {
				t.Errorf("%s: alternates %v", u, others)
			}
			got := chainOf(t, a.body)
			if len(got) != 2 || !got[0].Equal(certs[0]) || got[0].CheckSignatureFrom(got[1]) != nil {
				t.Fatalf("%s: %d certificates", u, len(got))
			}
			if i > 0 && got[1].CheckSignatureFrom(roots[i-1].cert) != nil {
				t.Errorf("%s: not signed by root %d", u, i)
			}
		}
		c.post(o.Certificate+"/3", "").want(t, 404, "malformed")
	})
}

// TestRevocationReasons is RFC 8555 section 7.6: each reason that may be given.
func TestRevocationReasons(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{Control: core.ACMETrusted}))
		for n, reason := range []any{nil, 0, 1, 3, 4, 5, 9} {
			certs, _ := c.issue(fmt.Sprintf("r%d.example.internal", n))
			body := map[string]any{"certificate": b64(certs[0].Raw)}
			for _, bad := range []int{-1, 2, 6, 7, 8, 10, 11, 1 << 20} {
				body["reason"] = bad
				c.post("revoke-cert", mustJSON(body)).want(t, 400, "badRevocationReason")
			}
			delete(body, "reason")
			if reason != nil {
				body["reason"] = reason
			}
			if a := c.post("revoke-cert", mustJSON(body)).want(t, 200, ""); len(a.body) != 0 {
				t.Errorf("%q", a.body)
			}
			stored, err := w.DB.CertificateByIssued(t.Context(), w.Account, certs[0].AuthorityKeyId, certs[0].SerialNumber.Text(16))
			want, _ := reason.(int)
			if err != nil || stored.State != core.CertRevoked || stored.Reason != want {
				t.Errorf("%v: %+v %v", reason, stored, err)
			}
			c.post("revoke-cert", mustJSON(body)).want(t, 400, "alreadyRevoked")
		}
	})
}

// TestCertID is RFC 9773 section 4.1: serial numbers whose first bit is set have
// a zero octet before them, and nothing is padded.
func TestCertID(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{Control: core.ACMETrusted}))
		certs, _ := c.issue("a.example.internal")
		x := certificateWithHighSerial(t, c, certs[0])
		id := certID(x)
		if !strings.Contains(id, ".AI") { // 0x00 0x8…
			t.Fatalf("%s", id)
		}
		c.send("GET", c.base+"renewal-info/"+id, "", "").want(t, 200, "")
		aki, serial, _ := strings.Cut(id, ".")
		for name, bad := range map[string]string{
			"without the zero": aki + "." + b64(x.SerialNumber.Bytes()), "padding": id + "=", "padding in front": aki + "=." + serial,
			"no dot": aki + serial, "two dots": id + ".AA", "no key id": "." + serial, "no serial": aki + ".", "other alphabet": aki + ".A+8A",
		} {
			if a := c.send("GET", c.base+"renewal-info/"+bad, "", ""); a.status != 400 || !strings.HasSuffix(a.problem.Type, ":malformed") {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
			a := c.post("new-order", mustJSON(map[string]any{"identifiers": ids("a.example.internal"), "replaces": bad}))
			if a.status != 400 {
				t.Errorf("replaces %s: %d %s", name, a.status, a.body)
			}
		}
		// What an order replaces comes back with the same octets, at any time.
		for _, replaced := range []string{certID(certs[0]), id} {
			a := c.post("new-order", mustJSON(map[string]any{"identifiers": ids("a.example.internal"), "replaces": replaced})).want(t, 201, "")
			first := into[orderDoc](t, a)
			c.finish(first, a.header.Get("Location"), "a.example.internal")
			for _, got := range []orderDoc{first, into[orderDoc](t, c.post(a.header.Get("Location"), ""))} {
				if got.Replaces != replaced {
					t.Errorf("replaces %q, sent %q", got.Replaces, replaced)
				}
			}
		}
		if plain, _ := c.order("z.example.internal"); plain.Replaces != "" {
			t.Errorf("%+v", plain)
		}
	})
}

// certificateWithHighSerial stores a certificate of an order as like is, but with a
// serial number that our CA does not give; others do.
func certificateWithHighSerial(t *testing.T, c *client, like *x509.Certificate) *x509.Certificate {
	t.Helper()
	w := c.w
	old, err := w.DB.CertificateByIssued(t.Context(), w.Account, like.AuthorityKeyId, like.SerialNumber.Text(16))
	if err != nil {
		t.Fatal(err)
	}
	order, err := w.DB.ACMEOrderByCertificate(t.Context(), w.Account, old.ID)
	if err != nil {
		t.Fatal(err)
	}
	serial, _ := new(big.Int).SetString("8f00000000000001", 16)
	key := ecKey(t)
	x := create(t, &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "high"}, NotBefore: like.NotBefore, NotAfter: like.NotAfter, DNSNames: like.DNSNames},
		&x509.Certificate{SubjectKeyId: like.AuthorityKeyId}, key.Public(), key)
	next, done := *old, *order
	next.ID, next.Number, next.Serial, next.Order = core.NewID[core.CertificateID](w.Now()), old.Number+1000, serial.Text(16), ""
	done.ID, done.Wish, done.State = core.NewID[core.ACMEOrderID](w.Now()), "other", core.ACMEOrderReady
	err = w.DB.InTx(t.Context(), func(ctx context.Context, tx core.Tx) error {
		if err := w.DB.ReserveCertificate(ctx, tx, &next); err != nil {
			return err
		}
		next.State, next.DER, next.Fingerprint = core.CertActive, x.Raw, x.RawTBSCertificate[:32]
		if err := w.DB.FinishCertificate(ctx, tx, &next); err != nil {
			return err
		}
		if err := w.DB.InsertACMEOrder(ctx, tx, &done, nil); err != nil {
			return err
		}
		done.State, done.Certificate = core.ACMEOrderValid, next.ID
		return w.DB.UpdateACMEOrder(ctx, tx, &done, core.ACMEOrderReady)
	})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// TestWindows is RFC 9773 section 4.2: no window ends before it begins, whatever
// has become of the certificate.
func TestWindows(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{Control: core.ACMETrusted}))
		certs, _ := c.issue("a.example.internal")
		stored, err := w.DB.CertificateByIssued(t.Context(), w.Account, certs[0].AuthorityKeyId, certs[0].SerialNumber.Text(16))
		if err != nil {
			t.Fatal(err)
		}
		check := func(what string) {
			a := c.send("GET", c.base+"renewal-info/"+certID(certs[0]), "", "").want(t, 200, "")
			i := into[struct {
				Window struct{ Start, End time.Time } `json:"suggestedWindow"`
			}](t, a)
			if !i.Window.Start.Before(i.Window.End) || i.Window.Start.IsZero() || a.header.Get("Retry-After") == "" {
				t.Errorf("%s: %s %v", what, a.body, a.header)
			}
		}
		check("fresh")
		w.Advance(time.Minute)
		now := w.Now()
		for _, span := range []time.Duration{24 * time.Hour, time.Second, 0, -time.Hour} {
			insertPull(t, w, &core.RenewalPull{ID: core.NewID[core.PullID](w.Now()), Account: w.Account, Issuer: stored.Issuer, Start: now, End: now.Add(span), CreatedAt: w.Now()})
			check("pulled by " + span.String())
		}
		c.post("revoke-cert", mustJSON(map[string]any{"certificate": b64(certs[0].Raw)})).want(t, 200, "")
		check("revoked")
		w.Advance(certs[0].NotAfter.Sub(w.Now()) + time.Hour)
		check("expired")
	})
}

// counter takes the errors of a test.
type counter struct {
	testing.TB
	n int
}

func (c *counter) Errorf(string, ...any) { c.n++ }

// TestPEMReader shows that checkText finds what it looks for.
func TestPEMReader(t *testing.T) {
	good := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: bytes.Repeat([]byte{1}, 100)}))
	for _, bad := range []string{"", good + "\n", strings.TrimSuffix(good, "\n"), strings.ReplaceAll(good, "\n", "\r\n"), "subject=x\n" + good,
		strings.Replace(good, "-----BEGIN", " -----BEGIN", 1), good + "\n" + good, strings.Replace(good, "CERTIFICATE", "X509 CERTIFICATE", 2)} {
		found := &counter{TB: t}
		checkText(found, []byte(bad))
		if found.n == 0 {
			t.Errorf("nothing wrong with %q", bad)
		}
	}
	checkText(t, []byte(good+good))
}
