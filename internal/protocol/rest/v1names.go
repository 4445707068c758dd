package rest

import (
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/ordering"
)

// v1MaxNames is the most additional domains that an order may list; a product
// may allow fewer.
const v1MaxNames = 250

// dnsName reads a DNS name as A-labels in lower case; a wildcard keeps its
// "*.". A name of one label is taken: private networks have many.
func dnsName(s string) (string, bool) {
	s = strings.ToLower(s)
	rest, wild := strings.CutPrefix(s, "*.")
	if len(rest) > 1000 {
		return s, false
	}
	a, err := idna.Lookup.ToASCII(rest)
	if err != nil || a == "" || len(a) > 253 || strings.HasSuffix(a, ".") {
		return s, false
	}
	if _, err := netip.ParseAddr(a); err == nil {
		return s, false
	}
	for label := range strings.SplitSeq(a, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return s, false
		}
	}
	if wild {
		a = "*." + a
	}
	return a, true
}

// publicSuffix reports whether nobody but a registry can own a name.
func publicSuffix(name string) bool {
	name = strings.TrimPrefix(name, "*.")
	suffix, icann := publicsuffix.PublicSuffix(name)
	return icann && suffix == name
}

// primary is the domain that the order is for.
func (i *v1CertificateInfo) primary() v1Text {
	if i.DomainName != "" {
		return i.DomainName
	}
	return i.CommonName
}

// tlsNames reads the names of a TLS order and judges whether they have the
// shape of the product. outer is autoSecureWWW of the order block.
func (i *v1CertificateInfo) tlsNames(outer v1Text, offer *ordering.Offer, ask *core.OrderAsk) error {
	name := i.primary()
	if name == "" {
		return ems("1157")
	}
	domain, ok := dnsName(string(name))
	switch {
	case !ok || !strings.Contains(strings.TrimPrefix(domain, "*."), "."):
		return ems("1057").because(clip(string(name)))
	case publicSuffix(domain):
		return ems("1060").because(domain)
	}
	wild := strings.HasPrefix(domain, "*.")
	if i.CommonName != "" && i.DomainName != "" {
		if cn, ok := dnsName(string(i.CommonName)); !ok || cn != domain {
			return ems("936").because("commonName is not the domain name")
		}
	}
	auto, ok := v1Flag(i.AutoSecureWWW)
	if i.AutoSecureWWW == "" {
		auto, ok = v1Flag(outer)
		auto = auto || outer == "" && !wild // on unless the client says no
	}
	switch {
	case !ok:
		return ems("1105")
	case auto && wild:
		return ems("1106")
	}
	more, err := i.additional(domain, auto, offer.Shape)
	if err != nil {
		return err
	}
	switch {
	case wild && (offer.Shape == core.ShapeSingle || offer.Shape == core.ShapeUCC):
		return ems("1058").because(domain)
	case !wild && (offer.Shape == core.ShapeWildcard || offer.Shape == core.ShapeWildcardUCC && !anyWildcard(more)):
		return ems("1059").because(domain)
	}
	ask.Domain, ask.Additional, ask.AutoWWW = domain, more, auto
	return nil
}

func anyWildcard(names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, "*.") })
}

// additional reads the further names. Some clients list every name of the
// certificate here, the primary one and its twin included: what is repeated is
// taken once, as by the vendor. Names that a product for one name has no place
// for are refused, where the vendor leaves them out without a word.
func (i *v1CertificateInfo) additional(domain string, auto bool, shape core.Shape) ([]string, error) {
	if len(i.AdditionalDomains) > v1MaxNames {
		return nil, ems("1176").because("at most 250")
	}
	several := shape == core.ShapeUCC || shape == core.ShapeWildcardUCC
	var out []string
	for _, s := range i.AdditionalDomains {
		name, ok := dnsName(s)
		switch {
		case !ok || !strings.Contains(strings.TrimPrefix(name, "*."), "."):
			return nil, ems("1172").because(clip(s))
		case name == domain || slices.Contains(out, name) || !several && auto && name == "www."+domain:
			continue
		case !several:
			return nil, ems("1178").because(name)
		case strings.HasPrefix(name, "*.") && shape == core.ShapeUCC:
			return nil, ems("1173").because(name)
		case publicSuffix(name):
			return nil, ems("1177").because(name)
		}
		out = append(out, name)
	}
	if several && len(out) == 0 {
		return nil, ems("1171")
	}
	return out, nil
}

// hostNames reads the names of a private PKI order: DNS names and addresses.
func (i *v1CertificateInfo) hostNames(ask *core.OrderAsk) error {
	host := string(i.primary())
	if host == "" {
		return ems("1157")
	}
	if len(i.AdditionalDomains) > v1MaxNames {
		return ems("1176").because("at most 250")
	}
	seen := map[string]bool{}
	for n, s := range append([]string{host}, i.AdditionalDomains...) {
		var shown string
		addr, err := netip.ParseAddr(s)
		switch {
		case err == nil && addr.Zone() == "":
			addr = addr.Unmap()
			shown = addr.String()
		default:
			name, ok := dnsName(s)
			switch {
			case !ok && n == 0:
				return ems("1057").because(clip(s))
			case !ok:
				return ems("1172").because(clip(s))
			}
			shown = name
		}
		switch {
		case seen[shown]: // once is enough
		case n == 0:
			ask.Domain = shown
		default:
			ask.Additional = append(ask.Additional, shown)
		}
		seen[shown] = true
	}
	return nil
}
