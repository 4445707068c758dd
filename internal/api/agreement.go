package api

import (
	"context"
	"fmt"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// Agreements are the texts of subscriber agreements; package agreement implements it. Its
// methods check the access table themselves.
type Agreements interface {
	Texts(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.AgreementText], error)
	Columns() []core.Column
	Text(ctx context.Context, p *core.Principal, id core.AgreementTextID) (*core.AgreementText, error)
	Publish(ctx context.Context, p *core.Principal, product core.ProductID, base int, body string) (*core.AgreementText, error)
}

func (a *API) agreementRoutes() {
	addList(a, get("orders", "list-agreement-texts", "/agreement-texts", "List the versions of subscriber agreements", identity.ProductView),
		"agreement-texts", a.d.Agreements.Columns, a.d.Agreements.Texts, agreementResource)
	register(a, post("orders", "publish-agreement-text", "/agreement-texts", "Publish a version of a subscriber agreement", identity.SettingsManage).created().
		says("Versions are never changed: what was signed can always be read. The text that is in force already changes nothing."),
		func(ctx context.Context, p *core.Principal, in *in[resource.NewAgreementText]) (*out[resource.AgreementText], error) {
			t, err := a.d.Agreements.Publish(ctx, p, in.Body.Product, in.Body.Version, in.Body.Body)
			return shaped(t, err, agreementResource)
		})
	register(a, get("orders", "get-agreement-text", "/agreement-texts/{id}", "Read a version of a subscriber agreement", identity.ProductView),
		func(ctx context.Context, p *core.Principal, in *ByID[core.AgreementTextID]) (*out[resource.AgreementText], error) {
			t, err := a.d.Agreements.Text(ctx, p, in.ID)
			return shaped(t, err, agreementResource)
		})
	register(a, get("orders", "download-agreement-text", "/agreement-texts/{id}/download", "Download a version of a subscriber agreement as a text file", identity.ProductView).
		streams("text/plain"),
		func(ctx context.Context, p *core.Principal, in *ByID[core.AgreementTextID]) (*file, error) {
			t, err := a.d.Agreements.Text(ctx, p, in.ID)
			if err != nil {
				return nil, err
			}
			return fileOf("text/plain; charset=utf-8", fmt.Sprintf("agreement-%s-v%d.txt", t.CreatedAt.UTC().Format("2006-01-02"), t.Version), []byte(t.Body)), nil
		})
}

func agreementResource(t *core.AgreementText) resource.AgreementText {
	return resource.AgreementText{ID: t.ID, Product: t.Product, Version: t.Version, Present: t.SupersededAt.IsZero(), Body: t.Body, Size: t.Size,
		Digest: t.Digest, Author: t.Author, CreatedAt: t.CreatedAt, SupersededAt: t.SupersededAt}
}
