package api_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity/identitytest"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/store/storetest"
)

// profile is a product's that saves.
func profile(change func(p *core.Profile)) core.Profile {
	p := core.Profile{ValidityAmount: 30, ValidityUnit: "days", Keys: []core.KeyRule{{Algorithm: "ECDSA"}}, Names: []core.NameRule{{Kind: "dns", Suffixes: []string{"a.example"}}},
		CommonName: "in-san", KeyUsage: []string{"digitalSignature"}, Lint: "private", Approval: "automatic"}
	if change != nil {
		change(&p)
	}
	return p
}

func TestDryRunOfDraft(t *testing.T) {
	w := newWorld(t)
	ask := resource.DryRun{Generate: "ECDSA P-256", Names: []string{"www.a.example"}}
	try := func(who *caller, d resource.DraftDryRun) *answer { return who.do(t, "POST", "/products/dry-run", d) }
	entries := func() int {
		return len(decode[resource.Page[resource.Entry]](t, w.admin.do(t, "GET", "/audit?filter=action:startswith:product.&limit=500", nil)).Items)
	}
	before := entries()
	makes := func(p *core.Profile) { p.ServerKeys = true }
	v := decode[resource.Verdict](t, try(w.admin, resource.DraftDryRun{Issuer: w.h.Issuing.ID, Profile: profile(makes), Request: ask}).is(t, 200))
	if !v.Allowed || v.Template == nil || v.Template.Names.DNS[0] != "www.a.example" {
		t.Errorf("%+v", v)
	}
	bad := ask
	bad.Names = []string{"www.b.example"}
	v = decode[resource.Verdict](t, try(w.admin, resource.DraftDryRun{Issuer: w.h.Issuing.ID, Profile: profile(makes), Request: bad}).is(t, 200))
	if v.Allowed || len(v.Reasons) != 1 || v.Reasons[0].Code != "name.suffix" {
		t.Errorf("%+v", v)
	}
	// An existing one, by the rules that it would get.
	old := decode[resource.Product](t, w.admin.do(t, "GET", "/products/tls-server", nil).is(t, 200))
	v = decode[resource.Verdict](t, try(w.admin, resource.DraftDryRun{Product: old.ID, Issuer: old.Issuer, Profile: profile(makes), Request: bad}).is(t, 200))
	if v.Allowed {
		t.Errorf("%+v", v)
	}
	for name, x := range map[string]struct {
		draft resource.DraftDryRun
		field string
	}{
		"issuer":  {resource.DraftDryRun{Issuer: "0198c0de-0000-7000-8000-00000000aaaa", Profile: profile(nil), Request: ask}, "issuer"},
		"names":   {resource.DraftDryRun{Issuer: old.Issuer, Profile: profile(func(p *core.Profile) { p.Names[0].Suffixes = []string{"a b"} }), Request: ask}, "profile.names[0].suffixes[0]"},
		"lint":    {resource.DraftDryRun{Issuer: old.Issuer, Profile: profile(func(p *core.Profile) { p.LintExclude = []string{"e_there_is_none"} }), Request: ask}, "profile.lint_exclude[0]"},
		"unit":    {resource.DraftDryRun{Issuer: old.Issuer, Profile: profile(func(p *core.Profile) { p.ValidityUnit = "weeks" }), Request: ask}, "profile.validity_unit"},
		"request": {resource.DraftDryRun{Issuer: old.Issuer, Profile: profile(nil)}, "request.csr"},
	} {
		a := try(w.admin, x.draft)
		if p := a.is(t, http.StatusBadRequest).problem(t, core.KindInvalid); p.Field != x.field {
			t.Errorf("%s: field %q: %s", name, p.Field, p.Detail)
		}
	}
	try(w.admin, resource.DraftDryRun{Product: "0198c0de-0000-7000-8000-00000000aaaa", Issuer: old.Issuer, Profile: profile(nil), Request: ask}).is(t, 404)
	try(w.withRole(t, "requester"), resource.DraftDryRun{Issuer: old.Issuer, Profile: profile(nil), Request: ask}).is(t, 403)
	if after := entries(); after != before {
		t.Errorf("a dry run left %d entries", after-before)
	}
}

// TestProductFields: refusals name the field of the form.
func TestProductFields(t *testing.T) {
	w := newWorld(t)
	n := resource.NewProduct{Code: "tls-server", Name: "Twice", Issuer: w.h.Issuing.ID, Profile: profile(nil)}
	if p := w.admin.do(t, "POST", "/products", n).is(t, 409).problem(t, core.KindExists); p.Field != "code" {
		t.Errorf("field %q", p.Field)
	}
	n.Code = "Not A Code"
	if p := w.admin.do(t, "POST", "/products", n).is(t, 400).problem(t, core.KindInvalid); p.Field != "code" {
		t.Errorf("field %q", p.Field)
	}
	made := decode[resource.Product](t, w.admin.do(t, "POST", "/products", resource.NewProduct{Code: "once", Name: "Once", Issuer: n.Issuer, Profile: n.Profile}).is(t, 201))
	up := resource.ProductUpdate{Version: made.Version, Code: "tls-server", Name: "Once", Issuer: n.Issuer, State: made.State, Profile: n.Profile}
	if p := w.admin.do(t, "PUT", "/products/once", up).is(t, 409).problem(t, core.KindExists); p.Field != "code" {
		t.Errorf("field %q", p.Field)
	}
	up.Code, up.Version = "", made.Version+1
	if p := w.admin.do(t, "PUT", "/products/once", up).is(t, 409).problem(t, core.KindConflict); p.Field != "version" {
		t.Errorf("field %q", p.Field)
	}
}

// TestSameOrderCodesAtOnce: of several who give their products the same numeric
// code at the same moment one succeeds.
func TestSameOrderCodesAtOnce(t *testing.T) {
	clock := identitytest.NewClock()
	storetest.EnginesAt(t, clock.Now, func(t *testing.T, db *store.DB) {
		w := newWorldOn(t, db, clock)
		const n = 6
		terms := func(p *core.Profile) {
			p.Terms = &core.OrderTerms{Family: core.FamilyDV, Codes: map[core.Shape]int64{core.ShapeSingle: 4711}}
		}
		var wg sync.WaitGroup
		got := make([]int, n)
		for i := range n {
			code := "same-" + string(rune('a'+i))
			update := i%2 == 1 // half of them are there already
			var old resource.Product
			if update {
				old = decode[resource.Product](t, w.admin.do(t, "POST", "/products", resource.NewProduct{Code: code, Name: code, Issuer: w.h.Issuing.ID, Profile: profile(nil)}).is(t, 201))
			}
			wg.Go(func() {
				if update {
					got[i] = w.admin.do(t, "PUT", "/products/"+code, resource.ProductUpdate{Version: old.Version, Name: code, Issuer: old.Issuer, State: old.State, Profile: profile(terms)}).status
					return
				}
				got[i] = w.admin.do(t, "POST", "/products", resource.NewProduct{Code: code, Name: code, Issuer: w.h.Issuing.ID, Profile: profile(terms)}).status
			})
		}
		wg.Wait()
		won := 0
		for _, status := range got {
			switch status {
			case 200, 201:
				won++
			case 409:
			default:
				t.Errorf("status %d", status)
			}
		}
		if won != 1 {
			t.Errorf("%d products have the code: %v", won, got)
		}
	})
}

// TestNumbersAndOrderCodes: the public number that a product gets is no code
// that was chosen for another, before or at the same moment, and no code is
// chosen that is another's number, even while that has codes of its own.
func TestNumbersAndOrderCodes(t *testing.T) {
	clock := identitytest.NewClock()
	storetest.EnginesAt(t, clock.Now, func(t *testing.T, db *store.DB) {
		w := newWorldOn(t, db, clock)
		codes := func(single ...int64) core.Profile {
			return profile(func(p *core.Profile) {
				for _, c := range single {
					p.Terms = &core.OrderTerms{Family: core.FamilyDV, Shapes: []core.Shape{core.ShapeSingle}, Codes: map[core.Shape]int64{core.ShapeSingle: c}}
				}
			})
		}
		add := func(code string, p core.Profile) *answer {
			return w.admin.do(t, "POST", "/products", resource.NewProduct{Code: code, Name: code, Issuer: w.h.Issuing.ID, Profile: p})
		}
		a := decode[resource.Product](t, add("a", codes()).is(t, 201))
		b := decode[resource.Product](t, add("b", codes(a.Number+2)).is(t, 201))
		if c := decode[resource.Product](t, add("c", codes()).is(t, 201)); c.Number != a.Number+3 {
			t.Errorf("numbers %d, %d with the code %d, %d", a.Number, b.Number, a.Number+2, c.Number)
		}
		for _, taken := range []int64{a.Number, b.Number, a.Number + 2} { // b is not ordered by its number now, but may be again
			if p := add("d", codes(taken)).is(t, 409).problem(t, core.KindExists); p.Field != "profile.terms.codes" {
				t.Errorf("code %d: field %q", taken, p.Field)
			}
		}
		b = decode[resource.Product](t, w.admin.do(t, "PUT", "/products/b", resource.ProductUpdate{Version: b.Version, Name: "b", Issuer: b.Issuer, State: b.State, Profile: codes(b.Number)}).is(t, 200))

		var wg sync.WaitGroup
		for i := range int64(8) { // each second one wants the number that another may just get
			wg.Go(func() {
				p := codes()
				if i%2 == 1 {
					p = codes(a.Number + 4 + i)
				}
				if s := add("at-once-"+string(rune('a'+i)), p).status; s != 201 && s != 409 {
					t.Errorf("status %d", s)
				}
			})
		}
		wg.Wait()
		owner := map[int64]string{}
		all := decode[resource.Page[resource.Product]](t, w.admin.do(t, "GET", "/products?limit=500", nil).is(t, 200)).Items
		for _, p := range all {
			owner[p.Number] = p.Code
		}
		for _, p := range all {
			if p.Profile.Terms == nil {
				continue
			}
			for _, c := range p.Profile.Terms.Codes {
				if o, ok := owner[c]; ok && o != p.Code {
					t.Errorf("%d is the code of %s and belongs to %s", c, p.Code, o)
				}
				owner[c] = p.Code
			}
		}
	})
}
