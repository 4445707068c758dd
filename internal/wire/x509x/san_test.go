package x509x

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestSANRoundTrip(t *testing.T) {
	dir := mustName(t, "CN=x,C=US")
	names := []GeneralName{
		{Kind: KindDNS, Value: "a.example"},
		{Kind: KindDNS, Value: "*.example"},
		{Kind: KindDNS, Value: "a.example"}, // duplicates are the caller's affair
		{Kind: KindIP, Value: "192.0.2.1"},
		{Kind: KindIP, Value: "2001:db8::1"},
		{Kind: KindIP, Value: "::ffff:192.0.2.1"},
		{Kind: KindEmail, Value: "a@b.example"},
		{Kind: KindURI, Value: "urn:uuid:1"},
		UPN("jürgen@corp.example"),
		{Kind: KindOther, OID: "1.3.6.1.5.5.7.8.7", Raw: unhex(t, "16055f782e61 62")},
		{Kind: KindOther, OID: "1.2.3", Raw: unhex(t, "02010a")},
		{Kind: KindDirectory, Value: "CN=x,C=US"},
		{Kind: KindRegisteredID, Value: "1.2.3.4"},
	}
	der := must[[]byte](t)(MarshalSAN(names))
	got := must[[]GeneralName](t)(ParseSAN(der))
	if len(got) != len(names) {
		t.Fatalf("%d names, want %d", len(got), len(names))
	}
	want := append([]GeneralName(nil), names...)
	want[8].Raw = append([]byte{0x0c, 0x14}, "jürgen@corp.example"...)
	want[9].Value = "_x.ab"
	want[11].Raw = dir
	for i := range want {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("%d: %+v, want %+v", i, got[i], want[i])
		}
	}
	if again := must[[]byte](t)(MarshalSAN(got)); !bytes.Equal(again, der) {
		t.Errorf("%x\n%x", again, der)
	}
	if !got[8].IsUPN() || got[9].IsUPN() {
		t.Error("IsUPN")
	}
}

func TestSANRefuses(t *testing.T) {
	for name, der := range map[string]string{
		"empty":             "",
		"no names":          "3000",
		"trailing":          "30038201610 0",
		"three octet ip":    "30058703010203",
		"eight octet ip":    "300a87080102030405060708",
		"nul in dns":        "3005820361 0062",
		"control in dns":    "300382010a",
		"non ascii email":   "30048102c3a4",
		"constructed dns":   "3003a20161",
		"tag 9":             "3003890161",
		"universal tag":     "30030c0161",
		"UPN not UTF8":      "3014a012060a2b060104018237140203a00416026162",
		"other no value":    "3006a00406022a03",
		"other two values":  "300ea00c06022a03a006020101020101",
		"rid not minimal":   "3003880180",
		"directory garbage": "3004a4020c00",
	} {
		if got, err := ParseSAN(unhex(t, der)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %+v, %v; want ErrMalformed", name, got, err)
		}
	}
	if _, err := ParseSAN(make([]byte, MaxSize+1)); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	for _, bad := range [][]GeneralName{
		nil,
		{{Kind: KindDNS}},
		{{Kind: KindDNS, Value: "ä"}},
		{{Kind: KindDNS, Value: "a\n"}},
		{{Kind: KindIP, Value: "1.2.3"}},
		{{Kind: KindIP, Value: "fe80::1%eth0"}},
		{{Kind: KindDirectory, Value: "QQ=1"}},
		{{Kind: KindOther, OID: "x", Value: "a"}},
		{{Kind: KindOther, OID: "1.2.3"}},
		{{Kind: KindRegisteredID, Value: "9.9"}},
		{{Kind: 12, Value: "x"}},
	} {
		if der, err := MarshalSAN(bad); err == nil {
			t.Errorf("%+v: %x, want error", bad, der)
		}
	}
}

// TestSANOpenSSL reads what OpenSSL writes, octet for octet.
func TestSANOpenSSL(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, []byte("[req]\ndistinguished_name=d\nreq_extensions=e\n[d]\n[e]\nsubjectAltName=DNS:a.example,IP:192.0.2.1,IP:2001:db8::1,email:a@b.example,URI:https://x/,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:u@corp,RID:1.2.3,dirName:dn\n[dn]\nC=US\nCN=x\n"), dir, "c")
	openssl(t, dir, "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "k", "-config", "c", "-subj", "/CN=a", "-outform", "DER", "-out", "r")
	csr := must[*CSR](t)(ParseCSR(readFile(t, dir, "r")))
	ext := csr.Extension(OIDSubjectAltName)
	if ext == nil {
		t.Fatal("no SAN")
	}
	names := must[[]GeneralName](t)(ParseSAN(ext.Value))
	var got []string
	for _, n := range names {
		got = append(got, n.Kind.String()+":"+n.Value)
	}
	want := "dns:a.example ip:192.0.2.1 ip:2001:db8::1 email:a@b.example uri:https://x/ other:u@corp rid:1.2.3 directory:CN=x,C=US"
	if strings.Join(got, " ") != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	for i := range names {
		if names[i].Kind == KindOther {
			names[i].Raw = nil
		}
	}
	if der := must[[]byte](t)(MarshalSAN(names)); !bytes.Equal(der, ext.Value) {
		t.Errorf("%x\n%x", der, ext.Value)
	}
}

func FuzzParseSAN(f *testing.F) {
	seed, err := MarshalSAN([]GeneralName{{Kind: KindDNS, Value: "a"}, {Kind: KindIP, Value: "1.2.3.4"}, UPN("u@x"), {Kind: KindDirectory, Value: "CN=a"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, der []byte) {
		names, err := ParseSAN(der)
		if err != nil {
			return
		}
		for _, n := range names {
			if (n.Kind == KindDNS || n.Kind == KindEmail || n.Kind == KindURI) && n.Value == "" {
				return // read as given, but never written
			}
		}
		again, err := MarshalSAN(names)
		if err != nil || !bytes.Equal(again, der) {
			t.Fatalf("%x -> %x %v", der, again, err)
		}
	})
}
