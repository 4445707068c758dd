package core

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// TagKind is a kind of things that have tags.
type TagKind string

// The kinds.
const (
	TagCertificate TagKind = "certificate"
	TagCredential  TagKind = "credential"
	TagOrder       TagKind = "order"
)

// TagKinds lists the kinds.
var TagKinds = []TagKind{TagCertificate, TagCredential, TagOrder}

// Limits of tags.
const (
	MaxTags   = 50  // of a thing
	MaxTagLen = 100 // octets
)

// Tag is a tag in use and how many things of each kind have it, as far as
// somebody may see them.
type Tag struct {
	Account      AccountID
	Tag          string // as it was written first
	Key          string // before the first colon; all of a tag without one
	Value        string // after it
	Certificates int64
	Credentials  int64
	Orders       int64
}

// TagScope says of which groups somebody sees things of each kind; nil: all.
type TagScope map[TagKind][]GroupID

// TagKey is the form by which a tag is known: the letters A to Z made small, so
// that both engines and we agree.
func TagKey(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// SplitTag returns key and value of a tag: env:prod is prod of env. A word
// without a colon, or with one at its begin, is a key without a value.
func SplitTag(s string) (key, value string) {
	if i := strings.IndexByte(s, ':'); i > 0 {
		return s[:i], s[i+1:]
	}
	return s, ""
}

// CleanTags checks tags and brings them into order, each once whatever its
// letter case. Kind invalid, field tags.
func CleanTags(tags []string) ([]string, error) {
	for _, t := range tags {
		if t == "" || len(t) > MaxTagLen || !utf8.ValidString(t) || t != strings.TrimSpace(t) || strings.ContainsFunc(t, unicode.IsControl) {
			return nil, Errorf(KindInvalid, "a tag has 1 to %d octets without blanks at its ends", MaxTagLen).At("tags")
		}
	}
	out := append([]string{}, tags...)
	slices.Sort(out)
	seen := map[string]bool{}
	out = slices.DeleteFunc(out, func(t string) bool {
		k := TagKey(t)
		dup := seen[k]
		seen[k] = true
		return dup
	})
	if len(out) > MaxTags {
		return nil, Errorf(KindInvalid, "there are more than %d tags", MaxTags).At("tags")
	}
	return out, nil
}

// TagChange renames or deletes a tag, or every tag of a key, wherever it is.
type TagChange struct {
	From string `json:"from"`          // a tag, or a key when OfKey
	To   string `json:"to,omitempty"`  // its new name; empty: taken away
	Key  bool   `json:"key,omitempty"` // From and To are keys
}

// Of returns what becomes of a tag: keep false when it goes. ok is false for
// tags that the change does not concern.
func (c TagChange) Of(tag string) (to string, keep, ok bool) {
	if !c.Key {
		return c.To, c.To != "", TagKey(tag) == TagKey(c.From)
	}
	key, _ := SplitTag(tag)
	if TagKey(key) != TagKey(c.From) {
		return tag, true, false
	}
	return c.To + tag[len(key):], c.To != "", true
}

// Apply changes a list of tags and reports whether it is another one. Each tag
// is once in the result.
func (c TagChange) Apply(tags []string) ([]string, bool) {
	out, seen, changed := []string{}, map[string]bool{}, false
	for _, t := range tags {
		to, keep, ok := c.Of(t)
		if !ok {
			to, keep = t, true
		}
		changed = changed || !keep || to != t
		if keep && !seen[TagKey(to)] {
			seen[TagKey(to)] = true
			out = append(out, to)
		}
	}
	slices.Sort(out)
	return out, changed
}

// Check verifies a change. Kind invalid, fields from and to.
func (c TagChange) Check() error {
	if _, err := CleanTags([]string{c.From}); err != nil {
		return Errorf(KindInvalid, "say which tag").At("from")
	}
	if c.To != "" {
		if _, err := CleanTags([]string{c.To}); err != nil {
			return Errorf(KindInvalid, "a tag has 1 to %d octets without blanks at its ends", MaxTagLen).At("to")
		}
	}
	if c.Key && strings.Contains(c.From, ":") {
		return Errorf(KindInvalid, "a key has no colon").At("from")
	}
	if c.Key && strings.Contains(c.To, ":") {
		return Errorf(KindInvalid, "a key has no colon").At("to")
	}
	if c.From == c.To || c.Key && TagKey(c.From) == TagKey(c.To) {
		return Errorf(KindInvalid, "it is called so already").At("to")
	}
	return nil
}
