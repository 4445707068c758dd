package acme_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/core"
)

// TestUnknownMembers is RFC 8555 section 7.3: what the server does not know, or
// what a client has no say in, is ignored and does not come back.
func TestUnknownMembers(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		cred := w.credential(t, "first", core.ACMEOptions{})
		c := w.client(t, cred)
		a := c.post("new-account", mustJSON(map[string]any{"externalAccountBinding": c.eab(cred.PublicID, w.Secret, "HS256"), "status": "revoked",
			"orders": "https://elsewhere.example/", "colour": "green", "initialIp": "192.0.2.1"})).want(t, 201, "")
		c.kid = a.header.Get("Location")
		for name := range into[map[string]any](t, a) {
			if !slices.Contains([]string{"status", "contact", "termsOfServiceAgreed", "externalAccountBinding", "orders"}, name) {
				t.Errorf("the account has %q: %s", name, a.body)
			}
		}
		if d := into[accountDoc](t, a); d.Status != "valid" || d.Orders != c.kid+"/orders" {
			t.Errorf("%s", a.body)
		}
		before := c.post(c.kid, "").want(t, 200, "")
		for _, payload := range []string{`{"orders":"https://elsewhere.example/"}`, `{"colour":"green"}`, `{"status":"revoked"}`, `{"status":"pending"}`,
			`{"termsOfServiceAgreed":true}`, `{"externalAccountBinding":{"kid":"x"}}`} {
			if after := c.post(c.kid, payload).want(t, 200, ""); string(after.body) != string(before.body) {
				t.Errorf("%s made it %s", payload, after.body)
			}
		}
		a = c.post("new-order", `{"identifiers":[{"type":"dns","value":"a.example.internal","colour":"green"}],"status":"valid","colour":"green"}`).want(t, 201, "")
		if o := into[orderDoc](t, a); o.Status != "pending" || strings.Contains(string(a.body), "green") {
			t.Errorf("%s", a.body)
		}
		z := into[authzDoc](t, c.post(into[orderDoc](t, a).Authorizations[0], ""))
		ch := into[challengeDoc](t, c.post(z.Challenges[0].URL, `{"colour":"green","status":"invalid","keyAuthorization":"x"}`).want(t, 200, ""))
		if ch.Status != "valid" {
			t.Errorf("%+v", ch)
		}
	})
}

// TestTermsNotChanged: an account cannot agree to terms by an update, which RFC
// 8555 section 7.3.2 wants ignored.
func TestTermsNotChanged(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		cred := w.credential(t, "first", core.ACMEOptions{})
		c := w.user(t, cred)
		w.change(t, cred, func(c *core.Credential) { c.Options.ACME.Terms = "https://ca.example/terms" })
		a := c.post(c.kid, `{"termsOfServiceAgreed":true}`).want(t, 200, "")
		if into[map[string]any](t, a)["termsOfServiceAgreed"] != nil {
			t.Errorf("%s", a.body)
		}
		fresh := w.client(t, cred)
		eab := fresh.eab(cred.PublicID, w.Secret, "HS256")
		for _, terms := range []any{false, nil} {
			fresh.post("new-account", mustJSON(map[string]any{"termsOfServiceAgreed": terms, "externalAccountBinding": eab})).want(t, 403, "userActionRequired")
		}
		fresh.post("new-account", mustJSON(map[string]any{"termsOfServiceAgreed": "true", "externalAccountBinding": eab})).want(t, 400, "malformed")
		if a = fresh.register(); into[map[string]any](t, a)["termsOfServiceAgreed"] != true {
			t.Errorf("%s", a.body)
		}
	})
}

// TestAccountAgain is RFC 8555 section 7.3.1: who has an account gets it as it
// was, whatever the request says.
func TestAccountAgain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		cred := w.credential(t, "first", core.ACMEOptions{})
		c := w.user(t, cred)
		kid := c.kid
		before := c.post(kid, "")
		c.kid = ""
		for _, payload := range []map[string]any{
			{"contact": []string{"mailto:other@example.internal"}},
			{"contact": []string{"tel:+1"}, "onlyReturnExisting": true},
			{"contact": []string{}, "externalAccountBinding": c.eab(cred.PublicID, w.Secret, "HS256")},
			{"externalAccountBinding": c.eab("other", strings.Repeat("AbCd", 10), "HS256")},
		} {
			a := c.post("new-account", mustJSON(payload)).want(t, 200, "")
			if a.header.Get("Location") != kid || string(a.body) != string(before.body) {
				t.Errorf("%v: %s %s, was %s", payload, a.header.Get("Location"), a.body, before.body)
			}
		}
		c.kid = kid
		if after := c.post(kid, ""); string(after.body) != string(before.body) {
			t.Errorf("%s, was %s", after.body, before.body)
		}
		// Asking whether there is an account makes none.
		stranger := w.client(t, cred)
		for range 2 {
			stranger.post("new-account", mustJSON(map[string]any{"onlyReturnExisting": true,
				"externalAccountBinding": stranger.eab(cred.PublicID, w.Secret, "HS256")})).want(t, 400, "accountDoesNotExist")
		}
	})
}

// TestBindingShown is RFC 8555 section 7.3.4: the new account shows its binding
// as it was sent, one without a binding shows none.
func TestBindingShown(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		cred := w.credential(t, "first", core.ACMEOptions{})
		c := w.client(t, cred)
		sent := c.eab(cred.PublicID, w.Secret, "HS256")
		type bound struct {
			Binding json.RawMessage `json:"externalAccountBinding"`
		}
		a := c.post("new-account", mustJSON(map[string]any{"externalAccountBinding": sent})).want(t, 201, "")
		if got := into[bound](t, a); string(got.Binding) != string(sent) {
			t.Errorf("%s, sent %s", got.Binding, sent)
		}
		c.kid = a.header.Get("Location")
		if got := into[bound](t, c.post(c.kid, "")); !strings.Contains(string(got.Binding), cred.PublicID) {
			t.Errorf("%s", got.Binding)
		}
		free := w.client(t, w.credential(t, "free", core.ACMEOptions{EABOptional: true}))
		if got := into[bound](t, free.post("new-account", `{}`).want(t, 201, "")); got.Binding != nil {
			t.Errorf("a binding without one: %s", got.Binding)
		}
		// What is bound wrongly is refused even where binding is optional.
		free.key = ecKey(t)
		free.post("new-account", mustJSON(map[string]any{"externalAccountBinding": free.eab("ak_free", strings.Repeat("AbCd", 10), "HS256")})).want(t, 403, "unauthorized")
		r := free.send(http.MethodGet, free.base+"directory", "", "")
		meta := into[struct{ Meta map[string]any }](t, r).Meta
		if meta["externalAccountRequired"] != false {
			t.Errorf("%v", meta)
		}
		// The binding is checked like any message, but for its nonce.
		for name, header := range map[string]map[string]any{
			"nonce":  {"alg": "HS256", "kid": cred.PublicID, "url": c.base + "new-account", "nonce": "AAAA"},
			"no kid": {"alg": "HS256", "url": c.base + "new-account"},
			"no url": {"alg": "HS256", "kid": cred.PublicID},
			"no alg": {"kid": cred.PublicID, "url": c.base + "new-account"},
		} {
			c.key, c.kid = ecKey(t), ""
			a := c.post("new-account", mustJSON(map[string]any{"externalAccountBinding": json.RawMessage(hmacSigned(t, w.Secret, header, jwkOf(c.key)))}))
			if a.status != 400 || !strings.HasSuffix(a.problem.Type, ":malformed") {
				t.Errorf("%s: %d %+v", name, a.status, a.problem)
			}
		}
	})
}

// TestKeyChangeKeeps is RFC 8555 section 7.3.5: what is under way goes on under
// the new key.
func TestKeyChangeKeeps(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{}))
		ready, readyURL := c.order("ready.example.internal")
		c.prove(ready, "")
		pending, pendingURL := c.order("pending.example.internal")
		fresh, url := ecKey(t), c.base+"key-change"
		inner := signed(fresh, map[string]any{"alg": "ES256", "jwk": json.RawMessage(jwkOf(fresh)), "url": url},
			mustJSON(map[string]any{"account": c.kid, "oldKey": json.RawMessage(jwkOf(c.key))}))
		// Both signatures count.
		c.post(url, forged(inner)).want(t, 400, "malformed")
		c.post(url, inner, func(s *shape) { s.key = ecKey(t) }).want(t, 400, "malformed")
		c.post(url, inner).want(t, 200, "")
		old := c.key
		c.key = fresh
		if got := into[orderDoc](t, c.post(readyURL, "").want(t, 200, "")); got.Status != "ready" {
			t.Errorf("%+v", got)
		}
		c.finish(ready, readyURL, "ready.example.internal")
		c.prove(pending, "")
		c.finish(pending, pendingURL, "pending.example.internal")
		if last := w.Checks.asked[len(w.Checks.asked)-1]; !strings.HasSuffix(last.KeyAuthorization, "."+thumbprint(fresh)) {
			t.Errorf("%+v", last)
		}
		// The old key is free for another account.
		c.key, c.kid = old, ""
		c.register()
	})
}

// forged changes the signature of a message.
func forged(message string) string {
	i := strings.LastIndex(message, `"signature":"`) + len(`"signature":"`)
	return message[:i] + "AAAA" + message[i+4:]
}

// TestAuthzOwner is RFC 8555 section 7.5.2: only its account deactivates an
// authorization, and revokes or reads what is its own.
func TestAuthzOwner(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		cred := w.credential(t, "first", core.ACMEOptions{})
		c, other := w.user(t, cred), w.user(t, cred)
		elsewhere := w.user(t, w.credential(t, "second", core.ACMEOptions{}))
		certs, o := c.issue("a.example.internal")
		z := into[authzDoc](t, c.post(o.Authorizations[0], ""))
		order := strings.TrimSuffix(o.Finalize, "/finalize")
		for _, u := range []string{o.Authorizations[0], z.Challenges[0].URL, order, o.Certificate} {
			other.post(u, "").want(t, 404, "malformed")
			// The same objects under another directory are none of its account's.
			moved := strings.Replace(u, "/first/", "/second/", 1)
			elsewhere.post(moved, "").want(t, 404, "malformed")
			elsewhere.post(u, "").want(t, 400, "accountDoesNotExist")
		}
		for _, payload := range []string{`{"status":"deactivated"}`, `{}`} {
			other.post(o.Authorizations[0], payload).want(t, 404, "malformed")
			other.post(z.Challenges[0].URL, payload).want(t, 404, "malformed")
		}
		if got := into[authzDoc](t, c.post(o.Authorizations[0], "")); got.Status != "valid" {
			t.Errorf("%+v", got)
		}
		elsewhere.post("revoke-cert", mustJSON(map[string]any{"certificate": b64(certs[0].Raw)})).want(t, 403, "unauthorized")
		// The account's own key signs nothing but for its account.
		c.post("revoke-cert", mustJSON(map[string]any{"certificate": b64(certs[0].Raw)}), func(s *shape) {
			delete(s.header, "kid")
			s.header["jwk"] = json.RawMessage(jwkOf(c.key))
		}).want(t, 403, "unauthorized")
	})
}
