package acme_test

import (
	"bytes"
	"crypto/x509"
	"net/http"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// TestWholeWay is RFC 8555 section 7.1 from account to certificate.
func TestWholeWay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{}))
		o, url := c.order("A.example.internal", "b.example.internal", "a.example.internal.")
		if len(o.Identifiers) != 2 || o.Identifiers[0].Value != "a.example.internal" || o.Status != "pending" {
			t.Fatalf("%+v", o)
		}
		c.prove(o, "http-01")
		if got := into[orderDoc](t, c.post(url, "").want(t, 200, "")); got.Status != "ready" {
			t.Fatalf("%+v", got)
		}
		certs := c.finish(o, url, "a.example.internal", "b.example.internal")
		if len(certs) != 2 || certs[0].CheckSignatureFrom(certs[1]) != nil {
			t.Fatalf("%d certificates", len(certs))
		}
		for _, host := range []string{"a.example.internal", "b.example.internal"} {
			if err := certs[0].VerifyHostname(host); err != nil {
				t.Error(err)
			}
		}
		stored, err := w.DB.CertificateByIssued(t.Context(), w.Account, certs[0].AuthorityKeyId, certs[0].SerialNumber.Text(16))
		if err != nil || !bytes.Equal(stored.DER, certs[0].Raw) || stored.Protocol != "acme" || stored.Credential != c.cred.ID {
			t.Errorf("%+v %v", stored, err)
		}
		for _, q := range w.Checks.asked {
			if q.Method != "http-01" || q.KeyAuthorization != q.Token+"."+thumbprint(c.key) || q.AccountURL != c.kid {
				t.Errorf("%+v", q)
			}
		}
		if n := w.Checks.count(); n != 2 {
			t.Errorf("%d checks", n)
		}
		// The names are proven: the next order is ready at once.
		again, _ := c.order("a.example.internal")
		if again.Status != "ready" || w.Checks.count() != 2 {
			t.Errorf("%+v", again)
		}
	})
}

func TestPreProven(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{}, func(c *core.Credential) { c.ProvenNames = []string{".example.internal"} }))
		o, url := c.order("*.example.internal", "deep.er.example.internal")
		if o.Status != "ready" {
			t.Fatalf("%+v", o)
		}
		z := into[authzDoc](t, c.post(o.Authorizations[0], ""))
		if z.Status != "valid" || !z.Wildcard || len(z.Challenges) == 0 || z.Challenges[0].Status != "valid" || z.Challenges[0].Type != "dns-01" {
			t.Errorf("%+v", z)
		}
		// A client that insists gets its challenge accepted, and nothing is checked.
		ch := into[challengeDoc](t, c.post(z.Challenges[0].URL, "{}").want(t, 200, ""))
		if ch.Status != "valid" || w.Checks.count() != 0 {
			t.Errorf("%+v", ch)
		}
		c.finish(o, url, "*.example.internal", "deep.er.example.internal")
	})
}

func TestApproval(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Change(t, "tls-server", func(p *core.Profile) { p.Approval = "manual" })
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{Control: core.ACMETrusted}))
		o, url := c.order("a.example.internal")
		request := mustJSON(map[string]string{"csr": csr(t, ecKey(t), "", "a.example.internal")})
		a := c.post(o.Finalize, request).want(t, 200, "")
		if got := into[orderDoc](t, a); got.Status != "processing" || a.header.Get("Retry-After") == "" || a.header.Get("Location") != url {
			t.Fatalf("%s", a.body)
		}
		if again := c.post(o.Finalize, request).want(t, 200, ""); into[orderDoc](t, again).Status != "processing" {
			t.Errorf("%s", again.body)
		}
		open, err := w.DB.ListOrders(t.Context(), core.ListQuery{Account: w.Account})
		if err != nil || len(open.Items) != 1 {
			t.Fatalf("%d orders %v", len(open.Items), err)
		}
		if _, err := w.Enroll.Approve(t.Context(), w.Person(w.Approver), open.Items[0].ID, ""); err != nil {
			t.Fatal(err)
		}
		got := into[orderDoc](t, c.post(url, "").want(t, 200, ""))
		if got.Status != "valid" {
			t.Fatalf("%+v", got)
		}
		chainOf(t, c.post(got.Certificate, "").want(t, 200, "").body)

		o, url = c.order("b.example.internal")
		c.post(o.Finalize, mustJSON(map[string]string{"csr": csr(t, ecKey(t), "", "b.example.internal")})).want(t, 200, "")
		open, err = w.DB.ListOrders(t.Context(), core.ListQuery{Account: w.Account, Filter: core.Filter{{Column: "state", Op: core.OpEquals, Values: []string{"pending-approval"}}}})
		if err != nil || len(open.Items) != 1 {
			t.Fatalf("%d orders %v", len(open.Items), err)
		}
		if err := w.Enroll.Reject(t.Context(), w.Person(w.Approver), open.Items[0].ID, "no"); err != nil {
			t.Fatal(err)
		}
		if got := into[orderDoc](t, c.post(url, "").want(t, 200, "")); got.Status != "invalid" || got.Error == nil {
			t.Errorf("%+v", got)
		}
	})
}

func TestRenewalInfo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{Control: core.ACMETrusted}))
		certs, _ := c.issue("a.example.internal")
		type info struct {
			Window struct{ Start, End time.Time } `json:"suggestedWindow"`
			URL    string                         `json:"explanationURL"`
		}
		read := func(id string) (info, *answer) {
			a := c.send(http.MethodGet, c.base+"renewal-info/"+id, "", "")
			if a.status != 200 {
				return info{}, a
			}
			return into[info](t, a), a
		}
		i, a := read(certID(certs[0]))
		life := certs[0].NotAfter.Sub(certs[0].NotBefore)
		if !i.Window.Start.Before(i.Window.End) || i.Window.Start.Before(certs[0].NotBefore.Add(life/2)) || i.Window.End.After(certs[0].NotAfter) || a.header.Get("Retry-After") == "" {
			t.Errorf("%+v", i)
		}
		_, a = read("x")
		a.want(t, 400, "malformed")
		_, a = read("AAAA.AAAB")
		a.want(t, 404, "malformed")

		// replaces
		order := func(c *client, names ...string) *answer {
			return c.post("new-order", mustJSON(map[string]any{"identifiers": ids(names...), "replaces": certID(certs[0])}))
		}
		order(c, "other.example.internal").want(t, 400, "malformed")
		other := w.user(t, c.cred)
		order(other, "a.example.internal").want(t, 403, "unauthorized")
		first := order(c, "a.example.internal").want(t, 201, "")
		if o := into[orderDoc](t, first); o.Replaces != certID(certs[0]) {
			t.Errorf("%+v", o)
		}
		order(c, "a.example.internal").want(t, 201, "") // the same again
		order(c, "a.example.internal", "c.example.internal").want(t, 409, "alreadyReplaced")
		c.finish(into[orderDoc](t, first), first.header.Get("Location"), "a.example.internal")
		order(c, "a.example.internal").want(t, 409, "alreadyReplaced")

		// An administrator pulls windows forward.
		now := w.Now()
		stored, err := w.DB.CertificateByIssued(t.Context(), w.Account, certs[0].AuthorityKeyId, certs[0].SerialNumber.Text(16))
		if err != nil || stored.ReplacedBy == "" {
			t.Fatal(err)
		}
		w.Advance(time.Minute)
		pull := core.RenewalPull{ID: core.NewID[core.PullID](w.Now()), Account: w.Account, Issuer: stored.Issuer, Start: now, End: now.Add(24 * time.Hour),
			Explanation: "https://status.example.internal/1", CreatedAt: w.Now()}
		insertPull(t, w, &pull)
		if i, _ = read(certID(certs[0])); i.Window.End.After(now.Add(25*time.Hour)) || i.URL != pull.Explanation {
			t.Errorf("%+v", i)
		}
		// A revoked certificate's window is past.
		c.post("revoke-cert", mustJSON(map[string]any{"certificate": b64(certs[0].Raw), "reason": 4})).want(t, 200, "")
		if i, _ = read(certID(certs[0])); !i.Window.End.Before(w.Now()) {
			t.Errorf("%+v", i)
		}
	})
}

func TestRevoke(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		cred := w.credential(t, "first", core.ACMEOptions{})
		c, other := w.user(t, cred), w.user(t, cred)
		body := func(x *x509.Certificate, reason int) string {
			return mustJSON(map[string]any{"certificate": b64(x.Raw), "reason": reason})
		}
		certs, _ := c.issue("a.example.internal")
		for _, reason := range []int{-1, 2, 6, 7, 8, 10, 11} {
			c.post("revoke-cert", body(certs[0], reason)).want(t, 400, "badRevocationReason")
		}
		other.post("revoke-cert", body(certs[0], 1)).want(t, 403, "unauthorized")
		o, _ := other.order("a.example.internal")
		other.prove(o, "")
		other.post("revoke-cert", body(certs[0], 1)).want(t, 200, "")
		c.post("revoke-cert", body(certs[0], 1)).want(t, 400, "alreadyRevoked")

		// By the certificate's own key.
		o, url := c.order("a.example.internal")
		key := ecKey(t)
		a := c.post(o.Finalize, mustJSON(map[string]string{"csr": csr(t, key, "", "a.example.internal")})).want(t, 200, "")
		leaf := chainOf(t, c.post(into[orderDoc](t, a).Certificate, "").body)[0]
		_ = url
		stranger := w.client(t, cred)
		stranger.post("revoke-cert", body(leaf, 1)).want(t, 403, "unauthorized")
		stranger.key = key
		stranger.post("revoke-cert", body(leaf, 1)).want(t, 200, "")

		// What is not ours.
		c.post("revoke-cert", mustJSON(map[string]any{"certificate": b64(selfSigned(t))})).want(t, 404, "malformed")
		c.post("revoke-cert", mustJSON(map[string]any{"certificate": "AAAA"})).want(t, 400, "malformed")
	})
}
