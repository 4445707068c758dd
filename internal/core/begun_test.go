package core

import (
	"testing"
	"time"
)

func TestBegun(t *testing.T) {
	judged := time.Date(2026, 11, 1, 12, 0, 30, 0, time.UTC)
	start, end := judged.Add(-10*time.Minute), judged.Add(90*24*time.Hour)
	late := judged.Add(40 * 24 * time.Hour)
	for _, c := range []struct {
		name       string
		r          OrderRequest
		now        time.Time
		start, end time.Time
		expired    bool
	}{
		{name: "at once", r: OrderRequest{JudgedAt: judged}, now: judged, start: start, end: end},
		{name: "approved late", r: OrderRequest{JudgedAt: judged}, now: late, start: late.Add(-10 * time.Minute), end: end.Add(40 * 24 * time.Hour)},
		{name: "end by date", r: OrderRequest{JudgedAt: judged, FixedEnd: true}, now: late, start: late.Add(-10 * time.Minute), end: end},
		{name: "end by date, past", r: OrderRequest{JudgedAt: judged, FixedEnd: true}, now: end, expired: true},
		{name: "an earlier version's", r: OrderRequest{}, now: late, start: start, end: end},
	} {
		c.r.Template = Template{NotBefore: start, NotAfter: end}
		got, err := c.r.Begun(c.now)
		if c.expired != Is(err, KindExpired) || !c.expired && (err != nil || !got.NotBefore.Equal(c.start) || !got.NotAfter.Equal(c.end)) {
			t.Errorf("%s: %s to %s, %v", c.name, got.NotBefore, got.NotAfter, err)
		}
	}
	// A start in the future stays until it has come.
	r := OrderRequest{JudgedAt: judged, Template: Template{NotBefore: judged.Add(24 * time.Hour), NotAfter: end}}
	if got, err := r.Begun(judged.Add(time.Hour)); err != nil || !got.NotBefore.Equal(r.Template.NotBefore) || !got.NotAfter.Equal(end) {
		t.Errorf("%+v %v", got, err)
	}
	if got, err := r.Begun(late); err != nil || !got.NotBefore.Equal(late) || got.NotAfter.Sub(got.NotBefore) != end.Sub(r.Template.NotBefore) {
		t.Errorf("%+v %v", got, err)
	}
}
