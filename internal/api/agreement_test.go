package api_test

import (
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// TestAgreementTexts: administrators publish, everybody reads and downloads, an order
// names the text, and what is wrong is refused without a trace.
func TestAgreementTexts(t *testing.T) {
	w := newWorld(t)
	req := w.withRole(t, "operator")
	req.do(t, "POST", "/agreement-texts", resource.NewAgreementText{Body: "x"}).is(t, 403)
	if p := w.admin.do(t, "POST", "/agreement-texts", resource.NewAgreementText{Body: "x", Version: 3}).is(t, 409).problem(t, core.KindConflict); p.Field != "version" {
		t.Errorf("%+v", p)
	}
	w.admin.do(t, "POST", "/agreement-texts", resource.NewAgreementText{Body: "\x00"}).is(t, 400).problem(t, core.KindInvalid)
	w.admin.do(t, "POST", "/agreement-texts", resource.NewAgreementText{Body: strings.Repeat("é", core.MaxAgreementText)}).is(t, 413).problem(t, core.KindTooLarge)
	w.admin.do(t, "POST", "/agreement-texts", map[string]any{"body": "x", "version": -1}).is(t, 400)
	if l := decode[resource.Page[resource.AgreementText]](t, req.do(t, "GET", "/agreement-texts", nil).is(t, 200)); len(l.Items) != 0 {
		t.Errorf("%+v", l.Items)
	}
	text := decode[resource.AgreementText](t, w.admin.do(t, "POST", "/agreement-texts", resource.NewAgreementText{Body: "<b>Keep</b> the key secret.\r\n"}).is(t, 201))
	got := decode[resource.AgreementText](t, req.do(t, "GET", "/agreement-texts/"+string(text.ID), nil).is(t, 200))
	if got.Body != "<b>Keep</b> the key secret.\n" || got.Version != 1 || !got.Present || got.Digest != core.AgreementDigest(got.Body) {
		t.Errorf("%+v", got)
	}
	file := req.do(t, "GET", "/agreement-texts/"+string(text.ID)+"/download", nil).is(t, 200)
	if h := file.header; h.Get("Content-Type") != "text/plain; charset=utf-8" || !strings.HasPrefix(h.Get("Content-Disposition"), "attachment; filename=") ||
		!strings.HasSuffix(h.Get("Content-Disposition"), `-v1.txt"`) || string(file.body) != got.Body {
		t.Errorf("%v %s", h, file.body)
	}
	req.do(t, "GET", "/agreement-texts/nothing", nil).is(t, 404)
	wish := resource.NewOrderRequest{Code: 842, Domain: "shop.example", Group: w.group, Agreement: &resource.Signature{SignerName: "Ann", Text: "another"}}
	if p := req.do(t, "POST", "/order-requests", wish).is(t, 409).problem(t, core.KindConflict); p.Field != "text" {
		t.Errorf("%+v", p)
	}
	wish.Agreement.Text = text.ID
	d := decode[resource.OrderDetail](t, req.do(t, "POST", "/order-requests", wish).is(t, 201))
	if r := d.Steps.AgreementText; r == nil || r.ID != text.ID || r.Digest != got.Digest || !r.Present || d.Steps.Agreement.Version != 1 {
		t.Errorf("%+v %+v", r, d.Steps.Agreement)
	}
}
