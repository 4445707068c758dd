package acme_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/protocol/acme"
	"github.com/certwright/certwright/internal/store/storetest"
)

// TestBehindProxy: what counts is the URL under which clients know the server,
// not the one at which a proxy reaches it.
func TestBehindProxy(t *testing.T) {
	const external = "https://pki.example.com"
	w := newWorld(t, storetest.SQLite(t), func(d *acme.Deps) { d.BaseURL = func() string { return external } })
	cred := w.credential(t, "first", core.ACMEOptions{EABOptional: true})
	c := w.client(t, cred)
	outside := func(s *shape) { s.header["url"] = strings.Replace(s.to, w.URL, external, 1) }
	c.post("new-account", `{}`).want(t, http.StatusBadRequest, "malformed")
	a := c.post("new-account", `{}`, outside).want(t, http.StatusCreated, "")
	if c.kid = a.header.Get("Location"); !strings.HasPrefix(c.kid, external+"/acme/first/acct/") {
		t.Fatalf("Location %q", c.kid)
	}
	if l := a.header.Get("Link"); !strings.HasPrefix(l, "<"+external+"/acme/first/directory>") {
		t.Errorf("Link %q", l)
	}
	a = c.post("new-order", mustJSON(map[string]any{"identifiers": ids("a.example.internal")}), outside).want(t, http.StatusCreated, "")
	if o := into[orderDoc](t, a); !strings.HasPrefix(o.Finalize, external+"/") || !strings.HasPrefix(o.Authorizations[0], external+"/") {
		t.Errorf("%+v", o)
	}
	c.post("new-order", mustJSON(map[string]any{"identifiers": ids("a.example.internal")})).want(t, http.StatusBadRequest, "malformed")
}
