package agreement_test

import (
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/certwright/certwright/internal/agreement"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/enroll/enrolltest"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/store/storetest"
)

type world struct {
	*enrolltest.World
	s   *agreement.Service
	adm *core.Principal
}

func engines(t *testing.T, f func(t *testing.T, w *world)) {
	storetest.Engines(t, func(t *testing.T, db *store.DB) {
		w := &world{World: enrolltest.Quick(t, db)}
		w.s = agreement.New(agreement.Deps{Storage: db, Audit: w.Audit, Now: w.Now})
		w.adm = w.Person(w.Approver)
		w.adm.Grants = []core.Grant{{Role: core.RoleAdministrator}}
		f(t, w)
	})
}

func fails(t *testing.T, err error, kind core.Kind, field string) {
	t.Helper()
	if core.KindOf(err) != kind || core.AsError(err).Field != field {
		t.Errorf("got %v, want %s at %q", err, kind, field)
	}
}

// TestVersions: each change is a version of its own, the old ones stay, a product's text
// goes before the account's, and taking one away is a version, too.
func TestVersions(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		p := w.Product(t, "ssl-dv")
		publish := func(product core.ProductID, base int, body string) *core.AgreementText {
			t.Helper()
			x, err := w.s.Publish(ctx, w.adm, product, base, body)
			if err != nil {
				t.Fatal(err)
			}
			return x
		}
		stands := func(want string) {
			t.Helper()
			x, err := w.s.Standing(ctx, w.Account, p.ID)
			if err != nil || (x == nil) != (want == "") || x != nil && x.Body != want {
				t.Errorf("%+v %v, want %q", x, err, want)
			}
		}
		stands("")
		one := publish("", 0, "Of the account.\r\nSecond line.  \n\n")
		if one.Version != 1 || one.Body != "Of the account.\nSecond line.\n" || one.Digest != core.AgreementDigest(one.Body) || one.Author != w.Approver {
			t.Errorf("%+v", one)
		}
		stands(one.Body)
		if again := publish("", 0, one.Body); again.ID != one.ID {
			t.Error("the same text made a version")
		}
		own := publish(p.ID, 0, "Of the product.")
		stands("Of the product.\n")
		two := publish("", 1, "Of the account, second.")
		stands("Of the product.\n")
		if gone := publish(p.ID, 1, "  \n"); gone.Version != 2 || gone.Body != "" {
			t.Errorf("%+v", gone)
		}
		stands(two.Body)
		if old, err := w.s.Text(ctx, w.adm, one.ID); err != nil || old.Body != one.Body || old.SupersededAt.IsZero() {
			t.Errorf("%+v %v", old, err)
		}
		if x, err := w.s.Version(ctx, w.Account, own.ID); err != nil || x.Body != own.Body {
			t.Errorf("%+v %v", x, err)
		}
		q := core.ListQuery{Filter: core.Filter{{Column: "present", Op: core.OpEquals, Values: []string{"true"}}}, Limit: 10}
		if page, err := w.s.Texts(ctx, w.adm, q); err != nil || len(page.Items) != 2 || page.Items[0].Body != "" {
			t.Errorf("%+v %v", page.Items, err)
		}
	})
}

// TestRefusals: who may not publish does not, bad texts are refused, and nothing is lost
// of what somebody else wrote meanwhile.
func TestRefusals(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		op := w.Person(w.User)
		op.Grants = []core.Grant{{Role: core.RoleOperator}}
		_, err := w.s.Publish(ctx, op, "", 0, "x")
		fails(t, err, core.KindForbidden, "")
		if _, err := w.s.Text(ctx, &core.Principal{Account: w.Account}, core.NewID[core.AgreementTextID](w.Now())); core.KindOf(err) != core.KindForbidden {
			t.Error(err)
		}
		_, err = w.s.Publish(ctx, w.adm, core.NewID[core.ProductID](w.Now()), 0, "x")
		fails(t, err, core.KindNotFound, "")
		_, err = w.s.Publish(ctx, w.adm, "", 0, "")
		fails(t, err, core.KindInvalid, "body")
		_, err = w.s.Publish(ctx, w.adm, "", 0, "\xff")
		fails(t, err, core.KindInvalid, "body")
		_, err = w.s.Publish(ctx, w.adm, "", 0, "left \u202e right")
		fails(t, err, core.KindInvalid, "body")
		_, err = w.s.Publish(ctx, w.adm, "", 0, strings.Repeat("x", core.MaxAgreementText+1))
		fails(t, err, core.KindTooLarge, "body")
		_, err = w.s.Publish(ctx, w.adm, "", 7, "x")
		fails(t, err, core.KindConflict, "version")
		_, err = w.s.Text(ctx, w.adm, "nothing")
		fails(t, err, core.KindNotFound, "")
		// Another account's text is not there.
		x, err := w.s.Publish(ctx, w.adm, "", 0, "x")
		if err != nil {
			t.Fatal(err)
		}
		other := *w.adm
		other.Account = core.NewID[core.AccountID](w.Now())
		_, err = w.s.Text(ctx, &other, x.ID)
		fails(t, err, core.KindNotFound, "")
	})
}

// TestTwoAuthors: of many who change one version one wins.
func TestTwoAuthors(t *testing.T) {
	engines(t, func(t *testing.T, w *world) {
		var wg sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			wg.Go(func() {
				_, errs[i] = w.s.Publish(t.Context(), w.adm, "", 0, strings.Repeat("x", i+1))
			})
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else if !core.Is(err, core.KindConflict) {
				t.Error(err)
			}
		}
		if won != 1 {
			t.Errorf("%d won", won)
		}
	})
}

// FuzzClean: what passes is text, bounded, and stays as it is when it comes again.
func FuzzClean(f *testing.F) {
	for _, s := range []string{"", "a\r\nb", "\ufeffx", "\x00", "\u202e", strings.Repeat("é", 100), "\n\n\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := agreement.Clean(s)
		if err != nil {
			return
		}
		if !utf8.ValidString(got) || strings.ContainsAny(got, "\r\x00") || len(got) > core.MaxAgreementText+1 {
			t.Errorf("%q", got)
		}
		if again, err := agreement.Clean(got); err != nil || again != got {
			t.Errorf("%q becomes %q, %v", got, again, err)
		}
	})
}
