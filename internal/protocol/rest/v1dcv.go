package rest

import (
	"strings"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/domain"
	"github.com/certwright/certwright/internal/ordering"
)

// v1DCVMethods are the numbers of methods. Version 2 swaps 1 and 2 in one of
// its answers.
var v1DCVMethods = map[string]string{"1": core.MethodDNSTXT, "2": core.MethodHTTPFile, "3": core.MethodEmail}

// v1MethodLabels are what TrackOrder calls the methods.
var v1MethodLabels = map[string]string{
	core.MethodDNSTXT: "DNS TXT Record", core.MethodDNSCNAME: "DNS CNAME Record", core.MethodHTTPFile: "HTTP File",
	core.MethodEmail: "Email", core.MethodDNSContact: "DNS Contact Email",
}

// v1Challenge answers GetDcv. The names of the record and the URL are ours:
// public sources do not agree on where the vendor looks.
type v1Challenge struct {
	Token       string   `json:"token,omitempty"`
	RecordName  string   `json:"recordName,omitempty"`
	RecordValue string   `json:"recordValue,omitempty"`
	FileName    string   `json:"fileName,omitempty"`
	FileContent string   `json:"fileContent,omitempty"`
	FileURL     string   `json:"fileURL,omitempty"`
	Emails      []string `json:"dcvEmails,omitempty"`
	Expires     string   `json:"tokenExpiryDate,omitempty"`
}

// dcvOf finds the domain and the method of a call.
func (c *v1Call) dcvOf(q *v1DCV) (v *ordering.View, d *core.Domain, method string, err error) {
	if v, err = c.about(q.OrderNumber, q.RequestorEmail); err != nil {
		return nil, nil, "", err
	}
	if q.DomainName == "" {
		return nil, nil, "", ems("1157")
	}
	if q.DCVMethod == "" {
		return nil, nil, "", ems("1158")
	}
	method, ok := v1DCVMethods[string(q.DCVMethod)]
	if !ok {
		return nil, nil, "", ems("1159")
	}
	if err := ended(v, "1042", "1042"); err != nil {
		return nil, nil, "", err
	}
	name, ok := dnsName(string(q.DomainName))
	if !ok {
		return nil, nil, "", ems("1057").because(clip(string(q.DomainName)))
	}
	if !inOrder(v, name) {
		return nil, nil, "", ems("1164")
	}
	if d = coveringDomain(v.Domains, name); d == nil {
		return nil, nil, "", ems("1164").because("the domain needs no proof")
	}
	if method == core.MethodHTTPFile && wildcardOnly(v, name) {
		return nil, nil, "", ems("1159").because("a file proves no wildcard")
	}
	return v, d, method, nil
}

// inOrder reports whether a name is one of the order's.
func inOrder(v *ordering.View, name string) bool {
	if v.Details == nil {
		return false
	}
	for _, n := range v.Details.Ask.Names.DNS {
		if n == name || strings.TrimPrefix(n, "*.") == strings.TrimPrefix(name, "*.") {
			return true
		}
	}
	return false
}

// wildcardOnly reports whether the order has a wildcard of a name and not the
// name itself (CA/B BR 3.2.2.4.18: files are no proof for wildcards).
func wildcardOnly(v *ordering.View, name string) bool {
	name = strings.TrimPrefix(name, "*.")
	wild := false
	for _, n := range v.Details.Ask.Names.DNS {
		if n == name {
			return false
		}
		wild = wild || n == "*."+name
	}
	return wild
}

// coveringDomain finds the row by which a name is or will be proven: its own, or
// the nearest one above.
func coveringDomain(list []core.Domain, name string) *core.Domain {
	name = strings.TrimPrefix(name, "*.")
	var best *core.Domain
	for i := range list {
		d := &list[i]
		if (d.Name == name || strings.HasSuffix(name, "."+d.Name)) && (best == nil || len(d.Name) > len(best.Name)) {
			best = d
		}
	}
	return best
}

// getDCV shows what must be published to prove control of a domain.
func (c *v1Call) getDCV() (any, error) {
	_, d, method, err := c.dcvOf(c.in.dcv())
	if err != nil {
		return nil, err
	}
	if d.Shown(c.s.d.Now()) == core.ControlVerified {
		return nil, ems("1080")
	}
	ch, err := c.s.d.Domains.Challenge(c.ctx, c.who, d.ID, method)
	if err != nil {
		return nil, err
	}
	out := &v1Challenge{Expires: v1Shown(ch.Until)}
	switch method {
	case core.MethodDNSTXT:
		out.Token, out.RecordName, out.RecordValue = ch.Token, ch.RecordName, ch.Value
	case core.MethodHTTPFile:
		out.FileName, out.FileContent, out.FileURL = ch.FileName, ch.Token, ch.FileURL
	case core.MethodEmail:
		if out.Emails = ch.Emails; out.Emails == nil {
			out.Emails = []string{}
		}
	}
	return out, nil
}

// verifyDCV looks at the challenge now; by e-mail it sends the mail whose link
// is the answer.
func (c *v1Call) verifyDCV() (any, error) {
	q := c.in.dcv()
	_, d, method, err := c.dcvOf(q)
	if err != nil {
		return nil, err
	}
	if d.Shown(c.s.d.Now()) == core.ControlVerified {
		return nil, ems("1080")
	}
	address := ""
	if method == core.MethodEmail {
		if address, err = email(q.DCVEmail, "1166", "1167"); err != nil {
			return nil, err
		}
	}
	out, err := c.s.d.Domains.Verify(c.ctx, c.who, d.ID, method, address)
	if err != nil {
		return nil, err
	}
	return nil, v1Outcome(out)
}

// v1Outcome is the number for a look that did not prove anything.
func v1Outcome(out *domain.Outcome) error {
	switch {
	case out.Already:
		return ems("1080")
	case out.Domain != nil && out.Domain.CAA == core.CAAFailed:
		return ems("1079").because("control of the domain is proven, but nothing can be issued for it")
	case out.Attempt == nil || out.Attempt.Passed || out.Sent:
		return nil
	}
	f := out.Attempt.Failure
	if f == nil {
		return ems("1076")
	}
	code := "1078"
	switch {
	case f.Code == "caa":
		code = "1079"
	case strings.HasPrefix(f.Code, "server") || f.Code == "rateLimited":
		code = "1076"
	case out.Attempt.Method == core.MethodDNSTXT:
		code = "1077"
	}
	return ems(code).because(f.Detail)
}
