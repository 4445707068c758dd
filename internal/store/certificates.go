package store

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/certwright/certwright/internal/core"
)

func (db *DB) oneCertificate(ctx context.Context, where string, args ...any) (*core.Certificate, error) {
	r, err := keptRow[certificateRow](ctx, db, keptSelectOf[certificateRow](db), where, args...)
	if err != nil {
		return nil, notFound(err, "certificate")
	}
	c, err := r.core()
	if err != nil {
		return nil, err
	}
	err = db.queryRow(ctx, `SELECT der FROM certificate_bodies WHERE certificate = ?`, r.ID).Scan(&c.DER)
	if notFound(err, "") != err {
		err = nil // reserved or abandoned: there is none
	}
	return &c, err
}

// Certificate implements enroll.Storage.
func (db *DB) Certificate(ctx context.Context, account core.AccountID, id core.CertificateID) (*core.Certificate, error) {
	return db.oneCertificate(ctx, "t.id = ? AND t.account = ?", string(id), string(account))
}

// CertificateByFingerprint finds a certificate by the SHA-256 of its DER.
func (db *DB) CertificateByFingerprint(ctx context.Context, account core.AccountID, sha256 []byte) (*core.Certificate, error) {
	return db.oneCertificate(ctx, "t.fingerprint = ? AND t.account = ?", sha256, string(account))
}

// CertificateByNumber finds a certificate by its public number.
func (db *DB) CertificateByNumber(ctx context.Context, account core.AccountID, number int64) (*core.Certificate, error) {
	return db.oneCertificate(ctx, "t.number = ? AND t.account = ? AND t.state NOT IN ('reserved', 'abandoned')", number, string(account))
}

// CertificateBySKI implements enroll.Storage.
func (db *DB) CertificateBySKI(ctx context.Context, account core.AccountID, credential core.CredentialID, ski []byte) (*core.Certificate, error) {
	return db.oneCertificate(ctx, "t.ski = ? AND t.account = ? AND t.credential = ? AND t.state = ? ORDER BY t.id DESC",
		ski, string(account), string(credential), string(core.CertActive))
}

// namedLimit bounds CertificatesByName.
const namedLimit = 50

// CertificatesByName implements enroll.Storage.
func (db *DB) CertificatesByName(ctx context.Context, account core.AccountID, credential core.CredentialID, commonName string, names []string) ([]*core.Certificate, error) {
	candidates := make([]string, 0, len(names)+1)
	if commonName != "" {
		candidates = append(candidates, strings.ToLower(commonName))
	}
	for _, n := range names {
		_, value, _ := strings.Cut(n, ":")
		candidates = append(candidates, value)
	}
	if len(candidates) == 0 {
		return nil, nil
	}
	base := func() *bun.SelectQuery {
		return db.read.NewSelect().Model((*certificateRow)(nil)).Where("t.credential = ?", string(credential)).Where("t.account = ?", string(account)).
			Where("t.state = ?", string(core.CertActive)).OrderExpr("t.id DESC").Limit(namedLimit)
	}
	// By the common name, which has an index, and only when that finds nothing
	// by what else a certificate is called.
	out, err := db.certificatesOf(ctx, base().Where("LOWER(t.common_name) IN (?)", bun.List(candidates)))
	if err != nil || len(out) > 0 || len(names) == 0 {
		return out, err
	}
	return db.certificatesOf(ctx, base().WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
		for _, n := range names[:min(len(names), 100)] {
			j, _ := json.Marshal(n) // a text always marshals
			q = q.WhereOr(`LOWER(t.names) LIKE ? ESCAPE '\'`, "%"+escapeLike(string(j))+"%")
		}
		return q
	}))
}

// certificatesOf runs a query for certificates and adds their DER.
func (db *DB) certificatesOf(ctx context.Context, q *bun.SelectQuery) ([]*core.Certificate, error) {
	var rows []certificateRow
	if err := q.Scan(ctx, &rows); err != nil {
		return nil, err
	}
	out := make([]*core.Certificate, 0, len(rows))
	for i := range rows {
		c, err := rows[i].core()
		if err != nil {
			return nil, err
		}
		if err := db.queryRow(ctx, `SELECT der FROM certificate_bodies WHERE certificate = ?`, rows[i].ID).Scan(&c.DER); err != nil {
			return nil, err
		}
		out = append(out, &c)
	}
	return out, nil
}

// certificateList is the list of certificates.
var certificateList = listing[certificateRow, core.Certificate]{
	table: "certificates", conv: (*certificateRow).core, trigrams: trigramColumns, rare: rareStates,
	cols: []column{
		{Column: core.Column{Name: "number", Title: "Number", Type: core.TypeNumber, Sortable: true, Default: true}, expr: "t.number", notNull: true},
		{Column: core.Column{Name: "common_name", Title: "Common name", Type: core.TypeText, Sortable: true, Default: true}, expr: "t.common_name", notNull: true},
		{Column: core.Column{Name: "names", Title: "Names", Type: core.TypeText, Default: true}, expr: "t.names"},
		{Column: core.Column{Name: "subject", Title: "Subject", Type: core.TypeText, Sortable: true}, expr: "t.subject", notNull: true},
		{Column: core.Column{Name: "serial", Title: "Serial number", Type: core.TypeText, Sortable: true}, expr: "t.serial", notNull: true},
		{Column: core.Column{Name: "state", Title: "State", Type: core.TypeEnum, Values: []string{"reserved", "active", "on-hold", "revoked", "abandoned"}, Sortable: true, Default: true}, expr: "t.state", notNull: true},
		{Column: core.Column{Name: "not_before", Title: "Valid from", Type: core.TypeTime, Sortable: true}, expr: "t.not_before", notNull: true},
		{Column: core.Column{Name: "not_after", Title: "Valid to", Type: core.TypeTime, Sortable: true, Default: true}, expr: "t.not_after", notNull: true, ranged: true},
		{Column: core.Column{Name: "key_algorithm", Title: "Key", Type: core.TypeText, Sortable: true}, expr: "t.key_algorithm", notNull: true},
		{Column: core.Column{Name: "protocol", Title: "Protocol", Type: core.TypeText, Sortable: true, Default: true}, expr: "t.protocol", notNull: true},
		{Column: core.Column{Name: "issuer", Title: "Issuer", Type: core.TypeID}, expr: "t.issuer"},
		{Column: core.Column{Name: "product", Title: "Product", Type: core.TypeID}, expr: "t.product"},
		{Column: core.Column{Name: "credential", Title: "Credential", Type: core.TypeID}, expr: "t.credential"},
		{Column: core.Column{Name: "user", Title: "User", Type: core.TypeID}, expr: "t.user_id"},
		{Column: core.Column{Name: "group", Title: "Group", Type: core.TypeID}, expr: "t.group_id"},
		{Column: core.Column{Name: "order", Title: "Order", Type: core.TypeID}, expr: "t.order_id"},
		{Column: core.Column{Name: "revoked_at", Title: "Revoked", Type: core.TypeTime, Sortable: true}, expr: "t.revoked_at"},
		{Column: core.Column{Name: "replaced", Title: "Replaced", Type: core.TypeBool}, expr: "(t.replaced_by IS NOT NULL)"},
		{Column: core.Column{Name: "tags", Title: "Tags", Type: core.TypeTags}, expr: "t.tags", uses: core.TagCertificate},
		{Column: core.Column{Name: "issuer_dn", Title: "Issuer elsewhere", Type: core.TypeText, Sortable: true}, expr: "t.issuer_dn", notNull: true},
		{Column: core.Column{Name: "ca", Title: "CA certificate", Type: core.TypeBool}, expr: "t.is_ca"},
		{Column: core.Column{Name: "created_at", Title: "Created", Type: core.TypeTime, Sortable: true}, expr: "t.created_at", notNull: true},
	},
}

// rareStates says that a filter for a state which few certificates have leaves
// out the others: so SQLite knows that the index certificates_state serves.
func rareStates(c core.Cond) []string {
	if c.Column != "state" || (c.Op != core.OpEquals && c.Op != core.OpIn) {
		return nil
	}
	for _, v := range c.Values {
		if v == string(core.CertActive) || v == string(core.CertReserved) {
			return nil
		}
	}
	return []string{"t.state NOT IN ('active', 'reserved')"}
}

// CertificateColumns describes the list of certificates.
func (db *DB) CertificateColumns() []core.Column { return certificateList.columns() }

// ListCertificates lists certificates without their DER.
func (db *DB) ListCertificates(ctx context.Context, q core.ListQuery) (core.Page[core.Certificate], error) {
	return certificateList.page(ctx, db, q)
}

// orderList is the list of orders.
var orderList = listing[orderRow, core.Order]{
	table: "orders", conv: (*orderRow).core,
	cols: []column{
		{Column: core.Column{Name: "number", Title: "Number", Type: core.TypeNumber, Sortable: true, Default: true}, expr: "t.number", notNull: true},
		{Column: core.Column{Name: "state", Title: "State", Type: core.TypeEnum, Values: words(core.OrderStates), Sortable: true, Default: true}, expr: "t.state", notNull: true},
		{Column: core.Column{Name: "subject", Title: "Subject", Type: core.TypeText, Sortable: true, Default: true}, expr: "t.subject", notNull: true},
		{Column: core.Column{Name: "names", Title: "Names", Type: core.TypeText, Default: true}, expr: "t.names"},
		{Column: core.Column{Name: "protocol", Title: "Protocol", Type: core.TypeText, Sortable: true, Default: true}, expr: "t.protocol", notNull: true},
		{Column: core.Column{Name: "product", Title: "Product", Type: core.TypeID, Default: true}, expr: "t.product"},
		{Column: core.Column{Name: "issuer", Title: "Issuer", Type: core.TypeID}, expr: "t.issuer"},
		{Column: core.Column{Name: "credential", Title: "Credential", Type: core.TypeID}, expr: "t.credential"},
		{Column: core.Column{Name: "user", Title: "User", Type: core.TypeID}, expr: "t.user_id"},
		{Column: core.Column{Name: "group", Title: "Group", Type: core.TypeID}, expr: "t.group_id"},
		{Column: core.Column{Name: "failure", Title: "Failure", Type: core.TypeText}, expr: "t.failure"},
		{Column: core.Column{Name: "created_at", Title: "Created", Type: core.TypeTime, Sortable: true, Default: true}, expr: "t.created_at", notNull: true},
		{Column: core.Column{Name: "tags", Title: "Tags", Type: core.TypeTags}, expr: "(SELECT d.tags FROM order_details d WHERE d.order_id = t.id)", uses: core.TagOrder},
		{Column: core.Column{Name: "updated_at", Title: "Changed", Type: core.TypeTime, Sortable: true}, expr: "t.updated_at", notNull: true},
	},
}

// OrderColumns describes the list of orders.
func (db *DB) OrderColumns() []core.Column { return orderList.columns() }

// ListOrders lists orders.
func (db *DB) ListOrders(ctx context.Context, q core.ListQuery) (core.Page[core.Order], error) {
	return orderList.page(ctx, db, q)
}

// ExpiringCertificates lists active certificates without successor that end
// before until and were not announced at days or fewer days yet.
func (db *DB) ExpiringCertificates(ctx context.Context, now, until time.Time, days, limit int) ([]core.Certificate, error) {
	var rows []certificateRow
	err := db.read.NewSelect().Model(&rows).Where("t.state = ?", string(core.CertActive)).Where("t.replaced_by IS NULL").
		Where("t.not_after > ?", micros(now)).Where("t.not_after <= ?", micros(until)).
		Where("(t.notified = 0 OR t.notified > ?)", days).OrderExpr("t.not_after").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]core.Certificate, 0, len(rows))
	for i := range rows {
		c, err := rows[i].core()
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// MarkNotified records that the expiry of a certificate was announced.
func (db *DB) MarkNotified(ctx context.Context, tx core.Tx, id core.CertificateID, days int) error {
	_, err := in(tx).exec(ctx, `UPDATE certificates SET notified = ? WHERE id = ?`, days, string(id))
	return err
}

// words turns a list of named strings into plain ones.
func words[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = string(w)
	}
	return out
}
