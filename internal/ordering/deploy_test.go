package ordering_test

import (
	"context"
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/ordering"
	"github.com/certwright/certwright/internal/policy"
)

// imported is a certificate without an order, as discovery will bring them.
func (w *world) imported(c *core.Certificate, group core.GroupID) *core.Certificate {
	w.t.Helper()
	k := *c
	k.ID, k.Order, k.Group, k.Number, k.Serial = core.NewID[core.CertificateID](w.Now()), "", group, c.Number+1000, c.Serial+"00"
	sum := sha256.Sum256([]byte(k.ID))
	k.Fingerprint = sum[:]
	w.tx(func(ctx context.Context, tx core.Tx) error {
		if err := w.DB.ReserveCertificate(ctx, tx, &k); err != nil {
			return err
		}
		k.State = core.CertActive
		return w.DB.FinishCertificate(ctx, tx, &k)
	})
	return &k
}

// events counts those of a kind in the audit log.
func (w *world) events(action string) (n int) {
	w.t.Helper()
	page, err := w.Audit.List(w.t.Context(), core.ListQuery{Account: w.Account, Filter: core.Filter{{Column: "action", Op: core.OpEquals, Values: []string{action}}}})
	if err != nil {
		w.t.Fatal(err)
	}
	return len(page.Items)
}

func (w *world) targets(p *core.Principal, f ...core.Cond) string {
	w.t.Helper()
	page, err := w.s.Deployments(w.t.Context(), p, core.ListQuery{Filter: f})
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, d := range page.Items {
		out = append(out, d.Target)
	}
	return strings.Join(out, ",")
}

// TestDeploy: who may ask for what, with and without an order.
func TestDeploy(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		p, other := w.client(policy.CodeDV), w.client(policy.CodeTLSServer)
		c := w.issued(p, "shop.example").Certificate
		d, err := w.s.Deploy(ctx, p, c.ID, "  web server 3 ")
		if err != nil || d.State != core.DeploymentWaiting || d.Target != "web server 3" || d.Number != 1 || d.Credential != p.Credential.ID || d.Group != c.Group {
			t.Fatalf("%+v, %v", d, err)
		}
		w.Advance(time.Second)
		free := w.imported(c, c.Group)
		if d, err = w.s.Deploy(ctx, p, free.ID, "imported"); err != nil || d.Certificate != free.ID || d.Number != 2 {
			t.Fatalf("%+v, %v", d, err)
		}
		foreign := w.imported(free, core.NewID[core.GroupID](w.Now()))
		for _, id := range []core.CertificateID{foreign.ID, "x", "", core.NewID[core.CertificateID](w.Now())} {
			_, err := w.s.Deploy(ctx, p, id, "x")
			fails(t, err, core.KindNotFound, "")
		}
		for _, id := range []core.CertificateID{c.ID, free.ID} { // of another product
			_, err := w.s.Deploy(ctx, other, id, "x")
			fails(t, err, core.KindNotFound, "")
		}
		for _, target := range []string{"two\nlines", strings.Repeat("ä", 101), "\xff", "nul\x00"} {
			_, err := w.s.Deploy(ctx, p, c.ID, target)
			fails(t, err, core.KindInvalid, "target")
		}
		if _, err := w.s.Deploy(ctx, p, c.ID, strings.Repeat("ä", 100)); err != nil {
			t.Error(err)
		}
		person := w.Person(w.Approver)
		person.Grants = []core.Grant{{Role: core.RoleApprover}}
		_, err = w.s.Deploy(ctx, person, c.ID, "x")
		fails(t, err, core.KindForbidden, "")
		person.Grants = []core.Grant{{Role: core.RoleRequester, Group: c.Group}}
		if d, err := w.s.Deploy(ctx, person, free.ID, "by hand"); err != nil || d.Credential != "" || d.User != person.User {
			t.Errorf("%+v, %v", d, err)
		}
		if n := w.events("certificate.deploy-request"); n != 4 {
			t.Errorf("%d events", n)
		}
		w.Advance(10 * 365 * 24 * time.Hour)
		_, err = w.s.Deploy(ctx, p, c.ID, "late")
		fails(t, err, core.KindConflict, "state")
		if !strings.Contains(core.AsError(err).Detail, "expired") {
			t.Error(err)
		}
	})
}

// TestDeploymentList: what is listed to whom.
func TestDeploymentList(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		p, other := w.client(policy.CodeDV), w.client(policy.CodeTLSServer)
		c := w.issued(p, "shop.example").Certificate
		hidden := w.imported(c, core.NewID[core.GroupID](w.Now()))
		admin := w.Person(w.Approver)
		admin.Grants = []core.Grant{{Role: core.RoleAdministrator}}
		for _, x := range []struct {
			id     core.CertificateID
			target string
		}{{c.ID, "a"}, {c.ID, "b"}, {hidden.ID, "c"}} {
			if _, err := w.s.Deploy(ctx, admin, x.id, x.target); err != nil {
				t.Fatal(err)
			}
			w.Advance(time.Second)
		}
		mine := w.Person(w.Approver)
		mine.Grants = []core.Grant{{Role: core.RoleAuditor, Group: c.Group}}
		none := w.client(policy.CodeDV)
		none.Products = nil
		for name, x := range map[string]struct {
			p    *core.Principal
			f    []core.Cond
			want string
		}{
			"all":              {admin, nil, "c,b,a"},
			"group":            {mine, nil, "b,a"},
			"credential":       {p, nil, "b,a"},
			"other product":    {other, nil, ""},
			"without products": {none, nil, ""},
			"by target":        {admin, []core.Cond{{Column: "target", Op: core.OpEquals, Values: []string{"a"}}}, "a"},
			"by certificate":   {admin, []core.Cond{{Column: "certificate", Op: core.OpEquals, Values: []string{string(hidden.ID)}}}, "c"},
			"other group":      {mine, []core.Cond{{Column: "group", Op: core.OpEquals, Values: []string{string(hidden.Group)}}}, ""},
		} {
			if got := w.targets(x.p, x.f...); got != x.want {
				t.Errorf("%s: %q, want %q", name, got, x.want)
			}
		}
		nobody := w.Person(w.Approver)
		nobody.Grants = nil
		_, err := w.s.Deployments(ctx, nobody, core.ListQuery{})
		fails(t, err, core.KindForbidden, "")
		rows, total, err := w.DB.DeploymentRequests(ctx, w.Account, c.ID, 1, 5)
		if err != nil || total != 2 || len(rows) != 1 || rows[0].Target != "a" {
			t.Errorf("%+v, %d, %v", rows, total, err)
		}
	})
}

// TestCancelDeployment: a wish is withdrawn once, by those who may.
func TestCancelDeployment(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		p, other := w.client(policy.CodeDV), w.client(policy.CodeTLSServer)
		d, err := w.s.Deploy(ctx, p, w.issued(p, "shop.example").Certificate.ID, "a")
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []core.DeploymentRequestID{"", "x", core.NewID[core.DeploymentRequestID](w.Now())} {
			_, err := w.s.CancelDeployment(ctx, p, id)
			fails(t, err, core.KindNotFound, "")
		}
		_, err = w.s.CancelDeployment(ctx, other, d.ID)
		fails(t, err, core.KindNotFound, "")
		auditor := w.Person(w.Approver)
		auditor.Grants = []core.Grant{{Role: core.RoleAuditor}}
		_, err = w.s.CancelDeployment(ctx, auditor, d.ID)
		fails(t, err, core.KindForbidden, "")
		w.Advance(time.Second)
		stale := racing{w.DB, d}
		deps := w.deps
		deps.Storage = stale
		got, err := w.s.CancelDeployment(ctx, p, d.ID)
		if err != nil || got.State != core.DeploymentCancelled || !got.UpdatedAt.After(got.CreatedAt) {
			t.Fatalf("%+v, %v", got, err)
		}
		_, err = w.s.CancelDeployment(ctx, p, d.ID)
		fails(t, err, core.KindConflict, "state")
		_, err = ordering.NewService(deps).CancelDeployment(ctx, p, d.ID) // another replica read it before
		fails(t, err, core.KindConflict, "")
		if n := w.events("certificate.deploy-cancel"); n != 1 {
			t.Errorf("%d events", n)
		}
		if got := w.targets(p, core.Cond{Column: "state", Op: core.OpEquals, Values: []string{core.DeploymentCancelled}}); got != "a" {
			t.Error(got)
		}
	})
}

// racing is the store of a replica that has read a request before.
type racing struct {
	ordering.Storage
	d *core.DeploymentRequest
}

func (r racing) DeploymentRequest(context.Context, core.AccountID, core.DeploymentRequestID) (*core.DeploymentRequest, error) {
	d := *r.d
	return &d, nil
}
