package acme

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/httpx"
)

const (
	orderLife   = 7 * 24 * time.Hour  // an order that is not finalized by then is expired
	pendingLife = 7 * 24 * time.Hour  // of an authorization that nothing has proven yet
	reuseLife   = 30 * 24 * time.Hour // of a proof, unless the credential says otherwise
	pollRetry   = 3 * time.Second     // between two looks at something unfinished
)

// orderObject is RFC 8555 section 7.1.3 with RFC 9773 section 5 and the
// profiles draft.
type orderObject struct {
	Status         core.ACMEOrderState `json:"status"`
	Expires        string              `json:"expires,omitempty"`
	Identifiers    []core.Identifier   `json:"identifiers"`
	NotBefore      string              `json:"notBefore,omitempty"`
	NotAfter       string              `json:"notAfter,omitempty"`
	Profile        string              `json:"profile,omitempty"`
	Replaces       string              `json:"replaces,omitempty"`
	Error          *problem            `json:"error,omitempty"`
	Authorizations []string            `json:"authorizations"`
	Finalize       string              `json:"finalize"`
	Certificate    string              `json:"certificate,omitempty"`
}

// rfc3339 writes a time, "" for none.
func rfc3339(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// answerOrder writes an order with its URL and, while something is to be waited
// for, when to look again.
func (c *call) answerOrder(status int, o *core.ACMEOrder) error {
	u := c.url("order", string(o.ID))
	c.w.Header().Set("Location", u)
	out := orderObject{Status: o.State, Expires: rfc3339(o.ExpiresAt), Identifiers: o.Identifiers, NotBefore: rfc3339(o.NotBefore),
		NotAfter: rfc3339(o.NotAfter), Profile: o.Profile, Finalize: u + "/finalize", Authorizations: make([]string, len(o.Authorizations))}
	for i, id := range o.Authorizations {
		out.Authorizations[i] = c.url("authz", string(id))
	}
	if o.Shown(c.s.d.Now()) == core.ACMEOrderExpired {
		out.Status = core.ACMEOrderInvalid
		out.Error = refuse(http.StatusForbidden, malformed, "the order has expired")
	}
	switch out.Status {
	case core.ACMEOrderPending, core.ACMEOrderProcessing:
		httpx.RetryAfter(c.w.Header(), pollRetry)
	case core.ACMEOrderValid:
		out.Certificate = c.url("cert", string(o.Certificate))
	case core.ACMEOrderInvalid:
		if o.Problem != nil {
			out.Error = stored(o.Problem)
		}
	}
	if o.Replaces != "" {
		if id, err := c.certIDOf(o.Replaces); err == nil {
			out.Replaces = id
		}
	}
	return c.answer(status, out)
}

// stored makes the wire form of a problem that was kept.
func stored(p *core.ACMEProblem) *problem {
	out := refuse(p.Status, p.Type, p.Detail)
	for _, r := range p.About {
		sub := refuse(p.Status, r.Code, r.Detail)
		if kind, value, ok := strings.Cut(r.Value, ":"); ok {
			sub.Identifier = &core.Identifier{Type: kind, Value: value}
		}
		out.Subproblems = append(out.Subproblems, *sub)
	}
	return out
}

// orderRequest is the payload of newOrder.
type orderRequest struct {
	Identifiers []wanted `json:"identifiers"`
	NotBefore   string   `json:"notBefore"`
	NotAfter    string   `json:"notAfter"`
	Profile     string   `json:"profile"`
	Replaces    string   `json:"replaces"`
}

// newOrder is RFC 8555 section 7.4.
func (c *call) newOrder() error {
	var in orderRequest
	if err := c.payload(&in); err != nil {
		return err
	}
	ids, err := normalise(in.Identifiers)
	if err != nil {
		return err
	}
	now := c.s.d.Now()
	o := &core.ACMEOrder{ID: core.NewID[core.ACMEOrderID](now), Account: c.cred.Account, Credential: c.cred.ID, ACMEAccount: c.acct.ID,
		Profile: in.Profile, ExpiresAt: now.Add(orderLife).Truncate(time.Second), CreatedAt: now, UpdatedAt: now}
	for _, w := range ids {
		o.Identifiers = append(o.Identifiers, w.Identifier)
	}
	if err := c.chooseProduct(o); err != nil {
		return err
	}
	c.product = o.Product
	if o.NotBefore, o.NotAfter, err = times(in.NotBefore, in.NotAfter, now); err != nil {
		return err
	}
	if err := c.allow(o.Product, ids); err != nil {
		return err
	}
	if in.Replaces != "" {
		if err := c.replaced(o, in.Replaces); err != nil {
			return err
		}
	}
	o.Wish = wish(o, ids)
	open, err := c.s.d.Storage.OpenACMEOrder(c.r.Context(), c.acct.ID, o.Wish, now)
	if err != nil && !core.Is(err, core.KindNotFound) {
		return err
	}
	if err == nil {
		overtaken, err := c.overtaken(open, ids)
		if err != nil {
			return err
		}
		if !overtaken {
			return c.answerOrder(http.StatusCreated, open)
		}
	}
	if err := c.withinRate(now); err != nil {
		return err
	}
	return c.insertOrder(o, ids)
}

// overtaken reports whether an open order waits for proofs that the account has
// given elsewhere since: then a new order is ready at once.
func (c *call) overtaken(open *core.ACMEOrder, ids []wanted) (bool, error) {
	if open.State != core.ACMEOrderPending || open.Replaces != "" { // of those that replace, there is one
		return false, nil
	}
	_, fresh, err := c.authorizations(ids)
	return len(fresh) == 0, err
}

// insertOrder finds or makes the authorizations and records the order.
func (c *call) insertOrder(o *core.ACMEOrder, ids []wanted) error {
	all, fresh, err := c.authorizations(ids)
	if err != nil {
		return err
	}
	o.State = core.ACMEOrderReady
	for _, a := range all {
		if !slices.Contains(o.Authorizations, a.ID) {
			o.Authorizations = append(o.Authorizations, a.ID)
		}
		if a.State != core.AuthorizationValid {
			o.State = core.ACMEOrderPending
		}
	}
	st := c.s.d.Storage
	err = st.InTx(c.r.Context(), func(ctx context.Context, tx core.Tx) error {
		if o.Replaces != "" {
			taken, err := st.ACMEReplaced(ctx, tx, o.Replaces, o.ID, o.CreatedAt)
			if err != nil {
				return err
			}
			if taken {
				return refuse(http.StatusConflict, alreadyReplaced, "another order replaces this certificate already")
			}
		}
		return st.InsertACMEOrder(ctx, tx, o, fresh)
	})
	if err != nil {
		return err
	}
	return c.answerOrder(http.StatusCreated, o)
}

// chooseProduct takes the product that the profile names, or the default.
func (c *call) chooseProduct(o *core.ACMEOrder) error {
	o.Product = c.cred.Product
	if o.Profile == "" {
		return nil
	}
	for _, id := range c.cred.Products {
		p, err := c.s.d.Enroll.Product(c.r.Context(), c.cred.Account, id)
		if err != nil {
			return err
		}
		if p.Code == o.Profile && p.State == core.ProductActive {
			o.Product = id
			return nil
		}
	}
	o.Profile = ""
	return refuse(http.StatusBadRequest, invalidProfile, "the credential has no such profile; the directory lists those that it has")
}

// times reads what a client asks for (section 7.4).
func times(before, after string, now time.Time) (nb, na time.Time, err error) {
	for _, x := range []struct {
		text string
		to   *time.Time
	}{{before, &nb}, {after, &na}} {
		if x.text == "" {
			continue
		}
		if *x.to, err = time.Parse(time.RFC3339, x.text); err != nil {
			return nb, na, refuse(http.StatusBadRequest, malformed, "notBefore or notAfter is no RFC 3339 time")
		}
	}
	switch {
	case !na.IsZero() && !na.After(now):
		err = refuse(http.StatusBadRequest, malformed, "notAfter is past")
	case !na.IsZero() && !nb.IsZero() && !na.After(nb):
		err = refuse(http.StatusBadRequest, malformed, "notAfter does not lie after notBefore")
	}
	return nb, na, err
}

// wish is the same for orders that ask for the same.
func wish(o *core.ACMEOrder, ids []wanted) string {
	list := make([]string, len(ids))
	for i, w := range ids {
		list[i] = w.Identifier.String() + " " + w.Ancestor
	}
	sort.Strings(list)
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n%s\n%d %d\n%s", o.ACMEAccount, o.Product, o.Replaces, o.NotBefore.Unix(), o.NotAfter.Unix(), strings.Join(list, "\n"))
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// withinRate applies the credential's limit of new orders.
func (c *call) withinRate(now time.Time) error {
	if c.opt.OrdersPerHour <= 0 {
		return nil
	}
	n, oldest, err := c.s.d.Storage.CountACMEOrders(c.r.Context(), c.acct.ID, now.Add(-time.Hour))
	if err != nil || n < c.opt.OrdersPerHour {
		return err
	}
	p := refuse(http.StatusTooManyRequests, rateLimited, fmt.Sprintf("the credential allows %d new orders an hour for each account", c.opt.OrdersPerHour)).
		after(max(time.Second, oldest.Add(time.Hour).Sub(now)))
	if c.opt.Website != "" {
		p.with("Link", "<"+c.opt.Website+`>;rel="help"`)
	}
	return p
}

// ownOrder reads an order of the account.
func (c *call) ownOrder() (*core.ACMEOrder, error) {
	id := c.r.PathValue("id")
	if !core.ValidID(id) {
		return nil, refuse(http.StatusNotFound, malformed, "there is no such order of this account")
	}
	o, err := c.s.d.Storage.ACMEOrder(c.r.Context(), c.cred.ID, core.ACMEOrderID(id))
	if err != nil {
		return nil, missing(err, "order")
	}
	if o.ACMEAccount != c.acct.ID {
		return nil, refuse(http.StatusNotFound, malformed, "there is no such order of this account")
	}
	return o, nil
}

// order answers with an order, after a look at what has become of it.
func (c *call) order() error {
	o, err := c.ownOrder()
	if err != nil {
		return err
	}
	if !c.fetch() {
		return refuse(http.StatusBadRequest, malformed, "an order is only read: the payload is empty")
	}
	if o.State == core.ACMEOrderProcessing {
		if o, err = c.follow(o); err != nil {
			return err
		}
	}
	return c.answerOrder(http.StatusOK, o)
}
