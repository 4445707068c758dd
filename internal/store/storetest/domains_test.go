package storetest_test

import (
	"crypto/sha256"
	"reflect"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/domain"
	"github.com/certwright/certwright/internal/identity"
)

// site is a domain of the first group.
func (w *world) site(name string, change func(*core.Domain)) *core.Domain {
	now := w.Clock.Now()
	w.sites++
	hash := sha256.Sum256([]byte(name))
	d := &core.Domain{ID: core.NewID[core.DomainID](now), Account: w.First.Account.ID, Number: int64(w.sites), Group: w.First.Group.ID, Name: name, State: core.DomainActive,
		Control: core.ControlPending, Method: core.MethodDNSTXT, Token: "token", TokenUntil: now.Add(time.Hour), Email: "admin@" + name, EmailHash: hash[:],
		CAA: core.CAAPassed, Auto: true, NextCheck: now.Add(time.Minute), User: w.First.User.ID, Version: 1, CreatedAt: now, UpdatedAt: now}
	if change != nil {
		change(d)
	}
	return d
}

// put stores domains.
func (w *world) put(t testing.TB, all ...*core.Domain) {
	t.Helper()
	w.tx(t, func(ctx ctxT, tx core.Tx) error {
		for _, d := range all {
			if ok, err := w.db.InsertDomain(ctx, tx, d); err != nil || !ok {
				t.Errorf("insert %s: %v %v", d.Name, ok, err)
			}
		}
		return nil
	})
}

func TestDomainRow(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		db, ctx := w.db, t.Context()
		d := w.site("a.example", nil)
		w.put(t, d)
		got, err := db.FindDomain(ctx, nil, d.Account, d.ID)
		if err != nil || !reflect.DeepEqual(got, d) {
			t.Fatalf("read back %+v %v\nwant %+v", got, err, d)
		}
		_, err = db.FindDomain(ctx, nil, "other", d.ID)
		wantKind(t, err, core.KindNotFound, "of another account")
		owner := domain.Owner{Group: d.Group}
		if got, err = db.OwnedDomain(ctx, nil, d.Account, owner, d.Name); err != nil || got.ID != d.ID {
			t.Errorf("by owner and name: %+v %v", got, err)
		}
		if got, err = db.DomainByMail(ctx, nil, d.EmailHash); err != nil || got.ID != d.ID {
			t.Errorf("by the secret of its mail: %+v %v", got, err)
		}
		w.tx(t, func(ctx ctxT, tx core.Tx) error {
			twin := w.site("a.example", func(d *core.Domain) { d.EmailHash = nil })
			ok, err := db.InsertDomain(ctx, tx, twin)
			if ok {
				t.Error("one owner, one name, two rows")
			}
			return err
		})
		// Everything that can change, and only with the right version.
		old := *d
		*d = core.Domain{ID: d.ID, Account: d.Account, Number: d.Number, Group: d.Group, Name: d.Name, User: d.User, Version: 1, CreatedAt: d.CreatedAt,
			State: core.DomainInactive, Control: core.ControlVerified, Method: core.MethodEmail, ProvenBy: core.MethodHTTPFile, Token: "other",
			VerifiedAt: w.Clock.Now(), ValidUntil: w.Clock.Now().Add(time.Hour), CAA: core.CAAFailed, UpdatedAt: w.Clock.Now().Add(time.Second)}
		w.tx(t, func(ctx ctxT, tx core.Tx) error { return db.UpdateDomain(ctx, tx, d) })
		if got, err = db.FindDomain(ctx, nil, d.Account, d.ID); err != nil || d.Version != 2 || !reflect.DeepEqual(got, d) {
			t.Errorf("changed %+v %v\nwant %+v", got, err, d)
		}
		err = db.InTx(ctx, func(ctx ctxT, tx core.Tx) error { return db.UpdateDomain(ctx, tx, &old) })
		wantKind(t, err, core.KindConflict, "an old version")
	})
}

func TestDomainProofs(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		db, ctx, now := w.db, t.Context(), w.Clock.Now()
		org, err := w.CreateOrganisation(ctx, w.Admin, identity.OrganisationData{Name: "Corp"})
		if err != nil {
			t.Fatal(err)
		}
		proven := func(d *core.Domain) {
			d.Control, d.VerifiedAt, d.ValidUntil, d.EmailHash, d.NextCheck = core.ControlVerified, now, now.Add(time.Hour), nil, time.Time{}
		}
		ours := w.site("a.example", proven)
		off := w.site("b.example", func(d *core.Domain) { proven(d); d.State = core.DomainInactive })
		open := w.site("c.example", nil)
		theirs := w.site("d.example", func(d *core.Domain) { proven(d); d.Group, d.Organisation = "", org.ID })
		w.put(t, ours, off, open, theirs)
		mine, org1 := domain.Owner{Group: w.First.Group.ID}, domain.Owner{Organisation: org.ID}
		names := []string{"a.example", "b.example", "c.example", "d.example"}
		for o, want := range map[domain.Owner]core.DomainID{mine: ours.ID, org1: theirs.ID} {
			got, err := db.ProvenDomains(ctx, ours.Account, o, names, now)
			if err != nil || len(got) != 1 || got[0].ID != want {
				t.Errorf("%+v: %+v %v", o, got, err)
			}
		}
		if got, err := db.ProvenDomains(ctx, ours.Account, mine, names, now.Add(time.Hour)); err != nil || len(got) != 0 {
			t.Errorf("after their end: %+v %v", got, err)
		}
		w.tx(t, func(ctx ctxT, tx core.Tx) error {
			for o, want := range map[domain.Owner]bool{mine: false, org1: true} {
				if got, err := db.ProvenElsewhere(ctx, tx, ours.Account, o, "a.example", now); err != nil || got != want {
					t.Errorf("elsewhere than %+v: %v %v", o, got, err)
				}
			}
			return nil
		})
		due, err := db.DueDomains(ctx, now.Add(time.Minute), 10)
		if err != nil || len(due) != 1 || due[0].ID != open.ID {
			t.Fatalf("due %+v %v", due, err)
		}
		if early, err := db.DueDomains(ctx, now, 10); err != nil || len(early) != 0 {
			t.Errorf("due too early: %+v %v", early, err)
		}
		lease := func(until time.Time) (ok bool) {
			w.tx(t, func(ctx ctxT, tx core.Tx) (err error) {
				ok, err = db.LeaseDomain(ctx, tx, due[0], until)
				return err
			})
			return ok
		}
		if !lease(now.Add(time.Hour)) || lease(now.Add(2*time.Hour)) {
			t.Error("a lease is had once")
		}
		due[0].NextCheck = now.Add(time.Hour)
		if !lease(time.Time{}) {
			t.Error("the holder of the lease ends it")
		}
		if got, err := db.FindDomain(ctx, nil, open.Account, open.ID); err != nil || !got.NextCheck.IsZero() || got.Version != 1 {
			t.Errorf("after the lease: %+v %v", got, err)
		}
	})
}

func TestDomainList(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		db, ctx, now := w.db, t.Context(), w.Clock.Now()
		org, err := w.CreateOrganisation(ctx, w.Admin, identity.OrganisationData{Name: "Corp"})
		if err != nil {
			t.Fatal(err)
		}
		g, err := w.CreateGroup(ctx, w.Admin, identity.GroupData{Name: "web", Organisation: org.ID})
		if err != nil {
			t.Fatal(err)
		}
		ended := w.site("b.example", func(d *core.Domain) {
			d.Control, d.ValidUntil, d.Group, d.Organisation, d.CAA = core.ControlVerified, now, "", org.ID, core.CAAUnknown
		})
		w.put(t, w.site("a.example", nil), ended, w.site("c.example", nil))
		count := func(f core.Filter, v *domain.Visible) int {
			t.Helper()
			page, err := db.ListDomains(ctx, core.ListQuery{Account: ended.Account, Filter: f}, v)
			n, cerr := db.CountDomains(ctx, ended.Account, f, v)
			if err != nil || cerr != nil || n != len(page.Items) {
				t.Errorf("%v: %d rows, counted %d, %v %v", f, len(page.Items), n, err, cerr)
			}
			return n
		}
		eq := func(column, value string) core.Filter {
			return core.Filter{{Column: column, Op: core.OpEquals, Values: []string{value}}}
		}
		for name, c := range map[string]struct {
			f    core.Filter
			v    *domain.Visible
			want int
		}{
			"all": {nil, nil, 3}, "expired": {eq("control", "expired"), nil, 1}, "verified": {eq("control", "verified"), nil, 0}, "pending": {eq("control", "pending"), nil, 2},
			"by name": {eq("name", "A.example"), nil, 1}, "organisation": {eq("organisation_name", "corp"), nil, 1}, "caa": {eq("caa", "unknown"), nil, 1},
			"group": {nil, &domain.Visible{Groups: []core.GroupID{w.First.Group.ID}}, 2}, "org": {nil, &domain.Visible{Organisations: []core.OrganisationID{org.ID}}, 1},
			"both":    {nil, &domain.Visible{Groups: []core.GroupID{w.First.Group.ID}, Organisations: []core.OrganisationID{org.ID}}, 3},
			"nothing": {nil, &domain.Visible{}, 0}, "empty group list": {nil, &domain.Visible{Groups: []core.GroupID{}}, 0},
			"injection": {nil, &domain.Visible{Groups: []core.GroupID{"x' OR '1'='1"}, Organisations: []core.OrganisationID{"x') OR (1=1"}}, 0},
		} {
			if got := count(c.f, c.v); got != c.want {
				t.Errorf("%s: %d, want %d", name, got, c.want)
			}
		}
		if n, err := db.CountDomains(ctx, "other", nil, nil); err != nil || n != 0 {
			t.Errorf("another account: %d %v", n, err)
		}
		var names []string
		for offset := range 4 {
			rows, err := db.DomainsAt(ctx, core.ListQuery{Account: ended.Account, Sort: core.Sort{Column: "name"}, Limit: 1}, offset, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range rows {
				names = append(names, d.Name)
			}
		}
		if !reflect.DeepEqual(names, []string{"a.example", "b.example", "c.example"}) {
			t.Errorf("by offset %v", names)
		}
		_, err = db.DomainsAt(ctx, core.ListQuery{Account: ended.Account}, -1, nil)
		wantKind(t, err, core.KindInvalid, "a negative offset")
		for _, col := range db.DomainColumns() {
			if !col.Sortable {
				continue
			}
			q := core.ListQuery{Account: ended.Account, Limit: 2, Sort: core.Sort{Column: col.Name}}
			first, err := db.ListDomains(ctx, q, nil)
			if err != nil {
				t.Fatalf("sorted by %s: %v", col.Name, err)
			}
			q.Cursor = first.Next
			if rest, err := db.ListDomains(ctx, q, nil); err != nil || len(rest.Items) != 1 {
				t.Errorf("sorted by %s, second page: %d %v", col.Name, len(rest.Items), err)
			}
		}
		if got, err := db.OrganisationsOf(ctx, ended.Account, []core.GroupID{g.ID, "x"}); err != nil || !reflect.DeepEqual(got, []core.OrganisationID{org.ID}) {
			t.Errorf("organisations of groups: %v %v", got, err)
		}
		wantKind(t, w.DeleteOrganisation(ctx, w.Admin, org.ID), core.KindConflict, "an organisation with domains is deleted")
	})
}

func TestDomainAttemptRows(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		db, ctx, now := w.db, t.Context(), w.Clock.Now()
		d, other := w.site("a.example", nil), w.site("b.example", nil)
		w.put(t, d, other)
		attempt := func(of *core.Domain, n int, change func(*core.DomainAttempt)) *core.DomainAttempt {
			at := now.Add(time.Duration(n) * time.Second)
			a := &core.DomainAttempt{ID: core.NewID[core.AttemptID](at), Account: of.Account, Domain: of.ID, Method: core.MethodEmail, Expected: "admin@a.example", At: at}
			if change != nil {
				change(a)
			}
			w.tx(t, func(ctx ctxT, tx core.Tx) error { return db.InsertAttempt(ctx, tx, a, 3) })
			return a
		}
		full := attempt(d, 1, func(a *core.DomainAttempt) {
			a.Background, a.Failure, a.Next, a.Perspectives, a.Agreed, a.Quorum = true, &core.Failure{Code: "dns", Detail: "no"}, "do", 3, 1, 2
			a.Method, a.Records = core.MethodDNSTXT, []core.Record{{At: now, Where: "v1", Asked: "TXT a", Answer: "none"}}
		})
		if got, err := db.Attempt(ctx, d.Account, d.ID, full.ID); err != nil || !reflect.DeepEqual(got, full) {
			t.Errorf("read back %+v %v", got, err)
		}
		for name, ask := range map[string]func() error{
			"account": func() error { _, err := db.Attempt(ctx, "other", d.ID, full.ID); return err },
			"domain":  func() error { _, err := db.Attempt(ctx, d.Account, other.ID, full.ID); return err },
		} {
			wantKind(t, ask(), core.KindNotFound, "of another "+name)
		}
		attempt(other, 2, nil)
		var last *core.DomainAttempt
		for n := 2; n < 6; n++ {
			last = attempt(d, n, nil)
		}
		got, total, err := db.Attempts(ctx, d.Account, d.ID, 0, 2)
		if err != nil || total != 3 || len(got) != 2 || got[0].ID != last.ID {
			t.Errorf("kept %d, shown %+v, %v", total, got, err)
		}
		if got, total, err = db.Attempts(ctx, other.Account, other.ID, 0, 10); err != nil || total != 1 || len(got) != 1 {
			t.Errorf("of the other: %d %v", total, err)
		}
		w.tx(t, func(ctx ctxT, tx core.Tx) error {
			n, at, err := db.DomainMails(ctx, tx, d.Account, "b.example", "admin@a.example", now)
			if err != nil || n != 4 || !at.Equal(last.At) {
				t.Errorf("mails about b or to the mailbox of a: %d %v %v", n, at, err)
			}
			if n, at, err = db.DomainMails(ctx, tx, d.Account, "c.example", "x@c.example", now); err != nil || n != 0 || !at.IsZero() {
				t.Errorf("mails about something else: %d %v %v", n, at, err)
			}
			if n, _, err = db.DomainMails(ctx, tx, d.Account, "a.example", "", last.At); err != nil || n != 0 {
				t.Errorf("mails since the last one: %d %v", n, err)
			}
			return nil
		})
	})
}
