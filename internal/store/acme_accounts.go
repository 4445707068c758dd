package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/certwright/certwright/internal/core"
)

// acmeAccountRow is a row of acme_accounts.
type acmeAccountRow struct {
	bun.BaseModel `bun:"table:acme_accounts,alias:t"`
	ID            string `bun:"id,pk"`
	Account       string `bun:"account"`
	Credential    string `bun:"credential"`
	State         string `bun:"state"`
	Key           []byte `bun:"jwk"`
	Thumbprint    string `bun:"thumbprint"`
	Contacts      string `bun:"contacts"`
	Terms         bool   `bun:"terms"`
	External      string `bun:"external"`
	Address       string `bun:"address"`
	CreatedAt     int64  `bun:"created_at"`
	UpdatedAt     int64  `bun:"updated_at"`
}

const selectACMEAccount = `SELECT id, account, credential, state, jwk, thumbprint, contacts, terms, external, address, created_at, updated_at FROM acme_accounts WHERE `

func (r *acmeAccountRow) core() (core.ACMEAccount, error) {
	a := core.ACMEAccount{ID: core.ACMEAccountID(r.ID), Account: core.AccountID(r.Account), Credential: core.CredentialID(r.Credential),
		State: core.ACMEAccountState(r.State), Key: r.Key, Thumbprint: r.Thumbprint, Terms: r.Terms, External: r.External, Address: r.Address,
		CreatedAt: timeAt(r.CreatedAt), UpdatedAt: timeAt(r.UpdatedAt)}
	return a, texts(&a.Contacts, r.Contacts)
}

// oneACMEAccount reads one row. Every request of every ACME client passes here.
func (db *DB) oneACMEAccount(ctx context.Context, where string, args ...any) (*core.ACMEAccount, error) {
	var r acmeAccountRow
	err := db.queryRow(ctx, selectACMEAccount+where, args...).Scan(&r.ID, &r.Account, &r.Credential, &r.State, &r.Key, &r.Thumbprint, &r.Contacts,
		&r.Terms, &r.External, &r.Address, &r.CreatedAt, &r.UpdatedAt)
	if err != nil {
		return nil, notFound(err, "ACME account")
	}
	a, err := r.core()
	return &a, err
}

// InsertACMEAccount implements acme.Storage.
func (db *DB) InsertACMEAccount(ctx context.Context, tx core.Tx, a *core.ACMEAccount) (bool, error) {
	r, err := in(tx).exec(ctx, `INSERT INTO acme_accounts (id, account, credential, state, jwk, thumbprint, contacts, terms, external, address, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (credential, thumbprint) DO NOTHING`, string(a.ID), string(a.Account), string(a.Credential),
		string(a.State), a.Key, a.Thumbprint, toJSON(a.Contacts), a.Terms, a.External, a.Address, micros(a.CreatedAt), micros(a.UpdatedAt))
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n == 1, err
}

// ACMEAccount implements acme.Storage.
func (db *DB) ACMEAccount(ctx context.Context, credential core.CredentialID, id core.ACMEAccountID) (*core.ACMEAccount, error) {
	return db.oneACMEAccount(ctx, "id = ? AND credential = ?", string(id), string(credential))
}

// ACMEAccountByKey implements acme.Storage.
func (db *DB) ACMEAccountByKey(ctx context.Context, credential core.CredentialID, thumbprint string) (*core.ACMEAccount, error) {
	return db.oneACMEAccount(ctx, "credential = ? AND thumbprint = ?", string(credential), thumbprint)
}

// FindACMEAccount finds an account of any credential of the tenant.
func (db *DB) FindACMEAccount(ctx context.Context, account core.AccountID, id core.ACMEAccountID) (*core.ACMEAccount, error) {
	return db.oneACMEAccount(ctx, "id = ? AND account = ?", string(id), string(account))
}

// UpdateACMEAccount implements acme.Storage.
func (db *DB) UpdateACMEAccount(ctx context.Context, tx core.Tx, a *core.ACMEAccount, from core.ACMEAccountState, thumbprint string) error {
	r, err := in(tx).exec(ctx, `UPDATE acme_accounts SET state = ?, jwk = ?, thumbprint = ?, contacts = ?, terms = ?, updated_at = ?
		WHERE id = ? AND credential = ? AND state = ? AND thumbprint = ?`, string(a.State), a.Key, a.Thumbprint, toJSON(a.Contacts), a.Terms,
		micros(a.UpdatedAt), string(a.ID), string(a.Credential), string(from), thumbprint)
	return changed(r, exists(err, "another account has this key"), "ACME account")
}

// SetACMEAccountState changes the state of an account that still has the state
// from; else it answers conflict.
func (db *DB) SetACMEAccountState(ctx context.Context, tx core.Tx, account core.AccountID, id core.ACMEAccountID, from, to core.ACMEAccountState) error {
	r, err := in(tx).exec(ctx, `UPDATE acme_accounts SET state = ?, updated_at = ? WHERE id = ? AND account = ? AND state = ?`,
		string(to), micros(db.now()), string(id), string(account), string(from))
	return changed(r, err, "ACME account")
}

// CountACMEAccounts implements acme.Storage.
func (db *DB) CountACMEAccounts(ctx context.Context, tx core.Tx, credential core.CredentialID) (n int, err error) {
	if db.dialect == Postgres {
		var id string
		if err := in(tx).row(ctx, `SELECT id FROM credentials WHERE id = ? FOR UPDATE`, string(credential)).Scan(&id); err != nil {
			return 0, notFound(err, "credential")
		}
	}
	err = in(tx).row(ctx, `SELECT COUNT(*) FROM acme_accounts WHERE credential = ? AND state = 'valid'`, string(credential)).Scan(&n)
	return n, err
}

// ofCredential restricts a list of rows that name their credential to the
// groups given; nil restricts nothing.
func ofCredential(within []core.GroupID) string { return withinGroups(credentialGroup, within) }

const credentialGroup = "(SELECT c.group_id FROM credentials c WHERE c.id = t.credential)"

// credentialLabel is how the lists of ACME objects name their credential.
const credentialLabel = "(SELECT c.label FROM credentials c WHERE c.id = t.credential)"

func acmeAccountList(within []core.GroupID) *listing[acmeAccountRow, core.ACMEAccount] {
	return &listing[acmeAccountRow, core.ACMEAccount]{
		table: "acme_accounts", conv: (*acmeAccountRow).core, where: ofCredential(within),
		cols: []column{
			col("id", "Account", core.TypeID, "t.id"),
			choice("state", "State", "t.state", core.ACMEAccountStates...),
			col("credential", "Credential", core.TypeID, "t.credential"),
			shown("credential_label", "Label of the credential", core.TypeText, credentialLabel),
			col("group", "Group", core.TypeID, credentialGroup),
			shown("contacts", "Contacts", core.TypeText, "t.contacts"),
			shown("thumbprint", "Thumbprint of the key", core.TypeText, "t.thumbprint"),
			col("external", "External account", core.TypeText, "t.external"),
			col("address", "Made from", core.TypeText, "t.address"),
			shown("created_at", "Created", core.TypeTime, "t.created_at"),
			col("updated_at", "Changed", core.TypeTime, "t.updated_at"),
		},
	}
}

// ACMEAccountColumns describes the list of ACME accounts.
func (db *DB) ACMEAccountColumns() []core.Column { return acmeAccountList(nil).columns() }

// ListACMEAccounts lists ACME accounts whose credentials are of the groups
// within; nil: of all.
func (db *DB) ListACMEAccounts(ctx context.Context, q core.ListQuery, within []core.GroupID) (core.Page[core.ACMEAccount], error) {
	return acmeAccountList(within).page(ctx, db, q)
}

// redeemNonce is a transaction of its own that does not wait until it is
// durable. It need not: whatever the request then changes is committed later
// and waits, and PostgreSQL makes its log durable in the order of commits. So a
// crash loses the record of a nonce only together with all that its request did.
const redeemNonce = `INSERT INTO nonces (id, until) SELECT ?::bytea, ?::bigint FROM (SELECT set_config('synchronous_commit', 'off', true)) relaxed
	ON CONFLICT DO NOTHING`

// RedeemNonce implements acme.Storage.
func (db *DB) RedeemNonce(ctx context.Context, id []byte, until time.Time) (fresh bool, err error) {
	if db.dialect == Postgres {
		r, err := db.write.DB.ExecContext(ctx, db.rebind(redeemNonce), id, micros(until))
		if err != nil {
			return false, away(err)
		}
		n, err := r.RowsAffected()
		return n == 1, err
	}
	err = db.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		r, err := in(tx).exec(ctx, `INSERT INTO nonces (id, until) VALUES (?, ?) ON CONFLICT DO NOTHING`, id, micros(until))
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		fresh = n == 1
		return err
	})
	return fresh && err == nil, err
}

// forgetBatch bounds how long a writer is kept from its other callers.
const forgetBatch = 2000

// ForgetNonces removes nonces that could not be used after before.
func (db *DB) ForgetNonces(ctx context.Context, before time.Time) (total int, err error) {
	for {
		var n int64
		err := db.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
			r, err := in(tx).exec(ctx, `DELETE FROM nonces WHERE id IN (SELECT id FROM nonces WHERE until < ? LIMIT ?)`, micros(before), forgetBatch)
			if err != nil {
				return err
			}
			n, err = r.RowsAffected()
			return err
		})
		if err != nil {
			return total, err
		}
		if total += int(n); n < forgetBatch {
			return total, nil
		}
	}
}
