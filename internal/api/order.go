package api

import (
	"context"
	"math"
	"strconv"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/enroll"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/ordering"
	"github.com/certwright/certwright/internal/wire/httpx"
)

func (a *API) orderRoutes() {
	addList(a, get("orders", "list-orders", "/orders", "List orders", identity.OrderView),
		"orders", a.d.Storage.OrderColumns, a.readOrders, func(r *orderRow) resource.Order { return r.resource() })
	register(a, post("orders", "create-order", "/orders", "Order a certificate", identity.OrderCreate).created().waits().
		says("With the header Idempotency-Key a repeat gives the first outcome, for ever; without it an identical request does for a day. A private key made here is in the answer that brings the certificate, once: after an approval repeat the request to get it."),
		a.createOrder)
	register(a, get("orders", "get-order", "/orders/{id}", "Read an order, by id or number", identity.OrderView),
		func(ctx context.Context, p *core.Principal, in *ByWord) (*out[resource.OrderDetail], error) {
			o, err := a.order(ctx, p, in.ID, identity.OrderView)
			if err != nil {
				return nil, err
			}
			v, err := a.d.Orders.Order(ctx, p, o.ID)
			return a.orderAnswer(ctx, p, v, err)
		})
	register(a, post("orders", "approve-order", "/orders/{id}/approve", "Approve an order", identity.OrderApprove).
		says("Nobody approves an order of his own."), a.decide(identity.OrderApprove, a.d.Orders.Approve))
	register(a, post("orders", "reject-order", "/orders/{id}/reject", "Reject an order; the requester sees the comment", identity.OrderReject).
		says("For approvers, and for validators, who did not order it themselves."), a.decide(identity.OrderReject, a.d.Orders.Reject))
	register(a, post("orders", "ask-order-documents", "/orders/{id}/ask-documents", "Send an order that waits for approval back for other documents", identity.OrderReject).
		says("For approvers, and for validators, who did not order it themselves. Approvals given so far end."), a.decide(identity.OrderReject, a.d.Orders.AskDocuments))
	register(a, post("orders", "cancel-order", "/orders/{id}/cancel", "Cancel an order that is not issued yet", identity.OrderCancel),
		a.decide(identity.OrderCancel, a.d.Orders.Cancel))
}

// order finds an order by id or number and checks the action on it.
func (a *API) order(ctx context.Context, p *core.Principal, word string, action identity.Action) (*core.Order, error) {
	unknown := core.Errorf(core.KindNotFound, "there is no such order")
	var o *core.Order
	var err error
	if core.ValidID(word) {
		o, err = a.d.Storage.Order(ctx, p.Account, core.OrderID(word))
	} else {
		n, bad := number(word)
		if bad {
			return nil, unknown
		}
		o, err = a.d.Storage.OrderByNumber(ctx, p.Account, n)
	}
	if err != nil {
		return nil, err
	}
	return o, see(p, identity.OrderView, action, o.Group, "order")
}

// number reads a public number.
func number(word string) (n int64, bad bool) {
	n, err := strconv.ParseInt(word, 10, 64)
	return n, err != nil || n <= 0 || strconv.FormatInt(n, 10) != word
}

type decideRequest struct {
	ByWord
	Body *resource.Decision
}

// decide makes a handler that ends an order's waiting in some way.
func (a *API) decide(action identity.Action, do func(context.Context, *core.Principal, core.OrderID, string) (*ordering.View, error)) handler[decideRequest, out[resource.OrderDetail]] {
	return func(ctx context.Context, p *core.Principal, in *decideRequest) (*out[resource.OrderDetail], error) {
		o, err := a.order(ctx, p, in.ID, action)
		if err != nil {
			return nil, err
		}
		comment := ""
		if in.Body != nil {
			comment = in.Body.Comment
		}
		v, err := do(ctx, p, o.ID, comment)
		return a.orderAnswer(ctx, p, v, err)
	}
}

type newOrderRequest struct {
	Key  string `header:"Idempotency-Key" maxLength:"255" doc:"makes repeats of the request safe"`
	Body resource.NewOrder
}

func (a *API) createOrder(ctx context.Context, p *core.Principal, in *newOrderRequest) (*issuedAnswer, error) {
	b := &in.Body
	group, err := a.ownGroup(ctx, p, b.Group)
	if err != nil {
		return nil, err
	}
	q := *p
	q.Group = group
	r, err := wish(&q, asked{CSR: b.CSR, Generate: b.Generate, Subject: b.Subject, Names: b.Names, Days: b.ValidityDays, NotAfter: b.NotAfter})
	if err != nil {
		return nil, err
	}
	if r.Product, err = a.productID(ctx, p, b.Product, "product"); err != nil {
		return nil, err
	}
	if b.Replaces != "" {
		c, err := a.certificate(ctx, p, b.Replaces, identity.CertificateRenew)
		if err != nil {
			return nil, core.AsError(err).At("replaces")
		}
		r.Replaces = c.ID
	}
	r.Comment, r.IdempotencyKey, r.Origin = b.Comment, in.Key, origin(ctx, "order.create")
	res, err := a.d.Enroll.Submit(ctx, r)
	return a.issued(ctx, p, res, err)
}

// origin says where a request came from.
func origin(ctx context.Context, op string) core.Origin {
	o := core.Origin{Protocol: "api", Operation: op, RequestID: httpx.RequestID(ctx)}
	if addr := httpx.ClientAddr(ctx); addr.IsValid() {
		o.Address = addr.String()
	}
	return o
}

// ownGroup decides which group a new order belongs to: the one named, or the
// only one for which p may order.
func (a *API) ownGroup(ctx context.Context, p *core.Principal, group core.GroupID) (core.GroupID, error) {
	if group != "" {
		_, err := a.d.Identity.Group(ctx, p, group)
		if core.Is(err, core.KindNotFound) {
			return "", core.Errorf(core.KindInvalid, "there is no such group").At("group")
		}
		if err != nil {
			return "", err
		}
		return group, identity.Can(p, identity.OrderCreate, group)
	}
	all, groups := identity.VisibleGroups(p, identity.OrderCreate)
	switch {
	case all:
		return "", nil
	case len(groups) == 1:
		return groups[0], identity.Can(p, identity.OrderCreate, groups[0])
	case len(groups) == 0:
		return "", identity.Can(p, identity.OrderCreate, "")
	}
	return "", core.Errorf(core.KindInvalid, "you may order for %d groups; say for which", len(groups)).At("group")
}

// issuedAnswer is the answer to an order: 201 with the certificate, 202 while
// the order is open.
type issuedAnswer struct {
	Status     int
	RetryAfter string `header:"Retry-After"`
	Body       resource.IssuedOrder
}

func (a *API) issued(ctx context.Context, p *core.Principal, res *enroll.Result, err error) (*issuedAnswer, error) {
	if err != nil {
		return nil, err
	}
	refs := a.references(p)
	row, err := refs.order(ctx, res.Order)
	if err != nil {
		return nil, err
	}
	ans := &issuedAnswer{Status: 202, Body: resource.IssuedOrder{Order: row.resource(), Chain: []string{}}}
	if res.RetryAfter > 0 {
		ans.Body.RetryAfter = int(math.Ceil(res.RetryAfter.Seconds()))
		ans.RetryAfter = strconv.Itoa(ans.Body.RetryAfter)
	}
	if res.Certificate == nil {
		return ans, nil
	}
	cert, err := refs.certificate(ctx, res.Certificate)
	if err != nil {
		return nil, err
	}
	c := cert.resource(a.d.Now())
	chain := res.Chain
	if len(res.Root) > 0 && (len(chain) == 0 || string(chain[len(chain)-1]) != string(res.Root)) {
		chain = append(chain[:len(chain):len(chain)], res.Root)
	}
	ans.Status, ans.Body.Certificate, ans.Body.PEM, ans.Body.Chain = 201, &c, certificatePEM(res.Certificate.DER), chainPEM(chain)
	ans.Body.PrivateKey = block("PRIVATE KEY", res.Key)
	return ans, nil
}

// orderRow is an order with words for its references.
type orderRow struct {
	core.Order
	product, issuer string
}

func (r *references) order(ctx context.Context, o *core.Order) (row orderRow, err error) {
	row.Order = *o
	if row.product, err = r.product(ctx, o.Product); err != nil {
		return row, err
	}
	row.issuer, err = r.issuer(ctx, o.Issuer)
	return row, err
}

func (r *orderRow) resource() resource.Order {
	o := &r.Order
	return resource.Order{ID: o.ID, Number: o.Number, State: o.State, Subject: o.Subject, Names: list0(o.Names), Product: o.Product, ProductCode: r.product,
		Issuer: o.Issuer, IssuerName: r.issuer, Credential: o.Credential, User: o.User, Group: o.Group, Protocol: o.Protocol, Certificate: o.Certificate,
		Replaces: o.Replaces, Failure: o.Failure, Comment: o.Request.Comment, CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt}
}

func (a *API) readOrders(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[orderRow], error) {
	var rows core.Page[orderRow]
	q, err := within(p, identity.OrderView, q)
	if err != nil {
		return rows, err
	}
	got, err := a.d.Storage.ListOrders(ctx, q)
	if err != nil {
		return rows, err
	}
	refs := a.references(p)
	for i := range got.Items {
		row, err := refs.order(ctx, &got.Items[i])
		if err != nil {
			return rows, err
		}
		rows.Items = append(rows.Items, row)
	}
	rows.Next, rows.Tally = got.Next, got.Tally
	return rows, nil
}

func (a *API) orderAnswer(ctx context.Context, p *core.Principal, v *ordering.View, err error) (*out[resource.OrderDetail], error) {
	if err != nil {
		return nil, err
	}
	o := v.Order
	row, err := a.references(p).order(ctx, o)
	if err != nil {
		return nil, err
	}
	d := resource.OrderDetail{Order: row.resource(), CSR: block("CERTIFICATE REQUEST", o.Request.CSR), Template: o.Request.Template, Approvals: []resource.Approval{}}
	for _, w := range v.Approvals {
		d.Approvals = append(d.Approvals, resource.Approval{User: w.User, Approved: w.Approved, Comment: w.Comment, At: w.CreatedAt})
	}
	if v.Product.Profile.Approval == "manual" {
		d.Needed = max(v.Product.Profile.Approvals, 1)
	}
	if v.Details != nil {
		d.Steps = a.steps(v)
	}
	return &out[resource.OrderDetail]{d}, nil
}
