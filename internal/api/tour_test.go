package api_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/api/client"
	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity/identitytest"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/store/storetest"
)

// TestTour goes through the API with the typed client, on both engines.
func TestTour(t *testing.T) {
	clock := identitytest.NewClock()
	storetest.EnginesAt(t, clock.Now, func(t *testing.T, db *store.DB) {
		w := newWorldOn(t, db, clock)
		ctx := context.Background()
		c := w.admin.client(t)
		tourPeople(ctx, t, w, c)
		tourCredentials(ctx, t, w, c)
		tourIssuing(ctx, t, c)
		tourDomains(ctx, t, w, c)
		var log strings.Builder
		must(t, c.ExportAudit(ctx, time.Time{}, time.Time{}, &log))
		sum, err := c.VerifyAudit(ctx, func(p resource.AuditProblem) { t.Error(p) })
		if err != nil || !sum.OK || !strings.Contains(log.String(), "certificate.issue") {
			t.Error(sum, err)
		}
		for _, l := range listNames(ctx, t, c) {
			if _, err := client.Collect(client.All[map[string]any](ctx, c, l, client.Query{Limit: 2}), 7); err != nil {
				t.Errorf("%s: %v", l, err)
			}
		}
	})
}

func listNames(ctx context.Context, t *testing.T, c *client.Client) (out []string) {
	t.Helper()
	lists, err := c.Lists(ctx)
	must(t, err)
	for _, l := range lists.Items {
		one, err := c.List(ctx, l.Name)
		must(t, err)
		out = append(out, strings.TrimPrefix(one.Path, "/"))
	}
	return out
}

func tourPeople(ctx context.Context, t *testing.T, w *world, c *client.Client) {
	t.Helper()
	o, err := c.CreateOrganisation(ctx, resource.OrganisationFields{Name: "Tour"})
	must(t, err)
	g, err := c.CreateGroup(ctx, resource.GroupFields{Name: "tour", Organisation: o.ID})
	must(t, err)
	u, err := c.CreateUser(ctx, resource.NewUser{Login: "tourist", Name: "Tourist", Grants: []core.Grant{{Role: core.RoleOperator, Group: g.ID}}})
	must(t, err)
	must(t, c.AddMember(ctx, g.ID, u.User.ID))
	members, err := client.Collect(c.Members(ctx, g.ID, client.Query{}), 0)
	if err != nil || len(members) != 1 {
		t.Error(members, err)
	}
	// A session of his own, kept by the client.
	his, err := client.New(client.Config{BaseURL: w.server.URL, Transport: w.server.Client().Transport})
	must(t, err)
	me, err := his.SignIn(ctx, "tourist", u.Password)
	if err != nil || !me.MustChange {
		t.Fatal(me, err)
	}
	must(t, his.ChangePassword(ctx, u.Password, identitytest.AdminPassword))
	token, err := his.CreateToken(ctx, resource.NewToken{Name: "t"})
	must(t, err)
	must(t, his.RevokeToken(ctx, token.Token.ID))
	must(t, his.SignOut(ctx))
	if _, err := his.Me(ctx); !core.Is(err, core.KindUnauthenticated) {
		t.Error(err)
	}
	_, err = c.SetUserState(ctx, u.User.ID, false)
	must(t, err)
	must(t, c.RemoveMember(ctx, g.ID, u.User.ID))
	must(t, c.DeleteUser(ctx, u.User.ID))
	must(t, c.DeleteGroup(ctx, g.ID))
	must(t, c.DeleteOrganisation(ctx, o.ID))
}

func tourCredentials(ctx context.Context, t *testing.T, w *world, c *client.Client) {
	t.Helper()
	made, err := c.CreateCredential(ctx, resource.NewCredential{Type: core.CredentialEST, User: w.First.User.ID, Group: w.group, Products: []string{"tls-server"}})
	must(t, err)
	tags := []string{"a,b", "100%"}
	_, err = c.ChangeCredential(ctx, made.Credential.ID, resource.CredentialChange{Version: 1, Tags: &tags})
	must(t, err)
	for _, tag := range tags {
		found, err := client.Collect(c.Credentials(ctx, client.Query{Filter: core.Filter{{Column: "tags", Op: core.OpEquals, Values: []string{tag}}}}), 0)
		if err != nil || len(found) != 1 {
			t.Errorf("%s: %+v %v", tag, found, err)
		}
	}
	_, err = c.RegenerateCredential(ctx, made.Credential.ID)
	must(t, err)
	usage, err := client.Collect(c.CredentialUsage(ctx, made.Credential.ID, client.Query{}), 0)
	if err != nil || len(usage) != 3 {
		t.Error(len(usage), err)
	}
	var b strings.Builder
	must(t, c.ExportCredentials(ctx, "csv", client.Query{}, &b))
	d, err := c.RevokeCredential(ctx, made.Credential.ID, "tour over")
	if err != nil || d.State != core.CredentialRevoked || !strings.Contains(b.String(), string(made.Credential.ID)) {
		t.Error(d, err)
	}
}

func tourIssuing(ctx context.Context, t *testing.T, c *client.Client) {
	t.Helper()
	v, err := c.DryRun(ctx, "tls-server", resource.DryRun{CSR: csr(t, "tour.example")})
	if err != nil || !v.Allowed {
		t.Fatal(v, err)
	}
	request := csr(t, "tour.example")
	o, err := c.CreateOrder(ctx, resource.NewOrder{Product: "tls-server", CSR: request}, "tour")
	must(t, err)
	again, err := c.CreateOrder(ctx, resource.NewOrder{Product: "tls-server", CSR: request}, "tour")
	if err != nil || again.Certificate.ID != o.Certificate.ID {
		t.Error(again, err)
	}
	id := string(o.Certificate.ID)
	if f, err := c.Download(ctx, id, "p7b", ""); err != nil || f.Name != "tour.example.p7b" {
		t.Error(f, err)
	}
	if _, err := c.SetTags(ctx, id, []string{"tour"}); err != nil {
		t.Error(err)
	}
	found, err := client.Collect(c.Certificates(ctx, client.Query{Filter: core.Filter{{Column: "tags", Op: core.OpEquals, Values: []string{"tour"}}, {Column: "not_after", Op: core.OpGreater, Values: []string{"now"}}}}), 0)
	if err != nil || len(found) != 1 {
		t.Error(found, err)
	}
	if r, err := c.Revoke(ctx, id, resource.Revocation{Reason: "superseded"}); err != nil || r.State != core.CertRevoked {
		t.Error(r, err)
	}
	p, err := c.Product(ctx, "tls-server")
	must(t, err)
	i, err := c.PublishCRL(ctx, p.Issuer)
	if err != nil || i.CRLNumber == 0 {
		t.Error(i, err)
	}
}
