// Package httpx is the plumbing of every HTTP listener: request ids, the
// client's real address and certificate behind trusted proxies, body limits,
// panic guard, access log, metrics, rate limit, listeners with their TLS
// settings and graceful stop; and the HTTP client for everything outbound. It
// knows no protocol: wire forms of errors belong to the protocols. The only
// answers of its own are 429 (rate limit) and 500 (panic).
package httpx
