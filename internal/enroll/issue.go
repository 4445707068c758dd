package enroll

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/certwright/certwright/internal/connector"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// KeyPlace is the context under which the private key of an order is sealed.
func KeyPlace(id core.OrderID) string { return "order:" + string(id) + ":key" }

// order records the wish and issues, or leaves it to people or a remote CA.
func (s *Service) order(ctx context.Context, w *wish) (*Result, error) {
	if !w.req.CAAChecked && !w.manual() {
		if err := s.caa(ctx, w.product.Product(), w.template.Names); err != nil {
			return nil, err
		}
	}
	o, err := s.orderOf(ctx, w)
	if err != nil {
		return nil, err
	}
	if s.overtaken(w, o) {
		return s.result(ctx, w.req.Principal, o)
	}
	if w.manual() {
		o.State = core.OrderApproval
		return s.park(ctx, w, o)
	}
	local, ok := w.conn.(connector.Local)
	if !ok {
		return nil, core.Errorf(core.KindUnavailable, "the connector %q cannot issue", w.conn.Type())
	}
	prepared, cert, err := s.prepare(ctx, w.issuer, local, o, w.now)
	if err != nil {
		return nil, err
	}
	s.d.Point("before-serial", cert.Serial)
	o.State, o.LeaseUntil, o.Attempt = core.OrderIssuing, w.now.Add(lease), o.Attempt+1
	taken, err := s.insert(ctx, w, o, func(ctx context.Context, tx core.Tx) error {
		return s.d.Storage.ReserveCertificate(ctx, tx, cert)
	})
	if err != nil {
		return nil, err
	}
	if taken {
		return s.again(ctx, w)
	}
	// A key made here for this very answer is forgotten with the same commit
	// unless the product lets it be fetched again.
	forget := len(w.pkcs8) > 0 && !w.product.Product().Profile.KeyExport && w.req.Open == nil
	res, err := s.finish(ctx, w.req.Principal, o, cert, prepared, forget, w.req.With)
	if err == nil {
		res.Key = w.pkcs8
	}
	return res, err
}

// title is what a certificate is called in lists: its common name, else its
// first name.
func title(subject core.DN, names []string) string {
	if cn := subject.First("CN"); cn != "" || len(names) == 0 {
		return cn
	}
	_, name, _ := strings.Cut(names[0], ":")
	return name
}

// keyName is the word for a kind of key in lists: "RSA 3072", "ECDSA P-256".
func keyName(algorithm string, bits int, curve string) string {
	switch {
	case curve != "":
		return algorithm + " " + curve
	case algorithm == "RSA":
		return algorithm + " " + strconv.Itoa(bits)
	}
	return algorithm
}

// newOrder fills an order from the wish.
func (s *Service) newOrder(ctx context.Context, w *wish) (*core.Order, error) {
	p := w.req.Principal
	n, err := s.d.Storage.Number(ctx, "order")
	if err != nil {
		return nil, err
	}
	product := w.product.Product()
	o := &core.Order{
		ID: core.NewID[core.OrderID](w.now), Account: p.Account, Number: n, User: p.User, Group: p.Group,
		Product: product.ID, Issuer: w.issuer.ID, Protocol: w.req.Origin.Protocol,
		Subject: w.template.Subject.String(), Names: w.names, IdempotencyKey: w.key, Replaces: w.req.Replaces,
		Request:   core.OrderRequest{CSR: w.req.CSR, Template: w.template, Comment: w.req.Comment, CAA: w.req.CAAChecked, Digest: w.digest, JudgedAt: w.now, FixedEnd: !w.req.NotAfter.IsZero()},
		CreatedAt: w.now, UpdatedAt: w.now,
	}
	if p.Credential != nil {
		o.Credential = p.Credential.ID
	}
	if len(w.pkcs8) > 0 {
		if o.KeySealed, err = s.d.Sealer.Seal(w.pkcs8, KeyPlace(o.ID)); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// insert adds the order and what goes with it in one transaction. taken: the
// idempotency key belongs to an order already.
func (s *Service) insert(ctx context.Context, w *wish, o *core.Order, more func(context.Context, core.Tx) error) (taken bool, err error) {
	quota := w.product.Product().Profile.Quota
	err = s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		taken = false
		if quota > 0 {
			n, err := s.d.Storage.CountValid(ctx, tx, o.Product, o.Credential, w.now)
			if err != nil {
				return err
			}
			if n >= quota {
				return core.Errorf(core.KindQuota, "%d certificates of this product are valid already, which is the limit", n)
			}
		}
		ok, err := s.record(ctx, tx, w, o)
		if err != nil {
			return err
		}
		if !ok {
			taken = true
			return nil
		}
		if w.req.Begin != nil {
			if err := w.req.Begin(ctx, tx, o); err != nil {
				return err
			}
		}
		return more(ctx, tx)
	})
	if w.req.Open != nil && (core.Is(err, core.KindConflict) || core.Is(err, core.KindExists)) {
		return true, nil
	}
	return taken, err
}

// park records an order that waits for people.
func (s *Service) park(ctx context.Context, w *wish, o *core.Order) (*Result, error) {
	taken, err := s.insert(ctx, w, o, func(ctx context.Context, tx core.Tx) error {
		e := s.event(w, "order.submit", "order:"+string(o.ID))
		e.Detail = map[string]any{"number": o.Number, "product": string(o.Product), "subject": o.Subject, "names": o.Names, "state": string(o.State)}
		s.d.Audit.Write(tx, e)
		if w.req.With != nil {
			return w.req.With(ctx, tx, o)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if taken {
		return s.again(ctx, w)
	}
	return &Result{Order: o, RetryAfter: pendingRetry}, nil
}

// again answers a wish whose idempotency key is taken.
func (s *Service) again(ctx context.Context, w *wish) (*Result, error) {
	if open := w.req.Open; open != nil {
		return s.outcome(ctx, w, open)
	}
	o, err := s.d.Storage.OrderByKey(ctx, w.key)
	if err != nil {
		if core.Is(err, core.KindNotFound) { // released in this very moment
			return nil, core.Errorf(core.KindUnavailable, "the same request is being worked on").After(busyRetry)
		}
		return nil, err
	}
	return s.repeat(ctx, w, o)
}

// repeat answers from the order that an identical request made before. An
// explicit idempotency key is good for ever; one derived from the content lets
// a new order through once the old outcome is of no use any more.
func (s *Service) repeat(ctx context.Context, w *wish, o *core.Order) (*Result, error) {
	if o.Request.Digest != w.digest {
		return nil, core.Errorf(core.KindConflict, "the idempotency key was used for another request").At("idempotency-key")
	}
	if w.derived && o.State.Final() {
		useful, err := s.useful(ctx, w, o)
		if err != nil {
			return nil, err
		}
		if !useful {
			if err := s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
				return s.d.Storage.ReleaseKey(ctx, tx, o.ID, w.key)
			}); err != nil {
				return nil, err
			}
			return s.order(ctx, w)
		}
	}
	res, err := s.result(ctx, w.req.Principal, o)
	if err != nil || w.req.KeyGen == "" || res.Certificate == nil {
		return res, err
	}
	return s.handOver(ctx, w, res)
}

// handOver adds the private key to the answer for an order that was issued
// after its request had been answered (approval, restart): once, unless the
// product lets it be fetched again.
func (s *Service) handOver(ctx context.Context, w *wish, res *Result) (*Result, error) {
	o := res.Order
	if len(o.KeySealed) == 0 {
		return nil, core.Errorf(core.KindConflict, "the private key was handed out before; make a new request")
	}
	key, err := s.d.Sealer.Open(o.KeySealed, KeyPlace(o.ID))
	if err != nil {
		return nil, err
	}
	if !w.product.Product().Profile.KeyExport {
		err = s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error { return s.d.Storage.DropKey(ctx, tx, o.ID) })
	}
	res.Key = key
	return res, err
}

// useful reports whether the final order o still answers a repeat of itself.
func (s *Service) useful(ctx context.Context, w *wish, o *core.Order) (bool, error) {
	recent := w.now.Sub(o.UpdatedAt) < repeatWindow
	if o.State != core.OrderIssued {
		return recent && o.State == core.OrderRejected, nil
	}
	c, err := s.d.Storage.Certificate(ctx, o.Account, o.Certificate)
	if err != nil {
		return false, err
	}
	keyed := w.req.KeyGen == "" || len(o.KeySealed) > 0 // a key pair that was handed out is gone
	return recent && keyed && c.State == core.CertActive && c.ReplacedBy == "" && w.now.Before(c.NotAfter), nil
}

// prepare asks the connector for the to-be-signed certificate and makes the
// row that reserves its serial.
func (s *Service) prepare(ctx context.Context, issuer *core.Issuer, local connector.Local, o *core.Order, now time.Time) (connector.Prepared, *core.Certificate, error) {
	n, err := s.d.Storage.Number(ctx, "certificate")
	if err != nil {
		return nil, nil, err
	}
	t, err := o.Request.Begun(now)
	if err != nil {
		return nil, nil, err
	}
	p, err := local.Prepare(ctx, connector.Request{Issuer: issuer, Order: o.ID, Template: t, CSR: o.Request.CSR})
	if err != nil {
		return nil, nil, err
	}
	algorithm, bits, curve := x509x.KeyInfo(t.SPKI)
	sum := sha256.Sum256(t.SPKI)
	return p, &core.Certificate{
		ID: core.NewID[core.CertificateID](now), Account: o.Account, Number: n, Order: o.ID, Issuer: issuer.ID,
		Product: o.Product, Credential: o.Credential, User: o.User, Group: o.Group, Protocol: o.Protocol,
		State: core.CertReserved, Serial: p.Serial(), Subject: o.Subject, CommonName: title(t.Subject, o.Names), Names: o.Names,
		KeyAlgorithm: keyName(algorithm, bits, curve), SPKIHash: sum[:], SKI: p.SKI(), NotBefore: t.NotBefore, NotAfter: p.NotAfter(),
		Replaces: o.Replaces, HasKey: len(o.KeySealed) > 0, CreatedAt: now,
	}, nil
}

// finish signs and records the certificate. The serial is on disk. forget drops
// the sealed private key in the same commit.
func (s *Service) finish(ctx context.Context, p *core.Principal, o *core.Order, c *core.Certificate, prepared connector.Prepared, forget bool, with func(context.Context, core.Tx, *core.Order) error) (*Result, error) {
	ctx = context.WithoutCancel(ctx) // a client that hangs up does not stop what is half done
	s.d.Point("before-sign", c.Serial)
	issued, err := prepared.Sign(ctx)
	if err != nil {
		return nil, errors.Join(err, s.fail(ctx, p, o, "the issuer could not sign"))
	}
	s.d.Point("before-commit", c.Serial)
	now := s.d.Now()
	sum := sha256.Sum256(issued.DER)
	c.State, c.DER, c.Fingerprint = core.CertActive, issued.DER, sum[:]
	c.HasKey = c.HasKey && !forget
	attempt := o.Attempt
	o.State, o.Certificate, o.UpdatedAt, o.LeaseUntil = core.OrderIssued, c.ID, now, time.Time{}
	err = s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		if err := s.d.Storage.UpdateOrder(ctx, tx, o, core.OrderIssuing, attempt); err != nil {
			return err
		}
		if err := s.d.Storage.FinishCertificate(ctx, tx, c); err != nil {
			return err
		}
		if forget {
			if err := s.d.Storage.DropKey(ctx, tx, o.ID); err != nil {
				return err
			}
		}
		if c.Replaces != "" {
			if err := s.d.Storage.MarkReplaced(ctx, tx, c.Replaces, c.ID); err != nil {
				return err
			}
		}
		e := core.EventOf(p, now, "certificate.issue", "certificate:"+string(c.ID))
		if e.Protocol == "" {
			e.Protocol = o.Protocol
		}
		e.Detail = map[string]any{"order": string(o.ID), "number": c.Number, "serial": c.Serial, "issuer": string(c.Issuer),
			"product": string(c.Product), "subject": c.Subject, "names": c.Names, "not_after": c.NotAfter.Unix()}
		s.d.Audit.Write(tx, e)
		if with != nil {
			return with(ctx, tx, o)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return assemble(o, c, issued.Chain), nil
}

// assemble makes the result of an issued order.
func assemble(o *core.Order, c *core.Certificate, chain [][]byte) *Result {
	r := &Result{Order: o, Certificate: c, Chain: chain}
	if n := len(chain); n > 0 && selfIssued(chain[n-1]) {
		r.Root = chain[n-1]
		if n > 1 {
			r.Chain = chain[:n-1]
		}
	}
	return r
}

// selfIssued reports whether issuer and subject of a certificate are the same.
func selfIssued(der []byte) bool {
	in := cryptobyte.String(der)
	var cert, tbs, issuer, subject cryptobyte.String
	return in.ReadASN1(&cert, cbasn1.SEQUENCE) && cert.ReadASN1(&tbs, cbasn1.SEQUENCE) &&
		tbs.SkipOptionalASN1(cbasn1.Tag(0).ContextSpecific().Constructed()) && // version
		tbs.SkipASN1(cbasn1.INTEGER) && tbs.SkipASN1(cbasn1.SEQUENCE) && // serial, algorithm
		tbs.ReadASN1(&issuer, cbasn1.SEQUENCE) && tbs.SkipASN1(cbasn1.SEQUENCE) && // issuer, validity
		tbs.ReadASN1(&subject, cbasn1.SEQUENCE) && bytes.Equal(issuer, subject)
}

// fail ends an order whose signature could not be made.
func (s *Service) fail(ctx context.Context, p *core.Principal, o *core.Order, why string) error {
	now, attempt, from := s.d.Now(), o.Attempt, o.State
	o.State, o.Failure, o.UpdatedAt, o.LeaseUntil = core.OrderFailed, why, now, time.Time{}
	return s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		if err := s.d.Storage.UpdateOrder(ctx, tx, o, from, attempt); err != nil {
			return err
		}
		e := core.EventOf(p, now, "certificate.issue", "order:"+string(o.ID))
		e.Outcome, e.Detail = core.Failed, map[string]any{"detail": why}
		s.d.Audit.Write(tx, e)
		return s.d.Storage.AbandonReserved(ctx, tx, o.ID, now)
	})
}
