package identity

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/policy"
	"github.com/certwright/certwright/internal/secret"
)

// NewCredential is what an administrator says of a new credential.
type NewCredential struct {
	Type         core.CredentialType
	Auth         core.AuthKind // empty: the type's usual one
	Label        string        // empty: generated
	Default      bool          // answers on the protocol's bare path, too
	Description  string
	Tags         []string
	User         core.UserID
	Group        core.GroupID
	Organisation core.OrganisationID // empty: the group's
	Products     []core.ProductID
	Product      core.ProductID // the default; empty: the first of Products
	PublicID     string         // user name or reference value where the kind lets it be chosen; empty: generated
	Trust        []byte         // client-certificate: PEM
	ExpiresAt    time.Time
	Sources      []netip.Prefix
	AllowedNames []string
	ProvenNames  []string
	Options      core.CredentialOptions
}

// Created is a new credential or one with a new secret.
type Created struct {
	Credential *core.Credential
	Secret     secret.Redacted // shown this once; empty when the kind has none
	URL        string
	BareURL    string // where the type's default credential answers too; else empty
	Commands   string // for a client, to copy and paste; may be empty
	// Notice is what else must be known; see CredentialType.Unserved.
	Notice string
}

// CreateCredential makes a credential. Errors name the field at fault; a label
// or user name that is taken gives kind exists.
func (s *Service) CreateCredential(ctx context.Context, p *core.Principal, n NewCredential) (*Created, error) {
	if err := Can(p, CredentialCreate, n.Group); err != nil {
		return nil, err
	}
	t, err := s.Type(n.Type)
	if err != nil {
		return nil, err
	}
	c, err := s.draft(&t, p.Account, n)
	if err != nil {
		return nil, err
	}
	if err := mayChoose(p, c.Default, len(c.ProvenNames) > 0 || trusted(c)); err != nil {
		return nil, err
	}
	if err := s.checkOwners(ctx, c); err != nil {
		return nil, err
	}
	if err := s.checkProducts(ctx, c, c.Products); err != nil {
		return nil, err
	}
	form, err := t.form(c.Auth)
	if err != nil {
		return nil, err
	}
	if n.PublicID == "" {
		if err := s.freePublicID(ctx, &t, c); err != nil {
			return nil, err
		}
	}
	plain, err := s.setSecret(&t, c, form)
	if err != nil {
		return nil, err
	}
	err = s.change(ctx, p, "credential.create", object("credential", c.ID), func(ctx context.Context, tx core.Tx, e *core.Event) error {
		if c.Number, err = s.number(ctx, tx, c.Account, "credential"); err != nil {
			return err
		}
		e.Credential = c.ID
		e.Detail["type"], e.Detail["label"], e.Detail["auth"] = string(c.Type), c.Label, string(c.Auth)
		e.Detail["user"], e.Detail["group"], e.Detail["products"] = string(c.User), string(c.Group), c.Products
		return s.storage.InsertCredential(ctx, tx, c)
	})
	if err != nil {
		return nil, err
	}
	return s.created(&t, c, plain), nil
}

// draft makes a credential of what was said, checked as far as the words go.
func (s *Service) draft(t *CredentialType, account core.AccountID, n NewCredential) (*core.Credential, error) {
	now := s.now()
	c := &core.Credential{
		ID: core.NewID[core.CredentialID](now), Account: account, Type: n.Type, Auth: n.Auth, Label: n.Label, Default: n.Default,
		Description: n.Description, Tags: n.Tags, State: core.CredentialActive, User: n.User, Group: n.Group, Organisation: n.Organisation,
		Products: slices.Clone(n.Products), Product: n.Product, PublicID: n.PublicID, Trust: n.Trust, ExpiresAt: n.ExpiresAt,
		Sources: n.Sources, AllowedNames: n.AllowedNames, ProvenNames: n.ProvenNames, Options: n.Options, Version: 1,
		CreatedAt: now, UpdatedAt: now, SecretSetAt: now,
	}
	if c.Auth == "" {
		c.Auth = t.Auth[0].Kind
	}
	if _, err := t.form(c.Auth); err != nil {
		return nil, err
	}
	if c.Label == "" {
		c.Label = newLabel()
	}
	if err := checkLabel(t, c.Label); err != nil {
		return nil, err
	}
	rule, _ := ruleOf(c.Auth)
	if c.PublicID == "" {
		c.PublicID = newPublicID(t, rule)
	} else if err := checkPublicID(rule, c.PublicID); err != nil {
		return nil, err
	}
	return c, s.checkWords(c)
}

// freePublicID makes another public id while a generated one is taken, which
// happens to short ones.
func (s *Service) freePublicID(ctx context.Context, t *CredentialType, c *core.Credential) error {
	rule, _ := ruleOf(c.Auth)
	for range 10 {
		_, _, err := s.storage.CredentialByPublicID(ctx, c.Type, c.PublicID)
		switch {
		case core.Is(err, core.KindNotFound):
			return nil
		case err != nil:
			return err
		}
		c.PublicID = newPublicID(t, rule)
	}
	return nil // the insert says what is wrong
}

// checkWords verifies what can be judged without looking anything up, and
// brings it into its normal form.
func (s *Service) checkWords(c *core.Credential) (err error) {
	if err := checkText("description", c.Description, 0, 500); err != nil {
		return err
	}
	if c.Tags, err = checkTags(c.Tags); err != nil {
		return err
	}
	if c.Sources, err = checkSources(c.Sources); err != nil {
		return err
	}
	for field, rules := range map[string][]string{"allowed_names": c.AllowedNames, "proven_names": c.ProvenNames} {
		if err := policy.CheckAllowedNames(rules); err != nil {
			return core.AsError(err).At(field)
		}
	}
	if err := checkOptions(c); err != nil {
		return err
	}
	if c.Product == "" && len(c.Products) > 0 {
		c.Product = c.Products[0]
	}
	switch {
	case len(c.Products) == 0 || len(c.Products) > 100:
		return core.Errorf(core.KindInvalid, "a credential has 1 to 100 products").At("products")
	case !slices.Contains(c.Products, c.Product):
		return core.Errorf(core.KindInvalid, "the default product is not among the products").At("product")
	case c.Auth == core.AuthClientCert && len(c.Trust) == 0:
		return core.Errorf(core.KindInvalid, "say which certificates are accepted: PEM of CAs or of the very certificates").At("trust")
	case c.Auth != core.AuthClientCert && len(c.Trust) > 0:
		return core.Errorf(core.KindInvalid, "only client certificate credentials have trusted certificates").At("trust")
	}
	if c.Auth == core.AuthClientCert {
		if _, err := parseTrust(c.Trust); err != nil {
			return err
		}
	}
	c.ExpiresAt = c.ExpiresAt.UTC().Truncate(time.Microsecond)
	return checkExpiry(c.ExpiresAt, s.now())
}

// mayChoose guards two settings that reach beyond the group: the bare path,
// and names that count as proven, be they listed or whatever is asked for.
func mayChoose(p *core.Principal, bare, proven bool) error {
	if bare {
		if err := Can(p, CredentialDefault, ""); err != nil {
			return err
		}
	}
	if proven {
		return Can(p, CredentialProve, "")
	}
	return nil
}

// checkOwners verifies user, group and organisation.
func (s *Service) checkOwners(ctx context.Context, c *core.Credential) error {
	g, err := s.storage.Group(ctx, nil, c.Account, c.Group)
	if err != nil {
		return named(err, "group")
	}
	u, err := s.storage.User(ctx, nil, c.Account, c.User)
	if err != nil {
		return named(err, "user")
	}
	switch {
	case u.State != core.UserActive:
		return core.Errorf(core.KindInvalid, "the user is disabled").At("user")
	case !slices.Contains(u.Groups, g.ID):
		return core.Errorf(core.KindInvalid, "the user is not a member of the group").At("user")
	}
	if c.Organisation == "" {
		c.Organisation = g.Organisation
		return nil
	}
	_, err = s.storage.Organisation(ctx, nil, c.Account, c.Organisation)
	return named(err, "organisation")
}

// checkProducts verifies that products exist and are active.
func (s *Service) checkProducts(ctx context.Context, c *core.Credential, ids []core.ProductID) error {
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			return core.Errorf(core.KindInvalid, "a product is named twice").At("products")
		}
		prod, err := s.catalogue.Product(ctx, c.Account, id)
		switch {
		case err != nil:
			return named(err, "products")
		case prod.State != core.ProductActive:
			return core.Errorf(core.KindInvalid, "product %s is disabled", prod.Code).At("products")
		}
	}
	return nil
}

// created gathers what the owner of a new secret is told.
func (s *Service) created(t *CredentialType, c *core.Credential, plain string) *Created {
	e := s.endpoint(t, c, plain)
	out := &Created{Credential: c, Secret: secret.Redacted(plain), URL: e.URL, Notice: t.Unserved}
	if c.Default {
		out.BareURL = t.URL(e.BaseURL, "")
	}
	if t.Commands != nil {
		out.Commands = t.Commands(e)
	}
	return out
}

func (s *Service) endpoint(t *CredentialType, c *core.Credential, plain string) Endpoint {
	base := s.baseURL()
	return Endpoint{BaseURL: base, URL: t.URL(base, c.Label), Credential: c, Secret: plain}
}

// Endpoint returns a credential's URL and client commands again, with
// "<secret>" where the secret stood.
func (s *Service) Endpoint(c *core.Credential) (*Created, error) {
	t, err := s.Type(c.Type)
	if err != nil {
		return nil, err
	}
	out := s.created(&t, c, "<secret>")
	out.Secret = ""
	return out, nil
}
