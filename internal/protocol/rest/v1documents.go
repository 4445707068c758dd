package rest

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/ordering"
)

// Limits of documents.
const (
	v1MaxDescription = 25
	v1MaxFileName    = 100
	v1MaxCount       = 20
)

// readDocuments reads the documents that come with an order.
func readDocuments(o *v1Order, _ *ordering.Offer, n *ordering.New) (err error) {
	if len(o.Documents) == 0 {
		if o.DocumentCount != "" && o.DocumentCount != "0" {
			return ems("991")
		}
		return nil
	}
	n.Documents, err = o.documents()
	return err
}

// documents reads the documents of a request.
func (o *v1Order) documents() ([]ordering.Upload, error) {
	if o.DocumentCount != "" {
		n, err := strconv.Atoi(string(o.DocumentCount))
		switch {
		case err != nil || n < 0:
			return nil, ems("999")
		case n != len(o.Documents):
			return nil, ems("1000")
		}
	}
	if len(o.Documents) > v1MaxCount {
		return nil, ems("1001")
	}
	out := make([]ordering.Upload, 0, len(o.Documents))
	for i := range o.Documents {
		u, err := o.Documents[i].read()
		if err != nil {
			return nil, err
		}
		out = append(out, u)
	}
	return out, nil
}

func (d *v1Document) read() (ordering.Upload, error) {
	u := ordering.Upload{Name: string(d.FileName), Description: string(d.Description)}
	switch {
	case u.Name == "":
		return u, ems("993")
	case len([]rune(u.Name)) > v1MaxFileName || !v1Printable(u.Name) || strings.ContainsAny(u.Name, "/\\\r\n\t"):
		return u, ems("997")
	case len([]rune(u.Description)) > v1MaxDescription || !v1Printable(u.Description):
		return u, ems("998")
	case d.Base64 == "":
		return u, ems("995")
	}
	body, err := base64Of(string(d.Base64))
	switch {
	case err != nil || len(body) == 0:
		return u, ems("996")
	case len(body) > core.MaxDocument:
		return u, ems("992")
	case !bytes.HasPrefix(body, []byte("%PDF-")):
		return u, ems("994")
	}
	u.Body = body
	return u, nil
}
