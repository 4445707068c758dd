package x509x

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Verify checks a signature over signed. It returns ErrUnsupported when key and
// algorithm do not belong together, ErrSignature when the signature is wrong,
// and ErrWeakSignature for SHA-1 unless allowSHA1.
func Verify(alg SignatureAlgorithm, pub crypto.PublicKey, signed, signature []byte, allowSHA1 bool) error {
	info := alg.info()
	if !alg.Matches(pub) {
		return fmt.Errorf("%w: %s with key of type %T", ErrUnsupported, alg, pub)
	}
	if info.hash == crypto.SHA1 && !allowSHA1 {
		return ErrWeakSignature
	}
	if info.family == familyEd25519 {
		k, ok := pub.(ed25519.PublicKey)
		if !ok || !ed25519.Verify(k, signed, signature) {
			return ErrSignature
		}
		return nil
	}
	h := info.hash.New()
	h.Write(signed)
	var buf [64]byte
	return VerifyDigest(alg, pub, h.Sum(buf[:0]), signature)
}

// VerifyDigest checks a signature over a digest made with alg.Hash(), SHA-1
// included; Ed25519 has no such form and is ErrUnsupported.
func VerifyDigest(alg SignatureAlgorithm, pub crypto.PublicKey, digest, signature []byte) error {
	info := alg.info()
	good := false
	switch k := pub.(type) {
	case *rsa.PublicKey:
		switch info.family {
		case familyRSA:
			good = rsa.VerifyPKCS1v15(k, info.hash, digest, signature) == nil
		case familyPSS:
			opts := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto, Hash: info.hash}
			good = rsa.VerifyPSS(k, info.hash, digest, signature, opts) == nil
		default:
			return fmt.Errorf("%w: %s with RSA key", ErrUnsupported, alg)
		}
	case *ecdsa.PublicKey:
		if info.family != familyEC {
			return fmt.Errorf("%w: %s with EC key", ErrUnsupported, alg)
		}
		good = ecdsa.VerifyASN1(k, digest, signature)
	default:
		return fmt.Errorf("%w: %s with key of type %T", ErrUnsupported, alg, pub)
	}
	if !good {
		return ErrSignature
	}
	return nil
}

// SignOctets signs octets with the algorithm and returns the bare signature. It
// refuses SHA-1 and a key that does not belong to the algorithm.
func SignOctets(octets []byte, alg SignatureAlgorithm, signer crypto.Signer) ([]byte, error) {
	info := alg.info()
	if !alg.Matches(signer.Public()) || info.hash == crypto.SHA1 {
		return nil, fmt.Errorf("%w: %s with key of type %T", ErrUnsupported, alg, signer.Public())
	}
	if info.family == familyEd25519 {
		return signer.Sign(rand.Reader, octets, crypto.Hash(0))
	}
	h := info.hash.New()
	h.Write(octets)
	var buf [64]byte
	var opts crypto.SignerOpts = info.hash
	if info.family == familyPSS {
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: info.hash}
	}
	return signer.Sign(rand.Reader, h.Sum(buf[:0]), opts)
}

// Sign signs a to-be-signed certificate, CRL or request and returns the whole
// structure as DER. alg must be the one written inside tbs.
func Sign(tbs []byte, alg SignatureAlgorithm, signer crypto.Signer) ([]byte, error) {
	signature, err := SignOctets(tbs, alg, signer)
	if err != nil {
		return nil, err
	}
	return Assemble(tbs, alg, signature)
}

// Assemble joins a to-be-signed part with its signature: SEQUENCE {tbs,
// AlgorithmIdentifier, BIT STRING} (RFC 5280 4.1.1, 5.1.1, RFC 2986 4.2).
func Assemble(tbs []byte, alg SignatureAlgorithm, signature []byte) ([]byte, error) {
	der := alg.info().der
	if der == "" {
		return nil, fmt.Errorf("%w: signature %d", ErrUnsupported, alg)
	}
	b := cryptobyte.NewBuilder(make([]byte, 0, len(tbs)+len(der)+len(signature)+16))
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(tbs)
		b.AddBytes([]byte(der))
		b.AddASN1BitString(signature)
	})
	return b.Bytes()
}
