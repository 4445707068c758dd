package api_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/csvlist"
	"github.com/certwright/certwright/internal/inventory"
	"github.com/certwright/certwright/internal/wire/keystore"
)

// elsewhere is a CA that is none of ours.
type elsewhere struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	n    int64
}

func newElsewhere(t testing.TB, above *elsewhere, cn string, now time.Time) *elsewhere {
	t.Helper()
	ca := &elsewhere{}
	ca.cert, ca.key = above.issue(t, cn, now, func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
		c.NotAfter = now.AddDate(5, 0, 0)
	})
	return ca
}

// issue makes a certificate, signed by itself when there is no CA.
func (e *elsewhere) issue(t testing.TB, cn string, now time.Time, change func(*x509.Certificate)) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: cn}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(0, 0, 20)}
	if change != nil {
		change(tmpl)
	}
	parent, signer := tmpl, key
	if e != nil {
		e.n++
		tmpl.SerialNumber = big.NewInt(e.n)
		parent, signer = e.cert, e.key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, key.Public(), signer)
	must(t, err)
	c, err := x509.ParseCertificate(der)
	must(t, err)
	return c, key
}

func pemOf(list ...*x509.Certificate) []byte {
	var out []byte
	for _, c := range list {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return out
}

// statuses writes the results of an import in short.
func statuses(r resource.CertificateImportReport) string {
	var out []string
	for _, x := range r.Items {
		out = append(out, x.Status)
	}
	return strings.Join(out, " ")
}

func TestImportCertificates(t *testing.T) {
	w := newWorld(t)
	now := w.Clock.Now()
	root := newElsewhere(t, nil, "Elsewhere Root", now)
	sub := newElsewhere(t, root, "Elsewhere Issuing", now)
	shop, _ := sub.issue(t, "shop.example", now, func(c *x509.Certificate) { c.DNSNames = []string{"shop.example"} })
	mail, key := sub.issue(t, "mail.example", now, nil)
	old, _ := sub.issue(t, "old.example", now, func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Minute) })
	p12, err := keystore.Encode(keystore.P12, keystore.Options{Password: "secret", Iterations: 2048}, keystore.Entry{Key: key, Chain: [][]byte{mail.Raw, sub.cert.Raw}})
	must(t, err)
	op := w.withRole(t, "operator")
	send := func(in resource.CertificateImport) resource.CertificateImportReport {
		t.Helper()
		return decode[resource.CertificateImportReport](t, op.do(t, "POST", "/imports/certificates", in).is(t, 200))
	}
	first := resource.CertificateImport{Group: w.group, Tags: []string{"env:prod", "ENV:PROD", "b"}, Files: []resource.ImportFile{
		{Name: "bundle.pem", Data: append(pemOf(shop, sub.cert, root.cert, shop, old), "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"...)},
		{Name: "mail.p12", Data: p12}, {Name: "x\x00.bin", Data: []byte("hello")}}}
	// The root and what it signed first have one serial number: both are kept.
	got := send(first)
	if statuses(got) != "imported imported imported skipped imported refused refused refused" || got.Imported != 4 || !strings.Contains(got.Items[2].Reason, "same serial number") || got.Refused != 3 || !got.Items[4].Expired {
		t.Fatalf("%+v", got)
	}
	first.Password = "secret"
	if got = send(first); statuses(got) != "known known known skipped known refused skipped imported skipped refused" {
		t.Fatalf("%s", statuses(got))
	}
	// What was imported is a certificate like others, but for what only its CA can do.
	id := string(got.Items[0].Certificate)
	c := decode[resource.CertificateDetail](t, op.do(t, "GET", "/certificates/"+id, nil).is(t, 200))
	if c.Protocol != "import" || c.IssuerDN != "CN=Elsewhere Issuing" || c.IssuerName != c.IssuerDN || c.Product != "" || len(c.Chain) != 2 || c.Decoded == nil ||
		strings.Join(c.Tags, " ") != "ENV:PROD b" || c.Group != w.group || c.CA || c.Names[0] != "dns:shop.example" {
		t.Errorf("%+v", c)
	}
	if p := op.do(t, "POST", "/certificates/"+id+"/revoke", nil).is(t, 409).problem(t, core.KindConflict); !strings.Contains(p.Detail, "Elsewhere Issuing") {
		t.Error(p.Detail)
	}
	op.do(t, "POST", "/certificates/"+id+"/renew", nil).is(t, 409)
	op.do(t, "POST", "/certificates/"+id+"/export", resource.Export{Format: "p12", Password: "x"}).is(t, 404)
	if a := op.do(t, "GET", "/certificates/"+id+"/download?format=pem", nil).is(t, 200); bytes.Count(a.body, []byte("BEGIN CERTIFICATE")) != 3 {
		t.Errorf("%s", a.body)
	}
	for filter, want := range map[string]int64{"protocol:eq:import": 5, "ca:eq:true": 3 /* ours, too */, "issuer_dn:contains:issuing": 3, "tags:eq:env:prod": 5, "issuer:eq:" + string(c.Issuer): 3} {
		n := decode[resource.Counted](t, op.do(t, "GET", "/lists/certificates/count?filter="+url.QueryEscape(filter), nil).is(t, 200))
		if n.Count != want {
			t.Errorf("%s: %d, want %d", filter, n.Count, want)
		}
	}
	by := decode[resource.Counted](t, op.do(t, "GET", "/lists/certificates/count?by=issuer&filter=protocol:eq:import", nil).is(t, 200))
	if len(by.Groups) != 3 || by.Groups[0].Name != "CN=Elsewhere Issuing" {
		t.Errorf("%+v", by)
	}
	// Every one is in the audit log, and the upload.
	log := string(w.admin.do(t, "GET", "/audit?limit=500", nil).is(t, 200).body)
	if strings.Count(log, `"certificate.import"`) != 5 || strings.Count(log, `"inventory.import"`) != 2 || strings.Contains(log, `"secret"`) {
		t.Errorf("%s", log)
	}
}

// A certificate of one of our CAs belongs to that CA again, and can be revoked.
func TestImportOurOwn(t *testing.T) {
	w := newWorld(t)
	op := w.withRole(t, "operator")
	o := op.order(t, resource.NewOrder{Product: "tls-server", Generate: "ECDSA P-256", Names: []string{"a.example.com"}, Subject: core.DN{{Type: "CN", Value: "a.example.com"}}, Group: w.group})
	issuing := decode[resource.IssuerDetail](t, op.do(t, "GET", "/issuers/"+string(o.Order.Issuer), nil).is(t, 200))
	in := resource.CertificateImport{Files: []resource.ImportFile{{Name: "a", Data: []byte(o.PEM + issuing.PEM)}}}
	op.do(t, "POST", "/imports/certificates", in).is(t, 200)
	got := decode[resource.CertificateImportReport](t, op.do(t, "POST", "/imports/certificates", in).is(t, 200))
	if statuses(got) != "known known" || got.Items[0].Certificate != o.Certificate.ID || !strings.Contains(got.Items[1].Reason, "of this installation") {
		t.Errorf("%+v", got)
	}
	// As after a restore from an older backup: the row is gone, the CA is not.
	for _, q := range []string{"DELETE FROM certificate_bodies WHERE certificate = ?", "DELETE FROM certificates WHERE id = ?"} {
		if _, err := w.db.SQL().ExecContext(t.Context(), q, string(o.Certificate.ID)); err != nil {
			t.Fatal(err)
		}
	}
	got = decode[resource.CertificateImportReport](t, op.do(t, "POST", "/imports/certificates", in).is(t, 200))
	if statuses(got) != "imported known" || got.Items[0].IssuerDN != "" {
		t.Fatalf("%+v", got)
	}
	c := decode[resource.Certificate](t, op.do(t, "POST", "/certificates/"+string(got.Items[0].Certificate)+"/revoke", nil).is(t, 200))
	if c.State != core.CertRevoked || c.Issuer != o.Order.Issuer || c.Protocol != "import" {
		t.Errorf("%+v", c)
	}
}

func TestImportRefused(t *testing.T) {
	w := newWorld(t)
	now := w.Clock.Now()
	cert, _ := (*elsewhere)(nil).issue(t, "a", now, nil)
	file := []resource.ImportFile{{Name: "a.pem", Data: pemOf(cert)}}
	other := w.newGroup(t, "other")
	w.withRole(t, "requester").do(t, "POST", "/imports/certificates", resource.CertificateImport{Files: file, Group: w.group}).is(t, 403)
	w.withRole(t, "auditor").do(t, "POST", "/imports/certificates", resource.CertificateImport{Files: file}).is(t, 403)
	some := w.person(t, "some", []core.GroupID{w.group}, core.Grant{Role: core.RoleOperator, Group: w.group})
	some.do(t, "POST", "/imports/certificates", resource.CertificateImport{Files: file}).is(t, 403)
	some.do(t, "POST", "/imports/certificates", resource.CertificateImport{Files: file, Group: other}).is(t, 403)
	if got := decode[resource.CertificateImportReport](t, some.do(t, "POST", "/imports/certificates", resource.CertificateImport{Files: file, Group: w.group}).is(t, 200)); statuses(got) != "imported" {
		t.Errorf("%+v", got)
	}
	op := w.withRole(t, "operator")
	for name, x := range map[string]struct {
		in     any
		status int
	}{
		"no file":   {resource.CertificateImport{Files: []resource.ImportFile{}}, 422},
		"group":     {resource.CertificateImport{Files: file, Group: "01900000-0000-7000-8000-000000000000"}, 400},
		"tags":      {resource.CertificateImport{Files: file, Tags: []string{" x"}}, 400},
		"base64":    {`{"files":[{"name":"a","data":"!"}]}`, 422},
		"too large": {resource.CertificateImport{Files: []resource.ImportFile{{Name: "a", Data: make([]byte, inventory.MaxUpload+1)}}}, 413},
		"too many":  {resource.CertificateImport{Files: []resource.ImportFile{{Name: "a", Data: bytes.Repeat(pemOf(cert), inventory.MaxCertificates+1)}}}, 413},
	} {
		if a := op.do(t, "POST", "/imports/certificates", x.in); a.status != x.status && !(x.status == 422 && a.status == 400) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	got := decode[resource.CertificateImportReport](t, op.do(t, "POST", "/imports/certificates", resource.CertificateImport{Files: file}).is(t, 200))
	if statuses(got) != "known" || got.Items[0].Certificate == "" {
		t.Errorf("%+v", got)
	}
}

// rowsOf writes the results of a list in short.
func rowsOf(r resource.UserImportReport) string {
	var out []string
	for _, x := range r.Items {
		out = append(out, fmt.Sprintf("%d %s %s %s", x.Line, x.Name, x.Status, x.Field))
	}
	return strings.Join(out, "|")
}

func TestImportLists(t *testing.T) {
	w := newWorld(t)
	send := func(list, csv string, dry bool, from, limit int) resource.UserImportReport {
		t.Helper()
		return decode[resource.UserImportReport](t, w.admin.do(t, "POST", "/imports/"+list, resource.ListImport{CSV: csv, DryRun: dry, From: from, Limit: limit}).is(t, 200))
	}
	check := func(list, csv, dry, run, again string) {
		t.Helper()
		for _, x := range []struct {
			dry  bool
			want string
		}{{true, dry}, {false, run}, {false, again}, {true, again}} {
			if got := rowsOf(send(list, csv, x.dry, 0, 0)); got != x.want {
				t.Errorf("%s, dry %v: %s, want %s", list, x.dry, got, x.want)
			}
		}
	}
	check("organisations", "\xef\xbb\xbfName;Country;State or province\nAcme;gb;\nBad;GBR;\nAcme;de;\n",
		"2 Acme new |3 Bad refused country|4 Acme refused ", "2 Acme created |3 Bad refused country|4 Acme refused ", "2 Acme known |3 Bad refused country|4 Acme refused ")
	check("groups", "name,email,organisation\n\"Web, team\",web@example.com,Acme\nx,no mail,\ny,,Nobody\n",
		"2 Web, team new |3 x refused email|4 y refused organisation", "2 Web, team created |3 x refused email|4 y refused organisation",
		"2 Web, team known |3 x refused email|4 y refused organisation")
	check("users", "login,name,role,group,sign_in\nAnn,'=1+1,\"auditor, operator@default\",\"Web, team\",yes\nbob,,king,,\ncarl,,,none,\ndora,,,,perhaps\n,x,,,\n",
		"2 ann new |3 bob refused role|4 carl refused group|5 dora refused sign_in|6  refused login",
		"2 ann created |3 bob refused role|4 carl refused group|5 dora refused sign_in|6  refused login",
		"2 ann known |3 bob refused role|4 carl refused group|5 dora refused sign_in|6  refused login")
	check("domains", "name,organisation,group\nshop.example,Acme,\nshop.example,,default\ncom,Acme,\n",
		"2 shop.example new |3 shop.example new |4 com refused name", "2 shop.example created |3 shop.example created |4 com refused name",
		"2 shop.example known |3 shop.example known |4 com refused name")
	users := decode[resource.Page[resource.User]](t, w.admin.do(t, "GET", "/users?filter=login:eq:ann", nil).is(t, 200))
	if len(users.Items) != 1 || users.Items[0].Name != "=1+1" || len(users.Items[0].Grants) != 2 || len(users.Items[0].Groups) != 1 {
		t.Errorf("%+v", users)
	}
	// The one-time password works, and an export can be imported.
	got := send("users", "login,sign_in\neve,yes\n", false, 0, 0)
	if got.Items[0].Password == "" || got.Items[0].ID == "" {
		t.Fatalf("%+v", got)
	}
	w.signIn(t, "eve", got.Items[0].Password)
	exported := string(w.admin.do(t, "GET", "/lists/users/export", nil).is(t, 200).body)
	if all := rowsOf(send("users", exported, true, 0, 0)); strings.Contains(all, "refused") || strings.Count(all, "known") != strings.Count(exported, "\n")-1 {
		t.Errorf("%s\n%s", all, exported)
	}
	// Piece by piece.
	var b strings.Builder
	b.WriteString("name\n")
	for i := range 5 {
		fmt.Fprintf(&b, "piece %d\n", i)
	}
	first := send("groups", b.String(), false, 0, 2)
	last := send("groups", b.String(), false, 4, 2)
	if first.Total != 5 || first.Next != 2 || rowsOf(first) != "2 piece 0 created |3 piece 1 created " || last.Next != 0 || rowsOf(last) != "6 piece 4 created " {
		t.Errorf("%+v %+v", first, last)
	}
}

func TestImportListsRefused(t *testing.T) {
	w := newWorld(t)
	op := w.withRole(t, "operator")
	for _, l := range []string{"users", "groups", "organisations"} {
		op.do(t, "POST", "/imports/"+l, resource.ListImport{CSV: csvlist.Columns(l)[0] + "\nx\n"}).is(t, 403)
	}
	w.withRole(t, "auditor").do(t, "POST", "/imports/domains", resource.ListImport{CSV: "name\nx.example\n"}).is(t, 403)
	for csv, detail := range map[string]string{"": "empty", "nome\nx\n": `"nome"`, "name\n\"x\n": "line 2", "email\n": "column name", "name\n" + strings.Repeat("x\n", csvlist.MaxRows+1): "5000 rows"} {
		a := w.admin.do(t, "POST", "/imports/groups", resource.ListImport{CSV: csv})
		if (a.status != 400 && a.status != 413) || !strings.Contains(string(a.body), strings.ReplaceAll(detail, `"`, `\"`)) {
			t.Errorf("%q: %d %s", csv[:min(len(csv), 20)], a.status, a.body)
		}
	}
	w.admin.do(t, "POST", "/imports/groups", resource.ListImport{CSV: "name\nx\n", From: 2}).is(t, 400)
	w.admin.do(t, "POST", "/imports/nothing", resource.ListImport{CSV: "name\nx\n"}).is(t, 404)
}

// tagLine writes the tags in use in short.
func tagLine(t *testing.T, c *caller, query string) string {
	t.Helper()
	var out []string
	for _, x := range decode[resource.Page[resource.Tag]](t, c.do(t, "GET", "/tags"+query, nil).is(t, 200)).Items {
		out = append(out, fmt.Sprintf("%s=%d/%d/%d", x.Tag, x.Certificates, x.Credentials, x.Orders))
	}
	return strings.Join(out, " ")
}

// Each number of a tag is what its list shows, for whoever asks.
func TestTags(t *testing.T) {
	w := newWorld(t)
	other := w.newGroup(t, "other")
	for i, g := range []core.GroupID{w.group, w.group, other} {
		o := w.admin.order(t, resource.NewOrder{Product: "tls-server", Generate: "ECDSA P-256", Names: []string{fmt.Sprintf("h%d.example.com", i)}, Subject: core.DN{{Type: "CN", Value: "h"}}, Group: g})
		w.admin.do(t, "PUT", "/certificates/"+string(o.Certificate.ID)+"/tags", resource.Tags{Tags: []string{"env:prod", fmt.Sprintf("n:%d", i)}}).is(t, 200)
	}
	cred := w.newCredential(t, w.group)
	tags := []string{"Env:Prod"}
	w.admin.do(t, "PATCH", "/credentials/"+string(cred.Credential.ID), resource.CredentialChange{Version: cred.Credential.Version, Tags: &tags}).is(t, 200)
	if got := tagLine(t, w.admin, ""); got != "env:prod=3/1/0 n:0=1/0/0 n:1=1/0/0 n:2=1/0/0" {
		t.Error(got)
	}
	some := w.person(t, "some", []core.GroupID{w.group}, core.Grant{Role: core.RoleRequester, Group: w.group})
	if got := tagLine(t, some, ""); got != "env:prod=2/0/0 n:0=1/0/0 n:1=1/0/0" {
		t.Error(got)
	}
	for _, c := range []*caller{w.admin, some} {
		for _, x := range decode[resource.Page[resource.Tag]](t, c.do(t, "GET", "/tags", nil).is(t, 200)).Items {
			n := decode[resource.Counted](t, c.do(t, "GET", "/lists/certificates/count?filter="+url.QueryEscape("tags:eq:"+x.Tag), nil).is(t, 200))
			if n.Count != x.Certificates {
				t.Errorf("%s: %d and %d", x.Tag, n.Count, x.Certificates)
			}
		}
	}
	if got := tagLine(t, w.admin, "?filter=key:eq:n&filter=certificates:ge:1&sort=-tag&limit=2"); got != "n:2=1/0/0 n:1=1/0/0" {
		t.Error(got)
	}
	some.do(t, "POST", "/tags/rename", resource.TagRename{From: "env:prod", To: "x"}).is(t, 403)
	op := w.withRole(t, "operator")
	if got := decode[resource.TagChanged](t, op.do(t, "POST", "/tags/rename", resource.TagRename{From: "ENV:prod", To: "env:live"}).is(t, 200)); got.Things != 4 || got.Job != 0 {
		t.Errorf("%+v", got)
	}
	op.do(t, "POST", "/tags/rename", resource.TagRename{From: "n", To: "number", Key: true}).is(t, 200)
	op.do(t, "POST", "/tags/delete", resource.TagDeletion{Tag: "number:1"}).is(t, 200)
	if got := tagLine(t, w.admin, ""); got != "env:live=3/1/0 number:0=1/0/0 number:2=1/0/0" {
		t.Error(got)
	}
	for _, bad := range []struct {
		path   string
		body   any
		status int
	}{
		{"/tags/rename", resource.TagRename{From: "env:live", To: "env:live"}, 400}, {"/tags/rename", resource.TagRename{From: "none", To: "x"}, 404},
		{"/tags/rename", resource.TagRename{From: "env:live", To: " x"}, 400}, {"/tags/rename", resource.TagRename{From: "env:live", To: "x", Key: true}, 400},
		{"/tags/rename", resource.TagRename{From: "env", To: strings.Repeat("x", 98), Key: true}, 400}, {"/tags/delete", resource.TagDeletion{Tag: "none"}, 404},
	} {
		op.do(t, "POST", bad.path, bad.body).is(t, bad.status)
	}
	if log := string(w.admin.do(t, "GET", "/audit?filter=action:startswith:tag.", nil).is(t, 200).body); strings.Count(log, `"tag.rename"`) != 2 || strings.Count(log, `"tag.delete"`) != 1 {
		t.Errorf("%s", log)
	}
}

// A change of many things is a job, which can be cut off anywhere and run again.
func TestTagJob(t *testing.T) {
	w := newWorld(t)
	now, account := w.Clock.Now(), w.First.Account.ID
	const n = 1001
	must(t, w.db.InTx(t.Context(), func(ctx context.Context, tx core.Tx) error {
		for i := range n {
			c := &core.Certificate{ID: core.NewID[core.CertificateID](now), Account: account, Number: int64(i), Issuer: core.ForeignIssuer(account, nil, nil), IssuerDN: "CN=x", User: w.First.User.ID,
				Protocol: core.ProtocolImport, State: core.CertActive, Serial: fmt.Sprint(i), SPKIHash: []byte{1}, Fingerprint: []byte(fmt.Sprint(i)), NotBefore: now, NotAfter: now, CreatedAt: now,
				Tags: []string{"env:prod"}, DER: []byte{1}}
			if ok, err := w.db.InsertImported(ctx, tx, c); err != nil || !ok {
				return fmt.Errorf("%d: %v %w", i, ok, err)
			}
		}
		return nil
	}))
	got := decode[resource.TagChanged](t, w.admin.do(t, "POST", "/tags/rename", resource.TagRename{From: "env", To: "stage", Key: true}).is(t, 200))
	if got.Things != n || got.Job == 0 {
		t.Fatalf("%+v", got)
	}
	j := decode[resource.Job](t, w.admin.do(t, "GET", fmt.Sprint("/jobs/", got.Job), nil).is(t, 200))
	if j.Kind != "tags.change" {
		t.Errorf("%+v", j)
	}
	var args inventory.ChangeTagsJob
	raw, err := json.Marshal(j.Args)
	must(t, err)
	must(t, json.Unmarshal(raw, &args))
	// A clock that moves on with each look has the progress told after each batch.
	s, err := inventory.New(inventory.Deps{Storage: w.db, Audit: w.audit, Queue: func() inventory.Queue { return w.queue },
		Now: func() time.Time { w.Clock.Advance(3 * time.Second); return w.Clock.Now() }})
	must(t, err)
	cut, last := errors.New("cut off"), int64(0)
	if err := s.RunTagChange(t.Context(), args, func(int64, int64) error { return cut }); !errors.Is(err, cut) {
		t.Error(err)
	}
	if line := tagLine(t, w.admin, ""); line != fmt.Sprintf("env:prod=%d/0/0 stage:prod=200/0/0", n-200) {
		t.Error(line)
	}
	must(t, s.RunTagChange(t.Context(), args, func(done, total int64) error {
		if done < last || done > n || total != n {
			t.Errorf("%d of %d", done, total)
		}
		last = done
		return nil
	}))
	if last != n {
		t.Errorf("%d of %d at the end", last, n)
	}
	if line := tagLine(t, w.admin, ""); line != fmt.Sprintf("stage:prod=%d/0/0", n) {
		t.Error(line)
	}
	count := decode[resource.Counted](t, w.admin.do(t, "GET", "/lists/certificates/count?filter=tags:eq:stage:prod", nil).is(t, 200))
	if count.Count != n {
		t.Errorf("%+v", count)
	}
}
