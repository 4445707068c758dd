package rest

import "github.com/certwright/certwright/internal/core"

// requestor reads who asks.
func (o *v1Order) requestor() (core.Contact, error) {
	var out core.Contact
	r := o.Requestor.V
	if r == nil {
		return out, ems("916")
	}
	var err error
	if out.Name, err = needed(r.Name, "requestorName", "920", "921"); err != nil {
		return out, err
	}
	if out.Email, err = email(r.Email, "924", "925"); err != nil {
		return out, err
	}
	if out.Phone, err = phone(r.IsdCode, r.Mobile, "922", "923"); err != nil {
		return out, err
	}
	out.Designation, err = field(r.Designation, "requestorDesignation", "926", v1MaxText)
	return out, err
}

// delegation reads who else is told.
func (o *v1Order) delegation() (*core.Contact, error) {
	d := o.Delegation.V
	if d == nil {
		return nil, nil
	}
	var out core.Contact
	var err error
	if out.Name, err = field(d.Name, "contactName", "1181", v1MaxText); err != nil {
		return nil, err
	}
	if out.Email, err = optionalEmail(d.Email, "delegationInformation.email"); err != nil {
		return nil, err
	}
	if emptyContact(&out) {
		return nil, nil
	}
	return &out, nil
}

// technical reads the technical contact, from either place and in either
// spelling.
func (o *v1Order) technical() (*core.Contact, error) {
	t := o.Technical.V
	if t == nil && o.Additional.V != nil {
		t = o.Additional.V.Technical.V
	}
	if t == nil {
		return nil, nil
	}
	or := func(a, b v1Text) v1Text {
		if a != "" {
			return a
		}
		return b
	}
	var out core.Contact
	var err error
	if out.Name, err = field(or(t.PocName, t.TpcName), "technicalPointOfContact.pocName", "1181", v1MaxText); err != nil {
		return nil, err
	}
	if out.Email, err = optionalEmail(or(t.PocEmail, t.TpcEmail), "technicalPointOfContact.pocEmail"); err != nil {
		return nil, err
	}
	if out.Phone, err = phone(or(t.PocIsdCode, t.TpcIsdCode), or(t.PocMobile, t.TpcMobile), "1181", "1181"); err != nil {
		return nil, err
	}
	if out.Designation, err = field(or(t.PocDesignation, t.TpcDesignation), "technicalPointOfContact.pocDesignation", "1181", v1MaxText); err != nil {
		return nil, err
	}
	if emptyContact(&out) {
		return nil, nil
	}
	return &out, nil
}

// v1PersonCodes are the numbers for a person of an EV order.
type v1PersonCodes struct {
	block, noName, name, noEmail, email, isd, mobile, noDesignation, designation, employee string
}

var (
	v1SignerCodes   = v1PersonCodes{"1220", "1221", "1222", "1223", "1224", "1225", "1226", "1227", "1228", "1229"}
	v1ApproverCodes = v1PersonCodes{"1230", "1231", "1232", "1233", "1234", "1235", "1236", "1237", "1238", "1239"}
)

// person reads the contract signer or certificate approver of an EV order
// (CA/B EVG 11.8).
func (p *v1Person) read(codes v1PersonCodes) (*core.Contact, error) {
	if p == nil {
		return nil, ems(codes.block)
	}
	var out core.Contact
	var err error
	if out.Name, err = needed(p.Name, "name", codes.noName, codes.name); err != nil {
		return nil, err
	}
	if out.Email, err = email(p.Email, codes.noEmail, codes.email); err != nil {
		return nil, err
	}
	if out.Phone, err = phone(p.IsdCode, p.Mobile, codes.isd, codes.mobile); err != nil {
		return nil, err
	}
	if out.Designation, err = needed(p.Designation, "designation", codes.noDesignation, codes.designation); err != nil {
		return nil, err
	}
	if out.EmployeeID, err = field(p.EmployeeID, "employeeID", codes.employee, v1MaxText); err != nil {
		return nil, err
	}
	return &out, nil
}

// evPeople reads the two people of an EV order from either place.
func (o *v1Order) evPeople() (signer, approver *core.Contact, err error) {
	s, a := o.Signer.V, o.Approver.V
	if info := o.Certificate.V; info != nil {
		if s == nil {
			s = info.Signer.V
		}
		if a == nil {
			a = info.Approver.V
		}
	}
	if signer, err = s.read(v1SignerCodes); err != nil {
		return nil, nil, err
	}
	approver, err = a.read(v1ApproverCodes)
	return signer, approver, err
}
