// Package attestation verifies the attestation objects of the ACME challenge
// device-attest-01 (draft-ietf-acme-device-attest section 5), which borrow their
// form from WebAuthn Level 2 section 6.5.4: a CBOR map of a format and a
// statement. Three formats are known: "apple" (Apple managed device
// attestation), "step" (YubiKey PIV as smallstep's clients send it) and "tpm"
// (WebAuthn section 8.3).
//
// A statement says which device holds a key. Whoever relies on it still has to
// compare the identifier of the order with Statement.Proves, and the key of the
// certificate request with Statement.SPKI.
package attestation

import (
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/certwright/certwright/internal/core"
)

// Formats of attestation statements.
const (
	FormatApple = "apple"
	FormatStep  = "step"
	FormatTPM   = "tpm"
)

// MaxSize is the largest attestation object, in octets, that Verify reads.
const MaxSize = 64 << 10

// Options is what a verification depends on besides the object.
type Options struct {
	// Token is the token of the challenge (RFC 8555 section 8).
	Token string
	// KeyAuthorization is made of the token and the account's key (RFC 8555
	// section 8.1).
	KeyAuthorization string
	// Roots holds the certificates that are trusted for each format. A format
	// without an entry is refused: a root of one maker says nothing about the
	// devices of another.
	Roots map[string]*x509.CertPool
	// Now is the time at which certificates must be valid.
	Now time.Time
}

// Statement is what a device attested.
type Statement struct {
	Format string
	// PermanentIdentifier is the foremost name of the device: the serial number
	// ("apple", "step"; the UDID if there is none), or the first permanent
	// identifier (RFC 4043) of the attestation key's certificate ("tpm").
	PermanentIdentifier string
	// OtherIdentifiers are permanent identifiers of the same device beside the
	// foremost one.
	OtherIdentifiers []string
	// HardwareModule is the hardware module name (RFC 4108 section 5) of the
	// attestation key's certificate, as "type:serial" with the dotted type and
	// the serial number in lower-case hexadecimal. Only "tpm" can have one.
	HardwareModule string
	// SPKI is the DER SubjectPublicKeyInfo of the attested key.
	SPKI []byte
	// Serial is the device's serial number ("apple", "step").
	Serial string
	// UDID is the unique device identifier ("apple").
	UDID string
}

// Proves reports whether the device bears the name of an ACME identifier of
// type permanent-identifier or hardware-module. The comparison is exact.
func (s *Statement) Proves(id core.Identifier) bool {
	if id.Value == "" {
		return false
	}
	switch id.Type {
	case core.IdentifierPermanent:
		return id.Value == s.PermanentIdentifier || slices.Contains(s.OtherIdentifiers, id.Value)
	case core.IdentifierHardware:
		return id.Value == s.HardwareModule
	}
	return false
}

// object is the attestation object. authData is unused (draft section 5) and,
// like any other member, read over.
type object struct {
	Format    string          `cbor:"fmt"`
	Statement cbor.RawMessage `cbor:"attStmt"`
}

// Verify checks an attestation object (the octets inside the base64url of
// "attObj") and returns what it proves. Its error is always a *core.Failure:
// "badAttestationStatement" with a detail that may be shown, or
// "serverInternal" when the options are incomplete.
func Verify(att []byte, opts Options) (*Statement, error) {
	if opts.Token == "" || opts.KeyAuthorization == "" || opts.Now.IsZero() {
		return nil, &core.Failure{Code: "serverInternal", Detail: "the challenge lacks what an attestation is compared with"}
	}
	if len(att) > MaxSize {
		return nil, bad("the attestation object has more than %d octets", MaxSize)
	}
	var o object
	if err := decode(att, &o); err != nil {
		return nil, bad("the attestation object is not the CBOR map that WebAuthn describes")
	}
	verify := verifierOf(o.Format)
	switch {
	case o.Format == "":
		return nil, bad("the attestation object names no format")
	case verify == nil:
		return nil, bad("the attestation format is not supported")
	case opts.Roots[o.Format] == nil:
		return nil, bad("the attestation format %s is not accepted here", o.Format)
	case len(o.Statement) == 0:
		return nil, bad("the attestation object has no statement")
	}
	s, err := verify(o.Statement, &opts)
	if err != nil {
		return nil, err
	}
	s.Format = o.Format
	return s, nil
}

// verifierOf returns the verification procedure of a format, or nil.
func verifierOf(format string) func([]byte, *Options) (*Statement, error) {
	switch format {
	case FormatApple:
		return verifyApple
	case FormatStep:
		return verifyStep
	case FormatTPM:
		return verifyTPM
	}
	return nil
}

// decode reads one CBOR item strictly (RFC 8949 section 5.2; CTAP2 canonical
// CBOR as far as it matters): no duplicate keys, no indefinite lengths, no tags,
// no data after it.
func decode(data []byte, into any) error {
	mode, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		UTF8:              cbor.UTF8RejectInvalid,
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
		MaxNestedLevels:   4,
		MaxArrayElements:  16,
		MaxMapPairs:       16,
	}.DecMode()
	if err != nil {
		return err
	}
	return mode.Unmarshal(data, into)
}

// bad makes the failure of a statement that proves nothing. Its arguments are
// our own limits and words, never what the client sent or a library said.
func bad(format string, args ...any) error {
	return &core.Failure{Code: "badAttestationStatement", Detail: fmt.Sprintf(format, args...)}
}
