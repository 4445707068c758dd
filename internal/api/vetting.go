package api

import (
	"context"
	"encoding/hex"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/vetting"
)

// Vetting is what the API needs of package vetting. Its methods check the
// access table themselves.
type Vetting interface {
	Vettings(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.Vetting], error)
	Columns() []core.Column
	Vetting(ctx context.Context, p *core.Principal, id core.VettingID) (*core.Vetting, error)
	Ask(ctx context.Context, p *core.Principal, o core.OrganisationID, purpose core.Purpose) (*core.Vetting, error)
	Decide(ctx context.Context, p *core.Principal, id core.VettingID, d vetting.Decision) (*core.Vetting, error)
	Cancel(ctx context.Context, p *core.Principal, id core.VettingID, comment string) (*core.Vetting, error)
	SetLegal(ctx context.Context, p *core.Principal, o core.OrganisationID, d core.LegalData) (*core.Organisation, error)
	Token(ctx context.Context, p *core.Principal, o core.OrganisationID, renew bool) (string, error)

	AddDocument(ctx context.Context, p *core.Principal, o core.OrganisationID, name, description string, body []byte) (*core.Document, error)
	Documents(ctx context.Context, p *core.Principal, o core.OrganisationID) ([]core.Document, error)
	Document(ctx context.Context, p *core.Principal, o core.OrganisationID, id core.DocumentID) (*core.Document, []byte, error)

	Representatives(ctx context.Context, p *core.Principal, o core.OrganisationID) ([]core.Representative, error)
	AddRepresentative(ctx context.Context, p *core.Principal, r core.Representative) (*core.Representative, error)
	UpdateRepresentative(ctx context.Context, p *core.Principal, r core.Representative) (*core.Representative, error)
	RemoveRepresentative(ctx context.Context, p *core.Principal, o core.OrganisationID, id core.RepresentativeID) error
	SendConsent(ctx context.Context, p *core.Principal, o core.OrganisationID, rep core.RepresentativeID, order core.OrderID) (*core.Consent, error)
	ListConsents(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.Consent], error)
	ConsentColumns() []core.Column
}

func (a *API) vettingRoutes() {
	addList(a, get("vettings", "list-vettings", "/vettings", "List the vettings of organisations", identity.VettingView).
		says("Filters take an expired vetting for validated; ask for expires_at, too."), "vettings", a.d.Vetting.Columns, a.d.Vetting.Vettings, a.vettingResource)
	register(a, post("vettings", "ask-vetting", "/vettings", "Ask for a vetting, or get the open one", identity.VettingAsk).created(),
		func(ctx context.Context, p *core.Principal, in *in[resource.NewVetting]) (*out[resource.Vetting], error) {
			v, err := a.d.Vetting.Ask(ctx, p, in.Body.Organisation, in.Body.Purpose)
			return shaped(v, err, a.vettingResource)
		})
	register(a, get("vettings", "get-vetting", "/vettings/{id}", "Read a vetting", identity.VettingView),
		func(ctx context.Context, p *core.Principal, in *ByID[core.VettingID]) (*out[resource.Vetting], error) {
			v, err := a.d.Vetting.Vetting(ctx, p, in.ID)
			return shaped(v, err, a.vettingResource)
		})
	register(a, post("vettings", "decide-vetting", "/vettings/{id}/decide", "Decide on a vetting that somebody else asked for", identity.VettingDecide).
		says("A validated one is withdrawn by rejecting it."),
		func(ctx context.Context, p *core.Principal, in *struct {
			ByID[core.VettingID]
			Body resource.VettingDecision
		}) (*out[resource.Vetting], error) {
			v, err := a.d.Vetting.Decide(ctx, p, in.ID, vetting.Decision(in.Body))
			return shaped(v, err, a.vettingResource)
		})
	register(a, post("vettings", "cancel-vetting", "/vettings/{id}/cancel", "End an open vetting", identity.VettingView).
		says("For who asked for it, and for validators."),
		func(ctx context.Context, p *core.Principal, in *struct {
			ByID[core.VettingID]
			Body resource.VettingCancellation
		}) (*out[resource.Vetting], error) {
			v, err := a.d.Vetting.Cancel(ctx, p, in.ID, in.Body.Comment)
			return shaped(v, err, a.vettingResource)
		})
	register(a, put("organisations", "set-legal-data", "/organisations/{id}/legal", "Set the legal data of an organisation", identity.OrganisationLegal).
		says("A change of what certificates show makes validated vettings a discrepancy."),
		func(ctx context.Context, p *core.Principal, in *struct {
			ByID[core.OrganisationID]
			Body core.LegalData
		}) (*out[resource.Organisation], error) {
			o, err := a.d.Vetting.SetLegal(ctx, p, in.ID, in.Body)
			return shaped(o, err, organisationResource)
		})
	register(a, get("organisations", "get-pre-vetting-token", "/organisations/{id}/pre-vetting-token", "Show the token by which orders refer to the standing vetting", identity.OrganisationManage),
		func(ctx context.Context, p *core.Principal, in *ByID[core.OrganisationID]) (*out[resource.PreVettingToken], error) {
			return a.token(ctx, p, in.ID, false)
		})
	register(a, post("organisations", "renew-pre-vetting-token", "/organisations/{id}/pre-vetting-token", "Make that token anew: the old one ends at once", identity.OrganisationManage),
		func(ctx context.Context, p *core.Principal, in *ByID[core.OrganisationID]) (*out[resource.PreVettingToken], error) {
			return a.token(ctx, p, in.ID, true)
		})
	a.evidenceRoutes()
	a.representativeRoutes()
}

func (a *API) token(ctx context.Context, p *core.Principal, id core.OrganisationID, renew bool) (*out[resource.PreVettingToken], error) {
	t, err := a.d.Vetting.Token(ctx, p, id, renew)
	if err != nil {
		return nil, err
	}
	return &out[resource.PreVettingToken]{resource.PreVettingToken{Organisation: id, Token: t}}, nil
}

// PDFUpload is a PDF file as the body of a request. huma sees exported embedded
// fields only.
type PDFUpload struct {
	Name        string `query:"name" required:"true" minLength:"1" maxLength:"100" doc:"file name"`
	Description string `query:"description" maxLength:"200"`
	RawBody     []byte `contentType:"application/pdf"`
}

func (a *API) evidenceRoutes() {
	register(a, get("organisations", "list-organisation-documents", "/organisations/{id}/documents", "List the evidence about an organisation", identity.DocumentView).
		says("Who may not see documents of the whole account sees his own."),
		func(ctx context.Context, p *core.Principal, in *ByID[core.OrganisationID]) (*out[resource.Documents], error) {
			list, err := a.d.Vetting.Documents(ctx, p, in.ID)
			return &out[resource.Documents]{resource.Documents{Items: shapes(list, documentResource)}}, err
		})
	register(a, post("organisations", "add-organisation-document", "/organisations/{id}/documents", "Bring evidence about an organisation", identity.EvidenceAdd).
		says("A PDF file of at most 3 MiB.").uploads(core.MaxDocument).created(),
		func(ctx context.Context, p *core.Principal, in *struct {
			ByID[core.OrganisationID]
			PDFUpload
		}) (*out[resource.Document], error) {
			d, err := a.d.Vetting.AddDocument(ctx, p, in.ID, in.Name, in.Description, in.RawBody)
			return shaped(d, err, documentResource)
		})
	register(a, get("organisations", "get-organisation-document", "/organisations/{id}/documents/{document}", "Download evidence about an organisation", identity.DocumentView).
		says("Every call is in the audit log.").streams("application/pdf"),
		func(ctx context.Context, p *core.Principal, in *struct {
			ByID[core.OrganisationID]
			Document core.DocumentID `path:"document" maxLength:"36"`
		}) (*file, error) {
			d, body, err := a.d.Vetting.Document(ctx, p, in.ID, in.Document)
			if err != nil {
				return nil, err
			}
			return fileOf(d.Type, d.Name, body), nil
		})
}

func (a *API) representativeRoutes() {
	register(a, get("organisations", "list-representatives", "/organisations/{id}/representatives", "List who may speak for an organisation", identity.OrganisationView),
		func(ctx context.Context, p *core.Principal, in *ByID[core.OrganisationID]) (*out[resource.Representatives], error) {
			list, err := a.d.Vetting.Representatives(ctx, p, in.ID)
			return &out[resource.Representatives]{resource.Representatives{Items: shapes(list, representativeResource)}}, err
		})
	register(a, post("organisations", "add-representative", "/organisations/{id}/representatives", "Add somebody who may speak for an organisation", identity.OrganisationLegal).created(),
		func(ctx context.Context, p *core.Principal, in *struct {
			ByID[core.OrganisationID]
			Body resource.RepresentativeFields
		}) (*out[resource.Representative], error) {
			r, err := a.d.Vetting.AddRepresentative(ctx, p, representativeOf(in.ID, in.Body))
			return shaped(r, err, representativeResource)
		})
	register(a, put("organisations", "update-representative", "/organisations/{id}/representatives/{representative}", "Change a representative", identity.OrganisationLegal).
		says("When the mail address changes, links that he has not answered end."),
		func(ctx context.Context, p *core.Principal, in *struct {
			ByID[core.OrganisationID]
			Representative core.RepresentativeID `path:"representative" maxLength:"36"`
			Body           resource.RepresentativeFields
		}) (*out[resource.Representative], error) {
			r := representativeOf(in.ID, in.Body)
			r.ID = in.Representative
			got, err := a.d.Vetting.UpdateRepresentative(ctx, p, r)
			return shaped(got, err, representativeResource)
		})
	register(a, remove("organisations", "remove-representative", "/organisations/{id}/representatives/{representative}", "Remove a representative", identity.OrganisationLegal).
		says("His answers stay, links that he has not answered end."),
		func(ctx context.Context, p *core.Principal, in *struct {
			ByID[core.OrganisationID]
			Representative core.RepresentativeID `path:"representative" maxLength:"36"`
		}) (*none, error) {
			return nil, a.d.Vetting.RemoveRepresentative(ctx, p, in.ID, in.Representative)
		})
	addList(a, get("consents", "list-consents", "/consents", "List links sent to representatives, and the answers", identity.VettingView),
		"consents", a.d.Vetting.ConsentColumns, a.d.Vetting.ListConsents, consentResource)
	register(a, post("consents", "send-consent", "/organisations/{id}/consents", "Mail a representative a link to consent or refuse", identity.ConsentSend).
		says("It replaces one about the same that he has not answered.").created(),
		func(ctx context.Context, p *core.Principal, in *struct {
			ByID[core.OrganisationID]
			Body resource.NewConsent
		}) (*out[resource.Consent], error) {
			c, err := a.d.Vetting.SendConsent(ctx, p, in.ID, in.Body.Representative, in.Body.Order)
			return shaped(c, err, consentResource)
		})
}

// shapes is shape for each of a list.
func shapes[C, T any](list []C, shape func(*C) T) []T {
	out := make([]T, len(list))
	for i := range list {
		out[i] = shape(&list[i])
	}
	return out
}

func (a *API) vettingResource(v *core.Vetting) resource.Vetting {
	return resource.Vetting{ID: v.ID, Organisation: v.Organisation, Purpose: v.Purpose, State: v.Shown(a.d.Now()), AskedBy: v.AskedBy, AskedAs: v.AskedAs,
		Validator: v.Validator, Method: v.Method, Source: v.Source, Comment: v.Comment, Evidence: list0(v.Evidence), DecidedAt: v.DecidedAt,
		ExpiresAt: v.ExpiresAt, Version: v.Version, CreatedAt: v.CreatedAt, UpdatedAt: v.UpdatedAt}
}

func documentResource(d *core.Document) resource.Document {
	return resource.Document{ID: d.ID, Order: d.Order, Organisation: d.Owner, Name: d.Name, Description: d.Description, Type: d.Type, Size: d.Size,
		SHA256: hex.EncodeToString(d.SHA256), Uploader: d.Uploader, CreatedAt: d.CreatedAt}
}

func representativeOf(o core.OrganisationID, f resource.RepresentativeFields) core.Representative {
	return core.Representative{Organisation: o, Name: f.Name, Email: f.Email, Phone: f.Phone, Designation: f.Designation}
}

func representativeResource(r *core.Representative) resource.Representative {
	return resource.Representative{ID: r.ID, Number: r.Number, Organisation: r.Organisation, Name: r.Name, Email: r.Email, Phone: r.Phone,
		Designation: r.Designation, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt}
}

func consentResource(c *core.Consent) resource.Consent {
	return resource.Consent{ID: c.ID, Organisation: c.Organisation, Representative: c.Representative, Order: c.Order, Statement: c.Statement, State: c.State,
		SentTo: c.SentTo, ExpiresAt: c.ExpiresAt, AnsweredAt: c.AnsweredAt, AnsweredFrom: c.AnsweredFrom, CreatedAt: c.CreatedAt}
}
