package domain

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/validation"
)

// tokenPrefix tells people what a value in their DNS is for.
const tokenPrefix = "certwright-dcv-"

func newToken() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return tokenPrefix + hex.EncodeToString(b[:])
}

// looked reports whether a method is one that can be looked at without anybody
// answering a mail.
func looked(method string) bool {
	return method == core.MethodDNSTXT || method == core.MethodDNSCNAME || method == core.MethodHTTPFile
}

// alias is the CNAME that a token asks for: its label, and its target below the
// suffix. Neither shows the token.
func alias(token string) (label, target string) {
	sum := sha256.Sum256([]byte(token))
	return "_" + hex.EncodeToString(sum[:16]), hex.EncodeToString(sum[16:])
}

// fileName is the file for a token. The token must not stand in the request
// (CA/B BR 3.2.2.4.18).
func fileName(token string) string {
	sum := sha256.Sum256([]byte("file " + token))
	return hex.EncodeToString(sum[:16]) + ".txt"
}

// challengeOf says what has to be published. Addresses are left to the caller.
func (s *Service) challengeOf(d *core.Domain) *Challenge {
	c := &Challenge{Method: d.Method, Domain: d.Name, Until: d.TokenUntil, Verified: d.TokenUntil.IsZero() && d.Shown(s.now()) == core.ControlVerified}
	switch d.Method {
	case core.MethodDNSTXT:
		c.Token, c.RecordType, c.RecordName, c.Value = d.Token, "TXT", s.d.TXTLabel+"."+d.Name, d.Token
	case core.MethodDNSCNAME:
		label, target := alias(d.Token)
		c.Token, c.RecordType, c.RecordName, c.Value = d.Token, "CNAME", label+"."+d.Name, target+"."+s.d.CNAMESuffix
	case core.MethodHTTPFile:
		c.Token, c.FileName = d.Token, fileName(d.Token)
		c.FileURL = "http://" + d.Name + validation.FilePath + c.FileName
	case core.MethodEmail:
		c.Emails, c.SentTo = Addresses(d.Name), d.Email
	case core.MethodDNSContact:
		c.SentTo = d.Email
	}
	return c
}

// Asked is the challenge of a domain as it was read: nothing is made anew, and
// nothing looked up.
func (s *Service) Asked(d *core.Domain) *Challenge { return s.challengeOf(d) }

// expected is what an attempt looks for, for people.
func expected(c *Challenge) string {
	switch {
	case c.RecordName != "":
		return c.RecordType + " " + c.RecordName + " = " + c.Value
	case c.FileURL != "":
		return c.FileURL + " = " + c.Token
	}
	return c.SentTo
}

// begin starts validation anew: a fresh token, the mail of before void. A proof
// that is still valid stays.
func (s *Service) begin(d *core.Domain, method string, now time.Time) {
	d.Method, d.Token, d.TokenUntil = method, newToken(), now.Add(TokenLife)
	s.change(d, method, now)
	if d.Shown(now) != core.ControlVerified {
		d.Control = core.ControlPending
	} else if d.ProvenBy == "" {
		d.ProvenBy = method
	}
}

// change turns an open challenge over to a method. Its token stays.
func (s *Service) change(d *core.Domain, method string, now time.Time) {
	d.Method, d.Email, d.EmailHash = method, "", nil
	d.Auto, d.NextCheck = looked(method), time.Time{}
	if d.Auto {
		d.NextCheck = now.Add(steps[0])
	}
}

// open reports whether d has a challenge that can be answered.
func open(d *core.Domain, now time.Time) bool {
	return d.State == core.DomainActive && !d.TokenUntil.IsZero() && now.Before(d.TokenUntil)
}

// fits refuses methods that do not exist or whose record would have too long a
// name.
func (s *Service) fits(name, method string) error {
	if !slices.Contains(core.DomainMethods, method) {
		return core.Errorf(core.KindInvalid, "the methods are %s", strings.Join(core.DomainMethods, ", ")).At("method")
	}
	c := s.challengeOf(&core.Domain{Name: name, Method: method, Token: tokenPrefix})
	if len(c.RecordName) > 253 || len(c.Value) > 253 {
		return core.Errorf(core.KindInvalid, "the name is too long for the method %s: its record %s would have %d octets", method, c.RecordName, len(c.RecordName)).At("method")
	}
	return nil
}

// Challenge returns the present challenge, made anew when it ran out; with a
// method other than the present one the domain changes over to it.
func (s *Service) Challenge(ctx context.Context, p *core.Principal, id core.DomainID, method string) (*Challenge, error) {
	d, err := s.Domain(ctx, p, id)
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
	done := d.TokenUntil.IsZero() && d.Shown(now) == core.ControlVerified
	if method != d.Method || !done && !open(d, now) {
		shown := d
		d, err = s.edit(ctx, p, id, "domain.challenge", func(d *core.Domain, e *core.Event) error {
			e.Detail = map[string]any{"method": method}
			return s.turn(d, method, now)
		})
		if core.Is(err, core.KindForbidden) && method == shown.Method {
			d, err = shown, nil // who only looks sees what there is
		}
		if err != nil {
			return nil, err
		}
	}
	c := s.challengeOf(d)
	if d.Method == core.MethodDNSContact && !c.Verified {
		if c.Emails, _, _ = s.d.Checker.Contacts(ctx, d.Name); len(c.Emails) == 0 && c.SentTo != "" {
			c.Emails = []string{c.SentTo}
		}
	}
	return c, nil
}

// turn makes a challenge of d one that can be answered, by method.
func (s *Service) turn(d *core.Domain, method string, now time.Time) error {
	switch {
	case d.State != core.DomainActive:
		return core.Errorf(core.KindConflict, "the domain is out of use; activate it first")
	case d.Control == core.ControlRejected && d.TokenUntil.IsZero():
		return core.Errorf(core.KindConflict, "control of the domain was refused; renew the domain to begin again")
	case !open(d, now):
		s.begin(d, method, now)
	case method != d.Method:
		s.change(d, method, now)
	}
	return nil
}
