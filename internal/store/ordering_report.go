package store

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/ordering"
)

// among adds a condition "column is one of"; none: no condition.
func among[T ~string](w *conds, expr string, list []T) {
	if len(list) == 0 {
		return
	}
	args := make([]any, len(list))
	for i, v := range list {
		args[i] = string(v)
	}
	w.add(expr+" IN (?"+strings.Repeat(", ?", len(args)-1)+")", args...)
}

// between adds the conditions of a period, both ends inclusive.
func (w *conds) between(expr string, from, till time.Time) {
	if !from.IsZero() {
		w.add(expr+" >= ?", micros(from))
	}
	if !till.IsZero() {
		w.add(expr+" <= ?", micros(till))
	}
}

// like adds a condition "column contains", without regard to case.
func (w *conds) like(expr, part string) {
	if part != "" {
		w.add("LOWER(COALESCE("+expr+`, '')) LIKE ? ESCAPE '\'`, "%"+escapeLike(strings.ToLower(part))+"%")
	}
}

const reportFrom = ` FROM orders t LEFT JOIN order_details d ON d.order_id = t.id LEFT JOIN certificates c ON c.id = t.certificate
	LEFT JOIN organisations o ON o.id = d.organisation LEFT JOIN issuers i ON i.id = t.issuer WHERE `

// reportConds turns a query into conditions.
func reportConds(account core.AccountID, s ordering.Scope, q *ordering.Query, now time.Time) *conds {
	w := &conds{now: now}
	w.add("t.account = ?", string(account))
	if !s.AllGroups {
		among(w, "t.group_id", s.Groups)
	}
	among(w, "t.product", s.Products)
	among(w, "t.group_id", q.Groups)
	among(w, "t.product", q.Products)
	among(w, "t.state", q.States)
	among(w, "c.state", q.CertStates)
	among(w, "t.issuer", q.Issuers)
	if q.Expired != nil {
		op := ">"
		if *q.Expired {
			op = "<="
		}
		w.add("c.not_after "+op+" ?", micros(now))
	}
	w.between("t.created_at", q.From, q.Till)
	w.between("c.not_after", q.EndsFrom, q.EndsTill)
	w.like("t.names", q.Name)
	w.like("o.name", q.Organisation)
	if q.Number > 0 {
		w.add("t.number = ? AND t.state <> 'draft'", q.Number)
	}
	if q.Request > 0 {
		w.add("d.request = ?", q.Request)
	}
	if q.Requestor != "" {
		w.add("d.requestor = ?", strings.ToLower(q.Requestor))
	}
	if q.Issued {
		w.add("t.certificate IS NOT NULL")
	}
	w.tagged(q.Tags, q.AllTags)
	return w
}

// tagged selects by whole tags of the order: any of them, or all.
func (w *conds) tagged(tags []string, all bool) {
	if len(tags) == 0 {
		return
	}
	each := make([]string, len(tags))
	args := make([]any, len(tags))
	for i, t := range tags {
		j, _ := json.Marshal(strings.ToLower(t)) // a text always marshals
		each[i], args[i] = `LOWER(COALESCE(d.tags, '')) LIKE ? ESCAPE '\'`, "%"+escapeLike(string(j))+"%"
	}
	op := " OR "
	if all {
		op = " AND "
	}
	w.add("("+strings.Join(each, op)+")", args...)
}

// ReportOrders implements ordering.Storage.
func (db *DB) ReportOrders(ctx context.Context, account core.AccountID, s ordering.Scope, q ordering.Query) ([]ordering.Row, int, error) {
	w := reportConds(account, s, &q, db.now())
	where := strings.Join(w.conds, " AND ")
	var total int
	if err := db.queryRow(ctx, "SELECT COUNT(*)"+reportFrom+where, w.args...).Scan(&total); err != nil || total <= q.Offset {
		return nil, total, away(err)
	}
	rows, err := db.query(ctx, "SELECT t.id, COALESCE(t.certificate, ''), COALESCE(o.name, ''), COALESCE(o.country, ''), COALESCE(i.name, '')"+reportFrom+where+
		" ORDER BY t.id DESC LIMIT "+strconv.Itoa(q.Limit)+" OFFSET "+strconv.Itoa(q.Offset), w.args...)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	var out []ordering.Row
	var orders, certificates []string
	for rows.Next() {
		var id, certificate string
		var r ordering.Row
		if err := rows.Scan(&id, &certificate, &r.Organisation, &r.Country, &r.Issuer); err != nil {
			return nil, 0, err
		}
		orders, certificates, out = append(orders, id), append(certificates, certificate), append(out, r)
	}
	if err := rows.Err(); err != nil {
		return nil, 0, away(err)
	}
	return out, total, db.fillReport(ctx, out, orders, certificates)
}

// fillReport reads what the rows of a page are about.
func (db *DB) fillReport(ctx context.Context, out []ordering.Row, orders, certificates []string) error {
	if len(out) == 0 {
		return nil
	}
	read := func(model any, column string, ids []string) error {
		w := &conds{}
		among(w, column, ids)
		return db.read.NewSelect().Model(model).Where(w.conds[0], w.args...).Scan(ctx)
	}
	var os []orderRow
	var ds []detailsRow
	var cs []certificateRow
	if err := read(&os, "t.id", orders); err != nil {
		return err
	}
	if err := read(&ds, "t.order_id", orders); err != nil {
		return err
	}
	if err := read(&cs, "t.id", certificates); err != nil {
		return err
	}
	place := make(map[string]int, 2*len(out))
	for i := range out {
		place[orders[i]] = i
		if certificates[i] != "" {
			place[certificates[i]] = i
		}
	}
	for i := range os {
		o, err := os[i].core()
		if err != nil {
			return err
		}
		out[place[os[i].ID]].Order = o
	}
	for i := range ds {
		d, err := ds[i].core()
		if err != nil {
			return err
		}
		out[place[ds[i].Order]].Details = d
	}
	for i := range cs {
		c, err := cs[i].core()
		if err != nil {
			return err
		}
		out[place[cs[i].ID]].Certificate = &c
	}
	return nil
}
