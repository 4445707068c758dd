package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/certwright/certwright/internal/core"
)

// agreementRow is a row of agreement_texts without its body, which no list needs.
type agreementRow struct {
	bun.BaseModel `bun:"table:agreement_texts,alias:t"`
	ID            string `bun:"id,pk"`
	Account       string `bun:"account"`
	Product       string `bun:"product"`
	Version       int    `bun:"version"`
	Size          int    `bun:"size"`
	Digest        string `bun:"digest"`
	Author        string `bun:"author"`
	CreatedAt     int64  `bun:"created_at"`
	SupersededAt  *int64 `bun:"superseded_at"`
}

const selectAgreement = `SELECT id, account, product, version, size, digest, author, created_at, superseded_at, body FROM agreement_texts WHERE `

func (r *agreementRow) core() (core.AgreementText, error) {
	t := core.AgreementText{ID: core.AgreementTextID(r.ID), Account: core.AccountID(r.Account), Product: core.ProductID(r.Product), Version: r.Version,
		Size: r.Size, Digest: r.Digest, Author: core.UserID(r.Author), CreatedAt: timeAt(r.CreatedAt)}
	if r.SupersededAt != nil {
		t.SupersededAt = timeAt(*r.SupersededAt)
	}
	return t, nil
}

func (db *DB) agreement(ctx context.Context, tx core.Tx, where string, args ...any) (*core.AgreementText, error) {
	var r agreementRow
	var body string
	err := db.rowIn(ctx, tx, selectAgreement+where, args...).Scan(&r.ID, &r.Account, &r.Product, &r.Version, &r.Size, &r.Digest, &r.Author, &r.CreatedAt,
		&r.SupersededAt, &body)
	if err != nil {
		return nil, notFound(err, "text")
	}
	t, err := r.core()
	t.Body = body
	return &t, err
}

// AgreementText implements agreement.Storage.
func (db *DB) AgreementText(ctx context.Context, account core.AccountID, id core.AgreementTextID) (*core.AgreementText, error) {
	return db.agreement(ctx, nil, "account = ? AND id = ?", string(account), string(id))
}

// PresentAgreementText implements agreement.Storage.
func (db *DB) PresentAgreementText(ctx context.Context, tx core.Tx, account core.AccountID, product core.ProductID) (*core.AgreementText, error) {
	return db.agreement(ctx, tx, "account = ? AND product = ? AND superseded_at IS NULL", string(account), string(product))
}

// InsertAgreementText implements agreement.Storage.
func (db *DB) InsertAgreementText(ctx context.Context, tx core.Tx, t *core.AgreementText) error {
	if t.Version > 1 {
		r, err := in(tx).exec(ctx, `UPDATE agreement_texts SET superseded_at = ? WHERE account = ? AND product = ? AND version = ? AND superseded_at IS NULL`,
			micros(t.CreatedAt), string(t.Account), string(t.Product), t.Version-1)
		if err := changed(r, err, "text"); err != nil {
			return err
		}
	}
	_, err := in(tx).exec(ctx, `INSERT INTO agreement_texts (id, account, product, version, body, size, digest, author, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		string(t.ID), string(t.Account), string(t.Product), t.Version, t.Body, t.Size, t.Digest, string(t.Author), micros(t.CreatedAt))
	if err = exists(err, "version %d of the text exists", t.Version); core.Is(err, core.KindExists) {
		return core.Errorf(core.KindConflict, "somebody else has changed the text").At("version")
	}
	return err
}

var agreementList = listing[agreementRow, core.AgreementText]{
	table: "agreement_texts", conv: (*agreementRow).core,
	cols: []column{
		col("id", "Text", core.TypeID, "t.id"),
		shown("product", "Product", core.TypeID, "t.product"),
		shown("version", "Version", core.TypeNumber, "t.version"),
		shown("present", "In force", core.TypeBool, "(t.superseded_at IS NULL)"),
		shown("size", "Size", core.TypeNumber, "t.size"),
		col("digest", "SHA-256", core.TypeText, "t.digest"),
		shown("author", "Author", core.TypeID, "t.author"),
		shown("created_at", "Published", core.TypeTime, "t.created_at"),
		col("superseded_at", "Replaced", core.TypeTime, "t.superseded_at"),
	},
}

// AgreementTextColumns implements agreement.Storage.
func (db *DB) AgreementTextColumns() []core.Column { return agreementList.columns() }

// ListAgreementTexts implements agreement.Storage.
func (db *DB) ListAgreementTexts(ctx context.Context, q core.ListQuery) (core.Page[core.AgreementText], error) {
	return agreementList.page(ctx, db, q)
}
