package cms

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"math/big"
	"strings"
	"testing"
)

func (p party) recipient(useKeyID, oaep bool) Recipient {
	return Recipient{ID: p.id(), Key: p.key.Public(), UseKeyID: useKeyID, OAEP: oaep}
}

// TestEncryptOpenSSL: openssl opens what we write, and so do we.
func TestEncryptOpenSSL(t *testing.T) {
	for _, kind := range []string{"rsa", "rsa oaep", "p256", "p384", "p521"} {
		kind, oaep := strings.CutSuffix(kind, " oaep")
		p := newParty(t, kind)
		dir := t.TempDir()
		p.write(t, dir)
		for _, alg := range []ContentCipher{AES128CBC, AES192CBC, AES256CBC} {
			for _, useKeyID := range []bool{false, true} {
				for _, size := range []int{0, 15, 16, 70000} {
					content := bytes.Repeat([]byte("x"), size)
					der, err := Encrypt(content, OIDData, []Recipient{p.recipient(useKeyID, oaep)}, alg)
					if err != nil {
						t.Fatal(err)
					}
					got, err := Decrypt(der, p.id(), p.key)
					if err != nil || !bytes.Equal(got, content) {
						t.Errorf("%s %s: own: %d octets, %v", kind, alg, len(got), err)
					}
					if size != 70000 && (size != 15 || alg != AES256CBC) {
						continue
					}
					writeFile(t, der, dir, "m")
					openssl(t, dir, "cms", "-decrypt", "-in", "m", "-inform", "DER", "-inkey", "k.pem", "-recip", "c.pem", "-out", "o", "-binary")
					if out := readFile(t, dir, "o"); !bytes.Equal(out, content) {
						t.Errorf("%s %s: openssl reads %d octets", kind, alg, len(out))
					}
				}
			}
		}
	}
}

// TestDecryptOpenSSL: we open what openssl writes, DER and streamed BER.
func TestDecryptOpenSSL(t *testing.T) {
	oaep256 := []string{"-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256"}
	tests := []struct {
		kind, cipher string
		alg          ContentCipher
		keyopt       []string
	}{
		{"rsa", "-aes128", AES128CBC, nil},
		{"rsa", "-aes192", AES192CBC, nil},
		{"rsa", "-aes256", AES256CBC, nil},
		{"rsa", "-des3", TripleDESCBC, nil},
		{"rsa", "-aes128", AES128CBC, []string{"-keyopt", "rsa_padding_mode:oaep"}},
		{"rsa", "-aes128", AES128CBC, oaep256},
		{"rsa", "-aes128", AES128CBC, append(oaep256[:4:4], "-keyopt", "rsa_mgf1_md:sha1")},
		{"rsa", "-aes128", AES128CBC, append(oaep256[:4:4], "-keyopt", "rsa_oaep_label:6162")},
		{"p256", "-aes128", AES128CBC, nil},
		{"p256", "-des3", TripleDESCBC, []string{"-aes128-wrap"}},
		{"p384", "-aes256", AES256CBC, []string{"-keyopt", "ecdh_kdf_md:sha256", "-aes256-wrap"}},
		{"p521", "-aes192", AES192CBC, []string{"-keyopt", "ecdh_kdf_md:sha512"}},
	}
	for _, tt := range tests {
		for _, extra := range [][]string{nil, {"-keyid"}, {"-stream"}} {
			p := newParty(t, tt.kind)
			dir := t.TempDir()
			p.write(t, dir)
			content := bytes.Repeat([]byte("0123456789"), 3000)
			writeFile(t, content, dir, "i")
			args := append([]string{"cms", "-encrypt", "-binary", "-in", "i", "-outform", "DER", "-out", "m", tt.cipher}, extra...)
			args = append(append(args, "-recip", "c.pem"), tt.keyopt...)
			openssl(t, dir, args...)
			msg := readFile(t, dir, "m")
			if len(extra) > 0 && extra[0] == "-stream" && !bytes.HasPrefix(msg, []byte{0x30, 0x80}) {
				t.Fatal("openssl did not stream")
			}
			e, err := ParseEnveloped(msg)
			if err != nil {
				t.Errorf("%v %v: %v", tt, extra, err)
				continue
			}
			got, err := e.Decrypt(p.id(), p.key)
			if err != nil || !bytes.Equal(got, content) || e.Cipher != tt.alg || e.ContentType != OIDData {
				t.Errorf("%v %v: %d octets, %s, %v", tt, extra, len(got), e.Cipher, err)
			}
		}
	}
}

func TestManyRecipients(t *testing.T) {
	all := []party{newParty(t, "rsa"), newParty(t, "p256"), newParty(t, "p384")}
	var list []Recipient
	for i, p := range all {
		list = append(list, p.recipient(i == 1, false))
	}
	der := must[[]byte](t)(Encrypt([]byte("hello"), OIDData, list, AES256CBC))
	for _, p := range all {
		if got, err := Decrypt(der, p.id(), p.key); err != nil || string(got) != "hello" {
			t.Errorf("%s: %q %v", p.cert.Subject, got, err)
		}
	}
	stranger := newParty(t, "p256")
	if _, err := Decrypt(der, stranger.id(), stranger.key); !errors.Is(err, ErrNoRecipient) {
		t.Error(err)
	}
	// A client that encodes the issuer's name anew is found by serial number.
	odd := all[0].recipient(false, false)
	odd.ID.Issuer = []byte{0x30, 0}
	der = must[[]byte](t)(Encrypt([]byte("hello"), OIDData, []Recipient{odd}, AES128CBC))
	if got, err := Decrypt(der, all[0].id(), all[0].key); err != nil || string(got) != "hello" {
		t.Errorf("%q %v", got, err)
	}
}

// TestDecryptOneError: whatever is wrong with key, padding or ciphertext, the
// error is the same.
func TestDecryptOneError(t *testing.T) {
	p := newParty(t, "rsa")
	pub := p.key.Public().(*rsa.PublicKey)
	good := must[[]byte](t)(Encrypt([]byte("hello"), OIDData, []Recipient{p.recipient(false, false)}, AES128CBC))
	e := must[*Enveloped](t)(ParseEnveloped(good))
	//lint:ignore SA1019 what old clients send
	rsaOf := func(key []byte) []byte { return must[[]byte](t)(rsa.EncryptPKCS1v15(rand.Reader, pub, key)) }
	for name, change := range map[string]func(*Enveloped){
		"bad PKCS1 padding":   func(e *Enveloped) { e.recipients[0].encrypted = bytes.Repeat([]byte{1}, 256) },
		"key too short":       func(e *Enveloped) { e.recipients[0].encrypted = rsaOf(make([]byte, 8)) },
		"key too long":        func(e *Enveloped) { e.recipients[0].encrypted = rsaOf(make([]byte, 32)) },
		"another key":         func(e *Enveloped) { e.recipients[0].encrypted = rsaOf(make([]byte, 16)) },
		"RSA block too short": func(e *Enveloped) { e.recipients[0].encrypted = []byte{1} },
		"RSA block too long":  func(e *Enveloped) { e.recipients[0].encrypted = make([]byte, 257) },
		"partial block":       func(e *Enveloped) { e.ciphertext = e.ciphertext[:15] },
		"no ciphertext":       func(e *Enveloped) { e.ciphertext = nil },
		"padding":             func(e *Enveloped) { e.iv = bytes.Clone(e.iv); e.iv[15] ^= 0xf0 },
	} {
		bad := *e
		bad.recipients = []recipientInfo{e.recipients[0]}
		change(&bad)
		if got, err := bad.Decrypt(p.id(), p.key); err != ErrDecrypt {
			t.Errorf("%s: %q %v, want ErrDecrypt itself", name, got, err)
		}
	}
	ec := newParty(t, "p256")
	der := must[[]byte](t)(Encrypt([]byte("hello"), OIDData, []Recipient{ec.recipient(false, false)}, AES128CBC))
	e = must[*Enveloped](t)(ParseEnveloped(der))
	for name, change := range map[string]func(*recipientInfo){
		"wrapped key": func(r *recipientInfo) { r.encrypted = bytes.Clone(r.encrypted); r.encrypted[9] ^= 1 },
		"short":       func(r *recipientInfo) { r.encrypted = r.encrypted[:8] },
		"point":       func(r *recipientInfo) { r.agreement.point = []byte{4} },
	} {
		bad := *e
		bad.recipients = []recipientInfo{e.recipients[0]}
		shared := *bad.recipients[0].agreement
		bad.recipients[0].agreement = &shared
		change(&bad.recipients[0])
		if got, err := bad.Decrypt(ec.id(), ec.key); err != ErrDecrypt {
			t.Errorf("%s: %q %v, want ErrDecrypt itself", name, got, err)
		}
	}
	if _, err := e.Decrypt(ec.id(), p.key); !errors.Is(err, ErrUnsupported) {
		t.Errorf("RSA key for EC recipient: %v", err)
	}
}

func TestEnvelopedRefuses(t *testing.T) {
	p := newParty(t, "rsa")
	if _, err := Encrypt(nil, OIDData, []Recipient{p.recipient(false, false)}, TripleDESCBC); !errors.Is(err, ErrUnsupported) {
		t.Errorf("3DES: %v", err)
	}
	if _, err := Encrypt(nil, OIDData, nil, AES128CBC); !errors.Is(err, ErrMalformed) {
		t.Errorf("no recipient: %v", err)
	}
	ed := newParty(t, "ed25519")
	if _, err := Encrypt(nil, OIDData, []Recipient{ed.recipient(false, false)}, AES128CBC); !errors.Is(err, ErrUnsupported) {
		t.Errorf("Ed25519: %v", err)
	}
	if _, err := Encrypt(nil, OIDData, []Recipient{{Key: p.key.Public(), ID: Identity{Serial: big.NewInt(1)}}}, AES128CBC); !errors.Is(err, ErrMalformed) {
		t.Errorf("no issuer: %v", err)
	}
	// Single DES: the cipher of an otherwise good message replaced.
	der := must[[]byte](t)(Encrypt([]byte("hello"), OIDData, []Recipient{p.recipient(false, false)}, AES128CBC))
	aes := unhex(t, "301d0609608648016503040102 0410")
	i := bytes.Index(der, aes)
	if i < 0 {
		t.Fatal("no AES identifier")
	}
	des := append(bytes.Clone(der[:i]), unhex(t, "301d06052b0e030207 0414")...)
	des = append(append(des, make([]byte, 4)...), der[i+len(aes):]...)
	if _, err := ParseEnveloped(des); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "single DES") {
		t.Errorf("single DES: %v", err)
	}
}

// TestKeyWrapVectors are RFC 3394 section 4.1 and 4.6.
func TestKeyWrapVectors(t *testing.T) {
	for _, v := range [][3]string{
		{"000102030405060708090A0B0C0D0E0F", "00112233445566778899AABBCCDDEEFF", "1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5"},
		{"000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", "00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F", "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21"},
	} {
		kek, key, want := unhex(t, v[0]), unhex(t, v[1]), unhex(t, v[2])
		if got := must[[]byte](t)(wrapKey(kek, key)); !bytes.Equal(got, want) {
			t.Errorf("wrap: %x", got)
		}
		if got := must[[]byte](t)(unwrapKey(kek, want)); !bytes.Equal(got, key) {
			t.Errorf("unwrap: %x", got)
		}
	}
}

func FuzzParseEnveloped(f *testing.F) {
	r, ec := newParty(f, "rsa"), newParty(f, "p256")
	for _, list := range [][]Recipient{{r.recipient(false, false)}, {r.recipient(true, true), ec.recipient(true, false)}} {
		der, err := Encrypt([]byte("hello"), OIDData, list, AES128CBC)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(der)
	}
	f.Fuzz(func(t *testing.T, ber []byte) {
		e, err := ParseEnveloped(ber)
		if err != nil {
			return
		}
		for i := range e.recipients {
			var key crypto.PrivateKey = r.key
			if e.recipients[i].agreement != nil {
				key = ec.key.(*ecdsa.PrivateKey)
			}
			_, _ = e.Decrypt(e.recipients[i].id, key)
		}
	})
}

func BenchmarkDecrypt(b *testing.B) {
	p := newParty(b, "rsa")
	der, err := Encrypt(make([]byte, 1024), OIDData, []Recipient{p.recipient(false, false)}, AES128CBC)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decrypt(der, p.id(), p.key); err != nil {
			b.Fatal(err)
		}
	}
}
