package rest

import (
	"encoding/pem"
	"strconv"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/ordering"
)

// v1Status is an id with its label.
type v1Status struct{ id, label string }

// v1OrderStates are the ids of order states. Several of ours share one.
var v1OrderStates = map[core.OrderState]v1Status{
	core.OrderDraft:        {"7", "On Hold"},
	core.OrderOrganisation: {"1", "Order Placed"},
	core.OrderDocuments:    {"1", "Order Placed"},
	core.OrderDCV:          {"1", "Order Placed"},
	core.OrderCSR:          {"2", "Order Accepted"},
	core.OrderAgreement:    {"2", "Order Accepted"},
	core.OrderApproval:     {"8", "Pending for Approval"},
	core.OrderIssuing:      {"3", "In-Progress"},
	core.OrderUpstream:     {"3", "In-Progress"},
	core.OrderIssued:       {"6", "Order Fulfilled"},
	core.OrderRejected:     {"4", "Order Rejected"},
	core.OrderCancelled:    {"5", "Order Cancelled"},
	core.OrderFailed:       {"4", "Order Rejected"},
}

// v1StatusFilter is the way back, for reports. Nothing here waits for an
// account administrator (9).
var v1StatusFilter = map[string][]core.OrderState{
	"1": {core.OrderOrganisation, core.OrderDocuments, core.OrderDCV},
	"2": {core.OrderCSR, core.OrderAgreement},
	"3": {core.OrderIssuing, core.OrderUpstream},
	"4": {core.OrderRejected, core.OrderFailed},
	"5": {core.OrderCancelled},
	"6": {core.OrderIssued},
	"7": {core.OrderDraft},
	"8": {core.OrderApproval},
	"9": {},
}

// v1CertificateStatus is the id of what became of the certificate. A
// certificate on hold counts as revoked, which relying parties see as well.
func v1CertificateStatus(state core.OrderState, c *core.Certificate, now time.Time) v1Status {
	switch state {
	case core.OrderApproval:
		return v1Status{"2", "Pending for Approver"}
	case core.OrderIssuing, core.OrderUpstream:
		return v1Status{"4", "Approved"}
	case core.OrderRejected:
		return v1Status{"5", "Rejected"}
	case core.OrderCancelled:
		return v1Status{"13", "Rejected due to Order Cancellation"}
	case core.OrderFailed:
		return v1Status{"19", "Invalid Configuration"}
	case core.OrderIssued:
		switch {
		case c == nil:
			return v1Status{"20", "Certificate Generated"}
		case c.State != core.CertActive:
			return v1Status{"22", "Certificate Revoked"}
		case now.After(c.NotAfter):
			return v1Status{"12", "Expired"}
		}
		return v1Status{"20", "Certificate Generated"}
	}
	return v1Status{"1", "Setup Pending"}
}

// v1Track answers TrackOrder.
type v1Track struct {
	OrderNumber         string           `json:"orderNumber"`
	RequestNumber       string           `json:"requestNumber"`
	TrackingURL         string           `json:"trackingUrl"`
	TrackingURL2        string           `json:"trackingURL"`
	OrderStatusID       string           `json:"orderStatusId"`
	OrderStatus         string           `json:"orderStatus"`
	CertificateStatusID string           `json:"certificateStatusId"`
	CertificateStatus   string           `json:"certificateStatus"`
	Expiry              string           `json:"certificateExpiryDate"`
	Requestor           v1TrackRequestor `json:"requestorInformation"`
	CSR                 string           `json:"csr"`
	InterimDV           string           `json:"interimDvIssued"`
	Agreement           v1TrackAgreement `json:"subscriberAgreement"`
	Domains             map[string]any   `json:"domainVerification"`
	Organisation        map[string]any   `json:"organizationVerification"`
	Email               map[string]any   `json:"emailVerification"`
	Individual          map[string]any   `json:"individualVerification"`
	FaceToFace          map[string]any   `json:"faceToFaceVerification"`
	Revocation          *v1TrackRevoked  `json:"revocationDetails"` // null unless revoked
}

type v1TrackRequestor struct {
	Name        string `json:"requestorName"`
	IsdCode     string `json:"requestorIsdCode"`
	Mobile      string `json:"requestorMobileNumber"`
	Email       string `json:"requestorEmail"`
	Designation string `json:"requestorDesignation"`
}

type v1TrackAgreement struct {
	SignerName    string `json:"signerName"`
	SignedDate    string `json:"signedDate"`
	SignedPlace   string `json:"signedPlace"`
	Status        string `json:"status"` // 0 not signed, 1 signed, 2 none is asked for
	ConsentStatus string `json:"consentStatus"`
	ConsentSentTo string `json:"consentSentTo"`
}

type v1TrackDomain struct {
	Method   string `json:"dcvMethod"`
	State    string `json:"dcvStatus"` // 0 pending, 1 verified, 2 rejected
	Status   string `json:"status"`    // 1 active, 2 inactive, 3 expired
	Verified string `json:"verifiedDate"`
	CAA      string `json:"caaStatus"` // 1 allowed or not looked at, 2 forbidden, 3 not looked at yet
}

type v1TrackRevoked struct {
	StatusID  string `json:"revokeRequestStatusId"`
	Status    string `json:"revokeRequestStatus"`
	ReasonID  string `json:"revokeReasonId"`
	Processed string `json:"revokeProcessedDate"`
}

// trackOrder tells where an order is.
func (c *v1Call) trackOrder() (any, error) {
	o := c.order()
	v, err := c.about(o.OrderNumber, o.RequestorEmail)
	if err != nil {
		return nil, err
	}
	return c.track(v), nil
}

func (c *v1Call) track(v *ordering.View) *v1Track {
	now := c.s.d.Now()
	order, cert := v1OrderStates[v.Order.State], v1CertificateStatus(v.Order.State, v.Certificate, now)
	out := &v1Track{OrderNumber: orderOf(v.Order), OrderStatusID: order.id, OrderStatus: order.label, CertificateStatusID: cert.id, CertificateStatus: cert.label,
		TrackingURL: c.trackingURL(v), TrackingURL2: c.trackingURL(v), CSR: "0", InterimDV: "0", Domains: map[string]any{"status": "1"},
		Organisation: map[string]any{}, Email: map[string]any{}, Individual: map[string]any{}, FaceToFace: map[string]any{},
		Agreement: v1TrackAgreement{Status: "2"}}
	if crt := v.Certificate; crt != nil {
		out.Expiry, out.CSR = v1Shown(crt.NotAfter), "1"
		if crt.State != core.CertActive {
			out.Revocation = &v1TrackRevoked{StatusID: "2", Status: "Revoked", ReasonID: strconv.Itoa(crt.Reason), Processed: v1Shown(crt.RevokedAt)}
		}
	}
	d := v.Details
	if d == nil {
		return out
	}
	out.RequestNumber = orderNumber(d.Request)
	r := &d.Ask.Requestor
	out.Requestor = v1TrackRequestor{Name: r.Name, Mobile: r.Phone, Email: r.Email, Designation: r.Designation}
	if len(d.CSR) > 0 {
		out.CSR = "1"
	}
	out.agreement(v)
	out.domains(v, now)
	out.people(v, now)
	return out
}

func (t *v1Track) agreement(v *ordering.View) {
	switch a := v.Details.Agreement; {
	case a != nil:
		t.Agreement = v1TrackAgreement{SignerName: a.SignerName, SignedDate: v1Shown(a.SignedAt), SignedPlace: a.SignerPlace, Status: "1"}
	case v.Product != nil && v.Product.OrderTerms().Agreement:
		t.Agreement.Status = "0"
	}
	if v.Consent == nil {
		return
	}
	t.Agreement.ConsentSentTo = v.Consent.SentTo
	t.Agreement.ConsentStatus = map[core.ConsentState]string{core.ConsentGiven: "1", core.ConsentRefused: "2"}[v.Consent.State]
	if t.Agreement.ConsentStatus == "" {
		t.Agreement.ConsentStatus = "0"
	}
}

// domains fills in the map whose keys are domain names, beside one key "status"
// for all of them.
func (t *v1Track) domains(v *ordering.View, now time.Time) {
	all := "1"
	for _, name := range v.Details.Ask.Names.DNS {
		d := coveringDomain(v.Domains, name)
		if d == nil {
			continue
		}
		state := v1Control(d.Shown(now))
		if state != "1" && all != "2" {
			all = state
		}
		t.Domains[name] = v1TrackDomain{Method: v1MethodOfDomain(d, now), State: state, Status: v1DomainStatus(d, now), Verified: v1Shown(d.VerifiedAt), CAA: v1CAA(d.CAA)}
	}
	t.Domains["status"] = all
}

// v1MethodOfDomain is the method by which a domain is proven, else the one that
// is asked for.
func v1MethodOfDomain(d *core.Domain, now time.Time) string {
	if d.ProvenBy != "" && d.Shown(now) == core.ControlVerified {
		return v1MethodLabels[d.ProvenBy]
	}
	return v1MethodLabels[d.Method]
}

// people fills in what a registration authority looks at.
func (t *v1Track) people(v *ordering.View, now time.Time) {
	if v.Organisation != nil {
		t.Organisation["organizationName"] = v.Organisation.Name
		t.Organisation["organizationNumber"] = organisationNumber(v.Organisation.Number)
		t.Organisation["status"] = "0"
		if v.Vetting != nil {
			switch v.Vetting.Shown(now) {
			case core.VettingValidated:
				t.Organisation["status"] = "1"
			case core.VettingRejected:
				t.Organisation["status"] = "2"
			}
		}
	}
	done := "0"
	if v.Order.State == core.OrderIssued || v.Details.Approved {
		done = "1"
	}
	if f := v.Details.Ask.Family; f.Signer() || f == core.FamilySMIME {
		for _, m := range v.Details.Ask.Names.Email {
			t.Email["email"], t.Email["status"] = m, done
		}
		if f.Signer() {
			t.Individual["subjectName"], t.Individual["status"] = v.Order.Subject, done
		}
	}
}

func v1Control(s core.ControlState) string {
	switch s {
	case core.ControlVerified:
		return "1"
	case core.ControlRejected:
		return "2"
	}
	return "0"
}

func v1DomainStatus(d *core.Domain, now time.Time) string {
	switch {
	case d.State != core.DomainActive:
		return "2"
	case d.Shown(now) == core.ControlExpired:
		return "3"
	}
	return "1"
}

func v1CAA(s core.CAAState) string {
	switch s {
	case core.CAAPassed, core.CAASkipped:
		return "1"
	case core.CAAFailed:
		return "2"
	}
	return "3"
}

// v1Certificate answers GetCertificate. The certificates are PEM.
type v1Certificate struct {
	Leaf    string `json:"endEntityCertificate"`
	SubCA   string `json:"subCACertificate"`
	CA      string `json:"caCertificate"`
	Root    string `json:"rootCertificate"`
	Serial  string `json:"certificateSerialNumber"`
	Serial2 string `json:"ceritficateSerialNumber"` // as the vendor's service spells it
	Expiry  string `json:"expiryDate"`
	Interim string `json:"interimDv"`
}

// getCertificate gives the certificate and those above it: the CA that issued
// it (subCACertificate), the one above that one, or the same where the root is
// next, and the root. Clients that build a chain from caCertificate and the root
// alone get a whole one below a single intermediate.
func (c *v1Call) getCertificate() (any, error) {
	o := c.order()
	v, err := c.about(o.OrderNumber, o.RequestorEmail)
	if err != nil {
		return nil, err
	}
	crt := v.Certificate
	if v.Order.State != core.OrderIssued || crt == nil || len(crt.DER) == 0 {
		return nil, unissued(v)
	}
	out := &v1Certificate{Leaf: certPEM(crt.DER), Serial: crt.Serial, Serial2: crt.Serial, Expiry: v1Shown(crt.NotAfter), Interim: "0", Root: certPEM(v.Root)}
	if len(v.Chain) > 0 {
		out.SubCA, out.CA = certPEM(v.Chain[0]), certPEM(v.Chain[0])
	}
	if len(v.Chain) > 1 {
		out.CA = certPEM(v.Chain[1])
	}
	return out, nil
}

// unissued is the number for an order without certificate.
func unissued(v *ordering.View) error {
	switch v.Order.State {
	case core.OrderDCV:
		return ems("1103")
	case core.OrderCSR:
		return ems("1104")
	}
	if err := ended(v, "1165", "966"); err != nil {
		return err
	}
	return ems("946").because("it waits: " + string(v.Order.State))
}

func certPEM(der []byte) string {
	if len(der) == 0 {
		return ""
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
