package rest_test

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/ordering"
	"github.com/certwright/certwright/internal/protocol/rest"
	"github.com/certwright/certwright/internal/store/storetest"
)

func (b *v1Bench) number(r *v1Reply) string {
	b.t.Helper()
	n := r.get("orderDetails", "orderNumber")
	if n == "" {
		b.t.Fatalf("no order: %s", r.raw)
	}
	return n
}

// issued, keyless, unsigned and unproven are orders in these states.
func (b *v1Bench) issued() string {
	return b.number(b.ok("GenerateOrderPrivatePKI", v1Order("950", "app.example.internal", m{"csr": v1CSR(b.t, "app.example.internal")})))
}
func (b *v1Bench) keyless() string { return b.number(b.order(nil)) }
func (b *v1Bench) unsigned() string {
	return b.number(b.order(m{"csr": v1CSR(b.t, "shop.example.org")}))
}
func (b *v1Bench) unproven() string {
	return b.number(b.call("GenerateOrderSSL", v1Order("842", "www.example.com", nil)))
}

// cancelled is an order that somebody cancelled in the portal.
func (b *v1Bench) cancelled() string {
	n := b.keyless()
	v, err := b.w.Orders.ByNumber(b.t.Context(), b.w.admin(b.w.User), numberOf(b.t, n))
	if err == nil {
		_, err = b.w.Orders.Cancel(b.t.Context(), b.w.admin(b.w.User), v.Order.ID, "no")
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

func (b *v1Bench) csr(number string, text any) *v1Reply {
	return b.call("SubmitCSR", m{"orderDetails": about(number, m{"csr": text})})
}

func (b *v1Bench) document(change m) *v1Reply {
	doc := m{"id": "1", "fileName": "a.pdf", "description": "a", "base64Value": v1PDF}
	for k, v := range change {
		doc[k] = v
	}
	return b.call("SubmitDocument", m{"orderDetails": about(b.keyless(), m{"documentsAttached": []m{doc}})})
}

func (b *v1Bench) documents(number string, count any, n int) *v1Reply {
	var list []m
	for range n {
		list = append(list, m{"id": "1", "fileName": "a.pdf", "description": "a", "base64Value": v1PDF})
	}
	return b.call("SubmitDocument", m{"orderDetails": about(number, m{"documentsAttached": list, "numberOfDocuments": count})})
}

func (b *v1Bench) revoke(number string, reason, remarks string) *v1Reply {
	return b.call("RevokeOrder", m{"revocationDetails": about(number, m{"revokeReasonId": reason, "revokeRemarks": remarks})})
}

func (b *v1Bench) agree(k string, v any) *v1Reply {
	return b.call("AgreementAcceptance", m{"agreementDetails": about(b.unsigned(), with(v1Signed, k, v))})
}

func (b *v1Bench) track(o m) *v1Reply { return b.call("TrackOrder", m{"orderDetails": o}) }

func (b *v1Bench) reject(o m) *v1Reply { return b.call("RejectOrder", m{"orderDetails": o}) }

var v1StepRefusals = []v1Refusal{
	{"925", func(b *v1Bench) *v1Reply { return b.track(m{"orderNumber": b.keyless(), "requestorEmail": "nobody"}) }},
	{"946", func(b *v1Bench) *v1Reply {
		return b.call("GetCertificate", m{"orderDetails": about(b.unsigned(), nil)})
	}},
	{"962", func(b *v1Bench) *v1Reply { return b.csr(b.issued(), v1CSR(b.t, "app.example.internal")) }},
	{"964", func(b *v1Bench) *v1Reply { return b.reject(m{"orderNumber": b.keyless(), "rejectRemarks": " "}) }},
	{"966", func(b *v1Bench) *v1Reply {
		n := b.keyless()
		b.reject(m{"orderNumber": n, "rejectRemarks": "no"})
		return b.csr(n, v1CSR(b.t, "shop.example.org"))
	}},
	{"969", func(b *v1Bench) *v1Reply { return b.revoke(b.issued(), "", "") }},
	{"970", func(b *v1Bench) *v1Reply { return b.revoke(b.issued(), "2", "") }},
	{"970", func(b *v1Bench) *v1Reply { return b.revoke(b.issued(), "superseded", "") }},
	{"971", func(b *v1Bench) *v1Reply { return b.reject(m{"orderNumber": b.keyless(), "rejectRemarks": "\x07"}) }},
	{"973", func(b *v1Bench) *v1Reply {
		n := b.issued()
		b.revoke(n, "1", "lost")
		return b.revoke(n, "1", "lost")
	}},
	{"985", func(b *v1Bench) *v1Reply { return b.csr(b.cancelled(), v1CSR(b.t, "shop.example.org")) }},
	{"985", func(b *v1Bench) *v1Reply { return b.reject(m{"orderNumber": b.cancelled(), "rejectRemarks": "no"}) }},
	{"986", func(b *v1Bench) *v1Reply {
		n := b.keyless()
		b.reject(m{"orderNumber": n, "rejectRemarks": "no"})
		return b.reject(m{"orderNumber": n, "rejectRemarks": "no"})
	}},
	{"987", func(b *v1Bench) *v1Reply { return b.reject(m{"orderNumber": b.issued(), "rejectRemarks": "no"}) }},
	{"991", func(b *v1Bench) *v1Reply {
		return b.call("SubmitDocument", m{"orderDetails": about(b.keyless(), m{"documentsAttached": ""})})
	}},
	{"992", func(b *v1Bench) *v1Reply {
		return b.document(m{"base64Value": base64.StdEncoding.EncodeToString(append([]byte("%PDF-1.7"), make([]byte, core.MaxDocument)...))})
	}},
	{"993", func(b *v1Bench) *v1Reply { return b.document(m{"fileName": ""}) }},
	{"994", func(b *v1Bench) *v1Reply {
		return b.document(m{"base64Value": base64.StdEncoding.EncodeToString([]byte("GIF89a"))})
	}},
	{"995", func(b *v1Bench) *v1Reply { return b.document(m{"base64Value": ""}) }},
	{"996", func(b *v1Bench) *v1Reply { return b.document(m{"base64Value": "no base64!"}) }},
	{"997", func(b *v1Bench) *v1Reply { return b.document(m{"fileName": "../../etc/passwd"}) }},
	{"998", func(b *v1Bench) *v1Reply { return b.document(m{"description": strings.Repeat("d", 26)}) }},
	{"999", func(b *v1Bench) *v1Reply { return b.documents(b.keyless(), "some", 1) }},
	{"1000", func(b *v1Bench) *v1Reply { return b.documents(b.keyless(), "2", 1) }},
	{"1001", func(b *v1Bench) *v1Reply { return b.documents(b.keyless(), "21", 21) }},
	{"1001", func(b *v1Bench) *v1Reply {
		n := b.keyless()
		b.documents(n, "20", 20)
		return b.documents(n, "1", 1)
	}},
	{"1004", func(b *v1Bench) *v1Reply { return b.call("RejectRequest", m{"orderDetails": m{"rejectRemarks": "no"}}) }},
	{"1005", func(b *v1Bench) *v1Reply {
		return b.call("RejectRequest", m{"orderDetails": m{"requestNumber": "R-1", "rejectRemarks": "no"}})
	}},
	{"1005", func(b *v1Bench) *v1Reply {
		return b.call("RejectRequest", m{"orderDetails": m{"requestNumber": "1888888888", "rejectRemarks": "no"}})
	}},
	{"1006", func(b *v1Bench) *v1Reply { return b.csr(b.keyless(), "") }},
	{"1039", func(b *v1Bench) *v1Reply { return b.track(nil) }},
	{"1040", func(b *v1Bench) *v1Reply { return b.track(m{"orderNumber": "ORD-1"}) }},
	{"1052", func(b *v1Bench) *v1Reply { return b.csr(b.keyless(), "-----BEGIN CERTIFICATE REQUEST-----") }},
	{"1056", func(b *v1Bench) *v1Reply { return b.csr(b.keyless(), v1CSR(b.t, "other.example.org")) }},
	{"1061", func(b *v1Bench) *v1Reply {
		return b.call("GetCertificate", m{"orderDetails": m{"orderNumber": b.issued(), "requestorEmail": "eve@example.com"}})
	}},
	{"1068", func(b *v1Bench) *v1Reply { return b.csr(b.unsigned(), v1CSR(b.t, "shop.example.org")) }},
	{"1082", func(b *v1Bench) *v1Reply {
		n := b.number(b.order(m{"agreementDetails": v1Signed}))
		return b.call("AgreementAcceptance", m{"agreementDetails": about(n, v1Signed)})
	}},
	{"1084", func(b *v1Bench) *v1Reply { return b.agree("acceptAgreement", "") }},
	{"1085", func(b *v1Bench) *v1Reply { return b.agree("acceptAgreement", "0") }},
	{"1086", func(b *v1Bench) *v1Reply { return b.agree("signerName", "") }},
	{"1087", func(b *v1Bench) *v1Reply { return b.agree("signerName", "\x01") }},
	{"1088", func(b *v1Bench) *v1Reply { return b.agree("signerPlace", "") }},
	{"1089", func(b *v1Bench) *v1Reply { return b.agree("signerPlace", "\x01") }},
	{"1091", func(b *v1Bench) *v1Reply { return b.agree("signerIP", "here") }},
	{"1092", func(b *v1Bench) *v1Reply { return b.call("AgreementAcceptance", nil) }},
	{"1103", func(b *v1Bench) *v1Reply {
		return b.call("GetCertificate", m{"orderDetails": about(b.unproven(), nil)})
	}},
	{"1104", func(b *v1Bench) *v1Reply { return b.call("GetCertificate", m{"orderDetails": about(b.keyless(), nil)}) }},
	{"1165", func(b *v1Bench) *v1Reply { return b.revoke(b.keyless(), "1", "") }},
	{"1169", func(b *v1Bench) *v1Reply {
		r := b.order(nil)
		return b.call("RejectRequest", m{"orderDetails": m{"requestNumber": r.get("orderDetails", "requestNumber"), "rejectRemarks": "no"}})
	}},
	{"1188", func(b *v1Bench) *v1Reply {
		return b.reject(m{"orderNumber": b.keyless(), "rejectRemarks": strings.Repeat("a", 1001)})
	}},
	{"1197", func(b *v1Bench) *v1Reply { return b.track(m{"orderNumber": "1777777777"}) }},
	{"1197", func(b *v1Bench) *v1Reply { // an order of another group
		g := &core.Group{ID: core.NewID[core.GroupID](b.w.Now()), Account: b.w.Account, Number: 2, Name: "Other", CreatedAt: b.w.Now(), UpdatedAt: b.w.Now()}
		if err := b.w.DB.InTx(context.Background(), func(ctx context.Context, tx core.Tx) error { return b.w.DB.InsertGroup(ctx, tx, g) }); err != nil {
			b.t.Fatal(err)
		}
		return b.other("9000000010", func(c *core.Credential) { c.Group = g.ID }).call("TrackOrder", m{"orderDetails": about(b.issued(), nil)})
	}},
	{"1213", func(b *v1Bench) *v1Reply { return b.revoke(b.issued(), "1", "a;b") }},
}

// dcv calls a method about a domain of an order.
func (b *v1Bench) dcv(method, number, name, how string) *v1Reply {
	return b.call(method, m{"dcvDetails": about(number, m{"domainName": name, "dcvMethod": how})})
}

// seen verifies while a look gives a failure.
func (b *v1Bench) seen(f, caa *core.Failure, how string) *v1Reply {
	b.w.Checks.set(f, caa)
	defer b.w.Checks.set(nil, nil)
	n := b.unproven()
	b.dcv("GetDcv", n, "www.example.com", how)
	return b.dcv("VerifyDcv", n, "www.example.com", how)
}

var v1DCVRefusals = []v1Refusal{
	{"1042", func(b *v1Bench) *v1Reply { return b.dcv("VerifyDcv", b.issued(), "app.example.internal", "1") }},
	{"1076", func(b *v1Bench) *v1Reply {
		return b.seen(&core.Failure{Code: "serverInternal", Detail: "no answer"}, nil, "1")
	}},
	{"1077", func(b *v1Bench) *v1Reply {
		return b.seen(&core.Failure{Code: "unauthorized", Detail: "no such record"}, nil, "1")
	}},
	{"1078", func(b *v1Bench) *v1Reply {
		return b.seen(&core.Failure{Code: "connection", Detail: "refused"}, nil, "2")
	}},
	{"1157", func(b *v1Bench) *v1Reply { return b.dcv("GetDcv", b.unproven(), "", "1") }},
	{"1158", func(b *v1Bench) *v1Reply { return b.dcv("GetDcv", b.unproven(), "www.example.com", "") }},
	{"1159", func(b *v1Bench) *v1Reply { return b.dcv("GetDcv", b.unproven(), "www.example.com", "4") }},
	{"1159", func(b *v1Bench) *v1Reply {
		n := b.number(b.names("843", "*.example.com"))
		return b.dcv("GetDcv", n, "*.example.com", "2")
	}},
	{"1164", func(b *v1Bench) *v1Reply { return b.dcv("GetDcv", b.unproven(), "elsewhere.example.com", "1") }},
	{"1166", func(b *v1Bench) *v1Reply { return b.dcv("VerifyDcv", b.unproven(), "www.example.com", "3") }},
	{"1167", func(b *v1Bench) *v1Reply {
		return b.call("VerifyDcv", m{"dcvDetails": about(b.unproven(), m{"domainName": "www.example.com", "dcvMethod": "3", "dcvEmail": "eve@elsewhere.example"})})
	}},
	{"982", func(b *v1Bench) *v1Reply {
		n := b.number(b.names("842", "late.example.net"))
		b.dcv("GetDcv", n, "late.example.net", "1")
		b.w.Advance(49 * time.Hour)
		return b.dcv("VerifyDcv", n, "late.example.net", "1")
	}},
	{"1079", func(b *v1Bench) *v1Reply { return b.seen(nil, &core.Failure{Code: "caa", Detail: "issue ;"}, "1") }},
	{"1080", func(b *v1Bench) *v1Reply {
		n := b.number(b.names("844", "a.example.org", "b.example.net"))
		b.dcv("VerifyDcv", n, "b.example.net", "1")
		return b.dcv("VerifyDcv", n, "a.example.org", "1")
	}},
}

func (b *v1Bench) report(k string, v any) *v1Reply {
	return b.call("GetOrderReport", m{"searchCriteria": m{k: v}})
}

var v1ListRefusals = []v1Refusal{
	{"914", func(b *v1Bench) *v1Reply { return b.call("GetFieldDetails", nil) }},
	{"1108", func(b *v1Bench) *v1Reply { return b.call("GetOrderReport", nil) }},
	{"1109", func(b *v1Bench) *v1Reply { return b.report("orderDateFrom", "2026-13-01") }},
	{"1110", func(b *v1Bench) *v1Reply { return b.report("orderDateTill", "now") }},
	{"1111", func(b *v1Bench) *v1Reply {
		return b.call("GetOrderReport", m{"searchCriteria": m{"orderDateFrom": "2026-02-01", "orderDateTill": "2026-01-01"}})
	}},
	{"1112", func(b *v1Bench) *v1Reply { return b.report("certExpiryDateFrom", "x") }},
	{"1113", func(b *v1Bench) *v1Reply { return b.report("certExpiryDateTill", "x") }},
	{"1114", func(b *v1Bench) *v1Reply {
		return b.call("GetOrderReport", m{"searchCriteria": m{"certExpiryDateFrom": "2026-02-01", "certExpiryDateTill": "2026-01-01"}})
	}},
	{"1115", func(b *v1Bench) *v1Reply { return b.report("organizationName", strings.Repeat("a", 257)) }},
	{"1116", func(b *v1Bench) *v1Reply { return b.report("domainName", "\x00") }},
	{"1117", func(b *v1Bench) *v1Reply { return b.report("requestNumber", "x") }},
	{"1118", func(b *v1Bench) *v1Reply { return b.report("orderNumber", "-1") }},
	{"1119", func(b *v1Bench) *v1Reply { return b.report("orderStatusId", "6,10") }},
	{"1120", func(b *v1Bench) *v1Reply { return b.report("requestorEmailId", "ada") }},
	{"1121", func(b *v1Bench) *v1Reply { return b.report("pageNumber", "99999999999999999999") }},
	{"1121", func(b *v1Bench) *v1Reply { return b.report("pageNumber", -1) }},
	{"1122", func(b *v1Bench) *v1Reply { return b.report("pageSize", 0) }},
	{"1123", func(b *v1Bench) *v1Reply { return b.report("certificateTrustType", "3") }},
	{"1124", func(b *v1Bench) *v1Reply { return b.report("productCode", "842,dv") }},
	{"1127", func(b *v1Bench) *v1Reply { return b.report("tagSearchCriteria", "3") }},
	{"1121", func(b *v1Bench) *v1Reply {
		return b.call("GetLedgerStatementDetails", m{"statementDetails": m{"pageNumber": "first"}})
	}},
	{"1134", func(b *v1Bench) *v1Reply { return b.call("GetOrganizationDetails", nil) }},
	{"1135", func(b *v1Bench) *v1Reply {
		return b.call("GetOrganizationDetails", m{"organizationDetails": m{"organizationNumber": "7"}})
	}},
	{"1161", func(b *v1Bench) *v1Reply {
		return b.call("GetOrganizationDetails", m{"organizationDetails": m{"organizationNumber": "1000077"}})
	}},
	{"1136", func(b *v1Bench) *v1Reply { return b.call("GetGroupDetailsV2", nil) }},
	{"1137", func(b *v1Bench) *v1Reply {
		return b.call("GetGroupDetailsV2", m{"groupDetails": m{"groupNumber": "x"}})
	}},
	{"1142", func(b *v1Bench) *v1Reply {
		return b.call("GetGroupDetailsV2", m{"groupDetails": m{"groupNumber": "1000000009"}})
	}},
	{"1195", func(b *v1Bench) *v1Reply {
		return b.call("GetFieldDetails", m{"productDetails": m{"productCode": "x"}})
	}},
	{"1269", func(b *v1Bench) *v1Reply {
		return b.call("GetFieldDetails", m{"productDetails": m{"productCode": "4711"}})
	}},
}

// failing calls TrackOrder in a world whose ordering fails or answers as told.
func failing(b *v1Bench, method string, err error, view *ordering.View) *v1Reply {
	w := newV1World(b.t, storetest.SQLite(b.t), func(d *rest.Deps) { d.Orders = &v1Broken{d.Orders.(*ordering.Service), err, view} })
	c := w.client(b.t, w.credential(b.t, "9374221333", []string{"tls-server"}))
	c.t = b.t
	return c.call(method, m{"orderDetails": m{"orderNumber": "1000000001", "csr": "x", "dcvMethod": "1"}})
}

var v1FaultRefusals = []v1Refusal{
	{"937", func(b *v1Bench) *v1Reply {
		return failing(b, "TrackOrder", core.Errorf(core.KindUnavailable, "the database is away"), nil)
	}},
	{"939", func(b *v1Bench) *v1Reply {
		return failing(b, "TrackOrder", core.Errorf(core.KindUnsupported, "not here"), nil)
	}},
	{"967", func(b *v1Bench) *v1Reply {
		return failing(b, "GetCertificate", nil, &ordering.View{Order: &core.Order{State: core.OrderFailed, Failure: "the CA said no"}})
	}},
	{"976", func(b *v1Bench) *v1Reply {
		r := failing(b, "TrackOrder", errors.New("password=hunter2"), nil)
		if strings.Contains(string(r.raw), "hunter2") {
			b.t.Errorf("the cause is shown: %s", r.raw)
		}
		return r
	}},
	{"1139", func(b *v1Bench) *v1Reply {
		return failing(b, "TrackOrder", core.Errorf(core.KindRateLimited, "slow down"), nil)
	}},
}

// TestV1Kinds: every kind of error of a service has a number and a text, and
// only what is our fault is called so.
func TestV1Kinds(t *testing.T) {
	var orders *v1Broken
	w := newV1World(t, storetest.SQLite(t), func(d *rest.Deps) {
		orders = &v1Broken{Service: d.Orders.(*ordering.Service)}
		d.Orders = orders
	})
	c := w.client(t, w.credential(t, "9374221333", []string{"tls-server"}))
	for _, k := range core.Kinds {
		orders.err = core.Errorf(k, "because")
		r := c.call("TrackOrder", m{"orderDetails": m{"orderNumber": "1000000001"}})
		if r.get("meta", "status") != "0" || r.get("meta", "errorMessage") == "" || (r.code() == "976") != (k == core.KindInternal) {
			t.Errorf("%s gives %s", k, r.raw)
		}
	}
}
