package rest

import (
	"net/http"
	"strings"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/ordering"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// putCSR gives an order its key.
func (c *call) putCSR(f *family) error {
	var in struct {
		CSR text `json:"csr"`
	}
	v, err := c.orderWith(f, &in, true)
	if err != nil {
		return err
	}
	csr, err := csrOf(in.CSR)
	if err != nil {
		return err
	}
	if csr == nil {
		return invalid("921", "csr", "is missing")
	}
	if _, err := c.s.d.Orders.SetCSR(c.ctx, c.p, v.Order.ID, csr); err != nil {
		return stateful(err)
	}
	return c.empty()
}

// orderWith finds the order of the path and reads the body.
func (c *call) orderWith(f *family, in any, required bool) (*ordering.View, error) {
	v, err := c.order(f)
	if err != nil {
		return nil, err
	}
	return v, c.read(in, required)
}

// agreement gives the text that was signed for an order, or would be signed now.
// Deviation: the vendor's API hands out no text; its clients link to a page of the vendor's.
func (c *call) agreement(f *family) error {
	v, err := c.order(f)
	if err != nil {
		return err
	}
	if v.Text == nil {
		return refuse(http.StatusNotFound, "", "943", "there is no text of a subscriber agreement for this order")
	}
	if err := c.acceptable(typeText); err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", typeText+"; charset=utf-8")
	c.w.Header().Set("ETag", `"`+v.Text.Digest+`"`)
	httpx.Reply(c.w, c.r, http.StatusOK, []byte(v.Text.Body))
	return nil
}

// agree signs the subscriber agreement.
func (c *call) agree(f *family) error {
	var in struct {
		Agreement *agreementIn `json:"agreement"`
		Details   *agreementIn `json:"agreementDetails"`
		agreementIn
	}
	v, err := c.orderWith(f, &in, true)
	if err != nil {
		return err
	}
	given := in.Agreement
	if given == nil {
		given = in.Details
	}
	if given == nil {
		given = &in.agreementIn
	}
	a, err := c.signed(given)
	if err != nil {
		return err
	}
	if _, err := c.s.d.Orders.Agree(c.ctx, c.p, v.Order.ID, *a); err != nil {
		return stateful(err)
	}
	return c.empty()
}

// remarks is what ending an order is told.
type remarksIn struct {
	Reason  *text `json:"reason"`
	Remarks *text `json:"remarks"`
	Note    text  `json:"note"`
}

// words returns the remarks and whether any were given, be they empty.
func (r *remarksIn) words() (string, bool) {
	for _, t := range []*text{r.Reason, r.Remarks} {
		if t != nil {
			return strings.TrimSpace(string(*t)), true
		}
	}
	return "", false
}

// defaultRemarks stand for a request that has none: one client sends no body.
const defaultRemarks = "no reason given"

// ending reads the remarks of a request that ends an order. Empty ones are
// refused, none at all are not; private PKI takes empty ones.
func (c *call) ending(f *family, number string, in *remarksIn) (string, error) {
	words, given := in.words()
	if words == "" && given && f != privates {
		return "", invalid(number, "reason", "is empty")
	}
	if words == "" {
		words = defaultRemarks
	}
	return words, nil
}

// cancel ends an order that is not issued.
func (c *call) cancel(f *family) error {
	var in remarksIn
	v, err := c.orderWith(f, &in, false)
	if err != nil {
		return err
	}
	return c.cancelled(f, v, &in)
}

// cancelled cancels an order or draft that was found.
func (c *call) cancelled(f *family, v *ordering.View, in *remarksIn) error {
	words, err := c.ending(f, "984", in)
	if err != nil {
		return err
	}
	if _, err := c.s.d.Orders.Cancel(c.ctx, c.p, v.Order.ID, words); err != nil {
		return stateful(err)
	}
	return c.empty()
}

// cancelDraft ends a draft.
func (c *call) cancelDraft(f *family) error {
	var in remarksIn
	n, ok := parseOrderNumber(c.r.PathValue("id"))
	if !ok {
		return unknownOrder()
	}
	v, err := c.within(f, func() (*ordering.View, error) { return c.s.d.Orders.ByRequest(c.ctx, c.p, n) })
	if err == nil {
		err = c.read(&in, false)
	}
	if err != nil {
		return err
	}
	return c.cancelled(f, v, &in)
}

// reject ends an order like cancel, but it shows as rejected.
func (c *call) reject(f *family) error {
	var in remarksIn
	v, err := c.orderWith(f, &in, false)
	if err != nil {
		return err
	}
	words, err := c.ending(f, "964", &in)
	if err != nil {
		return err
	}
	if _, err := c.s.d.Orders.Reject(c.ctx, c.p, v.Order.ID, words); err != nil {
		return stateful(err)
	}
	return c.empty()
}

// Messages that clients look for when a revocation is refused.
const (
	badRevokeReason  = "Invalid Revoke Reason ID"
	badRevokeRemarks = "Invalid Revoke Remarks"
)

// revoke revokes the certificate of an order.
func (c *call) revoke(f *family) error {
	var in remarksIn
	v, err := c.orderWith(f, &in, false)
	if err != nil {
		return err
	}
	word, _ := in.words()
	if word == "" {
		return invalid("969", "reason", "is missing")
	}
	code, ok := reasonOf(word)
	if !ok {
		return refuse(http.StatusBadRequest, "", "970", badRevokeReason).field("reason", "is none of the reasons")
	}
	return c.revoked(v, code, string(in.Note))
}

// revoked revokes and answers.
func (c *call) revoked(v *ordering.View, code int, note string) error {
	_, err := c.s.d.Orders.Revoke(c.ctx, c.p, v.Order.ID, code, note)
	e := core.AsError(err)
	switch {
	case err == nil:
		return c.empty()
	case (e.Kind == core.KindPolicy || e.Kind == core.KindInvalid) && e.Field == "reason":
		return refuse(http.StatusUnprocessableEntity, "", "970", badRevokeReason).field("reason", e.Detail)
	case e.Kind == core.KindInvalid && e.Field == "remarks":
		return refuse(http.StatusUnprocessableEntity, "", "1213", badRevokeRemarks).field("note", e.Detail)
	}
	return stateful(err)
}

// suspend puts a certificate on hold: ours.
func (c *call) suspend(f *family) error {
	var in remarksIn
	v, err := c.orderWith(f, &in, false)
	if err != nil {
		return err
	}
	note := string(in.Note)
	if note == "" {
		note, _ = in.words()
	}
	return c.revoked(v, core.ReasonCertificateHold, note)
}

// resume takes a certificate off hold: ours.
func (c *call) resume(f *family) error {
	v, err := c.order(f)
	if err != nil {
		return err
	}
	if _, err := c.s.d.Orders.Resume(c.ctx, c.p, v.Order.ID); err != nil {
		return stateful(err)
	}
	return c.empty()
}

// reissueBody asks for an order's certificate with another key or other names.
type reissueBody struct {
	Mode           text  `json:"mode"`
	Reason         text  `json:"reason"`
	CSR            text  `json:"csr"`
	Additional     texts `json:"additionalDomains"`
	RevokePrevious flag  `json:"revokePrevious"`
	RevokeReason   text  `json:"revokeReason"`
	RevokeAll      flag  `json:"revokeAllPriorReissues"`
}

// reissue makes a new order for an issued one.
func (c *call) reissue(f *family) error {
	v, err := c.order(f)
	if err != nil {
		return err
	}
	raw, err := c.body(true)
	if err != nil {
		return err
	}
	var b reissueBody
	if err := decode(raw, &b); err != nil {
		return err
	}
	mode := string(b.Mode)
	if mode == "" {
		mode = "rekey"
	}
	return c.once(f, raw, func(with recorder) (*ordering.View, error) {
		r := ordering.Reissue{Mode: mode, Reason: string(b.Reason), Additional: b.Additional, RevokePrevious: bool(b.RevokePrevious),
			RevokeAll: bool(b.RevokeAll), With: with, IdempotencyKey: c.r.Header.Get("Idempotency-Key"), Origin: c.s.origin(c.ctx, "reissue")}
		if strings.TrimSpace(r.Reason) == "" {
			return nil, invalid("941", "reason", "is missing")
		}
		if r.CSR, err = csrOf(b.CSR); err != nil {
			return nil, reissueError(err)
		}
		if r.RevokePrevious || r.RevokeAll {
			r.RevokeReason = core.ReasonSuperseded
			if b.RevokeReason != "" {
				code, ok := reasonOf(string(b.RevokeReason))
				if !ok {
					return nil, refuse(http.StatusBadRequest, "", "970", badRevokeReason).field("revokeReason", "is none of the reasons")
				}
				r.RevokeReason = code
			}
		}
		again, err := c.s.d.Orders.Reissue(c.ctx, c.p, v.Order.ID, r)
		return again, reissueError(err)
	}, func(v *ordering.View) *orderAnswer {
		a := c.answerOf(f, v)
		return &orderAnswer{OrderID: a.OrderID, RequestID: a.RequestID, Status: a.Status, Mode: mode, RequestedAt: a.CreatedAt, Links: a.Links}
	})
}

// reissueError gives a refusal of reissuing its own numbers.
func reissueError(err error) error {
	if err == nil {
		return nil
	}
	e := core.AsError(err)
	number := ""
	switch {
	case e.Kind == core.KindBadCSR || e.Kind == core.KindBadProof || e.Kind == core.KindBadKey, e.Kind == core.KindInvalid && e.Field == "csr":
		number = "940"
	case e.Kind == core.KindInvalid && e.Field == "reason":
		number = "941"
	case (e.Kind == core.KindBadName || e.Kind == core.KindPolicy) && e.Field == "names":
		number = "1063"
	case e.Kind == core.KindInvalid:
		return invalid("1181", e.Field, e.Detail)
	}
	if number != "" {
		return refuse(http.StatusUnprocessableEntity, "", number, e.Detail).field(e.Field, e.Detail)
	}
	return stateful(err)
}
