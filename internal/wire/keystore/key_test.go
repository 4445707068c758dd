package keystore

import (
	"errors"
	"strings"
	"testing"
)

func TestKeys(t *testing.T) {
	dir := t.TempDir()
	for _, kind := range []string{"rsa", "p256", "ed25519"} {
		k := newKey(t, kind)
		want := []Entry{{Key: k}}
		check := func(what string, data []byte, password string) {
			t.Helper()
			if got, err := ParseKey(data, password); err != nil || !same([]Entry{{Key: got}}, want) {
				t.Errorf("%s %s: %v", kind, what, err)
			}
		}
		plain, err := KeyPEM(k, "", 0)
		if err != nil {
			t.Fatal(err)
		}
		check("PKCS8 PEM", plain, "")
		der, err := MarshalKey(k)
		if err != nil {
			t.Fatal(err)
		}
		check("PKCS8 DER", der, "")
		enc, err := KeyPEM(k, "sécret", 2048)
		if err != nil {
			t.Fatal(err)
		}
		check("encrypted", enc, "sécret")
		if _, err := ParseKey(enc, "wrong"); !errors.Is(err, ErrPassword) {
			t.Errorf("wrong password: %v", err)
		}
		writeFile(t, plain, dir, "k")
		writeFile(t, enc, dir, "e")
		back := run(t, dir, "openssl", "pkey", "-in", "e", "-passin", "pass:sécret")
		check("through openssl", []byte(back), "")
		for _, args := range [][]string{{"-v2", "aes256"}, {"-v2", "aes128", "-v2prf", "hmacWithSHA512"}, {"-v2", "des3", "-v2prf", "hmacWithSHA1"}, {"-v1", "PBE-SHA1-3DES"}} {
			run(t, dir, "openssl", append([]string{"pkcs8", "-topk8", "-in", "k", "-out", "o", "-passout", "pass:geheim"}, args...)...)
			check(strings.Join(args, " "), readFile(t, dir, "o"), "geheim")
		}
		if kind != "ed25519" {
			check("traditional", []byte(run(t, dir, "openssl", "pkey", "-in", "k", "-traditional")), "")
		}
	}
}

func TestKeysRefused(t *testing.T) {
	dir := t.TempDir()
	run(t, dir, "openssl", "ecparam", "-genkey", "-name", "prime256v1", "-out", "params") // with a parameters block first
	if _, err := ParseKey(readFile(t, dir, "params"), ""); err != nil {
		t.Error(err)
	}
	for name, tt := range map[string]struct {
		data string
		want error
	}{
		"empty":    {"", ErrMalformed},
		"NULL":     {"\x05\x00", ErrMalformed},
		"sequence": {"\x30\x00", ErrMalformed},
		"no key":   {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", ErrMalformed},
		"DEK-Info": {"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n", ErrUnsupported},
	} {
		if _, err := ParseKey([]byte(tt.data), ""); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	for _, kind := range []string{"p256", "ed25519"} {
		der, err := MarshalKey(newKey(f, kind))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(der)
		enc, err := EncryptKey(der, "x", 1)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(enc)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if k, err := ParseKey(data, "x"); (err == nil) == (k == nil) {
			t.Fatalf("%v %v", k, err)
		}
	})
}
