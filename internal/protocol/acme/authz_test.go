package acme_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/protocol/acme"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/store/storetest"
	"github.com/certwright/certwright/internal/validation"
)

func types(z authzDoc) string {
	var out []string
	for _, ch := range z.Challenges {
		out = append(out, ch.Type)
	}
	return strings.Join(out, " ")
}

// TestOffered is which challenges an identifier can be proven by.
func TestOffered(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		plain := w.user(t, w.credential(t, "plain", core.ACMEOptions{}))
		all := w.user(t, w.credential(t, "all", core.ACMEOptions{Methods: []string{"dns-persist-01", "dns-account-01", "tls-alpn-01", "dns-01", "http-01"}}))
		for _, x := range []struct {
			c          *client
			name, want string
		}{
			{plain, "a.example.internal", "http-01 dns-01 tls-alpn-01"},
			{plain, "*.example.internal", "dns-01"},
			{plain, "ip=192.0.2.1", "http-01 tls-alpn-01"},
			{plain, "ip=2001:DB8::1", "http-01 tls-alpn-01"},
			{all, "a.example.internal", "dns-account-01 tls-alpn-01 dns-01 http-01 dns-persist-01"},
			{all, "*.example.internal", "dns-account-01 dns-01 dns-persist-01"},
		} {
			o, _ := x.c.order(x.name)
			z := into[authzDoc](t, x.c.post(o.Authorizations[0], ""))
			if got := types(z); got != x.want || z.Status != "pending" || strings.HasPrefix(z.Identifier.Value, "*") {
				t.Errorf("%s: %s, want %s (%+v)", x.name, got, x.want, z)
			}
			for _, ch := range z.Challenges {
				if len(ch.Token) < 22 || ch.Type == "dns-persist-01" && len(ch.Domains) == 0 {
					t.Errorf("%+v", ch)
				}
			}
		}
		// A wildcard beside a name that it covers is two authorizations.
		if o, _ := plain.order("*.both.example.internal", "both.example.internal", "www.both.example.internal"); len(o.Authorizations) != 3 {
			t.Errorf("%+v", o)
		}
	})
}

// TestFailed ends a failed check in bounded time: challenge, authorization and
// order are invalid and say why.
func TestFailed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{}))
		for code, retry := range map[string]bool{"unauthorized": false, "connection": true, "dns": true, "tls": false, "incorrectResponse": false, "caa": false, "dnssec": false} {
			w.Checks.answer(validation.Result{Failure: &core.Failure{Code: code, Detail: "seen something else"}, Retry: retry,
				Records: []core.Record{{Asked: "GET", Answer: "x"}}})
			before := w.Checks.count()
			o, url := c.order(strings.ToLower(code) + ".example.internal")
			c.prove(o, "dns-01")
			if n := w.Checks.count() - before; n != map[bool]int{false: 1, true: 3}[retry] {
				t.Errorf("%s: %d attempts", code, n)
			}
			z := into[authzDoc](t, c.post(o.Authorizations[0], "").want(t, 200, ""))
			if z.Status != "invalid" || len(z.Challenges) != 1 || z.Challenges[0].Status != "invalid" || z.Challenges[0].Error == nil ||
				z.Challenges[0].Error.Type != "urn:ietf:params:acme:error:"+strings.TrimSuffix(code, "sec") {
				t.Errorf("%s: %+v", code, z)
			}
			got := into[orderDoc](t, c.post(url, "").want(t, 200, ""))
			if got.Status != "invalid" || got.Error == nil || len(got.Error.Subproblems) != 1 || got.Error.Subproblems[0].Identifier == nil ||
				got.Error.Identifier != nil || got.Error.Type != z.Challenges[0].Error.Type || got.Error.Subproblems[0].Type != got.Error.Type {
				t.Errorf("%s: %+v", code, got)
			}
			c.post(o.Finalize, mustJSON(map[string]string{"csr": csr(t, ecKey(t), "", o.Identifiers[0].Value)})).want(t, 403, "orderNotReady")
			// Answering again changes nothing.
			c.post(z.Challenges[0].URL, "{}").want(t, 200, "")
		}
		// What failed is not used again: a new order starts afresh.
		w.Checks.answer(validation.Result{})
		c.issue("connection.example.internal")
	})
}

// TestDeactivate is RFC 8555 section 7.5.2.
func TestDeactivate(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{}))
		o, _ := c.order("a.example.internal")
		c.prove(o, "")
		z := into[authzDoc](t, c.post(o.Authorizations[0], `{"status":"deactivated"}`).want(t, 200, ""))
		if z.Status != "deactivated" {
			t.Errorf("%+v", z)
		}
		c.post(o.Authorizations[0], `{"status":"deactivated"}`).want(t, 200, "")
		c.post(o.Authorizations[0], `{"status":"valid"}`).want(t, 400, "malformed")
		c.post(o.Finalize, mustJSON(map[string]string{"csr": csr(t, ecKey(t), "", "a.example.internal")})).want(t, 403, "unauthorized")
		if o, _ := c.order("a.example.internal", "b.example.internal"); into[authzDoc](t, c.post(o.Authorizations[0], "")).Status != "pending" {
			t.Error("a deactivated authorization was used again")
		}
		o, url := c.order("c.example.internal")
		c.post(o.Authorizations[0], `{"status":"deactivated"}`).want(t, 200, "")
		if got := into[orderDoc](t, c.post(url, "")); got.Status != "invalid" {
			t.Errorf("%+v", got)
		}
	})
}

// TestExpiry lets orders and authorizations grow old.
func TestExpiry(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{ReuseDays: 1}))
		o, url := c.order("a.example.internal")
		c.prove(o, "")
		w.Advance(25 * time.Hour)
		c.pool = nil
		if z := into[authzDoc](t, c.post(o.Authorizations[0], "")); z.Status != "expired" {
			t.Errorf("%+v", z)
		}
		c.post(o.Finalize, mustJSON(map[string]string{"csr": csr(t, ecKey(t), "", "a.example.internal")})).want(t, 403, "unauthorized")
		pending, _ := c.order("b.example.internal")
		w.Advance(8 * 24 * time.Hour)
		c.pool = nil
		if got := into[orderDoc](t, c.post(url, "")); got.Status != "invalid" || got.Error == nil {
			t.Errorf("%+v", got)
		}
		z := into[authzDoc](t, c.post(pending.Authorizations[0], ""))
		c.post(z.Challenges[0].URL, "{}").want(t, 400, "malformed")
		if fresh, again := c.order("a.example.internal"); again == url || into[authzDoc](t, c.post(fresh.Authorizations[0], "")).Status != "pending" {
			t.Errorf("%+v", fresh)
		}
	})
}

// TestNewAuthz is RFC 8555 section 7.4.1 with RFC 9444.
func TestNewAuthz(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{Subdomains: true}))
		ask := func(id map[string]any) *answer {
			return c.post("new-authz", mustJSON(map[string]any{"identifier": id}))
		}
		ask(map[string]any{"type": "dns", "value": "*.example.internal"}).want(t, 400, "malformed")
		ask(map[string]any{"type": "dns", "value": ""}).want(t, 400, "malformed")
		a := ask(map[string]any{"type": "dns", "value": "example.internal", "subdomainAuthAllowed": true}).want(t, 201, "")
		z := into[authzDoc](t, a)
		if !z.Subdomains || types(z) != "dns-01" || a.header.Get("Location") == "" {
			t.Fatalf("%s", a.body)
		}
		if again := ask(map[string]any{"type": "dns", "value": "example.internal", "subdomainAuthAllowed": true}).want(t, 200, ""); again.header.Get("Location") != a.header.Get("Location") {
			t.Errorf("%v", again.header)
		}
		c.post(z.Challenges[0].URL, "{}").want(t, 200, "")
		o, url := c.order("a.example.internal", "deep.er.example.internal", "*.example.internal")
		if o.Status != "ready" || len(o.Authorizations) != 1 {
			t.Fatalf("%+v", o)
		}
		c.finish(o, url, "a.example.internal", "deep.er.example.internal", "*.example.internal")
		// Proofs given elsewhere since overtake an order that waits for its own.
		waiting, first := c.order("b.later.internal")
		later := into[authzDoc](t, ask(map[string]any{"type": "dns", "value": "later.internal", "subdomainAuthAllowed": true}).want(t, 201, ""))
		if _, again := c.order("b.later.internal"); waiting.Status != "pending" || again != first {
			t.Errorf("%+v, again at %s", waiting, again)
		}
		c.post(later.Challenges[0].URL, "{}").want(t, 200, "")
		if o, again := c.order("b.later.internal"); o.Status != "ready" || again == first {
			t.Errorf("%+v", o)
		}
		// An order may name the ancestor itself.
		a = c.post("new-order", `{"identifiers":[{"type":"dns","value":"a.other.internal","ancestorDomain":"other.internal"}]}`).want(t, 201, "")
		z = into[authzDoc](t, c.post(into[orderDoc](t, a).Authorizations[0], ""))
		if z.Identifier.Value != "other.internal" || !z.Subdomains {
			t.Errorf("%+v", z)
		}
		c.post("new-order", `{"identifiers":[{"type":"dns","value":"a.other.internal","ancestorDomain":"nother.internal"}]}`).want(t, 400, "malformed")
		w.change(t, c.cred, func(c *core.Credential) { c.Options.ACME.Subdomains = false })
		c.post("new-order", `{"identifiers":[{"type":"dns","value":"b.other.internal","ancestorDomain":"other.internal"}]}`).want(t, 403, "unauthorized")
		if o, _ := c.order("b.example.internal"); o.Status != "pending" {
			t.Errorf("control by an ancestor after it was switched off: %+v", o)
		}
	})
}

// TestControl is how a credential lets names be proven.
func TestControl(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "proven", core.ACMEOptions{Control: core.ACMEProven}, func(c *core.Credential) { c.ProvenNames = []string{"a.example.internal"} }))
		a := c.post("new-order", mustJSON(map[string]any{"identifiers": ids("a.example.internal", "b.example.internal")})).want(t, 403, "rejectedIdentifier")
		if !strings.Contains(a.problem.Subproblems[0].Detail, "b.example.internal") || !strings.Contains(a.problem.Subproblems[0].Detail, "proven") {
			t.Errorf("%+v", a.problem)
		}
		o, url := c.order("a.example.internal")
		w.change(t, c.cred, func(c *core.Credential) { c.ProvenNames = []string{"c.example.internal"} })
		c.post(o.Finalize, mustJSON(map[string]string{"csr": csr(t, ecKey(t), "", "a.example.internal")})).want(t, 403, "unauthorized")
		_ = url
		trusted := w.user(t, w.credential(t, "trusted", core.ACMEOptions{Control: core.ACMETrusted}))
		trusted.issue("whatever.example.internal", "*.example.internal")
		if w.Checks.count() != 0 {
			t.Error("something was checked")
		}
		w.Change(t, "tls-server", func(p *core.Profile) { p.CAA = []string{"ca.example"} })
		w.Checks.caa = func(name, method string) *core.Failure {
			if name == "b.example.internal" || method != core.MethodProven {
				return &core.Failure{Code: "caa", Detail: "records forbid it"}
			}
			return nil
		}
		trusted.issue("a.example.internal")
		o, _ = trusted.order("b.example.internal")
		trusted.post(o.Finalize, mustJSON(map[string]string{"csr": csr(t, ecKey(t), "", "b.example.internal")})).want(t, 403, "caa")
	})
}

// TestDomainService: what the domain service knows counts as pre-proven, for as
// long as it does.
func TestDomainService(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		d := w.Prove(t, "a.example.internal", core.MethodDNSTXT)
		c := w.user(t, w.credential(t, "shared", core.ACMEOptions{}))
		c.issue("a.example.internal", "*.a.example.internal")
		if w.Checks.count() != 0 {
			t.Error("something was checked")
		}
		if o, _ := c.order("w.a.example.internal"); o.Status != "pending" {
			t.Errorf("below, without ancestors: %+v", o)
		}
		w.Change(t, "tls-server", func(p *core.Profile) { p.Ancestors = true })
		c.issue("x.a.example.internal")
		only := w.user(t, w.credential(t, "only", core.ACMEOptions{Control: core.ACMEProven}))
		only.issue("a.example.internal")
		only.post("new-order", mustJSON(map[string]any{"identifiers": ids("b.example.internal")})).want(t, 403, "rejectedIdentifier")
		o, _ := c.order("a.example.internal")
		if o.Status != "ready" {
			t.Fatalf("before it is taken out of use: %+v", o)
		}
		if _, err := w.Domains.SetActive(t.Context(), &core.Principal{Account: w.Account, System: "test"}, d.ID, false); err != nil {
			t.Fatal(err)
		}
		c.post(o.Finalize, mustJSON(map[string]string{"csr": csr(t, ecKey(t), "", "a.example.internal")})).want(t, 403, "unauthorized")
		if o, _ := c.order("a.example.internal", "x.a.example.internal"); o.Status != "pending" {
			t.Errorf("after it was taken out of use: %+v", o)
		}
	})
}

// TestSlow is a check that outlasts the answer: the client polls, and when the
// process ends in between, another takes the check up.
func TestSlow(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, db *store.DB) {
		var deps acme.Deps
		w := newWorld(t, db, func(d *acme.Deps) { d.Patience = time.Millisecond; deps = *d })
		gate := make(chan struct{})
		w.Checks.mu.Lock()
		w.Checks.set = func(validation.Check) validation.Result { <-gate; return validation.Result{} }
		w.Checks.mu.Unlock()
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{}))
		o, url := c.order("a.example.internal")
		z := into[authzDoc](t, c.post(o.Authorizations[0], ""))
		a := c.post(z.Challenges[0].URL, "{}").want(t, 200, "")
		if ch := into[challengeDoc](t, a); ch.Status != "processing" || a.header.Get("Retry-After") == "" ||
			!slices.ContainsFunc(a.header.Values("Link"), func(l string) bool { return strings.HasSuffix(l, `;rel="up"`) }) {
			t.Fatalf("%s %v", a.body, a.header)
		}
		// Another process: it finds the check only once its time is over.
		second := acme.New(deps)
		defer second.Close()
		if n, err := second.Sweep(t.Context(), w.Now()); n != 0 || err != nil {
			t.Errorf("took up %d checks of a living process: %v", n, err)
		}
		if n, err := second.Sweep(t.Context(), w.Now().Add(time.Hour)); n != 1 || err != nil {
			t.Errorf("took up %d checks: %v", n, err)
		}
		if n, err := second.Sweep(t.Context(), w.Now()); n != 0 || err != nil {
			t.Errorf("took it up twice: %d %v", n, err)
		}
		close(gate)
		for into[orderDoc](t, c.post(url, "")).Status == "pending" {
			if t.Context().Err() != nil {
				t.Fatal("the check was never decided")
			}
		}
		c.post(o.Finalize, mustJSON(map[string]string{"csr": csr(t, ecKey(t), "", "a.example.internal")})).want(t, 200, "")
		for into[orderDoc](t, c.post(url, "")).Status == "processing" {
			if t.Context().Err() != nil {
				t.Fatal("the certificate never came")
			}
		}
		if got := into[orderDoc](t, c.post(url, "")); got.Status != "valid" {
			t.Errorf("%+v", got)
		}
		e, err := w.DB.ListEvents(t.Context(), core.ListQuery{Account: w.Account, Filter: core.Filter{{Column: "action", Op: core.OpEquals, Values: []string{"acme.authorization.valid"}}}})
		if err != nil || len(e.Items) != 1 {
			t.Errorf("decided %d times, %v", len(e.Items), err)
		}
	})
}

// TestAttested is device-attest-01.
func TestAttested(t *testing.T) {
	key := ecKey(t)
	spki := spkiOf(t, key)
	w := newWorld(t, storetest.SQLite(t), func(d *acme.Deps) {
		d.Attest = func(object []byte, token, auth, roots string, _ time.Time) (*acme.Attested, error) {
			if string(object) != "good" || !strings.HasPrefix(auth, token+".") || roots != "roots" {
				return nil, &core.Failure{Code: "badAttestationStatement", Detail: "no"}
			}
			return &acme.Attested{Identifiers: []string{"SN1"}, SPKI: spki}, nil
		}
	})
	w.Change(t, "tls-server", func(p *core.Profile) {
		p.Names = append(p.Names, core.NameRule{Kind: "other", OIDs: []string{"1.3.6.1.5.5.7.8.3"}})
		p.Lint = "none"
	})
	c := w.user(t, w.credential(t, "first", core.ACMEOptions{Attestation: "roots"}))
	o, _ := c.order("permanent-identifier=SN2")
	z := into[authzDoc](t, c.post(o.Authorizations[0], ""))
	c.post(z.Challenges[0].URL, `{}`).want(t, 400, "malformed")
	ch := into[challengeDoc](t, c.post(z.Challenges[0].URL, `{"attObj":"`+b64([]byte("good"))+`"}`).want(t, 200, ""))
	if ch.Status != "invalid" || ch.Error == nil || !strings.HasSuffix(ch.Error.Type, ":unauthorized") {
		t.Errorf("another device: %+v", ch)
	}
	o, url := c.order("permanent-identifier=SN1")
	z = into[authzDoc](t, c.post(o.Authorizations[0], ""))
	if types(z) != "device-attest-01" {
		t.Fatalf("%+v", z)
	}
	ch = into[challengeDoc](t, c.post(z.Challenges[0].URL, `{"attObj":"`+b64([]byte("good"))+`"}`).want(t, 200, ""))
	if ch.Status != "valid" {
		t.Fatalf("%+v", ch)
	}
	c.post(o.Finalize, mustJSON(map[string]string{"csr": bareCSR(t, ecKey(t))})).want(t, 400, "badCSR")
	a := c.post(o.Finalize, mustJSON(map[string]string{"csr": bareCSR(t, key)})).want(t, 200, "")
	if into[orderDoc](t, a).Status != "valid" || a.header.Get("Location") != url {
		t.Errorf("%s", a.body)
	}
}
