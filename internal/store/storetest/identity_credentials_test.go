package storetest_test

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

func proof(c *identity.Created) identity.Proof {
	return identity.Proof{PublicID: c.Credential.PublicID, Secret: c.Secret.Reveal(), Address: netip.MustParseAddr("192.0.2.7")}
}

// TestCredentialRoundTrip: every field comes back as it was set, by every way
// of reading, and the secret opens.
func TestCredentialRoundTrip(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		other := w.addProduct(t, w.First.Account.ID, "device")
		n := w.draft("printers")
		n.Default, n.Description, n.Tags = true, "all printers", []string{"hq", "a \"quoted\" tag", "hq"}
		n.Products, n.Product = []core.ProductID{w.product.ID, other.ID}, other.ID
		n.PublicID, n.ExpiresAt = "Printer.Fleet", w.Clock.Now().Add(24*time.Hour)
		n.Sources = []netip.Prefix{netip.MustParsePrefix("192.0.2.5/24"), netip.MustParsePrefix("2001:db8::/32")}
		n.AllowedNames, n.ProvenNames = []string{".example"}, []string{"*.a.example", "b.example"}
		got, c := w.make(t, n)
		if got.URL != "https://ca.example/.well-known/est/printers" || got.BareURL != "https://ca.example/.well-known/est" {
			t.Errorf("URLs %q and %q", got.URL, got.BareURL)
		}
		if want := "curl -u Printer.Fleet:" + got.Secret.Reveal() + " " + got.URL; got.Commands != want {
			t.Errorf("commands %q", got.Commands)
		}
		byID, err := w.CredentialByID(t.Context(), w.Admin, c.ID)
		if err != nil || !reflect.DeepEqual(byID, c) || !reflect.DeepEqual(got.Credential, c) {
			t.Errorf("read back:\n%+v\n%+v\n%+v\n%v", got.Credential, c, byID, err)
		}
		for _, find := range []func() (*core.Credential, error){
			func() (*core.Credential, error) { return w.Credential(t.Context(), core.CredentialEST, "") },
			func() (*core.Credential, error) {
				return w.CredentialByPublicID(t.Context(), core.CredentialEST, "Printer.Fleet")
			},
		} {
			if x, err := find(); err != nil || x.ID != c.ID {
				t.Errorf("found %+v, %v", x, err)
			}
		}
		if c.Number != 1 || c.Version != 1 || !slices.Equal(c.Tags, []string{`a "quoted" tag`, "hq"}) || c.Organisation != w.First.Organisation.ID {
			t.Errorf("credential %+v", c)
		}
		p, err := w.Authenticate(t.Context(), c, proof(got))
		if err != nil {
			t.Fatal(err)
		}
		if p.Account != w.First.Account.ID || p.User != w.First.User.ID || p.Group != w.First.Group.ID || p.Product != other.ID ||
			len(p.Products) != 2 || p.Actor() != "credential:"+string(c.ID) || p.Login != "est/printers" {
			t.Errorf("principal %+v", p)
		}
		events := w.Log.Events("credential.create")
		if e := events[len(events)-1]; e.Object != "credential:"+string(c.ID) || e.Credential != c.ID || e.Actor != "user:"+string(w.First.User.ID) || e.Account != c.Account {
			t.Errorf("event %+v", e)
		}
		_, err = w.Credential(t.Context(), core.CredentialACME, "printers")
		wantKind(t, err, core.KindNotFound, "label of another type")
		_, err = w.Credential(t.Context(), core.CredentialACME, "")
		wantKind(t, err, core.KindNotFound, "type without default")
	})
}

// TestCredentialProof: right and wrong proofs for every form of secret.
func TestCredentialProof(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		for i, tc := range []struct {
			typ    core.CredentialType
			auth   core.AuthKind
			sealed bool
			silent bool // no user name needed
			prefix string
		}{
			{core.CredentialEST, core.AuthPassword, false, false, "est-"},
			{core.CredentialACME, core.AuthAccessKey, true, false, "ak_"},
			{core.CredentialSCEP, core.AuthSharedSecret, false, true, "ref-"},
			{core.CredentialCMP, core.AuthSharedSecret, true, true, "ref-"},
			{core.CredentialREST, core.AuthOAuth, false, false, "client-"},
		} {
			n := w.draft(fmt.Sprintf("proof-%d", i))
			n.Type, n.Auth = tc.typ, tc.auth
			got, c := w.make(t, n)
			if !strings.HasPrefix(c.PublicID, tc.prefix) || len(got.Secret.Reveal()) != 40 || (len(c.SecretSealed) > 0) != tc.sealed || (len(c.SecretHash) > 0) == tc.sealed {
				t.Errorf("%s: %+v", tc.typ, c)
			}
			good := proof(got)
			if _, err := w.Authenticate(t.Context(), c, good); err != nil {
				t.Errorf("%s: %v", tc.typ, err)
			}
			for what, p := range map[string]identity.Proof{
				"no secret":       {PublicID: good.PublicID},
				"wrong secret":    {PublicID: good.PublicID, Secret: good.Secret[1:] + "x"},
				"wrong user":      {PublicID: good.PublicID + "x", Secret: good.Secret},
				"huge":            {PublicID: good.PublicID, Secret: strings.Repeat("x", 1<<20)},
				"hash as secret":  {PublicID: good.PublicID, Secret: string(c.SecretHash)},
				"user as secret":  {PublicID: good.PublicID, Secret: good.PublicID},
				"letters swapped": {PublicID: good.PublicID, Secret: strings.ToUpper(good.Secret)},
			} {
				_, err := w.Authenticate(t.Context(), c, p)
				wantKind(t, err, core.KindUnauthenticated, string(tc.typ)+" "+what)
			}
			_, err := w.Authenticate(t.Context(), c, identity.Proof{Secret: good.Secret})
			if (err == nil) != tc.silent {
				t.Errorf("%s without user name: %v", tc.typ, err)
			}
			plain, err := w.SecretOf(c)
			if tc.sealed && (err != nil || string(plain) != good.Secret) || !tc.sealed && !core.Is(err, core.KindUnsupported) {
				t.Errorf("%s: SecretOf: %q, %v", tc.typ, plain, err)
			}
		}
	})
}

// TestCredentialSecretIsBoundToItsRow: a hash or sealed secret copied onto
// another credential does not open it.
func TestCredentialSecretIsBoundToItsRow(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		for _, typ := range []core.CredentialType{core.CredentialEST, core.CredentialACME} {
			n := w.draft("bound-a")
			n.Type = typ
			a, ca := w.make(t, n)
			n.Label = "bound-b"
			_, cb := w.make(t, n)
			cb.SecretHash, cb.SecretSealed = ca.SecretHash, ca.SecretSealed
			p := proof(a)
			p.PublicID = cb.PublicID
			_, err := w.Authenticate(t.Context(), cb, p)
			wantKind(t, err, core.KindUnauthenticated, "copied secret")
		}
	})
}

// TestCredentialWrongInput: the field at fault is named.
func TestCredentialWrongInput(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		stranger, _, err := w.CreateUser(ctx, w.Admin, identity.NewUser{Login: "stranger"})
		if err != nil {
			t.Fatal(err)
		}
		off := core.UserDisabled
		disabled, _, err := w.CreateUser(ctx, w.Admin, identity.NewUser{Login: "gone", Groups: []core.GroupID{w.First.Group.ID}})
		if err == nil {
			_, err = w.UpdateUser(ctx, w.Admin, disabled.ID, identity.UserChange{State: &off})
		}
		if err != nil {
			t.Fatal(err)
		}
		sleeping := w.addProduct(t, w.First.Account.ID, "sleeping")
		sleeping.State, sleeping.Version = core.ProductDisabled, 2
		w.tx(t, func(c ctxT, tx core.Tx) error { return w.db.UpdateProduct(c, tx, sleeping) })
		w.make(t, w.draft("here"))
		for _, tc := range []struct {
			name  string
			edit  func(n *identity.NewCredential)
			kind  core.Kind
			field string
		}{
			{"unknown type", func(n *identity.NewCredential) { n.Type = "gopher" }, core.KindInvalid, "type"},
			{"kind not offered", func(n *identity.NewCredential) { n.Auth = core.AuthOAuth }, core.KindInvalid, "auth"},
			{"label in capitals", func(n *identity.NewCredential) { n.Label = "Printers" }, core.KindInvalid, "label"},
			{"short label", func(n *identity.NewCredential) { n.Label = "p" }, core.KindInvalid, "label"},
			{"long label", func(n *identity.NewCredential) { n.Label = strings.Repeat("p", 41) }, core.KindInvalid, "label"},
			{"operation as label", func(n *identity.NewCredential) { n.Label = "simpleenroll" }, core.KindInvalid, "label"},
			{"another operation", func(n *identity.NewCredential) { n.Label = "cacerts" }, core.KindInvalid, "label"},
			{"type's own word", func(n *identity.NewCredential) { n.Type, n.Label = core.CredentialACME, "renewal-info" }, core.KindInvalid, "label"},
			{"label taken", func(n *identity.NewCredential) { n.Label = "here" }, core.KindExists, "label"},
			{"user name with colon", func(n *identity.NewCredential) { n.PublicID = "a:b" }, core.KindInvalid, "public_id"},
			{"chosen access key", func(n *identity.NewCredential) { n.Type, n.PublicID = core.CredentialACME, "mine" }, core.KindInvalid, "public_id"},
			{"no product", func(n *identity.NewCredential) { n.Products = nil }, core.KindInvalid, "products"},
			{"unknown product", func(n *identity.NewCredential) { n.Products = []core.ProductID{"x"} }, core.KindInvalid, "products"},
			{"disabled product", func(n *identity.NewCredential) { n.Products = []core.ProductID{sleeping.ID} }, core.KindInvalid, "products"},
			{"product twice", func(n *identity.NewCredential) { n.Products = append(n.Products, n.Products[0]) }, core.KindInvalid, "products"},
			{"default not among them", func(n *identity.NewCredential) { n.Product = sleeping.ID }, core.KindInvalid, "product"},
			{"no group", func(n *identity.NewCredential) { n.Group = "" }, core.KindInvalid, "group"},
			{"no user", func(n *identity.NewCredential) { n.User = "" }, core.KindInvalid, "user"},
			{"user outside the group", func(n *identity.NewCredential) { n.User = stranger.ID }, core.KindInvalid, "user"},
			{"disabled user", func(n *identity.NewCredential) { n.User = disabled.ID }, core.KindInvalid, "user"},
			{"unknown organisation", func(n *identity.NewCredential) { n.Organisation = "x" }, core.KindInvalid, "organisation"},
			{"expiry in the past", func(n *identity.NewCredential) { n.ExpiresAt = w.Clock.Now() }, core.KindInvalid, "expires_at"},
			{"bad name rule", func(n *identity.NewCredential) { n.AllowedNames = []string{"a b"} }, core.KindInvalid, "allowed_names"},
			{"bad proven name", func(n *identity.NewCredential) { n.ProvenNames = []string{"a b"} }, core.KindInvalid, "proven_names"},
			{"trust without need", func(n *identity.NewCredential) { n.Trust = []byte("x") }, core.KindInvalid, "trust"},
			{"no trust", func(n *identity.NewCredential) { n.Auth = core.AuthClientCert }, core.KindInvalid, "trust"},
			{"trust is garbage", func(n *identity.NewCredential) { n.Auth, n.Trust = core.AuthClientCert, []byte("x") }, core.KindInvalid, "trust"},
			{"mixed source", func(n *identity.NewCredential) {
				n.Sources = []netip.Prefix{netip.PrefixFrom(netip.MustParseAddr("::ffff:192.0.2.1"), 64)}
			}, core.KindInvalid, "sources"},
		} {
			n := w.draft("new-label")
			tc.edit(&n)
			_, err := w.CreateCredential(ctx, w.Admin, n)
			wantField(t, err, tc.kind, tc.field, tc.name)
		}
		n := w.draft("aa")
		n.PublicID = "taken"
		w.make(t, n)
		n.Label = "bb"
		_, err = w.CreateCredential(ctx, w.Admin, n)
		wantField(t, err, core.KindExists, "public_id", "user name taken")
		n = w.draft("cc")
		n.Default = true
		w.make(t, n)
		n.Label = "dd"
		_, err = w.CreateCredential(ctx, w.Admin, n)
		wantField(t, err, core.KindExists, "default", "second default")
	})
}

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

// TestCredentialList: filters, pages, and what a group's operator sees.
func TestCredentialList(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		g, err := w.CreateGroup(ctx, w.Admin, identity.GroupData{Name: "plant"})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.AddMember(ctx, w.Admin, g.ID, w.First.User.ID); err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			n := w.draft(fmt.Sprintf("list-%d", i))
			n.Tags = []string{fmt.Sprintf("t%d", i%2), "all"}
			if i == 1 {
				n.Group = g.ID
			}
			if i == 2 {
				n.ExpiresAt = w.Clock.Now().Add(time.Minute)
			}
			if i == 4 {
				n.Type, n.Description = core.CredentialACME, "Reverse proxies"
			}
			_, c := w.make(t, n)
			if i == 3 {
				if _, err := w.RevokeCredential(ctx, w.Admin, c.ID, ""); err != nil {
					t.Fatal(err)
				}
			}
		}
		w.Clock.Advance(time.Minute)
		labels := func(p *core.Principal, f core.Filter) string {
			t.Helper()
			var out []string
			q := core.ListQuery{Filter: f, Limit: 2, Sort: core.Sort{Column: "label"}}
			for {
				page, err := w.Credentials(ctx, p, q)
				if err != nil {
					t.Fatalf("%v: %v", f, err)
				}
				for _, c := range page.Items {
					out = append(out, strings.TrimPrefix(c.Label, "list-"))
					if c.SecretHash != nil || c.SecretSealed != nil {
						t.Error("a list shows secrets")
					}
				}
				if q.Cursor = page.Next; q.Cursor == "" {
					return strings.Join(out, "")
				}
			}
		}
		eq := func(col string, v ...string) core.Filter {
			return core.Filter{{Column: col, Op: core.OpEquals, Values: v}}
		}
		for _, tc := range []struct {
			f    core.Filter
			want string
		}{
			{nil, "01234"}, {eq("type", "est"), "0123"}, {eq("type", "acme"), "4"}, {eq("auth", "access-key"), "4"},
			{eq("status", "active"), "014"}, {eq("status", "revoked"), "3"}, {eq("status", "expired"), "2"},
			{eq("tags", "t1"), "13"}, {eq("tags", "t"), ""}, {eq("product", string(w.product.ID)), "01234"}, {eq("product", "x"), ""},
			{eq("user", string(w.First.User.ID)), "01234"}, {eq("user_login", "ADMIN"), "01234"}, {eq("group", string(g.ID)), "1"}, {eq("group_name", "plant"), "1"},
			{core.Filter{{Column: "text", Op: core.OpContains, Values: []string{"reverse"}}}, "4"},
			{core.Filter{{Column: "label", Op: core.OpStartsWith, Values: []string{"LIST-"}}, {Column: "type", Op: core.OpNotEquals, Values: []string{"est"}}}, "4"},
			{core.Filter{{Column: "expires_at", Op: core.OpLessEq, Values: []string{"now"}}}, "2"},
			{core.Filter{{Column: "expires_at", Op: core.OpEmpty}}, "0134"}, {eq("default", "true"), ""},
		} {
			if got := labels(w.Admin, tc.f); got != tc.want {
				t.Errorf("%v: %s, want %s", tc.f, got, tc.want)
			}
		}
		_, err = w.Credentials(ctx, w.Admin, core.ListQuery{Filter: eq("type", "gopher")})
		wantKind(t, err, core.KindInvalid, "unknown type")
		opr := w.Person(t, "operator", nil, core.Grant{Role: core.RoleOperator, Group: g.ID})
		if got := labels(opr, nil); got != "1" {
			t.Errorf("the group's operator sees %q", got)
		}
		if got := labels(w.Person(t, "asker", nil, core.Grant{Role: core.RoleRequester}), nil); got != "" {
			t.Errorf("a requester sees %q", got)
		}
		for _, col := range w.CredentialColumns() {
			if !col.Sortable {
				continue
			}
			q := core.ListQuery{Sort: core.Sort{Column: col.Name, Desc: true}, Limit: 3}
			page, err := w.Credentials(ctx, w.Admin, q)
			if err == nil {
				q.Cursor = page.Next
				var rest core.Page[core.Credential]
				rest, err = w.Credentials(ctx, w.Admin, q)
				if len(page.Items)+len(rest.Items) != 5 {
					err = errors.Join(err, fmt.Errorf("%d and %d rows", len(page.Items), len(rest.Items)))
				}
			}
			if err != nil {
				t.Errorf("sort by %s: %v", col.Name, err)
			}
		}
		// An operator of the plant cannot touch what belongs to others, nor
		// declare names proven or take the bare path.
		all, err := w.Credentials(ctx, w.Admin, core.ListQuery{Filter: eq("label", "list-0")})
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.RevokeCredential(ctx, opr, all.Items[0].ID, "")
		wantKind(t, err, core.KindNotFound, "revoke a foreign group's")
		_, err = w.CreateCredential(ctx, opr, w.draft("mine"))
		wantKind(t, err, core.KindForbidden, "create for a foreign group")
		n := w.draft("mine")
		n.Group, n.ProvenNames = g.ID, []string{"a.example"}
		_, err = w.CreateCredential(ctx, opr, n)
		wantKind(t, err, core.KindForbidden, "declare names proven")
		n.ProvenNames, n.Default = nil, true
		_, err = w.CreateCredential(ctx, opr, n)
		wantKind(t, err, core.KindForbidden, "take the bare path")
		n.Default = false
		if _, err = w.CreateCredential(ctx, opr, n); err != nil {
			t.Error(err)
		}
	})
}
