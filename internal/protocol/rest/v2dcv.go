package rest

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/domain"
	"github.com/certwright/certwright/internal/ordering"
)

// dcvAnswer is a challenge. Three shapes are public (see docs); this is their
// union, with the place of the record said outright.
type dcvAnswer struct {
	// Seen on the wire.
	Token           string `json:"token,omitempty"`
	TokenExpiryDate string `json:"tokenExpiryDate,omitempty"`
	// The documentation's prose, also used for domains.
	Method      string `json:"method"`
	TxtToken    string `json:"txtToken,omitempty"`
	FileName    string `json:"fileName,omitempty"`
	FileToken   string `json:"fileToken,omitempty"`
	TokenExpiry string `json:"tokenExpiry,omitempty"`
	// The documentation's example.
	OrderNumber     string `json:"orderNumber,omitempty"`
	DomainName      string `json:"domainName"`
	DCVMethod       string `json:"dcvMethod,omitempty"` // "2" DNS, "1" HTTP, "3" e-mail
	FileNameContent string `json:"fileNameContent,omitempty"`
	DVFileToken     string `json:"dvFileToken,omitempty"`
	DVFileName      string `json:"dvFileName,omitempty"`
	// Said outright.
	RecordName   string   `json:"recordName,omitempty"`
	RecordType   string   `json:"recordType,omitempty"`
	RecordValue  string   `json:"recordValue,omitempty"`
	DNSHost      string   `json:"dnsHost,omitempty"`
	DNSContents  string   `json:"dnsContents,omitempty"`
	FileURL      string   `json:"fileUrl,omitempty"`
	Emails       []string `json:"emails,omitempty"`
	EmailSentTo  string   `json:"emailSentTo,omitempty"`
	DCVStatus    string   `json:"dcvStatus"`
	Instructions string   `json:"instructions,omitempty"`
	// Of the rows of a list, which one client reads.
	Domain string `json:"domain,omitempty"`
	Host   string `json:"host,omitempty"`
	Value  string `json:"value,omitempty"`
	// Challenges is that list: of all domains of an order, or the one named.
	Challenges []*dcvAnswer `json:"challenges,omitempty"`
}

// methodID is the number of a method in the documentation's example.
func methodID(method string) string {
	switch method {
	case core.MethodDNSTXT, core.MethodDNSCNAME:
		return "2"
	case core.MethodHTTPFile:
		return "1"
	}
	return "3"
}

// showChallenge writes a challenge in all its shapes.
func showChallenge(ch *domain.Challenge) *dcvAnswer {
	a := &dcvAnswer{Method: ch.Method, DomainName: ch.Domain, DCVMethod: methodID(ch.Method), DCVStatus: "PENDING"}
	if ch.Verified {
		a.DCVStatus = "VERIFIED"
		return a
	}
	a.TokenExpiryDate, a.TokenExpiry = dateTime(ch.Until), when(ch.Until)
	switch ch.Method {
	case core.MethodDNSTXT, core.MethodDNSCNAME:
		a.Token, a.TxtToken, a.FileNameContent, a.DNSContents = ch.Value, ch.Value, ch.Value, ch.Value
		a.RecordName, a.RecordType, a.RecordValue, a.DNSHost = ch.RecordName, ch.RecordType, ch.Value, ch.RecordName
		a.Instructions = "Publish a " + ch.RecordType + " record at " + ch.RecordName + " with the value " + ch.Value
	case core.MethodHTTPFile:
		a.Token, a.FileToken, a.DVFileToken = ch.Token, ch.Token, ch.Token
		a.FileName, a.DVFileName, a.FileURL = ch.FileName, ch.FileName, ch.FileURL
		a.Instructions = "Serve the token as the only content of " + ch.FileURL
	default:
		a.Emails, a.EmailSentTo = ch.Emails, ch.SentTo
		a.Instructions = "Verify with one of the addresses; the answer comes with the link in the mail"
	}
	return a
}

// methodOf reads a method in any spelling; "" stays "".
func methodOf(word string) (string, bool) {
	m := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(word)), "_", "-")
	if m == "http-file" || m == "http" {
		m = core.MethodHTTPFile
	}
	return m, m == "" || slices.Contains(core.DomainMethods, m)
}

// badMethod is the answer to a method that there is not.
func badMethod(field string) error {
	return refuse(http.StatusBadRequest, "", "1159", "the method must be one of "+strings.Join(core.DomainMethods, ", ")).field(field, "is none of the methods")
}

// orderDomain finds the domain of an order that a request is about; name empty:
// the primary one.
func (c *call) orderDomain(v *ordering.View, name string) (*core.Domain, error) {
	d := v.Details
	if d == nil || !v.Product.Profile.ValidateNames {
		return nil, refuse(http.StatusUnprocessableEntity, "", "1160", "the order needs no proof of control of its domains")
	}
	if v.Order.State.Final() && v.Order.State != core.OrderIssued {
		return nil, refuse(http.StatusUnprocessableEntity, "", "1165", "an order that is "+string(v.Order.State)+" has no challenges")
	}
	if name == "" {
		name = d.Ask.Domain
	}
	name = strings.TrimPrefix(strings.ToLower(strings.TrimSuffix(name, ".")), "*.")
	i := slices.IndexFunc(d.Ask.Names.DNS, func(n string) bool { return strings.TrimPrefix(n, "*.") == name })
	if i < 0 {
		return nil, refuse(http.StatusNotFound, "", "1160", "the order has no such domain").field("domain", "is none of the order's")
	}
	if row := domainFor(v.Domains, d.Ask.Names.DNS[i], c.s.d.Now()); row != nil {
		return row, nil
	}
	return nil, refuse(http.StatusUnprocessableEntity, "", "1160", "there is no challenge for this domain yet; the order waits for something else")
}

// orderDCV answers with the challenge for a domain of an order, the primary
// one unless another is named; then with those of the others in a list.
func (c *call) orderDCV(f *family) error {
	v, err := c.order(f)
	if err != nil {
		return err
	}
	q := c.r.URL.Query()
	method, ok := methodOf(q.Get("method"))
	if !ok {
		return badMethod("method")
	}
	row, err := c.orderDomain(v, q.Get("domain"))
	if err != nil {
		return err
	}
	a, err := c.orderChallenge(v, row, method)
	if err != nil {
		return err
	}
	rows := []*core.Domain{row}
	if q.Get("domain") == "" {
		rows = orderRows(v, c.s.d.Now())
	}
	for _, other := range rows {
		one := *a
		if other.ID != row.ID {
			x, err := c.orderChallenge(v, other, "")
			if err != nil {
				return err
			}
			one = *x
		}
		one.Domain, one.Host, one.Value = one.DomainName, one.DNSHost, one.Token
		a.Challenges = append(a.Challenges, &one)
	}
	return c.json(http.StatusOK, a)
}

// orderChallenge is the challenge of one domain of an order.
func (c *call) orderChallenge(v *ordering.View, d *core.Domain, method string) (*dcvAnswer, error) {
	ch, err := c.s.d.Domains.Challenge(c.ctx, c.p, d.ID, method)
	if err != nil {
		return nil, stateful(err)
	}
	a := showChallenge(ch)
	a.OrderNumber = orderOf(v.Order)
	return a, nil
}

// orderRows are the domains behind an order's names, each once.
func orderRows(v *ordering.View, now time.Time) []*core.Domain {
	var out []*core.Domain
	for _, name := range v.Details.Ask.Names.DNS {
		d := domainFor(v.Domains, name, now)
		if d != nil && !slices.ContainsFunc(out, func(x *core.Domain) bool { return x.ID == d.ID }) {
			out = append(out, d)
		}
	}
	return out
}

// verifyIn asks for a look at a challenge. Members that are given and empty
// are refused; those that are missing have defaults.
type verifyIn struct {
	Domain *text `json:"domain"`
	Method *text `json:"method"`
	Email  text  `json:"email"`
}

func (in *verifyIn) method() (string, error) {
	if in.Method == nil {
		return "", nil
	}
	if *in.Method == "" {
		return "", invalid("1158", "method", "is empty")
	}
	m, ok := methodOf(string(*in.Method))
	if !ok {
		return "", badMethod("method")
	}
	return m, nil
}

// orderVerify looks at the challenge for a domain of an order.
func (c *call) orderVerify(f *family) error {
	var in verifyIn
	v, err := c.orderWith(f, &in, false)
	if err != nil {
		return err
	}
	name := ""
	if in.Domain != nil {
		if name = string(*in.Domain); name == "" {
			return invalid("1157", "domain", "is empty")
		}
	}
	method, err := in.method()
	if err != nil {
		return err
	}
	row, err := c.orderDomain(v, name)
	if err != nil {
		return err
	}
	if in.Domain == nil && in.Email == "" {
		return c.verifyAll(v, row, method)
	}
	return c.verify(row.ID, method, string(in.Email))
}

// verifyAll looks at the open challenges of an order whose client names none,
// and answers about the first that fails, else the last.
func (c *call) verifyAll(v *ordering.View, row *core.Domain, method string) error {
	now := c.s.d.Now()
	var out *domain.Outcome
	for _, d := range orderRows(v, now) {
		if d.Shown(now) == core.ControlVerified {
			continue
		}
		var err error
		out, err = c.s.d.Domains.Verify(c.ctx, c.p, d.ID, method, "")
		if err != nil || out.Attempt != nil && !out.Attempt.Passed {
			return c.verified(out, err)
		}
	}
	if out == nil {
		return c.verify(row.ID, method, "")
	}
	return c.verified(out, nil)
}

// verifyAnswer says that control is proven, or that a mail is on its way.
type verifyAnswer struct {
	OverallStatus string       `json:"overallStatus"`
	Method        string       `json:"method"`
	VerifiedAt    string       `json:"verifiedAt,omitempty"`
	Message       string       `json:"message,omitempty"`
	Diagnostics   *diagnostics `json:"diagnostics,omitempty"`
}

// verify looks at a domain's challenge and answers.
func (c *call) verify(id core.DomainID, method, address string) error {
	return c.verified(c.s.d.Domains.Verify(c.ctx, c.p, id, method, address))
}

// verified answers with what a look at a challenge found.
func (c *call) verified(out *domain.Outcome, err error) error {
	if err != nil {
		return domainError(err)
	}
	d := out.Domain
	switch {
	case out.Already:
		return refuse(http.StatusUnprocessableEntity, "", "1080", "the domain is verified already")
	case out.Sent:
		return c.json(http.StatusOK, verifyAnswer{OverallStatus: "PENDING", Method: d.Method,
			Message: "a mail was sent to " + d.Email + "; its link answers the challenge"})
	}
	diag := diagnose(d, out.Attempt, c.s.d.Now())
	diag.consensus(out)
	if out.Attempt != nil && !out.Attempt.Passed {
		number := "1161"
		if diag.FailureClass == caaForbidden {
			number = "DOMAIN-001"
		}
		detail := "control of the domain could not be verified"
		if f := out.Attempt.Failure; f != nil {
			detail = f.Detail
		}
		if ch, err := c.s.d.Domains.Challenge(c.ctx, c.p, d.ID, ""); err == nil {
			diag.steps(ch)
		}
		p := refuse(http.StatusUnprocessableEntity, "dcv-failed", number, detail)
		p.Diagnostics = diag
		return p
	}
	return c.json(http.StatusOK, verifyAnswer{OverallStatus: "VERIFIED", Method: d.Method, VerifiedAt: when(d.VerifiedAt), Diagnostics: diag})
}
