// Package domains_test proves control of domains with the shipped binary: by the
// commands of the page, by a file, by mail and in the background.
package domains_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"mime/quotedprintable"
	"net/http"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/acme"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/notify/notifytest"
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

// TestMail answers the link of a validation mail in a browser's way. Opening it,
// as programs that scan mail do, answers nothing.
func TestMail(t *testing.T) {
	post := notifytest.Start(t, notifytest.Options{})
	ca := harness.StartCA(t, harness.Options{Args: []string{"--mail-host", post.Host, "--mail-port", fmt.Sprint(post.Port), "--mail-tls", "none", "--mail-from", "ca@ca.test"}})
	ctx, a := t.Context(), ca.Admin
	d, err := a.RegisterDomain(ctx, resource.NewDomain{Name: "w.mail.test", Group: a.Group, Method: core.MethodEmail})
	if err != nil || !slices.Contains(d.Challenge.Emails, "hostmaster@mail.test") {
		t.Fatalf("%+v %v", d, err)
	}
	o, err := a.VerifyDomain(ctx, d.ID, resource.DomainVerify{Address: "hostmaster@mail.test"})
	if err != nil || !o.Sent {
		t.Fatalf("%+v %v", o, err)
	}
	if _, err := a.VerifyDomain(ctx, d.ID, resource.DomainVerify{Address: "admin@mail.test"}); !core.Is(err, core.KindRateLimited) {
		t.Errorf("a second mail at once: %v", err)
	}
	mails := post.Mails()
	if len(mails) != 1 || !slices.Equal(mails[0].To, []string{"hostmaster@mail.test"}) {
		t.Fatalf("mails %+v", mails)
	}
	m, err := mail.ReadMessage(strings.NewReader(mails[0].Data))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`https://\S+/domain-validation/(\S+)`).FindStringSubmatch(string(text))
	if link == nil {
		t.Fatalf("no link in\n%s", text)
	}
	ca.Secret(link[1])
	h := ca.Client()
	for range 2 {
		if r, err := h.Get(link[0]); err != nil || r.Body.Close() != nil || r.StatusCode != http.StatusOK {
			t.Fatalf("opened: %v", err)
		}
	}
	if got, err := a.Domain(ctx, d.ID); err != nil || got.Control != core.ControlPending {
		t.Errorf("after it was opened: %+v %v", got, err)
	}
	for _, want := range []int{http.StatusOK, http.StatusNotFound} {
		if r, err := h.PostForm(link[0], url.Values{"answer": {"accept"}}); err != nil || r.Body.Close() != nil || r.StatusCode != want {
			t.Errorf("accepted: %v, want %d", err, want)
		}
	}
	if got, err := a.Domain(ctx, d.ID); err != nil || got.Control != core.ControlVerified || got.ProvenBy != core.MethodEmail {
		t.Errorf("after it was accepted: %+v %v", got, err)
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
