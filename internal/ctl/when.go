package ctl

import (
	"strconv"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// How times are written for people; all are UTC.
const (
	dateForm  = "02-Jan-2006"
	clockForm = "02-Jan-2006 15:04:05"
	isoForm   = "2006-01-02"
)

// maxHours bounds relative times: a hundred years.
const maxHours = 100 * 366 * 24

// date writes a day, "-" for no time.
func date(t time.Time) string { return dateOr(t, "-") }

// dateOr writes a day, or none for no time.
func dateOr(t time.Time, none string) string {
	if t.IsZero() {
		return none
	}
	return t.UTC().Format(dateForm)
}

// clock writes day and time, "-" for no time.
func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(clockForm)
}

// daysLeft is the number of whole days from now to t, negative once t is past.
func daysLeft(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	d := t.Sub(now)
	n := int(d / (24 * time.Hour))
	if d < 0 && d%(24*time.Hour) != 0 {
		n--
	}
	return strconv.Itoa(n)
}

// parseWhen reads a time as people write it: a distance from now (12h, 90d, 2w,
// 1y, with + or - in front), a day (2027-01-31 or 31-Jan-2027: its beginning,
// UTC), or RFC 3339.
func parseWhen(s string, now time.Time) (time.Time, error) {
	if d, ok := parseDistance(s); ok {
		return now.Add(d).UTC().Truncate(time.Second), nil
	}
	if t, ok := parseFixed(s); ok {
		return t, nil
	}
	if t, err := core.ParseTime(s, now); err == nil && inRange(t) { // whatever a filter understands
		return t.UTC().Truncate(time.Second), nil
	}
	return time.Time{}, usage("", "%.60q is no time: write 90d, 2w, 12h, 2027-01-31, 31-Jan-2027 or RFC 3339", s)
}

// parsePast is parseWhen for what has been: a distance without sign goes back.
func parsePast(s string, now time.Time) (time.Time, error) {
	if d, ok := parseDistance(s); ok && s[0] != '+' && s[0] != '-' {
		return now.Add(-d).UTC().Truncate(time.Second), nil
	}
	return parseWhen(s, now)
}

// parseFixed reads a time that is the same whenever it is read: a day or RFC
// 3339.
func parseFixed(s string) (time.Time, bool) {
	if t, ok := parseDay(s); ok {
		return t, true
	}
	t, err := time.Parse(time.RFC3339, s)
	return t.UTC(), err == nil && inRange(t.UTC())
}

// parseDay reads a day; its beginning in UTC.
func parseDay(s string) (time.Time, bool) {
	for _, form := range []string{isoForm, dateForm} {
		if t, err := time.Parse(form, s); err == nil && inRange(t) {
			return t, true
		}
	}
	return time.Time{}, false
}

// inRange keeps out what certificates and databases cannot hold.
func inRange(t time.Time) bool { return t.Year() >= 1970 && t.Year() < 9999 }

// parseDistance reads a number and a unit: h, d, w (7 days) or y (365 days).
func parseDistance(s string) (time.Duration, bool) {
	sign := time.Duration(1)
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		sign, s = -1, rest
	} else {
		s = strings.TrimPrefix(s, "+")
	}
	if len(s) < 2 {
		return 0, false
	}
	hours := map[byte]int{'h': 1, 'd': 24, 'w': 7 * 24, 'y': 365 * 24}[s[len(s)-1]]
	n, err := strconv.ParseUint(s[:len(s)-1], 10, 32)
	if err != nil || hours == 0 || n > uint64(maxHours/hours) {
		return 0, false
	}
	return sign * time.Duration(n) * time.Duration(hours) * time.Hour, true
}
