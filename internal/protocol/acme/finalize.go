package acme

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/enroll"
	"github.com/certwright/certwright/internal/policy"
	"github.com/certwright/certwright/internal/wire/jws"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// finalize orders the certificate (section 7.4).
func (c *call) finalize() error {
	o, err := c.ownOrder()
	if err != nil {
		return err
	}
	var in struct {
		CSR string `json:"csr"`
	}
	if err := c.payload(&in); err != nil {
		return err
	}
	csr, err := base64.RawURLEncoding.DecodeString(in.CSR)
	if err != nil || len(csr) == 0 {
		return refuse(http.StatusBadRequest, badCSR, "csr is not a certificate request in base64url")
	}
	switch state := o.Shown(c.s.d.Now()); {
	case state == core.ACMEOrderReady:
	case (state == core.ACMEOrderProcessing || state == core.ACMEOrderValid) && bytes.Equal(o.CSR, csr):
		return c.answerOrder(http.StatusOK, o) // the same request again, or its twin on another connection
	default:
		return refuse(http.StatusForbidden, orderNotReady, "the order is "+string(state)+", not ready")
	}
	auths, err := c.s.d.Storage.Authorizations(c.r.Context(), o.Authorizations)
	if err != nil {
		return err
	}
	if err := c.stillAuthorized(o, auths); err != nil {
		return err
	}
	if err := c.fits(o, csr, auths); err != nil {
		return err
	}
	if err := c.checkCAA(o, auths); err != nil {
		return err
	}
	o.CSR = csr
	if o, err = c.issue(o); err != nil {
		return err
	}
	return c.answerOrder(http.StatusOK, o)
}

// stillAuthorized refuses an order some of whose proofs have ended since.
func (c *call) stillAuthorized(o *core.ACMEOrder, auths []*core.Authorization) error {
	now := c.s.d.Now()
	c.product = o.Product
	if err := c.askDomains(c.claimed(auths)); err != nil {
		return err
	}
	for _, id := range o.Authorizations {
		i := slices.IndexFunc(auths, func(a *core.Authorization) bool { return a.ID == id })
		if i < 0 || auths[i].Shown(now) != core.AuthorizationValid || !c.still(auths[i]) {
			p := refuse(http.StatusForbidden, unauthorized, "an authorization of the order is no longer valid")
			if i >= 0 {
				p.Identifier = &auths[i].Identifier
			}
			return p
		}
	}
	return nil
}

// fits compares the certificate request with the order: exactly its names, in
// common name and subjectAltName together, and not the account's own key.
func (c *call) fits(o *core.ACMEOrder, der []byte, auths []*core.Authorization) error {
	bad := func(detail string) error { return refuse(http.StatusBadRequest, badCSR, detail) }
	csr, err := x509x.ParseCSR(der)
	if err != nil {
		return bad("the certificate request cannot be read: " + err.Error())
	}
	if err := csr.CheckSignature(); err != nil {
		return bad("the certificate request is not signed by its own key")
	}
	ask, err := policy.FromCSR(csr)
	if err != nil {
		return bad(core.AsError(err).Detail)
	}
	known, err := c.accountKey(csr.PublicKey)
	if err != nil {
		return err
	}
	if known {
		return bad("the key of the certificate request is an account key")
	}
	n := ask.Names
	if len(n.Email)+len(n.URI)+len(n.UPN) > 0 || len(ask.Unsupported) > 0 {
		return bad("the certificate request asks for names of other kinds than the order")
	}
	asked := map[string]bool{}
	for _, name := range n.DNS {
		asked["dns:"+strings.TrimSuffix(strings.ToLower(name), ".")] = true
	}
	for _, a := range n.IP {
		asked["ip:"+a.Unmap().String()] = true
	}
	device := slices.ContainsFunc(o.Identifiers, func(i core.Identifier) bool {
		return i.Type == core.IdentifierPermanent || i.Type == core.IdentifierHardware
	})
	if len(n.Other) > 0 && !device {
		return bad("the certificate request asks for names of other kinds than the order")
	}
	if cn := strings.TrimSuffix(strings.ToLower(ask.Subject.First("CN")), "."); cn != "" && !device && !asked["ip:"+cn] {
		asked["dns:"+cn] = true
	}
	for _, id := range o.Identifiers {
		delete(asked, id.String())
		if id.Type == core.IdentifierDNS || id.Type == core.IdentifierIP {
			if !slices.ContainsFunc(n.DNS, func(s string) bool { return strings.EqualFold(strings.TrimSuffix(s, "."), id.Value) }) &&
				!slices.ContainsFunc(n.IP, func(a netip.Addr) bool { return a.Unmap().String() == id.Value }) &&
				!strings.EqualFold(ask.Subject.First("CN"), id.Value) {
				return bad("the certificate request lacks " + id.Value + ", which the order names")
			}
		}
	}
	for extra := range asked {
		return bad("the certificate request asks for " + cutText(extra) + ", which the order does not name")
	}
	return c.attestedKey(csr.RawSPKI, auths)
}

// accountKey reports whether a key is that of an account of this directory
// (section 11.1), the one that asks or another.
func (c *call) accountKey(pub crypto.PublicKey) (bool, error) {
	if c.key.Same(pub) {
		return true, nil
	}
	_, err := c.s.d.Storage.ACMEAccountByKey(c.r.Context(), c.cred.ID, jws.Thumbprint(pub))
	if core.Is(err, core.KindNotFound) {
		return false, nil
	}
	return err == nil, err
}

// attestedKey binds the certificate to the key that a device attested.
func (c *call) attestedKey(spki []byte, auths []*core.Authorization) error {
	sum := sha256.Sum256(spki)
	for _, a := range auths {
		for _, ch := range a.Challenges {
			if ch.State == core.ChallengeValid && len(ch.KeyHash) > 0 && !bytes.Equal(ch.KeyHash, sum[:]) {
				return refuse(http.StatusBadRequest, badCSR, "the key of the certificate request is not the one that the device attested")
			}
		}
	}
	return nil
}

// checkCAA looks at the CAA records when the product asks for it.
func (c *call) checkCAA(o *core.ACMEOrder, auths []*core.Authorization) error {
	product, err := c.s.d.Enroll.Product(c.r.Context(), c.cred.Account, o.Product)
	if err != nil {
		return err
	}
	if len(product.Profile.CAA) == 0 {
		return nil
	}
	var bad []problem
	for _, id := range o.Identifiers {
		if id.Type != core.IdentifierDNS {
			continue
		}
		t := target{id: id}
		t.id.Value, t.wildcard = strings.CutPrefix(id.Value, "*.")
		method := ""
		for _, a := range auths {
			if serves(a, t) {
				method = a.Method
			}
		}
		f, _ := c.s.d.Checker.CAA(c.r.Context(), t.id.Value, t.wildcard, product.Profile.CAA, c.url("acct", string(c.acct.ID)), method)
		if f != nil {
			p := refuse(http.StatusForbidden, f.Code, f.Detail)
			p.Identifier = &id
			bad = append(bad, *p)
		}
	}
	return combine(bad)
}

// issue asks enroll for the certificate. The order's own row is written in the
// transaction that records the certificate, so it costs no commit. An issuer
// that takes longer than the service's patience goes on beside the request,
// and the client polls.
func (c *call) issue(o *core.ACMEOrder) (*core.ACMEOrder, error) {
	type outcome struct {
		res *enroll.Result
		err error
	}
	done := make(chan outcome, 1)
	ctx := context.WithoutCancel(c.r.Context())
	var written *core.ACMEOrder
	r, err := c.request(o, &written)
	if err != nil {
		return nil, err
	}
	c.s.runs.Go(func() {
		res, err := c.s.d.Enroll.Submit(ctx, r)
		done <- outcome{res, err}
	})
	patience := time.NewTimer(c.s.d.Patience)
	defer patience.Stop()
	select {
	case x := <-done:
		if x.err == nil && x.res.Certificate != nil && written != nil && written.Certificate == x.res.Certificate.ID {
			return written, nil
		}
		return c.settle(o, x.res, x.err)
	case <-patience.C:
	}
	next := *o
	next.State, next.UpdatedAt = core.ACMEOrderProcessing, c.s.d.Now()
	err = c.s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		return c.s.d.Storage.UpdateACMEOrder(ctx, tx, &next, core.ACMEOrderReady)
	})
	if core.Is(err, core.KindConflict) { // issued in this very moment
		return c.s.d.Storage.ACMEOrder(ctx, c.cred.ID, o.ID)
	}
	return &next, err
}

// request is the order as enroll takes it. The idempotency key is the order:
// whoever asks again, after a crash or on another replica, gets the same
// certificate. written gets what was written beside the certificate.
func (c *call) request(o *core.ACMEOrder, written **core.ACMEOrder) (enroll.Request, error) {
	names, err := namesOf(o.Identifiers)
	if err != nil {
		return enroll.Request{}, err
	}
	r := enroll.Request{Principal: c.who, Product: o.Product, CSR: o.CSR, Names: &names, NotBefore: o.NotBefore, NotAfter: o.NotAfter,
		ProofChecked: true, CAAChecked: true, IdempotencyKey: "acme:" + string(o.ID), Replaces: o.Replaces, Anew: true,
		Origin: core.Origin{Protocol: c.s.Name(), Operation: "finalize", Address: address(c.who.Address), RequestID: c.who.RequestID}}
	for _, id := range o.Identifiers {
		switch id.Type {
		case core.IdentifierDNS, core.IdentifierIP:
			r.Proofs = append(r.Proofs, id.String())
		default:
			r.Proofs = append(r.Proofs, "other:"+oidPermanentIdentifier)
		}
	}
	st := c.s.d.Storage
	r.With = func(ctx context.Context, tx core.Tx, eo *core.Order) error {
		*written = nil // this may run again
		next := *o
		next.Order, next.Certificate, next.UpdatedAt = eo.ID, eo.Certificate, c.s.d.Now()
		next.State = core.ACMEOrderProcessing
		if eo.State == core.OrderIssued {
			next.State = core.ACMEOrderValid
		}
		err := st.UpdateACMEOrder(ctx, tx, &next, core.ACMEOrderReady)
		if core.Is(err, core.KindConflict) {
			err = st.UpdateACMEOrder(ctx, tx, &next, core.ACMEOrderProcessing)
		}
		if core.Is(err, core.KindConflict) {
			return nil // what was issued is recorded in any case
		}
		if err == nil {
			*written = &next
		}
		return err
	}
	return r, nil
}

// settle turns enroll's answer into the order's state. Where the answer came
// without the write of request (a repeat), it is made up for.
func (c *call) settle(o *core.ACMEOrder, res *enroll.Result, err error) (*core.ACMEOrder, error) {
	next := *o
	next.UpdatedAt = c.s.d.Now()
	switch {
	case err == nil && res.Certificate != nil:
		next.State, next.Order, next.Certificate = core.ACMEOrderValid, res.Order.ID, res.Certificate.ID
	case err == nil:
		next.State, next.Order = core.ACMEOrderProcessing, res.Order.ID
	case core.Is(err, core.KindApprovalRefused), o.Order != "" && (core.Is(err, core.KindConflict) || core.Is(err, core.KindUpstream)):
		p := problemOf(err)
		next.State, next.Problem = core.ACMEOrderInvalid, &core.ACMEProblem{Type: strings.TrimPrefix(p.Type, namespace), Detail: p.Detail, Status: http.StatusForbidden}
	case core.Is(err, core.KindConflict): // the order was finalized with another request
		return nil, refuse(http.StatusForbidden, orderNotReady, "the order is being finalized with another certificate request")
	default:
		return nil, err
	}
	ctx := context.WithoutCancel(c.r.Context())
	now, rerr := c.s.d.Storage.ACMEOrder(ctx, c.cred.ID, o.ID)
	if rerr != nil {
		return nil, rerr
	}
	if now.State == next.State && now.Order == next.Order && now.Certificate == next.Certificate || now.State == core.ACMEOrderValid {
		return now, nil
	}
	err = c.s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		return c.s.d.Storage.UpdateACMEOrder(ctx, tx, &next, now.State)
	})
	if core.Is(err, core.KindConflict) {
		return c.s.d.Storage.ACMEOrder(ctx, c.cred.ID, o.ID)
	}
	return &next, err
}

// follow looks what has become of an order that is processing.
func (c *call) follow(o *core.ACMEOrder) (*core.ACMEOrder, error) {
	if o.Order != "" {
		res, err := c.s.d.Enroll.Poll(c.r.Context(), c.who, o.Order)
		return c.settle(o, res, err)
	}
	var written *core.ACMEOrder
	r, err := c.request(o, &written)
	if err != nil {
		return nil, err
	}
	res, err := c.s.d.Enroll.Submit(context.WithoutCancel(c.r.Context()), r)
	if err != nil && !core.Is(err, core.KindUnavailable) && !core.Is(err, core.KindInternal) && !core.Is(err, core.KindApprovalRefused) {
		// Too late for the client to send another request: the order ends.
		err = core.Errorf(core.KindApprovalRefused, "%s", problemOf(err).Detail)
	}
	return c.settle(o, res, err)
}
