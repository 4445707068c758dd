package acme_test

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"math/big"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
)

func insertPull(t *testing.T, w *world, p *core.RenewalPull) {
	t.Helper()
	if err := w.DB.InTx(t.Context(), func(ctx context.Context, tx core.Tx) error { return w.DB.InsertRenewalPull(ctx, tx, p) }); err != nil {
		t.Fatal(err)
	}
}

func selfSigned(t *testing.T) []byte {
	t.Helper()
	key := ecKey(t)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(7), NotAfter: time.Now().Add(time.Hour)},
		&x509.Certificate{SerialNumber: big.NewInt(7), AuthorityKeyId: []byte{1}, SubjectKeyId: []byte{1}}, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}
