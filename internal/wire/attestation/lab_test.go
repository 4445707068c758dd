package attestation_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"maps"
	"math/big"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-tpm/tpm2"

	"github.com/certwright/certwright/internal/wire/attestation"
	"github.com/certwright/certwright/internal/wire/x509x"
)

const (
	token   = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
	keyAuth = token + ".NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
)

// lab is a maker of devices: a root, an intermediate, and keys.
type lab struct {
	testing.TB
	now     time.Time
	roots   *x509.CertPool
	root    *x509.Certificate
	ca      *x509.Certificate
	rootKey *ecdsa.PrivateKey
	caKey   *ecdsa.PrivateKey
	key     *ecdsa.PrivateKey // the attested key
	ak      *ecdsa.PrivateKey
	rsa     *rsa.PrivateKey
}

func ec(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newLab(t testing.TB) *lab {
	t.Helper()
	l := &lab{TB: t, now: time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC), roots: x509.NewCertPool(),
		rootKey: ec(t), caKey: ec(t), key: ec(t), ak: ec(t)}
	var err error
	if l.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	ca := func(name string, days int) *x509.Certificate {
		return &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true,
			BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
			NotBefore: l.now.AddDate(0, 0, -days), NotAfter: l.now.AddDate(0, 0, days)}
	}
	l.root = l.certify(ca("Root", 900), ca("Root", 900), l.rootKey.Public(), l.rootKey)
	l.ca = l.certify(ca("Maker", 90), l.root, l.caKey.Public(), l.rootKey)
	l.roots.AddCert(l.root)
	return l
}

func (l *lab) certify(tmpl, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) *x509.Certificate {
	l.Helper()
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, pub, key)
	if err != nil {
		l.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		l.Fatal(err)
	}
	return c
}

func (l *lab) options() attestation.Options {
	return attestation.Options{Token: token, KeyAuthorization: keyAuth, Now: l.now,
		Roots: map[string]*x509.CertPool{"apple": l.roots, "step": l.roots, "tpm": l.roots}}
}

// leaf is the template of an end entity's certificate.
func (l *lab) leaf(ext ...pkix.Extension) *x509.Certificate {
	return &x509.Certificate{SerialNumber: big.NewInt(7), NotBefore: l.now.Add(-time.Hour), NotAfter: l.now.Add(time.Hour),
		ExtraExtensions: ext}
}

// chain issues a certificate and returns it with that of the intermediate.
func (l *lab) chain(tmpl *x509.Certificate, pub crypto.PublicKey) []any {
	l.Helper()
	return []any{l.certify(tmpl, l.ca, pub, l.caKey).Raw, l.ca.Raw}
}

func ext(value []byte, oid ...int) pkix.Extension { return pkix.Extension{Id: oid, Value: value} }

func enc(t testing.TB, v any) []byte {
	t.Helper()
	b, err := cbor.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type stmt map[string]any

// object encodes an attestation object after changes to its statement.
func (l *lab) object(format string, s stmt, change ...stmt) []byte {
	l.Helper()
	for _, c := range change {
		maps.Copy(s, c)
	}
	maps.DeleteFunc(s, func(_ string, v any) bool { return v == nil })
	return enc(l, map[string]any{"fmt": format, "attStmt": s})
}

// appleLeaf is the certificate that Apple makes for a key.
func (l *lab) appleLeaf(serial, udid, fresh string) *x509.Certificate {
	sum := sha256.Sum256([]byte(fresh))
	list := []pkix.Extension{ext([]byte("16.4"), 1, 2, 840, 113635, 100, 8, 10, 2)}
	if fresh != "" {
		list = append(list, ext(sum[:], 1, 2, 840, 113635, 100, 8, 11, 1))
	}
	if serial != "" {
		list = append(list, ext([]byte(serial), 1, 2, 840, 113635, 100, 8, 9, 1))
	}
	if udid != "" {
		list = append(list, ext([]byte(udid), 1, 2, 840, 113635, 100, 8, 9, 2))
	}
	return l.leaf(list...)
}

func (l *lab) apple(tmpl *x509.Certificate, change ...stmt) []byte {
	l.Helper()
	return l.object("apple", stmt{"x5c": l.chain(tmpl, l.key.Public())}, change...)
}

func (l *lab) stepLeaf() *x509.Certificate {
	serial, _ := asn1.Marshal(12345678)
	return l.leaf(ext([]byte{5, 4, 3}, 1, 3, 6, 1, 4, 1, 41482, 3, 3), ext(serial, 1, 3, 6, 1, 4, 1, 41482, 3, 7))
}

func (l *lab) sign(k crypto.Signer, msg []byte) []byte {
	l.Helper()
	sum := sha256.Sum256(msg)
	sig, err := k.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		l.Fatal(err)
	}
	return sig
}

func (l *lab) step(tmpl *x509.Certificate, change ...stmt) []byte {
	l.Helper()
	return l.object("step", stmt{"alg": -7, "sig": enc(l, l.sign(l.key, []byte(keyAuth))), "x5c": l.chain(tmpl, l.key.Public())}, change...)
}

// san makes a subject alternative name of a directory name and other names.
func (l *lab) san(critical bool, tpm x509x.Name, other ...x509x.GeneralName) pkix.Extension {
	l.Helper()
	names := other
	if tpm != nil {
		dn, err := tpm.Marshal()
		if err != nil {
			l.Fatal(err)
		}
		names = append([]x509x.GeneralName{{Kind: x509x.KindDirectory, Raw: dn}}, other...)
	}
	value, err := x509x.MarshalSAN(names)
	if err != nil {
		l.Fatal(err)
	}
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Critical: critical, Value: value}
}

func tpmName() x509x.Name {
	return x509x.Name{{OID: "2.23.133.2.1", Value: "id:414D4400"}, {OID: "2.23.133.2.2", Value: "fTPM"}, {OID: "2.23.133.2.3", Value: "id:00030057"}}
}

func (l *lab) other(oid string, v any) x509x.GeneralName {
	l.Helper()
	der, err := asn1.Marshal(v)
	if err != nil {
		l.Fatal(err)
	}
	return x509x.GeneralName{Kind: x509x.KindOther, OID: oid, Raw: der}
}

func (l *lab) permanent(value string) x509x.GeneralName {
	return l.other("1.3.6.1.5.5.7.8.3", struct {
		Value    string                `asn1:"utf8,optional"`
		Assigner asn1.ObjectIdentifier `asn1:"optional"`
	}{Value: value})
}

func (l *lab) module(serial string) x509x.GeneralName {
	return l.other("1.3.6.1.5.5.7.8.4", struct {
		Type   asn1.ObjectIdentifier
		Serial []byte
	}{asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999}, []byte(serial)})
}

func (l *lab) akLeaf(san ...pkix.Extension) *x509.Certificate {
	c := l.leaf(san...)
	c.BasicConstraintsValid = true
	c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{2, 23, 133, 8, 3}}
	return c
}

func (l *lab) goodAK() *x509.Certificate {
	return l.akLeaf(l.san(true, tpmName(), l.permanent("urn:device:1"), l.permanent("SN1"), l.module("\x01\xab")))
}

// ecArea is the public area of an EC signing key as TPM2_Create makes it.
func ecArea(pub *ecdsa.PublicKey) tpm2.TPMTPublic {
	point, _ := pub.Bytes()
	return tpm2.TPMTPublic{
		Type: tpm2.TPMAlgECC, NameAlg: tpm2.TPMAlgSHA256,
		ObjectAttributes: tpm2.TPMAObject{FixedTPM: true, FixedParent: true, SensitiveDataOrigin: true, UserWithAuth: true, SignEncrypt: true},
		Parameters: tpm2.NewTPMUPublicParms(tpm2.TPMAlgECC, &tpm2.TPMSECCParms{
			Scheme: tpm2.TPMTECCScheme{Scheme: tpm2.TPMAlgECDSA,
				Details: tpm2.NewTPMUAsymScheme(tpm2.TPMAlgECDSA, &tpm2.TPMSSigSchemeECDSA{HashAlg: tpm2.TPMAlgSHA256})},
			CurveID: tpm2.TPMECCNistP256,
		}),
		Unique: tpm2.NewTPMUPublicID(tpm2.TPMAlgECC, &tpm2.TPMSECCPoint{
			X: tpm2.TPM2BECCParameter{Buffer: point[1:33]}, Y: tpm2.TPM2BECCParameter{Buffer: point[33:]}}),
	}
}

// rsaArea is the same of an RSA key, with the scheme left open.
func rsaArea(pub *rsa.PublicKey) tpm2.TPMTPublic {
	return tpm2.TPMTPublic{
		Type: tpm2.TPMAlgRSA, NameAlg: tpm2.TPMAlgSHA384,
		ObjectAttributes: tpm2.TPMAObject{FixedTPM: true, FixedParent: true, SensitiveDataOrigin: true, SignEncrypt: true},
		AuthPolicy:       tpm2.TPM2BDigest{Buffer: []byte{1, 2, 3}},
		Parameters:       tpm2.NewTPMUPublicParms(tpm2.TPMAlgRSA, &tpm2.TPMSRSAParms{KeyBits: tpm2.TPMKeyBits(pub.N.BitLen())}),
		Unique:           tpm2.NewTPMUPublicID(tpm2.TPMAlgRSA, &tpm2.TPM2BPublicKeyRSA{Buffer: pub.N.Bytes()}),
	}
}

func (l *lab) certifyInfo(area *tpm2.TPMTPublic, extra []byte) tpm2.TPMSAttest {
	l.Helper()
	name, err := tpm2.ObjectName(area)
	if err != nil {
		l.Fatal(err)
	}
	return tpm2.TPMSAttest{
		Magic: tpm2.TPMGeneratedValue, Type: tpm2.TPMSTAttestCertify,
		QualifiedSigner: tpm2.TPM2BName{Buffer: []byte{0, 11, 1}},
		ExtraData:       tpm2.TPM2BData{Buffer: extra},
		ClockInfo:       tpm2.TPMSClockInfo{Clock: 99, ResetCount: 3, Safe: true},
		FirmwareVersion: 5,
		Attested:        tpm2.NewTPMUAttest(tpm2.TPMSTAttestCertify, &tpm2.TPMSCertifyInfo{Name: *name, QualifiedName: tpm2.TPM2BName{Buffer: []byte{0, 11, 2}}}),
	}
}

// ecSignature is a TPMT_SIGNATURE.
func (l *lab) ecSignature(k *ecdsa.PrivateKey, msg []byte) []byte {
	l.Helper()
	var rs struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(l.sign(k, msg), &rs); err != nil {
		l.Fatal(err)
	}
	return tpm2.Marshal(tpm2.TPMTSignature{SigAlg: tpm2.TPMAlgECDSA, Signature: tpm2.NewTPMUSignature(tpm2.TPMAlgECDSA, &tpm2.TPMSSignatureECC{
		Hash: tpm2.TPMAlgSHA256, SignatureR: tpm2.TPM2BECCParameter{Buffer: rs.R.Bytes()}, SignatureS: tpm2.TPM2BECCParameter{Buffer: rs.S.Bytes()}})})
}

// statement has the TPM certify an area for the challenge, after a change to
// what it signs.
func (l *lab) statement(ak *x509.Certificate, area tpm2.TPMTPublic, change func(*tpm2.TPMSAttest)) stmt {
	l.Helper()
	sum := sha256.Sum256([]byte(keyAuth))
	info := l.certifyInfo(&area, sum[:])
	if change != nil {
		change(&info)
	}
	return l.signed(ak, tpm2.Marshal(area), tpm2.Marshal(info))
}

// signed makes a statement of octets as they are.
func (l *lab) signed(ak *x509.Certificate, area, info []byte) stmt {
	l.Helper()
	return stmt{"ver": "2.0", "alg": -7, "x5c": l.chain(ak, l.ak.Public()), "sig": l.ecSignature(l.ak, info), "certInfo": info, "pubArea": area}
}

func (l *lab) tpm(change ...stmt) []byte {
	l.Helper()
	return l.object("tpm", l.statement(l.goodAK(), ecArea(&l.key.PublicKey), nil), change...)
}
