// Package domains_test proves control of domains with the shipped binary: by the
// commands of the page, by a file, by mail, and with two replicas' worth of
// background.
package domains_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/acme"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/test/interop/harness"
)

// env lets commands find the program and the server.
func env(t *testing.T, ca *harness.CA) []string {
	t.Helper()
	return []string{"PATH=" + filepath.Dir(harness.Binary(t)) + ":" + os.Getenv("PATH"), "CERTWRIGHT_CTL_URL=" + ca.Main,
		"CERTWRIGHT_CTL_TOKEN=" + ca.Admin.Token, "CERTWRIGHT_CTL_ROOTS=" + ca.RootPEM, "HOME=" + t.TempDir()}
}

// TestPage runs the commands of docs/operate/domains.md.
func TestPage(t *testing.T) {
	ca := harness.StartCA(t, harness.Options{})
	if _, err := ca.Admin.CreateOrganisation(t.Context(), resource.OrganisationFields{Name: "Example Corp"}); err != nil {
		t.Fatal(err)
	}
	publish := fmt.Sprintf(`publish() { curl -sf -X DELETE "%[1]s?name=$1"; curl -sf -X POST "%[1]s?name=$1&value=$2"; }`+"\n", ca.DNS.Control)
	out := harness.RunEnv(t, t.TempDir(), env(t, ca), "bash", "-euo", "pipefail", "-c", publish+harness.Recipe(t, "operate/domains.md", "Prove control"))
	for _, w := range []string{"there is no TXT record", "Publish the TXT record _certwright-challenge.shop.example.test", "is proven until", "Domain shop.example.test is inactive", "is active"} {
		if !strings.Contains(out, w) {
			t.Errorf("the commands do not say %q:\n%s", w, out)
		}
	}
}

// TestProofServesEnrolment: what is proven once serves an ACME client without a
// challenge, and a product that wants names proven.
func TestProofServesEnrolment(t *testing.T) {
	ca := harness.StartCA(t, harness.Options{})
	ctx, a := t.Context(), ca.Admin
	a.Change(t, "tls-server", func(p *core.Profile) { p.ValidateNames, p.Ancestors = true, true })
	d, err := a.RegisterDomain(ctx, resource.NewDomain{Name: "file.test", Group: a.Group, Method: core.MethodHTTPFile})
	if err != nil {
		t.Fatal(err)
	}
	harness.Serve(t, fmt.Sprintf("127.0.0.1:%d", ca.HTTPPort), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/.well-known/pki-validation/"+d.Challenge.FileName {
			fmt.Fprintln(w, d.Challenge.Token)
			return
		}
		http.NotFound(w, r)
	}))
	ca.DNS.Set("file.test", "A", "127.0.0.1")
	if o, err := a.VerifyDomain(ctx, d.ID, resource.DomainVerify{}); err != nil || o.Attempt == nil || !o.Attempt.Passed {
		t.Fatalf("by a file: %+v %v", o, err)
	}
	dns, err := a.RegisterDomain(ctx, resource.NewDomain{Name: "zone.test", Group: a.Group})
	if err != nil {
		t.Fatal(err)
	}
	ca.DNS.Set(dns.Challenge.RecordName, "TXT", dns.Challenge.Value)
	harness.Eventually(t, 3*time.Minute, func() error { // the background looks by itself
		got, err := a.Domain(ctx, dns.ID)
		if err == nil && got.Control != core.ControlVerified {
			err = fmt.Errorf("control is %s", got.Control)
		}
		return err
	})
	acmeOrder(t, ca, "*.zone.test", acme.StatusReady)
	acmeOrder(t, ca, "other.test", acme.StatusPending)
	e := a.Credential(t, resource.NewCredential{})
	for name, want := range map[string]bool{"file.test": true, "w.file.test": false, "zone.test": true, "w.zone.test": true, "other.test": false} {
		status, _, err := harness.NewDevice(t, name).Post(ca.Client(), e.EST(ca.Main)+"simpleenroll", e)
		if err != nil || (status == http.StatusOK) != want {
			t.Errorf("EST for %s: %d %v", name, status, err)
		}
	}
}

// acmeOrder orders a name with a fresh account and tells in what state the order
// begins.
func acmeOrder(t *testing.T, ca *harness.CA, name, want string) {
	t.Helper()
	cred := ca.Credential(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	mac, err := base64.RawURLEncoding.DecodeString(cred.Secret)
	if err != nil {
		t.Fatal(err)
	}
	c := &acme.Client{Key: key, DirectoryURL: ca.Directory(cred), HTTPClient: ca.Client()}
	if _, err := c.Register(t.Context(), &acme.Account{ExternalAccountBinding: &acme.ExternalAccountBinding{KID: cred.PublicID, Key: mac}}, acme.AcceptTOS); err != nil {
		t.Fatal(err)
	}
	o, err := c.AuthorizeOrder(t.Context(), acme.DomainIDs(name))
	if err != nil || o.Status != want {
		t.Errorf("ACME order for %s: %+v %v", name, o, err)
	}
}
