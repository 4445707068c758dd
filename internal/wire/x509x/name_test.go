package x509x

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestOIDRoundTrip(t *testing.T) {
	good := map[string]string{
		"2.5.4.3":              "0603550403",
		"1.2.840.113549.1.1.1": "06092a864886f70d010101",
		"2.999.3":              "0603883703",
		"0.39":                 "060127",
		"2.25.329800735698586629295641978511506172918": "06" + "14" + "69" + "83f09da7ebcfdee0c7a1a7b2c0948cc8f9d776",
	}
	for dotted, want := range good {
		got, err := AppendOID([]byte("x"), dotted)
		if err != nil || hex.EncodeToString(got[1:]) != want {
			t.Errorf("AppendOID(%s) = %x, %v; want %s", dotted, got, err, want)
			continue
		}
		if back, ok := DecodeOID(got[3:]); !ok || back != dotted {
			t.Errorf("DecodeOID(%s) = %q, %v", want, back, ok)
		}
	}
	for _, bad := range []string{"", "1", "1.", ".1", "1..2", "3.1", "1.40", "01.2", "1.02", "1.a", "1.+2", "1.-2", " 1.2", "1.2."} {
		if got, err := AppendOID(nil, bad); err == nil {
			t.Errorf("AppendOID(%q) = %x, want error", bad, got)
		}
	}
	for _, bad := range []string{"", "80", "8001", "5583", "558003"} {
		if got, ok := DecodeOID(unhex(t, bad)); ok {
			t.Errorf("DecodeOID(%s) = %q, want error", bad, got)
		}
	}
}

func TestNameMarshal(t *testing.T) {
	tests := []struct{ dn, want string }{
		{"CN=a", "300c310a30080603550403" + "130161"},
		{"CN=ä", "300d310b30090603550403" + "0c02c3a4"},
		{"C=DE", "300d310b30090603550406" + "13024445"},
		{"DC=org", "3015311330110 60a0992268993f22c640119" + "16036f7267"},
		{"emailAddress=a@b", "3014311230 10 06092a864886f70d010901" + "1603614062"},
		{"CN=a_b", "300e310c300a0603550403" + "0c03615f62"},
		{"CN=*", "300c310a30080603550403" + "0c012a"},
		{"", "3000"},
	}
	for _, tt := range tests {
		n, err := ParseDN(tt.dn)
		if err != nil {
			t.Errorf("%s: %v", tt.dn, err)
			continue
		}
		got, err := n.Marshal()
		if err != nil || !bytes.Equal(got, unhex(t, tt.want)) {
			t.Errorf("%s: %x, %v; want %s", tt.dn, got, err, tt.want)
		}
	}
	for _, bad := range []Name{
		{{OID: OIDCountry, Value: "Ö"}},
		{{OID: OIDDomainComponent, Value: "ö"}},
		{{OID: OIDCommonName, Value: "a\x00b"}},
		{{OID: OIDCommonName, Value: "\xff"}},
		{{OID: "nonsense", Value: "x"}},
	} {
		if der, err := bad.Marshal(); !errors.Is(err, ErrMalformed) {
			t.Errorf("%v: %x, %v; want ErrMalformed", bad, der, err)
		}
	}
}

// TestNameTags: the type of a parsed attribute survives, unless it cannot hold
// the value.
func TestNameTags(t *testing.T) {
	for _, tag := range []Tag{TagUTF8, TagPrintable, TagT61, TagIA5, TagBMP, TagUniversal, TagVisible} {
		in := Name{{OID: OIDOrganization, Value: "Ex ample", Tag: tag}}
		der := must[[]byte](t)(in.Marshal())
		back := must[Name](t)(ParseName(der))
		if !reflect.DeepEqual(in, back) {
			t.Errorf("tag %d: %+v, want %+v", tag, back, in)
		}
	}
	der := must[[]byte](t)(Name{{OID: OIDOrganization, Value: "€", Tag: TagPrintable}}.Marshal())
	if back := must[Name](t)(ParseName(der)); back[0].Tag != TagUTF8 || back[0].Value != "€" {
		t.Errorf("got %+v", back)
	}
	// T61String is read as Latin-1, BMPString with surrogates.
	odd := Name{{OID: OIDOrganization, Value: "Mü", Tag: TagT61}, {OID: OIDOrganization, Value: "😀", Tag: TagBMP}}
	if back := must[Name](t)(ParseName(must[[]byte](t)(odd.Marshal()))); !reflect.DeepEqual(odd, back) {
		t.Errorf("got %+v", back)
	}
	// A value of another type is carried as it is.
	bit := Name{{OID: "2.5.4.45", Value: "#03020780", Tag: 3}}
	if back := must[Name](t)(ParseName(must[[]byte](t)(bit.Marshal()))); !reflect.DeepEqual(bit, back) {
		t.Errorf("got %+v", back)
	}
}

func TestParseNameRefuses(t *testing.T) {
	for name, der := range map[string]string{
		"empty":          "",
		"trailing":       "300000",
		"empty set":      "30023100",
		"nul in value":   "300d310b30090603550403" + "0c026100",
		"bad utf8":       "300c310a30080603550403" + "0c01ff",
		"odd BMP":        "300c310a30080603550403" + "1e0161",
		"no value":       "3009310730050603550403",
		"indefinite":     "30800000",
		"long form":      "30810d310b30090603550406" + "13024445",
		"control in PSt": "300c310a30080603550403" + "130107",
	} {
		if n, err := ParseName(unhex(t, der)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, %v; want ErrMalformed", name, n, err)
		}
	}
	if _, err := ParseName(make([]byte, MaxSize+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("large: %v", err)
	}
}

func TestNameText(t *testing.T) {
	tests := []struct {
		in   string
		want Name
		out  string // "" when the same
	}{
		{"CN=host,O=Ex,C=US", Name{{OID: OIDCountry, Value: "US"}, {OID: OIDOrganization, Value: "Ex"}, {OID: OIDCommonName, Value: "host"}}, ""},
		{"CN=a+UID=b,O=x", Name{{OID: OIDOrganization, Value: "x"}, {OID: OIDCommonName, Value: "a"}, {OID: OIDUserID, Value: "b", Joined: true}}, ""},
		{`O=a\, b\+c\"\\\<\>\;=#`, Name{{OID: OIDOrganization, Value: `a, b+c"\<>;=#`}}, ""},
		{`O=\ a\ `, Name{{OID: OIDOrganization, Value: " a "}}, ""},
		{`O=\#a`, Name{{OID: OIDOrganization, Value: "#a"}}, ""},
		{`O=M\C3\BC`, Name{{OID: OIDOrganization, Value: "Mü"}}, "O=Mü"},
		{` cn = a b  ; o = "x, y"  , 2.5.4.6=DE`, Name{{OID: OIDCountry, Value: "DE"}, {OID: OIDOrganization, Value: "x, y"}, {OID: OIDCommonName, Value: "a b"}}, `CN=a b,O=x\, y,C=DE`},
		{"1.2.3=#0c0161", Name{{OID: "1.2.3", Value: "a", Tag: TagUTF8}}, ""},
		{"OID.1.2.3=#02010a", Name{{OID: "1.2.3", Value: "#02010a", Tag: 2}}, "1.2.3=#02010a"},
		{"CN=", Name{{OID: OIDCommonName}}, ""},
		{"/C=US/O=a\\/b/CN=http/host+x", Name{{OID: OIDCountry, Value: "US"}, {OID: OIDOrganization, Value: "a/b"}, {OID: OIDCommonName, Value: "http/host+x"}}, `CN=http/host\+x,O=a/b,C=US`},
		{"/O=x/CN=a+UID=b", Name{{OID: OIDOrganization, Value: "x"}, {OID: OIDCommonName, Value: "a"}, {OID: OIDUserID, Value: "b", Joined: true}}, "CN=a+UID=b,O=x"},
		{"/", nil, ""},
	}
	for _, tt := range tests {
		got, err := ParseDN(tt.in)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("ParseDN(%s) = %+v, %v; want %+v", tt.in, got, err, tt.want)
			continue
		}
		want := tt.out
		if want == "" && tt.in != "/" {
			want = tt.in
		}
		if got.String() != want {
			t.Errorf("ParseDN(%s).String() = %s, want %s", tt.in, got, want)
		}
		if back, err := ParseDN(got.String()); err != nil || !reflect.DeepEqual(back, got) {
			t.Errorf("again(%s) = %+v, %v", got, back, err)
		}
	}
	for _, bad := range []string{"x", "=a", "CN", "QQ=a", `CN=a\`, `CN=a\q`, `CN="a`, `CN="a"b`, "CN=#0", "CN=#0c05", "/x", "/QQ=a", `/CN=a\`, "CN=\xff", `CN=\ff`, "CN=a,", "CN=a+"} {
		if n, err := ParseDN(bad); !errors.Is(err, ErrMalformed) {
			t.Errorf("ParseDN(%q) = %+v, %v; want ErrMalformed", bad, n, err)
		}
	}
}

func TestAttributeNames(t *testing.T) {
	for _, name := range strings.Fields("CN C ST L O OU STREET postalCode serialNumber DC UID GN SN title emailAddress organizationIdentifier businessCategory jurisdictionC jurisdictionST jurisdictionL dnQualifier pseudonym initials generationQualifier name unstructuredName") {
		oid, ok := AttributeOID(strings.ToLower(name))
		if !ok || AttributeName(oid) != name {
			t.Errorf("%s: %s %v -> %s", name, oid, ok, AttributeName(oid))
		}
	}
	if AttributeName("1.2.3") != "1.2.3" {
		t.Error("unknown attribute")
	}
}

// TestNameOpenSSL compares our text and our DER with OpenSSL's.
func TestNameOpenSSL(t *testing.T) {
	dir := t.TempDir()
	subject := `/C=DE/O=A\/B/OU=x,y/CN=Jürgen+UID=42/DC=org/emailAddress=a@b.example/organizationIdentifier=VATDE-1`
	openssl(t, dir, "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "k", "-utf8", "-subj", subject, "-outform", "DER", "-out", "r")
	csr := must[*CSR](t)(ParseCSR(readFile(t, dir, "r")))
	want := strings.TrimSpace(strings.TrimPrefix(openssl(t, dir, "req", "-in", "r", "-inform", "DER", "-noout", "-subject", "-nameopt", "RFC2253,-esc_msb,utf8"), "subject="))
	want = strings.Replace(want, "UID=42+CN=Jürgen", "CN=Jürgen+UID=42", 1) // OpenSSL turns the set round too
	if got := csr.Subject.String(); got != want {
		t.Errorf("text %s, want %s", got, want)
	}
	ours := must[Name](t)(ParseOpenSSL(subject))
	if got := csr.Subject.OpenSSL(); got != subject {
		t.Errorf("OpenSSL form %s, want %s", got, subject)
	}
	ours2 := must[[]byte](t)(ours.Marshal())
	if n, err := ParseName(ours2); err != nil || n.String() != want {
		t.Errorf("%v %v", n, err)
	}
	// With the types OpenSSL chose the octets are the same.
	if der := must[[]byte](t)(csr.Subject.Marshal()); !bytes.Equal(der, csr.RawSubject) {
		t.Errorf("%x\n%x", der, csr.RawSubject)
	}
}

func TestNameStdlib(t *testing.T) {
	der := mustName(t, "CN=x,OU=b+OU=a,O=Ex,C=US")
	csr := must[[]byte](t)(CreateCSR(Request{Subject: der}, testKey(t, "p256")))
	req := must[*x509.CertificateRequest](t)(x509.ParseCertificateRequest(csr))
	if got := req.Subject.ToRDNSequence().String(); !strings.Contains(got, "CN=x") || req.Subject.Country[0] != "US" {
		t.Errorf("stdlib reads %s", got)
	}
	if n := must[Name](t)(ParseName(der)); strings.Join(n.All(OIDOrganizationalUnit), " ") != "a b" || n.Get(OIDCountry) != "US" || n.Get("1.1") != "" {
		t.Errorf("SET OF is not in DER order: %v", n)
	}
}

func FuzzParseName(f *testing.F) {
	f.Add([]byte("\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x13\x01a"))
	f.Add([]byte("\x30\x00"))
	f.Fuzz(func(t *testing.T, der []byte) {
		n, err := ParseName(der)
		if err != nil {
			return
		}
		again, err := n.Marshal()
		if err != nil { // such as "*" in a country
			return
		}
		back, err := ParseName(again)
		if err != nil || len(back) != len(n) {
			t.Fatalf("%x: %v -> %x: %v %v", der, n, again, back, err)
		}
		_ = n.OpenSSL()
		if _, err := ParseRFC4514(n.String()); err != nil {
			t.Fatalf("%x: %q: %v", der, n.String(), err)
		}
	})
}

func FuzzParseDN(f *testing.F) {
	for _, s := range []string{"CN=a,O=b", "/CN=a+UID=b", `O="x";CN=\ff`, "1.2.3=#0c0161"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseDN(s)
		if err != nil {
			return
		}
		back, err := ParseRFC4514(n.String())
		if err != nil || len(back) != len(n) {
			t.Fatalf("%q: %q: %v %v", s, n.String(), back, err)
		}
		for i := range n {
			if n[i].Value != back[i].Value || n[i].OID != back[i].OID || n[i].Joined != back[i].Joined {
				t.Fatalf("%q: %+v became %+v", s, n[i], back[i])
			}
		}
	})
}
