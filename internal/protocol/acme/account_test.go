package acme_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
)

type accountDoc struct {
	Status  string   `json:"status"`
	Contact []string `json:"contact"`
	Orders  string   `json:"orders"`
}

// TestAccount is RFC 8555 section 7.3.
func TestAccount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		cred := w.credential(t, "first", core.ACMEOptions{})
		c := w.client(t, cred)
		c.post("new-account", `{"onlyReturnExisting":true}`).want(t, 400, "accountDoesNotExist")
		a := c.register()
		if d := into[accountDoc](t, a); d.Status != "valid" || len(d.Contact) != 1 || d.Orders != c.kid+"/orders" {
			t.Errorf("%s", a.body)
		}
		kid := c.kid
		c.kid = ""
		// The same key again, with and without binding, is the same account.
		for _, payload := range []string{`{}`, `{"onlyReturnExisting":true}`, mustJSON(map[string]any{"externalAccountBinding": c.eab(cred.PublicID, w.Secret, "HS256")})} {
			if a := c.post("new-account", payload).want(t, 200, ""); a.header.Get("Location") != kid {
				t.Errorf("%s: Location %q", payload, a.header.Get("Location"))
			}
		}
		c.kid = kid
		// certbot's update_account sends the status beside the contacts.
		a = c.post(kid, `{"status":"valid","contact":["mailto:new@example.internal"]}`).want(t, 200, "")
		if d := into[accountDoc](t, a); d.Contact[0] != "mailto:new@example.internal" {
			t.Errorf("%s", a.body)
		}
		for payload, typ := range map[string]string{
			`{"contact":["tel:+1"]}`:                         "unsupportedContact",
			`{"contact":["mailto:a@b.example,c@d.example"]}`: "invalidContact",
			`{"contact":["mailto:a@b.example?cc=x"]}`:        "invalidContact",
			`{"contact":["mailto:"]}`:                        "invalidContact",
			`{"contact":["` + strings.Repeat(`mailto:a@b.example","`, 10) + `mailto:z@b.example"]}`: "invalidContact",
		} {
			c.post(kid, payload).want(t, 400, typ)
		}
		other := w.user(t, cred)
		other.post(kid, "").want(t, 403, "unauthorized")
		other.post(kid+"/orders", "").want(t, 403, "unauthorized")

		c.post(kid, `{"status":"deactivated"}`).want(t, 200, "")
		c.post(kid, "").want(t, 403, "unauthorized")
		c.post("new-order", mustJSON(map[string]any{"identifiers": ids("a.example.internal")})).want(t, 403, "unauthorized")
		c.kid = ""
		c.post("new-account", `{}`).want(t, 403, "unauthorized")
	})
}

// TestBinding is RFC 8555 section 7.3.4.
func TestBinding(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		cred := w.credential(t, "first", core.ACMEOptions{})
		c := w.client(t, cred)
		with := func(eab json.RawMessage) *answer {
			return c.post("new-account", mustJSON(map[string]any{"externalAccountBinding": eab}))
		}
		c.post("new-account", `{}`).want(t, 403, "externalAccountRequired")
		with(c.eab("ak_other", w.Secret, "HS256")).want(t, 403, "unauthorized")
		with(c.eab(cred.PublicID, strings.Repeat("AbCd", 10), "HS256")).want(t, 403, "unauthorized")
		with(c.eab(cred.PublicID, w.Secret, "HS1")).want(t, 400, "badSignatureAlgorithm")
		with(json.RawMessage(`"x"`)).want(t, 400, "malformed")
		stranger := w.client(t, cred)
		with(stranger.eab(cred.PublicID, w.Secret, "HS256")).want(t, 400, "malformed") // for another key
		elsewhere := &client{t: t, w: w, cred: cred, key: c.key}
		elsewhere.base = w.URL + "/acme/second/"
		with(elsewhere.eab(cred.PublicID, w.Secret, "HS256")).want(t, 400, "malformed") // for another URL
		with(json.RawMessage(signed(c.key, map[string]any{"alg": "ES256", "kid": cred.PublicID, "url": c.base + "new-account"}, jwkOf(c.key)))).want(t, 400, "badSignatureAlgorithm")
		for _, alg := range []string{"HS256", "HS384", "HS512"} {
			c.key = ecKey(t)
			with(c.eab(cred.PublicID, w.Secret, alg)).want(t, 201, "")
		}
		// The gate is in front of orders, too: a bare key orders nothing.
		c.key = ecKey(t)
		c.post("new-order", mustJSON(map[string]any{"identifiers": ids("a.example.internal")})).want(t, 400, "malformed")

		free := w.client(t, w.credential(t, "free", core.ACMEOptions{EABOptional: true, MaxAccounts: 1, Terms: "https://ca.example/terms"}))
		a := free.post("new-account", `{}`).want(t, 403, "userActionRequired")
		if l := strings.Join(a.header.Values("Link"), " "); !strings.Contains(l, `<https://ca.example/terms>;rel="terms-of-service"`) {
			t.Errorf("Link %q", l)
		}
		if a.problem.Instance != "https://ca.example/terms" {
			t.Errorf("instance %q", a.problem.Instance)
		}
		free.post("new-account", `{"termsOfServiceAgreed":true}`).want(t, 201, "")
		free.key = ecKey(t)
		if a := free.post("new-account", `{"termsOfServiceAgreed":true}`).want(t, 429, "rateLimited"); a.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		// An account of one credential is none at another.
		c = w.user(t, cred)
		c.base = free.base
		c.post("new-order", `{}`).want(t, 400, "accountDoesNotExist")

		refused, err := w.DB.ListEvents(t.Context(), core.ListQuery{Account: w.Account, Filter: core.Filter{{Column: "outcome", Op: core.OpEquals, Values: []string{"refused"}}}})
		if err != nil || len(refused.Items) == 0 {
			t.Errorf("refusals in the audit log: %d %v", len(refused.Items), err)
		}
	})
}

// TestRevokedCredential ends all accounts of a credential at once.
func TestRevokedCredential(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		cred := w.credential(t, "first", core.ACMEOptions{})
		c := w.user(t, cred)
		c.post(c.kid, "").want(t, 200, "")
		w.change(t, cred, func(c *core.Credential) { c.State = core.CredentialRevoked })
		c.post(c.kid, "").want(t, 403, "unauthorized")
		c.post("new-order", `{}`).want(t, 403, "unauthorized")
	})
}

// TestKeyChange is RFC 8555 section 7.3.5.
func TestKeyChange(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		cred := w.credential(t, "first", core.ACMEOptions{})
		c, other := w.user(t, cred), w.user(t, cred)
		fresh := ecKey(t)
		url := c.base + "key-change"
		inner := func(change func(header map[string]any, payload map[string]any)) string {
			h := map[string]any{"alg": "ES256", "jwk": json.RawMessage(jwkOf(fresh)), "url": url}
			p := map[string]any{"account": c.kid, "oldKey": json.RawMessage(jwkOf(c.key))}
			if change != nil {
				change(h, p)
			}
			return signed(fresh, h, mustJSON(p))
		}
		for name, f := range map[string]func(h, p map[string]any){
			"nonce":         func(h, _ map[string]any) { h["nonce"] = "x" },
			"url":           func(h, _ map[string]any) { h["url"] = "x" },
			"kid":           func(h, _ map[string]any) { delete(h, "jwk"); h["kid"] = c.kid },
			"account":       func(_, p map[string]any) { p["account"] = other.kid },
			"old key":       func(_, p map[string]any) { p["oldKey"] = json.RawMessage(jwkOf(other.key)) },
			"no old key":    func(_, p map[string]any) { delete(p, "oldKey") },
			"another's key": func(h, _ map[string]any) { h["jwk"] = json.RawMessage(jwkOf(other.key)) },
		} {
			if a := c.post(url, inner(f)); a.status != 400 || !strings.HasSuffix(a.problem.Type, ":malformed") {
				t.Errorf("%s: %d %+v", name, a.status, a.problem)
			}
		}
		own := signed(c.key, map[string]any{"alg": "ES256", "jwk": json.RawMessage(jwkOf(c.key)), "url": url}, mustJSON(map[string]any{"account": c.kid, "oldKey": json.RawMessage(jwkOf(c.key))}))
		c.post(url, own).want(t, 400, "malformed")
		taken := signed(other.key, map[string]any{"alg": "ES256", "jwk": json.RawMessage(jwkOf(other.key)), "url": url}, mustJSON(map[string]any{"account": c.kid, "oldKey": json.RawMessage(jwkOf(c.key))}))
		if a := c.post(url, taken).want(t, 409, "malformed"); a.header.Get("Location") != other.kid {
			t.Errorf("Location %q", a.header.Get("Location"))
		}
		c.post(url, inner(nil)).want(t, 200, "")
		c.post(c.kid, "").want(t, 400, "malformed") // the old key signs nothing any more
		c.key = fresh
		c.post(c.kid, "").want(t, 200, "")
	})
}

// TestOrdersList is RFC 8555 section 7.1.2.1.
func TestOrdersList(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{}))
		want := map[string]bool{}
		for i := range 120 {
			_, url := c.order(fmt.Sprintf("h%d.example.internal", i))
			want[url] = true
		}
		next, pages := c.kid+"/orders", 0
		for ; next != ""; pages++ {
			a := c.post(next, "").want(t, 200, "")
			for _, u := range into[struct{ Orders []string }](t, a).Orders {
				if !want[u] {
					t.Errorf("%s twice or not ours", u)
				}
				delete(want, u)
			}
			next = ""
			for _, l := range a.header.Values("Link") {
				if u, ok := strings.CutSuffix(strings.TrimPrefix(l, "<"), `>;rel="next"`); ok {
					next = u
				}
			}
		}
		if len(want) != 0 || pages != 3 {
			t.Errorf("%d orders missing, %d pages", len(want), pages)
		}
		c.post(c.kid+"/orders?cursor=x", "").want(t, 400, "malformed")
	})
}

// TestRate is RFC 8555 section 6.6.
func TestRate(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{OrdersPerHour: 2, Website: "https://ca.example"}))
		c.order("a.example.internal")
		c.order("b.example.internal")
		c.order("b.example.internal") // used again, so not counted
		a := c.post("new-order", mustJSON(map[string]any{"identifiers": ids("c.example.internal")})).want(t, http.StatusTooManyRequests, "rateLimited")
		if a.header.Get("Retry-After") != "3600" || !strings.Contains(strings.Join(a.header.Values("Link"), " "), `rel="help"`) {
			t.Errorf("%v", a.header)
		}
		w.Advance(time.Hour + time.Second)
		c.pool = nil
		c.order("c.example.internal")
	})
}

// TestParallelAccounts makes accounts and certificates side by side.
func TestParallelAccounts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		cred := w.credential(t, "first", core.ACMEOptions{})
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				c := w.user(t, cred)
				if certs, _ := c.issue(fmt.Sprintf("p%d.example.internal", i)); len(certs) != 2 {
					t.Errorf("%d certificates", len(certs))
				}
			})
		}
		wg.Wait()
		page, err := w.DB.ListCertificates(t.Context(), core.ListQuery{Account: w.Account, Limit: 500, Filter: core.Filter{{Column: "protocol", Op: core.OpEquals, Values: []string{"acme"}}}})
		if err != nil || len(page.Items) != 50 {
			t.Errorf("%d certificates, %v", len(page.Items), err)
		}
	})
}

// TestOneWinner uses one nonce on many connections, makes one account many
// times at once, and finalizes one order many times at once.
func TestOneWinner(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		cred := w.credential(t, "first", core.ACMEOptions{})
		c := w.user(t, cred)
		nonce := c.nonce()
		var wg sync.WaitGroup
		var mu sync.Mutex
		seen := map[int]int{}
		for range 16 {
			wg.Go(func() {
				a := c.post(c.kid, "", func(s *shape) { s.header["nonce"] = nonce })
				mu.Lock()
				defer mu.Unlock()
				seen[a.status]++
			})
		}
		wg.Wait()
		if seen[200] != 1 || seen[400] != 15 {
			t.Errorf("one nonce: %v", seen)
		}

		fresh := w.client(t, cred)
		payload := mustJSON(map[string]any{"externalAccountBinding": fresh.eab(cred.PublicID, w.Secret, "HS256")})
		kids := map[string]int{}
		seen = map[int]int{}
		for range 8 {
			wg.Go(func() {
				a := fresh.post("new-account", payload)
				mu.Lock()
				defer mu.Unlock()
				seen[a.status]++
				kids[a.header.Get("Location")]++
			})
		}
		wg.Wait()
		if seen[201] != 1 || seen[200] != 7 || len(kids) != 1 {
			t.Errorf("one account: %v %v", seen, kids)
		}

		o, url := c.order("a.example.internal")
		c.prove(o, "")
		requests := []string{mustJSON(map[string]string{"csr": csr(t, ecKey(t), "", "a.example.internal")}), mustJSON(map[string]string{"csr": csr(t, ecKey(t), "", "a.example.internal")})}
		for i := range 12 {
			wg.Go(func() {
				if a := c.post(o.Finalize, requests[i%2]); a.status != 200 && !strings.HasSuffix(a.problem.Type, ":orderNotReady") {
					t.Errorf("%d %s", a.status, a.body)
				}
			})
		}
		wg.Wait()
		if got := into[orderDoc](t, c.post(url, "")); got.Status != "valid" {
			t.Errorf("%+v", got)
		}
		page, err := w.DB.ListCertificates(t.Context(), core.ListQuery{Account: w.Account, Limit: 500, Filter: core.Filter{{Column: "protocol", Op: core.OpEquals, Values: []string{"acme"}}}})
		if err != nil || len(page.Items) != 1 {
			t.Errorf("%d certificates, %v", len(page.Items), err)
		}
	})
}
