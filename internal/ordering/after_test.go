package ordering_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/enroll/enrolltest"
	"github.com/certwright/certwright/internal/ordering"
	"github.com/certwright/certwright/internal/policy"
)

// issued is an issued DV order.
func (w *world) issued(p *core.Principal, names ...string) *ordering.View {
	w.t.Helper()
	w.prove(w.group(), names...)
	n := dv(names...)
	n.CSR, n.Agreement = csr(w.t, names...), agreed()
	return w.is(w.create(p, n), nil, core.OrderIssued)
}

// at returns an order in a state, made by the product that goes there.
func (w *world) at(state core.OrderState) (*core.Principal, core.OrderID) {
	w.t.Helper()
	ctx := w.t.Context()
	private := ordering.New{Code: 950, Ask: core.OrderAsk{Domain: "host.corp.internal"}}
	signer := ordering.New{Code: 819, Ask: core.OrderAsk{Subject: core.DN{{Type: "CN", Value: "Ann Example"}}}}
	p := w.client(policy.CodeDV, policy.CodeOV, policy.CodeTLSServer, policy.CodeDocumentNatural)
	end := func(f func(ctx context.Context, p *core.Principal, id core.OrderID, remarks string) (*ordering.View, error)) core.OrderID {
		v, err := f(ctx, p, w.create(p, private).Order.ID, "over")
		if err != nil {
			w.t.Fatal(err)
		}
		return v.Order.ID
	}
	var id core.OrderID
	switch state {
	case core.OrderDraft:
		private.Draft = true
		id = w.create(p, private).Order.ID
	case core.OrderOrganisation:
		n := dv("shop.example")
		n.Code, n.Ask.Family, n.Organisation = 846, "", w.org.ID
		id = w.create(p, n).Order.ID
	case core.OrderDocuments:
		id = w.create(p, signer).Order.ID
	case core.OrderDCV:
		id = w.create(p, dv("unproven.example")).Order.ID
	case core.OrderCSR:
		id = w.create(p, private).Order.ID
	case core.OrderAgreement:
		w.prove(w.group(), "shop.example")
		n := dv("shop.example")
		n.CSR = csr(w.t, "shop.example")
		id = w.create(p, n).Order.ID
	case core.OrderApproval:
		w.Change(w.t, policy.CodeTLSServer, func(f *core.Profile) { f.Approval = "manual" })
		private.CSR = csr(w.t, "host.corp.internal")
		id = w.create(p, private).Order.ID
		w.Change(w.t, policy.CodeTLSServer, func(f *core.Profile) { f.Approval = "automatic" })
	case core.OrderIssuing, core.OrderUpstream, core.OrderFailed: // as another process leaves it
		id = w.create(p, private).Order.ID
		w.tx(func(ctx context.Context, tx core.Tx) error {
			o := &core.Order{ID: id, State: state, UpdatedAt: w.Now(), LeaseUntil: w.Now().Add(time.Hour), Attempt: 1}
			return w.DB.UpdateOrder(ctx, tx, o, core.OrderCSR, 0)
		})
	case core.OrderIssued:
		private.CSR = csr(w.t, "host.corp.internal")
		id = w.create(p, private).Order.ID
	case core.OrderRejected:
		id = end(w.s.Reject)
	case core.OrderCancelled:
		id = end(w.s.Cancel)
	}
	if o, err := w.DB.Order(ctx, w.Account, id); err != nil || o.State != state {
		w.t.Fatalf("%v %v, want %s", o, err, state)
	}
	return p, id
}

// TestStates tries every operation in every state: those that the table does
// not name are conflicts and change nothing.
func TestStates(t *testing.T) {
	w := sqlite(t)
	ctx := t.Context()
	open := []core.OrderState{core.OrderDraft, core.OrderOrganisation, core.OrderDocuments, core.OrderDCV, core.OrderCSR, core.OrderAgreement}
	ends := append(slices.Clone(open), core.OrderApproval)
	person := w.approver()
	operations := map[string]struct {
		in []core.OrderState
		do func(p *core.Principal, id core.OrderID) error
	}{
		"csr": {open, func(p *core.Principal, id core.OrderID) error {
			v, err := w.s.Order(ctx, p, id)
			if err != nil {
				return err
			}
			request := bare(t, "Ann Example")
			if len(v.Order.Names) > 0 {
				request = csr(t, v.Details.Ask.Domain)
			}
			return second(w.s.SetCSR(ctx, p, id, request))
		}},
		"documents": {open, func(p *core.Principal, id core.OrderID) error {
			return second(w.s.AddDocuments(ctx, p, id, []ordering.Upload{{Name: "a.pdf", Body: pdf}}))
		}},
		"agree":  {open, func(p *core.Principal, id core.OrderID) error { return second(w.s.Agree(ctx, p, id, *agreed())) }},
		"cancel": {append(slices.Clone(ends), core.OrderUpstream), func(p *core.Principal, id core.OrderID) error { return second(w.s.Cancel(ctx, p, id, "x")) }},
		"reject": {ends, func(p *core.Principal, id core.OrderID) error { return second(w.s.Reject(ctx, p, id, "x")) }},
		"reject by a person": {ends, func(_ *core.Principal, id core.OrderID) error {
			return second(w.s.Reject(ctx, person, id, "x"))
		}},
		"approve":       {[]core.OrderState{core.OrderApproval}, func(_ *core.Principal, id core.OrderID) error { return second(w.s.Approve(ctx, person, id, "")) }},
		"ask documents": {[]core.OrderState{core.OrderApproval}, func(_ *core.Principal, id core.OrderID) error { return second(w.s.AskDocuments(ctx, person, id, "")) }},
		"revoke": {[]core.OrderState{core.OrderIssued}, func(p *core.Principal, id core.OrderID) error {
			return second(w.s.Revoke(ctx, p, id, core.ReasonSuperseded, ""))
		}},
		"reissue": {[]core.OrderState{core.OrderIssued}, func(p *core.Principal, id core.OrderID) error {
			return second(w.s.Reissue(ctx, p, id, ordering.Reissue{Mode: "rekey", Reason: "new machine"}))
		}},
		"renew": {[]core.OrderState{core.OrderIssued}, func(p *core.Principal, id core.OrderID) error {
			return second(w.s.Renew(ctx, p, id, nil, "", core.Origin{}))
		}},
		"resume": {nil, func(p *core.Principal, id core.OrderID) error { return second(w.s.Resume(ctx, p, id)) }},
	}
	for name, op := range operations {
		for _, state := range core.OrderStates {
			t.Run(name+"/"+string(state), func(t *testing.T) {
				p, id := w.at(state)
				err := op.do(p, id)
				if slices.Contains(op.in, state) {
					if err != nil {
						t.Fatal(err)
					}
					return
				}
				fails(t, err, core.KindConflict, "")
				if o, err := w.DB.Order(ctx, w.Account, id); err != nil || o.State != state {
					t.Errorf("the refusal made it %s, %v", o.State, err)
				}
			})
		}
	}
}

// TestRevoke: reasons by family, remarks, suspension.
func TestRevoke(t *testing.T) {
	w := sqlite(t)
	ctx, p := t.Context(), w.client(policy.CodeDV, policy.CodeTLSServer)
	v := w.issued(p, "shop.example")
	for reason := -1; reason < 12; reason++ {
		kind := core.KindPolicy
		switch reason {
		case 1, 3, 4, 5, 9:
			continue
		case -1, 7, 8, 11:
			kind = core.KindInvalid
		}
		_, err := w.s.Revoke(ctx, p, v.Order.ID, reason, "")
		fails(t, err, kind, "reason")
	}
	_, err := w.s.Revoke(ctx, p, v.Order.ID, core.ReasonSuperseded, "a;b")
	fails(t, err, core.KindInvalid, "remarks")
	v, err = w.s.Revoke(ctx, p, v.Order.ID, core.ReasonKeyCompromise, "stolen")
	if w.is(v, err, core.OrderIssued); v.Certificate.State != core.CertRevoked || v.Certificate.Reason != core.ReasonKeyCompromise || v.Details.Remarks != "stolen" {
		t.Errorf("%+v %+v", v.Certificate, v.Details)
	}
	_, err = w.s.Revoke(ctx, p, v.Order.ID, core.ReasonKeyCompromise, "")
	fails(t, err, core.KindRevoked, "")

	v = w.create(p, ordering.New{Code: 950, CSR: csr(t, "host.corp.internal"), Ask: core.OrderAsk{Domain: "host.corp.internal"}})
	_, err = w.s.Revoke(ctx, p, v.Order.ID, core.ReasonCACompromise, "")
	fails(t, err, core.KindPolicy, "reason")
	v, err = w.s.Revoke(ctx, p, v.Order.ID, core.ReasonCertificateHold, "on leave")
	if w.is(v, err, core.OrderIssued); v.Certificate.State != core.CertOnHold {
		t.Errorf("%+v", v.Certificate)
	}
	v, err = w.s.Resume(ctx, p, v.Order.ID)
	if w.is(v, err, core.OrderIssued); v.Certificate.State != core.CertActive {
		t.Errorf("%+v", v.Certificate)
	}
	_, err = w.s.Resume(ctx, p, v.Order.ID)
	fails(t, err, core.KindConflict, "")
}

// TestReissue: a new order with the old one's content, and the end of the old
// certificates where that was asked.
func TestReissue(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx, p := t.Context(), w.client(policy.CodeDV)
		first := w.issued(p, "shop.example")
		id := first.Order.ID
		for field, r := range map[string]ordering.Reissue{
			"mode": {Mode: "again", Reason: "x"}, "reason": {Mode: "rekey"}, "csr": {Mode: "rekey", Reason: "x", CSR: []byte("x")},
			"csr.subject": {Mode: "rekey", Reason: "x", CSR: csr(t, "other.example")},
			"names":       {Mode: "update-sans", Reason: "x", Additional: make([]string, 200)},
		} {
			if _, err := w.s.Reissue(ctx, p, id, r); core.AsError(err).Field != field {
				t.Errorf("%s: %v", field, err)
			}
		}
		_, err := w.s.Reissue(ctx, p, id, ordering.Reissue{Mode: "rekey", Reason: "x", RevokePrevious: true, RevokeReason: core.ReasonCertificateHold})
		fails(t, err, core.KindPolicy, "reason")
		r := ordering.Reissue{Mode: "rekey", Reason: "new machine", RevokePrevious: true, RevokeReason: core.ReasonSuperseded, IdempotencyKey: "re"}
		v, err := w.s.Reissue(ctx, p, id, r)
		w.is(v, err, core.OrderCSR)
		if v.Order.ID == id || v.Details.Reissues != first.Certificate.ID || v.Details.Mode != "rekey" || v.Details.Agreement == nil {
			t.Errorf("%+v", v.Details)
		}
		if cert, err := w.DB.Certificate(ctx, w.Account, first.Certificate.ID); err != nil || cert.State != core.CertActive {
			t.Fatal("revoked before its successor stands")
		}
		v2, err := w.s.SetCSR(ctx, p, v.Order.ID, csr(t, "shop.example"))
		w.is(v2, err, core.OrderIssued)
		if cert, _ := w.DB.Certificate(ctx, w.Account, first.Certificate.ID); cert.State != core.CertRevoked || cert.Reason != core.ReasonSuperseded || cert.ReplacedBy != v2.Certificate.ID {
			t.Errorf("%+v", cert)
		}
		if again, err := w.s.Reissue(ctx, p, id, r); err != nil || !again.Repeat || again.Order.ID != v.Order.ID {
			t.Errorf("%v %v", again, err)
		}
		_, err = w.s.Reissue(ctx, p, id, ordering.Reissue{Mode: "rekey", Reason: "something else", IdempotencyKey: "re"})
		fails(t, err, core.KindConflict, "idempotency-key")
		_, err = w.s.Reissue(ctx, p, id, ordering.Reissue{Mode: "rekey", Reason: "again"})
		fails(t, err, core.KindConflict, "state")

		v3, err := w.s.Reissue(ctx, p, v2.Order.ID, ordering.Reissue{Mode: "update-sans", Reason: "one more", Additional: []string{"a.shop.example"}, CSR: csr(t, "shop.example")})
		w.is(v3, err, core.OrderIssued)
		if !slices.Equal(leaf(t, v3).DNSNames, []string{"shop.example", "a.shop.example"}) || v3.Details.Ask.Code != 844 {
			t.Errorf("%v %+v", leaf(t, v3).DNSNames, v3.Details.Ask)
		}
		v4, err := w.s.Reissue(ctx, p, v3.Order.ID, ordering.Reissue{Mode: "rekey", Reason: "x", RevokeAll: true, RevokeReason: core.ReasonKeyCompromise, CSR: csr(t, "shop.example")})
		w.is(v4, err, core.OrderIssued)
		for _, c := range []core.CertificateID{first.Certificate.ID, v2.Certificate.ID, v3.Certificate.ID} {
			if cert, _ := w.DB.Certificate(ctx, w.Account, c); cert.State != core.CertRevoked {
				t.Errorf("%s is %s", cert.Serial, cert.State)
			}
		}
		w.work()
		if cert, _ := w.DB.Certificate(ctx, w.Account, v4.Certificate.ID); cert.State != core.CertActive {
			t.Error("the new one is gone, too")
		}
	})
}

// TestRenew: window and key follow the product.
func TestRenew(t *testing.T) {
	w := sqlite(t)
	ctx, p := t.Context(), w.client(policy.CodeDV)
	w.Change(t, policy.CodeDV, func(f *core.Profile) { f.RenewDays = 30 })
	v := w.issued(p, "shop.example")
	_, err := w.s.Renew(ctx, p, v.Order.ID, nil, "", core.Origin{})
	fails(t, err, core.KindPolicy, "state")
	w.Advance(180 * 24 * time.Hour)
	next, err := w.s.Renew(ctx, p, v.Order.ID, nil, "k", core.Origin{Protocol: "rest"})
	if w.is(next, err, core.OrderIssued); !slices.Equal(next.Certificate.SPKIHash, v.Certificate.SPKIHash) || next.Certificate.Replaces != v.Certificate.ID || next.Details.Mode != "renew" {
		t.Errorf("%+v", next.Certificate)
	}
	if again, err := w.s.Renew(ctx, p, v.Order.ID, nil, "k", core.Origin{Protocol: "rest"}); err != nil || !again.Repeat || again.Order.ID != next.Order.ID {
		t.Errorf("%v", err)
	}
	w.Change(t, policy.CodeDV, func(f *core.Profile) { f.RenewSameKey = false })
	w.Advance(180 * 24 * time.Hour)
	last, err := w.s.Renew(ctx, p, next.Order.ID, nil, "", core.Origin{})
	w.is(last, err, core.OrderCSR)
	last, err = w.s.SetCSR(ctx, p, last.Order.ID, csr(t, "shop.example"))
	w.is(last, err, core.OrderIssued)
}

// TestAutoRenew: keys made here are renewed once on schedule until the
// subscription is over; others are left to their clients.
func TestAutoRenew(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx, p := t.Context(), w.client(policy.CodeDevice)
		w.Change(t, policy.CodeDevice, func(f *core.Profile) {
			f.KeyExport, f.ValidityAmount, f.ValidityUnit = true, 200, "days"
			f.Terms = &core.OrderTerms{Family: core.FamilyPrivatePKI, MaxYears: 2}
		})
		n := ordering.New{Ask: core.OrderAsk{Domain: "host.corp.internal", KeyGen: "ECDSA P-256", AutoRenew: true, RenewDays: 20, Years: 2}}
		v := w.is(w.create(p, n), nil, core.OrderIssued)
		n.Ask.KeyGen, n.CSR = "", csr(t, "host.corp.internal")
		own := w.is(w.create(p, n), nil, core.OrderIssued)
		w.Advance(179 * 24 * time.Hour)
		w.work()
		count := func() int {
			_, total, err := w.s.Report(ctx, p, ordering.Query{Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			return total
		}
		if count() != 2 {
			t.Fatal("renewed too early")
		}
		w.Advance(2 * 24 * time.Hour)
		w.work()
		w.work()
		if count() != 3 {
			t.Fatalf("%d orders", count())
		}
		old, err := w.DB.Certificate(ctx, w.Account, v.Certificate.ID)
		if err != nil || old.ReplacedBy == "" {
			t.Fatalf("%+v %v", old, err)
		}
		rows, _, err := w.s.Report(ctx, p, ordering.Query{Limit: 1})
		if err != nil || rows[0].Certificate == nil || rows[0].Certificate.ID != old.ReplacedBy || rows[0].Order.Credential != p.Credential.ID || !rows[0].Details.Until.Equal(v.Details.Until) {
			t.Fatalf("%+v %v", rows, err)
		}
		if c, _ := w.DB.Certificate(ctx, w.Account, own.Certificate.ID); c.ReplacedBy != "" {
			t.Error("the client's own key was renewed")
		}
		for range 4 { // to the end of the subscription
			w.Advance(181 * 24 * time.Hour)
			w.work()
			w.work()
		}
		if n := count(); n != 6 {
			t.Errorf("%d orders in two years of 180 days each", n)
		}
	})
}

// TestCrash: what a stopped process left is taken up, whatever it was doing.
func TestCrash(t *testing.T) {
	for _, point := range []string{"before-serial", "before-sign", "before-commit"} {
		t.Run(point, func(t *testing.T) {
			engines(t, func(t *testing.T, w *world) {
				ctx, p := t.Context(), w.client(policy.CodeDV)
				first := w.issued(p, "shop.example")
				stopped := func(f func()) {
					t.Helper()
					w.OnPoint = func(name string) {
						if name == point {
							panic("stopped")
						}
					}
					defer func() {
						w.OnPoint = nil
						if recover() == nil {
							t.Errorf("%s was not passed", point)
						}
					}()
					f()
				}
				v, err := w.s.Reissue(ctx, p, first.Order.ID, ordering.Reissue{Mode: "rekey", Reason: "x", RevokePrevious: true, RevokeReason: core.ReasonSuperseded})
				w.is(v, err, core.OrderCSR)
				key := csr(t, "shop.example")
				stopped(func() { _, _ = w.s.SetCSR(ctx, p, v.Order.ID, key) })
				n := dv("shop.example")
				n.CSR, n.Agreement, n.IdempotencyKey = csr(t, "shop.example"), agreed(), "all"
				stopped(func() { _, _ = w.s.Create(ctx, p, n) })
				w.Advance(time.Minute) // leases are over
				w.work()
				w.work()
				got := w.see(p, v.Order.ID, core.OrderIssued)
				if c, _ := w.DB.Certificate(ctx, w.Account, first.Certificate.ID); c.State != core.CertRevoked || c.ReplacedBy != got.Certificate.ID {
					t.Errorf("the old certificate is %s", c.State)
				}
				whole := w.is(w.create(p, n), nil, core.OrderIssued)
				if whole.Details == nil || whole.Repeat != (point != "before-serial") {
					t.Errorf("%+v", whole)
				}
				if _, total, _ := w.s.Report(ctx, p, ordering.Query{Limit: 10}); total != 3 {
					t.Errorf("%d orders", total)
				}
			})
		})
	}
}

// TestRaces: of operations that exclude each other one happens.
func TestRaces(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx, p := t.Context(), w.client(policy.CodeDV)
		w.prove(w.group(), "shop.example")
		n := dv("shop.example")
		n.CSR = csr(t, "shop.example")
		for range 5 {
			id := w.is(w.create(p, n), nil, core.OrderAgreement).Order.ID
			both(
				func() { _, _ = w.s.Agree(ctx, p, id, *agreed()) },
				func() { _, _ = w.s.Cancel(ctx, p, id, "no") })
			v, err := w.s.Order(ctx, p, id)
			if err != nil || v.Order.State != core.OrderIssued && v.Order.State != core.OrderCancelled || (v.Certificate != nil) != (v.Order.State == core.OrderIssued) {
				t.Fatalf("%+v %v", v, err)
			}
		}
		n.CSR = nil
		n.Agreement = agreed()
		id := w.is(w.create(p, n), nil, core.OrderCSR).Order.ID
		keys := [][]byte{keyed(t, enrolltest.Key(t), "shop.example"), keyed(t, enrolltest.Key(t), "shop.example")}
		both(
			func() { _, _ = w.s.SetCSR(ctx, p, id, keys[0]) },
			func() { _, _ = w.s.SetCSR(ctx, p, id, keys[1]) })
		v := w.see(p, id, core.OrderIssued)
		if !slices.Equal(v.Details.CSR, v.Order.Request.CSR) {
			t.Error("the order shows another key than it was issued for")
		}
	})
}

func both(f, g func()) {
	var wg sync.WaitGroup
	wg.Go(f)
	wg.Go(g)
	wg.Wait()
}
