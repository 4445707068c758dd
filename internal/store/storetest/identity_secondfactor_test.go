package storetest_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/identity/identitytest"
	"github.com/certwright/certwright/internal/secret"
)

// enrolled has a user with an app set up, and returns him, the app's codes at
// the clock's time, and the recovery codes.
func enrolled(t *testing.T, w *world, login string) (*core.Principal, func() string, []secret.Redacted) {
	t.Helper()
	ctx := t.Context()
	p := w.Person(t, login, nil, core.Grant{Role: core.RoleOperator})
	n, err := w.BeginTOTP(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	code := func() string {
		c, err := totp.GenerateCode(n.Secret.Reveal(), w.Clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	_, err = w.ConfirmTOTP(ctx, p, "000000x")
	wantField(t, err, core.KindInvalid, "code", "wrong code at confirmation")
	codes, err := w.ConfirmTOTP(ctx, p, code())
	if err != nil || len(codes) != 10 {
		t.Fatalf("%d codes, %v", len(codes), err)
	}
	return p, code, codes
}

func passwordOf(login string) identity.SignIn {
	return identity.SignIn{Login: login, Password: identitytest.AdminPassword, Address: home}
}

// TestSecondFactor: the password alone opens nothing; a code or a recovery code
// does, each once, at once or in a second step.
func TestSecondFactor(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		p, code, recovery := enrolled(t, w, "ann")
		if u, err := w.User(ctx, w.Admin, p.User); err != nil || !u.SecondFactor {
			t.Fatalf("%+v, %v", u, err)
		}
		page, err := w.Users(ctx, w.Admin, core.ListQuery{Filter: core.Filter{{Column: "second_factor", Op: core.OpEquals, Values: []string{"true"}}}})
		if err != nil || len(page.Items) != 1 || page.Items[0].Login != "ann" || !page.Items[0].SecondFactor {
			t.Errorf("list %+v, %v", page.Items, err)
		}
		_, err = w.BeginTOTP(ctx, p)
		wantKind(t, err, core.KindConflict, "a second app")
		_, err = w.PendingTOTP(ctx, p)
		wantKind(t, err, core.KindNotFound, "the secret once it is confirmed")

		half, err := w.SignIn(ctx, passwordOf("ann"))
		if err != nil || half.Session != nil || half.Secret != "" || half.Pending == "" {
			t.Fatalf("half: %+v, %v", half, err)
		}
		if _, err := w.SessionPrincipal(ctx, half.Pending.Reveal(), home); !core.Is(err, core.KindUnauthenticated) {
			t.Errorf("half a sign-in as a session: %v", err)
		}
		_, err = w.SecondStep(ctx, half.Pending.Reveal(), identity.SignIn{Code: code()})
		wantField(t, err, core.KindUnauthenticated, "code", "the code of the confirmation again")
		w.Clock.Advance(30 * time.Second)
		used := code()
		done, err := w.SecondStep(ctx, half.Pending.Reveal(), identity.SignIn{Code: used[:3] + " " + used[3:], Address: home})
		if err != nil || done.Session == nil || done.Session.User != p.User {
			t.Fatalf("second step: %+v, %v", done, err)
		}
		if _, err := w.SessionPrincipal(ctx, done.Secret.Reveal(), home); err != nil {
			t.Error(err)
		}
		_, err = w.SecondStep(ctx, half.Pending.Reveal(), identity.SignIn{Code: recovery[0].Reveal()})
		wantKind(t, err, core.KindExpired, "a finished sign-in again")

		in := passwordOf("ann")
		in.Code = used
		_, err = w.SignIn(ctx, in)
		wantField(t, err, core.KindUnauthenticated, "code", "a used code")
		in.Code = " " + strings.ToUpper(recovery[0].Reveal()) + " "
		if done, err := w.SignIn(ctx, in); err != nil || done.Session == nil {
			t.Fatalf("recovery code: %v", err)
		}
		_, err = w.SignIn(ctx, in)
		wantField(t, err, core.KindUnauthenticated, "code", "a used recovery code")
		if f, err := w.Factors(ctx, p); err != nil || !f.TOTP || f.RecoveryCodes != 9 {
			t.Errorf("%+v, %v", f, err)
		}
		if len(w.Log.Events("factor.recovery-code")) != 1 {
			t.Error("the recovery code is not in the audit log")
		}
		for _, e := range w.Log.Events("") {
			for _, v := range e.Detail {
				if v == used || v == recovery[0].Reveal() {
					t.Errorf("a code is in the audit log: %+v", e)
				}
			}
		}

		// New recovery codes end the old ones; a code ends the second factor.
		w.Clock.Advance(time.Minute)
		fresh, err := w.RenewRecoveryCodes(ctx, p, code())
		if err != nil {
			t.Fatal(err)
		}
		wantField(t, w.DisableTOTP(ctx, p, recovery[1].Reveal()), core.KindInvalid, "code", "an old recovery code")
		if err := w.DisableTOTP(ctx, p, fresh[0].Reveal()); err != nil {
			t.Fatal(err)
		}
		if done, err := w.SignIn(ctx, passwordOf("ann")); err != nil || done.Session == nil {
			t.Errorf("without second factor: %+v, %v", done, err)
		}
	})
}

// TestSecondFactorLockOut: wrong codes lock as wrong passwords do, a right
// password between them forgets none, and guesses at once are counted one by
// one.
func TestSecondFactorLockOut(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, code, _ := enrolled(t, w, "bob")
		half, err := w.SignIn(ctx, passwordOf("bob"))
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() { _, _ = w.SecondStep(ctx, half.Pending.Reveal(), identity.SignIn{Code: "nothing"}) })
		}
		all.Wait()
		if _, err := w.SignIn(ctx, passwordOf("bob")); err != nil {
			t.Fatal(err)
		}
		_, err = w.SecondStep(ctx, half.Pending.Reveal(), identity.SignIn{Code: "nothing"})
		if e := core.AsError(err); e.RetryAfter != time.Minute {
			t.Fatalf("fifth wrong code: %v, wait %s", err, e.RetryAfter)
		}
		w.Clock.Advance(30 * time.Second)
		_, err = w.SecondStep(ctx, half.Pending.Reveal(), identity.SignIn{Code: code()})
		wantField(t, err, core.KindUnauthenticated, "code", "right code while locked")
		_, err = w.SignIn(ctx, passwordOf("bob"))
		wantKind(t, err, core.KindUnauthenticated, "right password while locked")
		w.Clock.Advance(31 * time.Second)
		if done, err := w.SecondStep(ctx, half.Pending.Reveal(), identity.SignIn{Code: code()}); err != nil || done.Session == nil {
			t.Fatalf("after the lock: %v", err)
		}
		refused := 0
		for _, e := range w.Log.Events("session.create") {
			if e.Outcome == core.Refused && (e.Detail["reason"] == "wrong code" || e.Detail["reason"] == "locked") {
				refused++
			}
		}
		if refused != 7 {
			t.Errorf("%d refusals in the audit log", refused)
		}
	})
}

// TestSecondFactorEnds: what waits ends with time, with a new password, and with
// a reset; one code opens one session, however often it is sent at once.
func TestSecondFactorEnds(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		p, code, recovery := enrolled(t, w, "cat")
		half := func() string {
			t.Helper()
			h, err := w.SignIn(ctx, passwordOf("cat"))
			if err != nil || h.Pending == "" {
				t.Fatalf("%+v, %v", h, err)
			}
			return h.Pending.Reveal()
		}
		late := half()
		w.Clock.Advance(5 * time.Minute)
		_, err := w.SecondStep(ctx, late, identity.SignIn{Code: code()})
		wantKind(t, err, core.KindExpired, "after five minutes")
		if _, err := w.Sweep(ctx); err != nil {
			t.Fatal(err)
		}

		first, second := half(), half()
		good := make(chan bool, 2)
		var all sync.WaitGroup
		for _, pending := range []string{first, second} {
			all.Go(func() {
				done, err := w.SecondStep(ctx, pending, identity.SignIn{Code: code()})
				good <- err == nil && done.Session != nil
			})
		}
		all.Wait()
		if one, other := <-good, <-good; one == other {
			t.Error("one code, and not one session")
		}

		reset := half()
		wantKind(t, w.ResetSecondFactor(ctx, p, p.User), core.KindForbidden, "reset by himself")
		if err := w.ResetSecondFactor(ctx, w.Admin, p.User); err != nil {
			t.Fatal(err)
		}
		_, err = w.SecondStep(ctx, reset, identity.SignIn{Code: recovery[2].Reveal()})
		wantKind(t, err, core.KindExpired, "after a reset")
		if done, err := w.SignIn(ctx, passwordOf("cat")); err != nil || done.Session == nil {
			t.Errorf("after a reset: %+v, %v", done, err)
		}
		if e := w.Log.Events("factor.reset"); len(e) != 1 || e[0].Detail["had"] != true {
			t.Errorf("%+v", e)
		}

		d, _, _ := enrolled(t, w, "dan")
		h, err := w.SignIn(ctx, passwordOf("dan"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.ResetPassword(ctx, w.Admin, d.User); err != nil {
			t.Fatal(err)
		}
		_, err = w.SecondStep(ctx, h.Pending.Reveal(), identity.SignIn{Code: recovery[3].Reveal()})
		wantKind(t, err, core.KindExpired, "after another password")
		token := *d
		token.Session = ""
		_, err = w.BeginTOTP(ctx, &token)
		wantKind(t, err, core.KindForbidden, "an app by a token")
	})
}
