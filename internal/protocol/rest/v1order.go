package rest

import (
	"strconv"
	"strings"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/ordering"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// v1Created answers a new order or draft.
type v1Created struct {
	RequestNumber string `json:"requestNumber"`
	OrderNumber   string `json:"orderNumber"` // empty for drafts
	TrackingURL   string `json:"trackingUrl"`
	TrackingURL2  string `json:"trackingURL"` // read by one client
}

func (c *v1Call) generateSSL() (any, error)       { return c.generate(core.Family.TLS) }
func (c *v1Call) generateSignature() (any, error) { return c.generate(core.Family.Signer) }
func (c *v1Call) generateSMIME() (any, error) {
	return c.generate(func(f core.Family) bool { return f == core.FamilySMIME })
}
func (c *v1Call) generatePrivate() (any, error) {
	return c.generate(func(f core.Family) bool { return f == core.FamilyPrivatePKI })
}

// generate makes an order of one of the families.
func (c *v1Call) generate(mine func(core.Family) bool) (any, error) {
	o := c.in.Order.V
	if o == nil {
		return nil, ems("901").because("there is no orderDetails block")
	}
	n := ordering.New{Origin: c.s.origin(c.ctx, c.method)}
	var err error
	if n.Draft, err = o.draft(); err != nil {
		return nil, err
	}
	if o.RequestNumber != "" {
		var ok bool
		if n.Promote, ok = parseOrderNumber(string(o.RequestNumber)); !ok {
			return nil, ems("1005")
		}
	}
	if n.Group, err = c.group(o.group()); err != nil {
		return nil, err
	}
	offer, err := c.offer(o.ProductCode)
	if err != nil {
		return nil, err
	}
	if !mine(offer.Family) {
		return nil, ems("956").because("the product is ordered by another method")
	}
	n.Product, n.Code = offer.Product.ID, offer.Code
	n.Ask = core.OrderAsk{Family: offer.Family, Shape: offer.Shape, Code: offer.Code, Notifications: string(o.Notifications)}
	if len(o.Notifications) > 20 {
		return nil, ems("977").because("emailNotifications")
	}
	for _, read := range []func(*v1Order, *ordering.Offer, *ordering.New) error{
		readPeople, readCertificate, c.readOrganisation, readSubscription, readAdditional, c.readAgreement, readCSR, readDocuments,
	} {
		if err := read(o, offer, &n); err != nil {
			return nil, err
		}
	}
	v, err := c.s.d.Orders.Create(c.ctx, c.who, n)
	if err != nil {
		return nil, createFault(err, offer, &n)
	}
	return c.created(v), nil
}

func (c *v1Call) created(v *ordering.View) *v1Created {
	out := &v1Created{OrderNumber: orderOf(v.Order)}
	if v.Details != nil {
		out.RequestNumber = orderNumber(v.Details.Request)
	}
	out.TrackingURL = c.trackingURL(v)
	out.TrackingURL2 = out.TrackingURL
	return out
}

// trackingURL is the portal's page of the order.
func (c *v1Call) trackingURL(v *ordering.View) string {
	return c.s.d.BaseURL() + "/orders/" + string(v.Order.ID)
}

// draft reads saveAndHold.
func (o *v1Order) draft() (bool, error) {
	on, ok := v1Flag(o.SaveAndHold)
	if !ok {
		return false, ems("1181").because("saveAndHold")
	}
	return on, nil
}

// group is the group number from either place.
func (o *v1Order) group() v1Text {
	if o.GroupNumber == "" && o.Delegation.V != nil {
		return o.Delegation.V.GroupNumber
	}
	return o.GroupNumber
}

// offer finds the product of an order among those of the credential.
func (c *v1Call) offer(code v1Text) (*ordering.Offer, error) {
	if code == "" {
		return nil, ems("914")
	}
	number, err := strconv.ParseInt(string(code), 10, 64)
	if err != nil || number <= 0 {
		return nil, ems("915")
	}
	offers, err := c.s.d.Orders.Catalogue(c.ctx, c.who, "")
	if err != nil {
		return nil, err
	}
	for i := range offers {
		if offers[i].Code == number {
			return &offers[i], nil
		}
	}
	return nil, ems("1162")
}

// readPeople reads the contacts of an order.
func readPeople(o *v1Order, offer *ordering.Offer, n *ordering.New) (err error) {
	if n.Ask.Requestor, err = o.requestor(); err != nil {
		return err
	}
	if n.Ask.Delegation, err = o.delegation(); err != nil {
		return err
	}
	if n.Ask.Technical, err = o.technical(); err != nil {
		return err
	}
	if offer.Family == core.FamilyEV && !n.Draft {
		n.Ask.Signer, n.Ask.Approver, err = o.evPeople()
	}
	return err
}

// readCertificate reads what the certificate shall show.
func readCertificate(o *v1Order, offer *ordering.Offer, n *ordering.New) error {
	i := o.Certificate.V
	switch {
	case i == nil && offer.Family != core.FamilyNatural && offer.Family != core.FamilyLegal && offer.Family != core.FamilyEntity:
		return ems("917")
	case i == nil:
		i = &v1CertificateInfo{}
	}
	switch {
	case offer.Family.TLS():
		return i.tlsNames(o.AutoSecureWWW, offer, &n.Ask)
	case offer.Family == core.FamilyPrivatePKI:
		n.Ask.Variant = offer.Product.OrderTerms().Variant
		return i.hostNames(&n.Ask)
	}
	return i.person(o, offer.Family, &n.Ask)
}

// person reads the subject of S/MIME and document signers.
func (i *v1CertificateInfo) person(o *v1Order, f core.Family, ask *core.OrderAsk) error {
	mail := i.Email
	if mail == "" && o.Requestor.V != nil {
		mail = o.Requestor.V.Email
	}
	address, err := email(mail, "1180", "1181")
	if err != nil {
		return err.(*fault).because("certificateInformation.email")
	}
	name := strings.TrimSpace(string(i.FirstName) + " " + string(i.LastName))
	switch {
	case i.CommonName != "":
		name = string(i.CommonName)
	case f == core.FamilyEntity:
		name = string(i.Organisation)
	case name == "" && o.Requestor.V != nil:
		name = string(o.Requestor.V.Name)
	}
	add := func(typ string, t v1Text, label string) {
		if err != nil || t == "" {
			return
		}
		var v string
		if v, err = field(t, label, "1181", v1MaxText); err == nil {
			ask.Subject = append(ask.Subject, core.Attribute{Type: typ, Value: v})
		}
	}
	add("CN", v1Text(name), "certificateInformation.commonName")
	if f != core.FamilyEntity {
		add("GN", i.FirstName, "certificateInformation.firstName")
		add("SN", i.LastName, "certificateInformation.lastName")
		add("title", i.Designation, "certificateInformation.designation")
	}
	if f.Signer() {
		add("serialNumber", i.Identification, "certificateInformation.identificationNumber")
	}
	if f == core.FamilyNatural || f == core.FamilySMIME {
		add("C", i.Country, "certificateInformation.countryCode")
	}
	if err != nil {
		return err
	}
	if i.Country != "" && !country(string(i.Country)) {
		return ems("1181").because("certificateInformation.countryCode")
	}
	ask.Names.Email = []string{address}
	return nil
}

// country reports whether s looks like a code of ISO 3166-1 alpha-2.
func country(s string) bool {
	return len(s) == 2 && strings.Trim(strings.ToUpper(s), "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// readSubscription reads years and renewal.
func readSubscription(o *v1Order, _ *ordering.Offer, n *ordering.New) error {
	u := o.Subscription.V
	n.Ask.Years = 1
	if u == nil {
		return nil
	}
	if *u == (v1Subscription{}) {
		return ems("919")
	}
	if u.Validity == "" {
		return ems("1216")
	}
	years, err := strconv.Atoi(string(u.Validity))
	if err != nil || years < 1 || years > 10 {
		return ems("1217")
	}
	var ok bool
	if n.Ask.AutoRenew, ok = v1Flag(u.AutoRenew); !ok {
		return ems("1181").because("autoRenew")
	}
	n.Ask.Years = years
	if u.RenewCriteria != "" {
		days, err := strconv.Atoi(string(u.RenewCriteria))
		if err != nil || days < 1 || days > 365 {
			return ems("1218")
		}
		n.Ask.RenewDays = days
	}
	return nil
}

// readAdditional reads remarks, tags, recipients and custom fields.
func readAdditional(o *v1Order, offer *ordering.Offer, n *ordering.New) (err error) {
	a := o.Additional.V
	if a == nil {
		if requires(offer.Product.OrderTerms().Fields) && !n.Draft {
			return ems("918").because("the product has questions that must be answered")
		}
		return nil
	}
	if n.Ask.Remarks, err = field(a.Remarks, "remarks", "927", v1MaxRemarks); err != nil {
		return err
	}
	if n.Ask.Tags, err = tagsOf(a.Tags); err != nil {
		return err
	}
	if len(a.Recipients) > 20 {
		return ems("1181").because("recipientEmail: at most 20")
	}
	for _, r := range a.Recipients {
		if !v1Email(r) {
			return ems("1181").because("recipientEmail")
		}
	}
	n.Ask.Recipients = a.Recipients
	n.Ask.Fields, err = customFields(a.CustomFields)
	return err
}

// readCSR reads the key of an order that has it already.
func readCSR(o *v1Order, _ *ordering.Offer, n *ordering.New) error {
	if o.CSR == "" {
		return nil
	}
	der, err := v1CSR(o.CSR)
	if err != nil {
		return ems("952").because(err.Error())
	}
	n.CSR = der
	return nil
}

// v1CSR reads a certificate request as PEM or bare base64.
func v1CSR(t v1Text) ([]byte, error) {
	csr, err := x509x.ReadCSR([]byte(t))
	if err != nil {
		return nil, err
	}
	return csr.Raw, nil
}
