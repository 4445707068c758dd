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
// shape of the product.
func (i *v1CertificateInfo) tlsNames(offer *ordering.Offer, ask *core.OrderAsk) error {
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
	more, err := i.additional(domain, offer.Shape)
	if err != nil {
		return err
	}
	switch {
	case wild && (offer.Shape == core.ShapeSingle || offer.Shape == core.ShapeUCC):
		return ems("1058").because(domain)
	case !wild && (offer.Shape == core.ShapeWildcard || offer.Shape == core.ShapeWildcardUCC && !anyWildcard(more)):
		return ems("1059").because(domain)
	}
	auto, ok := v1Flag(i.AutoSecureWWW)
	switch {
	case !ok:
		return ems("1105")
	case auto && wild:
		return ems("1106")
	}
	ask.Domain, ask.Additional, ask.AutoWWW = domain, more, auto
	return nil
}

func anyWildcard(names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, "*.") })
}

// additional reads the further names.
func (i *v1CertificateInfo) additional(domain string, shape core.Shape) ([]string, error) {
	several := shape == core.ShapeUCC || shape == core.ShapeWildcardUCC
	switch n := len(i.AdditionalDomains); {
	case n == 0 && several:
		return nil, ems("1171")
	case n > 0 && !several:
		return nil, ems("1178")
	case n > v1MaxNames:
		return nil, ems("1176").because("at most 250")
	}
	var out []string
	for _, s := range i.AdditionalDomains {
		name, ok := dnsName(s)
		switch {
		case !ok || !strings.Contains(strings.TrimPrefix(name, "*."), "."):
			return nil, ems("1172").because(clip(s))
		case strings.HasPrefix(name, "*.") && shape == core.ShapeUCC:
			return nil, ems("1173").because(name)
		case name == domain:
			return nil, ems("1175").because(name)
		case slices.Contains(out, name):
			return nil, ems("1174").because(name)
		case publicSuffix(name):
			return nil, ems("1177").because(name)
		}
		out = append(out, name)
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
		shown := strings.ToLower(s)
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
		case n > 0 && shown == ask.Domain:
			return ems("1175").because(shown)
		case seen[shown]:
			return ems("1174").because(shown)
		case n == 0:
			ask.Domain = shown
		default:
			ask.Additional = append(ask.Additional, shown)
		}
		seen[shown] = true
	}
	return nil
}
