package store

import (
	"context"

	"github.com/certwright/certwright/internal/core"
)

const (
	documentColumns = "id, account, COALESCE(order_id, ''), COALESCE(owner, ''), COALESCE(group_id, ''), name, description, type, size, sha256, uploader, created_at"
	selectDocument  = "SELECT " + documentColumns + " FROM documents WHERE "
)

// documentDest returns where a row of documentColumns goes, and what to do
// once it is there.
func documentDest(d *core.Document) (dest []any, done func()) {
	var created int64
	return []any{(*string)(&d.ID), (*string)(&d.Account), (*string)(&d.Order), (*string)(&d.Owner), (*string)(&d.Group), &d.Name,
		&d.Description, &d.Type, &d.Size, &d.SHA256, &d.Uploader, &created}, func() { d.CreatedAt = timeAt(created) }
}

// InsertDocument keeps a document of an order or organisation, octets sealed.
func (db *DB) InsertDocument(ctx context.Context, tx core.Tx, d *core.Document) error {
	_, err := in(tx).exec(ctx, `INSERT INTO documents (id, account, order_id, owner, group_id, name, description, type, size, sha256, uploader, created_at, sealed)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, string(d.ID), string(d.Account), nullText(d.Order), nullText(d.Owner), nullText(d.Group), d.Name,
		d.Description, d.Type, d.Size, d.SHA256, d.Uploader, micros(d.CreatedAt), d.Sealed)
	return err
}

func (db *DB) documents(ctx context.Context, where string, args ...any) ([]core.Document, error) {
	rows, err := db.queryKept(ctx, selectDocument+where+" ORDER BY id", args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []core.Document
	for rows.Next() {
		var d core.Document
		dest, done := documentDest(&d)
		if err := rows.Scan(dest...); err != nil {
			return nil, err
		}
		done()
		out = append(out, d)
	}
	return out, away(rows.Err())
}

// OrderDocuments returns the documents of an order, oldest first, without
// octets.
func (db *DB) OrderDocuments(ctx context.Context, account core.AccountID, order core.OrderID) ([]core.Document, error) {
	return db.documents(ctx, "account = ? AND order_id = ?", string(account), string(order))
}

// OrganisationDocuments returns the documents of an organisation, oldest
// first, without octets.
func (db *DB) OrganisationDocuments(ctx context.Context, account core.AccountID, owner core.OrganisationID) ([]core.Document, error) {
	return db.documents(ctx, "account = ? AND owner = ?", string(account), string(owner))
}

// Document returns one with its sealed octets.
func (db *DB) Document(ctx context.Context, account core.AccountID, id core.DocumentID) (*core.Document, error) {
	var d core.Document
	dest, done := documentDest(&d)
	err := db.queryRow(ctx, "SELECT "+documentColumns+", sealed FROM documents WHERE account = ? AND id = ?", string(account), string(id)).
		Scan(append(dest, &d.Sealed)...)
	if err != nil {
		return nil, notFound(err, "document")
	}
	done()
	return &d, nil
}

// CountDocuments returns how many documents an order has, as the transaction
// sees it.
func (db *DB) CountDocuments(ctx context.Context, tx core.Tx, order core.OrderID) (n int, err error) {
	err = in(tx).row(ctx, "SELECT COUNT(*) FROM documents WHERE order_id = ?", string(order)).Scan(&n)
	return n, err
}

// CountOrganisationDocuments is CountDocuments for an organisation.
func (db *DB) CountOrganisationDocuments(ctx context.Context, tx core.Tx, owner core.OrganisationID) (n int, err error) {
	err = in(tx).row(ctx, "SELECT COUNT(*) FROM documents WHERE owner = ?", string(owner)).Scan(&n)
	return n, err
}
