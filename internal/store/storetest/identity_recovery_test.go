package storetest_test

import (
	"context"
	"errors"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/identity/identitytest"
)

// mailed is what was sent to whom.
type mailed struct{ to, subject, text string }

// sendAll mails what was asked for since the last call.
func sendAll(t *testing.T, w *world) []mailed {
	t.Helper()
	var out []mailed
	for _, id := range w.Resets {
		err := w.SendReset(t.Context(), id, func(_ context.Context, to, subject, text string) error {
			out = append(out, mailed{to, subject, text})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	w.Resets = nil
	return out
}

var linkText = regexp.MustCompile(`https://ca\.example/password/reset/(\S+)`)

// TestForgottenPassword: a link goes to the user's own address, sets a password
// once, and ends sessions; the second factor stays.
func TestForgottenPassword(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		ann, code, _ := enrolled(t, w, "ann")
		mail := "ann@example.org"
		if _, err := w.UpdateUser(ctx, w.Admin, ann.User, identity.UserChange{Email: &mail}); err != nil {
			t.Fatal(err)
		}
		w.Person(t, "noaddress", nil, core.Grant{Role: core.RoleOperator})
		if _, _, err := w.CreateUser(ctx, w.Admin, identity.NewUser{Login: "nopassword", Email: "np@example.org"}); err != nil {
			t.Fatal(err)
		}
		for _, login := range []string{" ANN ", "noaddress", "nopassword", "stranger"} {
			if err := w.AskReset(ctx, identity.AskReset{Login: login, Address: home}); err != nil {
				t.Errorf("%s: %v", login, err)
			}
		}
		if len(w.Resets) != 4 {
			t.Errorf("%d jobs: who gets a mail can be seen", len(w.Resets))
		}
		first := w.Resets[0]
		sent := sendAll(t, w)
		if len(sent) != 1 || sent[0].to != mail {
			t.Fatalf("%+v", sent)
		}
		old := linkText.FindStringSubmatch(sent[0].text)[1]
		// A second try of the same job makes another link, and the first is void.
		w.Resets = []core.ResetID{first}
		plain := linkText.FindStringSubmatch(sendAll(t, w)[0].text)[1]
		_, err := w.ResetOf(ctx, old)
		wantKind(t, err, core.KindNotFound, "a replaced link")
		if u, err := w.ResetOf(ctx, plain); err != nil || u.Login != "ann" || u.PasswordHash != "" {
			t.Errorf("%+v, %v", u, err)
		}
		wantField(t, w.FinishReset(ctx, plain, "short", identity.AskReset{}), core.KindInvalid, "password", "short")
		const fresh = "another vole sings"
		if err := w.FinishReset(ctx, plain, fresh, identity.AskReset{Address: home}); err != nil {
			t.Fatal(err)
		}
		wantKind(t, w.FinishReset(ctx, plain, fresh, identity.AskReset{}), core.KindNotFound, "a used link")
		list, err := w.Sessions(ctx, w.Admin, core.ListQuery{Filter: core.Filter{{Column: "user", Op: core.OpEquals, Values: []string{string(ann.User)}}}})
		if err != nil || len(list.Items) != 0 {
			t.Errorf("%d sessions left, %v", len(list.Items), err)
		}
		if _, err := w.SignIn(ctx, passwordOf("ann")); !core.Is(err, core.KindUnauthenticated) {
			t.Errorf("old password: %v", err)
		}
		in := identity.SignIn{Login: "ann", Password: fresh}
		half, err := w.SignIn(ctx, in)
		if err != nil || half.Session != nil {
			t.Fatalf("the second factor is gone: %+v, %v", half, err)
		}
		w.Clock.Advance(30 * time.Second)
		in.Code = code()
		if done, err := w.SignIn(ctx, in); err != nil || done.Session == nil {
			t.Errorf("%v", err)
		}
		if e := w.Log.Events("password.ask-reset"); len(e) != 4 {
			t.Errorf("%d events", len(e))
		}
		if e := w.Log.Events("password.recover"); len(e) != 1 || e[0].Login != "ann" {
			t.Errorf("%+v", e)
		}
		for _, e := range w.Log.Events("") {
			for _, v := range e.Detail {
				if s, ok := v.(string); ok && strings.Contains(s, plain) {
					t.Error("the secret is in the audit log")
				}
			}
		}
	})
}

// TestForgottenLimits: a link ends, another password ends it, and mails are
// few.
func TestForgottenLimits(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		mail := "admin@example.org"
		if _, err := w.UpdateUser(ctx, w.Admin, w.Admin.User, identity.UserChange{Email: &mail}); err != nil {
			t.Fatal(err)
		}
		ask := func(login, from string) error {
			return w.AskReset(ctx, identity.AskReset{Login: login, Address: netip.MustParseAddr(from)})
		}
		link := func() string {
			if err := ask("admin", "192.0.2.1"); err != nil {
				t.Fatal(err)
			}
			return linkText.FindStringSubmatch(sendAll(t, w)[0].text)[1]
		}
		ends := link()
		w.Clock.Advance(31 * time.Minute)
		_, err := w.ResetOf(ctx, ends)
		wantKind(t, err, core.KindNotFound, "too late")
		other := link()
		if err := w.ChangePassword(ctx, w.Admin, identitytest.AdminPassword, "unrelated words here"); err != nil {
			t.Fatal(err)
		}
		_, err = w.ResetOf(ctx, other)
		wantKind(t, err, core.KindNotFound, "the password was changed meanwhile")
		link()
		if err := ask("admin", "192.0.2.1"); err != nil || len(w.Resets) != 0 {
			t.Errorf("the fourth mail within an hour: %d, %v", len(w.Resets), err)
		}
		for i := range 20 {
			if err := ask("stranger"+string(rune('a'+i)), "2001:db8::"+string(rune('1'+i%9))); err != nil {
				t.Fatal(i, err)
			}
		}
		err = ask("one more", "2001:db8::ffff")
		wantKind(t, err, core.KindRateLimited, "the 21st from one network")
		if core.AsError(err).RetryAfter == 0 {
			t.Error("no time to wait")
		}
		if err := ask("one more", "2001:db8:0:1::1"); err != nil {
			t.Error("another network", err)
		}
		failed := errors.New("no route")
		w.Resets = w.Resets[:0]
		w.Clock.Advance(2 * time.Hour)
		if err := ask("admin", "192.0.2.1"); err != nil {
			t.Fatal(err)
		}
		if err := w.SendReset(ctx, w.Resets[0], func(context.Context, string, string, string) error { return failed }); !errors.Is(err, failed) {
			t.Errorf("a failure to send: %v", err)
		}
		w.Clock.Advance(25 * time.Hour)
		if _, err := w.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		if err := w.SendReset(ctx, w.Resets[0], func(context.Context, string, string, string) error { return failed }); err != nil {
			t.Errorf("a swept request: %v", err)
		}
	})
}
