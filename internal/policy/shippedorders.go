package policy

import "github.com/certwright/certwright/internal/core"

// shipped products of order APIs: the numeric codes are those that clients of
// the CERTInext order API know from its documentation; an administrator may
// give others.

// ssl is what the three TLS products have in common.
func ssl(f core.Family, single, wildcard, ucc, wildcardUCC int64) core.Profile {
	p := base()
	p.Names = []core.NameRule{{Kind: "dns", Required: true, Wildcards: wildcard > 0}}
	p.CommonName = "in-san"
	p.KeyUsage = []string{"digitalSignature", "keyEncipherment"}
	p.ExtKeyUsage = []string{"serverAuth"}
	p.ServerKeys, p.ValidateNames, p.Ancestors = true, true, true
	p.Terms = &core.OrderTerms{Family: f, Agreement: true, MaxYears: 3,
		Codes: map[core.Shape]int64{core.ShapeSingle: single, core.ShapeUCC: ucc}, Shapes: []core.Shape{core.ShapeSingle, core.ShapeUCC}}
	if wildcard > 0 {
		p.Terms.Codes[core.ShapeWildcard], p.Terms.Codes[core.ShapeWildcardUCC] = wildcard, wildcardUCC
		p.Terms.Shapes = core.Shapes
	}
	return p
}

func sslDV() core.Profile {
	p := ssl(core.FamilyDV, 842, 843, 844, 845)
	p.Policies = []string{"2.23.140.1.2.1"}
	return p
}

// sslOV shows the organisation, whose data come from its vetting.
func sslOV() core.Profile {
	p := ssl(core.FamilyOV, 846, 847, 848, 849)
	p.Policies = []string{"2.23.140.1.2.2"}
	p.Subject = companySubject()
	return p
}

// sslEV shows the legal data too (CA/B EVG 7.1.4.2).
func sslEV() core.Profile {
	p := ssl(core.FamilyEV, 850, 0, 851, 0)
	p.Policies = []string{"2.23.140.1.1"}
	p.Subject = companySubject(optional("businessCategory", "serialNumber", "jurisdictionC", "jurisdictionST", "jurisdictionL", "STREET", "postalCode")...)
	return p
}

// documentSigner wants a person's look at identity documents, and keys that
// are good for a decade of signatures. Codes are those of one, two and three
// years; the first stands for the product.
func documentSigner(f core.Family, code int64) core.Profile {
	p := base()
	p.ValidityAmount, p.ValidityUnit = 3, "years"
	p.Names = []core.NameRule{{Kind: "email", Max: 1}}
	p.CommonName = "as-is"
	p.Subject = companySubject(optional("CN", "GN", "SN", "serialNumber", "organizationIdentifier", "businessCategory", "title", "STREET", "postalCode")...)
	p.KeyUsage = []string{"digitalSignature", "nonRepudiation"}
	p.ExtKeyUsage = []string{"emailProtection", "1.3.6.1.5.5.7.3.36"} // documentSigning, RFC 9336
	p.Approval, p.RenewSameKey = "manual", false
	p.Terms = &core.OrderTerms{Family: f, Agreement: true, Documents: 1, MaxYears: 3, Codes: map[core.Shape]int64{core.ShapeSingle: code}}
	return p
}

// optional makes rules for subject attributes that may be there.
func optional(types ...string) []core.SubjectRule {
	out := make([]core.SubjectRule, len(types))
	for i, t := range types {
		out[i] = core.SubjectRule{Type: t, Mode: "optional"}
	}
	return out
}
