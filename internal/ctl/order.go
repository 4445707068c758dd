package ctl

import (
	"context"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// orderCmd are the commands about orders.
type orderCmd struct {
	List    orderListCmd    `cmd:"" help:"List orders."`
	Show    orderShowCmd    `cmd:"" help:"Show one with what was asked."`
	Create  orderCreateCmd  `cmd:"" help:"Ask for a certificate."`
	Wait    orderWaitCmd    `cmd:"" help:"Wait until an order is issued or refused."`
	Approve orderApproveCmd `cmd:"" help:"Say yes to an order that waits for people."`
	Reject  orderRejectCmd  `cmd:"" help:"Say no."`
	Cancel  orderCancelCmd  `cmd:"" help:"End an order that is not issued yet."`
	orderSteps
}

// orderRef names an order on the command line.
type orderRef struct {
	Order string `arg:"" placeholder:"ORDER" help:"Number or id."`
}

func orderView() view[resource.Order] {
	return view[resource.Order]{
		columns: []string{"number", "state", "subject", "product_code", "protocol", "created_at", "comment"},
		made: map[string]func(*resource.Order, time.Time) string{
			"subject": func(o *resource.Order, _ time.Time) string {
				if o.Subject == "" && len(o.Names) > 0 {
					return o.Names[0]
				}
				return o.Subject
			},
		},
	}
}

type orderListCmd struct {
	listFlags
	Pending bool `help:"Only those that wait for approval."`
}

func (c *orderListCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		var more []core.Cond
		if c.Pending {
			more = append(more, is("state", string(core.OrderApproval)))
		}
		return runList(ctx, s, c.listFlags, "orders", orderView(), s.api.Orders, more...)
	})
}

type orderShowCmd struct{ orderRef }

func (c *orderShowCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		d, err := s.api.Order(ctx, c.Order)
		if err != nil {
			return err
		}
		return s.out.show(d, "spki")
	})
}

type orderCreateCmd struct {
	Product   string `required:"" placeholder:"CODE" help:"What to order."`
	ServerKey string `xor:"key" placeholder:"ALGORITHM" help:"Let the server make the key: ecdsa-p256, rsa-3072 …; needs --key-out."`
	issueFlags
	nameFlags
	Days    int    `placeholder:"N" help:"Valid for so many days rather than the product's."`
	Until   string `placeholder:"DATE" help:"Valid until then, instead of --days."`
	Group   string `placeholder:"NAME" help:"Group that owns the certificate."`
	Comment string `placeholder:"TEXT" help:"For the people who approve."`
}

func (c *orderCreateCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, c.create)
}

func (c *orderCreateCmd) create(ctx context.Context, s *session) error {
	if c.CSR == "" && c.NewKey == "" && c.ServerKey == "" {
		return usage("--csr", "give a request with --csr, or let a key be made with --new-key (here) or --server-key (there)")
	}
	if err := c.prepare(c.ServerKey != ""); err != nil {
		return err
	}
	o, err := c.order(ctx, s)
	if err != nil {
		return err
	}
	password, err := c.keyPassword(ctx, s)
	if err != nil {
		return err
	}
	var held *heldKey
	if c.NewKey != "" {
		if o.CSR, held, err = c.newRequest(s, password); err != nil {
			return err
		}
	}
	got, err := s.api.CreateOrder(ctx, o, c.IdempotencyKey)
	if err = held.settle(err); err != nil {
		return err
	}
	again := func(ctx context.Context) (*resource.IssuedOrder, error) {
		return s.api.CreateOrder(ctx, o, c.IdempotencyKey)
	}
	return c.finish(ctx, s, got, password, again)
}

// newRequest makes key and CSR here.
func (c *orderCreateCmd) newRequest(s *session, password string) (string, *heldKey, error) {
	subject, err := c.subject()
	if err != nil {
		return "", nil, err
	}
	names, err := generalNames(c.texts())
	if err != nil {
		return "", nil, err
	}
	if c.none() {
		return "", nil, usage("--dns", "say whom the certificate is for: --subject, --dns, --ip, --email, --uri or --upn")
	}
	return c.request(s, password, subject, names)
}

// order makes the request of the flags but for a CSR that is made here.
func (c *orderCreateCmd) order(ctx context.Context, s *session) (o resource.NewOrder, err error) {
	o = resource.NewOrder{Product: c.Product, ValidityDays: c.Days, Comment: c.Comment}
	if c.Until != "" {
		if c.Days != 0 {
			return o, usage("--until", "either --days or --until")
		}
		// Only a fixed time: the request must be the same when it is repeated.
		var ok bool
		if o.NotAfter, ok = parseFixed(c.Until); !ok {
			return o, usage("--until", "%.60q is no date such as 2027-01-31; --days is for a distance", c.Until)
		}
	}
	if o.Group, err = s.group(ctx, c.Group); err != nil || c.NewKey != "" {
		return o, err
	}
	if c.CSR != "" {
		if o.CSR, err = s.readCSR(c.CSR); err != nil {
			return o, err
		}
	} else {
		o.Generate = algorithmName(c.ServerKey)
	}
	o.Names = c.texts()
	if c.Subject != "" {
		o.Subject, err = c.dn()
	}
	return o, err
}

type orderWaitCmd struct {
	orderRef
	waitFlags
	Out   string `type:"path" placeholder:"FILE" help:"Where the certificate goes; standard output unless given."`
	Chain bool   `help:"With the intermediate CA certificates behind it."`
	Force bool   `help:"Overwrite the file."`
}

func (c *orderWaitCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		if err := free(c.Force, c.Out); err != nil {
			return err
		}
		d, err := s.waitOrder(ctx, c.Order, c.Timeout)
		if err != nil {
			return err
		}
		got := &resource.IssuedOrder{Chain: []string{}}
		if err := s.complete(ctx, got, &d.Order); err != nil {
			return err
		}
		return s.result(got, c.Out, c.Chain, c.Force)
	})
}

type orderApproveCmd struct {
	orderRef
	Comment string `placeholder:"TEXT" help:"For the record."`
}

func (c *orderApproveCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		d, err := s.api.ApproveOrder(ctx, c.Order, c.Comment)
		if err != nil {
			return err
		}
		return s.done(d, "Order %d is %s.", d.Number, d.State)
	})
}

type orderRejectCmd struct {
	orderRef
	Comment string `placeholder:"TEXT" help:"The requester sees it."`
}

func (c *orderRejectCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		return s.endOrder(ctx, c.Order, "Reject", func() (*resource.OrderDetail, error) { return s.api.RejectOrder(ctx, c.Order, c.Comment) })
	})
}

type orderCancelCmd struct {
	orderRef
	Comment string `placeholder:"TEXT" help:"For the record."`
}

func (c *orderCancelCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		return s.endOrder(ctx, c.Order, "Cancel", func() (*resource.OrderDetail, error) { return s.api.CancelOrder(ctx, c.Order, c.Comment) })
	})
}

// endOrder asks whether an order shall end, and ends it.
func (s *session) endOrder(ctx context.Context, ref, verb string, end func() (*resource.OrderDetail, error)) error {
	d, err := s.api.Order(ctx, ref)
	if err != nil {
		return err
	}
	if err := s.confirm(ctx, "%s order %d for %s?", verb, d.Number, orderView().made["subject"](&d.Order, s.now)); err != nil {
		return err
	}
	if d, err = end(); err != nil {
		return err
	}
	return s.done(d, "Order %d is %s.", d.Number, d.State)
}
