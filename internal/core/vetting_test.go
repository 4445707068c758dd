package core

import (
	"slices"
	"testing"
	"time"
)

// TestVettingMoves: the whole table, written out.
func TestVettingMoves(t *testing.T) {
	allowed := map[VettingState][]VettingState{
		"":                 {VettingPending},
		VettingPending:     {VettingValidated, VettingRejected, VettingCancelled, VettingDiscrepancy},
		VettingDiscrepancy: {VettingPending, VettingValidated, VettingRejected, VettingCancelled},
		VettingValidated:   {VettingRejected, VettingDiscrepancy},
	}
	for _, from := range append([]VettingState{"", VettingExpired}, VettingStates...) {
		for _, to := range append([]VettingState{"", VettingExpired}, VettingStates...) {
			err := from.To(to)
			if want := slices.Contains(allowed[from], to); (err == nil) != want || err != nil && !Is(err, KindConflict) {
				t.Errorf("%q to %q: %v", from, to, err)
			}
		}
		if open := from == VettingPending || from == VettingDiscrepancy; from.Open() != open {
			t.Errorf("%q open: %v", from, from.Open())
		}
	}
}

func TestVettingCovers(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		purpose Purpose
		state   VettingState
		ends    time.Time
		asked   Purpose
		want    bool
		shown   VettingState
	}{
		{PurposeOV, VettingValidated, now.Add(1), PurposeOV, true, VettingValidated},
		{PurposeOV, VettingValidated, now, PurposeOV, false, VettingExpired},
		{PurposeOV, VettingValidated, now.Add(1), PurposeEV, false, VettingValidated},
		{PurposeEV, VettingValidated, now.Add(1), PurposeOV, true, VettingValidated},
		{PurposeEV, VettingValidated, now.Add(1), PurposeSMIME, false, VettingValidated},
		{PurposeOV, VettingPending, now.Add(1), PurposeOV, false, VettingPending},
		{PurposeOV, VettingDiscrepancy, time.Time{}, PurposeOV, false, VettingDiscrepancy},
	} {
		v := Vetting{Purpose: tt.purpose, State: tt.state, ExpiresAt: tt.ends}
		if v.Covers(tt.asked, now) != tt.want || v.Shown(now) != tt.shown {
			t.Errorf("%+v: covers %v, shown %s", tt, v.Covers(tt.asked, now), v.Shown(now))
		}
	}
}

func TestLegalData(t *testing.T) {
	good := LegalData{LegalName: "Example GmbH", BusinessCategory: "private", Registration: "HRB 12345", Registrar: "Amtsgericht Köln", JurisdictionC: "DE",
		JurisdictionST: "Nordrhein-Westfalen", JurisdictionL: "Köln", Street1: "Domstr. 1", PostalCode: "50668", StateCode: "NW", Phone: "+49221123456",
		Identifier: "NTRDE-HRB12345"}
	for _, tt := range []struct {
		field  string
		change func(*LegalData)
	}{
		{"", func(*LegalData) {}},
		{"", func(d *LegalData) { *d = LegalData{} }},
		{"", func(d *LegalData) { d.Identifier = "NTRUS+CA-12345678" }},
		{"", func(d *LegalData) { d.Identifier = "PSDES-BDE-3DFD21" }},
		{"legal_name", func(d *LegalData) { d.LegalName = " Example" }},
		{"registrar", func(d *LegalData) { d.Registrar = "a\nb" }},
		{"street_2", func(d *LegalData) { d.Street2 = string(make([]byte, 1)) }},
		{"business_category", func(d *LegalData) { d.BusinessCategory = "Private Organization" }},
		{"jurisdiction_country", func(d *LegalData) { d.JurisdictionC = "de" }},
		{"phone", func(d *LegalData) { d.Phone = "0221 123456" }},
		{"phone", func(d *LegalData) { d.Phone = "+0221123456" }},
		{"phone", func(d *LegalData) { d.Phone = "+49 221" }},
		{"organization_identifier", func(d *LegalData) { d.Identifier = "NTRDE" }},
		{"organization_identifier", func(d *LegalData) { d.Identifier = "NTRDE-" }},
		{"organization_identifier", func(d *LegalData) { d.Identifier = "ntrde-1" }},
		{"organization_identifier", func(d *LegalData) { d.Identifier = "NTRUSCA-1" }},
		{"organization_identifier", func(d *LegalData) { d.Identifier = "NTRUS+-1" }},
	} {
		d := good
		tt.change(&d)
		err := d.Check()
		if tt.field == "" && err != nil || tt.field != "" && (!Is(err, KindInvalid) || AsError(err).Field != tt.field) {
			t.Errorf("%s: %v", tt.field, err)
		}
	}
}

func FuzzLegalData(f *testing.F) {
	f.Add("NTRDE-HRB12345", "+49221123456", "DE")
	f.Add("NTRUS+CA-1", "+", "")
	f.Add("-", "++", "\xff")
	f.Fuzz(func(t *testing.T, identifier, phone, country string) {
		err := LegalData{Identifier: identifier, Phone: phone, JurisdictionC: country}.Check()
		if err != nil && !Is(err, KindInvalid) {
			t.Fatal(err)
		}
		if err == nil && !shown(identifier+phone+country) {
			t.Fatalf("%q %q %q passed", identifier, phone, country)
		}
	})
}

func TestAttested(t *testing.T) {
	a := Organisation{ID: "a", Name: "Example", Email: "a@example.com", Legal: LegalData{LegalName: "Example GmbH", Phone: "+4912345"}}
	b := a
	b.ID, b.Email, b.Legal.Phone = "b", "b@example.com", "+4999999"
	if a.Attested() != b.Attested() {
		t.Error("what certificates do not show makes a difference")
	}
	for _, change := range []func(*Organisation){
		func(o *Organisation) { o.Name = "x" }, func(o *Organisation) { o.Country = "x" }, func(o *Organisation) { o.State = "x" },
		func(o *Organisation) { o.Locality = "x" }, func(o *Organisation) { o.Legal.LegalName = "x" }, func(o *Organisation) { o.Legal.PostalCode = "x" },
	} {
		c := a
		change(&c)
		if a.Attested() == c.Attested() {
			t.Errorf("no difference: %+v", c)
		}
	}
}
