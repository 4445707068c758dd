package app

import (
	"context"
	"slices"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/domain"
	"github.com/certwright/certwright/internal/notify"
)

// domainMail sends validation mails.
type domainMail struct{ m *notify.Mailer }

// SendMail implements domain.Mail.
func (d domainMail) SendMail(ctx context.Context, to, subject, text string) error {
	return d.m.Send(ctx, notify.Message{To: []string{to}, Subject: subject, Text: text})
}

// makeDomains makes the checks of control and the domain service.
func (p *parts) makeDomains() error {
	var err error
	if p.checks, err = p.cfg.Validation.service(p); err != nil {
		return err
	}
	d := domain.Deps{Storage: p.db, Checker: p.checks, Audit: p.audit, BaseURL: func() string { return p.cfg.External.Main },
		CAA: p.issuerDomains, TXTLabel: p.cfg.DCV.TXTLabel, TXTAlso: p.cfg.DCV.TXTAlso, CNAMESuffix: p.cfg.DCV.CNAMESuffix,
		ProofLife: time.Duration(p.cfg.DCV.ProofDays) * 24 * time.Hour, Now: p.now, Log: p.log,
		Verified: func(ctx context.Context, tx core.Tx, d *core.Domain) error {
			if p.followup.domain == nil {
				return nil
			}
			return p.followup.domain(ctx, tx, d)
		}}
	m, err := p.mailer()
	if err != nil {
		return err
	}
	if m != nil {
		d.Mail = domainMail{m}
	}
	p.domains, err = domain.NewService(d)
	return err
}

// issuerDomains are the issuer domain names that products of the account want
// CAA records to name.
func (p *parts) issuerDomains(ctx context.Context, account core.AccountID) ([]string, error) {
	var out []string
	q := core.ListQuery{Account: account, Limit: core.MaxPage, Filter: core.Filter{{Column: "state", Op: core.OpEquals, Values: []string{string(core.ProductActive)}}}}
	for {
		page, err := p.db.ListProducts(ctx, q)
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			for _, name := range page.Items[i].Profile.CAA {
				if !slices.Contains(out, name) {
					out = append(out, name)
				}
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return out, nil
		}
	}
}

// caa looks at CAA records for enroll, which knows no ACME account and no
// method.
func (p *parts) caa(ctx context.Context, name string, wildcard bool, issuers []string) *core.Failure {
	f, _ := p.checks.CAA(ctx, name, wildcard, issuers, "", "")
	return f
}
