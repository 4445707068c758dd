//go:build !(cgo && hsm)

package secret

import "github.com/certwright/certwright/internal/core"

// newPKCS11Source answers that this build has no PKCS#11.
func newPKCS11Source(string) (source, error) {
	return nil, core.Errorf(core.KindUnsupported,
		"this build cannot use a key-encryption key in a PKCS#11 module; build one that can with: make build-hsm").At("kek")
}
