// Package caddy_test lets the web server Caddy (Debian package caddy) get its
// certificates from the shipped binary.
package caddy_test

import (
	"crypto/x509"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/house/need"
	"github.com/certwright/certwright/test/interop/harness"
)

const soon = time.Minute

// server is a running Caddy.
type server struct {
	dir     string
	https   string // address
	process *exec.Cmd
}

// start runs Caddy with one site that gets its certificate by one method.
func start(t *testing.T, ca *harness.CA, c *harness.Credential, key, name, challenges string) *server {
	t.Helper()
	s := &server{dir: t.TempDir(), https: fmt.Sprintf("127.0.0.1:%d", ca.TLSPort)}
	config := harness.WriteFile(t, s.dir, "Caddyfile", fmt.Appendf(nil, `{
	admin off
	storage file_system %s
	default_bind 127.0.0.1
	http_port %d
	https_port %d
	email ops@example.com
	acme_ca %s
	acme_ca_root %s
	acme_eab {
		key_id %s
		mac_key %s
	}
}
%s {
	tls {
		issuer acme {
			%s
		}
	}
	respond "served"
}
`, s.dir, ca.HTTPPort, ca.TLSPort, ca.Directory(c), ca.RootPEM, c.PublicID, key, name, challenges))
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close() // the program has it open
	s.process = exec.Command("caddy", "run", "--config", config, "--adapter", "caddyfile")
	s.process.Dir, s.process.Stdout, s.process.Stderr = s.dir, log, log
	s.process.Env = append(os.Environ(), "HOME="+s.dir, "XDG_DATA_HOME="+s.dir, "XDG_CONFIG_HOME="+s.dir)
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.process.Process.Signal(syscall.SIGTERM)
		_ = s.process.Wait()
		if t.Failed() {
			t.Log(s.log(t))
		}
	})
	return s
}

func (s *server) log(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestCaddy(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the server")
	}
	need.Program(t, "caddy", "caddy")
	t.Log(harness.Run(t, ".", "caddy", "version"))
	ca := harness.StartCA(t, harness.Options{})
	for method, only := range map[string]string{"http-01": "disable_tlsalpn_challenge", "tls-alpn-01": "disable_http_challenge"} {
		t.Run(method, func(t *testing.T) {
			c, name := ca.Credential(t), "caddy-"+method+".example.test"
			s := start(t, ca, c, c.Secret, name, only)
			var chain []*x509.Certificate
			harness.Eventually(t, soon, func() (err error) { chain, err = ca.Shown(t.Context(), s.https, name); return err })
			ca.Issued(t, chain, c, name)
		})
	}
	t.Run("wrong binding", func(t *testing.T) {
		c := ca.Credential(t)
		s := start(t, ca, c, harness.WrongKey, "wrong.example.test", "")
		harness.Eventually(t, soon, func() error {
			if !strings.Contains(s.log(t), "wrong key id or HMAC key") {
				return fmt.Errorf("the log does not say it")
			}
			return nil
		})
	})
}
