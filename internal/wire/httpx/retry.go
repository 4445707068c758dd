package httpx

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// RetryAfter says when to come again (RFC 9110 section 10.2.3), in whole
// seconds, at least one: the other form of the header, a date, is not understood
// by all clients (strongSwan).
func RetryAfter(h http.Header, d time.Duration) {
	h.Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(d.Seconds())))))
}
