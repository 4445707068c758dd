//go:build cgo && hsm

package secret_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/house/need"
	"github.com/certwright/certwright/internal/secret/secrettest"
)

// softHSM makes a token of its own and returns a URI without object.
func softHSM(t *testing.T) string {
	t.Helper()
	tool, err := exec.LookPath("softhsm2-util")
	module := ""
	for _, m := range []string{"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so", "/usr/local/lib/softhsm/libsofthsm2.so"} {
		if _, err := os.Stat(m); err == nil {
			module = m
		}
	}
	if err != nil || module == "" {
		need.Missing(t, "SoftHSM (Debian package softhsm2)")
	}
	dir := t.TempDir()
	conf := filepath.Join(dir, "softhsm2.conf")
	if err := os.WriteFile(conf, []byte("directories.tokendir = "+dir+"\nobjectstore.backend = file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOFTHSM2_CONF", conf)
	out, err := exec.Command(tool, "--init-token", "--free", "--label", "certwright", "--so-pin", "4321", "--pin", "1234").CombinedOutput()
	if err != nil {
		t.Fatalf("softhsm2-util: %v\n%s", err, out)
	}
	return "pkcs11:module-path=" + module + ";token=certwright"
}

func TestPKCS11Source(t *testing.T) {
	base := softHSM(t)
	uri := base + ";id=01;object=kek?pin-value=1234"
	st := &secrettest.Storage{}
	b := mustOpen(t, st, uri, nil)
	s := seal(t, b, "v", "c")
	wantOpen(t, mustOpen(t, st, uri, nil), s, "c", "v")
	blob, _, _ := st.LoadRing(context.Background())
	if strings.Contains(string(blob), "1234") {
		t.Error("the PIN is in the ring")
	}
	_, err := openSource(st, base+";id=02;object=other?pin-value=1234", nil)
	wantMessage(t, err, core.KindInvalid, "no RSA key")
	if strings.Contains(err.Error(), "1234") {
		t.Errorf("the error shows the PIN: %v", err)
	}
	mustOpen(t, &secrettest.Storage{}, base+";id=03;object=third?pin-value=1234", nil)
	_, err = openSource(st, base+";id=03;object=third?pin-value=1234", nil)
	wantMessage(t, err, core.KindInvalid, "wrong key-encryption key")
	_, err = openSource(st, base+";id=01;object=kek?pin-value=9999", nil)
	wantKind(t, err, core.KindInvalid)
	if strings.Contains(err.Error(), "9999") {
		t.Errorf("the error shows the PIN: %v", err)
	}
	file := "file:" + filepath.Join(t.TempDir(), "kek")
	for _, to := range []string{file, uri} {
		if err := b.RotateKEK(context.Background(), to); err != nil {
			t.Fatal(err)
		}
		wantOpen(t, mustOpen(t, st, to, nil), s, "c", "v")
	}
}
