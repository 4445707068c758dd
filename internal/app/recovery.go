package app

import (
	"context"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/jobs"
	"github.com/certwright/certwright/internal/notify"
)

// resetMails is what identity asks for mails to those who have forgotten their
// password; nil without a mail server.
func (p *parts) resetMails() func(context.Context, core.Tx, core.AccountID, core.ResetID) error {
	if p.cfg.Mail.Host == "" {
		return nil
	}
	return func(ctx context.Context, tx core.Tx, account core.AccountID, id core.ResetID) error {
		return p.followup.reset(ctx, tx, account, id)
	}
}

// sendReset mails one link.
func (p *parts) sendReset(ctx context.Context, id core.ResetID) error {
	m, err := p.mailer()
	if err != nil || m == nil {
		return err
	}
	return p.identity.SendReset(ctx, id, func(ctx context.Context, to, subject, text string) error {
		err := m.Send(ctx, notify.Message{To: []string{to}, Subject: subject, Text: text})
		if err != nil && !notify.Temporary(err) {
			return jobs.Permanent(err)
		}
		return err
	})
}
