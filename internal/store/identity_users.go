package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/certwright/certwright/internal/core"
)

// userRow is a row of users with its groups.
type userRow struct {
	bun.BaseModel `bun:"table:users,alias:t"`
	ID            string `bun:"id,pk"`
	Account       string `bun:"account"`
	Number        int64  `bun:"number"`
	Login         string `bun:"login"`
	Name          string `bun:"name"`
	Email         string `bun:"email"`
	State         string `bun:"state"`
	Grants        string `bun:"grants"`
	PasswordHash  string `bun:"password_hash"`
	MustChange    bool   `bun:"must_change"`
	Failures      int    `bun:"failures"`
	LockedUntil   int64  `bun:"locked_until,nullzero"`
	LastSignIn    int64  `bun:"last_sign_in,nullzero"`
	CreatedAt     int64  `bun:"created_at"`
	UpdatedAt     int64  `bun:"updated_at"`
	Factors       string `bun:"factors"`      // "totp""passkey"
	DueRoles      string `bun:"due_roles"`    // JSON
	GroupIDs      string `bun:"group_ids"`    // "a","b"
	ProvidedIDs   string `bun:"provided_ids"` // group=provider,group=provider
}

// groupIDs is the groups of user t as "a","b": one text, which the filter for
// tag lists can search.
const groupIDs = `COALESCE((SELECT '"' || string_agg(m.group_id, '","' ORDER BY m.group_id) || '"' FROM group_members m WHERE m.user_id = t.id), '')`

// providedIDs is which provider put user t into which group.
const providedIDs = `COALESCE((SELECT string_agg(m.group_id || '=' || m.provider, ',') FROM group_members m WHERE m.user_id = t.id AND m.provider <> ''), '')`

const userCols = `t.id, t.account, t.number, t.login, t.name, t.email, t.state, t.grants, t.password_hash, t.must_change, t.failures,
	COALESCE(t.locked_until, 0), COALESCE(t.last_sign_in, 0), t.created_at, t.updated_at, ` + factors + ", " + dueRoles + ", " + groupIDs + ", " + providedIDs

func (r *userRow) dest() []any {
	return []any{&r.ID, &r.Account, &r.Number, &r.Login, &r.Name, &r.Email, &r.State, &r.Grants, &r.PasswordHash, &r.MustChange,
		&r.Failures, &r.LockedUntil, &r.LastSignIn, &r.CreatedAt, &r.UpdatedAt,
		&r.Factors, &r.DueRoles, &r.GroupIDs, &r.ProvidedIDs}
}

func (r *userRow) core() (core.User, error) {
	u := core.User{
		ID: core.UserID(r.ID), Account: core.AccountID(r.Account), Number: r.Number, Login: r.Login, Name: r.Name, Email: r.Email,
		State: core.UserState(r.State), PasswordHash: r.PasswordHash, MustChange: r.MustChange, Failures: r.Failures,
		LockedUntil: timeAt(r.LockedUntil), LastSignIn: timeAt(r.LastSignIn), CreatedAt: timeAt(r.CreatedAt), UpdatedAt: timeAt(r.UpdatedAt),
	}
	if r.GroupIDs != "" {
		for id := range strings.SplitSeq(r.GroupIDs, ",") {
			u.Groups = append(u.Groups, core.GroupID(strings.Trim(id, `"`)))
		}
	}
	if r.ProvidedIDs != "" {
		u.Provided = map[core.GroupID]core.ProviderID{}
		for pair := range strings.SplitSeq(r.ProvidedIDs, ",") {
			group, provider, _ := strings.Cut(pair, "=")
			u.Provided[core.GroupID(group)] = core.ProviderID(provider)
		}
	}
	for _, f := range []string{"totp", "passkey"} {
		if strings.Contains(r.Factors, `"`+f+`"`) {
			u.Factors = append(u.Factors, f)
		}
	}
	u.SecondFactor = len(u.Factors) > 0
	var err error
	if u.Grants, err = fromJSON[[]core.Grant](r.Grants); err != nil {
		return u, err
	}
	due, err := fromJSON[[]core.Role](r.DueRoles)
	u.FactorWanted = slices.ContainsFunc(u.Grants, func(g core.Grant) bool { return slices.Contains(due, g.Role) })
	u.FactorDue = u.FactorWanted && !u.SecondFactor
	return u, err
}

func userList(within []core.GroupID, now time.Time) *listing[userRow, core.User] {
	where := withinGroups("m.group_id", within)
	if where != "" {
		where = "t.id IN (SELECT m.user_id FROM group_members m WHERE " + where + ")"
	}
	return &listing[userRow, core.User]{
		table: "(SELECT t.*, " + secondFactor + " AS second_factor, " + factors + " AS factors, " + dueRoles + " AS due_roles, " + groupIDs + " AS group_ids, " + providedIDs + " AS provided_ids FROM users t)", where: where,
		conv: func(r *userRow) (core.User, error) {
			r.PasswordHash = "" // no list needs it
			return r.core()
		},
		cols: []column{
			col("id", "Id", core.TypeID, "t.id"),
			col("number", "Number", core.TypeNumber, "t.number"),
			shown("login", "Login", core.TypeText, "t.login"),
			shown("name", "Name", core.TypeText, "t.name"),
			shown("email", "E-mail", core.TypeText, "t.email"),
			choice("state", "State", "t.state", core.UserActive, core.UserDisabled),
			shown("role", "Roles", core.TypeTags, "t.grants"),
			shown("group", "Groups", core.TypeTags, "t.group_ids"),
			col("must_change", "Must change password", core.TypeBool, "t.must_change"),
			col("second_factor", "Second factor", core.TypeBool, "t.second_factor"),
			col("factors", "Factors", core.TypeTags, "t.factors"),
			col("locked", "Locked", core.TypeBool, "(COALESCE(t.locked_until, 0) > "+literal(now)+")"),
			shown("last_sign_in", "Last sign-in", core.TypeTime, "t.last_sign_in"),
			col("created_at", "Created", core.TypeTime, "t.created_at"),
			col("updated_at", "Changed", core.TypeTime, "t.updated_at"),
		},
	}
}

// InsertUser implements identity.Storage.
func (db *DB) InsertUser(ctx context.Context, tx core.Tx, u *core.User) error {
	_, err := in(tx).exec(ctx, `INSERT INTO users (id, account, number, login, name, email, state, grants, password_hash, must_change, failures,
		locked_until, last_sign_in, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		string(u.ID), string(u.Account), u.Number, u.Login, u.Name, u.Email, string(u.State), toJSON(u.Grants), u.PasswordHash, u.MustChange,
		u.Failures, nullMicros(u.LockedUntil), nullMicros(u.LastSignIn), micros(u.CreatedAt), micros(u.UpdatedAt))
	return taken(err, "login", "there is a user %q already", u.Login)
}

// UpdateUser implements identity.Storage.
func (db *DB) UpdateUser(ctx context.Context, tx core.Tx, u *core.User) error {
	res, err := in(tx).exec(ctx, "UPDATE users SET name = ?, email = ?, state = ?, grants = ?, updated_at = ? WHERE account = ? AND id = ?",
		u.Name, u.Email, string(u.State), toJSON(u.Grants), micros(u.UpdatedAt), string(u.Account), string(u.ID))
	return hit(res, err, "user")
}

// DeleteUser implements identity.Storage.
func (db *DB) DeleteUser(ctx context.Context, tx core.Tx, account core.AccountID, id core.UserID) error {
	res, err := in(tx).exec(ctx, "DELETE FROM users WHERE account = ? AND id = ?", string(account), string(id))
	if referenced(err) {
		return core.Wrap(core.KindConflict, err, "the user owns credentials or approvals and cannot be deleted")
	}
	return hit(res, err, "user")
}

// UserUse implements identity.Storage.
func (db *DB) UserUse(ctx context.Context, account core.AccountID, id core.UserID) (use string, err error) {
	a, u := string(account), string(id)
	err = db.queryRow(ctx, `SELECT CASE
		WHEN EXISTS (SELECT 1 FROM credentials WHERE account = ? AND user_id = ?) THEN 'credentials'
		WHEN EXISTS (SELECT 1 FROM approvals WHERE account = ? AND user_id = ?) THEN 'approvals'
		WHEN EXISTS (SELECT 1 FROM certificates WHERE account = ? AND user_id = ?) THEN 'certificates'
		WHEN EXISTS (SELECT 1 FROM orders WHERE account = ? AND user_id = ?) THEN 'orders'
		ELSE '' END`, a, u, a, u, a, u, a, u).Scan(&use)
	return use, err
}

// User implements identity.Storage.
func (db *DB) User(ctx context.Context, tx core.Tx, account core.AccountID, id core.UserID) (*core.User, error) {
	return readOne[userRow, core.User](db.rowIn(ctx, tx, "SELECT "+userCols+" FROM users t WHERE t.account = ? AND t.id = ?", string(account), string(id)), "user")
}

// UserByLogin implements identity.Storage.
func (db *DB) UserByLogin(ctx context.Context, account core.AccountID, login string) (*core.User, error) {
	return readOne[userRow, core.User](db.queryRow(ctx, "SELECT "+userCols+" FROM users t WHERE t.account = ? AND t.login = ?", string(account), login), "user")
}

// usersIn reads users inside tx.
func (db *DB) usersIn(ctx context.Context, tx core.Tx, where string, args ...any) ([]*core.User, error) {
	return each(readAll[userRow, core.User](in(tx).now().Tx.QueryContext(ctx, db.rebind("SELECT "+userCols+" FROM users t "+where), args...)))
}

// Users implements identity.Storage.
func (db *DB) Users(ctx context.Context, q core.ListQuery, within []core.GroupID) (core.Page[core.User], error) {
	return userList(within, db.now()).page(ctx, db, q)
}

// UserColumns implements identity.Storage.
func (db *DB) UserColumns() []core.Column { return userList(nil, db.now()).columns() }

// Administrators implements identity.Storage.
func (db *DB) Administrators(ctx context.Context, tx core.Tx, account core.AccountID) ([]*core.User, error) {
	return db.usersIn(ctx, tx, "WHERE t.account = ? AND t.state = ? AND t.grants LIKE ?",
		string(account), string(core.UserActive), `%"role":"`+string(core.RoleAdministrator)+`"%`)
}

// SetPassword implements identity.Storage.
func (db *DB) SetPassword(ctx context.Context, tx core.Tx, id core.UserID, hash string, mustChange bool, at time.Time) error {
	res, err := in(tx).exec(ctx, "UPDATE users SET password_hash = ?, must_change = ?, failures = 0, locked_until = NULL, updated_at = ? WHERE id = ?",
		hash, mustChange, micros(at), string(id))
	return hit(res, err, "user")
}

// Rehash implements identity.Storage.
func (db *DB) Rehash(ctx context.Context, tx core.Tx, id core.UserID, old, hash string) error {
	_, err := in(tx).exec(ctx, "UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ?", hash, string(id), old)
	return err
}

// CountFailure implements identity.Storage.
func (db *DB) CountFailure(ctx context.Context, tx core.Tx, id core.UserID) (n int, err error) {
	err = in(tx).row(ctx, "UPDATE users SET failures = failures + 1 WHERE id = ? RETURNING failures", string(id)).Scan(&n)
	return n, notFound(err, "user")
}

// LockUser implements identity.Storage.
func (db *DB) LockUser(ctx context.Context, tx core.Tx, id core.UserID, until time.Time) error {
	res, err := in(tx).exec(ctx, "UPDATE users SET locked_until = ? WHERE id = ?", micros(until), string(id))
	return hit(res, err, "user")
}

// CountSignIn implements identity.Storage.
func (db *DB) CountSignIn(ctx context.Context, tx core.Tx, id core.UserID, hash string, at time.Time) (bool, error) {
	res, err := in(tx).exec(ctx, `UPDATE users SET failures = 0, locked_until = NULL, last_sign_in = ?
		WHERE id = ? AND state = ? AND password_hash = ? AND (locked_until IS NULL OR locked_until <= ?)`,
		micros(at), string(id), string(core.UserActive), hash, micros(at))
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}
