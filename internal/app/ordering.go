package app

import (
	"context"
	"time"

	"github.com/certwright/certwright/internal/agreement"
	"github.com/certwright/certwright/internal/ordering"
	"github.com/certwright/certwright/internal/protocol/rest"
)

// makeOrdering makes the service that puts orders together, and has domains
// and organisations wake the orders that wait for them.
func (p *parts) makeOrdering() {
	p.agreements = agreement.New(agreement.Deps{Storage: p.db, Audit: p.audit, Now: p.now})
	p.orders = ordering.NewService(ordering.Deps{Storage: p.db, Agreements: p.agreements, Enroll: p.enroll, Domains: p.domains, DomainRows: p.db, Vetting: p.vetting,
		Audit: p.audit, Sealer: p.box, Now: p.now, Logger: p.log})
	p.followup.domain, p.vetted = p.orders.DomainVerified, p.orders.OrganisationVetted
}

// newREST makes the REST order API.
func (s *server) newREST() *rest.Service {
	return rest.New(rest.Deps{Auth: s.identity, Orders: s.orders, Domains: s.domains, Vetting: s.vetting, Storage: s.db, Audit: s.audit,
		Keys: s.enroll, BaseURL: func() string { return s.cfg.External.Main }, Log: s.log, Now: s.now})
}

// keepAnswers is how long the first answer to an idempotency key of the order
// API is repeated to the letter; later repeats show the order as it is.
const keepAnswers = 90 * 24 * time.Hour

// tidyREST forgets what the order API needs no more.
func (s *server) tidyREST(ctx context.Context) error {
	for {
		n, err := s.db.ForgetREST(ctx, s.now(), s.now().Add(-keepAnswers))
		if err != nil || n == 0 {
			return err
		}
	}
}
