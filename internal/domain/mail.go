package domain

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/validation"
)

// ConfirmPath is where links of mails lead, below the base URL; the secret
// follows.
const ConfirmPath = "/domain-validation/"

// Limits of mails about one domain name, or to one address, of an account.
const (
	mailPause = time.Minute
	mailDay   = 10 // in 24 hours
)

// mail sends a link to an address that may answer for the domain.
func (s *Service) mail(ctx context.Context, p *core.Principal, d *core.Domain, address string) (*Outcome, error) {
	if s.d.Mail == nil {
		return nil, core.Errorf(core.KindUnsupported, "this server has no mail server, so that nobody can be asked by mail; use another method").At("method")
	}
	c := s.challengeOf(d)
	r := validation.Result{}
	if d.Method == core.MethodDNSContact {
		var failed *Outcome
		var err error
		if address, r, failed, err = s.contact(ctx, p, d, address); err != nil || failed != nil {
			return failed, err
		}
	} else {
		allowed := c.Emails
		to, ok := sameAddress(allowed, address)
		if address == "" {
			to, ok = d.Email, d.Email != ""
		}
		if !ok {
			return nil, core.Errorf(core.KindInvalid, "the mail goes to one of %s", strings.Join(allowed, ", ")).At("address")
		}
		address = to
	}
	return s.send(ctx, p, d, address, r)
}

// contact finds the address for dns-contact and has every vantage point look
// whether the DNS names it. When it does not, the outcome says so.
func (s *Service) contact(ctx context.Context, p *core.Principal, d *core.Domain, address string) (string, validation.Result, *Outcome, error) {
	list, f, records := s.d.Checker.Contacts(ctx, d.Name)
	to, ok := sameAddress(list, address)
	if address == "" && len(list) == 1 {
		to, ok = list[0], true
	}
	if !ok && len(list) > 0 {
		return "", validation.Result{}, nil, core.Errorf(core.KindInvalid, "the mail goes to one of %s", strings.Join(list, ", ")).At("address")
	}
	r := validation.Result{Failure: f, Records: records, Perspectives: 1, Quorum: 1}
	if ok {
		r = s.d.Checker.Check(ctx, validation.Check{Method: d.Method, Identifier: core.Identifier{Type: core.IdentifierDNS, Value: d.Name}, Value: to})
	} else if f == nil {
		r.Failure = &core.Failure{Code: "unauthorized", Detail: "neither a CAA record with contactemail nor TXT _validation-contactemail." + d.Name + " names an address"}
	}
	if err := ctx.Err(); err != nil {
		return "", r, nil, err
	}
	if r.Failure == nil {
		return to, r, nil, nil
	}
	c := s.challengeOf(d)
	a := s.attempt(d, r, "CAA contactemail or TXT _validation-contactemail."+d.Name)
	a.Failure, a.Next = r.Failure, nextStep(c, r.Failure, false)
	out := &Outcome{Attempt: a, Perspectives: r.Perspectives, Agreed: r.Agreed, Quorum: r.Quorum}
	err := s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) (err error) {
		out.Domain, err = s.conclude(ctx, tx, p, d, a, d.CAA)
		return err
	})
	if err != nil {
		return "", r, nil, err
	}
	return "", r, out, nil
}

func (s *Service) attempt(d *core.Domain, r validation.Result, expected string) *core.DomainAttempt {
	now := s.now()
	return &core.DomainAttempt{ID: core.NewID[core.AttemptID](now), Account: d.Account, Domain: d.ID, Method: d.Method, Records: r.Records,
		Expected: expected, Perspectives: r.Perspectives, Agreed: r.Agreed, Quorum: r.Quorum, At: now}
}

// send writes down whom the mail goes to, and its secret by hash, before it goes
// out: the link works as soon as it can be read.
func (s *Service) send(ctx context.Context, p *core.Principal, d *core.Domain, address string, r validation.Result) (*Outcome, error) {
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // never fails since Go 1.24
	secret := base64.RawURLEncoding.EncodeToString(raw[:])
	hash := sha256.Sum256([]byte(secret))
	a := s.attempt(d, r, address)
	a.Next = "Have the recipient open the link in the mail to " + address + " and accept, until " + a.At.Add(TokenLife).Format(time.RFC3339) + "."
	out := &Outcome{Attempt: a, Sent: true, Perspectives: r.Perspectives, Agreed: r.Agreed, Quorum: r.Quorum}
	err := s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		cur, err := s.d.Storage.FindDomain(ctx, tx, d.Account, d.ID)
		if err != nil {
			return err
		}
		if cur.Token != d.Token || cur.Method != d.Method || !open(cur, a.At) {
			return core.Errorf(core.KindConflict, "the challenge was changed meanwhile; try again")
		}
		n, last, err := s.d.Storage.DomainMails(ctx, tx, d.Account, d.Name, address, a.At.Add(-24*time.Hour))
		switch {
		case err != nil:
			return err
		case n > 0 && a.At.Sub(last) < mailPause:
			return core.Errorf(core.KindRateLimited, "a mail about this domain went out less than a minute ago").After(mailPause - a.At.Sub(last))
		case n >= mailDay:
			return core.Errorf(core.KindRateLimited, "%d mails about this domain or to this address went out in a day: no more for now", n).After(time.Hour)
		}
		cur.Email, cur.EmailHash, cur.TokenUntil, cur.UpdatedAt = address, hash[:], a.At.Add(TokenLife), a.At
		if err := s.d.Storage.InsertAttempt(ctx, tx, a, keepAttempts); err != nil {
			return err
		}
		e := core.EventOf(p, a.At, "domain.mail", object(cur))
		e.Detail = map[string]any{"name": cur.Name, "method": cur.Method, "to": address}
		s.d.Audit.Write(tx, e)
		out.Domain = cur
		return s.d.Storage.UpdateDomain(ctx, tx, cur)
	})
	if err != nil {
		return nil, err
	}
	if err := s.d.Mail.SendMail(ctx, address, "Control of "+d.Name, s.text(ctx, out.Domain, secret)); err != nil {
		s.d.Log.WarnContext(ctx, "a validation mail did not go out", "domain", d.ID, "error", err)
		e := core.AsError(err)
		if err := s.unsent(ctx, out.Domain, hash[:]); err != nil {
			return nil, err
		}
		return nil, core.Wrap(core.KindUnavailable, err, "the mail to %s did not go out: try again in a minute", address).After(max(e.RetryAfter, mailPause))
	}
	return out, nil
}

// unsent writes down that a mail did not go out; its link does not work then.
func (s *Service) unsent(ctx context.Context, d *core.Domain, hash []byte) error {
	a := s.attempt(d, validation.Result{}, d.Email)
	a.Failure = &core.Failure{Code: "connection", Detail: "the mail to " + d.Email + " did not go out"}
	a.Next = "Try again in a minute; tell the operator of this server if it stays so."
	return s.d.Storage.InTx(context.WithoutCancel(ctx), func(ctx context.Context, tx core.Tx) error {
		if err := s.d.Storage.InsertAttempt(ctx, tx, a, keepAttempts); err != nil {
			return err
		}
		cur, err := s.d.Storage.DomainByMail(ctx, tx, hash)
		if core.Is(err, core.KindNotFound) {
			return nil // replaced meanwhile
		}
		if err != nil {
			return err
		}
		cur.EmailHash, cur.UpdatedAt = nil, a.At
		return s.d.Storage.UpdateDomain(ctx, tx, cur)
	})
}

// text is the mail.
func (s *Service) text(ctx context.Context, d *core.Domain, secret string) string {
	who := "Somebody"
	if d.Organisation != "" {
		if o, err := s.d.Storage.Organisation(ctx, nil, d.Account, d.Organisation); err == nil {
			who = o.Name
		}
	} else if g, err := s.d.Storage.Group(ctx, nil, d.Account, d.Group); err == nil {
		who = "The group " + g.Name
	}
	return fmt.Sprintf(`%s asks for certificates for the domain

    %s

You get this mail because this address can answer for the domain. Open

    %s

to accept or refuse. Opening the page decides nothing yet. The link ends on
%s.

If you do not know what this is about, refuse, or do nothing.
`, who, d.Name, s.d.BaseURL()+ConfirmPath+secret, d.TokenUntil.Format("2006-01-02 15:04 MST"))
}

// errLink is all that a wrong link is told.
var errLink = core.Errorf(core.KindNotFound, "the link is wrong, was answered already, or was replaced by a newer one")

// Pending returns the domain that a link of a mail is about, without answering.
func (s *Service) Pending(ctx context.Context, secret string) (*core.Domain, error) {
	return s.linked(ctx, nil, secret)
}

func (s *Service) linked(ctx context.Context, tx core.Tx, secret string) (*core.Domain, error) {
	if raw, err := base64.RawURLEncoding.DecodeString(secret); err != nil || len(raw) != 32 {
		return nil, errLink
	}
	hash := sha256.Sum256([]byte(secret))
	d, err := s.d.Storage.DomainByMail(ctx, tx, hash[:])
	switch {
	case core.Is(err, core.KindNotFound):
		return nil, errLink
	case err != nil:
		return nil, err
	case !open(d, s.now()):
		return nil, core.Errorf(core.KindExpired, "the link is past its end, or the domain is out of use")
	}
	return d, nil
}

// Confirm answers the link of a validation mail, once. ok false refuses; from is
// the address that the answer came from. Errors: not-found (wrong or used),
// expired.
func (s *Service) Confirm(ctx context.Context, secret string, ok bool, from string) (*core.Domain, error) {
	d, err := s.linked(ctx, nil, secret)
	if err != nil {
		return nil, err
	}
	caa := d.CAA
	if ok {
		if caa, _, err = s.caa(ctx, d); err != nil {
			return nil, err
		}
	}
	var out *core.Domain
	err = s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		d, err := s.linked(ctx, tx, secret)
		if err != nil {
			return err
		}
		a := s.attempt(d, validation.Result{Perspectives: 1, Agreed: 1, Quorum: 1}, d.Email)
		a.Passed = ok
		e := core.Event{Account: d.Account, At: a.At, Actor: "mail", Login: d.Email, Address: from, Action: "domain.confirm", Object: object(d),
			Outcome: core.Success, Detail: map[string]any{"name": d.Name, "method": d.Method}}
		out = d
		if !ok {
			a.Agreed, a.Failure = 0, &core.Failure{Code: "unauthorized", Detail: "the recipient of the mail to " + d.Email + " refused"}
			a.Next = "Ask the recipient why, then renew the domain or prove control in another way."
			e.Outcome = core.Refused
		}
		if err := s.d.Storage.InsertAttempt(ctx, tx, a, keepAttempts); err != nil {
			return err
		}
		s.d.Audit.Write(tx, e)
		if ok {
			d.CAA = caa
			return s.prove(ctx, tx, d, a.At)
		}
		if d.Shown(a.At) == core.ControlVerified { // the proof of before stays
			d.TokenUntil, d.EmailHash, d.NextCheck = time.Time{}, nil, time.Time{}
		} else {
			reject(d)
		}
		d.UpdatedAt = a.At
		return s.d.Storage.UpdateDomain(ctx, tx, d)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
