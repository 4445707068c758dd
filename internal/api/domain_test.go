package api_test

import (
	"context"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/api/client"
	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// tourDomains registers a domain, proves control of it and gives it up.
func tourDomains(ctx context.Context, t *testing.T, w *world, c *client.Client) {
	t.Helper()
	d, err := c.RegisterDomain(ctx, resource.NewDomain{Name: "Tour.Example", Group: w.group})
	if err != nil || d.Name != "tour.example" || d.Challenge == nil || d.Challenge.RecordName != "_certwright-challenge.tour.example" || d.Control != core.ControlPending {
		t.Fatalf("registered %+v %v", d, err)
	}
	_, err = c.RegisterDomain(ctx, resource.NewDomain{Name: "tour.example", Group: w.group})
	if !core.Is(err, core.KindExists) || core.AsError(err).Field != string(d.ID) {
		t.Errorf("registered twice: %v", err)
	}
	o, err := c.VerifyDomain(ctx, d.ID, resource.DomainVerify{})
	if err != nil || o.Attempt == nil || o.Attempt.Passed || o.Attempt.Failure == nil || o.Attempt.Next == "" || len(o.Attempt.Records) == 0 {
		t.Fatalf("before it is published: %+v %v", o, err)
	}
	ch, err := c.ChallengeDomain(ctx, d.ID, core.MethodDNSCNAME)
	if err != nil || ch.RecordType != "CNAME" || ch.Token != d.Challenge.Token {
		t.Fatalf("another method: %+v %v", ch, err)
	}
	w.dns.Set(ch.RecordName, "CNAME", ch.Value+".")
	if o, err = c.VerifyDomain(ctx, d.ID, resource.DomainVerify{}); err != nil || !o.Attempt.Passed || o.Domain.Control != core.ControlVerified || o.Domain.ProvenBy != core.MethodDNSCNAME || o.Domain.Challenge != nil {
		t.Fatalf("verified %+v %v", o, err)
	}
	if o, err = c.VerifyDomain(ctx, d.ID, resource.DomainVerify{}); err != nil || !o.Already || o.Attempt != nil {
		t.Errorf("verified again: %+v %v", o, err)
	}
	list, err := client.Collect(c.Domains(ctx, client.Query{Filter: core.Filter{{Column: "control", Op: core.OpEquals, Values: []string{"verified"}}}}), 0)
	if err != nil || len(list) != 1 || list[0].ID != d.ID {
		t.Errorf("list %+v %v", list, err)
	}
	attempts, err := c.DomainAttempts(ctx, d.ID, 0, 1)
	if err != nil || attempts.Total != 2 || len(attempts.Items) != 1 {
		t.Errorf("attempts %+v %v", attempts, err)
	}
	if one, err := c.DomainAttempt(ctx, d.ID, attempts.Items[0].ID); err != nil || one.Expected != attempts.Items[0].Expected {
		t.Errorf("attempt %+v %v", one, err)
	}
	for _, verb := range []string{"deactivate", "activate", "renew"} {
		if d, err = c.ChangeDomain(ctx, d.ID, verb); err != nil || (d.State == core.DomainInactive) != (verb == "deactivate") {
			t.Errorf("%s: %+v %v", verb, d, err)
		}
	}
	if d, err = c.RejectDomain(ctx, d.ID, "tour over"); err != nil || d.Control != core.ControlRejected || d.Challenge != nil {
		t.Errorf("rejected: %+v %v", d, err)
	}
	if d, err = c.Domain(ctx, d.ID); err != nil || d.Control != core.ControlRejected {
		t.Errorf("read: %+v %v", d, err)
	}
}

func TestDomainsOfOthersDoNotExist(t *testing.T) {
	w := newWorld(t)
	mine, foreign := w.newGroup(t, "mine"), w.newGroup(t, "foreign")
	owner := w.person(t, "olga", []core.GroupID{mine}, core.Grant{Role: core.RoleOperator, Group: mine})
	made := decode[resource.DomainDetail](t, w.admin.do(t, "POST", "/domains", resource.NewDomain{Name: "a.example", Group: foreign}).is(t, 201))
	one := "/domains/" + string(made.ID)
	for _, r := range [][2]string{{"GET", one}, {"POST", one + "/challenge"}, {"POST", one + "/verify"}, {"POST", one + "/renew"}, {"POST", one + "/activate"},
		{"POST", one + "/deactivate"}, {"GET", one + "/attempts"}, {"GET", one + "/attempts/" + string(made.ID)}} {
		owner.do(t, r[0], r[1], nil).is(t, 404).problem(t, core.KindNotFound)
	}
	owner.do(t, "POST", "/domains", resource.NewDomain{Name: "b.example", Group: foreign}).is(t, 403)
	owner.do(t, "POST", one+"/reject", nil).is(t, 403)
	decode[resource.DomainDetail](t, owner.do(t, "POST", "/domains", resource.NewDomain{Name: "b.example"}).is(t, 201)) // of his only group
	if page := decode[resource.Page[resource.Domain]](t, owner.do(t, "GET", "/domains", nil).is(t, 200)); len(page.Items) != 1 || page.Items[0].Group != mine {
		t.Errorf("%+v", page)
	}
	if page := decode[resource.Page[resource.Domain]](t, w.withRole(t, "validator").do(t, "GET", "/domains", nil).is(t, 200)); len(page.Items) != 2 {
		t.Errorf("a validator sees %+v", page)
	}
	w.withRole(t, "auditor").do(t, "POST", one+"/verify", nil).is(t, 403)
	w.withRole(t, "auditor").do(t, "GET", one, nil).is(t, 200)
	for name, n := range map[string]resource.NewDomain{"suffix": {Name: "co.uk", Group: mine}, "no name": {Name: "a b", Group: mine}, "both": {Name: "c.example", Group: mine, Organisation: core.OrganisationID(mine)}, "no such owner": {Name: "c.example", Group: core.GroupID(made.ID)}} {
		a := w.admin.do(t, "POST", "/domains", n)
		if a.status < 400 || a.status >= 500 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := w.admin.do(t, "GET", "/domains?filter=control:eq:verified&sort=-name", nil).is(t, 200); strings.Contains(string(a.body), "a.example") {
		t.Errorf("filtered: %s", a.body)
	}
}
