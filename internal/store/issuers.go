package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/certwright/certwright/internal/core"
)

// issuerRow is a row of issuers.
type issuerRow struct {
	bun.BaseModel `bun:"table:issuers,alias:t"`
	ID            string `bun:"id,pk"`
	Account       string `bun:"account"`
	Slug          string `bun:"slug"`
	Name          string `bun:"name"`
	Connector     string `bun:"connector"`
	Parent        string `bun:"parent,nullzero"`
	Root          bool   `bun:"root"`
	State         string `bun:"state"`
	Config        []byte `bun:"config"`
	Certificate   []byte `bun:"certificate"`
	Chain         string `bun:"chain"`
	Alternates    string `bun:"alternates"`
	CSR           []byte `bun:"csr"`
	Key           string `bun:"key_ref"`
	KeySealed     []byte `bun:"key_sealed"`
	Algorithm     string `bun:"algorithm"`
	CRLNumber     int64  `bun:"crl_number"`
	CRL           []byte `bun:"crl"`
	CRLThis       int64  `bun:"crl_this,nullzero"`
	CRLNext       int64  `bun:"crl_next,nullzero"`
	Responder     []byte `bun:"responder"`
	ResponderKey  []byte `bun:"responder_key"`
	Version       int    `bun:"version"`
	CreatedAt     int64  `bun:"created_at"`
	UpdatedAt     int64  `bun:"updated_at"`
}

func (r *issuerRow) core() (core.Issuer, error) {
	i := core.Issuer{ID: core.IssuerID(r.ID), Account: core.AccountID(r.Account), Slug: r.Slug, Name: r.Name, Connector: r.Connector,
		Parent: core.IssuerID(r.Parent), Root: r.Root, State: core.IssuerState(r.State), Config: r.Config, Certificate: r.Certificate,
		CSR: r.CSR, Key: r.Key, KeySealed: r.KeySealed, Algorithm: r.Algorithm, CRLNumber: r.CRLNumber, CRL: r.CRL,
		CRLThis: timeAt(r.CRLThis), CRLNext: timeAt(r.CRLNext), Responder: r.Responder, ResponderKey: r.ResponderKey,
		Version: r.Version, CreatedAt: timeAt(r.CreatedAt), UpdatedAt: timeAt(r.UpdatedAt)}
	var err error
	if i.Chain, err = fromJSON[[][]byte](r.Chain); err == nil && r.Alternates != "[]" {
		i.Alternates, err = fromJSON[[][][]byte](r.Alternates)
	}
	return i, err
}

func issuerRowOf(i *core.Issuer) *issuerRow {
	return &issuerRow{ID: string(i.ID), Account: string(i.Account), Slug: i.Slug, Name: i.Name, Connector: i.Connector,
		Parent: string(i.Parent), Root: i.Root, State: string(i.State), Config: i.Config, Certificate: i.Certificate, Chain: toJSON(i.Chain),
		Alternates: toJSON(i.Alternates), CSR: i.CSR, Key: i.Key, KeySealed: i.KeySealed, Algorithm: i.Algorithm, CRLNumber: i.CRLNumber, CRL: i.CRL,
		CRLThis: zeroMicros(i.CRLThis), CRLNext: zeroMicros(i.CRLNext), Responder: i.Responder, ResponderKey: i.ResponderKey,
		Version: i.Version, CreatedAt: micros(i.CreatedAt), UpdatedAt: micros(i.UpdatedAt)}
}

// Issuer implements enroll.Storage.
func (db *DB) Issuer(ctx context.Context, account core.AccountID, id core.IssuerID) (*core.Issuer, error) {
	return db.oneIssuer(ctx, keptSelectOf[issuerRow](db), "t.id = ? AND t.account = ?", string(id), string(account))
}

// IssuerVersion implements enroll.Storage.
func (db *DB) IssuerVersion(ctx context.Context, account core.AccountID, id core.IssuerID) (version int, err error) {
	err = db.queryRow(ctx, `SELECT version FROM issuers WHERE id = ? AND account = ?`, string(id), string(account)).Scan(&version)
	return version, notFound(err, "issuer")
}

// IssuerBySlug finds an issuer of any account by its word in the status URLs.
func (db *DB) IssuerBySlug(ctx context.Context, slug string) (*core.Issuer, error) {
	return db.oneIssuer(ctx, keptSelectOf[issuerRow](db), "t.slug = ?", slug)
}

func (db *DB) oneIssuer(ctx context.Context, s *keptSelect, where string, args ...any) (*core.Issuer, error) {
	r, err := keptRow[issuerRow](ctx, db, s, where, args...)
	if err != nil {
		return nil, notFound(err, "issuer")
	}
	i, err := r.core()
	return &i, err
}

var issuerList = listing[issuerRow, core.Issuer]{
	table: "issuers", conv: (*issuerRow).core,
	cols: []column{
		{Column: core.Column{Name: "name", Title: "Name", Type: core.TypeText, Sortable: true, Default: true}, expr: "t.name"},
		{Column: core.Column{Name: "slug", Title: "Short name", Type: core.TypeText, Sortable: true, Default: true}, expr: "t.slug"},
		{Column: core.Column{Name: "connector", Title: "Connector", Type: core.TypeText, Sortable: true, Default: true}, expr: "t.connector"},
		{Column: core.Column{Name: "state", Title: "State", Type: core.TypeEnum, Values: []string{"pending", "active", "disabled"}, Sortable: true, Default: true}, expr: "t.state"},
		{Column: core.Column{Name: "algorithm", Title: "Key", Type: core.TypeText, Sortable: true, Default: true}, expr: "t.algorithm"},
		{Column: core.Column{Name: "root", Title: "Root", Type: core.TypeBool, Sortable: true}, expr: "t.root"},
		{Column: core.Column{Name: "crl_next", Title: "CRL ends", Type: core.TypeTime, Sortable: true}, expr: "t.crl_next"},
		{Column: core.Column{Name: "created_at", Title: "Created", Type: core.TypeTime, Sortable: true}, expr: "t.created_at"},
	},
}

// IssuerColumns describes the list of issuers.
func (db *DB) IssuerColumns() []core.Column { return issuerList.columns() }

// ListIssuers lists issuers.
func (db *DB) ListIssuers(ctx context.Context, q core.ListQuery) (core.Page[core.Issuer], error) {
	return issuerList.page(ctx, db, q)
}
