package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/certwright/certwright/internal/core"
)

type ctxt = context.Context

func jsonOf(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestV2Parallel: sixteen identical creates with one key are one order and one
// answer; the key serves no other body; without a key they are sixteen.
func TestV2Parallel(t *testing.T) {
	v2Each(t, func(t *testing.T, w *v1World) {
		x := w.v2(t, w.oauth(t, v2Account, v1Products))
		body := privateBody(m{"csr": v2CSR(t, "app.example.internal")})
		all := func(change ...func(*http.Request)) []*v2Answer {
			got := make([]*v2Answer, 16)
			var wg sync.WaitGroup
			for i := range got {
				wg.Go(func() { got[i] = x.send("POST", "/private-pki-certificates", body, change...) })
			}
			wg.Wait()
			return got
		}
		got := all(header("Idempotency-Key", "one"))
		for i, a := range got {
			if a.status != http.StatusCreated || !bytes.Equal(a.raw, got[0].raw) || a.header.Get("Location") != got[0].header.Get("Location") || a.get("orderId") == "" {
				t.Fatalf("%d: %d %s and %s", i, a.status, a.raw, got[0].raw)
			}
		}
		first := got[0]
		x.must(204, "POST", "/private-pki-certificates/"+first.get("orderId")+"/revoke", m{"reason": "superseded"})
		if a := x.send("POST", "/private-pki-certificates", body, header("Idempotency-Key", "one")); !bytes.Equal(a.raw, first.raw) {
			t.Errorf("not the very first answer: %s, was %s", a.raw, first.raw)
		}
		if a := x.send("POST", "/private-pki-certificates", privateBody(m{"hostname": "two.example.internal"}), header("Idempotency-Key", "one")); a.status != 422 || a.number() != "947" {
			t.Errorf("another body: %d %s", a.status, a.raw)
		}
		if a := x.send("POST", "/ssl-certificates", dvBody(nil), header("Idempotency-Key", "one")); a.status != 422 {
			t.Errorf("another path: %d %s", a.status, a.raw)
		}
		other := w.v2(t, w.oauth(t, "9000000002", v1Products))
		if a := other.send("POST", "/private-pki-certificates", privateBody(nil), header("Idempotency-Key", "one")); a.status != 201 || a.get("orderId") == first.get("orderId") {
			t.Errorf("another credential's key: %d %s", a.status, a.raw)
		}
		if n := x.total("/reports/orders"); n != 2 {
			t.Fatalf("%d orders", n)
		}
		seen := map[string]bool{}
		for _, a := range all() {
			seen[a.get("orderId")] = true
		}
		if len(seen) != 16 {
			t.Errorf("%d orders without a key", len(seen))
		}
		// What is refused before an order stands is judged anew each time.
		bad := privateBody(m{"csr": "nonsense"})
		for range 2 {
			if a := x.send("POST", "/private-pki-certificates", bad, header("Idempotency-Key", "two")); a.status != 422 || a.number() != "921" {
				t.Errorf("%d %s", a.status, a.raw)
			}
		}
		x.must(201, "POST", "/private-pki-certificates", privateBody(nil), header("Idempotency-Key", "two"))
		// The first answer outlives the row that repeats it to the letter.
		if _, err := w.DB.ForgetREST(t.Context(), w.Now(), w.Now().AddDate(1, 0, 0)); err != nil {
			t.Fatal(err)
		}
		if a := x.send("POST", "/private-pki-certificates", body, header("Idempotency-Key", "one")); a.status != 201 || a.get("orderId") != first.get("orderId") || a.get("status") != "revoked" {
			t.Errorf("after the answer was forgotten: %d %s", a.status, a.raw)
		}
	})
}

// total is the number of rows of a list.
func (x *v2Client) total(path string) int {
	x.t.Helper()
	n, _ := x.must(200, "GET", path, nil).body["totalElements"].(float64)
	return int(n)
}

// TestV2Foreign: what belongs to another group does not exist.
func TestV2Foreign(t *testing.T) {
	v2Each(t, func(t *testing.T, w *v1World) {
		x := w.v2(t, w.oauth(t, v2Account, v1Products))
		w.proven(t, "example.com")
		dv := x.must(201, "POST", "/ssl-certificates", issuedDVBody(t)).get("orderId")
		signer := x.must(201, "POST", "/signature-certificates", signerBody()).get("orderId")
		draft := x.must(201, "POST", "/private-pki-certificates", privateBody(m{"saveAsDraft": true})).get("requestId")
		domain := x.must(200, "GET", "/domains", nil).get("content", "0", "domainId")
		cert := x.must(200, "GET", "/certificates", nil).get("content", "0", "certificateId")
		g := &core.Group{ID: core.NewID[core.GroupID](w.Now()), Account: w.Account, Number: 2, Name: "Other", CreatedAt: w.Now(), UpdatedAt: w.Now()}
		if err := w.DB.InTx(t.Context(), func(ctx ctxt, tx core.Tx) error { return w.DB.InsertGroup(ctx, tx, g) }); err != nil {
			t.Fatal(err)
		}
		other := w.v2(t, w.oauth(t, "9000000002", v1Products, func(c *core.Credential) { c.Group = g.ID }))
		poor := w.v2(t, w.oauth(t, "9000000003", []string{"tls-client"}))
		csr := v2CSR(t, "shop.example.com")
		for _, c := range []struct {
			method, path string
			body         any
		}{
			{"GET", "/ssl-certificates/" + dv, nil}, {"GET", "/ssl-certificates/" + dv + "/dcv", nil}, {"GET", "/ssl-certificates/" + dv + "/certificate", nil},
			{"POST", "/ssl-certificates/" + dv + "/dcv/verify", m{"domain": "shop.example.com", "method": "dns-txt"}}, {"PUT", "/ssl-certificates/" + dv + "/csr", m{"csr": csr}},
			{"POST", "/ssl-certificates/" + dv + "/agreement", m{"agreement": signedAgreement()}}, {"POST", "/ssl-certificates/" + dv + "/cancel", m{"reason": "x"}},
			{"POST", "/ssl-certificates/" + dv + "/reject", m{"reason": "x"}}, {"POST", "/ssl-certificates/" + dv + "/revoke", m{"reason": "superseded"}},
			{"POST", "/ssl-certificates/" + dv + "/suspend", nil}, {"POST", "/ssl-certificates/" + dv + "/resume", nil}, {"POST", "/ssl-certificates/" + dv + "/reissue", m{"mode": "rekey", "reason": "x"}},
			{"GET", "/signature-certificates/" + signer + "/documents", nil}, {"POST", "/private-pki-certificates/requests/" + draft + "/cancel", m{"reason": "x"}},
			{"GET", "/certificates/" + cert, nil}, {"POST", "/certificates/" + cert + "/deployments", m{}}, {"GET", "/certificates/" + cert + "/deployments", nil},
		} {
			for _, who := range []*v2Client{other, poor} {
				if a := who.send(c.method, c.path, c.body); a.status != 404 || a.number() != "943" {
					t.Errorf("%s %s of others: %d %s", c.method, c.path, a.status, a.raw)
				}
			}
		}
		for _, c := range []string{"GET /domains/" + domain, "GET /domains/" + domain + "/dcv", "GET /domains/" + domain + "/dcv/attempts", "POST /domains/" + domain + "/deactivate"} {
			method, path, _ := strings.Cut(c, " ")
			if a := other.send(method, path, nil); a.status != 404 {
				t.Errorf("%s: %d %s", c, a.status, a.raw)
			}
		}
		for _, path := range []string{"/reports/orders", "/reports/ledger", "/certificates", "/domains"} {
			if n := other.total(path); n != 0 {
				t.Errorf("%s shows %d rows of others", path, n)
			}
		}
		// Another family's path does not know the order either.
		if a := x.send("GET", "/private-pki-certificates/"+dv, nil); a.status != 404 {
			t.Errorf("%d %s", a.status, a.raw)
		}
	})
}

func issuedDVBody(t *testing.T) m {
	return dvBody(m{"agreement": signedAgreement(), "csr": v2CSR(t, "shop.example.com")})
}

// TestV2BadInput: nothing that a client sends gives a 5xx or an order.
func TestV2BadInput(t *testing.T) {
	v2Once(t, func(t *testing.T, w *v1World) {
		x := w.v2(t, w.oauth(t, v2Account, v1Products))
		w.Checks.set(noRecord(), nil)
		for _, c := range []struct {
			name, path string
			body       any
			status     int
			number     string
		}{
			{"10,000 names", "/ssl-certificates", dvBody(m{"certificate": m{"domain": "shop.example.com", "additionalDomains": manyNames(10_000)}}), 0, ""},
			{"300 names", "/ssl-certificates", dvBody(m{"certificate": m{"domain": "shop.example.com", "additionalDomains": manyNames(300)}}), 422, "917"},
			{"huge body", "/private-pki-certificates", privateBody(m{"remarks": strings.Repeat("x", 600_000)}), 413, "977"},
			{"long remarks", "/private-pki-certificates", privateBody(m{"remarks": strings.Repeat("x", 100_000)}), 422, "1188"},
			{"many tags", "/private-pki-certificates", privateBody(m{"tags": manyNames(101)}), 422, "1188"},
			{"long name", "/private-pki-certificates", privateBody(m{"requestor": m{"name": strings.Repeat("x", 300), "email": "a@b.example"}}), 422, "1188"},
			{"name of nothing", "/private-pki-certificates", privateBody(m{"hostname": "-bad-.example"}), 422, "917"},
			{"wrong type", "/private-pki-certificates", m{"variant": "intranet-ssl", "hostname": []int{1}}, 400, "1181"},
			{"wrong block", "/private-pki-certificates", privateBody(m{"requestor": "me"}), 400, "1181"},
			{"null blocks", "/private-pki-certificates", privateBody(m{"subscription": nil, "agreement": nil, "organization": nil, "tags": nil, "customFields": nil, "csr": nil}), 201, ""},
			{"numbers as text", "/private-pki-certificates", privateBody(m{"subscription": m{"validityYears": "1", "autoRenew": "0", "renewBeforeDays": "30"}, "emailNotifications": 0}), 201, ""},
			{"text as number", "/private-pki-certificates", privateBody(m{"subscription": m{"validityYears": "many"}}), 400, "1181"},
			{"no mail address", "/private-pki-certificates", privateBody(m{"requestor": m{"name": "A", "email": "A <a@b.example>"}}), 400, "916"},
			{"no phone", "/private-pki-certificates", privateBody(m{"requestor": m{"name": "A", "email": "a@b.example", "phone": "call me"}}), 400, "916"},
			{"unknown variant", "/ssl-certificates", dvBody(m{"productVariant": "xv"}), 400, "915"},
			{"long name without names", "/ssl-certificates", dvBody(m{"productVariant": "dv-ucc"}), 422, "917"},
			{"wildcard with www", "/ssl-certificates", dvBody(m{"certificate": m{"domain": "*.example.com", "autoSecureWww": true}}), 422, "917"},
			{"wildcard without star", "/ssl-certificates", dvBody(m{"productVariant": "dv-wildcard"}), 422, "917"},
			{"foreign group", "/private-pki-certificates", privateBody(m{"groupNumber": "1000000777"}), 422, "1180"},
			{"foreign profile", "/private-pki-certificates", privateBody(m{"caProfileId": "other"}), 422, "915"},
			{"key twice", "/private-pki-certificates", privateBody(m{"generateKey": "RSA 3072", "csr": v2CSR(t, "app.example.internal")}), 422, "921"},
			{"key that stays", "/private-pki-certificates", privateBody(m{"generateKey": "ECDSA P-256"}), 422, "921"},
			{"unknown key", "/smime-certificates", m{"requestor": ada("example.com"), "email": "ada@example.com", "generateKey": "ROT 13"}, 0, ""},
			{"forged draft", "/private-pki-certificates", privateBody(m{"requestId": "x"}), 422, "1005"},
			{"no organization", "/ssl-certificates", dvBody(m{"productVariant": "ev", "organization": m{"organizationNumber": "1000055"}}), 422, "1180"},
			{"no subject type", "/signature-certificates", m{"requestor": ada("example.com")}, 400, "915"},
			{"no mail", "/smime-certificates", m{"requestor": ada("example.com"), "email": "nobody"}, 400, "917"},
			{"no domain", "/domains", m{}, 422, "1157"},
			{"no such method", "/domains", m{"domainName": "example.com", "dcvMethod": "pigeon"}, 400, "1159"},
		} {
			a := x.send("POST", c.path, c.body)
			if a.status >= 500 || c.status != 0 && (a.status != c.status || a.number() != c.number) || c.status == 0 && a.status < 400 {
				t.Errorf("%s: %d %.300s, want %d %s", c.name, a.status, a.raw, c.status, c.number)
			}
		}
		for path, status := range map[string]int{
			"/reports/orders?page=-1": 400, "/reports/orders?page=x": 400, "/reports/orders?page=99999999999999999999": 400, "/reports/orders?page=0&size=0": 200,
			"/reports/orders?page=987654&size=100": 200, "/reports/orders?from=yesterday": 400, "/reports/orders?from=2026-01-01&to=2026-12-31": 200, "/reports/orders?groupNumber=7": 422,
			"/domains?limit=0&offset=0": 200, "/domains?limit=100000": 200, "/domains?offset=-3": 400, "/domains?sortBy=colour": 400, "/domains?sortDir=up": 400, "/domains?domainStatus=ODD": 400,
			"/domains?fromDate=2026-01-01&toDate=2026-12-31T00:00:00Z&includePending=false": 200, "/domains/x": 404, "/domains/x/dcv/attempts/last": 404, "/certificates?status=odd": 400, "/certificates/x": 404,
			"/organizations/x": 404, "/catalog/products/x/custom-fields": 404, "/nothing": 404, "/ssl-certificates/abc": 404, "/ssl-certificates/1": 404,
			"/ssl-certificates/99999999999999999999": 404, "/signature-certificates/1000000001/other/thing": 404,
		} {
			if a := x.send("GET", path, nil); a.status != status {
				t.Errorf("%s: %d %s, want %d", path, a.status, a.raw, status)
			}
		}
		for _, body := range []string{"", "null", "[]", "7", "{", `{"csr":1}x`, "\xff\xfe", strings.Repeat(`{"a":`, 20_000)} {
			for _, path := range []string{"/private-pki-certificates", "/ssl-certificates", "/signature-certificates", "/smime-certificates", "/domains"} {
				if a := x.do("POST", path, "application/json", []byte(body)); a.status < 400 || a.status >= 500 || a.number() == "" {
					t.Errorf("%s with %.20q: %d %s", path, body, a.status, a.raw)
				}
			}
		}
	})
}

// TestV2Documents: what is no document of an order.
func TestV2Documents(t *testing.T) {
	v2Each(t, func(t *testing.T, w *v1World) {
		x := w.v2(t, w.oauth(t, v2Account, v1Products))
		path := "/signature-certificates/" + x.must(201, "POST", "/signature-certificates", signerBody()).get("orderId") + "/documents"
		big := append(bytes.Clone(v2PDF), make([]byte, core.MaxDocument)...)
		for name, c := range map[string]struct {
			contentType string
			body        []byte
			status      int
		}{
			"no multipart":  {"application/json", []byte("{}"), 415},
			"no boundary":   {"multipart/form-data", []byte("x"), 415},
			"broken":        {"multipart/form-data; boundary=xYx", []byte("--xYx\r\nContent-Disposition: form-data; name=\"a\"; filename=\"a.pdf\"\r\n\r\n%PDF"), 400},
			"empty":         {"multipart/form-data; boundary=xYx", []byte("--xYx--\r\n"), 400},
			"too many":      {"multipart/form-data; boundary=xYx", []byte(strings.Repeat("--xYx\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n", 70) + "--xYx--\r\n"), 400},
			"over the line": {"multipart/form-data; boundary=xYx", make([]byte, 17<<20), 413},
		} {
			if a := x.do("POST", path, c.contentType, c.body); a.status != c.status || a.number() == "" {
				t.Errorf("%s: %d %.200s, want %d", name, a.status, a.raw, c.status)
			}
		}
		for name, content := range map[string][]byte{"too large": big, "no PDF": []byte("MZ\x00\x00 program")} {
			if a := x.upload(path, "a.pdf", content); a.status != 413 && a.status != 415 {
				t.Errorf("%s: %d %s", name, a.status, a.raw)
			}
		}
		a := x.upload(path, `C:\temp\passport.pdf`, v2PDF)
		if a.status != 201 || strings.ContainsAny(a.get("documents", "0", "fileName"), `/\`) {
			t.Fatalf("%d %s", a.status, a.raw)
		}
		one := path + "/" + a.get("documents", "0", "documentId")
		if got := x.send("GET", one, nil); got.status != 200 || !bytes.Equal(got.raw, v2PDF) || got.header.Get("Content-Type") != "application/pdf" {
			t.Errorf("%d %q", got.status, got.raw)
		}
		if got := x.send("GET", path+"/"+core.NewID[string](w.Now()), nil); got.status != 404 {
			t.Errorf("%d %s", got.status, got.raw)
		}
	})
}

// TestV2Headers: what every answer says, and what is not taken.
func TestV2Headers(t *testing.T) {
	v2Once(t, func(t *testing.T, w *v1World) {
		x := w.v2(t, w.oauth(t, v2Account, v1Products))
		for _, accept := range []string{"", "*/*", "application/*", "application/json; q=0.5, text/html", "text/html, application/problem+json"} {
			if a := x.do("GET", "/auth/me", "", nil, header("Accept", accept)); a.status != 200 || a.header.Get("X-API-Version") != "2.0.0" {
				t.Errorf("Accept %q: %d", accept, a.status)
			}
		}
		for _, accept := range []string{"text/html", "application/json;q=0", "nonsense"} {
			if a := x.do("GET", "/auth/me", "", nil, header("Accept", accept)); a.status != 406 {
				t.Errorf("Accept %q: %d", accept, a.status)
			}
		}
		if a := x.do("HEAD", "/auth/me", "", nil); a.status != 200 || len(a.raw) != 0 {
			t.Errorf("HEAD: %d %s", a.status, a.raw)
		}
		for _, auth := range []string{"", "Bearer", "Bearer ", "Basic " + x.token, "Bearer " + x.token + "x", "bearer " + strings.Repeat("a", 43)} {
			a := x.do("GET", "/groups", "", nil, header("Authorization", auth))
			if a.status != 401 || a.number() != "1065" || a.header.Get("WWW-Authenticate") == "" || a.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("Authorization %q: %d %s", auth, a.status, a.raw)
			}
		}
		for i, path := range []string{"/ssl-certificates", "/domains/" + core.NewID[string](w.Now()) + "/dcv/method", "/ssl-certificates/requests/1000000001/cancel"} {
			if a := x.send("DELETE", path, nil); a.status != 405 || a.header.Get("Allow") != []string{"POST", "PATCH", "POST"}[i] {
				t.Errorf("%s: %d %q", path, a.status, a.header.Get("Allow"))
			}
		}
		if a := x.send("DELETE", "/domains", nil); a.header.Get("Allow") != "GET, HEAD, POST" {
			t.Error(fmt.Sprint(a.header))
		}
	})
}
