package portal_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/crypto/acme"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/notify/notifytest"
	"github.com/certwright/certwright/test/interop/harness"
)

// TestOperations drives what administrators and validators look after:
// organisations, ACME, files of certificates, users, roles and the account.
func TestOperations(t *testing.T) {
	b := browse(t)
	post := notifytest.Start(t, notifytest.Options{})
	ca := harness.StartCA(t, harness.Options{Args: []string{"--mail-host", post.Host, "--mail-port", fmt.Sprint(post.Port), "--mail-tls", "none", "--mail-from", "ca@ca.test"}})
	a, dir, ctx := ca.Admin, b.dir, t.Context()
	rita := login(t, ca.Server, a, "rita", core.RoleRequester)
	audrey := login(t, ca.Server, a, "audrey", core.RoleAuditor)
	org, err := a.CreateOrganisation(ctx, resource.OrganisationFields{Name: "Example Works", Country: "DE", Locality: "Köln"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rita.AskVetting(ctx, resource.NewVetting{Organisation: org.ID, Purpose: core.PurposeSMIME}); err != nil {
		t.Fatal(err)
	}
	exportable := a.ProductLike(t, "tls-server", "exportable", func(p *core.Profile) { p.ServerKeys, p.KeyExport = true, true })
	keyed, err := a.CreateOrder(ctx, resource.NewOrder{Product: string(exportable.ID), Generate: "ECDSA P-256", Names: []string{"keyed.operations.test"}, Group: a.Group, Subject: core.DN{{Type: "CN", Value: "keyed.operations.test"}}}, "")
	if err != nil {
		t.Fatal(err)
	}
	d, err := a.RegisterDomain(ctx, resource.NewDomain{Name: "looked.operations.test", Group: a.Group})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.VerifyDomain(ctx, d.ID, resource.DomainVerify{}); err != nil {
		t.Fatal(err)
	}
	credential := ca.Credential(t)
	enrol(t, ca, credential, "early.operations.test")
	settings := map[string]any{"base": ca.Main, "password": a.Password, "organisation": "/organisations/" + string(org.ID), "domain": "/domains/" + string(d.ID),
		"certificate": "/certificates/" + string(keyed.Certificate.ID), "rita": rita.password, "audrey": audrey.password, "credential": "/integrations/apis/" + string(credential.ID),
		"pdf": harness.WriteFile(t, dir, "extract.pdf", []byte(pdf)), "text": harness.WriteFile(t, dir, "extract.txt", []byte("no PDF")),
		"big": harness.WriteFile(t, dir, "big.pdf", make([]byte, core.MaxDocument+1))}
	b.drive("operations.mjs", settings)
	if got := string(harness.ReadFile(t, dir, "evidence.pdf")); got != pdf {
		t.Errorf("the downloaded evidence has %d octets", len(got))
	}
	if len(harness.ParseChain(t, harness.ReadFile(t, dir, "keyed.pem"))) != 1 {
		t.Error("a chain was asked for in no way")
	}
	if key := string(harness.ReadFile(t, dir, "key.pem")); !strings.Contains(key, "ENCRYPTED PRIVATE KEY") && !strings.Contains(key, "BEGIN PRIVATE KEY") {
		t.Errorf("the exported key: %.200s", key)
	}
	var list []map[string]any
	if err := json.Unmarshal(harness.ReadFile(t, dir, "credentials.json"), &list); err != nil || len(list) != 1 {
		t.Errorf("%d credentials, %v", len(list), err)
	}
	sent := false
	for _, m := range post.Mails() {
		sent = sent || len(m.To) == 1 && m.To[0] == "ada@example.org"
	}
	if !sent {
		t.Error("no mail asked for consent")
	}
}

// enrol registers an ACME client, which gets a certificate by a DNS record and
// leaves another order open.
func enrol(t *testing.T, ca *harness.CA, c *harness.Credential, name string) {
	t.Helper()
	ctx := t.Context()
	newKey := func() *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	secret, err := base64.RawURLEncoding.DecodeString(c.Secret)
	if err != nil {
		t.Fatal(err)
	}
	cl := &acme.Client{Key: newKey(), DirectoryURL: ca.Directory(c), HTTPClient: ca.Client()}
	if _, err := cl.Register(ctx, &acme.Account{Contact: []string{"mailto:ops@example.com"}, ExternalAccountBinding: &acme.ExternalAccountBinding{KID: c.PublicID, Key: secret}}, acme.AcceptTOS); err != nil {
		t.Fatal(err)
	}
	o, err := cl.AuthorizeOrder(ctx, acme.DomainIDs(name))
	if err != nil {
		t.Fatal(err)
	}
	authz, err := cl.GetAuthorization(ctx, o.AuthzURLs[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, ch := range authz.Challenges {
		if ch.Type != "dns-01" {
			continue
		}
		value, err := cl.DNS01ChallengeRecord(ch.Token)
		if err != nil {
			t.Fatal(err)
		}
		ca.DNS.Set("_acme-challenge."+name, "TXT", value)
		if _, err := cl.Accept(ctx, ch); err != nil {
			t.Fatal(err)
		}
	}
	if o, err = cl.WaitOrder(ctx, o.URI); err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{name}}, newKey())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := cl.CreateOrderCert(ctx, o.FinalizeURL, der, true); err != nil {
		t.Fatal(err)
	}
	if _, err := cl.AuthorizeOrder(ctx, acme.DomainIDs("open."+name)); err != nil {
		t.Fatal(err)
	}
}
