package rest

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/ordering"
)

// reportResources are the two reports.
func reportResources() []resource {
	return []resource{
		{"/reports/orders", methods{http.MethodGet: (*call).orderReport}, 0},
		{"/reports/ledger", methods{http.MethodGet: (*call).ledger}, 0},
	}
}

// customValue is the answer to a custom field.
type customValue struct {
	FieldID string `json:"fieldId"`
	Name    string `json:"fieldName"`
	Value   string `json:"fieldValue"`
}

// reportRow is one line of the report of orders. from and to select by the date
// of the order.
type reportRow struct {
	OrderNumber      string        `json:"orderNumber"`
	RequestNumber    string        `json:"requestNumber"`
	ProductCode      string        `json:"productCode"`
	OrderStatus      string        `json:"orderStatus"`
	Status           string        `json:"status"`
	CertificateState string        `json:"certificateStatus"`
	Serial           string        `json:"certificateSerialNumber"`
	Expiry           string        `json:"certificateExpiryDate"`
	IssuerCA         string        `json:"issuerCA"`
	DomainName       string        `json:"domainName"`
	OrganizationName string        `json:"organizationName"`
	CountryName      string        `json:"countryName"`
	GroupNumber      string        `json:"groupNumber"`
	OrderDate        string        `json:"orderDate"`
	Tags             []string      `json:"tags"`
	CustomFields     []customValue `json:"customFields"`
	Originator       string        `json:"originator"`
}

// orderReport lists orders, newest first.
func (c *call) orderReport() error {
	q := c.r.URL.Query()
	page, size, err := numbered(q)
	if err != nil {
		return err
	}
	var ask ordering.Query
	ask.Offset, ask.Limit = (page-1)*size, size
	if word := q.Get("groupNumber"); word != "" {
		g, err := c.group(word)
		if err != nil {
			return err
		}
		ask.Groups = []core.GroupID{g.ID}
	}
	if word := q.Get("status"); word != "" {
		f, ok := v2Statuses(word)
		if !ok {
			return invalid("1181", "status", "is none of the states of an order")
		}
		ask.States, ask.CertStates, ask.Expired = f.states, f.certs, f.expired
	}
	if ask.From, err = day(q, "from", false); err != nil {
		return err
	}
	if ask.Till, err = day(q, "to", true); err != nil {
		return err
	}
	found, total, err := c.s.d.Orders.Report(c.ctx, c.p, ask)
	if err != nil {
		return err
	}
	group, err := c.s.d.Storage.Group(c.ctx, nil, c.p.Account, c.p.Group)
	if err != nil {
		return err
	}
	rows := []reportRow{}
	for i := range found {
		rows = append(rows, c.reportLine(&found[i], group))
	}
	return c.json(http.StatusOK, pageOf(rows, page, size, total))
}

// reportLine shows one order.
func (c *call) reportLine(r *ordering.Row, g *core.Group) reportRow {
	now := c.s.d.Now()
	row := reportRow{OrderNumber: orderOf(&r.Order), OrderStatus: orderLabel(r.Order.State), Status: v2Status(r.Order.State, r.Certificate, now),
		CertificateState: certificateLabel(r.Order.State, r.Certificate, now), IssuerCA: r.Issuer, OrganizationName: r.Organisation,
		CountryName: r.Country, GroupNumber: orderNumber(g.Number), OrderDate: dateTime(r.Order.CreatedAt), Tags: []string{},
		CustomFields: []customValue{}, Originator: r.Order.Protocol}
	row.DomainName, _ = split(r.Order.Names)
	if d := r.Details; d != nil {
		row.RequestNumber, row.ProductCode, row.Originator = orderNumber(d.Request), decimal(d.Ask.Code), d.Ask.Requestor.Email
		if d.Ask.Domain != "" {
			row.DomainName = d.Ask.Domain
		}
		row.Tags = append(row.Tags, d.Ask.Tags...)
		for _, f := range d.Ask.Fields {
			row.CustomFields = append(row.CustomFields, customValue{FieldID: f.ID, Name: f.ID, Value: f.Value})
		}
	}
	if k := r.Certificate; k != nil {
		row.Serial, row.Expiry = decimalSerial(k.Serial), dateTime(k.NotAfter)
		for _, t := range k.Tags {
			if !slices.Contains(row.Tags, t) {
				row.Tags = append(row.Tags, t)
			}
		}
	}
	return row
}

// ledgerRow is one line of the ledger: each issued order, at no cost.
type ledgerRow struct {
	InvoiceNumber    string `json:"invoiceNumber"`
	InvoiceDetailsID string `json:"invoiceDetailsId"`
	Date             string `json:"date"`
	DueDate          string `json:"dueDate"`
	CreditNote       string `json:"creditNoteNumber"`
	OrderID          string `json:"orderId"`
	Product          string `json:"product"`
	TotalAmount      string `json:"totalAmount"`
	CurrencyID       string `json:"currencyId"`
	Status           string `json:"status"`
}

// ledger lists issued orders as invoices over nothing.
func (c *call) ledger() error {
	q := c.r.URL.Query()
	page, size, err := numbered(q)
	if err != nil {
		return err
	}
	if word := q.Get("groupNumber"); word != "" {
		if _, err := c.group(word); err != nil {
			return err
		}
	}
	found, total, err := c.s.d.Orders.Report(c.ctx, c.p, ordering.Query{Issued: true, Offset: (page - 1) * size, Limit: size})
	if err != nil {
		return err
	}
	names, err := c.productNames()
	if err != nil {
		return err
	}
	rows := []ledgerRow{}
	for i := range found {
		r := &found[i]
		row := ledgerRow{OrderID: orderOf(&r.Order), InvoiceDetailsID: "1", Date: dateTime(r.Order.CreatedAt), TotalAmount: noMoney,
			CurrencyID: "USD", Status: "PAID", Product: names[r.Order.Product]}
		row.InvoiceNumber, row.DueDate = "INV-"+strconv.FormatInt(r.Order.Number, 10), row.Date
		rows = append(rows, row)
	}
	return c.json(http.StatusOK, pageOf(rows, page, size, total))
}

// productNames are the names of what the credential may order.
func (c *call) productNames() (map[core.ProductID]string, error) {
	offers, err := c.s.d.Orders.Catalogue(c.ctx, c.p, "")
	if err != nil {
		return nil, err
	}
	out := map[core.ProductID]string{}
	for _, o := range offers {
		out[o.Product.ID] = o.Product.Name
	}
	return out, nil
}
