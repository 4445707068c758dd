package store

import (
	"context"
	"strings"

	"github.com/uptrace/bun"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/ordering"
)

// deploymentRow is a row of deployment_requests.
type deploymentRow struct {
	bun.BaseModel `bun:"table:deployment_requests,alias:t"`
	ID            string `bun:"id,pk"`
	Account       string `bun:"account"`
	Number        int64  `bun:"number"`
	Certificate   string `bun:"certificate"`
	Credential    string `bun:"credential"`
	User          string `bun:"user_id"`
	Group         string `bun:"group_id"`
	Target        string `bun:"target"`
	State         string `bun:"state"`
	CreatedAt     int64  `bun:"created_at"`
	UpdatedAt     int64  `bun:"updated_at"`
}

const selectDeployment = `SELECT id, account, number, certificate, credential, user_id, group_id, target, state, created_at, updated_at
	FROM deployment_requests WHERE `

func (r *deploymentRow) dest() []any {
	return []any{&r.ID, &r.Account, &r.Number, &r.Certificate, &r.Credential, &r.User, &r.Group, &r.Target, &r.State, &r.CreatedAt, &r.UpdatedAt}
}

func (r *deploymentRow) core() (core.DeploymentRequest, error) {
	return core.DeploymentRequest{ID: core.DeploymentRequestID(r.ID), Account: core.AccountID(r.Account), Number: r.Number,
		Certificate: core.CertificateID(r.Certificate), Credential: core.CredentialID(r.Credential), User: core.UserID(r.User), Group: core.GroupID(r.Group),
		Target: r.Target, State: r.State, CreatedAt: timeAt(r.CreatedAt), UpdatedAt: timeAt(r.UpdatedAt)}, nil
}

// InsertDeploymentRequest implements ordering.Storage.
func (db *DB) InsertDeploymentRequest(ctx context.Context, tx core.Tx, d *core.DeploymentRequest) error {
	_, err := in(tx).exec(ctx, `INSERT INTO deployment_requests (id, account, number, certificate, credential, user_id, group_id, target, state,
		created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		string(d.ID), string(d.Account), d.Number, string(d.Certificate), string(d.Credential), string(d.User), string(d.Group), d.Target, d.State,
		micros(d.CreatedAt), micros(d.UpdatedAt))
	return err
}

// DeploymentRequest implements ordering.Storage.
func (db *DB) DeploymentRequest(ctx context.Context, account core.AccountID, id core.DeploymentRequestID) (*core.DeploymentRequest, error) {
	return readOne[deploymentRow, core.DeploymentRequest](db.queryRow(ctx, selectDeployment+`id = ? AND account = ?`, string(id), string(account)), "deployment request")
}

// MoveDeploymentRequest implements ordering.Storage.
func (db *DB) MoveDeploymentRequest(ctx context.Context, tx core.Tx, d *core.DeploymentRequest, from string) error {
	r, err := in(tx).exec(ctx, `UPDATE deployment_requests SET state = ?, updated_at = ? WHERE id = ? AND account = ? AND state = ?`,
		d.State, micros(d.UpdatedAt), string(d.ID), string(d.Account), from)
	return changed(r, err, "deployment request")
}

// DeploymentRequests implements rest.Storage.
func (db *DB) DeploymentRequests(ctx context.Context, account core.AccountID, certificate core.CertificateID, offset, limit int) (list []core.DeploymentRequest, total int, err error) {
	if err := db.queryRow(ctx, `SELECT COUNT(*) FROM deployment_requests WHERE account = ? AND certificate = ?`, string(account), string(certificate)).Scan(&total); err != nil {
		return nil, 0, away(err)
	}
	list, err = readAll[deploymentRow, core.DeploymentRequest](db.query(ctx, selectDeployment+`account = ? AND certificate = ? ORDER BY id DESC LIMIT ? OFFSET ?`, string(account), string(certificate), limit, offset))
	return list, total, err
}

// deploymentsWithin restricts lists to what somebody may see.
func deploymentsWithin(s ordering.Scope) string {
	var and []string
	if !s.AllGroups {
		and = append(and, withinGroups("t.group_id", append([]core.GroupID{}, s.Groups...)))
	}
	if s.Products != nil {
		var ids []string
		for _, p := range s.Products {
			if core.ValidID(p) {
				ids = append(ids, "'"+string(p)+"'")
			}
		}
		if len(ids) == 0 {
			return "1 = 0"
		}
		and = append(and, "EXISTS (SELECT 1 FROM certificates c WHERE c.id = t.certificate AND c.product IN ("+strings.Join(ids, ", ")+"))")
	}
	return strings.Join(and, " AND ")
}

func deploymentList(s ordering.Scope) *listing[deploymentRow, core.DeploymentRequest] {
	return &listing[deploymentRow, core.DeploymentRequest]{
		table: "deployment_requests", conv: (*deploymentRow).core, where: deploymentsWithin(s),
		cols: []column{
			col("id", "Request", core.TypeID, "t.id"),
			shown("number", "Number", core.TypeNumber, "t.number"),
			choice("state", "State", "t.state", core.DeploymentStates...),
			shown("target", "Target", core.TypeText, "t.target"),
			shown("certificate", "Certificate", core.TypeID, "t.certificate"),
			col("credential", "Credential", core.TypeID, "t.credential"),
			col("user", "Asked by", core.TypeID, "t.user_id"),
			col("group", "Group", core.TypeID, "t.group_id"),
			shown("created_at", "Asked", core.TypeTime, "t.created_at"),
			col("updated_at", "Changed", core.TypeTime, "t.updated_at"),
		},
	}
}

// DeploymentRequestColumns implements ordering.Storage.
func (db *DB) DeploymentRequestColumns() []core.Column {
	return deploymentList(ordering.Scope{AllGroups: true}).columns()
}

// ListDeploymentRequests implements ordering.Storage.
func (db *DB) ListDeploymentRequests(ctx context.Context, q core.ListQuery, s ordering.Scope) (core.Page[core.DeploymentRequest], error) {
	return deploymentList(s).page(ctx, db, q)
}
