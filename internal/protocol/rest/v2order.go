package rest

import (
	"net/http"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/ordering"
)

// family is one family of orders with its own path.
type family struct {
	path  string
	holds func(core.Family) bool
	// wish turns a body into what shall be ordered.
	wish func(c *call, b *createBody, n *ordering.New) error
	// show puts the family's own members into an answer.
	show func(a *orderAnswer, v *ordering.View)
	dcv  bool // has domains to prove, and reissues
	docs bool // takes documents
}

var (
	sslOrders = &family{path: "/ssl-certificates", holds: core.Family.TLS, wish: wishSSL, show: showSSL, dcv: true}
	signers   = &family{path: "/signature-certificates", holds: core.Family.Signer, wish: wishSigner, show: showSigner, docs: true}
	privates  = &family{path: "/private-pki-certificates", wish: wishPrivate, show: showPrivate,
		holds: func(f core.Family) bool { return f == core.FamilyPrivatePKI }}
	mailboxes = &family{path: "/smime-certificates", wish: wishSMIME, show: showSMIME, docs: true,
		holds: func(f core.Family) bool { return f == core.FamilySMIME }}
)

// familyOf is the family of an order; one that came over another protocol has
// that of its product.
func familyOf(v *ordering.View) core.Family {
	if v.Details != nil {
		return v.Details.Ask.Family
	}
	return v.Product.OrderTerms().Family
}

// orderResources are the paths of all four families.
func orderResources() []resource {
	var out []resource
	for _, f := range []*family{sslOrders, signers, privates, mailboxes} {
		on := func(a func(*call, *family) error) action { return func(c *call) error { return a(c, f) } }
		post := func(a func(*call, *family) error) methods { return methods{http.MethodPost: on(a)} }
		id := f.path + "/{id}"
		out = append(out,
			resource{f.path, post((*call).create), maxCreateBody},
			resource{id, methods{http.MethodGet: on((*call).track)}, 0},
			resource{id + "/csr", methods{http.MethodPut: on((*call).putCSR)}, 0},
			resource{id + "/agreement", methods{http.MethodGet: on((*call).agreement), http.MethodPost: on((*call).agree)}, 0},
			resource{id + "/certificate", methods{http.MethodGet: on((*call).download)}, 0},
			resource{id + "/cancel", post((*call).cancel), 0},
			resource{id + "/reject", post((*call).reject), 0},
			resource{id + "/revoke", post((*call).revoke), 0},
			resource{id + "/suspend", post((*call).suspend), 0},
			resource{id + "/resume", post((*call).resume), 0},
			resource{f.path + "/requests/{id}/cancel", post((*call).cancelDraft), 0},
		)
		if f.dcv {
			out = append(out,
				resource{id + "/dcv", methods{http.MethodGet: on((*call).orderDCV)}, 0},
				resource{id + "/dcv/verify", post((*call).orderVerify), 0},
				resource{id + "/reissue", post((*call).reissue), maxCreateBody})
		}
		if f.docs {
			out = append(out,
				resource{id + "/documents", methods{http.MethodGet: on((*call).documents), http.MethodPost: on((*call).upload)}, maxDocumentsBody},
				// Not /documents/{document}: ServeMux would find it in conflict
				// with /requests/{id}/cancel.
				resource{id + "/{part}/{document}", methods{http.MethodGet: on((*call).document)}, 0})
		}
	}
	return out
}

// unknownOrder is the answer for orders of others, of another family, and for
// garbage.
func unknownOrder() error {
	return refuse(http.StatusNotFound, "", "943", "there is no such order")
}

// order finds the order of the path within its family.
func (c *call) order(f *family) (*ordering.View, error) {
	n, ok := parseOrderNumber(c.r.PathValue("id"))
	if !ok {
		return nil, unknownOrder()
	}
	return c.within(f, func() (*ordering.View, error) { return c.s.d.Orders.ByNumber(c.ctx, c.p, n) })
}

// within hides orders of other families.
func (c *call) within(f *family, find func() (*ordering.View, error)) (*ordering.View, error) {
	v, err := find()
	if core.Is(err, core.KindNotFound) || core.Is(err, core.KindForbidden) || err == nil && !f.holds(familyOf(v)) {
		return nil, unknownOrder()
	}
	return v, err
}

// stateful turns a clash with the order's state into what version 2 says.
func stateful(err error) error {
	if core.Is(err, core.KindConflict) || core.Is(err, core.KindRevoked) {
		return refuse(http.StatusUnprocessableEntity, "", "1165", core.AsError(err).Detail)
	}
	return err
}

// link is a hypertext reference of the older generation.
type link struct {
	Href string `json:"href"`
}

// orderAnswer is what creating an order answers, in all families.
type orderAnswer struct {
	OrderID            string          `json:"orderId,omitempty"`
	RequestID          string          `json:"requestId,omitempty"`
	Status             string          `json:"status,omitempty"`
	ProductVariant     string          `json:"productVariant,omitempty"`
	Variant            string          `json:"variant,omitempty"`
	SubjectType        string          `json:"subjectType,omitempty"`
	Domain             string          `json:"domain,omitempty"`
	AdditionalDomains  []string        `json:"additionalDomains,omitempty"`
	Hostname           string          `json:"hostname,omitempty"`
	AdditionalHosts    []string        `json:"additionalHosts,omitempty"`
	SubjectDisplayName string          `json:"subjectDisplayName,omitempty"`
	Email              string          `json:"email,omitempty"`
	AdditionalEmails   []string        `json:"additionalEmails,omitempty"`
	Mode               string          `json:"mode,omitempty"`
	RequestedAt        string          `json:"requestedAt,omitempty"`
	CreatedAt          string          `json:"createdAt,omitempty"`
	ProductCode        string          `json:"resolvedProductCode,omitempty"`
	Links              map[string]link `json:"_links,omitempty"`
}

// when writes a time as version 2 does; "" for none.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Truncate(time.Second).Format(time.RFC3339)
}

// dateTime writes a time of reports and challenges.
func dateTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateTime)
}

// answerOf describes a new order. A draft has no order number yet.
func (c *call) answerOf(f *family, v *ordering.View) *orderAnswer {
	a := &orderAnswer{OrderID: orderOf(v.Order), CreatedAt: when(v.Order.CreatedAt)}
	if d := v.Details; d != nil {
		a.RequestID, a.ProductCode = orderNumber(d.Request), decimal(d.Ask.Code)
	}
	f.show(a, v)
	if a.OrderID == "" {
		a.Links = c.links(f, "/requests/"+a.RequestID, "cancel")
		return a
	}
	a.Status = v2Status(v.Order.State, v.Certificate, c.s.d.Now())
	rels := []string{"self", "csr", "agreement", "certificate", "cancel", "revoke"}
	if f.dcv {
		rels = append(rels, "dcv")
	}
	if f.docs {
		rels = append(rels, "documents")
	}
	a.Links = c.links(f, "/"+a.OrderID, rels...)
	return a
}

// links are those of the older generation; the newer one ignores them.
func (c *call) links(f *family, below string, rels ...string) map[string]link {
	out := map[string]link{}
	for _, rel := range rels {
		href := c.s.d.BaseURL() + v2Prefix + f.path + below
		if rel != "self" {
			href += "/" + rel
		}
		out[rel] = link{href}
	}
	return out
}

// place is the path of a new order.
func place(f *family, a *orderAnswer) string {
	if a.OrderID == "" {
		return f.path + "/requests/" + a.RequestID
	}
	return f.path + "/" + a.OrderID
}
