package app

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/certwright/certwright/internal/ca"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/setup"
	"github.com/certwright/certwright/internal/store/storetest"
)

var errCut = errors.New("cut off")

// cutCAs fails the nth call, before or after it did its work: as a process does
// that is killed there.
type cutCAs struct {
	*ca.CA
	n     *int
	after bool
}

func (c cutCAs) cut(work func() error) error {
	*c.n--
	if *c.n == 0 && !c.after {
		return errCut
	}
	err := work()
	if *c.n == 0 && err == nil {
		return errCut
	}
	return err
}

func (c cutCAs) CreateRoot(ctx context.Context, by *core.Principal, s ca.Spec) (i *core.Issuer, err error) {
	return i, c.cut(func() error { i, err = c.CA.CreateRoot(ctx, by, s); return err })
}

func (c cutCAs) CreateIssuing(ctx context.Context, by *core.Principal, parent core.IssuerID, s ca.Spec) (i *core.Issuer, err error) {
	return i, c.cut(func() error { i, err = c.CA.CreateIssuing(ctx, by, parent, s); return err })
}

func (c cutCAs) SetState(ctx context.Context, by *core.Principal, account core.AccountID, id core.IssuerID, state core.IssuerState) (i *core.Issuer, err error) {
	return i, c.cut(func() error { i, err = c.CA.SetState(ctx, by, account, id, state); return err })
}

// TestSetupCAs replaces the CAs of the first start, cut off at each step, and
// goes on each time with the plan of the first call.
func TestSetupCAs(t *testing.T) {
	storetest.URLs(t, func(t *testing.T, url string) {
		ctx, c := t.Context(), config(t, url)
		p := started(t, c)
		home, err := p.db.AccountByNumber(ctx, 0)
		if err != nil {
			t.Fatal(err)
		}
		admin := &core.Principal{Account: home.ID, Login: "admin", Grants: []core.Grant{{Role: core.RoleAdministrator}}}
		if err := (&serverTLS{p: p}).load(ctx); err != nil {
			t.Fatal(err)
		}
		old, err := p.builtinIssuers(ctx, home.ID)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.setup.Get(ctx, &core.Principal{Account: home.ID, Grants: []core.Grant{{Role: core.RoleOperator}}}); !core.Is(err, core.KindForbidden) {
			t.Errorf("an operator: %v", err)
		}
		good := setup.NewCAs{Organisation: "Wren", Country: "gb", Root: "Root CA", Issuing: "Issuing CA", RootKey: "ECDSA P-256", IssuingKey: "ECDSA P-256"}
		for field, change := range map[string]func(n *setup.NewCAs){
			"root": func(n *setup.NewCAs) { n.Root = " " }, "issuing": func(n *setup.NewCAs) { n.Issuing = "root ca" },
			"country": func(n *setup.NewCAs) { n.Country = "Britain" }, "root_key": func(n *setup.NewCAs) { n.RootKey = "DSA" }, "issuing_key": func(n *setup.NewCAs) { n.IssuingKey = "pkcs11:x" },
		} {
			bad := good
			change(&bad)
			if _, err := p.setup.ReplaceCAs(ctx, admin, bad); core.AsError(err).Field != field {
				t.Errorf("%s: %v", field, err)
			}
		}
		// Each try is cut off before or after its next step, until none is left:
		// three CAs are made and three disabled.
		cuts := 0
		var s *setup.State
		for ; cuts < 20; cuts++ {
			left := 1
			d := setup.Deps{Storage: p.db, CAs: cutCAs{p.ca, &left, cuts%2 == 1}, Issuers: p.builtinIssuers, Products: p.products, Audit: p.audit, Now: p.now}
			names := good
			if cuts > 0 {
				names.Root = "Some other name" // the plan stands
			}
			if s, err = setup.New(d).ReplaceCAs(ctx, admin, names); !errors.Is(err, errCut) {
				break
			}
			if s, err := p.setup.Get(ctx, admin); err != nil || s.CAFixed != "" || s.Setup.CA == nil || s.Setup.Steps["ca"] != "" {
				t.Fatalf("%d: %+v, %v", cuts, s, err)
			}
		}
		if cuts != 12 {
			t.Errorf("%d cuts", cuts)
		}
		if err != nil || s.Setup.Steps["ca"] != "done" || s.CAFixed == "" {
			t.Fatalf("%+v, %v", s, err)
		}
		checkReplaced(t, p, home.ID, old)
		if _, err := p.setup.ReplaceCAs(ctx, admin, good); !core.Is(err, core.KindConflict) {
			t.Errorf("a second time: %v", err)
		}
	})
}

// checkReplaced looks at issuers, products and the server's certificate.
func checkReplaced(t *testing.T, p *parts, account core.AccountID, old []*core.Issuer) {
	t.Helper()
	ctx := t.Context()
	now, err := p.builtinIssuers(ctx, account)
	if err != nil || len(now) != len(old)+3 {
		t.Fatalf("%d issuers, %v", len(now), err)
	}
	names := map[core.IssuerID]*core.Issuer{}
	for _, i := range now {
		names[i.ID] = i
		was := slices.ContainsFunc(old, func(o *core.Issuer) bool { return o.ID == i.ID })
		if was != (i.State == core.IssuerDisabled) {
			t.Errorf("%s is %s", i.Name, i.State)
		}
	}
	page, err := p.products.List(ctx, core.ListQuery{Account: account, Limit: 100})
	if err != nil || len(page.Items) < 5 {
		t.Fatalf("%d products, %v", len(page.Items), err)
	}
	for _, one := range page.Items {
		i := names[one.Issuer]
		if want := map[bool]string{true: "Issuing CA RSA", false: "Issuing CA"}[one.Code == "device"]; i.Name != want || i.State != core.IssuerActive {
			t.Errorf("%s uses %s (%s)", one.Code, i.Name, i.State)
		}
	}
	tls := &serverTLS{p: p}
	if err := tls.renew(ctx); err != nil {
		t.Fatal(err)
	}
	if got := tls.current.Load().Leaf.Issuer.CommonName; got != "Issuing CA" {
		t.Errorf("the server's certificate is of %s", got)
	}
}

// TestSetupSteps: steps are marked, the assistant is closed and opened, and a
// second server sees it.
func TestSetupSteps(t *testing.T) {
	storetest.URLs(t, func(t *testing.T, url string) {
		ctx, c := t.Context(), config(t, url)
		p := open(t, c)
		home, err := p.identity.Bootstrap(ctx, "Example")
		if err != nil {
			t.Fatal(err)
		}
		admin := &core.Principal{Account: home.Account.ID, Grants: []core.Grant{{Role: core.RoleAdministrator}}}
		if s, err := p.setup.Get(ctx, admin); err != nil || s.Setup != nil {
			t.Errorf("without a beginning: %+v, %v", s, err)
		}
		for range 2 {
			if err := p.setup.Begin(ctx, home.Account.ID); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := p.setup.Mark(ctx, admin, "nonsense", "done"); core.AsError(err).Field != "step" {
			t.Errorf("step: %v", err)
		}
		if _, err := p.setup.Mark(ctx, admin, "trust", "perhaps"); core.AsError(err).Field != "state" {
			t.Errorf("state: %v", err)
		}
		if _, err := p.setup.Start(ctx, admin); err != nil {
			t.Fatal(err)
		}
		if _, err := p.setup.Mark(ctx, admin, "trust", "skipped"); err != nil {
			t.Fatal(err)
		}
		if _, err := p.setup.Close(ctx, admin, false); err != nil {
			t.Fatal(err)
		}
		if err := p.setup.Begin(ctx, home.Account.ID); err != nil {
			t.Fatal(err)
		}
		s, err := p.setup.Get(ctx, admin)
		if err != nil || s.Setup.StartedAt.IsZero() || s.Setup.ClosedAt.IsZero() || s.Setup.Steps["trust"] != "skipped" || s.CAFixed != "" {
			t.Errorf("%+v, %v", s, err)
		}
		if s, err = p.setup.Close(ctx, admin, true); err != nil || !s.Setup.ClosedAt.IsZero() {
			t.Errorf("%+v, %v", s, err)
		}
		if s, err = p.setup.Mark(ctx, admin, "trust", ""); err != nil || s.Setup.Steps["trust"] != "" {
			t.Errorf("%+v, %v", s, err)
		}
	})
}
