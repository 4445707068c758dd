package attestation

import (
	"crypto/x509"
	"strconv"

	"golang.org/x/crypto/cryptobyte"

	"github.com/certwright/certwright/internal/wire/x509x"
)

// stepStatement is the statement of format "step".
type stepStatement struct {
	Algorithm int64    `cbor:"alg"`
	Signature []byte   `cbor:"sig"`
	Chain     [][]byte `cbor:"x5c"`
}

// verifyStep verifies format "step", which no standard describes: smallstep's
// client sends a YubiKey's PIV attestation certificate and a signature by the
// attested key over the key authorization. The signature shows that the account
// has the key at hand; the certificate shows that it lies in the YubiKey.
func verifyStep(stmt []byte, opts *Options) (*Statement, error) {
	var st stepStatement
	if err := decode(stmt, &st); err != nil {
		return nil, bad("the statement is not of format step")
	}
	alg, err := signatureAlgorithm(st.Algorithm)
	if err != nil {
		return nil, err
	}
	certs, err := readChain(st.Chain)
	if err != nil {
		return nil, err
	}
	if err := trust(certs, opts.Roots[FormatStep], opts.Now); err != nil {
		return nil, err
	}
	spki, err := certKey(certs[0])
	if err != nil {
		return nil, err
	}
	if len(st.Signature) == 0 {
		return nil, bad("the statement has no signature (sig)")
	}
	if x509x.Verify(alg, certs[0].PublicKey, []byte(opts.KeyAuthorization), unwrap(st.Signature), false) != nil {
		return nil, bad("the statement's signature is not the attested key's over the key authorization")
	}
	serial, err := yubicoSerial(certs[0])
	if err != nil {
		return nil, err
	}
	return &Statement{Serial: serial, PermanentIdentifier: serial, SPKI: spki}, nil
}

// unwrap returns the signature inside sig. The client writes it as CBOR once
// more (after WebAuthn section 6.5.6); others may send it bare. A DER or RSA
// signature that happens to be CBOR of its own length does not occur.
func unwrap(sig []byte) []byte {
	var inner []byte
	if len(sig) > 0 && sig[0]>>5 == 2 && decode(sig, &inner) == nil {
		return inner
	}
	return sig
}

// yubicoSerial reads the device's serial number, an INTEGER, from Yubico's
// extension 1.3.6.1.4.1.41482.3.7.
func yubicoSerial(c *x509.Certificate) (string, error) {
	value := cryptobyte.String(extension(c, 1, 3, 6, 1, 4, 1, 41482, 3, 7))
	if value.Empty() {
		return "", bad("the attestation has no serial number")
	}
	var n int64
	if !value.ReadASN1Integer(&n) || !value.Empty() || n <= 0 {
		return "", bad("the attestation's serial number cannot be read")
	}
	return strconv.FormatInt(n, 10), nil
}
