package store

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/certwright/certwright/internal/core"
)

// tagged is a thing that has tags.
type tagged struct {
	kind    core.TagKind
	object  string
	account core.AccountID
	group   string
}

const (
	tagNew = `INSERT INTO tags (account, tag, name, tag_key, tag_value) VALUES (?, ?, ?, ?, ?) ON CONFLICT (account, tag) DO NOTHING`
	tagUse = `INSERT INTO tag_uses (kind, object, tag, account) VALUES (?, ?, ?, ?)`
	tagAdd = `INSERT INTO tag_counts (account, tag, kind, group_id, uses) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (account, tag, kind, group_id) DO UPDATE SET uses = tag_counts.uses + excluded.uses`
	tagUnuse = `DELETE FROM tag_uses WHERE kind = ? AND object = ? AND tag = ?`
)

// tag brings tag_uses and tag_counts into line with the tags of a thing whose
// row this transaction has written, and so holds. fresh things had none.
func (t *Tx) tag(ctx context.Context, o tagged, tags []string, fresh bool) error {
	if fresh && len(tags) == 0 {
		return nil
	}
	want := map[string]string{}
	for _, name := range tags {
		if k := core.TagKey(name); want[k] == "" {
			want[k] = name
		}
	}
	counts := map[string]int{}
	if !fresh {
		had, err := t.texts(ctx, `SELECT tag FROM tag_uses WHERE kind = ? AND object = ?`, string(o.kind), o.object)
		if err != nil {
			return err
		}
		for _, k := range had {
			if want[k] != "" {
				delete(want, k)
				continue
			}
			if _, err := t.exec(ctx, tagUnuse, string(o.kind), o.object, k); err != nil {
				return err
			}
			counts[k]--
		}
	}
	for k, name := range want {
		if err := t.nameTag(ctx, o.account, name); err != nil {
			return err
		}
		if _, err := t.exec(ctx, tagUse, string(o.kind), o.object, k, string(o.account)); err != nil {
			return err
		}
		counts[k]++
	}
	return t.countTags(ctx, o, counts)
}

// nameTag makes sure that a tag has its row.
func (t *Tx) nameTag(ctx context.Context, account core.AccountID, name string) error {
	key, value := core.SplitTag(name)
	_, err := t.exec(ctx, tagNew, string(account), core.TagKey(name), name, key, value)
	return err
}

// countTags adds to the numbers, in one order for all, so that transactions
// wait for each other instead of locking each other out.
func (t *Tx) countTags(ctx context.Context, o tagged, counts map[string]int) error {
	keys := make([]string, 0, len(counts))
	for k := range counts {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		if _, err := t.exec(ctx, tagAdd, string(o.account), k, string(o.kind), o.group, counts[k]); err != nil {
			return err
		}
	}
	return nil
}

// tagOrder is tag for an order that is put together step by step.
func (t *Tx) tagOrder(ctx context.Context, d *core.OrderDetails, fresh bool) error {
	if fresh && len(d.Ask.Tags) == 0 {
		return nil
	}
	var group string
	if err := t.row(ctx, `SELECT COALESCE(group_id, '') FROM orders WHERE id = ?`, string(d.Order)).Scan(&group); err != nil {
		return notFound(err, "order")
	}
	return t.tag(ctx, tagged{core.TagOrder, string(d.Order), d.Account, group}, d.Ask.Tags, fresh)
}

// texts reads a column of texts inside the transaction.
func (t *Tx) texts(ctx context.Context, q string, args ...any) ([]string, error) {
	return columnOf[string](t.now().Tx.QueryContext(ctx, t.db.rebind(q), args...))
}

// SetCertificateTags replaces the tags of a certificate.
func (db *DB) SetCertificateTags(ctx context.Context, tx core.Tx, account core.AccountID, id core.CertificateID, tags []string) error {
	var group string
	err := in(tx).row(ctx, `UPDATE certificates SET tags = ? WHERE id = ? AND account = ? RETURNING COALESCE(group_id, '')`,
		toJSON(tags), string(id), string(account)).Scan(&group)
	if err != nil {
		return notFound(err, "certificate")
	}
	return in(tx).tag(ctx, tagged{core.TagCertificate, string(id), account, group}, tags, false)
}

// tagCond restricts a list to things with a tag, or to those without it. Of a
// tag that many things have the list is walked and each looked up; else they are
// all read and sorted.
func (db *DB) tagCond(ctx context.Context, account core.AccountID, kind core.TagKind, f core.Cond) (string, []any, error) {
	has := "EXISTS (SELECT 1 FROM tag_uses u WHERE u.kind = ? AND u.object = t.id AND u.tag = ?)"
	if db.dialect == Postgres { // OFFSET keeps it from making a join of this, which reads all uses
		has = strings.TrimSuffix(has, ")") + " OFFSET 0)"
	}
	tag := core.TagKey(f.Values[0])
	args := []any{string(kind), tag}
	if f.Op == core.OpNotEquals {
		return "NOT " + has, args, nil
	}
	var n int64
	err := db.queryRow(ctx, `SELECT COALESCE(SUM(uses), 0) FROM tag_counts WHERE account = ? AND tag = ? AND kind = ?`, string(account), tag, string(kind)).Scan(&n)
	if n > maxHits {
		return has, args, err
	}
	return "t.id IN (SELECT u.object FROM tag_uses u WHERE u.account = ? AND u.tag = ? AND u.kind = ?)", []any{string(account), tag, string(kind)}, err
}

// loneTag returns the condition of a join with tag_uses when a filter is for a
// tag and nothing else, and the list is in its usual order; else "".
func (l *listing[R, T]) loneTag(q core.ListQuery) (string, []any) {
	if len(q.Filter) != 1 || q.Filter[0].Op != core.OpEquals || q.Sort.Column != "" || l.key != nil {
		return "", nil
	}
	c := l.find(q.Filter[0].Column)
	if c.uses == "" {
		return "", nil
	}
	return "u.account = ? AND u.tag = ? AND u.kind = ? AND t.id = u.object", []any{string(q.Account), core.TagKey(q.Filter[0].Values[0]), string(c.uses)}
}

// tagRow is a row of the list of tags.
type tagRow struct {
	bun.BaseModel `bun:"table:tags,alias:t"`
	Account       string `bun:"account"`
	Tag           string `bun:"tag"`
	Name          string `bun:"name"`
	Key           string `bun:"tag_key"`
	Value         string `bun:"tag_value"`
	Certificates  int64  `bun:"certificates"`
	Credentials   int64  `bun:"credentials"`
	Orders        int64  `bun:"orders"`
}

func (r *tagRow) core() (core.Tag, error) {
	return core.Tag{Account: core.AccountID(r.Account), Tag: r.Name, Key: r.Key, Value: r.Value,
		Certificates: r.Certificates, Credentials: r.Credentials, Orders: r.Orders}, nil
}

// tagList is the list of tags with the numbers that somebody may see.
func tagList(scope core.TagScope) *listing[tagRow, core.Tag] {
	sum := func(kind core.TagKind, as string) string {
		where := withinGroups("c.group_id", scope[kind])
		if where != "" {
			where = " AND " + where
		}
		return "(SELECT COALESCE(SUM(c.uses), 0) FROM tag_counts c WHERE c.account = g.account AND c.tag = g.tag AND c.kind = '" + string(kind) + "'" + where + ") AS " + as
	}
	return &listing[tagRow, core.Tag]{
		table: "(SELECT g.account, g.tag, g.name, g.tag_key, g.tag_value, " + sum(core.TagCertificate, "certificates") + ", " +
			sum(core.TagCredential, "credentials") + ", " + sum(core.TagOrder, "orders") + " FROM tags g)",
		key: []string{"t.tag"}, where: "t.certificates + t.credentials + t.orders > 0", conv: (*tagRow).core,
		cols: []column{
			{Column: core.Column{Name: "tag", Title: "Tag", Type: core.TypeText, Sortable: true, Default: true}, expr: "t.tag", notNull: true},
			{Column: core.Column{Name: "key", Title: "Key", Type: core.TypeText, Sortable: true, Default: true}, expr: "t.tag_key", notNull: true},
			{Column: core.Column{Name: "value", Title: "Value", Type: core.TypeText, Sortable: true, Default: true}, expr: "t.tag_value", notNull: true},
			{Column: core.Column{Name: "certificates", Title: "Certificates", Type: core.TypeNumber, Sortable: true, Default: true}, expr: "t.certificates", notNull: true},
			{Column: core.Column{Name: "credentials", Title: "API credentials", Type: core.TypeNumber, Sortable: true, Default: true}, expr: "t.credentials", notNull: true},
			{Column: core.Column{Name: "orders", Title: "Orders", Type: core.TypeNumber, Sortable: true, Default: true}, expr: "t.orders", notNull: true},
		},
	}
}

// TagColumns describes the list of tags.
func (db *DB) TagColumns() []core.Column { return tagList(nil).columns() }

// ListTags lists the tags in use.
func (db *DB) ListTags(ctx context.Context, q core.ListQuery, scope core.TagScope) (core.Page[core.Tag], error) {
	return tagList(scope).page(ctx, db, q)
}

// TagsOf returns the forms under which the tags of a change are known, with or
// without uses; inventory.Storage.
func (db *DB) TagsOf(ctx context.Context, account core.AccountID, ch core.TagChange) ([]string, error) {
	k := core.TagKey(ch.From)
	q, args := `SELECT tag FROM tags WHERE account = ? AND tag = ?`, []any{string(account), k}
	if ch.Key {
		q, args = `SELECT tag FROM tags WHERE account = ? AND (tag = ? OR tag LIKE ? ESCAPE '\')`, []any{string(account), k, escapeLike(k+":") + "%"}
	}
	return columnOf[string](db.query(ctx, q+" ORDER BY tag", args...))
}

// CountTagged counts the things that have one of the tags, one for each tag.
func (db *DB) CountTagged(ctx context.Context, account core.AccountID, tags []string) (n int64, err error) {
	for _, t := range tags {
		var one int64
		if err := db.queryRow(ctx, `SELECT COALESCE(SUM(uses), 0) FROM tag_counts WHERE account = ? AND tag = ?`, string(account), t).Scan(&one); err != nil {
			return 0, err
		}
		n += one
	}
	return n, nil
}

// ChangeTagged applies a change to at most limit things that have the tag, in
// order, beginning after one, and returns the last of them; "" at the end.
func (db *DB) ChangeTagged(ctx context.Context, tx core.Tx, account core.AccountID, tag string, ch core.TagChange, after string, limit int) (last string, n int, err error) {
	t := in(tx)
	kind, object, _ := strings.Cut(after, "/")
	list, err := t.texts(ctx, `SELECT kind || '/' || object FROM tag_uses WHERE account = ? AND tag = ? AND (kind, object) > (?, ?)
		ORDER BY kind, object LIMIT ?`, string(account), tag, kind, object, limit)
	if err != nil {
		return "", 0, err
	}
	for _, o := range list {
		kind, object, _ := strings.Cut(o, "/")
		if err := t.changeTagged(ctx, account, core.TagKind(kind), object, ch); err != nil {
			return "", 0, err
		}
	}
	if len(list) < limit {
		return "", len(list), nil
	}
	return list[len(list)-1], len(list), nil
}

// taggedRows say where the tags of a kind of things stand.
var taggedRows = map[core.TagKind]struct{ read, write string }{
	core.TagCertificate: {`SELECT tags, COALESCE(group_id, '') FROM certificates WHERE id = ?`,
		`UPDATE certificates SET tags = ? WHERE id = ?`},
	core.TagCredential: {`SELECT tags, group_id FROM credentials WHERE id = ?`,
		`UPDATE credentials SET tags = ?, version = version + 1 WHERE id = ?`},
	core.TagOrder: {`SELECT d.ask, COALESCE(o.group_id, '') FROM order_details d JOIN orders o ON o.id = d.order_id WHERE d.order_id = ?`,
		`UPDATE order_details SET tags = ?, ask = ?, version = version + 1 WHERE order_id = ?`},
}

// changeTagged changes the tags of one thing.
func (t *Tx) changeTagged(ctx context.Context, account core.AccountID, kind core.TagKind, id string, ch core.TagChange) error {
	q := taggedRows[kind]
	read := q.read
	if t.db.dialect == Postgres {
		read += " FOR UPDATE"
	}
	var raw, group string
	if err := t.row(ctx, read, id).Scan(&raw, &group); err != nil {
		return notFound(err, string(kind))
	}
	if kind == core.TagOrder {
		var ask core.OrderAsk
		if err := json.Unmarshal([]byte(raw), &ask); err != nil {
			return err
		}
		var changed bool
		if ask.Tags, changed = ch.Apply(ask.Tags); changed {
			if _, err := t.exec(ctx, q.write, toJSON(ask.Tags), toJSON(ask), id); err != nil {
				return err
			}
		}
		return t.tag(ctx, tagged{kind, id, account, group}, ask.Tags, false)
	}
	tags, err := fromJSON[[]string](raw)
	if err != nil {
		return err
	}
	tags, changed := ch.Apply(tags)
	if changed {
		if _, err := t.exec(ctx, q.write, toJSON(tags), id); err != nil {
			return err
		}
	}
	return t.tag(ctx, tagged{kind, id, account, group}, tags, false)
}

// SpellTag sets how a tag is written in lists.
func (db *DB) SpellTag(ctx context.Context, tx core.Tx, account core.AccountID, name string) error {
	key, value := core.SplitTag(name)
	_, err := in(tx).exec(ctx, `UPDATE tags SET name = ?, tag_key = ?, tag_value = ? WHERE account = ? AND tag = ?`,
		name, key, value, string(account), core.TagKey(name))
	return err
}
