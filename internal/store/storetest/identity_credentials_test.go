package storetest_test

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
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
			length := 40
			if tc.sealed { // an HMAC key: see secretLength
				length = 64
			}
			if !strings.HasPrefix(c.PublicID, tc.prefix) || len(got.Secret.Reveal()) != length || (len(c.SecretSealed) > 0) != tc.sealed || (len(c.SecretHash) > 0) == tc.sealed {
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

// fault is one way to say something wrong of a new credential.
type fault struct {
	name  string
	edit  func(n *identity.NewCredential)
	kind  core.Kind
	field string
}

// faults lists them; stranger is no member of the group, gone is disabled,
// sleeping is a disabled product.
func (w *world) faults(stranger, gone core.UserID, sleeping core.ProductID) []fault {
	return []fault{
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
		{"disabled product", func(n *identity.NewCredential) { n.Products = []core.ProductID{sleeping} }, core.KindInvalid, "products"},
		{"product twice", func(n *identity.NewCredential) { n.Products = append(n.Products, n.Products[0]) }, core.KindInvalid, "products"},
		{"default not among them", func(n *identity.NewCredential) { n.Product = sleeping }, core.KindInvalid, "product"},
		{"no group", func(n *identity.NewCredential) { n.Group = "" }, core.KindInvalid, "group"},
		{"no user", func(n *identity.NewCredential) { n.User = "" }, core.KindInvalid, "user"},
		{"user outside the group", func(n *identity.NewCredential) { n.User = stranger }, core.KindInvalid, "user"},
		{"disabled user", func(n *identity.NewCredential) { n.User = gone }, core.KindInvalid, "user"},
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
	}
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
		for _, tc := range w.faults(stranger.ID, disabled.ID, sleeping.ID) {
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
