package api

import (
	"context"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/domain"
	"github.com/certwright/certwright/internal/identity"
)

func (a *API) domainRoutes() {
	s := a.d.Domains
	addList(a, get("domains", "list-domains", "/domains", "List domains with the state of their proofs", identity.DomainView), "domains",
		s.Columns, s.Domains, a.domainResource)
	register(a, post("domains", "register-domain", "/domains", "Register a domain", identity.DomainManage).created().
		says("The answer holds the challenge. A name that the owner has already is refused with its id in field."), a.registerDomain)
	register(a, get("domains", "get-domain", "/domains/{id}", "Read a domain with its challenge", identity.DomainView),
		func(ctx context.Context, p *core.Principal, in *ByID[core.DomainID]) (*out[resource.DomainDetail], error) {
			d, err := s.Domain(ctx, p, in.ID)
			return shaped(d, err, a.domainDetail)
		})
	register(a, post("domains", "challenge-domain", "/domains/{id}/challenge", "Read the challenge, made anew when it ran out, or change the method", identity.DomainManage),
		a.challengeDomain)
	register(a, post("domains", "verify-domain", "/domains/{id}/verify", "Look at the challenge now, or send the mail", identity.DomainManage).
		says("A look that finds no proof is an answer like any other: its attempt says what was asked where, what was seen, and what to do."), a.verifyDomain)
	register(a, post("domains", "renew-domain", "/domains/{id}/renew", "Start validation again", identity.DomainManage).
		says("A proof that is still valid stays until the new one replaces it."), a.domainChange(s.Renew))
	register(a, post("domains", "activate-domain", "/domains/{id}/activate", "Take a domain back into use", identity.DomainManage),
		a.domainChange(func(ctx context.Context, p *core.Principal, id core.DomainID) (*core.Domain, error) {
			return s.SetActive(ctx, p, id, true)
		}))
	register(a, post("domains", "deactivate-domain", "/domains/{id}/deactivate", "Take a domain out of use: its proof covers nothing any more", identity.DomainManage),
		a.domainChange(func(ctx context.Context, p *core.Principal, id core.DomainID) (*core.Domain, error) {
			return s.SetActive(ctx, p, id, false)
		}))
	register(a, post("domains", "reject-domain", "/domains/{id}/reject", "Refuse control of a domain, or withdraw its proof", identity.DomainDecide).
		says("It covers nothing until its owner renews and proves it. Certificates stay as they are."), a.rejectDomain)
	register(a, get("domains", "list-domain-attempts", "/domains/{id}/attempts", "List what was seen when somebody looked, newest first", identity.DomainView), a.domainAttempts)
	register(a, get("domains", "get-domain-attempt", "/domains/{id}/attempts/{attempt}", "Read one look", identity.DomainView),
		func(ctx context.Context, p *core.Principal, in *struct {
			ByID[core.DomainID]
			Attempt core.AttemptID `path:"attempt" maxLength:"36"`
		}) (*out[resource.DomainAttempt], error) {
			got, err := s.Attempt(ctx, p, in.ID, in.Attempt)
			return shaped(got, err, attemptResource)
		})
}

// domainChange makes the handler of a change without a body.
func (a *API) domainChange(f func(context.Context, *core.Principal, core.DomainID) (*core.Domain, error)) handler[ByID[core.DomainID], out[resource.DomainDetail]] {
	return func(ctx context.Context, p *core.Principal, in *ByID[core.DomainID]) (*out[resource.DomainDetail], error) {
		d, err := f(ctx, p, in.ID)
		return shaped(d, err, a.domainDetail)
	}
}

func (a *API) registerDomain(ctx context.Context, p *core.Principal, in *in[resource.NewDomain]) (*out[resource.DomainDetail], error) {
	b := &in.Body
	if b.Organisation != "" && b.Group != "" {
		return nil, core.Errorf(core.KindInvalid, "a domain belongs to an organisation or to a group, not to both").At("group")
	}
	d, err := a.d.Domains.Register(ctx, p, domain.New{Name: b.Name, Owner: domain.Owner{Organisation: b.Organisation, Group: b.Group}, Method: b.Method, SkipCAA: b.SkipCAA})
	return shaped(d, err, a.domainDetail)
}

func (a *API) challengeDomain(ctx context.Context, p *core.Principal, in *struct {
	ByID[core.DomainID]
	Body *resource.DomainMethod
}) (*out[resource.DomainChallenge], error) {
	method := ""
	if in.Body != nil {
		method = in.Body.Method
	}
	c, err := a.d.Domains.Challenge(ctx, p, in.ID, method)
	return shaped(c, err, challengeResource)
}

func (a *API) verifyDomain(ctx context.Context, p *core.Principal, in *struct {
	ByID[core.DomainID]
	Body *resource.DomainVerify
}) (*out[resource.DomainOutcome], error) {
	var b resource.DomainVerify
	if in.Body != nil {
		b = *in.Body
	}
	o, err := a.d.Domains.Verify(ctx, p, in.ID, b.Method, b.Address)
	return shaped(o, err, func(o *domain.Outcome) resource.DomainOutcome {
		r := resource.DomainOutcome{Domain: a.domainDetail(o.Domain), Already: o.Already, Sent: o.Sent}
		if o.Attempt != nil {
			at := attemptResource(o.Attempt)
			r.Attempt = &at
		}
		return r
	})
}

func (a *API) rejectDomain(ctx context.Context, p *core.Principal, in *struct {
	ByID[core.DomainID]
	Body *resource.Reasoned
}) (*out[resource.DomainDetail], error) {
	reason := ""
	if in.Body != nil {
		reason = in.Body.Reason
	}
	d, err := a.d.Domains.Reject(ctx, p, in.ID, reason)
	return shaped(d, err, a.domainDetail)
}

func (a *API) domainAttempts(ctx context.Context, p *core.Principal, in *struct {
	ByID[core.DomainID]
	Offset int `query:"offset" minimum:"0" maximum:"1000"`
	Limit  int `query:"limit" minimum:"0" maximum:"200" doc:"50 unless given"`
}) (*out[resource.DomainAttempts], error) {
	got, err := a.d.Domains.Attempts(ctx, p, in.ID, in.Offset, in.Limit)
	return shaped(got, err, func(got *domain.Attempts) resource.DomainAttempts {
		r := resource.DomainAttempts{Items: make([]resource.DomainAttempt, len(got.Items)), Total: got.Total}
		for i, at := range got.Items {
			r.Items[i] = attemptResource(at)
		}
		return r
	})
}

func (a *API) domainResource(d *core.Domain) resource.Domain {
	r := resource.Domain{ID: d.ID, Number: d.Number, Name: d.Name, Organisation: d.Organisation, Group: d.Group, State: d.State, Control: d.Shown(a.d.Now()),
		Method: d.Method, VerifiedAt: d.VerifiedAt, ValidUntil: d.ValidUntil, CAA: d.CAA, TokenUntil: d.TokenUntil, NextCheck: d.NextCheck, User: d.User,
		CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt}
	if d.Control == core.ControlVerified {
		r.ProvenBy = d.Proof()
	}
	return r
}

func (a *API) domainDetail(d *core.Domain) resource.DomainDetail {
	r := resource.DomainDetail{Domain: a.domainResource(d)}
	if !d.TokenUntil.IsZero() {
		c := challengeResource(a.d.Domains.Asked(d))
		r.Challenge = &c
	}
	return r
}

func challengeResource(c *domain.Challenge) resource.DomainChallenge {
	return resource.DomainChallenge{Method: c.Method, Token: c.Token, RecordName: c.RecordName, RecordType: c.RecordType, Value: c.Value, FileName: c.FileName,
		FileURL: c.FileURL, Emails: c.Emails, SentTo: c.SentTo, Until: c.Until}
}

func attemptResource(at *core.DomainAttempt) resource.DomainAttempt {
	return resource.DomainAttempt{ID: at.ID, Method: at.Method, Background: at.Background, Passed: at.Passed, Failure: at.Failure, Expected: at.Expected,
		Next: at.Next, Perspectives: at.Perspectives, Agreed: at.Agreed, Quorum: at.Quorum, Records: list0(at.Records), At: at.At}
}
