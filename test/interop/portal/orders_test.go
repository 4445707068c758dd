package portal_test

import (
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"testing"

	"github.com/certwright/certwright/internal/api/client"
	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/test/interop/harness"
)

// pdf is a document of one empty page.
const pdf = "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n" +
	"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\ntrailer<</Size 4/Root 1 0 R>>\n%%EOF\n"

// TestOrders brings orders from every state in which they wait to their
// certificate, through their pages, with bad input first.
func TestOrders(t *testing.T) {
	b := browse(t)
	ca := harness.StartCA(t, harness.Options{})
	web := harness.Serve(t, fmt.Sprintf("127.0.0.1:%d", ca.HTTPPort), &shelf{kept: map[string][]byte{}})
	a, dir := ca.Admin, b.dir
	rita := login(t, ca.Server, a, "rita", core.RoleRequester)
	audrey := login(t, ca.Server, a, "audrey", core.RoleAuditor)
	vera := login(t, ca.Server, a, "vera", core.RoleValidator)
	org, err := a.CreateOrganisation(t.Context(), resource.OrganisationFields{Name: "Analytical Engines", Country: "GB", State: "London", Locality: "London", Email: "legal@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.UpdateGroup(t.Context(), a.Group, resource.GroupFields{Name: "default", Organisation: org.ID}); err != nil {
		t.Fatal(err)
	}
	settings := map[string]any{"base": ca.Main, "password": a.Password, "dns": ca.DNS.Control, "web": web, "requester": rita.password, "auditor": audrey.password, "validator": vera.password,
		"pdf": harness.WriteFile(t, dir, "passport.pdf", []byte(pdf)), "text": harness.WriteFile(t, dir, "passport.txt", []byte("a photograph")),
		"big": harness.WriteFile(t, dir, "big.pdf", make([]byte, core.MaxDocument+1))}
	for _, name := range []string{"one.orders.test", "ov.orders.test", "other.orders.test", "private.orders.test", "again.orders.test", ""} {
		settings["csr "+name], _ = harness.CSR(t, name)
	}
	block, _ := pem.Decode([]byte(settings["csr private.orders.test"].(string)))
	settings["der"] = harness.WriteFile(t, dir, "private.der", block.Bytes)
	ov := a.ProductLike(t, "ssl-ov", "ov-manual", func(p *core.Profile) { p.Approval = "manual" })
	smime := a.ProductLike(t, "smime", "smime-proven", func(p *core.Profile) { p.ValidateNames = true })
	orders := map[string]resource.NewOrderRequest{
		"signer": {Product: "document-signer-natural-person", Subject: core.DN{{Type: "CN", Value: "Ann Example"}}},
		"ov":     {Product: string(ov.ID), Domain: "ov.orders.test", Organisation: org.ID},
		"mail":   {Product: string(smime.ID), Names: []string{"email:ann@mail.orders.test"}, Subject: core.DN{{Type: "CN", Value: "Ann Example"}}},
		"csr":    {Product: "tls-server", Domain: "waits.orders.test"},
	}
	for name, o := range orders {
		o.Group = a.Group
		made, err := rita.RequestOrder(t.Context(), o, "")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		settings[name] = "/orders/" + string(made.ID)
	}
	b.drive("orders.mjs", settings)
	if got, err := os.ReadFile(dir + "/downloaded.pdf"); err != nil || string(got) != pdf {
		t.Errorf("the downloaded document has %d octets, %v", len(got), err)
	}
}

// user is somebody who signed in.
type user struct {
	*client.Client
	password string
}

// login makes a person with a role in the default group and a password.
func login(t *testing.T, s *harness.Server, a *harness.Admin, name string, role core.Role) user {
	t.Helper()
	ctx := t.Context()
	g := core.Grant{Role: role, Group: a.Group}
	if role == core.RoleAuditor {
		g.Group = ""
	}
	made, err := a.CreateUser(ctx, resource.NewUser{Login: name, Groups: []core.GroupID{a.Group}, Grants: []core.Grant{g}})
	if err != nil {
		t.Fatal(err)
	}
	u := user{password: a.Password + "-" + name}
	s.Secret(made.Password, u.password)
	if u.Client, err = client.New(client.Config{BaseURL: s.Main, Roots: s.Roots}); err != nil {
		t.Fatal(err)
	}
	if _, err := u.SignIn(ctx, name, made.Password); err != nil {
		t.Fatal(err)
	}
	if err := u.ChangePassword(ctx, made.Password, u.password); err != nil {
		t.Fatal(err)
	}
	return u
}

// shelf is the web server of the domains: PUT keeps a file, GET gives it.
type shelf struct {
	mu   sync.Mutex
	kept map[string][]byte
}

// ServeHTTP implements http.Handler.
func (f *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch text, ok := f.kept[r.URL.Path]; {
	case r.Method == http.MethodPut:
		f.kept[r.URL.Path], _ = io.ReadAll(io.LimitReader(r.Body, 4096))
	case ok:
		_, _ = w.Write(text)
	default:
		http.NotFound(w, r)
	}
}
