package inventory

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/keystore"
)

// signed makes a certificate of a name, signed by itself.
func signed(t testing.TB, cn string, change func(*x509.Certificate)) ([]byte, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: cn}, NotBefore: time.Unix(1_700_000_000, 0), NotAfter: time.Unix(1_900_000_000, 0)}
	if change != nil {
		change(tmpl)
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der, key
}

func encode(t testing.TB, f keystore.Format, o keystore.Options, e ...keystore.Entry) []byte {
	t.Helper()
	b, err := keystore.Encode(f, o, e...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func pemOf(kind string, b []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}) }

func TestRead(t *testing.T) {
	a, key := signed(t, "a", nil)
	b, _ := signed(t, "b", nil)
	both := keystore.Entry{Chain: [][]byte{a, b}}
	mine := keystore.Entry{Alias: "a", Key: key, Chain: [][]byte{a}}
	pw := keystore.Options{Password: "secret", Iterations: 2048}
	broken := append(append(pemOf("CERTIFICATE", a), "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n"...), pemOf("CERTIFICATE", b)...)
	for name, x := range map[string]struct {
		file     []byte
		password string
		want     string // of each item: c certificate, s skipped, r refused
		bad      string
	}{
		"bundle":         {file: encode(t, keystore.PEM, keystore.Options{}, both), want: "cc"},
		"text around":    {file: append([]byte("subject=a\r\n"), pemOf("X509 CERTIFICATE", a)...), want: "c"},
		"trusted":        {file: pemOf("TRUSTED CERTIFICATE", append(bytes.Clone(a), 0x30, 0)), want: "c"},
		"broken block":   {file: broken, want: "crc"},
		"cut block":      {file: append(pemOf("CERTIFICATE", a), "-----BEGIN CERTIFICATE-----\nMIIB"...), want: "cr"},
		"key":            {file: append(pemOf("PRIVATE KEY", []byte("x")), pemOf("CERTIFICATE", a)...), want: "sc"},
		"request":        {file: pemOf("CERTIFICATE REQUEST", []byte("x")), want: "s"},
		"der":            {file: a, want: "c"},
		"base64":         {file: []byte(base64.StdEncoding.EncodeToString(a)), want: "c"},
		"pkcs7":          {file: encode(t, keystore.P7B, keystore.Options{}, both), want: "cc"},
		"pkcs7 pem":      {file: encode(t, keystore.P7B, keystore.Options{Armour: true}, both), want: "cc"},
		"bad pkcs7 pem":  {file: pemOf("PKCS7", []byte("x")), want: "r"},
		"pkcs12":         {file: encode(t, keystore.P12, pw, mine), password: "secret", want: "sc"},
		"wrong password": {file: encode(t, keystore.P12, pw, mine), password: "other", bad: "password"},
		"no password":    {file: encode(t, keystore.P12, pw, mine), bad: "password"},
		"jks":            {file: encode(t, keystore.JKS, pw, mine), password: "secret", want: "sc"},
		"cut pkcs12":     {file: encode(t, keystore.P12, pw, mine)[:200], password: "secret", bad: "cannot be read"},
		"empty":          {file: []byte(" \n"), bad: "empty"},
		"text":           {file: []byte("hello, world"), bad: "neither"},
		"picture":        {file: []byte("\x89PNG\r\n\x1a\n"), bad: "neither"},
	} {
		t.Run(name, func(t *testing.T) {
			list, err := read(x.file, x.password)
			if x.bad != "" {
				if !core.Is(err, core.KindInvalid) || !strings.Contains(core.AsError(err).Detail, x.bad) {
					t.Fatalf("%v, want %q", err, x.bad)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, f := range list {
				switch {
				case f.refused != "":
					got += "r"
				case f.skipped != "":
					got += "s"
				default:
					got += "c"
					if _, _, err := describe("acc", f.der); err != nil {
						t.Error(err)
					}
				}
			}
			if got != x.want {
				t.Errorf("%s, want %s", got, x.want)
			}
		})
	}
}

func TestDescribe(t *testing.T) {
	der, _ := signed(t, "nul\x01\u00e9", func(c *x509.Certificate) {
		c.DNSNames, c.IsCA, c.BasicConstraintsValid = []string{"WWW.Example.com", "*.b.example"}, true, true
	})
	c, _, err := describe("acc", der)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(c.Names, " ") != "dns:www.example.com dns:*.b.example" || !c.CA || c.KeyAlgorithm != "ECDSA P-256" || c.Serial != "1" || c.Protocol != core.ProtocolImport ||
		c.State != core.CertActive || !core.ValidID(c.Issuer) || c.IssuerDN == "" || strings.Contains(c.CommonName, "\x01") || len(c.Fingerprint) != 32 {
		t.Errorf("%+v", c)
	}
	// Two devices that sign "CN=x" with serial number 1 are two issuers.
	other, _ := signed(t, "nul\x01\u00e9", nil)
	d, _, err := describe("acc", other)
	if err != nil || d.Issuer == c.Issuer || d.IssuerDN != c.IssuerDN {
		t.Errorf("%+v %v", d, err)
	}
	if e, _, err := describe("other account", der); err != nil || e.Issuer == c.Issuer {
		t.Errorf("%+v %v", e, err)
	}
	for name, bad := range map[string][]byte{"trailing": append(bytes.Clone(der), 0), "cut": der[:len(der)-1], "none": nil, "large": bytes.Repeat([]byte{0x30}, maxDER+1), "negative": negative(t, der)} {
		if _, _, err := describe("acc", bad); !core.Is(err, core.KindInvalid) || core.AsError(err).Detail == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// negative makes the serial number 1 of a certificate -1.
func negative(t *testing.T, der []byte) []byte {
	t.Helper()
	i := bytes.Index(der, []byte{2, 1, 1})
	if i < 0 {
		t.Fatal("no serial number")
	}
	out := bytes.Clone(der)
	out[i+2] = 0xff
	return out
}

// Whatever the file: no panic, and what is told can be kept and shown.
func FuzzRead(f *testing.F) {
	a, key := signed(f, "a", nil)
	f.Add(a, "")
	f.Add(pemOf("CERTIFICATE", a), "")
	f.Add(encode(f, keystore.P7B, keystore.Options{}, keystore.Entry{Chain: [][]byte{a}}), "")
	f.Add(encode(f, keystore.P12, keystore.Options{Password: "secret", Iterations: 2048}, keystore.Entry{Key: key, Chain: [][]byte{a}}), "secret")
	f.Add([]byte("-----BEGIN -----BEGIN CERTIFICATE-----\n"), "")
	f.Add([]byte("MIIB"), "")
	f.Fuzz(func(t *testing.T, file []byte, password string) {
		if len(file) > 1<<16 {
			t.Skip("long")
		}
		list, err := read(file, password)
		if err != nil {
			if e := core.AsError(err); e.Kind != core.KindInvalid || e.Detail == "" {
				t.Fatal(err)
			}
			return
		}
		for _, x := range list {
			if x.refused != "" || x.skipped != "" {
				if !utf8.ValidString(x.refused + x.skipped) {
					t.Fatalf("%q %q", x.refused, x.skipped)
				}
				continue
			}
			c, _, err := describe("acc", x.der)
			if err != nil {
				if !utf8.ValidString(core.AsError(err).Detail) {
					t.Fatalf("%q", core.AsError(err).Detail)
				}
				continue
			}
			for _, s := range append([]string{c.Subject, c.CommonName, c.IssuerDN, c.Serial}, c.Names...) {
				if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
					t.Fatalf("%q", s)
				}
			}
		}
	})
}
