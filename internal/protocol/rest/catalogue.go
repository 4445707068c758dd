package rest

import "github.com/certwright/certwright/internal/core"

// Category ids of the catalogue.
const (
	categorySigner  = "1"
	categorySMIME   = "2"
	categoryTLS     = "3"
	categoryPrivate = "8"
)

// category is the id and name of a family's category.
func category(f core.Family) (id, name string) {
	switch {
	case f.TLS():
		return categoryTLS, "SSL/TLS Certificates"
	case f.Signer():
		return categorySigner, "Document Signer Certificates"
	case f == core.FamilySMIME:
		return categorySMIME, "S/MIME Certificates"
	}
	return categoryPrivate, "Private PKI Certificates"
}

// productType is the id of a kind of product: clients that know no code choose
// by it. EV has no wildcards (CA/B EVG 7.1.4.2.1).
func productType(f core.Family, s core.Shape) string {
	switch f {
	case core.FamilyNatural:
		return "10"
	case core.FamilyLegal:
		return "11"
	case core.FamilyEntity:
		return "12"
	case core.FamilyDV:
		return map[core.Shape]string{core.ShapeSingle: "13", core.ShapeWildcard: "14", core.ShapeUCC: "15", core.ShapeWildcardUCC: "21"}[s]
	case core.FamilyOV:
		return map[core.Shape]string{core.ShapeSingle: "16", core.ShapeWildcard: "17", core.ShapeUCC: "18", core.ShapeWildcardUCC: "22"}[s]
	case core.FamilyEV:
		return map[core.Shape]string{core.ShapeSingle: "19", core.ShapeUCC: "20"}[s]
	case core.FamilySMIME:
		return "41"
	}
	return "39"
}

// purposeID is how lists of organisations say what one is vetted for.
func purposeID(p core.Purpose) string {
	return map[core.Purpose]string{core.PurposeOV: "1", core.PurposeEV: "2", core.PurposeSMIME: "3"}[p]
}

// vettingID is the validationStatusId of a vetting's state.
func vettingID(s core.VettingState) string {
	return map[core.VettingState]string{core.VettingPending: "0", core.VettingValidated: "1", core.VettingRejected: "2",
		core.VettingCancelled: "3", core.VettingExpired: "4", core.VettingDiscrepancy: "5"}[s]
}

// businessID is the businessCategoryId of an organisation.
func businessID(category string) string {
	return map[string]string{"private": "1", "government": "2", "business": "3", "non-commercial": "4"}[category]
}
