package rest

import (
	"encoding/base64"
	"net/mail"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/certwright/certwright/internal/core"
)

// v1MaxText is the longest text of a field that has no limit of its own.
const v1MaxText = 256

// v1MaxRemarks is the longest remark.
const v1MaxRemarks = 1000

// printable reports whether s is text without control characters; lines may be
// broken.
func v1Printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return r == unicode.ReplacementChar || unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t'
	})
}

// field reads a text that may be empty; bad is the number for one that cannot
// be read.
func field(t v1Text, name, bad string, most int) (string, error) {
	switch {
	case len(t) > 4*most || len([]rune(string(t))) > most:
		return "", ems("977").because(name)
	case !v1Printable(string(t)):
		return "", ems(bad).because(name)
	}
	return string(t), nil
}

// needed reads a text that may not be empty.
func needed(t v1Text, name, empty, bad string) (string, error) {
	if t == "" {
		f := ems(empty)
		if empty == "1180" {
			f = f.because(name)
		}
		return "", f
	}
	return field(t, name, bad, v1MaxText)
}

// email reads a mail address that may not be empty.
func email(t v1Text, empty, bad string) (string, error) {
	if t == "" {
		return "", ems(empty)
	}
	if !v1Email(string(t)) {
		return "", ems(bad)
	}
	return string(t), nil
}

// optionalEmail reads one that may be empty.
func optionalEmail(t v1Text, name string) (string, error) {
	if t != "" && !v1Email(string(t)) {
		return "", ems("1181").because(name)
	}
	return string(t), nil
}

func v1Email(s string) bool {
	if len(s) > 254 || !v1Printable(s) || strings.ContainsAny(s, " \t\r\n") {
		return false
	}
	a, err := mail.ParseAddress(s)
	return err == nil && a.Name == "" && a.Address == s && strings.Contains(s[strings.LastIndexByte(s, '@'):], ".")
}

// phone joins country code and number to E.164; both may be empty.
func phone(isd, number v1Text, badISD, badNumber string) (string, error) {
	code := strings.TrimLeft(strings.TrimPrefix(string(isd), "+"), "0")
	if isd != "" && !digits(code, 1, 4) {
		return "", ems(badISD)
	}
	n := strings.NewReplacer(" ", "", "-", "", "(", "", ")", "", ".", "").Replace(string(number))
	if n == "" {
		return "", nil
	}
	if rest, ok := strings.CutPrefix(n, "+"); ok {
		code, n = "", rest
	}
	if !digits(n, 4, 14) || len(code)+len(n) > 15 {
		return "", ems(badNumber)
	}
	return "+" + code + n, nil
}

// v1Flag reads "1", "0" and their relatives; ok is false for anything else.
func v1Flag(t v1Text) (set, ok bool) {
	switch strings.ToLower(string(t)) {
	case "1", "true", "yes", "y":
		return true, true
	case "", "0", "false", "no", "n":
		return false, true
	}
	return false, false
}

// v1Date reads a day or time of a criterion; a day without time is its
// beginning, or its last microsecond when end is set.
func v1Date(s string, end bool) (time.Time, bool) {
	for _, l := range []string{"2006-01-02", "02-01-2006", "02/01/2006"} {
		if t, err := time.Parse(l, s); err == nil {
			if end {
				t = t.Add(24*time.Hour - time.Microsecond)
			}
			return t, true
		}
	}
	for _, l := range []string{"2006-01-02 15:04:05", "2006-01-02T15:04:05", time.RFC3339, "2006-01-02T15:04:05-0700"} {
		if t, err := time.Parse(l, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// v1Shown is how times are shown: UTC.
func v1Shown(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateTime)
}

// bit shows a truth value.
func bit(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// tagsOf reads the tags of an order.
func tagsOf(list []string) ([]string, error) {
	if len(list) > 20 {
		return nil, ems("1128").because("at most 20")
	}
	out := make([]string, 0, len(list))
	for _, t := range list {
		switch {
		case len([]rune(t)) > 100:
			return nil, ems("1129").because("at most 100 characters")
		case !v1Printable(t) || strings.ContainsAny(t, "\r\n\t"):
			return nil, ems("1126")
		}
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out, nil
}

// base64Of reads base64 with or without a "data:" prefix, padding and line
// breaks.
func base64Of(s string) ([]byte, error) {
	if rest, ok := strings.CutPrefix(s, "data:"); ok {
		if _, after, ok := strings.Cut(rest, ";base64,"); ok {
			s = after
		}
	}
	s = strings.TrimRight(strings.NewReplacer("\r", "", "\n", "", " ", "", "\t", "").Replace(s), "=")
	return base64.RawStdEncoding.DecodeString(s)
}

// emptyContact reports whether nothing is said about a person.
func emptyContact(c *core.Contact) bool { return *c == (core.Contact{}) }
