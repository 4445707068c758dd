package x509x

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

func TestCSRAttrsBytes(t *testing.T) {
	attr := must[CSRAttr](t)
	list := []CSRAttr{
		WantOID(OIDChallengePassword),
		attr(WantEC(OIDCurveP384)),
		attr(WantRSA(3072)),
		attr(WantExtensions([]Extension{{OID: OIDKeyUsage, Critical: true, Value: []byte{3, 2, 7, 0x80}}})),
		WantOID("1.2.840.10045.4.3.3"),
	}
	der := must[[]byte](t)(MarshalCSRAttrs(list))
	want := unhex(t, "305d"+
		"06092a864886f70d010907"+
		"301206072a8648ce3d02013107"+"06052b81040022"+
		"301106092a864886f70d010101"+"3104"+"02020c00"+
		"301f06092a864886f70d01090e"+"3112"+"3010"+"300e0603551d0f0101ff040403020780"+
		"06082a8648ce3d040303")
	if !bytes.Equal(der, want) {
		t.Errorf("%x\n%x", der, want)
	}
	got, err := ParseCSRAttrs(der)
	if err != nil || !reflect.DeepEqual(got, list) {
		t.Errorf("%+v %v", got, err)
	}
	if empty, err := ParseCSRAttrs(must[[]byte](t)(MarshalCSRAttrs(nil))); err != nil || len(empty) != 0 {
		t.Errorf("%v %v", empty, err)
	}
}

// TestCSRAttrsRFC7030 is the example in RFC 7030 section 4.5.2 (base64 decoded).
func TestCSRAttrsRFC7030(t *testing.T) {
	got, err := ParseCSRAttrs(unhex(t, "3041"+"06092a864886f70d010907"+"301206072a8648ce3d020131070605"+"2b81040022"+
		"301606092a864886f70d01090e310906072b060101010116"+"06082a8648ce3d040303"))
	if err != nil || len(got) != 4 || got[1].OID != OIDKeyEC || got[2].OID != OIDExtensionRequest || hex.EncodeToString(got[2].Values[0]) != "06072b060101010116" {
		t.Errorf("%+v %v", got, err)
	}
}

func TestRequestTemplate(t *testing.T) {
	in := RequestTemplate{
		HasSubject: true,
		Subject: []RDNTemplate{
			{RDN: RDN{OID: OIDOrganization, Value: "Acme", Tag: TagPrintable}, Present: true},
			{RDN: RDN{OID: OIDCommonName}},
			{RDN: RDN{OID: OIDSerialNumber, Joined: true}},
		},
		Key: &KeyTemplate{OID: OIDKeyEC, Curve: OIDCurveP256},
		Extensions: []ExtensionTemplate{
			{OID: OIDKeyUsage, Critical: true, Value: []byte{3, 2, 7, 0x80}},
			{OID: OIDSubjectAltName},
		},
		Attributes: []Attribute{{OID: "1.2.3", Values: [][]byte{{5, 0}}}},
	}
	a := must[CSRAttr](t)(WantTemplate(in))
	der := must[[]byte](t)(MarshalCSRAttrs([]CSRAttr{a}))
	list := must[[]CSRAttr](t)(ParseCSRAttrs(der))
	out, err := ParseRequestTemplate(list[0].Values[0])
	if err != nil || list[0].OID != OIDRequestTemplate || !reflect.DeepEqual(*out, in) {
		t.Errorf("%+v %v\nwant %+v", out, err, in)
	}
	// Octets: version, name with absent values, [0] key, extensionReqTemplate.
	got := hex.EncodeToString(list[0].Values[0])
	for _, part := range []string{"020100", "310d300b060355040a130441636d65", "310e3005060355040330050603550405",
		"a015301306072a8648ce3d020106082a8648ce3d030107", "060b2a864886f70d010910023e", "30050603551d11"} {
		if !strings.Contains(got, part) {
			t.Errorf("no %s in %s", part, got)
		}
	}
}

// TestRequestTemplateRSA: the size is a placeholder key, and values for all
// extensions make an extensionReq.
func TestRequestTemplateRSA(t *testing.T) {
	for _, bits := range []int{0, 2048, 3072, 4095} {
		in := RequestTemplate{Key: &KeyTemplate{OID: OIDKeyRSA, Bits: bits}, Extensions: []ExtensionTemplate{{OID: OIDKeyUsage, Value: []byte{3, 2, 7, 0x80}}}}
		der := must[[]byte](t)(in.Marshal())
		if !bytes.Contains(der, unhex(t, "06092a864886f70d01090e")) {
			t.Error("no extensionReq")
		}
		out := must[*RequestTemplate](t)(ParseRequestTemplate(der))
		if out.HasSubject || *out.Key != *in.Key || !reflect.DeepEqual(out.Extensions, in.Extensions) {
			t.Errorf("%+v", out)
		}
	}
}

func TestCSRAttrsRefuses(t *testing.T) {
	tmpl := must[CSRAttr](t)(WantTemplate(RequestTemplate{}))
	if _, err := MarshalCSRAttrs([]CSRAttr{tmpl, tmpl}); !errors.Is(err, ErrMalformed) {
		t.Errorf("two templates: %v", err)
	}
	both := RequestTemplate{Extensions: []ExtensionTemplate{{OID: OIDKeyUsage}}, Attributes: []Attribute{{OID: OIDExtensionRequest, Values: [][]byte{{0x30, 0}}}}}
	if _, err := both.Marshal(); !errors.Is(err, ErrMalformed) {
		t.Errorf("both kinds of extensions: %v", err)
	}
	if _, err := WantRSA(0); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
	if _, err := (RequestTemplate{Key: &KeyTemplate{OID: OIDKeyEC, Bits: 256}}).Marshal(); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
	for name, der := range map[string]string{
		"empty":        "",
		"not a list":   "0500",
		"element NULL": "30020500",
		"trailing":     "300000",
	} {
		if got, err := ParseCSRAttrs(unhex(t, der)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
	twice := append(append([]byte{0x30, 0}, must[[]byte](t)(Attribute(tmpl).Marshal())...), must[[]byte](t)(Attribute(tmpl).Marshal())...)
	twice[1] = byte(len(twice) - 2)
	if _, err := ParseCSRAttrs(twice); !errors.Is(err, ErrMalformed) {
		t.Errorf("reads two templates: %v", err)
	}
}

func TestRequestTemplateRefuses(t *testing.T) {
	open := Attribute{OID: OIDExtensionTemplate, Values: [][]byte{unhex(t, "300730050603551d11")}}
	full := Attribute{OID: OIDExtensionRequest, Values: [][]byte{unhex(t, "300730050603551d11")}}
	template := func(version int64, subject string, list ...Attribute) []byte {
		return must[[]byte](t)(build(func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(version)
				b.AddBytes(unhex(t, subject))
				addAttributes(b, context(1), list)
			})
		}))
	}
	if got, err := ParseRequestTemplate(template(0, "3000", open)); err != nil || len(got.Extensions) != 1 || !got.HasSubject {
		t.Errorf("good one: %+v %v", got, err)
	}
	for name, der := range map[string][]byte{
		"version 1":                 template(1, "3000"),
		"no attributes":             unhex(t, "3003020100"),
		"empty rdn":                 template(0, "30023100"),
		"extensionReq lacks values": template(0, "", full),
		"both kinds of extensions":  template(0, "", open, Attribute{OID: OIDExtensionRequest, Values: [][]byte{{0x30, 0}}}),
		"template twice":            template(0, "", open, open),
		"key without algorithm":     template(0, "a000"),
	} {
		if got, err := ParseRequestTemplate(der); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
}

func FuzzParseCSRAttrs(f *testing.F) {
	a, err := WantTemplate(RequestTemplate{Key: &KeyTemplate{OID: OIDKeyRSA, Bits: 2048}, Extensions: []ExtensionTemplate{{OID: OIDKeyUsage}}, Subject: []RDNTemplate{{RDN: RDN{OID: OIDCommonName}}}})
	if err != nil {
		f.Fatal(err)
	}
	seed, err := MarshalCSRAttrs([]CSRAttr{a, WantOID(OIDChallengePassword)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, der []byte) {
		list, err := ParseCSRAttrs(der)
		if err != nil {
			return
		}
		if _, err := MarshalCSRAttrs(list); err != nil {
			t.Fatalf("%x: %v", der, err)
		}
		for _, a := range list {
			if a.OID != OIDRequestTemplate || len(a.Values) == 0 {
				continue
			}
			if tmpl, err := ParseRequestTemplate(a.Values[0]); err == nil {
				_, _ = tmpl.Marshal()
			}
		}
	})
}
