package storetest_test

import (
	"net/netip"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// TestCredentialStates: expiry, source address, disabled user; each at once.
func TestCredentialStates(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		n := w.draft("states")
		n.ExpiresAt = w.Clock.Now().Add(time.Hour)
		n.Sources = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/25")}
		got, c := w.make(t, n)
		p := proof(got)
		p.Address = netip.MustParseAddr("::ffff:192.0.2.7")
		if _, err := w.Authenticate(ctx, c, p); err != nil {
			t.Errorf("IPv4 address in IPv6 clothes: %v", err)
		}
		p.Address = netip.MustParseAddr("192.0.2.128")
		_, err := w.Authenticate(ctx, c, p)
		wantKind(t, err, core.KindForbidden, "foreign address")
		p.Address = netip.Addr{}
		_, err = w.Authenticate(ctx, c, p)
		wantKind(t, err, core.KindForbidden, "no address")
		p = proof(got)

		off, on := core.UserDisabled, core.UserActive
		if _, _, err := w.CreateUser(ctx, w.Admin, identity.NewUser{Login: "second", Grants: []core.Grant{{Role: core.RoleAdministrator}}}); err != nil {
			t.Fatal(err)
		}
		sys := identity.Host(w.First.Account.ID, "host")
		for _, step := range []struct {
			state *core.UserState
			kind  core.Kind
		}{{&off, core.KindUnauthenticated}, {&on, ""}} {
			if _, err := w.UpdateUser(ctx, sys, w.First.User.ID, identity.UserChange{State: step.state}); err != nil {
				t.Fatal(err)
			}
			c, err := w.Credential(ctx, core.CredentialEST, "states")
			if err != nil {
				t.Fatal(err)
			}
			_, err = w.Authenticate(ctx, c, p)
			wantKind(t, err, step.kind, "user "+string(*step.state))
		}

		w.Clock.Advance(time.Hour)
		defer w.Clock.Advance(-time.Hour)
		_, err = w.Authenticate(ctx, c, p)
		wantKind(t, err, core.KindUnauthenticated, "expired")
		later := w.Clock.Now().Add(time.Hour)
		text := "still old"
		v := c.Version
		if c, err = w.UpdateCredential(ctx, sys, c.ID, identity.CredentialChange{Version: v, Description: &text}); err != nil {
			t.Fatalf("describe an expired credential: %v", err)
		}
		if c, err = w.UpdateCredential(ctx, sys, c.ID, identity.CredentialChange{Version: v + 1, ExpiresAt: &later}); err != nil {
			t.Fatal(err)
		}
		if _, err = w.Authenticate(ctx, c, p); err != nil {
			t.Errorf("prolonged: %v", err)
		}
	})
}

// TestCredentialRevoke: refused at once, never comes back, frees the bare path
// but not the label, and its secret is erased.
func TestCredentialRevoke(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		n := w.draft("revoked")
		n.Default = true
		got, c := w.make(t, n)
		if _, err := w.RevokeCredential(ctx, w.Admin, c.ID, "lost laptop"); err != nil {
			t.Fatal(err)
		}
		fresh, err := w.Credential(ctx, core.CredentialEST, "revoked")
		if err != nil || fresh.State != core.CredentialRevoked || fresh.Default || fresh.RevokedReason != "lost laptop" || fresh.SecretHash != nil || fresh.Version != 2 {
			t.Fatalf("%+v, %v", fresh, err)
		}
		_, err = w.Authenticate(ctx, fresh, proof(got))
		wantKind(t, err, core.KindUnauthenticated, "revoked")
		_, err = w.Vouch(fresh, proof(got))
		wantKind(t, err, core.KindUnauthenticated, "vouch for a revoked one")
		_, err = w.Credential(ctx, core.CredentialEST, "")
		wantKind(t, err, core.KindNotFound, "bare path")

		yes := true
		_, err = w.UpdateCredential(ctx, w.Admin, c.ID, identity.CredentialChange{Version: 2, Default: &yes})
		wantKind(t, err, core.KindConflict, "update")
		_, err = w.RegenerateCredential(ctx, w.Admin, c.ID)
		wantKind(t, err, core.KindConflict, "regenerate")
		_, err = w.RevokeCredential(ctx, w.Admin, c.ID, "again")
		wantKind(t, err, core.KindConflict, "revoke again")
		// Not even by the storage, whatever a service would ask for.
		err = w.db.InTx(ctx, func(ctx ctxT, tx core.Tx) error { x := *c; x.Version = 3; return w.db.UpdateCredential(ctx, tx, &x, 2) })
		wantKind(t, err, core.KindConflict, "storage")

		_, err = w.CreateCredential(ctx, w.Admin, w.draft("revoked"))
		wantField(t, err, core.KindExists, "label", "label again")
		n.Label = "successor"
		w.make(t, n)
	})
}

// TestCredentialRegenerate: the old secret is dead at once.
func TestCredentialRegenerate(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		for _, typ := range []core.CredentialType{core.CredentialEST, core.CredentialACME} {
			n := w.draft("regenerate")
			n.Type = typ
			old, before := w.make(t, n)
			w.Clock.Advance(time.Minute)
			fresh, err := w.RegenerateCredential(t.Context(), w.Admin, before.ID)
			if err != nil {
				t.Fatal(err)
			}
			c, err := w.Credential(t.Context(), typ, "regenerate")
			if err != nil {
				t.Fatal(err)
			}
			_, err = w.Authenticate(t.Context(), c, proof(old))
			wantKind(t, err, core.KindUnauthenticated, "old secret")
			if _, err := w.Authenticate(t.Context(), c, proof(fresh)); err != nil {
				t.Error(err)
			}
			if c.Version != 2 || !c.SecretSetAt.After(before.SecretSetAt) || fresh.Secret == old.Secret {
				t.Errorf("%+v", c)
			}
		}
		n := w.draft("krb")
		n.Type, n.Auth = core.CredentialWAEP, core.AuthKerberos
		got, c := w.make(t, n)
		if got.Secret != "" {
			t.Error("a Kerberos credential has a secret")
		}
		_, err := w.RegenerateCredential(t.Context(), w.Admin, c.ID)
		wantKind(t, err, core.KindUnsupported, "kerberos")
		_, err = w.Authenticate(t.Context(), c, identity.Proof{PublicID: c.PublicID, Secret: "x"})
		wantKind(t, err, core.KindUnauthenticated, "secret for kerberos")
		if _, err := w.Vouch(c, identity.Proof{}); err != nil {
			t.Error(err)
		}
	})
}

// TestCredentialUpdate: fields change, versions guard, the URL stays.
func TestCredentialUpdate(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		other := w.addProduct(t, w.First.Account.ID, "device")
		_, c := w.make(t, w.draft("edit"))
		products, tags := []core.ProductID{other.ID}, []string{"b", "a"}
		got, err := w.UpdateCredential(ctx, w.Admin, c.ID, identity.CredentialChange{Version: 1, Products: &products, Tags: &tags})
		if err != nil || got.Product != other.ID || got.Version != 2 {
			t.Fatalf("%+v, %v", got, err)
		}
		stored, err := w.CredentialByID(ctx, w.Admin, c.ID)
		if err != nil || !reflect.DeepEqual(stored, got) {
			t.Errorf("stored %+v\nreturned %+v, %v", stored, got, err)
		}
		_, err = w.UpdateCredential(ctx, w.Admin, c.ID, identity.CredentialChange{Version: 1, Tags: &tags})
		wantField(t, err, core.KindConflict, "version", "old version")

		var wg sync.WaitGroup
		var mu sync.Mutex
		won := 0
		for range 8 {
			wg.Go(func() {
				_, err := w.UpdateCredential(ctx, w.Admin, c.ID, identity.CredentialChange{Version: 2, Tags: &tags})
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won++
				} else if !core.Is(err, core.KindConflict) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won != 1 {
			t.Errorf("%d of 8 concurrent updates of one version succeeded", won)
		}
	})
}

// TestCredentialSameLabelAtOnce: of many creations of one label one succeeds,
// and the losers leave nothing behind.
func TestCredentialSameLabelAtOnce(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		const n = 16
		errs := make([]error, n)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() { _, errs[i] = w.CreateCredential(ctx, w.Admin, w.draft("same")) })
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
				continue
			}
			wantField(t, err, core.KindExists, "label", "loser")
		}
		page, err := w.Credentials(ctx, w.Admin, core.ListQuery{})
		if err != nil || won != 1 || len(page.Items) != 1 || len(w.Log.Events("credential.create")) != 1 {
			t.Errorf("%d won, %d stored, %d events, %v", won, len(page.Items), len(w.Log.Events("credential.create")), err)
		}
	})
}

// TestCredentialTenants: ids of another account do not exist.
func TestCredentialTenants(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, c := w.make(t, w.draft("ours"))
		other, err := w.CreateAccount(ctx, identity.Host("", "host"), identity.NewAccount{Name: "Other"})
		if err != nil {
			t.Fatal(err)
		}
		if other.Account.Number != w.First.Account.Number+1 {
			t.Errorf("account number %d", other.Account.Number)
		}
		p := w.SignInFirst(t, identity.SignIn{Account: other.Account.Number, Login: "admin", Password: other.Password.Reveal()}, "another long word")
		foreign := w.addProduct(t, other.Account.ID, "tls")
		_, err = w.CredentialByID(ctx, p, c.ID)
		wantKind(t, err, core.KindNotFound, "read")
		_, err = w.RevokeCredential(ctx, p, c.ID, "")
		wantKind(t, err, core.KindNotFound, "revoke")
		_, err = w.RegenerateCredential(ctx, p, c.ID)
		wantKind(t, err, core.KindNotFound, "regenerate")
		_, err = w.UpdateCredential(ctx, p, c.ID, identity.CredentialChange{Version: 1})
		wantKind(t, err, core.KindNotFound, "update")
		page, err := w.Credentials(ctx, p, core.ListQuery{Account: w.First.Account.ID})
		if err != nil || len(page.Items) != 0 {
			t.Errorf("list: %+v, %v", page, err)
		}
		mine := identity.NewCredential{Type: core.CredentialEST, Label: "theirs", User: other.User.ID, Group: other.Group.ID, Products: []core.ProductID{foreign.ID}}
		for field, edit := range map[string]func(n *identity.NewCredential){
			"products":     func(n *identity.NewCredential) { n.Products = []core.ProductID{w.product.ID} },
			"user":         func(n *identity.NewCredential) { n.User = w.First.User.ID },
			"group":        func(n *identity.NewCredential) { n.Group = w.First.Group.ID },
			"organisation": func(n *identity.NewCredential) { n.Organisation = w.First.Organisation.ID },
		} {
			n := mine
			edit(&n)
			_, err := w.CreateCredential(ctx, p, n)
			wantField(t, err, core.KindInvalid, field, "foreign "+field)
		}
		got, err := w.CreateCredential(ctx, p, mine)
		if err != nil || got.Credential.Number != 1 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}
