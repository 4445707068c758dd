package ctl

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// vettingWorld is a server with an organisation, a document and a vetting.
func vettingWorld(t *testing.T) (f *fake, org, base string) {
	t.Helper()
	f = world(t)
	o := resource.Organisation{ID: id[core.OrganisationID](7), Number: 12, Name: "Works", Legal: core.LegalData{LegalName: "Works GmbH", Registration: "HRB 1"}}
	org, base = string(o.ID), "/organisations/"+string(o.ID)
	list(f, "/organisations", o)
	f.give("GET "+base, o)
	list(f, "/vettings", resource.Vetting{ID: id[core.VettingID](9), Organisation: o.ID, Purpose: core.PurposeOV, State: core.VettingPending, Version: 1, CreatedAt: noon})
	f.give("GET "+base+"/representatives", resource.Representatives{Items: []resource.Representative{
		{ID: id[core.RepresentativeID](3), Number: 1, Name: "Ada", Email: "ada@example.org"}, {ID: id[core.RepresentativeID](4), Number: 2, Name: "Bo", Email: "bo@example.org"}}})
	return f, org, base
}

func TestVettingCommands(t *testing.T) {
	f, org, _ := vettingWorld(t)
	f.give("POST /vettings", resource.Vetting{ID: id[core.VettingID](9), State: core.VettingPending})
	for _, ref := range []string{"Works", "12", org} {
		f.ctl(t, "vetting", "ask", ref, "ov").ok(t)
		if got := body[resource.NewVetting](t, f, "POST", "/vettings"); string(got.Organisation) != org || got.Purpose != core.PurposeOV {
			t.Errorf("%s: %+v", ref, got)
		}
	}
	f.ctl(t, "vetting", "ask", "Works", "dv").fails(t, codeUsage, "ov")
	if o := f.ctl(t, "vetting", "list", "--organisation", "12", "--no-headers", "--columns", "purpose,state").ok(t); o.out != "ov  pending\n" {
		t.Errorf("%q", o.out)
	}
	one := "/vettings/" + string(id[core.VettingID](9))
	f.give("POST "+one+"/decide", resource.Vetting{State: core.VettingValidated, ExpiresAt: noon.AddDate(0, 0, 90)})
	f.ctl(t, "vetting", "decide", string(id[core.VettingID](9)), "validated", "--method", "register", "--source", "HRB 1", "--evidence", "a,b", "--expires", "90d", "--version", "1").ok(t)
	got := body[resource.VettingDecision](t, f, "POST", one+"/decide")
	if got.State != core.VettingValidated || got.Method != "register" || got.Source != "HRB 1" || len(got.Evidence) != 2 || !got.ExpiresAt.Equal(noon.Add(90*24*time.Hour)) || got.Version != 1 {
		t.Errorf("%+v", got)
	}
	f.ctl(t, "vetting", "decide", string(id[core.VettingID](9)), "expired").fails(t, codeUsage, "rejected")
	f.give("POST "+one+"/cancel", resource.Vetting{State: core.VettingCancelled})
	f.ctl(t, "vetting", "cancel", string(id[core.VettingID](9)), "--comment", "no need").ok(t)
	if got := body[resource.VettingCancellation](t, f, "POST", one+"/cancel"); got.Comment != "no need" {
		t.Errorf("%+v", got)
	}
}

func TestEvidenceCommands(t *testing.T) {
	f, org, base := vettingWorld(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "extract.pdf")
	if err := new(console).writeFile(file, []byte("%PDF-1.4 %%EOF"), modePublic, false); err != nil {
		t.Fatal(err)
	}
	doc := id[core.DocumentID](5)
	f.give("POST "+base+"/documents", resource.Document{ID: doc, Name: "extract.pdf"})
	f.ctl(t, "organisation", "add-document", "Works", file, "--description", "the register").ok(t)
	r := f.requests[len(f.requests)-1]
	if r.Body != "%PDF-1.4 %%EOF" || r.Query != "description=the+register&name=extract.pdf" || r.Method != http.MethodPost {
		t.Errorf("%+v", r)
	}
	call{args: f.args("organisation", "add-document", "Works", "-"), in: "%PDF"}.run(t).fails(t, codeUsage, "--name")
	f.give("GET "+base+"/documents/"+string(doc), []byte("%PDF-1.4 %%EOF"))
	out := filepath.Join(dir, "got.pdf")
	f.ctl(t, "organisation", "document", "Works", string(doc), "--out", out).ok(t)
	if read(t, out) != "%PDF-1.4 %%EOF" {
		t.Errorf("%q", read(t, out))
	}
	f.ctl(t, "organisation", "document", "Works", string(doc), "--out", out).fails(t, codeFailed, "--force")

	f.give("PUT "+base+"/legal", resource.Organisation{Name: "Works"})
	f.ctl(t, "organisation", "legal", org, "--registration", "HRB 2", "--phone", "+49221123").ok(t)
	want := core.LegalData{LegalName: "Works GmbH", Registration: "HRB 2", Phone: "+49221123"}
	if got := body[core.LegalData](t, f, "PUT", base+"/legal"); got != want {
		t.Errorf("%+v: what was not given is lost", got)
	}
}

func TestRepresentativeCommands(t *testing.T) {
	f, _, base := vettingWorld(t)
	f.give("POST "+base+"/consents", resource.Consent{SentTo: "bo@example.org", ExpiresAt: noon})
	for ref, want := range map[string]core.RepresentativeID{"2": id[core.RepresentativeID](4), "bo@example.org": id[core.RepresentativeID](4),
		string(id[core.RepresentativeID](3)): id[core.RepresentativeID](3)} {
		f.ctl(t, "organisation", "ask-consent", "Works", ref).ok(t)
		if got := body[resource.NewConsent](t, f, "POST", base+"/consents"); got.Representative != want || got.Order != "" {
			t.Errorf("%s: %+v", ref, got)
		}
	}
	f.ctl(t, "organisation", "ask-consent", "Works", "nobody").fails(t, codeNotFound, "nobody")
	f.give("GET /orders/3", resource.OrderDetail{Order: resource.Order{ID: id[core.OrderID](6), Number: 3}})
	f.ctl(t, "organisation", "ask-consent", "Works", "1", "--order", "3").ok(t)
	if got := body[resource.NewConsent](t, f, "POST", base+"/consents"); got.Order != id[core.OrderID](6) {
		t.Errorf("%+v", got)
	}
	one := base + "/representatives/" + string(id[core.RepresentativeID](4))
	f.give("PUT "+one, resource.Representative{Name: "Bo"})
	f.ctl(t, "organisation", "update-representative", "Works", "2", "--phone", "+4922123").ok(t)
	if got := body[resource.RepresentativeFields](t, f, "PUT", one); got != (resource.RepresentativeFields{Name: "Bo", Email: "bo@example.org", Phone: "+4922123"}) {
		t.Errorf("%+v", got)
	}
	f.give("DELETE "+one, struct{}{})
	f.ctl(t, "organisation", "remove-representative", "Works", "2", "--yes").ok(t)
	f.give("POST "+base+"/pre-vetting-token", resource.PreVettingToken{Token: strings.Repeat("ab", 16)})
	if o := f.ctl(t, "organisation", "renew-pre-vetting-token", "Works", "--yes").ok(t); !strings.Contains(o.out, strings.Repeat("ab", 16)) {
		t.Errorf("%q", o.out)
	}
}
