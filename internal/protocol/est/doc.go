// Package est serves Enrollment over Secure Transport (RFC 7030 with RFC 8951
// and RFC 9908): cacerts, simpleenroll, simplereenroll, serverkeygen and
// csrattrs; fullcmc is answered with 501.
//
// Paths. Each operation is served at
//
//	/.well-known/est/{label}/<operation>      RFC 7030 section 3.2.2
//	/.well-known/est/<operation>              the default credential
//	/est/{label}/.well-known/est/<operation>  strongSwan
//
// The third form is for clients that put a URL's path before the well-known
// one: strongSwan's "pki --est --url https://host:port/est/label".
//
// Listeners. EST is on the main listener, where HTTP Basic is all that a
// client can show (or a certificate that a configured proxy passes on), and on
// the one that asks for an optional client certificate; never on plain HTTP.
//
// CSR attributes. By default /csrattrs answers in the form of RFC 7030 section
// 4.5.2 as corrected by RFC 8951, which every client reads: the key wish and
// an extension request with the extended key usage. With the query
// "?template=1" the answer is one certificationRequestInfoTemplate (RFC 9908
// section 3.4) instead. The opt-in is the client's, because only the client
// knows whether it understands templates, and because old parsers were seen to
// stumble over nested attributes.
//
// Re-enrolment. See reenroll.go for what "the same subject" means when the
// product itself writes parts of it.
package est
