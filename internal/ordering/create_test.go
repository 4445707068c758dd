package ordering_test

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/domain"
	"github.com/certwright/certwright/internal/ordering"
	"github.com/certwright/certwright/internal/policy"
)

// TestCreateRefusals: each names the part of the wish that is at fault, and
// leaves no order behind.
func TestCreateRefusals(t *testing.T) {
	w := sqlite(t)
	ctx := t.Context()
	w.Change(t, policy.CodeTLSServer, func(f *core.Profile) {
		f.Terms.Fields = []core.CustomField{{ID: "cc", Name: "Cost centre", Type: "text", Required: true, MaxLength: 4},
			{ID: "env", Name: "Environment", Type: "dropdown", Values: []string{"test", "prod"}}, {ID: "till", Name: "Till", Type: "datePicker"}}
	})
	p := w.client(policy.CodeDV, policy.CodeOV, policy.CodeEV, policy.CodeTLSServer, policy.CodeDevice)
	many := make([]string, 9999)
	for i := range many {
		many[i] = "h" + strconv.Itoa(i) + ".shop.example"
	}
	private := func(edit func(n *ordering.New)) ordering.New {
		n := ordering.New{Code: 950, Ask: core.OrderAsk{Domain: "host.corp.internal", Fields: []core.FieldValue{{ID: "cc", Value: "7"}}}}
		edit(&n)
		return n
	}
	edited := func(edit func(n *ordering.New)) ordering.New {
		n := dv("shop.example")
		edit(&n)
		return n
	}
	for name, x := range map[string]struct {
		n     ordering.New
		kind  core.Kind
		field string
	}{
		"unknown code":       {ordering.New{Code: 4711}, core.KindForbidden, "product"},
		"foreign product":    {ordering.New{Product: w.Product(t, policy.CodeSMIME).ID}, core.KindForbidden, "product"},
		"foreign family":     {ordering.New{Ask: core.OrderAsk{Family: core.FamilySMIME}}, core.KindForbidden, "product"},
		"contradiction":      {ordering.New{Code: 842, Ask: core.OrderAsk{Family: core.FamilyOV, Domain: "shop.example"}}, core.KindPolicy, "product"},
		"several":            {ordering.New{Ask: core.OrderAsk{Family: core.FamilyPrivatePKI, Domain: "a.internal"}}, core.KindPolicy, "product"},
		"shape of code":      {ordering.New{Code: 842, Ask: core.OrderAsk{Domain: "*.shop.example"}}, core.KindBadName, "names"},
		"shape as said":      {edited(func(n *ordering.New) { n.Ask.Shape = core.ShapeUCC }), core.KindBadName, "names"},
		"EV wildcard":        {ordering.New{Organisation: w.org.ID, Ask: core.OrderAsk{Family: core.FamilyEV, Domain: "*.shop.example"}}, core.KindBadName, "names"},
		"no name":            {edited(func(n *ordering.New) { n.Ask.Domain = "" }), core.KindBadName, "names"},
		"bad name":           {dv("shop..example"), core.KindBadName, "names"},
		"too many":           {dv(append([]string{"shop.example"}, many...)...), core.KindBadName, "names"},
		"domain taken":       {dv("refused.example"), core.KindConflict, "names"},
		"address":            {dv("shop.example", "192.0.2.9"), core.KindBadName, "names"},
		"group":              {edited(func(n *ordering.New) { n.Group = "01920000-0000-7000-8000-000000000000" }), core.KindForbidden, "group"},
		"years":              {edited(func(n *ordering.New) { n.Ask.Years = 4 }), core.KindPolicy, "validity"},
		"negative":           {edited(func(n *ordering.New) { n.Ask.Years = -1 }), core.KindInvalid, "validity"},
		"signer":             {edited(func(n *ordering.New) { n.Agreement = &core.Agreement{} }), core.KindInvalid, "agreement"},
		"draft":              {edited(func(n *ordering.New) { n.Promote = 77 }), core.KindNotFound, "request"},
		"bad CSR":            {edited(func(n *ordering.New) { n.CSR = []byte{0x30} }), core.KindBadCSR, "csr"},
		"another's CSR":      {edited(func(n *ordering.New) { n.CSR = csr(t, "other.example") }), core.KindBadCSR, "csr.subject"},
		"key here":           {edited(func(n *ordering.New) { n.Ask.KeyGen = "RSA 3072" }), core.KindPolicy, "key"},
		"document":           {edited(func(n *ordering.New) { n.Documents = []ordering.Upload{{Name: "a.pdf", Body: []byte("text")}} }), core.KindMediaType, "body"},
		"documents":          {edited(func(n *ordering.New) { n.Documents = make([]ordering.Upload, 21) }), core.KindQuota, "documents"},
		"huge":               {edited(func(n *ordering.New) { n.Ask.Remarks = strings.Repeat("x", 300<<10) }), core.KindTooLarge, ""},
		"required field":     {private(func(n *ordering.New) { n.Ask.Fields = nil }), core.KindInvalid, "fields.cc"},
		"long field":         {private(func(n *ordering.New) { n.Ask.Fields[0].Value = "12345" }), core.KindInvalid, "fields.cc"},
		"field twice":        {private(func(n *ordering.New) { n.Ask.Fields = append(n.Ask.Fields, n.Ask.Fields[0]) }), core.KindInvalid, "fields.cc"},
		"field of nobody":    {private(func(n *ordering.New) { n.Ask.Fields = append(n.Ask.Fields, core.FieldValue{ID: "x"}) }), core.KindInvalid, "fields.x"},
		"dropdown":           {private(func(n *ordering.New) { n.Ask.Fields = append(n.Ask.Fields, core.FieldValue{ID: "env", Value: "dev"}) }), core.KindInvalid, "fields.env"},
		"date":               {private(func(n *ordering.New) { n.Ask.Fields = append(n.Ask.Fields, core.FieldValue{ID: "till", Value: "soon"}) }), core.KindInvalid, "fields.till"},
		"pre-vetting":        {ordering.New{Organisation: w.org.ID, PreVettingToken: "x", Ask: core.OrderAsk{Family: core.FamilyOV, Domain: "shop.example"}}, core.KindForbidden, "organization"},
		"unknown algorithm":  {ordering.New{Product: w.Product(t, policy.CodeDevice).ID, Ask: core.OrderAsk{Domain: "a.internal", KeyGen: "RSA 7"}}, core.KindPolicy, "key"},
		"organisation of DV": {edited(func(n *ordering.New) { n.Organisation = "x" }), core.KindForbidden, "organization"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.s.Create(ctx, p, x.n)
			fails(t, err, x.kind, x.field)
		})
	}
	if _, n, err := w.s.Report(ctx, p, ordering.Query{Limit: 100}); err != nil || n != 0 {
		t.Errorf("%d orders were left behind, %v", n, err)
	}
	if _, err := w.s.Create(ctx, w.approver(), dv("shop.example")); core.KindOf(err) != core.KindForbidden {
		t.Errorf("an approver ordered: %v", err)
	}
}

// TestResolve finds the product and shape that are meant.
func TestResolve(t *testing.T) {
	w := sqlite(t)
	p := w.client(policy.CodeDV, policy.CodeOV, policy.CodeTLSServer, policy.CodeDevice)
	w.Change(t, policy.CodeDevice, func(f *core.Profile) {
		f.Terms = &core.OrderTerms{Family: core.FamilyPrivatePKI, Variant: "device", Codes: map[core.Shape]int64{core.ShapeSingle: 952}}
	})
	for _, x := range []struct {
		n    ordering.New
		code int64
	}{
		{dv("shop.example"), 842}, {dv("*.shop.example"), 843}, {dv("shop.example", "a.example"), 844}, {dv("*.shop.example", "shop.example"), 845},
		{dv("SHOP.example", "shop.example"), 842}, {dv("bücher.example"), 842},
		{ordering.New{Code: 843, Ask: core.OrderAsk{Domain: "*.shop.example"}}, 843},
		{ordering.New{Ask: core.OrderAsk{Family: core.FamilyPrivatePKI, Variant: "device", Domain: "a.internal"}}, 952},
		{ordering.New{Ask: core.OrderAsk{Family: core.FamilyPrivatePKI, Variant: "intranet-ssl", Domain: "a.internal", Additional: []string{"b.internal"}}}, 950},
		{ordering.New{Ask: core.OrderAsk{Domain: "shop.example"}}, 842}, // the credential's default
	} {
		if v := w.create(p, x.n); v.Details.Ask.Code != x.code {
			t.Errorf("%+v: code %d, want %d", x.n.Ask, v.Details.Ask.Code, x.code)
		}
	}
	offers, err := w.s.Catalogue(t.Context(), p, w.Group)
	var codes []int64
	for _, o := range offers {
		codes = append(codes, o.Code)
	}
	if err != nil || len(codes) != 10 || codes[0] != 842 || codes[3] != 845 || codes[9] != 952 {
		t.Errorf("%v %v", codes, err)
	}
	if _, err := w.s.Catalogue(t.Context(), p, "01920000-0000-7000-8000-000000000000"); core.KindOf(err) != core.KindForbidden {
		t.Errorf("another group's catalogue: %v", err)
	}
}

// TestTwin: "www." is added to what one registers, and needs a proof as any name.
func TestTwin(t *testing.T) {
	w := sqlite(t)
	w.Change(t, policy.CodeDV, func(f *core.Profile) { f.Ancestors = false })
	p := w.client(policy.CodeDV)
	for name, want := range map[string]int{"shop.example": 2, "www.shop.example": 1, "a.shop.example": 1, "*.shop.example": 1, "shop.co.uk": 2} {
		n := dv(name)
		n.Ask.AutoWWW = true
		if v := w.create(p, n); len(v.Order.Names) != want {
			t.Errorf("%s: %v", name, v.Order.Names)
		}
	}
	n := dv("shop.example")
	n.Ask.AutoWWW = true
	v := w.create(p, n)
	w.prove(w.group(), "shop.example")
	w.work()
	w.see(p, v.Order.ID, core.OrderDCV)
	w.prove(w.group(), "www.shop.example")
	w.work()
	w.see(p, v.Order.ID, core.OrderCSR)
}

// TestDrafts are kept, changed and handed in once, and have no order number.
func TestDrafts(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx, p := t.Context(), w.client(policy.CodeDV, policy.CodeOV)
		n := dv("shop.example")
		n.Draft, n.Ask.Family = true, core.FamilyOV
		v := w.is(w.create(p, n), nil, core.OrderDraft)
		request := v.Details.Request
		_, err := w.s.ByNumber(ctx, p, v.Order.Number)
		fails(t, err, core.KindNotFound, "")
		if got, err := w.s.ByRequest(ctx, p, request); err != nil || got.Order.ID != v.Order.ID {
			t.Fatalf("%v", err)
		}
		v, err = w.s.SetCSR(ctx, p, v.Order.ID, csr(t, "shop.example"))
		w.is(v, err, core.OrderDraft)
		w.prove(w.group(), "shop.example", "other.example")
		w.work()
		w.see(p, v.Order.ID, core.OrderDraft)
		n = dv("other.example")
		n.Promote, n.CSR, n.IdempotencyKey = request, csr(t, "other.example"), "promote"
		id := v.Order.ID
		v = w.is(w.create(p, n), nil, core.OrderAgreement)
		if v.Order.ID != id || v.Details.Request != request || v.Order.Names[0] != "dns:other.example" || v.Order.Product != w.Product(t, policy.CodeDV).ID {
			t.Errorf("%+v", v.Order)
		}
		if v = w.create(p, n); !v.Repeat || v.Order.ID != id {
			t.Errorf("repeat %v %v", v.Repeat, v.Order.ID)
		}
		n.IdempotencyKey = ""
		_, err = w.s.Create(ctx, p, n)
		fails(t, err, core.KindConflict, "request")
		n = dv("shop.example")
		n.Draft = true
		v = w.create(p, n)
		n.Draft, n.Promote, n.CSR, n.Agreement = false, v.Details.Request, csr(t, "shop.example"), agreed()
		id = v.Order.ID
		if v = w.is(w.create(p, n), nil, core.OrderIssued); v.Order.ID != id || v.Details.Agreement == nil {
			t.Errorf("%+v", v.Order)
		}
		if got, err := w.s.ByNumber(ctx, p, v.Order.Number); err != nil || got.Certificate == nil {
			t.Errorf("%v", err)
		}
		n = dv("shop.example")
		n.Draft = true
		v = w.create(p, n)
		v, err = w.s.Cancel(ctx, p, v.Order.ID, "changed my mind")
		w.is(v, err, core.OrderCancelled)
	})
}

// TestIdempotency: one key is one order, however many ask at the same time and
// however far it came meanwhile.
func TestIdempotency(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx, p := t.Context(), w.client(policy.CodeDV)
		all := func(n ordering.New) map[core.OrderID]int {
			var mu sync.Mutex
			ids, repeats := map[core.OrderID]int{}, 0
			var wg sync.WaitGroup
			for range 16 {
				wg.Go(func() {
					v, err := w.s.Create(ctx, p, n)
					mu.Lock()
					defer mu.Unlock()
					if err != nil {
						t.Errorf("create: %v", err)
						return
					}
					ids[v.Order.ID]++
					if v.Repeat {
						repeats++
					}
				})
			}
			wg.Wait()
			if len(ids) != 1 || repeats != 15 {
				t.Errorf("orders %v, %d repeats", ids, repeats)
			}
			return ids
		}
		runs := 0
		n := dv("shop.example")
		n.IdempotencyKey, n.CSR, n.Agreement = "one", csr(t, "shop.example"), agreed()
		n.With = func(_ context.Context, tx core.Tx, o *core.Order, d *core.OrderDetails) error {
			if o.ID == "" || d.Order != o.ID || d.Request == 0 {
				t.Errorf("%v %+v", o, d)
			}
			tx.OnCommit(func() { runs++ })
			return nil
		}
		waiting := all(n)
		w.prove(w.group(), "shop.example")
		w.work()
		for id := range waiting {
			w.see(p, id, core.OrderIssued)
			if v := w.is(w.create(p, n), nil, core.OrderIssued); v.Order.ID != id || !v.Repeat {
				t.Error("the repeat made another order")
			}
		}
		other := dv("other.example")
		other.IdempotencyKey = "one"
		_, err := w.s.Create(ctx, p, other)
		fails(t, err, core.KindConflict, "idempotency-key")
		n.IdempotencyKey = "two"
		all(n)
		if runs != 2 {
			t.Errorf("With ran %d times for two orders", runs)
		}
		if _, total, err := w.s.Report(ctx, p, ordering.Query{Limit: 10}); err != nil || total != 2 {
			t.Errorf("%d orders, %v", total, err)
		}
	})
}

// TestVisibility: credentials see the orders of their group and products,
// people those of their grants, others find nothing.
func TestVisibility(t *testing.T) {
	w := sqlite(t)
	ctx := t.Context()
	p := w.client(policy.CodeDV, policy.CodeOV)
	v := w.create(p, dv("shop.example"))
	id := v.Order.ID
	rotated, narrow, foreign := w.client(policy.CodeDV), w.client(policy.CodeOV), w.client(policy.CodeDV)
	foreign.Group = "01920000-0000-7000-8000-000000000000"
	w.see(rotated, id, core.OrderDCV)
	for who, q := range map[string]*core.Principal{"other products": narrow, "other group": foreign, "nobody": w.Person(w.User)} {
		if _, err := w.s.Order(ctx, q, id); core.KindOf(err) != core.KindNotFound {
			t.Errorf("%s: %v", who, err)
		}
		if _, err := w.s.ByNumber(ctx, q, v.Order.Number); core.KindOf(err) != core.KindNotFound {
			t.Errorf("%s by number: %v", who, err)
		}
		if _, err := w.s.Cancel(ctx, q, id, "x"); core.KindOf(err) != core.KindNotFound {
			t.Errorf("%s cancels: %v", who, err)
		}
		if rows, n, err := w.s.Report(ctx, q, ordering.Query{Limit: 10}); err != nil || n+len(rows) != 0 {
			t.Errorf("%s reports %d, %v", who, n, err)
		}
	}
	auditor := w.Person(w.Approver)
	auditor.Grants = []core.Grant{{Role: core.RoleAuditor}}
	w.see(auditor, id, core.OrderDCV)
	for what, err := range map[string]error{
		"csr": second(w.s.SetCSR(ctx, auditor, id, csr(t, "shop.example"))), "agree": second(w.s.Agree(ctx, auditor, id, *agreed())),
		"cancel": second(w.s.Cancel(ctx, auditor, id, "")), "reject": second(w.s.Reject(ctx, auditor, id, "")),
		"documents": second(w.s.AddDocuments(ctx, auditor, id, []ordering.Upload{{Name: "a.pdf", Body: pdf}})),
		"approve":   second(w.s.Approve(ctx, auditor, id, "")), "ask": second(w.s.AskDocuments(ctx, auditor, id, "")),
	} {
		if core.KindOf(err) != core.KindForbidden {
			t.Errorf("an auditor may %s: %v", what, err)
		}
	}
	w.prove(w.group(), "shop.example")
	v, err := w.s.SetCSR(ctx, rotated, id, csr(t, "shop.example"))
	w.is(v, err, core.OrderAgreement)
	v, err = w.s.Agree(ctx, rotated, id, *agreed())
	if w.is(v, err, core.OrderIssued); v.Certificate.Credential != p.Credential.ID {
		t.Error("the certificate is not the ordering credential's")
	}
	v, err = w.s.Revoke(ctx, rotated, id, core.ReasonSuperseded, "")
	if w.is(v, err, core.OrderIssued); v.Certificate.State != core.CertRevoked {
		t.Error("not revoked")
	}
}

func second[A any](_ A, err error) error { return err }

// TestOwner: an order with an organisation rests on that one's proofs.
func TestOwner(t *testing.T) {
	w := sqlite(t)
	p := w.client(policy.CodeDV)
	n := dv("shop.example")
	n.Organisation = w.org.ID
	v := w.is(w.create(p, n), nil, core.OrderDCV)
	w.prove(domain.Owner{Organisation: w.org.ID}, "shop.example")
	w.work()
	w.see(p, v.Order.ID, core.OrderCSR)
}
