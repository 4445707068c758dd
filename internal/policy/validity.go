package policy

import "time"

// span adds the product's validity to from. Months and years follow the
// calendar; the day of the month is cut to the target month's last (one month
// after 31 January is 28 or 29 February, not 2 or 3 March).
func span(from time.Time, amount int, unit string) time.Time {
	switch unit {
	case "hours":
		return from.Add(time.Duration(amount) * time.Hour)
	case "days":
		return from.Add(time.Duration(amount) * 24 * time.Hour)
	case "years":
		amount *= 12
	}
	first := time.Date(from.Year(), from.Month()+time.Month(amount), 1,
		from.Hour(), from.Minute(), from.Second(), 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(from.Day(), last)-1)
}

// validity sets both ends. The period counts from notBefore, which may lie in
// the past, through notAfter inclusive (RFC 5280 section 4.1.2.5), so that it
// is exactly as long as the product says: 200 days end 200 days minus one
// second after notBefore.
func (e *evaluation) validity() {
	p := e.c.profile
	e.out.NotBefore = e.now.Add(-e.c.backdate)
	if t := e.ask.NotBefore.UTC().Truncate(time.Second); !e.ask.NotBefore.IsZero() && t.After(e.now) {
		if t.After(span(e.now, p.ValidityAmount, p.ValidityUnit)) {
			e.refuse(ValidityTooLong, "not_before", t.Format(time.RFC3339), "the certificate would begin after the product's validity is over")
		} else {
			e.out.NotBefore = t
		}
	}
	longest := span(e.out.NotBefore, p.ValidityAmount, p.ValidityUnit).Add(-time.Second)
	e.out.NotAfter = longest
	if v := e.ask.Validity; v != 0 {
		e.limit("validity", v.String(), e.out.NotBefore.Add(v.Truncate(time.Second)-time.Second), longest, longest)
	}
	if t := e.ask.NotAfter; !t.IsZero() {
		// A client adds the product's validity to its own idea of now; that
		// must not fail for the sake of the backdating.
		tolerated := span(e.now, p.ValidityAmount, p.ValidityUnit)
		if e.out.NotBefore.After(e.now) {
			tolerated = longest
		}
		t = t.UTC().Truncate(time.Second)
		e.limit("not_after", t.Format(time.RFC3339), t, longest, tolerated)
	}
}

// limit takes the wished end when it lies before the present one, and refuses
// it when it is past or beyond what is tolerated.
func (e *evaluation) limit(field, shown string, end, longest, tolerated time.Time) {
	switch {
	case !end.After(e.now), !end.After(e.out.NotBefore):
		e.refuse(ValidityPast, field, shown, "the certificate would end at once")
	case end.After(tolerated):
		e.refuse(ValidityTooLong, field, shown, "the product allows "+longest.Format(time.RFC3339)+" at most")
	case end.Before(e.out.NotAfter):
		e.out.NotAfter = end
	}
}
