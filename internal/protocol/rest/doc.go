// Package rest is the order API that clients of CERTInext speak: version 2
// (resources and JSON) with its token endpoint, and version 1 (one method to a
// POST). It turns what they send into calls of ordering, domain and vetting and
// their answers into the two wire forms; docs/protocol/rest.md is the page for
// users. It decides nothing.
package rest
