package policy

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
)

var now = time.Date(2026, 5, 31, 12, 0, 0, 999, time.UTC)

func spkiOf(t testing.TB, pub any) Key {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	k, err := KeyOf(der)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func ecKey(t testing.TB, c elliptic.Curve) Key {
	k, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return spkiOf(t, &k.PublicKey)
}

// product returns a compiled TLS product after change.
func product(t testing.TB, change func(*core.Profile)) *Compiled {
	t.Helper()
	p := Shipped("issuer", "")[0]
	if change != nil {
		change(&p.Profile)
	}
	c, err := Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// codes lists "code field" of each reason.
func codes(reasons []core.Reason) []string {
	var out []string
	for _, r := range reasons {
		out = append(out, r.Code+" "+r.Field)
	}
	return out
}

func dn(pairs ...string) core.DN {
	var d core.DN
	for i := 0; i < len(pairs); i += 2 {
		d = append(d, core.Attribute{Type: pairs[i], Value: pairs[i+1]})
	}
	return d
}

func TestShippedProductsCompileAndIssue(t *testing.T) {
	key := ecKey(t, elliptic.P256())
	asks := map[string]Ask{
		CodeTLSServer:   {Names: core.Names{DNS: []string{"web.internal", "printer", "*.lab.internal"}, IP: []netip.Addr{netip.MustParseAddr("10.1.2.3")}}},
		CodeTLSClient:   {Subject: dn("CN", "batch job 7")},
		CodeDevice:      {Subject: dn("CN", "sensor 4711", "serialNumber", "4711")},
		CodeUser:        {Subject: dn("CN", "Ada Lovelace"), Names: core.Names{Email: []string{"ada@example.com"}}},
		CodeSMIME:       {Names: core.Names{Email: []string{"ada@example.com"}}},
		CodeCodeSigning: {Subject: dn("CN", "Example Software", "O", "Example")},
		CodeDV:          {Names: core.Names{DNS: []string{"*.example.com"}}},
		CodeOV:          {Subject: dn("O", "Example", "C", "DE"), Names: core.Names{DNS: []string{"www.example.com"}}},
		CodeEV: {Subject: dn("O", "Example", "C", "DE", "L", "Berlin", "serialNumber", "HRB 1", "businessCategory", "Private Organization", "jurisdictionC", "DE"),
			Names: core.Names{DNS: []string{"www.example.com"}}},
		CodeDocumentNatural: {Subject: dn("CN", "Ada Lovelace", "GN", "Ada", "SN", "Lovelace")},
		CodeDocumentLegal:   {Subject: dn("CN", "Ada Lovelace", "O", "Example", "organizationIdentifier", "NTRDE-HRB1")},
		CodeDocumentEntity:  {Subject: dn("CN", "Example", "O", "Example", "organizationIdentifier", "NTRDE-HRB1")},
	}
	for _, p := range Shipped("a", "b") {
		c, err := Compile(p)
		if err != nil {
			t.Fatalf("%s: %v", p.Code, err)
		}
		ask, ok := asks[p.Code]
		if !ok {
			t.Fatalf("no ask for %s", p.Code)
		}
		ask.Key = key
		if _, reasons := c.Evaluate(ask, now); len(reasons) > 0 {
			t.Errorf("%s: %v", p.Code, reasons)
		}
		if want := core.IssuerID("a"); p.Code != CodeDevice && p.Issuer != want {
			t.Errorf("%s: issuer %s", p.Code, p.Issuer)
		}
	}
}

func TestEvaluateNames(t *testing.T) {
	strict := func(p *core.Profile) {
		p.CommonName = ""
		p.Names = []core.NameRule{
			{Kind: "dns", Suffixes: []string{"Example.com", ".sub.example.net"}, Patterns: []string{`[a-z0-9.*-]+\.(com|net)`}, Max: 3},
			{Kind: "ip", Ranges: []string{"10.0.0.0/8", "2001:db8::/32"}},
			{Kind: "email", Suffixes: []string{"example.com"}},
			{Kind: "uri", Suffixes: []string{"example.com"}},
			{Kind: "upn"},
			{Kind: "other", OIDs: []string{"1.2.3.4"}},
		}
	}
	ip := netip.MustParseAddr
	long := strings.Repeat("a", 64)
	for _, tc := range []struct {
		name  string
		ask   core.Names
		want  core.Names
		codes []string
	}{
		{"lower case and duplicates", core.Names{DNS: []string{"WWW.Example.com", "www.example.com"}}, core.Names{DNS: []string{"www.example.com"}}, nil},
		{"below a dotted suffix", core.Names{DNS: []string{"a.sub.example.net"}}, core.Names{DNS: []string{"a.sub.example.net"}}, nil},
		{"the dotted suffix itself", core.Names{DNS: []string{"sub.example.net"}}, core.Names{}, []string{"name.suffix san.dns"}},
		{"look-alike suffix", core.Names{DNS: []string{"evilexample.com"}}, core.Names{}, []string{"name.suffix san.dns"}},
		{"suffix and pattern", core.Names{DNS: []string{"a.example.org"}}, core.Names{}, []string{"name.suffix san.dns"}},
		{"wildcard", core.Names{DNS: []string{"*.example.com"}}, core.Names{}, []string{"name.wildcard san.dns"}},
		{"wildcard elsewhere", core.Names{DNS: []string{"a.*.example.com"}}, core.Names{}, []string{"name.syntax san.dns"}},
		{"part wildcard", core.Names{DNS: []string{"a*.example.com"}}, core.Names{}, []string{"name.syntax san.dns"}},
		{"U-label", core.Names{DNS: []string{"bücher.example.com"}}, core.Names{}, []string{"name.syntax san.dns"}},
		{"A-label", core.Names{DNS: []string{"xn--bcher-kva.example.com"}}, core.Names{DNS: []string{"xn--bcher-kva.example.com"}}, nil},
		{"trailing dot", core.Names{DNS: []string{"a.example.com."}}, core.Names{}, []string{"name.syntax san.dns"}},
		{"underscore", core.Names{DNS: []string{"a_b.example.com"}}, core.Names{}, []string{"name.syntax san.dns"}},
		{"long label", core.Names{DNS: []string{long + ".example.com"}}, core.Names{}, []string{"name.syntax san.dns"}},
		{"hyphen", core.Names{DNS: []string{"-a.example.com"}}, core.Names{}, []string{"name.syntax san.dns"}},
		{"empty label", core.Names{DNS: []string{"a..example.com"}}, core.Names{}, []string{"name.syntax san.dns"}},
		{"address as DNS", core.Names{DNS: []string{"10.0.0.1"}}, core.Names{}, []string{"name.syntax san.dns"}},
		{"NUL", core.Names{DNS: []string{"a\x00.example.com"}}, core.Names{}, []string{"name.syntax san.dns"}},
		{"every fault at once", core.Names{DNS: []string{"a.example.org", "b..c", "*.example.com"}}, core.Names{},
			[]string{"name.suffix san.dns", "name.syntax san.dns", "name.wildcard san.dns"}},
		{"too many", core.Names{DNS: []string{"a.example.com", "b.example.com", "c.example.com", "d.example.com"}}, core.Names{}, []string{"name.too-many san.dns"}},
		{"mapped address", core.Names{IP: []netip.Addr{ip("::ffff:10.1.1.1"), ip("10.1.1.1"), ip("2001:db8::1")}},
			core.Names{IP: []netip.Addr{ip("10.1.1.1"), ip("2001:db8::1")}}, nil},
		{"address outside", core.Names{IP: []netip.Addr{ip("192.0.2.1")}}, core.Names{}, []string{"name.range san.ip"}},
		{"zone", core.Names{IP: []netip.Addr{ip("fe80::1%eth0")}}, core.Names{}, []string{"name.syntax san.ip"}},
		{"no address", core.Names{IP: []netip.Addr{{}}}, core.Names{}, []string{"name.syntax san.ip"}},
		{"mail", core.Names{Email: []string{"Ada@Example.COM", "Ada@example.com"}}, core.Names{Email: []string{"Ada@example.com"}}, nil},
		{"mail in two spellings", core.Names{Email: []string{"Ada@example.com", "ada@example.com"}}, core.Names{Email: []string{"Ada@example.com"}}, []string{"name.duplicate san.email"}},
		{"mail below the domain", core.Names{Email: []string{"a@b.example.com"}}, core.Names{Email: []string{"a@b.example.com"}}, nil},
		{"bad mails", core.Names{Email: []string{"a", "@example.com", "a b@example.com", "a..b@example.com", "a@example.org"}}, core.Names{},
			[]string{"name.syntax san.email", "name.syntax san.email", "name.syntax san.email", "name.syntax san.email", "name.suffix san.email"}},
		{"URI", core.Names{URI: []string{"HTTPS://A.Example.com/Path"}}, core.Names{URI: []string{"https://a.example.com/Path"}}, nil},
		{"bad URIs", core.Names{URI: []string{"/relative", "https://", "https://a b.example.com/", "https://a.example.org/"}}, core.Names{},
			[]string{"name.syntax san.uri", "name.syntax san.uri", "name.syntax san.uri", "name.suffix san.uri"}},
		{"UPN", core.Names{UPN: []string{"Ada@corp.example", "ada@CORP.example"}}, core.Names{UPN: []string{"Ada@corp.example"}}, []string{"name.duplicate san.upn"}},
		{"other", core.Names{Other: []core.OtherName{{OID: "1.2.3.4", Value: []byte{5, 0}}, {OID: "1.2.3.4", Value: []byte{5}}, {OID: "1.2.3.5", Value: []byte{5, 0}}}},
			core.Names{Other: []core.OtherName{{OID: "1.2.3.4", Value: []byte{5, 0}}}}, []string{"name.syntax san.other", "name.kind san.other"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := product(t, strict)
			got, reasons := c.Evaluate(Ask{Names: tc.ask, Subject: dn("O", "x"), Key: ecKey(t, elliptic.P256())}, now)
			if !slices.Equal(codes(reasons), tc.codes) {
				t.Fatalf("reasons %v, want %v", codes(reasons), tc.codes)
			}
			if !slices.Equal(got.Names.Strings(), tc.want.Strings()) {
				t.Fatalf("names %v, want %v", got.Names.Strings(), tc.want.Strings())
			}
		})
	}
}

func TestUnknownNameKinds(t *testing.T) {
	ask := Ask{Names: core.Names{DNS: []string{"a.internal"}, Email: []string{"a@b.example"}}, Unsupported: []string{"directory"}, Key: ecKey(t, elliptic.P256())}
	_, reasons := product(t, nil).Evaluate(ask, now)
	if want := []string{"name.kind san.email", "name.kind san.directory"}; !slices.Equal(codes(reasons), want) {
		t.Errorf("refuse: %v", reasons)
	}
	got, reasons := product(t, func(p *core.Profile) { p.UnknownNames = "drop" }).Evaluate(ask, now)
	if len(reasons) > 0 || len(got.Names.Email) > 0 {
		t.Errorf("drop: %v %v", reasons, got.Names)
	}
}

func TestCommonName(t *testing.T) {
	long := strings.Repeat("a.", 40) + "example"
	for _, tc := range []struct {
		name, mode string
		subject    core.DN
		names      core.Names
		cn         []string
		dns        []string
		codes      []string
	}{
		{"as-is", "as-is", dn("CN", "My Server"), core.Names{DNS: []string{"a"}}, []string{"My Server"}, []string{"a"}, nil},
		{"none", "none", dn("CN", "a"), core.Names{DNS: []string{"a"}}, nil, []string{"a"}, nil},
		{"from-san replaces", "from-san", dn("CN", "x"), core.Names{DNS: []string{long, "b.example"}}, []string{"b.example"}, []string{long, "b.example"}, nil},
		{"from-san takes the address", "from-san", nil, core.Names{IP: []netip.Addr{netip.MustParseAddr("10.0.0.1")}}, []string{"10.0.0.1"}, nil, nil},
		{"in-san found", "in-san", dn("CN", "A.Example"), core.Names{DNS: []string{"a.example"}}, []string{"a.example"}, []string{"a.example"}, nil},
		{"in-san added", "in-san", dn("CN", "b.example"), core.Names{DNS: []string{"a.example"}}, []string{"b.example"}, []string{"a.example", "b.example"}, nil},
		{"in-san, no name", "in-san", dn("CN", "My Server"), core.Names{DNS: []string{"a.example"}}, []string{"My Server"}, []string{"a.example"}, []string{"cn.not-in-san subject.CN"}},
		{"in-san, kind without rule", "in-san", dn("CN", "a@b.example"), core.Names{DNS: []string{"a.example"}}, []string{"a@b.example"}, []string{"a.example"}, []string{"cn.not-in-san subject.CN"}},
		{"in-san twice", "in-san", dn("CN", "a.example", "CN", "b.example"), core.Names{}, []string{"a.example", "b.example"}, []string{"a.example", "b.example"}, []string{"subject.duplicate subject.CN"}},
		{"in-san too long", "in-san", dn("CN", long), core.Names{}, []string{long}, []string{long}, []string{"subject.too-long subject.CN"}},
		{"none asked", "in-san", nil, core.Names{DNS: []string{"a.example"}}, nil, []string{"a.example"}, nil},
		{"no mode drops", "", dn("CN", "x"), core.Names{DNS: []string{"a.example"}}, nil, []string{"a.example"}, nil},
		{"neither", "as-is", nil, core.Names{}, nil, nil, []string{"san.missing san"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := product(t, func(p *core.Profile) { p.CommonName = tc.mode })
			got, reasons := c.Evaluate(Ask{Subject: tc.subject, Names: tc.names, Key: ecKey(t, elliptic.P256())}, now)
			if !slices.Equal(codes(reasons), tc.codes) {
				t.Fatalf("reasons %v, want %v", codes(reasons), tc.codes)
			}
			if !slices.Equal(got.Subject.Get("CN"), tc.cn) || !slices.Equal(got.Names.DNS, tc.dns) {
				t.Fatalf("CN %v, DNS %v", got.Subject.Get("CN"), got.Names.DNS)
			}
		})
	}
}

func TestCommonNameObeysNameRules(t *testing.T) {
	c := product(t, func(p *core.Profile) {
		p.Names = []core.NameRule{{Kind: "dns", Suffixes: []string{"example.com"}, Required: true}}
	})
	_, reasons := c.Evaluate(Ask{Subject: dn("CN", "a.evil.org"), Key: ecKey(t, elliptic.P256())}, now)
	if want := []string{"name.suffix subject.CN", "san.missing san.dns"}; !slices.Equal(codes(reasons), want) {
		t.Errorf("%v", codes(reasons))
	}
	if _, reasons = c.Evaluate(Ask{Subject: dn("CN", "a.example.com"), Key: ecKey(t, elliptic.P256())}, now); len(reasons) > 0 {
		t.Errorf("%v", reasons)
	}
	if _, reasons = c.Evaluate(Ask{Subject: dn("O", "x"), Key: ecKey(t, elliptic.P256())}, now); !slices.Equal(codes(reasons), []string{"san.missing san.dns"}) {
		t.Errorf("%v", reasons)
	}
}

func TestSubject(t *testing.T) {
	rules := []core.SubjectRule{
		{Type: "C", Mode: "fixed", Values: []string{"DE"}},
		{Type: "organizationName", Mode: "required"},
		{Type: "OU", Mode: "optional", Values: []string{"IT", "HR"}},
		{Type: "CN", Mode: "optional", Pattern: "[a-z]+"},
	}
	for _, tc := range []struct {
		name, unknown string
		subject       core.DN
		want          string
		codes         []string
	}{
		{"order and canonical types", "drop", dn("CN", "abc", "OU", "HR", "OU", "IT", "2.5.4.10", " Example ", "C", "us"), "C=DE, O=Example, OU=HR, OU=IT, CN=abc", nil},
		{"required", "drop", dn("CN", "abc", "O", "  "), "C=DE, CN=abc", []string{"subject.required subject.O"}},
		{"value and pattern", "drop", dn("O", "x", "OU", "Sales", "CN", "a1"), "C=DE, O=x, OU=Sales, CN=a1", []string{"subject.value subject.OU", "subject.pattern subject.CN"}},
		{"unknown dropped", "drop", dn("O", "x", "L", "Köln"), "C=DE, O=x", nil},
		{"unknown refused", "refuse", dn("O", "x", "L", "Köln"), "C=DE, O=x", []string{"subject.unknown subject.L"}},
		{"no such type", "drop", dn("O", "x", "nonsense", "y"), "C=DE, O=x", []string{"subject.syntax subject"}},
		{"control character", "drop", dn("O", "x\x01y"), "C=DE, O=x\x01y", []string{"subject.syntax subject.O"}},
		{"too long", "drop", dn("O", strings.Repeat("ö", 65)), "C=DE, O=" + strings.Repeat("ö", 65), []string{"subject.too-long subject.O"}},
		{"exactly long enough", "drop", dn("O", strings.Repeat("ö", 64)), "C=DE, O=" + strings.Repeat("ö", 64), nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := product(t, func(p *core.Profile) { p.Subject, p.UnknownSubject, p.CommonName = rules, tc.unknown, "as-is" })
			got, reasons := c.Evaluate(Ask{Subject: tc.subject, Names: core.Names{DNS: []string{"a"}}, Key: ecKey(t, elliptic.P256())}, now)
			if !slices.Equal(codes(reasons), tc.codes) || got.Subject.String() != tc.want {
				t.Fatalf("%q %v", got.Subject.String(), codes(reasons))
			}
		})
	}
}

func TestKeys(t *testing.T) {
	rsa2048, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	edPub, _, _ := ed25519.GenerateKey(rand.Reader)
	small := Key{SPKI: []byte{1}, Algorithm: "RSA", Bits: 1024}
	for _, tc := range []struct {
		name  string
		key   Key
		rules []core.KeyRule
		codes []string
		usage []string
	}{
		{"EC", ecKey(t, elliptic.P256()), anyKeys(), nil, []string{"digitalSignature"}},
		{"RSA keeps encipherment", spkiOf(t, &rsa2048.PublicKey), anyKeys(), nil, []string{"digitalSignature", "keyEncipherment"}},
		{"small RSA", small, anyKeys(), []string{"key.size key"}, nil},
		{"large RSA", Key{SPKI: []byte{1}, Algorithm: "RSA", Bits: 8193}, []core.KeyRule{{Algorithm: "RSA"}}, []string{"key.size key"}, nil},
		{"curve", ecKey(t, elliptic.P521()), []core.KeyRule{{Algorithm: "ECDSA", Curves: []string{"P-256"}}}, []string{"key.curve key"}, nil},
		{"one of two rules", ecKey(t, elliptic.P384()), []core.KeyRule{{Algorithm: "ecdsa", Curves: []string{"P-256"}}, {Algorithm: "ECDSA", Curves: []string{"P-384"}}}, nil, []string{"digitalSignature"}},
		{"algorithm", spkiOf(t, edPub), anyKeys(), []string{"key.algorithm key"}, nil},
		{"Ed25519", spkiOf(t, edPub), []core.KeyRule{{Algorithm: "Ed25519"}}, nil, []string{"digitalSignature"}},
		{"weak and small", Key{SPKI: []byte{1}, Algorithm: "RSA", Bits: 512, Weak: "ROCA"}, anyKeys(), []string{"key.weak key", "key.size key"}, nil},
		{"none", Key{}, anyKeys(), []string{"key.algorithm key"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := product(t, func(p *core.Profile) { p.Keys = tc.rules })
			got, reasons := c.Evaluate(Ask{Names: core.Names{DNS: []string{"a"}}, Key: tc.key}, now)
			if !slices.Equal(codes(reasons), tc.codes) {
				t.Fatalf("%v, want %v", reasons, tc.codes)
			}
			if len(tc.codes) == 0 && !slices.Equal(got.KeyUsage, tc.usage) {
				t.Fatalf("usage %v", got.KeyUsage)
			}
		})
	}
}

func TestWeakKeysAreFound(t *testing.T) {
	// A modulus of two close primes (Fermat), 2048 bits.
	p, _ := rand.Prime(rand.Reader, 1024)
	q := slices.Clone(p.Bits())
	pub := rsa.PublicKey{E: 65537}
	next := p
	for i := 0; ; i += 2 {
		next = next.SetBits(slices.Clone(q))
		next.Add(next, bigInt(int64(i+2)))
		if next.ProbablyPrime(20) {
			break
		}
	}
	orig := bigInt(0).SetBits(q)
	pub.N = bigInt(0).Mul(orig, next)
	der, err := x509.MarshalPKIXPublicKey(&pub)
	if err != nil {
		t.Fatal(err)
	}
	k, err := KeyOf(der)
	if err != nil || k.Weak == "" {
		t.Fatalf("close primes: %+v %v", k.Weak, err)
	}
	if k := ecKey(t, elliptic.P256()); k.Weak != "" || k.Curve != "P-256" || k.Bits != 256 {
		t.Fatalf("%+v", k)
	}
	if _, err := KeyOf([]byte("garbage")); !core.Is(err, core.KindBadKey) {
		t.Fatalf("%v", err)
	}
}

func TestValidity(t *testing.T) {
	at := func(s string) time.Time { v, _ := time.Parse(time.RFC3339, s); return v }
	for _, tc := range []struct {
		name          string
		amount        int
		unit          string
		validity      time.Duration
		notAfter      string
		before, after string
		codes         []string
	}{
		{"days", 200, "days", 0, "", "2026-05-31T11:50:00Z", "2026-12-17T11:49:59Z", nil},
		{"month end", 9, "months", 0, "", "2026-05-31T11:50:00Z", "2027-02-28T11:49:59Z", nil},
		{"years", 30, "years", 0, "", "2026-05-31T11:50:00Z", "2056-05-31T11:49:59Z", nil},
		{"shorter", 200, "days", 48 * time.Hour, "", "2026-05-31T11:50:00Z", "2026-06-02T11:49:59Z", nil},
		{"exactly", 200, "days", 200 * 24 * time.Hour, "", "2026-05-31T11:50:00Z", "2026-12-17T11:49:59Z", nil},
		{"a second over", 200, "days", 200*24*time.Hour + time.Second, "", "2026-05-31T11:50:00Z", "2026-12-17T11:49:59Z", []string{"validity.too-long validity"}},
		{"negative", 200, "days", -time.Hour, "", "2026-05-31T11:50:00Z", "2026-12-17T11:49:59Z", []string{"validity.past validity"}},
		{"wished end", 200, "days", 0, "2026-07-01T00:00:00Z", "2026-05-31T11:50:00Z", "2026-07-01T00:00:00Z", nil},
		{"client's own clock", 200, "days", 0, "2026-12-17T12:00:00Z", "2026-05-31T11:50:00Z", "2026-12-17T11:49:59Z", nil},
		{"wished end too late", 200, "days", 0, "2026-12-17T12:00:01Z", "2026-05-31T11:50:00Z", "2026-12-17T11:49:59Z", []string{"validity.too-long not_after"}},
		{"wished end past", 200, "days", 0, "2026-05-31T12:00:00Z", "2026-05-31T11:50:00Z", "2026-12-17T11:49:59Z", []string{"validity.past not_after"}},
		{"the earlier of both", 200, "days", 24 * time.Hour, "2026-07-01T00:00:00Z", "2026-05-31T11:50:00Z", "2026-06-01T11:49:59Z", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := product(t, func(p *core.Profile) { p.ValidityAmount, p.ValidityUnit = tc.amount, tc.unit })
			ask := Ask{Names: core.Names{DNS: []string{"a"}}, Key: ecKey(t, elliptic.P256()), Validity: tc.validity}
			if tc.notAfter != "" {
				ask.NotAfter = at(tc.notAfter)
			}
			got, reasons := c.Evaluate(ask, now)
			if !slices.Equal(codes(reasons), tc.codes) || !got.NotBefore.Equal(at(tc.before)) || !got.NotAfter.Equal(at(tc.after)) {
				t.Fatalf("%v to %v %v", got.NotBefore, got.NotAfter, codes(reasons))
			}
		})
	}
}

func TestRenewal(t *testing.T) {
	key := ecKey(t, elliptic.P256())
	sum := sha256.Sum256(key.SPKI)
	for _, tc := range []struct {
		name  string
		old   core.Certificate
		days  int
		grace int
		same  bool
		codes []string
	}{
		{"in time", core.Certificate{State: core.CertActive, NotAfter: now.AddDate(0, 0, 29)}, 30, 0, false, nil},
		{"too early", core.Certificate{State: core.CertActive, NotAfter: now.AddDate(0, 0, 31)}, 30, 0, false, []string{"renewal.too-early replaces"}},
		{"any time", core.Certificate{State: core.CertActive, NotAfter: now.AddDate(0, 0, 310)}, 0, 0, false, nil},
		{"expired", core.Certificate{State: core.CertActive, NotAfter: now.AddDate(0, 0, -1)}, 0, 0, false, []string{"renewal.expired replaces"}},
		{"grace", core.Certificate{State: core.CertActive, NotAfter: now.AddDate(0, 0, -1)}, 0, 2, false, nil},
		{"revoked and same key", core.Certificate{State: core.CertRevoked, NotAfter: now.AddDate(0, 0, 5), SPKIHash: sum[:]}, 0, 0, false, []string{"renewal.state replaces", "renewal.same-key key"}},
		{"same key allowed", core.Certificate{State: core.CertActive, NotAfter: now.AddDate(0, 0, 5), SPKIHash: sum[:]}, 0, 0, true, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := product(t, func(p *core.Profile) { p.RenewDays, p.RenewGraceDays, p.RenewSameKey = tc.days, tc.grace, tc.same })
			_, reasons := c.Evaluate(Ask{Names: core.Names{DNS: []string{"a"}}, Key: key, Replaces: &tc.old}, now)
			if !slices.Equal(codes(reasons), tc.codes) {
				t.Fatalf("%v", codes(reasons))
			}
		})
	}
}

func TestExtensions(t *testing.T) {
	c := product(t, func(p *core.Profile) {
		p.Extensions = []core.ExtensionRule{{OID: "1.2.3", Value: []byte{5, 0}}}
		p.PassThrough = []string{"1.2.3", "1.3.6.1.5.5.7.1.24"}
	})
	got, reasons := c.Evaluate(Ask{Names: core.Names{DNS: []string{"a"}}, Key: ecKey(t, elliptic.P256()), Extensions: []core.Extension{
		{OID: "1.2.3", Value: []byte{4, 0}}, {OID: "1.3.6.1.5.5.7.1.24", Value: []byte{0x30, 3, 2, 1, 5}}, {OID: "2.5.29.19", Value: []byte{0x30, 3, 1, 1, 0xff}}}}, now)
	want := []core.Extension{{OID: "1.2.3", Value: []byte{5, 0}}, {OID: "1.3.6.1.5.5.7.1.24", Value: []byte{0x30, 3, 2, 1, 5}}}
	if len(reasons) > 0 || !reflect.DeepEqual(got.Extensions, want) {
		t.Fatalf("%v %v", got.Extensions, reasons)
	}
}

func TestRefusalKind(t *testing.T) {
	for codes, want := range map[string]core.Kind{"": "", "validity.past": core.KindPolicy, "name.suffix": core.KindBadName,
		"key.weak": core.KindBadKey, "validity.past san.missing": core.KindBadName, "cn.not-in-san key.size": core.KindBadKey} {
		var r []core.Reason
		for c := range strings.FieldsSeq(codes) {
			r = append(r, core.Reason{Code: c, Detail: "d"})
		}
		if got := core.KindOf(Refusal(r)); got != want {
			t.Errorf("%s: %s, want %s", codes, got, want)
		}
	}
}

func BenchmarkEvaluate(b *testing.B) {
	c := product(b, nil)
	ask := Ask{Subject: dn("CN", "a.example.com", "O", "Example"), Names: core.Names{DNS: []string{"a.example.com", "b.example.com"}}, Key: ecKey(b, elliptic.P256())}
	b.ReportAllocs()
	for b.Loop() {
		if _, r := c.Evaluate(ask, now); len(r) > 0 {
			b.Fatal(r)
		}
	}
}
