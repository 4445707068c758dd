package api_test

import (
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// TestOrderStepByStep walks a DV order through the API with the real domain
// service, and what comes after.
func TestOrderStepByStep(t *testing.T) {
	w := newWorld(t)
	req, app := w.withRole(t, "operator"), w.withRole(t, "approver")
	wish := resource.NewOrderRequest{Code: 842, Domain: "shop.example", AutoWWW: true, Tags: []string{"env:prod"}, Group: w.group,
		Requestor: core.Contact{Name: "Ann", Email: "ann@shop.example"}}
	send := func(c *caller, method, path string, body any, status int, headers ...string) resource.OrderDetail {
		t.Helper()
		return decode[resource.OrderDetail](t, c.do(t, method, path, body, headers...).is(t, status))
	}
	d := send(req, "POST", "/order-requests", wish, 201, "Idempotency-Key", "one")
	if d.State != core.OrderDCV || d.Steps == nil || d.Steps.Request == 0 || len(d.Steps.Domains) != 1 || d.Steps.Domains[0].Control != core.ControlPending || d.Group != w.group {
		t.Fatalf("%+v %+v", d, d.Steps)
	}
	if again := send(req, "POST", "/order-requests", wish, 201, "Idempotency-Key", "one"); again.ID != d.ID {
		t.Error("a repeat made another order")
	}
	wish.Domain = "other.example"
	req.do(t, "POST", "/order-requests", wish, "Idempotency-Key", "one").is(t, 409).problem(t, core.KindConflict)
	at := "/orders/" + strconv.FormatInt(d.Number, 10)
	if o := send(req, "GET", "/order-requests/"+strconv.FormatInt(d.Steps.Request, 10), nil, 200); o.ID != d.ID {
		t.Error("another order has the request number")
	}
	ch, err := w.names.Challenge(t.Context(), w.Admin, d.Steps.Domains[0].ID, core.MethodDNSTXT)
	must(t, err)
	w.dns.Set(ch.RecordName, "TXT", ch.Value)
	if _, err := w.names.Verify(t.Context(), w.Admin, d.Steps.Domains[0].ID, "", ""); err != nil {
		t.Fatal(err)
	}
	if d = send(req, "GET", at, nil, 200); d.State != core.OrderCSR || d.Steps.Domains[0].Control != core.ControlVerified {
		t.Fatalf("%+v", d)
	}
	if p := req.do(t, "PUT", at+"/csr", resource.OrderKey{CSR: csr(t, "other.example")}).is(t, 422).problem(t, core.KindBadCSR); p.Field != "csr.subject" {
		t.Errorf("%+v", p)
	}
	app.do(t, "PUT", at+"/csr", resource.OrderKey{CSR: csr(t, "shop.example")}).is(t, 403)
	if d = send(req, "PUT", at+"/csr", resource.OrderKey{CSR: csr(t, "shop.example")}, 200); d.State != core.OrderAgreement || !d.Steps.KeyGiven || d.Steps.CSR == "" {
		t.Fatalf("%+v", d)
	}
	d = send(req, "POST", at+"/agreement", resource.Signature{SignerName: "Ann Example", SignerPlace: "Berlin"}, 200)
	if d.State != core.OrderIssued || d.Certificate == "" || d.Steps.Agreement.Address != "192.0.2.7" || len(d.Names) != 2 {
		t.Fatalf("%+v", d)
	}
	req.do(t, "POST", at+"/agreement", resource.Signature{SignerName: "Ann Example"}).is(t, 409)
	w.Clock.Advance(time.Second)
	n := send(req, "POST", at+"/reissue", resource.Reissue{Mode: "rekey", Reason: "new machine", CSR: csr(t, "shop.example"), RevokePrevious: true, RevokeReason: 4}, 201)
	if n.State != core.OrderIssued || n.Replaces != d.Certificate || n.Steps.Mode != "rekey" {
		t.Errorf("%+v", n)
	}
	if c := decode[resource.CertificateDetail](t, req.do(t, "GET", "/certificates/"+string(d.Certificate), nil).is(t, 200)); c.State != core.CertRevoked {
		t.Errorf("the old certificate is %s", c.State)
	}
	req.do(t, "POST", "/orders/"+string(n.ID)+"/revoke", resource.OrderRevocation{Reason: 6}).is(t, 422).problem(t, core.KindPolicy)
	w.Clock.Advance(time.Second)
	r := send(req, "POST", "/orders/"+string(n.ID)+"/renew", resource.OrderRenewal{}, 201)
	if r.State != core.OrderIssued || r.Replaces != n.Certificate {
		t.Errorf("%+v", r)
	}
	send(req, "POST", "/orders/"+string(r.ID)+"/revoke", resource.OrderRevocation{Reason: 1, Remarks: "lost"}, 200)
	rep := decode[resource.OrderReport](t, req.do(t, "GET", "/order-report?tag=env:prod&name=shop&state=issued&requestor=ANN@shop.example&limit=2", nil).is(t, 200))
	if rep.Total != 3 || len(rep.Items) != 2 || rep.Items[0].Order.ID != r.ID || rep.Items[0].CertificateState != core.CertRevoked || rep.Items[0].Code != 842 {
		t.Errorf("%+v", rep)
	}
	for _, q := range []string{"tag=none", "state=pending-csr", "till=-1d", "organisation=x", "certificate_state=on-hold", "name=" + url.QueryEscape("%")} {
		if rep := decode[resource.OrderReport](t, req.do(t, "GET", "/order-report?"+q, nil).is(t, 200)); rep.Total != 0 || len(rep.Items) != 0 {
			t.Errorf("%s: %+v", q, rep)
		}
	}
	req.do(t, "GET", "/order-report?from=yesterday", nil).is(t, 400)
	if cat := decode[resource.Catalogue](t, req.do(t, "GET", "/catalogue", nil).is(t, 200)); len(cat.Items) < 10 {
		t.Errorf("%+v", cat)
	}
}

// TestOrderDocumentsAndPeople: a document signer's order through the API.
func TestOrderDocumentsAndPeople(t *testing.T) {
	w := newWorld(t)
	req, app := w.withRole(t, "requester"), w.withRole(t, "approver")
	wish := resource.NewOrderRequest{Product: "document-signer-natural-person", Subject: core.DN{{Type: "CN", Value: "Ann Example"}}}
	d := decode[resource.OrderDetail](t, req.do(t, "POST", "/order-requests", wish).is(t, 201))
	at := "/orders/" + string(d.ID)
	if d.State != core.OrderDocuments {
		t.Fatalf("%+v", d)
	}
	pdf := []byte("%PDF-1.7\nsomething\n%%EOF\n")
	upload := func(name string) resource.OrderDetail {
		t.Helper()
		return decode[resource.OrderDetail](t, req.do(t, "POST", at+"/documents?name="+name, pdf, "Content-Type", "application/pdf").is(t, 201))
	}
	if d = upload("pass.pdf"); d.State != core.OrderApproval || len(d.Steps.Documents) != 1 || d.Needed != 1 {
		t.Fatalf("%+v", d)
	}
	file := app.do(t, "GET", at+"/documents/"+string(d.Steps.Documents[0].ID), nil).is(t, 200)
	if string(file.body) != string(pdf) || file.header.Get("Content-Type") != "application/pdf" {
		t.Errorf("%q %v", file.body, file.header)
	}
	req.do(t, "POST", at+"/approve", nil).is(t, 403)
	d = decode[resource.OrderDetail](t, app.do(t, "POST", at+"/ask-documents", resource.Decision{Comment: "too dark"}).is(t, 200))
	if d.State != core.OrderDocuments || d.Steps.Note != "too dark" {
		t.Fatalf("%+v", d)
	}
	w.Clock.Advance(time.Second)
	if d = upload("pass2.pdf"); d.State != core.OrderApproval {
		t.Fatalf("%+v", d)
	}
	if d = decode[resource.OrderDetail](t, app.do(t, "POST", at+"/approve", resource.Decision{Comment: "she is it"}).is(t, 200)); d.State != core.OrderCSR || len(d.Approvals) != 1 {
		t.Fatalf("%+v", d)
	}
	wish.Draft = true
	d = decode[resource.OrderDetail](t, req.do(t, "POST", "/order-requests", wish).is(t, 201))
	if d.State != core.OrderDraft {
		t.Fatalf("%+v", d)
	}
	if d = decode[resource.OrderDetail](t, req.do(t, "POST", "/orders/"+string(d.ID)+"/cancel", resource.Decision{Comment: "no"}).is(t, 200)); d.State != core.OrderCancelled {
		t.Fatalf("%+v", d)
	}
}
