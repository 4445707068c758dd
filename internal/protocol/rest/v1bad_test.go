package rest_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// v1Names are the methods of the public reference.
var v1Names = []string{"ValidateCredentials", "GenerateOrderSSL", "GenerateOrderSMIME", "GenerateOrderSignature", "GenerateOrderPrivatePKI", "SubmitCSR", "SubmitDocument",
	"GetDcv", "VerifyDcv", "TrackOrder", "GetCertificate", "RevokeOrder", "RejectOrder", "RejectRequest", "AgreementAcceptance", "GetProductDetails", "GetFieldDetails",
	"GetGroupDetails", "GetGroupDetailsV2", "GetOrganizationDetails", "GetDomainDetails", "GetOrderReport", "GetLedgerStatementDetails"}

// TestV1Transport: what is answered before anybody is known, for every method
// in three spellings.
func TestV1Transport(t *testing.T) {
	v1Once(t, func(t *testing.T, w *v1World) {
		c := w.client(t, w.credential(t, "9374221333", v1Products))
		for _, name := range v1Names {
			for _, spelled := range []string{name, strings.ToLower(name), strings.ToLower(name[:1]) + name[1:]} {
				for body, code := range map[string]string{"": "902", "null": "901", "[]": "902", "{}": "901", `{"meta":"x"}`: "902", "{\"meta\":{}}": "1131", "\xff\xfe": "902", `{"orderDetails":[1]}`: "902"} {
					if r := c.send(spelled, body); r.status != http.StatusOK || r.code() != code {
						t.Errorf("%s with %q: %d EMS-%s, want EMS-%s", spelled, body, r.status, r.code(), code)
					}
				}
			}
			// Over the limit of any method.
			r := c.send(name, `{"meta":{"ver":"`+strings.Repeat("a", 15<<20)+`"}}`)
			r.want(t, "901")
			if len(r.raw) > 1000 || r.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %d octets, %v", name, len(r.raw), r.header)
			}
		}
		for _, name := range []string{"CreateProduct", "GetCertificates", "%2e%2e", "ValidateCredentialsX", strings.Repeat("a", 3000)} {
			if r := c.send(name, "{}"); r.status != http.StatusNotFound || r.code() != "901" {
				t.Errorf("%s: %d %s", name, r.status, r.raw)
			}
		}
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete, http.MethodOptions} {
			req, _ := http.NewRequestWithContext(t.Context(), method, w.URL+"/emSignHub-API/TrackOrder", nil)
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if res.StatusCode != http.StatusMethodNotAllowed || res.Header.Get("Allow") != "POST" || !json.Valid(body) {
				t.Errorf("%s: %d %s", method, res.StatusCode, body)
			}
		}
	})
}

// TestV1Tolerance: what clients in the wild write differently.
func TestV1Tolerance(t *testing.T) {
	v1Once(t, func(t *testing.T, w *v1World) {
		c := w.client(t, w.credential(t, "9374221333", v1Products))
		meta := c.meta()
		meta["accountNumber"] = json.Number("9374221333")
		meta["authKey"] = strings.ToUpper(meta["authKey"].(string))
		if r := c.with("ValidateCredentials", meta, nil); r.code() != "" {
			t.Errorf("numbers and capital letters: %s", r.raw)
		}
		meta = c.meta()
		meta["ts"] = w.Now().In(time.FixedZone("IST", 19800)).Format("2006-01-02T15:04:05")
		c.sign(meta)
		if r := c.with("ValidateCredentials", meta, nil); r.code() != "" {
			t.Errorf("a time without zone is Indian: %s", r.raw)
		}
		o := v1Order("842", "www.example.com", m{"productCode": 842, "accountingModel": 2, "saveAndHold": false, "emailNotifications": nil, "groupNumber": "1000000001",
			"delegationInformation": m{"groupNumber": 1000000001}, "organizationDetails": "", "documentsAttached": "", "numberOfDocuments": 0,
			"technicalPointOfContact": m{"tpcName": "Tom", "tpcEmail": "tom@example.com", "tpcIsdCode": "49", "tpcMobileNumber": 30123456},
			"subscriptionDetails":     m{"validity": 1, "autoRenew": true, "renewCriteria": 60}, "unknownMember": []int{1},
			"additionalInformation": m{"tags": "a,b", "recipientEmail": "x@example.com, y@example.com", "customFields": ""}})
		r := c.ok("generateorderssl", o)
		v, err := w.Orders.ByNumber(t.Context(), w.admin(w.User), numberOf(t, r.get("orderDetails", "orderNumber")))
		if err != nil {
			t.Fatal(err)
		}
		a := v.Details.Ask
		if a.Technical == nil || a.Technical.Phone != "+4930123456" || !slices.Equal(a.Tags, []string{"a", "b"}) || len(a.Recipients) != 2 || !a.AutoRenew || a.RenewDays != 60 {
			t.Errorf("%+v", a)
		}
	})
}

// token gets a bearer token in the way of the older clients.
func (c *v1Client) token() string {
	c.t.Helper()
	meta := c.meta()
	body := fmt.Sprintf(`{"grant_type":"client_credentials","accountNumber":"%s","authKey":"%s","ver":"1.0","ts":"%s","txn":"%s"}`, c.number, meta["authKey"], meta["ts"], meta["txn"])
	res, err := http.Post(c.w.URL+"/oauth/token", "application/json", strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	var token struct {
		Access string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&token); err != nil || token.Access == "" {
		c.t.Fatalf("%d %v", res.StatusCode, err)
	}
	return token.Access
}

// bearer calls with a bearer token and an empty authKey.
func (c *v1Client) bearer(token string) *v1Reply {
	c.t.Helper()
	meta := c.meta()
	meta["authKey"] = ""
	return c.with("ValidateCredentials", meta, nil, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) })
}

// TestV1Bearer: a token of the token endpoint works here too, for its own
// account, and ends with its credential or the credential's secret.
func TestV1Bearer(t *testing.T) {
	v1Each(t, func(t *testing.T, w *v1World) {
		first, second := w.credential(t, "9374221333", v1Products), w.credential(t, "9374221399", v1Products)
		a, b := w.client(t, first), w.client(t, second)
		mine, other := a.token(), b.token()
		if r := a.bearer(mine); r.code() != "" {
			t.Errorf("%s", r.raw)
		}
		a.bearer(other).want(t, "913")
		w.edit(t, first, func(c *core.Credential) { c.State, c.RevokedAt = core.CredentialRevoked, w.Now() })
		a.bearer(mine).want(t, "1155")
		w.edit(t, second, func(c *core.Credential) { c.SecretSetAt = w.Now().Add(time.Second) })
		b.bearer(other).want(t, "905")
		w.Advance(2 * time.Hour)
		a.bearer(mine).want(t, "905")
	})
}

// TestV1Stranger: who cannot prove himself learns nothing about the state of a
// credential and uses up no transaction ids of others.
func TestV1Stranger(t *testing.T) {
	v1Each(t, func(t *testing.T, w *v1World) {
		cred := w.credential(t, "9374221333", v1Products)
		c := w.client(t, cred)
		meta := c.meta()
		right := meta["authKey"]
		meta["authKey"] = fmt.Sprintf("%x", sha256.Sum256([]byte("guess")))
		c.with("ValidateCredentials", meta, nil).want(t, "1065")
		meta["authKey"] = right
		if r := c.with("ValidateCredentials", meta, nil); r.code() != "" {
			t.Errorf("the id was used up: %s", r.raw)
		}
		second := w.client(t, w.credential(t, "9374221399", v1Products)) // the same id under another account
		meta["accountNumber"] = second.number
		second.sign(meta)
		if r := second.with("ValidateCredentials", meta, nil); r.code() != "" {
			t.Errorf("ids are not kept apart: %s", r.raw)
		}
		w.edit(t, cred, func(c *core.Credential) { c.State, c.RevokedAt = core.CredentialRevoked, w.Now() })
		meta = c.meta()
		meta["authKey"] = strings.Repeat("a", 64)
		c.with("ValidateCredentials", meta, nil).want(t, "1065")
	})
}

// TestV1SameTxn: of sixteen requests with one transaction id exactly one is
// done, on either engine.
func TestV1SameTxn(t *testing.T) {
	v1Each(t, func(t *testing.T, w *v1World) {
		c := w.client(t, w.credential(t, "9374221333", v1Products))
		meta, block := c.meta(), v1Order("950", "app.example.internal", m{"csr": v1CSR(t, "app.example.internal")})
		codes := parallel(16, func(int) string { return c.with("GenerateOrderPrivatePKI", meta, block).code() })
		if n := len(slices.DeleteFunc(slices.Clone(codes), func(s string) bool { return s != "" })); n != 1 {
			t.Errorf("%d orders were made: %v", n, codes)
		}
		if rest := slices.DeleteFunc(codes, func(s string) bool { return s == "" || s == "947" }); len(rest) > 0 {
			t.Errorf("others got %v", rest)
		}
		if r := c.ok("GetOrderReport", m{"searchCriteria": m{}}); r.body["orderDetails"].(m)["totalNoOfResults"] != float64(1) {
			t.Errorf("%s", r.raw)
		}
	})
}

// TestV1Parallel: sixteen orders at once get sixteen numbers and certificates.
func TestV1Parallel(t *testing.T) {
	v1Each(t, func(t *testing.T, w *v1World) {
		c := w.client(t, w.credential(t, "9374221333", v1Products))
		csrs := make([]string, 16)
		for i := range csrs {
			csrs[i] = v1CSR(t, fmt.Sprintf("h%d.example.internal", i))
		}
		numbers := parallel(16, func(i int) string {
			r := c.call("GenerateOrderPrivatePKI", v1Order("950", fmt.Sprintf("h%d.example.internal", i), m{"csr": csrs[i]}))
			n := r.get("orderDetails", "orderNumber")
			if n == "" {
				t.Errorf("%s", r.raw)
				return ""
			}
			return n + c.call("GetCertificate", m{"orderDetails": about(n, nil)}).get("certificateDetails", "certificateSerialNumber")
		})
		slices.Sort(numbers)
		if n := len(slices.Compact(numbers)); n != 16 {
			t.Errorf("%d different orders: %v", n, numbers)
		}
	})
}

func parallel(n int, f func(int) string) []string {
	out := make([]string, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { out[i] = f(i) })
	}
	all.Wait()
	return out
}

// TestV1Report: criteria, lists, tags and pages.
func TestV1Report(t *testing.T) {
	v1Each(t, func(t *testing.T, w *v1World) {
		c := w.client(t, w.credential(t, "9374221333", v1Products))
		order := func(name string, tags ...string) *v1Reply {
			w.Advance(time.Second) // lists show the newest first
			return c.ok("GenerateOrderPrivatePKI", v1Order("950", name, m{"csr": v1CSR(t, name), "additionalInformation": m{"tags": tags}}))
		}
		a := order("a.example.internal", "env:test", "team:web")
		b := order("b.example.internal", "env:test")
		order("c.example.internal", "env:live", "team:web")
		w.Advance(time.Second)
		c.ok("GenerateOrderSSL", v1Order("842", "www.example.com", nil))
		today := w.Now().UTC().Format("2006-01-02")
		for _, x := range []struct {
			search m
			names  string
		}{
			{m{}, "www.example.com c.example.internal b.example.internal a.example.internal"},
			{m{"tags": "env:test,env:live"}, "c.example.internal b.example.internal a.example.internal"},
			{m{"tags": []string{"env:test", "team:web"}, "tagSearchCriteria": 2}, "a.example.internal"},
			{m{"tags": []string{"team:web"}, "tagSearchCriteria": "1"}, "c.example.internal a.example.internal"},
			{m{"productCode": "842,843"}, "www.example.com"},
			{m{"productCode": "111"}, ""},
			{m{"orderStatusId": "1,2"}, "www.example.com"},
			{m{"orderStatusId": 6, "domainName": "B.example"}, "b.example.internal"},
			{m{"orderStatusId": "9"}, ""},
			{m{"certificateTrustType": "1"}, "www.example.com"},
			{m{"certificateTrustType": "2", "pageSize": "2", "pageNumber": 2}, "a.example.internal"},
			{m{"pageSize": 1, "pageNumber": 0}, "www.example.com"},
			{m{"pageSize": 1, "pageNumber": 5}, ""},
			{m{"orderDateFrom": today, "orderDateTill": today, "requestorEmailId": "ADA@example.com"}, "www.example.com c.example.internal b.example.internal a.example.internal"},
			{m{"orderDateTill": "2020-01-01"}, ""},
			{m{"certExpiryDateFrom": today, "orderNumber": b.get("orderDetails", "orderNumber")}, "b.example.internal"},
			{m{"certExpiryDateTill": today}, ""},
			{m{"issuerCA": "Nobody"}, ""},
			{m{"groupNumber": "1000000001", "requestNumber": a.get("orderDetails", "requestNumber")}, "a.example.internal"},
		} {
			r := c.ok("getOrderReport", m{"searchCriteria": x.search})
			var got []string
			for _, o := range r.body["orderDetails"].(m)["ordersArray"].([]any) {
				got = append(got, o.(m)["domainName"].(string))
			}
			if strings.Join(got, " ") != x.names {
				t.Errorf("%v gives %v, want %v", x.search, got, x.names)
			}
		}
		first := c.ok("GetOrderReport", m{"searchCriteria": m{"orderNumber": a.get("orderDetails", "orderNumber")}}).body["orderDetails"].(m)["ordersArray"].([]any)[0].(m)
		if r := c.ok("GetOrderReport", m{"searchCriteria": m{"issuerCA": first["issuerCA"]}}); r.body["orderDetails"].(m)["totalNoOfResults"] != float64(4) {
			t.Errorf("issuer %v: %s", first["issuerCA"], r.raw)
		}
	})
}

// TestV1Mail: by e-mail, VerifyDcv sends the mail and the link is the answer.
func TestV1Mail(t *testing.T) {
	v1Once(t, func(t *testing.T, w *v1World) {
		c := w.client(t, w.credential(t, "9374221333", v1Products))
		number := c.ok("GenerateOrderSSL", v1Order("842", "www.example.com", nil)).get("orderDetails", "orderNumber")
		c.ok("VerifyDcv", m{"dcvDetails": about(number, m{"domainName": "www.example.com", "dcvMethod": "3", "dcvEmail": "admin@example.com"})})
		w.Mails.mu.Lock()
		defer w.Mails.mu.Unlock()
		if len(w.Mails.sent) != 1 || !strings.HasPrefix(w.Mails.sent[0], "admin@example.com\n") {
			t.Errorf("mails: %q", w.Mails.sent)
		}
	})
}

// TestV1Audit: refusals that this protocol makes itself are in the audit log,
// with the number that the client got; questions are not.
func TestV1Audit(t *testing.T) {
	v1Each(t, func(t *testing.T, w *v1World) {
		c := w.client(t, w.credential(t, "9374221333", v1Products))
		number := c.ok("GenerateOrderPrivatePKI", v1Order("950", "app.example.internal", m{"csr": v1CSR(t, "app.example.internal")})).get("orderDetails", "orderNumber")
		c.fails("970", "RevokeOrder", m{"revocationDetails": about(number, m{"revokeReasonId": "0"})})
		c.fails("914", "GenerateOrderSSL", v1Order("", "www.example.com", nil))
		c.fails("1039", "TrackOrder", nil)
		meta := c.meta()
		meta["authKey"] = strings.Repeat("0", 64)
		c.with("RevokeOrder", meta, nil).want(t, "1065")
		page, err := w.DB.ListEvents(t.Context(), core.ListQuery{Account: w.Account, Filter: core.Filter{{Column: "outcome", Op: core.OpEquals, Values: []string{"refused"}}}})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range page.Items {
			got = append(got, fmt.Sprint(e.Action, " ", e.Detail["code"], " ", e.Detail["operation"]))
		}
		slices.Sort(got)
		want := []string{"certificate.revoke EMS-970 RevokeOrder", "credential.authenticate <nil> RevokeOrder", "order.create EMS-914 GenerateOrderSSL"}
		if !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	})
}
