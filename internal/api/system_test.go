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
	"math/big"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/audit"
	"github.com/certwright/certwright/internal/audit/audittest"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/jobs"
)

func TestIssuers(t *testing.T) {
	w := newWorld(t)
	c := w.withRole(t, "ca-administrator")
	dn := core.DN{{Type: "CN", Value: "New Root"}}
	root := decode[resource.IssuerDetail](t, c.do(t, "POST", "/issuers", resource.NewIssuer{Kind: "root", Slug: "new-root", Name: "New Root", Subject: dn, Algorithm: "ECDSA P-384"}).is(t, 201))
	if !root.Root || root.KeyPlace != "database" || root.Decoded == nil || !root.Decoded.CA || root.Subject != "CN=New Root" {
		t.Errorf("%+v", root)
	}
	sub := resource.NewIssuer{Kind: "issuing", Slug: "new-sub", Name: "New Sub", Subject: core.DN{{Type: "CN", Value: "New Sub"}}, Algorithm: "ECDSA P-256", Parent: root.ID, ValidityYears: 3}
	child := decode[resource.IssuerDetail](t, c.do(t, "POST", "/issuers", sub).is(t, 201))
	if child.Parent != root.ID || len(child.Chain) != 1 || child.Decoded.PathLength != 0 {
		t.Errorf("%+v", child)
	}
	c.do(t, "POST", "/issuers", sub).is(t, 409).problem(t, core.KindExists)
	sub.Slug, sub.Parent = "other", unknownID
	c.do(t, "POST", "/issuers", sub).is(t, 404).problem(t, core.KindNotFound)
	sub.Parent = ""
	c.do(t, "POST", "/issuers", sub).is(t, 400).problem(t, core.KindInvalid)
	sub.Kind, sub.Algorithm = "root", "RSA 512"
	c.do(t, "POST", "/issuers", sub).is(t, 400).problem(t, core.KindInvalid)
	at := "/issuers/" + string(child.ID)
	if d := decode[resource.IssuerDetail](t, c.do(t, "POST", at+"/disable", nil).is(t, 200)); d.State != core.IssuerDisabled {
		t.Errorf("%+v", d)
	}
	crl := decode[resource.IssuerDetail](t, c.do(t, "POST", at+"/crl", nil).is(t, 200))
	if crl.CRLNumber == 0 || crl.CRLNext.IsZero() {
		t.Errorf("%+v", crl)
	}
	if d := decode[resource.IssuerDetail](t, c.do(t, "POST", at+"/enable", nil).is(t, 200)); d.State != core.IssuerActive {
		t.Errorf("%+v", d)
	}
	c.do(t, "GET", "/issuers/nonsense", nil).is(t, 404)
	c.do(t, "POST", "/issuers/"+unknownID+"/crl", nil).is(t, 404)
	w.withRole(t, "operator").do(t, "POST", at+"/disable", nil).is(t, 403)
	list := decode[resource.Page[resource.Issuer]](t, w.withRole(t, "operator").do(t, "GET", "/issuers?filter=slug:startswith:new&sort=name", nil).is(t, 200))
	if len(list.Items) != 2 || list.Items[0].Slug != "new-root" {
		t.Errorf("%+v", list)
	}
}

func TestForeignRootSignsPendingIssuer(t *testing.T) {
	w := newWorld(t)
	c := w.admin
	p := decode[resource.IssuerDetail](t, c.do(t, "POST", "/issuers", resource.NewIssuer{Kind: "pending", Slug: "corp", Name: "Corp", Subject: core.DN{{Type: "CN", Value: "Corp Issuing"}}, Algorithm: "ECDSA P-256"}).is(t, 201))
	if p.State != core.IssuerPending || p.CSR == "" || p.PEM != "" {
		t.Fatalf("%+v", p)
	}
	at := "/issuers/" + string(p.ID)
	c.do(t, "POST", at+"/crl", nil).is(t, 409)
	rootPEM, signed := signByCorp(t, p.CSR, w.Clock.Now())
	for name, text := range map[string]string{"root only": rootPEM, "no chain": signed, "garbage": "x", "key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		if a := c.do(t, "POST", at+"/certificate", resource.InstallCertificate{PEM: text}); a.status != 400 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	d := decode[resource.IssuerDetail](t, c.do(t, "POST", at+"/certificate", resource.InstallCertificate{PEM: rootPEM + signed}).is(t, 200))
	if d.State != core.IssuerActive || len(d.Chain) != 1 || d.PEM != signed {
		t.Errorf("%+v", d)
	}
}

// signByCorp signs the request of a CA by a root made for it.
func signByCorp(t *testing.T, request string, now time.Time) (root, signed string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Corp Root"}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(20, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
	rootDER, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	must(t, err)
	b, _ := pem.Decode([]byte(request))
	csr, err := x509.ParseCertificateRequest(b.Bytes)
	must(t, err)
	sub := *tmpl
	sub.SerialNumber, sub.Subject, sub.NotAfter = big.NewInt(2), csr.Subject, now.AddDate(5, 0, 0)
	der, err := x509.CreateCertificate(rand.Reader, &sub, tmpl, csr.PublicKey, key)
	must(t, err)
	enc := func(der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	return enc(rootDER), enc(der)
}

func TestAudit(t *testing.T) {
	w := newWorld(t)
	c := w.withRole(t, "auditor")
	page := decode[resource.Page[resource.Entry]](t, c.do(t, "GET", "/audit?limit=3&columns=true", nil).is(t, 200))
	if len(page.Items) != 3 || page.Next == "" || len(page.Columns) < 8 || page.Items[0].Address != "192.0.2.7" || page.Items[0].Request != "req-1" {
		t.Errorf("%+v", page)
	}
	a := c.do(t, "POST", "/audit/verify", nil).is(t, 200)
	if a.header.Get("Content-Type") != "application/jsonl" {
		t.Error(a.header)
	}
	var last resource.VerifyLine
	must(t, json.Unmarshal(bytes.TrimSpace(a.body), &last))
	if last.Summary == nil || !last.Summary.OK || last.Summary.Rows < 10 {
		t.Errorf("%s", a.body)
	}
	export := c.do(t, "GET", "/audit/export", nil).is(t, 200)
	sum, err := audit.VerifyExport(bytes.NewReader(export.body), func(p audit.Problem) { t.Error(p) }, audittest.Key(t).PublicKey())
	if err != nil || sum.Rows < 10 {
		t.Error(sum, err)
	}
	empty := c.do(t, "GET", "/audit/export?from=2030-01-01T00:00:00Z", nil).is(t, 200)
	if bytes.Contains(empty.body, []byte(`"kind":"row"`)) {
		t.Errorf("%s", empty.body)
	}
	c.do(t, "GET", "/audit/export?from=2030-01-01T00:00:00Z&to=2029-01-01T00:00:00Z", nil).is(t, 400)
	c.do(t, "GET", "/audit/export?from=yesterday", nil).is(t, 400)
	w.withRole(t, "operator").do(t, "GET", "/audit", nil).is(t, 403)
	if p := decode[resource.Page[resource.Entry]](t, c.do(t, "GET", "/audit?filter=action:eq:audit.export", nil)); len(p.Items) != 2 {
		t.Errorf("%d exports in the log", len(p.Items))
	}
}

func TestAuditVerifyReportsProblems(t *testing.T) {
	w := newWorld(t)
	w.newGroup(t, "x")
	_, err := w.db.SQL().Exec("UPDATE audit_entries SET action = 'nothing' WHERE action = 'group.create'")
	must(t, err)
	problems := 0
	sum, err := w.admin.client(t).VerifyAudit(context.Background(), func(resource.AuditProblem) { problems++ })
	if err != nil || sum.OK || problems != sum.Problems || problems == 0 {
		t.Errorf("%+v %v", sum, err)
	}
}

// nap is the argument of a job.
type nap struct{ Minutes int }

// Kind implements jobs.Args.
func (nap) Kind() string { return "test.nap" }

func TestJobs(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	enqueue := func(account core.AccountID) int64 {
		var ticket jobs.Ticket
		must(t, w.db.InTx(ctx, func(ctx context.Context, tx core.Tx) (err error) {
			ticket, err = w.queue.Enqueue(ctx, tx, nap{5}, jobs.Options{Account: account, ScheduledAt: time.Now().Add(time.Hour)})
			return err
		}))
		return ticket.ID
	}
	own, system, foreign := enqueue(w.First.Account.ID), enqueue(""), enqueue("0198c0de-0000-7000-8000-00000000aaaa")
	page := decode[resource.Page[resource.Job]](t, w.admin.do(t, "GET", "/jobs?filter=state:eq:scheduled", nil).is(t, 200))
	if len(page.Items) != 2 || !page.Items[0].System || page.Items[1].ID != own || page.Items[1].Kind != "test.nap" {
		t.Errorf("%+v", page)
	}
	at := func(id int64) string { return "/jobs/" + strconv.FormatInt(id, 10) }
	w.admin.do(t, "GET", at(foreign), nil).is(t, 404)
	w.admin.do(t, "POST", at(foreign)+"/cancel", nil).is(t, 404)
	w.withRole(t, "auditor").do(t, "POST", at(own)+"/cancel", nil).is(t, 403)
	if j := decode[resource.Job](t, w.admin.do(t, "POST", at(own)+"/cancel", nil).is(t, 200)); j.State != "cancelled" {
		t.Errorf("%+v", j)
	}
	w.admin.do(t, "POST", at(own)+"/cancel", nil).is(t, 409).problem(t, core.KindConflict)
	w.admin.do(t, "POST", at(own)+"/retry", nil).is(t, 200)
	w.admin.do(t, "POST", at(system)+"/cancel", nil).is(t, 200)
	w.admin.do(t, "GET", "/jobs/x", nil).is(t, 400)
	if p := decode[resource.Page[resource.Entry]](t, w.admin.do(t, "GET", "/audit?filter=action:startswith:job.", nil)); len(p.Items) != 3 {
		t.Errorf("%d entries", len(p.Items))
	}
	other := w.otherAccount(t)
	other.do(t, "GET", at(system), nil).is(t, 404)
	if p := decode[resource.Page[resource.Job]](t, other.do(t, "GET", "/jobs", nil)); len(p.Items) != 0 {
		t.Errorf("%+v", p)
	}
}

// otherAccount makes a second account and returns a token of its administrator.
func (w *world) otherAccount(t testing.TB) *caller {
	t.Helper()
	ctx := context.Background()
	f, err := w.CreateAccount(ctx, identity.Host("", "host"), identity.NewAccount{Name: "Other", Login: "root"})
	must(t, err)
	p := w.SignInFirst(t, identity.SignIn{Account: f.Account.Number, Login: "root", Password: f.Password.Reveal()}, "mellow vole drums")
	_, text, err := w.CreateToken(ctx, p, identity.NewToken{Name: "x"})
	must(t, err)
	return &caller{w: w, token: text.Reveal(), id: f.User.ID}
}

// TestOtherAccountsDoNotExist: an administrator finds nothing of another
// account, whatever the id.
func TestOtherAccountsDoNotExist(t *testing.T) {
	w := newWorld(t)
	f := w.fill(t)
	other := w.otherAccount(t)
	for _, path := range f.gets {
		a := other.do(t, "GET", path, nil)
		if a.status != 404 && a.status != 409 {
			t.Errorf("GET %s: %d %s", path, a.status, a.body)
		}
	}
	for _, list := range []string{"orders", "certificates", "products", "issuers", "credentials"} {
		if p := decode[resource.Page[json.RawMessage]](t, other.do(t, "GET", "/"+list, nil).is(t, 200)); len(p.Items) != 0 {
			t.Errorf("%s: %s", list, p.Items)
		}
	}
	for _, list := range []string{"users", "groups", "organisations", "sessions", "tokens", "audit"} {
		if text := string(other.do(t, "GET", "/"+list, nil).is(t, 200).body); strings.Contains(text, string(w.First.User.ID)) || strings.Contains(text, string(w.group)) {
			t.Errorf("%s: %s", list, text)
		}
	}
	for _, r := range [][2]string{
		{"POST", "/orders/" + f.order + "/cancel"}, {"POST", "/certificates/" + f.certificate + "/revoke"}, {"POST", "/certificates/" + f.certificate + "/renew"},
		{"POST", "/credentials/" + f.credential + "/revoke"}, {"POST", "/credentials/" + f.credential + "/regenerate"}, {"POST", "/products/tls-server/disable"},
		{"POST", "/issuers/" + f.issuer + "/disable"}, {"POST", "/issuers/" + f.issuer + "/crl"}, {"POST", "/users/" + string(w.First.User.ID) + "/disable"},
		{"POST", "/users/" + string(w.First.User.ID) + "/password"}, {"POST", "/users/" + string(w.First.User.ID) + "/sign-out"},
		{"DELETE", "/groups/" + string(w.group)}, {"PUT", "/groups/" + string(w.group) + "/members/" + string(other.id)}, {"DELETE", "/organisations/" + string(w.First.Organisation.ID)},
	} {
		if a := other.do(t, r[0], r[1], nil); a.status != 404 && !(strings.HasSuffix(r[1], "sign-out") && string(a.body) == "{\"count\":0}\n") {
			t.Errorf("%s %s: %d %s", r[0], r[1], a.status, a.body)
		}
	}
	other.do(t, "POST", "/orders", resource.NewOrder{Product: f.product, CSR: csr(t, "a.example")}).is(t, 400)
	other.do(t, "POST", "/orders", resource.NewOrder{Product: f.product, CSR: csr(t, "a.example"), Group: w.group}).is(t, 400)
}

func TestAbout(t *testing.T) {
	w := newWorld(t)
	a := decode[resource.About](t, w.withRole(t, "auditor").do(t, "GET", "/about", nil).is(t, 200))
	if a.Version != "1.2.3" || a.Listeners == nil || a.Protocols == nil {
		t.Errorf("%+v", a)
	}
	w.withRole(t, "operator").do(t, "GET", "/about", nil).is(t, 403)
}

func TestListsDescribeThemselves(t *testing.T) {
	w := newWorld(t)
	f := w.fill(t)
	lists := decode[resource.Lists](t, w.admin.do(t, "GET", "/lists", nil).is(t, 200))
	if len(lists.Items) != 25 {
		t.Errorf("%d lists", len(lists.Items))
	}
	_ = f
	for _, l := range lists.Items {
		one := decode[resource.List](t, w.admin.do(t, "GET", "/lists/"+l.Name, nil).is(t, 200))
		if one.Path != l.Path || len(one.Columns) != len(l.Columns) || len(l.Columns) < 4 {
			t.Errorf("%+v", one)
		}
		w.everyColumn(t, l)
	}
	w.admin.do(t, "GET", "/lists/none", nil).is(t, 404)
	w.withRole(t, "requester").do(t, "GET", "/lists/audit", nil).is(t, 404)
}

// everyColumn uses each operator and sort order that a list offers.
func (w *world) everyColumn(t *testing.T, l resource.List) {
	t.Helper()
	value := map[core.ColumnType]string{core.TypeText: "a", core.TypeNumber: "1", core.TypeTime: "now", core.TypeBool: "true", core.TypeID: unknownID, core.TypeTags: "a"}
	defaults := 0
	for _, c := range l.Columns {
		if c.Default {
			defaults++
		}
		v := value[c.Type]
		if c.Type == core.TypeEnum && len(c.Values) > 0 {
			v = c.Values[0]
		} else if c.Type == core.TypeEnum {
			continue // kinds of jobs: none runs here
		}
		for _, op := range c.Operators {
			row := c.Name + ":" + string(op)
			switch op {
			case core.OpEmpty, core.OpNotEmpty:
			case core.OpBetween:
				row += ":" + v + "," + v
			default:
				row += ":" + v
			}
			w.admin.do(t, "GET", l.Path+"?filter="+url.QueryEscape(row), nil).is(t, 200)
		}
		w.admin.do(t, "GET", l.Path+"?filter="+url.QueryEscape(c.Name+":like:x"), nil).is(t, 400)
		want := map[bool]int{true: 200, false: 400}[c.Sortable]
		w.admin.do(t, "GET", l.Path+"?sort="+c.Name, nil).is(t, want)
		w.admin.do(t, "GET", l.Path+"?sort=-"+c.Name, nil).is(t, want)
	}
	if defaults == 0 {
		t.Errorf("%s shows no column", l.Name)
	}
	for _, bad := range []string{"filter=x", "filter=nothing:eq:x", "filter=", "filter=&filter=nothing:eq:x", "sort=nothing", "limit=501", "limit=-1", "limit=x", "columns=maybe",
		"cursor=!!!!", "cursor=bm90aGluZw"} {
		w.admin.do(t, "GET", l.Path+"?"+bad, nil).is(t, 400).problem(t, core.KindInvalid)
	}
}

func TestCursorsBelongToTheirList(t *testing.T) {
	w := newWorld(t)
	for _, n := range []string{"a", "b", "c", "d", "e"} {
		w.newGroup(t, n)
	}
	var seen []string
	cursor := ""
	for {
		p := decode[resource.Page[resource.Group]](t, w.admin.do(t, "GET", "/groups?sort=name&limit=2&cursor="+url.QueryEscape(cursor), nil).is(t, 200))
		for _, g := range p.Items {
			seen = append(seen, g.Name)
		}
		if cursor = p.Next; cursor == "" {
			break
		}
		w.admin.do(t, "GET", "/groups?sort=-name&cursor="+url.QueryEscape(cursor), nil).is(t, 400).problem(t, core.KindInvalid)
		w.admin.do(t, "GET", "/groups?cursor="+url.QueryEscape(cursor), nil).is(t, 400)
	}
	if strings.Join(seen, "") != "abcddefaulte" {
		t.Error(seen)
	}
}
