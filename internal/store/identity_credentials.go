package store

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/certwright/certwright/internal/core"
)

// credentialRow is a row of credentials.
type credentialRow struct {
	bun.BaseModel `bun:"table:credentials,alias:t"`
	ID            string `bun:"id,pk"`
	Account       string `bun:"account"`
	Number        int64  `bun:"number"`
	Type          string `bun:"type"`
	Auth          string `bun:"auth"`
	Label         string `bun:"label"`
	Default       bool   `bun:"is_default"`
	Description   string `bun:"description"`
	Tags          string `bun:"tags"`
	State         string `bun:"state"`
	User          string `bun:"user_id"`
	Group         string `bun:"group_id"`
	Organisation  string `bun:"organisation,nullzero"`
	Products      string `bun:"products"`
	Product       string `bun:"product"`
	PublicID      string `bun:"public_id"`
	SecretHash    []byte `bun:"-"` // no list needs secrets
	SecretSealed  []byte `bun:"-"`
	SecretSetAt   int64  `bun:"secret_set_at"`
	Trust         []byte `bun:"trust"`
	ExpiresAt     int64  `bun:"expires_at,nullzero"`
	Sources       string `bun:"sources"`
	AllowedNames  string `bun:"allowed_names"`
	ProvenNames   string `bun:"proven_names"`
	Options       string `bun:"options"`
	Version       int    `bun:"version"`
	CreatedAt     int64  `bun:"created_at"`
	UpdatedAt     int64  `bun:"updated_at"`
	RevokedAt     int64  `bun:"revoked_at,nullzero"`
	RevokedReason string `bun:"revoked_reason"`
}

const credentialCols = `c.id, c.account, c.number, c.type, c.auth, c.label, c.is_default, c.description, c.tags, c.state, c.user_id, c.group_id,
	COALESCE(c.organisation, ''), c.products, c.product, c.public_id, c.secret_hash, c.secret_sealed, c.secret_set_at, c.trust,
	COALESCE(c.expires_at, 0), c.sources, c.allowed_names, c.proven_names, c.options, c.version, c.created_at, c.updated_at, COALESCE(c.revoked_at, 0), c.revoked_reason`

func (r *credentialRow) dest() []any {
	return []any{&r.ID, &r.Account, &r.Number, &r.Type, &r.Auth, &r.Label, &r.Default, &r.Description, &r.Tags, &r.State, &r.User, &r.Group,
		&r.Organisation, &r.Products, &r.Product, &r.PublicID, &r.SecretHash, &r.SecretSealed, &r.SecretSetAt, &r.Trust,
		&r.ExpiresAt, &r.Sources, &r.AllowedNames, &r.ProvenNames, &r.Options, &r.Version, &r.CreatedAt, &r.UpdatedAt, &r.RevokedAt, &r.RevokedReason}
}

func (r *credentialRow) core() (core.Credential, error) {
	c := core.Credential{
		ID: core.CredentialID(r.ID), Account: core.AccountID(r.Account), Number: r.Number, Type: core.CredentialType(r.Type), Auth: core.AuthKind(r.Auth),
		Label: r.Label, Default: r.Default, Description: r.Description, State: core.CredentialState(r.State), User: core.UserID(r.User),
		Group: core.GroupID(r.Group), Organisation: core.OrganisationID(r.Organisation), Product: core.ProductID(r.Product), PublicID: r.PublicID,
		SecretHash: r.SecretHash, SecretSealed: r.SecretSealed, SecretSetAt: timeAt(r.SecretSetAt), Trust: r.Trust, ExpiresAt: timeAt(r.ExpiresAt),
		Version: r.Version, CreatedAt: timeAt(r.CreatedAt), UpdatedAt: timeAt(r.UpdatedAt), RevokedAt: timeAt(r.RevokedAt), RevokedReason: r.RevokedReason,
	}
	err := texts(&c.Tags, r.Tags)
	if err == nil {
		err = texts(&c.Products, r.Products)
	}
	if err == nil {
		err = texts(&c.AllowedNames, r.AllowedNames)
	}
	if err == nil {
		err = texts(&c.ProvenNames, r.ProvenNames)
	}
	if err == nil && r.Sources != "[]" {
		c.Sources, err = fromJSON[[]netip.Prefix](r.Sources)
	}
	if err == nil && r.Options != "{}" {
		c.Options, err = fromJSON[core.CredentialOptions](r.Options)
	}
	return c, err
}

// texts reads a JSON array of texts. Every request of every protocol passes
// here, so the two shapes that nearly all rows have, no element and one that
// needs no unescaping, skip the decoder.
func texts[T ~string](dst *[]T, s string) (err error) {
	if s == "[]" || s == "" {
		return nil
	}
	if n := len(s); n > 4 && s[0] == '[' && s[1] == '"' && s[n-2] == '"' && s[n-1] == ']' {
		if one := s[2 : n-2]; !strings.ContainsAny(one, `"\`) {
			*dst = []T{T(one)}
			return nil
		}
	}
	*dst, err = fromJSON[[]T](s)
	return err
}

func credentialList(within []core.GroupID, now time.Time) *listing[credentialRow, core.Credential] {
	return &listing[credentialRow, core.Credential]{
		table: "credentials", conv: (*credentialRow).core, where: withinGroups("t.group_id", within),
		cols: []column{
			col("number", "Number", core.TypeNumber, "t.number"),
			shown("type", "Type", core.TypeID, "t.type"),
			shown("label", "Label", core.TypeText, "t.label"),
			shown("auth", "Authentication", core.TypeID, "t.auth"),
			shown("description", "Description", core.TypeText, "t.description"),
			choice("status", "Status", "CASE WHEN t.state = 'revoked' THEN 'revoked' WHEN "+past("t.expires_at", now)+
				" THEN 'expired' ELSE 'active' END", "active", "revoked", "expired"),
			col("default", "Default", core.TypeBool, "t.is_default"),
			col("public_id", "Access key or user name", core.TypeText, "t.public_id"),
			shown("user", "User", core.TypeID, "t.user_id"),
			col("user_login", "Login of the user", core.TypeText, "(SELECT u.login FROM users u WHERE u.id = t.user_id)"),
			shown("group", "Group", core.TypeID, "t.group_id"),
			col("group_name", "Name of the group", core.TypeText, "(SELECT g.name FROM groups g WHERE g.id = t.group_id)"),
			col("organisation", "Organisation", core.TypeID, "t.organisation"),
			shown("product", "Products", core.TypeTags, "t.products"),
			{Column: core.Column{Name: "tags", Title: "Tags", Type: core.TypeTags, Default: true}, expr: "t.tags", uses: core.TagCredential},
			shown("expires_at", "Expires", core.TypeTime, "t.expires_at"),
			col("secret_set_at", "Secret set", core.TypeTime, "t.secret_set_at"),
			shown("created_at", "Created", core.TypeTime, "t.created_at"),
			col("updated_at", "Changed", core.TypeTime, "t.updated_at"),
			col("revoked_at", "Revoked", core.TypeTime, "t.revoked_at"),
			col("text", "Any text", core.TypeText, "(t.label || ' ' || t.public_id || ' ' || t.description || ' ' || t.tags)"),
		},
	}
}

// InsertCredential implements identity.Storage.
func (db *DB) InsertCredential(ctx context.Context, tx core.Tx, c *core.Credential) error {
	_, err := in(tx).exec(ctx, `INSERT INTO credentials (id, account, number, type, auth, label, is_default, description, tags, state, user_id, group_id,
		organisation, products, product, public_id, secret_hash, secret_sealed, secret_set_at, trust, expires_at, sources, allowed_names, proven_names,
		options, version, created_at, updated_at, revoked_at, revoked_reason)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		string(c.ID), string(c.Account), c.Number, string(c.Type), string(c.Auth), c.Label, c.Default, c.Description, toJSON(c.Tags), string(c.State),
		string(c.User), string(c.Group), nullText(c.Organisation), toJSON(c.Products), string(c.Product), c.PublicID, nullBytes(c.SecretHash),
		nullBytes(c.SecretSealed), micros(c.SecretSetAt), nullBytes(c.Trust), nullMicros(c.ExpiresAt), toJSON(c.Sources), toJSON(c.AllowedNames),
		toJSON(c.ProvenNames), toJSON(c.Options), c.Version, micros(c.CreatedAt), micros(c.UpdatedAt), nullMicros(c.RevokedAt), c.RevokedReason)
	if err != nil {
		return credentialTaken(err, c)
	}
	return in(tx).tag(ctx, tagged{core.TagCredential, string(c.ID), c.Account, string(c.Group)}, c.Tags, true)
}

// credentialTaken says which unique value is taken. Both engines name columns
// or constraint in the text.
func credentialTaken(err error, c *core.Credential) error {
	if !duplicate(err) {
		return err
	}
	switch text := err.Error(); {
	case strings.Contains(text, "public_id"):
		return taken(err, "public_id", "the user name %q is taken", c.PublicID)
	case strings.Contains(text, "label"):
		return taken(err, "label", "there is a credential with label %q already; labels are not used again, not even of revoked ones", c.Label)
	case strings.Contains(text, "number"), strings.Contains(text, "pkey"), strings.Contains(text, "credentials.id"):
		return err
	}
	return taken(err, "default", "another credential of this type answers on the bare path")
}

// UpdateCredential implements identity.Storage.
func (db *DB) UpdateCredential(ctx context.Context, tx core.Tx, c *core.Credential, from int) error {
	res, err := in(tx).exec(ctx, `UPDATE credentials SET is_default = ?, description = ?, tags = ?, state = ?, organisation = ?, products = ?, product = ?,
		secret_hash = ?, secret_sealed = ?, secret_set_at = ?, trust = ?, expires_at = ?, sources = ?, allowed_names = ?, proven_names = ?, options = ?, version = ?,
		updated_at = ?, revoked_at = ?, revoked_reason = ? WHERE account = ? AND id = ? AND version = ? AND state = ?`,
		c.Default, c.Description, toJSON(c.Tags), string(c.State), nullText(c.Organisation), toJSON(c.Products), string(c.Product),
		nullBytes(c.SecretHash), nullBytes(c.SecretSealed), micros(c.SecretSetAt), nullBytes(c.Trust), nullMicros(c.ExpiresAt), toJSON(c.Sources),
		toJSON(c.AllowedNames), toJSON(c.ProvenNames), toJSON(c.Options), c.Version, micros(c.UpdatedAt), nullMicros(c.RevokedAt), c.RevokedReason,
		string(c.Account), string(c.ID), from, string(core.CredentialActive))
	if err = hit(res, credentialTaken(err, c), "credential"); core.Is(err, core.KindNotFound) {
		return core.Errorf(core.KindConflict, "the credential was changed in the meantime")
	}
	if err != nil {
		return err
	}
	return in(tx).tag(ctx, tagged{core.TagCredential, string(c.ID), c.Account, string(c.Group)}, c.Tags, false)
}

// Credential implements identity.Storage.
func (db *DB) Credential(ctx context.Context, tx core.Tx, account core.AccountID, id core.CredentialID) (*core.Credential, error) {
	return readOne[credentialRow, core.Credential](db.rowIn(ctx, tx, "SELECT "+credentialCols+" FROM credentials c WHERE c.account = ? AND c.id = ?", string(account), string(id)), "credential")
}

// What serves requests: one prepared query with the user's state.
const (
	credentialForUse = "SELECT " + credentialCols + ", u.state FROM credentials c JOIN users u ON u.id = c.user_id WHERE c.type = ? AND "

	credentialByLabel    = credentialForUse + "c.label = ?"
	credentialByDefault  = credentialForUse + "c.is_default AND c.state = 'active'"
	credentialByPublicID = credentialForUse + "c.public_id = ?"
)

// CredentialByLabel implements identity.Storage.
func (db *DB) CredentialByLabel(ctx context.Context, typ core.CredentialType, label string) (*core.Credential, bool, error) {
	if label == "" {
		return db.credentialForUse(ctx, credentialByDefault, string(typ))
	}
	return db.credentialForUse(ctx, credentialByLabel, string(typ), label)
}

// CredentialByPublicID implements identity.Storage.
func (db *DB) CredentialByPublicID(ctx context.Context, typ core.CredentialType, publicID string) (*core.Credential, bool, error) {
	return db.credentialForUse(ctx, credentialByPublicID, string(typ), publicID)
}

func (db *DB) credentialForUse(ctx context.Context, q string, args ...any) (*core.Credential, bool, error) {
	var r credentialRow
	var state string
	if err := db.queryRow(ctx, q, args...).Scan(append(r.dest(), &state)...); err != nil {
		return nil, false, notFound(err, "credential")
	}
	c, err := r.core()
	if err != nil {
		return nil, false, err
	}
	return &c, core.UserState(state) == core.UserActive, nil
}

// Credentials implements identity.Storage.
func (db *DB) Credentials(ctx context.Context, q core.ListQuery, within []core.GroupID) (core.Page[core.Credential], error) {
	return credentialList(within, db.now()).page(ctx, db, q)
}

// CredentialColumns implements identity.Storage.
func (db *DB) CredentialColumns() []core.Column { return credentialList(nil, db.now()).columns() }
