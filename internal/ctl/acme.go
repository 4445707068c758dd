package ctl

import (
	"context"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// acmeCmd are the commands about ACME clients.
type acmeCmd struct {
	Account       acmeAccountCmd       `cmd:"" help:"Accounts of clients."`
	Order         acmeOrderCmd         `cmd:"" help:"Orders of clients, with what was tried to prove their names."`
	Authorization acmeAuthorizationCmd `cmd:"" aliases:"authz" help:"Names that were proven, and for how long."`
}

type acmeAccountCmd struct {
	List    acmeAccountListCmd    `cmd:"" help:"List accounts."`
	Show    acmeAccountShowCmd    `cmd:"" help:"Show one."`
	Revoke  acmeAccountRevokeCmd  `cmd:"" help:"Shut one out; its certificates stay."`
	Restore acmeAccountRestoreCmd `cmd:"" help:"Let a revoked one in again."`
}

type acmeOrderCmd struct {
	List acmeOrderListCmd `cmd:"" help:"List orders."`
	Show acmeOrderShowCmd `cmd:"" help:"Show one with its authorizations and challenges."`
}

type acmeAuthorizationCmd struct {
	List   acmeAuthorizationListCmd   `cmd:"" help:"List authorizations."`
	Show   acmeAuthorizationShowCmd   `cmd:"" help:"Show one with its challenges."`
	Revoke acmeAuthorizationRevokeCmd `cmd:"" help:"Take one away: control must be proven anew."`
}

// acmeListFlags are what lists of ACME things take.
type acmeListFlags struct {
	listFlags
	State      string `placeholder:"STATE" help:"Only in this state; --explain shows which there are."`
	Credential string `placeholder:"CREDENTIAL" help:"Only of this credential: id, number, label, or type/label."`
}

// conds are the filter rows of the flags.
func (f *acmeListFlags) conds(ctx context.Context, s *session) ([]core.Cond, error) {
	var out []core.Cond
	if f.State != "" {
		out = append(out, is("state", f.State))
	}
	if f.Credential == "" || f.Explain {
		return out, nil
	}
	id, err := s.credential(ctx, f.Credential)
	return append(out, is("credential", string(id))), err
}

// runACMEList prints a list of ACME things.
func runACMEList[T any](ctx context.Context, cli *CLI, f acmeListFlags, name string, v view[T], walk func(*session) walker[T]) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		more, err := f.conds(ctx, s)
		if err != nil {
			return err
		}
		return runList(ctx, s, f.listFlags, name, v, walk(s), more...)
	})
}

// names writes identifiers.
func names(list []core.Identifier) string {
	out := make([]string, len(list))
	for i, n := range list {
		out[i] = n.Value
	}
	return joined(out)
}

type acmeAccountListCmd struct{ acmeListFlags }

func (c *acmeAccountListCmd) Run(ctx context.Context, cli *CLI) error {
	v := view[resource.ACMEAccount]{columns: []string{"id", "state", "contacts", "external", "address", "created_at"}}
	return runACMEList(ctx, cli, c.acmeListFlags, "acme-accounts", v, func(s *session) walker[resource.ACMEAccount] { return s.api.ACMEAccounts })
}

// acmeAccountRef names an account on the command line.
type acmeAccountRef struct {
	Account core.ACMEAccountID `arg:"" placeholder:"ACCOUNT" help:"Id."`
}

type acmeAccountShowCmd struct{ acmeAccountRef }

func (c *acmeAccountShowCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		a, err := s.api.ACMEAccount(ctx, c.Account)
		if err != nil {
			return err
		}
		return s.out.show(a)
	})
}

type acmeAccountRevokeCmd struct {
	acmeAccountRef
	Reason string `placeholder:"TEXT" help:"For the audit log."`
}

func (c *acmeAccountRevokeCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		a, err := s.api.ACMEAccount(ctx, c.Account)
		if err != nil {
			return err
		}
		if err := s.confirm(ctx, "Revoke ACME account %s (%s)? Its client is refused at once.", a.ID, joined(a.Contacts)); err != nil {
			return err
		}
		if a, err = s.api.RevokeACMEAccount(ctx, a.ID, c.Reason); err != nil {
			return err
		}
		return s.done(a, "ACME account %s is %s.", a.ID, a.State)
	})
}

type acmeAccountRestoreCmd struct {
	acmeAccountRef
	Reason string `placeholder:"TEXT" help:"For the audit log."`
}

func (c *acmeAccountRestoreCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		a, err := s.api.RestoreACMEAccount(ctx, c.Account, c.Reason)
		if err != nil {
			return err
		}
		return s.done(a, "ACME account %s is %s.", a.ID, a.State)
	})
}

type acmeOrderListCmd struct{ acmeListFlags }

func (c *acmeOrderListCmd) Run(ctx context.Context, cli *CLI) error {
	v := view[resource.ACMEOrder]{
		columns: []string{"id", "state", "names", "acme_account", "created_at", "why"},
		made: map[string]func(*resource.ACMEOrder, time.Time) string{
			"names": func(o *resource.ACMEOrder, _ time.Time) string { return names(o.Identifiers) },
			"why": func(o *resource.ACMEOrder, _ time.Time) string {
				if o.Problem == nil {
					return ""
				}
				return o.Problem.Detail
			},
		},
	}
	return runACMEList(ctx, cli, c.acmeListFlags, "acme-orders", v, func(s *session) walker[resource.ACMEOrder] { return s.api.ACMEOrders })
}

type acmeOrderShowCmd struct {
	Order core.ACMEOrderID `arg:"" placeholder:"ORDER" help:"Id."`
}

func (c *acmeOrderShowCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		o, err := s.api.ACMEOrder(ctx, c.Order)
		if err != nil {
			return err
		}
		return s.out.show(o)
	})
}

type acmeAuthorizationListCmd struct {
	acmeListFlags
	Name string `placeholder:"NAME" help:"Only of this name."`
}

func (c *acmeAuthorizationListCmd) Run(ctx context.Context, cli *CLI) error {
	v := view[resource.ACMEAuthorization]{
		columns: []string{"id", "state", "name", "method", "expires_at", "acme_account"},
		made: map[string]func(*resource.ACMEAuthorization, time.Time) string{
			"name": func(a *resource.ACMEAuthorization, _ time.Time) string {
				if a.Wildcard {
					return "*." + a.Identifier.Value
				}
				return a.Identifier.Value
			},
		},
	}
	if c.Name != "" {
		c.Filter = append(c.Filter, "identifier:eq:"+c.Name)
	}
	return runACMEList(ctx, cli, c.acmeListFlags, "acme-authorizations", v, func(s *session) walker[resource.ACMEAuthorization] { return s.api.ACMEAuthorizations })
}

// acmeAuthorizationRef names an authorization on the command line.
type acmeAuthorizationRef struct {
	Authorization core.AuthorizationID `arg:"" placeholder:"AUTHORIZATION" help:"Id."`
}

type acmeAuthorizationShowCmd struct{ acmeAuthorizationRef }

func (c *acmeAuthorizationShowCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		a, err := s.api.ACMEAuthorization(ctx, c.Authorization)
		if err != nil {
			return err
		}
		return s.out.show(a)
	})
}

type acmeAuthorizationRevokeCmd struct {
	acmeAuthorizationRef
	Reason string `placeholder:"TEXT" help:"For the audit log."`
}

func (c *acmeAuthorizationRevokeCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		a, err := s.api.ACMEAuthorization(ctx, c.Authorization)
		if err != nil {
			return err
		}
		if err := s.confirm(ctx, "Revoke the authorization for %s? Control must be proven anew, and orders that wait for it fail.", a.Identifier.Value); err != nil {
			return err
		}
		if a, err = s.api.RevokeACMEAuthorization(ctx, a.ID, c.Reason); err != nil {
			return err
		}
		return s.done(a, "The authorization for %s is %s.", a.Identifier.Value, a.State)
	})
}

// acmeFlags are the settings of an ACME credential; what is not given stays.
type acmeFlags struct {
	EABOptional     *bool    `name:"eab-optional" negatable:"" help:"acme: accounts may be made without external account binding."`
	Control         *string  `placeholder:"HOW" help:"acme: how names are proven: challenges, proven (pre-proven names only), trusted (not at all)."`
	Method          []string `placeholder:"TYPE" help:"acme: challenge types offered, in this order: http-01, dns-01, tls-alpn-01 …"`
	Subdomains      *bool    `negatable:"" help:"acme: control of a domain authorises the names below it."`
	OrdersPerHour   *int     `placeholder:"N" help:"acme: most new orders of an account in an hour; 0 for no limit."`
	MaxAccounts     *int     `placeholder:"N" help:"acme: most valid accounts; 0 for no limit."`
	ReuseDays       *int     `placeholder:"N" help:"acme: how long a proof is used again; 0 for 30 days."`
	AttestationFile string   `type:"path" placeholder:"FILE" help:"acme: PEM file of the CAs that device attestations may chain to (device-attest-01)."`
	Terms           *string  `placeholder:"URL" help:"acme: terms of service that must be agreed to."`
	Website         *string  `placeholder:"URL" help:"acme: shown in the directory."`
}

// given reports whether any of the flags is.
func (f *acmeFlags) given() bool {
	return f.EABOptional != nil || f.Control != nil || len(f.Method) > 0 || f.Subdomains != nil || f.OrdersPerHour != nil || f.MaxAccounts != nil ||
		f.ReuseDays != nil || f.AttestationFile != "" || f.Terms != nil || f.Website != nil
}

// options are the old settings with what the flags say.
func (f *acmeFlags) options(s *session, old *core.ACMEOptions) (*core.ACMEOptions, error) {
	var o core.ACMEOptions
	if old != nil {
		o = *old
	}
	put(&o.EABOptional, f.EABOptional)
	put(&o.Control, f.Control)
	put(&o.Subdomains, f.Subdomains)
	put(&o.OrdersPerHour, f.OrdersPerHour)
	put(&o.MaxAccounts, f.MaxAccounts)
	put(&o.ReuseDays, f.ReuseDays)
	put(&o.Terms, f.Terms)
	put(&o.Website, f.Website)
	if len(f.Method) > 0 {
		o.Methods = f.Method
	}
	if f.AttestationFile != "" {
		text, err := s.readCertificates([]string{f.AttestationFile})
		if err != nil {
			return nil, err
		}
		o.Attestation = text
	}
	return &o, nil
}

// put writes a value that is given.
func put[T any](dst, v *T) {
	if v != nil {
		*dst = *v
	}
}
