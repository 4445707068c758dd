package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/certwright/certwright/internal/core"
)

// viewRow is a row of views.
type viewRow struct {
	bun.BaseModel `bun:"table:views,alias:t"`
	ID            string `bun:"id,pk"`
	Account       string `bun:"account"`
	User          string `bun:"user_id"`
	List          string `bun:"list"`
	Name          string `bun:"name"`
	Shared        bool   `bun:"shared"`
	Filter        string `bun:"filter"`
	Sort          string `bun:"sort"`
	Columns       string `bun:"columns"`
	Version       int    `bun:"version"`
	CreatedAt     int64  `bun:"created_at"`
	UpdatedAt     int64  `bun:"updated_at"`
}

const selectView = `SELECT id, account, user_id, list, name, shared, filter, sort, columns, version, created_at, updated_at FROM views WHERE `

func (r *viewRow) core() (core.View, error) {
	v := core.View{ID: core.ViewID(r.ID), Account: core.AccountID(r.Account), User: core.UserID(r.User), List: r.List, Name: r.Name, Shared: r.Shared,
		Sort: r.Sort, Version: r.Version, CreatedAt: timeAt(r.CreatedAt), UpdatedAt: timeAt(r.UpdatedAt)}
	var err error
	if v.Filter, err = fromJSON[[]string](r.Filter); err != nil {
		return v, err
	}
	v.Columns, err = fromJSON[[]string](r.Columns)
	return v, err
}

// View finds a view.
func (db *DB) View(ctx context.Context, account core.AccountID, id core.ViewID) (*core.View, error) {
	var r viewRow
	err := db.queryRow(ctx, selectView+"id = ? AND account = ?", string(id), string(account)).Scan(&r.ID, &r.Account, &r.User, &r.List, &r.Name, &r.Shared,
		&r.Filter, &r.Sort, &r.Columns, &r.Version, &r.CreatedAt, &r.UpdatedAt)
	if err != nil {
		return nil, notFound(err, "view")
	}
	v, err := r.core()
	return &v, err
}

// CountViews counts the views of a user.
func (db *DB) CountViews(ctx context.Context, account core.AccountID, user core.UserID) (n int, err error) {
	err = db.queryRow(ctx, `SELECT COUNT(*) FROM views WHERE account = ? AND user_id = ?`, string(account), string(user)).Scan(&n)
	return n, err
}

// InsertView adds a view; conflict when its user has one of that name.
func (db *DB) InsertView(ctx context.Context, tx core.Tx, v *core.View) error {
	_, err := in(tx).exec(ctx, `INSERT INTO views (id, account, user_id, list, name, shared, filter, sort, columns, version, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, string(v.ID), string(v.Account), string(v.User), v.List, v.Name, v.Shared, toJSON(v.Filter), v.Sort,
		toJSON(v.Columns), v.Version, micros(v.CreatedAt), micros(v.UpdatedAt))
	return exists(err, "you have a view %q of this list", v.Name)
}

// UpdateView writes a view if its version is still v.Version-1.
func (db *DB) UpdateView(ctx context.Context, tx core.Tx, v *core.View) error {
	r, err := in(tx).exec(ctx, `UPDATE views SET name = ?, shared = ?, filter = ?, sort = ?, columns = ?, version = ?, updated_at = ?
		WHERE id = ? AND account = ? AND version = ?`, v.Name, v.Shared, toJSON(v.Filter), v.Sort, toJSON(v.Columns), v.Version, micros(v.UpdatedAt),
		string(v.ID), string(v.Account), v.Version-1)
	return changed(r, exists(err, "you have a view %q of this list", v.Name), "view")
}

// DeleteView removes a view if its version is still the one that was read.
func (db *DB) DeleteView(ctx context.Context, tx core.Tx, v *core.View) error {
	r, err := in(tx).exec(ctx, `DELETE FROM views WHERE id = ? AND account = ? AND version = ?`, string(v.ID), string(v.Account), v.Version)
	return changed(r, err, "view")
}

// viewList is the list of the views that a user may open: his own and shared
// ones. The user's id is one of ours, which holds no quote.
func viewList(user core.UserID) *listing[viewRow, core.View] {
	l := &listing[viewRow, core.View]{
		table: "views", conv: (*viewRow).core, where: "t.shared",
		cols: []column{
			col("id", "View", core.TypeID, "t.id"),
			shown("name", "Name", core.TypeText, "t.name"),
			shown("list", "List", core.TypeText, "t.list"),
			shown("shared", "Shared", core.TypeBool, "t.shared"),
			shown("user", "Made by", core.TypeID, "t.user_id"),
			col("created_at", "Created", core.TypeTime, "t.created_at"),
			shown("updated_at", "Changed", core.TypeTime, "t.updated_at"),
		},
	}
	if core.ValidID(user) {
		l.where = "(t.shared OR t.user_id = '" + string(user) + "')"
	}
	return l
}

// ViewColumns describes the list of views.
func (db *DB) ViewColumns() []core.Column { return viewList("").columns() }

// ListViews lists the views of the user and shared ones.
func (db *DB) ListViews(ctx context.Context, q core.ListQuery, user core.UserID) (core.Page[core.View], error) {
	return viewList(user).page(ctx, db, q)
}
