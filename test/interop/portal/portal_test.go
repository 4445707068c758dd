// Package portal_test drives the web portal of the shipped binary with
// playwright-core in Debian's Chromium, and judges every page with axe-core.
package portal_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"github.com/certwright/certwright/internal/api/client"
	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/house/need"
	"github.com/certwright/certwright/test/interop/harness"
)

// hosts is how many certificates there are to look at: more than a page.
const hosts = 30

func TestPortal(t *testing.T) {
	b := browse(t)
	server := harness.Start(t, harness.Options{})
	if built, err := os.ReadDir(filepath.Join("..", "..", "..", "internal", "portal", "pages", "app", "assets")); err != nil || len(built) == 0 {
		need.Missing(t, "the built portal (make build)")
	}
	admin := server.Admin(t)
	routes := fill(t, admin)
	everyRoute(t, routes)
	requester := person(t, server, admin)
	dir := b.dir
	b.drive("drive.mjs", map[string]any{"base": server.Main, "password": admin.Password,
		"routes": routes, "group": "default", "requester": map[string]string{"login": "requester", "password": requester}})
	files(t, dir)
}

// judged are the pages that need more than fill makes, and the script that gives
// them to axe in light and dark.
var judged = map[string]string{
	"/integrations/acme/:list/:id": "operations.mjs", "/settings/providers/:id": "federation.mjs", "/products/:id/edit": "forms.mjs", "/jobs/:id": "forms.mjs", "/settings/agreements/:id": "operations.mjs", "/setup": "setup.mjs",
}

// everyRoute checks that each path of the portal is opened by a page of routes
// or by another script.
func everyRoute(t *testing.T, routes []string) {
	t.Helper()
	app := string(harness.ReadFile(t, filepath.Join("..", "..", "..", "web", "src"), "App.tsx"))
	paths := regexp.MustCompile(`<Route path="([^"]+)"`).FindAllStringSubmatch(app, -1)
	if len(paths) < 40 {
		t.Fatalf("%d paths in App.tsx", len(paths))
	}
	param := regexp.MustCompile(`:[a-z]+`)
	for _, p := range paths {
		form := regexp.MustCompile("^" + param.ReplaceAllString(p[1], `[^/?]+`) + `(\?.*)?$`)
		if !slices.ContainsFunc(routes, form.MatchString) && judged[p[1]] == "" {
			t.Errorf("no test opens %s", p[1])
		}
	}
}

// fill makes something to look at and returns the paths of all pages.
func fill(t *testing.T, a *harness.Admin) []string {
	t.Helper()
	ctx := t.Context()
	routes := []string{"/", "/certificates", "/certificates/deployment-requests", "/orders", "/orders/new", "/orders/request", "/domains", "/organisations", "/organisations/vetting", "/groups", "/users", "/users/roles", "/integrations/apis",
		"/integrations/apis/new", "/integrations/acme", "/integrations/acme/acme-accounts", "/integrations/acme/acme-authorizations", "/integrations/acme/renewal-pulls",
		"/products", "/products/new", "/issuers", "/issuers/new", "/issuers/hierarchy", "/import", "/import?tab=lists", "/tags", "/audit", "/jobs", "/settings", "/settings/agreements", "/settings/agreements/new", "/settings/providers", "/settings/providers/new", "/me", "/me/tokens", "/certificates?filter=common_name:contains:none"}
	for i := range hosts {
		name := fmt.Sprintf("host%d.example.internal", i)
		got, err := a.CreateOrder(ctx, resource.NewOrder{Product: "tls-server", Generate: "ECDSA P-256", Names: []string{name}, Group: a.Group,
			Subject: core.DN{{Type: "CN", Value: name}}, ValidityDays: []int{1, 5, 20, 60}[i%4]}, "")
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			c := "/certificates/" + string(got.Certificate.ID)
			routes = append(routes, c, c+"?tab=x509", c+"?tab=chain", c+"?tab=deployment", c+"?tab=history", "/orders/"+string(got.Order.ID))
			product, issuer := "/products/"+string(got.Order.Product), "/issuers/"+string(got.Order.Issuer)
			routes = append(routes, product, product+"?tab=try", product+"?tab=rules", product+"?tab=history", issuer, issuer+"?tab=x509", issuer+"?tab=chain", issuer+"?tab=history")
		}
	}
	o, err := a.CreateOrganisation(ctx, resource.OrganisationFields{Name: "Example", Country: "GB"})
	if err != nil {
		t.Fatal(err)
	}
	org := "/organisations/" + string(o.ID)
	v, err := a.AskVetting(ctx, resource.NewVetting{Organisation: o.ID, Purpose: core.PurposeOV})
	if err != nil {
		t.Fatal(err)
	}
	d, err := a.RegisterDomain(ctx, resource.NewDomain{Name: "pages.example", Group: a.Group})
	if err != nil {
		t.Fatal(err)
	}
	credential := "/integrations/apis/" + string(a.Credential(t, resource.NewCredential{}).ID)
	routes = append(routes, "/organisations/vetting/"+string(v.ID), "/domains/"+string(d.ID), credential, credential+"?tab=use", credential+"?tab=logs")
	return append(routes, org, org+"?tab=vetting", org+"?tab=evidence", org+"?tab=representatives", org+"?tab=consents", org+"?tab=history", "/groups/"+string(a.Group), "/users/"+string(a.Owner))
}

// person makes a requester with a password, who orders what must be approved.
func person(t *testing.T, s *harness.Server, a *harness.Admin) string {
	t.Helper()
	ctx := t.Context()
	made, err := a.CreateUser(ctx, resource.NewUser{Login: "requester", Groups: []core.GroupID{a.Group}, Grants: []core.Grant{{Role: core.RoleRequester, Group: a.Group}}})
	if err != nil {
		t.Fatal(err)
	}
	password := a.Password + "-2"
	s.Secret(made.Password, password)
	c, err := client.New(client.Config{BaseURL: s.Main, Roots: s.Roots})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.SignIn(ctx, "requester", made.Password); err != nil {
		t.Fatal(err)
	}
	if err := c.ChangePassword(ctx, made.Password, password); err != nil {
		t.Fatal(err)
	}
	manual := a.ProductLike(t, "tls-server", "manual", func(p *core.Profile) { p.Approval = "manual" })
	got, err := c.CreateOrder(ctx, resource.NewOrder{Product: string(manual.ID), Generate: "ECDSA P-256", Names: []string{"waits.example.internal"}, Group: a.Group}, "")
	if err != nil || got.Order.State != core.OrderApproval {
		t.Fatalf("%+v %v", got, err)
	}
	return password
}

// files compares the three exports with what was filtered and chosen.
func files(t *testing.T, dir string) {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(harness.ReadFile(t, dir, "certificates.csv"))).ReadAll()
	if err != nil || len(rows) != hosts+1 || strings.Join(rows[0], "|") != "Number|Common name|State|Valid to|Issuer" {
		t.Fatalf("CSV: %d rows, %v", len(rows), err)
	}
	book, err := excelize.OpenFile(filepath.Join(dir, "certificates.xlsx"))
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	cells, err := book.GetRows("Certificates")
	if err != nil || len(cells) != len(rows) {
		t.Fatalf("Excel: %d rows, %v", len(cells), err)
	}
	text := ""
	if tool, ok := need.Find("pdftotext"); ok {
		text = harness.RunEnv(t, dir, nil, tool, "-layout", "certificates.pdf", "-")
	} else {
		need.Missing(t, "program pdftotext (Debian package poppler-utils)")
	}
	var shown [][]string // the cells of the page, whose first ones may be for marking rows
	if err := json.Unmarshal(harness.ReadFile(t, dir, "shown.json"), &shown); err != nil || len(shown) == 0 {
		t.Fatalf("%d rows were shown: %v", len(shown), err)
	}
	for i, r := range shown {
		if c := cells[i+1]; !slices.Contains(r, c[1]) || !slices.Contains(r, c[2]) || !slices.Contains(r, c[4]) || !strings.Contains(text, c[2]) {
			t.Errorf("row %d: shown %v, Excel %v", i+1, r, c)
		}
	}
	for i, r := range rows[1:] {
		name := fmt.Sprintf("host%d.example.internal", i)
		if r[1] != name || cells[i+1][1] != name || cells[i+1][0] != r[0] || r[2] != "active" || cells[i+1][2] != "Active" || cells[i+1][4] != r[4] || strings.Contains(r[4], "-0000-") || !strings.Contains(text, name) {
			t.Errorf("row %d: CSV %v, Excel %v", i+1, r, cells[i+1])
		}
	}
}
