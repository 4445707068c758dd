package federation

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/secret"
)

// Data is what an administrator says of a provider.
type Data struct {
	Label  string            // of a new one
	Kind   core.ProviderKind // of a new one
	Name   string
	Config core.ProviderConfig
	// Secret is the client secret of OIDC or the password of LDAP's BindDN; nil
	// leaves the one that there is.
	Secret *secret.Redacted
}

// secrets are sealed with a provider.
type secrets struct {
	Secret string `json:"secret,omitempty"`
	Key    []byte `json:"key,omitempty"` // PKCS #8; this side's key of SAML
}

// SecretsPlace names where a provider's secrets are sealed for.
func SecretsPlace(id core.ProviderID) string { return "signin-provider/" + string(id) }

func (s *Service) secrets(p *core.SignInProvider) (out secrets, err error) {
	if len(p.SecretsSealed) == 0 {
		return out, nil
	}
	plain, err := s.Sealer.Open(p.SecretsSealed, SecretsPlace(p.ID))
	if err != nil {
		return out, err
	}
	return out, json.Unmarshal(plain, &out)
}

func (s *Service) seal(p *core.SignInProvider, v secrets) (err error) {
	if v.Secret == "" && v.Key == nil {
		p.SecretsSealed = nil
		return nil
	}
	plain, err := json.Marshal(v)
	if err != nil {
		return err
	}
	p.SecretsSealed, err = s.Sealer.Seal(plain, SecretsPlace(p.ID))
	return err
}

// Create adds a provider, disabled. Errors: invalid at a field, exists at label.
func (s *Service) Create(ctx context.Context, by *core.Principal, d Data) (*core.SignInProvider, error) {
	if err := identity.Can(by, identity.ProviderManage, ""); err != nil {
		return nil, err
	}
	now := s.Now()
	p := &core.SignInProvider{ID: core.NewID[core.ProviderID](now), Account: by.Account, Label: d.Label, Name: d.Name, Kind: d.Kind, Config: d.Config,
		Version: 1, CreatedAt: now, UpdatedAt: now}
	var v secrets
	if d.Secret != nil {
		v.Secret = d.Secret.Reveal()
	}
	if err := check(p, v); err != nil {
		return nil, err
	}
	if p.Kind == core.ProviderSAML {
		if err := s.newKey(p, &v); err != nil {
			return nil, err
		}
	}
	if err := s.seal(p, v); err != nil {
		return nil, err
	}
	err := s.change(ctx, by, "provider.create", p.ID, func(ctx context.Context, tx core.Tx, e *core.Event) error {
		if err := s.checkGroups(ctx, tx, p); err != nil {
			return err
		}
		describe(e, p)
		return s.Storage.InsertSignInProvider(ctx, tx, p)
	})
	if err != nil {
		return nil, err
	}
	return public(p), nil
}

// describe says in the audit log what a provider is now.
func describe(e *core.Event, p *core.SignInProvider) {
	c := p.Config
	if c.SAML != nil { // metadata is long
		saml := *c.SAML
		saml.Metadata, saml.Certificate = clip(saml.Metadata, 200), ""
		c.SAML = &saml
	}
	e.Detail["label"], e.Detail["name"], e.Detail["kind"], e.Detail["config"] = p.Label, p.Name, string(p.Kind), c
}

// public returns a provider without its secrets, which stay in here.
func public(p *core.SignInProvider) *core.SignInProvider {
	c := *p
	c.HasSecret, c.SecretsSealed = len(p.SecretsSealed) > 0, nil
	return &c
}

// checkGroups verifies that the groups of rules exist.
func (s *Service) checkGroups(ctx context.Context, tx core.Tx, p *core.SignInProvider) error {
	for _, r := range p.Config.Rules {
		if r.Group == "" {
			continue
		}
		if _, err := s.Storage.Group(ctx, tx, p.Account, r.Group); core.Is(err, core.KindNotFound) {
			return invalid("rules", "there is no such group")
		} else if err != nil {
			return err
		}
	}
	return nil
}

// Update changes a provider whose version is still the one given; that it is
// not gives a conflict. A secret that is kept must be given again when it would
// go to another server than before.
func (s *Service) Update(ctx context.Context, by *core.Principal, id core.ProviderID, version int, d Data) (*core.SignInProvider, error) {
	if err := identity.Can(by, identity.ProviderManage, ""); err != nil {
		return nil, err
	}
	return s.edit(ctx, by, id, "provider.update", func(p *core.SignInProvider, e *core.Event) error {
		if p.Version != version {
			return core.Errorf(core.KindConflict, "the sign-in provider was changed by somebody else meanwhile")
		}
		v, err := s.secrets(p)
		if err != nil {
			return err
		}
		old := p.Config
		p.Name, p.Config = d.Name, d.Config
		switch {
		case d.Secret != nil:
			v.Secret = d.Secret.Reveal()
			e.Detail["secret_changed"] = true
		case v.Secret != "" && server(old) != server(p.Config):
			return invalid("secret", "the provider is another server now: give its secret")
		}
		if p.Config.SAML != nil && old.SAML != nil {
			p.Config.SAML.Certificate = old.SAML.Certificate
		}
		if err := check(p, v); err != nil {
			return err
		}
		describe(e, p)
		return s.seal(p, v)
	})
}

// server names where a provider's secret goes.
func server(c core.ProviderConfig) string {
	switch {
	case c.OIDC != nil:
		return c.OIDC.Issuer
	case c.LDAP != nil:
		u := slices.Clone(c.LDAP.URLs)
		slices.Sort(u)
		b, _ := json.Marshal([]any{u, c.LDAP.StartTLS, c.LDAP.Plain})
		return string(b)
	}
	return ""
}

// edit changes a provider in a transaction.
func (s *Service) edit(ctx context.Context, by *core.Principal, id core.ProviderID, action string, f func(p *core.SignInProvider, e *core.Event) error) (*core.SignInProvider, error) {
	if !core.ValidID(id) {
		return nil, core.Errorf(core.KindNotFound, "there is no such sign-in provider")
	}
	var p *core.SignInProvider
	err := s.change(ctx, by, action, id, func(ctx context.Context, tx core.Tx, e *core.Event) (err error) {
		if p, err = s.Storage.SignInProvider(ctx, tx, by.Account, id); err != nil {
			return err
		}
		was := p.Enabled
		e.Detail["label"] = p.Label
		if err := f(p, e); err != nil {
			return err
		}
		if err := s.checkGroups(ctx, tx, p); err != nil {
			return err
		}
		p.Version, p.UpdatedAt = p.Version+1, s.Now()
		if was && !p.Enabled {
			if e.Detail["sessions_ended"], err = s.Storage.EndProvidedSessions(ctx, tx, by.Account, id, by.Session); err != nil {
				return err
			}
		}
		return s.Storage.UpdateSignInProvider(ctx, tx, p)
	})
	if err != nil {
		return nil, err
	}
	return public(p), nil
}

// SetEnabled switches a provider on or off. Off, nobody signs in through it any
// more, and the sessions of all who are linked to it end.
func (s *Service) SetEnabled(ctx context.Context, by *core.Principal, id core.ProviderID, on bool) (*core.SignInProvider, error) {
	if err := identity.Can(by, identity.ProviderManage, ""); err != nil {
		return nil, err
	}
	action := "provider.disable"
	if on {
		action = "provider.enable"
	}
	return s.edit(ctx, by, id, action, func(p *core.SignInProvider, _ *core.Event) error {
		p.Enabled = on
		return nil
	})
}

// Delete removes a provider. What its rules gave is taken, and the sessions of
// all who are linked to it end; the users stay.
func (s *Service) Delete(ctx context.Context, by *core.Principal, id core.ProviderID) error {
	if err := identity.Can(by, identity.ProviderManage, ""); err != nil {
		return err
	}
	if !core.ValidID(id) {
		return core.Errorf(core.KindNotFound, "there is no such sign-in provider")
	}
	return s.change(ctx, by, "provider.delete", id, func(ctx context.Context, tx core.Tx, e *core.Event) error {
		p, err := s.Storage.SignInProvider(ctx, tx, by.Account, id)
		if err != nil {
			return err
		}
		e.Detail["label"], e.Detail["kind"] = p.Label, string(p.Kind)
		if e.Detail["sessions_ended"], err = s.Storage.EndProvidedSessions(ctx, tx, by.Account, id, by.Session); err != nil {
			return err
		}
		if err := s.Storage.DropProvided(ctx, tx, by.Account, id); err != nil {
			return err
		}
		return s.Storage.DeleteSignInProvider(ctx, tx, by.Account, id)
	})
}

// Provider returns one without its secrets.
func (s *Service) Provider(ctx context.Context, by *core.Principal, id core.ProviderID) (*core.SignInProvider, error) {
	if err := identity.Can(by, identity.ProviderView, ""); err != nil {
		return nil, err
	}
	p, err := s.Storage.SignInProvider(ctx, nil, by.Account, id)
	if err != nil {
		return nil, err
	}
	return public(p), nil
}

// Providers lists providers without their secrets.
func (s *Service) Providers(ctx context.Context, by *core.Principal, q core.ListQuery) (core.Page[core.SignInProvider], error) {
	if err := identity.Can(by, identity.ProviderView, ""); err != nil {
		return core.Page[core.SignInProvider]{}, err
	}
	q.Account = by.Account
	return s.Storage.SignInProviders(ctx, q)
}

// Columns describes the list of providers.
func (s *Service) Columns() []core.Column { return s.Storage.SignInProviderColumns() }

// Button is a provider on the sign-in page.
type Button struct{ Kind, Label, Name string }

// Buttons lists the enabled providers that the browser is sent to.
func (s *Service) Buttons(ctx context.Context) ([]Button, error) {
	acc, err := s.Storage.AccountByNumber(ctx, 0)
	if core.Is(err, core.KindNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	all, err := s.Storage.EnabledSignInProviders(ctx, acc.ID)
	var out []Button
	for _, p := range all {
		if p.Kind != core.ProviderLDAP {
			out = append(out, Button{string(p.Kind), p.Label, p.Name})
		}
	}
	return out, err
}

// enabled finds a provider that the browser is sent to.
func (s *Service) enabled(ctx context.Context, kind core.ProviderKind, label string) (*core.SignInProvider, error) {
	acc, err := s.Storage.AccountByNumber(ctx, 0)
	if err != nil {
		return nil, err
	}
	p, err := s.Storage.SignInProviderByLabel(ctx, acc.ID, label)
	if err != nil {
		return nil, err
	}
	if p.Kind != kind || !p.Enabled {
		return nil, core.Errorf(core.KindNotFound, "there is no such sign-in provider")
	}
	return p, nil
}
