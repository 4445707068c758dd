// Package xcrypto_test drives the ACME clients of golang.org/x/crypto, package
// acme and the certificate manager autocert, against the shipped binary.
package xcrypto_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

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

func binding(t *testing.T, c *harness.Credential, key string) *acme.ExternalAccountBinding {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	return &acme.ExternalAccountBinding{KID: c.PublicID, Key: raw}
}

// register makes a client with an account.
func register(t *testing.T, ca *harness.CA, c *harness.Credential) *acme.Client {
	t.Helper()
	cl := &acme.Client{Key: newKey(t), DirectoryURL: ca.Directory(c), HTTPClient: ca.Client()}
	if _, err := cl.Register(t.Context(), &acme.Account{Contact: []string{"mailto:ops@example.com"}, ExternalAccountBinding: binding(t, c, c.Secret)}, acme.AcceptTOS); err != nil {
		t.Fatal(err)
	}
	return cl
}

func csr(t *testing.T, names ...string) (*ecdsa.PrivateKey, []byte) {
	t.Helper()
	key := newKey(t)
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: names}, key)
	if err != nil {
		t.Fatal(err)
	}
	return key, der
}

// obtain orders names and answers the challenges with prove.
func obtain(t *testing.T, cl *acme.Client, method string, prove func(a *acme.Authorization, ch *acme.Challenge), names ...string) ([]*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	ctx := t.Context()
	o, err := cl.AuthorizeOrder(ctx, acme.DomainIDs(names...))
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range o.AuthzURLs {
		a, err := cl.GetAuthorization(ctx, u)
		if err != nil {
			t.Fatal(err)
		}
		for _, ch := range a.Challenges {
			if ch.Type != method || a.Status != acme.StatusPending {
				continue
			}
			prove(a, ch)
			if _, err := cl.Accept(ctx, ch); err != nil {
				t.Fatal(err)
			}
			if _, err := cl.WaitAuthorization(ctx, u); err != nil {
				t.Fatal(err)
			}
		}
	}
	if o, err = cl.WaitOrder(ctx, o.URI); err != nil {
		t.Fatal(err)
	}
	key, der := csr(t, names...)
	list, _, err := cl.CreateOrderCert(ctx, o.FinalizeURL, der, true)
	if err != nil {
		t.Fatal(err)
	}
	chain, err := x509.ParseCertificates(bytes.Join(list, nil))
	if err != nil {
		t.Fatal(err)
	}
	return chain, key
}

func TestXCrypto(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the server")
	}
	ca := harness.StartCA(t, harness.Options{})
	for _, sub := range []struct {
		name string
		run  func(*testing.T, *harness.CA)
	}{
		{"account", account},
		{"dns-01", byDNS},
		{"http-01", byHTTP},
		{"tls-alpn-01", byALPN},
		{"autocert", manager},
		{"wrong binding", wrongBinding},
	} {
		t.Run(sub.name, func(t *testing.T) { sub.run(t, ca) })
	}
}

func account(t *testing.T, ca *harness.CA) {
	ctx, c := t.Context(), ca.Credential(t)
	cl := register(t, ca, c)
	a, err := cl.GetReg(ctx, "")
	if err != nil || a.Status != acme.StatusValid {
		t.Fatalf("%+v %v", a, err)
	}
	if a, err = cl.UpdateReg(ctx, &acme.Account{Contact: []string{"mailto:other@example.com"}}); err != nil || len(a.Contact) != 1 || a.Contact[0] != "mailto:other@example.com" {
		t.Errorf("%+v %v", a, err)
	}
	if _, err := cl.Register(ctx, &acme.Account{ExternalAccountBinding: binding(t, c, c.Secret)}, acme.AcceptTOS); !errors.Is(err, acme.ErrAccountAlreadyExists) {
		t.Errorf("registered again: %v", err)
	}
	next := newKey(t)
	if err := cl.AccountKeyRollover(ctx, next); err != nil {
		t.Fatal(err)
	}
	if moved, err := (&acme.Client{Key: next, DirectoryURL: cl.DirectoryURL, HTTPClient: ca.Client()}).GetReg(ctx, ""); err != nil || moved.URI != a.URI {
		t.Errorf("with the new key: %+v %v", moved, err)
	}
	if err := cl.DeactivateReg(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := cl.AuthorizeOrder(ctx, acme.DomainIDs("a.example.internal")); err == nil {
		t.Error("a deactivated account orders")
	}
}

func byDNS(t *testing.T, ca *harness.CA) {
	c := ca.Credential(t)
	cl := register(t, ca, c)
	chain, key := obtain(t, cl, "dns-01", func(a *acme.Authorization, ch *acme.Challenge) {
		value, err := cl.DNS01ChallengeRecord(ch.Token)
		if err != nil {
			t.Fatal(err)
		}
		ca.DNS.Add("_acme-challenge."+a.Identifier.Value, "TXT", value)
	}, "x.example.internal", "*.x.example.internal")
	ca.Issued(t, chain, c, "x.example.internal", "*.x.example.internal")
	// By the certificate's key, without an account.
	bare := &acme.Client{Key: newKey(t), DirectoryURL: ca.Directory(c), HTTPClient: ca.Client()}
	if err := bare.RevokeCert(t.Context(), key, chain[0].Raw, acme.CRLReasonKeyCompromise); err != nil {
		t.Fatal(err)
	}
	ca.Revoked(t, chain[0], "keyCompromise")
}

func byHTTP(t *testing.T, ca *harness.CA) {
	c := ca.Credential(t)
	cl := register(t, ca, c)
	mux := http.NewServeMux()
	harness.Serve(t, fmt.Sprintf("127.0.0.1:%d", ca.HTTPPort), mux)
	chain, _ := obtain(t, cl, "http-01", func(_ *acme.Authorization, ch *acme.Challenge) {
		text, err := cl.HTTP01ChallengeResponse(ch.Token)
		if err != nil {
			t.Fatal(err)
		}
		mux.HandleFunc(cl.HTTP01ChallengePath(ch.Token), func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) })
	}, "h1.example.internal", "h2.example.internal")
	ca.Issued(t, chain, c, "h1.example.internal", "h2.example.internal")
	if err := cl.RevokeCert(t.Context(), nil, chain[0].Raw, acme.CRLReasonSuperseded); err != nil {
		t.Fatal(err)
	}
	ca.Revoked(t, chain[0], "superseded")
}

func byALPN(t *testing.T, ca *harness.CA) {
	c := ca.Credential(t)
	cl := register(t, ca, c)
	var shown *tls.Certificate
	l, err := tls.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", ca.TLSPort), &tls.Config{NextProtos: []string{acme.ALPNProto},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return shown, nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.(*tls.Conn).HandshakeContext(context.Background())
			conn.Close()
		}
	}()
	chain, _ := obtain(t, cl, "tls-alpn-01", func(a *acme.Authorization, ch *acme.Challenge) {
		cert, err := cl.TLSALPN01ChallengeCert(ch.Token, a.Identifier.Value)
		if err != nil {
			t.Fatal(err)
		}
		shown = &cert
	}, "alpn.example.internal")
	ca.Issued(t, chain, c, "alpn.example.internal")
}

// manager: a web server that gets its certificate when the first visitor comes.
func manager(t *testing.T, ca *harness.CA) {
	c := ca.Credential(t)
	m := &autocert.Manager{Prompt: autocert.AcceptTOS, HostPolicy: autocert.HostWhitelist("auto.example.internal"), Cache: autocert.DirCache(t.TempDir()),
		Client:                 &acme.Client{DirectoryURL: ca.Directory(c), HTTPClient: ca.Client()},
		ExternalAccountBinding: binding(t, c, c.Secret)}
	l, err := tls.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", ca.TLSPort), m.TLSConfig())
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.NotFoundHandler()}
	go func() { _ = s.Serve(l) }()
	defer s.Close()
	chain, err := ca.Shown(t.Context(), net.JoinHostPort("127.0.0.1", fmt.Sprint(ca.TLSPort)), "auto.example.internal")
	if err != nil {
		t.Fatal(err)
	}
	ca.Issued(t, chain, c, "auto.example.internal")
	again, err := ca.Shown(t.Context(), l.Addr().String(), "auto.example.internal")
	if err != nil || !again[0].Equal(chain[0]) || len(ca.Admin.CertificatesOf(t, c.ID)) != 1 {
		t.Errorf("the second visitor: %v", err)
	}
}

func wrongBinding(t *testing.T, ca *harness.CA) {
	c := ca.Credential(t)
	for name, eab := range map[string]*acme.ExternalAccountBinding{"wrong key id or HMAC key": binding(t, c, harness.WrongKey), "access key of the API credential": nil} {
		cl := &acme.Client{Key: newKey(t), DirectoryURL: ca.Directory(c), HTTPClient: ca.Client()}
		_, err := cl.Register(t.Context(), &acme.Account{ExternalAccountBinding: eab}, acme.AcceptTOS)
		var e *acme.Error
		if !errors.As(err, &e) || e.StatusCode != 403 || !strings.Contains(e.Detail, name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, action := range ca.Admin.Audited(t, c.ID) {
		if action == "acme.account.create" {
			t.Error("an account was made")
		}
	}
	if n := len(ca.Admin.Refusals(t, core.CredentialID(c.ID))); n == 0 {
		t.Error("refusals are not audited")
	}
}
