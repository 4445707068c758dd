package product

import (
	"testing"

	"github.com/certwright/certwright/internal/core"
)

func TestTerms(t *testing.T) {
	field := func(f core.CustomField) core.OrderTerms {
		return core.OrderTerms{Family: core.FamilyDV, Fields: []core.CustomField{{ID: "a", Name: "A", Type: "text"}, f}}
	}
	for name, x := range map[string]struct {
		terms core.OrderTerms
		field string // where the fault is; empty: none
	}{
		"whole": {core.OrderTerms{Family: core.FamilyDV, Agreement: true, Documents: 1, MaxYears: 3, Shapes: core.Shapes,
			Codes:  map[core.Shape]int64{core.ShapeSingle: 1, core.ShapeUCC: 2},
			Fields: []core.CustomField{{ID: "cost-centre", Name: "Cost centre", Type: "dropdown", Values: []string{"a"}, Section: "additional"}}}, ""},
		"variant":         {core.OrderTerms{Family: core.FamilyPrivatePKI, Variant: "vpn"}, ""},
		"no family":       {core.OrderTerms{}, "family"},
		"documents":       {core.OrderTerms{Family: core.FamilyNatural, Documents: 21}, "documents"},
		"years":           {core.OrderTerms{Family: core.FamilyDV, MaxYears: 11}, "max_years"},
		"foreign variant": {core.OrderTerms{Family: core.FamilyDV, Variant: "vpn"}, "variant"},
		"wild variant":    {core.OrderTerms{Family: core.FamilyPrivatePKI, Variant: "V P N"}, "variant"},
		"shapes":          {core.OrderTerms{Family: core.FamilyNatural, Shapes: core.Shapes}, "shapes"},
		"unknown shape":   {core.OrderTerms{Family: core.FamilyDV, Shapes: []core.Shape{"round"}}, "shapes"},
		"EV wildcard":     {core.OrderTerms{Family: core.FamilyEV, Shapes: []core.Shape{core.ShapeWildcard}}, "shapes"},
		"code of shape":   {core.OrderTerms{Family: core.FamilyNatural, Codes: map[core.Shape]int64{core.ShapeUCC: 1}}, "codes"},
		"code 0":          {core.OrderTerms{Family: core.FamilyDV, Codes: map[core.Shape]int64{core.ShapeUCC: 0}}, "codes"},
		"code twice":      {core.OrderTerms{Family: core.FamilyDV, Codes: map[core.Shape]int64{core.ShapeUCC: 7, core.ShapeSingle: 7}}, "codes"},
		"field twice":     {field(core.CustomField{ID: "a", Name: "B", Type: "text"}), "fields[1].id"},
		"field id":        {field(core.CustomField{ID: "b c", Name: "B", Type: "text"}), "fields[1].id"},
		"field name":      {field(core.CustomField{ID: "b", Type: "text"}), "fields[1].name"},
		"field type":      {field(core.CustomField{ID: "b", Name: "B", Type: "colour"}), "fields[1].type"},
		"field section":   {field(core.CustomField{ID: "b", Name: "B", Type: "text", Section: "top"}), "fields[1].section"},
		"field length":    {field(core.CustomField{ID: "b", Name: "B", Type: "text", MaxLength: -1}), "fields[1].max_length"},
		"empty dropdown":  {field(core.CustomField{ID: "b", Name: "B", Type: "dropdown"}), "fields[1].values"},
	} {
		t.Run(name, func(t *testing.T) {
			err := checkTerms(&x.terms)
			if x.field == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if !core.Is(err, core.KindInvalid) || core.AsError(err).Field != "profile.terms."+x.field {
				t.Fatalf("%v", err)
			}
		})
	}
}
