// Package vantage_test runs the shipped binary as vantage points beside a
// server: processes of their own, each with a name server that may see another
// world.
package vantage_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/acme"

	"github.com/certwright/certwright/internal/house/loopback"
	"github.com/certwright/certwright/test/interop/harness"
)

const token = "vantage-token-of-a-test-0123456789"

// start runs a vantage point that asks dns, and returns its URL.
func start(t *testing.T, dns *harness.DNS, token string) string {
	t.Helper()
	address := loopback.Address(t)
	cmd := exec.Command(harness.Binary(t), "vantage", "--listen", address, "--validation-resolvers", dns.Address(), "--validation-loopback")
	cmd.Env = append(cmd.Environ(), "CERTWRIGHT_VANTAGE_TOKEN="+token)
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the vantage point did not end well: %v\n%s", err, log.String())
		}
		if strings.Contains(log.String(), token) {
			t.Error("the log of the vantage point holds its token")
		}
	})
	harness.Eventually(t, 30*time.Second, func() error {
		r, err := http.Get("http://" + address + "/healthz")
		if err != nil {
			return err
		}
		return r.Body.Close()
	})
	return "http://" + address
}

// prove orders a name, publishes its record where asked to, and returns how the
// authorization ended.
func prove(t *testing.T, ca *harness.CA, name string, at ...*harness.DNS) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
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
	if _, err := c.Register(ctx, &acme.Account{ExternalAccountBinding: &acme.ExternalAccountBinding{KID: cred.PublicID, Key: mac}}, acme.AcceptTOS); err != nil {
		t.Fatal(err)
	}
	o, err := c.AuthorizeOrder(ctx, acme.DomainIDs(name))
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.GetAuthorization(ctx, o.AuthzURLs[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, ch := range a.Challenges {
		if ch.Type != "dns-01" {
			continue
		}
		text, err := c.DNS01ChallengeRecord(ch.Token)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range at {
			d.Set("_acme-challenge."+name, "TXT", text)
		}
		if _, err := c.Accept(ctx, ch); err != nil {
			t.Fatal(err)
		}
	}
	_, err = c.WaitAuthorization(ctx, a.URI)
	return err
}

func TestVantages(t *testing.T) {
	near, far := harness.StartDNS(t), harness.StartDNS(t)
	one, two := start(t, near, token), start(t, far, token)
	ca := harness.StartCA(t, harness.Options{Args: []string{"--validation-vantages", one + "," + two}, Env: []string{"CERTWRIGHT_VALIDATION_VANTAGE_TOKEN=" + token}})
	ca.Secret(token)
	if err := prove(t, ca, "both.test", ca.DNS, near, far); err != nil {
		t.Errorf("seen from everywhere: %v", err)
	}
	if err := prove(t, ca, "one.test", ca.DNS, near); err != nil {
		t.Errorf("seen from two of three: %v", err)
	}
	for name, at := range map[string][]*harness.DNS{"here.test": {ca.DNS}, "elsewhere.test": {near, far}} {
		if err := prove(t, ca, name, at...); err == nil {
			t.Errorf("%s was proven", name)
		} else if name == "here.test" && !strings.Contains(err.Error(), strings.TrimPrefix(two, "http://")) {
			t.Errorf("the refusal does not name the vantage point: %v", err)
		}
	}
}

// TestWrongToken: whoever does not know the token gets no answer, and a server
// whose vantage points do not answer proves nothing.
func TestWrongToken(t *testing.T) {
	dns := harness.StartDNS(t)
	url := start(t, dns, token)
	for _, auth := range []string{"", "Bearer wrong", token} {
		r, err := http.NewRequest(http.MethodPost, url+"/vantage/v1/check", strings.NewReader(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", auth)
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = a.Body.Close()
		if a.StatusCode != http.StatusUnauthorized {
			t.Errorf("Authorization %q: %d", auth, a.StatusCode)
		}
	}
	const other = "another-token-of-a-test-0123456789"
	ca := harness.StartCA(t, harness.Options{Args: []string{"--validation-vantages", url}, Env: []string{"CERTWRIGHT_VALIDATION_VANTAGE_TOKEN=" + other}})
	ca.Secret(other)
	if err := prove(t, ca, "a.test", ca.DNS, dns); err == nil {
		t.Error("proven although the vantage point did not answer")
	}
}
