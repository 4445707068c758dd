package validation

import (
	"context"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/certwright/certwright/internal/core"
)

// FilePath is where http-url looks (CA/B BR 3.2.2.4.18).
const FilePath = "/.well-known/pki-validation/"

// maxValue bounds what must be seen, in octets.
const maxValue = 512

// readValue checks what the methods of the domain service need besides the
// identifier.
func readValue(c Check, name string) *failure {
	if c.Value == "" || len(c.Value) > maxValue || c.Value != printable(c.Value, maxValue) {
		return fail("serverInternal", "%s needs a value of up to %d octets that can be shown", c.Method, maxValue)
	}
	switch c.Method {
	case core.MethodDNSTXT, core.MethodDNSCNAME:
		if !validName(c.Record) || !strings.HasSuffix(strings.ToLower(c.Record), "."+name) {
			return fail("rejectedIdentifier", "%q is no record of %s", printable(c.Record, 260), name)
		}
	case core.MethodHTTPFile:
		if base := strings.ReplaceAll(c.FileName, ".", ""); !validToken(base) || strings.Contains(c.FileName, "..") || c.FileName[0] == '.' {
			return fail("serverInternal", "http-url needs a plain file name")
		}
	case core.MethodDNSContact:
		if !mailAddress(c.Value) {
			return fail("serverInternal", "dns-contact needs a mail address")
		}
	}
	return nil
}

// dnsTXT looks for the value in the TXT records of one name (CA/B BR
// 3.2.2.4.7). Others may stand beside it.
func (a *attempt) dnsTXT(ctx context.Context, c Check) *failure {
	texts, f := a.texts(ctx, c.Record)
	if f != nil {
		return f
	}
	if slices.Contains(texts, c.Value) {
		return nil
	}
	return passing("unauthorized", "TXT %s is %s, not %q", c.Record, quoted(texts), c.Value)
}

// dnsCNAME looks where one alias points to (CA/B BR 3.2.2.4.7). That the target
// exists is not asked for.
func (a *attempt) dnsCNAME(ctx context.Context, c Check) *failure {
	name := dns.CanonicalName(c.Record)
	m, f := a.ask(ctx, name, dns.TypeCNAME)
	if f != nil {
		return f
	}
	for _, rr := range ofType(m.Answer, name, dns.TypeCNAME) {
		r, ok := rr.(*dns.CNAME)
		if !ok {
			continue
		}
		if dns.CanonicalName(r.Target) == dns.CanonicalName(c.Value) {
			return nil
		}
		return passing("unauthorized", "CNAME %s points to %s, not to %s", c.Record, plain(r.Target), c.Value)
	}
	// Not of the record's absence alone: some servers answer NXDOMAIN for the
	// missing target of an alias (RFC 2308 section 2.1).
	if m.Rcode == dns.RcodeNameError {
		return passing("dns", "CNAME %s: the name does not exist (NXDOMAIN)", c.Record)
	}
	return passing("unauthorized", "there is no CNAME record at %s", c.Record)
}

// httpFile fetches the file (CA/B BR 3.2.2.4.18).
func (a *attempt) httpFile(ctx context.Context, t target, c Check) *failure {
	return a.fetch(ctx, t, FilePath+c.FileName, c.Value, "the token")
}
