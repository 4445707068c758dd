package core_test

import (
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
)

func TestParseTime(t *testing.T) {
	now := time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC)
	for s, want := range map[string]time.Time{
		"now": now, "2027-02-01": now.Add(12 * time.Hour), "2027-01-31T13:00:00+01:00": now,
		"+30d": now.AddDate(0, 0, 30), "-12h": now.Add(-12 * time.Hour), "+15m": now.Add(15 * time.Minute),
	} {
		if got, err := core.ParseTime(s, now); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v %v, want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "x", "+d", "30d", "+-3d", "+999999d", "+3y", "2027-13-01", "+3.5h"} {
		if got, err := core.ParseTime(s, now); !core.Is(err, core.KindInvalid) {
			t.Errorf("%s: %v %v", s, got, err)
		}
	}
}

func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"now", "+30d", "2027-01-31"} {
		f.Add(s)
	}
	now := time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := core.ParseTime(s, now); err != nil && !core.Is(err, core.KindInvalid) {
			t.Fatal(err)
		}
	})
}
