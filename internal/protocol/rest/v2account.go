package rest

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/ordering"
)

// accountResources are account, groups, organisations and catalogue.
func accountResources() []resource {
	get := func(a action) methods { return methods{http.MethodGet: a} }
	return []resource{
		{"/auth/me", get((*call).me), 0},
		{"/groups", get((*call).groups), 0},
		{"/organizations", get((*call).organizations), 0},
		{"/organizations/{number}", get((*call).organization), 0},
		{"/catalog/products", get((*call).catalogue), 0},
		{"/catalog/products/{code}/custom-fields", get((*call).customFields), 0},
	}
}

// me says who asks.
func (c *call) me() error {
	kind := "oauth2"
	if c.p.Credential.Auth == core.AuthAccessKey {
		kind = "legacy"
	}
	return c.json(http.StatusOK, map[string]string{"accountNumber": c.p.Credential.PublicID, "authType": kind})
}

// groupOrganization is an organisation as a group shows it.
type groupOrganization struct {
	Number        string `json:"organizationNumber"`
	Name          string `json:"organizationName"`
	ValidationFor string `json:"validationFor"`
}

// groupOut is a group. There is no money here: balances are "0.00".
type groupOut struct {
	Number        string              `json:"groupNumber"`
	Name          string              `json:"groupName"`
	Default       string              `json:"isDefaultGroup"`
	Finance       string              `json:"finance"`
	GroupBalance  string              `json:"groupBalance"`
	Balance       string              `json:"accountBalance"`
	Organizations []groupOrganization `json:"organizationDetails"`
}

// noMoney is every amount.
const noMoney = "0.00"

// groups lists the one group of the credential.
func (c *call) groups() error {
	g, err := c.s.d.Storage.Group(c.ctx, nil, c.p.Account, c.p.Group)
	if err != nil {
		return err
	}
	out := groupOut{Number: orderNumber(g.Number), Name: g.Name, Default: "1", Finance: "1", GroupBalance: noMoney, Balance: noMoney,
		Organizations: []groupOrganization{}}
	list, err := c.s.d.Vetting.Organisations(c.ctx, c.p)
	if err != nil {
		return err
	}
	for i := range list {
		purposes, err := c.s.vettedFor(c.ctx, c.p, list[i].ID)
		if err != nil {
			return err
		}
		row := groupOrganization{organisationNumber(list[i].Number), list[i].Name, ""}
		for _, p := range purposes {
			row.ValidationFor = p
			out.Organizations = append(out.Organizations, row)
		}
		if len(purposes) == 0 {
			out.Organizations = append(out.Organizations, row)
		}
	}
	return c.json(http.StatusOK, map[string][]groupOut{"groups": {out}})
}

// organizationRow is an organisation in a list.
type organizationRow struct {
	Number     string `json:"organizationNumber"`
	Name       string `json:"organizationName"`
	Locality   string `json:"organizationLocality"`
	Country    string `json:"organizationCountryCode"`
	PostalCode string `json:"organizationPostalCode"`
	StatusID   string `json:"organizationStatusId"`
	PreVetting string `json:"isPreVettingOrg"`
}

func showOrganization(o *core.Organisation, vetted bool) organizationRow {
	row := organizationRow{organisationNumber(o.Number), o.Name, o.Locality, o.Country, o.Legal.PostalCode, "1", "0"}
	if vetted {
		row.PreVetting = "1"
	}
	return row
}

// organizations lists those that the credential may order for.
func (c *call) organizations() error {
	if word := c.r.URL.Query().Get("groupNumber"); word != "" {
		if _, err := c.group(word); err != nil {
			return err
		}
	}
	list, err := c.s.d.Vetting.Organisations(c.ctx, c.p)
	if err != nil {
		return err
	}
	rows := []organizationRow{}
	for i := range list {
		purposes, err := c.s.vettedFor(c.ctx, c.p, list[i].ID)
		if err != nil {
			return err
		}
		rows = append(rows, showOrganization(&list[i], len(purposes) > 0))
	}
	return c.json(http.StatusOK, map[string][]organizationRow{"organizations": rows})
}

type representativeOut struct {
	Number      string `json:"representativeNumber"`
	Name        string `json:"name"`
	Email       string `json:"emailId"`
	ISDCode     string `json:"isdCode"`
	Mobile      string `json:"mobileNumber"`
	Designation string `json:"designation"`
}

type organizationDomain struct {
	Name      string `json:"domainName"`
	DCVStatus string `json:"dcvStatus"`
	Status    string `json:"status"`
	ValidTill string `json:"validTill,omitempty"`
}

type organizationAnswer struct {
	organizationRow
	Street1         string               `json:"organizationStreetAddress1"`
	Street2         string               `json:"organizationStreetAddress2"`
	State           string               `json:"organizationStateName"`
	StateCode       string               `json:"organizationStateCode"`
	BusinessID      string               `json:"businessCategoryId"`
	ValidationFor   string               `json:"validationFor"`
	ValidationID    string               `json:"validationStatusId"`
	PreVettingToken string               `json:"preVettingToken,omitempty"`
	Domains         []organizationDomain `json:"domains"`
	Representatives []representativeOut  `json:"orgRepresentatives"`
	Agreement       struct {
		Signed      bool   `json:"signed"`
		SignedDate  string `json:"signedDate"`
		SignedPlace string `json:"signedPlace"`
		SignerName  string `json:"signerName"`
	} `json:"subscriberAgreement"`
}

// organization answers with one organisation.
func (c *call) organization() error {
	unknown := refuse(http.StatusNotFound, "", "1075", "there is no such organization")
	n, ok := parseOrganisationNumber(c.r.PathValue("number"))
	if !ok {
		return unknown
	}
	o, err := c.s.d.Vetting.ByNumber(c.ctx, c.p, n)
	if core.Is(err, core.KindNotFound) || core.Is(err, core.KindForbidden) {
		return unknown
	}
	if err != nil {
		return err
	}
	a := organizationAnswer{Street1: o.Legal.Street1, Street2: o.Legal.Street2, State: o.State, StateCode: o.Legal.StateCode,
		BusinessID: businessID(o.Legal.BusinessCategory), Domains: []organizationDomain{}, Representatives: []representativeOut{}}
	vettings, err := c.s.d.Vetting.Of(c.ctx, c.p, o.ID)
	if err != nil {
		return err
	}
	now := c.s.d.Now()
	if v := bestVetting(vettings, now); v != nil {
		a.ValidationFor, a.ValidationID = purposeID(v.Purpose), vettingID(v.Shown(now))
	}
	a.organizationRow = showOrganization(o, a.ValidationID == "1")
	if a.ValidationID == "1" {
		if a.PreVettingToken, err = c.s.d.Vetting.Token(c.ctx, c.p, o.ID, false); err != nil && !core.Is(err, core.KindForbidden) {
			return err
		}
	}
	if err := c.organizationParts(o, &a); err != nil {
		return err
	}
	return c.json(http.StatusOK, a)
}

// organizationParts adds representatives and domains.
func (c *call) organizationParts(o *core.Organisation, a *organizationAnswer) error {
	people, err := c.s.d.Vetting.Representatives(c.ctx, c.p, o.ID)
	if err != nil {
		return err
	}
	for _, r := range people {
		a.Representatives = append(a.Representatives, representativeOut{strconv.FormatInt(r.Number, 10), r.Name, r.Email, "", r.Phone, r.Designation})
	}
	f := core.Filter{{Column: "organisation", Op: core.OpEquals, Values: []string{string(o.ID)}}}
	list, err := c.s.d.Domains.At(c.ctx, c.p, core.ListQuery{Account: c.p.Account, Filter: f, Sort: core.Sort{Column: "name"}, Limit: core.MaxPage}, 0)
	if err != nil {
		return err
	}
	now := c.s.d.Now()
	for i := range list {
		d := &list[i]
		row := organizationDomain{Name: d.Name, DCVStatus: control(d.Shown(now)), Status: domainState(d, now)}
		if d.Control == core.ControlVerified {
			row.ValidTill = when(d.ValidUntil)
		}
		a.Domains = append(a.Domains, row)
	}
	return nil
}

// productOut is one line of the catalogue. Prices are zero: nothing is sold.
type productOut struct {
	Code   string                    `json:"productCode"`
	Name   string                    `json:"productName"`
	TypeID string                    `json:"productTypeID"`
	Prices map[string]map[string]any `json:"subscriptionPrice"`
}

type categoryOut struct {
	ID       string       `json:"categoryID"`
	Name     string       `json:"categoryName"`
	Currency string       `json:"currencyType"`
	Products []productOut `json:"products"`
}

// prices are those of each length of subscription.
func prices(years int) map[string]map[string]any {
	out := map[string]map[string]any{}
	for y := 1; y <= max(1, years); y++ {
		word := strconv.Itoa(y) + " Year"
		if y > 1 {
			word += "s"
		}
		out[word] = map[string]any{"cost": "0.0"}
	}
	return out
}

// categories groups offers as the catalogue shows them.
func categories(offers []ordering.Offer) []categoryOut {
	out := []categoryOut{}
	for _, o := range offers {
		id, name := category(o.Family)
		i := slices.IndexFunc(out, func(c categoryOut) bool { return c.ID == id })
		if i < 0 {
			i = len(out)
			out = append(out, categoryOut{ID: id, Name: name, Currency: "USD"})
		}
		out[i].Products = append(out[i].Products, productOut{decimal(o.Code), o.Name, productType(o.Family, o.Shape), prices(o.Product.OrderTerms().MaxYears)})
	}
	return out
}

// offers are what the credential may order, for its group or the one named.
func (c *call) offers() ([]ordering.Offer, error) {
	var group core.GroupID
	if word := c.r.URL.Query().Get("groupNumber"); word != "" {
		g, err := c.group(word)
		if err != nil {
			return nil, err
		}
		group = g.ID
	}
	return c.s.d.Orders.Catalogue(c.ctx, c.p, group)
}

// catalogue lists the products.
func (c *call) catalogue() error {
	offers, err := c.offers()
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, map[string][]categoryOut{"products": categories(offers)})
}

// fieldOut is a question of a product.
type fieldOut struct {
	Name      string   `json:"name"`
	FieldID   string   `json:"fieldId"`
	Type      string   `json:"type"`
	MaxLength int      `json:"maxlength"`
	Mandatory bool     `json:"isMandatory"`
	Values    []string `json:"values"`
}

// customFields lists the questions of a product.
func (c *call) customFields() error {
	offers, err := c.offers()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(offers, func(o ordering.Offer) bool { return decimal(o.Code) == c.r.PathValue("code") })
	if i < 0 {
		return refuse(http.StatusNotFound, "", "915", "there is no such product")
	}
	sections := map[string][]fieldOut{"certificateInformation": {}, "additionalInformation": {}}
	for _, f := range offers[i].Product.OrderTerms().Fields {
		section := "additionalInformation"
		if f.Section == "certificate" {
			section = "certificateInformation"
		}
		row := fieldOut{f.Name, f.ID, f.Type, f.MaxLength, f.Required, f.Values}
		if row.Values == nil {
			row.Values = []string{}
		}
		sections[section] = append(sections[section], row)
	}
	return c.json(http.StatusOK, map[string]any{"customFields": []any{sections}})
}
