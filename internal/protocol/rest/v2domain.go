package rest

import (
	"net/http"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/domain"
)

// domainResources are the paths of domains.
func domainResources() []resource {
	get := func(a action) methods { return methods{http.MethodGet: a} }
	post := func(a action) methods { return methods{http.MethodPost: a} }
	return []resource{
		{"/domains", methods{http.MethodGet: (*call).listDomains, http.MethodPost: (*call).addDomain}, 0},
		{"/domains/{id}", get((*call).getDomain), 0},
		{"/domains/{id}/dcv", get((*call).domainDCV), 0},
		{"/domains/{id}/dcv/method", methods{http.MethodPatch: (*call).domainMethod}, 0},
		{"/domains/{id}/dcv/verify", post((*call).domainVerify), 0},
		{"/domains/{id}/dcv/attempts", get((*call).attempts), 0},
		{"/domains/{id}/dcv/attempts/last", get((*call).lastAttempt), 0},
		{"/domains/{id}/dcv/attempts/{attempt}", get((*call).attempt), 0},
		{"/domains/{id}/deactivate", post((*call).deactivate), 0},
	}
}

// domainRow is a domain. Both names of its state are sent: the service says
// status, the documentation domainStatus.
type domainRow struct {
	DomainID         string     `json:"domainId"`
	DomainName       string     `json:"domainName"`
	OrganizationID   string     `json:"organizationId,omitempty"`
	OrganizationName string     `json:"organizationName,omitempty"`
	Status           string     `json:"status"`
	DomainStatus     string     `json:"domainStatus"`
	DCVStatus        string     `json:"dcvStatus"`
	DCVMethod        string     `json:"dcvMethod"`
	DCV              *dcvAnswer `json:"dcv,omitempty"`
	AutoVerify       string     `json:"autoVerify,omitempty"`
	CAAStatus        string     `json:"caaStatus,omitempty"`
	ValidTill        string     `json:"validTill,omitempty"`
	CreatedAt        string     `json:"createdAt"`
	VerifiedAt       string     `json:"verifiedAt,omitempty"`
	IsWildcard       bool       `json:"isWildcard"`
}

// domainState is the state of a domain with the end of its proof.
func domainState(d *core.Domain, now time.Time) string {
	switch {
	case d.State != core.DomainActive:
		return "INACTIVE"
	case d.Shown(now) == core.ControlExpired:
		return "EXPIRED"
	}
	return "ACTIVE"
}

// showDomain describes a domain.
func (c *call) showDomain(d *core.Domain) (*domainRow, error) {
	now := c.s.d.Now()
	state := domainState(d, now)
	row := &domainRow{DomainID: string(d.ID), DomainName: d.Name, Status: state, DomainStatus: state, DCVStatus: control(d.Shown(now)),
		DCVMethod: d.Method, CAAStatus: strings.ToUpper(string(d.CAA)), CreatedAt: when(d.CreatedAt)}
	if d.Control == core.ControlVerified {
		row.VerifiedAt, row.ValidTill = when(d.VerifiedAt), when(d.ValidUntil)
	}
	if d.Organisation != "" {
		o, err := c.s.d.Storage.Organisation(c.ctx, nil, c.p.Account, d.Organisation)
		if err != nil {
			return nil, err
		}
		row.OrganizationID, row.OrganizationName = organisationNumber(o.Number), o.Name
	}
	return row, nil
}

// withChallenge adds the challenge of a domain.
func (c *call) withChallenge(row *domainRow, d *core.Domain) error {
	ch, err := c.s.d.Domains.Challenge(c.ctx, c.p, d.ID, "")
	if err != nil {
		return domainError(err)
	}
	row.DCV, row.AutoVerify = showChallenge(ch), "ineligible"
	if d.Auto && !ch.Verified {
		row.AutoVerify = "scheduled"
	}
	return nil
}

// domainError gives refusals of the domain service the vendor's numbers.
func domainError(err error) error {
	if err == nil {
		return nil
	}
	e := core.AsError(err)
	switch e.Kind {
	case core.KindBadName:
		return refuse(http.StatusUnprocessableEntity, "", "DOMAIN-003", e.Detail).field("domainName", e.Detail)
	case core.KindExists:
		p := refuse(http.StatusConflict, "", "DOMAIN-002", e.Detail)
		if core.ValidID(core.DomainID(e.Field)) {
			p.ExistingDomainID = e.Field
		}
		return p
	case core.KindPolicy:
		return refuse(http.StatusUnprocessableEntity, "", "DOMAIN-001", e.Detail)
	case core.KindNotFound:
		return refuse(http.StatusNotFound, "", "1160", "there is no such domain")
	case core.KindExpired:
		return refuse(http.StatusUnprocessableEntity, "", "1160", e.Detail)
	case core.KindConflict:
		return refuse(http.StatusUnprocessableEntity, "", "1165", e.Detail)
	case core.KindInvalid:
		if e.Field == "method" {
			return refuse(http.StatusBadRequest, "", "1159", e.Detail).field("dcvMethod", e.Detail)
		}
	}
	return err
}

// domain finds the domain of the path.
func (c *call) domain() (*core.Domain, error) {
	id := core.DomainID(c.r.PathValue("id"))
	if !core.ValidID(id) {
		return nil, domainError(core.Errorf(core.KindNotFound, "there is no such domain"))
	}
	d, err := c.s.d.Domains.Domain(c.ctx, c.p, id)
	if core.Is(err, core.KindForbidden) {
		err = core.Errorf(core.KindNotFound, "there is no such domain")
	}
	return d, domainError(err)
}

// addDomain registers a domain, or starts its validation again.
func (c *call) addDomain() error {
	var in struct {
		Name           text `json:"domainName"`
		ID             text `json:"domainId"`
		OrganizationID text `json:"organizationId"`
		Method         text `json:"dcvMethod"`
		SkipCAA        flag `json:"skipCAA"`
		Mode           text `json:"mode"`
	}
	if err := c.read(&in, true); err != nil {
		return err
	}
	if in.Name == "" {
		return invalid("1157", "domainName", "is empty")
	}
	method, ok := methodOf(string(in.Method))
	if !ok {
		return badMethod("dcvMethod")
	}
	owner, err := c.domainOwner(string(in.OrganizationID))
	if err != nil {
		return err
	}
	if strings.EqualFold(string(in.Mode), "renew") {
		return c.renewDomain(string(in.Name), owner, method)
	}
	d, err := c.s.d.Domains.Register(c.ctx, c.p, domain.New{Name: string(in.Name), Owner: owner, Method: method, SkipCAA: bool(in.SkipCAA)})
	if core.Is(err, core.KindConflict) { // verified for another owner
		e := core.AsError(err)
		p := refuse(http.StatusConflict, "", "DOMAIN-101", e.Detail)
		if core.ValidID(core.DomainID(e.Field)) {
			p.ExistingDomainID = e.Field
		}
		return p
	}
	if err != nil {
		return domainError(err)
	}
	row, err := c.showDomain(d)
	if err == nil {
		err = c.withChallenge(row, d)
	}
	if err != nil {
		return err
	}
	return c.created("/domains/"+row.DomainID, row)
}

// domainOwner is whose a domain shall be: the organisation that is named, else
// the credential's.
func (c *call) domainOwner(number string) (domain.Owner, error) {
	if number == "" {
		return c.s.d.Domains.OwnerOf(c.ctx, c.p)
	}
	unknown := refuse(http.StatusNotFound, "", "1180", "there is no such organization").field("organizationId", "is none of this credential's")
	n, ok := parseOrganisationNumber(number)
	if !ok {
		return domain.Owner{}, unknown
	}
	o, err := c.s.d.Vetting.ByNumber(c.ctx, c.p, n)
	if core.Is(err, core.KindNotFound) || core.Is(err, core.KindForbidden) {
		return domain.Owner{}, unknown
	}
	if err != nil {
		return domain.Owner{}, err
	}
	return domain.Owner{Organisation: o.ID}, nil
}

// renewDomain starts the validation of a registered domain again.
func (c *call) renewDomain(name string, owner domain.Owner, method string) error {
	f := core.Filter{{Column: "name", Op: core.OpEquals, Values: []string{strings.TrimPrefix(strings.ToLower(name), "*.")}}}
	list, err := c.s.d.Domains.At(c.ctx, c.p, core.ListQuery{Account: c.p.Account, Filter: f, Limit: core.MaxPage}, 0)
	if err != nil {
		return err
	}
	for i := range list {
		if list[i].Organisation != owner.Organisation || owner.Organisation == "" && list[i].Group != owner.Group {
			continue
		}
		d, err := c.s.d.Domains.Renew(c.ctx, c.p, list[i].ID)
		switch e := core.AsError(err); {
		case core.Is(err, core.KindPolicy):
			return refuse(http.StatusUnprocessableEntity, "", "DOMAIN-103", e.Detail)
		case core.Is(err, core.KindConflict):
			return refuse(http.StatusUnprocessableEntity, "", "DOMAIN-102", e.Detail)
		case err != nil:
			return domainError(err)
		}
		if method != "" && method != d.Method {
			if _, err := c.s.d.Domains.Challenge(c.ctx, c.p, d.ID, method); err != nil {
				return domainError(err)
			}
			d.Method = method
		}
		row, err := c.showDomain(d)
		if err == nil {
			err = c.withChallenge(row, d)
		}
		if err != nil {
			return err
		}
		return c.json(http.StatusOK, row)
	}
	return domainError(core.Errorf(core.KindNotFound, "there is no such domain"))
}

// getDomain answers with one domain.
func (c *call) getDomain() error {
	d, err := c.domain()
	if err != nil {
		return err
	}
	row, err := c.showDomain(d)
	if err != nil {
		return err
	}
	row.DCV = &dcvAnswer{Method: d.Method, DomainName: d.Name, DCVStatus: row.DCVStatus}
	return c.json(http.StatusOK, row)
}

// domainDCV answers with the challenge of a domain.
func (c *call) domainDCV() error { return c.challenge("") }

// challenge answers with the challenge, by a method if one is named.
func (c *call) challenge(method string) error {
	d, err := c.domain()
	if err != nil {
		return err
	}
	ch, err := c.s.d.Domains.Challenge(c.ctx, c.p, d.ID, method)
	if err != nil {
		return domainError(err)
	}
	return c.json(http.StatusOK, showChallenge(ch))
}

// domainMethod changes the method.
func (c *call) domainMethod() error {
	var in struct {
		Method text `json:"dcvMethod"`
	}
	if err := c.read(&in, true); err != nil {
		return err
	}
	method, ok := methodOf(string(in.Method))
	switch {
	case in.Method == "":
		return invalid("1158", "dcvMethod", "is empty")
	case !ok:
		return badMethod("dcvMethod")
	}
	return c.challenge(method)
}

// domainVerify looks at the challenge of a domain.
func (c *call) domainVerify() error {
	var in verifyIn
	d, err := c.domain()
	if err == nil {
		err = c.read(&in, false)
	}
	if err != nil {
		return err
	}
	method, err := in.method()
	if err != nil {
		return err
	}
	return c.verify(d.ID, method, string(in.Email))
}

// deactivate takes a domain out of use.
func (c *call) deactivate() error {
	var in struct{}
	d, err := c.domain()
	if err == nil {
		err = c.read(&in, false)
	}
	if err != nil {
		return err
	}
	if d, err = c.s.d.Domains.SetActive(c.ctx, c.p, d.ID, false); err != nil {
		return domainError(err)
	}
	return c.json(http.StatusOK, struct {
		DomainID      string `json:"domainId"`
		DomainName    string `json:"domainName"`
		DomainStatus  string `json:"domainStatus"`
		DeactivatedAt string `json:"deactivatedAt"`
		Message       string `json:"message"`
	}{string(d.ID), d.Name, "INACTIVE", when(d.UpdatedAt), "the domain is out of use; orders do not rest on it any more"})
}
