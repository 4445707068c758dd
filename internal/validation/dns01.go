package validation

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// accountLabel is the label of dns-account-01 for an account
// (draft-ietf-acme-dns-account-label section 3.1): several accounts can prove
// control of one name without sharing a record.
func accountLabel(accountURL string) string {
	sum := sha256.Sum256([]byte(accountURL))
	return "_" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10]))
}

// dnsDigest is RFC 8555 section 8.4: a TXT record holds the digest of the key
// authorization. Others may stand beside it.
func (a *attempt) dnsDigest(ctx context.Context, name, keyAuthorization string) *failure {
	sum := sha256.Sum256([]byte(keyAuthorization))
	want := base64.RawURLEncoding.EncodeToString(sum[:])
	texts, f := a.texts(ctx, name)
	if f != nil {
		return f
	}
	for _, t := range texts {
		if t == want {
			return nil
		}
	}
	return passing("unauthorized", "TXT %s is %s, not %q", name, quoted(texts), want)
}

// texts asks for TXT records and joins the strings of each. Without any it is a
// failure.
func (a *attempt) texts(ctx context.Context, name string) ([]string, *failure) {
	if len(name) > 253 {
		return nil, fail("rejectedIdentifier", "%s is longer than a DNS name may be", name)
	}
	rrs, absent, f := a.lookup(ctx, name, dns.TypeTXT)
	switch {
	case f != nil:
		return nil, f
	case absent:
		return nil, passing("dns", "TXT %s: the name does not exist (NXDOMAIN)", name)
	}
	var out []string
	for _, rr := range rrs {
		if t, ok := rr.(*dns.TXT); ok {
			out = append(out, unescape(strings.Join(t.Txt, "")))
		}
	}
	if len(out) == 0 {
		return nil, passing("unauthorized", "there is no TXT record at %s", name)
	}
	return out, nil
}

// quoted shows the first few texts.
func quoted(texts []string) string {
	const shown = 3
	var b strings.Builder
	for i, t := range texts {
		if i == shown {
			fmt.Fprintf(&b, " and %d more", len(texts)-shown)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q", printable(t, 100))
	}
	return b.String()
}

// unescape undoes the escapes of zone files (RFC 1035 section 5.1), in which the
// DNS library hands out character strings.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '\\':
			b.WriteByte(s[i])
		case i+3 < len(s) && digit(s[i+1]) && digit(s[i+2]) && digit(s[i+3]):
			b.WriteByte((s[i+1]-'0')*100 + (s[i+2]-'0')*10 + s[i+3] - '0')
			i += 3
		case i+1 < len(s):
			i++
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func digit(b byte) bool { return b >= '0' && b <= '9' }
