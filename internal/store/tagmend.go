package store

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"

	"github.com/certwright/certwright/internal/core"
)

// MendTagKinds are the kinds of things that MendTags walks, in its order.
var MendTagKinds = []core.TagKind{core.TagCertificate, core.TagCredential, core.TagOrder}

// mendRows read things with tags in the order of their ids, after one.
var mendRows = map[core.TagKind]string{
	core.TagCertificate: `SELECT id, tags FROM certificates WHERE id > ? AND tags <> '[]' ORDER BY id LIMIT ?`,
	core.TagCredential:  `SELECT id, tags FROM credentials WHERE id > ? AND tags <> '[]' ORDER BY id LIMIT ?`,
	core.TagOrder:       `SELECT order_id, tags FROM order_details WHERE order_id > ? AND tags <> '[]' ORDER BY order_id LIMIT ?`,
}

// MendTags looks at things of a kind after one, at most limit of those that have tags,
// and brings tag_uses and tag_counts into line with what stands in their rows. A program
// from before these tables that works beside this one during an upgrade changes rows
// alone. It returns the last thing looked at ("" at the end) and how many were mended.
func (db *DB) MendTags(ctx context.Context, kind core.TagKind, after string, limit int) (last string, mended int, err error) {
	is, last, err := db.tagsInRows(ctx, kind, after, limit)
	if err != nil {
		return "", 0, err
	}
	known, err := db.tagsInUses(ctx, kind, after, last)
	if err != nil {
		return "", 0, err
	}
	var wrong []string
	for id, tags := range is {
		if !maps.Equal(tags, known[id]) {
			wrong = append(wrong, id)
		}
	}
	for id := range known { // its row has lost all of its tags
		if is[id] == nil {
			wrong = append(wrong, id)
		}
	}
	slices.Sort(wrong)
	for _, id := range wrong {
		err := db.InTx(ctx, func(ctx context.Context, tx core.Tx) error { return in(tx).mendTags(ctx, kind, id) })
		if err != nil {
			return "", mended, err
		}
		mended++
	}
	return last, mended, nil
}

// tagsInRows reads the tags as the rows of things have them; last is "" when there are no
// further rows.
func (db *DB) tagsInRows(ctx context.Context, kind core.TagKind, after string, limit int) (out map[string]map[string]bool, last string, err error) {
	rows, err := db.query(ctx, mendRows[kind], after, limit)
	if err != nil {
		return nil, "", err
	}
	defer rows.Close()
	out = map[string]map[string]bool{}
	n := 0
	for ; rows.Next(); n++ {
		var raw string
		if err := rows.Scan(&last, &raw); err != nil {
			return nil, "", err
		}
		tags, err := fromJSON[[]string](raw)
		if err != nil {
			return nil, "", err
		}
		if len(tags) == 0 { // null
			continue
		}
		out[last] = map[string]bool{}
		for _, t := range tags {
			out[last][core.TagKey(t)] = true
		}
	}
	if err := rows.Err(); err != nil {
		return nil, "", err
	}
	if n < limit {
		last = ""
	}
	return out, last, nil
}

// tagsInUses reads what tag_uses knows of things after one and up to another; "": all
// further ones.
func (db *DB) tagsInUses(ctx context.Context, kind core.TagKind, after, last string) (map[string]map[string]bool, error) {
	q, args := `SELECT object, tag FROM tag_uses WHERE kind = ? AND object > ?`, []any{string(kind), after}
	if last != "" {
		q, args = q+` AND object <= ?`, append(args, last)
	}
	rows, err := db.query(ctx, q, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]map[string]bool{}
	for rows.Next() {
		var object, tag string
		if err := rows.Scan(&object, &tag); err != nil {
			return nil, err
		}
		if out[object] == nil {
			out[object] = map[string]bool{}
		}
		out[object][tag] = true
	}
	return out, rows.Err()
}

// mendTags brings the tables into line with the row of one thing as it is now.
func (t *Tx) mendTags(ctx context.Context, kind core.TagKind, id string) error {
	read := mendRow[kind]
	if t.db.dialect == Postgres {
		read += " FOR UPDATE"
	}
	var raw, account, group string
	err := t.row(ctx, read, id).Scan(&raw, &account)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // its account is being deleted
	}
	if err == nil {
		err = t.row(ctx, mendGroup[kind], id).Scan(&group)
	}
	if err != nil {
		return err
	}
	tags, err := fromJSON[[]string](raw)
	if err != nil {
		return err
	}
	return t.tag(ctx, tagged{kind, id, core.AccountID(account), group}, tags, false)
}

var (
	mendRow = map[core.TagKind]string{
		core.TagCertificate: `SELECT tags, account FROM certificates WHERE id = ?`,
		core.TagCredential:  `SELECT tags, account FROM credentials WHERE id = ?`,
		core.TagOrder:       `SELECT tags, account FROM order_details WHERE order_id = ?`,
	}
	mendGroup = map[core.TagKind]string{
		core.TagCertificate: `SELECT COALESCE(group_id, '') FROM certificates WHERE id = ?`,
		core.TagCredential:  `SELECT COALESCE(group_id, '') FROM credentials WHERE id = ?`,
		core.TagOrder:       `SELECT COALESCE(group_id, '') FROM orders WHERE id = ?`,
	}
)
