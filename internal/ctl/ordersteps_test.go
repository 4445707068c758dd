package ctl

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// TestOrderSteps: each command sends what it says, and tells where the order
// stands.
func TestOrderSteps(t *testing.T) {
	f := newFake(t, false)
	at := func(state core.OrderState) resource.OrderDetail {
		return resource.OrderDetail{Order: resource.Order{ID: id[core.OrderID](1), Number: 7, State: state, Names: []string{"dns:shop.example"}},
			Approvals: []resource.Approval{}, Steps: &resource.OrderSteps{Request: 9}}
	}
	f.give("POST /order-requests", at(core.OrderDCV))
	f.give("GET /orders/7", at(core.OrderIssued))
	f.give("PUT /orders/7/csr", at(core.OrderAgreement))
	f.give("POST /orders/7/agreement", at(core.OrderIssued))
	f.give("POST /orders/7/documents", at(core.OrderApproval))
	f.give("POST /orders/7/ask-documents", at(core.OrderDocuments))
	f.give("POST /orders/7/reissue", at(core.OrderCSR))
	f.give("POST /orders/7/renew", at(core.OrderIssued))
	f.give("POST /orders/7/revoke", at(core.OrderIssued))
	f.give("POST /orders/7/resume", at(core.OrderIssued))
	f.give("GET /catalogue", resource.Catalogue{Items: []resource.Offer{{Code: 842, Name: "SSL DV", Family: core.FamilyDV}}})
	f.on("GET /order-report", func(*http.Request) (any, error) {
		return resource.OrderReport{Total: 1, Items: []resource.OrderReportRow{{Order: at(core.OrderIssued).Order, Request: 9, Code: 842}}}, nil
	})
	dir := t.TempDir()
	pdf := filepath.Join(dir, "pass.pdf")
	if err := os.WriteFile(pdf, []byte("%PDF-1.7\n%%EOF\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	says := func(want string, args ...string) {
		t.Helper()
		if o := f.ctl(t, args...).ok(t); !strings.Contains(o.out+o.err, want) {
			t.Errorf("%v: %+v", args, o)
		}
	}
	says("842", "order", "catalogue")
	says("Order 7 is pending-dcv.", "order", "request", "--code", "842", "--domain", "shop.example", "--www", "--tag", "a:b", "--signer", "Ann", "--idempotency-key", "k")
	r := body[resource.NewOrderRequest](t, f, "POST", "/order-requests")
	if r.Code != 842 || r.Domain != "shop.example" || !r.AutoWWW || r.Agreement.SignerName != "Ann" || f.got("POST", "/order-requests")[0].Key != "k" {
		t.Errorf("%+v", r)
	}
	says("Order 7 is issued.", "order", "agree", "7", "--signer", "Ann")
	says("Order 7 is pending-approval.", "order", "add-document", "7", pdf)
	if q := f.got("POST", "/orders/7/documents"); len(q) != 1 || !strings.Contains(q[0].Query, "name=pass.pdf") {
		t.Errorf("%+v", q)
	}
	says("pending-documents", "order", "ask-documents", "7", "--comment", "x")
	says("pending-csr", "order", "reissue", "7", "--reason", "new machine", "--revoke", "superseded", "--revoke-all")
	if r := body[resource.Reissue](t, f, "POST", "/orders/7/reissue"); r.RevokeReason != core.ReasonSuperseded || !r.RevokePrevious || !r.RevokeAll || r.Mode != "rekey" {
		t.Errorf("%+v", r)
	}
	says("issued", "order", "renew", "7")
	says("issued", "order", "revoke", "7", "--reason", "keyCompromise", "--yes")
	if r := body[resource.OrderRevocation](t, f, "POST", "/orders/7/revoke"); r.Reason != core.ReasonKeyCompromise {
		t.Errorf("%+v", r)
	}
	says("issued", "order", "resume", "7")
	says("842", "order", "report", "--state", "issued", "--tag", "a:b")
	if q := f.got("GET", "/order-report"); len(q) != 1 || !strings.Contains(q[0].Query, "state=issued") {
		t.Errorf("%+v", q)
	}
	f.ctl(t, "order", "request", "--domain", "a").fails(t, codeUsage, "what to order")
	f.ctl(t, "order", "revoke", "7", "--reason", "boredom").fails(t, codeUsage, "is no reason")
	f.ctl(t, "order", "reissue", "7", "--reason", "x", "--revoke-all").fails(t, codeUsage, "--revoke")
}

// TestAgreementCommands: publishing builds on the version in force, and texts are printed
// as they are.
func TestAgreementCommands(t *testing.T) {
	f := newFake(t, false)
	product := resource.Product{ID: id[core.ProductID](5), Code: "ssl-dv"}
	one := resource.AgreementText{ID: id[core.AgreementTextID](1), Version: 3, Present: true, Size: 5, Body: "Text\n"}
	own := resource.AgreementText{ID: id[core.AgreementTextID](2), Product: product.ID, Version: 7, Present: true, Size: 4, Body: "Own\n"}
	f.give("GET /products/ssl-dv", product)
	f.give("GET /agreement-texts", resource.Page[resource.AgreementText]{Items: []resource.AgreementText{own, one}})
	f.give("GET /agreement-texts/"+string(one.ID), one)
	f.give("GET /agreement-texts/"+string(own.ID), own)
	f.give("POST /agreement-texts", resource.AgreementText{ID: id[core.AgreementTextID](9), Version: 8})
	f.give("GET /orders/7", resource.OrderDetail{Steps: &resource.OrderSteps{AgreementText: &resource.AgreementRef{ID: own.ID}}})
	f.give("GET /orders/8", resource.OrderDetail{})
	file := filepath.Join(t.TempDir(), "new.txt")
	if err := os.WriteFile(file, []byte("New\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if o := f.ctl(t, "agreement", "show").ok(t); o.out != "Text\n" {
		t.Errorf("%+v", o)
	}
	if o := f.ctl(t, "order", "agreement", "7").ok(t); o.out != "Own\n" {
		t.Errorf("%+v", o)
	}
	f.ctl(t, "order", "agreement", "8").fails(t, codeNotFound, "no text")
	if o := f.ctl(t, "agreement", "publish", "--product", "ssl-dv", file).ok(t); !strings.Contains(o.err, "Version 8 is in force.") {
		t.Errorf("%+v", o)
	}
	if n := body[resource.NewAgreementText](t, f, "POST", "/agreement-texts"); n.Version != 7 || n.Product != product.ID || n.Body != "New\n" {
		t.Errorf("%+v", n)
	}
	f.ctl(t, "agreement", "remove").fails(t, codeUsage, "--yes")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f.ctl(t, "agreement", "publish", file).fails(t, codeUsage, "remove")
}
