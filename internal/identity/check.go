package identity

import (
	"net/mail"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/certwright/certwright/internal/core"
)

// checkText verifies one line of text: between min and max characters, no
// control characters, no blanks at the ends.
func checkText(field, s string, min, max int) error {
	n := utf8.RuneCountInString(s)
	switch {
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		return core.Errorf(core.KindInvalid, "%s holds characters that cannot be shown", field).At(field)
	case s != strings.TrimSpace(s):
		return core.Errorf(core.KindInvalid, "%s begins or ends with a blank", field).At(field)
	case n < min:
		return core.Errorf(core.KindInvalid, "%s is missing", field).At(field)
	case n > max:
		return core.Errorf(core.KindInvalid, "%s has more than %d characters", field, max).At(field)
	}
	return nil
}

// checkEmail verifies the syntax of a mail address; empty is allowed.
func checkEmail(field, s string) error {
	if s == "" {
		return nil
	}
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || a.Name != "" || len(s) > 254 || strings.ContainsAny(s, " \"<>") || !strings.Contains(s[strings.LastIndexByte(s, '@')+1:], ".") && !strings.HasSuffix(s, "@localhost") {
		return core.Errorf(core.KindInvalid, "%q is not a mail address", s).At(field)
	}
	return nil
}

// only reports whether s consists of lower-case letters, digits and extra.
func only(s, extra string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune(extra, r) {
			return false
		}
	}
	return true
}

// checkLogin verifies a user's login name.
func checkLogin(s string) error {
	if len(s) < 1 || len(s) > 128 || !only(s, "._@+-") {
		return core.Errorf(core.KindInvalid, "a login has 1 to 128 characters of a-z 0-9 . _ @ + -").At("login")
	}
	return nil
}

// checkLabel verifies a credential's part of its URL.
func checkLabel(t *CredentialType, s string) error {
	if len(s) < 2 || len(s) > 40 || !only(s, "-") || s[0] == '-' || s[len(s)-1] == '-' {
		return core.Errorf(core.KindInvalid, "a label has 2 to 40 characters of a-z 0-9 and -, and neither begins nor ends with -").At("label")
	}
	if slices.Contains(reservedLabels(), s) || slices.Contains(t.Reserved, s) {
		return core.Errorf(core.KindInvalid, "%q is a word of the protocol and cannot be a label", s).At("label")
	}
	return nil
}

// checkPublicID verifies a chosen user name, reference value or principal.
func checkPublicID(r kindRule, s string) error {
	if !r.given {
		return core.Errorf(core.KindInvalid, "the identifier of this authentication kind is generated and cannot be chosen").At("public_id")
	}
	extra := "._@+-"
	if r.spn {
		extra += "/$"
	}
	if len(s) < 2 || len(s) > 128 || !only(strings.ToLower(s), extra) {
		return core.Errorf(core.KindInvalid, "the user name has 2 to 128 characters of letters, digits and %s", extra).At("public_id")
	}
	return nil
}

// checkTags verifies tags and returns them sorted, each once.
func checkTags(tags []string) ([]string, error) {
	if len(tags) > 50 {
		return nil, core.Errorf(core.KindInvalid, "there are more than 50 tags").At("tags")
	}
	for _, t := range tags {
		if err := checkText("tags", t, 1, 100); err != nil {
			return nil, err
		}
	}
	out := append([]string(nil), tags...)
	slices.Sort(out)
	return slices.Compact(out), nil
}

// checkSources verifies address ranges and returns them with host bits
// cleared.
func checkSources(in []netip.Prefix) ([]netip.Prefix, error) {
	if len(in) > 100 {
		return nil, core.Errorf(core.KindInvalid, "there are more than 100 source ranges").At("sources")
	}
	var out []netip.Prefix
	for _, p := range in {
		if !p.IsValid() {
			return nil, core.Errorf(core.KindInvalid, "a source range cannot be read; write 192.0.2.0/24 or 2001:db8::/32").At("sources")
		}
		if a := p.Addr(); a.Is4In6() {
			if p.Bits() < 96 {
				return nil, core.Errorf(core.KindInvalid, "source range %s mixes IPv4 and IPv6", p).At("sources")
			}
			p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// checkExpiry refuses an end that has passed.
func checkExpiry(t, now time.Time) error {
	if !t.IsZero() && !t.After(now) {
		return core.Errorf(core.KindInvalid, "the expiry lies in the past").At("expires_at")
	}
	return nil
}

// CheckEmail verifies the syntax of a mail address that a field holds; empty is
// allowed.
func CheckEmail(field, s string) error { return checkEmail(field, s) }
