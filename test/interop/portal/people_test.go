package portal_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/house/need"
	"github.com/certwright/certwright/test/interop/harness"
)

// TestFurtherForms gives the forms that no other test here uses bad and good input.
func TestFurtherForms(t *testing.T) {
	b := browse(t)
	openssl := need.Program(t, "openssl", "openssl")
	server := harness.Start(t, harness.Options{})
	a, dir, ctx := server.Admin(t), b.dir, t.Context()
	person(t, server, a) // with an order that waits
	audrey := login(t, server, a, "audrey", core.RoleAuditor)
	org, err := a.CreateOrganisation(ctx, resource.OrganisationFields{Name: "Example Works", Country: "DE"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.AskVetting(ctx, resource.NewVetting{Organisation: org.ID, Purpose: core.PurposeOV}); err != nil {
		t.Fatal(err)
	}
	var certificates [2]string
	for i, name := range []string{"renewed.people.internal", "held.people.internal"} {
		got, err := a.CreateOrder(ctx, resource.NewOrder{Product: "tls-server", Generate: "ECDSA P-256", Names: []string{name}, Group: a.Group, Subject: core.DN{{Type: "CN", Value: name}}}, "")
		if err != nil {
			t.Fatal(err)
		}
		certificates[i] = "/certificates/" + string(got.Certificate.ID)
	}
	harness.Run(t, dir, openssl, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key.pem", "-out", "csr.pem", "-subj", "/CN=renewed.people.internal", "-addext", "subjectAltName=DNS:renewed.people.internal")
	csr, err := os.ReadFile(filepath.Join(dir, "csr.pem"))
	if err != nil {
		t.Fatal(err)
	}
	credential := a.REST(t, resource.NewCredential{})
	b.drive("people.mjs", map[string]any{"base": server.Main, "password": a.Password, "auditor": audrey.password, "csr": string(csr), "name": "default",
		"certificate": certificates[0], "held": certificates[1], "credential": "/integrations/apis/" + string(credential.ID)})
}
