package rest

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/ordering"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// documentOut is a document of an order.
type documentOut struct {
	ID          string `json:"documentId"`
	Name        string `json:"fileName"`
	Description string `json:"description,omitempty"`
	Type        string `json:"contentType"`
	Size        int    `json:"size"`
	SHA256      string `json:"sha256"`
	CreatedAt   string `json:"uploadedAt"`
}

// documentsAnswer lists the documents of an order.
type documentsAnswer struct {
	OrderID   string        `json:"orderId"`
	Status    string        `json:"status"`
	Documents []documentOut `json:"documents"`
}

func (c *call) showDocuments(v *ordering.View) *documentsAnswer {
	a := &documentsAnswer{OrderID: orderOf(v.Order), Status: v2Status(v.Order.State, v.Certificate, c.s.d.Now()), Documents: []documentOut{}}
	for i := range v.Documents {
		d := &v.Documents[i]
		a.Documents = append(a.Documents, documentOut{string(d.ID), d.Name, d.Description, d.Type, d.Size, hexOf(d.SHA256), when(d.CreatedAt)})
	}
	return a
}

// documents lists the documents of an order.
func (c *call) documents(f *family) error {
	v, err := c.order(f)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, c.showDocuments(v))
}

// maxParts bounds a multipart body.
const maxParts = 64

// upload keeps documents. Every part with a file name is a document, whatever
// the part is called: the vendor's pages do not say. A part "description"
// without one describes the next document.
func (c *call) upload(f *family) error {
	v, err := c.order(f)
	if err != nil {
		return err
	}
	media, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || media != "multipart/form-data" || params["boundary"] == "" {
		return refuse(http.StatusUnsupportedMediaType, "", "901", "the content type must be multipart/form-data")
	}
	if c.r.ContentLength > maxDocumentsBody {
		return core.Errorf(core.KindTooLarge, "the request body is over the limit of %d octets", maxDocumentsBody)
	}
	up, err := readParts(multipart.NewReader(c.r.Body, params["boundary"]))
	if err != nil {
		return err
	}
	if len(up) == 0 {
		return refuse(http.StatusBadRequest, "", "991", "the request has no part with a file name")
	}
	if v, err = c.s.d.Orders.AddDocuments(c.ctx, c.p, v.Order.ID, up); err != nil {
		return stateful(err)
	}
	a := c.showDocuments(v)
	return c.created(f.path+"/"+a.OrderID+"/documents", a)
}

// readParts reads the documents of a multipart body.
func readParts(m *multipart.Reader) ([]ordering.Upload, error) {
	var up []ordering.Upload
	description := ""
	for n := 0; ; n++ {
		part, err := m.NextPart()
		if errors.Is(err, io.EOF) {
			return up, nil
		}
		if err != nil {
			return nil, badMultipart(err)
		}
		if n == maxParts {
			return nil, refuse(http.StatusBadRequest, "", "991", "the body has too many parts")
		}
		limit := int64(core.MaxDocument)
		if part.FileName() == "" {
			limit = 4 << 10
		}
		body, err := io.ReadAll(io.LimitReader(part, limit+1))
		if err != nil {
			return nil, badMultipart(err)
		}
		switch {
		case int64(len(body)) > limit && part.FileName() != "":
			return nil, core.Errorf(core.KindTooLarge, "a document has at most %d octets", core.MaxDocument)
		case part.FileName() != "":
			name := part.FileName()
			name = name[strings.LastIndexByte(name, '\\')+1:] // some clients send the whole path
			up = append(up, ordering.Upload{Name: name, Description: description, Body: body})
			description = ""
		case strings.EqualFold(part.FormName(), "description") && int64(len(body)) <= limit:
			description = string(body)
		}
	}
}

func badMultipart(err error) error {
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return core.Errorf(core.KindTooLarge, "the request body is over the limit of %d octets", big.Limit)
	}
	return refuse(http.StatusBadRequest, "", "901", "the multipart body cannot be read")
}

// document answers with one document.
func (c *call) document(f *family) error {
	if c.r.PathValue("part") != "documents" {
		return refuse(http.StatusNotFound, "", "943", "there is no such resource")
	}
	v, err := c.order(f)
	if err != nil {
		return err
	}
	id := core.DocumentID(c.r.PathValue("document"))
	gone := refuse(http.StatusNotFound, "", "943", "there is no such document")
	if !core.ValidID(id) {
		return gone
	}
	d, body, err := c.s.d.Orders.Document(c.ctx, c.p, v.Order.ID, id)
	if core.Is(err, core.KindNotFound) {
		return gone
	}
	if err != nil {
		return err
	}
	if err := c.acceptable(d.Type); err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", d.Type)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": d.Name}))
	httpx.Reply(c.w, c.r, http.StatusOK, body)
	return nil
}
