package rest

import (
	"net/http"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/ordering"
)

// orderLabel is the state of an order in the words of version 1.
func orderLabel(s core.OrderState) string {
	switch s {
	case core.OrderDraft:
		return "Order On Hold"
	case core.OrderIssued:
		return "Order Fulfilled"
	case core.OrderCancelled:
		return "Order Cancelled"
	case core.OrderRejected, core.OrderFailed:
		return "Order Rejected"
	case core.OrderApproval:
		return "Order Pending for Approval"
	case core.OrderIssuing, core.OrderUpstream:
		return "Order In-Progress"
	}
	return "Order Accepted"
}

// certificateLabel is the state of an order's certificate in the words of
// version 1.
func certificateLabel(s core.OrderState, c *core.Certificate, now time.Time) string {
	switch s {
	case core.OrderIssued:
		switch v2Status(s, c, now) {
		case v2Revoked:
			return "Certificate Revoked"
		case v2Expired:
			return "Expired"
		}
		return "Certificate Generated"
	case core.OrderCancelled:
		return "Rejected due to Order Cancellation"
	case core.OrderRejected, core.OrderFailed:
		return "Rejected"
	case core.OrderApproval, core.OrderIssuing, core.OrderUpstream:
		return "Pending for Approver"
	}
	return "Setup Pending"
}

// contactOut is a person in an answer.
type contactOut struct {
	Name        string `json:"name,omitempty"`
	Email       string `json:"email,omitempty"`
	Phone       string `json:"phone,omitempty"`
	Designation string `json:"designation,omitempty"`
}

type subscriptionOut struct {
	ValidityYears int    `json:"validityYears"`
	EndDate       string `json:"endDate,omitempty"`
	Status        string `json:"status"`
}

type agreementOut struct {
	Signed      bool   `json:"signed"`
	SignerName  string `json:"signerName,omitempty"`
	SignedAt    string `json:"signedAt,omitempty"`
	SignedPlace string `json:"signedPlace,omitempty"`
}

type revocationOut struct {
	Status      string `json:"status"`
	Reason      string `json:"reason"`
	ProcessedAt string `json:"processedAt"`
}

type domainOut struct {
	Domain       string `json:"domain"`
	DomainStatus string `json:"domainStatus"`
	DCVMethod    string `json:"dcvMethod,omitempty"`
	DCVStatus    string `json:"dcvStatus"`
	VerifiedAt   string `json:"verifiedAt,omitempty"`
	CAAStatus    string `json:"caaStatus,omitempty"`
}

type domainsOut struct {
	Status  string      `json:"status"`
	Domains []domainOut `json:"domains"`
}

type organizationOut struct {
	Status           string `json:"status"`
	OrganizationName string `json:"organizationName"`
	ConsentStatus    string `json:"consentStatus,omitempty"`
	ConsentSentTo    string `json:"consentSentTo,omitempty"`
}

type verificationsOut struct {
	Domain       *domainsOut      `json:"domain,omitempty"`
	Organization *organizationOut `json:"organization,omitempty"`
	Empty        bool             `json:"empty"`
}

// trackAnswer is the state of an order.
type trackAnswer struct {
	orderAnswer
	IssuedAt            string           `json:"issuedAt,omitempty"`
	ExpiresAt           string           `json:"expiresAt,omitempty"`
	OrderState          string           `json:"orderState"`
	CertificateState    string           `json:"certificateState"`
	InterimDVIssued     bool             `json:"interimDvIssued"`
	CSRSubmitted        bool             `json:"csrSubmitted"`
	OnHold              bool             `json:"onHold,omitempty"`
	Requestor           *contactOut      `json:"requestor,omitempty"`
	Subscription        *subscriptionOut `json:"subscription,omitempty"`
	SubscriberAgreement *agreementOut    `json:"subscriberAgreement,omitempty"`
	Revocation          *revocationOut   `json:"revocation,omitempty"`
	Verifications       verificationsOut `json:"verifications"`
	Remarks             string           `json:"remarks,omitempty"`
	Failure             string           `json:"failure,omitempty"`
	Tags                []string         `json:"tags,omitempty"`
}

// track answers with the state of an order.
func (c *call) track(f *family) error {
	v, err := c.order(f)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, c.tracked(f, v))
}

func (c *call) tracked(f *family, v *ordering.View) *trackAnswer {
	now := c.s.d.Now()
	a := &trackAnswer{orderAnswer: *c.answerOf(f, v), OrderState: orderLabel(v.Order.State),
		CertificateState: certificateLabel(v.Order.State, v.Certificate, now), CSRSubmitted: v.Details == nil, Failure: v.Order.Failure}
	if cert := v.Certificate; cert != nil {
		a.IssuedAt, a.ExpiresAt, a.OnHold = when(cert.NotBefore), when(cert.NotAfter), cert.State == core.CertOnHold
		if cert.State == core.CertRevoked {
			a.Revocation = &revocationOut{Status: v2Revoked, Reason: reasonWord(cert.Reason), ProcessedAt: when(cert.RevokedAt)}
		}
	}
	a.Verifications.Domain = verifiedDomains(v, now)
	a.Verifications.Organization = verifiedOrganization(v, now)
	d := v.Details
	if d == nil {
		return a
	}
	a.CSRSubmitted = len(d.CSR) > 0 || d.Ask.KeyGen != ""
	r := d.Ask.Requestor
	a.Requestor = &contactOut{r.Name, r.Email, r.Phone, r.Designation}
	a.Subscription = subscription(v, now)
	a.SubscriberAgreement = &agreementOut{}
	if g := d.Agreement; g != nil {
		a.SubscriberAgreement = &agreementOut{true, g.SignerName, when(g.SignedAt), g.SignerPlace}
	}
	a.Remarks, a.Tags = d.Remarks, d.Ask.Tags
	if a.Remarks == "" {
		a.Remarks = d.Ask.Remarks
	}
	return a
}

// subscription shows how long the order runs: from its first certificate, the
// years that were asked for.
func subscription(v *ordering.View, now time.Time) *subscriptionOut {
	s := &subscriptionOut{ValidityYears: max(1, v.Details.Ask.Years), Status: "active"}
	if v.Certificate != nil {
		end := v.Certificate.NotBefore.AddDate(s.ValidityYears, 0, 0)
		if end.Before(v.Certificate.NotAfter) {
			end = v.Certificate.NotAfter
		}
		if s.EndDate = when(end); now.After(end) {
			s.Status = "expired"
		}
	}
	switch v.Order.State {
	case core.OrderCancelled, core.OrderRejected, core.OrderFailed:
		s.Status = "cancelled"
	}
	return s
}

// control is a proof of control in the words of version 2.
func control(s core.ControlState) string {
	switch s {
	case core.ControlVerified:
		return "VERIFIED"
	case core.ControlRejected:
		return "REJECTED"
	case core.ControlExpired:
		return "EXPIRED"
	}
	return "PENDING"
}

// verifiedDomains shows the proof of each DNS name of an order; nil when its
// product asks for none.
func verifiedDomains(v *ordering.View, now time.Time) *domainsOut {
	if v.Details == nil || !v.Product.Profile.ValidateNames || len(v.Details.Ask.Names.DNS) == 0 {
		return nil
	}
	out := &domainsOut{Status: "VERIFIED", Domains: []domainOut{}}
	for _, name := range v.Details.Ask.Names.DNS {
		row := domainOut{Domain: name, DomainStatus: "ACTIVE", DCVStatus: "PENDING"}
		if d := domainFor(v.Domains, name, now); d != nil {
			row.DCVStatus = control(d.Shown(now))
			if d.State != core.DomainActive {
				row.DomainStatus = "INACTIVE"
			}
			switch d.Shown(now) {
			case core.ControlVerified:
				row.DCVMethod, row.VerifiedAt = d.Method, when(d.VerifiedAt)
			case core.ControlExpired:
				row.DomainStatus, row.DCVStatus = "EXPIRED", "PENDING"
			}
			row.CAAStatus = strings.ToUpper(string(d.CAA))
		} else if v.Order.State == core.OrderIssued {
			row.DCVStatus = "VERIFIED" // proven otherwise: declared for the credential
		}
		switch {
		case row.DCVStatus == "REJECTED":
			out.Status = "REJECTED"
		case row.DCVStatus != "VERIFIED" && out.Status == "VERIFIED":
			out.Status = "PENDING"
		}
		out.Domains = append(out.Domains, row)
	}
	return out
}

// domainFor is the row whose proof serves a DNS name: one that covers it, else
// that of the very name, else the nearest ancestor's.
func domainFor(list []core.Domain, name string, now time.Time) *core.Domain {
	bare := strings.TrimPrefix(name, "*.")
	var best *core.Domain
	for i := range list {
		d := &list[i]
		if d.Name != bare && !strings.HasSuffix(bare, "."+d.Name) {
			continue
		}
		if d.Covers(name, true, now) {
			return d
		}
		if best == nil || len(d.Name) > len(best.Name) {
			best = d
		}
	}
	return best
}

// verifiedOrganization shows the vetting behind an order; nil when it names no
// organisation.
func verifiedOrganization(v *ordering.View, now time.Time) *organizationOut {
	if v.Organisation == nil || v.Details == nil || familyOf(v).Purpose() == "" {
		return nil
	}
	out := &organizationOut{Status: "PENDING", OrganizationName: v.Organisation.Name}
	if v.Vetting != nil {
		switch v.Vetting.Shown(now) {
		case core.VettingValidated:
			out.Status = "VERIFIED"
		case core.VettingRejected, core.VettingCancelled:
			out.Status = "REJECTED"
		}
	}
	if k := v.Consent; k != nil {
		out.ConsentSentTo = k.SentTo
		out.ConsentStatus = map[core.ConsentState]string{core.ConsentGiven: "1", core.ConsentRefused: "2"}[k.State]
		if out.ConsentStatus == "" {
			out.ConsentStatus = "0"
		}
	}
	return out
}
