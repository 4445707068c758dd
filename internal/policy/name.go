package policy

import (
	"net/netip"
	"net/url"
	"strings"
	"unicode/utf8"
)

// kind is a kind of subject alternative name in the words of core.NameRule.
type kind int

const (
	kindDNS kind = iota
	kindIP
	kindEmail
	kindURI
	kindUPN
	kindOther
	kindCount
)

var kindWords = [kindCount]string{"dns", "ip", "email", "uri", "upn", "other"}

func kindOf(word string) (kind, bool) {
	for k, w := range kindWords {
		if w == word {
			return kind(k), true
		}
	}
	return 0, false
}

func (k kind) String() string { return kindWords[k] }

// field is the name of the kind in a reason.
func (k kind) field() string { return "san." + kindWords[k] }

// Limits of RFC 1035 section 2.3.4 (253 is the longest text that fits 255
// octets on the wire) and RFC 5321 section 4.5.3.1.
const (
	maxDNS   = 253
	maxLabel = 63
	maxLocal = 64
	maxMail  = 254
	maxURI   = 2048
	maxUPN   = 512
)

// normalDNS returns a DNS name in lower case. The detail is empty when the name
// is well-formed: labels of letters, digits and inner hyphens (RFC 5890 section
// 2.3.1), the left-most of which may be "*". A single label is a name, too:
// private networks have many.
func normalDNS(s string) (name, detail string) {
	switch {
	case s == "":
		return s, "an empty name"
	case strings.HasSuffix(s, "."):
		return s, "send the name without the dot at its end"
	case len(s) > maxDNS:
		return s, "longer than 253 octets"
	}
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return s, "send internationalised names as A-labels (xn--…)"
		}
	}
	name = strings.ToLower(s)
	if _, err := netip.ParseAddr(name); err == nil {
		return name, "an IP address is not a DNS name; ask for it as IP address"
	}
	rest := name
	if after, ok := strings.CutPrefix(rest, "*."); ok {
		rest = after
	}
	for label := range strings.SplitSeq(rest, ".") {
		if detail = labelFault(label); detail != "" {
			return name, detail
		}
	}
	return name, ""
}

func labelFault(l string) string {
	switch {
	case l == "":
		return "an empty label"
	case len(l) > maxLabel:
		return "a label longer than 63 octets"
	case l[0] == '-' || l[len(l)-1] == '-':
		return "a label starts or ends with a hyphen"
	case l == "xn--":
		return "an A-label without content"
	}
	for i := range len(l) {
		switch c := l[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-':
		case c == '_':
			return "underscores are not allowed in host names"
		case c == '*':
			return "a wildcard must be the whole left-most label"
		default:
			return "a character that host names cannot have"
		}
	}
	return ""
}

func isWildcard(name string) bool { return strings.HasPrefix(name, "*.") }

// normalIP unmaps IPv4 addresses written as IPv6 ones.
func normalIP(a netip.Addr) (netip.Addr, string) {
	switch {
	case !a.IsValid():
		return a, "not an IP address"
	case a.Zone() != "":
		return a, "an address with a zone means something on one machine only"
	}
	return a.Unmap(), ""
}

// normalEmail lower-cases the domain; the local part is kept (RFC 5280 section
// 7.5). Quoted local parts and non-ASCII ones (RFC 9598 puts those into an
// otherName) are refused.
func normalEmail(s string) (name, detail string) {
	at := strings.LastIndexByte(s, '@')
	if at <= 0 {
		return s, "a mail address is local-part@domain"
	}
	local, domain := s[:at], s[at+1:]
	if len(s) > maxMail || len(local) > maxLocal {
		return s, "longer than a mail address can be"
	}
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" {
			return s, "dots at a place where a mail address cannot have them"
		}
		for i := range len(atom) {
			if c := atom[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>[]:;@\,"`, c) >= 0 {
				return s, "a character that the local part of a mail address cannot have"
			}
		}
	}
	domain, detail = normalDNS(domain)
	if detail == "" && isWildcard(domain) {
		detail = "a wildcard in a mail address"
	}
	return local + "@" + domain, detail
}

// normalUPN checks user@realm; Windows compares both without letter case but
// shows them as written, so nothing is changed.
func normalUPN(s string) (name, detail string) {
	user, realm, ok := strings.Cut(s, "@")
	switch {
	case !ok || user == "" || realm == "" || strings.Contains(realm, "@"):
		return s, "a user principal name is user@realm"
	case len(s) > maxUPN || !utf8.ValidString(s) || hasControl(s):
		return s, "too long or with characters that a user principal name cannot have"
	}
	if _, detail = normalDNS(realm); detail != "" || isWildcard(realm) {
		return s, "the realm of a user principal name is a domain name"
	}
	return s, ""
}

// normalURI checks an absolute URI (RFC 5280 section 4.2.1.6) and lower-cases
// scheme and host.
func normalURI(s string) (name, detail string) {
	if len(s) > maxURI || hasControl(s) || strings.ContainsAny(s, " \"<>\\^`{|}") {
		return s, "too long or with characters that a URI cannot have"
	}
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return s, "a URI is ASCII; encode other characters (RFC 3986 section 2.1)"
		}
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" {
		return s, "not an absolute URI"
	}
	if u.Opaque == "" && u.Host == "" && (u.Path == "" || u.Path == "/") {
		return s, "a URI with nothing after its scheme"
	}
	if host := u.Hostname(); host != "" {
		if _, ip := netip.ParseAddr(host); ip != nil {
			if _, d := normalDNS(host); d != "" {
				return s, "the host of the URI: " + d
			}
		}
	}
	scheme, rest := s[:len(u.Scheme)], s[len(u.Scheme):]
	if u.Host != "" { // "://userinfo@HOST:port/…"
		i := strings.Index(rest, u.Host)
		if i < 0 { // a zone, written in another way than it is read
			return s, "the host of the URI"
		}
		rest = rest[:i] + strings.ToLower(u.Host) + rest[i+len(u.Host):]
	}
	return strings.ToLower(scheme) + rest, ""
}

func hasControl(s string) bool {
	for _, r := range s {
		if r < 0x20 || r >= 0x7f && r < 0xa0 || r == utf8.RuneError {
			return true
		}
	}
	return false
}

// wellFormedDER reports whether b is one DER element with a definite length.
// The value of an otherName is copied as it is; it must at least not break the
// structure around it.
func wellFormedDER(b []byte) bool {
	if len(b) < 2 || b[0]&0x1f == 0x1f {
		return false
	}
	n, head := int(b[1]), 2
	if n >= 0x80 {
		octets := n & 0x7f
		if octets == 0 || octets > 3 || len(b) < 2+octets || b[2] == 0 {
			return false
		}
		n, head = 0, 2+octets
		for _, c := range b[2:head] {
			n = n<<8 | int(c)
		}
		if n < 0x80 {
			return false
		}
	}
	return len(b) == head+n
}
