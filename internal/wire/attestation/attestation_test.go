package attestation_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/attestation"
)

func good(t *testing.T, object []byte, opts attestation.Options, key crypto.PublicKey) *attestation.Statement {
	t.Helper()
	s, err := attestation.Verify(object, opts)
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	want, err := x509.MarshalPKIXPublicKey(key)
	if err != nil || !bytes.Equal(s.SPKI, want) {
		t.Errorf("another key than the attested one (%v)", err)
	}
	return s
}

// refused checks that an object is refused with a detail that has the words.
func refused(t *testing.T, object []byte, opts attestation.Options, words string) {
	t.Helper()
	s, err := attestation.Verify(object, opts)
	var f *core.Failure
	if !errors.As(err, &f) || s != nil {
		t.Fatalf("got %+v, %v; want a failure about %q", s, err, words)
	}
	if f.Code != "badAttestationStatement" || !strings.Contains(f.Detail, words) {
		t.Errorf("got %v; want badAttestationStatement about %q", f, words)
	}
}

func TestApple(t *testing.T) {
	l := newLab(t)
	s := good(t, l.apple(l.appleLeaf("C02ABC", "00008103-0011", token)), l.options(), l.key.Public())
	if s.Format != "apple" || s.Serial != "C02ABC" || s.UDID != "00008103-0011" || s.PermanentIdentifier != "C02ABC" {
		t.Errorf("%+v", s)
	}
	for id, want := range map[core.Identifier]bool{
		{Type: "permanent-identifier", Value: "C02ABC"}:        true,
		{Type: "permanent-identifier", Value: "00008103-0011"}: true,
		{Type: "permanent-identifier", Value: "c02abc"}:        false,
		{Type: "permanent-identifier"}:                         false,
		{Type: "hardware-module"}:                              false,
		{Type: "dns", Value: "C02ABC"}:                         false,
	} {
		if s.Proves(id) != want {
			t.Errorf("Proves(%v) is not %v", id, want)
		}
	}
	s = good(t, l.apple(l.appleLeaf("", "00008103-0011", keyAuth)), l.options(), l.key.Public())
	if s.PermanentIdentifier != "00008103-0011" || len(s.OtherIdentifiers) != 0 {
		t.Errorf("%+v", s)
	}
	refused(t, l.apple(l.appleLeaf("C02ABC", "", "")), l.options(), "no freshness code")
	refused(t, l.apple(l.appleLeaf("C02ABC", "", "another")), l.options(), "not of this challenge")
	refused(t, l.apple(l.appleLeaf("", "", token)), l.options(), "neither serial number nor UDID")
	refused(t, l.apple(l.appleLeaf("C02\x00ABC", "", token)), l.options(), "cannot be read")
	refused(t, l.apple(l.appleLeaf(strings.Repeat("A", 256), "", token)), l.options(), "cannot be read")
	refused(t, l.apple(l.leaf(), stmt{"x5c": "text"}), l.options(), "not of format apple")
}

func TestStep(t *testing.T) {
	l := newLab(t)
	opts := l.options()
	s := good(t, l.step(l.stepLeaf()), opts, l.key.Public())
	if s.Format != "step" || s.Serial != "12345678" || !s.Proves(core.Identifier{Type: core.IdentifierPermanent, Value: "12345678"}) {
		t.Errorf("%+v", s)
	}
	good(t, l.step(l.stepLeaf(), stmt{"sig": l.sign(l.key, []byte(keyAuth))}), opts, l.key.Public()) // bare
	good(t, l.step(l.stepLeaf(), stmt{"alg": -257, "sig": enc(t, l.sign(l.rsa, []byte(keyAuth))), "x5c": l.chain(l.stepLeaf(), l.rsa.Public())}), opts, l.rsa.Public())
	pub, ed, _ := ed25519.GenerateKey(rand.Reader)
	good(t, l.step(l.stepLeaf(), stmt{"alg": -8, "sig": enc(t, ed25519.Sign(ed, []byte(keyAuth))), "x5c": l.chain(l.stepLeaf(), pub)}), opts, pub)

	const wrong = "signature is not"
	refused(t, l.step(l.stepLeaf(), stmt{"sig": enc(t, l.sign(l.key, []byte(token)))}), opts, wrong)
	refused(t, l.step(l.stepLeaf(), stmt{"sig": enc(t, l.sign(l.ak, []byte(keyAuth)))}), opts, wrong)
	refused(t, l.step(l.stepLeaf(), stmt{"alg": -257}), opts, wrong)
	refused(t, l.step(l.stepLeaf(), stmt{"alg": nil}), opts, "(alg)")
	refused(t, l.step(l.stepLeaf(), stmt{"alg": -65535}), opts, "(alg)")
	refused(t, l.step(l.stepLeaf(), stmt{"alg": "ES256"}), opts, "not of format step")
	refused(t, l.step(l.stepLeaf(), stmt{"sig": nil}), opts, "(sig)")
	refused(t, l.step(l.leaf()), opts, "no serial number")
	for _, der := range []string{"\x0c\x017", "\x02\x01\xff", "\x02\x01\x00", "\x02\x01\x07\x00", "\x02\x09\x7f12345678"} {
		refused(t, l.step(l.leaf(ext([]byte(der), 1, 3, 6, 1, 4, 1, 41482, 3, 7))), opts, "serial number cannot be read")
	}
	opts.KeyAuthorization = token + ".other"
	refused(t, l.step(l.stepLeaf()), opts, wrong)
}

// Chains are judged alike for all formats.
func TestChain(t *testing.T) {
	l, stranger := newLab(t), newLab(t)
	object := map[string]func(tmpl *x509.Certificate, change ...stmt) []byte{
		"apple": l.apple,
		"step":  l.step,
		"tpm": func(tmpl *x509.Certificate, change ...stmt) []byte {
			return l.object("tpm", l.statement(tmpl, ecArea(&l.key.PublicKey), nil), change...)
		},
	}
	leaf := map[string]func() *x509.Certificate{
		"apple": func() *x509.Certificate { return l.appleLeaf("C02ABC", "", token) },
		"step":  l.stepLeaf,
		"tpm":   l.goodAK,
	}
	for format, make := range object {
		opts := l.options()
		if _, err := attestation.Verify(make(leaf[format]()), opts); err != nil {
			t.Errorf("%s: %v", format, err)
		}
		for _, shift := range []time.Duration{-2 * time.Hour, 2 * time.Hour, 24 * 100 * time.Hour} {
			opts.Now = l.now.Add(shift)
			refused(t, make(leaf[format]()), opts, "expired or not yet valid")
		}
		opts = l.options()
		opts.Roots[format] = stranger.roots
		refused(t, make(leaf[format]()), opts, "trusted root")
		opts.Roots[format] = x509.NewCertPool()
		refused(t, make(leaf[format]()), opts, "trusted root")
		delete(opts.Roots, format)
		refused(t, make(leaf[format]()), opts, "not accepted here")

		opts = l.options()
		whole := l.chain(leaf[format](), l.key.Public())
		refused(t, make(leaf[format](), stmt{"x5c": whole[:1]}), opts, "trusted root")
		refused(t, make(leaf[format](), stmt{"x5c": []any{}}), opts, "no certificates")
		refused(t, make(leaf[format](), stmt{"x5c": nil}), opts, "no certificates")
		refused(t, make(leaf[format](), stmt{"x5c": []any{[]byte("no"), whole[1]}}), opts, "certificate 1")
		refused(t, make(leaf[format](), stmt{"x5c": []any{whole[0], []byte{}}}), opts, "certificate 2")
		refused(t, make(leaf[format](), stmt{"x5c": []any{append(bytes.Clone(whole[0].([]byte)), 0), whole[1]}}), opts, "certificate 1")
		refused(t, make(leaf[format](), stmt{"x5c": []any{whole[1]}}), opts, "not an end entity's")
		nine := append(whole, whole[1], whole[1], whole[1], whole[1], whole[1], whole[1], whole[1])
		refused(t, make(leaf[format](), stmt{"x5c": nine}), opts, "more than 8")
		critical := leaf[format]()
		odd := ext([]byte{5, 0}, 1, 2, 3, 4)
		odd.Critical = true
		critical.ExtraExtensions = append(critical.ExtraExtensions, odd)
		refused(t, make(critical), opts, "not a valid chain")
	}
}

func TestObject(t *testing.T) {
	l := newLab(t)
	opts := l.options()
	leaf := l.appleLeaf("C02ABC", "", token)
	chain := l.chain(leaf, l.key.Public())
	statement := string(enc(t, stmt{"x5c": chain}))
	text := func(s string) string { return string(enc(t, s)) }
	apple := text("fmt") + text("apple")
	whole := "\xa2" + apple + text("attStmt") + statement
	good(t, []byte(whole), opts, l.key.Public())
	good(t, []byte("\xa3"+apple+text("attStmt")+statement+text("authData")+"\x41\x00"), opts, l.key.Public())
	good(t, enc(t, map[string]any{"fmt": "apple", "attStmt": stmt{"x5c": chain, "receipt": []byte("r")}}), opts, l.key.Public())

	const form = "not the CBOR map"
	for object, words := range map[string]string{
		"":                     form,
		"{}":                   form,
		"\xa0":                 "names no format",
		"\x80":                 form,
		whole[:100]:            form,
		whole + "\x00":         form,
		whole + whole:          form,
		"\xd9\xd9\xf7" + whole: form, // tagged
		"\xa3" + apple + apple + text("attStmt") + statement:                       form,
		"\xa3" + apple + text("attStmt") + statement + text("attStmt") + statement: form,
		"\xbf" + apple + text("attStmt") + statement + "\xff":                      form, // indefinite
		"\xa2" + text("fmt") + "\x07" + text("attStmt") + statement:                form,
		"\xa2" + text("fmt") + "\x45apple" + text("attStmt") + statement:           form, // octets, not text
		"\xa2" + text("FMT") + text("apple") + text("attStmt") + statement:         "names no format",
		"\xa2" + text("fmt") + text("packed") + text("attStmt") + statement:        "not supported",
		"\xa2" + text("fmt") + text("none") + text("attStmt") + "\xa0":             "not supported",
		"\xa1" + apple: "has no statement",
		"\xa2" + apple + text("attStmt") + "\x41\x00":                                                     "not of format apple",
		"\xa2" + apple + text("attStmt") + "\xa2" + statement[1:] + statement[1:]:                         "not of format apple",
		"\xa2" + apple + text("attStmt") + "\xa1" + text("x5c") + "\x81\x81\x81\x81\x41\x00":              form, // nested too deep
		"\xa2" + apple + text("attStmt") + "\xa1" + text("x5c") + "\x98\x20" + strings.Repeat("\x40", 32): form,
	} {
		refused(t, []byte(object), opts, words)
	}
	refused(t, make([]byte, attestation.MaxSize+1), opts, "more than 65536 octets")
	refused(t, make([]byte, attestation.MaxSize), opts, form)
	refused(t, enc(t, map[string]any{"fmt": "apple", "attStmt": stmt{"x5c": chain, "pad": make([]byte, attestation.MaxSize)}}), opts, "more than")
}

// Options that lack what is compared must not make everything pass.
func TestOptions(t *testing.T) {
	l := newLab(t)
	empty := sha256.Sum256(nil)
	object := l.apple(l.leaf(ext(empty[:], 1, 2, 840, 113635, 100, 8, 11, 1), ext([]byte("C02"), 1, 2, 840, 113635, 100, 8, 9, 1)))
	for _, change := range []func(*attestation.Options){
		func(o *attestation.Options) { o.Token = "" },
		func(o *attestation.Options) { o.KeyAuthorization = "" },
		func(o *attestation.Options) { o.Now = time.Time{} },
	} {
		opts := l.options()
		change(&opts)
		var f *core.Failure
		if _, err := attestation.Verify(object, opts); !errors.As(err, &f) || f.Code != "serverInternal" {
			t.Errorf("got %v", err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	l := newLab(f)
	opts := l.options()
	for _, object := range [][]byte{l.apple(l.appleLeaf("C02ABC", "1", token)), l.step(l.stepLeaf()), l.tpm()} {
		if _, err := attestation.Verify(object, opts); err != nil {
			f.Fatal(err)
		}
		f.Add(object)
	}
	f.Fuzz(func(t *testing.T, object []byte) {
		s, err := attestation.Verify(object, opts)
		var failure *core.Failure
		if err != nil && (!errors.As(err, &failure) || s != nil) {
			t.Errorf("%T %v", err, err)
		}
		if err == nil && (len(s.SPKI) == 0 || s.PermanentIdentifier == "" && s.HardwareModule == "") {
			t.Errorf("%+v", s)
		}
	})
}
