// Package kill_test kills the shipped binary with SIGKILL while clients enrol
// and proves that nothing is lost, doubled or unknown afterwards.
package kill_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/base64"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/certwright/certwright/internal/wire/cms"
	"github.com/certwright/certwright/test/interop/harness"
)

// points are the places of the issuing path where the process kills itself.
var points = []string{"before-serial", "before-sign", "before-commit"}

// wish is one certificate that a client wants.
type wish struct {
	body []byte // request, base64
	spki [32]byte
	der  []byte // received; nil: not yet
}

func newWish(t *testing.T, n int) *wish {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("kill%d.example.internal", n)
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}}, key)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return &wish{body: []byte(base64.StdEncoding.EncodeToString(der)), spki: sha256.Sum256(spki)}
}

// run is the state of the whole test.
type run struct {
	dir        string
	url        string
	user, pass string
	wishes     []*wish
}

// enrol sends one wish; the error is for a server that is gone or not done.
func (r *run) enrol(c *http.Client, w *wish) error {
	req, err := http.NewRequest(http.MethodPost, r.url+"/.well-known/est/first/simpleenroll", bytes.NewReader(w.body))
	if err != nil {
		return err
	}
	req.SetBasicAuth(r.user, r.pass)
	req.Header.Set("Content-Type", "application/pkcs10")
	res, err := c.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", res.Status, b)
	}
	p7, err := base64.StdEncoding.DecodeString(string(b))
	if err != nil {
		return err
	}
	certs, err := cms.ParseCertsOnly(p7)
	if err != nil {
		return err
	}
	w.der = certs[0]
	return nil
}

// enrolUntilDead lets eight clients enrol fresh wishes until the server is gone.
func (r *run) enrolUntilDead(t *testing.T, s *harness.Server) {
	c := s.Client()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				if !up(s) { // while it starts: it may even die there, over what the last one left
					select {
					case <-s.Exited():
						return
					case <-time.After(5 * time.Millisecond):
						continue
					}
				}
				mu.Lock()
				w := newWish(t, len(r.wishes))
				r.wishes = append(r.wishes, w)
				mu.Unlock()
				_ = r.enrol(c, w) // whatever goes wrong now, the client repeats it later
			}
		})
	}
	wg.Wait()
	c.CloseIdleConnections()
}

// up reports whether the server takes connections.
func up(s *harness.Server) bool {
	c, err := net.Dial("tcp", strings.TrimPrefix(s.Main, "https://"))
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// repeat lets the clients that have no certificate ask again.
func (r *run) repeat(t *testing.T, s *harness.Server) {
	c := s.Client()
	for _, w := range r.wishes {
		for deadline := time.Now().Add(60 * time.Second); w.der == nil; {
			if err := r.enrol(c, w); err != nil && time.Now().After(deadline) {
				t.Fatalf("a repeated request was not served: %v", err)
			}
		}
	}
}

func TestKill(t *testing.T) {
	kills := 20
	if os.Getenv("CERTWRIGHT_SOAK") != "" {
		kills = 1000
	}
	if n, err := strconv.Atoi(os.Getenv("CERTWRIGHT_KILLS")); err == nil {
		kills = n
	}
	if testing.Short() {
		t.Skip("starts the server some twenty times")
	}
	first := harness.Start(t, harness.Options{})
	m := regexp.MustCompile(`-u '([^:']+):([^']+)'`).FindStringSubmatch(first.Commands)
	if m == nil {
		t.Fatalf("no credential in %q", first.Welcome)
	}
	r := &run{dir: first.Dir, url: first.Main, user: m[1], pass: m[2]}
	first.Stop(t)

	landed := map[string]int{}
	for i := range kills {
		point := points[i%len(points)]
		marker := filepath.Join(t.TempDir(), "marker")
		o := harness.Options{Dir: r.dir, Like: first}
		random := i%4 == 3 // every fourth kill comes from outside, at any moment
		if !random {
			o.Env = []string{fmt.Sprintf("CERTWRIGHT_TEST_KILL=%s:%d:%s", point, 1+mathrand.IntN(60), marker)}
		}
		s := harness.Launch(t, o)
		s.Roots = first.Roots
		if random {
			enough := len(r.wishes) + 1 + mathrand.IntN(80)
			go func() {
				for {
					select {
					case <-s.Exited():
						return
					default:
						if countIssued(s.Dir) >= enough {
							s.Kill()
							return
						}
					}
				}
			}()
		}
		r.enrolUntilDead(t, s)
		if !random {
			serial, err := os.ReadFile(marker)
			if err != nil {
				t.Fatalf("kill %d at %s did not land: %v\n%s", i, point, err, s.Log(t))
			}
			r.proveLanding(t, point, string(serial))
			landed[point]++
		}
	}
	for _, p := range points {
		if landed[p] == 0 {
			t.Errorf("no kill landed %s", p)
		}
	}
	last := harness.Start(t, harness.Options{Dir: r.dir, Like: first})
	r.repeat(t, last)
	last.Stop(t)
	r.check(t)
	t.Logf("%d kills %v, %d certificates", kills, landed, len(r.wishes))
}

// open reads the database beside whoever uses it.
func open(dir string) (*sql.DB, error) {
	return sql.Open("sqlite", "file:"+filepath.Join(dir, "certwright.db")+"?_pragma=query_only(1)&_pragma=busy_timeout(10000)")
}

func countIssued(dir string) int {
	db, err := open(dir)
	if err != nil {
		return 0
	}
	defer db.Close()
	var n int
	_ = db.QueryRow("SELECT COUNT(*) FROM certificates WHERE protocol = 'est'").Scan(&n)
	return n
}

// proveLanding looks at what the dead process left on disk: before the serial
// was durable there is no trace of it; later it is reserved and there is no
// certificate.
func (r *run) proveLanding(t *testing.T, point, serial string) {
	t.Helper()
	db, err := open(r.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var rows, reserved, bodies int
	err = db.QueryRow(`SELECT COUNT(*), COUNT(CASE WHEN c.state = 'reserved' THEN 1 END), COUNT(b.der) FROM certificates c
		LEFT JOIN certificate_bodies b ON b.certificate = c.id WHERE c.serial = ?`, serial).Scan(&rows, &reserved, &bodies)
	if err != nil {
		t.Fatal(err)
	}
	want := 1
	if point == "before-serial" {
		want = 0
	}
	if rows != want || reserved != want || bodies != 0 {
		t.Errorf("%s: serial %s has %d rows, %d reserved, %d bodies", point, serial, rows, reserved, bodies)
	}
}

// check holds what the clients have against what the store says.
func (r *run) check(t *testing.T) {
	db, err := open(r.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	serials := map[string]bool{}
	for _, w := range r.wishes {
		cert, err := x509.ParseCertificate(w.der)
		if err != nil {
			t.Fatal(err)
		}
		serial := fmt.Sprintf("%x", cert.SerialNumber)
		if serials[serial] {
			t.Errorf("serial %s was given twice", serial)
		}
		serials[serial] = true
		var id string
		var der []byte
		sum := sha256.Sum256(w.der)
		err = db.QueryRow(`SELECT c.id, b.der FROM certificates c JOIN certificate_bodies b ON b.certificate = c.id
			WHERE c.fingerprint = ? AND c.serial = ? AND c.state = 'active'`, sum[:], serial).Scan(&id, &der)
		if err != nil || !bytes.Equal(der, w.der) {
			t.Errorf("certificate %s, which a client has, is not in the store: %v", serial, err)
			continue
		}
		var audited, same int
		if err := db.QueryRow(`SELECT COUNT(*) FROM audit_entries WHERE object = ? AND action = 'certificate.issue' AND outcome = 'success'`, "certificate:"+id).Scan(&audited); err != nil || audited != 1 {
			t.Errorf("certificate %s has %d audit entries (%v)", serial, audited, err)
		}
		if err := db.QueryRow(`SELECT COUNT(*) FROM certificates WHERE spki_hash = ? AND state = 'active'`, w.spki[:]).Scan(&same); err != nil || same != 1 {
			t.Errorf("%d certificates for one request (%v)", same, err)
		}
	}
	var left, abandoned int
	if err := db.QueryRow(`SELECT COUNT(CASE WHEN state = 'reserved' THEN 1 END), COUNT(CASE WHEN state = 'abandoned' THEN 1 END) FROM certificates`).Scan(&left, &abandoned); err != nil {
		t.Fatal(err)
	}
	if left != 0 || abandoned == 0 {
		t.Errorf("%d serials still reserved, %d abandoned", left, abandoned)
	}
	out := harness.Run(t, r.dir, harness.Binary(t), "admin", "verify-audit", "--data", r.dir)
	t.Log(out)
}
