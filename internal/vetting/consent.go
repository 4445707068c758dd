package vetting

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// LinkLife is how long a consent link can be answered.
const LinkLife = 30 * 24 * time.Hour

// linksADay is how many links a representative of an organisation is sent in 24
// hours.
const linksADay = 10

// maxRepresentatives is how many people can speak for an organisation.
const maxRepresentatives = 200

// secretOctets is how long the secret of a link is before it is written in
// base64url.
const secretOctets = 32

// Representatives lists those of an organisation.
func (s *Service) Representatives(ctx context.Context, p *core.Principal, o core.OrganisationID) ([]core.Representative, error) {
	if _, err := s.reach(ctx, p, o); err != nil {
		return nil, err
	}
	return s.storage.Representatives(ctx, p.Account, o)
}

// AddRepresentative adds one to r.Organisation. He needs a name and a mail
// address.
func (s *Service) AddRepresentative(ctx context.Context, p *core.Principal, r core.Representative) (*core.Representative, error) {
	if err := identity.Can(p, identity.OrganisationLegal, ""); err != nil {
		return nil, err
	}
	if _, err := s.reach(ctx, p, r.Organisation); err != nil {
		return nil, err
	}
	if err := checkRepresentative(&r); err != nil {
		return nil, err
	}
	now := s.now()
	r.ID, r.Account, r.CreatedAt, r.UpdatedAt = core.NewID[core.RepresentativeID](now), p.Account, now, now
	err := s.storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		if _, err := s.storage.LockOrganisation(ctx, tx, p.Account, r.Organisation); err != nil {
			return err
		}
		n, err := s.storage.CountRepresentatives(ctx, tx, r.Organisation)
		if err != nil {
			return err
		}
		if n >= maxRepresentatives {
			return core.Errorf(core.KindQuota, "an organisation has at most %d representatives", maxRepresentatives)
		}
		if r.Number, err = s.storage.NextNumber(ctx, tx, p.Account, "representative", 1); err != nil {
			return err
		}
		s.write(tx, p, now, "representative.add", "representative:"+string(r.ID), map[string]any{"organisation": string(r.Organisation), "number": r.Number})
		return s.storage.InsertRepresentative(ctx, tx, &r)
	})
	if err != nil {
		return nil, err
	}
	return &r, nil
}

func checkRepresentative(r *core.Representative) error {
	if r.Name == "" {
		return core.Errorf(core.KindInvalid, "a representative has a name").At("name")
	}
	if err := core.CheckLine("name", r.Name, 200); err != nil {
		return err
	}
	if r.Email == "" {
		return core.Errorf(core.KindInvalid, "a representative has a mail address").At("email")
	}
	if err := identity.CheckEmail("email", r.Email); err != nil {
		return err
	}
	if err := core.CheckPhone("phone", r.Phone); err != nil {
		return err
	}
	return core.CheckLine("designation", r.Designation, 128)
}

// UpdateRepresentative changes what is said of r.ID of r.Organisation. When his
// mail address changes, links that he has not answered end.
func (s *Service) UpdateRepresentative(ctx context.Context, p *core.Principal, r core.Representative) (*core.Representative, error) {
	if err := identity.Can(p, identity.OrganisationLegal, ""); err != nil {
		return nil, err
	}
	if _, err := s.reach(ctx, p, r.Organisation); err != nil {
		return nil, err
	}
	if !core.ValidID(r.ID) {
		return nil, core.Errorf(core.KindNotFound, "there is no such representative")
	}
	if err := checkRepresentative(&r); err != nil {
		return nil, err
	}
	var out *core.Representative
	now := s.now()
	err := s.storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		if _, err := s.storage.LockOrganisation(ctx, tx, p.Account, r.Organisation); err != nil {
			return err
		}
		var err error
		if out, err = s.storage.Representative(ctx, tx, p.Account, r.Organisation, r.ID); err != nil {
			return err
		}
		if out.Email != r.Email {
			if err := s.storage.EndConsents(ctx, tx, r.Organisation, r.ID); err != nil {
				return err
			}
		}
		out.Name, out.Email, out.Phone, out.Designation, out.UpdatedAt = r.Name, r.Email, r.Phone, r.Designation, now
		s.write(tx, p, now, "representative.update", "representative:"+string(r.ID), map[string]any{"organisation": string(r.Organisation), "number": out.Number})
		return s.storage.UpdateRepresentative(ctx, tx, out)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// RemoveRepresentative removes one. His answers stay; links that he has not
// answered end.
func (s *Service) RemoveRepresentative(ctx context.Context, p *core.Principal, o core.OrganisationID, id core.RepresentativeID) error {
	if err := identity.Can(p, identity.OrganisationLegal, ""); err != nil {
		return err
	}
	if _, err := s.reach(ctx, p, o); err != nil {
		return err
	}
	if !core.ValidID(id) {
		return core.Errorf(core.KindNotFound, "there is no such representative")
	}
	now := s.now()
	return s.storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		if _, err := s.storage.LockOrganisation(ctx, tx, p.Account, o); err != nil {
			return err
		}
		if err := s.storage.EndConsents(ctx, tx, o, id); err != nil {
			return err
		}
		s.write(tx, p, now, "representative.remove", "representative:"+string(id), map[string]any{"organisation": string(o)})
		return s.storage.DeleteRepresentative(ctx, tx, p.Account, o, id)
	})
}

// SendConsent mails a link to a representative; order may be empty. A link that
// he was sent before about the same and has not answered is replaced. When the
// mail does not go out the error says so; send again then.
func (s *Service) SendConsent(ctx context.Context, p *core.Principal, o core.OrganisationID, rep core.RepresentativeID, order core.OrderID) (*core.Consent, error) {
	if err := identity.Can(p, identity.ConsentSend, ""); err != nil {
		return nil, err
	}
	org, err := s.reach(ctx, p, o)
	if err != nil {
		return nil, err
	}
	if s.d.Mail == nil {
		return nil, core.Errorf(core.KindUnsupported, "no mail server is set up, so nobody can be asked for consent")
	}
	if !core.ValidID(rep) {
		return nil, core.Errorf(core.KindNotFound, "there is no such representative")
	}
	r, err := s.storage.Representative(ctx, nil, p.Account, o, rep)
	if err != nil {
		return nil, err
	}
	statement, err := s.statement(ctx, p, org, order)
	if err != nil {
		return nil, err
	}
	var b [secretOctets]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	link := base64.RawURLEncoding.EncodeToString(b[:])
	hash, now := s.secretMAC([]byte(link)), s.now()
	c := &core.Consent{ID: core.NewID[core.ConsentID](now), Account: p.Account, Organisation: o, Representative: rep, Order: order, Statement: statement,
		State: core.ConsentPending, SentTo: r.Email, SecretHash: hash[:], ExpiresAt: now.Add(LinkLife), CreatedAt: now}
	err = s.storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		if _, err := s.storage.LockOrganisation(ctx, tx, p.Account, o); err != nil {
			return err
		}
		if _, err := s.storage.Representative(ctx, tx, p.Account, o, rep); err != nil {
			return err
		}
		n, err := s.storage.CountConsents(ctx, tx, o, rep, now.Add(-24*time.Hour))
		if err != nil {
			return err
		}
		if n >= linksADay {
			return core.Errorf(core.KindRateLimited, "a representative is sent at most %d links in 24 hours", linksADay).After(time.Hour)
		}
		s.write(tx, p, now, "consent.send", "consent:"+string(c.ID), map[string]any{"organisation": string(o), "representative": string(rep), "order": string(order)})
		return s.storage.InsertConsent(ctx, tx, c)
	})
	if err != nil {
		return nil, err
	}
	if err := s.d.Mail.Send(ctx, r.Email, "Your consent is asked for: "+line(org.Name), consentMail(r, org, c, s.d.BaseURL()+"/consent/"+link)); err != nil {
		s.d.Log.WarnContext(ctx, "consent link not sent", "consent", c.ID, "error", err)
		if core.Is(err, core.KindUnavailable) {
			return nil, core.Wrap(core.KindUnavailable, err, "the mail with the link did not go out; try again")
		}
		return nil, core.Wrap(core.KindUpstream, err, "the mail server refuses the mail to %s", r.Email)
	}
	return c, nil
}

// statement is what is consented to.
func (s *Service) statement(ctx context.Context, p *core.Principal, org *core.Organisation, order core.OrderID) (string, error) {
	name := org.Name
	if org.Legal.LegalName != "" {
		name = org.Legal.LegalName
	}
	who := "I may speak for " + name
	if org.Legal.Registration != "" {
		who += " (registration " + org.Legal.Registration + ")"
	}
	if order == "" {
		return who + " and agree that certificates that name it are issued at its request.", nil
	}
	none := core.Errorf(core.KindNotFound, "there is no such order")
	if !core.ValidID(order) {
		return "", none
	}
	ord, err := s.storage.Order(ctx, p.Account, order)
	if err != nil {
		return "", err
	}
	if identity.Can(p, identity.OrderView, ord.Group) != nil {
		return "", none
	}
	what := ""
	if ord.Subject != "" {
		what += " for " + ord.Subject
	}
	if len(ord.Names) > 0 {
		what += ", names " + strings.Join(ord.Names[:min(len(ord.Names), 20)], ", ")
		if more := len(ord.Names) - 20; more > 0 {
			what += fmt.Sprintf(" and %d more", more)
		}
	}
	return fmt.Sprintf("%s and agree that the certificate of order %d%s is issued.", who, ord.Number, what), nil
}

// line makes text fit for one line of a mail.
func line(s string) string { return strings.Join(strings.Fields(s), " ") }

func consentMail(r *core.Representative, org *core.Organisation, c *core.Consent, url string) string {
	return fmt.Sprintf(`Dear %s,

you are named as a representative of %s. Please read what you are asked to
agree to, and answer yes or no on this page:

%s

The statement is:

%s

The link is for you alone and can be answered until %s.
This message was written by Certwright. If you know nothing about this, open
the page and answer no.
`, line(r.Name), line(org.Name), url, line(c.Statement), c.ExpiresAt.Format("2006-01-02 15:04 UTC"))
}

// Consents lists those of an organisation, newest first: the last 500.
func (s *Service) Consents(ctx context.Context, p *core.Principal, o core.OrganisationID) ([]core.Consent, error) {
	if _, err := s.reach(ctx, p, o); err != nil {
		return nil, err
	}
	page, err := s.storage.ListConsents(ctx, core.ListQuery{Account: p.Account, Limit: core.MaxPage,
		Filter: core.Filter{{Column: "organisation", Op: core.OpEquals, Values: []string{string(o)}}}})
	return page.Items, err
}

// ListConsents lists the consents of all organisations to people.
func (s *Service) ListConsents(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.Consent], error) {
	var none core.Page[core.Consent]
	if err := identity.Can(p, identity.VettingView, ""); err != nil {
		return none, err
	}
	if p.Credential != nil {
		return none, core.Errorf(core.KindForbidden, "a credential sees the consents of its own organisations only")
	}
	q.Account = p.Account
	return s.storage.ListConsents(ctx, q)
}

// ConsentColumns describes that list.
func (s *Service) ConsentColumns() []core.Column { return s.storage.ConsentColumns() }

// ConsentOf returns the last consent for an order; kind not-found when none.
func (s *Service) ConsentOf(ctx context.Context, account core.AccountID, order core.OrderID) (*core.Consent, error) {
	return s.storage.ConsentOfOrder(ctx, account, order)
}

// PendingConsent returns what a link asks, without answering; once it is
// answered, the answer. Kind not-found for an unknown link, expired for one
// that nobody can answer any more.
func (s *Service) PendingConsent(ctx context.Context, secret string) (*core.Consent, *core.Organisation, error) {
	c, err := s.bySecret(ctx, nil, secret)
	if err != nil {
		return nil, nil, err
	}
	o, err := s.storage.Organisation(ctx, nil, c.Account, c.Organisation)
	return c, o, err
}

// bySecret reads the consent of a link that is answered or can be.
func (s *Service) bySecret(ctx context.Context, tx core.Tx, secret string) (*core.Consent, error) {
	none := core.Errorf(core.KindNotFound, "there is no such link; was it copied in full?")
	if b, err := base64.RawURLEncoding.DecodeString(secret); err != nil || len(b) != secretOctets {
		return nil, none
	}
	hash := s.secretMAC([]byte(secret))
	c, err := s.storage.ConsentBySecret(ctx, tx, hash[:])
	switch {
	case core.Is(err, core.KindNotFound):
		return nil, none
	case err != nil:
		return nil, err
	case c.State == core.ConsentReplaced:
		return nil, core.Errorf(core.KindExpired, "the link was withdrawn, or a newer one was sent in its place")
	case c.State == core.ConsentPending && !s.now().Before(c.ExpiresAt):
		return nil, core.Errorf(core.KindExpired, "the link could be answered until %s", c.ExpiresAt.Format("2006-01-02 15:04 UTC"))
	}
	return c, nil
}

// AnswerConsent records the answer to a link, which came from an address. The
// first answer stands: it is what later ones get back.
func (s *Service) AnswerConsent(ctx context.Context, secret string, yes bool, from string) (*core.Consent, error) {
	var c *core.Consent
	now := s.now()
	err := s.storage.InTx(ctx, func(ctx context.Context, tx core.Tx) (err error) {
		if c, err = s.bySecret(ctx, tx, secret); err != nil || c.State != core.ConsentPending {
			return err
		}
		c.State, c.AnsweredAt, c.AnsweredFrom = core.ConsentRefused, now, address(from)
		if yes {
			c.State = core.ConsentGiven
		}
		if err := s.storage.SetConsent(ctx, tx, c, core.ConsentPending); err != nil {
			return err
		}
		s.d.Audit.Write(tx, core.Event{Account: c.Account, At: now, Actor: "representative:" + string(c.Representative), Login: c.SentTo, Address: c.AnsweredFrom,
			Action: "consent.answer", Object: "consent:" + string(c.ID), Outcome: core.Success,
			Detail: map[string]any{"organisation": string(c.Organisation), "order": string(c.Order), "state": string(c.State)}})
		return nil
	})
	if core.Is(err, core.KindConflict) { // somebody answered at the same moment
		return s.bySecret(ctx, nil, secret)
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// address returns from when it is an address of the network, else nothing.
func address(from string) string {
	a, err := netip.ParseAddr(from)
	if err != nil {
		return ""
	}
	return a.Unmap().String()
}
