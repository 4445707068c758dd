// Package x509x reads and writes the X.509 and PKCS#10 structures that a
// certificate authority needs: certification requests, names, subject
// alternative names, extensions, and the to-be-signed parts of certificates
// and CRLs (RFC 5280, RFC 2986, RFC 7030 CSR attributes).
//
// It is format code only: it never decides whether something may be issued.
// Parsers are strict DER (cryptobyte), bounded in size before they start, and
// keep the original octets where a signature or a copy depends on them; what
// they return shares memory with their input, so the input must not be changed
// afterwards. Object identifiers are dotted strings everywhere.
package x509x

import (
	"errors"
	"fmt"
)

// Errors that callers may test with errors.Is.
var (
	// ErrMalformed says that the octets are not the DER (or text) form that was expected.
	ErrMalformed = errors.New("malformed input")
	// ErrTooLarge says that the input is over the size limit of its parser.
	ErrTooLarge = errors.New("input too large")
	// ErrUnsupported says that the input is well formed but uses an algorithm that we do not know.
	ErrUnsupported = errors.New("unsupported algorithm")
	// ErrSignature says that a signature does not match.
	ErrSignature = errors.New("signature does not verify")
	// ErrWeakSignature says that the signature uses SHA-1 and the caller did not allow it.
	ErrWeakSignature = errors.New("signature uses SHA-1")
)

// malformed makes an ErrMalformed that names the place.
func malformed(where string) error { return fmt.Errorf("%w: %s", ErrMalformed, where) }

// MaxSize is the largest input, in octets, that the parsers of names,
// extensions and CSR attributes read.
const MaxSize = 64 << 10

// sized returns ErrTooLarge when der is over MaxSize.
func sized(der []byte) error {
	if len(der) > MaxSize {
		return fmt.Errorf("%w: %d octets, at most %d", ErrTooLarge, len(der), MaxSize)
	}
	return nil
}
