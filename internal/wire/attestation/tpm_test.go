package attestation_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"

	"github.com/google/go-tpm/tpm2"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/x509x"
)

func TestTPM(t *testing.T) {
	l := newLab(t)
	opts := l.options()
	s := good(t, l.tpm(), opts, l.key.Public())
	if s.Format != "tpm" || s.PermanentIdentifier != "urn:device:1" || len(s.OtherIdentifiers) != 1 || s.HardwareModule != "1.3.6.1.4.1.99999:01ab" {
		t.Errorf("%+v", s)
	}
	for id, want := range map[core.Identifier]bool{
		{Type: core.IdentifierPermanent, Value: "urn:device:1"}:           true,
		{Type: core.IdentifierPermanent, Value: "SN1"}:                    true,
		{Type: core.IdentifierPermanent, Value: "1.3.6.1.4.1.99999:01ab"}: false,
		{Type: core.IdentifierHardware, Value: "1.3.6.1.4.1.99999:01ab"}:  true,
		{Type: core.IdentifierHardware, Value: "SN1"}:                     false,
	} {
		if s.Proves(id) != want {
			t.Errorf("Proves(%v) is not %v", id, want)
		}
	}
	// An identifier with its assigner (RFC 4043).
	assigned := x509x.GeneralName{Kind: x509x.KindOther, OID: "1.3.6.1.5.5.7.8.3", Raw: []byte("\x30\x09\x0c\x03SN2\x06\x02\x2a\x03")}
	s = good(t, l.object("tpm", l.statement(l.akLeaf(l.san(true, tpmName(), assigned)), ecArea(&l.key.PublicKey), nil)), opts, l.key.Public())
	if s.PermanentIdentifier != "SN2" {
		t.Errorf("%+v", s)
	}
	// A module alone, and an RSA key.
	ak := l.akLeaf(l.san(true, tpmName(), l.module("\x02"), l.permanent("")))
	s = good(t, l.object("tpm", l.statement(ak, rsaArea(&l.rsa.PublicKey), nil)), opts, l.rsa.Public())
	if s.PermanentIdentifier != "" || s.Proves(core.Identifier{Type: core.IdentifierPermanent}) || s.HardwareModule != "1.3.6.1.4.1.99999:02" {
		t.Errorf("%+v", s)
	}
}

// An RSA attestation key, with all digests, as TPMT_SIGNATURE and bare.
func TestTPMWithRSA(t *testing.T) {
	l := newLab(t)
	area := ecArea(&l.key.PublicKey)
	sum256, sum384, sum1 := sha256.Sum256([]byte(keyAuth)), sha512.Sum384([]byte(keyAuth)), sha1.Sum([]byte(keyAuth))
	sign := func(h crypto.Hash, opts crypto.SignerOpts, info []byte) []byte {
		d := h.New()
		d.Write(info)
		sig, err := l.rsa.Sign(rand.Reader, d.Sum(nil), opts)
		if err != nil {
			t.Fatal(err)
		}
		return sig
	}
	wrap := func(scheme, hash tpm2.TPMAlgID, sig []byte) []byte {
		v := &tpm2.TPMSSignatureRSA{Hash: hash, Sig: tpm2.TPM2BPublicKeyRSA{Buffer: sig}}
		return tpm2.Marshal(tpm2.TPMTSignature{SigAlg: scheme, Signature: tpm2.NewTPMUSignature(scheme, v)})
	}
	object := func(alg int, info, sig []byte) []byte {
		return l.object("tpm", l.signed(l.goodAK(), tpm2.Marshal(area), info),
			stmt{"alg": alg, "x5c": l.chain(l.goodAK(), l.rsa.Public()), "sig": sig})
	}
	info := tpm2.Marshal(l.certifyInfo(&area, sum256[:]))
	info384 := tpm2.Marshal(l.certifyInfo(&area, sum384[:]))
	info1 := tpm2.Marshal(l.certifyInfo(&area, sum1[:]))
	pss := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
	opts := l.options()
	good(t, object(-257, info, sign(crypto.SHA256, crypto.SHA256, info)), opts, l.key.Public())
	good(t, object(-257, info, wrap(tpm2.TPMAlgRSASSA, tpm2.TPMAlgSHA256, sign(crypto.SHA256, crypto.SHA256, info))), opts, l.key.Public())
	good(t, object(-37, info, wrap(tpm2.TPMAlgRSAPSS, tpm2.TPMAlgSHA256, sign(crypto.SHA256, pss, info))), opts, l.key.Public())
	good(t, object(-258, info384, wrap(tpm2.TPMAlgRSASSA, tpm2.TPMAlgSHA384, sign(crypto.SHA384, crypto.SHA384, info384))), opts, l.key.Public())
	good(t, object(-258, info, sign(crypto.SHA384, crypto.SHA384, info)), opts, l.key.Public())

	const wrong = "signature is not"
	refused(t, object(-257, info384, sign(crypto.SHA256, crypto.SHA256, info384)), opts, "key authorization")
	refused(t, object(-257, info, sign(crypto.SHA384, crypto.SHA384, info)), opts, wrong)
	refused(t, object(-257, info, wrap(tpm2.TPMAlgRSASSA, tpm2.TPMAlgSHA384, sign(crypto.SHA256, crypto.SHA256, info))), opts, wrong)
	refused(t, object(-257, info, wrap(tpm2.TPMAlgRSAPSS, tpm2.TPMAlgSHA256, sign(crypto.SHA256, pss, info))), opts, wrong)
	refused(t, object(-7, info, sign(crypto.SHA256, crypto.SHA256, info)), opts, wrong)
	refused(t, object(-65535, info1, sign(crypto.SHA1, crypto.SHA1, info1)), opts, "(alg)")
}

func TestTPMStatement(t *testing.T) {
	l := newLab(t)
	opts := l.options()
	area := ecArea(&l.key.PublicKey)
	for _, c := range []struct {
		change stmt
		words  string
	}{
		{stmt{"ver": nil}, "(ver)"},
		{stmt{"ver": "1.2"}, "(ver)"},
		{stmt{"ver": 2}, "not of format tpm"},
		{stmt{"alg": nil}, "(alg)"},
		{stmt{"alg": -8}, "(alg)"},
		{stmt{"alg": -35}, "signature is not"},
		{stmt{"sig": nil}, "lacks sig"},
		{stmt{"sig": []byte("no")}, "signature is not"},
		{stmt{"sig": l.ecSignature(l.key, []byte("x"))}, "signature is not"},
		{stmt{"certInfo": nil}, "lacks sig"},
		{stmt{"certInfo": []byte("no")}, "signature is not"},
		{stmt{"pubArea": nil}, "lacks sig"},
		{stmt{"pubArea": []byte("no")}, "pubArea cannot be read"},
		{stmt{"pubArea": tpm2.Marshal(ecArea(&l.ak.PublicKey))}, "not about the key"},
	} {
		refused(t, l.tpm(c.change), opts, c.words)
	}
	for words, change := range map[string]func(*tpm2.TPMSAttest){
		"not made by a TPM": func(a *tpm2.TPMSAttest) { a.Magic = 0xff544348 },
		"does not certify": func(a *tpm2.TPMSAttest) {
			a.Type = tpm2.TPMSTAttestCreation
			a.Attested = tpm2.NewTPMUAttest(a.Type, &tpm2.TPMSCreationInfo{})
		},
		"key authorization": func(a *tpm2.TPMSAttest) { a.ExtraData.Buffer[0] ^= 1 },
		"not about the key": func(a *tpm2.TPMSAttest) {
			a.Attested = tpm2.NewTPMUAttest(a.Type, &tpm2.TPMSCertifyInfo{})
		},
	} {
		refused(t, l.object("tpm", l.statement(l.goodAK(), area, change)), opts, words)
	}
	sum := sha256.Sum256([]byte(keyAuth))
	info := tpm2.Marshal(l.certifyInfo(&area, sum[:]))
	for _, cut := range [][]byte{append(bytes.Clone(info), 0), info[:len(info)-1], info[:20]} {
		refused(t, l.object("tpm", l.signed(l.goodAK(), tpm2.Marshal(area), cut)), opts, "certInfo cannot be read")
	}
	opts.KeyAuthorization = token + ".other"
	refused(t, l.tpm(), opts, "key authorization")
}

func TestTPMPublicArea(t *testing.T) {
	l := newLab(t)
	opts := l.options()
	const unread = "pubArea cannot be read"
	eccParms := func(change func(*tpm2.TPMSECCParms)) func(*tpm2.TPMTPublic) {
		return func(p *tpm2.TPMTPublic) {
			parms, err := p.Parameters.ECCDetail()
			if err != nil {
				t.Fatal(err)
			}
			change(parms)
			p.Parameters = tpm2.NewTPMUPublicParms(tpm2.TPMAlgECC, parms)
		}
	}
	for _, c := range []struct {
		words  string
		change func(*tpm2.TPMTPublic)
	}{
		{"may leave it", func(p *tpm2.TPMTPublic) { p.ObjectAttributes.FixedTPM = false }},
		{"may leave it", func(p *tpm2.TPMTPublic) { p.ObjectAttributes.FixedParent = false }},
		{"may leave it", func(p *tpm2.TPMTPublic) { p.ObjectAttributes.SensitiveDataOrigin = false }},
		{"restricted", func(p *tpm2.TPMTPublic) { p.ObjectAttributes.Restricted = true }},
		{"name algorithm", func(p *tpm2.TPMTPublic) { p.NameAlg = tpm2.TPMAlgSHA1 }},
		{unread, func(p *tpm2.TPMTPublic) { // not on the curve
			p.Unique = tpm2.NewTPMUPublicID(tpm2.TPMAlgECC, &tpm2.TPMSECCPoint{X: tpm2.TPM2BECCParameter{Buffer: []byte{1}}, Y: tpm2.TPM2BECCParameter{Buffer: []byte{1}}})
		}},
		{unread, func(p *tpm2.TPMTPublic) {
			p.Unique = tpm2.NewTPMUPublicID(tpm2.TPMAlgECC, &tpm2.TPMSECCPoint{X: tpm2.TPM2BECCParameter{Buffer: make([]byte, 33)}})
		}},
		{unread, eccParms(func(p *tpm2.TPMSECCParms) { p.CurveID = tpm2.TPMECCNistP384 })},
		{unread, eccParms(func(p *tpm2.TPMSECCParms) { p.CurveID = tpm2.TPMECCBNP256 })},
		{unread, eccParms(func(p *tpm2.TPMSECCParms) {
			p.Symmetric = tpm2.TPMTSymDefObject{Algorithm: tpm2.TPMAlgAES,
				KeyBits: tpm2.NewTPMUSymKeyBits(tpm2.TPMAlgAES, tpm2.TPMKeyBits(128)), Mode: tpm2.NewTPMUSymMode(tpm2.TPMAlgAES, tpm2.TPMAlgCFB)}
		})},
		{unread, eccParms(func(p *tpm2.TPMSECCParms) {
			p.KDF = tpm2.TPMTKDFScheme{Scheme: tpm2.TPMAlgMGF1, Details: tpm2.NewTPMUKDFScheme(tpm2.TPMAlgMGF1, &tpm2.TPMSKDFSchemeMGF1{HashAlg: tpm2.TPMAlgSHA256})}
		})},
		{unread, func(p *tpm2.TPMTPublic) {
			*p = rsaArea(&l.rsa.PublicKey)
			p.Parameters = tpm2.NewTPMUPublicParms(tpm2.TPMAlgRSA, &tpm2.TPMSRSAParms{KeyBits: 1024})
		}},
		{"kind that is not supported", func(p *tpm2.TPMTPublic) {
			p.Type = tpm2.TPMAlgKeyedHash
			p.Parameters = tpm2.NewTPMUPublicParms(p.Type, &tpm2.TPMSKeyedHashParms{})
			p.Unique = tpm2.NewTPMUPublicID(p.Type, &tpm2.TPM2BDigest{Buffer: []byte{1}})
		}},
	} {
		area := ecArea(&l.key.PublicKey)
		c.change(&area)
		sum := sha256.Sum256([]byte(keyAuth))
		info := l.certifyInfo(&area, sum[:])
		refused(t, l.object("tpm", l.signed(l.goodAK(), tpm2.Marshal(area), tpm2.Marshal(info))), opts, c.words)
	}
	// Octets more or less, with the name that they have.
	whole := tpm2.Marshal(ecArea(&l.key.PublicKey))
	for _, octets := range [][]byte{append(bytes.Clone(whole), 0), whole[:len(whole)-1], whole[:9], whole[:4]} {
		area := ecArea(&l.key.PublicKey)
		refused(t, l.object("tpm", l.statement(l.goodAK(), area, func(a *tpm2.TPMSAttest) {
			sum := sha256.Sum256(octets)
			a.Attested = tpm2.NewTPMUAttest(a.Type, &tpm2.TPMSCertifyInfo{Name: tpm2.TPM2BName{Buffer: append([]byte{0, 11}, sum[:]...)}})
		}), stmt{"pubArea": octets}), opts, unread)
	}
}

func TestAttestationKey(t *testing.T) {
	l := newLab(t)
	opts := l.options()
	ak := func(change func(*x509.Certificate)) []byte {
		c := l.goodAK()
		change(c)
		return l.object("tpm", l.statement(c, ecArea(&l.key.PublicKey), nil))
	}
	refused(t, ak(func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: "AK"} }), opts, "must be empty")
	refused(t, ak(func(c *x509.Certificate) { c.BasicConstraintsValid = false }), opts, "basic constraints")
	refused(t, ak(func(c *x509.Certificate) { c.BasicConstraintsValid, c.IsCA = true, true }), opts, "end entity's")
	refused(t, ak(func(c *x509.Certificate) { c.UnknownExtKeyUsage = nil }), opts, "tcg-kp-AIKCertificate")
	refused(t, ak(func(c *x509.Certificate) { c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{2, 23, 133, 8, 1}} }), opts, "tcg-kp-AIKCertificate")
	refused(t, ak(func(c *x509.Certificate) { c.ExtraExtensions = nil }), opts, "manufacturer")
	p := l.permanent("SN1")
	odd := func(oid, der string) x509x.GeneralName {
		return x509x.GeneralName{Kind: x509x.KindOther, OID: oid, Raw: []byte(der)}
	}
	for _, c := range []struct {
		words string
		san   pkix.Extension
	}{
		{"not critical", l.san(false, tpmName(), p)},
		{"manufacturer", l.san(true, nil, p)},
		{"manufacturer", l.san(true, tpmName()[1:], p)},
		{"manufacturer", l.san(true, tpmName()[:2], p)},
		{"neither permanent identifier nor", l.san(true, tpmName())},
		{"neither permanent identifier nor", l.san(true, tpmName(), l.permanent(""))},
		{"identifier that cannot be read", l.san(true, tpmName(), l.permanent(" SN1"))},
		{"identifier that cannot be read", l.san(true, tpmName(), l.permanent("SN\u00e9"))},
		{"identifier that cannot be read", l.san(true, tpmName(), odd("1.3.6.1.5.5.7.8.3", "\x0c\x011"))},
		{"identifier that cannot be read", l.san(true, tpmName(), odd("1.3.6.1.5.5.7.8.3", "\x30\x05\x0c\x011\x05\x00"))},
		{"module name that cannot be read", l.san(true, tpmName(), l.module(""))},
		{"module name that cannot be read", l.san(true, tpmName(), odd("1.3.6.1.5.5.7.8.4", "\x30\x00"))},
		{"several hardware module names", l.san(true, tpmName(), l.module("1"), l.module("2"))},
		{"name that cannot be read", pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Critical: true, Value: []byte{0x30, 3, 0xa8, 1, 0}}},
	} {
		refused(t, l.object("tpm", l.statement(l.akLeaf(c.san), ecArea(&l.key.PublicKey), nil)), opts, c.words)
	}
}
