package core

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// LegalData are the facts about an organisation that certificates show and a
// validator checks (CA/B EVG 7.1.4.2).
type LegalData struct {
	LegalName        string `json:"legal_name,omitempty"`
	BusinessCategory string `json:"business_category,omitempty" enum:"private,government,business,non-commercial"`
	Registration     string `json:"registration,omitempty" doc:"company registration number"`
	Registrar        string `json:"registrar,omitempty" doc:"register or agency of incorporation"`
	JurisdictionC    string `json:"jurisdiction_country,omitempty"`
	JurisdictionST   string `json:"jurisdiction_state,omitempty"`
	JurisdictionL    string `json:"jurisdiction_locality,omitempty"`
	Street1          string `json:"street_1,omitempty"`
	Street2          string `json:"street_2,omitempty"`
	PostalCode       string `json:"postal_code,omitempty"`
	StateCode        string `json:"state_code,omitempty"`
	Phone            string `json:"phone,omitempty" doc:"E.164"`
	Identifier       string `json:"organization_identifier,omitempty" doc:"X.520 organizationIdentifier, such as NTRDE-HRB12345 (ETSI EN 319 412-1)"`
}

// BusinessCategories are those of EVG 7.1.4.2.3.
var BusinessCategories = []string{"private", "government", "business", "non-commercial"}

// Check verifies the form of the data, not their truth. Everything may be
// empty.
func (d LegalData) Check() error {
	for _, f := range []struct {
		name, value string
		max         int
	}{
		{"legal_name", d.LegalName, 200}, {"registration", d.Registration, 64}, {"registrar", d.Registrar, 200},
		{"jurisdiction_state", d.JurisdictionST, 128}, {"jurisdiction_locality", d.JurisdictionL, 128}, {"street_1", d.Street1, 128},
		{"street_2", d.Street2, 128}, {"postal_code", d.PostalCode, 40}, {"state_code", d.StateCode, 10}, {"organization_identifier", d.Identifier, 128},
	} {
		if err := CheckLine(f.name, f.value, f.max); err != nil {
			return err
		}
	}
	switch {
	case d.BusinessCategory != "" && !slices.Contains(BusinessCategories, d.BusinessCategory):
		return Errorf(KindInvalid, "a business category is one of %s", strings.Join(BusinessCategories, ", ")).At("business_category")
	case d.JurisdictionC != "" && !countryCode(d.JurisdictionC):
		return Errorf(KindInvalid, "%q is not a country code of two capital letters", d.JurisdictionC).At("jurisdiction_country")
	case d.Identifier != "" && !organisationIdentifier(d.Identifier):
		return Errorf(KindInvalid, "an organizationIdentifier is a scheme of three letters, a country of two, a hyphen and a reference, such as NTRDE-HRB12345").At("organization_identifier")
	}
	return CheckPhone("phone", d.Phone)
}

// CheckLine verifies a line of text of at most max characters; empty is
// allowed.
func CheckLine(field, s string, max int) error {
	switch {
	case !shown(s) || strings.TrimSpace(s) != s:
		return Errorf(KindInvalid, "%s holds blanks at its ends or characters that cannot be shown", field).At(field)
	case utf8.RuneCountInString(s) > max:
		return Errorf(KindInvalid, "%s has more than %d characters", field, max).At(field)
	}
	return nil
}

func countryCode(s string) bool {
	return len(s) == 2 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z'
}

// organisationIdentifier checks the form of EVG 7.1.4.2.8: scheme, country,
// optionally "+" and a state, hyphen, reference.
func organisationIdentifier(s string) bool {
	head, reference, ok := strings.Cut(s, "-")
	if !ok || reference == "" || len(head) < 5 {
		return false
	}
	for _, c := range []byte(head[:5]) {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return len(head) == 5 || head[5] == '+' && len(head) > 6
}

// CheckPhone verifies the form of a telephone number (E.164); empty is allowed.
func CheckPhone(field, s string) error {
	bad := s != "" && (len(s) < 5 || len(s) > 16 || s[0] != '+' || s[1] == '0')
	for i := 1; i < len(s); i++ {
		bad = bad || s[i] < '0' || s[i] > '9'
	}
	if bad {
		return Errorf(KindInvalid, "%q is not a telephone number of the form +491234567 (E.164)", s).At(field)
	}
	return nil
}
