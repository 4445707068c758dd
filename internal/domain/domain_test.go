package domain_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/domain"
	"github.com/certwright/certwright/internal/identity"
)

func TestMethods(t *testing.T) {
	worlds(t, func(w *world) {
		for _, method := range []string{core.MethodDNSTXT, core.MethodDNSCNAME, core.MethodHTTPFile} {
			d := w.register(method+".example.com", method)
			o := w.verify(d.ID)
			a := o.Attempt
			if a.Passed || a.Failure == nil || a.Next == "" || len(a.Records) == 0 || o.Perspectives != 1 || o.Agreed != 0 || o.Quorum != 1 || o.Domain.Control != core.ControlPending {
				t.Fatalf("%s before it was published: %+v", method, a)
			}
			c := w.publish(d.ID)
			what := c.RecordName
			if what == "" {
				what = c.FileURL
			}
			if !strings.Contains(a.Next, what) || !strings.Contains(a.Expected, what) {
				t.Errorf("%s: the attempt does not say %s: %+v", method, what, a)
			}
			if c.FileURL != "" && strings.Contains(c.FileURL, c.Token) {
				t.Errorf("the request for %s shows the token", c.FileURL)
			}
			w.Clock.Advance(time.Second)
			o = w.verify(d.ID)
			if !o.Attempt.Passed || o.Already || o.Domain.Shown(w.Clock.Now()) != core.ControlVerified || o.Domain.Proof() != method || o.Agreed != 1 {
				t.Fatalf("%s: %+v %+v", method, o.Domain, o.Attempt)
			}
			if o = w.verify(d.ID); !o.Already || o.Attempt != nil {
				t.Errorf("%s again: %+v", method, o)
			}
			if c, err := w.Challenge(t.Context(), w.Admin, d.ID, ""); err != nil || !c.Verified || !c.Until.IsZero() {
				t.Errorf("%s: challenge once verified %+v %v", method, c, err)
			}
			list, err := w.Attempts(t.Context(), w.Admin, d.ID, 0, 1)
			if err != nil || list.Total != 2 || len(list.Items) != 1 || !list.Items[0].Passed {
				t.Errorf("attempts %+v %v", list, err)
			}
			if one, err := w.Attempt(t.Context(), w.Admin, d.ID, a.ID); err != nil || one.Failure == nil || one.Failure.Code != a.Failure.Code || len(one.Records) != len(a.Records) || one.Next != a.Next {
				t.Errorf("attempt %+v %v", one, err)
			}
		}
		if got := w.woken(); len(got) != 3 {
			t.Errorf("the hook saw %v", got)
		}
		if len(w.Log.Events("domain.register")) != 3 || len(w.Log.Events("domain.verify")) != 6 {
			t.Errorf("audit: %+v", w.Log.Events(""))
		}
	})
}

func TestRegister(t *testing.T) {
	worlds(t, func(w *world) {
		ctx := t.Context()
		try := func(p *core.Principal, n domain.New) error {
			_, err := w.Register(ctx, p, n)
			return err
		}
		d := w.register("*.Bücher.Example.", "")
		if d.Name != "xn--bcher-kva.example" || d.Method != core.MethodDNSTXT || d.Number != 1 || !strings.HasPrefix(d.Token, "certwright-dcv-") || len(d.Token) != 15+32 ||
			!d.TokenUntil.Equal(w.Clock.Now().Add(48*time.Hour)) || d.CAA != core.CAASkipped {
			t.Errorf("registered %+v", d)
		}
		err := try(w.Admin, domain.New{Name: "bücher.example", Owner: w.owner()})
		wantKind(t, err, core.KindExists, "twice")
		if core.AsError(err).Field != string(d.ID) {
			t.Errorf("the error does not name the domain: %+v", err)
		}
		for _, bad := range []string{"", "com", "co.uk", "localhost", "192.0.2.1", "a..example", "-a.example", "a_b.example", "a b.example", "a.example/x", strings.Repeat("a", 64) + ".example", "xn--a.example"} {
			wantKind(t, try(w.Admin, domain.New{Name: bad, Owner: w.owner()}), core.KindBadName, bad)
		}
		for _, good := range []string{"github.io", "intranet.internal", "a.co.uk"} {
			wantKind(t, try(w.Admin, domain.New{Name: good, Owner: w.owner()}), "", good)
		}
		wantKind(t, try(w.Admin, domain.New{Name: "a.example", Owner: w.owner(), Method: "telepathy"}), core.KindInvalid, "method")
		wantKind(t, try(w.Admin, domain.New{Name: "a.example"}), core.KindInvalid, "no owner")
		wantKind(t, try(w.Admin, domain.New{Name: "a.example", Owner: domain.Owner{Group: core.NewID[core.GroupID](w.Clock.Now())}}), core.KindInvalid, "no such group")
		long := strings.Repeat("a.", 110) + "long-domain.example" // 239 octets: no room for the label
		wantKind(t, try(w.Admin, domain.New{Name: long, Owner: w.owner()}), core.KindInvalid, "no room for the record")
		wantKind(t, try(w.Admin, domain.New{Name: long, Owner: w.owner(), Method: core.MethodHTTPFile}), "", "no record needed")
		wantKind(t, try(w.person, domain.New{Name: "b.example"}), "", "a requester for his own")
		if d, err := w.Register(ctx, w.person, domain.New{Name: "c.example", Owner: domain.Owner{Group: w.group.ID}}); err != nil || d.Organisation != w.org.ID || d.Group != "" {
			t.Errorf("a group of an organisation: %+v %v", d, err)
		}
	})
}

func TestCAA(t *testing.T) {
	worlds(t, func(w *world) {
		ctx := t.Context()
		w.issuers = []string{"ca.example"}
		w.dns.Set("closed.example", "CAA", `0 issue "other.example"`)
		_, err := w.Register(ctx, w.Admin, domain.New{Name: "closed.example", Owner: w.owner()})
		wantKind(t, err, core.KindPolicy, "CAA forbids")
		if r := core.AsError(err).Reasons; len(r) != 1 || !strings.Contains(r[0].Detail, "closed.example") {
			t.Errorf("reasons %+v", r)
		}
		if e := w.Log.Events("domain.register"); len(e) != 1 || e[0].Outcome != core.Refused {
			t.Errorf("audit %+v", e)
		}
		d, err := w.Register(ctx, w.Admin, domain.New{Name: "closed.example", Owner: w.owner(), SkipCAA: true})
		if err != nil || d.CAA != core.CAAFailed {
			t.Fatalf("skipped: %+v %v", d, err)
		}
		w.dns.Set("closed.example", "CAA", `0 issue "ca.example; validationmethods=ca-dns-txt"`)
		w.publish(d.ID)
		if o := w.verify(d.ID); o.Domain.CAA != core.CAAPassed || w.read(d.ID).CAA != core.CAAPassed {
			t.Errorf("looked at again: %+v", o.Domain)
		}
	})
}

func TestExpiryAndRenewal(t *testing.T) {
	worlds(t, func(w *world) {
		ctx := t.Context()
		d := w.register("a.example", "")
		w.publish(d.ID)
		w.Clock.Advance(domain.TokenLife)
		_, err := w.Verify(ctx, w.Admin, d.ID, "", "")
		wantKind(t, err, core.KindExpired, "a challenge that ran out")
		fresh := w.read(d.ID)
		if fresh.Token == d.Token || !fresh.TokenUntil.Equal(w.Clock.Now().Add(domain.TokenLife)) {
			t.Fatalf("no new challenge: %+v", fresh)
		}
		if o := w.verify(d.ID); o.Attempt.Passed {
			t.Error("the old token still proves control")
		}
		w.publish(d.ID)
		first := w.verify(d.ID).Domain

		// A renewal leaves the proof in force until there is a new one.
		if _, err := w.Renew(ctx, w.Admin, d.ID); err != nil {
			t.Fatal(err)
		}
		renewed := w.read(d.ID)
		if renewed.Token == first.Token || renewed.Shown(w.Clock.Now()) != core.ControlVerified || !renewed.Covers("a.example", false, w.Clock.Now()) {
			t.Errorf("renewed %+v", renewed)
		}
		w.Clock.Advance(time.Hour)
		if o := w.verify(d.ID); o.Already || o.Attempt.Passed || o.Domain.Control != core.ControlVerified {
			t.Errorf("before the new token stands there: %+v", o)
		}
		w.publish(d.ID)
		second := w.verify(d.ID).Domain
		if !second.VerifiedAt.Equal(w.Clock.Now()) || !second.ValidUntil.After(first.ValidUntil) {
			t.Errorf("the new proof: %+v", second)
		}
		w.Clock.Advance(domain.DefaultProofLife)
		if got := w.read(d.ID); got.Shown(w.Clock.Now()) != core.ControlExpired {
			t.Errorf("after the end of the proof: %+v", got)
		}
		_, err = w.Verify(ctx, w.Admin, d.ID, "", "")
		wantKind(t, err, core.KindExpired, "a proof that ran out")
		w.publish(d.ID)
		if o := w.verify(d.ID); !o.Attempt.Passed {
			t.Errorf("proven anew: %+v", o.Attempt)
		}
	})
}

// TestFileProofStaysNarrow: while control is proven anew by DNS, a proof by file
// does not grow, and one by DNS does not shrink.
func TestFileProofStaysNarrow(t *testing.T) {
	worlds(t, func(w *world) {
		ctx, now := t.Context(), w.Clock.Now()
		d := w.proven("a.example", core.MethodHTTPFile)
		if !d.Covers("a.example", true, now) || d.Covers("*.a.example", true, now) || d.Covers("w.a.example", true, now) {
			t.Error("a file proves its very name")
		}
		if _, err := w.Challenge(ctx, w.Admin, d.ID, core.MethodDNSTXT); err != nil {
			t.Fatal(err)
		}
		if d = w.read(d.ID); d.Method != core.MethodDNSTXT || !d.Covers("a.example", true, now) || d.Covers("*.a.example", true, now) {
			t.Errorf("while DNS is asked for: %+v", d)
		}
		w.publish(d.ID)
		d = w.verify(d.ID).Domain
		if !d.Covers("*.a.example", false, now) || !d.Covers("w.a.example", true, now) || d.Covers("w.a.example", false, now) || d.Covers("ba.example", true, now) {
			t.Errorf("proven by DNS: %+v", d)
		}
		if _, err := w.Challenge(ctx, w.Admin, d.ID, core.MethodHTTPFile); err != nil {
			t.Fatal(err)
		}
		if d = w.read(d.ID); !d.Covers("*.a.example", false, now) {
			t.Errorf("while a file is asked for: %+v", d)
		}
	})
}

func TestProven(t *testing.T) {
	worlds(t, func(w *world) {
		ctx := t.Context()
		w.proven("a.example", core.MethodDNSTXT)
		w.proven("file.example", core.MethodHTTPFile)
		w.register("pending.example", "")
		all := []string{"dns:a.example", "dns:*.a.example", "dns:x.y.a.example", "dns:file.example", "dns:w.file.example", "dns:pending.example", "dns:b.example", "ip:192.0.2.1", "email:a@a.example"}
		check := func(o domain.Owner, reuse time.Duration, ancestors bool, want ...string) {
			t.Helper()
			got, err := w.Proven(ctx, w.Admin.Account, o, all, reuse, ancestors)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("got %v %v, want %v", got, err, want)
			}
		}
		check(w.owner(), 0, false, "dns:a.example", "dns:*.a.example", "dns:file.example")
		check(w.owner(), 0, true, "dns:a.example", "dns:*.a.example", "dns:x.y.a.example", "dns:file.example")
		check(domain.Owner{Group: w.group.ID}, 0, false, "dns:a.example", "dns:*.a.example", "dns:file.example") // of the organisation
		check(domain.Owner{Organisation: w.First.Organisation.ID}, 0, true)
		w.Clock.Advance(48 * time.Hour)
		check(w.owner(), 48*time.Hour, true)
		check(w.owner(), 49*time.Hour, false, "dns:a.example", "dns:*.a.example", "dns:file.example")
		w.Clock.Advance(domain.DefaultProofLife)
		check(w.owner(), 1000*24*time.Hour, true)
	})
}

func TestOwners(t *testing.T) {
	worlds(t, func(w *world) {
		ctx := t.Context()
		other, err := w.CreateOrganisation(ctx, w.Admin, identity.OrganisationData{Name: "Other"})
		if err != nil {
			t.Fatal(err)
		}
		free, err := w.CreateGroup(ctx, w.Admin, identity.GroupData{Name: "free"})
		if err != nil {
			t.Fatal(err)
		}
		stranger := w.Person(t, "sam", []core.GroupID{free.ID}, core.Grant{Role: core.RoleOperator, Group: free.ID})
		d := w.register("a.example", "")
		theirs, err := w.Register(ctx, w.Admin, domain.New{Name: "a.example", Owner: domain.Owner{Organisation: other.ID}})
		if err != nil || theirs.ID == d.ID {
			t.Fatalf("each owner has a row: %+v %v", theirs, err)
		}
		w.publish(d.ID)
		w.verify(d.ID)
		if o := w.verify(theirs.ID); o.Attempt.Passed {
			t.Error("a token of one owner proves control for another")
		}
		_, err = w.Register(ctx, stranger, domain.New{Name: "a.example", Owner: domain.Owner{Group: free.ID}})
		wantKind(t, err, core.KindConflict, "verified for another owner")
		if own, err := w.Ensure(ctx, stranger, domain.Owner{Group: free.ID}, "a.example", true); err != nil || own.Group != free.ID || own.Control != core.ControlPending {
			t.Errorf("an order makes its own row: %+v %v", own, err)
		}
		_, err = w.Register(ctx, stranger, domain.New{Name: "c.example", Owner: w.owner()})
		wantKind(t, err, core.KindForbidden, "for an organisation that is not his")
		_, err = w.Domain(ctx, stranger, d.ID)
		wantKind(t, err, core.KindNotFound, "a domain of others")
		_, err = w.Verify(ctx, stranger, d.ID, "", "")
		wantKind(t, err, core.KindNotFound, "a domain of others")
		if _, err := w.Domain(ctx, w.person, d.ID); err != nil {
			t.Errorf("the organisation's own people: %v", err)
		}
		for p, want := range map[*core.Principal]int{w.Admin: 3, w.person: 1, stranger: 1} {
			page, err := w.Domains(ctx, p, core.ListQuery{})
			n, cerr := w.Count(ctx, p, nil)
			rows, aerr := w.At(ctx, p, core.ListQuery{Sort: core.Sort{Column: "name"}, Limit: 2}, want-1)
			if err != nil || cerr != nil || aerr != nil || len(page.Items) != want || n != want || len(rows) != 1 {
				t.Errorf("%s sees %d, %d, %d (%v %v %v), want %d", p.Login, len(page.Items), n, len(rows), err, cerr, aerr, want)
			}
		}
		cred := &core.Principal{Account: w.Admin.Account, Group: free.ID, Credential: &core.Credential{ID: "c", Organisation: w.org.ID}}
		if o, err := w.OwnerOf(ctx, cred); err != nil || o != w.owner() {
			t.Errorf("owner of a credential: %+v %v", o, err)
		}
		if _, err := w.Domain(ctx, cred, d.ID); err != nil {
			t.Errorf("a credential of the organisation: %v", err)
		}
		if o, err := w.OwnerOf(ctx, w.person); err != nil || o != w.owner() {
			t.Errorf("owner of a person: %+v %v", o, err)
		}
		if o, err := w.OwnerOf(ctx, stranger); err != nil || o != (domain.Owner{Group: free.ID}) {
			t.Errorf("owner of a group without organisation: %+v %v", o, err)
		}
	})
}

func TestEnsure(t *testing.T) {
	worlds(t, func(w *world) {
		ctx := t.Context()
		get := func(name string, ancestors bool) *core.Domain {
			t.Helper()
			d, err := w.Ensure(ctx, w.person, w.owner(), name, ancestors)
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		base := w.proven("a.example", core.MethodDNSTXT)
		if get("w.a.example", true).ID != base.ID || get("*.a.example", false).ID != base.ID {
			t.Error("the ancestor's proof does not serve")
		}
		www := get("w.a.example", false)
		if www.ID == base.ID || www.Name != "w.a.example" || get("w.a.example", false).ID != www.ID {
			t.Errorf("own row %+v", www)
		}
		file := w.proven("f.example", core.MethodHTTPFile)
		if got := get("f.example", false); got.ID != file.ID || !got.TokenUntil.IsZero() {
			t.Errorf("the very name: %+v", got)
		}
		if got := get("*.f.example", true); got.ID != file.ID || got.Method != core.MethodDNSTXT || got.TokenUntil.IsZero() || !got.Covers("f.example", false, w.Clock.Now()) {
			t.Errorf("a wildcard over a file: %+v", got)
		}
		if _, err := w.SetActive(ctx, w.Admin, www.ID, false); err != nil {
			t.Fatal(err)
		}
		_, err := w.Ensure(ctx, w.person, w.owner(), "w.a.example", false)
		wantKind(t, err, core.KindConflict, "out of use")
		_, err = w.Verify(ctx, w.Admin, www.ID, "", "")
		wantKind(t, err, core.KindConflict, "out of use")
	})
}

func TestRejectAndActivity(t *testing.T) {
	worlds(t, func(w *world) {
		ctx := t.Context()
		d := w.proven("a.example", "")
		_, err := w.Reject(ctx, w.person, d.ID, "no")
		wantKind(t, err, core.KindForbidden, "a requester decides")
		off, err := w.SetActive(ctx, w.person, d.ID, false)
		if err != nil || off.Covers("a.example", false, w.Clock.Now()) {
			t.Errorf("out of use: %+v %v", off, err)
		}
		if on, err := w.SetActive(ctx, w.person, d.ID, true); err != nil || !on.Covers("a.example", false, w.Clock.Now()) {
			t.Errorf("back: %+v %v", on, err)
		}
		if d, err = w.Reject(ctx, w.Admin, d.ID, "wrong organisation"); err != nil || d.Shown(w.Clock.Now()) != core.ControlRejected || d.Covers("a.example", false, w.Clock.Now()) {
			t.Errorf("rejected: %+v %v", d, err)
		}
		_, err = w.Verify(ctx, w.person, d.ID, "", "")
		wantKind(t, err, core.KindConflict, "rejected")
		if _, err := w.Renew(ctx, w.person, d.ID); err != nil {
			t.Fatal(err)
		}
		w.publish(d.ID)
		if o := w.verify(d.ID); !o.Attempt.Passed {
			t.Errorf("proven anew: %+v", o.Attempt)
		}
	})
}

func TestTwoVerifyAtOnce(t *testing.T) {
	worlds(t, func(w *world) {
		d := w.register("a.example", "")
		w.publish(d.ID)
		c, _ := w.Challenge(t.Context(), w.Admin, d.ID, "")
		hold := make(chan struct{})
		w.dns.Hold(c.RecordName, hold)
		const callers = 4
		out, errs := make([]*domain.Outcome, callers), make([]error, callers)
		var wait sync.WaitGroup
		for i := range callers {
			wait.Go(func() { out[i], errs[i] = w.Verify(context.Background(), w.Admin, d.ID, "", "") })
		}
		for { // until all of them have asked
			n := 0
			for _, q := range w.dns.Questions() {
				if strings.HasPrefix(q.Name, c.RecordName) {
					n++
				}
			}
			if n >= callers {
				break
			}
		}
		close(hold)
		wait.Wait()
		for i := range out {
			if errs[i] != nil || out[i].Domain.Control != core.ControlVerified {
				t.Errorf("caller %d: %+v %v", i, out[i], errs[i])
			}
		}
		if got := w.woken(); len(got) != 1 {
			t.Errorf("the hook ran for %v", got)
		}
		if v := w.read(d.ID).Version; v != 2 {
			t.Errorf("version %d", v)
		}
	})
}

// TestChangedWhileLookedAt: what was seen of an old token proves nothing.
func TestChangedWhileLookedAt(t *testing.T) {
	worlds(t, func(w *world) {
		d := w.register("a.example", "")
		c := w.publish(d.ID)
		hold, asked := make(chan struct{}), len(w.dns.Questions())
		w.dns.Hold(c.RecordName, hold)
		done := make(chan error, 1)
		go func() {
			_, err := w.Verify(context.Background(), w.Admin, d.ID, "", "")
			done <- err
		}()
		for len(w.dns.Questions()) == asked {
			continue
		}
		if _, err := w.Renew(t.Context(), w.Admin, d.ID); err != nil {
			t.Fatal(err)
		}
		close(hold)
		wantKind(t, <-done, core.KindConflict, "a look at a token of before")
		if got := w.read(d.ID); got.Control != core.ControlPending {
			t.Errorf("%+v", got)
		}
	})
}

// TestHookFails: the order's side and the domain change together or not at all.
func TestHookFails(t *testing.T) {
	worlds(t, func(w *world) {
		d := w.register("a.example", "")
		w.publish(d.ID)
		w.hookErr = errHook
		if _, err := w.Verify(t.Context(), w.Admin, d.ID, "", ""); err == nil {
			t.Fatal("the failure of the hook went unnoticed")
		}
		if got := w.read(d.ID); got.Control != core.ControlPending {
			t.Errorf("%+v", got)
		}
		if list, err := w.Attempts(t.Context(), w.Admin, d.ID, 0, 0); err != nil || list.Total != 0 {
			t.Errorf("%+v %v", list, err)
		}
	})
}

// TestLabelsOfOthers: a token at a label of another platform is good when the
// setting names it, and shows in the records; at any other label it is not.
func TestLabelsOfOthers(t *testing.T) {
	worlds(t, func(w *world) {
		d := w.register("a.example", "")
		w.dns.Set("_elsewhere.a.example", "TXT", `"`+d.Token+`"`)
		if o := w.verify(d.ID); o.Attempt.Passed {
			t.Fatal("a label that no setting names")
		}
		also := w.deps
		also.TXTAlso = []string{"_nowhere", "_elsewhere"}
		o, err := w.service(also).Verify(t.Context(), w.Admin, d.ID, "", "")
		if err != nil || !o.Attempt.Passed || o.Domain.Control != core.ControlVerified {
			t.Fatalf("%+v %v", o, err)
		}
		var asked []string
		for _, r := range o.Attempt.Records {
			asked = append(asked, r.Asked)
		}
		for _, name := range []string{domain.DefaultTXTLabel, "_nowhere", "_elsewhere"} {
			if !strings.Contains(strings.Join(asked, "\n"), "TXT "+name+".a.example") {
				t.Errorf("%s was not asked: %q", name, asked)
			}
		}
		also.TXTAlso = []string{"elsewhere"}
		if _, err := domain.NewService(also); !core.Is(err, core.KindInvalid) {
			t.Errorf("a label without an underscore: %v", err)
		}
	})
}
