// Package legov5_test drives the library of github.com/go-acme/lego/v5 against
// the shipped binary.
package legov5_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-acme/lego/v5/acme"
	"github.com/go-acme/lego/v5/certcrypto"
	"github.com/go-acme/lego/v5/certificate"
	"github.com/go-acme/lego/v5/challenge/dns01"
	"github.com/go-acme/lego/v5/challenge/http01"
	"github.com/go-acme/lego/v5/challenge/tlsalpn01"
	"github.com/go-acme/lego/v5/lego"
	"github.com/go-acme/lego/v5/registration"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/test/interop/harness"
)

// user is what lego wants to know of its account.
type user struct {
	key     crypto.Signer
	account *acme.ExtendedAccount
}

func (u *user) GetEmail() string                       { return "ops@example.com" }
func (u *user) GetRegistration() *acme.ExtendedAccount { return u.account }
func (u *user) GetPrivateKey() crypto.Signer           { return u.key }

func client(t *testing.T, ca *harness.CA, c *harness.Credential) (*lego.Client, *user) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	u := &user{key: key}
	config := lego.NewConfig(u)
	config.CADirURL, config.HTTPClient = ca.Directory(c), ca.Client()
	cl, err := lego.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	return cl, u
}

// account registers with the credential's key.
func account(t *testing.T, ca *harness.CA, c *harness.Credential) *lego.Client {
	t.Helper()
	cl, u := client(t, ca, c)
	var err error
	if u.account, err = cl.Registration.RegisterWithExternalAccountBinding(t.Context(), registration.RegisterEABOptions{TermsOfServiceAgreed: true, Kid: c.PublicID, HmacEncoded: c.Secret}); err != nil {
		t.Fatal(err)
	}
	return cl
}

// records puts the records of dns-01 into the test's name server.
type records struct{ *harness.DNS }

func (r records) Present(ctx context.Context, domain, _, keyAuth string) error {
	i := dns01.GetChallengeInfo(ctx, domain, keyAuth)
	r.Add(i.EffectiveFQDN, "TXT", i.Value)
	return nil
}

func (r records) CleanUp(ctx context.Context, domain, _, keyAuth string) error {
	i := dns01.GetChallengeInfo(ctx, domain, keyAuth)
	r.Remove(i.EffectiveFQDN, "TXT", i.Value)
	return nil
}

func TestLego(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the server")
	}
	ca := harness.StartCA(t, harness.Options{})
	dns01.SetDefaultClient(dns01.NewClient(&dns01.Options{RecursiveNameservers: []string{ca.DNS.Address()}, Timeout: 10 * time.Second}))
	for _, sub := range []struct {
		name string
		run  func(*testing.T, *harness.CA)
	}{
		{"renewal information", renewal},
		{"wildcard by dns-01", wildcard},
		{"tls-alpn-01 and address", alpn},
		{"account", life},
		{"profile", profile},
		{"wrong binding", wrongBinding},
	} {
		t.Run(sub.name, func(t *testing.T) { sub.run(t, ca) })
	}
}

func obtain(t *testing.T, cl *lego.Client, names ...string) *certificate.Resource {
	t.Helper()
	got, err := cl.Certificate.Obtain(t.Context(), certificate.ObtainRequest{Domains: names, KeyType: certcrypto.EC256, Bundle: true})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func byHTTP(t *testing.T, ca *harness.CA, cl *lego.Client) {
	t.Helper()
	if err := cl.Challenge.SetHTTP01Provider(http01.NewProviderServer("127.0.0.1", fmt.Sprint(ca.HTTPPort))); err != nil {
		t.Fatal(err)
	}
}

// renewal: the server says when, and the renewal says what it replaces.
func renewal(t *testing.T, ca *harness.CA) {
	ctx, c := t.Context(), ca.Credential(t)
	cl := account(t, ca, c)
	byHTTP(t, ca, cl)
	const name = "ari.example.internal"
	first := obtain(t, cl, name)
	chain := harness.ParseChain(t, first.Certificate)
	ca.Issued(t, chain, c, name)
	info, err := cl.Certificate.GetRenewalInfo(ctx, chain[0])
	if err != nil {
		t.Fatal(err)
	}
	if w := info.SuggestedWindow; !w.Start.Before(w.End) || w.Start.Before(chain[0].NotBefore) || w.End.After(chain[0].NotAfter) {
		t.Errorf("the window %v is outside the certificate's life", w)
	}
	if info.RetryAfter <= 0 {
		t.Errorf("Retry-After %v", info.RetryAfter)
	}
	if at := info.ShouldRenewAt(time.Now(), 0); at != nil {
		t.Errorf("a new certificate should be renewed at %v", at)
	}
	if at := info.ShouldRenewAt(info.SuggestedWindow.End, 0); at == nil {
		t.Error("no renewal at the window's end")
	}
	options := &certificate.RenewOptions{KeyType: certcrypto.EC256, Bundle: true, UseARICertID: true}
	second, err := cl.Certificate.Renew(ctx, *first, options)
	if err != nil {
		t.Fatal(err)
	}
	next := harness.ParseChain(t, second.Certificate)
	if row := ca.Issued(t, next, c, name); row.Replaces != ca.Admin.FindCertificate(t, chain[0]).ID {
		t.Errorf("the renewal replaces %q", row.Replaces)
	}
	// A certificate is replaced once: the server refuses, and the client goes
	// on with an order that replaces nothing.
	third, err := cl.Certificate.Renew(ctx, *first, options)
	if err != nil {
		t.Fatal(err)
	}
	if row := ca.Issued(t, harness.ParseChain(t, third.Certificate), c, name); row.Replaces != "" {
		t.Errorf("the first is replaced twice: %q", row.Replaces)
	}
	// When it is revoked, renewal is due at once.
	reason := acme.CRLReasonSuperseded
	if err := cl.Certificate.RevokeWithReason(ctx, second.Certificate, &reason); err != nil {
		t.Fatal(err)
	}
	ca.Revoked(t, next[0], "superseded")
	if info, err = cl.Certificate.GetRenewalInfo(ctx, next[0]); err != nil || info.ShouldRenewAt(time.Now(), 0) == nil {
		t.Errorf("a revoked certificate is not due: %+v %v", info, err)
	}
}

func wildcard(t *testing.T, ca *harness.CA) {
	c := ca.Credential(t)
	cl := account(t, ca, c)
	if err := cl.Challenge.SetDNS01Provider(records{ca.DNS}, dns01.DisableAuthoritativeNssPropagationRequirement()); err != nil {
		t.Fatal(err)
	}
	ca.DNS.Set("_acme-challenge.l5.example.internal", "CNAME", "l5.challenges.internal")
	got := obtain(t, cl, "*.l5.example.internal", "l5.example.internal")
	ca.Issued(t, harness.ParseChain(t, got.Certificate), c, "*.l5.example.internal", "l5.example.internal")
	if n := ca.DNS.Asked("l5.challenges.internal", "TXT") + ca.DNS.Asked("_acme-challenge.l5.example.internal", "TXT"); n == 0 {
		t.Error("the server has not asked for the record")
	}
}

func alpn(t *testing.T, ca *harness.CA) {
	c := ca.Credential(t)
	cl := account(t, ca, c)
	if err := cl.Challenge.SetTLSALPN01Provider(tlsalpn01.NewProviderServer("127.0.0.1", fmt.Sprint(ca.TLSPort))); err != nil {
		t.Fatal(err)
	}
	ca.Issued(t, harness.ParseChain(t, obtain(t, cl, "l5alpn.example.internal").Certificate), c, "l5alpn.example.internal")
	ca.Issued(t, harness.ParseChain(t, obtain(t, cl, "127.0.0.1").Certificate), c, "127.0.0.1")
}

func life(t *testing.T, ca *harness.CA) {
	ctx, c := t.Context(), ca.Credential(t)
	cl := account(t, ca, c)
	if a, err := cl.Registration.QueryRegistration(ctx); err != nil || a.Status != "valid" {
		t.Fatalf("%+v %v", a, err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := cl.Registration.KeyRollover(ctx, key); err != nil {
		t.Fatal(err)
	}
	if actions := strings.Join(ca.Admin.Audited(t, c.ID), " "); !strings.Contains(actions, "acme.account.key-change") {
		t.Errorf("audited: %s", actions)
	}
	other := account(t, ca, c)
	if err := other.Registration.DeleteRegistration(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Registration.QueryRegistration(ctx); err == nil {
		t.Error("a deleted account answers")
	}
}

// profile: the client chooses the product.
func profile(t *testing.T, ca *harness.CA) {
	c := ca.Admin.ACME(t, resource.NewCredential{Products: []string{"tls-server", "device"}, ProvenNames: []string{".profile.internal"}}, core.ACMEOptions{})
	cl := account(t, ca, c)
	if m := cl.GetServerMetadata(); len(m.Profiles) != 2 || m.Profiles["device"] == "" || !m.ExternalAccountRequired {
		t.Errorf("the directory says %+v", m)
	}
	got, err := cl.Certificate.Obtain(t.Context(), certificate.ObtainRequest{Domains: []string{"d.profile.internal"}, KeyType: certcrypto.EC256, Bundle: true, Profile: "device"})
	if err != nil {
		t.Fatal(err)
	}
	if chain := harness.ParseChain(t, got.Certificate); len(chain[0].ExtKeyUsage) != 2 {
		t.Errorf("the product device has client and server authentication, got %v", chain[0].ExtKeyUsage)
	}
	_, err = cl.Certificate.Obtain(t.Context(), certificate.ObtainRequest{Domains: []string{"e.profile.internal"}, KeyType: certcrypto.EC256, Profile: "nothing"})
	if err == nil || !strings.Contains(err.Error(), "rofile") {
		t.Errorf("a profile that is not there: %v", err)
	}
}

func wrongBinding(t *testing.T, ca *harness.CA) {
	c := ca.Credential(t)
	cl, _ := client(t, ca, c)
	_, err := cl.Registration.RegisterWithExternalAccountBinding(t.Context(), registration.RegisterEABOptions{TermsOfServiceAgreed: true, Kid: c.PublicID, HmacEncoded: harness.WrongKey})
	if err == nil || !strings.Contains(err.Error(), "wrong key id or HMAC key") {
		t.Errorf("a wrong key: %v", err)
	}
	_, err = cl.Registration.Register(t.Context(), registration.RegisterOptions{TermsOfServiceAgreed: true})
	if err == nil || !strings.Contains(err.Error(), "externalAccountRequired") {
		t.Errorf("no binding: %v", err)
	}
}
