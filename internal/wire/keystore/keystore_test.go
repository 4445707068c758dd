package keystore

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	pkcs12 "software.sslmate.com/src/go-pkcs12"
)

var when = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestRoundTrips(t *testing.T) {
	for _, kind := range []string{"rsa", "p256", "ed25519"} {
		e := newEntry(t, kind, "web")
		noAlias, noKey := e, Entry{Chain: e.Chain}
		noAlias.Alias = ""
		for _, tt := range []struct {
			f    Format
			o    Options
			want []Entry
		}{
			{PEM, Options{}, []Entry{noAlias}},
			{PEM, Options{Password: "pässword", Iterations: 1000}, []Entry{noAlias}},
			{DER, Options{}, []Entry{{Chain: e.Chain[:1]}}},
			{P7B, Options{}, []Entry{noKey}},
			{P7B, Options{Armour: true}, []Entry{noKey}},
			{P12, Options{Password: "pässword"}, []Entry{e}},
			{P12, Options{Password: "pässword", Legacy: true}, []Entry{e}},
			{P12, Options{}, []Entry{e}},
			{JKS, Options{Password: "changeit", Created: when}, []Entry{e}},
		} {
			data, err := Encode(tt.f, tt.o, e)
			if err != nil {
				t.Errorf("%s %s %+v: %v", kind, tt.f, tt.o, err)
				continue
			}
			if f, ok := Detect(data); !ok || f != tt.f && !tt.o.Armour {
				t.Errorf("%s is taken for %s", tt.f, f)
			}
			got, err := Decode(data, tt.o.Password)
			if err != nil || !same(got, tt.want) {
				t.Errorf("%s %s %+v: %+v, %v", kind, tt.f, tt.o, got, err)
			}
			if tt.o.Password == "" {
				continue
			}
			if got, err := Decode(data, "wrong"); !errors.Is(err, ErrPassword) {
				t.Errorf("%s %s with wrong password: %+v, %v", kind, tt.f, got, err)
			}
		}
	}
}

func TestManyEntries(t *testing.T) {
	a, b := newEntry(t, "p256", "a"), newEntry(t, "ed25519", "b")
	trusted := Entry{Alias: "root", Chain: [][]byte{newEntry(t, "p256", "x").Chain[1]}}
	for _, f := range []Format{P12, JKS} {
		data, err := Encode(f, Options{Password: "changeit", Created: when}, a, b, trusted)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Decode(data, "changeit"); err != nil || !same(got, []Entry{a, b, trusted}) {
			t.Errorf("%s: %+v %v", f, got, err)
		}
	}
	if _, err := Encode(PEM, Options{}, a, b); !errors.Is(err, ErrUnsupported) {
		t.Errorf("two keys in PEM: %v", err)
	}
	if _, err := Encode(JKS, Options{Password: "changeit"}, a, a); !errors.Is(err, ErrMalformed) {
		t.Errorf("alias twice: %v", err)
	}
	for _, bad := range [][]Entry{nil, {{}}, {{Key: a.Key}}} {
		if _, err := Encode(P12, Options{}, bad...); !errors.Is(err, ErrMalformed) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	// JKS with a key password of its own.
	data, err := Encode(JKS, Options{Password: "changeit", KeyPassword: "secret2", Created: when}, a)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := DecodeJKS(data, "changeit", "secret2"); err != nil || !same(got, []Entry{a}) {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := Decode(data, "changeit"); !errors.Is(err, ErrPassword) {
		t.Error(err)
	}
}

// TestP12Others: OpenSSL, go-pkcs12 and keytool read ours.
func TestP12Others(t *testing.T) {
	for _, kind := range []string{"rsa", "p256"} {
		e := newEntry(t, kind, "my web")
		for _, legacy := range []bool{false, true} {
			dir := t.TempDir()
			data, err := Encode(P12, Options{Password: "pass Wörd", Legacy: legacy}, e)
			if err != nil {
				t.Fatal(err)
			}
			key, cert, chain, err := pkcs12.DecodeChain(data, "pass Wörd")
			if err != nil || !bytes.Equal(cert.Raw, e.Chain[0]) || len(chain) != 1 || !same([]Entry{{Key: key}}, []Entry{{Key: e.Key}}) {
				t.Errorf("go-pkcs12: %v", err)
			}
			writeFile(t, data, dir, "p12")
			out := run(t, dir, "openssl", "pkcs12", "-in", "p12", "-passin", "pass:pass Wörd", "-nodes", "-info")
			want := []string{"friendlyName: my web", "leaf my web", "CA of my web", "BEGIN PRIVATE KEY"}
			if legacy {
				want = append(want, "MAC: sha1, Iteration 2048", "pbeWithSHA1And3-KeyTripleDES-CBC, Iteration 2048")
			} else {
				want = append(want, "MAC: sha256, Iteration 10000", "PBES2, PBKDF2, AES-256-CBC, Iteration 10000, PRF hmacWithSHA256")
			}
			for _, w := range want {
				if !strings.Contains(out, w) {
					t.Errorf("%s legacy %v: openssl does not show %q in\n%s", kind, legacy, w, out)
				}
			}
			if n := strings.Count(out, "friendlyName: my web"); n != 2 {
				t.Errorf("friendlyName %d times, want key and certificate", n)
			}
		}
	}
}

func TestP12Keytool(t *testing.T) {
	if testing.Short() {
		t.Skip("keytool takes seconds")
	}
	dir := t.TempDir()
	e := newEntry(t, "rsa", "my web")
	trusted := Entry{Alias: "roots", Chain: newEntry(t, "p256", "x").Chain}
	for _, legacy := range []bool{false, true} {
		data, err := Encode(P12, Options{Password: "changeit", Legacy: legacy}, e, trusted)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, data, dir, "p12")
		out := run(t, dir, "keytool", "-list", "-v", "-keystore", "p12", "-storetype", "PKCS12", "-storepass", "changeit")
		for _, w := range []string{"contains 3 entries", "Alias name: my web", "PrivateKeyEntry", "Certificate chain length: 2", "Alias name: roots", "Alias name: roots-2", "trustedCertEntry"} {
			if !strings.Contains(out, w) {
				t.Errorf("keytool does not show %q in\n%s", w, out)
			}
		}
	}
}

// TestReadOpenSSLP12: we read what OpenSSL and go-pkcs12 write, old and new.
func TestReadOthersP12(t *testing.T) {
	e := newEntry(t, "rsa", "web")
	dir := t.TempDir()
	file, err := Encode(PEM, Options{}, e)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, file, dir, "pem")
	for _, extra := range [][]string{
		nil,
		{"-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1"},
		{"-keypbe", "AES-128-CBC", "-certpbe", "aes-192-cbc", "-macalg", "sha512"},
		{"-keypbe", "NONE", "-certpbe", "NONE"},
		{"-nomac"},
	} {
		args := append([]string{"pkcs12", "-export", "-in", "pem", "-name", "web", "-passout", "pass:changeit", "-out", "p12"}, extra...)
		run(t, dir, "openssl", args...)
		if got, err := Decode(readFile(t, dir, "p12"), "changeit"); err != nil || !same(got, []Entry{e}) {
			t.Errorf("%v: %+v %v", extra, got, err)
		}
	}
	var certs []*x509.Certificate
	for _, der := range e.Chain {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		certs = append(certs, c)
	}
	e.Alias = ""
	for name, enc := range map[string]*pkcs12.Encoder{"rc2": pkcs12.LegacyRC2, "3des": pkcs12.LegacyDES, "2023": pkcs12.Modern2023, "pbmac1": pkcs12.Modern2026} {
		data, err := enc.Encode(e.Key, certs[0], certs[1:], "pässword")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Decode(data, "pässword"); err != nil || !same(got, []Entry{e}) {
			t.Errorf("%s: %+v %v", name, got, err)
		}
		if _, err := Decode(data, "wrong"); !errors.Is(err, ErrPassword) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestJKSKeytool(t *testing.T) {
	if testing.Short() {
		t.Skip("keytool takes seconds")
	}
	dir := t.TempDir()
	e := newEntry(t, "rsa", "web")
	data, err := Encode(JKS, Options{Password: "changeit", Created: when}, e)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, data, dir, "jks")
	out := run(t, dir, "keytool", "-list", "-v", "-keystore", "jks", "-storetype", "JKS", "-storepass", "changeit")
	for _, w := range []string{"Keystore type: JKS", "Alias name: web", "Creation date: Jan 2, 2026", "PrivateKeyEntry", "Certificate chain length: 2", "Owner: CN=leaf web"} {
		if !strings.Contains(out, w) {
			t.Errorf("keytool does not show %q in\n%s", w, out)
		}
	}
	// keytool opens the key: it converts it to PKCS #12, which we read.
	run(t, dir, "keytool", "-importkeystore", "-srckeystore", "jks", "-srcstoretype", "JKS", "-srcstorepass", "changeit",
		"-destkeystore", "p12", "-deststoretype", "PKCS12", "-deststorepass", "changeit")
	if got, err := Decode(readFile(t, dir, "p12"), "changeit"); err != nil || !same(got, []Entry{e}) {
		t.Errorf("%+v %v", got, err)
	}
	run(t, dir, "keytool", "-importkeystore", "-srckeystore", "p12", "-srcstoretype", "PKCS12", "-srcstorepass", "changeit",
		"-destkeystore", "jks2", "-deststoretype", "JKS", "-deststorepass", "changeit")
	if got, err := Decode(readFile(t, dir, "jks2"), "changeit"); err != nil || !same(got, []Entry{e}) {
		t.Errorf("%+v %v", got, err)
	}
}

func TestP7BOpenSSL(t *testing.T) {
	dir := t.TempDir()
	e := newEntry(t, "p256", "web")
	data, err := Encode(P7B, Options{Armour: true}, e)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, data, dir, "p7")
	out := run(t, dir, "openssl", "pkcs7", "-in", "p7", "-print_certs", "-noout")
	if i, j := strings.Index(out, "leaf web"), strings.LastIndex(out, "CA of web"); i < 0 || j < i {
		t.Error(out)
	}
}

// TestHostileFiles: files that ask for too much work or memory.
func TestHostileFiles(t *testing.T) {
	e := newEntry(t, "p256", "web")
	enc, err := EncryptKey([]byte{0x30, 0}, "x", 70000)
	if err != nil {
		t.Fatal(err)
	}
	slow := bytes.Replace(enc, []byte{2, 3, 1, 0x11, 0x70}, []byte{2, 3, 0x7f, 0xff, 0xff}, 1)
	if _, err := DecryptKey(slow, "x"); !errors.Is(err, ErrTooLarge) {
		t.Errorf("8 million iterations: %v", err)
	}
	data, err := Encode(JKS, Options{Password: "changeit", Created: when}, e)
	if err != nil {
		t.Fatal(err)
	}
	for name, at := range map[string]int{"key length": 27, "entry count": 8} {
		bad := bytes.Clone(data)
		copy(bad[at:], []byte{0xff, 0xff, 0xff, 0xf0})
		if _, err := Decode(bad, "changeit"); !errors.Is(err, ErrMalformed) {
			t.Errorf("JKS %s: %v", name, err)
		}
	}
	for i := range data { // no prefix may be accepted or crash
		if _, err := Decode(data[:i], "changeit"); err == nil {
			t.Errorf("JKS cut at %d is read", i)
		}
	}
	if _, err := Decode(make([]byte, MaxSize+1), ""); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	for _, bad := range []string{"", "hello", "\x30\x03\x02\x01\x03", "-----BEGIN X-----\nAA==\n-----END X-----\n", "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"} {
		if _, err := Decode([]byte(bad), ""); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestFormats(t *testing.T) {
	for _, f := range []Format{PEM, DER, P7B, P12, JKS} {
		if got, ok := ParseFormat(string(f)); !ok || got != f {
			t.Errorf("%s: %s %v", f, got, ok)
		}
	}
	if f, ok := ParseFormat("pfx"); !ok || f != P12 || !f.HoldsKey() || P7B.HoldsKey() {
		t.Error("pfx")
	}
	if _, ok := ParseFormat("docx"); ok {
		t.Error("docx")
	}
}

// TestGroup: chains are found whatever the order in the file.
func TestGroup(t *testing.T) {
	a, b := newEntry(t, "p256", "a"), newEntry(t, "p256", "b")
	file := EncodeChain(b.Chain[1], a.Chain[1], b.Chain[0], a.Chain[0])
	for _, e := range []Entry{a, b} {
		key, err := KeyPEM(e.Key, "", 0)
		if err != nil {
			t.Fatal(err)
		}
		file = append(file, key...)
	}
	extra := newEntry(t, "p256", "c")
	file = append(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: extra.Chain[0]})...)
	a.Alias, b.Alias = "", ""
	if got, err := Decode(file, ""); err != nil || !same(got, []Entry{a, b, {Chain: extra.Chain[:1]}}) {
		t.Errorf("%+v %v", got, err)
	}
}

// TestRC2Table: the table is a permutation, so no octet was mistyped.
func TestRC2Table(t *testing.T) {
	seen := map[byte]bool{}
	for i := range len(rc2Pi) {
		seen[rc2Pi[i]] = true
	}
	if len(rc2Pi) != 256 || len(seen) != 256 {
		t.Errorf("%d octets, %d different", len(rc2Pi), len(seen))
	}
	// RFC 2268 section 5, effective length 64.
	c := newRC2(bytes.Repeat([]byte{0xff}, 8))
	out := make([]byte, 8)
	c.Decrypt(out, []byte{0x27, 0x8b, 0x27, 0xe4, 0x2e, 0x2f, 0x0d, 0x49})
	if !bytes.Equal(out, bytes.Repeat([]byte{0xff}, 8)) {
		t.Errorf("%x", out)
	}
}

func FuzzDecode(f *testing.F) {
	e := newEntry(f, "p256", "web")
	for _, o := range []struct {
		f Format
		o Options
	}{{PEM, Options{}}, {P7B, Options{}}, {DER, Options{}}, {P12, Options{Password: "x", Iterations: 1}}, {P12, Options{Password: "x", Legacy: true, Iterations: 1}}, {JKS, Options{Password: "x"}}} {
		data, err := Encode(o.f, o.o, e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := Decode(data, "x")
		if err != nil {
			return
		}
		for _, e := range entries {
			if e.Key == nil && len(e.Chain) == 0 {
				t.Fatalf("empty entry from %x", data)
			}
		}
	})
}
