package ordering

import (
	"context"
	"slices"
	"strings"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// reasons are the revocation reasons that a family takes. Public TLS knows the
// five of CA/B BR 7.2.2 that a subscriber may give; the others can be
// suspended, too.
func reasons(f core.Family) []int {
	if f.TLS() {
		return []int{core.ReasonKeyCompromise, core.ReasonAffiliationChanged, core.ReasonSuperseded, core.ReasonCessationOfOperation, core.ReasonPrivilegeWithdrawn}
	}
	return []int{core.ReasonUnspecified, core.ReasonKeyCompromise, core.ReasonAffiliationChanged, core.ReasonSuperseded,
		core.ReasonCessationOfOperation, core.ReasonCertificateHold, core.ReasonPrivilegeWithdrawn, core.ReasonAACompromise}
}

// checkReason judges a reason by the product's family.
func checkReason(t core.OrderTerms, reason int) error {
	switch {
	case reason < 0 || reason > core.ReasonAACompromise || reason == 7 || reason == 8:
		return core.Errorf(core.KindInvalid, "there is no revocation reason %d that can be given", reason).At("reason")
	case !slices.Contains(reasons(t.Family), reason):
		return core.Errorf(core.KindPolicy, "certificates of this product are not revoked with reason %d", reason).At("reason")
	}
	return nil
}

// issuedJob loads an order that has a certificate.
func (s *Service) issuedJob(ctx context.Context, p *core.Principal, id core.OrderID, a identity.Action) (*job, error) {
	j, err := s.load(ctx, p, id)
	if err != nil {
		return nil, err
	}
	if err := identity.Can(p, a, j.o.Group); err != nil {
		return nil, err
	}
	if j.o.State != core.OrderIssued {
		return nil, core.Errorf(core.KindConflict, "the order is %s, it has no certificate", j.o.State).At("state")
	}
	return j, nil
}

// Revoke revokes the certificate of an order, certificateHold suspends it.
// Errors: conflict with Field "state" (not issued), revoked (already), invalid with Field
// "reason" or "remarks" (a ";" in it), policy with Field "reason" (the product's family does not take it).
func (s *Service) Revoke(ctx context.Context, p *core.Principal, id core.OrderID, reason int, remarks string) (*View, error) {
	j, err := s.issuedJob(ctx, p, id, identity.CertificateRevoke)
	if err != nil {
		return nil, err
	}
	if strings.Contains(remarks, ";") || len(remarks) > 2000 {
		return nil, core.Errorf(core.KindInvalid, "remarks have at most 2000 octets and no semicolon").At("remarks")
	}
	if err := checkReason(j.terms, reason); err != nil {
		return nil, err
	}
	if err := s.d.Enroll.RevokeJudged(ctx, p, j.o.Certificate, reason, s.remark(j, remarks)); err != nil {
		return nil, err
	}
	return s.reload(ctx, p, id)
}

// remark writes why, in the transaction of a change of the certificate.
func (s *Service) remark(j *job, remarks string) func(context.Context, core.Tx) error {
	if j.d == nil {
		return nil
	}
	return func(ctx context.Context, tx core.Tx) error {
		d := *j.d
		d.Remarks, d.Version, d.UpdatedAt = remarks, d.Version+1, s.d.Now()
		return s.d.Storage.UpdateDetails(ctx, tx, &d)
	}
}

// Resume takes a suspended certificate off hold.
func (s *Service) Resume(ctx context.Context, p *core.Principal, id core.OrderID) (*View, error) {
	j, err := s.issuedJob(ctx, p, id, identity.CertificateRevoke)
	if err != nil {
		return nil, err
	}
	if err := s.d.Enroll.ReleaseJudged(ctx, p, j.o.Certificate, s.remark(j, "")); err != nil {
		return nil, err
	}
	return s.reload(ctx, p, id)
}

// again is the wish for an order with the content of an issued one.
func again(j *job) New {
	n := New{Product: j.o.Product, Group: j.o.Group}
	if j.d == nil {
		t := j.o.Request.Template
		n.Ask = core.OrderAsk{Family: j.terms.Family, Subject: slices.Clone(t.Subject), Names: t.Names}
		return n
	}
	n.Ask, n.Organisation = j.d.Ask, j.d.Organisation
	n.Ask.Shape, n.Ask.AutoWWW = "", false // the twin stands among the names
	if n.Ask.Family.TLS() {
		n.Ask.AutoWWW = j.d.Ask.AutoWWW
		n.Ask.Names.DNS = slices.DeleteFunc(slices.Clone(j.d.Ask.Names.DNS), func(name string) bool {
			return j.d.Ask.AutoWWW && name == "www."+ascii(j.d.Ask.Domain) && !slices.Contains(j.d.Ask.Additional, name)
		})
	}
	return n
}

// old is the certificate that an order follows; it must be good.
func (s *Service) old(ctx context.Context, j *job) (*core.Certificate, error) {
	c, err := s.d.Storage.Certificate(ctx, j.o.Account, j.o.Certificate)
	if err != nil {
		return nil, err
	}
	switch {
	case c.State != core.CertActive:
		return nil, core.Errorf(core.KindConflict, "the certificate is %s", c.State).At("state")
	case c.ReplacedBy != "":
		return nil, core.Errorf(core.KindConflict, "the certificate was replaced by another").At("state")
	}
	return c, nil
}

// Reissue makes a new order for an issued one's content: with a new key, or
// with other additional names. Errors: conflict (not issued, revoked), invalid with Field
// "reason", "mode", "csr"; bad-csr; bad-name Field "names" (too many).
func (s *Service) Reissue(ctx context.Context, p *core.Principal, id core.OrderID, r Reissue) (*View, error) {
	j, err := s.issuedJob(ctx, p, id, identity.CertificateRenew)
	if err != nil {
		return nil, err
	}
	n := again(j)
	switch {
	case r.Mode != modeRekey && r.Mode != modeUpdate:
		return nil, core.Errorf(core.KindInvalid, "the mode of a reissue is %s or %s", modeRekey, modeUpdate).At("mode")
	case strings.TrimSpace(r.Reason) == "" || len(r.Reason) > 2000:
		return nil, core.Errorf(core.KindInvalid, "a reissue needs a reason of at most 2000 octets").At("reason")
	case r.Mode == modeUpdate && !n.Ask.Family.TLS() && n.Ask.Family != core.FamilyPrivatePKI:
		return nil, core.Errorf(core.KindInvalid, "certificates of this product have no additional names").At("mode")
	}
	if r.RevokePrevious || r.RevokeAll {
		if err := checkReason(j.terms, r.RevokeReason); err != nil {
			return nil, err
		}
		if r.RevokeReason == core.ReasonCertificateHold || r.RevokeReason == core.ReasonAACompromise {
			return nil, core.Errorf(core.KindPolicy, "what was reissued is not revoked with reason %d", r.RevokeReason).At("reason")
		}
	}
	follow := &core.OrderDetails{Reissues: j.o.Certificate, Mode: r.Mode, Reason: r.Reason, RevokeOld: r.RevokePrevious || r.RevokeAll,
		RevokeAll: r.RevokeAll, RevokeReason: r.RevokeReason}
	if j.d != nil {
		follow.Until, follow.Agreement, follow.Approved = j.d.Until, j.d.Agreement, j.d.Approved && r.Mode == modeRekey
	}
	if r.Mode == modeUpdate {
		n.Ask.Additional = r.Additional
		n.Ask.Names.DNS, n.Ask.Names.IP = nil, nil
	}
	n.CSR, n.IdempotencyKey, n.With, n.Origin = r.CSR, r.IdempotencyKey, r.With, r.Origin
	return s.create(ctx, &making{p: p, n: &n, follow: follow, of: j.o, before: func(ctx context.Context) error { return second(s.old(ctx, j)) }})
}

// Renew makes a new order that renews an issued one's certificate; csr may be
// empty when the product lets the old key be used again, or the order waits for it.
func (s *Service) Renew(ctx context.Context, p *core.Principal, id core.OrderID, csr []byte, idempotencyKey string, origin core.Origin) (*View, error) {
	j, err := s.issuedJob(ctx, p, id, identity.CertificateRenew)
	if err != nil {
		return nil, err
	}
	return s.renew(ctx, p, j, csr, idempotencyKey, origin, false)
}

func (s *Service) renew(ctx context.Context, p *core.Principal, j *job, csr []byte, key string, origin core.Origin, quiet bool) (*View, error) {
	n, f := again(j), &j.product.Profile
	follow := &core.OrderDetails{Reissues: j.o.Certificate, Mode: modeRenew}
	if j.d != nil {
		follow.Agreement, follow.Owner = j.d.Agreement, j.d.Owner
		if quiet {
			follow.Until = j.d.Until
		}
	}
	if len(csr) == 0 && f.RenewSameKey && n.Ask.KeyGen == "" {
		csr = j.o.Request.CSR
	}
	n.CSR, n.IdempotencyKey, n.Origin = csr, key, origin
	return s.create(ctx, &making{p: p, n: &n, follow: follow, of: j.o, quiet: quiet, before: func(ctx context.Context) error { return s.renewable(ctx, j) }})
}

// renewable judges when a certificate may be renewed, before there is a key.
func (s *Service) renewable(ctx context.Context, j *job) error {
	c, err := s.old(ctx, j)
	if err != nil {
		return err
	}
	now, f := s.d.Now(), &j.product.Profile
	if from := c.NotAfter.AddDate(0, 0, -f.RenewDays); f.RenewDays > 0 && now.Before(from) {
		return core.Errorf(core.KindPolicy, "the certificate may be renewed from %s", from.UTC().Format("2006-01-02")).At("state")
	}
	if now.After(c.NotAfter.AddDate(0, 0, f.RenewGraceDays)) {
		return core.Errorf(core.KindConflict, "the certificate has expired").At("state")
	}
	return nil
}

func second[A any](_ A, err error) error { return err }
