// Package xoauth2_test has golang.org/x/oauth2 get the order API's tokens.
package xoauth2_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/test/interop/harness"
)

// me asks who the token is for.
func me(h *http.Client, base string) (int, string, error) {
	r, err := h.Get(base + "/api/certinext/v2/auth/me")
	if err != nil {
		return 0, "", err
	}
	defer r.Body.Close()
	var a struct {
		AccountNumber string `json:"accountNumber"`
	}
	return r.StatusCode, a.AccountNumber, json.NewDecoder(r.Body).Decode(&a)
}

func TestTokens(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the server")
	}
	s := harness.Start(t, harness.Options{})
	a := s.Admin(t)
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, s.Client())
	config := func(c *harness.Credential, style oauth2.AuthStyle) *clientcredentials.Config {
		return &clientcredentials.Config{ClientID: c.PublicID, ClientSecret: c.Secret, TokenURL: s.Main + "/oauth/token", AuthStyle: style}
	}
	for name, style := range map[string]oauth2.AuthStyle{"in header": oauth2.AuthStyleInHeader, "in params": oauth2.AuthStyleInParams, "auto detect": oauth2.AuthStyleAutoDetect} {
		t.Run(name, func(t *testing.T) {
			c := a.REST(t, resource.NewCredential{Auth: core.AuthOAuth})
			cfg := config(c, style)
			first, err := cfg.Token(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if left := time.Until(first.Expiry); first.Type() != "Bearer" || left <= 30*time.Minute || left > time.Hour || first.RefreshToken == "" {
				t.Errorf("type %s, %s left, refresh token of %d", first.Type(), left, len(first.RefreshToken))
			}
			if status, number, err := me(cfg.Client(ctx), s.Main); err != nil || status != 200 || number != c.PublicID {
				t.Errorf("%d %s %v", status, number, err)
			}
			// The library refreshes by itself what it holds for expired.
			full := &oauth2.Config{ClientID: c.PublicID, ClientSecret: c.Secret, Endpoint: oauth2.Endpoint{TokenURL: cfg.TokenURL, AuthStyle: style}}
			old := &oauth2.Token{AccessToken: first.AccessToken, RefreshToken: first.RefreshToken, Expiry: time.Now().Add(-time.Minute)}
			source := full.TokenSource(ctx, old)
			second, err := source.Token()
			if err != nil {
				t.Fatal(err)
			}
			if second.AccessToken == first.AccessToken || second.RefreshToken == first.RefreshToken {
				t.Error("not a new pair")
			}
			if status, number, err := me(oauth2.NewClient(ctx, source), s.Main); err != nil || status != 200 || number != c.PublicID {
				t.Errorf("%d %s %v", status, number, err)
			}
			// A refresh token that is used twice ends its whole line.
			wants(t, full.TokenSource(ctx, old), 400, "invalid_grant")
			if status, _, err := me(oauth2.NewClient(ctx, oauth2.StaticTokenSource(second)), s.Main); err != nil || status != 401 {
				t.Errorf("the line's token after its refresh token was used twice: %d %v", status, err)
			}
			// A credential's end is its tokens' end.
			client := cfg.Client(ctx)
			if status, _, err := me(client, s.Main); err != nil || status != 200 {
				t.Errorf("%d %v", status, err)
			}
			if _, err := a.RevokeCredential(t.Context(), c.ID, "interop"); err != nil {
				t.Fatal(err)
			}
			if status, _, err := me(client, s.Main); err != nil || status != 401 {
				t.Errorf("the token of a revoked credential: %d %v", status, err)
			}
			wants(t, cfg.TokenSource(ctx), 401, "invalid_client")
		})
	}
	t.Run("regenerated", func(t *testing.T) {
		c := a.REST(t, resource.NewCredential{Auth: core.AuthOAuth})
		cfg := config(c, oauth2.AuthStyleInHeader)
		client := cfg.Client(ctx)
		if status, _, err := me(client, s.Main); err != nil || status != 200 {
			t.Fatalf("%d %v", status, err)
		}
		fresh, err := a.RegenerateCredential(t.Context(), c.ID)
		if err != nil {
			t.Fatal(err)
		}
		s.Secret(fresh.Secret)
		if status, _, err := me(client, s.Main); err != nil || status != 401 {
			t.Errorf("a token of the old secret: %d %v", status, err)
		}
		wants(t, cfg.TokenSource(ctx), 401, "invalid_client")
		cfg.ClientSecret = fresh.Secret
		if status, _, err := me(cfg.Client(ctx), s.Main); err != nil || status != 200 {
			t.Errorf("%d %v", status, err)
		}
	})
	t.Run("refused", func(t *testing.T) {
		c := a.REST(t, resource.NewCredential{Auth: core.AuthOAuth})
		wrong := config(c, oauth2.AuthStyleInParams)
		wrong.ClientSecret = "wrong"
		wants(t, wrong.TokenSource(ctx), 401, "invalid_client")
		unknown := config(c, oauth2.AuthStyleInParams)
		unknown.ClientID = "1000000000"
		wants(t, unknown.TokenSource(ctx), 401, "invalid_client")
		key := a.REST(t, resource.NewCredential{Auth: core.AuthAccessKey})
		wants(t, config(key, oauth2.AuthStyleInParams).TokenSource(ctx), 403, "unauthorized_client")
		other := config(c, oauth2.AuthStyleInParams)
		other.EndpointParams = map[string][]string{"grant_type": {"password"}}
		wants(t, other.TokenSource(ctx), 400, "unsupported_grant_type")
	})
}

// wants checks an error of the token endpoint.
func wants(t *testing.T, s oauth2.TokenSource, status int, code string) {
	t.Helper()
	_, err := s.Token()
	var e *oauth2.RetrieveError
	if !errors.As(err, &e) {
		t.Errorf("want %d %s, got %v", status, code, err)
		return
	}
	if got := fmt.Sprint(e.Response.StatusCode, " ", e.ErrorCode); got != fmt.Sprint(status, " ", code) {
		t.Errorf("want %d %s, got %s", status, code, got)
	}
}
