package ctl

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// certCmd are the commands about certificates.
type certCmd struct {
	List     certListCmd     `cmd:"" help:"List certificates."`
	Show     certShowCmd     `cmd:"" help:"Show one with its contents."`
	Download certDownloadCmd `cmd:"" help:"Get one as a file, with its chain or private key where wanted."`
	Renew    certRenewCmd    `cmd:"" help:"Order a successor."`
	Revoke   certRevokeCmd   `cmd:"" help:"Revoke one, or suspend it."`
	Release  certReleaseCmd  `cmd:"" help:"End a suspension."`
	Tag      certTagCmd      `cmd:"" help:"Show or change the tags of one."`

	Deploy           certDeployCmd           `cmd:"" help:"Ask for one to be put on a server. Nothing deploys yet: the request waits."`
	Deployments      certDeploymentsCmd      `cmd:"" help:"List the requests to put certificates on servers."`
	CancelDeployment certCancelDeploymentCmd `cmd:"" help:"Withdraw such a request."`
}

// certRef names a certificate on the command line.
type certRef struct {
	Certificate string `arg:"" placeholder:"CERTIFICATE" help:"Number or id."`
}

func certView() view[resource.Certificate] {
	return view[resource.Certificate]{
		columns: []string{"number", "common_name", "state", "product_code", "issuer_name", "protocol", "not_after", "days_left"},
		made: map[string]func(*resource.Certificate, time.Time) string{
			"state": func(c *resource.Certificate, now time.Time) string {
				if c.State == core.CertActive && now.After(c.NotAfter) {
					return "expired"
				}
				return string(c.State)
			},
			"common_name": func(c *resource.Certificate, _ time.Time) string {
				if c.CommonName == "" && len(c.Names) > 0 {
					return c.Names[0]
				}
				return c.CommonName
			},
			"days_left": func(c *resource.Certificate, now time.Time) string { return daysLeft(c.NotAfter, now) },
		},
	}
}

type certListCmd struct {
	listFlags
	Expiring string `placeholder:"TIME" help:"Only valid ones that end within this time (30d) or before this date."`
}

func (c *certListCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		var more []core.Cond
		if c.Expiring != "" {
			end, err := parseWhen(c.Expiring, s.now)
			if err != nil {
				return err
			}
			more = []core.Cond{is("state", string(core.CertActive)),
				{Column: "not_after", Op: core.OpBetween, Values: []string{s.now.UTC().Format(time.RFC3339), end.Format(time.RFC3339)}}}
			if c.Sort == "" {
				c.Sort = "not_after"
			}
		}
		return runList(ctx, s, c.listFlags, "certificates", certView(), s.api.Certificates, more...)
	})
}

type certShowCmd struct {
	certRef
	PEM bool `name:"pem" help:"Also the certificate itself and its chain."`
}

func (c *certShowCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		d, err := s.api.Certificate(ctx, c.Certificate)
		if err != nil {
			return err
		}
		if c.PEM {
			return s.out.show(d)
		}
		return s.out.show(d, "pem", "chain")
	})
}

type certRevokeCmd struct {
	certRef
	Reason  string `default:"unspecified" placeholder:"REASON" help:"unspecified, keyCompromise, affiliationChanged, superseded, cessationOfOperation, privilegeWithdrawn, or certificateHold, which can be released."`
	Comment string `placeholder:"TEXT" help:"For the audit log."`
}

func (c *certRevokeCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		d, err := s.api.Certificate(ctx, c.Certificate)
		if err != nil {
			return err
		}
		verb, done := "Revoke", "revoked"
		if strings.EqualFold(c.Reason, "certificateHold") || c.Reason == "6" {
			verb, done = "Suspend", "suspended"
		}
		if err := s.confirm(ctx, "%s certificate %d, %s, valid to %s?", verb, d.Number, subjectOf(&d.Certificate), date(d.NotAfter)); err != nil {
			return err
		}
		got, err := s.api.Revoke(ctx, c.Certificate, resource.Revocation{Reason: c.Reason, Comment: c.Comment})
		if err != nil {
			return err
		}
		return s.done(got, "Certificate %d is %s.", got.Number, done)
	})
}

type certReleaseCmd struct{ certRef }

func (c *certReleaseCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		got, err := s.api.Release(ctx, c.Certificate)
		if err != nil {
			return err
		}
		return s.done(got, "Certificate %d is active again.", got.Number)
	})
}

type certTagCmd struct {
	certRef
	Add    []string `xor:"set" placeholder:"WORD" help:"Tags to add."`
	Remove []string `placeholder:"WORD" help:"Tags to remove."`
	Set    []string `xor:"set" placeholder:"WORD" help:"The tags from now on."`
	Clear  bool     `xor:"set" help:"No tags."`
}

func (c *certTagCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		d, err := s.api.Certificate(ctx, c.Certificate)
		if err != nil {
			return err
		}
		got := &d.Certificate
		if tags := c.tags(d.Tags); !slices.Equal(tags, d.Tags) {
			if got, err = s.api.SetTags(ctx, c.Certificate, tags); err != nil {
				return err
			}
		}
		if s.out.json {
			return s.out.printJSON(resource.Tags{Tags: append([]string{}, got.Tags...)})
		}
		for _, t := range got.Tags {
			if _, err := s.console.out.Write([]byte(clean(t) + "\n")); err != nil {
				return err
			}
		}
		return nil
	})
}

// tags are the tags after the change.
func (c *certTagCmd) tags(old []string) []string {
	out := slices.Clone(old)
	switch {
	case c.Clear:
		out = nil
	case len(c.Set) > 0:
		out = c.Set
	}
	for _, t := range c.Add {
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return slices.DeleteFunc(out, func(t string) bool { return slices.Contains(c.Remove, t) })
}
