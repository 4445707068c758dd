package rest

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/ordering"
)

// v1PageSize is the default and greatest size of a page.
const v1PageSize = 100

// v1MaxPage bounds page numbers, so that offsets stay numbers.
const v1MaxPage = 1_000_000

// v1Report answers GetOrderReport.
type v1Report struct {
	PageSize    int            `json:"pageSize"`
	CurrentPage string         `json:"currentPage"`
	Total       int            `json:"totalNoOfResults"`
	Pages       int            `json:"noOfPages"`
	Orders      []v1ReportLine `json:"ordersArray"`
}

type v1ReportLine struct {
	Order         string          `json:"orderNumber"`
	Request       string          `json:"requestNumber"`
	Product       string          `json:"productCode"`
	Group         string          `json:"groupNumber"`
	OrderStatusID string          `json:"orderStatusId"`
	OrderStatus   string          `json:"orderStatus"`
	CertStatusID  string          `json:"certificateStatusId"`
	CertStatus    string          `json:"certificateStatus"`
	OrderDate     string          `json:"orderDate"`
	Organisation  string          `json:"organizationName"`
	Domain        string          `json:"domainName"`
	Country       string          `json:"countryName"`
	Serial        string          `json:"certificateSerialNumber"`
	Expiry        string          `json:"certificateExpiryDate"`
	Chain         string          `json:"certificateChain"`
	Trust         string          `json:"certificateTrustType"`
	Issuer        string          `json:"issuerCA"`
	ExpiresWithin string          `json:"expiresWithin"`
	Tags          []string        `json:"tags"`
	CustomFields  []v1ReportField `json:"customFields"`
}

type v1ReportField struct {
	ID    string `json:"fieldID"`
	Name  string `json:"fieldName"`
	Value string `json:"fieldValue"`
}

// v1Page reads page number and size; 0 means the first page.
func v1Page(page, size v1Text) (number, most int, err error) {
	number, most = 1, v1PageSize
	if page != "" {
		if number, err = strconv.Atoi(string(page)); err != nil || number < 0 || number > v1MaxPage {
			return 0, 0, ems("1121")
		}
		number = max(number, 1)
	}
	if size != "" {
		if most, err = strconv.Atoi(string(size)); err != nil || most < 1 {
			return 0, 0, ems("1122")
		}
		most = min(most, v1PageSize)
	}
	return number, most, nil
}

// orderReport lists orders.
func (c *v1Call) orderReport() (any, error) {
	q := c.in.Search.V
	if q == nil {
		return nil, ems("1108")
	}
	page, size, err := v1Page(q.Page, q.Size)
	if err != nil {
		return nil, err
	}
	offers, err := c.s.d.Orders.Catalogue(c.ctx, c.who, "")
	if err != nil {
		return nil, err
	}
	want := ordering.Query{Offset: (page - 1) * size, Limit: size}
	none, err := c.criteria(q, offers, &want)
	if err != nil {
		return nil, err
	}
	out := &v1Report{PageSize: size, CurrentPage: strconv.Itoa(page), Orders: []v1ReportLine{}}
	if none {
		return out, nil
	}
	rows, total, err := c.s.d.Orders.Report(c.ctx, c.who, want)
	if err != nil {
		return nil, err
	}
	out.Total, out.Pages = total, (total+size-1)/size
	g, err := c.ownGroup()
	if err != nil {
		return nil, err
	}
	for i := range rows {
		out.Orders = append(out.Orders, c.reportLine(&rows[i], g, offers))
	}
	return out, nil
}

// criteria translates what is asked for. none: nothing can fit.
func (c *v1Call) criteria(q *v1Search, offers []ordering.Offer, want *ordering.Query) (none bool, err error) {
	if err := q.dates(want); err != nil {
		return false, err
	}
	if err := q.texts(want); err != nil {
		return false, err
	}
	if q.GroupNumber != "" {
		for _, n := range q.GroupNumber.list() {
			g, err := c.group(v1Text(n))
			if err != nil {
				return false, err
			}
			want.Groups = append(want.Groups, g)
		}
	}
	for _, s := range q.Status.list() {
		states, ok := v1StatusFilter[s]
		if !ok {
			return false, ems("1119")
		}
		want.States = append(want.States, states...)
	}
	if q.Status != "" && len(want.States) == 0 {
		none = true
	}
	codes := q.ProductCode.list()
	for _, s := range codes {
		if !digits(s, 1, 18) {
			return false, ems("1124")
		}
	}
	narrow := len(codes) > 0 || q.Trust != ""
	for i := range offers {
		o := &offers[i]
		if (len(codes) == 0 || slices.Contains(codes, strconv.FormatInt(o.Code, 10))) && (q.Trust == "" || v1Trust(o.Family) == string(q.Trust)) &&
			!slices.Contains(want.Products, o.Product.ID) && narrow {
			want.Products = append(want.Products, o.Product.ID)
		}
	}
	if narrow && len(want.Products) == 0 {
		none = true
	}
	if q.Issuer != "" {
		if want.Issuers, err = c.issuers(q.Issuer.list(), offers); err != nil {
			return false, err
		}
		none = none || len(want.Issuers) == 0
	}
	return none, nil
}

// issuers finds the CAs behind the credential's products by name.
func (c *v1Call) issuers(names []string, offers []ordering.Offer) (out []core.IssuerID, err error) {
	seen := map[core.IssuerID]bool{}
	for i := range offers {
		id := offers[i].Product.Issuer
		if seen[id] {
			continue
		}
		seen[id] = true
		x, err := c.s.d.Storage.Issuer(c.ctx, c.who.Account, id)
		if core.Is(err, core.KindNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, x.Name) }) {
			out = append(out, id)
		}
	}
	return out, nil
}

// v1Trust is 1 for public trust, 2 for private PKI. What our CAs are is the
// operator's business; the family says what the product is meant as.
func v1Trust(f core.Family) string {
	if f == core.FamilyPrivatePKI {
		return "2"
	}
	return "1"
}

// dates reads the four ends of the two ranges.
func (q *v1Search) dates(want *ordering.Query) error {
	for _, x := range []struct {
		text v1Text
		to   *time.Time
		end  bool
		code string
	}{{q.OrderFrom, &want.From, false, "1109"}, {q.OrderTill, &want.Till, true, "1110"}, {q.EndsFrom, &want.EndsFrom, false, "1112"}, {q.EndsTill, &want.EndsTill, true, "1113"}} {
		if x.text == "" {
			continue
		}
		var ok bool
		if *x.to, ok = v1Date(string(x.text), x.end); !ok {
			return ems(x.code)
		}
	}
	switch {
	case !want.From.IsZero() && !want.Till.IsZero() && want.From.After(want.Till):
		return ems("1111")
	case !want.EndsFrom.IsZero() && !want.EndsTill.IsZero() && want.EndsFrom.After(want.EndsTill):
		return ems("1114")
	}
	return nil
}

// texts reads the criteria that are texts and numbers.
func (q *v1Search) texts(want *ordering.Query) error {
	for _, x := range []struct {
		text v1Text
		to   *string
		code string
	}{{q.Organisation, &want.Organisation, "1115"}, {q.Domain, &want.Name, "1116"}, {q.Requestor, &want.Requestor, "1120"}} {
		if len([]rune(string(x.text))) > v1MaxText || !v1Printable(string(x.text)) {
			return ems(x.code)
		}
		*x.to = string(x.text)
	}
	if q.Requestor != "" && !v1Email(string(q.Requestor)) {
		return ems("1120")
	}
	want.Name = strings.ToLower(want.Name)
	var ok bool
	if q.Request != "" {
		if want.Request, ok = parseOrderNumber(string(q.Request)); !ok {
			return ems("1117")
		}
	}
	if q.Order != "" {
		if want.Number, ok = parseOrderNumber(string(q.Order)); !ok {
			return ems("1118")
		}
	}
	if q.Chain != "" && q.Chain != "0" && q.Chain != "1" || q.Trust != "" && q.Trust != "1" && q.Trust != "2" {
		return ems("1123")
	}
	var err error
	if want.Tags, err = tagsOf(q.Tags); err != nil {
		return err
	}
	switch q.TagSearch {
	case "", "1":
	case "2":
		want.AllTags = true
	default:
		return ems("1127")
	}
	return nil
}

// reportLine shows one order. With certificateChain "1" the rows would be the
// same: chains come from GetCertificate.
func (c *v1Call) reportLine(r *ordering.Row, g *core.Group, offers []ordering.Offer) v1ReportLine {
	now := c.s.d.Now()
	order, cert := v1OrderStates[r.Order.State], v1CertificateStatus(r.Order.State, r.Certificate, now)
	out := v1ReportLine{Order: orderOf(&r.Order), OrderStatusID: order.id, OrderStatus: order.label, CertStatusID: cert.id, CertStatus: cert.label,
		OrderDate: v1Shown(r.Order.CreatedAt), Organisation: r.Organisation, Country: r.Country, Issuer: r.Issuer, Chain: r.Issuer, Tags: []string{}, CustomFields: []v1ReportField{}}
	if g != nil && r.Order.Group == g.ID {
		out.Group = orderNumber(g.Number)
	}
	i := offerOf(r, offers)
	if i >= 0 {
		out.Product = strconv.FormatInt(offers[i].Code, 10)
		out.Trust = map[string]string{"1": "Public", "2": "Private"}[v1Trust(offers[i].Family)]
	}
	if len(r.Order.Names) > 0 {
		_, out.Domain, _ = strings.Cut(r.Order.Names[0], ":")
	}
	if crt := r.Certificate; crt != nil {
		out.Serial, out.Expiry = crt.Serial, v1Shown(crt.NotAfter)
		if crt.State == core.CertActive && now.Before(crt.NotAfter) {
			out.ExpiresWithin = strconv.Itoa(int(crt.NotAfter.Sub(now).Hours() / 24))
		}
	}
	if d := r.Details; d != nil {
		out.Request = orderNumber(d.Request)
		if d.Ask.Domain != "" {
			out.Domain = d.Ask.Domain
		}
		if d.Ask.Tags != nil {
			out.Tags = d.Ask.Tags
		}
		for _, f := range d.Ask.Fields {
			line := v1ReportField{ID: f.ID, Value: f.Value}
			if i >= 0 {
				for _, x := range offers[i].Product.OrderTerms().Fields {
					if x.ID == f.ID {
						line.Name = x.Name
					}
				}
			}
			out.CustomFields = append(out.CustomFields, line)
		}
	}
	return out
}

// offerOf finds the line of the catalogue that an order was made under, else
// the first of its product; -1: the product is no more the credential's.
func offerOf(r *ordering.Row, offers []ordering.Offer) int {
	if r.Details != nil {
		i := slices.IndexFunc(offers, func(o ordering.Offer) bool { return o.Product.ID == r.Order.Product && o.Code == r.Details.Ask.Code })
		if i >= 0 {
			return i
		}
	}
	return slices.IndexFunc(offers, func(o ordering.Offer) bool { return o.Product.ID == r.Order.Product })
}

// v1Ledger answers GetLedgerStatementDetails. Nothing is sold here, so every
// certificate is a paid line of zero.
type v1Ledger struct {
	PageSize    int            `json:"pageSize"`
	CurrentPage string         `json:"currentPage"`
	Total       int            `json:"totalNoOfResults"`
	Pages       int            `json:"noOfPages"`
	Statement   []v1LedgerLine `json:"statement"`
}

type v1LedgerLine struct {
	Invoice  string `json:"invoiceNumber"`
	Detail   string `json:"invoiceDetailsId"`
	Date     string `json:"date"`
	Due      string `json:"dueDate"`
	Credit   string `json:"creditNoteNumber"`
	Order    string `json:"orderNumber"`
	Product  string `json:"product"`
	Total    string `json:"totalAmount"`
	Currency string `json:"currencyId"`
	Status   string `json:"status"`
}

func (c *v1Call) ledger() (any, error) {
	q := c.in.Statement.V
	if q == nil {
		q = &v1Statement{}
	}
	page, size, err := v1Page(q.Page, q.Size)
	if err != nil {
		return nil, err
	}
	want := ordering.Query{Issued: true, Offset: (page - 1) * size, Limit: size}
	if q.GroupNumber != "" {
		g, err := c.group(q.GroupNumber)
		if err != nil {
			return nil, err
		}
		want.Groups = []core.GroupID{g}
	}
	rows, total, err := c.s.d.Orders.Report(c.ctx, c.who, want)
	if err != nil {
		return nil, err
	}
	offers, err := c.s.d.Orders.Catalogue(c.ctx, c.who, "")
	if err != nil {
		return nil, err
	}
	out := &v1Ledger{PageSize: size, CurrentPage: strconv.Itoa(page), Total: total, Pages: (total + size - 1) / size, Statement: []v1LedgerLine{}}
	for i := range rows {
		r := &rows[i]
		line := v1LedgerLine{Order: orderOf(&r.Order), Date: v1Shown(r.Order.CreatedAt), Due: v1Shown(r.Order.CreatedAt), Total: "0.0", Status: "PAID"}
		if j := offerOf(r, offers); j >= 0 {
			line.Product = offers[j].Name
		}
		out.Statement = append(out.Statement, line)
	}
	return out, nil
}
