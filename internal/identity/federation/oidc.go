package federation

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/secret"
)

// discovered is what a provider says of itself. It decides over nobody's
// access: keys are fetched again when a token names one that is not known.
type discovered struct {
	version int
	at      time.Time
	*oidc.Provider
}

// discoveredFor is how long what a provider says of itself is not asked again.
const discoveredFor = 5 * time.Minute

// discover reads a provider's configuration (OpenID Connect Discovery 1.0
// section 4); its issuer must be the one that is configured.
func (s *Service) discover(ctx context.Context, p *core.SignInProvider) (*oidc.Provider, error) {
	s.mu.Lock()
	d := s.known[p.ID]
	s.mu.Unlock()
	if d != nil && d.version == p.Version && s.Now().Sub(d.at) < discoveredFor {
		return d.Provider, nil
	}
	op, err := s.readDiscovery(ctx, p.Config.OIDC.Issuer)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.known[p.ID] = &discovered{p.Version, s.Now(), op}
	s.mu.Unlock()
	return op, nil
}

func (s *Service) readDiscovery(ctx context.Context, issuer string) (*oidc.Provider, error) {
	op, err := oidc.NewProvider(oidc.ClientContext(ctx, s.http), issuer)
	if err != nil {
		return nil, err
	}
	var more struct {
		JWKS string `json:"jwks_uri"`
	}
	if err := op.Claims(&more); err != nil {
		return nil, err
	}
	for _, u := range []string{op.Endpoint().AuthURL, op.Endpoint().TokenURL, more.JWKS} {
		if httpsURL("endpoint", u) != nil {
			return nil, errors.New("the provider's configuration names an endpoint that is no https:// URL")
		}
	}
	return op, nil
}

// CallbackURL is the redirect URI to be registered with an OpenID provider.
func (s *Service) CallbackURL(p *core.SignInProvider) string {
	return s.BaseURL() + "/signin/oidc/" + p.Label + "/callback"
}

func (s *Service) client(p *core.SignInProvider, op *oidc.Provider) (*oauth2.Config, error) {
	v, err := s.secrets(p)
	if err != nil {
		return nil, err
	}
	c := p.Config.OIDC
	end := op.Endpoint()
	end.AuthStyle = oauth2.AuthStyleInHeader
	if c.ClientAuth != "basic" {
		end.AuthStyle = oauth2.AuthStyleInParams
	}
	scopes := c.Scopes
	if len(scopes) == 0 {
		scopes = []string{"profile", "email"}
	}
	return &oauth2.Config{ClientID: c.ClientID, ClientSecret: v.Secret, Endpoint: end, RedirectURL: s.CallbackURL(p),
		Scopes: append([]string{oidc.ScopeOpenID}, slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return s == oidc.ScopeOpenID })...)}, nil
}

// BeginOIDC sends a browser to an OpenID provider (OpenID Connect Core 1.0
// section 3.1.2.1) with PKCE (RFC 7636). next is where it goes afterwards.
func (s *Service) BeginOIDC(ctx context.Context, label, next string, in identity.SignIn) (*Journey, error) {
	p, err := s.enabled(ctx, core.ProviderOIDC, label)
	if err != nil {
		return nil, err
	}
	op, err := s.discover(ctx, p)
	if err != nil {
		return nil, s.away(ctx, p, in, err)
	}
	client, err := s.client(p, op)
	if err != nil {
		return nil, err
	}
	cookie, err := s.leave(ctx, string(p.Kind), p, next)
	if err != nil {
		return nil, err
	}
	opts := []oauth2.AuthCodeOption{oidc.Nonce(derive(cookie, "nonce")), oauth2.S256ChallengeOption(derive(cookie, "verifier"))}
	if c := p.Config.OIDC; c.Prompt != "" {
		opts = append(opts, oauth2.SetAuthURLParam("prompt", c.Prompt))
	}
	return &Journey{client.AuthCodeURL(derive(cookie, "state"), opts...), secret.Redacted(cookie)}, nil
}

// FinishOIDC takes the browser back from an OpenID provider with the
// parameters of its answer, and signs in. Errors: expired, forbidden,
// unavailable.
func (s *Service) FinishOIDC(ctx context.Context, label, cookie string, answer url.Values, in identity.SignIn) (*identity.SignedIn, string, error) {
	p, err := s.enabled(ctx, core.ProviderOIDC, label)
	if err != nil {
		return nil, "", err
	}
	j, err := s.back(ctx, p, cookie)
	if core.Is(err, core.KindExpired) {
		if refused := s.refuse(ctx, p, in, "no such sign-in was begun in this browser", nil); !core.Is(refused, core.KindForbidden) {
			return nil, "", refused
		}
	}
	if err != nil {
		return nil, "", err
	}
	if subtle.ConstantTimeCompare([]byte(answer.Get("state")), []byte(derive(cookie, "state"))) != 1 {
		return nil, "", s.refuse(ctx, p, in, "the answer belongs to another sign-in", nil)
	}
	if iss := answer.Get("iss"); iss != "" && iss != p.Config.OIDC.Issuer { // RFC 9207
		return nil, "", s.refuse(ctx, p, in, "the answer comes from another provider", nil)
	}
	if code := answer.Get("error"); code != "" {
		return nil, "", s.refuse(ctx, p, in, "the provider did not sign you in", errors.New(clip(code+" "+answer.Get("error_description"), 200)))
	}
	o, token, err := s.redeem(ctx, p, cookie, answer.Get("code"), in)
	if err != nil {
		return nil, "", err
	}
	out, err := s.Identity.SignInOutside(ctx, in, o)
	if err == nil {
		s.keepExit(ctx, p, hint{token, clip(o.Login, 256)}, out)
	}
	return out, j.Next, err
}

// redeem turns a code into who it stands for, with the ID token that says so.
func (s *Service) redeem(ctx context.Context, p *core.SignInProvider, cookie, code string, in identity.SignIn) (*identity.Outside, string, error) {
	if code == "" || len(code) > 4096 {
		return nil, "", s.refuse(ctx, p, in, "the answer holds no code", nil)
	}
	op, err := s.discover(ctx, p)
	if err != nil {
		return nil, "", s.away(ctx, p, in, err)
	}
	client, err := s.client(p, op)
	if err != nil {
		return nil, "", err
	}
	ctx = oidc.ClientContext(ctx, s.http)
	tok, err := client.Exchange(ctx, code, oauth2.VerifierOption(derive(cookie, "verifier")))
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused) && refused.Response.StatusCode < 500: // its body may repeat what was sent
		return nil, "", s.refuse(ctx, p, in, "the provider does not accept the code", errors.New(clip(refused.ErrorCode, 100)))
	case errors.As(err, &refused):
		return nil, "", s.away(ctx, p, in, errors.New("the token endpoint answers "+refused.Response.Status))
	case err != nil:
		return nil, "", s.away(ctx, p, in, err)
	}
	raw, _ := tok.Extra("id_token").(string)
	if raw == "" {
		return nil, "", s.refuse(ctx, p, in, "the provider's answer holds no ID token", nil)
	}
	claims, idt, err := s.verify(ctx, p, op, raw, derive(cookie, "nonce"), tok.AccessToken)
	if err != nil {
		return nil, "", s.refuse(ctx, p, in, "the provider's ID token is not valid", err)
	}
	if p.Config.OIDC.UserInfo {
		if claims, err = moreClaims(ctx, op, tok, idt.Subject, claims); err != nil {
			return nil, "", s.refuse(ctx, p, in, "the provider's UserInfo answer is not valid", err)
		}
	}
	return outsideOf(p, idt.Subject, claims), raw, nil
}

// verify checks an ID token (OpenID Connect Core 1.0 section 3.1.3.7).
func (s *Service) verify(ctx context.Context, p *core.SignInProvider, op *oidc.Provider, raw, nonce, access string) (map[string]any, *oidc.IDToken, error) {
	idt, err := op.VerifierContext(ctx, &oidc.Config{ClientID: p.Config.OIDC.ClientID, Now: s.Now}).Verify(ctx, raw)
	if err != nil {
		return nil, nil, err
	}
	claims := map[string]any{}
	if err := idt.Claims(&claims); err != nil {
		return nil, nil, err
	}
	azp, named := claims["azp"]
	switch {
	case subtle.ConstantTimeCompare([]byte(idt.Nonce), []byte(nonce)) != 1:
		return nil, nil, errors.New("the nonce is another one")
	case named && azp != p.Config.OIDC.ClientID, !named && len(idt.Audience) > 1:
		return nil, nil, errors.New("the token was issued to another party")
	case idt.Subject == "" || len(idt.Subject) > 255:
		return nil, nil, errors.New("the token names nobody")
	case idt.AccessTokenHash != "" && access != "":
		return claims, idt, idt.VerifyAccessToken(access)
	}
	return claims, idt, nil
}

// moreClaims adds the claims of the UserInfo endpoint, which must be of the same
// person (section 5.3.2).
func moreClaims(ctx context.Context, op *oidc.Provider, tok *oauth2.Token, subject string, claims map[string]any) (map[string]any, error) {
	if httpsURL("endpoint", op.UserInfoEndpoint()) != nil {
		return nil, errors.New("the provider has no UserInfo endpoint")
	}
	info, err := op.UserInfo(ctx, oauth2.StaticTokenSource(tok))
	if err != nil {
		return nil, err
	}
	if info.Subject != subject {
		return nil, errors.New("it is about somebody else")
	}
	more := map[string]any{}
	if err := info.Claims(&more); err != nil {
		return nil, err
	}
	for k, v := range more {
		if _, ok := claims[k]; !ok {
			claims[k] = v
		}
	}
	return claims, nil
}

// outsideOf reads the claims that count.
func outsideOf(p *core.SignInProvider, subject string, claims map[string]any) *identity.Outside {
	names := p.Config.Attributes
	first := func(name, usual string) string {
		if name == "" {
			name = usual
		}
		if v := claim(claims, name); len(v) > 0 {
			return v[0]
		}
		return ""
	}
	o := &identity.Outside{Provider: p, Subject: subject, Login: first(names.Login, "preferred_username"), Name: first(names.Name, "name"),
		Email: first(names.Email, "email"), EmailVerified: first("", "email_verified") == "true"}
	if names.Groups == "" {
		names.Groups = "groups"
	}
	o.Groups = claim(claims, names.Groups)
	if o.Login == "" && names.Login == "" {
		o.Login = o.Email
	}
	return o
}

// claim returns the texts of a claim: of that name, or else found by a path of
// names with dots between them. A single value counts as a list of one.
func claim(claims map[string]any, name string) []string {
	v, ok := claims[name]
	for i := 0; !ok && i < len(name); i++ {
		if name[i] != '.' {
			continue
		}
		if inner, is := claims[name[:i]].(map[string]any); is {
			return claim(inner, name[i+1:])
		}
	}
	switch v := v.(type) {
	case string:
		return []string{v}
	case bool:
		b, _ := json.Marshal(v)
		return []string{string(b)}
	case []any:
		var out []string
		for _, one := range v {
			if t, is := one.(string); is && len(out) < maxGroups {
				out = append(out, t)
			}
		}
		return out
	}
	return nil
}

// maxGroups is how many groups of a person count.
const maxGroups = 5000
