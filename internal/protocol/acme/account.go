package acme

import (
	"context"
	"net/http"
	"net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/httpx"
	"github.com/certwright/certwright/internal/wire/jws"
)

const (
	maxContacts  = 10
	ordersOnPage = 50
)

// accountObject is RFC 8555 section 7.1.2.
type accountObject struct {
	Status   core.ACMEAccountState `json:"status"`
	Contact  []string              `json:"contact,omitempty"`
	Terms    bool                  `json:"termsOfServiceAgreed,omitempty"`
	External any                   `json:"externalAccountBinding,omitempty"`
	Orders   string                `json:"orders"`
}

// externalBinding shows with which key id an account was bound.
type externalBinding struct {
	KeyID string `json:"kid"`
}

// answerAccount writes an account object with its URL.
func (c *call) answerAccount(status int, a *core.ACMEAccount) error {
	u := c.url("acct", string(a.ID))
	c.w.Header().Set("Location", u)
	o := accountObject{Status: a.State, Contact: a.Contacts, Terms: a.Terms, Orders: u + "/orders"}
	if a.External != "" {
		o.External = &externalBinding{a.External}
		// RFC 8555 section 7.3.4: to who made it, the account shows the binding
		// as it was sent. The MAC is of no use later and is not kept.
		if status == http.StatusCreated {
			o.External = c.binding
		}
	}
	return c.answer(status, o)
}

// newAccount is RFC 8555 section 7.3.
func (c *call) newAccount() error {
	var in struct {
		Contact    []string   `json:"contact"`
		Terms      bool       `json:"termsOfServiceAgreed"`
		OnlyReturn bool       `json:"onlyReturnExisting"`
		External   jwsMessage `json:"externalAccountBinding"`
	}
	if err := c.payload(&in); err != nil {
		return err
	}
	// The same key again gets its account, whatever binding it shows: clients
	// repeat this request at each start.
	a, err := c.s.d.Storage.ACMEAccountByKey(c.r.Context(), c.cred.ID, c.key.Thumbprint)
	if err == nil {
		if err := standing(a); err != nil {
			return err
		}
		return c.answerAccount(http.StatusOK, a)
	}
	if !core.Is(err, core.KindNotFound) {
		return err
	}
	if in.OnlyReturn {
		return refuse(http.StatusBadRequest, accountDoesNotExist, "this key has no account at this directory")
	}
	contacts, err := checkContacts(in.Contact)
	if err != nil {
		return err
	}
	if c.opt.Terms != "" && !in.Terms {
		p := refuse(http.StatusForbidden, userActionRequired, "the terms of service must be agreed to: "+c.opt.Terms).
			with("Link", "<"+c.opt.Terms+`>;rel="terms-of-service"`)
		p.Instance = c.opt.Terms // section 7.3.3
		return p
	}
	external, err := c.bound(in.External)
	if err != nil {
		return err
	}
	c.binding = in.External
	now := c.s.d.Now()
	a = &core.ACMEAccount{ID: core.NewID[core.ACMEAccountID](now), Account: c.cred.Account, Credential: c.cred.ID, State: core.ACMEAccountValid,
		Key: c.key.JSON, Thumbprint: c.key.Thumbprint, Contacts: contacts, Terms: in.Terms && c.opt.Terms != "", External: external,
		Address: address(httpx.ClientAddr(c.r.Context())), CreatedAt: now, UpdatedAt: now}
	return c.insertAccount(a)
}

// insertAccount records a new account; when another request with the same key
// was faster, it answers with that one's.
func (c *call) insertAccount(a *core.ACMEAccount) error {
	st, added := c.s.d.Storage, false
	err := st.InTx(c.r.Context(), func(ctx context.Context, tx core.Tx) error {
		var err error
		if limit := c.opt.MaxAccounts; limit > 0 {
			n, err := st.CountACMEAccounts(ctx, tx, c.cred.ID)
			if err != nil {
				return err
			}
			if n >= limit {
				return refuse(http.StatusTooManyRequests, rateLimited, "this credential allows "+strconv.Itoa(limit)+" accounts, and has them").after(24 * time.Hour)
			}
		}
		if added, err = st.InsertACMEAccount(ctx, tx, a); err != nil || !added {
			return err
		}
		c.s.d.Audit.Write(tx, c.event(a, "acme.account.create"))
		return nil
	})
	if err != nil || !added {
		// The request that was faster may have taken the last account allowed.
		known, kerr := st.ACMEAccountByKey(c.r.Context(), c.cred.ID, a.Thumbprint)
		switch {
		case kerr == nil:
			return c.answerAccount(http.StatusOK, known)
		case err != nil:
			return err
		}
		return kerr
	}
	return c.answerAccount(http.StatusCreated, a)
}

// event starts an audit event about an account.
func (c *call) event(a *core.ACMEAccount, action string) core.Event {
	e := core.EventOf(c.who, c.s.d.Now(), action, "acme-account:"+string(a.ID))
	e.Protocol = c.s.Name()
	e.Detail = map[string]any{"thumbprint": a.Thumbprint}
	if len(a.Contacts) > 0 {
		e.Detail["contacts"] = a.Contacts
	}
	return e
}

// checkContacts is RFC 8555 section 7.3: mailto URLs of one address without
// header fields.
func checkContacts(in []string) ([]string, error) {
	if len(in) > maxContacts {
		return nil, refuse(http.StatusBadRequest, invalidContact, "an account has ten contacts at most")
	}
	var out []string
	for _, raw := range in {
		u, err := url.Parse(raw)
		if err != nil || len(raw) > 320 {
			return nil, refuse(http.StatusBadRequest, invalidContact, "a contact cannot be read as URL")
		}
		if u.Scheme != "mailto" {
			return nil, refuse(http.StatusBadRequest, unsupportedContact, "contacts are mailto URLs")
		}
		a, err := mail.ParseAddress(u.Opaque)
		if u.Opaque == "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || err != nil || a.Address != u.Opaque || a.Name != "" ||
			strings.ContainsAny(u.Opaque, ", \t\r\n%<>") {
			return nil, refuse(http.StatusBadRequest, invalidContact, "a contact is not one mail address without further fields")
		}
		out = appendNew(out, raw)
	}
	return out, nil
}

// account is RFC 8555 sections 7.3.2 (update) and 7.3.6 (deactivate).
func (c *call) account() error {
	if c.r.PathValue("id") != string(c.acct.ID) {
		return refuse(http.StatusForbidden, unauthorized, "this is another account's URL")
	}
	if c.fetch() {
		return c.answerAccount(http.StatusOK, c.acct)
	}
	var in struct {
		Status  core.ACMEAccountState `json:"status"`
		Contact *[]string             `json:"contact"`
	}
	if err := c.payload(&in); err != nil {
		return err
	}
	a, action := *c.acct, "acme.account.update"
	// RFC 8555 section 7.3.2: all else that a client sends is ignored; some send
	// back the object as they have it.
	if in.Status == core.ACMEAccountDeactivated {
		a.State, action = core.ACMEAccountDeactivated, "acme.account.deactivate"
	}
	if in.Contact != nil {
		var err error
		if a.Contacts, err = checkContacts(*in.Contact); err != nil {
			return err
		}
	}
	if err := c.saveAccount(&a, action, nil); err != nil {
		return err
	}
	return c.answerAccount(http.StatusOK, &a)
}

// saveAccount writes a changed account.
func (c *call) saveAccount(a *core.ACMEAccount, action string, detail map[string]any) error {
	a.UpdatedAt = c.s.d.Now()
	return c.s.d.Storage.InTx(c.r.Context(), func(ctx context.Context, tx core.Tx) error {
		if err := c.s.d.Storage.UpdateACMEAccount(ctx, tx, a, c.acct.State, c.acct.Thumbprint); err != nil {
			return err
		}
		e := c.event(a, action)
		for k, v := range detail {
			e.Detail[k] = v
		}
		c.s.d.Audit.Write(tx, e)
		return nil
	})
}

// keyChange is RFC 8555 section 7.3.5: the outer message is signed by the old
// key, the inner one by the new.
func (c *call) keyChange() error {
	bad := func(detail string) error { return refuse(http.StatusBadRequest, malformed, "key change: "+detail) }
	inner, err := jws.Parse(c.msg.Payload)
	if err != nil {
		return err
	}
	switch {
	case inner.Key == nil:
		return bad("the inner message carries no jwk")
	case inner.HasNonce:
		return bad("the inner message has a nonce")
	case inner.URL != c.msg.URL:
		return bad("the inner url is not the outer one")
	}
	if err := inner.Verify(inner.Key); err != nil {
		return err
	}
	var in struct {
		Account string     `json:"account"`
		OldKey  jwsMessage `json:"oldKey"`
	}
	if (&call{msg: inner}).payload(&in) != nil {
		return bad("the inner payload cannot be read")
	}
	old, err := jws.ParseKey(in.OldKey)
	switch {
	case in.Account != c.msg.KeyID:
		return bad("the inner account is not the one that signed")
	case err != nil || !old.Equal(c.key):
		return bad("oldKey is not the account's present key")
	case inner.Key.Equal(c.key):
		return bad("the new key is the old one")
	}
	a := *c.acct
	a.Key, a.Thumbprint = inner.Key.JSON, inner.Key.Thumbprint
	err = c.saveAccount(&a, "acme.account.key-change", map[string]any{"old_thumbprint": c.acct.Thumbprint})
	if core.Is(err, core.KindExists) {
		p := refuse(http.StatusConflict, malformed, "another account has this key already")
		if other, oerr := c.s.d.Storage.ACMEAccountByKey(c.r.Context(), c.cred.ID, a.Thumbprint); oerr == nil {
			p.with("Location", c.url("acct", string(other.ID)))
		}
		return p
	}
	if err != nil {
		return err
	}
	return c.answerAccount(http.StatusOK, &a)
}

// orders is RFC 8555 section 7.1.2.1.
func (c *call) orders() error {
	if c.r.PathValue("id") != string(c.acct.ID) {
		return refuse(http.StatusForbidden, unauthorized, "these are another account's orders")
	}
	before := core.ACMEOrderID(c.r.URL.Query().Get("cursor"))
	if before != "" && !core.ValidID(before) {
		return refuse(http.StatusBadRequest, malformed, "the cursor is not one of this list")
	}
	ids, err := c.s.d.Storage.ACMEOrdersOf(c.r.Context(), c.acct.ID, before, c.s.d.Now(), ordersOnPage+1)
	if err != nil {
		return err
	}
	if len(ids) > ordersOnPage {
		ids = ids[:ordersOnPage]
		next := c.url("acct", string(c.acct.ID)) + "/orders?cursor=" + string(ids[ordersOnPage-1])
		c.w.Header().Add("Link", "<"+next+`>;rel="next"`)
	}
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = c.url("order", string(id))
	}
	return c.answer(http.StatusOK, map[string]any{"orders": list})
}
