package app

import (
	"context"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/notify"
	"github.com/certwright/certwright/internal/vetting"
)

// vettingMail sends the mails of package vetting.
type vettingMail struct{ m *notify.Mailer }

// Send implements vetting.Mail.
func (v vettingMail) Send(ctx context.Context, to, subject, text string) error {
	return v.m.Send(ctx, notify.Message{To: []string{to}, Subject: subject, Text: text})
}

// makeVetting makes the vetting service.
func (p *parts) makeVetting() error {
	d := vetting.Deps{Storage: p.db, Audit: p.audit, Sealer: p.box, BaseURL: func() string { return p.cfg.External.Main }, Now: p.now, Log: p.log,
		Vetted: func(ctx context.Context, tx core.Tx, account core.AccountID, o core.OrganisationID) error {
			if p.vetted == nil {
				return nil
			}
			return p.vetted(ctx, tx, account, o)
		}}
	m, err := p.mailer()
	if err != nil {
		return err
	}
	if m != nil {
		d.Mail = vettingMail{m}
	}
	p.vetting, err = vetting.New(d)
	return err
}
