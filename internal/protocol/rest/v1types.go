package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
)

// Messages of the v1 generation. Field names are the vendor's; encoding/json
// compares them without regard to case. What a client may leave out, send as a
// number instead of a string, or as an empty string instead of an object, is
// taken.

// v1Text is a JSON string, number or boolean as text: true is "1", false "0",
// null the empty text. White space around it is not part of it.
type v1Text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *v1Text) UnmarshalJSON(b []byte) error {
	switch b[0] {
	case '"':
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*t = v1Text(strings.TrimSpace(s))
	case 'n':
		*t = ""
	case 't':
		*t = "1"
	case 'f':
		*t = "0"
	case '{', '[':
		return errors.New("a text is expected, not an object or list")
	default:
		*t = v1Text(b)
	}
	return nil
}

// v1Texts is a list of texts, or one text with commas between.
type v1Texts []string

// UnmarshalJSON implements json.Unmarshaler.
func (l *v1Texts) UnmarshalJSON(b []byte) error {
	*l = nil
	if b[0] == '[' {
		var list []v1Text
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
	var t v1Text
	if err := t.UnmarshalJSON(b); err != nil {
		return err
	}
	*l = t.list()
	return nil
}

// list splits a text at its commas, without empty elements.
func (t v1Text) list() []string {
	var out []string
	for s := range strings.SplitSeq(string(t), ",") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// v1Block is an object; null, "" and [] stand for one that is not there.
type v1Block[T any] struct{ V *T }

// UnmarshalJSON implements json.Unmarshaler.
func (k *v1Block[T]) UnmarshalJSON(b []byte) error {
	k.V = nil
	if absent(b) {
		return nil
	}
	k.V = new(T)
	return json.Unmarshal(b, k.V)
}

// v1List is a list of objects; null, "" and {} stand for an empty one.
type v1List[T any] []T

// UnmarshalJSON implements json.Unmarshaler.
func (l *v1List[T]) UnmarshalJSON(b []byte) error {
	*l = nil
	if absent(b) || bytes.Equal(bytes.TrimSpace(b), []byte("{}")) {
		return nil
	}
	return json.Unmarshal(b, (*[]T)(l))
}

func absent(b []byte) bool {
	switch b[0] {
	case 'n':
		return true
	case '"', '[':
		return len(bytes.Trim(b, "\"[] \t\r\n")) == 0
	}
	return false
}

type v1Meta struct {
	Ver           v1Text `json:"ver"`
	TS            v1Text `json:"ts"`
	Txn           v1Text `json:"txn"`
	AccountNumber v1Text `json:"accountNumber"`
	AuthKey       v1Text `json:"authKey"`
}

// v1Request holds every block that a request of some method has.
type v1Request struct {
	Meta         v1Block[v1Meta]         `json:"meta"`
	Order        v1Block[v1Order]        `json:"orderDetails"`
	DCV          v1Block[v1DCV]          `json:"dcvDetails"`
	Revocation   v1Block[v1Revocation]   `json:"revocationDetails"`
	Agreement    v1Block[v1Agreement]    `json:"agreementDetails"`
	Product      v1Block[v1Product]      `json:"productDetails"`
	Group        v1Block[v1Group]        `json:"groupDetails"`
	Organisation v1Block[v1Organisation] `json:"organizationDetails"`
	Search       v1Block[v1Search]       `json:"searchCriteria"`
	Statement    v1Block[v1Statement]    `json:"statementDetails"`
}

// dcv returns the block of GetDcv and VerifyDcv, which a vendor example calls
// orderDetails.
func (r *v1Request) dcv() *v1DCV {
	switch {
	case r.DCV.V != nil:
		return r.DCV.V
	case r.Order.V != nil:
		return &r.Order.V.v1DCV
	}
	return &v1DCV{}
}

// v1DCV asks for a challenge or its check. Its first two fields are also those
// of every other call about an order.
type v1DCV struct {
	RequestorEmail v1Text `json:"requestorEmail"`
	OrderNumber    v1Text `json:"orderNumber"`
	DomainName     v1Text `json:"domainName"`
	DCVMethod      v1Text `json:"dcvMethod"`
	DCVEmail       v1Text `json:"dcvEmail"`
}

// v1Order is the order block of the GenerateOrder methods, and of the methods
// about one order.
type v1Order struct {
	v1DCV
	ProductCode     v1Text                      `json:"productCode"`
	AccountingModel v1Text                      `json:"accountingModel"`
	SaveAndHold     v1Text                      `json:"saveAndHold"`
	RequestNumber   v1Text                      `json:"requestNumber"`
	Notifications   v1Text                      `json:"emailNotifications"`
	GroupNumber     v1Text                      `json:"groupNumber"`
	AutoSecureWWW   v1Text                      `json:"autoSecureWWW"` // one client has it here
	Requestor       v1Block[v1Requestor]        `json:"requestorInformation"`
	Delegation      v1Block[v1Delegation]       `json:"delegationInformation"`
	Organisation    v1Block[v1OrderOrg]         `json:"organizationDetails"`
	Certificate     v1Block[v1CertificateInfo]  `json:"certificateInformation"`
	Agreement       v1Block[v1Agreement]        `json:"agreementDetails"`
	Subscription    v1Block[v1Subscription]     `json:"subscriptionDetails"`
	CSR             v1Text                      `json:"csr"`
	Documents       v1List[v1Document]          `json:"documentsAttached"`
	DocumentCount   v1Text                      `json:"numberOfDocuments"`
	Additional      v1Block[v1Additional]       `json:"additionalInformation"`
	Technical       v1Block[v1TechnicalContact] `json:"technicalPointOfContact"`
	v1EVPeople
	RejectRemarks v1Text `json:"rejectRemarks"`
}

// v1EVPeople are the two people of an EV order. Where they stand in the block is
// not certain, so both the order and its certificate information may hold them.
type v1EVPeople struct {
	Signer   v1Block[v1Person] `json:"contractSignerInfo"`
	Approver v1Block[v1Person] `json:"certificateApproverInfo"`
}

type v1Requestor struct {
	Name        v1Text `json:"requestorName"`
	IsdCode     v1Text `json:"requestorIsdCode"`
	Mobile      v1Text `json:"requestorMobileNumber"`
	Email       v1Text `json:"requestorEmail"`
	Designation v1Text `json:"requestorDesignation"`
}

type v1Delegation struct {
	GroupNumber v1Text `json:"groupNumber"`
	Name        v1Text `json:"contactName"`
	Email       v1Text `json:"email"`
}

type v1OrderOrg struct {
	PreVetting           v1Text `json:"preVetting"`
	OrganizationNumber   v1Text `json:"organizationNumber"`
	PrevettingToken      v1Text `json:"prevettingToken"`
	RepresentativeNumber v1Text `json:"representativeNumber"`
}

// v1CertificateInfo is what the certificate shall show. The fields of persons
// are those of the v2 generation; the public reference of v1 has none for S/MIME
// and document signers.
type v1CertificateInfo struct {
	CommonName         v1Text  `json:"commonName"`
	DomainName         v1Text  `json:"domainName"`
	AdditionalDomains  v1Texts `json:"additionalDomains"`
	AutoSecureWWW      v1Text  `json:"autoSecureWWW"`
	Organisation       v1Text  `json:"organizationName"`
	OrganisationUnit   v1Text  `json:"organizationUnit"`
	Street1            v1Text  `json:"streetAddress1"`
	Street2            v1Text  `json:"streetAddress2"`
	Locality           v1Text  `json:"locality"`
	State              v1Text  `json:"state"`
	Country            v1Text  `json:"countryCode"`
	PostalCode         v1Text  `json:"postalCode"`
	Registration       v1Text  `json:"companyRegistrationNumber"`
	FirstName          v1Text  `json:"firstName"`
	LastName           v1Text  `json:"lastName"`
	Email              v1Text  `json:"email"`
	Designation        v1Text  `json:"designation"`
	OrganisationNumber v1Text  `json:"organizationIdentificationNumber"`
	Identification     v1Text  `json:"identificationNumber"`
	v1EVPeople
}

type v1Person struct {
	Name        v1Text `json:"name"`
	Email       v1Text `json:"email"`
	IsdCode     v1Text `json:"isdCode"`
	Mobile      v1Text `json:"mobileNumber"`
	Designation v1Text `json:"designation"`
	EmployeeID  v1Text `json:"employeeID"`
}

type v1Agreement struct {
	RequestorEmail v1Text `json:"requestorEmail"`
	OrderNumber    v1Text `json:"orderNumber"`
	Accept         v1Text `json:"acceptAgreement"`
	SignerName     v1Text `json:"signerName"`
	SignerPlace    v1Text `json:"signerPlace"`
	SignerIP       v1Text `json:"signerIP"`
}

type v1Subscription struct {
	Validity      v1Text `json:"validity"`
	AutoRenew     v1Text `json:"autoRenew"`
	RenewCriteria v1Text `json:"renewCriteria"`
}

type v1Document struct {
	ID          v1Text `json:"id"`
	FileName    v1Text `json:"fileName"`
	Description v1Text `json:"description"`
	Base64      v1Text `json:"base64Value"`
}

type v1Additional struct {
	Remarks      v1Text                      `json:"remarks"`
	Tags         v1Texts                     `json:"tags"`
	Recipients   v1Texts                     `json:"recipientEmail"`
	CustomFields v1List[v1CustomField]       `json:"customFields"`
	Technical    v1Block[v1TechnicalContact] `json:"technicalPointOfContact"`
}

type v1CustomField struct {
	ID    v1Text `json:"fieldID"`
	Value v1Text `json:"fieldValue"`
}

// v1TechnicalContact takes the vendor's names and those of a client in the wild.
type v1TechnicalContact struct {
	PocName        v1Text `json:"pocName"`
	PocEmail       v1Text `json:"pocEmail"`
	PocIsdCode     v1Text `json:"pocIsdCode"`
	PocMobile      v1Text `json:"pocMobileNumber"`
	PocDesignation v1Text `json:"pocDesignation"`
	TpcName        v1Text `json:"tpcName"`
	TpcEmail       v1Text `json:"tpcEmail"`
	TpcIsdCode     v1Text `json:"tpcIsdCode"`
	TpcMobile      v1Text `json:"tpcMobileNumber"`
	TpcDesignation v1Text `json:"tpcDesignation"`
}

type v1Revocation struct {
	OrderNumber    v1Text `json:"orderNumber"`
	RequestorEmail v1Text `json:"requestorEmail"`
	ReasonID       v1Text `json:"revokeReasonId"`
	Remarks        v1Text `json:"revokeRemarks"`
}

type v1Product struct {
	GroupNumber v1Text `json:"groupNumber"`
	CategoryID  v1Text `json:"categoryID"`
	ProductCode v1Text `json:"productCode"`
}

type v1Group struct {
	GroupNumber v1Text `json:"groupNumber"`
}

type v1Organisation struct {
	OrganizationNumber v1Text `json:"organizationNumber"`
	GroupNumber        v1Text `json:"groupNumber"`
}

type v1Search struct {
	ProductCode  v1Text  `json:"productCode"`
	GroupNumber  v1Text  `json:"groupNumber"`
	OrderFrom    v1Text  `json:"orderDateFrom"`
	OrderTill    v1Text  `json:"orderDateTill"`
	EndsFrom     v1Text  `json:"certExpiryDateFrom"`
	EndsTill     v1Text  `json:"certExpiryDateTill"`
	Organisation v1Text  `json:"organizationName"`
	Domain       v1Text  `json:"domainName"`
	Request      v1Text  `json:"requestNumber"`
	Order        v1Text  `json:"orderNumber"`
	Status       v1Text  `json:"orderStatusId"`
	Requestor    v1Text  `json:"requestorEmailId"`
	Page         v1Text  `json:"pageNumber"`
	Size         v1Text  `json:"pageSize"`
	Tags         v1Texts `json:"tags"`
	TagSearch    v1Text  `json:"tagSearchCriteria"`
	Chain        v1Text  `json:"certificateChain"`
	Trust        v1Text  `json:"certificateTrustType"`
	Issuer       v1Text  `json:"issuerCA"`
}

type v1Statement struct {
	GroupNumber v1Text `json:"groupNumber"`
	Page        v1Text `json:"pageNumber"`
	Size        v1Text `json:"pageSize"`
}
