//go:build !cgo || !hsm

package ca

import (
	"context"
	"crypto"

	"github.com/certwright/certwright/internal/core"
)

// openKMS answers that PKCS#11 is in the other build: it needs cgo, and the
// default binary is static.
func openKMS(_ context.Context, uri string) (crypto.Signer, error) {
	if err := checkKMS(uri); err != nil {
		return nil, err
	}
	return nil, core.Errorf(core.KindUnsupported, "this build has no PKCS#11; use make build-hsm").At("key")
}
