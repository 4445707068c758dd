package vetting_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/vetting"
)

var linkForm = regexp.MustCompile(`https://ca\.example/consent/(\S+)`)

// link is the secret of the link in the last mail.
func (w *world) link(t *testing.T) string {
	t.Helper()
	sent := w.mail.Sent()
	m := linkForm.FindStringSubmatch(sent[len(sent)-1].Text)
	if m == nil {
		t.Fatalf("no link in %+v", sent[len(sent)-1])
	}
	return m[1]
}

// representative adds one.
func (w *world) representative(t *testing.T, email string) *core.Representative {
	t.Helper()
	r, err := w.s.AddRepresentative(t.Context(), w.validator, core.Representative{Organisation: w.org.ID, Name: "Ada Meyer", Email: email, Phone: "+49221123456", Designation: "CEO"})
	ok(t, err)
	return r
}

func TestRepresentatives(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		a, b := w.representative(t, "ada@example.com"), w.representative(t, "bo@example.com")
		if a.Number != 1 || b.Number != 2 {
			t.Errorf("numbers %d and %d", a.Number, b.Number)
		}
		list, err := w.s.Representatives(ctx, w.asker, w.org.ID)
		ok(t, err)
		if len(list) != 2 || list[0] != *a || list[1] != *b {
			t.Errorf("%+v", list)
		}
		for field, r := range map[string]core.Representative{
			"name": {Email: "a@example.com"}, "email": {Name: "A"}, "phone": {Name: "A", Email: "a@example.com", Phone: "0221"},
			"designation": {Name: "A", Email: "a@example.com", Designation: "a\nb"},
		} {
			r.Organisation = w.org.ID
			at(t, "without a good "+field, second(w.s.AddRepresentative(ctx, w.validator, r)), field)
		}
		at(t, "an address that is none", second(w.s.AddRepresentative(ctx, w.validator, core.Representative{Organisation: w.org.ID, Name: "A", Email: "a@b\r\nBcc: c@d.example"})), "email")
		is(t, "an operator adds", second(w.s.AddRepresentative(ctx, w.asker, *a)), core.KindForbidden)
		is(t, "an operator changes", second(w.s.UpdateRepresentative(ctx, w.asker, *a)), core.KindForbidden)
		changed := *a
		changed.Name, changed.Designation, changed.Number = "Ada Meyer-Lenz", "", 99
		w.Clock.Advance(time.Second)
		got, err := w.s.UpdateRepresentative(ctx, w.validator, changed)
		ok(t, err)
		if got.Name != changed.Name || got.Designation != "" || got.Number != 1 || !got.CreatedAt.Equal(a.CreatedAt) || !got.UpdatedAt.Equal(w.Clock.Now()) {
			t.Errorf("%+v", got)
		}
		if list, err = w.s.Representatives(ctx, w.asker, w.org.ID); err != nil || list[0] != *got {
			t.Errorf("%+v, %v", list, err)
		}
		changed.Email = ""
		at(t, "no address", second(w.s.UpdateRepresentative(ctx, w.validator, changed)), "email")
		lost := *a
		lost.ID = "x"
		is(t, "nobody is changed", second(w.s.UpdateRepresentative(ctx, w.validator, lost)), core.KindNotFound)
		lost.ID, lost.Organisation = a.ID, w.second(t, "Elsewhere").ID
		is(t, "another organisation's is changed", second(w.s.UpdateRepresentative(ctx, w.validator, lost)), core.KindNotFound)
		is(t, "an operator removes", w.s.RemoveRepresentative(ctx, w.asker, w.org.ID, a.ID), core.KindForbidden)
		is(t, "of another organisation", w.s.RemoveRepresentative(ctx, w.validator, w.second(t, "Else").ID, a.ID), core.KindNotFound)
		is(t, "unknown", w.s.RemoveRepresentative(ctx, w.validator, w.org.ID, "x"), core.KindNotFound)
		ok(t, w.s.RemoveRepresentative(ctx, w.validator, w.org.ID, a.ID))
		is(t, "twice", w.s.RemoveRepresentative(ctx, w.validator, w.org.ID, a.ID), core.KindNotFound)
		if c := w.representative(t, "c@example.com"); c.Number != 3 {
			t.Errorf("number %d was given twice", c.Number)
		}
	})
}

func TestConsent(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		for _, yes := range []bool{true, false} {
			ctx, r := t.Context(), w.representative(t, fmt.Sprintf("ada-%v@example.com", yes))
			c, err := w.s.SendConsent(ctx, w.asker, w.org.ID, r.ID, "")
			ok(t, err)
			sent := w.mail.Sent()
			last := sent[len(sent)-1]
			if last.To != r.Email || !strings.Contains(last.Text, c.Statement) || !strings.Contains(c.Statement, "Example GmbH (registration HRB 1)") {
				t.Errorf("%+v, statement %q", last, c.Statement)
			}
			link := w.link(t)
			got, o, err := w.s.PendingConsent(ctx, link)
			ok(t, err)
			if got.ID != c.ID || got.State != core.ConsentPending || o.ID != w.org.ID || got.Statement != c.Statement {
				t.Errorf("%+v about %+v", got, o)
			}
			want := core.ConsentRefused
			if yes {
				want = core.ConsentGiven
			}
			got, err = w.s.AnswerConsent(ctx, link, yes, "::ffff:192.0.2.9")
			ok(t, err)
			first := w.Clock.Now()
			if got.State != want || got.AnsweredFrom != "192.0.2.9" || !got.AnsweredAt.Equal(first) {
				t.Errorf("%+v", got)
			}
			// Replayed, with another answer and after the link's end: the first stands.
			w.Clock.Advance(vetting.LinkLife + time.Hour)
			got, err = w.s.AnswerConsent(ctx, link, !yes, "192.0.2.10")
			ok(t, err)
			if got.State != want || got.AnsweredFrom != "192.0.2.9" || !got.AnsweredAt.Equal(first) {
				t.Errorf("replayed: %+v", got)
			}
			got, _, err = w.s.PendingConsent(ctx, link)
			ok(t, err)
			if got.State != want {
				t.Errorf("%+v", got)
			}
			ok(t, w.s.RemoveRepresentative(ctx, w.validator, w.org.ID, r.ID))
			if got, _, err = w.s.PendingConsent(ctx, link); err != nil || got.State != want {
				t.Errorf("the answer left with the representative: %+v, %v", got, err)
			}
		}
		list, err := w.s.Consents(t.Context(), w.Admin, w.org.ID)
		ok(t, err)
		if len(list) != 2 || list[0].State != core.ConsentRefused || list[1].State != core.ConsentGiven {
			t.Errorf("%+v", list)
		}
		if n := len(w.Log.Events("consent.answer")); n != 2 {
			t.Errorf("%d events of answers", n)
		}
	})
}

func TestConsentLinksThatEnd(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx, r := t.Context(), w.representative(t, "ada@example.com")
		dead := func(what, link string, kind core.Kind) {
			t.Helper()
			_, _, err := w.s.PendingConsent(ctx, link)
			is(t, what+": look", err, kind)
			is(t, what+": answer", second(w.s.AnswerConsent(ctx, link, true, "")), kind)
		}
		send := func() string {
			t.Helper()
			w.Clock.Advance(time.Millisecond)
			ok(t, second(w.s.SendConsent(ctx, w.asker, w.org.ID, r.ID, "")))
			return w.link(t)
		}
		replaced := send()
		late := send()
		dead("replaced", replaced, core.KindExpired)
		w.Clock.Advance(vetting.LinkLife - time.Microsecond)
		ok(t, third(w.s.PendingConsent(ctx, late)))
		w.Clock.Advance(time.Microsecond)
		dead("expired", late, core.KindExpired)
		for _, garbage := range []string{"", "x", replaced + "A", replaced[:42], strings.Repeat("A", 43), "../" + replaced[3:], replaced[:41] + "+/"} {
			dead("garbage "+garbage, garbage, core.KindNotFound)
		}
		moved := send()
		r.Phone = ""
		ok(t, second(w.s.UpdateRepresentative(ctx, w.validator, *r)))
		ok(t, third(w.s.PendingConsent(ctx, moved))) // the address is the same
		r.Email = "ada@example.net"
		ok(t, second(w.s.UpdateRepresentative(ctx, w.validator, *r)))
		dead("to an old address", moved, core.KindExpired)
		gone := send()
		if sent := w.mail.Sent(); sent[len(sent)-1].To != "ada@example.net" {
			t.Errorf("sent to %s", sent[len(sent)-1].To)
		}
		ok(t, w.s.RemoveRepresentative(ctx, w.validator, w.org.ID, r.ID))
		dead("of nobody", gone, core.KindExpired)

		list, err := w.s.Consents(ctx, w.Admin, w.org.ID)
		ok(t, err)
		for _, c := range list {
			if c.State == core.ConsentGiven || c.State == core.ConsentRefused {
				t.Errorf("answered: %+v", c)
			}
		}
		for _, e := range w.Log.Events("") {
			for _, link := range []string{replaced, late, gone} {
				if strings.Contains(fmt.Sprint(e), link) {
					t.Errorf("a link's secret is in the audit log: %v", e)
				}
			}
		}
	})
}

// third is the error of a call.
func third[A, B any](_ A, _ B, err error) error { return err }

func TestConsentMailFails(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx, r := t.Context(), w.representative(t, "ada@example.com")
		none := w.service(t, nil)
		is(t, "without a mail server", second(none.SendConsent(ctx, w.asker, w.org.ID, r.ID, "")), core.KindUnsupported)
		w.mail.Fail(core.Errorf(core.KindUnavailable, "the mail server sleeps"))
		is(t, "with one that is away", second(w.s.SendConsent(ctx, w.asker, w.org.ID, r.ID, "")), core.KindUnavailable)
		w.mail.Fail(core.Errorf(core.KindUpstream, "no such mailbox"))
		is(t, "with one that refuses", second(w.s.SendConsent(ctx, w.asker, w.org.ID, r.ID, "")), core.KindUpstream)
		w.mail.Fail(nil)
		ok(t, second(w.s.SendConsent(ctx, w.asker, w.org.ID, r.ID, "")))
		ok(t, second(w.s.AnswerConsent(ctx, w.link(t), true, "")))
		list, err := w.s.Consents(ctx, w.Admin, w.org.ID)
		ok(t, err)
		pending := 0
		for _, c := range list {
			if c.State == core.ConsentPending {
				pending++
			}
		}
		if len(list) != 3 || pending != 0 {
			t.Errorf("%+v", list)
		}
	})
}

// order puts an order into the database, as other packages do.
func (w *world) order(t *testing.T, group core.GroupID) *core.Order {
	t.Helper()
	now := w.Clock.Now()
	n, err := w.db.Number(t.Context(), "order")
	ok(t, err)
	i := &core.Issuer{ID: core.NewID[core.IssuerID](now), Account: w.First.Account.ID, Name: "CA", Slug: fmt.Sprint("ca-", n), Connector: "builtin", State: core.IssuerActive, CreatedAt: now, UpdatedAt: now}
	p := &core.Product{ID: core.NewID[core.ProductID](now), Account: w.First.Account.ID, Code: fmt.Sprint("p-", n), Name: "OV", Issuer: i.ID, State: core.ProductActive, Version: 1, CreatedAt: now, UpdatedAt: now}
	o := &core.Order{ID: core.NewID[core.OrderID](now), Account: w.First.Account.ID, Number: n, User: w.asker.User, Group: group, Product: p.ID, Issuer: i.ID,
		Protocol: "api", State: core.OrderOrganisation, Subject: "CN=www.example.com", Names: []string{"dns:www.example.com", "dns:example.com"}, CreatedAt: now, UpdatedAt: now}
	ok(t, w.db.InTx(t.Context(), func(ctx context.Context, tx core.Tx) error {
		if err := putIssuer(ctx, w, tx, i); err != nil {
			return err
		}
		if err := w.db.InsertProduct(ctx, tx, p, nil); err != nil {
			return err
		}
		_, err := w.db.InsertOrder(ctx, tx, o)
		return err
	}))
	return o
}

func TestConsentOfOrder(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx, r := t.Context(), w.representative(t, "ada@example.com")
		web, mail := w.group(t, "web", w.org.ID), w.group(t, "mail", w.org.ID)
		o := w.order(t, web)
		_, err := w.s.ConsentOf(ctx, o.Account, o.ID)
		is(t, "none yet", err, core.KindNotFound)
		general, err := w.s.SendConsent(ctx, w.asker, w.org.ID, r.ID, "")
		ok(t, err)
		generalLink := w.link(t)
		c, err := w.s.SendConsent(ctx, w.credential(web, ""), w.org.ID, r.ID, o.ID)
		ok(t, err)
		for _, part := range []string{fmt.Sprint("order ", o.Number), "CN=www.example.com", "dns:example.com"} {
			if !strings.Contains(c.Statement, part) {
				t.Errorf("%q lacks %q", c.Statement, part)
			}
		}
		if _, _, err := w.s.PendingConsent(ctx, generalLink); err != nil {
			t.Errorf("a link about an order replaced one about the organisation (%s): %v", general.ID, err)
		}
		got, err := w.s.ConsentOf(ctx, o.Account, o.ID)
		ok(t, err)
		if got.ID != c.ID || got.Order != o.ID || got.State != core.ConsentPending {
			t.Errorf("%+v", got)
		}
		ok(t, second(w.s.AnswerConsent(ctx, w.link(t), true, "")))
		if got, err = w.s.ConsentOf(ctx, o.Account, o.ID); err != nil || got.State != core.ConsentGiven {
			t.Errorf("%+v, %v", got, err)
		}
		is(t, "another group's order", second(w.s.SendConsent(ctx, w.credential(mail, ""), w.org.ID, r.ID, o.ID)), core.KindNotFound)
		is(t, "another account", second(w.s.ConsentOf(ctx, "elsewhere", o.ID)), core.KindNotFound)
		is(t, "no order", second(w.s.SendConsent(ctx, w.asker, w.org.ID, r.ID, "x")), core.KindNotFound)
		is(t, "no representative", second(w.s.SendConsent(ctx, w.asker, w.org.ID, "x", o.ID)), core.KindNotFound)
		is(t, "a foreign credential", second(w.s.SendConsent(ctx, w.credential(w.group(t, "x", ""), ""), w.org.ID, r.ID, "")), core.KindNotFound)
	})
}

// TestConsentAnsweredTwiceAtOnce: yes and no at the same moment give one answer.
func TestConsentAnsweredTwiceAtOnce(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		r := w.representative(t, "ada@example.com")
		ok(t, second(w.s.SendConsent(t.Context(), w.asker, w.org.ID, r.ID, "")))
		link := w.link(t)
		states := make([]core.ConsentState, 6)
		var wg sync.WaitGroup
		for i := range states {
			wg.Go(func() {
				c, err := w.s.AnswerConsent(t.Context(), link, i%2 == 0, "192.0.2.1")
				if err != nil {
					t.Error(err)
					return
				}
				states[i] = c.State
			})
		}
		wg.Wait()
		for _, s := range states {
			if s != states[0] || s != core.ConsentGiven && s != core.ConsentRefused {
				t.Errorf("answers %v", states)
			}
		}
		if n := len(w.Log.Events("consent.answer")); n != 1 {
			t.Errorf("%d events", n)
		}
	})
}

// TestLinksADay: nobody is flooded with mail.
func TestLinksADay(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx, r, other := t.Context(), w.representative(t, "ada@example.com"), w.representative(t, "bo@example.com")
		for range 10 {
			ok(t, second(w.s.SendConsent(ctx, w.asker, w.org.ID, r.ID, "")))
		}
		err := second(w.s.SendConsent(ctx, w.Admin, w.org.ID, r.ID, ""))
		is(t, "the eleventh", err, core.KindRateLimited)
		if core.AsError(err).RetryAfter <= 0 || len(w.mail.Sent()) != 10 {
			t.Errorf("%v, %d mails", err, len(w.mail.Sent()))
		}
		ok(t, second(w.s.SendConsent(ctx, w.asker, w.org.ID, other.ID, "")))
		w.Clock.Advance(day)
		ok(t, second(w.s.SendConsent(ctx, w.asker, w.org.ID, r.ID, "")))
	})
}
