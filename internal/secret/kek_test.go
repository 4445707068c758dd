package secret_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/secret"
	"github.com/certwright/certwright/internal/secret/secrettest"
)

// env is a fixed environment.
type env map[string]string

func (e env) lookup(name string) (string, bool) { v, ok := e[name]; return v, ok }

func openSource(st secret.Storage, source string, e env) (*secret.Box, error) {
	return secret.Open(context.Background(), secret.Deps{Storage: st, Source: source, LookupEnv: e.lookup, Now: newClock().now})
}

func mustOpen(t *testing.T, st secret.Storage, source string, e env) *secret.Box {
	t.Helper()
	b, err := openSource(st, source, e)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// wantMessage checks kind and that the shown detail has the words.
func wantMessage(t *testing.T, err error, kind core.Kind, words ...string) {
	t.Helper()
	wantKind(t, err, kind)
	for _, w := range words {
		if d := core.AsError(err).Detail; !strings.Contains(d, w) {
			t.Errorf("detail %q does not say %q", d, w)
		}
	}
}

func TestFileSource(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "kek")
	st := &secrettest.Storage{}
	b := mustOpen(t, st, "file:"+path, nil)
	s := seal(t, b, "v", "c")
	fi, err := os.Stat(path)
	if err != nil || (runtime.GOOS != "windows" && fi.Mode().Perm() != 0o600) {
		t.Fatalf("key file: %v, %v", fi.Mode(), err)
	}
	text, _ := os.ReadFile(path)
	wantOpen(t, mustOpen(t, st, "file://"+path, nil), s, "c", "v")
	wantOpen(t, mustOpen(t, st, "env:K", env{"K": string(text)}), s, "c", "v") // the same key from elsewhere
	after, _ := os.ReadFile(path)
	if !bytes.Equal(text, after) {
		t.Error("the key file changed")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestFileSourceRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "kek")
	st := &secrettest.Storage{}
	mustOpen(t, st, "file:"+path, nil)
	good, _ := os.ReadFile(path)

	if runtime.GOOS != "windows" {
		for _, mode := range []os.FileMode{0o640, 0o604, 0o660, 0o620, 0o601} {
			_ = os.Chmod(path, mode)
			_, err := openSource(st, "file:"+path, nil)
			wantMessage(t, err, core.KindInvalid, "chmod 600")
		}
		_ = os.Chmod(path, 0o600)
	}
	for name, text := range map[string]string{"empty": "", "cut": string(good[:20]), "huge": strings.Repeat("a", 5000)} {
		_ = os.WriteFile(path, []byte(text), 0o600)
		for _, storage := range []*secrettest.Storage{st, {}} { // neither replaced for an old ring nor for a new one
			_, err := openSource(storage, "file:"+path, nil)
			if !core.Is(err, core.KindInvalid) {
				t.Errorf("%s: %v", name, err)
			}
			if now, _ := os.ReadFile(path); string(now) != text {
				t.Fatalf("%s: the file was overwritten", name)
			}
		}
	}
	_ = os.Remove(path)
	_, err := openSource(st, "file:"+path, nil)
	wantMessage(t, err, core.KindInvalid, "does not exist", "backup")
	if _, err := os.Stat(path); err == nil {
		t.Error("a key was made for a ring that exists")
	}
	_, err = openSource(&secrettest.Storage{}, "file:"+filepath.Join(dir, "no", "kek"), nil)
	wantMessage(t, err, core.KindInvalid, "folder")
	_, err = openSource(&secrettest.Storage{}, "file:"+dir, nil)
	wantMessage(t, err, core.KindInvalid, "not a regular file")
}

func TestWrongKEK(t *testing.T) {
	dir := t.TempDir()
	a, other := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	st := &secrettest.Storage{}
	b := mustOpen(t, st, "file:"+a, nil)
	o := mustOpen(t, &secrettest.Storage{}, "file:"+other, nil)
	_, err := openSource(st, "file:"+other, nil)
	wantMessage(t, err, core.KindInvalid, "wrong key-encryption key", b.Fingerprint(), o.Fingerprint(), other)
	key, _ := os.ReadFile(other)
	if strings.Contains(err.Error(), strings.TrimSpace(string(key))) {
		t.Error("the message holds the key")
	}
	_, err = openSource(st, "passphrase:env:P", env{"P": "correct horse battery"})
	wantMessage(t, err, core.KindInvalid, "another kind of source")
}

func TestEnvSource(t *testing.T) {
	raw := bytes.Repeat([]byte{0xfb, 0xff}, 16) // its base64 has + and /
	st := &secrettest.Storage{}
	first := mustOpen(t, st, "env:K", env{"K": base64.StdEncoding.EncodeToString(raw)})
	s := seal(t, first, "v", "c")
	for _, v := range []string{
		base64.RawStdEncoding.EncodeToString(raw), base64.URLEncoding.EncodeToString(raw),
		base64.RawURLEncoding.EncodeToString(raw), strings.Repeat("fbff", 16), strings.Repeat("FBFF", 16) + "\n",
	} {
		wantOpen(t, mustOpen(t, st, "env:K", env{"K": v}), s, "c", "v")
	}
	for _, v := range []string{"", "short", strings.Repeat("zz", 32), base64.StdEncoding.EncodeToString(raw[:31])} {
		_, err := openSource(st, "env:K", env{"K": v})
		wantKind(t, err, core.KindInvalid)
		if v != "" && strings.Contains(err.Error(), v) {
			t.Errorf("the error quotes the key: %v", err)
		}
	}
	_, err := openSource(st, "env:UNSET", nil)
	wantMessage(t, err, core.KindInvalid, "UNSET")
}

func TestPassphraseSource(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pass")
	if err := os.WriteFile(path, []byte("correct horse battery\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	st := &secrettest.Storage{}
	s := seal(t, mustOpen(t, st, "passphrase:file:"+path, nil), "v", "c")
	wantOpen(t, mustOpen(t, st, "passphrase:env:P", env{"P": "correct horse battery"}), s, "c", "v")
	_, err := openSource(st, "passphrase:env:P", env{"P": "correct horse batterz"})
	wantMessage(t, err, core.KindInvalid, "wrong key-encryption key")
	_, err = openSource(st, "passphrase:env:P", env{"P": "short"})
	wantMessage(t, err, core.KindInvalid, "shorter than 12")
	_, err = openSource(st, "passphrase:env:P", nil)
	wantMessage(t, err, core.KindInvalid, "P")
	if runtime.GOOS != "windows" {
		_ = os.Chmod(path, 0o644)
		_, err = openSource(st, "passphrase:file:"+path, nil)
		wantMessage(t, err, core.KindInvalid, "chmod 600")
	}
}

func TestSourceURIs(t *testing.T) {
	for uri, kind := range map[string]core.Kind{
		"": core.KindInvalid, "file": core.KindInvalid, "file:": core.KindInvalid, "ftp:x": core.KindInvalid,
		"passphrase:secretword": core.KindInvalid, "passphrase:env:": core.KindInvalid,
		"awskms:key-id=1": core.KindUnsupported, "cloudkms:x": core.KindUnsupported, "azurekms:x": core.KindUnsupported,
	} {
		_, err := openSource(&secrettest.Storage{}, uri, nil)
		if !core.Is(err, kind) {
			t.Errorf("%q: %v; want %s", uri, err, kind)
		}
	}
	if _, err := openSource(&secrettest.Storage{}, "mypassword", nil); err == nil || core.AsError(err).Field != "kek" {
		t.Errorf("field: %v", err)
	}
}

func TestRotateKEK(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	old, next := "file:"+filepath.Join(dir, "old"), "file:"+filepath.Join(dir, "new")
	e := env{"P": "correct horse battery"}
	st := &secrettest.Storage{}
	b, replica := mustOpen(t, st, old, e), mustOpen(t, st, old, e)
	s := seal(t, b, "v", "c")
	mac := b.MAC("m")([]byte("x"))
	audited := 0
	for _, uri := range []string{next, "passphrase:env:P", old, next} {
		if err := b.RotateKEK(ctx, uri, func(core.Tx) error { audited++; return nil }); err != nil {
			t.Fatalf("to %s: %v", uri, err)
		}
		wantOpen(t, b, s, "c", "v")
		fresh := mustOpen(t, st, uri, e)
		wantOpen(t, fresh, s, "c", "v")
		if fresh.MAC("m")([]byte("x")) != mac || fresh.Active() != b.Active() {
			t.Errorf("%s: MAC or active key changed", uri)
		}
		if _, err := b.RotateDEK(ctx); err != nil {
			t.Fatalf("a data key after the rotation to %s: %v", uri, err)
		}
	}
	if audited != 4 {
		t.Errorf("audited %d times", audited)
	}
	_, err := openSource(st, old, e)
	wantMessage(t, err, core.KindInvalid, "wrong key-encryption key")
	// The other replica goes on with the keys it has and says what is needed.
	wantOpen(t, replica, s, "c", "v")
	wantMessage(t, replica.Refresh(ctx), core.KindInvalid, "restart")
	if err := b.RotateKEK(ctx, "env:UNSET"); !core.Is(err, core.KindInvalid) {
		t.Errorf("rotation to nothing: %v", err)
	}
}

// Many processes start at once over one database and one key file.
func TestConcurrentFirstStart(t *testing.T) {
	for range 20 {
		path := filepath.Join(t.TempDir(), "kek")
		st := &secrettest.Storage{}
		boxes := make([]*secret.Box, 8)
		var wg sync.WaitGroup
		for i := range boxes {
			wg.Go(func() {
				b, err := openSource(st, "file:"+path, nil)
				if err != nil {
					t.Error(err)
				}
				boxes[i] = b
			})
		}
		wg.Wait()
		if t.Failed() {
			return
		}
		s := seal(t, boxes[0], "v", "c")
		for _, b := range boxes {
			wantOpen(t, b, s, "c", "v")
			if b.Active() != boxes[0].Active() || b.MAC("m")(nil) != boxes[0].MAC("m")(nil) {
				t.Fatal("two rings")
			}
		}
	}
}

// The replica that loses uses the winner's ring; with another key file of its
// own it is told to copy the right one.
func TestLosingFirstStart(t *testing.T) {
	dir := t.TempDir()
	win := "file:" + filepath.Join(dir, "win")
	for _, tt := range []struct{ own, word string }{
		{win, ""},
		{"file:" + filepath.Join(dir, "lose"), "another replica"},
	} {
		st := &secrettest.Storage{}
		var winner *secret.Box
		st.BeforeSave = func() { winner = mustOpen(t, st, win, nil) }
		b, err := openSource(st, tt.own, nil)
		if tt.word != "" {
			wantMessage(t, err, core.KindInvalid, tt.word, winner.Fingerprint())
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		wantOpen(t, b, seal(t, winner, "v", "c"), "c", "v")
	}
}

// Whatever octet of the stored ring is changed, it does not open, and no
// panic.
func TestDamagedRing(t *testing.T) {
	st := &secrettest.Storage{}
	open(t, st, newClock())
	blob, _, _ := st.LoadRing(context.Background())
	for i := range blob {
		bad := bytes.Clone(blob)
		bad[i] ^= 1
		if bytes.Contains(bad, []byte(`"sealed"`)) && sameRing(bad, blob) {
			continue // JSON that means the same, such as the case of a hex digit
		}
		st.Put(bad)
		if _, err := openSource(st, secrettest.Source, env{"SECRETTEST_KEK": strings.Repeat("5e", 32)}); err == nil {
			t.Errorf("octet %d of %d changed, and the ring opens", i, len(blob))
		}
	}
	for _, bad := range [][]byte{{}, []byte("{}"), blob[:len(blob)-2], append(bytes.Clone(blob), "{}"...), bytes.Repeat([]byte("a"), 2<<20)} {
		st.Put(bad)
		if _, err := openSource(st, secrettest.Source, env{"SECRETTEST_KEK": strings.Repeat("5e", 32)}); err == nil {
			t.Errorf("opens: %.40q", bad)
		}
	}
}

func sameRing(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	p, _ := json.Marshal(x)
	q, _ := json.Marshal(y)
	return bytes.EqualFold(p, q)
}
