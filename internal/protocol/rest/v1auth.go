package rest

import (
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// v1Skew is how far a client's clock may be off.
const v1Skew = 15 * time.Minute

// v1TxnLife is how long a transaction id is remembered. A request whose ts is
// off by more than v1Skew is refused anyway, so that nothing can be sent again
// after twice that time; the rest is a margin.
const v1TxnLife = time.Hour

// authenticate judges the meta block and finds out who asks.
func (c *v1Call) authenticate() error {
	m := c.in.Meta.V
	if m == nil {
		return ems("901").because("there is no meta block")
	}
	switch {
	case m.Ver == "":
		return ems("1131")
	case m.Ver != v1Version && m.Ver != "1":
		return ems("911")
	case m.TS == "":
		return ems("1133")
	}
	ts, err := parseTime(string(m.TS))
	if err != nil {
		return ems("910").because("it is no ISO 8601 time")
	}
	if off := c.s.d.Now().Sub(ts); off > v1Skew || off < -v1Skew {
		return ems("910").because("it is more than 15 minutes off the server's time")
	}
	switch {
	case m.Txn == "":
		return ems("908")
	case !v1TxnOK(string(m.Txn)):
		return ems("909").because("it has 10 to 50 letters and digits")
	case m.AccountNumber == "":
		return ems("912")
	case !digits(string(m.AccountNumber), 1, 20):
		return ems("913")
	}
	cred, err := c.proven(m)
	if err != nil {
		return err
	}
	if err := v1Usable(cred, c.s.d.Now()); err != nil {
		return err
	}
	if c.who, err = c.s.vouch(c.ctx, cred); err != nil {
		return err
	}
	// Recorded only now, so that nobody who cannot prove himself uses up the
	// ids of others; and before anything is done, in a commit of its own, so that
	// the same request never works twice. A process that dies in between leaves
	// an id that is used up and an order that is not there: the client sends
	// again under another id.
	fresh, err := c.s.d.Storage.UseRESTTxn(c.ctx, cred.ID, string(m.Txn), c.s.d.Now().Add(v1TxnLife))
	if err != nil {
		return err
	}
	if !fresh {
		return ems("947")
	}
	return nil
}

// proven returns the credential whose access key or bearer token the request
// shows, of any state.
func (c *v1Call) proven(m *v1Meta) (*core.Credential, error) {
	if m.AuthKey == "" {
		return c.byBearer(m)
	}
	cred, err := c.s.credential(c.ctx, string(m.AccountNumber))
	switch {
	case core.Is(err, core.KindNotFound):
		return nil, ems("913")
	case err != nil:
		return nil, err
	case cred.Auth != core.AuthAccessKey || len(cred.SecretSealed) == 0:
		return nil, ems("906").because("the account uses OAuth")
	}
	key, err := c.s.d.Auth.SecretOf(cred)
	if err != nil {
		return nil, err
	}
	if !signedBy(key, string(m.TS), string(m.Txn), strings.ToLower(string(m.AuthKey))) {
		c.wrongKey(cred)
		return nil, ems("1065")
	}
	return cred, nil
}

// byBearer returns the credential of a bearer token. It is read at each use, so
// that a new secret counts at once.
func (c *v1Call) byBearer(m *v1Meta) (*core.Credential, error) {
	header := c.r.Header.Get("Authorization")
	if header == "" {
		return nil, ems("1066")
	}
	scheme, token, _ := strings.Cut(header, " ")
	token = strings.TrimSpace(token)
	switch {
	case !strings.EqualFold(scheme, "Bearer"):
		return nil, ems("1066")
	case token == "":
		return nil, ems("904")
	case len(token) > 256:
		return nil, ems("905")
	}
	t, err := c.s.d.Storage.RESTToken(c.ctx, hashToken(token))
	switch {
	case core.Is(err, core.KindNotFound):
		return nil, ems("905")
	case err != nil:
		return nil, err
	case !t.RevokedAt.IsZero() || !c.s.d.Now().Before(t.ExpiresAt):
		return nil, ems("905")
	case t.PublicID != string(m.AccountNumber):
		return nil, ems("913").because("the token is of another account")
	}
	cred, err := c.s.credential(c.ctx, t.PublicID)
	switch {
	case core.Is(err, core.KindNotFound):
		return nil, ems("905")
	case err != nil:
		return nil, err
	case cred.ID != t.Credential || !cred.SecretSetAt.Equal(t.SecretSetAt):
		return nil, ems("905")
	}
	return cred, nil
}

// v1Usable says why a credential whose proof was right cannot be used. Who
// cannot prove himself does not learn it.
func v1Usable(c *core.Credential, now time.Time) error {
	switch {
	case c.State == identity.CredentialSuspended:
		return ems("1154")
	case c.State != core.CredentialActive:
		return ems("1155")
	case !c.ExpiresAt.IsZero() && !now.Before(c.ExpiresAt):
		return ems("1156")
	}
	return nil
}

// wrongKey keeps in the audit log that somebody named a credential and could
// not prove to have it.
func (c *v1Call) wrongKey(cred *core.Credential) {
	e := core.EventOf(&core.Principal{Account: cred.Account, Address: httpx.ClientAddr(c.ctx), RequestID: httpx.RequestID(c.ctx)},
		c.s.d.Now(), "credential.authenticate", "credential:"+string(cred.ID))
	e.Outcome, e.Protocol, e.Credential = core.Refused, c.s.Name(), cred.ID
	e.Detail = map[string]any{"operation": c.method, "detail": "wrong auth key"}
	c.record(e)
}

// v1TxnOK reports whether s has 10 to 50 letters and digits.
func v1TxnOK(s string) bool {
	if len(s) < 10 || len(s) > 50 {
		return false
	}
	for _, b := range []byte(s) {
		if b|0x20 < 'a' || b|0x20 > 'z' {
			if b < '0' || b > '9' {
				return false
			}
		}
	}
	return true
}

// digits reports whether s has from least to most decimal digits and nothing
// else.
func digits(s string, least, most int) bool {
	return len(s) >= least && len(s) <= most && strings.Trim(s, "0123456789") == ""
}
