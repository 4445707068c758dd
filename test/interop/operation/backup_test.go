package operation_test

import (
	"crypto/rand"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"filippo.io/age"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/house/need"
	"github.com/certwright/certwright/internal/store/storetest"
	"github.com/certwright/certwright/test/interop/harness"
)

// busy enrols until it is stopped and counts what it got.
type busy struct {
	mu   sync.Mutex
	got  []*harness.Device
	stop chan struct{}
	wg   sync.WaitGroup
}

func enrolling(t *testing.T, s *harness.Server, c *harness.Credential) *busy {
	w := &busy{stop: make(chan struct{})}
	h := s.Client()
	for i := range 4 {
		w.wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-w.stop:
					return
				default:
				}
				d := harness.NewDevice(t, fmt.Sprintf("b%d-%d.example.internal", i, n))
				if status, text, err := d.Post(h, c.EST(s.Main)+"simpleenroll", c); status != 200 {
					t.Errorf("enrolment during the backup: %d %s %v", status, text, err)
					return
				}
				w.mu.Lock()
				w.got = append(w.got, d)
				w.mu.Unlock()
			}
		})
	}
	return w
}

// after waits until n more certificates are there and returns all so far.
func (w *busy) after(t *testing.T, n int) []*harness.Device {
	t.Helper()
	w.mu.Lock()
	want := len(w.got) + n
	w.mu.Unlock()
	var list []*harness.Device
	harness.Eventually(t, soon, func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(w.got) < want {
			return fmt.Errorf("%d of %d enrolments", len(w.got), want)
		}
		list = w.got[:len(w.got):len(w.got)]
		return nil
	})
	return list
}

func (w *busy) end() { close(w.stop); w.wg.Wait() }

// TestBackup: on both engines, beside enrolments; what the backup must hold is
// there in the restored server, which serves and verifies.
func TestBackup(t *testing.T) {
	slow(t)
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); backup(t, "", "") })
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		need.Program(t, "pg_dump", "postgresql-client")
		backup(t, storetest.PostgresURL(t), storetest.PostgresURL(t))
	})
}

// keys makes what locks and opens a backup, and what does not: a passphrase, or
// the keys of age, which cost far less time.
func keys(t *testing.T, s *harness.Server, dir string, passphrase bool) (seal, open, wrong []string) {
	t.Helper()
	if passphrase {
		pass := rand.Text()
		s.Secret(pass)
		harness.WriteFile(t, dir, "pass", []byte(pass+"\n"))
		harness.WriteFile(t, dir, "wrong", []byte("quite another one\n"))
		return []string{"--passphrase", "pass"}, []string{"--passphrase", "pass"}, []string{"--passphrase", "wrong"}
	}
	var recipient string
	for _, name := range []string{"wrong", "key"} {
		id, err := age.GenerateX25519Identity()
		if err != nil {
			t.Fatal(err)
		}
		s.Secret(id.String())
		harness.WriteFile(t, dir, name, []byte(id.String()+"\n"))
		recipient = id.Recipient().String()
	}
	return []string{"--recipient", recipient}, []string{"--identity", "key"}, []string{"--identity", "wrong"}
}

func backup(t *testing.T, from, to string) {
	dir := t.TempDir()
	s := harness.Start(t, harness.Options{Database: from})
	admin := s.Admin(t)
	c := admin.Credential(t, resource.NewCredential{})
	revoked := admin.Credential(t, resource.NewCredential{})
	if _, err := admin.RevokeCredential(t.Context(), revoked.ID, ""); err != nil {
		t.Fatal(err)
	}
	seal, open, wrong := keys(t, s, dir, from == "")
	database := func(url string) []string {
		if url == "" {
			return nil
		}
		return []string{"--database", url}
	}
	run := func(args ...string) (string, error) {
		return harness.Try(t, dir, harness.Binary(t), append([]string{"ctl"}, args...)...)
	}
	must := func(args ...string) string {
		t.Helper()
		out, err := run(args...)
		if err != nil {
			t.Fatalf("ctl %v: %v %s", args, err, out)
		}
		return out
	}
	fails := func(says string, args ...string) {
		t.Helper()
		if out, err := run(args...); err == nil || !strings.Contains(out, says) {
			t.Errorf("ctl %v: %v, does not say %q: %s", args, err, says, out)
		}
	}
	make := func(file string, more ...string) []string { return slices.Concat([]string{"backup", file}, seal, more) }
	use := func(key []string, file string, more ...string) []string {
		return slices.Concat([]string{"restore", file}, key, more)
	}
	saved := append([]string{"--data", s.Dir}, database(from)...)
	w := enrolling(t, s, c)
	before := w.after(t, 10)
	must(make("one.age", saved...)...)
	w.after(t, 10)
	w.end()
	fails("always encrypted", append([]string{"backup", "none.age"}, saved...)...)
	fails("exists", make("one.age", saved...)...)
	if b := string(harness.ReadFile(t, dir, "one.age")); strings.Contains(b, "SQLite format") || !strings.HasPrefix(b, "age-encryption.org/v1") {
		t.Error("the backup is not encrypted")
	}
	fails("empty installation", use(open, "one.age", saved...)...)
	next := filepath.Join(t.TempDir(), "data")
	restored := append([]string{"--data", next}, database(to)...)
	// What fails leaves nothing that the next try would stumble over.
	harness.Shell(t, dir, "head -c $(($(stat -c %s one.age) - 100)) one.age >cut.age")
	torn := map[bool]string{true: "read the backup", false: "pg_restore"}[from == ""]
	fails(torn, use(open, "cut.age", restored...)...)
	if from != "" {
		fails("empty database", use(open, "one.age", "--data", next, "--database", from)...)
	}
	fails("open the backup", use(wrong, "one.age", restored...)...)
	must(use(open, "one.age", restored...)...)
	fails("empty installation", use(open, "one.age", restored...)...) // never over something
	verified(t, restored...)
	n := harness.Start(t, harness.Options{Dir: next, Database: to})
	if n.Welcome != "" {
		t.Errorf("the restored server printed %q", n.Welcome)
	}
	api := &harness.Admin{Client: n.API(t, admin.Token), Server: n}
	for _, d := range before {
		api.FindCertificate(t, d.Cert)
	}
	d := before[0].Again(t)
	d.Enrol(t, n.Client(before[0].TLS()), c.EST(n.MTLS)+"simplereenroll", nil)
	harness.NewDevice(t, "new.example.internal").Enrol(t, n.Client(), c.EST(n.Main)+"simpleenroll", c)
	if status, text, err := harness.NewDevice(t, "new.example.internal").Post(n.Client(), revoked.EST(n.Main)+"simpleenroll", revoked); status != 401 {
		t.Errorf("revoked before the backup: %d %s %v", status, text, err)
	}
	verified(t, restored...)
	if from == "" {
		withAge(t, s, dir)
	}
}

// withAge makes a backup for a public key, which age itself can open.
func withAge(t *testing.T, s *harness.Server, dir string) {
	need.Program(t, "age", "age")
	need.Program(t, "age-keygen", "age")
	harness.Shell(t, dir, "age-keygen -o key.txt 2>pub.txt")
	out := harness.Shell(t, dir, fmt.Sprintf(`%s ctl backup --data %s --recipient "$(sed -n 's/^Public key: //p' pub.txt)" --without-kek two.age
		age -d -i key.txt two.age | tar -t
		age -d -i key.txt two.age | tar -xO manifest.json`, harness.Binary(t), s.Dir))
	for _, w := range []string{"manifest.json", "certwright.db", `"engine":"sqlite"`, "key-encryption key"} {
		if !strings.Contains(out, w) {
			t.Errorf("%q is missing: %s", w, out)
		}
	}
	if strings.Contains(out, "\nkek\n") {
		t.Error("the key-encryption key is in the backup")
	}
	// With the key from its own place it is as good as the first.
	data := filepath.Join(t.TempDir(), "data")
	harness.Shell(t, dir, fmt.Sprintf(`%s ctl restore --data %s --identity key.txt two.age && cp %s/kek %[2]s/kek`, harness.Binary(t), data, s.Dir))
	verified(t, "--data", data)
}
