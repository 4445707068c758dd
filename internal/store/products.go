package store

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/uptrace/bun"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/enroll"
)

// productRow is a row of products.
type productRow struct {
	bun.BaseModel `bun:"table:products,alias:t"`
	ID            string `bun:"id,pk"`
	Account       string `bun:"account"`
	Number        int64  `bun:"number"`
	Code          string `bun:"code"`
	Name          string `bun:"name"`
	Description   string `bun:"description"`
	Issuer        string `bun:"issuer"`
	State         string `bun:"state"`
	Profile       string `bun:"profile"`
	Version       int    `bun:"version"`
	CreatedAt     int64  `bun:"created_at"`
	UpdatedAt     int64  `bun:"updated_at"`
}

func (r *productRow) core() (core.Product, error) {
	p := core.Product{ID: core.ProductID(r.ID), Account: core.AccountID(r.Account), Number: r.Number, Code: r.Code, Name: r.Name,
		Description: r.Description, Issuer: core.IssuerID(r.Issuer), State: core.ProductState(r.State), Version: r.Version,
		CreatedAt: timeAt(r.CreatedAt), UpdatedAt: timeAt(r.UpdatedAt)}
	return p, json.Unmarshal([]byte(r.Profile), &p.Profile)
}

func productRowOf(p *core.Product) *productRow {
	return &productRow{ID: string(p.ID), Account: string(p.Account), Number: p.Number, Code: p.Code, Name: p.Name,
		Description: p.Description, Issuer: string(p.Issuer), State: string(p.State), Profile: toJSON(p.Profile), Version: p.Version,
		CreatedAt: micros(p.CreatedAt), UpdatedAt: micros(p.UpdatedAt)}
}

// Terms implements enroll.Storage.
func (db *DB) Terms(ctx context.Context, account core.AccountID, product core.ProductID) (t enroll.Terms, err error) {
	err = db.queryRow(ctx, `SELECT p.version, p.state, i.id, i.version, i.state FROM products p JOIN issuers i ON i.id = p.issuer
		WHERE p.id = ? AND p.account = ?`, string(product), string(account)).
		Scan(&t.ProductVersion, &t.ProductState, &t.Issuer, &t.IssuerVersion, &t.IssuerState)
	return t, notFound(err, "product")
}

// Product implements enroll.Storage.
func (db *DB) Product(ctx context.Context, account core.AccountID, id core.ProductID) (*core.Product, error) {
	return db.oneProduct(ctx, account, "t.id = ?", string(id))
}

// ProductByCode finds a product by its word.
func (db *DB) ProductByCode(ctx context.Context, account core.AccountID, code string) (*core.Product, error) {
	return db.oneProduct(ctx, account, "t.code = ?", code)
}

func (db *DB) oneProduct(ctx context.Context, account core.AccountID, where, value string) (*core.Product, error) {
	r, err := keptRow[productRow](ctx, db, keptSelectOf[productRow](db), where+" AND t.account = ?", value, string(account))
	if err != nil {
		return nil, notFound(err, "product")
	}
	p, err := r.core()
	return &p, err
}

// LockProducts implements product.Storage. The row that is locked is the
// counter of the account's products, which a new product takes its number from.
func (db *DB) LockProducts(ctx context.Context, tx core.Tx, account core.AccountID) ([]core.Product, error) {
	t := in(tx)
	if _, err := t.exec(ctx, `INSERT INTO counters (account, kind, value) VALUES (?, 'product', 0)
		ON CONFLICT (account, kind) DO UPDATE SET value = counters.value`, string(account)); err != nil {
		return nil, err
	}
	var rows []productRow
	if err := t.now().NewSelect().Model(&rows).Where("t.account = ?", string(account)).OrderExpr("t.number").Scan(ctx); err != nil {
		return nil, err
	}
	out := make([]core.Product, len(rows))
	for i := range rows {
		var err error
		if out[i], err = rows[i].core(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// InsertProduct implements product.Storage. Kind exists: the code is taken.
func (db *DB) InsertProduct(ctx context.Context, tx core.Tx, p *core.Product, taken []int64) error {
	t := in(tx)
	for p.Number = 0; p.Number == 0 || slices.Contains(taken, p.Number); {
		err := t.row(ctx, `INSERT INTO counters (account, kind, value) VALUES (?, 'product', 1)
			ON CONFLICT (account, kind) DO UPDATE SET value = counters.value + 1 RETURNING value`, string(p.Account)).Scan(&p.Number)
		if err != nil {
			return err
		}
	}
	_, err := t.now().NewInsert().Model(productRowOf(p)).Exec(ctx)
	return exists(err, "a product with the code %q exists", p.Code)
}

// UpdateProduct writes a product if its version is still p.Version-1.
func (db *DB) UpdateProduct(ctx context.Context, tx core.Tx, p *core.Product) error {
	r, err := in(tx).now().NewUpdate().Model(productRowOf(p)).ExcludeColumn("id", "account", "number", "created_at").
		Where("id = ?", string(p.ID)).Where("account = ?", string(p.Account)).Where("version = ?", p.Version-1).Exec(ctx)
	return changed(r, exists(err, "a product with the code %q exists", p.Code), "product")
}

var productList = listing[productRow, core.Product]{
	table: "products", conv: (*productRow).core,
	cols: []column{
		{Column: core.Column{Name: "number", Title: "Number", Type: core.TypeNumber, Sortable: true, Default: true}, expr: "t.number"},
		{Column: core.Column{Name: "code", Title: "Code", Type: core.TypeText, Sortable: true, Default: true}, expr: "t.code"},
		{Column: core.Column{Name: "name", Title: "Name", Type: core.TypeText, Sortable: true, Default: true}, expr: "t.name"},
		{Column: core.Column{Name: "description", Title: "Description", Type: core.TypeText}, expr: "t.description"},
		{Column: core.Column{Name: "issuer", Title: "Issuer", Type: core.TypeID, Default: true}, expr: "t.issuer"},
		{Column: core.Column{Name: "state", Title: "State", Type: core.TypeEnum, Values: []string{"active", "disabled"}, Sortable: true, Default: true}, expr: "t.state"},
		{Column: core.Column{Name: "created_at", Title: "Created", Type: core.TypeTime, Sortable: true}, expr: "t.created_at"},
		{Column: core.Column{Name: "updated_at", Title: "Changed", Type: core.TypeTime, Sortable: true, Default: true}, expr: "t.updated_at"},
	},
}

// ProductColumns describes the list of products.
func (db *DB) ProductColumns() []core.Column { return productList.columns() }

// ListProducts lists products.
func (db *DB) ListProducts(ctx context.Context, q core.ListQuery) (core.Page[core.Product], error) {
	return productList.page(ctx, db, q)
}
