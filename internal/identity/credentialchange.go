package identity

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// CredentialChange says what to change; nil leaves a field alone.
type CredentialChange struct {
	Version      int // of the credential that the change is based on
	Default      *bool
	Description  *string
	Tags         *[]string
	Products     *[]core.ProductID
	Product      *core.ProductID
	Trust        *[]byte
	ExpiresAt    *time.Time // zero time: never
	Sources      *[]netip.Prefix
	AllowedNames *[]string
	ProvenNames  *[]string
	Options      *core.CredentialOptions // replaced as a whole
}

// apply writes the change into c and lists the fields that were given.
func (ch CredentialChange) apply(c *core.Credential) (fields []string) {
	if ch.Products != nil && ch.Product == nil && !slices.Contains(*ch.Products, c.Product) {
		c.Product = "" // the first of the new ones
	}
	fields = set(fields, "default", &c.Default, ch.Default)
	fields = set(fields, "description", &c.Description, ch.Description)
	fields = set(fields, "tags", &c.Tags, ch.Tags)
	fields = set(fields, "products", &c.Products, ch.Products)
	fields = set(fields, "product", &c.Product, ch.Product)
	fields = set(fields, "trust", &c.Trust, ch.Trust)
	fields = set(fields, "expires_at", &c.ExpiresAt, ch.ExpiresAt)
	fields = set(fields, "sources", &c.Sources, ch.Sources)
	fields = set(fields, "allowed_names", &c.AllowedNames, ch.AllowedNames)
	fields = set(fields, "proven_names", &c.ProvenNames, ch.ProvenNames)
	return set(fields, "options", &c.Options, ch.Options)
}

// set writes v into dst when it is given, and notes the field.
func set[T any](fields []string, name string, dst, v *T) []string {
	if v == nil {
		return fields
	}
	*dst = *v
	return append(fields, name)
}

// UpdateCredential changes an active credential. Another version than the
// stored one gives a conflict.
func (s *Service) UpdateCredential(ctx context.Context, p *core.Principal, id core.CredentialID, ch CredentialChange) (*core.Credential, error) {
	old, err := s.writable(ctx, p, id, CredentialUpdate)
	if err != nil {
		return nil, err
	}
	if old.Version != ch.Version {
		return nil, core.Errorf(core.KindConflict, "the credential was changed in the meantime; it has version %d now", old.Version).At("version")
	}
	c := *old
	fields := ch.apply(&c)
	if err := mayChoose(p, c.Default && !old.Default, !slices.Equal(c.ProvenNames, old.ProvenNames) || trusted(&c) && !trusted(old)); err != nil {
		return nil, err
	}
	if ch.ExpiresAt == nil {
		c.ExpiresAt = time.Time{} // an end that has passed by now is no fault of this change
	}
	if err := s.checkWords(&c); err != nil {
		return nil, err
	}
	if ch.ExpiresAt == nil {
		c.ExpiresAt = old.ExpiresAt
	}
	added := slices.DeleteFunc(slices.Clone(c.Products), func(x core.ProductID) bool { return slices.Contains(old.Products, x) })
	if err := s.checkProducts(ctx, &c, added); err != nil {
		return nil, err
	}
	if err := s.save(ctx, p, "credential.update", &c, old.Version, map[string]any{"fields": fields}); err != nil {
		return nil, err
	}
	return &c, nil
}

// RevokeCredential ends a credential for ever: every protocol refuses the next
// request, its secret is erased, and it answers on no bare path any more.
func (s *Service) RevokeCredential(ctx context.Context, p *core.Principal, id core.CredentialID, reason string) (*core.Credential, error) {
	if err := checkText("reason", reason, 0, 500); err != nil {
		return nil, err
	}
	old, err := s.writable(ctx, p, id, CredentialRevoke)
	if err != nil {
		return nil, err
	}
	for try := 0; ; try++ {
		c := *old
		c.State, c.Default, c.RevokedAt, c.RevokedReason = core.CredentialRevoked, false, s.now(), reason
		c.SecretHash, c.SecretSealed = nil, nil
		err := s.save(ctx, p, "credential.revoke", &c, old.Version, map[string]any{"reason": reason})
		if err == nil {
			return &c, nil
		}
		// Revoking must not fail because somebody edits the description.
		if !core.Is(err, core.KindConflict) || try == 10 {
			return nil, err
		}
		if old, err = s.writable(ctx, p, id, CredentialRevoke); err != nil {
			return nil, err
		}
	}
}

// RegenerateCredential gives an active credential a new secret; the old one is
// dead as soon as this returns.
func (s *Service) RegenerateCredential(ctx context.Context, p *core.Principal, id core.CredentialID) (*Created, error) {
	old, err := s.writable(ctx, p, id, CredentialRegenerate)
	if err != nil {
		return nil, err
	}
	t, err := s.Type(old.Type)
	if err != nil {
		return nil, err
	}
	form, err := t.form(old.Auth)
	if err != nil {
		return nil, err
	}
	if form == SecretNone {
		return nil, core.Errorf(core.KindUnsupported, "a credential of this authentication kind has no secret")
	}
	c := *old
	plain, err := s.setSecret(&t, &c, form)
	if err != nil {
		return nil, err
	}
	c.SecretSetAt = s.now()
	if err := s.save(ctx, p, "credential.regenerate", &c, old.Version, nil); err != nil {
		return nil, err
	}
	return s.created(&t, &c, plain), nil
}

// writable reads a credential that p may change by the action; a revoked one
// gives a conflict.
func (s *Service) writable(ctx context.Context, p *core.Principal, id core.CredentialID, a Action) (*core.Credential, error) {
	c, err := s.visible(ctx, p, id, a)
	if err != nil {
		return nil, err
	}
	if c.State != core.CredentialActive {
		return nil, core.Errorf(core.KindConflict, "the credential is revoked, which is final")
	}
	return c, nil
}

// visible reads a credential and checks the action on it. Who may not even
// view it gets not-found.
func (s *Service) visible(ctx context.Context, p *core.Principal, id core.CredentialID, a Action) (*core.Credential, error) {
	if err := known(id, "credential"); err != nil {
		return nil, err
	}
	c, err := s.storage.Credential(ctx, nil, p.Account, id)
	if err != nil {
		return nil, err
	}
	if Can(p, CredentialView, c.Group) != nil {
		return nil, notFound("credential")
	}
	return c, Can(p, a, c.Group)
}

// save writes a changed credential and its event.
func (s *Service) save(ctx context.Context, p *core.Principal, action string, c *core.Credential, from int, detail map[string]any) error {
	c.Version, c.UpdatedAt = from+1, s.now()
	return s.change(ctx, p, action, object("credential", c.ID), func(ctx context.Context, tx core.Tx, e *core.Event) error {
		e.Credential = c.ID
		e.Detail["label"], e.Detail["version"] = c.Label, c.Version
		for k, v := range detail {
			e.Detail[k] = v
		}
		return s.storage.UpdateCredential(ctx, tx, c, from)
	})
}

// CredentialByID returns a credential that p may view.
func (s *Service) CredentialByID(ctx context.Context, p *core.Principal, id core.CredentialID) (*core.Credential, error) {
	return s.visible(ctx, p, id, CredentialView)
}

// Credentials lists the credentials that p may view.
func (s *Service) Credentials(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.Credential], error) {
	all, groups := VisibleGroups(p, CredentialView)
	q.Account = p.Account
	if err := q.Filter.Check(s.CredentialColumns()); err != nil {
		return core.Page[core.Credential]{}, err
	}
	return s.storage.Credentials(ctx, q, within(all, groups))
}

// CredentialColumns describes the list of credentials.
func (s *Service) CredentialColumns() []core.Column {
	cols := s.storage.CredentialColumns()
	for i := range cols {
		switch cols[i].Name {
		case "type": // an open list, so only this package knows the values
			cols[i].Type = core.TypeEnum
			for _, t := range s.types {
				cols[i].Values = append(cols[i].Values, string(t.Name))
			}
		case "auth":
			cols[i].Type = core.TypeEnum
			for _, r := range kindRules {
				cols[i].Values = append(cols[i].Values, string(r.kind))
			}
		}
	}
	return cols
}

// UsageFilter is the filter of the audit log that shows the usage of a
// credential.
func UsageFilter(id core.CredentialID) core.Filter {
	return core.Filter{{Column: "credential", Op: core.OpEquals, Values: []string{string(id)}}}
}

// within is how storage is told which groups a list may show.
func within(all bool, groups []core.GroupID) []core.GroupID {
	if all {
		return nil
	}
	if groups == nil {
		groups = []core.GroupID{}
	}
	return groups
}
