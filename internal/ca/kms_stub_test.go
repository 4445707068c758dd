//go:build !cgo || !hsm

package ca_test

import (
	"testing"

	"github.com/certwright/certwright/internal/ca"
	"github.com/certwright/certwright/internal/ca/catest"
	"github.com/certwright/certwright/internal/core"
)

func TestPlainBuildExplainsPKCS11(t *testing.T) {
	w := p256(t)
	for uri, want := range map[string]core.Kind{
		"pkcs11:token=ca;id=01?pin-source=/etc/pin": core.KindUnsupported,
		"pkcs11:token=ca;id=01?pin-value=1234":      core.KindInvalid,
	} {
		_, err := w.ca.CreateRoot(ctx, nil, ca.Spec{Account: catest.Account, Name: "HSM", Subject: core.DN{{Type: "CN", Value: "HSM"}}, Key: uri, Years: 5})
		if !core.Is(err, want) {
			t.Errorf("%s: %v", uri, err)
		}
	}
}
