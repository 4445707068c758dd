package rest

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/certwright/certwright/internal/core"
)

// number is an integer that clients also write as a text.
type number int

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(b []byte) error {
	var t text
	if err := t.UnmarshalJSON(b); err != nil {
		return err
	}
	if t == "" {
		return nil
	}
	v, err := strconv.Atoi(string(t))
	if err != nil {
		return json.Unmarshal(b, &v) // the usual error
	}
	*n = number(v)
	return nil
}

// texts is a list of texts; a single one, "" and null are taken too.
type texts []string

// UnmarshalJSON implements json.Unmarshaler.
func (l *texts) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] != '[' {
		var t text
		if err := t.UnmarshalJSON(b); err != nil {
			return err
		}
		if t != "" {
			*l = texts{string(t)}
		}
		return nil
	}
	var list []text
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	for _, t := range list {
		if t != "" {
			*l = append(*l, string(t))
		}
	}
	return nil
}

// contactIn is a person in a request. Version 1 splits the number of the
// telephone; its names are taken here, too.
type contactIn struct {
	Name         text `json:"name"`
	Email        text `json:"email"`
	Phone        text `json:"phone"`
	ISDCode      text `json:"isdCode"`
	MobileNumber text `json:"mobileNumber"`
	Designation  text `json:"designation"`
	EmployeeID   text `json:"employeeId"`
	EmployeeID1  text `json:"employeeID"`
}

func (c *contactIn) core() *core.Contact {
	if c == nil || *c == (contactIn{}) {
		return nil
	}
	out := &core.Contact{Name: string(c.Name), Email: string(c.Email), Phone: string(c.Phone), Designation: string(c.Designation), EmployeeID: string(c.EmployeeID)}
	if out.EmployeeID == "" {
		out.EmployeeID = string(c.EmployeeID1)
	}
	if out.Phone == "" && c.MobileNumber != "" {
		out.Phone = string(c.MobileNumber)
		if c.ISDCode != "" {
			out.Phone = "+" + strings.TrimPrefix(string(c.ISDCode), "+") + string(c.MobileNumber)
		}
	}
	return out
}

// agreementIn is the subscriber's signature in a request. The address of the
// signer is the peer's, whatever the request says.
type agreementIn struct {
	SignerName  text `json:"signerName"`
	SignerPlace text `json:"signerPlace"`
	Accepted    flag `json:"accepted"`
}

// subjectIn is the person or organisation of a document signer or S/MIME
// certificate.
type subjectIn struct {
	FirstName        text `json:"firstName"`
	LastName         text `json:"lastName"`
	Email            text `json:"email"`
	Phone            text `json:"phone"`
	Designation      text `json:"designation"`
	Organization     text `json:"organizationName"`
	Unit             text `json:"organizationUnit"`
	OrganizationID   text `json:"organizationIdentificationNumber"`
	BusinessCategory text `json:"businessCategory"`
	DocumentType     text `json:"identityDocumentType"`
	DocumentNumber   text `json:"identificationNumber"`
	Street1          text `json:"streetAddress1"`
	Street2          text `json:"streetAddress2"`
	Locality         text `json:"locality"`
	State            text `json:"state"`
	PostalCode       text `json:"postalCode"`
	Country          text `json:"countryCode"`
}

// createBody is the body of every create; each family looks at its own part.
type createBody struct {
	ProductVariant text `json:"productVariant"` // SSL
	Variant        text `json:"variant"`        // private PKI, S/MIME
	SubjectType    text `json:"subjectType"`    // document signers

	EmailNotifications text       `json:"emailNotifications"`
	SaveAsDraft        flag       `json:"saveAsDraft"`
	RequestID          text       `json:"requestId"`
	GroupNumber        text       `json:"groupNumber"`
	Requestor          *contactIn `json:"requestor"`
	Delegation         *contactIn `json:"delegation"`
	Organization       *struct {
		Number          text `json:"organizationNumber"`
		PreVetted       flag `json:"preVetted"`
		PreVettingToken text `json:"preVettingToken"`
	} `json:"organization"`
	Certificate *struct {
		Domain        text  `json:"domain"`
		Additional    texts `json:"additionalDomains"`
		AutoSecureWww *flag `json:"autoSecureWww"`
	} `json:"certificate"`
	Subscription *struct {
		Years     *number `json:"validityYears"`
		AutoRenew *flag   `json:"autoRenew"`
		Days      *number `json:"renewBeforeDays"`
	} `json:"subscription"`
	Agreement        *agreementIn `json:"agreement"`
	AgreementDetails *agreementIn `json:"agreementDetails"` // so called in messages
	CSR              text         `json:"csr"`
	GenerateKey      text         `json:"generateKey"` // ours: make the key here
	Technical        *contactIn   `json:"technicalPointOfContact"`
	Signer           *contactIn   `json:"contractSignerInfo"`
	Approver         *contactIn   `json:"certificateApproverInfo"`
	Recipients       texts        `json:"recipientEmails"`
	Tags             texts        `json:"tags"`
	CustomFields     []struct {
		ID    text `json:"fieldId"`
		Value text `json:"value"`
	} `json:"customFields"`
	Remarks text `json:"remarks"`

	Hostname        text  `json:"hostname"`
	AdditionalHosts texts `json:"additionalHosts"`
	CAProfile       text  `json:"caProfileId"`
	MasterProduct   text  `json:"masterProductId"`

	Subject          *subjectIn `json:"subject"`
	Email            text       `json:"email"` // S/MIME
	AdditionalEmails texts      `json:"additionalEmails"`
}

// signature is the agreement block under either name.
func (b *createBody) signature() *agreementIn {
	if b.Agreement != nil {
		return b.Agreement
	}
	return b.AgreementDetails
}
