package attestation

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"slices"

	"github.com/certwright/certwright/internal/wire/x509x"
)

// tpmStatement is the statement of WebAuthn section 8.3.
type tpmStatement struct {
	Version   string   `cbor:"ver"`
	Algorithm int64    `cbor:"alg"`
	Chain     [][]byte `cbor:"x5c"`
	Signature []byte   `cbor:"sig"`
	CertInfo  []byte   `cbor:"certInfo"`
	PubArea   []byte   `cbor:"pubArea"`
}

// verifyTPM verifies format "tpm" (WebAuthn section 8.3): a TPM's attestation
// key, certified by x5c, signed certInfo, which names the key of pubArea and
// holds a digest of the key authorization.
func verifyTPM(stmt []byte, opts *Options) (*Statement, error) {
	var st tpmStatement
	if err := decode(stmt, &st); err != nil {
		return nil, bad("the statement is not of format tpm")
	}
	if st.Version != "2.0" {
		return nil, bad("the statement's version (ver) is not 2.0")
	}
	alg, err := signatureAlgorithm(st.Algorithm)
	if err != nil {
		return nil, err
	}
	if alg == x509x.Ed25519 {
		return nil, bad("the statement's signature algorithm (alg) is none that a TPM has")
	}
	certs, err := readChain(st.Chain)
	if err != nil {
		return nil, err
	}
	names, err := checkAttestationKey(certs[0])
	if err != nil {
		return nil, err
	}
	if err := trust(certs, opts.Roots[FormatTPM], opts.Now); err != nil {
		return nil, err
	}
	if err := checkCertify(&st, certs[0].PublicKey, alg, opts.KeyAuthorization); err != nil {
		return nil, err
	}
	spki, err := parsePublicArea(st.PubArea)
	if err != nil {
		return nil, err
	}
	s := &Statement{HardwareModule: names.module, SPKI: spki}
	if len(names.permanent) > 0 {
		s.PermanentIdentifier, s.OtherIdentifiers = names.permanent[0], names.permanent[1:]
	}
	return s, nil
}

// checkCertify checks that certInfo is signed by the attestation key, answers
// this challenge and is about pubArea (WebAuthn section 8.3, verification
// procedure).
func checkCertify(st *tpmStatement, ak crypto.PublicKey, alg x509x.SignatureAlgorithm, keyAuthorization string) error {
	if len(st.Signature) == 0 || len(st.CertInfo) == 0 || len(st.PubArea) == 0 {
		return bad("the statement lacks sig, certInfo or pubArea")
	}
	if x509x.Verify(alg, ak, st.CertInfo, tpmSignature(st.Signature, alg), false) != nil {
		return bad("the statement's signature is not the attestation key's over certInfo")
	}
	info, err := parseCertInfo(st.CertInfo)
	if err != nil {
		return err
	}
	// Deviation: WebAuthn section 8.3 takes the digest of alg; smallstep's
	// clients take SHA-256 whatever alg is, which is as good and so accepted.
	if !bytes.Equal(info.extraData, digest(alg.Hash(), keyAuthorization)) &&
		!bytes.Equal(info.extraData, digest(crypto.SHA256, keyAuthorization)) {
		return bad("certInfo is not about this challenge's key authorization")
	}
	name, err := objectName(st.PubArea)
	if err != nil {
		return err
	}
	if !bytes.Equal(info.name, name) {
		return bad("certInfo is not about the key in pubArea")
	}
	return nil
}

func digest(h crypto.Hash, s string) []byte {
	d := h.New()
	d.Write([]byte(s))
	return d.Sum(nil)
}

// checkAttestationKey checks the attestation key's certificate (WebAuthn
// section 8.3.1) and returns the names in it. Version and CA were looked at
// already.
func checkAttestationKey(c *x509.Certificate) (tpmNames, error) {
	if !bytes.Equal(c.RawSubject, []byte{0x30, 0}) {
		return tpmNames{}, bad("the attestation key's certificate has a subject; it must be empty")
	}
	if !c.BasicConstraintsValid {
		return tpmNames{}, bad("the attestation key's certificate has no basic constraints")
	}
	usages, err := x509x.ParseExtKeyUsage(extension(c, 2, 5, 29, 37))
	if err != nil || !slices.Contains(usages, "2.23.133.8.3") {
		return tpmNames{}, bad("the attestation key's certificate lacks the extended key usage tcg-kp-AIKCertificate")
	}
	names, err := readTPMNames(c)
	if err != nil {
		return tpmNames{}, err
	}
	// crypto/x509 does not know these kinds of names and so takes the extension,
	// which is critical for want of a subject, as unhandled. It is handled now.
	c.UnhandledCriticalExtensions = slices.DeleteFunc(c.UnhandledCriticalExtensions, isSAN)
	return names, nil
}
