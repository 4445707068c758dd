package federation

import (
	"context"
	"errors"
	"fmt"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// Step is one thing that was tried with a provider.
type Step struct {
	Name   string
	OK     bool
	Detail string // what was found, or what is wrong; may be shown
}

// Test tries a provider as far as that goes without a person, and says what was
// found. It changes nothing. A later step is not tried when one failed.
func (s *Service) Test(ctx context.Context, by *core.Principal, id core.ProviderID) ([]Step, error) {
	if err := identity.Can(by, identity.ProviderManage, ""); err != nil {
		return nil, err
	}
	if !core.ValidID(id) {
		return nil, core.Errorf(core.KindNotFound, "there is no such sign-in provider")
	}
	p, err := s.Storage.SignInProvider(ctx, nil, by.Account, id)
	if err != nil {
		return nil, err
	}
	var t steps
	switch p.Kind {
	case core.ProviderOIDC:
		s.testOIDC(ctx, p, &t)
	case core.ProviderSAML:
		s.testSAML(ctx, p, &t)
	case core.ProviderLDAP:
		s.testLDAP(ctx, p, &t)
	}
	err = s.change(ctx, by, "provider.test", id, func(_ context.Context, _ core.Tx, e *core.Event) error {
		e.Detail["label"], e.Detail["ok"] = p.Label, t.ok()
		return nil
	})
	return t, err
}

type steps []Step

func (t *steps) ok() bool { return len(*t) > 0 && (*t)[len(*t)-1].OK }

// add notes a step and reports whether to go on.
func (t *steps) add(name string, err error, format string, args ...any) bool {
	if err != nil {
		*t = append(*t, Step{name, false, clip(err.Error(), 500)})
		return false
	}
	*t = append(*t, Step{name, true, fmt.Sprintf(format, args...)})
	return true
}

func (s *Service) testOIDC(ctx context.Context, p *core.SignInProvider, t *steps) {
	op, err := s.readDiscovery(ctx, p.Config.OIDC.Issuer)
	if !t.add("Discovery", err, "issuer %s", p.Config.OIDC.Issuer) {
		return
	}
	var more struct {
		JWKS    string   `json:"jwks_uri"`
		Methods []string `json:"code_challenge_methods_supported"`
		Algs    []string `json:"id_token_signing_alg_values_supported"`
	}
	if !t.add("Configuration", op.Claims(&more), "signs with %v, PKCE %v", more.Algs, more.Methods) {
		return
	}
	n, err := s.countKeys(ctx, more.JWKS)
	if !t.add("Keys", err, "%d keys", n) || !p.Config.OIDC.Logout {
		return
	}
	if end := endSession(op); end != nil {
		t.add("Sign-out", nil, "at %s; the provider must allow %s after it", end.Host, s.SignedOutURL())
	} else {
		t.add("Sign-out", errors.New("the provider names no end_session_endpoint that is an https:// URL: people are signed out here alone"), "")
	}
}
