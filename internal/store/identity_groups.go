package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/certwright/certwright/internal/core"
)

// organisationRow is a row of organisations.
type organisationRow struct {
	bun.BaseModel `bun:"table:organisations,alias:t"`
	ID            string `bun:"id,pk"`
	Account       string `bun:"account"`
	Number        int64  `bun:"number"`
	Name          string `bun:"name"`
	Country       string `bun:"country"`
	State         string `bun:"state"`
	Locality      string `bun:"locality"`
	Email         string `bun:"email"`
	Legal         string `bun:"legal"`
	CreatedAt     int64  `bun:"created_at"`
	UpdatedAt     int64  `bun:"updated_at"`
	TokenSealed   []byte `bun:"token_sealed"` // read by OrganisationToken alone
}

func (r *organisationRow) core() (core.Organisation, error) {
	legal, err := fromJSON[core.LegalData](r.Legal)
	return core.Organisation{
		Legal: legal,
		ID:    core.OrganisationID(r.ID), Account: core.AccountID(r.Account), Number: r.Number, Name: r.Name, Country: r.Country,
		State: r.State, Locality: r.Locality, Email: r.Email, CreatedAt: timeAt(r.CreatedAt), UpdatedAt: timeAt(r.UpdatedAt),
	}, err
}

func organisationList() *listing[organisationRow, core.Organisation] {
	return &listing[organisationRow, core.Organisation]{
		table: "organisations", conv: (*organisationRow).core,
		cols: []column{
			col("number", "Number", core.TypeNumber, "t.number"),
			shown("name", "Name", core.TypeText, "t.name"),
			shown("country", "Country", core.TypeText, "t.country"),
			col("state", "State or province", core.TypeText, "t.state"),
			shown("locality", "Locality", core.TypeText, "t.locality"),
			col("email", "E-mail", core.TypeText, "t.email"),
			col("created_at", "Created", core.TypeTime, "t.created_at"),
			col("updated_at", "Changed", core.TypeTime, "t.updated_at"),
		},
	}
}

// col describes a column that can be sorted by.
func col(name, title string, typ core.ColumnType, expr string) column {
	return column{Column: core.Column{Name: name, Title: title, Type: typ, Sortable: typ != core.TypeBool && typ != core.TypeTags}, expr: expr}
}

// shown is col for a column that is shown unless the user chose otherwise.
func shown(name, title string, typ core.ColumnType, expr string) column {
	c := col(name, title, typ, expr)
	c.Default = true
	return c
}

// choice is a shown column of an enum.
func choice[T ~string](name, title, expr string, values ...T) column {
	c := shown(name, title, core.TypeEnum, expr)
	for _, v := range values {
		c.Values = append(c.Values, string(v))
	}
	return c
}

// InsertOrganisation implements identity.Storage.
func (db *DB) InsertOrganisation(ctx context.Context, tx core.Tx, o *core.Organisation) error {
	_, err := in(tx).exec(ctx, `INSERT INTO organisations (id, account, number, name, country, state, locality, email, legal, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, string(o.ID), string(o.Account), o.Number, o.Name, o.Country, o.State, o.Locality, o.Email,
		toJSON(o.Legal), micros(o.CreatedAt), micros(o.UpdatedAt))
	return taken(err, "name", "there is an organisation %q already", o.Name)
}

// taken turns a violated unique constraint into an error about a field.
func taken(err error, field, format string, args ...any) error {
	if duplicate(err) {
		return core.Wrap(core.KindExists, err, format, args...).At(field)
	}
	return err
}

// UpdateOrganisation implements identity.Storage.
func (db *DB) UpdateOrganisation(ctx context.Context, tx core.Tx, o *core.Organisation) error {
	res, err := in(tx).exec(ctx, "UPDATE organisations SET name = ?, country = ?, state = ?, locality = ?, email = ?, legal = ?, updated_at = ? WHERE account = ? AND id = ?",
		o.Name, o.Country, o.State, o.Locality, o.Email, toJSON(o.Legal), micros(o.UpdatedAt), string(o.Account), string(o.ID))
	return taken(hit(res, err, "organisation"), "name", "there is an organisation %q already", o.Name)
}

// DeleteOrganisation implements identity.Storage.
func (db *DB) DeleteOrganisation(ctx context.Context, tx core.Tx, account core.AccountID, id core.OrganisationID) error {
	res, err := in(tx).exec(ctx, "DELETE FROM organisations WHERE account = ? AND id = ?", string(account), string(id))
	if referenced(err) {
		return core.Wrap(core.KindConflict, err, "groups, credentials, documents or vettings belong to the organisation, so it cannot be deleted")
	}
	return hit(res, err, "organisation")
}

// Organisation implements identity.Storage.
func (db *DB) Organisation(ctx context.Context, tx core.Tx, account core.AccountID, id core.OrganisationID) (*core.Organisation, error) {
	var r organisationRow
	err := db.rowIn(ctx, tx, `SELECT id, account, number, name, country, state, locality, email, legal, created_at, updated_at
		FROM organisations WHERE account = ? AND id = ?`, string(account), string(id)).
		Scan(&r.ID, &r.Account, &r.Number, &r.Name, &r.Country, &r.State, &r.Locality, &r.Email, &r.Legal, &r.CreatedAt, &r.UpdatedAt)
	if err != nil {
		return nil, notFound(err, "organisation")
	}
	o, err := r.core()
	return &o, err
}

// Organisations implements identity.Storage.
func (db *DB) Organisations(ctx context.Context, q core.ListQuery) (core.Page[core.Organisation], error) {
	return organisationList().page(ctx, db, q)
}

// OrganisationColumns implements identity.Storage.
func (db *DB) OrganisationColumns() []core.Column { return organisationList().columns() }

// groupRow is a row of groups.
type groupRow struct {
	bun.BaseModel `bun:"table:groups,alias:t"`
	ID            string `bun:"id,pk"`
	Account       string `bun:"account"`
	Number        int64  `bun:"number"`
	Organisation  string `bun:"organisation,nullzero"`
	Name          string `bun:"name"`
	Email         string `bun:"email"`
	CreatedAt     int64  `bun:"created_at"`
	UpdatedAt     int64  `bun:"updated_at"`
}

func (r *groupRow) core() (core.Group, error) {
	return core.Group{
		ID: core.GroupID(r.ID), Account: core.AccountID(r.Account), Number: r.Number, Organisation: core.OrganisationID(r.Organisation),
		Name: r.Name, Email: r.Email, CreatedAt: timeAt(r.CreatedAt), UpdatedAt: timeAt(r.UpdatedAt),
	}, nil
}

func groupList(within []core.GroupID) *listing[groupRow, core.Group] {
	return &listing[groupRow, core.Group]{
		table: "groups", conv: (*groupRow).core, where: withinGroups("t.id", within),
		cols: []column{
			col("id", "Id", core.TypeID, "t.id"),
			col("number", "Number", core.TypeNumber, "t.number"),
			shown("name", "Name", core.TypeText, "t.name"),
			shown("email", "E-mail", core.TypeText, "t.email"),
			shown("organisation", "Organisation", core.TypeID, "t.organisation"),
			col("created_at", "Created", core.TypeTime, "t.created_at"),
			col("updated_at", "Changed", core.TypeTime, "t.updated_at"),
		},
	}
}

// InsertGroup implements identity.Storage.
func (db *DB) InsertGroup(ctx context.Context, tx core.Tx, g *core.Group) error {
	_, err := in(tx).exec(ctx, "INSERT INTO groups (id, account, number, organisation, name, email, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		string(g.ID), string(g.Account), g.Number, nullText(g.Organisation), g.Name, g.Email, micros(g.CreatedAt), micros(g.UpdatedAt))
	return taken(err, "name", "there is a group %q already", g.Name)
}

// UpdateGroup implements identity.Storage.
func (db *DB) UpdateGroup(ctx context.Context, tx core.Tx, g *core.Group) error {
	res, err := in(tx).exec(ctx, "UPDATE groups SET organisation = ?, name = ?, email = ?, updated_at = ? WHERE account = ? AND id = ?",
		nullText(g.Organisation), g.Name, g.Email, micros(g.UpdatedAt), string(g.Account), string(g.ID))
	return taken(hit(res, err, "group"), "name", "there is a group %q already", g.Name)
}

// DeleteGroup implements identity.Storage.
func (db *DB) DeleteGroup(ctx context.Context, tx core.Tx, account core.AccountID, id core.GroupID) error {
	users, err := db.usersIn(ctx, tx, "WHERE t.account = ? AND t.grants LIKE ?", string(account), `%"`+string(id)+`"%`)
	if err != nil {
		return err
	}
	for _, u := range users {
		var keep []core.Grant
		for _, g := range u.Grants {
			if g.Group != id {
				keep = append(keep, g)
			}
		}
		if _, err := in(tx).exec(ctx, "UPDATE users SET grants = ? WHERE id = ?", toJSON(keep), string(u.ID)); err != nil {
			return err
		}
	}
	res, err := in(tx).exec(ctx, "DELETE FROM groups WHERE account = ? AND id = ?", string(account), string(id))
	if referenced(err) {
		return core.Wrap(core.KindConflict, err, "the group owns credentials and cannot be deleted")
	}
	return hit(res, err, "group")
}

// GroupUse implements identity.Storage.
func (db *DB) GroupUse(ctx context.Context, account core.AccountID, id core.GroupID) (use string, err error) {
	err = db.queryRow(ctx, `SELECT CASE
		WHEN EXISTS (SELECT 1 FROM credentials WHERE account = ? AND group_id = ?) THEN 'credentials'
		WHEN EXISTS (SELECT 1 FROM certificates WHERE account = ? AND group_id = ?) THEN 'certificates'
		WHEN EXISTS (SELECT 1 FROM orders WHERE account = ? AND group_id = ?) THEN 'orders'
		ELSE '' END`, string(account), string(id), string(account), string(id), string(account), string(id)).Scan(&use)
	return use, err
}

// Group implements identity.Storage.
func (db *DB) Group(ctx context.Context, tx core.Tx, account core.AccountID, id core.GroupID) (*core.Group, error) {
	var r groupRow
	err := db.rowIn(ctx, tx, `SELECT id, account, number, COALESCE(organisation, ''), name, email, created_at, updated_at
		FROM groups WHERE account = ? AND id = ?`, string(account), string(id)).
		Scan(&r.ID, &r.Account, &r.Number, &r.Organisation, &r.Name, &r.Email, &r.CreatedAt, &r.UpdatedAt)
	if err != nil {
		return nil, notFound(err, "group")
	}
	g, err := r.core()
	return &g, err
}

// Groups implements identity.Storage.
func (db *DB) Groups(ctx context.Context, q core.ListQuery, within []core.GroupID) (core.Page[core.Group], error) {
	return groupList(within).page(ctx, db, q)
}

// GroupColumns implements identity.Storage.
func (db *DB) GroupColumns() []core.Column { return groupList(nil).columns() }

// SetMembership implements identity.Storage.
func (db *DB) SetMembership(ctx context.Context, tx core.Tx, account core.AccountID, user core.UserID, groups []core.GroupID) error {
	if _, err := in(tx).exec(ctx, "DELETE FROM group_members WHERE user_id = ? AND provider = ''", string(user)); err != nil {
		return err
	}
	for _, g := range groups {
		if _, err := db.AddMember(ctx, tx, account, g, user); err != nil {
			return err
		}
	}
	return nil
}

// AddMember implements identity.Storage.
func (db *DB) AddMember(ctx context.Context, tx core.Tx, account core.AccountID, group core.GroupID, user core.UserID) (bool, error) {
	res, err := in(tx).exec(ctx, "INSERT INTO group_members (account, group_id, user_id) VALUES (?, ?, ?) ON CONFLICT (group_id, user_id) DO NOTHING",
		string(account), string(group), string(user))
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// RemoveMember implements identity.Storage.
func (db *DB) RemoveMember(ctx context.Context, tx core.Tx, account core.AccountID, group core.GroupID, user core.UserID) (bool, error) {
	res, err := in(tx).exec(ctx, "DELETE FROM group_members WHERE account = ? AND group_id = ? AND user_id = ? AND provider = ''", string(account), string(group), string(user))
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}
