package secret

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/core"
)

// Test vectors of https://c2sp.org/XAES-256-GCM.
func TestXAESVectors(t *testing.T) {
	for _, tt := range []struct {
		key        byte
		aad, cphex string
	}{
		{0x01, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		{0x03, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	} {
		var key [keySize]byte
		for i := range key {
			key[i] = tt.key
		}
		x := newXAES(key)
		got := x.seal(nil, []byte("ABCDEFGHIJKLMNOPQRSTUVWX"), []byte("XAES-256-GCM"), []byte(tt.aad))
		if hex.EncodeToString(got) != tt.cphex {
			t.Errorf("key %02x: %x", tt.key, got)
		}
		plain, err := x.open([]byte("ABCDEFGHIJKLMNOPQRSTUVWX"), got, []byte(tt.aad))
		if err != nil || string(plain) != "XAES-256-GCM" {
			t.Errorf("key %02x: %q, %v", tt.key, plain, err)
		}
	}
}

type crash string

// A process that dies at any step of making the key file leaves either no key
// or a whole one, and the next start goes on without help.
func TestCrashDuringCreation(t *testing.T) {
	for _, at := range []string{"create", "write", "sync", "link", "remove", "sync folder"} {
		t.Run(at, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "kek")
			reached := false
			s := fileSource{path: path, at: func(step string) {
				if step == at {
					reached = true
					panic(crash(at))
				}
			}}
			func() {
				defer func() {
					if r := recover(); r != nil && r != crash(at) {
						panic(r)
					}
				}()
				_, _, _ = s.fresh(context.Background())
			}()
			if !reached {
				t.Fatal("no such step")
			}
			before, _ := os.ReadFile(path)
			if (len(before) != 0) != (at == "remove" || at == "sync folder") {
				t.Fatalf("after the crash the file holds %d octets", len(before))
			}
			k1, _, err := fileSource{path: path}.fresh(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			after, _ := os.ReadFile(path)
			if len(before) != 0 && string(before) != string(after) {
				t.Error("a whole key was replaced")
			}
			k2, err := fileSource{path: path}.load(context.Background(), wrap{Source: wrapKey})
			if err != nil || k1 != k2 {
				t.Errorf("the key differs at the next start: %v", err)
			}
		})
	}
}

func TestPassphraseParametersAreBounded(t *testing.T) {
	s := passphraseSource{kind: "env", where: "P", lookup: func(string) (string, bool) { return "correct horse battery", true }}
	good := wrap{Source: wrapPassphrase, Salt: make([]byte, 16), Time: 1, Memory: 64, Threads: 1}
	if _, err := s.load(context.Background(), good); err != nil {
		t.Fatal(err)
	}
	for _, f := range []func(*wrap){
		func(w *wrap) { w.Time = 0 }, func(w *wrap) { w.Time = 1 << 30 }, func(w *wrap) { w.Memory = 1 << 31 },
		func(w *wrap) { w.Threads = 0 }, func(w *wrap) { w.Salt = nil },
	} {
		w := good
		f(&w)
		if _, err := s.load(context.Background(), w); !core.Is(err, core.KindInternal) {
			t.Errorf("%+v: %v", w, err)
		}
	}
}

func TestRedacted(t *testing.T) {
	const value = "hunter2"
	r, b := Redacted(value), RedactedBytes(value)
	type nested struct {
		P Redacted
		Q *RedactedBytes
		M map[string]any
	}
	n := nested{r, &b, map[string]any{"k": r, "l": b}}
	js, err := json.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	l := slog.New(slog.NewTextHandler(&log, nil))
	l.Info("x", "a", r, "b", b, "c", n)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "a", r, "b", b, "c", n)
	outputs := []string{string(js), log.String(), fmt.Sprint(r, b, n.P, n.M), fmt.Errorf("e: %w %v", os.ErrExist, r).Error()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10s"} {
		outputs = append(outputs, fmt.Sprintf(verb, r), fmt.Sprintf(verb, b), fmt.Sprintf(verb, n.M), fmt.Sprintf(verb, []Redacted{r}))
	}
	secrets := []string{value, hex.EncodeToString([]byte(value)), strings.ToUpper(hex.EncodeToString([]byte(value))), "aHVudGVyMg", "104 117"}
	for _, out := range outputs {
		for _, s := range secrets {
			if strings.Contains(out, s) {
				t.Errorf("%q shows the secret", out)
			}
		}
		if !strings.Contains(out, mask) {
			t.Errorf("%q does not say %s", out, mask)
		}
	}
	var back nested
	if err := json.Unmarshal([]byte(`{"P":"in"}`), &back); err != nil || back.P.Reveal() != "in" {
		t.Errorf("reading: %q, %v", back.P.Reveal(), err)
	}
}

// FuzzParse: the header parser accepts only what it can take apart and put
// together again, and never panics.
func FuzzParse(f *testing.F) {
	x := newXAES(newKey())
	f.Add(sealWith(x, KeyID{1, 2, 3}, []byte("value"), "context"))
	f.Add([]byte(magic))
	f.Add(make([]byte, Overhead))
	f.Fuzz(func(t *testing.T, in []byte) {
		r, ok := parse(in)
		id, err := KeyIDOf(in)
		if ok != (err == nil) {
			t.Fatalf("parse says %v, KeyIDOf %v", ok, err)
		}
		if !ok {
			return
		}
		if id != r.key || len(r.header)+len(r.body) != len(in) || len(r.nonce) != nonceSize || len(r.body) < tagSize {
			t.Fatalf("taken apart wrongly: %+v", r)
		}
		head := make([]byte, headerSize)
		putHeader(head, r.key)
		copy(head[headerSize-nonceSize:], r.nonce)
		if string(head)+string(r.body) != string(in) {
			t.Fatal("does not go together again")
		}
		if _, err := x.open(r.nonce, r.body, aad(r.header, "context")); err == nil {
			t.Skip("a value of ours")
		}
	})
}

// FuzzParseRing: the clear part of a ring comes from the database.
func FuzzParseRing(f *testing.F) {
	f.Add([]byte(`{"format":1,"kek":{"source":"key","fingerprint":"00"},"sealed":"` + strings.Repeat("A", 56) + `"}`))
	f.Add([]byte(`{"format":2}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		b, err := parseRing(in)
		if err != nil {
			return
		}
		if _, err := b.open([keySize]byte{}, 1); err == nil {
			t.Fatal("a ring opened under a key it was not made with")
		}
	})
}
