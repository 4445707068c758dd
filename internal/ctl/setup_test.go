package ctl

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/api/client"
	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// TestSetupChangesNothingTwice: what is as it shall be is only read.
func TestSetupChangesNothingTwice(t *testing.T) {
	f := newFake(t, false)
	st := resource.Setup{Known: true, Started: true, Closed: true, CAFixed: "the CAs were replaced already", Steps: []resource.SetupStep{
		{Step: "organisation", State: "done"}, {Step: "ca", State: "done"}, {Step: "trust", State: "done"}, {Step: "credential", State: "done"}, {Step: "security", State: "skipped"}}}
	root, issuing := resource.Issuer{ID: id[core.IssuerID](1), Name: "Root", Root: true}, resource.Issuer{ID: id[core.IssuerID](2), Name: "Issuing"}
	f.give("GET /setup", st)
	f.give("GET /organisations", resource.Page[resource.Organisation]{Items: []resource.Organisation{{ID: id[core.OrganisationID](3), Number: 1, Name: "Example", Country: "DE"}}})
	f.give("GET /issuers", resource.Page[resource.Issuer]{Items: []resource.Issuer{root, issuing}})
	f.give("GET /issuers/"+string(root.ID), resource.IssuerDetail{Issuer: root, PEM: "PEM of the root"})
	f.give("GET /credentials", resource.Page[resource.Credential]{Items: []resource.Credential{{ID: id[core.CredentialID](4)}}})
	file := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(file, []byte("PEM of the root\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"setup", "organisation", "Example", "--country", "DE"},
		{"setup", "cas", "--root", "Root", "--issuing", "Issuing"},
		{"setup", "trust", "--out", file},
		{"setup", "credential", "--type", "est", "--product", "tls-server", "--label", "web"},
		{"setup", "mark", "skipped", "security"},
		{"setup", "close"},
		{"setup", "show"},
	} {
		f.ctl(t, args...).ok(t)
	}
	for _, q := range f.requests {
		if q.Method != http.MethodGet {
			t.Errorf("%s %s", q.Method, q.Path)
		}
	}
	f.ctl(t, "setup", "cas", "--root", "Other", "--issuing", "Issuing").fails(t, codeNotFound, "POST "+client.Prefix+"/setup/cas")
	f.ctl(t, "setup", "credential", "--type", "est", "--product", "tls-server").fails(t, codeUsage, "--label")
	if err := os.WriteFile(file, []byte("something else\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if o := f.ctl(t, "setup", "trust", "--out", file); o.code == 0 || !strings.Contains(o.err, "--force") {
		t.Errorf("%+v", o)
	}
	f = newFake(t, false)
	f.give("GET /setup", resource.Setup{Steps: st.Steps})
	if o := f.ctl(t, "setup", "organisation", "Example"); o.code == 0 || !strings.Contains(o.err, "without the assistant") {
		t.Errorf("%+v", o)
	}
}
