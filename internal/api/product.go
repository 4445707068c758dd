package api

import (
	"context"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/enroll"
	"github.com/certwright/certwright/internal/identity"
)

// ByWord is a request that names a thing by id or by another word.
type ByWord struct {
	ID string `path:"id" maxLength:"64" doc:"id, code or number"`
}

func (a *API) productRoutes() {
	addList(a, get("products", "list-products", "/products", "List products", identity.ProductView),
		"products", a.d.Products.Columns, a.readProducts, func(r *productRow) resource.Product { return r.resource() })
	register(a, post("products", "create-product", "/products", "Add a product", identity.ProductManage).created(),
		func(ctx context.Context, p *core.Principal, in *in[resource.NewProduct]) (*out[resource.Product], error) {
			b := &in.Body
			made, err := a.d.Products.Create(ctx, p, core.Product{Code: b.Code, Name: b.Name, Description: b.Description, Issuer: b.Issuer, Profile: b.Profile})
			return a.productAnswer(ctx, p, made, err)
		})
	register(a, get("products", "get-product", "/products/{id}", "Read a product, by id or code", identity.ProductView),
		func(ctx context.Context, p *core.Principal, in *ByWord) (*out[resource.Product], error) {
			got, err := a.d.Products.Get(ctx, p.Account, in.ID)
			return a.productAnswer(ctx, p, got, err)
		})
	register(a, put("products", "update-product", "/products/{id}", "Replace a product", identity.ProductManage).
		says("The version must be the present one, else nothing is changed (conflict)."), a.updateProduct)
	register(a, post("products", "enable-product", "/products/{id}/enable", "Enable a product", identity.ProductManage), a.productState(core.ProductActive))
	register(a, post("products", "disable-product", "/products/{id}/disable", "Disable a product: it issues nothing any more", identity.ProductManage),
		a.productState(core.ProductDisabled))
	register(a, post("products", "dry-run-draft", "/products/dry-run", "Would this be issued by a product that is not saved? If not, why not", identity.ProductManage).
		says("What saving the product would refuse is an error that names the field."), a.dryRunDraft)
	register(a, post("products", "dry-run", "/products/{id}/dry-run", "Would this be issued? If not, why not", identity.ProductView), a.dryRun)
}

type productPut struct {
	ByWord
	Body resource.ProductUpdate
}

func (a *API) updateProduct(ctx context.Context, p *core.Principal, in *productPut) (*out[resource.Product], error) {
	old, err := a.d.Products.Get(ctx, p.Account, in.ID)
	if err != nil {
		return nil, err
	}
	b := &in.Body
	next, err := a.d.Products.Update(ctx, p, core.Product{ID: old.ID, Version: b.Version, Code: b.Code, Name: b.Name, Description: b.Description,
		Issuer: b.Issuer, State: b.State, Profile: b.Profile})
	return a.productAnswer(ctx, p, next, err)
}

// productState makes the handler that sets a product's state.
func (a *API) productState(state core.ProductState) handler[ByWord, out[resource.Product]] {
	return func(ctx context.Context, p *core.Principal, in *ByWord) (*out[resource.Product], error) {
		old, err := a.d.Products.Get(ctx, p.Account, in.ID)
		if err != nil {
			return nil, err
		}
		next, err := a.d.Products.SetState(ctx, p, old.ID, state)
		return a.productAnswer(ctx, p, next, err)
	}
}

type dryRunRequest struct {
	ByWord
	Body resource.DryRun
}

// dryRun turns refusals into a verdict. Only what concerns this call itself
// (no such product, a group that is not his) is an error.
func (a *API) dryRun(ctx context.Context, p *core.Principal, in *dryRunRequest) (*out[resource.Verdict], error) {
	prod, err := a.d.Products.Get(ctx, p.Account, in.ID)
	if err != nil {
		return nil, err
	}
	b := &in.Body
	r, err := wish(p, asked{CSR: b.CSR, Generate: b.Generate, Subject: b.Subject, Names: b.Names, Days: b.ValidityDays, NotAfter: b.NotAfter})
	if err != nil {
		return nil, err
	}
	r.Product = prod.ID
	return verdict(a.d.Enroll.DryRun(ctx, r))
}

// dryRunDraft judges by rules that nobody has saved yet.
func (a *API) dryRunDraft(ctx context.Context, p *core.Principal, in *in[resource.DraftDryRun]) (*out[resource.Verdict], error) {
	b := &in.Body
	// A form may be tried out before it has a code and a name.
	draft := core.Product{Account: p.Account, Code: "draft", Name: "draft", State: core.ProductActive, Issuer: b.Issuer, Profile: b.Profile}
	if b.Product != "" {
		old, err := a.d.Products.Get(ctx, p.Account, string(b.Product))
		if err != nil {
			return nil, core.AsError(err).At("product")
		}
		draft.ID, draft.Code, draft.Number = old.ID, old.Code, old.Number
	}
	if err := a.d.Products.Check(ctx, p, draft); err != nil {
		return nil, err
	}
	q := &b.Request
	r, err := wish(p, asked{CSR: q.CSR, Generate: q.Generate, Subject: q.Subject, Names: q.Names, Days: q.ValidityDays, NotAfter: q.NotAfter})
	if err != nil {
		e := core.AsError(err)
		return nil, e.At("request." + e.Field)
	}
	return verdict(a.d.Enroll.DryRunOf(ctx, r, draft))
}

// verdict turns what a dry run says into an answer.
func verdict(v *enroll.Verdict, err error) (*out[resource.Verdict], error) {
	if err != nil {
		e := core.AsError(err)
		switch e.Kind {
		case core.KindInternal, core.KindUnavailable, core.KindInvalid, core.KindNotFound:
			return nil, err
		}
		return &out[resource.Verdict]{resource.Verdict{Kind: e.Kind, Detail: e.Detail, Reasons: list0(e.Reasons)}}, nil
	}
	body := resource.Verdict{Allowed: len(v.Reasons) == 0, Approval: v.Approval, Reasons: list0(v.Reasons)}
	if body.Allowed {
		body.Template = &v.Template
	} else {
		body.Kind, body.Detail = core.KindPolicy, "the request breaks rules of the product"
	}
	return &out[resource.Verdict]{body}, nil
}

// asked is what orders and dry runs say in common.
type asked struct {
	CSR      string
	Generate string
	Subject  core.DN
	Names    []string
	Days     int
	NotAfter time.Time
}

// wish makes an enrolment request of what was asked.
func wish(p *core.Principal, b asked) (enroll.Request, error) {
	r := enroll.Request{Principal: p, Subject: b.Subject, KeyGen: b.Generate, Validity: time.Duration(b.Days) * 24 * time.Hour, NotAfter: b.NotAfter}
	if b.CSR == "" && b.Generate == "" {
		return r, core.Errorf(core.KindInvalid, "give a CSR, or with generate say which key pair to make").At("csr")
	}
	if b.Days > 0 && !b.NotAfter.IsZero() {
		return r, core.Errorf(core.KindInvalid, "validity_days and not_after exclude each other").At("not_after")
	}
	var err error
	if r.CSR, err = readCSR(b.CSR); err != nil {
		return r, err
	}
	if b.Names != nil {
		names, err := parseNames(b.Names)
		if err != nil {
			return r, err
		}
		r.Names = &names
	}
	if b.Generate != "" && b.CSR == "" {
		if r.Subject == nil {
			r.Subject = core.DN{}
		}
		if r.Names == nil {
			r.Names = &core.Names{}
		}
	}
	return r, nil
}

// productRow is a product with the name of its issuer.
type productRow struct {
	core.Product
	issuer string
}

func (r *productRow) resource() resource.Product {
	p := &r.Product
	return resource.Product{ID: p.ID, Number: p.Number, Code: p.Code, Name: p.Name, Description: p.Description, Issuer: p.Issuer, IssuerName: r.issuer,
		State: p.State, Profile: p.Profile, Version: p.Version, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt}
}

func (a *API) readProducts(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[productRow], error) {
	got, err := a.d.Products.List(ctx, q)
	rows := core.Page[productRow]{Next: got.Next, Tally: got.Tally}
	refs := a.references(p)
	for i := 0; err == nil && i < len(got.Items); i++ {
		row := productRow{Product: got.Items[i]}
		row.issuer, err = refs.issuer(ctx, row.Issuer)
		rows.Items = append(rows.Items, row)
	}
	return rows, err
}

func (a *API) productAnswer(ctx context.Context, p *core.Principal, prod *core.Product, err error) (*out[resource.Product], error) {
	if err != nil {
		return nil, err
	}
	row := productRow{Product: *prod}
	if row.issuer, err = a.references(p).issuer(ctx, prod.Issuer); err != nil {
		return nil, err
	}
	return &out[resource.Product]{row.resource()}, nil
}
