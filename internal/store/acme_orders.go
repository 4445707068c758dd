package store

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/certwright/certwright/internal/core"
)

// acmeOrderRow is a row of acme_orders.
type acmeOrderRow struct {
	bun.BaseModel  `bun:"table:acme_orders,alias:t"`
	ID             string `bun:"id,pk"`
	Account        string `bun:"account"`
	Credential     string `bun:"credential"`
	ACMEAccount    string `bun:"acme_account"`
	State          string `bun:"state"`
	Product        string `bun:"product"`
	Profile        string `bun:"profile"`
	Identifiers    string `bun:"identifiers"`
	Authorizations string `bun:"authorizations"`
	Wish           string `bun:"wish"`
	NotBefore      int64  `bun:"not_before,nullzero"`
	NotAfter       int64  `bun:"not_after,nullzero"`
	Replaces       string `bun:"replaces,nullzero"`
	CSR            []byte `bun:"csr"`
	Order          string `bun:"order_id,nullzero"`
	Certificate    string `bun:"certificate,nullzero"`
	Problem        string `bun:"problem,nullzero"`
	ExpiresAt      int64  `bun:"expires_at"`
	CreatedAt      int64  `bun:"created_at"`
	UpdatedAt      int64  `bun:"updated_at"`
}

const (
	selectACMEOrder = `SELECT id, account, credential, acme_account, state, product, profile, identifiers, authorizations, wish, COALESCE(not_before, 0),
		COALESCE(not_after, 0), COALESCE(replaces, ''), csr, COALESCE(order_id, ''), COALESCE(certificate, ''), COALESCE(problem, ''),
		expires_at, created_at, updated_at FROM acme_orders WHERE `
	insertACMEOrder = `INSERT INTO acme_orders (id, account, credential, acme_account, state, product, profile, identifiers, authorizations, wish, not_before,
		not_after, replaces, csr, order_id, certificate, problem, expires_at, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
)

func (r *acmeOrderRow) core() (core.ACMEOrder, error) {
	o := core.ACMEOrder{ID: core.ACMEOrderID(r.ID), Account: core.AccountID(r.Account), Credential: core.CredentialID(r.Credential),
		ACMEAccount: core.ACMEAccountID(r.ACMEAccount), State: core.ACMEOrderState(r.State), Product: core.ProductID(r.Product), Profile: r.Profile,
		Wish: r.Wish, NotBefore: timeAt(r.NotBefore), NotAfter: timeAt(r.NotAfter), Replaces: core.CertificateID(r.Replaces), CSR: r.CSR,
		Order: core.OrderID(r.Order), Certificate: core.CertificateID(r.Certificate), ExpiresAt: timeAt(r.ExpiresAt),
		CreatedAt: timeAt(r.CreatedAt), UpdatedAt: timeAt(r.UpdatedAt)}
	if err := texts(&o.Authorizations, r.Authorizations); err != nil {
		return o, err
	}
	if err := json.Unmarshal([]byte(r.Identifiers), &o.Identifiers); err != nil || r.Problem == "" {
		return o, err
	}
	o.Problem = new(core.ACMEProblem)
	return o, json.Unmarshal([]byte(r.Problem), o.Problem)
}

// oneACMEOrder reads the first row, outside of transactions.
func (db *DB) oneACMEOrder(ctx context.Context, where string, args ...any) (*core.ACMEOrder, error) {
	var r acmeOrderRow
	err := db.queryRow(ctx, selectACMEOrder+where, args...).Scan(&r.ID, &r.Account, &r.Credential, &r.ACMEAccount, &r.State, &r.Product, &r.Profile,
		&r.Identifiers, &r.Authorizations, &r.Wish, &r.NotBefore, &r.NotAfter, &r.Replaces, &r.CSR, &r.Order, &r.Certificate, &r.Problem,
		&r.ExpiresAt, &r.CreatedAt, &r.UpdatedAt)
	if err != nil {
		return nil, notFound(err, "ACME order")
	}
	o, err := r.core()
	return &o, err
}

// problemText stores no problem as NULL.
func problemText(p *core.ACMEProblem) any {
	if p == nil {
		return nil
	}
	return toJSON(p)
}

// manyRows is how many rows go into one INSERT: what an order has at most in
// practice, and few enough for both engines' limits on parameters.
const manyRows = 100

// marks is "(?, ?), (?, ?)" for rows of cols parameters.
func marks(rows, cols int) string {
	one := "(?" + strings.Repeat(", ?", cols-1) + ")"
	return one + strings.Repeat(", "+one, rows-1)
}

// InsertACMEOrder implements acme.Storage.
func (db *DB) InsertACMEOrder(ctx context.Context, tx core.Tx, o *core.ACMEOrder, fresh []*core.Authorization) error {
	_, err := in(tx).expect(ctx, 1, insertACMEOrder, string(o.ID), string(o.Account), string(o.Credential), string(o.ACMEAccount), string(o.State),
		string(o.Product), o.Profile, toJSON(o.Identifiers), toJSON(o.Authorizations), o.Wish, nullMicros(o.NotBefore), nullMicros(o.NotAfter),
		nullText(o.Replaces), nullBytes(o.CSR), nullText(o.Order), nullText(o.Certificate), problemText(o.Problem), micros(o.ExpiresAt),
		micros(o.CreatedAt), micros(o.UpdatedAt))
	if err != nil {
		return err
	}
	if err := insertAuthorizations(ctx, tx, fresh); err != nil {
		return err
	}
	for ids := o.Authorizations; len(ids) > 0; {
		n := min(len(ids), manyRows)
		args := make([]any, 0, 2*n)
		for _, id := range ids[:n] {
			args = append(args, string(id), string(o.ID))
		}
		// Two names of an order may lead to one authorization.
		if _, err := in(tx).expect(ctx, anyRows, `INSERT INTO acme_order_authorizations (authorization_id, order_id) VALUES `+marks(n, 2)+` ON CONFLICT DO NOTHING`, args...); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

// ACMEOrder implements acme.Storage.
func (db *DB) ACMEOrder(ctx context.Context, credential core.CredentialID, id core.ACMEOrderID) (*core.ACMEOrder, error) {
	return db.oneACMEOrder(ctx, "id = ? AND credential = ?", string(id), string(credential))
}

// FindACMEOrder finds an order of any credential of the tenant.
func (db *DB) FindACMEOrder(ctx context.Context, account core.AccountID, id core.ACMEOrderID) (*core.ACMEOrder, error) {
	return db.oneACMEOrder(ctx, "id = ? AND account = ?", string(id), string(account))
}

// openACMEOrder has the states as they stand in the index of wishes, or SQLite
// does not see that it fits. It does not order by id first, or SQLite takes the
// index of the account's orders and reads all of them.
const openACMEOrder = `acme_account = ? AND wish = ? AND state IN ('pending', 'ready') AND expires_at > ? ORDER BY created_at DESC, id DESC LIMIT 1`

// OpenACMEOrder implements acme.Storage.
func (db *DB) OpenACMEOrder(ctx context.Context, account core.ACMEAccountID, wish string, now time.Time) (*core.ACMEOrder, error) {
	return db.oneACMEOrder(ctx, openACMEOrder, string(account), wish, micros(now))
}

// ACMEOrderByCertificate implements acme.Storage.
func (db *DB) ACMEOrderByCertificate(ctx context.Context, account core.AccountID, certificate core.CertificateID) (*core.ACMEOrder, error) {
	return db.oneACMEOrder(ctx, "certificate = ? AND account = ? ORDER BY id DESC LIMIT 1", string(certificate), string(account))
}

// UpdateACMEOrder implements acme.Storage.
func (db *DB) UpdateACMEOrder(ctx context.Context, tx core.Tx, o *core.ACMEOrder, from core.ACMEOrderState) error {
	r, err := in(tx).expect(ctx, 1, `UPDATE acme_orders SET state = ?, csr = ?, order_id = ?, certificate = ?, problem = ?, updated_at = ? WHERE id = ? AND state = ?`,
		string(o.State), nullBytes(o.CSR), nullText(o.Order), nullText(o.Certificate), problemText(o.Problem), micros(o.UpdatedAt), string(o.ID), string(from))
	return changed(r, err, "order")
}

// ACMEOrdersOf implements acme.Storage.
func (db *DB) ACMEOrdersOf(ctx context.Context, account core.ACMEAccountID, before core.ACMEOrderID, now time.Time, limit int) ([]core.ACMEOrderID, error) {
	if before == "" {
		before = "g" // behind every id: they are hexadecimal
	}
	rows, err := db.queryKept(ctx, `SELECT id FROM acme_orders WHERE acme_account = ? AND id < ? AND state <> 'invalid'
		AND NOT (state IN ('pending', 'ready') AND expires_at <= ?) ORDER BY id DESC LIMIT ?`, string(account), string(before), micros(now), limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []core.ACMEOrderID
	for rows.Next() {
		var id core.ACMEOrderID
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, rows.Err()
}

// CountACMEOrders implements acme.Storage. Ids begin with the time, so the
// index of an account's orders leads to the place; a minute is left for clocks
// that ids and rows were made with.
func (db *DB) CountACMEOrders(ctx context.Context, account core.ACMEAccountID, since time.Time) (n int, oldest time.Time, err error) {
	from := core.NewID[core.ACMEOrderID](since.Add(-time.Minute))[:13]
	var at int64
	err = db.queryRow(ctx, `SELECT COUNT(*), COALESCE(MIN(created_at), 0) FROM acme_orders WHERE acme_account = ? AND id >= ? AND created_at >= ?`,
		string(account), string(from), micros(since)).Scan(&n, &at)
	return n, timeAt(at), away(err)
}

// ACMEReplaced implements acme.Storage. On PostgreSQL the certificate's row is
// locked, so that of two orders that ask at the same time the second sees the
// first.
func (db *DB) ACMEReplaced(ctx context.Context, tx core.Tx, certificate core.CertificateID, except core.ACMEOrderID, now time.Time) (bool, error) {
	if tx != nil && db.dialect == Postgres {
		if _, err := in(tx).exec(ctx, `SELECT id FROM certificates WHERE id = ? FOR UPDATE`, string(certificate)); err != nil {
			return false, err
		}
	}
	var n int
	err := db.rowIn(ctx, tx, `SELECT COUNT(*) FROM acme_orders WHERE replaces = ? AND id <> ? AND state <> 'invalid'
		AND NOT (state IN ('pending', 'ready') AND expires_at <= ?)`, string(certificate), string(except), micros(now)).Scan(&n)
	return n > 0, away(err)
}

// SettleACMEOrders implements acme.Storage. Two authorizations of an order may
// become valid at the same time, each without seeing the other: on PostgreSQL
// the orders are locked before the states are looked at, so the second looks
// when the first is done.
func (db *DB) SettleACMEOrders(ctx context.Context, tx core.Tx, id core.AuthorizationID, problem *core.ACMEProblem, now time.Time) error {
	const waiting = `state = 'pending' AND id IN (SELECT order_id FROM acme_order_authorizations WHERE authorization_id = ?)`
	if problem != nil {
		_, err := in(tx).expect(ctx, anyRows, `UPDATE acme_orders SET state = 'invalid', problem = ?, updated_at = ? WHERE `+waiting, problemText(problem), micros(now), string(id))
		return err
	}
	if db.dialect == Postgres {
		if _, err := in(tx).expect(ctx, anyRows, `SELECT id FROM acme_orders WHERE `+waiting+` ORDER BY id FOR UPDATE`, string(id)); err != nil {
			return err
		}
	}
	_, err := in(tx).expect(ctx, anyRows, `UPDATE acme_orders SET state = 'ready', updated_at = ? WHERE `+waiting+` AND NOT EXISTS (
		SELECT 1 FROM acme_order_authorizations x JOIN authorizations a ON a.id = x.authorization_id
		WHERE x.order_id = acme_orders.id AND a.state <> 'valid')`, micros(now), string(id))
	return err
}

func acmeOrderList(within []core.GroupID, now time.Time) *listing[acmeOrderRow, core.ACMEOrder] {
	return &listing[acmeOrderRow, core.ACMEOrder]{
		table: "acme_orders", conv: (*acmeOrderRow).core, where: ofCredential(within),
		cols: []column{
			col("id", "Order", core.TypeID, "t.id"),
			choice("state", "State", "CASE WHEN t.state IN ('pending', 'ready') AND "+past("t.expires_at", now)+" THEN 'expired' ELSE t.state END",
				core.ACMEOrderStates...),
			shown("identifiers", "Names", core.TypeText, "t.identifiers"),
			col("credential", "Credential", core.TypeID, "t.credential"),
			shown("credential_label", "Label of the credential", core.TypeText, credentialLabel),
			col("group", "Group", core.TypeID, credentialGroup),
			shown("acme_account", "Account", core.TypeID, "t.acme_account"),
			shown("product", "Product", core.TypeID, "t.product"),
			col("profile", "Profile", core.TypeText, "t.profile"),
			shown("problem", "Problem", core.TypeText, "t.problem"),
			col("order", "Order of the certificate", core.TypeID, "t.order_id"),
			col("certificate", "Certificate", core.TypeID, "t.certificate"),
			col("replaces", "Replaces", core.TypeID, "t.replaces"),
			col("expires_at", "Expires", core.TypeTime, "t.expires_at"),
			shown("created_at", "Created", core.TypeTime, "t.created_at"),
			col("updated_at", "Changed", core.TypeTime, "t.updated_at"),
		},
	}
}

// ACMEOrderColumns describes the list of ACME orders.
func (db *DB) ACMEOrderColumns() []core.Column { return acmeOrderList(nil, db.now()).columns() }

// ListACMEOrders lists ACME orders whose credentials are of the groups within;
// nil: of all.
func (db *DB) ListACMEOrders(ctx context.Context, q core.ListQuery, within []core.GroupID) (core.Page[core.ACMEOrder], error) {
	return acmeOrderList(within, db.now()).page(ctx, db, q)
}
