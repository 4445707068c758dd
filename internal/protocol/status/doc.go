// Package status serves what relying parties fetch about certificates, without
// authentication and on plain HTTP as well (RFC 5280 section 8, RFC 6960
// appendix A, RFC 5019):
//
//	/status/{slug}.crl            the issuer's CRL
//	/status/{slug}.crt            the issuer's certificate, DER
//	/status/{slug}.p7c            the issuer's certificate and chain, certs-only
//	/status/ocsp/{slug}           OCSP by POST
//	/status/ocsp/{slug}/{base64}  OCSP by GET
//	/root.crt                     the roots, PEM
//
// It signs nothing: what it serves comes ready from its [Status].
package status
