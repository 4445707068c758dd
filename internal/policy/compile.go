package policy

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// compiler collects every fault of a product.
type compiler struct {
	out    *Compiled
	faults []core.Reason
}

func (c *compiler) fault(field, value, format string, args ...any) {
	c.faults = append(c.faults, core.Reason{Code: "profile.invalid", Field: field, Value: value, Detail: fmt.Sprintf(format, args...)})
}

// Compile validates a product and prepares it for Evaluate. The error is of
// kind invalid, names the first faulty field ("profile.names[1].suffixes[0]")
// and lists every fault as a reason.
func Compile(p core.Product) (*Compiled, error) {
	p.Profile = cloneProfile(p.Profile)
	out := &Compiled{product: p, pass: map[string]bool{}}
	out.profile = &out.product.Profile
	c := compiler{out: out}
	c.identity(&p)
	c.validity(out.profile)
	c.keys(out.profile)
	c.subjects(out.profile)
	c.nameRules(out.profile)
	c.usages(out.profile)
	c.extensions(out.profile)
	c.rest(out.profile)
	if len(c.faults) > 0 {
		f := c.faults[0]
		return nil, core.Errorf(core.KindInvalid, "%s", f.Detail).At(f.Field).Because(c.faults...)
	}
	return out, nil
}

// cloneProfile copies what Evaluate hands out or reads later, so that the
// caller may go on changing its own.
func cloneProfile(p core.Profile) core.Profile {
	p.KeyUsage, p.ExtKeyUsage = slices.Clone(p.KeyUsage), slices.Clone(p.ExtKeyUsage)
	p.Policies, p.Extensions = slices.Clone(p.Policies), slices.Clone(p.Extensions)
	p.LintExclude, p.PassThrough = slices.Clone(p.LintExclude), slices.Clone(p.PassThrough)
	return p
}

func (c *compiler) identity(p *core.Product) {
	if p.Code == "" || len(p.Code) > 64 || strings.Trim(p.Code, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		c.fault("code", p.Code, "the code of a product is 1 to 64 of a-z, 0-9 and -")
	}
	if strings.TrimSpace(p.Name) == "" {
		c.fault("name", p.Name, "a product needs a name")
	}
	if p.Issuer == "" {
		c.fault("issuer", "", "a product needs an issuer")
	}
}

// oneOf checks a value against the words of a choice; "" is one of them where
// the field has a default.
func (c *compiler) oneOf(field, value string, words ...string) {
	if !slices.Contains(words, value) {
		c.fault(field, value, "must be one of %s", strings.Trim(strings.Join(words, ", "), ", "))
	}
}

// maxYears bounds a validity; no root lives longer.
const maxYears = 40

func (c *compiler) validity(p *core.Profile) {
	c.oneOf("profile.validity_unit", p.ValidityUnit, "hours", "days", "months", "years")
	from := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	if p.ValidityAmount < 1 || p.ValidityAmount > maxYears*366*24 ||
		span(from, p.ValidityAmount, p.ValidityUnit).After(from.AddDate(maxYears, 0, 0)) {
		c.fault("profile.validity_amount", fmt.Sprint(p.ValidityAmount), "a validity is at least one unit and at most %d years", maxYears)
		return
	}
	c.out.backdate = time.Duration(p.Backdate) * time.Minute
	if p.Backdate < 0 || c.out.backdate > 48*time.Hour || !from.Add(c.out.backdate).Before(span(from, p.ValidityAmount, p.ValidityUnit)) {
		c.fault("profile.backdate_minutes", fmt.Sprint(p.Backdate), "at most 48 hours and less than the validity")
	}
	if p.RenewDays < 0 {
		c.fault("profile.renew_days", fmt.Sprint(p.RenewDays), "must not be negative; 0 is any time")
	}
	if p.RenewGraceDays < 0 {
		c.fault("profile.renew_grace_days", fmt.Sprint(p.RenewGraceDays), "must not be negative")
	}
}

func (c *compiler) keys(p *core.Profile) {
	if len(p.Keys) == 0 {
		c.fault("profile.keys", "", "a product allows at least one key algorithm")
	}
	for i, r := range p.Keys {
		field := fmt.Sprintf("profile.keys[%d]", i)
		if r.MinBits < 0 || r.MaxBits < 0 || (r.MaxBits > 0 && r.MinBits > r.MaxBits) {
			c.fault(field+".min_bits", fmt.Sprint(r.MinBits), "the smallest size is over the largest")
		}
		switch strings.ToUpper(r.Algorithm) {
		case "":
			c.fault(field+".algorithm", "", "an algorithm is missing")
		case "RSA":
			r = c.rsaRule(field, r)
		case "ECDSA":
			if len(r.Curves) == 0 {
				r.Curves = defaultCurves()
			}
			for j, curve := range r.Curves {
				if !slices.Contains(defaultCurves(), strings.ToUpper(curve)) {
					c.fault(fmt.Sprintf("%s.curves[%d]", field, j), curve, "known curves are %s", strings.Join(defaultCurves(), ", "))
				}
			}
		default: // the list of algorithms is open
			if len(r.Curves) > 0 {
				c.fault(field+".curves", r.Algorithm, "only ECDSA has curves to choose from")
			}
		}
		if len(p.KeyUsage) > 0 && len(adaptUsage(p.KeyUsage, r.Algorithm)) == 0 {
			c.fault(field+".algorithm", r.Algorithm, "such a key can have none of the product's key usages")
		}
		c.out.keys = append(c.out.keys, r)
	}
}

func (c *compiler) rsaRule(field string, r core.KeyRule) core.KeyRule {
	if len(r.Curves) > 0 {
		c.fault(field+".curves", "RSA", "only ECDSA has curves to choose from")
	}
	if r.MinBits == 0 {
		r.MinBits = defaultMinRSA
	}
	if r.MaxBits == 0 {
		r.MaxBits = max(defaultMaxRSA, r.MinBits)
	}
	if r.MinBits < 1024 || r.MaxBits > 16384 {
		c.fault(field+".min_bits", fmt.Sprint(r.MinBits), "RSA keys have 1024 to 16384 bits")
	}
	return r
}

func (c *compiler) subjects(p *core.Profile) {
	c.oneOf("profile.unknown_subject", p.UnknownSubject, "", "drop", "refuse")
	c.oneOf("profile.common_name", p.CommonName, "", "as-is", "from-san", "in-san", "none")
	c.out.cn = p.CommonName
	if (p.CommonName == "from-san" || p.CommonName == "in-san") && len(p.Names) == 0 {
		c.fault("profile.common_name", p.CommonName, "the product has no names that a common name could be taken from")
	}
	for i, r := range p.Subject {
		field := fmt.Sprintf("profile.subject[%d]", i)
		typ, known := canonicalType(r.Type)
		if !known {
			c.fault(field+".type", r.Type, "no such attribute type")
		}
		if slices.ContainsFunc(c.out.subject, func(x subjectRule) bool { return x.typ == typ }) {
			c.fault(field+".type", r.Type, "a second rule for this attribute")
		}
		c.oneOf(field+".mode", r.Mode, "required", "optional", "fixed")
		if typ == "CN" && p.CommonName == "none" {
			c.fault(field+".type", r.Type, "the product never writes a common name (common_name is none)")
		}
		if typ == "CN" && r.Mode == "fixed" && (p.CommonName == "from-san" || p.CommonName == "in-san") {
			c.fault(field+".mode", r.Mode, "a fixed common name contradicts common_name %s", p.CommonName)
		}
		if r.Mode == "fixed" && (len(r.Values) == 0 || r.Pattern != "") {
			c.fault(field+".values", "", "a fixed attribute needs values and no pattern")
		}
		for j, v := range r.Values {
			if _, detail := valueFault(typ, v); known && detail != "" {
				c.fault(fmt.Sprintf("%s.values[%d]", field, j), v, "%s", detail)
			}
		}
		c.out.subject = append(c.out.subject, subjectRule{typ: typ, mode: r.Mode, values: slices.Clone(r.Values),
			pattern: c.pattern(field+".pattern", r.Pattern)})
	}
}

// maxPattern bounds a regular expression, in octets; RE2 runs in linear time.
const maxPattern = 1000

// pattern compiles an expression that must match the whole value; nil for "".
func (c *compiler) pattern(field, expr string) *regexp.Regexp {
	if expr == "" {
		return nil
	}
	if len(expr) > maxPattern {
		c.fault(field, expr[:40]+"…", "longer than %d octets", maxPattern)
		return nil
	}
	// Compiled alone first: "a)(b" must not become valid inside the brackets.
	if _, err := regexp.Compile(expr); err != nil {
		c.fault(field, expr, "not a regular expression: %s", err)
		return nil
	}
	re, err := regexp.Compile(`\A(?:` + expr + `)\z`)
	if err != nil {
		c.fault(field, expr, "not a regular expression: %s", err)
		return nil
	}
	return re
}

const defaultMaxNames = 100

func (c *compiler) nameRules(p *core.Profile) {
	c.oneOf("profile.unknown_names", p.UnknownNames, "", "drop", "refuse")
	for i, r := range p.Names {
		field := fmt.Sprintf("profile.names[%d]", i)
		k, known := kindOf(r.Kind)
		if !known {
			c.fault(field+".kind", r.Kind, "must be one of %s", strings.Join(kindWords[:], ", "))
			continue
		}
		if c.out.names[k] != nil {
			c.fault(field+".kind", r.Kind, "a second rule for names of this kind")
		}
		if r.Max < 0 || r.Max > 1000 {
			c.fault(field+".max", fmt.Sprint(r.Max), "0 (for %d) to 1000", defaultMaxNames)
		}
		n := &nameRule{required: r.Required, wildcards: r.Wildcards, max: r.Max, oids: slices.Clone(r.OIDs)}
		if n.max == 0 {
			n.max = defaultMaxNames
		}
		c.nameRule(field, k, r, n)
		c.out.names[k] = n
	}
}

// nameRule compiles the lists of one rule; a list that the kind does not
// understand is a fault and not silently without effect.
func (c *compiler) nameRule(field string, k kind, r core.NameRule, n *nameRule) {
	misplaced := func(name string, there, fits bool) {
		if there && !fits {
			c.fault(field+"."+name, r.Kind, "means nothing for names of kind %s", r.Kind)
		}
	}
	misplaced("wildcards", r.Wildcards, k == kindDNS)
	misplaced("suffixes", len(r.Suffixes) > 0, k != kindIP && k != kindOther)
	misplaced("patterns", len(r.Patterns) > 0, k != kindOther)
	misplaced("ranges", len(r.Ranges) > 0, k == kindIP)
	misplaced("oids", len(r.OIDs) > 0, k == kindOther)
	for j, s := range r.Suffixes {
		name, detail := normalDNS(strings.TrimPrefix(s, "."))
		if detail != "" || isWildcard(name) {
			c.fault(fmt.Sprintf("%s.suffixes[%d]", field, j), s, "not a domain name %s", detail)
			continue
		}
		if strings.HasPrefix(s, ".") {
			name = "." + name
		}
		n.suffixes = append(n.suffixes, name)
	}
	for j, s := range r.Patterns {
		if s == "" {
			c.fault(fmt.Sprintf("%s.patterns[%d]", field, j), s, "an empty pattern")
		} else if re := c.pattern(fmt.Sprintf("%s.patterns[%d]", field, j), s); re != nil {
			n.patterns = append(n.patterns, re)
		}
	}
	for j, s := range r.Ranges {
		pre, err := netip.ParsePrefix(s)
		if err != nil {
			c.fault(fmt.Sprintf("%s.ranges[%d]", field, j), s, "not a CIDR range")
			continue
		}
		n.ranges = append(n.ranges, pre.Masked())
	}
	for j, s := range r.OIDs {
		c.oid(fmt.Sprintf("%s.oids[%d]", field, j), s)
	}
}

func (c *compiler) oid(field, s string) {
	if _, err := x509x.AppendOID(nil, s); err != nil {
		c.fault(field, s, "not an object identifier")
	}
}
