package app

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/notify"
)

// noticeDays are the distances to the end at which owners are told.
var noticeDays = []int{1, 7, 14, 30}

// noticeBatch bounds how many certificates one look handles for one distance.
const noticeBatch = 2000

// mailer makes the way out for mail, nil when none is configured.
func (p *parts) mailer() (*notify.Mailer, error) {
	m := p.cfg.Mail
	if m.Host == "" {
		return nil, nil
	}
	c := notify.Config{Host: m.Host, Port: m.Port, TLS: notify.TLSMode(m.TLS), Username: m.User, Password: m.Password, From: m.From}
	extra, err := p.cfg.Outbound.roots()
	if err != nil {
		return nil, err
	}
	if len(extra) > 0 {
		if c.Roots, err = x509.SystemCertPool(); err != nil {
			return nil, err
		}
		for _, r := range extra {
			c.Roots.AddCert(r)
		}
	}
	return notify.New(notify.Deps{Config: c, Now: p.now})
}

// notifyExpiry mails the owners of certificates that end within 30, 14, 7 or 1
// days: the credential's user, the group's address, and those whom the product
// names. A certificate counts as announced when all its mails are out or
// refused for good, so a failing server means that they come again later.
func (p *parts) notifyExpiry(ctx context.Context) error {
	m, err := p.mailer()
	if err != nil || m == nil {
		return err
	}
	now := p.now()
	var errs []error
	for _, days := range noticeDays { // the nearest first, so that nobody is told twice in one go
		list, err := p.db.ExpiringCertificates(ctx, now, now.AddDate(0, 0, days), days, noticeBatch)
		if err != nil {
			return err
		}
		errs = append(errs, p.announce(ctx, m, list, days, now))
	}
	return errors.Join(errs...)
}

// announce mails one list, a mail to each recipient, and marks what was told.
func (p *parts) announce(ctx context.Context, m *notify.Mailer, list []core.Certificate, days int, now time.Time) error {
	a := &announcement{p: p, mails: map[string]*notify.ExpiryNotice{}, of: map[string][]core.CertificateID{}, products: map[core.ProductID]*core.Product{}}
	var silent []core.CertificateID
	for i := range list {
		n, err := a.add(ctx, &list[i], now)
		if err != nil {
			return err
		}
		if n == 0 {
			silent = append(silent, list[i].ID)
		}
	}
	failed := map[core.CertificateID]bool{}
	var errs []error
	for to, notice := range a.mails {
		msg, err := notify.RenderExpiry(*notice)
		if err == nil {
			msg.To = []string{to}
			err = m.Send(ctx, msg)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("expiry notice: %w", err))
			if notify.Temporary(err) {
				for _, id := range a.of[to] {
					failed[id] = true
				}
			}
		}
	}
	err := p.db.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		for i := range list {
			if id := list[i].ID; !failed[id] && !slices.Contains(silent, id) {
				if err := p.db.MarkNotified(ctx, tx, id, days); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return errors.Join(append(errs, err)...)
}

// announcement gathers mails.
type announcement struct {
	p        *parts
	mails    map[string]*notify.ExpiryNotice
	of       map[string][]core.CertificateID // which certificates a mail is about
	products map[core.ProductID]*core.Product
}

// add puts a certificate into the mails of its recipients and returns how many.
func (a *announcement) add(ctx context.Context, c *core.Certificate, now time.Time) (int, error) {
	to := map[string]string{} // address to name
	product := a.products[c.Product]
	if product == nil && c.Product != "" {
		var err error
		if product, err = a.p.db.Product(ctx, c.Account, c.Product); err != nil {
			return 0, err
		}
		a.products[c.Product] = product
	}
	if c.User != "" {
		u, err := a.p.db.User(ctx, nil, c.Account, c.User)
		if err != nil && !core.Is(err, core.KindNotFound) {
			return 0, err
		}
		if u != nil && u.Email != "" && u.State == core.UserActive {
			to[u.Email] = u.Name
		}
	}
	if c.Group != "" {
		g, err := a.p.db.Group(ctx, nil, c.Account, c.Group)
		if err != nil && !core.Is(err, core.KindNotFound) {
			return 0, err
		}
		if g != nil && g.Email != "" {
			to[g.Email] = g.Name
		}
	}
	e := notify.Expiring{Subject: c.Subject, Names: c.Names, Serial: c.Serial, NotAfter: c.NotAfter, Renew: renewHint(c)}
	if product != nil {
		e.Product = product.Name
		for _, m := range product.Profile.Notify {
			if _, ok := to[m]; !ok {
				to[m] = ""
			}
		}
	}
	for addr, name := range to {
		n := a.mails[addr]
		if n == nil {
			n = &notify.ExpiryNotice{Recipient: name, Portal: a.p.cfg.External.Main, Now: now}
			a.mails[addr] = n
		}
		n.Certificates = append(n.Certificates, e)
		a.of[addr] = append(a.of[addr], c.ID)
	}
	return len(to), nil
}

// renewHint says how a certificate is renewed.
func renewHint(c *core.Certificate) string {
	if c.IssuerDN != "" {
		return fmt.Sprintf("it was issued by %s: order a successor there, or here with the same names, and import or deploy it.", c.IssuerDN)
	}
	if c.Protocol == "est" {
		return "its EST client should have done it: run its re-enrolment (simplereenroll) now and see why it did not."
	}
	return fmt.Sprintf("certwright ctl cert renew %d", c.Number)
}
