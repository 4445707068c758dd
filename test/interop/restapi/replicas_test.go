package restapi_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/store/storetest"
	"github.com/certwright/certwright/test/interop/harness"
)

// pair is two replicas on one PostgreSQL database, behind a front that gives
// each request to the next.
type pair struct {
	*harness.CA
	b     *harness.Server
	front *harness.Front
}

func startPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{CA: harness.NewCA(t), front: harness.NewFront(t)}
	o := harness.Options{Database: storetest.PostgresURL(t), Args: append(p.Args(), "--external-main", p.front.URL, "--kek", "file:"+filepath.Join(t.TempDir(), "kek"))}
	p.Server = harness.Start(t, o)
	p.Admin = p.Server.Admin(t)
	p.b = harness.Start(t, o)
	t.Cleanup(func() {
		p.b.Secret(p.Admin.Password, p.Admin.Token)
		p.b.Stop(t)
		p.b.CheckLog(t)
	})
	p.front.Add(t, p.Server)
	p.front.Add(t, p.b)
	return p
}

// many runs f at once, sixteen times.
func many(f func(i int)) {
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

// TestReplicas: what one replica gave, the other takes; what both are asked at
// once is done once.
func TestReplicas(t *testing.T) {
	slow(t)
	p := startPair(t)
	t.Run("token and proof", func(t *testing.T) {
		c := client(t, p.Admin)
		fromA := token(t, p.Client(), p.Main, c)
		if me := get[struct{ AccountNumber string }](t, p.b.Client(), p.b.Main, fromA, "/auth/me"); me.AccountNumber != c.PublicID {
			t.Errorf("%+v", me)
		}
		const name = "proof.example.internal"
		_, csr := harness.CSR(t, name)
		status, text, err := harness.Send(p.Client(), http.MethodPost, p.Main+prefix+"/ssl-certificates", fromA, nil, map[string]any{
			"productVariant": "dv", "requestor": map[string]string{"name": "Ada Lovelace", "email": "ada@example.internal"}, "csr": csr,
			"certificate": map[string]any{"domain": name, "autoSecureWww": false}, "agreement": map[string]any{"signerName": "Ada Lovelace", "signerPlace": "London", "accepted": true}})
		if err != nil || status != http.StatusCreated {
			t.Fatalf("%d %v %s", status, err, text)
		}
		var o ordered
		if err := json.Unmarshal(text, &o); err != nil {
			t.Fatal(err)
		}
		challenge := get[struct{ RecordName, RecordValue string }](t, p.Client(), p.Main, fromA, "/ssl-certificates/"+o.OrderID+"/dcv?domain="+name)
		p.DNS.Add(challenge.RecordName, "TXT", challenge.RecordValue)
		status, text, err = harness.Send(p.b.Client(), http.MethodPost, p.b.Main+prefix+"/ssl-certificates/"+o.OrderID+"/dcv/verify", fromA, nil, map[string]string{"domain": name, "method": "dns-txt"})
		if err != nil || status >= 300 {
			t.Fatalf("%d %v %s", status, err, text)
		}
		if r := get[ordered](t, p.Client(), p.Main, fromA, "/ssl-certificates/"+o.OrderID); r.Status != "issued" {
			t.Errorf("the order is %s", r.Status)
		}
	})
	t.Run("same order at once", func(t *testing.T) {
		c := client(t, p.Admin)
		bearer := token(t, p.front.Client(), p.front.URL, c)
		w := newWish(t, "same.example.internal")
		var orders [16]string
		many(func(i int) {
			r, err := w.send(p.front.Client(), p.front.URL, bearer)
			if err != nil {
				t.Error(err)
				return
			}
			orders[i] = r.OrderID
		})
		for _, o := range orders {
			if o != orders[0] || o == "" {
				t.Errorf("orders %q and %q of one wish", o, orders[0])
			}
		}
		if n, m := len(p.Admin.OrdersOf(t, c.ID)), len(p.Admin.CertificatesOf(t, c.ID)); n != 1 || m != 1 {
			t.Errorf("%d orders, %d certificates", n, m)
		}
	})
	t.Run("refresh token at once", func(t *testing.T) {
		c := client(t, p.Admin)
		first := p.form(t, c, url.Values{"grant_type": {"client_credentials"}})
		var won [16]bool
		many(func(i int) {
			a := p.form(t, c, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first.RefreshToken}})
			if won[i] = a.AccessToken != ""; !won[i] && a.Error != "invalid_grant" {
				t.Errorf("%+v", a)
			}
		})
		n := 0
		for _, w := range won {
			if w {
				n++
			}
		}
		if n != 1 {
			t.Errorf("a refresh token worked %d times", n)
		}
	})
	t.Run("v1 txn at once", func(t *testing.T) {
		c := p.Admin.REST(t, resource.NewCredential{Auth: core.AuthAccessKey})
		ts, txn := time.Now().UTC().Format(time.RFC3339), "interop0001"
		key := sha256.Sum256([]byte(c.Secret + ts + txn))
		body := map[string]any{"meta": map[string]string{"ver": "1.0", "ts": ts, "txn": txn, "accountNumber": c.PublicID, "authKey": hex.EncodeToString(key[:])}}
		var codes [16]string
		many(func(i int) {
			status, text, err := harness.Send(p.front.Client(), http.MethodPost, p.front.URL+"/emSignHub-API/ValidateCredentials", "", nil, body)
			var a struct {
				Meta struct{ Status, ErrorCode string }
			}
			if err == nil {
				err = json.Unmarshal(text, &a)
			}
			if err != nil || status != http.StatusOK {
				t.Errorf("%d %v %s", status, err, text)
			}
			codes[i] = a.Meta.Status + a.Meta.ErrorCode
		})
		count := map[string]int{}
		for _, c := range codes {
			count[c]++
		}
		if count["1"] != 1 || count["0EMS-947"] != len(codes)-1 {
			t.Errorf("one transaction number, at once: %v", count)
		}
	})
	t.Run("revoked at one", func(t *testing.T) {
		c := client(t, p.Admin)
		bearer := token(t, p.b.Client(), p.b.Main, c)
		get[any](t, p.b.Client(), p.b.Main, bearer, "/auth/me")
		if _, err := p.Admin.RevokeCredential(t.Context(), c.ID, "interop"); err != nil {
			t.Fatal(err)
		}
		if status, text, err := harness.Send(p.b.Client(), http.MethodGet, p.b.Main+prefix+"/auth/me", bearer, nil, nil); err != nil || status != http.StatusUnauthorized {
			t.Errorf("%d %v %s", status, err, text)
		}
	})
}

// grant is an answer of the token endpoint.
type grant struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	Error        string `json:"error"`
}

// form asks the token endpoint through the front.
func (p *pair) form(t *testing.T, c *harness.Credential, v url.Values) (g grant) {
	t.Helper()
	v.Set("client_id", c.PublicID)
	v.Set("client_secret", c.Secret)
	res, err := p.front.Client().Post(p.front.URL+"/oauth/token", "application/x-www-form-urlencoded", strings.NewReader(v.Encode()))
	if err != nil {
		t.Error(err)
		return g
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&g); err != nil {
		t.Error(fmt.Errorf("%s: %w", res.Status, err))
	}
	return g
}
