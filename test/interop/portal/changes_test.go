package portal_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"math/big"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/certwright/certwright/internal/api/client"
	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/test/interop/harness"
)

// TestChanges changes data so that every number of the dashboard moves, and
// compares each with the list that it opens.
func TestChanges(t *testing.T) {
	b := browse(t)
	server := harness.Start(t, harness.Options{})
	a, ctx := server.Admin(t), t.Context()
	rita := login(t, server, a, "rita", core.RoleRequester)
	tls := a.ProductLike(t, "tls-server", "other", func(*core.Profile) {})
	manual := a.ProductLike(t, "tls-server", "manual", func(p *core.Profile) { p.Approval = "manual" })
	ask := func(name string, end time.Time) *resource.IssuedOrder {
		got, err := rita.CreateOrder(ctx, resource.NewOrder{Product: string(manual.ID), Generate: "ECDSA P-256", Names: []string{name}, Group: a.Group, NotAfter: end,
			Subject: core.DN{{Type: "CN", Value: name}}}, "")
		if err != nil || got.Order.State != core.OrderApproval {
			t.Errorf("%+v %v", got, err)
			return &resource.IssuedOrder{}
		}
		return got
	}
	end := time.Now().Add(15 * time.Second).Truncate(time.Second)
	late := ask("late.changes.internal", end)
	by := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/crl" {
			endCRL(t, server.Dir)
			return
		}
		ask("waits.changes.internal", time.Time{})
	}))
	t.Cleanup(by.Close)
	issuer := ""
	for i, err := range a.Issuers(ctx, client.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if i.ID == tls.Issuer {
			issuer = i.Name
		}
	}
	b.drive("changes.mjs", map[string]any{"base": server.Main, "password": a.Password, "group": a.Group, "owner": a.Owner, "product": tls.ID, "issuer": issuer,
		"expired": ended(t), "waits": by.URL + "/order", "crl": by.URL + "/crl", "late": map[string]any{"id": late.Order.ID, "end": end.UnixMilli()}})
}

// ended is a certificate of another CA that ended yesterday.
func ended(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	c := &x509.Certificate{SerialNumber: big.NewInt(77), Subject: pkix.Name{CommonName: "old.changes.internal"}, DNSNames: []string{"old.changes.internal"},
		NotBefore: now.AddDate(0, 0, -30), NotAfter: now.AddDate(0, 0, -1)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// endCRL has the CRL of one CA end within the hour: nothing that a person can do
// brings that about, so the row is changed.
func endCRL(t *testing.T, data string) {
	files, err := filepath.Glob(filepath.Join(data, "*.db"))
	if err != nil || len(files) != 1 {
		t.Errorf("databases %v %v", files, err)
		return
	}
	db, err := sql.Open("sqlite", files[0]+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Error(err)
		return
	}
	defer db.Close()
	r, err := db.Exec(`UPDATE issuers SET crl_next = ? WHERE id = (SELECT min(id) FROM issuers WHERE state = 'active' AND crl_next > 0)`, time.Now().Add(time.Hour).UnixMicro())
	if err != nil {
		t.Error(err)
		return
	}
	if n, err := r.RowsAffected(); n != 1 || err != nil {
		t.Errorf("%d CRLs, %v", n, err)
	}
}
