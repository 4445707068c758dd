package storetest_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/store"
)

// Certificates of our own CAs, and no others, that an older version stored
// without saying so count as CA certificates after the migration.
func TestMigrationOwnCAs(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		db := store.CA{DB: w.db}
		now := w.Clock.Now()
		account := w.First.Account.ID
		i := &core.Issuer{ID: core.NewID[core.IssuerID](now), Account: account, Name: "ca", Slug: "ca", Connector: "builtin", State: core.IssuerActive,
			Certificate: []byte("ca"), CreatedAt: now, UpdatedAt: now}
		row := func(protocol, der string) *core.Certificate {
			return &core.Certificate{ID: core.NewID[core.CertificateID](now), Account: account, Issuer: i.ID, Protocol: protocol, State: core.CertActive,
				Serial: protocol + der, Subject: "CN=" + der, SPKIHash: []byte{1}, Fingerprint: []byte(protocol + der), NotBefore: now, NotAfter: now.AddDate(1, 0, 0), CreatedAt: now, DER: []byte(der)}
		}
		ca, responder, other := row("ca", "ca"), row("ca", "responder"), row("est", "other")
		w.tx(t, func(ctx context.Context, tx core.Tx) error {
			if err := db.PutIssuer(ctx, tx, i); err != nil {
				return err
			}
			for _, c := range []*core.Certificate{ca, responder, other} {
				if err := db.PutCertificate(ctx, tx, c); err != nil {
					return err
				}
			}
			return nil
		})
		text, err := os.ReadFile("../migrations/common/00018_own_cas.sql")
		if err != nil {
			t.Fatal(err)
		}
		up, _, _ := strings.Cut(string(text), "-- +goose Down")
		if _, err := w.db.SQL().ExecContext(t.Context(), up); err != nil {
			t.Fatal(err)
		}
		for c, want := range map[*core.Certificate]bool{ca: true, responder: false, other: false} {
			got, err := w.db.Certificate(t.Context(), account, c.ID)
			if err != nil || got.CA != want {
				t.Errorf("%s %s: %v, %v", c.Protocol, c.DER, got, err)
			}
		}
	})
}
