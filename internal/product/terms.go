package product

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/certwright/certwright/internal/core"
)

const (
	maxTermYears = 10
	maxTermDocs  = 20
	maxFields    = 50
	maxCode      = 9_999_999_999 // ten digits, as order APIs show them
)

var (
	fieldID    = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)
	variant    = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	fieldTypes = []string{"text", "dropdown", "datePicker", "checkbox"}
	sections   = []string{"", "certificate", "additional"}
)

// checkTerms verifies what order APIs sell a product under. Errors are of kind
// invalid and name the field.
func checkTerms(t *core.OrderTerms) error {
	bad := func(field, format string, args ...any) error {
		return core.Errorf(core.KindInvalid, format, args...).At("profile.terms." + field)
	}
	switch {
	case !slices.Contains(core.Families, t.Family):
		return bad("family", "there is no family %q", t.Family)
	case t.Documents < 0 || t.Documents > maxTermDocs:
		return bad("documents", "0 to %d documents can be asked for", maxTermDocs)
	case t.MaxYears < 0 || t.MaxYears > maxTermYears:
		return bad("max_years", "a subscription has at most %d years", maxTermYears)
	case t.Variant != "" && t.Family != core.FamilyPrivatePKI:
		return bad("variant", "only private PKI has variants")
	case t.Variant != "" && !variant.MatchString(t.Variant):
		return bad("variant", "a variant has lower-case letters, digits and hyphens, at most 63")
	case len(t.Shapes) > 0 && !t.Family.TLS():
		return bad("shapes", "only TLS products have shapes")
	case len(t.Fields) > maxFields:
		return bad("fields", "a product has at most %d fields", maxFields)
	}
	for _, x := range t.Shapes {
		if !slices.Contains(core.Shapes, x) {
			return bad("shapes", "there is no shape %q", x)
		}
		if t.Family == core.FamilyEV && (x == core.ShapeWildcard || x == core.ShapeWildcardUCC) {
			return bad("shapes", "extended validation has no wildcards (CA/B EVG)")
		}
	}
	seen := map[int64]bool{}
	for x, c := range t.Codes {
		switch {
		case !slices.Contains(core.Shapes, x):
			return bad("codes", "there is no shape %q", x)
		case !t.Family.TLS() && x != core.ShapeSingle:
			return bad("codes", "a product that is not for TLS has one code, under single")
		case c < 1 || c > maxCode:
			return bad("codes", "a code is a number of at most ten digits")
		case seen[c]:
			return bad("codes", "the code %d stands twice", c)
		}
		seen[c] = true
	}
	return checkCustomFields(t.Fields)
}

func checkCustomFields(fields []core.CustomField) error {
	ids := map[string]bool{}
	for i, f := range fields {
		bad := func(what, detail string) error {
			return core.Errorf(core.KindInvalid, "%s", detail).At(fmt.Sprintf("profile.terms.fields[%d].%s", i, what))
		}
		switch {
		case !fieldID.MatchString(f.ID):
			return bad("id", "a field id has letters, digits, dots, hyphens and underscores, at most 64")
		case ids[f.ID]:
			return bad("id", "the id "+f.ID+" stands twice")
		case f.Name == "" || len(f.Name) > 200:
			return bad("name", "a field needs a name of at most 200 octets")
		case !slices.Contains(fieldTypes, f.Type):
			return bad("type", "the type of a field is text, dropdown, datePicker or checkbox")
		case !slices.Contains(sections, f.Section):
			return bad("section", "the section of a field is certificate or additional")
		case f.MaxLength < 0 || f.MaxLength > 10_000:
			return bad("max_length", "a field takes at most 10000 characters")
		case (f.Type == "dropdown") != (len(f.Values) > 0):
			return bad("values", "a dropdown, and nothing else, has values")
		case len(f.Values) > 200:
			return bad("values", "a dropdown has at most 200 values")
		}
		ids[f.ID] = true
	}
	return nil
}

// codesOf are the codes that were chosen for a product.
func codesOf(p *core.Product) map[core.Shape]int64 {
	if p.Profile.Terms == nil {
		return nil
	}
	return p.Profile.Terms.Codes
}

// claim refuses codes that p, which was old before (nil: it is new), takes from
// another product of the account: those chosen for it, and its public number,
// by which it is ordered whenever no code is chosen for it. It returns the
// codes that cannot be the public number of a new product. Until the
// transaction ends nobody else chooses or gets one.
func (s *Service) claim(ctx context.Context, tx core.Tx, old, p *core.Product) ([]int64, error) {
	all, err := s.d.Storage.LockProducts(ctx, tx, p.Account)
	if err != nil {
		return nil, err
	}
	fresh := map[int64]bool{}
	for _, c := range codesOf(p) {
		fresh[c] = true
	}
	if old != nil {
		for _, c := range codesOf(old) {
			delete(fresh, c)
		}
	}
	chosen := slices.Collect(maps.Values(codesOf(p)))
	for i := range all {
		other := &all[i]
		if other.ID == p.ID {
			continue
		}
		theirs := append(slices.Sorted(maps.Values(codesOf(other))), other.Number)
		for _, c := range theirs {
			if fresh[c] {
				return nil, core.Errorf(core.KindExists, "the code %d belongs to the product %s", c, other.Code).At("profile.terms.codes")
			}
		}
		chosen = append(chosen, theirs...)
	}
	return chosen, nil
}
