package ordering

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// maxTarget is how many octets the name of a place may have.
const maxTarget = 200

// VisibleCertificate returns a certificate with its DER that p may see: through
// its order, or when it has none by its group, and for a credential also by its
// product.
func (s *Service) VisibleCertificate(ctx context.Context, p *core.Principal, id core.CertificateID) (*core.Certificate, error) {
	unknown := core.Errorf(core.KindNotFound, "there is no such certificate")
	if !core.ValidID(id) {
		return nil, unknown
	}
	c, err := s.d.Storage.Certificate(ctx, p.Account, id)
	if core.Is(err, core.KindNotFound) {
		return nil, unknown
	}
	if err != nil {
		return nil, err
	}
	if c.Order == "" {
		if identity.Can(p, identity.CertificateView, c.Group) != nil || p.Credential != nil && !slices.Contains(p.Products, c.Product) {
			return nil, unknown
		}
		return c, nil
	}
	o, err := s.d.Storage.Order(ctx, p.Account, c.Order)
	if err == nil {
		err = visible(p, o)
	}
	if core.Is(err, core.KindNotFound) {
		return nil, unknown
	}
	return c, err
}

// Deploy records the wish to put a certificate on a server. Nothing deploys
// yet: the request waits until a version does. target is what the requester
// calls the place, without blanks at its ends, and may be empty. Errors:
// not-found (no certificate that p may see), forbidden, invalid Field "target"
// (more than one line, longer than 200 octets), conflict Field "state" (the
// certificate is not in force).
func (s *Service) Deploy(ctx context.Context, p *core.Principal, certificate core.CertificateID, target string) (*core.DeploymentRequest, error) {
	c, err := s.VisibleCertificate(ctx, p, certificate)
	if err != nil {
		return nil, err
	}
	if err := identity.Can(p, identity.CertificateDeploy, c.Group); err != nil {
		return nil, err
	}
	target = strings.TrimSpace(target)
	if len(target) > maxTarget || !utf8.ValidString(target) || strings.ContainsFunc(target, func(r rune) bool { return r < ' ' }) {
		return nil, core.Errorf(core.KindInvalid, "the target is one line of at most %d octets", maxTarget).At("target")
	}
	now := s.d.Now()
	if c.State != core.CertActive || now.After(c.NotAfter) {
		state := string(c.State)
		if c.State == core.CertActive {
			state = "expired"
		}
		return nil, core.Errorf(core.KindConflict, "a certificate that is %s is not deployed", state).At("state")
	}
	d := &core.DeploymentRequest{ID: core.NewID[core.DeploymentRequestID](now), Account: p.Account, Certificate: c.ID, User: p.User, Group: c.Group,
		Target: target, State: core.DeploymentWaiting, CreatedAt: now, UpdatedAt: now}
	if p.Credential != nil {
		d.Credential = p.Credential.ID
	}
	err = s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) (err error) {
		if d.Number, err = s.d.Storage.NextNumber(ctx, tx, d.Account, "deployment-request", 1); err != nil {
			return err
		}
		if err := s.d.Storage.InsertDeploymentRequest(ctx, tx, d); err != nil {
			return err
		}
		e := core.EventOf(p, now, "certificate.deploy-request", "certificate:"+string(c.ID))
		e.Detail = map[string]any{"target": d.Target, "request": string(d.ID)}
		s.d.Audit.Write(tx, e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// CancelDeployment withdraws a request that nothing has taken up. Errors:
// not-found, forbidden, conflict (it is not waiting any more).
func (s *Service) CancelDeployment(ctx context.Context, p *core.Principal, id core.DeploymentRequestID) (*core.DeploymentRequest, error) {
	unknown := core.Errorf(core.KindNotFound, "there is no such deployment request")
	if !core.ValidID(id) {
		return nil, unknown
	}
	d, err := s.d.Storage.DeploymentRequest(ctx, p.Account, id)
	if err != nil {
		return nil, err
	}
	if identity.Can(p, identity.CertificateView, d.Group) != nil {
		return nil, unknown
	}
	if p.Credential != nil { // which may have lost the product
		if _, err := s.VisibleCertificate(ctx, p, d.Certificate); core.Is(err, core.KindNotFound) {
			return nil, unknown
		} else if err != nil {
			return nil, err
		}
	}
	if err := identity.Can(p, identity.CertificateDeploy, d.Group); err != nil {
		return nil, err
	}
	if d.State != core.DeploymentWaiting {
		return nil, core.Errorf(core.KindConflict, "the deployment request is %s already", d.State).At("state")
	}
	d.State, d.UpdatedAt = core.DeploymentCancelled, s.d.Now()
	err = s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		if err := s.d.Storage.MoveDeploymentRequest(ctx, tx, d, core.DeploymentWaiting); err != nil {
			return err
		}
		e := core.EventOf(p, d.UpdatedAt, "certificate.deploy-cancel", "certificate:"+string(d.Certificate))
		e.Detail = map[string]any{"target": d.Target, "request": string(d.ID)}
		s.d.Audit.Write(tx, e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// Deployments lists the deployment requests of certificates that p may see.
func (s *Service) Deployments(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.DeploymentRequest], error) {
	var none core.Page[core.DeploymentRequest]
	sc := Scope{}
	sc.AllGroups, sc.Groups = identity.VisibleGroups(p, identity.CertificateView)
	if !sc.AllGroups && len(sc.Groups) == 0 {
		return none, identity.Can(p, identity.CertificateView, "")
	}
	if p.Credential != nil {
		if sc.Products = p.Products; len(sc.Products) == 0 {
			return none, nil
		}
	}
	q.Account = p.Account
	return s.d.Storage.ListDeploymentRequests(ctx, q, sc)
}

// DeploymentColumns describes that list.
func (s *Service) DeploymentColumns() []core.Column { return s.d.Storage.DeploymentRequestColumns() }
