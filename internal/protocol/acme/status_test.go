package acme_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/core"
)

// TestRequestStatus walks what can be wrong with a request as such, whatever it
// asks for.
func TestRequestStatus(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{}))
		body := mustJSON(map[string]any{"identifiers": ids("a.example.internal")})
		header := func(name string, v any) func(*shape) {
			return func(s *shape) {
				if v == nil {
					delete(s.header, name)
				} else {
					s.header[name] = v
				}
			}
		}
		used := c.nonce()
		c.post("new-order", body, header("nonce", used)).want(t, 201, "")
		for _, x := range []struct {
			name   string
			change func(*shape)
			status int
			typ    string
		}{
			{"nonce absent", header("nonce", nil), 400, "badNonce"},
			{"nonce empty", header("nonce", ""), 400, "badNonce"},
			{"nonce unknown", header("nonce", b64(make([]byte, 36))), 400, "badNonce"},
			{"nonce used", header("nonce", used), 400, "badNonce"},
			{"nonce no base64url", header("nonce", "a+/="), 400, "malformed"},
			{"content type", func(s *shape) { s.contentType = "application/json" }, 415, "malformed"},
			{"content type absent", func(s *shape) { s.contentType = "" }, 415, "malformed"},
			{"body too large", func(s *shape) { s.payload = strings.Repeat("x", 300<<10) }, 413, "malformed"},
			{"jwk and kid", header("jwk", json.RawMessage(jwkOf(c.key))), 400, "malformed"},
			{"neither jwk nor kid", header("kid", nil), 400, "malformed"},
			{"jwk where kid is due", func(s *shape) { delete(s.header, "kid"); s.header["jwk"] = json.RawMessage(jwkOf(c.key)) }, 400, "malformed"},
			{"signatures", func(s *shape) {
				s.body = func(p, b, x string) string {
					return `{"payload":"` + b + `","signatures":[{"protected":"` + p + `","signature":"` + x + `"}]}`
				}
			}, 400, "malformed"},
			{"unprotected header", func(s *shape) {
				s.body = func(p, b, x string) string { return strings.Replace(flat(p, b, x), "{", `{"header":{"kid":"x"},`, 1) }
			}, 400, "malformed"},
			{"payload absent", func(s *shape) {
				s.body = func(p, b, x string) string { return `{"protected":"` + p + `","signature":"` + x + `"}` }
			}, 400, "malformed"},
			{"crit", header("crit", []string{"x"}), 400, "malformed"},
			{"b64 false", header("b64", false), 400, "malformed"},
			{"alg none", header("alg", "none"), 400, "badSignatureAlgorithm"},
			{"alg HS256", header("alg", "HS256"), 400, "badSignatureAlgorithm"},
			{"alg does not fit the key", header("alg", "RS256"), 400, "badSignatureAlgorithm"},
			{"url absent", header("url", nil), 400, "malformed"},
			{"url of another resource", header("url", c.base+"new-authz"), 400, "malformed"},
			{"url of another host", header("url", "https://other.example/acme/first/new-order"), 400, "malformed"},
			{"signature wrong", func(s *shape) { s.body = func(p, b, x string) string { return flat(p, b, "AAAA"+x[4:]) } }, 400, "malformed"},
			{"signed by another key", func(s *shape) { s.key = ecKey(t) }, 400, "malformed"},
			{"kid unknown", header("kid", c.base+"acct/"+string(core.NewID[core.ACMEAccountID](w.Now()))), 400, "accountDoesNotExist"},
			{"kid of another directory", header("kid", strings.Replace(c.kid, "/first/", "/other/", 1)), 400, "accountDoesNotExist"},
			{"payload no JSON", func(s *shape) { s.payload = "x" }, 400, "malformed"},
			{"payload an array", func(s *shape) { s.payload = "[]" }, 400, "malformed"},
			{"cut off", func(s *shape) { s.body = func(p, b, x string) string { return flat(p, b, x)[:100] } }, 400, "malformed"},
		} {
			a := c.post("new-order", body, x.change)
			if got := strings.TrimPrefix(a.problem.Type, "urn:ietf:params:acme:error:"); a.status != x.status || got != x.typ {
				t.Errorf("%s: %d %s (%s), want %d %s", x.name, a.status, got, a.problem.Detail, x.status, x.typ)
			}
			if x.typ == "badSignatureAlgorithm" && len(a.problem.Algorithms) == 0 {
				t.Errorf("%s: no algorithms", x.name)
			}
			if link := a.header.Get("Link"); !strings.Contains(link, `rel="index"`) {
				t.Errorf("%s: Link %q", x.name, link)
			}
		}
		for _, m := range []string{"GET", "PUT", "DELETE", "HEAD"} {
			r, err := http.NewRequest(m, c.base+"new-order", nil)
			if err != nil {
				t.Fatal(err)
			}
			a, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = a.Body.Close()
			if a.StatusCode != 405 || a.Header.Get("Allow") != "POST" {
				t.Errorf("%s: %d, Allow %q", m, a.StatusCode, a.Header.Get("Allow"))
			}
		}
		for path, status := range map[string]int{"order/x": 404, "order/" + string(core.NewID[core.ACMEOrderID](w.Now())): 404, "authz/x": 404, "chall/x/0": 404, "cert/x": 404, "cert/x/1": 404} {
			if a := c.post(path, ""); a.status != status {
				t.Errorf("%s: %d", path, a.status)
			}
		}
	})
}

// TestNonces is RFC 8555 section 7.2.
func TestNonces(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.credential(t, "first", core.ACMEOptions{})
		for method, status := range map[string]int{"HEAD": 200, "GET": 204} {
			r, err := http.NewRequest(method, w.URL+"/acme/first/new-nonce", nil)
			if err != nil {
				t.Fatal(err)
			}
			a, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = a.Body.Close()
			if a.StatusCode != status || a.Header.Get("Replay-Nonce") == "" || a.Header.Get("Cache-Control") != "no-store" ||
				!strings.Contains(a.Header.Get("Link"), `/acme/first/directory>;rel="index"`) {
				t.Errorf("%s: %d %v", method, a.StatusCode, a.Header)
			}
		}
	})
}

// TestDirectory is RFC 8555 section 7.1.1.
func TestDirectory(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		cred := w.credential(t, "first", core.ACMEOptions{Terms: "https://ca.example/terms", Website: "https://ca.example", Subdomains: true},
			func(c *core.Credential) {
				c.Default = true
				c.Products = append(c.Products, w.Product(t, "tls-client").ID)
			})
		for _, path := range []string{"/acme/directory", "/acme/first/directory"} {
			r, err := http.Get(w.URL + path)
			if err != nil {
				t.Fatal(err)
			}
			var d map[string]any
			if err := json.NewDecoder(r.Body).Decode(&d); err != nil {
				t.Fatal(err)
			}
			_ = r.Body.Close()
			for _, name := range []string{"newNonce", "newAccount", "newOrder", "newAuthz", "revokeCert", "keyChange", "renewalInfo"} {
				if u, _ := d[name].(string); !strings.HasPrefix(u, w.URL+"/acme/first/") {
					t.Errorf("%s: %s is %q", path, name, u)
				}
			}
			meta := d["meta"].(map[string]any)
			profiles := meta["profiles"].(map[string]any)
			if meta["externalAccountRequired"] != true || meta["termsOfService"] != "https://ca.example/terms" || meta["website"] != "https://ca.example" ||
				meta["subdomainAuthAllowed"] != true || len(profiles) != 2 || profiles["tls-server"] == nil {
				t.Errorf("%s: %v", path, meta)
			}
			if r.Header.Get("Access-Control-Allow-Origin") != "*" {
				t.Error("no CORS")
			}
		}
		r, err := http.Get(w.URL + "/acme/nobody/directory")
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Body.Close()
		if r.StatusCode != 404 {
			t.Errorf("an unknown directory: %d", r.StatusCode)
		}
		w.change(t, cred, func(c *core.Credential) { c.State, c.Default = core.CredentialRevoked, false })
		if r, err = http.Get(w.URL + "/acme/first/directory"); err != nil {
			t.Fatal(err)
		}
		_ = r.Body.Close()
		if r.StatusCode != 403 {
			t.Errorf("the directory of a revoked credential: %d", r.StatusCode)
		}
	})
}

// TestOrderStatus walks what can be wrong with an order.
func TestOrderStatus(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{}, func(c *core.Credential) { c.AllowedNames = []string{".example.internal"} }))
		many := make([]core.Identifier, 120)
		for i := range many {
			many[i] = core.Identifier{Type: "dns", Value: strings.Repeat("a", i%60+1) + "." + strings.Repeat("b", i/60%60+1) + ".example.internal"}
		}
		for name, x := range map[string]struct {
			payload map[string]any
			status  int
			typ     string
		}{
			"no identifiers":     {map[string]any{}, 400, "malformed"},
			"unknown type":       {map[string]any{"identifiers": ids("email=a@b.example")}, 400, "unsupportedIdentifier"},
			"U-label":            {map[string]any{"identifiers": ids("bücher.example.internal")}, 400, "malformed"},
			"empty label":        {map[string]any{"identifiers": ids("a..example.internal")}, 400, "malformed"},
			"address as name":    {map[string]any{"identifiers": ids("192.0.2.1")}, 400, "malformed"},
			"name as address":    {map[string]any{"identifiers": ids("ip=a.example")}, 400, "malformed"},
			"mapped address":     {map[string]any{"identifiers": ids("ip=::ffff:192.0.2.1")}, 400, "malformed"},
			"inner wildcard":     {map[string]any{"identifiers": ids("a.*.example.internal")}, 400, "malformed"},
			"not allowed":        {map[string]any{"identifiers": ids("a.elsewhere.internal")}, 400, "rejectedIdentifier"},
			"unknown profile":    {map[string]any{"identifiers": ids("a.example.internal"), "profile": "nothing"}, 400, "invalidProfile"},
			"too many":           {map[string]any{"identifiers": many}, 400, "malformed"},
			"times":              {map[string]any{"identifiers": ids("a.example.internal"), "notAfter": "tomorrow"}, 400, "malformed"},
			"past":               {map[string]any{"identifiers": ids("a.example.internal"), "notAfter": "2001-01-01T00:00:00Z"}, 400, "malformed"},
			"replaces malformed": {map[string]any{"identifiers": ids("a.example.internal"), "replaces": "x"}, 400, "malformed"},
			"replaces unknown":   {map[string]any{"identifiers": ids("a.example.internal"), "replaces": "AAAA.AAAB"}, 404, "malformed"},
			"device":             {map[string]any{"identifiers": ids("permanent-identifier=X1")}, 400, "rejectedIdentifier"},
		} {
			a := c.post("new-order", mustJSON(x.payload))
			if got := strings.TrimPrefix(a.problem.Type, "urn:ietf:params:acme:error:"); a.status != x.status || got != x.typ {
				t.Errorf("%s: %d %s (%s), want %d %s", name, a.status, got, a.problem.Detail, x.status, x.typ)
			}
		}
		// Several faults have a subproblem each.
		a := c.post("new-order", mustJSON(map[string]any{"identifiers": ids("a.elsewhere.internal", "b.elsewhere.internal", "c.example.internal")})).want(t, 400, "rejectedIdentifier")
		if len(a.problem.Subproblems) != 2 || a.problem.Subproblems[1].Identifier == nil || a.problem.Subproblems[1].Identifier.Value != "b.elsewhere.internal" ||
			!strings.Contains(a.problem.Subproblems[0].Detail, "first") {
			t.Errorf("%+v", a.problem)
		}
		if a = c.post("new-order", mustJSON(map[string]any{"identifiers": ids("a..b", "email=x")})); a.problem.Type != "urn:ietf:params:acme:error:compound" {
			t.Errorf("%+v", a.problem)
		}
	})
}

// TestFinalizeStatus walks what can be wrong with a certificate request.
func TestFinalizeStatus(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{}))
		o, url := c.order("a.example.internal", "b.example.internal")
		both := []string{"a.example.internal", "b.example.internal"}
		request := func(s string) string { return mustJSON(map[string]string{"csr": s}) }
		good := request(csr(t, ecKey(t), "", both...))
		c.post(o.Finalize, good).want(t, 403, "orderNotReady")
		c.prove(o, "")
		for name, s := range map[string]string{
			"nothing": "", "no base64": "++", "no CSR": "AAAA",
			"one name":    csr(t, ecKey(t), "", both[0]),
			"one more":    csr(t, ecKey(t), "", both[0], both[1], "c.example.internal"),
			"another":     csr(t, ecKey(t), "", both[0], "c.example.internal"),
			"account key": csr(t, c.key, "", both...),
			"forged":      forge(t, csr(t, ecKey(t), "", both...)),
		} {
			a := c.post(o.Finalize, request(s))
			if a.status != 400 || !strings.HasSuffix(a.problem.Type, ":badCSR") {
				t.Errorf("%s: %d %+v", name, a.status, a.problem)
			}
		}
		// None of that has spoilt the order.
		if got := into[orderDoc](t, c.post(url, "")); got.Status != "ready" {
			t.Fatalf("%+v", got)
		}
		c.post(o.Finalize, good).want(t, 200, "")
		if a := c.post(o.Finalize, good).want(t, 200, ""); into[orderDoc](t, a).Status != "valid" {
			t.Errorf("the same again: %s", a.body)
		}
		c.post(o.Finalize, request(csr(t, ecKey(t), "", both...))).want(t, 403, "orderNotReady")

		// Somebody else's order.
		other := w.user(t, c.cred)
		other.post(url, "").want(t, 404, "malformed")
		other.post(o.Finalize, good).want(t, 404, "malformed")
		other.post(into[orderDoc](t, c.post(url, "")).Certificate, "").want(t, 404, "malformed")
		other.post(o.Authorizations[0], "").want(t, 404, "malformed")
		other.post(o.Authorizations[0], `{"status":"deactivated"}`).want(t, 404, "malformed")
	})
}
