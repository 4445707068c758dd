package acme

import (
	"cmp"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/net/idna"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/policy"
)

// maxIdentifiers is the most that an order has.
const maxIdentifiers = 100

// oidPermanentIdentifier is id-on-permanentIdentifier (RFC 4043).
const oidPermanentIdentifier = "1.3.6.1.5.5.7.8.3"

// wanted is an identifier as a client sends it, with the member of RFC 9444.
type wanted struct {
	core.Identifier
	// Ancestor is the domain whose control shall authorise the identifier.
	Ancestor string `json:"ancestorDomain,omitempty"`
	// Subdomains (in newAuthz): the names below shall be authorised, too.
	Subdomains bool `json:"subdomainAuthAllowed,omitempty"`
}

// normalise brings identifiers into the form that is kept: lower case, without
// a dot at the end, each once (trap: clients repeat names).
func normalise(in []wanted) ([]wanted, error) {
	if len(in) == 0 {
		return nil, refuse(http.StatusBadRequest, malformed, "the order names no identifiers")
	}
	var out []wanted
	var bad []problem
	for _, w := range in {
		n, p := w.normal()
		if p != nil {
			w.Identifier.Value = cutText(w.Identifier.Value)
			p.Identifier = &w.Identifier
			bad = append(bad, *p)
			continue
		}
		if !slices.ContainsFunc(out, func(o wanted) bool { return o.Identifier == n.Identifier }) {
			out = append(out, n)
		}
	}
	if len(bad) == 0 && len(out) > maxIdentifiers {
		return nil, refuse(http.StatusBadRequest, malformed, "an order has 100 identifiers at most")
	}
	return out, combine(bad)
}

// cutText keeps what an answer repeats short.
func cutText(s string) string {
	if len(s) > 300 {
		s = s[:300]
	}
	return strings.ToValidUTF8(s, "?")
}

// combine makes one problem of those of several identifiers (section 6.7.1).
func combine(bad []problem) error {
	switch len(bad) {
	case 0:
		return nil
	case 1:
		p := bad[0]
		p.Subproblems = []problem{bad[0]}
		return &p
	}
	p := refuse(bad[0].Status, strings.TrimPrefix(bad[0].Type, namespace), "several identifiers are refused, see subproblems")
	for _, b := range bad[1:] {
		if b.Type != bad[0].Type {
			p.Type = namespace + compound
		}
	}
	p.Subproblems = bad[:min(len(bad), maxIdentifiers)]
	return p
}

func (w wanted) normal() (wanted, *problem) {
	switch w.Type {
	case core.IdentifierDNS:
		w.Value = strings.TrimSuffix(strings.ToLower(w.Value), ".")
		w.Ancestor = strings.TrimSuffix(strings.ToLower(w.Ancestor), ".")
		if w.Ancestor != "" && !strings.HasSuffix(w.Value, "."+w.Ancestor) {
			return w, refuse(http.StatusBadRequest, malformed, "ancestorDomain is no ancestor of the identifier")
		}
		if detail := dnsFault(w.Value); detail != "" {
			return w, refuse(http.StatusBadRequest, malformed, detail)
		}
	case core.IdentifierIP:
		a, err := netip.ParseAddr(w.Value)
		// RFC 8738 section 3: the text form of RFC 5952, so no zone and no
		// IPv4-mapped address.
		if err != nil || a.Zone() != "" || a.Is4In6() {
			return w, refuse(http.StatusBadRequest, malformed, "the value is no IPv4 or IPv6 address in its usual form")
		}
		w.Value = a.String()
	case core.IdentifierPermanent, core.IdentifierHardware:
		if w.Value == "" || len(w.Value) > 200 || !utf8.ValidString(w.Value) {
			return w, refuse(http.StatusBadRequest, malformed, "the device identifier is empty, too long or no text")
		}
	default:
		w.Type = cutText(w.Type)
		return w, refuse(http.StatusBadRequest, unsupportedIdentifier, "identifiers here are dns, ip and, where the credential allows attestation, permanent-identifier")
	}
	return w, nil
}

// dnsFault says what is wrong with a DNS name, "" when it is well-formed
// (RFC 5890 A-labels, RFC 8555 section 7.1.4 for the wildcard). What may be
// ordered is policy's to say.
func dnsFault(name string) string {
	base := strings.TrimPrefix(name, "*.")
	if _, err := netip.ParseAddr(base); err == nil {
		return "an address is no DNS name; its identifier type is ip"
	}
	if base == "" || len(name) > 253 {
		return "the name is empty or longer than 253 characters"
	}
	for label := range strings.SplitSeq(base, ".") {
		if label == "" || len(label) > 63 {
			return "a label of the name is empty or longer than 63 characters"
		}
		if label[0] == '-' || label[len(label)-1] == '-' {
			return "a label of the name begins or ends with a hyphen"
		}
		if strings.HasPrefix(label, "xn--") && !encoded(label) {
			return "a label of the name begins with xn-- but is no encoded label"
		}
		for _, r := range label {
			if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_' {
				return "the name holds a character that is not of a-z 0-9 - ; names in other scripts are written as A-labels (xn--…)"
			}
		}
	}
	return ""
}

// encoded reports whether an A-label is the encoding of something (RFC 8555
// section 7.1.4), and the only one.
func encoded(label string) bool {
	text, err := idna.Punycode.ToUnicode(label)
	if err != nil || text == label {
		return false
	}
	again, err := idna.Punycode.ToASCII(text)
	return err == nil && again == label
}

// namesOf are the names of the certificate.
func namesOf(ids []core.Identifier) (core.Names, error) {
	var n core.Names
	for _, i := range ids {
		switch i.Type {
		case core.IdentifierDNS:
			n.DNS = append(n.DNS, i.Value)
		case core.IdentifierIP:
			a, err := netip.ParseAddr(i.Value)
			if err != nil {
				return n, err
			}
			n.IP = append(n.IP, a)
		default:
			v, err := permanentIdentifier(i.Value)
			if err != nil {
				return n, err
			}
			n.Other = append(n.Other, core.OtherName{OID: oidPermanentIdentifier, Value: v})
		}
	}
	return n, nil
}

// permanentIdentifier is the value of RFC 4043:
//
//	PermanentIdentifier ::= SEQUENCE { identifierValue UTF8String OPTIONAL, assigner OBJECT IDENTIFIER OPTIONAL }
func permanentIdentifier(value string) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.UTF8String, func(b *cryptobyte.Builder) { b.AddBytes([]byte(value)) })
	})
	return b.Bytes()
}

// allow asks policy about the names of an order, before anything is proven.
func (c *call) allow(product core.ProductID, ids []wanted) error {
	plain := make([]core.Identifier, len(ids))
	for i := range ids {
		plain[i] = ids[i].Identifier
	}
	names, err := namesOf(plain)
	if err != nil {
		return err
	}
	_, reasons, err := c.s.d.Enroll.CheckNames(c.r.Context(), c.who, product, names)
	if err != nil {
		return err
	}
	var bad []problem
	for _, r := range reasons {
		p := refuse(http.StatusBadRequest, rejectedIdentifier, r.Detail+" (credential "+c.cred.Label+")")
		if r.Value != "" {
			p.Detail = r.Value + ": " + p.Detail
		}
		if i := slices.IndexFunc(plain, func(id core.Identifier) bool { return id.Value == r.Value }); i >= 0 {
			p.Identifier = &plain[i]
		}
		bad = append(bad, *p)
	}
	return combine(bad)
}

// askDomains asks the domain service about names that the credential does not
// vouch for, all at once and each once in a request.
func (c *call) askDomains(ids []core.Identifier) error {
	if c.s.d.Domains == nil || c.opt.Control == core.ACMETrusted {
		return nil
	}
	var names []string
	for _, id := range ids {
		name := id.String()
		if _, asked := c.domains[name]; !asked && id.Type == core.IdentifierDNS && !slices.Contains(names, name) && !policy.Proven(name, c.cred.ProvenNames) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	product, err := c.s.d.Enroll.Product(c.r.Context(), c.cred.Account, cmp.Or(c.product, c.cred.Product))
	if err != nil {
		return err
	}
	known, err := c.s.d.Domains.ProvenFor(c.r.Context(), c.who, &product.Profile, names)
	if err != nil {
		return err
	}
	if c.domains == nil {
		c.domains = map[string]bool{}
	}
	for _, n := range names {
		c.domains[n] = slices.Contains(known, n)
	}
	return nil
}

// preProven reports whether the credential vouches for an identifier, or the
// domain service, as far as it was asked.
func (c *call) preProven(id core.Identifier) bool {
	if c.opt.Control == core.ACMETrusted {
		return true
	}
	return c.domains[id.String()] || policy.Proven(id.String(), c.cred.ProvenNames)
}
