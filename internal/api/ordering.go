package api

import (
	"context"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/ordering"
)

// Orders is what the API needs of package ordering. Its methods check the
// access table themselves.
type Orders interface {
	Catalogue(ctx context.Context, p *core.Principal, group core.GroupID) ([]ordering.Offer, error)
	Create(ctx context.Context, p *core.Principal, n ordering.New) (*ordering.View, error)
	Order(ctx context.Context, p *core.Principal, id core.OrderID) (*ordering.View, error)
	ByRequest(ctx context.Context, p *core.Principal, number int64) (*ordering.View, error)
	SetCSR(ctx context.Context, p *core.Principal, id core.OrderID, csr []byte) (*ordering.View, error)
	AddDocuments(ctx context.Context, p *core.Principal, id core.OrderID, up []ordering.Upload) (*ordering.View, error)
	Document(ctx context.Context, p *core.Principal, id core.OrderID, doc core.DocumentID) (*core.Document, []byte, error)
	Agree(ctx context.Context, p *core.Principal, id core.OrderID, a core.Agreement) (*ordering.View, error)
	Cancel(ctx context.Context, p *core.Principal, id core.OrderID, remarks string) (*ordering.View, error)
	Reject(ctx context.Context, p *core.Principal, id core.OrderID, remarks string) (*ordering.View, error)
	Approve(ctx context.Context, p *core.Principal, id core.OrderID, comment string) (*ordering.View, error)
	AskDocuments(ctx context.Context, p *core.Principal, id core.OrderID, comment string) (*ordering.View, error)
	Revoke(ctx context.Context, p *core.Principal, id core.OrderID, reason int, remarks string) (*ordering.View, error)
	Resume(ctx context.Context, p *core.Principal, id core.OrderID) (*ordering.View, error)
	Reissue(ctx context.Context, p *core.Principal, id core.OrderID, r ordering.Reissue) (*ordering.View, error)
	Renew(ctx context.Context, p *core.Principal, id core.OrderID, csr []byte, idempotencyKey string, origin core.Origin) (*ordering.View, error)
	Report(ctx context.Context, p *core.Principal, q ordering.Query) ([]ordering.Row, int, error)
	Deploy(ctx context.Context, p *core.Principal, certificate core.CertificateID, target string) (*core.DeploymentRequest, error)
	CancelDeployment(ctx context.Context, p *core.Principal, id core.DeploymentRequestID) (*core.DeploymentRequest, error)
	Deployments(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.DeploymentRequest], error)
	DeploymentColumns() []core.Column
}

func (a *API) orderingRoutes() {
	register(a, get("orders", "get-catalogue", "/catalogue", "List what may be ordered step by step, with numeric codes", identity.ProductView),
		func(ctx context.Context, p *core.Principal, _ *struct{}) (*out[resource.Catalogue], error) {
			offers, err := a.d.Orders.Catalogue(ctx, p, "")
			return &out[resource.Catalogue]{resource.Catalogue{Items: shapes(offers, offerResource)}}, err
		})
	register(a, post("orders", "create-order-request", "/order-requests", "Begin an order that is put together step by step", identity.OrderCreate).created().
		says("What is missing may follow: documents, control of domains, the key, the signature. An order that lacks nothing is issued at once. With the header Idempotency-Key a repeat gives the first order."),
		a.createRequest)
	register(a, get("orders", "get-order-request", "/order-requests/{number}", "Read an order by its request number; drafts have no other", identity.OrderView),
		func(ctx context.Context, p *core.Principal, in *struct {
			Number int64 `path:"number" minimum:"1"`
		}) (*out[resource.OrderDetail], error) {
			v, err := a.d.Orders.ByRequest(ctx, p, in.Number)
			return a.orderAnswer(ctx, p, v, err)
		})
	register(a, get("orders", "report-orders", "/order-report", "Report orders with what was gathered for them", identity.OrderView).
		says("Newest first. Conditions are joined by AND, several values of one by OR."), a.reportOrders)
	a.stepRoutes()
	a.afterRoutes()
	a.orderDocumentRoutes()
}

// stepped makes the handler of an operation on an order.
func stepped[I any](a *API, action identity.Action, word func(*I) string, do func(ctx context.Context, p *core.Principal, id core.OrderID, in *I) (*ordering.View, error)) handler[I, out[resource.OrderDetail]] {
	return func(ctx context.Context, p *core.Principal, in *I) (*out[resource.OrderDetail], error) {
		o, err := a.order(ctx, p, word(in), action)
		if err != nil {
			return nil, err
		}
		v, err := do(ctx, p, o.ID, in)
		return a.orderAnswer(ctx, p, v, err)
	}
}

// with is a request about an order that has a body.
type with[T any] struct {
	ByWord
	Key  string `header:"Idempotency-Key" maxLength:"255" doc:"makes repeats of the request safe"`
	Body T
}

func wordOf[T any](in *with[T]) string { return in.ID }

func (a *API) stepRoutes() {
	register(a, put("orders", "set-order-csr", "/orders/{id}/csr", "Give or change the key of an open order", identity.OrderCreate).
		says("Names in the request must be among those ordered."),
		stepped(a, identity.OrderCreate, wordOf[resource.OrderKey], func(ctx context.Context, p *core.Principal, id core.OrderID, in *with[resource.OrderKey]) (*ordering.View, error) {
			csr, err := readCSR(in.Body.CSR)
			if err != nil {
				return nil, err
			}
			return a.d.Orders.SetCSR(ctx, p, id, csr)
		}))
	register(a, post("orders", "sign-order-agreement", "/orders/{id}/agreement", "Sign the subscriber agreement", identity.OrderCreate),
		stepped(a, identity.OrderCreate, wordOf[resource.Signature], func(ctx context.Context, p *core.Principal, id core.OrderID, in *with[resource.Signature]) (*ordering.View, error) {
			return a.d.Orders.Agree(ctx, p, id, core.Agreement{SignerName: in.Body.SignerName, SignerPlace: in.Body.SignerPlace, Text: in.Body.Text})
		}))
}

func (a *API) afterRoutes() {
	register(a, post("orders", "reissue-order", "/orders/{id}/reissue", "Order an issued certificate once more, with a new key or other names", identity.CertificateRenew).created(),
		stepped(a, identity.CertificateRenew, wordOf[resource.Reissue], func(ctx context.Context, p *core.Principal, id core.OrderID, in *with[resource.Reissue]) (*ordering.View, error) {
			csr, err := readCSR(in.Body.CSR)
			if err != nil {
				return nil, err
			}
			b := in.Body
			return a.d.Orders.Reissue(ctx, p, id, ordering.Reissue{Mode: b.Mode, Reason: b.Reason, CSR: csr, Additional: b.Additional, RevokePrevious: b.RevokePrevious,
				RevokeAll: b.RevokeAll, RevokeReason: b.RevokeReason, IdempotencyKey: in.Key, Origin: origin(ctx, "order.reissue")})
		}))
	register(a, post("orders", "renew-order", "/orders/{id}/renew", "Order the renewal of an issued order", identity.CertificateRenew).created(),
		stepped(a, identity.CertificateRenew, wordOf[resource.OrderRenewal], func(ctx context.Context, p *core.Principal, id core.OrderID, in *with[resource.OrderRenewal]) (*ordering.View, error) {
			csr, err := readCSR(in.Body.CSR)
			if err != nil {
				return nil, err
			}
			return a.d.Orders.Renew(ctx, p, id, csr, in.Key, origin(ctx, "order.renew"))
		}))
	register(a, post("orders", "revoke-order", "/orders/{id}/revoke", "Revoke or suspend the certificate of an order", identity.CertificateRevoke).
		says("Which reasons are taken depends on the product's family: public TLS knows 1, 3, 4, 5 and 9."),
		stepped(a, identity.CertificateRevoke, wordOf[resource.OrderRevocation], func(ctx context.Context, p *core.Principal, id core.OrderID, in *with[resource.OrderRevocation]) (*ordering.View, error) {
			return a.d.Orders.Revoke(ctx, p, id, in.Body.Reason, in.Body.Remarks)
		}))
	register(a, post("orders", "resume-order", "/orders/{id}/resume", "Take the suspended certificate of an order off hold", identity.CertificateRevoke),
		stepped(a, identity.CertificateRevoke, func(in *ByWord) string { return in.ID }, func(ctx context.Context, p *core.Principal, id core.OrderID, _ *ByWord) (*ordering.View, error) {
			return a.d.Orders.Resume(ctx, p, id)
		}))
}

type orderUpload struct {
	ByWord
	PDFUpload
}

func (a *API) orderDocumentRoutes() {
	register(a, post("orders", "add-order-document", "/orders/{id}/documents", "Bring a document that an order needs", identity.OrderCreate).
		says("A PDF file of at most 3 MiB.").uploads(core.MaxDocument).created(),
		stepped(a, identity.OrderCreate, func(in *orderUpload) string { return in.ID }, func(ctx context.Context, p *core.Principal, id core.OrderID, in *orderUpload) (*ordering.View, error) {
			return a.d.Orders.AddDocuments(ctx, p, id, []ordering.Upload{{Name: in.Name, Description: in.Description, Body: in.RawBody}})
		}))
	register(a, get("orders", "get-order-document", "/orders/{id}/documents/{document}", "Download a document of an order", identity.DocumentView).
		says("Every call is in the audit log.").streams("application/pdf"),
		func(ctx context.Context, p *core.Principal, in *struct {
			ByWord
			Document core.DocumentID `path:"document" maxLength:"36"`
		}) (*file, error) {
			o, err := a.order(ctx, p, in.ID, identity.DocumentView)
			if err != nil {
				return nil, err
			}
			d, body, err := a.d.Orders.Document(ctx, p, o.ID, in.Document)
			if err != nil {
				return nil, err
			}
			return fileOf(d.Type, d.Name, body), nil
		})
}

type newRequest struct {
	Key  string `header:"Idempotency-Key" maxLength:"255" doc:"makes repeats of the request safe"`
	Body resource.NewOrderRequest
}

func (a *API) createRequest(ctx context.Context, p *core.Principal, in *newRequest) (*out[resource.OrderDetail], error) {
	b := &in.Body
	group, err := a.ownGroup(ctx, p, b.Group)
	if err != nil {
		return nil, err
	}
	n := ordering.New{Code: b.Code, Organisation: b.Organisation, PreVettingToken: b.PreVettingToken, Group: group, Draft: b.Draft, Promote: b.Promote,
		IdempotencyKey: in.Key, Origin: origin(ctx, "order.request"),
		Ask: core.OrderAsk{Family: b.Family, Variant: b.Variant, Subject: b.Subject, Domain: b.Domain, Additional: b.Additional, AutoWWW: b.AutoWWW, Years: b.Years,
			AutoRenew: b.AutoRenew, RenewDays: b.RenewDays, KeyGen: b.Generate, Requestor: b.Requestor, Technical: b.Technical, Recipients: b.Recipients,
			Tags: b.Tags, Fields: b.Fields, Remarks: b.Remarks}}
	if b.Product != "" {
		if n.Product, err = a.productID(ctx, p, b.Product, "product"); err != nil {
			return nil, err
		}
	}
	if n.CSR, err = readCSR(b.CSR); err != nil {
		return nil, err
	}
	if n.Ask.Names, err = parseNames(b.Names); err != nil {
		return nil, err
	}
	if b.Agreement != nil {
		n.Agreement = &core.Agreement{SignerName: b.Agreement.SignerName, SignerPlace: b.Agreement.SignerPlace, Text: b.Agreement.Text}
	}
	q := *p
	q.Group = group
	v, err := a.d.Orders.Create(ctx, &q, n)
	return a.orderAnswer(ctx, p, v, err)
}

type reportRequest struct {
	State        []string `query:"state,explode" maxItems:"20"`
	Group        string   `query:"group" maxLength:"36"`
	Product      string   `query:"product" maxLength:"64" doc:"id or code word"`
	Certificate  []string `query:"certificate_state,explode" maxItems:"10"`
	From         string   `query:"from" doc:"ordered not before; RFC 3339 or relative as in filters"`
	Till         string   `query:"till" doc:"ordered not after"`
	EndsFrom     string   `query:"ends_from" doc:"certificate ends not before"`
	EndsTill     string   `query:"ends_till"`
	Name         string   `query:"name" maxLength:"255" doc:"part of a name"`
	Organisation string   `query:"organisation" maxLength:"200" doc:"part of its name"`
	Requestor    string   `query:"requestor" maxLength:"254" doc:"e-mail address"`
	Tag          []string `query:"tag,explode" maxItems:"20"`
	AllTags      bool     `query:"all_tags" doc:"all of the tags rather than any"`
	Issued       bool     `query:"issued" doc:"only those with a certificate"`
	Offset       int      `query:"offset" minimum:"0"`
	Limit        int      `query:"limit" minimum:"1" maximum:"100" default:"50"`
}

func (a *API) reportOrders(ctx context.Context, p *core.Principal, in *reportRequest) (*out[resource.OrderReport], error) {
	q := ordering.Query{Name: in.Name, Organisation: in.Organisation, Requestor: in.Requestor, Tags: in.Tag, AllTags: in.AllTags, Issued: in.Issued,
		Offset: in.Offset, Limit: in.Limit}
	for _, s := range in.State {
		q.States = append(q.States, core.OrderState(s))
	}
	for _, s := range in.Certificate {
		q.CertStates = append(q.CertStates, core.CertificateState(s))
	}
	if in.Group != "" {
		q.Groups = []core.GroupID{core.GroupID(in.Group)}
	}
	if in.Product != "" {
		id, err := a.productID(ctx, p, in.Product, "product")
		if err != nil {
			return nil, err
		}
		q.Products = []core.ProductID{id}
	}
	for _, t := range []struct {
		to          *time.Time
		text, field string
	}{{&q.From, in.From, "from"}, {&q.Till, in.Till, "till"}, {&q.EndsFrom, in.EndsFrom, "ends_from"}, {&q.EndsTill, in.EndsTill, "ends_till"}} {
		if t.text == "" {
			continue
		}
		var err error
		if *t.to, err = core.ParseTime(t.text, a.d.Now()); err != nil {
			return nil, core.AsError(err).At(t.field)
		}
	}
	rows, total, err := a.d.Orders.Report(ctx, p, q)
	if err != nil {
		return nil, err
	}
	refs := a.references(p)
	got := resource.OrderReport{Total: total, Items: []resource.OrderReportRow{}}
	for i := range rows {
		row, err := refs.order(ctx, &rows[i].Order)
		if err != nil {
			return nil, err
		}
		got.Items = append(got.Items, reportRow(row.resource(), &rows[i]))
	}
	return &out[resource.OrderReport]{got}, nil
}

func reportRow(o resource.Order, r *ordering.Row) resource.OrderReportRow {
	out := resource.OrderReportRow{Order: o, Organisation: r.Organisation, Country: r.Country, Tags: []string{}}
	if d := r.Details; d != nil {
		out.Request, out.Code, out.Requestor, out.Tags = d.Request, d.Ask.Code, d.Ask.Requestor.Email, list0(d.Ask.Tags)
	}
	if c := r.Certificate; c != nil {
		out.CertificateState, out.Serial, out.NotAfter = c.State, c.Serial, c.NotAfter
	}
	return out
}

func offerResource(o *ordering.Offer) resource.Offer {
	t := o.Product.OrderTerms()
	return resource.Offer{Code: o.Code, Name: o.Name, Product: o.Product.ID, Family: o.Family, Shape: o.Shape, Variant: t.Variant, Agreement: t.Agreement,
		Documents: t.Documents, MaxYears: max(t.MaxYears, 1), Fields: list0(t.Fields)}
}

// steps shows what was gathered for an order.
func (a *API) steps(v *ordering.View) *resource.OrderSteps {
	d, k := v.Details, &v.Details.Ask
	s := &resource.OrderSteps{Request: d.Request, Family: k.Family, Shape: k.Shape, Code: k.Code, Organisation: d.Organisation, Domain: k.Domain, Years: k.Years,
		Until: d.Until, AutoRenew: k.AutoRenew, Generate: k.KeyGen, KeyGiven: len(d.CSR) > 0 || k.KeyGen != "", CSR: block("CERTIFICATE REQUEST", d.CSR),
		Agreement: d.Agreement, Requestor: k.Requestor, Technical: k.Technical, Recipients: list0(k.Recipients), Tags: list0(k.Tags), Fields: list0(k.Fields),
		Remarks: k.Remarks, Note: d.Remarks, Mode: d.Mode, Reissues: d.Reissues, Reason: d.Reason, Domains: []resource.OrderDomain{},
		Documents: shapes(v.Documents, documentResource)}
	if v.Organisation != nil {
		s.OrganisationName = v.Organisation.Name
	}
	now := a.d.Now()
	for i := range v.Domains {
		x := &v.Domains[i]
		s.Domains = append(s.Domains, resource.OrderDomain{ID: x.ID, Name: x.Name, Control: x.Shown(now), Method: x.Method, ValidUntil: x.ValidUntil})
	}
	if v.Vetting != nil {
		x := a.vettingResource(v.Vetting)
		s.Vetting = &x
	}
	if t := v.Text; t != nil {
		s.AgreementText = &resource.AgreementRef{ID: t.ID, Version: t.Version, Digest: t.Digest, Present: t.SupersededAt.IsZero()}
	}
	if v.Consent != nil {
		x := consentResource(v.Consent)
		s.Consent = &x
	}
	return s
}
