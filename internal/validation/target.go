package validation

import (
	"net/netip"
	"strings"

	"github.com/certwright/certwright/internal/core"
)

// target is an identifier, read: either a name or an address.
type target struct {
	name string // lower case, without a dot at the end
	ip   netip.Addr
}

func (t target) String() string {
	if t.name != "" {
		return t.name
	}
	return t.ip.String()
}

// readTarget checks that a question makes sense. The protocols have looked at
// names before; a vantage hears from the network.
func readTarget(c Check) (target, *failure) {
	var t target
	byDNS := false
	switch c.Method {
	case core.MethodHTTP01, core.MethodTLSALPN01:
		if c.Wildcard { // RFC 8555 section 8.3, RFC 8737 section 3
			return t, fail("rejectedIdentifier", "%s cannot prove control of a wildcard name", c.Method)
		}
	case core.MethodHTTPFile:
		if c.Wildcard { // CA/B BR 3.2.2.4.18
			return t, fail("rejectedIdentifier", "%s cannot prove control of a wildcard name", c.Method)
		}
		byDNS = true // for names only
	case core.MethodDNS01, core.MethodDNSAccount01, core.MethodDNSPersist01, core.MethodDNSTXT, core.MethodDNSCNAME, core.MethodDNSContact:
		byDNS = true
	default:
		return t, fail("serverInternal", "control cannot be checked by the method %q", printable(c.Method, 40))
	}
	switch c.Identifier.Type {
	case core.IdentifierDNS:
		if !validName(c.Identifier.Value) {
			return t, fail("rejectedIdentifier", "%q is not a DNS name in the form of RFC 8555 section 7.1.4", printable(c.Identifier.Value, 260))
		}
		t.name = strings.ToLower(c.Identifier.Value)
	case core.IdentifierIP:
		ip, err := netip.ParseAddr(c.Identifier.Value)
		if err != nil || ip.Zone() != "" || byDNS || c.Wildcard { // RFC 8738 section 7
			return t, fail("rejectedIdentifier", "%s cannot prove control of the address %q", c.Method, printable(c.Identifier.Value, 60))
		}
		t.ip = ip
	default:
		return t, fail("rejectedIdentifier", "%s cannot prove control of an identifier of type %q", c.Method, printable(c.Identifier.Type, 40))
	}
	switch c.Method {
	case core.MethodDNSTXT, core.MethodDNSCNAME, core.MethodHTTPFile, core.MethodDNSContact:
		return t, readValue(c, t.name)
	}
	return t, readSecrets(c)
}

// readSecrets checks what the method needs besides the identifier.
func readSecrets(c Check) *failure {
	switch c.Method {
	case core.MethodDNSPersist01:
		if c.AccountURL == "" || len(c.IssuerDomains) == 0 {
			return fail("serverInternal", "dns-persist-01 needs an account and an issuer domain")
		}
		return nil
	case core.MethodDNSAccount01:
		if c.AccountURL == "" {
			return fail("serverInternal", "dns-account-01 needs an account")
		}
	case core.MethodHTTP01:
		if !validToken(c.Token) || !strings.HasPrefix(c.KeyAuthorization, c.Token+".") {
			return fail("serverInternal", "http-01 needs a token and its key authorization")
		}
	}
	if len(c.KeyAuthorization) == 0 || len(c.KeyAuthorization) > 512 {
		return fail("serverInternal", "%s needs a key authorization", c.Method)
	}
	return nil
}

// validToken reports whether s is base64url text (RFC 8555 section 8.1). It
// becomes part of a URL.
func validToken(s string) bool {
	if s == "" || len(s) > 256 {
		return false
	}
	for _, b := range []byte(s) {
		if !letterOrDigit(b) && b != '-' && b != '_' {
			return false
		}
	}
	return true
}

func letterOrDigit(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

// validName reports whether s is a host name: labels of letters, digits,
// hyphens and underscores (private networks have them), without a wildcard or a
// dot at the end, and not an address.
func validName(s string) bool {
	if len(s) == 0 || len(s) > 253 {
		return false
	}
	labels := strings.Split(s, ".")
	for _, l := range labels {
		if len(l) == 0 || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
			return false
		}
		for _, b := range []byte(l) {
			if !letterOrDigit(b) && b != '-' && b != '_' {
				return false
			}
		}
	}
	// A last label of digits alone makes it an address to many (RFC 3696
	// section 2).
	return strings.Trim(labels[len(labels)-1], "0123456789") != ""
}
