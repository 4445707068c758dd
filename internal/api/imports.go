package api

import (
	"context"
	"encoding/hex"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/csvlist"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/inventory"
)

// Inventory keeps certificates from elsewhere and looks after tags; package
// inventory implements it. Its methods check the access table themselves.
type Inventory interface {
	Import(ctx context.Context, p *core.Principal, up inventory.Upload) (*inventory.Report, error)
	// Above returns the CA certificates above an imported certificate.
	Above(ctx context.Context, c *core.Certificate) ([][]byte, error)
	SetTags(ctx context.Context, p *core.Principal, c *core.Certificate, tags []string) error
	Tags(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.Tag], error)
	TagColumns() []core.Column
	ChangeTags(ctx context.Context, p *core.Principal, ch core.TagChange) (*inventory.Changed, error)
}

// ListImports creates things from CSV files; package csvlist implements it.
type ListImports interface {
	Import(ctx context.Context, p *core.Principal, x csvlist.Piece) (*csvlist.Report, error)
}

// Bodies of imports, in octets: files grow by a third in Base64, and lists by
// what JSON escapes.
const (
	maxImport     = inventory.MaxUpload/3*4 + 1<<20
	maxListImport = 3 * csvlist.MaxFile
)

func (a *API) importRoutes() {
	register(a, post("imports", "import-certificates", "/imports/certificates", "Bring certificates that other CAs issued into the inventory", identity.CertificateImport).
		says("Certificates that are known already stay as they are, so an import can be repeated. Private keys are not kept.").uploads(maxImport), a.importCertificates)
	importList := func(list string, action identity.Action) operation {
		return post("imports", "import-"+list, "/imports/"+list, "Create "+list+" from a piece of a CSV file", action).uploads(maxListImport).
			says("Send the whole file with each piece, until next is 0. Rows whose thing exists are told and change nothing, so an import can be repeated.")
	}
	register(a, importList("users", identity.UserManage), a.importUsers)
	register(a, importList("groups", identity.GroupManage), a.importList("groups"))
	register(a, importList("organisations", identity.OrganisationManage), a.importList("organisations"))
	register(a, importList("domains", identity.DomainManage), a.importList("domains"))
	addList(a, get("tags", "list-tags", "/tags", "List the tags in use, with how many things have them", identity.CertificateView),
		"tags", a.d.Inventory.TagColumns, a.d.Inventory.Tags, tagResource)
	const says = "At once, or by a job when more than 1,000 things have it."
	register(a, post("tags", "rename-tag", "/tags/rename", "Rename a tag, or the key of tags, wherever it is", identity.TagManage).says(says),
		func(ctx context.Context, p *core.Principal, in *in[resource.TagRename]) (*out[resource.TagChanged], error) {
			return a.changeTags(ctx, p, core.TagChange{From: in.Body.From, To: in.Body.To, Key: in.Body.Key})
		})
	register(a, post("tags", "delete-tag", "/tags/delete", "Take a tag, or the tags of a key, away from everything", identity.TagManage).says(says),
		func(ctx context.Context, p *core.Principal, in *in[resource.TagDeletion]) (*out[resource.TagChanged], error) {
			return a.changeTags(ctx, p, core.TagChange{From: in.Body.Tag, Key: in.Body.Key})
		})
}

func (a *API) importCertificates(ctx context.Context, p *core.Principal, in *in[resource.CertificateImport]) (*out[resource.CertificateImportReport], error) {
	up := inventory.Upload{Password: in.Body.Password, Group: in.Body.Group, Tags: in.Body.Tags}
	for _, f := range in.Body.Files {
		up.Files = append(up.Files, inventory.File{Name: f.Name, Data: f.Data})
	}
	rep, err := a.d.Inventory.Import(ctx, p, up)
	if err != nil {
		return nil, err
	}
	res := resource.CertificateImportReport{Imported: rep.Imported, Known: rep.Known, Refused: rep.Refused, Skipped: rep.Skipped, Items: shapes(rep.Results, certificateResult)}
	return &out[resource.CertificateImportReport]{res}, nil
}

func certificateResult(r *inventory.Result) resource.CertificateResult {
	out := resource.CertificateResult{File: r.File, Position: r.Position, Status: string(r.Status), Reason: r.Reason, Expired: r.Expired}
	if c := r.Certificate; c != nil {
		out.Certificate, out.Number, out.Subject, out.Serial, out.IssuerDN = c.ID, c.Number, c.Subject, c.Serial, c.IssuerDN
		out.NotAfter, out.CA, out.Fingerprint = c.NotAfter, c.CA, hex.EncodeToString(c.Fingerprint)
	}
	return out
}

func (a *API) importList(list string) handler[in[resource.ListImport], out[resource.ListImportReport]] {
	return func(ctx context.Context, p *core.Principal, in *in[resource.ListImport]) (*out[resource.ListImportReport], error) {
		rep, err := a.d.Lists.Import(ctx, p, pieceOf(list, &in.Body))
		if err != nil {
			return nil, err
		}
		return &out[resource.ListImportReport]{resource.ListImportReport{Total: rep.Total, Next: rep.Next, Items: shapes(rep.Results, rowResult)}}, nil
	}
}

func (a *API) importUsers(ctx context.Context, p *core.Principal, in *in[resource.ListImport]) (*out[resource.UserImportReport], error) {
	rep, err := a.d.Lists.Import(ctx, p, pieceOf("users", &in.Body))
	if err != nil {
		return nil, err
	}
	return &out[resource.UserImportReport]{resource.UserImportReport{Total: rep.Total, Next: rep.Next, Items: shapes(rep.Results, func(r *csvlist.Result) resource.UserRowResult {
		return resource.UserRowResult{ListRowResult: rowResult(r), Password: r.Password.Reveal()}
	})}}, nil
}

func pieceOf(list string, b *resource.ListImport) csvlist.Piece {
	return csvlist.Piece{List: list, File: []byte(b.CSV), From: b.From, Limit: b.Limit, DryRun: b.DryRun}
}

func rowResult(r *csvlist.Result) resource.ListRowResult {
	return resource.ListRowResult{Line: r.Line, Name: r.Name, Status: string(r.Status), Reason: r.Reason, Field: r.Field, ID: r.ID}
}

func tagResource(t *core.Tag) resource.Tag {
	return resource.Tag{ID: t.Tag, Tag: t.Tag, Name: t.Key, Value: t.Value, Certificates: t.Certificates, Credentials: t.Credentials, Orders: t.Orders}
}

func (a *API) changeTags(ctx context.Context, p *core.Principal, ch core.TagChange) (*out[resource.TagChanged], error) {
	got, err := a.d.Inventory.ChangeTags(ctx, p, ch)
	if err != nil {
		return nil, err
	}
	return &out[resource.TagChanged]{resource.TagChanged{Things: got.Things, Job: got.Job}}, nil
}
