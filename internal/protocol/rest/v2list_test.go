package rest_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"
)

// column reads one member of every row of a page.
func (a *v2Answer) column(name string) []string {
	list, _ := a.body["content"].([]any)
	var out []string
	for _, row := range list {
		s, _ := row.(map[string]any)[name].(string)
		out = append(out, s)
	}
	return out
}

// TestV2Lists: reports, inventory and deployment requests, filtered and paged.
func TestV2Lists(t *testing.T) {
	v2Each(t, func(t *testing.T, w *v1World) {
		x := w.v2(t, w.oauth(t, v2Account, v1Products))
		hosts := []string{"a.example.internal", "b.example.internal", "c.example.internal"}
		orders := map[string]string{}
		for _, h := range hosts {
			orders[h] = x.must(201, "POST", "/private-pki-certificates", privateBody(m{"hostname": h, "csr": v2CSR(t, h), "tags": []string{"env:" + h[:1]}})).get("orderId")
			w.Advance(10 * time.Minute)
		}
		x.must(201, "POST", "/private-pki-certificates", privateBody(m{"hostname": "d.example.internal"}))
		x.must(204, "POST", "/private-pki-certificates/"+orders[hosts[0]]+"/revoke", m{"reason": "superseded"})
		for path, want := range map[string][]string{
			"/reports/orders":                               {"d.example.internal", hosts[2], hosts[1], hosts[0]},
			"/reports/orders?status=issued":                 {hosts[2], hosts[1]},
			"/reports/orders?status=revoked":                {hosts[0]},
			"/reports/orders?status=pending-csr":            {"d.example.internal"},
			"/reports/orders?status=expired":                nil,
			"/reports/orders?page=2&size=3":                 {hosts[0]},
			"/reports/orders?groupNumber=1000000001&size=1": {"d.example.internal"},
			"/reports/orders?from=" + url.QueryEscape(w.Now().Add(-15*time.Minute).Format(time.RFC3339)): {"d.example.internal", hosts[2]},
			"/reports/orders?to=" + url.QueryEscape(w.Now().Add(-25*time.Minute).Format(time.RFC3339)):   {hosts[0]},
		} {
			if got := x.must(200, "GET", path, nil).column("domainName"); !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", path, got, want)
			}
		}
		for path, want := range map[string]int{"/certificates": 3, "/certificates?status=active": 2, "/certificates?status=revoked": 1, "/certificates?status=on-hold": 0,
			"/certificates?search=b.example": 1, "/certificates?tag=env:c": 1, "/certificates?expiresTo=2020-01-01": 0, "/certificates?page=2&size=2": 3, "/reports/ledger": 3} {
			if got := x.total(path); got != want {
				t.Errorf("%s: %d rows, want %d", path, got, want)
			}
		}
		active := "/certificates/" + x.must(200, "GET", "/certificates?search=b.example", nil).column("certificateId")[0] + "/deployments"
		for _, target := range []string{"first", "second"} {
			if a := x.must(202, "POST", active, m{"target": target}); a.get("state") != "waiting" {
				t.Errorf("%s", a.raw)
			}
			w.Advance(time.Second)
		}
		x.must(202, "POST", active, nil, header("Content-Type", ""))
		if got := x.must(200, "GET", active+"?size=2", nil); !slices.Equal(got.column("target"), []string{"", "second"}) || got.body["totalElements"] != 3.0 {
			t.Errorf("%s", got.raw)
		}
		gone := "/certificates/" + x.must(200, "GET", "/certificates?status=revoked", nil).column("certificateId")[0] + "/deployments"
		if a := x.send("POST", gone, m{"target": "x"}); a.status != 422 || a.number() != "1165" {
			t.Errorf("%d %s", a.status, a.raw)
		}
		if a := x.send("POST", active, m{"target": "two\nlines"}); a.status != 422 {
			t.Errorf("%d %s", a.status, a.raw)
		}
	})
}

// TestV2DomainLists: criteria of a list of domains hold together.
func TestV2DomainLists(t *testing.T) {
	v2Each(t, func(t *testing.T, w *v1World) {
		x := w.v2(t, w.oauth(t, v2Account, v1Products))
		ids := map[string]string{}
		for _, name := range []string{"b.example", "a.example", "c.test"} {
			w.Checks.set(nil, nil)
			ids[name] = x.must(201, "POST", "/domains", m{"domainName": name}).get("domainId")
			w.Advance(time.Minute)
		}
		x.must(200, "POST", "/domains/"+ids["a.example"]+"/dcv/verify", nil, header("Content-Type", ""))
		x.must(200, "POST", "/domains/"+ids["c.test"]+"/deactivate", nil)
		for query, want := range map[string][]string{
			"":                               {"c.test", "a.example", "b.example"},
			"sortBy=domainName":              {"a.example", "b.example", "c.test"},
			"sortBy=domainName&sortDir=desc": {"c.test", "b.example", "a.example"},
			"search=EXAMPLE&sortBy=createdAt&sortDir=asc":                  {"b.example", "a.example"},
			"search=a.example&exactMatch=true":                             {"a.example"},
			"search=example&domainStatus=ACTIVE&dcvStatus=VERIFIED":        {"a.example"},
			"domainStatus=INACTIVE":                                        {"c.test"},
			"dcvStatus=PENDING&domainStatus=ACTIVE":                        {"b.example"},
			"includePending=false":                                         {"a.example"},
			"limit=1&offset=1&sortBy=domainName":                           {"b.example"},
			"dcvMethod=http-url":                                           nil,
			"toDate=2020-01-01":                                            nil,
			"fromDate=2020-01-01&groupNumber=1000000001&sortBy=domainName": {"a.example", "b.example", "c.test"},
		} {
			a := x.must(200, "GET", "/domains?"+query, nil)
			if got := a.column("domainName"); !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", query, got, want)
			}
			if query == "limit=1&offset=1&sortBy=domainName" && (a.body["page"] != 1.0 || a.body["totalPages"] != 3.0) {
				t.Errorf("%s", a.raw)
			}
		}
		w.Advance(300 * 24 * time.Hour)
		x = w.v2(t, x.cred)
		if a := x.must(200, "GET", "/domains/"+ids["a.example"], nil); a.get("status") != "EXPIRED" || a.get("dcvStatus") != "EXPIRED" {
			t.Errorf("%s", a.raw)
		}
	})
}

// TestV2Draft: a draft has no order, is handed in once, and cancels by its
// request number.
func TestV2Draft(t *testing.T) {
	v2Each(t, func(t *testing.T, w *v1World) {
		x := w.v2(t, w.oauth(t, v2Account, v1Products))
		draft := func() string {
			return x.must(201, "POST", "/private-pki-certificates", privateBody(m{"saveAsDraft": true})).get("requestId")
		}
		one, two := draft(), draft()
		a := x.must(201, "POST", "/private-pki-certificates", privateBody(m{"requestId": one, "csr": v2CSR(t, "app.example.internal")}))
		if a.get("requestId") != one || a.get("orderId") == "" || a.get("status") != "issued" {
			t.Errorf("%s", a.raw)
		}
		if a := x.send("POST", "/private-pki-certificates", privateBody(m{"requestId": one})); a.status != http.StatusConflict {
			t.Errorf("handed in twice: %d %s", a.status, a.raw)
		}
		x.must(204, "POST", "/private-pki-certificates/requests/"+two+"/cancel", m{"reason": "not needed"})
		if a := x.send("POST", "/private-pki-certificates/requests/"+two+"/cancel", m{"reason": "again"}); a.status != 422 || a.number() != "1165" {
			t.Errorf("%d %s", a.status, a.raw)
		}
		if a := x.send("POST", "/private-pki-certificates/requests/"+one+"x/cancel", nil); a.status != 404 {
			t.Errorf("%d %s", a.status, a.raw)
		}
	})
}
