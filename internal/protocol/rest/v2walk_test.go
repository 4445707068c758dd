package rest_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/ordering"
	"github.com/certwright/certwright/internal/wire/keystore"
)

// status is the state of an order as its path says it.
func (x *v2Client) status(path string) string {
	x.t.Helper()
	return x.must(200, "GET", path, nil).get("status")
}

// is demands a state.
func (x *v2Client) is(path, want string) {
	x.t.Helper()
	if got := x.status(path); got != want {
		x.t.Fatalf("%s is %s, want %s", path, got, want)
	}
}

// TestV2WalkDV goes through every step of a DV order.
func TestV2WalkDV(t *testing.T) {
	v2Each(t, func(t *testing.T, w *v1World) {
		x := w.v2(t, w.oauth(t, v2Account, v1Products))
		order := x.must(201, "POST", "/ssl-certificates", dvBody(m{"certificate": m{"domain": "example.com", "additionalDomains": []string{"api.example.com"}}}))
		if order.get("status") != "pending-dcv" || order.get("resolvedProductCode") != "844" {
			t.Fatalf("%s", order.raw)
		}
		path := "/ssl-certificates/" + order.get("orderId")
		record := x.must(200, "GET", path+"/dcv?domain=api.example.com", nil)
		if record.get("recordName") != "_certwright-challenge.api.example.com" || record.get("token") == "" {
			t.Errorf("%s", record.raw)
		}
		w.Checks.set(noRecord(), nil)
		if a := x.send("POST", path+"/dcv/verify", m{"domain": "example.com", "method": "dns-txt"}); a.status != 422 || a.number() != "1161" {
			t.Errorf("%d %s", a.status, a.raw)
		}
		w.Checks.set(nil, nil)
		x.must(200, "POST", path+"/dcv/verify", m{"domain": "example.com", "method": "dns-txt"})
		// The product lets the proof for a domain cover the names below.
		x.is(path, "pending-csr")
		if a := x.send("GET", path+"/certificate", nil); a.number() != "1165" {
			t.Errorf("%s", a.raw)
		}
		csr := v2CSR(t, "example.com")
		x.must(204, "PUT", path+"/csr", m{"csr": csr})
		x.is(path, "pending-agreement")
		x.must(204, "POST", path+"/agreement", m{"agreement": signedAgreement()})
		x.is(path, "issued")
		leaf := x.leaf(path)
		slices.Sort(leaf.DNSNames)
		if !slices.Equal(leaf.DNSNames, []string{"api.example.com", "example.com", "www.example.com"}) {
			t.Errorf("names %v", leaf.DNSNames)
		}
		again := x.must(201, "POST", path+"/reissue", m{"mode": "update-sans", "reason": "one more", "additionalDomains": []string{"api.example.com", "shop.example.com"},
			"csr": v2CSR(t, "example.com"), "revokePrevious": true, "revokeReason": "superseded"})
		if again.get("mode") != "update-sans" {
			t.Errorf("%s", again.raw)
		}
		next := "/ssl-certificates/" + again.get("orderId")
		if x.status(next) == "pending-agreement" {
			x.must(204, "POST", next+"/agreement", m{"agreement": signedAgreement()})
		}
		x.is(next, "issued")
		if leaf := x.leaf(next); !slices.Contains(leaf.DNSNames, "shop.example.com") {
			t.Errorf("names %v", leaf.DNSNames)
		}
		if _, err := w.Orders.Work(t.Context()); err != nil {
			t.Fatal(err)
		}
		x.is(path, "revoked")
	})
}

// TestV2VerifyAll: a client that names no domain has all of them looked at.
func TestV2VerifyAll(t *testing.T) {
	v2Once(t, func(t *testing.T, w *v1World) {
		x := w.v2(t, w.oauth(t, v2Account, v1Products))
		path := "/ssl-certificates/" + x.must(201, "POST", "/ssl-certificates", dvBody(m{"certificate": m{"domain": "shop.example.com", "additionalDomains": []string{"www.example.org"}}})).get("orderId")
		if list, _ := x.must(200, "GET", path+"/dcv", nil).body["challenges"].([]any); len(list) != 2 {
			t.Errorf("challenges %v", list)
		}
		w.Checks.set(noRecord(), nil)
		if a := x.send("POST", path+"/dcv/verify", nil); a.status != 422 || a.number() != "1161" {
			t.Errorf("%d %s", a.status, a.raw)
		}
		w.Checks.set(nil, nil)
		x.must(200, "POST", path+"/dcv/verify", nil)
		x.is(path, "pending-csr")
		if a := x.send("POST", path+"/dcv/verify", nil); a.status != 422 || a.number() != "1080" {
			t.Errorf("%d %s", a.status, a.raw)
		}
	})
}

// leaf is the certificate of an order.
func (x *v2Client) leaf(path string) *x509.Certificate {
	x.t.Helper()
	block, _ := pem.Decode([]byte(x.must(200, "GET", path+"/certificate", nil).get("certificatePem")))
	if block == nil {
		x.t.Fatal("no certificate")
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		x.t.Fatal(err)
	}
	return c
}

// TestV2WalkOV waits for a validator.
func TestV2WalkOV(t *testing.T) {
	v2Each(t, func(t *testing.T, w *v1World) {
		o := w.company(t)
		x := w.v2(t, w.oauth(t, v2Account, v1Products, func(c *core.Credential) { c.Organisation = o.ID }))
		a := x.must(201, "POST", "/ssl-certificates", dvBody(m{"productVariant": "ov", "organization": m{"organizationNumber": "1000001"}, "agreement": signedAgreement(), "csr": v2CSR(t, "shop.example.com")}))
		path := "/ssl-certificates/" + a.get("orderId")
		x.is(path, "pending-organization-verification")
		w.vet(t, o, core.PurposeOV)
		x.is(path, "pending-dcv")
		x.must(200, "POST", path+"/dcv/verify", m{"domain": "shop.example.com", "method": "dns-txt"})
		x.is(path, "issued")
		got := x.must(200, "GET", path, nil)
		if got.get("verifications", "organization", "status") != "VERIFIED" || got.get("verifications", "domain", "status") != "VERIFIED" {
			t.Errorf("%s", got.raw)
		}
		if leaf := x.leaf(path); len(leaf.Subject.Organization) != 1 || leaf.Subject.Organization[0] != "Example" {
			t.Errorf("subject %v", leaf.Subject)
		}
	})
}

// TestV2WalkSigner: documents, a person's agreement, then the key.
func TestV2WalkSigner(t *testing.T) {
	v2Each(t, func(t *testing.T, w *v1World) {
		x := w.v2(t, w.oauth(t, v2Account, v1Products))
		order := x.must(201, "POST", "/signature-certificates", signerBody()).get("orderId")
		path := "/signature-certificates/" + order
		x.is(path, "pending-documents")
		if a := x.upload(path+"/documents", "passport.pdf", v2PDF); a.status != 201 {
			t.Fatalf("%s", a.raw)
		}
		x.is(path, "pending-approval")
		number := w.orderID(t, order)
		if _, err := w.Orders.Approve(t.Context(), w.admin(w.Approver), number, "seen"); err != nil {
			t.Fatal(err)
		}
		x.is(path, "pending-csr")
		x.must(204, "PUT", path+"/csr", m{"csr": v2CSR(t)})
		x.is(path, "pending-agreement")
		x.must(204, "POST", path+"/agreement", m{"agreementDetails": signedAgreement()})
		x.is(path, "issued")
		if leaf := x.leaf(path); leaf.Subject.CommonName != "Ada Lovelace" || !slices.Equal(leaf.EmailAddresses, []string{"ada@example.com"}) {
			t.Errorf("%v %v", leaf.Subject, leaf.EmailAddresses)
		}
	})
}

// orderID finds an order by its number as shown.
func (w *v1World) orderID(t *testing.T, number string) core.OrderID {
	t.Helper()
	rows, _, err := w.Orders.Report(t.Context(), w.admin(w.User), ordering.Query{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if strings.HasSuffix(number, numberText(r.Order.Number)) {
			return r.Order.ID
		}
	}
	t.Fatalf("no order %s", number)
	return ""
}

// TestV2Formats: a certificate in every form; the last with a key made here.
func TestV2Formats(t *testing.T) {
	v2Once(t, func(t *testing.T, w *v1World) {
		x := w.v2(t, w.oauth(t, v2Account, v1Products))
		order := "/smime-certificates/" + x.must(201, "POST", "/smime-certificates", m{"requestor": ada("example.com"), "email": "ada@example.com", "generateKey": "ECDSA P-256"}).get("orderId")
		x.is(order, "issued")
		path := order + "/certificate"
		der := x.leaf(order).Raw
		for _, c := range []struct{ accept, format, contentType string }{
			{"application/x-pem-file", "", "application/x-pem-file"}, {"application/pem-certificate-chain", "", "application/x-pem-file"}, {"application/json", "pem", "application/x-pem-file"},
			{"application/pkix-cert", "", "application/pkix-cert"}, {"", "der", "application/pkix-cert"}, {"", "pkcs7", "application/x-pkcs7-certificates"},
			{"", "json", "application/json"}, {"application/x-pkcs12", "", "application/x-pkcs12"}, {"", "pkcs12", "application/x-pkcs12"},
		} {
			a := x.do("GET", path+"?format="+c.format, "", nil, header("Accept", c.accept), header("X-PKCS12-Password", "correct horse"))
			if a.status != 200 || a.header.Get("Content-Type") != c.contentType {
				t.Errorf("%+v: %d %s %.200s", c, a.status, a.header.Get("Content-Type"), a.raw)
				continue
			}
			switch c.contentType {
			case "application/json":
			case "application/pkix-cert":
				if !bytes.Equal(a.raw, der) {
					t.Errorf("%+v: not the certificate", c)
				}
			default:
				list, err := keystore.Decode(a.raw, "correct horse")
				if err != nil || len(list) == 0 {
					t.Errorf("%+v: %v", c, err)
					continue
				}
				var chain [][]byte
				for _, e := range list {
					chain = append(chain, e.Chain...)
				}
				if len(chain) != 3 || !bytes.Equal(chain[0], der) || (list[0].Key != nil) != (c.contentType == "application/x-pkcs12") {
					t.Errorf("%+v: %d certificates, key %v", c, len(chain), list[0].Key != nil)
				}
			}
		}
		for _, c := range []struct {
			path   string
			change func(*http.Request)
			status int
			number string
		}{
			{path + "?format=pkcs12", header("X-PKCS12-Password", ""), 400, "1180"},
			{path + "?format=jpeg", header("Accept", ""), 400, "1181"},
			{path, header("Accept", "image/jpeg"), 406, "901"},
		} {
			if a := x.do("GET", c.path, "", nil, c.change); a.status != c.status || a.number() != c.number {
				t.Errorf("%s: %d %s", c.path, a.status, a.raw)
			}
		}
		// A key that the requester has is not here.
		own := x.must(201, "POST", "/private-pki-certificates", privateBody(m{"csr": v2CSR(t, "app.example.internal")})).get("orderId")
		if a := x.do("GET", "/private-pki-certificates/"+own+"/certificate?format=pkcs12", "", nil, header("X-PKCS12-Password", "x")); a.status != 422 || a.number() != "1165" {
			t.Errorf("%d %s", a.status, a.raw)
		}
	})
}

// TestV2SeesV1: an order of version 1 resolves on the paths of version 2, with
// a token of the older form, and the other way round.
func TestV2SeesV1(t *testing.T) {
	v2Once(t, func(t *testing.T, w *v1World) {
		cred := w.credential(t, v2Account, v1Products)
		old := w.client(t, cred)
		meta := old.meta()
		x := &v2Client{t: t, w: w, cred: cred}
		x.token = x.must(200, "POST", "/oauth/token", m{"grant_type": "client_credentials", "accountNumber": v2Account, "ts": meta["ts"], "txn": meta["txn"], "authKey": meta["authKey"]}).get("tokenDetails", "accessToken")
		number := old.ok("GenerateOrderSSL", v1Order("842", "www.example.com", nil)).get("orderDetails", "orderNumber")
		if a := x.must(200, "GET", "/ssl-certificates/"+number, nil); a.get("orderId") != number || a.get("status") != "pending-dcv" || a.get("domain") != "www.example.com" {
			t.Errorf("%s", a.raw)
		}
		number = x.must(201, "POST", "/ssl-certificates", dvBody(nil)).get("orderId")
		if r := old.ok("TrackOrder", m{"orderDetails": m{"orderNumber": number}}); r.get("orderDetails", "orderStatusId") == "" {
			t.Errorf("%s", r.raw)
		}
	})
}

// TestV2AgreementText: the text of an order's agreement can be read; what is signed is
// recorded under it.
func TestV2AgreementText(t *testing.T) {
	v2Each(t, func(t *testing.T, w *v1World) {
		x := w.v2(t, w.oauth(t, v2Account, v1Products))
		path := "/ssl-certificates/" + x.must(201, "POST", "/ssl-certificates", dvBody(nil)).get("orderId")
		if a := x.send("GET", path+"/agreement", nil); a.status != 404 || a.number() != "943" {
			t.Errorf("%d %s", a.status, a.raw)
		}
		adm := w.admin(w.Approver)
		text, err := w.texts.Publish(t.Context(), adm, "", 0, "Keep the key secret.")
		if err != nil {
			t.Fatal(err)
		}
		a := x.must(200, "GET", path+"/agreement", nil)
		if string(a.raw) != text.Body || a.header.Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%v %s", a.header, a.raw)
		}
		if a := x.send("GET", "/ssl-certificates/1/agreement", nil); a.status != 404 {
			t.Errorf("%d %s", a.status, a.raw)
		}
		x.must(204, "POST", path+"/agreement", m{"agreement": signedAgreement()})
		d, err := w.DB.OrderDetails(t.Context(), w.Account, w.orderID(t, strings.TrimPrefix(path, "/ssl-certificates/")))
		if err != nil || d.Agreement == nil || d.Agreement.Text != text.ID {
			t.Errorf("%+v %v", d, err)
		}
	})
}
