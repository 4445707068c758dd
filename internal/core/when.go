package core

import (
	"strconv"
	"time"
)

// ParseTime reads a time as the filter language writes it: RFC 3339, a date,
// "now", or a distance from now such as "+30d", "-12h", "+15m".
func ParseTime(s string, now time.Time) (time.Time, error) {
	if s == "now" {
		return now, nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	if len(s) > 2 && (s[0] == '+' || s[0] == '-') {
		n, err := strconv.Atoi(s[1 : len(s)-1])
		unit := map[byte]time.Duration{'d': 24 * time.Hour, 'h': time.Hour, 'm': time.Minute}[s[len(s)-1]]
		if err == nil && unit > 0 && n >= 0 && n <= 100_000 {
			d := time.Duration(n) * unit
			if s[0] == '-' {
				d = -d
			}
			return now.Add(d), nil
		}
	}
	return time.Time{}, Errorf(KindInvalid, "%q is not a time: write 2027-01-31T12:00:00Z, 2027-01-31, now, or +30d", s).At("filter")
}
