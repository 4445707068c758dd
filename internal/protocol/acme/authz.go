package acme

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// authorizationObject is RFC 8555 section 7.1.4 with RFC 9444 section 4.
type authorizationObject struct {
	Identifier core.Identifier         `json:"identifier"`
	Status     core.AuthorizationState `json:"status"`
	Expires    string                  `json:"expires,omitempty"`
	Challenges []challengeObject       `json:"challenges"`
	Wildcard   bool                    `json:"wildcard,omitempty"`
	Subdomains bool                    `json:"subdomainAuthAllowed,omitempty"`
}

// challengeObject is RFC 8555 section 8.
type challengeObject struct {
	Type      string              `json:"type"`
	URL       string              `json:"url"`
	Status    core.ChallengeState `json:"status"`
	Validated string              `json:"validated,omitempty"`
	Token     string              `json:"token,omitempty"`
	Domains   []string            `json:"issuer-domain-names,omitempty"` // of dns-persist-01
	Error     *problem            `json:"error,omitempty"`
}

// methods are the challenge types that an identifier can be proven by, in the
// credential's order; dns-persist-01, whose lack of a key authorization
// confuses clients that meet it before their own type, comes last.
func (c *call) methods(id core.Identifier, wildcard, subdomains bool) []string {
	offered := c.opt.Methods
	if len(offered) == 0 {
		offered = []string{core.MethodHTTP01, core.MethodDNS01, core.MethodTLSALPN01}
	}
	byDNS := []string{core.MethodDNS01, core.MethodDNSAccount01, core.MethodDNSPersist01}
	var fit []string
	switch {
	case id.Type == core.IdentifierPermanent || id.Type == core.IdentifierHardware:
		if c.opt.Attestation != "" {
			return []string{core.MethodDeviceAttest}
		}
	case id.Type == core.IdentifierIP: // RFC 8738 sections 4 and 5
		fit = []string{core.MethodHTTP01, core.MethodTLSALPN01}
	case wildcard || subdomains: // what one host shows says nothing of the names below
		fit = byDNS
	default:
		fit = append([]string{core.MethodHTTP01, core.MethodTLSALPN01}, byDNS...)
	}
	list := slices.DeleteFunc(slices.Clone(offered), func(m string) bool { return !slices.Contains(fit, m) })
	slices.SortStableFunc(list, func(a, b string) int { return last(a) - last(b) })
	return list
}

func last(method string) int {
	if method == core.MethodDNSPersist01 {
		return 1
	}
	return 0
}

// newToken makes a token with 256 bits (section 8.1 asks for 128).
func newToken() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// draft makes an authorization. One that the credential vouches for is valid
// from the start, with its challenges shown as fulfilled.
func (c *call) draft(id core.Identifier, wildcard, subdomains bool, now time.Time) (*core.Authorization, *problem) {
	a := &core.Authorization{ID: core.NewID[core.AuthorizationID](now), Account: c.cred.Account, Credential: c.cred.ID, ACMEAccount: c.acct.ID,
		Identifier: id, Wildcard: wildcard, Subdomains: subdomains, State: core.AuthorizationPending, Version: 1,
		ExpiresAt: now.Add(pendingLife).Truncate(time.Second), CreatedAt: now, UpdatedAt: now}
	full := target{id: id, wildcard: wildcard}.full()
	state := core.ChallengePending
	var proven time.Time
	switch {
	case c.preProven(full) && !subdomains:
		a.State, a.Method, state, proven = core.AuthorizationValid, core.MethodProven, core.ChallengeValid, now
		a.ExpiresAt = now.Add(reuse(c.opt)).Truncate(time.Second)
	case c.opt.Control == core.ACMEProven:
		p := refuse(http.StatusForbidden, rejectedIdentifier, full.Value+" is not among the proven names of the credential "+c.cred.Label)
		p.Identifier = &full
		return nil, p
	}
	token := newToken()
	for _, m := range c.methods(id, wildcard, subdomains) {
		a.Challenges = append(a.Challenges, core.Challenge{Method: m, State: state, Token: token, ValidatedAt: proven})
	}
	if len(a.Challenges) == 0 && a.State != core.AuthorizationValid {
		p := refuse(http.StatusBadRequest, rejectedIdentifier, "the credential "+c.cred.Label+" offers no challenge by which "+full.Value+" could be proven")
		p.Identifier = &full
		return nil, p
	}
	return a, nil
}

// reuse is how long a proof is good.
func reuse(o *core.ACMEOptions) time.Duration {
	if d := o.ReuseDays; d > 0 {
		return time.Duration(d) * 24 * time.Hour
	}
	return reuseLife
}

// target is what an identifier of an order needs an authorization for.
type target struct {
	id                   core.Identifier // without "*."
	wildcard, subdomains bool
}

// full is the name itself, with "*." for a wildcard.
func (t target) full() core.Identifier {
	if t.wildcard {
		return core.Identifier{Type: t.id.Type, Value: "*." + t.id.Value}
	}
	return t.id
}

// claimed are the names of authorizations that hold as long as somebody vouches
// for them.
func (c *call) claimed(list []*core.Authorization) (out []core.Identifier) {
	for _, a := range list {
		if a.Method == core.MethodProven || c.opt.Control == core.ACMEProven {
			out = append(out, target{id: a.Identifier, wildcard: a.Wildcard}.full())
		}
	}
	return out
}

// targetOf splits off the wildcard, and goes to the ancestor that the client
// named (RFC 9444 section 4.1).
func (c *call) targetOf(w wanted) (target, *problem) {
	t := target{id: w.Identifier}
	if w.Type != core.IdentifierDNS {
		return t, nil
	}
	if base, ok := strings.CutPrefix(w.Value, "*."); ok {
		t.id.Value, t.wildcard = base, true
	}
	if w.Ancestor == "" {
		return t, nil
	}
	if !c.opt.Subdomains {
		p := refuse(http.StatusForbidden, unauthorized, "the credential "+c.cred.Label+" does not let control of a domain authorise the names below it")
		p.Identifier = &w.Identifier
		return t, p
	}
	return target{id: core.Identifier{Type: w.Type, Value: w.Ancestor}, subdomains: true}, nil
}

// serves reports whether an authorization covers a target (section 7.1.4,
// RFC 9444 section 2).
func serves(a *core.Authorization, t target) bool {
	if a.Identifier.Type != t.id.Type {
		return false
	}
	if a.Identifier == t.id && (a.Subdomains || a.Wildcard == t.wildcard && !t.subdomains) {
		return true
	}
	return a.Subdomains && t.id.Type == core.IdentifierDNS && strings.HasSuffix(t.id.Value, "."+a.Identifier.Value)
}

// sources are the identifiers whose authorizations may serve a target: its own
// and, where the credential lets them, those of its ancestors with two labels
// or more (RFC 9444).
func (c *call) sources(t target) []core.Identifier {
	list := []core.Identifier{t.id}
	if !c.opt.Subdomains || t.id.Type != core.IdentifierDNS {
		return list
	}
	for parent := t.id.Value; strings.Count(parent, ".") > 1; {
		_, parent, _ = strings.Cut(parent, ".")
		list = append(list, core.Identifier{Type: t.id.Type, Value: parent})
	}
	return list
}

// authorizations finds for each identifier one that serves, or makes it.
func (c *call) authorizations(ids []wanted) (all, fresh []*core.Authorization, err error) {
	now := c.s.d.Now()
	var targets []target
	var look []core.Identifier
	var bad []problem
	for _, w := range ids {
		t, p := c.targetOf(w)
		if p != nil {
			bad = append(bad, *p)
			continue
		}
		targets = append(targets, t)
		look = append(look, c.sources(t)...)
	}
	if err := combine(bad); err != nil {
		return nil, nil, err
	}
	usable, err := c.s.d.Storage.UsableAuthorizations(c.r.Context(), c.acct.ID, look, now)
	if err != nil {
		return nil, nil, err
	}
	ask := make([]core.Identifier, 0, len(targets))
	for _, t := range targets {
		ask = append(ask, t.full())
	}
	if err := c.askDomains(append(ask, c.claimed(usable)...)); err != nil {
		return nil, nil, err
	}
	// Only what is proven is used again: sharing an open challenge would let
	// one order's failure end another.
	usable = slices.DeleteFunc(usable, func(a *core.Authorization) bool {
		attested := a.Method == core.MethodDeviceAttest // for one key only
		return a.State != core.AuthorizationValid || attested || !c.still(a)
	})
	for _, t := range targets {
		pool := append(slices.Clone(usable), fresh...)
		if i := slices.IndexFunc(pool, func(a *core.Authorization) bool { return serves(a, t) }); i >= 0 {
			all = append(all, pool[i])
			continue
		}
		a, p := c.draft(t.id, t.wildcard, t.subdomains, now)
		if p != nil {
			bad = append(bad, *p)
			continue
		}
		all, fresh = append(all, a), append(fresh, a)
	}
	return all, fresh, combine(bad)
}

// still reports whether an earlier authorization holds under the credential's
// present settings: names may have been struck off the proven ones, control by
// ancestors may have been switched off.
func (c *call) still(a *core.Authorization) bool {
	id := target{id: a.Identifier, wildcard: a.Wildcard}.full()
	if a.Subdomains && !c.opt.Subdomains {
		return false
	}
	if a.Method == core.MethodProven || c.opt.Control == core.ACMEProven {
		return c.preProven(id)
	}
	return true
}

// newAuthz is RFC 8555 section 7.4.1.
func (c *call) newAuthz() error {
	var in struct {
		Identifier wanted `json:"identifier"`
	}
	if err := c.payload(&in); err != nil {
		return err
	}
	ids, err := normalise([]wanted{in.Identifier})
	if err != nil {
		return err
	}
	w := ids[0]
	switch {
	case strings.HasPrefix(w.Value, "*."):
		return refuse(http.StatusBadRequest, malformed, "wildcards cannot be authorised in advance (RFC 8555 section 7.4.1)")
	case w.Subdomains && !c.opt.Subdomains:
		return refuse(http.StatusForbidden, unauthorized, "the credential "+c.cred.Label+" does not let control of a domain authorise the names below it")
	}
	if err := c.allow(c.cred.Product, ids); err != nil && !w.Subdomains {
		return err
	}
	now := c.s.d.Now()
	usable, err := c.s.d.Storage.UsableAuthorizations(c.r.Context(), c.acct.ID, []core.Identifier{w.Identifier}, now)
	if err != nil {
		return err
	}
	t := target{id: w.Identifier, subdomains: w.Subdomains}
	if err := c.askDomains(append(c.claimed(usable), w.Identifier)); err != nil {
		return err
	}
	for _, a := range usable {
		if serves(a, t) && a.Subdomains == w.Subdomains && (a.State == core.AuthorizationPending || c.still(a)) {
			c.w.Header().Set("Location", c.url("authz", string(a.ID)))
			return c.answerAuthorization(http.StatusOK, a)
		}
	}
	if err := c.withinRate(now); err != nil {
		return err
	}
	a, p := c.draft(t.id, false, t.subdomains, now)
	if p != nil {
		return p
	}
	if err := c.s.d.Storage.InTx(c.r.Context(), func(ctx context.Context, tx core.Tx) error {
		return c.s.d.Storage.InsertAuthorization(ctx, tx, a)
	}); err != nil {
		return err
	}
	c.w.Header().Set("Location", c.url("authz", string(a.ID)))
	return c.answerAuthorization(http.StatusCreated, a)
}

// ownAuthorization reads an authorization of the account.
func (c *call) ownAuthorization() (*core.Authorization, error) {
	id := c.r.PathValue("id")
	if !core.ValidID(id) {
		return nil, refuse(http.StatusNotFound, malformed, "there is no such authorization of this account")
	}
	a, err := c.s.d.Storage.Authorization(c.r.Context(), c.cred.ID, core.AuthorizationID(id))
	if err != nil {
		return nil, missing(err, "authorization")
	}
	if a.ACMEAccount != c.acct.ID {
		return nil, refuse(http.StatusNotFound, malformed, "there is no such authorization of this account")
	}
	return a, nil
}

// authorization reads or deactivates (sections 7.5, 7.5.2).
func (c *call) authorization() error {
	a, err := c.ownAuthorization()
	if err != nil {
		return err
	}
	if c.fetch() {
		return c.answerAuthorization(http.StatusOK, a)
	}
	var in struct {
		Status string `json:"status"`
	}
	if err := c.payload(&in); err != nil {
		return err
	}
	switch {
	case in.Status == "": // old clients send other members to read
		return c.answerAuthorization(http.StatusOK, a)
	case in.Status != string(core.AuthorizationDeactivated):
		return refuse(http.StatusBadRequest, malformed, `the status of an authorization can be set to "deactivated" only`)
	case a.State == core.AuthorizationDeactivated:
		return c.answerAuthorization(http.StatusOK, a)
	case a.State == core.AuthorizationInvalid || a.State == core.AuthorizationRevoked:
		return refuse(http.StatusBadRequest, malformed, "the authorization is "+string(a.State)+" and stays so")
	}
	b := *a
	b.State, b.BusyUntil, b.UpdatedAt = core.AuthorizationDeactivated, time.Time{}, c.s.d.Now()
	err = c.s.d.Storage.InTx(c.r.Context(), func(ctx context.Context, tx core.Tx) error {
		if err := c.s.d.Storage.UpdateAuthorization(ctx, tx, &b); err != nil {
			return err
		}
		e := core.EventOf(c.who, b.UpdatedAt, "acme.authorization.deactivate", "authorization:"+string(b.ID))
		e.Detail = map[string]any{"identifier": b.Identifier.String(), "acme_account": string(c.acct.ID)}
		c.s.d.Audit.Write(tx, e)
		return c.s.d.Storage.SettleACMEOrders(ctx, tx, b.ID, &core.ACMEProblem{Type: unauthorized, Status: http.StatusForbidden,
			Detail: "the authorization for " + b.Identifier.Value + " was deactivated"}, b.UpdatedAt)
	})
	if err != nil {
		return err
	}
	return c.answerAuthorization(http.StatusOK, &b)
}

// answerAuthorization writes an authorization.
func (c *call) answerAuthorization(status int, a *core.Authorization) error {
	o := authorizationObject{Identifier: a.Identifier, Status: a.Shown(c.s.d.Now()), Expires: rfc3339(a.ExpiresAt),
		Wildcard: a.Wildcard, Subdomains: a.Subdomains, Challenges: []challengeObject{}}
	for i := range a.Challenges {
		// Once it is decided, only what decided it is shown (section 7.1.4), but
		// for pre-proven names, whose clients look for their own type.
		if ch := &a.Challenges[i]; a.State == core.AuthorizationPending || a.Method == core.MethodProven || ch.State == core.ChallengeValid || ch.State == core.ChallengeInvalid {
			o.Challenges = append(o.Challenges, c.challengeOf(a, i))
		}
	}
	if a.State == core.AuthorizationPending {
		httpx.RetryAfter(c.w.Header(), pollRetry)
	}
	return c.answer(status, o)
}

// challengeOf makes the wire form of the i-th challenge.
func (c *call) challengeOf(a *core.Authorization, i int) challengeObject {
	ch := &a.Challenges[i]
	o := challengeObject{Type: ch.Method, URL: c.url("chall", string(a.ID)) + "/" + strconv.Itoa(i), Status: ch.State, Token: ch.Token,
		Validated: rfc3339(ch.ValidatedAt.Truncate(time.Second))}
	if ch.ValidatedAt.IsZero() {
		o.Validated = ""
	}
	if ch.Method == core.MethodDNSPersist01 {
		o.Domains = c.issuerDomains()
	}
	if ch.Failure != nil {
		o.Error = refuse(failureStatus(ch.Failure.Code), ch.Failure.Code, ch.Failure.Detail)
	}
	return o
}

// failureStatus is the HTTP status that goes with a failure of control.
func failureStatus(code string) int {
	switch code {
	case unauthorized, caa:
		return http.StatusForbidden
	case serverInternal:
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

// issuerDomains are the names by which dns-persist-01 records call this CA: those
// of the default product, else the server's own.
func (c *call) issuerDomains() []string {
	return c.s.issuerDomains(c.r.Context(), c.cred, c.cred.Product)
}

func (s *Service) issuerDomains(ctx context.Context, cred *core.Credential, product core.ProductID) []string {
	if p, err := s.d.Enroll.Product(ctx, cred.Account, product); err == nil && len(p.Profile.CAA) > 0 {
		return p.Profile.CAA
	}
	u, err := url.Parse(s.d.BaseURL())
	if err != nil {
		return nil
	}
	return []string{u.Hostname()}
}
