package storetest

import (
	"fmt"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/store"
)

// RowAccount is the account of the rows of [Certificates].
const RowAccount = core.AccountID("rows")

// Certificates puts n certificates into the table, without issuing them, so
// that lists can be measured. Number i has the name host-i.dept-d.example.com
// (d = i modulo 97), the group g-k (k = i modulo 50), one of seven products
// p-0 to p-6, and every thousandth is revoked. The oldest has the number 1.
func Certificates(t testing.TB, db *store.DB, n int) {
	t.Helper()
	octet := "X'00'"
	if db.Dialect() == store.Postgres {
		octet = `'\x00'::bytea`
	}
	name := `'host-' || CAST(i AS TEXT) || '.dept-' || CAST(i % 97 AS TEXT) || '.example.com'`
	text := fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO certificates (id, account, number, issuer, product, user_id, group_id, protocol, state, serial, subject, common_name, names,
		key_algorithm, spki_hash, not_before, not_after, reason, has_key, tags, notified, created_at, revoked_at)
		SELECT '01900000-0000-7000-8000-' || CAST(100000000000 + i AS TEXT), '%s', i, 'issuer', 'p-' || CAST(i %% 7 AS TEXT), 'user', 'g-' || CAST(i %% 50 AS TEXT), 'est',
		CASE WHEN i %% 1000 = 0 THEN 'revoked' ELSE 'active' END, CAST(1000000000 + (i * 2654435761) %% 4294967296 AS TEXT) || CAST(i AS TEXT),
		'CN=' || %s || ',O=Example ' || CAST(i %% 31 AS TEXT), %s, '["dns:' || %s || '"]', 'ecdsa-p256', %s,
		1700000000000000 + i * 1000000, 1800000000000000 + (i * 7919) %% 1000003 * 1000000, 0, FALSE, '[]', 0, 1700000000000000 + i * 1000000,
		CASE WHEN i %% 1000 = 0 THEN 1750000000000000 ELSE NULL END FROM n`, n, RowAccount, name, name, name, octet)
	if _, err := db.SQL().ExecContext(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	if db.Dialect() == store.Postgres {
		if _, err := db.SQL().ExecContext(t.Context(), "VACUUM ANALYZE certificates"); err != nil {
			t.Fatal(err)
		}
	}
}

// Tag gives a tag to the certificates of [Certificates] with the numbers from
// one to another, as lists and counts find it; the rows themselves do not show it.
func Tag(t testing.TB, db *store.DB, tag string, from, to int) {
	t.Helper()
	for _, text := range []string{
		fmt.Sprintf(`INSERT INTO tags (account, tag, name, tag_key, tag_value) VALUES ('%s', '%s', '%s', '%s', '')`, RowAccount, tag, tag, tag),
		fmt.Sprintf(`INSERT INTO tag_uses (kind, object, tag, account) SELECT 'certificate', id, '%s', account FROM certificates
			WHERE account = '%s' AND number BETWEEN %d AND %d`, tag, RowAccount, from, to),
		fmt.Sprintf(`INSERT INTO tag_counts (account, tag, kind, group_id, uses) SELECT account, '%s', 'certificate', COALESCE(group_id, ''), COUNT(*) FROM certificates
			WHERE account = '%s' AND number BETWEEN %d AND %d GROUP BY account, COALESCE(group_id, '')`, tag, RowAccount, from, to),
	} {
		if _, err := db.SQL().ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	if db.Dialect() == store.Postgres {
		if _, err := db.SQL().ExecContext(t.Context(), "VACUUM ANALYZE tag_uses, tag_counts"); err != nil {
			t.Fatal(err)
		}
	}
}
