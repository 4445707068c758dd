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
