package ordering_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/domain"
	"github.com/certwright/certwright/internal/ordering"
	"github.com/certwright/certwright/internal/policy"
)

// forget takes a proof back.
func (w *world) forget(o domain.Owner, name string) {
	w.domains.mu.Lock()
	defer w.domains.mu.Unlock()
	delete(w.domains.proven, w.domains.key(o, name))
}

// TestProofRunsOut: nothing is signed on a proof or a vetting that ended while
// the order waited for something else.
func TestProofRunsOut(t *testing.T) {
	w := sqlite(t)
	ctx, p := t.Context(), w.client(policy.CodeDV, policy.CodeOV)
	w.prove(w.group(), "shop.example")
	n := dv("shop.example")
	n.CSR = csr(t, "shop.example")
	v := w.is(w.create(p, n), nil, core.OrderAgreement)
	w.forget(w.group(), "shop.example")
	v, err := w.s.Agree(ctx, p, v.Order.ID, *agreed())
	w.is(v, err, core.OrderDCV)
	w.work()
	w.see(p, v.Order.ID, core.OrderDCV)
	w.prove(w.group(), "shop.example")
	w.work()
	w.see(p, v.Order.ID, core.OrderIssued)

	w.Change(t, policy.CodeDV, func(f *core.Profile) { f.Approval = "manual" })
	n.Agreement = agreed()
	v = w.is(w.create(p, n), nil, core.OrderApproval)
	w.forget(w.group(), "shop.example")
	v, err = w.s.Approve(ctx, w.approver(), v.Order.ID, "")
	w.is(v, err, core.OrderDCV)
	w.prove(w.group(), "shop.example")
	w.work()
	v = w.see(p, v.Order.ID, core.OrderApproval)
	v, err = w.s.Approve(ctx, w.approver(), v.Order.ID, "")
	w.is(v, err, core.OrderIssued)

	w.vet(core.PurposeOV)
	w.prove(domain.Owner{Organisation: w.org.ID}, "shop.example")
	n = dv("shop.example")
	n.Ask.Family, n.Organisation, n.CSR = core.FamilyOV, w.org.ID, csr(t, "shop.example")
	v = w.is(w.create(p, n), nil, core.OrderAgreement)
	w.vetting.mu.Lock()
	delete(w.vetting.valid, core.PurposeOV)
	w.vetting.mu.Unlock()
	v, err = w.s.Agree(ctx, p, v.Order.ID, *agreed())
	if w.is(v, err, core.OrderOrganisation); len(w.vetting.asked) != 1 {
		t.Errorf("vettings asked for: %v", w.vetting.asked)
	}
}

// TestRevokedCredential: what it ordered goes on only when somebody who may
// see it looks.
func TestRevokedCredential(t *testing.T) {
	w := sqlite(t)
	ctx, p, next := t.Context(), w.client(policy.CodeDV), w.client(policy.CodeDV)
	n := dv("shop.example")
	n.CSR, n.Agreement = csr(t, "shop.example"), agreed()
	id := w.is(w.create(p, n), nil, core.OrderDCV).Order.ID
	w.tx(func(ctx context.Context, tx core.Tx) error {
		c := *p.Credential
		c.State, c.Version, c.UpdatedAt, c.RevokedAt = core.CredentialRevoked, 2, w.Now(), w.Now()
		return w.DB.UpdateCredential(ctx, tx, &c, 1)
	})
	w.prove(w.group(), "shop.example")
	w.work()
	w.Advance(time.Hour)
	w.work()
	if o, err := w.DB.Order(ctx, w.Account, id); err != nil || o.State != core.OrderDCV {
		t.Fatalf("%+v %v", o, err)
	}
	w.see(next, id, core.OrderIssued)
}

// TestTwinByFile: a proof that does not cover the "www." twin leaves the order
// waiting, with a challenge for it.
func TestTwinByFile(t *testing.T) {
	w := sqlite(t)
	p := w.client(policy.CodeDV)
	n := dv("shop.example")
	n.Ask.AutoWWW = true
	id := w.is(w.create(p, n), nil, core.OrderDCV).Order.ID
	if !slices.Equal(w.domains.asked, []string{"shop.example"}) {
		t.Fatalf("challenges for %v", w.domains.asked)
	}
	w.domains.byFile = true
	w.prove(w.group(), "shop.example")
	w.work()
	w.see(p, id, core.OrderDCV)
	if !slices.Contains(w.domains.asked, "www.shop.example") {
		t.Errorf("challenges for %v", w.domains.asked)
	}
	w.prove(w.group(), "www.shop.example")
	w.work()
	w.see(p, id, core.OrderCSR)
}

// TestRejectByValidator: validators decide over others' orders, too.
func TestRejectByValidator(t *testing.T) {
	w := sqlite(t)
	ctx, p := t.Context(), w.client(policy.CodeDV)
	val := w.Person(w.Approver)
	val.Grants = []core.Grant{{Role: core.RoleValidator}}
	v := w.create(p, dv("shop.example"))
	v, err := w.s.Reject(ctx, val, v.Order.ID, "no such company")
	if w.is(v, err, core.OrderRejected); v.Order.Failure != "no such company" {
		t.Errorf("%+v", v.Order)
	}
	own := w.Person(w.User)
	own.Grants = val.Grants
	v = w.create(p, dv("shop.example"))
	_, err = w.s.Reject(ctx, own, v.Order.ID, "my own")
	fails(t, err, core.KindForbidden, "")
}

// TestDocumentLimits: twenty are enough, and nobody reads another order's.
func TestDocumentLimits(t *testing.T) {
	w := sqlite(t)
	ctx, p := t.Context(), w.client(policy.CodeDocumentNatural)
	n := ordering.New{Ask: core.OrderAsk{Subject: core.DN{{Type: "CN", Value: "Ann Example"}}}}
	one, two := w.create(p, n), w.create(p, n)
	many := make([]ordering.Upload, 20)
	for i := range many {
		many[i] = ordering.Upload{Name: string(rune('a'+i)) + ".pdf", Body: pdf}
	}
	v, err := w.s.AddDocuments(ctx, p, one.Order.ID, many)
	w.is(v, err, core.OrderApproval)
	_, err = w.s.AddDocuments(ctx, p, one.Order.ID, many[:1])
	fails(t, err, core.KindQuota, "documents")
	_, err = w.s.AddDocuments(ctx, p, two.Order.ID, nil)
	fails(t, err, core.KindInvalid, "documents")
	_, _, err = w.s.Document(ctx, p, two.Order.ID, v.Documents[0].ID)
	fails(t, err, core.KindNotFound, "")
	_, _, err = w.s.Document(ctx, p, two.Order.ID, "x")
	fails(t, err, core.KindNotFound, "")
}
