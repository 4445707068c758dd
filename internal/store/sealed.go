package store

import (
	"context"
	"strings"

	"github.com/certwright/certwright/internal/core"
)

// Sealed is a value that package secret sealed: where it is and what it holds.
type Sealed struct {
	Kind  string // "issuer", "responder", "credential", "order", "setting", "document", "totp", "organisation", "provider"
	ID    string
	Value []byte
}

// sealedColumns are the places of sealed values.
var sealedColumns = []struct{ kind, table, id, column, where string }{
	{"issuer", "issuers", "id", "key_sealed", "key_sealed IS NOT NULL"},
	{"responder", "issuers", "id", "responder_key", "responder_key IS NOT NULL"},
	{"credential", "credentials", "id", "secret_sealed", "secret_sealed IS NOT NULL"},
	{"order", "orders", "id", "key_sealed", "key_sealed IS NOT NULL"},
	{"setting", "settings", "name", "value", "name LIKE 'server-tls.%'"},
	{"document", "documents", "id", "sealed", "sealed IS NOT NULL"},
	{"totp", "totp", "user_id", "secret_sealed", "secret_sealed IS NOT NULL"},
	{"provider", "signin_providers", "id", "secrets_sealed", "secrets_sealed IS NOT NULL"},
	{"organisation", "organisations", "id", "token_sealed", "token_sealed IS NOT NULL"},
}

// sealedBatchSize is how many values are held in memory at once; documents are
// large.
func sealedBatchSize(kind string) string {
	if kind == "document" {
		return "4"
	}
	return "200"
}

// Resealed passes every sealed value through f and stores what f returns, unless
// f returns nil or the value was changed by somebody else meanwhile. It returns
// how many it looked at.
func (db *DB) Resealed(ctx context.Context, f func(Sealed) ([]byte, error)) (seen int, err error) {
	for _, c := range sealedColumns {
		last := ""
		for {
			q := strings.NewReplacer("$id", c.id, "$col", c.column, "$table", c.table, "$where", c.where, "$n", sealedBatchSize(c.kind)).
				Replace(`SELECT $id, $col FROM $table WHERE $where AND $id > ? ORDER BY $id LIMIT $n`)
			batch, err := db.sealedBatch(ctx, c.kind, q, last)
			if err != nil || len(batch) == 0 {
				if err != nil {
					return seen, err
				}
				break
			}
			for _, s := range batch {
				last = s.ID
				seen++
				fresh, err := f(s)
				if err != nil {
					return seen, err
				}
				if fresh == nil {
					continue
				}
				u := strings.NewReplacer("$id", c.id, "$col", c.column, "$table", c.table).Replace(`UPDATE $table SET $col = ? WHERE $id = ? AND $col = ?`)
				err = db.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
					_, err := in(tx).exec(ctx, u, fresh, s.ID, s.Value)
					return err
				})
				if err != nil {
					return seen, err
				}
			}
		}
	}
	return seen, nil
}

func (db *DB) sealedBatch(ctx context.Context, kind, q, after string) ([]Sealed, error) {
	rows, err := db.query(ctx, q, after)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Sealed
	for rows.Next() {
		s := Sealed{Kind: kind}
		if err := rows.Scan(&s.ID, &s.Value); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}
