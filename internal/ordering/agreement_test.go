package ordering_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/core"
)

// TestAgreementText: an order says what is to be signed, keeps which version was signed,
// also when there is another since, and signs nothing that the signer did not read.
func TestAgreementText(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		p := w.client("ssl-dv")
		adm := w.Person(w.Approver)
		adm.Grants = []core.Grant{{Role: core.RoleAdministrator}}
		publish := func(base int, body string) *core.AgreementText {
			t.Helper()
			x, err := w.texts.Publish(ctx, adm, "", base, body)
			if err != nil {
				t.Fatal(err)
			}
			return x
		}
		w.prove(w.group(), "shop.example")
		n := dv("shop.example")
		n.CSR = csr(t, "shop.example")
		v := w.is(w.create(p, n), nil, core.OrderAgreement)
		if v.Text != nil {
			t.Errorf("%+v", v.Text)
		}
		one := publish(0, "Keep the key secret.")
		if v = w.see(p, v.Order.ID, core.OrderAgreement); v.Text == nil || v.Text.ID != one.ID {
			t.Fatalf("%+v", v.Text)
		}
		two := publish(1, "Keep the key very secret.")
		a := *agreed()
		a.Text = one.ID
		_, err := w.s.Agree(ctx, p, v.Order.ID, a)
		fails(t, err, core.KindConflict, "text")
		w.see(p, v.Order.ID, core.OrderAgreement)
		a.Text, a.Digest, a.Version = two.ID, "forged", 9
		v, err = w.s.Agree(ctx, p, v.Order.ID, a)
		w.is(v, err, core.OrderIssued)
		publish(2, "Something else.")
		v = w.see(p, v.Order.ID, core.OrderIssued)
		if g := v.Details.Agreement; g.Text != two.ID || g.Digest != two.Digest || g.Version != 2 || v.Text.Body != two.Body {
			t.Errorf("%+v %+v", g, v.Text)
		}
		q := core.ListQuery{Account: w.Account, Limit: 10, Filter: core.Filter{{Column: "action", Op: core.OpEquals, Values: []string{"order.agree"}}, {Column: "outcome", Op: core.OpEquals, Values: []string{"success"}}}}
		log, err := w.Audit.List(ctx, q)
		if err != nil || len(log.Items) != 1 {
			t.Fatalf("%+v %v", log.Items, err)
		}
		if d, err := json.Marshal(log.Items[0].Detail); err != nil || !strings.Contains(string(d), two.Digest) {
			t.Errorf("the audit log has %s, %v", d, err)
		}
		// What comes with the order is signed under the text of now.
		n = dv("shop.example")
		n.CSR, n.Agreement = csr(t, "shop.example"), agreed()
		n.Agreement.Text = two.ID
		_, err = w.s.Create(ctx, p, n)
		fails(t, err, core.KindConflict, "text")
		n.Agreement = agreed()
		if v = w.is(w.create(p, n), nil, core.OrderIssued); v.Details.Agreement.Version != 3 {
			t.Errorf("%+v", v.Details.Agreement)
		}
	})
}
