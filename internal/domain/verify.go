package domain

import (
	"context"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/validation"
)

// keepAttempts is how many attempts of a domain are kept.
const keepAttempts = 200

// Verify looks at the challenge now (method empty: the present one). For the e-mail methods it
// sends the mail to address. Failure is not an error but an Outcome whose
// attempt did not pass. Errors: expired (the challenge ran out: a new one
// stands), invalid (method, address), rate-limited, conflict (inactive).
func (s *Service) Verify(ctx context.Context, p *core.Principal, id core.DomainID, method, address string) (*Outcome, error) {
	d, err := s.mine(ctx, p, identity.DomainManage, id)
	if err != nil {
		return nil, err
	}
	now := s.now()
	if method == "" {
		method = d.Method
	}
	if err := s.fits(d.Name, method); err != nil {
		return nil, err
	}
	if d.State != core.DomainActive {
		return nil, core.Errorf(core.KindConflict, "the domain is out of use; activate it first")
	}
	if d.TokenUntil.IsZero() && d.Shown(now) == core.ControlVerified {
		return &Outcome{Domain: d, Already: true}, nil
	}
	old := open(d, now)
	if !old || method != d.Method {
		d, err = s.edit(ctx, p, id, "domain.challenge", func(d *core.Domain, e *core.Event) error {
			e.Detail = map[string]any{"method": method}
			return s.turn(d, method, now)
		})
		if err != nil {
			return nil, err
		}
	}
	if !looked(method) {
		return s.mail(ctx, p, d, address) // a mail is a challenge of its own: there is nothing old to look at
	}
	if !old {
		return nil, core.Errorf(core.KindExpired, "the challenge ran out; a new one stands: publish its token and verify again").At("token")
	}
	return s.look(ctx, p, d, false)
}

// look asks the world about an open challenge and writes down what it said.
func (s *Service) look(ctx context.Context, p *core.Principal, d *core.Domain, background bool) (*Outcome, error) {
	c := s.challengeOf(d)
	q := validation.Check{Method: d.Method, Identifier: core.Identifier{Type: core.IdentifierDNS, Value: d.Name},
		Record: c.RecordName, Value: c.look(), FileName: c.FileName}
	r := s.d.Checker.Check(ctx, q)
	if d.Method == core.MethodDNSTXT && r.Failure != nil {
		r = s.elsewhere(ctx, q, r)
	}
	if err := ctx.Err(); err != nil {
		return nil, err // the caller is gone: what was seen says nothing
	}
	now := s.now()
	a := &core.DomainAttempt{ID: core.NewID[core.AttemptID](now), Account: d.Account, Domain: d.ID, Method: d.Method, Background: background,
		Passed: r.Failure == nil, Failure: r.Failure, Records: r.Records, Expected: expected(c), Perspectives: r.Perspectives, Agreed: r.Agreed,
		Quorum: r.Quorum, At: now}
	caa := d.CAA
	if a.Passed {
		var err error
		if caa, _, err = s.caa(ctx, d); err != nil {
			return nil, err
		}
	} else {
		a.Next = nextStep(c, r.Failure, d.Auto)
	}
	out := &Outcome{Attempt: a, Perspectives: r.Perspectives, Agreed: r.Agreed, Quorum: r.Quorum}
	err := s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) (err error) {
		out.Domain, err = s.conclude(ctx, tx, p, d, a, caa)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// elsewhere looks for the token at the labels of other platforms. What was
// found at the proper place stays the answer unless one of them has it.
func (s *Service) elsewhere(ctx context.Context, q validation.Check, r validation.Result) validation.Result {
	for _, label := range s.d.TXTAlso {
		q.Record = label + "." + q.Identifier.Value
		also := s.d.Checker.Check(ctx, q)
		also.Records = append(r.Records, also.Records...)
		if also.Failure == nil {
			return also
		}
		r.Records = also.Records
	}
	return r
}

// look is what must be seen in the world.
func (c *Challenge) look() string {
	if c.Value != "" {
		return c.Value
	}
	return c.Token
}

// conclude writes an attempt at the challenge of seen, and what follows from it.
func (s *Service) conclude(ctx context.Context, tx core.Tx, p *core.Principal, seen *core.Domain, a *core.DomainAttempt, caa core.CAAState) (*core.Domain, error) {
	d, err := s.d.Storage.FindDomain(ctx, tx, seen.Account, seen.ID)
	if err != nil {
		return nil, err
	}
	if err := s.d.Storage.InsertAttempt(ctx, tx, a, keepAttempts); err != nil {
		return nil, err
	}
	e := core.EventOf(p, a.At, "domain.verify", object(d))
	e.Detail = map[string]any{"name": d.Name, "method": a.Method, "agreed": a.Agreed, "perspectives": a.Perspectives}
	if !a.Passed {
		if !a.Background { // the background looks often: its attempts say enough
			e.Outcome = core.Failed
			e.Detail["failure"] = a.Failure.Code
			s.d.Audit.Write(tx, e)
		}
		return d, nil
	}
	switch {
	case d.Token != seen.Token || d.Method != seen.Method || d.State != core.DomainActive:
		return nil, core.Errorf(core.KindConflict, "the challenge was changed while it was looked at; verify again")
	case d.TokenUntil.IsZero():
		return d, nil // somebody else saw the same at the same time, or refused it
	}
	d.CAA = caa
	s.d.Audit.Write(tx, e)
	return d, s.prove(ctx, tx, d, a.At)
}

// prove makes a domain verified by its present method.
func (s *Service) prove(ctx context.Context, tx core.Tx, d *core.Domain, now time.Time) error {
	d.Control, d.ProvenBy, d.VerifiedAt, d.ValidUntil = core.ControlVerified, d.Method, now, now.Add(s.d.ProofLife)
	d.TokenUntil, d.EmailHash, d.NextCheck, d.UpdatedAt = time.Time{}, nil, time.Time{}, now
	if err := s.d.Storage.UpdateDomain(ctx, tx, d); err != nil {
		return err
	}
	if s.d.Verified == nil {
		return nil
	}
	return s.d.Verified(ctx, tx, d)
}

// nextStep says what to do about a look that did not pass.
func nextStep(c *Challenge, f *core.Failure, auto bool) string {
	again := ", then verify again"
	if auto {
		again = "; it is looked at again by itself until " + c.Until.UTC().Format(time.RFC3339) + ", or verify again now"
	}
	switch f.Code {
	case "dnssec":
		return "Repair the DNSSEC signatures of the zone" + again + "."
	case "serverInternal":
		return "A vantage point could not look: verify again, and tell the operator of this server if it stays so."
	}
	switch c.Method {
	case core.MethodDNSTXT:
		return "Publish the TXT record " + c.RecordName + " with the value " + c.Value + " and wait until every name server of the zone has it" + again + "."
	case core.MethodDNSCNAME:
		return "Publish the CNAME record " + c.RecordName + " that points to " + c.Value + ". (the target need not exist) and wait until every name server of the zone has it" + again + "."
	case core.MethodHTTPFile:
		if f.Code == "dns" {
			return "Give " + c.Domain + " an address in the DNS, serve " + c.FileURL + " there with nothing but " + c.Token + again + "."
		}
		return "Serve " + c.FileURL + " over plain HTTP, on port 80, with nothing but " + c.Token + ", reachable from the Internet side that looks" + again + "."
	case core.MethodDNSContact:
		return "Publish a CAA record with contactemail or a TXT record at _validation-contactemail." + c.Domain + " that names the address" + again + "."
	}
	return ""
}
