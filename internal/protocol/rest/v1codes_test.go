package rest_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/ordering"
	"github.com/certwright/certwright/internal/protocol/rest"
	"github.com/certwright/certwright/internal/store/storetest"
)

// v1Bench is what the table of refusals stands on.
type v1Bench struct {
	*v1Client
	org *core.Organisation
	t   *testing.T
}

// v1Refusal is one number and a request that gets it.
type v1Refusal struct {
	code string
	run  func(b *v1Bench) *v1Reply
}

// broken is ordering that fails as a test wants.
type v1Broken struct {
	*ordering.Service
	err  error
	view *ordering.View
}

func (o *v1Broken) ByNumber(ctx context.Context, p *core.Principal, n int64) (*ordering.View, error) {
	if o.err != nil || o.view != nil {
		return o.view, o.err
	}
	return o.Service.ByNumber(ctx, p, n)
}

// TestV1Codes gets every reachable number of version 1 out of the API and
// compares the whole answer with its golden text. A number without a request
// here, or a golden text without a number, fails.
func TestV1Codes(t *testing.T) {
	w := newV1World(t, storetest.SQLite(t), nil)
	c, o := w.forOrganisation(t)
	w.vet(t, o, core.PurposeEV)
	w.prove(t, o, "example.org")
	w.Change(t, "smime", func(p *core.Profile) {
		p.Keys = []core.KeyRule{{Algorithm: "RSA", MinBits: 2048}}
		p.Terms.Fields = []core.CustomField{{ID: "cost", Name: "Cost centre", Type: "text", MaxLength: 8, Required: true}, {ID: "stage", Name: "Stage", Type: "dropdown", Values: []string{"test"}},
			{ID: "until", Name: "Until", Type: "datePicker"}, {ID: "exposed", Name: "Exposed", Type: "checkbox"}}
	})
	done := map[string]bool{}
	for _, list := range [][]v1Refusal{v1MetaRefusals, v1OrderRefusals, v1NameRefusals, v1StepRefusals, v1DCVRefusals, v1ListRefusals, v1FaultRefusals, v1PeopleRefusals()} {
		for _, x := range list {
			done[x.code] = true
			t.Run(x.code, func(t *testing.T) {
				b := &v1Bench{v1Client: &v1Client{t: t, w: w, number: c.number, key: c.key}, org: o, t: t}
				x.run(b).want(t, x.code)
			})
		}
	}
	files, err := filepath.Glob(filepath.Join("testdata", "golden", "v1", "EMS-*.json"))
	if err != nil || len(files) < 145 {
		t.Fatalf("%d golden texts, %v", len(files), err)
	}
	for _, f := range files {
		code := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(f), "EMS-"), ".json")
		if !done[code] {
			t.Errorf("no request gets EMS-%s", code)
		}
	}
	unreachable, err := os.ReadFile(filepath.Join("testdata", "unreachable.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	missing := map[string]string{}
	for line := range strings.Lines(string(unreachable)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 3 || f[2] == "" {
			t.Errorf("line %q has no reason", line)
		} else if f[0] == "v1" {
			missing[strings.TrimPrefix(f[1], "EMS-")] = f[2]
		}
	}
	for _, code := range rest.V1Codes() {
		if _, no := missing[code]; no == done[code] {
			t.Errorf("EMS-%s must be either got from the API or listed as unreachable", code)
		}
		delete(missing, code)
	}
	for code := range missing {
		t.Errorf("EMS-%s is listed as unreachable, but is no number of version 1", code)
	}
}

// under calls a method under a changed meta block, signed after the change when
// sign is set.
func (b *v1Bench) under(sign bool, change func(v1Meta), h ...func(*http.Request)) *v1Reply {
	meta := b.meta()
	change(meta)
	if sign {
		b.sign(meta)
	}
	return b.with("ValidateCredentials", meta, nil, h...)
}

func set(k string, v any) func(v1Meta) { return func(m v1Meta) { m[k] = v } }

// other is a client of another credential.
func (b *v1Bench) other(number string, change ...func(*core.Credential)) *v1Client {
	b.w.credential(b.t, number, []string{"tls-server"}, change...)
	return &v1Client{t: b.t, w: b.w, number: number, key: b.key}
}

var v1MetaRefusals = []v1Refusal{
	{"901", func(b *v1Bench) *v1Reply { return b.send("ValidateCredentials", `{}`) }},
	{"902", func(b *v1Bench) *v1Reply { return b.send("ValidateCredentials", `{"meta":{"ver":"1.0"`) }},
	{"904", func(b *v1Bench) *v1Reply {
		return b.under(false, set("authKey", ""), func(r *http.Request) { r.Header.Set("Authorization", "Bearer ") })
	}},
	{"905", func(b *v1Bench) *v1Reply {
		return b.under(false, set("authKey", ""), func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+strings.Repeat("a", 43)) })
	}},
	{"906", func(b *v1Bench) *v1Reply {
		return b.other("9000000001", func(c *core.Credential) { c.Auth = core.AuthOAuth }).call("ValidateCredentials", nil)
	}},
	{"908", func(b *v1Bench) *v1Reply { return b.under(true, set("txn", "")) }},
	{"909", func(b *v1Bench) *v1Reply { return b.under(true, set("txn", "short")) }},
	{"909", func(b *v1Bench) *v1Reply { return b.under(true, set("txn", "with-a-hyphen")) }},
	{"909", func(b *v1Bench) *v1Reply { return b.under(true, set("txn", strings.Repeat("a", 51))) }},
	{"910", func(b *v1Bench) *v1Reply { return b.under(true, set("ts", "yesterday")) }},
	{"910", func(b *v1Bench) *v1Reply {
		return b.under(true, set("ts", b.w.Now().Add(16*time.Minute).Format(time.RFC3339)))
	}},
	{"910", func(b *v1Bench) *v1Reply {
		return b.under(true, set("ts", b.w.Now().Add(-16*time.Minute).Format(time.RFC3339)))
	}},
	{"910", func(b *v1Bench) *v1Reply {
		return b.under(true, set("ts", b.w.Now().UTC().Format("2006-01-02T15:04:05")))
	}}, // Indian time, 5½ hours off
	{"911", func(b *v1Bench) *v1Reply { return b.under(true, set("ver", "2.0")) }},
	{"912", func(b *v1Bench) *v1Reply { return b.under(true, set("accountNumber", "")) }},
	{"913", func(b *v1Bench) *v1Reply { return b.under(true, set("accountNumber", "1111111111")) }},
	{"913", func(b *v1Bench) *v1Reply { return b.under(true, set("accountNumber", "' OR 1=1 --")) }},
	{"947", func(b *v1Bench) *v1Reply {
		meta := b.meta()
		if r := b.with("ValidateCredentials", meta, nil); r.code() != "" {
			b.t.Errorf("%s", r.raw)
		}
		return b.with("TrackOrder", meta, nil)
	}},
	{"1065", func(b *v1Bench) *v1Reply { return b.under(false, set("authKey", strings.Repeat("0", 64))) }},
	{"1065", func(b *v1Bench) *v1Reply { return b.under(false, set("authKey", b.key)) }},
	{"1066", func(b *v1Bench) *v1Reply { return b.under(false, set("authKey", "")) }},
	{"1090", func(b *v1Bench) *v1Reply {
		return b.other("9000000002", func(c *core.Credential) { c.Sources = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} }).call("ValidateCredentials", nil)
	}},
	{"1131", func(b *v1Bench) *v1Reply { return b.under(true, set("ver", nil)) }},
	{"1133", func(b *v1Bench) *v1Reply { return b.under(true, set("ts", "")) }},
	{"1154", func(b *v1Bench) *v1Reply {
		u := &core.User{ID: core.NewID[core.UserID](b.w.Now()), Account: b.w.Account, Number: 77, Login: "gone", State: core.UserDisabled, CreatedAt: b.w.Now(), UpdatedAt: b.w.Now()}
		if err := b.w.DB.InTx(context.Background(), func(ctx context.Context, tx core.Tx) error { return b.w.DB.InsertUser(ctx, tx, u) }); err != nil {
			b.t.Fatal(err)
		}
		return b.other("9000000003", func(c *core.Credential) { c.User = u.ID }).call("ValidateCredentials", nil)
	}},
	{"1155", func(b *v1Bench) *v1Reply {
		return b.other("9000000004", func(c *core.Credential) { c.State, c.RevokedAt = core.CredentialRevoked, b.w.Now() }).call("ValidateCredentials", nil)
	}},
	{"1156", func(b *v1Bench) *v1Reply {
		return b.other("9000000005", func(c *core.Credential) { c.ExpiresAt = b.w.Now().Add(-time.Second) }).call("ValidateCredentials", nil)
	}},
}

// order posts a DV order with a change.
func (b *v1Bench) order(change m) *v1Reply {
	return b.call("GenerateOrderSSL", v1Order("842", "shop.example.org", change))
}

// requestor changes one member of the requestor.
func requestor(k string, v any) m { return m{"requestorInformation": with(v1Requestor, k, v)} }

func with(in m, k string, v any) m {
	out := m{}
	for a, b := range in {
		out[a] = b
	}
	out[k] = v
	return out
}

// mail posts an S/MIME order; the product has questions.
func (b *v1Bench) mail(change m) *v1Reply {
	return b.call("GenerateOrderSMIME", v1Order("894", "", with(change, "certificateInformation", m{"commonName": "Ada Lovelace", "email": "ada@example.com"})))
}

func fields(list ...string) m {
	var out []m
	for i := 0; i < len(list); i += 2 {
		out = append(out, m{"fieldID": list[i], "fieldValue": list[i+1]})
	}
	return m{"additionalInformation": m{"customFields": out}}
}

var v1OrderRefusals = []v1Refusal{
	{"901", func(b *v1Bench) *v1Reply { return b.call("GenerateOrderSSL", nil) }},
	{"914", func(b *v1Bench) *v1Reply { return b.order(m{"productCode": nil}) }},
	{"915", func(b *v1Bench) *v1Reply { return b.order(m{"productCode": "dv"}) }},
	{"916", func(b *v1Bench) *v1Reply { return b.order(m{"requestorInformation": ""}) }},
	{"917", func(b *v1Bench) *v1Reply { return b.order(m{"certificateInformation": nil}) }},
	{"918", func(b *v1Bench) *v1Reply { return b.mail(nil) }},
	{"919", func(b *v1Bench) *v1Reply { return b.order(m{"subscriptionDetails": m{}}) }},
	{"920", func(b *v1Bench) *v1Reply { return b.order(requestor("requestorName", "")) }},
	{"921", func(b *v1Bench) *v1Reply { return b.order(requestor("requestorName", "Ada\x00")) }},
	{"922", func(b *v1Bench) *v1Reply { return b.order(requestor("requestorIsdCode", "IN")) }},
	{"923", func(b *v1Bench) *v1Reply { return b.order(requestor("requestorMobileNumber", "call me")) }},
	{"924", func(b *v1Bench) *v1Reply { return b.order(requestor("requestorEmail", " ")) }},
	{"925", func(b *v1Bench) *v1Reply { return b.order(requestor("requestorEmail", "Ada <ada@example.com>")) }},
	{"926", func(b *v1Bench) *v1Reply { return b.order(requestor("requestorDesignation", "\x1b[31m")) }},
	{"927", func(b *v1Bench) *v1Reply { return b.order(m{"additionalInformation": m{"remarks": "\x07"}}) }},
	{"952", func(b *v1Bench) *v1Reply { return b.order(m{"csr": "AAAA"}) }},
	{"956", func(b *v1Bench) *v1Reply {
		return b.call("GenerateOrderSMIME", v1Order("842", "shop.example.org", nil))
	}},
	{"977", func(b *v1Bench) *v1Reply { return b.order(requestor("requestorName", strings.Repeat("a", 10000))) }},
	{"1005", func(b *v1Bench) *v1Reply { return b.order(m{"requestNumber": "1999999999"}) }},
	{"1126", func(b *v1Bench) *v1Reply { return b.order(m{"additionalInformation": m{"tags": []string{"a\nb"}}}) }},
	{"1128", func(b *v1Bench) *v1Reply {
		return b.order(m{"additionalInformation": m{"tags": strings.Split(strings.Repeat("t,", 21), ",")}})
	}},
	{"1129", func(b *v1Bench) *v1Reply {
		return b.order(m{"additionalInformation": m{"tags": []string{strings.Repeat("t", 101)}}})
	}},
	{"1137", func(b *v1Bench) *v1Reply { return b.order(m{"groupNumber": "7"}) }},
	{"1138", func(b *v1Bench) *v1Reply {
		b.w.Change(b.t, "device", func(p *core.Profile) { p.Quota = 1 })
		b.w.credential(b.t, "9000000006", []string{"device"})
		c := &v1Client{t: b.t, w: b.w, number: "9000000006", key: b.key}
		code := strconv.FormatInt(b.w.Product(b.t, "device").Number, 10)
		block := v1Order(code, "printer.example.internal", m{"csr": v1CSR(b.t, "printer.example.internal")})
		if r := c.call("GenerateOrderPrivatePKI", block); r.code() != "" {
			b.t.Errorf("%s", r.raw)
		}
		return c.call("GenerateOrderPrivatePKI", block)
	}},
	{"1142", func(b *v1Bench) *v1Reply { return b.order(m{"delegationInformation": m{"groupNumber": "1000000002"}}) }},
	{"1162", func(b *v1Bench) *v1Reply { return b.order(m{"productCode": "949494"}) }},
	{"1181", func(b *v1Bench) *v1Reply { return b.order(m{"saveAndHold": "maybe"}) }},
	{"1203", func(b *v1Bench) *v1Reply { return b.mail(fields("stage", "test")) }},
	{"1204", func(b *v1Bench) *v1Reply { return b.mail(fields("cost", "1", "colour", "red")) }},
	{"1205", func(b *v1Bench) *v1Reply { return b.mail(fields("cost", "123456789")) }},
	{"1206", func(b *v1Bench) *v1Reply { return b.mail(fields("cost", "1", "stage", "live")) }},
	{"1207", func(b *v1Bench) *v1Reply { return b.mail(fields("cost", "1", "until", "tomorrow")) }},
	{"1208", func(b *v1Bench) *v1Reply { return b.mail(fields("cost", "1", "exposed", "maybe")) }},
	{"1209", func(b *v1Bench) *v1Reply { return b.mail(fields("cost", "1", "cost", "2")) }},
	{"1210", func(b *v1Bench) *v1Reply { return b.mail(fields("", "1")) }},
	{"1216", func(b *v1Bench) *v1Reply { return b.order(m{"subscriptionDetails": m{"autoRenew": "0"}}) }},
	{"1217", func(b *v1Bench) *v1Reply { return b.order(m{"subscriptionDetails": m{"validity": "9"}}) }},
	{"1218", func(b *v1Bench) *v1Reply {
		return b.order(m{"subscriptionDetails": m{"validity": "1", "renewCriteria": "-1"}})
	}},
	{"1053", func(b *v1Bench) *v1Reply {
		key, err := rsa.GenerateKey(rand.Reader, 1024)
		if err != nil {
			b.t.Fatal(err)
		}
		return b.order(m{"csr": v1KeyCSR(b.t, key, "shop.example.org")})
	}},
	{"1054", func(b *v1Bench) *v1Reply {
		_, key, _ := ed25519.GenerateKey(rand.Reader)
		return b.order(m{"csr": v1KeyCSR(b.t, key, "shop.example.org")})
	}},
	{"1055", func(b *v1Bench) *v1Reply {
		der, _ := base64.StdEncoding.DecodeString(v1CSR(b.t, "shop.example.org"))
		der[len(der)-1] ^= 1
		return b.order(m{"csr": base64.StdEncoding.EncodeToString(der)})
	}},
	{"1056", func(b *v1Bench) *v1Reply { return b.order(m{"csr": v1CSR(b.t, "other.example.org")}) }},
	{"1069", func(b *v1Bench) *v1Reply { return b.mail(with(fields("cost", "1"), "csr", v1PersonCSR(b.t))) }},
}

// ov posts an OV order: its organisation block, and one changed member of the
// certificate information.
func (b *v1Bench) ov(org m, k string, v any) *v1Reply {
	return b.call("GenerateOrderSSL", v1Order("846", "", m{"certificateInformation": with(v1Address, k, v), "organizationDetails": org}))
}

// names posts an order of a product for names.
func (b *v1Bench) names(code, name string, more ...string) *v1Reply {
	return b.call("GenerateOrderSSL", v1Order(code, "", m{"certificateInformation": m{"domainName": name, "additionalDomains": more, "autoSecureWWW": "0"}}))
}

func v1Many(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = "h" + strconv.Itoa(i) + ".example.org"
	}
	return out
}

var v1NameRefusals = []v1Refusal{
	{"936", func(b *v1Bench) *v1Reply {
		return b.order(m{"certificateInformation": m{"domainName": "shop.example.org", "commonName": "pay.example.org"}})
	}},
	{"1057", func(b *v1Bench) *v1Reply { return b.names("842", "not a name") }},
	{"1057", func(b *v1Bench) *v1Reply { return b.names("842", "localhost") }},
	{"1057", func(b *v1Bench) *v1Reply { return b.names("842", "192.0.2.1") }},
	{"1058", func(b *v1Bench) *v1Reply { return b.names("842", "*.example.org") }},
	{"1059", func(b *v1Bench) *v1Reply { return b.names("843", "shop.example.org") }},
	{"1060", func(b *v1Bench) *v1Reply { return b.names("842", "co.uk") }},
	{"1073", func(b *v1Bench) *v1Reply { return b.ov(m{}, "organizationName", "") }},
	{"1073", func(b *v1Bench) *v1Reply { return b.ov(nil, "organizationName", "Somebody Else") }},
	{"1075", func(b *v1Bench) *v1Reply {
		return b.ov(m{"organizationNumber": "1000001"}, "organizationName", "Somebody Else")
	}},
	{"1105", func(b *v1Bench) *v1Reply {
		return b.order(m{"certificateInformation": m{"domainName": "shop.example.org", "autoSecureWWW": "2"}})
	}},
	{"1106", func(b *v1Bench) *v1Reply {
		return b.call("GenerateOrderSSL", v1Order("843", "", m{"certificateInformation": m{"domainName": "*.example.org", "autoSecureWWW": "1"}}))
	}},
	{"1135", func(b *v1Bench) *v1Reply { return b.ov(m{"organizationNumber": "one"}, "", "") }},
	{"1157", func(b *v1Bench) *v1Reply { return b.names("842", "") }},
	{"1161", func(b *v1Bench) *v1Reply { return b.ov(m{"organizationNumber": "1000099"}, "", "") }},
	{"1170", func(b *v1Bench) *v1Reply {
		return v1Limited(b, "9000000007").call("GenerateOrderPrivatePKI", v1Order("950", "a.elsewhere.example", nil))
	}},
	{"1171", func(b *v1Bench) *v1Reply { return b.names("844", "shop.example.org") }},
	{"1172", func(b *v1Bench) *v1Reply { return b.names("844", "shop.example.org", "a b") }},
	{"1173", func(b *v1Bench) *v1Reply { return b.names("844", "shop.example.org", "*.example.org") }},
	{"1176", func(b *v1Bench) *v1Reply { return b.names("844", "shop.example.org", v1Many(10000)...) }},
	{"1176", func(b *v1Bench) *v1Reply { return b.names("844", "shop.example.org", v1Many(200)...) }},
	{"1177", func(b *v1Bench) *v1Reply { return b.names("844", "shop.example.org", "co.uk") }},
	{"1178", func(b *v1Bench) *v1Reply { return b.names("842", "shop.example.org", "a.example.org") }},
	{"1179", func(b *v1Bench) *v1Reply {
		return v1Limited(b, "9000000008").call("GenerateOrderPrivatePKI", v1Order("950", "", m{"certificateInformation": m{"domainName": "a.allowed.example", "additionalDomains": "b.elsewhere.example"}}))
	}},
	{"1180", func(b *v1Bench) *v1Reply { return b.ov(m{"organizationNumber": "1000001"}, "locality", "") }},
	{"1214", func(b *v1Bench) *v1Reply {
		return b.ov(m{"organizationNumber": "1000001", "preVetting": "1", "prevettingToken": "wrong"}, "", "")
	}},
}

// v1Limited is a client that may ask for names below one domain only.
func v1Limited(b *v1Bench, number string) *v1Client {
	return b.other(number, func(c *core.Credential) { c.AllowedNames = []string{".allowed.example"} })
}

// v1PeopleRefusals are those about the two people of an EV order.
func v1PeopleRefusals() (out []v1Refusal) {
	person := m{"name": "Grace Hopper", "email": "grace@example.org", "isdCode": "49", "mobileNumber": "30123456", "designation": "Director", "employeeID": "7"}
	ev := func(signer, approver any) func(*v1Bench) *v1Reply {
		return func(b *v1Bench) *v1Reply {
			return b.call("GenerateOrderSSL", v1Order("850", "pay.example.org", m{"contractSignerInfo": signer, "certificateApproverInfo": approver, "organizationDetails": m{"preVetting": "1", "organizationNumber": "1000001"}}))
		}
	}
	for i, x := range []any{nil, with(person, "name", ""), with(person, "name", "\x01"), with(person, "email", ""), with(person, "email", "@"), with(person, "isdCode", "DE"),
		with(person, "mobileNumber", "x"), with(person, "designation", ""), with(person, "designation", "\x01"), with(person, "employeeID", "\x01")} {
		out = append(out, v1Refusal{strconv.Itoa(1220 + i), ev(x, person)}, v1Refusal{strconv.Itoa(1230 + i), ev(person, x)})
	}
	return out
}
