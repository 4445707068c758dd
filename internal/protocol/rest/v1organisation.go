package rest

import (
	"slices"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/ordering"
)

// v1Org answers GetOrganizationDetails.
type v1Org struct {
	Number          string               `json:"organizationNumber"`
	Token           string               `json:"prevettingToken"`
	Name            string               `json:"organizationName"`
	Street1         string               `json:"organizationStreetAddress1"`
	Street2         string               `json:"organizationStreetAddress2"`
	Locality        string               `json:"organizationLocality"`
	State           string               `json:"organizationStateName"`
	StateID         string               `json:"organizationStateId"` // numbers of the vendor's own; not known here
	StateCode       string               `json:"organizationStateCode"`
	Country         string               `json:"organizationCountryCode"`
	PostalCode      string               `json:"organizationPostalCode"`
	StatusID        string               `json:"statusId"`           // 1 active
	ValidationID    string               `json:"validationStatusId"` // 0 pending, 1 validated, 2 rejected, 3 cancelled, 4 expired, 5 discrepancy
	ValidationFor   string               `json:"validationFor"`
	BusinessID      string               `json:"businessCategoryId"`
	Domains         []string             `json:"domains"`
	Representatives []v1Representative   `json:"orgRepresentatives"`
	Agreement       v1OrganisationSigned `json:"subscriberAgreement"`
}

type v1Representative struct {
	Number      string `json:"representativeNumber"`
	Name        string `json:"name"`
	Email       string `json:"emailId"`
	IsdCode     string `json:"isdCode"`
	Mobile      string `json:"mobileNumber"`
	Designation string `json:"designation"`
}

type v1OrganisationSigned struct {
	SignerName  string `json:"signerName"`
	SignedDate  string `json:"signedDate"`
	SignedPlace string `json:"signedPlace"`
	Status      string `json:"status"` // 0 open, 1 a representative has consented
}

// v1Validation is what an organisation is vetted for, and how far that is: the
// strongest valid vetting, else the newest one.
func v1Validation(list []core.Vetting, now time.Time) (purpose, state string) {
	for _, p := range []core.Purpose{core.PurposeEV, core.PurposeOV, core.PurposeSMIME} {
		for i := range list {
			if list[i].Purpose == p && list[i].Shown(now) == core.VettingValidated {
				return purposeID(p), vettingID(core.VettingValidated)
			}
		}
	}
	if len(list) == 0 {
		return "", vettingID(core.VettingPending)
	}
	return purposeID(list[0].Purpose), vettingID(list[0].Shown(now))
}

// organisationDetails tells about an organisation.
func (c *v1Call) organisationDetails() (any, error) {
	q := c.in.Organisation.V
	if q == nil || q.OrganizationNumber == "" {
		return nil, ems("1134")
	}
	if _, err := c.group(q.GroupNumber); err != nil {
		return nil, err
	}
	n, ok := parseOrganisationNumber(string(q.OrganizationNumber))
	if !ok {
		return nil, ems("1135")
	}
	o, err := c.s.d.Vetting.ByNumber(c.ctx, c.who, n)
	if err != nil {
		return nil, v1NoOrganisation(err)
	}
	vets, err := c.s.d.Vetting.Of(c.ctx, c.who, o.ID)
	if err != nil {
		return nil, err
	}
	out := &v1Org{Number: organisationNumber(o.Number), Name: o.Name, Street1: o.Legal.Street1, Street2: o.Legal.Street2, Locality: o.Locality, State: o.State,
		StateCode: o.Legal.StateCode, Country: o.Country, PostalCode: o.Legal.PostalCode, StatusID: "1", BusinessID: businessID(o.Legal.BusinessCategory),
		Domains: []string{}, Representatives: []v1Representative{}, Agreement: v1OrganisationSigned{Status: "0"}}
	out.ValidationFor, out.ValidationID = v1Validation(vets, c.s.d.Now())
	if out.ValidationID == vettingID(core.VettingValidated) {
		if out.Token, err = c.s.d.Vetting.Token(c.ctx, c.who, o.ID, false); err != nil {
			return nil, err
		}
	}
	if err := c.organisationPeople(o.ID, out); err != nil {
		return nil, err
	}
	return out, c.organisationDomains(o.ID, out)
}

// v1NoOrganisation: one that is not there and one that is not ours look the
// same.
func v1NoOrganisation(err error) error {
	if core.Is(err, core.KindNotFound) || core.Is(err, core.KindForbidden) {
		return ems("1161")
	}
	return err
}

func (c *v1Call) organisationPeople(id core.OrganisationID, out *v1Org) error {
	people, err := c.s.d.Vetting.Representatives(c.ctx, c.who, id)
	if err != nil {
		return err
	}
	names := map[core.RepresentativeID]string{}
	for i := range people {
		p := &people[i]
		names[p.ID] = p.Name
		out.Representatives = append(out.Representatives, v1Representative{Number: organisationNumber(p.Number), Name: p.Name, Email: p.Email, Mobile: p.Phone, Designation: p.Designation})
	}
	consents, err := c.s.d.Vetting.Consents(c.ctx, c.who, id)
	if err != nil {
		return err
	}
	for i := range consents { // newest first
		if x := &consents[i]; x.State == core.ConsentGiven && x.Order == "" {
			out.Agreement = v1OrganisationSigned{SignerName: names[x.Representative], SignedDate: v1Shown(x.AnsweredAt), Status: "1"}
			return nil
		}
	}
	return nil
}

// v1MaxDomains is how many domains an organisation shows.
const v1MaxDomains = 1000

func (c *v1Call) organisationDomains(id core.OrganisationID, out *v1Org) error {
	rows, err := c.domainRows(core.Filter{{Column: "organisation", Op: core.OpEquals, Values: []string{string(id)}}}, v1MaxDomains)
	if err != nil {
		return err
	}
	for i := range rows {
		out.Domains = append(out.Domains, rows[i].Name)
	}
	return nil
}

// domainRows reads domains page by page.
func (c *v1Call) domainRows(f core.Filter, most int) ([]core.Domain, error) {
	var out []core.Domain
	for len(out) < most {
		rows, err := c.s.d.Domains.At(c.ctx, c.who, core.ListQuery{Account: c.who.Account, Filter: f, Limit: core.MaxPage}, len(out))
		if err != nil {
			return nil, err
		}
		out = append(out, rows...)
		if len(rows) < core.MaxPage {
			break
		}
	}
	return out[:min(len(out), most)], nil
}

// v1DomainLine is one row of GetDomainDetails.
type v1DomainLine struct {
	Name               string `json:"domainName"`
	OrganisationName   string `json:"organizationName"`
	OrganisationNumber string `json:"organizationNumber"`
	Method             string `json:"dcvMethod"`
	State              string `json:"dcvStatus"`
	Created            string `json:"createdDate"`
	Expiry             string `json:"expiryDate"`
	Status             string `json:"status"`
}

// v1AllDomains is how many domains GetDomainDetails lists at most: it has no
// pages.
const v1AllDomains = 10000

// domainDetails lists the domains that the credential may order for.
func (c *v1Call) domainDetails() (any, error) {
	rows, err := c.domainRows(nil, v1AllDomains)
	if err != nil {
		return nil, err
	}
	orgs, err := c.s.d.Vetting.Organisations(c.ctx, c.who)
	if err != nil {
		return nil, err
	}
	names := map[core.OrganisationID]*core.Organisation{}
	for i := range orgs {
		names[orgs[i].ID] = &orgs[i]
	}
	now := c.s.d.Now()
	out := []v1DomainLine{}
	for i := range rows {
		d := &rows[i]
		line := v1DomainLine{Name: d.Name, Method: v1MethodOfDomain(d, now), State: v1Control(d.Shown(now)), Created: v1Shown(d.CreatedAt),
			Expiry: v1Shown(d.ValidUntil), Status: v1DomainStatus(d, now)}
		if o := names[d.Organisation]; o != nil {
			line.OrganisationName, line.OrganisationNumber = o.Name, organisationNumber(o.Number)
		}
		out = append(out, line)
	}
	return out, nil
}

// readOrganisation finds the organisation that an order is for. An order that
// is not pre-vetted writes it out as well; what it writes must be what we know,
// because the certificate shows the vetted data.
func (c *v1Call) readOrganisation(o *v1Order, offer *ordering.Offer, n *ordering.New) error {
	b := o.Organisation.V
	if b == nil {
		b = &v1OrderOrg{}
	}
	if *b == (v1OrderOrg{}) && (offer.Family.Purpose() == "" || n.Draft) {
		return nil
	}
	pre, ok := v1Flag(b.PreVetting)
	if !ok {
		return ems("1181").because("preVetting")
	}
	n.Ask.PreVetted, n.PreVettingToken = pre, string(b.PrevettingToken)
	if len(n.PreVettingToken) > 200 {
		return ems("1214")
	}
	org, err := c.organisation(o, b, offer)
	if err != nil || org == nil {
		return err
	}
	n.Organisation = org.ID
	if offer.Family == core.FamilyEV && o.Certificate.V != nil {
		if r := string(o.Certificate.V.Registration); r != "" && !strings.EqualFold(r, org.Legal.Registration) {
			return ems("1075").because("companyRegistrationNumber")
		}
	}
	if pre || offer.Family.Purpose() == "" || n.Draft {
		return nil
	}
	return o.Certificate.V.matches(offer.Family, org)
}

// organisation finds it by number, or by the name that the order gives.
func (c *v1Call) organisation(o *v1Order, b *v1OrderOrg, offer *ordering.Offer) (*core.Organisation, error) {
	if b.OrganizationNumber != "" {
		n, ok := parseOrganisationNumber(string(b.OrganizationNumber))
		if !ok {
			return nil, ems("1135")
		}
		org, err := c.s.d.Vetting.ByNumber(c.ctx, c.who, n)
		return org, v1NoOrganisation(err)
	}
	if offer.Family.Purpose() == "" {
		return nil, nil
	}
	info := o.Certificate.V
	if info == nil || info.Organisation == "" {
		return nil, ems("1073")
	}
	orgs, err := c.s.d.Vetting.Organisations(c.ctx, c.who)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(orgs, func(x core.Organisation) bool { return called(&x, string(info.Organisation)) })
	if i < 0 {
		return nil, ems("1073").because("there is no organization of this name")
	}
	return &orgs[i], nil
}

func called(o *core.Organisation, name string) bool {
	return strings.EqualFold(name, o.Name) || o.Legal.LegalName != "" && strings.EqualFold(name, o.Legal.LegalName)
}

// matches holds what an order without pre-vetting says about its organisation
// against what is known.
func (i *v1CertificateInfo) matches(f core.Family, o *core.Organisation) error {
	if i == nil {
		return nil
	}
	if f.TLS() {
		for _, x := range []struct {
			name string
			v    v1Text
		}{{"organizationName", i.Organisation}, {"streetAddress1", i.Street1}, {"locality", i.Locality}, {"state", i.State}, {"countryCode", i.Country}, {"postalCode", i.PostalCode}} {
			if x.v == "" {
				return ems("1180").because(x.name)
			}
		}
		if f == core.FamilyEV && i.Street2 == "" {
			return ems("1180").because("streetAddress2")
		}
	}
	for _, x := range []struct{ name, asked, known string }{
		{"locality", string(i.Locality), o.Locality}, {"state", string(i.State), o.State}, {"countryCode", string(i.Country), o.Country}, {"postalCode", string(i.PostalCode), o.Legal.PostalCode},
	} {
		if x.asked != "" && x.known != "" && !strings.EqualFold(x.asked, x.known) {
			return ems("1075").because(x.name)
		}
	}
	if i.Organisation != "" && !called(o, string(i.Organisation)) {
		return ems("1075").because("organizationName")
	}
	return nil
}
