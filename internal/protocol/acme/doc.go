// Package acme is the server side of ACME (RFC 8555) with its relatives: RFC
// 8657, 8737, 8738, 9444, 9773, profiles and device attestation.
package acme
