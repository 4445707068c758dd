package ctl

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/api/resource"
)

func TestImportCertificates(t *testing.T) {
	f := newFake(t, false)
	rep := resource.CertificateImportReport{Imported: 1, Items: []resource.CertificateResult{{File: "a.pem", Position: 1, Status: "imported", Number: 7, Subject: "CN=a"}}}
	f.on("POST /imports/certificates", func(*http.Request) (any, error) { return rep, nil })
	pem, pass := file(t, "a.pem", "one"), file(t, "pass", "secret\n")
	o := f.ctl(t, "import", "certificates", pem, pem, "--tag", "env:prod", "--password-file", pass).ok(t)
	in := body[resource.CertificateImport](t, f, "POST", "/imports/certificates")
	if len(in.Files) != 2 || string(in.Files[0].Data) != "one" || in.Files[0].Name != pem || in.Password != "secret" || len(in.Tags) != 1 || in.Group != "" {
		t.Errorf("%+v", in)
	}
	if !strings.Contains(o.out, "CN=a") || !strings.Contains(o.err, "1 imported, 0 known already, 0 refused") {
		t.Errorf("%s%s", o.out, o.err)
	}
	rep.Refused, rep.Items = 2, append(rep.Items, resource.CertificateResult{File: "b", Status: "refused", Reason: "no\x1b[31m"})
	o = f.ctl(t, "import", "certificates", pem).fails(t, codeRefused, "2 items of the import refused")
	if !strings.Contains(o.out, "imported") || strings.Contains(o.out, "\x1b") {
		t.Errorf("%q", o.out)
	}
	var got resource.CertificateImportReport
	if err := json.Unmarshal([]byte(f.ctl(t, "import", "cert", pem, "-o", "json").fails(t, codeRefused, "").out), &got); err != nil || got.Refused != 2 {
		t.Errorf("%+v %v", got, err)
	}
	f.ctl(t, "import", "certificates", pem+"x").fails(t, codeUsage, "no such file")
}

// A list goes piece by piece, and what was made before an error is shown.
func TestImportLists(t *testing.T) {
	f := newFake(t, false)
	csv := file(t, "users.csv", "login\na\nb\nc\n")
	var seen []resource.ListImport
	broken := false
	f.on("POST /imports/users", func(r *http.Request) (any, error) {
		var in resource.ListImport
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			return nil, err
		}
		if seen = append(seen, in); in.From == 0 {
			return resource.UserImportReport{Total: 3, Next: 2, Items: []resource.UserRowResult{
				{ListRowResult: resource.ListRowResult{Line: 2, Name: "a", Status: "created"}, Password: "first-time"}, {ListRowResult: resource.ListRowResult{Line: 3, Name: "b", Status: "known"}}}}, nil
		}
		if broken {
			return nil, &resource.Problem{Status: 503, Type: "urn:certwright:problem:unavailable", Detail: "try later"}
		}
		return resource.UserImportReport{Total: 3, Items: []resource.UserRowResult{{ListRowResult: resource.ListRowResult{Line: 4, Name: "c", Status: "created"}}}}, nil
	})
	o := f.ctl(t, "import", "users", csv).ok(t)
	if len(seen) != 2 || seen[0].CSV != "login\na\nb\nc\n" || seen[1].From != 2 || seen[1].CSV != seen[0].CSV || seen[0].DryRun || !strings.Contains(o.out, "first-time") ||
		!strings.Contains(o.err, "2 created, 0 to be created, 1 known already, 0 refused") {
		t.Errorf("%+v %s%s", seen, o.out, o.err)
	}
	broken = true
	if o = f.ctl(t, "import", "users", csv).fails(t, codeFailed, "try later"); !strings.Contains(o.out, "first-time") {
		t.Errorf("the passwords are lost: %s", o.out)
	}
	f.give("POST /imports/groups", resource.ListImportReport{Total: 1, Items: []resource.ListRowResult{{Line: 2, Name: "x", Status: "refused", Field: "email", Reason: "bad"}}})
	o = f.ctl(t, "import", "groups", csv, "--dry-run").fails(t, codeRefused, "1 item of the import refused")
	if in := body[resource.ListImport](t, f, "POST", "/imports/groups"); !in.DryRun || !strings.Contains(o.out, "email") {
		t.Errorf("%+v %s", in, o.out)
	}
	f.give("POST /imports/organisations", resource.ListImportReport{})
	f.ctl(t, "import", "organizations", csv).ok(t)
	f.give("POST /imports/domains", resource.ListImportReport{Total: 5, Next: 0})
	f.ctl(t, "import", "domains", csv).ok(t)
}

func TestTagCommands(t *testing.T) {
	f := newFake(t, false)
	list(f, "/tags", resource.Tag{ID: "env:prod", Tag: "env:prod", Name: "env", Value: "prod", Certificates: 3, Orders: 1}, resource.Tag{ID: "web", Tag: "web", Name: "web", Certificates: 1})
	if o := f.ctl(t, "tag", "list").ok(t); !strings.Contains(o.out, "env:prod  3") {
		t.Error(o.out)
	}
	f.give("POST /tags/rename", resource.TagChanged{Things: 4})
	f.give("POST /tags/delete", resource.TagChanged{Things: 5000, Job: 12})
	if o := f.ctl(t, "tag", "rename", "env", "stage", "--key").ok(t); !strings.Contains(o.err, "4 things changed") {
		t.Error(o.err)
	}
	if in := body[resource.TagRename](t, f, "POST", "/tags/rename"); in != (resource.TagRename{From: "env", To: "stage", Key: true}) {
		t.Errorf("%+v", in)
	}
	f.ctl(t, "tag", "delete", "env:prod").fails(t, codeUsage, "from 4 things?")
	if len(f.got("POST", "/tags/delete")) != 0 {
		t.Error("deleted without an answer")
	}
	if o := f.ctl(t, "tag", "delete", "env:prod", "--yes").ok(t); !strings.Contains(o.err, "job 12") {
		t.Error(o.err)
	}
}
