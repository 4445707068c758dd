// Package federationtest holds what tests of sign-in providers need: a
// federation service over a real database, and small providers that speak the
// real protocols and can be told to misbehave.
package federationtest

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/identity/federation"
	"github.com/certwright/certwright/internal/identity/identitytest"
	"github.com/certwright/certwright/internal/secret/secrettest"
)

// BaseURL is where the service under test says that it is.
const BaseURL = "https://ca.example"

// World is a federation service with what a test wants to look at.
type World struct {
	*identitytest.World
	Fed *federation.Service
	// Roots are what the service trusts; tests add those of their providers.
	Roots *x509.CertPool
}

// Storage is what New needs; *store.DB has it all.
type Storage interface {
	identitytest.Storage
	federation.Storage
}

// New returns a service with a first account and a signed-in administrator.
func New(t testing.TB, s Storage, c *identitytest.Clock) *World {
	t.Helper()
	w := &World{World: identitytest.New(t, s, c), Roots: x509.NewCertPool()}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: w.Roots}
	fed, err := federation.New(federation.Deps{Storage: s, Audit: w.Log, Sealer: secrettest.New(t), Identity: w.Service,
		HTTP: &http.Client{Transport: &http.Transport{TLSClientConfig: cfg}, Timeout: 2 * time.Second}, TLS: cfg, Now: c.Now,
		BaseURL: func() string { return BaseURL }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	w.Fed, w.Directory.Directory = fed, fed
	return w
}
