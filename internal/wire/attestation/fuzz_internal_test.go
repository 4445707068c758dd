package attestation

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"testing"

	"github.com/google/go-tpm/tpm2"

	"github.com/certwright/certwright/internal/wire/x509x"
)

// FuzzTPM reaches the readers of TPM structures without a signature around
// them. What they accept, another decoder must take for the same.
func FuzzTPM(f *testing.F) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	point, _ := k.PublicKey.Bytes()
	attributes := tpm2.TPMAObject{FixedTPM: true, FixedParent: true, SensitiveDataOrigin: true}
	f.Add(tpm2.Marshal(tpm2.TPMTPublic{
		Type: tpm2.TPMAlgECC, NameAlg: tpm2.TPMAlgSHA256, ObjectAttributes: attributes,
		Parameters: tpm2.NewTPMUPublicParms(tpm2.TPMAlgECC, &tpm2.TPMSECCParms{CurveID: tpm2.TPMECCNistP256}),
		Unique: tpm2.NewTPMUPublicID(tpm2.TPMAlgECC, &tpm2.TPMSECCPoint{
			X: tpm2.TPM2BECCParameter{Buffer: point[1:33]}, Y: tpm2.TPM2BECCParameter{Buffer: point[33:]}}),
	}))
	f.Add(tpm2.Marshal(tpm2.TPMTPublic{
		Type: tpm2.TPMAlgRSA, NameAlg: tpm2.TPMAlgSHA512, ObjectAttributes: attributes,
		Parameters: tpm2.NewTPMUPublicParms(tpm2.TPMAlgRSA, &tpm2.TPMSRSAParms{KeyBits: 1024, Exponent: 3}),
		Unique:     tpm2.NewTPMUPublicID(tpm2.TPMAlgRSA, &tpm2.TPM2BPublicKeyRSA{Buffer: bytes.Repeat([]byte{0xff}, 128)}),
	}))
	f.Add(tpm2.Marshal(tpm2.TPMSAttest{
		Magic: tpm2.TPMGeneratedValue, Type: tpm2.TPMSTAttestCertify, ExtraData: tpm2.TPM2BData{Buffer: []byte{1}},
		Attested: tpm2.NewTPMUAttest(tpm2.TPMSTAttestCertify, &tpm2.TPMSCertifyInfo{Name: tpm2.TPM2BName{Buffer: []byte{0, 11}}}),
	}))
	f.Add([]byte{0, tpmECDSA, 0, tpmSHA256, 0, 1, 7, 0, 1, 8})
	f.Add([]byte{0x30, 0x05, 0x0c, 0x03, 'S', 'N', '1'})
	f.Add([]byte{0x30, 0x06, 0x06, 0x01, 0x2a, 0x04, 0x01, 0x07})
	f.Fuzz(func(t *testing.T, data []byte) {
		var names tpmNames
		_, _ = names.addPermanent(data), names.setModule(data)
		_ = tpmSignature(data, x509x.ECDSAWithSHA256)
		_ = unwrap(data)
		if info, err := parseCertInfo(data); err == nil {
			a, err := tpm2.Unmarshal[tpm2.TPMSAttest](data)
			if err != nil || !bytes.Equal(a.ExtraData.Buffer, info.extraData) {
				t.Fatalf("TPMS_ATTEST: %v", err)
			}
			c, err := a.Attested.Certify()
			if err != nil || !bytes.Equal(c.Name.Buffer, info.name) {
				t.Fatalf("TPMS_CERTIFY_INFO: %v", err)
			}
		}
		if spki, err := parsePublicArea(data); err == nil {
			comparePublicArea(t, data, spki)
		}
	})
}

func comparePublicArea(t *testing.T, data, spki []byte) {
	p, err := tpm2.Unmarshal[tpm2.TPMTPublic](data)
	if err != nil {
		t.Fatalf("TPMT_PUBLIC: %v", err)
	}
	pub, err := tpm2.Pub(*p)
	if err != nil {
		t.Fatalf("TPMT_PUBLIC: %v", err)
	}
	want, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil || !bytes.Equal(spki, want) {
		t.Errorf("TPMT_PUBLIC: %x, not %x (%v)", spki, want, err)
	}
	name, err := objectName(data)
	if other, e := tpm2.ObjectName(p); err == nil && (e != nil || !bytes.Equal(name, other.Buffer)) {
		t.Errorf("Name: %x (%v)", name, e)
	}
}
