package portal_test

import (
	"encoding/pem"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/house/need"
	"github.com/certwright/certwright/internal/identity/federation/federationtest"
	"github.com/certwright/certwright/test/interop/harness"
)

// TestFederation has an administrator set providers up in the portal's form, and
// people sign in through them: OpenID Connect, and SAML, whose response comes
// from another site.
func TestFederation(t *testing.T) {
	b := browse(t)
	if built, err := os.ReadDir(filepath.Join("..", "..", "..", "internal", "portal", "pages", "app", "assets")); err != nil || len(built) == 0 {
		need.Missing(t, "the built portal (make build)")
	}
	op := federationtest.NewOIDC(t, "", time.Now)
	op.Claims = map[string]any{"preferred_username": "ann", "name": "Ann Example", "email": "ann@corp.example", "groups": []string{"pki"}}
	op.EndSession = op.URL + "/logout"
	idp := federationtest.NewSAML(t, time.Now)
	idp.Person.UserName, idp.Person.UserCommonName, idp.Plain = "sam", "Sam Example", false
	dir := b.dir
	var roots []byte
	for _, der := range [][]byte{op.Certificate().Raw, idp.Certificate().Raw} {
		roots = append(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	server := harness.Start(t, harness.Options{Args: []string{"--outbound-roots", harness.WriteFile(t, dir, "roots.pem", roots)}})
	server.Secret(op.Secret)
	admin := server.Admin(t)
	op.Redirect = server.Main + "/signin/oidc/corp/callback"
	known := harness.Serve(t, "127.0.0.1:0", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		idp.Knows(t, b)
	}))
	b.drive("federation.mjs", map[string]any{"base": server.Main, "password": admin.Password,
		"issuer": op.URL, "client": op.ClientID, "secret": op.Secret, "metadata": idp.URL + "/metadata", "known": known})
}
