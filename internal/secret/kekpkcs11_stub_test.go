//go:build !(cgo && hsm)

package secret_test

import (
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/secret/secrettest"
)

func TestPKCS11NeedsItsBuild(t *testing.T) {
	_, err := openSource(&secrettest.Storage{}, "pkcs11:token=t;object=kek?pin-value=1234", nil)
	wantMessage(t, err, core.KindUnsupported, "make build-hsm")
}
