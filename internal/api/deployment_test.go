package api_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/api/client"
	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

func TestDeploymentRequests(t *testing.T) {
	w := newWorld(t)
	ctx, c := t.Context(), w.withRole(t, "operator").client(t)
	k := w.admin.order(t, resource.NewOrder{Product: "tls-server", CSR: csr(t, "a.example"), Group: w.group}).Certificate
	number := strconv.FormatInt(k.Number, 10)
	d, err := c.RequestDeployment(ctx, number, "web server 3")
	if err != nil || d.State != core.DeploymentWaiting || d.Certificate != k.ID || d.Target != "web server 3" || d.Number != 1 || d.Group != w.group || d.Credential != "" {
		t.Fatalf("%+v, %v", d, err)
	}
	at := "/certificates/" + string(k.ID) + "/deployment-requests"
	w.withRole(t, "requester").do(t, "POST", at, resource.NewDeploymentRequest{Target: "mail"}).is(t, 201)
	w.withRole(t, "auditor").do(t, "POST", at, resource.NewDeploymentRequest{Target: "x"}).is(t, 403)
	for _, target := range []string{"", "two\nlines", strings.Repeat("ä", 101)} {
		if p := w.admin.do(t, "POST", at, resource.NewDeploymentRequest{Target: target}).problem(t, core.KindInvalid); !strings.HasSuffix(p.Field, "target") {
			t.Errorf("%q: %+v", target, p)
		}
	}
	w.admin.do(t, "POST", "/certificates/"+unknownID+"/deployment-requests", resource.NewDeploymentRequest{Target: "x"}).is(t, 404)
	stranger := w.person(t, "stranger", nil, core.Grant{Role: core.RoleOperator, Group: w.newGroup(t, "elsewhere")})
	stranger.do(t, "POST", at, resource.NewDeploymentRequest{Target: "x"}).is(t, 404)
	stranger.do(t, "POST", "/deployment-requests/"+string(d.ID)+"/cancel", nil).is(t, 404)
	if page := decode[resource.Page[resource.DeploymentRequest]](t, stranger.do(t, "GET", "/deployment-requests", nil).is(t, 200)); len(page.Items) != 0 {
		t.Errorf("%+v", page)
	}
	if d, err = c.CancelDeploymentRequest(ctx, d.ID); err != nil || d.State != core.DeploymentCancelled {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err := c.CancelDeploymentRequest(ctx, d.ID); !core.Is(err, core.KindConflict) {
		t.Error("cancelled twice:", err)
	}
	rows, err := client.Collect(c.DeploymentRequests(ctx, client.Query{Filter: core.Filter{{Column: "state", Op: core.OpEquals, Values: []string{"waiting"}}}}), 0)
	if err != nil || len(rows) != 1 || rows[0].Target != "mail" {
		t.Errorf("%+v, %v", rows, err)
	}
	w.admin.do(t, "POST", "/certificates/"+number+"/revoke", nil).is(t, 200)
	w.admin.do(t, "POST", at, resource.NewDeploymentRequest{Target: "x"}).is(t, 409).problem(t, core.KindConflict)
}
