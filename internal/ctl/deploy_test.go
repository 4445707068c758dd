package ctl

import (
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

func TestCertificateDeployments(t *testing.T) {
	f := newFake(t, false)
	d := resource.DeploymentRequest{ID: id[core.DeploymentRequestID](5), Number: 5, State: core.DeploymentWaiting, Target: "web\x1b[31m 3", Certificate: id[core.CertificateID](17),
		CreatedAt: noon, UpdatedAt: noon}
	f.give("POST /certificates/17/deployment-requests", d)
	o := f.ctl(t, "cert", "deploy", "17", "--target", "web 3").ok(t)
	if !strings.Contains(o.err, "Nothing deploys yet") || !strings.Contains(o.err, string(d.ID)) || strings.Contains(o.err, "\x1b") {
		t.Errorf("said %q", o.err)
	}
	if got := body[resource.NewDeploymentRequest](t, f, "POST", "/certificates/17/deployment-requests"); got.Target != "web 3" {
		t.Errorf("asked for %+v", got)
	}
	f.ctl(t, "cert", "deploy", "17").fails(t, codeUsage, "--target")
	list(f, "/deployment-requests", d)
	if o := f.ctl(t, "cert", "deployments", "--filter", "state:eq:waiting").ok(t); !strings.Contains(o.out, string(d.Certificate)) || strings.Contains(o.out, "\x1b") {
		t.Errorf("listed %q", o.out)
	}
	if o := f.ctl(t, "cert", "deployments", "--filter", "state:eq:cancelled").ok(t); strings.Contains(o.out, string(d.ID)) {
		t.Errorf("listed %q", o.out)
	}
	d.State = core.DeploymentCancelled
	f.give("POST /deployment-requests/"+string(d.ID)+"/cancel", d)
	if o := f.ctl(t, "cert", "cancel-deployment", string(d.ID)).ok(t); !strings.Contains(o.err, "is cancelled") {
		t.Errorf("said %q", o.err)
	}
}
