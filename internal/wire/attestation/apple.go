package attestation

import (
	"bytes"
	"crypto/sha256"
)

// appleStatement is the statement of Apple's managed device attestation.
type appleStatement struct {
	Chain [][]byte `cbor:"x5c"`
}

// verifyApple verifies format "apple" as Apple documents it for ACMECertificate
// and DevicePropertiesAttestation: there is no signature of the attested key;
// Apple's CA certified it together with the device's properties, whose values
// stand in the extensions without a further ASN.1 type around them.
func verifyApple(stmt []byte, opts *Options) (*Statement, error) {
	var st appleStatement
	if err := decode(stmt, &st); err != nil {
		return nil, bad("the statement is not of format apple")
	}
	certs, err := readChain(st.Chain)
	if err != nil {
		return nil, err
	}
	if err := trust(certs, opts.Roots[FormatApple], opts.Now); err != nil {
		return nil, err
	}
	leaf := certs[0]
	if err := checkFreshness(extension(leaf, 1, 2, 840, 113635, 100, 8, 11, 1), opts); err != nil {
		return nil, err
	}
	serial := extension(leaf, 1, 2, 840, 113635, 100, 8, 9, 1)
	udid := extension(leaf, 1, 2, 840, 113635, 100, 8, 9, 2)
	switch {
	case len(serial) == 0 && len(udid) == 0:
		return nil, bad("the attestation names neither serial number nor UDID")
	case len(serial) > 0 && !isIdentifier(serial), len(udid) > 0 && !isIdentifier(udid):
		return nil, bad("the attestation's serial number or UDID cannot be read")
	}
	spki, err := certKey(leaf)
	if err != nil {
		return nil, err
	}
	s := &Statement{Serial: string(serial), UDID: string(udid), SPKI: spki}
	if s.PermanentIdentifier = s.Serial; s.Serial == "" {
		s.PermanentIdentifier = s.UDID
	} else if s.UDID != "" {
		s.OtherIdentifiers = []string{s.UDID}
	}
	return s, nil
}

// checkFreshness compares the freshness code with this challenge. An attestation
// without one is refused: it might have been made for anybody, at any time.
//
// Deviation: the draft (section 5) asks for a digest of the key authorization.
// Devices hash the token alone, as Apple documents; both are accepted.
func checkFreshness(code []byte, opts *Options) error {
	if len(code) == 0 {
		return bad("the attestation has no freshness code")
	}
	token, authorization := sha256.Sum256([]byte(opts.Token)), sha256.Sum256([]byte(opts.KeyAuthorization))
	if !bytes.Equal(code, token[:]) && !bytes.Equal(code, authorization[:]) {
		return bad("the attestation's freshness code is not of this challenge")
	}
	return nil
}
