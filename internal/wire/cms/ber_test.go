package cms

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

func TestNormaliseBER(t *testing.T) {
	for name, tt := range map[string]struct{ in, want string }{
		"DER stays":           {"3003020105", "3003020105"},
		"indefinite":          {"3080 020105 0000", "3003020105"},
		"nested indefinite":   {"3080 a080 020105 0000 0000", "3005a003020105"},
		"long length":         {"3081 03 020105", "3003020105"},
		"length with zeros":   {"308400000003 020105", "3003020105"},
		"octets":              {"2480 040161 040162 0000", "04026162"},
		"octets definite":     {"2406 040161 040162", "04026162"},
		"octets nested":       {"2480 2480 040161 0000 2403 040162 0000", "04026162"},
		"octets empty":        {"2480 0000", "0400"},
		"octets inside":       {"3080 2480 040161 0000 020101 0000", "3006040161020101"},
		"set keeps its order": {"3180 020102 020101 0000", "3106020102020101"},
		"high tag":            {"3080 9f8101 01ff 0000", "30059f810101ff"},
	} {
		got, err := NormaliseBER(unhex(t, tt.in))
		if err != nil || !bytes.Equal(got, unhex(t, tt.want)) {
			t.Errorf("%s: %x, %v; want %s", name, got, err, tt.want)
		}
	}
	long := append([]byte{0x30, 0x80, 0x04, 0x82, 0x01, 0x00}, make([]byte, 258)...)
	got := must[[]byte](t)(NormaliseBER(long))
	if want := append(unhex(t, "308201040482 0100"), make([]byte, 256)...); !bytes.Equal(got, want) {
		t.Errorf("%x", got[:10])
	}
	for name, in := range map[string]string{
		"empty":                "",
		"one octet":            "30",
		"short":                "30030201",
		"trailing":             "300000",
		"no end of contents":   "3080020105",
		"primitive indefinite": "0480 0000",
		"length of five":       "308500000000030201 05",
		"stray end":            "30020000",
		"integer in octets":    "2480 020105 0000",
		"deep":                 strings.Repeat("3080", 100) + strings.Repeat("0000", 100),
		"deep octets":          strings.Repeat("2480", 100) + strings.Repeat("0000", 100),
		"tag without end":      "1fffffffffff",
	} {
		if got, err := NormaliseBER(unhex(t, in)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %x, %v; want ErrMalformed", name, got, err)
		}
	}
	if _, err := NormaliseBER(make([]byte, MaxSize+1)); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	in := unhex(t, "3003020105")
	if got := must[[]byte](t)(NormaliseBER(in)); &got[0] != &in[0] {
		t.Error("DER is copied")
	}
}

func FuzzNormaliseBER(f *testing.F) {
	for _, s := range []string{"3080020105 0000", "2480040161040162 0000", "30810302 0105", "3080a080248004016100000000 0000"} {
		b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, ber []byte) {
		der, err := NormaliseBER(ber)
		if err != nil {
			return
		}
		if len(der) > len(ber) {
			t.Fatalf("%x grew to %x", ber, der)
		}
		again, err := NormaliseBER(der)
		if err != nil || !bytes.Equal(again, der) {
			t.Fatalf("%x -> %x -> %x %v", ber, der, again, err)
		}
	})
}

func TestCertsOnly(t *testing.T) {
	dir := t.TempDir()
	a, b := newParty(t, "p256").cert.Raw, newParty(t, "p384").cert.Raw
	der := CertsOnly(b, a)
	got, err := ParseCertsOnly(der)
	if err != nil || len(got) != 2 || !bytes.Equal(got[0], b) || !bytes.Equal(got[1], a) {
		t.Fatalf("%d %v", len(got), err)
	}
	writeFile(t, der, dir, "p7")
	out := openssl(t, dir, "pkcs7", "-in", "p7", "-inform", "DER", "-print_certs", "-noout")
	if i, j := strings.Index(out, "party p384"), strings.Index(out, "party p256"); i < 0 || j < i {
		t.Errorf("openssl reads\n%s", out)
	}
	openssl(t, dir, "pkcs7", "-in", "p7", "-inform", "DER", "-outform", "DER", "-out", "again")
	if again := must[[][]byte](t)(ParseCertsOnly(readFile(t, dir, "again"))); len(again) != 2 {
		t.Errorf("%d certificates", len(again))
	}
	if none, err := ParseCertsOnly(CertsOnly()); err != nil || len(none) != 0 {
		t.Errorf("%v %v", none, err)
	}
	crl := unhex(t, "3003020105")
	certs, crls, err := ParseDegenerate(Degenerate(nil, [][]byte{crl}))
	if err != nil || len(certs) != 0 || len(crls) != 1 || !bytes.Equal(crls[0], crl) {
		t.Errorf("%v %v %v", certs, crls, err)
	}
	// The same with indefinite lengths.
	ber := append(unhex(t, "3080 06092a864886f70d010702 a080 3080 020101 3100 3080 06092a864886f70d010701 0000 a080"), a...)
	ber = append(ber, unhex(t, "0000 3100 0000 0000 0000")...)
	if got, err := ParseCertsOnly(ber); err != nil || len(got) != 1 || !bytes.Equal(got[0], a) {
		t.Errorf("BER: %d %v", len(got), err)
	}
	for name, in := range map[string]string{
		"empty":      "",
		"enveloped":  "300f06092a864886f70d010703a0023000",
		"no version": "300f06092a864886f70d010702a0023000",
	} {
		if _, err := ParseCertsOnly(unhex(t, in)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCertsOnlyOpenSSL reads what `openssl crl2pkcs7` writes.
func TestCertsOnlyOpenSSL(t *testing.T) {
	dir := t.TempDir()
	p := newParty(t, "p256")
	p.write(t, dir)
	openssl(t, dir, "crl2pkcs7", "-nocrl", "-certfile", "c.pem", "-outform", "DER", "-out", "p7")
	theirs := readFile(t, dir, "p7")
	got := must[[][]byte](t)(ParseCertsOnly(theirs))
	if len(got) != 1 || !bytes.Equal(got[0], p.cert.Raw) {
		t.Errorf("%d certificates", len(got))
	}
}

func FuzzParseCertsOnly(f *testing.F) {
	f.Add(CertsOnly([]byte{0x30, 0}))
	f.Add(Degenerate(nil, [][]byte{{0x30, 0}}))
	f.Fuzz(func(t *testing.T, ber []byte) {
		certs, crls, err := ParseDegenerate(ber)
		if err != nil {
			return
		}
		c, r, err := ParseDegenerate(Degenerate(certs, crls))
		if err != nil || len(c) != len(certs) || len(r) != len(crls) {
			t.Fatalf("%x: %d %d %v", ber, len(c), len(r), err)
		}
	})
}
