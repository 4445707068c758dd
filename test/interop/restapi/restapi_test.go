// Package restapi_test drives the order API at the shipped binary with curl, jq
// and openssl as its page says, with the script for pipelines, and by hand:
// through kills, and at two replicas at once.
package restapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/house/need"
	"github.com/certwright/certwright/test/interop/harness"
)

const prefix = "/api/certinext/v2"

func slow(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts the server")
	}
	t.Parallel()
}

// tools are the programs that the page needs.
func tools(t *testing.T) {
	t.Helper()
	for _, p := range []string{"curl", "jq", "openssl"} {
		need.Program(t, p, p)
	}
}

// client makes an OAuth credential for both products of the page.
func client(t *testing.T, a *harness.Admin, products ...string) *harness.Credential {
	t.Helper()
	if len(products) == 0 {
		products = []string{"ssl-dv", "tls-server"}
	}
	return a.REST(t, resource.NewCredential{Auth: core.AuthOAuth, Products: products})
}

// token gets one from a server.
func token(t *testing.T, h *http.Client, base string, c *harness.Credential) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/oauth/token", strings.NewReader("grant_type=client_credentials"))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(c.PublicID, c.Secret)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := h.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer := harness.JSON[struct {
		AccessToken string `json:"access_token"`
	}](t, res)
	if res.StatusCode != http.StatusOK || answer.AccessToken == "" {
		t.Fatalf("no token: %s", res.Status)
	}
	return answer.AccessToken
}

// wish is an order to be made, the same however often it is sent.
type wish struct {
	key  string // Idempotency-Key
	name string
	csr  string
}

func newWish(t *testing.T, name string) *wish {
	t.Helper()
	_, csr := harness.CSR(t, name)
	return &wish{key: "interop-" + name, name: name, csr: csr}
}

// ordered is the part of an answer that the tests look at.
type ordered struct {
	OrderID string `json:"orderId"`
	Status  string `json:"status"`
	Detail  string `json:"detail"`
}

// send sends a wish. An error is one of the network, or of a server that
// cannot say yes or no.
func (w *wish) send(h *http.Client, base, token string) (*ordered, error) {
	status, text, err := harness.Send(h, http.MethodPost, base+prefix+"/private-pki-certificates", token, http.Header{"Idempotency-Key": {w.key}},
		map[string]any{"variant": "intranet-ssl", "hostname": w.name, "requestor": map[string]string{"name": "Ada Lovelace", "email": "ada@example.internal"}, "csr": w.csr})
	if err != nil {
		return nil, err
	}
	if status != http.StatusCreated && status != http.StatusOK {
		return nil, fmt.Errorf("%s: %d %s", w.name, status, text)
	}
	o := &ordered{}
	return o, json.Unmarshal(text, o)
}

// get reads something of the API.
func get[T any](t *testing.T, h *http.Client, base, token, path string) T {
	t.Helper()
	status, text, err := harness.Send(h, http.MethodGet, base+prefix+path, token, nil, nil)
	if err != nil || status != http.StatusOK {
		t.Fatalf("%s: %d %v %s", path, status, err, text)
	}
	var v T
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}
