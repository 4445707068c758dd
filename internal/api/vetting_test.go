package api_test

import (
	"bytes"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"crypto/sha256"

	"github.com/certwright/certwright/internal/api/client"
	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/vetting/vettingtest"
)

// newOrganisation makes an organisation with legal data.
func (w *world) newOrganisation(t testing.TB, name string) resource.Organisation {
	t.Helper()
	o := decode[resource.Organisation](t, w.admin.do(t, "POST", "/organisations", resource.OrganisationFields{Name: name, Country: "DE",
		Legal: &core.LegalData{LegalName: name + " GmbH", Registration: "HRB 1"}}).is(t, 201))
	if o.Legal.LegalName != name+" GmbH" {
		t.Errorf("%+v", o)
	}
	return o
}

func TestVettingTour(t *testing.T) {
	w := newWorld(t)
	ctx, o := t.Context(), w.newOrganisation(t, "Works")
	opr, val := w.withRole(t, "operator").client(t), w.withRole(t, "validator").client(t)

	// An update that does not speak of legal data leaves them.
	got := decode[resource.Organisation](t, w.admin.do(t, "PUT", "/organisations/"+string(o.ID), resource.OrganisationFields{Name: "Works", Country: "AT"}).is(t, 200))
	if got.Legal != o.Legal || got.Country != "AT" {
		t.Errorf("%+v", got)
	}
	legal := o.Legal
	legal.BusinessCategory = "private"
	set, err := val.SetLegal(ctx, o.ID, legal)
	must(t, err)
	if set.Legal != legal {
		t.Errorf("%+v", set)
	}

	body := vettingtest.PDF("register")
	doc, err := opr.AddOrganisationDocument(ctx, o.ID, "Auszug Köln.pdf", "extract", body)
	must(t, err)
	sum := sha256.Sum256(body)
	if doc.Size != len(body) || doc.SHA256 != hex.EncodeToString(sum[:]) || doc.Organisation != o.ID || doc.Name != "Auszug Köln.pdf" {
		t.Errorf("%+v", doc)
	}
	docs, err := val.OrganisationDocuments(ctx, o.ID)
	must(t, err)
	if len(docs.Items) != 1 || docs.Items[0] != *doc {
		t.Errorf("%+v", docs)
	}
	file, err := val.OrganisationDocument(ctx, o.ID, doc.ID)
	must(t, err)
	if !bytes.Equal(file.Body, body) || file.Type != "application/pdf" {
		t.Errorf("%+v", file)
	}

	v, err := opr.AskVetting(ctx, resource.NewVetting{Organisation: o.ID, Purpose: core.PurposeOV})
	must(t, err)
	if v.State != core.VettingPending || v.Evidence == nil {
		t.Errorf("%+v", v)
	}
	dec := resource.VettingDecision{State: core.VettingValidated, Method: "register", Evidence: []core.DocumentID{doc.ID}, ExpiresAt: w.Clock.Now().AddDate(0, 0, 1), Version: v.Version}
	if _, err := opr.DecideVetting(ctx, v.ID, dec); !core.Is(err, core.KindForbidden) {
		t.Errorf("an operator decides: %v", err)
	}
	v, err = val.DecideVetting(ctx, v.ID, dec)
	must(t, err)
	if v.State != core.VettingValidated || !v.ExpiresAt.Equal(dec.ExpiresAt) || len(v.Evidence) != 1 {
		t.Errorf("%+v", v)
	}
	w.Clock.Advance(25 * time.Hour) // the tokens live on, the session does not
	v, err = opr.Vetting(ctx, v.ID)
	must(t, err)
	if v.State != core.VettingExpired {
		t.Errorf("%+v", v)
	}
	list, err := client.Collect(val.Vettings(ctx, client.Query{Filter: []core.Cond{{Column: "organisation", Op: core.OpEquals, Values: []string{string(o.ID)}}}}), 0)
	must(t, err)
	if len(list) != 1 || list[0].ID != v.ID {
		t.Errorf("%+v", list)
	}
	v, err = opr.AskVetting(ctx, resource.NewVetting{Organisation: o.ID, Purpose: core.PurposeOV})
	must(t, err)
	v, err = opr.CancelVetting(ctx, v.ID, "by mistake")
	must(t, err)
	if v.State != core.VettingCancelled || v.Comment != "by mistake" {
		t.Errorf("%+v", v)
	}
}

func TestRepresentativesTour(t *testing.T) {
	w := newWorld(t)
	ctx, o := t.Context(), w.newOrganisation(t, "Works")
	val, adm := w.withRole(t, "validator").client(t), w.admin.client(t)
	r, err := val.AddRepresentative(ctx, o.ID, resource.RepresentativeFields{Name: "Ada Meyer", Email: "ada@example.com", Designation: "CEO"})
	must(t, err)
	list, err := adm.Representatives(ctx, o.ID)
	must(t, err)
	if len(list.Items) != 1 || list.Items[0] != *r {
		t.Errorf("%+v", list)
	}
	c, err := val.SendConsent(ctx, o.ID, resource.NewConsent{Representative: r.ID})
	must(t, err)
	if c.State != core.ConsentPending || c.SentTo != r.Email || len(w.mail.Sent()) != 1 {
		t.Errorf("%+v", c)
	}
	consents, err := client.Collect(adm.Consents(ctx, client.Query{}), 0)
	must(t, err)
	if len(consents) != 1 || consents[0] != *c {
		t.Errorf("%+v", consents)
	}
	_, link, _ := strings.Cut(w.mail.Sent()[0].Text, "/consent/")
	link, _, _ = strings.Cut(link, "\n")
	for _, path := range []string{"/consents", "/organisations/" + string(o.ID) + "/representatives", "/audit"} {
		if a := w.admin.do(t, "GET", path, nil).is(t, 200); len(link) < 40 || bytes.Contains(a.body, []byte(link)) {
			t.Errorf("%s shows the secret of a link", path)
		}
	}
	r, err = val.UpdateRepresentative(ctx, o.ID, r.ID, resource.RepresentativeFields{Name: "Ada Meyer", Email: "ada@example.net"})
	must(t, err)
	if r.Email != "ada@example.net" || r.Designation != "" || r.Number != 1 {
		t.Errorf("%+v", r)
	}
	must(t, val.RemoveRepresentative(ctx, o.ID, r.ID))
	if err := val.RemoveRepresentative(ctx, o.ID, r.ID); !core.Is(err, core.KindNotFound) {
		t.Error(err)
	}

	token, err := adm.PreVettingToken(ctx, o.ID)
	must(t, err)
	again, err := adm.PreVettingToken(ctx, o.ID)
	must(t, err)
	fresh, err := adm.RenewPreVettingToken(ctx, o.ID)
	must(t, err)
	if len(token.Token) != 32 || *again != *token || fresh.Token == token.Token {
		t.Errorf("%+v, %+v, %+v", token, again, fresh)
	}
	if _, err := val.PreVettingToken(ctx, o.ID); !core.Is(err, core.KindForbidden) {
		t.Errorf("a validator sees the token: %v", err)
	}
}

func TestUploads(t *testing.T) {
	w := newWorld(t)
	o := w.newOrganisation(t, "Works")
	path := "/organisations/" + string(o.ID) + "/documents?name=a.pdf"
	pdf := []string{"Content-Type", "application/pdf"}
	largest := append([]byte("%PDF-1.7\n"), bytes.Repeat([]byte{'x'}, core.MaxDocument-14)...)
	largest = append(largest, "%%EOF"...)
	if d := decode[resource.Document](t, w.admin.do(t, "POST", path, largest, pdf...).is(t, 201)); d.Size != core.MaxDocument {
		t.Errorf("%+v", d)
	}
	w.admin.do(t, "POST", path, append(largest, '\n'), pdf...).is(t, http.StatusRequestEntityTooLarge).problem(t, core.KindTooLarge)
	w.admin.do(t, "POST", path, []byte("MZ"), pdf...).is(t, http.StatusUnsupportedMediaType).problem(t, core.KindMediaType)
	w.admin.do(t, "POST", "/organisations/"+string(o.ID)+"/documents", vettingtest.PDF(""), pdf...).is(t, 400)
	w.admin.do(t, "POST", strings.Replace(path, "a.pdf", "..%2Fa.pdf", 1), vettingtest.PDF(""), pdf...).problem(t, core.KindInvalid)
	// Other operations keep their limit.
	w.admin.do(t, "POST", "/organisations", bytes.Repeat([]byte{' '}, 1<<20+1)).is(t, http.StatusRequestEntityTooLarge)
}

// TestVettingAcrossAccounts: nothing of another account exists.
func TestVettingAcrossAccounts(t *testing.T) {
	w := newWorld(t)
	o := w.newOrganisation(t, "Works")
	doc, err := w.admin.client(t).AddOrganisationDocument(t.Context(), o.ID, "a.pdf", "", vettingtest.PDF(""))
	must(t, err)
	v := decode[resource.Vetting](t, w.admin.do(t, "POST", "/vettings", resource.NewVetting{Organisation: o.ID, Purpose: core.PurposeOV}).is(t, 201))
	other := w.otherAccount(t)
	base := "/organisations/" + string(o.ID)
	for _, r := range []struct {
		method, path string
		body         any
	}{
		{"GET", "/vettings/" + string(v.ID), nil},
		{"POST", "/vettings", resource.NewVetting{Organisation: o.ID, Purpose: core.PurposeOV}},
		{"POST", "/vettings/" + string(v.ID) + "/decide", resource.VettingDecision{State: core.VettingValidated, Method: "other", Source: "x"}},
		{"POST", "/vettings/" + string(v.ID) + "/cancel", resource.VettingCancellation{}},
		{"GET", base + "/documents", nil},
		{"GET", base + "/documents/" + string(doc.ID), nil},
		{"POST", base + "/documents?name=a.pdf", vettingtest.PDF("")},
		{"GET", base + "/representatives", nil},
		{"POST", base + "/representatives", resource.RepresentativeFields{Name: "A", Email: "a@example.com"}},
		{"POST", base + "/consents", resource.NewConsent{Representative: "0198c0de-0000-7000-8000-000000000000"}},
		{"PUT", base + "/legal", core.LegalData{}},
		{"GET", base + "/pre-vetting-token", nil},
		{"POST", base + "/pre-vetting-token", nil},
	} {
		if a := other.do(t, r.method, r.path, r.body); a.status != 404 {
			t.Errorf("%s %s: %d %s", r.method, r.path, a.status, a.body)
		}
	}
	if p := decode[resource.Page[resource.Vetting]](t, other.do(t, "GET", "/vettings", nil).is(t, 200)); len(p.Items) != 0 {
		t.Errorf("%+v", p)
	}
}
