package ordering

import (
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/policy"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// maxCommonName is ub-common-name of RFC 5280 appendix A.1; a longer domain
// stands among the names only.
const maxCommonName = 64

// ascii is a DNS name in lower case with A-labels; what cannot be one stays as
// it is, for policy to refuse.
func ascii(name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	wild := strings.HasPrefix(name, "*.")
	if out, err := idna.Lookup.ToASCII(strings.TrimPrefix(name, "*.")); err == nil && !isASCII(name) {
		if name = out; wild {
			name = "*." + out
		}
	}
	return name
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// gather makes one list of the names of an ask: the primary one first, then the
// additional ones, then those that stand in Names already. It returns the shape
// of what was asked, before the "www." twin is added.
func gather(a *core.OrderAsk) core.Shape {
	asked := make([]string, 0, 1+len(a.Additional))
	if a.Domain != "" {
		asked = append(asked, a.Domain)
	}
	var n core.Names
	for _, name := range append(asked, a.Additional...) {
		if ip, err := netip.ParseAddr(strings.TrimSpace(name)); err == nil {
			n.IP = append(n.IP, ip.Unmap())
			continue
		}
		n.DNS = append(n.DNS, ascii(name))
	}
	for _, name := range a.Names.DNS {
		n.DNS = append(n.DNS, ascii(name))
	}
	n.IP = append(n.IP, a.Names.IP...)
	n.DNS, n.IP = distinct(n.DNS), distinct(n.IP)
	n.Email, n.URI, n.UPN, n.Other = a.Names.Email, a.Names.URI, a.Names.UPN, a.Names.Other
	if a.Domain == "" && len(n.DNS) > 0 {
		a.Domain = n.DNS[0]
	}
	all := slices.Clone(n.DNS)
	for _, ip := range n.IP {
		all = append(all, ip.String())
	}
	a.Names = n
	return core.ShapeOf(all)
}

// distinct drops repetitions and keeps the order.
func distinct[T comparable](list []T) []T {
	seen := make(map[T]bool, len(list))
	return slices.DeleteFunc(list, func(v T) bool {
		defer func() { seen[v] = true }()
		return seen[v]
	})
}

// twin adds "www." in front of the primary name when that is a domain as one
// registers it: www.www.a.example or www.host.a.example would help nobody.
func twin(a *core.OrderAsk) {
	d := ascii(a.Domain)
	if !a.AutoWWW || len(a.Names.DNS) == 0 || a.Names.DNS[0] != d {
		return
	}
	if base, err := publicsuffix.EffectiveTLDPlusOne(d); err == nil && base == d && !slices.Contains(a.Names.DNS, "www."+d) {
		a.Names.DNS = append(a.Names.DNS, "www."+d)
	}
}

// businessCategories are the words of CA/B EVG 7.1.4.2.3.
var businessCategories = map[string]string{"private": "Private Organization", "government": "Government Entity",
	"business": "Business Entity", "non-commercial": "Non-Commercial Entity"}

// vetted are the subject attributes that come from a vetted organisation.
func vetted(f core.Family, o *core.Organisation) core.DN {
	l := &o.Legal
	name := l.LegalName
	if name == "" {
		name = o.Name
	}
	out := core.DN{{Type: "C", Value: o.Country}, {Type: "ST", Value: o.State}, {Type: "L", Value: o.Locality}, {Type: "O", Value: name}}
	switch f.Purpose() {
	case core.PurposeEV:
		out = append(out, core.DN{{Type: "businessCategory", Value: businessCategories[l.BusinessCategory]}, {Type: "serialNumber", Value: l.Registration},
			{Type: "jurisdictionC", Value: l.JurisdictionC}, {Type: "jurisdictionST", Value: l.JurisdictionST}, {Type: "jurisdictionL", Value: l.JurisdictionL},
			{Type: "STREET", Value: strings.TrimSpace(l.Street1 + " " + l.Street2)}, {Type: "postalCode", Value: l.PostalCode}}...)
	case core.PurposeSMIME:
		out = append(out, core.Attribute{Type: "organizationIdentifier", Value: l.Identifier})
	}
	return out
}

// subject is what the certificate's subject shall be. org is nil unless the
// family shows a vetted organisation.
func subject(a *core.OrderAsk, p *core.Profile, org *core.Organisation) core.DN {
	out := core.DN{}
	if !a.Family.TLS() {
		out = slices.Clone(a.Subject)
		if out == nil {
			out = core.DN{}
		}
	}
	if org != nil {
		own := vetted(a.Family, org)
		out = slices.DeleteFunc(out, func(x core.Attribute) bool {
			return slices.ContainsFunc(own, func(y core.Attribute) bool { return y.Type == x.Type })
		})
		for _, x := range own {
			if x.Value != "" && slices.ContainsFunc(p.Subject, func(r core.SubjectRule) bool { return r.Type == x.Type }) {
				out = append(out, x)
			}
		}
	}
	if cn := ascii(a.Domain); cn != "" && len(cn) <= maxCommonName && out.First("CN") == "" {
		out = append(out, core.Attribute{Type: "CN", Value: cn})
	}
	return out
}

// contradiction checks that what a CSR says of itself is among what was
// ordered: clients that mix up requests shall notice.
func contradiction(der []byte, a *core.OrderAsk, own core.DN) error {
	csr, err := x509x.ParseCSR(der)
	if err != nil {
		return core.Wrap(core.KindBadCSR, err, "the certificate request cannot be read: %v", err).At("csr")
	}
	if err := csr.CheckSignature(); err != nil {
		return core.Wrap(core.KindBadProof, err, "the certificate request is not signed by its own key").At("csr")
	}
	asked, err := policy.FromCSR(csr)
	if err != nil {
		return core.AsError(err).At("csr")
	}
	names := a.Names.Strings()
	for i := range names {
		names[i] = strings.ToLower(names[i])
	}
	for _, n := range asked.Names.Strings() {
		if !slices.Contains(names, strings.ToLower(n)) {
			return core.Errorf(core.KindBadCSR, "the certificate request names %s, which the order does not", n).At("csr.subject")
		}
	}
	for _, cn := range asked.Subject.Get("CN") {
		named := slices.ContainsFunc(names, func(n string) bool { _, v, _ := strings.Cut(n, ":"); return v == ascii(cn) })
		if !named && !strings.EqualFold(cn, own.First("CN")) {
			return core.Errorf(core.KindBadCSR, "the common name %s of the certificate request is none of the order's names", cn).At("csr.subject")
		}
	}
	return nil
}

// checkFields holds the answers against the product's questions. Without
// required, answers may be missing.
func checkFields(fields []core.CustomField, given []core.FieldValue, required bool) error {
	answers := map[string]string{}
	for _, v := range given {
		if _, twice := answers[v.ID]; twice {
			return core.Errorf(core.KindInvalid, "the field %s is answered twice", v.ID).At("fields." + v.ID)
		}
		if !slices.ContainsFunc(fields, func(f core.CustomField) bool { return f.ID == v.ID }) {
			return core.Errorf(core.KindInvalid, "the product has no field %s", v.ID).At("fields." + v.ID)
		}
		answers[v.ID] = v.Value
	}
	for _, f := range fields {
		v := answers[f.ID]
		fault := ""
		switch {
		case v == "" && f.Required && required:
			fault = "is missing"
		case v == "":
		case f.MaxLength > 0 && utf8.RuneCountInString(v) > f.MaxLength:
			fault = "is too long"
		case f.Type == "dropdown" && !slices.Contains(f.Values, v):
			fault = "must be one of " + strings.Join(f.Values, ", ")
		case f.Type == "datePicker" && !isDate(v):
			fault = "must be a date such as 2026-12-31"
		case f.Type == "checkbox" && !slices.Contains([]string{"0", "1", "true", "false"}, strings.ToLower(v)):
			fault = "must be true or false"
		}
		if fault != "" {
			return core.Errorf(core.KindInvalid, "%s %s", f.Name, fault).At("fields." + f.ID)
		}
	}
	return nil
}

func isDate(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}
