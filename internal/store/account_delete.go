package store

import (
	"context"

	"github.com/certwright/certwright/internal/core"
)

// ofAccount are the tables with rows of an account, in an order in which they
// can be emptied: what refers to others comes first. A table without a column
// for the account has the condition that finds its rows.
var ofAccount = []struct{ table, where string }{
	{"deployment_requests", ""},
	{"rest_answers", "credential IN (SELECT id FROM credentials WHERE account = ?)"},
	{"rest_txns", "credential IN (SELECT id FROM credentials WHERE account = ?)"},
	{"rest_tokens", ""},
	{"order_waits", ""},
	{"order_details", ""},
	{"agreement_texts", ""},
	{"consents", ""},
	{"representatives", ""},
	{"documents", ""},
	{"vettings", ""},
	{"domain_attempts", ""},
	{"domains", ""},
	{"renewal_pulls", ""},
	{"acme_order_authorizations", "order_id IN (SELECT id FROM acme_orders WHERE account = ?)"},
	{"authorizations", ""},
	{"acme_orders", ""},
	{"acme_accounts", ""},
	{"approvals", ""},
	{"tag_counts", ""},
	{"tag_uses", ""},
	{"tags", ""},
	{"certificate_bodies", "certificate IN (SELECT id FROM certificates WHERE account = ?)"},
	{"certificates", ""},
	{"orders", ""},
	{"credentials", ""},
	{"products", ""},
	{"issuers", ""},
	{"views", ""},
	{"external_identities", ""},
	{"signin_states", ""},
	{"signin_policies", ""},
	{"setups", ""},
	{"password_resets", ""},
	{"passkeys", ""},
	{"recovery_codes", "user_id IN (SELECT id FROM users WHERE account = ?)"},
	{"totp", ""},
	{"tokens", ""},
	{"sessions", ""},
	{"group_members", ""},
	{"users", ""},
	{"signin_providers", ""},
	{"groups", ""},
	{"organisations", ""},
	{"counters", ""},
}

// DeleteAccount removes an account with everything in it but its rows in the
// audit log. A table is emptied in a transaction of its own, so that others do
// not wait for long; cut off in the middle it can be called again. The account
// itself goes last. Progress is told each table, and how many there are.
func (db *DB) DeleteAccount(ctx context.Context, id core.AccountID, progress func(done, total int)) error {
	for i, t := range ofAccount {
		progress(i, len(ofAccount))
		err := db.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
			if t.table == "certificates" {
				if err := db.unsearch(ctx, tx, id); err != nil {
					return err
				}
			}
			where := t.where
			if where == "" {
				where = "account = ?"
			}
			_, err := in(tx).exec(ctx, "DELETE FROM "+t.table+" WHERE "+where, string(id))
			return err
		})
		if err != nil {
			return err
		}
	}
	progress(len(ofAccount), len(ofAccount))
	return db.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		_, err := in(tx).exec(ctx, "DELETE FROM accounts WHERE id = ?", string(id))
		return err
	})
}

// unsearch takes an account's certificates out of the trigram table, which
// wants to be told the text that it was given.
func (db *DB) unsearch(ctx context.Context, tx core.Tx, id core.AccountID) error {
	if db.dialect != SQLite {
		return nil
	}
	_, err := in(tx).exec(ctx, `INSERT INTO certificates_fts (certificates_fts, rowid, common_name, names, subject, serial)
		SELECT 'delete', number, common_name, names, subject, serial FROM certificates
		WHERE account = ? AND number NOT IN (SELECT number FROM certificates_unindexed)`, string(id))
	if err != nil {
		return err
	}
	_, err = in(tx).exec(ctx, `DELETE FROM certificates_unindexed WHERE number IN (SELECT number FROM certificates WHERE account = ?)`, string(id))
	return err
}
