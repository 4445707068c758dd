package rest

import (
	"strconv"

	"github.com/certwright/certwright/internal/core"
)

// v1Category is one category of the catalogue.
type v1Category struct {
	Name     string          `json:"categoryName"`
	ID       string          `json:"categoryID"`
	Currency string          `json:"currencyType"`
	Products []v1ProductLine `json:"products"`
}

type v1ProductLine struct {
	Code  string `json:"productCode"`
	Name  string `json:"productName"`
	Type  string `json:"productTypeID"`
	Price string `json:"price"` // certificates are not sold here
}

// group reads a group number; none means the credential's own. A credential has
// one group and sees no other.
func (c *v1Call) group(number v1Text) (core.GroupID, error) {
	if number == "" {
		return "", nil
	}
	n, ok := parseOrderNumber(string(number))
	if !ok {
		return "", ems("1137")
	}
	g, err := c.ownGroup()
	if err != nil {
		return "", err
	}
	if g == nil || g.Number != n {
		return "", ems("1142")
	}
	return g.ID, nil
}

// ownGroup is the credential's group; nil: it has none.
func (c *v1Call) ownGroup() (*core.Group, error) {
	if c.who.Group == "" {
		return nil, nil
	}
	return c.s.d.Storage.Group(c.ctx, nil, c.who.Account, c.who.Group)
}

// productDetails lists what may be ordered, by category.
func (c *v1Call) productDetails() (any, error) {
	var group core.GroupID
	if q := c.in.Product.V; q != nil {
		var err error
		if group, err = c.group(q.GroupNumber); err != nil {
			return nil, err
		}
	}
	offers, err := c.s.d.Orders.Catalogue(c.ctx, c.who, group)
	if err != nil {
		return nil, err
	}
	out := []v1Category{}
	place := map[string]int{}
	for i := range offers {
		o := &offers[i]
		id, name := category(o.Family)
		n, ok := place[id]
		if !ok {
			n = len(out)
			place[id] = n
			out = append(out, v1Category{Name: name, ID: id, Products: []v1ProductLine{}})
		}
		out[n].Products = append(out[n].Products, v1ProductLine{Code: strconv.FormatInt(o.Code, 10), Name: o.Name, Type: productType(o.Family, o.Shape), Price: "0.0"})
	}
	return out, nil
}

// v1Fields answers GetFieldDetails.
type v1Fields struct {
	CustomFields []v1FieldSections `json:"customFields"`
}

type v1FieldSections struct {
	Certificate []v1Field `json:"certificateInformation"`
	Additional  []v1Field `json:"additionalInformation"`
}

type v1Field struct {
	Name      string   `json:"name"`
	ID        string   `json:"fieldID"`
	Type      string   `json:"type"`
	MaxLength string   `json:"maxlength"`
	Mandatory string   `json:"isMandatory"`
	Values    []string `json:"values"`
}

// fieldDetails lists the questions of a product.
func (c *v1Call) fieldDetails() (any, error) {
	q := c.in.Product.V
	if q == nil {
		q = &v1Product{}
	}
	group, err := c.group(q.GroupNumber)
	if err != nil {
		return nil, err
	}
	if q.ProductCode == "" {
		return nil, ems("914")
	}
	code, err := strconv.ParseInt(string(q.ProductCode), 10, 64)
	if err != nil || code <= 0 {
		return nil, ems("1195")
	}
	offers, err := c.s.d.Orders.Catalogue(c.ctx, c.who, group)
	if err != nil {
		return nil, err
	}
	for i := range offers {
		id, _ := category(offers[i].Family)
		if offers[i].Code != code || q.CategoryID != "" && string(q.CategoryID) != id {
			continue
		}
		out := v1FieldSections{Certificate: []v1Field{}, Additional: []v1Field{}}
		for _, f := range offers[i].Product.OrderTerms().Fields {
			x := v1Field{Name: f.Name, ID: f.ID, Type: f.Type, MaxLength: strconv.Itoa(f.MaxLength), Mandatory: bit(f.Required), Values: f.Values}
			if x.Values == nil {
				x.Values = []string{}
			}
			if f.Section == "certificate" {
				out.Certificate = append(out.Certificate, x)
			} else {
				out.Additional = append(out.Additional, x)
			}
		}
		return &v1Fields{CustomFields: []v1FieldSections{out}}, nil
	}
	return nil, ems("1269")
}

// v1Account answers GetGroupDetails.
type v1Account struct {
	Name        string        `json:"fullName"`
	Email       string        `json:"email"`
	IsdCode     string        `json:"isdCode"`
	Mobile      string        `json:"mobileNumber"`
	Designation string        `json:"designation"`
	RoleID      string        `json:"roleId"`
	Groups      []v1GroupLine `json:"groups"`
}

type v1GroupLine struct {
	Number         string      `json:"groupNumber"`
	Name           string      `json:"groupName"`
	Default        string      `json:"isDefaultGroup"`
	Finance        string      `json:"finance"` // 1: the account's credit; there is none here
	AccountBalance string      `json:"accountBalance"`
	GroupBalance   string      `json:"groupBalance"`
	Organisations  []v1OrgLine `json:"organizationDetails"`
}

type v1OrgLine struct {
	Number        string `json:"organizationNumber"`
	Name          string `json:"organizationName"`
	ValidationFor string `json:"validationFor"`
}

// accountDetails tells about the user behind the credential and its group.
func (c *v1Call) accountDetails() (any, error) {
	u, err := c.s.d.Storage.User(c.ctx, nil, c.who.Account, c.who.User)
	if err != nil {
		return nil, err
	}
	g, err := c.groupLine()
	if err != nil {
		return nil, err
	}
	out := &v1Account{Name: u.Name, Email: u.Email, RoleID: v1Role(u.Grants), Groups: []v1GroupLine{}}
	if out.Name == "" {
		out.Name = u.Login
	}
	if g != nil {
		out.Groups = append(out.Groups, *g)
	}
	return out, nil
}

// v1Role is the roleId of a user: 1 administrator, 3 basic, 6 standard. Ours do
// not fall in with Finance (4) and Manager (5).
func v1Role(grants []core.Grant) string {
	id := "3"
	for _, g := range grants {
		switch g.Role {
		case core.RoleAdministrator:
			return "1"
		case core.RoleOperator, core.RoleCAAdministrator, core.RoleApprover, core.RoleValidator:
			id = "6"
		}
	}
	return id
}

// groupDetails tells about one group.
func (c *v1Call) groupDetails() (any, error) {
	q := c.in.Group.V
	if q == nil || q.GroupNumber == "" {
		return nil, ems("1136")
	}
	if _, err := c.group(q.GroupNumber); err != nil {
		return nil, err
	}
	g, err := c.groupLine()
	if err != nil {
		return nil, err
	}
	return g, nil
}

func (c *v1Call) groupLine() (*v1GroupLine, error) {
	g, err := c.ownGroup()
	if g == nil || err != nil {
		return nil, err
	}
	out := &v1GroupLine{Number: orderNumber(g.Number), Name: g.Name, Default: "1", Finance: "1", AccountBalance: "0.0", GroupBalance: "0.0", Organisations: []v1OrgLine{}}
	orgs, err := c.s.d.Vetting.Organisations(c.ctx, c.who)
	if err != nil {
		return nil, err
	}
	for i := range orgs {
		vets, err := c.s.d.Vetting.Of(c.ctx, c.who, orgs[i].ID)
		if err != nil {
			return nil, err
		}
		purpose, _ := v1Validation(vets, c.s.d.Now())
		out.Organisations = append(out.Organisations, v1OrgLine{Number: organisationNumber(orgs[i].Number), Name: orgs[i].Name, ValidationFor: purpose})
	}
	return out, nil
}
