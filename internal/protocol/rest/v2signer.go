package rest

import (
	"slices"
	"strings"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/ordering"
)

// subjectTypes are the kinds of document signers.
var subjectTypes = map[string]core.Family{"natural-person": core.FamilyNatural, "legal-person": core.FamilyLegal, "legal-entity": core.FamilyEntity}

// Names of members that are given back and that nothing else looks at.
const (
	extraSubjectName  = "subjectDisplayName"
	extraDocumentType = "identityDocumentType"
	extraDocument     = "identificationNumber"
	extraPhone        = "subjectPhone"
)

// wishSigner reads an order of a document signer.
func wishSigner(c *call, b *createBody, n *ordering.New) error {
	f, ok := subjectTypes[strings.ToLower(string(b.SubjectType))]
	var m missing
	m.need(b.SubjectType != "", "915", "subjectType", "is missing")
	m.need(b.SubjectType == "" || ok, "915", "subjectType", "must be natural-person, legal-person or legal-entity")
	if b.Subject == nil {
		b.Subject = &subjectIn{}
	}
	if err := m.err(); err != nil {
		return err
	}
	s := b.Subject
	if err := checkSubject(f, s); err != nil {
		return err
	}
	n.Ask.Family, n.Ask.Variant = f, strings.ToLower(string(b.SubjectType))
	fillSubject(&n.Ask, s, f != core.FamilyNatural)
	return nil
}

// checkSubject says what is wrong with the subject, in the numbers 819 to 827.
// The vendor's pages name the run only; which number stands for which member
// is ours.
func checkSubject(f core.Family, s *subjectIn) error {
	var m missing
	person := f == core.FamilyNatural
	m.need(!person || s.FirstName != "", "819", "subject.firstName", "is missing")
	m.need(!person || s.LastName != "", "820", "subject.lastName", "is missing")
	m.need(isEmail(string(s.Email)), "821", "subject.email", "must be a mail address")
	m.need(person || s.Organization != "", "822", "subject.organizationName", "is missing")
	m.need(person || s.OrganizationID != "", "823", "subject.organizationIdentificationNumber", "is missing")
	m.need(s.DocumentType == "" || slices.Contains([]string{"passport", "driving-license", "national-id"}, string(s.DocumentType)),
		"824", "subject.identityDocumentType", "must be passport, driving-license or national-id")
	m.need(s.DocumentType == "" || s.DocumentNumber != "", "825", "subject.identificationNumber", "is missing")
	m.need(s.Country == "" || isCountry(string(s.Country)), "826", "subject.countryCode", "must be two letters (ISO 3166-1)")
	m.need(s.Phone == "" || isPhone(string(s.Phone)), "827", "subject.phone", "must be a number such as +442071234567 (E.164)")
	return m.err()
}

func isCountry(s string) bool {
	return len(s) == 2 && strings.ToUpper(s) == s && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z'
}

// fillSubject makes the subject of a certificate for a person, or for an
// organisation when legal.
func fillSubject(a *core.OrderAsk, s *subjectIn, legal bool) {
	person := strings.TrimSpace(string(s.FirstName) + " " + string(s.LastName))
	name := person
	if legal || name == "" {
		name = string(s.Organization)
	}
	if name == "" {
		name = string(s.Email)
	}
	for _, x := range []core.Attribute{
		{Type: "C", Value: string(s.Country)}, {Type: "ST", Value: string(s.State)}, {Type: "L", Value: string(s.Locality)},
		{Type: "STREET", Value: strings.TrimSpace(string(s.Street1) + " " + string(s.Street2))}, {Type: "postalCode", Value: string(s.PostalCode)},
		{Type: "O", Value: string(s.Organization)}, {Type: "organizationIdentifier", Value: string(s.OrganizationID)}, {Type: "OU", Value: string(s.Unit)},
		{Type: "title", Value: string(s.Designation)}, {Type: "SN", Value: string(s.LastName)}, {Type: "GN", Value: string(s.FirstName)},
		{Type: "businessCategory", Value: string(s.BusinessCategory)}, {Type: "CN", Value: name},
	} {
		if x.Value != "" {
			a.Subject = append(a.Subject, x)
		}
	}
	if s.Email != "" && !slices.Contains(a.Names.Email, string(s.Email)) {
		a.Names.Email = append(a.Names.Email, string(s.Email))
	}
	for _, x := range []core.FieldValue{{ID: extraSubjectName, Value: name}, {ID: extraDocumentType, Value: string(s.DocumentType)},
		{ID: extraDocument, Value: string(s.DocumentNumber)}, {ID: extraPhone, Value: string(s.Phone)}} {
		if x.Value != "" {
			a.Extra = append(a.Extra, x)
		}
	}
}

// extra returns what was kept to be given back.
func extra(a *core.OrderAsk, id string) string {
	for _, x := range a.Extra {
		if x.ID == id {
			return x.Value
		}
	}
	return ""
}

func showSigner(a *orderAnswer, v *ordering.View) {
	for word, f := range subjectTypes {
		if f == familyOf(v) {
			a.SubjectType = word
		}
	}
	if v.Details != nil {
		a.SubjectDisplayName = extra(&v.Details.Ask, extraSubjectName)
	}
}

// wishSMIME reads an order of an S/MIME certificate. The vendor has no public
// page for it: the shape is that of its other families.
func wishSMIME(c *call, b *createBody, n *ordering.New) error {
	if b.Subject == nil {
		b.Subject = &subjectIn{}
	}
	s := b.Subject
	if s.Email == "" {
		s.Email = b.Email
	}
	var m missing
	m.need(isEmail(string(s.Email)), "917", "email", "must be a mail address")
	for _, e := range b.AdditionalEmails {
		m.need(isEmail(e), "917", "additionalEmails", "must be mail addresses")
	}
	m.need(s.Country == "" || isCountry(string(s.Country)), "917", "subject.countryCode", "must be two letters (ISO 3166-1)")
	if err := m.err(); err != nil {
		return err
	}
	a := &n.Ask
	a.Family, a.Variant, a.Additional = core.FamilySMIME, strings.ToLower(string(b.Variant)), nil
	fillSubject(a, s, false)
	for _, e := range b.AdditionalEmails {
		if !slices.Contains(a.Names.Email, e) {
			a.Names.Email = append(a.Names.Email, e)
		}
	}
	return nil
}

func showSMIME(a *orderAnswer, v *ordering.View) {
	if v.Details == nil {
		a.Email, a.AdditionalEmails = split(v.Order.Names)
		return
	}
	a.Variant = v.Details.Ask.Variant
	if list := v.Details.Ask.Names.Email; len(list) > 0 {
		a.Email, a.AdditionalEmails = list[0], list[1:]
	}
	a.SubjectDisplayName = extra(&v.Details.Ask, extraSubjectName)
}
