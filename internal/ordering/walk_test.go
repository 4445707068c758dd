package ordering_test

import (
	"crypto/x509"
	"slices"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/domain"
	"github.com/certwright/certwright/internal/ordering"
	"github.com/certwright/certwright/internal/policy"
)

func leaf(t testing.TB, v *ordering.View) *x509.Certificate {
	t.Helper()
	c, err := x509.ParseCertificate(v.Certificate.DER)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestWalkDV goes through every step of a domain validated order, and then
// orders the same with nothing missing.
func TestWalkDV(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx, p := t.Context(), w.client(policy.CodeDV)
		n := dv("shop.example", "api.shop.example")
		n.Ask.Tags, n.Ask.Requestor = []string{"env:prod"}, core.Contact{Name: "Ann", Email: "Ann@shop.example"}
		v := w.is(w.create(p, n), nil, core.OrderDCV)
		if v.Details.Request == 0 || v.Order.Number == 0 || v.Details.Ask.Code != 844 || v.Details.Ask.Shape != core.ShapeUCC {
			t.Fatalf("%+v", v.Details)
		}
		if !slices.Equal(w.domains.asked, []string{"shop.example", "api.shop.example"}) {
			t.Fatalf("challenges for %v", w.domains.asked)
		}
		id := v.Order.ID
		w.work() // nothing happened: it still waits
		w.see(p, id, core.OrderDCV)
		w.prove(w.group(), "shop.example") // covers the name below
		w.work()
		if o, err := w.DB.Order(ctx, w.Account, id); err != nil || o.State != core.OrderCSR {
			t.Fatalf("%v %v", o, err)
		}
		_, err := w.s.SetCSR(ctx, p, id, csr(t, "other.example"))
		fails(t, err, core.KindBadCSR, "csr.subject")
		_, err = w.s.SetCSR(ctx, p, id, []byte("no request"))
		fails(t, err, core.KindBadCSR, "csr")
		v, err = w.s.SetCSR(ctx, p, id, csr(t, "shop.example"))
		w.is(v, err, core.OrderAgreement)
		_, err = w.s.Agree(ctx, p, id, core.Agreement{})
		fails(t, err, core.KindInvalid, "agreement")
		v, err = w.s.Agree(ctx, p, id, core.Agreement{SignerName: "Ann Example", Address: "203.0.113.9"})
		w.is(v, err, core.OrderIssued)
		if v.Details.Agreement.Address != "192.0.2.7" {
			t.Errorf("the agreement came from %q", v.Details.Agreement.Address)
		}
		c := leaf(t, v)
		if !slices.Equal(c.DNSNames, []string{"shop.example", "api.shop.example"}) || c.Subject.CommonName != "shop.example" || len(v.Chain) == 0 || v.Root == nil {
			t.Errorf("names %v, subject %v", c.DNSNames, c.Subject)
		}
		if v.Order.Number != w.see(p, id, core.OrderIssued).Order.Number || v.Order.ID != id || v.Order.Credential != p.Credential.ID {
			t.Error("the order did not stay itself")
		}
		n.CSR, n.Agreement, n.Ask.AutoWWW = csr(t, "shop.example"), agreed(), true
		v = w.is(w.create(p, n), nil, core.OrderIssued)
		if !slices.Equal(leaf(t, v).DNSNames, []string{"shop.example", "api.shop.example", "www.shop.example"}) || v.Details.Ask.Code != 844 || v.Details.Agreement == nil {
			t.Errorf("%v %+v", leaf(t, v).DNSNames, v.Details)
		}
		if v2 := w.is(w.create(p, n), nil, core.OrderIssued); v2.Order.ID == v.Order.ID || v2.Repeat {
			t.Error("two orders without idempotency key are two orders")
		}
	})
}

// TestWalkOrganisation: OV and EV wait for a validator first, and show what he
// validated.
func TestWalkOrganisation(t *testing.T) {
	for _, x := range []struct {
		code    string
		family  core.Family
		purpose core.Purpose
		serial  string
	}{{policy.CodeOV, core.FamilyOV, core.PurposeOV, ""}, {policy.CodeEV, core.FamilyEV, core.PurposeEV, "HRB 1"}} {
		t.Run(x.code, func(t *testing.T) {
			engines(t, func(t *testing.T, w *world) {
				ctx, p := t.Context(), w.client(x.code)
				n := dv("shop.example")
				n.Ask.Family = x.family
				_, err := w.s.Create(ctx, p, n)
				fails(t, err, core.KindPolicy, "organization")
				n.Organisation = core.OrganisationID(w.Group)
				_, err = w.s.Create(ctx, p, n)
				fails(t, err, core.KindForbidden, "organization")
				n.Organisation, n.PreVettingToken = w.org.ID, "wrong"
				_, err = w.s.Create(ctx, p, n)
				fails(t, err, core.KindForbidden, "organization")
				n.PreVettingToken = "right"
				v := w.is(w.create(p, n), nil, core.OrderOrganisation)
				if len(w.vetting.asked) != 1 || v.Vetting == nil || v.Vetting.State != core.VettingPending {
					t.Fatalf("vettings %v, %v", w.vetting.asked, v.Vetting)
				}
				id := v.Order.ID
				w.vet(x.purpose)
				w.work()
				w.see(p, id, core.OrderDCV)
				w.prove(w.group(), "shop.example") // another owner's proof does not count
				w.work()
				w.see(p, id, core.OrderDCV)
				w.prove(domain.Owner{Organisation: w.org.ID}, "shop.example")
				w.work()
				w.see(p, id, core.OrderCSR)
				v, err = w.s.SetCSR(ctx, p, id, csr(t, "shop.example"))
				w.is(v, err, core.OrderAgreement)
				v, err = w.s.Agree(ctx, p, id, *agreed())
				w.is(v, err, core.OrderIssued)
				s := leaf(t, v).Subject
				if s.CommonName != "shop.example" || !slices.Equal(s.Organization, []string{"Example GmbH"}) || !slices.Equal(s.Country, []string{"DE"}) || s.SerialNumber != x.serial {
					t.Errorf("subject %v", s)
				}
				n.CSR, n.Agreement = csr(t, "shop.example"), agreed()
				w.is(w.create(p, n), nil, core.OrderIssued)
			})
		})
	}
}

// TestWalkSigner: documents, people, key, agreement.
func TestWalkSigner(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx, p := t.Context(), w.client(policy.CodeDocumentNatural)
		n := ordering.New{Code: 819, Origin: core.Origin{Protocol: "rest"}, Ask: core.OrderAsk{Family: core.FamilyNatural, Names: core.Names{Email: []string{"ann@example.com"}},
			Subject: core.DN{{Type: "CN", Value: "Ann Example"}, {Type: "GN", Value: "Ann"}, {Type: "SN", Value: "Example"}}}}
		v := w.is(w.create(p, n), nil, core.OrderDocuments)
		id := v.Order.ID
		_, err := w.s.AddDocuments(ctx, p, id, []ordering.Upload{{Name: "pass.pdf", Body: []byte("GIF89a")}})
		fails(t, err, core.KindMediaType, "")
		v, err = w.s.AddDocuments(ctx, p, id, []ordering.Upload{{Name: "pass.pdf", Body: pdf}})
		w.is(v, err, core.OrderApproval)
		doc, body, err := w.s.Document(ctx, w.approver(), id, v.Documents[0].ID)
		if err != nil || string(body) != string(pdf) || doc.Name != "pass.pdf" || doc.Sealed != nil {
			t.Fatalf("%v %q %v", doc, body, err)
		}
		_, err = w.s.Approve(ctx, p, id, "")
		fails(t, err, core.KindForbidden, "")
		w.Advance(time.Minute)
		v, err = w.s.AskDocuments(ctx, w.approver(), id, "the picture is dark")
		w.is(v, err, core.OrderDocuments)
		w.work()
		w.see(p, id, core.OrderDocuments)
		w.Advance(time.Minute)
		v, err = w.s.AddDocuments(ctx, p, id, []ordering.Upload{{Name: "pass2.pdf", Body: pdf}})
		w.is(v, err, core.OrderApproval)
		v, err = w.s.Approve(ctx, w.approver(), id, "looks like her")
		w.is(v, err, core.OrderCSR)
		_, err = w.s.Approve(ctx, w.approver(), id, "")
		fails(t, err, core.KindConflict, "state")
		_, err = w.s.SetCSR(ctx, p, id, csr(t, "Ann Example"))
		fails(t, err, core.KindBadCSR, "csr.subject") // a DNS name that was not ordered
		v, err = w.s.SetCSR(ctx, p, id, bare(t, "Ann Example"))
		w.is(v, err, core.OrderAgreement)
		v, err = w.s.Agree(ctx, p, id, *agreed())
		w.is(v, err, core.OrderIssued)
		if c := leaf(t, v); c.Subject.CommonName != "Ann Example" || !slices.Equal(c.EmailAddresses, []string{"ann@example.com"}) {
			t.Errorf("%v %v", c.Subject, c.EmailAddresses)
		}
		if len(v.Approvals) != 1 || len(v.Documents) != 2 {
			t.Errorf("approvals %v, documents %v", v.Approvals, v.Documents)
		}
		n.Documents, n.CSR, n.Agreement = []ordering.Upload{{Name: "pass.pdf", Body: pdf}}, bare(t, "Ann Example"), agreed()
		v = w.is(w.create(p, n), nil, core.OrderApproval) // a person always looks
		v, err = w.s.Approve(ctx, w.approver(), v.Order.ID, "")
		w.is(v, err, core.OrderIssued)
	})
}

// TestWalkLegalSigner: the organisation is vetted too, and what it says of
// itself is not what the client wrote.
func TestWalkLegalSigner(t *testing.T) {
	w := sqlite(t)
	ctx, p := t.Context(), w.client(policy.CodeDocumentLegal)
	n := ordering.New{Organisation: w.org.ID, Documents: []ordering.Upload{{Name: "pass.pdf", Body: pdf}},
		Ask: core.OrderAsk{Family: core.FamilyLegal, Subject: core.DN{{Type: "CN", Value: "Ann Example"}, {Type: "O", Value: "Somebody Else"}}}}
	v := w.is(w.create(p, n), nil, core.OrderOrganisation)
	w.vet(core.PurposeSMIME)
	w.work()
	w.see(p, v.Order.ID, core.OrderApproval)
	v, err := w.s.Approve(ctx, w.approver(), v.Order.ID, "")
	w.is(v, err, core.OrderCSR)
	v, err = w.s.SetCSR(ctx, p, v.Order.ID, bare(t, "Ann Example"))
	w.is(v, err, core.OrderAgreement)
	v, err = w.s.Agree(ctx, p, v.Order.ID, *agreed())
	if w.is(v, err, core.OrderIssued); !slices.Equal(leaf(t, v).Subject.Organization, []string{"Example GmbH"}) {
		t.Errorf("subject %v", leaf(t, v).Subject)
	}
}

// TestWalkPrivate: a key, then people where the product asks for them.
func TestWalkPrivate(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx, p := t.Context(), w.client(policy.CodeTLSServer)
		n := ordering.New{Ask: core.OrderAsk{Family: core.FamilyPrivatePKI, Variant: "intranet-ssl", Domain: "host.corp.internal", Additional: []string{"10.0.0.7", "fd00::7"}}}
		v := w.is(w.create(p, n), nil, core.OrderCSR)
		v, err := w.s.SetCSR(ctx, p, v.Order.ID, csr(t, "host.corp.internal"))
		if w.is(v, err, core.OrderIssued); len(leaf(t, v).IPAddresses) != 2 {
			t.Errorf("addresses %v", leaf(t, v).IPAddresses)
		}
		w.Change(t, policy.CodeTLSServer, func(f *core.Profile) { f.Approval = "manual" })
		v = w.is(w.create(p, n), nil, core.OrderCSR)
		v, err = w.s.SetCSR(ctx, p, v.Order.ID, csr(t, "host.corp.internal"))
		w.is(v, err, core.OrderApproval)
		_, err = w.s.SetCSR(ctx, p, v.Order.ID, csr(t, "host.corp.internal"))
		fails(t, err, core.KindConflict, "state")
		v, err = w.s.Approve(ctx, w.approver(), v.Order.ID, "")
		w.is(v, err, core.OrderIssued)
		n.CSR = csr(t, "host.corp.internal")
		v = w.is(w.create(p, n), nil, core.OrderApproval)
		v, err = w.s.AskDocuments(ctx, w.approver(), v.Order.ID, "who is that?")
		w.is(v, err, core.OrderDocuments)
		w.Advance(time.Second)
		v, err = w.s.AddDocuments(ctx, p, v.Order.ID, []ordering.Upload{{Name: "me.pdf", Body: pdf}})
		w.is(v, err, core.OrderApproval)
		v, err = w.s.Reject(ctx, w.approver(), v.Order.ID, "no")
		if w.is(v, err, core.OrderRejected); v.Order.Failure != "no" || v.Details.Remarks != "no" {
			t.Errorf("%+v", v.Order)
		}
	})
}

// TestWalkSMIME: the key is made here and can be fetched.
func TestWalkSMIME(t *testing.T) {
	w := sqlite(t)
	ctx, p := t.Context(), w.client(policy.CodeSMIME)
	n := ordering.New{Ask: core.OrderAsk{Family: core.FamilySMIME, KeyGen: "ECDSA P-256", Names: core.Names{Email: []string{"ann@example.com"}},
		Subject: core.DN{{Type: "CN", Value: "Ann Example"}}}}
	v := w.is(w.create(p, n), nil, core.OrderIssued)
	if key, err := w.Enroll.Key(ctx, p, v.Certificate.ID); err != nil || len(key) == 0 {
		t.Errorf("key: %v", err)
	}
	w.Change(t, policy.CodeSMIME, func(f *core.Profile) { f.Terms.Agreement = true })
	v = w.is(w.create(p, n), nil, core.OrderAgreement)
	v, err := w.s.Agree(ctx, p, v.Order.ID, *agreed())
	w.is(v, err, core.OrderIssued)
	if key, err := w.Enroll.Key(ctx, p, v.Certificate.ID); err != nil || len(key) == 0 {
		t.Errorf("key: %v", err)
	}
	w.Change(t, policy.CodeSMIME, func(f *core.Profile) { f.KeyExport = false })
	_, err = w.s.Create(ctx, p, n)
	fails(t, err, core.KindPolicy, "key")
}
