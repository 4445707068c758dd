package builtin_test

import (
	"context"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/ca/catest"
	"github.com/certwright/certwright/internal/connector/builtin"
	"github.com/certwright/certwright/internal/connector/connectortest"
	"github.com/certwright/certwright/internal/core"
)

func TestContract(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Second)
	c, _, h, err := catest.New(func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	for name, issuer := range map[string]*core.Issuer{"EC": h.Issuing, "RSA": h.RSA} {
		t.Run(name, func(t *testing.T) {
			active := *issuer
			disabled, err := c.SetState(context.Background(), nil, catest.Account, issuer.ID, core.IssuerDisabled)
			if err != nil {
				t.Fatal(err)
			}
			connectortest.Local(t, connectortest.Setup{Connector: builtin.New(builtin.Deps{CA: c}), Issuer: &active, Disabled: disabled,
				Root: h.Root.Certificate, Now: now})
		})
	}
}

func TestRevokeRefuses(t *testing.T) {
	b := builtin.New(builtin.Deps{})
	issuer, cert := &core.Issuer{ID: "i"}, &core.Certificate{Issuer: "i"}
	for reason, ok := range map[int]bool{-2: false, -1: true, 0: true, 1: true, 6: true, 7: false, 8: false, 9: true, 10: true, 11: false, 256: false} {
		if err := b.Revoke(context.Background(), issuer, cert, reason); (err == nil) != ok {
			t.Errorf("reason %d: %v", reason, err)
		}
	}
	if err := b.Revoke(context.Background(), issuer, &core.Certificate{Issuer: "j"}, 0); !core.Is(err, core.KindInvalid) {
		t.Errorf("another issuer's certificate: %v", err)
	}
}
