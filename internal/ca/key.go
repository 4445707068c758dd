package ca

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"strconv"
	"strings"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// softKey is the scheme of core.Issuer.Key for keys in the database.
const softKey = "sealed:"

// generate makes a key pair of an algorithm such as "ECDSA P-256", "RSA 3072"
// or "Ed25519".
func generate(algorithm string) (crypto.Signer, error) {
	key, err := x509x.GenerateKey(algorithm, 8192)
	if errors.Is(err, x509x.ErrAlgorithm) {
		err = core.Errorf(core.KindInvalid, "a CA key cannot be %q; use ECDSA P-256, P-384, P-521, Ed25519 or RSA 2048 to 8192", algorithm).At("algorithm")
	}
	return key, err
}

// algorithmName is the text in core.Issuer.Algorithm and core.Certificate.
func algorithmName(pub crypto.PublicKey) string {
	alg, bits, curve := x509x.PublicKeyInfo(pub)
	switch {
	case curve != "":
		return alg + " " + curve
	case alg == "RSA":
		return alg + " " + strconv.Itoa(bits)
	}
	return alg
}

// seal encrypts a key as PKCS#8. The plain octets are overwritten afterwards.
func (c *CA) seal(key crypto.Signer, place string) ([]byte, error) {
	plain, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, core.Wrap(core.KindInternal, err, "")
	}
	defer clear(plain)
	sealed, err := c.d.Sealer.Seal(plain, place)
	if err != nil {
		return nil, core.Wrap(core.KindUnavailable, err, "the CA key cannot be sealed")
	}
	return sealed, nil
}

// unseal is the reverse of seal.
func (c *CA) unseal(sealed []byte, place string) (crypto.Signer, error) {
	plain, err := c.d.Sealer.Open(sealed, place)
	if err != nil {
		return nil, core.Wrap(core.KindUnavailable, err, "a key of the CA cannot be unsealed")
	}
	defer clear(plain)
	key, err := x509.ParsePKCS8PrivateKey(plain)
	if err != nil {
		return nil, core.Wrap(core.KindInternal, err, "")
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, core.Errorf(core.KindInternal, "")
	}
	return signer, nil
}

func issuerPlace(id core.IssuerID) string    { return "issuer-key:" + string(id) }
func responderPlace(id core.IssuerID) string { return "responder-key:" + string(id) }

// newKey makes the key of a new issuer, or takes the one that a key URI names,
// and sets the key fields.
func (c *CA) newKey(ctx context.Context, i *core.Issuer, key string) (crypto.Signer, error) {
	if isKMS(key) {
		signer, err := openKMS(ctx, key)
		if err != nil {
			return nil, err
		}
		if _, err := x509x.SignatureAlgorithmFor(signer.Public()); err != nil {
			return nil, core.Wrap(core.KindBadKey, err, "the key behind the URI is of a kind that cannot sign certificates").At("key")
		}
		i.Key, i.Algorithm = key, algorithmName(signer.Public())
		return signer, nil
	}
	signer, err := generate(key)
	if err != nil {
		return nil, err
	}
	i.Key, i.Algorithm = softKey+string(core.NewID[core.KeyID](c.d.Now())), key
	i.KeySealed, err = c.seal(signer, issuerPlace(i.ID))
	return signer, err
}

// openKey gets the signer of an issuer.
func (c *CA) openKey(ctx context.Context, i *core.Issuer) (crypto.Signer, error) {
	switch {
	case isKMS(i.Key):
		return openKMS(ctx, i.Key)
	case len(i.KeySealed) == 0:
		return nil, core.Errorf(core.KindConflict, "this server has no key of the issuer %s", i.Name)
	}
	return c.unseal(i.KeySealed, issuerPlace(i.ID))
}

// isKMS reports whether the text is the URI of a key outside the database.
func isKMS(key string) bool { return strings.HasPrefix(key, "pkcs11:") }

// checkKMS refuses URIs that would put a PIN into the database.
func checkKMS(uri string) error {
	if strings.Contains(uri, "pin-value") {
		return core.Errorf(core.KindInvalid, "a key URI must not contain the PIN; name a file with pin-source").At("key")
	}
	return nil
}

// sign signs a to-be-signed structure. RSA signatures are verified before they
// are given out: one faulty signature made with the CRT betrays the key (Boneh,
// DeMillo, Lipton 1997), and a KMS may not check itself.
func sign(tbs []byte, alg x509x.SignatureAlgorithm, key crypto.Signer) (der, signature []byte, err error) {
	signature, err = x509x.SignOctets(tbs, alg, key)
	if err != nil {
		return nil, nil, core.Wrap(core.KindUnavailable, err, "the CA key cannot sign now")
	}
	if _, ok := key.Public().(*rsa.PublicKey); ok {
		if err := x509x.Verify(alg, key.Public(), tbs, signature, false); err != nil {
			return nil, nil, core.Wrap(core.KindInternal, err, "")
		}
	}
	der, err = x509x.Assemble(tbs, alg, signature)
	if err != nil {
		return nil, nil, core.Wrap(core.KindInternal, err, "")
	}
	return der, signature, nil
}
