package rest_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"slices"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/domain"
	"github.com/certwright/certwright/internal/enroll/enrolltest"
	"github.com/certwright/certwright/internal/policy"
	"github.com/certwright/certwright/internal/vetting"
)

type m = map[string]any

// v1CSR is a request for names in bare base64.
func v1CSR(t testing.TB, names ...string) string { return v1KeyCSR(t, enrolltest.Key(t), names...) }

func v1KeyCSR(t testing.TB, key crypto.Signer, names ...string) string {
	t.Helper()
	return base64.StdEncoding.EncodeToString(enrolltest.CSR(t, key, names...))
}

// v1PersonCSR is a request for a person.
func v1PersonCSR(t testing.TB) string { return v1NamedCSR(t, "Ada Lovelace") }

// v1NamedCSR is a request with a common name alone.
func v1NamedCSR(t testing.TB, cn string) string {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: cn}}, enrolltest.Key(t))
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

var v1PDF = base64.StdEncoding.EncodeToString([]byte("%PDF-1.7\n%%EOF\n"))

var v1Requestor = m{"requestorName": "Ada Lovelace", "requestorIsdCode": "91", "requestorMobileNumber": "9876543210", "requestorEmail": "ada@example.com", "requestorDesignation": "Engineer"}

var v1Signed = m{"acceptAgreement": "1", "signerName": "Ada Lovelace", "signerPlace": "London", "signerIP": "203.0.113.7"}

// v1Order is an order block for a product and a primary domain; change adds or
// replaces members, nil removes them.
func v1Order(code, name string, change m) m {
	o := m{"productCode": code, "accountingModel": "1", "saveAndHold": "0", "emailNotifications": "0", "requestorInformation": v1Requestor,
		"certificateInformation": m{"domainName": name, "additionalDomains": []string{}, "autoSecureWWW": "0"},
		"subscriptionDetails":    m{"validity": "1", "autoRenew": "0", "renewCriteria": "30"}}
	for k, v := range change {
		if o[k] = v; v == nil {
			delete(o, k)
		}
	}
	return m{"orderDetails": o}
}

func about(number string, change m) m {
	o := m{"orderNumber": number, "requestorEmail": "Ada@example.com"}
	for k, v := range change {
		o[k] = v
	}
	return o
}

// leafOf downloads and checks the certificate of an order.
func (c *v1Client) leafOf(number string) *x509.Certificate {
	c.t.Helper()
	r := c.ok("getcertificate", m{"orderDetails": about(number, nil)})
	read := func(name string) *x509.Certificate {
		b, _ := pem.Decode([]byte(r.get("certificateDetails", name)))
		if b == nil {
			c.t.Fatalf("%s is no PEM: %s", name, r.raw)
		}
		x, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			c.t.Fatal(err)
		}
		return x
	}
	leaf, roots, between := read("endEntityCertificate"), x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(read("rootCertificate"))
	between.AddCert(read("subCACertificate"))
	between.AddCert(read("caCertificate"))
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: c.w.Now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
		c.t.Error(err)
	}
	r.golden(c.t, "GetCertificate")
	return leaf
}

// TestV1WalkDV goes through every step of a DV order, in the words of a client
// of the vendor's service.
func TestV1WalkDV(t *testing.T) {
	v1Each(t, func(t *testing.T, w *v1World) {
		c := w.client(t, w.credential(t, "9374221333", v1Products))
		c.ok("validateCREDENTIALS", nil).golden(t, "ValidateCredentials")
		const name = "www.example.com"
		r := c.ok("GenerateOrderSSL", v1Order("842", name, nil))
		r.golden(t, "GenerateOrderSSL")
		number := r.get("orderDetails", "orderNumber")
		c.ok("TrackOrder", m{"orderDetails": m{"orderNumber": number}}).golden(t, "TrackOrder-pending")
		dcv := func(method string) m {
			return m{"requestorEmail": "ada@example.com", "orderNumber": number, "domainName": name, "dcvMethod": method}
		}
		c.ok("GetDcv", m{"dcvDetails": dcv("3")}).golden(t, "GetDcv-3")
		c.ok("GetDcv", m{"orderDetails": dcv("2")}).golden(t, "GetDcv-2")
		c.ok("GetDcv", m{"dcvDetails": dcv("1")}).golden(t, "GetDcv-1")
		w.Checks.set(&core.Failure{Code: "unauthorized", Detail: "TXT is something else"}, nil)
		c.fails("1077", "VerifyDcv", m{"dcvDetails": dcv("1")})
		c.fails("1103", "GetCertificate", m{"orderDetails": about(number, nil)})
		w.Checks.set(nil, nil)
		c.ok("verifyDcv", m{"dcvDetails": dcv("1")}).golden(t, "VerifyDcv")
		c.fails("1080", "VerifyDcv", m{"dcvDetails": dcv("1")})
		c.fails("1104", "GetCertificate", m{"orderDetails": about(number, nil)})
		c.ok("SubmitCSR", m{"orderDetails": about(number, m{"csr": v1CSR(t, name)})}).golden(t, "SubmitCSR")
		c.fails("1068", "SubmitCSR", m{"orderDetails": about(number, m{"csr": v1CSR(t, name)})})
		c.fails("946", "GetCertificate", m{"orderDetails": about(number, nil)})
		a := about(number, v1Signed)
		c.ok("AgreementAcceptance", m{"agreementDetails": a}).golden(t, "AgreementAcceptance")
		c.fails("1082", "AgreementAcceptance", m{"agreementDetails": a})
		c.ok("TrackOrder", m{"orderDetails": m{"orderNumber": number}}).golden(t, "TrackOrder-issued")
		if leaf := c.leafOf(number); !slices.Equal(leaf.DNSNames, []string{name}) {
			t.Errorf("names %v", leaf.DNSNames)
		}
		c.fails("962", "SubmitCSR", m{"orderDetails": about(number, m{"csr": v1CSR(t, name)})})
		c.fails("987", "RejectOrder", m{"orderDetails": about(number, m{"rejectRemarks": "no more"})})
		revoke := about(number, m{"revokeReasonId": "4", "revokeRemarks": "replaced"})
		c.ok("RevokeOrder", m{"revocationDetails": revoke}).golden(t, "RevokeOrder")
		c.fails("973", "RevokeOrder", m{"revocationDetails": revoke})
		c.ok("TrackOrder", m{"orderDetails": m{"orderNumber": number}}).golden(t, "TrackOrder-revoked")
	})
}

// organisation adds one with everything that EV shows, and a representative.
func (w *v1World) organisation(t testing.TB) *core.Organisation {
	t.Helper()
	now := w.Now()
	o := &core.Organisation{ID: core.NewID[core.OrganisationID](now), Account: w.Account, Number: 1, Name: "Example Ltd", Country: "DE", State: "Berlin", Locality: "Berlin",
		CreatedAt: now, UpdatedAt: now, Legal: core.LegalData{LegalName: "Example Limited", BusinessCategory: "private", Registration: "HRB 1", JurisdictionC: "DE",
			Street1: "1 Example Street", Street2: "Floor 2", PostalCode: "10115", StateCode: "BE", Identifier: "NTRDE-HRB1"}}
	if err := w.DB.InTx(context.Background(), func(ctx context.Context, tx core.Tx) error { return w.DB.InsertOrganisation(ctx, tx, o) }); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Vetting.AddRepresentative(t.Context(), w.admin(w.User), core.Representative{Organisation: o.ID, Name: "Grace Hopper", Email: "grace@example.org", Phone: "+4930123456", Designation: "Director"}); err != nil {
		t.Fatal(err)
	}
	return o
}

// admin is a person who may do everything in the account.
func (w *v1World) admin(u core.UserID) *core.Principal {
	p := w.Person(u)
	for _, r := range core.Roles {
		p.Grants = append(p.Grants, core.Grant{Role: r})
	}
	return p
}

// vet lets a validator say yes.
func (w *v1World) vet(t testing.TB, o *core.Organisation, purpose core.Purpose) {
	t.Helper()
	v, err := w.Vetting.Ask(t.Context(), w.admin(w.User), o.ID, purpose)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Vetting.Decide(t.Context(), w.admin(w.Approver), v.ID, vetting.Decision{State: core.VettingValidated, Method: "register", Source: "Handelsregister"}); err != nil {
		t.Fatal(err)
	}
}

// prove makes an organisation's domain verified.
func (w *v1World) prove(t testing.TB, o *core.Organisation, name string) {
	t.Helper()
	p := w.admin(w.User)
	d, err := w.Domains.Register(t.Context(), p, domain.New{Name: name, Owner: domain.Owner{Organisation: o.ID}})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := w.Domains.Verify(t.Context(), p, d.ID, "", ""); err != nil || !out.Attempt.Passed {
		t.Fatalf("%v %v", out, err)
	}
}

// forOrganisation is a client whose credential belongs to a vetted organisation.
func (w *v1World) forOrganisation(t testing.TB) (*v1Client, *core.Organisation) {
	t.Helper()
	o := w.organisation(t)
	return w.client(t, w.credential(t, "9374221334", v1Products, func(c *core.Credential) { c.Organisation = o.ID })), o
}

var v1Address = m{"domainName": "shop.example.org", "additionalDomains": "", "autoSecureWWW": "0", "organizationName": "Example Limited", "streetAddress1": "1 Example Street",
	"streetAddress2": "Floor 2", "locality": "Berlin", "state": "Berlin", "countryCode": "DE", "postalCode": "10115"}

// TestV1WalkOrganisation: OV and EV wait for a validator, then for control of
// the domain, and show what was vetted.
func TestV1WalkOrganisation(t *testing.T) {
	v1Each(t, func(t *testing.T, w *v1World) {
		c, o := w.forOrganisation(t)
		r := c.ok("GenerateOrderSSL", v1Order("846", "", m{"certificateInformation": v1Address, "organizationDetails": m{"preVetting": "0", "organizationNumber": 1000001},
			"csr": v1CSR(t, "shop.example.org"), "agreementDetails": v1Signed}))
		number := r.get("orderDetails", "orderNumber")
		track := c.ok("TrackOrder", m{"orderDetails": m{"orderNumber": number}})
		if track.get("orderDetails", "organizationVerification", "status") != "0" || track.get("orderDetails", "orderStatusId") != "1" || track.get("orderDetails", "csr") != "1" {
			t.Errorf("%s", track.raw)
		}
		w.vet(t, o, core.PurposeEV)
		w.prove(t, o, "example.org")
		if leaf := c.leafOf(number); !slices.Equal(leaf.Subject.Organization, []string{"Example Limited"}) {
			t.Errorf("subject %v", leaf.Subject)
		}
		detail := c.ok("GetOrganizationDetails", m{"organizationDetails": m{"organizationNumber": "1000001"}})
		person := m{"name": "Grace Hopper", "email": "grace@example.org", "isdCode": "+49", "mobileNumber": "30 123456", "designation": "Director", "employeeID": "7"}
		r = c.ok("GenerateOrderSSL", v1Order("850", "pay.example.org", m{"contractSignerInfo": person, "certificateApproverInfo": person, "csr": v1CSR(t, "pay.example.org"), "agreementDetails": v1Signed,
			"organizationDetails": m{"preVetting": "1", "organizationNumber": "1000001", "prevettingToken": detail.get("organizationDetails", "prevettingToken")}}))
		if leaf := c.leafOf(r.get("orderDetails", "orderNumber")); leaf.Subject.SerialNumber != "HRB 1" {
			t.Errorf("subject %v", leaf.Subject)
		}
	})
}

// TestV1Account: what a client asks before it orders.
func TestV1Account(t *testing.T) {
	v1Each(t, func(t *testing.T, w *v1World) {
		c, o := w.forOrganisation(t)
		w.vet(t, o, core.PurposeEV)
		w.prove(t, o, "example.org")
		c.ok("GetOrganizationDetails", m{"organizationDetails": m{"organizationNumber": "1000001", "groupNumber": "1000000001"}}).golden(t, "GetOrganizationDetails")
		c.ok("GetDomainDetails", nil).golden(t, "GetDomainDetails")
		c.ok("GetGroupDetails", nil).golden(t, "GetGroupDetails")
		c.ok("GetGroupDetailsV2", m{"groupDetails": m{"groupNumber": "1000000001"}}).golden(t, "GetGroupDetailsV2")
		c.ok("GetProductDetails", m{"productDetails": m{"groupNumber": "1000000001"}}).golden(t, "GetProductDetails")
	})
}

// TestV1WalkSigner: documents, a person's approval, key, agreement, for all
// three kinds of document signers.
func TestV1WalkSigner(t *testing.T) {
	v1Each(t, func(t *testing.T, w *v1World) {
		c, o := w.forOrganisation(t)
		w.vet(t, o, core.PurposeSMIME)
		person := m{"firstName": "Ada", "lastName": "Lovelace", "email": "ada@example.com", "countryCode": "DE"}
		for _, x := range []struct {
			code, cn string
			change   m
		}{
			{"819", "Ada Lovelace", m{"certificateInformation": person}},
			{"822", "Ada Lovelace", m{"certificateInformation": person, "organizationDetails": m{"preVetting": "1", "organizationNumber": "1000001"}}},
			{"825", "Example Limited", m{"certificateInformation": m{"organizationName": "Example Limited", "email": "seal@example.com"}}},
		} {
			r := c.ok("GenerateOrderSignature", v1Order(x.code, "", x.change))
			r.golden(t, "GenerateOrderSignature")
			number := r.get("orderDetails", "orderNumber")
			doc := m{"id": "1", "fileName": "passport.pdf", "description": "passport", "base64Value": v1PDF}
			c.ok("SubmitDocument", m{"orderDetails": about(number, m{"numberOfDocuments": "1", "documentsAttached": []m{doc}})}).golden(t, "SubmitDocument")
			v, err := w.Orders.ByNumber(t.Context(), w.admin(w.Approver), numberOf(t, number))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Orders.Approve(t.Context(), w.admin(w.Approver), v.Order.ID, "seen"); err != nil {
				t.Fatal(err)
			}
			c.ok("SubmitCSR", m{"orderDetails": about(number, m{"csr": v1NamedCSR(t, x.cn)})})
			c.ok("AgreementAcceptance", m{"agreementDetails": about(number, v1Signed)})
			if leaf := c.leafOf(number); leaf.Subject.CommonName != x.cn || len(leaf.EmailAddresses) != 1 || (x.code != "819") != slices.Equal(leaf.Subject.Organization, []string{"Example Limited"}) {
				t.Errorf("%s: %v %v", x.code, leaf.Subject, leaf.EmailAddresses)
			}
		}
	})
}

// TestV1Shapes: every shape of DV, issued at once on a standing proof.
func TestV1Shapes(t *testing.T) {
	v1Once(t, func(t *testing.T, w *v1World) {
		c, o := w.forOrganisation(t)
		w.prove(t, o, "example.org")
		w.prove(t, o, "example.net")
		for _, x := range []struct {
			code string
			info m
			want []string
		}{
			{"842", m{"domainName": "example.org", "autoSecureWWW": "1"}, []string{"example.org", "www.example.org"}},
			{"842", m{"domainName": "example.org", "autoSecureWWW": "1", "additionalDomains": "example.org,WWW.example.org"}, []string{"example.org", "www.example.org"}},
			{"842", m{"domainName": "example.org"}, []string{"example.org", "www.example.org"}},
			{"844", m{"domainName": "a.example.org", "additionalDomains": []string{"A.example.org", "b.example.org", "b.example.org"}}, []string{"a.example.org", "b.example.org"}},
			{"842", m{"commonName": "a.example.org", "autoSecureWWW": "0"}, []string{"a.example.org"}},
			{"843", m{"domainName": "*.example.org", "commonName": "*.example.org"}, []string{"*.example.org"}},
			{"844", m{"domainName": "a.example.org", "additionalDomains": "example.net, b.example.org"}, []string{"a.example.org", "example.net", "b.example.org"}},
			{"845", m{"domainName": "*.example.org", "additionalDomains": []string{"example.org", "*.example.net"}}, []string{"*.example.org", "example.org", "*.example.net"}},
		} {
			r := c.ok("GenerateOrderSSL", v1Order(x.code, "", m{"certificateInformation": x.info, "csr": v1CSR(t, x.want[0]), "agreementDetails": v1Signed}))
			if leaf := c.leafOf(r.get("orderDetails", "orderNumber")); !slices.Equal(leaf.DNSNames, x.want) {
				t.Errorf("%s: %v, want %v", x.code, leaf.DNSNames, x.want)
			}
		}
	})
}

func numberOf(t testing.TB, shown string) int64 {
	t.Helper()
	var n int64
	for _, d := range shown {
		n = n*10 + int64(d-'0')
	}
	return n - 1_000_000_000
}

// TestV1WalkOthers: S/MIME and private PKI are issued at once; then the report
// and the ledger.
func TestV1WalkOthers(t *testing.T) {
	v1Each(t, func(t *testing.T, w *v1World) {
		c := w.client(t, w.credential(t, "9374221333", v1Products))
		r := c.ok("GenerateOrderPrivatePKI", v1Order("950", "app.example.internal", m{"csr": v1CSR(t, "app.example.internal"),
			"certificateInformation": m{"domainName": "app.example.internal", "additionalDomains": []string{"10.1.2.3"}}, "additionalInformation": m{"tags": []string{"env:test", "team:web"}}}))
		r.golden(t, "GenerateOrderPrivatePKI")
		if leaf := c.leafOf(r.get("orderDetails", "orderNumber")); len(leaf.IPAddresses) != 1 || !slices.Equal(leaf.DNSNames, []string{"app.example.internal"}) {
			t.Errorf("%v %v", leaf.DNSNames, leaf.IPAddresses)
		}
		c.ok("GetOrderReport", m{"searchCriteria": m{}}).golden(t, "GetOrderReport")
		c.ok("GetLedgerStatementDetails", m{"statementDetails": m{"groupNumber": "1000000001"}}).golden(t, "GetLedgerStatementDetails")
		r = c.ok("GenerateOrderSMIME", v1Order("894", "", m{"certificateInformation": m{"commonName": "Ada Lovelace", "email": "ada@example.com"}, "csr": v1PersonCSR(t)}))
		r.golden(t, "GenerateOrderSMIME")
		if leaf := c.leafOf(r.get("orderDetails", "orderNumber")); !slices.Equal(leaf.EmailAddresses, []string{"ada@example.com"}) {
			t.Errorf("%v", leaf.EmailAddresses)
		}
		w.Change(t, policy.CodeTLSServer, func(p *core.Profile) {
			p.Terms.Fields = []core.CustomField{{ID: "cost", Name: "Cost centre", Type: "text", Section: "certificate", MaxLength: 8, Required: true},
				{ID: "stage", Name: "Stage", Type: "dropdown", Section: "additional", Values: []string{"test", "live"}},
				{ID: "until", Name: "Until", Type: "datePicker", Section: "additional"}, {ID: "exposed", Name: "Exposed", Type: "checkbox"}}
		})
		c.ok("GetFieldDetails", m{"productDetails": m{"groupNumber": "1000000001", "categoryID": "8", "productCode": "950"}}).golden(t, "GetFieldDetails")
	})
}

// TestV1Draft: a draft has a request number only; it is handed in by an order
// that names it, or given up.
func TestV1Draft(t *testing.T) {
	v1Each(t, func(t *testing.T, w *v1World) {
		c := w.client(t, w.credential(t, "9374221333", v1Products))
		r := c.ok("GenerateOrderSSL", v1Order("842", "www.example.com", m{"saveAndHold": 1}))
		r.golden(t, "GenerateOrderSSL-draft")
		request := r.get("orderDetails", "requestNumber")
		r = c.ok("GenerateOrderSSL", v1Order("842", "www.example.com", m{"requestNumber": request}))
		number := r.get("orderDetails", "orderNumber")
		if r.get("orderDetails", "requestNumber") != request || number == "" {
			t.Errorf("%s", r.raw)
		}
		c.fails("1169", "GenerateOrderSSL", v1Order("842", "www.example.com", m{"requestNumber": request}))
		c.fails("1169", "RejectRequest", m{"orderDetails": m{"requestNumber": request, "rejectRemarks": "late"}})
		c.ok("RejectOrder", m{"orderDetails": about(number, m{"rejectRemarks": "changed my mind"})}).golden(t, "RejectOrder")
		c.fails("986", "RejectOrder", m{"orderDetails": about(number, m{"rejectRemarks": "again"})})
		c.fails("966", "GetCertificate", m{"orderDetails": about(number, nil)})
		r = c.ok("GenerateOrderSSL", v1Order("842", "www.example.com", m{"saveAndHold": true}))
		reject := m{"orderDetails": m{"requestNumber": r.get("orderDetails", "requestNumber"), "rejectRemarks": "no"}}
		c.ok("RejectRequest", reject).golden(t, "RejectRequest")
		c.fails("986", "RejectRequest", reject)
	})
}
