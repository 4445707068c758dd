//go:build cgo && hsm

package ca

import (
	"context"
	"crypto"

	"go.step.sm/crypto/kms/apiv1"
	"go.step.sm/crypto/kms/pkcs11"

	"github.com/certwright/certwright/internal/core"
)

// openKMS gets the signer behind a key URI (RFC 7512):
//
//	pkcs11:module-path=/usr/lib/softhsm/libsofthsm2.so;token=ca?pin-source=/etc/certwright/pin;id=01;object=issuing
//
// The key must exist: making keys in an HSM is the ceremony of its owner. The
// session lives as long as the process.
func openKMS(ctx context.Context, uri string) (crypto.Signer, error) {
	if err := checkKMS(uri); err != nil {
		return nil, err
	}
	manager, err := pkcs11.New(ctx, apiv1.Options{Type: apiv1.PKCS11, URI: uri})
	if err != nil {
		return nil, core.Wrap(core.KindUnavailable, err, "the PKCS#11 token cannot be opened").At("key")
	}
	signer, err := manager.CreateSigner(&apiv1.CreateSignerRequest{SigningKey: uri})
	if err != nil {
		_ = manager.Close()
		return nil, core.Wrap(core.KindUnavailable, err, "the key was not found in the PKCS#11 token").At("key")
	}
	return signer, nil
}
