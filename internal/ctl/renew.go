package ctl

import (
	"context"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/wire/x509x"
)

type certRenewCmd struct {
	certRef
	issueFlags
}

// Help implements kong.HelpProvider.
func (c *certRenewCmd) Help() string {
	return "Without --csr and --new-key the server makes a new key where it made the old one, and keeps the key where the product allows it."
}

func (c *certRenewCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, c.renew)
}

func (c *certRenewCmd) renew(ctx context.Context, s *session) error {
	d, err := s.api.Certificate(ctx, c.Certificate)
	if err != nil {
		return err
	}
	if err := c.prepare(c.CSR == "" && c.NewKey == "" && d.KeyStored); err != nil {
		return err
	}
	password, err := c.keyPassword(ctx, s)
	if err != nil {
		return err
	}
	var r resource.Renewal
	var held *heldKey
	switch {
	case c.CSR != "":
		r.CSR, err = s.readCSR(c.CSR)
	case c.NewKey != "":
		r.CSR, held, err = c.sameNames(s, d, password)
	}
	if err != nil {
		return err
	}
	got, err := s.api.Renew(ctx, c.Certificate, r, c.IdempotencyKey)
	if err = held.settle(err); err != nil {
		return err
	}
	again := func(ctx context.Context) (*resource.IssuedOrder, error) {
		return s.api.Renew(ctx, c.Certificate, r, c.IdempotencyKey)
	}
	return c.finish(ctx, s, got, password, again)
}

// sameNames makes a new key, and a CSR with the names of the old certificate.
func (c *certRenewCmd) sameNames(s *session, d *resource.CertificateDetail, password string) (string, *heldKey, error) {
	var subject x509x.Name
	var err error
	texts := d.Names
	if d.Decoded != nil {
		texts = d.Decoded.Names
		if subject, err = fromDN(d.Decoded.Subject); err != nil {
			return "", nil, err
		}
	}
	names, err := generalNames(texts)
	if err != nil {
		return "", nil, err
	}
	return c.request(s, password, subject, names)
}
