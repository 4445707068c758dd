// Package certmanager_test drives the ACME client that cert-manager for
// Kubernetes carries (third_party/forked/acme) against the shipped binary.
package certmanager_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/cert-manager/cert-manager/third_party/forked/acme"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/test/interop/harness"
)

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func client(t *testing.T, ca *harness.CA, c *harness.Credential) *acme.Client {
	return &acme.Client{Key: newKey(t), DirectoryURL: ca.Directory(c), HTTPClient: ca.Client()}
}

func register(t *testing.T, cl *acme.Client, c *harness.Credential, key string) error {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	_, err = cl.Register(t.Context(), &acme.Account{Contact: []string{"mailto:ops@example.com"},
		ExternalAccountBinding: &acme.ExternalAccountBinding{KID: c.PublicID, Key: raw}}, acme.AcceptTOS)
	return err
}

// solve answers the challenges of an order.
func solve(t *testing.T, ca *harness.CA, cl *acme.Client, mux *http.ServeMux, o *acme.Order) {
	t.Helper()
	for _, u := range o.AuthzURLs {
		a, err := cl.GetAuthorization(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		method := "http-01"
		if a.Wildcard {
			method = "dns-01"
		}
		for _, ch := range a.Challenges {
			if ch.Type != method || a.Status != acme.StatusPending {
				continue
			}
			if method == "dns-01" {
				value, err := cl.DNS01ChallengeRecord(ch.Token)
				if err != nil {
					t.Fatal(err)
				}
				ca.DNS.Add("_acme-challenge."+a.Identifier.Value, "TXT", value)
			} else {
				text, err := cl.HTTP01ChallengeResponse(ch.Token)
				if err != nil {
					t.Fatal(err)
				}
				mux.HandleFunc(cl.HTTP01ChallengePath(ch.Token), func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) })
			}
			if _, err := cl.Accept(t.Context(), ch); err != nil {
				t.Fatal(err)
			}
			if _, err := cl.WaitAuthorization(t.Context(), u); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// finish finalizes an order as cert-manager does: it waits until it is ready,
// then sends the request and fetches chain and alternates.
func finish(t *testing.T, cl *acme.Client, o *acme.Order, names ...string) []*x509.Certificate {
	t.Helper()
	ctx := t.Context()
	o, err := cl.WaitOrder(ctx, o.URI)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: names}, newKey(t))
	if err != nil {
		t.Fatal(err)
	}
	list, certURL, err := cl.CreateOrderCert(ctx, o.FinalizeURL, der, true)
	if err != nil {
		t.Fatal(err)
	}
	chain, err := x509.ParseCertificates(bytes.Join(list, nil))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := cl.FetchCert(ctx, certURL, true); err != nil || !bytes.Equal(bytes.Join(again, nil), bytes.Join(list, nil)) {
		t.Errorf("fetched again: %v", err)
	}
	if _, err := cl.ListCertAlternates(ctx, certURL); err != nil {
		t.Error(err)
	}
	return chain
}

func TestCertManager(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the server")
	}
	ca := harness.StartCA(t, harness.Options{})
	mux := http.NewServeMux()
	harness.Serve(t, fmt.Sprintf("127.0.0.1:%d", ca.HTTPPort), mux)
	t.Run("order, profile, renewal", func(t *testing.T) { life(t, ca, mux) })
	t.Run("wrong binding", func(t *testing.T) {
		c := ca.Credential(t)
		err := register(t, client(t, ca, c), c, harness.WrongKey)
		var e *acme.Error
		if !errors.As(err, &e) || e.StatusCode != 403 || !strings.Contains(e.Detail, "wrong key id or HMAC key") {
			t.Errorf("a wrong key: %v", err)
		}
	})
}

func life(t *testing.T, ca *harness.CA, mux *http.ServeMux) {
	ctx := t.Context()
	c := ca.Admin.ACME(t, resource.NewCredential{Products: []string{"tls-server", "device"}}, core.ACMEOptions{})
	cl := client(t, ca, c)
	if err := register(t, cl, c, c.Secret); err != nil {
		t.Fatal(err)
	}
	names := []string{"cm.example.internal", "*.cm.example.internal"}
	o, err := cl.AuthorizeOrder(ctx, acme.DomainIDs(names...), acme.WithOrderProfile("tls-server"))
	if err != nil {
		t.Fatal(err)
	}
	solve(t, ca, cl, mux, o)
	chain := finish(t, cl, o, names...)
	ca.Issued(t, chain, c, names...)
	info, err := cl.GetRenewalInfo(ctx, chain[0])
	if err != nil || !info.SuggestedWindow.Start.Before(info.SuggestedWindow.End) {
		t.Fatalf("%+v %v", info, err)
	}
	replaces, err := acme.WithOrderReplacesCertificate(chain[0])
	if err != nil {
		t.Fatal(err)
	}
	if o, err = cl.AuthorizeOrder(ctx, acme.DomainIDs(names...), replaces); err != nil {
		t.Fatal(err)
	}
	solve(t, ca, cl, mux, o) // the proofs serve again
	next := finish(t, cl, o, names...)
	if row := ca.Issued(t, next, c, names...); row.Replaces != ca.Admin.FindCertificate(t, chain[0]).ID {
		t.Errorf("the renewal replaces %q", row.Replaces)
	}
	if err := cl.RevokeCert(ctx, nil, next[0].Raw, acme.CRLReasonCessationOfOperation); err != nil {
		t.Fatal(err)
	}
	ca.Revoked(t, next[0], "cessationOfOperation")
	if _, err := cl.AuthorizeOrder(ctx, acme.DomainIDs("x.example.internal"), acme.WithOrderProfile("nothing")); err == nil || !strings.Contains(err.Error(), "profile") {
		t.Errorf("a profile that is not there: %v", err)
	}
}
