package rest

import (
	"fmt"
	"net/http"
	"net/mail"
	"slices"
	"strconv"
	"strings"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/ordering"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// decimal writes a number; "" for 0.
func decimal(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// invalid is a field of a well-formed request that cannot be.
func invalid(number, field, message string) *problem {
	return refuse(http.StatusUnprocessableEntity, "", number, field+": "+message).field(field, message)
}

// csrOf reads a CSR: PEM or bare base64.
func csrOf(s text) ([]byte, error) {
	if strings.TrimSpace(string(s)) == "" {
		return nil, nil
	}
	csr, err := x509x.ReadCSR([]byte(s))
	if err != nil {
		return nil, core.Wrap(core.KindBadCSR, err, "the CSR cannot be read: %v", err).At("csr")
	}
	return csr.Raw, nil
}

// isEmail reports whether s is one mail address and nothing else.
func isEmail(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s && len(s) <= 254
}

// wish reads the blocks that all families share.
func (c *call) wish(f *family, b *createBody) (*ordering.New, error) {
	n := &ordering.New{Draft: bool(b.SaveAsDraft), Origin: c.s.origin(c.ctx, "create")}
	if err := c.requestor(f, b, n); err != nil {
		return nil, err
	}
	if err := f.wish(c, b, n); err != nil {
		return nil, err
	}
	if err := c.common(b, n); err != nil {
		return nil, err
	}
	if err := c.owner(b, n); err != nil {
		return nil, err
	}
	return n, c.product(b, n)
}

// requestor checks who asks; private PKI and S/MIME need no telephone.
func (c *call) requestor(f *family, b *createBody, n *ordering.New) error {
	r := b.Requestor.core()
	if r == nil {
		r = &core.Contact{}
	}
	var m missing
	m.need(r.Name != "", "916", "requestor.name", "is missing")
	m.need(isEmail(r.Email), "916", "requestor.email", "must be a mail address")
	m.need(r.Phone == "" || isPhone(r.Phone), "916", "requestor.phone", "must be a number such as +442071234567 (E.164)")
	n.Ask.Requestor = *r
	return m.err()
}

// isPhone reports whether s is a telephone number (E.164); blanks and hyphens
// between digits are forgiven.
func isPhone(s string) bool {
	s = strings.NewReplacer(" ", "", "-", "").Replace(s)
	digits := strings.TrimPrefix(s, "+")
	return len(digits) >= 4 && len(digits) <= 15 && strings.Trim(digits, "0123456789") == ""
}

// common reads subscription, agreement, CSR and what stands beside.
func (c *call) common(b *createBody, n *ordering.New) (err error) {
	a := &n.Ask
	a.Years, a.AutoRenew, a.RenewDays = 1, true, 30
	if s := b.Subscription; s != nil {
		if s.Years != nil {
			a.Years = int(*s.Years)
		}
		if s.AutoRenew != nil {
			a.AutoRenew = bool(*s.AutoRenew)
		}
		if s.Days != nil {
			a.RenewDays = int(*s.Days)
		}
	}
	switch {
	case a.Years < 1 || a.Years > 10:
		return invalid("919", "subscription.validityYears", "must be 1 or more, as far as the product goes")
	case a.RenewDays < 1 || a.RenewDays > 365:
		return invalid("919", "subscription.renewBeforeDays", "must be 1 to 365")
	}
	if s := b.signature(); s != nil {
		if n.Agreement, err = c.signed(s); err != nil {
			return err
		}
	}
	if n.CSR, err = csrOf(b.CSR); err != nil {
		return err
	}
	if n.CSR != nil && b.GenerateKey != "" {
		return invalid("921", "generateKey", "a key is made here only for orders without a CSR")
	}
	a.KeyGen = string(b.GenerateKey)
	a.Delegation, a.Technical, a.Signer, a.Approver = b.Delegation.core(), b.Technical.core(), b.Signer.core(), b.Approver.core()
	a.Recipients, a.Tags, a.Remarks, a.Notifications = b.Recipients, b.Tags, string(b.Remarks), string(b.EmailNotifications)
	if a.Notifications == "" {
		a.Notifications = "all"
	}
	for i, r := range a.Recipients {
		if !isEmail(r) {
			return invalid("918", fmt.Sprintf("recipientEmails[%d]", i), "must be a mail address")
		}
	}
	if t := a.Technical; t != nil && !isEmail(t.Email) {
		return invalid("918", "technicalPointOfContact.email", "must be a mail address")
	}
	if err := short(a); err != nil {
		return err
	}
	for _, v := range b.CustomFields {
		a.Fields = append(a.Fields, core.FieldValue{ID: string(v.ID), Value: string(v.Value)})
	}
	return nil
}

// Limits of texts and lists, in octets and elements.
const (
	maxWord  = 255
	maxWords = 2000
	maxList  = 100
)

// short checks that nothing of what is only kept is too long.
func short(a *core.OrderAsk) error {
	for field, list := range map[string][]string{"recipientEmails": a.Recipients, "tags": a.Tags} {
		if len(list) > maxList || slices.ContainsFunc(list, func(s string) bool { return len(s) > maxWord }) {
			return invalid("1188", field, "has too many or too long elements")
		}
	}
	for field, p := range map[string]*core.Contact{"requestor": &a.Requestor, "delegation": a.Delegation, "technicalPointOfContact": a.Technical,
		"contractSignerInfo": a.Signer, "certificateApproverInfo": a.Approver} {
		if p != nil && max(len(p.Name), len(p.Email), len(p.Phone), len(p.Designation), len(p.EmployeeID)) > maxWord {
			return invalid("1188", field, "has a member that is too long")
		}
	}
	switch {
	case len(a.Remarks) > maxWords:
		return invalid("1188", "remarks", "is too long")
	case max(len(a.Notifications), len(a.Variant), len(a.KeyGen)) > maxWord:
		return invalid("1188", "emailNotifications", "is too long")
	}
	return nil
}

// signed reads the agreement.
func (c *call) signed(s *agreementIn) (*core.Agreement, error) {
	switch {
	case !bool(s.Accepted):
		return nil, invalid("920", "agreement.accepted", "the agreement is not accepted")
	case s.SignerName == "":
		return nil, invalid("920", "agreement.signerName", "is missing")
	case max(len(s.SignerName), len(s.SignerPlace)) > maxWord:
		return nil, invalid("1188", "agreement", "has a member that is too long")
	}
	return &core.Agreement{SignerName: string(s.SignerName), SignerPlace: string(s.SignerPlace), Address: peer(c.ctx), SignedAt: c.s.d.Now()}, nil
}

// owner reads group, organisation and draft.
func (c *call) owner(b *createBody, n *ordering.New) error {
	if b.GroupNumber != "" {
		g, err := c.group(string(b.GroupNumber))
		if err != nil {
			return err
		}
		n.Group = g.ID
	}
	if b.RequestID != "" {
		number, ok := parseOrderNumber(string(b.RequestID))
		if !ok {
			return invalid("1005", "requestId", "there is no such draft")
		}
		n.Promote = number
	}
	o := b.Organization
	if o != nil && o.Number != "" {
		number, ok := parseOrganisationNumber(string(o.Number))
		if !ok {
			return invalid("1180", "organization.organizationNumber", "there is no such organization")
		}
		org, err := c.s.d.Vetting.ByNumber(c.ctx, c.p, number)
		if core.Is(err, core.KindNotFound) || core.Is(err, core.KindForbidden) {
			return invalid("1180", "organization.organizationNumber", "there is no such organization")
		}
		if err != nil {
			return err
		}
		n.Organisation, n.PreVettingToken, n.Ask.PreVetted = org.ID, string(o.PreVettingToken), bool(o.PreVetted)
	} else if n.Ask.Family.Purpose() != "" {
		return invalid("1180", "organization.organizationNumber", "is empty; orders of this kind need an organization")
	}
	return nil
}

// group returns the credential's own group if number is its.
func (c *call) group(number string) (*core.Group, error) {
	g, err := c.s.d.Storage.Group(c.ctx, nil, c.p.Account, c.p.Group)
	if err != nil {
		return nil, err
	}
	if n, ok := parseOrderNumber(number); !ok || n != g.Number {
		return nil, invalid("1180", "groupNumber", "is not the group of this credential")
	}
	return g, nil
}

// product reads what names the product, besides the variant.
func (c *call) product(b *createBody, n *ordering.New) error {
	for _, word := range []string{c.r.Header.Get("X-Product-Code"), string(b.MasterProduct)} {
		if word == "" || n.Code != 0 {
			continue
		}
		code, err := strconv.ParseInt(strings.TrimSpace(word), 10, 64)
		if err != nil || code <= 0 {
			return invalid("915", "X-Product-Code", "must be a numeric product code of the catalogue")
		}
		n.Code = code
	}
	if b.CAProfile == "" && b.GenerateKey == "" {
		return nil
	}
	offers, err := c.s.d.Orders.Catalogue(c.ctx, c.p, "")
	if err != nil {
		return err
	}
	if b.CAProfile != "" { // the CA is a property of the product, so a CA profile names one
		i := slices.IndexFunc(offers, func(o ordering.Offer) bool {
			return o.Product.Code == string(b.CAProfile) || decimal(o.Code) == string(b.CAProfile)
		})
		if i < 0 || n.Code != 0 && offers[i].Product.CodeOf(offers[i].Shape) != n.Code {
			return invalid("915", "caProfileId", "this CA profile is not entitled")
		}
		n.Product = offers[i].Product.ID
	}
	// A key that could never be fetched would be of no use to anybody.
	if b.GenerateKey != "" && !slices.ContainsFunc(offers, func(o ordering.Offer) bool {
		p := o.Product
		return p.Profile.ServerKeys && p.Profile.KeyExport && o.Family == n.Ask.Family && (n.Code == 0 || o.Code == n.Code) && (n.Product == "" || p.ID == n.Product)
	}) {
		return invalid("921", "generateKey", "no product of this kind lets keys be made here and fetched")
	}
	return nil
}

// variants are the long names of variants: with them the shape is said, too.
var variants = map[string]core.Shape{"": "", "-wildcard": core.ShapeWildcard, "-ucc": core.ShapeUCC, "-wildcard-ucc": core.ShapeWildcardUCC}

// wishSSL reads an order of DV, OV or EV.
func wishSSL(c *call, b *createBody, n *ordering.New) error {
	var m missing
	word := strings.ToLower(string(b.ProductVariant))
	short, _, _ := strings.Cut(word, "-")
	shape, known := variants[strings.TrimPrefix(word, short)]
	f := core.Family(short)
	m.need(word != "", "915", "productVariant", "is missing")
	m.need(word == "" || known && f.TLS(), "915", "productVariant", "must be dv, ov or ev, or one of their long names")
	m.need(b.Certificate != nil && b.Certificate.Domain != "", "917", "certificate.domain", "is missing")
	if err := m.err(); err != nil {
		return err
	}
	a, cert := &n.Ask, b.Certificate
	a.Family, a.Variant, a.Domain, a.Additional = f, word, string(cert.Domain), cert.Additional
	a.Names = core.Names{DNS: append([]string{a.Domain}, a.Additional...)}
	wild := strings.HasPrefix(a.Domain, "*.")
	a.AutoWWW = !wild && (cert.AutoSecureWww == nil || bool(*cert.AutoSecureWww))
	got := core.ShapeOf(a.Names.DNS)
	switch {
	case wild && cert.AutoSecureWww != nil && bool(*cert.AutoSecureWww):
		return invalid("917", "certificate.autoSecureWww", "must be false for a wildcard domain")
	case f == core.FamilyEV && (got == core.ShapeWildcard || got == core.ShapeWildcardUCC):
		return invalid("917", "certificate.domain", "EV certificates have no wildcards")
	case shape == core.ShapeWildcard && !wild:
		return invalid("917", "certificate.domain", "of a wildcard order must begin with *.")
	case (shape == core.ShapeUCC || shape == core.ShapeWildcardUCC) && len(a.Additional) == 0:
		return invalid("917", "certificate.additionalDomains", "are missing; UCC needs them")
	case shape != "" && got != shape:
		return invalid("915", "productVariant", "does not match the domains")
	}
	return nil
}

// showSSL shows an order of DV, OV or EV.
func showSSL(a *orderAnswer, v *ordering.View) {
	a.ProductVariant = string(familyOf(v))
	if v.Details == nil {
		a.Domain, a.AdditionalDomains = split(v.Order.Names)
		return
	}
	if w := v.Details.Ask.Variant; w != "" {
		a.ProductVariant = w
	}
	a.Domain, a.AdditionalDomains = v.Details.Ask.Domain, v.Details.Ask.Additional
}

// split shows names ("dns:a.example") of an order that came over another
// protocol: the first, and the others.
func split(names []string) (first string, others []string) {
	for i, n := range names {
		_, value, _ := strings.Cut(n, ":")
		if i == 0 {
			first = value
		} else {
			others = append(others, value)
		}
	}
	return first, others
}

// wishPrivate reads an order of private PKI.
func wishPrivate(c *call, b *createBody, n *ordering.New) error {
	var m missing
	m.need(b.Variant != "", "915", "variant", "is missing")
	m.need(b.Hostname != "", "917", "hostname", "is missing")
	a := &n.Ask
	a.Family, a.Variant, a.Domain, a.Additional = core.FamilyPrivatePKI, strings.ToLower(string(b.Variant)), string(b.Hostname), b.AdditionalHosts
	return m.err()
}

func showPrivate(a *orderAnswer, v *ordering.View) {
	if v.Details == nil {
		a.Variant = v.Product.OrderTerms().Variant
		a.Hostname, a.AdditionalHosts = split(v.Order.Names)
		return
	}
	a.Variant, a.Hostname, a.AdditionalHosts = v.Details.Ask.Variant, v.Details.Ask.Domain, v.Details.Ask.Additional
}
