package domain_test

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/domain"
)

func TestMailAccept(t *testing.T) {
	worlds(t, func(w *world) {
		ctx := t.Context()
		d := w.register("www.shop.example.co.uk", core.MethodEmail)
		c, err := w.Challenge(ctx, w.Admin, d.ID, "")
		if err != nil || len(c.Emails) != 15 || !slices.Contains(c.Emails, "hostmaster@example.co.uk") || slices.Contains(c.Emails, "admin@co.uk") || c.Token != "" {
			t.Fatalf("challenge %+v %v", c, err)
		}
		for _, bad := range []string{"", "root@example.co.uk", "admin@co.uk", "admin@evil.example", "admin@example.co.uk\r\nBcc: x@evil.example"} {
			_, err := w.Verify(ctx, w.Admin, d.ID, "", bad)
			wantKind(t, err, core.KindInvalid, bad)
		}
		o, err := w.Verify(ctx, w.Admin, d.ID, "", "Admin@Example.co.uk")
		if err != nil || !o.Sent || o.Attempt.Passed || o.Attempt.Failure != nil || o.Domain.Control != core.ControlPending || o.Domain.Email != "admin@example.co.uk" {
			t.Fatalf("sent %+v %v", o, err)
		}
		l := w.mail.letters()
		if len(l) != 1 || l[0].to != "admin@example.co.uk" || !strings.Contains(l[0].text, "Example Corp") || !strings.Contains(l[0].text, d.Name) {
			t.Fatalf("mail %+v", l)
		}
		secret := w.mail.secret(t)
		for range 3 { // link scanners
			if got, err := w.Pending(ctx, secret); err != nil || got.ID != d.ID || got.Control != core.ControlPending {
				t.Fatalf("opened: %+v %v", got, err)
			}
		}
		for _, wrong := range []string{"", "x", secret + "A", base64.RawURLEncoding.EncodeToString(make([]byte, 32))} {
			_, err := w.Confirm(ctx, wrong, true, "192.0.2.1")
			wantKind(t, err, core.KindNotFound, "wrong secret")
		}
		got, err := w.Confirm(ctx, secret, true, "192.0.2.1")
		if err != nil || got.Control != core.ControlVerified || !got.Covers("*.www.shop.example.co.uk", false, w.Clock.Now()) {
			t.Fatalf("accepted: %+v %v", got, err)
		}
		for _, ok := range []bool{true, false} {
			_, err = w.Confirm(ctx, secret, ok, "192.0.2.1")
			wantKind(t, err, core.KindNotFound, "replay")
		}
		if w.read(d.ID).Control != core.ControlVerified || len(w.woken()) != 1 {
			t.Error("the replay changed something")
		}
		if e := w.Log.Events("domain.confirm"); len(e) != 1 || e[0].Login != "admin@example.co.uk" || e[0].Address != "192.0.2.1" {
			t.Errorf("audit %+v", e)
		}
		for _, e := range w.Log.Events("") {
			for _, v := range e.Detail {
				if s, ok := v.(string); ok && strings.Contains(s, secret) {
					t.Errorf("the secret stands in %+v", e)
				}
			}
		}
	})
}

func TestMailRefused(t *testing.T) {
	worlds(t, func(w *world) {
		ctx := t.Context()
		d := w.register("a.example", core.MethodEmail)
		if _, err := w.Verify(ctx, w.Admin, d.ID, "", "admin@a.example"); err != nil {
			t.Fatal(err)
		}
		got, err := w.Confirm(ctx, w.mail.secret(t), false, "192.0.2.1")
		if err != nil || got.Control != core.ControlRejected {
			t.Fatalf("refused: %+v %v", got, err)
		}
		list, err := w.Attempts(ctx, w.Admin, d.ID, 0, 0)
		if err != nil || list.Total != 2 || !slices.ContainsFunc(list.Items, func(a *core.DomainAttempt) bool {
			return a.Failure != nil && strings.Contains(a.Failure.Detail, "refused")
		}) {
			t.Errorf("attempts %+v %v", list, err)
		}
		_, err = w.Verify(ctx, w.Admin, d.ID, core.MethodDNSTXT, "")
		wantKind(t, err, core.KindConflict, "after a refusal")
		if _, err := w.Renew(ctx, w.Admin, d.ID); err != nil {
			t.Fatal(err)
		}
		if got := w.read(d.ID); got.Control != core.ControlPending {
			t.Errorf("renewed: %+v", got)
		}
		// A refusal does not take away a proof that stands.
		p := w.proven("b.example", "")
		if _, err := w.Renew(ctx, w.Admin, p.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Verify(ctx, w.Admin, p.ID, core.MethodEmail, "admin@b.example"); err != nil {
			t.Fatal(err)
		}
		if got, err := w.Confirm(ctx, w.mail.secret(t), false, ""); err != nil || got.Shown(w.Clock.Now()) != core.ControlVerified || !got.TokenUntil.IsZero() {
			t.Errorf("refused while proven: %+v %v", got, err)
		}
	})
}

func TestMailLinkEnds(t *testing.T) {
	worlds(t, func(w *world) {
		ctx := t.Context()
		send := func(id core.DomainID, to string) string {
			t.Helper()
			if _, err := w.Verify(ctx, w.Admin, id, core.MethodEmail, to); err != nil {
				t.Fatal(err)
			}
			return w.mail.secret(t)
		}
		a := w.register("a.example", core.MethodEmail)
		late := send(a.ID, "admin@a.example")
		w.Clock.Advance(domain.TokenLife)
		_, err := w.Confirm(ctx, late, true, "")
		wantKind(t, err, core.KindExpired, "too late")
		b := w.register("b.example", core.MethodEmail)
		first := send(b.ID, "admin@b.example")
		w.Clock.Advance(2 * time.Minute)
		second := send(b.ID, "postmaster@b.example")
		_, err = w.Confirm(ctx, first, true, "")
		wantKind(t, err, core.KindNotFound, "replaced by a newer one")
		if _, err := w.Challenge(ctx, w.Admin, b.ID, core.MethodDNSTXT); err != nil {
			t.Fatal(err)
		}
		_, err = w.Confirm(ctx, second, true, "")
		wantKind(t, err, core.KindNotFound, "another method is asked for")
	})
}

func TestMailRate(t *testing.T) {
	worlds(t, func(w *world) {
		ctx := t.Context()
		d := w.register("a.example", core.MethodEmail)
		send := func(id core.DomainID, to string) error {
			_, err := w.Verify(ctx, w.Admin, id, "", to)
			return err
		}
		wantKind(t, send(d.ID, "admin@a.example"), "", "first")
		err := send(d.ID, "postmaster@a.example")
		wantKind(t, err, core.KindRateLimited, "at once")
		if core.AsError(err).RetryAfter != time.Minute {
			t.Errorf("wait %v", core.AsError(err).RetryAfter)
		}
		below := w.register("w.a.example", core.MethodEmail)
		wantKind(t, send(below.ID, "admin@a.example"), core.KindRateLimited, "the same mailbox for another name")
		for range 9 {
			w.Clock.Advance(time.Minute)
			wantKind(t, send(d.ID, "admin@a.example"), "", "a minute later")
		}
		w.Clock.Advance(time.Minute)
		wantKind(t, send(d.ID, "admin@a.example"), core.KindRateLimited, "eleven in a day")
		wantKind(t, send(below.ID, "admin@w.a.example"), "", "another name and mailbox")
		w.Clock.Advance(24 * time.Hour)
		wantKind(t, send(d.ID, "admin@a.example"), "", "a day later")
		var wait sync.WaitGroup
		w.Clock.Advance(time.Hour)
		before := len(w.mail.letters())
		for range 5 {
			wait.Go(func() { _, _ = w.Verify(context.Background(), w.Admin, d.ID, "", "admin@a.example") })
		}
		wait.Wait()
		if n := len(w.mail.letters()) - before; n != 1 {
			t.Errorf("%d mails of callers at the same time", n)
		}
		w.Clock.Advance(time.Hour)
		w.mail.err = errors.New("no mail server")
		wantKind(t, send(d.ID, "admin@a.example"), core.KindUnavailable, "the mail server is away")
		list, err := w.Attempts(ctx, w.Admin, d.ID, 0, 2)
		if err != nil || !slices.ContainsFunc(list.Items, func(a *core.DomainAttempt) bool { return a.Failure != nil && a.Failure.Code == "connection" }) {
			t.Errorf("attempts %+v %v", list, err)
		}
		if got := w.read(d.ID); got.EmailHash != nil {
			t.Errorf("the link of a mail that did not go out works: %+v", got)
		}
	})
}

func TestDNSContact(t *testing.T) {
	worlds(t, func(w *world) {
		ctx := t.Context()
		d := w.register("w.a.example", core.MethodDNSContact)
		o, err := w.Verify(ctx, w.Admin, d.ID, "", "")
		if err != nil || o.Sent || o.Attempt.Failure == nil || len(o.Attempt.Records) == 0 || o.Attempt.Next == "" || len(w.mail.letters()) != 0 {
			t.Fatalf("without an address in the DNS: %+v %v", o, err)
		}
		w.dns.Set("a.example", "CAA", `0 contactemail "owner@elsewhere.example"`)
		_, err = w.Verify(ctx, w.Admin, d.ID, "", "mallory@evil.example")
		wantKind(t, err, core.KindInvalid, "an address that the DNS does not name")
		if c, err := w.Challenge(ctx, w.Admin, d.ID, ""); err != nil || !slices.Equal(c.Emails, []string{"owner@elsewhere.example"}) {
			t.Errorf("challenge %+v %v", c, err)
		}
		o, err = w.Verify(ctx, w.Admin, d.ID, "", "")
		if err != nil || !o.Sent || o.Domain.Email != "owner@elsewhere.example" || len(o.Attempt.Records) == 0 {
			t.Fatalf("sent: %+v %v", o, err)
		}
		if got, err := w.Confirm(ctx, w.mail.secret(t), true, ""); err != nil || got.Proof() != core.MethodDNSContact || got.Control != core.ControlVerified {
			t.Errorf("accepted: %+v %v", got, err)
		}
	})
}

func TestWithoutMailServer(t *testing.T) {
	worlds(t, func(w *world) {
		deps := w.deps
		deps.Mail = nil
		s := w.service(deps)
		d := w.register("a.example", core.MethodEmail)
		_, err := s.Verify(t.Context(), w.Admin, d.ID, "", "admin@a.example")
		wantKind(t, err, core.KindUnsupported, "no mail server")
	})
}
