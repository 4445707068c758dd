package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/certwright/certwright/internal/core"
)

// Lists of certificates are searched by parts of texts. On SQLite an FTS5 table
// of trigrams says which rows can match; on PostgreSQL pg_trgm indexes the very
// expressions that the filter compares. Either way the row itself is compared
// too, so the index decides about speed and never about the answer.

const (
	// maxHits is up to how many candidates of the trigram table are read and
	// sorted. Of more, a page is found sooner by walking the list itself.
	maxHits = 5000
	// maxUnindexed is how many rows may wait for the index and still be searched
	// beside it: more wait only for a while after an upgrade.
	maxUnindexed = 2000
	maxTrigrams  = 24 // of a text that is looked for
	indexSlice   = 200
)

// trigramColumns are the columns of certificates with an index by trigrams.
var trigramColumns = []string{"common_name", "names", "subject", "serial"}

// match writes the FTS5 expression that every row fulfils which the filter
// finds, or "": no part of the filter is of use.
func match(columns []string, f core.Filter) string {
	var terms []string
	for _, c := range f {
		switch c.Op {
		case core.OpContains, core.OpStartsWith, core.OpEndsWith, core.OpEquals:
		default:
			continue
		}
		for _, name := range columns {
			if name != c.Column {
				continue
			}
			if parts := trigrams(c.Values[0]); len(parts) > 0 {
				terms = append(terms, name+" : ("+strings.Join(parts, " AND ")+")")
			}
		}
	}
	return strings.Join(terms, " AND ")
}

// trigrams returns parts of s as FTS5 strings; none for texts under three
// characters and for those that no row can hold.
func trigrams(s string) []string {
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return nil
	}
	r := []rune(strings.ToLower(s))
	var out []string
	seen := map[string]bool{}
	for i := 0; i+3 <= len(r) && len(out) < maxTrigrams; i++ {
		p := string(r[i : i+3])
		if seen[p] {
			continue
		}
		seen[p] = true
		out = append(out, `"`+strings.ReplaceAll(p, `"`, `""`)+`"`)
	}
	return out
}

const (
	hits = `SELECT rowid AS number FROM certificates_fts WHERE certificates_fts MATCH ?`
	// searched are the few rows that can match. CROSS JOIN makes SQLite begin
	// with them, and searchedBy makes it find each by its number: without, it
	// walked the list behind a cursor once for each of them.
	searched   = `(` + hits + ` UNION SELECT number FROM certificates_unindexed) AS f CROSS JOIN certificates`
	searchedBy = " INDEXED BY certificates_known"
)

// searchFrom returns what a list with this filter reads instead of its table,
// with one argument; "" for the table.
func (db *DB) searchFrom(ctx context.Context, columns []string, f core.Filter) (from, arg string, err error) {
	if db.dialect != SQLite || len(columns) == 0 {
		return "", "", nil
	}
	m := match(columns, f)
	if m == "" {
		return "", "", nil
	}
	var n, waiting int
	err = db.queryRow(ctx, `SELECT (SELECT COUNT(*) FROM (`+hits+` LIMIT ?)), (SELECT COUNT(*) FROM (SELECT 1 FROM certificates_unindexed LIMIT ?))`,
		m, maxHits+1, maxUnindexed+1).Scan(&n, &waiting)
	if err != nil || n > maxHits || waiting > maxUnindexed {
		return "", "", err
	}
	return searched, m, nil
}

// IndexSearch adds certificates that wait to the trigram table and returns how
// many it took: a short transaction, so that issuing does not wait for it.
// Nothing is to do on PostgreSQL.
func (db *DB) IndexSearch(ctx context.Context) (n int, err error) {
	if db.dialect != SQLite {
		return 0, nil
	}
	err = db.queryRow(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM certificates_unindexed LIMIT 1)`).Scan(&n)
	if err != nil || n == 0 {
		return 0, err
	}
	err = db.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		// Oldest first. The one writer adds no row between the two statements.
		if _, err := in(tx).exec(ctx, `INSERT INTO certificates_fts (rowid, common_name, names, subject, serial)
			SELECT c.number, c.common_name, c.names, c.subject, c.serial
			FROM (SELECT number FROM certificates_unindexed ORDER BY number LIMIT ?) AS u CROSS JOIN certificates c INDEXED BY certificates_known ON c.number = u.number`, indexSlice); err != nil {
			return err
		}
		r, err := in(tx).exec(ctx, `DELETE FROM certificates_unindexed WHERE number IN (SELECT number FROM certificates_unindexed ORDER BY number LIMIT ?)`, indexSlice)
		if err != nil {
			return err
		}
		taken, err := r.RowsAffected()
		n = int(taken)
		return err
	})
	return n, err
}

// makeTrigrams builds the indexes of PostgreSQL. A database in which the
// extension cannot be had works without: lists then compare row by row.
func (db *DB) makeTrigrams(ctx context.Context) error {
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	var all []string
	for _, c := range trigramColumns {
		all = append(all, "(LOWER(COALESCE("+c+", ''))) gin_trgm_ops")
	}
	for _, q := range []string{
		"SELECT pg_advisory_xact_lock(7023418)", // replicas that start together
		"CREATE EXTENSION IF NOT EXISTS pg_trgm",
		"CREATE INDEX IF NOT EXISTS certificates_trigrams ON certificates USING gin (" + strings.Join(all, ", ") + ")",
	} {
		if _, err := tx.Tx.ExecContext(ctx, q); err != nil {
			var p *pgconn.PgError
			// Not permitted, not installed, or no such type of operators.
			if errors.As(err, &p) && (p.Code == "42501" || p.Code == "0A000" || p.Code == "58P01" || p.Code == "42704") {
				db.log.Warn("searching certificates by parts of names will be slow: PostgreSQL's extension pg_trgm is missing", "error", p.Message)
				return nil
			}
			return fmt.Errorf("index certificates for searching: %w", err)
		}
	}
	return tx.Commit()
}
