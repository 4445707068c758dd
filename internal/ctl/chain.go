package ctl

import (
	"context"
	"encoding/pem"
	"strings"
)

type issuerAddChainCmd struct {
	issuerRef
	File []string `short:"f" required:"" sep:"none" type:"path" placeholder:"FILE" help:"PEM: a certificate for the issuer's name and key, then those above it in order; in one file or several; - for standard input."`
}

func (c *issuerAddChainCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		text, err := s.readChain(c.File)
		if err != nil {
			return err
		}
		id, err := s.issuer(ctx, c.Issuer)
		if err != nil {
			return err
		}
		d, err := s.api.AddChain(ctx, id, text)
		if err != nil {
			return err
		}
		return s.done(d, "Issuer %s has %s besides its own.", d.Slug, count(len(d.Alternates), "chain"))
	})
}

// readChain reads PEM certificates of files in the order in which they stand.
func (c *console) readChain(files []string) (string, error) {
	var b strings.Builder
	for _, name := range files {
		data, err := c.readFile(name)
		if err != nil {
			return "", err
		}
		n := 0
		for ; ; n++ {
			var block *pem.Block
			if block, data = pem.Decode(data); block == nil {
				break
			}
			if block.Type != "CERTIFICATE" {
				return "", usage("--file", "%s holds something else than certificates, which the server must not get", name)
			}
			b.Write(pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes}))
		}
		if n == 0 {
			return "", usage("--file", "%s holds no certificate in PEM", name)
		}
	}
	return b.String(), nil
}

type issuerRemoveChainsCmd struct{ issuerRef }

func (c *issuerRemoveChainsCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		d, err := s.meantIssuer(ctx, c.Issuer)
		if err != nil {
			return err
		}
		if err := s.confirm(ctx, "Remove %s of issuer %s (%s)? ACME clients that choose one get the usual chain.", count(len(d.Alternates), "further chain"), d.Slug, d.Name); err != nil {
			return err
		}
		if d, err = s.api.RemoveChains(ctx, d.ID); err != nil {
			return err
		}
		return s.done(d, "Issuer %s has its own chain only.", d.Slug)
	})
}
