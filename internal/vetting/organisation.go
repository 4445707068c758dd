package vetting

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/secret"
)

// SetLegal changes the legal data. A change of what certificates show makes
// validated vettings a discrepancy.
func (s *Service) SetLegal(ctx context.Context, p *core.Principal, o core.OrganisationID, d core.LegalData) (*core.Organisation, error) {
	if err := identity.Can(p, identity.OrganisationLegal, ""); err != nil {
		return nil, err
	}
	if _, err := s.reach(ctx, p, o); err != nil {
		return nil, err
	}
	if err := d.Check(); err != nil {
		return nil, err
	}
	var after *core.Organisation
	now := s.now()
	err := s.storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		before, err := s.storage.LockOrganisation(ctx, tx, p.Account, o)
		if err != nil {
			return err
		}
		c := *before
		after = &c
		after.Legal, after.UpdatedAt = d, now
		if err := s.storage.UpdateOrganisation(ctx, tx, after); err != nil {
			return err
		}
		s.write(tx, p, now, "organisation.legal", "organisation:"+string(o), map[string]any{"name": after.Name, "legal": after.Legal})
		return s.Changed(ctx, tx, p, before, after)
	})
	if err != nil {
		return nil, err
	}
	return after, nil
}

// Changed looks after the vettings of an organisation that is changed in tx, in
// which it is locked: when what certificates show differs, validated ones stand
// no longer, and validators who look at an open one have to look again.
func (s *Service) Changed(ctx context.Context, tx core.Tx, p *core.Principal, before, after *core.Organisation) error {
	if before.Attested() == after.Attested() {
		return nil
	}
	list, err := s.storage.VettingsOf(ctx, tx, after.Account, after.ID)
	if err != nil {
		return err
	}
	now := s.now()
	open := map[core.Purpose]bool{}
	for i := range list {
		v := &list[i]
		if v.State.Open() {
			open[v.Purpose] = true
			v.Version, v.UpdatedAt = v.Version+1, now
			if err := s.storage.UpdateVetting(ctx, tx, v, v.Version-1); err != nil {
				return err
			}
		}
	}
	comment := "the organisation was changed in " + strings.Join(differences(before, after), ", ")
	for i := range list { // newest first
		v := &list[i]
		if v.Shown(now) != core.VettingValidated {
			continue
		}
		to := core.VettingDiscrepancy
		if open[v.Purpose] { // there is one to decide on
			to = core.VettingRejected
		}
		open[v.Purpose] = true
		v.Comment, v.ExpiresAt, v.Reminded = comment, time.Time{}, 0
		if err := s.move(ctx, tx, p, v, to, "vetting.discrepancy", now); err != nil {
			return err
		}
	}
	return nil
}

// differences names what certificates show that differs.
func differences(a, b *core.Organisation) []string {
	x, y := a.Attested(), b.Attested()
	var out []string
	for _, f := range []struct {
		name string
		same bool
	}{
		{"name", x.Name == y.Name}, {"country", x.Country == y.Country}, {"state", x.State == y.State}, {"locality", x.Locality == y.Locality},
		{"legal data", x.Legal == y.Legal},
	} {
		if !f.same {
			out = append(out, f.name)
		}
	}
	return out
}

// Organisations lists the organisations that an API credential may order for,
// or a person may see, by number.
func (s *Service) Organisations(ctx context.Context, p *core.Principal) ([]core.Organisation, error) {
	if err := mayLook(p); err != nil {
		return nil, err
	}
	var out []core.Organisation
	if p.Credential != nil {
		own, err := s.ofCredential(ctx, p)
		if err != nil {
			return nil, err
		}
		for id := range own {
			o, err := s.storage.Organisation(ctx, nil, p.Account, id)
			if core.Is(err, core.KindNotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			out = append(out, *o)
		}
		slices.SortFunc(out, func(a, b core.Organisation) int { return int(a.Number - b.Number) })
		return out, nil
	}
	q := core.ListQuery{Account: p.Account, Limit: core.MaxPage, Sort: core.Sort{Column: "number"}}
	for {
		page, err := s.storage.Organisations(ctx, q)
		if err != nil {
			return nil, err
		}
		out = append(out, page.Items...)
		if page.Next == "" {
			return out, nil
		}
		q.Cursor = page.Next
	}
}

// ByNumber finds an organisation by its public number.
func (s *Service) ByNumber(ctx context.Context, p *core.Principal, number int64) (*core.Organisation, error) {
	if err := mayLook(p); err != nil {
		return nil, err
	}
	o, err := s.storage.OrganisationByNumber(ctx, p.Account, number)
	if err != nil {
		return nil, err
	}
	return s.reach(ctx, p, o.ID)
}

// tokenOctets is how long a pre-vetting token is before it is written in hex.
const tokenOctets = 16

// TokenPlace is the context under which an organisation's pre-vetting token is
// sealed.
func TokenPlace(id core.OrganisationID) string { return "pre-vetting:" + string(id) }

// Token returns the organisation's pre-vetting token, by which orders refer to
// its standing vetting; made anew with renew. It is shown to whoever may manage the
// organisation, and to credentials that may order for it. Only the former renew it.
func (s *Service) Token(ctx context.Context, p *core.Principal, o core.OrganisationID, renew bool) (string, error) {
	if p == nil || p.Credential == nil || renew {
		if err := identity.Can(p, identity.OrganisationManage, ""); err != nil {
			return "", err
		}
	}
	if _, err := s.reach(ctx, p, o); err != nil {
		return "", err
	}
	if !renew {
		token, err := s.openToken(ctx, nil, p.Account, o)
		if err != nil || token != "" {
			return token, err
		}
	}
	var token string
	now := s.now()
	err := s.storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		if _, err := s.storage.LockOrganisation(ctx, tx, p.Account, o); err != nil {
			return err
		}
		if !renew {
			var err error
			if token, err = s.openToken(ctx, tx, p.Account, o); err != nil || token != "" {
				return err
			}
		}
		var b [tokenOctets]byte
		_, _ = rand.Read(b[:]) // never fails since Go 1.24
		token = hex.EncodeToString(b[:])
		sealed, err := s.d.Sealer.Seal([]byte(token), TokenPlace(o))
		if err != nil {
			return err
		}
		s.write(tx, p, now, "organisation.token", "organisation:"+string(o), nil)
		return s.storage.SetOrganisationToken(ctx, tx, p.Account, o, sealed)
	})
	if err != nil {
		return "", err
	}
	return token, nil
}

// openToken reads a token; "" when there is none yet.
func (s *Service) openToken(ctx context.Context, tx core.Tx, account core.AccountID, o core.OrganisationID) (string, error) {
	sealed, err := s.storage.OrganisationToken(ctx, tx, account, o)
	if err != nil || len(sealed) == 0 {
		return "", err
	}
	plain, err := s.d.Sealer.Open(sealed, TokenPlace(o))
	return string(plain), err
}

// CheckToken reports whether token is the organisation's. An organisation
// without a token, and one that does not exist, have none.
func (s *Service) CheckToken(ctx context.Context, account core.AccountID, o core.OrganisationID, token string) (bool, error) {
	want, err := s.openToken(ctx, nil, account, o)
	switch {
	case core.Is(err, core.KindNotFound):
		return false, nil
	case err != nil:
		return false, err
	}
	return want != "" && secret.Equal([]byte(want), []byte(token)), nil
}
