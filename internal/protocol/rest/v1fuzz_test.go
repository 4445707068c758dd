package rest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/ordering"
)

// FuzzV1Envelope reads requests: nothing may panic, and what is read can be
// asked for every block.
func FuzzV1Envelope(f *testing.F) {
	f.Add([]byte(`{"meta":{"ver":"1.0","ts":"2026-01-01T10:00:00+05:30","txn":"abcdefghij","accountNumber":1234567890,"authKey":""},"dcvDetails":{"orderNumber":1}}`))
	f.Add([]byte(`{"META":[],"orderDetails":{"documentsAttached":{},"certificateInformation":"","additionalInformation":{"tags":"a,b","customFields":null}}}`))
	f.Add([]byte(`{"meta":{"ts":true},"searchCriteria":{"tags":[1,false,null]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var in v1Request
		if json.Unmarshal(b, &in) != nil {
			return
		}
		c := &v1Call{in: in}
		c.subject()
		in.dcv()
		if m := in.Meta.V; m != nil {
			if v1TxnOK(string(m.Txn)) && strings.ContainsAny(string(m.Txn), " \t\n-") {
				t.Errorf("txn %q is taken", m.Txn)
			}
			_, _ = parseTime(string(m.TS))
		}
		if s := in.Search.V; s != nil {
			var q ordering.Query
			_ = s.dates(&q)
			_ = s.texts(&q)
			if page, size, err := v1Page(s.Page, s.Size); err == nil && (page < 1 || size < 1 || size > v1PageSize) {
				t.Errorf("page %d of %d", page, size)
			}
		}
	})
}

// FuzzV1Order reads order blocks for every family: nothing may panic, names
// that are taken are names, and what is refused has a number with a text.
func FuzzV1Order(f *testing.F) {
	f.Add([]byte(`{"requestorInformation":{"requestorName":"A","requestorEmail":"a@example.com"},"certificateInformation":{"domainName":"*.a.example","additionalDomains":["b.example","10.0.0.1"]}}`), byte(3))
	f.Add([]byte(`{"requestorInformation":{"requestorName":"A","requestorEmail":"a@example.com","requestorMobileNumber":"+1 (2) 3456"},"certificateInformation":{"firstName":"A","email":"b@example.com"},
		"subscriptionDetails":{"validity":3,"autoRenew":1},"additionalInformation":{"customFields":[{"fieldID":1,"fieldValue":2}]},"csr":"MIIB","documentsAttached":[{"fileName":"a.pdf","base64Value":"JVBERi0="}]}`), byte(20))
	f.Add([]byte(`{"requestorInformation":{"requestorName":"A","requestorEmail":"a@example.com"},"certificateInformation":{"domainName":"münchen.example","autoSecureWWW":true},"contractSignerInfo":{"name":"B"}}`), byte(8))
	f.Fuzz(func(t *testing.T, b []byte, pick byte) {
		var o v1Order
		if json.Unmarshal(b, &o) != nil {
			return
		}
		offer := &ordering.Offer{Product: &core.Product{}, Family: core.Families[int(pick)%len(core.Families)]}
		if offer.Family.TLS() {
			offer.Shape = core.Shapes[int(pick/8)%len(core.Shapes)]
		}
		n := ordering.New{}
		n.Draft, _ = o.draft()
		for _, read := range []func(*v1Order, *ordering.Offer, *ordering.New) error{readPeople, readCertificate, readSubscription, readAdditional, readCSR, readDocuments} {
			if err := read(&o, offer, &n); err != nil {
				x, ok := err.(*fault)
				if !ok || v1Messages[x.code] == "" {
					t.Errorf("refused with %v", err)
				}
				return
			}
		}
		if offer.Family.TLS() {
			names := append([]string{n.Ask.Domain}, n.Ask.Additional...)
			if core.ShapeOf(names) != offer.Shape {
				t.Errorf("%v have another shape than %s", names, offer.Shape)
			}
			for _, name := range names {
				if again, ok := dnsName(name); !ok || again != name {
					t.Errorf("%q is taken, but reads as %q", name, again)
				}
			}
		}
	})
}

// TestV1Messages: every number of version 1 has a text, and its golden answer
// the same.
func TestV1Messages(t *testing.T) {
	for _, id := range V1Codes() {
		text := v1Messages[id]
		if text == "" {
			t.Errorf("EMS-%s has no text", id)
		}
		file, err := os.ReadFile(filepath.Join("testdata", "golden", "v1", "EMS-"+id+".json"))
		if err == nil && !strings.Contains(string(file), `"errorMessage": "`+text+`"`) {
			t.Errorf("EMS-%s says %q", id, text)
		}
	}
	for _, m := range v1Mappings {
		if v1Messages[m.code] == "" {
			t.Errorf("no text for EMS-%s", m.code)
		}
	}
	for _, m := range mappings {
		if v1Messages[m.v1] == "" {
			t.Errorf("no text for EMS-%s", m.v1)
		}
	}
}
