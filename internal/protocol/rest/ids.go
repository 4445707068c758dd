package rest

import (
	"strconv"

	"github.com/certwright/certwright/internal/core"
)

// Public numbers are shown with an offset, so that they have as many digits as
// clients expect and never begin with a zero, which some would lose by
// reading the text as a number.
const (
	longOffset  = 1_000_000_000 // orders, requests, groups: 10 digits
	shortOffset = 1_000_000     // organisations: 7 digits
)

// orderNumber is how the number of an order, a request or a group is shown;
// none for 0.
func orderNumber(n int64) string { return shown(n, longOffset) }

// parseOrderNumber reads it back; false for anything that is no such number.
func parseOrderNumber(s string) (int64, bool) { return hidden(s, longOffset) }

// orderOf is the shown number of an order: drafts have none.
func orderOf(o *core.Order) string {
	if o == nil || o.State == core.OrderDraft {
		return ""
	}
	return orderNumber(o.Number)
}

// organisationNumber is how the number of an organisation is shown.
func organisationNumber(n int64) string { return shown(n, shortOffset) }

// parseOrganisationNumber reads it back.
func parseOrganisationNumber(s string) (int64, bool) { return hidden(s, shortOffset) }

func shown(n, offset int64) string {
	if n <= 0 {
		return ""
	}
	return strconv.FormatInt(n+offset, 10)
}

func hidden(s string, offset int64) (int64, bool) {
	if s == "" || len(s) > 18 || s[0] < '1' || s[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= offset {
		return 0, false
	}
	return n - offset, true
}
